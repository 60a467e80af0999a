//! httpbin answers with what it was sent: queries, headers, cookies, paths, bodies, credentials. And it answers in
//! every way that an HTTP server may: each status, encoding, redirect and delay. Its own document (Swagger 2.0 without
//! operation IDs, for another host) names its operations; `tests/data/servers/httpbin.yaml` says what is missing there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use opcall::{Credentials, Document, Error, FilePart, Harness, HarnessBuilder, Profile, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::installed;
use super::running::{Running, Shared};
use crate::cli::{Run, opcall_with};
use crate::support::builder;

/// Words with every character that a part of a request must encode.
const HARD: &str = "a b&c=d#e+f%41;é/?\"'";

static SERVER: Shared = Shared::new();

fn server() -> Option<Arc<Running>> {
    let python = installed("httpbin", "python/bin/python")?;
    SERVER.get(|| Some(Running::start("httpbin", |_, port| command(&python, port))))
}

fn command(python: &Path, port: u16) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "gunicorn", "--no-control-socket", "--threads", "8"]);
    command.args(["--bind", &format!("127.0.0.1:{port}"), "httpbin:app"]);
    command
}

fn in_data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/servers").join(name)
}

fn declared() -> PathBuf {
    in_data("httpbin.yaml")
}

/// The document as the server gives it, in a file called `httpbin.json`.
fn document(server: &Running) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("httpbin.json");
    fs::write(&path, server.get("/spec.json", &[])).unwrap();
    (folder, path.to_str().unwrap().to_owned())
}

/// A harness of the document in the repository.
fn declaring(server: &Running, credentials: Credentials) -> Harness {
    builder().spec(declared()).profile("echo", at(server).credentials(credentials)).build().unwrap()
}

/// A harness of the server's own document.
fn own(server: &Running, more: impl FnOnce(HarnessBuilder) -> HarnessBuilder) -> Harness {
    let (_folder, path) = document(server);
    more(builder().spec(path).profile("httpbin", at(server))).build().unwrap()
}

fn at(server: &Running) -> Profile {
    Profile::new().base_url(server.url())
}

/// What the server says it got.
async fn echo(harness: &Harness, id: &str, arguments: Value) -> Value {
    echoed(&harness.command(id, arguments).await.unwrap())
}

fn echoed(response: &Response) -> Value {
    response.value().unwrap().clone()
}

/// The program with the server's own document.
fn run(server: &Running, arguments: &[&str]) -> Run {
    let (_folder, path) = document(server);
    opcall_with(&[], &[arguments, &["--spec", &path, "--server", &server.url(), "--api", "httpbin"]].concat())
}

#[test]
fn its_document_loads_whole_and_names_its_operations() {
    let Some(server) = server() else { return };
    let (_folder, path) = document(&server);
    let (table, _) = Document::open(&path).read().unwrap();
    let text: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let paths = text["paths"].as_object().unwrap();
    let counted: usize = paths.values().map(|item| item.as_object().unwrap().len()).sum();
    assert_eq!(table.iter().count(), counted);
    assert!(counted >= 78, "{counted}");
    let operation = table.get("get_basic_auth_by_user_by_passwd").unwrap();
    assert_eq!(operation.path(), "/basic-auth/{user}/{passwd}");
    let elsewhere = builder().table(table).build().unwrap().command("get_uuid", ()).prepare().unwrap();
    assert_eq!(
        elsewhere.url(),
        "https://httpbin.org/uuid",
        "the host that it names is not the one that serves it"
    );
}

#[tokio::test]
async fn queries_arrive_as_they_were_given() {
    let Some(server) = server() else { return };
    let harness = declaring(&server, Credentials::new());
    let sent = json!({
        "text": HARD, "count": 5, "flag": false, "repeated": ["a", "b,c", ""], "commas": ["a", "b"],
        "pipes": ["a", "b"], "spaces": ["a", "b"], "deep": {"x": "1", "y z": HARD}, "reserved": "a/b?c:d@e,f",
        "a[b] & c": HARD, "filter": {"a": [1, "é"]},
    });
    let got = echo(&harness, "query", sent).await;
    let expected = json!({
        "text": HARD, "count": "5", "flag": "false", "repeated": ["a", "b,c", ""], "commas": "a,b",
        "pipes": "a|b", "spaces": "a b", "deep[x]": "1", "deep[y z]": HARD, "reserved": "a/b?c:d@e,f",
        "a[b] & c": HARD, "filter": "{\"a\":[1,\"é\"]}",
    });
    assert_eq!(got["args"], expected);
    let got = echo(&harness, "query", json!({"text": "", "repeated": [], "count": null})).await;
    assert_eq!(got["args"], json!({"text": ""}), "an empty text is sent, nothing is not");
    let undeclared = harness.command("query", json!({"un declared": [HARD, "2"]})).allow_unknown();
    assert_eq!(echoed(&undeclared.await.unwrap())["args"], json!({"un declared": [HARD, "2"]}));
}

#[tokio::test]
async fn paths_headers_and_cookies_arrive_as_they_were_given() {
    let Some(server) = server() else { return };
    let harness = declaring(&server, Credentials::new());
    let path = json!({"plain": "a b/c?d#e%2F", "label": ["x", "y z"], "matrix": ["1", "2"]});
    let got = echo(&harness, "path", path).await["url"].as_str().unwrap().to_owned();
    // What it shows is decoded once, and encoded again where it must be.
    assert!(got.ends_with("/anything/path/a%20b/c%3Fd%23e%2F/.x,y%20z/;matrix=1;matrix=2"), "{got}");

    let headers = json!({"X-Text": "plain; text", "X-List": [1, 2], "X-Object": {"a": "1", "b": "2"}});
    let with_more = harness.command("headers", headers).header("X-More", "mine").send().await;
    let got = echoed(&with_more.unwrap())["headers"].clone();
    let expected =
        [("X-Text", "plain; text"), ("X-List", "1,2"), ("X-Object", "a=1,b=2"), ("X-More", "mine")];
    for (name, value) in expected {
        assert_eq!(got[name], value, "{name} in {got}");
    }
    assert!(got["User-Agent"].as_str().unwrap().starts_with("opcall/"));

    let got = echo(&harness, "cookies", json!({"session": "a b;c", "count": 3})).await;
    assert_eq!(got["cookies"], json!({"session": "a%20b%3Bc", "count": "3"}));
}

#[tokio::test]
async fn bodies_arrive_as_they_were_given() {
    let Some(server) = server() else { return };
    let harness = declaring(&server, Credentials::new());
    let value = json!({"text": HARD, "null": null, "deep": [1, 2.5, {"empty": {}}], "large": u64::MAX});
    let got = echoed(&harness.command("json", ()).body(value.clone()).await.unwrap());
    assert_eq!((&got["json"], &got["headers"]["Content-Type"]), (&value, &json!("application/json")));

    let got = echo(&harness, "form", json!({"text": HARD, "count": 5, "repeated": ["a", HARD]})).await;
    assert_eq!(got["form"], json!({"text": HARD, "count": "5", "repeated": ["a", HARD]}));
    assert_eq!(got["headers"]["Content-Type"], "application/x-www-form-urlencoded");

    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let got = echoed(&harness.command("bytes", ()).body(bytes.clone()).await.unwrap());
    assert_eq!(got["headers"]["Content-Type"], "application/octet-stream");
    assert_eq!(data(&got["data"]), bytes);

    let got = echoed(&harness.command("text", ()).body("line\r\né").await.unwrap());
    assert_eq!((&got["data"], &got["headers"]["Content-Type"]), (&json!("line\r\né"), &json!("text/plain")));
}

/// Bytes that are no text come back as a `data:` URL (RFC 2397).
fn data(echoed: &Value) -> Vec<u8> {
    use base64::Engine as _;
    let (_, encoded) = echoed.as_str().unwrap().split_once(";base64,").unwrap();
    base64::engine::general_purpose::STANDARD.decode(encoded).unwrap()
}

#[tokio::test]
async fn files_arrive_as_they_were_given() {
    let Some(server) = server() else { return };
    let harness = declaring(&server, Credentials::new());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("é \"quoted\".bin");
    let bytes: Vec<u8> = (0..=255).rev().cycle().take(300_000).collect();
    fs::write(&file, &bytes).unwrap();
    let mut arguments =
        opcall::Params::from(json!({"title": HARD, "tags": ["a", HARD], "settings": {"a": [1]}}));
    arguments.insert("file", FilePart::path(&file));
    arguments
        .insert("more", FilePart::bytes("in memory").with_filename("m.txt").with_media_type("text/plain"));
    let got = echoed(&harness.command("multipart", arguments).await.unwrap());
    assert_eq!(got["form"], json!({"title": HARD, "tags": ["a", HARD], "settings": "{\"a\":[1]}"}));
    assert_eq!(data(&got["files"]["file"]), bytes);
    assert_eq!(got["files"]["more"], "in memory");

    let given = format!("file@{};type=text/csv;filename=a.csv", declared().display());
    let spec = declared();
    let arguments = [
        "multipart",
        "title=by the program",
        &given,
        "--spec",
        spec.to_str().unwrap(),
        "--server",
        &server.url(),
    ];
    let got = opcall_with(&[], &arguments).json();
    assert_eq!(got["files"]["file"], fs::read_to_string(declared()).unwrap());
    assert_eq!(got["form"], json!({"title": "by the program"}));
}

#[tokio::test]
async fn compressed_answers_are_decoded_and_others_stay_as_they_are() {
    let Some(server) = server() else { return };
    let harness = own(&server, |builder| builder);
    for (id, mark) in [("get_gzip", "gzipped"), ("get_deflate", "deflated"), ("get_brotli", "brotli")] {
        let got = harness.command(id, ()).await.unwrap();
        assert_eq!(got.value().unwrap()[mark], true, "{id}");
        assert!(got.headers().get("content-encoding").is_none(), "{id}: {:?}", got.headers());
    }
    let image = harness.command("get_image_png", ()).await.unwrap();
    assert!(image.bytes().starts_with(b"\x89PNG\r\n"));
    let text = harness.command("get_encoding_utf8", ()).await.unwrap();
    assert!(text.text().contains("∮ E⋅da = Q"));
    let raw = opcall_raw(&server, "get_image_jpeg");
    assert!(raw.starts_with(&[0xff, 0xd8, 0xff]), "{:?}", &raw[..8]);
    let lines = run(&server, &["get_stream_by_n", "n=3", "-o", "raw"]);
    assert_eq!(lines.ok().lines().count(), 3);

    let small = own(&server, |builder| builder.max_body(1000));
    let too_large = small.command("get_bytes_by_n", json!({"n": "1001"})).await.unwrap_err();
    assert_eq!((too_large.kind(), too_large.was_sent()), ("unsafe", true));
    assert_eq!(small.command("get_bytes_by_n", json!({"n": "1000"})).await.unwrap().bytes().len(), 1000);
}

/// Standard output as bytes.
fn opcall_raw(server: &Running, id: &str) -> Vec<u8> {
    let (_folder, path) = document(server);
    let arguments = [id, "--spec", &path, "--server", &server.url(), "-o", "raw"];
    let output = crate::cli::program(&arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let Some(server) = server() else { return };
    let harness = own(&server, |builder| builder);
    for id in ["get_redirect_by_n", "get_relative_redirect_by_n", "get_absolute_redirect_by_n"] {
        let Error::Refused(refused) = harness.command(id, json!({"n": 2})).await.unwrap_err() else {
            panic!("{id} answers with 302")
        };
        assert_eq!((refused.status, refused.retryable), (302, false), "{id}");
        assert!(refused.response.headers()["location"].to_str().unwrap().ends_with("redirect/1"), "{id}");
    }
    for code in ["301", "307", "308"] {
        let code = format!("status_code={code}");
        let there = "url=http://127.0.0.1:9/moved?key=secret";
        let ended = run(&server, &["get_redirect_to", there, &code]);
        assert_eq!(ended.code, 3, "{}", ended.stderr);
        let hint = "hint: set the base URL if the service has moved to http://127.0.0.1:9/moved: ";
        assert!(ended.stderr.contains(hint) && !ended.stderr.contains("secret"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn credentials_arrive_and_wrong_ones_are_refused() {
    let Some(server) = server() else { return };
    let known = Credentials::new().basic("user", "päss:wörd").access_token("t-o.k~e+n/=");
    let harness = declaring(&server, known);
    let asked = |user: &str| json!({"user": user, "password": "päss:wörd"});
    assert_eq!(echo(&harness, "basic", asked("user")).await["authenticated"], true);
    let wrong = harness.command("basic", asked("another")).await.unwrap_err();
    assert_eq!((wrong.kind(), wrong.status()), ("refused", Some(401)));
    assert_eq!(echo(&harness, "bearer", json!({})).await["token"], "t-o.k~e+n/=");
    let none = declaring(&server, Credentials::new()).command("bearer", ()).await.unwrap_err();
    assert_eq!((none.kind(), none.was_sent()), ("auth", false));

    let keys = Credentials::new()
        .scheme("query key", HARD)
        .scheme("header key", "h-key")
        .scheme("cookie key", "c-key");
    let got = echo(&declaring(&server, keys), "keys", json!({})).await;
    assert_eq!(got["args"], json!({"api key": HARD}));
    assert_eq!((&got["headers"]["X-Key"], &got["headers"]["Cookie"]), (&json!("h-key"), &json!("key=c-key")));
}

/// Its own document says nothing of signing in: an overlay does.
#[test]
fn an_overlay_says_how_to_sign_in() {
    let Some(server) = server() else { return };
    let (_folder, path) = document(&server);
    let overlay = in_data("httpbin-overlay.yaml");
    let call = ["sign_in", "user=user", "passwd=p:w", "--spec", &path, "--server", &server.url()];
    let signed_in = |password: &str, more: &[&str]| {
        let account = [("HTTPBIN_USERNAME", "user"), ("HTTPBIN_PASSWORD", password)];
        opcall_with(&account, &[&call[..], more].concat())
    };
    let with = ["--overlay", overlay.to_str().unwrap()];
    assert_eq!(signed_in("p:w", &with).json()["authenticated"], true);
    assert_eq!(signed_in("another", &with).code, 4);
    assert_eq!(signed_in("", &with).code, 8);
    assert_eq!(signed_in("p:w", &[]).code, 2, "only the overlay knows this name");
}

#[test]
fn every_status_ends_the_program_with_its_code() {
    let Some(server) = server() else { return };
    let codes = [
        (200, 0),
        (202, 0),
        (204, 0),
        (300, 3),
        (304, 3),
        (400, 4),
        (401, 4),
        (403, 4),
        (404, 4),
        (418, 4),
        (429, 9),
        (500, 5),
        (503, 5),
        (599, 5),
    ];
    for (status, code) in codes {
        let ended = run(&server, &["get_status_by_codes", &format!("codes={status}")]);
        assert_eq!(ended.code, code, "{status}: {}", ended.stderr);
        let says = ended.stderr.contains(&format!("refused get_status_by_codes with {status}"));
        assert_eq!(says, code != 0, "{status}: {}", ended.stderr);
    }
    for method in ["delete", "patch", "post", "put"] {
        let id = format!("{method}_status_by_codes");
        let ended = run(&server, &[&id, "codes=409", "--yes"]);
        assert_eq!(ended.code, 4, "{method}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn a_late_answer_is_a_timeout() {
    let Some(server) = server() else { return };
    let begun = Instant::now();
    let late = run(&server, &["get_delay_by_delay", "delay=5", "--timeout", "300ms"]);
    assert_eq!(late.code, 28, "{}", late.stderr);
    let slow = run(&server, &["get_drip", "duration=8", "numbytes=8", "delay=0", "--max-time", "1s"]);
    assert_eq!(slow.code, 28, "a body that does not end is late too: {}", slow.stderr);
    let harness = own(&server, |builder| builder);
    let late =
        harness.command("post_delay_by_delay", json!({"delay": 5})).timeout(Duration::from_millis(300));
    let late = late.await.unwrap_err();
    assert_eq!((late.kind(), late.was_sent()), ("timeout", true));
    assert!(begun.elapsed() < Duration::from_secs(5), "no attempt waited longer than it was given");
    let in_time = harness.command("get_delay_by_delay", json!({"delay": 1})).await.unwrap();
    assert_eq!(in_time.status(), 200);
}
