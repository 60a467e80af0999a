//! `JSONPath` (RFC 9535): which nodes of a JSON value a query selects, and where they stand. A library reads and runs
//! the queries; here its places become steps that outlive the value, and what a query may cost is bounded: the library
//! has no bounds, neither for the nesting of a query's text nor for the work that it asks for.

mod categories;
mod cost;
mod i_regexp;
mod plan;
mod regular;
mod size;

use serde_json::Value;
use serde_json_path::{JsonPath, PathElement};

use self::i_regexp::Fault;
use self::plan::{Pattern, Plan};

pub(crate) use self::regular::Patterns;

/// How long a query may be, in bytes, and how many brackets and parentheses may be open in it at once: the parser calls
/// itself for each, and reads some of them twice.
const MAX_LENGTH: usize = 16 << 10;
const MAX_OPEN: usize = 24;

/// How many filters may be open at once: the parser reads what is in one several times over, for each of them.
const MAX_FILTERS: usize = 8;

/// A query that begins at the root (`$`).
#[derive(Debug, Clone)]
pub(crate) struct Query {
    path: JsonPath,
    plan: Plan,
}

/// A query would take more than any document is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooCostly {
    /// Far more steps than its document has nodes.
    Steps,
    /// The same, of its patterns: their states times the letters of the texts.
    Matching,
    /// Too much memory for a pattern.
    Memory,
    /// Too many groups in each other for a pattern.
    Nesting,
}

impl TooCostly {
    /// What a pattern comes to that cannot be run; one that is none fits nothing, and costs nothing.
    fn of(fault: Fault) -> Option<Self> {
        match fault {
            Fault::NoPattern => None,
            Fault::TooLarge => Some(Self::Memory),
            Fault::TooDeep => Some(Self::Nesting),
        }
    }
}

/// One step from a value to a value in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

impl From<&PathElement<'_>> for Step {
    fn from(element: &PathElement<'_>) -> Self {
        match element {
            PathElement::Name(name) => Self::Member((*name).to_owned()),
            PathElement::Index(index) => Self::Index(*index),
        }
    }
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// Where the text is no well-formed and well-typed query (RFC 9535 §2.1, §2.4.3), with the character, counted
    /// from 1, or is longer or more nested than any.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_LENGTH {
            return Err(format!("it has more than {MAX_LENGTH} bytes"));
        }
        if let Some(at) = too_nested(text) {
            return Err(format!("more than {MAX_OPEN} brackets are open, at character {at}"));
        }
        if let Some(at) = too_filtered(text) {
            return Err(format!("more than {MAX_FILTERS} filters stand in each other, at character {at}"));
        }
        // The library panics where a text ends within an escape, with which no query does.
        if [r"\u", r"\uD", r"\ud"].iter().any(|end| text.ends_with(end)) {
            return Err(format!("a text is not finished, at character {}", text.chars().count() + 1));
        }
        let path = JsonPath::parse(text)
            .map_err(|fault| format!("{}, at character {}", fault.message(), fault.position() + 1))?;
        Ok(Self { path, plan: Plan::of(text) })
    }

    /// The names that it begins with, and whether they are all of it: it looks at nothing but what they lead to.
    pub(crate) fn way(&self) -> (Vec<&str>, bool) {
        self.plan.way()
    }

    /// The patterns of it that are not run, each with what is wrong and what to do about it: no I-Regexps (RFC 9485),
    /// too large ones. Those that come from the document are not known.
    pub(crate) fn void_patterns(&self) -> Vec<(String, String)> {
        let told = |pattern: &Pattern| {
            let literal = pattern.literal.as_ref()?;
            let problem = match literal.size.err()? {
                Fault::NoPattern => {
                    format!("is no I-Regexp (RFC 9485): {}", i_regexp::instead(&literal.text))
                }
                Fault::TooLarge => {
                    "takes too much memory: write fewer categories (`\\p{L}`), and count fewer repeats, each of \
                     which is as long as what it repeats; where there are texts to try it on, it is an error"
                        .to_owned()
                }
                Fault::TooDeep => {
                    "is nested too deep: write fewer groups in each other; where there are texts to try it on, it is an error".to_owned()
                }
            };
            Some((literal.text.clone(), problem))
        };
        self.plan.patterns().into_iter().filter_map(told).collect()
    }

    /// Where the selected nodes stand, each once, in the order of the document's members. The patterns are those of
    /// the queries before it, so that what they have in common is made once.
    ///
    /// # Errors
    /// Where finding them would take more steps than any document is worth, or one of its patterns
    /// cannot be run.
    pub(crate) fn select(&self, root: &Value, patterns: &mut Patterns) -> Result<Vec<Vec<Step>>, TooCostly> {
        cost::check(&self.plan, root)?;
        let found = regular::within(patterns, cost::MOST, || self.path.query_located(root))?;
        let mut places: Vec<Vec<Step>> =
            found.iter().map(|node| node.location().iter().map(Step::from).collect()).collect();
        places.sort_unstable();
        places.dedup();
        Ok(places)
    }
}

/// The character, counted from 1, where more brackets are open than may be. Those in texts count too.
fn too_nested(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    let deepest = text.chars().position(|letter| {
        match letter {
            '[' | '(' => open += 1,
            ']' | ')' => open = open.saturating_sub(1),
            _ => {}
        }
        open > MAX_OPEN
    });
    deepest.map(|at| at + 1)
}

/// The character, counted from 1, where more filters are open than may be. Those in texts count too.
fn too_filtered(text: &str) -> Option<usize> {
    let mut brackets: Vec<bool> = Vec::new();
    let deepest = text.chars().position(|letter| {
        match letter {
            '[' => brackets.push(false),
            ']' => _ = brackets.pop(),
            '?' => brackets.last_mut().into_iter().for_each(|is_filter| *is_filter = true),
            _ => {}
        }
        brackets.iter().filter(|is_filter| **is_filter).count() > MAX_FILTERS
    });
    deepest.map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_may_be_cut_off_anywhere() {
        for text in [r"$['\uD83D\uDE00\u00e9\ud83d\ude00']", r#"$[?@.a == "\uD83D\uDE00\u00E9"]"#] {
            for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
                let told = Query::parse(&text[..end]).err();
                assert!(told.is_some() || end == 1, "{}", &text[..end]);
            }
        }
        let told = Query::parse(r"$['\u").err();
        assert_eq!(told.as_deref(), Some("a text is not finished, at character 6"));
    }

    #[test]
    fn a_query_has_an_end() {
        let nested = |open: &str, count: usize, close: &str| {
            format!("$[?{}@.a{}]", open.repeat(count), close.repeat(count))
        };
        assert!(Query::parse(&nested("(", 23, ")")).is_ok());
        let told = Query::parse(&nested("(", 24, ")")).err();
        assert_eq!(told.as_deref(), Some("more than 24 brackets are open, at character 27"));
        assert!(Query::parse(&nested("(", 100_000, ")")).is_err());
        assert!(Query::parse(&nested("@[?", 100_000, "]")).is_err());
        assert!(Query::parse(&format!("$.{}", "a".repeat(20_000))).is_err());
        // The parser reads a function that it first takes for a part of a comparison once more.
        assert!(Query::parse(&nested("match(value(@[?", 7, "]), 'a')")).is_ok());
        // And a filter that it cannot read to the end, in every way that it may begin.
        let told = Query::parse(&"$..[?@.a".repeat(14)).err();
        assert_eq!(told.as_deref(), Some("more than 8 filters stand in each other, at character 69"));
        assert!(Query::parse(&"$..[?@.a".repeat(8)).is_err());
    }
}
