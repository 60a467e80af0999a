//! Every operation of the built-in table, called with arguments made from its schemas.
//!
//! What must come out is worked out here from the document's words alone, apart from the code under test.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use opcall::{
    Argument, Command, FilePart, Harness, Location, MediaType, Method, Operation, OperationTable, Parameter,
    Params, Style,
};
use serde_json::{Map, Value, json};

/// Values that the patterns of the documents ask for.
const TEXTS: [&str; 12] = [
    "a text/with &more",
    "plain",
    "12",
    "true",
    "full",
    "aws",
    "gov",
    "provisioned",
    "us-east-1",
    "123456789012",
    "6f1c2b3a-9d8e-4f70-a1b2-c3d4e5f60718",
    "arn:aws:iam::123456789012:role/x",
];

fn parsed(text: &str) -> Value {
    if text.is_empty() { json!({}) } else { serde_json::from_str(text).unwrap() }
}

/// Below this only what is required is made: schemas may name themselves.
const DEEP: usize = 8;

/// Makes values that fit the schemas of an operation, with every property.
struct Sampler<'t> {
    operation: Operation<'t>,
    /// The references that lead to the value being made.
    references: Vec<String>,
}

impl Sampler<'_> {
    fn value(&mut self, schema: &Value) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            let target = self
                .operation
                .schema(reference)
                .unwrap_or_else(|| panic!("{:?}: {reference}", self.operation));
            self.references.push(reference.to_owned());
            let value = self.value(&parsed(target));
            self.references.pop();
            return value;
        }
        if let Some(choices) = schema["enum"].as_array() {
            return choice(schema, &choices[0]);
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let parts: Vec<_> = parts.iter().map(|part| self.value(part)).collect();
            return parts
                .iter()
                .filter_map(Value::as_object)
                .flatten()
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
        }
        if let Some(parts) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
            return self.value(&parts[0]);
        }
        match schema["type"].as_str() {
            Some("integer") => schema["minimum"].as_i64().map_or(json!(7), |least| json!(least.max(1))),
            Some("number") => json!(1.5),
            Some("boolean") => json!(false),
            Some("string") => text(schema).into(),
            Some("array") => self.list(&schema["items"]),
            _ => self.object(schema),
        }
    }

    fn list(&mut self, items: &Value) -> Value {
        if self.references.len() > DEEP {
            return json!([]);
        }
        match self.value(items) {
            Value::String(one) if items["enum"].is_null() && items["pattern"].is_null() => {
                json!([one, format!("{one},2")])
            }
            item => json!([item]),
        }
    }

    fn object(&mut self, schema: &Value) -> Value {
        let mut members = Map::new();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let is_required = schema["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
            let is_endless = self.references.iter().any(|one| property["$ref"] == **one);
            if !is_endless && (is_required || self.references.len() <= DEEP) {
                members.insert(name.clone(), self.value(property));
            }
        }
        members.into()
    }
}

fn sample(operation: Operation<'_>, schema: &str) -> Value {
    Sampler { operation, references: Vec::new() }.value(&parsed(schema))
}

/// The first value of an enum. Some documents join all of them into one text, set them on the array of the
/// items, or write numbers for texts.
fn choice(schema: &Value, first: &Value) -> Value {
    match (schema["type"].as_str(), first) {
        (Some("array"), _) if schema["items"]["type"] == "integer" => json!([7]),
        (Some("array"), first) => json!([first]),
        (Some("string"), Value::String(all)) => all.split(',').next().into(),
        (Some("string"), first) => first.to_string().into(),
        (_, first) => first.clone(),
    }
}

fn text(schema: &Value) -> String {
    let least = usize::try_from(schema["minLength"].as_u64().unwrap_or(0)).unwrap();
    let most = usize::try_from(schema["maxLength"].as_u64().unwrap_or(99)).unwrap();
    let pattern = regex_lite::Regex::new(schema["pattern"].as_str().unwrap_or(".*")).unwrap();
    let padded = TEXTS.iter().map(|one| one.to_string() + &"x".repeat(least.saturating_sub(one.len())));
    let long = ["0".repeat(32), format!("o-{}", "a".repeat(12))];
    let mut fits = padded.chain(long).filter(|one| one.chars().count() <= most && pattern.is_match(one));
    fits.next().unwrap_or_else(|| panic!("no text fits {schema}"))
}

/// Percent-encoding of everything but the unreserved characters (RFC 3986 §2.3).
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
    }
    out
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a query parameter must look like.
fn query_of(parameter: Parameter<'_>, value: &Value) -> String {
    assert_eq!((parameter.style(), parameter.content()), (Style::Form, None), "{parameter:?}");
    let name = encoded(parameter.name());
    match value.as_array() {
        Some(items) if parameter.explode() => {
            let pairs: Vec<_> =
                items.iter().map(|item| format!("{name}={}", encoded(&plain(item)))).collect();
            pairs.join("&")
        }
        Some(items) => {
            let texts: Vec<_> = items.iter().map(|item| encoded(&plain(item))).collect();
            format!("{name}={}", texts.join(","))
        }
        None => format!("{name}={}", encoded(&plain(value))),
    }
}

/// A call of an operation with everything it declares, and what must come out.
struct Case<'t> {
    operation: Operation<'t>,
    params: Params,
    url_end: String,
    headers: Vec<(String, String)>,
    media_type: Option<&'t str>,
    body: Value,
}

impl<'t> Case<'t> {
    fn new(operation: Operation<'t>) -> Self {
        let mut case = Self {
            operation,
            params: Params::new(),
            url_end: operation.path().split('#').next().unwrap().to_owned(),
            headers: Vec::new(),
            media_type: None,
            body: Value::Null,
        };
        case.parameters();
        if let Some(media) = operation.body().and_then(|body| preferred(body.media_types())) {
            case.media_type = Some(media.name());
            case.body(media);
        }
        case
    }

    fn parameters(&mut self) {
        let mut query = Vec::new();
        for parameter in self.operation.parameters() {
            let value = sample(self.operation, parameter.schema().text());
            match parameter.location() {
                Location::Path => {
                    let variable = format!("{{{}}}", parameter.name());
                    assert!(self.url_end.contains(&variable), "{:?}: {variable}", self.operation);
                    self.url_end = self.url_end.replace(&variable, &encoded(&plain(&value)));
                }
                Location::Query => query.push(query_of(parameter, &value)),
                Location::Header => self.headers.push((parameter.name().to_ascii_lowercase(), plain(&value))),
                other => panic!("{other:?}"),
            }
            self.params.insert(parameter.name(), value);
        }
        if !query.is_empty() {
            write!(self.url_end, "?{}", query.join("&")).unwrap();
        }
    }

    fn body(&mut self, media: MediaType<'_>) {
        let binary: HashMap<&str, bool> =
            media.properties().map(|one| (one.name(), one.schema().is_binary())).collect();
        let whole = sample(self.operation, media.schema().text());
        let Value::Object(members) = &whole else {
            if media.name() == "application/octet-stream" {
                self.params.insert("body", FilePart::bytes(b"\xff\x00".to_vec()));
                self.body = json!({"base64": "/wA="});
            } else {
                self.params.insert("body", whole.clone());
                self.body = json!({"json": whole});
            }
            return;
        };
        if media.properties().len() == 0 && self.operation.graphql().is_none() {
            self.params.insert("body", json!({"any": 1}));
            self.body = json!({"json": {"any": 1}});
            return;
        }
        if let Some(graphql) = self.operation.graphql() {
            let fields = graphql.input().and_then(|input| members.get(input)).and_then(Value::as_object);
            for (name, value) in members.iter().filter(|(name, _)| Some(name.as_str()) != graphql.input()) {
                self.argument(name, value.clone().into());
            }
            for (name, value) in fields.into_iter().flatten() {
                self.argument(name, value.clone().into());
            }
            let name = graphql.operation_name();
            let sent = json!({"query": graphql.query(), "operationName": name, "variables": members});
            self.body = json!({"json": sent});
            return;
        }
        for (name, value) in members {
            let is_file = media.name() == "multipart/form-data" && binary.get(name.as_str()) == Some(&true);
            let value = if is_file { FilePart::bytes("x").into() } else { Argument::from(value.clone()) };
            self.argument(name, value);
        }
        self.body = match media.name() {
            "application/x-www-form-urlencoded" => json!({"form": pairs(members)}),
            "multipart/form-data" => json!({"multipart": pairs(members)}),
            _ => json!({"json": members}),
        };
    }

    /// A property of the body, named by its place where a parameter has the same name.
    fn argument(&mut self, name: &str, value: Argument) {
        let is_parameter = self.operation.parameters().any(|one| one.name() == name);
        let name = if is_parameter { format!("body.{name}") } else { name.to_owned() };
        self.params.insert(name, value);
    }

    fn check(self, harness: &Harness) {
        let id =
            format!("{}:{} {}", self.operation.service(), self.operation.method(), self.operation.path());
        let command: Command<'_> = harness.command(&id, self.params.clone());
        let request = command.prepare().unwrap_or_else(|error| panic!("{id}: {error}\n{:?}", self.params));
        assert_eq!(request.warnings(), [], "{id}");
        let shown: Value = serde_json::from_str(&request.to_json()).unwrap();
        let url = shown["url"].as_str().unwrap();
        assert!(url.ends_with(&self.url_end) && !url.contains(['{', '}']), "{id}\n{url}\n{}", self.url_end);
        assert_eq!(url::Url::parse(url).unwrap().as_str(), url, "{id}");
        let header = |wanted: &str| {
            let headers = shown["headers"].as_array().unwrap();
            headers.iter().find(|one| one[0] == wanted).map(|one| one[1].as_str().unwrap().to_owned())
        };
        assert_eq!(header("content-type").as_deref(), self.media_type, "{id}");
        for (name, value) in &self.headers {
            assert_eq!(header(name).as_ref(), Some(value), "{id}");
        }
        let mut body = shown["body"].clone();
        if let Some(parts) = body["multipart"].as_array() {
            body = json!({"multipart": parts.iter().map(part_pair).collect::<Vec<_>>()});
        } else if body["form"].is_array() {
            body = json!({"form": body["form"]});
        }
        assert_eq!(body, self.body, "{id}");
    }
}

fn part_pair(part: &Value) -> Value {
    if part["filename"].is_null() {
        return json!([part["name"], part["text"]]);
    }
    assert_eq!(part["content_type"], "application/octet-stream");
    json!([part["name"], TEXTS[0]])
}

fn pairs(members: &Map<String, Value>) -> Vec<Value> {
    let each = |(name, value): (&String, &Value)| -> Vec<Value> {
        let list = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        list.iter().map(|one| json!([name, plain(one)])).collect()
    };
    members.iter().flat_map(each).collect()
}

/// The media type that the rules prefer, among those the table has.
fn preferred<'t>(media_types: impl Iterator<Item = MediaType<'t>>) -> Option<MediaType<'t>> {
    let order = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"];
    let rank =
        |media: &MediaType<'_>| order.iter().position(|one| *one == media.name()).unwrap_or(order.len());
    media_types.min_by_key(rank)
}

fn harness() -> Harness {
    Harness::builder().env(|_| None).build().unwrap()
}

#[test]
fn every_operation_is_called_with_all_it_declares() {
    let harness = harness();
    let mut with_body = Vec::new();
    let mut count = 0;
    for operation in OperationTable::built_in().iter() {
        let case = Case::new(operation);
        if matches!(operation.method(), Method::Get | Method::Head) && case.media_type.is_some() {
            with_body.push(operation.path().to_owned());
        }
        case.check(&harness);
        count += 1;
    }
    assert_eq!(count, 1_768);
    assert_eq!(with_body.len(), 2, "the only GET operations whose documents declare a body: {with_body:?}");
}

#[test]
fn no_operation_sends_a_body_or_its_type_on_get_without_declaring_one() {
    let harness = harness();
    let table = OperationTable::built_in();
    let is_get = |operation: &Operation<'_>| matches!(operation.method(), Method::Get | Method::Head);
    for operation in table.iter().filter(|one| is_get(one) && one.body().is_none()) {
        let id = format!("{}:{} {}", operation.service(), operation.method(), operation.path());
        let request = harness.command(&id, Case::new(operation).params).prepare().unwrap();
        assert_eq!(request.content(), &opcall::Content::None);
        assert!(request.headers().iter().all(|(name, _)| *name != "content-type"), "{id}");
    }
}

/// The IDs and aliases of a service's documents with method and path, read as plain YAML.
fn ids(folder: &Path) -> Vec<(String, Method, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let document: Value = yaml_serde::from_str(&text).unwrap();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().unwrap() {
                let Some(id) = operation["operationId"].as_str() else { continue };
                let aliases =
                    operation["x-aliases"].as_array().into_iter().flatten().filter_map(Value::as_str);
                for name in aliases.chain([id]) {
                    found.push((name.to_owned(), method.parse().unwrap(), path.clone()));
                }
            }
        }
    }
    found
}

#[test]
fn every_falcon_id_finds_its_operation() {
    let table = OperationTable::built_in();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let facts = root.join("../shared/facts/falcon");
    let all = ids(&if facts.exists() { facts } else { root.join("specs/falcon") });
    assert_eq!(all.len(), 2_182);
    for (id, method, path) in all {
        let found = table.find(Some("falcon"), &id).unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!((found.method(), found.path()), (method, path.as_str()), "{id}");
    }
}

#[test]
fn graphql_operations_take_the_fields_of_their_input_object() {
    let harness = harness();
    let json = |id: &str, params: Value| -> Value {
        let request = harness.command(id.to_owned().leak(), params).prepare().unwrap();
        serde_json::from_str(&request.to_json()).unwrap()
    };
    let create = "organization_tokens_create";
    let fields = json!({"name": "ci", "organizationPermissions": "ManageUsers", "expireAt": "5"});
    let shown = json(create, fields);
    assert!(shown["url"].as_str().unwrap().ends_with("/graphql"));
    let input = json!({"name": "ci", "organizationPermissions": ["ManageUsers"], "expireAt": 5});
    assert_eq!(shown["body"]["json"]["variables"], json!({"input": input}));
    assert_eq!(json(create, json!({"input": input}))["body"], shown["body"]);
    let list = json("organization_tokens_query", json!({"limit": 5}));
    assert_eq!(list["body"]["json"]["variables"], json!({"limit": 5}), "absent variables stay absent");
    let problems = |params: Value| harness.command(create, params).prepare().unwrap_err().to_string();
    insta::assert_snapshot!(problems(json!({})), @r"
    organization_tokens_create: 2 arguments do not fit
      body.name                     is required
      body.organizationPermissions  is required
    ");
    insta::assert_snapshot!(problems(json!({"input": input, "name": "x", "nmae": 1})), @r"
    organization_tokens_create: 2 arguments do not fit
      body.name  cannot be set: `input` is given whole
      nmae       is not known here; nearest: name
    ");
    let far =
        json!({"name": "ci", "organizationPermissions": "ManageUsers", "expireAt": "99999999999999999999"});
    assert!(
        problems(far).contains("body.expireAt  must be from -9223372036854775808 to 9223372036854775807")
    );
    let new = json!({"name": "ci", "organizationPermissions": ["NewPermission"]});
    let request = harness.command(create, new).prepare().unwrap();
    assert_eq!(request.warnings()[0].path, "body.organizationPermissions[0]");
}

#[test]
fn installation_tokens_are_called_as_other_clients_call_them() {
    let harness = harness();
    let url = |id: &'static str, params: Value| {
        harness.command(id, params).prepare().unwrap().url().split_once(".com").unwrap().1.to_owned()
    };
    let path = "/installation-tokens/entities/tokens/v1";
    for ids in
        [json!({"ids": ["ID1", "ID2"]}), json!({"ids": "ID1,ID2"}), json!({"parameters": {"ids": "ID1,ID2"}})]
    {
        assert_eq!(url("tokens-read", ids), format!("{path}?ids=ID1&ids=ID2"));
    }
    let found = url("tokens_query", json!({"limit": "5", "filter": "status:'valid'"}));
    assert_eq!(found, "/installation-tokens/queries/tokens/v1?limit=5&filter=status%3A%27valid%27");
    let request = harness.command("tokens_create", json!({"label": "ci", "expires_timestamp": null}));
    let shown: Value = serde_json::from_str(&request.prepare().unwrap().to_json()).unwrap();
    assert_eq!(shown["body"]["json"], json!({"label": "ci", "expires_timestamp": null}));
    let request = harness.command("tokens_update", json!({"ids": "a", "body": {"revoked": false}}));
    let shown: Value = serde_json::from_str(&request.prepare().unwrap().to_json()).unwrap();
    assert_eq!(shown["body"]["json"], json!({"revoked": false}));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_told_before_anything_is_sent() {
    let harness = harness();
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("none"), folder.path().to_owned()] {
        let put = || harness.request("falcon", Method::Put, "/new", ()).body(FilePart::path(&path));
        for error in [put().prepare().unwrap_err(), put().await.unwrap_err()] {
            assert_eq!((error.kind(), error.was_sent()), ("io", false), "{error}");
            assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        }
    }
}

#[test]
fn a_server_that_would_be_folded_is_refused() {
    let harness = harness();
    let command = harness.command("tokens_query", ()).server("https://x.example/a/../b");
    assert_eq!(command.prepare().unwrap_err().kind(), "config");
}

#[test]
fn a_value_at_the_place_of_a_credential_stands_for_it() {
    let harness = harness();
    let list = || harness.command("panther:GET /api-tokens", ());
    let own = [
        list().header("X-API-Key", "canary").prepare().unwrap(),
        harness.command("panther:GET /api-tokens", [("header.X-API-Key", "canary")]).prepare().unwrap(),
    ];
    for request in own {
        let keys: Vec<_> = request.headers().into_iter().filter(|(name, _)| *name == "x-api-key").collect();
        assert_eq!(keys, [("x-api-key", "<redacted>".into())]);
        for shown in [request.to_json(), format!("{request:?}"), request.to_string()] {
            assert!(!shown.contains("canary"), "{shown}");
        }
        let line = request.to_string();
        assert!(
            line.contains("x-api-key: <redacted>") && !line.contains('$'),
            "what was given decides: {line}"
        );
    }
    assert!(
        list()
            .without_header("X-API-Key")
            .prepare()
            .unwrap()
            .headers()
            .iter()
            .all(|(name, _)| *name != "x-api-key")
    );
}
