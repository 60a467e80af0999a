//! Why an attempt failed, by what the network saw of it.

use std::fmt;

use super::proxy::Proxy;
use super::{Wire, tls};
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

    /// The answer's head came, its body did not to its end.
    pub(super) fn broken(error: reqwest::Error) -> Self {
        let phase = if error.is_timeout() { Phase::AnswerTimeout } else { Phase::Broken };
        Self::Network(phase, Some(error))
    }
}

impl Failure {
    /// No head of an answer came. What happened before a connection stood was not sent; `unsent` where the request
    /// still waited for one.
    pub(super) fn before_answer(error: reqwest::Error, has_certificate: bool, unsent: bool) -> Self {
        if error.is_builder() {
            return Self::Unsendable(format!("the request cannot be sent: {}", error.without_url()));
        }
        let tls = tls::problem_of(&error, has_certificate);
        let phase = match (error.is_connect(), error.is_timeout(), tls) {
            (_, false, Some(problem)) => Phase::Tls(problem),
            (true, true, _) => Phase::ConnectTimeout,
            (true, false, None) => Phase::Connect,
            (false, true, _) if unsent => Phase::ConnectTimeout,
            (false, true, _) => Phase::AnswerTimeout,
            (false, false, None) => Phase::Broken,
        };
        Self::Network(phase, Some(error))
    }

    /// What it means where the request went through a proxy; the request then knows which.
    pub(super) fn through(self, proxy: Option<&Proxy>, wire: &Wire) -> Self {
        let (Self::Network(phase, error), Some(proxy)) = (&self, proxy) else { return self };
        let source = error.as_ref().map(|error| error as _);
        let Some(phase) = proxy.judge(*phase, source, &wire.url) else { return self };
        wire.link.proxy.get_or_init(|| proxy.shown());
        match self {
            Self::Network(_, error) => Self::Network(phase, error),
            other => other,
        }
    }
}

impl From<reqwest::Error> for Failure {
    /// The request cannot be made.
    fn from(error: reqwest::Error) -> Self {
        Self::Unsendable(format!("the request cannot be sent: {}", error.without_url()))
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
