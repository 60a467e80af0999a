//! What is kept of documents that ask for much.

use super::{Place, is_kept};

/// A document of operations that each reach all of so many schemas, one through the other.
fn reaching(operations: usize, schemas: usize) -> String {
    let body = r##"{"content":{"a/b":{"schema":{"$ref":"#/components/schemas/0"}}}}"##;
    let operation = |number| {
        format!("\"/{number}\":{{\"post\":{{\"operationId\":\"o{number}\",\"requestBody\":{body}}}}}")
    };
    let schema = |number| {
        let next = (number + 1) % schemas;
        format!("\"{number}\":{{\"properties\":{{\"n\":{{\"$ref\":\"#/components/schemas/{next}\"}}}}}}")
    };
    let paths: Vec<_> = (0..operations).map(operation).collect();
    let schemas: Vec<_> = (0..schemas).map(schema).collect();
    format!(
        "{{\"openapi\":\"3.0.3\",\"paths\":{{{}}},\"components\":{{\"schemas\":{{{}}}}}}}",
        paths.join(","),
        schemas.join(",")
    )
}

#[test]
fn what_one_operation_may_refer_to_is_kept_of_every_one() {
    let place = Place::new();
    let document = place.write("wide.json", &reaching(2_400, 9_900));
    assert!(document.read().unwrap().0.get("o2399").is_ok());
    assert!(document.keep() && is_kept(&document));
    let (kept, _) = document.read().unwrap();
    assert!(kept.get("o0").is_ok() && kept.get("o2399").is_ok(), "{:?}", kept.get("o2399"));
}
