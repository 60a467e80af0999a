//! Renewals beside other calls: who may renew once more, how often a provider is asked, how a client signs in where
//! only the user knows the endpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opcall::{Credentials, Profile};

use crate::support::{Reply, Server, builder, client, in_region};

/// Gives tokens t1, t2, ...; calls are answered by their token and their limit.
fn flow(answer: impl Fn(&str, &str) -> Reply + Send + Sync + 'static) -> Server {
    let given = AtomicUsize::new(0);
    Server::start(move |request, _| {
        if request.target == "/oauth2/token" {
            return Reply::token(&format!("t{}", given.fetch_add(1, Ordering::SeqCst) + 1), 1800);
        }
        let token = request.header("authorization").unwrap().trim_start_matches("Bearer ").to_owned();
        answer(&token, request.target.rsplit('=').next().unwrap())
    })
}

/// What a call was refused for was renewed by another one meanwhile: that was not its own renewal, which it still has.
#[tokio::test]
async fn a_renewal_by_another_call_leaves_a_call_its_own() {
    let late = Duration::from_millis(400);
    let server = flow(move |token, limit| match (token, limit) {
        ("t1", "1") | ("t2", "2") => Reply::json(401, "{}"),
        ("t1", _) => Reply::json(401, "{}").after(late),
        _ => Reply::json(200, r#"{"resources": []}"#),
    });
    let harness = in_region(&server).build().unwrap();
    harness.sign_in("falcon").token().await.unwrap();
    let call = async |limit: u32| harness.command("tokens_query", [("limit", limit)]).await;
    let (first, second) = tokio::join!(call(1), call(2));
    assert_eq!((first.unwrap().attempts().len(), second.unwrap().attempts().len()), (2, 3));
    assert_eq!(server.count("/oauth2/token"), 3);
}

/// A provider is asked before a token is fetched, and anew before that is renewed, not twice for one.
#[tokio::test]
async fn a_provider_is_asked_once_for_each_token() {
    let server = flow(|token, _| if token == "t1" { Reply::json(401, "{}") } else { Reply::json(200, "{}") });
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let provider = move || {
        count.fetch_add(1, Ordering::SeqCst);
        async { Ok::<_, std::io::Error>(client()) }
    };
    let harness = builder()
        .regions("falcon", [("us-1", server.url())])
        .credentials("falcon", provider)
        .build()
        .unwrap();
    harness.sign_in("falcon").token().await.unwrap();
    assert_eq!((asked.load(Ordering::SeqCst), server.count("/oauth2/token")), (1, 1));
    harness.command("tokens_query", [("limit", 1)]).await.unwrap();
    assert_eq!((asked.load(Ordering::SeqCst), server.count("/oauth2/token")), (2, 2));
}

const OPENID: &str = r#"{
  "openapi": "3.0.3", "info": {"title": "o", "version": "1"}, "x-service": "named",
  "components": {"securitySchemes": {
    "id": {"type": "openIdConnect", "openIdConnectUrl": "https://id.example/.well-known/openid-configuration"}}},
  "security": [{"id": []}], "paths": {"/a": {"get": {"operationId": "read", "responses": {}}}}
}"#;

/// Basic authentication is what every token endpoint has to know (RFC 6749 §2.3.1), and what `OpenID` Connect takes where
/// nothing else is said (Core §9).
#[tokio::test]
async fn an_endpoint_that_only_the_user_knows_gets_the_secret_by_basic() {
    let server = Server::start(|request, _| match request.target.as_str() {
        "/token" => Reply::token("t", 1800),
        _ => Reply::json(200, "{}"),
    });
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), OPENID).unwrap();
    let profile = Profile::new().base_url(server.url()).token_url(format!("{}/token", server.url()));
    let profile = profile.credentials(Credentials::new().client("id", "secret"));
    let harness = builder().spec(file.path()).profile("named", profile).build().unwrap();
    harness.command("read", ()).await.unwrap();
    let asked = server.only("/token");
    assert_eq!(asked.header("authorization"), Some("Basic aWQ6c2VjcmV0"));
    assert_eq!(asked.text(), "grant_type=client_credentials");
}
