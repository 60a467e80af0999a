//! Limits that a service tells of in its answers: requests are held back before the limit is hit.
//!
//! What an answer tells is old when it comes: requests that were under way at that time may be counted in it or not.
//! They are taken for not counted, so the number that is believed to remain is never too high, as long as nobody else
//! uses up the same limit. In one window it only falls; a new window starts with what was learned of the old one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::cooldown::LONGEST;
use crate::transport::hint::Quota;
use crate::transport::swept::Swept;

/// So few requests are left that they are spread, where the limit is not known or large; of a small limit a tenth.
const FEW: u64 = 10;

/// Half of them.
const VERY_FEW: u64 = 5;

/// The pauses between requests where few are left and nobody knows when there are more, or not soon: those of the
/// field's clients.
const PAUSE: Duration = Duration::from_millis(200);
const LONG_PAUSE: Duration = Duration::from_millis(500);

/// The pause where none are left, and nobody knows when there are more.
const PROBE: Duration = Duration::from_secs(1);

/// Past the end of a window, so that it is over at the server too.
const SLACK: Duration = Duration::from_millis(20);

/// Two ends that differ by less are those of one window: most are told in whole seconds.
const TOLERANCE: Duration = Duration::from_secs(1);

/// A service that tells of more limits than this is not followed in it.
const MOST_LANES: usize = 64;

/// Of so many operations of a caller it is known at most which limit they count in.
const MOST_OPERATIONS: usize = 4096;

/// What is believed of one limit.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// How many requests may still go before the window ends.
    remaining: Option<u64>,
    ends: Option<Instant>,
    /// How many go in a whole window, and how long it is: the most that was ever told.
    limit: Option<u64>,
    span: Duration,
    /// When the next request may go.
    next: Option<Instant>,
    under_way: u64,
}

impl Lane {
    /// Lets a request go, or tells how long it has to wait before it asks again. `patience` is the longest wait.
    pub(super) fn ask(&mut self, now: Instant, patience: Duration) -> Result<(), Duration> {
        self.roll(now);
        if let Some(wait) = self.wait(now, patience) {
            return Err(wait);
        }
        self.take(now, patience);
        Ok(())
    }

    /// Lets a request go in any case.
    pub(super) fn take(&mut self, now: Instant, patience: Duration) {
        self.under_way += 1;
        let Some(remaining) = self.remaining else { return };
        self.next = now.checked_add(pause(remaining, self.limit, self.left(now, patience)));
        self.remaining = Some(remaining.saturating_sub(1));
    }

    /// A request is over, however it went.
    pub(super) fn done(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Learns from an answer, whose request is done.
    pub(super) fn learn(&mut self, quota: &Quota, now: Instant) {
        let Some(told) = quota.remaining else { return };
        let most = self.limit.max(Some(told.saturating_add(1)));
        self.limit = quota.limit.or(most);
        self.span = self.span.max(quota.reset.unwrap_or_default());
        let certain = told.saturating_sub(self.under_way);
        let ends = quota.reset.and_then(|reset| now.checked_add(reset));
        match (self.ends, ends) {
            // A late answer of a window that is over.
            (Some(known), Some(ends)) if ends + TOLERANCE < known => {}
            (Some(known), ends) if ends.is_none_or(|ends| ends <= known + TOLERANCE) => {
                self.remaining = Some(self.remaining.map_or(certain, |known| known.min(certain)));
                self.ends = ends.max(Some(known));
            }
            (_, ends) => (self.remaining, self.ends) = (Some(certain), ends),
        }
    }

    /// The service does not tell any more.
    pub(super) fn forget(&mut self) {
        *self = Self { under_way: self.under_way, ..Self::default() };
    }

    /// Goes over to the next window where this one is over; what is under way may be counted in it. Its end is a guess
    /// until an answer tells; nobody knows it where nothing was sent for a while.
    fn roll(&mut self, now: Instant) {
        let Some(ends) = self.ends.filter(|ends| *ends <= now) else { return };
        self.remaining = self.limit.map(|limit| limit.saturating_sub(self.under_way));
        self.ends = ends.checked_add(self.span).filter(|ends| *ends > now);
        self.next = None;
    }

    fn wait(&self, now: Instant, patience: Duration) -> Option<Duration> {
        if let (Some(0), Some(left)) = (self.remaining, self.left(now, patience)) {
            return Some(left + SLACK);
        }
        let pause = self.next?.saturating_duration_since(now);
        (!pause.is_zero()).then_some(pause)
    }

    /// The time until the window ends, where it can be waited for.
    fn left(&self, now: Instant, patience: Duration) -> Option<Duration> {
        self.ends.map(|ends| ends.saturating_duration_since(now)).filter(|left| *left <= patience)
    }
}

/// How long to pause after a request, which is one of those that remain. Few are spread over what is left of the window.
fn pause(remaining: u64, limit: Option<u64>, left: Option<Duration>) -> Duration {
    let few = limit.map_or(FEW, |limit| (limit / 10).clamp(1, FEW));
    match (remaining, left) {
        (0, None) => PROBE,
        (remaining, _) if remaining > few => Duration::ZERO,
        (remaining, Some(left)) => left / u32::try_from(remaining.max(1)).unwrap_or(u32::MAX),
        (remaining, None) if remaining > VERY_FEW => PAUSE,
        (_, None) => LONG_PAUSE,
    }
}

/// The limits of one caller: most services have one, some several, which they name.
#[derive(Debug, Default)]
struct Lanes {
    /// The one without a name.
    only: Lane,
    named: HashMap<String, Lane>,
    /// Which of them an operation was counted in, where it has a name.
    of: HashMap<String, String>,
}

impl Lanes {
    /// Whether what is known of them still says something to one who comes back: a window is open. A guess of which
    /// nobody knows when it ends says nothing, and neither does an end that nobody waits for.
    fn say_something(&self, now: Instant) -> bool {
        let is_open = |lane: &Lane| lane.ends.is_some_and(|ends| ends > now && ends <= now + LONGEST);
        is_open(&self.only) || self.named.values().any(is_open)
    }

    /// The limit that an operation was counted in last.
    fn name(&self, operation: &str) -> String {
        self.of.get(operation).cloned().unwrap_or_default()
    }

    fn lane(&mut self, name: &str) -> &mut Lane {
        if name.is_empty() { &mut self.only } else { self.named.entry(name.to_owned()).or_default() }
    }

    /// Learns of the limit that an operation was counted in. Of one limit too many nothing is learned; with one
    /// operation too many it is learned anew which limits they count in.
    fn learn(&mut self, operation: &str, name: &str, quota: &Quota, now: Instant) {
        if !name.is_empty() && !self.named.contains_key(name) && self.named.len() >= MOST_LANES {
            return;
        }
        if self.name(operation) != name {
            if self.of.len() >= MOST_OPERATIONS {
                self.of.clear();
            }
            self.of.insert(operation.to_owned(), name.to_owned());
        }
        self.lane(name).learn(quota, now);
    }
}

/// The limits of all callers.
#[derive(Debug, Default)]
pub(super) struct Learned(Mutex<Swept<Arc<str>, Arc<Followed>>>);

/// The limits of one caller.
#[derive(Debug, Default)]
pub(super) struct Followed(Mutex<Lanes>);

/// A request under way; it is over when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    followed: Arc<Followed>,
    lane: String,
    is_over: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_over {
            self.followed.lanes().lane(&self.lane).done();
        }
    }
}

impl Learned {
    /// The limits of a caller.
    pub(super) fn of(&self, caller: &Arc<str>, now: Instant) -> Arc<Followed> {
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        callers.make_room(|followed| Arc::strong_count(followed) > 1 || followed.lanes().say_something(now));
        Arc::clone(callers.entry(Arc::clone(caller)).or_default())
    }
}

impl Followed {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a request go, or tells how long it has to wait before it asks again. One that waited long enough is
    /// `urgent`, and goes.
    pub(super) fn ask(
        self: &Arc<Self>,
        operation: &str,
        now: Instant,
        patience: Duration,
        urgent: bool,
    ) -> Result<Place, Duration> {
        let mut lanes = self.lanes();
        let name = lanes.name(operation);
        let lane = lanes.lane(&name);
        if urgent {
            lane.take(now, patience);
        } else {
            lane.ask(now, patience)?;
        }
        Ok(Place { followed: Arc::clone(self), lane: name, is_over: false })
    }
}

impl Place {
    /// Learns from the answer to a request of an operation: the limits that it tells, which of them it names, and
    /// whether it is a success.
    pub(super) fn learn(
        mut self,
        operation: &str,
        quotas: &[Quota],
        resource: Option<&str>,
        success: bool,
        now: Instant,
    ) {
        let told = quotas.iter().filter(|quota| quota.counts_requests && quota.remaining.is_some());
        let tightest =
            told.min_by_key(|quota| (quota.remaining, quota.reset.is_none(), quota.limit.is_none()));
        let mut lanes = self.followed.lanes();
        lanes.lane(&self.lane).done();
        if let Some(quota) = tightest {
            lanes.learn(operation, resource.unwrap_or_default(), quota, now);
        } else if success {
            lanes.lane(&self.lane).forget();
        }
        drop(lanes);
        self.is_over = true;
    }
}

#[cfg(test)]
#[path = "learned_tests.rs"]
mod tests;
