//! The lines that a batch writes.

use std::borrow::Cow;
use std::io::{self, Write};

use base64::Engine;
use opcall::{Content, Request, Response};
use serde::Serialize;

use super::line::Line;
use crate::output::{compact, is_json};
use crate::report::Failure;

/// A request without its operation, which the line has outside.
#[derive(Serialize)]
struct Shown<'r> {
    method: &'r str,
    url: Cow<'r, str>,
    headers: Vec<(&'r str, Cow<'r, str>)>,
    body: &'r Content,
}

impl<'r> Shown<'r> {
    fn of(request: &'r Request) -> Self {
        Self {
            method: request.method().as_str(),
            url: request.url(),
            headers: request.headers(),
            body: request.content(),
        }
    }
}

/// The line of a call that is only shown.
pub(super) fn prepared(out: &mut impl Write, line: &Line<'_>, request: &Request) -> io::Result<()> {
    begin(out, line.id, request.operation().unwrap_or(line.operation()))?;
    out.write_all(b",\"request\":")?;
    serde_json::to_writer(&mut *out, &Shown::of(request))?;
    out.write_all(b"}\n")
}

/// The line of a call that was answered; `failure` says that the answer is a refusal.
pub(super) fn answered(
    out: &mut Vec<u8>,
    line: &Line<'_>,
    response: &Response,
    failure: Option<&Failure>,
) -> Result<(), Failure> {
    begin(out, line.id, response.operation())?;
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
    write!(out, ",\"attempts\":{}", response.attempts())?;
    if let Some(failure) = failure {
        write!(out, ",\"error\":{}", failure.to_line_json())?;
    }
    Ok(writeln!(out, "}}")?)
}

/// The line of a call without an answer.
pub(super) fn failed(
    out: &mut impl Write,
    line: &Line<'_>,
    number: usize,
    failure: &Failure,
) -> io::Result<()> {
    let known = if let Failure::Call(error) = failure { error.operation() } else { None };
    begin(out, line.id, known.unwrap_or(line.operation()))?;
    if !line.is_call() {
        write!(out, ",\"line\":{number}")?;
    }
    writeln!(out, ",\"error\":{}}}", failure.to_line_json())
}

fn begin(out: &mut impl Write, id: &str, operation: &str) -> io::Result<()> {
    write!(out, "{{\"id\":")?;
    compact(id, out)?;
    write!(out, ",\"operation\":{}", if operation.is_empty() { "null".to_owned() } else { text(operation) })
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
