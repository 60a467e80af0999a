//! An operation as the JSON object of `ops -o json` and `show -o json`, and the words for its types.

use opcall::{Operation, Parameter, Schema};
use serde_json::{Value, json};

use crate::arguments_schema;

/// The object that outside programs rely on.
pub(crate) fn to_json(operation: Operation<'_>) -> Value {
    json!({
        "id": operation.id(),
        "service": operation.service(),
        "aliases": operation.aliases().collect::<Vec<_>>(),
        "method": operation.method().as_str(),
        "path": operation.path(),
        "summary": operation.summary(),
        "tags": operation.tags().collect::<Vec<_>>(),
        "scope": operation.scope(),
        "deprecated": operation.deprecated(),
        "parameters": operation.parameters().map(|one| parameter(operation, one)).collect::<Vec<_>>(),
        "body": operation.body().map(|body| json!({
            "required": body.required(),
            "media_types": body.media_types().map(opcall::MediaType::name).collect::<Vec<_>>(),
        })),
        "pagination": operation.pagination().and_then(|pages| serde_json::to_value(pages).ok()),
        "arguments": arguments_schema::of(operation),
    })
}

fn parameter(operation: Operation<'_>, parameter: Parameter<'_>) -> Value {
    json!({
        "name": parameter.name(),
        "in": parameter.location().as_str(),
        "required": parameter.required(),
        "type": types(parameter.schema()),
        "style": parameter.style().as_str(),
        "explode": parameter.explode(),
        "enum": followed(operation, parameter.schema()).get("enum"),
        "description": parameter.description(),
        "deprecated": parameter.deprecated(),
    })
}

/// One type as its word, several as an array, any as `null`.
fn types(schema: Schema<'_>) -> Value {
    let words: Vec<_> = schema.types().words().collect();
    match words[..] {
        [] => Value::Null,
        [one] => one.into(),
        _ => words.into(),
    }
}

/// A schema with the references at its top followed.
pub(crate) fn followed(operation: Operation<'_>, schema: Schema<'_>) -> Value {
    /// References that lead to each other end here.
    const LONGEST_CHAIN: usize = 16;
    let mut value: Value = serde_json::from_str(schema.text()).unwrap_or_default();
    for _ in 0..LONGEST_CHAIN {
        let Some(text) = value.get("$ref").and_then(Value::as_str).and_then(|name| operation.schema(name))
        else {
            break;
        };
        value = serde_json::from_str(text).unwrap_or_default();
    }
    value
}

/// The type in words: `array of string`, `integer or null`, `file`.
pub(crate) fn type_in_words(schema: Schema<'_>) -> String {
    let join = |types: opcall::Types| types.words().collect::<Vec<_>>().join(" or ");
    let items = if schema.is_binary() { "file".to_owned() } else { join(schema.items()) };
    match join(schema.types()) {
        all if all.is_empty() => if schema.is_binary() { "file" } else { "any" }.into(),
        all if all.starts_with("array") && !items.is_empty() => {
            all.replacen("array", &format!("array of {items}"), 1)
        }
        all if schema.is_binary() => all.replacen("string", "file", 1),
        all => all,
    }
}

/// What a value must be beside its type, in words: its choices and bounds.
pub(crate) fn limits_in_words(operation: Operation<'_>, schema: Schema<'_>) -> String {
    let mut value = followed(operation, schema);
    if let Some(items) = value.get("items").filter(|items| items.get("enum").is_some()).cloned() {
        value = items;
    }
    let mut words = Vec::new();
    if let Some(choices) = value.get("enum").and_then(Value::as_array) {
        let shown: Vec<_> =
            choices.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), Into::into)).collect();
        words.push(format!("one of {}", shown.join(", ")));
    }
    let bounds = [
        ("minimum", "at least"),
        ("maximum", "at most"),
        ("minLength", "length at least"),
        ("maxLength", "length at most"),
        ("minItems", "items at least"),
        ("maxItems", "items at most"),
        ("pattern", "matches"),
        ("default", "default"),
    ];
    for (key, word) in bounds {
        if let Some(bound) = value.get(key) {
            words.push(format!("{word} {bound}"));
        }
    }
    words.join("; ")
}
