//! Every form of an item, and names that look like one.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use super::{Item, Source, Step, Value, read};
use crate::split::Word;

fn item(text: &str) -> Result<Item, String> {
    read(&Word::Item(text.into()), ["limit", "StartTime", "StartTime<", "expand[]", "a:b"].into_iter())
}

fn named(name: &str, value: &str) -> Item {
    read(&Word::Named { name: name.into(), value: value.into() }, ["limit", "expand[]"].into_iter()).unwrap()
}

fn argument(name: &str, steps: &[Step], value: Value) -> Item {
    Item::Argument { name: name.into(), steps: steps.to_vec(), value }
}

fn text(name: &str, value: &str) -> Item {
    argument(name, &[], Value::Text(value.into()))
}

fn key(name: &str) -> Step {
    Step::Key(name.into())
}

fn file(path: &str) -> Source {
    Source::File(path.into())
}

#[test]
fn an_argument_is_text_or_json() {
    assert_eq!(item("limit=5"), Ok(text("limit", "5")));
    assert_eq!(item("limit="), Ok(text("limit", "")));
    assert_eq!(item("filter=status:'a'=b@c"), Ok(text("filter", "status:'a'=b@c")));
    assert_eq!(item("n:=1e400"), Ok(argument("n", &[], Value::Json("1e400".into()))));
    assert_eq!(item("n:="), Ok(argument("n", &[], Value::Json(String::new()))));
}

#[test]
fn query_and_headers_are_forced() {
    assert_eq!(item("limit==5"), Ok(text("query.limit", "5")));
    assert_eq!(item("query.limit==5"), Ok(text("query.limit", "5")));
    assert_eq!(item("f[x]==@y"), Ok(text("query.f[x]", "@y")));
    assert_eq!(item("x-a:b:c"), Ok(Item::Header { name: "x-a".into(), value: "b:c".into() }));
    assert_eq!(item("x-a: b"), Ok(Item::Header { name: "x-a".into(), value: "b".into() }));
    assert_eq!(item("x-a;"), Ok(Item::Header { name: "x-a".into(), value: String::new() }));
    assert_eq!(item("accept:"), Ok(Item::NoHeader("accept".into())));
    assert_eq!(item("a;b=c"), Ok(text("a;b", "c")));
}

#[test]
fn a_place_stays_before_the_name() {
    for place in ["path", "query", "header", "cookie", "body"] {
        assert_eq!(item(&format!("{place}.limit=5")), Ok(text(&format!("{place}.limit"), "5")));
    }
    assert_eq!(item("query.StartTime<=1"), Ok(text("query.StartTime<", "1")));
    assert_eq!(item("body.a[b]=1"), Ok(argument("body.a", &[key("b")], Value::Text("1".into()))));
}

#[test]
fn the_longest_declared_name_comes_first() {
    assert_eq!(item("StartTime<=2026"), Ok(text("StartTime<", "2026")));
    assert_eq!(item("StartTime=2026"), Ok(text("StartTime", "2026")));
    assert_eq!(item("expand[]=x"), Ok(text("expand[]", "x")));
    assert_eq!(item("a:b=x"), Ok(text("a:b", "x")));
    assert_eq!(named("expand[]", "x"), text("expand[]", "x"));
}

#[test]
fn brackets_lead_into_a_value() {
    let value = Value::Text("v".into());
    assert_eq!(item("a[b][c]=v"), Ok(argument("a", &[key("b"), key("c")], value.clone())));
    assert_eq!(item("a[]=v"), Ok(argument("a", &[Step::Append], value.clone())));
    assert_eq!(item("a[0][b]=v"), Ok(argument("a", &[Step::Index(0), key("b")], value.clone())));
    assert_eq!(item(r"a[\0]=v"), Ok(argument("a", &[key("0")], value.clone())));
    assert_eq!(item(r"a\[b\]=v"), Ok(argument("a[b]", &[], value.clone())));
    assert_eq!(named("a[b]", "v"), argument("a", &[key("b")], value));
}

#[test]
fn values_come_from_files() {
    assert_eq!(item("q=@a.txt"), Ok(argument("q", &[], Value::TextFrom(file("a.txt")))));
    assert_eq!(item("q:=@-"), Ok(argument("q", &[], Value::JsonFrom(Source::Stdin))));
    assert_eq!(item("@-"), Ok(Item::Body(Source::Stdin)));
    assert_eq!(item("@a.json"), Ok(Item::Body(file("a.json"))));
    let part = |path, media_type: Option<&str>, filename: Option<&str>| {
        let value = Value::File {
            source: file(path),
            media_type: media_type.map(Into::into),
            filename: filename.map(Into::into),
        };
        Ok(argument("s", &[], value))
    };
    assert_eq!(item("s@a.bin"), part("a.bin", None, None));
    assert_eq!(item("s@a;b.bin"), part("a;b.bin", None, None));
    assert_eq!(item("s@a.bin;type=x/y;filename=z"), part("a.bin", Some("x/y"), Some("z")));
    assert_eq!(item("s@a.bin;filename=z;type=x/y"), part("a.bin", Some("x/y"), Some("z")));
}

#[test]
fn a_backslash_takes_meaning_away() {
    assert_eq!(item(r"weird\:key=1"), Ok(text("weird:key", "1")));
    assert_eq!(item(r"label=\@home"), Ok(text("label", "@home")));
    assert_eq!(item(r"label=\\@home"), Ok(text("label", r"\@home")));
    assert_eq!(item(r"label=C:\dir"), Ok(text("label", r"C:\dir")));
    assert_eq!(item(r"dir\sub=1"), Ok(text(r"dir\sub", "1")));
    assert_eq!(named("label", r"\@home"), text("label", "@home"));
}

#[test]
fn named_arguments_are_items() {
    assert_eq!(named("limit", "=5"), text("limit", "=5"));
    assert_eq!(named("q", "@a.txt"), argument("q", &[], Value::TextFrom(file("a.txt"))));
}

#[test]
fn what_is_no_item_says_why() {
    insta::assert_snapshot!(
        ["limit", "=5", "a[b=5", "a[b]c=5", "[]=5", "s@", ""].map(|text| item(text).unwrap_err()).join("\n"),
        @r#"
        `limit` is no item: it has none of the operators = := == : @
        `=5` has no name before its operator
        `a[b` lacks a `]`; write `\[` where none is meant
        `c` stands after the `]` of `a[b]c`
        `[]` has no name before its brackets
        no file is named after `@`
        `` is no item: it has none of the operators = := == : @
        "#
    );
}

#[test]
fn the_corpus_of_random_words_is_read() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/items");
    let mut seeds = 0;
    for seed in std::fs::read_dir(folder).unwrap() {
        super::item::fuzz(&std::fs::read(seed.unwrap().path()).unwrap());
        seeds += 1;
    }
    assert!(seeds > 0);
}
