//! What each service says when it refuses, as the program tells it: text, exit code, sent or not.

use std::process::Command;

use opcall::sandbox::{Fault, Sandbox};

/// Runs the program against a sandbox: what it says, its exit code, the error's kind, and whether anything was sent.
fn told(sandbox: &Sandbox, variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let run = |form: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_opcall"))
            .args(arguments)
            .args(form)
            .env_clear()
            .env("OPCALL_RETRY", "0")
            .env("FALCON_BASE_URL", sandbox.url_of("falcon"))
            .env("PANTHER_API_URL", sandbox.url_of("panther"))
            .env("LOGSCALE_URL", sandbox.url_of("logscale"))
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    };
    let (text, json) = (run(&[]), run(&["--error-format", "json"]));
    let error: serde_json::Value = serde_json::from_slice(&json.stderr).unwrap();
    let said = String::from_utf8_lossy(&text.stderr).trim_end().to_owned();
    let code = text.status.code().unwrap();
    format!(
        "$ opcall {}\n{said}\nexit {code}, kind {}, sent {}\n",
        arguments.join(" "),
        error["kind"],
        error["sent"]
    )
}

const FALCON: [(&str, &str); 2] =
    [("FALCON_CLIENT_ID", "00000000000000000000000000000001"), ("FALCON_CLIENT_SECRET", "demo-secret-full")];

fn fault(text: &str) -> Fault {
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_service_refuses_in_its_own_words() {
    let sandbox = Sandbox::builder()
        .fault(fault("tokens_query:500"))
        .fault(fault("tokens_read:429;retry-after=2"))
        .fault(fault("api_token_list:503"))
        .fault(fault("organization_tokens_query:502"))
        .start()
        .await
        .unwrap();
    let reader = [
        ("FALCON_CLIENT_ID", "00000000000000000000000000000002"),
        ("FALCON_CLIENT_SECRET", "demo-secret-read-only"),
    ];
    let (administrator, root) = (
        [("PANTHER_API_TOKEN", "demo-panther-admin")],
        [("LOGSCALE_TOKEN", "demoLogScaleRootToken00000000001~demo-logscale-root")],
    );
    let all = [
        told(&sandbox, &FALCON, &["tokens_query"]),
        told(&sandbox, &FALCON, &["tokens_read", "ids=a"]),
        told(&sandbox, &FALCON, &["tokens_update", "ids=none", "label=x"]),
        told(&sandbox, &reader, &["tokens_create", "label=x"]),
        told(&sandbox, &[("FALCON_ACCESS_TOKEN", "wrong")], &["audit_events_query"]),
        told(&sandbox, &administrator, &["api_token_list"]),
        told(&sandbox, &administrator, &["api_token_get", "id=none"]),
        told(&sandbox, &[("PANTHER_API_TOKEN", "wrong")], &["api_token_get", "id=self"]),
        told(&sandbox, &root, &["organization_tokens_query"]),
        told(&sandbox, &root, &["organization_tokens_get", "tokenId=none"]),
        told(&sandbox, &[("LOGSCALE_TOKEN", "wrong")], &["ip_filters_query"]),
    ];
    insta::with_settings!({filters => vec![(r"trace [0-9a-f-]{36}", "trace ..."), (r"wait \d s", "wait N s")]}, {
        insta::assert_snapshot!("refusals", all.join("\n"));
    });
}
