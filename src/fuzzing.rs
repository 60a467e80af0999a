//! What random bytes may not do: the bodies of the targets in `fuzz/`, which the tests here run on the corpus.
//!
//! No part of the interface: compiled for tests, and where cargo-fuzz builds.

use std::collections::HashSet;
use std::io;
use std::time::{Duration, SystemTime};

use http::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use crate::auth::Challenge;
use crate::jsonpath::{Patterns, Query, Step};
use crate::operation::RateLimitHeaders;
use crate::overlay::{Overlay, Overlays};
use crate::spec::{self, Depth, Limits, NoSource, Source};
use crate::table::kept::Opened;
use crate::transport::hint;

/// Small, so that a run is short.
fn limits() -> Limits {
    Limits::default().bytes(1 << 20).nodes(20_000).operations(500)
}

struct Small;

impl Source for Small {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        NoSource.read(path)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn limits(&self) -> Limits {
        limits()
    }
}

/// Reads a document whole and operation by operation, which must agree.
fn document(file: &str, bytes: &[u8]) {
    let read = spec::read(file, bytes, &Small, Depth::Requests);
    let _ = spec::read(file, bytes, &Small, Depth::Answers);
    if let Err(error) = &read {
        let has_place = error.position.is_some() || error.pointer.is_some();
        assert!(has_place || bytes.len() > 1 << 20, "without a place: {error}");
    }
    let Ok((text, _)) = spec::json(file, bytes, limits()) else { return };
    let Ok(Some(index)) = spec::index(file, &text, limits()) else { return };
    let Ok(whole) = read else { return };
    assert_eq!(*index.service, whole.service);
    assert_eq!(index.len(), whole.operations.len() + whole.skipped());
    let mut operations = whole.operations.iter();
    for number in 0..index.len().min(50) {
        if let Ok((one, _)) = index.extract(&text, number, Depth::Requests, &Small) {
            assert_eq!(Some(&one), operations.next());
        }
    }
}

/// A document in JSON. What is no object is read as YAML, to which more letters are ends of lines.
pub fn spec_json(data: &[u8]) {
    document("fuzz.json", data);
    if let Ok(parsed) = spec::parse("fuzz.json", data, limits())
        && parsed.value.is_object()
    {
        let text = parsed.value.to_string();
        let again = spec::parse("fuzz.json", text.as_bytes(), Limits::default());
        assert_eq!(again.ok().map(|again| again.value), Some(parsed.value));
    }
}

/// A document in YAML: it is what the JSON is that it stands for.
pub fn spec_yaml(data: &[u8]) {
    document("fuzz.yaml", data);
    let Ok((json, _)) = spec::json("fuzz.yaml", data, limits()) else { return };
    if json.trim_start().starts_with('{') && !data.trim_ascii_start().starts_with(b"{") {
        let value = spec::parse("fuzz.yaml", data, limits()).map(|parsed| parsed.value);
        let of_json = spec::parse("fuzz.json", json.as_bytes(), Limits::default()).map(|parsed| parsed.value);
        assert_eq!(value.ok(), of_json.ok());
    }
}

/// A template and values, a line each.
pub fn path_template(data: &[u8]) {
    crate::request::fuzzing::path_template(data);
}

/// Header fields, a line each.
fn headers(data: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(100) {
        let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(at);
        let value = HeaderValue::from_bytes(value.get(1..).unwrap_or_default().trim_ascii());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), value) {
            headers.append(name, value);
        }
    }
    headers
}

/// The fields of a rate limit as a description may name them.
fn declared(reset_unit: &str) -> RateLimitHeaders {
    RateLimitHeaders {
        remaining: Some("A-Left".to_owned()),
        reset: Some("A-Reset".to_owned()),
        reset_unit: Some(reset_unit.to_owned()),
    }
}

/// The headers of a refusal: how long to wait.
pub fn hints(data: &[u8]) {
    let headers = headers(data);
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    for limits in [None, Some(declared("epoch")), Some(declared("seconds"))] {
        let limits = limits.as_ref();
        let [answered, refused, unavailable] =
            [200, 429, 503].map(|status| hint::read(status, &headers, limits, now));
        for hint in [&answered, &refused, &unavailable].into_iter().flatten() {
            assert!(hint.wait <= hint::LONGEST, "{hint:?}");
        }
        // What is a word on a good answer is one on a refusal.
        assert!(answered.is_none() || (refused.is_some() && unavailable.is_some()), "{headers:?}");
        if !hint::may_tell(&headers, limits) {
            assert!(refused.is_none() && hint::quotas(&headers, limits, now).is_empty(), "{headers:?}");
        }
    }
}

/// A `Link` field.
pub fn link(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let links = crate::pages::link::parse(&text);
    assert!(links.len() <= text.matches('<').count());
    for one in &links {
        assert!(text.contains(&format!("<{}", one.target)), "{one:?}");
        assert!(one.relations.iter().all(|relation| !relation.is_empty()));
    }
    if let (Ok(value), Ok(page)) = (HeaderValue::from_bytes(data), Url::parse("https://example.com/a?page=1"))
    {
        let headers = HeaderMap::from_iter([(http::header::LINK, value)]);
        let next = crate::pages::link::next_of(&headers, &page);
        assert!(next.is_none_or(|next| links.iter().any(|one| one.target == next)));
    }
}

/// A GraphQL document and, after a line of `---`, its schema.
struct GraphQl<'d> {
    document: &'d [u8],
    schema: &'d [u8],
}

impl Source for GraphQl<'_> {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        Ok(if path == "s.graphql" { self.schema } else { self.document }.to_vec())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn limits(&self) -> Limits {
        limits()
    }
}

/// A GraphQL document and its schema: which operations it has, and which of them only read.
pub fn graphql(data: &[u8]) {
    let cut = data.windows(5).position(|window| window == b"\n---\n");
    let (document, schema) = cut.map_or((data, &b""[..]), |at| (&data[..at], &data[at + 5..]));
    let schema_member = if cut.is_some() { ", schema: s.graphql" } else { "" };
    let service = format!(
        "openapi: 3.0.3\npaths: {{/g: {{post: {{requestBody: {{content: {{application/json: {{}}}}}}, x-graphql: {{documents: [a.graphql]{schema_member}}}}}}}}}\n"
    );
    let read = spec::read("fuzz.yaml", service.as_bytes(), &GraphQl { document, schema }, Depth::Requests);
    let Ok(found) = read else { return };
    let mut names = HashSet::new();
    for operation in &found.operations {
        let Some(graphql) = &operation.graphql else { continue };
        assert!(names.insert(&operation.id), "{} twice", operation.id);
        let parsed = graphql_parser::parse_query::<String>(&graphql.query);
        let parsed = parsed.unwrap_or_else(|error| unreachable!("{:?}: {error}", graphql.query));
        let is_mutation = parsed.definitions.iter().any(|one| {
            use graphql_parser::query::{Definition, OperationDefinition};
            matches!(one, Definition::Operation(OperationDefinition::Mutation(_)))
        });
        assert_eq!(graphql.mutation, is_mutation);
        assert!(is_mutation || operation.idempotent == Some(true));
    }
}

/// A file of the cache: a token, or a compiled document, as it is and as a sound one that was damaged.
pub fn cache_file(data: &[u8]) {
    crate::auth::fuzz_token(data);
    opened(data);
    let mut damaged = sound().to_vec();
    for change in data.as_chunks::<4>().0 {
        let place = (usize::from(change[0]) << 16 | usize::from(change[1]) << 8 | usize::from(change[2]))
            % damaged.len();
        damaged[place] ^= change[3];
    }
    opened(&damaged);
}

fn opened(bytes: &[u8]) {
    let Ok(mut file) = tempfile::tempfile() else { return };
    if io::Write::write_all(&mut file, bytes).is_err() {
        return;
    }
    let Some(opened) = Opened::read(file) else { return };
    let reload = || Err(spec::SpecError::new("read anew").into());
    let (table, _) = crate::OperationTable::of_kept(opened, Box::new(reload));
    for id in ["a", "get /a", "none"] {
        if let Ok(operation) = table.get(id) {
            let _ = operation.parameters().count();
        }
    }
    let _ = table.search("a");
}

/// A compiled document as it was written.
fn sound() -> &'static [u8] {
    static SOUND: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        let text = br##"{"openapi": "3.0.3", "paths": {"/a": {"get": {"operationId": "a", "parameters": [{"name": "q",
            "in": "query", "schema": {"$ref": "#/components/schemas/S"}}]}}}, "components": {"schemas": {"S": {"type": "string"}}}}"##;
        write_kept(text).unwrap_or_default()
    });
    &SOUND
}

fn write_kept(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let folder = tempfile::tempdir().ok()?;
    let path = folder.path().join("kept");
    let file = std::fs::File::create(&path).ok()?;
    let (unfinished, warnings) =
        crate::table::kept::document(file, "fuzz.json", text, &NoSource, &|_| {}).ok()?;
    unfinished.finish("key", warnings).ok()?;
    std::fs::read(path).ok().filter(|bytes| !bytes.is_empty())
}

/// `WWW-Authenticate` fields: a digest challenge, and what answers it.
pub fn digest(data: &[u8]) {
    let mut fields = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(20) {
        fields
            .extend(HeaderValue::from_bytes(line).ok().map(|value| (http::header::WWW_AUTHENTICATE, value)));
    }
    match Challenge::read(&fields) {
        Ok(Some(challenge)) => {
            let password = SecretString::from("canary-password");
            for user in ["user", "us\"er\\", "\u{e4}"] {
                let answer = challenge.answer("GET", "/a?b=c", user, &password);
                assert!(!answer.contains("canary-password"));
                assert!(HeaderValue::from_str(&answer).is_ok(), "{answer:?}");
            }
        }
        Ok(None) => {}
        Err(problem) => assert!(!problem.is_empty() && !problem.contains(['\r', '\n'])),
    }
}

/// A `JSONPath` on the first line, a document on the second, an overlay after them.
pub fn overlay(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(3, '\n');
    let (query, document, rest) = (lines.next(), lines.next(), lines.next());
    let document = document.and_then(|text| spec::parse("fuzz.json", text.as_bytes(), limits()).ok());
    let mut document = document.map_or(Value::Null, |parsed| parsed.value);
    if let Ok(query) = Query::parse(query.unwrap_or_default())
        && let Ok(places) = query.select(&document, &mut Patterns::default())
    {
        for place in &places {
            let at = place.iter().try_fold(&document, |value, step| match step {
                Step::Member(name) => value.get(name),
                Step::Index(index) => value.get(*index),
            });
            assert!(at.is_some(), "{place:?}");
        }
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
    }
    if let Ok(overlay) = Overlay::parse("fuzz.overlay", rest.unwrap_or_default().as_bytes(), limits()) {
        let overlays = Overlays::new(vec![overlay]);
        let mut edits = Vec::new();
        let before = document.clone();
        if overlays.apply(&mut document, Some(&mut edits)).is_ok() {
            assert!(!edits.is_empty() || before == document, "a change that nobody told");
            let text = document.to_string();
            assert!(
                spec::parse("fuzz.json", text.as_bytes(), Limits::default()).is_ok() || !document.is_object()
            );
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::path::Path;

    type Target = fn(&[u8]);

    /// The targets but `items`, whose code is the program's.
    const TARGETS: [(&str, Target); 9] = [
        ("cache_file", super::cache_file),
        ("digest", super::digest),
        ("graphql", super::graphql),
        ("hints", super::hints),
        ("link", super::link),
        ("overlay", super::overlay),
        ("path_template", super::path_template),
        ("spec_json", super::spec_json),
        ("spec_yaml", super::spec_yaml),
    ];

    #[test]
    fn the_corpus_is_read() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let (mut targets, mut bytes) = (0, 0);
        for (name, run) in TARGETS {
            assert!(fuzz.join(format!("fuzz_targets/{name}.rs")).is_file(), "{name}");
            let before = bytes;
            for seed in std::fs::read_dir(fuzz.join("corpus").join(name)).unwrap() {
                let seed = std::fs::read(seed.unwrap().path()).unwrap();
                run(&seed);
                bytes += seed.len();
            }
            assert!(bytes > before, "{name} has no corpus");
            targets += 1;
        }
        let all = std::fs::read_dir(fuzz.join("fuzz_targets")).unwrap().count();
        assert_eq!((targets + 1, bytes < 1 << 20), (all, true), "{bytes} bytes");
        assert!(!super::sound().is_empty());
    }
}
