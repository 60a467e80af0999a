//! A server nobody here wrote judges our requests: Prism (npm `@stoplight/prism-cli`) serves Panther's document and
//! refuses what does not fit it. `.ci/run` installs it under `target/tools`; without it these tests are skipped.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use opcall::{Credentials, Error, Harness, Profile};
use serde_json::{Map, Value, json};

/// How long Prism may take to read a document and listen.
const START: Duration = Duration::from_secs(60);

struct Prism {
    process: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Drop for Prism {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> Option<PathBuf> {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/tools/node_modules/@stoplight/prism-cli/dist/index.js");
    if let Some(path) = std::env::var_os("OPCALL_PRISM").map(PathBuf::from) {
        assert!(path.exists(), "OPCALL_PRISM names {}, which is not there", path.display());
        return Some(path);
    }
    let path = installed;
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: Prism is not installed at {}", path.display());
    None
}

/// The documents of a service as one: `service.yaml` under the paths and schemas of all others.
fn bundle(service: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs").join(service);
    let read = |path: &Path| -> Value { yaml_serde::from_str(&fs::read_to_string(path).unwrap()).unwrap() };
    let mut whole = read(&folder.join("service.yaml"));
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    let documents = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    for path in documents.filter(|path| !path.ends_with("service.yaml")) {
        let document = read(&path);
        paths.extend(document["paths"].as_object().unwrap().clone());
        schemas.extend(document["components"]["schemas"].as_object().unwrap().clone());
    }
    whole["paths"] = Value::Object(paths);
    whole["components"]["schemas"] = Value::Object(schemas);
    whole
}

fn start() -> Option<Prism> {
    let program = program()?;
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("panther.json");
    fs::write(&document, bundle("panther").to_string()).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let process = Command::new("node")
        .arg(program)
        .args(["mock", "--errors", "-h", "127.0.0.1", "-p", &port.to_string()])
        .arg(&document)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let prism = Prism { process, url: format!("http://127.0.0.1:{port}"), _folder: folder };
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < START, "Prism did not listen within {START:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
    Some(prism)
}

fn harness(prism: &Prism) -> Harness {
    let credentials = Credentials::new().api_key("a-key");
    Harness::builder()
        .profile("panther", Profile::new().base_url(&prism.url).credentials(credentials))
        .build()
        .unwrap()
}

/// The six operations on API tokens, and ten others of every shape: lists with filters, bodies, deletes, path values
/// that need encoding, nested objects, enums.
fn calls() -> Vec<(&'static str, Value)> {
    let token =
        json!({"name": "ci", "permissions": ["AlertRead", "RuleRead"], "allowedCIDRBlocks": ["10.0.0.0/8"]});
    let mut update = token.clone();
    update["id"] = json!("self");
    vec![
        ("api_token_list", json!({})),
        ("api_token_create", token),
        ("api_token_get", json!({"id": "self"})),
        ("api_token_update", update),
        ("api_token_rotate", json!({"id": "self"})),
        ("api_token_delete", json!({"id": "550e8400-e29b-41d4-a716-446655440000"})),
        ("comment_list", json!({"alert-id": "a b/c", "limit": "10"})),
        ("comment_create", json!({"alertId": "a1", "body": "Looked at.", "format": "PLAIN_TEXT"})),
        ("contexttag_delete", json!({"tag": "blue-green_2"})),
        ("comment_get", json!({"id": "a b/c?d#e"})),
        (
            "alert_list",
            json!({"severity": ["HIGH", "LOW"], "status": ["OPEN"], "created-after": "2026-01-01T00:00:00Z"}),
        ),
        ("alert_bulkpatch", json!({"ids": ["a1", "a2"], "status": "RESOLVED", "contextTags": []})),
        ("global_put", json!({"id": "helpers", "body": "def f():\n    return 1", "tags": ["x"]})),
        ("role_list", json!({"ids": "r1,r2", "name-contains": "admin", "sort-dir": "asc"})),
        (
            "log_source_alarm_put",
            json!({"sourceId": "550e8400-e29b-41d4-a716-446655440000", "type": "SOURCE_NO_DATA", "minutesThreshold": 60}),
        ),
        ("user_list", json!({"limit": 20, "include-deactivated": false})),
        ("query_create", json!({"name": "daily", "sql": "select 1"})),
    ]
}

/// What Prism says of the request, in a header of its refusal.
fn violations(error: &Error) -> Option<String> {
    let Error::Refused(refused) = error else { return None };
    Some(refused.response.headers().get("sl-violations")?.to_str().ok()?.to_owned())
}

#[tokio::test]
async fn prism_accepts_what_is_sent() {
    let Some(prism) = start() else { return };
    let harness = harness(&prism);
    for (operation, arguments) in calls() {
        let answer = harness.command(operation, arguments).service("panther").send().await;
        let answer = answer.unwrap_or_else(|error| panic!("{operation}: {error}; {:?}", violations(&error)));
        assert!((200..300).contains(&answer.status()), "{operation}: {}", answer.status());
        assert!(answer.headers().get("sl-violations").is_none(), "{operation}: {:?}", answer.headers());
    }
}

#[tokio::test]
async fn prism_refuses_a_wrong_body_sent_unchecked_and_a_missing_key() {
    let Some(prism) = start() else { return };
    let harness = harness(&prism);
    let checked = harness.command("api_token_create", json!({"name": 1})).await.unwrap_err();
    assert_eq!((checked.kind(), checked.was_sent()), ("arguments", false));

    let unchecked = harness.command("api_token_create", json!({"name": 1})).no_validate().send().await;
    let refused = unchecked.unwrap_err();
    assert_eq!(refused.status(), Some(400));
    let violations = violations(&refused).unwrap();
    assert!(violations.contains("permissions") && violations.contains("name must be string"), "{violations}");

    let wrong_place = json!({"X-Api-Key": "another"});
    let without = Harness::builder().profile("panther", Profile::new().base_url(&prism.url)).build().unwrap();
    let missing = without.command("api_token_list", wrong_place).await.unwrap_err();
    assert!(!missing.was_sent());
}
