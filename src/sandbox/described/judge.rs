//! Whether a JSON value fits a schema (JSON Schema as `OpenAPI` 3.0 and 3.1 have it).
//!
//! The sandbox judges by its own reading, not by the client's, so that a fault of one does not hide in the other.

use serde_json::{Map, Value};

use super::Resolve;

/// How deep a value and its schema are followed.
const DEEPEST: usize = 40;

/// A walk over a value and its schema.
pub(super) struct Judge<'r> {
    resolve: Resolve<'r>,
    problems: Vec<String>,
    depth: usize,
}

/// Every place where a value does not fit.
pub(super) fn problems(schema: &Value, value: &Value, path: &str, resolve: Resolve<'_>) -> Vec<String> {
    let mut judge = Judge { resolve, problems: Vec::new(), depth: 0 };
    judge.value(schema, value, path);
    judge.problems
}

impl Judge<'_> {
    fn say(&mut self, path: &str, problem: &str) {
        self.problems.push(format!("{path} {problem}"));
    }

    fn value(&mut self, schema: &Value, value: &Value, path: &str) {
        if self.depth >= DEEPEST {
            return;
        }
        self.depth += 1;
        if let Value::Object(schema) = schema {
            self.by(schema, value, path);
        } else if *schema == Value::Bool(false) {
            self.say(path, "is not allowed");
        }
        self.depth -= 1;
    }

    fn by(&mut self, schema: &Map<String, Value>, value: &Value, path: &str) {
        if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(self.resolve) {
            self.value(&target, value, path);
        }
        if value.is_null() && schema.get("nullable") == Some(&Value::Bool(true)) {
            return;
        }
        if !has_type(schema, value) {
            return self.say(path, &format!("must be {}", type_words(schema)));
        }
        self.choice(schema, value, path);
        match value {
            Value::Number(number) => self.number(schema, number, path),
            Value::String(text) => self.text(schema, text, path),
            Value::Array(items) => self.array(schema, items, path),
            Value::Object(object) => self.object(schema, object, path),
            _ => {}
        }
        self.combined(schema, value, path);
    }

    fn choice(&mut self, schema: &Map<String, Value>, value: &Value, path: &str) {
        let grows = schema.get("x-extensible-enum") == Some(&Value::Bool(true));
        if let Some(Value::Array(choices)) = schema.get("enum")
            && !grows
            && !is_among(choices, value)
        {
            self.say(path, &format!("must be one of {}", Value::Array(choices.clone())));
        }
        if let Some(constant) = schema.get("const").filter(|constant| *constant != value) {
            self.say(path, &format!("must be {constant}"));
        }
    }

    fn number(&mut self, schema: &Map<String, Value>, number: &serde_json::Number, path: &str) {
        let value = number.as_f64().unwrap_or_default();
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        let flag = |name: &str| schema.get(name) == Some(&Value::Bool(true));
        let least = bound("minimum").map(|least| (least, flag("exclusiveMinimum")));
        let most = bound("maximum").map(|most| (most, flag("exclusiveMaximum")));
        for (least, exclusive) in
            least.into_iter().chain(bound("exclusiveMinimum").map(|least| (least, true)))
        {
            if value < least || exclusive && value <= least {
                self.say(
                    path,
                    &format!("must be {} {least}", if exclusive { "more than" } else { "at least" }),
                );
            }
        }
        for (most, exclusive) in most.into_iter().chain(bound("exclusiveMaximum").map(|most| (most, true))) {
            if value > most || exclusive && value >= most {
                self.say(
                    path,
                    &format!("must be {} {most}", if exclusive { "less than" } else { "at most" }),
                );
            }
        }
        if schema.get("format").and_then(Value::as_str) == Some("int32")
            && number.as_i64().is_none_or(|number| i32::try_from(number).is_err())
        {
            self.say(path, "must fit 32 bits");
        }
        if let Some(step) = bound("multipleOf").filter(|step| *step > 0.0) {
            let steps = value / step;
            if (steps - steps.round()).abs() > 1e-9 {
                self.say(path, &format!("must be a multiple of {step}"));
            }
        }
    }

    fn text(&mut self, schema: &Map<String, Value>, text: &str, path: &str) {
        let length = text.chars().count();
        if count(schema, "minLength").is_some_and(|least| length < least) {
            self.say(path, "is too short");
        }
        if count(schema, "maxLength").is_some_and(|most| length > most) {
            self.say(path, "is too long");
        }
        if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
            && regex_lite::Regex::new(pattern).is_ok_and(|regex| !regex.is_match(text))
        {
            self.say(path, &format!("must match {pattern}"));
        }
    }

    fn array(&mut self, schema: &Map<String, Value>, items: &[Value], path: &str) {
        if count(schema, "minItems").is_some_and(|least| items.len() < least) {
            self.say(path, "has too few items");
        }
        if count(schema, "maxItems").is_some_and(|most| items.len() > most) {
            self.say(path, "has too many items");
        }
        let repeats = (1..items.len()).any(|place| items[..place].contains(&items[place]));
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) && repeats {
            self.say(path, "must not repeat an item");
        }
        if let Some(item) = schema.get("items") {
            for (place, value) in items.iter().enumerate() {
                self.value(item, value, &format!("{path}[{place}]"));
            }
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, object: &Map<String, Value>, path: &str) {
        let empty = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let is_read_only =
            |name: &str| properties.get(name).is_some_and(|one| one["readOnly"] == Value::Bool(true));
        for name in
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
        {
            if !object.contains_key(name) && !is_read_only(name) {
                self.say(&format!("{path}.{name}"), "is required");
            }
        }
        for (name, value) in object {
            let place = format!("{path}.{name}");
            match (properties.get(name), schema.get("additionalProperties")) {
                (Some(property), _) => self.value(property, value, &place),
                (None, Some(Value::Bool(false))) => self.say(&place, "is not known"),
                (None, Some(other)) => self.value(other, value, &place),
                (None, None) => {}
            }
        }
        if count(schema, "minProperties").is_some_and(|least| object.len() < least) {
            self.say(path, "has too few properties");
        }
        if count(schema, "maxProperties").is_some_and(|most| object.len() > most) {
            self.say(path, "has too many properties");
        }
    }

    fn combined(&mut self, schema: &Map<String, Value>, value: &Value, path: &str) {
        for part in list(schema, "allOf") {
            self.value(part, value, path);
        }
        let fitting = |parts: &[Value]| {
            parts.iter().filter(|part| problems(part, value, path, self.resolve).is_empty()).count()
        };
        let (any, one) = (fitting(list(schema, "anyOf")), fitting(list(schema, "oneOf")));
        let forbidden =
            schema.get("not").is_some_and(|not| problems(not, value, path, self.resolve).is_empty());
        if any == 0 && !list(schema, "anyOf").is_empty() || one == 0 && !list(schema, "oneOf").is_empty() {
            self.say(path, "fits none of the alternatives");
        }
        if one > 1 {
            self.say(path, "fits more than one of the alternatives");
        }
        if forbidden {
            self.say(path, "is of the kind that is not allowed");
        }
    }
}

/// Whether a value is one of the choices. Descriptions slip in ways that services do not mind: the choices of an
/// array's items stand on the array, even where the items are of another type, those of a string are numbers, and all
/// choices stand in one text, parted by commas.
fn is_among(choices: &[Value], value: &Value) -> bool {
    match value {
        Value::Array(items) if !choices.iter().any(Value::is_array) => {
            let is_other = |item: &Value| item.is_number() && !choices.iter().any(Value::is_number);
            items.iter().all(|item| is_other(item) || is_among(choices, item))
        }
        Value::String(text) => {
            let is_part = |all: &str| all.split(',').any(|one| one.trim() == text);
            choices.contains(value)
                || matches!(choices, [Value::String(all)] if is_part(all))
                || serde_json::from_str(text)
                    .is_ok_and(|number: serde_json::Number| choices.contains(&number.into()))
        }
        _ => choices.contains(value),
    }
}

fn list<'s>(schema: &'s Map<String, Value>, name: &str) -> &'s [Value] {
    schema.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn count(schema: &Map<String, Value>, name: &str) -> Option<usize> {
    schema.get(name).and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok())
}

/// The types that a schema names, in the words of JSON Schema.
pub(super) fn types(schema: &Map<String, Value>) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(word)) => vec![word],
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn has_type(schema: &Map<String, Value>, value: &Value) -> bool {
    let types = types(schema);
    types.is_empty()
        || types.iter().any(|word| match *word {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
            "number" => value.is_number(),
            "string" | "file" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            _ => true,
        })
}

fn type_words(schema: &Map<String, Value>) -> String {
    let words = types(schema).into_iter().map(|word| match word {
        "array" | "integer" | "object" => format!("an {word}"),
        "null" => word.to_owned(),
        _ => format!("a {word}"),
    });
    words.collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(schema: &Value, value: &Value) -> Vec<String> {
        let node =
            json!({"type": "object", "properties": {"next": {"$ref": "#/node"}}, "required": ["name"]});
        problems(schema, value, "body", &|reference| (reference == "#/node").then(|| node.clone()))
    }

    #[test]
    fn every_misfit_is_said_with_its_place() {
        let schema = json!({
            "type": "object",
            "required": ["name", "id"],
            "properties": {
                "id": {"type": "string", "readOnly": true},
                "name": {"type": "string", "minLength": 2},
                "count": {"type": "integer", "minimum": 1},
                "kind": {"enum": ["a", "b"]},
                "frequency": {"enum": ["once,daily"]},
                "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 1},
            },
            "additionalProperties": false,
        });
        let value = json!({"count": 0, "kind": "c", "tags": ["x", 2], "more": 1});
        assert_eq!(
            said(&schema, &value),
            [
                "body.name is required",
                "body.count must be at least 1",
                "body.kind must be one of [\"a\",\"b\"]",
                "body.tags has too many items",
                "body.tags[1] must be a string",
                "body.more is not known",
            ]
        );
        assert!(said(&schema, &json!({"name": "xy", "count": 1.0, "frequency": "daily"})).is_empty());
    }

    #[test]
    fn references_and_alternatives_are_followed() {
        let schema = json!({"$ref": "#/node"});
        assert_eq!(said(&schema, &json!({"name": 1, "next": {}})), ["body.next.name is required"]);
        let either = json!({"oneOf": [{"type": "string"}, {"type": "integer"}], "not": {"const": 5}});
        assert!(said(&either, &json!(4)).is_empty());
        assert_eq!(said(&either, &json!(5)), ["body is of the kind that is not allowed"]);
        assert_eq!(said(&either, &json!(true)), ["body fits none of the alternatives"]);
        let nullable = json!({"type": "string", "nullable": true});
        assert!(said(&nullable, &Value::Null).is_empty());
    }
}
