//! References in rings and to nothing, of every kind of part.

use serde_json::{Map, Value, json};

use super::{Cases, Either, Read, body, with};

/// Every kind of component that a reference may lead to: its section, and an operation that refers to one of them.
fn kinds(target: &str) -> Vec<(&'static str, Value)> {
    let to = json!({"$ref": target});
    let answer =
        |extra: (&str, Value)| json!({"responses": {"200": {"description": "", extra.0: {"x": extra.1}}}});
    vec![
        ("schemas", body(&to)),
        ("schemas", json!({"parameters": [{"name": "q", "in": "query", "schema": to}]})),
        (
            "schemas",
            json!({"responses": {"200": {"description": "", "content": {"application/json": {"schema": to}}}}}),
        ),
        ("parameters", json!({"parameters": [to]})),
        ("requestBodies", json!({"requestBody": to})),
        ("responses", json!({"responses": {"200": to}})),
        ("headers", answer(("headers", to.clone()))),
        ("links", answer(("links", to.clone()))),
        ("examples", json!({"requestBody": {"content": {"application/json": {"examples": {"x": to}}}}})),
        ("callbacks", json!({"callbacks": {"x": to}})),
        ("mediaTypes", json!({"requestBody": {"content": {"application/json": to}}})),
        ("securitySchemes", json!({"security": [{"c0": []}]})),
        (
            "headers",
            json!({"requestBody": {"content": {"multipart/form-data": {"schema": {"type": "object", "properties": {"a": {}}},
                "encoding": {"a": {"headers": {"X": to}}}}}}}),
        ),
    ]
}

pub(super) fn cycles(cases: &mut Cases) {
    for length in [1_usize, 2, 1_000] {
        for (number, (section, operation)) in kinds("#/components/SECTION/c0").into_iter().enumerate() {
            let operation: Value = operation.to_string().replace("SECTION", section).parse().unwrap();
            let ring = (0..length).map(|at| {
                (format!("c{at}"), json!({"$ref": format!("#/components/{section}/c{}", (at + 1) % length)}))
            });
            let components = json!({section: ring.collect::<Map<_, _>>()});
            cases.json(
                format!("a ring of {length} {section} ({number})"),
                &with(&operation, &components),
                Either,
            );
        }
        let paths = (0..length)
            .map(|at| (format!("/p{at}"), json!({"$ref": format!("#/paths/~1p{}", (at + 1) % length)})));
        let document = json!({"openapi": "3.0.3", "paths": paths.collect::<Map<_, _>>()});
        cases.json(format!("a ring of {length} path items"), &document, Read(0));
        for word in ["allOf", "oneOf", "anyOf"] {
            let ring = (0..length).map(|at| {
                (format!("c{at}"), json!({word: [{"$ref": format!("#/components/schemas/c{}", (at + 1) % length)}, {"type": "object"}]}))
            });
            let components = json!({"schemas": ring.collect::<Map<_, _>>()});
            let first = body(&json!({"$ref": "#/components/schemas/c0"}));
            cases.json(format!("a ring of {length} by {word}"), &with(&first, &components), Read(1));
        }
    }
    let files = |cases: &mut Cases, name: &str, own: &str, beside: &[(&str, &str)], becomes| {
        cases.yaml(name, format!("openapi: 3.0.3\npaths:\n  /a: {{$ref: '{own}'}}\n"), becomes);
        beside.iter().for_each(|(path, text)| cases.beside(path, *text));
    };
    files(
        cases,
        "files in a ring",
        "b.yaml#/x",
        &[("b.yaml", "x: {$ref: 'c.yaml#/x'}"), ("c.yaml", "x: {$ref: 'b.yaml#/x'}")],
        Read(0),
    );
    files(cases, "a file that is itself", "b.yaml", &[("b.yaml", "$ref: b.yaml")], Read(0));
    files(
        cases,
        "a file back to the document",
        "b.yaml#/x",
        &[("b.yaml", "x: {$ref: 'crafted.yaml#/paths/~1a'}")],
        Read(0),
    );
    files(cases, "a file that is no document", "b.yaml#/x", &[("b.yaml", "x: [")], Read(0));
    files(cases, "a file of a bomb", "b.yaml#/x", &[("b.yaml", "x: &a [*a]")], Read(0));
    // Each way through a reference asks for another one on the way: twice as many a level.
    let mut through = Map::new();
    for level in 0..40 {
        through.insert(format!("r{level}"), json!({"$ref": format!("#/x/r{}/x", level + 1)}));
    }
    through.insert("r40".to_owned(), json!({"x": {"$ref": "#/x/r0/x"}}));
    let mut document = with(&json!({"parameters": [{"$ref": "#/x/r0/x"}]}), &json!({}));
    document["x"] = Value::Object(through);
    cases.json("ways through ways", &document, Either);
}

pub(super) fn dangling(cases: &mut Cases) {
    let targets = [
        "#/nowhere",
        "#",
        "",
        "#gone",
        "#/components/schemas/",
        "other.yaml#/x",
        "other.yaml",
        "../out.yaml#/x",
        "/etc/passwd",
        "file:///etc/passwd",
        "https://example.com/x.yaml#/x",
        "//example.com/x",
        "C:\\x.yaml",
        "%2e%2e/out.yaml",
        "#/%ff",
        "#/%zz",
        "a\u{0}b.yaml",
        "urn:x",
        "crafted.json",
        "crafted.json#/paths",
        "#/paths/~1a/post",
        "#/openapi",
        "#/paths/~1a/post/parameters/0",
        "./",
        "..",
    ];
    for target in targets {
        for (number, (section, operation)) in kinds(target).into_iter().enumerate() {
            let components = json!({"securitySchemes": {"c0": {"$ref": target}}});
            let name = format!("{section} ({number}) at `{target}`");
            cases.json(name, &with(&operation, &components), Either);
        }
        let document = json!({"openapi": "3.0.3", "paths": {"/a": {"$ref": target}}});
        cases.json(format!("a path item at `{target}`"), &document, Either);
        cases.json(
            format!("paths at `{target}`"),
            &json!({"openapi": "3.1.0", "paths": {"$ref": target}}),
            Either,
        );
    }
}
