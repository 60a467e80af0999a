//! Requests of signing in: they have no credentials to renew, change nothing that counts, and are repeated by the same
//! policy as calls, each counted apart.

use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::Instant;

use super::attempts::Call;
use super::failure::Failure;
use super::retry::Terms;
use super::{Answer, Transport, Wire};
use crate::attempt::Attempt;
use crate::auth::SignInError;
use crate::error::{Phase, TransportError};
use crate::operation::RateLimitHeaders;

/// A repeat comes no sooner: many callers wait for one answer, and none may press a server that is in trouble.
const APART: Duration = Duration::from_secs(1);

/// A request of signing in.
struct Question<'q> {
    wire: &'q Wire,
    limits: Option<&'q RateLimitHeaders>,
    /// When the next one may go out.
    next: Option<Instant>,
}

impl Call for Question<'_> {
    type Error = SignInError;

    async fn wire(&mut self) -> Result<Wire, SignInError> {
        if let Some(next) = self.next {
            tokio::time::sleep_until(next).await;
        }
        self.next = Some(Instant::now() + APART);
        Ok(self.wire.clone())
    }

    /// A token that nobody took runs out by itself, and what was revoked stays so.
    fn terms(&self) -> Terms {
        Terms { idempotent: true, replayable: true, repeats: None }
    }

    fn limits(&self) -> Option<&RateLimitHeaders> {
        self.limits
    }

    fn renews(&mut self, _: &Answer) -> bool {
        false
    }

    fn failed(&self, failure: Failure, wire: &Wire, attempts: Vec<Attempt>) -> SignInError {
        failure.into_sign_in_error(wire, attempts)
    }

    fn out_of_time(&self) -> TransportError {
        self.wire.error(Phase::ConnectTimeout, Vec::new(), None)
    }
}

impl Transport {
    /// Asks what signing in needs: a token, its end, where to ask for one. `limits` are the header fields in which the
    /// service tells of its rate limit.
    pub(crate) async fn ask(
        &self,
        wire: &Wire,
        limits: Option<&RateLimitHeaders>,
    ) -> Result<Answer, SignInError> {
        // Boxed: it runs within the call that signs in, which is of the same kind.
        self.send(&mut Question { wire, limits, next: None }).boxed().await
    }
}
