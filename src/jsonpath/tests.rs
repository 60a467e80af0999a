//! Queries by the tables of RFC 9535, hostile ones, and the same answers as another implementation.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn selected(query: &str, root: &Value) -> Vec<String> {
    let found = Query::parse(query).unwrap_or_else(|fault| panic!("{query}: {fault}")).select(root).unwrap();
    found.iter().map(|steps| normalized(steps)).collect()
}

/// The normalized path (RFC 9535 §2.7).
fn normalized(steps: &[Step]) -> String {
    let part = |step: &Step| match step {
        Step::Index(index) => format!("[{index}]"),
        Step::Member(name) => format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'")),
    };
    format!("${}", steps.iter().map(part).collect::<String>())
}

/// The examples of RFC 9535 §1.5 and of each selector.
#[test]
fn selects_what_the_specification_shows() {
    let store = json!({"store": {
        "book": [
            {"category": "reference", "author": "Nigel Rees", "title": "Sayings", "price": 8.95},
            {"category": "fiction", "author": "Evelyn Waugh", "title": "Sword", "price": 12.99},
            {"category": "fiction", "author": "Melville", "title": "Moby Dick", "isbn": "0-553", "price": 8.99},
            {"category": "fiction", "author": "Tolkien", "title": "Lord", "isbn": "0-395", "price": 22.99},
        ],
        "bicycle": {"color": "red", "price": 399},
    }});
    let book = |numbers: &[usize]| -> Vec<String> {
        numbers.iter().map(|number| format!("$['store']['book'][{number}]")).collect()
    };
    assert_eq!(selected("$.store.book[*].author", &store).len(), 4);
    assert_eq!(selected("$..author", &store).len(), 4);
    assert_eq!(selected("$.store.*", &store), ["$['store']['book']", "$['store']['bicycle']"]);
    assert_eq!(selected("$.store..price", &store).len(), 5);
    assert_eq!(selected("$..book[2]", &store), book(&[2]));
    assert_eq!(selected("$..book[-1]", &store), book(&[3]));
    assert_eq!(selected("$..book[0,1]", &store), book(&[0, 1]));
    assert_eq!(selected("$..book[:2]", &store), book(&[0, 1]));
    assert_eq!(selected("$..book[?@.isbn]", &store), book(&[2, 3]));
    assert_eq!(selected("$..book[?@.price<10]", &store), book(&[0, 2]));
    assert_eq!(selected("$..*", &store).len(), 27);
}

#[test]
fn filters_compare_by_type() {
    let root = json!({"obj": {"x": "y"}, "arr": [2, 3], "n": [1, 1.0, "a", "b", null, true, {"b": 1}]});
    let holds = |condition: &str| !selected(&format!("$[?{condition}]"), &root).is_empty();
    for condition in [
        "$.absent1 == $.absent2",
        "$.absent1 <= $.absent2",
        "$.absent != 'g'",
        "1 <= 2",
        "'a' <= 'b'",
        "$.obj != $.arr",
        "$.obj == $.obj",
        "$.arr != 17",
        "1 == 1.0",
        "-0 == 0",
        "1e2 == 100",
        "true == true",
        "null == null",
        "length($.arr) == 2",
        "count($.n.*) == 7",
        "value($..x) == 'y'",
        "$.arr[-1] == 3",
        "match('1974-05-07', '1974-05-..')",
        "search('bab', '[b]a')",
        "!($.absent)",
        "!$.absent && ($.obj || $.absent)",
        "length($.n[6].b) == $.absent",
    ] {
        assert!(holds(condition), "{condition}");
    }
    for condition in [
        "$.absent == 'g'",
        "$.absent1 != $.absent2",
        "1 > 2",
        "13 == '13'",
        "$.obj == $.arr",
        "$.obj < $.arr",
        "$.obj == 17",
        "1 <= $.arr",
        "true <= false",
        "true > true",
        "match('bab', 'a')",
        "match('a\\nb', 'a.b')",
        "search(1, '1')",
        "value($..*) == 1",
    ] {
        assert!(!holds(condition), "{condition}");
    }
}

#[test]
fn slices_go_both_ways() {
    let root = json!(["a", "b", "c", "d", "e", "f", "g"]);
    let at = |query: &str| selected(query, &root).join(" ");
    assert_eq!(at("$[1:3]"), "$[1] $[2]");
    assert_eq!(at("$[5:]"), "$[5] $[6]");
    assert_eq!(at("$[1:5:2]"), "$[1] $[3]");
    assert_eq!(at("$[5:1:-2]"), "$[5] $[3]");
    assert_eq!(at("$[::-1]"), "$[6] $[5] $[4] $[3] $[2] $[1] $[0]");
    assert_eq!(at("$[:-5]"), "$[0] $[1]");
    assert_eq!(at("$[ -2 : 100 : 1 ]"), "$[5] $[6]");
    assert_eq!(at("$[::0]"), "");
    assert_eq!(at("$[-9]"), "");
}

#[test]
fn names_are_quoted_and_escaped() {
    let root = json!({"/a b": {"x-y": 1, "'": 2, "\"": 3, "☺": 4, "\u{1F600}": 5, "": 6}});
    assert_eq!(selected("$['/a b'][\"x-y\"]", &root), ["$['/a b']['x-y']"]);
    assert_eq!(selected(r#"$["/a b"]['\'', "\"", '']"#, &root).len(), 3);
    assert_eq!(selected("$['/a b'].☺", &root).len(), 1);
    assert_eq!(selected(r"$ ['/a b'] ['\u263a','\uD83D\uDE00']", &root).len(), 2);
}

#[test]
fn what_is_no_query_is_refused_with_its_place() {
    let told = |query: &str| Query::parse(query).unwrap_err().to_string();
    for query in [
        "",
        "a",
        "$.",
        "$..",
        "$[",
        "$[]",
        "$['a'",
        "$[01]",
        "$[-0]",
        "$[1.0]",
        "$.1",
        "$ ",
        " $",
        "$. a",
        "$[a]",
        "$['\\x']",
        "$['\\uD800']",
        "$[\"\\'\"]",
        "$['\n']",
        "$[?]",
        "$[?@.a==]",
        "$[?@.*==1]",
        "$[?1]",
        "$[?'a']",
        "$[?length(@.*)==1]",
        "$[?length(@.a)]",
        "$[?count(1)==1]",
        "$[?match(@.a,'a')==true]",
        "$[?match(@.a)]",
        "$[?nope(@)]",
        "$[?@.a=='\\z']",
        "$[9007199254740992]",
        "$[?search(@.a,'(')]",
        "$[?@.a===1]",
        "$[?(@.a]",
        "$[?01==1]",
        "$[?1.==1]",
        "$[?!1==1]",
    ] {
        assert!(Query::parse(query).is_err(), "{query:?}");
    }
    assert_eq!(told("paths"), "a JSONPath begins with `$` (at character 1)");
    assert_eq!(
        told("$.paths.*.get.x-safe"),
        "a name with `-` stands in brackets: ['x-...'] (at character 16)"
    );
    let deep = format!("$[?{}@.a{}]", "(".repeat(1000), ")".repeat(1000));
    assert!(told(&deep).starts_with("the expression is nested too deep"));
}

#[test]
fn hostile_queries_end() {
    let item = json!({"name": "a".repeat(64), "in": "query", "schema": {"type": "string", "x": [1, 2, 3]}});
    let root = Value::Array(vec![item; 2_000]);
    let asked = |query: &str| {
        evaluate::select(&Query::parse(query).unwrap().0, &root, evaluate::NODES / 10)
            .map(|found| found.len())
    };
    assert_eq!(asked("$..[?@.in == 'query' && @.schema.type == 'string']"), Ok(2_000));
    assert_eq!(asked("$..[?$..x]"), Err(TooMuch));
    assert_eq!(asked("$..*..*..*..*..*[?@..*..*]..*"), Ok(0));
    assert_eq!(asked("$[::1,::1,::1,::1,::1][?$..[?$..x]]"), Err(TooMuch));
}

/// A small value with few names, so that queries find something.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3..4_i64).prop_map(Value::from),
        prop::sample::select(vec![json!(1.0), json!(0.5), json!("a"), json!("ab"), json!("")]),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let name = prop::sample::select(vec!["a", "b", "c d", "é"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..5).prop_map(|members| members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

/// The text of a query.
fn queries() -> impl Strategy<Value = String> {
    let singular = prop::collection::vec(prop::sample::select(vec![".a", "['b']", "[0]", "[\"c d\"]"]), 0..3)
        .prop_map(|parts| parts.concat());
    let literal = prop::sample::select(vec!["1", "1.0", "-2", "'a'", "null", "true", "''", "0.5"]);
    let operand = prop_oneof![
        literal.clone().prop_map(str::to_owned),
        singular.clone().prop_map(|path| format!("@{path}")),
        singular.clone().prop_map(|path| format!("${path}")),
        singular.prop_map(|path| format!("length(@{path})")),
        Just("count(@.*)".to_owned()),
        Just("value(@..a)".to_owned()),
    ];
    let strict = prop::sample::select(vec!["==", "!=", "<"]);
    // The other implementation is wrong of `[-1]` in a comparison, of two absent nodes (`<=` is true where `==` is) and of two objects (`>`
    // is never true of them), §2.3.5.2.2.
    let beside_literals = prop::sample::select(vec!["<=", ">=", ">"]);
    let basic = prop_oneof![
        (operand.clone(), strict, operand.clone())
            .prop_map(|(left, sign, right)| format!("{left} {sign} {right}")),
        (operand, beside_literals, literal).prop_map(|(left, sign, right)| format!("{left} {sign} {right}")),
        prop::sample::select(vec!["@.a", "@..b", "@[*]", "$.a", "match(@, 'a.*')", "search(@.a, 'b|1')"])
            .prop_map(str::to_owned),
    ];
    let condition = basic.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| format!("!({one})")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} && {other})")),
            (inner.clone(), inner).prop_map(|(one, other)| format!("{one} || {other}")),
        ]
    });
    let plain = vec![
        ".a",
        ".b",
        ".*",
        "..a",
        "..*",
        "[0]",
        "[-1]",
        "[1:]",
        "[::-1]",
        "[-2:0:-1]",
        "['a','b',0]",
        ".é",
    ];
    let segment = prop_oneof![
        3 => prop::sample::select(plain).prop_map(str::to_owned),
        2 => condition.clone().prop_map(|condition| format!("[?{condition}]")),
        1 => condition.prop_map(|condition| format!("..[?{condition}]")),
    ];
    prop::collection::vec(segment, 0..4).prop_map(|segments| format!("${}", segments.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// The nodes and their order are those that `serde_json_path` finds.
    #[test]
    fn agrees_with_another_implementation(root in values(), query in queries()) {
        let other = serde_json_path::JsonPath::parse(&query).unwrap();
        let theirs: Vec<String> =
            other.query_located(&root).iter().map(|node| node.location().to_string()).collect();
        prop_assert_eq!(selected(&query, &root), theirs, "{}", query);
    }

    #[test]
    fn no_text_is_a_panic(text in "\\$[\\[\\].?@*'\"a-c0-9:,()!=<>&| \\\\é-]{0,24}") {
        let _ = Query::parse(&text).map(|query| query.select(&json!({"a": [1, {"b": 2}]})));
    }
}
