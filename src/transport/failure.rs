//! Why an attempt failed, by what the network saw of it.

use std::error::Error;
use std::fmt;

use super::limits::{LARGEST_HEAD, Span, TimedOut};
use super::pace::Held;
use super::proxy::Proxy;
use super::{Wire, tls};
use crate::error::{ConfigError, IoError, Phase};

/// What the network, or the HTTP library, says of a failure. It holds no URL.
pub(crate) type Cause = Box<dyn Error + Send + Sync>;

/// How the HTTP library says that the head of an answer does not fit (it takes 100 fields and some 400 KB in).
const TOO_LARGE_A_HEAD: &str = "message head is too large";

/// Why an attempt brought no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was held back for too long.
    Held(Held),
    /// The network failed.
    Network(Phase, Option<Cause>),
    /// The client cannot be made: certificates, proxy.
    Config(ConfigError),
    /// A file of the body cannot be read.
    File(IoError),
    /// The request cannot be written.
    Unsendable(String),
    /// The body of the answer is larger than so many bytes.
    TooLarge(u64),
    /// The answer is made to do harm, or looks like it.
    Harmful { problem: String, hint: Option<&'static str> },
    /// The body of the answer is not coded as its head says.
    Undecodable { status: u16, media_type: String, problem: String },
}

impl Failure {
    pub(super) fn refuse(problem: &str) -> Self {
        Self::Unsendable(problem.to_owned())
    }

    pub(super) fn harmful(problem: &str, hint: &'static str) -> Self {
        Self::Harmful { problem: problem.to_owned(), hint: Some(hint) }
    }

    /// The head of the answer holds more than is taken in.
    pub(super) fn large_head() -> Self {
        let problem = format!("the header fields of the answer are larger than {LARGEST_HEAD} bytes");
        Self::Harmful { problem, hint: None }
    }

    /// The head of the answer holds more than the HTTP library takes in.
    fn endless_head() -> Self {
        let problem = "the header fields of the answer are more than 100, or larger than 400 KB";
        Self::Harmful { problem: problem.to_owned(), hint: None }
    }

    /// Time ran out.
    pub(super) fn late(phase: Phase, limit: TimedOut) -> Self {
        Self::Network(phase, Some(Box::new(limit)))
    }

    /// Whether the time of the attempt ran out.
    pub(super) fn is_late(&self) -> bool {
        let Self::Network(_, Some(cause)) = self else { return false };
        cause.downcast_ref::<TimedOut>().is_some_and(|late| late.span == Span::Attempt)
    }

    /// The answer's head came, its body did not to its end.
    pub(super) fn broken(error: reqwest::Error) -> Self {
        let phase = if error.is_timeout() { Phase::AnswerTimeout } else { Phase::Broken };
        Self::Network(phase, Some(Box::new(error.without_url())))
    }
}

impl Failure {
    /// No head of an answer came. What happened before a connection stood was not sent; `unsent` where the request
    /// still waited for one.
    pub(super) fn before_answer(error: reqwest::Error, has_certificate: bool, unsent: bool) -> Self {
        if error.is_builder() {
            return Self::Unsendable(format!("the request cannot be sent: {}", error.without_url()));
        }
        if chain(&error).any(|one| one.to_string() == TOO_LARGE_A_HEAD) {
            return Self::endless_head();
        }
        if let Some(late) = chain(&error).find_map(|one| one.downcast_ref::<TimedOut>()) {
            return Self::late(Phase::ConnectTimeout, *late);
        }
        let problem_of = if error.is_connect() { tls::problem_of } else { tls::late_problem_of };
        let tls = problem_of(&error, has_certificate);
        let phase = match (error.is_connect(), error.is_timeout(), tls) {
            (_, false, Some(problem)) => Phase::Tls(problem),
            (false, false, None) if was_turned_away(&error) => Phase::Unprocessed,
            (true, true, _) => Phase::ConnectTimeout,
            (true, false, None) => Phase::Connect,
            (false, true, _) if unsent => Phase::ConnectTimeout,
            (false, true, _) => Phase::AnswerTimeout,
            (false, false, None) => Phase::Broken,
        };
        Self::Network(phase, Some(Box::new(error.without_url())))
    }

    /// The same where a connection is TLS too: which of both took too long is not known.
    pub(super) fn encrypted(self, is_encrypted: bool) -> Self {
        match &self {
            Self::Network(phase, Some(cause)) if is_encrypted => match cause.downcast_ref::<TimedOut>() {
                Some(late) if late.span == Span::Connecting => {
                    Self::late(*phase, TimedOut { span: Span::Securing, ..*late })
                }
                _ => self,
            },
            _ => self,
        }
    }

    /// What it means where the request went through a proxy; the request then knows which.
    pub(super) fn through(self, proxy: Option<&Proxy>, wire: &Wire) -> Self {
        let (Self::Network(phase, error), Some(proxy)) = (&self, proxy) else { return self };
        let source = error.as_ref().map(|error| &**error as &(dyn Error + 'static));
        let Some(phase) = proxy.judge(*phase, source, &wire.url) else { return self };
        wire.link.proxy.get_or_init(|| proxy.shown());
        match self {
            Self::Network(_, error) => Self::Network(phase, error),
            other => other,
        }
    }
}

/// Whether the server says by HTTP/2 that it has not looked at the request (RFC 9113 §8.7): it refused the stream, or
/// it goes away in good order and took no further streams.
fn was_turned_away(error: &(dyn Error + 'static)) -> bool {
    chain(error).filter_map(|one| one.downcast_ref::<h2::Error>()).any(|error| {
        let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
        let leaving = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
        error.is_remote() && (refused || leaving)
    })
}

/// An error with what caused it, the outermost first.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
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
            Self::Held(held) => write!(f, "held back: {}", held.reason),
            Self::Network(phase, _) => write!(f, "{phase:?}"),
            Self::Config(error) => error.fmt(f),
            Self::File(error) => error.fmt(f),
            Self::TooLarge(limit) => write!(f, "the answer is larger than {limit} bytes"),
            Self::Unsendable(problem) | Self::Harmful { problem, .. } => f.write_str(problem),
            Self::Undecodable { problem, .. } => write!(f, "the answer cannot be read: {problem}"),
        }
    }
}
