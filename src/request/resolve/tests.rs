//! Routing and checks, each rule on a small document; bodies apart.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a failed test may panic")]

use serde_json::json;

use super::*;
use crate::operation::ParameterDef;
use crate::params;
use crate::request::Content;
use crate::request::testing::{BASE, body, call, call_with, one, problems, table, url};

mod api;
mod bodies;

use self::api::api;

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
    assert_eq!((request.operation.as_deref(), request.content()), (Some("test:list"), &Content::None));
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
fn without_checks_misfits_are_warnings_and_routing_stays() {
    let options = CallOptions { no_validate: true, ..CallOptions::default() };
    let request = call_with(&api(), "list", json!({"limit": "many"}), &options).unwrap();
    assert_eq!(request.url, format!("{BASE}/tokens?limit=many"));
    assert_eq!(request.warnings[0].problem, "must be an integer, got \"many\"");
    let request = call_with(&api(), "create", json!({"label": 5}), &options).unwrap();
    assert_eq!((request.content(), request.warnings.len()), (&Content::Json("{\"label\":5}".into()), 2));
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
    assert_eq!(*in_query.content(), Content::Json(r#"{"d":3}"#.to_owned()));
    let request =
        unlisted(Method::Post, "/new", params! { a: 1, "query.q": [1, 2], "body.b": true }).unwrap();
    assert_eq!(request.url, format!("{BASE}/new?q=1&q=2"));
    assert_eq!(*request.content(), Content::Json(r#"{"a":1,"b":true}"#.into()));
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
