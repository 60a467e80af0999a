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

use super::error::told_token;
use super::limits::Limits;

/// How many values the aliases of a YAML document may add to those of its text.
const MAX_ALIASED_NODES: usize = 1_000_000;
/// How many bytes of text they may add beside eight times the document's own.
const MAX_ALIASED_BYTES: usize = 16 << 20;

/// How many keys that are given twice are told one by one.
const MAX_DUPLICATES: usize = 1_000;

const ALIASED: &str = "the document grows beyond all measure through its aliases";

/// A document as JSON, with the pointers of the keys it gives twice (the last one holds).
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) value: Value,
    pub(crate) duplicates: Vec<String>,
    /// How many more keys are given twice.
    pub(crate) more_duplicates: usize,
}

/// Reads what a parser tells.
pub(crate) fn read<'de, D: de::Deserializer<'de>>(parser: D, mut state: State) -> Result<Read, D::Error> {
    let value = Node(&mut state).deserialize(parser)?;
    Ok(Read { value, duplicates: state.duplicates, more_duplicates: state.more_duplicates })
}

/// What reading a document may still cost, and what it found.
pub(crate) struct State {
    limits: Limits,
    nodes: usize,
    /// Whether it is aliases that bound the values, below the limit.
    is_aliased: bool,
    bytes: usize,
    depth: usize,
    duplicates: Vec<String>,
    more_duplicates: usize,
    is_yaml: bool,
}

impl State {
    /// For JSON: as many values as a document may have at all.
    pub(crate) fn json(limits: Limits) -> Self {
        Self {
            limits,
            nodes: limits.nodes,
            is_aliased: false,
            bytes: usize::MAX,
            depth: limits.depth,
            duplicates: Vec::new(),
            more_duplicates: 0,
            is_yaml: false,
        }
    }

    /// For YAML, whose aliases make more of a text than it holds: of its own values each takes a byte at least,
    /// the rest is what aliases may add.
    pub(crate) fn yaml(text: &str, limits: Limits) -> Self {
        let nodes = text.len().saturating_add(MAX_ALIASED_NODES);
        Self {
            nodes: limits.nodes.min(nodes),
            is_aliased: nodes < limits.nodes,
            bytes: text.len().saturating_mul(8).saturating_add(MAX_ALIASED_BYTES),
            is_yaml: true,
            ..Self::json(limits)
        }
    }

    /// A value, and the bytes of its text.
    fn spend<E: de::Error>(&mut self, bytes: usize) -> Result<(), E> {
        self.nodes = self.nodes.checked_sub(1).ok_or_else(|| E::custom(self.too_many()))?;
        self.spend_text(bytes)
    }

    fn spend_text<E: de::Error>(&mut self, bytes: usize) -> Result<(), E> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or_else(|| E::custom(ALIASED))?;
        Ok(())
    }

    fn too_many(&self) -> String {
        if self.is_aliased {
            return ALIASED.to_owned();
        }
        format!("the document has more than {} values", self.limits.nodes)
    }

    /// One level deeper.
    fn enter<E: de::Error>(&mut self) -> Result<(), E> {
        self.spend(1)?;
        let deeper = self.depth.checked_sub(1);
        let problem = || format!("the document is more than {} levels deep", self.limits.depth);
        self.depth = deeper.ok_or_else(|| E::custom(problem()))?;
        Ok(())
    }

    fn leave(&mut self) {
        self.depth += 1;
    }

    /// Keeps the pointer of a key that an object has already.
    fn duplicate(&mut self, key: &str) {
        if self.duplicates.len() < MAX_DUPLICATES {
            self.duplicates.push(format!("/{}", told_token(key)));
        } else {
            self.more_duplicates += 1;
        }
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
        self.0.enter()?;
        let mut items = Vec::new();
        let mut known = self.0.duplicates.len();
        while let Some(item) = seq.next_element_seed(Node(self.0))? {
            self.0.prefix(&mut known, &items.len().to_string());
            items.push(item);
        }
        self.0.leave();
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.0.enter()?;
        let mut map = Map::new();
        let mut known = self.0.duplicates.len();
        while let Some(Key(key)) = entries.next_key()? {
            self.0.spend_text(key.len())?;
            let value = entries.next_value_seed(Node(self.0))?;
            self.0.prefix(&mut known, &key);
            if map.contains_key(&key) {
                self.0.duplicate(&key);
                known = self.0.duplicates.len();
            }
            map.insert(key, value);
        }
        self.0.leave();
        if self.0.is_yaml {
            merge(&mut map);
        }
        Ok(Value::Object(map))
    }
}

/// Puts the members of what a `<<` names beside a mapping's own, which hold (YAML's merge key).
fn merge(map: &mut Map<String, Value>) {
    let is_merge = |merged: &&Value| merged.is_object() || merged.is_array();
    if map.get("<<").as_ref().is_none_or(|merged| !is_merge(merged)) {
        return;
    }
    let sources = match map.shift_remove("<<") {
        Some(Value::Array(list)) => list,
        one => one.into_iter().collect(),
    };
    for (key, value) in sources.into_iter().filter_map(into_object).flatten() {
        map.entry(key).or_insert(value);
    }
}

impl State {
    /// Puts a parent's key before the pointers of duplicates found since `known`.
    fn prefix(&mut self, known: &mut usize, key: &str) {
        if self.duplicates.len() > *known {
            for pointer in &mut self.duplicates[*known..] {
                pointer.insert_str(0, &format!("/{}", told_token(key)));
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
        let read = of_json(text, State::json(Limits::default())).unwrap();
        assert_eq!(read.value, serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(read.duplicates, [""; 0]);
        assert_eq!(
            of_json(r#"{"a": 1, "b/": {"c": 1, "c": 2}}"#, State::json(Limits::default()))
                .unwrap()
                .duplicates,
            ["/b~1/c"]
        );
    }

    #[test]
    fn values_and_levels_are_counted() {
        assert_eq!(
            of_json("[1, {\"a\": 2}]", State::json(Limits::default().nodes(4).depth(2))).unwrap().value,
            json!([1, {"a": 2}])
        );
        let refused =
            |limits: Limits| of_json("[1, {\"a\": 2}]", State::json(limits)).unwrap_err().to_string();
        let many = refused(Limits::default().nodes(3));
        assert!(many.starts_with("the document has more than 3 values at line 1"), "{many}");
        let deep = refused(Limits::default().depth(1));
        assert!(deep.starts_with("the document is more than 1 levels deep"), "{deep}");
    }
}
