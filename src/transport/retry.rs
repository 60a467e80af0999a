//! Whether a call is repeated, and after what wait: pure functions of facts, of the time left and of chance.
//!
//! The rules and figures are those of docs/reliability.md: full jitter, server hints above all, no repeat that could
//! act twice.

use std::time::Duration;

use super::hint::Hint;
use crate::attempt::{NoRepeat, Outcome, Wait, WaitReason};
use crate::error::{ConfigError, is_retryable_phase, is_retryable_status};

/// More repeats than this help nobody.
const MOST_REPEATS: u32 = 10;

/// What a repeat costs of the origin's budget.
const COST: u32 = 14;

/// What a repeat costs where the server was not broken but asked to be called less often.
const THROTTLED_COST: u32 = 5;

/// How much longer than a server's hint a wait may be, so that not all callers come back at the same moment.
const SPREAD: f64 = 0.1;

/// How calls are repeated that failed for a moment: how often, and after what waits.
///
/// What may be repeated is no matter of choice: a request that was not sent; one that the server turned away before it
/// looked at it (429 and 503 that say when to come back); one whose repetition changes nothing more: GET, HEAD, OPTIONS,
/// TRACE, QUERY, PUT, DELETE (RFC 9110 §9.2.2), a GraphQL query, an operation that is `x-idempotent` or has an idempotency
/// key, a call that says so ([`crate::Command::idempotent`]). Repeated are connections that failed and the statuses 408,
/// 425, 429, 500, 502, 503 and 504.
///
/// Without a word of the server the wait is drawn at random below a bound that doubles with each repeat. Where the
/// server says how long to wait, the wait is that long, and up to a tenth more. No wait goes beyond the time of the
/// whole call ([`crate::HarnessBuilder::max_time`]). An origin in trouble is not stormed: all repeats of a harness to one
/// origin together have a budget.
///
/// ```
/// use std::time::Duration;
/// use opcall::{Harness, RetryPolicy};
/// let patient = RetryPolicy::new().repeats(5).max_wait(Duration::from_secs(120));
/// let harness = Harness::builder().env(|_| None).retry(patient).build()?;
/// # Ok::<(), opcall::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    repeats: u32,
    base: Duration,
    throttled_base: Duration,
    cap: Duration,
    max_wait: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            repeats: 2,
            base: Duration::from_millis(50),
            throttled_base: Duration::from_secs(1),
            cap: Duration::from_secs(20),
            max_wait: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// Two repeats, waits below 50 ms and 100 ms (1 s and 2 s after 429 and 503), hints of up to 60 s.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No repeats.
    #[must_use]
    pub fn never() -> Self {
        Self::default().repeats(0)
    }

    /// How many repeats there may be after the first attempt: 0 to 10, 2 by default. More is an
    /// [`crate::Error::Config`] when the harness is built.
    #[must_use]
    pub fn repeats(self, repeats: u32) -> Self {
        Self { repeats, ..self }
    }

    /// The bound of the first wait, which doubles with each repeat; 50 ms by default.
    #[must_use]
    pub fn base(self, base: Duration) -> Self {
        Self { base, ..self }
    }

    /// The bound of the first wait after 429 and 503 that do not say how long to wait; 1 s by default.
    #[must_use]
    pub fn throttled_base(self, base: Duration) -> Self {
        Self { throttled_base: base, ..self }
    }

    /// What no bound goes beyond however often it doubles; 20 s by default.
    #[must_use]
    pub fn cap(self, cap: Duration) -> Self {
        Self { cap, ..self }
    }

    /// The longest wait; 60 s by default. A server that asks for more makes the call fail at once, with what it asked
    /// for in [`crate::Refused::retry_after`].
    #[must_use]
    pub fn max_wait(self, longest: Duration) -> Self {
        Self { max_wait: longest, ..self }
    }

    pub(super) fn most_repeats(&self) -> u32 {
        self.repeats
    }

    pub(super) fn longest_wait(&self) -> Duration {
        self.max_wait
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        check_repeats(self.repeats)
    }
}

/// Refuses a number of repeats that helps nobody.
pub(crate) fn check_repeats(repeats: u32) -> Result<(), ConfigError> {
    if repeats <= MOST_REPEATS {
        return Ok(());
    }
    Err(ConfigError {
        problem: format!("a call is not repeated {repeats} times"),
        hint: Some(format!("let it be repeated 0 to {MOST_REPEATS} times.")),
    })
}

/// What is known of a call before it is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// Whether two requests have the effect of one.
    pub(crate) idempotent: bool,
    /// Whether its body can be sent again.
    pub(crate) replayable: bool,
    /// In place of the policy's number of repeats.
    pub(crate) repeats: Option<u32>,
}

/// What an attempt brought.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) outcome: Outcome,
    pub(super) hint: Option<Hint>,
}

/// When a decision is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// How many repeats there were.
    pub(super) repeats: u32,
    /// What is left of the time of the whole call.
    pub(super) left: Duration,
    /// No repeat may go out before.
    pub(super) apart: Duration,
    pub(super) chance: Chance,
}

/// Numbers drawn at random, from 0 to below 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chance {
    pub(super) backoff: f64,
    pub(super) spread: f64,
}

/// A repeat that is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Repeat {
    pub(super) wait: Wait,
    /// What it costs of the budget.
    pub(super) cost: u32,
}

/// What a failure asks for.
struct Trouble {
    /// Whether the request was certainly not carried out.
    unprocessed: bool,
    /// Whether the server asked to be called less often.
    throttled: bool,
    base: Duration,
    hint: Option<Hint>,
}

/// Whether a repeat may bring something else than an attempt did.
pub(super) fn may_repeat(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Status(status) => is_retryable_status(status),
        Outcome::Failed(phase) => is_retryable_phase(phase),
        Outcome::Local => false,
    }
}

impl RetryPolicy {
    /// Decides what follows an attempt; whether the budget allows it is asked afterwards.
    ///
    /// # Errors
    /// There is no repeat; with the reason where one might bring something else.
    pub(super) fn decide(
        &self,
        terms: &Terms,
        seen: &Seen,
        moment: &Moment,
    ) -> Result<Repeat, Option<NoRepeat>> {
        let trouble = self.trouble(seen).ok_or(None)?;
        if !terms.replayable {
            return Err(Some(NoRepeat::BodyIsGone));
        }
        if !trouble.unprocessed && !terms.idempotent {
            return Err(Some(NoRepeat::MayActTwice));
        }
        if moment.repeats >= terms.repeats.unwrap_or(self.repeats) {
            return Err(Some(NoRepeat::Limit));
        }
        if trouble.hint.is_some_and(|hint| hint.wait > self.max_wait) {
            return Err(Some(NoRepeat::HintTooLong));
        }
        let mut wait = self.wait(&trouble, moment.repeats, moment.chance);
        if wait.length < moment.apart {
            wait = Wait { length: moment.apart, reason: WaitReason::Apart };
        }
        if wait.length >= moment.left {
            return Err(Some(NoRepeat::NoTime));
        }
        Ok(Repeat { wait, cost: if trouble.throttled { THROTTLED_COST } else { COST } })
    }

    /// `None` where a repeat would bring the same.
    fn trouble(&self, seen: &Seen) -> Option<Trouble> {
        match seen.outcome {
            outcome if !may_repeat(outcome) => None,
            Outcome::Status(status) => Some(self.refusal(status, seen.hint)),
            Outcome::Failed(phase) => Some(Trouble {
                unprocessed: !phase.was_sent(),
                throttled: false,
                base: self.base,
                hint: None,
            }),
            Outcome::Local => None,
        }
    }

    fn refusal(&self, status: u16, hint: Option<Hint>) -> Trouble {
        let hint = hint.filter(|hint| hint.is_about(status));
        let is_hinted = hint.is_some() && matches!(status, 429 | 503);
        Trouble {
            unprocessed: is_hinted,
            throttled: is_hinted || status == 429,
            base: if matches!(status, 429 | 503) { self.throttled_base } else { self.base },
            hint,
        }
    }

    fn wait(&self, trouble: &Trouble, repeats: u32, chance: Chance) -> Wait {
        let backoff = self.bound(trouble.base, repeats).mul_f64(chance.backoff);
        let Some(hint) = trouble.hint else { return Wait { length: backoff, reason: WaitReason::Backoff } };
        let least = backoff.max(hint.wait);
        let length = least.saturating_add(least.mul_f64(SPREAD * chance.spread)).min(self.max_wait);
        Wait { length, reason: WaitReason::Hint(hint.source) }
    }

    /// What a wait without a hint stays below.
    fn bound(&self, base: Duration, repeats: u32) -> Duration {
        let doubled = 2_u32.checked_pow(repeats).and_then(|factor| base.checked_mul(factor));
        doubled.unwrap_or(Duration::MAX).min(self.cap).min(self.max_wait)
    }
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
