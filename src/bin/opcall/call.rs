//! `opcall [call] OPERATION ITEM...`: reads the items, names the call, shows or sends it.

use std::io::{self, IsTerminal, Write};
use std::mem::ManuallyDrop;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use http::HeaderMap;
use opcall::{Body, Command, Error, Harness, Method, Operation, OperationTable, Params, Request, Watch};

use crate::answer::{self, Told};
use crate::args::{self, CallArgs};
use crate::confirm;
use crate::download::Download;
use crate::given::{declared_names, read_body, undeclared};
use crate::inputs::Inputs;
use crate::items::{self, Assembled};
use crate::loopback;
use crate::output::{Screen, counted, escape};
use crate::pages;
use crate::prepared;
use crate::reached::Reached;
use crate::remembered::Wanted;
use crate::report::{self, About, Failure};
use crate::session;
use crate::signals;
use crate::split::{self, Word};
use crate::subject::{self, Subject};

/// Makes the call, or shows it with `--dry-run` and `--curl`.
///
/// # Errors
/// Everything that can go wrong with a call.
pub(crate) fn run(args: &CallArgs, screen: Screen) -> Result<(), Failure> {
    // The process ends sooner than what it works with would be taken apart.
    let known = ManuallyDrop::new(session::known(&args.source, &args.common, Wanted::Name(&args.operation))?);
    let is_shown = args.dry_run || args.curl;
    let mut call = Call::read((&known.table, &known.others), args)?;
    if args.save.is_some() {
        call.max_time = known.max_time(&args.target)?;
    }
    if args.target.sandbox && !is_shown {
        return loopback::run(&known, &call, args, screen);
    }
    let service = call.subject.service();
    let harness = ManuallyDrop::new(known.builder(&args.target, is_shown, Some(service))?.build()?);
    call.variable = known.missing_variable(service);
    call.certificate = known.certificate(service);
    if args.target.sandbox {
        call.server = Some(loopback::url(&loopback::unstarted_base(), service));
    }
    if is_shown {
        return call.show(&harness, screen).map_err(|failure| call.explain(&harness, failure));
    }
    call.confirm(&harness, args).map_err(|failure| call.explain(&harness, failure))?;
    if args.save.is_some() {
        // The file that is begun is to go when a signal ends the call.
        signals::listen();
    }
    let done = session::run_plain(call.send(&harness, args, screen));
    done.map_err(|failure| call.explain(&harness, call.given_up(failure)))
}

/// A call as the command line says it.
pub(crate) struct Call<'a> {
    args: &'a CallArgs,
    subject: Subject<'a>,
    params: Params,
    headers: Vec<(String, String)>,
    dropped_headers: Vec<String>,
    body: Option<Body>,
    /// The base URL that the sandbox has, in place of `--server`.
    pub(crate) server: Option<String>,
    /// The variable that the credentials are to be in, where it is not set.
    variable: Option<&'a str>,
    /// The files of the client certificate and of its key.
    certificate: Option<(&'a Path, &'a Path)>,
    /// What bounds a download as a whole.
    max_time: Option<Duration>,
    /// Tells whether it was sent.
    watch: Watch,
    /// What `-v` has told of signing in.
    told: Told,
}

impl<'a> Call<'a> {
    /// Finds the operation in the table, beside which `others` are services that can be named, and reads the items.
    ///
    /// # Errors
    /// Where nothing has the name, an item is none, or a file cannot be read.
    pub(crate) fn read(
        (table, others): (&'a OperationTable, &[String]),
        args: &'a CallArgs,
    ) -> Result<Self, Failure> {
        let name = &args.operation;
        let subject = Subject::find((table, others), args.source.api.as_deref(), name)
            .map_err(|failure| subject::misplaced(table, name, &args.words).unwrap_or(failure))?;
        if let (Some(operation), false) = (subject.operation(), args.common.quiet)
            && let Some(note) = twin_note(operation, &args.operation, &args.source)
        {
            session::note(&note);
        }
        let about = subject.about();
        Self::of(args, subject).map_err(|failure| failure.within(about))
    }

    fn of(args: &'a CallArgs, subject: Subject<'a>) -> Result<Self, Failure> {
        let operation = subject.operation();
        let names = operation.map(declared_names).unwrap_or_default();
        let hint = || Some("write name=value or name:=JSON; `opcall --help` explains items.".to_owned());
        let read = |word| {
            items::read(word, names.iter().copied()).map_err(|problem| Failure::usage(problem, hint()))
        };
        let items = args.words.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let items = items::split_lists(items, operation);
        let mut inputs = Inputs::default();
        let Assembled { mut params, headers, dropped_headers, body } = items::assemble(items, &mut inputs)?;
        let headers = undeclared(headers, operation, &mut params);
        let body = read_body(body, args, &headers, operation, &mut inputs)?;
        Ok(Self {
            args,
            subject,
            params,
            headers,
            dropped_headers,
            body,
            server: None,
            variable: None,
            certificate: None,
            max_time: None,
            watch: Watch::new(),
            told: Told::default(),
        })
    }

    /// The library's command of it.
    pub(crate) fn command<'c>(&'c self, harness: &'c Harness) -> Command<'c> {
        let mut command = self.subject.command(harness, self.params.clone()).watched_by(&self.watch);
        let request = &self.args.request;
        for (name, value) in request.headers.iter().chain(&self.headers) {
            command = command.header(name, value);
        }
        if let Some(accept) = &request.accept {
            command = command.header("accept", accept);
        }
        for name in &self.dropped_headers {
            command = command.without_header(name);
        }
        if let Some(content_type) = &request.content_type {
            command = command.content_type(content_type);
        }
        if let Some(body) = &self.body {
            command = command.body(body.clone());
        }
        if request.no_validate {
            command = command.no_validate();
        }
        if request.allow_unknown {
            command = command.allow_unknown();
        }
        if let Some(key) = &request.idempotency_key {
            command = command.idempotency_key(key);
        }
        if self.args.target.retry_unsafe {
            command = command.idempotent();
        }
        if let Some(profile) = &self.args.target.profile {
            command = command.profile(profile);
        }
        for (name, value) in &self.args.target.server_variables {
            command = command.server_variable(name, value);
        }
        match self.server.as_ref().or(self.args.target.server.as_ref()) {
            Some(server) => command.server(server),
            None => command,
        }
    }

    /// Prints the request that would be sent.
    fn show(&self, harness: &Harness, screen: Screen) -> Result<(), Failure> {
        let request = self.command(harness).prepare()?;
        prepared::warn(&request, &self.args.common);
        let mut out = screen.out();
        if self.args.curl {
            let options = prepared::network_options(self.certificate, &self.args.source.network);
            let line = format!("{request}{options}");
            writeln!(out, "{}", escape(&line))?;
            if line.contains("<redacted>") && !self.args.common.quiet {
                session::note(
                    "<redacted> stands for a secret that was given by hand: put it in before you run this",
                );
            }
        } else {
            let output = self.args.output.unwrap_or_default();
            prepared::write(&mut out, &request, &self.subject.label(), output, screen)?;
        }
        Ok(out.flush()?)
    }

    /// Adds to a failure what is known of the call: where it would have gone, if it can be told.
    fn explain(&self, harness: &Harness, failure: Failure) -> Failure {
        let url = self.command(harness).prepare().ok().map(|request| without_query(&request.url()));
        let hint = match (self.variable, failure.library()) {
            (Some(name), Some(Error::Auth(error))) if error.status.is_none() => {
                Some(format!("set {name}: that is where its credentials are to be."))
            }
            _ => self.mistyped(&failure),
        };
        failure.within(About { url, hint, ..self.subject.about() })
    }

    /// What to do about an argument that is not known, and may be a mistyped option of ours.
    fn mistyped(&self, failure: &Failure) -> Option<String> {
        let error = failure.library()?;
        let Error::Arguments(wrong) = error else { return None };
        let is_unknown = |name: &str| wrong.problems.iter().any(|problem| problem.path == name);
        let near = self.args.words.iter().find_map(|word| match word {
            Word::Named { name, .. } if is_unknown(name) => split::near_option(name),
            _ => None,
        })?;
        let further = error.hint().map_or_else(String::new, |hint| format!(" {hint}"));
        Some(format!("did you mean `{near}`?{further}"))
    }

    /// Adds to a signal how far the call came until then.
    pub(crate) fn given_up(&self, failure: Failure) -> Failure {
        if !matches!(failure.bare(), Failure::Signal(_)) {
            return failure;
        }
        let reached = Reached::given_up(&self.watch, self.subject.nature());
        failure.reached(reached).within(self.subject.about())
    }

    /// Sends it and prints the answer.
    ///
    /// # Errors
    /// What the call fails with; the body of a refusal is printed before.
    pub(crate) async fn send(
        &self,
        harness: &Harness,
        args: &CallArgs,
        screen: Screen,
    ) -> Result<(), Failure> {
        self.exchange(harness, args, screen).await.map_err(|failure| self.explain(harness, failure))
    }

    async fn exchange(&self, harness: &Harness, args: &CallArgs, screen: Screen) -> Result<(), Failure> {
        let command = || self.command(harness);
        let request = command().prepare()?;
        prepared::warn(&request, &args.common);
        let work = async {
            if args.pages.paginate {
                return pages::run(command().pages(), self.subject.is_graphql(), (args, &self.told), screen)
                    .await;
            }
            let done = match &args.save {
                Some(path) => self.save(command(), path, args, screen).await,
                None => self.print(command(), args, screen).await,
            };
            match done {
                Err(failure) => self.print_refusal(failure, args, screen),
                done => done,
            }
        };
        match args.common.verbose {
            0 => work.await,
            level => self.traced(&request, level > 1, work).await,
        }
    }

    /// Does the work of a call, and tells its request when that goes out, with what signing in took before it:
    /// what is never sent is not told as sent.
    async fn traced<T>(&self, request: &Request, with_body: bool, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let done = tokio::select! {
            biased;
            () = self.watch.sent() => None,
            done = &mut work => Some(done),
        };
        if self.watch.was_sent() {
            if done.is_none() {
                self.told.before(&self.watch.sign_in_attempts());
            }
            prepared::trace(request, with_body);
        }
        match done {
            Some(done) => done,
            None => work.await,
        }
    }

    async fn print(&self, command: Command<'_>, args: &CallArgs, screen: Screen) -> Result<(), Failure> {
        let response = command.send().await?;
        answer::trace_attempts(response.sign_in_attempts(), response.attempts(), &self.told, args);
        let reached = Reached::answered(response.status(), response.attempts());
        let written = answer::write(&response, self.subject.is_graphql(), args, screen);
        written.map_err(|failure| failure.reached(reached))
    }

    async fn save(
        &self,
        command: Command<'_>,
        path: &Path,
        args: &CallArgs,
        screen: Screen,
    ) -> Result<(), Failure> {
        let download = Download::begin(path)?;
        let (reached, length) = if self.subject.is_graphql() {
            // Whether it is a refusal stands in the body.
            let answer = command.send().await?;
            answer::trace_attempts(answer.sign_in_attempts(), answer.attempts(), &self.told, args);
            let reached = Reached::answered(answer.status(), answer.attempts());
            let shown = || answer.shown_headers();
            let told = tell_head(answer.status(), answer.headers(), shown, args, screen);
            (reached, told.and_then(|()| download.write(answer.bytes())))
        } else {
            let command = match self.max_time {
                Some(limit) => command.max_time(limit),
                None => command,
            };
            let answer = command.stream().await?;
            answer::trace_attempts(answer.sign_in_attempts(), answer.attempts(), &self.told, args);
            let reached = Reached::answered(answer.status(), answer.attempts());
            let shown = || answer.shown_headers();
            match tell_head(answer.status(), answer.headers(), shown, args, screen) {
                Ok(()) => (reached, download.take(answer).await),
                Err(failure) => (reached, Err(failure)),
            }
        };
        let length = length.map_err(|failure| failure.reached(reached))?;
        if !args.common.quiet {
            let bytes = counted(usize::try_from(length).unwrap_or(usize::MAX), "byte");
            session::note(&format!("{bytes} saved to {}", path.display()));
        }
        Ok(())
    }

    /// What the service says is a result too; the error about it comes after it.
    fn print_refusal(&self, failure: Failure, args: &CallArgs, screen: Screen) -> Result<(), Failure> {
        if let Some(error) = failure.library() {
            answer::trace_attempts_of(error, &self.told, args);
        }
        if let Some(Error::Refused(refused)) = failure.library() {
            answer::print_refusal(&refused.response, args, screen)?;
        }
        Err(failure)
    }

    /// Asks before a DELETE, where somebody can answer.
    fn confirm(&self, harness: &Harness, args: &CallArgs) -> Result<(), Failure> {
        let somebody_is_there = io::stdin().is_terminal() && io::stderr().is_terminal();
        if args.yes || self.subject.method() != Method::Delete || !somebody_is_there {
            return Ok(());
        }
        let request = self.command(harness).prepare()?;
        let question = format!("{} {}", request.method(), escape(&request.url()));
        // A question that cannot be written is answered with no.
        let _ = write!(io::stderr().lock(), "{question}\nGo on? [y/N] ");
        confirm::confirmed(&mut io::stdin().lock(), &question)
    }
}

/// The head of an answer that is saved, which is saved also where nobody reads it.
fn tell_head<'h>(
    status: u16,
    headers: &'h HeaderMap,
    shown: impl FnOnce() -> Vec<(&'h str, String)>,
    args: &CallArgs,
    screen: Screen,
) -> Result<(), Failure> {
    report::whoever_reads(answer::write_head(status, headers, shown, args, screen))
}

/// Says that a document's operation is called where a built-in one has the same name.
pub(crate) fn twin_note(called: Operation<'_>, name: &str, source: &args::Source) -> Option<String> {
    if source.spec.is_empty() || source.api.is_some() {
        return None;
    }
    let built_in = OperationTable::built_in();
    let twin = built_in.lookup(name).filter(|twin| twin.service() != called.service())?;
    Some(format!("{} is called; {} has the same name", called.qualified_id(), twin.qualified_id()))
}

fn without_query(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().to_owned()
}
