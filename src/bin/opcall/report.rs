//! What went wrong, for people and for programs: the text, the JSON object, the exit code.

use std::fmt;
use std::io::{self, Write};

use opcall::{ConfigError, Error, Phase, UnsafeError};
use serde_json::{Map, Value, json};

use crate::args::ErrorFormat;
use crate::output::{Screen, escape, guarded, paint};
use crate::reached::Reached;
use crate::{hints, roots};

/// Why the program fails.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line is wrong.
    Usage { problem: String, hint: Option<String> },
    /// clap's error, or the help that it prints.
    CommandLine(clap::Error),
    /// The library's error.
    Call(Error),
    /// A person said no.
    NotConfirmed(String),
    /// A local file or stream failed.
    Io { action: String, source: io::Error },
    /// What was asked for cannot be done with the answer.
    Local { problem: String, hint: Option<String> },
    /// Nobody reads standard output any more; there is nothing left to print.
    Unread,
    /// A signal ended the work.
    Signal(u8),
    /// Said already; only the exit code is left.
    Told(u8),
    /// A failure of a call of which more is known than the failure says.
    Within(Box<About>, Box<Failure>),
}

/// What is known of a call that fails.
#[derive(Debug, Default)]
pub(crate) struct About {
    /// The operation with its service; `service:METHOD /path` for an endpoint in no table.
    pub(crate) operation: Option<String>,
    /// The method.
    pub(crate) method: Option<String>,
    /// The URL without its query.
    pub(crate) url: Option<String>,
    /// What to do about it, where the program knows it better than the library.
    pub(crate) hint: Option<String>,
    /// How far it came, where the failure is about what comes after it.
    pub(crate) reached: Option<Reached>,
}

impl Failure {
    /// Adds what is known of the call; what is known already stays.
    pub(crate) fn within(self, about: About) -> Self {
        match self {
            Self::Within(known, failure) => {
                let operation = known.operation.or(about.operation);
                let method = known.method.or(about.method);
                let (url, reached) = (known.url.or(about.url), known.reached.or(about.reached));
                let about = About { operation, method, url, hint: known.hint.or(about.hint), reached };
                Self::Within(Box::new(about), failure)
            }
            failure => Self::Within(Box::new(about), Box::new(failure)),
        }
    }

    /// Adds how far the call came.
    pub(crate) fn reached(self, reached: Reached) -> Self {
        self.within(About { reached: Some(reached), ..About::default() })
    }

    /// The failure itself, without what is known around it.
    pub(crate) fn bare(&self) -> &Self {
        if let Self::Within(_, failure) = self { failure.bare() } else { self }
    }

    fn about(&self) -> Option<&About> {
        if let Self::Within(about, _) = self { Some(about) } else { None }
    }

    /// The library's error, where it is one.
    pub(crate) fn library(&self) -> Option<&Error> {
        if let Self::Call(error) = self.bare() { Some(error) } else { None }
    }

    /// The command line is wrong.
    pub(crate) fn usage(problem: impl Into<String>, hint: Option<String>) -> Self {
        Self::Usage { problem: problem.into(), hint }
    }

    /// The configuration lacks something or says something wrong.
    pub(crate) fn config(problem: impl Into<String>, hint: Option<String>) -> Self {
        Self::Call(ConfigError { problem: problem.into(), hint }.into())
    }

    /// A safety rule refuses to go on; nothing was sent.
    pub(crate) fn refused(problem: impl Into<String>, hint: Option<String>) -> Self {
        Self::Call(UnsafeError { problem: problem.into(), hint, ..UnsafeError::default() }.into())
    }

    /// A file or stream failed.
    pub(crate) fn io(action: impl Into<String>, source: io::Error) -> Self {
        Self::Io { action: action.into(), source }
    }

    /// The code that the program ends with; the table of them stands in the help.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } => 2,
            Self::CommandLine(error) => u8::try_from(error.exit_code()).unwrap_or(2),
            Self::Call(error) => code_of(error),
            Self::NotConfirmed(_) => 10,
            Self::Unread => 0,
            Self::Io { .. } | Self::Local { .. } => 1,
            Self::Signal(number) => 128 + number,
            Self::Told(code) => *code,
            Self::Within(_, failure) => failure.exit_code(),
        }
    }

    /// A word for programs.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Usage { .. } | Self::CommandLine(_) => "usage",
            Self::Call(error) => error.kind(),
            Self::NotConfirmed(_) => "unsafe",
            Self::Local { .. } => "decode",
            Self::Signal(_) => "interrupted",
            Self::Io { .. } | Self::Unread | Self::Told(_) => "io",
            Self::Within(_, failure) => failure.kind(),
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } | Self::Local { hint, .. } => hint.clone(),
            Self::Call(error) => {
                let hints: Vec<_> = roots::problem(error).into_iter().chain(hints::of(error)).collect();
                (!hints.is_empty()).then(|| hints.join(" "))
            }
            Self::Within(about, failure) => about.hint.clone().or_else(|| failure.hint_of(about)),
            Self::NotConfirmed(_) => Some("say `y`, or give `--yes`.".into()),
            _ => None,
        }
    }

    fn hint_of(&self, about: &About) -> Option<String> {
        match (self, &about.reached) {
            (Self::Signal(_), Some(reached)) => reached.hint(),
            _ => self.hint(),
        }
    }

    /// The causes below it, the nearest first.
    fn causes(&self) -> Vec<String> {
        let bare = self.bare();
        let first: Option<&dyn std::error::Error> = match bare {
            Self::Call(error) => std::error::Error::source(error),
            Self::Io { source, .. } => Some(source),
            _ => None,
        };
        let chain = std::iter::successors(first, |error| error.source());
        let mut causes: Vec<_> = chain.map(ToString::to_string).collect();
        causes.dedup();
        if self.unwritten().is_some() {
            causes.insert(0, bare.to_string());
        }
        if let Self::Call(Error::Transport(_)) = bare {
            // What the layers of the HTTP library say one above the other, the last one says best.
            causes = causes.pop().into_iter().collect();
        }
        causes
    }

    /// What is to be said of a call whose answer could not be written.
    fn unwritten(&self) -> Option<String> {
        let about = self.about().filter(|_| matches!(self.bare(), Self::Io { .. }))?;
        about.reached.as_ref()?.unwritten(about.operation.as_deref().unwrap_or("the call"))
    }

    /// What is to be said of a call that a signal ended.
    fn interrupted(&self) -> Option<String> {
        let about = self.about().filter(|_| matches!(self.bare(), Self::Signal(_)))?;
        about.reached.as_ref().map(Reached::interrupted)
    }

    /// The object of `--error-format json`.
    pub(crate) fn to_json(&self) -> Value {
        let mut message = match self.bare() {
            Self::Call(Error::Arguments(_)) => self.to_string().lines().next().unwrap_or_default().to_owned(),
            _ => self.to_string(),
        };
        for cause in self.causes() {
            message = format!("{message}: {cause}");
        }
        let error = self.library();
        let facts = error.map(Facts::of).unwrap_or_default();
        let about = self.about();
        let operation = about.and_then(|about| about.operation.as_deref());
        let reached = about.and_then(|about| about.reached.as_ref());
        let was_sent = reached.is_some_and(Reached::was_sent) || error.is_some_and(Error::was_sent);
        json!({
            "kind": self.kind(),
            "message": message,
            "operation": operation.or(error.and_then(Error::operation)),
            "status": error.and_then(Error::status).or(reached.and_then(Reached::status)),
            "method": facts.method.or(about.and_then(|about| about.method.as_deref())),
            "url": facts.url.or(about.and_then(|about| about.url.as_deref())),
            "problems": problems(error),
            "hint": self.hint(),
            "attempts": facts.attempts.or(reached.and_then(Reached::attempts)),
            "retry_after_ms": facts.retry_after_ms,
            "trace_id": facts.trace_id,
            "sent": was_sent || matches!(self.bare(), Self::Local { .. }),
        })
    }

    /// The error of a batch line: what the object of `--error-format json` says that the line does not.
    pub(crate) fn to_line_json(&self) -> Value {
        let Value::Object(mut whole) = self.to_json() else { return Value::Null };
        let kept = ["kind", "message", "problems", "hint", "retry_after_ms", "trace_id", "sent"];
        Value::Object(
            kept.iter()
                .filter_map(|key| Some(((*key).to_owned(), whole.remove(*key)?)))
                .collect::<Map<_, _>>(),
        )
    }

    /// Writes it to standard error and returns the exit code.
    pub(crate) fn tell(&self, format: ErrorFormat, screen: Screen) -> u8 {
        let code = self.exit_code();
        if let (Self::CommandLine(error), true) = (self, code == 0 || format == ErrorFormat::Text) {
            // Help goes to standard output. Where nobody reads that, there is nobody left to tell.
            return match error.print().and_then(|()| io::stdout().flush()) {
                Err(unwritten) if code == 0 => Self::from(unwritten).tell(format, screen),
                _ => code,
            };
        }
        // Of a signal there is something to say where it ended a call.
        let is_silent = match self.bare() {
            Self::Told(_) => true,
            Self::Signal(_) => self.about().is_none_or(|about| about.reached.is_none()),
            _ => false,
        };
        if code != 0 && !is_silent {
            let text = match format {
                ErrorFormat::Json => guarded(&self.to_json().to_string()),
                ErrorFormat::Text => self.to_text(screen),
            };
            // Standard error may be closed; then there is nobody left to tell.
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
        code
    }

    /// Fact, causes, hint: a line each.
    fn to_text(&self, screen: Screen) -> String {
        let mut lines = vec![format!("{} {}", paint("error:", screen.alarm()), escape(&self.to_string()))];
        lines.extend(self.causes().iter().map(|cause| format!("  caused by: {}", escape(cause))));
        lines
            .extend(self.hint().map(|hint| format!("  {} {}", paint("hint:", screen.help()), escape(&hint))));
        lines.join("\n")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage { problem, .. } | Self::Local { problem, .. } | Self::NotConfirmed(problem) => {
                f.write_str(problem)
            }
            Self::Call(error) => error.fmt(f),
            Self::CommandLine(error) => {
                let text = error.render().to_string();
                f.write_str(text.trim_start_matches("error: ").trim_end())
            }
            Self::Io { action, .. } => write!(f, "{action} failed"),
            Self::Unread => f.write_str("nobody reads standard output any more"),
            Self::Signal(number) => write!(f, "ended by signal {number}"),
            Self::Told(code) => write!(f, "ended with code {code}"),
            Self::Within(_, failure) => match self.unwritten().or_else(|| self.interrupted()) {
                Some(text) => f.write_str(&text),
                None => failure.fmt(f),
            },
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

/// Failures of writing to standard output. Whoever reads there may stop when they have enough.
impl From<io::Error> for Failure {
    fn from(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::BrokenPipe => Self::Unread,
            _ => Self::io("writing to standard output", source),
        }
    }
}

/// What was printed, for those who have something else to end with where nobody reads standard output any more.
///
/// # Errors
/// Every other failure.
pub(crate) fn whoever_reads(printed: Result<(), Failure>) -> Result<(), Failure> {
    printed.or_else(|failure| if matches!(failure.bare(), Failure::Unread) { Ok(()) } else { Err(failure) })
}

/// The exit code of a library error.
fn code_of(error: &Error) -> u8 {
    match error {
        Error::Transport(error) if error.phase.is_timeout() => 28,
        Error::Transport(error)
            if matches!(error.phase, Phase::Connect | Phase::Tls(_) | Phase::Proxy(_))
                && !error.was_sent() =>
        {
            7
        }
        Error::Transport(_) | Error::HeldBack(_) | Error::Unfinished(_) => 9,
        Error::Auth(_) if error.is_retryable() => 9,
        Error::Auth(_) => 8,
        Error::Refused(refused) if refused.graphql => 6,
        Error::Refused(refused) => match refused.status {
            300..=399 => 3,
            429 => 9,
            400..=499 => 4,
            _ => 5,
        },
        Error::Decode(_) | Error::Io(_) => 1,
        Error::Unsafe(_) => 10,
        _ => 2,
    }
}

fn problems(error: Option<&Error>) -> Value {
    let Some(Error::Arguments(error)) = error else { return json!([]) };
    let problem =
        |one: &opcall::Problem| json!({"path": one.path, "problem": one.problem, "nearest": one.nearest});
    error.problems.iter().map(problem).collect()
}

/// What only some errors know.
#[derive(Debug, Default)]
struct Facts<'e> {
    method: Option<&'e str>,
    url: Option<&'e str>,
    attempts: Option<usize>,
    retry_after_ms: Option<u64>,
    trace_id: Option<&'e str>,
}

impl<'e> Facts<'e> {
    fn of(error: &'e Error) -> Self {
        match error {
            Error::Transport(error) => Self {
                method: Some(error.method.as_str()),
                url: Some(&error.url),
                attempts: Some(error.attempts.len()),
                ..Self::default()
            },
            Error::HeldBack(error) => Self {
                method: Some(error.method.as_str()),
                url: Some(&error.url),
                attempts: Some(error.attempts.len()),
                retry_after_ms: Some(milliseconds(error.retry_after)),
                ..Self::default()
            },
            Error::Unfinished(error) => Self {
                method: None,
                url: None,
                attempts: Some(error.attempts.len()),
                ..Self::of(&error.cause)
            },
            Error::Refused(error) => Self {
                method: Some(error.method.as_str()),
                url: Some(&error.url),
                attempts: Some(error.response.attempts().len()),
                retry_after_ms: error.retry_after.map(milliseconds),
                trace_id: error.trace_id.as_deref(),
            },
            Error::Auth(error) => Self {
                // Where credentials are missing none was to be made.
                attempts: Some(error.attempts.len()).filter(|count| *count > 0),
                retry_after_ms: error.retry_after.map(milliseconds),
                trace_id: error.trace_id.as_deref(),
                ..Self::default()
            },
            _ => {
                Self { attempts: Some(error.attempts().len()).filter(|count| *count > 0), ..Self::default() }
            }
        }
    }
}

fn milliseconds(wait: std::time::Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
