//! Who fetches, who waits, and how long a value and a failure hold, on a paused clock.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::error::AuthError;
use crate::transport::{Limits, Transport};

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
            .get(Patience::default(), rejected, || async {
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
    AuthError {
        service,
        problem,
        hint: None,
        status: Some(403),
        trace_id: None,
        retry_after: None,
        attempts: Vec::new(),
        before: Vec::new(),
    }
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
            Err(AuthError { retry_after: Some(Duration::from_secs(wait)), ..*error }.into())
        };
        assert!(source.renewing.get(Patience::default(), None, || refused(asked)).await.is_err());
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
    let lease =
        source.renewing.get(Patience::default(), None, || async { Ok(found(1600)) }).await.ok().unwrap();
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

#[tokio::test(start_paused = true)]
async fn a_failure_of_one_call_alone_is_not_shared_and_the_next_fetch_comes_a_second_later() {
    let source = Source::new(1800);
    let own = || async { Err(refusal().own()) };
    let started = Instant::now();
    let error = source.renewing.get(Patience::default(), None, own).await.err().unwrap();
    assert!(matches!(error, SignInError::Auth(_)), "it is told as what it is");
    assert_eq!(thousand(&source, None, false).await, 1000);
    assert_eq!((source.fetches(), started.elapsed()), (1, Duration::from_millis(1010)));

    // A value that still serves is not waited for.
    tokio::time::advance(Duration::from_secs(1700)).await;
    for _ in 0..2 {
        assert_eq!(source.renewing.get(Patience::default(), None, own).await.ok().unwrap().value, 1);
    }
    let before = Instant::now();
    assert_eq!(source.get(None, false).await.unwrap().value, 1);
    assert_eq!((source.fetches(), before.elapsed()), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn it_is_as_good_as_new_once_its_value_and_its_failure_are_over() {
    let source = Source::new(100);
    let stands = || (source.renewing.is_over(), source.renewing.is_calm());
    assert_eq!(stands(), (true, true));
    source.get(None, false).await.unwrap();
    tokio::time::advance(Duration::from_secs(99)).await;
    assert_eq!(stands(), (false, true));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(stands(), (true, true));
    source.get(None, true).await.err().unwrap();
    assert_eq!(stands(), (true, false));
    tokio::time::advance(FAILURE_HOLDS).await;
    assert_eq!(stands(), (true, true));
}

/// What a call leaves to signing in that gives an attempt so many seconds.
fn patience(seconds: u64) -> Patience {
    let transport = Transport::new(crate::transport::Settings::default()).unwrap();
    let limits = Limits { timeout: Some(Duration::from_secs(seconds)), ..Limits::default() };
    transport.for_call(&limits, None).patience()
}

#[tokio::test(start_paused = true)]
async fn what_more_patience_might_have_spared_is_not_told_to_who_has_more() {
    for (status, is_spared) in [(503, true), (403, false)] {
        let source = Source::new(1800);
        let refused = async || {
            let SignInError::Auth(error) = refusal() else { unreachable!("it is one") };
            Err(AuthError { status: Some(status), ..*error }.into())
        };
        let fetched = async || Ok(Fetched::new(7, None, Instant::now()));
        let started = Instant::now();
        assert!(source.renewing.get(patience(10), None, refused).await.is_err());
        assert!(source.renewing.get(patience(10), None, fetched).await.is_err(), "{status}");
        let patient = source.renewing.get(patience(11), None, fetched).await;
        assert_eq!(patient.is_ok(), is_spared, "{status}");
        let waited = if is_spared { FAILURE_HOLDS } else { Duration::ZERO };
        assert_eq!(started.elapsed(), waited, "not sooner than a second after the one before");
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_very_moment_of_its_end_a_value_is_over() {
    let source = Source::new(100);
    let first = source.get(None, false).await.unwrap().generation;
    tokio::time::advance(Duration::from_secs(50).saturating_sub(source.pause)).await;
    assert!(!source.renewing.is_fresh(first) && source.renewing.fresh(None).is_none());
    tokio::time::advance(Duration::from_secs(50)).await;
    assert!(source.renewing.usable(None).is_none() && source.renewing.is_over());
}

#[tokio::test(start_paused = true)]
async fn what_is_held_can_be_looked_at_and_forgotten() {
    let source = Source::new(100);
    assert_eq!((source.renewing.held(), source.renewing.forget()), (None, None));
    source.get(None, false).await.unwrap();
    assert_eq!((source.renewing.held(), source.renewing.generation()), (Some(1), 1));
    assert_eq!((source.renewing.forget(), source.renewing.held()), (Some(1), None));
    source.get(None, true).await.err().unwrap();
    assert_eq!((source.renewing.forget(), source.renewing.generation()), (None, 1));
    assert!(source.renewing.recent_failure(&Patience::default()).is_none(), "it speaks no more");
}

#[tokio::test(start_paused = true)]
async fn a_second_after_one_that_failed_for_a_call_alone_the_next_fetch_may_begin() {
    let source = Source::new(1800);
    source.get(None, false).await.unwrap();
    tokio::time::advance(Duration::from_secs(1700)).await;
    let own = async || Err(refusal().own());
    assert_eq!(source.renewing.get(Patience::default(), None, own).await.ok().unwrap().value, 1);
    tokio::time::advance(FAILURE_HOLDS).await;
    assert_eq!(source.get(None, false).await.unwrap().value, 2);
}
