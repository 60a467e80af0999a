//! The specification's style table and worked examples, and round trips.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::operation::{Location, ParameterDef};
use crate::request::testing::{call, one, url};

fn cases() -> Value {
    serde_json::from_str(include_str!("../../tests/data/oas_styles.json")).unwrap()
}

fn location(case: &Value) -> Location {
    serde_json::from_value(case["in"].clone()).unwrap()
}

fn style(case: &Value) -> Style {
    serde_json::from_value(case["style"].clone()).unwrap_or(Style::Form)
}

/// The style table of the specification, one row a cell.
#[test]
fn every_cell_of_the_style_table() {
    let cases = cases();
    let distinct = cases["distinct"].as_array().unwrap();
    assert_eq!(distinct.len(), 58);
    for case in distinct {
        let style = style(case);
        let is_plain = location(case) == Location::Header || style == Style::Cookie;
        let escape = if is_plain { Escape::Never } else { Escape::Unreserved };
        let explode = case["explode"].as_bool().unwrap_or(true);
        let mut text = String::new();
        write(&mut text, Rules::new("color", style, explode, escape), &case["value"].clone().into());
        assert_eq!(text, case["expected"].as_str().unwrap(), "{case}");
    }
}

fn defined(case: &Value) -> crate::operation::ParameterDef {
    let (place, explode) = (location(case), case["explode"].as_bool().unwrap_or(false));
    let mut def = ParameterDef::blank(case["name"].as_str().unwrap_or("whole"), place, style(case), explode);
    def.allow_reserved = case["allowReserved"].as_bool().unwrap_or(false);
    def.content = case["content"].as_str().map(str::to_owned);
    def
}

/// The worked examples of one parameter, as whole requests.
#[test]
fn every_worked_example_of_a_parameter() {
    let cases = cases();
    for case in cases["text"].as_array().unwrap() {
        let (def, value) = (defined(case), case["value"].clone());
        let (name, place) = (def.name.clone(), def.location);
        let path = if place == Location::Path { format!("/a/{{{name}}}") } else { "/a".to_owned() };
        let request = call(&one(&path, vec![def]), "one", [(name.as_str(), value)]);
        let header = |wanted: &str| {
            let headers = &request.as_ref().unwrap().headers;
            headers
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value.clone())
        };
        let text = match place {
            Location::Header => header(&name),
            Location::Cookie => header("cookie"),
            Location::Path => url(request).strip_prefix("/a/").map(str::to_owned),
            _ => url(request).strip_prefix("/a?").map(str::to_owned),
        };
        assert_eq!(text.as_deref(), case["expected"].as_str(), "{}", case["id"]);
    }
}

#[test]
fn every_worked_example_of_several_parameters() {
    let cases = cases();
    for case in cases["query_multi"].as_array().unwrap() {
        let params = case["params"].as_array().unwrap();
        let given = params.iter().map(|one| (one["name"].as_str().unwrap(), one["value"].clone()));
        let table = one("/a", params.iter().map(defined).collect());
        let wanted = format!("/a?{}", case["expected_query"].as_str().unwrap());
        assert_eq!(url(call(&table, "one", given.collect::<Vec<_>>())), wanted, "{}", case["id"]);
    }
}

#[test]
fn every_worked_example_of_a_form() {
    let cases = cases();
    // Two rows hold the encoding that the later versions of the specification correct.
    let current = |case: &&Value| case["superseded"] != true;
    for case in cases["form"].as_array().unwrap().iter().filter(current) {
        let Argument::Object(members) = case["value"].clone().into() else { panic!("no object") };
        let encodings = case["encoding"].to_string();
        let text = super::super::encode::form_text(&members, &serde_json::from_str(&encodings).unwrap());
        assert_eq!(text, case["expected_body"].as_str().unwrap(), "{}", case["id"]);
    }
}

fn written(style: Style, explode: bool, escape: Escape, value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, Rules::new("c", style, explode, escape), &value.into());
    text
}

#[test]
fn what_the_specification_leaves_open() {
    use serde_json::json;
    let form = |value| written(Style::Form, true, Escape::Unreserved, &value);
    assert_eq!(form(json!([])), "");
    assert_eq!(form(json!({})), "");
    assert_eq!(form(json!(null)), "");
    assert_eq!(form(json!([null, "", "a"])), "c=&c=a");
    assert_eq!(form(json!([[1, 2], {"a": null}])), "c=%5B1%2C2%5D&c=%7B%22a%22%3Anull%7D");
    assert_eq!(form(json!(1e5)), "c=100000.0");
    let deep = |value| written(Style::DeepObject, true, Escape::Unreserved, &value);
    assert_eq!(
        deep(json!({"a": {"b": 1}, "d": [2, 3], "e": null})),
        "c%5Ba%5D%5Bb%5D=1&c%5Bd%5D%5B%5D=2&c%5Bd%5D%5B%5D=3"
    );
    assert_eq!(deep(json!([1, 2])), "c%5B%5D=1&c%5B%5D=2");
    assert_eq!(deep(json!({"a": [{"b": 1}, {"b": 2}]})), "c%5Ba%5D%5B0%5D%5Bb%5D=1&c%5Ba%5D%5B1%5D%5Bb%5D=2");
    assert_eq!(written(Style::PipeDelimited, true, Escape::Unreserved, &json!(["a", "b"])), "c=a&c=b");
    assert_eq!(written(Style::TabDelimited, false, Escape::Unreserved, &json!(["a", "b"])), "c=a%09b");
    assert_eq!(written(Style::Matrix, true, Escape::Unreserved, &json!(["", "b"])), ";c;c=b");
    assert_eq!(
        written(Style::Form, false, Escape::ReservedInQuery, &json!("a/b?%2F%zz#'é [x]")),
        "c=a/b?%2F%25zz%23%27%C3%A9%20[x]"
    );
}

/// Percent-decoding written apart from the code under test.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes().iter();
    while let Some(byte) = rest.next() {
        if *byte == b'%' {
            let digits = [*rest.next().unwrap(), *rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

proptest! {
    #[test]
    fn lists_come_back_from_the_wire(items in proptest::collection::vec(".{0,12}", 1..5)) {
        let value = Value::from(items.clone());
        for (style, explode, separator) in [
            (Style::Form, true, "&c="), (Style::Form, false, ","), (Style::SpaceDelimited, false, "%20"),
            (Style::PipeDelimited, false, "%7C"), (Style::TabDelimited, false, "%09"),
        ] {
            let text = written(style, explode, Escape::Unreserved, &value);
            let list = text.strip_prefix("c=").unwrap();
            // An encoded delimiter inside a value cannot be told from one between values: the style's own limit.
            if separator.starts_with('%') && items.iter().any(|item| item.contains([' ', '|', '\t'])) {
                continue;
            }
            let back: Vec<_> = list.split(separator).map(decoded).collect();
            prop_assert_eq!(&back, &items, "{:?} {}", style, text);
        }
    }

    #[test]
    fn one_value_comes_back_from_path_query_and_form(value in ".{1,24}") {
        for style in [Style::Simple, Style::Label, Style::Matrix] {
            let text = written(style, false, Escape::Unreserved, &value.clone().into());
            let inner = text.strip_prefix(".").filter(|_| style == Style::Label)
                .or(text.strip_prefix(";c=")).unwrap_or(&text);
            prop_assert_eq!(decoded(inner), value.clone());
        }
        let form = written(Style::Form, true, Escape::Form, &value.clone().into());
        let plain = form.strip_prefix("c=").unwrap().replace('+', " ");
        prop_assert_eq!(decoded(&plain), value);
    }
}

#[test]
fn what_is_not_unreserved_is_percent_encoded() {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

    const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    let mut all = String::new();
    for letter in ('\0'..'\u{900}').chain(['\u{20ac}', '\u{1f980}', 'a', 'b', '%', '-']) {
        all.push(letter);
        let mut written = String::new();
        escape(&mut written, &format!("a{letter}{letter}b"), Escape::Unreserved);
        assert_eq!(written, utf8_percent_encode(&format!("a{letter}{letter}b"), UNRESERVED).to_string());
    }
    let mut written = String::new();
    escape(&mut written, &all, Escape::Unreserved);
    assert_eq!(written, utf8_percent_encode(&all, UNRESERVED).to_string());
}
