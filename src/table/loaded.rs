//! Tables of documents that are loaded while the program runs.
//!
//! A document is only indexed, YAML as the JSON it stands for: an operation is extracted and encoded, alone, when
//! it is first asked for. Folders, and documents whose shape the index does not take, are read whole.

use std::borrow::Cow;
use std::sync::Arc;

use once_cell::sync::OnceCell;

use super::format::{self, Tier};
use super::listed::Listed;
use super::lookup::Lookup;
use super::operation::Operation;
use super::view::View;
use crate::error::{Error, Result};
use crate::operation::ServiceDef;
use crate::spec::{self, Depth, Index, Opened, Patch, Source, SpecError, Warning};

/// How many operations have their places together: where none of them was asked for there is but one.
const TOGETHER: usize = 64;

/// The tables of operations that stand beside each other.
type Places = Box<[OnceCell<Vec<u8>>]>;

/// A document whose operations are read when they are asked for. Only who read a document has one: what reads it is
/// reached through this trait alone, so the linker leaves it out of a program whose tables are all compiled.
pub(super) trait Indexed: Send + Sync {
    /// How many operations it has.
    fn len(&self) -> u32;

    /// What holds for all of them.
    fn service(&self) -> &Arc<ServiceDef>;

    /// Tells the operations that answer to a name in a tier, each once.
    fn each_named(&self, tier: Tier, name: &str, tell: &mut dyn FnMut(u32));

    /// An operation as far as its names go.
    fn listed(&self, row: u32) -> Option<Listed<'_>>;

    /// An operation, whole.
    fn operation(&self, row: u32) -> Result<Operation<'_>>;
}

/// A document as JSON, with the index of its operations.
struct LazyDocument {
    text: String,
    index: Index,
    source: Box<dyn Source + Send + Sync>,
    names: Lookup,
    /// A table of one operation each, made when it is first asked for.
    operations: Vec<OnceCell<Places>>,
}

impl LazyDocument {
    fn new(text: String, index: Index, source: impl Source + Send + Sync + 'static) -> Self {
        let operations = (0..index.len().div_ceil(TOGETHER)).map(|_| OnceCell::new()).collect();
        Self { text, index, source: Box::new(source), names: Lookup::default(), operations }
    }

    fn table_of(&self, number: usize) -> Result<Vec<u8>> {
        let found = self.index.extract(&self.text, number, Depth::Requests, self.source.as_ref());
        let (operation, _) = found.map_err(Error::from)?;
        let service = ServiceDef { name: self.index.service.name.clone(), ..ServiceDef::default() };
        Ok(format::encode(&service, &[operation], 0))
    }
}

impl Indexed for LazyDocument {
    fn len(&self) -> u32 {
        u32::try_from(self.index.len()).unwrap_or(u32::MAX)
    }

    fn service(&self) -> &Arc<ServiceDef> {
        &self.index.service
    }

    fn each_named(&self, tier: Tier, name: &str, tell: &mut dyn FnMut(u32)) {
        self.names.each_named((&self.index, &self.text), tier, name, tell);
    }

    fn listed(&self, row: u32) -> Option<Listed<'_>> {
        let entry = self.index.entry(&self.text, row as usize)?;
        Some(Listed::of_entry(&self.index.service.name, entry))
    }

    fn operation(&self, row: u32) -> Result<Operation<'_>> {
        let number = row as usize;
        let places = self
            .operations
            .get(number / TOGETHER)
            .map(|places| places.get_or_init(|| (0..TOGETHER).map(|_| OnceCell::new()).collect()));
        let cell = places.and_then(|places| places.get(number % TOGETHER));
        let bytes = cell.map(|cell| cell.get_or_try_init(|| self.table_of(number))).transpose()?;
        let bytes = bytes.ok_or_else(|| SpecError::new("there is no such operation"))?;
        Ok(Operation { view: View::checked(bytes), row: 0 })
    }
}

/// Adds what is known of a service from beyond its documents.
pub(crate) type Settle<'s> = &'s dyn Fn(&mut ServiceDef);

/// What a document became.
pub(super) enum Loaded {
    /// Compiled whole.
    Compiled(Vec<u8>),
    /// Indexed.
    Lazy(Box<dyn Indexed>),
}

/// Reads the text of a document.
pub(super) fn document(
    name: &str,
    bytes: Cow<'_, [u8]>,
    source: impl Source + Send + Sync + 'static,
    settle: Settle<'_>,
) -> Result<(Loaded, Vec<Warning>)> {
    let text = spec::owned_text(name, bytes, source.limits())?;
    let (opened, warnings) = spec::open(name, &text, &source)?;
    let (written, mut index) = match opened {
        Opened::Whole(read) => return Ok((compile(*read, settle), warnings)),
        Opened::Indexed(written, index) => (written, *index),
    };
    settle(Arc::make_mut(&mut index.service));
    let written = match written {
        Cow::Owned(json) => Some(json),
        Cow::Borrowed(_) => None,
    };
    // The text itself, without a copy.
    let text = written.unwrap_or_else(|| text.into_owned());
    Ok((Loaded::Lazy(Box::new(LazyDocument::new(text, index, source))), warnings))
}

/// Reads a service's folder, each document changed by a patch.
pub(super) fn folder(
    name: &str,
    source: &dyn Source,
    patch: &dyn Patch,
    settle: Settle<'_>,
) -> Result<(Loaded, Vec<Warning>)> {
    let mut read = spec::read_folder_patched(name, source, Depth::Requests, patch)?;
    let warnings = std::mem::take(&mut read.warnings);
    Ok((compile(read, settle), warnings))
}

fn compile(mut description: spec::Description, settle: Settle<'_>) -> Loaded {
    settle(&mut description.service);
    // Nobody asks a loaded table what it was made of.
    Loaded::Compiled(format::encode(&description.service, &description.operations, 0))
}
