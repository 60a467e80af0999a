//! After a server has said that it was too much, nobody asks again before the time that it named: not the call that was
//! refused, and no other of the same origin and credentials.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::is_of;
pub(super) use crate::error::LONGEST_WORD as LONGEST;
use crate::transport::swept::Swept;

/// Until when nobody asks, by caller.
#[derive(Debug, Default)]
pub(super) struct Cooldowns(Mutex<Swept<String, Instant>>);

impl Cooldowns {
    /// Stops a caller's requests for a time, which no other word shortens.
    pub(super) fn stop(&self, caller: &str, wait: Duration, now: Instant) {
        let until = now + wait.min(LONGEST);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.make_room(|until| *until > now);
        let known = all.entry(caller.to_owned()).or_insert(until);
        *known = until.max(*known);
    }

    /// Lets the requests of a service's callers go.
    pub(super) fn forget(&self, service: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|caller, _| !is_of(service, caller));
    }

    /// How long a caller's requests are still stopped.
    pub(super) fn left(&self, caller: &str, now: Instant) -> Option<Duration> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = all.get(caller)?.saturating_duration_since(now);
        if left.is_zero() {
            all.remove(caller);
        }
        Some(left).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn it_holds_one_caller_until_its_end() {
        let (cooldowns, now) = (Cooldowns::default(), Instant::now());
        cooldowns.stop("a", 5 * SECOND, now);
        assert_eq!(cooldowns.left("a", now), Some(5 * SECOND));
        assert_eq!(cooldowns.left("a", now + 4 * SECOND), Some(SECOND));
        assert_eq!(cooldowns.left("b", now), None);
        assert_eq!(cooldowns.left("a", now + 5 * SECOND), None);
        assert_eq!(cooldowns.left("a", now), None, "it is forgotten");
    }

    #[test]
    fn the_latest_end_counts_and_none_is_far_away() {
        let (cooldowns, now) = (Cooldowns::default(), Instant::now());
        cooldowns.stop("a", 5 * SECOND, now);
        cooldowns.stop("a", 2 * SECOND, now + SECOND);
        assert_eq!(cooldowns.left("a", now), Some(5 * SECOND));
        cooldowns.stop("a", 6 * SECOND, now);
        assert_eq!(cooldowns.left("a", now), Some(6 * SECOND));
        cooldowns.stop("a", Duration::MAX, now);
        assert_eq!(cooldowns.left("a", now), Some(LONGEST));
        cooldowns.stop("b", Duration::ZERO, now);
        assert_eq!(cooldowns.left("b", now), None);
    }

    #[test]
    fn those_of_a_service_go_together_and_no_others() {
        let (cooldowns, now) = (Cooldowns::default(), Instant::now());
        for caller in ["a-1", "a-2", "a-b-1", "ab-1"] {
            cooldowns.stop(caller, SECOND, now);
        }
        cooldowns.forget("a");
        let left = ["a-1", "a-2", "a-b-1", "ab-1"].map(|caller| cooldowns.left(caller, now).is_some());
        assert_eq!(left, [false, false, true, true]);
    }

    #[test]
    fn those_that_are_over_do_not_pile_up() {
        let (cooldowns, start) = (Cooldowns::default(), Instant::now());
        cooldowns.stop("long", 3000 * SECOND, start);
        for number in 0..20_000 {
            cooldowns.stop(&number.to_string(), SECOND, start + SECOND * number / 10);
            assert!(cooldowns.0.lock().unwrap_or_else(PoisonError::into_inner).len() <= 1024);
        }
        assert_eq!(cooldowns.left("long", start + 2000 * SECOND), Some(1000 * SECOND));
    }
}
