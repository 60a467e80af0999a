//! PowerDNS: its document comes from the server itself, Swagger 2.0 as JSON or YAML, without a host; every call needs
//! an API key; names of zones end in a dot, and some have characters that a path must encode.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use opcall::{Credentials, Document, Error, Harness, OperationTable, Profile};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::installed;
use super::running::{Running, free_port};
use crate::cli::{Run, opcall_with};
use crate::support::builder;

const KEY: &str = "a&key";

/// A server for one test: two that write at once find its database locked.
fn server() -> Option<Running> {
    let program = installed("PowerDNS", "powerdns/pdns_server")?;
    let database = installed("PowerDNS", "powerdns/empty.sqlite3")?;
    Some(Running::start("PowerDNS", |folder, port| command(&program, &database, folder, port)))
}

fn command(program: &Path, database: &Path, folder: &Path, port: u16) -> Command {
    let shown = folder.display();
    fs::copy(database, folder.join("zones.sqlite3")).unwrap();
    let settings = format!(
        "launch=gsqlite3\ngsqlite3-database={shown}/zones.sqlite3\nsocket-dir={shown}\n\
         api=yes\napi-key={KEY}\nwebserver=yes\nwebserver-address=127.0.0.1\nwebserver-port={port}\n\
         local-address=127.0.0.1\nlocal-port={}\nsecurity-poll-suffix=\ndisable-syslog=yes\n",
        free_port()
    );
    fs::write(folder.join("pdns.conf"), settings).unwrap();
    let mut command = Command::new(program);
    command.arg(format!("--config-dir={shown}")).args(["--daemon=no", "--guardian=no"]);
    command
}

/// The document as the server gives it, in a file called `powerdns`.
fn document(server: &Running, media_type: &str) -> (TempDir, PathBuf) {
    let text = server.get("/api/docs", &[&format!("accept: {media_type}"), &format!("x-api-key: {KEY}")]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("powerdns");
    fs::write(&path, text).unwrap();
    (folder, path)
}

/// The program against the server.
struct Program {
    document: String,
    url: String,
    folder: TempDir,
}

impl Program {
    fn new(server: &Running) -> Self {
        let (folder, path) = document(server, "application/json");
        Self { document: path.to_str().unwrap().to_owned(), url: format!("{}/api/v1", server.url()), folder }
    }

    fn run_with(&self, key: &str, arguments: &[&str]) -> Run {
        let common = ["--spec", &self.document, "--server", &self.url];
        opcall_with(&[("POWERDNS_API_KEY", key)], &[arguments, &common].concat())
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(KEY, arguments)
    }
}

/// The library against the server: document, address and all come from the one URL.
async fn harness(server: &Running, key: &str) -> Harness {
    let fetched = Document::fetch(format!("{}/api/docs", server.url())).header("X-API-Key", KEY).no_proxy();
    let document = fetched.await.unwrap().named("powerdns");
    let profile = Profile::new().credentials(Credentials::new().api_key(key));
    builder().document(&document).profile("powerdns", profile).build().unwrap()
}

/// The contents of the records of one name and type.
fn records(zone: &Value, name: &str, kind: &str) -> Vec<String> {
    let sets = zone["rrsets"].as_array().unwrap().iter();
    let wanted = sets.filter(|set| set["name"] == name && set["type"] == kind);
    let records = wanted.flat_map(|set| set["records"].as_array().unwrap());
    records.map(|record| record["content"].as_str().unwrap().to_owned()).collect()
}

fn change(name: &str, address: Option<&str>) -> Value {
    let kind = if address.is_some() { "REPLACE" } else { "DELETE" };
    let records: Vec<_> =
        address.iter().map(|address| json!({"content": address, "disabled": false})).collect();
    json!([{"name": name, "type": "A", "ttl": 300, "changetype": kind, "records": records}])
}

#[test]
fn both_forms_of_its_document_say_the_same() {
    let Some(server) = server() else { return };
    let read = |media_type: &str| -> (OperationTable, String) {
        let (_folder, path) = document(&server, media_type);
        let text = fs::read_to_string(&path).unwrap();
        let (table, warnings) = Document::open(path).read().unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        (table, text)
    };
    let ((json, json_text), (yaml, yaml_text)) = (read("application/json"), read("application/yaml"));
    assert!(json_text.starts_with('{') && yaml_text.starts_with("swagger:"));
    let told = |table: &OperationTable| -> Vec<String> {
        let all = table.iter().map(|one| format!("{} {} {}", one.id(), one.method(), one.path()));
        all.collect()
    };
    assert_eq!(told(&json), told(&yaml));
    let mut counted = 0;
    for (_, item) in serde_json::from_str::<Value>(&json_text).unwrap()["paths"].as_object().unwrap() {
        counted += item.as_object().unwrap().keys().filter(|key| *key != "parameters").count();
    }
    assert_eq!(told(&json).len(), counted);
    assert!(counted >= 36, "{counted}");
}

#[test]
fn a_zone_comes_changes_and_goes_by_the_program() {
    let Some(server) = server() else { return };
    let program = Program::new(&server);
    let zone = ["server_id=localhost", "zone_id=program.example."];
    let created = program.run(&[
        "createZone",
        "server_id=localhost",
        "name=program.example.",
        "kind=Native",
        "nameservers=ns1.program.example.",
    ]);
    assert_eq!(records(&created.json(), "program.example.", "NS"), ["ns1.program.example."]);

    let changes = format!("rrsets:={}", change("www.program.example.", Some("192.0.2.1")));
    let changed = program.run(&["patchZone", zone[0], zone[1], &changes]);
    assert_eq!(changed.ok(), "", "204 has no body");
    let read = program.run(&["listZone", zone[0], zone[1]]).json();
    assert_eq!(records(&read, "www.program.example.", "A"), ["192.0.2.1"]);
    let lean = program.run(&["listZone", zone[0], zone[1], "rrsets=false"]).json();
    assert!(lean.get("rrsets").is_none(), "the query parameter counted: {lean}");
    let found =
        program.run(&["searchData", zone[0], "q=*.program.example", "max=5", "object_type=record"]).json();
    assert!(found.as_array().unwrap().iter().any(|one| one["content"] == "192.0.2.1"), "{found}");

    let described =
        program.run(&["createMetadata", zone[0], zone[1], "kind=ALSO-NOTIFY", "metadata=192.0.2.9"]);
    described.ok();
    let metadata = program.run(&["getMetadata", zone[0], zone[1], "metadata_kind=ALSO-NOTIFY"]).json();
    assert_eq!(metadata["metadata"], json!(["192.0.2.9"]));
    program.run(&["deleteMetadata", zone[0], zone[1], "metadata_kind=ALSO-NOTIFY", "--yes"]).ok();

    let emptied = format!("rrsets:={}", change("www.program.example.", None));
    program.run(&["patchZone", zone[0], zone[1], &emptied]).ok();
    let read = program.run(&["listZone", zone[0], zone[1]]).json();
    assert!(records(&read, "www.program.example.", "A").is_empty());
    assert_eq!(program.run(&["deleteZone", zone[0], zone[1], "--yes"]).ok(), "");
    let gone = program.run(&["listZone", zone[0], zone[1]]);
    assert_eq!(gone.code, 4);
    assert!(gone.stderr.contains("powerdns refused listZone with 404: Not Found"), "{}", gone.stderr);
}

#[tokio::test]
async fn a_zone_comes_changes_and_goes_by_the_library() {
    let Some(server) = server() else { return };
    let harness = harness(&server, KEY).await;
    // A part of a reverse zone (RFC 2317 §4): the slash stands in the zone's ID as `=2F`.
    let name = "0/25.2.0.192.in-addr.arpa.";
    let at = json!({"server_id": "localhost", "name": name, "kind": "Native", "nameservers": []});
    let created = harness.command("createZone", at).await.unwrap();
    assert_eq!((created.status(), &created.value().unwrap()["name"]), (201, &json!(name)));
    let id = created.value().unwrap()["id"].as_str().unwrap().to_owned();
    assert!(id.contains("=2F"), "{id}");
    let zone = || json!({"server_id": "localhost", "zone_id": id});

    let mut changes = zone();
    changes["rrsets"] = json!([{
        "name": format!("5.{name}"), "type": "PTR", "ttl": 60, "changetype": "REPLACE",
        "records": [{"content": "five.example.", "disabled": false}],
    }]);
    assert_eq!(harness.command("patchZone", changes).await.unwrap().status(), 204);
    let read = harness.command("listZone", zone()).await.unwrap();
    assert_eq!(records(read.value().unwrap(), &format!("5.{name}"), "PTR"), ["five.example."]);
    let one = harness.command("listZones", json!({"server_id": "localhost", "zone": name})).await.unwrap();
    assert_eq!(one.value().unwrap().as_array().unwrap().len(), 1, "{:?}", one.value());

    assert_eq!(harness.command("deleteZone", zone()).await.unwrap().status(), 204);
    let gone = harness.command("listZone", zone()).await.unwrap_err();
    assert_eq!((gone.kind(), gone.status(), gone.was_sent()), ("refused", Some(404), true));
}

/// The document by its URL, with the key that it needs too; where calls go follows from the URL.
#[test]
fn the_program_takes_the_document_from_the_server() {
    let Some(server) = server() else { return };
    let url = format!("{}/api/docs", server.url());
    let run = |header: &str, arguments: &[&str]| {
        let common = ["--spec", &url, "--spec-header", header, "--no-cache"];
        opcall_with(&[("DOCS_API_KEY", KEY)], &[arguments, &common].concat())
    };
    let header = "X-API-Key: env:DOCS_API_KEY";
    let zone = ["server_id=localhost", "zone_id=fetched.example."];
    let made = ["createZone", zone[0], "name=fetched.example.", "kind=Native", "nameservers:=[]"];
    assert_eq!(run(header, &made).json()["name"], "fetched.example.");
    assert_eq!(run(header, &["listZone", zone[0], zone[1]]).json()["name"], "fetched.example.");
    assert_eq!(run(header, &["deleteZone", zone[0], zone[1], "--yes"]).ok(), "");

    let refused = run("X-API-Key: env:NOT_SET", &["listServers"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(!refused.stderr.contains(KEY), "{}", refused.stderr);
}

/// Line by line, one of them refused.
#[test]
fn a_batch_makes_zones_and_ends_them() {
    let Some(server) = server() else { return };
    let program = Program::new(&server);
    let at =
        |name: &str| json!({"server_id": "localhost", "name": name, "kind": "Native", "nameservers": []});
    let zone = |id: &str| json!({"server_id": "localhost", "zone_id": id});
    let lines = [
        json!({"id": 1, "operation": "createZone", "params": at("one.batch.")}),
        json!({"id": 2, "operation": "createZone", "params": at("no dot")}),
        json!({"id": 3, "operation": "patchZone", "params": zone("one.batch."),
            "body": {"rrsets": change("www.one.batch.", Some("192.0.2.3"))}}),
        json!({"id": 4, "operation": "listZone", "params": zone("one.batch.")}),
        json!({"id": 5, "operation": "deleteZone", "params": zone("one.batch.")}),
    ];
    let input = program.folder.path().join("calls.ndjson");
    fs::write(&input, lines.map(|line| line.to_string()).join("\n")).unwrap();
    let run = program.run(&["batch", input.to_str().unwrap(), "--concurrency", "1"]);
    assert_eq!(run.code, 4, "the highest code of its lines: {}", run.stderr);
    let told: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let statuses: Vec<_> = told.iter().map(|line| (line["id"].clone(), line["status"].clone())).collect();
    let expected = [(1, 201), (2, 422), (3, 204), (4, 200), (5, 204)];
    assert_eq!(statuses, expected.map(|(id, status)| (json!(id), json!(status))));
    assert_eq!(told[1]["error"]["kind"], "refused");
    assert_eq!(records(&told[3]["body"]["json"], "www.one.batch.", "A"), ["192.0.2.3"]);
}

#[tokio::test]
async fn refusals_say_what_the_server_said() {
    let Some(server) = server() else { return };
    let harness = harness(&server, KEY).await;
    let wrong = json!({"server_id": "localhost", "name": "no.dot", "kind": "Native", "nameservers": []});
    let Error::Refused(refused) = harness.command("createZone", wrong).await.unwrap_err() else {
        panic!("the name is not canonical")
    };
    assert_eq!(
        (refused.status, refused.message.as_deref()),
        (422, Some("DNS Name 'no.dot' is not canonical"))
    );

    let program = Program::new(&server);
    let by_program =
        program.run(&["createZone", "server_id=localhost", "name=no.dot", "kind=Native", "nameservers:=[]"]);
    assert_eq!(by_program.code, 4);
    let said = "error: powerdns refused createZone with 422: DNS Name 'no.dot' is not canonical";
    assert!(by_program.stderr.starts_with(said), "{}", by_program.stderr);
    assert_eq!(by_program.stdout.trim(), r#"{"error": "DNS Name 'no.dot' is not canonical"}"#);

    let unknown = program.run(&["createZone", "server_id=localhost", "name=a.", "kind=Natif"]);
    assert_eq!(unknown.code, 2, "a value that its document does not know is not sent");
    assert!(unknown.stderr.contains("Native"), "{}", unknown.stderr);
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_none_is_not_sent() {
    let Some(server) = server() else { return };
    let program = Program::new(&server);
    let wrong = program.run_with("another", &["listServers"]);
    assert_eq!(wrong.code, 4);
    assert!(wrong.stderr.starts_with("error: powerdns refused listServers with 401: Unauthorized\n  hint: "));
    assert!(!wrong.stderr.contains("another"));
    let none = program.run_with("", &["listServers"]);
    assert_eq!(none.code, 8);
    assert!(
        none.stderr.contains("nothing was sent") && none.stderr.contains("POWERDNS_API_KEY"),
        "{}",
        none.stderr
    );

    let harness = harness(&server, "another").await;
    let refused = harness.command("listServers", ()).await.unwrap_err();
    assert_eq!((refused.kind(), refused.status()), ("refused", Some(401)));
}
