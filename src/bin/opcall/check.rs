//! `opcall check`: reads API descriptions as the loader does and tells what does not load.

use std::io::Write;
use std::path::Path;

use opcall::spec::{Position, SpecError, Survey, Warning};
use opcall::{Document, Error};
use serde_json::{Value, json};

use crate::args::{Bounds, CheckArgs, CheckOutput};
use crate::documents::{self, How};
use crate::output::{Screen, counted, escape, paint};
use crate::report::{self, Failure};

/// Checks every file and prints one finding for each.
///
/// # Errors
/// With code 1 where a file could not be read, or with `--strict` where one has a warning.
pub(crate) fn run(args: &CheckArgs, screen: Screen) -> Result<(), Failure> {
    let mut out = screen.out();
    let mut is_good = true;
    let (mut documents, faults): (Vec<_>, Vec<_>) =
        args.files.iter().map(|path| open(path, args)).collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    for overlay in &args.overlay {
        Document::overlay_all(&mut documents, overlay)?;
    }
    for ((document, path), fault) in documents.iter().zip(&args.files).zip(faults) {
        let finding = match fault {
            Some(fault) => Finding { name: fault.file.clone(), bytes: 0, read: Err(fault) },
            None => Finding::of(document, path),
        };
        is_good &= finding.is_good(args.strict);
        // The code is about all files, whoever reads of them.
        report::whoever_reads(finding.write(&mut out, args, screen))?;
    }
    if is_good { Ok(()) } else { Err(Failure::Told(1)) }
}

/// A document to be checked; one that cannot be fetched has a fault already.
fn open(path: &Path, args: &CheckArgs) -> Result<(Document, Option<Fault>), Failure> {
    let Some(url) = documents::url(path) else { return Ok((Document::open(path), None)) };
    match documents::fetch_with(
        url,
        &args.spec_headers,
        How { may_keep: true, network: &args.network, bounds: Bounds::default() },
    ) {
        Ok(document) => {
            documents::tell(&document, &args.common);
            Ok((document, None))
        }
        Err(failure @ Failure::Call(_)) => {
            let message = failure.to_string();
            let fault =
                Fault { message, file: shown(path), position: None, pointer: None, hint: failure.hint() };
            Ok((Document::open(path), Some(fault)))
        }
        Err(failure) => Err(failure),
    }
}

/// How a finding names a document: of a URL without its query, in which a secret may stand.
fn shown(path: &Path) -> String {
    match documents::url(path) {
        Some(url) => url.split(['?', '#']).next().unwrap_or_default().to_owned(),
        None => path.display().to_string(),
    }
}

/// What was found in one file or folder.
struct Finding {
    name: String,
    bytes: u64,
    read: Result<Survey, Fault>,
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
    fn of(document: &Document, path: &Path) -> Self {
        let name = shown(path);
        let bytes = if let Some(fetched) = document.fetched() {
            fetched.size()
        } else if path.is_dir() {
            size_of_files(path)
        } else {
            std::fs::metadata(path).map_or(0, |file| file.len())
        };
        let read = document.survey().map_err(|error| match error {
            Error::Spec(error) => graphql_alone(path).unwrap_or_else(|| (*error).into()),
            Error::Io(error) => Fault {
                message: format!("cannot be read: {}", error.source),
                file: name.clone(),
                position: None,
                pointer: None,
                hint: None,
            },
            other => Fault {
                message: other.to_string(),
                file: name.clone(),
                position: None,
                pointer: None,
                hint: other.hint(),
            },
        });
        Self { name, bytes, read }
    }

    fn is_good(&self, is_strict: bool) -> bool {
        self.read.as_ref().is_ok_and(|found| !is_strict || found.warnings.is_empty())
    }

    fn write(&self, out: &mut impl Write, args: &CheckArgs, screen: Screen) -> Result<(), Failure> {
        match args.output.unwrap_or_default() {
            CheckOutput::Ndjson => writeln!(out, "{}", self.to_json())?,
            CheckOutput::Auto => self.write_text(out, screen)?,
        }
        Ok(out.flush()?)
    }

    fn to_json(&self) -> Value {
        let found = self.read.as_ref().ok();
        let warning = |one: &Warning| {
            json!({
                "file": one.file,
                "line": one.position.map(|at| at.line),
                "pointer": one.pointer,
                "problem": one.problem,
                "effect": one.effect.as_str(),
            })
        };
        json!({
            "file": self.name,
            "format": found.map(|found| &found.format),
            "bytes": self.bytes,
            "operations": found.map_or(0, |found| found.operations),
            "skipped": found.map_or(0, Survey::skipped),
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
                    counted(found.operations, "operation")
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
