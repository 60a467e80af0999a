//! How far a call came that fails on this side: what the failure itself does not know of it.

use opcall::Attempt;

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
        /// Whether it changes nothing.
        only_reads: bool,
    },
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

    /// The status of the answer.
    pub(crate) fn status(&self) -> Option<u16> {
        if let Self::Answered { status, .. } = self { Some(*status) } else { None }
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
        Some(if *is_refusal {
            format!("{id} was refused with {status}, and the answer could not be written")
        } else {
            format!("{id} was carried out ({status}), only its answer could not be written")
        })
    }

    /// What is to be said of a call that a signal ended.
    pub(crate) fn interrupted(&self) -> &'static str {
        match self {
            Self::GivenUp { sent: false, .. } => "interrupted; nothing was sent",
            Self::GivenUp { only_reads: true, .. } => "interrupted; it was sent, and only reads",
            _ => "interrupted; it may have been carried out",
        }
    }

    /// What to do about a call that a signal ended.
    pub(crate) fn hint(&self) -> Option<String> {
        let is_in_doubt = matches!(self, Self::GivenUp { sent: true, only_reads: false });
        is_in_doubt.then(|| format!("{CHECK_FIRST}."))
    }
}
