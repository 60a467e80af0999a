//! The functions `match` and `search` of queries (RFC 9535 §2.4.6, §2.4.7), whose patterns are I-Regexps (RFC 9485).
//!
//! The library's own compile a pattern anew for every node, and take what no I-Regexp is. These keep the last few patterns,
//! and count what they do: a pattern may come from the document, and is known no sooner than when it is tried.

use std::cell::RefCell;

use regex_lite::{Regex, RegexBuilder};
use serde_json::Value;
use serde_json_path::functions::{LogicalType, ValueType};

use super::TooCostly;
use super::i_regexp::{self, Fault, MOST_MEMORY, MOST_NESTED};
use super::size::{self, Size, Texts};

/// How many patterns are kept: those of a filter may take turns.
pub(super) const KEPT: usize = 4;

/// The steps of compiling patterns, of all queries together: two seconds. What people write takes some tens of steps a
/// pattern, with categories of letters some thousands.
const MOST_COMPILING: u64 = 20_000_000;

/// What the library adds to a pattern: its ends, and the places where it fits.
const FRAME: u64 = 1 << 10;
/// As many levels may a group be for the library: a repetition of branches of atoms.
const LEVELS: usize = 4;

/// A pattern that is ready for texts.
struct Compiled {
    regex: Regex,
    size: Size,
}

/// A pattern, for the whole of a text or for a part of it.
struct Pattern {
    text: String,
    whole: bool,
    compiled: Result<Compiled, Fault>,
}

/// The patterns that some queries used last, the latest at the end; they are kept for as long as this is.
pub(crate) struct Patterns {
    kept: Vec<Pattern>,
    /// The steps that the query may take yet.
    left: u64,
    /// The steps that compiling may take yet, for all queries.
    compiling: u64,
    /// Why the query is to end.
    over: Option<TooCostly>,
}

impl Default for Patterns {
    fn default() -> Self {
        Self { kept: Vec::new(), left: 0, compiling: MOST_COMPILING, over: None }
    }
}

impl Patterns {
    /// Makes a pattern the last one, and tells what it comes to.
    fn pattern(&mut self, text: &str, whole: bool) -> Result<Size, Fault> {
        let known = self.kept.iter().position(|pattern| pattern.text == text && pattern.whole == whole);
        let pattern = if let Some(place) = known {
            self.kept.remove(place)
        } else {
            let translated = i_regexp::translated(text);
            let read = text.len().min(i_regexp::LONGEST) as u64;
            let steps = translated.as_ref().map_or(read, |known| known.size.compiling());
            self.spend(steps);
            self.compiling = self.compiling.checked_sub(steps).unwrap_or_else(|| {
                self.over = self.over.or(Some(TooCostly::Matching));
                0
            });
            let compiled = translated.and_then(|translated| compiled(&translated, whole));
            Pattern { text: text.to_owned(), whole, compiled }
        };
        if self.kept.len() == KEPT {
            self.kept.remove(0);
        }
        let size = pattern.compiled.as_ref().map(|compiled| compiled.size).map_err(|fault| *fault);
        self.kept.push(pattern);
        size
    }

    fn spend(&mut self, steps: u64) {
        match self.left.checked_sub(steps) {
            Some(left) => self.left = left,
            None => self.over = self.over.or(Some(TooCostly::Matching)),
        }
    }

    /// Whether the pattern fits, of a query that is not over.
    fn fits(&mut self, text: &str, pattern: &str, whole: bool) -> bool {
        self.spend(size::finding(pattern.len()));
        if self.over.is_some() {
            return false;
        }
        match self.pattern(pattern, whole) {
            Ok(size) => self.spend(size.matching(Texts::of(text))),
            Err(fault) => self.over = self.over.or(TooCostly::of(fault)),
        }
        let is_over = self.over.is_some();
        let compiled = self.kept.last().and_then(|last| last.compiled.as_ref().ok());
        !is_over && compiled.is_some_and(|compiled| compiled.regex.is_match(text))
    }
}

thread_local! {
    /// Those of the query that runs: the library calls functions that know nothing but their arguments.
    static RUNNING: RefCell<Patterns> = RefCell::default();
}

/// Runs a query, whose patterns may take so many steps.
///
/// # Errors
/// Where they would take more, or one of them cannot be run.
pub(super) fn within<T>(
    patterns: &mut Patterns,
    steps: u64,
    run: impl FnOnce() -> T,
) -> Result<T, TooCostly> {
    (patterns.left, patterns.over) = (steps, None);
    RUNNING.with_borrow_mut(|running| std::mem::swap(running, patterns));
    let done = run();
    RUNNING.with_borrow_mut(|running| std::mem::swap(running, patterns));
    patterns.over.map_or(Ok(done), Err)
}

/// Whether the pattern fits the whole of a text. What is no text fits nothing, and no text fits what is no pattern.
#[serde_json_path::function(name = "match")]
fn fits(value: ValueType<'_>, pattern: ValueType<'_>) -> LogicalType {
    found(&value, &pattern, true)
}

/// Whether the pattern fits some part of a text.
#[serde_json_path::function(name = "search")]
fn fits_a_part(value: ValueType<'_>, pattern: ValueType<'_>) -> LogicalType {
    found(&value, &pattern, false)
}

fn found(value: &ValueType<'_>, pattern: &ValueType<'_>, whole: bool) -> LogicalType {
    let (Some(Value::String(text)), Some(Value::String(pattern))) = (value.as_value(), pattern.as_value())
    else {
        return LogicalType::False;
    };
    RUNNING.with_borrow_mut(|running| running.fits(text, pattern, whole)).into()
}

/// A pattern for the library, which refuses nothing of what is translated: its own bounds are no lower.
fn compiled(translated: &i_regexp::Translated, whole: bool) -> Result<Compiled, Fault> {
    let text = &translated.text;
    let framed = if whole { format!(r"\A(?:{text})\z") } else { String::new() };
    let regex = RegexBuilder::new(if whole { &framed } else { text })
        .size_limit(usize::try_from(MOST_MEMORY + FRAME).unwrap_or(usize::MAX))
        .nest_limit(u32::try_from(MOST_NESTED * LEVELS).unwrap_or(u32::MAX))
        .build();
    regex.map(|regex| Compiled { regex, size: translated.size }).map_err(|_| Fault::TooLarge)
}

#[cfg(test)]
mod tests;
