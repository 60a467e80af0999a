//! Answers over HTTP/2 that end without their end.
//!
//! A server may reset a stream with `NO_ERROR` once its answer is complete (RFC 9113 §8.1), and the HTTP library takes
//! every such reset, and a connection that is closed in good order, for the end of the answer. What came is complete only
//! where the end of the stream came too; that its bytes are as many as `content-length` says was looked at then
//! (§8.1.1).

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use reqwest::{Body, Response};

/// The same answer, whose body fails where it ends without its end.
pub(super) fn checked(response: Response) -> Response {
    let (parts, body) = http::Response::<Body>::from(response).into_parts();
    http::Response::from_parts(parts, Body::wrap(Checked(body))).into()
}

/// A body that fails where it ends without its end.
struct Checked(Body);

/// The answer is not complete.
#[derive(Debug)]
struct Unended;

impl fmt::Display for Unended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server ended the answer before its end")
    }
}

impl Error for Unended {}

impl http_body::Body for Checked {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(match ready!(Pin::new(&mut self.0).poll_frame(context)) {
            Some(frame) => Some(frame.map_err(Into::into)),
            None if self.0.is_end_stream() => None,
            None => Some(Err(Unended.into())),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
