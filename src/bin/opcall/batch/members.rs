//! The members of a JSON object, in order, each name once.
//!
//! A map would take the last of two values silently, and a call with half of what its line says would go out.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// The members of a JSON object.
pub(super) struct Members<'l, V>(pub(super) Vec<(Cow<'l, str>, V)>);

impl<'de: 'l, 'l, V: Deserialize<'de>> Deserialize<'de> for Members<'l, V> {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_map(OfMembers(PhantomData))
    }
}

struct OfMembers<'l, V>(PhantomData<(&'l str, V)>);

impl<'de: 'l, 'l, V: Deserialize<'de>> Visitor<'de> for OfMembers<'l, V> {
    type Value = Members<'l, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members: Vec<(Cow<'l, str>, V)> = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            if members.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom(format_args!("the member `{name}` is given twice")));
            }
            members.push((name, map.next_value()?));
        }
        Ok(Members(members))
    }
}

/// A name, borrowed where the text has no escapes in it.
#[derive(serde::Deserialize)]
pub(super) struct Name<'l>(#[serde(borrow)] pub(super) Cow<'l, str>);

/// A text, or a whole number as its text.
pub(super) struct Word<'l>(pub(super) Cow<'l, str>);

impl<'de: 'l, 'l> Deserialize<'de> for Word<'l> {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_any(OfWord(PhantomData))
    }
}

struct OfWord<'l>(PhantomData<&'l str>);

impl<'de: 'l, 'l> Visitor<'de> for OfWord<'l> {
    type Value = Word<'l>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a whole number")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Word(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Word(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Word(Cow::Owned(number.to_string())))
    }
}
