//! What a person is told of a call: its request once it is sent, its attempts, what to do next. Never a secret.

use serde_json::Value;

use super::home::Home;
use super::{Run, closed_port, opcall_with};
use crate::support::{Reply, Server};

const KEY: (&str, &str) = ("PANTHER_API_TOKEN", "canary-key");
const CHECK: &str = "check with a reading operation whether it was carried out before you repeat it";

/// A call of an endpoint that no description knows.
fn call(server: &str, words: &[&str]) -> Run {
    opcall_with(&[KEY], &[words, &["--api", "panther", "--server", server, "--retry", "0"]].concat())
}

fn hint(run: &Run) -> &str {
    run.stderr.lines().last().unwrap().trim_start().trim_start_matches("hint: ")
}

/// What may have been carried out is not repeated blindly, whatever status the service had for it.
#[test]
fn nobody_is_told_to_repeat_what_may_act_twice() {
    for status in [408, 500, 502, 503, 504] {
        let server = Server::start(move |_, _| Reply::json(status, "{}"));
        for (method, key, expected) in [
            ("POST", &[][..], format!("{CHECK}.")),
            ("PATCH", &[], format!("{CHECK}.")),
            ("POST", &["--idempotency-key", "k"], "repeat the call later.".to_owned()),
            ("GET", &[], "repeat the call later.".to_owned()),
            ("PUT", &[], "repeat the call later.".to_owned()),
        ] {
            let run = call(&server.url(), &[&[method, "/x"], key].concat());
            assert_eq!(hint(&run), expected, "{method} {status}");
        }
    }
    let held = Server::start(|_, _| Reply::whole(503, &["retry-after: 99"], "{}"));
    assert_eq!(hint(&call(&held.url(), &["POST", "/x"])), "repeat the call later.");
}

#[test]
fn a_timeout_of_what_may_act_twice_says_so() {
    let mute = Server::start(|_, _| Reply::json(200, "{}").after(std::time::Duration::from_secs(2)));
    let more = "give each attempt more time with --timeout.";
    let run = call(&mute.url(), &["POST", "/x", "--timeout", "100ms"]);
    assert_eq!((run.code, hint(&run)), (28, &*format!("{CHECK}, and {more}")));
    let run = call(&mute.url(), &["GET", "/x", "--timeout", "100ms"]);
    assert_eq!((run.code, hint(&run)), (28, more));
    assert!(run.stderr.contains("after 1 attempt; it was sent\n"), "{}", run.stderr);
    let more = "give the whole call more time with --max-time.";
    let run = call(&mute.url(), &["POST", "/x", "--max-time", "100ms"]);
    assert_eq!((run.code, hint(&run)), (28, &*format!("{CHECK}, and {more}")));
    let run = call(&mute.url(), &["GET", "/x", "--max-time", "100ms"]);
    assert_eq!((run.code, hint(&run)), (28, more));
    let broken = Server::start(|_, _| Reply::raw(""));
    for (method, told, then) in [
        ("GET", "it was sent", "repeat it: the call only reads.".to_owned()),
        ("PUT", "it may have been carried out", "repeat it: a second time changes nothing more.".to_owned()),
        ("POST", "it may have been carried out", format!("{CHECK}.")),
    ] {
        let run = call(&broken.url(), &[method, "/x"]);
        assert!(run.stderr.contains(&format!("after 1 attempt; {told}\n")), "{}", run.stderr);
        assert_eq!(hint(&run), then);
    }
}

#[test]
fn what_a_redirect_left_behind_counts_for_what_is_said() {
    let server = Server::start(|request, _| match &*request.method {
        "POST" => Reply::whole(303, &["location: /seen"], "{}"),
        _ => Reply::raw(""),
    });
    let run = call(&server.url(), &["POST", "/x", "--follow"]);
    assert!(run.stderr.contains("; it may have been carried out\n"), "{}", run.stderr);
    assert_eq!(hint(&run), format!("{CHECK}."));
}

/// Code, kind and hint of a call whose redirect has no room in the user's own rate limit.
#[test]
fn a_call_that_is_held_back_after_it_was_sent_is_not_told_as_unsent() {
    let server = Server::start(|_, _| Reply::whole(303, &["location: /seen"], "{}"));
    let words = ["/x", "--follow", "--rate-limit", "1/100s", "--max-time", "5s", "-v"];
    let run = call(&server.url(), &[&["POST"], &words[..]].concat());
    assert_eq!(run.code, 9, "{}", run.stderr);
    assert!(run.stderr.contains("error: POST /x was sent and answered with 303, but "), "{}", run.stderr);
    let wait = "give the call more time with --max-time, or allow more with --rate-limit.";
    assert_eq!(hint(&run), format!("{CHECK}, and {wait}"));
    let run = call(&server.url(), &[&["PUT"], &words[..]].concat());
    assert_eq!((run.code, hint(&run)), (9, wait));
    let run = call(
        &server.url(),
        &["POST", "/x", "--follow", "--rate-limit", "1/100s", "--max-time", "5s", "--error-format", "json"],
    );
    let error: Value = serde_json::from_str(&run.stderr).unwrap();
    assert_eq!((&error["kind"], &error["sent"]), (&Value::from("unfinished"), &Value::from(true)), "{error}");
    assert_eq!(error["attempts"], 1, "{error}");
}

/// Whoever follows the hint after a redirect must not do again what the call did.
#[test]
fn a_redirect_of_what_may_act_twice_is_looked_at_first() {
    let server = Server::start(|_, _| Reply::whole(303, &["location: /seen"], "{}"));
    let run = call(&server.url(), &["POST", "/x"]);
    assert_eq!((run.code, hint(&run)), (3, &*format!("{CHECK}: what stands at /seen may tell.")));
    let run = call(&server.url(), &["PUT", "/x"]);
    let follow = "let the call go on to /seen with --follow: by default redirects are not followed.";
    assert_eq!((run.code, hint(&run)), (3, follow));
}

#[test]
fn a_time_to_come_back_makes_no_repeat_harmless() {
    for (status, then) in [(500, format!("{CHECK}.")), (503, "repeat the call later.".to_owned())] {
        let server = Server::start(move |_, _| Reply::whole(status, &["retry-after: 1"], "{}"));
        let run = call(&server.url(), &["POST", "/x"]);
        assert_eq!(hint(&run), then, "{status}");
    }
}

/// `-v` tells what is sent, and nothing that is not.
#[test]
fn a_request_is_told_once_it_is_sent() {
    let server = Server::start(|_, _| Reply::json(200, "{}"));
    let run = call(&server.url(), &["POST", "/x", "-v"]);
    assert!(run.stderr.starts_with(&format!("> POST {}/x\n> ", server.url())), "{}", run.stderr);
    let run = call(&closed_port(), &["POST", "/x", "-v"]);
    assert!(run.stderr.starts_with("* attempt 1: no connection after "), "{}", run.stderr);
    assert!(!run.stderr.contains("> POST"), "{}", run.stderr);
    let line = ["tokens_query", "-v", "--server", &server.url()];
    let run = opcall_with(&[], &line);
    assert!(run.stderr.starts_with("error: no credentials for falcon"), "{}", run.stderr);
    let refusing = Server::start(|_, _| Reply::json(401, "{}"));
    let client = [("FALCON_CLIENT_ID", "id"), ("FALCON_CLIENT_SECRET", "canary-secret")];
    let run = opcall_with(&client, &["tokens_query", "-v", "--server", &refusing.url()]);
    assert!(run.stderr.starts_with("* signing in: attempt 1: 401 after "), "{}", run.stderr);
    assert!(!run.stderr.contains("> GET"), "{}", run.stderr);
}

/// The call was sent, and refused: that is told with the failure to sign in anew.
#[test]
fn a_refused_token_that_cannot_be_had_anew_is_told_with_the_refusal() {
    let server = Server::start(|request, before| match &*request.target {
        "/oauth2/token" if before == 0 => Reply::token("canary-token", 1800),
        "/oauth2/token" => Reply::json(403, "{}"),
        _ => Reply::json(401, "{}"),
    });
    let client = [("FALCON_CLIENT_ID", "id"), ("FALCON_CLIENT_SECRET", "canary-secret")];
    let run = opcall_with(&client, &["tokens_query", "-v", "--server", &server.url()]);
    let told: Vec<_> = run.stderr.lines().map(|line| line.split(" after ").next().unwrap()).collect();
    let place = |line: &str| told.iter().position(|told| told.starts_with(line));
    assert_eq!(told.iter().filter(|line| **line == "* attempt 1: 401").count(), 1, "{}", run.stderr);
    assert!(place("* attempt 1: 401") < place("error: "), "{}", run.stderr);
    let anew = "; the call was answered with 401, and signing in anew failed\n";
    assert!(run.stderr.contains(anew), "{}", run.stderr);
    assert_eq!(run.code, 8, "{}", run.stderr);
}

/// Every attempt is told where the rest does not say it all.
#[test]
fn attempts_are_told() {
    let broken = Server::start(|_, _| Reply::raw(""));
    let run = call(&broken.url(), &["POST", "/x", "-v"]);
    assert!(run.stderr.contains("\n* attempt 1: the connection broke after "), "{}", run.stderr);
    let server = Server::start(|request, _| match &*request.target {
        "/oauth2/token" => Reply::token("canary-token", 1800),
        _ => Reply::json(200, "{}"),
    });
    let client = [("FALCON_CLIENT_ID", "id"), ("FALCON_CLIENT_SECRET", "canary-secret")];
    let run = opcall_with(&client, &["tokens_query", "-v", "--server", &server.url()]);
    assert!(!run.stderr.contains("canary"), "{}", run.stderr);
}

/// What happened first stands first, and once.
#[test]
fn what_is_told_of_a_call_stands_in_the_order_in_which_it_happened() {
    let client = [("FALCON_CLIENT_ID", "id"), ("FALCON_CLIENT_SECRET", "canary-secret")];
    let expected = [
        "* signing in: attempt 1: 201",
        "> GET",
        "* signing in: attempt 2: 201",
        "* attempt 1: 401",
        "* attempt 2: 200",
        "< 200",
    ];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f").display().to_string();
    for further in [&[][..], &["--save", &file], &["--paginate", "-o", "ndjson"]] {
        let server = Server::start(|request, before| match &*request.target {
            "/oauth2/token" => Reply::token(&format!("canary-token-{before}"), 1800),
            _ if before == 1 => Reply::json(401, "{}"),
            _ => Reply::json(
                200,
                r#"{"resources":["a"],"meta":{"pagination":{"offset":0,"limit":1,"total":1}}}"#,
            ),
        });
        let line = ["tokens_query", "-v", "--server", &server.url()];
        let run = opcall_with(&client, &[&line[..], further].concat());
        let is_step =
            |line: &&str| line.starts_with("* ") || line.starts_with("> GET") || line.starts_with("< 2");
        let steps: Vec<_> = run.stderr.lines().filter(is_step).collect();
        assert_eq!(steps.len(), expected.len(), "{further:?}: {}", run.stderr);
        let as_expected = steps.iter().zip(expected).all(|(step, begin)| step.starts_with(begin));
        assert!(as_expected, "{further:?}: {}", run.stderr);
    }
}

#[test]
fn a_batch_tells_the_attempts_of_each_line() {
    let server = Server::start(|request, _| match (&*request.target, &*request.method) {
        ("/oauth2/token", _) => Reply::token("canary-token", 1800),
        (_, "DELETE") => Reply::json(404, "{}"),
        _ => Reply::json(200, "{}"),
    });
    let home = Home::new().with("FALCON_CLIENT_ID", "id").with("FALCON_CLIENT_SECRET", "canary-secret");
    let input = "{\"operation\":\"falcon:GET /a\"}\n\n{\"operation\":\"falcon:DELETE /a\"}\n{\"operation\":\"none\"}\n";
    std::fs::write(home.folder.path().join("calls"), input).unwrap();
    let line = ["batch", "calls", "-v", "--concurrency", "1", "--retry", "0", "--server", &server.url()];
    let run = home.run(&line);
    let told: Vec<_> = run.stderr.lines().map(|line| line.split(" after ").next().unwrap()).collect();
    assert_eq!(
        told,
        [
            "* line 1: signing in: attempt 1: 201",
            "* line 1: attempt 1: 200",
            "* line 3: attempt 1: 404",
            "note: 3 lines: 1 succeeded, 1 ended with 2, 1 ended with 4"
        ],
        "{}",
        run.stderr
    );
    assert_eq!(run.code, 4);
    let quiet = home.run(&["batch", "calls", "-q", "--retry", "0", "--server", &server.url()]);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn a_mistyped_option_is_recognised() {
    for (word, option) in [("--retyr", "--retry"), ("--timeuot", "--timeout"), ("--max-tiem", "--max-time")] {
        let run = opcall_with(&[], &["tokens_query", word, "3", "--dry-run"]);
        assert_eq!(run.code, 2);
        let expected = format!("did you mean `{option}`? `opcall show tokens_query` lists its parameters.");
        assert_eq!(hint(&run), expected, "{}", run.stderr);
    }
    // Nor is an option guessed that overwrites a file, or one that is another word.
    for option in ["--qqqqqq", "--sabe", "--name", "--tp"] {
        let run = opcall_with(&[], &["tokens_query", option, "3", "--dry-run"]);
        assert!(!run.stderr.contains("did you mean"), "{}", run.stderr);
        assert!(hint(&run).ends_with("`opcall show tokens_query` lists its parameters."), "{}", run.stderr);
    }
}

/// Fields that services commonly take keys and tokens in.
const KEYS: [&str; 5] = ["X-API-Key", "X-Vault-Token", "Private-Token", "X-Auth-Token", "Authorization"];

/// A service that asks for no credentials.
fn open_service() -> Home {
    let home = Home::new();
    let document = "openapi: 3.0.3\ninfo: {title: open, version: '1'}\n\
                    paths: {/x: {get: {operationId: look, responses: {'200': {description: ok}}}}}\n";
    std::fs::write(home.folder.path().join("open.yaml"), document).unwrap();
    home
}

#[test]
fn credentials_given_by_hand_are_not_shown_and_not_sent_in_the_clear() {
    let server = Server::start(|_, _| Reply::json(500, "{\"message\":\"CANARY is wrong\"}"));
    let home = open_service();
    let look = |server: &str, words: &[&str]| {
        home.run(&[&["look", "--spec", "open.yaml", "--retry", "0", "--server", server], words].concat())
    };
    let ways = |name| [format!("{name}:CANARY"), format!("header.{name}=CANARY")].map(move |way| (name, way));
    for (name, header) in KEYS.into_iter().flat_map(ways) {
        let shown = format!("{}: <redacted>", name.to_ascii_lowercase());
        let run = look(&server.url(), &[&header, "--dry-run"]);
        let told = format!("[\"{}\",\"<redacted>\"]", name.to_ascii_lowercase());
        assert!(run.ok().contains(&told) && !run.stdout.contains("CANARY"), "{}", run.stdout);
        let run = look(&server.url(), &[&header, "--curl"]);
        assert!(run.ok().contains(&shown) && !run.stdout.contains("CANARY"), "{}", run.stdout);
        let run = look(&server.url(), &[&header, "-v"]);
        assert!(run.stderr.contains(&format!("> {shown}\n")), "{}", run.stderr);
        assert!(!run.stderr.contains("CANARY"), "{}", run.stderr);
        let run = look("http://192.0.2.1:9", &[&header, "--error-format", "json"]);
        let told: Value = serde_json::from_str(&run.stderr).unwrap();
        assert_eq!((run.code, told["kind"].as_str()), (10, Some("unsafe")), "{told}");
        let header = name.to_ascii_lowercase();
        assert_eq!(
            told["message"],
            format!("credentials would go unencrypted to http://192.0.2.1:9: the header {header}")
        );
    }
    let received = server.received();
    assert!(
        received.iter().all(|one| one.headers.iter().any(|(_, value)| value == "CANARY")),
        "{received:?}"
    );
    let run = look(&server.url(), &["X-Trace:CANARY", "--dry-run"]);
    assert!(run.ok().contains("CANARY"), "what is no credential is shown: {}", run.stdout);
}

#[test]
fn heads_of_answers_hold_no_secrets() {
    let server = Server::start(|request, _| {
        let echo = format!("x-echo: {}", request.header("x-api-key").unwrap_or("none"));
        let fields =
            ["set-cookie: session=CANARY; Path=/", "x-amz-security-token: CANARY", "x-plain: 1", &echo];
        Reply::whole(200, &fields, "{}")
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f").display().to_string();
    for further in [&[][..], &["--save", &file], &["--paginate", "-o", "ndjson"], &["-o", "ndjson"]] {
        let line = ["api_token_list", "-v", "--server", &server.url()];
        let run = opcall_with(&[("PANTHER_API_TOKEN", "CANARY-KEY")], &[&line[..], further].concat());
        assert!(!run.stderr.contains("CANARY"), "{}", run.stderr);
        for shown in [
            "< set-cookie: session=<redacted>; Path=/\n",
            "< x-amz-security-token: <redacted>\n",
            "< x-plain: 1\n",
            "< x-echo: <redacted>\n",
        ] {
            assert!(run.stderr.contains(shown), "{}", run.stderr);
        }
    }
}
