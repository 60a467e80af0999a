//! Documents that were compiled before: a file in a cache directory that is read where a call needs it.
//!
//! [`write`] makes the file, [`Kept`] is its view: a start reads the head, and of the operations the one asked for.
//! A part that is not what was written makes the document be read anew, so a damaged file is never worse than
//! none.

mod file;
mod listing;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::Arc;

use once_cell::sync::OnceCell;
use serde::{Deserialize, Serialize};

use self::file::{Damaged, Directory, Part, Place, Store};
use super::format::{SOURCE_HASH_START, Tier, hash_bytes};
use super::listed::Listed;
use super::operation::Operation;
use super::service::ServiceTable;
use super::view::View;
use crate::error::Result;
use crate::spec::{SpecError, Warning};

pub(crate) use file::checksum;
pub(crate) use write::{document, folder};

/// What the file's meaning depends on: the version, and the code that reads documents and writes tables.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "+", env!("OPCALL_READERS"));

/// What was read, where the file is as it was written.
type Sound<T> = std::result::Result<T, Damaged>;

/// Reads the document again.
pub(crate) type Reload = Box<dyn Fn() -> Result<ServiceTable> + Send + Sync>;

/// What is known of the whole document.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    version: String,
    /// What the caller knows the document by.
    key: String,
    service_name: String,
    service: String,
    warnings: Vec<Warning>,
    operations: u32,
    schemas: u32,
    /// The operations' names, methods and paths.
    listing: Part,
    by_name: Place,
    by_row: Place,
    by_schema: Place,
}

/// What belongs to an operation beside its table.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// The numbers of the schemas that it reaches, in order; without it all are its own.
    reach: Option<Part>,
    /// Why it cannot be called.
    error: Option<SpecError>,
}

/// A name in its tier.
struct NameKey<'n> {
    tier: Tier,
    name: &'n str,
}

impl NameKey<'_> {
    fn hash(&self) -> u64 {
        hash_bytes(SOURCE_HASH_START ^ self.tier as u64, self.name.as_bytes())
    }
}

/// A reference as a document writes it.
struct SchemaKey<'n> {
    document: u32,
    reference: &'n str,
}

impl SchemaKey<'_> {
    fn hash(&self) -> u64 {
        hash_bytes(SOURCE_HASH_START ^ u64::from(self.document), self.reference.as_bytes())
    }

    /// The bytes that [`SchemaText::read`] reads.
    fn with_text(&self, text: &str) -> std::io::Result<Vec<u8>> {
        let length = u32::try_from(self.reference.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let parts =
            [&self.document.to_le_bytes(), &length.to_le_bytes(), self.reference.as_bytes(), text.as_bytes()];
        Ok(parts.concat())
    }
}

/// A schema with the reference that leads to it.
struct SchemaText {
    document: u32,
    reference: Box<str>,
    schema: Box<str>,
}

impl SchemaText {
    fn read(bytes: &[u8]) -> Sound<Self> {
        let (document, rest) = bytes.split_first_chunk::<4>().ok_or(Damaged)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or(Damaged)?;
        let rest = std::str::from_utf8(rest).map_err(|_| Damaged)?;
        let parted = rest.split_at_checked(u32::from_le_bytes(*length) as usize);
        let (reference, text) = parted.ok_or(Damaged)?;
        let document = u32::from_le_bytes(*document);
        Ok(Self { document, reference: reference.into(), schema: text.into() })
    }
}

/// A kept document's file, its head read.
#[derive(Debug)]
pub(crate) struct Opened {
    store: Store,
    head: Head,
    head_part: Part,
}

impl Opened {
    /// Reads the head; `None` where the file is no document that this version kept, whole.
    pub(crate) fn read(file: File) -> Option<Self> {
        let (store, head_part) = Store::open(file).ok()?;
        let head: Head = serde_json::from_slice(&store.part(head_part).ok()?).ok()?;
        // Each operation and each schema has bytes of its own.
        let fits = u64::from(head.operations.max(head.schemas)) <= head_part.offset;
        (head.version == VERSION && fits).then_some(Self { store, head, head_part })
    }

    /// What the document was finished with.
    pub(crate) fn key(&self) -> &str {
        &self.head.key
    }

    /// Writes the same document with another key.
    ///
    /// # Errors
    /// Where the file cannot be read or the other not be written.
    pub(crate) fn copy(&mut self, mut to: File, key: &str) -> io::Result<()> {
        let damaged = |Damaged| io::Error::from(io::ErrorKind::InvalidData);
        let body = self.store.before(self.head_part.offset).map_err(damaged)?;
        key.clone_into(&mut self.head.key);
        let head = serde_json::to_vec(&self.head)?;
        let length = u32::try_from(head.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let part = Part { offset: self.head_part.offset, length, checksum: checksum(&head) };
        to.seek(SeekFrom::Start(0))?;
        to.write_all(&file::header(part))?;
        to.write_all(&body)?;
        to.write_all(&head)
    }

    /// The document's operations, and what was passed over in it.
    pub(crate) fn into_service(self, reload: Reload) -> (ServiceTable, Vec<Warning>) {
        let Self { store, mut head, .. } = self;
        let warnings = std::mem::take(&mut head.warnings);
        let operations = (0..head.operations).map(|_| OnceCell::new()).collect();
        let inner = Inner {
            by_name: Directory::new(head.by_name),
            by_row: Directory::new(head.by_row),
            by_schema: Directory::new(head.by_schema),
            store,
            head,
            listing: OnceCell::new(),
            texts: OnceCell::new(),
            anew: OnceCell::new(),
            reload,
        };
        (ServiceTable::kept(Box::new(Kept { inner: Arc::new(inner), operations })), warnings)
    }
}

/// A document of the cache.
pub(crate) struct Kept {
    inner: Arc<Inner>,
    /// An operation each, read when it is first asked for.
    operations: Vec<OnceCell<Box<KeptOperation>>>,
}

/// What the document's operations share.
struct Inner {
    store: Store,
    head: Head,
    by_name: Directory,
    by_row: Directory,
    by_schema: Directory,
    listing: OnceCell<Vec<u8>>,
    /// The schemas by number.
    texts: OnceCell<Vec<OnceCell<SchemaText>>>,
    /// The document read again, where the file turned out to be damaged.
    anew: OnceCell<ServiceTable>,
    reload: Reload,
}

impl Kept {
    pub(super) fn service_name(&self) -> &str {
        &self.inner.head.service_name
    }

    pub(super) fn service_json(&self) -> &str {
        &self.inner.head.service
    }

    pub(super) fn len(&self) -> u32 {
        self.inner.head.operations
    }

    /// The rows of the operations that answer to a name in a tier, each once.
    pub(super) fn named(&self, tier: Tier, name: &str) -> Vec<u32> {
        // What cannot be read again either has no names.
        self.find(tier, name)
            .or_else(|Damaged| self.inner.anew().map(|anew| anew.named(tier, name)))
            .unwrap_or_default()
    }

    fn find(&self, tier: Tier, name: &str) -> Sound<Vec<u32>> {
        let mut rows = Vec::new();
        for entry in self.inner.by_name.find(&self.inner.store, NameKey { tier, name }.hash())? {
            let operation = self.read(entry.number, || Ok(entry.part()))?;
            let is_named = !View::checked(&operation.table).named(tier, name).is_empty();
            if is_named && rows.last() != Some(&entry.number) {
                rows.push(entry.number);
            }
        }
        Ok(rows)
    }

    /// An operation, whole.
    pub(super) fn operation(&self, row: u32) -> Result<Operation<'_>> {
        let Ok(operation) = self.read(row, || self.inner.place(row)) else {
            return self.inner.anew()?.operation(row);
        };
        match &operation.record.error {
            Some(error) => Err(error.clone().into()),
            None => Ok(Operation { view: View::kept(&operation.table, operation), row: 0 }),
        }
    }

    /// An operation by its row; `place` tells where it stands if it has not been read.
    fn read(&self, row: u32, place: impl Fn() -> Sound<Part>) -> Sound<&KeptOperation> {
        let cell = self.operations.get(row as usize).ok_or(Damaged)?;
        let read = || KeptOperation::read(&self.inner, row, place()?).map(Box::new);
        cell.get_or_try_init(read).map(Box::as_ref)
    }

    /// An operation as far as its names go.
    pub(super) fn listed(&self, row: u32) -> Option<Listed<'_>> {
        let Inner { store, head, listing, .. } = &*self.inner;
        match listing.get_or_try_init(|| store.part(head.listing)) {
            Ok(bytes) => listing::read(bytes, head.operations, &head.service_name, row),
            Err(Damaged) => self.inner.anew().ok()?.listed(row),
        }
    }
}

impl Inner {
    fn place(&self, row: u32) -> Sound<Part> {
        let found = self.by_row.find(&self.store, u64::from(row))?;
        found.first().map(|entry| entry.part()).ok_or(Damaged)
    }

    fn anew(&self) -> Result<&ServiceTable> {
        self.anew.get_or_try_init(|| {
            tracing::debug!("a kept document is damaged and is read anew");
            (self.reload)()
        })
    }
}

/// One operation of a kept document.
pub(crate) struct KeptOperation {
    inner: Arc<Inner>,
    row: u32,
    table: Vec<u8>,
    record: Record,
    reach: OnceCell<Vec<u32>>,
}

impl KeptOperation {
    fn read(inner: &Arc<Inner>, row: u32, part: Part) -> Sound<Self> {
        let mut table = inner.store.part(part)?;
        let (length, _) = table.split_first_chunk::<4>().ok_or(Damaged)?;
        let end = 4 + u32::from_le_bytes(*length) as usize;
        let record = serde_json::from_slice(table.get(end..).ok_or(Damaged)?).map_err(|_| Damaged)?;
        table.truncate(end);
        table.drain(..4);
        Ok(Self { inner: Arc::clone(inner), row, table, record, reach: OnceCell::new() })
    }

    /// The schema that a reference of the operation names.
    pub(super) fn schema(&self, document: u32, reference: &str) -> Option<&str> {
        self.find(&SchemaKey { document, reference }).unwrap_or_else(|Damaged| {
            self.inner.anew().ok()?.operation(self.row).ok()?.view.schema(document, reference)
        })
    }

    fn find(&self, key: &SchemaKey<'_>) -> Sound<Option<&str>> {
        let inner = &*self.inner;
        for entry in inner.by_schema.find(&inner.store, key.hash())? {
            if !self.reaches(entry.number)? {
                continue;
            }
            let all = inner.texts.get_or_init(|| (0..inner.head.schemas).map(|_| OnceCell::new()).collect());
            let cell = all.get(entry.number as usize).ok_or(Damaged)?;
            let read = || SchemaText::read(&inner.store.part(entry.part())?);
            let found = cell.get_or_try_init(read)?;
            if found.document == key.document && *found.reference == *key.reference {
                return Ok(Some(&found.schema));
            }
        }
        Ok(None)
    }

    fn reaches(&self, number: u32) -> Sound<bool> {
        let Some(part) = self.record.reach else { return Ok(true) };
        let numbers = self.reach.get_or_try_init(|| {
            let bytes = self.inner.store.part(part)?;
            let (words, _) = bytes.as_chunks::<4>();
            Ok(words.iter().map(|word| u32::from_le_bytes(*word)).collect())
        })?;
        Ok(numbers.binary_search(&number).is_ok())
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("operations", &self.operations.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for KeptOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptOperation").field("row", &self.row).finish_non_exhaustive()
    }
}
