//! HTTP/2 servers that turn requests away unread (RFC 9113 §8.7): any call is repeated then.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use opcall::{Credentials, Outcome, Phase, Profile};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::tiny;
use crate::support::builder;

const SETTINGS: u8 = 4;
const HEADERS: u8 = 1;

/// How a stream is turned away.
#[derive(Clone, Copy)]
enum Way {
    /// `RST_STREAM` with `REFUSED_STREAM`.
    Refused,
    /// `GOAWAY` with `NO_ERROR` that names no stream as looked at.
    Leaving,
    /// `RST_STREAM` with `INTERNAL_ERROR`, which says nothing of the kind.
    Broken,
}

fn frame(kind: u8, flags: u8, stream: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream, payload].concat()
}

/// Turns the first two requests away, and answers those after them.
fn serve(mut connection: impl Read + Write, way: Way, seen: &AtomicUsize) -> std::io::Result<()> {
    connection.read_exact(&mut [0; 24])?;
    connection.write_all(&frame(SETTINGS, 0, [0; 4], &[]))?;
    loop {
        let mut head = [0; 9];
        connection.read_exact(&mut head)?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        connection.read_exact(&mut vec![0; u32::from_be_bytes([0, a, b, c]) as usize])?;
        match kind {
            SETTINGS if flags & 1 == 0 => connection.write_all(&frame(SETTINGS, 1, [0; 4], &[]))?,
            HEADERS if seen.fetch_add(1, Ordering::SeqCst) < 2 => match way {
                Way::Refused => connection.write_all(&frame(3, 0, stream, &7_u32.to_be_bytes()))?,
                Way::Broken => connection.write_all(&frame(3, 0, stream, &2_u32.to_be_bytes()))?,
                Way::Leaving => return connection.write_all(&frame(7, 0, [0; 4], &[0; 8])),
            },
            // `:status: 200` alone, the end of the stream.
            HEADERS => connection.write_all(&frame(HEADERS, 5, stream, &[0x88]))?,
            _ => {}
        }
        connection.flush()?;
    }
}

/// Starts it; returns its URL, its certificate and how many requests it saw.
fn start(way: Way) -> (String, String, Arc<AtomicUsize>) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let pem = made.cert.pem();
    let chain = vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&seen);
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let (config, seen) = (Arc::clone(&config), Arc::clone(&counted));
            std::thread::spawn(move || {
                let session = ServerConnection::new(config).unwrap();
                let mut stream: StreamOwned<_, TcpStream> = StreamOwned::new(session, connection);
                // It ends with an error when the client is done.
                let _ = serve(&mut stream, way, &seen);
                stream.conn.send_close_notify();
                let _ = stream.flush();
            });
        }
    });
    (url, pem, seen)
}

#[tokio::test]
async fn a_request_that_was_turned_away_unread_is_sent_again() {
    for (way, expected) in [(Way::Refused, 3), (Way::Leaving, 3), (Way::Broken, 1)] {
        let (url, certificate, seen) = start(way);
        let profile = Profile::new().base_url(&url).credentials(Credentials::new().api_key("k"));
        let harness = builder()
            .profile("panther", profile)
            .root_certificates(certificate)
            .retry(tiny())
            .build()
            .unwrap();
        let outcome = harness.command("api_token_create", [("name", "n")]).no_validate().await;
        let attempts = match &outcome {
            Ok(found) => found.attempts().to_vec(),
            Err(error) => error.attempts().to_vec(),
        };
        assert_eq!((attempts.len(), seen.load(Ordering::SeqCst)), (expected, expected), "{outcome:?}");
        if expected == 1 {
            assert_eq!((attempts[0].outcome, attempts[0].sent), (Outcome::Failed(Phase::Broken), true));
            continue;
        }
        assert_eq!(outcome.unwrap().status(), 200);
        let turned_away = Outcome::Failed(Phase::Unprocessed);
        assert!(attempts[..2].iter().all(|one| one.outcome == turned_away && !one.sent), "{attempts:?}");
    }
}
