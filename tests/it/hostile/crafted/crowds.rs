//! Documents of very many parts, and small ones whose references would make them so.

use opcall::spec::Limits;
use serde_json::{Map, Value, json};

use super::{Cases, Either, Read, Refused, TooLarge, body, with};
use crate::support::proof;

/// So many values of one kind.
fn named(many: usize, each: impl Fn(usize) -> Value) -> Vec<Value> {
    (0..many).map(each).collect()
}

/// So many members of one kind.
fn members(many: usize, each: impl Fn(usize) -> Value) -> Map<String, Value> {
    (0..many).map(|number| (format!("s{number}"), each(number))).collect()
}

/// A document with an operation of so many parameters.
pub(super) fn parameters(many: usize) -> Value {
    let query = |number| json!({"name": format!("q{number}"), "in": "query"});
    with(&json!({"parameters": named(many, query)}), &json!({}))
}

/// Parts that are made values at once, with so many of each, and where each stands.
pub(in crate::hostile) fn parts(many: usize) -> Vec<(&'static str, Value, &'static str)> {
    const ITEM: &str = "#/paths/~1a";
    const SCHEMES: &str = "#/components/securitySchemes";
    let again = named(many, |_| json!({"name": "q1", "in": "query"}));
    let dangling = named(many, |number| json!({"$ref": format!("#/gone/{number}")}));
    let requirements = named(many, |number| json!({format!("s{number}"): []}));
    let set = members(many, |_| json!([]));
    let keys = members(many, |number| json!({"type": "apiKey", "in": "query", "name": format!("k{number}")}));
    let bearers = members(many, |_| json!({"type": "http", "scheme": "bearer"}));
    let properties = members(many, |_| json!({"type": "string"}));
    let all = [
        ("many parameters", parameters(many), ITEM),
        ("a parameter many times", with(&json!({"parameters": again}), &json!({})), ITEM),
        ("many references to nothing", with(&body(&json!({"allOf": dangling})), &json!({})), ITEM),
        ("many requirements", with(&json!({"security": requirements}), &json!({})), ITEM),
        (
            "a requirement of many schemes",
            with(&json!({"security": [set]}), &json!({"securitySchemes": keys})),
            SCHEMES,
        ),
        (
            "many schemes in one place",
            with(&json!({"security": [set]}), &json!({"securitySchemes": bearers})),
            SCHEMES,
        ),
        ("many properties", with(&body(&json!({"properties": properties})), &json!({})), ITEM),
    ];
    all.into()
}

/// Parts of more values than fit into what one part may take.
pub(super) fn beyond(cases: &mut Cases) {
    for (name, document, place) in parts(proof(60_000, 100_000)) {
        cases.json(format!("{name}, too many"), &document, TooLarge(place));
    }
}

pub(super) fn crowds(cases: &mut Cases) {
    let many = proof(2_000, 100_000);
    for (name, document, _) in parts(proof(2_000, 40_000)) {
        cases.json(name, &document, Read(1));
    }
    let variables: String = (0..many).map(|number| format!("{{v{number}}}")).collect();
    cases.json(
        "a path of variables",
        &json!({"openapi": "3.0.3", "paths": {format!("/{variables}"): {"get": {}}}}),
        Read(1),
    );
    let anchors = named(many, |number| json!({"$ref": format!("#gone{number}")}));
    cases.json("many anchors of nothing", &with(&body(&json!({"allOf": anchors})), &json!({})), Either);
    let server = json!({"url": format!("https://{variables}.example"), "variables": {}});
    cases.json("a server of variables", &with(&json!({"servers": [server]}), &json!({})), Read(1));
    let values = named(many, |number| json!(number));
    cases.json("a long list of values", &with(&body(&json!({"enum": values})), &json!({})), Read(1));
    // The values would take more memory than the document is worth.
    let values = vec![1; 1_000_000];
    cases.json(
        "too long a list of values",
        &with(&body(&json!({"enum": values})), &json!({})),
        TooLarge("#/paths/~1a"),
    );
    let media = members(many, |_| json!({}));
    cases.json("many media types", &with(&json!({"requestBody": {"content": media}}), &json!({})), Read(1));
    let twice: String = (0..many).map(|number| format!("\"k\": {number},")).collect();
    let text = format!("{{\"openapi\": \"3.0.3\", \"x\": {{{twice} \"k\": 1}}, \"paths\": {{}}}}");
    cases.add("a key many times", "crafted.json", text.clone(), Read(0));
    cases.yaml("a key many times in YAML", text, Read(0));
    let operations = |count: usize| {
        (0..count).map(|number| (format!("/p{number}"), json!({"get": {}}))).collect::<Map<_, _>>()
    };
    cases.json(
        "many operations",
        &json!({"openapi": "3.0.3", "paths": operations(proof(5_000, 200_000))}),
        Read(proof(5_000, 200_000)),
    );
    let most = proof(2_000, 200_000);
    let document = json!({"openapi": "3.0.3", "paths": operations(most + 1)});
    cases.json("too many operations", &document, Refused("000 operations"));
    cases.0.last_mut().unwrap().limits = Limits::default().operations(most);
}

/// Small texts whose references would make large documents of them.
pub(super) fn expansions(cases: &mut Cases) {
    let wide: Vec<Value> = (0..20_000).map(|number| json!(format!("value {number}"))).collect();
    let media = json!({"application/json": {"schema": {"enum": wide}}});
    let components = json!({"parameters": {"big": {"name": "big", "in": "query", "content": media}},
        "schemas": {"big": {"allOf": wide.iter().map(|_| json!({"type": "object"})).collect::<Vec<_>>()}}, "mediaTypes": {"big": {"schema": {"enum": wide}}}});
    let paths = |count: usize, operation: &Value| {
        let item = |number| (format!("/p{number}"), json!({"post": operation}));
        json!({"openapi": "3.0.3", "paths": (0..count).map(item).collect::<Map<_, _>>(), "components": components})
    };
    cases.json(
        "a large parameter everywhere",
        &paths(5_000, &json!({"parameters": [{"$ref": "#/components/parameters/big"}]})),
        Refused("beyond all measure"),
    );
    for (member, scheme) in [
        ("type", json!({"type": "t".repeat(1 << 20)})),
        ("name", json!({"type": "apiKey", "in": "query", "name": "n".repeat(1 << 20)})),
    ] {
        let mut schemes = members(300, |_| json!({"$ref": "#/components/securitySchemes/long"}));
        schemes.insert("long".to_owned(), scheme);
        let document = with(&json!({}), &json!({"securitySchemes": schemes}));
        cases.json(format!("many schemes of one long {member}"), &document, Refused("beyond all measure"));
    }
    if proof(1, 2) == 1 {
        return;
    }
    let by_schema =
        json!({"parameters": [{"name": "q", "in": "query", "schema": {"$ref": "#/components/schemas/big"}}]});
    cases.json("a wide schema everywhere", &paths(5_000, &by_schema), Refused("beyond all measure"));
    let parameters: Vec<Value> = (0..2_000)
        .map(|number| json!({"name": format!("q{number}"), "in": "query", "content": {"application/json": {"$ref": "#/components/mediaTypes/big"}}}))
        .collect();
    cases.json(
        "a large media type in every parameter",
        &paths(1, &json!({"parameters": parameters})),
        Refused("beyond all measure"),
    );
    let item = json!({"$ref": "#/x-item"});
    let mut document = json!({"openapi": "3.0.3", "paths": (0..5_000).map(|number| (format!("/p{number}"), item.clone())).collect::<Map<_, _>>()});
    document["x-item"] =
        json!({"parameters": [{"name": "q", "in": "query", "schema": {"enum": wide}}], "get": {}});
    cases.json("a large path item everywhere", &document, Refused("beyond all measure"));
    let servers: Vec<Value> =
        (0..5_000).map(|number| json!({"url": format!("https://h{number}.example")})).collect();
    let mut document = paths(5_000, &json!({}));
    document["servers"] = json!(servers);
    cases.json("many servers everywhere", &document, Read(5_000));
    let security: Vec<Value> = (0..5_000).map(|number| json!({format!("s{number}"): []})).collect();
    let mut document = paths(5_000, &json!({}));
    document["security"] = json!(security);
    cases.json("many requirements everywhere", &document, Refused("beyond all measure"));
    let consumes: Vec<String> = (0..20_000).map(|number| format!("application/x-{number}")).collect();
    let swagger = json!({"swagger": "2.0", "paths": {"/a": {"post": {"consumes": consumes, "parameters": [{"name": "b", "in": "body", "schema": {"enum": wide}}]}}}});
    cases.json("a large body of many types", &swagger, Refused("beyond all measure"));
    // Each operation reaches all schemas, by a ring: the set is the same for all and kept once.
    let ring = |count: usize| {
        (0..count).map(|at| (format!("s{at}"), json!({"properties": {"p": {"$ref": format!("#/components/schemas/s{}", (at + 1) % count)}}}))).collect::<Map<_, _>>()
    };
    let each = |number: usize| {
        (
            format!("/p{number}"),
            json!({"post": body(&json!({"$ref": format!("#/components/schemas/s{}", number % 2_000)}))}),
        )
    };
    let document = json!({"openapi": "3.0.3", "paths": (0..2_000).map(each).collect::<Map<_, _>>(), "components": {"schemas": ring(2_000)}});
    cases.json("a ring that all reach", &document, Read(2_000));
    // By a chain the sets are all different.
    let mut chain = ring(9_000);
    chain.insert("s8999".to_owned(), json!({}));
    let each = |number: usize| {
        (
            format!("/p{number}"),
            json!({"post": body(&json!({"$ref": format!("#/components/schemas/s{number}")}))}),
        )
    };
    let document = json!({"openapi": "3.0.3", "paths": (0..8_000).map(each).collect::<Map<_, _>>(), "components": {"schemas": chain}});
    cases.json("a chain that all reach", &document, Refused("beyond all measure"));
}
