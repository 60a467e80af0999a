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
mod identity;
mod keeping;
mod provider;
mod renewing;
mod seal;
mod sealed;
mod source;
mod token;

use crate::error::{AuthError, ConfigError, Error, TransportError, UnsafeError};

pub(crate) use account::{Account, Grant, Rejected};
pub(crate) use cache::TokenCache;
#[cfg(any(test, fuzzing))]
pub(crate) use cache::fuzz as fuzz_token;
pub(crate) use choice::Choice;
pub(crate) use conceal::Carried;
pub(crate) use digest::Challenge;
pub use keeping::Forgotten;
pub(crate) use keeping::Token;
pub use provider::{CredentialFuture, CredentialProvider, ProviderError};
pub(crate) use renewing::Keeping;
pub(crate) use seal::{Target, seal};
pub(crate) use sealed::{Sealed, Worn};
pub(crate) use source::{Need, Source, place, placement, source};

/// Why signing in failed; cloned for everyone who waits for the same token.
#[derive(Debug, Clone)]
pub(crate) enum SignInError {
    Auth(AuthError),
    Config(ConfigError),
    Transport(Box<TransportError>),
    Unsafe(UnsafeError),
}

impl SignInError {
    /// How long the server asks to wait.
    fn retry_after(&self) -> Option<std::time::Duration> {
        if let Self::Auth(error) = self { error.retry_after } else { None }
    }

    /// The same failure, told when this much of the wait is left.
    fn after(self, left: std::time::Duration) -> Self {
        match self {
            Self::Auth(error) if error.retry_after.is_some() => {
                Self::Auth(AuthError { retry_after: Some(left), ..error })
            }
            other => other,
        }
    }
}

impl From<SignInError> for Error {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Auth(error) => error.into(),
            SignInError::Config(error) => error.into(),
            SignInError::Transport(error) => Self::Transport(error),
            SignInError::Unsafe(error) => error.into(),
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
        Self::Auth(error)
    }
}

impl From<UnsafeError> for SignInError {
    fn from(error: UnsafeError) -> Self {
        Self::Unsafe(error)
    }
}
