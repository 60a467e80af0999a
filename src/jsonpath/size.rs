//! What a pattern comes to for the library that runs it, which tries every state of the pattern at every letter of a
//! text: it has no automaton that would know after each letter where it is.
//!
//! Measured of the library at `opt-level = 3`: 2.5 ns for one of what a size counts, 40 ns for a letter whatever the
//! pattern, half a microsecond for a text; the program built for size takes twice that, a build without any
//! optimisation twelve times and more. A step of a query stands for a hundred nanoseconds.

use std::collections::HashMap;
use std::ops::AddAssign;

/// So much of a size is one step.
const PER_STEP: u64 = 40;
/// What a letter of a text takes beside the states.
const LETTER: u64 = 16;
/// So many ranges of classes take as long as one of what `states` counts.
const RANGES: u64 = 8;
/// The steps of a text, however short.
const TEXT: u64 = 5;

/// The size of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Size {
    /// The states, each by the time that it takes.
    pub(super) states: u64,
    /// The ranges of classes. A letter of ASCII stands before nearly all of them, and is not compared with those.
    pub(super) ranges: u64,
}

/// The texts on which patterns are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Texts {
    pub(super) count: u64,
    pub(super) bytes: u64,
    /// The letters beyond ASCII.
    pub(super) wide: u64,
}

impl Texts {
    pub(super) fn of(text: &str) -> Self {
        let wide = text.bytes().filter(|byte| *byte >= 0xc0).count() as u64;
        Self { count: 1, bytes: text.len() as u64, wide }
    }

    pub(super) fn times(self, times: u64) -> Self {
        Self {
            count: self.count.saturating_mul(times),
            bytes: self.bytes.saturating_mul(times),
            wide: self.wide.saturating_mul(times),
        }
    }

    /// The smaller number of each.
    pub(super) fn min(self, other: Self) -> Self {
        Self {
            count: self.count.min(other.count),
            bytes: self.bytes.min(other.bytes),
            wide: self.wide.min(other.wide),
        }
    }

    /// The greater number of each.
    pub(super) fn max(self, other: Self) -> Self {
        Self {
            count: self.count.max(other.count),
            bytes: self.bytes.max(other.bytes),
            wide: self.wide.max(other.wide),
        }
    }
}

impl AddAssign for Texts {
    fn add_assign(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.wide = self.wide.saturating_add(other.wide);
    }
}

impl Size {
    pub(super) const LETTER: Self = Self { states: 4, ranges: 0 };
    pub(super) const CLASS: Self = Self { states: 5, ranges: 0 };
    /// Another branch (`|`).
    pub(super) const BRANCH: Self = Self { states: 2, ranges: 0 };
    /// Parentheses.
    const GROUP: Self = Self { states: 1, ranges: 0 };
    /// That an atom may be missing, or stand once more.
    const CHOICE: Self = Self { states: 4, ranges: 0 };

    /// The steps of trying a pattern of this size on texts, at most.
    pub(super) fn matching(self, texts: Texts) -> u64 {
        let states = texts.bytes.saturating_mul(self.states.saturating_add(LETTER));
        let ranges = texts.wide.saturating_mul(self.ranges) / RANGES;
        (states.saturating_add(ranges) / PER_STEP).saturating_add(texts.count.saturating_mul(TEXT))
    }

    /// The steps of compiling a pattern of this size, whose translation has so many bytes.
    pub(super) fn compiling(self, bytes: usize) -> u64 {
        (bytes as u64).saturating_add(self.states / 4).saturating_add(TEXT)
    }

    fn times(self, times: u64) -> Self {
        Self { states: self.states.saturating_mul(times), ranges: self.ranges.saturating_mul(times) }
    }
}

impl AddAssign for Size {
    fn add_assign(&mut self, other: Self) {
        self.states = self.states.saturating_add(other.states);
        self.ranges = self.ranges.saturating_add(other.ranges);
    }
}

/// What is between two parentheses so far.
#[derive(Debug, Default)]
struct Group {
    whole: Size,
    /// The last atom.
    last: Size,
    /// The letter that the last atom is, and the one before it.
    letters: (Option<char>, Option<char>),
    /// How many letters stand right behind each letter. After a letter of the text no others of these are tried than
    /// those behind the same letter, so that a word does not take all of its letters at once.
    behind: HashMap<char, u64>,
}

impl Group {
    /// The size of it all.
    fn size(&self) -> Size {
        let mut size = self.whole;
        size += Size::LETTER.times(self.behind.values().copied().max().unwrap_or(0));
        size
    }
}

/// The size of a pattern while it is read.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    current: Group,
    outer: Vec<Group>,
}

impl Sizes {
    pub(super) fn atom(&mut self, size: Size) {
        self.current.whole += size;
        self.current.last = size;
        self.current.letters = (None, None);
    }

    /// A letter that stands for itself.
    pub(super) fn letter(&mut self, letter: char) {
        if let Some(before) = self.current.letters.0 {
            *self.current.behind.entry(before).or_default() += 1;
            self.current.last = Size::LETTER;
            self.current.letters = (Some(letter), Some(before));
        } else {
            self.atom(Size::LETTER);
            self.current.letters = (Some(letter), None);
        }
    }

    pub(super) fn open(&mut self) {
        self.outer.push(std::mem::take(&mut self.current));
    }

    /// Ends a group; `None` where none is open.
    pub(super) fn close(&mut self) -> Option<()> {
        let mut size = std::mem::replace(&mut self.current, self.outer.pop()?).size();
        size += Size::GROUP;
        self.atom(size);
        Some(())
    }

    /// The last atom stands so often, each time written out; of those that must not, there is a choice.
    pub(super) fn repeat(&mut self, times: u64, choices: u64) {
        let (last, (_, before)) = (self.current.last, self.current.letters);
        if let Some(count) = before.and_then(|before| self.current.behind.get_mut(&before)) {
            *count -= 1;
            self.current.whole += last;
        }
        self.current.whole += last.times(times.saturating_sub(1));
        self.current.whole += Size::CHOICE.times(choices);
        self.current.letters = (None, None);
    }

    /// The size of all; `None` where a group is open.
    pub(super) fn whole(&self) -> Option<Size> {
        self.outer.is_empty().then(|| self.current.size())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::super::i_regexp::translated;
    use super::*;

    #[test]
    fn a_size_is_what_may_be_tried_at_one_letter() {
        for (pattern, states) in [
            ("a", 4),
            ("abc", 8),
            ("aaa", 12),
            ("deprecated", 4 + 3 * 4),
            ("ab*c", 4 + 4 + 4 + 4),
            ("a{3}", 12),
            ("ba{3}", 16),
            ("(ab){3}", 3 * 9),
            ("[a-z]{2,3}", 3 * 5 + 2 * 4),
            ("ab|cd", 4 + 2 + 4 + 4),
            ("^a$", 12),
            (r"\.\.", 8),
        ] {
            assert_eq!(translated(pattern).unwrap().size.states, states, "{pattern}");
        }
        assert_eq!(translated("[a-z]{2,3}").unwrap().size.ranges, 3);
        assert!(translated(r"\p{L}").unwrap().size.ranges > 500);
    }

    /// What people write is tried on every text of the largest documents.
    #[test]
    fn ordinary_patterns_run_on_thirty_megabytes_of_text() {
        let texts = Texts { count: 200_000, bytes: 30 << 20, wide: 100_000 };
        for pattern in [
            "deprecated|obsolete|removed",
            "[Dd]eprecated (in|since) version [0-9]+[.][0-9]+",
            "in (version|release) [0-9]{1,4}",
            r"^\p{Lu}[a-z]{3,8}$",
            "https?://[^ ]+[.]example[.](com|org)/",
            "",
        ] {
            let steps = translated(pattern).unwrap().size.matching(texts);
            assert!(steps <= super::super::cost::MOST, "{pattern}: {steps}");
        }
    }
}
