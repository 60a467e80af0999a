//! `opcall batch`: one call a line in, one result a line out, in the order of the lines.

mod aim;
mod line;
mod members;
mod result;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::{Mutex, PoisonError};

use futures_util::stream::{self, StreamExt};
use opcall::{Error, Harness, Operation};
use tokio::sync::mpsc;

use self::aim::Aim;
use self::line::Line;
use crate::args::BatchArgs;
use crate::call::twin_note;
use crate::loopback::{self, Loopback};
use crate::output::Screen;
use crate::remembered::Wanted;
use crate::report::{self, Failure};
use crate::session::{self, Known};

/// Makes the calls of all lines, or shows them with `--dry-run`.
///
/// # Errors
/// With the highest exit code of the lines, once all are done.
pub(crate) fn run(args: &BatchArgs, screen: Screen) -> Result<(), Failure> {
    let known = session::known(&args.source, &args.common, Wanted::All)?;
    let aim = Aim::of(args);
    aim.check_file(args, &known.table)?;
    let mut code = 0;
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
        dry(&batch, screen, &mut code)
    } else {
        session::run(async {
            let sandbox = if args.target.sandbox { Some(Loopback::start(&known).await?) } else { None };
            let mut builder = known.builder(&args.target, false, None)?;
            if let Some(sandbox) = &sandbox {
                builder = sandbox.aim(builder);
            }
            let harness = builder.build()?;
            let faulty = if args.target.sandbox { HashSet::new() } else { known.faulty_accounts() };
            let seen = Mutex::default();
            let batch = Batch { known: &known, harness: &harness, args, base: None, aim, faulty, seen };
            live(&batch, screen, &mut code).await
        })
    };
    // Whoever stops reading is told by the code what came until then.
    report::whoever_reads(printed)?;
    if code == 0 { Ok(()) } else { Err(Failure::Told(code)) }
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
    let failed = |error| Failure::io(format!("reading {file}"), error);
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

/// Shows the calls; `code` becomes the highest exit code of the lines that were looked at.
fn dry(batch: &Batch<'_>, screen: Screen, code: &mut u8) -> Result<(), Failure> {
    let mut out = screen.out();
    lines(&batch.args.file, |text| {
        let line = Line::read(&text.bytes);
        let (head, command) = line.command(batch);
        match command.and_then(|command| Ok(command.prepare()?)) {
            Ok(request) => result::prepared(&mut out, &head, &request)?,
            Err(failure) => {
                *code = failure.exit_code().max(*code);
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

/// Makes the calls; `code` becomes the highest exit code of those that are done.
async fn live(batch: &Batch<'_>, screen: Screen, code: &mut u8) -> Result<(), Failure> {
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
    let mut results = std::pin::pin!(incoming.map(|line| one(batch, line)).buffered(concurrency));
    let mut out = screen.out();
    while let Some(done) = results.next().await {
        let (text, line_code) = done?;
        *code = line_code.max(*code);
        out.write_all(&text)?;
        out.flush()?;
    }
    Ok(())
}

/// Makes the call of one line and returns its result with its exit code.
async fn one(batch: &Batch<'_>, read: Result<Text, Failure>) -> Result<(Vec<u8>, u8), Failure> {
    let text = read?;
    let line = Line::read(&text.bytes);
    let mut out = Vec::new();
    let (head, command) = line.command(batch);
    let sent = match command {
        Ok(command) => command.send().await.map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    let code = match sent {
        Ok(response) => {
            result::answered(&mut out, &head, &response, None)?;
            0
        }
        Err(failure) => {
            if let Some(Error::Refused(refused)) = failure.library() {
                result::answered(&mut out, &head, &refused.response, Some(&failure))?;
            } else {
                result::failed(&mut out, &head, text.number, &failure)?;
            }
            failure.exit_code()
        }
    };
    Ok((out, code))
}
