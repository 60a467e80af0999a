//! Signing in beside others: whose limits end it, and whose failures are shared.

use std::time::Duration;

use futures_util::future::join_all;
use opcall::{Command, Harness, Response};

use crate::support::{Reply, Server, in_region};

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
