//! What reading one document may cost, so that a text made to do harm ends in an error and not in a full memory.
//!
//! [`Limits`] are the user's to set; [`Budget`] is what follows from them and from the document's size: references
//! let a small document say a lot, as aliases do in YAML.

use std::cell::Cell;

use super::error::SpecError;

/// How many bytes of text references may make of a document, beside eight times its own.
const EXPANDED: usize = 64 << 20;
/// How many steps references may take, beside one for each byte of the document.
const STEPS: usize = 4 << 20;

/// What one document may cost at most, the files that it refers to included.
///
/// ```
/// use opcall::{Document, spec::Limits};
/// let huge = Document::open("dump.json").limits(Limits::default().bytes(512 << 20).nodes(50_000_000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub(crate) bytes: usize,
    pub(crate) depth: usize,
    pub(crate) nodes: usize,
    pub(crate) operations: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 128 << 20, depth: 128, nodes: 5_000_000, operations: 200_000 }
    }
}

impl Limits {
    /// How many bytes the text may have; 128 MiB by default. The files that it refers to may have as many together.
    #[must_use]
    pub const fn bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// How many objects and arrays may stand in one another; 128 by default, which is also the most: the parsers of
    /// JSON and YAML go no deeper. Of a JSON document that is read operation by operation it is the parts which are read
    /// that go no deeper than 128; how deep others are is not looked at, except by [`survey`](super::survey) and
    /// whatever else reads it whole.
    #[must_use]
    pub const fn depth(self, depth: usize) -> Self {
        Self { depth, ..self }
    }

    /// How many values a text may have, keys not counted; 5 million by default.
    #[must_use]
    pub const fn nodes(self, nodes: usize) -> Self {
        Self { nodes, ..self }
    }

    /// How many operations it may have; 200,000 by default.
    #[must_use]
    pub const fn operations(self, operations: usize) -> Self {
        Self { operations, ..self }
    }

    /// The error of a text that is too long.
    pub(crate) fn too_long(self) -> SpecError {
        SpecError::new(format!("the document has more than {}", shown(self.bytes))).hint(RAISE)
    }

    /// Refuses more operations than there may be.
    pub(crate) fn check_operations(self, count: usize, pointer: &str) -> Result<(), SpecError> {
        if count <= self.operations {
            return Ok(());
        }
        let problem = format!("the document has more than {} operations", self.operations);
        Err(SpecError::at(pointer, problem).hint(RAISE))
    }
}

/// What to do about a document that is larger than a limit.
pub(crate) const RAISE: &str = "Give a document of fewer operations, or raise the limit (`Document::limits`) if this one is to be trusted.";

/// A number of bytes for people: `128 MiB`, or the bytes where it is no whole number of those.
pub(crate) fn shown(bytes: usize) -> String {
    if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) {
        format!("{} MiB", bytes >> 20)
    } else {
        format!("{bytes} bytes")
    }
}

/// What the references of a document may still make of it.
pub(crate) struct Budget {
    /// The size of the document that it is for.
    bytes: usize,
    text: Cell<usize>,
    steps: Cell<usize>,
    is_over: Cell<bool>,
}

impl Budget {
    /// For a document of so many bytes.
    pub(crate) fn of(bytes: usize) -> Self {
        let new = Self { bytes, text: Cell::default(), steps: Cell::default(), is_over: Cell::default() };
        new.renew();
        new
    }

    /// Gives it as much again as it had at first.
    pub(crate) fn renew(&self) {
        self.text.set(self.bytes.saturating_mul(8).saturating_add(EXPANDED));
        self.steps.set(self.bytes.saturating_add(STEPS));
        self.is_over.set(false);
    }

    /// Whether it is used up.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.get()
    }

    /// Takes bytes of text; `false` where there are not so many left.
    pub(crate) fn text(&self, bytes: usize) -> bool {
        self.take(&self.text, bytes)
    }

    /// Takes steps; `false` where there are not so many left.
    pub(crate) fn steps(&self, steps: usize) -> bool {
        self.take(&self.steps, steps)
    }

    fn take(&self, from: &Cell<usize>, much: usize) -> bool {
        match from.get().checked_sub(much) {
            Some(left) => from.set(left),
            None => self.is_over.set(true),
        }
        !self.is_over.get()
    }

    /// Refuses what was read beyond the budget: parts of it are missing.
    pub(crate) fn check(&self, pointer: &str) -> Result<(), SpecError> {
        if !self.is_over.get() {
            return Ok(());
        }
        let problem = "the document grows beyond all measure through its references";
        Err(SpecError::at(pointer, problem)
            .hint("Give a document without the references that repeat large parts."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_as_people_say_them() {
        assert_eq!(shown(128 << 20), "128 MiB");
        assert_eq!(shown(1000), "1000 bytes");
        assert_eq!(shown((1 << 20) + 1), "1048577 bytes");
    }

    #[test]
    fn a_budget_stays_used_up() {
        let budget = Budget::of(0);
        assert!(budget.text(EXPANDED) && budget.check("#").is_ok());
        assert!(!budget.text(1) && !budget.steps(1), "what is missing stays missing");
        assert!(budget.check("#").is_err() && budget.is_over());
        budget.renew();
        assert!(!budget.is_over() && budget.text(EXPANDED) && budget.steps(STEPS) && !budget.text(1));
    }
}
