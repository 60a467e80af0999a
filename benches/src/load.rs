//! From a file to the first operation that can be called, beside one pass of its parser, of JSON or of YAML, that keeps
//! nothing.

use std::hint::black_box;
use std::path::Path;

use opcall::{Harness, OperationTable};
use serde::de::IgnoredAny;

use super::clock::{compare, of_thread};
use super::documents;

pub(crate) fn run() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = folder.path().join("made.json");
    std::fs::write(&made, documents::made(1_600)).expect("a file");
    let yaml = folder.path().join("made.yaml");
    std::fs::write(&yaml, as_yaml(&made)).expect("a file");
    let mut all =
        vec![("made, 1,600 operations".to_owned(), made), ("the same in YAML".to_owned(), yaml)];
    all.extend(documents::real());
    for (name, path) in all {
        let size = std::fs::metadata(&path).map_or(0, |data| data.len());
        let found = compare(9, 1, of_thread, |_| first_operation(&path), |_| ignored(&path));
        println!(
            "load {name} ({:.1} MB): {:.1} ms, one pass of the parser {:.1} ms, ratio {:.2}",
            size as f64 / 1e6,
            found.first / 1e6,
            found.second / 1e6,
            found.ratio
        );
    }
}

/// One of the two so many times, for what measures processes.
pub(crate) fn again(name: &str, path: &Path, count: u32) {
    for _ in 0..count {
        if name == "load" { first_operation(path) } else { ignored(path) }
    }
}

/// Loads a document and prepares a call of its first operation.
fn first_operation(path: &Path) {
    let (table, _) = OperationTable::read(path).expect("a document");
    let id = table.iter().next().expect("an operation").id().to_owned();
    let harness = Harness::builder().env(|_| None).table(table).build().expect("a harness");
    // What it lacks is found only where the operation was read.
    let _ = black_box(harness.command(&id, ()).server("https://h.example").prepare());
}

/// A document in YAML, its mappings and lists in blocks.
fn as_yaml(json: &Path) -> String {
    let text = std::fs::read_to_string(json).expect("a file");
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    yaml_serde::to_string(&value).expect("a value")
}

/// Parses a file and keeps nothing.
pub(crate) fn ignored(path: &Path) {
    let bytes = std::fs::read(path).expect("a file");
    if path.extension().is_some_and(|extension| extension == "yaml") {
        black_box(yaml_serde::from_slice::<IgnoredAny>(&bytes)).expect("YAML");
    } else {
        black_box(serde_json::from_slice::<IgnoredAny>(&bytes)).expect("JSON");
    }
}
