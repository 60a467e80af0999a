//! A description to be loaded while the program runs: where its text comes from, and what it becomes.
//!
//! [`crate::spec`] reads text and knows no files; the table keeps what was read. This room is between them: it
//! reads the files, fetches those of the network ([`Document::fetch`]), lays overlays over them (`repair`), and keeps
//! what became of them ([`Document::cached`]).

mod base;
mod cache;
#[cfg(feature = "client")]
mod companions;
mod explained;
#[cfg(feature = "client")]
mod fetch;
#[cfg(feature = "client")]
mod fetched;
mod kept;
#[cfg(feature = "client")]
mod pack;
mod place;
mod reading;
mod repair;
#[cfg(feature = "client")]
mod session;
mod stamp;
#[cfg(feature = "client")]
mod store;
#[cfg(test)]
pub(crate) mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use self::place::Place;
use self::reading::Input;
use crate::error::Result;
use crate::operation::ServiceDef;
use crate::spec::{self, Depth, Description, Limits, Survey, Warning};
use crate::table::OperationTable;

#[cfg(feature = "client")]
pub use self::fetch::Fetch;
#[cfg(feature = "client")]
pub use self::fetched::{Fetched, Freshness};
#[cfg(feature = "client")]
pub(crate) use self::pack::sha256;

/// An API description (`OpenAPI` or Swagger 2.0, as JSON or YAML), or a service's folder.
///
/// ```no_run
/// use opcall::Document;
/// let (petstore, warnings) = Document::open("petstore.json").read()?;
/// for warning in &warnings {
///     eprintln!("{warning}");
/// }
/// let mut table = opcall::OperationTable::built_in();
/// table.add(petstore);
/// # Ok::<(), opcall::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Document {
    place: Place,
    /// The short name of its service, in place of the one that it has by itself.
    service: Option<String>,
    /// What is laid under it.
    base: Option<Arc<Map<String, Value>>>,
    /// The files that repair it, in the order of their application.
    overlays: Vec<PathBuf>,
    cache: Option<PathBuf>,
    limits: Limits,
}

impl Document {
    /// The document or folder at a path. Nothing is read yet.
    pub fn open(path: impl Into<PathBuf>) -> Self {
        Self::of(Place::Path(path.into()))
    }

    fn of(place: Place) -> Self {
        let limits = Limits::default();
        Self { place, service: None, base: None, overlays: Vec::new(), cache: None, limits }
    }

    /// What reading it may cost, each of its files and overlays; what was kept in the cache under other limits is read
    /// again.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Gives its service a short name, the namespace of its operations, in place of the one that it has by itself.
    #[must_use]
    pub fn named(mut self, service: impl Into<String>) -> Self {
        self.service = Some(service.into());
        self
    }

    /// Lays a partial document under this one, as a folder's `service.yaml` lies under its documents: what this one
    /// says wins. A service's folder has that file, and nothing else is laid under it.
    ///
    /// ```no_run
    /// use serde_json::json;
    /// let base = json!({"servers": [{"url": "https://pets.example/v1"}]});
    /// let document = opcall::Document::open("petstore.json").base(base.as_object().cloned().unwrap_or_default());
    /// ```
    #[must_use]
    pub fn base(mut self, base: Map<String, Value>) -> Self {
        self.base = Some(Arc::new(base));
        self
    }

    /// What came over the network, where the document did.
    #[cfg(feature = "client")]
    #[must_use]
    pub fn fetched(&self) -> Option<&Fetched> {
        if let Place::Fetched(fetched) = &self.place { Some(fetched) } else { None }
    }

    /// Its SHA-256 in hexadecimal digits: that of the file's bytes, or [`Fetched::sha256`].
    ///
    /// # Errors
    /// [`crate::Error::Io`] where the file cannot be read; a folder has no hash.
    #[cfg(feature = "client")]
    pub fn sha256(&self) -> Result<String> {
        match self.fetched() {
            Some(fetched) => Ok(fetched.sha256()),
            None => Ok(pack::sha256(&[&self.bytes(None)?])),
        }
    }

    /// Its operations, with what was passed over so far.
    ///
    /// A document is indexed in one pass; its operations are read when they are first asked for.
    ///
    /// # Errors
    /// [`crate::Error::Io`] where a file cannot be read, [`crate::Error::Spec`] where it is no description.
    pub fn read(&self) -> Result<(OperationTable, Vec<Warning>)> {
        let (mut table, warnings) = self.table()?;
        table.remember(self);
        table.leave_out(&warnings);
        Ok((table, warnings))
    }

    fn table(&self) -> Result<(OperationTable, Vec<Warning>)> {
        if let Some(kept) = self.kept() {
            return Ok(kept);
        }
        let (name, settle) = (self.name(), |service: &mut ServiceDef| self.settle(service));
        self.read_as(None, |input| match input {
            Input::Folder(source, overlays) => OperationTable::of_folder(&name, source, overlays, &settle),
            Input::Text(text, source) => OperationTable::of_document(&name, text, source, &settle),
        })
    }

    /// Everything that it says, read at once, with everything that was passed over.
    ///
    /// # Errors
    /// As [`Document::read`].
    pub fn describe(&self, depth: Depth) -> Result<Description> {
        let name = self.name();
        let (mut found, warnings) = self.read_as(None, |input| {
            let mut found = match input {
                Input::Folder(source, overlays) => spec::read_folder_patched(&name, source, depth, overlays)?,
                Input::Text(text, source) => spec::read(&name, &text, &source, depth)?,
            };
            let warnings = std::mem::take(&mut found.warnings);
            Ok((found, warnings))
        })?;
        found.warnings = warnings;
        self.settle(&mut found.service);
        Ok(found)
    }

    /// What there is in it: everything is read, as for [`Document::describe`], and nothing kept but what was passed over
    /// and the number of operations, so that a large document takes little more memory than its text.
    ///
    /// # Errors
    /// As [`Document::read`].
    pub fn survey(&self) -> Result<Survey> {
        let name = self.name();
        let (mut found, warnings) = self.read_as(None, |input| {
            let mut found: Survey = match input {
                Input::Folder(source, overlays) => {
                    spec::read_folder_patched(&name, source, Depth::Requests, overlays)?.into()
                }
                Input::Text(text, source) => spec::survey(&name, &text, &source)?,
            };
            let warnings = std::mem::take(&mut found.warnings);
            Ok((found, warnings))
        })?;
        found.warnings = warnings;
        Ok(found)
    }

    /// Adds what is known of the service from beyond the document's text.
    fn settle(&self, service: &mut ServiceDef) {
        #[cfg(feature = "client")]
        if let Some(fetched) = self.fetched() {
            service.document_url = Some(fetched.url().to_owned());
        }
        if let Some(name) = &self.service {
            service.name.clone_from(name);
        }
    }
}
