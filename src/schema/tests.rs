//! Each keyword of a schema, its words, and what is converted.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "tests")]

use serde_json::{Value, json};

use super::*;
use crate::request::testing::table;
use crate::table::OperationTable;

fn of(schema: Value, schemas: Value) -> OperationTable {
    let body = json!({"content": {"application/json": {"schema": schema}}});
    table(&json!({"/a": {"post": {"operationId": "one", "requestBody": body, "responses": {}}}}), &schemas)
}

fn fitted(table: &OperationTable, value: Value, wire: Wire) -> (String, Vec<String>) {
    let operation = table.get("one").unwrap();
    let media = operation.body().unwrap().media_types().next().unwrap();
    let (value, mut found) = (Argument::from(value), Vec::new());
    let fitted = fit(operation, media.schema(), &value, wire, &mut found).to_json_text();
    let told = |one: Finding| {
        let weight = if one.weight == Weight::Warning { "warning" } else { "" };
        let near = one.nearest.map(|near| format!(" [{near}]")).unwrap_or_default();
        format!("{weight}{}: {}{near}", one.path, one.problem)
    };
    (fitted, found.into_iter().map(told).collect())
}

#[track_caller]
fn check(schema: Value, value: Value, wanted: &[&str]) {
    let (_, found) = fitted(&of(schema, json!({})), value, Wire::Json);
    assert_eq!(found, wanted);
}

#[test]
fn types_are_told_in_words() {
    check(json!({"type": "integer"}), json!("abc"), &[": must be an integer, got \"abc\""]);
    check(json!({"type": "integer"}), json!(1.5), &[": must be an integer, got 1.5"]);
    check(json!({"type": "integer"}), json!(5.0), &[]);
    check(json!({"type": "string"}), json!(5), &[": must be a string, got 5"]);
    check(json!({"type": "string"}), json!(null), &[": must be a string, got null"]);
    check(json!({"type": "string", "nullable": true}), json!(null), &[]);
    check(
        json!({"type": "string", "nullable": true}),
        json!(true),
        &[": must be a string or null, got true"],
    );
    check(
        json!({"type": "array", "items": {"type": "integer"}}),
        json!([1, "x", null]),
        &["[1]: must be an integer, got \"x\"", "[2]: must be an integer, got null"],
    );
    check(json!({"type": "object"}), json!([]), &[": must be an object, got []"]);
    check(json!({}), json!([null, {"a": 1}]), &[]);
}

#[test]
fn limits_hold_however_a_number_is_written() {
    for format in ["int64", "int32"] {
        let table = of(json!({"type": "integer", "format": format}), json!({}));
        for text in ["1.0", "1e3", "-0.0"] {
            let given = Argument::from_json_text(text).unwrap();
            let (operation, mut found) = (table.get("one").unwrap(), Vec::new());
            let media = operation.body().unwrap().media_types().next().unwrap();
            assert_eq!(fit(operation, media.schema(), &given, Wire::Json, &mut found).to_json_text(), text);
            assert!(found.is_empty());
            assert_eq!(fitted(&table, json!(text), Wire::Json), (text.to_owned(), vec![]));
        }
    }
    let below = json!({"type": "number", "maximum": 10, "exclusiveMaximum": true});
    let table = of(below, json!({}));
    assert_eq!(fitted(&table, json!("9.99999999999999999999"), Wire::Json).1, [""; 0]);
    assert_eq!(fitted(&table, json!("10.0"), Wire::Json).1, [": must be less than 10, got 10.0"]);
}

#[test]
fn texts_become_numbers_and_booleans_where_nothing_is_lost() {
    let table = of(
        json!({"type": "object", "properties": {
            "n": {"type": "integer", "maximum": 9}, "f": {"type": "number"}, "b": {"type": "boolean"},
            "s": {"type": "string"}, "l": {"type": "array", "items": {"type": "integer"}},
            "any": {}, "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        }}),
        json!({}),
    );
    let given =
        json!({"n": "5", "f": "1e400", "b": "true", "s": "5", "l": ["1", 2], "any": "5", "either": "a"});
    let (text, found) = fitted(&table, given, Wire::Json);
    assert_eq!(found, [""; 0]);
    assert_eq!(text, r#"{"n":5,"f":1e400,"b":true,"s":"5","l":[1,2],"any":"5","either":"a"}"#);
    let (_, found) = fitted(&table, json!({"n": "10", "f": "x", "b": "yes", "l": ["1.5"]}), Wire::Json);
    assert_eq!(
        found,
        [
            ".n: must be at most 9, got 10",
            ".f: must be a number, got \"x\"",
            ".b: must be a boolean, got \"yes\"",
            ".l[0]: must be an integer, got \"1.5\"",
        ]
    );
}

#[test]
fn on_the_wire_of_text_numbers_are_texts() {
    let table = of(json!({"type": "string", "maxLength": 2, "enum": ["5", "true"]}), json!({}));
    assert_eq!(fitted(&table, json!(5), Wire::Text).1, [""; 0]);
    assert_eq!(fitted(&table, json!(true), Wire::Text).1, [": must have at most 2 characters, has 4"]);
    assert_eq!(fitted(&table, json!(5), Wire::Json).1, [": must be a string, got 5"]);
}

#[test]
fn numbers_have_limits() {
    let limits = json!({"type": "number", "minimum": 1, "maximum": 1000});
    check(limits.clone(), json!(5000), &[": must be at most 1000, got 5000"]);
    check(limits, json!(0), &[": must be at least 1, got 0"]);
    check(json!({"minimum": 1, "exclusiveMinimum": true}), json!(1), &[": must be greater than 1, got 1"]);
    check(json!({"type": "number", "multipleOf": 0.1}), json!(0.3), &[]);
    check(json!({"type": "integer", "multipleOf": 5}), json!(7), &[": must be a multiple of 5, got 7"]);
    let narrow = json!({"type": "integer", "format": "int32"});
    check(narrow.clone(), json!(2_147_483_647), &[]);
    check(
        narrow,
        json!(3_000_000_000_u32),
        &[": must be from -2147483648 to 2147483647 (int32), got 3000000000"],
    );
    let big = Argument::from_json_text("9223372036854775808").unwrap();
    let table = of(json!({"type": "integer", "format": "int64"}), json!({}));
    let operation = table.get("one").unwrap();
    let media = operation.body().unwrap().media_types().next().unwrap();
    let mut found = Vec::new();
    fit(operation, media.schema(), &big, Wire::Json, &mut found);
    assert_eq!(found.len(), 1);
}

#[test]
fn texts_and_lists_have_sizes() {
    check(
        json!({"type": "string", "minLength": 3}),
        json!("éé"),
        &[": must have at least 3 characters, has 2"],
    );
    check(json!({"type": "string", "pattern": "^a+$"}), json!("b"), &[": must match ^a+$, got \"b\""]);
    check(json!({"type": "string", "pattern": "(?=x)"}), json!("b"), &[]);
    check(
        json!({"type": "array", "items": {}, "minItems": 1}),
        json!([]),
        &[": must have at least 1 item, has 0"],
    );
    check(
        json!({"type": "array", "items": {}, "uniqueItems": true}),
        json!([1, 2, 1]),
        &[": must not repeat items, got 1 twice"],
    );
    let tuple = json!({"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "integer"}});
    check(tuple.clone(), json!(["a", 1, 2]), &[]);
    check(tuple, json!(["a", "b"]), &["[1]: must be an integer, got \"b\""]);
}

#[test]
fn enums_name_the_nearest_value() {
    let closed = json!({"type": "string", "enum": ["valid", "revoked"]});
    check(closed, json!("vald"), &[": must be one of \"valid\", \"revoked\", got \"vald\" [valid]"]);
    let open = json!({"type": "string", "enum": ["a"], "x-extensible-enum": true});
    check(open, json!("zzz"), &["warning: is none of the known values (\"a\"), got \"zzz\""]);
    check(json!({"type": "string", "nullable": true, "enum": ["a"]}), json!(null), &[]);
    check(json!({"enum": [1, null]}), json!(1.0), &[]);
}

#[test]
fn enums_are_read_as_generators_mean_them() {
    let joined = json!({"type": "string", "enum": ["once,daily"]});
    check(joined.clone(), json!("daily"), &[]);
    check(joined, json!("weekly"), &[": must be one of \"once\", \"daily\", \"once,daily\", got \"weekly\""]);
    let of_items = json!({"type": "array", "items": {"type": "string"}, "enum": ["a", "b"]});
    check(of_items.clone(), json!(["a", "b"]), &[]);
    check(of_items, json!(["a", "c"]), &[": must be one of \"a\", \"b\", got \"c\""]);
    let of_other_type = json!({"type": "array", "items": {"type": "integer"}, "enum": ["Sun,Mon"]});
    check(of_other_type, json!([1]), &[]);
    check(json!({"type": "string", "enum": [1, 2]}), json!("2"), &[]);
}

#[test]
fn members_are_required_and_known() {
    let schema = json!({
        "type": "object", "required": ["id", "set_by_us"], "additionalProperties": false,
        "properties": {"id": {"type": "string"}, "set_by_us": {"type": "string", "readOnly": true}},
    });
    check(schema.clone(), json!({"idd": 1}), &[".idd: is not known here [id]", ".id: is required"]);
    check(schema, json!({"id": "a"}), &[]);
    let map = json!({"type": "object", "additionalProperties": {"type": "integer"}});
    check(map, json!({"a": 1, "b": true}), &[".b: must be an integer, got true"]);
}

#[test]
fn references_combine_and_may_name_themselves() {
    let schemas = json!({
        "Node": {"type": "object", "properties": {
            "name": {"type": "string"}, "next": {"$ref": "#/components/schemas/Node"}}},
        "Loop": {"anyOf": [{"$ref": "#/components/schemas/Loop"}, {"allOf": [{"$ref": "#/components/schemas/Loop"}]}]},
        "Cat": {"type": "object", "required": ["kind", "lives"], "properties": {"lives": {"type": "integer"}}},
        "Endless": {"type": "object", "required": ["name", "parent"], "properties": {
            "parent": {"$ref": "#/components/schemas/Endless"}}},
        "Wrapped": {"type": "object", "required": ["next"], "properties": {
            "next": {"allOf": [{"$ref": "#/components/schemas/Wrapped"}]}}},
        "Ending": {"type": "object", "required": ["next"], "properties": {
            "next": {"nullable": true, "allOf": [{"$ref": "#/components/schemas/Ending"}]}}},
        "Dog": {"type": "object", "required": ["kind", "bark"]},
    });
    let table = of(json!({"$ref": "#/components/schemas/Node"}), schemas.clone());
    let (_, found) = fitted(&table, json!({"next": {"next": {"name": 5}}}), Wire::Json);
    assert_eq!(found, [".next.next.name: must be a string, got 5"]);
    let table = of(json!({"$ref": "#/components/schemas/Loop"}), schemas.clone());
    assert_eq!(fitted(&table, json!(1), Wire::Json).1, [""; 0]);

    let table = of(json!({"$ref": "#/components/schemas/Endless"}), schemas.clone());
    assert_eq!(fitted(&table, json!({}), Wire::Json).1, [".name: is required"], "no value has every parent");

    let table = of(json!({"$ref": "#/components/schemas/Wrapped"}), schemas.clone());
    assert_eq!(fitted(&table, json!({"next": {}}), Wire::Json).1, [""; 0], "nor through an `allOf`");
    let table = of(json!({"$ref": "#/components/schemas/Ending"}), schemas.clone());
    assert_eq!(fitted(&table, json!({"next": {"next": null}}), Wire::Json).1, [""; 0]);
    assert_eq!(
        fitted(&table, json!({"next": {}}), Wire::Json).1,
        [".next.next: is required"],
        "`null` ends it"
    );

    let pet = json!({
        "oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}],
        "discriminator": {"propertyName": "kind", "mapping": {"hound": "#/components/schemas/Dog"}},
    });
    let table = of(pet, schemas);
    assert_eq!(fitted(&table, json!({"kind": "hound"}), Wire::Json).1, [".bark: is required"]);
    assert_eq!(
        fitted(&table, json!({"kind": "Cat", "lives": "9"}), Wire::Json).0,
        r#"{"kind":"Cat","lives":9}"#
    );
}

#[test]
fn alternatives_tell_of_the_nearest_one() {
    let either = json!({"oneOf": [
        {"type": "object", "required": ["a", "b", "c"]},
        {"type": "object", "required": ["a"], "properties": {"n": {"type": "integer"}}},
    ]});
    check(either.clone(), json!({"n": 1}), &[".a: is required"]);
    check(either, json!({"a": 1, "b": 2, "c": 3}), &[]);
    check(
        json!({"not": {"type": "string"}}),
        json!("x"),
        &[": is of a kind that is not allowed here, got \"x\""],
    );
}

#[test]
fn a_text_stays_one_where_an_alternative_takes_it() {
    let of_two = |key: &str, one: &str, other: &str| json!({key: [{"type": one}, {"type": other}]});
    let table = of(
        json!({"type": "object", "properties": {
            "v": of_two("anyOf", "integer", "string"), "n": of_two("oneOf", "number", "string"),
            "b": of_two("anyOf", "boolean", "string"), "i": of_two("anyOf", "integer", "boolean"),
            "m": {"additionalProperties": of_two("oneOf", "number", "string")},
            "d": {"anyOf": [{"anyOf": [{"type": "integer"}]}, {"properties": {"v": of_two("anyOf", "integer", "string")}}]},
            "e": {"type": "integer", "anyOf": [{"type": "integer", "maximum": 3}]},
        }}),
        json!({}),
    );
    let given = json!({"v": "5", "n": "1e5", "b": "true", "i": "5", "m": {"zip": "12345"}, "d": {"v": "5"}, "e": "3"});
    let kept = r#"{"v":"5","n":"1e5","b":"true","i":5,"m":{"zip":"12345"},"d":{"v":"5"},"e":3}"#;
    assert_eq!(fitted(&table, given, Wire::Json), (kept.to_owned(), vec![]));
    assert_eq!(fitted(&table, json!({"e": "5"}), Wire::Json).1, [".e: must be at most 3, got 5"]);
}

#[test]
fn a_text_is_no_number_that_is_not_allowed() {
    check(json!({"not": {"type": "integer"}}), json!("5"), &[]);
    let converted = json!({"type": "integer", "not": {"type": "integer", "maximum": 3}});
    check(converted, json!("2"), &[": is of a kind that is not allowed here, got \"2\""]);
}

#[test]
fn a_schema_may_name_itself_by_its_discriminator() {
    for mapping in [json!({"pet": "#/components/schemas/Pet"}), json!({})] {
        let pet = json!({
            "type": "object", "properties": {"kind": {"type": "string"}, "n": {"type": "integer"}},
            "discriminator": {"propertyName": "kind", "mapping": mapping},
        });
        let table = of(json!({"$ref": "#/components/schemas/Pet"}), json!({"Pet": pet}));
        for kind in ["pet", "Pet"] {
            assert_eq!(fitted(&table, json!({"kind": kind, "n": 1}), Wire::Json).1, [""; 0]);
            assert_eq!(
                fitted(&table, json!({"kind": kind, "n": "x"}), Wire::Json).1,
                [".n: must be an integer, got \"x\""]
            );
        }
    }
}

/// A chain of components, each made of the next one by `link`.
fn chain(length: usize, link: impl Fn(Value) -> Value) -> OperationTable {
    let name = |number: usize| json!({"$ref": format!("#/components/schemas/A{number}")});
    let of_number =
        |number| if number == length { json!({"type": "integer"}) } else { link(name(number + 1)) };
    let schemas = (0..=length).map(|number| (format!("A{number}"), of_number(number)));
    // With a constraint its types alone settle nothing.
    of(json!({"$ref": "#/components/schemas/A0", "minProperties": 1}), Value::Object(schemas.collect()))
}

#[test]
fn what_would_take_too_long_is_not_checked() {
    let twice = |next: Value| json!({"allOf": [next.clone(), next]});
    assert_eq!(fitted(&chain(8, twice), json!("x"), Wire::Json).1, [": must be an integer, got \"x\""]);
    for either in ["allOf", "anyOf"] {
        let table = chain(40, |next| json!({either: [next.clone(), next]}));
        fitted(&table, json!({"a": {"b": 1}}), Wire::Json);
    }
    let unless = chain(40, |next| json!({"allOf": [next.clone(), next.clone()], "not": {"not": next}}));
    assert_eq!(fitted(&unless, json!(1), Wire::Json).1, [""; 0]);
}

#[test]
fn what_is_too_deep_is_not_checked() {
    assert_eq!(
        fitted(&chain(100, |next| next), json!("x"), Wire::Json).1,
        [": must be an integer, got \"x\""]
    );
    assert_eq!(fitted(&chain(100, |next| next), json!("5"), Wire::Json), ("5".to_owned(), vec![]));
    for link in [
        |next| next,
        |next| json!({"allOf": [{"allOf": [next]}]}),
        |next| json!({"anyOf": [{"oneOf": [next]}]}),
    ] {
        let table = chain(9_000, link);
        assert_eq!(fitted(&table, json!("5"), Wire::Json), ("\"5\"".to_owned(), vec![]));
    }
    let unless = chain(9_000, |next| json!({"not": next}));
    assert_eq!(fitted(&unless, json!(1), Wire::Json).1, [""; 0]);
}

#[test]
fn what_the_service_sets_is_not_required_wherever_that_is_said() {
    let of_pet = |pet: Value| {
        let schemas = json!({
            "Base": {"type": "object", "properties": {
                "id": {"type": "string", "readOnly": true}, "name": {"type": "string"}}},
            "Id": {"type": "string", "readOnly": true},
            "Alias": {"allOf": [{"$ref": "#/components/schemas/Id"}]},
            "Named": {"required": ["id", "name"]},
            "Pet": pet,
        });
        of(json!({"$ref": "#/components/schemas/Pet"}), schemas)
    };
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    for pet in [
        json!({"required": ["id", "name", "ref"], "allOf": [reference("Base"), {"properties": {"ref": reference("Id")}}]}),
        json!({"allOf": [reference("Base"), reference("Named")]}),
        json!({"allOf": [reference("Base")], "oneOf": [reference("Named")]}),
        json!({"properties": {"id": reference("Alias")}, "required": ["id", "name"]}),
        json!({"properties": {"id": {"type": "string"}}, "allOf": [reference("Base")], "required": ["id", "name"]}),
    ] {
        let table = of_pet(pet.clone());
        assert_eq!(fitted(&table, json!({"name": "x"}), Wire::Json).1, [""; 0], "{pet}");
        assert_eq!(fitted(&table, json!({}), Wire::Json).1, [".name: is required"], "{pet}");
    }
    let inside = of(json!({"properties": {"in": {"required": ["id"]}, "id": {"readOnly": true}}}), json!({}));
    assert_eq!(fitted(&inside, json!({"in": {}}), Wire::Json).1, [".in.id: is required"], "another object's");
}
