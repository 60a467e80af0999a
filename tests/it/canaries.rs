//! No secret is printed: canaries in every slot for credentials, and everything the crate prints about calls with them
//! searched for the canaries, plain, in base64, percent-encoded and in hex.

use std::fmt::Write as _;
use std::io::Write;
use std::process::Command;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use opcall::sandbox::Sandbox;
use opcall::{Credentials, Harness, Profile};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

const SECRET: &str = "canary/secret+with=every&thing%";
const TOKEN: &str = "canary-token~0123456789abcdef";
const KEY: &str = "canary key:with spaces";

/// A credential that is wrong must not be printed in any of these spellings.
fn spellings(secret: &str) -> Vec<String> {
    let base64 = |text: &str| {
        let whole = base64::engine::general_purpose::STANDARD.encode(text);
        whole.trim_end_matches('=').to_owned()
    };
    let percent: String = secret.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    });
    let hex = secret.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    vec![secret.to_owned(), base64(secret), base64(&format!("canary-id:{secret}")), percent, hex]
}

/// Everything that was printed, and the search in it.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Printed {
    fn add(&self, text: &str) {
        self.0.lock().unwrap().extend_from_slice(text.as_bytes());
    }

    fn assert_silent(&self) {
        let bytes = self.0.lock().unwrap().clone();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.len() > 10_000, "too little was printed to prove anything: {} bytes", text.len());
        for secret in [SECRET, TOKEN, KEY] {
            for spelling in spellings(secret) {
                let found = text.find(&spelling);
                let around = found.map(|at| text[..at].chars().rev().take(200).collect::<String>());
                assert!(
                    found.is_none(),
                    "{secret:?} was printed as {spelling:?} ; before it, backwards: {around:?}"
                );
            }
        }
    }
}

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Printed {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn profiles(base: impl Fn(&str) -> String) -> [(&'static str, Profile); 3] {
    let client =
        Credentials::new().client("canary-id", SECRET).access_token(TOKEN).basic("canary-id", SECRET);
    [
        (
            "falcon",
            Profile::new()
                .base_url(base("falcon"))
                .credentials(Credentials::new().client("canary-id", SECRET)),
        ),
        ("panther", Profile::new().base_url(base("panther")).credentials(client.api_key(KEY))),
        (
            "logscale",
            Profile::new().base_url(base("logscale")).credentials(Credentials::new().access_token(TOKEN)),
        ),
    ]
}

/// Calls each service, dry and live, and prints all that can be printed about it.
async fn call_all(harness: &Harness, printed: &Printed) {
    printed.add(&format!("{harness:?} {harness:#?}"));
    for (operation, arguments) in [
        ("tokens_query", json!({"limit": 5})),
        ("tokens_create", json!({"label": "ci"})),
        ("api_token_list", json!({})),
        ("organization_tokens_query", json!({})),
    ] {
        let prepared = harness.command(operation, arguments.clone()).prepare().unwrap();
        printed.add(&format!("{prepared} {prepared:?} {prepared:#?} {}", prepared.to_json()));
        match harness.command(operation, arguments).await {
            Ok(response) => printed.add(&format!("{response:?} {response:#?}")),
            Err(error) => {
                printed.add(&format!("{error} {error:?} {error:#?} {:?}", error.hint()));
                let mut source = std::error::Error::source(&error);
                while let Some(cause) = source {
                    printed.add(&format!("{cause} {cause:?}"));
                    source = cause.source();
                }
            }
        }
    }
}

#[tokio::test]
async fn no_secret_is_printed_by_the_library() {
    let printed = Printed::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(printed.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let sandbox = Sandbox::start().await.unwrap();
    let refusing = profiles(|service| sandbox.url_of(service));
    let unreachable = profiles(|_| "http://127.0.0.1:9".to_owned());
    let plain_http = profiles(|_| "http://api.example.invalid".to_owned());
    for profiles in [refusing, unreachable, plain_http] {
        let mut builder = Harness::builder();
        for (service, profile) in profiles {
            printed.add(&format!("{profile:?} {profile:#?}"));
            builder = builder.profile(service, profile);
        }
        printed.add(&format!("{builder:?}"));
        let harness = builder.build().unwrap();
        call_all(&harness, &printed).await;
        printed.add(&format!("{:?}", harness.revoke().await));
    }
    printed.assert_silent();
}

/// Challenges, discovery and several keys at once.
const GUARDED: &str = r#"{
  "openapi": "3.0.3", "info": {"title": "g", "version": "1"}, "x-service": "guarded", "servers": [{"url": "SERVER"}],
  "components": {"securitySchemes": {
    "digest": {"type": "http", "scheme": "digest"},
    "id": {"type": "openIdConnect", "openIdConnectUrl": "SERVER/.well-known/openid-configuration"},
    "one": {"type": "apiKey", "in": "query", "name": "one"},
    "two": {"type": "apiKey", "in": "cookie", "name": "two"}}},
  "paths": {
    "/digest": {"get": {"operationId": "digest", "security": [{"digest": []}], "responses": {}}},
    "/id": {"get": {"operationId": "id", "security": [{"id": []}], "responses": {}}},
    "/pair": {"get": {"operationId": "pair", "security": [{"one": [], "two": []}], "responses": {}}}}
}"#;

/// One run of the program; the environment holds the canaries, and a base for each service.
fn run(printed: &Printed, base: &dyn Fn(&str) -> String, secret_file: &std::path::Path, arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_opcall"))
        .args(arguments)
        .env_clear()
        .env("OPCALL_LOG", "trace")
        .env("FALCON_BASE_URL", base("falcon"))
        .env("FALCON_CLIENT_ID", "canary-id")
        .env("FALCON_CLIENT_SECRET_FILE", secret_file)
        .env("PANTHER_API_URL", base("panther"))
        .env("PANTHER_API_TOKEN", KEY)
        .env("LOGSCALE_URL", base("logscale"))
        .env("LOGSCALE_TOKEN", TOKEN)
        .env("GUARDED_USERNAME", "canary-id")
        .env("GUARDED_PASSWORD", SECRET)
        .env("GUARDED_CLIENT_ID", "canary-id")
        .env("GUARDED_CLIENT_SECRET_FILE", secret_file)
        .env("GUARDED_ONE", KEY)
        .env("GUARDED_TWO", TOKEN)
        .output()
        .unwrap();
    for stream in [&output.stdout, &output.stderr] {
        printed.add(&String::from_utf8_lossy(stream));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_printed_by_the_program() {
    let printed = Printed::default();
    let folder = tempfile::tempdir().unwrap();
    let secret_file = folder.path().join("secret");
    std::fs::write(&secret_file, SECRET).unwrap();
    let lines = folder.path().join("calls.ndjson");
    let calls = r#"{"id": 1, "operation": "tokens_query"}
{"id": 2, "operation": "api_token_list"}
{"id": 3, "operation": "organization_tokens_query"}
"#;
    std::fs::write(&lines, calls).unwrap();
    let lines = lines.to_str().unwrap();

    let sandbox = Sandbox::start().await.unwrap();
    let answering = |service: &str| sandbox.url_of(service);
    let unreachable = |_: &str| "http://127.0.0.1:9".to_owned();
    let elsewhere = |_: &str| "http://api.example.invalid".to_owned();
    let bases: [&dyn Fn(&str) -> String; 3] = [&answering, &unreachable, &elsewhere];
    for base in bases {
        for operation in ["tokens_query", "api_token_list", "organization_tokens_query"] {
            for options in
                [&["-vv"][..], &["-v", "-i"], &["--error-format", "json"], &["--dry-run"], &["--curl"]]
            {
                run(&printed, base, &secret_file, &[&[operation], options].concat());
            }
        }
        let described = folder.path().join("guarded.json");
        std::fs::write(&described, GUARDED.replace("SERVER", &base("falcon"))).unwrap();
        let described = described.to_str().unwrap();
        for operation in ["digest", "id", "pair"] {
            for options in [&["-vv"][..], &["--error-format", "json"], &["--dry-run"], &["--curl"]] {
                let call = [&["--spec", described, operation][..], options].concat();
                run(&printed, base, &secret_file, &call);
            }
        }
        run(&printed, base, &secret_file, &["batch", lines]);
        run(&printed, base, &secret_file, &["batch", lines, "--dry-run"]);
    }
    printed.assert_silent();
}
