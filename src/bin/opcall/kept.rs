//! Documents of the command line in compiled form: read from the cache folder, put there when the work is done.

use std::path::Path;

use opcall::Document;

use crate::args::Source;
use crate::{folders, session};

/// A smaller file is read as fast as its compiled form, in bytes.
const SMALL: u64 = 16 << 10;

/// The document at a path, kept in the cache folder unless the command line or the environment forbids it.
pub(crate) fn document(path: &Path, source: &Source) -> Document {
    let document = Document::open(path);
    let is_small = path.metadata().is_ok_and(|it| it.is_file() && it.len() < SMALL);
    match folders::cache(&session::variable).filter(|_| !source.no_cache && !is_small) {
        Some(folder) => document.cached(folder.join("documents")),
        None => document,
    }
}

/// Compiles the documents that are not kept yet. The answer has been printed: nobody waits.
pub(crate) fn keep(source: &Source) {
    for path in &source.spec {
        document(path, source).keep();
    }
}
