//! How long signing in waited is told, however many waits there were, and whether or not a request came of it.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opcall::{Harness, WaitReason};

use super::{TOKEN, files, only_file};
use crate::support::{Reply, Server, in_region};

const SECOND: Duration = Duration::from_secs(1);

/// When each token request came.
type Times = Arc<Mutex<Vec<Instant>>>;

/// A service whose token endpoint gives a token, then asks to wait, then answers with these statuses in turn.
fn service(wait: u64, then: &'static [u16]) -> (Server, Times) {
    let times = Times::default();
    let noted = Arc::clone(&times);
    let server = Server::start(move |request, _| {
        if request.target != TOKEN {
            return Reply::json(200, "{}");
        }
        let mut times = noted.lock().unwrap();
        times.push(Instant::now());
        match times.len() {
            1 => Reply::token("t", 1799),
            2 => Reply::whole(429, &[&format!("retry-after: {wait}")], ""),
            number => match then.get(number - 3) {
                Some(status) => Reply::json(*status, "{}"),
                None => Reply::token("t", 1799),
            },
        }
    });
    (server, times)
}

fn harness(server: &Server, folder: &Path) -> Harness {
    in_region(server).token_cache(folder).build().unwrap()
}

/// Another process has fetched a token, lost it, and was asked to wait for the next one.
async fn asked_to_wait(server: &Server, folder: &Path) {
    harness(server, folder).command("tokens_query", ()).await.unwrap();
    fs::remove_file(only_file(folder)).unwrap();
    let error = harness(server, folder).command("tokens_query", ()).retry(0).await.unwrap_err();
    assert_eq!(error.status(), Some(429), "{error}");
}

/// Another process holds the lock of the token for a while.
fn locked(folder: &Path, length: Duration) -> std::thread::JoinHandle<()> {
    let lock = fs::File::open(&files(folder, "lock")[0]).unwrap();
    lock.lock().unwrap();
    std::thread::spawn(move || {
        std::thread::sleep(length);
        lock.unlock().unwrap();
    })
}

#[tokio::test]
async fn two_waits_before_one_request_are_told_as_their_sum() {
    for then in [&[][..], &[403]] {
        let home = tempfile::tempdir().unwrap();
        let (server, times) = service(3, then);
        asked_to_wait(&server, home.path()).await;
        let lock = locked(home.path(), SECOND);
        let call = harness(&server, home.path());
        let done = call.command("tokens_query", ()).await;
        let attempts = match &done {
            Ok(answer) => answer.sign_in_attempts(),
            Err(error) => error.sign_in_attempts(),
        };
        assert_eq!((done.is_ok(), attempts.len()), (then.is_empty(), 1), "{attempts:?}");
        let held = attempts[0].held.unwrap();
        assert_eq!(held.reason, WaitReason::Cooldown);
        // From the moment that the endpoint asked for it.
        let waited = {
            let times = times.lock().unwrap();
            times[2] - times[1]
        };
        assert!(held.length + SECOND / 3 > waited && held.length <= waited, "{held:?} of {waited:?}");
        lock.join().unwrap();
    }
}

#[tokio::test]
async fn requests_for_tokens_are_a_second_apart_whatever_was_waited_for_before() {
    let home = tempfile::tempdir().unwrap();
    let (server, times) = service(2, &[503]);
    asked_to_wait(&server, home.path()).await;
    let found = harness(&server, home.path()).command("tokens_query", ()).await.unwrap();
    let wait = found.sign_in_attempts()[0].wait.unwrap();
    assert_eq!(wait.reason, WaitReason::Apart);
    let times = times.lock().unwrap();
    assert_eq!(times.len(), 4);
    assert!(times[2] - times[1] >= 2 * SECOND, "{:?}", times[2] - times[1]);
    let apart = times[3] - times[2];
    assert!(apart > SECOND * 19 / 20 && apart < 2 * SECOND, "{apart:?}");
}

/// The token of the other process is there in the end: no request tells of the wait.
#[tokio::test]
async fn a_wait_for_a_token_that_another_process_brings_is_told_with_it() {
    let home = tempfile::tempdir().unwrap();
    let (server, _) = service(1, &[]);
    harness(&server, home.path()).command("tokens_query", ()).await.unwrap();
    let (file, aside) = (only_file(home.path()), home.path().join("aside"));
    fs::rename(&file, &aside).unwrap();
    let lock = fs::File::open(&files(home.path(), "lock")[0]).unwrap();
    lock.lock().unwrap();
    let writer = std::thread::spawn(move || {
        std::thread::sleep(SECOND / 2);
        fs::rename(&aside, &file).unwrap();
        lock.unlock().unwrap();
    });
    let token = harness(&server, home.path()).sign_in("falcon").token().await.unwrap();
    writer.join().unwrap();
    let held = token.held().unwrap();
    assert_eq!((held.reason, token.attempts().len()), (WaitReason::TokenLock, 0));
    assert!(held.length >= SECOND / 4, "{held:?}");
    let at_once = harness(&server, home.path()).sign_in("falcon").token().await.unwrap();
    assert_eq!((at_once.held(), at_once.attempts().len()), (None, 0));
    assert_eq!(server.count(TOKEN), 1);
}

#[cfg(all(feature = "cli", unix))]
#[test]
fn the_program_tells_of_it_too() {
    let home = tempfile::tempdir().unwrap();
    let (server, _) = service(1, &[]);
    let print = || {
        let mut command = crate::cli::program(&["auth", "token", "falcon", "-v", "--token-cache"]);
        command.env("OPCALL_CACHE_DIR", home.path()).env("FALCON_BASE_URL", server.url());
        command.env("FALCON_CLIENT_ID", "id").env("FALCON_CLIENT_SECRET", "s");
        let output = command.output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (token, told) = print();
    assert!(told.starts_with("* signing in to falcon: attempt 1: 201 after "), "{told}");
    let folder = home.path().join("tokens");
    let (file, aside) = (only_file(&folder), home.path().join("aside"));
    fs::rename(&file, &aside).unwrap();
    let lock = fs::File::open(&files(&folder, "lock")[0]).unwrap();
    lock.lock().unwrap();
    let writer = std::thread::spawn(move || {
        std::thread::sleep(SECOND);
        fs::rename(&aside, &file).unwrap();
        lock.unlock().unwrap();
    });
    let (same, told) = print();
    writer.join().unwrap();
    assert_eq!((same, server.count(TOKEN)), (token, 1));
    let told = told.trim_end();
    assert!(told.starts_with("* signing in to falcon: held back for "), "{told}");
    assert!(told.ends_with(" ms (another process fetches the token)"), "{told}");
}

/// What signing in did before a rule ended it is told.
#[tokio::test]
async fn requests_that_end_with_a_safety_rule_are_told() {
    let server = Server::start(|_, _| {
        Reply::whole(308, &["location: https://elsewhere.example/oauth2/token", "x-cs-region: nowhere"], "")
    });
    let harness = in_region(&server).build().unwrap();
    let error = harness.command("tokens_query", ()).await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent()), ("unsafe", false), "{error}");
    assert_eq!(error.sign_in_attempts().len(), 1);
    assert_eq!(error.sign_in_attempts()[0].status(), Some(308));
}
