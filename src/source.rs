//! The files of a folder, for [`crate::spec`], which reads none itself. build.rs compiles this file too.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::spec::{Limits, Source};

/// A folder on disk. Nothing outside of it is read, whatever links in it lead there.
#[derive(Debug, Clone)]
pub struct FolderSource {
    folder: PathBuf,
    limits: Limits,
}

impl FolderSource {
    /// The files of a folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), limits: Limits::default() }
    }

    /// Other limits than the default ones.
    #[must_use]
    pub fn within_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The folder as the file system names it; an empty path is the current one.
    fn place(&self) -> io::Result<PathBuf> {
        let is_empty = self.folder.as_os_str().is_empty();
        if is_empty { Path::new(".") } else { self.folder.as_path() }.canonicalize()
    }

    /// The file that a path leads to, all links followed.
    ///
    /// # Errors
    /// It leads out of the folder, to nothing, or to what is no regular file.
    pub(crate) fn within(&self, path: &str) -> io::Result<PathBuf> {
        let folder = self.place()?;
        let file = folder.join(path).canonicalize()?;
        if !file.starts_with(&folder) {
            let problem = "it is a link that leads out of the document's folder";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
        }
        // A pipe or a device beside a document is nobody's schema, and may have no end.
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        Ok(file)
    }
}

impl Source for FolderSource {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        bounded(&File::open(self.within(path)?)?, self.limits.bytes)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(self.place()?)? {
            let entry = entry?;
            if let (Ok(name), false) = (entry.file_name().into_string(), entry.file_type()?.is_dir()) {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn limits(&self) -> Limits {
        self.limits
    }
}

/// The bytes of a file, of one that is longer than the limit only so many that it shows.
pub(crate) fn bounded(file: &File, limit: usize) -> io::Result<Vec<u8>> {
    let most = (limit as u64).saturating_add(1);
    // A file that says its size is read into as much memory and no more; a pipe says none.
    let expected = file.metadata().map_or(0, |data| data.len()).min(most);
    let mut bytes = Vec::new();
    // A sparse file says more than there is memory.
    bytes.try_reserve_exact(usize::try_from(expected).unwrap_or(usize::MAX)).map_err(io::Error::other)?;
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_outside_of_the_folder_is_not_read() {
        let place = tempfile::tempdir().unwrap();
        let inside = place.path().join("inside");
        fs::create_dir_all(inside.join("deep")).unwrap();
        fs::write(place.path().join("secret.yaml"), "a: 1").unwrap();
        fs::write(inside.join("deep/own.yaml"), "b: 2").unwrap();
        let source = FolderSource::new(&inside);
        assert_eq!(source.read("deep/own.yaml").unwrap(), b"b: 2");
        assert_eq!(source.read("../secret.yaml").unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(source.read("deep").unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(source.read("gone.yaml").unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_file_that_says_more_than_there_is_memory_is_an_error() {
        let file = tempfile::tempfile().unwrap();
        // Not every file system lets a file be so long.
        if file.set_len(1 << 62).is_err() {
            return;
        }
        assert!(bounded(&file, usize::MAX).is_err());
        assert_eq!(bounded(&file, 3).unwrap(), [0; 4]);
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_to_files_inside_alone() {
        use std::os::unix::fs::symlink;

        let place = tempfile::tempdir().unwrap();
        let inside = place.path().join("inside");
        fs::create_dir(&inside).unwrap();
        fs::write(place.path().join("secret.yaml"), "a: 1").unwrap();
        fs::write(inside.join("own.yaml"), "b: 2").unwrap();
        symlink("own.yaml", inside.join("again.yaml")).unwrap();
        symlink("../secret.yaml", inside.join("out.yaml")).unwrap();
        symlink("..", inside.join("up")).unwrap();
        // The folder itself may be reached through a link.
        symlink(&inside, place.path().join("linked")).unwrap();
        let source = FolderSource::new(place.path().join("linked"));
        assert_eq!(source.read("again.yaml").unwrap(), b"b: 2");
        for out in ["out.yaml", "up/secret.yaml"] {
            assert_eq!(source.read(out).unwrap_err().kind(), io::ErrorKind::PermissionDenied, "{out}");
        }
        assert_eq!(source.read("up/inside/own.yaml").unwrap(), b"b: 2");
    }
}
