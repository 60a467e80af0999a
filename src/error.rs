//! Every failure of a call: what happened, what it means for the caller, and one hint.
//!
//! Kind, fact and hint are three things: [`Error::kind`] is a word programs can rely on, `Display` is the fact
//! in one or more lines and never repeats its source, [`Error::hint`] is one imperative sentence. No variant
//! holds a secret, and every URL in one is without its query.

mod held;
mod meaning;
mod suggest;
mod unfinished;

#[cfg(feature = "client")]
pub(crate) use meaning::{is_retryable_phase, is_retryable_status};

pub use held::HeldBack;
#[cfg(feature = "client")]
pub(crate) use held::{LONGEST_WORD, suggest_waiting};
pub use unfinished::Unfinished;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::attempt::{Attempt, Begun};
use crate::operation::Method;
use crate::request::Problem;

/// What every fallible door of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No operation has the name; nothing was sent.
    #[error(transparent)]
    UnknownOperation(Box<UnknownOperation>),
    /// Several operations have the name; nothing was sent.
    #[error(transparent)]
    Ambiguous(Box<Ambiguous>),
    /// Arguments do not fit; nothing was sent.
    #[error(transparent)]
    Arguments(Box<ArgumentsError>),
    /// A document cannot be read; nothing was sent.
    #[error(transparent)]
    Spec(Box<crate::spec::SpecError>),
    /// The configuration lacks something or holds something wrong; nothing was sent.
    #[error(transparent)]
    Config(Box<ConfigError>),
    /// Credentials are missing or were refused; the operation was not sent, or answered with 401.
    #[error(transparent)]
    Auth(Box<AuthError>),
    /// No answer came; where [`Error::was_sent`] says so, it may have been carried out.
    #[error(transparent)]
    Transport(Box<TransportError>),
    /// A rate limit asks for a longer wait than the call has; nothing was sent, or what was is answered with 401.
    #[error(transparent)]
    HeldBack(Box<HeldBack>),
    /// The call was sent, and what had to follow its answer was not.
    #[error(transparent)]
    Unfinished(Box<Unfinished>),
    /// The service said no.
    #[error(transparent)]
    Refused(Box<Refused>),
    /// The service said yes, in another shape than asked for.
    #[error(transparent)]
    Decode(Box<DecodeError>),
    /// A safety rule refused to send the call, or to take its answer in.
    #[error(transparent)]
    Unsafe(Box<UnsafeError>),
    /// A local file or stream failed.
    #[error(transparent)]
    Io(Box<IoError>),
}

/// No operation has the name.
#[derive(Debug, thiserror::Error)]
#[error("no operation is called \"{name}\"")]
pub struct UnknownOperation {
    /// The name as given.
    pub name: String,
    /// At most five identifiers near it, the nearest first.
    pub suggestions: Vec<String>,
    /// The longest word of the name that stands in the names of operations: a search for it finds something.
    pub word: Option<String>,
}

/// Several operations have the name.
#[derive(Debug, thiserror::Error)]
#[error("\"{name}\" names {count} operations: {}", listed(.candidates, *.count))]
pub struct Ambiguous {
    /// The name as given.
    pub name: String,
    /// How many operations have it.
    pub count: usize,
    /// What to say instead, of ten of them at most: `service:id`, `service:METHOD /path` where that is not enough, else
    /// an alias.
    pub candidates: Vec<String>,
    /// How many of all have nothing that tells them from the others, and cannot be called: they stand last, by method
    /// and path.
    pub nameless: usize,
}

/// Names, and how many more there are.
fn listed(names: &[String], count: usize) -> String {
    let names_told = names.join(", ");
    match count.saturating_sub(names.len()) {
        0 => names_told,
        more => format!("{names_told} and {more} more"),
    }
}

/// Arguments do not fit the operation: every problem of the call.
#[derive(Debug)]
pub struct ArgumentsError {
    /// The operation with its service, such as `falcon:tokens_create`.
    pub operation: String,
    /// What a person may call it: the ID where that alone tells which operation is meant, else as `operation`.
    pub name: String,
    /// Every problem, in the order of the arguments, missing ones last.
    pub problems: Vec<Problem>,
}

impl std::error::Error for ArgumentsError {}

impl fmt::Display for ArgumentsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let (noun, verb) = if count == 1 { ("argument", "does") } else { ("arguments", "do") };
        write!(f, "{}: {count} {noun} {verb} not fit", self.name)?;
        let width = self.problems.iter().map(|problem| problem.path.chars().count()).max().unwrap_or(0);
        for problem in &self.problems {
            write!(f, "\n  {:width$}  {}", problem.path, problem.problem)?;
            if let Some(nearest) = &problem.nearest {
                write!(f, "; nearest: {nearest}")?;
            }
        }
        Ok(())
    }
}

/// The configuration lacks something or holds something wrong.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{problem}")]
pub struct ConfigError {
    /// What is wrong.
    pub problem: String,
    /// What to do; names the variable or profile to set.
    pub hint: Option<String>,
}

/// Credentials are missing or were refused.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{problem}{}", if .before.is_empty() { String::new() } else { format!("; {ANEW}") })]
pub struct AuthError {
    /// The service.
    pub service: String,
    /// What is wrong.
    pub problem: String,
    /// What to do; names the variables to set.
    pub hint: Option<String>,
    /// The status of the token endpoint's answer, where there was one.
    pub status: Option<u16>,
    /// The identifier of the token request in the service's logs.
    pub trace_id: Option<String>,
    /// How long the token endpoint asks to wait; until then it is not asked again.
    pub retry_after: Option<Duration>,
    /// The requests that were made to sign in: those to the token endpoint, and before them those for the document that
    /// tells where it is. Where several calls waited for one token, each of them tells all.
    pub attempts: Vec<Attempt>,
    /// The attempts of the operation before, where one was answered with 401 and it was signing in anew that failed.
    pub before: Vec<Attempt>,
}

/// What is to be said of a call whose credentials were refused and could not be renewed.
const ANEW: &str = "the call was answered with 401, and signing in anew failed";

/// How far a request got before the network failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// No connection was made (DNS, TCP): nothing was sent.
    Connect,
    /// The two sides did not agree on TLS: nothing was carried out.
    Tls(TlsProblem),
    /// The proxy does not let the request through: nothing was sent to the service.
    Proxy(ProxyProblem),
    /// Time ran out while connecting: nothing was sent.
    ConnectTimeout,
    /// The server said that it has not looked at the request (HTTP/2 `REFUSED_STREAM` and `GOAWAY`, RFC 9113 §8.7):
    /// nothing was carried out.
    Unprocessed,
    /// Time ran out after the request was sent, at least in part.
    AnswerTimeout,
    /// The body of a streamed answer stood still for too long.
    Stalled,
    /// The connection broke after it was made.
    Broken,
}

/// Why a proxy does not let a request through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyProblem {
    /// It wants a user name and a password, and none were given (407, RFC 9110 §15.5.8).
    CredentialsRequired,
    /// It does not accept the user name and the password.
    CredentialsRefused,
    /// It makes no connection to the service: it must not, or cannot.
    NoWay,
    /// There is no agreement on TLS with the proxy itself.
    Tls(TlsProblem),
}

/// Why two sides did not agree on TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsProblem {
    /// No authority that is trusted here signed the server's certificate.
    UnknownIssuer,
    /// The server's certificate is for other names.
    WrongName,
    /// The server's certificate is over, or not valid yet.
    Expired,
    /// The server wants a client certificate, and none was given.
    CertificateRequired,
    /// The server does not accept the client certificate.
    CertificateRefused,
    /// Anything else: the other side speaks no TLS, or no version and no cipher that is known here.
    Other,
}

/// No answer came, or not the whole of it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}; {}", failing(self), outcome(self))]
pub struct TransportError {
    /// The operation with its service, or `METHOD /path`.
    pub operation: String,
    /// The method.
    pub method: Method,
    /// The URL without its query.
    pub url: String,
    /// Scheme, host and port.
    pub origin: String,
    /// How far the last attempt got.
    pub phase: Phase,
    /// Whether it was the token endpoint that did not answer: the operation itself was not sent, but for
    /// [`TransportError::before`].
    pub signing_in: bool,
    /// Whether it was a server that has a document: no operation was sent.
    pub fetching: bool,
    /// The proxy that the request was given to, without user name and password: that which did not answer itself where
    /// no connection was made ([`Phase::Connect`], [`Phase::Proxy`]).
    pub proxy: Option<String>,
    /// The attempts that were made, those of signing in where it was that which failed.
    pub attempts: Vec<Attempt>,
    /// What signing in took before them, where this call did it.
    pub sign_in: Vec<Attempt>,
    /// The attempts of the operation before, where one was answered with 401 and it was signing in anew that failed.
    pub before: Vec<Attempt>,
    /// Whether a repeat changes nothing more: by the caller's word, the document's, an idempotency key, or the method.
    pub idempotent: bool,
    /// What the HTTP library says.
    pub source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl TransportError {
    /// Whether at least a part of the operation's request was sent, by the last attempt or by one before it.
    #[must_use]
    pub fn was_sent(&self) -> bool {
        let is_sent = self.phase.was_sent() || self.attempts.iter().any(|attempt| attempt.sent);
        !self.signing_in && !self.fetching && is_sent
    }

    /// The same with what the time was that ran out.
    #[cfg(feature = "client")]
    pub(crate) fn because(self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { source: Some(Arc::new(cause)), ..self }
    }

    /// What had come of the last attempt's answer, where its head came: [`Attempt::begun`].
    #[must_use]
    pub fn begun(&self) -> Option<Begun> {
        self.attempts.last()?.begun.filter(|_| self.phase.was_sent())
    }
}

fn failing(error: &TransportError) -> String {
    let count = error.attempts.len();
    match error.begun() {
        Some(begun) => {
            let last = if count > 1 { &format!(" in the last of {count} attempts") } else { "" };
            format!("{}{last}", cut_short(error, begun))
        }
        None => format!("{} after {count} attempt{}", silent(error), if count == 1 { "" } else { "s" }),
    }
}

fn cut_short(error: &TransportError, begun: Begun) -> String {
    let how = match error.phase {
        Phase::AnswerTimeout => "was not whole in time: it ended",
        Phase::Stalled => "stood still",
        _ => "broke off",
    };
    let Begun { status, received } = begun;
    let bytes = if received == 1 { "byte" } else { "bytes" };
    format!("the answer ({status}) of {} {how} after {received} {bytes}", error.origin)
}

fn silent(error: &TransportError) -> String {
    let origin = &error.origin;
    let Some(proxy) = &error.proxy else { return format!("no answer from {origin}") };
    match error.phase {
        Phase::Connect | Phase::Proxy(ProxyProblem::Tls(_)) => format!("no answer from the proxy {proxy}"),
        Phase::Proxy(ProxyProblem::CredentialsRequired) => {
            format!("the proxy {proxy} wants a user name and a password")
        }
        Phase::Proxy(ProxyProblem::CredentialsRefused) => {
            format!("the proxy {proxy} does not accept its user name and password")
        }
        Phase::Proxy(ProxyProblem::NoWay) => format!("the proxy {proxy} makes no connection to {origin}"),
        _ => format!("no answer from {origin} through the proxy {proxy}"),
    }
}

fn outcome(error: &TransportError) -> &'static str {
    match (error.signing_in, error.was_sent()) {
        (true, _) if !error.before.is_empty() => ANEW,
        (true, _) => "signing in failed, no operation was sent",
        (false, true) if error.idempotent && error.method.is_safe() => "it was sent",
        (false, true) => "it may have been carried out",
        (false, false) if error.fetching => "the document was not fetched",
        (false, false) => "nothing was sent",
    }
}

impl Phase {
    /// Whether at least a part of the request was sent.
    #[must_use]
    pub fn was_sent(self) -> bool {
        matches!(self, Self::AnswerTimeout | Self::Stalled | Self::Broken)
    }

    /// Whether time ran out.
    #[must_use]
    pub fn is_timeout(self) -> bool {
        matches!(self, Self::ConnectTimeout | Self::AnswerTimeout | Self::Stalled)
    }
}

/// The service said no: a status beyond 2xx, or GraphQL errors.
#[derive(Debug)]
pub struct Refused {
    /// The operation with its service, or `METHOD /path`.
    pub operation: String,
    /// The service's short name.
    pub service: String,
    /// The method.
    pub method: Method,
    /// The URL without its query.
    pub url: String,
    /// The status of the answer.
    pub status: u16,
    /// What the body says, by `x-error`; several messages of GraphQL are joined by `; `.
    pub message: Option<String>,
    /// The service's own error code, by `x-error`.
    pub code: Option<String>,
    /// The identifier of the request in the service's logs.
    pub trace_id: Option<String>,
    /// The permission that the operation needs (`x-scope`), where the status is 403.
    pub scope: Option<String>,
    /// How long the service asks to wait.
    pub retry_after: Option<Duration>,
    /// Whether the errors came as GraphQL `errors[]`.
    pub graphql: bool,
    /// Whether a repeat may help: 408, 425, 429, 500, 502, 503, 504.
    pub retryable: bool,
    /// Whether a repeat changes nothing more: by the caller's word, the document's, an idempotency key, or the method.
    pub idempotent: bool,
    /// The whole answer.
    #[cfg(feature = "client")]
    pub response: crate::Response,
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.operation.split_once(':').map_or(self.operation.as_str(), |(_, id)| id);
        write!(f, "{} refused {id} with ", self.service)?;
        if self.graphql {
            f.write_str("GraphQL errors")?;
        } else {
            write!(f, "{}", self.status)?;
        }
        #[cfg(feature = "client")]
        f.write_str(&crate::attempt::counted(self.response.attempts()))?;
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        if let Some(trace) = &self.trace_id {
            write!(f, " (trace {trace})")?;
        }
        Ok(())
    }
}

/// The service said yes, in another shape than asked for.
#[derive(Debug, thiserror::Error)]
#[error("the answer of {operation} ({status}, {media_type}) is not what was asked for: {problem}")]
pub struct DecodeError {
    /// The operation with its service.
    pub operation: String,
    /// The status of the answer.
    pub status: u16,
    /// Its media type, `no content type` where it has none.
    pub media_type: String,
    /// What is wrong.
    pub problem: String,
    /// The attempts that were made.
    pub attempts: Vec<Attempt>,
    /// What the parser says.
    pub source: Option<serde_json::Error>,
}

/// A safety rule refused the call or its answer.
#[derive(Debug, Clone, Default, thiserror::Error)]
#[error("{problem}{}", answered(self))]
pub struct UnsafeError {
    /// Whether the operation was sent: true where it is the answer that is not taken in.
    pub sent: bool,
    /// What would have happened.
    pub problem: String,
    /// What to do.
    pub hint: Option<String>,
    /// The attempts that were made, where the operation was sent; else those of signing in, where it is signing in that
    /// would have done it.
    pub attempts: Vec<Attempt>,
}

#[cfg(feature = "client")]
impl UnsafeError {
    /// Whether the call may have been carried out, although its answer is not taken in.
    fn is_in_doubt(&self) -> bool {
        self.sent && self.attempts.iter().any(Attempt::may_have_acted)
    }
}

/// That the service has answered counts more than what became of its answer.
fn answered(error: &UnsafeError) -> String {
    let status = error.attempts.last().and_then(Attempt::answered);
    match status.filter(|_| error.sent) {
        Some(status) => format!("; the call was answered with {status}"),
        None => String::new(),
    }
}

/// A local file or stream failed.
#[derive(Debug, thiserror::Error)]
#[error("{action} failed")]
pub struct IoError {
    /// What was tried: `reading "a.bin"`.
    pub action: String,
    /// What the system says.
    pub source: std::io::Error,
}
