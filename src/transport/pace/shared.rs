//! Cooldowns that other processes of this user know of: one small file a caller, named by a hash, in a folder of the
//! user's own.
//!
//! Processes share the clock on the wall only, which may jump. A file tells from when to when it holds: outside of that
//! it is void, so that a clock that was wrong once stops nobody later.

use std::fs::{self, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use super::cooldown::LONGEST;
use super::is_of;
use crate::private_files;

/// Longer than any file here.
const LARGEST: u64 = 64;

/// How often, with this pause between, a writer asks for the lock, which is held for a moment only.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// The folder of all cooldowns.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    folder: PathBuf,
}

/// From when to when nobody asks, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stop {
    from: u64,
    until: u64,
}

impl Stop {
    fn new(wait: Duration, now: SystemTime) -> Self {
        let from = milliseconds(now);
        let wait = u64::try_from(wait.min(LONGEST).as_millis()).unwrap_or_default();
        Self { from, until: from.saturating_add(wait) }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (from, until) = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?.split_once(' ')?;
        Some(Self { from: from.parse().ok()?, until: until.parse().ok()? })
    }

    fn written(self) -> String {
        format!("{} {}\n", self.from, self.until)
    }

    fn left(self, now: SystemTime) -> Option<Duration> {
        let now = milliseconds(now);
        let holds = (self.from..self.until).contains(&now);
        let left = Duration::from_millis(self.until.saturating_sub(now));
        (holds && left <= LONGEST).then_some(left)
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Shared {
    /// The cooldowns in a cache folder.
    pub(super) fn new(cache: &Path) -> Self {
        Self { folder: cache.join("cooldowns") }
    }

    /// How long a caller's requests are still stopped; a file that cannot be read or believed stops nobody.
    pub(super) fn left(&self, caller: &str, now: SystemTime) -> Option<Duration> {
        read(&self.folder.join(caller))?.left(now)
    }

    /// Stops a caller's requests in all processes, unless they are stopped for longer already. What is over is swept
    /// away.
    pub(super) fn stop(&self, caller: &str, wait: Duration, now: SystemTime) -> io::Result<()> {
        let path = self.folder.join(caller);
        let stop = Stop::new(wait, now);
        private_files::own_folder(&self.folder)?;
        let lock = private_files::lock_file(&self.folder.join("lock"))?;
        take(&lock)?;
        self.sweep(now)?;
        match read(&path).and_then(|known| known.left(now)) {
            Some(left) if left >= wait => Ok(()),
            _ => private_files::replace(&path, stop.written().as_bytes()),
        }
    }

    /// Lets the requests of a service's callers go in all processes. One that cannot be removed does not keep the others.
    pub(super) fn forget(&self, service: &str) -> io::Result<()> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        let mut outcome = Ok(());
        for entry in entries {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(|caller| is_of(service, caller)) {
                outcome = outcome.and(private_files::forget(&entry.path()));
            }
        }
        outcome
    }

    fn sweep(&self, now: SystemTime) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let is_over = || read(&path).and_then(|stop| stop.left(now)).is_none();
            if !path.ends_with("lock") && is_over() {
                private_files::forget(&path)?;
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> Option<Stop> {
    Stop::read(&private_files::read(path, LARGEST).ok()?)
}

/// Takes the lock, which is given back when the file is closed.
fn take(lock: &fs::File) -> io::Result<()> {
    for _ in 0..TRIES {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::ErrorKind::WouldBlock.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    #[test]
    fn it_holds_between_its_two_moments_only() {
        let home = tempfile::tempdir().unwrap();
        let (one, other) = (Shared::new(home.path()), Shared::new(home.path()));
        one.stop("a", 5 * SECOND, now()).unwrap();
        assert_eq!(other.left("a", now()), Some(5 * SECOND));
        assert_eq!(other.left("a", now() + 4 * SECOND), Some(SECOND));
        assert_eq!(other.left("b", now()), None);
        assert_eq!(other.left("a", now() + 5 * SECOND), None);
        assert_eq!(other.left("a", now() - SECOND), None, "the clock was set back");
        other.stop("a", 2 * SECOND, now()).unwrap();
        assert_eq!(one.left("a", now()), Some(5 * SECOND), "the longer one holds");
        other.stop("a", Duration::MAX, now()).unwrap();
        assert_eq!(one.left("a", now()), Some(LONGEST));
    }

    #[test]
    fn those_of_a_service_go_together_past_one_that_stays() {
        let home = tempfile::tempdir().unwrap();
        let shared = Shared::new(home.path());
        shared.forget("a").unwrap();
        for caller in ["a-1", "a-2", "a-b-1"] {
            shared.stop(caller, SECOND, now()).unwrap();
        }
        for stuck in ["a-0", "a-3"] {
            fs::create_dir(home.path().join("cooldowns").join(stuck)).unwrap();
        }
        assert!(shared.forget("a").is_err(), "folders stand there");
        let left = ["a-1", "a-2", "a-b-1"].map(|caller| shared.left(caller, now()).is_some());
        assert_eq!(left, [false, false, true]);
    }

    #[test]
    fn what_is_over_is_swept_away() {
        let home = tempfile::tempdir().unwrap();
        let shared = Shared::new(home.path());
        shared.stop("a", SECOND, now()).unwrap();
        shared.stop("b", 9 * SECOND, now()).unwrap();
        fs::write(home.path().join("cooldowns/c"), "junk").unwrap();
        shared.stop("d", SECOND, now() + 2 * SECOND).unwrap();
        let entries = fs::read_dir(home.path().join("cooldowns")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["b", "d", "lock"]);
    }

    #[test]
    fn junk_stops_nobody() {
        for junk in ["", "\n", "1 2", "a b\n", "1800000000000 -1\n", "0 18446744073709551615\n", "5 1\n"] {
            assert_eq!(Stop::read(junk.as_bytes()).and_then(|stop| stop.left(now())), None, "{junk:?}");
        }
        let stop = Stop::new(SECOND, now());
        assert_eq!(Stop::read(stop.written().as_bytes()), Some(stop));
    }

    #[cfg(unix)]
    #[test]
    fn it_is_the_users_own() {
        use std::os::unix::fs::PermissionsExt;

        let home = tempfile::tempdir().unwrap();
        let shared = Shared::new(home.path());
        shared.stop("a", 5 * SECOND, now()).unwrap();
        let folder = home.path().join("cooldowns");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&folder), mode(&folder.join("a")), mode(&folder.join("lock"))),
            (0o700, 0o600, 0o600)
        );
        fs::set_permissions(folder.join("a"), PermissionsExt::from_mode(0o644)).unwrap();
        assert_eq!(shared.left("a", now()), None, "others can have written it");
    }
}
