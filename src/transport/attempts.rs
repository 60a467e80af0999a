//! The one loop of attempts of a call: what an attempt brought is classified, then decided on in one place.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::budget::Charge;
use super::exchange::Sight;
use super::failure::{Cause, Failure};
use super::hint::Hint;
use super::limits::{Span, TimedOut, by};
use super::pace::{Asking, Caller, Held, Turn};
use super::retry::{Chance, Moment, Repeat, Seen, Terms, may_repeat};
use super::{Answer, Transport, Wire, after, hint, pace};
use crate::attempt::{Attempt, NoRepeat, Outcome, Wait, WaitReason};
use crate::error::{Phase, TransportError, is_retryable_status};
use crate::operation::RateLimitHeaders;

/// One call, seen from the loop: it makes its request anew for each attempt.
pub(crate) trait Call: Send + Sync {
    /// Why it fails.
    type Error: From<TransportError> + Send;

    /// The request as it goes out now, signed in.
    fn wire(&mut self) -> impl Future<Output = Result<Box<Wire>, Self::Error>> + Send;

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

    /// How long after the last request went out the next one may at the soonest.
    fn apart(&self) -> Duration {
        Duration::ZERO
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
    /// With the reason, where a repeat might have brought something else.
    Stop(Option<NoRepeat>),
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
    charge: Option<Box<Charge>>,
    /// How long the next attempt was held back.
    held: Option<Wait>,
    /// Since when an attempt is under way.
    started: Option<Instant>,
    /// What is seen of the attempt under way.
    sight: Sight,
}

impl Progress {
    fn begin(&mut self) -> Instant {
        *self.started.insert(Instant::now())
    }

    /// Notes what an attempt brought, and returns when that was.
    fn end(&mut self, outcome: Outcome, sent: bool) -> Instant {
        let now = Instant::now();
        if let Some(started) = self.started.take() {
            let number = u32::try_from(self.log.len()).unwrap_or(u32::MAX).saturating_add(1);
            let (held, took) = (self.held.take(), now.saturating_duration_since(started));
            if self.log.is_empty() {
                // Most calls are one attempt.
                self.log.reserve_exact(1);
            }
            let is_whole = matches!(outcome, Outcome::Status(_));
            let begun = if is_whole { None } else { self.sight.begun() };
            self.log.push(Attempt { number, outcome, sent, took, wait: None, held, begun, unrepeated: None });
        }
        now
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

    fn stop(&mut self, wire: &Wire, stop: Option<NoRepeat>) {
        let Some(attempt) = self.log.last_mut() else { return };
        let why = stop.map_or("a repeat would bring the same", NoRepeat::as_str);
        tracing::debug!(operation = &*wire.operation, why, "{attempt}, not repeated");
        attempt.unrepeated = stop;
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

    /// What was under way when the whole time ran out; `wire` is the last request that went out.
    fn lost(mut self, wire: Option<Box<Wire>>, cause: Cause) -> Option<TransportError> {
        let phase = |sent: bool| if sent { Phase::AnswerTimeout } else { Phase::ConnectTimeout };
        self.spend();
        let sent = !self.sight.unsent.load(Ordering::Relaxed);
        self.end(Outcome::Failed(phase(sent)), sent);
        let attempts = self.take_log();
        let sent = attempts.iter().any(|attempt| attempt.sent);
        wire.map(|wire| wire.error(phase(sent), attempts, Some(cause)))
    }
}

/// What an attempt brought.
type Tried = Result<Answer, Failure>;

/// Why a call has no answer.
enum End<E> {
    Failed(E),
    /// Its whole time is over. The last request that went out.
    OutOfTime(Option<Box<Wire>>),
}

impl Transport {
    /// Makes a call: attempts until one is final or the whole time is over.
    pub(crate) async fn send<C: Call>(&self, call: &mut C) -> Result<Answer, C::Error> {
        let mut progress = Progress::default();
        let outcome = pin!(self.attempts(call, &mut progress)).await;
        outcome.map_err(|end| match end {
            End::Failed(error) => error,
            End::OutOfTime(wire) => {
                call.cut_short();
                let cause = TimedOut { span: Span::Call, limit: self.whole_time() };
                let lost = progress.lost(wire, Box::new(cause));
                lost.unwrap_or_else(|| call.out_of_time().because(cause)).into()
            }
        })
    }

    /// Every wait ends with the whole time: one clock runs at a time, and none for what is done at once.
    async fn attempts<C: Call>(
        &self,
        call: &mut C,
        progress: &mut Progress,
    ) -> Result<Answer, End<C::Error>> {
        let deadline = self.deadline();
        // The last request that went out; with its outcome where it is repeated.
        let mut last: Option<Box<Wire>> = None;
        let mut repeated: Option<(Box<Wire>, Box<Tried>)> = None;
        loop {
            // Where the repeat cannot be sent, what it repeats says more than that, and is the outcome of the call.
            let before = repeated.take();
            let made = by(deadline, pin!(call.wire())).await;
            let (mut wire, before) = match (made, before) {
                (Some(Ok(wire)), before) => (wire, before),
                (Some(Err(_)), Some((wire, outcome))) => return finish(call, &wire, *outcome, progress),
                (Some(Err(error)), None) => {
                    return Err(End::Failed(call.unfinished(error, progress.take_log())));
                }
                (None, before) => return Err(End::OutOfTime(before.map(|(wire, _)| wire).or(last))),
            };
            if let Some(held) = call.held() {
                progress.hold(held);
            }
            let whose = (call.caller(), call.is_counted());
            let turn = by(deadline, pin!(self.turn(whose, &wire, deadline, progress))).await;
            let turn = match turn {
                Some(Ok(turn)) => turn,
                Some(Err(held)) => {
                    return match before {
                        Some((wire, outcome)) => finish(call, &wire, *outcome, progress),
                        None => finish(call, &wire, Err(Failure::Held(held)), progress),
                    };
                }
                None => return Err(End::OutOfTime(before.map(|(wire, _)| wire).or(last))),
            };
            let own = after(progress.begin(), self.timeout(&wire));
            let outcome = pin!(self.attempt(&mut wire, &progress.sight, own.min(deadline))).await;
            if deadline < own && outcome.as_ref().is_err_and(Failure::is_late) {
                return Err(End::OutOfTime(Some(wire)));
            }
            let now = progress.end(outcome_of(&outcome), was_sent(&outcome));
            let turn = (turn, &*wire.operation);
            let hint = outcome.as_ref().ok().and_then(|answer| heed(answer, call.limits(), turn, now));
            let word = word(&outcome, hint);
            let next = match self.next(call, &outcome, hint, &wire, deadline, progress) {
                Ok(next) => next,
                Err(error) => return Err(End::Failed(call.unfinished(error, progress.take_log()))),
            };
            if let (Next::Stop(stop), None) = (&next, word) {
                return self.stop(call, (&wire, outcome), *stop, progress);
            }
            // Apart from here on: hardly a call gets this far, and each would have to make room for it.
            let outcome = Box::new(outcome);
            if let (Some(word), Some(caller)) = (word, call.caller()) {
                let telling = Box::pin(self.pace.stop(caller, word));
                if by(deadline, pin!(telling)).await.is_none() {
                    return Err(End::OutOfTime(Some(wire)));
                }
            }
            match next {
                Next::Redirected => progress.note(&wire, REDIRECTED),
                Next::Renewed => progress.note(&wire, RENEWED),
                Next::Again(repeat, charge) => {
                    progress.note(&wire, repeat.wait);
                    progress.spend();
                    progress.charge = Some(Box::new(charge));
                    progress.repeats += 1;
                    let waiting = Box::pin(tokio::time::sleep(repeat.wait.length));
                    if by(deadline, pin!(waiting)).await.is_none() {
                        return Err(End::OutOfTime(Some(wire)));
                    }
                    repeated = Some((wire, outcome));
                    continue;
                }
                Next::Stop(stop) => return self.stop(call, (&wire, *outcome), stop, progress),
            }
            last = Some(wire);
        }
    }

    /// The end of a call by an attempt that nothing follows.
    fn stop<C: Call>(
        &self,
        call: &mut C,
        (wire, outcome): (&Wire, Result<Answer, Failure>),
        stop: Option<NoRepeat>,
        progress: &mut Progress,
    ) -> Result<Answer, End<C::Error>> {
        progress.stop(wire, stop);
        if stop == Some(NoRepeat::NoTime) {
            call.cut_short();
        }
        self.settle(&outcome, wire, progress);
        finish(call, wire, outcome, progress)
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
            // Apart, for calls do not come here and each would have to make room for it.
            let cooling = Box::pin(self.cool(caller, operation, |wait| progress.hold(wait)));
            return cooling.await.map(|()| None);
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

    /// Forgets what servers have asked the callers of a service to wait for, also in other processes that share a
    /// cache.
    ///
    /// # Errors
    /// Where what tells other processes of it cannot be removed.
    pub(crate) fn forget_words(&self, service: &str, cache: Option<&Path>) -> std::io::Result<()> {
        self.pace.forget(service, cache)
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
        if !may_repeat(seen.outcome) {
            return Ok(Next::Stop(None));
        }
        let chance = Chance { backoff: fastrand::f64(), spread: fastrand::f64() };
        let left = deadline.saturating_duration_since(Instant::now());
        let took = progress.log.last().map_or(Duration::ZERO, |attempt| attempt.took);
        let apart = call.apart().saturating_sub(took);
        let moment = Moment { repeats: progress.repeats, left, apart, chance };
        Ok(match self.settings.retry.decide(&call.terms(), &seen, &moment) {
            Err(stop) => Next::Stop(stop),
            Ok(repeat) => match self.budgets.charge(&wire.url.origin(), repeat.cost) {
                Some(charge) => Next::Again(repeat, charge),
                None => Next::Stop(Some(NoRepeat::NoBudget)),
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
fn heed(
    answer: &Answer,
    limits: Option<&RateLimitHeaders>,
    (turn, operation): (Option<Turn>, &str),
    came: Instant,
) -> Option<Hint> {
    let Answer { status, headers, .. } = answer;
    if !hint::may_tell(headers, limits) {
        if let Some(turn) = turn {
            turn.answered(operation, answer, &[], came);
        }
        return None;
    }
    let now = SystemTime::now();
    let quotas = hint::quotas(headers, limits, now);
    if let Some(turn) = turn {
        turn.answered(operation, answer, &quotas, came);
    }
    hint::beside(*status, headers, &quotas, now)
}

/// What an answer asks of everybody who signs in alike.
fn word(outcome: &Result<Answer, Failure>, hint: Option<Hint>) -> Option<Hint> {
    outcome.as_ref().ok().and_then(|answer| hint.filter(|hint| pace::is_word(answer.status, hint)))
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
) -> Result<Answer, End<C::Error>> {
    let attempts = progress.take_log();
    match outcome {
        Ok(answer) => Ok(Answer { attempts, ..answer }),
        Err(failure) => Err(End::Failed(call.failed(failure, wire, attempts))),
    }
}
