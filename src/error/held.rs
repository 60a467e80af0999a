//! A call that was held back, because it would have come too early.

use std::fmt;
use std::time::Duration;

use super::ANEW;
use crate::attempt::{Attempt, WaitReason, may_be_done};
use crate::operation::Method;

/// The call was not sent, because a rate limit asks for a longer wait than the call has.
///
/// The server has said so to another call with the same credentials, in this process or, with a token cache, in
/// another, or the token endpoint to another request for a token; or the limit of
/// [`crate::HarnessBuilder::rate_limit`] leaves no room in time.
#[derive(Debug, Clone)]
pub struct HeldBack {
    /// The operation with its service, or `METHOD /path`.
    pub operation: String,
    /// The method.
    pub method: Method,
    /// The URL without its query.
    pub url: String,
    /// Scheme, host and port.
    pub origin: String,
    /// Whether it is a token endpoint that takes no requests: the operation itself was not sent, but for
    /// [`HeldBack::attempts`].
    pub signing_in: bool,
    /// How long the call would have to wait.
    pub retry_after: Duration,
    /// Whose limit it is: [`WaitReason::Cooldown`] or [`WaitReason::OwnLimit`].
    pub reason: WaitReason,
    /// The attempts before it was held back, by which nothing was done: those that were answered with 401. Where more
    /// may have been done, this is the cause of an [`crate::Unfinished`], and these are its attempts.
    pub attempts: Vec<Attempt>,
}

impl std::error::Error for HeldBack {}

impl fmt::Display for HeldBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, origin, retry_after, reason, attempts, .. } = self;
        let what = if attempts.iter().any(|attempt| attempt.sent) { "the next request of " } else { "" };
        let seconds = in_seconds(*retry_after);
        match reason {
            WaitReason::OwnLimit => {
                write!(
                    f,
                    "{what}{operation} was not sent: the harness's own rate limit has room in {seconds} s only"
                )
            }
            _ if self.signing_in => {
                let end = if attempts.is_empty() { "signing in failed, no operation was sent" } else { ANEW };
                write!(f, "{origin} takes no requests for another {seconds} s; {end}")
            }
            _ => write!(f, "{what}{operation} was not sent: {origin} takes no calls for another {seconds} s"),
        }
    }
}

impl HeldBack {
    /// Whether an attempt before may have been carried out; what is answered with 401 is not.
    #[must_use]
    pub fn was_sent(&self) -> bool {
        may_be_done(&self.attempts)
    }

    pub(super) fn hint(&self) -> String {
        match self.reason {
            WaitReason::OwnLimit => {
                "give the call more time (`max_time`), or allow more requests.".to_owned()
            }
            _ if self.retry_after > LONG => format!(
                "wait {} s before the next call, or forget the server's word (`SignIn::forget`).",
                in_seconds(self.retry_after)
            ),
            _ => suggest_waiting(self.retry_after),
        }
    }
}

/// No word of a server holds longer for those who did not hear it themselves: one that is a mistake must not lock
/// anybody out.
pub(crate) const LONGEST_WORD: Duration = Duration::from_secs(3600);

/// A word that is longer may be a mistake.
const LONG: Duration = Duration::from_secs(60);

/// What to do where a server says how long to wait.
pub(crate) fn suggest_waiting(wait: Duration) -> String {
    let seconds = in_seconds(wait.min(LONGEST_WORD));
    match wait {
        Duration::ZERO => "wait, then send fewer calls at a time.".to_owned(),
        _ if wait > LONGEST_WORD => format!(
            "wait {seconds} s before the next call: the server asks for {} s, of which an hour is held to.",
            in_seconds(wait)
        ),
        _ => format!("wait {seconds} s before the next call."),
    }
}

/// Whole seconds, in which nobody comes too early.
fn in_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn a_wait_is_told_in_whole_seconds_that_are_enough() {
        let told = |milliseconds| suggest_waiting(Duration::from_millis(milliseconds));
        assert_eq!(told(0), "wait, then send fewer calls at a time.");
        assert_eq!(told(1500), "wait 2 s before the next call.");
        assert_eq!(told(3_600_000), "wait 3600 s before the next call.");
        assert_eq!(
            told(99_999_999_000),
            "wait 3600 s before the next call: the server asks for 99999999 s, of which an hour is held to."
        );
    }

    #[test]
    fn it_says_whose_limit_it_is_and_that_nothing_was_sent() {
        let held = |reason| {
            Error::from(HeldBack {
                operation: "falcon:tokens_query".to_owned(),
                method: Method::Get,
                url: "https://api.example.com/a".to_owned(),
                origin: "https://api.example.com".to_owned(),
                signing_in: false,
                retry_after: Duration::from_millis(61_001),
                reason,
                attempts: Vec::new(),
            })
        };
        let error = held(WaitReason::Cooldown);
        assert_eq!(
            error.to_string(),
            "falcon:tokens_query was not sent: https://api.example.com takes no calls for another 62 s"
        );
        let hint = "wait 62 s before the next call, or forget the server's word (`SignIn::forget`).";
        assert_eq!(error.hint().as_deref(), Some(hint));
        assert_eq!((error.kind(), error.was_sent(), error.is_retryable()), ("rate_limited", false, true));
        assert_eq!(error.operation(), Some("falcon:tokens_query"));
        let error = held(WaitReason::OwnLimit);
        assert_eq!(
            error.to_string(),
            "falcon:tokens_query was not sent: the harness's own rate limit has room in 62 s only"
        );
        let hint = "give the call more time (`max_time`), or allow more requests.";
        assert_eq!(error.hint().as_deref(), Some(hint));
    }
}
