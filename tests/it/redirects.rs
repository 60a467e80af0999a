//! Redirects on the wire: none unless asked for; then each as the standard says, with the call's own credentials.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opcall::{Command, Credentials, Error, FilePart, Harness, HarnessBuilder, Method, Profile};
use serde_json::json;

use crate::support::{Received, Reply, Server, builder, client, in_region};

const DOCUMENT: &str = r#"{
  "openapi": "3.0.3", "info": {"title": "moves", "version": "1"}, "x-service": "moves",
  "servers": [{"url": "SERVER/v1"}],
  "components": {"securitySchemes": {
    "key": {"type": "apiKey", "in": "query", "name": "api key"},
    "word": {"type": "http", "scheme": "digest"}}},
  "security": [{"key": []}],
  "paths": {
    "/things": {
      "get": {"operationId": "get", "responses": {}},
      "post": {"operationId": "post", "responses": {}, "requestBody": {"content": {"application/json": {}}}},
      "put": {"operationId": "put", "responses": {}, "requestBody": {"content": {"application/octet-stream": {}}}},
      "delete": {"operationId": "delete", "responses": {}}},
    "/digest": {"get": {"operationId": "digest", "security": [{"word": []}], "responses": {}}}
  }
}"#;

fn moves(server: &Server) -> HarnessBuilder {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), DOCUMENT.replace("SERVER", &server.url())).unwrap();
    let credentials = Credentials::new().api_key("k/1").basic("me", "word");
    builder().spec(file.path()).profile("moves", Profile::new().credentials(credentials))
}

fn following(server: &Server) -> Harness {
    moves(server).follow_redirects(5).build().unwrap()
}

/// Redirects from `/v1/things` with a status to an address; everything else is answered.
fn moved(status: u16, location: &'static str) -> Server {
    Server::start(move |request, _| {
        let is_first = request.target.starts_with("/v1/things");
        if is_first { to(status, location) } else { Reply::json(200, "{}") }
    })
}

fn to(status: u16, location: &str) -> Reply {
    Reply::whole(status, &[&format!("location: {location}")], "")
}

/// Method, target and body of each request.
fn trace(server: &Server) -> Vec<String> {
    let line = |one: &Received| format!("{} {} {}", one.method, one.target, one.text());
    server.received().iter().map(|one| line(one).trim_end().to_owned()).collect()
}

#[tokio::test]
async fn nothing_is_followed_unless_it_is_asked_for() {
    for status in [301, 302, 303, 307, 308] {
        let server = moved(status, "/v2/things");
        let harness = moves(&server).build().unwrap();
        let error = harness.command("get", ()).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), ("refused", Some(status)));
        assert_eq!(
            error.hint().unwrap(),
            "let the call go on to /v2/things (`follow_redirects`): by default redirects are not followed."
        );
        let found = harness.command("get", ()).follow_redirects(1).await.unwrap();
        assert_eq!(found.attempts().len(), 2);
        assert_eq!(harness.command("get", ()).await.unwrap_err().status(), Some(status));
        let harness = following(&server);
        assert!(harness.command("get", ()).await.is_ok());
        assert!(harness.command("get", ()).follow_redirects(0).await.is_err());
    }
}

#[tokio::test]
async fn methods_and_bodies_go_on_as_the_status_says() {
    let key = "api%20key=k%2F1";
    for (status, operation, second) in [
        (301, "get", Some("GET")),
        (301, "post", Some("GET")),
        (301, "delete", None),
        (302, "post", Some("GET")),
        (302, "delete", None),
        (303, "post", Some("GET")),
        (303, "delete", Some("GET")),
        (307, "get", Some("GET")),
        (307, "post", Some("POST")),
        (307, "delete", Some("DELETE")),
        (308, "post", Some("POST")),
    ] {
        let server = moved(status, "/v2/moved?x=1&api+key=echo#part");
        let harness = following(&server);
        let command = harness.command(operation, ());
        let command = if operation == "post" { command.body(json!({"a": 1})) } else { command };
        let outcome = command.header("x-note", "ci").header("content-language", "de").await;
        let trace = trace(&server);
        let what = format!("{status} {operation}: {trace:?}");
        assert_eq!(outcome.is_ok(), second.is_some(), "{what}");
        let Some(second) = second else {
            assert_eq!((trace.len(), outcome.unwrap_err().status()), (1, Some(status)), "{what}");
            continue;
        };
        let keeps_body = second == "POST";
        let body = if keeps_body { r#" {"a":1}"# } else { "" };
        assert_eq!(trace[1..], [format!("{second} /v2/moved?x=1&{key}{body}")], "{what}");
        let last = server.received().pop().unwrap();
        assert_eq!((last.header("x-note"), last.header("referer")), (Some("ci"), None), "{what}");
        let drops = operation != second.to_ascii_lowercase();
        assert_eq!(last.header("content-type").is_some(), keeps_body, "{what}");
        assert_eq!(last.header("content-language").is_none(), drops, "{what}");
    }
}

#[tokio::test]
async fn circles_and_long_ways_are_refused() {
    let error_of = async |command: Command<'_>| {
        let error = command.await.unwrap_err();
        assert!(matches!(error, Error::Unsafe(_)) && error.was_sent(), "{error}");
        error.to_string()
    };
    let server = moved(302, "/v1/things?x=2");
    let harness = following(&server);
    let problem = error_of(harness.command("get", ())).await;
    assert_eq!(
        problem,
        format!(
            "the service redirects in a circle, at {}/v1/things; the call was answered with 302",
            server.url()
        )
    );
    assert_eq!(server.received().len(), 2);
    let server = Server::start(|_, before| to(307, &format!("/{before}")));
    let harness = following(&server);
    assert_eq!(
        error_of(harness.command("get", ())).await,
        "the service redirects more than 5 times; the call was answered with 307"
    );
    assert_eq!(server.received().len(), 6);
    assert_eq!(
        error_of(harness.command("get", ()).follow_redirects(1)).await,
        "the service redirects more than once; the call was answered with 307"
    );
    assert_eq!(server.received().len(), 8);
}

#[tokio::test]
async fn an_answer_to_a_challenge_is_made_anew_for_the_new_address() {
    let server = Server::start(|request, before| match before {
        0 => Reply::whole(401, &[r#"www-authenticate: Digest realm="r", nonce="n", qop="auth""#], ""),
        1 => to(307, "/v2/digest?x=1"),
        _ => {
            assert!(request.header("authorization").is_some());
            Reply::json(200, "{}")
        }
    });
    following(&server).command("digest", ()).await.unwrap();
    let uris: Vec<_> = server.received()[1..]
        .iter()
        .map(|one| one.header("authorization").unwrap().split("uri=\"").nth(1).unwrap().to_owned())
        .collect();
    assert!(uris[0].starts_with("/v1/digest\"") && uris[1].starts_with("/v2/digest?x=1\""), "{uris:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_body_that_is_spent_is_not_sent_again() {
    let server = moved(307, "/v2/things");
    let harness = following(&server);
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let end = pipe.clone();
    let writing = std::thread::spawn(move || std::fs::write(end, "once").unwrap());
    let error = harness.command("put", ()).body(FilePart::path(&pipe)).await.unwrap_err();
    writing.join().unwrap();
    assert_eq!(
        error.to_string(),
        "the service redirects, and the body can be read only once; the call was answered with 307"
    );
    assert_eq!(trace(&server), ["PUT /v1/things?api%20key=k%2F1 once"]);
    let file = folder.path().join("file");
    std::fs::write(&file, "twice").unwrap();
    harness.command("put", ()).body(FilePart::path(&file)).await.unwrap();
    assert_eq!(trace(&server)[2..], ["PUT /v2/things?api%20key=k%2F1 twice"]);
}

#[tokio::test]
async fn links_of_pages_are_relative_to_where_the_page_came_from() {
    let server = Server::start(|request, _| match request.target.split(['?', '&']).next().unwrap() {
        "/v1/things" => to(302, "/v2/deep/things?x=1"),
        "/v2/deep/things" => Reply::whole(200, &["link: <more?page=2>; rel=next"], "[1]"),
        _ => Reply::whole(200, &[], "[2]"),
    });
    let harness = following(&server);
    let mut items = harness.command("get", ()).pages().items::<u8>();
    let mut found = Vec::new();
    while let Some(item) = items.next().await {
        found.push(item.unwrap());
    }
    assert_eq!(found, [1, 2]);
    assert_eq!(trace(&server)[2..], ["GET /v2/deep/more?page=2&api%20key=k%2F1"]);
}

/// The token that the first request needs ends while it is answered, and there is no further one. The requests are
/// answered by `answers`, in order.
fn signing_in_once(answers: Vec<fn() -> Reply>) -> Server {
    let (tokens, answered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    Server::start(move |request, _| match request.target.as_str() {
        "/oauth2/token" if tokens.fetch_add(1, Ordering::SeqCst) == 0 => Reply::token("t", 1),
        "/oauth2/token" => Reply::json(400, r#"{"errors":[{"message":"no more"}]}"#),
        _ => answers[answered.fetch_add(1, Ordering::SeqCst)](),
    })
}

fn statuses(error: &Error) -> Vec<Option<u16>> {
    error.attempts().iter().map(opcall::Attempt::status).collect()
}

#[tokio::test]
async fn a_call_that_was_carried_out_is_not_told_as_unsent_where_it_cannot_go_on() {
    let late = || to(303, "/b").after(Duration::from_millis(1100));
    let server = signing_in_once(vec![late]);
    let harness = in_region(&server).build().unwrap();
    let error = harness.request("falcon", Method::Post, "/a", ()).follow_redirects(1).await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent(), statuses(&error)), ("unfinished", true, vec![Some(303)]));
    assert_eq!(error.attempts()[0].wait, None, "nothing followed");
    assert_eq!(
        error.to_string(),
        "POST /a was sent and answered with 303, but the request that had to follow could not be sent"
    );
    let Error::Unfinished(unfinished) = &error else { panic!("{error:?}") };
    assert_eq!(unfinished.cause.kind(), "auth");
    let first = "check with a reading operation whether it was carried out before you repeat it, and ";
    assert_eq!(error.hint(), unfinished.cause.hint().map(|hint| [first, &hint].concat()));

    // What came before the redirect is not what the call ends with.
    let busy = || Reply::whole(500, &["retry-after: 0"], "");
    let server = signing_in_once(vec![busy, late]);
    let harness = in_region(&server).build().unwrap();
    let error = harness.request("falcon", Method::Get, "/a", ()).follow_redirects(1).await.unwrap_err();
    assert_eq!((error.kind(), statuses(&error)), ("unfinished", vec![Some(500), Some(303)]));

    let refused = || Reply::json(401, "{}");
    let server = signing_in_once(vec![|| to(303, "/b"), refused]);
    let harness = in_region(&server).build().unwrap();
    let error = harness.request("falcon", Method::Post, "/a", ()).follow_redirects(1).await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent()), ("unfinished", true));
    assert_eq!(statuses(&error), [Some(303), Some(401)]);
    assert!(error.to_string().starts_with("POST /a was sent and answered with 303,"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.starts_with(first)), "{error:?}");
}

#[tokio::test]
async fn a_body_that_is_gone_before_the_repeat_does_not_make_the_call_unsent() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "once").unwrap();
    let server = Server::start(|_, _| Reply::whole(500, &["retry-after: 1"], ""));
    let harness = moves(&server).build().unwrap();
    let goes = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        std::fs::remove_file(&file).unwrap();
    };
    let call = async { harness.command("put", ()).body(FilePart::path(&file)).await };
    let (outcome, ()) = tokio::join!(call, goes);
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.was_sent(), server.received().len()), ("unfinished", true, 1), "{error}");
    assert_eq!(statuses(&error), [Some(500), None]);
    assert_eq!(
        error.to_string(),
        "moves:put was sent and answered with 500, but the request that had to follow could not be sent"
    );
}

/// The token endpoint names another region when the token is renewed for where the redirect leads.
#[tokio::test]
async fn a_redirect_is_not_taken_back_where_the_region_changes() {
    let other = Server::start(|request, _| match request.target.as_str() {
        "/oauth2/token" => Reply::token("t2", 1800),
        _ => Reply::json(200, "{}"),
    });
    let (tokens, moved) = (AtomicUsize::new(0), format!("location: {}/oauth2/token", other.url()));
    let server = Server::start(move |request, _| match request.target.as_str() {
        "/oauth2/token" if tokens.fetch_add(1, Ordering::SeqCst) == 0 => Reply::token("t1", 1800),
        "/oauth2/token" => Reply::whole(308, &[&moved, "x-cs-region: us-2"], ""),
        "/a" => to(303, "/b"),
        _ if request.header("authorization") == Some("Bearer t2") => Reply::json(200, "{}"),
        _ => Reply::json(401, "{}"),
    });
    let regions = [("us-1", server.url()), ("us-2", other.url())];
    let profile = Profile::new().credentials(client());
    let harness = builder().regions("falcon", regions).profile("falcon", profile).build().unwrap();
    let found = harness.request("falcon", Method::Post, "/a", ()).follow_redirects(1).await.unwrap();
    assert_eq!(found.attempts().len(), 3);
    assert_eq!((server.count("/a"), server.count("/b"), other.count("/a")), (1, 2, 0));
    harness.request("falcon", Method::Get, "/c", ()).await.unwrap();
    assert_eq!((other.count("/c"), other.received().len()), (1, 2), "the next call goes there");
}
