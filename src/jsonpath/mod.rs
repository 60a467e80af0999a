//! `JSONPath` (RFC 9535): which nodes of a JSON value a query selects, and where they stand.
//!
//! The queries come from files that repair a vendor's document, the values may be documents of many megabytes. So
//! the evaluation is bounded: a query that visits too many nodes (`$..[?$..x]` asks for the square of them) is
//! refused, which no library can be told to do. `parse` turns text into a [`Query`], `evaluate` runs it.

mod evaluate;
mod filter;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;

use regex_lite::Regex;
use serde_json::Value;

/// A query that begins at the root (`$`).
#[derive(Debug, Clone)]
pub(crate) struct Query(Path);

/// One step from a value to a value in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// The element of an array.
    Index(usize),
    /// The member of an object.
    Member(String),
}

impl Step {
    /// The token of a JSON pointer, unescaped.
    pub(crate) fn token(&self) -> String {
        match self {
            Self::Index(index) => index.to_string(),
            Self::Member(name) => name.clone(),
        }
    }
}

/// Why a text is no query: what is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What is wrong.
    pub(crate) problem: String,
    /// The byte of the text where it shows, counted from 0.
    pub(crate) at: usize,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at character {})", self.problem, self.at + 1)
    }
}

/// The query visits more nodes than any honest one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMuch;

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// Where the text is no well-formed and well-typed query (RFC 9535 §2.1, §2.4.3).
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        parse::query(text).map(Self)
    }

    /// Where the selected nodes stand, in the order of the query, each as often as it is selected.
    ///
    /// # Errors
    /// [`TooMuch`] where it would take too long.
    pub(crate) fn select(&self, root: &Value) -> Result<Vec<Vec<Step>>, TooMuch> {
        evaluate::select(&self.0, root, evaluate::NODES)
    }
}

/// A query in a filter, or the whole one.
#[derive(Debug, Clone)]
struct Path {
    /// Whether it begins at the root (`$`), else at the current node (`@`).
    from_root: bool,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone)]
struct Segment {
    /// Whether it looks at the node and all below it (`..`), else at the node alone.
    descends: bool,
    selectors: Vec<Selector>,
}

#[derive(Debug, Clone)]
enum Selector {
    Name(String),
    Wildcard,
    Index(i64),
    Slice { start: Option<i64>, end: Option<i64>, step: i64 },
    Filter(Condition),
}

/// What a filter asks.
#[derive(Debug, Clone)]
enum Condition {
    Any(Vec<Condition>),
    All(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Operand, Comparison, Operand),
    Exists(Path),
    /// `match` (the whole text) and `search` (a part of it).
    Matches {
        whole: bool,
        text: Operand,
        pattern: Pattern,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What has one value, or none.
#[derive(Debug, Clone)]
enum Operand {
    Literal(Value),
    /// A query that selects at most one node.
    Singular(Path),
    Length(Box<Operand>),
    Count(Path),
    Value(Path),
}

/// The pattern of `match` and `search`.
#[derive(Debug, Clone)]
enum Pattern {
    Known(Regex),
    Computed(Operand),
}

impl Path {
    /// Whether it selects at most one node whatever it is asked of (RFC 9535 §2.3.5.1).
    fn is_singular(&self) -> bool {
        self.segments.iter().all(|segment| {
            !segment.descends && matches!(segment.selectors[..], [Selector::Name(_) | Selector::Index(_)])
        })
    }
}

/// An expression of the interoperable dialect (RFC 9485) as this program's engine reads it; `None` where it is none.
fn pattern(text: &str, whole: bool) -> Option<Regex> {
    let mut out = String::with_capacity(text.len() + 8);
    let (mut escaped, mut in_class) = (false, false);
    for letter in text.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '.' if !in_class => {
                out.push_str(r"[^\n\r]");
                continue;
            }
            _ => {}
        }
        out.push(letter);
    }
    Regex::new(&if whole { format!("^(?:{out})$") } else { out }).ok()
}
