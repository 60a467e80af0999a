//! The values of header fields that tell a time: numbers, dates, spans. Whatever a server writes is read or is not,
//! and nothing overflows.

use std::time::{Duration, SystemTime};

use http::header::HeaderMap;

/// A larger number of seconds (the year 2001) is no span but a moment, counted from 1970.
const SHORTEST_MOMENT: u64 = 1_000_000_000;

/// A moment beyond this many seconds since 1970 (the year 5138) is given in milliseconds.
const LAST_SECOND: u64 = 100_000_000_000;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// The lines of a field; what is no text counts as not sent.
pub(super) fn lines<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).map(str::trim)
}

/// The values of one line, which may be several lines joined by commas (RFC 9110 §5.3). A date holds a comma itself,
/// after the name of its day.
pub(super) fn members(line: &str) -> Vec<String> {
    let mut members = Vec::new();
    let mut parts = line.split(',').map(str::trim);
    while let Some(part) = parts.next() {
        let is_day = DAYS.iter().any(|day| part.starts_with(day));
        members.push(match parts.clone().next().filter(|_| is_day) {
            Some(rest) => {
                parts.next();
                format!("{part}, {rest}")
            }
            None => part.to_owned(),
        });
    }
    members
}

/// A whole number without a sign; the largest there is for one that is larger.
pub(super) fn whole(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// A number of seconds without a sign or an exponent. Decimals are not allowed in every field, but what they mean is
/// clear, and a server must not be asked again too early.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    let (text, decimals) = text.split_once('.').unwrap_or((text, "0"));
    whole(decimals)?;
    let nanos = format!("{decimals:0<9}")[..9].parse().ok()?;
    Some(Duration::new(whole(text)?, nanos))
}

/// The time until a date in any of the forms of RFC 9110 §5.6.7; none for one that is past.
pub(super) fn http_date(text: &str, now: SystemTime) -> Option<Duration> {
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// The time until a reset: a number as [`moment`] has it, a span such as `1m30s`, or a date.
pub(super) fn reset(text: &str, now: SystemTime) -> Option<Duration> {
    let number = seconds(text).map(|number| moment(number, now));
    number.or_else(|| span(text)).or_else(|| http_date(text, now))
}

/// The time until the moment that a number tells: in milliseconds or seconds since 1970, or from now on.
fn moment(number: Duration, now: SystemTime) -> Duration {
    let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    if number.as_secs() <= SHORTEST_MOMENT {
        return number;
    }
    let since_then = if number.as_secs() > LAST_SECOND { number / 1000 } else { number };
    since_then.saturating_sub(since_1970)
}

/// A span with units, such as `6m0s` or `250ms`.
fn span(text: &str) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let unit = rest.find(|letter: char| letter.is_ascii_alphabetic())?;
        let (number, after) = rest.split_at(unit);
        let end = after.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(after.len());
        let number = seconds(number)?;
        sum = sum.saturating_add(match &after[..end] {
            "h" => number.saturating_mul(3600),
            "m" => number.saturating_mul(60),
            "s" => number,
            "ms" => number / 1000,
            "us" => number / 1_000_000,
            "ns" => number / 1_000_000_000,
            _ => return None,
        });
        rest = &after[end..];
    }
    (!text.is_empty()).then_some(sum)
}
