//! Documents over the network, from real servers on this machine: what is asked for, what is kept, what is refused.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use opcall::{Document, Error, Fetch, Freshness, Harness};

use crate::support::{Received, Reply, Server};

const PETS: &str = r#"{"openapi": "3.0.3", "info": {"title": "Pets", "version": "1"},
    "servers": [{"url": "https://pets.example/v1"}],
    "paths": {"/pets": {"get": {"operationId": "listPets", "responses": {}}}}}"#;

fn fetch(url: &str) -> Fetch {
    Document::fetch(url).no_proxy().timeout(Duration::from_secs(5))
}

fn operations(document: &Document) -> Vec<String> {
    let (table, warnings) = document.read().unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    table.iter().map(|operation| operation.id().to_owned()).collect()
}

fn freshness(document: &Document) -> &Freshness {
    document.fetched().unwrap().freshness()
}

async fn failure(fetch: Fetch) -> Error {
    fetch.await.unwrap_err()
}

/// The only file below a folder.
fn only_file(folder: &Path) -> std::path::PathBuf {
    let mut files = std::fs::read_dir(folder.join("fetched")).unwrap();
    let file = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none());
    file
}

#[tokio::test]
async fn a_document_is_fetched_and_called() {
    let server = Server::start(|_, _| Reply::whole(200, &["content-type: text/html"], PETS));
    let url = format!("{}/specs/pets.json?key=s3cret#top", server.url());
    let document = fetch(&url).await.unwrap();
    let request = server.only("/specs/pets.json");
    assert_eq!(request.target, "/specs/pets.json?key=s3cret");
    assert!(request.header("accept").unwrap().starts_with("application/openapi+json"), "{request:?}");
    assert_eq!(request.header("authorization"), None);
    let fetched = document.fetched().unwrap();
    assert_eq!(fetched.url(), format!("{}/specs/pets.json", server.url()));
    assert_eq!((fetched.size(), fetched.count()), (PETS.len() as u64, 1));
    assert!(!format!("{document:?}").contains("s3cret"));

    let harness = Harness::builder().env(|_| None).document(&document).build().unwrap();
    let request = harness.command("pets:listPets", ()).prepare().unwrap();
    assert_eq!(request.url(), "https://pets.example/v1/pets");
    let description = document.describe(opcall::spec::Depth::Requests).unwrap();
    assert_eq!(description.service.document_url.as_deref(), Some(fetched.url()));
    let (named, _) = document.named("zoo").read().unwrap();
    assert_eq!(named.get("zoo:listPets").unwrap().qualified_id(), "zoo:listPets");
}

#[tokio::test]
async fn yaml_is_found_by_content() {
    let yaml = "openapi: 3.0.3\ninfo: {title: a, version: '1'}\npaths:\n  /a:\n    get: {operationId: a, responses: {}}\n";
    let server = Server::start(move |_, _| Reply::json(200, yaml));
    assert_eq!(operations(&fetch(&server.url()).await.unwrap()), ["a"]);
    let page =
        Server::start(|_, _| Reply::whole(200, &["content-type: text/html"], "<!doctype html><p>Docs"));
    let error = fetch(&page.url()).await.unwrap().read().unwrap_err();
    assert_eq!(error.kind(), "spec", "{error}");
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let version = Arc::new(AtomicUsize::new(1));
    let now = Arc::clone(&version);
    let server = Server::start(move |request, _| {
        let etag = format!("\"v{}\"", now.load(Ordering::SeqCst));
        if request.header("if-none-match") == Some(&etag) {
            return Reply::whole(304, &[&format!("etag: {etag}")], "");
        }
        let text = PETS.replace("listPets", &format!("list{}", now.load(Ordering::SeqCst)));
        Reply::whole(200, &[&format!("etag: {etag}"), "last-modified: Thu, 01 Jan 2026 00:00:00 GMT"], &text)
    });
    let cache = tempfile::tempdir().unwrap();
    let again = || fetch(&server.url()).cache(cache.path());
    let first = again().await.unwrap();
    assert_eq!((freshness(&first), operations(&first)), (&Freshness::Sent, vec!["list1".to_owned()]));
    let second = again().await.unwrap();
    assert_eq!(
        (freshness(&second), operations(&second)),
        (&Freshness::NotModified, vec!["list1".to_owned()])
    );
    assert_eq!(first.fetched().unwrap().sha256(), second.fetched().unwrap().sha256());
    let asked = server.received().pop().unwrap();
    assert_eq!((asked.header("if-none-match"), asked.header("if-modified-since")), (Some("\"v1\""), None));

    version.store(2, Ordering::SeqCst);
    let third = again().await.unwrap();
    assert_eq!((freshness(&third), operations(&third)), (&Freshness::Sent, vec!["list2".to_owned()]));
    assert_eq!(freshness(&again().await.unwrap()), &Freshness::NotModified);
    assert_eq!(freshness(&fetch(&server.url()).await.unwrap()), &Freshness::Sent, "without a cache");
}

#[tokio::test]
async fn a_date_serves_where_there_is_no_tag() {
    let date = "Thu, 01 Jan 2026 00:00:00 GMT";
    let server = Server::start(move |request, _| match request.header("if-modified-since") {
        Some(since) if since == date => Reply::whole(304, &[], ""),
        _ => Reply::whole(200, &[&format!("last-modified: {date}")], PETS),
    });
    let cache = tempfile::tempdir().unwrap();
    for expected in [Freshness::Sent, Freshness::NotModified] {
        let document = fetch(&server.url()).cache(cache.path()).await.unwrap();
        assert_eq!(freshness(&document), &expected);
        assert_eq!(operations(&document), ["listPets"]);
    }
}

#[tokio::test]
async fn what_must_not_be_kept_is_not_kept() {
    let server = Server::start(|_, before| {
        let control = if before == 0 { "cache-control: private" } else { "cache-control: no-store" };
        Reply::whole(200, &[control, "etag: \"a\""], PETS)
    });
    let cache = tempfile::tempdir().unwrap();
    let documents = cache.path().join("fetched");
    for left in [1, 0, 0] {
        fetch(&server.url()).cache(cache.path()).await.unwrap();
        assert_eq!(std::fs::read_dir(&documents).unwrap().count(), left);
    }
    assert_eq!(server.received()[2].header("if-none-match"), None);
}

#[tokio::test]
async fn without_a_server_the_copy_serves() {
    for (control, may_serve) in [("max-age=1", true), ("must-revalidate", false)] {
        let server = Server::start(move |_, before| match before {
            0 => Reply::whole(200, &[&format!("cache-control: {control}"), "etag: \"a\""], PETS),
            _ => Reply::raw(Vec::new()),
        });
        let cache = tempfile::tempdir().unwrap();
        fetch(&server.url()).cache(cache.path()).await.unwrap();
        match fetch(&server.url()).cache(cache.path()).await {
            Ok(document) if may_serve => {
                assert_eq!(operations(&document), ["listPets"]);
                let Freshness::Offline { reason } = freshness(&document) else { panic!("{document:?}") };
                assert!(reason.contains("the document was not fetched"), "{reason}");
            }
            Err(error) if !may_serve => assert_eq!((error.kind(), error.was_sent()), ("transport", false)),
            other => panic!("{control}: {other:?}"),
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_cache_is_the_owners_alone_and_a_broken_file_in_it_is_replaced() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let server = Server::start(|_, _| Reply::whole(200, &["etag: \"a\""], PETS));
    let cache = tempfile::tempdir().unwrap();
    fetch(&server.url()).cache(cache.path().join("new")).await.unwrap();
    let file = only_file(&cache.path().join("new"));
    assert_eq!((mode(&cache.path().join("new/fetched")), mode(&file)), (0o700, 0o600));

    let good = std::fs::read(&file).unwrap();
    std::fs::write(&file, &good[..good.len() - 9]).unwrap();
    let document = fetch(&server.url()).cache(cache.path().join("new")).await.unwrap();
    assert_eq!(operations(&document), ["listPets"]);
    assert_eq!(server.received()[1].header("if-none-match"), None, "what is broken is not offered");
    assert_eq!(std::fs::read(&file).unwrap(), good);

    let nowhere = Path::new("/dev/null/cache");
    assert_eq!(operations(&fetch(&server.url()).cache(nowhere).await.unwrap()), ["listPets"]);
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![b' '; 8 << 20]).unwrap();
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 16 << 10, "{}", bomb.len());
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", bomb.len());
    let bytes = [head.into_bytes(), bomb].concat();
    let endless =
        |one: &str| format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}", one.repeat(1000));
    let chunks = endless(&format!("1000\r\n{}\r\n", "x".repeat(0x1000))).into_bytes();
    for answer in [bytes, chunks] {
        let server = Server::start(move |_, _| Reply::raw(answer.clone()));
        let error = failure(fetch(&server.url()).max_bytes(1 << 20)).await;
        assert_eq!((error.kind(), error.was_sent()), ("unsafe", false));
        assert!(error.to_string().ends_with("is larger than 1048576 bytes"), "{error}");
    }
}

#[tokio::test]
async fn a_slow_server_is_not_waited_for() {
    let server = Server::start(|_, _| Reply::json(200, PETS).after(Duration::from_secs(3)));
    let start = Instant::now();
    let error = failure(Document::fetch(server.url()).no_proxy().timeout(Duration::from_millis(200))).await;
    assert_eq!(error.kind(), "timeout");
    let whole = Document::fetch(server.url()).no_proxy().max_time(Duration::from_millis(200));
    let error = failure(whole).await;
    assert_eq!((error.kind(), error.was_sent()), ("timeout", false));
    assert!(error.to_string().ends_with("the document was not fetched"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test]
async fn the_copy_serves_whichever_time_runs_out() {
    let with_copy = |later: fn() -> Reply| {
        Server::start(move |request, before| match (request.target.as_str(), before) {
            ("/v1/api.json", 0) => Reply::whole(200, &["etag: \"a\""], &parted(&["b.json#/x"])),
            ("/v1/b.json", 1) => Reply::whole(200, &["etag: \"b\""], r#"{"x": {"type": "string"}}"#),
            _ => later(),
        })
    };
    let late = || Reply::open("");
    let begun = || Reply::open("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{");
    let short = Duration::from_millis(300);
    for (later, wanted) in [(late as fn() -> Reply, "no answer"), (begun, "(200)")] {
        for is_whole in [false, true] {
            let server = with_copy(later);
            let cache = tempfile::tempdir().unwrap();
            let url = format!("{}/v1/api.json", server.url());
            fetch(&url).cache(cache.path()).await.unwrap();
            let again = Document::fetch(&url).no_proxy().cache(cache.path());
            let again = if is_whole { again.max_time(short) } else { again.timeout(short) };
            let start = Instant::now();
            let document = again.await.unwrap();
            assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
            let Freshness::Offline { reason } = freshness(&document) else { panic!("{document:?}") };
            assert!(reason.contains(wanted), "{is_whole}: {reason}");
            assert_eq!(operations(&document), ["op0"]);
            assert_eq!(document.fetched().unwrap().count(), 2);
        }
    }
}

/// Each file comes well within its time, all of them do not.
#[tokio::test]
async fn many_files_together_end_with_the_whole_time() {
    let names: Vec<_> = (0..40).map(|number| format!("f{number}.json#/x")).collect();
    let server = Server::start(move |request, _| {
        std::thread::sleep(Duration::from_millis(30));
        match request.target.as_str() {
            "/v1/api.json" => {
                Reply::whole(200, &[], &parted(&names.iter().map(String::as_str).collect::<Vec<_>>()))
            }
            _ => Reply::whole(200, &[], r#"{"x": {"type": "string"}}"#),
        }
    });
    let url = format!("{}/v1/api.json", server.url());
    let start = Instant::now();
    let error = failure(fetch(&url).max_time(Duration::from_millis(300))).await;
    assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
    assert_eq!(error.kind(), "timeout", "{error}");
}

/// `/N` redirects N times.
fn steps(request: &Received, _: usize) -> Reply {
    match request.target.trim_start_matches('/').parse::<usize>() {
        Ok(0) | Err(_) => Reply::json(200, PETS),
        Ok(left) => Reply::whole(302, &[&format!("location: {}", left - 1)], ""),
    }
}

#[tokio::test]
async fn a_few_redirects_are_followed() {
    let server = Server::start(steps);
    let document = fetch(&format!("{}/5", server.url())).await.unwrap();
    assert_eq!(document.fetched().unwrap().url(), format!("{}/0", server.url()));
    let error = failure(fetch(&format!("{}/6", server.url()))).await;
    assert!(error.to_string().ends_with("it redirects more than 5 times"), "{error}");
    let round = Server::start(|_, _| Reply::whole(308, &["location: /"], ""));
    assert_eq!(failure(fetch(&round.url())).await.kind(), "spec");
    assert_eq!(round.received().len(), 6);
    let out = Server::start(|_, _| Reply::whole(302, &["location: http://192.0.2.1/x"], ""));
    let error = failure(fetch(&out.url())).await;
    assert_eq!(error.to_string(), "a document of 192.0.2.1 would be fetched over plain http");
}

#[tokio::test]
async fn a_header_of_the_users_goes_to_the_urls_origin_alone() {
    let elsewhere = Server::start(|_, _| Reply::json(200, PETS));
    let there = format!("location: {}/pets.json", elsewhere.url());
    let server = Server::start(move |request, _| match request.header("x-api-key") {
        None => Reply::json(401, "{}"),
        Some(_) if request.target == "/moved" => Reply::whole(307, &[&there], ""),
        Some(_) => Reply::json(200, PETS),
    });
    let url = |path: &str| format!("{}{path}", server.url());
    let error = failure(fetch(&url("/docs"))).await;
    assert_eq!(error.to_string(), format!("{}: the server answers 401 Unauthorized", url("/docs")));
    assert_eq!(error.hint().unwrap(), "give the header that the server asks for.");
    fetch(&url("/docs")).header("X-API-Key", "s3cret").await.unwrap();
    assert_eq!(server.received()[1].header("x-api-key"), Some("s3cret"));
    fetch(&url("/moved")).header("X-API-Key", "s3cret").await.unwrap();
    assert_eq!(elsewhere.only("/pets.json").header("x-api-key"), None);
}

#[tokio::test]
async fn an_answer_that_is_no_document_is_told() {
    for (status, text) in
        [(404, "404 Not Found"), (500, "500 Internal Server Error"), (204, "204 No Content")]
    {
        let server = Server::start(move |_, _| Reply::whole(status, &[], ""));
        let error = failure(fetch(&format!("{}/a.json?key=s3cret", server.url()))).await;
        assert_eq!(error.to_string(), format!("{}/a.json: the server answers {text}", server.url()));
    }
    let server = Server::start(|_, _| Reply::whole(304, &[], ""));
    assert_eq!(failure(fetch(&server.url())).await.kind(), "spec", "nobody asked whether it had changed");
}

/// A document whose operations refer to files.
fn parted(references: &[&str]) -> String {
    let item = |(number, reference): (usize, &&str)| {
        format!(
            r#""/p{number}": {{"get": {{"operationId": "op{number}", "responses": {{}},
            "parameters": [{{"name": "q", "in": "query", "schema": {{"$ref": "{reference}"}}}}]}}}}"#
        )
    };
    let paths: Vec<_> = references.iter().enumerate().map(item).collect();
    format!(
        r#"{{"openapi": "3.0.3", "info": {{"title": "a", "version": "1"}}, "paths": {{{}}}}}"#,
        paths.join(",")
    )
}

#[tokio::test]
async fn files_beside_the_document_come_with_it() {
    let other = Server::sink();
    let beyond = format!("{}/v1/far.json#/x", other.url());
    let server = Server::start(move |request, _| match request.target.as_str() {
        "/v1/api.json" => {
            let here = format!("http://{}/v1/s/pet.yaml#/Pet", request.header("host").unwrap());
            let all = ["s/pet.yaml#/Pet", &here, "../up.json#/x", "/abs.json#/x", &beyond, "gone.json#/x"];
            Reply::json(200, &parted(&all))
        }
        "/v1/s/pet.yaml" => {
            Reply::json(200, "Pet: {$ref: 'name.yaml#/Name'}\nRoot: {$ref: '../api.json#/info'}\n")
        }
        "/v1/s/name.yaml" => Reply::json(200, "Name: {type: string, maxLength: 3}\n"),
        _ => Reply::json(404, "{}"),
    });
    let document = fetch(&format!("{}/v1/api.json", server.url())).header("x-key", "k").await.unwrap();
    let mut asked: Vec<_> = server.received().into_iter().map(|request| request.target).collect();
    asked.sort_unstable();
    assert_eq!(asked, ["/v1/api.json", "/v1/gone.json", "/v1/s/name.yaml", "/v1/s/pet.yaml"]);
    assert!(server.received().iter().all(|request| request.header("x-key") == Some("k")));
    assert_eq!(document.fetched().unwrap().count(), 4, "the document is its own companion too");

    let (table, _) = document.read().unwrap();
    let harness = Harness::builder().env(|_| None).table(table).build().unwrap();
    for id in ["op0", "op1"] {
        let error = harness.command(id, [("q", "long")]).server("https://a.example").prepare().unwrap_err();
        assert!(error.to_string().contains("at most 3"), "{id}: {error}");
    }
    let home = tempfile::tempdir().unwrap();
    document.fetched().unwrap().save(home.path().join("doc")).unwrap();
    let loaded = Document::load(home.path().join("doc")).unwrap();
    let shown =
        |document: &Document| format!("{:?}", document.describe(opcall::spec::Depth::Requests).unwrap());
    let reason = |text: String| {
        text.replace("the server answers 404 Not Found", "")
            .replace("it was not fetched with the document", "")
    };
    assert_eq!(reason(shown(&document)), reason(shown(&loaded)));
}

#[tokio::test]
async fn the_files_beside_are_bounded() {
    let many: Vec<_> = (0..70).map(|number| format!("f{number}.json")).collect();
    let many = parted(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let server = Server::start(move |request, _| match request.target.as_str() {
        "/api.json" => Reply::json(200, &many),
        "/f7.json" => Reply::whole(302, &["location: /../out/f7.json"], ""),
        "/f8.json" => Reply::whole(302, &["location: http://localhost:1/f8.json"], ""),
        _ => Reply::json(200, r#"{"type": "string"}"#),
    });
    let document = fetch(&format!("{}/api.json", server.url())).await.unwrap();
    assert_eq!(server.count("/f63.json"), 1);
    assert_eq!(server.count("/f64.json"), 0);
    let description = document.describe(opcall::spec::Depth::Requests).unwrap();
    let told = format!("{:?}", description.warnings);
    assert!(told.contains("refers to more than 64 files"), "{told}");
    assert!(told.contains("it redirects out of the document's folder"), "{told}");

    let size = Server::start(|request, _| match request.target.as_str() {
        "/api.json" => Reply::json(200, &parted(&["a.json", "b.json"])),
        _ => Reply::json(200, &format!(r#"{{"type": "string"}}{}"#, " ".repeat(1000))),
    });
    let error = failure(fetch(&format!("{}/api.json", size.url())).max_bytes(2000)).await;
    assert_eq!(error.kind(), "unsafe", "all files together are bounded");
}
