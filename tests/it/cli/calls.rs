//! Calls that go well: dry runs, what is printed, the sandbox in the program.

use serde_json::json;

use super::{Canned, KEY, opcall, opcall_reading, opcall_with};
use crate::support::{Reply, Server};

#[test]
fn a_dry_run_is_the_object_of_the_contract() {
    let run = opcall(&["tokens_query", "limit=5", "filter=status:'valid'", "--dry-run"]);
    assert_eq!(
        run.ok(),
        concat!(
            r#"{"operation":"falcon:tokens_query","method":"GET","#,
            r#""url":"https://api.crowdstrike.com/installation-tokens/queries/tokens/v1?limit=5&filter=status%3A%27valid%27","#,
            r#""headers":[["accept","application/json"],["authorization","Bearer <redacted>"]],"body":null}"#,
            "\n"
        )
    );
}

#[test]
fn items_go_where_the_operation_declares_them() {
    let run = opcall(&[
        "tokens_update",
        "ids=a",
        "ids=b",
        "label=x",
        "revoked:=false",
        "expires_timestamp:=null",
        "--dry-run",
    ]);
    let request = run.json();
    assert_eq!(request["method"], "PATCH");
    assert!(request["url"].as_str().unwrap().ends_with("/entities/tokens/v1?ids=a,b"), "{request}");
    assert_eq!(request["body"], json!({"json": {"label": "x", "revoked": false, "expires_timestamp": null}}));
}

#[test]
fn comma_lists_may_be_repeated() {
    let url = |items: &[&str]| {
        let request = opcall(&[&["tokens_read", "--dry-run"], items].concat()).json();
        request["url"].as_str().unwrap().split('?').nth(1).unwrap().to_owned()
    };
    assert_eq!(url(&["ids=a,b", "ids=c"]), url(&["ids=a", "ids=b", "ids=c"]));
    assert_eq!(url(&["ids:=[\"a,b\"]", "ids=c,d"]), url(&["ids:=[\"a,b\",\"c\",\"d\"]"]));
}

#[test]
fn every_form_of_a_call_is_the_same_call() {
    let expected = opcall(&["tokens_query", "limit=5", "sort=label.asc", "--dry-run"]).ok().to_owned();
    for line in [
        &["call", "tokens_query", "--limit", "5", "--sort=label.asc", "--dry-run"][..],
        &["--dry-run", "tokens-query", "query.limit=5", "sort=label.asc"],
        &["--dry-run", "-o", "json", "falcon:tokens_query", "limit:=5", "sort:=\"label.asc\""],
        &["--dry-run", "GET", "/installation-tokens/queries/tokens/v1", "--", "limit==5", "sort==label.asc"],
    ] {
        assert_eq!(opcall(line).ok(), expected, "{line:?}");
    }
}

#[test]
fn headers_are_added_and_dropped() {
    let line = ["tokens_query", "x-trace:1", "x-empty;", "accept:", "--header", "x-more: a:b", "--dry-run"];
    let headers = opcall(&line).json()["headers"].to_string();
    for present in [r#"["x-trace","1"]"#, r#"["x-empty",""]"#, r#"["x-more","a:b"]"#] {
        assert!(headers.contains(present), "{headers}");
    }
    assert!(!headers.contains("accept"), "{headers}");
}

#[test]
fn a_body_comes_from_standard_input_and_items_patch_it() {
    for line in [
        &["tokens_create", "@-", "label=b", "--dry-run"][..],
        &["tokens_create", "--input", "-", "label=b", "--dry-run"],
    ] {
        let request = opcall_reading(r#"{"label": "a", "type": "customer_managed"}"#, line).json();
        assert_eq!(request["body"], json!({"json": {"label": "b", "type": "customer_managed"}}), "{line:?}");
    }
}

#[test]
fn an_endpoint_in_no_table_takes_the_service_named() {
    let line = ["--api", "falcon", "GET /new/things/v1", "limit==5", "--dry-run"];
    assert_eq!(opcall(&line).json()["url"], "https://api.crowdstrike.com/new/things/v1?limit=5");
    let line = ["falcon:GET /new/things/v1", "limit==5", "--dry-run"];
    assert_eq!(opcall(&line).json()["url"], "https://api.crowdstrike.com/new/things/v1?limit=5");
}

#[test]
fn curl_names_no_secret() {
    let run = opcall_with(&[KEY], &["panther:api_token_list", "--server", "http://127.0.0.1:1", "--curl"]);
    insta::assert_snapshot!(run.ok(), @r#"curl http://127.0.0.1:1/api-tokens -H 'accept: application/json' -H "x-api-key: $PANTHER_API_TOKEN""#);
}

/// User name and password are variables of the shell, and what `curl` makes of them is what we send.
#[test]
fn curl_signs_in_by_user_name_and_password() {
    let server = Server::start(|_, _| Reply::json(200, "{}"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keyed.yaml").display().to_string();
    let document = format!(
        "openapi: 3.0.0\ninfo: {{title: Keyed, version: '1'}}\nservers: [{{url: '{}'}}]\n\
         components: {{securitySchemes: {{b: {{type: http, scheme: basic}}}}}}\nsecurity: [{{b: []}}]\n\
         paths: {{/a: {{get: {{operationId: keyed_a, responses: {{}}}}}}}}\n",
        server.url()
    );
    std::fs::write(&path, document).unwrap();
    let account = [("KEYED_USERNAME", "Aladdin"), ("KEYED_PASSWORD", "open $sesame\"'x")];
    let line = ["--spec", &path, "keyed_a"];
    let curl = opcall_with(&account, &[&line[..], &["--curl"]].concat()).ok().trim_end().to_owned();
    let expected =
        format!(r#"curl {}/a -H 'accept: */*' -u "$KEYED_USERNAME:$KEYED_PASSWORD""#, server.url());
    assert_eq!(curl, expected);
    opcall_with(&account, &line).ok();
    let command = format!("{curl} -s");
    let shell = std::process::Command::new("sh").args(["-c", &command]).envs(account).output();
    if !shell.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped in part: there is no shell with curl here");
    }
    // base64 of `Aladdin:open $sesame"'x`
    let expected = Some("Basic QWxhZGRpbjpvcGVuICRzZXNhbWUiJ3g=");
    assert!(server.received().iter().all(|one| one.header("authorization") == expected));
}

#[test]
fn into_a_pipe_go_the_bytes_as_received() {
    let body = b"{\"b\": 1e2,\r\n \"a\": [ ] }";
    let server = Canned::start("200 OK\r\ncontent-type: application/json\r\nx-one: 1", body);
    let call = ["panther:api_token_list", "--server", &server.url()];
    assert_eq!(opcall_with(&[KEY], &call).ok().as_bytes(), body);
    let with = |more: &[&str]| opcall_with(&[KEY], &[&call, more].concat()).ok().to_owned();
    assert_eq!(with(&["-o", "raw"]).as_bytes(), body);
    assert_eq!(with(&["-o", "none"]), "");
    let included = with(&["-i"]);
    assert!(included.starts_with("HTTP 200\n"), "{included}");
    assert!(
        included.contains("\nx-one: 1\n") && included.ends_with("\n\n{\"b\": 1e2,\r\n \"a\": [ ] }"),
        "{included}"
    );
}

#[test]
fn verbose_shows_both_heads_without_secrets() {
    let server = Canned::start("200 OK\r\nx-one: 1", b"{}");
    let run = opcall_with(&[KEY], &["panther:api_token_list", "--server", &server.url(), "-v"]);
    assert_eq!(run.ok(), "{}");
    assert!(run.stderr.contains("> GET http://127.0.0.1:"), "{}", run.stderr);
    assert!(run.stderr.contains("> x-api-key: <redacted>\n"), "{}", run.stderr);
    assert!(run.stderr.contains("< 200\n") && run.stderr.contains("< x-one: 1\n"), "{}", run.stderr);
    assert!(!run.stderr.contains(KEY.1));
}

#[test]
fn the_log_is_off_unless_asked_for() {
    let line = ["tokens_query", "limit=5", "--server", "http://127.0.0.1:9", "--max-time", "1s"];
    let client =
        [("FALCON_CLIENT_ID", "0123456789abcdef0123456789abcdef"), ("FALCON_CLIENT_SECRET", "canary-secret")];
    let quiet = opcall_with(&client, &line);
    assert!(quiet.stderr.starts_with("error: "), "{}", quiet.stderr);
    let logged = opcall_with(&client, &[&line[..], &["--log", "trace"]].concat());
    assert!(
        logged.stderr.len() > quiet.stderr.len() && !logged.stderr.contains("canary"),
        "{}",
        logged.stderr
    );
    assert_eq!(opcall(&["tokens_query", "--dry-run", "--log", "=="]).code, 2);
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let mut command = super::program(&["ops", "-o", "json"]);
    let mut child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[cfg(feature = "sandbox")]
#[test]
fn help_is_for_the_program_a_command_and_an_operation() {
    insta::assert_snapshot!("help", opcall(&["--help"]).ok());
    insta::assert_snapshot!("help_short", opcall(&["-h"]).ok());
    insta::assert_snapshot!("help_call", opcall(&["call", "-h"]).ok());
    assert_eq!(opcall(&["tokens_query", "--help"]).ok(), opcall(&["show", "tokens_query"]).ok());
    assert_eq!(opcall(&["help", "tokens_query"]).ok(), opcall(&["show", "tokens_query"]).ok());
    assert_eq!(opcall(&["--version"]).ok(), format!("opcall {}\n", env!("CARGO_PKG_VERSION")));
}

#[cfg(feature = "sandbox")]
mod sandbox {
    use super::super::{opcall, opcall_with};

    #[test]
    fn the_main_job_needs_nothing_else() {
        let run = opcall(&["--sandbox", "tokens_query", "limit=5", "filter=status:'valid'"]);
        let found = run.json();
        assert!(found["resources"].as_array().is_some_and(|ids| !ids.is_empty()), "{found}");
        assert_eq!(run.stderr, "");
        let variables = [
            ("FALCON_CLOUD", "nowhere"),
            ("OPCALL_SERVER", "http://127.0.0.1:1"),
            ("HTTP_PROXY", "http://127.0.0.1:1"),
        ];
        let again =
            opcall_with(&variables, &["--sandbox", "tokens_query", "limit=5", "filter=status:'valid'"]);
        assert_eq!(again.json()["resources"], found["resources"], "the state is the same at every start");
    }

    #[test]
    fn all_services_answer() {
        let created = opcall(&[
            "--sandbox",
            "organization_tokens_create",
            "name=ci",
            "organizationPermissions:=[\"ManageUsers\"]",
        ]);
        assert!(
            created.json()["token"].is_string(),
            "GraphQL: the operation's own result: {}",
            created.stdout
        );
        let whole = opcall(&[
            "--sandbox",
            "organization_tokens_create",
            "name=ci",
            "organizationPermissions:=[\"ManageUsers\"]",
            "-o",
            "raw",
        ]);
        assert!(whole.json()["data"].is_object(), "{}", whole.stdout);
        let tokens = opcall(&["--sandbox", "panther:api_token_list"]);
        assert!(tokens.json()["results"].is_array(), "{}", tokens.stdout);
    }

    #[test]
    fn it_starts_nothing_for_a_dry_run() {
        let run = opcall(&["--sandbox", "tokens_query", "--dry-run"]);
        assert_eq!(run.json()["url"], "http://127.0.0.1:0/falcon/installation-tokens/queries/tokens/v1");
    }

    #[test]
    fn it_refuses_another_server() {
        let run = opcall(&["--sandbox", "tokens_query", "--server", "http://127.0.0.1:1"]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(run.stderr.contains("--server"), "{}", run.stderr);
    }

    #[test]
    fn a_refusal_has_its_body_on_standard_output() {
        let run = opcall(&["--sandbox", "tokens_delete", "ids=00000000000000000000000000000000"]);
        assert_eq!(run.code, 4);
        assert!(run.stdout.contains("\"errors\""), "{}", run.stdout);
        assert!(run.stderr.starts_with("error: falcon refused tokens_delete with 404"), "{}", run.stderr);
    }
}

/// What `sandbox` is told on the command line holds for its callers.
#[cfg(feature = "sandbox")]
#[test]
fn the_sandbox_keeps_to_its_rate_and_pages() {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;

    let line = ["sandbox", "--rate", "1", "--page", "2", "--clock", "2025-06-01T00:00:00Z"];
    let mut child = super::program(&line).stdout(Stdio::piped()).spawn().unwrap();
    let told = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let variables: Vec<(String, String)> = told
        .take_while(|line| !line.starts_with("# Ready"))
        .filter_map(|line| {
            let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        })
        .collect();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let first = opcall_with(&variables, &["tokens_query", "limit=1"]);
    let second = opcall_with(&variables, &["tokens_query", "limit=1"]);
    let pages = opcall_with(&variables, &["panther:api_token_list"]);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert_eq!(second.code, 9, "{}", second.stderr);
    let page = pages.json();
    assert_eq!(page["results"].as_array().map(Vec::len), Some(2), "{page}");
    assert!(page["next"].is_string(), "{page}");
}
