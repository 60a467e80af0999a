//! `opcall check`: reads API descriptions as the loader does and tells what does not load.

use std::io::Write;
use std::path::Path;

use opcall::source::FolderSource;
use opcall::spec::{self, Depth, Description, Position, SpecError, Warning};
use opcall::{Error, Fetched};
use serde_json::{Value, json};

use crate::args::{CheckArgs, CheckOutput};
use crate::documents;
use crate::output::{Screen, counted, escape, paint};
use crate::report::Failure;

/// Checks every file and prints one finding for each.
///
/// # Errors
/// With code 1 where a file could not be read, or with `--strict` where one has a warning.
pub(crate) fn run(args: &CheckArgs, screen: Screen) -> Result<(), Failure> {
    let mut out = screen.out();
    let mut is_good = true;
    for path in &args.files {
        let finding = match documents::url(path) {
            Some(url) => Finding::fetched(url, args)?,
            None => Finding::of(path),
        };
        is_good &= finding.is_good(args.strict);
        match args.output.unwrap_or_default() {
            CheckOutput::Ndjson => writeln!(out, "{}", finding.to_json())?,
            CheckOutput::Auto => finding.write_text(&mut out, screen)?,
        }
        out.flush()?;
    }
    if is_good { Ok(()) } else { Err(Failure::Told(1)) }
}

/// What was found in one file or folder.
struct Finding {
    name: String,
    bytes: u64,
    read: Result<Description, Fault>,
}

/// Why a file could not be read at all.
struct Fault {
    message: String,
    /// Where it is: `null` for what is not known.
    file: String,
    position: Option<Position>,
    pointer: Option<String>,
    hint: Option<String>,
}

impl From<SpecError> for Fault {
    fn from(error: SpecError) -> Self {
        let position = error.position.map(|at| format!("line {}, column {}: ", at.line, at.column));
        let pointer = error.pointer.as_ref().map(|pointer| format!("{pointer}: "));
        Self {
            message: format!(
                "{}{}{}",
                position.unwrap_or_default(),
                pointer.unwrap_or_default(),
                error.problem
            ),
            file: error.file,
            position: error.position,
            pointer: error.pointer,
            hint: error.hint,
        }
    }
}

impl Finding {
    /// What is in a document of the network; one that cannot be fetched is a finding, too.
    fn fetched(url: &str, args: &CheckArgs) -> Result<Self, Failure> {
        let name = url.split(['?', '#']).next().unwrap_or_default().to_owned();
        let document = match documents::fetch_with(url, &args.spec_headers, true) {
            Ok(document) => document,
            Err(failure @ Failure::Call(_)) => {
                let fault = Fault {
                    message: failure.to_string(),
                    file: name.clone(),
                    position: None,
                    pointer: None,
                    hint: failure.hint(),
                };
                return Ok(Self { name, bytes: 0, read: Err(fault) });
            }
            Err(failure) => return Err(failure),
        };
        documents::tell(&document, &args.common);
        let bytes = document.fetched().map_or(0, Fetched::size);
        let read = match document.describe(Depth::Requests) {
            Err(Error::Spec(error)) => Err(Fault::from(*error)),
            read => Ok(read?),
        };
        Ok(Self { name, bytes, read })
    }

    fn of(path: &Path) -> Self {
        let name = path.display().to_string();
        if path.is_dir() {
            let source = FolderSource::new(path);
            let read = spec::read_folder(&name, &source, Depth::Requests).map_err(Fault::from);
            return Self { bytes: size_of_files(path), read, name };
        }
        match std::fs::read(path) {
            Ok(bytes) => {
                let source = FolderSource::new(path.parent().unwrap_or_else(|| Path::new("")));
                let read = spec::read(&name, &bytes, &source, Depth::Requests)
                    .map_err(|error| graphql_alone(path).unwrap_or_else(|| error.into()));
                Self { name, bytes: bytes.len() as u64, read }
            }
            Err(error) => {
                let message = format!("cannot be read: {error}");
                let fault = Fault { message, file: name.clone(), position: None, pointer: None, hint: None };
                Self { name, bytes: 0, read: Err(fault) }
            }
        }
    }

    fn is_good(&self, is_strict: bool) -> bool {
        self.read.as_ref().is_ok_and(|description| !is_strict || description.warnings.is_empty())
    }

    fn to_json(&self) -> Value {
        let found = self.read.as_ref().ok();
        let warning = |one: &Warning| json!({"pointer": one.pointer, "problem": one.problem, "effect": one.effect.as_str()});
        json!({
            "file": self.name,
            "format": found.map(|found| &found.format),
            "bytes": self.bytes,
            "operations": found.map_or(0, |found| found.operations.len()),
            "skipped": found.map_or(0, Description::skipped),
            "warnings": found.map_or_else(Vec::new, |found| found.warnings.iter().map(warning).collect()),
            "error": self.read.as_ref().err().map(|fault| {
                json!({
                    "message": fault.message,
                    "file": fault.file,
                    "line": fault.position.map(|at| at.line),
                    "column": fault.position.map(|at| at.column),
                    "pointer": fault.pointer,
                    "hint": fault.hint,
                })
            }),
        })
    }

    fn write_text(&self, out: &mut impl Write, screen: Screen) -> std::io::Result<()> {
        let name = paint(&escape(&self.name), screen.heading());
        match &self.read {
            Ok(found) => {
                let skipped = found.skipped();
                let skipped = if skipped == 0 { String::new() } else { format!(", {skipped} skipped") };
                writeln!(
                    out,
                    "{name}: {}, {}{skipped}",
                    escape(&found.format),
                    counted(found.operations.len(), "operation")
                )?;
                found
                    .warnings
                    .iter()
                    .try_for_each(|warning| writeln!(out, "  {}", escape(&warning.to_string())))
            }
            Err(fault) => {
                writeln!(out, "{name}: error: {}", escape(&fault.message))?;
                fault.hint.iter().try_for_each(|hint| writeln!(out, "  hint: {}", escape(hint)))
            }
        }
    }
}

/// A GraphQL document does not say where it is sent, so it is no API description by itself.
fn graphql_alone(path: &Path) -> Option<Fault> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    let hint = "check the OpenAPI document whose operation carries it in `x-graphql`.";
    matches!(extension.as_str(), "graphql" | "graphqls" | "gql").then(|| Fault {
        message: "a GraphQL document is read through an API description that carries it".to_owned(),
        file: path.display().to_string(),
        position: None,
        pointer: None,
        hint: Some(hint.to_owned()),
    })
}

fn size_of_files(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .filter_map(|entry| entry.metadata().ok())
        .filter(std::fs::Metadata::is_file)
        .map(|file| file.len())
        .sum()
}
