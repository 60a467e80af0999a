//! Arguments by name, from what callers have at hand: pairs, JSON, maps, structs, files.
//!
//! An argument is JSON with two differences: a number keeps its text (`1.0`, `1e400`, 2^64 survive), and a
//! file is a value. `null`, `false`, `""`, `[]` and absent stay different all the way to the wire.

use std::fmt;
use std::path::PathBuf;

use bytes::Bytes;
use indexmap::IndexMap;

/// A number with the text it was given by.
///
/// ```
/// use opcall::Number;
/// assert_eq!(Number::from(5).as_str(), "5");
/// assert_eq!(Number::from_text("1e400").unwrap().as_str(), "1e400");
/// assert!(Number::from_text("0x10").is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number(Box<str>);

/// One argument's value.
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
    /// Bytes of a file, for binary parameters, multipart parts and whole bodies.
    File(FilePart),
}

/// A file as an argument: what it holds, and how a multipart part calls it.
#[derive(Clone, PartialEq)]
pub struct FilePart {
    pub(crate) content: FileContent,
    pub(crate) filename: Option<String>,
    pub(crate) media_type: Option<String>,
}

/// Where a file's bytes are.
#[derive(Clone, PartialEq)]
pub(crate) enum FileContent {
    /// In memory.
    Bytes(Bytes),
    /// On disk, streamed when the call is sent.
    Path(PathBuf),
}

/// Arguments by name, in the order they were given; a name given twice is an array.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Params {
    pub(crate) entries: IndexMap<String, Argument>,
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

impl fmt::Debug for FilePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("FilePart");
        match &self.content {
            FileContent::Bytes(bytes) => shown.field("bytes", &bytes.len()),
            FileContent::Path(path) => shown.field("path", path),
        };
        shown.field("filename", &self.filename).field("media_type", &self.media_type).finish()
    }
}
