//! Pages over real sockets: how they follow one another, and that they end with every service, each for a reason that
//! is told.

use std::collections::HashSet;

use opcall::{Credentials, Error, Harness, Method, Pages, Profile, StopReason};
use serde_json::{Value, json};

use crate::support::{Received, Reply, Server, builder, proof};

/// An operation for each way that pages follow one another.
const DOCUMENT: &str = r#"{
  "openapi": "3.0.3", "info": {"title": "lists", "version": "1"}, "x-service": "lists",
  "servers": [{"url": "SERVER/v1"}],
  "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "query", "name": "api_key"}}},
  "security": [{"key": []}],
  "paths": {
    "/counted": {"get": {
      "operationId": "counted", "responses": {},
      "x-pagination": {"kind": "offset", "limit": "limit", "offset": "offset", "total": "/meta/total", "items": "/items"},
      "parameters": [
        {"name": "limit", "in": "query", "schema": {"type": "integer"}},
        {"name": "offset", "in": "query", "schema": {"type": "integer"}}]}},
    "/marked": {"get": {
      "operationId": "marked", "responses": {},
      "x-pagination": {"kind": "cursor", "cursor": "after", "next": "/next", "items": "/items"},
      "parameters": [{"name": "after", "in": "query", "schema": {"type": "string"}}]}},
    "/searched": {"post": {
      "operationId": "searched", "responses": {},
      "x-pagination": {"kind": "cursor", "cursor": "search_after", "next": "/last", "items": "/hits"},
      "requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": {
        "query": {"type": "string"}, "search_after": {"type": "array"}}}}}}}},
    "/linked": {"get": {
      "operationId": "linked", "responses": {}, "x-pagination": {"kind": "link", "next": "/next", "items": "/items"}}},
    "/plain": {
      "get": {"operationId": "plain", "responses": {}},
      "post": {"operationId": "plain_post", "responses": {}}},
    "/lacking": {"get": {"operationId": "lacking", "responses": {}, "x-pagination": {"kind": "cursor", "items": "/items"}}}
  }
}"#;

fn lists(server: &Server) -> Harness {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), DOCUMENT.replace("SERVER", &server.url())).unwrap();
    let profile = Profile::new().credentials(Credentials::new().api_key("key"));
    builder().spec(file.path()).profile("lists", profile).build().unwrap()
}

/// A parameter of a request's query.
fn asked(request: &Received, name: &str) -> Option<String> {
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

fn number(request: &Received, name: &str) -> u64 {
    asked(request, name).map_or(0, |text| text.parse().unwrap())
}

/// What pages brought: how many came, their items, why they ended, and the error where one ended them.
struct Outcome {
    pages: usize,
    items: Vec<Value>,
    stop: Option<StopReason>,
    error: Option<Error>,
}

async fn all(mut pages: Pages<'_>) -> Outcome {
    let mut outcome = Outcome { pages: 0, items: Vec::new(), stop: None, error: None };
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => {
                outcome.pages += 1;
                outcome.items.extend(page.items::<Value>().unwrap_or_default());
            }
            Err(error) => outcome.error = Some(error),
        }
    }
    assert!(pages.next().await.is_none());
    outcome.stop = pages.stop();
    outcome
}

/// A list of numbers, served from an offset.
fn counting(total: u64) -> Server {
    Server::start(move |request, _| {
        let (offset, limit) = (number(request, "offset"), number(request, "limit").max(1));
        let items: Vec<_> = (offset..total.min(offset + limit)).collect();
        Reply::json(200, &json!({"items": items, "meta": {"total": total}}).to_string())
    })
}

#[tokio::test]
async fn counted_pages_bring_every_item_once() {
    let server = counting(25);
    let harness = lists(&server);
    let outcome = all(harness.command("counted", [("limit", 10)]).pages()).await;
    let expected: Vec<_> = (0..25).map(Value::from).collect();
    assert_eq!((outcome.pages, outcome.items, outcome.stop), (3, expected, Some(StopReason::Complete)));
    let targets: Vec<_> = server.received().into_iter().map(|one| one.target).collect();
    assert_eq!(
        targets,
        [
            "/v1/counted?limit=10&api_key=key",
            "/v1/counted?limit=10&offset=10&api_key=key",
            "/v1/counted?limit=10&offset=20&api_key=key"
        ]
    );
    let outcome = all(harness.command("counted", json!({"limit": 10, "query.offset": "20"})).pages()).await;
    assert_eq!((outcome.pages, outcome.items.len()), (1, 5));
}

#[tokio::test]
async fn marks_go_into_the_body_where_they_belong_there() {
    let server = Server::start(|request, _| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let next = match &body["search_after"] {
            Value::Null => json!([1, "a"]),
            found if *found == json!([1, "a"]) => json!([2, "b"]),
            _ => Value::Null,
        };
        Reply::json(200, &json!({"hits": [body["query"]], "last": next}).to_string())
    });
    let harness = lists(&server);
    let outcome = all(harness.command("searched", [("query", "q")]).pages()).await;
    assert_eq!((outcome.pages, outcome.items.len(), outcome.stop), (3, 3, Some(StopReason::Complete)));
    assert_eq!(server.received()[2].text(), r#"{"query":"q","search_after":[2,"b"]}"#);
    let whole = harness.command("searched", ()).body(json!({"query": "w"})).pages();
    assert_eq!(all(whole).await.items, [json!("w"), json!("w"), json!("w")]);
    assert_eq!(server.received()[4].text(), r#"{"query":"w","search_after":[1,"a"]}"#);
}

#[tokio::test]
async fn links_are_followed_with_the_call_s_own_credentials() {
    let server = Server::start(|request, before| match before {
        // The service repeats the key that it was called with, as many do.
        0 => Reply::whole(200, &[&format!("link: <{}&page=2>; rel=\"next\"", request.target)], "[1]"),
        1 => Reply::whole(200, &["link: </elsewhere/plain?page=3#x>; rel=next, <?page=1>; rel=first"], "[2]"),
        _ => Reply::whole(200, &["link: <?page=1>; rel=first"], "[3]"),
    });
    let harness = lists(&server);
    let pages = harness.command("plain", ()).allow_unknown().header("x-note", "ci").pages();
    let outcome = all(pages).await;
    assert_eq!(
        (outcome.items, outcome.stop),
        (vec![json!(1), json!(2), json!(3)], Some(StopReason::Complete))
    );
    let received = server.received();
    let targets: Vec<_> = received.iter().map(|one| one.target.as_str()).collect();
    assert_eq!(
        targets,
        ["/v1/plain?api_key=key", "/v1/plain?page=2&api_key=key", "/elsewhere/plain?page=3&api_key=key"]
    );
    assert!(received.iter().all(|one| one.header("x-note") == Some("ci") && one.header("referer").is_none()));
}

#[tokio::test]
async fn an_endpoint_that_no_table_knows_has_pages_too() {
    let server = Server::start(|request, _| match asked(request, "page").as_deref() {
        None => Reply::whole(200, &["link: <?page=2>; rel=next"], "[1]"),
        _ => Reply::whole(200, &[], "[2]"),
    });
    let harness = lists(&server);
    let outcome = all(harness.request("lists", Method::Get, "/new", ()).pages()).await;
    assert_eq!((outcome.items, outcome.stop), (vec![json!(1), json!(2)], Some(StopReason::Complete)));
}

#[tokio::test]
async fn what_says_nothing_of_pages_is_an_error() {
    let server = Server::start(|_, _| Reply::json(200, "[1]"));
    let harness = lists(&server);
    let outcome = all(harness.command("plain", ()).pages()).await;
    let error = outcome.error.unwrap();
    assert_eq!((outcome.pages, outcome.stop, error.kind()), (1, Some(StopReason::Failed), "decode"));
    assert!(error.to_string().ends_with("does not say how pages follow (`x-pagination`)"), "{error}");
    let before = server.received().len();
    for (operation, problem) in [
        ("plain_post", "lists:plain_post does not say how its pages follow one another"),
        ("lacking", "the `x-pagination` of lists:lacking lacks `cursor`"),
        ("nothing", "no operation is called \"nothing\""),
    ] {
        let outcome = all(harness.command(operation, ()).pages()).await;
        assert_eq!((outcome.pages, outcome.error.unwrap().to_string().as_str()), (0, problem));
    }
    let outcome = all(harness.command("counted", [("offset", "soon")]).pages()).await;
    assert_eq!(
        outcome.error.unwrap().to_string(),
        "the pages of lists:counted are counted, and `offset` is no number"
    );
    assert_eq!(server.received().len(), before);
}

#[tokio::test]
async fn a_refused_page_ends_the_pages() {
    let server = Server::start(|request, _| match number(request, "offset") {
        0 => Reply::json(200, &json!({"items": [1], "meta": {"total": 9}}).to_string()),
        _ => Reply::json(400, r#"{"message": "offset is too large"}"#),
    });
    let harness = lists(&server);
    let outcome = all(harness.command("counted", ()).pages()).await;
    assert_eq!((outcome.pages, outcome.stop), (1, Some(StopReason::Failed)));
    assert_eq!(outcome.error.unwrap().to_string(), "lists refused counted with 400: offset is too large");
}

#[tokio::test]
async fn limits_end_pages_and_items() {
    let server = counting(25);
    let harness = lists(&server);
    let pages = || harness.command("counted", [("limit", 10)]).pages();
    let outcome = all(pages().max_pages(2)).await;
    assert_eq!((outcome.items.len(), outcome.stop), (20, Some(StopReason::PageLimit(2))));
    let outcome = all(pages().max_items(11)).await;
    assert_eq!((outcome.items.len(), outcome.stop), (20, Some(StopReason::ItemLimit(11))));
    assert_eq!(all(pages().max_pages(3)).await.stop, Some(StopReason::Complete));
    assert_eq!(all(pages().max_items(25)).await.stop, Some(StopReason::Complete));
    let before = server.received().len();
    assert_eq!(all(pages().max_pages(0)).await.stop, Some(StopReason::PageLimit(0)));
    assert_eq!(all(pages().max_items(0)).await.stop, Some(StopReason::ItemLimit(0)));
    assert_eq!(server.received().len(), before);
    for (limit, came, reason) in [
        (11, 11, StopReason::ItemLimit(11)),
        (23, 23, StopReason::ItemLimit(23)),
        (25, 25, StopReason::Complete),
    ] {
        let mut items = pages().max_items(limit).items::<u64>();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            found.push(item.unwrap());
        }
        assert_eq!((found, items.stop()), ((0..came).collect::<Vec<_>>(), Some(reason)));
    }
}

#[tokio::test]
async fn an_item_of_another_shape_ends_the_items() {
    let server = counting(25);
    let harness = lists(&server);
    let mut items = harness.command("counted", ()).pages().items::<String>();
    assert_eq!(items.next().await.unwrap().unwrap_err().kind(), "decode");
    assert!(items.next().await.is_none());
    assert_eq!((items.stop(), server.received().len()), (Some(StopReason::Failed), 1));
}

#[tokio::test]
async fn a_page_under_way_survives_a_caller_that_gives_up() {
    let server = Server::start(|request, _| {
        let items = json!([number(request, "offset")]);
        Reply::json(200, &json!({"items": items, "meta": {"total": 3}}).to_string())
            .after(std::time::Duration::from_millis(60))
    });
    let harness = lists(&server);
    let mut pages = harness.command("counted", ()).pages();
    let mut found = Vec::new();
    let mut gave_up = 0;
    loop {
        match tokio::time::timeout(std::time::Duration::from_millis(20), pages.next()).await {
            Err(_) => gave_up += 1,
            Ok(Some(page)) => found.extend(page.unwrap().items::<u64>().unwrap()),
            Ok(None) => break,
        }
    }
    assert_eq!(
        (found, pages.stop(), server.received().len()),
        (vec![0, 1, 2], Some(StopReason::Complete), 3)
    );
    assert!(gave_up >= 3, "{gave_up}");
}

#[tokio::test]
async fn pages_are_streams_and_cross_threads() {
    use futures_util::{StreamExt as _, TryStreamExt as _};
    let server = counting(5);
    let harness = lists(&server);
    let task = tokio::spawn(async move {
        let statuses: Vec<_> =
            harness.command("counted", [("limit", 2)]).pages().map_ok(|page| page.status()).collect().await;
        let items: Vec<u64> =
            harness.command("counted", [("limit", 2)]).pages().items::<u64>().try_collect().await.unwrap();
        (statuses.len(), items)
    });
    assert_eq!(task.await.unwrap(), (3, vec![0, 1, 2, 3, 4]));
}

/// A service that never says that a page is the last one, in one of many ways.
struct Endless {
    name: &'static str,
    operation: &'static str,
    answer: fn(&Received, usize) -> Value,
    stop: StopReason,
    /// So many pages come at most.
    most: usize,
}

fn endless(longest: u64) -> Vec<Endless> {
    let all = usize::try_from(longest).unwrap();
    let case = |name, operation, answer, stop, most| Endless { name, operation, answer, stop, most };
    vec![
        case("the same mark", "marked", |_, _| json!({"items": [1], "next": "a"}), StopReason::Repeated, 2),
        case(
            "a circle of marks",
            "marked",
            |_, before| json!({"items": [before], "next": format!("m{}", before % 7)}),
            StopReason::Repeated,
            8,
        ),
        case(
            "the mark of the caller's own page",
            "marked",
            |request, _| json!({"items": [1], "next": asked(request, "after").unwrap_or_else(|| "a".to_owned())}),
            StopReason::Repeated,
            2,
        ),
        case(
            "empty pages with new marks",
            "marked",
            |_, before| json!({"items": [], "next": before}),
            StopReason::EmptyPage,
            100,
        ),
        case(
            "new marks without end",
            "marked",
            |_, before| json!({"items": [before], "next": before}),
            StopReason::PageLimit(longest),
            all,
        ),
        case(
            "the same link",
            "linked",
            |_, _| json!({"items": [1], "next": "?page=2"}),
            StopReason::Repeated,
            2,
        ),
        case(
            "a link to itself",
            "linked",
            |_, _| json!({"items": [1], "next": "#top"}),
            StopReason::Repeated,
            1,
        ),
        case(
            "a circle of links",
            "linked",
            |_, before| json!({"items": [before], "next": format!("/v1/linked?page={}", before % 5)}),
            StopReason::Repeated,
            6,
        ),
        case(
            "new links without end",
            "linked",
            |_, before| json!({"items": [before], "next": format!("?page={before}")}),
            StopReason::PageLimit(longest),
            all,
        ),
        case(
            "a count that does not count",
            "counted",
            |_, _| json!({"items": [1, 2], "meta": {"total": 100_000_000}}),
            StopReason::Repeated,
            2,
        ),
        case(
            "an empty page before the total",
            "counted",
            |_, before| json!({"items": if before == 0 { vec![1] } else { vec![] }, "meta": {"total": 5}}),
            StopReason::EmptyPage,
            2,
        ),
        case(
            "a total that shrinks",
            "counted",
            |_, before| json!({"items": [before], "meta": {"total": 9 - before}}),
            StopReason::TotalShrank { from: 9, to: 5 },
            5,
        ),
        case(
            "a total that grows",
            "counted",
            |_, before| json!({"items": [before], "meta": {"total": before + 10}}),
            StopReason::PageLimit(longest),
            all,
        ),
        case(
            "no total and no end",
            "counted",
            |_, before| json!({"items": [before]}),
            StopReason::PageLimit(longest),
            all,
        ),
    ]
}

#[tokio::test]
async fn pages_end_with_every_service() {
    let longest = proof(200, 10_000) as u64;
    let (mut pages, mut reasons) = (0, HashSet::new());
    for Endless { name, operation, answer, stop, most } in endless(longest) {
        let server =
            Server::start(move |request, before| Reply::json(200, &answer(request, before).to_string()));
        let harness = lists(&server);
        let asking = harness.command(operation, ()).pages();
        // The whole proof runs into the limit that nobody set.
        let asking = if longest < 10_000 { asking.max_pages(longest) } else { asking };
        let outcome = all(asking).await;
        assert!(outcome.error.is_none(), "{name}: {:?}", outcome.error);
        assert_eq!((outcome.stop, outcome.pages), (Some(stop), most), "{name}");
        pages += outcome.pages;
        reasons.insert(std::mem::discriminant(&stop));
    }
    let cases = endless(longest).len();
    eprintln!(
        "promise 18: {cases} services without an end, {pages} pages, {} kinds of reasons, 0 endless",
        reasons.len()
    );
    assert_eq!(reasons.len(), 4);
}

#[cfg(feature = "blocking")]
#[test]
fn pages_come_without_a_runtime() {
    let server = counting(5);
    let harness = opcall::blocking::Harness::from(lists(&server));
    let mut pages = harness.command("counted", [("limit", 2)]).pages();
    let counts: Vec<_> = pages.by_ref().map(|page| page.unwrap().items::<u64>().unwrap().len()).collect();
    assert_eq!((counts, pages.stop()), (vec![2, 2, 1], Some(StopReason::Complete)));
}

#[cfg(feature = "sandbox")]
mod sandbox {
    use opcall::sandbox::Sandbox;

    use super::*;
    use crate::generate::{Extent, arguments};

    #[tokio::test]
    async fn lists_of_every_service_come_whole() {
        let sandbox = Sandbox::builder().page(2).start().await.unwrap();
        let harness = sandbox.harness().unwrap();
        for (operation, params, pages, items) in [
            ("tokens_query", json!({"limit": 5}), 3, 12),
            ("tokens_query", json!({"limit": 12}), 1, 12),
            ("api token#list", json!({}), 2, 3),
            ("organization_tokens_query", json!({"limit": 2}), 2, 3),
        ] {
            let outcome = all(harness.command(operation, params).pages()).await;
            assert!(outcome.error.is_none(), "{operation}: {:?}", outcome.error);
            let ids: HashSet<_> = outcome.items.iter().map(Value::to_string).collect();
            assert_eq!(ids.len(), outcome.items.len(), "{operation}");
            let reason = Some(StopReason::Complete);
            assert_eq!(
                (outcome.pages, outcome.items.len(), outcome.stop),
                (pages, items, reason),
                "{operation}"
            );
        }
    }

    #[tokio::test]
    async fn every_operation_that_pages_ends_on_the_sandbox() {
        let sandbox = Sandbox::start().await.unwrap();
        let harness = sandbox.harness().unwrap();
        let mut ended = 0;
        for operation in harness.table().iter().filter(|one| one.pagination().is_some()) {
            let id = operation.qualified_id();
            let command = arguments(operation, Extent::Minimal, 7).unwrap().command(&harness, &id);
            let outcome = all(command.pages()).await;
            assert!(outcome.error.is_none(), "{id}: {:?}", outcome.error);
            assert_eq!((outcome.stop, outcome.pages), (Some(StopReason::Complete), 1), "{id}");
            ended += 1;
        }
        assert!(ended > 250, "{ended}");
    }
}
