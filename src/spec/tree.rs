//! The text of a document, JSON or YAML, to a JSON value: real documents right, hostile ones cheaply.
//!
//! The parsers' own conversions lose duplicate keys without a word, and that of YAML aborts on integers beyond 64
//! bits, leaves `<<` unmerged, loses the text of scalar keys and follows aliases without an end; so the value is built
//! by a visitor of our own, with what it may cost counted.

use std::fmt;

use serde::de::{
    self, Deserialize, DeserializeSeed, EnumAccess, IgnoredAny, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde_json::{Map, Number, Value};

use super::error::token;

/// The bytes of one document; the largest known, dereferenced, has 78 MB.
pub(crate) const MAX_BYTES: usize = 256 << 20;
/// The values of one document, keys counted; the largest known has some four million.
pub(crate) const MAX_NODES: usize = 10_000_000;
/// How many values the aliases of a YAML document may add to those of its text.
const MAX_ALIASED_NODES: usize = 1_000_000;
/// How many bytes of text they may add beside eight times the document's own.
const MAX_ALIASED_BYTES: usize = 16 << 20;

const TOO_MANY: &str = "the document has more than ten million values";
const ALIASED: &str = "the document grows beyond all measure through its aliases";

/// A document as JSON, with the pointers of the keys it gives twice (the last one holds).
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) value: Value,
    pub(crate) duplicates: Vec<String>,
}

/// Reads what a parser tells.
pub(crate) fn read<'de, D: de::Deserializer<'de>>(parser: D, mut state: State) -> Result<Read, D::Error> {
    let value = Node(&mut state).deserialize(parser)?;
    Ok(Read { value, duplicates: state.duplicates })
}

/// What reading a document may still cost, and what it found.
pub(crate) struct State {
    nodes: usize,
    bytes: usize,
    duplicates: Vec<String>,
    is_yaml: bool,
}

impl State {
    /// For JSON: as many values as a document may have at all.
    pub(crate) fn json() -> Self {
        Self { nodes: MAX_NODES, bytes: usize::MAX, duplicates: Vec::new(), is_yaml: false }
    }

    /// For YAML, whose aliases make more of a text than it holds: of its own values each takes a byte at least,
    /// the rest is what aliases may add.
    pub(crate) fn yaml(text: &str) -> Self {
        Self {
            nodes: MAX_NODES.min(text.len().saturating_add(MAX_ALIASED_NODES)),
            bytes: text.len().saturating_mul(8).saturating_add(MAX_ALIASED_BYTES),
            duplicates: Vec::new(),
            is_yaml: true,
        }
    }

    /// For tests: with so many values at most.
    #[cfg(test)]
    fn with_nodes(self, nodes: usize) -> Self {
        Self { nodes, ..self }
    }

    fn spend<E: de::Error>(&mut self, bytes: usize) -> Result<(), E> {
        let left = (self.nodes.checked_sub(1), self.bytes.checked_sub(bytes));
        let (Some(nodes), Some(bytes)) = left else {
            return Err(E::custom(if self.is_yaml { ALIASED } else { TOO_MANY }));
        };
        (self.nodes, self.bytes) = (nodes, bytes);
        Ok(())
    }
}

/// Makes a value of whatever stands next.
struct Node<'s>(&'s mut State);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        self.0.spend(1)?;
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        self.0.spend(8)?;
        Ok(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        self.0.spend(8)?;
        Ok(value.into())
    }

    #[allow(clippy::cast_precision_loss, reason = "JSON readers do the same beyond 64 bits")]
    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Value, E> {
        self.visit_f64(value as f64)
    }

    #[allow(clippy::cast_precision_loss, reason = "JSON readers do the same beyond 64 bits")]
    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Value, E> {
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        self.0.spend(8)?;
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        self.0.spend(value.len())?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        self.0.spend(1)?;
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_some<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let (IgnoredAny, tagged) = data.variant()?;
        tagged.newtype_variant_seed(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        self.0.spend(1)?;
        let mut items = Vec::new();
        let mut known = self.0.duplicates.len();
        while let Some(item) = seq.next_element_seed(Node(self.0))? {
            self.0.prefix(&mut known, &items.len().to_string());
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.0.spend(1)?;
        let mut map = Map::new();
        let mut known = self.0.duplicates.len();
        while let Some(Key(key)) = entries.next_key()? {
            self.0.spend(key.len())?;
            let value = entries.next_value_seed(Node(self.0))?;
            self.0.prefix(&mut known, &key);
            if map.contains_key(&key) {
                self.0.duplicates.push(format!("/{}", token(&key)));
                known = self.0.duplicates.len();
            }
            map.insert(key, value);
        }
        if !self.0.is_yaml {
            return Ok(Value::Object(map));
        }
        if let Some(merged) = map.get("<<").filter(|merged| merged.is_object() || merged.is_array()).cloned()
        {
            map.shift_remove("<<");
            let sources = if let Value::Array(list) = merged { list } else { vec![merged] };
            for (key, value) in sources.into_iter().filter_map(into_object).flatten() {
                map.entry(key).or_insert(value);
            }
        }
        Ok(Value::Object(map))
    }
}

impl State {
    /// Puts a parent's key before the pointers of duplicates found since `known`.
    fn prefix(&mut self, known: &mut usize, key: &str) {
        if self.duplicates.len() > *known {
            for pointer in &mut self.duplicates[*known..] {
                pointer.insert_str(0, &format!("/{}", token(key)));
            }
            *known = self.duplicates.len();
        }
    }
}

fn into_object(value: Value) -> Option<Map<String, Value>> {
    if let Value::Object(map) = value { Some(map) } else { None }
}

/// A mapping's key as it is written: `200`, `y` and `1.0` are names, not numbers and booleans.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a scalar as the key of a mapping")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Key, E> {
                Ok(Key(text.to_owned()))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use serde_json::json;

    use super::*;

    fn of_json(text: &str, state: State) -> Result<Read, serde_json::Error> {
        read(&mut serde_json::Deserializer::from_str(text), state)
    }

    #[test]
    fn json_is_read_as_it_stands() {
        let text = r#"{"a": [1, -2, 1.5, 18446744073709551615, 1e30, true, null, "\u00e4"], "<<": {"b": 1}, "c": {}}"#;
        let read = of_json(text, State::json()).unwrap();
        assert_eq!(read.value, serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(read.duplicates, [""; 0]);
        assert_eq!(
            of_json(r#"{"a": 1, "b/": {"c": 1, "c": 2}}"#, State::json()).unwrap().duplicates,
            ["/b~1/c"]
        );
    }

    #[test]
    fn values_are_counted() {
        assert_eq!(
            of_json("[1, {\"a\": 2}]", State::json().with_nodes(5)).unwrap().value,
            json!([1, {"a": 2}])
        );
        let error = of_json("[1, {\"a\": 2}]", State::json().with_nodes(4)).unwrap_err();
        assert!(error.to_string().contains(TOO_MANY), "{error}");
    }
}
