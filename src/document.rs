//! A description to be loaded while the program runs: where its text comes from, and what it becomes.
//!
//! [`crate::spec`] reads text and knows no files; the table keeps what was read. This room is between them: it
//! reads the files.

use std::path::{Path, PathBuf};

use crate::error::{Error, IoError, Result};
use crate::source::{FolderSource, bounded};
use crate::spec::{self, Depth, Description, Warning};
use crate::table::OperationTable;

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
}

impl Document {
    /// The document or folder at a path. Nothing is read yet.
    pub fn open(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Its operations, with what was passed over so far.
    ///
    /// A document is indexed in one pass; its operations are read when they are first asked for.
    ///
    /// # Errors
    /// [`Error::Io`] where a file cannot be read, [`Error::Spec`] where it is no description.
    pub fn read(&self) -> Result<(OperationTable, Vec<Warning>)> {
        if self.path.is_dir() {
            let source = FolderSource::new(&self.path);
            return OperationTable::of_folder(&self.name(), &source);
        }
        OperationTable::of_document(&self.name(), &self.bytes()?, self.beside())
    }

    /// Everything that it says, read at once, with everything that was passed over.
    ///
    /// # Errors
    /// As [`Document::read`].
    pub fn describe(&self, depth: Depth) -> Result<Description> {
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
        let failed =
            |source| Error::Io(Box::new(IoError { action: format!("reading {:?}", self.name()), source }));
        std::fs::File::open(&self.path).and_then(bounded).map_err(failed)
    }

    /// The files that its references may lead to.
    fn beside(&self) -> FolderSource {
        FolderSource::new(self.path.parent().unwrap_or(Path::new("")))
    }
}
