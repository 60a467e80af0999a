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
/// So many ranges of classes take as long as one of what `states` counts; of the few that begin in ASCII fewer, for the
/// processor cannot foresee which one ends the search.
const RANGES: u64 = 8;
const ASCII_RANGES: u64 = 3;
/// The steps of a text, however short.
const TEXT: u64 = 5;
/// So many bytes of memory are filled in one step of compiling.
const FILLED: u64 = 128;
/// The memory of one state, in bytes, and of one range of a class.
const STATE: u64 = 32;
const RANGE: u64 = 8;

/// The size of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Size {
    /// The states, each by the time that it takes.
    pub(super) states: u64,
    /// The ranges of classes. A letter of ASCII stands before nearly all of them, and is not compared with those.
    pub(super) ranges: u64,
    /// Those of them that begin in ASCII, with which every letter is compared.
    pub(super) ascii: u64,
    /// The memory that it takes once it is compiled, in bytes, at most.
    pub(super) memory: u64,
    /// The steps of reading its translation.
    pub(super) reading: u64,
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

/// The steps of finding a pattern of so many bytes among those that are kept, for one text.
pub(super) fn finding(bytes: usize) -> u64 {
    TEXT + bytes as u64 / PER_STEP
}

impl Size {
    const NOTHING: Self = Self { states: 0, ranges: 0, ascii: 0, memory: 0, reading: 0 };
    pub(super) const LETTER: Self = Self { states: 4, memory: STATE, ..Self::NOTHING };
    pub(super) const CLASS: Self = Self { states: 5, memory: STATE, ..Self::NOTHING };
    /// Another branch (`|`), which may be empty, as the first may be.
    pub(super) const BRANCH: Self = Self { states: 2, memory: 4 * STATE + 8, ..Self::NOTHING };
    /// Parentheses.
    const GROUP: Self = Self { states: 1, ..Self::NOTHING };
    /// That an atom may be missing, or stand once more.
    const CHOICE: Self = Self { states: 4, memory: STATE + 8, ..Self::NOTHING };
    /// What frames the choices of an atom.
    const CHOICES: Self = Self { memory: 2 * STATE + 8, ..Self::NOTHING };

    /// A class of so many ranges, and so many of them that begin in ASCII.
    pub(super) fn class(ranges: u64, ascii: u64) -> Self {
        Self { ranges, ascii, memory: STATE + RANGE * ranges, ..Self::CLASS }
    }

    /// The steps of trying a pattern of this size on texts, at most, once it is found.
    pub(super) fn matching(self, texts: Texts) -> u64 {
        let states = texts.bytes.saturating_mul(self.states.saturating_add(LETTER));
        let ranges = texts.wide.saturating_mul(self.ranges) / RANGES;
        let ascii = texts.bytes.saturating_mul(self.ascii) / ASCII_RANGES;
        states.saturating_add(ranges).saturating_add(ascii) / PER_STEP
    }

    /// The steps of compiling a pattern of this size.
    pub(super) fn compiling(self) -> u64 {
        self.reading.saturating_add(self.memory / FILLED).saturating_add(TEXT)
    }

    fn times(self, times: u64) -> Self {
        Self {
            states: self.states.saturating_mul(times),
            ranges: self.ranges.saturating_mul(times),
            ascii: self.ascii.saturating_mul(times),
            memory: self.memory.saturating_mul(times),
            reading: self.reading,
        }
    }
}

impl AddAssign for Size {
    fn add_assign(&mut self, other: Self) {
        self.states = self.states.saturating_add(other.states);
        self.ranges = self.ranges.saturating_add(other.ranges);
        self.ascii = self.ascii.saturating_add(other.ascii);
        self.memory = self.memory.saturating_add(other.memory);
        self.reading = self.reading.saturating_add(other.reading);
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
        let most = self.behind.values().copied().max().unwrap_or(0);
        size.states = size.states.saturating_add(Size::LETTER.states.saturating_mul(most));
        size
    }
}

/// The size of a pattern while it is read.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    current: Group,
    outer: Vec<Group>,
    /// How many groups were open at once.
    deepest: usize,
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
            self.current.whole += Size { states: 0, ..Size::LETTER };
            self.current.last = Size::LETTER;
            self.current.letters = (Some(letter), Some(before));
        } else {
            self.atom(Size::LETTER);
            self.current.letters = (Some(letter), None);
        }
    }

    pub(super) fn open(&mut self) {
        self.outer.push(std::mem::take(&mut self.current));
        self.deepest = self.deepest.max(self.outer.len());
    }

    /// Ends a group; `None` where none is open.
    pub(super) fn close(&mut self) -> Option<()> {
        let mut size = std::mem::replace(&mut self.current, self.outer.pop()?).size();
        size += Size::GROUP;
        // One without anything in it is a state all the same.
        size.memory = size.memory.max(STATE);
        self.atom(size);
        Some(())
    }

    /// The last atom stands so often, each time written out; of those that must not, there is a choice.
    pub(super) fn repeat(&mut self, times: u64, choices: u64) {
        let (last, (_, before)) = (self.current.last, self.current.letters);
        if let Some(count) = before.and_then(|before| self.current.behind.get_mut(&before)) {
            *count -= 1;
            self.current.whole += Size { memory: 0, ..last };
        }
        self.current.whole += last.times(times.saturating_sub(1));
        if choices > 0 {
            self.current.whole += Size::CHOICE.times(choices);
            self.current.whole += Size::CHOICES;
        }
        self.current.letters = (None, None);
    }

    /// The size of all; `None` where a group is open.
    pub(super) fn whole(&self) -> Option<Size> {
        self.outer.is_empty().then(|| self.current.size())
    }

    /// How many groups stood in each other.
    pub(super) fn deepest(&self) -> usize {
        self.deepest
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
        for (pattern, ascii) in [
            ("a", 0),
            ("[a-z]", 1),
            ("[acegik]", 6),
            ("[^a-z-]", 3),
            ("[a\u{e4}]{3}", 3),
            (r"\p{L}", 2),
            (".", 3),
        ] {
            assert_eq!(translated(pattern).unwrap().size.ascii, ascii, "{pattern}");
        }
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
            let size = translated(pattern).unwrap().size;
            let steps = size.matching(texts) + texts.count * finding(pattern.len());
            assert!(steps <= super::super::cost::MOST, "{pattern}: {steps}");
        }
    }
}
