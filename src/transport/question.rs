//! Requests of signing in: they have no credentials to renew, change nothing that counts, and are repeated by the same
//! policy as calls, each counted apart.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::attempts::Call;
use super::failure::Failure;
use super::retry::Terms;
use super::{Answer, Caller, Patience, Transport, Wire};
use crate::attempt::Attempt;
use crate::auth::SignInError;
use crate::error::{AuthError, Phase, TransportError};
use crate::operation::RateLimitHeaders;

/// A repeat comes no sooner: many callers wait for one answer, and none may press a server that is in trouble.
const APART: Duration = Duration::from_secs(1);

/// A request of signing in.
struct Question<'q> {
    wire: &'q Wire,
    limits: Option<&'q RateLimitHeaders>,
    caller: Arc<Caller>,
    patience: Patience,
    /// Whether it ended with the time of the call that asks.
    is_cut: bool,
}

/// What came of a request of signing in.
pub(crate) struct Reply {
    pub(crate) answer: Answer,
    /// Whether only the time of the call that asked kept it from being asked again.
    is_cut: bool,
}

impl Reply {
    /// The failure that an answer means: for everybody, or for the call that asked alone.
    pub(crate) fn failure(&self, error: AuthError) -> SignInError {
        let error = SignInError::from(error);
        if self.is_cut { error.own() } else { error }
    }
}

impl Call for Question<'_> {
    type Error = SignInError;

    async fn wire(&mut self) -> Result<Box<Wire>, SignInError> {
        Ok(Box::new(self.wire.clone()))
    }

    /// A token that nobody took runs out by itself, and what was revoked stays so.
    fn terms(&self) -> Terms {
        Terms { idempotent: true, replayable: true, repeats: Some(self.patience.repeats) }
    }

    fn limits(&self) -> Option<&RateLimitHeaders> {
        self.limits
    }

    fn apart(&self) -> Duration {
        APART
    }

    fn caller(&self) -> Option<&Arc<Caller>> {
        Some(&self.caller)
    }

    /// Requests for tokens are no calls; but what a server asks for is asked of them too.
    fn is_counted(&self) -> bool {
        false
    }

    fn renews(&mut self, _: &Answer) -> bool {
        false
    }

    fn failed(&self, failure: Failure, wire: &Wire, attempts: Vec<Attempt>) -> SignInError {
        failure.into_sign_in_error(wire, attempts)
    }

    fn cut_short(&mut self) {
        self.is_cut = true;
    }

    fn out_of_time(&self) -> TransportError {
        self.wire.error(Phase::ConnectTimeout, Vec::new(), None)
    }
}

impl Transport {
    /// Asks what signing in needs: a token, its end, where to ask for one. `limits` are the header fields in which the
    /// service tells of its rate limit, `caller` is who asks. What the call leaves to signing in binds it; what was tried
    /// goes into the log, also where it failed.
    pub(crate) async fn ask(
        &self,
        mut wire: Wire,
        limits: Option<&RateLimitHeaders>,
        caller: Arc<Caller>,
        log: &mut Vec<Attempt>,
    ) -> Result<Reply, SignInError> {
        let patience = self.patience();
        let Patience { timeout, connect_timeout, .. } = patience;
        wire.limits.timeout = Some(timeout);
        wire.limits.connect_timeout = Some(connect_timeout);
        let wire = &wire;
        let mut question = Question { wire, limits, caller, patience, is_cut: false };
        // Boxed: it runs within the call that signs in, which is of the same kind.
        let outcome = self.send(&mut question).boxed().await;
        let attempts = outcome.as_ref().map_or_else(SignInError::attempts, |answer| &answer.attempts);
        for attempt in attempts {
            let number = u32::try_from(log.len()).unwrap_or(u32::MAX).saturating_add(1);
            log.push(Attempt { number, ..attempt.clone() });
        }
        let is_cut = question.is_cut;
        match outcome {
            Ok(answer) => Ok(Reply { answer, is_cut }),
            Err(error) if is_cut => Err(error.own()),
            Err(error) => Err(error),
        }
    }
}
