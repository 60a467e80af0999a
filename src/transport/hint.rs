//! How long a server asks its caller to wait: read from the header fields of an answer, in one place.

use std::time::{Duration, SystemTime};

use http::header::{HeaderMap, RETRY_AFTER};

pub(crate) use crate::attempt::HintSource;
use crate::operation::RateLimitHeaders;

/// A moment beyond this many seconds since 1970 (the year 5138) is given in milliseconds.
const EPOCH_SECONDS: u64 = 100_000_000_000;

/// What a server asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hint {
    /// Counted from when the answer came.
    pub(crate) wait: Duration,
    pub(crate) source: HintSource,
}

/// How long the service asks to wait: `Retry-After` in seconds (RFC 9110 §10.2.3), else the header that `x-rate-limit`
/// names, in seconds or as a moment since 1970.
pub(crate) fn read(headers: &HeaderMap, limits: Option<&RateLimitHeaders>, now: SystemTime) -> Option<Hint> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    if let Some(seconds) = number(RETRY_AFTER.as_str()) {
        return Some(Hint { wait: Duration::from_secs(seconds), source: HintSource::RetryAfter });
    }
    let limits = limits?;
    let reset = number(limits.reset.as_deref()?)?;
    let wait = if limits.reset_unit.as_deref() == Some("epoch") {
        let since =
            if reset > EPOCH_SECONDS { Duration::from_millis(reset) } else { Duration::from_secs(reset) };
        since.saturating_sub(now.duration_since(SystemTime::UNIX_EPOCH).ok()?)
    } else {
        Duration::from_secs(reset)
    };
    Some(Hint { wait, source: HintSource::RateLimitReset })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;

    #[test]
    fn retry_after_reads_seconds() {
        let headers = |value: &str| HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
        let wait = |value| read(&headers(value), None, SystemTime::UNIX_EPOCH);
        let source = HintSource::RetryAfter;
        assert_eq!(wait("7"), Some(Hint { wait: Duration::from_secs(7), source }));
        for junk in ["-1", "soon", "1.5", ""] {
            assert_eq!(wait(junk), None, "{junk}");
        }
    }

    #[test]
    fn the_documents_header_tells_a_moment_in_seconds_or_milliseconds() {
        let limits = RateLimitHeaders {
            reset: Some("X-RateLimit-RetryAfter".to_owned()),
            reset_unit: Some("epoch".to_owned()),
            ..RateLimitHeaders::default()
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let wait = |value: &str| {
            let name = http::HeaderName::from_static("x-ratelimit-retryafter");
            let hint = read(&HeaderMap::from_iter([(name, value.parse().unwrap())]), Some(&limits), now)?;
            assert_eq!(hint.source, HintSource::RateLimitReset);
            Some(hint.wait)
        };
        assert_eq!(wait("1800000005"), Some(Duration::from_secs(5)));
        assert_eq!(wait("1800000005000"), Some(Duration::from_secs(5)));
        assert_eq!(wait("1799999999"), Some(Duration::ZERO), "a moment that is past");
        assert_eq!(wait("99999999999999999999999"), None);
    }
}
