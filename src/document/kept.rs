//! A document in compiled form: kept in a cache folder, read from it, and read anew where that fails.

use std::fs::File;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Map, Value};

use super::Document;
use super::cache::{Slot, failed};
use super::place::Place;
use super::reading::Input;
use super::stamp::Reading;
use crate::error::{Error, Result};
use crate::operation::ServiceDef;
use crate::spec::{self, Limits, Source, SpecError, Warning};
use crate::table::{OperationTable, ServiceTable, kept};

/// What makes it another document than others, but for what is found in its files.
#[derive(Serialize)]
struct Identity<'d> {
    /// Errors and warnings hold it; of a document of the network it is the URL.
    name: String,
    origin: Origin,
    service: Option<&'d str>,
    base: Option<&'d Map<String, Value>>,
    /// As they are given, which errors and warnings hold too, and where they are.
    overlays: Vec<(&'d PathBuf, PathBuf)>,
    /// What it may cost: who allows less is told that it is too much.
    limits: [usize; 4],
}

/// What is read.
#[derive(Serialize)]
enum Origin {
    /// What is there: it is held against what was there.
    Path(PathBuf),
    /// What came over the network: this and nothing else.
    #[cfg(feature = "client")]
    Network {
        sha256: String,
        /// The files that it does without, and why: errors say it.
        missing: Vec<(String, String)>,
    },
}

fn located(overlay: &PathBuf) -> Option<(&PathBuf, PathBuf)> {
    Some((overlay, std::path::absolute(overlay).ok()?))
}

impl Document {
    /// Reads it from a cache folder where [`Document::keep`] has put it: however large it is, a start then reads little
    /// more than the operation that is called. Without this nothing is written or found anywhere.
    ///
    /// A kept document is used where this version kept it and every file that was read for it, its overlays among
    /// them, has the size, times and inode that it had, or, where they differ, the same content. With another name of
    /// its service, other limits, another base or other overlays, or the same in another order, it is another document.
    /// Of one that came over the network the content's hash is held against what was kept; one that its server forbids
    /// to keep (`Cache-Control: no-store`) is not kept unless it was saved. Nothing in the folder is trusted: what is
    /// damaged, foreign or writable by others is passed over and the document read as without a cache. The folder is
    /// made for its owner alone, and its oldest files go when it holds more than 512 MiB.
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
        let Some(slot) = self.slot() else { return false };
        slot.open().is_some() || slot.replace(|file| self.compile(&slot, file))
    }

    /// Its place in the cache. What is no file or folder (a pipe) can be read only once, and what a server forbids to
    /// keep is not kept.
    fn slot(&self) -> Option<Slot> {
        let folder = self.cache.as_ref()?;
        if !self.overlays.iter().all(|file| file.is_file()) {
            return None;
        }
        let Limits { bytes, depth, nodes, operations } = self.limits;
        let identity = Identity {
            name: self.name(),
            origin: self.origin()?,
            service: self.service.as_deref(),
            base: self.base.as_deref(),
            overlays: self.overlays.iter().map(located).collect::<Option<_>>()?,
            limits: [bytes, depth, nodes, operations],
        };
        // A path that is no Unicode text cannot be written down.
        let text = serde_json::to_string(&identity).ok()?;
        Some(Slot::new(folder, identity.name, text))
    }

    fn origin(&self) -> Option<Origin> {
        match &self.place {
            Place::Path(path) => {
                let metadata = std::fs::metadata(path).ok()?;
                let is_lasting = metadata.is_file() || metadata.is_dir();
                std::path::absolute(path).ok().filter(|_| is_lasting).map(Origin::Path)
            }
            #[cfg(feature = "client")]
            Place::Fetched(fetched) => {
                let missing =
                    || fetched.missing().map(|(path, why)| (path.to_owned(), why.to_owned())).collect();
                let network = || Origin::Network { sha256: fetched.sha256(), missing: missing() };
                fetched.may_be_kept().then(network)
            }
        }
    }

    pub(super) fn kept(&self) -> Option<(OperationTable, Vec<Warning>)> {
        let slot = self.slot()?;
        let (opened, reading) = slot.open()?;
        let document = self.clone();
        let reload = move || {
            slot.discard();
            document.reread(&reading)
        };
        Some(OperationTable::of_kept(opened, Box::new(reload)))
    }

    fn compile(&self, slot: &Slot, to: File) -> Result<()> {
        let (name, settle) = (self.name(), |service: &mut ServiceDef| self.settle(service));
        let record = self.record();
        let (unfinished, warnings) = self.read_as(Some(&record), |input| match input {
            Input::Folder(source, overlays) => kept::folder(to, &name, source, overlays, &settle),
            Input::Text(text, source) => {
                let text = spec::text(&name, &text, source.limits())?;
                kept::document(to, &name, text, &source, &settle)
            }
        })?;
        let reading = record.reading().ok_or_else(|| self.changed())?;
        let key = slot.key(reading).map_err(|error| failed(error.into()))?;
        unfinished.finish(&key, warnings).map_err(failed)
    }

    /// Reads it once more, which must give what was read before.
    fn reread(&self, before: &Reading) -> Result<ServiceTable> {
        let (name, settle) = (self.name(), |service: &mut ServiceDef| self.settle(service));
        let record = self.record();
        let (loaded, _) = self.read_as(Some(&record), |input| match input {
            Input::Folder(source, overlays) => ServiceTable::of_folder(&name, source, overlays, &settle),
            Input::Text(text, source) => ServiceTable::of_document(&name, text, source, &settle),
        })?;
        let now = record.reading().filter(|now| now.agrees(before));
        now.map(|_| loaded).ok_or_else(|| self.changed())
    }

    fn changed(&self) -> Error {
        let error = SpecError::new("the document changed while it was read").file(&self.name());
        error.hint("Call again.").into()
    }
}
