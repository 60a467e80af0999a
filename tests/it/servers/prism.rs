//! Prism holds every request against a document and says what does not fit it: the requests of opcall for every
//! operation of a document fit, with the fewest and with all arguments; wrong arguments, sent unchecked, do not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use opcall::{Credentials, Document, Error, Harness, Operation, Profile, Response};
use serde_json::{Map, Value, json};

use super::installed;
use super::running::{Running, Shared};
use crate::cli::opcall_with;
use crate::generate::{Extent, Generated, Kind, Wrong, arguments, endpoint, wrong};
use crate::support::builder;

/// What Prism tells of where it can make no answer to a request that fits, such as one that breaks its own document.
const NO_ANSWER: [&str; 2] = ["VIOLATIONS", "NO_COMPLEX_OBJECT_TEXT"];

static PANTHER: Shared = Shared::new();

/// Prism that serves a document; `document` names it, or makes it in the server's folder.
fn server(document: impl Fn(&Path) -> PathBuf) -> Option<Running> {
    let program = installed("Prism", "npm/node_modules/@stoplight/prism-cli/dist/index.js")?;
    Some(Running::start("Prism", |folder, port| {
        let mut command = Command::new("node");
        command.arg(&program).args(["mock", "--errors", "-h", "127.0.0.1", "-p", &port.to_string()]);
        command.arg(document(folder));
        command
    }))
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

fn panther() -> Option<(Arc<Running>, Harness)> {
    let make = |folder: &Path| {
        let document = folder.join("panther.json");
        fs::write(&document, bundle("panther").to_string()).unwrap();
        document
    };
    let prism = PANTHER.get(|| server(make))?;
    let harness = builder().profile("panther", profile(&prism)).build().unwrap();
    Some((prism, harness))
}

/// Something for every kind of security scheme.
fn profile(prism: &Running) -> Profile {
    let credentials = Credentials::new().api_key("a-key").access_token("a-token").basic("user", "password");
    Profile::new().base_url(prism.url()).credentials(credentials)
}

/// Calls with values that the generator does not think of: characters that need encoding, lists given as texts, texts
/// given as numbers.
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

/// What Prism finds wrong with a request, if anything.
fn violation(answer: Result<Response, Error>) -> Option<String> {
    let response = match answer {
        Ok(response) => response,
        Err(Error::Refused(refused)) => refused.response.clone(),
        Err(error) if error.was_sent() => panic!("Prism gave no answer: {error:?}"),
        Err(error) => return Some(format!("not sent: {error}")),
    };
    // Where the document has an answer for wrong requests, Prism gives it and says why in a header; else it makes a
    // problem (RFC 9457) of its own.
    let header = response.headers().get("sl-violations").map(|text| text.to_str().unwrap());
    if let Some(text) = header.filter(|text| text.contains("[\"request\"")) {
        return Some(text.to_owned());
    }
    let problem = response.value().ok().and_then(|value| value["type"].as_str()?.split_once("prism/errors#"));
    let (_, name) = problem?;
    let text = response.text();
    (!NO_ANSWER.contains(&name) || text.contains("[\"request\"")).then(|| text.into_owned())
}

/// What Prism said of the calls of one document.
#[derive(Debug, Default)]
struct Judged {
    operations: usize,
    right: usize,
    wrong: usize,
    /// Wrong calls that cannot be made, checked or not.
    unsent: Vec<String>,
    /// Right calls that do not fit, and operations that no arguments were found for.
    refused: Vec<String>,
    /// Wrong calls that fit.
    passed: Vec<String>,
}

impl Judged {
    /// Calls every operation of a service, but for one that no request can fit.
    async fn of(harness: &Harness, service: &str, impossible: Option<&str>) -> Self {
        let mut judged = Self::default();
        let operations = harness.table().iter().filter(|one| one.service() == service);
        for (operation, seed) in operations.filter(|one| Some(one.id()) != impossible).zip(0..) {
            judged.operations += 1;
            let id = endpoint(operation);
            judged.right(harness, operation, &id, seed).await;
            judged.wrong(harness, operation, &id, seed).await;
        }
        judged
    }

    async fn right(&mut self, harness: &Harness, operation: Operation<'_>, id: &str, seed: u64) {
        for extent in [Extent::Minimal, Extent::Full] {
            self.right += 1;
            let found = match arguments(operation, extent, seed) {
                Ok(made) => {
                    violation(made.command(harness, id).send().await).map(|text| format!("{text} {made:?}"))
                }
                Err(reason) => Some(reason),
            };
            self.refused.extend(found.map(|text| format!("{id} {extent:?}: {text}")));
        }
    }

    async fn wrong(&mut self, harness: &Harness, operation: Operation<'_>, id: &str, seed: u64) {
        for one in wrong(operation, seed).into_iter().filter(leaves_something) {
            let answer = one.arguments.command(harness, id).no_validate().send().await;
            if answer.as_ref().is_err_and(|error| !error.was_sent()) {
                self.unsent.push(one.path);
                continue;
            }
            self.wrong += 1;
            if violation(answer).is_none() {
                self.passed.push(format!("{id} {} {:?}", one.path, one.fault));
            }
        }
    }

    /// Every operation was called, every right call fits, no wrong one does.
    fn check(&self, operations: usize, wrong: usize) {
        let Self { refused, passed, .. } = self;
        assert!(
            refused.is_empty(),
            "{} right calls do not fit: {:#?}",
            refused.len(),
            &refused[..refused.len().min(10)]
        );
        assert!(passed.is_empty(), "{} wrong calls fit: {passed:#?}", passed.len());
        assert_eq!(self.operations, operations);
        assert!(self.wrong >= wrong, "{} wrong calls", self.wrong);
        let of_path = |path: &String| path.starts_with("path.");
        assert!(self.unsent.iter().all(of_path), "only a path cannot be made: {:?}", self.unsent);
    }
}

/// Whether there is anything to judge: a form without its only field is no body, and Prism lets that pass.
fn leaves_something(one: &Wrong) -> bool {
    let Generated { body, media_type, .. } = &one.arguments;
    let is_form = media_type.as_deref().is_some_and(|name| Kind::of(name) == Kind::Form);
    !is_form || body.as_ref().and_then(Value::as_object).is_none_or(|members| !members.is_empty())
}

/// A document of the corpus, called whole; `None` where it or Prism is missing.
async fn judge(name: &str, impossible: Option<&str>) -> Option<Judged> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/specs");
    let document = corpus.join(name);
    if !document.exists() {
        eprintln!("skipped: {} is not there", document.display());
        return None;
    }
    let prism = server(|_| document.clone())?;
    let (table, _) = Document::open(&document).read().unwrap();
    let service = table.iter().next().unwrap().service().to_owned();
    let harness = builder().table(table).profile(&service, profile(&prism)).build().unwrap();
    Some(Judged::of(&harness, &service, impossible).await)
}

#[tokio::test]
async fn swagger_2_0_docker() {
    let folder = "debian/golang-github-docker-docker-dev/usr/share/gocode/src/github.com/docker/docker/api";
    // It consumes `application/octet-stream` alone, and its header `Content-type` must be `application/x-tar`.
    let Some(judged) = judge(&format!("{folder}/swagger.yaml"), Some("ImageBuild")).await else { return };
    judged.check(105, 280);
}

/// Bodies that are forms, all of them.
#[tokio::test]
async fn swagger_2_0_slack() {
    let name = "git/slackapi+slack-api-specs/web-api/slack_web_openapi_v2_without_examples.json";
    let Some(judged) = judge(name, None).await else { return };
    judged.check(174, 390);
}

#[tokio::test]
async fn openapi_3_0_quay() {
    let Some(judged) = judge("crates/openapiv3-2.2.0/fixtures/quayio.json", None).await else { return };
    judged.check(95, 110);
}

#[tokio::test]
async fn openapi_3_1_adyen() {
    let Some(judged) = judge("git/Adyen+adyen-openapi/yaml/ManagementService-v3.yaml", None).await else {
        return;
    };
    judged.check(134, 590);
}

#[tokio::test]
async fn panther_whole() {
    let Some((_prism, harness)) = panther() else { return };
    for (operation, arguments) in calls() {
        let call = harness.command(operation, arguments).service("panther").send();
        assert_eq!(violation(call.await), None, "{operation}");
    }
    Judged::of(&harness, "panther", None).await.check(96, 500);
}

#[tokio::test]
async fn wrong_arguments_are_told_here_and_refused_there() {
    let Some((prism, harness)) = panther() else { return };
    let checked = harness.command("api_token_create", json!({"name": 1})).await.unwrap_err();
    assert_eq!((checked.kind(), checked.was_sent()), ("arguments", false));
    let unchecked = harness.command("api_token_create", json!({"name": 1})).no_validate().send().await;
    let told = violation(unchecked).unwrap();
    assert!(told.contains("permissions") && told.contains("name must be string"), "{told}");

    let url = prism.url();
    let wrong = ["api_token_create", "name:=1", "--api", "panther", "--server", &url];
    let run = |more: &[&str]| opcall_with(&[("PANTHER_API_TOKEN", "a-key")], &[&wrong[..], more].concat());
    assert_eq!(run(&[]).code, 2);
    let sent = run(&["--no-validate"]);
    assert_eq!(sent.code, 4, "{}", sent.stderr);
    assert!(sent.stderr.contains("note: body.name must be a string, got 1"), "{}", sent.stderr);
}

#[tokio::test]
async fn a_call_without_its_key_is_not_sent() {
    let Some((prism, _)) = panther() else { return };
    let without = builder().profile("panther", Profile::new().base_url(prism.url())).build().unwrap();
    let missing = without.command("api_token_list", json!({"X-Api-Key": "another"})).await.unwrap_err();
    assert!(!missing.was_sent());
    let refused = without.command("api_token_list", ()).without_header("x-api-key").send().await;
    let told = violation(refused).unwrap();
    assert!(told.contains("401"), "Prism would have refused it: {told}");
}
