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

#[tokio::test]
async fn a_call_of_one_attempt_speaks_for_its_like_alone() {
    let server = service(|before| match before {
        0 => Reply::json(503, "{}").after(SECOND / 5),
        _ => Reply::token("t", 1799),
    });
    let harness = in_region(&server).build().unwrap();
    let (first, others) = led(&harness, &server, |call| call.retry(0), |call| call).await;
    assert_eq!(first.unwrap_err().status(), Some(503));
    assert_eq!((good(&others), server.count(TOKEN)), (20, 2));

    let dead = service(|_| Reply::json(503, "{}").after(SECOND / 5));
    let harness = in_region(&dead).build().unwrap();
    let (_, others) = led(&harness, &dead, |call| call.retry(0), |call| call.retry(0)).await;
    assert_eq!((good(&others), dead.count(TOKEN)), (0, 1), "they would have had no more attempts");
}

#[tokio::test]
async fn a_refusal_speaks_for_all_whatever_their_limits() {
    let server = service(|_| Reply::json(403, "{}").after(SECOND / 5));
    let harness = in_region(&server).build().unwrap();
    let (_, others) = led(&harness, &server, |call| call.retry(0), |call| call.retry(5)).await;
    assert_eq!((good(&others), server.count(TOKEN)), (0, 1));
}

#[tokio::test]
async fn the_limits_of_a_call_bind_its_signing_in() {
    for (repeats, asked) in [(0, 1), (1, 2)] {
        let server = service(|_| Reply::json(503, "{}"));
        let harness = in_region(&server).build().unwrap();
        harness.command("tokens_query", ()).retry(repeats).await.unwrap_err();
        assert_eq!(server.count(TOKEN), asked);
    }
    let server = service(|_| Reply::token("t", 1799).after(20 * SECOND));
    let harness = in_region(&server).build().unwrap();
    let started = Instant::now();
    let error = harness.command("tokens_query", ()).timeout(SECOND / 5).retry(0).await.unwrap_err();
    assert!(started.elapsed() < 2 * SECOND, "{:?}", started.elapsed());
    let Error::Transport(error) = error else { panic!("{error}") };
    assert!(error.signing_in && error.phase.is_timeout(), "{error}");
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

#[cfg(all(feature = "cli", unix))]
mod processes {
    use super::*;
    use crate::cli::program;

    fn run(server: &Server, home: &std::path::Path, arguments: &[&str]) -> std::process::Child {
        let mut command = program(arguments);
        command
            .env("OPCALL_CACHE_DIR", home)
            .env("HOME", home)
            .env("FALCON_BASE_URL", server.url())
            .env("FALCON_CLIENT_ID", "id")
            .env("FALCON_CLIENT_SECRET", "canary-secret");
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command.spawn().unwrap()
    }

    fn code_and_errors(child: std::process::Child) -> (Option<i32>, String) {
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    const QUERY: [&str; 2] = ["tokens_query", "--token-cache"];

    #[test]
    fn the_next_process_does_not_ask_a_token_endpoint_that_asked_to_wait() {
        let home = tempfile::tempdir().unwrap();
        let server = service(|_| Reply::whole(429, &["retry-after: 90"], ""));
        let (code, told) = code_and_errors(run(&server, home.path(), &QUERY));
        assert_eq!(code, Some(9), "{told}");
        assert_eq!(
            told,
            "error: falcon: the token endpoint refused with 429\n  hint: wait 90 s before the next call.\n"
        );
        for _ in 0..2 {
            let (code, told) = code_and_errors(run(&server, home.path(), &QUERY));
            assert_eq!(code, Some(9), "{told}");
            assert!(told.contains(" takes no requests for another "), "{told}");
        }
        assert_eq!(server.count(TOKEN), 1);
    }

    fn told(run: &str) -> Vec<String> {
        let digits = |line: &str| line.split(|one: char| one.is_ascii_digit()).collect::<Vec<_>>().concat();
        run.lines().filter(|line| line.starts_with("* ")).map(digits).collect()
    }

    #[test]
    fn the_attempts_of_signing_in_are_told() {
        let home = tempfile::tempdir().unwrap();
        let recovers =
            || service(|before| if before == 0 { Reply::json(503, "{}") } else { Reply::token("t", 1799) });
        let again = [
            "* signing in: attempt :  after  ms, again in  ms (requests for a token are a second apart)",
            "* signing in: attempt :  after  ms",
        ];
        let server = recovers();
        let (code, errors) = code_and_errors(run(&server, home.path(), &["tokens_query", "-v"]));
        assert_eq!((code, told(&errors)), (Some(0), again.map(str::to_owned).to_vec()), "{errors}");
        let server = recovers();
        let (code, errors) =
            code_and_errors(run(&server, home.path(), &["tokens_query", "--paginate", "-v"]));
        assert_eq!((code, told(&errors).len()), (Some(0), 2), "{errors}");
        let server = recovers();
        let (code, errors) = code_and_errors(run(&server, home.path(), &["auth", "status", "falcon", "-v"]));
        let of_it = again.map(|line| line.replace("signing in", "signing in to falcon"));
        assert_eq!((code, told(&errors)), (Some(0), of_it.to_vec()), "{errors}");
        assert_eq!(told(&code_and_errors(run(&server, home.path(), &["tokens_query", "-v"])).1), [again[1]]);

        let dead = service(|_| Reply::json(403, r#"{"errors":[{"message":"no"}]}"#));
        let line = ["tokens_query", "-v", "--error-format", "json"];
        let (code, errors) = code_and_errors(run(&dead, home.path(), &line));
        assert_eq!((code, told(&errors)), (Some(8), vec![again[1].to_owned()]), "{errors}");
        let error: serde_json::Value = serde_json::from_str(errors.lines().last().unwrap()).unwrap();
        assert_eq!((error["kind"].as_str(), error["attempts"].as_u64()), (Some("auth"), Some(1)), "{error}");

        let mute = Server::start(|request, before| match request.target.as_str() {
            TOKEN if before == 0 => Reply::json(503, "{}"),
            TOKEN => Reply::token("t", 1799),
            _ => Reply::raw(""),
        });
        let (code, errors) =
            code_and_errors(run(&mute, home.path(), &["tokens_query", "-v", "--retry", "1"]));
        assert_eq!(
            (code, told(&errors).len()),
            (Some(9), 4),
            "those of signing in and those of the call: {errors}"
        );
    }

    #[test]
    fn processes_wait_together_for_a_token_endpoint_that_asked_to() {
        let wait = 6 * SECOND;
        let home = tempfile::tempdir().unwrap();
        let first: Mutex<Option<Instant>> = Mutex::default();
        let (server, times) = timed(move |request, _| {
            if request.target != TOKEN {
                return Reply::json(200, "{}");
            }
            let left = wait.checked_sub(first.lock().unwrap().get_or_insert_with(Instant::now).elapsed());
            match left {
                Some(left) => Reply::whole(429, &[&format!("retry-after: {}", left.as_secs() + 1)], ""),
                None => Reply::token("t", 1799),
            }
        });
        let children = [(); 4].map(|()| run(&server, home.path(), &QUERY));
        for child in children {
            let (code, told) = code_and_errors(child);
            assert_eq!(code, Some(0), "{told}");
        }
        let times = times.lock().unwrap();
        assert_eq!(times.len(), 2, "one is refused, and one of them asks again");
        assert!(times[1] - times[0] >= wait, "{:?}", times[1] - times[0]);
        eprintln!("a token endpoint that asks to wait 6 s, 4 processes: {} token requests", times.len());
    }

    #[test]
    fn one_of_four_processes_asks_a_slow_token_endpoint() {
        let home = tempfile::tempdir().unwrap();
        let server = service(|_| Reply::token("t", 1799).after(7 * SECOND));
        let children = [(); 4].map(|()| run(&server, home.path(), &QUERY));
        for child in children {
            let (code, told) = code_and_errors(child);
            assert_eq!(code, Some(0), "{told}");
        }
        assert_eq!(server.count(TOKEN), 1);
        eprintln!("a token endpoint that takes 7 s, 4 processes: 1 token request");
    }
}

/// A file with its content.
type Kept = (std::path::PathBuf, Vec<u8>);

/// Whoever holds the lock may have been stopped; and while another process does without it, it looks on.
#[tokio::test]
async fn a_lock_that_never_falls_ends_no_call() {
    let home = tempfile::tempdir().unwrap();
    let kept: Arc<Mutex<Option<Kept>>> = Arc::default();
    let again = Arc::clone(&kept);
    let server = service(move |before| match before {
        0 | 1 => Reply::token("t", 1799),
        _ => {
            // The process that holds the lock is done just now.
            let (file, bytes) = again.lock().unwrap().take().unwrap();
            put_back(&file, &bytes);
            Reply::json(503, "{}").after(5 * SECOND)
        }
    });
    let harness = || in_region(&server).token_cache(home.path()).build().unwrap();
    harness().command("tokens_query", ()).await.unwrap();
    let file = crate::token_cache::only_file(home.path());
    let bytes = std::fs::read(&file).unwrap();
    let lock = std::fs::OpenOptions::new().write(true).open(file.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    std::fs::remove_file(&file).unwrap();
    let started = Instant::now();
    let limit = 4 * SECOND;
    harness().command("tokens_query", ()).max_time(limit).await.unwrap();
    assert!(started.elapsed() >= 3 * SECOND && started.elapsed() < limit, "{:?}", started.elapsed());
    assert_eq!(server.count(TOKEN), 2, "it asks itself in the end");
    assert!(!file.exists());
    *kept.lock().unwrap() = Some((file, bytes));
    harness().command("tokens_query", ()).max_time(limit).await.unwrap();
    assert_eq!(server.count(TOKEN), 3, "and not to the end when it finds one meanwhile");
}

fn put_back(file: &std::path::Path, bytes: &[u8]) {
    std::fs::write(file, bytes).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn what_a_token_endpoint_said_is_told_where_there_is_no_time_to_ask_again() {
    let server = service(|_| Reply::json(500, r#"{"errors":[{"message":"no tokens today"}]}"#));
    let harness = in_region(&server).build().unwrap();
    let started = Instant::now();
    let error = harness.command("tokens_query", ()).max_time(SECOND * 9 / 10).await.unwrap_err();
    assert!(started.elapsed() < SECOND * 8 / 10, "at once: {:?}", started.elapsed());
    assert_eq!((error.kind(), error.status(), error.was_sent()), ("auth", Some(500), false), "{error}");
    assert_eq!(error.attempts()[0].unrepeated, Some(opcall::NoRepeat::NoTime));
}

#[tokio::test]
async fn requests_for_a_token_tell_their_true_waits() {
    let server = service(|before| if before == 0 { Reply::json(500, "{}") } else { Reply::token("t", 1799) });
    let found = in_region(&server).build().unwrap().command("tokens_query", ()).await.unwrap();
    let wait = found.sign_in_attempts()[0].wait.unwrap();
    assert_eq!(wait.reason, opcall::WaitReason::Apart);
    assert!(wait.length > SECOND / 2 && wait.length <= SECOND, "{wait:?}");
}

type Answer = Box<dyn Fn() -> Reply + Send + Sync>;

#[tokio::test]
async fn what_a_token_endpoint_does_wrong_is_told_with_what_to_do() {
    let elsewhere = "location: https://login.example/token?secret=1#x";
    let with = |token_type: &str, token: &str| {
        let body = serde_json::json!({"access_token": token, "token_type": token_type, "expires_in": 1799});
        Reply::json(200, &body.to_string())
    };
    let long = "t".repeat(2 * 1024 * 1024);
    let cases: [(Answer, &str, Option<u16>, &str, &str); 6] = [
        (
            Box::new(|| Reply::raw("")),
            "transport",
            None,
            "signing in failed, no operation was sent",
            "repeat the call: nothing of it was sent.",
        ),
        (
            Box::new(move || Reply::whole(307, &[elsewhere], "")),
            "auth",
            Some(307),
            "the token endpoint refused with 307",
            " to https://login.example/token if that is to be trusted: token endpoints' redirects are not followed.",
        ),
        (
            Box::new(move || with("bearer", "t\r\nx: y")),
            "auth",
            Some(200),
            "holds an access_token that no header may hold",
            "",
        ),
        (
            Box::new(move || with("mac", "t")),
            "auth",
            Some(200),
            "gives tokens of the type mac, which is not known here",
            "",
        ),
        (Box::new(|| Reply::json(200, "{}")), "auth", Some(200), "answer holds no access_token", ""),
        (
            Box::new(move || with("bearer", &long)),
            "unsafe",
            Some(200),
            "the answer is larger than 1048576 bytes",
            "",
        ),
    ];
    for (answer, kind, status, text, hint) in cases {
        let server = service(move |_| answer());
        let harness = in_region(&server).build().unwrap();
        let error = harness.command("tokens_query", ()).retry(0).await.unwrap_err();
        assert_eq!((error.kind(), error.status(), error.was_sent()), (kind, status, false), "{error}");
        assert!(error.to_string().contains(text), "{error}");
        assert!(error.hint().unwrap_or_default().ends_with(hint), "{:?}", error.hint());
    }
}

/// How long to wait is heard where the status asks for it, and what to do is told by the status.
#[tokio::test]
async fn what_to_do_about_a_refused_token_request_follows_from_its_status() {
    let later = |status| (status, "retry-after: 7");
    let elsewhere = |location| (307, location);
    let check = "check FALCON_CLIENT_ID and FALCON_CLIENT_SECRET.";
    let leads = "to where it leads if that is to be trusted: token endpoints' redirects are not followed.";
    for ((status, header), seconds, hint) in [
        (later(429), Some(7), "wait 7 s before the next call."),
        (later(503), Some(7), "wait 7 s before the next call."),
        (later(500), None, "repeat the call later."),
        ((503, "retry-after: 0"), Some(0), "repeat the call later."),
        ((503, "x-note: 1"), None, "repeat the call later."),
        (later(400), None, check),
        (later(499), None, check),
        (elsewhere("location: /token"), None, leads),
        (elsewhere("location: mailto:a@login.example"), None, leads),
        (elsewhere("location: https://u@login.example/"), None, leads),
        (elsewhere("location: https://:p@login.example/"), None, leads),
    ] {
        let body = r#"{"errors":[{"message":"no"}],"meta":{"trace_id":"t-1"}}"#;
        let server =
            service(move |_| Reply::whole(status, &["content-type: application/json", header], body));
        let harness = in_region(&server).build().unwrap();
        let error = harness.command("tokens_query", ()).retry(0).await.unwrap_err();
        assert!(error.hint().unwrap_or_default().ends_with(hint), "{status} {header}: {:?}", error.hint());
        let opcall::Error::Auth(error) = error else { panic!("{status}: {error}") };
        assert_eq!(error.retry_after.map(|wait| wait.as_secs()), seconds, "{status} {header}");
        assert_eq!(
            (error.status, error.trace_id.as_deref()),
            (Some(status), Some("t-1")),
            "{status} {header}"
        );
    }
}
