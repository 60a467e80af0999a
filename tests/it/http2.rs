//! HTTP/2: many calls on one connection, and servers that leave. One server is the `h2` crate's; one writes its frames
//! itself (RFC 9113 §4), to do what no good server does.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use opcall::{Harness, Profile};
use rustls::{ServerConnection, StreamOwned};

use crate::support::builder;
use crate::tls::{Way, authority};

const DOCUMENT: &str = r#"{
  "openapi": "3.1.0", "info": {"title": "two", "version": "1"}, "x-service": "two",
  "paths": {"/things": {"get": {"operationId": "get"}, "post": {"operationId": "post"}}}
}"#;

fn harness(address: SocketAddr) -> Harness {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), DOCUMENT).unwrap();
    let profile = Profile::new().base_url(format!("https://{address}"));
    let builder = builder().spec(file.path()).profile("two", profile);
    builder.root_certificates(&authority().pem).build().unwrap()
}

fn offering(protocols: &'static [&'static str]) -> Way {
    Way { protocols, ..Way::good() }
}

/// The `h2` crate's server: it answers requests when so many of them are there.
struct Multiplexing {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    names: Arc<Mutex<Vec<String>>>,
}

impl Multiplexing {
    async fn start(together: usize) -> Self {
        let config = offering(&["h2", "http/1.1"]).config();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, names) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<String>>>::default());
        let (count, seen) = (Arc::clone(&connections), Arc::clone(&names));
        let barrier = Arc::new(tokio::sync::Barrier::new(together));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(&config));
                let (barrier, seen) = (Arc::clone(&barrier), Arc::clone(&seen));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(socket).await else { return };
                    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
                    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                    while let Some(Ok((request, mut respond))) = connection.accept().await {
                        seen.lock().unwrap().extend(request.headers().keys().map(ToString::to_string));
                        let barrier = Arc::clone(&barrier);
                        tokio::spawn(async move {
                            barrier.wait().await;
                            let _ = respond.send_response(http::Response::new(()), true);
                        });
                    }
                });
            }
        });
        Self { address, connections, names }
    }
}

async fn call_together(harness: &Harness, count: usize) {
    let calls: Vec<_> = (0..count)
        .map(|number| {
            let harness = harness.clone();
            tokio::spawn(async move {
                let operation = if number % 2 == 0 { "get" } else { "post" };
                harness.command(operation, ()).header("X-Number", number.to_string()).await.unwrap().status()
            })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_use_a_connection_that_is_there_also_a_hundred_at_once() {
    let first = Multiplexing::start(1).await;
    let harness_of_one = harness(first.address);
    for _ in 0..100 {
        call_together(&harness_of_one, 1).await;
    }
    assert_eq!(first.connections.load(Ordering::SeqCst), 1, "one after the other");

    // No answer comes before all hundred requests are there, so they are under way at once.
    let server = Multiplexing::start(100).await;
    let harness = harness(server.address);
    call_together(&harness, 100).await;
    let burst = server.connections.load(Ordering::SeqCst);
    for _ in 0..5 {
        call_together(&harness, 100).await;
    }
    let connections = server.connections.load(Ordering::SeqCst);
    assert_eq!(connections, burst, "no further connection once there is one");
    eprintln!(
        "HTTP/2: 600 calls, 100 at once: {burst} connections in the first burst, {} after",
        connections - burst
    );
    assert!(server.names.lock().unwrap().iter().all(|name| *name == name.to_ascii_lowercase()));
    assert!(server.names.lock().unwrap().contains(&"x-number".to_owned()));
}

/// What the server of frames does with a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    /// 200 without a body.
    Answer,
    /// `RST_STREAM` with `REFUSED_STREAM`: the request was not processed (RFC 9113 §8.7).
    Refuse,
    /// `GOAWAY` that names no processed stream, and the end: the request was not processed either (§6.8).
    Leave,
    /// 200, then `GOAWAY` without the end of the connection.
    AnswerAndLeave,
}

/// A server of frames; it acts by the number of the request, over all connections.
pub(crate) struct Frames {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Frames {
    pub(crate) fn start(act: impl Fn(usize) -> Act + Send + Sync + 'static) -> Self {
        let config = offering(&["h2"]).config();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, requests) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (count, number) = (Arc::clone(&connections), Arc::clone(&requests));
        let act = Arc::new(act);
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::SeqCst);
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let (act, number) = (Arc::clone(&act), Arc::clone(&number));
                thread::spawn(move || frames(StreamOwned::new(connection, socket), &*act, &number));
            }
        });
        Self { address, connections, requests }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// A frame of at most 255 bytes.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[0, 0, length, kind, flags][..], &stream.to_be_bytes(), payload].concat()
}

fn frames(
    mut stream: StreamOwned<ServerConnection, TcpStream>,
    act: &(dyn Fn(usize) -> Act + Send + Sync),
    number: &AtomicUsize,
) -> io::Result<()> {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface)?;
    stream.write_all(&frame(4, 0, 0, &[]))?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let [a, b, c, kind, flags, id @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload)?;
        let id = u32::from_be_bytes(id);
        match (kind, flags & 1) {
            // SETTINGS and PING are acknowledged.
            (4, 0) => stream.write_all(&frame(4, 1, 0, &[]))?,
            (6, 0) => stream.write_all(&frame(6, 1, 0, &payload))?,
            // HEADERS: a request.
            (1, _) => {
                let answer = frame(1, 5, id, &[0x88]);
                match act(number.fetch_add(1, Ordering::SeqCst)) {
                    Act::Answer => stream.write_all(&answer)?,
                    Act::Refuse => stream.write_all(&frame(3, 0, id, &7_u32.to_be_bytes()))?,
                    Act::Leave => {
                        stream.write_all(&frame(7, 0, 0, &[0; 8]))?;
                        stream.conn.send_close_notify();
                        return stream.flush();
                    }
                    Act::AnswerAndLeave => {
                        let last = [id.to_be_bytes(), [0; 4]].concat();
                        stream.write_all(&[answer, frame(7, 0, 0, &last)].concat())?;
                    }
                }
            }
            _ => {}
        }
        stream.flush()?;
    }
}

#[tokio::test]
async fn a_server_that_leaves_after_its_answer_is_called_again_on_another_connection() {
    let server = Frames::start(|_| Act::AnswerAndLeave);
    let harness = harness(server.address);
    for _ in 0..5 {
        assert_eq!(harness.command("post", ()).await.unwrap().status(), 200);
        // The frame that says so comes after the answer.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!((server.connections(), server.requests()), (5, 5));
    let server = Frames::start(|_| Act::Answer);
    let harness = self::harness(server.address);
    for _ in 0..5 {
        assert_eq!(harness.command("post", ()).await.unwrap().status(), 200);
    }
    assert_eq!((server.connections(), server.requests()), (1, 5));
}

#[tokio::test]
async fn a_request_that_was_turned_away_does_not_spoil_the_next() {
    for act in [Act::Refuse, Act::Leave] {
        let server = Frames::start(move |number| if number == 0 { act } else { Act::Answer });
        let harness = harness(server.address);
        // Whether it was repeated is the business of the loop of attempts.
        let first = harness.command("post", ()).await;
        assert_eq!(harness.command("post", ()).await.unwrap().status(), 200, "{act:?}: {first:?}");
        assert_eq!(server.requests(), 2 + usize::from(first.is_ok()), "{act:?}");
    }
}

#[tokio::test]
async fn a_server_without_http2_is_spoken_to_by_http_1() {
    for protocols in [&["http/1.1"][..], &[]] {
        let server = offering(protocols).start();
        assert_eq!(harness(server.address).command("get", ()).await.unwrap().status(), 200);
        assert!(server.heads()[0].starts_with("GET /things HTTP/1.1\r\n"), "{:?}", server.heads());
    }
}
