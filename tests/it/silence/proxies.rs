//! Proxies that want a password: they pass on what they are given, or repeat the password in every part of an answer,
//! break off, stand still.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::search::secret;
use super::servers::{repeating, said};
use super::stage::{listen, read_request, runtime, written};
use crate::support::Received;

/// What a proxy does with requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// It passes them on.
    Passing,
    /// It answers with a status, and repeats in the reason, in headers and in the body what it was told.
    Repeating(u16),
    Closing,
    Garbage,
    Stalled,
}

/// A proxy until the process ends. Whoever asks it has to know its password.
pub(super) struct Proxy {
    address: SocketAddr,
    known: Arc<AtomicUsize>,
}

/// The password as it stands in a proxy's URL.
const PASSWORD: &str = "cAnary%2F%2B%3DzQ7w~x.proxy";

impl Proxy {
    pub(super) fn http(service: Service) -> Self {
        Self::open(move |socket, known| http(socket, service, known))
    }

    /// SOCKS5 with user name and password (RFC 1928, RFC 1929).
    pub(super) fn socks(service: Service) -> Self {
        Self::open(move |socket, known| socks(socket, service, known))
    }

    fn open<F>(serve: impl Fn(TcpStream, Arc<AtomicUsize>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = listen();
        let address = listener.local_addr().unwrap();
        let known = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&known);
        runtime().spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((socket, _)) = listener.accept().await {
                // A client that goes away early is its own affair.
                tokio::spawn(serve(socket, Arc::clone(&count)));
            }
        });
        Self { address, known }
    }

    pub(super) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://user:{PASSWORD}@{}", self.address)
    }

    /// So many times it was told the password.
    pub(super) fn known(&self) -> usize {
        self.known.load(Ordering::SeqCst)
    }
}

async fn http(socket: TcpStream, service: Service, known: Arc<AtomicUsize>) -> io::Result<()> {
    let mut socket = BufReader::new(socket);
    let Some(request) = read_request(&mut socket).await else { return Ok(()) };
    let expected = format!("Basic {}", BASE64.encode(format!("user:{}", secret("proxy"))));
    if request.header("proxy-authorization") != Some(&expected) {
        return socket.write_all(b"HTTP/1.1 407 Unknown\r\ncontent-length: 0\r\n\r\n").await;
    }
    known.fetch_add(1, Ordering::SeqCst);
    match service {
        Service::Passing if request.method == "CONNECT" => {
            let mut onward = TcpStream::connect(&request.target).await?;
            socket.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
            copy_bidirectional(&mut socket, &mut onward).await.map(drop)
        }
        Service::Passing => forward(&mut socket, &request).await,
        Service::Repeating(status) => {
            let said = said(&request);
            let mut reply = repeating(status, &said, false);
            reply.headers.push(("proxy-authenticate", format!("Basic realm=\"{said}\"")));
            let text = String::from_utf8(written(&reply)).unwrap();
            socket.write_all(text.replacen("Status", &said, 1).as_bytes()).await
        }
        Service::Closing => Ok(()),
        Service::Garbage => socket.write_all(format!("{}\r\n\r\n", said(&request)).as_bytes()).await,
        Service::Stalled => socket.read_to_end(&mut Vec::new()).await.map(drop),
    }
}

/// Asks the server itself, and hands back what it says.
async fn forward(socket: &mut BufReader<TcpStream>, request: &Received) -> io::Result<()> {
    let whole = request.target.strip_prefix("http://").unwrap_or_default();
    let (authority, path) = whole.split_once('/').unwrap_or((whole, ""));
    let mut onward = TcpStream::connect(authority).await?;
    let mut head = format!("{} /{path} HTTP/1.1\r\nconnection: close\r\n", request.method);
    for (name, value) in request.headers.iter().filter(|(name, _)| !name.starts_with("proxy-")) {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    onward.write_all(format!("{head}\r\n").as_bytes()).await?;
    onward.write_all(&request.body).await?;
    let mut answer = Vec::new();
    onward.read_to_end(&mut answer).await?;
    socket.write_all(&answer).await
}

async fn socks(mut socket: TcpStream, service: Service, known: Arc<AtomicUsize>) -> io::Result<()> {
    sized(&mut socket, 1).await?;
    socket.write_all(&[5, 2]).await?;
    let user = sized(&mut socket, 1).await?;
    let password = sized(&mut socket, 0).await?;
    let is_known = user == b"user" && password == secret("proxy").as_bytes();
    known.fetch_add(usize::from(is_known), Ordering::SeqCst);
    match service {
        Service::Passing => socket.write_all(&[1, u8::from(!is_known)]).await?,
        // It does not accept them, and says more than it is asked to.
        _ => return socket.write_all(&[&[1, 1][..], &password].concat()).await,
    }
    let mut request = [0; 10];
    socket.read_exact(&mut request).await?;
    let port = u16::from_be_bytes([request[8], request[9]]);
    let mut onward = TcpStream::connect(("127.0.0.1", port)).await?;
    socket.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    copy_bidirectional(&mut socket, &mut onward).await.map(drop)
}

/// So many bytes that are passed over, a length, and so many bytes.
async fn sized(socket: &mut TcpStream, before: usize) -> io::Result<Vec<u8>> {
    let mut head = vec![0; before + 1];
    socket.read_exact(&mut head).await?;
    let mut bytes = vec![0; usize::from(head[before])];
    socket.read_exact(&mut bytes).await?;
    Ok(bytes)
}
