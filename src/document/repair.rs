//! A document with its overlays: which files repair it, and what it is then.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Document;
use super::place::source_of;
use super::stamp::{self, Recorder};
use crate::error::{Error, IoError, Result};
use crate::overlay::{Edit, Overlay, Overlays};
use crate::spec::{self, Limits, Position, Source as _, SpecError};

impl Document {
    /// Lets a file repair the document before it is read: an Overlay document (OAI Overlay Specification 1.0 or 1.1),
    /// or a JSON Merge Patch (RFC 7396); either as JSON or YAML, told apart by their content. Several are applied one
    /// after the other, in a folder to each of its documents, after `service.yaml` was laid under it. The
    /// `extends` of an overlay is not looked at here; see [`Document::overlay_all`].
    ///
    /// ```no_run
    /// let (table, warnings) = opcall::Document::open("vendor.yaml").overlay("repair.overlay.yaml").read()?;
    /// # Ok::<(), opcall::Error>(())
    /// ```
    #[must_use]
    pub fn overlay(mut self, file: impl Into<PathBuf>) -> Self {
        self.overlays.push(file.into());
        self
    }

    /// Lets a file repair those of several documents that it is meant for: the ones that its `extends` names, by
    /// their place or else by their file names; all of them where it names none. One document alone is repaired by
    /// whatever it is given.
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be read, [`Error::Spec`] where it is no overlay or is meant for none of
    /// the documents.
    pub fn overlay_all(documents: &mut [Self], file: impl AsRef<Path>) -> Result<()> {
        let file = file.as_ref();
        let limits = documents.first().map_or_else(Limits::default, |document| document.limits);
        let overlay = read_overlay(file, None, limits)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let chosen = match overlay.extends() {
            Some(target) if documents.len() > 1 => meant(documents, target, folder),
            _ => (0..documents.len()).collect(),
        };
        if chosen.is_empty() {
            let names: Vec<_> = documents.iter().map(|document| format!("`{}`", document.name())).collect();
            let problem = format!(
                "the overlay is for `{}`, which is none of {}",
                overlay.extends().unwrap_or_default(),
                names.join(", ")
            );
            let error = SpecError::at("#/extends", problem).hint("Name the document's file in `extends`.");
            return Err(located(error.file(&overlay.file), file).into());
        }
        for number in chosen {
            documents[number].overlays.push(file.to_owned());
        }
        Ok(())
    }

    /// Its overlays, read.
    pub(super) fn overlays(&self, record: Option<&Recorder>) -> Result<Overlays> {
        let all = self.overlays.iter().map(|file| read_overlay(file, record, self.limits));
        Ok(Overlays::new(all.collect::<Result<_>>()?))
    }

    /// Applies its overlays to a document.
    pub(super) fn patch(
        &self,
        overlays: &Overlays,
        document: &mut Value,
        edits: Option<&mut Vec<Edit>>,
    ) -> Result<()> {
        overlays.apply(document, edits).map_err(|error| self.with_line(error.into()))
    }

    /// Where a fault in its text, or in a file beside it, stands, and how many bytes were read for it. Nobody has a
    /// repaired text before their eyes, so there are no places in one.
    pub(crate) fn place_of(&self, error: &SpecError) -> (Option<Position>, usize) {
        let pointer = error.pointer.as_ref().filter(|_| self.overlays.is_empty());
        let Some((pointer, bytes)) = pointer.zip(self.text_of(&error.file)) else { return (None, 0) };
        let text = std::str::from_utf8(&bytes).ok();
        (text.and_then(|text| spec::nearest(text, spec::tokens(pointer))), bytes.len())
    }

    /// Its text, or that of a file beside it, read again: nothing where that would wait, or come out empty, as a pipe's.
    fn text_of(&self, file: &str) -> Option<Cow<'_, [u8]>> {
        let is_file = |path: &Path| std::fs::metadata(path).is_ok_and(|found| found.is_file());
        if file == self.name() {
            return self.path().is_none_or(is_file).then(|| self.bytes(None).ok()).flatten();
        }
        let beside = file.strip_prefix(&self.folder_name())?.trim_start_matches('/');
        let waits_for_nobody = |path: &Path| is_file(&source_of(path).join(beside));
        self.path()
            .is_none_or(waits_for_nobody)
            .then(|| self.beside(None).read(beside).ok())
            .flatten()
            .map(Into::into)
    }

    /// An error about one of its overlays, with the line.
    pub(super) fn with_line(&self, error: Error) -> Error {
        match error {
            Error::Spec(error) => {
                let file = self.overlays.iter().find(|file| file.to_string_lossy() == error.file);
                file.map_or_else(|| (*error).clone(), |file| located(*error.clone(), file)).into()
            }
            other => other,
        }
    }
}

fn read_overlay(file: &Path, record: Option<&Recorder>, limits: Limits) -> Result<Overlay> {
    let name = file.to_string_lossy();
    let failed = |source| Error::Io(Box::new(IoError { action: format!("reading {name:?}"), source }));
    let bytes = stamp::bytes(file, record, limits).map_err(failed)?;
    Overlay::parse(&name, &bytes, limits).map_err(|error| located(error, file).into())
}

/// An error about a file, with the line of its pointer.
fn located(mut error: SpecError, file: &Path) -> SpecError {
    if let (None, Some(pointer)) = (error.position, &error.pointer)
        && let Ok(text) = std::fs::read_to_string(file)
    {
        error.position = spec::nearest(&text, spec::tokens(pointer));
    }
    error
}

/// The documents that `extends` names: those at its place, else those of its file name.
fn meant(documents: &[Document], target: &str, folder: &Path) -> Vec<usize> {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let place = (!path.contains("://")).then(|| folder.join(path).canonicalize().ok()).flatten();
    let name = path.rsplit('/').next().unwrap_or_default();
    let at = |fits: &dyn Fn(&Document) -> bool| -> Vec<usize> {
        documents.iter().enumerate().filter(|(_, one)| fits(one)).map(|(number, _)| number).collect()
    };
    let here = |one: &Document| one.path().and_then(|path| path.canonicalize().ok());
    let exact = at(&|one| place.is_some() && here(one) == place || one.name() == target);
    if exact.is_empty() {
        return at(&|one| one.name().rsplit(['/', std::path::MAIN_SEPARATOR]).next() == Some(name));
    }
    exact
}
