//! Promise 4: clocks that are wrong, here or at the server, fail no call and start no loop of renewals.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use super::{TOKEN, call, craft, harness, now, only_file};
use crate::support::{Reply, Server, in_region};

const HOUR: i64 = 3_600;

/// Twenty-five steps from a day behind to a day ahead, in seconds.
fn steps() -> impl Iterator<Item = i64> {
    (-12..=12).map(|step| step * 2 * HOUR)
}

/// A server whose clock is wrong: by it, tokens end, and it says so in `Date` and `expires_in`. It takes each token
/// for ten calls.
fn skewed(seconds: i64) -> Server {
    let calls = Arc::new(AtomicUsize::new(0));
    Server::start(move |request, _| {
        let since = Duration::from_secs(seconds.unsigned_abs());
        let now = SystemTime::now();
        let date = if seconds < 0 { now - since } else { now + since };
        let date = format!("date: {}", httpdate::fmt_http_date(date));
        let headers = [date.as_str(), "content-type: application/json"];
        let made = calls.load(Ordering::SeqCst);
        if request.target == TOKEN {
            let token = format!("t{}", made / 10);
            let body = format!(r#"{{"access_token":"{token}","expires_in":{}}}"#, 1_800 + seconds);
            return Reply::whole(201, &headers, &body);
        }
        let good = format!("Bearer t{}", made / 10);
        if request.header("authorization") != Some(&good) {
            return Reply::whole(401, &headers, r#"{"errors":[{"message":"expired"}]}"#);
        }
        calls.fetch_add(1, Ordering::SeqCst);
        Reply::whole(200, &headers, "{}")
    })
}

#[tokio::test]
async fn a_servers_clock_that_is_wrong_fails_no_call() {
    let (mut calls, mut asked) = (0, 0);
    for seconds in steps() {
        let home = tempfile::tempdir().unwrap();
        let server = skewed(seconds);
        let alone = in_region(&server).build().unwrap();
        for number in 0..40 {
            // Every other call by a process of its own, with what is kept.
            let kept = harness(&server, home.path());
            call(if number % 2 == 0 { &alone } else { &kept }).await;
            calls += 1;
        }
        // Four tokens end, each for a harness and for the folder.
        assert!(server.count(TOKEN) <= 8, "{seconds}: {} token requests", server.count(TOKEN));
        asked += server.count(TOKEN);
    }
    eprintln!(
        "promise 4: 25 steps of the server's clock, {calls} calls, 0 failed, {asked} token requests for 200 ends of tokens"
    );
}

#[tokio::test]
async fn our_own_clock_that_is_set_fails_no_call() {
    let (mut calls, mut asked) = (0, 0);
    for seconds in steps() {
        let home = tempfile::tempdir().unwrap();
        let server = skewed(0);
        call(&harness(&server, home.path())).await;
        let file = only_file(home.path());
        // As if our clock had been moved by as much since the token was kept.
        let since = i64::try_from(now()).unwrap() - seconds * 1_000;
        craft(&file, |entry| entry["since"] = since.into());
        for _ in 0..9 {
            call(&harness(&server, home.path())).await;
            calls += 1;
        }
        let renewed = server.count(TOKEN) - 1;
        assert_eq!(renewed, usize::from(seconds != 0), "{seconds}: once, and not at every call");
        asked += renewed;
    }
    eprintln!("promise 4: 25 steps of our own clock, {calls} calls, 0 failed, {asked} renewals");
}
