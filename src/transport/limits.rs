//! The bounds of a call in time and size: what may be set, and what is said when time runs out.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use http::header::HeaderMap;
use tokio::time::Instant;

use super::Settings;
use crate::error::ConfigError;

/// The header fields of an answer are taken in up to so many bytes: names, values, and what separates them.
pub(super) const LARGEST_HEAD: u32 = 64 * 1024;

/// Whether the header fields of an answer are more than is taken in.
pub(super) fn is_large(headers: &HeaderMap) -> bool {
    const SEPARATORS: usize = ": \r\n".len();
    let fields = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + SEPARATORS);
    fields.sum::<usize>() > LARGEST_HEAD as usize
}

/// What a call says of its bounds, in place of the harness's settings.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Limits {
    /// One attempt, from connecting to the last byte of the answer; for a streamed answer to the end of its head.
    pub(crate) timeout: Option<Duration>,
    pub(crate) connect_timeout: Option<Duration>,
    /// The whole call, also to the last byte of a streamed answer.
    pub(crate) max_time: Option<Duration>,
    /// How long the body of a streamed answer may stand still.
    pub(crate) idle_timeout: Option<Duration>,
    /// The body of an answer that is not streamed, in bytes after content decoding.
    pub(crate) max_body: Option<u64>,
}

impl Limits {
    /// Refuses a time in which nothing can be done.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let times = [
            ("timeout of an attempt", self.timeout),
            ("connect timeout", self.connect_timeout),
            ("time of the whole call", self.max_time),
            ("idle timeout", self.idle_timeout),
        ];
        match times.into_iter().find(|(_, time)| time.is_some_and(|time| time.is_zero())) {
            None => Ok(()),
            Some((name, _)) => Err(ConfigError {
                problem: format!("the {name} is zero, and nothing is done in no time"),
                hint: Some("leave it out for the default, or give `Duration::MAX` for no limit.".to_owned()),
            }),
        }
    }
}

/// How much the requests of signing in are given: by the call that makes them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Patience {
    pub(super) timeout: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) repeats: u32,
}

impl Patience {
    /// How long one attempt may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether it may bring what the other did not.
    pub(crate) fn exceeds(&self, other: &Self) -> bool {
        self.timeout > other.timeout
            || self.connect_timeout > other.connect_timeout
            || self.repeats > other.repeats
    }
}

/// What work brings by a time, `None` where it does not. The work stays where it is: a call's is large, and tokio's own
/// timeout would move it about.
pub(super) async fn by<T>(time: Instant, mut work: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    // Set with the first wait: work that is done at once needs none.
    let mut late = pin!(None);
    poll_fn(|context| {
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(Some(done));
        }
        if late.is_none() {
            late.set(Some(tokio::time::sleep_until(time)));
        }
        late.as_mut().as_pin_mut().map_or(Poll::Pending, |late| late.poll(context).map(|()| None))
    })
    .await
}

impl Settings {
    /// What these limits, and so many repeats, leave to signing in.
    pub(super) fn patience(&self, limits: &Limits, repeats: Option<u32>) -> Patience {
        Patience {
            timeout: limits.timeout.unwrap_or(self.timeout),
            connect_timeout: limits.connect_timeout.unwrap_or(self.network.connect_timeout),
            repeats: repeats.unwrap_or(self.retry.most_repeats()),
        }
    }

    /// The same for every call.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            timeout: Some(self.timeout),
            connect_timeout: Some(self.network.connect_timeout),
            max_time: Some(self.max_time),
            idle_timeout: Some(self.idle_timeout),
            max_body: Some(self.max_body),
        }
    }
}

/// What took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// The connection.
    Connecting,
    /// The connection, and the agreement on TLS.
    Securing,
    /// The attempt as a whole.
    Attempt,
    /// The call with all its attempts.
    Call,
    /// The time since the last byte of a body came.
    Silence,
}

/// Time ran out: the cause of an error, with the limit that was reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimedOut {
    pub(super) span: Span,
    pub(super) limit: Duration,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.limit;
        match self.span {
            Span::Connecting => write!(f, "no connection within {limit:?}"),
            Span::Securing => write!(f, "no connection with TLS within {limit:?}"),
            Span::Attempt => write!(f, "the attempt was not done within {limit:?}"),
            Span::Call => write!(f, "the call was not done within {limit:?}"),
            Span::Silence => write!(f, "not a byte of the answer came for {limit:?}"),
        }
    }
}

impl std::error::Error for TimedOut {}

/// Whether the cause of an error is that the time of the whole call was over.
pub(crate) fn is_time_of_the_call(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.downcast_ref::<TimedOut>().is_some_and(|late| late.span == Span::Call)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;

    #[test]
    fn a_time_of_zero_is_refused() {
        let zero = Some(Duration::ZERO);
        for (limits, name) in [
            (Limits { timeout: zero, ..Limits::default() }, "timeout of an attempt"),
            (Limits { connect_timeout: zero, ..Limits::default() }, "connect timeout"),
            (Limits { max_time: zero, ..Limits::default() }, "time of the whole call"),
            (Limits { idle_timeout: zero, ..Limits::default() }, "idle timeout"),
        ] {
            let error = limits.check().unwrap_err();
            assert_eq!(error.problem, format!("the {name} is zero, and nothing is done in no time"));
        }
        assert!(Limits { max_body: Some(0), ..Limits::default() }.check().is_ok(), "an empty body fits");
        assert!(Limits { timeout: Some(Duration::MAX), ..Limits::default() }.check().is_ok());
    }

    #[test]
    fn work_that_is_done_at_once_sets_no_clock() {
        let time = Instant::now() + Duration::from_secs(1);
        // Without a runtime there is no clock to be set.
        let done = futures_util::FutureExt::now_or_never(by(time, pin!(std::future::ready(5))));
        assert_eq!(done, Some(Some(5)));
    }

    #[tokio::test]
    async fn work_ends_with_its_time() {
        let soon = Instant::now() + Duration::from_millis(5);
        assert_eq!(by(soon, pin!(std::future::pending::<()>())).await, None);
        let later = async {
            tokio::task::yield_now().await;
            7
        };
        assert_eq!(by(Instant::now() + Duration::from_secs(60), pin!(later)).await, Some(7));
    }
}
