//! Text that is mostly short: names of arguments and numbers. Up to 22 bytes of it stand in place, without an allocation.

use std::borrow::Borrow;
use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};

/// So many bytes stand in place.
const INLINE: usize = 22;

/// A text, in place where it is short. The same text is always held in the same way.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Short {
    /// Its length, and its bytes with zeros behind them.
    Inline(u8, [u8; INLINE]),
    Heap(Box<str>),
}

impl Short {
    pub(crate) fn new(text: &str) -> Self {
        Self::inline(text).unwrap_or_else(|| Self::Heap(text.into()))
    }

    /// What a value shows.
    pub(crate) fn of(value: &impl fmt::Display) -> Self {
        let mut written = Written { length: 0, bytes: [0; INLINE] };
        match write!(written, "{value}") {
            Ok(()) => Self::Inline(written.length, written.bytes),
            Err(_) => Self::new(&value.to_string()),
        }
    }

    fn inline(text: &str) -> Option<Self> {
        let mut bytes = [0; INLINE];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self::Inline(u8::try_from(text.len()).ok()?, bytes))
    }

    /// Its bytes, which need not be looked at to be told from others.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Inline(length, bytes) => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Self::Heap(text) => text.as_bytes(),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Inline(length, bytes) => {
                let bytes = bytes.get(..usize::from(*length)).unwrap_or_default();
                std::str::from_utf8(bytes).unwrap_or_default()
            }
            Self::Heap(text) => text,
        }
    }
}

/// What was written so far; more than fits is an error.
struct Written {
    length: u8,
    bytes: [u8; INLINE],
}

impl fmt::Write for Written {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let start = usize::from(self.length);
        let end = start + text.len();
        self.bytes.get_mut(start..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = u8::try_from(end).map_err(|_| fmt::Error)?;
        Ok(())
    }
}

impl Borrow<str> for Short {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl Hash for Short {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_and_equals_itself() {
        for length in [0, 1, 21, 22, 23, 300] {
            let text = "ä".repeat(length / 2) + &"x".repeat(length % 2);
            assert_eq!(Short::new(&text).as_str(), text);
            assert_eq!(Short::new(&text), Short::of(&text), "{length}");
        }
        assert_ne!(Short::new("a"), Short::new("a\0"));
        assert_eq!(Short::of(&i128::MIN).as_str(), i128::MIN.to_string());
        assert_eq!(Short::of(&7).as_str(), "7");
        assert_eq!(size_of::<Short>(), size_of::<String>());
    }
}
