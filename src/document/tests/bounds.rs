//! What is kept of documents that ask for much.

#![allow(clippy::panic, reason = "a failed test may panic")]

use super::{Place, SMALL, is_kept};
use crate::error::Error;
use crate::spec::Limits;

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

#[test]
fn of_very_many_equal_names_all_are_found_and_the_first_told() {
    let place = Place::new();
    let operation = |number| format!("\"/{number}\":{{\"get\":{{\"operationId\":\"one\"}}}}");
    let paths: Vec<_> = (0..20_000).map(operation).collect();
    // The second is read whole.
    for odd in ["", ",\"/odd\":{\"additionalOperations\":{}}"] {
        let text = format!("{{\"openapi\":\"3.0.3\",\"paths\":{{{}{odd}}}}}", paths.join(","));
        let (table, warnings) = place.write("same.json", &text).read().unwrap();
        let Err(Error::Ambiguous(found)) = table.get("one") else { panic!("not ambiguous") };
        assert_eq!((found.count, found.candidates.len(), found.nameless), (20_000, 10, 0));
        assert_eq!(found.candidates[9], "same:GET /9");
        let told = Error::from(*found).to_string();
        assert!(told.starts_with("\"one\" names 20000 operations: same:GET /0, same:GET /1, "), "{told}");
        assert!(told.ends_with(", same:GET /9 and 19990 more"), "{told}");
        assert_eq!(table.get("GET /19999").unwrap().path(), "/19999");
        assert_eq!((warnings.len(), warnings[1_000].count), (1_001, 18_999));
    }
}

#[test]
fn aliases_without_an_end_are_none() {
    let place = Place::new();
    let aliases = |count| vec!["\"again\""; count].join(",");
    let text = |count| {
        let paths =
            format!("{{\"/a\":{{\"get\":{{\"operationId\":\"a\",\"x-aliases\":[{}]}}}}}}", aliases(count));
        format!("{{\"openapi\":\"3.0.3\",\"paths\":{paths}}}")
    };
    let document = place.write("few.json", &text(1_000));
    assert_eq!(document.read().unwrap().0.get("again").unwrap().id(), "a");
    let document = place.write("many.json", &text(100_000));
    let (table, _) = document.read().unwrap();
    assert!(table.get("again").is_err() && table.get("A").unwrap().aliases().next().is_none());
    assert!(document.keep() && document.read().unwrap().0.get("a").is_ok());
}

#[test]
fn who_allows_less_is_not_served_what_others_kept() {
    let place = Place::new();
    let document = place.write("small.json", SMALL).limits(Limits::default().bytes(1 << 30));
    assert!(document.keep() && is_kept(&document));
    let refused = place.document("small.json").limits(Limits::default().operations(1)).read().unwrap_err();
    assert!(refused.to_string().contains("more than 1 operations"), "{refused}");
    assert!(!is_kept(&place.document("small.json")));
}
