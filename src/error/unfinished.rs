//! A call that was sent, and could not be brought to its end.

use std::fmt;

use super::Error;
#[cfg(feature = "client")]
use super::suggest::checked_first;
use crate::attempt::{Attempt, Outcome};

/// The call was sent, and what had to follow was not: the request that an answer redirects to, or a repeat.
///
/// What it was sent for may have been carried out; [`Unfinished::attempts`] says how far it came, and
/// [`Unfinished::cause`] why it could not go on: signing in failed, say, a file of the body is gone, or a rate limit
/// leaves no room in time.
#[derive(Debug)]
pub struct Unfinished {
    /// The operation with its service, or `METHOD /path`.
    pub operation: String,
    /// The attempts that were made.
    pub attempts: Vec<Attempt>,
    /// Whether a repeat changes nothing more: by the caller's word, the document's, an idempotency key, or the method.
    pub idempotent: bool,
    /// Why the next request could not be sent. What it says of sending is about that request alone.
    pub cause: Error,
}

impl std::error::Error for Unfinished {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was sent", self.operation)?;
        // Who asks for other credentials has not looked at it: what came before tells more.
        let acted = self.attempts.iter().rfind(|attempt| attempt.may_have_acted());
        let told = acted.or_else(|| self.attempts.iter().rfind(|attempt| attempt.sent));
        match told.map(|attempt| attempt.outcome) {
            Some(Outcome::Status(status)) => write!(f, " and answered with {status}")?,
            Some(other) => write!(f, " ({other})")?,
            None => {}
        }
        f.write_str(", but the request that had to follow could not be sent")
    }
}

#[cfg(feature = "client")]
impl Error {
    /// The same with what signing in took before the call, and whether a repeat of it changes nothing more.
    pub(crate) fn signed_in_by(mut self, attempts: Vec<Attempt>, idempotent: bool) -> Self {
        match &mut self {
            Self::Transport(error) if !error.signing_in => {
                error.sign_in = attempts;
                error.idempotent = idempotent;
            }
            Self::Unfinished(error) => {
                error.idempotent = idempotent;
                if let Self::Transport(cause) = &mut error.cause {
                    cause.idempotent = idempotent;
                }
            }
            Self::Unsafe(error) if !idempotent && error.is_in_doubt() => {
                error.hint = Some(checked_first(error.hint.take()));
            }
            _ => {}
        }
        self
    }

    /// The error of a call that cannot go on: it is not told as unsent where it was sent before.
    pub(crate) fn after(mut self, attempts: Vec<Attempt>, operation: String) -> Self {
        match &mut self {
            // An answer that is not taken in tells by itself how far the call came.
            Self::Unsafe(error) if error.sent => {
                if error.attempts.is_empty() {
                    error.attempts = attempts;
                }
                return self;
            }
            Self::HeldBack(held) if !held.signing_in => held.attempts.clone_from(&attempts),
            _ => {}
        }
        if crate::attempt::may_be_done(&attempts) {
            return Unfinished { operation, attempts, idempotent: false, cause: self }.into();
        }
        if attempts.iter().any(|attempt| attempt.sent) {
            match &mut self {
                Self::HeldBack(held) => held.attempts = attempts,
                Self::Auth(error) => error.before = attempts,
                Self::Transport(error) if error.signing_in => error.before = attempts,
                _ => {}
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::{ConfigError, Phase};

    #[test]
    fn it_says_how_far_the_call_came_and_what_to_do() {
        let attempt = |outcome, sent| {
            let took = Duration::ZERO;
            Attempt { number: 1, outcome, sent, took, ..Attempt::default() }
        };
        let cause = || Error::from(ConfigError { problem: "p".to_owned(), hint: Some("h.".to_owned()) });
        let after = |attempts| cause().after(attempts, "demo:make".to_owned());
        let error = after(vec![attempt(Outcome::Status(303), true), attempt(Outcome::Local, false)]);
        assert_eq!(
            error.to_string(),
            "demo:make was sent and answered with 303, but the request that had to follow could not be sent"
        );
        assert_eq!((error.kind(), error.was_sent(), error.is_retryable()), ("unfinished", true, false));
        assert_eq!((error.attempts().len(), error.operation()), (2, Some("demo:make")));
        let first = "check with a reading operation whether it was carried out before you repeat it, and h.";
        assert_eq!((error.hint().as_deref(), error.status()), (Some(first), None));
        let redirected = vec![attempt(Outcome::Status(303), true), attempt(Outcome::Status(401), true)];
        assert!(after(redirected).to_string().contains(" and answered with 303,"));
        let error = after(vec![attempt(Outcome::Status(303), true)]).signed_in_by(Vec::new(), true);
        assert_eq!(error.hint().as_deref(), Some("h."));
        let error = after(vec![attempt(Outcome::Failed(Phase::Broken), true)]);
        assert_eq!(
            error.to_string(),
            "demo:make was sent (the connection broke), but the request that had to follow could not be sent"
        );
        for harmless in [attempt(Outcome::Status(401), true), attempt(Outcome::Failed(Phase::Connect), false)]
        {
            assert_eq!(after(vec![harmless]).kind(), "config");
        }
    }
}
