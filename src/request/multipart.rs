//! The parts of a `multipart/form-data` body (RFC 7578; `OpenAPI` Encoding Object, "Encoding By Name"): each item
//! of a list is a part of its own, its type is the caller's choice among those that the document lists.

use std::borrow::Cow;

use indexmap::IndexMap;

use super::encode::{Encoding, Scope, form_text};
use super::media::{Kind, essence};
use super::problems::{MISSING, Problems};
use super::style::{self, Escape, Rules};
use super::{Part, PartContent, headers, resolve, xml};
use crate::operation::Style;
use crate::params::{Argument, FileContent, FilePart};
use crate::schema::{Finding, Weight, Wire, fit_text, shown};
use crate::table::{Operation, Property};

const BYTES: &str = "application/octet-stream";
const TYPE: &str = "content-type";

/// A header field that is given for the parts of a name: the argument `part.NAME.HEADER`.
pub(super) struct PartHeader<'a> {
    pub(super) order: usize,
    /// The argument's name after `part.`.
    pub(super) path: &'a str,
    pub(super) value: &'a Argument,
}

impl<'a> PartHeader<'a> {
    /// The header's name, where it is one of the parts of this name.
    fn of(&self, part: &str) -> Option<&'a str> {
        self.path.strip_prefix(part)?.strip_prefix('.').filter(|header| !header.is_empty())
    }
}

/// Writes the parts with their header fields; what cannot be written is found, with its path below the body.
pub(super) fn write(
    scope: Scope<'_, '_>,
    members: &IndexMap<String, Argument>,
    found: &mut Vec<Finding>,
    problems: &mut Problems,
) -> Vec<Part> {
    let (default, encodings) = (Encoding::default(), scope.encodings());
    let mut parts = Vec::with_capacity(members.len());
    for (name, value) in members {
        let encoding = encodings.get(name).unwrap_or(&default);
        let property =
            scope.media.declared.and_then(|media| media.properties().find(|one| one.name() == name));
        let given: Vec<_> = scope.part_headers.iter().filter(|one| one.of(name).is_some()).collect();
        let is_type = |one: &&&PartHeader<'_>| one.of(name).is_some_and(is_type);
        let chosen = given.iter().find(is_type).and_then(|one| one.value.scalar_text());
        let start = parts.len();
        Field { operation: scope.operation, name, encoding, property, chosen, found }
            .write(value, &mut parts);
        let headers = Headers { operation: scope.operation, name, encoding, given, problems };
        headers.add(&mut parts[start..]);
    }
    let is_of_none = |one: &&PartHeader<'_>| !members.keys().any(|name| one.of(name).is_some());
    for one in scope.part_headers.iter().filter(is_of_none) {
        let problem = "is for a part that is not sent: `part.FIELD.HEADER` needs a value for the field too";
        problems.refuse(one.order, format!("part.{}", one.path), problem);
    }
    parts
}

fn is_type(header: &str) -> bool {
    header.eq_ignore_ascii_case(TYPE)
}

/// One field of the form, whose parts are written.
struct Field<'f, 'a> {
    operation: Option<Operation<'a>>,
    name: &'f str,
    encoding: &'f Encoding<'a>,
    property: Option<Property<'a>>,
    /// The media type that the caller chose for its parts.
    chosen: Option<&'f str>,
    found: &'f mut Vec<Finding>,
}

impl Field<'_, '_> {
    fn write(&mut self, value: &Argument, parts: &mut Vec<Part>) {
        let holds_file = match value {
            Argument::Array(items) => items.iter().any(|item| matches!(item, Argument::File(_))),
            one => matches!(one, Argument::File(_)),
        };
        let rules = self.encoding.rules(self.name, Escape::Unreserved).filter(|_| !holds_file);
        match (rules, value) {
            (Some(rules), value) => {
                let pairs = style::pairs(rules, value).into_iter();
                parts.extend(pairs.map(|(name, text)| plain(name, text)));
            }
            (None, Argument::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    parts.extend(self.part(item, &format!(".{}[{index}]", self.name), true));
                }
            }
            (None, one) => parts.extend(self.part(one, &format!(".{}", self.name), false)),
        }
    }

    /// One part; `null` is left out.
    fn part(&mut self, value: &Argument, path: &str, is_item: bool) -> Option<Part> {
        let is_binary = self.property.is_some_and(|one| one.schema().is_binary());
        let media_type = self.media_type(value, path, is_binary);
        let kind = media_type.as_deref().map(Kind::of);
        let content = match value {
            Argument::Null => return None,
            Argument::File(file) => return Some(self.file(file, media_type)),
            value if kind == Some(Kind::Json) => value.to_json_text(),
            value => match (value.scalar_text(), kind, value) {
                (Some(text), ..) => text.to_owned(),
                (None, Some(Kind::Xml), value) => self.xml(value, path, is_item)?,
                (None, Some(Kind::Form), Argument::Object(members)) => form_text(members, &IndexMap::new()),
                (None, Some(Kind::Bytes | Kind::Multipart | Kind::Form), value) => {
                    let media_type = media_type.unwrap_or_default();
                    let problem = format!(
                        "cannot be written as {media_type}: give a file or text, not {}",
                        shown(value)
                    );
                    self.found.push(Finding::unwritable(path, problem));
                    return None;
                }
                (None, _, value) => value.to_json_text(),
            },
        };
        // Servers tell a file from a field by its file name (RFC 7578 §4.2).
        let is_file = is_binary && value.scalar_text().is_some();
        Some(Part {
            filename: is_file.then(|| self.name.to_owned()),
            content_type: media_type,
            ..plain(self.name.to_owned(), content)
        })
    }

    fn file(&self, file: &FilePart, media_type: Option<String>) -> Part {
        Part {
            name: self.name.to_owned(),
            filename: Some(file.filename().unwrap_or(self.name).to_owned()),
            content_type: media_type,
            headers: file.headers.clone(),
            content: match &file.content {
                FileContent::Bytes(bytes) => PartContent::Bytes(bytes.clone()),
                FileContent::Path(path) => PartContent::File(path.clone()),
            },
        }
    }

    /// The type of a part: the caller's, else the one of the document's that fits, else what the value is.
    fn media_type(&mut self, value: &Argument, path: &str, is_binary: bool) -> Option<String> {
        let listed: Vec<&str> = self.listed();
        let own = match value {
            Argument::File(file) => file.media_type.as_deref(),
            _ => None,
        };
        if let Some(given) = self.chosen.or(own) {
            if !listed.is_empty() && !listed.iter().any(|range| covers(range, given)) {
                let problem = format!("must be of the type {}, got {given}", listed.join(" or "));
                self.found.push(Finding { weight: Weight::Misfit, ..Finding::unwritable(path, problem) });
            }
            return Some(given.to_owned());
        }
        let mut types = listed.into_iter().filter(|media_type| !media_type.contains('*'));
        let fits = |media_type: &&str| match value {
            Argument::File(file) => file.filename().is_some_and(|name| is_named_like(media_type, name)),
            Argument::Array(_) | Argument::Object(_) => {
                matches!(Kind::of(media_type), Kind::Json | Kind::Xml)
            }
            _ => true,
        };
        let default = match value {
            Argument::File(_) => Some(BYTES),
            Argument::Array(_) | Argument::Object(_) => Some("application/json"),
            _ => is_binary.then_some(BYTES),
        };
        let first = types.clone().next();
        types.find(fits).or(first).or(default).map(str::to_owned)
    }

    /// The media types and ranges that the document lists for it.
    fn listed(&self) -> Vec<&str> {
        let listed = self.encoding.content_type.as_deref().unwrap_or_default();
        listed.split(',').map(str::trim).filter(|media_type| !media_type.is_empty()).collect()
    }

    fn xml(&mut self, value: &Argument, path: &str, is_item: bool) -> Option<String> {
        let schema = self.property.map_or("", |one| one.schema().text());
        let of_items = if is_item { xml::items(self.operation, schema) } else { None };
        match xml::write(self.operation, of_items.as_deref().unwrap_or(schema), value) {
            Ok(text) => Some(text),
            Err(problems) => {
                let below = |one: Finding| Finding { path: format!("{path}{}", one.path), ..one };
                self.found.extend(problems.into_iter().map(below));
                None
            }
        }
    }
}

fn plain(name: String, text: String) -> Part {
    Part { name, filename: None, content_type: None, headers: Vec::new(), content: PartContent::Text(text) }
}

/// Whether a media range holds a media type (RFC 9110 §12.5.1).
fn covers(range: &str, given: &str) -> bool {
    let (range, given) = (essence(range), essence(given));
    match range.strip_suffix('*') {
        Some("*/") => true,
        Some(family) => given.get(..family.len()).is_some_and(|start| start.eq_ignore_ascii_case(family)),
        None => range.eq_ignore_ascii_case(given),
    }
}

/// Whether a file's name ends as files of a media type do: `.png` for `image/png`.
fn is_named_like(media_type: &str, filename: &str) -> bool {
    let Some((_, ending)) = filename.rsplit_once('.') else { return false };
    let subtype = essence(media_type).rsplit('/').next().unwrap_or_default();
    let ending = match ending.to_ascii_lowercase().as_str() {
        "jpg" => "jpeg".to_owned(),
        "txt" => "plain".to_owned(),
        "htm" => "html".to_owned(),
        other => other.to_owned(),
    };
    subtype.split('+').any(|word| word.eq_ignore_ascii_case(&ending))
}

/// The header fields of the parts of one field.
struct Headers<'h, 'a> {
    operation: Option<Operation<'a>>,
    name: &'h str,
    encoding: &'h Encoding<'a>,
    given: Vec<&'h PartHeader<'a>>,
    problems: &'h mut Problems,
}

impl Headers<'_, '_> {
    /// Puts what is given on the parts, and tells what is missing or cannot be sent.
    fn add(mut self, parts: &mut [Part]) {
        for given in std::mem::take(&mut self.given) {
            let name = given.of(self.name).unwrap_or_default();
            if is_type(name) || matches!(given.value, Argument::Null) {
                continue;
            }
            let text = self.text(name, given);
            if let Some(problem) = headers::part_problem(name, &text) {
                self.problems.refuse(given.order, format!("part.{}", given.path), problem);
                continue;
            }
            for part in &mut *parts {
                part.headers.push((name.to_owned(), text.clone()));
            }
        }
        for part in parts.iter() {
            self.check(part);
        }
    }

    fn text(&mut self, name: &str, given: &PartHeader<'_>) -> String {
        let mut headers = self.encoding.headers.iter();
        let rules = headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, rules)| rules);
        let content = rules.and_then(|rules| rules.content.as_deref());
        let wire = if content.is_some() { Wire::Json } else { Wire::Text };
        let mut found = Vec::new();
        let value = match (self.operation, rules.and_then(|rules| rules.schema)) {
            (Some(operation), Some(schema)) => {
                fit_text(operation, schema.get(), given.value, wire, &mut found)
            }
            _ => Cow::Borrowed(given.value),
        };
        self.problems.findings(given.order, &format!("part.{}", given.path), found);
        let mut text = String::new();
        if let Some(media_type) = content {
            text.push_str(&resolve::content_text(media_type, &value));
        } else {
            let explode = rules.is_some_and(|rules| rules.explode);
            style::write(&mut text, Rules::new(name, Style::Simple, explode, Escape::Never), &value);
        }
        text
    }

    /// What a file brings with it, and what every part must have.
    fn check(&mut self, part: &Part) {
        let media_type = part.content_type.iter().map(|value| (TYPE, value.as_str()));
        let headers = part.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in media_type.chain(headers) {
            if let Some(problem) = headers::part_problem(name, value) {
                self.problems.refuse(MISSING, format!("part.{}.{name}", self.name), problem);
            }
        }
        let required = self.encoding.headers.iter().filter(|(_, rules)| rules.required);
        for (name, _) in required {
            if !part.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                self.problems.misfit(MISSING, format!("part.{}.{name}", self.name), "is required");
            }
        }
    }
}
