//! The one loop of attempts of a call: what an attempt brought is classified, then decided on in one place.

use std::ops::ControlFlow;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::budget::Charge;
use super::failure::Failure;
use super::hint::Hint;
use super::limits::{Span, TimedOut, by};
use super::pace::{Asking, Blocked, Caller, Held, Turn};
use super::progress::Progress;
use super::retry::{Chance, Moment, Repeat, Seen, Terms, may_repeat};
use super::{Answer, Arrived, Transport, Tried, Wire, after, hint, pace};
use crate::attempt::{Attempt, NoRepeat, Outcome, Wait, WaitReason};
use crate::error::{TransportError, is_retryable_status};
use crate::operation::RateLimitHeaders;

/// One call, seen from the loop: it makes its request anew for each attempt.
pub(crate) trait Call: Send + Sync {
    /// Why it fails.
    type Error: From<TransportError> + Send;

    /// Signs in by what is there; `false` where [`Call::sign_in`] has to.
    fn is_signed_in(&mut self) -> bool {
        true
    }

    /// Signs in by what has to be waited for.
    fn sign_in(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send {
        std::future::ready(Ok(()))
    }

    /// The request as it goes out now, signed in.
    fn wire(&mut self) -> Result<Box<Wire>, Self::Error>;

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

/// Why a call has no answer.
enum End<E> {
    Failed(E),
    /// Its whole time is over. The last request that went out.
    OutOfTime(Option<Box<Wire>>),
}

impl<E> End<E> {
    fn out_of_time(behind: Option<Box<Behind>>) -> Self {
        Self::OutOfTime(behind.map(|behind| behind.wire))
    }
}

/// The last request that went out.
struct Behind {
    wire: Box<Wire>,
    /// What it brought, where it is repeated. Where the repeat cannot be sent, that says more than why it cannot, and is
    /// the outcome of the call.
    outcome: Option<Tried>,
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

    /// Every wait ends with the whole time: one clock runs at a time, and none for what is done at once. What hardly a call
    /// comes to stands apart, for each would have to make room for it.
    async fn attempts<C: Call>(
        &self,
        call: &mut C,
        progress: &mut Progress,
    ) -> Result<Answer, End<C::Error>> {
        let deadline = self.deadline();
        let mut behind: Option<Box<Behind>> = None;
        loop {
            let made = if call.is_signed_in() {
                call.wire()
            } else {
                match Box::pin(signed_in(call, deadline)).await {
                    Some(signed_in) => signed_in.and_then(|()| call.wire()),
                    None => return Err(End::out_of_time(behind)),
                }
            };
            let mut wire = match made {
                Ok(wire) => wire,
                Err(error) => return unmade(call, error, behind, progress),
            };
            if let Some(held) = call.held() {
                progress.hold(held);
            }
            let whose = (call.caller(), call.is_counted());
            let turn = match self.turn(whose, &wire, deadline) {
                Ok(turn) => turn,
                Err(blocked) => match Box::pin(self.later(whose, &wire, deadline, blocked, progress)).await {
                    Some(Ok(turn)) => turn,
                    Some(Err(held)) => return held_back(call, (wire, held), behind, progress),
                    None => return Err(End::out_of_time(behind)),
                },
            };
            let own = after(progress.begin(), self.timeout(&wire));
            let outcome = pin!(self.attempt(&mut wire, &progress.sight, own.min(deadline))).await;
            if let Ok(answer) = &outcome
                && (200..300).contains(&answer.status)
            {
                let came = progress.end(Outcome::Status(answer.status), true);
                heed(answer, call.limits(), (turn, &wire.operation), came);
                return self.stop(call, (&wire, outcome), None, progress);
            }
            let tried = (wire, outcome, turn);
            match Box::pin(self.go_on(call, tried, (own, deadline), progress)).await {
                ControlFlow::Continue(next) => behind = Some(next),
                ControlFlow::Break(end) => return end,
            }
        }
    }

    /// What follows an attempt that was no success, waits included.
    async fn go_on<C: Call>(
        &self,
        call: &mut C,
        (wire, outcome, turn): (Box<Wire>, Tried, Option<Turn>),
        (own, deadline): (Instant, Instant),
        progress: &mut Progress,
    ) -> ControlFlow<Result<Answer, End<C::Error>>, Box<Behind>> {
        if deadline < own && outcome.as_ref().is_err_and(|failure| failure.is_late()) {
            return ControlFlow::Break(Err(End::OutOfTime(Some(wire))));
        }
        let now = progress.end(outcome_of(&outcome), was_sent(&outcome));
        let turn = (turn, &*wire.operation);
        let hint = outcome.as_ref().ok().and_then(|answer| heed(answer, call.limits(), turn, now));
        let next = match self.next(call, &outcome, hint, &wire, deadline, progress) {
            Ok(next) => next,
            Err(error) => {
                return ControlFlow::Break(Err(End::Failed(call.unfinished(error, progress.take_log()))));
            }
        };
        if let (Some(word), Some(caller)) = (word(&outcome, hint), call.caller())
            && by(deadline, pin!(self.pace.stop(caller, word))).await.is_none()
        {
            return ControlFlow::Break(Err(End::OutOfTime(Some(wire))));
        }
        match next {
            Next::Redirected => progress.note(&wire, REDIRECTED),
            Next::Renewed => progress.note(&wire, RENEWED),
            Next::Again(repeat, charge) => {
                progress.note(&wire, repeat.wait);
                if let Some(watch) =
                    self.watch.as_ref().filter(|_| progress.is_in_doubt() && !wire.signing_in)
                {
                    watch.doubt();
                }
                progress.spend();
                progress.charge = Some(Box::new(charge));
                progress.repeats += 1;
                let waiting = tokio::time::sleep(repeat.wait.length);
                if by(deadline, pin!(waiting)).await.is_none() {
                    return ControlFlow::Break(Err(End::OutOfTime(Some(wire))));
                }
                return ControlFlow::Continue(Box::new(Behind { wire, outcome: Some(outcome) }));
            }
            Next::Stop(stop) => {
                return ControlFlow::Break(self.stop(call, (&wire, outcome), stop, progress));
            }
        }
        ControlFlow::Continue(Box::new(Behind { wire, outcome: None }))
    }

    /// The end of a call by an attempt that nothing follows.
    fn stop<C: Call>(
        &self,
        call: &mut C,
        (wire, outcome): (&Wire, Tried),
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

    /// An attempt's turn by what is known of rate limits, where it has come.
    fn turn<'p>(
        &'p self,
        (caller, is_counted): (Option<&Arc<Caller>>, bool),
        wire: &Wire,
        deadline: Instant,
    ) -> Result<Option<Turn>, Blocked<'p>> {
        let Some(caller) = caller else { return Ok(None) };
        if !is_counted {
            return Err(Blocked::Cooling);
        }
        self.pace.pass(&self.asking(caller, wire, deadline)).map(Some)
    }

    /// Waits for the turn of an attempt; `None` where it does not come in time.
    async fn later(
        &self,
        (caller, _): (Option<&Arc<Caller>>, bool),
        wire: &Wire,
        deadline: Instant,
        blocked: Blocked<'_>,
        progress: &mut Progress,
    ) -> Option<Result<Option<Turn>, Held>> {
        let Some(caller) = caller else { return Some(Ok(None)) };
        let waited = |wait| progress.hold(wait);
        match blocked {
            Blocked::Never(held) => Some(Err(held)),
            Blocked::Cooling => {
                let cooled = by(deadline, pin!(self.cool(caller, &wire.operation, waited))).await?;
                Some(cooled.map(|()| None))
            }
            Blocked::Until(waiting) => {
                let asking = self.asking(caller, wire, deadline);
                let turn = by(deadline, pin!(self.pace.wait(&asking, *waiting, waited))).await?;
                Some(turn.map(Some))
            }
        }
    }

    fn asking<'a>(&self, caller: &'a Caller, wire: &'a Wire, deadline: Instant) -> Asking<'a> {
        let max_wait = self.settings.retry.longest_wait();
        Asking { caller, operation: &wire.operation, url: &wire.url, deadline, max_wait }
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
        outcome: &Tried,
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
    fn settle(&self, outcome: &Tried, wire: &Wire, progress: &mut Progress) {
        let is_good = outcome.as_ref().is_ok_and(|answer| !is_retryable_status(answer.status));
        match progress.charge.take() {
            Some(charge) if !is_good => charge.spend(),
            None if is_good => self.budgets.reward(&wire.url),
            _ => {}
        }
    }
}

/// The end of a call whose next request cannot be made.
#[cold]
fn unmade<C: Call>(
    call: &C,
    error: C::Error,
    behind: Option<Box<Behind>>,
    progress: &mut Progress,
) -> Result<Answer, End<C::Error>> {
    match behind.map(|behind| *behind) {
        Some(Behind { wire, outcome: Some(outcome) }) => finish(call, &wire, outcome, progress),
        _ => Err(End::Failed(call.unfinished(error, progress.take_log()))),
    }
}

/// The end of a call whose next request would have to wait too long.
#[cold]
fn held_back<C: Call>(
    call: &C,
    (wire, held): (Box<Wire>, Held),
    behind: Option<Box<Behind>>,
    progress: &mut Progress,
) -> Result<Answer, End<C::Error>> {
    match behind.map(|behind| *behind) {
        Some(Behind { wire, outcome: Some(outcome) }) => finish(call, &wire, outcome, progress),
        _ => finish(call, &wire, Err(Failure::Held(held).into()), progress),
    }
}

/// Signs a call in; `None` where its time is over before.
async fn signed_in<C: Call>(call: &mut C, deadline: Instant) -> Option<Result<(), C::Error>> {
    by(deadline, pin!(call.sign_in())).await
}

/// Learns what an answer tells of limits; returns how long it asks to wait.
fn heed(
    answer: &Answer,
    limits: Option<&RateLimitHeaders>,
    (turn, operation): (Option<Turn>, &str),
    came: Instant,
) -> Option<Hint> {
    let Arrived { status, headers, .. } = &**answer;
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
fn word(outcome: &Tried, hint: Option<Hint>) -> Option<Hint> {
    outcome.as_ref().ok().and_then(|answer| hint.filter(|hint| pace::is_word(answer.status, hint)))
}

fn outcome_of(outcome: &Tried) -> Outcome {
    match outcome {
        Ok(answer) => Outcome::Status(answer.status),
        Err(failure) => failure.outcome(),
    }
}

fn was_sent(outcome: &Tried) -> bool {
    outcome.as_ref().map_or_else(|failure| failure.was_sent(), |_| true)
}

/// The end of a call, with all its attempts.
fn finish<C: Call>(
    call: &C,
    wire: &Wire,
    outcome: Tried,
    progress: &mut Progress,
) -> Result<Answer, End<C::Error>> {
    let attempts = progress.take_log();
    match outcome {
        Ok(mut answer) => {
            answer.attempts = attempts;
            Ok(answer)
        }
        Err(failure) => Err(End::Failed(call.failed(*failure, wire, attempts))),
    }
}
