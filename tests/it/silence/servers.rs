//! What servers do that calls with secrets meet: they answer, refuse, redirect, repeat all they were sent wherever an
//! error may tell it, break off, stand still. How they are reached is the matter of `stage`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::search::secret;
use crate::support::Received;

/// An operation for each place of a credential.
pub(super) const DOCUMENT: &str = r#"{
  "openapi": "3.1.0", "info": {"title": "s", "version": "1"}, "x-service": "silent", "servers": [{"url": "SERVER"}],
  "components": {"securitySchemes": {
    "header": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "query": {"type": "apiKey", "in": "query", "name": "key"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "key"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "basic"},
    "digest": {"type": "http", "scheme": "digest"},
    "whole": {"type": "http", "scheme": "token"},
    "post": {"type": "oauth2", "x-oauth2": {"revoke": "/revoke"},
      "flows": {"clientCredentials": {"tokenUrl": "/token", "scopes": {}}}},
    "client": {"type": "oauth2", "x-oauth2": {"client-auth": "basic", "revoke": "/revoke"},
      "flows": {"clientCredentials": {"tokenUrl": "/token", "scopes": {}}}},
    "id": {"type": "openIdConnect", "openIdConnectUrl": "/.well-known/openid-configuration"}}},
  "paths": {
    "/header": {"get": {"operationId": "by_header", "security": [{"header": []}]}},
    "/query": {"get": {"operationId": "by_query", "security": [{"query": []}]}},
    "/cookie": {"get": {"operationId": "by_cookie", "security": [{"cookie": []}]}},
    "/bearer": {"get": {"operationId": "by_bearer", "security": [{"bearer": []}]}},
    "/basic": {"get": {"operationId": "by_basic", "security": [{"basic": []}]}},
    "/digest": {"get": {"operationId": "by_digest", "security": [{"digest": []}]}},
    "/whole": {"get": {"operationId": "by_scheme", "security": [{"whole": []}]}},
    "/post": {"post": {"operationId": "by_client", "security": [{"post": ["a"]}]}},
    "/client": {"get": {"operationId": "by_basic_client", "security": [{"client": ["b"]}]}},
    "/id": {"get": {"operationId": "by_openid", "security": [{"id": ["c"]}]}}}
}"#;

/// The operations of [`DOCUMENT`].
pub(super) const OPERATIONS: [&str; 10] = [
    "by_header",
    "by_query",
    "by_cookie",
    "by_bearer",
    "by_basic",
    "by_digest",
    "by_scheme",
    "by_client",
    "by_basic_client",
    "by_openid",
];

/// What a server does with calls; each gives tokens that are secrets too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// It answers, with a secret inside.
    Answering,
    /// It refuses with a status, and repeats what it was sent in the body and in its headers.
    Repeating { status: u16, also_tokens: bool },
    /// It says yes, and repeats what it was sent where something else is expected.
    Misleading,
    /// Each first call fails in a way that is repeated.
    Recovering,
    /// It leads on to an address in which it repeats what it was sent, and refuses there.
    Leading,
    /// It leads in a circle, or to another origin.
    Circling,
    /// It breaks off in the middle of each answer.
    Breaking,
    /// It goes away in place of an answer, or turns a call away.
    Silent,
    /// Its answers come too late.
    Slow,
    /// It wants no calls for an hour: those after the first of a credential are held back.
    AskingToWait,
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Whole,
    Torn,
    None,
}

/// An answer, whatever carries it.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
    pub(super) end: End,
    pub(super) wait: Duration,
}

impl Reply {
    pub(super) fn of(status: u16, body: &serde_json::Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: body.to_string(), end: End::Whole, wait: Duration::ZERO }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }
}

/// Answers slower than any call waits that meets a slow server.
pub(super) const SLOW: Duration = Duration::from_millis(400);

impl Manner {
    /// The answer to a request, which has come after so many others.
    pub(super) fn answer(self, request: &Received, here: &str, before: usize) -> Reply {
        let also_tokens = matches!(self, Self::Repeating { also_tokens: true, .. });
        let signing = signing_in(request, here).filter(|_| !(also_tokens && request.method == "POST"));
        if let Some(reply) = signing {
            return reply;
        }
        let said = said(request);
        let good = || Reply::of(200, &json!({"value": secret("answer"), "data": {}}));
        match self {
            Self::Repeating { status, .. } => {
                repeating(status, &said, request.target.len().is_multiple_of(2))
            }
            Self::Misleading => misleading(&said, before),
            Self::Recovering if before.is_multiple_of(2) => {
                Reply::of(503, &json!({"message": said})).with("retry-after-ms", "1")
            }
            Self::Answering | Self::Recovering => good(),
            Self::Leading if request.target.starts_with("/led/") => repeating(403, &said, false),
            Self::Leading => {
                let path = utf8_percent_encode(&said, NON_ALPHANUMERIC);
                Reply::of(307, &json!({})).with("location", format!("/led/{path}?and={path}"))
            }
            Self::Circling => {
                let places =
                    ["/led/SAID", "http://user:SAID@other.example/", "https://other.example/SAID", "SAID:x"];
                let path = if before.is_multiple_of(2) { said.clone() } else { percent(&said) };
                Reply::of(307, &json!({})).with("location", places[before / 2 % 4].replace("SAID", &path))
            }
            Self::Breaking => Reply { end: End::Torn, ..good() },
            Self::Silent => Reply { end: End::None, ..good() },
            Self::Slow => Reply { wait: SLOW, ..good() },
            Self::AskingToWait => Reply::of(429, &json!({})).with("retry-after", "3600"),
        }
    }
}

fn percent(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// What every server needs for signing in.
fn signing_in(request: &Received, here: &str) -> Option<Reply> {
    match request.target.split('?').next()? {
        "/.well-known/openid-configuration" => Some(Reply::of(
            200,
            &json!({"issuer": here, "token_endpoint": format!("{here}/token"),
                "revocation_endpoint": format!("{here}/revoke")}),
        )),
        "/token" | "/oauth2/token" => {
            Some(Reply::of(201, &json!({"access_token": secret("fetched"), "expires_in": 1800})))
        }
        "/digest" if request.header("authorization").is_none() => Some(
            Reply::of(401, &json!({}))
                .with("www-authenticate", "Digest realm=\"r\", nonce=\"n\", qop=\"auth\""),
        ),
        _ => None,
    }
}

/// All that a request told of secrets, as it came and decoded.
pub(super) fn said(request: &Received) -> String {
    let mut said = format!("wrong: {} {} ", request.method, request.target);
    for name in ["authorization", "proxy-authorization", "x-key", "x-token", "cookie"] {
        if let Some(value) = request.header(name) {
            said.extend([name, " ", value, " "]);
            let credentials = value.split(' ').next_back().unwrap();
            said += &String::from_utf8_lossy(&BASE64.decode(credentials).unwrap_or_default());
        }
    }
    said + &request.text()
}

/// A refusal in which everything is repeated that an error might tell.
pub(super) fn repeating(status: u16, said: &str, is_cut: bool) -> Reply {
    // What is cut at the end of an error may be cut inside a secret.
    let text = if is_cut { format!("{}{said}", "x".repeat(490)) } else { said.to_owned() };
    let body =
        json!({"message": text, "errors": [{"message": text, "code": text}], "meta": {"trace_id": text}});
    let location = if is_cut { format!("/{}?{said}", percent(said)) } else { format!("/{said}") };
    Reply::of(status, &body)
        .with("location", location)
        .with("x-cs-region", said)
        .with("x-echo", said)
        .with("set-cookie", said)
        .with("retry-after", said)
        .with(
            "www-authenticate",
            format!("Digest realm=\"{said}\", nonce=\"n\", qop=\"auth\", algorithm=\"{said}\""),
        )
}

fn misleading(said: &str, before: usize) -> Reply {
    let good =
        Reply::of(200, &json!(said)).with("link", format!("<https://other.example/{said}>; rel=\"next\""));
    match before % 4 {
        0 => good,
        1 => Reply { body: said.to_owned(), ..good.with("content-type", format!("text/{said}")) },
        2 => Reply { body: said.to_owned(), ..good.with("content-encoding", said) },
        _ => Reply {
            body: said.to_owned(),
            ..good.with("content-encoding", "gzip").with("content-type", said)
        },
    }
}
