//! A value that runs out and is fetched again: once, for any number of callers who wait for it.
//!
//! Time is tokio's monotonic clock, which tests pause. A caller who goes away while fetching leaves nothing behind:
//! the next one in the queue fetches.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::SignInError;

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
    generation: u64,
}

/// A fetch that failed, and until when nobody fetches again.
struct Failure {
    until: Instant,
    error: SignInError,
}

struct Held<T> {
    lease: Lease<T>,
    renew_at: Option<Instant>,
    ends_at: Option<Instant>,
}

impl<T> Default for Renewing<T> {
    fn default() -> Self {
        let state = State { held: None, failure: None, generation: 0 };
        Self { state: Mutex::new(state), turn: tokio::sync::Mutex::new(()) }
    }
}

impl<T: Clone> Renewing<T> {
    /// The value, fetched where there is none, where its end is near, or where it is the one that was `rejected`.
    pub(crate) async fn get<F, Fut>(&self, rejected: Option<u64>, fetch: F) -> Result<Lease<T>, SignInError>
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
        if let Some(error) = self.recent_failure() {
            return self.usable(rejected).ok_or(error);
        }
        match fetch().await {
            Ok(fetched) => {
                let lease = self.offer(fetched);
                self.state().failure = None;
                Ok(lease)
            }
            Err(error) => {
                let holds = error.retry_after().unwrap_or_default().clamp(FAILURE_HOLDS, LONGEST_FAILURE);
                let until = Instant::now() + holds;
                self.state().failure = Some(Failure { until, error: error.clone() });
                self.usable(rejected).ok_or(error)
            }
        }
    }

    /// Whether the value of a fetch still serves as it is.
    pub(crate) fn is_fresh(&self, generation: u64) -> bool {
        let state = self.state();
        let in_time = |held: &Held<T>| held.renew_at.is_none_or(|limit| Instant::now() < limit);
        state.held.as_ref().is_some_and(|held| held.lease.generation == generation && in_time(held))
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

    fn fresh(&self, rejected: Option<u64>) -> Option<Lease<T>> {
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

    fn recent_failure(&self) -> Option<SignInError> {
        let state = self.state();
        let failure = state.failure.as_ref()?;
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
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::error::AuthError;

    /// Counts its fetches; each takes `pause` and brings its number, good for `lifetime` seconds.
    struct Source {
        renewing: Renewing<u64>,
        fetches: AtomicU64,
        lifetime: u64,
        pause: Duration,
    }

    impl Source {
        fn new(lifetime: u64) -> Arc<Self> {
            let pause = Duration::from_millis(10);
            Arc::new(Self { renewing: Renewing::default(), fetches: AtomicU64::new(0), lifetime, pause })
        }

        async fn get(&self, rejected: Option<u64>, fails: bool) -> Result<Lease<u64>, SignInError> {
            self.renewing
                .get(rejected, || async {
                    let since = Instant::now();
                    let value = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
                    tokio::time::sleep(self.pause).await;
                    if fails {
                        return Err(refusal());
                    }
                    Ok(Fetched::new(value, Some(Duration::from_secs(self.lifetime)), since))
                })
                .await
        }

        fn fetches(&self) -> u64 {
            self.fetches.load(Ordering::SeqCst)
        }
    }

    fn refusal() -> SignInError {
        let service = "s".to_owned();
        let problem = "no".to_owned();
        AuthError { service, problem, hint: None, status: Some(403), trace_id: None, retry_after: None }
            .into()
    }

    async fn thousand(source: &Arc<Source>, rejected: Option<u64>, fails: bool) -> usize {
        let tasks: Vec<_> = (0..1000)
            .map(|_| {
                let source = Arc::clone(source);
                tokio::spawn(async move { source.get(rejected, fails).await.is_ok() })
            })
            .collect();
        let mut good = 0;
        for task in tasks {
            good += usize::from(task.await.unwrap());
        }
        good
    }

    #[tokio::test(start_paused = true)]
    async fn one_fetch_serves_all_who_wait() {
        let source = Source::new(1800);
        assert_eq!(thousand(&source, None, false).await, 1000);
        assert_eq!(source.fetches(), 1);
        tokio::time::advance(Duration::from_secs(1800)).await;
        assert_eq!(thousand(&source, None, false).await, 1000);
        assert_eq!(source.fetches(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_renewed_two_minutes_before_its_end_or_at_half_its_life() {
        for (lifetime, renewed_after) in [(1800, 1680), (100, 50), (0, 0)] {
            let source = Source::new(lifetime);
            source.get(None, false).await.unwrap();
            if renewed_after > 0 {
                tokio::time::advance(Duration::from_secs(renewed_after - 1)).await;
                source.get(None, false).await.unwrap();
                assert_eq!(source.fetches(), 1, "{lifetime}");
            }
            tokio::time::advance(Duration::from_secs(1)).await;
            source.get(None, false).await.unwrap();
            assert_eq!(source.fetches(), 2, "{lifetime}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shared_for_a_second() {
        let source = Source::new(1800);
        assert_eq!(thousand(&source, None, true).await, 0);
        assert_eq!(source.fetches(), 1);
        tokio::time::advance(Duration::from_millis(1001)).await;
        assert!(source.get(None, true).await.is_err());
        assert_eq!(source.fetches(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_speaks_for_as_long_as_the_server_says_within_bounds() {
        for (asked, holds) in [(0, 1), (7, 7), (3600, 60)] {
            let source = Source::new(1800);
            let refused = |wait| async move {
                let SignInError::Auth(error) = refusal() else { unreachable!("it is one") };
                Err(AuthError { retry_after: Some(Duration::from_secs(wait)), ..error }.into())
            };
            assert!(source.renewing.get(None, || refused(asked)).await.is_err());
            tokio::time::advance(Duration::from_millis(holds * 1000 - 1)).await;
            let error = source.get(None, false).await.err().unwrap();
            let left = error.retry_after().filter(|_| asked > 0).unwrap_or(Duration::from_millis(1));
            assert_eq!((source.fetches(), left), (0, Duration::from_millis(1)), "{asked}");
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(source.get(None, false).await.is_ok());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_that_was_found_keeps_its_end() {
        let source = Source::new(1800);
        let life = Duration::from_secs(1800);
        let found = |age| Fetched {
            age: Duration::from_secs(age),
            found: true,
            ..Fetched::new(7, Some(life), Instant::now())
        };
        let lease = source.renewing.get(None, || async { Ok(found(1600)) }).await.ok().unwrap();
        assert_eq!((lease.value, lease.found), (7, true));
        assert_eq!(source.renewing.ends_in(), Some(Duration::from_secs(200)));
        tokio::time::advance(Duration::from_secs(79)).await;
        assert_eq!(source.get(None, false).await.unwrap().value, 7);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(source.get(None, true).await.ok().unwrap().value, 7, "it serves while renewing fails");
        tokio::time::advance(Duration::from_secs(120)).await;
        assert!(source.get(None, true).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_value_serves_until_its_end_when_renewal_fails() {
        let source = Source::new(1800);
        source.get(None, false).await.unwrap();
        tokio::time::advance(Duration::from_secs(1700)).await;
        assert_eq!(source.get(None, true).await.ok().unwrap().value, 1);
        assert_eq!(source.fetches(), 2);
        tokio::time::advance(Duration::from_secs(100)).await;
        assert!(source.get(None, true).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_is_fresh_until_it_is_near_its_end_renewed_or_taken_out() {
        let source = Source::new(1800);
        let is_fresh = |generation| source.renewing.is_fresh(generation);
        assert!(!is_fresh(0) && !is_fresh(1));
        let first = source.get(None, false).await.unwrap().generation;
        assert!(is_fresh(first));
        tokio::time::advance(Duration::from_secs(1680)).await;
        assert!(!is_fresh(first));
        let second = source.get(None, false).await.unwrap().generation;
        assert!(is_fresh(second) && !is_fresh(first));
        source.renewing.take();
        assert!(!is_fresh(second));
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_current_value_can_be_rejected() {
        let source = Source::new(1800);
        let first = source.get(None, false).await.unwrap();
        assert_eq!(thousand(&source, Some(first.generation), false).await, 1000);
        assert_eq!(source.fetches(), 2);
        let again = source.get(Some(first.generation), false).await.unwrap();
        assert_eq!((again.value, source.fetches()), (2, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_who_goes_away_does_not_hold_up_the_others() {
        let source = Source::new(1800);
        let gone = tokio::time::timeout(Duration::from_millis(1), source.get(None, false)).await;
        assert!(gone.is_err());
        assert_eq!(source.get(None, false).await.unwrap().value, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_taken_out_is_fetched_again() {
        let source = Source::new(1800);
        source.get(None, false).await.unwrap();
        assert_eq!(source.renewing.take(), Some(1));
        assert_eq!(source.renewing.take(), None);
        assert_eq!(source.get(None, false).await.unwrap().value, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_names_no_wait_names_none_to_those_who_share_it() {
        let source = Source::new(1800);
        for _ in 0..2 {
            assert_eq!(source.get(None, true).await.err().unwrap().retry_after(), None);
        }
        assert_eq!(source.fetches(), 1);
    }
}
