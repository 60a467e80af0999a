//! The text of a document, JSON or YAML, to a JSON text that can be read part by part: real documents right, hostile
//! ones cheaply.
//!
//! No value is made of a document as a whole: values take some twenty times the memory of their text, hostile ones
//! sixty times. A JSON text is only gone through, to count what it may cost and to see whether an object has a key
//! twice; one that has, and a YAML text, are written anew. The parsers' own conversions would lose duplicate keys
//! without a word, and that of YAML aborts on integers beyond 64 bits, leaves `<<` unmerged, loses the text of scalar
//! keys and follows aliases without an end.

use std::borrow::Cow;
use std::fmt;
use std::io::Write;
use std::mem;
use std::string::FromUtf8Error;

use indexmap::IndexMap;
use serde::de::{self, DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde_json::Number;
use serde_json::value::RawValue;

use super::error::told_token;
use super::keys::Keys;
use super::limits::Limits;
use super::merge::{Key, merged};
use super::parts::{Members, name};
use super::scalars::{self, IsBare, Scalars};

/// How many values the aliases of a YAML document may add to those of its text.
const MAX_ALIASED_NODES: usize = 1_000_000;
/// How many bytes of text they may add beside eight times the document's own.
const MAX_ALIASED_BYTES: usize = 16 << 20;

/// How many keys that are given twice are told one by one.
const MAX_DUPLICATES: usize = 1_000;

/// How many bytes may be written anew, beside four times those of the text: of objects in one another that each have a
/// key twice, the inner ones are written as often as there are outer ones.
const MAX_REWRITTEN: usize = 16 << 20;

const ALIASED: &str = "the document grows beyond all measure through its aliases";

/// A document as JSON, with the pointers of the keys it gives twice (the last one holds).
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) text: String,
    pub(crate) duplicates: Vec<String>,
    /// How many more keys are given twice.
    pub(crate) more_duplicates: usize,
}

/// Writes what a parser tells as compact JSON without duplicate keys.
pub(crate) fn write<'de, D: de::Deserializer<'de>>(parser: D, state: State<'_>) -> Result<Read, D::Error> {
    let mut state = state.writing();
    Node(&mut state).deserialize(parser)?;
    state.written().map_err(de::Error::custom)
}

/// Goes through what a parser tells.
pub(crate) fn go<'de, D: de::Deserializer<'de>>(parser: D, state: &mut State<'_>) -> Result<(), D::Error> {
    Node(state).deserialize(parser)
}

/// Goes through what a parser tells. Tells in turn whether an object has, as far as can be seen, a key twice; a
/// `false` is sure.
pub(crate) fn check<'de, D: de::Deserializer<'de>>(
    parser: D,
    mut state: State<'_>,
) -> Result<bool, D::Error> {
    Node(&mut state).deserialize(parser)?;
    Ok(state.is_suspect)
}

/// What a document is written in.
#[derive(PartialEq, Eq)]
enum Syntax {
    Json,
    Yaml,
}

/// What reading a document may still cost, and what it found.
#[allow(clippy::struct_excessive_bools, reason = "what was seen, and what is read")]
pub(crate) struct State<'t> {
    /// In YAML, the text of which keys are borrowed.
    text: &'t str,
    limits: Limits,
    nodes: usize,
    /// Whether it is aliases that bound the values, below the limit.
    is_aliased: bool,
    bytes: usize,
    depth: usize,
    duplicates: Vec<String>,
    more_duplicates: usize,
    syntax: Syntax,
    keys: Keys,
    is_suspect: bool,
    /// What was written so far, where anything is.
    out: Option<Vec<u8>>,
    /// How many bytes were written anew.
    rewritten: usize,
    /// Whether the document has turned out to cost too much.
    is_over: bool,
    scalars: Scalars,
    /// Whether the value that begins next, and the one that began last, is a text by its tag.
    is_next_tagged: bool,
    is_tagged: bool,
}

/// An object on its way: where it begins in what is written, and in the keys of all that are open.
#[derive(Default)]
pub(crate) struct Object {
    start: usize,
    first: usize,
    /// How many duplicates have this object in their pointers.
    known: usize,
    is_merged: bool,
}

/// A list on its way.
#[derive(Default)]
pub(crate) struct List {
    known: usize,
    count: usize,
}

impl<'t> State<'t> {
    /// For JSON: as many values as a document may have at all.
    pub(crate) fn json(limits: Limits) -> Self {
        Self {
            text: "",
            limits,
            nodes: limits.nodes,
            is_aliased: false,
            bytes: usize::MAX,
            depth: limits.depth,
            duplicates: Vec::new(),
            more_duplicates: 0,
            syntax: Syntax::Json,
            keys: Keys::default(),
            is_suspect: false,
            out: None,
            rewritten: 0,
            is_over: false,
            scalars: Scalars::Ordinary,
            is_next_tagged: false,
            is_tagged: false,
        }
    }

    /// Writes what it is told.
    pub(crate) fn writing(self) -> Self {
        Self { out: Some(Vec::new()), ..self }
    }

    /// What was written.
    pub(crate) fn written(self) -> Result<Read, FromUtf8Error> {
        let text = String::from_utf8(self.out.unwrap_or_default())?;
        Ok(Read { text, duplicates: self.duplicates, more_duplicates: self.more_duplicates })
    }

    /// Whether the document has turned out to cost too much.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// For YAML, whose aliases make more of a text than it holds: of its own values each takes a byte at least,
    /// the rest is what aliases may add.
    pub(crate) fn yaml(text: &'t str, limits: Limits) -> Self {
        let nodes = text.len().saturating_add(MAX_ALIASED_NODES);
        Self {
            text,
            nodes: limits.nodes.min(nodes),
            is_aliased: nodes < limits.nodes,
            bytes: text.len().saturating_mul(8).saturating_add(MAX_ALIASED_BYTES),
            syntax: Syntax::Yaml,
            ..Self::json(limits)
        }
    }

    /// Looks for scalars that are asked for as texts when the same is told the second time.
    pub(crate) fn learn<E>(&mut self, tell: impl FnOnce(&mut Self) -> Result<(), E>) -> Result<(), E> {
        let (nodes, bytes, depth) = (self.nodes, self.bytes, self.depth);
        let mut first = Self { nodes, bytes, depth, ..Self::yaml(self.text, self.limits) };
        first.is_aliased = self.is_aliased;
        first.scalars = Scalars::Seen(Vec::new());
        let told = tell(&mut first);
        self.is_over |= first.is_over;
        self.scalars = first.scalars.known();
        told
    }

    /// The value that began last is a scalar and no text.
    fn scalar(&mut self, is_integer: bool) {
        if is_integer || self.is_tagged {
            self.scalars.found();
        }
    }

    /// A value, and the bytes of its text.
    fn spend<E: de::Error>(&mut self, bytes: usize) -> Result<(), E> {
        let left = self.nodes.checked_sub(1);
        self.is_over |= left.is_none();
        self.nodes = left.ok_or_else(|| E::custom(self.too_many()))?;
        self.spend_text(bytes)
    }

    fn spend_text<E: de::Error>(&mut self, bytes: usize) -> Result<(), E> {
        let left = self.bytes.checked_sub(bytes);
        self.is_over |= left.is_none();
        self.bytes = left.ok_or_else(|| E::custom(ALIASED))?;
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
        self.is_over |= deeper.is_none();
        let problem = || format!("the document is more than {} levels deep", self.limits.depth);
        self.depth = deeper.ok_or_else(|| E::custom(problem()))?;
        Ok(())
    }

    fn leave(&mut self) {
        self.depth += 1;
    }

    /// Writes JSON as it stands.
    fn put(&mut self, json: &str) {
        if let Some(out) = &mut self.out {
            out.extend_from_slice(json.as_bytes());
        }
    }

    fn put_number(&mut self, number: impl fmt::Display) {
        if let Some(out) = &mut self.out {
            // Writing to memory does not fail.
            let _ = write!(out, "{number}");
        }
    }

    fn put_text<E: de::Error>(&mut self, text: &str) -> Result<(), E> {
        self.out.as_mut().map_or(Ok(()), |out| serde_json::to_writer(out, text)).map_err(E::custom)
    }

    /// Where what is written next will begin.
    fn end(&self) -> usize {
        self.out.as_ref().map_or(0, Vec::len)
    }

    /// Keeps the pointer of a key that an object has already.
    fn duplicate(&mut self, key: &str) {
        if self.duplicates.len() < MAX_DUPLICATES {
            self.duplicates.push(format!("/{}", told_token(key)));
        } else {
            self.more_duplicates += 1;
        }
    }

    /// Puts a parent's key before the pointers of duplicates found since `known`.
    fn prefix(&mut self, known: &mut usize, key: &str) {
        if self.duplicates.len() > *known {
            for pointer in &mut self.duplicates[*known..] {
                pointer.insert_str(0, &format!("/{}", told_token(key)));
            }
            *known = self.duplicates.len();
        }
    }

    /// An object begins.
    pub(crate) fn open<E: de::Error>(&mut self) -> Result<Object, E> {
        self.enter()?;
        let (start, first) = (self.end(), self.keys.open());
        self.put("{");
        Ok(Object { start, first, known: self.duplicates.len(), is_merged: false })
    }

    /// A member begins.
    pub(crate) fn key<E: de::Error>(&mut self, object: &mut Object, key: &str) -> Result<(), E> {
        self.spend_text(key.len())?;
        if self.keys.open() > object.first {
            self.put(",");
        }
        self.keys.add(key);
        self.put_text(key)?;
        self.put(":");
        Ok(())
    }

    /// A member ends.
    pub(crate) fn end_member(&mut self, object: &mut Object, key: &str) {
        self.prefix(&mut object.known, key);
    }

    pub(super) fn members<'de, A: MapAccess<'de>>(
        &mut self,
        object: &mut Object,
        mut entries: A,
    ) -> Result<(), A::Error> {
        while let Some(key) = entries.next_key::<Key<'_>>()? {
            self.key(object, &key.0)?;
            object.is_merged |= self.syntax == Syntax::Yaml && key.is_merge(self.text);
            entries.next_value_seed(Node(self))?;
            self.end_member(object, &key.0);
        }
        Ok(())
    }

    /// An object ends.
    pub(crate) fn close<E: de::Error>(&mut self, object: &Object) -> Result<(), E> {
        self.put("}");
        self.leave();
        if self.keys.close(object.first) {
            self.is_suspect = true;
            self.rewrite(object.start, Self::once)?;
        }
        if object.is_merged {
            self.rewrite(object.start, |_, written| merged(written))?;
        }
        Ok(())
    }

    /// A list begins.
    pub(crate) fn open_list<E: de::Error>(&mut self) -> Result<List, E> {
        self.enter()?;
        self.put("[");
        Ok(List { known: self.duplicates.len(), count: 0 })
    }

    pub(super) fn items<'de, A: SeqAccess<'de>>(
        &mut self,
        list: &mut List,
        mut seq: A,
    ) -> Result<(), A::Error> {
        while seq.next_element_seed(Item(self, list.count == 0))?.is_some() {
            if self.duplicates.len() > list.known {
                self.prefix(&mut list.known, &list.count.to_string());
            }
            list.count += 1;
        }
        Ok(())
    }

    /// A list ends.
    pub(crate) fn close_list(&mut self) {
        self.put("]");
        self.leave();
    }

    /// Writes the object that begins at `start` anew, as some change leaves it.
    fn rewrite<E: de::Error>(
        &mut self,
        start: usize,
        change: impl FnOnce(&mut Self, &str) -> Result<String, serde_json::Error>,
    ) -> Result<(), E> {
        let Some(written) = self.out.as_mut().map(|out| out.split_off(start)) else { return Ok(()) };
        self.rewritten += written.len();
        if self.rewritten > 4 * (start + written.len()) + MAX_REWRITTEN {
            self.is_over = true;
            return Err(E::custom("keys are given twice in too many objects that stand in one another"));
        }
        let written = String::from_utf8(written).map_err(E::custom)?;
        let changed = change(self, &written).map_err(E::custom)?;
        self.put(&changed);
        Ok(())
    }

    /// An object with the last of the members of each key in the place of the first.
    fn once(&mut self, written: &str) -> Result<String, serde_json::Error> {
        let mut members: IndexMap<Cow<'_, str>, &RawValue> = IndexMap::new();
        for (key, value) in serde_json::from_str::<Members<'_>>(written)?.0 {
            let key = name(key);
            if members.contains_key(&key) {
                self.duplicate(&key);
            }
            members.insert(key, value);
        }
        serde_json::to_string(&members)
    }
}

/// Takes in whatever stands next.
struct Node<'s, 't>(&'s mut State<'t>);

/// The same, of a list whose items are told apart by commas.
struct Item<'s, 't>(&'s mut State<'t>, bool);

impl<'de> DeserializeSeed<'de> for Item<'_, '_> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self(state, is_first) = self;
        if !is_first {
            state.put(",");
        }
        Node(state).deserialize(deserializer)
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self(state) = self;
        state.is_tagged = mem::take(&mut state.is_next_tagged);
        if state.scalars.next() {
            return deserializer.deserialize_str(Text(state));
        }
        deserializer.deserialize_any(Node(state))
    }
}

/// Takes in a scalar by its text.
struct Text<'s, 't>(&'s mut State<'t>);

impl Visitor<'_> for Text<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scalar")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        let Self(state) = self;
        if state.is_tagged || scalars::is_text(text) {
            return Node(state).visit_str(text);
        }
        scalars::visit(Node(state), text)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<(), E> {
        self.0.scalar(false);
        self.0.put(if value { "true" } else { "false" });
        self.0.spend(1)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        self.0.scalar(true);
        self.0.put_number(value);
        self.0.spend(8)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.0.scalar(true);
        self.0.put_number(value);
        self.0.spend(8)
    }

    #[allow(clippy::cast_precision_loss, reason = "JSON readers do the same beyond 64 bits")]
    fn visit_i128<E: de::Error>(self, value: i128) -> Result<(), E> {
        self.0.scalar(true);
        self.visit_f64(value as f64)
    }

    #[allow(clippy::cast_precision_loss, reason = "JSON readers do the same beyond 64 bits")]
    fn visit_u128<E: de::Error>(self, value: u128) -> Result<(), E> {
        self.0.scalar(true);
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        self.0.scalar(false);
        match Number::from_f64(value) {
            Some(number) => self.0.put_number(number),
            None => self.0.put("null"),
        }
        self.0.spend(8)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        self.0.spend(value.len())?;
        self.0.put_text(value)
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.0.scalar(false);
        self.0.put("null");
        self.0.spend(1)
    }

    fn visit_none<E: de::Error>(self) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_some<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<(), A::Error> {
        let (IsBare(is_bare), tagged) = data.variant()?;
        self.0.is_next_tagged = is_bare;
        tagged.newtype_variant_seed(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        let Self(state) = self;
        let mut list = state.open_list()?;
        state.items(&mut list, seq)?;
        state.close_list();
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<(), A::Error> {
        let Self(state) = self;
        let mut object = state.open()?;
        state.members(&mut object, entries)?;
        state.close(&object)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of_json(text: &str, limits: Limits) -> Result<Read, serde_json::Error> {
        write(&mut serde_json::Deserializer::from_str(text), State::json(limits))
    }

    fn is_suspect(text: &str) -> bool {
        check(&mut serde_json::Deserializer::from_str(text), State::json(Limits::default())).unwrap()
    }

    #[test]
    fn json_is_read_as_it_stands() {
        let text = r#"{"a": [1, -2, 1.5, 18446744073709551615, 1e30, true, null, "\u00e4", [], [{}]], "<<": {"b": 1}, "c\n": {}}"#;
        let read = of_json(text, Limits::default()).unwrap();
        assert_eq!(read.text, serde_json::from_str::<Value>(text).unwrap().to_string());
        assert_eq!(read.duplicates, [""; 0]);
        assert!(!is_suspect(text));
    }

    #[test]
    fn of_keys_given_twice_the_last_holds_in_the_place_of_the_first() {
        let text = r#"{"a": 1, "b/": {"c": 1, "c": [2], "\u0063": {"d": 1, "d": 2}}, "a": {"e": 3}}"#;
        let read = of_json(text, Limits::default()).unwrap();
        assert_eq!(read.text, r#"{"a":{"e":3},"b/":{"c":{"d":2}}}"#);
        assert_eq!(read.duplicates, ["/b~1/c/d", "/b~1/c", "/b~1/c", "/a"]);
        assert!(is_suspect(text) && is_suspect(r#"[{"a": 1, "a": 2}]"#));
        let many: Vec<String> = (0..100).map(|number| format!("\"k{number}\": {{\"k1\": 1}}")).collect();
        assert!(!is_suspect(&format!("{{{}}}", many.join(","))));
        assert!(is_suspect(&format!("{{{}, \"k7\": 1}}", many.join(","))));
    }

    #[test]
    fn objects_in_one_another_are_not_written_anew_without_an_end() {
        let nested = |levels| {
            let inner = format!("\"{}\"", "x".repeat(1 << 20));
            (0..levels).fold(inner, |inner, _| format!("{{\"a\":1,\"a\":{inner}}}"))
        };
        let read = of_json(&nested(8), Limits::default()).unwrap();
        assert_eq!(read.duplicates.len(), 8);
        let error = of_json(&nested(100), Limits::default()).unwrap_err().to_string();
        assert!(error.starts_with("keys are given twice in too many objects"), "{error}");
    }

    #[test]
    fn values_and_levels_are_counted() {
        let read = of_json("[1, {\"a\": 2}]", Limits::default().nodes(4).depth(2)).unwrap();
        assert_eq!(read.text, json!([1, {"a": 2}]).to_string());
        let refused = |limits: Limits| of_json("[1, {\"a\": 2}]", limits).unwrap_err().to_string();
        let many = refused(Limits::default().nodes(3));
        assert!(many.starts_with("the document has more than 3 values at line 1"), "{many}");
        let deep = refused(Limits::default().depth(1));
        assert!(deep.starts_with("the document is more than 1 levels deep"), "{deep}");
    }
}
