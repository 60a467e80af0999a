//! The same bounds over HTTP/2, whose frames are written here byte for byte (RFC 9113, RFC 7541).

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use opcall::{Error, Harness, Phase};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{Raw, harness};
use crate::support::proof;

/// One connection of a client.
pub(super) type Connection = StreamOwned<ServerConnection, TcpStream>;

/// Who signs the server's certificate, and how the server shows it.
struct Identity {
    root: String,
    config: Arc<ServerConfig>,
}

fn identity() -> &'static Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = authority.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(authority, key);
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = certificate.signed_by(&key, &issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let chain = vec![certificate.der().clone()];
        let mut config = config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        Identity { root, config: Arc::new(config) }
    })
}

/// The root certificate of the servers here, in PEM.
pub(super) fn root() -> &'static str {
    &identity().root
}

/// A server that calls `each` with the stream of every request, counted over all connections.
pub(super) fn server(each: impl Fn(&mut Connection, u32, usize) + Send + Sync + 'static) -> Raw {
    let requests = AtomicUsize::new(0);
    Raw::start(move |socket| {
        let mut connection =
            StreamOwned::new(ServerConnection::new(Arc::clone(&identity().config)).unwrap(), socket);
        let mut preface = [0; 24];
        if connection.read_exact(&mut preface).is_err() {
            return;
        }
        assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        while let Some((kind, stream)) = read_frame(&mut connection) {
            if kind == HEADERS {
                each(&mut connection, stream, requests.fetch_add(1, Ordering::SeqCst));
            }
        }
    })
}

fn read_frame(connection: &mut Connection) -> Option<(u8, u32)> {
    let mut head = [0; 9];
    connection.read_exact(&mut head).ok()?;
    let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
    connection.read_exact(&mut vec![0; length]).ok()?;
    Some((head[3], u32::from_be_bytes([head[5], head[6], head[7], head[8]])))
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `:status: 200`, of the static table.
const OK: u8 = 0x88;

/// The field that was kept last: 62 in the table (RFC 7541 §2.3.3).
const NEWEST: u8 = 0xbe;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn settings() -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[])
}

/// A head in as many frames as it needs.
fn head(stream: u32, fields: &[u8]) -> Vec<u8> {
    let pieces: Vec<_> = fields.chunks(16_384).collect();
    let last = pieces.len() - 1;
    let framed = pieces.iter().enumerate().flat_map(|(number, piece)| {
        let kind = if number == 0 { HEADERS } else { CONTINUATION };
        frame(kind, if number == last { END_HEADERS } else { 0 }, stream, piece)
    });
    framed.collect()
}

/// A whole answer.
fn answer(stream: u32) -> Vec<u8> {
    [head(stream, &[OK]), frame(DATA, END_STREAM, stream, b"{}")].concat()
}

/// A header field that the client keeps in its table where `kept` (RFC 7541 §6.2).
fn field(name: &str, value: &[u8], kept: bool) -> Vec<u8> {
    let mut bytes = vec![if kept { 0x40 } else { 0x00 }];
    bytes.push(u8::try_from(name.len()).unwrap());
    bytes.extend_from_slice(name.as_bytes());
    assert!(value.len() > 127);
    bytes.push(127);
    let mut rest = value.len() - 127;
    while rest >= 128 {
        bytes.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes.extend_from_slice(value);
    bytes
}

fn secure(server: &Raw) -> String {
    server.url().replace("http://", "https://")
}

fn client(server: &Raw, timeout: Duration) -> Harness {
    harness(&secure(server)).root_certificates(root()).timeout(timeout).build().unwrap()
}

/// Heads that fill the memory: large ones, small ones that grow, and such as never end.
pub(super) fn bombs() -> Vec<(&'static str, Raw, &'static str)> {
    const TOLD: &str = "larger than 65536 bytes";
    let large = server(|connection, stream, _| {
        let fields = [&[OK][..], &field("x-long", &b"v".repeat(70_000), false)].concat();
        let _ = connection.write_all(&[settings(), head(stream, &fields)].concat());
    });
    let growing = server(|connection, stream, _| {
        // One byte each for a field of 3.9 KB.
        let fields =
            [&[OK][..], &field("x-long", &b"v".repeat(3900), true), &[NEWEST].repeat(1_000_000)].concat();
        let _ = connection.write_all(&[settings(), head(stream, &fields)].concat());
    });
    let endless = server(|connection, stream, _| {
        let _ = connection.write_all(&[settings(), frame(HEADERS, 0, stream, &[OK])].concat());
        let more = frame(CONTINUATION, 0, stream, &[0x00, 1, b'x', 1, b'v'].repeat(3000));
        while connection.write_all(&more).is_ok() {}
    });
    vec![
        ("a header field of 70 KB over HTTP/2", large, TOLD),
        ("a million header fields of 4 GB over HTTP/2", growing, "no answer from"),
        ("an endless head over HTTP/2", endless, "no answer from"),
    ]
}

const LIMIT: Duration = Duration::from_millis(300);

async fn must_stall(server: &Raw, phase: Phase) {
    let harness = harness(&secure(server)).root_certificates(root());
    let harness = match phase {
        Phase::Stalled => harness.idle_timeout(LIMIT),
        _ => harness.timeout(LIMIT),
    };
    let harness = harness.build().unwrap();
    let started = Instant::now();
    let call = async {
        let mut stream = harness.command("api_token_list", ()).stream().await?;
        while stream.chunk().await?.is_some() {}
        Ok(())
    };
    let error: Error = call.await.unwrap_err();
    let Error::Transport(error) = error else { panic!("{error}") };
    assert_eq!(error.phase, phase);
    let late = started.elapsed().checked_sub(LIMIT).unwrap();
    assert!(late < Duration::from_millis(proof(3000, 250) as u64), "{late:?}");
}

#[tokio::test]
async fn stalls_end_in_time() {
    // The system's roots are read with the first connection.
    let server_of_all = server(|connection, stream, _| {
        let _ = connection.write_all(&[settings(), answer(stream)].concat());
    });
    client(&server_of_all, Duration::from_secs(20)).command("api_token_list", ()).await.unwrap();
    let silent = server(|_, _, _| {});
    must_stall(&silent, Phase::AnswerTimeout).await;
    let polite = server(|connection, _, _| {
        let _ = connection.write_all(&settings());
    });
    must_stall(&polite, Phase::AnswerTimeout).await;
    let lively = server(|connection, stream, _| {
        let mut writing = connection.write_all(&[settings(), head(stream, &[OK])].concat());
        // That the connection lives says nothing of the answer.
        while writing.is_ok() {
            thread::sleep(Duration::from_millis(20));
            writing = connection.write_all(&frame(PING, 0, 0, &[0; 8]));
        }
    });
    must_stall(&lively, Phase::Stalled).await;
    must_stall(&server_of_pings(), Phase::AnswerTimeout).await;
}

fn server_of_pings() -> Raw {
    server(|connection, _, _| {
        let mut writing = connection.write_all(&settings());
        while writing.is_ok() {
            thread::sleep(Duration::from_millis(20));
            writing = connection.write_all(&frame(PING, 0, 0, &[0; 8]));
        }
    })
}

/// A call that is given up ends its stream; the connection serves the next one.
#[tokio::test]
async fn a_call_that_is_given_up_leaves_its_connection() {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let server = server(move |connection, stream, before| {
        if stream == 1 {
            count.fetch_add(1, Ordering::SeqCst);
            let _ = connection.write_all(&settings());
        }
        // Every second request is never answered.
        if before % 2 == 0 {
            let _ = connection.write_all(&answer(stream));
        }
    });
    let harness = client(&server, Duration::from_secs(20));
    let rounds = proof(10, 100);
    for _ in 0..rounds {
        harness.command("api_token_list", ()).await.unwrap();
        let call = harness.command("api_token_list", ()).send();
        assert!(tokio::time::timeout(Duration::from_millis(20), call).await.is_err());
    }
    harness.command("api_token_list", ()).await.unwrap();
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    eprintln!("promise 14: {rounds} streams of HTTP/2 given up on one connection");
}

/// A header field that is not kept, of a few bytes.
fn short(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat();
    [vec![0x00], text(name), text(value)].concat()
}

/// `RST_STREAM` with `NO_ERROR`, which may follow a complete answer (RFC 9113 §8.1).
fn reset(stream: u32) -> Vec<u8> {
    frame(3, 0, stream, &[0; 4])
}

/// `GOAWAY` with `NO_ERROR` that counts every stream.
fn leaving() -> Vec<u8> {
    frame(7, 0, 0, &[&[0x7f, 0xff, 0xff, 0xff][..], &[0; 4]].concat())
}

/// The frame that ends an answer in place of its own end.
type End = fn(u32) -> Vec<u8>;

#[tokio::test]
async fn an_answer_is_over_with_its_stream_and_not_before() {
    let long = || [&[OK][..], &short("content-length", "100000")].concat();
    let coded = || [&[OK][..], &short("content-encoding", "gzip")].concat();
    let cut: [(Vec<u8>, &[u8], End); 5] = [
        (long(), b"{\"a\":[1,2", reset),
        (vec![OK], b"{\"a\":[1,2]}", reset),
        (vec![OK], b"", reset),
        (coded(), b"", reset),
        (long(), b"{\"a\":[1,2", |_| leaving()),
    ];
    for (fields, data, end) in cut {
        let cut = server(move |connection, stream, _| {
            let answer = [settings(), head(stream, &fields), frame(DATA, 0, stream, data), end(stream)];
            let _ = connection.write_all(&answer.concat());
            connection.conn.send_close_notify();
            let _ = connection.flush();
            let _ = connection.sock.shutdown(std::net::Shutdown::Write);
        });
        let harness = client(&cut, Duration::from_secs(20));
        let error = harness.command("api_token_list", ()).await.unwrap_err();
        let Error::Transport(error) = error else { panic!("{error}") };
        assert_eq!((error.phase, error.was_sent()), (Phase::Broken, true));
        let stream = harness.command("api_token_list", ()).stream().await.unwrap();
        let error = futures_util::TryStreamExt::try_collect::<Vec<_>>(stream).await.unwrap_err();
        assert_eq!((error.kind(), error.was_sent()), ("transport", true), "{error}");
    }
}

#[tokio::test]
async fn a_reset_after_the_end_of_an_answer_says_nothing() {
    let server = server(|connection, stream, before| {
        let trailers = frame(HEADERS, END_HEADERS | END_STREAM, stream, &short("x-end", "1"));
        let open = [head(stream, &[OK]), frame(DATA, 0, stream, b"{}")].concat();
        let whole = if before % 2 == 0 { answer(stream) } else { [open, trailers].concat() };
        let first = if stream == 1 { settings() } else { Vec::new() };
        let _ = connection.write_all(&[first, whole, reset(stream)].concat());
    });
    let harness = client(&server, Duration::from_secs(20));
    for _ in 0..20 {
        assert_eq!(harness.command("api_token_list", ()).await.unwrap().text(), "{}");
        let stream = harness.command("api_token_list", ()).stream().await.unwrap();
        let body: Vec<_> = futures_util::TryStreamExt::try_collect(stream).await.unwrap();
        assert_eq!(body.concat(), b"{}");
    }
}
