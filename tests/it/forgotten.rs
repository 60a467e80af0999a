//! What a service asked its callers to wait for, forgotten with its tokens: wherever and of whomever it was said, here
//! and in other processes.

use std::path::Path;
use std::time::Duration;

use opcall::{Credentials, Error, Harness, HarnessBuilder, Profile};

use crate::support::{Reply, Server, builder, client};

/// Operations with a server and with schemes of their own.
const DOCUMENT: &str = r#"{
  "openapi": "3.0.3", "info": {"title": "places", "version": "1"}, "x-service": "places",
  "servers": [{"url": "HOME"}],
  "components": {"securitySchemes": {
    "one": {"type": "apiKey", "in": "header", "name": "X-One"},
    "two": {"type": "apiKey", "in": "header", "name": "X-Two"}
  }},
  "security": [{"one": []}],
  "paths": {
    "/usual": {"get": {"operationId": "usual", "responses": {}}},
    "/away": {"servers": [{"url": "AWAY"}], "get": {"operationId": "away", "responses": {}}},
    "/both": {"get": {"operationId": "both", "security": [{"one": [], "two": []}], "responses": {}}},
    "/free": {"get": {"operationId": "free", "security": [], "responses": {}}}
  }
}"#;

/// Refuses what is asked for first on each path, and those who ask for as long as an hour.
fn busy() -> Server {
    let refused = std::sync::Mutex::new(std::collections::HashSet::new());
    Server::start(move |request, _| {
        if refused.lock().unwrap().insert(request.target.clone()) {
            Reply::whole(429, &["retry-after: 3000"], "")
        } else {
            Reply::json(200, "{}")
        }
    })
}

fn places(home: &Server, away: &Server, cache: &Path) -> HarnessBuilder {
    let text = DOCUMENT.replace("HOME", &home.url()).replace("AWAY", &away.url());
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let credentials = Credentials::new().scheme("one", "canary-1").scheme("two", "canary-2");
    builder().spec(file.path()).profile("places", Profile::new().credentials(credentials)).token_cache(cache)
}

async fn code(harness: &Harness, id: &str) -> Result<u16, &'static str> {
    match harness.command(id, ()).service("places").retry(0).await {
        Ok(answer) => Ok(answer.status()),
        Err(Error::HeldBack(_)) => Err("held back"),
        Err(error) => Ok(error.status().unwrap()),
    }
}

#[tokio::test]
async fn whatever_server_and_schemes_it_was_said_of() {
    let cache = tempfile::tempdir().unwrap();
    let (home, away) = (busy(), busy());
    let harness = || places(&home, &away, cache.path()).build().unwrap();
    let (here, elsewhere) = (harness(), harness());
    for id in ["away", "both", "free", "usual"] {
        assert_eq!(code(&here, id).await, Ok(429), "{id}");
        assert_eq!(code(&here, id).await, Err("held back"), "{id}");
        assert_eq!(code(&elsewhere, id).await, Err("held back"), "{id}");
    }
    here.sign_in("places").forget().await.unwrap();
    for id in ["away", "both", "free", "usual"] {
        assert_eq!(code(&here, id).await, Ok(200), "{id}");
        assert_eq!(code(&elsewhere, id).await, Ok(200), "{id}");
    }
}

#[tokio::test]
async fn a_word_that_stays_keeps_nothing_else() {
    let cache = tempfile::tempdir().unwrap();
    let (home, away) = (busy(), busy());
    let harness = || places(&home, &away, cache.path()).build().unwrap();
    for id in ["away", "both"] {
        assert_eq!(code(&harness(), id).await, Ok(429), "{id}");
    }
    let folder = cache.path().join("cooldowns");
    for name in ["places-0", "places-f"] {
        std::fs::create_dir(folder.join(name)).unwrap();
    }
    let token = cache.path().join(format!("places-{}-{}.token", "0".repeat(64), "0".repeat(16)));
    std::fs::write(&token, "of another client").unwrap();
    let error = harness().sign_in("places").forget().await.unwrap_err();
    assert_eq!(error.kind(), "io", "{error}");
    assert!(!token.exists(), "the tokens are forgotten all the same");
    for id in ["away", "both"] {
        assert_eq!(code(&harness(), id).await, Ok(200), "{id}");
    }
}

/// A service of several regions: where the client belongs, another process has found out.
#[cfg(feature = "falcon")]
#[tokio::test]
async fn in_a_region_that_another_process_has_found() {
    let cache = tempfile::tempdir().unwrap();
    let theirs = Server::start(|request, before| match request.target.as_str() {
        "/oauth2/token" => Reply::token("t", 1800),
        "/oauth2/revoke" => Reply::json(200, "{}"),
        _ if before < 3 => Reply::whole(429, &["retry-after: 3000"], ""),
        _ => Reply::json(200, "{}"),
    });
    let url = theirs.url();
    let first = Server::start(move |_, _| {
        let location = format!("location: {url}/oauth2/token");
        Reply::whole(308, &[&location, "x-cs-region: us-2"], "")
    });
    let harness = || {
        let profile = Profile::new().credentials(client());
        let regions = [("us-1", first.url()), ("us-2", theirs.url())];
        builder()
            .regions("falcon", regions)
            .profile("falcon", profile)
            .token_cache(cache.path())
            .build()
            .unwrap()
    };
    let call = async || harness().command("tokens_query", ()).retry(0).await;
    assert_eq!(call().await.unwrap_err().status(), Some(429));
    assert!(matches!(call().await.unwrap_err(), Error::HeldBack(_)));
    let forgotten = harness().sign_in("falcon").forget().await.unwrap();
    assert_eq!((forgotten.tokens, forgotten.revoked), (1, 1));
    call().await.unwrap();
}

/// A token endpoint's refusal speaks for a second to all who ask; who forgets it asks anew.
#[cfg(feature = "falcon")]
#[tokio::test]
async fn a_failure_of_signing_in_too() {
    let server = Server::start(|request, before| match request.target.as_str() {
        "/oauth2/token" if before == 0 => Reply::whole(429, &["retry-after: 50"], ""),
        "/oauth2/token" => Reply::token("t", 1800),
        _ => Reply::json(200, "{}"),
    });
    let harness = crate::support::in_region(&server).max_time(Duration::from_secs(20)).build().unwrap();
    for _ in 0..2 {
        let error = harness.command("tokens_query", ()).retry(0).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), ("auth", Some(429)), "{error}");
    }
    assert_eq!(server.count("/oauth2/token"), 1);
    harness.sign_in("falcon").forget().await.unwrap();
    harness.command("tokens_query", ()).retry(0).await.unwrap();
}
