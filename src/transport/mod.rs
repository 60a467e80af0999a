//! Sends requests: the one loop of attempts, its bounds of time and size, and what a failure means.
//!
//! Nothing is repeated, redirected or reused behind this loop's back: the HTTP library's own redirects, retries and
//! referrers are off. What an attempt brought is classified, then decided on in one place.

mod attempts;
mod body;
mod client;
mod connecting;
mod exchange;
mod failure;
mod fetch;
pub(crate) mod hint;
mod pace;
mod reach;
mod tls;

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderMap;
use url::Url;

use self::client::Clients;
use self::failure::Failure;
use self::reach::Guard;
use crate::auth::SignInError;
use crate::error::{ConfigError, Error, Phase, TransportError, UnsafeError};
use crate::operation::Method;
use crate::request::Content;

pub(crate) use attempts::Call;
pub(crate) use client::ClientCertificate;
pub(crate) use fetch::Fetcher;
pub(crate) use pace::{Caller, Rate};

/// The bounds and ways of every request of a harness.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_time: Duration,
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
    /// In place of the settings' timeout for one attempt.
    pub(crate) timeout: Option<Duration>,
    /// In place of the settings' bound of the answer's body, in bytes.
    pub(crate) largest: Option<u64>,
    /// Whether it goes to a token endpoint, so that its failure means that the operation was not sent.
    pub(crate) signing_in: bool,
}

impl Wire {
    /// The URL without its query, in which a secret may stand.
    fn shown_url(&self) -> String {
        self.url.as_str().split(['?', '#']).next().unwrap_or_default().to_owned()
    }

    fn error(&self, phase: Phase, attempts: u32, source: Option<reqwest::Error>) -> TransportError {
        TransportError {
            operation: self.operation.clone(),
            method: self.method.clone(),
            url: self.shown_url(),
            origin: self.url.origin().ascii_serialization(),
            phase,
            signing_in: self.signing_in,
            fetching: false,
            attempts,
            source: source.map(|source| std::sync::Arc::new(source.without_url()) as _),
        }
    }
}

/// An answer with its whole body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
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
        match self {
            Self::Network(phase, source) => wire.error(phase, attempts, source).into(),
            Self::Config(error) => error.into(),
            Self::File(error) => error.into(),
            Self::Unsendable(problem) => UnsafeError { sent: false, problem, hint: None }.into(),
            Self::TooLarge(limit) => too_large(limit, !wire.signing_in).into(),
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
        hint: Some("raise the limit if such an answer is expected.".to_owned()),
    }
}
