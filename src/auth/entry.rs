//! A call that signs in: whose word of a server it has to heed before, and what signing in takes.

use super::SignInError;
use crate::attempt::{Attempt, Wait};
use crate::error::HeldBack;
use crate::operation::Method;
use crate::profile::origin_of;
use crate::transport::{Caller, Transport};

/// A call that signs in.
pub(crate) struct Entrant<'c> {
    pub(crate) transport: &'c Transport,
    /// Whose limits the call counts for.
    pub(crate) caller: &'c Caller,
    /// What is called, how and where, for errors.
    pub(crate) operation: &'c str,
    pub(crate) method: &'c Method,
    pub(crate) url: &'c str,
    pub(crate) effort: &'c mut Effort,
}

/// What signing in took.
#[derive(Default)]
pub(crate) struct Effort {
    /// Its requests, also those that brought nothing.
    pub(crate) attempts: Vec<Attempt>,
    /// How long the call waited before, because the server has asked others to.
    pub(crate) held: Option<Wait>,
}

impl Effort {
    /// Notes that the call has waited.
    pub(super) fn hold(&mut self, wait: Option<Wait>) {
        if let Some(wait) = wait {
            self.held = Some(wait.after(self.held));
        }
    }
}

impl Entrant<'_> {
    /// Waits before a token is fetched for a call that cannot be sent yet.
    pub(super) async fn cool(&mut self) -> Result<(), SignInError> {
        let held = &mut self.effort.held;
        let waited = |wait: Wait| *held = Some(wait.after(*held));
        let Err(stopped) = self.transport.cool(self.caller, self.operation, waited).await else {
            return Ok(());
        };
        let origin = origin_of(self.url).map_or_else(String::new, |origin| origin.ascii_serialization());
        Err(HeldBack {
            operation: self.operation.to_owned(),
            method: self.method.clone(),
            url: self.url.to_owned(),
            origin,
            signing_in: false,
            retry_after: stopped.wait,
            reason: stopped.reason,
            attempts: Vec::new(),
        }
        .into())
    }
}
