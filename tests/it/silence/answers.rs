//! What comes of calls: answers, streams, and an error of every kind, each of a call that carried secrets to a server
//! that repeats them.

use std::time::Duration;

use opcall::{
    Ambiguous, Begun, Error, HintSource, IoError, NoRepeat, Outcome, Phase, ProxyProblem, TlsProblem,
    TransportError, Wait, WaitReason,
};
use serde_json::json;

use super::library::{at, stuck};
use super::search::secret;
use super::servers::Manner;
use super::stage::{Door, Stage};
use super::types::{Looked, look};
use crate::support::{Reply, Server};

pub(super) async fn print(looked: &mut Looked) {
    good(looked).await;
    refused(looked).await;
    lost(looked).await;
    assert_eq!(error(looked, stuck().await), "unfinished");
    before_sending(looked);
    look!(looked; Phase::Connect, ProxyProblem::NoWay, TlsProblem::Expired, HintSource::RateLimit);
    let wait = Wait { length: Duration::from_secs(1), reason: WaitReason::Backoff };
    look!(looked; wait, wait.reason, Outcome::Status(200), opcall::Watch::new());
    look!(looked; NoRepeat::NoBudget, Begun { status: 200, received: 5 });
}

/// Prints an error, and what it holds.
fn error(looked: &mut Looked, error: Error) -> &'static str {
    look!(looked; error, error.hint(), error.attempts());
    let kind = error.kind();
    match error {
        Error::UnknownOperation(inner) => look!(looked; *inner),
        Error::Ambiguous(inner) => look!(looked; *inner),
        Error::Arguments(inner) => look!(looked; *inner),
        Error::Spec(inner) => look!(looked; *inner),
        Error::Config(inner) => look!(looked; *inner),
        Error::Auth(inner) => look!(looked; *inner),
        Error::Transport(inner) => transport(looked, &inner),
        Error::HeldBack(inner) => look!(looked; *inner),
        Error::Unfinished(inner) => look!(looked; *inner, inner.cause),
        Error::Refused(inner) => look!(looked; *inner, inner.response),
        Error::Decode(inner) => look!(looked; *inner),
        Error::Unsafe(inner) => look!(looked; *inner),
        Error::Io(inner) => look!(looked; *inner, inner.source),
        other => panic!("what is inside {other:?} is not printed"),
    }
    kind
}

fn transport(looked: &mut Looked, error: &TransportError) {
    look!(looked; *error, error.source, error.attempts[0]);
}

async fn good(looked: &mut Looked) {
    let server = Stage::open(Door::Plain, Manner::Answering);
    let harness = at(&server.url()).build().unwrap();
    for operation in ["by_query", "by_client"] {
        let response = harness.command(operation, ()).await.unwrap();
        look!(looked; response, harness.command(operation, ()).stream().await.unwrap());
        look!(looked; response.attempts()[0]);
    }
    let server = Stage::open(Door::Plain, Manner::Misleading);
    let harness = at(&server.url()).build().unwrap();
    let mut kinds = Vec::new();
    for operation in ["by_query", "by_header", "by_bearer", "by_basic"] {
        let failed = match harness.command(operation, ()).await {
            Ok(response) => response.json::<u8>().unwrap_err(),
            Err(failed) => failed,
        };
        kinds.push(error(looked, failed));
    }
    assert_eq!(kinds, ["decode"; 4]);
}

async fn refused(looked: &mut Looked) {
    for (manner, kinds) in [
        (Manner::Repeating { status: 403, also_tokens: false }, &["refused"][..]),
        (Manner::Repeating { status: 302, also_tokens: false }, &["refused"]),
        (Manner::Repeating { status: 403, also_tokens: true }, &["auth"]),
        (Manner::Circling, &["unsafe", "refused"]),
    ] {
        let server = Stage::open(Door::Plain, manner);
        let follow = u32::from(manner == Manner::Circling) * 3;
        let harness = at(&server.url()).follow_redirects(follow).build().unwrap();
        for _ in 0..8 {
            let failed = harness.command("by_client", ()).await.unwrap_err();
            assert!(kinds.contains(&error(looked, failed)), "{manner:?}");
            harness
                .command("by_query", ())
                .await
                .map(drop)
                .map_err(|failed| error(looked, failed))
                .unwrap_err();
        }
    }
    let server = Stage::open(Door::Plain, Manner::AskingToWait);
    let harness = at(&server.url()).build().unwrap();
    let kinds = [
        error(looked, harness.command("by_query", ()).await.unwrap_err()),
        error(looked, harness.command("by_query", ()).await.unwrap_err()),
    ];
    assert_eq!(kinds, ["rate_limited"; 2]);
}

async fn lost(looked: &mut Looked) {
    let server = Stage::open(Door::Plain, Manner::Breaking);
    for url in [server.url(), "http://127.0.0.1:9".to_owned(), "https://127.0.0.1:9".to_owned()] {
        let harness = at(&url).build().unwrap();
        for operation in ["by_query", "by_cookie", "by_client"] {
            assert_eq!(error(looked, harness.command(operation, ()).await.unwrap_err()), "transport");
        }
    }
    let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
    error(looked, IoError { action: "reading \"a.bin\"".to_owned(), source: missing }.into());
    let broken = Server::start(|_, _| Reply::json(200, &json!([secret("not a document")]).to_string()));
    let failed = opcall::Document::fetch(format!("{}/doc.json", broken.url())).no_proxy().await;
    let failed = failed.and_then(|document| document.read()).map(drop).unwrap_err();
    assert_eq!(error(looked, failed), "spec");
}

/// What is wrong with a call before it is sent; secrets stand where credentials belong.
fn before_sending(looked: &mut Looked) {
    let harness = at("http://127.0.0.1:9").build().unwrap();
    let key = [("header.X-Key", secret("key")), ("lmit", "5".to_owned())];
    assert_eq!(error(looked, harness.command("by_header", key).prepare().unwrap_err()), "arguments");
    assert_eq!(error(looked, harness.command("by_heder", ()).prepare().unwrap_err()), "unknown_operation");
    let candidates = vec!["a:one".to_owned(), "b:one".to_owned()];
    error(looked, Ambiguous { name: "one".to_owned(), count: 2, candidates, nameless: 0 }.into());
    let unbuilt = at("http://127.0.0.1:9").proxy("nonsense:cAnary/+=zQ7w~x").build().unwrap_err();
    assert_eq!(error(looked, unbuilt), "config");
    let unsafe_header = harness.command("by_header", ()).header("x-key", secret("a\r\nb")).prepare();
    let _ = unsafe_header.map_err(|failed| error(looked, failed));
}
