//! Promises 5 and 6: a thousand callers of one token, expired, refused or not to be had; and what a 401 and a 403 cost
//! at each service.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use opcall::{Credentials, Harness, Profile};

use crate::support::{Reply, Server, builder, in_region, proof};

const TOKEN: &str = "/oauth2/token";
const TASKS: usize = 1_000;

/// A thousand tasks make a call each; returns how many succeeded.
async fn thousand(harness: &Harness) -> usize {
    let task = || {
        let harness = harness.clone();
        tokio::spawn(async move { harness.command("tokens_query", ()).send().await.is_ok() })
    };
    let tasks: Vec<_> = (0..TASKS).map(|_| task()).collect();
    let mut good = 0;
    for task in tasks {
        good += usize::from(task.await.unwrap());
    }
    good
}

#[tokio::test]
async fn one_token_request_serves_a_thousand() {
    let rounds = proof(2, 50);
    let given = AtomicUsize::new(0);
    let server = Server::start(move |request, _| match request.target.as_str() {
        // Every other token is over when it comes.
        TOKEN => {
            let number = given.fetch_add(1, Ordering::SeqCst);
            Reply::token(&format!("t{number}"), if number.is_multiple_of(2) { 0 } else { 1799 })
        }
        _ => Reply::json(200, "{}"),
    });
    for round in 0..rounds {
        let harness = in_region(&server).build().unwrap();
        harness.command("tokens_query", ()).await.unwrap();
        assert_eq!(thousand(&harness).await, TASKS);
        assert_eq!(server.count(TOKEN), 2 * (round + 1), "one of the first call, one of the thousand");
    }
    eprintln!("promise 5: {rounds} rounds of {TASKS} tasks with an expired token, 1 token request each");
}

#[tokio::test]
async fn a_storm_of_401_is_one_refresh() {
    let rounds = proof(2, 50);
    let good = Arc::new(AtomicUsize::new(0));
    let number = Arc::clone(&good);
    let server = Server::start(move |request, _| {
        let number = number.load(Ordering::SeqCst);
        match request.target.as_str() {
            TOKEN => Reply::token(&format!("t{number}"), 1799),
            _ if request.header("authorization") == Some(&format!("Bearer t{number}")) => {
                Reply::json(200, "{}")
            }
            _ => Reply::json(401, r#"{"errors":[{"message":"expired"}]}"#),
        }
    });
    let harness = in_region(&server).build().unwrap();
    for round in 0..rounds {
        harness.command("tokens_query", ()).await.unwrap();
        // From now on the token of this round is refused.
        good.fetch_add(1, Ordering::SeqCst);
        assert_eq!(thousand(&harness).await, TASKS);
        assert_eq!(server.count(TOKEN), round + 2);
    }
    eprintln!("promise 5: {rounds} storms of {TASKS} refused calls, 1 refresh each");
}

/// Calls over and over from a thousand tasks, and says how many token requests that made in how long a time.
async fn hammered(server: &Server, for_how_long: Duration) -> (usize, Duration) {
    let harness = in_region(server).build().unwrap();
    let (started, stop) = (Instant::now(), Arc::new(AtomicBool::new(false)));
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (harness, stop) = (harness.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    assert!(harness.command("tokens_query", ()).send().await.is_err());
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            })
        })
        .collect();
    tokio::time::sleep(for_how_long).await;
    stop.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await.unwrap();
    }
    (server.count(TOKEN), started.elapsed())
}

#[tokio::test]
async fn a_dead_token_endpoint_is_asked_once_a_second() {
    let seconds = proof(3, 20) as u64;
    for dead in [|| Reply::json(403, "{}"), || Reply::json(500, "{}"), || Reply::raw("")] {
        let server = Server::start(move |_, _| dead());
        let (asked, time) = hammered(&server, Duration::from_secs(seconds)).await;
        assert!(asked as u64 <= time.as_secs() + 1, "{asked} token requests in {time:?}");
        eprintln!("promise 5: a dead token endpoint, {TASKS} tasks, {asked} token requests in {time:.1?}");
    }
}

#[tokio::test]
async fn a_token_endpoint_that_asks_to_wait_is_left_alone_for_so_long() {
    let server = Server::start(|request, before| match request.target.as_str() {
        TOKEN if before == 0 => Reply::whole(429, &["retry-after: 90"], "{}"),
        TOKEN => Reply::token("t", 1799),
        _ => Reply::json(200, "{}"),
    });
    let harness = in_region(&server).build().unwrap();
    for _ in 0..3 {
        let error = harness.command("tokens_query", ()).await.unwrap_err();
        assert_eq!((error.kind(), error.status(), error.was_sent()), ("auth", Some(429), false));
        assert!(error.is_retryable());
        let opcall::Error::Auth(refused) = error else { panic!("{error}") };
        let left = refused.retry_after.unwrap();
        assert!(left > Duration::from_secs(55) && left <= Duration::from_secs(90), "{left:?}");
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    assert_eq!(server.received().len(), 1, "longer than the second that every failure holds");
}

/// Every service with what signs its calls in, an operation, and whether its token can be had anew.
fn services() -> Vec<(&'static str, Credentials, &'static str, bool)> {
    vec![
        #[cfg(feature = "falcon")]
        ("falcon", Credentials::new().client("id", "secret"), "tokens_query", true),
        #[cfg(feature = "panther")]
        ("panther", Credentials::new().api_key("key"), "api_token_list", false),
        #[cfg(feature = "logscale")]
        ("logscale", Credentials::new().access_token("token"), "organization_tokens_query", false),
    ]
}

#[tokio::test]
async fn a_401_is_one_refresh_and_a_403_none_at_every_service() {
    let mut cells = 0;
    for (service, credentials, operation, renews) in services() {
        for status in [401, 403] {
            let server = Server::start(move |request, _| match request.target.as_str() {
                TOKEN => Reply::token("t", 1799),
                _ => Reply::json(status, r#"{"message":"no"}"#),
            });
            let profile = Profile::new().base_url(server.url()).credentials(credentials.clone());
            let home = tempfile::tempdir().unwrap();
            let is_renewed = renews && status == 401;
            // Without a cache, with an empty one, and with the token in it that was kept then.
            for (number, first) in [1, 1, 0].into_iter().enumerate() {
                let (tokens, all) = (server.count(TOKEN), server.received().len());
                let harness = builder().profile(service, profile.clone());
                let harness = if number == 0 { harness } else { harness.token_cache(home.path()) };
                let error = harness.build().unwrap().command(operation, ()).await.unwrap_err();
                assert_eq!(error.status(), Some(status), "{service}: {error}");
                let asked = server.count(TOKEN) - tokens;
                let sends = server.received().len() - all - asked;
                let expected = (usize::from(is_renewed), 1 + usize::from(is_renewed));
                assert_eq!(
                    (asked - usize::from(renews) * first, sends),
                    expected,
                    "{service} {status} {number}"
                );
                cells += 1;
            }
        }
    }
    eprintln!(
        "promise 6: {cells} cells, 2 sends and 1 refresh for a 401 with a token, 1 send and 0 refreshes else"
    );
}
