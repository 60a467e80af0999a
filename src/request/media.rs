//! Which media type a body has, and what that means for how it is written.

use std::borrow::Cow;

use super::CallOptions;
use crate::operation::Types;
use crate::params::{Argument, Body, FilePart};
use crate::table::{MediaType, Operation, RequestBody};

/// How bodies of a media type are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Json,
    Form,
    Multipart,
    /// One JSON value a line.
    JsonLines,
    /// JSON values, each with a mark before it (RFC 7464).
    JsonSequence,
    /// Text as it is, of whatever type: `text/*`, YAML.
    Text,
    /// XML, by the schema's hints or as text.
    Xml,
    Bytes,
}

impl Kind {
    pub(super) fn of(media_type: &str) -> Self {
        let essence = essence(media_type);
        let is = |one: &str| essence.eq_ignore_ascii_case(one);
        let ends = |end: &str| {
            essence.len() >= end.len()
                && essence.as_bytes()[essence.len() - end.len()..].eq_ignore_ascii_case(end.as_bytes())
        };
        if is("application/json") || ends("+json") {
            Self::Json
        } else if is("application/x-www-form-urlencoded") {
            Self::Form
        } else if is("multipart/form-data") {
            Self::Multipart
        } else if ["/x-ndjson", "/ndjson", "/jsonl", "/x-jsonlines"].iter().any(|end| ends(end)) {
            Self::JsonLines
        } else if ends("/json-seq") || ends("+json-seq") {
            Self::JsonSequence
        } else if is("application/xml") || is("text/xml") || ends("+xml") {
            Self::Xml
        } else if essence.starts_with("text/") || ends("yaml") || ends("xml") || ends("/graphql") {
            Self::Text
        } else {
            Self::Bytes
        }
    }

    /// Whether a body of it is made of named members.
    pub(super) fn has_members(self) -> bool {
        matches!(self, Self::Json | Self::Form | Self::Multipart | Self::Xml)
    }
}

/// The media type without its parameters.
pub(super) fn essence(media_type: &str) -> &str {
    media_type.split_once(';').map_or(media_type, |(essence, _)| essence).trim()
}

/// The media type of a call's body.
#[derive(Debug, Clone)]
pub(super) struct Media<'a> {
    /// As it stands in the `content-type` header.
    pub(super) name: Cow<'a, str>,
    pub(super) kind: Kind,
    /// What the operation says of it.
    pub(super) declared: Option<MediaType<'a>>,
}

/// A body given whole.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whole<'a> {
    Value(&'a Argument),
    Text(&'a str, Option<&'a str>),
    File(&'a FilePart),
}

impl<'a> Whole<'a> {
    pub(super) fn of(body: &'a Body) -> Self {
        match body {
            Body::Value(value) => Self::of_argument(value),
            Body::Text { text, media_type } => Self::Text(text, media_type.as_deref()),
            Body::File(file) => Self::File(file),
        }
    }

    pub(super) fn of_argument(value: &'a Argument) -> Self {
        match value {
            Argument::File(file) => Self::File(file),
            value => Self::Value(value),
        }
    }

    fn media_type(self) -> Option<&'a str> {
        match self {
            Self::Value(_) => None,
            Self::Text(_, media_type) => media_type,
            Self::File(file) => file.media_type.as_deref(),
        }
    }
}

impl<'a> Media<'a> {
    /// A media type that the operation does not declare.
    pub(super) fn undeclared(name: &'a str) -> Self {
        Self { name: name.into(), kind: Kind::of(name), declared: None }
    }

    fn declared(media: MediaType<'a>) -> Self {
        Self { name: media.name().into(), kind: Kind::of(media.name()), declared: Some(media) }
    }

    /// Whether names that the document does not list may be members of the body.
    pub(super) fn is_open(&self) -> bool {
        let is_object =
            |media: MediaType<'_>| media.is_open() && media.schema().types().admits(Types::OBJECT);
        match self.kind {
            // Without hints there is no element to put them in.
            Kind::Xml => self.declared.is_some_and(|media| {
                is_object(media) && (media.schema().types().names(Types::OBJECT) || has_properties(media))
            }),
            kind => kind.has_members() && self.declared.is_none_or(is_object),
        }
    }
}

fn has_properties(media: MediaType<'_>) -> bool {
    media.properties().len() > 0
}

/// The caller's choice, else what a file says it is, else the first declared one by how well it is written.
pub(super) fn choose<'a>(
    operation: Operation<'a>,
    options: &'a CallOptions,
    whole: Option<Whole<'a>>,
) -> Option<Media<'a>> {
    let declared = || operation.body().into_iter().flat_map(RequestBody::media_types).map(Media::declared);
    if let Some(wanted) = chosen(options).or_else(|| whole.and_then(Whole::media_type)) {
        let same = declared().find(|media| essence(&media.name).eq_ignore_ascii_case(essence(wanted)));
        // A part of the caller's text, such as a charset, counts; what the document says of the type stays.
        let declared = same.and_then(|media| media.declared);
        return Some(Media { declared, ..Media::undeclared(wanted) });
    }
    let mut media = match whole {
        Some(Whole::File(_)) => declared().min_by_key(|media| (media.kind != Kind::Bytes, rank(media))),
        _ => declared().min_by_key(rank),
    }?;
    if media.name.contains('*') {
        media.name = one_of(&media, whole).into();
    }
    Some(media)
}

/// The media type that a range is sent as.
fn one_of(range: &Media<'_>, whole: Option<Whole<'_>>) -> &'static str {
    let is_text = range.name.starts_with("text/");
    match (range.kind, whole) {
        (Kind::Json, _) => "application/json",
        (Kind::Xml, _) if is_text => "text/xml",
        (Kind::Xml, _) => "application/xml",
        (_, Some(Whole::File(_))) => "application/octet-stream",
        _ if is_text => "text/plain",
        _ => "application/octet-stream",
    }
}

/// The media type that the caller names, as an option or as a header.
pub(super) fn chosen(options: &CallOptions) -> Option<&str> {
    let is_type = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("content-type");
    let header = || options.headers.iter().find(is_type).map(|(_, value)| value.as_str());
    options.content_type.as_deref().or_else(header)
}

/// `application/json`, `+json`, forms, multipart, text, `application/octet-stream`, others.
fn rank(media: &Media<'_>) -> (Kind, bool) {
    let is_first = matches!(essence(&media.name), "application/json" | "application/octet-stream")
        || media.name.starts_with("text/");
    (media.kind, !is_first)
}
