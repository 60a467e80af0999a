//! Documents made to do harm, or written by tools that do it unasked: each is read right or refused at once, with the
//! place and what to do.

/// Two hundred small documents, each made to do harm in its own way.
mod crafted;
/// How much memory documents of many megabytes take.
#[cfg(all(feature = "cli", target_os = "linux"))]
mod memory;
/// Every node of a document replaced by what does not belong there.
mod mutations;
/// Overlays that ask for more than their document is worth.
mod overlays;
/// Documents cut off after every byte.
mod truncations;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use opcall::spec::{self, Depth, Description, Effect, Limits, NoSource, Source, SpecError};
use serde_json::{Value, json};

/// How long reading any of these may take: two seconds, or more in a debug build.
const SOON: Duration = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 2 });

/// How long some work takes: on the processor, where the system tells it of a thread, as other tests run beside it.
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let on_processor = || {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
    };
    let (begun, before) = (Instant::now(), on_processor());
    let done = work();
    let took = before.zip(on_processor()).map(|(before, after)| after.saturating_sub(before));
    (took.unwrap_or_else(|| begun.elapsed()), done)
}

/// Reads a document in every way, and tells whether it could be read; what was refused must say where it is at fault.
#[track_caller]
fn ends(name: &str, file: &str, bytes: &[u8], source: &dyn Source) -> bool {
    let faults = faults(name, file, bytes, source);
    assert!(faults.1.is_empty(), "{}", faults.1);
    faults.0
}

/// As [`ends`], with what is wrong in place of a panic.
fn faults(name: &str, file: &str, bytes: &[u8], source: &dyn Source) -> (bool, String) {
    let mut faults = String::new();
    let (took, read) = timed(|| spec::read(file, bytes, source, Depth::Requests));
    let (for_answers, _) = timed(|| spec::read(file, bytes, source, Depth::Answers));
    let (for_survey, survey) = timed(|| spec::survey(file, bytes, source));
    let (by_index, ()) = timed(|| {
        if let Ok((text, _)) = spec::json(file, bytes, source.limits())
            && let Ok(Some(index)) = spec::index(file, &text, source.limits())
        {
            for number in 0..index.len().min(5) {
                let _ = index.extract(&text, number, Depth::Requests, source);
            }
        }
    });
    let took = took.max(for_answers).max(for_survey).max(by_index);
    if took >= SOON {
        writeln!(faults, "{name} took {took:?}").unwrap();
    }
    if let (Ok(read), Ok(survey)) = (&read, &survey)
        && (read.operations.len(), &read.warnings) != (survey.operations, &survey.warnings)
    {
        writeln!(faults, "{name}: a survey finds {} operations", survey.operations).unwrap();
    }
    if let Err(error) = &read {
        let has_place = error.position.is_some() || error.pointer.is_some();
        if !has_place {
            writeln!(faults, "{name}: without a place: {error}").unwrap();
        }
        if error.to_string().len() > 2_000 {
            writeln!(faults, "{name}: an error of {} bytes", error.to_string().len()).unwrap();
        }
    }
    (read.is_ok(), faults)
}

fn read(file: &str, bytes: &[u8]) -> Result<Description, SpecError> {
    let (took, read) = timed(|| spec::read(file, bytes, &NoSource, Depth::Requests));
    assert!(took < SOON, "{file} took {took:?}");
    read
}

#[track_caller]
fn refused(file: &str, bytes: &[u8], problem: &str) -> SpecError {
    let error = read(file, bytes).unwrap_err();
    assert!(error.problem.contains(problem), "{error}");
    error
}

/// A document of one operation, with more members in its root.
fn document(more: &Value) -> Value {
    let mut document = json!({"openapi": "3.0.3", "info": {"title": "t", "version": "1"},
        "paths": {"/a": {"get": {"operationId": "a", "responses": {}}}}});
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    document
}

#[test]
fn aliases_cannot_make_a_small_text_huge() {
    let mut laughs = "openapi: 3.0.3\npaths: {}\na0: &a0 [lol]\n".to_owned();
    for level in 1..30 {
        let before = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(laughs, "a{level}: &a{level} [{before}]").unwrap();
    }
    refused("laughs.yaml", laughs.as_bytes(), "repetition limit exceeded");

    let many = vec!["x"; 40_000].join(",");
    let quadratic =
        format!("openapi: 3.0.3\npaths: {{}}\na: &a [{many}]\nb: [{}]\n", vec!["*a"; 40_000].join(","));
    assert!(quadratic.len() < 250_000);
    refused("quadratic.yaml", quadratic.as_bytes(), "through its aliases");

    let texts =
        format!("paths: {{}}\na: &a {}\nb: [{}]\n", "x".repeat(100_000), vec!["*a"; 40_000].join(","));
    refused("texts.yaml", texts.as_bytes(), "through its aliases");

    let cycle = "openapi: 3.0.3\npaths: &p\n  /a: *p\n";
    let error = refused("cycle.yaml", cycle.as_bytes(), "recursion limit");
    assert!(error.position.is_some(), "{error}");
}

#[test]
fn nesting_has_an_end() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!(
            "{{\"openapi\": \"3.0.3\", \"paths\": {}1{}}}",
            open.repeat(100_000),
            close.repeat(100_000)
        );
        let error = refused("deep.json", deep.as_bytes(), "recursion limit exceeded");
        assert!(error.position.is_some(), "{error}");
    }
    let flow = format!("openapi: 3.0.3\npaths: {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let error = refused("deep.yaml", flow.as_bytes(), "more than 10000 brackets are open");
    assert_eq!(error.position.map(|at| at.line), Some(2));
    let flow = format!("openapi: 3.0.3\npaths: {}{}\n", "[".repeat(5_000), "]".repeat(5_000));
    refused("deep.yaml", flow.as_bytes(), "recursion limit exceeded");
    let mut block = "openapi: 3.0.3\npaths:\n".to_owned();
    for level in 1..2_000 {
        writeln!(block, "{:level$}a:", "").unwrap();
    }
    assert!(read("block.yaml", block.as_bytes()).is_err());
}

#[test]
fn a_document_has_a_greatest_size() {
    let error = refused("big.json", &vec![0; (128 << 20) + 1], "more than 128 MiB");
    assert_eq!(
        error.hint.as_deref(),
        Some(
            "Give a document of fewer operations, or raise the limit (`Document::limits`) if this one is to be trusted."
        )
    );
}

#[test]
fn references_cannot_multiply() {
    let mut schemas = serde_json::Map::new();
    for level in 0..60 {
        let next = json!({"$ref": format!("#/components/schemas/s{}", level + 1)});
        let all = json!({"allOf": [next, next], "oneOf": vec![next.clone(); 50], "properties": {"p": next}});
        schemas.insert(format!("s{level}"), all);
    }
    schemas.insert("s60".to_owned(), json!({"type": "object"}));
    let first = json!({"$ref": "#/components/schemas/s0"});
    let body = json!({"content": {"application/json": {"schema": first}}});
    let paths = json!({"/a": {"post": {"operationId": "a", "requestBody": body,
        "parameters": [{"name": "p", "in": "query", "schema": first}]}}});
    let whole = document(&json!({"paths": paths, "components": {"schemas": schemas}}));
    let read = read("wide.json", whole.to_string().as_bytes()).unwrap();
    assert_eq!(read.operations[0].schemas.len(), 61);
}

#[test]
fn a_value_is_not_tried_against_alternatives_without_end() {
    let mut schemas = serde_json::Map::new();
    for level in 0..60 {
        let next = json!({"$ref": format!("#/components/schemas/s{}", level + 1)});
        schemas.insert(format!("s{level}"), json!({"anyOf": [next, next]}));
    }
    schemas.insert("s60".to_owned(), json!({"type": "integer"}));
    let p = json!({"name": "p", "in": "query", "schema": {"$ref": "#/components/schemas/s0"}});
    let paths = json!({"/a": {"get": {"operationId": "a", "parameters": [p]}}});
    let servers = json!([{"url": "https://example.com"}]);
    let whole = document(&json!({"paths": paths, "components": {"schemas": schemas}, "servers": servers}));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alternatives.json");
    std::fs::write(&path, whole.to_string()).unwrap();
    let harness = opcall::Harness::builder().env(|_| None).spec(path).build().unwrap();
    let (took, ()) = timed(|| {
        assert!(harness.command("a", json!({"p": 1})).prepare().is_ok());
        // Whether the text is refused or sent as it is, it is told soon.
        let _ = harness.command("a", json!({"p": "no number"})).prepare();
    });
    assert!(took < SOON, "{took:?}");
}

#[test]
fn numbers_of_every_size_are_read_or_told() {
    let yaml = "openapi: 3.0.3\npaths:\n  /a:\n    get:\n      operationId: a\n      parameters:\n      - {name: n, in: query, schema: {type: integer, minimum: -9223372036854776000, maximum: 170141183460469231731687303715884105728000}}\n      - {name: f, in: query, schema: {type: number, maximum: 1e999, minimum: .nan}}\n";
    let read_ = read("numbers.yaml", yaml.as_bytes()).unwrap();
    assert_eq!(read_.operations[0].parameters.len(), 2);
    assert_eq!(read_.warnings, []);
    let big = document(&json!({})).to_string().replace("\"t\"", "123456789012345678901234567890");
    assert_eq!(read("big.json", big.as_bytes()).unwrap().operations.len(), 1);
    let beyond = document(&json!({})).to_string().replace("\"t\"", "1e999");
    assert!(refused("beyond.json", beyond.as_bytes(), "number out of range").position.is_some());
}

#[test]
fn keys_given_twice_are_told_with_their_line() {
    let json = "{\"openapi\": \"3.0.3\",\n \"paths\": {\n  \"/a\": {\"get\": {\"operationId\": \"first\"}},\n  \"/a\": {\"get\": {\"operationId\": \"last\",\n    \"tags\": [], \"tags\": []}}}}";
    let yaml = "openapi: 3.0.3\npaths:\n  /a: {get: {operationId: first}}\n  /a:\n    get: {operationId: last, tags: [],\n      tags: []}\n";
    for (file, text, lines) in [("twice.json", json, [5, 4]), ("twice.yaml", yaml, [6, 4])] {
        let read = read(file, text.as_bytes()).unwrap();
        assert_eq!(read.operations.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["last"], "{file}");
        let told: Vec<_> =
            read.warnings.iter().map(|one| (one.pointer.as_str(), one.position.unwrap().line)).collect();
        assert_eq!(told, [("#/paths/~1a/get/tags", lines[0]), ("#/paths/~1a", lines[1])], "{file}");
        // The lazy reading leaves such a document to the whole one.
        let text = spec::json(file, text.as_bytes(), Limits::default()).unwrap().0;
        assert_eq!(spec::index(file, &text, Limits::default()).unwrap().is_none(), file.ends_with("json"));
    }
}

#[test]
fn texts_of_every_encoding_are_read_or_told() {
    let text = document(&json!({})).to_string();
    let with_mark = ["\u{feff}".as_bytes(), text.replace(',', ",\r\n").as_bytes()].concat();
    assert_eq!(read("mark.json", &with_mark).unwrap().operations.len(), 1);
    let yaml = "\u{feff}openapi: 3.0.3\r\npaths:\r\n  /a:\r\n    get: {operationId: a}\r\n";
    assert_eq!(read("mark.yaml", yaml.as_bytes()).unwrap().operations.len(), 1);

    let wide = |mark: bool, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        mark.then_some(0xfeff).into_iter().chain(text.encode_utf16()).flat_map(bytes).collect()
    };
    for mark in [true, false] {
        for bytes in [wide(mark, u16::to_le_bytes), wide(mark, u16::to_be_bytes)] {
            let error = refused("wide.json", &bytes, "the text is UTF-16");
            assert_eq!(error.hint.as_deref(), Some("Save the file as UTF-8."));
        }
    }
    let latin1 = text.replace("\"t\"", "\"caf\u{e9}\"").chars().map(|one| one as u8).collect::<Vec<u8>>();
    assert!(refused("latin1.json", &latin1, "the text is not UTF-8").position.is_some());
    let tabs = "openapi: 3.0.3\npaths:\n\t/a: {}\n";
    let error = refused("tabs.yaml", tabs.as_bytes(), "not readable as YAML");
    assert_eq!(error.position.map(|at| at.line), Some(3), "{error}");
    refused("empty.yaml", b"", "not an object at its top");
    refused("zero.json", b"\0", "");
}

#[test]
fn what_is_unknown_or_wrong_in_a_schema_is_no_error() {
    let schema = json!({"type": "integer", "format": "sixteen-bit", "default": "wrong", "x-anything": {"a": [1]},
        "example": {"not": "a number"}, "minimum": "low", "pattern": 5, "enum": "none", "nullable": "yes"});
    let parameter = json!({"name": "p", "in": "query", "schema": schema, "x-more": true, "example": []});
    let response = json!({"default": {"description": 5, "content": {"application/json": {"schema": 7}}}});
    let operation = json!({"parameters": [parameter], "responses": response, "tags": [1, {}], "summary": ["no"],
        "externalDocs": "none", "x-own": null});
    let whole = document(&json!({"paths": {"/a/{id}": {"get": operation, "x-item": 1, "parameters": [
        {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}]}, "x-path": 1}, "x-root": [],
        "tags": "none", "components": 5, "servers": "none"}));
    let read = read("wrong.json", whole.to_string().as_bytes()).unwrap();
    assert_eq!(read.warnings, []);
    assert_eq!((read.operations[0].id.as_str(), read.operations[0].id_is_made), ("get_a_by_id", true));
}

#[test]
fn identifiers_given_twice_are_told_with_their_line() {
    let text = "openapi: 3.0.3\npaths:\n  /a:\n    get: {operationId: same}\n  /b:\n    get:\n      operationId: same\n";
    let read = read("same.yaml", text.as_bytes()).unwrap();
    assert_eq!(read.operations.len(), 2);
    let [warning] = &read.warnings[..] else { panic!("{:?}", read.warnings) };
    assert_eq!((warning.effect, warning.position.unwrap().line), (Effect::Ambiguous, 6));
    assert_eq!(
        warning.to_string(),
        "same.yaml:6:5#/paths/~1b/get: another operation of the document has the identifier `same` too (the identifier \
         is ambiguous; call it by method and path)"
    );
}
