//! Writes a document in kept form: operation by operation, each alone, their schemas once.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::sync::Arc;

use serde::Serialize;

use super::file::{Entry, Part, Place, directory, header};
use super::{Head, NameKey, Record, SchemaKey, VERSION, listing};
use crate::error::{Error, IoError, Result};
use crate::operation::{Method, OperationDef, ServiceDef};
use crate::spec::{self, Depth, Extractor, Index, Opened, Patch, Reached, Source, SpecError, Warning};
use crate::table::format::{self, names_of};
use crate::table::listed::Listed;
use crate::table::loaded::Settle;

/// A document on its way into a file; without its head it is none yet. What was passed over in it comes with it and
/// is written with the head, where the caller may know of more.
pub(crate) struct Unfinished {
    writer: Writer,
    head: Head,
}

/// Writes all of a document but its head.
///
/// # Errors
/// [`Error::Spec`] where the document cannot be read, [`Error::Io`] where the file cannot be written.
pub(crate) fn document(
    to: File,
    name: &str,
    text: &str,
    source: &dyn Source,
    settle: Settle<'_>,
) -> Result<(Unfinished, Vec<Warning>)> {
    let (opened, warnings) = spec::open(name, text, source)?;
    let unfinished = match opened {
        Opened::Indexed(text, mut index) => {
            settle(Arc::make_mut(&mut index.service));
            indexed(to, &text, &index, source)?
        }
        Opened::Whole(read) => whole(to, *read, settle)?,
    };
    Ok((unfinished, warnings))
}

/// Writes all of a service's folder but the head, each document changed by a patch.
///
/// # Errors
/// As [`document`].
pub(crate) fn folder(
    to: File,
    name: &str,
    source: &dyn Source,
    patch: &dyn Patch,
    settle: Settle<'_>,
) -> Result<(Unfinished, Vec<Warning>)> {
    let mut read = spec::read_folder_patched(name, source, Depth::Requests, patch)?;
    let warnings = std::mem::take(&mut read.warnings);
    Ok((whole(to, read, settle)?, warnings))
}

/// How often the budget of a document's references may be used up while all of its operations are written.
const BUDGETS: usize = 8;

fn indexed(to: File, text: &str, index: &Index, source: &dyn Source) -> Result<Unfinished> {
    let extractor = index.extractor(text, source);
    let mut writer = Writer::new(to, &index.service).map_err(failed)?;
    let mut budgets = BUDGETS;
    for number in 0..index.len() {
        let mut read = extractor.extract(number, Depth::Requests);
        // Whoever calls the operation alone has a whole budget for it.
        if read.is_err() && extractor.renewed() {
            budgets = budgets.checked_sub(1).ok_or_else(|| too_much(index))?;
            read = extractor.extract(number, Depth::Requests);
        }
        let written = match read {
            Ok((operation, reached, _)) => {
                let reach = writer.reach(operation.document, &reached, &extractor).map_err(failed)?;
                writer.operation(&operation, Some(reach))
            }
            Err(error) => writer.broken(&named(index, text, number), error),
        };
        written.map_err(failed)?;
    }
    drop(extractor);
    let names = (0..index.len()).filter_map(|number| index.entry(text, number));
    writer.into_unfinished(&index.service, names.map(|entry| Listed::of_entry("", entry)))
}

fn whole(to: File, mut description: spec::Description, settle: Settle<'_>) -> Result<Unfinished> {
    settle(&mut description.service);
    let mut writer = Writer::new(to, &description.service).map_err(failed)?;
    let mut sets = HashSet::new();
    for operation in &description.operations {
        if sets.insert((operation.document, operation.schemas.as_ptr())) {
            for (reference, text) in operation.schemas.iter() {
                writer.schema_once(operation.document, reference, text).map_err(failed)?;
            }
        }
        writer.operation(operation, None).map_err(failed)?;
    }
    writer.into_unfinished(&description.service, description.operations.iter().map(Listed::from))
}

/// A document that grows so much is read when it is called, and not kept.
fn too_much(index: &Index) -> SpecError {
    SpecError::at("#", "its operations together grow beyond all measure through its references")
        .file(index.file())
}

/// An operation of an index as far as its names go.
fn named(index: &Index, text: &str, number: usize) -> OperationDef {
    let blank = || OperationDef::blank(Method::Get);
    index.entry(text, number).map_or_else(blank, |entry| OperationDef {
        id: entry.id.into_owned(),
        id_is_made: entry.id_is_made,
        aliases: entry.aliases,
        path: entry.path.into_owned(),
        ..OperationDef::blank(entry.method)
    })
}

fn failed(source: io::Error) -> Error {
    Error::Io(Box::new(IoError { action: "writing a kept document".to_owned(), source }))
}

impl Unfinished {
    /// Writes the head, with what the caller wants to know of the document again and what was passed over in it.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub(crate) fn finish(self, key: &str, warnings: Vec<Warning>) -> io::Result<()> {
        let Self { mut writer, mut head } = self;
        key.clone_into(&mut head.key);
        head.warnings = warnings;
        let part = writer.put(&serde_json::to_vec(&head)?)?;
        writer.out.seek(SeekFrom::Start(0))?;
        writer.out.write_all(&header(part))?;
        writer.out.flush()
    }
}

struct Writer {
    out: BufWriter<File>,
    at: u64,
    /// Carries the service's name alone, as an operation asked for alone does.
    service: ServiceDef,
    /// The hashes of all names, each with the row of its operation.
    names: Vec<(u64, u32)>,
    /// The operations' tables by their rows.
    rows: Vec<Part>,
    schemas: Vec<Entry>,
    /// The schemas written, by document and reference.
    known: HashSet<(u32, Arc<str>)>,
    /// The schemas written, by number.
    numbers: HashSet<u32>,
    /// The sets of schemas that operations reach, a bit a number: most of them are those of others.
    reaches: HashMap<Vec<u64>, Part>,
}

impl Writer {
    fn new(to: File, service: &ServiceDef) -> io::Result<Self> {
        let mut writer = Self {
            out: BufWriter::with_capacity(1 << 18, to),
            at: 0,
            service: ServiceDef { name: service.name.clone(), ..ServiceDef::default() },
            names: Vec::new(),
            rows: Vec::new(),
            schemas: Vec::new(),
            known: HashSet::new(),
            numbers: HashSet::new(),
            reaches: HashMap::new(),
        };
        // No header yet: what is cut off here is nothing.
        writer.put(&[0; super::file::HEADER])?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<Part> {
        let length = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let part = Part { offset: self.at, length, checksum: super::file::checksum(bytes) };
        self.out.write_all(bytes)?;
        self.at += u64::from(length);
        Ok(part)
    }

    /// An operation, with the list of the schemas that it reaches; without one it has all of the document.
    fn operation(&mut self, operation: &OperationDef, reach: Option<Part>) -> io::Result<()> {
        self.record(operation, &Record { reach, error: None })
    }

    /// An operation that cannot be read: its names lead to what is wrong with it.
    fn broken(&mut self, name: &OperationDef, error: SpecError) -> io::Result<()> {
        self.record(name, &Record { reach: None, error: Some(error) })
    }

    fn record(&mut self, operation: &OperationDef, record: &Record) -> io::Result<()> {
        let row = u32::try_from(self.rows.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let table = format::encode(&self.service, std::slice::from_ref(operation), 0);
        let part = self.put(&with_length(&table, record)?)?;
        self.rows.push(part);
        let mut names = Vec::new();
        names_of(operation, row, &mut names);
        let keys = names.iter().map(|(tier, name, _)| NameKey { tier: *tier, name });
        self.names.extend(keys.map(|key| (key.hash(), row)));
        Ok(())
    }

    /// The list of the schemas that an operation reaches, each of which is written when it is first reached.
    fn reach(&mut self, document: u32, reached: &Reached, extractor: &Extractor<'_>) -> io::Result<Part> {
        if let Some(known) = self.reaches.get(reached.bits()) {
            return Ok(*known);
        }
        let numbers = reached.numbers();
        for number in &numbers {
            if self.numbers.insert(*number)
                && let Some((reference, text)) = extractor.schema(*number)
            {
                self.schema(*number, &SchemaKey { document, reference: &reference }, &text)?;
            }
        }
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let part = self.put(&bytes)?;
        self.reaches.insert(reached.bits().to_vec(), part);
        Ok(part)
    }

    fn schema_once(&mut self, document: u32, reference: &Arc<str>, text: &str) -> io::Result<()> {
        let number = u32::try_from(self.known.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let known = (document, Arc::clone(reference));
        if !self.known.contains(&known) {
            self.schema(number, &SchemaKey { document, reference: &known.1 }, text)?;
            self.known.insert(known);
        }
        Ok(())
    }

    fn schema(&mut self, number: u32, key: &SchemaKey<'_>, text: &str) -> io::Result<()> {
        let part = self.put(&key.with_text(text)?)?;
        self.schemas.push(Entry::new(key.hash(), number, part));
        Ok(())
    }

    fn directory(&mut self, entries: impl Iterator<Item = Entry>) -> io::Result<Place> {
        let offset = self.at;
        let pages = directory(entries, |page| {
            self.at += page.len() as u64;
            self.out.write_all(page)
        })?;
        Ok(Place::new(offset, self.put(&pages)?))
    }

    fn into_unfinished<'n>(
        mut self,
        service: &ServiceDef,
        names: impl Iterator<Item = Listed<'n>>,
    ) -> Result<Unfinished> {
        let operations =
            u32::try_from(self.rows.len()).map_err(|_| failed(io::ErrorKind::FileTooLarge.into()))?;
        let count = self.schemas.iter().map(|entry| entry.number + 1).max().unwrap_or_default();
        let finish = || -> io::Result<Head> {
            let listing = self.put(&listing::write(names)?)?;
            let (mut names, mut schemas) =
                (std::mem::take(&mut self.names), std::mem::take(&mut self.schemas));
            names.sort_unstable();
            schemas.sort_unstable();
            let rows = std::mem::take(&mut self.rows);
            let named = |(key, row): (u64, u32)| Some(Entry::new(key, row, *rows.get(row as usize)?));
            let numbered = (0..).zip(&rows).map(|(row, part)| Entry::new(u64::from(row), row, *part));
            Ok(Head {
                version: VERSION.to_owned(),
                key: String::new(),
                service_name: service.name.clone(),
                service: serde_json::to_string(service)?,
                warnings: Vec::new(),
                operations,
                schemas: count,
                listing,
                by_name: self.directory(names.into_iter().filter_map(named))?,
                by_row: self.directory(numbered)?,
                by_schema: self.directory(schemas.into_iter())?,
            })
        };
        let head = finish().map_err(failed)?;
        Ok(Unfinished { writer: self, head })
    }
}

/// A table with what belongs to it, and its length in front.
fn with_length(table: &[u8], record: &impl Serialize) -> io::Result<Vec<u8>> {
    let length = u32::try_from(table.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend_from_slice(table);
    serde_json::to_writer(&mut bytes, record)?;
    Ok(bytes)
}
