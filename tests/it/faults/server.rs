//! A server on raw TCP that fails on purpose: it reads each request to its end, then does what its script says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

/// What happens to a request after it was read.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// These bytes are the answer; the connection stays open.
    Answer(Vec<u8>),
    /// These bytes come, then the connection ends in good order.
    Close(Vec<u8>),
    /// These bytes come, then the connection is reset.
    Reset(Vec<u8>),
    /// These bytes come, then nothing more.
    Stall(Vec<u8>),
}

/// One request as it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arrived {
    pub(crate) method: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Arrived {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

type Script = dyn Fn(usize, &Arrived) -> Act + Send + Sync;

/// A server for one call.
pub(crate) struct FaultServer {
    address: SocketAddr,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    accepting: JoinHandle<()>,
}

impl FaultServer {
    /// Starts a server; the script is given how many requests came before.
    pub(crate) async fn start(script: impl Fn(usize, &Arrived) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let arrived: Arc<Mutex<Vec<Arrived>>> = Arc::default();
        let (seen, script): (_, Arc<Script>) = (Arc::clone(&arrived), Arc::new(script));
        let accepting = tokio::spawn(async move {
            let mut serving = tokio::task::JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                serving.spawn(serve(connection, Arc::clone(&seen), Arc::clone(&script)));
            }
        });
        Self { address, arrived, accepting }
    }

    /// Where it is, with another scheme than http where one is given.
    pub(crate) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    /// The requests that were read to their end.
    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(connection: TcpStream, arrived: Arc<Mutex<Vec<Arrived>>>, script: Arc<Script>) {
    let mut connection = BufReader::new(connection);
    while let Some(request) = read(&mut connection).await {
        let before = {
            let mut arrived = arrived.lock().unwrap();
            arrived.push(request.clone());
            arrived.len() - 1
        };
        let act = script(before, &request);
        let (Act::Answer(bytes) | Act::Close(bytes) | Act::Reset(bytes) | Act::Stall(bytes)) = &act;
        if connection.get_mut().write_all(bytes).await.is_err() {
            return;
        }
        match act {
            Act::Answer(_) => {}
            Act::Close(_) => return,
            Act::Reset(_) => return connection.get_mut().set_zero_linger().unwrap(),
            Act::Stall(_) => std::future::pending().await,
        }
    }
}

/// Reads one request to its end; `None` where the connection ends before.
async fn read(connection: &mut BufReader<TcpStream>) -> Option<Arrived> {
    let line = read_line(connection).await?;
    let mut request =
        Arrived { method: line.split(' ').next().unwrap_or_default().to_owned(), ..Arrived::default() };
    loop {
        let line = read_line(connection).await?;
        let Some((name, value)) = line.split_once(':') else { break };
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    if request.header("transfer-encoding").is_some() {
        loop {
            let size = usize::from_str_radix(&read_line(connection).await?, 16).ok()?;
            request.body.extend(read_exact(connection, size).await?);
            read_line(connection).await?;
            if size == 0 {
                return Some(request);
            }
        }
    }
    let length = request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    request.body = read_exact(connection, length).await?;
    Some(request)
}

async fn read_line(connection: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = Vec::new();
    connection.read_until(b'\n', &mut line).await.ok().filter(|read| *read > 0)?;
    Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
}

async fn read_exact(connection: &mut BufReader<TcpStream>, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    connection.read_exact(&mut bytes).await.ok()?;
    Some(bytes)
}

/// An address at which a connection is neither made nor refused: its queue is full, and nobody takes anybody out.
pub(crate) struct FullQueue {
    port: u16,
    _listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl FullQueue {
    pub(crate) async fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("0.0.0.0:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut waiting = Vec::new();
        loop {
            let connecting = TcpStream::connect(("127.0.0.1", port));
            match tokio::time::timeout(Duration::from_millis(300), connecting).await {
                Ok(connection) => waiting.push(connection.unwrap()),
                Err(_) => return Self { port, _listener: listener, _waiting: waiting },
            }
            assert!(waiting.len() < 16, "the queue takes everybody");
        }
    }

    /// One of many origins at it.
    pub(crate) fn url(&self, number: usize) -> String {
        format!("http://127.1.{}.{}:{}", number / 250, number % 250 + 1, self.port)
    }
}

/// A listener that takes a connection, waits for its first byte and closes it: a handshake that is cut.
pub(crate) async fn cut_handshakes() -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let accepting = tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut hello = [0; 4096];
                // Whatever came of it, the connection ends here.
                let _ = connection.read(&mut hello).await;
            });
        }
    });
    (url, accepting)
}
