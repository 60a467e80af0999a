//! Access tokens kept in a folder, so that the next process needs no new one: a file a token, its owner's alone.
//!
//! Nothing of a file is believed blindly. It has a checksum and the name that it stands under; what is damaged, open to
//! others, another user's or a link is passed over and replaced. It names its client by a salted hash of the secret, so
//! that nobody gets the token of a client whose secret they do not have. Its life is told by the wall clock: where that
//! stands before the token was fetched, the token is fetched anew, so none is ever taken to live longer than it was
//! given.
//!
//! Processes that want a new token queue at a lock, which falls with the process that holds it. Who has hardly any time
//! left goes on without it, as does who cannot write: a call never fails because of the cache.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::identity::{Identity, in_file_name};
use super::renewing::{Fetched, Keeping};
use crate::document::sha256;
use crate::private_files;

/// The form of the files; another one is not read.
const FORMAT: u32 = 1;

/// No file is larger: tokens are headers, and those are bounded.
const LARGEST: u64 = 256 * 1024;

/// How long a token that is to be forgotten waits for a process that writes it.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it looks whether the other is done: at first, and at last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

/// The length of a SHA-256 in hexadecimal digits.
const DIGITS: usize = 64;

/// How many digits of the hash over the scopes stand in a file's name.
const SHORT: usize = 16;

/// A folder of tokens.
pub(crate) struct TokenCache {
    folder: PathBuf,
}

/// The place of one token.
pub(super) struct Slot {
    file: PathBuf,
    /// The hash over whose it is, scopes included.
    key: String,
    /// The client's secret.
    secret: SecretString,
}

/// A token as it is kept.
pub(super) struct Kept {
    pub(super) token: SecretString,
    /// When it was asked for.
    pub(super) since: SystemTime,
    pub(super) lifetime: Duration,
    /// The region that the token endpoint named, and its base URL.
    pub(super) region: Option<(String, String)>,
}

/// The right to write a slot, given back when it is dropped.
pub(super) struct Lock(#[expect(dead_code, reason = "it is open as long as the lock is held")] File);

/// What a file holds, behind a line with the hash of it.
#[derive(Serialize, Deserialize)]
struct Entry<'e> {
    format: u32,
    #[serde(borrow)]
    key: Cow<'e, str>,
    /// By them the secret is known again that the token was had for.
    #[serde(borrow)]
    salt: Cow<'e, str>,
    #[serde(borrow)]
    client: Cow<'e, str>,
    /// Milliseconds since 1970.
    since: u64,
    /// Milliseconds.
    lifetime: u64,
    region: Option<(String, String)>,
    #[serde(borrow)]
    token: Cow<'e, str>,
}

impl TokenCache {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The place of the token for these scopes.
    pub(super) fn slot(&self, identity: &Identity<'_>, scopes: &[String], secret: &SecretString) -> Slot {
        let key = identity.key_of(scopes);
        let short = key.get(..SHORT).unwrap_or_default();
        let name = format!("{}-{}-{short}.token", in_file_name(identity.service), identity.key());
        Slot { file: self.folder.join(name), key, secret: secret.clone() }
    }

    /// The places of all tokens of a service, whosever they are, also of those of which a killed writer left but the
    /// file beside its place.
    pub(super) fn of_service(&self, service: &str) -> io::Result<Vec<PathBuf>> {
        let prefix = format!("{}-", in_file_name(service));
        let place_of = |file: &Path| {
            let name = file.file_name()?.to_str()?;
            let name = name.strip_suffix(private_files::BESIDE).unwrap_or(name);
            let (account, short) = name.strip_suffix(".token")?.strip_prefix(&prefix)?.split_once('-')?;
            let is_hash =
                |text: &str, length| text.len() == length && text.bytes().all(|one| one.is_ascii_hexdigit());
            (is_hash(account, DIGITS) && is_hash(short, SHORT)).then(|| file.with_file_name(name))
        };
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let places: BTreeSet<_> = entries.filter_map(|entry| place_of(&entry.ok()?.path())).collect();
        Ok(places.into_iter().collect())
    }

    /// Removes a file, whatever it holds.
    pub(super) async fn remove(&self, file: PathBuf) -> io::Result<()> {
        Slot { file, key: String::new(), secret: SecretString::default() }.forget(None).await
    }
}

impl Slot {
    /// The place that a file of the cache is, where it is one of this identity's, whatever its scopes.
    pub(super) fn at(file: &Path, identity: &Identity<'_>, secret: &SecretString) -> Option<Self> {
        let name = file.file_stem()?.to_str()?;
        let (rest, short) = name.rsplit_once('-')?;
        let bytes = private_files::read(file, LARGEST).ok().filter(|_| rest.ends_with(&identity.key()))?;
        let key = Entry::read(&bytes)?.key.into_owned();
        key.starts_with(short).then(|| Self { file: file.to_owned(), key, secret: secret.clone() })
    }

    /// The token that is kept, where it is not over yet; it may be near its end.
    pub(super) fn find(&self, now: SystemTime) -> Option<Kept> {
        let bytes = match private_files::read(&self.file, LARGEST) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => return self.pass_over(&error.to_string()),
        };
        let Some(entry) = Entry::read(&bytes).filter(|entry| entry.key == self.key) else {
            return self.pass_over("it is damaged");
        };
        if entry.client != client_hash(&entry.salt, &self.key, &self.secret) {
            tracing::debug!("the kept token was had for another secret");
            return None;
        }
        let kept = entry.kept()?;
        match kept.age(now) {
            Some(age) => (age < kept.lifetime).then_some(kept),
            None => self.pass_over("the clock stands before the time it was fetched at"),
        }
    }

    fn pass_over(&self, why: &str) -> Option<Kept> {
        tracing::warn!(file = %self.file.display(), why, "a kept token is passed over");
        None
    }

    /// Waits for the right to write; `waited` is how long another process had it meanwhile.
    ///
    /// # Errors
    /// Where it cannot be had in time ([`io::ErrorKind::WouldBlock`]) or at all.
    pub(super) async fn lock(&self, patience: Duration, waited: &mut Option<Duration>) -> io::Result<Lock> {
        let lock = self.wait_for_lock(patience, waited).await;
        if let Err(error) = &lock {
            tracing::warn!(file = %self.file.display(), %error, "the token cache is not used");
        }
        lock
    }

    async fn wait_for_lock(&self, patience: Duration, waited: &mut Option<Duration>) -> io::Result<Lock> {
        private_files::own_folder(self.file.parent().unwrap_or(Path::new("")))?;
        let file = private_files::lock_file(&self.file.with_extension("lock"))?;
        let started = Instant::now();
        let mut pause = PAUSES.0;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock(file)),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if started.elapsed() >= patience => {
                    return Err(io::Error::new(io::ErrorKind::WouldBlock, "another process holds its lock"));
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(pause).await,
            }
            *waited = Some(started.elapsed());
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Keeps a token in place of the one before. Once begun it is done, also where nobody waits for it any more.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(super) async fn keep(&self, lock: Lock, kept: &Kept) -> io::Result<()> {
        let (file, bytes) = (self.file.clone(), self.encode(kept));
        let work = tokio::task::spawn_blocking(move || {
            let written = private_files::replace(&file, &bytes?);
            drop(lock);
            written
        });
        let written = work.await.map_err(io::Error::other).flatten();
        if let Err(error) = &written {
            tracing::warn!(file = %self.file.display(), %error, "the token is not kept");
        }
        written
    }

    fn encode(&self, kept: &Kept) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(io::Error::other)?;
        let salt = sha256(&[&salt]);
        let token = kept.token.expose_secret();
        let entry = Entry {
            format: FORMAT,
            key: Cow::Borrowed(&self.key),
            client: client_hash(&salt, &self.key, &self.secret).into(),
            salt: salt.into(),
            since: milliseconds(kept.since.duration_since(UNIX_EPOCH).unwrap_or_default()),
            lifetime: milliseconds(kept.lifetime),
            region: kept.region.clone(),
            token: Cow::Borrowed(token),
        };
        // Room for all of it: what a growing buffer leaves behind would not be wiped.
        let region = kept.region.as_ref().map_or(0, |(name, url)| name.len() + url.len());
        let mut json = Zeroizing::new(Vec::with_capacity(1024 + 6 * (token.len() + region)));
        serde_json::to_writer(&mut *json, &entry)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(DIGITS + 1 + json.len()));
        bytes.extend(sha256(&[&json]).as_bytes());
        bytes.push(b'\n');
        bytes.extend(json.as_slice());
        Ok(bytes)
    }

    /// Forgets the token; with `only` that one alone, and not what another process has kept since.
    pub(super) async fn forget(&self, only: Option<&SecretString>) -> io::Result<()> {
        if only.is_some() && !self.file.exists() {
            return Ok(());
        }
        // Without the lock it goes all the same: it is to be forgotten.
        let _lock = self.lock(PATIENCE, &mut None).await;
        let is_meant = |only: &SecretString| {
            let kept = self.find(SystemTime::now());
            kept.is_none_or(|kept| kept.token.expose_secret() == only.expose_secret())
        };
        if only.is_none_or(is_meant) { private_files::forget(&self.file) } else { Ok(()) }
    }
}

impl<'e> Entry<'e> {
    /// Reads a file; `None` where it is not whole or of another form.
    fn read(bytes: &'e [u8]) -> Option<Self> {
        let (hash, rest) = bytes.split_at_checked(DIGITS)?;
        let json = rest.strip_prefix(b"\n")?;
        let is_whole = sha256(&[json]).as_bytes() == hash;
        let entry: Self = serde_json::from_slice(json).ok().filter(|_| is_whole)?;
        (entry.format == FORMAT && !entry.token.is_empty()).then_some(entry)
    }

    fn kept(self) -> Option<Kept> {
        Some(Kept {
            token: SecretString::from(self.token.into_owned()),
            since: UNIX_EPOCH.checked_add(Duration::from_millis(self.since))?,
            lifetime: Duration::from_millis(self.lifetime),
            region: self.region,
        })
    }
}

impl Kept {
    /// How old it is; `None` before its time.
    fn age(&self, now: SystemTime) -> Option<Duration> {
        now.duration_since(self.since).ok()
    }

    /// The token as something that was found `now`.
    pub(super) fn found(self, now: SystemTime) -> Fetched<SecretString> {
        let age = self.age(now).unwrap_or(self.lifetime);
        let keeping = Keeping::Kept;
        Fetched { age, found: true, keeping, ..Fetched::new(self.token, Some(self.lifetime), Instant::now()) }
    }
}

/// By what a client is known again whose secret is not kept.
fn client_hash(salt: &str, key: &str, secret: &SecretString) -> String {
    // Salt and key have fixed lengths.
    sha256(&[salt.as_bytes(), key.as_bytes(), secret.expose_secret().as_bytes()])
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Reads bytes as a file of the cache, also with the right hash before them. For tests of random bytes.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(data: &[u8]) {
    let whole = [sha256(&[data]).as_bytes(), b"\n", data].concat();
    for bytes in [data, &whole] {
        let Some(kept) = Entry::read(bytes).and_then(Entry::kept) else { continue };
        assert!(!kept.token.expose_secret().is_empty(), "no token is a token");
        let now = kept.since.checked_add(kept.lifetime).unwrap_or(kept.since);
        let _ = (kept.age(SystemTime::now()), kept.age(UNIX_EPOCH), kept.age(now));
        let _ = kept.found(now);
    }
}

#[cfg(all(test, unix))]
#[path = "cache_tests.rs"]
mod tests;
