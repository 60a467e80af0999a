//! The one loop of attempts of a call: what an attempt brought is classified, then decided on in one place.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::failure::Failure;
use super::{Answer, Transport, Wire};
use crate::error::{Phase, Result, TransportError};

/// One call, seen from the loop: it makes its request anew for each attempt.
pub(crate) trait Call: Send {
    /// The request as it goes out now, signed in.
    fn wire(&mut self) -> impl Future<Output = Result<Wire>> + Send;

    /// Whether an answer refuses credentials that can be had anew; the next request then has new ones.
    fn renews(&mut self, answer: &Answer) -> bool;

    /// How long the whole call may take, in place of the settings' time.
    fn max_time(&self) -> Option<Duration>;

    /// The error for a call whose whole time ran out before anything was sent.
    fn out_of_time(&self) -> TransportError;
}

/// What an attempt's outcome asks for.
enum Next {
    Again,
    Stop,
}

/// What is known of a call while it runs, and after its time ran out.
#[derive(Default)]
struct Progress {
    attempts: u32,
    lost: Option<TransportError>,
    /// Whether nothing of the last attempt's request was sent.
    unsent: AtomicBool,
}

impl Progress {
    /// What was under way when the whole time ran out.
    fn lost(self) -> Option<TransportError> {
        let unsent = self.unsent.into_inner();
        let phase = if unsent { Phase::ConnectTimeout } else { Phase::AnswerTimeout };
        self.lost.map(|lost| TransportError { phase, ..lost })
    }
}

impl Transport {
    /// Makes a call: attempts until one is final or the whole time is over. Returns the answer and how many requests
    /// it took.
    pub(crate) async fn send(&self, call: &mut impl Call) -> Result<(Answer, u32)> {
        let mut progress = Progress::default();
        let limit = call.max_time().unwrap_or(self.settings.max_time);
        let outcome = tokio::time::timeout(limit, self.attempts(call, &mut progress)).await;
        outcome.unwrap_or_else(|_| Err(progress.lost().unwrap_or_else(|| call.out_of_time()).into()))
    }

    async fn attempts(&self, call: &mut impl Call, progress: &mut Progress) -> Result<(Answer, u32)> {
        loop {
            let wire = call.wire().await?;
            progress.attempts += 1;
            progress.lost = Some(wire.error(Phase::AnswerTimeout, progress.attempts, None));
            let outcome = self.attempt(&wire, &progress.unsent).await;
            match decide(call, &outcome) {
                Next::Again => {
                    progress.lost = None;
                    tracing::debug!(operation = wire.operation, "once more with new credentials");
                }
                Next::Stop => {
                    let attempts = progress.attempts;
                    return outcome
                        .map(|answer| (answer, attempts))
                        .map_err(|failure| failure.into_error(&wire, attempts));
                }
            }
        }
    }
}

/// Decides what follows an attempt: a renewal of refused credentials, or the end.
fn decide(call: &mut impl Call, outcome: &Result<Answer, Failure>) -> Next {
    match outcome {
        Ok(answer) if call.renews(answer) => Next::Again,
        _ => Next::Stop,
    }
}
