//! Arguments by name, from what callers have at hand: pairs, JSON, maps, structs, files.
//!
//! An argument is JSON with two differences: a number keeps its text (`1.0`, `1e400`, 2^64 survive), and a
//! file is a value. `null`, `false`, `""`, `[]` and absent stay different all the way to the wire.

mod argument;
mod entries;
mod file;
mod number;
mod short;

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use indexmap::IndexMap;
use serde::Serialize;

pub use argument::Argument;
pub(crate) use argument::write_json_string;
use entries::Entries;
pub(crate) use file::FileContent;
pub use file::FilePart;
pub use number::Number;
pub(crate) use short::Short;

/// Arguments by name, in the order they were given; a name given twice is an array.
///
/// ```
/// use opcall::{Params, params};
/// use serde_json::json;
/// let ids = vec!["a", "b"];
/// let params: Params = params! { limit: 10, ids };
/// assert_eq!(params, Params::from(json!({"limit": 10, "ids": ["a", "b"]})));
/// assert_eq!(params, Params::from([("ids", "a"), ("ids", "b")]).with("limit", 10));
/// assert!(Params::from(()).is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Params {
    pub(crate) entries: Entries,
    /// What was given in place of names and values; it becomes a problem of the call.
    pub(crate) fault: Option<Box<Argument>>,
}

/// A whole request body given by the caller.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Body {
    /// A value, written in the media type that the operation declares (JSON, form, ...).
    Value(Argument),
    /// Text as it is, with its media type where one is named.
    Text {
        /// The text.
        text: String,
        /// Its media type; `None` means the operation's.
        media_type: Option<String>,
    },
    /// Bytes as they are, from memory or streamed from a file.
    File(FilePart),
}

impl Params {
    /// No arguments.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The members of a serializable struct or map.
    ///
    /// # Errors
    /// Serializing fails. A value that is no object is no error here but a problem of the call.
    pub fn from_serialize(value: &(impl Serialize + ?Sized)) -> Result<Self, serde_json::Error> {
        Self::from_json_text(&serde_json::to_string(value)?)
    }

    /// The members of a JSON object; numbers keep their text.
    ///
    /// # Errors
    /// The text is no JSON. JSON that is no object is no error here but a problem of the call.
    pub fn from_json_text(text: &str) -> Result<Self, serde_json::Error> {
        Argument::from_json_text(text).map(Self::from)
    }

    /// Sets an argument, in the place of an earlier one of that name.
    pub fn insert(&mut self, name: impl AsRef<str>, value: impl Into<Argument>) {
        self.entries.insert(name.as_ref(), value.into());
    }

    /// Adds an argument; values of one name gather in an array.
    pub fn push(&mut self, name: impl AsRef<str>, value: impl Into<Argument>) {
        if let Err((known, value)) = self.entries.get_or_insert(name.as_ref(), value.into()) {
            let mut items = items_of(std::mem::replace(known, Argument::Null));
            items.extend(items_of(value));
            *known = Argument::Array(items);
        }
    }

    /// [`Params::push`] for chains.
    #[must_use]
    pub fn with(mut self, name: impl AsRef<str>, value: impl Into<Argument>) -> Self {
        self.push(name, value);
        self
    }

    /// The names and values in the order they were given.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Argument)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The value of a name as it was given.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Argument> {
        self.entries.get(name)
    }

    /// Whether there are no arguments.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.fault.is_none()
    }
}

fn items_of(value: Argument) -> Vec<Argument> {
    match value {
        Argument::Array(items) => items,
        other => vec![other],
    }
}

impl<K: AsRef<str>, V: Into<Argument>> FromIterator<(K, V)> for Params {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter();
        let mut params = Self { entries: Entries::with_capacity(pairs.size_hint().0), fault: None };
        params.extend(pairs);
        params
    }
}

impl<K: AsRef<str>, V: Into<Argument>> Extend<(K, V)> for Params {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, pairs: I) {
        for (name, value) in pairs {
            self.push(name, value);
        }
    }
}

impl From<()> for Params {
    fn from((): ()) -> Self {
        Self::default()
    }
}

impl<K: AsRef<str>, V: Into<Argument>, const N: usize> From<[(K, V); N]> for Params {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<K: AsRef<str>, V: Into<Argument>> From<Vec<(K, V)>> for Params {
    fn from(pairs: Vec<(K, V)>) -> Self {
        pairs.into_iter().collect()
    }
}

impl<K: AsRef<str>, V: Clone + Into<Argument>> From<&[(K, V)]> for Params {
    fn from(pairs: &[(K, V)]) -> Self {
        pairs.iter().map(|(name, value)| (name, value.clone())).collect()
    }
}

impl From<Argument> for Params {
    /// The members of an object; `null` is none. Anything else becomes a problem of the call.
    fn from(value: Argument) -> Self {
        match value {
            Argument::Null => Self::default(),
            Argument::Object(members) => Self { entries: members.into(), fault: None },
            other => Self { entries: Entries::default(), fault: Some(Box::new(other)) },
        }
    }
}

impl From<serde_json::Value> for Params {
    /// The members of an object; `null` is none. Anything else becomes a problem of the call.
    fn from(value: serde_json::Value) -> Self {
        Argument::from(value).into()
    }
}

impl From<serde_json::Map<String, serde_json::Value>> for Params {
    fn from(members: serde_json::Map<String, serde_json::Value>) -> Self {
        serde_json::Value::Object(members).into()
    }
}

impl<V: Into<Argument>> From<IndexMap<String, V>> for Params {
    fn from(members: IndexMap<String, V>) -> Self {
        Argument::from(members).into()
    }
}

impl<V: Into<Argument>> From<BTreeMap<String, V>> for Params {
    fn from(members: BTreeMap<String, V>) -> Self {
        Argument::from(members).into()
    }
}

impl<V: Into<Argument>> From<HashMap<String, V>> for Params {
    /// In the order of the names, so that equal maps give equal requests.
    fn from(members: HashMap<String, V>) -> Self {
        Argument::from(members).into()
    }
}

impl From<Argument> for Body {
    fn from(value: Argument) -> Self {
        match value {
            Argument::File(file) => Self::File(*file),
            value => Self::Value(value),
        }
    }
}

impl From<serde_json::Value> for Body {
    fn from(value: serde_json::Value) -> Self {
        Self::Value(value.into())
    }
}

impl From<String> for Body {
    /// Text as it is, not a JSON string.
    fn from(text: String) -> Self {
        Self::Text { text, media_type: None }
    }
}

impl From<&str> for Body {
    /// Text as it is, not a JSON string.
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::File(FilePart::bytes(bytes))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<FilePart> for Body {
    fn from(file: FilePart) -> Self {
        Self::File(file)
    }
}

/// Makes [`Params`] from names and values.
///
/// A name is an identifier or a string; a variable's name alone stands for name and value; a name given twice
/// is an array.
///
/// ```
/// use opcall::params;
/// let label = "ci";
/// let params = params! { label, revoked: false, "body.type": "customer_managed" };
/// assert_eq!(params.iter().count(), 3);
/// ```
#[macro_export]
macro_rules! params {
    (@to $params:ident) => {};
    (@to $params:ident $name:literal : $value:expr $(, $($rest:tt)*)?) => {
        $params.push($name, $value);
        $crate::params!(@to $params $($($rest)*)?);
    };
    (@to $params:ident $name:ident : $value:expr $(, $($rest:tt)*)?) => {
        $params.push(stringify!($name).trim_start_matches("r#"), $value);
        $crate::params!(@to $params $($($rest)*)?);
    };
    (@to $params:ident $name:ident $(, $($rest:tt)*)?) => {
        $params.push(stringify!($name).trim_start_matches("r#"), $name);
        $crate::params!(@to $params $($($rest)*)?);
    };
    () => { $crate::Params::new() };
    ($($all:tt)+) => {{
        let mut params = $crate::Params::new();
        $crate::params!(@to params $($all)+);
        params
    }};
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn text(params: &Params) -> String {
        assert!(params.fault.is_none());
        Argument::Object(params.entries.clone().into()).to_json_text()
    }

    #[test]
    fn what_callers_have_at_hand_becomes_the_same_arguments() {
        #[derive(Serialize)]
        struct Query {
            limit: u8,
            ids: [&'static str; 2],
        }
        let wanted = r#"{"limit":5,"ids":["a","b"]}"#;
        let from_struct = Params::from_serialize(&Query { limit: 5, ids: ["a", "b"] }).unwrap();
        assert_eq!(text(&from_struct), wanted);
        assert_eq!(text(&json!({"limit": 5, "ids": ["a", "b"]}).into()), wanted);
        assert_eq!(text(&Params::from(vec![("limit", 5)]).with("ids", "a").with("ids", ["b"])), wanted);
        let limit = 5;
        assert_eq!(text(&params! { limit, "ids": "a", ids: "b", }), wanted);
        let map: HashMap<String, i32> = [("b".to_owned(), 1), ("a".to_owned(), 2)].into();
        assert_eq!(text(&map.into()), r#"{"a":2,"b":1}"#);
    }

    #[test]
    fn null_is_no_arguments_and_other_values_are_a_fault() {
        assert!(Params::from(json!(null)).is_empty());
        let params = Params::from(json!([1]));
        assert!(!params.is_empty());
        assert_eq!(params.fault.unwrap().to_json_text(), "[1]");
    }

    #[test]
    fn numbers_keep_their_text_and_other_values_their_kind() {
        let given =
            r#"{"a":1.0,"b":18446744073709551616,"c":1e400,"d":null,"e":false,"f":"","g":[],"h":{},"i":-0}"#;
        assert_eq!(text(&Params::from_json_text(given).unwrap()), given);
        assert_eq!(
            text(&params! { none: None::<i32>, nan: f64::NAN, half: 0.5_f32, r#type: "x" }),
            r#"{"none":null,"nan":null,"half":0.5,"type":"x"}"#
        );
    }

    #[test]
    fn json_text_escapes_what_it_must() {
        let value = Argument::from("a\"b\\c\n\u{7f}é");
        assert_eq!(value.to_json_text(), "\"a\\\"b\\\\c\\n\u{7f}é\"");
        assert_eq!(Argument::from_json_text(&value.to_json_text()).unwrap(), value);
    }

    #[test]
    fn text_that_nests_without_end_is_refused() {
        let deep = "[".repeat(5000) + &"]".repeat(5000);
        assert!(Argument::from_json_text(&deep).is_err());
        assert!(Argument::from_json_text("{\"a\":1,}").is_err());
        assert_eq!(Argument::from_json_text("{\"a\":1,\"a\":2}").unwrap().to_json_text(), "{\"a\":2}");
    }
}
