//! Path templates, what is refused in them, and that URL parsers change nothing.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::operation::{Location, ParameterDef, Style};
use crate::request::testing::{BASE, call, one, problems, url};

fn written(base: &str, template: &str) -> String {
    let mut url = String::new();
    write_path(
        &mut url,
        (base, template),
        |_| false,
        &mut Problems::new(false),
        |name, out| {
            out.push_str(name);
            Some(0)
        },
    );
    url
}

#[test]
fn a_base_may_carry_a_path_and_a_slash() {
    assert_eq!(written("https://h/humio/", "/graphql"), "https://h/humio/graphql");
    assert_eq!(written("https://h", "graphql"), "https://h/graphql");
    assert_eq!(written("https://h", "/a b/ü/{x:[0-9]+}/"), "https://h/a%20b/%C3%BC/x/");
    assert_eq!(written("https://h", "/100%/%2f/%zz%/%%41"), "https://h/100%25/%2f/%25zz%25/%25%41");
}

#[test]
fn what_would_be_another_path_is_refused() {
    let table = one("/a/{x}/b", vec![ParameterDef::blank("x", Location::Path, Style::Simple, false)]);
    let dots = "must not make the path segment `..`: URLs fold it away";
    assert_eq!(problems(call(&table, "one", [("x", "..")])), [format!("path.x: {dots}")]);
    assert_eq!(problems(call(&table, "one", [("x", "")])), ["path.x: must not be empty"]);
    assert_eq!(problems(call(&table, "one", [("x", None::<&str>)])), ["path.x: is required"]);
    assert_eq!(problems(call(&table, "one", ())), ["path.x: is required"]);
    assert_eq!(call(&table, "one", [("x", "../c?d#e")]).unwrap().url, format!("{BASE}/a/..%2Fc%3Fd%23e/b"));

    let mut free = ParameterDef::blank("x", Location::Path, Style::Simple, false);
    free.allow_reserved = true;
    let table = one("/a/{x}/b", vec![free]);
    assert_eq!(
        problems(call(&table, "one", [("x", "a/b")])),
        ["path.x: must not hold `/`: it would be another path"]
    );
    assert_eq!(
        problems(call(&table, "one", [("x", "%2E.")])),
        ["path.x: must not make the path segment `%2E.`: URLs fold it away"]
    );
    let table = one("/a/{x}/b", vec![ParameterDef::blank("x", Location::Path, Style::Label, false)]);
    assert_eq!(problems(call(&table, "one", [("x", "")])).len(), 1, "an empty label is `.`");
    let pair = |name| ParameterDef::blank(name, Location::Path, Style::Simple, false);
    let table = one("/a/{x}{y}", vec![pair("x"), pair("y")]);
    assert_eq!(
        problems(call(&table, "one", [("x", "."), ("y", ".")])).len(),
        1,
        "two variables, one segment"
    );
}

#[test]
fn a_query_in_the_path_key_comes_first() {
    let table = one("/a?b=c d", vec![ParameterDef::blank("q", Location::Query, Style::Form, true)]);
    assert_eq!(call(&table, "one", [("q", "x")]).unwrap().url, format!("{BASE}/a?b=c%20d&q=x"));
    assert_eq!(call(&table, "one", ()).unwrap().url, format!("{BASE}/a?b=c%20d"));
}

#[test]
fn variables_in_the_query_of_a_path_key_are_filled() {
    let q = || ParameterDef::blank("q", Location::Query, Style::Form, true);
    let x = || ParameterDef::blank("x", Location::Path, Style::Simple, false);
    let r = || ParameterDef::blank("r", Location::Query, Style::Form, true);
    let table = one("/a/{x}?q={q}&k=1&p={x}!#{z}", vec![x(), q(), r()]);
    let sent = |params: &serde_json::Value| url(call(&table, "one", params.clone()));
    assert_eq!(sent(&json!({"x": "1", "q": "a&b=c", "r": "2"})), "/a/1?q=a%26b%3Dc&k=1&p=1!&r=2");
    assert_eq!(sent(&json!({"x": "1"})), "/a/1?k=1&p=1!", "a pair without a value is left out");
    assert_eq!(sent(&json!({"x": "1", "q": ["a", "b"]})), "/a/1?q=a&q=b&k=1&p=1!");

    let table = one("/a?f=(id eq '{q}')&g={q}", vec![q()]);
    assert_eq!(url(call(&table, "one", [("q", "x y")])), "/a?f=(id%20eq%20%27x%20y%27)&g=x%20y");
    assert_eq!(url(call(&table, "one", ())), "/a");
    let table = one("/a?q={x}", vec![x()]);
    assert_eq!(url(call(&table, "one", [("x", "1/2")])), "/a?q=1%2F2");
    assert_eq!(problems(call(&table, "one", ())), ["path.x: is required"]);
    let table = one("/a?x={x}", vec![x()]);
    assert_eq!(url(call(&table, "one", [("x", "1&2")])), "/a?x=1%262");
}

#[test]
fn a_declared_name_may_hold_what_parts_a_pattern_from_one() {
    for (template, name) in
        [("/s/{id:[0-9]+}", "id"), ("/s/{id:[0-9]{3}}", "id"), ("/s/{a:b}", "a:b"), ("/s/{ id }", "id")]
    {
        let table = one(template, vec![ParameterDef::blank(name, Location::Path, Style::Simple, false)]);
        assert_eq!(url(call(&table, "one", [(name, "7")])), "/s/7", "{template}");
        assert_eq!(url(call(&table, "one", [(format!("path.{name}"), "7")])), "/s/7", "{template}");
    }
}

proptest! {
    #[test]
    fn a_url_parser_finds_nothing_to_change(path in ".{1,16}", query in ".{0,16}", free in ".{1,16}") {
        let mut reserved = ParameterDef::blank("f", Location::Query, Style::Form, true);
        reserved.allow_reserved = true;
        let x = ParameterDef::blank("x", Location::Path, Style::Simple, false);
        let q = ParameterDef::blank("q", Location::Query, Style::Form, true);
        let table = one("/a/{x}/b", vec![x, q, reserved]);
        let request = call(&table, "one", [("x", path.as_str()), ("q", &query), ("f", &free)]);
        if path == "." || path == ".." {
            prop_assert!(request.is_err());
        } else {
            let url = request.unwrap().url;
            let parsed = url::Url::parse(&url).unwrap();
            prop_assert_eq!(parsed.as_str(), &url);
            prop_assert_eq!(parsed.path_segments().unwrap().count(), 3);
            prop_assert!(url.parse::<http::Uri>().is_ok());
        }
    }
}
