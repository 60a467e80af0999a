//! The second table: what the operations answer, by status.

use std::collections::HashMap;

use once_cell::sync::Lazy;
use serde_json::Value;

use crate::document::Document;
use crate::error::Result;
use crate::spec::Depth;
use crate::table::Operation;
use crate::table::format::{ANSWERS_MAGIC, encode_answers, layout};
use crate::table::view::View;

include!(concat!(env!("OUT_DIR"), "/built_in_answers.rs"));

/// The answers of the built-in services, unpacked when the first of them is asked for: half the size of all tables, of use
/// to the sandbox alone, they stand packed in the program.
static UNPACKED: Lazy<HashMap<&str, Vec<u8>>> = Lazy::new(|| {
    let unpacked = |packed| miniz_oxide::inflate::decompress_to_vec(packed).ok();
    BUILT_IN_ANSWERS.iter().filter_map(|(name, packed)| Some((*name, unpacked(packed)?))).collect()
});

/// The answers of documents read at run time; those of the built-in services need no state.
#[derive(Debug, Default)]
pub(super) struct Answers {
    loaded: Vec<Loaded>,
}

/// The answers of one service, and the row of each operation there.
#[derive(Debug)]
struct Loaded {
    service: String,
    bytes: Vec<u8>,
    rows: HashMap<(String, String), u32>,
}

/// The declared answers of one operation.
#[derive(Clone, Copy)]
pub(super) struct Declared<'t> {
    view: View<'t>,
    row: u32,
}

/// One declared answer.
#[derive(Debug, Clone)]
pub(super) struct Response<'t> {
    pub(super) status: &'t str,
    pub(super) media_type: Option<&'t str>,
    pub(super) schema: Option<&'t str>,
}

impl Answers {
    /// Reads a document, or a service's folder, once more, this time for its answers.
    pub(super) fn read(&mut self, document: &Document) -> Result<()> {
        let description = document.describe(Depth::Answers)?;
        let key = |operation: &crate::operation::OperationDef| {
            (operation.method.to_string(), operation.path.clone())
        };
        self.loaded.push(Loaded {
            service: description.service.name.clone(),
            bytes: encode_answers(&description.operations),
            rows: description.operations.iter().map(key).zip(0..).collect(),
        });
        Ok(())
    }

    /// The declared answers of an operation; `None` where the table came without them.
    pub(super) fn of(&self, operation: Operation<'_>, is_built_in: bool) -> Option<Declared<'_>> {
        if let Some(loaded) = self.loaded.iter().rev().find(|loaded| loaded.service == operation.service()) {
            let row = *loaded.rows.get(&(operation.method().to_string(), operation.path().to_owned()))?;
            return Declared::at(&loaded.bytes, row);
        }
        let bytes = UNPACKED.get(operation.service()).filter(|_| is_built_in)?;
        Declared::at(bytes, operation.row)
    }
}

impl<'t> Declared<'t> {
    fn at(bytes: &'t [u8], row: u32) -> Option<Self> {
        View::with_magic(bytes, ANSWERS_MAGIC).map(|view| Self { view, row })
    }

    pub(super) fn responses(self) -> impl Iterator<Item = Response<'t>> {
        let view = self.view;
        let common = view.word(layout::OPERATIONS, self.row, layout::operation::COMMON);
        view.range(layout::COMMON, common, layout::common::RESPONSES).map(move |row| Response {
            status: view.text(layout::RESPONSES, row, layout::response::STATUS),
            media_type: view.texts(layout::RESPONSES, row, layout::response::MEDIA_TYPES).next(),
            schema: view.optional(layout::RESPONSES, row, layout::response::SCHEMA),
        })
    }

    /// The schema that a reference names.
    pub(super) fn resolve(self, reference: &str) -> Option<Value> {
        let document = self.view.word(layout::OPERATIONS, self.row, layout::operation::DOCUMENT);
        self.view.schema(document, reference).and_then(|text| serde_json::from_str(text).ok())
    }
}
