//! What servers sent before, so that they need not send it again (RFC 9111): one file an address.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderName, LAST_MODIFIED};
use serde::{Deserialize, Serialize};
use url::Url;

use super::pack;
use crate::private_files;

/// What is known of an answer that is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Where it came from in the end, redirects followed.
    pub(super) url: Url,
    /// Its validators (RFC 9110 §8.8).
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
    /// Whether it may serve while the server cannot be reached (RFC 9111 §4.2.4).
    pub(super) offline: bool,
    sha256: String,
}

impl Entry {
    /// What is to be kept of an answer; `None` where the server forbids to (RFC 9111 §5.2.2.5).
    pub(super) fn of(url: &Url, headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let directives = directives(headers);
        let has = |name: &str| directives.iter().any(|one| one == name);
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        may_keep(headers).then(|| Self {
            url: url.clone(),
            etag: text(ETAG),
            last_modified: text(LAST_MODIFIED),
            offline: !has("must-revalidate") && !has("no-cache"),
            sha256: pack::sha256(&[body]),
        })
    }
}

/// Whether the server allows to keep an answer (RFC 9111 §5.2.2.5).
pub(super) fn may_keep(headers: &HeaderMap) -> bool {
    !directives(headers).iter().any(|one| one == "no-store")
}

/// The directives of `Cache-Control` without their values.
fn directives(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let words = lines.flat_map(|line| line.split(','));
    words.map(|word| word.split('=').next().unwrap_or_default().trim().to_ascii_lowercase()).collect()
}

/// A folder of kept answers.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    pub(super) fn new(cache: &Path) -> Self {
        Self { folder: cache.join("fetched") }
    }

    /// The place of an answer to a request with these headers of the user's. Their values are not part of it: no
    /// secret is to be guessed from a file's name.
    fn path(&self, url: &Url, headers: &[HeaderName]) -> PathBuf {
        let mut text = url.as_str().to_owned();
        for header in headers {
            text.push('\n');
            text.push_str(header.as_str());
        }
        self.folder.join(pack::sha256(&[text.as_bytes()]))
    }

    /// What was kept; a file that is broken or cannot be read counts as none.
    pub(super) fn read(&self, url: &Url, headers: &[HeaderName]) -> Option<(Entry, Bytes)> {
        let (entry, body) = pack::read::<Entry>(&self.path(url, headers)).ok()??;
        (entry.sha256 == pack::sha256(&[&body])).then_some((entry, body))
    }

    /// Keeps an answer in place of the one before.
    pub(super) fn write(
        &self,
        url: &Url,
        headers: &[HeaderName],
        entry: &Entry,
        body: &[u8],
    ) -> io::Result<()> {
        private_files::folder(&self.folder)?;
        pack::write(&self.path(url, headers), entry, &[body])
    }

    /// Keeps nothing any more.
    pub(super) fn remove(&self, url: &Url, headers: &[HeaderName]) -> io::Result<()> {
        match std::fs::remove_file(self.path(url, headers)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;

    fn headers(control: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, control.parse().unwrap());
        headers.insert(ETAG, "\"a\"".parse().unwrap());
        headers
    }

    #[test]
    fn the_server_says_what_may_be_kept() {
        let url = Url::parse("https://a.example/").unwrap();
        let entry = |control| Entry::of(&url, &headers(control), b"x");
        assert!(entry("max-age=60, No-Store").is_none());
        assert!(entry("max-age=60").unwrap().offline);
        for strict in ["must-revalidate", "private, no-cache=\"set-cookie\""] {
            assert!(!entry(strict).unwrap().offline, "{strict}");
        }
        assert_eq!(entry("private").unwrap().etag.as_deref(), Some("\"a\""));
    }

    #[test]
    fn a_broken_file_counts_as_none() {
        let home = tempfile::tempdir().unwrap();
        let (store, url) = (Store::new(home.path()), Url::parse("https://a.example/?q").unwrap());
        let entry = Entry::of(&url, &headers("private"), b"body").unwrap();
        store.write(&url, &[], &entry, b"body").unwrap();
        assert_eq!(store.read(&url, &[]).unwrap().1, "body");
        assert!(store.read(&url, &[http::header::COOKIE]).is_none(), "asked for otherwise");
        let path = store.path(&url, &[]);
        let good = std::fs::read(&path).unwrap();
        for end in [0, 1, good.len() / 2, good.len() - 1] {
            std::fs::write(&path, &good[..end]).unwrap();
            assert!(store.read(&url, &[]).is_none(), "cut at {end}");
        }
        store.remove(&url, &[]).unwrap();
        store.remove(&url, &[]).unwrap();
        assert!(!path.exists());
    }
}
