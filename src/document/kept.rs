//! A document in compiled form: kept in a cache folder, read from it, and read anew where that fails.

use std::path::{Path, PathBuf};

use super::Document;
use super::cache::{Slot, failed};
use super::place::folder_of;
use super::stamp::{Reading, Recorder};
use crate::error::{Error, Result};
use crate::operation::ServiceDef;
use crate::spec::{SpecError, Warning};
use crate::table::{OperationTable, ServiceTable, kept};

impl Document {
    /// Reads it from a cache folder where [`Document::keep`] has put it: however large it is, a start then reads little
    /// more than the operation that is called. Without this nothing is written or found anywhere.
    ///
    /// A kept document is used where this version kept it and every file that was read for it has the size, times
    /// and inode that it had, or, where they differ, the same content. Nothing in the folder is trusted: what is
    /// damaged, foreign or writable by others is passed over and the document read as without a cache. The folder
    /// is made for its owner alone, and its oldest files go when it holds more than 512 MiB. A document with overlays is
    /// never kept, and of one that came over the network the text is, by `Fetch::cache`.
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

    /// Its place in the cache. What is no file or folder (a pipe) can be read only once; what overlays make of it is
    /// not what its files say.
    fn slot(&self) -> Option<(Slot, &Path)> {
        let folder = self.cache.as_ref().filter(|_| self.overlays.is_empty())?;
        let path = self.path()?;
        let metadata = std::fs::metadata(path).ok()?;
        // With another name of its service, or another base, it is another document.
        let mut known_by = self.name();
        known_by.extend(self.service.iter().flat_map(|service| ["\n", service]));
        known_by.extend(self.base.iter().filter_map(|base| serde_json::to_string(base.as_ref()).ok()));
        let slot = || Slot::new(folder, path, &known_by);
        Some(((metadata.is_file() || metadata.is_dir()).then(slot)??, path))
    }

    pub(super) fn kept(&self) -> Option<(OperationTable, Vec<Warning>)> {
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
            let text = self.based(&bytes)?.0;
            (ServiceTable::of_document(&self.name(), &text, source.clone(), &settle)?, source)
        };
        let now = source.reading().filter(|now| now.agrees(before));
        now.map(|_| loaded.0).ok_or_else(|| self.changed())
    }

    fn changed(&self) -> Error {
        let error = SpecError::new("the document changed while it was read").file(&self.name());
        error.hint("Call again.").into()
    }
}
