//! What else a caller's text can be: names of parts and files, media types, methods, variables of a server's URL.

use opcall::{Error, FilePart, Method, Profile};

use super::wire::{Sent, shown};
use super::{Lane, words};
use crate::support::builder;

/// The lines of a part's head, and its content.
type Part = (Vec<String>, Vec<u8>);

/// The parts of a `multipart/form-data` body (RFC 2046 §5.1.1).
fn parts(sent: &Sent) -> Result<Vec<Part>, String> {
    let content_type = sent.headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value);
    let content_type = String::from_utf8_lossy(content_type.ok_or("no media type")?).into_owned();
    let boundary = content_type.split_once("boundary=").ok_or("no boundary")?.1.trim_matches('"');
    let delimiter = format!("--{boundary}").into_bytes();
    let mut places: Vec<usize> = Vec::new();
    for at in 0..sent.body.len().saturating_sub(delimiter.len() - 1) {
        if sent.body[at..].starts_with(&delimiter) && (at == 0 || sent.body[..at].ends_with(b"\r\n")) {
            places.push(at);
        }
    }
    let last = *places.last().ok_or("no part")?;
    if &sent.body[last + delimiter.len()..] != b"--\r\n" {
        return Err(format!("the end: {}", shown(&sent.body[last..])));
    }
    places.windows(2).map(|pair| part(&sent.body[pair[0] + delimiter.len() + 2..pair[1] - 2])).collect()
}

fn part(bytes: &[u8]) -> Result<Part, String> {
    let end =
        bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or("a part without an end of its head")?;
    let head = std::str::from_utf8(&bytes[..end]).map_err(|error| error.to_string())?;
    Ok((head.split("\r\n").map(str::to_owned).collect(), bytes[end + 4..].to_vec()))
}

/// As browsers write names of parts (WHATWG HTML, multipart/form-data encoding algorithm).
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

fn check_parts(sent: &Sent, name: &str, filename: Option<&str>, content: &[u8]) -> Result<(), String> {
    let parts = parts(sent)?;
    let [(head, found)] = &parts[..] else { return Err(format!("{} parts", parts.len())) };
    // A backslash in a file's name is a quoted pair (RFC 2183 §2, RFC 9110 §5.6.4).
    let file = |name: &str| format!("; filename=\"{}\"", quoted(name).replace('\\', "\\\\"));
    let file = filename.map(file).unwrap_or_default();
    let wanted = format!("form-data; name=\"{}\"{file}", quoted(name));
    let lines: Vec<_> = head.iter().filter_map(|line| line.split_once(": ")).collect();
    let is_known = |name: &str| ["content-disposition", "content-type"].contains(&name);
    if lines.len() != head.len() || !lines.iter().all(|(name, _)| is_known(&name.to_ascii_lowercase())) {
        return Err(format!("the head {head:?}"));
    }
    let disposition = lines.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-disposition"));
    if disposition.is_none_or(|(_, value)| *value != wanted) {
        let short = |text: &str| shown(text.as_bytes());
        return Err(format!("{} instead of {}", short(&format!("{disposition:?}")), short(&wanted)));
    }
    if found == content { Ok(()) } else { Err(format!("the content {}", shown(found))) }
}

fn all(texts: Vec<String>, mut judge: impl FnMut(&str) -> Result<bool, String>) -> (usize, usize) {
    let (mut sent, mut faults) = (0, Vec::new());
    let count = texts.len();
    for text in texts {
        match judge(&text) {
            Ok(is_sent) => sent += usize::from(is_sent),
            Err(fault) => faults.push(format!("\"{}\": {fault}", shown(text.as_bytes()))),
        }
    }
    let first: Vec<_> = faults.iter().take(40).map(String::as_str).collect();
    assert!(faults.is_empty(), "{} cases:\n{}", faults.len(), first.join("\n"));
    (count, sent)
}

fn texts() -> Vec<String> {
    words::of_bytes().into_iter().chain(words::hostile()).filter(|text| text.len() < 5000).collect()
}

/// Sends, or sees that a refusal left nothing on the wire.
fn sent(lane: &Lane, command: opcall::Command<'_>) -> Result<Option<Sent>, String> {
    match lane.runtime.block_on(command.send()) {
        Ok(_) => lane.wire.only().map(Some),
        Err(Error::Arguments(_) | Error::Unsafe(_) | Error::Config(_)) => lane.wire.none().map(|()| None),
        Err(error) => Err(format!("another error: {error:?}")),
    }
}

#[test]
fn names_of_parts_and_files_stay_names() {
    let lane = Lane::start();
    let file = |text: &str| FilePart::bytes("content").with_filename(text);
    let mut counts = Vec::new();
    counts.push(all(texts(), |text| {
        let call = lane.harness.command("parts", [("file", file(text))]);
        let Some(sent) = sent(&lane, call)? else { return Err("a file's name was refused".to_owned()) };
        check_parts(&sent, "file", Some(text), b"content").map(|()| true)
    }));
    counts.push(all(texts(), |text| {
        let call = lane.harness.command("parts", [("field", text)]);
        let Some(sent) = sent(&lane, call)? else { return Err("a field's text was refused".to_owned()) };
        check_parts(&sent, "field", None, text.as_bytes()).map(|()| true)
    }));
    counts.push(all(texts(), |text| {
        if text.is_empty() {
            return Ok(false);
        }
        let call = lane.harness.command("parts", [(format!("body.{text}"), "v")]);
        let Some(sent) = sent(&lane, call)? else { return Err("a field's name was refused".to_owned()) };
        check_parts(&sent, text, None, b"v").map(|()| true)
    }));
    counts.push(all(texts(), |text| {
        let part = FilePart::bytes("content").with_filename("a").with_media_type(text);
        let Some(sent) = sent(&lane, lane.harness.command("parts", [("file", part)]))? else {
            return Ok(false);
        };
        check_parts(&sent, "file", Some("a"), b"content").map(|()| true)
    }));
    lane.wire.settled().unwrap();
    eprintln!("promise 8: names and types of parts, (texts, read back): {counts:?}, 0 otherwise");
}

#[test]
fn media_types_and_methods_stay_what_they_are() {
    let lane = Lane::start();
    let checked = |sent: Option<Sent>, target: &str, headers: usize| match sent {
        None => Ok(false),
        Some(sent) if sent.target == target && sent.headers.len() == headers => Ok(true),
        Some(other) => Err(format!("{other:?}")),
    };
    let types = all(texts(), |text| {
        let call = lane.harness.command("bytes", ()).body(b"x".to_vec()).content_type(text);
        let sent = sent(&lane, call)?;
        let is = |sent: &Sent| sent.headers.contains(&("content-type".to_owned(), text.as_bytes().to_vec()));
        let is_other = sent.as_ref().is_some_and(|sent| !is(sent));
        if is_other { Err(format!("{sent:?}")) } else { checked(sent, "/bytes", 6) }
    });
    let methods = all(texts(), |text| {
        let method = Method::Custom(text.into());
        let sent = sent(&lane, lane.harness.request("injection", method, "/raw", ()))?;
        let is_other = sent.as_ref().is_some_and(|sent| sent.method != *text);
        if is_other { Err(format!("{sent:?}")) } else { checked(sent, "/raw", 4) }
    });
    lane.wire.settled().unwrap();
    eprintln!("promise 8: media types {types:?}, methods {methods:?} (texts, read back), 0 otherwise");
}

const VARIABLE: &str = r#"{
  "openapi": "3.1.0", "info": {"title": "v", "version": "1"}, "x-service": "variable",
  "servers": [{"url": "SERVER/base/{stage}/end", "variables": {"stage": {"default": "a"}}}],
  "paths": {"/get": {"get": {"operationId": "variable"}}}
}"#;

#[test]
fn a_server_variable_stays_in_its_part_of_the_url() {
    let lane = Lane::start();
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), VARIABLE.replace("SERVER", &lane.wire.url())).unwrap();
    let harness = builder().spec(file.path()).profile("variable", Profile::new()).build().unwrap();
    let counts = all(texts(), |text| {
        let call = harness.command("variable", ()).server_variable("stage", text);
        let Some(sent) = sent(&lane, call)? else { return Ok(false) };
        // A value may be of several segments, and of letters that URLs of browsers may hold (`^`, `|`); it cannot reach
        // what stands before or after it.
        let inner = sent.target.strip_prefix("/base/").and_then(|rest| rest.strip_suffix("/end/get"));
        let is_dots =
            |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
        let is_inside = |inner: &str| {
            !inner.contains(['?', '#', '\\'])
                && inner.bytes().all(|byte| byte.is_ascii_graphic())
                && !inner.split('/').any(is_dots)
        };
        if inner.is_some_and(is_inside) { Ok(true) } else { Err(shown(sent.target.as_bytes())) }
    });
    lane.wire.settled().unwrap();
    eprintln!("promise 8: server variables (texts, read back): {counts:?}, 0 otherwise");
}
