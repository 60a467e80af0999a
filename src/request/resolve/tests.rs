//! Routing, checks and bodies, each rule on a small document.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a failed test may panic")]

use serde_json::{Value, json};

use super::*;
use crate::operation::ParameterDef;
use crate::params;
use crate::params::{Body, FilePart};
use crate::request::testing::{BASE, body, call, call_with, one, problems, table, url};
use crate::request::{Content, PartContent};
use crate::table::OperationTable;

fn query(name: &str, schema: &Value) -> Value {
    json!({"name": name, "in": "query", "schema": schema})
}

fn required(place: &str, name: &str, schema: &Value) -> Value {
    json!({"name": name, "in": place, "required": true, "schema": schema})
}

fn with_body(id: &str, media_type: &str, schema: &Value) -> Value {
    let body = json!({"required": true, "content": {media_type: {"schema": schema}}});
    json!({"operationId": id, "requestBody": body, "responses": {}})
}

fn api() -> OperationTable {
    let ids = json!({"type": "array", "items": {"type": "string"}});
    let text = json!({"type": "string"});
    let token = json!({
        "type": "object", "required": ["label", "id"],
        "properties": {
            "id": text, "label": {"type": "string", "maxLength": 5}, "revoked": {"type": "boolean"},
            "expires_timestamp": {"type": "string", "nullable": true}, "count": {"type": "integer"}, "tags": ids,
        },
    });
    let multipart = json!({
        "type": "object", "required": ["sample"],
        "properties": {
            "sample": {"type": "string", "format": "binary"}, "is_confidential": {"type": "boolean"},
            "tag": ids, "meta": {"type": "object"}, "comment": text,
        },
    });
    table(
        &json!({
            "/tokens": {
                "get": {"operationId": "list", "responses": {}, "parameters": [
                    query("limit", &json!({"type": "integer", "minimum": 1, "maximum": 1000})),
                    query("offset", &json!({"type": "integer"})),
                    query("filter", &text),
                    query("ids", &ids),
                    {"name": "X-Trace-Id", "in": "header", "schema": text},
                    {"name": "session", "in": "cookie", "schema": text},
                ]},
                "delete": {"operationId": "delete", "responses": {}, "parameters": [
                    required("query", "ids", &ids), {"name": "kinds", "in": "query", "explode": false, "schema": ids},
                ]},
                "post": with_body("create", "application/json", &token),
            },
            "/tokens/{id}": {
                "parameters": [required("path", "id", &text)],
                "put": with_body("update", "application/json", &token),
                "get": {"operationId": "read", "responses": {}, "parameters": [query("id", &text)]},
            },
            "/free": {"post": with_body("free", "application/json", &json!({"type": "object"}))},
            "/open": {"post": with_body("open", "application/json", &json!({
                "type": "object", "properties": {"label": text}, "additionalProperties": true}))},
            "/bulk": {"post": with_body("bulk", "application/json", &json!({"type": "array", "items": {"type": "integer"}}))},
            "/upload": {"post": with_body("upload", "multipart/form-data", &multipart)},
            "/form": {"post": with_body("form", "application/x-www-form-urlencoded", &json!({
                "type": "object", "required": ["client_id"],
                "properties": {"client_id": text, "n": {"type": "string"}, "ids": ids}}))},
            "/raw": {"put": {"operationId": "raw", "responses": {}, "requestBody": {"content": {
                "application/json": {"schema": {"type": "object", "properties": {"a": text}}},
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}},
            "/optional": {"post": {"operationId": "optional", "responses": {}, "requestBody": {"content": {
                "application/json": {"schema": {"type": "object", "required": ["a"], "properties": {"a": text}}}}}}},
            "/bag": {"post": with_body("bag", "application/json", &json!({
                "type": "object", "properties": {"body": text, "parameters": {"type": "object"}}}))},
        }),
        &json!({}),
    )
}

#[test]
fn declared_parameters_stand_in_the_documents_order() {
    let request = call(
        &api(),
        "list",
        params! { filter: "status:'valid'", limit: 5, "x-trace-id": "t", session: "a b" },
    );
    let request = request.unwrap();
    assert_eq!(request.url, format!("{BASE}/tokens?limit=5&filter=status%3A%27valid%27"));
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(headers, ["accept: */*", "x-trace-id: t", "cookie: session=a%20b"]);
    assert_eq!((request.operation.as_deref(), request.body), (Some("test:list"), Content::None));
}

#[test]
fn names_find_their_place_without_case_and_dashes() {
    assert_eq!(
        url(call(&api(), "list", params! { LIMIT: 1, "query.Offset": "2" })),
        "/tokens?limit=1&offset=2"
    );
    let both = problems(call(&api(), "list", params! { limit: 1, "query.limit": 2 }));
    assert_eq!(both, ["query.limit: is given twice"]);
}

#[test]
fn numbers_keep_their_text() {
    let params = Params::from_json_text(r#"{"offset": 18446744073709551616, "filter": 1.0}"#).unwrap();
    assert_eq!(url(call(&api(), "list", params)), "/tokens?offset=18446744073709551616&filter=1.0");
}

#[test]
fn one_value_is_one_element_and_a_comma_text_is_several() {
    let table = api();
    let ids = |value: crate::Argument| url(call(&table, "list", [("ids", value)]));
    assert_eq!(ids("a".into()), "/tokens?ids=a");
    assert_eq!(ids("ID1, ID2,ID3".into()), "/tokens?ids=ID1&ids=ID2&ids=ID3");
    assert_eq!(ids(["a,b", "c"].into()), "/tokens?ids=a%2Cb&ids=c");
    assert_eq!(ids("".into()), "/tokens?ids=");
    let created = body(call(&table, "create", params! { id: 1.to_string(), label: "ci", tags: "a,b" }));
    assert_eq!(created, r#"{"json":{"id":"1","label":"ci","tags":["a","b"]}}"#);
}

#[test]
fn nothing_is_sent_for_null_and_an_empty_list_never_widens_a_change() {
    let table = api();
    assert_eq!(url(call(&table, "list", json!({"ids": [], "filter": null, "limit": null}))), "/tokens");
    assert_eq!(url(call(&table, "list", json!({"filter": ""}))), "/tokens?filter=");
    let empty = "query.ids: must not be empty: that would widen what is changed";
    for value in [json!([]), json!([null])] {
        assert_eq!(problems(call(&table, "delete", json!({"ids": value}))), [empty]);
    }
    assert_eq!(problems(call(&table, "delete", json!({"ids": null}))), ["query.ids: is required"]);
    let options = CallOptions { no_validate: true, ..CallOptions::default() };
    assert_eq!(problems(call_with(&table, "delete", json!({"ids": []}), &options)), [empty]);
    assert_eq!(url(call(&table, "delete", json!({"ids": ["a"], "kinds": "x,y"}))), "/tokens?ids=a&kinds=x,y");
}

#[test]
fn an_empty_element_never_blurs_a_change() {
    let table = api();
    let hole = "must not hold an empty element: that would blur what is changed";
    let holed =
        [json!(""), json!(" "), json!([""]), json!(["a", ""]), json!(["a", null]), json!(","), json!("a,")];
    for value in holed {
        let found = problems(call(&table, "delete", json!({"ids": value})));
        assert_eq!(found, [format!("query.ids: {hole}")], "{value}");
        let found = problems(call(&table, "delete", json!({"ids": "a", "kinds": value})));
        assert_eq!(found, [format!("query.kinds: {hole}")], "{value}");
    }
    for value in [json!([""]), json!(["a", ""]), json!(["a", null])] {
        let found = problems(call(&table, "delete", json!({"ids": "a", "query.new": value})));
        assert_eq!(found, [format!("query.new: {hole}")], "{value}");
        assert_eq!(problems(unlisted(Method::Delete, "/new", json!({"ids": value}))).len(), 1, "{value}");
    }
    assert_eq!(url(call(&table, "delete", json!({"ids": "a", "query.new": ""}))), "/tokens?ids=a&new=");
    assert_eq!(url(call(&table, "list", json!({"ids": ["a", ""]}))), "/tokens?ids=a&ids=");
    let options = CallOptions { no_validate: true, ..CallOptions::default() };
    assert_eq!(problems(call_with(&table, "delete", json!({"ids": ""}), &options)).len(), 1);
}

#[test]
fn all_problems_come_at_once_in_the_order_of_the_arguments() {
    let found =
        problems(call(&api(), "create", json!({"expires": "x", "label": 5, "count": "many", "revoked": 0})));
    assert_eq!(
        found,
        [
            "expires: is not known here [expires_timestamp]",
            "body.label: must be a string, got 5",
            "body.count: must be an integer, got \"many\"",
            "body.revoked: must be a boolean, got 0",
            "body.id: is required",
        ]
    );
    let found =
        problems(call(&api(), "list", json!({"ids": [1, {}], "limit": "5000", "offset": [1], "limt": 1})));
    assert_eq!(
        found,
        [
            "query.ids[1]: must be a string, got {}",
            "query.limit: must be at most 1000, got 5000",
            "query.offset: must be an integer, got [1]",
            "limt: is not known here [limit]",
        ]
    );
    let error = call(&api(), "create", json!({"expires": "x", "label": 5, "id": "a"})).unwrap_err();
    insta::assert_snapshot!(error, @r#"
    test:create: 2 arguments do not fit
      expires     is not known here; nearest: expires_timestamp
      body.label  must be a string, got 5
    "#);
}

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
fn of_two_places_with_one_name_the_path_comes_first() {
    assert_eq!(url(call(&api(), "read", [("id", "a")])), "/tokens/a");
    assert_eq!(url(call(&api(), "read", params! { "query.id": "q", "id": "a" })), "/tokens/a?id=q");
    assert_eq!(problems(call(&api(), "read", [("query.id", "q")])), ["path.id: is required"]);
    assert_eq!(
        problems(call(&api(), "read", params! { id: "a", "path.x": 1 })),
        ["path.x: is not known here"]
    );
}

#[test]
fn a_named_place_takes_what_the_document_does_not_know() {
    let request = call(
        &api(),
        "list",
        params! { "query.new": ["a", "b"], "header.X-New": "h", "cookie.c": 1, limit: 2 },
    );
    let request = request.unwrap();
    assert_eq!(request.url, format!("{BASE}/tokens?limit=2&new=a&new=b"));
    assert_eq!(request.headers[1..], [("x-new".into(), "h".into()), ("cookie".into(), "c=1".into())]);
    let options = CallOptions { allow_unknown: true, ..CallOptions::default() };
    assert_eq!(
        url(call_with(&api(), "list", params! { new: 1, limit: 2 }, &options)),
        "/tokens?limit=2&new=1"
    );
}

#[test]
fn the_bags_of_other_clients_are_opened() {
    let table = api();
    let bag = json!({"parameters": {"limit": 5, "ids": "a,b"}});
    assert_eq!(url(call(&table, "list", bag)), "/tokens?limit=5&ids=a&ids=b");
    let found = problems(call(&table, "list", json!({"parameters": {"limt": 5}})));
    assert_eq!(found, ["parameters.limt: is not known here [limit]"]);
    assert_eq!(
        problems(call(&table, "list", json!({"parameters": 5}))),
        ["parameters: must be an object of query parameters, got 5"]
    );
    let whole = json!({"body": {"label": "ci"}, "id": "a"});
    assert_eq!(body(call(&table, "create", whole)), r#"{"json":{"label":"ci","id":"a"}}"#);
    let declared = json!({"body": "b", "parameters": {"a": 1}});
    assert_eq!(body(call(&table, "bag", declared)), r#"{"json":{"body":"b","parameters":{"a":1}}}"#);
}

#[test]
fn what_is_no_object_of_arguments_is_a_problem() {
    let found = problems(call(&api(), "list", json!([1])));
    assert_eq!(found, ["arguments: must be an object of names and values, got [1]"]);
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
    assert_eq!(request.body, Content::Bytes(b"\xff\x00".to_vec().into()));
    let file = call(&table, "raw", [("body", FilePart::path("/tmp/a.bin"))]).unwrap();
    assert_eq!(
        (file.headers[1].1.as_str(), file.body),
        ("application/octet-stream", Content::File("/tmp/a.bin".into()))
    );
    let json = call(&table, "raw", [("a", "x")]).unwrap();
    assert_eq!(
        (json.headers[1].1.as_str(), json.body),
        ("application/json", Content::Json(r#"{"a":"x"}"#.into()))
    );
    let chosen = CallOptions { content_type: Some("application/octet-stream".into()), ..with("text") };
    assert_eq!(call_with(&table, "raw", (), &chosen).unwrap().body, Content::Text("text".into()));
}

#[test]
fn a_body_that_may_be_absent_is_absent_but_its_type_is_sent() {
    let request = call(&api(), "optional", ()).unwrap();
    assert_eq!((request.body, request.headers[1].1.as_str()), (Content::None, "application/json"));
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
    let Content::Multipart(parts) = text.body else {
        return assert!(matches!(text.body, Content::Multipart(_)));
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
fn without_checks_misfits_are_warnings_and_routing_stays() {
    let options = CallOptions { no_validate: true, ..CallOptions::default() };
    let request = call_with(&api(), "list", json!({"limit": "many"}), &options).unwrap();
    assert_eq!(request.url, format!("{BASE}/tokens?limit=many"));
    assert_eq!(request.warnings[0].problem, "must be an integer, got \"many\"");
    let request = call_with(&api(), "create", json!({"label": 5}), &options).unwrap();
    assert_eq!((request.body, request.warnings.len()), (Content::Json("{\"label\":5}".into()), 2));
    assert_eq!(
        problems(call_with(&api(), "list", json!({"limt": 5}), &options)),
        ["limt: is not known here [limit]"]
    );
}

#[test]
fn headers_of_the_caller_win_and_break_nothing() {
    let options = CallOptions {
        headers: vec![("Accept".into(), "text/csv".into()), ("X-Own".into(), String::new())],
        ..CallOptions::default()
    };
    let request = call_with(&api(), "list", [("X-Trace-Id", "t")], &options).unwrap();
    let names: Vec<_> = request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(names, ["accept: text/csv", "x-trace-id: t", "x-own: "]);
    let dropped = CallOptions { dropped_headers: vec!["Accept".into()], ..CallOptions::default() };
    assert!(call_with(&api(), "list", (), &dropped).unwrap().headers.is_empty());
    let control = "must not hold line breaks or control characters";
    for (value, problem) in [
        ("a\r\nx: y", control),
        ("a\0", control),
        ("\u{7f}", control),
        ("é", "must be ASCII: headers carry nothing else reliably"),
        (" a", "must not begin or end with a space: it would be lost on the way"),
    ] {
        let found = problems(call(&api(), "list", [("X-Trace-Id", value)]));
        assert_eq!(found, [format!("header.X-Trace-Id: {problem}")]);
    }
    assert_eq!(problems(call(&api(), "list", [("header.a b", "x")])), ["header.a b: is no name of a header"]);
}

#[test]
fn headers_of_the_connection_are_left_to_the_client() {
    for name in ["Host", "content-length", "TRANSFER-ENCODING", "Connection", "Expect", "te"] {
        let options = CallOptions { headers: vec![(name.into(), "1".into())], ..CallOptions::default() };
        let found = problems(call_with(&api(), "list", (), &options));
        assert_eq!(found, [format!("header.{name}: is set by the HTTP client")]);
        let argument = Params::from([(format!("header.{name}"), "1")]);
        assert_eq!(problems(call(&api(), "list", argument)), found);
    }
}

fn unlisted(method: Method, path: &str, params: impl Into<Params>) -> Result<Request, ArgumentsError> {
    resolve_unlisted("test", &method, BASE, path, &params.into(), &CallOptions::default())
}

#[test]
fn endpoints_of_no_table_are_called_by_their_path() {
    let request =
        unlisted(Method::Get, "/new/{id}/v1?a=b", params! { id: "x/y", limit: 5, "header.x-h": "h" })
            .unwrap();
    assert_eq!(request.url, format!("{BASE}/new/x%2Fy/v1?a=b&limit=5"));
    assert_eq!(*request.headers, [("accept".into(), "*/*".into()), ("x-h".into(), "h".into())]);
    let in_query = unlisted(Method::Post, "/new?a={a}&b=({b})&c={c}", params! { a: [1, 2], b: "x&y", d: 3 });
    let in_query = in_query.unwrap();
    assert_eq!(in_query.url, format!("{BASE}/new?a=1&a=2&b=(x%26y)"));
    assert_eq!(in_query.body, Content::Json(r#"{"d":3}"#.to_owned()));
    let request =
        unlisted(Method::Post, "/new", params! { a: 1, "query.q": [1, 2], "body.b": true }).unwrap();
    assert_eq!(request.url, format!("{BASE}/new?q=1&q=2"));
    assert_eq!(request.body, Content::Json(r#"{"a":1,"b":true}"#.into()));
    assert_eq!(url(unlisted(Method::Delete, "/new", [("ids", ["a", "b"])])), "/new?ids=a&ids=b");
    assert_eq!(problems(unlisted(Method::Delete, "/new", json!({"ids": []}))).len(), 1);
    assert_eq!(problems(unlisted(Method::Get, "/new/{id}", ())), ["path.id: is required"]);
    for segment in [".", "..", "%2e%2E", ".%2e"] {
        let dots = format!("path: must not have the segment `{segment}`: URLs fold it away");
        for path in [format!("/new/{segment}/things/v1"), format!("/new/{segment}?a=b")] {
            assert_eq!(problems(unlisted(Method::Get, &path, ())), [dots.as_str()]);
        }
    }
    let error = unlisted(Method::Get, "/new/{id}", [("id", "..")]).unwrap_err();
    assert_eq!(error.operation, "test:GET /new/{id}");
    assert_eq!(body(unlisted(Method::Put, "/new", json!({"body": [1]}))), r#"{"json":[1]}"#);
}

#[test]
fn what_the_http_client_sets_is_no_parameter() {
    let header =
        |name: &str| json!({"name": name, "in": "header", "required": true, "schema": {"type": "string"}});
    let table = table(
        &json!({"/a": {"get": {"operationId": "a", "responses": {},
            "parameters": [header("Content-Length"), header("host"), header("X-Own")]}}}),
        &json!({}),
    );
    let headers = call(&table, "a", [("X-Own", "1")]).unwrap().headers;
    assert_eq!(
        *headers,
        [("accept", "*/*"), ("x-own", "1")].map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert_eq!(
        problems(call(&table, "a", params! { "X-Own": "1", "header.content-length": 5 })),
        ["header.content-length: is set by the HTTP client"]
    );
}

#[test]
fn a_range_is_sent_as_the_type_that_it_is_written_as() {
    for (range, value, media_type) in [
        ("application/*+json", json!({"a": 1}), "application/json"),
        ("application/*+xml", json!("<a/>"), "application/xml"),
        ("text/*+xml", json!("<a/>"), "text/xml"),
        ("text/*", json!("a"), "text/plain"),
        ("*/*", json!("a"), "application/octet-stream"),
    ] {
        let content = json!({"content": {range: {"schema": {}}}});
        let table = table(
            &json!({"/a": {"post": {"operationId": "a", "requestBody": content, "responses": {}}}}),
            &json!({}),
        );
        let request = call(&table, "a", json!({"body": value})).unwrap();
        let sent = request.headers.iter().find(|(name, _)| name == "content-type");
        assert_eq!(sent.map(|(_, value)| value.as_str()), Some(media_type), "{range}");
    }
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
        let sent = |value: Value| call(&table, "a", json!({"body": value})).unwrap().body;
        assert_eq!(sent(json!([1, {"a": 2}])), Content::Text(text.to_owned()));
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
fn many_arguments_find_their_places_as_few_do() {
    let names: Vec<_> = (0..40).map(|number| format!("p{number}")).collect();
    let of_query = |name: &String| ParameterDef::blank(name, Location::Query, Style::Form, true);
    let header = ParameterDef::blank("p7", Location::Header, Style::Simple, false);
    let table = one("/a", names.iter().map(of_query).chain([header]).collect());
    let given = names.iter().map(|name| (name.as_str(), "v")).chain([("header.p7", "h")]);
    let request = call(&table, "one", given.collect::<Vec<_>>()).unwrap();
    let pairs: Vec<_> = names.iter().map(|name| format!("{name}=v")).collect();
    assert_eq!(request.url, format!("{BASE}/a?{}", pairs.join("&")));
    assert_eq!(request.headers[1], ("p7".to_owned(), "h".to_owned()));
    let unknown = problems(call(&table, "one", [("p40", "v")]));
    assert!(unknown.len() == 1 && unknown[0].starts_with("p40: is not known here"), "{unknown:?}");
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
