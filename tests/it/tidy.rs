//! The promises about the code itself: file lengths, opening words, vendor names, machine paths.

use std::fs;
use std::path::{Path, PathBuf};

/// No file is longer.
const CEILING: usize = 600;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The sources below a folder, without what builds leave beside them.
fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.ends_with("target") || path.ends_with(".installed") {
            continue;
        }
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources(folders: &[&str]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for folder in folders {
        rust_files(&root().join(folder), &mut files);
    }
    files.sort();
    let name = |path: &Path| path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
    let mut read: Vec<_> = files.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect();
    read.push(("build.rs".to_owned(), fs::read_to_string(root().join("build.rs")).unwrap()));
    assert!(read.len() > 20, "the sources are not where they should be");
    read
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<_> = sources(&["src", "tests", "examples", "benches"])
        .into_iter()
        .map(|(name, text)| (name, text.lines().count()))
        .filter(|(_, lines)| *lines > CEILING)
        .collect();
    assert!(long.is_empty(), "over {CEILING} lines: {long:?}");
}

#[test]
fn every_file_says_what_it_holds() {
    let silent: Vec<_> = sources(&["src", "tests", "examples", "benches"])
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(name, _)| name)
        .collect();
    assert!(silent.is_empty(), "without an opening `//!`: {silent:?}");
}

/// What is special to a vendor stands in its spec files; examples in documentation may call its operations.
#[test]
fn no_vendor_is_named_outside_the_sandbox() {
    let vendors = ["falcon", "crowdstrike", "panther", "logscale", "humio"];
    let mut named = Vec::new();
    for (name, text) in sources(&["src"]) {
        if name.starts_with("src/sandbox/") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let is_documentation = line.trim_start().starts_with("//");
            let code = line.to_lowercase();
            if !is_documentation
                && vendors.iter().any(|vendor| code.contains(vendor))
                && !in_tests(&name, &text, number)
            {
                named.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(named.is_empty(), "vendors are named:\n{}", named.join("\n"));
}

/// Whether a line stands in a unit-test module at the end of its file, or the file is one.
fn in_tests(name: &str, text: &str, line: usize) -> bool {
    // An inner attribute at the margin is the whole file's; an indented one is that of a module in it.
    let is_allowed = text.lines().any(|line| line.starts_with("#![allow(clippy::unwrap_used"));
    is_allowed
        || name.ends_with("_tests.rs")
        || text.lines().take(line).any(|before| before.trim() == "#[cfg(test)]")
}

#[test]
fn no_work_is_left_open_in_the_code() {
    let marks = ["todo!(", "unimplemented!(", "#[ignore", concat!("FIX", "ME"), concat!("XX", "X")];
    let mut open = Vec::new();
    for (name, text) in sources(&["src", "tests", "examples", "benches"]) {
        for (number, line) in text.lines().enumerate() {
            if name != "tests/it/tidy.rs" && marks.iter().any(|mark| line.contains(mark)) {
                open.push(format!("{name}:{}", number + 1));
            }
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}
