//! Documents as a whole: what is read, what is passed over, and that both ways of reading agree.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

mod graphql;

use std::collections::HashMap;
use std::io;

use serde_json::{Value, json};

use super::*;
use crate::operation::{Location, PaginationKind, SchemeKind, Style, Types};

/// Files by name.
#[derive(Default)]
struct Files(HashMap<&'static str, String>);

impl Files {
    fn with(mut self, name: &'static str, text: &(impl ToString + ?Sized)) -> Self {
        self.0.insert(name, text.to_string());
        self
    }

    fn folder(&self) -> Result<Description, SpecError> {
        read_folder("specs/pets", self, Depth::Requests)
    }
}

impl Source for Files {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.0.get(path).map(|text| text.clone().into_bytes()).ok_or(io::ErrorKind::NotFound.into())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.keys().map(ToString::to_string).collect())
    }
}

fn document(paths: &Value) -> Value {
    json!({"openapi": "3.0.3", "info": {"title": "Pets", "version": "1"}, "paths": paths})
}

fn whole(document: &Value) -> Description {
    read("dir/pets.json", document.to_string().as_bytes(), &NoSource, Depth::Requests)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// What both ways of reading must agree on.
fn agree(document: &Value) {
    let text = document.to_string();
    let whole = whole(document);
    let index = index("dir/pets.json", &text, Limits::default()).unwrap().unwrap();
    assert_eq!(*index.service, whole.service);
    let lazy = (0..index.len()).filter_map(|number| {
        let (def, _) = index.extract(&text, number, Depth::Requests, &NoSource).ok()?;
        let entry = index.entry(&text, number).unwrap();
        assert_eq!((&*entry.id, &entry.method), (&*def.id, &def.method));
        assert_eq!((&entry.aliases, &*entry.path), (&def.aliases, &*def.path));
        Some(def)
    });
    assert_eq!(lazy.collect::<Vec<_>>(), whole.operations);
}

fn pets() -> Value {
    json!({
        "openapi": "3.0.3", "info": {"title": "Pets", "version": "1"},
        "servers": [{"url": "https://pets"}], "security": [{"key": []}],
        "x-comma-lists": true,
        "x-pagination": {"kind": "offset", "limit": "limit", "offset": "offset", "items": "/items"},
        "paths": {
            "/pets/{id}": {
                "summary": "A pet",
                "parameters": [{"$ref": "#/components/parameters/id"}, {"name": "q", "in": "query"}],
                "get": {"parameters": [
                    {"name": "q", "in": "query", "style": "pipeDelimited", "explode": false, "description": "own"},
                    {"name": "Authorization", "in": "header", "schema": {}},
                    {"name": "f", "in": "query", "content": {"application/json": {"schema": {"type": "object"}}}}]},
                "put": {"operationId": "put pet", "x-aliases": ["pet-put"], "security": [], "deprecated": true,
                    "requestBody": {"$ref": "#/components/requestBodies/pet"}, "x-scope": "Pets: WRITE",
                    "x-host": {"eu": "https://eu"}, "servers": [{"url": "/v2"}], "x-idempotent": false,
                    "responses": {"200": {"$ref": "#/components/responses/pet"}, "default": {"description": ""}}},
            },
            "/pets": {"get": {"operationId": "list", "x-odd": 1, "parameters": [
                {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 9}},
                {"name": "offset", "in": "query", "schema": {"type": "integer"}}]},
              "post": {"operationId": "bad", "parameters": [{"$ref": "#/components/parameters/gone"}]}},
        },
        "components": {
            "parameters": {"id": {"name": "id", "in": "path", "schema": {"$ref": "#/components/schemas/Id"}}},
            "requestBodies": {"pet": {"required": true, "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/Pet"}},
                "multipart/form-data": {"schema": {"type": "object", "properties": {
                    "file": {"type": "string", "format": "binary"}}}, "encoding": {"file": {"contentType": "image/png"}}}}}},
            "responses": {"pet": {"description": "", "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}}}},
            "schemas": {
                "Id": {"type": "string", "minLength": 1},
                "Pet": {"type": "object", "required": ["name"], "properties": {
                    "id": {"allOf": [{"$ref": "#/components/schemas/Id"}], "readOnly": true},
                    "name": {"type": "string"}, "parent": {"$ref": "#/components/schemas/Pet"}}},
                "Answer": {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}}},
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
        },
    })
}

#[test]
fn an_operation_is_read_with_all_its_parts() {
    let description = whole(&pets());
    assert_eq!(description.format, "openapi 3.0.3");
    assert_eq!((description.service.name.as_str(), description.documents.len()), ("pets", 1));
    let [get, put, list] = description.operations.as_slice() else { panic!("{:?}", description.warnings) };

    assert_eq!((get.id.as_str(), get.id_is_made), ("get_pets_by_id", true));
    assert_eq!(get.summary.as_deref(), Some("A pet"));
    let names: Vec<_> =
        get.parameters.iter().map(|one| (one.name.as_str(), one.location, one.style)).collect();
    let expected = [
        ("id", Location::Path, Style::Simple),
        ("q", Location::Query, Style::PipeDelimited),
        ("f", Location::Query, Style::Form),
    ];
    assert_eq!(names, expected);
    assert!(get.parameters[0].required && get.parameters[0].schema.constrained);
    assert_eq!(get.parameters[1].description.as_deref(), Some("own"));
    assert_eq!(get.parameters[2].content.as_deref(), Some("application/json"));
    assert_eq!(get.security.len(), 1);
    assert_eq!(get.schemas.len(), 1);

    assert_eq!((put.security.len(), put.servers.len(), put.deprecated), (0, 1, true));
    assert_eq!(put.hosts, [("eu".to_owned(), "https://eu".to_owned())]);
    assert_eq!((put.idempotent, put.scope.as_deref()), (Some(false), Some("Pets: WRITE")));
    let body = put.body.as_ref().unwrap();
    let [pet, form] = body.media_types.as_slice() else { panic!("two media types") };
    let names: Vec<_> =
        pet.properties.iter().map(|one| (one.name.as_str(), one.required, one.read_only)).collect();
    assert_eq!(names, [("id", false, true), ("name", true, false), ("parent", false, false)]);
    assert!(!pet.open && form.properties[0].schema.binary && form.encoding.is_some());
    assert_eq!(put.responses[0].media_types, ["application/json"]);
    assert_eq!(
        put.schemas.iter().map(|one| one.0.rsplit('/').next().unwrap()).collect::<Vec<_>>(),
        ["Id", "Pet"]
    );

    assert_eq!(list.pagination.as_ref().map(|pages| pages.kind), Some(PaginationKind::Offset));
    assert!(get.pagination.is_none() && list.comma_lists);
    assert_eq!(list.parameters[0].schema.types, Types::INTEGER);
    assert!(list.parameters[0].schema.constrained && !list.parameters[1].schema.constrained);
}

#[test]
fn a_broken_operation_is_passed_over_and_named() {
    let description = whole(&pets());
    assert_eq!(description.skipped(), 1);
    let warning = &description.warnings[0];
    assert_eq!(warning.pointer, "#/paths/~1pets/post");
    assert!(warning.problem.contains("#/components/parameters/gone"), "{warning}");
    assert_eq!(warning.to_string().matches("operation skipped").count(), 1);
}

#[test]
fn both_ways_of_reading_agree() {
    agree(&pets());
    agree(&document(&json!({"/a\"b/{x}": {"get": {}}, "no-slash": {"patch": {"tags": ["\\", "}"]}}})));
    let references_everywhere = json!({"/a": {"post": {"parameters": [{"$ref": "#/paths/~1b/get/parameters/0"}]}},
        "/b": {"get": {"parameters": [{"name": "b", "in": "query", "schema": {"$ref": "#/components/schemas/x~1y"}}]}}});
    let mut document = document(&references_everywhere);
    document["components"] = json!({"schemas": {"x/y": {"type": "boolean"}}});
    agree(&document);
}

#[test]
fn yaml_is_indexed_as_json() {
    let (text, warnings) =
        json("a.yaml", b"openapi: 3.0.3\npaths: {/a: {get: {}}}\npaths: {/b: {get: {}}}", Limits::default())
            .unwrap();
    assert_eq!(
        index("a.yaml", &text, Limits::default()).unwrap().unwrap().entry(&text, 0).unwrap().id,
        "get_b"
    );
    assert_eq!((warnings[0].file.as_str(), warnings[0].pointer.as_str()), ("a.yaml", "#/paths"));
    assert!(matches!(json("a.json", b"{", Limits::default()).unwrap().0, std::borrow::Cow::Borrowed("{")));
    assert_eq!(json("a", b"{a: b}", Limits::default()).unwrap().0, "{\"a\":\"b\"}");
}

#[test]
fn webhooks_alone_are_told_of_in_both_readings() {
    for (webhooks, paths, is_told) in [
        (json!({"w": {"post": {}}}), json!({}), true),
        (json!({"w": {"post": {}}}), json!({"/a": {"get": {}}}), false),
        (json!({}), json!({}), false),
        (json!({"w": {"post": {}}}), json!({"x-a": 1}), false),
    ] {
        let mut document = document(&paths);
        document["webhooks"] = webhooks;
        let text = document.to_string();
        let index = index("dir/pets.json", &text, Limits::default()).unwrap().unwrap();
        assert_eq!(index.warnings.len(), usize::from(is_told), "{text}");
        let mut located = index.warnings;
        position::locate(&text, &mut located);
        assert_eq!(located, whole(&document).warnings, "{text}");
    }
}

#[test]
fn broken_json_is_told_of_as_json_whatever_its_file_is_called() {
    let text = "{\"openapi\":\"3.0.3\",\n\"paths\":{\"/a\":{\"get\":{\"operationId\":\"a\" \"x\":1}}}}";
    for name in ["t6.json", "t6", "t6.yaml"] {
        let error = read(name, text.as_bytes(), &NoSource, Depth::Requests).unwrap_err();
        assert!(error.problem.starts_with("not readable as JSON"), "{error}");
        assert_eq!(open(name, text, &NoSource).err().unwrap(), error, "{name}");
        if name != "t6.json" {
            assert_eq!(json(name, text.as_bytes(), Limits::default()).unwrap_err(), error, "{name}");
        }
    }
}

#[test]
fn what_cannot_be_read_lazily_is_left_to_the_whole_reading() {
    for item in [json!({"$ref": "#/x"}), json!({"get": {"$ref": "#/x"}}), json!({"get": 1}), json!([])] {
        assert!(
            index("a.json", &document(&json!({"/a": item})).to_string(), Limits::default())
                .unwrap()
                .is_none()
        );
    }
    assert!(index("a.yaml", "openapi: 3.0.3", Limits::default()).unwrap().is_none());
    assert!(index("a.json", "{\"openapi\": ", Limits::default()).unwrap().is_none());
    assert!(
        index("a.json", "{\"openapi\": \"3.1.0\", \"webhooks\": {}}", Limits::default()).unwrap().is_none()
    );
    assert!(index("a.json", "{\"swagger\": \"1.2\", \"paths\": {}}", Limits::default()).is_err());
}

#[test]
fn answers_are_read_when_asked_for() {
    let text = pets().to_string();
    let description = read("pets.json", text.as_bytes(), &NoSource, Depth::Answers).unwrap();
    let put = &description.operations[1];
    assert_eq!(put.responses[0].schema.as_deref(), Some(r##"{"$ref":"#/components/schemas/Answer"}"##));
    assert_eq!(put.schemas.len(), 3, "Answer, and what it reaches");
}

#[test]
fn path_parameters_and_the_template_are_made_to_agree() {
    let description = whole(&document(&json!({"/a/{x}/{x}": {"get": {"parameters": [
        {"name": "y", "in": "path", "required": true, "schema": {}}]}}})));
    let names: Vec<_> = description.operations[0].parameters.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["x"]);
    assert_eq!(description.warnings.len(), 2);
}

#[test]
fn a_style_out_of_place_is_read_as_the_default() {
    let description = whole(&document(&json!({"/a": {"get": {"parameters": [
        {"name": "h", "in": "header", "style": "form", "schema": {}},
        {"name": "p", "in": "query", "style": "pipeDelimited", "explode": true, "schema": {}}]}}})));
    let styles: Vec<_> =
        description.operations[0].parameters.iter().map(|one| (one.style, one.explode)).collect();
    assert_eq!(styles, [(Style::Simple, false), (Style::Form, true)]);
    assert_eq!(description.warnings.len(), 2);
}

#[test]
fn identifiers_given_twice_all_load() {
    let twice = json!({"/a": {"get": {"operationId": "x"}, "put": {"operationId": "x"}}});
    let description = whole(&document(&twice));
    assert_eq!(description.operations.len(), 2);
    assert_eq!(description.warnings[0].effect, Effect::Ambiguous);
    assert_eq!(description.warnings[0].pointer, "#/paths/~1a/put");
}

#[test]
fn references_lead_to_files_beside_the_document() {
    let files = Files::default()
        .with(
            "a.yaml",
            &document(&json!({"/a": {"$ref": "paths/a.yaml#/item"}, "/b": {"$ref": "../x.yaml"}})),
        )
        .with(
            "paths/a.yaml",
            &json!({"item": {"get": {"parameters": [{"$ref": "../p.yaml#/p"}, {"$ref": "#/own"}]}},
            "own": {"name": "own", "in": "query", "schema": {"$ref": "#/item"}}}),
        )
        .with("p.yaml", &json!({"p": {"name": "p", "in": "query", "schema": {"type": "string"}}}));
    let description = read("dir/a.yaml", &files.read("a.yaml").unwrap(), &files, Depth::Requests).unwrap();
    let names: Vec<_> = description.operations[0].parameters.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["p", "own"]);
    assert_eq!(
        description.operations[0].schemas.iter().map(|one| &*one.0).collect::<Vec<_>>(),
        ["p.yaml#/p", "paths/a.yaml#/item", "paths/a.yaml#/own"]
    );
    assert_eq!(description.skipped(), 1, "a reference out of the folder");
}

#[test]
fn data_in_a_file_beside_the_document_stays_as_it_is() {
    let body = json!({"content": {"application/json": {"schema": {"$ref": "sub/s.json#/A"}}}});
    let path = json!({"post": {"operationId": "a", "requestBody": body}});
    let schema = json!({"type": "object", "const": {"$ref": "#/x"}, "default": {"a": [{"$ref": "#/x"}]},
        "properties": {"default": {"$ref": "#/B"}, "v": {"enum": [{"$ref": "#/x"}], "example": {"$ref": "#/x"}}},
        "dependentSchemas": {"const": {"$ref": "#/B"}}});
    let read = Files::default()
        .with("service.yaml", &document(&json!({"/a": path})))
        .with("sub/s.json", &json!({"A": schema, "B": {"title": "b"}}))
        .folder()
        .unwrap();
    let schemas: HashMap<&str, &str> =
        read.operations[0].schemas.iter().map(|(name, text)| (&**name, &**text)).collect();
    let wanted = schema.to_string().replace("#/B", "sub/s.json#/B");
    assert_eq!(schemas["sub/s.json#/A"], wanted);
    assert_eq!(schemas["sub/s.json#/B"], r#"{"title":"b"}"#);
}

#[test]
fn a_map_of_names_in_a_file_holds_no_data() {
    let parameters =
        json!([{"name": "q", "in": "query", "schema": {"$ref": "#/components/schemas/default"}}]);
    let mut root = document(&json!({"/a": {"get": {"operationId": "a", "parameters": parameters}}}));
    root["components"] = json!({"schemas": {"$ref": "sub/s.json"}});
    let read = Files::default()
        .with("service.yaml", &root)
        .with("sub/s.json", &json!({"default": {"allOf": [{"$ref": "#/B"}]}, "B": {"type": "integer"}}))
        .folder()
        .unwrap();
    assert_eq!(read.operations[0].parameters[0].schema.types, Types::INTEGER, "{:?}", read.warnings);
}

#[test]
fn a_folder_is_read_over_its_service_document() {
    let service = json!({"openapi": "3.0.3", "servers": [{"url": "https://s"}], "security": [{"k": []}],
        "x-service": "zoo", "components": {"securitySchemes": {"k": {"type": "http", "scheme": "bearer"}}}});
    let files = Files::default()
        .with("service.yaml", &service)
        .with("b.yaml", &document(&json!({"/b": {"get": {"operationId": "b"}}})))
        .with("a.json", &document(&json!({"/a": {"get": {"operationId": "a", "security": []}}})))
        .with("notes.txt", "none");
    let description = files.folder().unwrap();
    assert_eq!(description.warnings, []);
    assert_eq!((description.service.name.as_str(), description.documents.len()), ("zoo", 2));
    let ids: Vec<_> = description.operations.iter().map(|one| (one.id.as_str(), one.document)).collect();
    assert_eq!(ids, [("a", 0), ("b", 1)]);
    assert_eq!(description.operations[1].security[0][0].scheme, "k");
    assert!(description.operations[1].servers.is_empty(), "the service says it");
    assert!(Files::default().folder().is_err());
}

#[test]
fn a_service_document_lies_under_swagger_documents_too() {
    let service = json!({"openapi": "3.0.3", "servers": [{"url": "https://s"}], "security": [{"k": []}],
        "components": {"securitySchemes": {"k": {"type": "http", "scheme": "bearer"}}}});
    let swagger = json!({"swagger": "2.0", "securityDefinitions": {"b": {"type": "basic"}},
        "paths": {"/a": {"get": {}}, "/b": {"get": {"security": [{"b": []}]}}}});
    let description =
        Files::default().with("service.yaml", &service).with("a.json", &swagger).folder().unwrap();
    assert_eq!((description.format.as_str(), description.skipped()), ("swagger 2.0", 0));
    assert_eq!(description.service.servers[0].url, "https://s");
    let schemes = description.service.security_schemes.iter().map(|one| one.name.as_str());
    assert_eq!(schemes.collect::<Vec<_>>(), ["k", "b"]);
    assert_eq!(description.warnings, []);
}

#[test]
fn answers_of_swagger_documents_are_in_the_types_they_produce() {
    let swagger = json!({"swagger": "2.0", "produces": ["application/xml"], "paths": {"/a": {"get": {
        "responses": {"200": {"schema": {"$ref": "#/definitions/A"}}, "404": {"description": ""}}}}},
        "definitions": {"A": {"type": "object", "x-nullable": true}}});
    let read = read("a.json", swagger.to_string().as_bytes(), &NoSource, Depth::Answers).unwrap();
    let [found, missing] = read.operations[0].responses.as_slice() else { panic!("two answers") };
    assert_eq!(found.media_types, ["application/xml"]);
    assert_eq!(found.schema.as_deref(), Some(r##"{"$ref":"#/definitions/A"}"##));
    assert_eq!((missing.media_types.len(), missing.schema.as_deref()), (0, None));
    assert_eq!(&*read.operations[0].schemas[0].1, r#"{"type":"object","x-nullable":true,"nullable":true}"#);
}

/// What calls an operation of a folder has to sign in with, and where it is sent.
fn terms<'d>(read: &'d Description, id: &str) -> (Vec<&'d SchemeKind>, Vec<&'d str>) {
    let operation = read.operations.iter().find(|one| one.id == id).unwrap();
    let schemes = &read.service.security_schemes;
    let kinds = operation.security.iter().flatten();
    let kinds = kinds.filter_map(|one| schemes.iter().find(|scheme| scheme.name == one.scheme));
    let servers = if operation.servers.is_empty() { &read.service.servers } else { &operation.servers };
    (kinds.map(|scheme| &scheme.kind).collect(), servers.iter().map(|one| one.url.as_str()).collect())
}

#[test]
fn what_a_document_of_a_folder_says_holds_for_its_own_operations() {
    let of = |id: &str, servers: Value, schemes: Value| {
        let mut document = document(&json!({(format!("/{id}")): {"get": {"operationId": id}}}));
        document["security"] = json!([{"key": []}]);
        document["servers"] = servers;
        document["components"] = json!({"securitySchemes": schemes});
        document
    };
    let key = |place: &str, name: &str| json!({"key": {"type": "apiKey", "in": place, "name": name}});
    let kind = |location, name: &str| SchemeKind::ApiKey { location, name: name.to_owned() };
    let files = Files::default()
        .with("a.json", &of("fa", json!([{"url": "https://x.test"}]), key("header", "X-A")))
        .with("b.json", &of("fb", json!(null), key("query", "tokenB")))
        .with("c.json", &of("fc", json!([{"url": "https://x.test"}]), key("header", "X-A")))
        .with("d.json", &of("fd", json!([{"url": "https://d.test"}]), json!({})));
    let read = files.folder().unwrap();
    assert_eq!(terms(&read, "fa"), (vec![&kind(Location::Header, "X-A")], vec!["https://x.test"]));
    assert_eq!(terms(&read, "fb"), (vec![&kind(Location::Query, "tokenB")], vec![""]));
    assert_eq!(terms(&read, "fc"), terms(&read, "fa"));
    assert_eq!(terms(&read, "fd"), (vec![], vec!["https://d.test"]), "its own document has no such scheme");
    let told: Vec<_> = read.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "specs/pets/b.json:1:175#/components/securitySchemes/key: another document of the folder has a security \
             scheme `key` too; this one is called `key_b` (read as the nearest valid form)",
            "specs/pets/d.json:1:103#/security: the document has no security scheme `key` (calls cannot sign in by it)",
        ]
    );

    let late = Files::default()
        .with("a.json", &of("fa", json!(null), json!({})))
        .with("b.json", &of("fb", json!(null), key("query", "tokenB")));
    let read = late.folder().unwrap();
    assert_eq!((terms(&read, "fa").0, terms(&read, "fb").0.len()), (vec![], 1));
}

#[test]
fn a_path_key_and_its_parameters_agree() {
    let parameter = |name: &str, place: &str| json!({"name": name, "in": place, "required": place == "path", "schema": {"type": "string"}});
    for (key, declared, expected) in [
        ("/a/{id:[0-9]+}", vec![("id", "path")], vec![("id", Location::Path)]),
        ("/a/{id:[0-9]{3}}", vec![("id", "path")], vec![("id", Location::Path)]),
        ("/a/{a:b}", vec![("a:b", "path")], vec![("a:b", Location::Path)]),
        ("/a/{ id }", vec![("id", "path")], vec![("id", Location::Path)]),
        ("/a?q={q}", vec![("q", "query")], vec![("q", Location::Query)]),
        ("/a?q={q}", vec![("q", "path")], vec![("q", Location::Path)]),
        (
            "/a/{q}?q={q}",
            vec![("q", "path"), ("q", "query")],
            vec![("q", Location::Path), ("q", Location::Query)],
        ),
    ] {
        let declared: Vec<Value> = declared.iter().map(|(name, place)| parameter(name, place)).collect();
        let read = whole(&document(&json!({(key): {"get": {"operationId": "a", "parameters": declared}}})));
        assert_eq!(read.warnings, [], "{key}");
        let found: Vec<_> =
            read.operations[0].parameters.iter().map(|one| (one.name.as_str(), one.location)).collect();
        assert_eq!(found, expected, "{key}");
    }
    let told = |key: &str, declared: Value| {
        let read = whole(&document(&json!({(key): {"get": {"operationId": "a", "parameters": declared}}})));
        let problems: Vec<_> = read.warnings.iter().map(|one| one.problem.clone()).collect();
        (read.operations[0].parameters.len(), problems)
    };
    let assumed = |place: &str, name: &str| {
        format!("no {place} parameter `{name}` is declared; read as a required string")
    };
    assert_eq!(told("/a/{x}?q={q}&x={x}", json!([])), (2, vec![assumed("path", "x"), assumed("query", "q")]));
    assert_eq!(told("/a#b={x}", json!([])), (0, vec![]));
    let gone = "the path has no `{x}` for the parameter of that name".to_owned();
    assert_eq!(told("/a#b={x}", json!([parameter("x", "path")])), (0, vec![gone]));
}

#[test]
fn a_version_is_one_with_names_or_without_in_both_readings() {
    for (version, is_found) in
        [(json!("3.1.0"), true), (json!(3.1), true), (json!("3.0.3"), false), (json!(3.0), false)]
    {
        let body = json!({"content": {"application/json": {"schema": {"$ref": "https://s.test/pet"}}}});
        let mut document = document(&json!({"/a": {"post": {"operationId": "a", "requestBody": body}}}));
        document["openapi"] = version.clone();
        document["components"] = json!({"schemas": {"pet": {"$id": "https://s.test/pet", "type": "object"}}});
        let read = whole(&document);
        assert_eq!(read.warnings.is_empty(), is_found, "{version}");
        assert_eq!(!read.operations[0].schemas.is_empty(), is_found, "{version}");
        let is_lazy = index("dir/pets.json", &document.to_string(), Limits::default()).unwrap().is_some();
        assert_eq!(is_lazy, !is_found, "{version}");
    }
}

#[test]
fn a_long_name_stands_whole_in_no_warning() {
    let key = format!("/{}", "k".repeat(300_000));
    let parameters =
        (0..4_000).map(|number| json!({"name": format!("x{number}"), "in": "header", "style": "matrix"}));
    let parameters: Vec<Value> = parameters.collect();
    let read = whole(&document(&json!({(&key): {"get": {"operationId": "a", "parameters": parameters}}})));
    assert_eq!((read.warnings.len(), read.warnings[1_000].count), (1_001, 3_000));
    assert!(read.warnings.iter().all(|one| one.pointer.len() < 300 && one.problem.len() < 300));
    let pointer = &read.warnings[7].pointer;
    assert!(
        pointer.starts_with("#/paths/~1kkk") && pointer.ends_with("k…/get/parameters/7/style"),
        "{pointer}"
    );
    assert!(read.warnings[7].position.is_some(), "that of the nearest part around it");
    assert_eq!(read.operations[0].path, key);

    let twice =
        (0..1_000).map(|number| format!("\"k{number}\":1,\"k{number}\":2")).collect::<Vec<_>>().join(",");
    let text = document(&json!({})).to_string().replacen('{', &format!("{{\"x-{key}\":{{{twice}}},"), 1);
    let read = super::read("pets.json", text.as_bytes(), &NoSource, Depth::Requests).unwrap();
    assert_eq!(read.warnings.len(), 1_000);
    assert!(read.warnings.iter().all(|one| one.pointer.len() < 300));

    let slashes = "/".repeat(1_000);
    let warning = Warning::new(format!("#/{}/a", token(&slashes)), "é".repeat(5_000), Effect::Assumed);
    assert_eq!(warning.pointer, format!("#/{}…/a", "~1".repeat(100)));
    assert_eq!(warning.problem, format!("{}…", "é".repeat(1_000)));
}

#[test]
fn an_operation_with_too_many_values_is_told_with_its_place_in_both_ways() {
    let many = |count: usize| {
        let parameters = (0..count).map(|number| json!({"name": format!("q{number}"), "in": "query"}));
        document(
            &json!({"/a/b": {"post": {"parameters": parameters.collect::<Vec<_>>()}}, "/c": {"get": {}}}),
        )
    };
    assert_eq!(whole(&many(4_000)).operations[0].parameters.len(), 4_000);
    let document = many(60_000);
    let read = whole(&document);
    let [warning] = &read.warnings[..] else { panic!("{:?}", read.warnings) };
    assert_eq!((warning.pointer.as_str(), read.operations.len()), ("#/paths/~1a~1b", 1));
    let text = document.to_string();
    let index = index("dir/pets.json", &text, Limits::default()).unwrap().unwrap();
    let error = index.extract(&text, 0, Depth::Requests, &NoSource).unwrap_err();
    assert_eq!(error.pointer.as_deref(), Some("#/paths/~1a~1b/post"), "{error}");
    assert_eq!(error.problem, warning.problem);
    assert!(index.extract(&text, 1, Depth::Requests, &NoSource).is_ok());
}
