//! What failures say, and the codes they end with.

use opcall::{
    ArgumentsError, Attempt, AuthError, ConfigError, Error, Method, Outcome, Phase, Problem, TransportError,
    Unfinished, UnsafeError,
};

use super::Failure;
use crate::output::Screen;

fn attempt(number: u32) -> Attempt {
    let outcome = Outcome::Failed(Phase::Connect);
    Attempt { number, outcome, ..Attempt::default() }
}

fn lost(phase: Phase) -> Failure {
    let url = "http://127.0.0.1:9/a".to_owned();
    let source = std::io::Error::other("connection refused");
    Failure::Call(Error::Transport(Box::new(TransportError {
        operation: "falcon:tokens_query".into(),
        method: Method::Get,
        url,
        origin: "http://127.0.0.1:9".into(),
        phase,
        signing_in: false,
        fetching: false,
        proxy: None,
        attempts: (1..=3).map(attempt).collect(),
        sign_in: Vec::new(),
        before: Vec::new(),
        idempotent: true,
        source: Some(std::sync::Arc::new(source)),
    })))
}

/// The same, where the first attempt was sent.
fn lost_after_one(phase: Phase) -> Failure {
    let Failure::Call(Error::Transport(mut error)) = lost(phase) else { unreachable!() };
    error.attempts[0].sent = true;
    Failure::Call(Error::Transport(error))
}

fn misfit() -> Failure {
    let problem = |path: &str, problem: &str, nearest: Option<&str>| Problem {
        path: path.into(),
        problem: problem.into(),
        nearest: nearest.map(Into::into),
    };
    Failure::Call(Error::Arguments(Box::new(ArgumentsError {
        operation: "falcon:tokens_create".into(),
        name: "tokens_create".into(),
        problems: vec![
            problem("body.label", "must be a string, got 5", None),
            problem("expires", "is not known here", Some("expires_timestamp")),
        ],
    })))
}

fn no_token() -> Error {
    Error::Auth(Box::new(AuthError {
        service: "a".into(),
        problem: "b".into(),
        hint: Some("c.".into()),
        status: Some(400),
        trace_id: None,
        retry_after: None,
        attempts: Vec::new(),
        before: Vec::new(),
    }))
}

fn unfinished() -> Failure {
    let moved = Attempt { outcome: Outcome::Status(303), sent: true, ..attempt(1) };
    let (operation, attempts, cause) = ("a:b".into(), vec![moved], no_token());
    let unfinished = Unfinished { operation, attempts, idempotent: false, cause };
    Failure::Call(Error::Unfinished(Box::new(unfinished)))
}

#[test]
fn every_failure_has_its_code() {
    let config = ConfigError { problem: "b".into(), hint: None };
    let broken = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
    for (failure, code) in [
        (Failure::usage("a", None), 2),
        (misfit(), 2),
        (Failure::Call(Error::Config(Box::new(config))), 2),
        (lost(Phase::Connect), 7),
        (lost(Phase::Tls(opcall::TlsProblem::Expired)), 7),
        (lost(Phase::ConnectTimeout), 28),
        (lost(Phase::AnswerTimeout), 28),
        (lost(Phase::Broken), 9),
        // It may have been carried out, by the first attempt.
        (lost_after_one(Phase::Connect), 9),
        (lost_after_one(Phase::Tls(opcall::TlsProblem::Expired)), 9),
        (lost_after_one(Phase::Proxy(opcall::ProxyProblem::NoWay)), 9),
        (lost_after_one(Phase::ConnectTimeout), 28),
        (Failure::Call(no_token()), 8),
        (unfinished(), 9),
        (
            Failure::Call(Error::Unsafe(Box::new(UnsafeError {
                problem: "a".into(),
                hint: None,
                ..UnsafeError::default()
            }))),
            10,
        ),
        (Failure::NotConfirmed("a".into()), 10),
        (Failure::from(broken()), 0),
        (Failure::io("a", broken()), 1),
        (Failure::io("a", std::io::Error::other("b")), 1),
        (Failure::Signal(2), 130),
        (Failure::Signal(15), 143),
    ] {
        assert_eq!(failure.exit_code(), code, "{failure}");
    }
}

#[test]
fn people_read_fact_cause_and_hint() {
    insta::assert_snapshot!(misfit().to_text(Screen::default()), @r#"
    error: tokens_create: 2 arguments do not fit
      body.label  must be a string, got 5
      expires     is not known here; nearest: expires_timestamp
      hint: `opcall show tokens_create` lists its parameters.
    "#);
    insta::assert_snapshot!(lost(Phase::Connect).to_text(Screen::default()), @r#"
    error: no answer from http://127.0.0.1:9 after 3 attempts; nothing was sent
      caused by: connection refused
      hint: check that http://127.0.0.1:9 is the right address and can be reached from here.
    "#);
    insta::assert_snapshot!(Failure::usage("\u{1b}[31mred", None).to_text(Screen::default()), @r#"error: \x1b[31mred"#);
}

#[test]
fn programs_read_an_object() {
    insta::assert_snapshot!(unfinished().to_json(), @r#"{"kind":"unfinished","message":"a:b was sent and answered with 303, but the request that had to follow could not be sent: b","operation":"a:b","status":400,"method":null,"url":null,"problems":[],"hint":"check with a reading operation whether it was carried out before you repeat it, and c.","attempts":1,"retry_after_ms":null,"trace_id":null,"sent":true}"#);
    insta::assert_snapshot!(misfit().to_json(), @r#"{"kind":"arguments","message":"tokens_create: 2 arguments do not fit","operation":"falcon:tokens_create","status":null,"method":null,"url":null,"problems":[{"path":"body.label","problem":"must be a string, got 5","nearest":null},{"path":"expires","problem":"is not known here","nearest":"expires_timestamp"}],"hint":"`opcall show tokens_create` lists its parameters.","attempts":null,"retry_after_ms":null,"trace_id":null,"sent":false}"#);
    insta::assert_snapshot!(lost(Phase::Broken).to_json(), @r#"{"kind":"transport","message":"no answer from http://127.0.0.1:9 after 3 attempts; it was sent: connection refused","operation":"falcon:tokens_query","status":null,"method":"GET","url":"http://127.0.0.1:9/a","problems":[],"hint":"repeat it: the call only reads.","attempts":3,"retry_after_ms":null,"trace_id":null,"sent":true}"#);
    insta::assert_snapshot!(misfit().to_line_json(), @r#"{"kind":"arguments","message":"tokens_create: 2 arguments do not fit","problems":[{"path":"body.label","problem":"must be a string, got 5","nearest":null},{"path":"expires","problem":"is not known here","nearest":"expires_timestamp"}],"hint":"`opcall show tokens_create` lists its parameters.","retry_after_ms":null,"trace_id":null,"sent":false}"#);
}
