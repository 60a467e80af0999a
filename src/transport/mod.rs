//! Sends requests: the one loop of attempts, its bounds of time and size, and what a failure means.
//!
//! Nothing is repeated, redirected or reused behind this loop's back: the HTTP library's own redirects, retries and
//! referrers are off. What an attempt brought is classified, then decided on in one place.

mod attempts;
mod body;
mod budget;
mod client;
mod connecting;
mod exchange;
mod failure;
mod fetch;
pub(crate) mod hint;
mod question;
mod reach;
mod retry;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderMap;
use tokio::time::Instant;
use url::Url;

use self::budget::Budgets;
use self::client::Clients;
use self::reach::Guard;
use crate::attempt::{Attempt, Outcome};
use crate::auth::SignInError;
use crate::error::{ConfigError, Error, Phase, TransportError, UnsafeError};
use crate::operation::Method;
use crate::request::Content;

pub(crate) use attempts::Call;
pub(crate) use client::ClientCertificate;
pub(crate) use failure::Failure;
pub(crate) use fetch::Fetcher;
pub use retry::RetryPolicy;
pub(crate) use retry::{Terms, check_repeats};

/// The bounds and ways of every request of a harness.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_time: Duration,
    pub(crate) max_body: u64,
    pub(crate) retry: RetryPolicy,
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
            retry: RetryPolicy::default(),
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
#[derive(Clone)]
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

    fn error(&self, phase: Phase, attempts: Vec<Attempt>, source: Option<reqwest::Error>) -> TransportError {
        TransportError {
            operation: self.operation.clone(),
            method: self.method.clone(),
            url: self.shown_url(),
            origin: self.url.origin().ascii_serialization(),
            phase,
            signing_in: self.signing_in,
            fetching: false,
            attempts,
            source: source.map(|source| Arc::new(source.without_url()) as _),
        }
    }
}

/// An answer with its whole body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// All attempts of the call, this one the last; none of an answer that is not a call's.
    pub(crate) attempts: Vec<Attempt>,
}

/// Sends requests for all calls of a harness. Cheap to clone: connections and budgets are shared.
#[derive(Clone)]
pub(crate) struct Transport {
    settings: Arc<Settings>,
    clients: Arc<Clients>,
    budgets: Arc<Budgets>,
    /// When the call ends that this is for.
    deadline: Option<Instant>,
}

impl Transport {
    /// Checks the settings as far as that costs nothing; TLS is configured when the first https request needs it.
    pub(crate) fn new(settings: Settings) -> Result<Self, ConfigError> {
        client::check(&settings)?;
        settings.retry.check()?;
        let settings = Arc::new(settings);
        Ok(Self { settings, clients: Arc::default(), budgets: Arc::default(), deadline: None })
    }

    /// The transport of one call, which ends in time: signing in, repeats and waits included.
    pub(crate) fn for_call(&self) -> Self {
        Self { deadline: Some(self.deadline()), ..self.clone() }
    }

    fn deadline(&self) -> Instant {
        /// In place of a time that no clock reaches: about 30 years.
        const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
        let now = Instant::now();
        self.deadline.or_else(|| now.checked_add(self.settings.max_time)).unwrap_or_else(|| now + FAR)
    }

    /// Whether connections carry a client certificate.
    pub(crate) fn has_certificate(&self) -> bool {
        self.settings.certificate.is_some()
    }
}

impl Failure {
    /// What is told of an attempt that failed so.
    fn outcome(&self) -> Outcome {
        match self {
            Self::Network(phase, _) => Outcome::Failed(*phase),
            _ => Outcome::Local,
        }
    }

    /// Whether at least a part of the request was sent.
    fn was_sent(&self) -> bool {
        match self {
            Self::Network(phase, _) => phase.was_sent(),
            Self::TooLarge(_) => true,
            Self::Config(_) | Self::File(_) | Self::Unsendable(_) => false,
        }
    }

    pub(crate) fn into_error(self, wire: &Wire, attempts: Vec<Attempt>) -> Error {
        match self {
            Self::Network(phase, source) => wire.error(phase, attempts, source).into(),
            Self::Config(error) => error.into(),
            Self::File(error) => error.into(),
            Self::Unsendable(problem) => UnsafeError { sent: false, problem, hint: None }.into(),
            Self::TooLarge(limit) => too_large(limit, !wire.signing_in).into(),
        }
    }

    fn into_sign_in_error(self, wire: &Wire, attempts: Vec<Attempt>) -> SignInError {
        match self {
            Self::Network(phase, source) => wire.error(phase, attempts, source).into(),
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
