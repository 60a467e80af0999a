//! Calls that are dropped while they sign in: whoever comes next gets the lock, the token and the answer.

use std::fs;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::{TOKEN, call, files, flow, harness, read};
use crate::support::{Reply, Server};

/// Polls a future so many times, then drops it; whether it was done before.
async fn polled(future: impl Future, times: usize) -> bool {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[tokio::test]
async fn dropped_at_any_await_it_leaves_lock_and_state_usable() {
    let mut drops = 0;
    for times in 1.. {
        let home = tempfile::tempdir().unwrap();
        let server = flow(|token| token != "t1");
        let one = harness(&server, home.path());
        let is_done = polled(Box::pin(one.command("tokens_query", ()).send()), times).await;
        drops += usize::from(!is_done);
        // The same harness, and another as if of another process.
        for next in [&one, &harness(&server, home.path())] {
            let started = Instant::now();
            call(next).await;
            assert!(
                started.elapsed() < Duration::from_secs(3),
                "after {times} polls: {:?}",
                started.elapsed()
            );
        }
        for file in files(home.path(), "token") {
            assert!(read(&file)["token"].is_string());
        }
        if is_done {
            break;
        }
        assert!(times < 1_000, "it ends at some time");
    }
    eprintln!("promise 14: a call with a token cache dropped after each of {drops} polls, 0 locks left");
    assert!(drops > 5, "{drops}");
}

#[tokio::test]
async fn dropped_while_the_endpoint_is_slow_it_gives_the_lock_back() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(|request, before| match request.target.as_str() {
        TOKEN if before == 0 => Reply::token("slow", 1799).after(Duration::from_secs(2)),
        TOKEN => Reply::token("fast", 1799),
        _ => Reply::json(200, "{}"),
    });
    let gone = harness(&server, home.path());
    let slow = tokio::time::timeout(Duration::from_millis(300), call(&gone)).await;
    assert!(slow.is_err());
    let started = Instant::now();
    call(&harness(&server, home.path())).await;
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(server.count(TOKEN), 2);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2, "a token and its lock");
}
