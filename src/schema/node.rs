//! One JSON Schema object, read lazily: its keywords as the raw text they have in the document.
//!
//! Reading a node allocates nothing, and what a value does not touch is never parsed.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::operation::Types;
use crate::params::{Argument, Number};

type Raw<'t> = Option<&'t RawValue>;

/// The keywords of a schema that bear on requests (`OpenAPI` 3.0 Schema Object, JSON Schema 2020-12).
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Node<'t> {
    #[serde(borrow, rename = "$ref")]
    pub(super) reference: Raw<'t>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Raw<'t>,
    #[serde(borrow)]
    pub(super) nullable: Raw<'t>,
    #[serde(borrow)]
    pub(super) format: Raw<'t>,
    #[serde(borrow, rename = "enum")]
    pub(super) choices: Raw<'t>,
    #[serde(borrow, rename = "x-extensible-enum")]
    pub(super) extensible: Raw<'t>,
    #[serde(borrow, rename = "const", deserialize_with = "even_null")]
    pub(super) constant: Raw<'t>,
    #[serde(borrow)]
    pub(super) minimum: Raw<'t>,
    #[serde(borrow)]
    pub(super) maximum: Raw<'t>,
    #[serde(borrow)]
    pub(super) exclusive_minimum: Raw<'t>,
    #[serde(borrow)]
    pub(super) exclusive_maximum: Raw<'t>,
    #[serde(borrow)]
    pub(super) multiple_of: Raw<'t>,
    #[serde(borrow)]
    pub(super) min_length: Raw<'t>,
    #[serde(borrow)]
    pub(super) max_length: Raw<'t>,
    #[serde(borrow)]
    pub(super) pattern: Raw<'t>,
    #[serde(borrow)]
    pub(super) min_items: Raw<'t>,
    #[serde(borrow)]
    pub(super) max_items: Raw<'t>,
    #[serde(borrow)]
    pub(super) unique_items: Raw<'t>,
    #[serde(borrow)]
    pub(super) items: Raw<'t>,
    #[serde(borrow)]
    pub(super) prefix_items: Raw<'t>,
    #[serde(borrow)]
    pub(super) min_properties: Raw<'t>,
    #[serde(borrow)]
    pub(super) max_properties: Raw<'t>,
    #[serde(borrow)]
    pub(super) required: Raw<'t>,
    #[serde(borrow)]
    pub(super) properties: Raw<'t>,
    #[serde(borrow)]
    pub(super) pattern_properties: Raw<'t>,
    #[serde(borrow)]
    pub(super) additional_properties: Raw<'t>,
    #[serde(borrow)]
    pub(super) all_of: Raw<'t>,
    #[serde(borrow)]
    pub(super) any_of: Raw<'t>,
    #[serde(borrow)]
    pub(super) one_of: Raw<'t>,
    #[serde(borrow)]
    pub(super) not: Raw<'t>,
    #[serde(borrow)]
    pub(super) discriminator: Raw<'t>,
    #[serde(borrow)]
    pub(super) read_only: Raw<'t>,
}

/// Serde reads a present `null` as absent; for `const` it is a value.
fn even_null<'t, D: Deserializer<'t>>(deserializer: D) -> Result<Raw<'t>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl<'t> Node<'t> {
    /// The node of a schema's text; `None` for `true`, `false` and what is no schema.
    pub(super) fn read(text: &'t str) -> Option<Self> {
        text.starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()
    }

    /// The types it names; empty where it names none.
    pub(super) fn types(&self) -> Types {
        let types = match self.kind.map(RawValue::get) {
            Some(text) if text.starts_with('[') => {
                let words: Vec<Cow<'_, str>> = serde_json::from_str(text).unwrap_or_default();
                words.iter().filter_map(|word| Types::from_word(word)).fold(Types::ANY, Types::with)
            }
            Some(text) => Types::from_word(text.trim_matches('"')).unwrap_or_default(),
            None => Types::ANY,
        };
        if !types.is_any() && is_true(self.nullable) { types.with(Types::NULL) } else { types }
    }

    pub(super) fn has_format(&self, format: &str) -> bool {
        self.format.is_some_and(|raw| raw.get().trim_matches('"') == format)
    }
}

pub(super) fn is_true(raw: Raw<'_>) -> bool {
    raw.is_some_and(|raw| raw.get() == "true")
}

pub(super) fn text(raw: Raw<'_>) -> Option<Cow<'_, str>> {
    let text = raw?.get();
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(text).ok().map(Cow::Owned) } else { Some(inner.into()) }
}

pub(super) fn number(raw: Raw<'_>) -> Option<Number> {
    Number::from_text(raw?.get())
}

/// A count such as `minLength`; `5.0` counts as 5.
pub(super) fn count(raw: Raw<'_>) -> Option<usize> {
    let text = raw?.get();
    text.strip_suffix(".0").unwrap_or(text).parse().ok()
}

pub(super) fn values(raw: Raw<'_>) -> Vec<Argument> {
    match raw.map(|raw| Argument::from_json_text(raw.get())) {
        Some(Ok(Argument::Array(values))) => values,
        _ => Vec::new(),
    }
}

pub(super) fn list(raw: Raw<'_>) -> Vec<&RawValue> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

pub(super) fn names(raw: Raw<'_>) -> Vec<Cow<'_, str>> {
    list(raw).into_iter().filter_map(|one| text(Some(one))).collect()
}

/// The members of a JSON object, in order, their values as they are written.
#[derive(Default)]
pub(super) struct Members<'t>(Vec<(Cow<'t, str>, &'t RawValue)>);

impl<'t> Members<'t> {
    pub(super) fn read(raw: Raw<'t>) -> Self {
        raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    }

    pub(super) fn get(&self, name: &str) -> Option<&'t RawValue> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, raw)| *raw)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_ref())
    }
}

impl<'de: 't, 't> Deserialize<'de> for Members<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Reader).map(Members)
    }
}

#[derive(Deserialize)]
struct Name<'t>(#[serde(borrow)] Cow<'t, str>);
