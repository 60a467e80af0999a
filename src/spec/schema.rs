//! Schemas: the few columns that every call looks at, the properties of an object, and the schemas that
//! one reaches. The schema itself stays text.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::error::{Effect, Warning};
use super::reference::{Resolve, Target, reference};
use super::warnings::Warnings;
use crate::operation::{PropertyDef, SchemaDef, Schemas, Types};

/// Schemas that one operation may reach; a document with more is no description of a call.
const MAX_REACHED: usize = 10_000;
/// How many of them are a step of the budget: every operation may reach them all.
const REACHED_A_STEP: usize = 4;
/// How deep `$ref`, `allOf`, `oneOf` and `anyOf` are followed at a schema's top.
const MAX_DEPTH: usize = 32;
/// How much of [`MAX_DEPTH`] a `oneOf` or `anyOf` costs, and how many branches are looked at: they multiply.
const BRANCH_DEPTH: usize = 16;
const MAX_BRANCHES: usize = 64;

/// Members that tell nothing of which values fit, beyond what the columns hold.
const NO_CONSTRAINT: [&str; 19] = [
    "$ref",
    "allOf",
    "type",
    "items",
    "format",
    "default",
    "nullable",
    "title",
    "description",
    "example",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "xml",
    "externalDocs",
    "$comment",
    "$schema",
    "$id",
];

/// A schema with its columns.
pub(crate) fn define(schema: &Value, resolver: &dyn Resolve) -> SchemaDef {
    let text = text(schema);
    if !resolver.targets().budget.text(text.len()) {
        return SchemaDef::default();
    }
    let mut columns = SchemaDef { text, types: types(schema, resolver, 0), ..SchemaDef::default() };
    columns.constrained = schema == &Value::Bool(false);
    let mut items_seen = false;
    parts(schema, resolver, &mut |part| {
        columns.binary |= is_binary(part);
        columns.constrained |= constrains(part, "");
        // The items of a tuple have no type in common.
        let is_tuple = part.contains_key("prefixItems");
        if let (Some(items @ Value::Object(_)), false) = (part.get("items"), items_seen || is_tuple) {
            items_seen = true;
            columns.items = types(items, resolver, 0);
            parts(items, resolver, &mut |item| {
                columns.binary |= is_binary(item);
                columns.constrained |= constrains(item, "items");
            });
        }
    });
    columns
}

/// A schema as compact JSON. Swagger 2.0's `x-nullable` is said as `nullable`, which all readers know.
pub(crate) fn text(schema: &Value) -> String {
    let text = schema.to_string();
    if !text.contains("\"x-nullable\"") {
        return text;
    }
    let mut schema = schema.clone();
    name_nullable(&mut schema);
    schema.to_string()
}

fn name_nullable(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if let Some(nullable @ Value::Bool(_)) = map.get("x-nullable").cloned() {
                map.entry("nullable").or_insert(nullable);
            }
            map.values_mut().for_each(name_nullable);
        }
        Value::Array(items) => items.iter_mut().for_each(name_nullable),
        _ => {}
    }
}

fn is_binary(part: &Map<String, Value>) -> bool {
    let is = |key: &str, word: &str| part.get(key).is_some_and(|value| value == word);
    let holds_bytes = |media: &str| !media.starts_with("text/") && !media.contains("json");
    let media_type = part.get("contentMediaType").and_then(Value::as_str);
    is("format", "binary")
        || is("type", "file")
        || media_type.is_some_and(holds_bytes) && !part.contains_key("contentEncoding")
}

fn constrains(part: &Map<String, Value>, also: &str) -> bool {
    part.keys().any(|key| key == also || !(NO_CONSTRAINT.contains(&key.as_str()) || key.starts_with("x-")))
}

/// Shows every schema object that holds at a schema's top: itself, what it refers to, its `allOf`.
fn parts(schema: &Value, resolver: &dyn Resolve, visit: &mut dyn FnMut(&Map<String, Value>)) {
    fn walk(
        schema: &Value,
        resolver: &dyn Resolve,
        seen: &mut HashSet<String>,
        depth: usize,
        visit: &mut dyn FnMut(&Map<String, Value>),
    ) {
        let Value::Object(map) = schema else { return };
        if !resolver.targets().budget.steps(1) {
            return;
        }
        visit(map);
        if depth == MAX_DEPTH {
            return;
        }
        if let Some(target) = reference(schema)
            && seen.insert(target.to_owned())
            && let Ok(target) = resolver.resolve(target)
        {
            walk(&target, resolver, seen, depth + 1, visit);
        }
        for member in map.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            walk(member, resolver, seen, depth + 1, visit);
        }
    }
    walk(schema, resolver, &mut HashSet::new(), 0, visit);
}

/// The types that a schema admits at its top; none where it does not say.
fn types(schema: &Value, resolver: &dyn Resolve, depth: usize) -> Types {
    let mut found = Types::ANY;
    let mut nullable = false;
    parts(schema, resolver, &mut |part| {
        nullable |= ["nullable", "x-nullable"].iter().any(|key| part.get(*key) == Some(&Value::Bool(true)));
        if !found.is_any() {
            return;
        }
        found = match part.get("type") {
            Some(Value::String(word)) => Types::from_word(word).unwrap_or_default(),
            Some(Value::Array(words)) => {
                let words = words.iter().filter_map(Value::as_str).filter_map(Types::from_word);
                words.fold(Types::ANY, Types::with)
            }
            _ if depth >= MAX_DEPTH => Types::ANY,
            _ => branches(part).filter(|branches| branches.len() <= MAX_BRANCHES).map_or(
                Types::ANY,
                |branches| {
                    let mut union = Types::ANY;
                    for branch in branches {
                        let one = types(branch, resolver, depth + BRANCH_DEPTH);
                        if one.is_any() {
                            return Types::ANY;
                        }
                        union = union.with(one);
                    }
                    union
                },
            ),
        };
    });
    if nullable && !found.is_any() { found.with(Types::NULL) } else { found }
}

fn branches(part: &Map<String, Value>) -> Option<&Vec<Value>> {
    part.get("oneOf").or_else(|| part.get("anyOf")).and_then(Value::as_array)
}

/// The properties at a body schema's top, and whether other names are welcome too.
pub(crate) fn properties(schema: Option<&Value>, resolver: &dyn Resolve) -> (Vec<PropertyDef>, bool) {
    let Some(schema) = schema else { return (Vec::new(), true) };
    let mut found: IndexMap<String, PropertyDef> = IndexMap::new();
    let mut required = HashSet::new();
    let (mut additional, mut sealed, mut branched) = (false, false, false);
    parts(schema, resolver, &mut |part| {
        match part.get("additionalProperties") {
            Some(Value::Bool(false)) => sealed = true,
            Some(Value::Bool(true) | Value::Object(_)) => additional = true,
            _ => {}
        }
        sealed |= part.get("unevaluatedProperties") == Some(&Value::Bool(false));
        branched |= branches(part).is_some();
        let names = part.get("required").and_then(Value::as_array).into_iter().flatten();
        required.extend(names.filter_map(Value::as_str).map(str::to_owned));
        for (name, property) in part.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let known = found.entry(name.clone()).or_insert_with(|| PropertyDef {
                name: name.clone(),
                required: false,
                read_only: false,
                schema: define(property, resolver),
            });
            known.read_only = known.read_only || is_read_only(property, resolver);
        }
    });
    let takes_objects = types(schema, resolver, 0).admits(Types::OBJECT);
    let open = takes_objects && (additional || branched || (found.is_empty() && !sealed));
    let mut properties: Vec<PropertyDef> = found.into_values().collect();
    for property in &mut properties {
        property.required = required.contains(&property.name);
    }
    (properties, open)
}

fn is_read_only(property: &Value, resolver: &dyn Resolve) -> bool {
    let mut read_only = false;
    parts(property, resolver, &mut |part| read_only |= part.get("readOnly") == Some(&Value::Bool(true)));
    read_only
}

/// The schemas that an operation reaches by `$ref`, as numbers of [`super::reference::Targets`].
#[derive(Default)]
pub(crate) struct Reached {
    order: Vec<u32>,
    /// A bit for each number.
    bits: Vec<u64>,
    /// Hashes of what was told of references that lead nowhere, with the place: there may be very many.
    told: HashSet<u64>,
    hasher: RandomState,
}

impl Reached {
    /// A bit for each number that is reached; none is set in the last word's absence.
    pub(crate) fn bits(&self) -> &[u64] {
        &self.bits
    }

    /// The numbers in ascending order.
    pub(crate) fn numbers(&self) -> Vec<u32> {
        let mut numbers = self.order.clone();
        numbers.sort_unstable();
        numbers
    }

    /// The schemas as an operation keeps them.
    pub(crate) fn kept(&self, resolver: &dyn Resolve) -> Schemas {
        if self.order.is_empty() {
            return Schemas::default();
        }
        resolver.targets().kept(&self.bits, &self.order, resolver)
    }

    /// Takes from the budget what keeping them takes.
    pub(crate) fn charge(&self, resolver: &dyn Resolve) {
        if !self.order.is_empty() {
            resolver.targets().charge(&self.bits, &self.order);
        }
    }

    fn contains(&self, number: u32) -> bool {
        self.bits.get(number as usize / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    fn insert(&mut self, number: u32) {
        let word = number as usize / 64;
        if self.bits.len() <= word {
            self.bits.resize(word + 1, 0);
        }
        self.bits[word] |= 1 << (number % 64);
        self.order.push(number);
    }
}

/// Adds the schemas that a schema reaches by `$ref` to `reached`.
pub(crate) fn reach(
    schema: &Value,
    resolver: &dyn Resolve,
    pointer: &str,
    reached: &mut Reached,
    warnings: &mut Warnings,
) {
    let targets = resolver.targets();
    let before = reached.order.len();
    let mut waiting = Vec::new();
    references(schema, &mut |target| waiting.push(targets.number(target)));
    while let Some(number) = waiting.pop() {
        if reached.contains(number) {
            continue;
        }
        let problem = if reached.order.len() == MAX_REACHED {
            format!("it reaches more than {MAX_REACHED} schemas")
        } else {
            let go_on = |found: &Target| {
                reached.insert(number);
                waiting.extend(found.references.iter().filter(|next| !reached.contains(**next)));
            };
            match targets.follow(number, resolver, go_on) {
                Ok(()) => continue,
                Err(problem) => problem,
            }
        };
        if reached.told.insert(reached.hasher.hash_one((pointer, &problem))) {
            warnings.push(Warning::new(pointer, problem, Effect::NotChecked));
        }
        if reached.order.len() == MAX_REACHED {
            break;
        }
    }
    targets.budget.steps((reached.order.len() - before) / REACHED_A_STEP);
}

/// Shows every reference in a schema.
pub(crate) fn references(schema: &Value, found: &mut dyn FnMut(&str)) {
    match schema {
        Value::Object(map) => {
            for (key, member) in map {
                match (key.as_str(), member) {
                    ("$ref", Value::String(target)) => found(target),
                    // Data, not schemas: a `$ref` in there is a value's member.
                    ("example" | "examples" | "default" | "enum" | "const", _) => {}
                    // Names, not keywords.
                    (
                        "properties" | "patternProperties" | "dependentSchemas" | "$defs" | "definitions",
                        Value::Object(named),
                    ) => named.values().for_each(|schema| references(schema, found)),
                    _ => references(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::NoSource;
    use super::super::reference::Whole;
    use super::*;

    fn in_document<T>(components: &Value, work: impl FnOnce(&dyn Resolve) -> T) -> T {
        let root = json!({"s": components});
        work(&Whole::new(root.to_string(), None, &NoSource, ""))
    }

    #[test]
    fn columns_follow_references_and_all_of() {
        let components = json!({
            "id": {"type": "string"}, "ids": {"type": "array", "items": {"$ref": "#/s/id"}},
            "loop": {"allOf": [{"$ref": "#/s/loop"}, {"type": "integer"}]}});
        in_document(&components, |resolver| {
            let ids = define(&json!({"$ref": "#/s/ids"}), resolver);
            assert_eq!((ids.types, ids.items, ids.constrained), (Types::ARRAY, Types::STRING, false));
            assert_eq!(ids.text, r##"{"$ref":"#/s/ids"}"##);
            let looped = define(&json!({"$ref": "#/s/loop", "nullable": true}), resolver);
            assert_eq!(looped.types, Types::INTEGER.with(Types::NULL));
            assert!(define(&json!({"type": "string", "enum": ["a"]}), resolver).constrained);
            assert!(
                define(&json!({"type": "array", "items": {"type": "string", "maxLength": 3}}), resolver)
                    .constrained
            );
            assert!(
                define(&json!({"type": "array", "items": {"type": "array", "items": {}}}), resolver)
                    .constrained
            );
            assert!(
                define(&json!({"type": "array", "items": {"type": "string", "format": "binary"}}), resolver)
                    .binary
            );
            let either = define(&json!({"oneOf": [{"type": "string"}, {"$ref": "#/s/loop"}]}), resolver);
            assert_eq!(either.types, Types::STRING.with(Types::INTEGER));
            assert_eq!(define(&json!({"anyOf": [{"type": "string"}, {}]}), resolver).types, Types::ANY);
            assert_eq!(
                define(&json!({"type": ["string", "null"]}), resolver).types,
                Types::STRING.with(Types::NULL)
            );
        });
    }

    #[test]
    fn properties_are_merged_and_openness_told() {
        let components = json!({"base": {"type": "object", "required": ["a"],
            "properties": {"a": {"type": "string"}, "id": {"readOnly": true}}}});
        in_document(&components, |resolver| {
            let schema = json!({"allOf": [{"$ref": "#/s/base"}, {"properties": {"b": {}, "id": {}}, "required": ["b"]}]});
            let (found, open) = properties(Some(&schema), resolver);
            let names = |found: &[PropertyDef]| {
                found.iter().map(|one| (one.name.clone(), one.required, one.read_only)).collect::<Vec<_>>()
            };
            let wanted = [("a", true, false), ("id", false, true), ("b", true, false)];
            assert_eq!(names(&found), wanted.map(|(name, needed, read)| (name.to_owned(), needed, read)));
            let later = json!({"allOf": [{"properties": {"id": {"type": "string"}}}, {"$ref": "#/s/base"}]});
            assert!(properties(Some(&later), resolver).0[0].read_only, "wherever it is said");
            assert!(!open);
            let open = |schema: Value| properties(Some(&schema), resolver).1;
            assert!(open(json!({})) && open(json!({"type": "object"})));
            assert!(open(json!({"type": "object", "properties": {"a": {}}, "additionalProperties": {}})));
            assert!(!open(json!({"type": "object", "additionalProperties": false})));
            assert!(!open(json!({"type": "array"})) && !open(json!({"type": "string"})));
            assert!(properties(None, resolver).1);
        });
    }

    #[test]
    fn reaching_ends_in_circles_and_names_what_is_missing() {
        let components = json!({"a": {"properties": {"b": {"$ref": "#/s/b"}}}, "b": {
            "properties": {"default": {"$ref": "#/s/a"}}, "example": {"$ref": "#/s/x"}, "anyOf": [{"$ref": "#/s/gone"}]}});
        in_document(&components, |resolver| {
            let (mut reached, mut warnings) = (Reached::default(), Warnings::default());
            reach(&json!({"$ref": "#/s/a"}), resolver, "#/x", &mut reached, &mut warnings);
            let kept = reached.kept(resolver);
            assert_eq!(kept.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), ["#/s/a", "#/s/b"]);
            let told = warnings.finish(String::new);
            assert_eq!(told.len(), 1);
            assert!(told[0].problem.contains("#/s/gone"));
        });
    }
}
