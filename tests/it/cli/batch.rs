//! `opcall batch`: NDJSON in, NDJSON out.

use serde_json::{Value, json};

use super::{Canned, Run, opcall_reading};

fn lines(run: &Run) -> Vec<Value> {
    run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_dry_run_answers_every_line_in_order() {
    let input = r#"{"id": 7, "operation": "tokens_query", "params": {"limit": 5}}

{"id": {"a": 1.0}, "operation": "tokens_create", "params": {"label": "ci"}, "body": {"type": "customer_managed"}, "headers": {"x-trace": "1"}}
{"id": "x", "operation": "tokens_query", "params": {"limit": "many"}}
{"id": 9, "operation": "token_query"}
{"id": 10, "param": {}}
not json
{"operation": "panther:api_token_get", "params": {"id": "a"}, "server": "http://127.0.0.1:1/v1"}
"#;
    let run = opcall_reading(input, &["batch", "--dry-run"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    insta::assert_snapshot!("batch_dry_run", run.stdout);
    assert_eq!(lines(&run).len(), 7);
}

#[test]
fn a_line_is_one_object() {
    let input = concat!(
        "\u{feff}",
        r#"{"id":1,"operation":"tokens_query","params":{"limit":5}}
["tokens_query", {"limit": 5}]
[2,"tokens_query",{"limit":5}]
{"id":3,"operation":"tokens_query","params":[5]}
{"id":4,"operation":"tokens_query","params":{"limit":5,"limit":6}}
{"id":5,"operation":"tokens_create","body":null}
{"id":6,"operation":"tokens_query","headers":["a"]}
{"id":7,"operation":"UploadSampleV3","params":{"file_name":"a"},"files":{"sample":["AAE="]}}
{"id":8,"operation":"getCloudEventIDs","params":{"id":"a","X-CS-USERUUID":"b"},"headers":{"x-cs-useruuid":"c"}}
{"id":9,"operation":"falcon:GET /new/x"}
{"id":10,"operation":"tokens_query","params":null}
{"id":11,"operation":"tokens_query","headers":null}
{"id":12,"operation":"tokens_query","files":null}
{"id":13,"operation":"tokens_query","profile":null}
{"id":14,"operation":"tokens_query","headers":{"x-a":null}}
{"id":null,"operation":"tokens_query","params":{"filter":null}}
"#
    );
    insta::assert_snapshot!("batch_objects", opcall_reading(input, &["batch", "--dry-run"]).stdout);
}

#[test]
fn the_sandbox_signs_in_by_itself() {
    let input = r#"{"operation":"tokens_query","profile":"a"}"#;
    let run = opcall_reading(input, &["batch", "--dry-run", "--sandbox"]);
    assert_eq!(lines(&run)[0]["error"]["message"], "`profile` cannot be given with --sandbox");
}

/// Told once for each operation, on standard error; the results stay results.
#[test]
fn an_operation_that_takes_a_built_in_name_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.yaml").display().to_string();
    let document = r"
openapi: 3.0.0
info: {title: Mine, version: '1'}
servers: [{url: 'https://mine.example'}]
paths:
  /a: {get: {operationId: tokens_query, responses: {}}}
  /b: {get: {operationId: mine_alone, responses: {}}}
";
    std::fs::write(&path, document).unwrap();
    let input = r#"{"operation":"tokens_query"}
{"operation":"mine_alone"}
{"operation":"TokensQuery"}
{"operation":"tokens_query"}
{"operation":"falcon:tokens_query"}
"#;
    let run = opcall_reading(input, &["batch", "--dry-run", "--spec", &path]);
    assert_eq!(run.stderr, "note: mine:tokens_query is called; falcon:tokens_query has the same name\n");
    let operations: Vec<_> = lines(&run).into_iter().map(|line| line["operation"].clone()).collect();
    let mine = "mine:tokens_query";
    assert_eq!(operations, [mine, "mine:mine_alone", mine, mine, "falcon:tokens_query"]);
    assert_eq!(opcall_reading(input, &["batch", "--dry-run", "-q", "--spec", &path]).stderr, "");
}

#[test]
fn a_failing_line_names_its_operation() {
    let found = lines(&opcall_reading(r#"{"operation":"tokens_query"}"#, &["batch"]));
    assert_eq!(
        (found[0]["operation"].as_str(), found[0]["error"]["kind"].as_str()),
        (Some("falcon:tokens_query"), Some("auth"))
    );
    assert_eq!(found[0].get("line"), None);
}

#[test]
fn files_come_as_base64_or_by_leave() {
    let call = |upload: &str| {
        format!(
            r#"{{"operation":"UploadSampleV3","params":{{"file_name":"a"}},"files":{{"sample":{upload}}}}}"#
        )
    };
    let inline = opcall_reading(
        &call(r#"{"base64":"AAE=","filename":"a.bin","type":"application/x-a"}"#),
        &["batch", "--dry-run"],
    );
    let part = &lines(&inline)[0]["request"]["body"]["multipart"];
    let is_sample = |part: &&Value| part["name"] == "sample";
    let part = part.as_array().unwrap().iter().find(is_sample).unwrap();
    assert_eq!(
        *part,
        json!({"name": "sample", "filename": "a.bin", "content_type": "application/x-a", "base64": "AAE="})
    );
    let path = call(r#"{"path":"/etc/hostname"}"#);
    let refused = opcall_reading(&path, &["batch", "--dry-run"]);
    assert!(lines(&refused)[0]["error"]["hint"].as_str().unwrap().contains("--allow-files"));
    assert_eq!(opcall_reading(&path, &["batch", "--dry-run", "--allow-files"]).code, 0);
}

#[test]
fn live_calls_keep_the_order_and_the_highest_code() {
    let server = Canned::start("404 Not Found\r\nx-one: 1", br#"{"message":"no", "n": 1e2}"#);
    let line = |id: usize| {
        format!(
            r#"{{"id":{id},"operation":"panther:api_token_get","params":{{"id":"a"}},"server":"{}"}}"#,
            server.url()
        )
    };
    let input: Vec<_> = (0..20).map(line).collect();
    let mut command = super::program(&["batch", "--concurrency", "8"]);
    command.env("PANTHER_API_TOKEN", "canary-key");
    let run = reading(command, &input.join("\n"));
    assert_eq!(run.code, 4, "{}", run.stderr);
    let found = lines(&run);
    for (id, line) in found.iter().enumerate() {
        assert_eq!(line["id"], id);
        assert_eq!(line["status"], 404);
        assert_eq!(line["error"]["kind"], "refused");
        assert_eq!(line["attempts"], 1);
    }
    assert_eq!(found.len(), 20);
    assert!(
        run.stdout.contains(r#""body":{"json":{"message":"no","n":1e2}}"#),
        "numbers keep their text: {}",
        run.stdout
    );
    assert!(!run.stdout.contains("canary"));
}

fn reading(mut command: std::process::Command, input: &str) -> Run {
    use std::io::Write;
    use std::process::Stdio;
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Run::of(child.wait_with_output().unwrap())
}

#[cfg(feature = "sandbox")]
#[test]
fn the_sandbox_serves_a_whole_batch() {
    let input = r#"{"id":1,"operation":"tokens_create","params":{"label":"ci"}}
{"id":2,"operation":"tokens_query","params":{"limit":1}}
{"id":3,"operation":"organization_tokens_create","params":{"name":"ci","organizationPermissions":["ManageUsers"]}}
"#;
    let run = opcall_reading(input, &["batch", "--sandbox", "--concurrency", "1"]);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    let found = lines(&run);
    assert_eq!(found[0]["status"], 201);
    assert_eq!(found[0]["body"]["json"]["resources"][0]["label"], "ci");
    assert_eq!(found[1]["operation"], "falcon:tokens_query");
    assert!(found[2]["body"]["json"]["token"].is_string(), "{}", found[2]);
}

/// Whoever is there would get the credentials of both.
#[test]
fn an_address_for_all_lines_is_one_services() {
    let server = crate::support::Server::start(|_, _| crate::support::Reply::json(200, "{}"));
    let falcon = r#"{"operation":"tokens_query"}"#;
    let panther = r#"{"id":2,"operation":"panther:api_token_list"}"#;
    let elsewhere = format!(r#"{{"operation":"panther:api_token_list","server":"{}/own"}}"#, server.url());
    let variables = [("PANTHER_API_TOKEN", "canary-panther"), ("FALCON_ACCESS_TOKEN", "canary-falcon")];
    let refusal = format!(
        "--server sends calls of falcon to {}: calls of panther, with its credentials, do not go there too",
        server.url()
    );
    let (folder, url) = (tempfile::tempdir().unwrap(), server.url());
    let file = folder.path().join("calls.ndjson");
    std::fs::write(&file, [falcon, &elsewhere, panther, falcon].join("\n")).unwrap();
    let line = ["batch", file.to_str().unwrap(), "--server", &url];
    for line in [&line[..], &[&line[..], &["--dry-run"]].concat()] {
        let run = super::opcall_with(&variables, line);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""));
        let hint = "give these lines a \"server\" of their own, or make a batch for each service.";
        assert_eq!(run.stderr, format!("error: {refusal}\n  hint: {hint}\n"));
    }
    // Of a pipe nobody knows what comes: its first service is the one.
    let mut command = super::program(&["batch", "--server", &url, "--concurrency", "1"]);
    command.envs(variables);
    let run = reading(command, &[falcon, &elsewhere, panther, falcon, "{}"].join("\n"));
    let told: Vec<_> = lines(&run).iter().map(|line| line["error"]["message"].clone()).collect();
    assert_eq!(told[..4], [Value::Null, Value::Null, json!(refusal), Value::Null], "{}", run.stdout);
    assert_eq!(
        (run.code, &lines(&run)[2]["line"], &lines(&run)[2]["error"]["sent"]),
        (2, &json!(3), &json!(false))
    );
    let received = server.received();
    assert_eq!(received.len(), 3);
    for request in received {
        let is_own = request.target.starts_with("/own");
        let shown = format!("{request:?}");
        assert_eq!(
            (shown.contains("canary-panther"), shown.contains("canary-falcon")),
            (is_own, !is_own),
            "{shown}"
        );
    }
    // What every service has of its own is no address.
    std::fs::write(&file, [falcon, panther].join("\n")).unwrap();
    let run =
        super::opcall_with(&variables, &["batch", file.to_str().unwrap(), "--server", "0", "--dry-run"]);
    assert_eq!(run.ok().lines().count(), 2);
}
