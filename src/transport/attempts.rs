//! The one loop of attempts of a call: what an attempt brought is classified, then decided on in one place.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::budget::Charge;
use super::failure::Failure;
use super::hint::Hint;
use super::limits::by;
use super::pace::{Asking, Caller, Held, Turn};
use super::retry::{Chance, Moment, Repeat, Seen, Stop, Terms};
use super::{Answer, Transport, Wire, hint};
use crate::attempt::{Attempt, Outcome, Wait, WaitReason};
use crate::error::{Phase, TransportError, is_retryable_status};
use crate::operation::RateLimitHeaders;

/// One call, seen from the loop: it makes its request anew for each attempt.
pub(crate) trait Call: Send {
    /// Why it fails.
    type Error: From<TransportError> + Send;

    /// The request as it goes out now, signed in.
    fn wire(&mut self) -> impl Future<Output = Result<Wire, Self::Error>> + Send;

    /// What is known of it for the question whether it may be repeated.
    fn terms(&self) -> Terms;

    /// The header fields in which the service tells of its rate limit.
    fn limits(&self) -> Option<&RateLimitHeaders>;

    /// Whose rate limits it counts for, as of the last request; `None` where it counts for none.
    fn caller(&self) -> Option<&Arc<Caller>> {
        None
    }

    /// Whether what is learned of limits, and the user's own limit, hold for it beside what the server asks for.
    fn is_counted(&self) -> bool {
        true
    }

    /// How long it has waited for the server's word before it signed in for its next request.
    fn held(&mut self) -> Option<Wait> {
        None
    }

    /// Whether an answer refuses credentials that can be had anew; the next request then has new ones.
    fn renews(&mut self, answer: &Answer) -> bool;

    /// Whether an answer redirects to where the call may go; the next request then goes there.
    ///
    /// # Errors
    /// It redirects to where the call must not go.
    fn redirects(&mut self, _: &Answer) -> Result<bool, Self::Error> {
        Ok(false)
    }

    /// The error for a failure that is final.
    fn failed(&self, failure: Failure, wire: &Wire, attempts: Vec<Attempt>) -> Self::Error;

    /// The error for a call that cannot go on after these attempts.
    fn unfinished(&self, error: Self::Error, _: Vec<Attempt>) -> Self::Error {
        error
    }

    /// Its own time ended it, and not what its requests brought.
    fn cut_short(&mut self) {}

    /// The error for a call whose whole time ran out before anything was sent.
    fn out_of_time(&self) -> TransportError;
}

/// What an attempt's outcome asks for.
enum Next {
    /// The same once more with new credentials, which is no repeat.
    Renewed,
    /// The request that the answer redirects to, which is no repeat either.
    Redirected,
    Again(Repeat, Charge),
    Stop(Stop),
}

/// A renewal is no repeat, and nobody waits for it.
const RENEWED: Wait = Wait { length: Duration::ZERO, reason: WaitReason::Credentials };

const REDIRECTED: Wait = Wait { length: Duration::ZERO, reason: WaitReason::Redirect };

/// What is known of a call while it runs, and after its time ran out.
#[derive(Default)]
struct Progress {
    log: Vec<Attempt>,
    repeats: u32,
    /// What the repeat under way costs.
    charge: Option<Charge>,
    /// How long the next attempt was held back.
    held: Option<Wait>,
    /// The last request that went out.
    wire: Option<Arc<Wire>>,
    /// Since when an attempt is under way.
    started: Option<Instant>,
    /// Whether nothing of the last attempt's request was sent.
    unsent: AtomicBool,
}

impl Progress {
    fn begin(&mut self, wire: &Arc<Wire>) {
        self.wire = Some(Arc::clone(wire));
        self.started = Some(Instant::now());
    }

    fn end(&mut self, outcome: Outcome, sent: bool) {
        let Some(started) = self.started.take() else { return };
        let number = u32::try_from(self.log.len()).unwrap_or(u32::MAX).saturating_add(1);
        let held = self.held.take();
        self.log.push(Attempt { number, outcome, sent, took: started.elapsed(), wait: None, held });
    }

    /// Notes that the next attempt was held back.
    fn hold(&mut self, wait: Wait) {
        self.held = Some(wait.after(self.held));
    }

    /// Notes what follows the last attempt, for the caller and the log.
    fn note(&mut self, wire: &Wire, wait: Wait) {
        let Some(attempt) = self.log.last_mut() else { return };
        attempt.wait = Some(wait);
        tracing::debug!(operation = &*wire.operation, "{attempt}");
    }

    fn stop(&self, wire: &Wire, stop: Stop) {
        let Some(attempt) = self.log.last() else { return };
        tracing::debug!(operation = &*wire.operation, why = stop.as_str(), "{attempt}, not repeated");
    }

    fn spend(&mut self) {
        if let Some(charge) = self.charge.take() {
            charge.spend();
        }
    }

    /// The attempts of a call that is over: nothing came after the last one, whatever was meant to.
    fn take_log(&mut self) -> Vec<Attempt> {
        let mut log = std::mem::take(&mut self.log);
        if let Some(last) = log.last_mut() {
            last.wait = None;
        }
        log
    }

    /// What was under way when the whole time ran out.
    fn lost(mut self) -> Option<TransportError> {
        let phase = |sent: bool| if sent { Phase::AnswerTimeout } else { Phase::ConnectTimeout };
        self.spend();
        let sent = !self.unsent.load(Ordering::Relaxed);
        self.end(Outcome::Failed(phase(sent)), sent);
        let attempts = self.take_log();
        let sent = attempts.iter().any(|attempt| attempt.sent);
        self.wire.map(|wire| wire.error(phase(sent), attempts, None))
    }
}

impl Transport {
    /// Makes a call: attempts until one is final or the whole time is over.
    pub(crate) async fn send<C: Call>(&self, call: &mut C) -> Result<Answer, C::Error> {
        let deadline = self.deadline();
        let mut progress = Progress::default();
        let outcome = by(deadline, pin!(self.attempts(call, deadline, &mut progress))).await;
        outcome.unwrap_or_else(|| {
            call.cut_short();
            Err(progress.lost().unwrap_or_else(|| call.out_of_time()).into())
        })
    }

    async fn attempts<C: Call>(
        &self,
        call: &mut C,
        deadline: Instant,
        progress: &mut Progress,
    ) -> Result<Answer, C::Error> {
        let mut repeated: Option<(Arc<Wire>, Result<Answer, Failure>)> = None;
        loop {
            // Where the repeat cannot be sent, what it repeats says more than that, and is the outcome of the call.
            let before = repeated.take();
            let (wire, headers) = match call.wire().await {
                Ok(mut wire) => {
                    let headers = std::mem::take(&mut wire.headers);
                    (Arc::new(wire), headers)
                }
                Err(error) => match before {
                    Some((wire, outcome)) => return finish(call, &wire, outcome, progress),
                    None => return Err(call.unfinished(error, progress.take_log())),
                },
            };
            if let Some(held) = call.held() {
                progress.hold(held);
            }
            let (caller, is_counted) = (call.caller().cloned(), call.is_counted());
            let turn = match self.turn((caller.as_ref(), is_counted), &wire, deadline, progress).await {
                Ok(turn) => turn,
                Err(held) => {
                    let (wire, outcome) = before.unwrap_or_else(|| (wire, Err(Failure::Held(held))));
                    return finish(call, &wire, outcome, progress);
                }
            };
            progress.begin(&wire);
            let outcome = self.attempt(&wire, headers, &progress.unsent).await;
            progress.end(outcome_of(&outcome), was_sent(&outcome));
            let hint = outcome.as_ref().ok().and_then(|answer| heed(answer, call.limits(), turn));
            if let (Outcome::Status(status), Some(caller)) = (outcome_of(&outcome), caller) {
                self.pace.refused(&caller, status, hint).await;
            }
            match self.next(call, &outcome, hint, &wire, deadline, progress)? {
                Next::Redirected => progress.note(&wire, REDIRECTED),
                Next::Renewed => progress.note(&wire, RENEWED),
                Next::Again(repeat, charge) => {
                    progress.note(&wire, repeat.wait);
                    progress.spend();
                    progress.charge = Some(charge);
                    progress.repeats += 1;
                    repeated = Some((wire, outcome));
                    tokio::time::sleep(repeat.wait.length).await;
                }
                Next::Stop(stop) => {
                    progress.stop(&wire, stop);
                    if stop == Stop::NoTime {
                        call.cut_short();
                    }
                    self.settle(&outcome, &wire, progress);
                    return finish(call, &wire, outcome, progress);
                }
            }
        }
    }

    /// Waits until an attempt may go out, by what is known of rate limits.
    async fn turn(
        &self,
        (caller, is_counted): (Option<&Arc<Caller>>, bool),
        wire: &Wire,
        deadline: Instant,
        progress: &mut Progress,
    ) -> Result<Option<Turn>, Held> {
        let Some(caller) = caller else { return Ok(None) };
        let operation = &*wire.operation;
        if !is_counted {
            return self.cool(caller, operation, |wait| progress.hold(wait)).await.map(|()| None);
        }
        let max_wait = self.settings.retry.longest_wait();
        let asking = Asking { caller, operation, url: &wire.url, deadline, max_wait };
        self.pace.pass(&asking, |wait| progress.hold(wait)).await.map(Some)
    }

    /// Waits until a server's word to others of the same caller is over; `waited` is told of it.
    ///
    /// # Errors
    /// It would take longer than the call has, or than is allowed.
    pub(crate) async fn cool(
        &self,
        caller: &Caller,
        operation: &str,
        waited: impl FnMut(Wait) + Send,
    ) -> Result<(), Held> {
        let max_wait = self.settings.retry.longest_wait();
        self.pace.cool(caller, operation, (self.deadline(), max_wait), waited).await
    }

    fn next<C: Call>(
        &self,
        call: &mut C,
        outcome: &Result<Answer, Failure>,
        hint: Option<Hint>,
        wire: &Wire,
        deadline: Instant,
        progress: &Progress,
    ) -> Result<Next, C::Error> {
        if let Ok(answer) = outcome {
            if call.renews(answer) {
                return Ok(Next::Renewed);
            }
            if call.redirects(answer)? {
                return Ok(Next::Redirected);
            }
        }
        let seen = Seen { outcome: outcome_of(outcome), hint };
        let chance = Chance { backoff: fastrand::f64(), spread: fastrand::f64() };
        let left = deadline.saturating_duration_since(Instant::now());
        let moment = Moment { repeats: progress.repeats, left, chance };
        Ok(match self.settings.retry.decide(&call.terms(), &seen, &moment) {
            Err(stop) => Next::Stop(stop),
            Ok(repeat) => match self.budgets.charge(&wire.url.origin(), repeat.cost) {
                Some(charge) => Next::Again(repeat, charge),
                None => Next::Stop(Stop::NoBudget),
            },
        })
    }

    /// What a call leaves of the budget: a good end gives back what the last repeat cost.
    fn settle(&self, outcome: &Result<Answer, Failure>, wire: &Wire, progress: &mut Progress) {
        let is_good = outcome.as_ref().is_ok_and(|answer| !is_retryable_status(answer.status));
        match progress.charge.take() {
            Some(charge) if !is_good => charge.spend(),
            None if is_good => self.budgets.reward(&wire.url),
            _ => {}
        }
    }
}

/// Learns what an answer tells of limits; returns how long it asks to wait.
fn heed(answer: &Answer, limits: Option<&RateLimitHeaders>, turn: Option<Turn>) -> Option<Hint> {
    let Answer { status, headers, .. } = answer;
    if !hint::may_tell(headers, limits) {
        if let Some(turn) = turn {
            turn.answered(*status, headers, &[]);
        }
        return None;
    }
    let now = SystemTime::now();
    let quotas = hint::quotas(headers, limits, now);
    if let Some(turn) = turn {
        turn.answered(*status, headers, &quotas);
    }
    hint::beside(*status, headers, &quotas, now)
}

fn outcome_of(outcome: &Result<Answer, Failure>) -> Outcome {
    match outcome {
        Ok(answer) => Outcome::Status(answer.status),
        Err(failure) => failure.outcome(),
    }
}

fn was_sent(outcome: &Result<Answer, Failure>) -> bool {
    outcome.as_ref().map_or_else(Failure::was_sent, |_| true)
}

/// The end of a call, with all its attempts.
fn finish<C: Call>(
    call: &C,
    wire: &Wire,
    outcome: Result<Answer, Failure>,
    progress: &mut Progress,
) -> Result<Answer, C::Error> {
    let attempts = progress.take_log();
    match outcome {
        Ok(answer) => Ok(Answer { attempts, ..answer }),
        Err(failure) => Err(call.failed(failure, wire, attempts)),
    }
}
