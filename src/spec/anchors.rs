//! Names that a document gives its parts (`$id`, `$anchor`, `$dynamicAnchor` of JSON Schema 2020-12, `$self` of
//! OpenAPI 3.2): references by name are rewritten as references by place, once, before the document is read.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::document::is_since_3_1;
use super::error::token;
use super::reference::percent_decoded;

/// Members that hold data, not schemas.
const DATA: [&str; 5] = ["example", "examples", "default", "enum", "const"];
/// Members whose members are names, not keywords.
const NAMED: [&str; 6] =
    ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "schemas"];

/// The keywords by which names are given, or meant.
const KEYWORDS: [&str; 5] = ["$self", "$id", "$anchor", "$dynamicAnchor", "$dynamicRef"];

/// Whether a JSON text may give names; a `false` is sure.
pub(crate) fn may_name(text: &str) -> bool {
    let ends = |rest: &str| rest.starts_with('"');
    let is_one = |rest: &str| KEYWORDS.iter().any(|one| rest.strip_prefix(one).is_some_and(ends));
    text.match_indices("\"$").any(|(at, _)| is_one(&text[at + 1..]))
}

/// Whether a value may give names; a `false` is sure.
fn may_be_named(value: &Value) -> bool {
    match value {
        Value::Object(map) => {
            KEYWORDS.iter().any(|key| map.contains_key(*key)) || map.values().any(may_be_named)
        }
        Value::Array(items) => items.iter().any(may_be_named),
        _ => false,
    }
}

/// How long a URI may be that names a part; a longer one names nothing.
const MAX_URI: usize = 4 << 10;
/// How much text the places of names may take, where they are kept and where references name them.
const MAX_PLACES: usize = 64 << 20;

/// The document with its references by place; `None` where it names nothing.
fn by_place(root: &Value) -> Option<Value> {
    if !may_be_named(root) {
        return None;
    }
    let uri = text(root, "$self").filter(|uri| uri.len() <= MAX_URI).unwrap_or_default();
    let (mut names, base) = (Names::default(), Base { uri: uri.into(), pointer: "".into() });
    names.resources.insert(uri.trim_end_matches('#').into(), String::new());
    names.gather(root, &base, &mut String::new(), false);
    if !names.found && uri.is_empty() {
        return None;
    }
    let mut placed = root.clone();
    names.rewrite(&mut placed, root, &base, &mut String::new(), false);
    Some(placed)
}

/// The text of a document with its references by place; parts have names since `OpenAPI` 3.1.
pub(crate) fn placed_document(text: Cow<'_, str>) -> Cow<'_, str> {
    #[derive(Deserialize)]
    struct Root {
        openapi: Option<Value>,
    }
    let version = || serde_json::from_str::<Root>(&text).ok()?.openapi;
    if may_name(&text) && is_since_3_1(version().as_ref()) { placed(text) } else { text }
}

/// A text with its references by place. Values are made of one that gives names, which few do.
pub(crate) fn placed(text: Cow<'_, str>) -> Cow<'_, str> {
    let root = may_name(&text).then(|| serde_json::from_str(&text).ok()).flatten();
    match root.and_then(|root| by_place(&root)) {
        Some(placed) => Cow::Owned(placed.to_string()),
        None => text,
    }
}

/// The places of anchors, for references from other files.
pub(crate) fn places(root: &Value) -> HashMap<String, String> {
    let mut names = Names::default();
    let base = Base { uri: "".into(), pointer: "".into() };
    names.gather(root, &base, &mut String::new(), false);
    names.anchors.into_iter().map(|((_, name), pointer)| (name, pointer)).collect()
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

/// The resource that a part of the document belongs to: its URI, and where it begins.
#[derive(Debug, Clone)]
struct Base {
    uri: Rc<str>,
    pointer: Rc<str>,
}

impl Base {
    /// The resource of a schema, which may begin one of its own.
    fn of(&self, schema: &Value, pointer: &str) -> Self {
        let id = text(schema, "$id").map(|id| id.trim_end_matches('#'));
        let own = id.filter(|id| !id.is_empty() && id.len() <= MAX_URI).map(|id| joined(&self.uri, id));
        match own.filter(|uri| uri.len() <= MAX_URI) {
            Some(uri) => Self { uri: uri.into(), pointer: pointer.into() },
            None => self.clone(),
        }
    }
}

#[derive(Debug)]
struct Names {
    /// Where each URI's resource begins.
    resources: HashMap<Rc<str>, String>,
    /// Where each anchor of a resource is.
    anchors: HashMap<(Rc<str>, String), String>,
    /// How many places have a dynamic anchor, and the first.
    dynamic: HashMap<String, (usize, String)>,
    found: bool,
    /// How much text places may still take.
    left: Cell<usize>,
}

impl Default for Names {
    fn default() -> Self {
        let (resources, anchors, dynamic) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { resources, anchors, dynamic, found: false, left: Cell::new(MAX_PLACES) }
    }
}

impl Names {
    /// Takes the text of a place; `false` where there is not so much left.
    fn spend(&self, place: &str) -> bool {
        let left = self.left.get().checked_sub(place.len());
        self.left.set(left.unwrap_or_default());
        left.is_some()
    }

    fn gather(&mut self, value: &Value, base: &Base, pointer: &mut String, are_names: bool) {
        let own = if are_names { base.clone() } else { base.of(value, pointer) };
        if let (Value::Object(map), false) = (value, are_names) {
            self.name(map, &own, pointer);
        }
        let length = pointer.len();
        for (key, member, are_names) in members(value, are_names) {
            pointer.extend(["/", &key]);
            self.gather(member, &own, pointer, are_names);
            pointer.truncate(length);
        }
    }

    /// Takes the names that a schema gives itself.
    fn name(&mut self, map: &Map<String, Value>, own: &Base, pointer: &str) {
        let text = |key: &str| map.get(key).and_then(Value::as_str);
        self.found |= map.contains_key("$dynamicRef");
        if !KEYWORDS.iter().any(|key| map.contains_key(*key)) || !self.spend(pointer) {
            return;
        }
        if *own.pointer == *pointer && !pointer.is_empty() {
            self.resources.entry(own.uri.clone()).or_insert_with(|| pointer.to_owned());
            self.found = true;
        }
        for anchor in [text("$anchor"), text("$dynamicAnchor")].into_iter().flatten() {
            let key = (own.uri.clone(), anchor.to_owned());
            self.anchors.entry(key).or_insert_with(|| pointer.to_owned());
            self.found = true;
        }
        if let Some(anchor) = text("$dynamicAnchor") {
            self.dynamic.entry(anchor.to_owned()).or_insert_with(|| (0, pointer.to_owned())).0 += 1;
        }
    }

    fn rewrite(&self, value: &mut Value, root: &Value, base: &Base, pointer: &mut String, are_names: bool) {
        let own = if are_names { base.clone() } else { base.of(value, pointer) };
        if let (Value::Object(map), false) = (&mut *value, are_names) {
            self.rewrite_own(map, root, &own);
        }
        let length = pointer.len();
        for (key, member, are_names) in members_mut(value, are_names) {
            pointer.extend(["/", &key]);
            self.rewrite(member, root, &own, pointer, are_names);
            pointer.truncate(length);
        }
    }

    fn rewrite_own(&self, map: &mut Map<String, Value>, root: &Value, own: &Base) {
        if let Some(place) =
            map.get("$ref").and_then(Value::as_str).and_then(|one| self.place(one, root, own))
            && self.spend(&place)
        {
            map.insert("$ref".to_owned(), place.into());
        }
        // Which of several dynamic anchors is meant turns on the way that led here; then nothing is checked by it.
        let Some(Value::String(dynamic)) = map.shift_remove("$dynamicRef") else { return };
        let anchor = dynamic.strip_prefix('#').and_then(|name| self.dynamic.get(name));
        let place = match anchor {
            Some((1, place)) => Some(format!("#{place}")),
            Some(_) => None,
            None => self.place(&dynamic, root, own).or(Some(dynamic)),
        };
        if let Some(place) = place.filter(|place| self.spend(place)) {
            map.entry("$ref").or_insert_with(|| place.into());
        }
    }

    /// A reference as one by place; `None` where it is one already, or leads out of the document.
    fn place(&self, reference: &str, root: &Value, own: &Base) -> Option<String> {
        let (uri, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let uri = if uri.is_empty() { own.uri.clone() } else { joined(&own.uri, uri).into() };
        let begin = self.resources.get(&uri)?;
        let fragment = percent_decoded(fragment)?;
        if fragment.is_empty() || fragment.starts_with('/') {
            let place = format!("{begin}{fragment}");
            // Many set `$id` and mean the document's root by `#/` all the same.
            let is_there = |place: &str| root.pointer(place).is_some();
            let place = if !is_there(&place) && is_there(&fragment) { fragment } else { place };
            return Some(format!("#{place}")).filter(|place| place != reference);
        }
        self.anchors.get(&(uri, fragment)).map(|place| format!("#{place}"))
    }
}

/// The members of a value that may have members, with their keys, and whether each one's members are names in turn.
fn members(value: &Value, are_names: bool) -> Vec<(Cow<'_, str>, &Value, bool)> {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, member)| has_members(member));
            let kept = kept.filter(|(key, _)| are_names || !DATA.contains(&key.as_str()));
            kept.map(|(key, member)| (token(key), member, names_members(key, are_names))).collect()
        }
        Value::Array(items) => {
            let items = items.iter().enumerate().filter(|(_, item)| has_members(item));
            items.map(|(at, item)| (at.to_string().into(), item, false)).collect()
        }
        _ => Vec::new(),
    }
}

/// As [`members`], to be changed.
fn members_mut(value: &mut Value, are_names: bool) -> Vec<(Cow<'_, str>, &mut Value, bool)> {
    match value {
        Value::Object(map) => {
            let kept = map.iter_mut().filter(|(_, member)| has_members(member));
            let kept = kept.filter(|(key, _)| are_names || !DATA.contains(&key.as_str()));
            kept.map(|(key, member)| (token(key), member, names_members(key, are_names))).collect()
        }
        Value::Array(items) => {
            let items = items.iter_mut().enumerate().filter(|(_, item)| has_members(item));
            items.map(|(at, item)| (at.to_string().into(), item, false)).collect()
        }
        _ => Vec::new(),
    }
}

fn has_members(value: &Value) -> bool {
    matches!(value, Value::Object(_) | Value::Array(_))
}

fn names_members(key: &str, is_name: bool) -> bool {
    !is_name && NAMED.contains(&key)
}

/// A URI reference seen from a base (RFC 3986 §5.2), without its fragment.
fn joined(base: &str, reference: &str) -> String {
    let has_scheme = reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
    });
    if has_scheme {
        return reference.to_owned();
    }
    let authority = base.find("://").map_or(0, |at| at + 3);
    let root = base[authority..].find('/').map_or(base.len(), |at| authority + at);
    let root = if authority == 0 { 0 } else { root };
    if let Some(rest) = reference.strip_prefix("//") {
        return format!("{}//{rest}", &base[..base.find("//").unwrap_or(0)]);
    }
    let (root, path) = base.split_at(root);
    let folder =
        if reference.starts_with('/') { "" } else { path.rsplit_once('/').map_or("", |(folder, _)| folder) };
    let is_rooted = authority > 0 || reference.starts_with('/') || path.starts_with('/');
    let mut segments: Vec<&str> = Vec::new();
    for segment in folder.split('/').chain(reference.split('/')) {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            name => segments.push(name),
        }
    }
    format!("{root}{}{}", if is_rooted { "/" } else { "" }, segments.join("/"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_joined_as_uris_are() {
        for (base, reference, whole) in [
            ("https://x.example/a/b.json", "c.json", "https://x.example/a/c.json"),
            ("https://x.example/a/b.json", "../c", "https://x.example/c"),
            ("https://x.example/a/b", "/c/d", "https://x.example/c/d"),
            ("https://x.example", "c", "https://x.example/c"),
            ("https://x.example/a", "//y.example/b", "https://y.example/b"),
            ("https://x.example/a", "urn:b", "urn:b"),
            ("", "schemas/pet", "schemas/pet"),
            ("/api/openapi", "pet", "/api/pet"),
        ] {
            assert_eq!(joined(base, reference), whole, "{base} {reference}");
        }
    }

    #[test]
    fn what_names_nothing_stays_as_it_is() {
        let plain = json!({"components": {"schemas": {"$id": {"type": "string"}, "a": {"properties": {"$anchor": {}}}}}});
        assert_eq!(by_place(&plain), None);
        assert!(!may_name(r##"{"$ref": "#/a", "$identity": 1}"##));
        assert!(may_name(r#"{"$id": "a"}"#) && may_name(r#"{"$dynamicRef":"a"}"#));
    }

    #[test]
    fn long_names_and_places_cost_little() {
        let zeros = vec![0; 200_000];
        let long = format!("https://x.example/{}", "a".repeat(1 << 20));
        let document = json!({"$self": long, "a": {"$anchor": "a", "b": zeros}, "c": {"$ref": "#a"}});
        assert_eq!(by_place(&document).unwrap()["c"], json!({"$ref": "#/a"}));
        let key = "k".repeat(1 << 20);
        let anchors: Vec<Value> = (0..1_000).map(|number| json!({"$anchor": format!("a{number}")})).collect();
        let references: Vec<Value> = (0..1_000).map(|_| json!({"$ref": "#a0"})).collect();
        let placed = by_place(&json!({(&key): anchors, "references": references})).unwrap();
        assert_eq!(
            placed["references"][0],
            json!({"$ref": "#a0"}),
            "its place is beyond what names may take"
        );
        assert!(placed.to_string().len() < 3 << 20);
    }

    #[test]
    fn a_dynamic_reference_to_one_of_several_checks_nothing() {
        let one = json!({"a": {"$dynamicAnchor": "n"}, "b": {"$dynamicRef": "#n"}});
        assert_eq!(by_place(&one).unwrap()["b"], json!({"$ref": "#/a"}));
        let two =
            json!({"a": {"$dynamicAnchor": "n"}, "b": {"$dynamicRef": "#n"}, "c": {"$dynamicAnchor": "n"}});
        assert_eq!(by_place(&two).unwrap()["b"], json!({}));
    }

    #[test]
    fn a_root_pointer_in_a_named_schema_means_the_document() {
        let named = json!({"defs": {"a": {"$id": "https://x.example/a", "$defs": {"own": {}},
            "allOf": [{"$ref": "#/$defs/own"}, {"$ref": "#/defs/b"}, {"$ref": "b"}]}, "b": {"$id": "https://x.example/b"}}});
        let placed = by_place(&named).unwrap();
        let wanted = json!([{"$ref": "#/defs/a/$defs/own"}, {"$ref": "#/defs/b"}, {"$ref": "#/defs/b"}]);
        assert_eq!(placed["defs"]["a"]["allOf"], wanted);
    }
}
