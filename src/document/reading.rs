//! The one way in which a document is read, whatever it becomes: a table, a description, a file of the cache.

use std::borrow::Cow;

use super::Document;
use super::place::Beside;
use super::stamp::Recorder;
use crate::error::Result;
use crate::overlay::Overlays;
use crate::spec::{self, Warning};

/// What there is to read.
pub(super) enum Input<'i> {
    /// A service's folder; its documents are repaired one by one.
    Folder(&'i Beside, &'i Overlays),
    /// The text of a document, repaired, with the files beside it.
    Text(Cow<'i, [u8]>, Beside),
}

impl Document {
    /// Reads it in some way, with everything that was passed over in it and in its overlays. A record gets to know
    /// every file that is read for it.
    pub(super) fn read_as<T>(
        &self,
        record: Option<&Recorder>,
        read: impl FnOnce(Input<'_>) -> Result<(T, Vec<Warning>)>,
    ) -> Result<(T, Vec<Warning>)> {
        let overlays = self.overlays(record)?;
        let done = if self.folder().is_some() {
            read(Input::Folder(&self.beside(record), &overlays))
        } else {
            let (text, before) = self.repaired(&overlays, record)?;
            read(Input::Text(text, self.beside(record)))
                .map(|(done, warnings)| (done, [before, self.placed(warnings)].concat()))
        };
        let (done, warnings) = done.map_err(|error| self.with_line(error))?;
        Ok((done, [overlays.warnings(), warnings].concat()))
    }

    /// Its text as it is to be read, with what was passed over on the way to it.
    fn repaired(
        &self,
        overlays: &Overlays,
        record: Option<&Recorder>,
    ) -> Result<(Cow<'_, [u8]>, Vec<Warning>)> {
        let (text, before) = self.text(record)?;
        if self.overlays.is_empty() {
            return Ok((text, before));
        }
        let repaired = spec::repaired(&self.name(), &text, self.limits, overlays);
        let (repaired, warnings) = repaired.map_err(|error| self.with_line(error.into()))?;
        Ok((Cow::Owned(repaired.into_bytes()), [before, warnings].concat()))
    }

    /// Warnings of its text; nobody has a repaired one before their eyes, so they have no places there.
    fn placed(&self, mut warnings: Vec<Warning>) -> Vec<Warning> {
        if !self.overlays.is_empty() {
            for warning in &mut warnings {
                warning.position = None;
            }
        }
        warnings
    }
}
