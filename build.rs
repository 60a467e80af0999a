//! Compiles `specs/` into one operation table a service, as [`build`] does for other crates, and into tables of
//! answers for the sandbox.

#[path = "src/build/mod.rs"]
#[allow(dead_code, unreachable_pub, rustdoc::broken_intra_doc_links, reason = "the library has the rest")]
mod build;
#[path = "src/table/format/mod.rs"]
#[allow(dead_code, unused_imports, unreachable_pub, reason = "the library uses the rest")]
mod format;
#[path = "src/operation/mod.rs"]
#[allow(dead_code, unused_imports, unreachable_pub, reason = "the library uses the rest")]
mod operation;
#[path = "src/source.rs"]
#[allow(dead_code, unreachable_pub, reason = "the library uses the rest")]
mod source;
#[path = "src/spec/mod.rs"]
#[allow(dead_code, unused_imports, unreachable_pub, reason = "the library uses the rest")]
mod spec;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use build::Service;
use spec::Depth;

/// What reads and repairs documents, and writes tables and keeps them: a table that other code made may say other things.
const READERS: [&str; 9] = [
    "src/spec",
    "src/operation",
    "src/table/format",
    "src/table/kept",
    "src/source.rs",
    "src/overlay",
    "src/jsonpath",
    "src/document/base.rs",
    "src/document/repair.rs",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=specs");
    println!("cargo::rerun-if-changed=src/build");
    let mut readers = format::SOURCE_HASH_START;
    for input in READERS {
        println!("cargo::rerun-if-changed={input}");
        readers = hash_of(readers, Path::new(input))?;
    }
    // The versions of the parsers, where they are known.
    let versions = Path::new("Cargo.lock");
    if versions.is_file() {
        println!("cargo::rerun-if-changed=Cargo.lock");
        readers = hash_of(readers, versions)?;
    }
    println!("cargo::rustc-env=OPCALL_READERS={readers:016x}");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let mut services = build::services(Path::new("specs"))?;
    services.retain(|service| has_feature(&service.name));
    let with_answers = has_feature("sandbox");
    for service in &services {
        compile(service, &out, with_answers)?;
    }
    fs::write(out.join("built_in.rs"), list("BUILT_IN", "table", &services))?;
    if !with_answers {
        services.clear();
    }
    fs::write(out.join("built_in_answers.rs"), list("BUILT_IN_ANSWERS", "answers", &services))?;
    Ok(())
}

fn compile(service: &Service, out: &Path, with_answers: bool) -> Result<(), Box<dyn Error>> {
    let requests = service.describe(Depth::Requests)?;
    fs::write(service.file(out), service.table(&requests)?)?;
    if with_answers {
        let answers = service.describe(Depth::Answers)?;
        let table = packed(&format::encode_answers(&answers.operations));
        fs::write(out.join(format!("{}.answers", service.name)), table)?;
    }
    Ok(())
}

/// A tenth of the size; only the sandbox unpacks it.
#[cfg(feature = "sandbox")]
fn packed(table: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec(table, 9)
}

/// Without the sandbox no answers are written.
#[cfg(not(feature = "sandbox"))]
fn packed(table: &[u8]) -> Vec<u8> {
    table.to_vec()
}

/// A constant that holds a file of each service, by name.
fn list(name: &str, extension: &str, services: &[Service]) -> String {
    let row = |Service { name, .. }: &Service| {
        format!("({name:?}, include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.{extension}\"))), ")
    };
    let rows: String = services.iter().map(row).collect();
    format!(
        "/// What build.rs made of each built-in service, by its name.\nconst {name}: &[(&str, &[u8])] = &[{rows}];\n"
    )
}

fn has_feature(name: &str) -> bool {
    env::var_os(format!("CARGO_FEATURE_{}", name.to_uppercase().replace('-', "_"))).is_some()
}

/// The hash of a file, or of all files of a folder.
fn hash_of(start: u64, path: &Path) -> Result<u64, Box<dyn Error>> {
    if !path.is_dir() {
        return Ok(format::hash_bytes(start, &fs::read(path)?));
    }
    let entries: Result<Vec<_>, _> =
        fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut entries = entries?;
    entries.sort_unstable();
    entries.iter().try_fold(start, |hash, entry| hash_of(hash, entry))
}
