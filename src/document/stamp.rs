//! What was read to make a table, so that it can be told later whether the same would be read again.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::source::{FolderSource, bounded};
use crate::spec::{Limits, Source};
use crate::table::kept::checksum;

/// How long ago a file must have changed for its times to tell it from what it may become: the coarsest file
/// systems count in steps of two seconds.
const SETTLED: Duration = Duration::from_secs(3);

/// How a file stands in its file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    size: u64,
    modified: Option<Duration>,
    /// Changed time in seconds and nanoseconds, device, inode; zeros where the system has none.
    system: (i64, i64, u64, u64),
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        Self { size: metadata.len(), modified, system: system(metadata) }
    }

    /// Whether a change that comes after this moment gives it another stamp.
    fn is_settled(&self, now: SystemTime) -> bool {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let changed = u64::try_from(self.system.0).map_or(Duration::ZERO, Duration::from_secs);
        self.modified.is_some_and(|modified| modified.max(changed) + SETTLED < now)
    }
}

#[cfg(unix)]
fn system(metadata: &Metadata) -> (i64, i64, u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.ctime(), metadata.ctime_nsec(), metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn system(_: &Metadata) -> (i64, i64, u64, u64) {
    (0, 0, 0, 0)
}

/// One file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct FileRead {
    path: PathBuf,
    /// Nothing where it could not be read.
    content: Option<Content>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Content {
    stamp: Stamp,
    /// Whether an equal stamp means equal bytes.
    settled: bool,
    hash: u64,
}

impl Content {
    fn same_bytes(&self, other: &Self) -> bool {
        self.hash == other.hash && self.stamp.size == other.stamp.size
    }
}

/// All that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reading {
    files: Vec<FileRead>,
    /// The folder listed, and the names in it.
    listing: Option<(PathBuf, Vec<String>)>,
}

/// What became of it since.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// Nothing.
    Same,
    /// The same bytes, but other times or another inode: the reading as it would be now.
    Touched(Reading),
    /// Other bytes.
    Changed,
}

impl Reading {
    /// Looks at every file again, and into those whose stamps are others.
    pub(super) fn since(&self) -> Since {
        let mut now = Vec::with_capacity(self.files.len());
        for file in &self.files {
            match file.now() {
                Some(file) => now.push(file),
                None => return Since::Changed,
            }
        }
        if let Some((folder, names)) = &self.listing
            && list(folder).ok().as_ref() != Some(names)
        {
            return Since::Changed;
        }
        let now = Self { files: now, listing: self.listing.clone() };
        if now == *self { Since::Same } else { Since::Touched(now) }
    }

    /// Whether the files that both have read had the same bytes.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        let same = |one: &FileRead| {
            let twin = other.files.iter().find(|file| file.path == one.path);
            twin.is_none_or(|twin| match (&one.content, &twin.content) {
                (Some(one), Some(twin)) => one.same_bytes(twin),
                (one, twin) => one.is_none() && twin.is_none(),
            })
        };
        self.listing == other.listing && self.files.iter().all(same)
    }
}

impl FileRead {
    /// The file as it is now, or nothing where reading it would give something else.
    fn now(&self) -> Option<Self> {
        let Some(content) = &self.content else {
            return std::fs::read(&self.path).is_err().then(|| self.clone());
        };
        let stamp = Stamp::of(&std::fs::metadata(&self.path).ok()?);
        if content.settled && stamp == content.stamp {
            return Some(self.clone());
        }
        if stamp.size != content.stamp.size {
            return None;
        }
        let (now, _) = read(&self.path, usize::try_from(content.stamp.size).ok()?).ok()?;
        content.same_bytes(&now).then(|| Self { path: self.path.clone(), content: Some(now) })
    }
}

fn read(path: &Path, limit: usize) -> io::Result<(Content, Vec<u8>)> {
    let file = File::open(path)?;
    let before = Stamp::of(&file.metadata()?);
    let bytes = bounded(&file, limit)?;
    let stamp = Stamp::of(&file.metadata()?);
    let settled = before == stamp && stamp.is_settled(SystemTime::now()) && stamp.size == bytes.len() as u64;
    let content =
        Content { settled, hash: checksum(&bytes), stamp: Stamp { size: bytes.len() as u64, ..stamp } };
    Ok((content, bytes))
}

fn list(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = FolderSource::new(folder).list()?;
    names.sort_unstable();
    Ok(names)
}

/// The bytes of a file, of one that is too long for a description only so many that it shows; a record gets to know
/// them.
pub(super) fn bytes(path: &Path, record: Option<&Recorder>, limits: Limits) -> io::Result<Vec<u8>> {
    match record {
        Some(record) => record.bytes(path),
        None => bounded(&File::open(path)?, limits.bytes),
    }
}

/// A folder whose files are read, with what was read of it.
#[derive(Debug, Clone)]
pub(super) struct Recorder {
    folder: PathBuf,
    limits: Limits,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    reading: Reading,
    /// A file was read twice and was not the same.
    torn: bool,
}

impl Recorder {
    pub(super) fn new(folder: impl Into<PathBuf>, limits: Limits) -> Self {
        Self { folder: folder.into(), limits, state: Arc::default() }
    }

    /// Reads a file of any folder.
    fn bytes(&self, path: &Path) -> io::Result<Vec<u8>> {
        // Seen from anywhere: the process that looks again may stand in another folder.
        let path = std::path::absolute(path)?;
        let (content, bytes) = match read(&path, self.limits.bytes) {
            Ok((content, bytes)) => (Some(content), Ok(bytes)),
            Err(error) => (None, Err(error)),
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let file = FileRead { path, content };
        match state.reading.files.iter().position(|known| known.path == file.path) {
            Some(at) => state.torn |= state.reading.files[at] != file,
            None => state.reading.files.push(file),
        }
        bytes
    }

    /// What was read so far; nothing where it was not the same all the time.
    pub(super) fn reading(&self) -> Option<Reading> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (!state.torn).then(|| state.reading.clone())
    }
}

impl Source for Recorder {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        match FolderSource::new(&self.folder).within(path) {
            Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::InvalidInput) => {
                // Refused for what it is, not for what it holds: what is made of that is not kept.
                self.state.lock().unwrap_or_else(PoisonError::into_inner).torn = true;
                Err(error)
            }
            _ => self.bytes(&self.folder.join(path)),
        }
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let names = list(&self.folder)?;
        let folder = std::path::absolute(&self.folder)?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.reading.listing = Some((folder, names.clone()));
        Ok(names)
    }

    fn limits(&self) -> Limits {
        self.limits
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::fs;

    use super::*;

    fn first(reading: &mut Reading) -> &mut Content {
        reading.files[0].content.as_mut().unwrap()
    }

    #[test]
    fn a_file_is_looked_into_until_its_times_tell_it_apart() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "one").unwrap();
        let recorder = Recorder::new(folder.path(), Limits::default());
        recorder.read("a").unwrap();
        let mut reading = recorder.reading().unwrap();
        let stamp = Stamp::of(&fs::metadata(folder.path().join("a")).unwrap());
        assert!(!stamp.is_settled(SystemTime::now()), "it was written just now");
        assert!(stamp.is_settled(SystemTime::now() + SETTLED + Duration::from_secs(1)));
        assert_eq!(reading.since(), Since::Same);

        first(&mut reading).hash += 1;
        assert_eq!(reading.since(), Since::Changed, "its bytes are compared");
        first(&mut reading).settled = true;
        assert_eq!(reading.since(), Since::Same, "its stamp is enough");
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_gives_no_reading() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::new(folder.path(), Limits::default());
        assert!(recorder.read("a").is_err());
        assert_eq!(recorder.reading().unwrap().since(), Since::Same, "it is still not there");
        fs::write(folder.path().join("a"), "one").unwrap();
        assert_eq!(recorder.reading().unwrap().since(), Since::Changed);
        recorder.read("a").unwrap();
        assert_eq!(recorder.reading(), None);
    }
}
