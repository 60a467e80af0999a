//! What is known of a call while it runs: its attempts so far, what it waited for, what its repeat costs.

use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::Wire;
use super::budget::Charge;
use super::exchange::Sight;
use super::failure::Cause;
use crate::attempt::{Attempt, NoRepeat, Outcome, Wait};
use crate::error::{Phase, TransportError};

/// What is known of a call while it runs, and after its time ran out.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) log: Vec<Attempt>,
    pub(super) repeats: u32,
    /// What the repeat under way costs.
    pub(super) charge: Option<Box<Charge>>,
    /// How long the next attempt was held back.
    held: Option<Wait>,
    /// Since when an attempt is under way.
    started: Option<Instant>,
    /// What is seen of the attempt under way.
    pub(super) sight: Sight,
}

impl Progress {
    pub(super) fn begin(&mut self) -> Instant {
        *self.started.insert(Instant::now())
    }

    /// Notes what an attempt brought, and returns when that was.
    pub(super) fn end(&mut self, outcome: Outcome, sent: bool) -> Instant {
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
    pub(super) fn hold(&mut self, wait: Wait) {
        self.held = Some(wait.after(self.held));
    }

    /// Notes what follows the last attempt, for the caller and the log.
    pub(super) fn note(&mut self, wire: &Wire, wait: Wait) {
        let Some(attempt) = self.log.last_mut() else { return };
        attempt.wait = Some(wait);
        tracing::debug!(operation = &*wire.operation, "{attempt}");
    }

    pub(super) fn stop(&mut self, wire: &Wire, stop: Option<NoRepeat>) {
        let Some(attempt) = self.log.last_mut() else { return };
        let why = stop.map_or("a repeat would bring the same", NoRepeat::as_str);
        tracing::debug!(operation = &*wire.operation, why, "{attempt}, not repeated");
        attempt.unrepeated = stop;
    }

    /// Whether the call may have been carried out by the last attempt, which is not known.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.log.last().is_some_and(Attempt::may_have_acted)
    }

    pub(super) fn spend(&mut self) {
        if let Some(charge) = self.charge.take() {
            charge.spend();
        }
    }

    /// The attempts of a call that is over: nothing came after the last one, whatever was meant to.
    pub(super) fn take_log(&mut self) -> Vec<Attempt> {
        let mut log = std::mem::take(&mut self.log);
        if let Some(last) = log.last_mut() {
            last.wait = None;
        }
        log
    }

    /// What was under way when the whole time ran out; `wire` is the last request that went out.
    pub(super) fn lost(mut self, wire: Option<Box<Wire>>, cause: Cause) -> Option<TransportError> {
        let phase = |sent: bool| if sent { Phase::AnswerTimeout } else { Phase::ConnectTimeout };
        self.spend();
        let sent = !self.sight.unsent.load(Ordering::Relaxed);
        self.end(Outcome::Failed(phase(sent)), sent);
        let attempts = self.take_log();
        let sent = attempts.iter().any(|attempt| attempt.sent);
        wire.map(|wire| wire.error(phase(sent), attempts, Some(cause)))
    }
}
