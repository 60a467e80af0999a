//! From an operation and arguments to a finished request, or to every problem of the call.
//!
//! Pure: the same operation and arguments give the same bytes. No files, clock, network or secrets; where a
//! credential goes is noted as a [`Placement`], what it is comes in `auth`, at the last step before sending.

mod arguments;
mod body;
mod common;
mod curl;
mod encode;
mod fields;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod given;
mod headers;
mod index;
mod media;
mod multipart;
mod problems;
mod resolve;
mod show;
mod style;
#[cfg(test)]
pub(crate) mod testing;
mod url;
mod xml;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::operation::Method;
use crate::params::Body;

pub(crate) use arguments::{KEY, KEY_STAND_IN, key_name};
pub(crate) use common::Common;
pub(crate) use fields::Fields;
pub(crate) use resolve::{resolve, resolve_unlisted};
pub(crate) use url::is_dots;

/// What a call says beside its arguments.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallOptions {
    /// The whole body, where it is not among the arguments.
    pub(crate) body: Option<Body>,
    /// Header fields of the caller, as (name, value); they win over the operation's.
    pub(crate) headers: Vec<(String, String)>,
    /// Header fields of ours that the caller does not want.
    pub(crate) dropped_headers: Vec<String>,
    /// The media type of the body, where the operation declares several.
    pub(crate) content_type: Option<String>,
    /// Names that the operation does not know go to the query.
    pub(crate) allow_unknown: bool,
    /// Problems of values become warnings; routing stays.
    pub(crate) no_validate: bool,
}

impl CallOptions {
    /// Whether it says anything of header fields, by name or as the media type.
    fn says_of_fields(&self) -> bool {
        self.content_type.is_some() || !self.headers.is_empty() || !self.dropped_headers.is_empty()
    }
}

/// A finished request without its credentials.
///
/// Its `Display` is a `curl` command line that names the credentials as shell variables; nothing in it is secret.
/// It turns into an `http::Request` for any other client.
#[derive(Clone)]
pub struct Request {
    pub(crate) operation: Option<Arc<str>>,
    pub(crate) method: Method,
    /// Base URL, path and query, byte for byte as sent, without credentials in the query.
    pub(crate) url: String,
    pub(crate) headers: Fields,
    /// `None` for [`Content::None`]. Shared with what goes out.
    pub(crate) body: Option<Arc<Content>>,
    pub(crate) credentials: Arc<[Placement]>,
    /// Places of credentials that hold a value of the caller's own among `url` and `headers`.
    pub(crate) given: Vec<Placement>,
    /// Problems that `no_validate` let pass.
    pub(crate) warnings: Vec<Problem>,
}

/// Where a credential goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placement {
    /// The security scheme's name, by which `auth` finds the secret.
    pub(crate) scheme: String,
    pub(crate) place: Place,
    /// The environment variables that the service reads it from: one, or those of user name and password.
    pub(crate) variables: Vec<String>,
}

/// The place of a credential in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A header (name in lower case), with the words before the secret, such as `Bearer `.
    Header { name: String, prefix: String },
    /// A query parameter by its name, after all others.
    Query { name: String },
    /// A cookie by its name.
    Cookie { name: String },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { name, .. } => write!(f, "the header {name}"),
            Self::Query { name } => write!(f, "the query parameter {name}"),
            Self::Cookie { name } => write!(f, "the cookie {name}"),
        }
    }
}

/// The body of a finished request.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub enum Content {
    /// No body and no content type.
    #[default]
    None,
    /// JSON text.
    Json(String),
    /// `application/x-www-form-urlencoded`: the pairs before encoding, and the text that is sent.
    Form {
        /// Names and values before encoding.
        pairs: Vec<(String, String)>,
        /// The encoded text.
        text: String,
    },
    /// Other text.
    Text(String),
    /// Bytes.
    Bytes(Bytes),
    /// A file that is streamed when the request is sent.
    File(PathBuf),
    /// `multipart/form-data` (RFC 7578).
    Multipart(Vec<Part>),
}

impl Content {
    /// As requests hold it.
    pub(crate) fn shared(self) -> Option<Arc<Self>> {
        if let Self::None = self { None } else { Some(Arc::new(self)) }
    }
}

/// One part of a `multipart/form-data` body.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The field's name.
    pub name: String,
    /// The file's name, for parts that are files.
    pub filename: Option<String>,
    /// The part's media type, where one is sent.
    pub content_type: Option<String>,
    /// Further header fields of the part.
    pub headers: Vec<(String, String)>,
    /// What it holds.
    pub content: PartContent,
}

/// What a part holds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum PartContent {
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Bytes),
    /// A file that is streamed when the request is sent.
    File(PathBuf),
}

/// One thing that is wrong with a call's arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: `query.limit`, `body.items[0].name`, or the bare name of an argument that is not known.
    pub path: String,
    /// What: `must be an integer, got "abc"`.
    pub problem: String,
    /// The nearest known name, for names that are not known.
    pub nearest: Option<String>,
}
