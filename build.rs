//! Compiles `specs/` into one operation table a service, and refuses what would make a table worse than its
//! documents: faults, operations passed over, names given twice.

#[path = "src/table/format/mod.rs"]
#[allow(dead_code, unused_imports, unreachable_pub, reason = "the library uses the rest")]
mod format;
#[path = "src/operation/mod.rs"]
#[allow(dead_code, unused_imports, unreachable_pub, reason = "the library uses the rest")]
mod operation;
#[path = "src/source.rs"]
#[allow(unreachable_pub, reason = "the library uses the rest")]
mod source;
#[path = "src/spec/mod.rs"]
#[allow(dead_code, unused_imports, unreachable_pub, reason = "the library uses the rest")]
mod spec;

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fmt, fs};

use operation::OperationDef;
use source::FolderSource;
use spec::{Depth, Description, Effect, Source};

/// What reads documents and writes tables: a table that other code made may say other things.
const READERS: [&str; 4] = ["src/spec", "src/operation", "src/table/format", "src/source.rs"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=specs");
    let mut readers = format::SOURCE_HASH_START;
    for input in READERS {
        println!("cargo::rerun-if-changed={input}");
        readers = hash_of(readers, Path::new(input))?;
    }
    println!("cargo::rustc-env=OPCALL_READERS={readers:016x}");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let with_answers = has_feature("sandbox");
    let mut names = services(Path::new("specs"))?;
    for service in &names {
        compile(service, &out, with_answers)?;
    }
    fs::write(out.join("built_in.rs"), list("BUILT_IN", "table", &names))?;
    if !with_answers {
        names.clear();
    }
    fs::write(out.join("built_in_answers.rs"), list("BUILT_IN_ANSWERS", "answers", &names))?;
    Ok(())
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

/// A constant that holds a file of each service, by name.
fn list(name: &str, extension: &str, services: &[String]) -> String {
    let row = |service: &String| {
        format!("({service:?}, include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{service}.{extension}\"))), ")
    };
    let rows: String = services.iter().map(row).collect();
    format!(
        "/// What build.rs made of each built-in service, by its name.\nconst {name}: &[(&str, &[u8])] = &[{rows}];\n"
    )
}

/// The folders of `specs/` whose feature is on.
fn services(specs: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(specs)? {
        let entry = entry?;
        if let (true, Ok(name)) = (entry.file_type()?.is_dir(), entry.file_name().into_string()) {
            names.push(name);
        }
    }
    names.retain(|name| has_feature(name));
    names.sort_unstable();
    Ok(names)
}

fn has_feature(name: &str) -> bool {
    env::var_os(format!("CARGO_FEATURE_{}", name.to_uppercase().replace('-', "_"))).is_some()
}

fn compile(service: &str, out: &Path, with_answers: bool) -> Result<(), Box<dyn Error>> {
    let folder = format!("specs/{service}");
    let source = FolderSource::new(&folder);
    let requests = spec::read_folder(&folder, &source, Depth::Requests)?;
    refuse(&requests)?;
    let table = format::encode(&requests.service, &requests.operations, hash(&source)?);
    fs::write(out.join(format!("{service}.table")), table)?;
    if with_answers {
        let answers = spec::read_folder(&folder, &source, Depth::Answers)?;
        refuse(&answers)?;
        fs::write(out.join(format!("{service}.answers")), format::encode_answers(&answers.operations))?;
    }
    Ok(())
}

/// The hash of all of a folder's files, names included.
fn hash(source: &FolderSource) -> Result<u64, Box<dyn Error>> {
    let mut names = source.list()?;
    names.sort_unstable();
    names.iter().try_fold(format::SOURCE_HASH_START, |hash, name| {
        Ok(format::hash_bytes(format::hash_bytes(hash, name.as_bytes()), &source.read(name)?))
    })
}

fn refuse(description: &Description) -> Result<(), Refused> {
    let refused =
        |effect| matches!(effect, Effect::OperationSkipped | Effect::ExtensionIgnored | Effect::NoSignIn);
    let warnings =
        description.warnings.iter().filter(|warning| refused(warning.effect)).map(ToString::to_string);
    let mut faults: Vec<String> = warnings.collect();
    let mut owners: HashMap<&str, &OperationDef> = HashMap::new();
    for operation in &description.operations {
        for name in operation.aliases.iter().chain([&operation.id]) {
            if let Some(owner) = owners.insert(name, operation) {
                let document = |of: &OperationDef| &description.documents[of.document as usize];
                faults.push(format!(
                    "`{name}` names two operations: {} {} ({}), {} {} ({})",
                    owner.method,
                    owner.path,
                    document(owner),
                    operation.method,
                    operation.path,
                    document(operation)
                ));
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Refused(faults)) }
}

/// Everything that stands against a service's documents, a line each.
struct Refused(Vec<String>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "specs/ has faults:\n{}", self.0.join("\n"))
    }
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Refused {}
