//! What is said of a call that an earlier request may have carried out: its kind, its attempts, and what to do first.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opcall::{Credentials, Error, Harness, HarnessBuilder, Method, Profile, Response, WaitReason};

use crate::support::{Reply, Server, builder, in_region};

const CHECK: &str = "check with a reading operation whether it was carried out before you repeat it";

const LONG: Duration = Duration::from_secs(100);

fn keyed(server: &Server) -> HarnessBuilder {
    let profile = Profile::new().base_url(server.url()).credentials(Credentials::new().api_key("key"));
    builder().profile("panther", profile).max_time(Duration::from_secs(5))
}

fn to(status: u16, location: &str) -> Reply {
    Reply::whole(status, &[&format!("location: {location}")], "")
}

async fn call(harness: &Harness, method: Method) -> Result<Response, Error> {
    harness.request("panther", method, "/act", ()).follow_redirects(1).await
}

fn statuses(error: &Error) -> Vec<Option<u16>> {
    error.attempts().iter().map(opcall::Attempt::status).collect()
}

/// The user's own limit has no room for where the redirect leads.
#[tokio::test]
async fn a_call_that_is_held_back_on_its_way_was_sent_all_the_same() {
    let wait = "give the call more time (`max_time`), or allow more requests.";
    for (method, status, hint) in [
        (Method::Post, 303, format!("{CHECK}, and {wait}")),
        (Method::Put, 303, wait.to_owned()),
        (Method::Get, 302, wait.to_owned()),
        // Whoever answers so has not looked at it (RFC 9110 §15.4.8).
        (Method::Post, 307, wait.to_owned()),
    ] {
        let server = Server::start(move |_, _| to(status, "/seen"));
        let harness = keyed(&server).rate_limit(1, LONG).build().unwrap();
        let error = call(&harness, method.clone()).await.unwrap_err();
        assert_eq!(server.received().len(), 1, "{method} {status}: {error}");
        assert_eq!((error.kind(), error.was_sent()), ("unfinished", true), "{method} {status}: {error}");
        assert_eq!((statuses(&error), error.attempts()[0].wait), (vec![Some(status)], None));
        assert_eq!(error.hint().unwrap(), hint, "{method} {status}");
        assert!(error.retry_after().unwrap() > LONG / 2 && error.is_retryable());
        let Error::Unfinished(unfinished) = error else { panic!("{error}") };
        let Error::HeldBack(held) = &unfinished.cause else { panic!("{unfinished}") };
        assert_eq!((held.reason, held.attempts.len()), (WaitReason::OwnLimit, 1));
        let told = format!("the next request of {method} /act was not sent: the harness's own rate limit");
        assert!(held.to_string().starts_with(&told), "{held}");
    }
}

/// What is answered with 401 was not looked at: nothing else is said of the call, and its request is told.
#[tokio::test]
async fn a_call_that_is_held_back_before_its_renewal_tells_the_attempt_before() {
    let server = Server::start(|request, before| match &*request.target {
        "/oauth2/token" => Reply::token(&format!("t{before}"), 1800),
        _ => Reply::json(401, "{}"),
    });
    let harness = in_region(&server).rate_limit(1, LONG).max_time(Duration::from_secs(5)).build().unwrap();
    let error = harness.request("falcon", Method::Post, "/act", ()).await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent(), statuses(&error)), ("rate_limited", false, vec![Some(401)]));
    assert!(error.to_string().starts_with("the next request of POST /act was not sent: "), "{error}");
    assert_eq!(error.hint().unwrap(), "give the call more time (`max_time`), or allow more requests.");
}

/// A server's word to another call comes between.
#[tokio::test]
async fn a_call_that_is_stopped_on_its_way_by_anothers_refusal_was_sent_all_the_same() {
    let server = Server::start(|request, _| match &*request.method {
        "POST" => to(303, "/seen").after(Duration::from_millis(600)),
        _ => Reply::whole(429, &["retry-after: 100"], "{}"),
    });
    let harness = keyed(&server).build().unwrap();
    let other = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        call(&harness, Method::Get).await
    };
    let (error, other) = tokio::join!(call(&harness, Method::Post), other);
    let (error, other) = (error.unwrap_err(), other.unwrap_err());
    assert_eq!((other.kind(), other.status()), ("rate_limited", Some(429)));
    assert_eq!((error.kind(), error.was_sent(), statuses(&error)), ("unfinished", true, vec![Some(303)]));
    let hint = error.hint().unwrap();
    assert!(hint.starts_with(&format!("{CHECK}, and wait ")), "{hint}");
}

/// After 301, 302 and 303 a POST was mostly carried out: following the hint must not do it twice.
#[tokio::test]
async fn a_redirect_that_is_not_followed_is_looked_at_before_the_call_is_repeated() {
    let follow = "let the call go on to /seen (`follow_redirects`): by default redirects are not followed.";
    let moved =
        "set the base URL if the service has moved to https://moved.example/a: redirects are not followed.";
    let ask = "ask the service: where it redirects to is no address of a call.";
    let elsewhere = "https://moved.example/a?x=1";
    for (method, status, location, hint) in [
        (Method::Post, 303, "/seen", format!("{CHECK}: what stands at /seen may tell.")),
        (Method::Post, 302, "/seen", format!("{CHECK}: what stands at /seen may tell.")),
        (Method::Patch, 301, "/seen?x=1", format!("{CHECK}: what stands at /seen may tell.")),
        (Method::Post, 301, elsewhere, format!("{CHECK}, and {moved}")),
        (Method::Post, 302, "ftp://moved.example/a", format!("{CHECK}, and {ask}")),
        (Method::Post, 302, "", format!("{CHECK}.")),
        (Method::Post, 307, "/seen", follow.to_owned()),
        (Method::Post, 308, elsewhere, moved.to_owned()),
        (Method::Get, 303, "/seen", follow.to_owned()),
        (Method::Put, 301, elsewhere, moved.to_owned()),
        (Method::Delete, 302, "/seen", follow.to_owned()),
    ] {
        let server = Server::start(move |_, _| match location {
            "" => Reply::whole(status, &[], ""),
            _ => to(status, location),
        });
        let harness = keyed(&server).build().unwrap();
        let what = format!("{method} {status} {location}");
        let error = harness.request("panther", method, "/act", ()).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), ("refused", Some(status)), "{what}: {error}");
        assert_eq!(error.hint().unwrap(), hint, "{what}");
    }
}

#[tokio::test]
async fn a_redirect_that_must_not_be_followed_is_looked_at_before_the_call_is_repeated() {
    let base = "set that address as the base URL if it is meant to have the call.";
    let ask = "ask the service: it cannot be reached that way.";
    let more = "allow more redirects (`follow_redirects`) if that is meant.";
    let elsewhere = "https://moved.example/a";
    for (method, first, then, hint) in [
        (Method::Post, (303, elsewhere), "", format!("{CHECK}, and {base}")),
        (Method::Post, (302, "ftp://moved.example/a"), "", format!("{CHECK}, and {ask}")),
        (Method::Post, (303, "/seen"), "/further", format!("{CHECK}, and {more}")),
        (Method::Post, (303, "/seen"), elsewhere, format!("{CHECK}, and {base}")),
        (Method::Post, (307, elsewhere), "", base.to_owned()),
        (Method::Put, (303, elsewhere), "", base.to_owned()),
        (Method::Get, (302, "/seen"), "/further", more.to_owned()),
    ] {
        let (status, location) = first;
        let server = Server::start(move |request, _| match &*request.target {
            "/act" => to(status, location),
            _ => to(302, then),
        });
        let harness = keyed(&server).build().unwrap();
        let what = format!("{method} {status} {location} {then}");
        let error = call(&harness, method).await.unwrap_err();
        assert_eq!((error.kind(), error.was_sent()), ("unsafe", true), "{what}: {error}");
        assert_eq!(error.hint().unwrap(), hint, "{what}");
    }
}

/// A repeat with the same key is harmless, the next call has another.
#[tokio::test]
async fn a_redirect_after_an_attempt_that_was_lost_leaves_it_in_doubt() {
    let document = r#"{"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "x-service": "shop",
        "servers": [{"url": "SERVER"}], "paths": {"/pay": {"post": {"operationId": "pay", "responses": {},
        "parameters": [{"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}}]}}}}"#;
    let base = "set that address as the base URL if it is meant to have the call.";
    for (key, status, hint) in [
        (None, 303, format!("{CHECK}, and {base}")),
        (None, 307, format!("{CHECK}, and {base}")),
        (Some("k1"), 303, base.to_owned()),
    ] {
        let lost = AtomicBool::new(false);
        let server = Server::start(move |_, _| {
            let is_first = !lost.swap(true, Ordering::SeqCst);
            if is_first { Reply::raw("") } else { to(status, "https://moved.example/a") }
        });
        let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
        std::fs::write(file.path(), document.replace("SERVER", &server.url())).unwrap();
        let harness = builder().spec(file.path()).build().unwrap();
        let pay = harness.command("pay", ()).follow_redirects(1);
        let pay = if let Some(key) = key { pay.idempotency_key(key) } else { pay };
        let error = pay.await.unwrap_err();
        assert_eq!((error.kind(), statuses(&error)), ("unsafe", vec![None, Some(status)]), "{error}");
        assert_eq!(error.hint().unwrap(), hint, "{key:?} {status}");
    }
}

/// Fields of a rate limit stand in answers of every kind: beside another status than 429 they tell nothing.
#[tokio::test]
async fn a_limit_that_was_not_hit_makes_no_repeat_harmless() {
    let fields = ["x-ratelimit-remaining: 0", "x-ratelimit-reset: 30"];
    let waits = Some(Duration::from_secs(30));
    for (status, further, wait, hint) in [
        (503, None, None, format!("{CHECK}.")),
        (503, Some("retry-after: 30"), waits, "repeat the call later.".to_owned()),
        (429, None, waits, "wait 30 s before the next call.".to_owned()),
    ] {
        let fields: Vec<_> = fields.into_iter().chain(further).collect();
        let server = Server::start(move |_, _| Reply::whole(status, &fields, "{}"));
        let harness = keyed(&server).build().unwrap();
        let error = harness.request("panther", Method::Post, "/act", ()).retry(0).await.unwrap_err();
        assert_eq!((error.status(), error.retry_after()), (Some(status), wait));
        assert_eq!(error.hint().unwrap(), hint, "{status} {further:?}");
    }
}
