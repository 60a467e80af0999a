//! Overlays made to do harm, and overlays that meet a document made to.

use opcall::{Document, Error};
use serde_json::{Map, Value, json};

use super::{SOON, timed};
use crate::support::proof;

/// What an overlay of these actions makes of a document.
fn repaired(document: &Value, actions: &Value) -> Result<usize, opcall::spec::SpecError> {
    let folder = tempfile::tempdir().unwrap();
    let (file, overlay) = (folder.path().join("a.json"), folder.path().join("fix.overlay.json"));
    std::fs::write(&file, document.to_string()).unwrap();
    let text = json!({"overlay": "1.1.0", "info": {"title": "t", "version": "1"}, "actions": actions});
    std::fs::write(&overlay, text.to_string()).unwrap();
    let (took, read) = timed(|| Document::open(file).overlay(overlay).read());
    assert!(took < SOON, "{actions} took {took:?}");
    match read {
        Ok((table, _)) => Ok(table.len()),
        Err(Error::Spec(error)) => Err(*error),
        Err(error) => panic!("{error}"),
    }
}

/// A document of so many paths.
fn large(paths: usize) -> Value {
    let item = json!({"get": {"parameters": [{"name": "a", "in": "query"}], "responses": {"200": {"description": "x"}}}});
    let paths: Map<String, Value> = (0..paths).map(|number| (format!("/p{number}"), item.clone())).collect();
    json!({"openapi": "3.0.3", "paths": paths, "list": (0..proof(2_000, 100_000)).collect::<Vec<_>>()})
}

#[test]
fn a_query_cannot_take_the_square_of_its_document() {
    let document = large(proof(5_000, 20_000));
    for target in [
        "$..[?$..x]",
        "$..[?$..*]",
        "$..[?count($..*) > 1]",
        "$..*..*..*..*..*..*..*..*",
        "$..[*,*]..[*,*]..[*,*]..[*,*]",
        "$..[?count(@..*) > 1]..[?count(@..*) > 1]..[?count(@..*) > 1]..[?count(@..*) > 1]",
        "$..[?match(@, '(a{199}){199}')]",
        "$..[?match(@, '(a{199}){199}') || search(@.name, $.openapi)]",
    ] {
        let error = repaired(&document, &json!([{"target": target, "update": {"x": 1}}])).unwrap_err();
        assert_eq!(error.pointer.as_deref(), Some("#/actions/0/target"), "{target}");
        assert!(error.problem.contains("far more steps than the document has nodes"), "{error}");
        assert!(error.hint.is_some() && error.file.ends_with("fix.overlay.json"), "{error}");
    }
    let too_large = json!([{"target": "$..[?match(@.name, '((a{100}){100}){100}')]", "update": {"x": 1}}]);
    let error = repaired(&document, &too_large).unwrap_err();
    assert!(error.problem.contains("tries a pattern that takes too much memory"), "{error}");
    // The pattern is tried on every name, and found to be cheap.
    let by_pattern = json!([{"target": "$..[?search(@.name, $.openapi)]", "remove": true}]);
    assert_eq!(repaired(&document, &by_pattern).unwrap(), proof(5_000, 20_000));
    let copy = json!([{"target": "$.paths['/p1']", "copy": "$..[?$..x]"}]);
    assert_eq!(repaired(&document, &copy).unwrap_err().pointer.as_deref(), Some("#/actions/0/copy"));
}

/// A pattern is tried in every of its states at every letter of a text.
#[test]
fn a_pattern_cannot_take_its_states_times_the_text() {
    let long = "ab".repeat(proof(400_000, 4_000_000));
    let document = json!({
        "openapi": "3.0.3", "paths": {}, "info": {"title": "t", "version": "1", "description": long},
        "patterns": ["[a-z]{20000}[0-9]", "(a{1000}){1000}"],
    });
    for (pattern, part) in [
        ("'[a-z]{20000}[0-9]'", "takes far more steps than the document has nodes, to try its patterns"),
        (
            r"'(\\p{L}{1,30}){30}[0-9]'",
            "takes far more steps than the document has nodes, to try its patterns",
        ),
        ("$.patterns[0]", "takes far more steps than the document has nodes, to try its patterns"),
        ("$.patterns[1]", "tries a pattern that takes too much memory"),
        ("'(a{1000}){1000}'", "tries a pattern that takes too much memory"),
    ] {
        let target = format!("$[?search(@.description, {pattern})]");
        let error = repaired(&document, &json!([{"target": target, "update": {"x": 1}}])).unwrap_err();
        assert_eq!(error.pointer.as_deref(), Some("#/actions/0/target"), "{target}");
        assert!(error.problem.contains(part), "{error}");
        assert!(error.hint.is_some_and(|hint| hint.contains("ount fewer repeats")), "{target}");
    }
    for pattern in ["'[Dd]eprecated|[0-9]{3,4}'", r"'\\p{Lu}[a-z]+'", "'^[a-z]+[0-9]$'"] {
        let target = format!("$[?search(@.description, {pattern})]");
        assert_eq!(repaired(&document, &json!([{"target": target, "update": {"x": 1}}])).unwrap(), 0);
    }
    let many: Map<String, Value> = (0..proof(3_000, 20_000))
        .map(|number| {
            (
                format!("/p{number}"),
                json!({"get": {"operationId": format!("get_pet_{number}"), "responses": {}}}),
            )
        })
        .collect();
    let document = json!({"openapi": "3.0.3", "paths": many});
    let target = "$..[?match(@.operationId, '[a-z]{3,20}_[a-z]{3,20}_[0-9]{1,9}')]";
    let remove = json!([{"target": target, "remove": true}]);
    assert_eq!(repaired(&document, &remove).unwrap(), 0);
}

/// A target of 16 KB has room for hundreds of different patterns, each of which takes megabytes once it is compiled.
#[test]
fn compiling_patterns_has_an_end() {
    let target = |begin: &str, pattern: &str, from: usize| {
        let one =
            |number: usize| format!("match(@,'{}')", pattern.replace('N', &(from + number).to_string()));
        format!("{begin}[?{}]", (0..600).map(one).collect::<Vec<_>>().join("||"))
    };
    let document = json!({"openapi": "3.0.3", "paths": {}, "info": {"title": "t", "version": "1"}});
    let actions = |target: &str| json!(vec![json!({"target": target, "update": {"x": 1}}); 12]);
    for (pattern, from) in
        [(r"\\p{L}{N}", 3_000), (r"\\p{L}{N}", 1_000), ("a{N}", 39_000), ("[ab]{N}", 30_000)]
    {
        assert_eq!(repaired(&document, &actions(&target("$.none", pattern, from))).unwrap(), 0, "{pattern}");
    }
    let error = repaired(&document, &actions(&target("$.info", r"\\p{L}{N}", 3_000))).unwrap_err();
    assert!(error.problem.contains("tries a pattern that takes too much memory"), "{error}");
    let error = repaired(&document, &actions(&target("$.info", r"\\p{L}{N}", 1_000))).unwrap_err();
    assert!(
        error.problem.contains("far more steps than the document has nodes, to try its patterns"),
        "{error}"
    );
}

#[test]
fn a_pattern_of_the_document_counts_whatever_it_is() {
    let target = |filter: &str| json!([{"target": format!("$.list[?{filter}]"), "update": {"x": 1}}]);
    let refused = |document: &Value, filter: &str, part: &str| {
        let error = repaired(document, &target(filter)).unwrap_err();
        assert_eq!(error.pointer.as_deref(), Some("#/actions/0/target"), "{filter}");
        assert!(error.problem.contains(part), "{error}");
    };
    let steps = "far more steps than the document has nodes, to try its patterns";
    // No I-Regexp, which is as long as the one that is kept.
    let list: Vec<usize> = (0..20_000).collect();
    let long = ")".to_owned() + &"a".repeat(proof(10_000_000, 20_000_000));
    let document = json!({"openapi": "3.0.3", "paths": {}, "list": list, "p": long});
    refused(&document, "match('a', $.p)", steps);
    refused(&document, "@ == 'a' && search($.openapi, $.p) || match('a', $.p)", steps);
    // A text of the query is tried as often as the query asks.
    refused(&document, &format!("match('{}', '(a{{100}}){{100}}b')", "a".repeat(1_000)), steps);
    // Ordinary ones are tried on all texts, each of them another.
    let list: Vec<Value> =
        (0..20_000).map(|number| json!({"n": format!("x{number}"), "p": format!("y{number}")})).collect();
    let document = json!({"openapi": "3.0.3", "paths": {}, "list": list, "p": "y[0-9]+"});
    for filter in ["match(@.n, $.p)", "match(@.n, @.p)", "match(@.p, $.openapi)"] {
        assert_eq!(repaired(&document, &target(filter)).unwrap(), 0, "{filter}");
    }
    let deep = "(b".repeat(60) + &"|c)*".repeat(60);
    let document = json!({"openapi": "3.0.3", "paths": {}, "list": list, "p": deep});
    refused(&document, "match(@.n, $.p)", "tries a pattern that is nested too deep");
}

#[test]
fn a_query_of_many_brackets_is_refused() {
    for (open, close) in [("(", ")"), ("@[?", "]"), ("!(", ")"), ("match(value(@[?", "]), 'a')")] {
        let target = format!("$[?{}@.a{}]", open.repeat(200), close.repeat(200));
        let error = repaired(&large(1), &json!([{"target": target, "remove": true}])).unwrap_err();
        assert!(error.problem.contains("more than 24 brackets are open"), "{error}");
        assert!(error.to_string().len() < 1_000, "{error}");
    }
}

#[test]
fn much_can_be_removed_at_once() {
    let document = large(proof(2_000, 20_000));
    let half =
        json!([{"target": "$.list[::2]", "remove": true}, {"target": "$.paths[?@.get]", "remove": true}]);
    assert_eq!(repaired(&document, &half).unwrap(), 0);
    let inner = json!([{"target": "$..parameters", "remove": true}, {"target": "$.paths.*['get', 'put']['responses']['200', 'x']", "remove": true}]);
    assert_eq!(repaired(&document, &inner).unwrap(), proof(2_000, 20_000));
    let count = proof(2_000, 20_000);
    let folder = tempfile::tempdir().unwrap();
    let (file, patch) = (folder.path().join("a.json"), folder.path().join("patch.json"));
    std::fs::write(&file, document.to_string()).unwrap();
    let nulls: Map<String, Value> =
        (0..count - 1).map(|number| (format!("/p{number}"), Value::Null)).collect();
    std::fs::write(&patch, json!({"paths": nulls}).to_string()).unwrap();
    let (took, read) = timed(|| Document::open(file).overlay(patch).read());
    assert!(took < SOON, "{took:?}");
    let (table, _) = read.unwrap();
    assert_eq!(table.len(), 1);
}

#[test]
fn copies_of_copies_have_an_end() {
    let double = json!({"target": "$.list", "copy": "$.list"});
    let error = repaired(&large(1), &json!(vec![double; 40])).unwrap_err();
    assert!(error.problem.contains("beyond all measure"), "{error}");
    let deeper = json!({"target": "$.paths", "update": {"x": {"y": {"z": {}}}}});
    let own = json!({"target": "$.paths.x", "copy": "$.paths"});
    let mut actions = vec![deeper];
    actions.extend(vec![own; 60]);
    assert!(repaired(&large(1), &json!(actions)).is_err());
}
