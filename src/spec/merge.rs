//! Keys of mappings in YAML, and what the one of merges does.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use serde::de::{self, Deserialize, Visitor};
use serde_json::value::RawValue;

use super::parts::{Members, name};

/// A mapping's key as it is written: `200`, `y` and `1.0` are names, not numbers and booleans.
pub(super) struct Key<'de>(pub(super) Cow<'de, str>);

impl Key<'_> {
    /// Whether a key of a YAML text is the one of merges: a plain `<<`, which the parser takes from the text as it
    /// stands, without a tag that makes a text of it.
    pub(super) fn is_merge(&self, text: &str) -> bool {
        let Self(Cow::Borrowed(key @ "<<")) = self else { return false };
        let before = (key.as_ptr() as usize).checked_sub(text.as_ptr() as usize);
        let Some(before) = before.and_then(|at| text.get(..at)) else { return false };
        let words = before.trim_end_matches([' ', '\t']).rsplit([' ', '\t', '\n', '\r', '{', ',']);
        let is_text = |word: &str| word.starts_with('!') && word != "!!merge";
        !before.ends_with(['"', '\'']) && !words.take(1).any(is_text)
    }
}

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a scalar as the key of a mapping")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Puts the members of what a `<<` names beside a mapping's own, which hold (YAML's merge key).
pub(super) fn merged(written: &str) -> Result<String, serde_json::Error> {
    fn members(object: &str) -> Result<Vec<(&RawValue, &RawValue)>, serde_json::Error> {
        serde_json::from_str::<Members<'_>>(object).map(|members| members.0)
    }
    let own = members(written)?.into_iter().map(|(key, value)| (name(key), value));
    let mut own: IndexMap<Cow<'_, str>, &RawValue> = own.collect();
    let sources = match own.get("<<").map(|merged| merged.get()) {
        Some(list) if list.starts_with('[') => serde_json::from_str::<Vec<&RawValue>>(list)?,
        Some(one) if one.starts_with('{') => vec![own["<<"]],
        _ => return Ok(written.to_owned()),
    };
    own.shift_remove("<<");
    for source in sources.into_iter().filter(|source| source.get().starts_with('{')) {
        for (key, value) in members(source.get())? {
            own.entry(name(key)).or_insert(value);
        }
    }
    serde_json::to_string(&own)
}
