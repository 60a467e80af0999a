//! One request as the services see it, and one answer: no sockets, no server.

use std::net::IpAddr;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value};

/// Which of the two listeners a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Region {
    Us1,
    Us2,
}

impl Region {
    pub(crate) const BOTH: [Self; 2] = [Self::Us1, Self::Us2];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Us1 => "us-1",
            Self::Us2 => "us-2",
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Us1 => Self::Us2,
            Self::Us2 => Self::Us1,
        }
    }
}

/// One request, read whole.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    pub(crate) method: String,
    /// The path below the service's prefix, as sent.
    pub(crate) path: String,
    /// The query's pairs, decoded.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) peer: IpAddr,
    pub(crate) region: Region,
    /// The other region's base URL for this service.
    pub(crate) elsewhere: String,
    /// Milliseconds since the epoch.
    pub(crate) now: i64,
    pub(crate) trace: String,
    /// A fault says that the token endpoint has moved, so that the other region lets every client in.
    pub(crate) moved: bool,
}

impl Incoming {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The first value of a query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query_all(name).next()
    }

    pub(crate) fn query_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The members of a list given as repeated parameters, comma strings or both.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let mut members: Vec<String> = Vec::new();
        for one in self.query_all(name).flat_map(|value| value.split(',')).map(str::trim) {
            if !one.is_empty() && !members.iter().any(|known| known == one) {
                members.push(one.to_owned());
            }
        }
        members
    }

    /// What follows an authentication scheme in `Authorization` (RFC 9110 §11.4: the scheme in any case).
    pub(crate) fn authorization(&self, scheme: &str) -> Option<&str> {
        let (given, credentials) = self.header("authorization")?.split_once(' ')?;
        given.eq_ignore_ascii_case(scheme).then(|| credentials.trim())
    }

    /// The media type of the body in lower case, without parameters.
    pub(crate) fn media_type(&self) -> Option<String> {
        let text = self.header("content-type")?;
        Some(text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }

    /// The body as a JSON object, or what is wrong with it.
    pub(crate) fn object(&self) -> Result<Map<String, Value>, String> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err("the request body must be a JSON object".to_owned()),
            Err(_) => Err("the request body is not valid JSON".to_owned()),
        }
    }

    /// The pairs of an `application/x-www-form-urlencoded` body; `None` where it says to be something else.
    pub(crate) fn form(&self) -> Option<Vec<(String, String)>> {
        let is_form = self.media_type().as_deref() == Some("application/x-www-form-urlencoded");
        is_form.then(|| url::form_urlencoded::parse(&self.body).into_owned().collect())
    }
}

/// The first value of a form's field.
pub(crate) fn field<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::of(status, "application/json", body.to_string().into_bytes())
    }

    pub(crate) fn text(status: u16, text: &str) -> Self {
        Self::of(status, "text/plain; charset=UTF-8", text.as_bytes().to_vec())
    }

    pub(crate) fn of(status: u16, media_type: &str, body: Vec<u8>) -> Self {
        Self { status, headers: vec![("content-type", media_type.to_owned())], body }
    }

    /// Adds a header unless the answer has it.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if !self.headers.iter().any(|(known, _)| *known == name) {
            self.headers.push((name, value.into()));
        }
        self
    }
}

/// What a status is called, for messages of faults.
pub(crate) fn reason(status: u16) -> String {
    let known = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    known.map_or_else(|| format!("status {status}"), str::to_lowercase)
}
