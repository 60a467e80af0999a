//! API descriptions (`OpenAPI` 3.0 to 3.2, Swagger 2.0, GraphQL) to plain owned data: text, to JSON text, of
//! which one part after the other is made a value, to [`OperationDef`]s.
//!
//! One door for a document ([`read`]), one for a folder of a service ([`read_folder`]), one for a JSON
//! document whose operations are wanted singly ([`index`]). Files come through the [`Source`] that the
//! caller hands in: build.rs compiles this module too, and it knows no file, clock or network.

mod anchors;
mod document;
mod encoding;
mod error;
mod extract;
mod graphql;
mod graphql_schema;
mod head;
mod index;
mod limits;
mod names;
mod openapi31;
mod parameter;
mod parts;
mod position;
mod reference;
mod schema;
mod security;
mod server;
mod service;
mod styles;
mod swagger2;
#[cfg(test)]
mod tests;
mod tree;
mod yaml;

use std::borrow::Cow;
use std::collections::HashSet;
use std::io;

use serde_json::{Map, Value, json};

pub(crate) use document::{Parsed, lay_over, parse, scalar};
pub use document::{json, text};
pub(crate) use error::token;
pub use error::{Effect, Position, SpecError, Warning};
pub(crate) use index::Extractor;
pub use index::{Entry, Index, index};
pub use limits::Limits;
pub(crate) use names::path_key;
pub(crate) use position::{nearest, tokens};
pub(crate) use reference::{count, joined, percent_decoded};
pub(crate) use schema::Reached;

use self::extract::{Context, Site};
use self::head::Head;
use self::parts::{Members, name};
use self::reference::{Resolve, Whole, follow, reference};
use crate::operation::{Method, OperationDef, ServiceDef};

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

/// Changes documents after they were parsed and before they are read.
pub(crate) trait Patch {
    /// Changes a document. In a folder what `service.yaml` says was laid under it before.
    ///
    /// # Errors
    /// Where the change cannot be made.
    fn patch(&self, document: &mut Value) -> Result<(), SpecError>;

    /// Whether it changes nothing whatever the document.
    fn is_empty(&self) -> bool;
}

/// Changes nothing.
struct NoPatch;

impl Patch for NoPatch {
    fn patch(&self, _document: &mut Value) -> Result<(), SpecError> {
        Ok(())
    }

    fn is_empty(&self) -> bool {
        true
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

impl Description {
    /// How many operations could not be read; each has a warning.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.warnings.iter().filter(|warning| warning.effect == Effect::OperationSkipped).count()
    }
}

/// Reads one document, in JSON or YAML. `source` reads the files beside it.
///
/// # Errors
/// Where the document cannot be read at all; what is wrong with a single operation is a warning.
pub fn read(file: &str, bytes: &[u8], source: &dyn Source, depth: Depth) -> Result<Description, SpecError> {
    let limits = source.limits();
    let (text, mut warnings) = document::clean(file, bytes, limits)?;
    let found = one(&Reading { file, bytes: bytes.len(), folder: None, source, depth, number: 0 }, text)?;
    warnings.extend(found.warnings);
    position::locate(document::text(file, bytes, limits)?, &mut warnings);
    Ok(Description { warnings, ..found })
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
    let reading = Reading { file: folder, bytes: 0, folder: Some(folder), source, depth, number: 0 };
    let describe = |file: &str, bytes: &[u8], number, text: Cow<'_, str>| {
        let mut found = one(&Reading { file: &full(file), bytes: bytes.len(), number, ..reading }, text)?;
        position::locate(document::text(file, bytes, limits)?, &mut found.warnings);
        Ok::<_, SpecError>(found)
    };
    let mut whole: Option<Description> = None;
    let mut warnings = Vec::new();
    let mut base = Map::new();
    if files.iter().any(|file| file == BASE) {
        files.retain(|file| file != BASE);
        let bytes = read(BASE)?;
        let text = located(document::clean(&full(BASE), &bytes, limits)?, &bytes, limits, &mut warnings)?;
        if !files.is_empty()
            && let Ok(Value::Object(map)) = serde_json::from_str(&text)
        {
            base = map;
            base.shift_remove("paths");
        }
        let text = changed(text, &Map::new(), patch)?;
        let has_paths = Whole::new(&*text, None, source, BASE).member("paths").is_some();
        let mut found = describe(BASE, &bytes, 0, text)?;
        if !has_paths {
            found.documents.clear();
        }
        whole = Some(found);
    }
    for file in &files {
        let bytes = read(file)?;
        let text = located(document::clean(&full(file), &bytes, limits)?, &bytes, limits, &mut warnings)?;
        let number = whole.as_ref().map_or(0, |whole| whole.documents.len());
        let found = describe(file, &bytes, number, changed(text, &base, patch)?)?;
        match &mut whole {
            Some(whole) => {
                join(whole, found);
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

/// The text of a document over a base, with its patch. Only what is to be changed becomes a value as a whole.
fn changed<'t>(
    text: Cow<'t, str>,
    base: &Map<String, Value>,
    patch: &dyn Patch,
) -> Result<Cow<'t, str>, SpecError> {
    if base.is_empty() && patch.is_empty() {
        return Ok(text);
    }
    let mut value = serde_json::from_str(&text).map_err(|error| document::json_error(&error))?;
    if let Value::Object(document) = &mut value {
        document::lay_over(base, document);
    }
    patch.patch(&mut value)?;
    Ok(Cow::Owned(value.to_string()))
}

/// The text of a document, whose warnings go to the others with their places.
fn located<'b>(
    (text, mut told): (Cow<'b, str>, Vec<Warning>),
    bytes: &[u8],
    limits: Limits,
    warnings: &mut Vec<Warning>,
) -> Result<Cow<'b, str>, SpecError> {
    position::locate(document::text("", bytes, limits)?, &mut told);
    warnings.append(&mut told);
    Ok(text)
}

/// Adds a further document to a service.
fn join(whole: &mut Description, mut found: Description) {
    if found.service.servers != whole.service.servers {
        for operation in found.operations.iter_mut().filter(|operation| operation.servers.is_empty()) {
            operation.servers.clone_from(&found.service.servers);
        }
    }
    for scheme in found.service.security_schemes {
        if !whole.service.security_schemes.iter().any(|known| known.name == scheme.name) {
            whole.service.security_schemes.push(scheme);
        }
    }
    if whole.operations.is_empty() {
        whole.format = found.format;
    }
    if whole.service.version.is_empty() {
        whole.service.version = found.service.version;
    }
    whole.documents.append(&mut found.documents);
    whole.operations.append(&mut found.operations);
    whole.warnings.append(&mut found.warnings);
}

/// A document on its way to a description.
#[derive(Clone, Copy)]
struct Reading<'a> {
    file: &'a str,
    /// The size of its text.
    bytes: usize,
    /// Names the service where nothing else does.
    folder: Option<&'a str>,
    source: &'a dyn Source,
    depth: Depth,
    /// Its number among the documents of the folder.
    number: usize,
}

/// Reads a document's text as JSON.
fn one(reading: &Reading<'_>, text: Cow<'_, str>) -> Result<Description, SpecError> {
    let file = reading.file;
    let mut warnings = Vec::new();
    let found = collect(reading, anchors::placed(text), &mut warnings).map_err(|error| error.file(file))?;
    for warning in &mut warnings {
        file.clone_into(&mut warning.file);
    }
    Ok(Description { warnings, ..found })
}

/// The path items of a document as they stand in its text. A reference in their place is in no version, but in
/// documents that are cut into files.
fn paths<'t>(whole: &'t Whole<'_>, warnings: &mut Vec<Warning>) -> Cow<'t, str> {
    let Some(paths) = whole.member("paths") else { return Cow::Borrowed("") };
    let target = whole.parts.member(paths, "$ref", &whole.targets().budget);
    let target =
        target.map(|target| json!({"$ref": serde_json::from_str::<Value>(target).unwrap_or_default()}));
    let Some(target) = target.filter(|target| reference(target).is_some()) else {
        return Cow::Borrowed(paths);
    };
    match follow(&target, whole, "#/paths") {
        Ok(found) => Cow::Owned(found.to_string()),
        Err(error) => {
            warnings.push(Warning::skipped("#/paths", error));
            Cow::Borrowed("")
        }
    }
}

fn collect(
    reading: &Reading<'_>,
    text: Cow<'_, str>,
    warnings: &mut Vec<Warning>,
) -> Result<Description, SpecError> {
    let &Reading { file, bytes, folder, source, depth, number } = reading;
    let resolver = Whole::new(text, None, source, file).of_bytes(bytes);
    let root = head::members(&resolver.parts, &resolver.targets().budget)?;
    let Head { mut format, upgrade, defaults, service } =
        head::read(&root, &resolver, stem(folder.unwrap_or(file)), warnings)?;
    openapi31::check_webhooks((resolver.member("webhooks"), resolver.member("paths")), warnings);
    let context = Context {
        document: u32::try_from(number).unwrap_or(u32::MAX),
        upgrade: upgrade.as_ref(),
        defaults: &defaults,
        schemes: &service.security_schemes,
        resolver: &resolver,
        depth,
    };
    let mut operations = Vec::new();
    let (mut carriers, mut seen) = (0, 0);
    let mut ids = HashSet::new();
    let paths = paths(&resolver, warnings);
    let items = serde_json::from_str::<Members<'_>>(&paths).map_or_else(|_| Vec::new(), |items| items.0);
    for (key, item) in items {
        let path = &*name(key);
        if path.starts_with("x-") {
            continue;
        }
        let pointer = format!("#/paths/{}", token(path));
        let item = resolver.parts.value(item.get());
        let item = item.and_then(|item| openapi31::path_item(item, &resolver, &pointer));
        let item = match item {
            Ok(item) => item,
            Err(error) => {
                warnings.push(Warning::skipped(&pointer, error));
                continue;
            }
        };
        let Value::Object(item) = &*item else {
            let error = SpecError::new("the path item is not an object");
            warnings.push(Warning::skipped(&pointer, error));
            continue;
        };
        check_path(path, &pointer, warnings);
        for (method, operation) in methods(item, &pointer, warnings) {
            let site = Site { path, method, shared: item, operation };
            let pointer = site.pointer();
            seen += 1;
            source.limits().check_operations(seen.max(operations.len()), &pointer)?;
            let def = match extract::operation(&context, &site, warnings) {
                Ok(def) => def,
                Err(error) => {
                    resolver.targets().budget.check(&pointer)?;
                    warnings.push(Warning::skipped(&pointer, error));
                    continue;
                }
            };
            let before = operations.len();
            if let Some(carrier) = operation.get("x-graphql").filter(|value| !value.is_null()) {
                carriers += 1;
                operations.extend(graphql::describe(file, &def, carrier, &pointer, source)?);
            } else {
                operations.push(def);
            }
            for def in &operations[before..] {
                check_id(def.id.clone(), &pointer, &mut ids, warnings);
            }
        }
    }
    if carriers > 0 && operations.iter().all(|operation| operation.graphql.is_some()) {
        "graphql".clone_into(&mut format);
    }
    let documents = vec![file_name(file)];
    let service = ServiceDef { documents: documents.clone(), ..service };
    Ok(Description { service, format, documents, operations, warnings: Vec::new() })
}

/// The operations of a path item with their methods.
fn methods<'v>(
    item: &'v Map<String, Value>,
    pointer: &str,
    warnings: &mut Vec<Warning>,
) -> Vec<(Method, &'v Value)> {
    let mut found = Vec::new();
    for (key, value) in item {
        if let Some(method) = extract::method(key) {
            found.push((method, value));
        } else if key == "additionalOperations" {
            for (name, value) in value.as_object().into_iter().flatten() {
                match Method::of_token(name) {
                    Ok(method) => found.push((method, value)),
                    Err(error) => {
                        let error = SpecError::new(format!("{error}"));
                        let pointer = format!("{pointer}/additionalOperations/{}", token(name));
                        warnings.push(Warning::skipped(&pointer, error));
                    }
                }
            }
        }
    }
    found
}

/// Warns of a path key that the specification does not allow.
fn check_path(path: &str, pointer: &str, warnings: &mut Vec<Warning>) {
    if !path.starts_with('/') {
        let problem = "the path does not begin with a slash; one is put before it";
        warnings.push(Warning::new(pointer, problem, Effect::Assumed));
    }
}

/// Warns of an ID that an operation before it has.
fn check_id(id: String, pointer: &str, ids: &mut HashSet<String>, warnings: &mut Vec<Warning>) {
    if let Some(known) = ids.replace(id) {
        let problem = format!("another operation of the document has the identifier `{known}` too");
        warnings.push(Warning::new(pointer, problem, Effect::Ambiguous));
    }
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
