//! Swagger 2.0: its servers, parameters, bodies and answers as OpenAPI 3.0 says them.
//!
//! An operation is upgraded piece by piece while it is read, so that a document can be read lazily too and a
//! warning's pointer is the document's own. Definitions stay where they are, as do the references to them.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::document::scalar;
use super::error::{Effect, SpecError, Warning};
use super::reference::{Resolve, Shared, count, follow};
use super::warnings::Warnings;

const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";
/// Style and `explode` of the collection format `csv`, the default.
const CSV: (&str, bool) = ("form", false);
/// Members of the root that the upgraded one says otherwise, or that no root of `OpenAPI` 3.0 has.
const APART: [&str; 5] = ["paths", "definitions", "parameters", "responses", "securityDefinitions"];
/// Members of a parameter that are not its schema's.
const OWN: [&str; 6] = ["name", "in", "description", "required", "allowEmptyValue", "collectionFormat"];

/// What a document's root says of its operations, which `OpenAPI` 3.0 says in each operation.
#[derive(Debug, Clone)]
pub(crate) struct Upgrade {
    host: String,
    base_path: String,
    consumes: Vec<String>,
    produces: Vec<String>,
}

impl Upgrade {
    /// The upgrade of a document by its root, where it is one of Swagger 2.0.
    pub(crate) fn of(root: &Map<String, Value>) -> Option<Self> {
        root.get("swagger")?;
        let text = |key: &str| {
            root.get(key).and_then(Value::as_str).map(str::trim).unwrap_or_default().trim_end_matches('/')
        };
        let base_path = text("basePath");
        // The specification asks for the slash; without one the path would become a part of the host's name.
        let slash = if base_path.is_empty() || base_path.starts_with('/') { "" } else { "/" };
        Some(Self {
            host: text("host").to_owned(),
            base_path: format!("{slash}{base_path}"),
            consumes: words(root, "consumes").unwrap_or_default(),
            produces: words(root, "produces").unwrap_or_default(),
        })
    }

    /// The root without its paths and components: with servers and security schemes.
    ///
    /// Servers and schemes of a service's document that is laid under this one stay, unless it says its own.
    pub(crate) fn root(&self, root: &Map<String, Value>) -> Map<String, Value> {
        let kept = root.iter().filter(|(key, _)| !APART.contains(&key.as_str()));
        let mut upgraded: Map<String, Value> =
            kept.map(|(key, value)| (key.clone(), value.clone())).collect();
        let says_where = !self.host.is_empty() || !self.base_path.is_empty();
        if says_where || !upgraded.contains_key("servers") {
            let servers = self.servers(words(root, "schemes").unwrap_or_default());
            upgraded.extend(servers.map(|servers| ("servers".to_owned(), servers)));
        }
        let schemes = root.get("securityDefinitions").and_then(Value::as_object).into_iter().flatten();
        let schemes: Map<_, _> = schemes.map(|(name, one)| (name.clone(), security_scheme(one))).collect();
        let components = upgraded.entry("components").or_insert_with(|| json!({}));
        if let Some(components) = components.as_object_mut()
            && let Some(known) =
                components.entry("securitySchemes").or_insert_with(|| json!({})).as_object_mut()
        {
            known.extend(schemes);
        }
        upgraded
    }

    /// The servers by schemes: `https` first, so that a choice by default sends no secret in clear. What is not said
    /// is that of the document's own place (Swagger 2.0, `host` and `schemes`): a URL without a scheme is relative to
    /// it, and so is one whose host is empty, such as `https:///v1`.
    fn servers(&self, schemes: Vec<String>) -> Option<Value> {
        let Self { host, base_path, .. } = self;
        if host.contains("://") {
            return Some(json!([{"url": format!("{host}{base_path}")}]));
        }
        let mut schemes = callable(schemes);
        if host.is_empty() && schemes.len() != 1 {
            // Of several schemes the place's own is the one that is known to be served there.
            return (!base_path.is_empty()).then(|| json!([{"url": base_path}]));
        }
        if schemes.is_empty() {
            return Some(json!([{"url": format!("//{host}{base_path}")}]));
        }
        schemes.sort_by_key(|scheme| scheme != "https");
        let urls = schemes.iter().map(|scheme| json!({"url": format!("{scheme}://{host}{base_path}")}));
        Some(urls.collect())
    }

    /// The servers of an operation that has its own `schemes`.
    pub(crate) fn own_servers(&self, operation: &Map<String, Value>) -> Map<String, Value> {
        let schemes = words(operation, "schemes").filter(|schemes| !schemes.is_empty());
        let servers = schemes.and_then(|schemes| self.servers(schemes));
        servers.map(|servers| ("servers".to_owned(), servers)).into_iter().collect()
    }

    /// The request body that the body and form parameters of an operation and its path item make.
    pub(crate) fn request_body(
        &self,
        operation: &Map<String, Value>,
        lists: &[(Option<&Value>, &str)],
        resolver: &dyn Resolve,
    ) -> Result<Option<Value>, SpecError> {
        let mut body = None;
        let mut fields = IndexMap::new();
        for (list, pointer) in lists {
            for (number, parameter) in list.and_then(Value::as_array).into_iter().flatten().enumerate() {
                let parameter = follow(parameter, resolver, &format!("{pointer}/{number}"))?;
                let Value::Object(parameter) = &*parameter else { continue };
                match parameter.get("in").and_then(Value::as_str) {
                    Some("body") => body = Some(parameter.clone()),
                    Some("formData") => {
                        let name = parameter.get("name").and_then(scalar).unwrap_or_default();
                        fields.insert(name, parameter.clone());
                    }
                    _ => {}
                }
            }
        }
        let consumes = words(operation, "consumes").unwrap_or_else(|| self.consumes.clone());
        let size = body.iter().chain(fields.values()).flat_map(Map::values).map(count).sum::<usize>();
        if !resolver.targets().budget.steps(size.saturating_mul(consumes.len())) {
            return Ok(None);
        }
        Ok(match body {
            Some(body) => Some(whole(&body, consumes)),
            None if fields.is_empty() => None,
            None => Some(form(&fields, consumes)),
        })
    }

    /// A response with its content in the operation's media types.
    pub(crate) fn response(&self, response: &Value, operation: &Map<String, Value>) -> Value {
        let Some(schema) = response.get("schema") else { return Value::Null };
        let mut produces = words(operation, "produces").unwrap_or_else(|| self.produces.clone());
        if produces.is_empty() {
            produces.push("application/json".to_owned());
        }
        // The schema of the first type is the one that is read.
        let content = produces
            .into_iter()
            .enumerate()
            .map(|(number, name)| (name, if number == 0 { json!({"schema": schema}) } else { Value::Null }));
        json!({"content": content.collect::<Map<_, _>>()})
    }
}

/// The schemes that can be called; those of a document that has no such stay, so that its calls say what is wrong.
fn callable(schemes: Vec<String>) -> Vec<String> {
    let is_web = |scheme: &String| matches!(scheme.as_str(), "http" | "https");
    if schemes.iter().any(is_web) { schemes.into_iter().filter(is_web).collect() } else { schemes }
}

/// A list of words, where one is given.
fn words(owner: &Map<String, Value>, key: &str) -> Option<Vec<String>> {
    owner.get(key).and_then(Value::as_array).map(|words| words.iter().filter_map(scalar).collect())
}

/// A parameter as `OpenAPI` 3.0 says it; `None` for one that is the body or a field of it.
pub(crate) fn parameter<'v>(
    parameter: Shared<'v>,
    pointer: &str,
    warnings: &mut Warnings,
) -> Option<Shared<'v>> {
    let Value::Object(given) = &*parameter else { return Some(parameter) };
    let location = given.get("in").and_then(Value::as_str).unwrap_or_default();
    if matches!(location, "body" | "formData") {
        return None;
    }
    let own = given.iter().filter(|(key, _)| !is_of_schema(key) && *key != "collectionFormat");
    let mut upgraded: Map<String, Value> = own.map(|(key, value)| (key.clone(), value.clone())).collect();
    upgraded.insert("schema".to_owned(), schema(given));
    if let Some((style, explode)) = collection(given) {
        let by_commas = matches!(location, "path" | "header");
        if by_commas && (style, explode) != CSV {
            let problem = format!("a {location} parameter cannot be written so; read as `csv`");
            warnings.push(Warning::new(format!("{pointer}/collectionFormat"), problem, Effect::Assumed));
        }
        let (style, explode) = if by_commas { ("simple", false) } else { (style, explode) };
        upgraded.insert("style".to_owned(), style.into());
        upgraded.insert("explode".to_owned(), explode.into());
    }
    Some(Value::Object(upgraded).into())
}

/// Whether a parameter's member belongs to its schema.
fn is_of_schema(key: &str) -> bool {
    let is_own = OWN.contains(&key) || key.starts_with("x-");
    !is_own || matches!(key, "x-nullable" | "x-extensible-enum")
}

/// The schema of a parameter that is no body: the members that are not its own.
fn schema(parameter: &Map<String, Value>) -> Value {
    if let Some(schema) = parameter.get("schema").filter(|schema| schema.is_object()) {
        return schema.clone();
    }
    let members = parameter.iter().filter(|(key, _)| is_of_schema(key));
    let mut schema: Map<String, Value> = members.map(|(key, value)| (key.clone(), value.clone())).collect();
    say_binary(&mut schema);
    if let Some(Value::Object(items)) = schema.get_mut("items") {
        say_binary(items);
    }
    Value::Object(schema)
}

fn is_file(kind: Option<&Value>) -> bool {
    kind.is_some_and(|kind| kind == "file")
}

/// A file, or an array of files, which the specification does not have but documents do.
fn holds_files(field: &Map<String, Value>) -> bool {
    is_file(field.get("type")) || is_file(field.get("items").and_then(|items| items.get("type")))
}

fn say_binary(schema: &mut Map<String, Value>) {
    if is_file(schema.get("type")) {
        schema.insert("type".to_owned(), "string".into());
        schema.insert("format".to_owned(), "binary".into());
    }
}

/// The style and `explode` of an array by its `collectionFormat`.
fn collection(parameter: &Map<String, Value>) -> Option<(&'static str, bool)> {
    if parameter.get("type").and_then(Value::as_str) != Some("array") {
        return None;
    }
    Some(match parameter.get("collectionFormat").and_then(Value::as_str) {
        Some("ssv") => ("spaceDelimited", false),
        Some("tsv") => ("tabDelimited", false),
        Some("pipes") => ("pipeDelimited", false),
        Some("multi") => ("form", true),
        _ => CSV,
    })
}

/// The request body of a `body` parameter.
fn whole(parameter: &Map<String, Value>, mut consumes: Vec<String>) -> Value {
    if consumes.is_empty() {
        consumes.push("application/json".to_owned());
    }
    let media_type = match parameter.get("schema") {
        Some(schema) => json!({"schema": schema}),
        None => json!({}),
    };
    let content: Map<_, _> = consumes.into_iter().map(|name| (name, media_type.clone())).collect();
    json!({"required": parameter.get("required"), "content": content})
}

/// The request body of `formData` parameters: multipart where one is a file.
fn form(fields: &IndexMap<String, Map<String, Value>>, consumes: Vec<String>) -> Value {
    let is_required = |field: &Map<String, Value>| field.get("required") == Some(&Value::Bool(true));
    let has_file = fields.values().any(holds_files);
    let (mut properties, mut encoding) = (Map::new(), Map::new());
    for (name, field) in fields {
        let mut property = schema(field);
        if let (Some(property), Some(text)) = (property.as_object_mut(), field.get("description")) {
            property.insert("description".to_owned(), text.clone());
        }
        properties.insert(name.clone(), property);
        if let Some((style, explode)) = collection(field).filter(|_| !holds_files(field)) {
            encoding.insert(name.clone(), json!({"style": style, "explode": explode}));
        }
    }
    let required: Vec<&String> =
        fields.iter().filter(|(_, field)| is_required(field)).map(|(name, _)| name).collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    let media_type = json!({"schema": schema, "encoding": encoding});
    let takes = |name: &String| name.starts_with(MULTIPART) || (name.starts_with(FORM) && !has_file);
    let mut names: Vec<String> = consumes.into_iter().filter(takes).collect();
    if names.is_empty() {
        names.push(if has_file { MULTIPART } else { FORM }.to_owned());
    }
    let content: Map<_, _> = names.into_iter().map(|name| (name, media_type.clone())).collect();
    json!({"required": !required.is_empty(), "content": content})
}

/// A security definition as a Security Scheme Object.
fn security_scheme(definition: &Value) -> Value {
    let text = |key: &str| definition.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut scheme = definition.clone();
    match text("type") {
        "basic" => {
            scheme["type"] = json!("http");
            scheme["scheme"] = json!("basic");
        }
        "oauth2" => {
            let name = match text("flow") {
                "application" => "clientCredentials",
                "accessCode" => "authorizationCode",
                other => other,
            };
            let mut flow = json!({"scopes": definition.get("scopes").cloned().unwrap_or_else(|| json!({}))});
            for key in ["authorizationUrl", "tokenUrl"] {
                if let Some(url) = definition.get(key) {
                    flow[key] = url.clone();
                }
            }
            scheme["flows"] = json!({name: flow});
        }
        _ => {}
    }
    scheme
}
