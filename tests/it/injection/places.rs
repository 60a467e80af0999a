//! The places that take a text of the caller, what must stand on the wire for a text, and which texts no such place
//! can carry.

use opcall::{Command, Harness, Method};
use serde_json::Value;

use super::wire::{Pairs, Sent, decoded, pairs, shown, split};

/// A place in a request that the caller fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    Header,
    Cookie,
    Form,
    PathLast,
    PathInside,
    PathLabel,
    PathMatrix,
    PathReserved,
    QueryReserved,
    QueryJson,
    RawCookie,
    OwnHeader,
    Json,
    Text,
    HeaderName,
    QueryName,
    CookieName,
    FormName,
    Endpoint,
}

/// The five places of values.
pub(super) const FIVE: [Place; 5] = [Place::Path, Place::Query, Place::Header, Place::Cookie, Place::Form];

/// What else takes a text: other styles, bodies, the caller's own headers, and names.
pub(super) const MORE: [Place; 16] = [
    Place::PathLast,
    Place::PathInside,
    Place::PathLabel,
    Place::PathMatrix,
    Place::PathReserved,
    Place::QueryReserved,
    Place::QueryJson,
    Place::RawCookie,
    Place::OwnHeader,
    Place::Json,
    Place::Text,
    Place::HeaderName,
    Place::QueryName,
    Place::CookieName,
    Place::FormName,
    Place::Endpoint,
];

/// An operation for each place.
pub(super) const DOCUMENT: &str = r#"{
  "openapi": "3.2.0", "info": {"title": "i", "version": "1"}, "x-service": "injection",
  "servers": [{"url": "SERVER"}], "paths": {
    "/at/{value}/end": {"get": {"operationId": "path", "parameters": [
      {"name": "value", "in": "path", "required": true, "schema": {"type": "string"}}]}},
    "/last/{value}": {"get": {"operationId": "path_last", "parameters": [
      {"name": "value", "in": "path", "required": true, "schema": {"type": "string"}}]}},
    "/inside/a{value}b/end": {"get": {"operationId": "path_inside", "parameters": [
      {"name": "value", "in": "path", "required": true, "schema": {"type": "string"}}]}},
    "/label/{value}/end": {"get": {"operationId": "path_label", "parameters": [
      {"name": "value", "in": "path", "required": true, "style": "label", "schema": {"type": "string"}}]}},
    "/matrix/{value}/end": {"get": {"operationId": "path_matrix", "parameters": [
      {"name": "value", "in": "path", "required": true, "style": "matrix", "schema": {"type": "string"}}]}},
    "/reserved/{value}/end": {"get": {"operationId": "path_reserved", "parameters": [
      {"name": "value", "in": "path", "required": true, "allowReserved": true, "schema": {"type": "string"}}]}},
    "/get": {"get": {"operationId": "get"}},
    "/query": {"get": {"operationId": "query", "parameters": [
      {"name": "value", "in": "query", "schema": {"type": "string"}}]}},
    "/query/reserved": {"get": {"operationId": "query_reserved", "parameters": [
      {"name": "value", "in": "query", "allowReserved": true, "schema": {"type": "string"}}]}},
    "/query/json": {"get": {"operationId": "query_json", "parameters": [
      {"name": "value", "in": "query", "content": {"application/json": {"schema": {"type": "string"}}}}]}},
    "/header": {"get": {"operationId": "header", "parameters": [
      {"name": "X-Value", "in": "header", "schema": {"type": "string"}}]}},
    "/cookie": {"get": {"operationId": "cookie", "parameters": [
      {"name": "value", "in": "cookie", "style": "form", "schema": {"type": "string"}}]}},
    "/cookie/raw": {"get": {"operationId": "raw_cookie", "parameters": [
      {"name": "value", "in": "cookie", "style": "cookie", "schema": {"type": "string"}}]}},
    "/form": {"post": {"operationId": "form", "requestBody": {"content": {"application/x-www-form-urlencoded":
      {"schema": {"type": "object", "properties": {"value": {"type": "string"}}}}}}}},
    "/form/open": {"post": {"operationId": "form_open", "requestBody": {"content":
      {"application/x-www-form-urlencoded": {"schema": {"type": "object"}}}}}},
    "/json": {"post": {"operationId": "json", "requestBody": {"content": {"application/json":
      {"schema": {"type": "object", "properties": {"value": {"type": "string"}}}}}}}},
    "/text": {"post": {"operationId": "text", "requestBody": {"content":
      {"text/plain": {"schema": {"type": "string"}}}}}},
    "/parts": {"post": {"operationId": "parts", "requestBody": {"content": {"multipart/form-data":
      {"schema": {"type": "object", "properties": {"field": {"type": "string"},
        "file": {"type": "string", "format": "binary"}}}}}}}},
    "/bytes": {"post": {"operationId": "bytes", "requestBody": {"content":
      {"application/octet-stream": {}}}}}
  }
}"#;

impl Place {
    /// The call that puts a text at this place.
    pub(super) fn command<'h>(self, harness: &'h Harness, text: &'h str) -> Command<'h> {
        let value = |operation: &'h str| harness.command(operation, [("value", text)]);
        let named =
            |operation: &'h str, place: &str| harness.command(operation, [(format!("{place}.{text}"), "v")]);
        match self {
            Self::Path => value("path"),
            Self::PathLast => value("path_last"),
            Self::PathInside => value("path_inside"),
            Self::PathLabel => value("path_label"),
            Self::PathMatrix => value("path_matrix"),
            Self::PathReserved => value("path_reserved"),
            Self::Query => value("query"),
            Self::QueryReserved => value("query_reserved"),
            Self::QueryJson => value("query_json"),
            Self::Header => harness.command("header", [("X-Value", text)]),
            Self::OwnHeader => harness.command("get", ()).header("X-Own", text),
            Self::Cookie => value("cookie"),
            Self::RawCookie => value("raw_cookie"),
            Self::Form => value("form"),
            Self::Json => value("json"),
            Self::Text => harness.command("text", ()).body(text),
            Self::HeaderName => harness.command("get", ()).header(text, "v"),
            Self::QueryName => named("get", "query"),
            Self::CookieName => named("get", "cookie"),
            Self::FormName => named("form_open", "body"),
            Self::Endpoint => harness.request("injection", Method::Get, text, ()),
        }
    }

    /// Whether no such place can carry a text, so that the call must be refused; `None` where either is right.
    pub(super) fn refuses(self, text: &str) -> Option<bool> {
        // The HTTP library sends URLs of up to 65,534 bytes.
        let is_too_long = |encoded: usize| match encoded {
            ..=64_000 => Some(false),
            66_000.. => Some(true),
            _ => None,
        };
        let as_path = || is_too_long(encoded_length(text));
        let is_field = is_field_value(text);
        match self {
            Self::Path | Self::PathLast if matches!(text, "" | "." | "..") => Some(true),
            Self::PathInside if text.is_empty() => Some(true),
            // A label begins with a dot of its own.
            Self::PathLabel if matches!(text, "" | ".") => Some(true),
            Self::PathReserved => match text {
                "" => Some(true),
                _ if text.contains('/') => Some(true),
                _ => decoded_where_it_can(text).map(|plain| matches!(&plain[..], b"." | b"..")),
            }
            .filter(|_| text.len() < 20_000),
            Self::Endpoint | Self::QueryReserved => None,
            Self::Path
            | Self::PathLast
            | Self::PathInside
            | Self::PathLabel
            | Self::PathMatrix
            | Self::Query
            | Self::QueryName => as_path(),
            Self::QueryJson => is_too_long(encoded_length(&Value::from(text).to_string())),
            Self::Header | Self::OwnHeader => Some(!is_field),
            Self::RawCookie => Some(!is_field || text.contains(';')),
            // Names of the connection's own fields are the client's.
            Self::HeaderName if text.eq_ignore_ascii_case("keep-alive") => Some(true),
            Self::HeaderName => Some(!is_token(text) || text.len() > 65_535),
            Self::Cookie | Self::CookieName | Self::Form | Self::FormName | Self::Json | Self::Text => {
                Some(false)
            }
        }
    }

    /// Holds what came against what the text should have become.
    pub(super) fn check(self, sent: &Sent, text: &str) -> Result<(), String> {
        // Brackets are reserved, but for no part of a path or query (RFC 3986 §3.3); where a document says that what is
        // reserved passes, and where the caller writes a whole path, they stay, as in URLs of browsers.
        let is_free = matches!(self, Self::PathReserved | Self::QueryReserved | Self::Endpoint);
        let found = Found::of(sent, if is_free { b"[]" } else { b"" })?;
        let value = text.as_bytes().to_vec();
        let expected = Found { headers: self.headers(text), ..self.expected(text, &found) };
        same("the headers", &names(&found.headers), &names(&expected.headers))?;
        for (name, wanted) in expected.headers.iter().filter(|(_, wanted)| *wanted != b"*") {
            let got = found.headers.iter().find(|(known, _)| known == name).map(|(_, got)| got);
            same(name, &got, &Some(wanted))?;
        }
        same("the path", &found.path, &expected.path)?;
        same("the query", &found.query, &expected.query)?;
        same("the cookies", &found.cookies, &expected.cookies)?;
        same("the method", &sent.method.as_str(), &if self.has_body() { "POST" } else { "GET" })?;
        match self {
            Self::Form => same("the form", &form(sent)?, &vec![(b"value".to_vec(), value)]),
            Self::FormName => same("the form", &form(sent)?, &vec![(value, b"v".to_vec())]),
            Self::Json => {
                let read = serde_json::from_slice::<Value>(&sent.body).map_err(|error| error.to_string())?;
                same("the body", &read, &serde_json::json!({"value": text}))
            }
            Self::Text => same("the body", &sent.body, &value),
            _ => same("the body", &sent.body.len(), &0),
        }
    }

    /// Whether the text is a name.
    pub(super) fn is_name(self) -> bool {
        matches!(self, Self::HeaderName | Self::QueryName | Self::CookieName | Self::FormName)
    }

    fn has_body(self) -> bool {
        matches!(self, Self::Form | Self::FormName | Self::Json | Self::Text)
    }

    /// Path, query and cookies, decoded.
    fn expected(self, text: &str, found: &Found) -> Found {
        let value = text.as_bytes().to_vec();
        let around = |before: &[u8], after: &[u8]| [before, &value, after].concat();
        let path = |segments: &[&[u8]]| segments.iter().map(|one| one.to_vec()).collect::<Vec<_>>();
        let pair = |name: &[u8], value: &[u8]| vec![(name.to_vec(), value.to_vec())];
        let segments = match self {
            Self::Path => path(&[b"at", &value, b"end"]),
            Self::PathLast => path(&[b"last", &value]),
            Self::PathInside => path(&[b"inside", &around(b"a", b"b"), b"end"]),
            Self::PathLabel => path(&[b"label", &around(b".", b""), b"end"]),
            Self::PathMatrix if text.is_empty() => path(&[b"matrix", b";value", b"end"]),
            Self::PathMatrix => path(&[b"matrix", &around(b";value=", b""), b"end"]),
            // Escapes that are there already pass as they are.
            Self::PathReserved => {
                path(&[b"reserved", &decoded_where_it_can(text).unwrap_or(value.clone()), b"end"])
            }
            Self::Query => path(&[b"query"]),
            Self::QueryReserved => path(&[b"query", b"reserved"]),
            Self::QueryJson => path(&[b"query", b"json"]),
            Self::Header => path(&[b"header"]),
            Self::Cookie => path(&[b"cookie"]),
            Self::RawCookie => path(&[b"cookie", b"raw"]),
            Self::Form => path(&[b"form"]),
            Self::FormName => path(&[b"form", b"open"]),
            Self::Json => path(&[b"json"]),
            Self::Text => path(&[b"text"]),
            Self::OwnHeader | Self::HeaderName | Self::QueryName | Self::CookieName => path(&[b"get"]),
            // The caller writes the path, so its segments are the caller's.
            Self::Endpoint => found.path.clone(),
        };
        let mut expected = Found { path: segments, ..Found::default() };
        match self {
            Self::Query => expected.query = pair(b"value", &value),
            Self::QueryJson => expected.query = pair(b"value", Value::from(text).to_string().as_bytes()),
            Self::QueryName => expected.query = pair(&value, b"v"),
            // `&` and `=` pass there, as the document wants it.
            Self::QueryReserved | Self::Endpoint => expected.query.clone_from(&found.query),
            Self::Cookie => expected.cookies = pair(b"value", &value),
            Self::CookieName => expected.cookies = pair(&value, b"v"),
            _ => {}
        }
        if self == Self::RawCookie {
            expected.cookies.clone_from(&found.cookies);
        }
        expected
    }

    /// The header fields; `*` where any value will do.
    fn headers(self, text: &str) -> Vec<(String, Vec<u8>)> {
        let mut expected: Vec<(String, Vec<u8>)> = ["accept", "accept-encoding", "host", "user-agent"]
            .iter()
            .map(|name| ((*name).to_owned(), b"*".to_vec()))
            .collect();
        let mut add = |name: &str, value: &[u8]| {
            expected.retain(|(known, _)| known != name);
            expected.push((name.to_owned(), value.to_vec()));
        };
        match self {
            Self::Header => add("x-value", text.as_bytes()),
            Self::OwnHeader => add("x-own", text.as_bytes()),
            Self::HeaderName => add(&text.to_ascii_lowercase(), b"v"),
            Self::Cookie | Self::CookieName => add("cookie", b"*"),
            Self::RawCookie => add("cookie", format!("value={text}").as_bytes()),
            Self::Form | Self::FormName | Self::Json | Self::Text => {
                add("content-type", b"*");
                // A body of no bytes has no length.
                if self != Self::Text || !text.is_empty() {
                    add("content-length", b"*");
                }
            }
            _ => {}
        }
        expected
    }
}

/// What a request says, decoded.
#[derive(Debug, Default)]
struct Found {
    path: Vec<Vec<u8>>,
    query: Pairs,
    headers: Vec<(String, Vec<u8>)>,
    cookies: Pairs,
}

impl Found {
    fn of(sent: &Sent, more: &[u8]) -> Result<Self, String> {
        let target = split(&sent.target, more)?;
        let path = target.segments.iter().map(|one| decoded(one)).collect::<Result<_, _>>()?;
        let query = match target.query {
            // Nothing says that a query must be pairs, where the caller writes it.
            Some(query) => {
                pairs(query, false).or_else(|_| Ok::<_, String>(vec![(decoded(query)?, Vec::new())]))?
            }
            None => Vec::new(),
        };
        let cookies = match sent.headers.iter().find(|(name, _)| name == "cookie") {
            Some((_, text)) => of_cookies(text)?,
            None => Vec::new(),
        };
        Ok(Self { path, query, headers: sent.headers.clone(), cookies })
    }
}

/// Pairs of the `cookie` header as servers read them (RFC 6265 §5.4): split at `;`, spaces around cut off; then decoded.
fn of_cookies(text: &[u8]) -> Result<Pairs, String> {
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    let read = |pair: &str| {
        let (name, value) =
            pair.trim_matches(' ').split_once('=').ok_or_else(|| format!("no cookie: {pair:?}"))?;
        let plain = |text: &str| decoded(text).unwrap_or_else(|_| text.as_bytes().to_vec());
        Ok((plain(name), plain(value)))
    };
    text.split(';').map(read).collect()
}

fn form(sent: &Sent) -> Result<Pairs, String> {
    pairs(std::str::from_utf8(&sent.body).map_err(|error| error.to_string())?, true)
}

fn names(headers: &[(String, Vec<u8>)]) -> Vec<&str> {
    let mut names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: &T, wanted: &T) -> Result<(), String> {
    if got == wanted {
        return Ok(());
    }
    let short = |one: &T| shown(format!("{one:?}").as_bytes());
    Err(format!("{what}: {} instead of {}", short(got), short(wanted)))
}

/// How long a text is when all but the unreserved letters of RFC 3986 are escaped.
fn encoded_length(text: &str) -> usize {
    text.bytes().map(|byte| if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) { 1 } else { 3 }).sum()
}

/// A field value of visible ASCII, spaces and tabs inside (RFC 9110 §5.5); it may be empty.
fn is_field_value(text: &str) -> bool {
    let is_inner = |byte: u8| matches!(byte, b'\t' | b' '..=b'~');
    text.bytes().all(is_inner) && text.trim_matches([' ', '\t']) == text
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    let is_one = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_one)
}

/// Percent-decoded where `%` has its digits, and as it stands where it has not.
fn decoded_where_it_can(text: &str) -> Option<Vec<u8>> {
    let mut escaped = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        escaped.push_str(&rest[..at]);
        let is_escape =
            rest.as_bytes().get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
        escaped.push_str(if is_escape { "%" } else { "%25" });
        rest = &rest[at + 1..];
    }
    escaped.push_str(rest);
    decoded(&escaped).ok()
}
