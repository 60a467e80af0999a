//! One argument's value: JSON whose numbers keep their text, and files.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use indexmap::IndexMap;
use serde_json::value::RawValue;

use super::{FileContent, FilePart, Number};

/// How deep JSON text may nest, as in `serde_json`.
const MAX_DEPTH: usize = 128;

/// One argument's value.
///
/// ```
/// use opcall::Argument;
/// assert_eq!(Argument::from(vec!["a", "b"]).to_json_text(), r#"["a","b"]"#);
/// assert_eq!(Argument::from_json_text("[1.0, 1e400]")?.to_json_text(), "[1.0,1e400]");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Argument {
    /// JSON `null`: in a query it means "not sent", in a body it is sent.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number with its text.
    Number(Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Argument>),
    /// An object, in the order its members were given.
    Object(IndexMap<String, Argument>),
    /// Bytes of a file, for binary parameters, multipart parts and whole bodies; apart, for few arguments are files.
    File(Box<FilePart>),
}

impl Argument {
    /// Reads JSON text; numbers keep theirs. Of members with the same name the last counts.
    ///
    /// # Errors
    /// The text is no JSON (RFC 8259), or nests deeper than 128 levels.
    pub fn from_json_text(text: &str) -> Result<Self, serde_json::Error> {
        Self::from_raw(serde_json::from_str(text)?, MAX_DEPTH)
    }

    fn from_raw(raw: &RawValue, depth: usize) -> Result<Self, serde_json::Error> {
        let text = raw.get();
        if depth == 0 {
            return Err(serde::de::Error::custom("nested too deep"));
        }
        Ok(match text.as_bytes().first() {
            Some(b'{') => {
                let members: IndexMap<String, &RawValue> = serde_json::from_str(text)?;
                let read = |(name, raw)| Ok((name, Self::from_raw(raw, depth - 1)?));
                Self::Object(members.into_iter().map(read).collect::<Result<_, serde_json::Error>>()?)
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text)?;
                Self::Array(
                    items.into_iter().map(|raw| Self::from_raw(raw, depth - 1)).collect::<Result<_, _>>()?,
                )
            }
            Some(b'"') => Self::String(serde_json::from_str(text)?),
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'n') => Self::Null,
            _ => Number::from_text(text).map_or(Self::Null, Self::Number),
        })
    }

    /// Compact JSON text; numbers stand as they were given.
    ///
    /// JSON has no files: bytes in memory become their base64 text, a path its text.
    #[must_use]
    pub fn to_json_text(&self) -> String {
        let mut text = String::new();
        self.write_json(&mut text);
        text
    }

    pub(crate) fn write_json(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => out.push_str(number.as_str()),
            Self::String(text) => write_json_string(text, out),
            Self::Array(items) => {
                write_list(out, ['[', ']'], items, Self::write_json);
            }
            Self::Object(members) => write_list(out, ['{', '}'], members, |(name, value), out| {
                write_json_string(name, out);
                out.push(':');
                value.write_json(out);
            }),
            Self::File(file) => write_json_string(&file_text(file), out),
        }
    }

    /// The text of a scalar as it goes on the wire; `None` for `null`, arrays, objects and files.
    pub(crate) fn scalar_text(&self) -> Option<&str> {
        match self {
            Self::Bool(true) => Some("true"),
            Self::Bool(false) => Some("false"),
            Self::Number(number) => Some(number.as_str()),
            Self::String(text) => Some(text),
            Self::Null | Self::Array(_) | Self::Object(_) | Self::File(_) => None,
        }
    }

    /// The text of any value but a file: a scalar's own, JSON for the others.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        self.scalar_text().map_or_else(|| Cow::Owned(self.to_json_text()), Cow::Borrowed)
    }

    /// Whether both are the same JSON value; numbers are compared by value (`1` is `1.0`).
    pub(crate) fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(one), Self::Number(two)) => one == two || one.compare(two).is_eq(),
            (Self::Array(one), Self::Array(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.equals(two))
            }
            (Self::Object(one), Self::Object(two)) => {
                one.len() == two.len()
                    && one.iter().all(|(name, one)| two.get(name).is_some_and(|two| one.equals(two)))
            }
            _ => self == other,
        }
    }
}

fn file_text(file: &FilePart) -> Cow<'_, str> {
    use base64::Engine;
    match &file.content {
        FileContent::Bytes(bytes) => base64::engine::general_purpose::STANDARD.encode(bytes).into(),
        FileContent::Path(path) => path.to_string_lossy(),
    }
}

fn write_list<I: IntoIterator>(
    out: &mut String,
    [open, close]: [char; 2],
    list: I,
    mut write: impl FnMut(I::Item, &mut String),
) {
    out.push(open);
    for (number, one) in list.into_iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        write(one, out);
    }
    out.push(close);
}

/// Writes a JSON string literal (RFC 8259 §7); only what must be is escaped.
pub(crate) fn write_json_string(text: &str, out: &mut String) {
    if text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        out.push_str(&serde_json::Value::from(text).to_string());
    } else {
        out.push('"');
        out.push_str(text);
        out.push('"');
    }
}

impl From<bool> for Argument {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Number> for Argument {
    fn from(value: Number) -> Self {
        Self::Number(value)
    }
}

macro_rules! from_integers {
    ($($kind:ty),*) => {$(
        impl From<$kind> for Argument {
            fn from(value: $kind) -> Self {
                Self::Number(value.into())
            }
        }
    )*};
}
from_integers!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);

impl From<f64> for Argument {
    /// Infinities and NaN, which JSON lacks, become `null` as in `serde_json`.
    fn from(value: f64) -> Self {
        Number::from_f64(value).map_or(Self::Null, Self::Number)
    }
}

impl From<f32> for Argument {
    /// By the shortest text of the `f32`; infinities and NaN become `null`.
    fn from(value: f32) -> Self {
        Number::from_text(&value.to_string()).map_or(Self::Null, Self::Number)
    }
}

impl From<&str> for Argument {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for Argument {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl From<&String> for Argument {
    fn from(value: &String) -> Self {
        Self::String(value.clone())
    }
}

impl From<FilePart> for Argument {
    fn from(value: FilePart) -> Self {
        Self::File(Box::new(value))
    }
}

impl<T: Into<Self>> From<Option<T>> for Argument {
    /// `None` is `null`, not absent.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Argument {
    fn from(items: Vec<T>) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Self>, const N: usize> From<[T; N]> for Argument {
    fn from(items: [T; N]) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Clone + Into<Self>> From<&[T]> for Argument {
    fn from(items: &[T]) -> Self {
        Self::Array(items.iter().cloned().map(Into::into).collect())
    }
}

impl<T: Into<Self>> From<IndexMap<String, T>> for Argument {
    fn from(members: IndexMap<String, T>) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name, value.into())).collect())
    }
}

impl<T: Into<Self>> From<BTreeMap<String, T>> for Argument {
    fn from(members: BTreeMap<String, T>) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name, value.into())).collect())
    }
}

impl<T: Into<Self>> From<HashMap<String, T>> for Argument {
    /// In the order of the names, so that equal maps give equal requests.
    fn from(members: HashMap<String, T>) -> Self {
        members.into_iter().collect::<BTreeMap<_, _>>().into()
    }
}

impl From<serde_json::Value> for Argument {
    fn from(value: serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => Self::Number(number.into()),
            Value::String(text) => Self::String(text),
            Value::Array(items) => items.into(),
            Value::Object(members) => {
                Self::Object(members.into_iter().map(|(name, value)| (name, value.into())).collect())
            }
        }
    }
}

impl From<&serde_json::Value> for Argument {
    fn from(value: &serde_json::Value) -> Self {
        value.clone().into()
    }
}
