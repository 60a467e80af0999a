//! A description to be loaded while the program runs: where its text comes from, and what it becomes.
//!
//! [`crate::spec`] reads text and knows no files; the table keeps what was read. This room is between them: it
//! reads the files, and fetches those of the network.

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
#[cfg(feature = "client")]
mod store;

use std::path::{Path, PathBuf};
#[cfg(feature = "client")]
use std::sync::Arc;

use crate::error::{Error, IoError, Result};
use crate::operation::ServiceDef;
use crate::source::FolderSource;
use crate::spec::{self, Depth, Description, Warning};
use crate::table::OperationTable;

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
        Self { place, service: None }
    }

    /// Gives its service a short name, the namespace of its operations, in place of the one that it has by itself.
    #[must_use]
    pub fn named(mut self, service: impl Into<String>) -> Self {
        self.service = Some(service.into());
        self
    }

    /// What came over the network, where the document did.
    #[cfg(feature = "client")]
    #[must_use]
    pub fn fetched(&self) -> Option<&Fetched> {
        if let Place::Fetched(fetched) = &self.place { Some(fetched) } else { None }
    }

    /// Its operations, with what was passed over so far.
    ///
    /// A document is indexed in one pass; its operations are read when they are first asked for.
    ///
    /// # Errors
    /// [`Error::Io`] where a file cannot be read, [`Error::Spec`] where it is no description.
    pub fn read(&self) -> Result<(OperationTable, Vec<Warning>)> {
        let settle = |service: &mut ServiceDef| self.settle(service);
        match &self.place {
            Place::Path(path) if path.is_dir() => {
                OperationTable::of_folder(&self.name(), &FolderSource::new(path), &settle)
            }
            Place::Path(path) => {
                OperationTable::of_document(&self.name(), &bytes_of(path)?, beside(path), &settle)
            }
            #[cfg(feature = "client")]
            Place::Fetched(fetched) => {
                let companions = fetched.companions.clone();
                OperationTable::of_document(&self.name(), &fetched.root, companions, &settle)
            }
        }
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
            Place::Path(path) => spec::read(&self.name(), &bytes_of(path)?, &beside(path), depth)?,
            #[cfg(feature = "client")]
            Place::Fetched(fetched) => spec::read(&self.name(), &fetched.root, &fetched.companions, depth)?,
        };
        self.settle(&mut description.service);
        Ok(description)
    }

    /// What is known of the service from beyond the document's text.
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
}

fn bytes_of(path: &Path) -> Result<Vec<u8>> {
    let failed = |source| {
        Error::Io(Box::new(IoError { action: format!("reading {:?}", path.to_string_lossy()), source }))
    };
    std::fs::read(path).map_err(failed)
}

/// The files that a file's references may lead to.
fn beside(path: &Path) -> FolderSource {
    FolderSource::new(path.parent().unwrap_or(Path::new("")))
}
