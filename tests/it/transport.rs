//! What goes over the wire and what comes back, with every way it can break.

use std::io::Write as _;
use std::time::Duration;

use opcall::{Credentials, Error, FilePart, Harness, HarnessBuilder, Method, Phase, Profile, TlsProblem};
use serde_json::json;

use crate::support::{Reply, Server, builder};

fn panther(url: &str) -> HarnessBuilder {
    builder().profile(
        "panther",
        Profile::new().base_url(url).credentials(Credentials::new().api_key("canary-key")),
    )
}

fn logscale(server: &Server) -> Harness {
    let credentials = Credentials::new().access_token("canary-token");
    builder()
        .profile("logscale", Profile::new().base_url(server.url()).credentials(credentials))
        .build()
        .unwrap()
}

async fn list(harness: &Harness) -> opcall::Result<opcall::Response> {
    harness.command("api_token_list", ()).await
}

#[tokio::test]
async fn the_url_on_the_wire_is_the_prepared_one() {
    let server = Server::start(|_, _| Reply::json(200, "{}"));
    let harness = panther(&format!("{}/stage", server.url())).user_agent("mine/1").build().unwrap();
    let call = || harness.command("api_token_get", [("id", "a b/c%2e?#'é")]);
    let prepared = call().prepare().unwrap();
    call().await.unwrap();
    let received = server.received().pop().unwrap();
    assert_eq!(format!("{}{}", server.url(), received.target), prepared.url());
    assert_eq!(received.header("user-agent"), Some("mine/1"));
    assert_eq!(received.header("referer"), None);
}

#[tokio::test]
async fn nobody_there_means_nothing_was_sent() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let harness = panther(&format!("http://127.0.0.1:{port}")).build().unwrap();
    let error = list(&harness).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("no answer from http://127.0.0.1:{port} after 3 attempts; nothing was sent")
    );
    assert_eq!((error.kind(), error.was_sent(), error.is_retryable()), ("transport", false, true));
    assert_eq!(error.operation(), Some("panther:api token#list"));

    let harness = panther("http://no-such-host.invalid").allow_http().build().unwrap();
    let Error::Transport(error) = list(&harness).await.unwrap_err() else { panic!("another error") };
    assert_eq!(error.phase, Phase::Connect);
}

#[tokio::test]
async fn a_failed_handshake_means_nothing_was_sent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        listener.accept().unwrap().0.write_all(b"no TLS here, only plain text").unwrap();
    });
    let harness = panther(&url).build().unwrap();
    let Error::Transport(error) = list(&harness).await.unwrap_err() else { panic!("another error") };
    assert_eq!((error.phase, error.was_sent()), (Phase::Tls(TlsProblem::Other), false));
}

#[tokio::test]
async fn a_broken_answer_may_have_been_carried_out() {
    for reply in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{",
        "nonsense\r\n\r\n",
    ] {
        let server = Server::start(move |_, _| Reply::raw(reply));
        let harness = panther(&server.url()).build().unwrap();
        let Error::Transport(error) = list(&harness).await.unwrap_err() else { panic!("another error") };
        assert_eq!(
            (error.phase, error.was_sent(), error.attempts.len()),
            (Phase::Broken, true, 3),
            "{reply}"
        );
        assert_eq!(server.received().len(), 3, "{reply}: the call only reads");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_timeout() {
    let late = || Server::start(|_, _| Reply::json(200, "{}").after(Duration::from_secs(3)));
    let server = late();
    let harness = panther(&server.url()).build().unwrap();
    let started = std::time::Instant::now();
    let error = harness.command("api_token_list", ()).timeout(Duration::from_millis(100)).await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent()), ("timeout", true));
    assert_eq!(error.hint().unwrap(), "give each attempt more time (`timeout`).");
    let harness = panther(&server.url()).max_time(Duration::from_millis(100)).build().unwrap();
    let error = list(&harness).await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent()), ("timeout", true));
    assert_eq!(error.hint().unwrap(), "give the whole call more time (`max_time`).");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_taken_in() {
    let server = Server::start(|_, _| Reply::json(200, &format!("\"{}\"", "x".repeat(2000))));
    let error = list(&panther(&server.url()).max_body(1000).build().unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), "the answer is larger than 1000 bytes; the call was answered with 200");
    assert_eq!((error.kind(), error.was_sent()), ("unsafe", true));
    assert!(list(&panther(&server.url()).max_body(2002).build().unwrap()).await.is_ok());
}

#[tokio::test]
async fn redirects_are_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let sink = Server::sink();
        let location = format!("location: {}/", sink.url());
        let server = Server::start(move |_, _| Reply::whole(status, &[&location], ""));
        let error = list(&panther(&server.url()).build().unwrap()).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), ("refused", Some(status)));
        assert!(sink.received().is_empty());
    }
}

#[tokio::test]
async fn an_explicit_proxy_is_asked_for_everything() {
    let proxy = Server::start(|_, _| Reply::json(200, r#"{"results":[]}"#));
    let harness = builder()
        .profile(
            "panther",
            Profile::new().base_url("http://h.example").credentials(Credentials::new().api_key("k")),
        )
        .allow_http()
        .proxy(proxy.url())
        .build()
        .unwrap();
    list(&harness).await.unwrap();
    assert_eq!(proxy.received()[0].target, "http://h.example/api-tokens");
}

#[tokio::test]
async fn error_bodies_read_well() {
    for (status, head, body, text) in [
        (400, "content-type: application/json", r#"{"message":"name is required"}"#, "400: name is required"),
        (500, "content-type: text/html", "<html><h1>oops</h1></html>", "500 after 3 attempts"),
        (502, "content-type: text/plain", "bad\tgateway\u{7}", "502 after 3 attempts: bad\\tgateway\\u{7}"),
        (404, "x-nothing: 1", "", "404"),
    ] {
        let server = Server::start(move |_, _| Reply::whole(status, &[head], body));
        let error = list(&panther(&server.url()).build().unwrap()).await.unwrap_err();
        assert_eq!(error.to_string(), format!("panther refused api token#list with {text}"));
        let Error::Refused(refused) = error else { panic!("another error") };
        assert_eq!(refused.response.text(), body);
        assert_eq!((refused.retryable, refused.url.ends_with("/api-tokens")), (status >= 500, true));
    }
    let server = Server::start(|_, _| Reply::whole(429, &["retry-after: 70"], ""));
    let error = list(&panther(&server.url()).build().unwrap()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.hint().as_deref()),
        ("rate_limited", Some("wait 70 s before the next call.")),
        "a longer wait than is allowed"
    );
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_success_that_is_no_json_can_still_be_read() {
    let server = Server::start(|_, _| Reply::whole(200, &["content-type: text/html"], "<html>"));
    let found = list(&panther(&server.url()).build().unwrap()).await.unwrap();
    assert_eq!(found.text(), "<html>");
    let error = found.value().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the answer of panther:api token#list (200, text/html) is not what was asked for: it is no JSON"
    );
    let server = Server::start(|_, _| Reply::whole(204, &[], ""));
    let harness = panther(&server.url()).build().unwrap();
    let gone = harness.command("api_token_delete", [("id", "self")]).await.unwrap();
    assert_eq!((gone.status(), gone.value().unwrap()), (204, &serde_json::Value::Null));
}

#[tokio::test]
async fn graphql_gives_the_root_field_and_all_errors() {
    let server = Server::start(|request, before| {
        assert_eq!(request.target, "/graphql");
        match before {
            0 => Reply::json(200, r#"{"data":{"deleteToken": true}}"#),
            1 => Reply::json(200, r#"{"data":null,"errors":[{"message":"one"},{"message":"two"}]}"#),
            2 => Reply::whole(401, &["content-type: text/plain"], "The supplied authentication is invalid"),
            _ => {
                Reply::whole(403, &["content-type: text/plain"], "Tokens can only be used from IP addresses")
            }
        }
    });
    let harness = logscale(&server);
    let call = || harness.command("organization_tokens_delete", json!({"id": "abc"}));
    let done = call().await.unwrap();
    assert_eq!(done.value().unwrap(), true);
    assert_eq!(done.envelope().unwrap(), &json!({"data": {"deleteToken": true}}));
    let error = call().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "logscale refused organization_tokens_delete with GraphQL errors: one; two"
    );
    assert_eq!(error.kind(), "graphql");
    let error = call().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "logscale refused organization_tokens_delete with 401: The supplied authentication is invalid"
    );
    let error = call().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "logscale refused organization_tokens_delete with 403: Tokens can only be used from IP addresses"
    );
    let body: serde_json::Value = serde_json::from_slice(&server.received()[0].body).unwrap();
    assert_eq!(body["operationName"], "organization_tokens_delete");
    assert_eq!(server.received()[0].header("authorization"), Some("Bearer canary-token"));
}

#[tokio::test]
async fn files_are_streamed_whole_and_as_parts() {
    let server = Server::start(|_, _| Reply::json(200, "{}"));
    let file = tempfile::Builder::new().suffix(".bin").tempfile().unwrap();
    std::fs::write(file.path(), [0u8, 1, 2, 255]).unwrap();
    let profile = Profile::new().base_url(server.url()).credentials(Credentials::new().access_token("t"));
    let harness = builder().profile("falcon", profile).build().unwrap();
    let part = FilePart::path(file.path()).with_filename("a \"b\".bin");
    let params = opcall::Params::from(vec![
        ("sample", opcall::Argument::from(part)),
        ("file_name", "größe.bin".into()),
        ("comment", "c".into()),
    ]);
    harness.command("UploadSampleV3", params).await.unwrap();
    let sent = server.received().pop().unwrap();
    let media_type = sent.header("content-type").unwrap();
    let boundary = media_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    assert!(
        sent.text().contains(&format!("--{boundary}\r\nContent-Disposition: form-data; name=\"sample\""))
    );
    assert!(sent.text().contains("filename=\"a %22b%22.bin\"\r\n"), "{}", sent.text());
    assert!(sent.body.windows(8).any(|bytes| bytes == b"\r\n\r\n\x00\x01\x02\xff"));
    assert!(sent.header("content-length").is_some());
}

/// What the kernel makes up as it is read has no length.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_without_a_length_is_sent_whole() {
    let server = Server::start(|_, _| Reply::json(200, "{}"));
    let harness = panther(&server.url()).build().unwrap();
    let put =
        |path: &std::path::Path| harness.request("panther", Method::Put, "/a", ()).body(FilePart::path(path));
    put("/proc/version".as_ref()).await.unwrap();
    let sent = server.received().pop().unwrap();
    assert_eq!(sent.text(), std::fs::read_to_string("/proc/version").unwrap());
    assert_eq!((sent.header("content-length"), sent.header("transfer-encoding")), (None, Some("chunked")));
    let empty = tempfile::NamedTempFile::new().unwrap();
    put(empty.path()).await.unwrap();
    let sent = server.received().pop().unwrap();
    assert_eq!((sent.text().as_str(), sent.header("content-length")), ("", Some("0")));
    assert_eq!(sent.header("transfer-encoding"), None);

    let profile = Profile::new().base_url(server.url()).credentials(Credentials::new().access_token("t"));
    let harness = builder().profile("falcon", profile).build().unwrap();
    let sample = |path: &std::path::Path| [("sample", opcall::Argument::from(FilePart::path(path)))];
    for (path, held) in [
        ("/proc/version".as_ref(), std::fs::read_to_string("/proc/version").unwrap()),
        (empty.path(), String::new()),
    ] {
        let params = sample(path).into_iter().chain([("file_name", "v".into())]).collect::<Vec<_>>();
        harness.command("UploadSampleV3", opcall::Params::from(params)).await.unwrap();
        let text = server.received().pop().unwrap().text();
        assert!(text.contains(&format!("\r\n\r\n{held}\r\n--")), "{text}");
    }
}

/// They say what an answer with a body would have (RFC 9110 §8.6).
#[tokio::test]
async fn header_fields_of_an_answer_without_a_body_stay() {
    const FIELDS: &str = "content-encoding: gzip\r\ncontent-length: 99999999999\r\n\r\n";
    for (method, status) in [(Method::Head, 200), (Method::Head, 404), (Method::Get, 304)] {
        let server = Server::start(move |_, _| Reply::raw(format!("HTTP/1.1 {status} Status\r\n{FIELDS}")));
        let harness = panther(&server.url()).build().unwrap();
        let found = match harness.request("panther", method.clone(), "/a", ()).await {
            Ok(found) => found,
            Err(Error::Refused(refused)) => refused.response,
            Err(other) => panic!("{method} {status}: {other:?}"),
        };
        let field = |name: &str| found.headers().get(name).and_then(|value| value.to_str().ok());
        assert_eq!((found.status(), found.bytes().len()), (status, 0));
        assert_eq!(field("content-encoding"), Some("gzip"), "{method} {status}");
        assert_eq!(field("content-length"), Some("99999999999"), "{method} {status}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let harness = panther("http://127.0.0.1:9").build().unwrap();
    let body = FilePart::path("/no/such/file");
    let error = harness.command("api_token_create", ()).body(body).await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent()), ("io", false));
    assert_eq!(error.to_string(), "reading \"/no/such/file\" failed");
}

#[test]
fn settings_that_cannot_be_used_are_refused_early() {
    let error = |builder: HarnessBuilder| builder.build().unwrap_err().to_string();
    assert_eq!(error(builder().proxy("::")), "the proxy is no http, https, socks4 or socks5 URL");
    assert_eq!(
        error(builder().root_certificates("x")),
        "no certificate can be read from the root certificates"
    );
    assert_eq!(error(builder().user_agent("a\nb")), "the user agent holds what no header may hold");
    assert_eq!(
        error(builder().client_certificate("x", "y")),
        "no certificate can be read from the client certificate"
    );
}

#[cfg(feature = "blocking")]
#[test]
fn a_blocking_call_waits_for_the_answer() {
    let server = Server::start(|_, _| Reply::json(200, r#"{"results":[1]}"#));
    let harness = opcall::blocking::Harness::from(panther(&server.url()).build().unwrap());
    for _ in 0..3 {
        let found =
            harness.command("api_token_list", ()).with(|call| call.header("x-trace", "1")).send().unwrap();
        assert_eq!(found.value().unwrap()["results"][0], 1);
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let error = runtime.block_on(async { harness.command("api_token_list", ()).send().unwrap_err() });
    assert_eq!(error.to_string(), "a blocking call was made inside an asynchronous runtime");
}

#[cfg(feature = "blocking")]
#[test]
fn a_blocking_stream_gives_the_body_as_it_comes() {
    let body = "x".repeat(1 << 20);
    let whole = body.clone();
    let server = Server::start(move |_, before| match before {
        0 => Reply::whole(200, &["x-trace: 7"], &whole),
        1 => Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"),
        _ => Reply::json(404, "{}"),
    });
    let harness = opcall::blocking::Harness::from(panther(&server.url()).build().unwrap());
    let stream = || harness.command("api_token_list", ()).stream();
    let answer = stream().unwrap();
    assert_eq!((answer.head().status(), &answer.head().headers()["x-trace"]), (200, &"7".parse().unwrap()));
    let came: Vec<_> = answer.map(Result::unwrap).collect();
    assert!(came.len() > 1 && came.concat() == body.as_bytes());
    let mut broken = stream().unwrap();
    assert_eq!(broken.next().unwrap().unwrap(), "half");
    assert_eq!(broken.next().unwrap().unwrap_err().kind(), "transport");
    assert!(broken.next().is_none());
    assert_eq!(stream().unwrap_err().status(), Some(404));
}

#[cfg(all(feature = "blocking", feature = "falcon"))]
#[test]
fn a_blocking_sign_in_fetches_tokens_and_gives_them_back() {
    let server = Server::start(|request, before| match request.target.as_str() {
        "/oauth2/token" => Reply::token(&format!("token-{before}"), 1800),
        _ => Reply::json(200, "{}"),
    });
    let harness = opcall::blocking::Harness::from(crate::support::in_region(&server).build().unwrap());
    let sign_in = harness.sign_in("falcon");
    assert_eq!(sign_in.plan().unwrap().method, opcall::SignInMethod::ClientCredentials);
    assert_eq!(sign_in.token().unwrap().expose(), "token-0");
    assert_eq!(sign_in.token().unwrap().expose(), "token-0");
    assert_eq!(sign_in.renew().unwrap().expose(), "token-1");
    harness.command("tokens_query", ()).send().unwrap();
    assert_eq!(
        server.only("/installation-tokens/queries/tokens/v1").header("authorization"),
        Some("Bearer token-1")
    );
    let forgotten = sign_in.forget().unwrap();
    assert_eq!((forgotten.tokens, forgotten.revoked, forgotten.attempts.len()), (1, 1, 1));
}
