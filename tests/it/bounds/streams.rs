//! Answers that are taken as they come, and codings that are undone on the way.

use std::io::Write as _;

use futures_util::TryStreamExt as _;
use opcall::{Error, Phase};

use super::{Raw, harness};
use crate::support::{Reply, Server};

fn gzipped(text: &str) -> Vec<u8> {
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    coder.write_all(text.as_bytes()).unwrap();
    coder.finish().unwrap()
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    [
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{head}\r\ncontent-length: {}\r\n\r\n", body.len())
            .as_bytes(),
        body,
    ]
    .concat()
}

#[tokio::test]
async fn the_body_comes_as_it_is_sent() {
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let receiver = std::sync::Mutex::new(receiver);
    let server = Raw::start(move |mut socket| {
        super::read_head(&mut socket);
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 6\r\n\r\none");
        // The rest comes only when the first part was seen.
        let _ = receiver.lock().unwrap().recv();
        let _ = socket.write_all(b"two");
    });
    let harness = harness(&server.url()).build().unwrap();
    let mut stream = harness.command("api_token_list", ()).stream().await.unwrap();
    assert_eq!((stream.status(), stream.operation()), (200, "panther:api token#list"));
    assert_eq!(stream.headers()["x-a"], "1");
    assert!(!format!("{stream:?}").contains("one"), "{stream:?}");
    assert_eq!(stream.chunk().await.unwrap().unwrap(), "one");
    sender.send(()).unwrap();
    assert_eq!(stream.chunk().await.unwrap().unwrap(), "two");
    assert_eq!(stream.chunk().await.unwrap(), None);
    assert_eq!(stream.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn a_stream_has_no_bound_of_size() {
    let server = Server::start(|_, _| Reply::json(200, &"x".repeat(100_000)));
    let harness = harness(&server.url()).max_body(1000).build().unwrap();
    let stream = harness.command("api_token_list", ()).stream().await.unwrap();
    let body: Vec<_> = stream.try_collect().await.unwrap();
    assert_eq!(body.concat().len(), 100_000);
    let error = harness.command("api_token_list", ()).await.unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.was_sent()),
        ("the answer is larger than 1000 bytes; the call was answered with 200", true)
    );
    let found = harness.command("api_token_list", ()).max_body(100_000).await.unwrap();
    assert_eq!(found.bytes().len(), 100_000);
}

#[tokio::test]
async fn a_refusal_is_read_and_bounded() {
    let server = Server::start(|_, before| match before {
        0 => Reply::json(404, r#"{"message":"no such thing"}"#),
        _ => Reply::json(404, &"x".repeat(2000)),
    });
    let harness = harness(&server.url()).max_body(1000).build().unwrap();
    let refused = || async { harness.command("api_token_list", ()).stream().await.map(|_| ()).unwrap_err() };
    assert_eq!(refused().await.to_string(), "panther refused api token#list with 404: no such thing");
    assert_eq!(refused().await.kind(), "unsafe");
}

#[tokio::test]
async fn what_breaks_off_says_so_and_ends() {
    let server = Server::start(|_, _| Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345"));
    let harness = harness(&server.url()).build().unwrap();
    let mut stream = harness.command("api_token_list", ()).stream().await.unwrap();
    assert_eq!(stream.chunk().await.unwrap().unwrap(), "12345");
    let error = stream.chunk().await.unwrap_err();
    assert!(error.was_sent());
    let Error::Transport(error) = error else { panic!("{error}") };
    assert_eq!((error.phase, error.origin.as_str()), (Phase::Broken, server.url().as_str()));
    assert_eq!(stream.chunk().await.unwrap(), None, "nothing comes after an error");
    assert_eq!(server.received().len(), 1, "nothing is repeated");
}

#[tokio::test]
async fn codings_are_undone_and_not_told_of() {
    let (coded, unknown) = (gzipped(r#"{"a":1}"#), gzipped("{}"));
    let server = Server::start(move |request, before| {
        assert_eq!(request.header("accept-encoding"), Some("zstd,gzip,deflate,br"));
        Reply::raw(match before {
            0 | 1 => answer("content-encoding: gzip", &coded),
            2 => answer("content-encoding: identity", br#"{"a":1}"#),
            3 => answer("content-encoding: gzip", b""),
            _ => answer("content-encoding: exi", &unknown),
        })
    });
    let harness = harness(&server.url()).build().unwrap();
    let call = || harness.command("api_token_list", ());
    let found = call().await.unwrap();
    assert_eq!(found.text(), r#"{"a":1}"#);
    assert_eq!(found.headers().get("content-encoding"), None);
    assert_eq!(found.headers().get("content-length"), None);
    let stream = call().stream().await.unwrap();
    assert_eq!(stream.headers().get("content-length"), None);
    assert_eq!(stream.try_collect::<Vec<_>>().await.unwrap().concat(), br#"{"a":1}"#);
    assert_eq!(call().await.unwrap().value().unwrap()["a"], 1);
    assert_eq!(call().await.unwrap().text(), "");
    let unknown = call().await.unwrap();
    assert_eq!(unknown.headers()["content-encoding"], "exi", "what is not known stays as it came");
    assert_eq!(
        unknown.value().unwrap_err().to_string(),
        "the answer of panther:api token#list (200, no content type) is not what was asked for: \
         its content coding \"exi\" is not known here"
    );
}

#[tokio::test]
async fn a_broken_coding_is_no_broken_connection() {
    let whole = gzipped(&"some text ".repeat(50));
    for body in [&whole[..whole.len() / 2], b"no gzip at all"] {
        let bytes = answer("content-encoding: gzip\r\ncontent-type: text/plain", body);
        let server = Server::start(move |_, _| Reply::raw(bytes.clone()));
        let harness = harness(&server.url()).build().unwrap();
        let error = harness.command("api_token_list", ()).await.unwrap_err();
        assert_eq!((error.kind(), error.was_sent(), error.is_retryable()), ("decode", true, false));
        let text = error.to_string();
        assert!(
            text.starts_with(
                "the answer of panther:api token#list (200, text/plain) is not what was asked for: \
                 its content coding is broken ("
            ),
            "{text}"
        );
    }
}

/// A caller that asks for a part of a body, or names its codings, gets what it asked for.
#[tokio::test]
async fn the_callers_own_words_on_codings_count() {
    let part = gzipped("{}")[2..9].to_vec();
    let server = Server::start(move |request, _| match request.header("range") {
        Some(_) => {
            let head = format!(
                "HTTP/1.1 206 Part\r\nconnection: close\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
                part.len()
            );
            Reply::raw([head.as_bytes(), &part].concat())
        }
        None => Reply::json(200, "{}"),
    });
    let harness = harness(&server.url()).build().unwrap();
    let call = || harness.command("api_token_list", ());
    let part = call().header("range", "bytes=2-8").await.unwrap();
    assert_eq!((part.bytes().len(), &part.headers()["content-encoding"]), (7, &"gzip".parse().unwrap()));
    call().header("accept-encoding", "identity").await.unwrap();
    let received = server.received();
    assert_eq!(received[0].header("accept-encoding"), None);
    assert_eq!(received[1].header("accept-encoding"), Some("identity"));
}
