//! Proxies on raw sockets: one that speaks HTTP, one that speaks SOCKS5. Whatever host is asked for, they connect to
//! the one server that they were given.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::tls::Identity;

/// How a proxy behaves.
#[derive(Clone, Default)]
pub(super) struct Manners {
    /// What it wants to know of its user: `USER:PASSWORD`.
    pub(super) user: Option<&'static str>,
    /// In place of a tunnel it answers this, and closes.
    pub(super) answer: Option<&'static [u8]>,
}

/// A proxy that runs until the test ends.
pub(super) struct ProxyServer {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

type Seen = Arc<Mutex<Vec<String>>>;

type Encrypted = StreamOwned<ServerConnection, TcpStream>;

impl ProxyServer {
    fn start(handle: impl Fn(TcpStream, &Seen) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Seen::default();
        let (handle, all) = (Arc::new(handle), Arc::clone(&seen));
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let (handle, seen) = (Arc::clone(&handle), Arc::clone(&all));
                // A client that goes away early is its own affair.
                thread::spawn(move || handle(socket, &seen));
            }
        });
        Self { address, seen }
    }

    /// A proxy that speaks HTTP.
    pub(super) fn http(backend: SocketAddr, manners: Manners) -> Self {
        Self::start(move |socket, seen| {
            let reader = socket.try_clone()?;
            http(reader, socket, backend, &manners, seen)
        })
    }

    /// A proxy that speaks HTTP by TLS. It takes requests for http alone.
    pub(super) fn https(backend: SocketAddr, identity: &Identity) -> Self {
        Self::by_tls(identity, move |stream, head| {
            let mut onward = TcpStream::connect(backend)?;
            onward.write_all(forwarded(head).as_bytes())?;
            let mut answer = Vec::new();
            onward.read_to_end(&mut answer)?;
            stream.write_all(&answer)?;
            stream.conn.send_close_notify();
            stream.flush()
        })
    }

    /// One that falls out of TLS when it has read a request.
    pub(super) fn falling_out(identity: &Identity) -> Self {
        Self::by_tls(identity, |stream, _| {
            stream.sock.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")?;
            stream.sock.shutdown(Shutdown::Write)?;
            stream.sock.read_to_end(&mut Vec::new()).map(|_| ())
        })
    }

    fn by_tls(
        identity: &Identity,
        handle: impl Fn(&mut Encrypted, &str) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let chain = vec![CertificateDer::from_pem_slice(identity.chain.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_no_client_auth().with_single_cert(chain, key);
        let config = Arc::new(config.unwrap());
        Self::start(move |socket, seen| {
            let connection = ServerConnection::new(Arc::clone(&config)).map_err(io::Error::other)?;
            let mut stream = StreamOwned::new(connection, socket);
            let head = read_head(&mut stream)?;
            seen.lock().unwrap().push(head.clone());
            handle(&mut stream, &head)
        })
    }

    /// A proxy that speaks SOCKS5 (RFC 1928, RFC 1929). It records methods, user and address of each connection.
    pub(super) fn socks(backend: SocketAddr, manners: Manners) -> Self {
        Self::start(move |socket, seen| socks(socket, backend, &manners, seen))
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, with what stands before the host.
    pub(super) fn url(&self, scheme: &str, user: &str) -> String {
        format!("{scheme}://{user}{}", self.address)
    }

    /// What it saw: heads of requests, or what was said in SOCKS.
    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// A head up to its empty line; nothing after it is read.
fn read_head(stream: &mut impl Read) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    String::from_utf8(head).map_err(io::Error::other)
}

/// The head for the server itself: the path alone, and nothing that was for the proxy.
fn forwarded(head: &str) -> String {
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.splitn(4, '/').nth(3).unwrap_or_default();
    let kept = lines.filter(|line| !line.to_ascii_lowercase().starts_with("proxy-"));
    let kept: Vec<_> = kept.filter(|line| !line.is_empty()).collect();
    format!("{method} /{path} HTTP/1.1\r\n{}\r\nconnection: close\r\n\r\n", kept.join("\r\n"))
}

fn http(
    mut reader: TcpStream,
    mut socket: TcpStream,
    backend: SocketAddr,
    manners: &Manners,
    seen: &Seen,
) -> io::Result<()> {
    let head = read_head(&mut reader)?;
    seen.lock().unwrap().push(head.clone());
    let given = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("proxy-authorization").then(|| value.to_owned())
    });
    let wanted = manners.user.map(|user| {
        use base64::Engine as _;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(user))
    });
    if wanted.is_some() && given != wanted {
        let head = "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"p\"\r\n";
        return socket.write_all(format!("{head}content-length: 2\r\n\r\nno").as_bytes());
    }
    if let Some(answer) = manners.answer {
        return socket.write_all(answer);
    }
    let mut onward = TcpStream::connect(backend)?;
    if head.starts_with("CONNECT ") {
        socket.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
        return pass(reader, socket, &onward);
    }
    onward.write_all(forwarded(&head).as_bytes())?;
    let mut answer = Vec::new();
    onward.read_to_end(&mut answer)?;
    socket.write_all(&answer)
}

/// Hands bytes on in both directions until both sides have ended.
fn pass(mut reader: TcpStream, mut socket: TcpStream, onward: &TcpStream) -> io::Result<()> {
    let (mut to, mut from) = (onward.try_clone()?, onward.try_clone()?);
    let there = thread::spawn(move || {
        let _ = io::copy(&mut reader, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let _ = io::copy(&mut from, &mut socket);
    let _ = socket.shutdown(Shutdown::Write);
    there.join().map_err(|_| io::Error::other("the other direction failed"))
}

fn socks(mut socket: TcpStream, backend: SocketAddr, manners: &Manners, seen: &Seen) -> io::Result<()> {
    let methods = sized(&mut socket, 1)?;
    let method = if manners.user.is_some() { 2 } else { 0 };
    if !methods.contains(&method) {
        return socket.write_all(&[5, 0xff]);
    }
    socket.write_all(&[5, method])?;
    let mut told = String::new();
    if let Some(user) = manners.user {
        let name = sized(&mut socket, 1)?;
        let password = sized(&mut socket, 0)?;
        told = format!("{}:{} ", String::from_utf8_lossy(&name), String::from_utf8_lossy(&password));
        let is_good = told.trim_end() == user;
        socket.write_all(&[1, u8::from(!is_good)])?;
        if !is_good {
            return Ok(());
        }
    }
    let mut request = [0; 4];
    socket.read_exact(&mut request)?;
    let host = match request[3] {
        1 => {
            let mut address = [0; 4];
            socket.read_exact(&mut address)?;
            std::net::Ipv4Addr::from(address).to_string()
        }
        3 => format!("name {}", String::from_utf8_lossy(&sized(&mut socket, 0)?)),
        other => return Err(io::Error::other(format!("address type {other}"))),
    };
    let mut port = [0; 2];
    socket.read_exact(&mut port)?;
    seen.lock().unwrap().push(format!("{told}{host} port {}", u16::from_be_bytes(port)));
    if let Some(answer) = manners.answer {
        return socket.write_all(answer);
    }
    socket.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    pass(socket.try_clone()?, socket, &TcpStream::connect(backend)?)
}

/// So many bytes that are passed over, a length, and so many bytes.
fn sized(socket: &mut TcpStream, before: usize) -> io::Result<Vec<u8>> {
    let mut head = vec![0; before + 1];
    socket.read_exact(&mut head)?;
    let mut bytes = vec![0; usize::from(head[before])];
    socket.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// An address where nobody listens.
pub(super) fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
