//! An answer made from a response schema: the same every time, and as the schema wants it.

use serde_json::{Map, Value, json};

use super::answers::{Declared, Response};
use super::{Resolve, sample};
use crate::operation::Pagination;
use crate::sandbox::exchange::Answer;
use crate::table::Operation;

/// Optional properties are filled down to here, required ones further.
const FILLED: usize = 6;
/// Nothing is filled below this.
const DEEPEST: usize = 24;

/// The answer of an operation: its first declared success.
pub(super) fn answer(operation: Operation<'_>, declared: Option<Declared<'_>>) -> Answer {
    let Some(declared) = declared else { return undeclared(operation) };
    let responses: Vec<Response<'_>> = declared.responses().collect();
    let success = responses.iter().find(|one| one.status.starts_with('2'));
    let Some(response) = success.or_else(|| responses.iter().find(|one| one.status == "default")) else {
        return Answer::empty(200);
    };
    let status = response.status.parse().unwrap_or(200);
    match (response.media_type, response.schema) {
        _ if status == 204 => Answer::empty(204),
        (Some(media_type), schema) if is_json(media_type) => {
            let schema = schema.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| json!({}));
            let mut body = value(&schema, &|reference| declared.resolve(reference));
            if let Some(pagination) = operation.pagination() {
                end_pages(&mut body, &pagination);
            }
            Answer::of(status, media_type, body.to_string().into_bytes())
        }
        (Some(media_type), _) => Answer::of(status, media_type, b"sandbox".to_vec()),
        (None, _) => Answer::empty(status),
    }
}

/// The first declared success where no schema is known.
fn undeclared(operation: Operation<'_>) -> Answer {
    let success = operation.responses().find(|(status, _)| status.starts_with('2'));
    let (status, media_types) = success.unwrap_or(("200", vec!["application/json"]));
    let status = status.parse().unwrap_or(200);
    match media_types.first() {
        Some(media_type) if is_json(media_type) && status != 204 => {
            Answer::of(status, media_type, b"{}".to_vec())
        }
        Some(media_type) if status != 204 => Answer::of(status, media_type, b"sandbox".to_vec()),
        _ => Answer::empty(status),
    }
}

fn is_json(media_type: &str) -> bool {
    let bare = media_type.split(';').next().unwrap_or_default().trim();
    bare == "application/json" || bare.ends_with("+json") || bare == "*/*"
}

/// Lets the pages of a made answer end with the first.
fn end_pages(body: &mut Value, pagination: &Pagination) {
    if let Some(next) = pagination.next.as_deref().and_then(|next| body.pointer_mut(next)) {
        *next = json!("");
    }
    let items = body.pointer(&pagination.items).and_then(Value::as_array).map(Vec::len);
    // A total that the schema does not ask for is told too: without one, only an empty page is the end.
    let total = pagination.total.as_deref().and_then(|total| total.rsplit_once('/'));
    let place = total.and_then(|(parent, name)| Some((body.pointer_mut(parent)?.as_object_mut()?, name)));
    if let (Some(items), Some((parent, name))) = (items, place) {
        parent.insert(name.to_owned(), json!(items));
    }
}

/// A value of a schema.
pub(super) fn value(schema: &Value, resolve: Resolve<'_>) -> Value {
    Maker { resolve, open: Vec::new(), depth: 0 }.value(schema, "value").unwrap_or_default()
}

struct Maker<'r> {
    resolve: Resolve<'r>,
    /// The references that are being filled, to stop at circles.
    open: Vec<String>,
    depth: usize,
}

impl Maker<'_> {
    /// A value by a schema, named for what it belongs to; `None` in a circle.
    fn value(&mut self, schema: &Value, name: &str) -> Option<Value> {
        if self.depth >= DEEPEST {
            return None;
        }
        self.depth += 1;
        let made = match schema {
            Value::Object(schema) => self.by(schema, name),
            _ => Some(json!({})),
        };
        self.depth -= 1;
        made
    }

    fn by(&mut self, schema: &Map<String, Value>, name: &str) -> Option<Value> {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.referred(reference, name);
        }
        if let Some(parts) = alternatives(schema, "allOf") {
            return self.value(&Value::Object(self.merged(schema, parts)), name);
        }
        if let Some(fixed) = sample::fixed(schema) {
            return Some(fixed);
        }
        if let Some(first) = alternatives(schema, "oneOf").or_else(|| alternatives(schema, "anyOf")) {
            return first.iter().find_map(|one| self.value(one, name));
        }
        match sample::kind(schema) {
            "array" => Some(self.array(schema, name)),
            "object" => self.object(schema),
            kind => Some(sample::scalar(kind, schema, name)),
        }
    }

    fn referred(&mut self, reference: &str, name: &str) -> Option<Value> {
        if self.open.iter().any(|open| open == reference) {
            return None;
        }
        let target = (self.resolve)(reference)?;
        self.open.push(reference.to_owned());
        let made = self.value(&target, name);
        self.open.pop();
        made
    }

    /// One schema of all parts: properties and required names add up, else the last word wins.
    fn merged(&self, schema: &Map<String, Value>, parts: &[Value]) -> Map<String, Value> {
        let mut whole = schema.clone();
        whole.remove("allOf");
        for part in parts {
            let target = part.get("$ref").and_then(Value::as_str).and_then(self.resolve);
            let Some(Value::Object(part)) = target.or_else(|| Some(part.clone())) else { continue };
            let part = match alternatives(&part, "allOf") {
                Some(inner) if self.depth < DEEPEST => self.merged(&part, inner),
                _ => part,
            };
            for (key, value) in part {
                match (whole.get_mut(&key), value) {
                    (Some(Value::Object(own)), Value::Object(more)) => own.extend(more),
                    (Some(Value::Array(own)), Value::Array(more)) => own.extend(more),
                    (_, value) => {
                        whole.insert(key, value);
                    }
                }
            }
        }
        whole
    }

    /// One item, or as many as are asked for; none in a circle. A success has no `errors`.
    fn array(&mut self, schema: &Map<String, Value>, name: &str) -> Value {
        let least = sample::count(schema, "minItems");
        let most = sample::count(schema, "maxItems").unwrap_or(usize::MAX);
        let usual = usize::from(name != "errors" && self.depth < FILLED);
        let wanted = least.unwrap_or(0).max(usual.min(most));
        let item = schema.get("items").cloned().unwrap_or_else(|| json!({}));
        let one = if wanted == 0 { None } else { self.value(&item, name) };
        Value::Array(one.map(|one| vec![one; wanted]).unwrap_or_default())
    }

    /// All properties near the top, the required ones further down; `None` where a required one is a circle.
    fn object(&mut self, schema: &Map<String, Value>) -> Option<Value> {
        let mut object = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object);
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for (name, property) in properties.into_iter().flatten() {
            let is_required = required.contains(&name.as_str());
            if !is_required && (self.depth >= FILLED || property["writeOnly"] == Value::Bool(true)) {
                continue;
            }
            match self.value(property, name) {
                Some(value) => {
                    object.insert(name.clone(), value);
                }
                None if is_required && property["nullable"] == Value::Bool(true) => {
                    object.insert(name.clone(), Value::Null);
                }
                None if is_required => return None,
                None => {}
            }
        }
        for name in required {
            if !object.contains_key(name) {
                object.insert(name.to_owned(), json!(name));
            }
        }
        self.pad(schema, &mut object);
        Some(Value::Object(object))
    }

    /// As many further properties as `minProperties` asks for.
    fn pad(&mut self, schema: &Map<String, Value>, object: &mut Map<String, Value>) {
        let least = sample::count(schema, "minProperties").unwrap_or(0);
        let more = schema.get("additionalProperties").filter(|more| more.is_object()).cloned();
        for place in 0..least.saturating_sub(object.len()) {
            let name = format!("key{place}");
            let value =
                more.as_ref().and_then(|more| self.value(more, &name)).unwrap_or_else(|| json!("value"));
            object.insert(name, value);
        }
    }
}

fn alternatives<'s>(schema: &'s Map<String, Value>, name: &str) -> Option<&'s [Value]> {
    schema.get(name).and_then(Value::as_array).map(Vec::as_slice).filter(|parts| !parts.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::judge;
    use super::*;

    fn made(schema: &Value) -> Value {
        value(schema, &|_| None)
    }

    #[test]
    fn a_value_is_named_for_its_property() {
        let schema = json!({"type": "object", "properties": {
            "hostname": {"type": "string"},
            "seen": {"type": "string", "format": "date-time"},
            "count": {"type": "integer"},
            "errors": {"type": "array", "items": {"type": "string"}},
            "tags": {"type": "array", "items": {"type": "string"}},
        }});
        let wanted = json!({
            "hostname": "hostname",
            "seen": "2025-01-01T00:00:00Z",
            "count": 1,
            "errors": [],
            "tags": ["tags"],
        });
        assert_eq!(made(&schema), wanted);
    }

    #[test]
    fn a_circle_ends() {
        let node = json!({"type": "object", "properties": {
            "name": {"type": "string"},
            "parent": {"$ref": "#/node"},
            "children": {"type": "array", "items": {"$ref": "#/node"}},
        }});
        let resolve = |reference: &str| (reference == "#/node").then(|| node.clone());
        assert_eq!(value(&json!({"$ref": "#/node"}), &resolve), json!({"name": "name", "children": []}));
    }

    #[test]
    fn parts_are_merged() {
        let schema = json!({"allOf": [
            {"type": "object", "properties": {"a": {"type": "integer", "minimum": 7}}, "required": ["a"]},
            {"type": "object", "properties": {"b": {"enum": ["x", "y"]}}},
        ]});
        assert_eq!(made(&schema), json!({"a": 7, "b": "x"}));
    }

    fn schemas() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            (0_u64..12, 0_u64..12).prop_map(|(least, more)| {
                json!({"type": "string", "minLength": least, "maxLength": least + more})
            }),
            (-50_i64..50, 0_i64..50).prop_map(|(least, more)| {
                json!({"type": "integer", "minimum": least, "maximum": least + more})
            }),
            (1_i64..9).prop_map(|step| json!({"type": "integer", "multipleOf": step, "minimum": 10})),
            (-9_i64..9)
                .prop_map(|least| json!({"type": "number", "minimum": least, "exclusiveMinimum": true})),
            Just(json!({"type": "boolean"})),
            Just(json!({"enum": [3, "three", null]})),
            Just(json!({"const": {"a": 1}})),
            Just(json!({"type": "string", "format": "uuid", "nullable": true})),
            Just(json!({"type": "string", "pattern": "^[a-f]{3}-\\d+(x|y)$"})),
        ];
        leaf.prop_recursive(4, 40, 4, |inner| {
            prop_oneof![
                (inner.clone(), 0_u64..4).prop_map(|(items, least)| {
                    json!({"type": "array", "items": items, "minItems": least, "maxItems": least + 2})
                }),
                (prop::collection::btree_map("[a-z]{1,5}", inner.clone(), 0..4), any::<bool>()).prop_map(
                    |(properties, strict)| {
                        let required: Vec<_> = properties.keys().take(2).collect();
                        json!({"type": "object", "required": required, "properties": properties,
                            "additionalProperties": !strict})
                    }
                ),
                inner.clone().prop_map(|one| json!({"anyOf": [one]})),
                inner.prop_map(|one| json!({"allOf": [one]})),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_fits_its_schema(schema in schemas()) {
            let problems = judge::problems(&schema, &made(&schema), "value", &|_| None);
            prop_assert!(problems.is_empty(), "{problems:?}");
        }
    }
}
