//! `--server`, `--server-variable`, their variables of the environment, and what `show` and `batch` make of them.

use serde_json::Value;

use super::{Run, opcall, opcall_reading, opcall_with};

/// A description with servers of every kind.
fn places() -> tempfile::TempPath {
    let text = r#"
openapi: 3.2.0
info: {title: Places, version: '1'}
x-service: places
servers:
- {url: 'https://api.example.com/v1', name: prod, description: The real one}
- url: 'https://{tenant}.example.com:{port}'
  name: tenants
  variables:
    tenant: {description: "Your account's name"}
    port: {default: '8443', enum: ['443', '8443']}
- {url: /relative}
paths:
  /things:
    get: {operationId: things, parameters: [{name: server, in: query, schema: {type: string}}], responses: {}}
  /uploads:
    servers: [{url: 'https://up.example.com', name: prod}]
    put: {operationId: put, responses: {}}
"#;
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file.into_temp_path()
}

fn url(run: &Run) -> String {
    serde_json::from_str::<Value>(run.ok()).unwrap()["url"].as_str().unwrap().to_owned()
}

#[test]
fn a_server_is_chosen_on_the_command_line_or_by_a_variable() {
    let file = places();
    let spec = file.to_str().unwrap();
    let line = |more: &[&'static str]| [&["--spec", spec, "things", "--dry-run"], more].concat();
    for (variables, more, expected) in [
        (&[][..], &[][..], "https://api.example.com/v1/things"),
        (&[], &["--server", "0"], "https://api.example.com/v1/things"),
        (&[], &["--server", "prod", "server=x"], "https://api.example.com/v1/things?server=x"),
        (
            &[],
            &["--server=tenants", "--server-variable", "tenant=acme", "--server-variable=port=443"],
            "https://acme.example.com/things",
        ),
        (
            &[("OPCALL_SERVER", "1")],
            &["--server-variable", "tenant=acme"],
            "https://acme.example.com:8443/things",
        ),
        (
            &[("PLACES_SERVER", "tenants"), ("PLACES_SERVER_VARIABLES", "tenant=acme,port=443")],
            &[],
            "https://acme.example.com/things",
        ),
        (&[("PLACES_SERVER", "tenants")], &["--server", "0"], "https://api.example.com/v1/things"),
        (&[("PLACES_BASE_URL", "http://127.0.0.1:1/x")], &[], "http://127.0.0.1:1/x/things"),
        (&[], &["--server", "tenants"], "https://your-tenant.example.com:8443/things"),
        (&[], &["--server", "2"], "https://your-api-host/relative/things"),
        (&[("PLACES_SERVER", "tenants")], &["--sandbox"], "http://127.0.0.1:0/places/things"),
    ] {
        assert_eq!(url(&opcall_with(variables, &line(more))), expected, "{more:?}");
    }
}

#[test]
fn what_is_wrong_is_told_with_what_there_is() {
    let file = places();
    let spec = file.to_str().unwrap();
    let told = |more: &[&str]| {
        let run = opcall(&[&["--spec", spec, "-q", "things"], more].concat());
        assert_eq!(run.code, 2, "{}", run.stderr);
        run.stderr
    };
    let lines = [
        &["--server", "prd"][..],
        &["--server", "tenants"],
        &["--server", "2"],
        &["--server", "1", "--server-variable", "prot=1", "--server-variable", "tenant=a@b", "--dry-run"],
        &["--server", "http://127.0.0.1:9", "--server-variable", "tenant=a"],
        &["--server-variable", "tenant"],
        &["--sandbox", "--server-variable", "tenant=a"],
    ];
    let all = lines.map(|line| format!("$ {}\n{}", line.join(" "), told(line)));
    insta::assert_snapshot!("wrong_servers", all.join("\n"));
}

#[test]
fn show_lists_the_servers() {
    let file = places();
    let spec = file.to_str().unwrap();
    insta::assert_snapshot!("show_servers", opcall(&["--spec", spec, "show", "things"]).ok());
    let shown = opcall(&["--spec", spec, "show", "things", "-o", "json"]).json();
    insta::assert_json_snapshot!("show_servers_json", shown["servers"]);
    let own = opcall(&["--spec", spec, "show", "put", "-o", "json"]).json();
    assert_eq!(own["servers"].as_array().unwrap().len(), 1);
    assert_eq!(own["servers"][0]["base_url"], "https://up.example.com");
    let regions = opcall(&["show", "tokens_query", "-o", "json"]).json();
    let names: Vec<_> =
        regions["servers"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(
        names,
        [
            Value::Null,
            "us-1".into(),
            "us-2".into(),
            "us-3".into(),
            "eu-1".into(),
            "us-gov-1".into(),
            "us-gov-2".into()
        ]
    );
    assert_eq!(regions["servers"][2]["base_url"], "https://api.us-2.crowdstrike.com");
}

#[test]
fn a_batch_line_chooses_for_itself() {
    let file = places();
    let input = r#"{"operation":"things"}
{"operation":"things","server":0}
{"operation":"things","server":"tenants"}
{"operation":"things","server":"tenants","server_variables":{"tenant":"beta","port":443}}
{"operation":"put","server":"prod"}
{"operation":"put"}
{"operation":"things","server":"http://127.0.0.1:1"}
{"operation":"things","server":1.5}
{"operation":"things","server":null}
{"operation":"things","server":9}
"#;
    let spec = file.to_str().unwrap();
    let line = ["batch", "--dry-run", "--spec", spec, "--server", "1", "--server-variable", "tenant=acme"];
    let told: Vec<String> = opcall_reading(input, &line)
        .stdout
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let (url, error) = (&line["request"]["url"], &line["error"]["message"]);
            url.as_str().or(error.as_str()).unwrap().to_owned()
        })
        .collect();
    assert_eq!(
        told,
        [
            "https://acme.example.com:8443/things",
            "https://api.example.com/v1/things",
            "https://your-tenant.example.com:8443/things",
            "https://beta.example.com/things",
            "https://up.example.com/uploads",
            "places:put has no server 1: there is 1, counted from 0",
            "http://127.0.0.1:1/things",
            "the line is no call: `server`: invalid type: floating point `1.5`, expected a string or a whole number (column 34)",
            "the line is no call: `server`: invalid type: null, expected a string or a whole number (column 35)",
            "places has no server 9: there are 3, counted from 0",
        ]
    );
}
