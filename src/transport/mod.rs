//! Sends requests: the one loop of attempts, its bounds of time and size, and what a failure means.
//!
//! Nothing is repeated, redirected or reused behind this loop's back: the HTTP library's own redirects, retries and
//! referrers are off. What an attempt brought is classified, then decided on in one place.

mod attempts;
mod body;
mod client;
mod connecting;
mod decode;
mod exchange;
mod failure;
mod fetch;
pub(crate) mod hint;
mod incoming;
mod limits;
mod pace;
mod reach;
mod tls;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderMap;
use url::Url;

use self::client::Clients;
use self::failure::{Cause, Failure};
use self::reach::Guard;
use crate::auth::SignInError;
use crate::error::{ConfigError, DecodeError, Error, Phase, TransportError, UnsafeError};
use crate::operation::Method;
use crate::request::Content;

pub(crate) use attempts::Call;
pub(crate) use client::ClientCertificate;
pub(crate) use fetch::Fetcher;
pub(crate) use incoming::Incoming;
pub(crate) use limits::Limits;
pub(crate) use pace::{Caller, Rate};

/// The bounds and ways of every request of a harness.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_time: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) max_body: u64,
    /// The user's own limit.
    pub(crate) rate: Option<Rate>,
    /// Whether requests are held back by what answers tell of a limit.
    pub(crate) learns: bool,
    pub(crate) user_agent: String,
    pub(crate) proxy: Option<String>,
    pub(crate) no_proxy: bool,
    /// Root certificates beside the platform's, in PEM.
    pub(crate) roots: Vec<Bytes>,
    pub(crate) certificate: Option<ClientCertificate>,
    /// Resolves names in place of the system, where not every address may be connected to.
    pub(crate) guard: Option<Guard>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            max_time: Duration::from_secs(300),
            idle_timeout: Duration::from_secs(30),
            max_body: 64 * 1024 * 1024,
            rate: None,
            learns: true,
            user_agent: concat!("opcall/", env!("CARGO_PKG_VERSION")).to_owned(),
            proxy: None,
            no_proxy: false,
            roots: Vec::new(),
            certificate: None,
            guard: None,
        }
    }
}

/// A request as it goes out, secrets included.
pub(crate) struct Wire {
    /// For errors: `service:id`, or `METHOD /path`.
    pub(crate) operation: String,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Content,
    /// In place of the settings' bounds.
    pub(crate) limits: Limits,
    /// Whether the body of a 2xx answer is left to whoever asked.
    pub(crate) is_streamed: bool,
    /// Whether it goes to a token endpoint, so that its failure means that the operation was not sent.
    pub(crate) signing_in: bool,
}

impl Wire {
    /// The URL without its query, in which a secret may stand.
    fn shown_url(&self) -> String {
        self.url.as_str().split(['?', '#']).next().unwrap_or_default().to_owned()
    }

    fn error(&self, phase: Phase, attempts: u32, source: Option<Cause>) -> TransportError {
        TransportError {
            operation: self.operation.clone(),
            method: self.method.clone(),
            url: self.shown_url(),
            origin: self.url.origin().ascii_serialization(),
            phase,
            signing_in: self.signing_in,
            fetching: false,
            attempts,
            source: source.map(Arc::from),
        }
    }
}

/// An answer with its whole body, or with what is to be read of it.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The body, where it was asked for as a stream and the status is 2xx.
    pub(crate) rest: Option<Incoming>,
}

/// Sends requests for all calls of a harness.
pub(crate) struct Transport {
    settings: Settings,
    clients: Clients,
}

impl Transport {
    /// Checks the settings as far as that costs nothing; TLS is configured when the first https request needs it.
    pub(crate) fn new(settings: Settings) -> Result<Self, ConfigError> {
        client::check(&settings)?;
        settings.rate.map_or(Ok(()), Rate::check)?;
        Ok(Self { settings, clients: Clients::default() })
    }

    /// Whether connections carry a client certificate.
    pub(crate) fn has_certificate(&self) -> bool {
        self.settings.certificate.is_some()
    }

    /// Sends one request once: for token endpoints, which have no credentials to renew.
    pub(crate) async fn send_once(&self, wire: &Wire) -> Result<Answer, SignInError> {
        let outcome = self.attempt(wire, &AtomicBool::default()).await;
        outcome.map_err(|failure| failure.into_sign_in_error(wire))
    }
}

impl Failure {
    fn into_error(self, wire: &Wire, attempts: u32) -> Error {
        self.into_error_of(wire.error(Phase::Broken, attempts, None))
    }

    /// The error of a request, of which `known` says what it was.
    pub(crate) fn into_error_of(self, known: TransportError) -> Error {
        let sent = !known.signing_in && !known.fetching;
        match self {
            Self::Network(phase, source) => {
                TransportError { phase, source: source.map(Arc::from), ..known }.into()
            }
            Self::Config(error) => error.into(),
            Self::File(error) => error.into(),
            Self::Unsendable(problem) => UnsafeError { sent: false, problem, hint: None }.into(),
            Self::TooLarge(limit) => too_large(limit, sent).into(),
            Self::Harmful { problem, hint } => {
                UnsafeError { sent, problem, hint: hint.map(str::to_owned) }.into()
            }
            Self::Undecodable { status, media_type, problem } => {
                DecodeError { operation: known.operation, status, media_type, problem, source: None }.into()
            }
        }
    }

    fn into_sign_in_error(self, wire: &Wire) -> SignInError {
        match self {
            Self::Network(phase, source) => SignInError::Transport(wire.error(phase, 1, source)),
            Self::Config(error) => SignInError::Config(error),
            Self::TooLarge(limit) => SignInError::Unsafe(too_large(limit, false)),
            other => SignInError::Unsafe(UnsafeError { sent: false, problem: other.to_string(), hint: None }),
        }
    }
}

fn too_large(limit: u64, sent: bool) -> UnsafeError {
    UnsafeError {
        sent,
        problem: format!("the answer is larger than {limit} bytes"),
        hint: Some("raise the limit (`max_body`) if such an answer is expected.".to_owned()),
    }
}
