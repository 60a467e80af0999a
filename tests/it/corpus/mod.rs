//! Documents of others: every operation of each is prepared with arguments made from its schemas, and what the dry
//! run prints is read back into the arguments.

mod bodies;
mod decode;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use opcall::{Error, Harness, Operation};
use serde_json::Value;

use super::generate::{self, Extent, Generated, Wrong};

/// Where everything is sent, so that the URL can be taken apart.
const BASE: &str = "https://api.example.com/base";

/// What cannot be as the document says: the document, the operation (all where it is empty), what is told of it, and
/// why that is right.
const EXCEPTIONS: [(&str, &str, &str, &str); 5] = [
    (
        "yaml/schema-types.yaml",
        "PUT /anything/quirks/polymorphism",
        "no arguments: body: its `allOf` asks for types that no value has at once",
        "the body is a string and an integer at once",
    ),
    (
        "yaml/schema-types.yaml",
        "PATCH /anything/quirks/polymorphism",
        "no arguments: body: its `allOf` asks for types that no value has at once",
        "the body is a string and an integer at once, with a description",
    ),
    (
        "client/stream-resume.yaml",
        "GET /rooms/{room}{shard}",
        "path.room is One",
        "two variables stand side by side: nobody can tell where one ends",
    ),
    (
        "plan/dialects32.yaml",
        "GET /search",
        "a form of \"",
        "a query that is a form is declared as one text: it has no names, and is sent as it is",
    ),
    (
        "yaml/circular-paths.yaml",
        "PUT /anything",
        "header.content is Items",
        "a header is a list of objects, which no style covers: their JSON has commas of its own",
    ),
];

/// What the walk finds.
#[derive(Debug, Default)]
struct Tally {
    documents: usize,
    operations: usize,
    calls: usize,
    refused: usize,
    excepted: BTreeMap<&'static str, usize>,
    failed: Vec<String>,
}

impl Tally {
    fn fail(&mut self, document: &str, operation: &str, problem: &str) {
        let agreed = |(file, name, told, _): &&(&str, &str, &str, &str)| {
            document.ends_with(file) && (name.is_empty() || *name == operation) && problem.contains(told)
        };
        match EXCEPTIONS.iter().find(agreed) {
            Some((.., reason)) => *self.excepted.entry(reason).or_default() += 1,
            None => self.failed.push(format!("{document} {operation}: {problem}")),
        }
    }

    /// An operation with the fewest and with all arguments, and with its body in each of its media types.
    fn operation(&mut self, document: &str, harness: &Harness, operation: Operation<'_>, seed: u64) {
        self.operations += 1;
        let id = generate::endpoint(operation);
        let mut made = vec![generate::arguments(operation, Extent::Minimal, seed)];
        let types = operation.body().into_iter().flat_map(opcall::RequestBody::media_types);
        made.extend(types.map(|one| generate::arguments_as(operation, Some(one), Extent::Full, seed)));
        if made.len() == 1 {
            made.push(generate::arguments_as(operation, None, Extent::Full, seed));
        }
        let name = format!("{} {}", operation.method(), operation.path());
        for made in made {
            self.calls += 1;
            match made {
                Ok(given) => {
                    if let Err(problem) = round_trip(harness, operation, &id, &given) {
                        self.fail(document, &name, &problem);
                    }
                }
                Err(reason) => self.fail(document, &name, &format!("no arguments: {reason}")),
            }
        }
        for Wrong { arguments, path, fault } in generate::wrong(operation, seed) {
            self.refused += 1;
            let prepared = arguments.command(harness, &id).server(BASE).prepare();
            let is_told = match &prepared {
                Err(Error::Arguments(told)) => told.problems.iter().any(|one| one.path.starts_with(&path)),
                _ => false,
            };
            if !is_told {
                self.fail(document, &name, &format!("{path} {fault:?} is not refused: {arguments:?}"));
            }
        }
    }
}

fn round_trip(
    harness: &Harness,
    operation: Operation<'_>,
    id: &str,
    given: &Generated,
) -> Result<(), String> {
    let prepared = given.command(harness, id).server(BASE).prepare();
    let prepared = prepared.map_err(|error| format!("{error} of {given:?}"))?;
    let shown: Value = serde_json::from_str(&prepared.to_json()).map_err(|error| error.to_string())?;
    decode::check(operation, given, &shown, BASE).map_err(|problem| format!("{problem} of {given:?}"))
}

#[test]
fn every_operation_of_every_document_is_prepared_and_read_back() {
    let Some(cases) = super::spec::shared("cases/specs") else { return };
    let table = fs::read_to_string(cases.join("index.tsv")).unwrap();
    let files: Vec<&str> = table.lines().skip(1).map(|line| line.split('\t').next().unwrap()).collect();
    let files = Mutex::new(files.into_iter());
    let all = Mutex::new(Tally::default());
    let work = || {
        let mut tally = Tally::default();
        loop {
            let Some(file) = files.lock().unwrap().next() else { break };
            walk(&cases, file, &mut tally);
        }
        let mut all = all.lock().unwrap();
        all.documents += tally.documents;
        all.operations += tally.operations;
        all.calls += tally.calls;
        all.refused += tally.refused;
        all.failed.extend(tally.failed);
        for (reason, count) in tally.excepted {
            *all.excepted.entry(reason).or_default() += count;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    let all = all.into_inner().unwrap();
    eprintln!(
        "{} documents: {} operations, {} calls prepared and read back, {} wrong ones refused",
        all.documents, all.operations, all.calls, all.refused
    );
    for (reason, count) in &all.excepted {
        eprintln!("  {count} excepted: {reason}");
    }
    assert!(
        all.failed.is_empty(),
        "{} failed: {:#?}",
        all.failed.len(),
        &all.failed[..all.failed.len().min(40)]
    );
    assert_eq!(all.excepted.len(), EXCEPTIONS.len(), "an exception is not needed: {EXCEPTIONS:#?}");
}

fn walk(cases: &Path, file: &str, tally: &mut Tally) {
    let path = cases.join(file);
    // What cannot be read at all is held against its reason in the module `spec`.
    let Ok(harness) = Harness::builder().env(|_| None).spec(&path).build() else { return };
    let name = harness.table().services().last().unwrap().to_owned();
    tally.documents += 1;
    let seed = file.bytes().fold(17_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    for (operation, number) in harness.table().iter().zip(0..) {
        if operation.service() == name {
            tally.operation(file, &harness, operation, seed.wrapping_add(number));
        }
    }
}
