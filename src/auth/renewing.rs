//! A value that runs out and is fetched again: once, for any number of callers who wait for it.
//!
//! Time is tokio's monotonic clock, which tests pause. A caller who goes away while fetching leaves nothing behind:
//! the next one in the queue fetches.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::SignInError;
use crate::transport::Patience;

/// At most this long before its end a value is renewed; half its life where that is shorter.
const MARGIN: Duration = Duration::from_secs(120);

/// How long a failed fetch speaks for everyone who asks.
const FAILURE_HOLDS: Duration = Duration::from_secs(1);

/// At most so long it speaks where the server says how long to wait.
const LONGEST_FAILURE: Duration = Duration::from_secs(60);

/// What a fetch brought.
pub(crate) struct Fetched<T> {
    pub(crate) value: T,
    /// How long it is good for in all; `None` means until it is refused.
    pub(crate) lifetime: Option<Duration>,
    /// When the fetch began: its life is counted from there.
    pub(crate) since: Instant,
    /// How much of its life had gone by then.
    pub(crate) age: Duration,
    /// Whether it was found, where an earlier fetch had left it.
    pub(crate) found: bool,
    /// What became of it in the cache.
    pub(crate) keeping: Keeping,
}

/// What became of a value in a cache.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// There is no cache for it.
    #[default]
    Unwanted,
    /// It is there.
    Kept,
    /// It is not there, and why.
    Failed(Arc<str>),
}

impl<T> Fetched<T> {
    /// A new value, fetched `since` then.
    pub(crate) fn new(value: T, lifetime: Option<Duration>, since: Instant) -> Self {
        Self { value, lifetime, since, age: Duration::ZERO, found: false, keeping: Keeping::Unwanted }
    }
}

/// How old a value of some life may become before it is renewed.
pub(super) fn renewed_at(life: Duration) -> Duration {
    life.saturating_sub(MARGIN.min(life / 2))
}

/// A value with the number of the fetch that brought it.
#[derive(Clone)]
pub(crate) struct Lease<T> {
    pub(crate) value: T,
    pub(crate) generation: u64,
    /// Whether it was found, not fetched.
    pub(crate) found: bool,
    /// What became of it in the cache.
    pub(crate) keeping: Keeping,
}

/// One value and the queue of those who want it fresh.
pub(crate) struct Renewing<T> {
    state: Mutex<State<T>>,
    turn: tokio::sync::Mutex<()>,
}

struct State<T> {
    held: Option<Held<T>>,
    failure: Option<Failure>,
    /// When the next fetch may begin, after one that failed.
    again: Option<Instant>,
    generation: u64,
}

/// A fetch that failed, and until when nobody fetches again.
struct Failure {
    until: Instant,
    /// What it was given.
    patience: Patience,
    error: SignInError,
}

struct Held<T> {
    lease: Lease<T>,
    renew_at: Option<Instant>,
    ends_at: Option<Instant>,
}

impl<T> Default for Renewing<T> {
    fn default() -> Self {
        let state = State { held: None, failure: None, again: None, generation: 0 };
        Self { state: Mutex::new(state), turn: tokio::sync::Mutex::new(()) }
    }
}

impl<T: Clone> Renewing<T> {
    /// The value, fetched where there is none, where its end is near, or where it is the one that was `rejected`.
    /// A failure that more patience might have spared is not that of callers who have more.
    pub(crate) async fn get<F, Fut>(
        &self,
        patience: Patience,
        rejected: Option<u64>,
        fetch: F,
    ) -> Result<Lease<T>, SignInError>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Fetched<T>, SignInError>>,
    {
        if let Some(lease) = self.fresh(rejected) {
            return Ok(lease);
        }
        let _turn = self.turn.lock().await;
        if let Some(lease) = self.fresh(rejected) {
            return Ok(lease);
        }
        if let Some(error) = self.recent_failure(&patience) {
            return self.usable(rejected).ok_or(error);
        }
        if let Some(again) = self.too_soon() {
            if let Some(lease) = self.usable(rejected) {
                return Ok(lease);
            }
            tokio::time::sleep_until(again).await;
        }
        let started = Instant::now();
        match fetch().await {
            Ok(fetched) => {
                let lease = self.offer(fetched);
                let mut state = self.state();
                (state.failure, state.again) = (None, None);
                Ok(lease)
            }
            Err(error) => {
                let error = self.fail(error, patience, started);
                self.usable(rejected).ok_or(error)
            }
        }
    }

    /// Notes why a fetch failed, for those who come next. What failed for this caller alone says nothing to them; but
    /// they do not ask one after the other at once either.
    fn fail(&self, error: SignInError, patience: Patience, started: Instant) -> SignInError {
        let mut state = self.state();
        match error {
            // Nothing was sent, and whoever comes next is told the same for as long as it holds.
            SignInError::HeldBack(_) => error,
            SignInError::Own(error) => {
                state.again = Some(started + FAILURE_HOLDS);
                *error
            }
            error => {
                let holds = error.retry_after().unwrap_or_default().clamp(FAILURE_HOLDS, LONGEST_FAILURE);
                let until = Instant::now() + holds;
                state.again = Some(started + FAILURE_HOLDS);
                state.failure = Some(Failure { until, patience, error: error.clone() });
                error
            }
        }
    }

    /// When the next fetch may begin, where it may not now.
    fn too_soon(&self) -> Option<Instant> {
        self.state().again.filter(|again| *again > Instant::now())
    }

    /// Whether the value of a fetch still serves as it is.
    pub(crate) fn is_fresh(&self, generation: u64) -> bool {
        let state = self.state();
        let in_time = |held: &Held<T>| held.renew_at.is_none_or(|limit| Instant::now() < limit);
        state.held.as_ref().is_some_and(|held| held.lease.generation == generation && in_time(held))
    }

    /// Whether there is no value that still serves anybody.
    pub(crate) fn is_over(&self) -> bool {
        let now = Instant::now();
        self.state().held.as_ref().is_none_or(|held| held.ends_at.is_some_and(|end| end <= now))
    }

    /// Whether no failure holds anybody back any more.
    pub(crate) fn is_calm(&self) -> bool {
        let (now, state) = (Instant::now(), self.state());
        let failed_until = state.failure.as_ref().map(|failure| failure.until);
        failed_until.max(state.again).is_none_or(|until| until <= now)
    }

    /// The value as it stands, near its end or over.
    pub(crate) fn held(&self) -> Option<T> {
        self.state().held.as_ref().map(|held| held.lease.value.clone())
    }

    /// How long the value is still good for, where that is known.
    pub(crate) fn ends_in(&self) -> Option<Duration> {
        let ends_at = self.state().held.as_ref()?.ends_at?;
        Some(ends_at.saturating_duration_since(Instant::now()))
    }

    /// As [`Renewing::take`], and no failure speaks any more.
    pub(crate) fn forget(&self) -> Option<T> {
        self.state().failure = None;
        self.take()
    }

    /// Takes the value out, so that the next caller fetches.
    pub(crate) fn take(&self) -> Option<T> {
        self.state().held.take().map(|held| held.lease.value)
    }

    /// The number of the last fetch that succeeded, 0 before the first.
    pub(crate) fn generation(&self) -> u64 {
        self.state().generation
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, unless it is near its end or the one that was `rejected`.
    pub(super) fn fresh(&self, rejected: Option<u64>) -> Option<Lease<T>> {
        self.held_until(rejected, |held| held.renew_at)
    }

    /// A value near its end still serves when it cannot be renewed.
    fn usable(&self, rejected: Option<u64>) -> Option<Lease<T>> {
        self.held_until(rejected, |held| held.ends_at)
    }

    fn held_until(&self, rejected: Option<u64>, limit: fn(&Held<T>) -> Option<Instant>) -> Option<Lease<T>> {
        let state = self.state();
        let held = state.held.as_ref()?;
        let in_time = limit(held).is_none_or(|limit| Instant::now() < limit);
        (in_time && rejected != Some(held.lease.generation)).then(|| held.lease.clone())
    }

    fn recent_failure(&self, patience: &Patience) -> Option<SignInError> {
        let state = self.state();
        let speaks =
            |failure: &&Failure| !failure.error.is_transient() || !patience.exceeds(&failure.patience);
        let failure = state.failure.as_ref().filter(speaks)?;
        let left = failure.until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        Some(failure.error.clone().after(left))
    }

    /// Holds a value from now on; also while a fetch is under way, for those who would take one near its end.
    pub(crate) fn offer(&self, fetched: Fetched<T>) -> Lease<T> {
        let Fetched { value, lifetime, since, age, found, keeping } = fetched;
        let mut state = self.state();
        state.generation += 1;
        let lease = Lease { value, generation: state.generation, found, keeping };
        let at = |old: Duration| since.checked_add(old.saturating_sub(age));
        state.held = Some(Held {
            lease: lease.clone(),
            renew_at: lifetime.and_then(|life| at(renewed_at(life))),
            ends_at: lifetime.and_then(at),
        });
        lease
    }
}

#[cfg(test)]
#[path = "renewing_tests.rs"]
mod tests;
