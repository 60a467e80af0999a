//! Build scripts: a table made by one says what its documents say, and a fault is told whole.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;

use super::{BuildError, compile_into};
use crate::document::tests::table_told;
use crate::{Document, OperationTable};

const PETS: &str = "openapi: 3.0.3
info: {title: Pets, version: '1'}
servers: [{url: https://pets.example}]
paths:
  /pets/{id}:
    get:
      operationId: getPet
      parameters: [{name: id, in: path, required: true, schema: {$ref: '#/components/schemas/Id'}}]
  /pets:
    post: {operationId: addPet, requestBody: {content: {application/json: {schema: {$ref: 'far.json#/Pet'}}}}}
components: {schemas: {Id: {type: integer, minimum: 1}}}
";
const FAR: &str =
    r#"{"Pet": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 9}}}}"#;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn load(out: &Path, name: &str) -> OperationTable {
    OperationTable::load(fs::read(out.join(format!("{name}.table"))).unwrap()).unwrap()
}

fn faults(files: &[(&str, &str)]) -> BuildError {
    let folder = folder(files);
    compile_into(folder.path(), folder.path()).unwrap_err()
}

#[test]
fn a_compiled_document_says_what_it_says_at_run_time() {
    let specs = folder(&[("pets.yaml", PETS), ("parts/far.json", FAR)]);
    fs::write(specs.path().join("pets.yaml"), PETS.replace("far.json", "parts/far.json")).unwrap();
    let out = tempfile::tempdir().unwrap();
    assert_eq!(compile_into(specs.path(), out.path()).unwrap(), []);
    let now = Document::open(specs.path().join("pets.yaml")).read().unwrap().0;
    let compiled = load(out.path(), "pets");
    assert!(table_told(&now).contains("maxLength"));
    assert_eq!(table_told(&compiled), table_told(&now));
    let leaked: &'static [u8] = fs::read(out.path().join("pets.table")).unwrap().leak();
    assert!(OperationTable::fits(leaked));
    assert_eq!(table_told(&OperationTable::included(leaked)), table_told(&now));
}

#[cfg(feature = "logscale")]
#[test]
fn a_folder_with_graphql_becomes_the_table_that_reading_it_gives() {
    let files = fs::read_dir("specs/logscale").unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = files.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect();
    let named: Vec<_> = files
        .iter()
        .map(|(path, text)| (format!("logs/{}", path.file_name().unwrap().display()), text))
        .collect();
    let specs = folder(&named.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>());
    let out = tempfile::tempdir().unwrap();
    assert_eq!(compile_into(specs.path(), out.path()).unwrap(), []);
    let now = Document::open(specs.path().join("logs")).read().unwrap().0;
    assert!(now.iter().any(|operation| operation.graphql().is_some()));
    assert_eq!(table_told(&load(out.path(), "logs")), table_told(&now));
}

#[test]
fn every_fault_of_every_document_is_told_at_once() {
    let twice = PETS.replace("addPet", "getPet");
    let broken = PETS.replace("in: path", "in: pocket");
    let fault = faults(&[
        ("far.json", FAR),
        ("twice.yaml", &twice),
        ("broken/service.yaml", "openapi: 3.0.3\ninfo: {title: t, version: '1'}\n"),
        ("broken/far.json", FAR),
        ("broken/pets.yaml", &broken),
        ("none.json", "{"),
        ("old.json", r#"{"swagger": "1.2"}"#),
    ]);
    let told: Vec<&str> = fault.faults().collect();
    let has = |words: &[&str]| {
        let found = told.iter().filter(|line| words.iter().all(|word| line.contains(word))).count();
        assert_eq!(found, 1, "{words:?} in {told:#?}");
    };
    has(&["`getPet` names two operations", "GET /pets/{id} (twice.yaml)", "POST /pets (twice.yaml)"]);
    has(&["broken/pets.yaml:6:5#/paths/~1pets~1{id}/get", "got \"pocket\"", "operation skipped"]);
    has(&["old.json", "not supported: Swagger 1.2", "hint: Convert"]);
    assert!(!fault.to_string().contains("far.json"), "a file for references is no document: {fault}");
    has(&["none.json:1:1", "not readable as JSON"]);
    assert_eq!(format!("{fault:?}"), fault.to_string(), "cargo shows a script's error as it is debugged");
    assert!(fault.to_string().starts_with("the documents have "), "{fault}");
}

#[test]
fn a_broken_operation_has_its_place() {
    let broken = PETS.replace("in: path", "in: pocket").replace("far.json#/Pet", "#/components/schemas/Id");
    let fault = faults(&[("pets.yaml", &broken)]).to_string();
    let (file, rest) = fault.split_once("#/").unwrap();
    assert!(file.ends_with("pets.yaml:6:5"), "{fault}");
    assert!(rest.contains("paths/~1pets~1{id}/get") && rest.contains("operation skipped"), "{fault}");
}

#[test]
fn what_cannot_be_compiled_at_all_is_named() {
    assert!(
        faults(&[("far.json", FAR), ("read.md", "")]).to_string().contains("neither a document nor a folder")
    );
    assert!(
        faults(&[("a.yaml", PETS), ("a.json", PETS)])
            .to_string()
            .contains("a.yaml: the table of this name is")
    );
    let missing = compile_into("no/such/folder", "out").unwrap_err().to_string();
    assert!(missing.starts_with("no/such/folder: cannot be read: "), "{missing}");
    let specs =
        folder(&[("a.json", r#"{"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {}}"#)]);
    let error = compile_into(specs.path(), specs.path().join("gone")).unwrap_err().to_string();
    assert!(error.contains("a.table: cannot be written: "), "{error}");
}

#[test]
fn bytes_of_another_version_are_no_table_while_compiling() {
    assert!(
        !OperationTable::fits(b"OPCT")
            && !OperationTable::fits(b"")
            && !OperationTable::fits(b"OPCT\xff\0\0\0")
    );
    assert!(OperationTable::included(b"nothing").is_empty());
}
