//! Texts of every shape: deep ones, aliases, encodings, numbers, versions, paths.

use serde_json::json;

use super::{Cases, Either, Read, Refused, body, with};
use crate::support::proof;

pub(super) fn nesting(cases: &mut Cases) {
    let places = ["x-any", "info", "paths", "components", "servers", "security", "tags"];
    for (kind, open, close) in [("lists", "[", "]"), ("objects", "{\"a\":", "}"), ("both", "[{\"a\":", "}]")]
    {
        for depth in [60, 10_000] {
            let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            for place in places {
                let text = format!("{{\"openapi\": \"3.0.3\", \"paths\": {{}}, \"{place}\": {deep}}}");
                let becomes = if depth == 60 { Either } else { Refused("recursion limit exceeded") };
                cases.add(format!("{depth} {kind} in {place}"), "crafted.json", text.clone(), becomes);
                if place == "x-any" {
                    cases.yaml(format!("{depth} {kind} of flow"), text, Either);
                }
            }
        }
    }
    let mut block = "openapi: 3.0.3\nx:\n".to_owned();
    (1..proof(600, 2_000)).for_each(|level| block.push_str(&format!("{}a:\n", " ".repeat(level))));
    cases.yaml("block mappings", block, Refused("more than 128 levels deep"));
    cases.yaml(
        "block lists",
        format!("openapi: 3.0.3\npaths: {{}}\nx:\n {}1\n", "- ".repeat(10_000)),
        Refused(""),
    );
    cases.yaml("block keys", format!("{}a: 1\n", "? ".repeat(10_000)), Refused(""));
    cases.yaml("tags of tags", format!("openapi: 3.0.3\nx: {}1\n", "!a ".repeat(10_000)), Refused(""));
    for word in ["items", "not", "additionalProperties", "allOf", "oneOf", "properties"] {
        let mut schema = json!({"type": "string"});
        for _ in 0..100 {
            schema = match word {
                "allOf" | "oneOf" => json!({word: [schema]}),
                "properties" => json!({word: {"a": schema}}),
                _ => json!({word: schema}),
            };
        }
        let levels =
            if matches!(word, "allOf" | "oneOf" | "properties") { Refused("recursion") } else { Read(1) };
        cases.json(format!("100 schemas in {word}"), &with(&body(&schema), &json!({})), levels);
    }
}

pub(super) fn aliases(cases: &mut Cases) {
    let head = "openapi: 3.0.3\npaths: {}\n";
    let laughs = |first: &str, item: &dyn Fn(usize) -> String| {
        let mut text = format!("{head}a0: &a0 {first}\n");
        (1..30).for_each(|level| text.push_str(&format!("a{level}: &a{level} {}\n", item(level - 1))));
        text
    };
    let ten = |open: &str, close: &str, each: &dyn Fn(usize, usize) -> String, before: usize| {
        let all: Vec<_> = (0..10).map(|number| each(number, before)).collect();
        format!("{open}{}{close}", all.join(", "))
    };
    cases.yaml(
        "laughs in lists",
        laughs("[lol]", &|before| ten("[", "]", &|_, at| format!("*a{at}"), before)),
        Refused(""),
    );
    cases.yaml(
        "laughs in mappings",
        laughs("{x: lol}", &|before| ten("{", "}", &|number, at| format!("k{number}: *a{at}"), before)),
        Refused(""),
    );
    cases.yaml(
        "laughs in merges",
        laughs("{x: lol}", &|before| format!("{{<<: *a{before}, k{before}: 1}}")),
        Read(0),
    );
    cases.yaml(
        "laughs in lists of merges",
        laughs("{x: lol}", &|before| {
            format!("{{<<: [{}], k{before}: 1}}", vec![format!("*a{before}"); 10].join(", "))
        }),
        Refused(""),
    );
    let many = proof(3_000, 40_000);
    let times = |what: &str| vec![what; many].join(",");
    cases.yaml(
        "a long list many times",
        format!("{head}a: &a [{}]\nb: [{}]\n", times("x"), times("*a")),
        Refused("aliases"),
    );
    let long = "x".repeat(proof(50_000, 100_000));
    cases.yaml(
        "a long text many times",
        format!("{head}a: &a {long}\nb: [{}]\n", times("*a")),
        Refused("aliases"),
    );
    for (name, text, becomes) in [
        ("a list in itself", "x: &a [*a]\n", Refused("")),
        ("a mapping in itself", "x: &a {b: *a}\n", Refused("")),
        ("two in each other", "x: &a [&b [*a]]\ny: *b\n", Refused("")),
        ("an alias of nothing", "x: *gone\n", Refused("")),
        ("an anchor twice", "x: &a 1\ny: &a 2\nz: *a\n", Read(0)),
        ("an alias as a key", "x: &a b\n*a : 1\n", Either),
        ("a merge of a scalar", "x: {<<: 1}\n", Read(0)),
        ("a merge of a list of scalars", "x: {<<: [1, a]}\n", Read(0)),
        ("a merge of itself", "x: &a {<<: *a, b: 1}\n", Refused("")),
        ("two merges", "x: &a {b: 1}\ny: {<<: *a, <<: *a}\n", Read(0)),
    ] {
        cases.yaml(name, format!("{head}{text}"), becomes);
    }
}

pub(super) fn texts(cases: &mut Cases) {
    let text = with(&json!({}), &json!({})).to_string();
    let utf16 = |mark: bool, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        mark.then_some(0xfeff).into_iter().chain(text.encode_utf16()).flat_map(bytes).collect()
    };
    for file in ["crafted.json", "crafted.yaml"] {
        for mark in [true, false] {
            cases.add("UTF-16 LE", file, utf16(mark, u16::to_le_bytes), Refused("UTF-16"));
            cases.add("UTF-16 BE", file, utf16(mark, u16::to_be_bytes), Refused("UTF-16"));
        }
        let utf32: Vec<u8> = text.chars().flat_map(|one| (one as u32).to_le_bytes()).collect();
        cases.add("UTF-32", file, utf32, Refused("UTF-16"));
        cases.add("a mark", file, format!("\u{feff}{text}"), Read(1));
        cases.add("two marks", file, format!("\u{feff}\u{feff}{text}"), Either);
        cases.add("only a mark", file, "\u{feff}", Refused(""));
        for (name, bad) in [
            ("a lone byte", &b"\xff"[..]),
            ("an overlong slash", b"\xc0\xaf"),
            ("a surrogate", b"\xed\xa0\x80"),
            ("beyond Unicode", b"\xf4\x90\x80\x80"),
            ("half a letter", b"\xe2\x82"),
        ] {
            let bytes = [&text.as_bytes()[..20], bad, &text.as_bytes()[20..]].concat();
            cases.add(name, file, bytes, Refused("not UTF-8"));
            cases.add(
                format!("{name} at the end"),
                file,
                [text.as_bytes(), bad].concat(),
                Refused("not UTF-8"),
            );
        }
        for (name, whole) in [
            ("nothing", ""),
            ("spaces", "   \n \n"),
            ("tabs", "\t\t"),
            ("a zero", "\0"),
            ("zeros", "\0\0\0\0"),
            ("a comment", "# nothing\n"),
            ("a comma", ","),
            ("a colon", ":"),
            ("a quote", "\""),
            ("a brace", "{"),
            ("a bracket", "["),
            ("braces", "}{"),
            ("a dash", "-"),
            ("a start", "---\n"),
            ("an end", "...\n"),
            ("a directive", "%YAML 1.1\n---\n"),
            ("two documents", "---\na: 1\n---\nb: 2\n"),
            ("an anchor", "&a"),
            ("a tag", "!"),
            ("a star", "*"),
            ("an at sign", "@"),
            ("a percent sign", "%"),
            ("a pipe", "|"),
            ("an angle", ">"),
            ("carriage returns", "\r\r\r"),
            ("a bell", "\u{7}"),
            ("a separator", "\u{2028}"),
            ("HTML", "<!doctype html><html></html>"),
            ("a list", "[]"),
            ("a text", "\"openapi\""),
            ("a number", "3.0"),
            ("null", "null"),
            ("true", "true"),
            ("an object", "{}"),
            ("a mapping", "a: b"),
            ("a lone escape", "{\"\\ud800\": 1}"),
            ("a cut escape", "{\"\\u12\": 1}"),
            ("a control character", "{\"a\u{1}\": 1}"),
            ("more after it", "{} {}"),
            ("a trailing comma", "{\"a\": 1,}"),
            ("single quotes", "{'openapi': '3.0.3', 'paths': {}}"),
            ("a comment in JSON", "{\"a\": 1 // x\n}"),
        ] {
            let is_yaml = file == "crafted.yaml" && name == "single quotes";
            cases.add(name, file, whole, if is_yaml { Read(0) } else { Refused("") });
        }
    }
    cases.yaml("tabs for indents", "openapi: 3.0.3\npaths:\n\t/a: {}\n", Refused("not readable as YAML"));
    cases.yaml("carriage returns alone", "openapi: 3.0.3\rpaths: {}\r", Read(0));
    cases.yaml("binary", "openapi: 3.0.3\npaths: {}\nx: !!binary aGk=\n", Read(0));
    cases.yaml(
        "a tag of another language",
        "openapi: 3.0.3\npaths: {}\nx: !!python/object/apply:os.system [id]\n",
        Read(0),
    );
    cases.yaml("a set", "openapi: 3.0.3\npaths: {}\nx: !!set {a, b}\n", Read(0));
    cases.yaml("a list as a key", "openapi: 3.0.3\npaths: {}\n? [a, b]\n: 1\n", Refused(""));
}

pub(super) fn numbers(cases: &mut Cases) {
    let digits = "9".repeat(100_000);
    for (name, number) in [
        ("beyond a double", "1e999"),
        ("below a double", "1e-999"),
        ("minus zero", "-0"),
        ("hexadecimal", "0xffffffffffffffffff"),
        ("octal", "0o777777777777777777777777"),
        ("infinite", ".inf"),
        ("no number", ".nan"),
        ("128 bits", "170141183460469231731687303715884105728"),
        ("many digits", digits.as_str()),
        ("a leading zero", "007"),
        ("a plus", "+1"),
        ("a point", "1."),
        ("an exponent", "1e400000000000000000000"),
    ] {
        let text = format!(
            "{{\"openapi\": \"3.0.3\", \"paths\": {{}}, \"x\": {number}, \"info\": {{\"version\": {number}}}}}"
        );
        cases.add(name, "crafted.json", text.clone(), Either);
        cases.yaml(name, text, Either);
        let limits = format!(
            "{{\"type\": \"integer\", \"minimum\": {number}, \"maxLength\": {number}, \"multipleOf\": {number}, \"enum\": [{number}]}}"
        );
        let text = with(&body(&json!("SCHEMA")), &json!({})).to_string().replace("\"SCHEMA\"", &limits);
        cases.add(format!("{name} as a limit"), "crafted.json", text.clone(), Either);
        cases.yaml(format!("{name} as a limit"), text, Either);
    }
}

pub(super) fn versions(cases: &mut Cases) {
    for version in [
        json!(null),
        json!(3),
        json!(3.0),
        json!(3.1),
        json!(2),
        json!([]),
        json!({}),
        json!(true),
        json!(""),
        json!("3"),
        json!("3.9"),
        json!("9.0.0"),
        json!("3.0.3.4.5"),
        json!("v3.0.0"),
        json!("3.0.3\n"),
        json!(" 3.0"),
        json!("3.0".repeat(1_000)),
        json!("\u{0}"),
        json!("-1"),
    ] {
        for key in ["openapi", "swagger", "asyncapi", "arazzo", "overlay"] {
            cases.json(
                format!("{key}: {version}").chars().take(60).collect::<String>(),
                &json!({key: version, "paths": {}}),
                Either,
            );
        }
    }
    cases.json(
        "both versions",
        &json!({"openapi": "3.0.3", "swagger": "2.0", "paths": {"/a": {"get": {}}}}),
        Read(1),
    );
    cases.json("names twice", &json!({"openapi": "3.0.3", "paths": {"/a": {"get": {"operationId": "x"}}, "/b": {"get": {"operationId": "x"}},
        "/c": {"get": {"operationId": "X"}}, "/{c}": {"get": {"operationId": "x "}}, "/{d}": {"GET": {"operationId": "x"}}}}), Either);
    for path in [
        "",
        "/",
        "a",
        "/{",
        "/}",
        "/{}",
        "/{a",
        "/{a}{a}",
        "/{{a}}",
        "/a?b#c",
        "/\u{0}",
        "//",
        "/../..",
        "/%2e%2e",
        "https://x/y",
        "/ ",
        "/\n",
    ] {
        cases.json(
            format!("the path {path:?}"),
            &json!({"openapi": "3.0.3", "paths": {path: {"get": {}}}}),
            Read(1),
        );
    }
}
