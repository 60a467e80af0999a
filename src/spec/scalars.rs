//! Plain scalars that the YAML parser takes for numbers, and YAML 1.2 (§10.3.2) for texts: `0b11`, hexadecimal and
//! octal numbers with a sign, and whatever has the non-specific tag `!` (§6.9.1).
//!
//! The parser tells such a scalar's value and not its text, and must be asked for a text before it tells anything. So a
//! YAML text in which something looks like one is gone through twice: first to see which of its values are such
//! scalars, then to ask for these as texts.

use std::fmt;
use std::vec;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// Which values of a text are asked for as texts.
#[derive(Default)]
pub(super) enum Scalars {
    /// None.
    #[default]
    Ordinary,
    /// Those seen so far, with a `true` for each that is asked for the second time.
    Seen(Vec<bool>),
    Known(vec::IntoIter<bool>),
}

impl Scalars {
    /// A value begins; tells whether it is asked for as a text.
    pub(super) fn next(&mut self) -> bool {
        match self {
            Self::Ordinary => false,
            Self::Seen(all) => {
                all.push(false);
                false
            }
            Self::Known(rest) => rest.next().unwrap_or_default(),
        }
    }

    /// The value that began last is a scalar whose text is wanted.
    pub(super) fn found(&mut self) {
        if let Self::Seen(all) = self
            && let Some(last) = all.last_mut()
        {
            *last = true;
        }
    }

    /// For the second time.
    pub(super) fn known(self) -> Self {
        match self {
            Self::Seen(all) => Self::Known(all.into_iter()),
            other => other,
        }
    }
}

/// A longer word may be an anchor, in bytes.
const LONGEST_ANCHOR: usize = 256;

/// Whether a text may have such scalars; a `false` is sure.
pub(super) fn may_have(text: &str) -> bool {
    let number = |(at, _): (usize, &str)| {
        let has_base = matches!(text.as_bytes().get(at + 1), Some(b'b' | b'x' | b'o'));
        has_base && is_text(&text[token(text, at)..at + 2])
    };
    let has_anchors = text.contains('&');
    let tag = |(at, _): (usize, &str)| {
        let after = text.as_bytes().get(at + 1);
        let is_alone = after.is_none_or(|byte| byte.is_ascii_whitespace() || b",]}".contains(byte));
        is_alone && begins_value(&text[..at], has_anchors)
    };
    text.match_indices('0').any(number) || text.match_indices('!').any(tag)
}

/// Where the number begins whose first digit is at a place, if it is the first of a scalar.
fn token(text: &str, digit: usize) -> usize {
    let before = &text.as_bytes()[..digit];
    let is_signed = before.last().is_some_and(|byte| b"+-".contains(byte));
    let start = digit - usize::from(is_signed);
    let is_first =
        before[..start].last().is_none_or(|byte| byte.is_ascii_whitespace() || b"[{,:".contains(byte));
    // Nothing is in between, which is no number.
    if is_first { start } else { digit + 2 }
}

/// Whether a value may begin behind a text: after an indicator, an anchor or a line's indent. Of a long word the beginning
/// is not looked for: where there are anchors at all it may be one.
fn begins_value(before: &str, has_anchors: bool) -> bool {
    let before = before.trim_end_matches([' ', '\t']).as_bytes();
    let is_blank = |byte: &u8| b" \t\n\r".contains(byte);
    if before.last().is_none_or(|last| is_blank(last) || b"[{,:-?".contains(last)) {
        return true;
    }
    let end = &before[before.len().saturating_sub(LONGEST_ANCHOR)..];
    let word = end.rsplit(is_blank).next().unwrap_or_default();
    word.first() == Some(&b'&') || has_anchors && word.len() == LONGEST_ANCHOR
}

/// Whether a scalar that the parser takes for an integer is none.
pub(super) fn is_text(scalar: &str) -> bool {
    let digits = scalar.trim_start_matches(['+', '-']);
    let is_signed = digits.len() < scalar.len();
    digits.starts_with("0b") || is_signed && (digits.starts_with("0x") || digits.starts_with("0o"))
}

/// An integer of YAML 1.2 as it is told to a visitor of the parser's numbers; any other scalar is a text.
pub(super) fn visit<'de, V: Visitor<'de>, E: Error>(visitor: V, scalar: &str) -> Result<V::Value, E> {
    let digits = scalar.strip_prefix('+').unwrap_or(scalar);
    let (digits, radix) = match (digits.strip_prefix("0x"), digits.strip_prefix("0o")) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) => (digits, 8),
        (None, None) => (digits, 10),
    };
    if let Ok(number) = u64::from_str_radix(digits, radix) {
        visitor.visit_u64(number)
    } else if let Ok(number) = i64::from_str_radix(digits, radix) {
        visitor.visit_i64(number)
    } else if let Ok(number) = u128::from_str_radix(digits, radix) {
        visitor.visit_u128(number)
    } else if let Ok(number) = i128::from_str_radix(digits, radix) {
        visitor.visit_i128(number)
    } else {
        visitor.visit_str(scalar)
    }
}

/// Whether a tag is the non-specific one.
pub(super) struct IsBare(pub(super) bool);

impl<'de> Deserialize<'de> for IsBare {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tag;
        impl Visitor<'_> for Tag {
            type Value = IsBare;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a tag")
            }

            fn visit_str<E: Error>(self, tag: &str) -> Result<IsBare, E> {
                Ok(IsBare(tag == "!"))
            }
        }
        deserializer.deserialize_str(Tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_back_has_an_end() {
        let anchor = format!("a: &{} ! 2", "b".repeat(LONGEST_ANCHOR));
        assert!(may_have(&anchor), "it may be an anchor");
        let begun = std::time::Instant::now();
        assert!(!may_have(&format!("a: \"{}\"", "a!,".repeat(300_000))));
        assert!(begun.elapsed().as_secs() < 20, "it was looked back to the beginning of the text each time");
    }

    #[test]
    fn what_looks_like_one_is_seen_where_a_value_may_begin() {
        for text in [
            "a: 0b11",
            "[0b1]",
            "{\"a\":0b1}",
            "- -0b1",
            "0b1",
            "a: +0x1F",
            "- -0o7",
            "a: ! 2",
            "- ! 2",
            "[! 2]",
            "! 2",
            "a: &b ! 2",
            "a:\n  ! 2",
            "a: !\n  2",
            "[!, 1]",
        ] {
            assert!(may_have(text), "{text}");
        }
        for text in [
            "a: 0x1F",
            "a: 0o7",
            "a0b1",
            "id: 40b1",
            "x-0b1",
            "a: done! and done",
            "a: Attention ! Oui",
            "a: !b 2",
            "a: !!str 2",
            "a: 'b'",
            "",
        ] {
            assert!(!may_have(text), "{text}");
        }
    }
}
