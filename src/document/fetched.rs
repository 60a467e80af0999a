//! A document that came over the network, whole in memory with the files that it refers to.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use url::Url;

use super::companions::Companions;
use super::place::Place;
use super::{Document, pack};
use crate::error::{Error, IoError, Result};
use crate::spec::SpecError;

/// A document that came over the network: where from, and what it is.
#[derive(Clone)]
pub struct Fetched {
    /// Where it is, redirects followed; without a query, in which a secret may stand.
    url: Url,
    pub(super) root: Bytes,
    pub(super) companions: Companions,
    freshness: Freshness,
    may_be_kept: bool,
    hash: OnceLock<String>,
}

/// How new a document is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Freshness {
    /// The server sent it.
    Sent,
    /// The server says that the copy in the cache is still right.
    NotModified,
    /// The server could not be reached, and this is the copy in the cache.
    Offline {
        /// Why the server could not be reached.
        reason: String,
    },
    /// It was saved before and is loaded from its file.
    Saved,
}

/// The head of a saved document's file; the bytes of the files follow in this order, the document first.
#[derive(Serialize, Deserialize)]
struct Head {
    url: Url,
    files: Vec<(String, usize)>,
}

impl Fetched {
    /// `may_be_kept` tells whether no server forbids to keep what it sent.
    pub(super) fn new(
        url: &Url,
        root: Bytes,
        companions: Companions,
        freshness: Freshness,
        may_be_kept: bool,
    ) -> Self {
        let mut url = url.clone();
        url.set_query(None);
        url.set_fragment(None);
        Self { url, root, companions, freshness, may_be_kept, hash: OnceLock::new() }
    }

    /// Where it is, redirects followed, without the query.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// How new it is.
    #[must_use]
    pub fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    /// How many bytes it has, the files that it refers to included.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.root.len() as u64 + self.files().map(|(_, bytes)| bytes.len() as u64).sum::<u64>()
    }

    /// How many files it consists of, itself included.
    #[must_use]
    pub fn count(&self) -> usize {
        1 + self.files().count()
    }

    /// Its SHA-256 in hexadecimal digits: that of its bytes. Where it refers to other files, that of a list with a
    /// line for each: its SHA-256, two spaces, its path (the document's own is empty), sorted by path.
    #[must_use]
    pub fn sha256(&self) -> String {
        self.hash.get_or_init(|| self.hashed()).clone()
    }

    fn hashed(&self) -> String {
        let of_root = pack::sha256(&[&self.root]);
        let mut lines: Vec<_> =
            self.files().map(|(path, bytes)| (path, pack::sha256(&[bytes.as_ref()]))).collect();
        if lines.is_empty() {
            return of_root;
        }
        lines.push(("", of_root));
        lines.sort_unstable();
        let list: Vec<_> = lines.iter().flat_map(|(path, hash)| [hash, "  ", path, "\n"]).collect();
        pack::sha256(&[list.concat().as_bytes()])
    }

    /// Whether it may be kept for later without having been saved.
    pub(super) fn may_be_kept(&self) -> bool {
        self.may_be_kept
    }

    /// The files that could not be had, and why.
    pub(super) fn missing(&self) -> impl Iterator<Item = (&str, &str)> {
        self.companions
            .files
            .iter()
            .filter_map(|(path, file)| Some((path.as_str(), file.as_ref().err()?.as_str())))
    }

    fn files(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.companions.files.iter().filter_map(|(path, file)| Some((path.as_str(), file.as_ref().ok()?)))
    }

    /// Writes it with the files that it refers to into one file, for [`Document::load`]. The file's folder is made
    /// where it is missing; both can be read by their owner alone, and a crash leaves the old file or the new one.
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let mut files = vec![(String::new(), self.root.len())];
        files.extend(self.files().map(|(path, bytes)| (path.to_owned(), bytes.len())));
        let mut bodies: Vec<&[u8]> = vec![&self.root];
        bodies.extend(self.files().map(|(_, bytes)| bytes.as_ref()));
        let head = Head { url: self.url.clone(), files };
        let made = crate::private_files::folder(path.parent().unwrap_or(Path::new("")));
        made.and_then(|()| pack::write(path, &head, &bodies))
            .map_err(|source| failed("writing", path, source))
    }
}

impl Document {
    /// A document that [`Fetched::save`] wrote. Nothing is fetched.
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be read, [`Error::Spec`] where it holds no saved document.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let read = pack::read::<Head>(path).map_err(|source| failed("reading", path, source))?;
        let fetched = read.and_then(|(head, bytes)| unpacked(&head, &bytes));
        let broken = || SpecError::new("is no saved document").file(&path.to_string_lossy());
        Ok(Self::of(Place::Fetched(Arc::new(fetched.ok_or_else(broken)?))))
    }
}

fn unpacked(head: &Head, bytes: &Bytes) -> Option<Fetched> {
    let folder = head.url.join(".").ok()?;
    let mut files = IndexMap::new();
    let mut at = 0_usize;
    for (path, length) in &head.files {
        let end = at.checked_add(*length).filter(|end| *end <= bytes.len())?;
        files.insert(path.clone(), Ok(bytes.slice(at..end)));
        at = end;
    }
    let root = files.shift_remove("")?.ok()?;
    let companions = Companions { folder, files };
    (at == bytes.len()).then(|| Fetched::new(&head.url, root, companions, Freshness::Saved, true))
}

fn failed(action: &str, path: &Path, source: std::io::Error) -> Error {
    IoError { action: format!("{action} {}", path.display()), source }.into()
}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched")
            .field("url", &self.url.as_str())
            .field("size", &self.size())
            .field("freshness", &self.freshness)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;

    fn fetched(files: &[(&str, &str)]) -> Fetched {
        let url = Url::parse("https://a.example/v1/api.json?key=s3cret").unwrap();
        let mut all: IndexMap<_, _> = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), Ok(Bytes::copy_from_slice(text.as_bytes()))))
            .collect();
        all.insert("gone.json".to_owned(), Err("404".to_owned()));
        let companions = Companions { folder: url.join(".").unwrap(), files: all };
        Fetched::new(&url, Bytes::from_static(b"abc"), companions, Freshness::Sent, true)
    }

    #[test]
    fn the_hash_is_that_of_the_bytes_or_of_a_list() {
        // FIPS 180-4: SHA-256 of "abc".
        const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(fetched(&[]).sha256(), ABC);
        let both = fetched(&[("b.json", "x"), ("a.json", "abc")]).sha256();
        assert_eq!(both, fetched(&[("a.json", "abc"), ("b.json", "x")]).sha256());
        assert_ne!(both, fetched(&[("a.json", "abc"), ("b.json", "y")]).sha256());
        assert_ne!(both, fetched(&[("a.json", "abc"), ("c.json", "x")]).sha256());
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("new/doc");
        let before = fetched(&[("a/b.json", "x"), ("c.json", "")]);
        before.save(&path).unwrap();
        let document = Document::load(&path).unwrap();
        let after = document.fetched().unwrap();
        assert_eq!((after.url(), after.sha256()), ("https://a.example/v1/api.json", before.sha256()));
        assert_eq!((after.size(), after.count(), after.freshness()), (4, 3, &Freshness::Saved));
        assert!(!format!("{before:?}").contains("s3cret"));

        let good = std::fs::read(&path).unwrap();
        for end in 0..good.len() {
            std::fs::write(&path, &good[..end]).unwrap();
            assert_eq!(Document::load(&path).unwrap_err().kind(), "spec", "cut at {end}");
        }
        std::fs::write(&path, [good.as_slice(), b"x"].concat()).unwrap();
        assert!(Document::load(&path).is_err(), "one byte too many");
        assert_eq!(Document::load(home.path().join("gone")).unwrap_err().kind(), "io");
    }
}
