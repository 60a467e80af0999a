//! Prints an answer: into a pipe the bytes as they came, on a terminal what a person can read.

use std::cell::RefCell;
use std::io::{self, Write};

use http::HeaderMap;
use opcall::{Attempt, Error, NoRepeat, Response};

use crate::args::{CallArgs, CallOutput};
use crate::output::{Screen, escape, is_json, layout, paint};
use crate::pages;
use crate::reached::Reached;
use crate::report::Failure;
use crate::session;

/// Prints the result of a call.
///
/// # Errors
/// Where the answer cannot be printed as asked, or standard output cannot be written.
pub(crate) fn write(
    response: &Response,
    is_graphql: bool,
    args: &CallArgs,
    screen: Screen,
) -> Result<(), Failure> {
    let output = args.output.unwrap_or_default();
    let bytes = match output {
        CallOutput::None | CallOutput::Raw => response.bytes(),
        CallOutput::Ndjson => return write_items(response, args, screen),
        // The operation's own result; the answer around it is `-o raw`.
        _ if is_graphql => response.result_text()?.as_bytes(),
        CallOutput::Auto | CallOutput::Json => response.bytes(),
    };
    write_parts(response, bytes, args, screen)
}

fn write_items(response: &Response, args: &CallArgs, screen: Screen) -> Result<(), Failure> {
    write_parts(response, &[], args, screen)?;
    pages::write_lines(response, screen)
}

/// Prints the answer of a refused call, whole and whatever it is.
///
/// # Errors
/// Where standard output cannot be written.
pub(crate) fn print_refusal(response: &Response, args: &CallArgs, screen: Screen) -> Result<(), Failure> {
    match write_parts(response, response.bytes(), args, screen) {
        // The refusal is what counts, not that its body cannot be shown, or that nobody reads it.
        Ok(()) | Err(Failure::Local { .. } | Failure::Unread) => Ok(()),
        Err(failure) => Err(failure.reached(Reached::refused(response.status(), response.attempts()))),
    }
}

fn write_parts(response: &Response, bytes: &[u8], args: &CallArgs, screen: Screen) -> Result<(), Failure> {
    write_head(response.status(), response.headers(), || response.shown_headers(), args, screen)?;
    let mut out = screen.out();
    let shown = write_body(&mut out, bytes, args, screen);
    out.flush()?;
    shown
}

/// Prints status and headers, where that is asked for; `-v` has them as they may be `shown`.
///
/// # Errors
/// Where standard output cannot be written.
pub(crate) fn write_head<'h>(
    status: u16,
    headers: &'h HeaderMap,
    shown: impl FnOnce() -> Vec<(&'h str, String)>,
    args: &CallArgs,
    screen: Screen,
) -> Result<(), Failure> {
    if args.common.verbose > 0 {
        trace(status, &shown());
    }
    if args.include {
        let mut out = screen.out();
        lay_head(&mut out, status, headers, screen)?;
        out.flush()?;
    }
    Ok(())
}

fn lay_head(out: &mut impl Write, status: u16, headers: &HeaderMap, screen: Screen) -> io::Result<()> {
    writeln!(out, "HTTP {}", paint(&status.to_string(), screen.heading()))?;
    for (name, value) in headers {
        writeln!(out, "{name}: {}", shown(value.as_bytes()))?;
    }
    writeln!(out)
}

fn write_body(out: &mut impl Write, bytes: &[u8], args: &CallArgs, screen: Screen) -> Result<(), Failure> {
    let output = args.output.unwrap_or_default();
    match output {
        CallOutput::None => return Ok(()),
        CallOutput::Json if !bytes.is_empty() && !is_json(bytes) => return Err(pages::not_json()),
        _ => {}
    }
    let is_laid_out = output != CallOutput::Raw && is_json(bytes);
    let is_for_reading = screen.is_terminal || (screen.color && is_laid_out);
    if !is_for_reading {
        out.write_all(bytes)?;
        // A page must not run into the next one.
        if args.pages.paginate && !bytes.is_empty() && !bytes.ends_with(b"\n") {
            writeln!(out)?;
        }
        return Ok(());
    }
    let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0')) else {
        let hint = "write it to a file: opcall ... > FILE.".to_owned();
        let problem = format!("the answer is {} bytes that are no text", bytes.len());
        return Err(Failure::Local { problem, hint: Some(hint) });
    };
    if is_laid_out {
        layout(text, screen.json(), out)?;
        writeln!(out)?;
    } else {
        out.write_all(escape(text).as_bytes())?;
        if !text.is_empty() && !text.ends_with('\n') {
            writeln!(out)?;
        }
    }
    Ok(())
}

fn shown(value: &[u8]) -> String {
    escape(&String::from_utf8_lossy(value)).into_owned()
}

/// The attempts of signing in that were told when the request went out: those of the next answer begin with them, but for
/// an error of signing in, which tells its own alone.
#[derive(Debug, Default)]
pub(crate) struct Told(RefCell<Vec<Attempt>>);

impl Told {
    /// Tells the attempts of signing in that came before a request.
    pub(crate) fn before(&self, sign_in: &[Attempt]) {
        trace_sign_in(SIGNING_IN, sign_in);
        self.0.replace(sign_in.to_vec());
    }
}

/// What the lines of those attempts begin with.
const SIGNING_IN: &str = "signing in";

/// Every attempt and the wait after it to standard error, for `-v`, those of signing in first unless they were told
/// before. Of a single one that was answered and not held back the rest says it all.
pub(crate) fn trace_attempts(sign_in: &[Attempt], attempts: &[Attempt], told: &Told, args: &CallArgs) {
    if args.common.verbose == 0 {
        return;
    }
    trace_sign_in(SIGNING_IN, sign_in.strip_prefix(&told.0.take()[..]).unwrap_or(sign_in));
    if attempts.len() > 1 || attempts.iter().any(says_more) {
        trace_each("", attempts);
    }
}

/// Whether an attempt says more than the status of its answer.
fn says_more(attempt: &Attempt) -> bool {
    attempt.held.is_some()
        || attempt.status().is_none()
        || attempt.unrepeated.is_some_and(|why| why != NoRepeat::Limit)
}

/// Those of a call that failed.
pub(crate) fn trace_attempts_of(error: &Error, told: &Told, args: &CallArgs) {
    let (sign_in, own) = attempts_of(error);
    trace_attempts(sign_in, own, told, args);
    // Nothing else tells of an answer that is not taken in, or that the call could not sign in after.
    let is_untold = matches!(
        error,
        Error::Unsafe(_) | Error::HeldBack(_) | Error::Unfinished(_) | Error::Auth(_) | Error::Transport(_)
    );
    if let (true, [only]) = (is_untold, own)
        && args.common.verbose > 0
        && !says_more(only)
    {
        trace_each("", own);
    }
}

/// What signing in took, and what the call itself did. Where signing in failed, the error's attempts are its own.
fn attempts_of(error: &Error) -> (&[Attempt], &[Attempt]) {
    let sign_in = error.sign_in_attempts();
    let is_the_same = std::ptr::eq(sign_in, error.attempts());
    (sign_in, if is_the_same { error.attempts_before() } else { error.attempts() })
}

/// Every attempt of a line of a batch, for `-v`.
pub(crate) fn trace_line(number: usize, sent: &Result<Response, Failure>) {
    let (sign_in, own) = match sent {
        Ok(response) => (response.sign_in_attempts(), response.attempts()),
        Err(failure) => failure.library().map(attempts_of).unwrap_or_default(),
    };
    trace_each(&format!("line {number}: signing in: "), sign_in);
    trace_each(&format!("line {number}: "), own);
}

/// Every attempt of signing in to standard error.
pub(crate) fn trace_sign_in(what: &str, attempts: &[Attempt]) {
    trace_each(&format!("{what}: "), attempts);
}

fn trace_each(what: &str, attempts: &[Attempt]) {
    if !attempts.is_empty() {
        session::tell(&attempts.iter().map(|attempt| format!("* {what}{attempt}")).collect::<Vec<_>>());
    }
}

/// Status and headers, as they may be shown, to standard error, for `-v`.
pub(crate) fn trace(status: u16, headers: &[(&str, String)]) {
    let mut lines = vec![format!("< {status}")];
    lines.extend(headers.iter().map(|(name, value)| format!("< {name}: {}", escape(value))));
    session::tell(&lines);
}
