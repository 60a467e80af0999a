//! A limit of the user's own: no more than so many requests to one origin in any span of a given length.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use url::Origin;

use crate::error::ConfigError;

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

/// When the last requests went out, or will, by origin.
#[derive(Debug)]
pub(super) struct Own {
    rate: Rate,
    sent: Mutex<HashMap<Origin, VecDeque<Instant>>>,
}

impl Own {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, sent: Mutex::default() }
    }

    /// Takes the next place: when the request may go out. `Err` is how long it would have to wait where that is longer
    /// than `longest`; then nothing is taken.
    pub(super) fn take(&self, origin: &Origin, now: Instant, longest: Duration) -> Result<Instant, Duration> {
        let mut all = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = all.entry(origin.clone()).or_default();
        let is_full = sent.len() >= self.rate.count as usize;
        let oldest = sent.front().filter(|_| is_full);
        let at = oldest.map_or(now, |oldest| now.max(*oldest + self.rate.per));
        let wait = at.saturating_duration_since(now);
        if wait > longest {
            return Err(wait);
        }
        if is_full {
            sent.pop_front();
        }
        sent.push_back(at);
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn origin(text: &str) -> Origin {
        url::Url::parse(text).unwrap().origin()
    }

    #[test]
    fn no_span_holds_more_than_its_number() {
        let own = Own::new(Rate { count: 3, per: SECOND });
        let (origin, start) = (origin("https://a.example"), Instant::now());
        let mut random = fastrand::Rng::with_seed(1);
        let (mut now, mut sent) = (start, Vec::new());
        for _ in 0..1000 {
            now += Duration::from_millis(random.u64(0..400));
            sent.push(own.take(&origin, now, Duration::MAX).unwrap());
        }
        assert!(sent.windows(4).all(|four| four[3] - four[0] >= SECOND));
        assert!(sent.is_sorted());
    }

    #[test]
    fn a_place_too_far_away_is_not_taken() {
        let own = Own::new(Rate { count: 1, per: 10 * SECOND });
        let (one, other, now) = (origin("https://a.example"), origin("https://b.example"), Instant::now());
        assert_eq!(own.take(&one, now, SECOND), Ok(now));
        assert_eq!(own.take(&one, now + SECOND, SECOND), Err(9 * SECOND));
        assert_eq!(own.take(&other, now + SECOND, SECOND), Ok(now + SECOND));
        assert_eq!(own.take(&one, now + 9 * SECOND, SECOND), Ok(now + 10 * SECOND));
    }

    #[test]
    fn a_rate_is_some_requests_in_some_time() {
        let check = |count, per| Rate { count, per }.check().is_ok();
        assert!(check(1, SECOND) && check(MOST, SECOND));
        assert!(!check(0, SECOND) && !check(1, Duration::ZERO) && !check(MOST + 1, SECOND));
    }
}
