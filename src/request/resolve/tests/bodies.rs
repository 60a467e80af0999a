//! Bodies: what becomes of arguments and of a whole body in each media type.

use serde_json::{Value, json};

use super::api::api;
use super::*;
use crate::params::{Body, FilePart};
use crate::request::PartContent;
use crate::table::OperationTable;

#[test]
fn null_false_empty_and_absent_stay_different_in_a_body() {
    let given = json!({"id": "a", "label": "", "expires_timestamp": null, "revoked": false, "tags": []});
    let wanted = r#"{"json":{"id":"a","label":"","expires_timestamp":null,"revoked":false,"tags":[]}}"#;
    assert_eq!(body(call(&api(), "create", given)), wanted);
    let found = problems(call(&api(), "create", json!({"id": null, "label": "a"})));
    assert_eq!(found, ["body.id: must be a string, got null"]);
}

#[test]
fn a_path_value_fills_a_required_property() {
    let request = call(&api(), "update", params! { id: "a/b", label: "ci" });
    assert_eq!(request.as_ref().unwrap().url, format!("{BASE}/tokens/a%2Fb"));
    assert_eq!(body(request), r#"{"json":{"label":"ci","id":"a/b"}}"#);
    let apart = body(call(&api(), "update", params! { id: "a", "body.id": "b", label: "ci" }));
    assert_eq!(apart, r#"{"json":{"id":"b","label":"ci"}}"#);
}

#[test]
fn a_path_value_fills_no_property_that_the_service_sets() {
    let id = json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string"}});
    let schema = json!({"type": "object", "required": ["id"],
        "properties": {"id": {"type": "string", "readOnly": true}, "label": {"type": "string"}}});
    let body = json!({"content": {"application/json": {"schema": schema}}});
    let operation = json!({"operationId": "put", "parameters": [id], "requestBody": body, "responses": {}});
    let api = table(&json!({"/a/{id}": {"put": operation}}), &json!({}));
    assert_eq!(self::body(call(&api, "put", params! { id: "a", label: "ci" })), r#"{"json":{"label":"ci"}}"#);
}

#[test]
fn open_bodies_take_the_remaining_names() {
    let table = api();
    assert_eq!(body(call(&table, "free", json!({"a": 1.5, "b": {}}))), r#"{"json":{"a":1.5,"b":{}}}"#);
    assert_eq!(
        body(call(&table, "open", json!({"zzz": 1, "label": "x"}))),
        r#"{"json":{"zzz":1,"label":"x"}}"#
    );
    let found = problems(call(&table, "open", json!({"lable": 1, "zzz": 1})));
    assert_eq!(found, ["lable: is not known here [label]"]);
    assert_eq!(body(call(&table, "open", json!({"body.lable": 1}))), r#"{"json":{"lable":1}}"#);
    assert_eq!(problems(call(&table, "free", ())), ["body: is required"]);
}

fn with(body: impl Into<Body>) -> CallOptions {
    CallOptions { body: Some(body.into()), ..CallOptions::default() }
}

#[test]
fn a_whole_body_is_a_value_text_or_file() {
    let table = api();
    assert_eq!(body(call_with(&table, "bulk", (), &with(json!(["1", 2])))), r#"{"json":[1,2]}"#);
    assert_eq!(body(call_with(&table, "bulk", (), &with("[1.0]"))), r#"{"json":[1.0]}"#);
    assert_eq!(
        problems(call_with(&table, "bulk", (), &with("[1"))),
        ["body: must be JSON: EOF while parsing a list at line 1 column 2"]
    );
    assert_eq!(
        problems(call_with(&table, "bulk", (), &with(json!(["x"])))),
        ["body[0]: must be an integer, got \"x\""]
    );
    assert_eq!(problems(call(&table, "bulk", ())), ["body: is required"]);
    assert_eq!(
        problems(call_with(&table, "list", (), &with(json!({})))),
        ["body: is not taken: the operation declares no body"]
    );
    assert_eq!(
        problems(call_with(&table, "create", [("body", 1)], &with(json!({"label": "x", "id": ""})))),
        ["body: is given twice"]
    );

    let request = call_with(&table, "raw", (), &with(b"\xff\x00".to_vec())).unwrap();
    assert_eq!(request.headers[1].1, "application/octet-stream");
    assert_eq!(*request.content(), Content::Bytes(b"\xff\x00".to_vec().into()));
    let file = call(&table, "raw", [("body", FilePart::path("/tmp/a.bin"))]).unwrap();
    assert_eq!(
        (file.headers[1].1.as_str(), file.content()),
        ("application/octet-stream", &Content::File("/tmp/a.bin".into()))
    );
    let json = call(&table, "raw", [("a", "x")]).unwrap();
    assert_eq!(
        (json.headers[1].1.as_str(), json.content()),
        ("application/json", &Content::Json(r#"{"a":"x"}"#.into()))
    );
    let chosen = CallOptions { content_type: Some("application/octet-stream".into()), ..with("text") };
    assert_eq!(*call_with(&table, "raw", (), &chosen).unwrap().content(), Content::Text("text".into()));
}

#[test]
fn a_body_that_may_be_absent_is_absent_but_its_type_is_sent() {
    let request = call(&api(), "optional", ()).unwrap();
    assert_eq!((request.content(), request.headers[1].1.as_str()), (&Content::None, "application/json"));
    assert_eq!(call(&api(), "list", ()).unwrap().headers.len(), 1);
}

#[test]
fn forms_are_urlencoded() {
    let given = json!({"client_id": "a b&ü", "n": 5, "ids": "x,y"});
    let wanted = r#"{"form":[["client_id","a b&ü"],["n","5"],["ids","x"],["ids","y"]],"text":"client_id=a+b%26%C3%BC&n=5&ids=x&ids=y"}"#;
    let request = call(&api(), "form", given);
    assert_eq!(request.as_ref().unwrap().headers[1].1, "application/x-www-form-urlencoded");
    assert_eq!(body(request), wanted);
    assert_eq!(problems(call(&api(), "form", json!({"n": "x"}))), ["body.client_id: is required"]);
}

#[test]
fn multipart_fields_are_parts() {
    let table = api();
    let given = params! {
        sample: FilePart::bytes("MZ").with_filename("a.exe"), is_confidential: "true", tag: ["a", "b"],
        meta: json!({"k": 1}),
        comment: None::<&str>,
    };
    let request = call(&table, "upload", given);
    assert_eq!(request.as_ref().unwrap().headers[1].1, "multipart/form-data");
    insta::assert_snapshot!(body(request), @r#"{"multipart":[{"name":"sample","filename":"a.exe","content_type":"application/octet-stream","base64":"TVo="},{"name":"is_confidential","text":"true"},{"name":"tag","text":"a"},{"name":"tag","text":"b"},{"name":"meta","content_type":"application/json","text":"{\"k\":1}"}]}"#);

    let text = call(&table, "upload", [("sample", "plain")]).unwrap();
    let Content::Multipart(parts) = text.content() else {
        return assert!(matches!(text.content(), Content::Multipart(_)));
    };
    assert_eq!(parts[0].content, PartContent::Text("plain".into()));
    assert_eq!(
        (parts[0].filename.as_deref(), parts[0].content_type.as_deref()),
        (Some("sample"), Some("application/octet-stream"))
    );
    assert_eq!(problems(call(&table, "upload", [("comment", "x")])), ["body.sample: is required"]);
    assert_eq!(
        problems(call_with(&table, "upload", (), &with("x"))),
        ["body: must be an object of fields, one a part"]
    );
}

#[test]
fn files_have_no_place_in_urls_and_json() {
    let file = || FilePart::bytes("x");
    let only = "must not be a file: only multipart fields and whole bodies can be one";
    assert_eq!(problems(call(&api(), "list", [("filter", file())])), [format!("query.filter: {only}")]);
    assert_eq!(
        problems(call(&api(), "create", params! { id: "a", label: file() })),
        [format!("body.label: {only}")]
    );
    assert_eq!(problems(call(&api(), "list", [("query.x", file())])), ["query.x: must not be a file"]);
}

#[test]
fn each_text_of_a_json_sequence_has_its_mark() {
    for (media_type, text) in [
        ("application/json-seq", "\u{1e}1\n\u{1e}{\"a\":2}\n"),
        ("application/geo+json-seq", "\u{1e}1\n\u{1e}{\"a\":2}\n"),
        ("application/x-ndjson", "1\n{\"a\":2}\n"),
    ] {
        let content = json!({"content": {media_type: {"schema": {}}}});
        let table = table(
            &json!({"/a": {"post": {"operationId": "a", "requestBody": content, "responses": {}}}}),
            &json!({}),
        );
        let sent = |value: Value| call(&table, "a", json!({"body": value})).unwrap();
        assert_eq!(*sent(json!([1, {"a": 2}])).content(), Content::Text(text.to_owned()));
    }
}

#[test]
fn parts_have_styles_since_openapi_3_1() {
    let field = |schema: Value| json!({"type": "object", "properties": {"f": schema}});
    let sent = |version: &str, schema: Value, encoding: Value, value: Value| {
        let content = json!({"multipart/form-data": {"schema": field(schema), "encoding": {"f": encoding}}});
        let document = json!({"openapi": version, "info": {"title": "t", "version": "1"}, "paths": {
            "/a": {"post": {"operationId": "a", "requestBody": {"content": content}, "responses": {}}}}});
        let read = crate::spec::read(
            "t.json",
            document.to_string().as_bytes(),
            &crate::spec::NoSource,
            crate::spec::Depth::Requests,
        );
        let read = read.unwrap();
        assert_eq!(read.warnings, []);
        let table =
            OperationTable::load(crate::table::format::encode(&read.service, &read.operations, 0)).unwrap();
        body(call(&table, "a", json!({"f": value})))
    };
    let (list, object) = (json!({"type": "array", "items": {"type": "string"}}), json!({"type": "object"}));
    let part = |name: &str, text: &str| format!(r#"{{"name":"{name}","text":"{text}"}}"#);
    let parts = |parts: &[String]| format!(r#"{{"multipart":[{}]}}"#, parts.join(","));
    let commas = json!({"style": "form", "explode": false});
    let (p, q) = (part("f", "p"), part("f", "q"));
    for version in ["3.0.3", "3.0", "3"] {
        assert_eq!(
            sent(version, list.clone(), commas.clone(), json!(["p", "q"])),
            parts(&[p.clone(), q.clone()])
        );
        let whole = r#"{"name":"f","content_type":"application/json","text":"{\"a\":1}"}"#.to_owned();
        assert_eq!(sent(version, object.clone(), json!({"style": "form"}), json!({"a": 1})), parts(&[whole]));
    }
    assert_eq!(sent("3.1.0", list, commas, json!(["p", "q"])), parts(&[part("f", "p,q")]));
    assert_eq!(sent("3.1.0", object, json!({"style": "form"}), json!({"a": 1})), parts(&[part("a", "1")]));
}

#[test]
fn one_of_many_members_is_not_given_twice() {
    let body = json!({"content": {"application/json": {"schema": {"type": "object"}}}});
    let table = table(
        &json!({"/a": {"post": {"operationId": "a", "requestBody": body, "responses": {}}}}),
        &json!({}),
    );
    let members = |count| (0..count).map(|number| (format!("m{number}"), "v"));
    assert!(call(&table, "a", members(40).collect::<Vec<_>>()).is_ok());
    let twice = members(40).chain([("body.m3".to_owned(), "v"), ("body.m39".to_owned(), "v")]);
    let told = problems(call(&table, "a", twice.collect::<Vec<_>>()));
    assert_eq!(told, ["body.m3: is given twice", "body.m39: is given twice"]);
}
