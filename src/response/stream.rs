//! An answer whose body is taken as it comes.

use std::fmt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use futures_util::Stream;
use http::header::HeaderMap;

use super::{Called, Origin, shown};
use crate::attempt::{Attempt, Begun};
use crate::error::{Error, Phase, Result, TransportError};
use crate::transport::{Answer, Arrived, Failure, Incoming};

/// An answer with a 2xx status, whose body is taken as it comes: [`Command::stream`](crate::Command::stream).
///
/// It is also a [`Stream`] of what [`ResponseStream::chunk`] gives. Dropping it closes the connection. Its `Debug` shows
/// status and header names only.
pub struct ResponseStream {
    called: Called,
    answer: Box<Arrived>,
    body: Incoming,
}

impl ResponseStream {
    pub(crate) fn new(called: Called, answer: Answer, body: Incoming) -> Self {
        Self { called, answer: answer.arrived, body }
    }

    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.answer.status
    }

    /// The header fields; without `content-encoding` and `content-length` where the body was coded and is decoded here.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.answer.headers
    }

    /// The header fields as they may be shown, as [`Response::shown_headers`](crate::Response::shown_headers).
    #[must_use]
    pub fn shown_headers(&self) -> Vec<(&str, String)> {
        shown(&self.answer.headers, &self.called.carried)
    }

    /// The requests of the operation that the call took, as [`Response::attempts`](crate::Response::attempts).
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.answer.attempts
    }

    /// The requests that signing in took, as [`Response::sign_in_attempts`](crate::Response::sign_in_attempts).
    #[must_use]
    pub fn sign_in_attempts(&self) -> &[Attempt] {
        &self.called.sign_in
    }

    /// The operation with its service, such as `falcon:tokens_query`, or `METHOD /path` for an endpoint in no table.
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.called.context.operation
    }

    /// The next piece of the body after content decoding, never empty; `None` at its end, and after an error. A call of
    /// this that is given up loses nothing.
    ///
    /// # Errors
    /// [`Error::Transport`] where the connection breaks or the body stands still for too long, [`Error::Unsafe`] where
    /// it grows beyond all measure when it is decoded, [`Error::Decode`] where it cannot be decoded.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        std::future::poll_fn(|context| self.poll_chunk(context)).await.transpose()
    }

    fn poll_chunk(&mut self, context: &mut TaskContext<'_>) -> Poll<Option<Result<Bytes>>> {
        let polled = self.body.poll_chunk(context);
        polled.map(|chunk| chunk.map(|chunk| chunk.map_err(|failure| self.explain(failure))))
    }

    fn explain(&self, failure: Failure) -> Error {
        let mut known = self.known();
        if let Some(last) = known.attempts.last_mut() {
            last.outcome = failure.outcome();
            last.begun = Some(Begun { status: self.answer.status, received: self.body.received() });
        }
        self.called.carried.conceal(failure.into_error_of(known))
    }

    /// What an error says of the call.
    fn known(&self) -> TransportError {
        let Origin { method, url } = self.called.origin();
        let origin = url::Url::parse(&url).map(|url| url.origin().ascii_serialization());
        TransportError {
            operation: self.called.context.operation.as_ref().to_owned(),
            method,
            url,
            origin: origin.unwrap_or_default(),
            phase: Phase::Broken,
            signing_in: false,
            fetching: false,
            proxy: None,
            attempts: self.answer.attempts.clone(),
            sign_in: self.called.sign_in.clone(),
            before: Vec::new(),
            idempotent: self.called.idempotent,
            source: None,
        }
    }
}

impl Stream for ResponseStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        self.poll_chunk(context)
    }
}

impl fmt::Debug for ResponseStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseStream")
            .field("operation", &self.called.context.operation)
            .field("status", &self.answer.status)
            .field("headers", &self.answer.headers.keys().map(http::HeaderName::as_str).collect::<Vec<_>>())
            .field("attempts", &self.answer.attempts.len())
            .finish_non_exhaustive()
    }
}
