//! Writes bodies: JSON, urlencoded forms (WHATWG URL), multipart forms (RFC 7578), lines, text, bytes.

use indexmap::IndexMap;
use serde::Deserialize;

use super::media::{Kind, Media};
use super::style::{self, Escape, Rules};
use super::{Content, Part, PartContent};
use crate::operation::Style;
use crate::params::{Argument, FileContent, FilePart};
use crate::schema::shown;
use crate::table::{MediaType, Property};

/// One Encoding Object of a form's media type (`OpenAPI` Encoding Object).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Encoding {
    content_type: Option<String>,
    style: Option<Style>,
    explode: Option<bool>,
    allow_reserved: Option<bool>,
}

impl Encoding {
    /// The style rules, where the document gives any: they then decide instead of the content type.
    fn rules<'a>(&self, name: &'a str, escape: Escape) -> Option<Rules<'a>> {
        self.style.map(|_| ()).or(self.explode.map(|_| ())).or(self.allow_reserved.map(|_| ()))?;
        let style = self.style.unwrap_or(Style::Form);
        let escape = match escape {
            Escape::Form if self.allow_reserved == Some(true) => Escape::ReservedInQuery,
            other => other,
        };
        Some(Rules { name, style, explode: self.explode.unwrap_or(style == Style::Form), escape })
    }

    fn is_json(&self) -> bool {
        self.content_type.as_deref().is_some_and(|media| Kind::of(media) == Kind::Json)
    }

    /// The one type that the document fixes for a part; a list or a range fixes none.
    fn fixed_type(&self) -> Option<&str> {
        self.content_type.as_deref().filter(|media| !media.contains([',', '*']))
    }
}

pub(super) type Encodings = IndexMap<String, Encoding>;

/// Writes a body that is made of members.
pub(super) fn members(media: &Media<'_>, members: &IndexMap<String, Argument>) -> Content {
    let encodings: Encodings = media
        .declared
        .and_then(MediaType::encoding)
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    match media.kind {
        Kind::Form => form(members, &encodings),
        Kind::Multipart => {
            let binary: Vec<&str> = media.declared.map_or_else(Vec::new, |media| {
                media.properties().filter(|one| one.schema().is_binary()).map(Property::name).collect()
            });
            Content::Multipart(multipart(members, &encodings, &binary))
        }
        _ => Content::Json(Argument::Object(members.clone()).to_json_text()),
    }
}

/// Writes a body that is one value; the problem where the media type has no way to.
pub(super) fn value(kind: Kind, value: &Argument) -> Result<Content, String> {
    match (kind, value) {
        (Kind::Json, value) => Ok(Content::Json(value.to_json_text())),
        (Kind::JsonLines, Argument::Array(items)) => {
            Ok(Content::Text(items.iter().map(|item| item.to_json_text() + "\n").collect()))
        }
        (Kind::JsonLines, value) => Ok(Content::Text(value.to_json_text() + "\n")),
        (Kind::Form | Kind::Multipart, value) => {
            Err(format!("must be an object of fields, got {}", shown(value)))
        }
        // JSON is YAML too; in other texts an object has no form of its own.
        (Kind::Text, value) => Ok(Content::Text(value.text().into_owned())),
        (Kind::Bytes, Argument::String(text)) => Ok(Content::Text(text.clone())),
        (Kind::Bytes, value) => Err(format!("must be a file, bytes or text, got {}", shown(value))),
    }
}

/// The text of an urlencoded form; without an encoding, arrays repeat the name and objects are JSON.
pub(super) fn form(members: &IndexMap<String, Argument>, encodings: &Encodings) -> Content {
    let (default, mut text) = (Encoding::default(), String::new());
    for (name, value) in members {
        let encoding = encodings.get(name).unwrap_or(&default);
        let start = text.len();
        if start > 0 {
            text.push('&');
        }
        let before = text.len();
        let plain = Rules { name, style: Style::Form, explode: true, escape: Escape::Form };
        match (encoding.rules(name, Escape::Form), value) {
            (Some(rules), value) => style::write(&mut text, rules, value),
            (None, Argument::Null) => {}
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
    let pairs = url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    Content::Form { pairs, text }
}

/// The parts of a multipart form; arrays repeat the name, objects are JSON.
fn multipart(members: &IndexMap<String, Argument>, encodings: &Encodings, binary: &[&str]) -> Vec<Part> {
    let default = Encoding::default();
    let mut parts = Vec::with_capacity(members.len());
    for (name, value) in members {
        let encoding = encodings.get(name).unwrap_or(&default);
        let is_binary = binary.contains(&name.as_str());
        match value {
            Argument::Array(items) if encoding.is_json() => {
                parts.push(json_part(name, encoding, &items.clone().into()));
            }
            Argument::Array(items) if encoding.explode == Some(false) => {
                let joined = items.iter().map(|item| item.text()).collect::<Vec<_>>().join(",");
                parts.extend(part(name, encoding, is_binary, &joined.into()));
            }
            Argument::Array(items) => {
                parts.extend(items.iter().filter_map(|item| part(name, encoding, is_binary, item)));
            }
            one => parts.extend(part(name, encoding, is_binary, one)),
        }
    }
    parts
}

/// One part; `null` is left out.
fn part(name: &str, encoding: &Encoding, is_binary: bool, value: &Argument) -> Option<Part> {
    Some(match value {
        Argument::Null => return None,
        Argument::File(file) => file_part(name, encoding, file),
        Argument::Array(_) | Argument::Object(_) => json_part(name, encoding, value),
        scalar if encoding.is_json() => json_part(name, encoding, scalar),
        scalar => Part {
            name: name.to_owned(),
            // Servers tell a file from a field by its file name (RFC 7578 §4.2).
            filename: is_binary.then(|| name.to_owned()),
            content_type: encoding.fixed_type().or(is_binary.then_some(BYTES)).map(str::to_owned),
            headers: Vec::new(),
            content: PartContent::Text(scalar.text().into_owned()),
        },
    })
}

const BYTES: &str = "application/octet-stream";

fn json_part(name: &str, encoding: &Encoding, value: &Argument) -> Part {
    Part {
        name: name.to_owned(),
        filename: None,
        content_type: Some(encoding.fixed_type().unwrap_or("application/json").to_owned()),
        headers: Vec::new(),
        content: PartContent::Text(value.to_json_text()),
    }
}

fn file_part(name: &str, encoding: &Encoding, file: &FilePart) -> Part {
    let media_type = file.media_type.as_deref().or(encoding.fixed_type()).unwrap_or(BYTES);
    Part {
        name: name.to_owned(),
        filename: Some(file.filename().unwrap_or(name).to_owned()),
        content_type: Some(media_type.to_owned()),
        headers: Vec::new(),
        content: match &file.content {
            FileContent::Bytes(bytes) => PartContent::Bytes(bytes.clone()),
            FileContent::Path(path) => PartContent::File(path.clone()),
        },
    }
}
