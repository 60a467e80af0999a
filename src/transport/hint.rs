//! How long a server asks its caller to wait: read from the header fields of an answer, in one place.
//!
//! A server says so in many ways, and gets them wrong in many more. Each text here has a defined answer: what cannot be
//! read counts as not said, the longest of several values counts, a moment that is past means now, and no wait is
//! longer than [`LONGEST`]. Whether a caller waits that long is not decided here.

mod quota;
#[cfg(test)]
mod tests;
mod value;

use std::time::{Duration, SystemTime};

use http::header::{DATE, HeaderMap, RETRY_AFTER};

pub(crate) use self::quota::{Quota, may_tell, quotas, resource};
use self::value::{http_date, lines, members, seconds};
pub(crate) use crate::attempt::HintSource;
use crate::operation::RateLimitHeaders;

/// No wait is longer: what a number too large to be read stands for (RFC 9111 §1.2.2), 68 years.
pub(crate) const LONGEST: Duration = Duration::from_secs(1 << 31);

/// Milliseconds, as several services write them beside `Retry-After` or in its place.
const MILLISECONDS: [&str; 3] = ["retry-after-ms", "x-retry-after-ms", "x-ms-retry-after-ms"];

/// What a server asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hint {
    /// Counted from when the answer came.
    pub(crate) wait: Duration,
    pub(crate) source: HintSource,
}

impl Hint {
    /// Whether it is a word about the call itself. Fields that tell of the rate limit stand in answers of every kind:
    /// they are one only where the limit was hit.
    pub(crate) fn is_about(&self, status: u16) -> bool {
        status == 429 || matches!(self.source, HintSource::RetryAfter | HintSource::RetryAfterMs)
    }
}

/// How long an answer with this status asks to wait, by the first form that it holds: `Retry-After`; the field that
/// `x-rate-limit` names; `RateLimit`; `RateLimit-Reset` and its kin; milliseconds.
///
/// Fields of a rate limit stand on every answer of many services: they are a hint only where nothing remains, or where
/// the answer itself says that this was too much.
pub(crate) fn read(
    status: u16,
    headers: &HeaderMap,
    limits: Option<&RateLimitHeaders>,
    now: SystemTime,
) -> Option<Hint> {
    beside(status, headers, &quotas(headers, limits, now), now)
}

/// The same, where the limits that the answer tells are read already.
pub(crate) fn beside(status: u16, headers: &HeaderMap, quotas: &[Quota], now: SystemTime) -> Option<Hint> {
    let hint =
        retry_after(headers, now).or_else(|| exhausted(status, quotas)).or_else(|| milliseconds(headers))?;
    Some(Hint { wait: hint.wait.min(LONGEST), ..hint })
}

/// When the answer was made, by the server's own clock, so that a skew between the two clocks cancels; by ours where
/// it does not say.
fn made_at(headers: &HeaderMap, now: SystemTime) -> SystemTime {
    lines(headers, DATE.as_str()).find_map(|line| httpdate::parse_http_date(line).ok()).unwrap_or(now)
}

fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Hint> {
    let made_at = made_at(headers, now);
    let read = |text: &str| seconds(text).or_else(|| http_date(text, made_at));
    let all = lines(headers, RETRY_AFTER.as_str()).flat_map(members);
    let wait = all.filter_map(|member| read(&member)).max()?;
    Some(Hint { wait, source: HintSource::RetryAfter })
}

fn milliseconds(headers: &HeaderMap) -> Option<Hint> {
    let all = MILLISECONDS.iter().flat_map(|name| lines(headers, name)).flat_map(members);
    let wait = all.filter_map(|member| Some(seconds(&member)? / 1000)).max()?;
    Some(Hint { wait, source: HintSource::RetryAfterMs })
}

/// What the quotas of an answer ask for: those of which nothing remains, else all that may have refused the request.
fn exhausted(status: u16, quotas: &[Quota]) -> Option<Hint> {
    let may_refuse = |quota: &&Quota| match (status, quota.remaining) {
        (429, _) | (503, None) => true,
        (_, remaining) => remaining == Some(0),
    };
    let timed = || quotas.iter().filter(|quota| quota.reset.is_some()).filter(may_refuse);
    let empty = || timed().filter(|quota| quota.remaining == Some(0));
    let source = empty().next().or_else(|| timed().next())?.source;
    let longest = |found: Option<Duration>, quota: &Quota| {
        if quota.source == source { found.max(quota.reset) } else { found }
    };
    let wait = empty().fold(None, longest).or_else(|| timed().fold(None, longest))?;
    Some(Hint { wait, source })
}
