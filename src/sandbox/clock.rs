//! The sandbox's time: real or fixed, movable forward, and RFC 3339 texts of it.
//!
//! Times are milliseconds since 1970-01-01T00:00:00Z in an `i64`.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where the sandbox takes the time from.
///
/// ```
/// use opcall::sandbox::Clock;
/// assert_eq!("real".parse::<Clock>().unwrap(), Clock::Real);
/// assert!(matches!("2025-06-01T00:00:00Z".parse(), Ok(Clock::Fixed(_))));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Clock {
    /// The system's clock.
    #[default]
    Real,
    /// A clock that stands at this moment until [`Sandbox::advance`](super::Sandbox::advance) moves it.
    Fixed(SystemTime),
}

/// The text is no clock: neither `real` nor a time of RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no clock: write `real` or a time such as 2025-06-01T00:00:00Z")]
pub struct InvalidClock(
    /// The text as given.
    pub String,
);

impl std::str::FromStr for Clock {
    type Err = InvalidClock;

    /// `real`, or a time of RFC 3339 for a clock that stands.
    fn from_str(text: &str) -> Result<Self, InvalidClock> {
        if text == "real" {
            return Ok(Self::Real);
        }
        parse_time(text)
            .and_then(|time| u64::try_from(time).ok())
            .map(|time| Self::Fixed(UNIX_EPOCH + Duration::from_millis(time)))
            .ok_or_else(|| InvalidClock(text.to_owned()))
    }
}

/// A running clock.
#[derive(Debug)]
pub(crate) struct Ticker {
    clock: Clock,
    ahead: AtomicI64,
}

impl Ticker {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, ahead: AtomicI64::new(0) }
    }

    /// Milliseconds since the epoch.
    pub(crate) fn now(&self) -> i64 {
        let base = match self.clock {
            Clock::Real => SystemTime::now(),
            Clock::Fixed(moment) => moment,
        };
        let since = base.duration_since(UNIX_EPOCH).unwrap_or_default();
        millis(since).saturating_add(self.ahead.load(Ordering::SeqCst))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.ahead.fetch_add(millis(by), Ordering::SeqCst);
    }
}

/// A duration in whole milliseconds.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

const DAY: i64 = 86_400_000;

/// RFC 3339 in UTC; milliseconds only where there are some.
pub(crate) fn format_time(time: i64) -> String {
    let (year, month, day) = date_of(time.div_euclid(DAY));
    let within = time.rem_euclid(DAY);
    let (hour, minute, second) = (within / 3_600_000, within / 60_000 % 60, within / 1000 % 60);
    let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if within % 1000 == 0 { format!("{text}Z") } else { format!("{text}.{:03}Z", within % 1000) }
}

/// Reads RFC 3339 §5.6 `date-time`; `None` for anything else.
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let shape = bytes.len() >= 20
        && [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')].iter().all(|(at, sign)| bytes[*at] == *sign)
        && matches!(bytes[10], b'T' | b't');
    if !shape || !text.is_ascii() {
        return None;
    }
    let day = day_number(digits(&text[..4])?, digits(&text[5..7])?, digits(&text[8..10])?)?;
    let (hour, minute, second) = (digits(&text[11..13])?, digits(&text[14..16])?, digits(&text[17..19])?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, offset) = fraction(&text[19..])?;
    let within = ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
    Some(day * DAY + within - zone(offset)? * 60_000)
}

fn digits(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Milliseconds of `.123456`, and what follows.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((0, text)) };
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let three: String = rest[..length].chars().chain("000".chars()).take(3).collect();
    if length == 0 { None } else { Some((digits(&three)?, &rest[length..])) }
}

/// Minutes east of UTC of `Z` or `+02:00`.
fn zone(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hour, minute) = text[1..].split_once(':')?;
    let (hour, minute) = (two_digits(hour, 23)?, two_digits(minute, 59)?);
    Some(sign * (hour * 60 + minute))
}

fn two_digits(text: &str, highest: i64) -> Option<i64> {
    (text.len() == 2).then(|| digits(text)).flatten().filter(|number| *number <= highest)
}

/// Days since 1970-01-01 of a date of the Gregorian calendar.
fn day_number(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || day < 1 {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let era_year = shifted.rem_euclid(400);
    let year_day = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let era_day = era_year * 365 + era_year / 4 - era_year / 100 + year_day;
    let number = shifted.div_euclid(400) * 146_097 + era_day - 719_468;
    (date_of(number) == (year, month, day)).then_some(number)
}

fn date_of(number: i64) -> (i64, i64, i64) {
    let shifted = number + 719_468;
    let era_day = shifted.rem_euclid(146_097);
    let era_year = (era_day - era_day / 1460 + era_day / 36_524 - era_day / 146_096) / 365;
    let year_day = era_day - (365 * era_year + era_year / 4 - era_year / 100);
    let shifted_month = (5 * year_day + 2) / 153;
    let day = year_day - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era_year + shifted.div_euclid(146_097) * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn times_read_and_write() {
        assert_eq!(format_time(0), "1970-01-01T00:00:00Z");
        assert_eq!(parse_time("2024-02-29T23:59:59.5Z"), Some(1_709_251_199_500));
        assert_eq!(format_time(1_709_251_199_500), "2024-02-29T23:59:59.500Z");
        assert_eq!(parse_time("2025-01-01T02:00:00+02:00"), parse_time("2025-01-01t00:00:00z"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "tomorrow",
            "2025-02-29T00:00:00Z",
            "2025-13-01T00:00:00Z",
            "2025-01-01 00:00:00Z",
            "2025-01-01T24:00:00Z",
            "2025-01-01T00:00:00",
            "2025-01-01T00:00:00+2:00",
            "2025-01-01T00:00:00.Z",
            "+025-01-01T00:00:00Z",
        ] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        for day in (-140_000..140_000).step_by(13) {
            let time = day * DAY + 45_296_000;
            assert_eq!(parse_time(&format_time(time)), Some(time));
        }
    }

    #[test]
    fn a_fixed_clock_stands_until_it_is_moved() {
        let ticker = Ticker::new("2025-06-01T00:00:00Z".parse().unwrap());
        let before = ticker.now();
        assert_eq!(ticker.now(), before);
        ticker.advance(Duration::from_secs(30));
        assert_eq!(ticker.now(), before + 30_000);
    }
}
