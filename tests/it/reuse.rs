//! Connections: used again, closed meanwhile, made to names with several addresses or none.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use opcall::{Credentials, Error, Harness, Phase, Profile};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::builder;
use crate::tls::{Way, authority};

const DOCUMENT: &str = r#"{
  "openapi": "3.1.0", "info": {"title": "often", "version": "1"}, "x-service": "often",
  "components": {"securitySchemes": {"flow": {"type": "oauth2",
    "flows": {"clientCredentials": {"tokenUrl": "/token", "scopes": {}}}}}},
  "paths": {
    "/things/{id}": {
      "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
      "get": {"operationId": "get"}, "post": {"operationId": "post"}},
    "/sealed": {"get": {"operationId": "sealed", "security": [{"flow": []}]}}}
}"#;

fn harness(base: &str) -> Harness {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), DOCUMENT).unwrap();
    let profile = Profile::new().base_url(base).credentials(Credentials::new().client("id", "secret"));
    let builder = builder().spec(file.path()).profile("often", profile);
    builder.root_certificates(&authority().pem).build().unwrap()
}

/// A server that counts connections, and what came by its target.
struct Counting {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    targets: Arc<Mutex<HashMap<String, usize>>>,
}

impl Counting {
    /// Each connection ends after so many answers, which do not say so.
    fn start(address: &str, answers: usize, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let connections = Arc::<AtomicUsize>::default();
        let targets = Arc::<Mutex<HashMap<String, usize>>>::default();
        let (count, seen) = (Arc::clone(&connections), Arc::clone(&targets));
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::SeqCst);
                let (seen, tls) = (Arc::clone(&seen), tls.clone());
                thread::spawn(move || match tls {
                    None => serve(socket, answers, &seen),
                    Some(config) => {
                        let connection = ServerConnection::new(config).unwrap();
                        serve(StreamOwned::new(connection, socket), answers, &seen)
                    }
                });
            }
        });
        Ok(Self { address, connections, targets })
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn serve(
    mut stream: impl Read + Write,
    answers: usize,
    targets: &Mutex<HashMap<String, usize>>,
) -> io::Result<()> {
    for _ in 0..answers {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let target = String::from_utf8_lossy(&head).split(' ').nth(1).unwrap_or_default().to_owned();
        *targets.lock().unwrap().entry(target).or_default() += 1;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")?;
        stream.flush()?;
    }
    Ok(())
}

#[tokio::test]
async fn a_hundred_calls_one_after_the_other_use_one_connection() {
    let plain = Counting::start("127.0.0.1:0", usize::MAX, None).unwrap();
    let sealed = Counting::start("127.0.0.1:0", usize::MAX, Some(Way::good().config())).unwrap();
    for (scheme, server) in [("http", &plain), ("https", &sealed)] {
        let harness = harness(&format!("{scheme}://{}", server.address));
        for number in 0..100 {
            // A clone is the same harness.
            let operation = if number % 2 == 0 { "get" } else { "post" };
            harness.clone().command(operation, [("id", number.to_string())]).await.unwrap();
        }
        assert_eq!(server.connections(), 1, "{scheme}");
        assert_eq!(server.targets.lock().unwrap().len(), 100);
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_costs_no_call() {
    for tls in [None, Some(Way::good().config())] {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let server = Counting::start("127.0.0.1:0", 1, tls).unwrap();
        let harness = harness(&format!("{scheme}://{}", server.address));
        for number in 0..10 {
            harness.command("post", [("id", number.to_string())]).await.unwrap();
            // The end of the connection comes while nothing is under way.
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        assert_eq!(server.connections(), 10, "{scheme}");
        assert!(server.targets.lock().unwrap().values().all(|count| *count == 1));
    }
}

#[tokio::test]
async fn a_connection_that_closes_just_now_repeats_nothing_that_may_have_been_done() {
    let server = Counting::start("127.0.0.1:0", 1, None).unwrap();
    let harness = harness(&format!("http://{}", server.address));
    let mut failed = 0;
    for number in 0..300 {
        match harness.command("post", [("id", number.to_string())]).await {
            Ok(response) => assert_eq!(response.attempts().len(), 1),
            // It was handed to a connection that ended at that moment: whether it arrived nobody knows.
            Err(error) => {
                assert!(error.was_sent(), "{error:?}");
                failed += 1;
            }
        }
    }
    assert!(server.targets.lock().unwrap().values().all(|count| *count == 1), "no call arrived twice");
    let arrived = server.targets.lock().unwrap().len();
    assert!(arrived >= 300 - failed);
    eprintln!("reuse: 300 calls against closing connections, {failed} cut off, {arrived} arrived, 0 twice");
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_told_with_the_setting_that_has_it() {
    let phase = |error: &Error| match error {
        Error::Transport(error) => error.phase,
        other => panic!("{other:?}"),
    };
    let unknown = harness("https://api.no-such-host.invalid");
    let error = unknown.command("get", [("id", "a")]).await.unwrap_err();
    assert_eq!((phase(&error), error.was_sent()), (Phase::Connect, false));
    assert_eq!(
        error.hint().unwrap(),
        "correct the base URL (`base_url`), or this machine's name resolution: it knows no host \
         \"api.no-such-host.invalid\"."
    );
    let error = unknown.command("sealed", ()).await.unwrap_err();
    assert!(error.to_string().ends_with("; signing in failed, no operation was sent"), "{error}");
    assert!(error.hint().unwrap().starts_with("correct the base URL or the token URL"), "{error:?}");
    let fetch = opcall::Document::fetch("https://api.no-such-host.invalid/a").no_proxy();
    let error = fetch.await.unwrap_err();
    assert!(error.hint().unwrap().starts_with("correct the document's URL, or this"), "{error:?}");
}

#[tokio::test]
async fn of_several_addresses_one_that_answers_is_enough() {
    for host in ["127.0.0.1", "[::1]"] {
        let Ok(server) = Counting::start(&format!("{host}:0"), usize::MAX, None) else {
            eprintln!("skipped: this machine has no {host}");
            continue;
        };
        let name = format!("localhost:{}", server.address.port());
        let resolved: Vec<_> = name.to_socket_addrs().unwrap().collect();
        if !resolved.contains(&server.address) {
            eprintln!("skipped: localhost is not {host} here");
            continue;
        }
        let harness = harness(&format!("http://{name}"));
        harness.command("post", [("id", "a")]).await.unwrap();
        assert_eq!(server.connections(), 1, "{resolved:?}");
    }
}
