//! What a dry run, a curl line and another client see.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::sync::Arc;

use bytes::Bytes;

use super::super::{Content, Fields, Part, PartContent, Place, Placement, Problem, Request};
use crate::operation::Method;

fn part(name: &str, filename: Option<&str>, content: PartContent) -> Part {
    let content_type = filename.map(|_| "application/octet-stream".to_owned());
    Part {
        name: name.to_owned(),
        filename: filename.map(str::to_owned),
        content_type,
        headers: vec![],
        content,
    }
}

fn request(body: Content) -> Request {
    let place = |place, variable: &str| Placement {
        scheme: "s".to_owned(),
        place,
        variables: vec![variable.to_owned()],
    };
    Request {
        operation: Some("falcon:tokens_create".into()),
        method: Method::Post,
        url: "https://api.example.com/a?q=it%27s".to_owned(),
        headers: Fields::from(vec![
            ("accept".to_owned(), "application/json".to_owned()),
            ("content-type".to_owned(), "application/json".to_owned()),
            ("x-empty".to_owned(), String::new()),
        ]),
        body: body.shared(),
        credentials: Arc::from([
            place(
                Place::Header { name: "authorization".to_owned(), prefix: "Bearer ".to_owned() },
                "FALCON_ACCESS_TOKEN",
            ),
            place(Place::Query { name: "key".to_owned() }, "FALCON_API_KEY"),
            place(Place::Cookie { name: "sid".to_owned() }, "FALCON_SID"),
        ]),
        given: vec![],
        warnings: vec![],
    }
}

#[test]
fn a_dry_run_shows_where_secrets_go_and_keeps_numbers() {
    let shown = request(Content::Json(r#"{"n":1.0,"big":18446744073709551616}"#.to_owned())).to_json();
    insta::assert_snapshot!(shown, @r#"{"operation":"falcon:tokens_create","method":"POST","url":"https://api.example.com/a?q=it%27s&key=<redacted>","headers":[["accept","application/json"],["content-type","application/json"],["x-empty",""],["authorization","Bearer <redacted>"],["cookie","sid=<redacted>"]],"body":{"json":{"n":1.0,"big":18446744073709551616}}}"#);
}

#[test]
fn a_secret_of_the_caller_is_not_shown() {
    let mut own = request(Content::None);
    own.credentials = Arc::default();
    own.headers.push(("authorization".to_owned(), "Bearer canary".to_owned()));
    for shown in [own.to_json(), format!("{own:?}"), own.to_string()] {
        assert!(!shown.contains("canary") && shown.contains("<redacted>"), "{shown}");
    }
}

#[test]
fn values_at_the_places_of_credentials_are_not_shown() {
    let mut own = request(Content::None);
    own.url.push_str("&key=canary&z=1");
    own.headers.push(("x-key".to_owned(), "canary".to_owned()));
    own.headers.push(("cookie".to_owned(), "a=b; sid=canary".to_owned()));
    let mut given = std::mem::take(&mut own.credentials).to_vec();
    given[0].place = Place::Header { name: "x-key".to_owned(), prefix: String::new() };
    assert!(given.iter().all(|one| own.has_at(&one.place)));
    own.given = given;
    for shown in [own.to_json(), format!("{own:?}"), own.to_string()] {
        assert!(!shown.contains("canary") && shown.contains("z=1") && shown.contains("a=b"), "{shown}");
    }
    assert_eq!(own.url(), "https://api.example.com/a?q=it%27s&key=<redacted>&z=1");
    insta::assert_snapshot!(own, @r#"curl -X POST 'https://api.example.com/a?q=it%27s&key=<redacted>&z=1' -H 'accept: application/json' -H 'content-type: application/json' -H 'x-empty;' -H 'x-key: <redacted>' -H 'cookie: a=b; sid=<redacted>'"#);
}

#[test]
fn every_body_has_its_form() {
    let shown = |body| serde_json::to_string(&body).unwrap();
    assert_eq!(shown(Content::None), "null");
    assert_eq!(shown(Content::Text("a".to_owned())), r#"{"text":"a"}"#);
    assert_eq!(shown(Content::Bytes(Bytes::from_static(b"\xff"))), r#"{"base64":"/w=="}"#);
    let form = Content::Form { pairs: vec![("k".to_owned(), "v w".to_owned())], text: "k=v+w".to_owned() };
    assert_eq!(shown(form), r#"{"form":[["k","v w"]],"text":"k=v+w"}"#);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "12345").unwrap();
    assert_eq!(shown(Content::File(file.path().to_owned())), r#"{"base64":"MTIzNDU="}"#);
    let parts = vec![part("f", Some("a.bin"), PartContent::File(file.path().to_owned()))];
    let wanted = r#"{"multipart":[{"name":"f","filename":"a.bin","content_type":"application/octet-stream","bytes":5}]}"#;
    assert_eq!(shown(Content::Multipart(parts)), wanted);
}

#[test]
fn a_file_is_shown_by_its_media_type() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let shown = |media_type: &str, text: &str| {
        std::fs::write(file.path(), text).unwrap();
        let mut request = request(Content::File(file.path().to_owned()));
        media_type.clone_into(&mut request.headers[1].1);
        serde_json::from_str::<serde_json::Value>(&request.to_json()).unwrap()["body"].to_string()
    };
    assert_eq!(shown("application/json", "{\n \"a\": 1}\n"), r#"{"json":{"a":1}}"#);
    assert_eq!(shown("application/json", "{"), r#"{"text":"{"}"#);
    assert_eq!(shown("text/csv", "a,b\n"), r#"{"text":"a,b\n"}"#);
    assert_eq!(shown("application/octet-stream", "a"), r#"{"base64":"YQ=="}"#);
}

#[test]
fn curl_lines_can_be_pasted() {
    insta::assert_snapshot!(request(Content::Json(r#"{"a":"it's"}"#.to_owned())), @r#"curl -X POST 'https://api.example.com/a?q=it%27s''&key='"$FALCON_API_KEY" -H 'accept: application/json' -H 'content-type: application/json' -H 'x-empty;' -H "authorization: Bearer $FALCON_ACCESS_TOKEN" -b "sid=$FALCON_SID" --data-raw '{"a":"it'\''s"}'"#);
    let parts = vec![
        part("comment", None, PartContent::Text("@not a file".to_owned())),
        part("sample", Some("a;b.bin"), PartContent::Bytes(Bytes::from_static(b"x"))),
    ];
    let mut upload = request(Content::Multipart(parts));
    upload.credentials = Arc::default();
    insta::assert_snapshot!(upload, @r#"curl -X POST 'https://api.example.com/a?q=it%27s' -H 'accept: application/json' -H 'x-empty;' --form-string 'comment=@not a file' -F 'sample=@"a;b.bin";filename="a;b.bin";type=application/octet-stream'"#);
    let mut plain = request(Content::None);
    plain.method = Method::Get;
    plain.headers.truncate(1);
    plain.credentials = Arc::default();
    insta::assert_snapshot!(plain, @"curl 'https://api.example.com/a?q=it%27s' -H 'accept: application/json'");
}

#[test]
fn another_client_can_send_it() {
    let parts = vec![
        part("a", None, PartContent::Text("--opcall-part".to_owned())),
        part("f\"", Some("x.bin"), PartContent::Bytes(Bytes::from_static(b"\x00"))),
    ];
    let mut upload = request(Content::Multipart(parts));
    upload.headers[1].1 = "multipart/form-data".to_owned();
    let sent = http::Request::<Bytes>::try_from(upload).unwrap();
    assert_eq!(sent.headers()["content-type"], "multipart/form-data; boundary=opcall-part-");
    assert!(sent.headers().get("authorization").is_none());
    let wanted = "--opcall-part-\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n--opcall-part\r\n\
        --opcall-part-\r\ncontent-disposition: form-data; name=\"f%22\"; filename=\"x.bin\"\r\n\
        content-type: application/octet-stream\r\n\r\n\x00\r\n--opcall-part---\r\n";
    assert_eq!(sent.body(), wanted);
    let error = http::Request::<Bytes>::try_from(request(Content::File("/a/b".into()))).unwrap_err();
    assert_eq!(error.to_string(), "making an http::Request failed");
}

#[test]
fn curl_is_given_user_and_password_where_it_encodes_them_itself() {
    let with = |prefix: &str| {
        let mut own = request(Content::None);
        own.headers.truncate(1);
        let place = Place::Header { name: "authorization".to_owned(), prefix: prefix.to_owned() };
        let variables = vec!["PETS_USERNAME".to_owned(), "PETS_PASSWORD".to_owned()];
        own.credentials = Arc::from([Placement { place, variables, ..own.credentials[0].clone() }]);
        let line = own.to_string();
        line.split_once("-H 'accept: application/json' ").unwrap().1.to_owned()
    };
    assert_eq!(with("Basic "), r#"-u "$PETS_USERNAME:$PETS_PASSWORD""#);
    assert_eq!(with("Digest "), r#"--digest -u "$PETS_USERNAME:$PETS_PASSWORD""#);
    assert_eq!(with("Token "), r#"-H "authorization: Token $PETS_USERNAME:$PETS_PASSWORD""#);
}

/// One `Cookie` field (RFC 6265 §5.4): the caller's cookies stand with the secret one.
#[test]
fn curl_sends_the_cookies_of_the_caller_once() {
    let mut own = request(Content::None);
    own.headers.truncate(1);
    own.credentials = own.credentials[2..].into();
    own.headers.push(("cookie".to_owned(), "a=b".to_owned()));
    let line = own.to_string();
    assert!(line.ends_with(r#" -H 'accept: application/json' -b a=b'; '"sid=$FALCON_SID""#), "{line}");
    own.credentials = Arc::default();
    assert!(own.to_string().ends_with(" -H 'accept: application/json' -H 'cookie: a=b'"), "{own}");
}

/// No word of a shell holds NUL, and no text bytes that are none.
#[test]
fn curl_reads_bytes_from_a_file_where_no_word_holds_them() {
    let written = |bytes: &'static [u8]| {
        let line = request(Content::Bytes(Bytes::from_static(bytes))).to_string();
        line.split_once(" --data-").unwrap().1.to_owned()
    };
    assert_eq!(written(b"a b"), "raw 'a b'");
    assert_eq!(written(b"a\0b"), "binary @body.bin");
    assert_eq!(written(b"\xff"), "binary @body.bin");
}

#[test]
fn curl_writes_a_text_with_the_type_and_headers_of_its_part() {
    let mut text = part("note", None, PartContent::Text("a; b".to_owned()));
    text.content_type = Some("text/plain".to_owned());
    text.headers.push(("x-n".to_owned(), "1".to_owned()));
    let line = request(Content::Multipart(vec![text])).to_string();
    assert!(line.ends_with(r#" -F 'note="a; b";type=text/plain;headers="x-n: 1"'"#), "{line}");
}

#[test]
fn a_request_tells_what_it_is() {
    let mut own = request(Content::Text("t".to_owned()));
    let path = "query.limit".to_owned();
    own.warnings.push(Problem { path, problem: "is too large".to_owned(), nearest: None });
    assert_eq!((own.operation(), own.method()), (Some("falcon:tokens_create"), &Method::Post));
    assert!(matches!(own.content(), Content::Text(text) if text == "t"));
    assert_eq!(own.warnings()[0].path, "query.limit");
    own.operation = None;
    assert_eq!(own.operation(), None);
}

#[test]
fn another_client_gets_every_header_and_is_told_what_it_must_read_itself() {
    let sent = |content: PartContent| {
        let mut upload = request(Content::Multipart(vec![part("f", None, content)]));
        upload.headers[1].1 = "multipart/form-data".to_owned();
        http::Request::<Bytes>::try_from(upload)
    };
    let held = sent(PartContent::Bytes(Bytes::from_static(b"an opcall-part in it"))).unwrap();
    assert_eq!(held.headers()["accept"], "application/json");
    assert_eq!(held.headers()["content-type"], "multipart/form-data; boundary=opcall-part-");
    let other = sent(PartContent::Bytes(Bytes::from_static(b"nothing of that kind in it"))).unwrap();
    assert_eq!(other.headers()["content-type"], "multipart/form-data; boundary=opcall-part");
    for error in [
        sent(PartContent::File("/a/b".into())).unwrap_err(),
        http::Request::<Bytes>::try_from(request(Content::File("/a/b".into()))).unwrap_err(),
    ] {
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, "/a/b would be streamed; give its bytes");
    }
}
