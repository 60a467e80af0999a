//! Compiles a folder of API descriptions into operation tables, from a build script.
//!
//! A program that calls an API of its own carries the table of it instead of reading a document at every start, and a
//! document that is at fault fails the build instead of a call. The crate's own `build.rs` compiles this file
//! too: what is built in was made the same way.
//!
//! ```toml
//! [dependencies]
//! opcall = { version = "0.1", default-features = false, features = ["client"] }
//! [build-dependencies]
//! opcall = { version = "0.1", default-features = false, features = ["build"] }
//! ```
//!
//! ```no_run
//! // build.rs
//! # #[cfg(any())]
//! fn main() -> Result<(), opcall::build::BuildError> {
//!     opcall::build::compile("specs")
//! }
//! # fn main() {}
//! ```
//!
//! ```ignore
//! // src/main.rs
//! let mut table = opcall::include_table!("petstore");
//! let harness = opcall::Harness::builder().table(table).build()?;
//! ```

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fmt, fs, io};

use serde_json::value::RawValue;

use crate::format;
use crate::operation::OperationDef;
use crate::source::FolderSource;
use crate::spec::{self, Depth, Description, Effect, Source, SpecError, Warning};

/// Compiles every service of a folder into a table for [`include_table!`](crate::include_table): a folder in it is a
/// service of all its documents (`service.yaml` holds what they have in common), and so is a document that stands in
/// it alone. The table's name is the folder's, or the document's without its ending. What has neither `openapi` nor
/// `swagger` at its top is there for the references of others, and so is a folder of such files.
///
/// For a build script: it writes to `OUT_DIR`, and tells cargo to run the script again when the folder changes. What
/// a document says that is passed over without harm is a warning of the build.
///
/// # Errors
/// Everything that stands against the documents, at once: what cannot be read, operations that would be left out,
/// extensions that do not fit, credentials that could not be used, and names that several operations of a service
/// have.
#[allow(clippy::print_stdout, reason = "cargo reads what a build script writes to its standard output")]
pub fn compile(folder: impl AsRef<Path>) -> Result<(), BuildError> {
    let folder = folder.as_ref();
    println!("cargo::rerun-if-changed={}", folder.display());
    let out = env::var_os("OUT_DIR").ok_or_else(|| {
        BuildError::one(
            "OUT_DIR is not set: only cargo sets it, for a build script; use `compile_into` elsewhere",
        )
    })?;
    for warning in compile_into(folder, out)? {
        println!("cargo::warning={}", warning.to_string().replace('\n', " "));
    }
    Ok(())
}

/// As [`compile`], into a folder of the caller's choice, as `NAME.table`; returns what was passed over.
///
/// # Errors
/// As [`compile`].
pub fn compile_into(folder: impl AsRef<Path>, out: impl AsRef<Path>) -> Result<Vec<Warning>, BuildError> {
    let services = services(folder.as_ref())?;
    if services.is_empty() {
        let folder = folder.as_ref().display();
        return Err(BuildError::one(format!(
            "{folder}: there is neither a document nor a folder of documents in it"
        )));
    }
    let (mut warnings, mut faults) = (Vec::new(), twins(&services));
    for service in &services {
        match service.describe(Depth::Requests) {
            Ok(description) => {
                write(&service.file(out.as_ref()), &service.table(&description)?)?;
                warnings.extend(description.warnings);
            }
            Err(error) => faults.extend(error.faults),
        }
    }
    if faults.is_empty() { Ok(warnings) } else { Err(BuildError { faults }) }
}

/// What stands against the documents, a line each.
#[derive(Clone, PartialEq, Eq)]
pub struct BuildError {
    faults: Vec<String>,
}

impl BuildError {
    fn one(fault: impl Into<String>) -> Self {
        Self { faults: vec![fault.into()] }
    }

    /// The faults, each with the file and the place.
    pub fn faults(&self) -> impl ExactSizeIterator<Item = &str> {
        self.faults.iter().map(String::as_str)
    }

    fn io(action: &str, path: &Path, error: &io::Error) -> Self {
        Self::one(format!("{}: cannot be {action}: {error}", path.display()))
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.faults[..] {
            [one] => f.write_str(one),
            several => write!(f, "the documents have {} faults:\n{}", several.len(), several.join("\n")),
        }
    }
}

/// As it is displayed: a build script that returns it shows this.
impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for BuildError {}

impl From<SpecError> for BuildError {
    fn from(error: SpecError) -> Self {
        match &error.hint {
            Some(hint) => Self::one(format!("{error}\n  hint: {hint}")),
            None => Self::one(error.to_string()),
        }
    }
}

/// A folder of documents, or a document, that becomes one table.
pub(crate) struct Service {
    pub(crate) name: String,
    path: PathBuf,
    is_folder: bool,
}

/// The services of a folder by name.
pub(crate) fn services(folder: &Path) -> Result<Vec<Service>, BuildError> {
    let unreadable = |error| BuildError::io("read", folder, &error);
    let mut services = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_folder = path.is_dir();
        let name = if is_folder { path.file_name() } else { path.file_stem() };
        let is_service = if is_folder { has_service(&path) } else { is_description(&path) };
        if let (Some(name), true) = (name.and_then(|name| name.to_str()), is_service) {
            services.push(Service { name: name.to_owned(), path, is_folder });
        }
    }
    services.sort_unstable_by(|one, other| (&one.name, &one.path).cmp(&(&other.name, &other.path)));
    Ok(services)
}

/// Whether a folder has a document that is one by itself.
fn has_service(folder: &Path) -> bool {
    let documents = || fs::read_dir(folder).into_iter().flatten().flatten();
    folder.join("service.yaml").exists() || documents().any(|entry| is_description(&entry.path()))
}

/// Whether a file is an API description, or may be meant as one: what cannot be read is told later.
fn is_description(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    if !path.is_file() || !matches!(ending, Some("yaml" | "yml" | "json")) {
        return false;
    }
    let Ok(bytes) = fs::read(path) else { return true };
    let Ok((text, _)) = spec::json(&path.to_string_lossy(), &bytes, spec::Limits::default()) else {
        return true;
    };
    let root: Result<HashMap<String, &RawValue>, _> = serde_json::from_str(&text);
    root.map_or(true, |root| root.contains_key("openapi") || root.contains_key("swagger"))
}

/// The faults of services that would be written to one file.
fn twins(services: &[Service]) -> Vec<String> {
    let pairs = services.windows(2).filter(|pair| pair[0].name == pair[1].name);
    let fault = |pair: &[Service]| {
        format!("{}: the table of this name is {}'s", pair[1].path.display(), pair[0].path.display())
    };
    pairs.map(fault).collect()
}

impl Service {
    /// What its documents say, refused where a table would be worse than they are.
    pub(crate) fn describe(&self, depth: Depth) -> Result<Description, BuildError> {
        let (name, source) = (self.shown(), self.source());
        let description = if self.is_folder {
            spec::read_folder(&name, &source, depth)?
        } else {
            let bytes = fs::read(&self.path).map_err(|error| BuildError::io("read", &self.path, &error))?;
            spec::read(&name, &bytes, &source, depth)?
        };
        refuse(&description)?;
        Ok(description)
    }

    /// The table of what was described.
    pub(crate) fn table(&self, description: &Description) -> Result<Vec<u8>, BuildError> {
        Ok(format::encode(&description.service, &description.operations, self.hash()?))
    }

    /// Where its table is written.
    pub(crate) fn file(&self, out: &Path) -> PathBuf {
        out.join(format!("{}.table", self.name))
    }

    /// The path as errors name it.
    fn shown(&self) -> String {
        self.path.to_string_lossy().replace('\\', "/")
    }

    fn source(&self) -> FolderSource {
        let alone = || self.path.parent().unwrap_or(Path::new(""));
        FolderSource::new(if self.is_folder { &self.path } else { alone() })
    }

    /// The hash of its document, or of all files of its folder, names included.
    fn hash(&self) -> Result<u64, BuildError> {
        let unreadable = |error| BuildError::io("read", &self.path, &error);
        if !self.is_folder {
            let bytes = fs::read(&self.path).map_err(unreadable)?;
            return Ok(format::hash_bytes(format::SOURCE_HASH_START, &bytes));
        }
        let source = self.source();
        let mut names = source.list().map_err(unreadable)?;
        names.sort_unstable();
        names.iter().try_fold(format::SOURCE_HASH_START, |hash, name| {
            let bytes = source.read(name).map_err(unreadable)?;
            Ok(format::hash_bytes(format::hash_bytes(hash, name.as_bytes()), &bytes))
        })
    }
}

/// Writes a file that a table is in.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    fs::write(path, bytes).map_err(|error| BuildError::io("written", path, &error))
}

fn refuse(description: &Description) -> Result<(), BuildError> {
    let refused =
        |effect| matches!(effect, Effect::OperationSkipped | Effect::ExtensionIgnored | Effect::NoSignIn);
    let warnings = description.warnings.iter().filter(|warning| refused(warning.effect));
    let mut faults: Vec<String> = warnings.map(ToString::to_string).collect();
    let mut owners: HashMap<&str, &OperationDef> = HashMap::new();
    for operation in &description.operations {
        for name in operation.aliases.iter().chain([&operation.id]) {
            if let Some(owner) = owners.insert(name, operation) {
                faults.push(twice(description, name, owner, operation));
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(BuildError { faults }) }
}

fn twice(description: &Description, name: &str, owner: &OperationDef, other: &OperationDef) -> String {
    let document = |of: &OperationDef| {
        let name = description.documents.get(of.document as usize).map_or("", String::as_str);
        format!("{} {} ({name})", of.method, of.path)
    };
    format!("`{name}` names two operations: {}, {}", document(owner), document(other))
}
