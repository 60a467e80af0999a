//! The cache folder: where a document's compiled form stands, who may read it, how much there may be.
//!
//! Nothing here fails: what cannot be kept is read again, and what is found must prove that it is the document.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::stamp::{Reading, Since};
use crate::error::{Error, IoError, Result};
use crate::table::kept::{Opened, checksum};

/// How many bytes the folder may hold; beyond them the oldest files go.
const MOST: u64 = 512 << 20;
/// After this time a file that nobody finished was left by a process that ended.
const ABANDONED: Duration = Duration::from_secs(3600);

/// What a kept document is known by.
#[derive(Debug, Serialize, Deserialize)]
struct Key {
    identity: String,
    reading: Reading,
}

/// The place of one document in the cache.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    folder: PathBuf,
    file: PathBuf,
    /// The document as errors name it.
    name: String,
    identity: String,
}

impl Slot {
    /// The place for a document; `identity` is everything that makes it another one than those beside it, but for
    /// what its files hold.
    pub(super) fn new(folder: &Path, name: String, identity: String) -> Self {
        let file = folder.join(format!("{:016x}.document", checksum(identity.as_bytes())));
        Self { folder: folder.to_owned(), file, name, identity }
    }

    /// The document, where what was read for it would be read again.
    pub(super) fn open(&self) -> Option<(Opened, Reading)> {
        let metadata = fs::symlink_metadata(&self.file).ok()?;
        if !metadata.is_file()
            || !is_ours(&metadata)
            || !fs::metadata(&self.folder).is_ok_and(|it| is_ours(&it))
        {
            tracing::debug!(file = %self.file.display(), "not used: others can write it, or it is no file");
            return None;
        }
        let Some(mut opened) = Opened::read(File::open(&self.file).ok()?) else {
            tracing::debug!(file = %self.file.display(), "no document that this version kept");
            return None;
        };
        let key: Key = serde_json::from_str(opened.key()).ok()?;
        if key.identity != self.identity {
            return None;
        }
        match key.reading.since() {
            Since::Same => Some((opened, key.reading)),
            Since::Changed => {
                tracing::debug!(document = self.name, "changed since it was kept");
                None
            }
            Since::Touched(reading) => {
                if let Ok(key) = self.key(reading.clone()) {
                    self.replace(|to| opened.copy(to, &key).map_err(failed));
                }
                Some((opened, reading))
            }
        }
    }

    /// What the file says of itself.
    pub(super) fn key(&self, reading: Reading) -> serde_json::Result<String> {
        serde_json::to_string(&Key { identity: self.identity.clone(), reading })
    }

    /// Puts a new file in the place of the one that is there, whole or not at all. Tells whether it is there.
    pub(super) fn replace(&self, write: impl FnOnce(File) -> Result<()>) -> bool {
        match self.try_replace(write) {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(document = self.name, %error, "not kept");
                false
            }
        }
    }

    fn try_replace(&self, write: impl FnOnce(File) -> Result<()>) -> Result<()> {
        make_folder(&self.folder).map_err(failed)?;
        let temporary = self.folder.join(temporary_name());
        let written = create(&temporary).map_err(failed).and_then(write);
        let done = written.and_then(|()| fs::rename(&temporary, &self.file).map_err(failed));
        if done.is_err() {
            // What is left is removed with what is abandoned.
            let _ = fs::remove_file(&temporary);
        } else {
            tidy(&self.folder, &self.file, MOST);
        }
        done
    }

    /// Takes the file away.
    pub(super) fn discard(&self) {
        if let Err(error) = fs::remove_file(&self.file) {
            tracing::debug!(document = self.name, %error, "not removed from the cache");
        }
    }
}

/// What went wrong with the cache's own files.
pub(super) fn failed(source: io::Error) -> Error {
    Error::Io(Box::new(IoError { action: "writing to the cache".to_owned(), source }))
}

/// A name that no other process and no other thread takes.
fn temporary_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{}-{now}-{}.part", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    if is_ours(&fs::metadata(folder)?) {
        return Ok(());
    }
    Err(io::Error::other("the folder is another user's, or others can write into it"))
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Whether only this user can have written it. Who that is, is known where the system shows processes as files.
#[cfg(unix)]
fn is_ours(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    let is_own = fs::metadata("/proc/self").map_or(true, |process| process.uid() == metadata.uid());
    is_own && metadata.mode() & 0o022 == 0
}

/// Whether only this user can have written it: the system's own rules hold.
#[cfg(not(unix))]
fn is_ours(_: &Metadata) -> bool {
    true
}

/// Removes what was abandoned, and the oldest files until the others are few enough.
fn tidy(folder: &Path, newest: &Path, most: u64) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut kept = Vec::new();
    for entry in entries.flatten() {
        let (path, Ok(metadata)) = (entry.path(), entry.metadata()) else { continue };
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        match path.extension().and_then(std::ffi::OsStr::to_str) {
            Some("document") if path != newest => kept.push((modified, metadata.len(), path)),
            Some("part") if modified.elapsed().is_ok_and(|age| age > ABANDONED) => remove(&path),
            _ => {}
        }
    }
    let newest = fs::metadata(newest).map_or(0, |metadata| metadata.len());
    let mut sum = newest + kept.iter().map(|(_, length, _)| length).sum::<u64>();
    kept.sort_unstable();
    for (_, length, path) in kept {
        if sum <= most {
            break;
        }
        remove(&path);
        sum -= length;
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::debug!(path = %path.display(), %error, "not removed from the cache");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn the_oldest_files_and_the_abandoned_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, age: u64, length: usize| {
            let path = folder.path().join(name);
            fs::write(&path, vec![0; length]).unwrap();
            let at = SystemTime::now() - Duration::from_secs(age);
            File::options().write(true).open(&path).unwrap().set_modified(at).unwrap();
            path
        };
        let newest = write("newest.document", 9000, 100);
        for (name, age) in [("old.document", 300), ("older.document", 400), ("young.document", 200)] {
            write(name, age, 100);
        }
        write("left.part", 4000, 1);
        write("running.part", 60, 1);
        write("foreign.txt", 9000, 1000);
        tidy(folder.path(), &newest, 300);
        let mut left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        let expected = ["foreign.txt", "newest.document", "old.document", "running.part", "young.document"];
        assert_eq!(left, expected, "the newest counts and stays, whatever its time");
    }

    #[test]
    fn temporary_names_differ() {
        assert_ne!(temporary_name(), temporary_name());
    }
}
