//! What is told of each attempt of a call: how it went, how long it took, and what came after it.

use std::fmt;
use std::time::Duration;

use crate::error::Phase;

/// One attempt of a call: a request that was sent, or that could not be.
///
/// Its `Display` is one line: `attempt 1: 503 after 12 ms, again in 320 ms (backoff)`, or `attempt 1: held back for
/// 980 ms (few requests are left), 200 after 12 ms`.
///
/// ```no_run
/// # async fn run(harness: &opcall::Harness) -> Result<(), opcall::Error> {
/// let found = harness.command("tokens_query", [("limit", 5)]).await?;
/// for attempt in found.attempts() {
///     println!("{attempt}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attempt {
    /// Counted from 1.
    pub number: u32,
    /// How it went.
    pub outcome: Outcome,
    /// Whether at least a part of the request was sent, so that it may have been carried out.
    pub sent: bool,
    /// How long it took, from connecting to the last byte of the answer.
    pub took: Duration,
    /// The wait before the next attempt; `None` where it was the last one.
    pub wait: Option<Wait>,
    /// How long it was held back before it was sent, for a rate limit or for a token that another process fetches, and
    /// not for the attempt before: the sum of the waits, and the reason of the last one.
    pub held: Option<Wait>,
    /// What had come of an answer, where its head came and the attempt failed all the same.
    pub begun: Option<Begun>,
    /// Why no repeat followed; `None` where there was one, and where it would have brought the same.
    pub unrepeated: Option<NoRepeat>,
}

/// What had come of an answer that was not taken in whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    /// Its status.
    pub status: u16,
    /// How many bytes of its body came, before content decoding.
    pub received: u64,
}

/// Why an attempt that failed was the last one, although a repeat might have brought something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoRepeat {
    /// The body can be sent once only.
    BodyIsGone,
    /// It may have been carried out, and a repeat might do it twice.
    MayActTwice,
    /// There were enough repeats.
    Limit,
    /// The server asks for a longer wait than is allowed.
    HintTooLong,
    /// The wait would end after the time of the whole call.
    NoTime,
    /// The budget of the origin is spent: too many repeats to it failed lately.
    NoBudget,
}

/// How an attempt went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// An answer of this status came.
    Status(u16),
    /// The network failed.
    Failed(Phase),
    /// The request could not be made here, or its answer was not taken in.
    #[default]
    Local,
}

/// The time before an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// How long it is.
    pub length: Duration,
    /// Why it is so long.
    pub reason: WaitReason,
}

/// Why there is a next attempt, and why after such a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitReason {
    /// A time drawn at random below a bound that doubles with each repeat.
    Backoff,
    /// The server said how long to wait.
    Hint(HintSource),
    /// The answer redirects to another address of the same origin: no repeat, and no wait.
    Redirect,
    /// The credentials were renewed, or a challenge of the server was learned: no repeat, and no wait.
    Credentials,
    /// The server has asked another call with the same credentials to wait; the time until then.
    Cooldown,
    /// By what the server tells of its rate limit, few requests are left.
    LearnedLimit,
    /// The limit of [`crate::HarnessBuilder::rate_limit`].
    OwnLimit,
    /// Requests for a token are repeated a second after the one before at the soonest: many calls wait for one.
    Apart,
    /// Another process that shares the token cache fetches the token.
    TokenLock,
}

/// Which header field of an answer said how long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HintSource {
    /// `Retry-After` (RFC 9110 §10.2.3), in seconds or as a date.
    RetryAfter,
    /// The field that the description names in `x-rate-limit`, or one by custom, such as `X-RateLimit-Reset`.
    RateLimitReset,
    /// The fields of the IETF draft draft-ietf-httpapi-ratelimit-headers.
    RateLimit,
    /// `Retry-After-Ms` and its kin, in milliseconds.
    RetryAfterMs,
}

impl Attempt {
    /// The status of the answer, where one came.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        if let Outcome::Status(status) = self.outcome { Some(status) } else { None }
    }

    /// The status of the answer, also where no more than its head was taken in.
    pub(crate) fn answered(&self) -> Option<u16> {
        self.status().or(self.begun.map(|begun| begun.status))
    }

    /// Whether the request may have been carried out by this attempt, which another one followed. Who asks for other
    /// credentials, another address or patience has not looked at it (RFC 9110 §15.5.2, §15.4.8, §15.6.4, RFC 6585 §4).
    /// A 503 says so by a time to come back, a 429 by itself. That is enough to leave no doubt; a call that is not
    /// idempotent is repeated only where a 429 names a time too ([`crate::RetryPolicy`]).
    pub(crate) fn may_have_acted(&self) -> bool {
        let asks_to_wait = self.wait.is_some_and(|wait| matches!(wait.reason, WaitReason::Hint(_)));
        self.sent
            && match self.answered() {
                Some(401 | 307 | 308 | 429) => false,
                Some(503) => !asks_to_wait,
                _ => true,
            }
    }
}

impl NoRepeat {
    /// The reason in words, such as `there were enough repeats`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BodyIsGone => "the body can be sent once only",
            Self::MayActTwice => "it may have been carried out, and a repeat might do it twice",
            Self::Limit => "there were enough repeats",
            Self::HintTooLong => "the server asks for a longer wait than is allowed",
            Self::NoTime => "the wait would end after the time of the whole call",
            Self::NoBudget => "too many repeats to this origin failed lately",
        }
    }
}

impl HintSource {
    /// The source in words, such as `Retry-After`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RetryAfter => "Retry-After",
            Self::RateLimitReset => "the rate limit's reset",
            Self::RateLimit => "RateLimit",
            Self::RetryAfterMs => "Retry-After-Ms",
        }
    }
}

impl Wait {
    /// This wait after another one, told as one.
    #[cfg(feature = "client")]
    pub(crate) fn after(self, before: Option<Self>) -> Self {
        let length = before.map_or(self.length, |before| before.length.saturating_add(self.length));
        Self { length, ..self }
    }

    /// Two waits, either of which may not have been, told as one.
    #[cfg(feature = "client")]
    pub(crate) fn both(before: Option<Self>, then: Option<Self>) -> Option<Self> {
        then.map(|then| then.after(before)).or(before)
    }
}

/// Whether a call may have been carried out by an attempt before its last one, whatever that brought.
#[cfg(feature = "client")]
pub(crate) fn may_have_acted_before(attempts: &[Attempt]) -> bool {
    attempts.split_last().is_some_and(|(_, before)| before.iter().any(Attempt::may_have_acted))
}

/// Whether a call may have been carried out by one of its attempts; what is answered with 401 is not.
pub(crate) fn may_be_done(attempts: &[Attempt]) -> bool {
    attempts.iter().any(|attempt| attempt.sent && attempt.status() != Some(401))
}

/// ` after 3 attempts`; nothing where there was no repeat, whatever credentials were renewed and redirects followed.
#[cfg(feature = "client")]
pub(crate) fn counted(attempts: &[Attempt]) -> String {
    let is_repeated = |wait: Wait| !matches!(wait.reason, WaitReason::Credentials | WaitReason::Redirect);
    if attempts.iter().any(|attempt| attempt.wait.is_some_and(is_repeated)) {
        format!(" after {} attempts", attempts.len())
    } else {
        String::new()
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {}: ", self.number)?;
        if let Some(held) = self.held {
            write!(f, "held back for {} ms ({}), ", held.length.as_millis(), held.reason)?;
        }
        if let Some(begun) = self.begun {
            write!(f, "{}, then ", begun.status)?;
        }
        write!(f, "{} after {} ms", self.outcome, self.took.as_millis())?;
        match self.wait {
            Some(Wait { reason: WaitReason::Redirect, .. }) => write!(f, ", on to where it leads"),
            Some(Wait { reason: WaitReason::Credentials, .. }) => write!(f, ", again with new credentials"),
            Some(wait) => write!(f, ", again in {} ms ({})", wait.length.as_millis(), wait.reason),
            None => match self.unrepeated.filter(|why| *why != NoRepeat::Limit) {
                Some(why) => write!(f, ", not repeated: {why}"),
                None => Ok(()),
            },
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status}"),
            Self::Failed(phase) => f.write_str(match phase {
                Phase::Connect => "no connection",
                Phase::Tls(_) => "no agreement on TLS",
                Phase::Proxy(_) => "not let through by the proxy",
                Phase::ConnectTimeout => "no connection in time",
                Phase::Unprocessed => "turned away by the server",
                Phase::AnswerTimeout => "no answer in time",
                Phase::Stalled => "the answer stood still",
                Phase::Broken => "the connection broke",
            }),
            Self::Local => f.write_str("failed on this side"),
        }
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backoff => f.write_str("backoff"),
            Self::Hint(source) => source.fmt(f),
            Self::Redirect => f.write_str("redirect"),
            Self::Credentials => f.write_str("new credentials"),
            Self::Cooldown => f.write_str("the server's word to another call"),
            Self::LearnedLimit => f.write_str("few requests are left"),
            Self::OwnLimit => f.write_str("the harness's own rate limit"),
            Self::TokenLock => f.write_str("another process fetches the token"),
            Self::Apart => f.write_str("requests for a token are a second apart"),
        }
    }
}

impl fmt::Display for NoRepeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for HintSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_one_line() {
        let line = |outcome, wait: Option<(u64, WaitReason)>| {
            let wait = wait.map(|(length, reason)| Wait { length: Duration::from_millis(length), reason });
            let took = Duration::from_millis(12);
            Attempt { number: 2, outcome, sent: true, took, wait, ..Attempt::default() }.to_string()
        };
        assert_eq!(line(Outcome::Status(200), None), "attempt 2: 200 after 12 ms");
        assert_eq!(
            line(Outcome::Failed(Phase::Broken), Some((320, WaitReason::Backoff))),
            "attempt 2: the connection broke after 12 ms, again in 320 ms (backoff)"
        );
        assert_eq!(
            line(Outcome::Status(429), Some((2050, WaitReason::Hint(HintSource::RetryAfter)))),
            "attempt 2: 429 after 12 ms, again in 2050 ms (Retry-After)"
        );
        assert_eq!(
            line(Outcome::Status(401), Some((0, WaitReason::Credentials))),
            "attempt 2: 401 after 12 ms, again with new credentials"
        );
        let (outcome, took) = (Outcome::Status(200), Duration::ZERO);
        let held = Some(Wait { length: Duration::from_millis(980), reason: WaitReason::Cooldown });
        assert_eq!(
            Attempt { number: 1, outcome, sent: true, took, held, ..Attempt::default() }.to_string(),
            "attempt 1: held back for 980 ms (the server's word to another call), 200 after 0 ms"
        );
        let outcome = Outcome::Failed(Phase::Broken);
        let begun = Some(Begun { status: 200, received: 5 });
        let cut = Attempt { number: 1, outcome, sent: true, took, begun, ..Attempt::default() };
        assert_eq!(cut.to_string(), "attempt 1: 200, then the connection broke after 0 ms");
        assert_eq!((cut.status(), cut.answered()), (None, Some(200)));
        let last = |why| Attempt { unrepeated: Some(why), ..cut.clone() }.to_string();
        assert_eq!(last(NoRepeat::Limit), cut.to_string());
        assert!(
            last(NoRepeat::NoBudget)
                .ends_with(" ms, not repeated: too many repeats to this origin failed lately")
        );
    }

    #[test]
    fn only_repeats_are_told() {
        let log = |reasons: &[WaitReason]| {
            let wait = |reason: &WaitReason| Some(Wait { length: Duration::ZERO, reason: *reason });
            let waits = reasons.iter().map(wait).chain([None]);
            let (outcome, took) = (Outcome::Status(503), Duration::ZERO);
            let attempt = |wait| Attempt { number: 1, outcome, sent: true, took, wait, ..Attempt::default() };
            counted(&waits.map(attempt).collect::<Vec<_>>())
        };
        assert_eq!((log(&[]), log(&[WaitReason::Credentials])), (String::new(), String::new()));
        assert_eq!(log(&[WaitReason::Credentials, WaitReason::Backoff]), " after 3 attempts");
    }
}
