//! Signs calls in: which credentials an operation takes, where they come from, and the token that needs renewing.
//!
//! Only this room reads a secret's text, and only in [`seal`], the last step before sending, which also makes sure
//! that no secret goes to another origin than the configured one.

mod account;
mod cache;
mod caller;
mod choice;
mod conceal;
mod digest;
mod discovery;
mod entry;
mod fetching;
mod grant;
mod identity;
mod keeping;
mod known;
mod provider;
mod renewing;
mod seal;
mod sealed;
mod source;
mod token;

use crate::attempt::{Attempt, Wait};
use crate::error::{
    AuthError, ConfigError, Error, HeldBack, TransportError, UnsafeError, is_retryable_phase,
    is_retryable_status, suggest_waiting,
};

pub(crate) use account::Account;
pub(crate) use cache::TokenCache;
#[cfg(any(test, fuzzing))]
pub(crate) use cache::fuzz as fuzz_token;
pub(crate) use choice::Choice;
pub(crate) use conceal::Carried;
pub(crate) use digest::Challenge;
pub(crate) use entry::{Effort, Entrant};
pub(crate) use grant::{Grant, Rejected};
pub use keeping::Forgotten;
pub(crate) use keeping::Token;
pub(crate) use known::KnownPath;
pub use provider::{CredentialFuture, CredentialProvider, ProviderError};
pub(crate) use renewing::Keeping;
pub(crate) use seal::{Target, seal};
pub(crate) use sealed::{Sealed, Worn};
pub(crate) use source::{Need, Source, place, placement, source};

/// Why signing in failed; cloned for everyone who waits for the same token.
#[derive(Debug, Clone)]
pub(crate) enum SignInError {
    Auth(Box<AuthError>),
    Config(ConfigError),
    Transport(Box<TransportError>),
    Unsafe(UnsafeError),
    /// A server's word to others holds it back.
    HeldBack(Box<HeldBack>),
    /// It failed for the call that signed in alone, whose time was over or too short.
    Own(Box<SignInError>),
}

impl SignInError {
    /// How long the server asks to wait.
    fn retry_after(&self) -> Option<std::time::Duration> {
        if let Self::Auth(error) = self { error.retry_after } else { None }
    }

    /// Whether a further request might have brought something else.
    fn is_transient(&self) -> bool {
        match self {
            Self::Auth(error) => error.status.is_some_and(is_retryable_status),
            Self::Transport(error) => is_retryable_phase(error.phase),
            Self::Own(error) => error.is_transient(),
            Self::Config(_) | Self::Unsafe(_) | Self::HeldBack(_) => false,
        }
    }

    /// The requests that failed so.
    pub(crate) fn attempts(&self) -> &[Attempt] {
        match self {
            Self::Auth(error) => &error.attempts,
            Self::Transport(error) => &error.attempts,
            Self::HeldBack(error) => &error.attempts,
            Self::Unsafe(error) => &error.attempts,
            Self::Own(error) => error.attempts(),
            Self::Config(_) => &[],
        }
    }

    /// The same after all these requests.
    fn after_all(self, requests: &[Attempt]) -> Self {
        match self {
            Self::Auth(mut error) => {
                error.attempts = requests.to_vec();
                Self::Auth(error)
            }
            Self::Unsafe(mut error) => {
                error.attempts = requests.to_vec();
                Self::Unsafe(error)
            }
            Self::Own(error) => error.after_all(requests).own(),
            other => other,
        }
    }

    /// The same, where it was waited before the first request that came after so many `others`.
    fn held_before(self, waited: Option<Wait>, others: usize) -> Self {
        let hold = |attempts: &mut Vec<Attempt>, first: usize| {
            if let Some(first) = attempts.get_mut(first) {
                first.held = Wait::both(waited, first.held);
            }
        };
        match self {
            Self::Auth(mut error) => {
                hold(&mut error.attempts, others);
                Self::Auth(error)
            }
            Self::Unsafe(mut error) => {
                hold(&mut error.attempts, others);
                Self::Unsafe(error)
            }
            Self::Transport(mut error) => {
                // It tells of its own requests alone.
                hold(&mut error.attempts, 0);
                Self::Transport(error)
            }
            Self::Own(error) => error.held_before(waited, others).own(),
            other => other,
        }
    }

    /// The same as a failure of one call alone.
    pub(crate) fn own(self) -> Self {
        if let Self::Own(_) = self { self } else { Self::Own(Box::new(self)) }
    }

    /// The same failure, told when this much of the wait is left.
    fn after(self, left: std::time::Duration) -> Self {
        match self {
            Self::Auth(error) if error.retry_after.is_some() => {
                let hint = Some(suggest_waiting(left));
                Self::Auth(Box::new(AuthError { retry_after: Some(left), hint, ..*error }))
            }
            other => other,
        }
    }
}

impl From<SignInError> for Error {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Auth(error) => Self::Auth(error),
            SignInError::Config(error) => error.into(),
            SignInError::Transport(error) => Self::Transport(error),
            SignInError::Unsafe(error) => error.into(),
            SignInError::HeldBack(error) => Self::HeldBack(error),
            SignInError::Own(error) => (*error).into(),
        }
    }
}

impl From<TransportError> for SignInError {
    fn from(error: TransportError) -> Self {
        Self::Transport(Box::new(error))
    }
}

impl From<AuthError> for SignInError {
    fn from(error: AuthError) -> Self {
        Self::Auth(Box::new(error))
    }
}

impl From<HeldBack> for SignInError {
    fn from(error: HeldBack) -> Self {
        Self::HeldBack(Box::new(error))
    }
}

impl From<UnsafeError> for SignInError {
    fn from(error: UnsafeError) -> Self {
        Self::Unsafe(error)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn refusal(status: Option<u16>) -> AuthError {
        AuthError {
            service: "pets".to_owned(),
            problem: "no".to_owned(),
            hint: Some("wait 9 s before the next call.".to_owned()),
            status,
            trace_id: None,
            retry_after: Some(Duration::from_secs(9)),
            attempts: vec![Attempt { number: 1, ..Attempt::default() }],
            before: Vec::new(),
        }
    }

    #[test]
    fn what_is_left_of_a_wait_is_told_where_one_was_named() {
        let SignInError::Auth(told) = SignInError::from(refusal(None)).after(Duration::from_secs(7)) else {
            unreachable!("it is one");
        };
        assert_eq!(told.hint.as_deref(), Some("wait 7 s before the next call."));
        assert_eq!(told.retry_after, Some(Duration::from_secs(7)));
        let unnamed = AuthError { retry_after: None, hint: None, ..refusal(None) };
        let SignInError::Auth(told) = SignInError::from(unnamed).after(Duration::from_secs(7)) else {
            unreachable!("it is one");
        };
        assert_eq!((told.hint, told.retry_after), (None, None));
    }

    #[test]
    fn the_requests_of_a_failure_are_its_own_whoever_it_is_for() {
        let failure = SignInError::from(refusal(Some(503)));
        assert_eq!(failure.attempts().len(), 1);
        assert_eq!(failure.clone().own().attempts(), failure.attempts());
        assert_eq!(failure.after_all(&[]).attempts(), []);
        assert_eq!(SignInError::from(UnsafeError::default()).attempts(), []);
    }

    #[test]
    fn what_tells_of_a_moment_may_pass_and_what_tells_of_the_client_does_not() {
        for (status, passes) in [(Some(503), true), (Some(403), false), (None, false)] {
            let failure = SignInError::from(refusal(status));
            assert_eq!(
                (failure.is_transient(), failure.own().is_transient()),
                (passes, passes),
                "{status:?}"
            );
        }
        assert!(!SignInError::from(UnsafeError::default()).is_transient());
    }
}
