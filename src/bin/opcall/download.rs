//! `--save FILE`: the body of an answer goes to a file as it comes, and the file is there whole or not at all.
//!
//! It is written beside its place, as `FILE.part`, and takes its place when all of it is on the disk. What a download
//! leaves that does not end well is removed. A device or a pipe is written to directly.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use opcall::ResponseStream;

use crate::report::{About, Failure};

/// A file that is being written.
pub(crate) struct Download {
    file: File,
    /// Where it is written to.
    place: PathBuf,
    /// Where it belongs, where that is another place.
    target: Option<PathBuf>,
}

impl Download {
    /// Makes a place to write to, before anything is sent.
    ///
    /// # Errors
    /// Where the file cannot be written, or another download writes it.
    pub(crate) fn begin(path: &Path) -> Result<Self, Failure> {
        Self::claimed(path).map_err(|failure| match failure {
            Failure::Io { .. } => failure.within(About { hint: Some(elsewhere(path)), ..About::default() }),
            failure => failure,
        })
    }

    fn claimed(path: &Path) -> Result<Self, Failure> {
        if path.as_os_str() == "-" {
            let hint = "leave --save out to have the answer printed, or give ./- for a file of that name.";
            return Err(Failure::usage("`-` names no file to save to", Some(hint.to_owned())));
        }
        let failed = |error| Failure::io(format!("writing \"{}\"", path.display()), error);
        let old = fs::metadata(path).ok();
        if old.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        if old.as_ref().is_some_and(|old| !old.is_file()) {
            let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
            return Ok(Self { file, place: path.to_owned(), target: None });
        }
        // A link stays, and what it leads to is replaced.
        let target = if old.is_some() { fs::canonicalize(path).map_err(failed)? } else { path.to_owned() };
        let mut place = target.clone().into_os_string();
        place.push(".part");
        let place = PathBuf::from(place);
        let failed = |error| Failure::io(format!("writing \"{}\"", place.display()), error);
        let file = claim(&place).map_err(failed)?;
        let download = Self { file, place, target: Some(target) };
        if let Some(old) = old {
            let kept = download.file.set_permissions(old.permissions());
            kept.map_err(|error| download.failed(error))?;
        }
        Ok(download)
    }

    /// Writes the body of an answer and puts the file in its place. Returns its length in bytes.
    ///
    /// # Errors
    /// Where the answer breaks off, or the disk takes no more.
    pub(crate) async fn take(mut self, mut answer: ResponseStream) -> Result<u64, Failure> {
        let mut length = 0;
        while let Some(chunk) = answer.chunk().await? {
            self.file.write_all(&chunk).map_err(|error| self.failed(error))?;
            length += chunk.len() as u64;
        }
        self.settle()?;
        Ok(length)
    }

    /// Writes a body that came whole and puts the file in its place. Returns its length in bytes.
    ///
    /// # Errors
    /// Where the disk takes no more.
    pub(crate) fn write(mut self, bytes: &[u8]) -> Result<u64, Failure> {
        self.file.write_all(bytes).map_err(|error| self.failed(error))?;
        self.settle()?;
        Ok(bytes.len() as u64)
    }

    fn settle(&mut self) -> Result<(), Failure> {
        let Some(target) = self.target.take() else { return Ok(()) };
        let settled = self.file.sync_all().and_then(|()| fs::rename(&self.place, &target));
        if let Err(error) = settled {
            self.target = Some(target);
            return Err(self.failed(error));
        }
        // The file is in its place; that the folder's entry outlives a crash is more than many a system can do.
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        let _ = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
        Ok(())
    }

    fn failed(&self, error: io::Error) -> Failure {
        Failure::io(format!("writing \"{}\"", self.place.display()), error)
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        if self.target.is_some() {
            // What cannot be removed was never in its place.
            let _ = fs::remove_file(&self.place);
        }
    }
}

/// What to do where a file cannot be begun.
fn elsewhere(path: &Path) -> String {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder.filter(|folder| !folder.exists()) {
        Some(folder) => {
            format!("nothing was sent: make the folder \"{}\" first, or save it elsewhere.", folder.display())
        }
        None => "nothing was sent: save it where a new file can be written.".to_owned(),
    }
}

/// Opens a file that nobody else writes, and empties it.
fn claim(place: &Path) -> io::Result<File> {
    if fs::symlink_metadata(place).is_ok_and(|kind| !kind.is_file()) {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "something that is no file has the name"));
    }
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(place)?;
    let busy = || io::Error::new(io::ErrorKind::ResourceBusy, "another download writes it");
    match file.try_lock() {
        Ok(()) if is_at(&file, place) => {}
        Ok(()) | Err(TryLockError::WouldBlock) => return Err(busy()),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
        Err(TryLockError::Error(error)) => return Err(error),
    }
    file.set_len(0)?;
    Ok(file)
}

/// Whether a file has not been put in its place, or removed, since it was opened.
#[cfg(unix)]
fn is_at(file: &File, place: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let known = |data: fs::Metadata| (data.dev(), data.ino());
    matches!((file.metadata().map(known), fs::metadata(place).map(known)), (Ok(one), Ok(other)) if one == other)
}

/// An open file keeps its name there.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}
