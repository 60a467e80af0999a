//! When a request may go out: after the server's word to others of the same caller, slower where few requests remain,
//! and by a limit of the user's own.
//!
//! A cooldown is the server's own word: a request that would have to wait too long for its end fails at once. What was
//! learned of a limit is a guess, which only slows down.

mod cooldown;
mod learned;
mod own;
mod shared;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use tokio::sync::futures::Notified;
use tokio::time::Instant;
use url::Url;

use self::cooldown::Cooldowns;
use self::learned::{Followed, Learned, Place};
pub(crate) use self::own::Rate;
use self::own::{Own, Ticket};
use self::shared::Shared;
use super::Answer;
use super::hint::{self, Hint, Quota};
use crate::attempt::{Wait, WaitReason};

/// Requests that waited for the same moment go out within a tenth of their wait, and never within less than this.
const SPREAD: Duration = Duration::from_millis(50);

/// Whose limits a request counts for.
#[derive(Debug)]
pub(crate) struct Caller {
    /// The service and a hash over origin and credentials, with `-` between.
    pub(crate) key: Arc<str>,
    /// The folder in which other processes hear of cooldowns.
    cache: Option<PathBuf>,
    /// What is learned of its limits, once it was looked for.
    followed: OnceLock<Arc<Followed>>,
}

impl Caller {
    /// `key` is the service and a hash over origin and credentials, with `-` between; `cache` the folder in which other
    /// processes hear of cooldowns.
    pub(crate) fn new(key: Arc<str>, cache: Option<PathBuf>) -> Self {
        Self { key, cache, followed: OnceLock::new() }
    }

    fn shared(&self) -> Option<Shared> {
        self.cache.as_deref().map(Shared::new)
    }
}

/// Whether a key is that of a caller of a service. A file that is being written has a name that is none.
fn is_of(service: &str, key: &str) -> bool {
    key.rsplit_once('-')
        .is_some_and(|(known, hash)| known == service && hash.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// What is known of all callers of a transport.
#[derive(Debug)]
pub(super) struct Pace {
    cooldowns: Cooldowns,
    learned: Option<Arc<Learned>>,
    own: Option<Own>,
}

/// A request that wants to go out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) caller: &'a Caller,
    pub(super) operation: &'a str,
    pub(super) url: &'a Url,
    /// When the whole time of its call is over.
    pub(super) deadline: Instant,
    /// The longest wait.
    pub(super) max_wait: Duration,
}

/// A request that may go out now.
#[derive(Debug)]
pub(super) struct Turn(Option<Place>);

/// A request that would have to wait too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    /// After this time it may go.
    pub(crate) wait: Duration,
    pub(crate) reason: WaitReason,
}

/// What is in the way of a request.
#[derive(Debug)]
pub(super) enum Blocked<'p> {
    /// It would have to wait too long.
    Never(Held),
    /// It has to wait.
    Until(Box<Waiting<'p>>),
    /// It waits for nothing but the end of a server's word, if there is one.
    Cooling,
}

/// A request that has to wait.
#[derive(Debug)]
pub(super) struct Waiting<'p> {
    so_far: Waited<'p>,
    wait: Wait,
    /// Whether another one that waits by the user's own limit goes away.
    left: Option<Notified<'p>>,
}

/// What a request has behind it.
#[derive(Debug)]
struct Waited<'p> {
    /// Its place by the user's own limit.
    ticket: Option<Ticket<'p>>,
    /// How long it waited for what is only a guess.
    guessed: Duration,
}

impl Pace {
    pub(super) fn new(learns: bool, own: Option<Rate>) -> Self {
        Self { cooldowns: Cooldowns::default(), learned: learns.then(Arc::default), own: own.map(Own::new) }
    }

    /// Lets a request go out, or tells what is in its way.
    pub(super) fn pass<'p>(&'p self, asking: &Asking<'_>) -> Result<Turn, Blocked<'p>> {
        let mut so_far = self.begin(asking);
        let left = self.own.as_ref().map(Own::left);
        match self.step(asking, &mut so_far, Instant::now(), fastrand::f64()) {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(wait)) => Err(Blocked::Until(Box::new(Waiting { so_far, wait, left }))),
            Err(held) => Err(Blocked::Never(held)),
        }
    }

    /// Waits for nothing but the end of a server's word; `waited` is told of it.
    pub(super) async fn cool(
        &self,
        caller: &Caller,
        operation: &str,
        (deadline, max_wait): (Instant, Duration),
        mut waited: impl FnMut(Wait) + Send,
    ) -> Result<(), Held> {
        loop {
            let now = Instant::now();
            let limits = (deadline.saturating_duration_since(now), max_wait);
            let Some(wait) = self.cooldown_wait(caller, limits, now, fastrand::f64())? else { return Ok(()) };
            tracing::debug!(operation, wait = ?wait.length, why = %wait.reason, "held back");
            tokio::time::sleep(wait.length).await;
            waited(Wait { length: now.elapsed(), ..wait });
        }
    }

    /// Waits until a request may go out; `waited` is told of it.
    pub(super) async fn wait<'p>(
        &'p self,
        asking: &Asking<'_>,
        waiting: Waiting<'p>,
        mut waited: impl FnMut(Wait) + Send,
    ) -> Result<Turn, Held> {
        let Waiting { mut so_far, mut wait, mut left } = waiting;
        loop {
            let Wait { length, reason } = wait;
            tracing::debug!(operation = asking.operation, wait = ?length, why = %reason, "held back");
            let started = Instant::now();
            match left.filter(|_| reason == WaitReason::OwnLimit) {
                // Its turn may come sooner; it asks then.
                Some(left) => _ = tokio::time::timeout(length, left).await,
                None => tokio::time::sleep(length).await,
            }
            waited(Wait { length: started.elapsed(), reason });
            left = self.own.as_ref().map(Own::left);
            wait = match self.step(asking, &mut so_far, Instant::now(), fastrand::f64())? {
                Ok(turn) => return Ok(turn),
                Err(wait) => wait,
            };
        }
    }

    fn begin(&self, asking: &Asking<'_>) -> Waited<'_> {
        let ticket = self.own.as_ref().map(|own| own.ticket(asking.url.origin()));
        Waited { ticket, guessed: Duration::ZERO }
    }

    /// What a request does next: it goes, it waits and asks again, or it fails. `chance` is from 0 to 1.
    ///
    /// The user's own limit is asked last, with what was learned: a request counts in it when it goes out.
    fn step(
        &self,
        asking: &Asking<'_>,
        waited: &mut Waited<'_>,
        now: Instant,
        chance: f64,
    ) -> Result<Result<Turn, Wait>, Held> {
        let time_left = asking.deadline.saturating_duration_since(now);
        if let Some(wait) = self.cooldown_wait(asking.caller, (time_left, asking.max_wait), now, chance)? {
            waited.ticket.iter().for_each(Ticket::leave);
            return Ok(Err(wait));
        }
        let learned = || self.learned_wait(asking, waited.guessed, time_left, now);
        let wait = match waited.ticket.as_ref().map_or_else(learned, |ticket| ticket.pass(now, learned)) {
            Ok(turn) => return Ok(Ok(turn)),
            Err(wait) => wait,
        };
        match wait.reason {
            WaitReason::OwnLimit if wait.length > time_left => {
                return Err(Held { wait: wait.length, reason: wait.reason });
            }
            WaitReason::LearnedLimit => waited.guessed += wait.length,
            _ => {}
        }
        Ok(Err(wait))
    }

    /// Until the server's word is over; all who waited for it come one after the other.
    fn cooldown_wait(
        &self,
        caller: &Caller,
        (time_left, max_wait): (Duration, Duration),
        now: Instant,
        chance: f64,
    ) -> Result<Option<Wait>, Held> {
        let Some(left) = self.cooldown(caller, now) else { return Ok(None) };
        let reason = WaitReason::Cooldown;
        if left > max_wait || left >= time_left {
            return Err(Held { wait: left, reason });
        }
        let spread = (left / 10).max(SPREAD).min(time_left.saturating_sub(left)).mul_f64(chance);
        Ok(Some(Wait { length: left + spread, reason }))
    }

    fn cooldown(&self, caller: &Caller, now: Instant) -> Option<Duration> {
        let shared = caller.shared().and_then(|shared| shared.left(&caller.key, SystemTime::now()));
        self.cooldowns.left(&caller.key, now).max(shared)
    }

    /// A request that waited long enough for a guess goes.
    fn learned_wait(
        &self,
        asking: &Asking<'_>,
        guessed: Duration,
        time_left: Duration,
        now: Instant,
    ) -> Result<Turn, Wait> {
        let Some(learned) = &self.learned else { return Ok(Turn(None)) };
        let followed = asking.caller.followed.get_or_init(|| learned.of(&asking.caller.key, now));
        match followed.ask(asking.operation, now, asking.max_wait, false) {
            Ok(place) => Ok(Turn(Some(place))),
            Err(wait) if guessed + wait > asking.max_wait || wait >= time_left => {
                Ok(Turn(followed.ask(asking.operation, now, asking.max_wait, true).ok()))
            }
            Err(length) => Err(Wait { length, reason: WaitReason::LearnedLimit }),
        }
    }

    /// Forgets the words of servers to the callers of a service.
    ///
    /// # Errors
    /// Where what tells other processes of one cannot be removed; all are tried.
    pub(super) fn forget(&self, service: &str, cache: Option<&Path>) -> std::io::Result<()> {
        self.cooldowns.forget(service);
        cache.map_or(Ok(()), |cache| Shared::new(cache).forget(service))
    }

    /// Nobody of a caller asks again before a server's word.
    pub(super) async fn stop(&self, caller: &Caller, hint: Hint) {
        self.cooldowns.stop(&caller.key, hint.wait, Instant::now());
        let Some(shared) = caller.shared() else { return };
        let (key, now) = (caller.key.clone(), SystemTime::now());
        let writing = tokio::task::spawn_blocking(move || shared.stop(&key, hint.wait, now));
        let written = writing.await.map_err(std::io::Error::other).flatten();
        if let Err(error) = written {
            // Other processes ask the server themselves then.
            tracing::debug!(%error, "a cooldown is not shared");
        }
    }
}

/// Whether a hint is the word of a server to all who sign in alike: that of 429, or of 503 where it says how long.
pub(super) fn is_word(status: u16, hint: &Hint) -> bool {
    matches!(status, 429 | 503) && hint.is_about(status)
}

impl Turn {
    /// Learns from the answer to the request that had this turn, one of an operation.
    pub(super) fn answered(self, operation: &str, answer: &Answer, quotas: &[Quota], came: Instant) {
        let Some(place) = self.0 else { return };
        let is_success = (200..300).contains(&answer.status);
        // Nothing is named where nothing is told.
        let resource = if quotas.is_empty() { None } else { hint::resource(&answer.headers) };
        place.learn(operation, quotas, resource, is_success, came);
    }
}

#[cfg(test)]
#[path = "pace/tests.rs"]
mod tests;
