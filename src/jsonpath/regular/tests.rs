//! What patterns of queries fit, and what they may take.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use proptest::prelude::*;
use serde_json::json;

use super::super::Query;
use super::super::i_regexp::translated;
use super::*;

fn count(filter: &str) -> usize {
    let document = json!(["a", "ab", "abc", "\u{c4}b", "a\nb", "a\r", "", 1, null, ["a"]]);
    Query::parse(&format!("$[?{filter}]")).unwrap().select(&document, &mut Patterns::default()).unwrap().len()
}

#[test]
fn a_pattern_fits_a_text_or_a_part_of_it() {
    for (filter, expected) in [
        ("search(@, '')", 7),
        ("match(@, 'a|ab')", 2),
        ("match(@, 'a')", 1),
        ("match(@, '')", 1),
        ("search(@, 'b')", 4),
        ("match(@, '...')", 1),
        ("match(@, 'a.*')", 3),
        (r"match(@, '\\p{Lu}.')", 1),
        (r"match(@, '[^\\p{Ll}\\p{Lu}]?')", 1),
        (r"match(@, '[\\P{Ll}b]b')", 1),
        (r"match(@, '\\P{Lu}+')", 5),
        (r"match(@, '[\\P{L}\\p{L}]*')", 7),
        ("search(@, '[a-z]{3}')", 1),
        ("match(@, 1)", 0),
        ("match(@, '(')", 0),
        ("search(@, 'a)(b')", 0),
        ("match(@, 'a)(b')", 0),
        ("search(@, @)", 7),
        ("!match(@, 'a')", 9),
        ("search(@, 'a') && match(@, 'a') || search(@, 'c')", 2),
    ] {
        assert_eq!(count(filter), expected, "{filter}");
    }
}

#[test]
fn patterns_that_take_turns_are_compiled_once() {
    let mut patterns = Patterns::default();
    let mut places = Vec::new();
    for _ in 0..3 {
        for (text, whole) in [("a", true), ("a", false), ("b", true), ("(", false)] {
            assert_eq!(patterns.pattern(text, whole).is_ok(), text != "(");
            let last = patterns.kept.last().unwrap();
            places.push(last.text.as_ptr());
        }
    }
    let first = places[..KEPT].to_vec();
    assert_eq!(places, [&first[..], &first, &first].concat());
    for number in 0..10 {
        assert!(patterns.pattern(&number.to_string(), true).is_ok());
    }
    assert_eq!(patterns.kept.len(), KEPT);
}

#[test]
fn what_a_class_holds_stands_for_itself() {
    for (pattern, fitting) in [
        ("[a&&b]", "&ab"),
        ("[a~~a]", "a~"),
        ("[b&&]|c", "&bc"),
        ("[&&b]", "&b"),
        ("[-a]", "-a"),
        ("[a-]", "-a"),
        ("[-]", "-"),
        ("[^-a]", "#$&()*+./[]^bc{|}~"),
        (r"[a\\-c]", "-ac"),
        ("[a-c]", "abc"),
        ("[#-&]", "#$&"),
        (r"[\\[\\]\\\\^]", "[]^"),
        ("[a^]", "^a"),
        ("[.]", "."),
        ("[$]", "$"),
        ("[(){}*+|]", "()*+{|}"),
        (r"[\\p{Ll}-]", "-abc"),
        (r"\\[|\\{|\\-|\\^", "-[^{"),
    ] {
        let letters: Vec<String> = "#$&()*+-./[]^abc{|}~".chars().map(String::from).collect();
        let query = Query::parse(&format!("$[?match(@, '{pattern}')]")).unwrap();
        let document = json!(letters);
        let found: String = query
            .select(&document, &mut Patterns::default())
            .unwrap()
            .iter()
            .filter_map(|place| letters.get(place[0].token().parse::<usize>().ok()?).cloned())
            .collect();
        assert_eq!(found, fitting, "{pattern}");
    }
}

#[test]
fn a_pattern_that_would_take_too_much_memory_is_refused() {
    let fault = |pattern: &str| translated(pattern).and_then(|known| compiled(&known, true)).err();
    assert_eq!(fault(&r"\P{L}".repeat(30)), None);
    for pattern in [
        r"\P{L}".repeat(60),
        r"\P{L}".repeat(10_000),
        format!("[{}]", r"\P{L}".repeat(10_000)),
        "(a{1000}){1000}".to_owned(),
        "a{99999999999}".to_owned(),
        "a".repeat(1 << 20),
        r"\p{L}{3000}".to_owned(),
        format!("({}){{10000}}", "abcdefghijklmnopqrstuvwxyz".repeat(2)),
    ] {
        assert_eq!(fault(&pattern), Some(Fault::TooLarge), "{pattern:.40}");
        let query = Query::parse("$[?search(@.text, @.pattern)]").unwrap();
        let document = json!([{"text": "a", "pattern": pattern}]);
        assert_eq!(
            query.select(&document, &mut Patterns::default()),
            Err(TooCostly::Memory),
            "{pattern:.40}"
        );
    }
}

#[test]
fn a_pattern_that_is_nested_too_deep_is_refused() {
    let nested = |count: usize| "(b".repeat(count) + "a" + &"|c)*".repeat(count);
    assert_eq!(translated(&nested(50)).and_then(|known| compiled(&known, true)).err(), None);
    for pattern in [nested(51), "(".repeat(1_000) + &")".repeat(1_000)] {
        assert_eq!(translated(&pattern).err(), Some(Fault::TooDeep), "{pattern:.40}");
        let query = Query::parse("$[?search(@.text, @.pattern)]").unwrap();
        let document = json!([{"text": "a", "pattern": pattern}]);
        let selected = query.select(&document, &mut Patterns::default());
        assert_eq!(selected, Err(TooCostly::Nesting), "{pattern:.40}");
    }
    assert_eq!(translated(&"(".repeat(1_000)).err(), Some(Fault::NoPattern));
}

fn patterns() -> impl Strategy<Value = String> {
    let atoms = vec![
        "a",
        "b",
        "^",
        ".",
        "()",
        "[a-z]",
        "[^a]",
        "[^-a-c-]",
        r"\p{Lu}",
        r"[\P{L}0]",
        "a|",
        "|",
        "(|a)",
    ];
    prop::sample::select(atoms).prop_map(str::to_owned).prop_recursive(4, 30, 4, |inner| {
        let quantities =
            vec!["", "*", "+", "?", "{0}", "{1}", "{3}", "{0,}", "{2,}", "{0,3}", "{2,5}", "{40}"];
        let group = (inner.clone(), prop::sample::select(quantities));
        prop_oneof![
            group.prop_map(|(inner, quantity)| format!("({inner}){quantity}")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("{one}{other}")),
            (inner.clone(), inner).prop_map(|(one, other)| format!("{one}|{other}")),
        ]
    })
}

proptest! {
    /// So that what is wrong with a pattern is known without compiling it.
    #[test]
    fn a_pattern_takes_no_more_memory_than_its_size_says(pattern in patterns()) {
        let known = match translated(&pattern) {
            Ok(known) => known,
            Err(fault) => {
                prop_assert_eq!(fault, Fault::TooLarge);
                return Ok(());
            }
        };
        let limit = usize::try_from(known.size.memory + FRAME).unwrap();
        prop_assert!(RegexBuilder::new(&known.text).size_limit(limit).nest_limit(200).build().is_ok());
        prop_assert!(compiled(&known, true).is_ok());
    }
}

#[test]
fn the_library_compiles_what_is_translated() {
    for pattern in [
        r"\p{L}{1900}".to_owned(),
        r"\p{L}{2100}".to_owned(),
        "a{49000}".to_owned(),
        "[acegik]{39000}".to_owned(),
        "a{0,24000}".to_owned(),
        "(){199000}".to_owned(),
        "(|){60000}".to_owned(),
        "abcdefghijklmnopqrstuvwxyz".repeat(12_000),
        "((a{199}){199}|b*)+".to_owned(),
    ] {
        let compiled = translated(&pattern).and_then(|known| compiled(&known, true));
        assert!(compiled.is_ok() || translated(&pattern).is_err(), "{pattern:.40}");
    }
}

/// A pattern of the document may be any text: whatever is done with it counts.
#[test]
fn a_long_pattern_counts_at_every_try() {
    let mut patterns = Patterns::default();
    let long = format!("){}", "a".repeat(40_000));
    let tries = |patterns: &mut Patterns, pattern: &str, most: usize| {
        (patterns.left, patterns.over) = (100_000, None);
        (0..most).take_while(|_| !patterns.fits("a", pattern, true) && patterns.over.is_none()).count()
    };
    let done = tries(&mut patterns, &long, 1_000);
    assert!((20..100).contains(&done) && patterns.over == Some(TooCostly::Matching), "{done}");
    assert_eq!(tries(&mut patterns, ")", 1_000), 1_000);
}

/// Queries may have thousands of different patterns, and an overlay thousands of queries.
#[test]
fn compiling_has_a_bound_for_all_queries_together() {
    let document: Vec<_> =
        (0..100).map(|number| json!({"n": "x", "p": format!(r"\p{{L}}{{{}}}", 1_000 + number)})).collect();
    let query = Query::parse("$[?match(@.n, @.p)]").unwrap();
    let (document, mut patterns) = (json!(document), Patterns::default());
    assert!(query.select(&document, &mut patterns).is_ok());
    let all = (0..50).map(|_| query.select(&document, &mut patterns)).find(Result::is_err);
    assert_eq!(all, Some(Err(TooCostly::Matching)));
    let few = Query::parse(r"$[?match(@.n, '\\p{L}+') || match(@.n, '[0-9]+')]").unwrap();
    let mut patterns = Patterns::default();
    assert!((0..1_000).all(|_| few.select(&document, &mut patterns).is_ok()));
}

#[test]
fn a_pattern_of_the_document_is_tried_on_as_many_texts_as_a_literal_one() {
    let list: Vec<_> = (0..20_000).map(|number| json!({"n": format!("x{number}")})).collect();
    let query = Query::parse("$.list[?match(@.n, $.p)]").unwrap();
    for (pattern, expected) in [("x[0-9]+", Ok(20_000)), ("[a-z0-9]{39000}", Err(TooCostly::Matching))] {
        let document = json!({"list": list, "p": pattern});
        let found = query.select(&document, &mut Patterns::default()).map(|found| found.len());
        assert_eq!(found, expected, "{pattern}");
    }
}

/// What a filter takes is the states of its patterns times the letters of the texts.
#[test]
fn matching_has_a_bound() {
    let (short, long) = ("ab".repeat(500), "ab".repeat(1 << 19));
    let wide = "\u{4e00}".repeat(1 << 19);
    for (pattern, text, is_done) in [
        ("[a-z]+[0-9]", &long, true),
        (r"\\p{L}+[0-9]", &long, true),
        (r"\\p{L}+[0-9]", &wide, true),
        (r"(\\p{L}{1,30}){30}[0-9]", &short, true),
        ("[a-z]{2000}[0-9]", &long, false),
        ("[acegikmoqsuwyACEGIKMOQSUWY02468]{500}[0-9]", &long, false),
        (r"(\\p{L}{1,30}){30}[0-9]", &long, false),
        (r"\\p{L}{200}[0-9]", &wide, false),
    ] {
        // Known before it runs, and when it is tried.
        let document = json!({"info": {"description": text}});
        let query = Query::parse(&format!("$[?search(@.description, '{pattern}')]")).unwrap();
        let selected = query.select(&document, &mut Patterns::default()).map(|found| found.len());
        let expected = if is_done { Ok(0) } else { Err(TooCostly::Matching) };
        assert_eq!(selected, expected, "{pattern}");
        let pattern = pattern.replace(r"\\", r"\");
        let document = json!({"info": {"description": text, "pattern": pattern}});
        let query = Query::parse("$[?search(@.description, @.pattern)]").unwrap();
        let selected = query.select(&document, &mut Patterns::default()).map(|found| found.len());
        assert_eq!(selected, expected, "{pattern}");
    }
}

#[test]
fn what_is_no_i_regexp_fits_nothing() {
    for pattern in [
        r"\\ba",
        "a*?",
        "a+?",
        "a??",
        "(?:a)",
        "(?i)a",
        r"\\x61",
        "[[a]]",
        "a{1}{1}",
        "a{,1}",
        "a{1",
        "a{b}",
        "*a",
        "|*",
        "(*a)",
        "(",
        ")",
        "a)(b",
        "[",
        "[]",
        "[^]",
        "[a",
        "]",
        "a]",
        "{",
        "}",
        "[a-b-c]",
        "[a--]",
        r"[a-\\p{L}]",
        r"\\d|a",
        r"\\w",
        r"\\s|a",
        r"[\\w]",
        r"\\a|a",
        r"\\u0061",
        r"\\/|a",
        r"\\p{Greek}|a",
        r"\\pL",
        r"\\p{^L}|a",
        r"\\p{Letter}",
        r"\\p{L|a",
        r"a\\",
        "[[:alpha:]]",
        "a{2,1}",
        "[b-a]",
    ] {
        assert_eq!(count(&format!("search(@, '{pattern}')")), 0, "{pattern}");
    }
    for (pattern, expected) in [
        ("(a|ab)(b?)", 2),
        ("a{1}", 1),
        ("a{1,}b{0,2}c?", 3),
        ("()", 1),
        ("a||b", 2),
        ("((a))*", 2),
        ("^a$", 1),
        (r"\\P{L}+|a\\nb", 1),
        ("a[b-c]*", 3),
        (r"\\p{L}\\p{Ll}*", 4),
    ] {
        assert_eq!(count(&format!("match(@, '{pattern}')")), expected, "{pattern}");
    }
}

#[test]
fn patterns_that_fit_nothing_are_known_by_the_text_of_the_query() {
    let void = |query: &str| Query::parse(query).unwrap().void_patterns();
    for good in [
        "$.a",
        r"$[?match(@, '\\.[0-9]+')]",
        r#"$[?search(@.b, "it's \"so\"")]"#,
        r"$[?match(@, 'it\'s')]",
        "$[?match(@, $.pattern)]",
        r"$['\\d'][?@ == '\\d']",
    ] {
        assert_eq!(void(good), [], "{good}");
    }
    for (query, pattern, part) in [
        (r"$[?match(@, 'a\\d')]", r"a\d", r"write `[0-9]` for `\d`"),
        (r"$[?match(@, '[\\d_]')]", r"[\d_]", r"write `0-9` for `\d`"),
        (r"$[?match(@, '[\\D]')]", r"[\D]", "write it with what those know"),
        (r"$..x[?!search(@.y, '\\\\\\s')].z", r"\\\s", r"write `[ \t\n\r]` for `\s`"),
        ("$[?@.a[?search(@, '(?i)x')]]", "(?i)x", "write it with what those know"),
        ("$[?count(@[?match(@.b, 'a)')]) > 1]", "a)", "write it with what those know"),
        ("$[?match(@, 'a{2,1}')]", "a{2,1}", "write `{1,2}` for `{2,1}`"),
        ("$[?match(@, '[b-a]')]", "[b-a]", "write it with what those know"),
        (r"$[?match(@, '\u0028?:a)')]", "(?:a)", "write `(` for `(?:`"),
    ] {
        let found = void(query);
        let [(text, problem)] = &found[..] else { unreachable!("{query}: {found:?}") };
        let part = format!("is no I-Regexp (RFC 9485): {part}");
        assert!(text == pattern && problem.starts_with(&part), "{query}: {found:?}");
    }
    for pattern in [r"\\P{L}".repeat(60), "(a{1000}){1000}".to_owned()] {
        let found = void(&format!("$[?match(@, '{pattern}')]"));
        let part = "takes too much memory: write fewer";
        assert!(found[0].0 == pattern.replace(r"\\", r"\") && found[0].1.starts_with(part), "{found:?}");
    }
}
