//! The files beside a document that references lead to, and relative paths.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::Value;

use super::super::limits::{Limits, shown};
use super::super::parts::Parts;
use super::super::rebase::rebased;
use super::super::{Source, anchors, document};
use super::{Finder, Resolve, percent_decoded};

/// The files beside a document, each read when a reference first names it.
pub(super) struct Files<'a> {
    source: &'a dyn Source,
    own: String,
    read: RefCell<HashMap<String, Rc<Parts<'static>>>>,
    limits: Limits,
    /// How many bytes may still be read.
    left: Cell<usize>,
    pub(super) finder: Finder,
}

impl<'a> Files<'a> {
    pub(super) fn new(source: &'a dyn Source, file: &str) -> Self {
        let own = file.rsplit(['/', '\\']).next().unwrap_or(file).to_owned();
        let limits = source.limits();
        let left = Cell::new(limits.bytes);
        Self { source, own, read: RefCell::default(), limits, left, finder: Finder::default() }
    }

    /// The fragment of a reference into the document itself.
    pub(super) fn own<'r>(&self, reference: &'r str) -> Option<&'r str> {
        let (path, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let is_own = path.is_empty() && reference.contains('#')
            || !path.is_empty() && joined("", path).is_some_and(|path| path == self.own);
        is_own.then_some(fragment)
    }

    pub(super) fn find(&self, reference: &str, resolver: &dyn Resolve) -> Result<Option<Value>, String> {
        let (path, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        if path.is_empty() {
            return Ok(None);
        }
        let inside = |path: &str| {
            joined("", path)
                .ok_or_else(|| format!("the reference `{reference}` leads out of the document's folder"))
        };
        let mut path = if path.contains("://") {
            self.source.locate(path).ok_or_else(|| {
                format!("the reference `{reference}` leads to the network, which is never asked")
            })?
        } else {
            inside(path)?
        };
        let file = match (self.file(&path), percent_decoded(&path).filter(|decoded| *decoded != path)) {
            (Err(_), Some(decoded)) => {
                path = inside(&decoded)?;
                self.file(&path)
            }
            (file, _) => file,
        }?;
        self.finder.find(&file, fragment, resolver, &|found| rebased(found, &path, &self.own))
    }

    fn file(&self, path: &str) -> Result<Rc<Parts<'static>>, String> {
        if let Some(known) = self.read.borrow().get(path) {
            return Ok(Rc::clone(known));
        }
        let bytes =
            self.source.read(path).map_err(|error| format!("the file `{path}` cannot be read: {error}"))?;
        let left = self.left.get().checked_sub(bytes.len());
        let too_many =
            || format!("the file `{path}` and those before it have more than {}", shown(self.limits.bytes));
        self.left.set(left.ok_or_else(too_many)?);
        let text = document::text(path, &bytes, self.limits);
        let clean = text.and_then(|text| document::clean(path, text, self.limits));
        let (text, _) = clean.map_err(|error| error.to_string())?;
        let text = anchors::placed(text).into_owned();
        let parts = Rc::new(Parts::new(text, None));
        self.read.borrow_mut().insert(path.to_owned(), Rc::clone(&parts));
        Ok(parts)
    }
}

/// A relative path seen from a folder; `None` where it leaves the root.
pub(crate) fn joined(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains('\\') || path.contains(':') {
        return None;
    }
    let mut segments: Vec<&str> = folder.split('/').filter(|segment| !segment.is_empty()).collect();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            name => segments.push(name),
        }
    }
    (!segments.is_empty()).then(|| segments.join("/"))
}
