//! Real descriptions: the built-in services, the facts they come from, and documents of others.

use std::fs;
use std::path::{Path, PathBuf};

use opcall::source::FolderSource;
use opcall::spec::{self, Depth, Description, NoSource, Source};
use serde_json::Value;

/// A folder of the development environment; tests that need it are skipped where it is absent.
pub(super) fn shared(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("OPCALL_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = root.join(folder);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is absent", path.display());
    None
}

fn folder(name: &str, path: impl Into<PathBuf>) -> Description {
    spec::read_folder(name, &FolderSource::new(path), Depth::Requests)
        .unwrap_or_else(|error| panic!("{error}"))
}

fn document(path: &Path) -> Description {
    spec::read(&path.to_string_lossy(), &fs::read(path).unwrap(), &NoSource, Depth::Requests)
        .unwrap_or_else(|error| panic!("{error}"))
}

fn aliases(description: &Description) -> usize {
    description.operations.iter().map(|operation| operation.aliases.len()).sum()
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    files.sort();
    files
}

#[test]
fn the_built_in_services_are_read_without_a_warning() {
    for (service, operations, further) in [("falcon", 1_652, 530), ("panther", 96, 96), ("logscale", 20, 0)] {
        let read = folder(service, Path::new(env!("CARGO_MANIFEST_DIR")).join("specs").join(service));
        assert_eq!((read.operations.len(), aliases(&read)), (operations, further), "{service}");
        assert_eq!(read.warnings, [], "{service}");
        assert_eq!(read.service.name, service);
    }
}

#[test]
fn the_facts_are_read_whole() {
    let Some(facts) = shared("facts") else { return };
    let falcon = folder("falcon", facts.join("falcon"));
    assert_eq!((falcon.documents.len(), falcon.operations.len(), aliases(&falcon)), (141, 1_652, 530));
    let panther = document(&facts.join("panther.yaml"));
    assert_eq!(panther.operations.len(), 96);
    assert_eq!((falcon.skipped(), panther.skipped()), (0, 0));

    let logscale = tempfile::tempdir().unwrap();
    let from = facts.join("logscale");
    let operations = fs::read_to_string(from.join("logscale_operations.json")).unwrap();
    let operations: Value = serde_json::from_str(&operations).unwrap();
    let queries = operations.as_object().unwrap().values().map(|one| one["document"].as_str().unwrap());
    fs::write(logscale.path().join("all.graphql"), queries.collect::<Vec<_>>().join("\n")).unwrap();
    fs::copy(from.join("logscale_schema_extract.graphql"), logscale.path().join("schema.graphql")).unwrap();
    let carrier = "openapi: 3.0.3\npaths:\n  /graphql:\n    post:\n      x-graphql:\n        \
                   documents: [all.graphql]\n        schema: schema.graphql\n        scalars: {Long: integer}\n";
    fs::write(logscale.path().join("service.yaml"), carrier).unwrap();
    let logscale = folder("logscale", logscale.path());
    assert_eq!((logscale.format.as_str(), logscale.operations.len()), ("graphql", 20));
    assert_eq!(logscale.warnings, []);
}

#[test]
fn the_lazy_reading_equals_the_whole_one() {
    let Some(facts) = shared("facts") else { return };
    let mut files = yaml_files(&facts.join("falcon"));
    files.push(facts.join("panther.yaml"));
    for path in files {
        let value: Value = yaml_serde::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        equal(&path.to_string_lossy(), &value.to_string(), &NoSource, Depth::Requests);
        equal(&path.to_string_lossy(), &value.to_string(), &NoSource, Depth::Answers);
    }
}

/// Whether the document could be read lazily; then both ways must agree on every operation.
pub(super) fn equal(file: &str, text: &str, source: &dyn Source, depth: Depth) -> bool {
    let Ok(Some(index)) = spec::index(file, text, source.limits()) else { return false };
    let whole = spec::read(file, text.as_bytes(), source, depth).unwrap();
    assert_eq!(*index.service, whole.service, "{file}");
    assert_eq!(index.len(), whole.operations.len() + whole.skipped(), "{file}");
    let mut operations = whole.operations.iter();
    for number in 0..index.len() {
        if let Ok((lazy, _)) = index.extract(text, number, depth, source) {
            assert_eq!(Some(&lazy), operations.next(), "{file}");
        }
    }
    assert_eq!(operations.next(), None, "{file}");
    true
}

/// Documents of others that are refused, or have fewer operations than their text seems to, each with the reason.
const INCOMPLETE: [(&str, &str); 4] = [
    ("fastapi/link-errors-latin1.yaml", "the text is not UTF-8"),
    ("malformed/schema_alias_cycle_items.yaml", "not readable as YAML: recursion limit exceeded"),
    // The request body is the number 5.
    ("malformed/invalid_operation.yaml", "the request body has no `content`"),
    // `x-internal` is an extension, although it looks like a path item.
    ("openapi/paths_non_path_keys.yaml", "#/paths/parameters: the path item is not an object"),
];

#[test]
fn every_document_of_others_is_read_with_its_operations() {
    let Some(cases) = shared("cases/specs") else { return };
    let table = fs::read_to_string(cases.join("index.tsv")).unwrap();
    let (mut documents, mut read, mut skipped, mut lazy) = (0, 0, 0, 0);
    let mut incomplete = Vec::new();
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let (path, declared) = (cases.join(columns[0]), columns[4].parse().unwrap_or(0));
        let Ok(bytes) = fs::read(&path) else { continue };
        let (file, source) = (path.to_string_lossy(), FolderSource::new(path.parent().unwrap()));
        documents += 1;
        match spec::read(&file, &bytes, &source, Depth::Requests) {
            Ok(description) => {
                let found = description.operations.len();
                assert!(found + description.skipped() >= declared, "{file}: an operation is lost silently");
                read += found;
                skipped += description.skipped();
                if found < declared {
                    let told = description
                        .warnings
                        .iter()
                        .filter(|one| one.effect == spec::Effect::OperationSkipped);
                    let told: Vec<String> =
                        told.map(|one| format!("{}: {}", one.pointer, one.problem)).collect();
                    incomplete.push((columns[0].to_owned(), told.join("; ")));
                }
                lazy += usize::from(equal(
                    &file,
                    &spec::json(&file, &bytes, spec::Limits::default()).unwrap().0,
                    &source,
                    Depth::Requests,
                ));
            }
            Err(error) => {
                assert!(error.pointer.is_some() || error.position.is_some(), "{error}");
                incomplete.push((columns[0].to_owned(), error.to_string()));
            }
        }
    }
    eprintln!("{documents} documents: {read} operations read, {skipped} skipped, {lazy} documents lazily");
    let agreed = |(path, problem): &&(String, String)| {
        INCOMPLETE.iter().any(|(known, reason)| path.ends_with(known) && problem.contains(reason))
    };
    let unexplained: Vec<_> = incomplete.iter().filter(|one| !agreed(one)).collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    assert_eq!(incomplete.len(), INCOMPLETE.len(), "{incomplete:#?}");
}
