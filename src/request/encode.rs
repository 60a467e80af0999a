//! Writes bodies: JSON, urlencoded forms (WHATWG URL), lines, text, bytes; parts and XML have rooms of their own.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::media::{Kind, Media};
use super::multipart::{self, PartHeader};
use super::problems::Problems;
use super::style::{self, Escape, Rules};
use super::{Content, xml};
use crate::operation::{DeepArrays, Style};
use crate::params::Argument;
use crate::schema::{Finding, shown};
use crate::table::{MediaType, Operation};

/// One Encoding Object of a form's media type (`OpenAPI` Encoding Object).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Encoding<'t> {
    pub(super) content_type: Option<String>,
    style: Option<Style>,
    explode: Option<bool>,
    allow_reserved: Option<bool>,
    #[serde(rename = "x-deep-object-arrays")]
    arrays: DeepArrays,
    /// The header fields of a part, by name.
    #[serde(borrow)]
    pub(super) headers: IndexMap<String, HeaderRules<'t>>,
}

/// What a Header Object says of a part's header field.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct HeaderRules<'t> {
    pub(super) required: bool,
    pub(super) explode: bool,
    /// The media type of one with `content`.
    pub(super) content: Option<String>,
    #[serde(borrow)]
    pub(super) schema: Option<&'t RawValue>,
}

impl Encoding<'_> {
    /// The style rules, where the document gives any: they then decide instead of the content type.
    pub(super) fn rules<'a>(&self, name: &'a str, escape: Escape) -> Option<Rules<'a>> {
        self.style.map(|_| ()).or(self.explode.map(|_| ())).or(self.allow_reserved.map(|_| ()))?;
        let style = self.style.unwrap_or(Style::Form);
        let escape = match escape {
            Escape::Form if self.allow_reserved == Some(true) => Escape::ReservedInQuery,
            other => other,
        };
        let explode = self.explode.unwrap_or(style == Style::Form);
        Some(Rules { arrays: self.arrays, ..Rules::new(name, style, explode, escape) })
    }

    pub(super) fn is_json(&self) -> bool {
        self.content_type.as_deref().is_some_and(|media| Kind::of(media) == Kind::Json)
    }
}

pub(super) type Encodings<'t> = IndexMap<String, Encoding<'t>>;

/// Where a body goes: what the document says of it, and what is given for its parts.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s, 'a> {
    /// The operation that schemas' references are resolved by; none for an endpoint of no table.
    pub(super) operation: Option<Operation<'a>>,
    pub(super) media: &'s Media<'a>,
    pub(super) part_headers: &'s [PartHeader<'a>],
}

impl<'a> Scope<'_, 'a> {
    /// The Encoding Objects of the media type.
    pub(super) fn encodings(self) -> Encodings<'a> {
        encodings(self.media.declared.and_then(MediaType::encoding))
    }

    fn xml(self, value: &Argument, found: &mut Vec<Finding>) -> Content {
        let schema = self.media.declared.map_or("", |media| media.schema().text());
        match xml::write(self.operation, schema, value) {
            Ok(text) => Content::Text(text),
            Err(problems) => {
                found.extend(problems);
                Content::None
            }
        }
    }
}

/// Encoding Objects by their JSON.
pub(super) fn encodings(text: Option<&str>) -> Encodings<'_> {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// Writes a body that is made of members; what cannot be written is found, with its path below the body.
pub(super) fn members(
    scope: Scope<'_, '_>,
    members: &IndexMap<String, Argument>,
    found: &mut Vec<Finding>,
    problems: &mut Problems,
) -> Content {
    match scope.media.kind {
        Kind::Form => form(members, &scope.encodings()),
        Kind::Multipart => Content::Multipart(multipart::write(scope, members, found, problems)),
        Kind::Xml => scope.xml(&Argument::Object(members.clone()), found),
        _ => Content::Json(Argument::Object(members.clone()).to_json_text()),
    }
}

/// Writes a body that is one value; found where the media type has no way to.
pub(super) fn value(scope: Scope<'_, '_>, value: &Argument, found: &mut Vec<Finding>) -> Content {
    let mut refuse = |problem| {
        found.push(Finding::unwritable("", problem));
        Content::None
    };
    match (scope.media.kind, value) {
        (Kind::Json, value) => Content::Json(value.to_json_text()),
        (Kind::JsonLines, value) => texts("", value),
        // The record separator of RFC 7464 §2.2.
        (Kind::JsonSequence, value) => texts("\u{1e}", value),
        (Kind::Form | Kind::Multipart, value) => {
            refuse(format!("must be an object of fields, got {}", shown(value)))
        }
        (Kind::Xml | Kind::Bytes, Argument::String(text)) => Content::Text(text.clone()),
        (Kind::Xml, value) => scope.xml(value, found),
        // JSON is YAML too; in other texts an object has no form of its own.
        (Kind::Text, value) => Content::Text(value.text().into_owned()),
        (Kind::Bytes, value) => refuse(format!("must be a file, bytes or text, got {}", shown(value))),
    }
}

/// The items of a list, or the one value, each as JSON after a mark and with a line's end.
fn texts(mark: &str, value: &Argument) -> Content {
    let items = if let Argument::Array(items) = value { items } else { std::slice::from_ref(value) };
    let mut text = String::new();
    for item in items {
        text.extend([mark, &item.to_json_text(), "\n"]);
    }
    Content::Text(text)
}

/// An urlencoded form; without an encoding, arrays repeat the name and objects are JSON.
fn form(members: &IndexMap<String, Argument>, encodings: &Encodings<'_>) -> Content {
    let text = form_text(members, encodings);
    let pairs = url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    Content::Form { pairs, text }
}

/// The text of an urlencoded form.
pub(super) fn form_text(members: &IndexMap<String, Argument>, encodings: &Encodings<'_>) -> String {
    let (default, mut text) = (Encoding::default(), String::new());
    for (name, value) in members {
        let encoding = encodings.get(name).unwrap_or(&default);
        let start = text.len();
        if start > 0 {
            text.push('&');
        }
        let before = text.len();
        let plain = Rules::new(name, Style::Form, true, Escape::Form);
        match (encoding.rules(name, Escape::Form), value) {
            (Some(rules), value) => style::write(&mut text, rules, value),
            (None, Argument::Null) => {}
            // An encoding is that of each item (`OpenAPI` 3.2, "Encoding By Name").
            (None, Argument::Array(items)) if encoding.is_json() => {
                let items: Vec<String> = items.iter().map(Argument::to_json_text).collect();
                style::write(&mut text, plain, &items.into());
            }
            (None, value) if encoding.is_json() => {
                style::write(&mut text, plain, &value.to_json_text().into());
            }
            (None, Argument::Object(_)) => style::write(&mut text, plain, &value.to_json_text().into()),
            (None, value) => style::write(&mut text, plain, value),
        }
        if text.len() == before {
            text.truncate(start);
        }
    }
    text
}
