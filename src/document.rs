//! A description to be loaded while the program runs: where its text comes from, and what it becomes.
//!
//! [`crate::spec`] reads text and knows no files; the table keeps what was read. This room is between them: it
//! reads the files, fetches those of the network ([`Document::fetch`]), and keeps what became of them
//! ([`Document::cached`]).

mod base;
mod cache;
#[cfg(feature = "client")]
mod companions;
#[cfg(feature = "client")]
mod fetch;
#[cfg(feature = "client")]
mod fetched;
#[cfg(feature = "client")]
mod pack;
#[cfg(feature = "client")]
mod private;
#[cfg(feature = "client")]
mod session;
mod stamp;
#[cfg(feature = "client")]
mod store;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use self::cache::{Slot, failed};
use self::stamp::{Reading, Recorder};
use crate::error::{Error, IoError, Result};
use crate::operation::ServiceDef;
use crate::source::FolderSource;
use crate::spec::{self, Depth, Description, SpecError, Warning};
use crate::table::{OperationTable, ServiceTable, kept};

#[cfg(feature = "client")]
pub use self::fetch::Fetch;
#[cfg(feature = "client")]
pub use self::fetched::{Fetched, Freshness};

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
    cache: Option<PathBuf>,
}

/// Where a document's text is.
#[derive(Debug, Clone)]
enum Place {
    /// A file, or a service's folder.
    Path(PathBuf),
    /// In memory: it came over the network.
    #[cfg(feature = "client")]
    Fetched(Arc<Fetched>),
}

impl Document {
    /// The document or folder at a path. Nothing is read yet.
    pub fn open(path: impl Into<PathBuf>) -> Self {
        Self::of(Place::Path(path.into()))
    }

    fn of(place: Place) -> Self {
        Self { place, service: None, base: None, cache: None }
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

    /// Reads it from a cache folder where [`Document::keep`] has put it: however large it is, a start then reads little
    /// more than the operation that is called. Without this nothing is written or found anywhere. What came over the
    /// network is in memory and stays there; [`Fetch::cache`] keeps its text.
    ///
    /// A kept document is used where this version kept it and every file that was read for it has the size, times
    /// and inode that it had, or, where they differ, the same content. Nothing in the folder is trusted: what is
    /// damaged, foreign or writable by others is passed over and the document read as without a cache. The folder
    /// is made for its owner alone, and its oldest files go when it holds more than 512 MiB.
    ///
    /// ```no_run
    /// let document = opcall::Document::open("large.json").cached("/var/cache/my-program");
    /// let (table, _) = document.read()?;
    /// // ... and when there is time:
    /// document.keep();
    /// # Ok::<(), opcall::Error>(())
    /// ```
    #[must_use]
    pub fn cached(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache = Some(folder.into());
        self
    }

    /// Its SHA-256 in hexadecimal digits: that of the file's bytes, or [`Fetched::sha256`].
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be read; a folder has no hash.
    #[cfg(feature = "client")]
    pub fn sha256(&self) -> Result<String> {
        match &self.place {
            Place::Path(path) => Ok(pack::sha256(&[&self.bytes(path)?])),
            Place::Fetched(fetched) => Ok(fetched.sha256()),
        }
    }

    /// Its operations, with what was passed over so far.
    ///
    /// A document is indexed in one pass; its operations are read when they are first asked for.
    ///
    /// # Errors
    /// [`Error::Io`] where a file cannot be read, [`Error::Spec`] where it is no description.
    pub fn read(&self) -> Result<(OperationTable, Vec<Warning>)> {
        if let Some(kept) = self.kept() {
            return Ok(kept);
        }
        let (name, settle) = (self.name(), |service: &mut ServiceDef| self.settle(service));
        match &self.place {
            Place::Path(path) if path.is_dir() => {
                OperationTable::of_folder(&name, &FolderSource::new(path), &settle)
            }
            Place::Path(path) => {
                let (bytes, beside) = (self.bytes(path)?, FolderSource::new(folder_of(path)));
                let (bytes, before) = self.based(&bytes)?;
                let read = OperationTable::of_document(&name, &bytes, beside, &settle)?;
                Ok(with_warnings(before, read))
            }
            #[cfg(feature = "client")]
            Place::Fetched(fetched) => {
                let (bytes, before) = self.based(&fetched.root)?;
                let read = OperationTable::of_document(&name, &bytes, fetched.companions.clone(), &settle)?;
                Ok(with_warnings(before, read))
            }
        }
    }

    /// A document's text with what lies under it, and what was wrong with the text alone.
    fn based<'b>(&self, bytes: &'b [u8]) -> Result<(Cow<'b, [u8]>, Vec<Warning>)> {
        let Some(base) = &self.base else { return Ok((Cow::Borrowed(bytes), Vec::new())) };
        base::lay(&self.name(), bytes, base).map(|(bytes, warnings)| (Cow::Owned(bytes), warnings))
    }

    /// Compiles it into its cache folder, unless it is there already as it is now. Tells whether it is there.
    ///
    /// This reads every operation, which takes longer than [`Document::read`]: do it when nobody waits. Where it cannot
    /// be done (no folder was given, the disk is full, the document cannot be read), the log says why at `debug`.
    /// Several processes may do it at once.
    #[allow(clippy::must_use_candidate, reason = "most callers have nothing to do with the answer")]
    pub fn keep(&self) -> bool {
        let Some((slot, path)) = self.slot() else { return false };
        slot.open().is_some() || slot.replace(|file| self.compile(&slot, path, file))
    }

    /// Its place in the cache. What is no file or folder (a pipe) can be read only once.
    fn slot(&self) -> Option<(Slot, &Path)> {
        let folder = self.cache.as_ref()?;
        let path = self.path()?;
        let metadata = std::fs::metadata(path).ok()?;
        // With another name of its service, or another base, it is another document.
        let mut known_by = self.name();
        known_by.extend(self.service.iter().flat_map(|service| ["\n", service]));
        known_by.extend(self.base.iter().filter_map(|base| serde_json::to_string(base.as_ref()).ok()));
        let slot = || Slot::new(folder, path, &known_by);
        Some(((metadata.is_file() || metadata.is_dir()).then(slot)??, path))
    }

    fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::Path(path) => Some(path),
            #[cfg(feature = "client")]
            Place::Fetched(_) => None,
        }
    }

    fn kept(&self) -> Option<(OperationTable, Vec<Warning>)> {
        let (slot, path) = self.slot()?;
        let (opened, reading) = slot.open()?;
        let (document, path) = (self.clone(), path.to_owned());
        let reload = move || {
            slot.discard();
            document.reread(&path, &reading)
        };
        Some(OperationTable::of_kept(opened, Box::new(reload)))
    }

    fn compile(&self, slot: &Slot, path: &Path, to: std::fs::File) -> Result<()> {
        let settle = |service: &mut ServiceDef| self.settle(service);
        let (unfinished, source) = if path.is_dir() {
            let source = Recorder::new(path);
            (kept::folder(to, &self.name(), &source, &settle)?, source)
        } else {
            let source = Recorder::new(folder_of(path));
            let bytes = source.bytes(path).map_err(|error| self.unreadable(error))?;
            (kept::document(to, &self.name(), &self.based(&bytes)?.0, &source, &settle)?, source)
        };
        let reading = source.reading().ok_or_else(|| self.changed())?;
        let key = slot.key(reading).map_err(|error| failed(error.into()))?;
        unfinished.finish(&key).map_err(failed)
    }

    /// Reads it once more, which must give what was read before.
    fn reread(&self, path: &Path, before: &Reading) -> Result<ServiceTable> {
        let settle = |service: &mut ServiceDef| self.settle(service);
        let (loaded, source) = if path.is_dir() {
            let source = Recorder::new(path);
            (ServiceTable::of_folder(&self.name(), &source, &settle)?, source)
        } else {
            let source = Recorder::new(folder_of(path));
            let bytes = source.bytes(path).map_err(|error| self.unreadable(error))?;
            let bytes = self.based(&bytes)?.0;
            (ServiceTable::of_document(&self.name(), &bytes, source.clone(), &settle)?, source)
        };
        let now = source.reading().filter(|now| now.agrees(before));
        now.map(|_| loaded.0).ok_or_else(|| self.changed())
    }

    fn changed(&self) -> Error {
        let error = SpecError::new("the document changed while it was read").file(&self.name());
        error.hint("Call again.").into()
    }

    /// Everything that it says, read at once, with everything that was passed over.
    ///
    /// # Errors
    /// As [`Document::read`].
    pub fn describe(&self, depth: Depth) -> Result<Description> {
        let mut description = match &self.place {
            Place::Path(path) if path.is_dir() => {
                spec::read_folder(&self.name(), &FolderSource::new(path), depth)?
            }
            Place::Path(path) => {
                let beside = FolderSource::new(folder_of(path));
                spec::read(&self.name(), &self.bytes(path)?, &beside, depth)?
            }
            #[cfg(feature = "client")]
            Place::Fetched(fetched) => spec::read(&self.name(), &fetched.root, &fetched.companions, depth)?,
        };
        self.settle(&mut description.service);
        Ok(description)
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

    /// How errors and warnings name it.
    fn name(&self) -> String {
        match &self.place {
            Place::Path(path) => path.to_string_lossy().into_owned(),
            #[cfg(feature = "client")]
            Place::Fetched(fetched) => fetched.url().to_owned(),
        }
    }

    fn bytes(&self, path: &Path) -> Result<Vec<u8>> {
        std::fs::read(path).map_err(|error| self.unreadable(error))
    }

    fn unreadable(&self, source: std::io::Error) -> Error {
        Error::Io(Box::new(IoError { action: format!("reading {:?}", self.name()), source }))
    }
}

fn with_warnings(
    mut before: Vec<Warning>,
    (table, warnings): (OperationTable, Vec<Warning>),
) -> (OperationTable, Vec<Warning>) {
    before.extend(warnings);
    (table, before)
}

/// The folder that a file's references may lead into.
fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}
