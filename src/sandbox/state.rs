//! The state of the three services, in memory and in a file.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::falcon::Falcon;
use super::io;
use super::logscale::LogScale;
use super::panther::Panther;
use crate::error::{ConfigError, Error, Result};

/// Goes up where an older file cannot be read any more.
const VERSION: u32 = 1;

/// The services, each behind its own lock.
#[derive(Debug)]
pub(crate) struct Services {
    falcon: Mutex<Falcon>,
    panther: Mutex<Panther>,
    logscale: Mutex<LogScale>,
    file: Option<PathBuf>,
    saving: Mutex<()>,
}

/// What a state file holds.
#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    falcon: Falcon,
    panther: Panther,
    logscale: LogScale,
}

/// A lock whose last holder's panic does not matter: every change is made whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Services {
    /// The state in a file where it is there, else that of a start.
    pub(crate) fn open(seed: u64, file: Option<PathBuf>) -> Result<Self> {
        let saved = file.as_deref().map_or(Ok(None), read)?;
        let fresh = || Saved {
            version: VERSION,
            falcon: Falcon::new(seed),
            panther: Panther::new(seed),
            logscale: LogScale::new(seed),
        };
        let Saved { falcon, panther, logscale, .. } = saved.unwrap_or_else(fresh);
        let (falcon, panther, logscale) = (falcon.into(), panther.into(), logscale.into());
        Ok(Self { falcon, panther, logscale, file, saving: Mutex::default() })
    }

    pub(crate) fn falcon(&self) -> MutexGuard<'_, Falcon> {
        lock(&self.falcon)
    }

    pub(crate) fn panther(&self) -> MutexGuard<'_, Panther> {
        lock(&self.panther)
    }

    pub(crate) fn logscale(&self) -> MutexGuard<'_, LogScale> {
        lock(&self.logscale)
    }

    /// Writes the file where there is one and something has changed.
    pub(crate) fn save(&self) -> std::io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let _saving = lock(&self.saving);
        let (mut falcon, mut panther, mut logscale) = (self.falcon(), self.panther(), self.logscale());
        if !(falcon.changed || panther.changed || logscale.changed) {
            return Ok(());
        }
        (falcon.changed, panther.changed, logscale.changed) = (false, false, false);
        let saved = Saved {
            version: VERSION,
            falcon: falcon.clone(),
            panther: panther.clone(),
            logscale: logscale.clone(),
        };
        drop((falcon, panther, logscale));
        write(file, &serde_json::to_vec_pretty(&saved)?)
    }
}

fn read(file: &Path) -> Result<Option<Saved>> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(&format!("reading {:?}", file.to_string_lossy()), error)),
    };
    let name = file.to_string_lossy();
    let refuse = |problem: String| {
        let hint = Some("Delete the file, or name another one.".to_owned());
        Error::Config(Box::new(ConfigError {
            problem: format!("{name:?} holds no state of a sandbox: {problem}"),
            hint,
        }))
    };
    let saved: Saved = serde_json::from_slice(&bytes).map_err(|error| refuse(error.to_string()))?;
    if saved.version == VERSION {
        Ok(Some(saved))
    } else {
        Err(refuse(format!("it has version {}", saved.version)))
    }
}

/// Beside the file and then in its place, so that it is never half written.
fn write(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    let beside = PathBuf::from(name);
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut open = options.open(&beside)?;
    open.write_all(bytes)?;
    open.sync_all()?;
    fs::rename(&beside, file)
}
