//! A command line that calls an operation: what is required, with values that fit their schemas.

mod pattern;

use std::borrow::Cow;

use opcall::{Location, MediaType, Operation, OperationTable, Schema, Types};
use serde_json::{Map, Value, json};

use crate::arguments_schema::body_of;
use crate::describe;

/// The command line, quoted for a shell.
pub(crate) fn line(operation: Operation<'_>, table: &OperationTable) -> String {
    let words = words(operation, table);
    let quoted: Vec<_> = words.iter().map(|word| quoted(word)).collect();
    format!("opcall {}", quoted.join(" "))
}

/// The operation and its items.
fn words(operation: Operation<'_>, table: &OperationTable) -> Vec<String> {
    let is_found = table.get(operation.id()).is_ok_and(|one| one.qualified_id() == operation.qualified_id());
    let id = if is_found { operation.id().to_owned() } else { operation.qualified_id() };
    let mut items: Vec<_> = operation
        .parameters()
        .filter(|one| one.required())
        .map(|one| item(operation, &parameter_name(operation, one), one.schema()))
        .collect();
    let body = operation.body().filter(|body| body.required()).and_then(|_| body_of(operation));
    items.extend(body.into_iter().flat_map(|media_type| body_items(operation, media_type)));
    if items.is_empty() {
        items.extend(optional(operation));
    }
    std::iter::once(id).chain(items).collect()
}

fn parameter_name(operation: Operation<'_>, one: opcall::Parameter<'_>) -> String {
    let has_twin = operation.parameters().filter(|other| other.name() == one.name()).count() > 1
        || body_of(operation).is_some_and(|body| body.properties().any(|other| other.name() == one.name()));
    match (has_twin, one.location()) {
        (false, _) | (_, Location::Path) => one.name().to_owned(),
        (true, location) => format!("{}.{}", location.as_str(), one.name()),
    }
}

/// What a required body needs: its required properties, else one of them, else the whole.
fn body_items(operation: Operation<'_>, media_type: MediaType<'_>) -> Vec<String> {
    let is_free = |name: &str| !operation.parameters().any(|one| one.name() == name);
    let named = |one: opcall::Property<'_>| {
        let name = one.name();
        let name = if is_free(name) { name.to_owned() } else { format!("body.{name}") };
        item(operation, &name, one.schema())
    };
    let properties = || media_type.properties().filter(|one| !one.read_only());
    let required: Vec<_> = properties().filter(|one| one.required()).map(named).collect();
    match (required.is_empty(), properties().next()) {
        (false, _) => required,
        (true, Some(first)) => vec![named(first)],
        (true, None) => vec![whole_body(operation, media_type)],
    }
}

fn whole_body(operation: Operation<'_>, media_type: MediaType<'_>) -> String {
    let name = media_type.name();
    if name == "application/json" || name.ends_with("+json") || name == "application/x-www-form-urlencoded" {
        let whole = describe::followed(operation, media_type.schema());
        return format!("body:={}", sample(operation, &whole, DEPTH));
    }
    "@FILE".to_owned()
}

/// The first thing that may be said of an operation that needs nothing.
fn optional(operation: Operation<'_>) -> Vec<String> {
    let parameter = operation.parameters().next();
    let parameter = parameter.map(|one| item(operation, &parameter_name(operation, one), one.schema()));
    let property = || {
        let media_type = body_of(operation)?;
        media_type.properties().next()?;
        Some(body_items(operation, media_type))
    };
    parameter.map(|one| vec![one]).or_else(property).unwrap_or_default()
}

fn item(operation: Operation<'_>, name: &str, schema: Schema<'_>) -> String {
    if schema.is_binary() {
        return format!("{name}@FILE");
    }
    let wanted = sample(operation, &describe::followed(operation, schema), DEPTH);
    let takes_text = !schema.types().names(Types::STRING) || schema.types().names(Types::ARRAY);
    match &wanted {
        Value::String(text) => format!("{name}={text}"),
        Value::Array(elements) => match &elements[..] {
            [Value::String(text)] if takes_text && !text.contains(',') => format!("{name}={text}"),
            _ => format!("{name}:={wanted}"),
        },
        Value::Number(number) => format!("{name}={number}"),
        Value::Bool(truth) => format!("{name}={truth}"),
        other => format!("{name}:={other}"),
    }
}

/// A value deeper than this is left out.
const DEPTH: usize = 6;

/// A value that fits a schema.
fn sample(operation: Operation<'_>, schema: &Value, depth: usize) -> Value {
    let schema = &follow(operation, schema);
    let given = |key: &str| schema.get(key).filter(|value| !value.is_null()).cloned();
    let choice = schema.get("enum").and_then(Value::as_array).and_then(|choices| choices.first()).cloned();
    if let Some(value) = choice.or_else(|| given("const")) {
        return value;
    }
    match kind(schema) {
        "integer" | "number" => number(schema),
        "boolean" => json!(true),
        "array" => array(operation, schema, depth),
        "object" => object(operation, schema, depth),
        _ => match schema.get("pattern").and_then(Value::as_str) {
            Some(expression) => pattern::text(expression).into(),
            None => text(schema),
        },
    }
}

/// References followed, the parts of `allOf` laid together, the first way of `anyOf` and `oneOf`.
fn follow<'s>(operation: Operation<'_>, schema: &'s Value) -> Cow<'s, Value> {
    if let Some(text) = schema.get("$ref").and_then(Value::as_str).and_then(|name| operation.schema(name)) {
        return Cow::Owned(serde_json::from_str(text).unwrap_or_default());
    }
    let parts = schema.get("allOf").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let way = ["anyOf", "oneOf"].into_iter().find_map(|key| schema.get(key)?.as_array()?.first());
    if parts.is_empty() && way.is_none() {
        return Cow::Borrowed(schema);
    }
    let mut whole = schema.as_object().cloned().unwrap_or_default();
    for part in parts.iter().chain(way) {
        for (key, value) in follow(operation, part).as_object().into_iter().flatten() {
            lay(&mut whole, key, value);
        }
    }
    whole.retain(|key, _| !matches!(key.as_str(), "allOf" | "anyOf" | "oneOf"));
    Cow::Owned(Value::Object(whole))
}

fn lay(whole: &mut Map<String, Value>, key: &str, value: &Value) {
    match (whole.get_mut(key), value) {
        (Some(Value::Object(known)), Value::Object(more)) => known.extend(more.clone()),
        (Some(Value::Array(known)), Value::Array(more)) => known.extend(more.iter().cloned()),
        _ => {
            whole.insert(key.to_owned(), value.clone());
        }
    }
}

fn kind(schema: &Value) -> &str {
    let named = match schema.get("type") {
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).find(|one| *one != "null"),
        Some(one) => one.as_str(),
        None => None,
    };
    let has = |key: &str| schema.get(key).is_some();
    match named {
        Some(one) => one,
        None if has("properties") || has("additionalProperties") => "object",
        None if has("items") => "array",
        None => "string",
    }
}

fn number(schema: &Value) -> Value {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let is_open = |key: &str| schema.get(key) == Some(&Value::Bool(true));
    if let Some(step) = schema.get("multipleOf").filter(|step| step.is_number()) {
        return step.clone();
    }
    let least = match bound("exclusiveMinimum") {
        Some(below) => Some(below + 1.0),
        None => bound("minimum").map(|least| if is_open("exclusiveMinimum") { least + 1.0 } else { least }),
    };
    let fits =
        |one: f64| least.is_none_or(|least| one >= least) && bound("maximum").is_none_or(|most| one <= most);
    if fits(1.0) {
        return json!(1);
    }
    match schema.get("minimum").filter(|_| !is_open("exclusiveMinimum")).or(schema.get("maximum")) {
        Some(value) => value.clone(),
        None => json!(least.unwrap_or_default()),
    }
}

fn text(schema: &Value) -> Value {
    let length =
        |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|one| usize::try_from(one).ok());
    let word = match schema.get("format").and_then(Value::as_str).unwrap_or_default() {
        "date-time" => "2027-01-01T00:00:00Z",
        "date" => "2027-01-01",
        "uuid" => "00000000-0000-4000-8000-000000000000",
        "uri" | "url" => "https://example.com/",
        "email" => "name@example.com",
        "ipv4" | "ip" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "hostname" => "host.example.com",
        "byte" => "VkFMVUU=",
        _ => "VALUE",
    };
    let padded = format!("{word}{}", "E".repeat(length("minLength").unwrap_or(0).saturating_sub(word.len())));
    padded.chars().take(length("maxLength").unwrap_or(usize::MAX)).collect::<String>().into()
}

fn array(operation: Operation<'_>, schema: &Value, depth: usize) -> Value {
    let count = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
    // What only nests may stay empty: some schemas hold themselves.
    let count = if depth == DEPTH { count.max(1) } else { count };
    let items = schema.get("items").unwrap_or(&Value::Null);
    if depth == 0 {
        return json!([]);
    }
    (0..count).map(|_| sample(operation, items, depth - 1)).collect()
}

fn object(operation: Operation<'_>, schema: &Value, depth: usize) -> Value {
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    if depth == 0 {
        return json!({});
    }
    let mut members = Map::new();
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        let property = properties.and_then(|all| all.get(name)).unwrap_or(&Value::Null);
        members.insert(name.to_owned(), sample(operation, property, depth - 1));
    }
    Value::Object(members)
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |one: char| one.is_ascii_alphanumeric() || "_-./:=,@%+".contains(one);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::ffi::OsString;

    use opcall::{Harness, OperationTable};

    use super::{quoted, words};
    use crate::args::Command;
    use crate::call::Call;

    #[test]
    fn every_example_is_a_call() {
        let table = OperationTable::built_in();
        let harness = Harness::builder().env(|_| None).build().unwrap();
        let mut wrong = Vec::new();
        for operation in table.iter() {
            let words = words(operation, &table);
            let line: Vec<OsString> = ["opcall", "--dry-run"]
                .into_iter()
                .map(str::to_owned)
                .chain(words.clone())
                .map(|word| {
                    word.replace("@FILE", concat!("@", env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).into()
                })
                .collect();
            let Command::Call(args) = crate::read(&line).unwrap() else {
                unreachable!("{words:?} is a call")
            };
            let request = Call::read((harness.table(), &[]), &args)
                .and_then(|call| Ok(call.command(&harness).prepare()?));
            match request {
                Ok(request) => assert_eq!(request.operation(), Some(&*operation.qualified_id())),
                // Its schema requires itself without end: no value fits it.
                Err(failure) if failure.to_string().contains("parent.parent.parent") => {}
                Err(failure) => wrong.push(format!("{words:?}: {failure}")),
            }
        }
        assert!(wrong.is_empty(), "{} do not fit\n{}", wrong.len(), wrong.join("\n"));
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_read_them() {
        assert_eq!(quoted("label=ci"), "label=ci");
        assert_eq!(quoted("api token#list"), "'api token#list'");
        assert_eq!(quoted("a:=[\"it's\"]"), r#"'a:=["it'\''s"]'"#);
    }
}
