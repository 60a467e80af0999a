//! A limit of the user's own: no more than so many requests to one origin in any span of a given length.
//!
//! What counts is when requests went out. Those who wait have a place in a queue, not in time: whatever else holds a
//! request back, it is counted when it goes, and one that is given up leaves nothing behind.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;
use url::Origin;

use crate::attempt::{Wait, WaitReason};
use crate::error::ConfigError;
use crate::transport::swept::Swept;

/// The moments of as many requests are kept.
const MOST: u32 = 100_000;

/// So many requests in such a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) count: u32,
    pub(crate) per: Duration,
}

impl Rate {
    pub(crate) fn check(self) -> Result<(), ConfigError> {
        if (1..=MOST).contains(&self.count) && !self.per.is_zero() {
            return Ok(());
        }
        Err(ConfigError {
            problem: format!("{} requests in {:?} are no rate limit", self.count, self.per),
            hint: Some(format!("allow 1 to {MOST} requests in some time.")),
        })
    }
}

/// The limit, and who keeps to it.
#[derive(Debug)]
pub(super) struct Own {
    rate: Rate,
    queues: Mutex<Swept<Origin, Queue>>,
    /// The number of the next ticket.
    next: AtomicU64,
    /// Told when somebody leaves a queue whose turn has not come.
    left: Notify,
}

/// The requests to one origin.
#[derive(Debug, Default)]
struct Queue {
    /// When the last of them went out, no more than fit in one span.
    sent: VecDeque<Instant>,
    /// The tickets of those that wait.
    waiting: BTreeSet<u64>,
}

/// A request's place in the queue, given back when this is dropped.
#[derive(Debug)]
pub(super) struct Ticket<'o> {
    own: &'o Own,
    origin: Origin,
    number: u64,
}

impl Own {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, queues: Mutex::default(), next: AtomicU64::default(), left: Notify::new() }
    }

    /// A place behind all others.
    pub(super) fn ticket(&self, origin: Origin) -> Ticket<'_> {
        Ticket { own: self, origin, number: self.next.fetch_add(1, Ordering::Relaxed) }
    }

    /// Ends when somebody leaves a queue from now on, so that the turn of others comes sooner.
    pub(super) fn left(&self) -> Notified<'_> {
        self.left.notified()
    }

    fn queues(&self) -> MutexGuard<'_, Swept<Origin, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// How long a ticket has to wait where all before it go as soon as they may.
    fn wait(&self, number: u64, rate: Rate, now: Instant) -> Duration {
        let place = self.sent.len() + self.waiting.range(..number).count();
        let count = rate.count as usize;
        let spans = u32::try_from(place / count).unwrap_or(u32::MAX);
        let gone =
            self.sent.get(place % count).map_or(Duration::ZERO, |at| now.saturating_duration_since(*at));
        rate.per.saturating_mul(spans).saturating_sub(gone)
    }

    /// Whether it says anything: somebody waits, or a request of the last span counts.
    fn counts(&self, rate: Rate, now: Instant) -> bool {
        let is_recent = |last: &Instant| now.saturating_duration_since(*last) < rate.per;
        !self.waiting.is_empty() || self.sent.back().is_some_and(is_recent)
    }

    fn send(&mut self, rate: Rate, now: Instant) {
        if self.sent.len() >= rate.count as usize {
            self.sent.pop_front();
        }
        let at = self.sent.back().map_or(now, |last| now.max(*last));
        self.sent.push_back(at);
    }
}

impl Ticket<'_> {
    /// Lets the request go where its turn has come and `last` lets it go too; it is counted then. Else it waits in the
    /// queue for its turn, or out of it for the other.
    pub(super) fn pass<T>(&self, now: Instant, last: impl FnOnce() -> Result<T, Wait>) -> Result<T, Wait> {
        let rate = self.own.rate;
        let mut queues = self.own.queues();
        queues.make_room(|queue| queue.counts(rate, now));
        let queue = queues.entry(self.origin.clone()).or_default();
        let length = queue.wait(self.number, rate, now);
        if !length.is_zero() {
            queue.waiting.insert(self.number);
            return Err(Wait { length, reason: WaitReason::OwnLimit });
        }
        let passed = last();
        if passed.is_ok() {
            queue.waiting.remove(&self.number);
            queue.send(rate, now);
            return passed;
        }
        drop(queues);
        self.leave();
        passed
    }

    /// Lets others go first while the request waits for something else; it comes back to its place.
    pub(super) fn leave(&self) {
        let mut queues = self.own.queues();
        let queue = queues.get_mut(&self.origin);
        if queue.is_some_and(|queue| queue.waiting.remove(&self.number)) {
            self.own.left.notify_waiters();
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
#[path = "own_tests.rs"]
mod tests;
