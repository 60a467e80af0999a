//! A description to be loaded while the program runs: where its text comes from, and what it becomes.
//!
//! [`crate::spec`] reads text and knows no files; the table keeps what was read. This room is between them: it
//! reads the files, lays overlays over them (`repair`), and keeps what became of them ([`Document::cached`]).

mod cache;
mod explained;
mod repair;
mod stamp;
#[cfg(test)]
pub(crate) mod tests;

use std::path::{Path, PathBuf};

use self::cache::{Slot, failed};
use self::stamp::{Reading, Recorder};
use crate::error::{Error, IoError, Result};
use crate::source::FolderSource;
use crate::spec::{self, Depth, Description, SpecError, Warning};
use crate::table::{OperationTable, ServiceTable, kept};

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
    path: PathBuf,
    /// The files that repair it, in the order of their application.
    overlays: Vec<PathBuf>,
    cache: Option<PathBuf>,
}

impl Document {
    /// The document or folder at a path. Nothing is read yet.
    pub fn open(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), overlays: Vec::new(), cache: None }
    }

    /// Reads it from a cache folder where [`Document::keep`] has put it: however large it is, a start then reads little
    /// more than the operation that is called. Without this nothing is written or found anywhere.
    ///
    /// A kept document is used where this version kept it and every file that was read for it has the size, times
    /// and inode that it had, or, where they differ, the same content. Nothing in the folder is trusted: what is
    /// damaged, foreign or writable by others is passed over and the document read as without a cache. The folder
    /// is made for its owner alone, and its oldest files go when it holds more than 512 MiB. A document with overlays is
    /// never kept.
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

    /// Its operations, with what was passed over so far.
    ///
    /// A document is indexed in one pass; its operations are read when they are first asked for.
    ///
    /// # Errors
    /// [`Error::Io`] where a file cannot be read, [`Error::Spec`] where it is no description.
    pub fn read(&self) -> Result<(OperationTable, Vec<Warning>)> {
        let (mut table, warnings) = self.load()?;
        table.remember(self);
        Ok((table, warnings))
    }

    fn load(&self) -> Result<(OperationTable, Vec<Warning>)> {
        if !self.overlays.is_empty() {
            return self.read_repaired();
        }
        if let Some(kept) = self.kept() {
            return Ok(kept);
        }
        if self.path.is_dir() {
            let source = FolderSource::new(&self.path);
            return OperationTable::of_folder(&self.name(), &source);
        }
        OperationTable::of_document(&self.name(), &self.bytes()?, self.beside())
    }

    /// Compiles it into its cache folder, unless it is there already as it is now. Tells whether it is there.
    ///
    /// This reads every operation, which takes longer than [`Document::read`]: do it when nobody waits. Where it cannot
    /// be done (no folder was given, the disk is full, the document cannot be read), the log says why at `debug`.
    /// Several processes may do it at once.
    #[allow(clippy::must_use_candidate, reason = "most callers have nothing to do with the answer")]
    pub fn keep(&self) -> bool {
        let Some(slot) = self.slot() else { return false };
        slot.open().is_some() || slot.replace(|file| self.compile(&slot, file))
    }

    /// Its place in the cache. What is no file or folder (a pipe) can be read only once; what overlays make of it is
    /// not what its files say.
    fn slot(&self) -> Option<Slot> {
        let folder = self.cache.as_ref().filter(|_| self.overlays.is_empty())?;
        let metadata = std::fs::metadata(&self.path).ok()?;
        let slot = || Slot::new(folder, &self.path, &self.name());
        (metadata.is_file() || metadata.is_dir()).then(slot).flatten()
    }

    fn kept(&self) -> Option<(OperationTable, Vec<Warning>)> {
        let slot = self.slot()?;
        let (opened, reading) = slot.open()?;
        let document = self.clone();
        let reload = move || {
            slot.discard();
            document.reread(&reading)
        };
        Some(OperationTable::of_kept(opened, Box::new(reload)))
    }

    fn compile(&self, slot: &Slot, to: std::fs::File) -> Result<()> {
        let (unfinished, source) = if self.path.is_dir() {
            let source = Recorder::new(&self.path);
            (kept::folder(to, &self.name(), &source)?, source)
        } else {
            let source = Recorder::new(self.folder());
            let bytes = source.bytes(&self.path).map_err(|error| self.unreadable(error))?;
            (kept::document(to, &self.name(), &bytes, &source)?, source)
        };
        let reading = source.reading().ok_or_else(|| self.changed())?;
        let key = slot.key(reading).map_err(|error| failed(error.into()))?;
        unfinished.finish(&key).map_err(failed)
    }

    /// Reads it once more, which must give what was read before.
    fn reread(&self, before: &Reading) -> Result<ServiceTable> {
        let (loaded, source) = if self.path.is_dir() {
            let source = Recorder::new(&self.path);
            (ServiceTable::of_folder(&self.name(), &source)?, source)
        } else {
            let source = Recorder::new(self.folder());
            let bytes = source.bytes(&self.path).map_err(|error| self.unreadable(error))?;
            (ServiceTable::of_document(&self.name(), &bytes, source.clone())?, source)
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
        if !self.overlays.is_empty() {
            return self.describe_repaired(depth);
        }
        if self.path.is_dir() {
            return Ok(spec::read_folder(&self.name(), &FolderSource::new(&self.path), depth)?);
        }
        Ok(spec::read(&self.name(), &self.bytes()?, &self.beside(), depth)?)
    }

    /// How errors and warnings name it.
    fn name(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    fn bytes(&self) -> Result<Vec<u8>> {
        std::fs::read(&self.path).map_err(|error| self.unreadable(error))
    }

    fn unreadable(&self, source: std::io::Error) -> Error {
        Error::Io(Box::new(IoError { action: format!("reading {:?}", self.name()), source }))
    }

    /// The files that its references may lead to.
    fn beside(&self) -> FolderSource {
        FolderSource::new(self.folder())
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }
}
