//! Every node of three documents, which have every object of their versions, replaced by what does not belong there:
//! values of all types, references that lead nowhere, to themselves or out of the folder.

use std::time::Duration;

use opcall::spec::{self, Depth, Limits, NoSource};
use serde_json::{Value, json};

use super::{ends, timed};
use crate::support::proof;

/// What stands in place of a node; `PLACE` becomes its own pointer.
fn replacements() -> Vec<Option<Value>> {
    let reference = |target: &str| json!({"$ref": target});
    let mut all = vec![None];
    let values = [
        json!(null),
        json!(-7.5),
        json!("text"),
        json!([]),
        json!({}),
        json!(true),
        json!([null, [[{}]], "x"]),
        json!({"": {"": null}, "a/b~c": [1]}),
        json!({"$ref": 5}),
    ];
    all.extend(values.map(Some));
    for target in [
        "PLACE",
        "#",
        "#/nowhere/at/all",
        "#unnamed",
        "other.yaml#/x",
        "../out.yaml",
        "https://example.com/x",
        "%zz#/%zz",
    ] {
        all.push(Some(reference(target)));
    }
    all
}

/// The pointers of all nodes but the root.
fn pointers(value: &Value, place: &str, found: &mut Vec<String>) {
    let mut add = |token: &str, member: &Value| {
        let place = format!("{place}/{}", token.replace('~', "~0").replace('/', "~1"));
        found.push(place.clone());
        pointers(member, &place, found);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, member)| add(key, member)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(number, item)| add(&number.to_string(), item));
        }
        _ => {}
    }
}

/// The document with another node in a place, or without one.
fn mutated(document: &Value, pointer: &str, replacement: Option<&Value>) -> Value {
    let mut document = document.clone();
    if let Some(replacement) = replacement {
        let own = if replacement == &json!({"$ref": "PLACE"}) {
            json!({"$ref": format!("#{pointer}")})
        } else {
            replacement.clone()
        };
        *document.pointer_mut(pointer).unwrap() = own;
        return document;
    }
    let (holder, last) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(holder).unwrap() {
        Value::Object(map) => drop(map.shift_remove(&last.replace("~1", "/").replace("~0", "~"))),
        Value::Array(items) => drop(items.remove(last.parse().unwrap())),
        _ => {}
    }
    document
}

#[test]
fn any_node_may_be_anything() {
    let replacements = replacements();
    let (mut documents, mut refused, mut number, mut slowest) = (0, 0, 0, Duration::ZERO);
    for file in ["openapi30.yaml", "swagger2.yaml", "openapi32.yaml"] {
        let text = std::fs::read(format!("tests/data/hostile/{file}")).unwrap();
        let whole = spec::read(file, &text, &NoSource, Depth::Requests).unwrap();
        assert!(whole.operations.len() >= 3 && whole.skipped() == 0, "{:?}", whole.warnings);
        let document: Value =
            serde_json::from_str(&spec::json(file, &text, Limits::default()).unwrap().0).unwrap();
        let mut places = Vec::new();
        pointers(&document, "", &mut places);
        for pointer in places {
            for replacement in &replacements {
                number += 1;
                if number % proof(23, 1) != 0 {
                    continue;
                }
                let text = mutated(&document, &pointer, replacement.as_ref()).to_string();
                let name = format!("{file}{pointer} = {replacement:?}");
                documents += 1;
                let (took, is_read) = timed(|| ends(&name, "mutated.json", text.as_bytes(), &NoSource));
                slowest = slowest.max(took);
                refused += usize::from(!is_read);
                if is_read {
                    crate::spec::equal("mutated.json", &text, &NoSource, Depth::Requests);
                }
            }
        }
    }
    eprintln!(
        "promise 10: {documents} documents with one node replaced, {refused} refused with their place, 0 panics, the slowest took {} ms in all four ways",
        slowest.as_millis()
    );
}
