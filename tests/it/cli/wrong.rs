//! Calls that go wrong: the text, the code, and the same for programs.

use super::{Canned, KEY, closed_port, opcall, opcall_with};

/// Ports and traces differ from run to run.
fn steady() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT");
    settings.add_filter(r"os error \d+", "os error N");
    settings
}

/// What a person reads, the code, and whether a program is told that something was sent.
fn told(variables: &[(&str, &str)], line: &[&str]) -> String {
    let text = opcall_with(variables, line);
    let json = opcall_with(variables, &[&["--error-format", "json"], line].concat());
    assert_eq!(json.code, text.code);
    let error: serde_json::Value = serde_json::from_str(&json.stderr).unwrap();
    let sent = if error["sent"] == true { "sent" } else { "not sent" };
    let kind = error["kind"].as_str().unwrap();
    format!("{}({kind}, code {}, {sent})", text.stderr, text.code)
}

#[test]
fn names_that_are_none() {
    insta::assert_snapshot!(told(&[], &["token_query"]), @r#"
        error: no operation is called "token_query"
          hint: did you mean "tokens_query"? `opcall ops token` shows all with that word.
        (unknown_operation, code 2, not sent)
        "#);
    insta::assert_snapshot!(told(&[], &["getrules", "--dry-run"]), @r#"
        error: "getrules" names 3 operations: falcon:GetRules, falcon:getRules, falcon:get_rules
          hint: say which one is meant, such as "falcon:GetRules".
        (ambiguous_operation, code 2, not sent)
        "#);
    insta::assert_snapshot!(told(&[], &["GET /new/things/v1"]), @r#"
        error: no document knows GET /new/things/v1, so its service is not known
          hint: name the service whose address and credentials to use: --api SERVICE.
        (usage, code 2, not sent)
        "#);
    insta::assert_snapshot!(told(&[], &["--api", "nowhere", "GET /new/things/v1"]), @r#"
        error: no service is called "nowhere"
          hint: choose one of falcon, logscale, panther, or load its document.
        (config, code 2, not sent)
        "#);
}

#[test]
fn arguments_that_do_not_fit() {
    insta::assert_snapshot!(told(&[], &["tokens_update", "labl=x", "--dry-run"]), @r#"
        error: tokens_update: 3 arguments do not fit
          labl       is not known here; nearest: label
          query.ids  is required
          body       is required
          hint: `opcall show tokens_update` lists its parameters.
        (arguments, code 2, not sent)
        "#);
    insta::assert_snapshot!(told(&[], &["tokens_query", "limit=many", "--dry-run"]), @r#"
        error: tokens_query: 1 argument does not fit
          query.limit  must be an integer, got "many"
          hint: `opcall show tokens_query` lists its parameters.
        (arguments, code 2, not sent)
        "#);
    insta::assert_snapshot!(told(&[], &["QueryAgentsV2", "limit=501", "--dry-run"]), @r#"
        error: QueryAgentsV2: 1 argument does not fit
          query.limit  must be at most 500, got 501
          hint: `opcall show QueryAgentsV2` lists its parameters.
        (arguments, code 2, not sent)
        "#);
    insta::assert_snapshot!(told(&[], &["tokens_create", "label:=5", "--dry-run"]), @r#"
        error: tokens_create: 1 argument does not fit
          body.label  must be a string, got 5
          hint: `opcall show tokens_create` lists its parameters.
        (arguments, code 2, not sent)
        "#);
    insta::assert_snapshot!(told(&[], &["tokens_delete", "ids:=[]", "--dry-run"]), @r#"
        error: tokens_delete: 1 argument does not fit
          query.ids  must not be empty: that would widen what is changed
          hint: `opcall show tokens_delete` lists its parameters.
        (arguments, code 2, not sent)
        "#);
    insta::assert_snapshot!(told(&[], &["panther:api_token_get", "id=..", "--dry-run"]), @r#"
        error: api token#get: 1 argument does not fit
          path.id  must not make the path segment `..`: URLs fold it away
          hint: `opcall show 'api token#get'` lists its parameters.
        (arguments, code 2, not sent)
        "#);
}

#[test]
fn words_that_are_no_items() {
    insta::assert_snapshot!(told(&[], &["tokens_query", "limit"]), @r#"
        error: `limit` is no item: it has none of the operators = := == : @
          hint: write name=value or name:=JSON; `opcall --help` explains items.
        (usage, code 2, not sent)
        "#);
    insta::assert_snapshot!(told(&[], &["tokens_query", "limit:=five"]), @r#"
        error: the value of `limit` is not JSON: expected ident at line 1 column 2
          hint: write name=text, or quote JSON strings: name:='"text"'.
        (usage, code 2, not sent)
        "#);
    insta::assert_snapshot!(told(&[], &["tokens_query", "--limit"]), @r#"
        error: `--limit` is no option of opcall, and as an argument it lacks a value
          hint: write `limit=VALUE`, or `--limit=VALUE` where the value begins with a dash.
        (usage, code 2, not sent)
        "#);
    insta::assert_snapshot!(told(&[], &["tokens_create", "@/no/such/file.json"]), @r#"
        error: reading "/no/such/file.json" failed
          caused by: No such file or directory (os error 2)
        (io, code 1, not sent)
        "#);
    insta::assert_snapshot!(told(&[], &["tokens_query", "-o", "toml"]), @r#"
        error: invalid value 'toml' for '--output <FORMAT>'
          [possible values: auto, json, ndjson, raw, none]

        For more information, try '--help'.
        (usage, code 2, not sent)
        "#);
}

#[test]
fn what_to_set_is_named() {
    insta::assert_snapshot!(told(&[], &["tokens_query"]), @r#"
        error: no credentials for falcon; nothing was sent
          hint: set FALCON_CLIENT_ID and FALCON_CLIENT_SECRET, or FALCON_ACCESS_TOKEN; each may also be given as a file by its name with _FILE.
        (auth, code 8, not sent)
        "#);
    insta::assert_snapshot!(told(&[KEY], &["panther:api_token_list"]), @r#"
        error: the address of panther is not known: "https://your-api-host" is a placeholder
          hint: set PANTHER_API_URL or PANTHER_API_HOST, or give --server URL.
        (config, code 2, not sent)
        "#);
}

#[test]
fn nobody_answers() {
    let line = ["panther:api_token_list", "--server", &closed_port()];
    steady().bind(|| {
        insta::assert_snapshot!(told(&[KEY], &line), @r#"
        error: no answer from http://127.0.0.1:PORT after 3 attempts; nothing was sent
          caused by: Connection refused (os error N)
          hint: check that http://127.0.0.1:PORT is the right address and can be reached from here.
        (transport, code 7, not sent)
        "#);
    });
}

#[test]
fn an_answer_too_late() {
    // The port is open, but nobody accepts and answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let run = opcall_with(&[KEY], &["panther:api_token_list", "--server", &url, "--max-time", "200ms"]);
    assert_eq!(run.code, 28, "{}", run.stderr);
}

/// Whoever listens speaks no TLS: the connection never stands, whichever limit ends the wait.
#[test]
fn a_connection_too_late() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let limits = [
        ("--max-time", "\n  caused by: the call was not done within 200ms"),
        ("--timeout", "\n  caused by: the attempt was not done within 200ms"),
        ("--connect-timeout", "\n  caused by: no connection with TLS within 200ms"),
    ];
    let texts = limits.map(|(limit, cause)| {
        let line = ["panther:api_token_list", "--server", &url, limit, "200ms", "--retry", "0"];
        let text = told(&[KEY], &line);
        assert!(text.contains(cause), "{text}");
        text.replace(cause, "")
    });
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:#?}");
    steady().bind(|| {
        insta::assert_snapshot!(texts[0], @r#"
        error: no answer from https://127.0.0.1:PORT after 1 attempt; nothing was sent
          hint: check that https://127.0.0.1:PORT can be reached from here, or give it more time with --connect-timeout, --timeout or --max-time.
        (timeout, code 28, not sent)
        "#);
    });
}

/// A name that two services have is told with its service.
#[test]
fn arguments_of_a_name_that_is_not_alone() {
    let line = ["falcon:getRules", "limit=many", "--dry-run"];
    let text = told(&[], &line);
    assert!(text.starts_with("error: getRules: "), "an exact ID stands alone: {text}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.yaml").display().to_string();
    let document = "openapi: 3.0.0\ninfo: {title: M, version: '1'}\nservers: [{url: 'https://m.example'}]\n\
                    paths: {/a: {get: {operationId: tokens_query, responses: {}}}}\n";
    std::fs::write(&path, document).unwrap();
    for (name, shown) in [("tokens_query", "tokens_query"), ("falcon:tokens_query", "falcon:tokens_query")] {
        let run = opcall(&["-q", "--spec", &path, name, "nope=1", "--dry-run"]);
        assert!(run.stderr.starts_with(&format!("error: {shown}: 1 argument ")), "{}", run.stderr);
        assert!(run.stderr.contains(&format!("`opcall show {shown}`")), "{}", run.stderr);
    }
    let run = opcall(&["--error-format", "json", "tokens_query", "nope=1", "--dry-run"]);
    let error: serde_json::Value = serde_json::from_str(&run.stderr).unwrap();
    assert_eq!(error["operation"], "falcon:tokens_query");
    assert_eq!(error["message"], "tokens_query: 1 argument does not fit");
}

#[test]
fn the_service_says_no() {
    let cases = [
        ("404 Not Found", r#"{"message":"no such token"}"#),
        ("503 Service Unavailable", "busy"),
        ("429 Too Many Requests\r\nretry-after: 600", "{}"),
        ("302 Found\r\nlocation: /elsewhere", ""),
    ];
    let texts = cases.map(|(head, body)| {
        let server = Canned::start(head, body.as_bytes());
        let line = ["panther:api_token_get", "id=a", "--server", &server.url(), "--retry", "0"];
        assert_eq!(opcall_with(&[KEY], &line).stdout, body, "the body stays on standard output");
        told(&[KEY], &line)
    });
    steady().bind(|| {
        insta::assert_snapshot!(texts.join("\n"), @r#"
        error: panther refused api token#get with 404: no such token
        (refused, code 4, sent)
        error: panther refused api token#get with 503: busy
          hint: repeat the call later.
        (refused, code 5, sent)
        error: panther refused api token#get with 429
          hint: wait 600 s before the next call.
        (rate_limited, code 9, sent)
        error: panther refused api token#get with 302
          hint: let the call go on to /elsewhere with --follow: by default redirects are not followed.
        (refused, code 3, sent)
        "#);
    });
}

#[test]
fn graphql_says_no_with_200() {
    let body = br#"{"data":null,"errors":[{"message":"no such token"},{"message":"nor such a view"}]}"#;
    let server = Canned::start("200 OK\r\ncontent-type: application/json", body);
    let line = ["organization_tokens_delete", "id=a", "--server", &server.url()];
    let token = [("LOGSCALE_TOKEN", "canary-token")];
    assert_eq!(opcall_with(&token, &line).stdout.as_bytes(), body);
    insta::assert_snapshot!(told(&token, &line), @r#"
        error: logscale refused organization_tokens_delete with GraphQL errors: no such token; nor such a view
        (graphql, code 6, sent)
        "#);
}

#[test]
fn credentials_are_refused() {
    let server = Canned::start("403 Forbidden", br#"{"errors":[{"code":403,"message":"access denied"}]}"#);
    let client =
        [("FALCON_CLIENT_ID", "0123456789abcdef0123456789abcdef"), ("FALCON_CLIENT_SECRET", "canary-secret")];
    let text = told(&client, &["tokens_query", "--server", &server.url()]);
    assert!(!text.contains("canary"), "{text}");
    steady().bind(|| {
        insta::assert_snapshot!(text, @r#"
        error: falcon: the token endpoint refused with 403: access denied
          hint: check FALCON_CLIENT_ID and FALCON_CLIENT_SECRET.
        (auth, code 8, not sent)
        "#);
    });
}

#[test]
fn an_answer_that_is_no_json() {
    let server = Canned::start("200 OK\r\ncontent-type: text/html", b"<html>");
    let line = ["panther:api_token_list", "--server", &server.url()];
    assert_eq!(opcall_with(&[KEY], &line).ok(), "<html>");
    insta::assert_snapshot!(told(&[KEY], &[&line[..], &["-o", "json"]].concat()), @r#"
        error: the answer is not JSON
          hint: print it with `-o raw`.
        (decode, code 1, sent)
        "#);
}

/// The error that a program reads.
fn error_of(variables: &[(&str, &str)], line: &[&str]) -> serde_json::Value {
    let run = opcall_with(variables, &[&["--error-format", "json"], line].concat());
    serde_json::from_str(&run.stderr).unwrap()
}

#[test]
fn an_error_names_its_operation() {
    let about = |variables: &[(&str, &str)], line: &[&str]| {
        let error = error_of(variables, line);
        let word = |key: &str| error[key].as_str().unwrap_or("null").to_owned();
        format!("{} {} {} {}", word("kind"), word("operation"), word("method"), word("url"))
    };
    let url = "https://api.crowdstrike.com/installation-tokens/queries/tokens/v1";
    assert_eq!(about(&[], &["tokens_query", "limit=5"]), format!("auth falcon:tokens_query GET {url}"));
    assert_eq!(about(&[], &["tokens_query", "limit"]), "usage falcon:tokens_query GET null");
    assert_eq!(about(&[], &["tokens_query", "--profile", "none"]), "config falcon:tokens_query GET null");
    assert_eq!(
        about(&[KEY], &["panther:api_token_list", "--server", "http://198.51.100.1"]),
        "unsafe panther:api token#list GET http://198.51.100.1/api-tokens"
    );
    let client =
        [("FALCON_CLIENT_ID", "0123456789abcdef0123456789abcdef"), ("FALCON_CLIENT_SECRET", "canary-secret")];
    let lost = error_of(&client, &["tokens_query", "--server", &closed_port(), "--retry", "0"]);
    assert_eq!(
        (lost["operation"].as_str(), lost["kind"].as_str()),
        (Some("falcon:tokens_query"), Some("transport"))
    );
}

#[test]
fn an_endpoint_in_no_table_has_one_name() {
    let shown = opcall(&["falcon:GET /new/x", "--dry-run"]).json();
    assert_eq!(shown["operation"], "falcon:GET /new/x");
    assert_eq!(error_of(&[], &["--api", "falcon", "GET /new/x"])["operation"], "falcon:GET /new/x");
}

#[test]
fn an_operation_must_be_named() {
    for line in [&["-v"][..], &["--dry-run"], &["--color", "never"]] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(told(&[], line), @r#"
        error: no operation is named
          hint: usage: opcall [OPTIONS] <OPERATION> [ITEM]...; `opcall ops` lists the operations.
        (usage, code 2, not sent)
        "#);
        }
    }
}

#[test]
fn the_last_of_an_option_holds() {
    let line = ["tokens_query", "--dry-run", "-o", "none", "--dry-run", "-o", "json", "--server", "http://a"];
    let run = opcall(&[&line[..], &["--server", "http://127.0.0.1:1", "-q", "-q"]].concat());
    assert_eq!(run.json()["url"], "http://127.0.0.1:1/installation-tokens/queries/tokens/v1");
}

#[test]
fn plain_http_needs_leave() {
    let line = ["panther:api_token_list", "--server", "http://198.51.100.1", "--max-time", "10ms"];
    insta::assert_snapshot!(told(&[KEY], &line), @r#"
        error: credentials would go unencrypted to http://198.51.100.1
          hint: use https, or give --insecure-http if the network between is yours.
        (unsafe, code 10, not sent)
        "#);
    let run = opcall_with(&[KEY], &[&line[..], &["--insecure-http"]].concat());
    assert_ne!(run.code, 10, "{}", run.stderr);
}

#[test]
fn a_search_is_named_where_it_finds_something() {
    let hint = |name: &str| error_of(&[], &[name])["hint"].as_str().unwrap().to_owned();
    assert!(hint("token_query").ends_with("`opcall ops token` shows all with that word."));
    assert!(hint("zzxxyy").ends_with("`opcall ops` shows all."), "{}", hint("zzxxyy"));
}

#[cfg(feature = "sandbox")]
#[test]
fn a_fault_is_about_an_operation() {
    insta::assert_snapshot!(told(&[], &["sandbox", "--fault", "token_query:503"]), @r#"
        error: no operation is called "token_query"
          hint: did you mean "tokens_query"? `opcall ops token` shows all with that word.
        (unknown_operation, code 2, not sent)
        "#);
    insta::assert_snapshot!(told(&[], &["sandbox", "--fault", "tokens_query"]), @r#"
        error: `tokens_query` is no fault: it names no status; write OPERATION:STATUS;retry-after=2;times=3;slow=500ms
        (usage, code 2, not sent)
        "#);
    insta::assert_snapshot!(told(&[], &["sandbox", "--clock", "soon"]), @r#"
        error: invalid value 'soon' for '--clock <TIME>': `soon` is no clock: write `real` or a time such as 2025-06-01T00:00:00Z

        For more information, try '--help'.
        (usage, code 2, not sent)
        "#);
}

#[test]
fn programs_read_errors_as_json() {
    for line in [
        &["token_query", "--error-format", "json"][..],
        &["tokens_query", "limit=many", "--dry-run", "--error-format=json"],
        &["tokens_query", "--no-such", "--error-format=json"],
        &["tokens_query", "--output", "toml", "--error-format=json"],
        &["tokens_query", "--error-format=json"],
    ] {
        let run = opcall(line);
        let error: serde_json::Value = serde_json::from_str(&run.stderr).unwrap();
        let keys: Vec<_> = error.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            keys,
            [
                "kind",
                "message",
                "operation",
                "status",
                "method",
                "url",
                "problems",
                "hint",
                "attempts",
                "retry_after_ms",
                "trace_id",
                "sent"
            ]
        );
        assert_eq!(error["sent"], false);
        assert!(
            matches!(error["kind"].as_str(), Some("usage" | "unknown_operation" | "arguments" | "auth")),
            "{error}"
        );
    }
    let server = Canned::start("429 Too Many Requests\r\nretry-after: 600", b"{}");
    let line = ["panther:api_token_list", "--server", &server.url(), "--retry", "0"];
    let run = opcall_with(&[KEY, ("OPCALL_ERROR_FORMAT", "json")], &line);
    let error: serde_json::Value = serde_json::from_str(&run.stderr).unwrap();
    assert_eq!(
        (run.code, error["kind"].as_str(), error["status"].as_u64()),
        (9, Some("rate_limited"), Some(429))
    );
    assert_eq!((error["sent"].as_bool(), error["retry_after_ms"].as_u64()), (Some(true), Some(600_000)));
}
