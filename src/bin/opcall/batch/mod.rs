//! `opcall batch`: one call a line in, one result a line out, in the order of the lines.

mod aim;
mod line;
mod members;
mod result;
mod tally;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::{Mutex, PoisonError};

use futures_util::stream::{self, StreamExt};
use opcall::{Command, Error, Harness, Operation, Response, Watch};
use tokio::sync::{mpsc, oneshot};

use self::aim::Aim;
use self::line::Line;
use self::tally::Tally;
use crate::args::BatchArgs;
use crate::call::twin_note;
use crate::loopback::{self, Loopback};
use crate::output::Screen;
use crate::reached::{Nature, Reached, Repeat};
use crate::remembered::Wanted;
use crate::report::{self, Failure};
use crate::session::{self, Known};
use crate::{answer, signals};

/// Makes the calls of all lines, or shows them with `--dry-run`.
///
/// # Errors
/// With the highest exit code of the lines, once all are done.
pub(crate) fn run(args: &BatchArgs, screen: Screen) -> Result<(), Failure> {
    let known = session::known(&args.source, &args.common, Wanted::All)?;
    let aim = Aim::of(args);
    aim.check_file(args, &known.table)?;
    let mut tally = Tally::default();
    let printed = if args.dry_run {
        let harness = known.builder(&args.target, true, None)?.build()?;
        let base = args.target.sandbox.then(loopback::unstarted_base);
        let batch = Batch {
            known: &known,
            harness: &harness,
            args,
            base,
            aim,
            faulty: HashSet::new(),
            seen: Mutex::default(),
        };
        dry(&batch, screen, &mut tally)
    } else {
        session::run_listening(async {
            let sandbox = if args.target.sandbox { Some(Loopback::start(&known).await?) } else { None };
            let mut builder = known.builder(&args.target, false, None)?;
            if let Some(sandbox) = &sandbox {
                builder = sandbox.aim(builder);
            }
            let harness = builder.build()?;
            let faulty = if args.target.sandbox { HashSet::new() } else { known.faulty_accounts() };
            let seen = Mutex::default();
            let batch = Batch { known: &known, harness: &harness, args, base: None, aim, faulty, seen };
            live(&batch, screen, &mut tally).await
        })
    };
    if !args.dry_run && !args.common.quiet {
        tally.tell();
    }
    // Whoever stops reading is told by the code what came until then.
    report::whoever_reads(printed)?;
    match tally.worst() {
        0 => Ok(()),
        code => Err(Failure::Told(code)),
    }
}

/// What all lines share.
struct Batch<'a> {
    known: &'a Known,
    harness: &'a Harness,
    args: &'a BatchArgs,
    /// Where the sandbox would be, in place of other servers.
    base: Option<String>,
    aim: Aim<'a>,
    /// The services whose secrets cannot be read.
    faulty: HashSet<String>,
    /// Names of operations that were looked at for a built-in one of the same name.
    seen: Mutex<HashSet<String>>,
}

impl Batch<'_> {
    /// Refuses a call of a service whose secrets cannot be read.
    fn check_account(&self, service: &str) -> Result<(), Failure> {
        if self.faulty.contains(service) { self.known.check_account(service) } else { Ok(()) }
    }

    /// Says, once for each operation, that it is called in place of a built-in one.
    fn tell_of_twin(&self, operation: Operation<'_>, name: &str) {
        if self.args.common.quiet || self.args.source.spec.is_empty() {
            return;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.contains(name) {
            return;
        }
        seen.insert(name.to_owned());
        if let Some(note) = twin_note(operation, name, &self.args.source)
            && seen.insert(note.clone())
        {
            session::note(&note);
        }
    }
}

/// The text of a line.
struct Text {
    number: usize,
    bytes: Vec<u8>,
    /// Nothing after it has been read yet: whoever writes may wait for the result.
    is_last_read: bool,
}

/// Reads lines until `each` wants no more; lines of spaces are passed over.
fn lines(file: &str, mut each: impl FnMut(Text) -> Result<bool, Failure>) -> Result<(), Failure> {
    /// Few reads for many lines.
    const BUFFER: usize = 256 << 10;
    const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
    let failed = |error| Failure::io(format!("reading \"{file}\""), error);
    let input: Box<dyn Read> =
        if file == "-" { Box::new(io::stdin()) } else { Box::new(File::open(file).map_err(failed)?) };
    let mut input = BufReader::with_capacity(BUFFER, input);
    for number in 1.. {
        let mut bytes = Vec::new();
        if input.read_until(b'\n', &mut bytes).map_err(failed)? == 0 {
            break;
        }
        if number == 1 && bytes.starts_with(BYTE_ORDER_MARK) {
            bytes.drain(..BYTE_ORDER_MARK.len());
        }
        let text = Text { number, bytes, is_last_read: input.buffer().is_empty() };
        if !text.bytes.trim_ascii().is_empty() && !each(text)? {
            break;
        }
    }
    Ok(())
}

/// Shows the calls, and counts the lines that were looked at.
fn dry(batch: &Batch<'_>, screen: Screen, tally: &mut Tally) -> Result<(), Failure> {
    let mut out = screen.out();
    lines(&batch.args.file, |text| {
        let line = Line::read(&text.bytes);
        let (head, command) = line.command(batch);
        match command.and_then(|command| Ok(command.prepare()?)) {
            Ok(request) => result::prepared(&mut out, &head, &request)?,
            Err(failure) => {
                tally.add(failure.exit_code());
                result::failed(&mut out, &head, text.number, &failure)?;
            }
        }
        if text.is_last_read {
            out.flush()?;
        }
        Ok(true)
    })?;
    Ok(out.flush()?)
}

/// Makes the calls, and counts the lines that are done. A signal ends those that are under way, and the lines of all that
/// were begun are written. Where nobody takes lines any more no further call is begun, and those that were are brought to
/// their end: how they ended is counted.
async fn live(batch: &Batch<'_>, screen: Screen, tally: &mut Tally) -> Result<(), Failure> {
    let concurrency = usize::from(batch.args.concurrency);
    let (sender, receiver) = mpsc::channel(concurrency);
    let file = batch.args.file.clone();
    // Reading a pipe blocks, and calls go on meanwhile.
    std::thread::spawn(move || {
        let read = lines(&file, |text| Ok(sender.blocking_send(Ok(text)).is_ok()));
        if let Err(failure) = read {
            // Without a receiver the batch has ended already.
            let _ = sender.blocking_send(Err(failure));
        }
    });
    let incoming =
        stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    let (taken, ended) = oneshot::channel::<()>();
    let incoming = incoming.take_until(async {
        tokio::select! {
            _ = signals::asked() => {}
            _ = ended => {}
        }
    });
    let mut results = std::pin::pin!(incoming.map(|line| one(batch, line)).buffered(concurrency));
    let mut out = screen.out();
    let (mut taken, mut written, mut unread) = (Some(taken), Ok(()), Ok(()));
    while let Some(done) = results.next().await {
        match done {
            Ok(done) => {
                done.count(tally);
                if written.is_ok() {
                    written = out.write_all(&done.text).and_then(|()| out.flush());
                }
                if written.is_err() {
                    // No further line is begun.
                    taken = None;
                    done.count_unwritten(tally);
                }
            }
            // What was begun before is brought to its end.
            Err(failure) => unread = Err(failure),
        }
    }
    drop(taken);
    if let Some(number) = signals::came() {
        return Err(Failure::Signal(number));
    }
    let reached = Reached::GivenUp { sent: true, status: None, repeat: Repeat::MayActTwice };
    written.map_err(|error| Failure::from(error).reached(reached))?;
    unread
}

/// The result of a line.
#[derive(Default)]
struct Done {
    /// The number of the line.
    number: usize,
    /// What is written of it; nothing where its call was not begun.
    text: Vec<u8>,
    /// How it ended; `None` where a signal ended it.
    code: Option<u8>,
}

impl Done {
    fn count(&self, tally: &mut Tally) {
        match self.code {
            Some(code) => tally.add(code),
            None if self.text.is_empty() => {}
            None => tally.add_interrupted(),
        }
    }

    /// Counts it as one whose text could not be written.
    fn count_unwritten(&self, tally: &mut Tally) {
        if !self.text.is_empty() {
            tally.add_unwritten(self.number);
        }
    }
}

/// Makes the call of one line.
async fn one(batch: &Batch<'_>, read: Result<Text, Failure>) -> Result<Done, Failure> {
    let read = read?;
    if signals::came().is_some() {
        return Ok(Done::default());
    }
    let line = Line::read(&read.bytes);
    let mut text = Vec::new();
    let (head, command) = line.command(batch);
    let sent = match command {
        Ok(command) => send(command, head.nature).await,
        Err(failure) => Err(failure),
    };
    if batch.args.common.verbose > 0 {
        answer::trace_line(read.number, &sent);
    }
    let failure = match sent {
        Ok(response) => {
            result::answered(&mut text, &head, &response, None)?;
            return Ok(Done { number: read.number, text, code: Some(0) });
        }
        Err(failure) => failure,
    };
    if let Some(Error::Refused(refused)) = failure.library() {
        result::answered(&mut text, &head, &refused.response, Some(&failure))?;
    } else {
        result::failed(&mut text, &head, read.number, &failure)?;
    }
    let is_interrupted = matches!(failure.bare(), Failure::Signal(_));
    Ok(Done { number: read.number, text, code: (!is_interrupted).then(|| failure.exit_code()) })
}

/// Makes a call, until a signal ends it.
async fn send(command: Command<'_>, nature: Nature) -> Result<Response, Failure> {
    let watch = Watch::new();
    tokio::select! {
        biased;
        sent = command.watched_by(&watch).send() => Ok(sent?),
        number = signals::asked() => {
            Err(Failure::Signal(number).reached(Reached::given_up(&watch, nature)))
        }
    }
}
