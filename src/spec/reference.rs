//! References: where a `$ref` leads, inside the document or in a file beside it.

mod files;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value;

use self::files::Files;
pub(crate) use self::files::joined;
use super::error::SpecError;
use super::limits::Budget;
use super::parts::Parts;
use super::place::Components;
use super::{Source, schema};
use crate::operation::Schemas;

/// Finds what a reference means: in a document, or among the types of GraphQL.
pub(crate) trait Resolve {
    /// What the reference leads to, or why it leads nowhere.
    fn resolve(&self, reference: &str) -> Result<Rc<Value>, String>;

    /// The schemas that references led to so far.
    fn targets(&self) -> &Targets;
}

/// A value that stands where it was looked for, or that a reference led to.
#[derive(Debug, Clone)]
pub(crate) enum Shared<'v> {
    Here(&'v Value),
    Found(Rc<Value>),
}

impl Deref for Shared<'_> {
    type Target = Value;

    fn deref(&self) -> &Value {
        match self {
            Self::Here(value) => value,
            Self::Found(value) => value,
        }
    }
}

impl From<Value> for Shared<'_> {
    fn from(value: Value) -> Self {
        Self::Found(Rc::new(value))
    }
}

/// A schema that references lead to: its text, and where its own references lead.
pub(crate) struct Target {
    pub(crate) text: Arc<str>,
    pub(crate) references: Vec<u32>,
}

/// The schemas that references lead to, each read once and numbered: an operation may reach thousands of them.
pub(crate) struct Targets {
    known: RefCell<Known>,
    /// What references may still cost.
    pub(crate) budget: Budget,
}

#[derive(Default)]
struct Known {
    numbers: HashMap<Arc<str>, u32>,
    references: Vec<Arc<str>>,
    found: Vec<Option<Result<Rc<Target>, String>>>,
    /// The sets that operations reach, a bit a number: most of them are those of others.
    sets: HashMap<Vec<u64>, Schemas>,
    /// The hashes of those that were charged and not kept.
    charged: HashSet<u64>,
    hasher: RandomState,
}

impl Targets {
    /// For a document of so many bytes.
    pub(crate) fn of(bytes: usize) -> Self {
        Self { known: RefCell::default(), budget: Budget::of(bytes) }
    }

    /// The schemas of a set as operations keep them, sorted by reference.
    pub(crate) fn kept(&self, bits: &[u64], numbers: &[u32], resolver: &dyn Resolve) -> Schemas {
        if let Some(known) = self.known.borrow().sets.get(bits) {
            return Arc::clone(known);
        }
        if !self.budget.text(numbers.len() * size_of::<(Arc<str>, Arc<str>)>()) {
            return Schemas::default();
        }
        let pair = |number: &u32| {
            Some((self.reference(*number), Arc::clone(&self.target(*number, resolver).ok()?.text)))
        };
        let mut pairs: Vec<_> = numbers.iter().filter_map(pair).collect();
        pairs.sort_unstable();
        let schemas = Schemas::from(pairs);
        self.known.borrow_mut().sets.insert(bits.to_vec(), Arc::clone(&schemas));
        schemas
    }

    /// Takes from the budget what [`Targets::kept`] takes for a set, and keeps nothing.
    pub(crate) fn charge(&self, bits: &[u64], numbers: &[u32]) {
        let is_new = {
            let mut known = self.known.borrow_mut();
            let hash = known.hasher.hash_one(bits);
            known.charged.insert(hash)
        };
        if is_new {
            self.budget.text(numbers.len() * size_of::<(Arc<str>, Arc<str>)>());
        }
    }

    /// The number of a reference.
    pub(crate) fn number(&self, reference: &str) -> u32 {
        let mut known = self.known.borrow_mut();
        if let Some(number) = known.numbers.get(reference) {
            return *number;
        }
        let number = u32::try_from(known.references.len()).unwrap_or(u32::MAX);
        let reference = Arc::from(reference);
        known.numbers.insert(Arc::clone(&reference), number);
        known.references.push(reference);
        known.found.push(None);
        number
    }

    /// The reference that has a number.
    pub(crate) fn reference(&self, number: u32) -> Arc<str> {
        self.known.borrow().references.get(number as usize).cloned().unwrap_or_default()
    }

    /// Shows what a reference leads to.
    pub(crate) fn follow(
        &self,
        number: u32,
        resolver: &dyn Resolve,
        visit: impl FnOnce(&Target),
    ) -> Result<(), String> {
        if let Some(Some(Ok(known))) = self.known.borrow().found.get(number as usize) {
            visit(known);
            return Ok(());
        }
        self.target(number, resolver).map(|found| visit(&found))
    }

    /// What a reference leads to, as the resolver finds it the first time.
    pub(crate) fn target(&self, number: u32, resolver: &dyn Resolve) -> Result<Rc<Target>, String> {
        if let Some(Some(known)) = self.known.borrow().found.get(number as usize) {
            return known.clone();
        }
        let reference = self.reference(number);
        let is_schema = |found: &Value| {
            if found.is_object() || found.is_boolean() {
                return Ok(());
            }
            Err(format!("the reference `{reference}` leads to what is no schema"))
        };
        let resolved = resolver.resolve(&reference).and_then(|found| is_schema(&found).map(|()| found));
        let found = resolved.map(|schema| {
            let mut references = Vec::new();
            schema::references(&schema, &mut |next| references.push(self.number(next)));
            Rc::new(Target { text: Arc::from(schema::text(&schema)), references })
        });
        // What a used-up budget left unread may be read with another one.
        if !self.budget.is_over()
            && let Some(place) = self.known.borrow_mut().found.get_mut(number as usize)
        {
            *place = Some(found.clone());
        }
        found
    }
}

/// The reference that a value is, if it is one.
pub(crate) fn reference(value: &Value) -> Option<&str> {
    value.get("$ref").and_then(Value::as_str)
}

/// The value itself, or what its reference leads to at the end.
pub(crate) fn follow<'v>(
    value: &'v Value,
    resolver: &dyn Resolve,
    pointer: &str,
) -> Result<Shared<'v>, SpecError> {
    let mut found = Shared::Here(value);
    for _ in 0..MAX_HOPS {
        let Some(next) = reference(&found) else { return Ok(found) };
        let next = resolver.resolve(next).map_err(|problem| SpecError::at(pointer, problem))?;
        found = Shared::Found(next);
    }
    Err(SpecError::at(pointer, "its references run in a circle, or through more than 32 steps"))
}

pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut rest = text.as_bytes();
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail.get(..2).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        let hex = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        if let (b'%', Some(byte)) = (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

/// How many references one look-up may pass through: more run in a circle.
const MAX_HOPS: usize = 32;

/// What a hop costs of the budget's steps, beside the values that it copies.
const HOP: usize = 1 << 10;

/// The number of values in a value.
pub(crate) fn count(value: &Value) -> usize {
    match value {
        Value::Object(map) => 1 + map.values().map(count).sum::<usize>(),
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        _ => 1,
    }
}

/// Finds what a fragment names, also where the way to it passes through references or it is an anchor's name.
#[derive(Default)]
struct Finder {
    hops: Cell<usize>,
}

impl Finder {
    /// `settle` makes what stands in the text hold where the reference stands.
    fn find(
        &self,
        parts: &Parts<'_>,
        fragment: &str,
        resolver: &dyn Resolve,
        settle: &dyn Fn(&mut Value),
    ) -> Result<Option<Value>, String> {
        let budget = &resolver.targets().budget;
        let read = |part: &str| {
            let mut found = parts.read(part, budget)?;
            found.iter_mut().for_each(settle);
            Ok::<_, String>(found)
        };
        let is_encoded = fragment.contains('%');
        let decoded =
            if is_encoded { percent_decoded(fragment).map(Cow::Owned) } else { Some(fragment.into()) };
        let begun = decoded.as_deref().map(|decoded| parts.down(decoded, budget));
        if let Some((part, "")) = begun {
            return read(part);
        }
        // Some write a place without encoding it.
        if is_encoded && let (part, "") = parts.down(fragment, budget) {
            return read(part);
        }
        let (Some(decoded), Some((part, rest))) = (&decoded, begun) else { return Ok(None) };
        if !(decoded.is_empty() || decoded.starts_with('/')) {
            return parts.anchored(decoded, budget).map_or(Ok(None), read);
        }
        let target = parts.member(part, "$ref", budget).and_then(|target| serde_json::from_str(target).ok());
        let Some(target) = target.map(Value::String) else { return Ok(None) };
        let mut begun = Value::Object([("$ref".to_owned(), target)].into_iter().collect());
        settle(&mut begun);
        Ok(self.through(&begun, rest, resolver))
    }

    /// Goes down a pointer as far as it leads, and on from what the reference there leads to.
    fn through(&self, root: &Value, pointer: &str, resolver: &dyn Resolve) -> Option<Value> {
        let (mut value, mut rest) = (root, pointer);
        while let Some(after) = rest.strip_prefix('/') {
            let end = after.find('/').unwrap_or(after.len());
            match value.pointer(&rest[..=end]) {
                Some(member) => (value, rest) = (member, &after[end..]),
                None => break,
            }
        }
        if rest.is_empty() {
            return resolver.targets().budget.steps(count(value)).then(|| value.clone());
        }
        let target = reference(value)?;
        // Each hop may begin two more: their number is bounded as their depth is.
        if self.hops.get() == MAX_HOPS || !resolver.targets().budget.steps(HOP) {
            return None;
        }
        self.hops.set(self.hops.get() + 1);
        let found = resolver.resolve(target).ok();
        let found = found.and_then(|found| self.through(&found, rest, resolver));
        self.hops.set(self.hops.get() - 1);
        found
    }
}

/// What references led to last, so that what many refer to is made a value once.
struct Recent {
    found: RefCell<HashMap<String, Rc<Value>>>,
    values: Cell<usize>,
    /// How many values are kept at most.
    most: usize,
}

impl Recent {
    /// For a document of so many bytes: those of a small one, a small part of those of a large one.
    fn of(bytes: usize) -> Self {
        Self { found: RefCell::default(), values: Cell::default(), most: bytes / 200 + 65_536 }
    }

    fn get(&self, reference: &str) -> Option<Rc<Value>> {
        self.found.borrow().get(reference).cloned()
    }

    fn put(&self, reference: &str, found: &Rc<Value>) {
        let values = count(found);
        if values > self.most / 4 * 3 {
            return;
        }
        let mut known = self.found.borrow_mut();
        if self.values.get() + values > self.most {
            known.clear();
            self.values.set(0);
        }
        self.values.set(self.values.get() + values);
        known.insert(reference.to_owned(), Rc::clone(found));
    }
}

/// A document's text and the files beside it.
pub(crate) struct Whole<'a> {
    pub(crate) parts: Parts<'a>,
    files: Files<'a>,
    targets: Targets,
    recent: Recent,
}

impl<'a> Whole<'a> {
    /// `file` is the document's own name, by which the files beside it may refer to it; `known` is where its
    /// components stand, if that is known.
    pub(crate) fn new(
        text: impl Into<Cow<'a, str>>,
        known: Option<&'a Components>,
        source: &'a dyn Source,
        file: &str,
    ) -> Self {
        let parts = Parts::new(text, known);
        let bytes = parts.text().len();
        let (targets, recent) = (Targets::of(bytes), Recent::of(bytes));
        Self { parts, files: Files::new(source, file), targets, recent }
    }

    /// With the budget of a document of so many bytes.
    pub(crate) fn of_bytes(self, bytes: usize) -> Self {
        Self { targets: Targets::of(bytes), ..self }
    }

    /// A member of the document's root.
    pub(crate) fn member(&self, key: &str) -> Option<&str> {
        self.parts.member(self.parts.text().trim(), key, &self.targets.budget)
    }

    fn find(&self, reference: &str) -> Result<Option<Value>, String> {
        match self.files.own(reference) {
            Some(fragment) => self.files.finder.find(&self.parts, fragment, self, &|_| {}),
            None => self.files.find(reference, self),
        }
    }
}

impl Resolve for Whole<'_> {
    fn resolve(&self, reference: &str) -> Result<Rc<Value>, String> {
        if let Some(found) = self.recent.get(reference) {
            return if self.targets.budget.steps(1) { Ok(found) } else { Err(missing(reference)) };
        }
        let found = Rc::new(self.find(reference)?.ok_or_else(|| missing(reference))?);
        self.recent.put(reference, &found);
        Ok(found)
    }

    fn targets(&self) -> &Targets {
        &self.targets
    }
}

pub(crate) fn missing(reference: &str) -> String {
    format!("the reference `{reference}` leads nowhere")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use serde_json::json;

    use super::super::NoSource;
    use super::super::place::Place;
    use super::*;

    #[test]
    fn paths_stay_in_the_folder() {
        assert_eq!(joined("a/b", "../c.yaml").as_deref(), Some("a/c.yaml"));
        assert_eq!(joined("", "./x/../c.yaml").as_deref(), Some("c.yaml"));
        assert_eq!(joined("a", "../../c.yaml"), None);
        assert_eq!(joined("", "/etc/passwd"), None);
        assert_eq!(joined("", "C:/x"), None);
    }

    fn found(root: &Value, known: Option<&Components>, reference: &str) -> Option<Value> {
        let whole = Whole::new(root.to_string(), known, &NoSource, "own.json");
        whole.resolve(reference).ok().map(|found| (*found).clone())
    }

    #[test]
    fn fragments_are_percent_decoded() {
        let root = json!({"a": {"x y": 1, "p/q": 2, "%zz": 3}});
        assert_eq!(found(&root, None, "#/a/x%20y"), Some(json!(1)));
        assert_eq!(found(&root, None, "own.json#/a/p~1q"), Some(json!(2)));
        assert_eq!(found(&root, None, "#/a/%zz"), Some(json!(3)));
        assert_eq!(found(&root, None, "#/a/%zy"), None);
        assert_eq!(found(&root, None, "#"), Some(root.clone()));
        let twins = json!({"p%": 1, "p%25": 2});
        assert_eq!(found(&twins, None, "#/p%25"), Some(json!(1)));
        assert_eq!(found(&twins, None, "#/p%2525"), Some(json!(2)));
        assert_eq!(found(&json!({"p%25": 2}), None, "#/p%25"), Some(json!(2)), "written without encoding");
    }

    #[test]
    fn parts_are_found_in_large_objects_and_through_references() {
        let mut large: serde_json::Map<String, Value> =
            (0..1_000).map(|number| (format!("m\"{number}"), json!({"x": [0, number]}))).collect();
        large.insert("through".to_owned(), json!({"$ref": "#/large/m\"7"}));
        large.insert("ring".to_owned(), json!({"$ref": "#/large/ring/x"}));
        let long: Vec<_> = (0..5_000).map(|number| json!({"n": [number]})).collect();
        let root = json!({"large": large, "list": [1, {"y": null}], "long": long});
        for number in [0, 1, 4_999, 17] {
            let at = |rest: &str| found(&root, None, &format!("#/long/{number}{rest}"));
            assert_eq!((at(""), at("/n/0")), (Some(json!({"n": [number]})), Some(json!(number))));
        }
        assert_eq!(found(&root, None, "#/large/m\"999/x/1"), Some(json!(999)));
        assert_eq!(found(&root, None, "#/large/m%22998/x/1"), Some(json!(998)));
        assert_eq!(found(&root, None, "#/large/through/x"), Some(json!([0, 7])));
        assert_eq!(found(&root, None, "#/list/1/y"), Some(Value::Null));
        for nowhere in [
            "#/large/m",
            "#/large/ring/x",
            "#/list/01",
            "#/list/+1",
            "#/list/2",
            "#/list/1/y/z",
            "#/long/5000",
            "#/long/01",
            "#/long/-",
            "#gone",
            "#/",
        ] {
            assert_eq!(found(&root, None, nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn of_components_that_are_known_only_these_are_looked_at() {
        let root = json!({"components": {"schemas": {"a b": {"c": 1}, "other": 2}, "securitySchemes": {"s": 3}},
            "definitions": {"d": 4}, "x": 5});
        let text = root.to_string();
        let place = |part: &str| text.find(part).and_then(|at| Place::new(at, at + part.len())).unwrap();
        let mut known = Components::default();
        let (schemas, definitions) = (known.section("schemas"), known.section("/definitions"));
        known.add(schemas, "a b", place("\"a b\":{\"c\":1}"));
        known.add(definitions, "d", place("\"d\":4"));
        known.sort();
        let found = |reference| found(&root, Some(&known), reference);
        assert_eq!(found("#/components/schemas/a%20b/c"), Some(json!(1)));
        assert_eq!((found("#/definitions/d"), found("#/x")), (Some(json!(4)), Some(json!(5))));
        assert_eq!(found("#/components/securitySchemes/s"), Some(json!(3)));
        assert_eq!((found("#/components/schemas/other"), found("#/definitions/d/x")), (None, None));
    }

    #[test]
    fn what_is_kept_of_late_stays_small() {
        let recent = Recent::of(0);
        for number in 0..100 {
            let list = Rc::new(Value::Array(vec![Value::Null; 5_000]));
            recent.put(&number.to_string(), &list);
            assert!(recent.get(&number.to_string()).is_some() && recent.values.get() <= recent.most);
        }
        recent.put("large", &Rc::new(Value::Array(vec![Value::Null; 50_000])));
        assert!(recent.get("large").is_none() && recent.get("99").is_some() && recent.get("0").is_none());
    }
}
