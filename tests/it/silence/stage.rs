//! Where servers stand: plain, behind TLS with HTTP/1.1 or HTTP/2, wanting client certificates, and with doors on which
//! every TLS handshake breaks off. They run on a thread of their own, so that what they log is not counted.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use rustls::{ServerConfig, ServerConnection};
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
    BufReader,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use super::servers::{End, Manner, Reply};
use crate::support::Received;
use crate::tls::{Authority, Way, authority};

/// How a server lets connections in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Plain,
    Tls {
        http2: bool,
        clients: Clients,
    },
    /// Its certificate is of an authority that nobody knows.
    Foreign,
    /// It closes, or answers without TLS, or in the middle of the handshake; or it stands still.
    Closing,
    Garbage,
    Half,
    Stalled,
}

/// Whose client certificates are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clients {
    Any,
    Known,
    Strange,
}

/// A server until the process ends.
#[derive(Clone)]
pub(super) struct Stage {
    address: SocketAddr,
    scheme: &'static str,
    heard: Arc<Heard>,
}

#[derive(Default)]
struct Heard {
    count: AtomicUsize,
    /// The first requests, as text.
    texts: Mutex<String>,
}

/// The runtime of all servers and proxies.
pub(super) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    })
}

/// A free port of this machine, for that runtime.
pub(super) fn listen() -> std::net::TcpListener {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

fn elsewhere() -> &'static Authority {
    static ELSEWHERE: OnceLock<Authority> = OnceLock::new();
    ELSEWHERE.get_or_init(|| Authority::new("elsewhere"))
}

fn config(door: Door) -> Option<Arc<ServerConfig>> {
    let Door::Tls { http2, clients } = door else {
        let is_foreign = door == Door::Foreign;
        let identity = || elsewhere().sign("127.0.0.1", 3000);
        return match door {
            Door::Half => Some(Way::good().config()),
            _ => is_foreign.then(|| Way::new(identity()).config()),
        };
    };
    let clients = match clients {
        Clients::Any => None,
        Clients::Known => Some(authority()),
        Clients::Strange => Some(elsewhere()),
    };
    let protocols: &[&str] = if http2 { &["h2"] } else { &["http/1.1"] };
    Some(Way { clients, protocols, ..Way::good() }.config())
}

impl Stage {
    pub(super) fn open(door: Door, manner: Manner) -> Self {
        let listener = listen();
        let scheme = if door == Door::Plain { "http" } else { "https" };
        let stage = Self { address: listener.local_addr().unwrap(), scheme, heard: Arc::default() };
        let (here, config) = (stage.clone(), config(door));
        runtime().spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((socket, _)) = listener.accept().await {
                // A client that goes away early is its own affair.
                tokio::spawn(serve(here.clone(), door, manner, config.clone(), socket));
            }
        });
        stage
    }

    pub(super) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Whether a text came in one of the first requests.
    pub(super) fn heard(&self, text: &str) -> bool {
        self.heard.texts.lock().unwrap().contains(text)
    }

    pub(super) fn count(&self) -> usize {
        self.heard.count.load(Ordering::SeqCst)
    }

    fn answer(&self, manner: Manner, request: &Received) -> (Reply, usize) {
        let before = self.heard.count.fetch_add(1, Ordering::SeqCst);
        if before < 300 {
            let mut texts = self.heard.texts.lock().unwrap();
            let Received { method, target, headers, .. } = request;
            writeln!(texts, "{method} {target} {headers:?} {}", request.text()).unwrap();
        }
        (manner.answer(request, &self.url(), before), before)
    }
}

async fn serve(
    stage: Stage,
    door: Door,
    manner: Manner,
    config: Option<Arc<ServerConfig>>,
    mut socket: TcpStream,
) {
    match (door, config) {
        (Door::Half, Some(config)) => half(&mut socket, config).await,
        (Door::Plain, _) => speak(&stage, manner, socket).await,
        (_, Some(config)) => {
            let Ok(stream) = TlsAcceptor::from(config).accept(socket).await else { return };
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                speak_http2(stage, manner, stream).await;
            } else {
                speak(&stage, manner, stream).await;
            }
        }
        (Door::Garbage, None) => {
            let _ = socket.read(&mut [0; 512]).await;
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        }
        (Door::Stalled, None) => {
            let _ = socket.read_to_end(&mut Vec::new()).await;
        }
        _ => {}
    }
}

/// Sends the first half of a real answer to a handshake.
async fn half(socket: &mut TcpStream, config: Arc<ServerConfig>) {
    let mut bytes = vec![0; 4096];
    let Ok(length) = socket.read(&mut bytes).await else { return };
    let mut connection = ServerConnection::new(config).unwrap();
    connection.read_tls(&mut &bytes[..length]).unwrap();
    let _ = connection.process_new_packets();
    let mut answer = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut answer).unwrap();
    }
    let _ = socket.write_all(&answer[..answer.len() / 2]).await;
}

/// HTTP/1.1 on any stream.
async fn speak(stage: &Stage, manner: Manner, stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream).await {
        let (reply, _) = stage.answer(manner, &request);
        tokio::time::sleep(reply.wait).await;
        if reply.end == End::None {
            return;
        }
        let bytes = written(&reply);
        let bytes = if reply.end == End::Torn { &bytes[..bytes.len() - 2] } else { &bytes[..] };
        let is_last = reply.end == End::Torn || request.header("connection") == Some("close");
        if stream.write_all(bytes).await.is_err() || stream.flush().await.is_err() || is_last {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

/// An answer of HTTP/1.1.
pub(super) fn written(reply: &Reply) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} Status\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
    for (name, value) in &reply.headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    format!("{head}\r\n{}", reply.body).into_bytes()
}

pub(super) async fn read_request(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<Received> {
    let line = read_line(stream).await?;
    let mut words = line.split(' ');
    let mut request = Received {
        method: words.next()?.to_owned(),
        target: words.next()?.to_owned(),
        ..Received::default()
    };
    while let Some((name, value)) = read_line(stream).await?.split_once(':') {
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    request.body = vec![0; length];
    stream.read_exact(&mut request.body).await.ok()?;
    Some(request)
}

async fn read_line(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line).await.ok().filter(|read| *read > 0)?;
    Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
}

async fn speak_http2(stage: Stage, manner: Manner, stream: impl AsyncRead + AsyncWrite + Unpin) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::spawn(answer_http2(stage.clone(), manner, request, respond));
    }
}

async fn answer_http2(
    stage: Stage,
    manner: Manner,
    request: http::Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
) {
    let mut received = Received {
        method: request.method().to_string(),
        target: request.uri().path_and_query().map(ToString::to_string).unwrap_or_default(),
        ..Received::default()
    };
    for (name, value) in request.headers() {
        received.headers.push((name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    }
    let mut body = request.into_body();
    while let Some(Ok(bytes)) = body.data().await {
        let _ = body.flow_control().release_capacity(bytes.len());
        received.body.extend(bytes);
    }
    let (reply, before) = stage.answer(manner, &received);
    tokio::time::sleep(reply.wait).await;
    if reply.end == End::None {
        let reasons = [h2::Reason::REFUSED_STREAM, h2::Reason::INTERNAL_ERROR, h2::Reason::PROTOCOL_ERROR];
        return respond.send_reset(reasons[before % 3]);
    }
    let mut head = http::Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        head = head.header(*name, value);
    }
    let is_torn = reply.end == End::Torn;
    let Ok(mut sending) = respond.send_response(head.body(()).unwrap(), false) else { return };
    let _ = sending.send_data(Bytes::from(reply.body), !is_torn);
    if is_torn {
        sending.send_reset(h2::Reason::INTERNAL_ERROR);
    }
}
