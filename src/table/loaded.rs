//! Tables of documents that are loaded while the program runs.
//!
//! A document is only indexed, YAML as the JSON it stands for: an operation is extracted and encoded, alone, when
//! it is first asked for. Folders, and documents whose shape the index does not take, are read whole.

use std::borrow::Cow;
use std::fmt;

use once_cell::sync::OnceCell;

use super::format::{self, SOURCE_HASH_START, hash_bytes};
use super::operation::Operation;
use super::view::View;
use crate::error::{Error, Result};
use crate::operation::{OperationDef, ServiceDef};
use crate::spec::{self, Depth, Index, Patch, Source, Warning};

/// A document as JSON, with the index of its operations.
pub(super) struct LazyDocument {
    text: String,
    index: Index,
    source: Box<dyn Source + Send + Sync>,
    /// A table of the operations' names, methods and paths alone.
    names: Vec<u8>,
    /// A table of one operation each, made when it is first asked for.
    operations: Vec<OnceCell<Vec<u8>>>,
}

impl LazyDocument {
    fn new(text: String, index: Index, source: impl Source + Send + Sync + 'static) -> Self {
        let names = format::encode_each(&index.service, || listed(&index), 0);
        let operations = index.entries.iter().map(|_| OnceCell::new()).collect();
        Self { text, index, source: Box::new(source), names, operations }
    }

    /// The table of names.
    pub(super) fn names(&self) -> View<'_> {
        View::checked(&self.names)
    }

    /// An operation, whole.
    pub(super) fn operation(&self, row: u32) -> Result<Operation<'_>> {
        let number = row as usize;
        let Some(cell) = self.operations.get(number) else {
            return Ok(Operation { view: self.names(), row });
        };
        let bytes = cell.get_or_try_init(|| {
            let (operation, _) =
                self.index.extract(&self.text, number, Depth::Requests, self.source.as_ref())?;
            let service = ServiceDef { name: self.index.service.name.clone(), ..ServiceDef::default() };
            Ok::<_, Error>(format::encode(&service, &[operation], 0))
        })?;
        Ok(Operation { view: View::checked(bytes), row: 0 })
    }
}

impl fmt::Debug for LazyDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyDocument").field("operations", &self.operations.len()).finish_non_exhaustive()
    }
}

/// Adds what is known of a service from beyond its documents.
pub(crate) type Settle<'s> = &'s dyn Fn(&mut ServiceDef);

/// The operations of an index as far as their names go.
pub(super) fn listed(index: &Index) -> impl Iterator<Item = OperationDef> {
    let named = |entry: &spec::Entry| OperationDef {
        id: entry.id.clone(),
        id_is_made: entry.id_is_made,
        aliases: entry.aliases.clone(),
        path: index.path(entry).into_owned(),
        ..OperationDef::blank(entry.method.clone())
    };
    index.entries.iter().map(named)
}

/// What a document became.
pub(super) enum Loaded {
    /// Compiled whole.
    Compiled(Vec<u8>),
    /// Indexed.
    Lazy(Box<LazyDocument>),
}

/// Reads the text of a document.
pub(super) fn document(
    name: &str,
    bytes: Cow<'_, [u8]>,
    source: impl Source + Send + Sync + 'static,
    settle: Settle<'_>,
) -> Result<(Loaded, Vec<Warning>)> {
    let (text, mut warnings) = spec::json(name, &bytes, source.limits())?;
    let Some(mut index) = spec::index(name, &text, source.limits())? else {
        let read = spec::read(name, &bytes, &source, Depth::Requests)?;
        return Ok(compile(read, hash_bytes(SOURCE_HASH_START, &bytes), settle));
    };
    settle(&mut index.service);
    warnings.extend(index.warnings.iter().cloned());
    let written = match text {
        Cow::Owned(text) => Some(text),
        Cow::Borrowed(text) if text.len() < bytes.len() => Some(text.to_owned()),
        Cow::Borrowed(_) => None,
    };
    // The bytes themselves, without a copy; that they are a text is known.
    let text = written.unwrap_or_else(|| String::from_utf8(bytes.into_owned()).unwrap_or_default());
    Ok((Loaded::Lazy(Box::new(LazyDocument::new(text, index, source))), warnings))
}

/// Reads a service's folder, each document changed by a patch.
pub(super) fn folder(
    name: &str,
    source: &dyn Source,
    patch: &dyn Patch,
    settle: Settle<'_>,
) -> Result<(Loaded, Vec<Warning>)> {
    Ok(compile(spec::read_folder_patched(name, source, Depth::Requests, patch)?, hash_of(source), settle))
}

fn compile(
    mut description: spec::Description,
    source_hash: u64,
    settle: Settle<'_>,
) -> (Loaded, Vec<Warning>) {
    settle(&mut description.service);
    let bytes = format::encode(&description.service, &description.operations, source_hash);
    (Loaded::Compiled(bytes), description.warnings)
}

/// The hash of all of a folder's files, names included; a file that cannot be read counts as empty.
fn hash_of(source: &dyn Source) -> u64 {
    let mut names = source.list().unwrap_or_default();
    names.sort_unstable();
    names.iter().fold(SOURCE_HASH_START, |hash, name| {
        hash_bytes(hash_bytes(hash, name.as_bytes()), &source.read(name).unwrap_or_default())
    })
}
