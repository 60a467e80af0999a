//! The worked examples of the specification's XML Object (`tests/data/oas_xml.json`).

use opcall::Content;
use serde_json::{Value, json};

use super::Loaded;

#[test]
fn every_worked_example_of_xml() {
    let cases: Value = serde_json::from_str(include_str!("../../data/oas_xml.json")).unwrap();
    let cases = cases["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 22);
    for case in cases {
        let content = json!({"application/xml": {"schema": case["schema"]}});
        let components = json!({"components": {"schemas": case["components"]}});
        let loaded = Loaded::body(case["oas"].as_str().unwrap(), &content, &components);
        assert_eq!(loaded.told(), [""; 0], "{case}");
        let request =
            loaded.call(&json!({"body": case["value"]})).unwrap_or_else(|error| panic!("{case}: {error}"));
        let Content::Text(text) = request.content() else { panic!("no text: {case}") };
        assert_eq!(text, case["expected"].as_str().unwrap(), "{case}");
        let shown: Value = serde_json::from_str(&request.to_json()).unwrap();
        assert_eq!(shown["body"], json!({"text": case["expected"]}), "{case}");
        assert!(request.headers().contains(&("content-type", "application/xml".into())), "{case}");
    }
}

#[test]
fn swagger_2_bodies_are_xml_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pets.yaml");
    let document = "swagger: '2.0'\ninfo: {title: Pets, version: '1'}\nhost: api.example.com\npaths:\n  /a:\n    post:\n      \
        operationId: call\n      consumes: [application/xml, application/json]\n      responses: {}\n      parameters:\n        \
        - {name: pet, in: body, schema: {$ref: '#/definitions/Pet'}}\ndefinitions:\n  Pet:\n    type: object\n    \
        properties:\n      name: {type: string}\n      tags: {type: array, xml: {wrapped: true}, items: {type: string, xml: {name: tag}}}\n";
    std::fs::write(&path, document).unwrap();
    let harness = opcall::Harness::builder().env(|_| None).spec(&path).build().unwrap();
    let call = || harness.command("call", json!({"name": "Rex", "tags": ["a"]}));
    let request = call().content_type("application/xml").prepare().unwrap();
    assert_eq!(
        request.content(),
        &Content::Text("<Pet><name>Rex</name><tags><tag>a</tag></tags></Pet>".into())
    );
    assert_eq!(call().prepare().unwrap().content(), &Content::Json(r#"{"name":"Rex","tags":["a"]}"#.into()));
}
