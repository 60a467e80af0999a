//! Small documents made to do harm, each in its own way. What each becomes is said beside it: read, with so many
//! operations, or refused, for a reason that its error names.

#![allow(
    clippy::format_collect,
    clippy::format_push_string,
    clippy::needless_for_each,
    clippy::too_many_lines,
    reason = "lists of texts that are read by people"
)]

/// Documents of very many parts.
pub(super) mod crowds;
/// GraphQL beside a document.
mod graphql;
/// References in rings and to nothing.
mod references;
/// Texts of every shape.
mod shapes;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;

use opcall::spec::{self, Depth, Effect, Limits, Source, Warning};
use serde_json::{Value, json};

/// What a document becomes.
enum Becomes {
    /// So many operations.
    Read(usize),
    /// An error that says this.
    Refused(&'static str),
    /// No operations: the part that this points to has too many values, which is told once, with its line.
    TooLarge(&'static str),
    /// One of the two; it is enough that it ends.
    Either,
}

use Becomes::{Either, Read, Refused, TooLarge};

struct Case {
    name: String,
    file: &'static str,
    bytes: Vec<u8>,
    beside: HashMap<String, Vec<u8>>,
    limits: Limits,
    becomes: Becomes,
}

impl Source for Case {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.beside.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn limits(&self) -> Limits {
        self.limits
    }
}

#[derive(Default)]
struct Cases(Vec<Case>);

impl Cases {
    fn add(
        &mut self,
        name: impl Into<String>,
        file: &'static str,
        bytes: impl Into<Vec<u8>>,
        becomes: Becomes,
    ) {
        let (beside, limits) = (HashMap::new(), Limits::default());
        self.0.push(Case { name: name.into(), file, bytes: bytes.into(), beside, limits, becomes });
    }

    fn json(&mut self, name: impl Into<String>, document: &Value, becomes: Becomes) {
        self.add(name, "crafted.json", document.to_string(), becomes);
    }

    fn yaml(&mut self, name: impl Into<String>, text: impl Into<Vec<u8>>, becomes: Becomes) {
        self.add(name, "crafted.yaml", text, becomes);
    }

    fn beside(&mut self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.0.last_mut().unwrap().beside.insert(path.to_owned(), bytes.into());
    }
}

/// A document with one operation that may take a body, whose parts are replaced by name.
fn with(operation: &Value, components: &Value) -> Value {
    let mut own = json!({"operationId": "a", "responses": {}});
    own.as_object_mut().unwrap().extend(operation.as_object().unwrap().clone());
    json!({"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"post": own}},
        "components": components})
}

fn body(schema: &Value) -> Value {
    json!({"requestBody": {"content": {"application/json": {"schema": schema}}}})
}

/// What is told of a part that has too many values.
const TOO_LARGE: &str = "a single operation, component or other part has too many values to be read";

/// Whether the one warning is that a place has too many values, and that its operation is left out.
fn is_told(warnings: &[Warning], place: &str) -> bool {
    let [warning] = warnings else { return false };
    warning.pointer == place
        && warning.position.is_some()
        && warning.problem == TOO_LARGE
        && warning.effect == Effect::OperationSkipped
}

/// Reads the documents of some groups in every way.
fn run(groups: &[fn(&mut Cases)]) {
    let mut cases = Cases::default();
    groups.iter().for_each(|build| build(&mut cases));
    let (mut read, mut slowest) = (0, (0, String::new()));
    let (mut faults, mut left_out) = (String::new(), 0);
    for case in &cases.0 {
        let faults_of = || super::faults(&case.name, case.file, &case.bytes, case);
        let (took, (is_read, told)) = super::timed(faults_of);
        let took = took.as_millis();
        read += usize::from(is_read);
        slowest = slowest.max((took, case.name.clone()));
        faults.push_str(&told);
        let fault = match (&case.becomes, spec::read(case.file, &case.bytes, case, Depth::Requests)) {
            (Read(count), Ok(found)) if found.operations.len() == *count => continue,
            (Refused(part), Err(error)) if error.to_string().contains(part) => continue,
            (TooLarge(place), Err(error))
                if error.pointer.as_deref() == Some(place) && error.problem == TOO_LARGE =>
            {
                left_out += 1;
                continue;
            }
            (TooLarge(place), Ok(found))
                if found.operations.is_empty() && is_told(&found.warnings, place) =>
            {
                left_out += 1;
                continue;
            }
            (Either, _) => continue,
            (_, Ok(found)) => format!("{} operations, {:?}", found.operations.len(), found.warnings.first()),
            (_, Err(error)) => error.to_string(),
        };
        writeln!(faults, "{} ({}): {fault}", case.name, case.file).unwrap();
    }
    assert!(faults.is_empty(), "{faults}");
    eprintln!(
        "promise 10: {} crafted documents, {read} read, {} refused with their place, {left_out} of too large a part, the slowest took {} ms in all four ways ({})",
        cases.0.len(),
        cases.0.len() - read,
        slowest.0,
        slowest.1
    );
}

#[test]
fn nesting_and_aliases_end_soon() {
    run(&[shapes::nesting, shapes::aliases]);
}

#[test]
fn references_in_rings_and_to_nothing_end_soon() {
    run(&[references::cycles, references::dangling]);
}

#[test]
fn texts_numbers_and_versions_end_soon() {
    run(&[shapes::texts, shapes::numbers, shapes::versions]);
}

#[test]
fn crowds_end_soon() {
    run(&[crowds::crowds]);
}

#[test]
fn crowds_beyond_their_bound_are_told_with_their_place() {
    run(&[crowds::beyond]);
}

#[test]
fn a_call_of_an_operation_beyond_its_bound_fails_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.json");
    std::fs::write(&path, crowds::parameters(100_000).to_string()).unwrap();
    let harness = opcall::Harness::builder().env(|_| None).spec(path).build().unwrap();
    let (took, error) = super::timed(|| harness.command("a", json!({})).prepare().unwrap_err());
    assert!(took < super::SOON, "{took:?}");
    let opcall::Error::Spec(error) = error else { panic!("{error}") };
    assert_eq!((error.pointer.as_deref(), &*error.problem), (Some("#/paths/~1a/post"), TOO_LARGE));
    assert!(error.file.ends_with("large.json") && error.hint.is_some(), "{error}");
}

#[test]
fn small_documents_that_would_be_large_end_soon() {
    run(&[crowds::expansions]);
}

#[test]
fn graphql_documents_end_soon() {
    run(&[graphql::graphql]);
}
