//! Names that a document gives its parts (`$id`, `$anchor`, `$dynamicAnchor` of JSON Schema 2020-12, `$self` of
//! OpenAPI 3.2): references by name are rewritten as references by place, once, before the document is read.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value};

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

/// The document with its references by place; `None` where it names nothing.
fn by_place(root: &Value) -> Option<Value> {
    if !may_be_named(root) {
        return None;
    }
    let mut names = Names::default();
    let base = Base { uri: text(root, "$self").unwrap_or_default().to_owned(), pointer: String::new() };
    names.resources.insert(base.uri.trim_end_matches('#').to_owned(), String::new());
    names.gather(root, &base, &mut String::new(), false);
    if !names.found && base.uri.is_empty() {
        return None;
    }
    let mut placed = root.clone();
    names.rewrite(&mut placed, root, &base, &mut String::new(), false);
    Some(placed)
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
    names.gather(root, &Base::default(), &mut String::new(), false);
    names.anchors.into_iter().map(|((_, name), pointer)| (name, pointer)).collect()
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

/// The resource that a part of the document belongs to: its URI, and where it begins.
#[derive(Debug, Clone, Default)]
struct Base {
    uri: String,
    pointer: String,
}

impl Base {
    /// The resource of a schema, which may begin one of its own.
    fn of(&self, schema: &Value, pointer: &str) -> Self {
        match text(schema, "$id").map(|id| id.trim_end_matches('#')).filter(|id| !id.is_empty()) {
            Some(id) => Self { uri: joined(&self.uri, id), pointer: pointer.to_owned() },
            None => self.clone(),
        }
    }
}

#[derive(Debug, Default)]
struct Names {
    /// Where each URI's resource begins.
    resources: HashMap<String, String>,
    /// Where each anchor of a resource is.
    anchors: HashMap<(String, String), String>,
    /// How many places have a dynamic anchor, and the first.
    dynamic: HashMap<String, (usize, String)>,
    found: bool,
}

impl Names {
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
        if own.pointer == pointer && !pointer.is_empty() {
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
        self.found |= map.contains_key("$dynamicRef");
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
        if let Some(place) = place {
            map.entry("$ref").or_insert_with(|| place.into());
        }
    }

    /// A reference as one by place; `None` where it is one already, or leads out of the document.
    fn place(&self, reference: &str, root: &Value, own: &Base) -> Option<String> {
        let (uri, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let uri = if uri.is_empty() { own.uri.clone() } else { joined(&own.uri, uri) };
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

/// The members of a value with their keys, and whether each one's members are names in turn.
fn members(value: &Value, are_names: bool) -> Vec<(Cow<'_, str>, &Value, bool)> {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(key, _)| are_names || !DATA.contains(&key.as_str()));
            kept.map(|(key, member)| (token(key), member, names_members(key, are_names))).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(at, item)| (at.to_string().into(), item, false)).collect()
        }
        _ => Vec::new(),
    }
}

/// As [`members`], to be changed.
fn members_mut(value: &mut Value, are_names: bool) -> Vec<(Cow<'_, str>, &mut Value, bool)> {
    match value {
        Value::Object(map) => {
            let kept = map.iter_mut().filter(|(key, _)| are_names || !DATA.contains(&key.as_str()));
            kept.map(|(key, member)| (token(key), member, names_members(key, are_names))).collect()
        }
        Value::Array(items) => {
            items.iter_mut().enumerate().map(|(at, item)| (at.to_string().into(), item, false)).collect()
        }
        _ => Vec::new(),
    }
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
