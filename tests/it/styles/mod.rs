//! Every case of `tests/data/oas_styles.json`, and what goes beyond: a document is written for a case, loaded, and a
//! call prepared; what comes out is compared byte for byte. Of two versions of the specification that contradict
//! one another the newer one wins, and the case says so.

mod bodies;
mod decoder;
#[cfg(feature = "cli")]
mod program;
mod round_trip;
mod xml;

use std::collections::HashMap;

use opcall::spec::{Depth, Warning};
use opcall::{Argument, Document, Error, Harness, Request};
use serde_json::{Map, Value, json};

/// The server of all documents.
pub(super) const BASE: &str = "https://api.example.com";

/// A document on disk, loaded.
pub(super) struct Loaded {
    pub(super) harness: Harness,
    pub(super) warnings: Vec<Warning>,
}

/// Loads a document of these operations by path and method.
pub(super) fn load(version: &str, paths: &Value, more: &Value) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("styles.json");
    let mut document = json!({"openapi": version, "info": {"title": "Styles", "version": "1"},
        "servers": [{"url": BASE}], "paths": paths});
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    std::fs::write(&path, document.to_string()).unwrap();
    let warnings = Document::open(&path).describe(Depth::Requests).unwrap().warnings;
    Loaded { harness: Harness::builder().env(|_| None).spec(&path).build().unwrap(), warnings }
}

impl Loaded {
    /// A document with the one operation `call`.
    pub(super) fn one(version: &str, path: &str, parameters: &Value) -> Self {
        let operation = json!({"operationId": "call", "parameters": parameters, "responses": {}});
        load(version, &json!({path: {"get": operation}}), &json!({}))
    }

    /// A document whose operation `call` takes a body.
    pub(super) fn body(version: &str, content: &Value, more: &Value) -> Self {
        let body = json!({"required": true, "content": content});
        let operation = json!({"operationId": "call", "requestBody": body, "responses": {}});
        load(version, &json!({"/a": {"post": operation}}), more)
    }

    pub(super) fn call(&self, arguments: &Value) -> Result<Request, Error> {
        self.harness.command("call", arguments.clone()).prepare()
    }

    /// The problems of a call that must have some.
    pub(super) fn problems(&self, arguments: &Value) -> Vec<String> {
        match self.call(arguments) {
            Err(Error::Arguments(error)) => {
                error.problems.iter().map(|one| format!("{}: {}", one.path, one.problem)).collect()
            }
            other => panic!("not refused: {other:?}"),
        }
    }

    /// What the document was warned of, as `pointer: problem (effect)`.
    pub(super) fn told(&self) -> Vec<String> {
        self.warnings.iter().map(|one| format!("{}: {} ({})", one.pointer, one.problem, one.effect)).collect()
    }
}

/// What a request says at the place of a parameter called `name`.
fn at(request: &Request, place: &str, name: &str) -> String {
    let url = request.url().into_owned();
    let header = |wanted: &str| {
        let headers = request.headers();
        let found = headers.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(wanted));
        found.map_or_else(|| panic!("no header {wanted}"), |(_, value)| value.into_owned())
    };
    let rest = url.strip_prefix(BASE).unwrap();
    match place {
        "path" => rest.strip_prefix("/a/").unwrap().to_owned(),
        "header" => header(name),
        "cookie" => header("cookie"),
        _ => rest.strip_prefix("/a").unwrap().trim_start_matches('?').to_owned(),
    }
}

fn schema_of(value: &Value) -> Value {
    match value {
        Value::Null => json!({"type": "null"}),
        Value::Bool(_) => json!({"type": "boolean"}),
        Value::Number(_) => json!({"type": "integer"}),
        Value::String(_) => json!({"type": "string"}),
        Value::Array(_) => json!({"type": "array", "items": {}}),
        Value::Object(_) => json!({"type": "object"}),
    }
}

/// The Parameter Object of a case.
fn parameter(case: &Value) -> Value {
    let place = case["in"].as_str().unwrap();
    let mut parameter = Map::from_iter([
        ("name".to_owned(), json!(case["name"].as_str().unwrap_or("whole"))),
        ("in".to_owned(), json!(place)),
    ]);
    for key in ["style", "explode", "allowReserved"] {
        if let Some(given) = case.get(key).filter(|given| !given.is_null()) {
            parameter.insert(key.to_owned(), given.clone());
        }
    }
    if place == "path" {
        parameter.insert("required".to_owned(), json!(true));
    }
    let schema = schema_of(&case["value"]);
    match case["content"].as_str() {
        Some(media_type) => parameter.insert("content".to_owned(), json!({media_type: {"schema": schema}})),
        None => parameter.insert("schema".to_owned(), schema),
    };
    parameter.into()
}

/// The path key of a case, with a variable where it is about one.
fn path_of(case: &Value) -> String {
    match case["in"].as_str() {
        Some("path") => format!("/a/{{{}}}", case["name"].as_str().unwrap()),
        _ => "/a".to_owned(),
    }
}

fn cases() -> Value {
    serde_json::from_str(include_str!("../../data/oas_styles.json")).unwrap()
}

fn list(cases: &Value, key: &str, count: usize) -> Vec<Value> {
    let list = cases[key].as_array().unwrap().clone();
    assert_eq!(list.len(), count, "{key}");
    list
}

/// The cells of the style table, each in a document of the newest version that has the cell. Older versions print
/// `.blue.black` for label without explode, `color=blue|black` and `color[R]=100`: the newer ones correct them.
#[test]
fn every_cell_of_the_style_table() {
    for case in list(&cases(), "distinct", 58) {
        let version = case["versions"].as_array().unwrap().last().unwrap().as_str().unwrap();
        let loaded = Loaded::one(version, &path_of(&case), &json!([parameter(&case)]));
        let arguments = json!({case["name"].as_str().unwrap(): case["value"]});
        let (place, wanted) = (case["in"].as_str().unwrap(), case["expected"].as_str().unwrap());
        assert_eq!(loaded.told(), [""; 0], "{case}");
        if wanted == "." {
            // URL parsers fold the segment away: right in the table, refused in a request.
            let refused = "path.color: must not make the path segment `.`: URLs fold it away";
            assert_eq!(loaded.problems(&arguments), [refused], "{case}");
            continue;
        }
        let request = loaded.call(&arguments).unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(at(&request, place, "color"), wanted, "{case}");
    }
}

#[test]
fn every_worked_example_of_a_parameter() {
    for case in list(&cases(), "text", 18) {
        let loaded = Loaded::one(case["oas"].as_str().unwrap(), &path_of(&case), &json!([parameter(&case)]));
        let name = case["name"].as_str().unwrap_or("whole");
        let request =
            loaded.call(&json!({name: case["value"]})).unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(loaded.told(), [""; 0], "{case}");
        let text = at(&request, case["in"].as_str().unwrap(), name);
        assert_eq!(Some(text.as_str()), case["expected"].as_str(), "{case}");
    }
}

#[test]
fn every_worked_example_of_a_whole_query() {
    for case in list(&cases(), "query_multi", 16) {
        let params = case["params"].as_array().unwrap();
        let declared: Vec<Value> = params.iter().map(parameter).collect();
        let loaded = Loaded::one(case["oas"].as_str().unwrap(), "/a", &declared.into());
        let given = params.iter().map(|one| (one["name"].as_str().unwrap().to_owned(), one["value"].clone()));
        let request = loaded.call(&Value::Object(given.collect())).unwrap();
        assert_eq!(loaded.told(), [""; 0], "{case}");
        assert_eq!(at(&request, "query", ""), case["expected_query"].as_str().unwrap(), "{case}");
    }
}

/// The forms. Two rows, of 3.0.4 and 3.1.1, leave `:` and `,` bare as RFC 1866 did; 3.1.2 and 3.2.0 encode them as
/// the WHATWG's rules say, and win.
#[test]
fn every_worked_example_of_a_form() {
    let forms = list(&cases(), "form", 12);
    let name = |case: &Value| case["id"].as_str().unwrap().split_once('/').unwrap().1.to_owned();
    let newest: HashMap<String, &Value> =
        forms.iter().filter(|case| case["superseded"] != true).map(|case| (name(case), case)).collect();
    let mut superseded = 0;
    for case in &forms {
        let media = json!({case["media"].as_str().unwrap(): {"schema": case["schema"], "encoding": case["encoding"]}});
        let loaded = Loaded::body(case["oas"].as_str().unwrap(), &media, &json!({}));
        let request = loaded.call(&json!({"body": case["value"]})).unwrap();
        assert_eq!(loaded.told(), [""; 0], "{case}");
        let (opcall::Content::Form { text, .. }, older) = (request.content(), case["superseded"] == true)
        else {
            panic!("no form: {case}")
        };
        let wins = if older { newest[&name(case)] } else { case };
        assert_eq!(text, wins["expected_body"].as_str().unwrap(), "{case}");
        superseded += usize::from(older);
        assert_eq!(older, text != case["expected_body"].as_str().unwrap(), "{case}");
    }
    assert_eq!(superseded, 2);
}

/// What the specification marks `n/a`: told when the document is read, written as the nearest form that there is.
#[test]
fn every_combination_without_a_form_is_told() {
    let mut all = Vec::new();
    for case in list(&cases(), "undefined_combinations", 15) {
        let loaded = Loaded::one(case["oas"].as_str().unwrap(), "/a", &json!([parameter(&case)]));
        let request = loaded.call(&json!({"color": case["value"]})).unwrap();
        let told = loaded.told();
        assert_eq!(told.len(), 1, "{case}: {told:?}");
        let (id, query) = (case["id"].as_str().unwrap(), at(&request, "query", ""));
        all.push(format!("{id}\n  {}\n  -> {query:?}", told[0]));
    }
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("styles-without-a-form", all.join("\n"));
    });
}

/// Further combinations that no version gives a form.
#[test]
fn styles_out_of_place_are_told() {
    let list = json!({"type": "array", "items": {"type": "string"}});
    let lists = json!({"type": "array", "items": {"type": "array", "items": {"type": "string"}}});
    let nested = json!({"type": "object", "properties": {"inner": {"type": "object"}}});
    let cases = [
        json!({"name": "x", "in": "query", "style": "label", "schema": list}),
        json!({"name": "x", "in": "path", "required": true, "style": "form", "schema": list}),
        json!({"name": "x", "in": "header", "style": "matrix", "schema": list}),
        json!({"name": "x", "in": "cookie", "style": "spaceDelimited", "explode": false, "schema": list}),
        json!({"name": "x", "in": "cookie", "schema": list}),
        json!({"name": "x", "in": "query", "style": "deepObject", "explode": false, "schema": nested}),
        json!({"name": "x", "in": "query", "schema": lists}),
        json!({"name": "x", "in": "query", "schema": nested}),
        json!({"name": "x", "in": "header", "schema": nested}),
    ];
    let mut all = Vec::new();
    for case in cases {
        let loaded = Loaded::one("3.2.0", &path_of(&case), &json!([case]));
        let value = match case["schema"]["type"].as_str() {
            Some("object") => json!({"inner": {"a": ["b c"]}}),
            _ if case["schema"]["items"]["type"] == "array" => json!([["a", "b"], ["c"]]),
            _ => json!(["a", "b c"]),
        };
        let request = loaded.call(&json!({"x": value})).unwrap();
        let text = at(&request, case["in"].as_str().unwrap(), "x");
        all.push(format!("{case}\n  {}\n  -> {text:?}", loaded.told().join("\n  ")));
    }
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("styles-out-of-place", all.join("\n"));
    });
}

fn deep(own: &Value, of_document: &Value) -> String {
    let mut parameter = json!({"name": "f", "in": "query", "style": "deepObject", "explode": true,
        "schema": {"type": "object"}});
    let mut more = json!({});
    for (target, arrays) in [(&mut parameter, own), (&mut more, of_document)] {
        if let Some(arrays) = arrays.as_str() {
            target["x-deep-object-arrays"] = arrays.into();
        }
    }
    let operation = json!({"operationId": "call", "parameters": [parameter], "responses": {}});
    let loaded = load("3.1.0", &json!({"/a": {"get": operation}}), &more);
    assert_eq!(loaded.told(), [""; 0]);
    let filter = json!({"a": {"b": {"c": "x y"}}, "ids": [1, 2], "by": [{"k": "n", "v": [true]}], "none": [], "null": null});
    let request = loaded.call(&json!({"f": filter})).unwrap();
    at(&request, "query", "").replace("%5B", "[").replace("%5D", "]")
}

#[test]
fn lists_in_deep_objects_are_written_as_the_document_says() {
    let brackets = "f[a][b][c]=x%20y&f[ids][]=1&f[ids][]=2&f[by][0][k]=n&f[by][0][v][]=true";
    let indices = "f[a][b][c]=x%20y&f[ids][0]=1&f[ids][1]=2&f[by][0][k]=n&f[by][0][v][0]=true";
    let repeat = "f[a][b][c]=x%20y&f[ids]=1&f[ids]=2&f[by][0][k]=n&f[by][0][v]=true";
    let none = Value::Null;
    assert_eq!(deep(&none, &none), brackets);
    for (word, wanted) in [("brackets", brackets), ("indices", indices), ("repeat", repeat)] {
        assert_eq!(deep(&word.into(), &none), wanted);
        assert_eq!(deep(&none, &word.into()), wanted);
        assert_eq!(deep(&word.into(), &json!("indices")), wanted);
    }
    let wrong = json!([{"name": "f", "in": "query", "style": "deepObject", "x-deep-object-arrays": "dots",
        "schema": {"type": "object"}}]);
    let told = Loaded::one("3.1.0", "/a", &wrong).told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with(
            "#/paths/~1a/get/parameters/0/x-deep-object-arrays: must be one of `brackets`, `indices`, `repeat`, got `dots`"
        ),
        "{told:?}"
    );
}

#[test]
fn reserved_characters_pass_where_the_document_lets_them() {
    let reserved = ":/?#[]@!$&'()*+,;=%2F%zz é";
    let text = |place: &str, more: &Value| {
        let mut parameter = json!({"name": "x", "in": place, "required": true, "allowReserved": true,
            "schema": {"type": "string"}});
        parameter.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let loaded = Loaded::one("3.2.0", &path_of(&parameter), &json!([parameter]));
        let value = if place == "path" { reserved.replace('/', "") } else { reserved.to_owned() };
        at(&loaded.call(&json!({"x": value})).unwrap(), place, "x")
    };
    // `#` ends a query, `'` would be rewritten there; `?` and `#` end a path; `,` and `;` end a cookie's value.
    assert_eq!(text("query", &json!({})), "x=:/?%23[]@!$&%27()*+,;=%2F%25zz%20%C3%A9");
    assert_eq!(text("path", &json!({})), ":%3F%23[]@!$&'()*+,;=%2F%25zz%20%C3%A9");
    assert_eq!(text("path", &json!({"style": "label"})), ".:%3F%23[]@!$&'()*+,;=%2F%25zz%20%C3%A9");
    assert_eq!(text("cookie", &json!({})), "x=:/?#[]@!$&'()*+%2C%3B=%2F%25zz%20%C3%A9");
    let loaded = Loaded::one(
        "3.2.0",
        "/a/{x}",
        &json!([{"name": "x", "in": "path", "required": true,
        "allowReserved": true, "schema": {"type": "string"}}]),
    );
    let other = "path.x: must not hold `/`: it would be another path";
    for (value, problem) in
        [("a/b", other), ("%2e%2E", "path.x: must not make the path segment `%2e%2E`: URLs fold it away")]
    {
        assert_eq!(
            loaded.call(&json!({"x": value})).map_err(|_| loaded.problems(&json!({"x": value}))).err(),
            Some(vec![problem.to_owned()])
        );
    }
}

#[test]
fn parameters_with_content_are_written_by_their_media_type() {
    let value = json!({"a": "x, y", "b": [1, null]});
    let text = |place: &str, media: &str, value: &Value| {
        let parameter =
            json!({"name": "x", "in": place, "required": true, "content": {media: {"schema": {}}}});
        let loaded = Loaded::one("3.2.0", &path_of(&parameter), &json!([parameter]));
        assert_eq!(loaded.told(), [""; 0]);
        at(&loaded.call(&json!({"x": value})).unwrap(), place, "x")
    };
    let encoded = "%7B%22a%22%3A%22x%2C%20y%22%2C%22b%22%3A%5B1%2Cnull%5D%7D";
    assert_eq!(text("query", "application/json", &value), format!("x={encoded}"));
    assert_eq!(text("path", "application/json", &value), encoded);
    assert_eq!(text("cookie", "application/vnd.x+json", &value), format!("x={encoded}"));
    assert_eq!(text("header", "application/json", &value), value.to_string());
    assert_eq!(text("querystring", "application/json", &value), encoded);
    assert_eq!(text("querystring", "text/plain", &json!("a b&c")), "a%20b%26c");
    let form = json!({"a": "x, y", "b": [1, 2]});
    assert_eq!(text("querystring", "application/x-www-form-urlencoded", &form), "a=x%2C+y&b=1&b=2");
    assert_eq!(text("query", "application/x-www-form-urlencoded", &form), "x=a%3Dx%252C%2By%26b%3D1%26b%3D2");
    assert_eq!(text("query", "text/plain", &json!("a b")), "x=a%20b");
    assert_eq!(text("header", "application/xml", &json!("<a/>")), "<a/>");
    assert_eq!(text("query", "application/json", &json!("a")), "x=%22a%22");
}

#[test]
fn numbers_keep_their_text_and_defaults_stay_at_home() {
    let parameters = json!([
        {"name": "n", "in": "query", "schema": {"type": "array", "items": {"type": "number"}}},
        {"name": "d", "in": "query", "schema": {"type": "integer", "default": 5}},
        {"name": "H", "in": "header", "schema": {"type": "string", "default": "x"}},
        {"name": "Authorization", "in": "header", "schema": {"type": "string", "default": "x"}},
    ]);
    let loaded = Loaded::one("3.1.0", "/a", &parameters);
    let numbers = Argument::from_json_text("[1.0, 1e400, 18446744073709551616, -0]").unwrap();
    let request = loaded.harness.command("call", [("n", numbers)]).prepare().unwrap();
    assert_eq!(at(&request, "query", ""), "n=1.0&n=1e400&n=18446744073709551616&n=-0");
    assert_eq!(request.headers().len(), 1, "{request:?}");
}

#[test]
fn cookies_hold_what_cookies_can() {
    let raw = json!({"name": "c", "in": "cookie", "style": "cookie", "schema": {}});
    let encoded = json!({"name": "f", "in": "cookie", "explode": false, "schema": {}});
    let loaded = Loaded::one("3.2.0", "/a", &json!([raw, encoded]));
    let request = loaded.call(&json!({"c": {"a": 1, "b": "x"}, "f": ["a;b", "c,d"]})).unwrap();
    assert_eq!(at(&request, "cookie", ""), "a=1; b=x; f=a%3Bb,c%2Cd");
    for value in [json!("a;b"), json!({"k": "a;b"}), json!({"k=": "a"}), json!({"k;": "a"})] {
        let problem = "cookie.c: must not hold `;`: it would be another cookie";
        let found = loaded.problems(&json!({"c": value}));
        assert_eq!(found.len(), 1, "{value}: {found:?}");
        assert!(found[0].starts_with("cookie.c: must not hold "), "{value}: {found:?} {problem}");
    }
    assert_eq!(
        loaded.problems(&json!({"c": "a\r\nb"})),
        ["cookie.c: must not hold line breaks or control characters"]
    );
}

#[test]
fn forms_and_xml_in_parameters_follow_their_schema() {
    let form = json!({"application/x-www-form-urlencoded": {
        "schema": {"type": "object", "properties": {"ids": {"type": "array", "items": {}}}},
        "encoding": {"ids": {"explode": false}}}});
    let pet = json!({"application/xml": {"schema": {"type": "object", "xml": {"name": "pet"}, "properties": {
        "id": {"type": "integer", "xml": {"attribute": true}}, "name": {"type": "string"}}}}});
    let whole = Loaded::one("3.2.0", "/a", &json!([{"name": "x", "in": "querystring", "content": form}]));
    assert_eq!(whole.told(), [""; 0]);
    let request = whole.call(&json!({"x": {"ids": ["a b", "c"], "n": 1}})).unwrap();
    assert_eq!(at(&request, "query", ""), "ids=a+b,c&n=1");
    let header = Loaded::one("3.2.0", "/a", &json!([{"name": "x", "in": "header", "content": pet}]));
    let request = header.call(&json!({"x": {"name": "Rex", "id": 7}})).unwrap();
    assert_eq!(at(&request, "header", "x"), "<pet id=\"7\"><name>Rex</name></pet>");
    assert_eq!(
        header.problems(&json!({"x": {"name": "\u{b}"}})),
        ["header.x.name: must not hold the character '\\u{b}', which XML cannot carry"]
    );
}
