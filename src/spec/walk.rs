//! The way through the schemas of a JSON text in the order in which they stand, for what names parts of a document:
//! the text is gone through, and no value is made of it.

use std::fmt;
use std::rc::Rc;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::error::token;
use super::parts::name;

/// Members that hold data, not schemas.
const DATA: [&str; 5] = ["example", "examples", "default", "enum", "const"];
/// Members whose members are names, not keywords: `default` is a response among `responses`.
const NAMED: [&str; 21] = [
    "$defs",
    "additionalOperations",
    "callbacks",
    "content",
    "definitions",
    "dependentSchemas",
    "encoding",
    "headers",
    "links",
    "mediaTypes",
    "parameters",
    "pathItems",
    "paths",
    "patternProperties",
    "properties",
    "requestBodies",
    "responses",
    "schemas",
    "securitySchemes",
    "variables",
    "webhooks",
];

/// The keywords by which names are given, or meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Word {
    Itself,
    Id,
    Anchor,
    DynamicAnchor,
    DynamicReference,
    Reference,
}

impl Word {
    fn of(name: &str) -> Option<Self> {
        match name {
            "$self" => Some(Self::Itself),
            "$id" => Some(Self::Id),
            "$anchor" => Some(Self::Anchor),
            "$dynamicAnchor" => Some(Self::DynamicAnchor),
            "$dynamicRef" => Some(Self::DynamicReference),
            "$ref" => Some(Self::Reference),
            _ => None,
        }
    }
}

/// Whether a member of an object of the description holds data, in which nothing is a reference.
pub(super) fn is_data(name: &str) -> bool {
    DATA.contains(&name)
}

/// Whether the members of a member are names.
pub(super) fn holds_names(name: &str) -> bool {
    NAMED.contains(&name)
}

/// Whether a JSON text may give names; a `false` is sure.
pub(crate) fn may_name(text: &str) -> bool {
    let is_one = |rest: &str| {
        let word = rest.split_once('"').and_then(|(word, _)| written(word));
        word.is_some_and(|word| word != Word::Reference)
    };
    text.match_indices("\"$").any(|(at, _)| is_one(&text[at + 1..])) || text.contains("\\u0024")
}

/// The keyword that stands between two quotes, letters of it perhaps by their numbers.
fn written(word: &str) -> Option<Word> {
    const LONGEST: usize = "$dynamicAnchor".len() * r"\u0000".len();
    if !word.contains('\\') {
        return Word::of(word);
    }
    let may_be = word.len() <= LONGEST;
    let word: String = may_be.then(|| serde_json::from_str(&format!("\"{word}\"")).ok())??;
    Word::of(&word)
}

/// The resource that a part of the document belongs to: its URI, and where it begins.
#[derive(Debug, Clone)]
pub(super) struct Base {
    pub(super) uri: Rc<str>,
    pub(super) pointer: Rc<str>,
}

/// What is done on the way.
pub(super) trait Visit {
    /// An object begins that may be a schema, the `number`th of all objects, in the resource `base`. Tells the
    /// resource of its members.
    fn enter(&mut self, number: u32, base: &Base, pointer: &str) -> Base;

    /// A keyword of that object: where it begins, and where its value does.
    fn word(&mut self, number: u32, word: Word, places: (usize, usize), base: &Base);
}

/// Goes through a text. Nothing is done about what is no JSON.
pub(super) fn walk(text: &str, base: &Base, visit: &mut dyn Visit) -> Result<(), serde_json::Error> {
    let mut way = Way { text, visit, pointer: String::new(), count: 0 };
    let part = Part { way: &mut way, base, are_names: false };
    part.deserialize(&mut serde_json::Deserializer::from_str(text))
}

struct Way<'w> {
    text: &'w str,
    visit: &'w mut dyn Visit,
    pointer: String,
    count: u32,
}

impl Way<'_> {
    /// Where a key begins, and where its value does.
    fn places(&self, key: &RawValue) -> (usize, usize) {
        let start = (key.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let end = start + key.get().len();
        let rest = self.text.get(end..).unwrap_or_default();
        let is_between = |byte: u8| byte.is_ascii_whitespace() || byte == b':';
        (start, end + rest.bytes().take_while(|byte| is_between(*byte)).count())
    }
}

/// Whatever stands next; `are_names` where its members are names.
struct Part<'p, 'w> {
    way: &'p mut Way<'w>,
    base: &'p Base,
    are_names: bool,
}

impl<'de> DeserializeSeed<'de> for Part<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { way, base, are_names } = self;
        let number = way.count;
        way.count = number.saturating_add(1);
        let own = if are_names { base.clone() } else { way.visit.enter(number, base, &way.pointer) };
        let length = way.pointer.len();
        while let Some(key) = map.next_key::<&RawValue>()? {
            let name = name(key);
            if !are_names && is_data(&name) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            // What is named `$ref` is no text: a text there stands for all the names.
            if let Some(word) = Word::of(&name).filter(|word| !are_names || *word == Word::Reference) {
                let places = way.places(key);
                way.visit.word(number, word, places, &own);
            }
            way.pointer.extend(["/", &token(&name)]);
            let are_names = !are_names && holds_names(&name);
            map.next_value_seed(Part { way: &mut *way, base: &own, are_names })?;
            way.pointer.truncate(length);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self { way, base, .. } = self;
        let length = way.pointer.len();
        let mut number = 0_usize;
        loop {
            way.pointer.extend(["/", itoa(number, &mut [0; 20])]);
            let item = seq.next_element_seed(Part { way: &mut *way, base, are_names: false })?;
            way.pointer.truncate(length);
            if item.is_none() {
                return Ok(());
            }
            number += 1;
        }
    }
}

/// The digits of a number, without an allocation for each item of a long list.
fn itoa(mut number: usize, digits: &mut [u8; 20]) -> &str {
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b"0123456789"[number % 10];
        number /= 10;
        if number == 0 || first == 0 {
            break;
        }
    }
    std::str::from_utf8(&digits[first..]).unwrap_or_default()
}
