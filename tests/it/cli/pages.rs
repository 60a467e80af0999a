//! `--paginate`: what it prints of several pages, where, and the code it ends with.

use std::sync::Arc;

use super::{opcall, opcall_with};
use crate::support::{Received, Reply, Server};

const DOCUMENT: &str = r#"{
  "openapi": "3.0.3", "info": {"title": "lists", "version": "1"}, "x-service": "lists",
  "servers": [{"url": "SERVER"}],
  "paths": {
    "/things": {"get": {
      "operationId": "things", "responses": {},
      "x-pagination": {"kind": "cursor", "cursor": "after", "next": "/next", "items": "/items"},
      "parameters": [{"name": "after", "in": "query", "schema": {"type": "string"}}]}},
    "/plain": {"get": {"operationId": "plain", "responses": {}}, "post": {"operationId": "post", "responses": {}}}
  }
}"#;

/// A document, and the server that it names.
struct Lists {
    server: Server,
    file: tempfile::TempPath,
}

impl Lists {
    fn of(answer: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        let server = Server::start(answer).quiet();
        let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap().into_temp_path();
        std::fs::write(&file, DOCUMENT.replace("SERVER", &server.url())).unwrap();
        Self { server, file }
    }

    /// Three pages, as texts that a parser would not keep.
    fn three() -> Self {
        Self::with(&[
            r#"{"items": [1.0, {"b":1e2,"a":-0}], "next": "a"}"#,
            "{\"items\":[12345678901234567890123],\"next\":\"b\"}\n",
            r#"{"items":["x"]}"#,
        ])
    }

    fn with(pages: &[&str]) -> Self {
        let pages: Arc<[String]> = pages.iter().map(|&page| page.to_owned()).collect();
        Self::of(move |_, before| Reply::json(200, &pages[before % pages.len()]))
    }

    fn run(&self, arguments: &[&str]) -> super::Run {
        let mut all = vec!["--no-cache", "--spec", self.file.to_str().unwrap()];
        all.extend(arguments);
        opcall(&all)
    }

    /// What a run printed and said, and how it ended, without the port.
    fn shown(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        let text = format!("{}--- {}\n{}", run.stdout, run.code, run.stderr);
        text.replace(&self.server.url(), "http://SERVER")
    }
}

#[test]
fn pages_come_one_after_the_other() {
    insta::assert_snapshot!(Lists::three().shown(&["things", "--paginate"]));
}

#[test]
fn an_item_is_a_line() {
    insta::assert_snapshot!(Lists::three().shown(&["things", "--paginate", "-o", "ndjson"]));
    insta::assert_snapshot!(Lists::three().shown(&[
        "things",
        "--paginate",
        "-o",
        "ndjson",
        "--max-items",
        "2"
    ]));
}

#[test]
fn all_items_are_one_list() {
    insta::assert_snapshot!(Lists::three().shown(&["things", "--paginate", "--slurp"]));
    insta::assert_snapshot!(Lists::three().shown(&["things", "--paginate", "--slurp", "--max-items", "1"]));
    insta::assert_snapshot!(Lists::with(&[r#"{"items":null}"#]).shown(&["things", "--paginate", "--slurp"]));
}

#[test]
fn lines_of_one_answer_are_its_items_or_the_answer() {
    insta::assert_snapshot!(Lists::three().shown(&["things", "-o", "ndjson"]));
    insta::assert_snapshot!(Lists::with(&["{\n  \"a\": 1.0\n}"]).shown(&["plain", "-o", "ndjson"]));
    insta::assert_snapshot!(Lists::with(&["<html>"]).shown(&["plain", "-o", "ndjson"]));
}

#[test]
fn a_limit_is_told_and_is_no_fault() {
    insta::assert_snapshot!(Lists::three().shown(&[
        "things",
        "--paginate",
        "--max-pages",
        "2",
        "-o",
        "none"
    ]));
    insta::assert_snapshot!(Lists::three().shown(&[
        "things",
        "--paginate",
        "--max-items",
        "3",
        "-q",
        "-o",
        "none"
    ]));
}

#[test]
fn a_list_that_is_not_whole_is_a_fault() {
    let circle = || Lists::with(&[r#"{"items": [1], "next": "a"}"#]);
    insta::assert_snapshot!(circle().shown(&["things", "--paginate"]));
    insta::assert_snapshot!(circle().shown(&["things", "--paginate", "--slurp", "--error-format", "json"]));
}

#[test]
fn a_page_that_fails_ends_with_its_own_code() {
    let lists = || {
        Lists::of(|_, before| match before {
            0 => Reply::json(200, r#"{"items": [1], "next": "a"}"#),
            _ => Reply::json(403, r#"{"message": "no"}"#),
        })
    };
    insta::assert_snapshot!(lists().shown(&["things", "--paginate"]));
    insta::assert_snapshot!(lists().shown(&["things", "--paginate", "-o", "ndjson"]));
}

#[test]
fn a_next_page_elsewhere_is_refused() {
    let elsewhere =
        || Lists::of(|_, _| Reply::whole(200, &["link: <http://127.0.0.1:9/x>; rel=next"], "[1]"));
    insta::assert_snapshot!(elsewhere().shown(&["plain", "--paginate", "-o", "ndjson"]));
}

#[test]
fn what_does_not_page_says_so() {
    let lists = Lists::with(&["[1]"]);
    insta::assert_snapshot!(lists.shown(&["plain", "--paginate"]));
    let before = lists.server.received().len();
    insta::assert_snapshot!(lists.shown(&["post", "--paginate"]));
    insta::assert_snapshot!(lists.shown(&["things", "--paginate", "--slurp", "-o", "raw"]));
    insta::assert_snapshot!(lists.shown(&["things", "--paginate", "--slurp", "--include"]));
    for arguments in [
        &["things", "--slurp"][..],
        &["things", "--max-items", "5"],
        &["things", "--max-pages", "0", "--paginate"],
    ] {
        assert_eq!(lists.run(arguments).code, 2, "{arguments:?}");
    }
    assert_eq!(lists.server.received().len(), before);
}

#[test]
fn redirects_are_followed_where_it_is_asked_for() {
    let moved = || {
        Lists::of(|request, _| match request.target.as_str() {
            "/things" => Reply::whole(302, &["location: /elsewhere"], ""),
            _ => Reply::json(200, r#"{"items": []}"#),
        })
    };
    insta::assert_snapshot!(moved().shown(&["things"]));
    insta::assert_snapshot!(moved().shown(&["things", "--follow", "--paginate"]));
    let away = Lists::of(|_, _| Reply::whole(302, &["location: http://127.0.0.1:9/x"], ""));
    insta::assert_snapshot!(away.shown(&["things", "--follow"]));
    // Nothing else tells of the answer.
    let told = away.run(&["things", "--follow", "-v"]).stderr;
    assert!(told.lines().any(|line| line.starts_with("* attempt 1: 302 after ")), "{told}");
}

#[cfg(feature = "sandbox")]
#[test]
fn lists_of_the_built_in_services_come_whole() {
    for (operation, item, count) in [
        ("tokens_query", "limit=5", 12),
        ("organization_tokens_query", "limit=2", 3),
        ("api_token_list", "cursor==", 3),
    ] {
        let run = opcall_with(&[], &["--sandbox", operation, item, "--paginate", "-o", "ndjson"]);
        assert_eq!(run.ok().lines().count(), count, "{operation}: {}", run.stderr);
        assert!(run.stderr.is_empty(), "{}", run.stderr);
    }
}

#[test]
fn attempts_are_told_page_by_page() {
    let lists = Lists::of(|_, before| match before % 4 {
        0 | 2 => Reply::whole(503, &["retry-after: 0"], ""),
        1 => Reply::json(200, r#"{"items":[1],"next":"a"}"#),
        _ => Reply::json(200, r#"{"items":[2]}"#),
    });
    for further in [&[][..], &["-o", "ndjson"], &["--slurp"]] {
        let run = lists.run(&[&["things", "--paginate", "-v"], further].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        let told: Vec<_> = run.stderr.lines().filter(|line| line.starts_with(['*', '<'])).collect();
        let told: Vec<_> = told.iter().map(|line| line.split(" after ").next().unwrap()).collect();
        let told: Vec<_> = told.into_iter().filter(|line| !line.contains("content-")).collect();
        let page = ["* attempt 1: 503", "* attempt 2: 200", "< 200"];
        assert_eq!(told, [page, page].concat(), "{further:?}: {}", run.stderr);
    }
}
