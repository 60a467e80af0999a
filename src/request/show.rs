//! What others see of a request: accessors, the stable JSON of a dry run, `http::Request`. Never a secret.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::media::Kind;
use super::{Content, Part, PartContent, Place, Problem, Request};
use crate::error::{Error, IoError};
use crate::operation::{Method, header};
use crate::params::Argument;

/// What stands in the place of a secret.
pub(super) const REDACTED: &str = "<redacted>";

impl Request {
    /// The operation with its service, such as `falcon:tokens_query`; `None` for an endpoint of no table.
    #[must_use]
    pub fn operation(&self) -> Option<&str> {
        self.operation.as_deref()
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The URL byte for byte as it is sent, but for a secret in its query, which shows as `<redacted>`.
    #[must_use]
    pub fn url(&self) -> Cow<'_, str> {
        let mut url = self.masked_url();
        for placement in &*self.credentials {
            if let Place::Query { name } = &placement.place {
                let separator = if url.contains('?') { '&' } else { '?' };
                let url = url.to_mut();
                url.push(separator);
                super::style::escape(url, name, super::style::Escape::Unreserved);
                url.push('=');
                url.push_str(REDACTED);
            }
        }
        url
    }

    /// The header fields in order, names in lower case, secrets as `<redacted>`; without those that the HTTP
    /// library adds by itself.
    #[must_use]
    pub fn headers(&self) -> Vec<(&str, Cow<'_, str>)> {
        let shown = |(name, value): &'_ (String, String)| -> bool {
            header::is_authorization(name) && !value.is_empty()
        };
        let masked = |name, value| self.masked_header(name, value);
        let mut headers: Vec<(&str, Cow<'_, str>)> = self
            .headers
            .iter()
            .map(|one| (one.0.as_str(), if shown(one) { REDACTED.into() } else { masked(&one.0, &one.1) }))
            .collect();
        for placement in &*self.credentials {
            match &placement.place {
                Place::Header { name, prefix } => headers.push((name, format!("{prefix}{REDACTED}").into())),
                Place::Cookie { name } => add_cookie(&mut headers, &format!("{name}={REDACTED}")),
                Place::Query { .. } => {}
            }
        }
        headers
    }

    /// The body.
    #[must_use]
    pub fn content(&self) -> &Content {
        static NONE: Content = Content::None;
        self.body.as_deref().unwrap_or(&NONE)
    }

    /// What does not fit and is sent all the same: values beyond an enum that grows, and every misfit where
    /// checks are turned off.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The prepared request as one line of JSON: `operation`, `method`, `url`, `headers`, `body`. Stable.
    ///
    /// Numbers of a JSON body keep their text; a body that is a file is read, and the text is empty if the file is
    /// gone by now. The same is there as `Serialize`.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn add_cookie(headers: &mut Vec<(&str, Cow<'_, str>)>, pair: &str) {
    match headers.iter_mut().find(|(name, _)| *name == "cookie") {
        Some((_, cookies)) => *cookies = format!("{cookies}; {pair}").into(),
        None => headers.push(("cookie", pair.to_owned().into())),
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("operation", &self.operation)
            .field("method", &self.method)
            .field("url", &self.url())
            .field("headers", &self.headers())
            .field("body", self.content())
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

impl Serialize for Request {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut shown = serializer.serialize_struct("Request", 5)?;
        shown.serialize_field("operation", &self.operation())?;
        shown.serialize_field("method", self.method.as_str())?;
        shown.serialize_field("url", &self.url())?;
        shown.serialize_field("headers", &self.headers())?;
        match self.content() {
            Content::File(path) => {
                let media_type = self.headers.iter().find(|(name, _)| name == "content-type");
                let media_type = media_type.map_or("", |(_, value)| value);
                shown.serialize_field("body", &Streamed { path, media_type })?;
            }
            body => shown.serialize_field("body", body)?,
        }
        shown.end()
    }
}

impl Serialize for Content {
    /// `null`, `{"json"}`, `{"form","text"}`, `{"text"}`, `{"base64"}` or `{"multipart"}`. A file is read.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = match self {
            Self::None => return serializer.serialize_unit(),
            Self::File(path) => return Streamed { path, media_type: "" }.serialize(serializer),
            _ => serializer.serialize_map(None)?,
        };
        match self {
            Self::None | Self::File(_) => {}
            Self::Json(text) => match RawValue::from_string(text.clone()) {
                Ok(json) => map.serialize_entry("json", &json)?,
                Err(_) => map.serialize_entry("text", text)?,
            },
            Self::Form { pairs, text } => {
                map.serialize_entry("form", pairs)?;
                map.serialize_entry("text", text)?;
            }
            Self::Text(text) => map.serialize_entry("text", text)?,
            Self::Bytes(bytes) => map.serialize_entry("base64", &STANDARD.encode(bytes))?,
            Self::Multipart(parts) => map.serialize_entry("multipart", parts)?,
        }
        map.end()
    }
}

/// A whole body that is streamed from a file: what it holds, as its media type says.
struct Streamed<'a> {
    path: &'a std::path::Path,
    media_type: &'a str,
}

impl Serialize for Streamed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = std::fs::read(self.path).map_err(serde::ser::Error::custom)?;
        let content = match (Kind::of(self.media_type), std::str::from_utf8(&bytes)) {
            (Kind::Bytes | Kind::Multipart, _) | (_, Err(_)) => Content::Bytes(bytes.into()),
            (Kind::Json, Ok(text)) => Argument::from_json_text(text)
                .map_or_else(|_| Content::Text(text.to_owned()), |json| Content::Json(json.to_json_text())),
            (_, Ok(text)) => Content::Text(text.to_owned()),
        };
        content.serialize(serializer)
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        if let Some(filename) = &self.filename {
            map.serialize_entry("filename", filename)?;
        }
        if let Some(content_type) = &self.content_type {
            map.serialize_entry("content_type", content_type)?;
        }
        if !self.headers.is_empty() {
            map.serialize_entry("headers", &self.headers)?;
        }
        match &self.content {
            PartContent::Text(text) => map.serialize_entry("text", text)?,
            PartContent::Bytes(bytes) => map.serialize_entry("base64", &STANDARD.encode(bytes))?,
            PartContent::File(path) => map.serialize_entry("bytes", &length(path))?,
        }
        map.end()
    }
}

/// How long a file is at the moment it is shown; 0 where it cannot be read, which sending it will tell.
fn length(path: &std::path::Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

impl TryFrom<Request> for http::Request<Bytes> {
    type Error = Error;

    /// The request for another HTTP client, without credentials: their values are not in a [`Request`].
    ///
    /// # Errors
    /// The body streams from a file, so that it has no bytes ([`Error::Io`]), or the base URL is no URI.
    fn try_from(request: Request) -> Result<Self, Error> {
        let failed = |problem: String| {
            let source = std::io::Error::new(std::io::ErrorKind::InvalidInput, problem);
            Error::Io(Box::new(IoError { action: "making an http::Request".to_owned(), source }))
        };
        let mut builder = http::Request::builder().method(request.method.as_str()).uri(&request.url);
        let (bytes, boundary) =
            bytes_of(request.body.map_or(Content::None, Arc::unwrap_or_clone)).map_err(failed)?;
        for (name, value) in request.headers.iter() {
            match &boundary {
                Some(boundary) if name == "content-type" => {
                    builder = builder.header(name, format!("{value}; boundary={boundary}"));
                }
                _ => builder = builder.header(name, value),
            }
        }
        builder.body(bytes).map_err(|error| failed(error.to_string()))
    }
}

/// The bytes of a body, and the boundary where it has parts.
fn bytes_of(content: Content) -> Result<(Bytes, Option<String>), String> {
    Ok(match content {
        Content::None => (Bytes::new(), None),
        Content::Json(text) | Content::Text(text) | Content::Form { text, .. } => (text.into(), None),
        Content::Bytes(bytes) => (bytes, None),
        Content::File(path) => return Err(streamed(&path)),
        Content::Multipart(parts) => {
            let boundary = boundary(&parts);
            (multipart(&parts, &boundary)?.into(), Some(boundary))
        }
    })
}

fn streamed(path: &std::path::Path) -> String {
    format!("{} would be streamed; give its bytes", path.display())
}

/// A boundary that no part holds (RFC 2046 §5.1.1); the same parts give the same.
fn boundary(parts: &[Part]) -> String {
    let holds = |boundary: &str| {
        parts.iter().any(|part| match &part.content {
            PartContent::Text(text) => text.contains(boundary),
            PartContent::Bytes(bytes) => {
                bytes.windows(boundary.len()).any(|window| window == boundary.as_bytes())
            }
            PartContent::File(_) => false,
        })
    };
    let mut boundary = "opcall-part".to_owned();
    while holds(&boundary) {
        boundary.push('-');
    }
    boundary
}

fn multipart(parts: &[Part], boundary: &str) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    for part in parts {
        let mut head =
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"", quoted(&part.name));
        if let Some(filename) = &part.filename {
            head.extend(["; filename=\"", &quoted(filename), "\""]);
        }
        if let Some(content_type) = &part.content_type {
            head.extend(["\r\ncontent-type: ", content_type]);
        }
        for (name, value) in &part.headers {
            head.extend(["\r\n", name, ": ", value]);
        }
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(b"\r\n\r\n");
        match &part.content {
            PartContent::Text(text) => body.extend_from_slice(text.as_bytes()),
            PartContent::Bytes(bytes) => body.extend_from_slice(bytes),
            PartContent::File(path) => return Err(streamed(path)),
        }
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok(body)
}

/// As browsers write names of parts (WHATWG HTML, multipart/form-data encoding algorithm).
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
#[path = "show_tests.rs"]
mod tests;
