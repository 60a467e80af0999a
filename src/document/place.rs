//! Where a document's text is, and the files beside it.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
#[cfg(feature = "client")]
use std::sync::Arc;

use super::Document;
#[cfg(feature = "client")]
use super::companions::Companions;
#[cfg(feature = "client")]
use super::fetched::Fetched;
use super::stamp::{self, Recorder};
use crate::error::{Error, IoError, Result};
use crate::source::FolderSource;
use crate::spec::{Limits, Source, Warning};

/// Where a document's text is.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// A file, or a service's folder.
    Path(PathBuf),
    /// In memory: it came over the network.
    #[cfg(feature = "client")]
    Fetched(Arc<Fetched>),
}

/// The files that a document's references may lead to.
#[derive(Debug)]
pub(super) struct Beside {
    files: Files,
    limits: Limits,
}

#[derive(Debug)]
enum Files {
    /// Those of its folder.
    Folder(FolderSource),
    /// Those of its folder, with a record of those that were read.
    Recorded(Recorder),
    /// Those that came with it.
    #[cfg(feature = "client")]
    Fetched(Companions),
}

impl Source for Beside {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        match &self.files {
            Files::Folder(folder) => folder.read(path),
            Files::Recorded(folder) => folder.read(path),
            #[cfg(feature = "client")]
            Files::Fetched(files) => files.read(path),
        }
    }

    fn list(&self) -> io::Result<Vec<String>> {
        match &self.files {
            Files::Folder(folder) => folder.list(),
            Files::Recorded(folder) => folder.list(),
            #[cfg(feature = "client")]
            Files::Fetched(files) => files.list(),
        }
    }

    fn locate(&self, url: &str) -> Option<String> {
        match &self.files {
            Files::Folder(folder) => folder.locate(url),
            Files::Recorded(folder) => folder.locate(url),
            #[cfg(feature = "client")]
            Files::Fetched(files) => files.locate(url),
        }
    }

    fn limits(&self) -> Limits {
        self.limits
    }
}

impl Document {
    /// Its path, where it is a file or a folder.
    #[cfg_attr(
        not(feature = "client"),
        allow(clippy::unnecessary_wraps, reason = "what was fetched, which needs `client`, has none")
    )]
    pub(super) fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::Path(path) => Some(path),
            #[cfg(feature = "client")]
            Place::Fetched(_) => None,
        }
    }

    /// Its path, where it is a service's folder.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.path().filter(|path| path.is_dir())
    }

    /// How errors and warnings name it.
    pub(super) fn name(&self) -> String {
        match &self.place {
            Place::Path(path) => path.to_string_lossy().into_owned(),
            #[cfg(feature = "client")]
            Place::Fetched(fetched) => fetched.url().to_owned(),
        }
    }

    /// What the names of the files beside it begin with.
    pub(super) fn folder_name(&self) -> String {
        match &self.place {
            Place::Path(path) => folder_of(path).to_string_lossy().into_owned(),
            #[cfg(feature = "client")]
            Place::Fetched(fetched) => fetched.companions.folder.as_str().trim_end_matches('/').to_owned(),
        }
    }

    /// Its text as it stands.
    pub(super) fn bytes(&self, record: Option<&Recorder>) -> Result<Cow<'_, [u8]>> {
        match &self.place {
            Place::Path(path) => stamp::bytes(path, record, self.limits)
                .map(Cow::Owned)
                .map_err(|error| self.unreadable(error)),
            #[cfg(feature = "client")]
            Place::Fetched(fetched) => Ok(Cow::Borrowed(&fetched.root)),
        }
    }

    /// Its text with what lies under it, and what was wrong with the text alone where something does.
    pub(super) fn text(&self, record: Option<&Recorder>) -> Result<(Cow<'_, [u8]>, Vec<Warning>)> {
        let bytes = self.bytes(record)?;
        let Some(base) = &self.base else { return Ok((bytes, Vec::new())) };
        super::base::lay(&self.name(), &bytes, base, self.limits)
            .map(|(bytes, warnings)| (Cow::Owned(bytes), warnings))
    }

    /// The files of the folder, or those that its references may lead to.
    pub(super) fn beside(&self, record: Option<&Recorder>) -> Beside {
        let files = match (&self.place, record) {
            (Place::Path(_), Some(record)) => Files::Recorded(record.clone()),
            (Place::Path(path), None) => {
                Files::Folder(FolderSource::new(source_of(path)).within_limits(self.limits))
            }
            #[cfg(feature = "client")]
            (Place::Fetched(fetched), _) => Files::Fetched(fetched.companions.clone()),
        };
        Beside { files, limits: self.limits }
    }

    /// A record, empty, of the files that are read for it.
    pub(super) fn record(&self) -> Recorder {
        Recorder::new(self.path().map_or(Path::new(""), source_of), self.limits)
    }

    pub(super) fn unreadable(&self, source: io::Error) -> Error {
        Error::Io(Box::new(IoError { action: format!("reading {:?}", self.name()), source }))
    }
}

/// The folder whose files are read: the path itself, or the file's.
pub(super) fn source_of(path: &Path) -> &Path {
    if path.is_dir() { path } else { folder_of(path) }
}

/// The folder that a file's references may lead into.
fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}
