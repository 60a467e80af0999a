//! `ops`, `show` and `check`.

use serde_json::Value;

use super::opcall;

#[test]
fn operations_are_searched_and_listed() {
    let names = opcall(&["ops", "installation", "tokens", "-o", "names"]);
    let names: Vec<_> = names.ok().lines().collect();
    assert!(names.contains(&"falcon:tokens_query"), "{names:?}");
    let all = opcall(&["ops", "-o", "names"]);
    assert_eq!(all.ok().lines().count(), 1768);
    assert_eq!(opcall(&["ops", "--api", "logscale", "-o", "names"]).ok().lines().count(), 20);
    let none = opcall(&["ops", "no", "such", "words"]);
    assert_eq!((none.ok(), none.stderr.as_str()), ("", "note: no operation has all of these words\n"));
    insta::assert_snapshot!("ops", opcall(&["ops", "--api", "logscale", "token"]).ok());
}

#[test]
fn operations_are_objects_for_programs() {
    let keys = [
        "id",
        "service",
        "aliases",
        "method",
        "path",
        "summary",
        "tags",
        "scope",
        "deprecated",
        "parameters",
        "body",
        "pagination",
        "arguments",
    ];
    let all = opcall(&["ops", "-o", "json"]).json();
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), 1768);
    for operation in all {
        assert!(operation.as_object().unwrap().keys().eq(keys), "{operation}");
        let arguments = &operation["arguments"];
        dangling(arguments, arguments, &operation["id"]);
        for required in arguments["required"].as_array().unwrap() {
            assert!(arguments["properties"].get(required.as_str().unwrap()).is_some(), "{operation}");
        }
    }
    let lines = opcall(&["ops", "tokens", "-o", "ndjson"]);
    assert!(lines.ok().lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
}

/// Fails where a reference of a schema leads nowhere.
fn dangling(schema: &Value, root: &Value, id: &Value) {
    match schema {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(root.pointer(pointer).is_some(), "{id}: {reference}");
            }
            members.values().for_each(|value| dangling(value, root, id));
        }
        Value::Array(items) => items.iter().for_each(|value| dangling(value, root, id)),
        _ => {}
    }
}

#[test]
fn one_operation_is_shown() {
    insta::assert_snapshot!("show_text", opcall(&["show", "tokens_create"]).ok());
    insta::assert_json_snapshot!("show_json", opcall(&["show", "tokens_update", "-o", "json"]).json());
    insta::assert_json_snapshot!(
        "show_json_graphql",
        opcall(&["show", "organization_tokens_create", "--api", "logscale", "-o", "json"]).json()
    );
}

const PETS: &str = "openapi: 3.0.3
info: {title: Pets, version: '1'}
servers: [{url: 'https://pets.example/v1'}]
paths:
  /pets/{id}:
    get:
      operationId: getPet
      parameters:
        - {name: id, in: path, required: true, schema: {type: integer}}
        - {name: 'since<', in: query, schema: {type: string}}
      responses: {'200': {description: ok}}
    post:
      operationId: broken
      parameters: [{name: a}]
      responses: {}
";

/// A section of components that stands elsewhere, and names that no reference holds as they are.
const REFERRED: &str = r##"{"openapi": "3.0.3", "servers": [{"url": "https://h.example"}],
"components": {"schemas": {"$ref": "#/x-schemas"}},
"x-schemas": {"Pet": {"type": "object", "properties": {"of": {"$ref": "#/components/schemas/a%20b%25c"}}},
    "a b%c": {"type": "object", "properties": {"n": {"$ref": "#/components/schemas/a~1b"}}}, "a/b": {"type": "integer"}},
"paths": {"/a": {"post": {"operationId": "a", "requestBody": {"content": {"application/json": {"schema": {
    "type": "object", "properties": {"pet": {"$ref": "#/components/schemas/Pet"}}}}}}}}}}"##;

#[test]
fn components_are_found_where_they_stand_and_shown_by_names_that_resolve() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("referred.json");
    std::fs::write(&path, REFERRED).unwrap();
    let shown = opcall(&["show", "a", "-o", "json", "--spec", path.to_str().unwrap()]).json();
    let arguments = &shown["arguments"];
    let pet = &arguments["properties"]["pet"];
    assert_eq!(pet, &serde_json::json!({"$ref": "#/$defs/Pet"}), "{arguments}");
    let of = &arguments["$defs"]["Pet"]["properties"]["of"];
    assert_eq!(of, &serde_json::json!({"$ref": "#/$defs/a%20b%25c"}), "{arguments}");
    let n = &arguments["$defs"]["a b%c"]["properties"]["n"];
    assert_eq!(n, &serde_json::json!({"$ref": "#/$defs/a~1b"}), "{arguments}");
    assert_eq!(arguments["$defs"]["a/b"]["type"], "integer", "{arguments}");
    let wrong =
        opcall(&["a", "pet:={\"of\": {\"n\": \"x\"}}", "--dry-run", "--spec", path.to_str().unwrap()]);
    assert!(wrong.stderr.contains("must be an integer"), "{}", wrong.stderr);
}

#[test]
fn descriptions_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("pets.yaml"), PETS).unwrap();
    std::fs::write(path("broken.json"), "{\"openapi\": \"3.0.3\",\n \"paths\": }").unwrap();
    let run =
        opcall(&["check", &path("pets.yaml"), &path("broken.json"), &path("none.yaml"), "-o", "ndjson"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let lines: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let keys = ["file", "format", "bytes", "operations", "skipped", "warnings", "error"];
    assert!(lines.iter().all(|line| line.as_object().unwrap().keys().eq(keys)), "{lines:?}");
    assert_eq!((lines[0]["operations"].as_u64(), lines[0]["skipped"].as_u64()), (Some(1), Some(1)));
    assert_eq!(lines[0]["bytes"], PETS.len());
    assert_eq!(lines[0]["format"], "openapi 3.0.3");
    assert_eq!(lines[0]["error"], Value::Null);
    assert!(
        lines[0]["warnings"][0]["pointer"].as_str().unwrap().starts_with("#/paths/~1pets~1{id}/post"),
        "{}",
        lines[0]
    );
    assert_eq!(lines[1]["error"]["line"], 2);
    assert!(lines[2]["error"]["message"].as_str().unwrap().starts_with("cannot be read"));
    assert_eq!(opcall(&["check", &path("pets.yaml")]).code, 0);
    assert_eq!(opcall(&["check", &path("pets.yaml"), "--strict"]).code, 1);
}

#[test]
fn what_check_says_is_well_formed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("pets.yaml"), PETS).unwrap();
    std::fs::write(path("q.graphql"), "query { a }").unwrap();
    let good = opcall(&["check", &path("pets.yaml")]);
    assert!(good.ok().contains(", 1 operation, 1 skipped\n"), "{}", good.stdout);
    let alone = opcall(&["check", &path("q.graphql")]);
    assert!(alone.code == 1 && alone.stdout.contains("x-graphql"), "{}", alone.stdout);
}

#[test]
fn a_name_that_a_document_takes_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pets.yaml").display().to_string();
    std::fs::write(&path, PETS.replace("getPet", "tokens_query")).unwrap();
    let call = ["--spec", &path, "tokens_query", "id=7", "--dry-run"];
    let note = "note: pets:tokens_query is called; falcon:tokens_query has the same name\n";
    assert!(opcall(&call).stderr.contains(note), "{}", opcall(&call).stderr);
    assert_eq!(opcall(&[&call[..], &["-q"]].concat()).stderr, "");
}

#[test]
fn a_required_body_is_said_in_the_schema() {
    let arguments = opcall(&["show", "tokens_create", "-o", "json"]).json()["arguments"].clone();
    let choices = arguments["anyOf"].as_array().unwrap();
    assert!(choices.contains(&serde_json::json!({"required": ["label"]})), "{arguments}");
}

#[test]
fn a_document_is_called_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pets.yaml").display().to_string();
    std::fs::write(&path, PETS).unwrap();
    let run = opcall(&["--spec", &path, "getPet", "id=7", "since<=2026", "--dry-run"]);
    assert_eq!(run.json()["url"], "https://pets.example/v1/pets/7?since%3C=2026");
    let listed = opcall(&["ops", "--spec", &path, "--api", "pets", "-o", "names"]);
    assert_eq!(listed.ok(), "pets:getPet\n");
}
