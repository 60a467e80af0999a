//! What the specification's own examples do not show: faults, namespaces, order, escapes.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a failed test may panic")]

use serde_json::{Value, json};

use crate::params::Argument;
use crate::request::testing::{body, call, call_with, problems, table};
use crate::request::{CallOptions, Content};
use crate::table::OperationTable;

fn of(schema: Value, schemas: Value) -> OperationTable {
    let body = json!({"required": true, "content": {"application/xml": {"schema": schema}}});
    table(&json!({"/a": {"post": {"operationId": "send", "requestBody": body, "responses": {}}}}), &schemas)
}

fn written(schema: Value, schemas: Value, value: Value) -> String {
    match call(&of(schema, schemas), "send", json!({"body": value})).unwrap().content() {
        Content::Text(text) => text.clone(),
        other => format!("{other:?}"),
    }
}

fn pet() -> Value {
    json!({
        "Pet": {"type": "object", "xml": {"name": "pet"}, "required": ["name"], "properties": {
            "id": {"type": "integer", "xml": {"attribute": true}},
            "name": {"type": "string"},
            "owner": {"$ref": "#/components/schemas/Person"},
            "kind": {"$ref": "#/components/schemas/Kind"},
            "photos": {"type": "array", "items": {"type": "string"}, "xml": {"name": "photo", "wrapped": true}},
            "tags": {"type": "array", "items": {"$ref": "#/components/schemas/Tag"}, "xml": {"wrapped": true}},
        }},
        "Person": {"type": "object", "properties": {"name": {"type": "string"}}},
        "Kind": {"type": "string", "xml": {"name": "sort"}},
        "Tag": {"type": "object", "xml": {"name": "Tag"}, "properties": {"id": {"type": "integer"}}},
    })
}

#[test]
fn members_are_arguments_and_stand_as_the_schema_lists_them() {
    let table = of(json!({"$ref": "#/components/schemas/Pet"}), pet());
    let given = json!({"tags": [{"id": 1}, {"id": 2}], "photos": ["a", "b"], "kind": "cat",
        "owner": {"name": "Ann"}, "name": "<Rex> & \"Co\"\r", "id": 7});
    let request = call(&table, "send", given);
    assert_eq!(request.as_ref().unwrap().headers[1].1, "application/xml");
    let wanted = "<pet id=\"7\"><name>&lt;Rex&gt; &amp; &quot;Co&quot;&#13;</name><owner><name>Ann</name></owner>\
        <sort>cat</sort><photo><photo>a</photo><photo>b</photo></photo>\
        <tags><Tag><id>1</id></Tag><Tag><id>2</id></Tag></tags></pet>";
    assert_eq!(body(request), json!({"text": wanted}).to_string());
    assert_eq!(
        problems(call(&table, "send", json!({"id": "x"}))),
        ["body.id: must be an integer, got \"x\"", "body.name: is required",]
    );
}

#[test]
fn text_is_sent_as_it_is() {
    let table = of(json!({"$ref": "#/components/schemas/Pet"}), pet());
    let text = "<pet><name>Rex</name></pet>";
    assert_eq!(body(call(&table, "send", [("body", text)])), json!({"text": text}).to_string());
    let options = CallOptions { body: Some(text.into()), ..CallOptions::default() };
    assert_eq!(body(call_with(&table, "send", (), &options)), json!({"text": text}).to_string());
}

#[test]
fn a_component_names_the_root_and_nothing_else() {
    let reference = json!({"$ref": "#/components/schemas/Person"});
    assert_eq!(written(reference, pet(), json!({"name": "Ann"})), "<Person><name>Ann</name></Person>");
    let all_of = json!({"xml": {"name": "p"}, "allOf": [{"$ref": "#/components/schemas/Person"},
        {"type": "object", "properties": {"age": {"type": "integer"}}}]});
    assert_eq!(written(all_of, pet(), json!({"age": 5, "name": "A"})), "<p><name>A</name><age>5</age></p>");
}

#[test]
fn namespaces_are_declared_once_where_they_begin() {
    let space = "urn:a";
    let schema = json!({"type": "object", "xml": {"name": "a", "namespace": space, "prefix": "s"}, "properties": {
        "id": {"xml": {"attribute": true, "namespace": space, "prefix": "s"}},
        "lang": {"xml": {"attribute": true, "prefix": "xml"}},
        "b": {"xml": {"namespace": space, "prefix": "s"}},
        "c": {"xml": {"namespace": "urn:c"}},
    }});
    let given = json!({"id": "1\n", "lang": "en", "b": "x", "c": "y"});
    assert_eq!(
        written(schema, json!({}), given),
        "<s:a xmlns:s=\"urn:a\" s:id=\"1&#10;\" xml:lang=\"en\"><s:b>x</s:b><c xmlns=\"urn:c\">y</c></s:a>"
    );
    let unbound =
        json!({"type": "object", "xml": {"name": "a"}, "properties": {"b": {"xml": {"prefix": "s"}}}});
    assert_eq!(
        problems(call(&of(unbound, json!({})), "send", json!({"b": "x"}))),
        ["body.b: has the prefix `s`, for which the document says no `xml.namespace`"]
    );
}

#[test]
fn what_xml_cannot_carry_is_told_with_its_place() {
    let schema = json!({"type": "object", "xml": {"name": "a"}, "additionalProperties": true, "properties": {
        "id": {"xml": {"nodeType": "attribute"}}, "note": {"xml": {"nodeType": "cdata"}},
        "list": {"type": "array", "items": {"type": "string"}}}});
    let table = of(schema.clone(), json!({}));
    let given = json!({"id": [1], "list": ["ok", "\u{b}"], "1st": "x"});
    assert_eq!(
        problems(call(&table, "send", given)),
        [
            "body.id: must be one value, which an attribute can hold, got [1]",
            "body.list[1]: must not hold the character '\\u{b}', which XML cannot carry",
            "body.1st: cannot be named \"1st\" in XML; the document must say another name (`xml.name`)",
        ]
    );
    assert_eq!(written(schema, json!({}), json!({"note": "a]]>b"})), "<a><![CDATA[a]]]]><![CDATA[>b]]></a>");
}

#[test]
fn a_body_without_one_named_root_is_refused() {
    let nameless = of(json!({"type": "object", "properties": {"a": {"type": "string"}}}), json!({}));
    assert_eq!(
        problems(call(&nameless, "send", json!({"a": "x"}))),
        ["body: the document gives its element no name (`xml.name`); give the XML as text"]
    );
    let list = of(json!({"type": "array", "items": {"type": "string"}, "xml": {"name": "a"}}), json!({}));
    assert_eq!(
        problems(call(&list, "send", json!({"body": ["x"]}))),
        ["body: the document puts no one element around it (`xml`); give the XML as text"]
    );
    let open = of(json!({}), json!({}));
    assert_eq!(problems(call(&open, "send", json!({"a": "x"}))).len(), 2);
    let long: Vec<Argument> = (0..3).map(Argument::from).collect();
    let wrapped =
        json!({"type": "array", "items": {"type": "integer"}, "xml": {"name": "a", "wrapped": true}});
    let request = call(&of(wrapped, json!({})), "send", [("body", long)]).unwrap();
    assert_eq!(*request.content(), Content::Text("<a><a>0</a><a>1</a><a>2</a></a>".into()));
}
