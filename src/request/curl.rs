//! A request as a `curl` command line: what a person copies into a shell. Secrets are shell variables.

use std::fmt;

use super::{Content, Part, PartContent, Place, Request};
use crate::operation::Method;

impl fmt::Display for Request {
    /// One line for a POSIX shell. Credentials are variables named after the service, such as `$FALCON_TOKEN`;
    /// bytes in memory are read from a file of the part's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("curl ")?;
        match (&self.method, &self.body) {
            (Method::Get, Content::None) => {}
            (Method::Head, _) => f.write_str("--head ")?,
            (method, _) => write!(f, "-X {} ", word(method.as_str()))?,
        }
        self.write_url(f)?;
        for (name, value) in self.headers.iter().filter(|(name, _)| !self.is_left_to_curl(name)) {
            let header = match (name.as_str(), value.as_str()) {
                // `name:` would drop the header, `name;` sends it empty.
                (name, "") => format!("{name};"),
                (name @ ("authorization" | "proxy-authorization"), _) => format!("{name}: <redacted>"),
                (name, value) => format!("{name}: {value}"),
            };
            write!(f, " -H {}", word(&header))?;
        }
        self.write_secret_headers(f)?;
        write_body(&self.body, f)
    }
}

impl Request {
    /// The boundary is in the header that `curl` writes for parts; cookies stand with the secret ones.
    fn is_left_to_curl(&self, name: &str) -> bool {
        match name {
            "content-type" => matches!(self.body, Content::Multipart(_)),
            "cookie" => self.credentials.iter().any(|one| matches!(one.place, Place::Cookie { .. })),
            _ => false,
        }
    }

    fn write_url(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&word(&self.url))?;
        let mut separator = if self.url.contains('?') { '&' } else { '?' };
        for placement in &self.credentials {
            if let Place::Query { name } = &placement.place {
                let mut encoded = String::new();
                super::style::escape(&mut encoded, name, super::style::Escape::Unreserved);
                write!(f, "'{separator}{encoded}='\"${}\"", self.variable(name, ""))?;
                separator = '&';
            }
        }
        Ok(())
    }

    fn write_secret_headers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cookies = String::new();
        for placement in &self.credentials {
            match &placement.place {
                Place::Header { name, prefix } => {
                    write!(f, " -H \"{name}: {prefix}${}\"", self.variable(name, prefix))?;
                }
                Place::Cookie { name } => {
                    let separator = if cookies.is_empty() { "" } else { "; " };
                    cookies.extend([separator, name, "=$", &self.variable(name, "")]);
                }
                Place::Query { .. } => {}
            }
        }
        if cookies.is_empty() {
            return Ok(());
        }
        let own = self.headers.iter().find(|(name, _)| name == "cookie");
        let own = own.map(|(_, value)| format!("{}'; '", word(value))).unwrap_or_default();
        write!(f, " -b {own}\"{cookies}\"")
    }

    /// `FALCON_TOKEN`, `PANTHER_API_KEY`: the service, and what the secret is.
    fn variable(&self, name: &str, prefix: &str) -> String {
        let service = self.operation.as_deref().and_then(|id| id.split_once(':')).map(|(service, _)| service);
        let what = match prefix.trim() {
            "Bearer" => "TOKEN",
            "Basic" => "BASIC",
            _ => name.strip_prefix("x-").unwrap_or(name),
        };
        let text = service.into_iter().chain([what]).collect::<Vec<_>>().join("_");
        text.to_ascii_uppercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "_")
    }
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
