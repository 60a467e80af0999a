//! What all calls of a harness may spend on repeats to one origin, so that an outage is not answered with a storm.
//!
//! A full bucket holds 500. A repeat takes 14 out of it, one after a throttling answer 5; where it succeeds its cost
//! goes back, and a call that succeeds at its first attempt puts 1 in. These are the figures of the AWS SDKs' standard
//! mode (retries v2.1).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use url::{Origin, Url};

use super::swept::Swept;

/// What a full bucket holds.
const CAPACITY: u32 = 500;

/// What a call that succeeds at its first attempt puts in.
const REWARD: u32 = 1;

/// An origin to which nobody wanted to repeat anything for so long may start anew.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// What may be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bucket(u32);

impl Default for Bucket {
    fn default() -> Self {
        Self(CAPACITY)
    }
}

impl Bucket {
    /// Takes a cost out; false where there is too little left.
    pub(super) fn take(&mut self, cost: u32) -> bool {
        let left = self.0.checked_sub(cost);
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }

    pub(super) fn put(&mut self, tokens: u32) {
        self.0 = self.0.saturating_add(tokens).min(CAPACITY);
    }
}

/// A bucket for each origin that something was repeated to.
#[derive(Debug, Default)]
pub(super) struct Budgets(Mutex<Swept<Origin, Held>>);

/// An origin's bucket, and when a repeat was last asked of it.
#[derive(Debug)]
struct Held {
    bucket: Bucket,
    asked: Instant,
}

impl Held {
    /// Whether it is no longer what a new one would be.
    fn is_needed(&self, now: Instant) -> bool {
        self.bucket != Bucket::default() && now.saturating_duration_since(self.asked) < FORGOTTEN
    }
}

/// The cost of a repeat under way. It goes back when this is dropped: the repeat succeeded, or its caller went away
/// before that could be told.
#[derive(Debug)]
pub(super) struct Charge {
    budgets: Arc<Budgets>,
    origin: Origin,
    cost: u32,
}

impl Budgets {
    fn buckets(&self) -> MutexGuard<'_, Swept<Origin, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pays for a repeat; `None` where there is too little left.
    pub(super) fn charge(self: &Arc<Self>, origin: &Origin, cost: u32) -> Option<Charge> {
        self.charge_at(origin, cost, Instant::now())
    }

    fn charge_at(self: &Arc<Self>, origin: &Origin, cost: u32, now: Instant) -> Option<Charge> {
        let mut buckets = self.buckets();
        buckets.make_room(|held| held.is_needed(now));
        let new = || Held { bucket: Bucket::default(), asked: now };
        let held = buckets.entry(origin.clone()).or_insert_with(new);
        held.asked = now;
        let is_paid = held.bucket.take(cost);
        is_paid.then(|| Charge { budgets: Arc::clone(self), origin: origin.clone(), cost })
    }

    /// A call succeeded at its first attempt.
    pub(super) fn reward(&self, url: &Url) {
        let mut buckets = self.buckets();
        // A bucket that nobody has taken from is full.
        if let Some(held) =
            (!buckets.is_empty()).then(|| url.origin()).and_then(|origin| buckets.get_mut(&origin))
        {
            held.bucket.put(REWARD);
        }
    }
}

impl Charge {
    /// The repeat failed: its cost is spent.
    pub(super) fn spend(mut self) {
        self.cost = 0;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if let Some(held) = self.budgets.buckets().get_mut(&self.origin) {
            held.bucket.put(self.cost);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;
    use proptest::prelude::*;

    fn origin(url: &str) -> Origin {
        Url::parse(url).unwrap().origin()
    }

    fn left(budgets: &Budgets, origin: &Origin) -> u32 {
        budgets.buckets().get(origin).map_or(CAPACITY, |held| held.bucket.0)
    }

    #[test]
    fn a_repeat_is_paid_and_paid_back() {
        let (budgets, here) = (Arc::new(Budgets::default()), origin("https://a.example"));
        let charge = budgets.charge(&here, 14).unwrap();
        assert_eq!(left(&budgets, &here), 486);
        drop(charge);
        assert_eq!(left(&budgets, &here), 500);
        budgets.charge(&here, 14).unwrap().spend();
        budgets.reward(&Url::parse("https://a.example").unwrap());
        assert_eq!(left(&budgets, &here), 487);
    }

    #[test]
    fn an_origin_in_trouble_costs_the_others_nothing() {
        let (budgets, here) = (Arc::new(Budgets::default()), origin("https://a.example"));
        while let Some(charge) = budgets.charge(&here, 14) {
            charge.spend();
        }
        assert_eq!(left(&budgets, &here), 500 % 14);
        assert!(budgets.charge(&origin("https://a.example:444"), 14).is_some());
        assert!(budgets.charge(&origin("https://a.example/path"), 14).is_none(), "the same origin");
    }

    #[test]
    fn buckets_of_origins_that_nobody_calls_any_more_do_not_pile_up() {
        let (budgets, start) = (Arc::new(Budgets::default()), Instant::now());
        let drained = origin("https://drained.example");
        while let Some(charge) = budgets.charge_at(&drained, 14, start) {
            charge.spend();
        }
        for number in 0..20_000 {
            let now = start + number * Duration::from_secs(10);
            let here = origin(&format!("https://host-{number}.example"));
            // Every other one is in trouble.
            let charge = budgets.charge_at(&here, 14, now);
            if number % 2 == 0 {
                charge.unwrap().spend();
            }
            assert!(
                budgets.charge_at(&drained, 14, now).is_none(),
                "one that is still called stays as it is"
            );
            assert!(budgets.buckets().len() <= 1024);
        }
    }

    #[test]
    fn a_spent_bucket_is_forgotten_an_hour_after_it_was_last_asked() {
        let asked = Instant::now();
        let held = |left| Held { bucket: Bucket(left), asked };
        assert!(held(0).is_needed(asked) && held(CAPACITY - 1).is_needed(asked));
        assert!(!held(CAPACITY).is_needed(asked), "as good as a new one");
        let moment = Duration::from_nanos(1);
        assert!(held(0).is_needed(asked + FORGOTTEN.saturating_sub(moment)));
        assert!(!held(0).is_needed(asked + FORGOTTEN));
    }

    proptest! {
        #[test]
        fn a_bucket_is_never_overdrawn_nor_overfull(steps in prop::collection::vec((any::<bool>(), 0_u32..600), 0..200)) {
            let mut bucket = Bucket::default();
            for (is_taking, tokens) in steps {
                let before = bucket.0;
                if is_taking {
                    prop_assert_eq!(bucket.take(tokens), before >= tokens);
                    prop_assert_eq!(bucket.0, before.checked_sub(tokens).unwrap_or(before));
                } else {
                    bucket.put(tokens);
                    prop_assert_eq!(bucket.0, (before + tokens).min(CAPACITY));
                }
            }
        }
    }
}
