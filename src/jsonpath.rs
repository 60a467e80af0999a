//! `JSONPath` (RFC 9535): which nodes of a JSON value a query selects, and where they stand. A library reads and runs
//! the queries; here its places become steps that outlive the value.

use serde_json::Value;
use serde_json_path::{JsonPath, ParseError, PathElement};

/// A query that begins at the root (`$`).
#[derive(Debug, Clone)]
pub(crate) struct Query(JsonPath);

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
    /// Where the text is no well-formed and well-typed query (RFC 9535 §2.1, §2.4.3).
    pub(crate) fn parse(text: &str) -> Result<Self, ParseError> {
        JsonPath::parse(text).map(Self)
    }

    /// Where the selected nodes stand, each once, in the order of the document's members.
    pub(crate) fn select(&self, root: &Value) -> Vec<Vec<Step>> {
        let found = self.0.query_located(root);
        let mut places: Vec<Vec<Step>> =
            found.iter().map(|node| node.location().iter().map(Step::from).collect()).collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}
