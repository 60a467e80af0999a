//! A document read once more for the question who said what.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::Value;

use super::Document;
use crate::error::Result;
use crate::explain::{self, File, Layers, Said};
use crate::spec::{self, Source};
use crate::table::Operation;

impl Document {
    /// Who said each thing of an operation that was read from it. `documents` are its documents' names, by number.
    pub(crate) fn explain(&self, operation: Operation<'_>, documents: &[String]) -> Result<Vec<Said>> {
        let known = documents.get(operation.document() as usize);
        let files: Vec<Option<&str>> = if self.folder().is_some() {
            known.into_iter().chain(documents).map(|file| Some(file.as_str())).collect()
        } else {
            vec![None]
        };
        for file in files {
            if let Some(said) = explain::of_document(&self.layers(file)?, operation) {
                return Ok(said);
            }
        }
        Err(explain::changed(&self.name()))
    }

    /// The layers of the document, or of one of a folder's.
    fn layers(&self, file: Option<&str>) -> Result<Layers> {
        let read = |name: String, bytes: &[u8]| {
            spec::parse(&name, bytes, self.limits)?;
            File::read(name.clone(), bytes, self.limits).ok_or_else(|| explain::changed(&name))
        };
        let source = self.beside(None);
        let folder = if self.folder().is_some() { self.name() } else { self.folder_name() };
        let in_folder = |file: &str| {
            let bytes = source.read(file).map_err(|error| self.unreadable(error))?;
            read(format!("{folder}/{file}"), &bytes)
        };
        let (own, base) = match file {
            Some(file) => {
                let has_base = file != spec::BASE
                    && source.list().is_ok_and(|all| all.iter().any(|one| one == spec::BASE));
                (in_folder(file)?, has_base.then(|| in_folder(spec::BASE)).transpose()?)
            }
            None => (read(self.name(), &self.text(None)?.0)?, None),
        };
        let mut whole = own.value.clone();
        if let (Value::Object(document), Some(base)) = (&mut whole, &base) {
            spec::lay_over(&base.as_base(), document);
        }
        let overlays = self.overlays(None)?;
        let mut edits = Vec::new();
        self.patch(&overlays, &mut whole, Some(&mut edits))?;
        let (whole, source) = (Rc::new(whole), Box::new(source));
        Ok(Layers { own, base, whole, overlays, edits, folder, source, others: RefCell::default() })
    }
}
