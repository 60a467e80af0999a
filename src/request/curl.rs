//! A request as a `curl` command line: what a person copies into a shell. Secrets are shell variables.

use std::fmt;

use super::{Content, KEY, KEY_STAND_IN, Part, PartContent, Place, Placement, Request};
use crate::operation::{Method, header};

impl fmt::Display for Request {
    /// One line for a POSIX shell. Credentials are the variables of the service's own environment, and `<redacted>`
    /// where the caller has given others; bytes in memory are read from a file of the part's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("curl ")?;
        match (&self.method, self.content()) {
            (Method::Get, Content::None) => {}
            (Method::Head, _) => f.write_str("--head ")?,
            (method, _) => write!(f, "-X {} ", word(method.as_str()))?,
        }
        self.write_url(f)?;
        for (name, value) in self.headers.iter().filter(|(name, _)| !self.is_left_to_curl(name)) {
            let value = self.masked_header(name, value);
            let header = match (name.as_str(), value.as_ref()) {
                // `name:` would drop the header, `name;` sends it empty.
                (name, "") => format!("{name};"),
                (KEY, KEY_STAND_IN) => format!("{KEY}: \0$(uuidgen)\0"),
                (name, _) if header::is_authorization(name) => format!("{name}: <redacted>"),
                (name, value) => format!("{name}: {value}"),
            };
            write!(f, " -H {}", masked_word(&header))?;
        }
        self.write_secret_headers(f)?;
        write_body(self.content(), f)
    }
}

impl Request {
    /// The boundary is in the header that `curl` writes for parts; cookies stand with the secret ones.
    fn is_left_to_curl(&self, name: &str) -> bool {
        match name {
            "content-type" => matches!(self.content(), Content::Multipart(_)),
            "cookie" => self.credentials.iter().any(|one| matches!(one.place, Place::Cookie { .. })),
            _ => false,
        }
    }

    fn write_url(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&word(&self.masked_url()))?;
        let mut separator = if self.url.contains('?') { '&' } else { '?' };
        for placement in &*self.credentials {
            if let Place::Query { name } = &placement.place {
                let mut encoded = String::new();
                super::style::escape(&mut encoded, name, super::style::Escape::Unreserved);
                write!(f, "'{separator}{encoded}='\"{}\"", variables(placement))?;
                separator = '&';
            }
        }
        Ok(())
    }

    fn write_secret_headers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cookies = String::new();
        for placement in &*self.credentials {
            match &placement.place {
                Place::Header { prefix, .. } if prefix == "Basic " => {
                    write!(f, " -u \"{}\"", variables(placement))?;
                }
                Place::Header { prefix, .. } if prefix == "Digest " => {
                    write!(f, " --digest -u \"{}\"", variables(placement))?;
                }
                Place::Header { name, prefix } => {
                    write!(f, " -H \"{name}: {prefix}{}\"", variables(placement))?;
                }
                Place::Cookie { name } => {
                    let separator = if cookies.is_empty() { "" } else { "; " };
                    cookies.extend([separator, name, "=", &variables(placement)]);
                }
                Place::Query { .. } => {}
            }
        }
        if cookies.is_empty() {
            return Ok(());
        }
        let own = self.headers.iter().find(|(name, _)| name == "cookie");
        let own = own
            .map(|(_, value)| format!("{}'; '", word(&self.masked_header("cookie", value))))
            .unwrap_or_default();
        write!(f, " -b {own}\"{cookies}\"")
    }
}

/// `$NAME`, or `$USER:$PASSWORD`.
fn variables(placement: &Placement) -> String {
    let names: Vec<_> = placement.variables.iter().map(|name| format!("${name}")).collect();
    names.join(":")
}

/// A word whose parts between marks (NUL, which no header holds) are for the shell.
fn masked_word(text: &str) -> String {
    if !text.contains('\0') {
        return word(text);
    }
    let parts = text.split('\0').enumerate().filter(|(_, part)| !part.is_empty());
    parts.map(|(number, part)| if number % 2 == 0 { word(part) } else { format!("\"{part}\"") }).collect()
}

fn write_body(body: &Content, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match body {
        Content::None => Ok(()),
        Content::Json(text) | Content::Text(text) | Content::Form { text, .. } => {
            write!(f, " --data-raw {}", word(text))
        }
        Content::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => write!(f, " --data-raw {}", word(text)),
            _ => f.write_str(" --data-binary @body.bin"),
        },
        Content::File(path) => write!(f, " --data-binary {}", word(&format!("@{}", path.display()))),
        Content::Multipart(parts) => parts.iter().try_for_each(|part| write_part(part, f)),
    }
}

fn write_part(part: &Part, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let name = &part.name;
    let mut options = String::new();
    if let Some(filename) = &part.filename {
        options.extend([";filename=", &quoted(filename)]);
    }
    if let Some(content_type) = &part.content_type {
        options.extend([";type=", &quoted(content_type)]);
    }
    for (name, value) in &part.headers {
        let field = format!("{name}: {value}").replace('\\', "\\\\").replace('"', "\\\"");
        options.extend([";headers=\"", &field, "\""]);
    }
    let file = || part.filename.as_deref().unwrap_or(name);
    match &part.content {
        PartContent::Text(text) if options.is_empty() => {
            write!(f, " --form-string {}", word(&format!("{name}={text}")))
        }
        PartContent::Text(text) => write!(f, " -F {}", word(&format!("{name}={}{options}", quoted(text)))),
        PartContent::Bytes(_) => write!(f, " -F {}", word(&format!("{name}=@{}{options}", quoted(file())))),
        PartContent::File(path) => {
            write!(f, " -F {}", word(&format!("{name}=@{}{options}", quoted(&path.display().to_string()))))
        }
    }
}

/// A value inside `-F`, where `;` and `,` mean something.
fn quoted(text: &str) -> String {
    if text.contains([';', ',', '"', '\\', '\n']) || text.starts_with(['@', '<', ' ']) {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        text.to_owned()
    }
}

/// One word of a POSIX shell.
fn word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/:@%+=,".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
