//! The line of a text in which a JSON pointer's node stands.
//!
//! Neither parser tells positions of what it reads, but both tell them of errors: so a reading that goes down the
//! pointer and fails on purpose where it ends has the position.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// YAML beyond this many bytes is not searched: every search reads the text from its beginning.
const MAX_YAML: usize = 2 << 20;

/// The line of a node, counted from 1; for a member that of its key. `None` where it is not found, or would take long.
pub(crate) fn line(text: &str, tokens: &[String]) -> Option<usize> {
    if tokens.is_empty() {
        return Some(1);
    }
    if text.trim_start().starts_with('{') {
        let mut json = serde_json::Deserializer::from_str(text);
        if let Err(error) = (Search { rest: tokens }).deserialize(&mut json)
            && error.to_string().starts_with(FOUND)
        {
            return Some(error.line());
        }
    }
    if text.len() > MAX_YAML {
        return None;
    }
    let error = (Search { rest: tokens }).deserialize(yaml_serde::Deserializer::from_str(text)).err()?;
    let place = error.location().filter(|_| error.to_string().contains(FOUND))?;
    Some(place.line())
}

/// What the error on purpose says.
const FOUND: &str = "the node stands here";

/// Goes down the tokens of a pointer.
#[derive(Clone, Copy)]
struct Search<'p> {
    rest: &'p [String],
}

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// A member's key, which ends the search where it is the last one looked for.
struct Key<'p> {
    wanted: &'p str,
    is_last: bool,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        match key == self.wanted {
            true if self.is_last => Err(E::custom(FOUND)),
            found => Ok(found),
        }
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((wanted, rest)) = self.rest.split_first() else { return Err(A::Error::custom(FOUND)) };
        while let Some(is_it) = map.next_key_seed(Key { wanted, is_last: rest.is_empty() })? {
            if is_it {
                map.next_value_seed(Search { rest })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Some((wanted, rest)) = self.rest.split_first() else { return Err(A::Error::custom(FOUND)) };
        for number in 0_usize.. {
            let is_it = number.to_string() == *wanted;
            let more = if is_it {
                items.next_element_seed(Search { rest })?.is_some()
            } else {
                items.next_element::<IgnoredAny>()?.is_some()
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.scalar()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<(), E> {
        self.scalar()
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<(), E> {
        self.scalar()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.scalar()
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.scalar()
    }
}

impl Search<'_> {
    fn scalar<E: Error>(self) -> Result<(), E> {
        if self.rest.is_empty() { Err(E::custom(FOUND)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, pointer: &str) -> Option<usize> {
        let tokens: Vec<String> = pointer.split_whitespace().map(str::to_owned).collect();
        line(text, &tokens)
    }

    #[test]
    fn lines_are_those_of_keys_and_items() {
        let yaml = "openapi: 3.0.3\npaths:\n  /pets:\n    get: &op\n      tags: [a, b]\n      parameters:\n      - name: x\n      - $ref: y\n  /two:\n    get: *op\n200: x\n";
        assert_eq!(at(yaml, "paths /pets get"), Some(4));
        assert_eq!(at(yaml, "paths /pets get tags 1"), Some(5));
        assert_eq!(at(yaml, "paths /pets get parameters 1"), Some(8));
        assert_eq!(at(yaml, "200"), Some(11));
        assert_eq!(at(yaml, "paths none"), None);
        assert_eq!(at(yaml, "openapi deeper"), None);
        assert_eq!(at(yaml, ""), Some(1));
        let json = "{\n \"a\": [1,\n  {\"b\\u0063\": null}],\n \"d\": 12345678901234567890123\n}";
        assert_eq!(at(json, "a 1 bc"), Some(3));
        assert_eq!(at(json, "a 0"), Some(2));
        assert_eq!(at(json, "d"), Some(4));
        assert_eq!(at("{a: 1,\n b: 2}", "b"), Some(2));
    }
}
