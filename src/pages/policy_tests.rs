//! Every way that pages follow one another, and every way that they end.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

use http::header::HeaderMap;
use serde_json::{Value, json};

use super::*;

fn described(definition: Value) -> Policy {
    Policy::new(Some(serde_json::from_value(definition).unwrap())).unwrap()
}

fn counted() -> Policy {
    described(json!({"kind": "offset", "offset": "offset", "total": "/meta/total", "items": "/items"}))
}

fn marked() -> Policy {
    described(json!({"kind": "cursor", "cursor": "after", "next": "/next", "items": "/items"}))
}

fn after(policy: &mut Policy, result: &str, link: Option<&str>) -> Result<Step, Lost> {
    let url = Url::parse("https://api.example/v1/things?limit=2").unwrap();
    let headers: HeaderMap = link.map(|link| (LINK, link.parse().unwrap())).into_iter().collect();
    policy.follow(&Page { url: &url, headers: &headers, result })
}

fn follow(policy: &mut Policy, result: &Value) -> Step {
    after(policy, &result.to_string(), None).unwrap()
}

fn list(items: &[u32], total: impl serde::Serialize) -> Value {
    json!({"items": items, "meta": {"total": total}})
}

fn offset(value: u64) -> Step {
    Step::Argument("offset".to_owned(), Argument::from(value))
}

fn mark(value: &str) -> Step {
    Step::Argument("after".to_owned(), Argument::from_json_text(value).unwrap())
}

#[test]
fn counted_pages_end_at_their_total() {
    let mut policy = counted();
    assert_eq!(follow(&mut policy, &list(&[1, 2], 5)), offset(2));
    assert_eq!(follow(&mut policy, &list(&[3, 4], "5")), offset(4));
    assert_eq!(follow(&mut policy, &list(&[5], 5)), Step::Stop(StopReason::Complete));
}

#[test]
fn counting_starts_where_the_caller_starts() {
    let mut policy = counted();
    policy.start(&Argument::from("10")).unwrap();
    assert_eq!(follow(&mut policy, &list(&[1, 2], 14)), offset(12));
    assert_eq!(follow(&mut policy, &list(&[3, 4], 14)), Step::Stop(StopReason::Complete));
    assert_eq!(counted().start(&Argument::from("soon")), Err("is no number"));
    assert_eq!(counted().start(&Argument::Null), Ok(()));
}

#[test]
fn counted_pages_without_a_total_end_with_an_empty_page() {
    for total in [Value::Null, json!(0), json!(-1), json!("many")] {
        let mut policy = counted();
        assert_eq!(follow(&mut policy, &list(&[1, 2], &total)), offset(2));
        assert_eq!(follow(&mut policy, &list(&[3], &total)), offset(3));
        let end = follow(&mut policy, &list(&[], Value::Null));
        assert_eq!(end, Step::Stop(StopReason::Complete), "{total}");
    }
}

#[test]
fn an_empty_page_before_the_total_is_told() {
    let mut policy = counted();
    assert_eq!(follow(&mut policy, &list(&[1, 2], 5)), offset(2));
    assert_eq!(follow(&mut policy, &list(&[], 5)), Step::Stop(StopReason::EmptyPage));
    assert_eq!(follow(&mut counted(), &json!({"meta": {"total": 3}})), Step::Stop(StopReason::EmptyPage));
    assert_eq!(follow(&mut counted(), &list(&[], 0)), Step::Stop(StopReason::Complete));
}

#[test]
fn a_total_that_shrinks_is_told() {
    let mut policy = counted();
    assert_eq!(follow(&mut policy, &list(&[1, 2], 6)), offset(2));
    let end = Step::Stop(StopReason::TotalShrank { from: 6, to: 4 });
    assert_eq!(follow(&mut policy, &list(&[3, 4], 4)), end);
    let mut policy = counted();
    assert_eq!(follow(&mut policy, &list(&[1, 2], 6)), offset(2));
    assert_eq!(follow(&mut policy, &list(&[3, 4], 5)), offset(4));
    let end = Step::Stop(StopReason::TotalShrank { from: 6, to: 4 });
    assert_eq!(follow(&mut policy, &list(&[], 4)), end);
}

#[test]
fn a_service_that_does_not_count_is_found_out() {
    let mut policy = counted();
    assert_eq!(follow(&mut policy, &list(&[1, 2], 600)), offset(2));
    assert_eq!(follow(&mut policy, &list(&[1, 2], 600)), Step::Stop(StopReason::Repeated));
}

#[test]
fn marks_are_passed_on_as_they_came_until_there_is_none() {
    for text in ["\"a b/ü\"", "12345678901234567890123", "0", "[\"a\",1.0]", "{\"k\":1e2}", "true"] {
        let mut policy = marked();
        let result = format!("{{\"items\": [1], \"next\": {text}}}");
        assert_eq!(after(&mut policy, &result, None).unwrap(), mark(text), "{text}");
    }
    for end in ["null", "\"\"", "false", "[]", "{}"] {
        let result = format!("{{\"items\": [1], \"next\": {end}}}");
        assert_eq!(after(&mut marked(), &result, None).unwrap(), Step::Stop(StopReason::Complete), "{end}");
    }
    assert_eq!(follow(&mut marked(), &json!({"items": [1]})), Step::Stop(StopReason::Complete));
}

#[test]
fn a_mark_is_used_once() {
    let page = |next: &str| json!({"items": [1], "next": next});
    let mut policy = marked();
    for next in ["a", "b", "c"] {
        assert_eq!(follow(&mut policy, &page(next)), mark(&format!("\"{next}\"")));
    }
    assert_eq!(follow(&mut policy, &page("a")), Step::Stop(StopReason::Repeated));
    let mut policy = marked();
    policy.start(&Argument::from("a")).unwrap();
    assert_eq!(follow(&mut policy, &page("a")), Step::Stop(StopReason::Repeated));
}

#[test]
fn a_page_may_be_empty_but_not_a_hundred_in_a_row() {
    let mut policy = marked();
    let mut asked = 0;
    let end = loop {
        asked += 1;
        match follow(&mut policy, &json!({"items": [], "next": asked})) {
            Step::Stop(reason) => break reason,
            _ => assert!(asked < 1000),
        }
    };
    assert_eq!((end, asked), (StopReason::EmptyPage, 100));
    let mut policy = marked();
    for number in 0..300 {
        let items = if number % 90 == 0 { vec![number] } else { vec![] };
        assert_eq!(follow(&mut policy, &json!({"items": items, "next": number})), mark(&number.to_string()));
    }
}

#[test]
fn an_answer_that_is_no_json_has_no_next_page() {
    let Err(Lost::Answer(problem, Some(_))) = after(&mut marked(), "<html>", None) else { panic!("lost") };
    assert_eq!(problem, "it is no JSON");
}

fn address(written: &str) -> Result<Step, Lost> {
    let mut policy = described(json!({"kind": "link", "next": "/next", "items": "/items"}));
    after(&mut policy, &json!({"items": [1], "next": written}).to_string(), None)
}

#[test]
fn an_address_is_resolved_against_the_page_that_names_it() {
    for (written, expected) in [
        ("https://api.example/v1/things?page=2", "https://api.example/v1/things?page=2"),
        ("https://API.example:443/x/../v2?a=b#end", "https://api.example/v2?a=b"),
        ("//api.example/v3", "https://api.example/v3"),
        ("?page=2", "https://api.example/v1/things?page=2"),
        ("/v2/things", "https://api.example/v2/things"),
        ("more?x=ü", "https://api.example/v1/more?x=%C3%BC"),
    ] {
        assert_eq!(address(written).unwrap(), Step::Address(Url::parse(expected).unwrap()), "{written}");
    }
    assert_eq!(address("#end").unwrap(), Step::Stop(StopReason::Repeated));
    assert_eq!(address("").unwrap(), Step::Stop(StopReason::Complete));
    assert!(matches!(address("https://["), Err(Lost::Answer(..))));
}

#[test]
fn an_address_elsewhere_is_refused() {
    for written in [
        "https://other.example/v1/things",
        "http://api.example/v1/things",
        "https://api.example:444/",
        "https://api.example.evil.example/",
        "https://api.example@evil.example/",
        "//evil.example/",
        r"\\evil.example\",
        r"/\evil.example/",
        "https:\t//evil.example/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://user@api.example/",
        "https://user:word@api.example/",
        "https://аpi.example/",
        "https://2130706433/",
    ] {
        let Err(Lost::Unsafe(error)) = address(written) else { panic!("{written} is followed") };
        assert!(!error.sent && !error.problem.contains("word"), "{error}");
    }
}

#[test]
fn without_a_description_the_link_header_tells() {
    let next = Some(r#"<?page=2>; rel="next""#);
    let policy = || Policy::new(None).unwrap();
    let expected = Step::Address(Url::parse("https://api.example/v1/things?page=2").unwrap());
    assert_eq!(after(&mut policy(), "a,b,c", next).unwrap(), expected);
    let first = Some(r#"<?page=1>; rel="first""#);
    assert_eq!(after(&mut policy(), "[]", first).unwrap(), Step::Stop(StopReason::Complete));
    let mut linked = policy();
    after(&mut linked, "[1]", next).unwrap();
    assert_eq!(after(&mut linked, "[2]", None).unwrap(), Step::Stop(StopReason::Complete));
    assert!(matches!(after(&mut policy(), "[]", None), Err(Lost::Answer(NOTHING_SAYS, None))));
    let mut described = described(json!({"kind": "link", "items": ""}));
    assert_eq!(after(&mut described, "[1]", next).unwrap(), expected);
    assert_eq!(after(&mut described, "[1]", None).unwrap(), Step::Stop(StopReason::Complete));
}

#[test]
fn items_are_where_the_description_says_or_the_result_itself() {
    assert_eq!(counted().count(r#"{"items": [1, [2], {}]}"#), Some(3));
    assert_eq!(counted().count(r#"{"items": null}"#), Some(0));
    assert_eq!(counted().count("{}"), None);
    assert_eq!(Policy::new(None).unwrap().count("[1, 2]"), Some(2));
    assert_eq!(Policy::new(None).unwrap().count("{}"), None);
}

#[test]
fn a_description_that_lacks_something_is_no_policy() {
    let lacks = |definition: Value| Policy::new(Some(serde_json::from_value(definition).unwrap())).err();
    assert_eq!(lacks(json!({"kind": "offset", "items": ""})), Some("offset"));
    assert_eq!(lacks(json!({"kind": "cursor", "items": "", "next": "/n"})), Some("cursor"));
    assert_eq!(lacks(json!({"kind": "cursor", "items": "", "cursor": "c"})), Some("next"));
    assert_eq!(lacks(json!({"kind": "link", "items": ""})), None);
}
