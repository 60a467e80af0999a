//! Chroma: `OpenAPI` 3.1 from the server, with type arrays that hold `null`, values of several types and bodies of
//! `allOf`; it names no server.

use std::fs;
use std::path::Path;
use std::process::Command;

use opcall::{Credentials, Document, Error, Harness, Profile};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::installed;
use super::running::Running;
use crate::cli::{Run, opcall_with};
use crate::support::builder;

/// The server is a library; its own program is these words and much that only its Python half needs.
const PROGRAM: &str =
    "import sys, chromadb_rust_bindings; chromadb_rust_bindings.cli(['chroma', *sys.argv[1:]])";

/// A server for one test.
fn server() -> Option<Running> {
    let python = installed("Chroma", "python/bin/python")?;
    Some(Running::start("Chroma", |folder, port| command(&python, folder, port)))
}

fn command(python: &Path, folder: &Path, port: u16) -> Command {
    let mut command = Command::new(python);
    command.args(["-c", PROGRAM, "run", "--host", "127.0.0.1", "--port", &port.to_string(), "--path"]);
    command.arg(folder.join("data")).env("ALLOW_RESET", "true");
    command
}

/// The document as the server gives it, in a file called `chroma.json`.
fn document(server: &Running) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chroma.json");
    fs::write(&path, server.get("/openapi.json", &[])).unwrap();
    (folder, path.to_str().unwrap().to_owned())
}

/// The document says no server: calls go where it came from.
async fn harness(server: &Running) -> Harness {
    let fetched = Document::fetch(format!("{}/openapi.json", server.url())).no_proxy().await.unwrap();
    let profile = Profile::new().credentials(Credentials::new().api_key("a-key"));
    builder().document(&fetched.named("chroma")).profile("chroma", profile).build().unwrap()
}

/// Arguments in a database.
fn within(database: &str, more: Value) -> Value {
    let mut all = json!({"tenant": "default_tenant", "database": database});
    if let Value::Object(more) = more {
        all.as_object_mut().unwrap().extend(more);
    }
    all
}

#[test]
fn its_document_loads_whole() {
    let Some(server) = server() else { return };
    let (_folder, path) = document(&server);
    let text = fs::read_to_string(&path).unwrap();
    let (table, warnings) = Document::open(&path).read().unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let document: Value = serde_json::from_str(&text).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let methods = |item: &Value| item.as_object().unwrap().keys().filter(|key| *key != "parameters").count();
    let counted: usize = document["paths"].as_object().unwrap().values().map(methods).sum();
    assert_eq!(table.iter().count(), counted);
    assert!(counted >= 35, "{counted}");
}

#[tokio::test]
async fn records_are_added_found_and_deleted() {
    let Some(server) = server() else { return };
    let harness = harness(&server).await;
    let call = |id, arguments| harness.command(id, arguments).send();
    call("create_database", json!({"tenant": "default_tenant", "name": "library"})).await.unwrap();
    let named = json!({"name": "pages", "metadata": {"lang": "de", "weight": 1.5, "draft": false}});
    let created = call("create_collection", within("library", named)).await.unwrap();
    let collection = created.value().unwrap();
    assert_eq!(collection["metadata"], json!({"lang": "de", "weight": 1.5, "draft": false}));
    let id = collection["id"].as_str().unwrap();
    let at = |mut more: Value| {
        more["collection_id"] = json!(id);
        within("library", more)
    };

    let records = json!({
        "ids": ["a", "b", "c/d"], "embeddings": [[1, 0], [0, 1.25], [-1, -1e-3]],
        "documents": ["eins", null, "drei & vier"], "metadatas": [{"page": 1}, null, {"page": 3, "seen": true}],
    });
    assert_eq!(call("collection_add", at(records)).await.unwrap().status(), 201);
    let counted = call("collection_count", at(json!({}))).await.unwrap();
    assert_eq!(*counted.value().unwrap(), json!(3));

    let near =
        json!({"query_embeddings": [[0.9, 0.1]], "n_results": 1, "include": ["documents", "distances"]});
    let found = call("collection_query", at(near)).await.unwrap();
    assert_eq!(
        (&found.value().unwrap()["ids"], &found.value().unwrap()["documents"]),
        (&json!([["a"]]), &json!([["eins"]]))
    );
    // `limit` is a query parameter, `where` a free-form part of the body, `n_results` may be null.
    let filtered = json!({"query_embeddings": [[0.9, 0.1]], "n_results": null, "limit": 5, "where": {"page": {"$gt": 1}}});
    let found = call("collection_query", at(filtered)).await.unwrap();
    assert_eq!(found.value().unwrap()["ids"], json!([["c/d"]]));
    let read = call("collection_get", at(json!({"ids": ["c/d"]}))).await.unwrap();
    assert_eq!(read.value().unwrap()["metadatas"], json!([{"page": 3, "seen": true}]));

    let deleted = call("collection_delete", at(json!({"ids": ["a", "b"]}))).await.unwrap();
    assert_eq!(*deleted.value().unwrap(), json!({"deleted": 2}));
    let counted = call("collection_count", at(json!({}))).await.unwrap();
    assert_eq!(*counted.value().unwrap(), json!(1));
    call("delete_collection", within("library", json!({"collection_id": "pages"}))).await.unwrap();
    let gone =
        call("get_collection", within("library", json!({"collection_id": "pages"}))).await.unwrap_err();
    assert_eq!((gone.kind(), gone.status()), ("refused", Some(404)));
    call("delete_database", within("library", json!({}))).await.unwrap();
}

/// The program against the server.
fn run(server: &Running, document: &str, arguments: &[&str]) -> Run {
    let common = ["--spec", document, "--server", &server.url()];
    opcall_with(&[("CHROMA_API_KEY", "a-key")], &[arguments, &common].concat())
}

#[test]
fn tenant_database_and_collection_by_the_program() {
    let Some(server) = server() else { return };
    let (_folder, document) = document(&server);
    let run = |arguments: &[&str]| run(&server, &document, arguments);
    assert!(run(&["heartbeat"]).json()["nanosecond heartbeat"].is_u64());
    run(&["create_tenant", "name=a tenant"]).ok();
    assert_eq!(run(&["get_tenant", "tenant_name=a tenant"]).json()["name"], "a tenant");
    let within = ["tenant=a tenant", "database=shelf"];
    run(&["create_database", within[0], "name=shelf"]).ok();
    let databases = run(&["list_databases", within[0], "limit=5", "offset=0"]).json();
    assert_eq!(databases[0]["name"], "shelf", "{databases}");

    let create = ["create_collection", within[0], within[1], "name=books"];
    let created = run(&[&create[..], &["metadata:={\"a\":-1}", "configuration:=null"]].concat()).json();
    assert_eq!((&created["name"], &created["metadata"]), (&json!("books"), &json!({"a": -1})));
    let again = run(&create);
    assert_eq!(again.code, 4);
    assert!(
        again.stderr.starts_with("error: chroma refused create_collection with 409: "),
        "{}",
        again.stderr
    );
    assert_eq!(run(&[&create[..], &["get_or_create=true"]].concat()).json()["id"], created["id"]);
    let collection = format!("collection_id={}", created["id"].as_str().unwrap());
    let add = [
        "collection_upsert",
        within[0],
        within[1],
        &collection,
        "ids[]=x",
        "embeddings:=[[0.5]]",
        "documents[]=text",
    ];
    run(&add).ok();
    assert_eq!(run(&["collection_count", within[0], within[1], &collection]).json(), 1);
    run(&["delete_collection", within[0], within[1], "collection_id=books", "--yes"]).ok();
    assert_eq!(run(&["list_collections", within[0], within[1], "--api", "chroma"]).json(), json!([]));
}

#[tokio::test]
async fn wrong_arguments_are_found_here_and_there() {
    let Some(server) = server() else { return };
    let harness = harness(&server).await;
    let create = |more: Value| harness.command("create_collection", within("default_database", more));
    let wrong = json!({"metadata": {"a": {"b": 1}}, "get_or_create": "perhaps"});
    let Error::Arguments(found) = create(wrong.clone()).await.unwrap_err() else { panic!("it does not fit") };
    let paths: Vec<_> = found.problems.iter().map(|problem| problem.path.as_str()).collect();
    assert!(paths.contains(&"body.name") && paths.contains(&"body.get_or_create"), "{paths:?}");

    let Error::Refused(refused) = create(wrong).no_validate().await.unwrap_err() else {
        panic!("the server checks too")
    };
    assert_eq!(refused.status, 422);
    assert!(
        refused.message.as_deref().unwrap().contains("deserialize the JSON body"),
        "{:?}",
        refused.message
    );
    let Error::Refused(refused) = create(json!({"name": "x"})).await.unwrap_err() else {
        panic!("the name is too short")
    };
    assert_eq!(refused.status, 400);
    assert!(refused.message.as_deref().unwrap().contains("Expected a name containing 3-512 characters"));
}
