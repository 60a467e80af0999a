//! Numbers that keep the text they were given by.
//!
//! `f64` and `u64` lose `1.0`, `1e400` and 2^64; a client that only carries a number has no reason to. Values
//! are looked at only where a schema sets limits.

use std::cmp::Ordering;
use std::fmt;

use super::Short;

/// A number with the text it was given by.
///
/// ```
/// use opcall::Number;
/// assert_eq!(Number::from(5).as_str(), "5");
/// assert_eq!(Number::from_text("1e400").unwrap().as_str(), "1e400");
/// assert!(Number::from_text("0x10").is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number(Short);

impl Number {
    /// The number of a text, or `None` where the text is no JSON number (RFC 8259 §6).
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        is_number(text).then(|| Self(Short::new(text)))
    }

    /// The shortest text that reads back as the same `f64`; `None` for infinities and NaN, which JSON lacks.
    #[must_use]
    pub fn from_f64(value: f64) -> Option<Self> {
        serde_json::Number::from_f64(value).map(Self::from)
    }

    /// The text it was given by.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether its value is a whole number, however it is written: `5`, `5.0`, `5e3`, `50e-1`.
    pub(crate) fn is_integer(&self) -> bool {
        let text = self.as_str();
        if !has_point(text) {
            return true;
        }
        let value = Decimal::of(text);
        value.point >= length(&value.digits)
    }

    /// The value where it is a whole number, however it is written, and fits 128 bits.
    pub(crate) fn as_i128(&self) -> Option<i128> {
        let text = self.as_str();
        if !has_point(text) {
            return text.parse().ok();
        }
        let Decimal { negative, digits, point } = Decimal::of(text);
        if digits.is_empty() {
            return Some(0);
        }
        let zeros = point.checked_sub(length(&digits)).and_then(|zeros| usize::try_from(zeros).ok())?;
        let sign = if negative { "-" } else { "" };
        // 128 bits are at most 39 digits.
        if zeros > 39 { None } else { format!("{sign}{digits}{}", "0".repeat(zeros)).parse().ok() }
    }

    /// The nearest `f64`, infinite where it is beyond its range.
    pub(crate) fn as_f64(&self) -> f64 {
        self.as_str().parse().unwrap_or(f64::NAN)
    }

    /// The order of the values, exact at any length.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        match (self.as_i128(), other.as_i128()) {
            (Some(one), Some(two)) => one.cmp(&two),
            _ => Decimal::of(self.as_str()).compare(&Decimal::of(other.as_str())),
        }
    }
}

/// Whether a number may be other than a row of digits.
fn has_point(text: &str) -> bool {
    text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
}

/// A value taken apart: `0.DIGITS` times ten to the power of `point`; zero has no digits.
struct Decimal {
    negative: bool,
    /// Without zeros at either end.
    digits: String,
    /// Held at the ends of its range where the exponent is beyond them.
    point: i64,
}

impl Decimal {
    /// Reads a text of the grammar.
    fn of(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let end = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{}{fraction}", whole.trim_start_matches('-'));
        let significant = all.trim_start_matches('0');
        let places = length(significant) - length(fraction);
        let digits = significant.trim_end_matches('0').to_owned();
        let point =
            if digits.is_empty() { 0 } else { exponent.parse().unwrap_or(end).saturating_add(places) };
        Self { negative: text.starts_with('-') && !digits.is_empty(), digits, point }
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (true, true) => other.size(self),
            (false, false) => self.size(other),
        }
    }

    /// The order without the signs.
    fn size(&self, other: &Self) -> Ordering {
        let has_value = |one: &Self| !one.digits.is_empty();
        let by_digits = || self.point.cmp(&other.point).then_with(|| self.digits.cmp(&other.digits));
        if has_value(self) && has_value(other) { by_digits() } else { has_value(self).cmp(&has_value(other)) }
    }
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

/// The grammar of RFC 8259 §6: `[-] int [frac] [exp]`.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let is_whole = |text: &str| digits(text) && (text == "0" || !text.starts_with('0'));
    if !has_point(unsigned) {
        return is_whole(unsigned);
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    is_whole(whole) && fraction.is_none_or(digits) && exponent.is_none_or(digits)
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<serde_json::Number> for Number {
    fn from(number: serde_json::Number) -> Self {
        Self(Short::of(&number))
    }
}

macro_rules! from_integers {
    ($($kind:ty),*) => {$(
        impl From<$kind> for Number {
            fn from(value: $kind) -> Self {
                Self(Short::of(&value))
            }
        }
    )*};
}
from_integers!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_of_the_grammar_and_no_others_are_numbers() {
        for text in ["0", "-0", "10", "1.0", "0.10", "1e400", "1E+5", "-1.5e-7", "18446744073709551616"] {
            assert_eq!(Number::from_text(text).unwrap().as_str(), text);
        }
        for text in ["", "-", "+1", "01", "-01", ".5", "1.", "1e", "1e+", "0x10", "NaN", "1 ", "1_000", "١"]
        {
            assert!(Number::from_text(text).is_none(), "{text}");
        }
    }

    #[test]
    fn whole_numbers_are_told_by_their_value() {
        for text in
            ["0", "-7", "5.0", "5e3", "1.5e1", "50e-1", "100e-2", "0.0e-9", "1e400", "1e99999999999999999999"]
        {
            assert!(Number::from_text(text).unwrap().is_integer(), "{text}");
        }
        for text in ["0.5", "1.05e1", "5e-1", "10e-2", "1e-99999999999999999999"] {
            assert!(!Number::from_text(text).unwrap().is_integer(), "{text}");
        }
    }

    #[test]
    fn values_compare_beyond_64_bits() {
        let number = |text| Number::from_text(text).unwrap();
        assert_eq!(
            number("18446744073709551616").compare(&number("18446744073709551615")),
            Ordering::Greater
        );
        assert_eq!(number("1.0").compare(&number("1")), Ordering::Equal);
        assert_eq!(number("-1e400").compare(&number("0")), Ordering::Less);
    }

    #[test]
    fn decimals_compare_without_rounding() {
        let sorted = [
            "-1e400",
            "-10",
            "-9.99999999999999999999",
            "-0.5",
            "0.0",
            "1e-99999999999999999999",
            "1e-400",
            "0.1",
            "0.10000000000000000000001",
            "9.99999999999999999999",
            "10",
            "1e400",
            "1.5e400",
        ];
        for (place, one) in sorted.iter().enumerate() {
            for (other_place, other) in sorted.iter().enumerate() {
                let order = Number::from_text(one).unwrap().compare(&Number::from_text(other).unwrap());
                assert_eq!(order, place.cmp(&other_place), "{one} {other}");
            }
        }
        for (one, other) in [("-0.0", "0e5"), ("1e400", "10e399"), ("0.5", "50e-2")] {
            let order = Number::from_text(one).unwrap().compare(&Number::from_text(other).unwrap());
            assert_eq!(order, Ordering::Equal, "{one} {other}");
        }
    }

    #[test]
    fn whole_numbers_have_a_value_however_they_are_written() {
        let value = |text| Number::from_text(text).unwrap().as_i128();
        assert_eq!(["1.0", "1e3", "-50e-1", "0.0", "-0e9"].map(value), [1, 1_000, -5, 0, 0].map(Some));
        assert_eq!(
            ["0.5", "15e-1", "1e400", "1e99999999999999999999", "1e-99999999999999999999"].map(value),
            [None; 5]
        );
    }

    proptest! {
        #[test]
        fn the_grammar_is_that_of_serde_json(text in "-?[0-9]{0,3}(\\.[0-9]{0,2})?([eE][+-]?[0-9]{0,2})?") {
            let parsed = serde_json::from_str::<&serde_json::value::RawValue>(&text);
            prop_assert_eq!(Number::from_text(&text).is_some(), parsed.is_ok(), "{}", text);
        }
    }
}
