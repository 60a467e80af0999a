//! YAML text to a JSON value, reading real documents right and hostile ones cheaply.
//!
//! The parser's own conversion aborts on integers beyond 64 bits, leaves `<<` unmerged, loses the text of
//! scalar keys and follows aliases without an end, so the value is built by a visitor of our own.

use std::fmt;

use serde::de::{
    self, Deserialize, DeserializeSeed, EnumAccess, IgnoredAny, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde_json::{Map, Number, Value};

use super::error::{SpecError, token};

/// The largest description known has under a million nodes; aliases nested to do harm pass this at once.
const MAX_NODES: usize = 5_000_000;

/// A document as JSON, with the pointers of the keys it gives twice (the last one holds).
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) value: Value,
    pub(crate) duplicates: Vec<String>,
}

/// Reads one YAML document.
pub(crate) fn to_json(text: &str) -> Result<Read, SpecError> {
    let mut state = State {
        nodes: MAX_NODES,
        bytes: text.len().saturating_mul(8).saturating_add(16 << 20),
        duplicates: Vec::new(),
    };
    let value = Node(&mut state).deserialize(yaml_serde::Deserializer::from_str(text)).map_err(|error| {
        let place = error.location().map_or((0, 0), |at| (at.line(), at.column()));
        SpecError::new(format!("not readable as YAML: {error}")).position(place.0, place.1)
    })?;
    Ok(Read { value, duplicates: state.duplicates })
}

struct State {
    nodes: usize,
    bytes: usize,
    duplicates: Vec<String>,
}

impl State {
    fn spend<E: de::Error>(&mut self, bytes: usize) -> Result<(), E> {
        let left = (self.nodes.checked_sub(1), self.bytes.checked_sub(bytes));
        let (Some(nodes), Some(bytes)) = left else {
            return Err(E::custom("the document grows beyond all measure through its aliases"));
        };
        (self.nodes, self.bytes) = (nodes, bytes);
        Ok(())
    }
}

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
        f.write_str("a YAML node")
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
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Value {
        to_json(text).unwrap_or_else(|error| panic!("{error}")).value
    }

    #[test]
    fn scalars_are_those_of_yaml_1_2() {
        let value =
            read("[y, no, on, 08, 042957, 1_000, 0x1F, ~, '', .inf, 2022-01-01, 1.5, -9223372036854776000]");
        let expected = json!([
            "y",
            "no",
            "on",
            "08",
            "042957",
            "1_000",
            31,
            null,
            "",
            null,
            "2022-01-01",
            1.5,
            -9_223_372_036_854_776_000_f64
        ]);
        assert_eq!(value, expected);
    }

    #[test]
    fn keys_keep_their_text() {
        assert_eq!(read("200: a\ny: b\n1.0: c\n"), json!({"200": "a", "y": "b", "1.0": "c"}));
    }

    #[test]
    fn tags_are_transparent_and_aliases_and_merges_followed() {
        let text =
            "base: &b {a: 1, b: 2}\nown: {<<: *b, b: 3}\ntwo: {<<: [*b, {c: 4}]}\ntagged: !x {z: !y 1}\n";
        let value = read(text);
        assert_eq!(value["own"], json!({"b": 3, "a": 1}));
        assert_eq!(value["two"], json!({"a": 1, "b": 2, "c": 4}));
        assert_eq!(value["tagged"], json!({"z": 1}));
    }

    #[test]
    fn duplicate_keys_are_reported_and_the_last_holds() {
        let read = to_json("paths:\n  /a/b:\n  - x: 1\n    x: 2\n  /c: 1\n  /c: 2\n").unwrap();
        assert_eq!(read.value["paths"]["/a/b"][0]["x"], 2);
        assert_eq!(read.duplicates, ["/paths/~1a~1b/0/x", "/paths/~1c"]);
    }

    #[test]
    fn faults_name_line_and_column() {
        let error = to_json("a:\n  - b\n c: d\n").unwrap_err();
        assert_eq!(error.position.map(|at| at.line), Some(3), "{error}");
    }

    #[test]
    fn aliases_nested_to_do_harm_end_early() {
        let mut text = String::from("a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n");
        for level in 1..9 {
            let before = level - 1;
            let line = format!("a{level}: &a{level} [{}]\n", vec![format!("*a{before}"); 10].join(","));
            text.push_str(&line);
        }
        assert!(to_json(&text).is_err());
    }
}
