//! The body of an answer as it comes: counted, decoded, and given up where it stands still for too long.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::after;
use super::decode::{self, Codings, Overgrown, Received, Source};
use super::failure::Failure;
use super::limits::{Span, TimedOut};
use crate::error::Phase;

/// A partial answer (RFC 9110 §15.3.7): a part of a coded body cannot be decoded by itself.
const PARTIAL_CONTENT: u16 = 206;

/// What the framing of a coding may cost beyond what it frames.
const FRAMING: u64 = 1 << 20;

/// What to do about a body that is worse coded than plain.
const UNCODED: &str =
    "ask for it uncoded, by the header `accept-encoding: identity`, if it is to be trusted.";

/// How much of a body may come, and how slowly.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// So many bytes after decoding; as many as come where it is streamed.
    pub(super) largest: Option<u64>,
    /// How long it may stand still.
    pub(super) idle: Option<Duration>,
    /// When the whole call ends, and how long that is.
    pub(super) end: Option<(Instant, Duration)>,
    /// There is none: the head speaks of what another request would bring (RFC 9110 §8.6).
    pub(super) is_absent: bool,
}

/// The body of an answer, not read yet.
pub(crate) struct Incoming {
    body: Body,
    status: u16,
    media_type: String,
    largest: u64,
    /// How many bytes the network brought.
    received: Received,
    is_over: bool,
}

enum Body {
    Plain(Raw),
    Coded(Source),
}

impl Incoming {
    /// Takes the body of an answer. Where its codings can be undone, `headers` no longer speak of them.
    pub(super) fn of(
        response: reqwest::Response,
        headers: &mut HeaderMap,
        bounds: Bounds,
    ) -> Result<Self, Failure> {
        let status = response.status().as_u16();
        let largest = bounds.largest.unwrap_or(u64::MAX);
        let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or("no content type").to_owned();
        let codings = if bounds.is_absent { Codings::Known(Vec::new()) } else { Codings::of(headers) };
        let framing = if codings == Codings::Known(Vec::new()) { 0 } else { FRAMING };
        let length = response.content_length().filter(|_| !bounds.is_absent);
        if length.is_some_and(|length| length > largest.saturating_add(framing)) {
            return Err(Failure::TooLarge(largest));
        }
        let received = Received::default();
        let raw = Raw {
            stream: response.bytes_stream().boxed(),
            chunk: Bytes::new(),
            idle: bounds.idle,
            end: bounds.end,
            silence: None,
            received: Received::clone(&received),
            most: largest.saturating_add(framing),
            is_over: false,
        };
        let body = match codings {
            Codings::Known(codings) if !codings.is_empty() && status != PARTIAL_CONTENT => {
                headers.remove(CONTENT_ENCODING);
                headers.remove(CONTENT_LENGTH);
                Body::Coded(decode::undo(codings, Box::pin(raw), &received))
            }
            Codings::TooMany(count) => {
                let problem = format!("the answer has {count} content codings, one in another");
                return Err(Failure::harmful(&problem, UNCODED));
            }
            Codings::Known(_) | Codings::Unknown => Body::Plain(raw),
        };
        Ok(Self { body, status, media_type, largest, received, is_over: false })
    }

    /// The next piece of the body, never empty; `None` at its end, and after an error.
    pub(crate) fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let chunk = ready!(match &mut self.body {
            Body::Plain(raw) => raw.poll_bytes(context),
            Body::Coded(source) => poll_decoded(source, context),
        });
        self.is_over = !matches!(chunk, Some(Ok(_)));
        Poll::Ready(chunk.map(|chunk| chunk.map_err(|error| self.explain(error))))
    }

    /// How many bytes came, before content decoding.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    fn explain(&self, error: io::Error) -> Failure {
        let error = match error.downcast::<Fault>() {
            Ok(Fault::Broken(error)) => return Failure::broken(error),
            Ok(Fault::Late(late)) if late.span == Span::Call => {
                return Failure::late(Phase::AnswerTimeout, late);
            }
            Ok(Fault::Late(late)) => return Failure::late(Phase::Stalled, late),
            Ok(Fault::TooMuch) => return Failure::TooLarge(self.largest),
            Err(error) => error,
        };
        match error.downcast::<Overgrown>() {
            Ok(overgrown) => Failure::harmful(&overgrown.to_string(), UNCODED),
            Err(error) => Failure::Undecodable {
                status: self.status,
                media_type: self.media_type.clone(),
                problem: format!("its content coding is broken ({error})"),
            },
        }
    }
}

/// Gives what a buffer of decoded bytes holds.
fn poll_decoded(source: &mut Source, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
    let held = match ready!(source.as_mut().poll_fill_buf(context)) {
        Ok(held) => Bytes::copy_from_slice(held),
        Err(error) => return Poll::Ready(Some(Err(error))),
    };
    source.as_mut().consume(held.len());
    Poll::Ready((!held.is_empty()).then_some(Ok(held)))
}

/// Why the network brings no more.
#[derive(Debug)]
enum Fault {
    Broken(reqwest::Error),
    Late(TimedOut),
    TooMuch,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(error) => error.fmt(f),
            Self::Late(late) => late.fmt(f),
            Self::TooMuch => f.write_str("more came than fits"),
        }
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        Self::other(fault)
    }
}

/// A body as the network brings it.
struct Raw {
    stream: BoxStream<'static, reqwest::Result<Bytes>>,
    /// What came and was not taken yet.
    chunk: Bytes,
    idle: Option<Duration>,
    end: Option<(Instant, Duration)>,
    /// Runs while nothing comes, and what it means when it ends.
    silence: Option<(Pin<Box<Sleep>>, TimedOut)>,
    received: Received,
    most: u64,
    is_over: bool,
}

impl Raw {
    fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        while !self.is_over {
            match self.stream.poll_next_unpin(context) {
                Poll::Ready(Some(Ok(chunk))) if chunk.is_empty() => {}
                Poll::Ready(Some(Ok(chunk))) => return Poll::Ready(Some(self.count(chunk))),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(Fault::Broken(error).into()))),
                Poll::Ready(None) => self.is_over = true,
                Poll::Pending => return self.poll_silence(context).map(|fault| Some(Err(fault.into()))),
            }
        }
        Poll::Ready(None)
    }

    fn count(&mut self, chunk: Bytes) -> io::Result<Bytes> {
        self.silence = None;
        let before = self.received.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        if before.saturating_add(chunk.len() as u64) > self.most {
            return Err(Fault::TooMuch.into());
        }
        match self.end {
            // However fast it comes.
            Some((end, limit)) if Instant::now() >= end => {
                Err(Fault::Late(TimedOut { span: Span::Call, limit }).into())
            }
            _ => Ok(chunk),
        }
    }

    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<Fault> {
        let idle = self.idle.map(|limit| (after(Instant::now(), limit), Span::Silence, limit));
        let end = self.end.map(|(end, limit)| (end, Span::Call, limit));
        let Some((until, span, limit)) = idle.into_iter().chain(end).min_by_key(|(until, ..)| *until) else {
            return Poll::Pending;
        };
        let late = TimedOut { span, limit };
        let (silence, late) =
            self.silence.get_or_insert_with(|| (Box::pin(tokio::time::sleep_until(until)), late));
        silence.as_mut().poll(context).map(|()| Fault::Late(*late))
    }
}

impl AsyncBufRead for Raw {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let raw = self.get_mut();
        if raw.chunk.is_empty()
            && let Some(chunk) = ready!(raw.poll_bytes(context))
        {
            raw.chunk = chunk?;
        }
        Poll::Ready(Ok(&raw.chunk))
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        self.chunk.advance(amount);
    }
}

impl AsyncRead for Raw {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let held = ready!(self.as_mut().poll_fill_buf(context))?;
        let count = held.len().min(buffer.remaining());
        buffer.put_slice(held.get(..count).unwrap_or_default());
        self.consume(count);
        Poll::Ready(Ok(()))
    }
}
