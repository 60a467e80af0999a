//! Sends requests: the one loop of attempts, its bounds of time and size, and what a failure means.
//!
//! Nothing is repeated, redirected or reused behind this loop's back: the HTTP library's own redirects, retries and
//! referrers are off. What an attempt brought is classified, then decided on in one place.

mod body;
mod client;
mod connecting;
mod failure;
mod tls;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderMap};
use url::Url;

use self::client::Clients;
use self::failure::Failure;
use crate::auth::SignInError;
use crate::error::{ConfigError, Error, Phase, Result, TransportError, UnsafeError};
use crate::operation::Method;
use crate::request::Content;

pub(crate) use client::ClientCertificate;

/// The bounds and ways of every request of a harness.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_time: Duration,
    pub(crate) max_body: u64,
    pub(crate) user_agent: String,
    pub(crate) proxy: Option<String>,
    pub(crate) no_proxy: bool,
    /// Root certificates beside the platform's, in PEM.
    pub(crate) roots: Vec<Bytes>,
    pub(crate) certificate: Option<ClientCertificate>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            max_time: Duration::from_secs(300),
            max_body: 64 * 1024 * 1024,
            user_agent: concat!("opcall/", env!("CARGO_PKG_VERSION")).to_owned(),
            proxy: None,
            no_proxy: false,
            roots: Vec::new(),
            certificate: None,
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

/// One call, seen from the loop: it makes its request anew for each attempt.
pub(crate) trait Call: Send {
    /// The request as it goes out now, signed in.
    fn wire(&mut self) -> impl Future<Output = Result<Wire>> + Send;

    /// Whether an answer refuses credentials that can be had anew; the next request then has new ones.
    fn renews(&mut self, answer: &Answer) -> bool;

    /// The error for a call whose whole time ran out before anything was sent.
    fn out_of_time(&self) -> TransportError;
}

/// What an attempt's outcome asks for.
enum Next {
    Again,
    Stop,
}

/// What is known of a call while it runs, and after its time ran out.
#[derive(Default)]
struct Progress {
    attempts: u32,
    lost: Option<TransportError>,
    /// Whether nothing of the last attempt's request was sent.
    unsent: AtomicBool,
}

impl Progress {
    /// What was under way when the whole time ran out.
    fn lost(self) -> Option<TransportError> {
        let unsent = self.unsent.into_inner();
        let phase = if unsent { Phase::ConnectTimeout } else { Phase::AnswerTimeout };
        self.lost.map(|lost| TransportError { phase, ..lost })
    }
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
        Ok(Self { settings, clients: Clients::default() })
    }

    /// Whether connections carry a client certificate.
    pub(crate) fn has_certificate(&self) -> bool {
        self.settings.certificate.is_some()
    }

    /// Makes a call: attempts until one is final or the whole time is over. Returns the answer and how many requests
    /// it took.
    pub(crate) async fn send(&self, call: &mut impl Call) -> Result<(Answer, u32)> {
        let mut progress = Progress::default();
        let outcome = tokio::time::timeout(self.settings.max_time, self.attempts(call, &mut progress)).await;
        outcome.unwrap_or_else(|_| Err(progress.lost().unwrap_or_else(|| call.out_of_time()).into()))
    }

    async fn attempts(&self, call: &mut impl Call, progress: &mut Progress) -> Result<(Answer, u32)> {
        loop {
            let wire = call.wire().await?;
            progress.attempts += 1;
            progress.lost = Some(wire.error(Phase::AnswerTimeout, progress.attempts, None));
            let outcome = self.attempt(&wire, &progress.unsent).await;
            match decide(call, &outcome) {
                Next::Again => {
                    progress.lost = None;
                    tracing::debug!(operation = wire.operation, "once more with new credentials");
                }
                Next::Stop => {
                    let attempts = progress.attempts;
                    return outcome
                        .map(|answer| (answer, attempts))
                        .map_err(|failure| failure.into_error(&wire, attempts));
                }
            }
        }
    }

    /// Sends one request once: for token endpoints, which have no credentials to renew.
    pub(crate) async fn send_once(&self, wire: &Wire) -> Result<Answer, SignInError> {
        let outcome = self.attempt(wire, &AtomicBool::default()).await;
        outcome.map_err(|failure| failure.into_sign_in_error(wire))
    }

    async fn attempt(&self, wire: &Wire, unsent: &AtomicBool) -> Result<Answer, Failure> {
        let url = wire.shown_url();
        tracing::debug!(operation = wire.operation, method = %wire.method, url, "sending");
        unsent.store(true, Ordering::Relaxed);
        let outcome = self.exchange(wire, unsent).await;
        match &outcome {
            Ok(answer) => tracing::debug!(status = answer.status, length = answer.body.len(), "answered"),
            Err(failure) => tracing::debug!(%failure, "failed"),
        }
        outcome
    }

    async fn exchange(&self, wire: &Wire, unsent: &AtomicBool) -> Result<Answer, Failure> {
        let client = self.clients.get(&wire.url, &self.settings)?;
        let method = reqwest::Method::from_bytes(wire.method.as_str().as_bytes())
            .map_err(|_| Failure::refuse("the method cannot be sent"))?;
        let builder = client.request(method, wire.url.clone()).headers(wire.headers.clone());
        let builder = builder.timeout(wire.timeout.unwrap_or(self.settings.timeout));
        let mut request = body::attach(builder, &wire.content).await?;
        if let Content::Multipart(_) = wire.content {
            body::keep_media_type(&mut request, wire.headers.get(CONTENT_TYPE));
        }
        let sent = connecting::watched(client.execute(request), unsent).await;
        let unsent = unsent.swap(false, Ordering::Relaxed);
        let response = sent.map_err(|error| Failure::before_answer(error, self.has_certificate(), unsent))?;
        self.read(response, wire.largest.unwrap_or(self.settings.max_body)).await
    }

    /// Reads a body to its end, counted after content decoding.
    async fn read(&self, mut response: reqwest::Response, largest: u64) -> Result<Answer, Failure> {
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(Failure::broken)? {
            if (body.len() + chunk.len()) as u64 > largest {
                return Err(Failure::TooLarge(largest));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body: body.freeze() })
    }
}

/// Decides what follows an attempt: a renewal of refused credentials, or the end.
fn decide(call: &mut impl Call, outcome: &Result<Answer, Failure>) -> Next {
    match outcome {
        Ok(answer) if call.renews(answer) => Next::Again,
        _ => Next::Stop,
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
