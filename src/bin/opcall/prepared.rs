//! Prints a request that is not sent: for a person, or as the JSON object that programs rely on.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use opcall::{Content, Part, PartContent, Request};
use serde::Serialize;

use crate::args::{CallOutput, Common, Network};
use crate::output::{Layout, Screen, escape, layout, paint};
use crate::report::Failure;
use crate::session;

/// A prepared request as programs read it.
#[derive(Serialize)]
pub(crate) struct Shown<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'r str>,
    method: &'r str,
    url: Cow<'r, str>,
    headers: Vec<(&'r str, Cow<'r, str>)>,
    body: &'r Content,
}

impl<'r> Shown<'r> {
    /// The operation may be left out, where it stands outside already.
    pub(crate) fn of(request: &'r Request, operation: Option<&'r str>) -> Self {
        Self {
            operation,
            method: request.method().as_str(),
            url: request.url(),
            headers: request.headers(),
            body: request.content(),
        }
    }

    fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Prints a dry run.
///
/// # Errors
/// Where standard output cannot be written.
pub(crate) fn write(
    out: &mut impl Write,
    request: &Request,
    operation: &str,
    output: CallOutput,
    screen: Screen,
) -> Result<(), Failure> {
    match output {
        CallOutput::None => {}
        CallOutput::Auto if screen.is_terminal => write_text(out, request, screen)?,
        CallOutput::Auto | CallOutput::Json | CallOutput::Ndjson | CallOutput::Raw => {
            let indent = screen.is_terminal && output != CallOutput::Ndjson;
            let json = Shown::of(request, Some(operation)).to_json();
            layout(&json, Layout { indent, ..screen.json() }, out)?;
            writeln!(out)?;
        }
    }
    Ok(())
}

/// A request line, headers, body; secrets redacted.
pub(crate) fn write_text(out: &mut impl Write, request: &Request, screen: Screen) -> io::Result<()> {
    let method = paint(&escape(request.method().as_str()), screen.heading());
    writeln!(out, "{method} {}", escape(&request.url()))?;
    for (name, value) in request.headers() {
        writeln!(out, "{}: {}", escape(name), escape(&value))?;
    }
    if *request.content() == Content::None {
        return Ok(());
    }
    writeln!(out)?;
    write_body(out, request.content(), screen)?;
    writeln!(out)
}

fn write_body(out: &mut impl Write, body: &Content, screen: Screen) -> io::Result<()> {
    match body {
        Content::Json(text) => layout(text, crate::output::Layout { indent: true, ..screen.json() }, out),
        Content::Form { text, .. } | Content::Text(text) => out.write_all(escape(text).as_bytes()),
        Content::Bytes(bytes) => write!(out, "({} bytes)", bytes.len()),
        Content::File(path) => write!(out, "(the file {})", escape(&path.display().to_string())),
        Content::Multipart(parts) => {
            for (number, part) in parts.iter().enumerate() {
                let separator = if number == 0 { "" } else { "\n" };
                write!(out, "{separator}{}", escape(&part_in_words(part)))?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn part_in_words(part: &Part) -> String {
    let notes = [part.filename.as_deref(), part.content_type.as_deref()];
    let notes: Vec<_> = notes.into_iter().flatten().collect();
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
    let words = format!("{}{notes}", part.name);
    match &part.content {
        PartContent::Text(text) => format!("{words}: {text}"),
        PartContent::Bytes(bytes) => format!("{words}: {} bytes", bytes.len()),
        PartContent::File(path) => format!("{words}: the file {}", path.display()),
        _ => words,
    }
}

/// The options of `curl` for what the command line says of the network, each after a space; a password is not shown.
pub(crate) fn network_options(certificate: Option<(&Path, &Path)>, network: &Network) -> String {
    let mut options = String::new();
    let mut add = |name: &str, text: &str| options.extend([" --", name, " ", &shell_word(text)]);
    if let Some((chain, key)) = certificate {
        add("cert", &chain.to_string_lossy());
        add("key", &key.to_string_lossy());
    }
    if let Some(roots) = &network.cacert {
        add("cacert", &roots.to_string_lossy());
    }
    if network.no_proxy {
        add("noproxy", "*");
    }
    if let Some(proxy) = &network.proxy {
        options.extend([" --proxy ", &proxy.in_shell()]);
    }
    options
}

/// One word of a POSIX shell.
pub(crate) fn shell_word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/:@%+=,".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Says on standard error what `--no-validate` let pass.
pub(crate) fn warn(request: &Request, common: &Common) {
    if !common.quiet {
        for warning in request.warnings() {
            session::note(&format!("{} {}", warning.path, warning.problem));
        }
    }
}

/// The request to standard error, for `-v`; with its body for `-vv`.
pub(crate) fn trace(request: &Request, with_body: bool) {
    /// More of a body than this helps nobody.
    const LONGEST_BODY: usize = 64 << 10;
    let mut lines = vec![format!("> {} {}", request.method(), escape(&request.url()))];
    let line =
        |(name, value): (&str, std::borrow::Cow<'_, str>)| format!("> {}: {}", escape(name), escape(&value));
    lines.extend(request.headers().into_iter().map(line));
    let mut body = Vec::new();
    if with_body && write_body(&mut body, request.content(), Screen::default()).is_ok() && !body.is_empty() {
        body.truncate(LONGEST_BODY);
        lines.push(escape(&String::from_utf8_lossy(&body)).into_owned());
    }
    session::tell(&lines);
}
