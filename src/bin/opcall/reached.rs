//! How far a call came that fails on this side: what the failure itself does not know of it.

use opcall::{Attempt, Watch};

/// What to do about a call that may have been carried out, and must not be twice.
pub(crate) const CHECK_FIRST: &str =
    "check with a reading operation whether it was carried out before you repeat it";

/// How far a call came.
#[derive(Debug, Clone)]
pub(crate) enum Reached {
    /// The service has answered.
    Answered {
        /// The status of the answer.
        status: u16,
        /// The requests of the operation that it took.
        attempts: usize,
        /// Whether the answer refuses the call.
        is_refusal: bool,
    },
    /// It was given up.
    GivenUp {
        /// Whether at least a part of it was sent.
        sent: bool,
        /// The status of the answer, where its head came.
        status: Option<u16>,
        /// What a repeat would do.
        repeat: Repeat,
    },
}

/// What a repeat of a call that was sent would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It changes nothing, as the call itself.
    OnlyReads,
    /// It changes nothing more.
    ChangesNothingMore,
    /// What the call did is known by the status of its answer.
    IsSettled,
    /// It might do a second time what was carried out already.
    MayActTwice,
}

/// What is known of what a call does, before it is made.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Nature {
    /// Whether it changes nothing.
    pub(crate) only_reads: bool,
    /// Whether its answer is a GraphQL envelope, whose status says nothing of the call.
    pub(crate) is_graphql: bool,
}

impl Reached {
    /// It was answered.
    pub(crate) fn answered(status: u16, attempts: &[Attempt]) -> Self {
        Self::Answered { status, attempts: attempts.len(), is_refusal: false }
    }

    /// It was refused.
    pub(crate) fn refused(status: u16, attempts: &[Attempt]) -> Self {
        Self::Answered { status, attempts: attempts.len(), is_refusal: true }
    }

    /// It was given up while it was under way.
    pub(crate) fn given_up(watch: &Watch, nature: Nature) -> Self {
        // What came after a redirect does not tell what became of the request before it.
        let status = watch.status().filter(|_| !watch.has_acted());
        let tells_all = |status| {
            let is_final = matches!(status, 200..300 | 400..=407 | 409..500);
            is_final && !nature.is_graphql && !watch.is_in_doubt()
        };
        let repeat = match status {
            _ if nature.only_reads => Repeat::OnlyReads,
            _ if watch.is_idempotent() => Repeat::ChangesNothingMore,
            Some(status) if tells_all(status) => Repeat::IsSettled,
            _ => Repeat::MayActTwice,
        };
        Self::GivenUp { sent: watch.was_sent(), status, repeat }
    }

    /// The status of the answer.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Answered { status, .. } => Some(*status),
            Self::GivenUp { status, .. } => *status,
        }
    }

    /// The requests of the operation that it took.
    pub(crate) fn attempts(&self) -> Option<usize> {
        if let Self::Answered { attempts, .. } = self { Some(*attempts) } else { None }
    }

    /// Whether at least a part of it was sent.
    pub(crate) fn was_sent(&self) -> bool {
        matches!(self, Self::Answered { .. } | Self::GivenUp { sent: true, .. })
    }

    /// What is to be said where nothing can be written any more of an answer that came.
    pub(crate) fn unwritten(&self, operation: &str) -> Option<String> {
        let Self::Answered { status, is_refusal, .. } = self else { return None };
        let id = operation.split_once(':').map_or(operation, |(_, id)| id);
        Some(match status {
            _ if *is_refusal => {
                format!("{id} was refused with {status}, and the answer could not be written")
            }
            // What is accepted may be carried out later, or never (RFC 9110 §15.3.3).
            202 => format!("{id} was accepted ({status}), only its answer could not be written"),
            _ => format!("{id} was carried out ({status}), only its answer could not be written"),
        })
    }

    /// What is to be said of a call that a signal ended.
    pub(crate) fn interrupted(&self) -> String {
        match self {
            Self::GivenUp { sent: false, .. } => "interrupted; nothing was sent".to_owned(),
            Self::GivenUp { status: Some(status), .. } => {
                format!("interrupted; it was answered with {status}")
            }
            Self::GivenUp { repeat: Repeat::OnlyReads, .. } => {
                "interrupted; it was sent, and only reads".to_owned()
            }
            _ => "interrupted; it may have been carried out".to_owned(),
        }
    }

    /// What to do about a call that a signal ended.
    pub(crate) fn hint(&self) -> Option<String> {
        let Self::GivenUp { sent: true, repeat, .. } = self else { return None };
        match repeat {
            Repeat::OnlyReads | Repeat::IsSettled => None,
            Repeat::ChangesNothingMore => Some("repeat it: a second time changes nothing more.".to_owned()),
            Repeat::MayActTwice => Some(format!("{CHECK_FIRST}.")),
        }
    }
}
