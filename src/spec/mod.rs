//! API descriptions (`OpenAPI` 3.0 to 3.2, Swagger 2.0, GraphQL) to plain owned data: text, to JSON text, of
//! which one part after the other is made a value, to [`OperationDef`]s.
//!
//! One door for a document ([`read`]), one for a folder of a service ([`read_folder`]), one for a JSON
//! document whose operations are wanted singly ([`index`]). Files come through the [`Source`] that the
//! caller hands in: build.rs compiles this module too, and it knows no file, clock or network.

mod anchors;
mod blocks;
mod document;
mod encoding;
mod error;
mod extract;
mod folder;
mod graphql;
mod graphql_schema;
mod head;
mod ids;
mod index;
mod keys;
mod limits;
mod members;
mod merge;
mod names;
mod nodes;
mod openapi31;
mod outline;
mod parameter;
mod parts;
mod pass;
mod patch;
mod place;
mod position;
mod rebase;
mod reference;
mod scalars;
mod schema;
mod security;
mod server;
mod service;
mod styles;
mod swagger2;
#[cfg(test)]
mod tests;
mod tree;
mod uri;
mod walk;
mod warnings;
mod whole;
mod yaml;

use std::borrow::Cow;
use std::io;

use serde_json::{Map, Value};

pub(crate) use document::{Parsed, lay_over, owned_text, parse, scalar};
pub use document::{json, text};
pub use error::{Effect, Position, SpecError, Warning};
pub(crate) use error::{LeftOut, token};
pub(crate) use index::Extractor;
pub use index::{Entry, Index, index};
pub use limits::Limits;
pub(crate) use names::path_key;
pub(crate) use outline::Touched;
pub(crate) use patch::{Patch, repaired};
pub(crate) use position::{nearest, tokens};
pub(crate) use reference::{count, joined, percent_decoded};
pub(crate) use schema::Reached;

use self::document::Clean;
use self::patch::{NoPatch, changed};
use self::reference::Whole;
use self::whole::Reading;
use crate::operation::{OperationDef, ServiceDef};

/// The files beside a document.
pub trait Source {
    /// A file's bytes. The path is relative, with `/` between its segments and without `..`.
    ///
    /// # Errors
    /// Whatever reading the file fails with.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;

    /// The names of the files in the folder, in any order.
    ///
    /// # Errors
    /// Whatever listing the folder fails with.
    fn list(&self) -> io::Result<Vec<String>>;

    /// The path of the file that a URL means; by default none: a reference to the network leads nowhere.
    fn locate(&self, _url: &str) -> Option<String> {
        None
    }

    /// What the document beside these files may cost, and they with it; the default limits by default.
    fn limits(&self) -> Limits {
        Limits::default()
    }
}

/// No files: for a document that stands alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSource;

impl Source for NoSource {
    fn read(&self, _path: &str) -> io::Result<Vec<u8>> {
        Err(io::Error::new(io::ErrorKind::NotFound, "the document stands alone"))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// How much of an operation is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// What a request needs.
    #[default]
    Requests,
    /// The schemas of answers; [`OperationDef::schemas`] then holds what they reach in place of what requests do.
    Answers,
}

/// A document or a service's folder, read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Description {
    /// What holds for all operations.
    pub service: ServiceDef,
    /// The format as `opcall check` names it: `openapi 3.0.3`, or `graphql`.
    pub format: String,
    /// The documents' file names; [`OperationDef::document`] counts in it.
    pub documents: Vec<String>,
    /// The operations in the documents' order.
    pub operations: Vec<OperationDef>,
    /// What was passed over.
    pub warnings: Vec<Warning>,
}

/// What there is in a document, all of it read, without what it says of each operation.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Survey {
    /// The format as `opcall check` names it: `openapi 3.0.3`, or `graphql`.
    pub format: String,
    /// How many operations can be called.
    pub operations: usize,
    /// What was passed over.
    pub warnings: Vec<Warning>,
}

impl Survey {
    /// How many operations could not be read; each has a warning, or one of many its count.
    #[must_use]
    pub fn skipped(&self) -> usize {
        skipped(&self.warnings)
    }
}

impl From<Description> for Survey {
    fn from(found: Description) -> Self {
        Self { format: found.format, operations: found.operations.len(), warnings: found.warnings }
    }
}

fn skipped(warnings: &[Warning]) -> usize {
    let skipped = warnings.iter().filter(|warning| warning.effect == Effect::OperationSkipped);
    skipped.map(|warning| warning.count).sum()
}

impl Description {
    /// How many operations could not be read; each has a warning, or one of many its count.
    #[must_use]
    pub fn skipped(&self) -> usize {
        skipped(&self.warnings)
    }
}

/// Reads one document, in JSON or YAML. `source` reads the files beside it.
///
/// # Errors
/// Where the document cannot be read at all; what is wrong with a single operation is a warning.
pub fn read(file: &str, bytes: &[u8], source: &dyn Source, depth: Depth) -> Result<Description, SpecError> {
    alone(file, bytes, source, Some(depth)).map(|(found, _)| found)
}

/// Reads one document as [`read`] does and keeps nothing of its operations, so that it takes little more memory than
/// its text.
///
/// # Errors
/// As [`read`].
pub fn survey(file: &str, bytes: &[u8], source: &dyn Source) -> Result<Survey, SpecError> {
    let (found, operations) = alone(file, bytes, source, None)?;
    Ok(Survey { format: found.format, operations, warnings: found.warnings })
}

/// Reads one document; tells how many operations it has too.
fn alone(
    file: &str,
    bytes: &[u8],
    source: &dyn Source,
    depth: Option<Depth>,
) -> Result<(Description, usize), SpecError> {
    let text = document::text(file, bytes, source.limits())?;
    read_clean(file, text, document::clean(file, text, source.limits())?, source, depth)
}

/// Reads a document's text, with what was made of it, at once.
fn read_clean(
    file: &str,
    text: &str,
    (clean, mut warnings): Clean<'_>,
    source: &dyn Source,
    depth: Option<Depth>,
) -> Result<(Description, usize), SpecError> {
    let reading = Reading { file, bytes: text.len(), folder: None, source, depth, number: 0 };
    let (found, count) = whole::read(&reading, clean)?;
    warnings.extend(found.warnings);
    position::locate(text, &mut warnings);
    Ok((Description { warnings, ..found }, count))
}

/// A document that is read operation by operation, where its shape lets it.
pub(crate) enum Opened<'t> {
    /// Its text as JSON, and where its operations stand in that.
    Indexed(Cow<'t, str>, Box<Index>),
    /// What [`read`] gives.
    Whole(Box<Description>),
}

/// Opens a document by its text, with what was passed over so far.
///
/// # Errors
/// As [`read`].
pub(crate) fn open<'t>(
    file: &str,
    text: &'t str,
    source: &dyn Source,
) -> Result<(Opened<'t>, Vec<Warning>), SpecError> {
    let limits = source.limits();
    let indexed = |text, mut index: Index, mut warnings: Vec<Warning>| {
        warnings.append(&mut index.warnings);
        (Opened::Indexed(text, Box::new(index)), warnings)
    };
    // What has an index is JSON, whatever its file's name.
    if let Some(index) = index(file, text, limits)? {
        return Ok(indexed(Cow::Borrowed(text), index, Vec::new()));
    }
    let is_json = document::is_json(file, text);
    let (json, warnings) = document::clean(file, text, limits)?;
    if !is_json && let Some(index) = index(file, &json, limits)? {
        return Ok(indexed(json, index, warnings));
    }
    let (mut found, _) = read_clean(file, text, (json, warnings), source, Some(Depth::Requests))?;
    let warnings = std::mem::take(&mut found.warnings);
    Ok((Opened::Whole(Box::new(found)), warnings))
}

/// Reads the folder of a service: `service.yaml` is laid under each other `.yaml`, `.yml` or `.json`
/// document, and is a document itself where it has `paths`. `folder` names it in errors.
///
/// # Errors
/// Where a document cannot be read at all; what is wrong with a single operation is a warning.
pub fn read_folder(folder: &str, source: &dyn Source, depth: Depth) -> Result<Description, SpecError> {
    read_folder_patched(folder, source, depth, &NoPatch)
}

/// The document of a folder that is laid under the others.
pub(crate) const BASE: &str = "service.yaml";

/// As [`read_folder`], with every document changed by a patch.
pub(crate) fn read_folder_patched(
    folder: &str,
    source: &dyn Source,
    depth: Depth,
    patch: &dyn Patch,
) -> Result<Description, SpecError> {
    let limits = source.limits();
    let fault = |problem: String| SpecError::new(problem).file(folder);
    let mut files = source.list().map_err(|error| fault(format!("the folder cannot be read: {error}")))?;
    files.retain(|file| matches!(document::extension(file), Some("yaml" | "yml" | "json")));
    files.sort_unstable();
    let full = |file: &str| if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") };
    let read = |file: &str| {
        let bytes = source.read(file).map_err(|error| SpecError::new(format!("cannot be read: {error}")));
        bytes.map_err(|error| error.file(&full(file)))
    };
    let reading =
        Reading { file: folder, bytes: 0, folder: Some(folder), source, depth: Some(depth), number: 0 };
    let describe = |file: &str, bytes: &[u8], number, text: Cow<'_, str>, before: Option<&Description>| {
        let reading = Reading { file: &full(file), bytes: bytes.len(), number, ..reading };
        let (mut found, _) = whole::read(&reading, text)?;
        if let Some(before) = before {
            folder::keep_apart(before, &mut found, &full(file));
        }
        position::locate(document::text(file, bytes, limits)?, &mut found.warnings);
        Ok::<_, SpecError>(found)
    };
    let mut whole: Option<Description> = None;
    let mut warnings = Vec::new();
    let mut base = Map::new();
    if files.iter().any(|file| file == BASE) {
        files.retain(|file| file != BASE);
        let bytes = read(BASE)?;
        let text = located(&full(BASE), &bytes, limits, &mut warnings)?;
        if !files.is_empty()
            && let Ok(Value::Object(map)) = serde_json::from_str(&text)
        {
            base = map;
            base.shift_remove("paths");
        }
        let text = changed(&full(BASE), text, &Map::new(), patch)?;
        let has_paths = Whole::new(&*text, None, source, BASE).member("paths").is_some();
        let mut found = describe(BASE, &bytes, 0, text, None)?;
        if !has_paths {
            found.documents.clear();
        }
        whole = Some(found);
    }
    for file in &files {
        let bytes = read(file)?;
        let text = located(&full(file), &bytes, limits, &mut warnings)?;
        let number = whole.as_ref().map_or(0, |whole| whole.documents.len());
        let found =
            describe(file, &bytes, number, changed(&full(file), text, &base, patch)?, whole.as_ref())?;
        match &mut whole {
            Some(whole) => {
                folder::join(whole, found);
                limits.check_operations(whole.operations.len(), "#").map_err(|error| error.file(folder))?;
            }
            None => whole = Some(found),
        }
    }
    let mut whole = whole.ok_or_else(|| {
        fault("the folder holds no document".to_owned()).hint("Put a .yaml or .json document into it.")
    })?;
    warnings.append(&mut whole.warnings);
    whole.warnings = warnings;
    whole.service.documents.clone_from(&whole.documents);
    Ok(whole)
}

/// The text of a document as JSON without a key twice; the warnings of it go to the others with their places.
fn located<'b>(
    file: &str,
    bytes: &'b [u8],
    limits: Limits,
    warnings: &mut Vec<Warning>,
) -> Result<Cow<'b, str>, SpecError> {
    let text = document::text(file, bytes, limits)?;
    let (clean, mut told) = document::clean(file, text, limits)?;
    position::locate(text, &mut told);
    warnings.append(&mut told);
    Ok(clean)
}

/// A file's name without the folders before it.
fn file_name(file: &str) -> String {
    file.rsplit('/').next().unwrap_or(file).to_owned()
}

/// A file's or folder's name without folders before and the extension after it.
fn stem(file: &str) -> &str {
    let name = file.trim_end_matches('/').rsplit(['/', '\\']).next().unwrap_or(file);
    name.rsplit_once('.').map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem })
}
