//! The JSON Schema (2020-12) of an operation's arguments object, for forms and language models.
//!
//! It is made from the table: parameters and body properties by the names that `Harness::command` takes, the
//! schemas they refer to under `$defs`, what only `OpenAPI` 3.0 knows (`nullable`, `example`) said in JSON Schema.

use opcall::{Location, MediaType, Operation, Schema};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value, json};

use crate::describe;

/// What no fragment of a URI holds as it is (RFC 3986 §3.5).
const NO_FRAGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The schema of the arguments object that `Harness::command` takes for an operation.
pub(crate) fn of(operation: Operation<'_>) -> Value {
    let mut arguments = Arguments {
        defs: Defs::new(operation),
        properties: Map::new(),
        required: Vec::new(),
        of_body: Vec::new(),
    };
    for parameter in operation.parameters() {
        let twins = operation.parameters().filter(|other| other.name() == parameter.name()).count();
        let name = match twins {
            1 => parameter.name().to_owned(),
            _ => format!("{}.{}", parameter.location().as_str(), parameter.name()),
        };
        let schema = arguments.defs.schema(parameter.schema(), parameter.description());
        arguments.add(name, schema, parameter.required());
    }
    let media_type = body_of(operation);
    let is_open = media_type.is_some_and(|media_type| arguments.body(operation, media_type));
    let further = match media_type {
        Some(media_type) if is_open => arguments.defs.further(media_type.schema()),
        _ => is_open.into(),
    };
    let some_of_body = arguments.some_of_body(operation, is_open);
    let mut schema = json!({
        "type": "object",
        "properties": arguments.properties,
        "required": arguments.required,
        "additionalProperties": further,
    });
    if let (Some(members), Some(choices)) = (schema.as_object_mut(), some_of_body) {
        members.insert("anyOf".into(), choices);
    }
    let defs = arguments.defs.resolved();
    if let (Some(members), false) = (schema.as_object_mut(), defs.is_empty()) {
        members.insert("$defs".into(), Value::Object(defs));
    }
    schema
}

/// The media type that a body is written in unless the caller says otherwise.
pub(crate) fn body_of(operation: Operation<'_>) -> Option<MediaType<'_>> {
    let rank = |media_type: &MediaType<'_>| match media_type.name() {
        "application/json" => 0,
        name if name.ends_with("+json") => 1,
        "application/x-www-form-urlencoded" => 2,
        "multipart/form-data" => 3,
        name if name.starts_with("text/") => 4,
        "application/octet-stream" => 5,
        _ => 6,
    };
    operation.body()?.media_types().min_by_key(rank)
}

/// What is gathered for the object.
struct Arguments<'t> {
    defs: Defs<'t>,
    properties: Map<String, Value>,
    required: Vec<String>,
    /// The names that are part of the body.
    of_body: Vec<String>,
}

impl<'t> Arguments<'t> {
    fn add(&mut self, name: String, schema: Value, is_required: bool) {
        if is_required {
            self.required.push(name.clone());
        }
        self.properties.insert(name, schema);
    }

    /// Adds the body's properties, or the body whole where it has none; says whether further names are welcome.
    fn body(&mut self, operation: Operation<'t>, media_type: MediaType<'t>) -> bool {
        let is_needed = operation.body().is_some_and(opcall::RequestBody::required);
        if media_type.properties().len() == 0 {
            let schema = self.defs.schema(media_type.schema(), None);
            self.of_body.push("body".into());
            self.add("body".into(), schema, is_needed && !media_type.is_open());
            return media_type.is_open();
        }
        for property in media_type.properties().filter(|property| !property.read_only()) {
            let twin = operation.parameters().find(|parameter| parameter.name() == property.name());
            let name = match twin {
                None => property.name().to_owned(),
                Some(_) => format!("body.{}", property.name()),
            };
            let is_filled = twin.is_some_and(|twin| twin.location() == Location::Path);
            let schema = self.defs.schema(property.schema(), None);
            self.of_body.push(name.clone());
            self.add(name, schema, is_needed && property.required() && !is_filled);
        }
        media_type.is_open()
    }
}

impl Arguments<'_> {
    /// Where a body is required that requires nothing in particular: that one of its names is there.
    fn some_of_body(&self, operation: Operation<'_>, is_open: bool) -> Option<Value> {
        let is_needed = operation.body().is_some_and(opcall::RequestBody::required);
        let is_there = |name: &String| self.required.contains(name);
        if !is_needed || self.of_body.is_empty() || self.of_body.iter().any(is_there) {
            return None;
        }
        let mut choices: Vec<_> = self.of_body.iter().map(|name| json!({"required": [name]})).collect();
        if is_open {
            let others: Vec<_> = self.properties.keys().filter(|name| !self.of_body.contains(name)).collect();
            choices.push(json!({"not": {"propertyNames": {"enum": others}}}));
        }
        Some(choices.into())
    }
}

/// The schemas that others refer to, by the names they get.
struct Defs<'t> {
    operation: Operation<'t>,
    /// References as the document writes them, with the names given to them.
    names: Vec<(String, String)>,
}

impl<'t> Defs<'t> {
    fn new(operation: Operation<'t>) -> Self {
        Self { operation, names: Vec::new() }
    }

    fn schema(&mut self, schema: Schema<'_>, description: Option<&str>) -> Value {
        let mut value = self.converted(schema.text());
        if let (Some(members), Some(description)) = (value.as_object_mut(), description) {
            members.entry("description").or_insert_with(|| description.into());
        }
        value
    }

    fn converted(&mut self, text: &str) -> Value {
        let value = serde_json::from_str(text).unwrap_or_else(|_| json!({}));
        self.convert(value)
    }

    /// What further names of an open body hold.
    fn further(&mut self, schema: Schema<'_>) -> Value {
        let whole = describe::followed(self.operation, schema);
        match whole.get("additionalProperties") {
            Some(further @ Value::Object(_)) => self.convert(further.clone()),
            _ => true.into(),
        }
    }

    /// Everything referred to, also by what is referred to.
    fn resolved(mut self) -> Map<String, Value> {
        let mut found = Map::new();
        let mut next = 0;
        while let Some((reference, name)) = self.names.get(next).cloned() {
            let schema =
                self.operation.schema(&reference).map_or_else(|| json!({}), |text| self.converted(text));
            found.insert(name, schema);
            next += 1;
        }
        found
    }

    /// The name of a reference's last step, with a number where another has that name.
    fn name(&mut self, reference: &str) -> String {
        if let Some((_, name)) = self.names.iter().find(|(known, _)| known == reference) {
            return name.clone();
        }
        let last = reference.rsplit('/').next().unwrap_or(reference);
        let last = percent_decode_str(last).decode_utf8_lossy().replace("~1", "/").replace("~0", "~");
        let is_free = |name: &String| !self.names.iter().any(|(_, taken)| taken == name);
        let numbered = (2..).map(|number| format!("{last}_{number}"));
        let name = std::iter::once(last.clone()).chain(numbered).find(is_free).unwrap_or_default();
        self.names.push((reference.to_owned(), name.clone()));
        name
    }

    fn convert(&mut self, schema: Value) -> Value {
        let Value::Object(mut members) = schema else { return schema };
        if let Some(Value::String(reference)) = members.get("$ref") {
            let name = self.name(reference).replace('~', "~0").replace('/', "~1");
            return json!({"$ref": format!("#/$defs/{}", utf8_percent_encode(&name, NO_FRAGMENT))});
        }
        members.retain(|key, _| {
            !key.starts_with("x-") && !matches!(key.as_str(), "xml" | "discriminator" | "externalDocs")
        });
        if let Some(example) = members.shift_remove("example") {
            members.entry("examples").or_insert_with(|| json!([example]));
        }
        self.descend(&mut members);
        exclusive(&mut members, "exclusiveMinimum", "minimum");
        exclusive(&mut members, "exclusiveMaximum", "maximum");
        nullable(members)
    }

    fn descend(&mut self, members: &mut Map<String, Value>) {
        for (key, value) in members.iter_mut() {
            match (key.as_str(), value) {
                ("properties" | "patternProperties", Value::Object(inner)) => {
                    for schema in inner.values_mut() {
                        *schema = self.convert(schema.take());
                    }
                }
                ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(inner)) => {
                    for schema in inner.iter_mut() {
                        *schema = self.convert(schema.take());
                    }
                }
                ("items" | "additionalProperties" | "not", value) => *value = self.convert(value.take()),
                _ => {}
            }
        }
    }
}

/// `exclusiveMinimum: true` beside `minimum: 5` is `exclusiveMinimum: 5` in JSON Schema.
fn exclusive(members: &mut Map<String, Value>, flag: &str, bound: &str) {
    match members.get(flag) {
        Some(Value::Bool(true)) => {
            if let Some(value) = members.shift_remove(bound) {
                members.insert(flag.to_owned(), value);
            }
        }
        Some(Value::Bool(false)) => {
            members.shift_remove(flag);
        }
        _ => {}
    }
}

/// `nullable: true` is a further type in JSON Schema.
fn nullable(mut members: Map<String, Value>) -> Value {
    if members.shift_remove("nullable") != Some(Value::Bool(true)) {
        return Value::Object(members);
    }
    if let Some(Value::Array(values)) = members.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    match members.get_mut("type") {
        Some(Value::Array(types)) => types.push("null".into()),
        Some(one) => *one = json!([one.take(), "null"]),
        None => return json!({"anyOf": [members, {"type": "null"}]}),
    }
    Value::Object(members)
}
