//! The files of a request, looked at before anything is sent: what cannot be read is told by a dry run too.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::error::{Error, IoError, Result};
use crate::request::{Content, PartContent};

/// Refuses a body with a file that cannot be read.
pub(super) fn check(content: &Content) -> Result<()> {
    match content {
        Content::File(path) => readable(path),
        Content::Multipart(parts) => parts.iter().try_for_each(|part| match &part.content {
            PartContent::File(path) => readable(path),
            _ => Ok(()),
        }),
        _ => Ok(()),
    }
}

/// Whether a body can be sent a second time: a pipe gives what it holds once.
pub(super) fn is_repeatable(content: &Content) -> bool {
    let is_file = |path: &Path| std::fs::metadata(path).is_ok_and(|file| file.is_file());
    match content {
        Content::File(path) => is_file(path),
        Content::Multipart(parts) => parts.iter().all(|part| match &part.content {
            PartContent::File(path) => is_file(path),
            _ => true,
        }),
        _ => true,
    }
}

fn readable(path: &Path) -> Result<()> {
    let failed =
        |source| Error::Io(Box::new(IoError { action: format!("reading \"{}\"", path.display()), source }));
    let kind = std::fs::metadata(path).map_err(failed)?;
    if kind.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    // Opening a pipe would wait for its other end, and take from it what is meant for the call.
    if kind.is_file() {
        File::open(path).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;
    use crate::request::Part;

    #[test]
    fn files_of_parts_are_looked_at_too() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let part = |path: &Path| Part {
            name: "f".to_owned(),
            filename: None,
            content_type: None,
            headers: Vec::new(),
            content: PartContent::File(path.to_owned()),
        };
        assert!(check(&Content::Multipart(vec![part(file.path())])).is_ok());
        let gone = file.path().with_extension("gone");
        let error = check(&Content::Multipart(vec![part(file.path()), part(&gone)])).unwrap_err();
        assert_eq!(error.kind(), "io");
    }
}
