//! What a call tells of its attempts where its end is not the last attempt's own: no time left, no way to sign in, a
//! wait for two reasons.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opcall::{
    Begun, Error, HarnessBuilder, NoRepeat, Outcome, Phase, Profile, Response, RetryPolicy, WaitReason,
};

use crate::support::{Reply, Server, builder, in_region};

fn quick(builder: HarnessBuilder) -> HarnessBuilder {
    let tiny = Duration::from_micros(500);
    builder.retry(RetryPolicy::new().base(tiny).throttled_base(tiny))
}

/// A service whose first token is good, and whose client is refused from then on.
fn one_token(answer: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Server {
    let (tokens, calls) = (AtomicUsize::new(0), AtomicUsize::new(0));
    Server::start(move |request, _| match request.target.as_str() {
        "/oauth2/token" if tokens.fetch_add(1, Ordering::SeqCst) == 0 => Reply::token("t", 1800),
        "/oauth2/token" => Reply::json(403, r#"{"errors": [{"message": "client gone"}]}"#),
        _ => answer(calls.fetch_add(1, Ordering::SeqCst)),
    })
}

async fn query(server: &Server) -> opcall::Result<Response> {
    quick(in_region(server)).build().unwrap().command("tokens_query", ()).await
}

#[tokio::test]
async fn a_call_out_of_time_tells_all_its_attempts() {
    let never = Duration::from_secs(60);
    let server = one_token(move |before| match before {
        0 => Reply::json(500, "{}"),
        _ => Reply::json(200, "{}").after(never),
    });
    let harness = quick(in_region(&server)).build().unwrap();
    let call = harness.command("tokens_query", ()).max_time(Duration::from_millis(600));
    let error = call.await.unwrap_err();
    let outcomes: Vec<_> = error.attempts().iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Outcome::Status(500), Outcome::Failed(Phase::AnswerTimeout)]);
    assert_eq!((error.kind(), error.was_sent()), ("timeout", true));
}

/// A call that was turned away for its token, and nothing more, fails for what signing in says now.
#[tokio::test]
async fn a_token_that_cannot_be_had_again_is_what_failed() {
    let server = one_token(|_| Reply::json(401, r#"{"errors": [{"message": "token gone"}]}"#));
    let error = query(&server).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), ("auth", Some(403)), "{error}");
    assert!(error.to_string().contains("client gone"), "{error}");
}

/// That it was sent and refused is told beside it.
#[tokio::test]
async fn a_call_that_cannot_sign_in_anew_was_answered_with_401() {
    const ANEW: &str = "; the call was answered with 401, and signing in anew failed";
    for (reply, kind) in [
        ((|| Reply::json(403, "{}")) as fn() -> Reply, "auth"),
        (|| Reply::raw(""), "transport"),
        (|| Reply::whole(308, &["location: https://127.0.0.1:9/oauth2/token"], ""), "unsafe"),
    ] {
        let tokens = AtomicUsize::new(0);
        let server = Server::start(move |request, _| match request.target.as_str() {
            "/oauth2/token" if tokens.fetch_add(1, Ordering::SeqCst) == 0 => Reply::token("t", 1800),
            "/oauth2/token" => reply(),
            _ => Reply::json(401, "{}"),
        });
        let error = query(&server).await.unwrap_err();
        assert_eq!((error.kind(), error.was_sent()), (kind, false), "{error}");
        assert_eq!(error.sign_in_attempts(), error.attempts());
        if kind != "unsafe" {
            let statuses: Vec<_> = error.attempts_before().iter().map(opcall::Attempt::status).collect();
            assert_eq!(statuses, [Some(401)], "{error}");
            assert!(error.to_string().ends_with(ANEW), "{error}");
            assert!(!error.hint().unwrap_or_default().contains("nothing of it was sent"), "{error}");
        }
    }
    // The token endpoint takes no requests for a while, as it has told another call.
    let server = Server::start(|request, before| match request.target.as_str() {
        "/oauth2/token" if before == 0 => Reply::token("t", 1800),
        "/oauth2/token" => Reply::whole(429, &["retry-after: 100"], "{}"),
        _ => Reply::json(401, "{}"),
    });
    let harness = quick(in_region(&server)).build().unwrap();
    let error = harness.command("tokens_query", ()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts_before().len()), ("auth", 1), "{error}");
    let error = harness.command("tokens_query", ()).await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent()), ("auth", false), "{error}");
    let first = quick(in_region(&server)).build().unwrap().command("tokens_query", ()).await.unwrap_err();
    assert!(first.attempts_before().is_empty() && !first.to_string().contains("401"), "{first}");
}

/// After a repeat the attempts are told too: the call may have been carried out.
#[tokio::test]
async fn a_token_that_cannot_be_had_again_hides_no_attempt() {
    let server = one_token(|before| Reply::json(if before == 0 { 500 } else { 401 }, "{}"));
    let error = query(&server).await.unwrap_err();
    assert!(error.was_sent(), "{error}");
    let Error::Unfinished(unfinished) = error else { panic!("{error}") };
    assert_eq!((unfinished.cause.kind(), unfinished.cause.status()), ("auth", Some(403)));
    let outcomes: Vec<_> = unfinished.attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Outcome::Status(500), Outcome::Status(401)]);
}

/// Held back by the server's word to another call, and then by the user's own limit.
#[tokio::test]
async fn waits_for_two_reasons_are_told_as_one() {
    let server = Server::start(|_, before| match before {
        0 => Reply::whole(429, &["retry-after-ms: 400"], ""),
        _ => Reply::json(200, "{}"),
    });
    let credentials = opcall::Credentials::new().api_key("key");
    let profile = Profile::new().base_url(server.url()).credentials(credentials);
    let own = Duration::from_millis(900);
    let harness = builder().profile("panther", profile).rate_limit(1, own).build().unwrap();
    let error = harness.command("api_token_list", ()).retry(0).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
    let found = harness.command("api_token_list", ()).await.unwrap();
    let held = found.attempts()[0].held.unwrap();
    assert_eq!(held.reason, WaitReason::OwnLimit);
    assert!(held.length > Duration::from_millis(600), "the last wait alone: {held:?}");
}

fn keyed(server: &Server) -> HarnessBuilder {
    let credentials = opcall::Credentials::new().api_key("key");
    quick(builder().profile("panther", Profile::new().base_url(server.url()).credentials(credentials)))
}

#[tokio::test]
async fn an_answer_that_breaks_off_tells_its_status_and_how_much_came() {
    let server = Server::start(|_, _| Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n12345"));
    let harness = keyed(&server).build().unwrap();
    let told =
        |last| format!("the answer (200) of {} broke off after 5 bytes{last}; it was sent", server.url());
    let error = harness.command("api_token_list", ()).await.unwrap_err();
    assert_eq!(error.to_string(), told(" in the last of 3 attempts"));
    assert_eq!((error.kind(), error.status(), error.attempts().len()), ("transport", Some(200), 3));
    let begun = Some(Begun { status: 200, received: 5 });
    assert!(error.attempts().iter().all(|attempt| attempt.begun == begun && attempt.status().is_none()));
    assert!(error.attempts()[0].to_string().starts_with("attempt 1: 200, then the connection broke after "));
    let mut stream = harness.command("api_token_list", ()).stream().await.unwrap();
    assert_eq!(stream.chunk().await.unwrap().unwrap(), "12345");
    let error = stream.chunk().await.unwrap_err();
    assert_eq!((error.to_string(), error.status()), (told(""), Some(200)));
    assert_eq!(error.attempts()[0].outcome, Outcome::Failed(Phase::Broken));
}

/// Of a coded body less may be decoded than came, or nothing.
#[tokio::test]
async fn what_came_of_a_coded_answer_is_counted_as_it_came() {
    // The head of a gzip file (RFC 1952 §2.3), and nothing of what is packed in it.
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let server = Server::start(move |_, _| {
        let mut bytes = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 100\r\n\r\n".to_vec();
        bytes.extend(head);
        Reply::open(bytes)
    });
    let harness = keyed(&server).timeout(Duration::from_millis(300)).build().unwrap();
    let error = harness.command("api_token_list", ()).retry(0).await.unwrap_err();
    assert_eq!(error.kind(), "timeout", "{error}");
    assert_eq!(error.attempts()[0].begun, Some(Begun { status: 200, received: 10 }));
    assert_eq!(error.hint().unwrap(), "give each attempt more time (`timeout`).");
    let call = harness.command("api_token_list", ()).timeout(Duration::from_secs(20)).retry(0);
    let error = call.max_time(Duration::from_millis(300)).await.unwrap_err();
    assert_eq!(error.attempts()[0].begun, Some(Begun { status: 200, received: 10 }));
    assert_eq!(error.hint().unwrap(), "give the whole call more time (`max_time`).");
}

/// Whatever is wrong with an answer: that it came, and after what, is told.
#[tokio::test]
async fn what_is_refused_after_it_was_sent_tells_its_attempts() {
    let server = Server::start(|_, before| match before {
        0 => Reply::whole(302, &["location: /next"], ""),
        1 => Reply::whole(302, &["location: /further"], ""),
        2 => Reply::json(200, &"x".repeat(2000)),
        _ => Reply::json(200, "no JSON"),
    });
    let harness = keyed(&server).follow_redirects(1).build().unwrap();
    let call = || harness.command("api_token_list", ());
    let error = call().await.unwrap_err();
    assert_eq!((error.kind(), error.status()), ("unsafe", Some(302)), "{error}");
    assert_eq!((error.attempts().len(), error.was_sent()), (2, true), "{:?}", error.attempts());
    let error = call().max_body(1000).await.unwrap_err();
    assert_eq!((error.kind(), error.status(), error.attempts().len()), ("unsafe", Some(200), 1), "{error}");
    let error = call().await.unwrap().value().unwrap_err();
    assert_eq!((error.kind(), error.status(), error.attempts().len()), ("decode", Some(200), 1), "{error}");
}

#[tokio::test]
async fn the_last_attempt_tells_why_there_is_no_further_one() {
    let server = Server::start(|request, _| match request.header("x-answer").unwrap_or_default() {
        "later" => Reply::whole(503, &["retry-after: 5"], ""),
        "much later" => Reply::whole(503, &["retry-after: 3600"], ""),
        "no" => Reply::json(404, "{}"),
        _ => Reply::json(500, "{}"),
    });
    let why = async |answer: &str, repeats| {
        // One harness each: a server's word holds back those that follow.
        let harness = keyed(&server).build().unwrap();
        let call = harness.command("api_token_list", ()).header("x-answer", answer).retry(repeats);
        let error = call.max_time(Duration::from_secs(4)).await.unwrap_err();
        error.attempts().last().unwrap().unrepeated
    };
    assert_eq!(why("broken", 1).await, Some(NoRepeat::Limit));
    assert_eq!(why("later", 1).await, Some(NoRepeat::NoTime));
    assert_eq!(why("much later", 1).await, Some(NoRepeat::HintTooLong));
    assert_eq!(why("no", 1).await, None);
    let harness = keyed(&server).build().unwrap();
    let mut last = None;
    for _ in 0..5 {
        let error = harness.command("api_token_list", ()).retry(10).await.unwrap_err();
        last = error.attempts().last().unwrap().unrepeated;
    }
    assert_eq!(last, Some(NoRepeat::NoBudget), "500 / 14 repeats");
}

/// A server that fails a call's first attempt where the call asks for it.
fn failing_once() -> Server {
    let failed = std::sync::Mutex::new(std::collections::HashSet::new());
    Server::start(move |request, _| match request.header("x-fails") {
        Some("always") => Reply::json(500, "{}"),
        Some(number) if failed.lock().unwrap().insert(number.to_owned()) => Reply::json(500, "{}"),
        _ => Reply::json(200, r#"{"results":[]}"#),
    })
}

#[tokio::test]
async fn a_repeat_that_succeeds_gives_back_what_it_cost() {
    let server = failing_once();
    let harness = keyed(&server).build().unwrap();
    // Without that the 36th would have none left: 500 / 14.
    for number in 0..50 {
        let call = harness.command("api_token_list", ()).header("x-fails", number.to_string());
        assert_eq!(call.await.unwrap().attempts().len(), 2, "{number}");
    }
}

#[tokio::test]
async fn calls_that_succeed_at_once_fill_a_spent_budget_again() {
    let server = failing_once();
    let harness = keyed(&server).build().unwrap();
    let call =
        async |fails: &str| harness.command("api_token_list", ()).header("x-fails", fails).retry(10).await;
    let is_spent = |error: &Error| error.attempts().last().unwrap().unrepeated == Some(NoRepeat::NoBudget);
    // It takes 35 repeats to leave 10 of 500.
    for _ in 0..3 {
        assert!(!is_spent(&call("always").await.unwrap_err()));
    }
    assert!(is_spent(&call("always").await.unwrap_err()));
    assert!(is_spent(&call("once").await.unwrap_err()), "a repeat costs 14");
    let good = async || harness.command("api_token_list", ()).await.unwrap();
    for _ in 0..3 {
        good().await;
    }
    assert!(is_spent(&call("twice").await.unwrap_err()), "13 are there");
    good().await;
    assert_eq!(call("at last").await.unwrap().attempts().len(), 2);
}
