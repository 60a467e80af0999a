//! The lines that a batch writes.

use std::io::{self, Write};

use base64::Engine;
use opcall::{Request, Response};

use crate::output::{compact, is_json};
use crate::prepared::Shown;
use crate::reached::Nature;
use crate::report::Failure;

/// The line of a call that is only shown.
pub(super) fn prepared(out: &mut impl Write, head: &Head<'_>, request: &Request) -> io::Result<()> {
    begin(out, head)?;
    out.write_all(b",\"request\":")?;
    serde_json::to_writer(&mut *out, &Shown::of(request, None))?;
    out.write_all(b"}\n")
}

/// The line of a call that was answered; `failure` says that the answer is a refusal.
pub(super) fn answered(
    out: &mut Vec<u8>,
    head: &Head<'_>,
    response: &Response,
    failure: Option<&Failure>,
) -> Result<(), Failure> {
    begin(out, head)?;
    write!(out, ",\"status\":{},\"headers\":[", response.status())?;
    for (number, (name, value)) in response.headers().iter().enumerate() {
        let separator = if number == 0 { "" } else { "," };
        write!(
            out,
            "{separator}[{},{}]",
            text(name.as_str()),
            text(&String::from_utf8_lossy(value.as_bytes()))
        )?;
    }
    write!(out, "],\"body\":")?;
    match response.result_text() {
        Ok(result) if failure.is_none() && !response.bytes().is_empty() => body(out, result.as_bytes())?,
        _ => body(out, response.bytes())?,
    }
    write!(out, ",\"attempts\":{}", response.attempts().len())?;
    if let Some(failure) = failure {
        write!(out, ",\"error\":{}", failure.to_line_json())?;
    }
    Ok(writeln!(out, "}}")?)
}

/// The line of a call without an answer.
pub(super) fn failed(
    out: &mut impl Write,
    head: &Head<'_>,
    number: usize,
    failure: &Failure,
) -> io::Result<()> {
    begin(out, head)?;
    if failure.exit_code() == WRONG_USAGE {
        write!(out, ",\"line\":{number}")?;
    }
    writeln!(out, ",\"error\":{}}}", failure.to_line_json())
}

/// The exit code of a line that is no valid call.
const WRONG_USAGE: u8 = 2;

/// What every result begins with.
pub(super) struct Head<'l> {
    /// The JSON text of the line's `id`.
    pub(super) id: &'l str,
    /// The operation with its service, or what the line names; empty where it names none.
    pub(super) operation: String,
    /// What a call of it does.
    pub(super) nature: Nature,
}

fn begin(out: &mut impl Write, head: &Head<'_>) -> io::Result<()> {
    write!(out, "{{\"id\":")?;
    compact(head.id, out)?;
    let operation = if head.operation.is_empty() { "null".to_owned() } else { text(&head.operation) };
    write!(out, ",\"operation\":{operation}")
}

/// A body as `{"json": ...}`, `{"text": ...}` or `{"base64": ...}`; `null` where there is none.
fn body(out: &mut Vec<u8>, bytes: &[u8]) -> io::Result<()> {
    match std::str::from_utf8(bytes) {
        Ok("") => write!(out, "null"),
        Ok(json) if is_json(bytes) => {
            write!(out, "{{\"json\":")?;
            compact(json, out)?;
            write!(out, "}}")
        }
        Ok(other) => write!(out, "{{\"text\":{}}}", text(other)),
        Err(_) => {
            write!(out, "{{\"base64\":\"{}\"}}", base64::engine::general_purpose::STANDARD.encode(bytes))
        }
    }
}

fn text(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}
