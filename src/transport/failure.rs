//! Why an attempt failed, by what the network saw of it.

use std::fmt;

use crate::error::{ConfigError, IoError, Phase};

/// Why an attempt brought no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The network failed.
    Network(Phase, Option<reqwest::Error>),
    /// The client cannot be made: certificates, proxy.
    Config(ConfigError),
    /// A file of the body cannot be read.
    File(IoError),
    /// The request cannot be written.
    Unsendable(String),
    /// The body of the answer is larger than so many bytes.
    TooLarge(u64),
}

impl Failure {
    pub(super) fn refuse(problem: &str) -> Self {
        Self::Unsendable(problem.to_owned())
    }

    /// No head of an answer came; `unsent` where the request still waited for its connection.
    pub(super) fn unanswered(error: reqwest::Error, unsent: bool) -> Self {
        let phase = match (error.is_connect(), error.is_timeout()) {
            (true, true) => Phase::ConnectTimeout,
            (true, false) => Phase::Connect,
            (false, true) if unsent => Phase::ConnectTimeout,
            (false, true) => Phase::AnswerTimeout,
            (false, false) => Phase::Broken,
        };
        if error.is_builder() {
            return Self::Unsendable(format!("the request cannot be sent: {}", error.without_url()));
        }
        Self::Network(phase, Some(error))
    }

    /// The answer's head came, its body did not to its end.
    pub(super) fn broken(error: reqwest::Error) -> Self {
        let phase = if error.is_timeout() { Phase::AnswerTimeout } else { Phase::Broken };
        Self::Network(phase, Some(error))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<IoError> for Failure {
    fn from(error: IoError) -> Self {
        Self::File(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(phase, _) => write!(f, "{phase:?}"),
            Self::Config(error) => error.fmt(f),
            Self::File(error) => error.fmt(f),
            Self::Unsendable(problem) => f.write_str(problem),
            Self::TooLarge(limit) => write!(f, "the answer is larger than {limit} bytes"),
        }
    }
}
