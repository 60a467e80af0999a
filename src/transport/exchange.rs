//! One attempt: a request goes out once, and its answer is read within its bounds.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderValue, RANGE, TRANSFER_ENCODING,
};
use reqwest::Version;
use tokio::time::Instant;
use url::Url;

use super::failure::Failure;
use super::incoming::{Bounds, Incoming};
use super::limits::{Span, TimedOut, by, is_large};
use super::proxy::Proxy;
use super::{Answer, Link, Transport, Tried, Wire, body, connecting, decode, ended};
use crate::attempt::Begun;
use crate::error::Phase;
use crate::operation::Method;
use crate::request::Content;
use crate::watch::Watch;

/// What is seen of an attempt while it runs, for whoever ends it.
#[derive(Debug, Default)]
pub(super) struct Sight {
    /// Whether nothing of the request was sent.
    pub(super) unsent: AtomicBool,
    /// The status of its answer, 0 before there is one.
    status: AtomicU16,
    /// How many bytes of the answer's body came.
    received: AtomicU64,
}

impl Sight {
    fn begin(&self) {
        self.unsent.store(true, Ordering::Relaxed);
        self.status.store(0, Ordering::Relaxed);
        self.received.store(0, Ordering::Relaxed);
    }

    fn count(&self, received: u64) {
        self.received.store(received, Ordering::Relaxed);
    }

    /// What came of an answer.
    pub(super) fn begun(&self) -> Option<Begun> {
        let status = self.status.load(Ordering::Relaxed);
        (status > 0).then(|| Begun { status, received: self.received.load(Ordering::Relaxed) })
    }
}

impl Transport {
    /// Makes a request as the HTTP library takes it, and does not send it.
    pub(crate) async fn made(
        &self,
        (method, content): (&Method, Option<&Content>),
        (url, mut headers): (Url, HeaderMap),
        link: &Link,
    ) -> Result<(), Failure> {
        let (client, _) = self.clients.get(&url, link, &self.settings)?;
        let mut request = reqwest::Request::new(known(method)?, url);
        std::mem::swap(request.headers_mut(), &mut headers);
        if let Some(content) = content {
            request = Box::pin(with_body(&client, request, content)).await?;
        }
        std::hint::black_box(&request);
        Ok(())
    }

    /// How long an attempt may take.
    pub(super) fn timeout(&self, wire: &Wire) -> Duration {
        wire.limits.timeout.unwrap_or(self.settings.timeout)
    }

    /// Sends a request once. Its header fields, secrets among them, go with it: none of what is sent is left in `wire`.
    pub(super) async fn attempt(&self, wire: &mut Wire, sight: &Sight, until: Instant) -> Tried {
        log_request(wire);
        sight.begin();
        let answer = by(until, pin!(self.answer(wire, sight))).await;
        let outcome = answer.unwrap_or_else(|| {
            let is_unsent = sight.unsent.load(Ordering::Relaxed);
            let phase = if is_unsent { Phase::ConnectTimeout } else { Phase::AnswerTimeout };
            Err(Failure::late(phase, TimedOut { span: Span::Attempt, limit: self.timeout(wire) }).into())
        });
        log_outcome(&outcome);
        outcome
    }

    /// Its body is read to its end, or left to whoever streams it. What refuses the call is always read.
    async fn answer(&self, wire: &mut Wire, sight: &Sight) -> Tried {
        let client = self.clients.get(&wire.url, &wire.link, &self.settings);
        let (client, proxy) = client.map_err(Failure::from)?;
        let mut request = bodiless(wire)?;
        let wire = &*wire;
        if let Some(content) = &wire.content {
            // What hardly a request needs stands apart: each would have to make room for it.
            request = Box::pin(with_body(&client, request, content)).await?;
        }
        let limit = wire.limits.connect_timeout.unwrap_or(self.settings.network.connect_timeout);
        let watch = self.watch.as_ref().filter(|_| !wire.signing_in);
        let sent = connecting::watched(pin!(client.execute(request)), limit, (&sight.unsent, watch)).await;
        let unsent = sight.unsent.swap(false, Ordering::Relaxed);
        let mut response = match sent {
            Ok(response) => response,
            Err(error) => return Err(self.unanswered(error, wire, proxy.as_ref(), (unsent, watch)).into()),
        };
        watch.inspect(|watch| watch.tell());
        if let Some(proxy) = proxy.filter(|proxy| response.status() == 407 && proxy.forwards(&wire.url)) {
            let refused = Failure::Network(Phase::Proxy(proxy.wants_credentials()), None);
            return Err(refused.through(Some(&proxy), wire).into());
        }
        sight.status.store(response.status().as_u16(), Ordering::Relaxed);
        if let Some(watch) = watch {
            watch.answered(response.status().as_u16());
        }
        if is_large(response.headers()) {
            return Err(Failure::large_head().into());
        }
        let status = response.status();
        let is_absent = wire.method == Method::Head || matches!(status.as_u16(), 204 | 304);
        let mut answer = Answer::new(status.as_u16(), std::mem::take(response.headers_mut()), Bytes::new());
        if response.version() == Version::HTTP_2 && !is_absent {
            response = ended::checked(response);
        }
        if wire.is_streamed && status.is_success() {
            let idle = wire.limits.idle_timeout.unwrap_or(self.settings.idle_timeout);
            let end = wire.limits.max_time.map(|limit| (self.deadline(), limit));
            let bounds = Bounds { largest: None, idle: Some(idle), end, is_absent };
            answer.rest = Some(Box::new(Incoming::of(response, &mut answer.headers, bounds)?));
            return Ok(answer);
        }
        let largest = wire.limits.max_body.unwrap_or(self.settings.max_body);
        answer.body = if answer.headers.contains_key(CONTENT_ENCODING) && !is_absent {
            Box::pin(decoded(response, &mut answer.headers, largest, sight)).await?
        } else {
            plain(&mut response, largest, is_absent, sight).await?
        };
        Ok(answer)
    }

    /// What it means that no head of an answer came.
    #[cold]
    fn unanswered(
        &self,
        error: reqwest::Error,
        wire: &Wire,
        proxy: Option<&Proxy>,
        (unsent, watch): (bool, Option<&Watch>),
    ) -> Failure {
        let has_certificate = wire.link.certificate.is_some() || self.has_certificate();
        let judged = Failure::before_answer(error, has_certificate, unsent).through(proxy, wire);
        let failure = judged.encrypted(wire.url.scheme() == "https");
        watch.filter(|_| failure.was_sent()).inspect(|watch| watch.tell());
        failure
    }
}

/// Tells the log of a request. It stands apart like [`log_outcome`], for most logs want neither.
#[inline(never)]
fn log_request(wire: &Wire) {
    tracing::debug!(operation = &*wire.operation, method = %wire.method, url = wire.shown_url(), "sending");
}

#[inline(never)]
fn log_outcome(outcome: &Tried) {
    match outcome {
        Ok(answer) => tracing::debug!(status = answer.status, length = answer.body.len(), "answered"),
        Err(failure) => tracing::debug!(%failure, "failed"),
    }
}

/// A method, as the HTTP library takes it.
fn known(method: &Method) -> Result<reqwest::Method, Failure> {
    match method {
        Method::Get => Ok(reqwest::Method::GET),
        Method::Post => Ok(reqwest::Method::POST),
        other => reqwest::Method::from_bytes(other.as_str().as_bytes())
            .map_err(|_| Failure::refuse("the method cannot be sent")),
    }
}

/// A request without its body, as the HTTP library takes it. It stands apart, for what is borrowed in a future has its
/// place there to the end.
fn bodiless(wire: &mut Wire) -> Result<reqwest::Request, Failure> {
    let mut request = reqwest::Request::new(known(&wire.method)?, wire.url.clone());
    std::mem::swap(request.headers_mut(), &mut wire.headers);
    Ok(request)
}

/// A request with its body.
async fn with_body(
    client: &reqwest::Client,
    mut request: reqwest::Request,
    content: &Content,
) -> Result<reqwest::Request, Failure> {
    complete(request.headers_mut());
    let mut request = body::attach(client, request, content).await?;
    let has_length = request.headers().contains_key(CONTENT_LENGTH);
    if request.body().is_some_and(|body| body.as_bytes().is_none()) && !has_length {
        // Where this is not said, the HTTP library leaves the body of a GET and a HEAD out.
        request.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    Ok(request)
}

/// Adds the header field that says which codings of a body are undone here, unless it is there. What has no body has it
/// before it comes here.
pub(crate) fn complete(headers: &mut HeaderMap) {
    // A part of a coded body cannot be decoded by itself.
    if !headers.contains_key(ACCEPT_ENCODING) && !headers.contains_key(RANGE) {
        // An entry would make room for a field even where it is there.
        headers.insert(ACCEPT_ENCODING, decode::ACCEPTED);
    }
}

/// A body as one piece, as it comes.
async fn plain(
    response: &mut reqwest::Response,
    largest: u64,
    is_absent: bool,
    sight: &Sight,
) -> Result<Bytes, Failure> {
    let length = response.content_length().filter(|_| !is_absent);
    if length.is_some_and(|length| length > largest) {
        return Err(Failure::TooLarge(largest));
    }
    let Some(first) = next(response, 0, largest, sight).await? else { return Ok(Bytes::new()) };
    let Some(second) = next(response, first.len(), largest, sight).await? else { return Ok(first) };
    let mut body = BytesMut::from(first);
    body.extend_from_slice(&second);
    while let Some(chunk) = next(response, body.len(), largest, sight).await? {
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The next piece of a body, of which so much was there already.
async fn next(
    response: &mut reqwest::Response,
    had: usize,
    largest: u64,
    sight: &Sight,
) -> Result<Option<Bytes>, Failure> {
    loop {
        match response.chunk().await.map_err(Failure::broken)? {
            Some(chunk) if chunk.is_empty() => {}
            Some(chunk) => {
                let received = (had + chunk.len()) as u64;
                sight.count(received);
                return if received > largest { Err(Failure::TooLarge(largest)) } else { Ok(Some(chunk)) };
            }
            None => return Ok(None),
        }
    }
}

/// A body as one piece, with its codings undone.
async fn decoded(
    response: reqwest::Response,
    headers: &mut HeaderMap,
    largest: u64,
    sight: &Sight,
) -> Result<Bytes, Failure> {
    let bounds = Bounds { largest: Some(largest), idle: None, end: None, is_absent: false };
    whole(Incoming::of(response, headers, bounds)?, largest, sight).await
}

/// A body as one piece, counted after content decoding.
async fn whole(mut incoming: Incoming, largest: u64, sight: &Sight) -> Result<Bytes, Failure> {
    let Some(first) = piece(&mut incoming, sight).await.transpose()? else { return Ok(Bytes::new()) };
    if first.len() as u64 > largest {
        return Err(Failure::TooLarge(largest));
    }
    let Some(mut next) = piece(&mut incoming, sight).await else { return Ok(first) };
    let mut body = BytesMut::from(first);
    loop {
        let chunk = next?;
        if (body.len() + chunk.len()) as u64 > largest {
            return Err(Failure::TooLarge(largest));
        }
        body.extend_from_slice(&chunk);
        next = match piece(&mut incoming, sight).await {
            Some(next) => next,
            None => return Ok(body.freeze()),
        };
    }
}

/// The next piece of a coded body. What comes is counted as it comes: of a coding nothing may be decoded yet.
async fn piece(incoming: &mut Incoming, sight: &Sight) -> Option<Result<Bytes, Failure>> {
    std::future::poll_fn(|context| {
        let polled = incoming.poll_chunk(context);
        sight.count(incoming.received());
        polled
    })
    .await
}
