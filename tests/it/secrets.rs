//! No secret stands in anything that is shown: `Debug` and `Display` of every public type, error chains, dry runs,
//! and every log event at TRACE. The secrets are canaries whose plain, percent-encoded and base64 forms are looked for.

use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use md5::Digest as _;
use opcall::{Credentials, Harness, Profile};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::support::{Reply, Server, builder, in_region};

/// Forms of `canary/SECRET`: plain, percent-encoded, base64 after `id:` (at the start of a group of three bytes), the
/// same of the form-encoded text, and the hash that digest authentication makes of `id:r:canary/SECRET`.
const CANARIES: [&str; 6] = [
    "canary/SECRET",
    "canary%2FSECRET",
    "canary%2fSECRET",
    "aWQ6Y2FuYXJ5L1NFQ1JFV",
    "aWQ6Y2FuYXJ5JTJGU0VDUkVU",
    "HASH",
];
const SECRET: &str = "canary/SECRET";

/// Writes every event and its fields into a text.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<String>>);

impl Subscriber for Recorder {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Writer(&mut self.0.lock().unwrap()));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Writer(&mut self.0.lock().unwrap()));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = self.0.lock().unwrap();
        write!(text, "\n{}", event.metadata().target()).unwrap();
        event.record(&mut Writer(&mut text));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Writer<'a>(&'a mut String);

impl Visit for Writer<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

/// Shows an error as a program would: `Display`, `Debug`, hint, and its sources.
fn shown(error: &opcall::Error) -> String {
    let mut text = format!("{error}\n{error:?}\n{:?}\n", error.hint());
    let mut source = error.source();
    while let Some(one) = source {
        write!(text, "{one}\n{one:?}\n").unwrap();
        source = one.source();
    }
    text
}

async fn tried(harness: &Harness, id: &str) -> String {
    let call = || harness.command(id, [("limit", 5)]).allow_unknown();
    let mut text = format!("{:?}\n", call());
    match call().prepare() {
        Ok(request) => write!(text, "{request}\n{request:?}\n").unwrap(),
        Err(error) => text.push_str(&shown(&error)),
    }
    match call().await {
        Ok(response) => writeln!(text, "{response:?}").unwrap(),
        Err(error) => text.push_str(&shown(&error)),
    }
    text
}

fn every_kind() -> Credentials {
    Credentials::new()
        .client("id", SECRET)
        .access_token(SECRET)
        .api_key(SECRET)
        .basic("id", SECRET)
        .scheme("other", SECRET)
}

const KEY_IN_QUERY: &str = r#"{
  "openapi": "3.0.3", "info": {"title": "q", "version": "1"}, "x-service": "querykey",
  "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "query", "name": "key"}}},
  "security": [{"key": []}], "paths": {"/a": {"get": {"operationId": "by_query", "responses": {}}}}
}"#;

async fn query_key(url: &str) -> String {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), KEY_IN_QUERY).unwrap();
    let profile = Profile::new().base_url(url).credentials(every_kind());
    let harness = builder().spec(file.path()).profile("querykey", profile).build().unwrap();
    tried(&harness, "by_query").await
}

#[tokio::test]
async fn canaries_stand_in_nothing_that_is_shown() {
    let recorder = Recorder::default();
    let guard = tracing::subscriber::set_default(recorder.clone());
    let mut text = format!("{:?}\n{:?}\n", every_kind(), Profile::new().credentials(every_kind()));

    let good = Server::start(|request, _| match request.target.as_str() {
        "/oauth2/token" => Reply::token(SECRET, 1800),
        _ => Reply::json(200, &format!(r#"{{"value": "{SECRET}"}}"#)),
    });
    let refusing = Server::start(|_, _| Reply::json(403, r#"{"errors":[{"message":"no"}]}"#));
    let breaking = Server::start(|_, _| Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"));
    for server in [&good, &refusing, &breaking] {
        let client = Profile::new().credentials(Credentials::new().client("id", SECRET));
        let harness = in_region(server).profile("falcon", client).build().unwrap();
        text += &tried(&harness, "tokens_query").await;
        if let Err(error) = harness.revoke().await {
            text += &shown(&error);
        }
        text += &query_key(&server.url()).await;
        let profile = Profile::new().base_url(server.url()).credentials(every_kind());
        let builder = builder().profile("panther", profile).client_certificate(SECRET, SECRET);
        writeln!(text, "{builder:?}").unwrap();
        text += &shown(&builder.build().unwrap_err());
    }
    text += &query_key("http://127.0.0.1:9").await;
    drop(guard);
    assert!(
        good.received().iter().any(|one| one.target == "/a?limit=5&key=canary%2FSECRET"),
        "the canary was sent"
    );

    let logged = recorder.0.lock().unwrap().clone();
    assert!(logged.contains("sending"), "{logged}");
    for shown in [&text, &logged] {
        for canary in CANARIES {
            assert!(!shown.contains(canary), "{canary} in {shown}");
        }
    }
}

/// A scheme of each kind that needs more than one header: challenges, discovery, basic clients, keys by name.
const SCHEMES: &str = r#"{
  "openapi": "3.1.0", "info": {"title": "s", "version": "1"}, "x-service": "schemes", "servers": [{"url": "SERVER"}],
  "components": {"securitySchemes": {
    "digest": {"type": "http", "scheme": "digest"},
    "named": {"type": "http", "scheme": "digest"},
    "id": {"type": "openIdConnect", "openIdConnectUrl": "/.well-known/openid-configuration"},
    "basic": {"type": "oauth2", "x-oauth2": {"client-auth": "basic", "revoke": "/revoke"},
      "flows": {"clientCredentials": {"tokenUrl": "/token", "scopes": {}}}},
    "whole": {"type": "http", "scheme": "token"},
    "login": {"type": "http", "scheme": "basic"}}},
  "paths": {
    "/digest": {"get": {"operationId": "digest", "security": [{"digest": []}]}},
    "/named": {"get": {"operationId": "named", "security": [{"named": []}]}},
    "/id": {"get": {"operationId": "id", "security": [{"id": ["a"]}]}},
    "/basic": {"get": {"operationId": "basic", "security": [{"basic": ["b"]}]}},
    "/whole": {"get": {"operationId": "whole", "security": [{"whole": []}]}},
    "/login": {"get": {"operationId": "login", "security": [{"login": []}]}}}
}"#;

fn of_schemes(url: &str) -> Harness {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), SCHEMES.replace("SERVER", url)).unwrap();
    let credentials = Credentials::new()
        .client("id", SECRET)
        .basic("id", SECRET)
        .scheme("named", format!("id:{SECRET}"))
        .scheme("login", format!("id:{SECRET}"))
        .scheme("whole", format!("GenieKey {SECRET}"));
    builder().spec(file.path()).profile("schemes", Profile::new().credentials(credentials)).build().unwrap()
}

/// A server of every scheme: it challenges, tells its endpoints and gives tokens.
fn of_every_scheme(issuer: &'static str, status: u16) -> Server {
    const CHALLENGE: &str = "www-authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"";
    Server::start(move |request, _| {
        let here = format!("http://{}", request.header("host").unwrap());
        match request.target.split('?').next().unwrap() {
            "/.well-known/openid-configuration" => {
                let issuer = issuer.replace("HERE", &here);
                let metadata = format!(
                    r#"{{"issuer":"{issuer}","token_endpoint":"{here}/token","revocation_endpoint":"{here}/revoke"}}"#
                );
                Reply::json(200, &metadata)
            }
            "/token" if status == 200 => Reply::token(SECRET, 1800),
            "/digest" | "/named" if request.header("authorization").is_none() => {
                Reply::whole(401, &[CHALLENGE], "")
            }
            _ => Reply::json(status, r#"{"message":"said"}"#),
        }
    })
}

#[tokio::test]
async fn no_new_scheme_shows_what_it_sends() {
    let recorder = Recorder::default();
    let guard = tracing::subscriber::set_default(recorder.clone());
    let mut text = String::new();
    let mut sent = Vec::new();
    for (issuer, status) in [("HERE", 200), ("HERE", 401), ("HERE", 403), ("https://other.example", 500)] {
        let server = of_every_scheme(issuer, status);
        let harness = of_schemes(&server.url());
        for operation in ["digest", "named", "id", "basic", "whole", "login"] {
            text += &tried(&harness, operation).await;
        }
        if let Err(error) = harness.revoke().await {
            text += &shown(&error);
        }
        let headers = server.received();
        sent.extend(headers.iter().filter_map(|one| one.header("authorization").map(str::to_owned)));
    }
    let unreachable = of_schemes("http://127.0.0.1:9");
    for operation in ["digest", "id", "basic"] {
        text += &tried(&unreachable, operation).await;
    }
    drop(guard);
    let was_sent = |form: &str| sent.iter().any(|value| value.contains(form));
    for form in
        ["Digest username=\"id\"", "Bearer canary/SECRET", "GenieKey canary/SECRET", "Basic aWQ6Y2FuYXJ5L1NF"]
    {
        assert!(was_sent(form), "{form} was sent: {sent:?}");
    }
    assert!(was_sent(&format!("Basic {}", CANARIES[4])), "the client came in by basic: {sent:?}");

    let hash = md5::Md5::digest("id:r:canary/SECRET").iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    });
    let logged = recorder.0.lock().unwrap().clone();
    for shown in [&text, &logged] {
        for canary in CANARIES {
            let canary = canary.replace("HASH", &hash);
            assert!(!shown.contains(&canary), "{canary} in {shown}");
        }
        for value in &sent {
            let secret = value.split_once(' ').map_or(value.as_str(), |(_, secret)| secret);
            assert!(!shown.contains(secret), "{value} in {shown}");
        }
    }
}

/// What a server says of a token request may repeat what that held.
#[tokio::test]
async fn what_a_token_endpoint_repeats_is_told_without_secrets() {
    let said = |text: &str| Reply::json(403, &format!(r#"{{"errors":[{{"message":"no: {text}"}}]}}"#));
    let server = Server::start(move |request, before| match request.target.as_str() {
        "/oauth2/token" if before == 0 => Reply::token("t-o-k-e-n", 1800),
        _ => said(&request.text()),
    });
    let harness = in_region(&server).build().unwrap();
    harness.sign_in("falcon").token().await.unwrap();
    let revoked = harness.revoke().await.unwrap_err().to_string();
    assert!(revoked.contains("no: token=<redacted>"), "{revoked}");

    let server = Server::start(move |request, _| said(&request.text()));
    let refused = in_region(&server).build().unwrap().command("tokens_query", ()).await.unwrap_err();
    assert_eq!(refused.kind(), "auth");
    let text = shown(&refused);
    assert!(text.contains("client_secret=<redacted>"), "{text}");
    assert!(!text.contains("s%26cret") && !text.contains("s&cret"), "{text}");
}

const COOKIE: &str = r#"{
  "openapi": "3.0.3", "info": {"title": "c", "version": "1"}, "x-service": "cookies",
  "components": {"securitySchemes": {"sid": {"type": "apiKey", "in": "cookie", "name": "sid"}}},
  "security": [{"sid": []}], "paths": {"/a": {"get": {"operationId": "by_cookie", "responses": {}}}}
}"#;

/// A cookie that the caller gives in place of the credential is as secret as that, alone as in its header.
#[tokio::test]
async fn what_a_server_repeats_of_a_cookie_is_told_without_it() {
    let server = Server::start(|request, _| {
        let session = request.header("cookie").unwrap().split("sid=").nth(1).unwrap().to_owned();
        Reply::json(403, &format!(r#"{{"message":"no session {session}"}}"#))
    });
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), COOKIE).unwrap();
    let profile = Profile::new().base_url(server.url());
    let harness = builder().spec(file.path()).profile("cookies", profile).build().unwrap();
    let call = harness.command("by_cookie", ()).header("cookie", "theme=dark; sid=0123456789");
    let error = call.await.unwrap_err();
    assert!(error.to_string().contains("no session <redacted>"), "{error}");
}
