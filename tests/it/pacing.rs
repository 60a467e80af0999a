//! Requests held back: after a server's word to others of the same credentials, before a limit is hit, by a limit of
//! one's own.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use opcall::{Credentials, Error, Harness, HarnessBuilder, Profile, Response, RetryPolicy, WaitReason};

use crate::support::{Received, Reply, Server, builder};

const SECOND: Duration = Duration::from_secs(1);

/// When each request came.
type Times = Arc<Mutex<Vec<Instant>>>;

/// A server that notes when requests come.
fn timed(answer: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> (Server, Times) {
    let times = Times::default();
    let noted = Arc::clone(&times);
    let server = Server::start(move |request, before| {
        noted.lock().unwrap().push(Instant::now());
        answer(request, before)
    });
    (server, times)
}

fn key(server: &Server, key: &str) -> Profile {
    Profile::new().base_url(server.url()).credentials(Credentials::new().api_key(key))
}

fn panther(server: &Server) -> HarnessBuilder {
    builder().profile("panther", key(server, "canary-key"))
}

async fn list(harness: &Harness) -> opcall::Result<Response> {
    harness.command("api_token_list", ()).await
}

fn ok() -> Reply {
    Reply::json(200, "{}")
}

fn too_many(hint: &str) -> Reply {
    Reply::whole(429, &[hint], "")
}

/// Waits until a server got so many requests, and its client their answers.
async fn came(server: &Server, count: usize) {
    while server.received().len() < count {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[tokio::test]
async fn one_refusal_stops_all_calls_until_the_time_it_names() {
    let (server, times) = timed(|_, before| if before == 0 { too_many("retry-after: 1") } else { ok() });
    let harness = panther(&server).build().unwrap();
    let first = tokio::spawn({
        let harness = harness.clone();
        async move { list(&harness).await }
    });
    came(&server, 1).await;
    let answers = join_all((0..49).map(|_| list(&harness))).await;
    assert_eq!(first.await.unwrap().unwrap().attempts().len(), 2);
    for answer in answers {
        let answer = answer.unwrap();
        let [attempt] = answer.attempts() else { panic!("{:?}", answer.attempts()) };
        let held = attempt.held.unwrap();
        assert_eq!(held.reason, WaitReason::Cooldown);
        assert!(held.length > SECOND / 2 && held.length < 2 * SECOND, "{held:?}");
    }
    let times = times.lock().unwrap();
    let after: Vec<_> = times.iter().map(|time| *time - times[0]).collect();
    assert_eq!(after.len(), 51);
    assert!(after[1..].iter().all(|after| *after >= SECOND), "{after:?}");
    let spread = after.iter().max().unwrap().saturating_sub(after[1]);
    assert!(spread > Duration::from_millis(20), "they come one after the other: {spread:?}");
    eprintln!("cooldown: 50 calls, 1 refused, 0 sent within the second that it named, all 50 answered");
}

#[tokio::test]
async fn other_credentials_and_other_origins_are_not_held_up() {
    let refuses = |request: &Received| request.header("x-api-key") == Some("canary-key");
    let (server, _) =
        timed(move |request, _| if refuses(request) { too_many("retry-after: 30") } else { ok() });
    let elsewhere = Server::start(|_, _| ok());
    let harness = panther(&server)
        .profile("panther", key(&server, "canary-key-2").named("other key"))
        .profile("panther", key(&elsewhere, "canary-key").named("other origin"))
        .max_time(5 * SECOND)
        .build()
        .unwrap();
    list(&harness).await.unwrap_err();
    let started = Instant::now();
    for name in ["other key", "other origin"] {
        let answer = harness.command("api_token_list", ()).profile(name).await.unwrap();
        assert_eq!(answer.attempts()[0].held, None);
    }
    let by_hand = harness.command("api_token_list", ()).header("x-api-key", "canary-key-3").await.unwrap();
    assert_eq!(by_hand.attempts()[0].held, None);
    assert!(started.elapsed() < SECOND);
    list(&harness).await.unwrap_err();
    assert_eq!(server.received().iter().filter(|one| refuses(one)).count(), 1);
}

#[tokio::test]
async fn a_wait_that_is_too_long_fails_at_once_and_sends_nothing() {
    let (server, _) = timed(|_, _| too_many("retry-after: 3600"));
    let harness = panther(&server).build().unwrap();
    let Error::Refused(refused) = list(&harness).await.unwrap_err() else { panic!("another error") };
    assert_eq!(refused.retry_after, Some(3600 * SECOND));
    let started = Instant::now();
    let error = list(&harness).await.unwrap_err();
    assert!(started.elapsed() < SECOND);
    assert_eq!((error.kind(), error.was_sent(), error.is_retryable()), ("rate_limited", false, true));
    assert_eq!(error.retry_after().unwrap().as_secs(), 3599);
    let origin = server.url();
    assert_eq!(
        error.to_string(),
        format!("panther:api token#list was not sent: {origin} takes no calls for another 3600 s")
    );
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_wait_beyond_the_calls_time_fails_at_once() {
    let (server, _) = timed(|_, before| if before == 0 { too_many("retry-after: 20") } else { ok() });
    let harness = panther(&server).max_time(10 * SECOND).build().unwrap();
    list(&harness).await.unwrap_err();
    let started = Instant::now();
    let Error::HeldBack(held) = list(&harness).await.unwrap_err() else { panic!("another error") };
    assert!(started.elapsed() < SECOND && held.retry_after > 15 * SECOND);
    assert_eq!((held.reason, server.received().len()), (WaitReason::Cooldown, 1));
}

#[tokio::test]
async fn only_what_tells_of_a_limit_stops_others() {
    for (status, hint, held) in [
        (503, "retry-after: 1", true),
        (503, "x-nothing: 1", false),
        (500, "retry-after: 1", false),
        (429, "x-nothing: 1", false),
        (429, "x-ratelimit-reset-after: 0.8", true),
        (503, "x-ratelimit-reset-after: 0.8", false),
    ] {
        let (server, times) =
            timed(move |_, before| if before == 0 { Reply::whole(status, &[hint], "") } else { ok() });
        let harness = panther(&server).retry(RetryPolicy::never()).build().unwrap();
        list(&harness).await.unwrap_err();
        list(&harness).await.unwrap();
        let times = times.lock().unwrap();
        let waited = times[1] - times[0] > Duration::from_millis(700);
        assert_eq!(waited, held, "{status} {hint}");
    }
}

#[tokio::test]
async fn harnesses_that_share_a_folder_share_the_servers_word() {
    let home = tempfile::tempdir().unwrap();
    let (server, times) = timed(|_, before| if before == 0 { too_many("retry-after: 1") } else { ok() });
    let harness = || panther(&server).token_cache(home.path()).retry(RetryPolicy::never()).build().unwrap();
    list(&harness()).await.unwrap_err();
    let answer = list(&harness()).await.unwrap();
    assert_eq!(answer.attempts()[0].held.unwrap().reason, WaitReason::Cooldown);
    let alone = panther(&server).retry(RetryPolicy::never()).build().unwrap();
    assert_eq!(list(&alone).await.unwrap().attempts()[0].held, None);
    let times = times.lock().unwrap();
    assert!(times[1] - times[0] >= SECOND, "{:?}", times[1] - times[0]);
    let names: Vec<_> = std::fs::read_dir(home.path().join("cooldowns"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(!names.concat().contains("canary"));
}

/// A server with a limit of requests in each window, which starts with its first request. It tells what remains.
fn counting(limit: usize, window: Duration) -> Server {
    let state: Mutex<(Option<Instant>, usize)> = Mutex::default();
    Server::start(move |_, _| {
        let mut state = state.lock().unwrap();
        let now = Instant::now();
        if state.0.is_none_or(|started| now >= started + window) {
            *state = (Some(now), 0);
        }
        let left = (state.0.unwrap() + window - now).as_secs_f64();
        if state.1 == limit {
            return too_many(&format!("x-ratelimit-reset-after: {left}"));
        }
        state.1 += 1;
        let remaining = format!("x-ratelimit-remaining: {}", limit - state.1);
        Reply::whole(200, &[&remaining, &format!("x-ratelimit-reset-after: {left}")], "{}")
    })
}

/// One call, then several at a time until there were so many; returns how many attempts were refused.
async fn work(harness: &Harness, calls: usize, at_a_time: usize) -> usize {
    let refused = |answer: opcall::Result<Response>| match answer {
        Ok(answer) => answer.attempts().iter().filter(|attempt| attempt.status() == Some(429)).count(),
        Err(error) => error.attempts().len(),
    };
    let mut count = refused(list(harness).await);
    let workers = (0..at_a_time).map(|_| async {
        let mut count = 0;
        for _ in 0..calls / at_a_time {
            count += refused(list(harness).await);
        }
        count
    });
    count += join_all(workers).await.into_iter().sum::<usize>();
    count
}

#[tokio::test]
async fn a_limit_that_is_told_is_not_hit() {
    let window = Duration::from_millis(800);
    let server = counting(20, window);
    let started = Instant::now();
    let refused = work(&panther(&server).build().unwrap(), 60, 4).await;
    assert_eq!((refused, server.received().len()), (0, 61));
    assert!(started.elapsed() < 5 * SECOND, "{:?}", started.elapsed());
    eprintln!("learned limits: 61 calls at 20 in {window:?} took {:?}, 0 refused", started.elapsed());

    let server = counting(20, window);
    let deaf = panther(&server).learn_limits(false).retry(RetryPolicy::never()).build().unwrap();
    assert!(work(&deaf, 60, 4).await > 0, "it would have been hit");
}

#[tokio::test]
async fn a_limit_of_ones_own_holds() {
    let (server, times) = timed(|_, _| ok());
    let span = Duration::from_millis(400);
    let harness = panther(&server).rate_limit(5, span).build().unwrap();
    let answers = join_all((0..20).map(|_| list(&harness))).await;
    let held = answers.iter().filter_map(|answer| answer.as_ref().unwrap().attempts()[0].held);
    assert_eq!(held.filter(|held| held.reason == WaitReason::OwnLimit).count(), 15);
    let mut times = times.lock().unwrap().clone();
    times.sort();
    // The way to the server may take a little longer for one than for another.
    let least = span / 2;
    assert!(times.windows(6).all(|six| six[5] - six[0] >= least), "{times:?}");

    let harness = panther(&server).rate_limit(1, 60 * SECOND).max_time(10 * SECOND).build().unwrap();
    list(&harness).await.unwrap();
    let Error::HeldBack(held) = list(&harness).await.unwrap_err() else { panic!("another error") };
    assert_eq!(held.reason, WaitReason::OwnLimit);
    for (count, span) in [(0, SECOND), (1, Duration::ZERO)] {
        let error = panther(&server).rate_limit(count, span).build().unwrap_err();
        assert_eq!(error.kind(), "config");
    }
}

#[tokio::test]
async fn a_limit_of_ones_own_holds_after_another_wait_too() {
    let (server, times) = timed(|_, before| if before == 0 { too_many("retry-after: 1") } else { ok() });
    let span = Duration::from_millis(400);
    let harness = panther(&server).rate_limit(1, span).build().unwrap();
    for answer in join_all((0..6).map(|_| list(&harness))).await {
        answer.unwrap();
    }
    let mut times = times.lock().unwrap().clone();
    times.sort();
    assert_eq!(times.len(), 7);
    let least = span / 2;
    assert!(times.windows(2).all(|two| two[1] - two[0] >= least), "{times:?}");
}

#[tokio::test]
async fn calls_that_are_given_up_leave_their_places_to_others() {
    let (server, _) = timed(|_, _| ok());
    let harness = panther(&server).rate_limit(1, 2 * SECOND).build().unwrap();
    list(&harness).await.unwrap();
    let started = Instant::now();
    let patient = list(&harness);
    let given_up = tokio::time::timeout(SECOND / 5, join_all((0..30).map(|_| list(&harness))));
    let later = async {
        // It comes when the others wait already, and they go while it waits.
        tokio::time::sleep(SECOND / 10).await;
        list(&harness).await
    };
    let (first, given_up, last) = tokio::join!(patient, given_up, later);
    assert!(first.is_ok() && given_up.is_err());
    let held = last.unwrap().attempts()[0].held.unwrap();
    assert!(started.elapsed() < 5 * SECOND, "{:?}", started.elapsed());
    assert!(held.reason == WaitReason::OwnLimit && held.length < 5 * SECOND, "{held:?}");
    assert_eq!(server.received().len(), 3);
}

#[tokio::test]
async fn a_limit_of_one_request_in_an_age_is_one() {
    let (server, _) = timed(|_, _| ok());
    let harness = panther(&server).rate_limit(1, Duration::MAX).build().unwrap();
    list(&harness).await.unwrap();
    for _ in 0..2 {
        assert_eq!(list(&harness).await.unwrap_err().kind(), "rate_limited");
    }
}

#[tokio::test]
async fn a_repeat_that_is_held_back_is_not_told_as_one() {
    let (server, _) = timed(|_, before| match before {
        0 => Reply::whole(500, &["retry-after: 1"], ""),
        _ => too_many("retry-after: 3600"),
    });
    let harness = panther(&server).build().unwrap();
    let other = async {
        came(&server, 1).await;
        list(&harness).await
    };
    let (first, other) = tokio::join!(list(&harness), other);
    assert_eq!(other.unwrap_err().status(), Some(429));
    let error = first.unwrap_err();
    let [attempt] = error.attempts() else { panic!("{:?}", error.attempts()) };
    assert_eq!((attempt.status(), attempt.wait), (Some(500), None));
    assert_eq!(error.to_string(), "panther refused api token#list with 500");
}

#[cfg(feature = "cli")]
#[test]
fn processes_that_share_a_folder_wait_for_each_other() {
    let home = tempfile::tempdir().unwrap();
    let (server, times) = timed(|_, before| if before == 0 { too_many("retry-after: 2") } else { ok() });
    let run = |options: &[&str]| {
        let url = server.url();
        let mut command = crate::cli::program(&["api_token_list", "--token-cache", "--server", &url]);
        let command = command.args(options).env("OPCALL_CACHE_DIR", home.path());
        command.env("HOME", home.path()).env("PANTHER_API_TOKEN", "canary-key").output().unwrap()
    };
    assert_eq!(run(&["--retry", "0"]).status.code(), Some(9));
    let hurried = run(&["--max-time", "900ms", "--error-format", "json"]);
    let error: serde_json::Value = serde_json::from_slice(&hurried.stderr).unwrap();
    assert_eq!((hurried.status.code(), error["kind"].as_str()), (Some(9), Some("rate_limited")), "{error}");
    assert_eq!((error["sent"].as_bool(), error["attempts"].as_u64()), (Some(false), Some(0)));
    assert!((1..2000).contains(&error["retry_after_ms"].as_u64().unwrap()), "{error}");
    assert_eq!(server.received().len(), 1);
    let patient = run(&["-v"]);
    let told = String::from_utf8_lossy(&patient.stderr);
    assert_eq!(patient.status.code(), Some(0), "{told}");
    let held = "* attempt 1: held back for ";
    assert!(told.lines().any(|line| line.starts_with(held) && line.contains(", 200 after ")), "{told}");
    let times = times.lock().unwrap();
    assert!(times[1] - times[0] >= 2 * SECOND, "{:?}", times[1] - times[0]);
    eprintln!("cooldown: 3 processes, 1 refused, 1 held back, 1 sent after {:?}", times[1] - times[0]);
}

/// A word that was a mistake can be forgotten.
#[tokio::test]
async fn giving_back_the_tokens_forgets_the_servers_word() {
    let (server, _) = timed(|_, before| if before == 0 { too_many("retry-after: 99999999") } else { ok() });
    let home = tempfile::tempdir().unwrap();
    let harness = || panther(&server).token_cache(home.path()).build().unwrap();
    let error = list(&harness()).await.unwrap_err();
    assert_eq!(
        error.hint().unwrap(),
        "wait 3600 s before the next call: the server asks for 99999999 s, of which an hour is held to."
    );
    let held = list(&harness()).await.unwrap_err();
    assert_eq!((held.kind(), held.was_sent()), ("rate_limited", false));
    assert!(held.hint().unwrap().ends_with(", or forget the server's word (`SignIn::forget`)."), "{held}");
    let same = harness();
    assert!(list(&same).await.is_err());
    same.sign_in("panther").forget().await.unwrap();
    list(&same).await.unwrap();
    list(&harness()).await.unwrap();
}
