//! One attempt: a request goes out once, and its answer is read within its bounds.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RANGE, TRANSFER_ENCODING};

use super::failure::Failure;
use super::incoming::{Bounds, Incoming};
use super::limits::{Span, TimedOut, is_large};
use super::{Answer, Transport, Wire, body, connecting, decode};
use crate::error::Phase;
use crate::operation::Method;
use crate::request::Content;

impl Transport {
    pub(super) async fn attempt(&self, wire: &Wire, unsent: &AtomicBool) -> Result<Answer, Failure> {
        tracing::debug!(operation = wire.operation, method = %wire.method, url = wire.shown_url(), "sending");
        unsent.store(true, Ordering::Relaxed);
        let outcome = self.exchange(wire, unsent).await;
        match &outcome {
            Ok(answer) => tracing::debug!(status = answer.status, length = answer.body.len(), "answered"),
            Err(failure) => tracing::debug!(%failure, "failed"),
        }
        outcome
    }

    async fn exchange(&self, wire: &Wire, unsent: &AtomicBool) -> Result<Answer, Failure> {
        let limit = wire.limits.timeout.unwrap_or(self.settings.timeout);
        let answer = tokio::time::timeout(limit, self.answer(wire, unsent)).await;
        answer.unwrap_or_else(|_| {
            let is_unsent = unsent.load(Ordering::Relaxed);
            let phase = if is_unsent { Phase::ConnectTimeout } else { Phase::AnswerTimeout };
            Err(Failure::late(phase, TimedOut { span: Span::Attempt, limit }))
        })
    }

    async fn answer(&self, wire: &Wire, unsent: &AtomicBool) -> Result<Answer, Failure> {
        let (client, proxy) = self.clients.get(wire, &self.settings)?;
        let request = request(&client, wire).await?;
        let limit = wire.limits.connect_timeout.unwrap_or(self.settings.network.connect_timeout);
        let sent = connecting::watched(client.execute(request), limit, unsent).await;
        let unsent = unsent.swap(false, Ordering::Relaxed);
        let has_certificate = wire.link.certificate.is_some() || self.has_certificate();
        let judged =
            |error| Failure::before_answer(error, has_certificate, unsent).through(proxy.as_ref(), wire);
        let response = sent.map_err(judged)?;
        if let Some(proxy) = proxy.filter(|proxy| response.status() == 407 && proxy.forwards(&wire.url)) {
            let refused = Failure::Network(Phase::Proxy(proxy.wants_credentials()), None);
            return Err(refused.through(Some(&proxy), wire));
        }
        self.read(response, wire).await
    }

    /// Reads a body to its end, or leaves that to whoever streams it. What refuses the call is always read.
    async fn read(&self, mut response: reqwest::Response, wire: &Wire) -> Result<Answer, Failure> {
        if is_large(response.headers()) {
            return Err(Failure::large_head());
        }
        let status = response.status();
        let mut headers = std::mem::take(response.headers_mut());
        let is_absent = wire.method == Method::Head || matches!(status.as_u16(), 204 | 304);
        if wire.is_streamed && status.is_success() {
            let idle = wire.limits.idle_timeout.unwrap_or(self.settings.idle_timeout);
            let bounds = Bounds { largest: None, idle: Some(idle), is_absent };
            let rest = Some(Incoming::of(response, &mut headers, bounds)?);
            return Ok(Answer {
                status: status.as_u16(),
                headers,
                body: Bytes::new(),
                rest,
                attempts: Vec::new(),
            });
        }
        let largest = wire.limits.max_body.unwrap_or(self.settings.max_body);
        let bounds = Bounds { largest: Some(largest), idle: None, is_absent };
        let body = whole(Incoming::of(response, &mut headers, bounds)?, largest).await?;
        Ok(Answer { status: status.as_u16(), headers, body, rest: None, attempts: Vec::new() })
    }
}

/// The request as the HTTP library takes it.
async fn request(client: &reqwest::Client, wire: &Wire) -> Result<reqwest::Request, Failure> {
    let method = reqwest::Method::from_bytes(wire.method.as_str().as_bytes())
        .map_err(|_| Failure::refuse("the method cannot be sent"))?;
    let builder = client.request(method, wire.url.clone()).headers(wire.headers.clone());
    let mut request = body::attach(builder, &wire.content).await?;
    if let Content::Multipart(_) = wire.content {
        body::keep_media_type(&mut request, wire.headers.get(CONTENT_TYPE));
    }
    let has_length = request.headers().contains_key(CONTENT_LENGTH);
    if request.body().is_some_and(|body| body.as_bytes().is_none()) && !has_length {
        // Where this is not said, the HTTP library leaves the body of a GET and a HEAD out.
        request.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    // A part of a coded body cannot be decoded by itself.
    if !request.headers().contains_key(RANGE) {
        request.headers_mut().entry(ACCEPT_ENCODING).or_insert(decode::ACCEPTED);
    }
    Ok(request)
}

/// A body as one piece, counted after content decoding.
async fn whole(mut incoming: Incoming, largest: u64) -> Result<Bytes, Failure> {
    let mut body = BytesMut::new();
    while let Some(chunk) = incoming.chunk().await {
        let chunk = chunk?;
        if (body.len() + chunk.len()) as u64 > largest {
            return Err(Failure::TooLarge(largest));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
