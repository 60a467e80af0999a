//! HTTP digest authentication (RFC 7616) against servers that check every answer by a computation of their own.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use md5::{Digest as _, Md5};
use opcall::{Credentials, FilePart, Harness, Profile};
use sha2::{Sha256, Sha512_256};

use crate::support::{Received, Reply, Server, builder};

const GUARDED: &str = r#"{
  "openapi": "3.0.3", "info": {"title": "guarded", "version": "1"}, "x-service": "guarded",
  "servers": [{"url": "SERVER/v1"}],
  "components": {"securitySchemes": {
    "digest": {"type": "http", "scheme": "Digest"},
    "app": {"type": "apiKey", "in": "query", "name": "app key"}
  }},
  "security": [{"digest": []}],
  "paths": {
    "/things/{id}": {
      "get": {"operationId": "read", "responses": {}, "parameters": [
        {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}},
        {"name": "q", "in": "query", "schema": {"type": "string"}}]}},
    "/things": {
      "post": {"operationId": "create", "responses": {},
        "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}},
      "put": {"operationId": "upload", "responses": {},
        "requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}},
    "/both": {"get": {"operationId": "both", "security": [{"digest": [], "app": []}], "responses": {}}}
  }
}"#;

fn harness_of(server: &Server, credentials: Credentials) -> Harness {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), GUARDED.replace("SERVER", &server.url())).unwrap();
    let profile = Profile::new().credentials(credentials);
    builder().spec(file.path()).profile("guarded", profile).build().unwrap()
}

fn signed_in(server: &Server) -> Harness {
    harness_of(server, Credentials::new().basic("Mufasa", "Circle of Life"))
}

/// A guard: what it demands, and what it has seen.
struct Guard {
    algorithm: &'static str,
    /// How many answers a nonce is good for.
    uses: usize,
    /// What it says beside the challenge when a nonce is over.
    over: &'static str,
    issued: AtomicUsize,
    seen: Mutex<HashMap<String, Vec<String>>>,
}

impl Guard {
    fn new(algorithm: &'static str, uses: usize, over: &'static str) -> Arc<Self> {
        Arc::new(Self { algorithm, uses, over, issued: AtomicUsize::new(0), seen: Mutex::default() })
    }

    fn server(self: &Arc<Self>) -> Server {
        let guard = Arc::clone(self);
        Server::start(move |request, _| guard.answer(request))
    }

    fn challenge(&self, more: &str) -> Reply {
        let number = self.issued.fetch_add(1, Ordering::SeqCst) + 1;
        let line = format!(
            "www-authenticate: Digest realm=\"the \\\"cage\\\"\", qop=\"auth, auth-int\", algorithm={}, nonce=\"n{number}\", opaque=\"o/{number}\"{more}",
            self.algorithm
        );
        Reply::whole(401, &[&line], r#"{"message":"who is there?"}"#)
    }

    fn hash(&self, text: &str) -> String {
        let bytes = match self.algorithm.trim_end_matches("-sess") {
            "MD5" => Md5::digest(text).to_vec(),
            "SHA-256" => Sha256::digest(text).to_vec(),
            _ => Sha512_256::digest(text).to_vec(),
        };
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    }

    fn answer(&self, request: &Received) -> Reply {
        let Some(answer) = request.header("authorization").and_then(|text| text.strip_prefix("Digest "))
        else {
            return self.challenge("");
        };
        let parts = parts(answer);
        let part = |name: &str| parts.get(name).cloned().unwrap_or_default();
        let (nonce, cnonce, count) = (part("nonce"), part("cnonce"), part("nc"));
        let mut first = self.hash("Mufasa:the \"cage\":Circle of Life");
        if self.algorithm.ends_with("-sess") {
            first = self.hash(&format!("{first}:{nonce}:{cnonce}"));
        }
        let second = self.hash(&format!("{}:{}", request.method, request.target));
        let expected = self.hash(&format!("{first}:{nonce}:{count}:{cnonce}:auth:{second}"));
        let is_good = part("response") == expected
            && part("uri") == request.target
            && part("username") == "Mufasa"
            && part("algorithm") == self.algorithm
            && part("qop") == "auth"
            && part("opaque") == nonce.replace('n', "o/");
        if !is_good {
            return self.challenge("");
        }
        let mut seen = self.seen.lock().unwrap();
        let counts = seen.entry(nonce).or_default();
        assert!(!counts.contains(&count), "a count comes once: {count}");
        if counts.len() >= self.uses {
            drop(seen);
            return self.challenge(self.over);
        }
        counts.push(count);
        Reply::json(200, r#"{"ok":true}"#)
    }
}

/// The parts of an answer: values quoted or not, with escapes.
fn parts(answer: &str) -> HashMap<String, String> {
    let mut found = HashMap::new();
    let mut rest = answer;
    while let Some((name, after)) = rest.split_once('=') {
        let (value, next) = if let Some(quoted) = after.strip_prefix('"') {
            let end = (0..quoted.len())
                .find(|&at| quoted.as_bytes()[at] == b'"' && (at == 0 || quoted.as_bytes()[at - 1] != b'\\'))
                .unwrap();
            (quoted[..end].replace("\\\"", "\""), &quoted[end + 1..])
        } else {
            let end = after.find(',').unwrap_or(after.len());
            (after[..end].to_owned(), &after[end..])
        };
        found.insert(name.trim().to_owned(), value);
        rest = next.trim_start_matches([',', ' ']);
    }
    found
}

#[tokio::test]
async fn the_first_call_learns_the_challenge_and_the_next_ones_answer_it_at_once() {
    for algorithm in ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"] {
        let guard = Guard::new(algorithm, 100, "");
        let server = guard.server();
        let harness = signed_in(&server);
        let read = harness.command("read", [("id", "a b"), ("q", "x&y=\"z\"")]).await.unwrap();
        assert_eq!((read.status(), read.attempts().len()), (200, 2), "{algorithm}");
        let created = harness.command("create", [("name", "n")]).await.unwrap();
        assert_eq!((created.status(), created.attempts().len()), (200, 1), "{algorithm}");
        harness.command("read", [("id", "c")]).await.unwrap();
        let received = server.received();
        assert_eq!(received.len(), 4);
        assert_eq!(received[0].header("authorization"), None);
        assert_eq!(received[1].target, "/v1/things/a%20b?q=x%26y%3D%22z%22");
        let counts = guard.seen.lock().unwrap()["n1"].clone();
        assert_eq!(counts, ["00000001", "00000002", "00000003"]);
    }
}

#[tokio::test]
async fn a_body_is_sent_again_as_it_was() {
    let server = Guard::new("MD5", 100, "").server();
    let harness = signed_in(&server);
    harness.command("create", [("name", "n")]).await.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), vec![b'x'; 300_000]).unwrap();
    let fresh = signed_in(&server);
    fresh.command("upload", ()).body(FilePart::path(file.path())).await.unwrap();
    let received = server.received();
    assert_eq!(received[0].text(), r#"{"name":"n"}"#);
    assert_eq!(received[0].body, received[1].body);
    assert_eq!((received[2].body.len(), received[3].body.len()), (300_000, 300_000));
}

#[tokio::test]
async fn a_nonce_that_is_over_is_replaced_by_one_repeat() {
    for over in [", stale=true", ", stale=TRUE", ""] {
        let guard = Guard::new("SHA-256", 2, over);
        let server = guard.server();
        let harness = signed_in(&server);
        let mut attempts = Vec::new();
        for _ in 0..5 {
            attempts.push(harness.command("read", [("id", "1")]).await.unwrap().attempts().len());
        }
        assert_eq!(attempts, [2, 1, 2, 1, 2], "{over}");
    }
}

#[tokio::test]
async fn a_server_whose_nonces_are_over_at_once_is_not_asked_for_ever() {
    let server = Guard::new("MD5", 0, ", stale=true").server();
    let error = signed_in(&server).command("read", [("id", "1")]).await.unwrap_err();
    assert_eq!((error.kind(), error.status(), server.received().len()), ("refused", Some(401), 3));
    let server = Guard::new("MD5", 0, "").server();
    let error = signed_in(&server).command("read", [("id", "1")]).await.unwrap_err();
    assert_eq!((error.kind(), error.status(), server.received().len()), ("refused", Some(401), 2));
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let server = Guard::new("MD5", 100, "").server();
    let harness = harness_of(&server, Credentials::new().basic("Mufasa", "Hakuna Matata"));
    let error = harness.command("create", [("name", "n")]).await.unwrap_err();
    assert_eq!(error.to_string(), "guarded refused create with 401: who is there?");
    assert_eq!(error.hint().unwrap(), "check the credentials for guarded: they are not accepted (any more).");
    assert_eq!(server.received().len(), 2);
}

#[tokio::test]
async fn a_hundred_calls_at_once_count_apart() {
    let guard = Guard::new("SHA-256", 1000, "");
    let server = guard.server();
    let harness = signed_in(&server);
    harness.command("read", [("id", "1")]).await.unwrap();
    let calls = (0..100).map(|_| {
        let harness = harness.clone();
        tokio::spawn(
            async move { harness.command("read", [("id", "1")]).send().await.unwrap().attempts().len() },
        )
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), 1);
    }
    assert_eq!(guard.seen.lock().unwrap()["n1"].len(), 101);
}

#[tokio::test]
async fn a_challenge_holds_for_its_origin_alone() {
    let (one, two) = (Guard::new("MD5", 100, "").server(), Guard::new("SHA-256", 100, "").server());
    let harness = signed_in(&one);
    let at = |server: &Server| format!("{}/v1", server.url());
    harness.command("read", [("id", "1")]).await.unwrap();
    harness.command("read", [("id", "1")]).server(at(&two)).await.unwrap();
    harness.command("read", [("id", "1")]).await.unwrap();
    harness.command("read", [("id", "1")]).server(at(&two)).await.unwrap();
    assert_eq!((one.received().len(), two.received().len()), (3, 3));
    assert_eq!(two.received()[0].header("authorization"), None);
}

#[tokio::test]
async fn a_key_beside_it_is_part_of_what_is_answered() {
    let server = Guard::new("MD5", 100, "").server();
    let credentials = Credentials::new().basic("Mufasa", "Circle of Life").api_key("k/1");
    harness_of(&server, credentials).command("both", ()).await.unwrap();
    assert_eq!(server.received()[1].target, "/v1/both?app%20key=k%2F1");
}

#[tokio::test]
async fn a_server_that_asks_for_something_else_gets_nothing() {
    let asking = |line: &'static str| Server::start(move |_, _| Reply::whole(401, &[line], ""));
    for line in ["www-authenticate: Basic realm=\"r\"", "x-nothing: here"] {
        let server = asking(line);
        let error = signed_in(&server).command("read", [("id", "1")]).await.unwrap_err();
        assert_eq!((error.kind(), server.received().len()), ("refused", 1), "{line}");
    }
    let server = asking("www-authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"");
    let error = signed_in(&server).command("read", [("id", "1")]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "guarded asks for HTTP digest authentication by the quality of protection \"auth-int\", which is not known here"
    );
    assert_eq!(error.hint().unwrap(), "ask the service for MD5, SHA-256 or SHA-512-256 with `qop=auth`.");
    assert_eq!((error.kind(), error.status(), server.received().len()), ("auth", Some(401), 1));
}

#[test]
fn a_dry_run_shows_the_place_and_needs_no_challenge() {
    let server = Server::sink();
    for harness in [harness_of(&server, Credentials::new()), signed_in(&server)] {
        let prepared = harness.command("read", [("id", "1")]).prepare().unwrap();
        assert!(prepared.to_json().contains(r#"["authorization","Digest <redacted>"]"#), "{prepared:?}");
        let line = prepared.to_string();
        assert!(line.ends_with(r#" --digest -u "$GUARDED_USERNAME:$GUARDED_PASSWORD""#), "{line}");
    }
    assert!(server.received().is_empty());
}

/// A pipe with something in it, which gives it once.
#[cfg(unix)]
fn pipe(folder: &std::path::Path, name: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let target = path.clone();
    std::thread::spawn(move || std::fs::write(target, "once"));
    path
}

#[cfg(unix)]
#[tokio::test]
async fn what_can_be_read_only_once_is_sent_when_the_challenge_is_known() {
    let guard = Guard::new("MD5", 2, ", stale=true");
    let server = guard.server();
    let harness = signed_in(&server);
    let folder = tempfile::tempdir().unwrap();
    let early = pipe(folder.path(), "early");
    let error = harness.command("upload", ()).body(FilePart::path(&early)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the body can be read only once, and digest authentication sends a first call twice"
    );
    assert_eq!(error.hint().unwrap(), "write the body to a file, and send that.");
    assert_eq!((error.kind(), error.was_sent(), server.received().len()), ("unsafe", false, 0));
    assert_eq!(std::fs::read_to_string(&early).unwrap(), "once", "nothing was taken from the pipe");

    harness.command("read", [("id", "1")]).await.unwrap();
    let upload = |name: &str| harness.command("upload", ()).body(FilePart::path(pipe(folder.path(), name)));
    assert_eq!(upload("known").await.unwrap().attempts().len(), 1);
    assert_eq!(server.received().pop().unwrap().text(), "once");
    let error = upload("over").await.unwrap_err();
    assert_eq!((error.kind(), error.status()), ("refused", Some(401)), "the nonce is over");
    assert_eq!(upload("again").await.unwrap().attempts().len(), 1, "the new nonce was learned");
}
