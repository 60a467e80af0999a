//! Sends requests: the one loop of attempts, its bounds of time and size, and what a failure means.
//!
//! Nothing is repeated, redirected or reused behind this loop's back: the HTTP library's own redirects, retries and
//! referrers are off. What an attempt brought is classified, then decided on in one place.

mod attempts;
mod body;
mod budget;
mod client;
mod connecting;
mod decode;
mod ended;
mod exchange;
mod failure;
mod fetch;
pub(crate) mod hint;
mod incoming;
mod limits;
mod network;
mod pace;
mod progress;
mod proxy;
mod question;
mod reach;
mod redirect;
mod retry;
mod swept;
mod tls;

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue, USER_AGENT};
use secrecy::SecretString;
use tokio::time::Instant;
use url::Url;

use self::budget::Budgets;
use self::client::Clients;
use self::failure::Cause;
use self::network::Route;
use self::pace::Pace;
use self::reach::Guard;
use crate::attempt::{Attempt, Outcome};
use crate::auth::SignInError;
use crate::boxed::boxed;
use crate::error::{ConfigError, DecodeError, Error, HeldBack, Phase, TransportError, UnsafeError};
use crate::operation::Method;
use crate::profile::{PlainHttp, origin_of};
use crate::request::Content;
use crate::watch::Watch;

pub(crate) use attempts::Call;
pub(crate) use client::ClientCertificate;
pub(crate) use exchange::complete;
pub(crate) use failure::Failure;
pub(crate) use fetch::Fetcher;
pub(crate) use incoming::Incoming;
pub(crate) use limits::{Limits, Patience, is_time_of_the_call};
pub use network::Network;
pub(crate) use network::network_methods;
pub(crate) use pace::{Caller, Held, Rate};
pub(crate) use question::Reply;
pub(crate) use redirect::{Asked, Hop, Trail};
pub use retry::RetryPolicy;
pub(crate) use retry::{Terms, check_repeats};

/// The bounds and ways of every request of a harness.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) timeout: Duration,
    pub(crate) max_time: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) max_body: u64,
    /// The user's own limit.
    pub(crate) rate: Option<Rate>,
    /// Whether requests are held back by what answers tell of a limit.
    pub(crate) learns: bool,
    pub(crate) retry: RetryPolicy,
    pub(crate) user_agent: String,
    pub(crate) network: Network,
    /// Whether the user lets what is secret go over plain http to other machines.
    pub(crate) allow_http: bool,
    /// So many redirects of a call are followed.
    pub(crate) follow: u32,
    /// Resolves names in place of the system, where not every address may be connected to.
    pub(crate) guard: Option<Guard>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            max_time: Duration::from_secs(300),
            idle_timeout: Duration::from_secs(30),
            max_body: 64 * 1024 * 1024,
            rate: None,
            learns: true,
            retry: RetryPolicy::default(),
            user_agent: concat!("opcall/", env!("CARGO_PKG_VERSION")).to_owned(),
            network: Network::new(),
            allow_http: false,
            follow: 0,
            guard: None,
        }
    }
}

impl Settings {
    /// What may go over plain http: with a proxy elsewhere not even what is meant for this machine stays on it.
    pub(crate) fn plain_http(&self) -> PlainHttp {
        match &self.network.route {
            _ if self.allow_http => PlainHttp::Anywhere,
            Route::Through(Some(proxy)) if !proxy.is_here() => PlainHttp::Nowhere,
            _ => PlainHttp::ThisMachine,
        }
    }
}

/// A request as it goes out, secrets included.
#[derive(Clone)]
pub(crate) struct Wire {
    /// For errors: `service:id`, or `METHOD /path`.
    pub(crate) operation: Arc<str>,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Option<Arc<Content>>,
    /// In place of the settings' bounds.
    pub(crate) limits: Limits,
    /// Whether the body of a 2xx answer is left to whoever asked.
    pub(crate) is_streamed: bool,
    /// Whether it goes to a token endpoint, so that its failure means that the operation was not sent.
    pub(crate) signing_in: bool,
    pub(crate) link: Link,
    /// The URL as logs and errors show it, where a service named it; else it is shown without its query.
    pub(crate) shown: Option<String>,
}

/// The connection that a request wants, and the one that it got.
#[derive(Debug, Clone, Default)]
pub(crate) struct Link {
    /// The client certificate of the account, in place of the settings'.
    pub(crate) certificate: Option<ClientCertificate>,
    /// The proxy that it was given to, known when it failed.
    proxy: OnceLock<String>,
}

impl Link {
    /// A connection that shows an account's client certificate where it leads to the account's own address.
    pub(crate) fn showing(certificate: Option<&ClientCertificate>, url: &Url, address: &str) -> Self {
        let is_own = || origin_of(address).is_some_and(|origin| origin == url.origin());
        Self { certificate: certificate.filter(|_| is_own()).cloned(), proxy: OnceLock::new() }
    }
}

impl Wire {
    /// For logs and errors: without the query, in which a secret may stand.
    fn shown_url(&self) -> String {
        self.shown.clone().unwrap_or_else(|| self.bare_url().to_owned())
    }

    /// The URL without its query.
    pub(crate) fn bare_url(&self) -> &str {
        self.url.as_str().split(['?', '#']).next().unwrap_or_default()
    }

    fn error(&self, phase: Phase, attempts: Vec<Attempt>, source: Option<Cause>) -> TransportError {
        TransportError {
            operation: self.operation.as_ref().to_owned(),
            method: self.method.clone(),
            url: self.shown_url(),
            origin: self.url.origin().ascii_serialization(),
            phase,
            signing_in: self.signing_in,
            fetching: false,
            proxy: self.link.proxy.get().cloned(),
            attempts,
            sign_in: Vec::new(),
            before: Vec::new(),
            idempotent: self.method.is_idempotent(),
            source: source.map(Arc::from),
        }
    }
}

/// An answer with its whole body, or with what is to be read of it.
pub(crate) struct Answer {
    /// Apart, for an answer is handed from room to room.
    pub(crate) arrived: Box<Arrived>,
    /// The body, where it was asked for as a stream and the status is 2xx.
    pub(crate) rest: Option<Box<Incoming>>,
}

/// What came of an answer.
#[derive(Clone)]
pub(crate) struct Arrived {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// All attempts of the call, this one the last; none of an answer that is not a call's.
    pub(crate) attempts: Vec<Attempt>,
}

impl Answer {
    pub(crate) fn new(status: u16, headers: HeaderMap, body: Bytes) -> Self {
        Self { arrived: boxed!(Arrived { status, headers, body, attempts: Vec::new() }), rest: None }
    }
}

impl Deref for Answer {
    type Target = Arrived;

    fn deref(&self) -> &Arrived {
        &self.arrived
    }
}

impl DerefMut for Answer {
    fn deref_mut(&mut self) -> &mut Arrived {
        &mut self.arrived
    }
}

/// What an attempt brought. Its failure is in a box, for it is handed from room to room as well.
type Tried = Result<Answer, Box<Failure>>;

/// Sends requests for all calls of a harness. Cheap to clone: connections and budgets are shared.
#[derive(Clone)]
pub(crate) struct Transport {
    shared: Arc<Shared>,
    /// When the call ends that this is for.
    deadline: Option<Instant>,
    /// How long it may take.
    limit: Option<Duration>,
    /// What it gives to signing in.
    patience: Option<Patience>,
    /// Who is told when the call is sent.
    watch: Option<Watch>,
}

/// What all calls of a harness have in common.
pub(crate) struct Shared {
    settings: Settings,
    clients: Clients,
    budgets: Arc<Budgets>,
    pace: Pace,
    plain_http: PlainHttp,
}

impl Deref for Transport {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Transport {
    /// Checks the settings as far as that costs nothing; TLS is configured when the first https request needs it.
    pub(crate) fn new(settings: Settings) -> Result<Self, ConfigError> {
        client::check(&settings)?;
        settings.rate.map_or(Ok(()), Rate::check)?;
        settings.retry.check()?;
        let (pace, plain_http) = (Pace::new(settings.learns, settings.rate), settings.plain_http());
        let (clients, budgets) = (Clients::default(), Arc::default());
        let shared = Shared { settings, clients, budgets, pace, plain_http };
        Ok(Self { shared: Arc::new(shared), deadline: None, limit: None, patience: None, watch: None })
    }

    /// The transport of one call, which ends in time, signing in, repeats and waits included, in that of the settings.
    pub(crate) fn for_usual_call(&self) -> Self {
        let limit = self.settings.max_time;
        let (deadline, shared) = (Some(deadline(limit)), Arc::clone(&self.shared));
        Self { deadline, limit: Some(limit), patience: None, shared, watch: None }
    }

    /// The same of a call that may have a time of its own. Its limits and its number of repeats bind its signing in too.
    pub(crate) fn for_call(&self, limits: &Limits, repeats: Option<u32>) -> Self {
        let limit = limits.max_time.unwrap_or(self.settings.max_time);
        let patience = Some(self.settings.patience(limits, repeats));
        let (deadline, shared) = (Some(deadline(limit)), Arc::clone(&self.shared));
        Self { deadline, limit: Some(limit), patience, shared, watch: None }
    }

    /// The same, telling when the call is sent.
    pub(crate) fn watched_by(self, watch: Option<Watch>) -> Self {
        Self { watch, ..self }
    }

    /// How long the call may take.
    fn whole_time(&self) -> Duration {
        self.limit.unwrap_or(self.settings.max_time)
    }

    fn deadline(&self) -> Instant {
        self.deadline.unwrap_or_else(|| deadline(self.settings.max_time))
    }

    /// How much signing in is given.
    pub(crate) fn patience(&self) -> Patience {
        self.patience.unwrap_or_else(|| self.settings.patience(&Limits::default(), None))
    }

    /// Header fields with the one that names this client, which the HTTP library would else add to each request.
    pub(crate) fn named(&self, headers: &HeaderMap) -> HeaderMap {
        let mut headers = headers.clone();
        if let Ok(name) = HeaderValue::from_str(&self.settings.user_agent) {
            headers.entry(USER_AGENT).or_insert(name);
        }
        headers
    }

    /// How much of the call's time is left.
    pub(crate) fn time_left(&self) -> Duration {
        self.deadline().saturating_duration_since(Instant::now())
    }

    /// So many redirects of a call are followed, unless the call says otherwise.
    pub(crate) fn follows(&self) -> u32 {
        self.settings.follow
    }

    /// Whether there is no proxy on the way that is told anything.
    pub(crate) fn has_no_proxy(&self) -> bool {
        self.clients.has_no_proxy(&self.settings.network.route)
    }

    /// What the proxies on the way are told of their users.
    pub(crate) fn proxy_secrets(&self) -> impl Iterator<Item = SecretString> {
        self.clients.proxy_secrets(&self.settings.network.route)
    }

    /// Whether all connections show a client certificate.
    pub(crate) fn has_certificate(&self) -> bool {
        self.settings.network.certificate.is_some()
    }

    /// What may go over plain http.
    pub(crate) fn plain_http(&self) -> PlainHttp {
        self.plain_http
    }
}

/// When a time is over that begins now.
fn deadline(time: Duration) -> Instant {
    after(Instant::now(), time)
}

/// When a time is over that begins at another; one that no clock reaches is about 30 years.
fn after(start: Instant, time: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
    start.checked_add(time).unwrap_or_else(|| start + FAR)
}

impl Failure {
    /// What is told of an attempt that failed so.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Network(phase, _) => Outcome::Failed(*phase),
            _ => Outcome::Local,
        }
    }

    /// Whether at least a part of the request was sent.
    fn was_sent(&self) -> bool {
        match self {
            Self::Network(phase, _) => phase.was_sent(),
            Self::TooLarge(_) | Self::Harmful { .. } | Self::Undecodable { .. } => true,
            Self::Held(_) | Self::Config(_) | Self::File(_) | Self::Unsendable(_) => false,
        }
    }

    pub(crate) fn into_error(self, wire: &Wire, attempts: Vec<Attempt>) -> Error {
        // These know no attempts: they are about a request that was not made.
        let before = match &self {
            Self::Held(_) | Self::Config(_) | Self::File(_) | Self::Unsendable(_) => attempts.clone(),
            _ => Vec::new(),
        };
        self.into_error_of(wire.error(Phase::Broken, attempts, None))
            .after(before, wire.operation.as_ref().to_owned())
    }

    /// The error of a request, of which `known` says what it was.
    pub(crate) fn into_error_of(self, known: TransportError) -> Error {
        let sent = !known.signing_in && !known.fetching;
        match self {
            Self::Network(phase, source) => {
                TransportError { phase, source: source.map(Arc::from), ..known }.into()
            }
            Self::Held(held) => held_back(held, known).into(),
            Self::Config(error) => error.into(),
            Self::File(error) => error.into(),
            Self::Unsendable(problem) => UnsafeError { problem, hint: None, ..UnsafeError::default() }.into(),
            Self::TooLarge(limit) => too_large(limit, sent, known.attempts).into(),
            Self::Harmful { problem, hint } => {
                UnsafeError { sent, problem, hint: hint.map(str::to_owned), attempts: known.attempts }.into()
            }
            Self::Undecodable { status, media_type, problem } => {
                let TransportError { operation, attempts, .. } = known;
                DecodeError { operation, status, media_type, problem, attempts, source: None }.into()
            }
        }
    }

    fn into_sign_in_error(self, wire: &Wire, attempts: Vec<Attempt>) -> SignInError {
        match self {
            Self::Network(phase, source) => wire.error(phase, attempts, source).into(),
            Self::Held(held) => held_back(held, wire.error(Phase::Broken, attempts, None)).into(),
            Self::Config(error) => SignInError::Config(error),
            Self::TooLarge(limit) => SignInError::Unsafe(too_large(limit, false, attempts)),
            other => SignInError::Unsafe(UnsafeError {
                problem: other.to_string(),
                hint: None,
                ..UnsafeError::default()
            }),
        }
    }
}

fn held_back(held: Held, known: TransportError) -> HeldBack {
    let TransportError { operation, method, url, origin, signing_in, attempts, .. } = known;
    let Held { wait: retry_after, reason } = held;
    HeldBack { operation, method, url, origin, signing_in, retry_after, reason, attempts }
}

fn too_large(limit: u64, sent: bool, attempts: Vec<Attempt>) -> UnsafeError {
    UnsafeError {
        sent,
        problem: format!("the answer is larger than {limit} bytes"),
        hint: Some("raise the limit (`max_body`) if such an answer is expected.".to_owned()),
        attempts,
    }
}
