//! Signing in beside others: whose limits end it, whose failures are shared, and what a token endpoint's word asks of
//! everybody.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use opcall::{Command, Error, Harness, Response};

use crate::support::{Received, Reply, Server, client, in_region};

const TOKEN: &str = "/oauth2/token";
const SECOND: Duration = Duration::from_secs(1);

/// A service whose token endpoint answers by how many token requests came before.
fn service(token: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Server {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    Server::start(move |request, _| match request.target.as_str() {
        TOKEN => token(asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst)),
        _ => Reply::json(200, "{}"),
    })
}

/// One call signs in, and others come while it does; what became of them.
async fn led(
    harness: &Harness,
    server: &Server,
    lead: impl FnOnce(Command<'_>) -> Command<'_>,
    others: impl Fn(Command<'_>) -> Command<'_>,
) -> (opcall::Result<Response>, Vec<opcall::Result<Response>>) {
    let leader = lead(harness.command("tokens_query", ())).send();
    let others = async {
        while server.count(TOKEN) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        join_all((0..20).map(|_| others(harness.command("tokens_query", ())).send())).await
    };
    tokio::join!(leader, others)
}

fn good(answers: &[opcall::Result<Response>]) -> usize {
    answers.iter().filter(|answer| answer.is_ok()).count()
}

#[tokio::test]
async fn a_call_in_a_hurry_fails_for_itself_alone() {
    let server = service(|before| match before {
        0 => Reply::token("late", 1799).after(20 * SECOND),
        _ => Reply::token("t", 1799),
    });
    let harness = in_region(&server).build().unwrap();
    let hurried = Duration::from_millis(200);
    let (first, others) =
        led(&harness, &server, |call| call.max_time(hurried), |call| call.max_time(5 * SECOND)).await;
    let error = first.unwrap_err();
    assert_eq!((error.kind(), error.was_sent()), ("timeout", false), "{error}");
    assert_eq!((good(&others), server.count(TOKEN)), (20, 2));
}

#[tokio::test]
async fn a_wait_that_is_too_long_for_one_call_is_waited_for_by_others() {
    let server = service(|before| match before {
        0 => Reply::whole(429, &["retry-after: 3"], ""),
        _ => Reply::token("t", 1799),
    });
    let harness = in_region(&server).build().unwrap();
    let (first, others) =
        led(&harness, &server, |call| call.max_time(2 * SECOND), |call| call.max_time(20 * SECOND)).await;
    let error = first.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), ("auth", Some(3 * SECOND)), "{error}");
    assert_eq!((good(&others), server.count(TOKEN)), (20, 2));
}

/// Notes when token requests came.
type Times = Arc<Mutex<Vec<Instant>>>;

fn timed(answer: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> (Server, Times) {
    let times = Times::default();
    let noted = Arc::clone(&times);
    let server = Server::start(move |request, _| {
        if request.target != TOKEN {
            return answer(request, 0);
        }
        let mut times = noted.lock().unwrap();
        times.push(Instant::now());
        answer(request, times.len() - 1)
    });
    (server, times)
}

#[tokio::test]
async fn nobody_signs_in_for_a_call_that_has_to_wait() {
    let api = Server::start(|_, before| match before {
        0 => Reply::whole(429, &["retry-after: 90"], ""),
        _ => Reply::json(200, "{}"),
    });
    let tokens = Server::start(|_, _| Reply::token("t", 1));
    let profile = opcall::Profile::new()
        .base_url(api.url())
        .token_url(format!("{}{TOKEN}", tokens.url()))
        .credentials(client());
    let harness = crate::support::builder().profile("falcon", profile).build().unwrap();
    assert_eq!(harness.command("tokens_query", ()).await.unwrap_err().status(), Some(429));
    tokio::time::sleep(SECOND).await;
    for _ in 0..2 {
        let error = harness.command("tokens_query", ()).await.unwrap_err();
        let Error::HeldBack(held) = &error else { panic!("{error}") };
        assert_eq!((&*held.operation, held.origin.as_str()), ("falcon:tokens_query", &*api.url()));
        assert!(held.retry_after > 80 * SECOND, "{held:?}");
    }
    assert_eq!((tokens.count(TOKEN), api.received().len()), (1, 1));
}

#[tokio::test]
async fn a_call_that_signs_in_waits_before_it_does() {
    let (server, times) = timed(|request, before| match (request.target.as_str(), before) {
        (TOKEN, _) => Reply::token("t", 1),
        _ => Reply::json(200, "{}"),
    });
    let api = Server::start(|_, before| match before {
        0 => Reply::whole(429, &["retry-after: 2"], ""),
        _ => Reply::json(200, "{}"),
    });
    let profile = opcall::Profile::new()
        .base_url(api.url())
        .token_url(format!("{}{TOKEN}", server.url()))
        .credentials(client());
    let harness = crate::support::builder().profile("falcon", profile).build().unwrap();
    harness.command("tokens_query", ()).retry(0).await.unwrap_err();
    let refused = Instant::now();
    tokio::time::sleep(SECOND).await;
    let found = harness.command("tokens_query", ()).await.unwrap();
    let held = found.attempts()[0].held.unwrap();
    assert_eq!(held.reason, opcall::WaitReason::Cooldown);
    assert!(held.length > SECOND / 2, "{held:?}");
    let times = times.lock().unwrap();
    assert!(times[1] - refused > SECOND * 3 / 2, "{:?}", times[1] - refused);
}

#[tokio::test]
async fn a_token_endpoints_word_stops_further_token_requests_and_no_calls() {
    let server = service(|before| match before {
        0 => Reply::token("t", 2),
        _ => Reply::whole(429, &["retry-after: 90"], ""),
    });
    let harness = in_region(&server).build().unwrap();
    harness.command("tokens_query", ()).await.unwrap();
    tokio::time::sleep(SECOND * 6 / 5).await;
    // The token is near its end and cannot be renewed; until then it serves.
    harness.command("tokens_query", ()).await.unwrap();
    assert_eq!(server.count(TOKEN), 2);
}
