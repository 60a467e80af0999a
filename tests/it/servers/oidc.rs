//! oidc-provider, a certified authorization server: it takes a client's ID and secret only as RFC 6749 §2.3.1 writes
//! them, and its tokens here live 5 seconds. `tests/data/servers/op.mjs` sets it up and adds one resource.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use opcall::{Credentials, Error, Harness, Profile};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::installed;
use super::running::Running;
use crate::cli::{Run, opcall_with};
use crate::support::builder;

/// What op.mjs registers.
const BY_BASIC: &str = "by basic:&+/=%";
const BY_POST: &str = "by post";
const SECRET: &str = "s&+/=% :~secret";
/// Longer than a token lives, which is what this server is here for.
const LIFE: Duration = Duration::from_millis(5500);

/// A server for one test, because it remembers who asked.
fn server() -> Option<Running> {
    let library = installed("oidc-provider", "npm/node_modules/oidc-provider/lib/index.js")?;
    Some(Running::start("oidc-provider", |_, port| command(&library, port)))
}

fn command(library: &Path, port: u16) -> Command {
    let mut command = Command::new("node");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/servers/op.mjs"));
    command.arg(library).arg(port.to_string());
    command
}

/// A document of the resource; `flow` says how its token endpoint wants to be asked.
fn document(server: &Running, flow: &Value) -> (TempDir, String) {
    let document = json!({
        "openapi": "3.0.3", "info": {"title": "guarded", "version": "1"}, "x-service": "guarded",
        "servers": [{"url": server.url()}],
        "paths": {"/resource": {"get": {
            "operationId": "read", "security": [{"client": ["read"]}], "responses": {"200": {"description": ""}},
        }}},
        "components": {"securitySchemes": {"client": flow}},
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("guarded.json");
    fs::write(&path, document.to_string()).unwrap();
    (folder, path.to_str().unwrap().to_owned())
}

fn flow(server: &Running, more: &Value) -> Value {
    json!({
        "type": "oauth2", "x-oauth2": more,
        "flows": {"clientCredentials": {
            "tokenUrl": format!("{}/token", server.url()), "scopes": {"read": "", "write": ""},
        }},
    })
}

fn harness(server: &Running, flow: &Value, id: &str) -> Harness {
    let (_folder, path) = document(server, flow);
    let profile = Profile::new().credentials(Credentials::new().client(id, SECRET));
    builder().spec(path).profile("guarded", profile).build().unwrap()
}

/// How the clients of the token requests came in, and which requests were refused.
fn asked(server: &Running) -> Vec<String> {
    serde_json::from_str(&server.get("/asked", &[])).unwrap()
}

#[tokio::test]
async fn client_credentials_by_basic_and_by_post() {
    let Some(server) = server() else { return };
    for (id, auth) in [(BY_BASIC, "basic"), (BY_POST, "post")] {
        let harness = harness(&server, &flow(&server, &json!({"client-auth": auth})), id);
        let got = harness.command("read", ()).await.unwrap_or_else(|error| panic!("{auth}: {error}"));
        assert_eq!(got.value().unwrap()["client"], id);
    }
    let by_default = harness(&server, &flow(&server, &json!({})), BY_POST);
    assert_eq!(by_default.command("read", ()).await.unwrap().value().unwrap()["client"], BY_POST);
    assert_eq!(asked(&server), ["basic", "post", "post"]);
}

#[tokio::test]
async fn the_endpoint_is_found_by_discovery() {
    let Some(server) = server() else { return };
    let url = format!("{}/.well-known/openid-configuration", server.url());
    let scheme = json!({"type": "openIdConnect", "openIdConnectUrl": url});
    // Its metadata names Basic and post; RFC 8414 §2 has Basic by default.
    let harness = harness(&server, &scheme, BY_BASIC);
    for _ in 0..2 {
        assert_eq!(harness.command("read", ()).await.unwrap().value().unwrap()["client"], BY_BASIC);
    }
    assert_eq!(asked(&server), ["basic"]);
}

#[tokio::test]
async fn an_expired_token_is_renewed_once() {
    let Some(server) = server() else { return };
    let harness = harness(&server, &flow(&server, &json!({"client-auth": "post"})), BY_POST);
    let call = || harness.command("read", ()).send();
    let token = |response: &opcall::Response| response.value().unwrap()["token"].clone();
    let first = token(&call().await.unwrap());
    assert_eq!(token(&call().await.unwrap()), first, "a token that lives is used again");
    tokio::time::sleep(LIFE).await;
    // Three at once after the expiry: one of them asks for the new token, the others wait for it.
    let (one, two, three) = tokio::join!(call(), call(), call());
    let second = token(&one.unwrap());
    assert_ne!(second, first);
    assert_eq!((token(&two.unwrap()), token(&three.unwrap())), (second.clone(), second));
    assert_eq!(asked(&server), ["post", "post"]);
}

/// The program as a client by post.
fn run(server: &Running, secret: &str) -> Run {
    let (_folder, path) = document(server, &flow(server, &json!({"client-auth": "post"})));
    let account = [("GUARDED_CLIENT_ID", BY_POST), ("GUARDED_CLIENT_SECRET", secret)];
    opcall_with(&account, &["read", "--spec", &path])
}

#[tokio::test]
async fn a_wrong_secret_ends_before_the_call_with_a_hint() {
    let Some(server) = server() else { return };
    assert_eq!(run(&server, SECRET).json()["client"], BY_POST);
    let refused = run(&server, "wrong&+/=%");
    assert_eq!(refused.code, 8, "{}", refused.stderr);
    let told = &refused.stderr;
    assert!(told.contains("the token endpoint refused with 401: client authentication failed"), "{told}");
    assert!(told.contains("hint: ") && told.contains("GUARDED_CLIENT_SECRET"), "{told}");
    assert!(!told.contains("wrong&") && !told.contains("wrong%26"), "{told}");
    assert_eq!(asked(&server), ["post", "post refused"]);

    let unknown = harness(&server, &flow(&server, &json!({"client-auth": "basic"})), "unknown");
    let Error::Auth(error) = unknown.command("read", ()).await.unwrap_err() else {
        panic!("it has no token")
    };
    assert_eq!(error.status, Some(401));
    assert!(!format!("{error:?}").contains(SECRET));
}
