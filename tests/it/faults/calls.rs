//! What decides over a repeat, one thing at a time: the document's word, the caller's, keys, budgets, time, tokens.

use std::time::{Duration, Instant};

use opcall::{Document, Error, Harness, Outcome, Phase, Response, RetryPolicy, WaitReason};
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::server::{Act, FaultServer};
use super::tiny;
use crate::support::{Reply, Server, builder, in_region};

const DOCUMENT: &str = "
openapi: 3.0.3
info: {title: Faults, version: '1'}
servers: [{url: 'http://faults.invalid'}]
paths:
  /things:
    get: {operationId: read, x-idempotent: false, responses: {'200': {description: d}}}
    put: {operationId: put, responses: {'200': {description: d}}}
    post: {operationId: create, responses: {'200': {description: d}}}
    patch: {operationId: touch, x-idempotent: true, responses: {'200': {description: d}}}
  /payments:
    post:
      operationId: pay
      parameters: [{name: Idempotency-Key, in: header, required: true, schema: {type: string, format: uuid}}]
      responses: {'200': {description: d}}
  /orders:
    post:
      operationId: order
      x-idempotent: false
      parameters: [{name: idempotency-key, in: header, schema: {type: string}}]
      responses: {'200': {description: d}}
";

fn harness() -> Harness {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("faults.yaml");
    std::fs::write(&path, DOCUMENT).unwrap();
    builder().document(&Document::open(&path)).retry(tiny()).allow_http().build().unwrap()
}

fn status(line: &str) -> Act {
    Act::Answer(format!("HTTP/1.1 {line}\r\ncontent-length: 2\r\n\r\n{{}}").into_bytes())
}

/// A server that fails so often, then answers.
async fn failing(times: usize) -> FaultServer {
    FaultServer::start(move |before, _| status(if before < times { "500 No" } else { "200 OK" })).await
}

fn count(outcome: &Result<Response, Error>) -> usize {
    outcome.as_ref().map_or_else(|error| error.attempts().len(), |found| found.attempts().len())
}

#[tokio::test]
async fn the_documents_word_counts_and_the_callers_more() {
    let harness = harness();
    for (operation, expected) in [("read", 1), ("put", 3), ("create", 1), ("touch", 3), ("order", 1)] {
        let server = failing(9).await;
        let outcome = harness.command(operation, ()).server(server.url("http")).await;
        assert_eq!((count(&outcome), server.arrived().len()), (expected, expected), "{operation}");
        let server = failing(9).await;
        let outcome = harness.command(operation, ()).server(server.url("http")).idempotent().await;
        assert_eq!(count(&outcome), 3, "{operation}");
    }
    let server = failing(9).await;
    let outcome = harness.command("put", ()).server(server.url("http")).retry(5).await;
    assert_eq!(count(&outcome), 6);
    let error = harness.command("put", ()).retry(11).prepare().unwrap_err();
    assert_eq!(error.to_string(), "a call is not repeated 11 times");
}

/// Both go as POST.
#[cfg(feature = "logscale")]
#[tokio::test]
async fn a_graphql_query_is_repeated_and_a_mutation_is_not() {
    let server = failing(usize::MAX).await;
    let profile = opcall::Profile::new()
        .base_url(server.url("http"))
        .credentials(opcall::Credentials::new().access_token("t"));
    let harness = builder().profile("logscale", profile).retry(tiny()).build().unwrap();
    let query = harness.command("organization_tokens_query", ()).await;
    let arguments = json!({"name": "ci", "permissions": ["ManageOrganizations"]});
    let mutation =
        harness.command("organization_tokens_create", arguments).no_validate().allow_unknown().await;
    assert_eq!((count(&query), count(&mutation)), (3, 1), "{mutation:?}");
    assert!(server.arrived().iter().all(|request| request.method == "POST"));
}

#[tokio::test]
async fn a_key_is_made_for_each_call_and_kept_for_its_repeats() {
    let harness = harness();
    let key_of = |request: &super::Arrived| request.header("idempotency-key").unwrap().to_owned();
    let mut keys = Vec::new();
    for _ in 0..2 {
        let server = failing(2).await;
        harness.command("pay", ()).server(server.url("http")).await.unwrap();
        let sent: Vec<_> = server.arrived().iter().map(key_of).collect();
        assert_eq!(sent.len(), 3);
        assert!(sent.iter().all(|key| *key == sent[0] && key.len() == 36), "{sent:?}");
        keys.push(sent[0].clone());
    }
    assert_ne!(keys[0], keys[1]);
    let shown = harness.command("pay", ()).prepare().unwrap();
    assert!(format!("{shown}").contains(r#"-H 'idempotency-key: '"$(uuidgen)""#), "{shown}");
    let shown: http::Request<_> = shown.try_into().unwrap();
    assert_eq!(shown.headers()["idempotency-key"], "<made for each call>");

    let mine = "0b3ee3c8-1f9e-4a5c-9a51-4e1b0c7d2f10";
    let server = failing(1).await;
    harness.command("pay", [("Idempotency-Key", mine)]).server(server.url("http")).await.unwrap();
    harness.command("pay", ()).idempotency_key(mine).server(server.url("http")).await.unwrap();
    harness.command("create", ()).idempotency_key("k").server(server.url("http")).await.unwrap();
    let sent: Vec<_> = server.arrived().iter().map(key_of).collect();
    assert_eq!(sent, [mine, mine, mine, "k"]);
    let twice = harness.command("pay", [("Idempotency-Key", mine)]).idempotency_key(mine).prepare();
    assert!(twice.unwrap_err().to_string().contains("is given twice"));
    let empty = harness.command("pay", ()).idempotency_key("").prepare();
    assert_eq!(empty.unwrap_err().to_string(), "the idempotency key is empty");
}

/// A refusal says nothing of the attempt before it, which another key would not stop from acting twice.
#[tokio::test]
async fn a_refusal_after_an_attempt_that_was_lost_leaves_it_in_doubt() {
    let harness = harness();
    for (operation, key, first, is_in_doubt) in [
        ("pay", None, "500 No", true),
        ("pay", None, "503 Later", true),
        ("pay", Some("0b3ee3c8-1f9e-4a5c-9a51-4e1b0c7d2f10"), "500 No", false),
        ("pay", None, "429 Slow down", false),
        ("pay", None, "503 Later\r\nretry-after: 1", false),
        ("put", None, "500 No", false),
    ] {
        let server =
            FaultServer::start(move |before, _| status(if before == 0 { first } else { "409 Conflict" }))
                .await;
        let call = harness.command(operation, ()).server(server.url("http"));
        let call = if let Some(key) = key { call.idempotency_key(key) } else { call };
        let error = call.await.unwrap_err();
        assert_eq!((error.attempts().len(), error.status()), (2, Some(409)), "{operation} {first}: {error}");
        let hint = error.hint().unwrap_or_default();
        assert_eq!(
            hint.starts_with("check with a reading operation"),
            is_in_doubt,
            "{operation} {first}: {hint}"
        );
    }
}

/// A server that reads the first request and is gone.
async fn gone() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        drop(listener);
        connection.read_exact(&mut [0; 4]).await.unwrap();
    });
    url
}

/// The last attempt sent nothing, but one before it did.
#[tokio::test]
async fn what_an_earlier_attempt_may_have_done_is_told() {
    let url = gone().await;
    let error = harness().command("put", ()).server(&url).await.unwrap_err();
    let outcomes: Vec<_> = error.attempts().iter().map(|attempt| attempt.outcome).collect();
    let lost = Outcome::Failed(Phase::Connect);
    assert_eq!(outcomes, [Outcome::Failed(Phase::Broken), lost, lost]);
    assert_eq!(
        error.to_string(),
        format!("no answer from {url} after 3 attempts; it may have been carried out")
    );
    assert!(error.was_sent() && error.is_retryable());
    // The next call has another key, unless it is the caller's.
    let key = "0b3ee3c8-1f9e-4a5c-9a51-4e1b0c7d2f10";
    for (operation, key, is_in_doubt) in
        [("pay", None, true), ("pay", Some(key), false), ("put", None, false)]
    {
        let url = gone().await;
        let harness = harness();
        let call = harness.command(operation, ()).server(&url);
        let call = if let Some(key) = key { call.idempotency_key(key) } else { call };
        let error = call.await.unwrap_err();
        assert_eq!(error.attempts().last().unwrap().outcome, lost, "{operation} {key:?}: {error}");
        assert!(error.to_string().ends_with("; it may have been carried out"), "{error}");
        let reach = format!("check that {url} is the right address and can be reached from here.");
        let check = "check with a reading operation whether it was carried out before you repeat it";
        let hint = if is_in_doubt { format!("{check}, and {reach}") } else { reach };
        assert_eq!(error.hint().unwrap(), hint, "{operation} {key:?}");
    }
}

/// Code 7 says that no connection was made.
#[cfg(feature = "cli")]
#[tokio::test]
async fn what_an_earlier_attempt_may_have_done_is_told_by_the_code() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("faults.yaml");
    std::fs::write(&path, DOCUMENT).unwrap();
    let run = async |url: String, operation: &'static str| {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_opcall"));
        program
            .env_clear()
            .env("HOME", folder.path())
            .args([operation, "--server", &url, "--spec"])
            .arg(&path);
        let output = tokio::task::spawn_blocking(move || program.output().unwrap()).await.unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let check = "\n  hint: check with a reading operation whether it was carried out before you repeat it, and check that http";
    for (operation, is_in_doubt) in [("pay", true), ("put", false)] {
        let (code, said) = run(gone().await, operation).await;
        assert!(said.contains("after 3 attempts; it may have been carried out\n"), "{said}");
        assert_eq!((code, said.contains(check)), (Some(9), is_in_doubt), "{operation}: {said}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (code, said) = run(format!("http://{nobody}"), "put").await;
    assert!(said.contains("after 3 attempts; nothing was sent\n"), "{said}");
    assert_eq!(code, Some(7), "{said}");
}

#[tokio::test]
async fn an_outage_is_not_stormed() {
    let harness = harness();
    let server = failing(usize::MAX).await;
    for _ in 0..40 {
        harness.command("put", ()).server(server.url("http")).await.unwrap_err();
    }
    assert_eq!(server.arrived().len(), 40 + 500 / 14);
}

#[tokio::test]
async fn nobody_waits_for_what_comes_too_late() {
    let harness = harness();
    let asking = |seconds: u64| {
        let line = format!("429 Busy\r\nretry-after: {seconds}");
        FaultServer::start(move |_, _| status(&line))
    };
    let server = asking(2).await;
    let started = Instant::now();
    let call = harness.command("put", ()).server(server.url("http")).max_time(Duration::from_secs(1));
    let Err(Error::Refused(refused)) = call.await else { panic!("not refused") };
    assert_eq!((refused.retry_after, server.arrived().len()), (Some(Duration::from_secs(2)), 1));
    let server = asking(61).await;
    let Err(Error::Refused(refused)) = harness.command("put", ()).server(server.url("http")).await else {
        panic!("not refused")
    };
    assert_eq!((refused.retry_after, refused.response.attempts().len()), (Some(Duration::from_secs(61)), 1));
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

/// A falcon-like flow: the token endpoint and the operation answer by script.
fn flow(
    token: impl Fn(usize) -> Reply + Send + Sync + 'static,
    query: impl Fn(usize) -> Reply + Send + Sync + 'static,
) -> Server {
    let counts = [std::sync::atomic::AtomicUsize::new(0), std::sync::atomic::AtomicUsize::new(0)];
    Server::start(move |request, _| {
        let is_token = request.target == "/oauth2/token";
        let before = counts[usize::from(is_token)].fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        if is_token { token(before) } else { query(before) }
    })
}

#[tokio::test]
async fn token_requests_are_repeated_by_themselves() {
    let token = |before| if before < 2 { Reply::json(503, "{}") } else { Reply::token("t", 1800) };
    let server = flow(token, |_| Reply::json(200, r#"{"resources": []}"#));
    let harness = in_region(&server).retry(tiny()).build().unwrap();
    let found = harness.command("tokens_query", ()).await.unwrap();
    assert_eq!((found.attempts().len(), server.count("/oauth2/token")), (1, 3), "each is counted apart");
    let told: Vec<_> = found.sign_in_attempts().iter().map(|one| (one.number, one.status())).collect();
    assert_eq!(told, [(1, Some(503)), (2, Some(503)), (3, Some(201))]);
    assert!(harness.command("tokens_query", ()).await.unwrap().sign_in_attempts().is_empty());

    let server = flow(|_| Reply::whole(429, &["retry-after: 70"], ""), |_| Reply::json(200, "{}"));
    let harness = in_region(&server).retry(tiny()).build().unwrap();
    let Err(Error::Auth(error)) = harness.command("tokens_query", ()).await else { panic!("signed in") };
    assert_eq!((error.retry_after, error.status), (Some(Duration::from_secs(70)), Some(429)));
    assert_eq!(server.received().len(), 1);

    let server = flow(|_| Reply::json(500, "{}"), |_| Reply::json(200, "{}"));
    let harness = in_region(&server).retry(tiny()).build().unwrap();
    let error = harness.command("tokens_query", ()).await.unwrap_err();
    assert!(error.to_string().contains("refused with 500 after 3 attempts"), "{error}");
    let told: Vec<_> = error.attempts().iter().map(|one| (one.number, one.status())).collect();
    assert_eq!(told, [(1, Some(500)), (2, Some(500)), (3, Some(500))]);
    assert_eq!(error.sign_in_attempts(), error.attempts());
}

#[tokio::test]
async fn a_renewed_token_is_no_repeat() {
    let query = |before: usize| match before {
        0 => Reply::json(401, "{}"),
        1 | 2 => Reply::json(500, "{}"),
        _ => Reply::json(200, r#"{"resources": []}"#),
    };
    let server = flow(|before| Reply::token(&format!("t{before}"), 1800), query);
    let harness = in_region(&server).retry(tiny()).build().unwrap();
    let found = harness.command("tokens_query", json!({"limit": 1})).await.unwrap();
    let reasons: Vec<_> = found.attempts().iter().map(|one| one.wait.map(|wait| wait.reason)).collect();
    let (renewed, backoff) = (Some(WaitReason::Credentials), Some(WaitReason::Backoff));
    assert_eq!(reasons, [renewed, backoff, backoff, None]);
    let numbers: Vec<_> = found.attempts().iter().map(|one| one.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert_eq!(server.count("/oauth2/token"), 2);
}

/// What was sent is told of, not that it cannot be sent again.
#[tokio::test]
async fn a_repeat_that_cannot_sign_in_does_not_hide_what_was_sent() {
    let token = |before| if before == 0 { Reply::token("t", 0) } else { Reply::json(403, "{}") };
    let server = flow(token, |_| Reply::json(500, r#"{"errors": [{"message": "down"}]}"#));
    let harness = in_region(&server).retry(tiny()).build().unwrap();
    let error = harness.command("tokens_query", ()).await.unwrap_err();
    assert_eq!((error.kind(), error.status(), error.was_sent()), ("refused", Some(500), true));
}

#[tokio::test]
async fn no_more_than_ten_repeats() {
    let error = builder().retry(RetryPolicy::new().repeats(11)).build().unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), ("config", "a call is not repeated 11 times"));
}
