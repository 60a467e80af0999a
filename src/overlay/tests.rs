//! Overlays and merge patches by the cases of `tests/data/overlays`, and what holds of all of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

/// An overlay of these actions.
fn overlay(version: &str, actions: &Value) -> Result<Overlays, SpecError> {
    let text = json!({"overlay": version, "info": {"title": "t", "version": "1"}, "actions": actions});
    Ok(Overlays::new(vec![Overlay::parse("fix.json", text.to_string().as_bytes(), Limits::default())?]))
}

/// What a case's actions make of its document.
fn run(case: &Value) -> (Result<Value, SpecError>, Vec<Warning>) {
    let mut document = case["document"].clone();
    let mut actions = case["actions"].clone();
    for number in 0..case["repeat"].as_u64().unwrap_or(0) {
        document[number.to_string()] = json!({"b": [1, 2, 3]});
    }
    for _ in 0..case["doubled"].as_u64().unwrap_or(0) {
        actions.as_array_mut().unwrap().push(json!({"target": "$.list", "copy": "$.list"}));
        document["list"] = json!([1]);
    }
    let version = case["overlay"].as_str().unwrap();
    let overlays = match overlay(version, &actions) {
        Ok(overlays) => overlays,
        Err(error) => return (Err(error), Vec::new()),
    };
    let (by_parts, whole) = both(&document, &overlays);
    assert_eq!(by_parts, whole);
    // Counted twice by now.
    let overlays = overlay(version, &actions).unwrap();
    let done = overlays.apply(&mut document, None);
    (done.map(|()| document), overlays.warnings())
}

/// What overlays make of a document as a text, of which only some parts become values, and as a value.
fn both(document: &Value, overlays: &Overlays) -> (Result<String, SpecError>, Result<String, SpecError>) {
    let text = document.to_string();
    let by_parts = crate::spec::repaired("a.json", text.as_bytes(), Limits::default(), overlays);
    let mut whole = document.clone();
    (by_parts.map(|(text, _)| text), overlays.apply(&mut whole, None).map(|()| whole.to_string()))
}

#[test]
fn every_case_is_as_its_file_says() {
    let text = include_bytes!("../../tests/data/overlays/actions.yaml");
    let cases = crate::spec::parse("actions.yaml", text, Limits::default()).unwrap().value;
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), 40);
    for case in cases {
        let name = case["case"].as_str().unwrap();
        let (done, warnings) = run(case);
        match (case.get("error"), done) {
            (Some(part), Err(error)) => {
                assert_eq!(error.file, "fix.json", "{name}");
                let told = error.to_string();
                assert!(told.contains(part.as_str().unwrap()), "{name}: {told}");
            }
            (None, Ok(document)) => assert_eq!(document, case["result"], "{name}"),
            (_, done) => panic!("{name}: {done:?}"),
        }
        if let Some(part) = case.get("warning").and_then(Value::as_str) {
            assert!(
                warnings.iter().any(|warning| warning.to_string().contains(part)),
                "{name}: {warnings:?}"
            );
        } else {
            assert!(case.get("error").is_some() || warnings.is_empty(), "{name}: {warnings:?}");
        }
    }
}

#[test]
fn what_a_target_does_not_look_at_costs_nothing_in_either_way() {
    let document = json!({"x": {"a": {"b": {"c": {"k": 1}}}}, "big": vec![1; 400_000], "y": {"z": 1}});
    for (target, is_done) in [("$.x..*..*..*", true), ("$.big..*..*..*", true), ("$..[?$..*]", false)] {
        let overlays = overlay("1.1.0", &json!([{"target": target, "remove": true}])).unwrap();
        let (by_parts, whole) = both(&document, &overlays);
        assert_eq!(by_parts.is_ok(), is_done, "{target}");
        assert!(by_parts == whole, "{target}");
    }
}

#[test]
fn all_cases_of_rfc_7396_hold() {
    let text = include_str!("../../tests/data/overlays/merge_patches.json");
    let cases: Vec<Value> = serde_json::from_str(text).unwrap();
    assert_eq!(cases.len(), 15);
    for case in cases {
        let mut document = case["original"].clone();
        merge::merge(&mut document, &case["patch"], &mut Vec::new(), &mut |_, _| {});
        assert_eq!(document, case["result"], "{case}");
    }
}

#[test]
fn the_content_says_what_a_file_is() {
    let told =
        |text: &str| Overlay::parse("o.yaml", text.as_bytes(), Limits::default()).unwrap_err().to_string();
    let patch = Overlay::parse("o.yaml", b"info:\n  title: x\n", Limits::default()).unwrap();
    assert!(matches!(patch.content, Content::MergePatch(_)));
    assert_eq!(told("[1]"), "o.yaml#: an overlay or a merge patch is an object at its top");
    assert_eq!(told("overlay: 1.1.0\n"), "o.yaml#/info: an overlay has `info` with `title` and `version`");
    let info = "overlay: 1.0.0\ninfo: {title: x, version: 1.0}\n";
    assert_eq!(told(info), "o.yaml#/actions: an overlay has a list of actions");
    assert_eq!(told(&format!("{info}extend: x\n")), "o.yaml#/extend: there is no member `extend` here");
    let hint = Overlay::parse("o", format!("{info}extend: x\n").as_bytes(), Limits::default())
        .unwrap_err()
        .hint
        .unwrap();
    assert_eq!(hint, "Write `extends`; there are overlay, info, extends, actions.");
    let whole =
        format!("{info}extends: ./a.yaml\nx-mine: 1\nactions: [{{target: $.a, remove: true, x-why: y}}]\n");
    assert_eq!(Overlay::parse("o", whole.as_bytes(), Limits::default()).unwrap().extends(), Some("./a.yaml"));
    let twice = Overlay::parse("o", b"a: 1\na: 2\n", Limits::default()).unwrap();
    assert_eq!(Overlays::new(vec![twice]).warnings().len(), 1);
}

#[test]
fn a_merge_patch_leaves_something() {
    let patch = Overlays::new(vec![Overlay::parse("p.json", br#"{"a": null}"#, Limits::default()).unwrap()]);
    let error = patch.apply(&mut json!({"a": 1}), None).unwrap_err();
    assert_eq!(error.to_string(), "p.json#: nothing is left of the document");
}

#[test]
fn edits_name_their_places() {
    let first = overlay(
        "1.1.0",
        &json!([
            {"target": "$.a", "update": {"b": [1, 2], "n": {"m": 1}}},
            {"target": "$.a.b[0]", "remove": true},
            {"target": "$.a.b", "copy": "$.a.n"},
        ]),
    );
    let mut document = json!({"a": {"b": [0]}});
    let mut edits = Vec::new();
    first.unwrap().apply(&mut document, Some(&mut edits)).unwrap();
    assert_eq!(document, json!({"a": {"b": [1, 2, {"m": 1}], "n": {"m": 1}}}));
    let told: Vec<String> = edits
        .iter()
        .map(|edit| {
            let sign = if edit.is_removal { "-" } else { "+" };
            format!("{sign}{} {}", place(&edit.place), pointer(edit.said.iter().map(String::as_str)))
        })
        .collect();
    assert_eq!(
        told,
        [
            "+#/a/b/1 #/actions/0/update/b/0",
            "+#/a/b/2 #/actions/0/update/b/1",
            "+#/a/n #/actions/0/update/n",
            "-#/a/b/0 #/actions/1/remove",
            "+#/a/b/2 #/actions/2/copy",
        ]
    );
}

fn values() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), (0..4_i64).prop_map(Value::from)];
    leaf.prop_recursive(4, 30, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-c]", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Targets that name their way, or some of it, or none.
fn targets() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "$",
        "$.a",
        "$.a.b",
        "$.b.a.c",
        "$.a[0]",
        "$.*",
        "$.a.*",
        "$.a['b','c']",
        "$..a",
        "$.c[?@.a]",
        "$.c[?@.a == $.b]",
        "$.a['\\u0062']",
        "$.d",
    ])
}

fn an_action() -> impl Strategy<Value = Value> {
    let change = prop_oneof![
        Just(("remove", json!(true))),
        values().prop_map(|update| ("update", update)),
        targets().prop_map(|source| ("copy", json!(source))),
        Just(("description", json!("nothing"))),
    ];
    (targets(), change).prop_map(|(target, (what, value))| json!({"target": target, (what): value}))
}

proptest! {
    /// A document of which only what is touched becomes a value is what it would be as a whole, to the letter.
    #[test]
    fn parts_are_changed_as_the_whole_is(
        members in prop::collection::vec(("[a-d]", values()), 1..5),
        actions in prop::collection::vec(an_action(), 1..5),
        version in prop::sample::select(vec!["1.0.0", "1.1.0"]),
        patch in prop::collection::vec(("[a-d]", values()), 0..4),
    ) {
        let object = |members: Vec<(String, Value)>| Value::Object(members.into_iter().collect());
        let document = object(members);
        if let Ok(overlays) = overlay(version, &json!(actions)) {
            let (by_parts, whole) = both(&document, &overlays);
            prop_assert_eq!(by_parts, whole);
        }
        let patch = object(patch).to_string();
        let patch = Overlay::parse("patch.json", patch.as_bytes(), Limits::default()).unwrap();
        let (by_parts, whole) = both(&document, &Overlays::new(vec![patch]));
        prop_assert_eq!(by_parts, whole);
    }

    /// An overlay whose targets are nowhere leaves the document equal, and warns of each action.
    #[test]
    fn no_target_no_change(document in values(), update in values()) {
        let overlays = overlay("1.1.0", &json!([
            {"target": "$..none", "update": update},
            {"target": "$.none", "remove": true},
            {"target": "$..[?@.none]", "copy": "$"},
        ])).unwrap();
        let (mut after, mut edits) = (document.clone(), Vec::new());
        overlays.apply(&mut after, Some(&mut edits)).unwrap();
        prop_assert_eq!(after, document);
        prop_assert!(edits.is_empty());
        prop_assert_eq!(overlays.warnings().len(), 3);
    }

    /// Every node that an action targets is gone afterwards, and nothing is a panic.
    #[test]
    fn what_is_removed_is_gone(document in values()) {
        let overlays = overlay("1.1.0", &json!([{"target": "$..a", "remove": true}])).unwrap();
        let mut after = document;
        overlays.apply(&mut after, None).unwrap();
        prop_assert!(!after.to_string().contains("\"a\":"));
    }

    /// A merge patch applied twice is applied once (RFC 7396 has no state).
    #[test]
    fn a_merge_patch_is_idempotent(document in values(), patch in values()) {
        let mut once = document;
        merge::merge(&mut once, &patch, &mut Vec::new(), &mut |_, _| {});
        let mut twice = once.clone();
        merge::merge(&mut twice, &patch, &mut Vec::new(), &mut |_, _| {});
        prop_assert_eq!(once, twice);
    }
}
