//! What a node's history says: shifted indexes, copies, parts that were changed again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

use std::fs;
use std::path::Path;

use super::Said;
use crate::document::Document;

/// Writes files into a folder.
fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// `what name part | file:line pointer` for each thing, the folder cut off.
fn told(document: &Document, folder: &Path, operation: &str) -> Vec<String> {
    let (table, _) = document.read().unwrap();
    let said = table.explain(table.get(operation).unwrap()).unwrap();
    let folder = format!("{}/", folder.display());
    said.iter().map(|one| line(one).replace(&folder, "")).collect()
}

fn line(said: &Said) -> String {
    let label: Vec<&str> = [Some(&said.what), said.name.as_ref(), said.part.as_ref()]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let place = &said.place;
    let line = place.line.map_or_else(|| "?".to_owned(), |line| line.to_string());
    let through = if said.through.is_empty() { "" } else { " (by reference)" };
    format!(
        "{} | {}:{line} {}{through}",
        label.join(" "),
        place.file,
        place.pointer.as_deref().unwrap_or("-")
    )
}

const DOCUMENT: &str = "openapi: 3.0.3
info: {title: T, version: '1'}
servers: [{url: https://a.example}]
security: [{key: []}]
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Key}
  parameters:
    limit: {name: limit, in: query, schema: {type: integer, maximum: 10}}
paths:
  /things:
    parameters:
      - {name: tenant, in: header, schema: {type: string}}
    post:
      operationId: make
      summary: Make a thing
      parameters:
        - {name: dropped, in: query, schema: {type: string}}
        - $ref: '#/components/parameters/limit'
        - $ref: 'common/parameters.yaml#/trace'
      requestBody:
        content:
          application/json:
            schema:
              allOf:
                - $ref: 'common/schemas.json#/Thing'
                - {type: object, properties: {size: {type: integer}}}
      responses: {'200': {description: ok}}
";
const PARAMETERS: &str =
    "trace:\n  $ref: '#/real'\nreal:\n  name: trace\n  in: header\n  schema: {type: string}\n";
const SCHEMAS: &str =
    "{\n \"Thing\": {\"type\": \"object\",\n  \"properties\": {\n   \"label\": {\"type\": \"string\"}}}\n}";

#[test]
fn every_layer_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(
        at,
        &[
            ("a.yaml", DOCUMENT),
            ("common/parameters.yaml", PARAMETERS),
            ("common/schemas.json", SCHEMAS),
            (
                "fix.yaml",
                "overlay: 1.1.0\ninfo: {title: t, version: '1'}\nactions:\n\
                 - target: $.paths.*.post\n  update:\n    summary: Better\n    x-scope: things:write\n\
                 - target: $.paths.*.post.parameters[?@.name=='dropped']\n  remove: true\n\
                 - target: $.components.parameters.limit.schema\n  update: {maximum: 99}\n\
                 - target: $.paths.*.post.parameters\n  update: [{name: first, in: query, schema: {type: string}}]\n\
                 - target: $.paths.*.parameters\n  copy: $.paths.*.post.parameters[2]\n",
            ),
            ("patch.json", "{\"servers\": [\n {\"url\": \"https://b.example\"}]}"),
        ],
    );
    let document =
        Document::open(at.join("a.yaml")).overlay(at.join("fix.yaml")).overlay(at.join("patch.json"));
    assert_eq!(
        told(&document, at, "make"),
        [
            "operation | a.yaml:14 #/paths/~1things/post",
            "operationId | a.yaml:15 #/paths/~1things/post/operationId",
            "summary | fix.yaml:6 #/actions/0/update/summary",
            "parameter header.tenant | a.yaml:13 #/paths/~1things/parameters/0",
            "parameter query.first | fix.yaml:13 #/actions/3/update/0",
            "parameter query.limit | a.yaml:9 #/components/parameters/limit (by reference)",
            "parameter query.limit /schema/maximum | fix.yaml:11 #/actions/2/update/maximum (by reference)",
            "parameter header.trace | common/parameters.yaml:3 #/real (by reference)",
            "body | a.yaml:21 #/paths/~1things/post/requestBody",
            "body application/json | a.yaml:23 #/paths/~1things/post/requestBody/content/application~1json",
            "property body.label | common/schemas.json:4 #/Thing/properties/label (by reference)",
            "property body.size | a.yaml:27 #/paths/~1things/post/requestBody/content/application~1json/schema/allOf/1/properties/size",
            "answers | a.yaml:28 #/paths/~1things/post/responses",
            "servers | patch.json:1 #/servers",
            "security | a.yaml:4 #/security",
            "security scheme key | a.yaml:7 #/components/securitySchemes/key",
            "x-scope | fix.yaml:7 #/actions/0/update/x-scope",
        ]
    );
}

#[test]
fn a_copy_is_told_by_its_action() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let fix = "{\"overlay\": \"1.1.0\", \"info\": {\"title\": \"t\", \"version\": \"1\"}, \"actions\": [\n\
        {\"target\": \"$.paths\", \"update\": {\"/twin\": {}}},\n\
        {\"target\": \"$.paths['/twin']\", \"copy\": \"$.paths['/things']\"},\n\
        {\"target\": \"$.paths['/twin'].post.operationId\", \"update\": \"make_twin\"},\n\
        {\"target\": \"$.paths['/twin'].post.operationId\", \"update\": \"twin\"}]}";
    write(at, &[("a.yaml", DOCUMENT), ("fix.json", fix), ("common/parameters.yaml", PARAMETERS)]);
    let document = Document::open(at.join("a.yaml")).overlay(at.join("fix.json"));
    let told = told(&document, at, "twin");
    for line in [
        "operation | fix.json:3 #/actions/1/copy",
        "operationId | fix.json:5 #/actions/3/update",
        "summary | fix.json:3 #/actions/1/copy",
        "parameter query.dropped | fix.json:3 #/actions/1/copy",
        "servers | a.yaml:3 #/servers",
    ] {
        assert!(told.iter().any(|one| one == line), "{line}: {told:#?}");
    }
    assert!(!told.iter().any(|one| one.contains("actions/2")), "what was said over is not told: {told:#?}");
}

#[test]
fn what_lies_under_a_folders_documents_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let base = "openapi: 3.0.3\ninfo: {title: T, version: '1'}\nx-service: zoo\nservers:\n- url: https://zoo.example\n";
    let (first, second) = (
        "info: {title: A}\npaths:\n  /a: {get: {operationId: a}}\n",
        "paths: {/b: {get: {operationId: b, summary: B}}}\nservers: [{url: https://b.example}]\n",
    );
    let fix = "overlay: 1.0.0\ninfo: {title: t, version: '1'}\nactions:\n- target: $.paths.*.get\n  update: {summary: Fixed}\n";
    write(
        at,
        &[("zoo/service.yaml", base), ("zoo/a.yaml", first), ("zoo/b.yaml", second), ("fix.yaml", fix)],
    );
    let document = Document::open(at.join("zoo")).overlay(at.join("fix.yaml"));
    assert_eq!(
        told(&document, at, "zoo:a"),
        [
            "operation | zoo/a.yaml:3 #/paths/~1a/get",
            "operationId | zoo/a.yaml:3 #/paths/~1a/get/operationId",
            "summary | fix.yaml:5 #/actions/0/update/summary",
            "servers | zoo/service.yaml:4 #/servers",
        ]
    );
    assert_eq!(told(&document, at, "zoo:b").last().unwrap(), "servers | zoo/b.yaml:2 #/servers");
}

#[test]
fn a_graphql_operation_is_said_by_its_document() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let carrier = "openapi: 3.0.3\ninfo: {title: T, version: '1'}\nservers: [{url: https://a.example}]\npaths:\n  /graphql:\n    post:\n      x-graphql: {documents: [q.graphql]}\n";
    write(
        at,
        &[
            ("a.yaml", carrier),
            ("q.graphql", "query one { a }\n\nquery two($id: String!) {\n  b(id: $id)\n}\n"),
        ],
    );
    assert_eq!(
        told(&Document::open(at.join("a.yaml")), at, "two"),
        [
            "operation | q.graphql:3 - (by reference)",
            "body application/json | q.graphql:3 - (by reference)",
            "property body.id | q.graphql:3 - (by reference)",
            "servers | a.yaml:3 #/servers",
        ]
    );
}

#[test]
fn swagger_bodies_are_told_by_their_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let text = "swagger: '2.0'
info: {title: T, version: '1'}
host: a.example
securityDefinitions: {k: {type: apiKey, in: query, name: k}}
definitions:
  Pet:
    properties:
      name: {type: string}
paths:
  /pets:
    post:
      operationId: add
      security: [{k: []}]
      parameters:
        - {in: body, name: pet, schema: {$ref: '#/definitions/Pet'}}
    put:
      operationId: form
      parameters:
        - {in: formData, name: size, type: integer}
";
    write(at, &[("a.yaml", text)]);
    let document = Document::open(at.join("a.yaml"));
    let add = told(&document, at, "add");
    for line in [
        "body | a.yaml:15 #/paths/~1pets/post/parameters/0",
        "property body.name | a.yaml:8 #/definitions/Pet/properties/name (by reference)",
        "servers | a.yaml:3 #/host",
        "security scheme k | a.yaml:4 #/securityDefinitions/k",
    ] {
        assert!(add.iter().any(|one| one == line), "{line}: {add:#?}");
    }
    let form = told(&document, at, "form");
    assert!(
        form.contains(&"property body.size | a.yaml:19 #/paths/~1pets/put/parameters/0".to_owned()),
        "{form:#?}"
    );
}

#[test]
fn a_document_that_changed_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    fs::write(&path, "openapi: 3.0.3\npaths: {/a: {get: {operationId: a}}}\n").unwrap();
    let (table, _) = Document::open(&path).read().unwrap();
    fs::write(&path, "openapi: 3.0.3\npaths: {/b: {get: {operationId: a}}}\n").unwrap();
    let error = table.explain(table.get("a").unwrap()).unwrap_err();
    assert!(error.to_string().contains("is not in the document any more"), "{error}");
}

/// Every built-in operation names a file of `specs/` that has its path.
#[test]
fn built_in_operations_name_their_documents() {
    let table = crate::OperationTable::built_in();
    let mut texts = std::collections::HashMap::new();
    for operation in table.iter() {
        let said = table.explain(operation).unwrap();
        for one in &said {
            let text = texts.entry(one.place.file.clone()).or_insert_with(|| {
                fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&one.place.file)).unwrap()
            });
            if one.what == "security scheme" {
                let tokens =
                    ["components", "securitySchemes", one.name.as_deref().unwrap()].map(str::to_owned);
                assert!(crate::spec::nearest(text, tokens.to_vec()).is_some(), "{}", operation.id());
            } else {
                assert!(text.contains(super::walk::path(operation)), "{}: {one:?}", operation.id());
            }
        }
        assert!(said.len() > operation.parameters().len(), "{}", operation.id());
    }
}
