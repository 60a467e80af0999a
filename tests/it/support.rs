//! A scripted HTTP server on a real socket: it records what came, byte for byte, and answers as told. A server that
//! was never called fails its test when it is dropped, unless it said that silence is fine.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use opcall::{Credentials, Harness, HarnessBuilder, Profile};

/// One request as it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Received {
    pub(crate) method: String,
    /// The request target, as it stood on the request line.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What the server does with a request.
pub(crate) struct Reply {
    bytes: Vec<u8>,
    wait: Duration,
    close: bool,
}

impl Reply {
    /// Exactly these bytes, then the connection is closed.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), wait: Duration::ZERO, close: true }
    }

    /// Exactly these bytes, and nothing more while the connection stays open.
    pub(crate) fn open(bytes: impl Into<Vec<u8>>) -> Self {
        Self { close: false, ..Self::raw(bytes) }
    }

    /// A whole answer; `headers` are lines.
    pub(crate) fn whole(status: u16, headers: &[&str], body: &str) -> Self {
        let mut head = format!("HTTP/1.1 {status} Status\r\ncontent-length: {}\r\n", body.len());
        for line in headers {
            head.push_str(line);
            head.push_str("\r\n");
        }
        Self { bytes: format!("{head}\r\n{body}").into_bytes(), wait: Duration::ZERO, close: false }
    }

    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::whole(status, &["content-type: application/json"], body)
    }

    /// A token endpoint's answer, as the service with region discovery gives it.
    pub(crate) fn token(token: &str, expires_in: u64) -> Self {
        Self::json(
            201,
            &format!(r#"{{"access_token":"{token}","token_type":"bearer","expires_in":{expires_in}}}"#),
        )
    }

    pub(crate) fn after(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }
}

type Answering = dyn Fn(&Received, usize) -> Reply + Send + Sync;

/// A server for one test.
pub(crate) struct Server {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    may_be_silent: bool,
    stopped: Arc<AtomicBool>,
}

impl Server {
    /// Starts a server that answers each request by `answer`, which also gets the number of requests before it.
    pub(crate) fn start(answer: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::with(Arc::new(answer))
    }

    fn with(answer: Arc<Answering>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let stopped = Arc::new(AtomicBool::new(false));
        let (seen, end) = (Arc::clone(&received), Arc::clone(&stopped));
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                let serving = thread::Builder::new().stack_size(256 * 1024);
                serving.spawn(move || serve(connection, &seen, &*answer)).unwrap();
            }
        });
        Self { address, received, may_be_silent: false, stopped }
    }

    /// A server that no request should reach.
    pub(crate) fn sink() -> Self {
        Self::start(|_, _| Reply::json(200, "{}")).quiet()
    }

    /// The same server, for which silence is fine.
    pub(crate) fn quiet(mut self) -> Self {
        self.may_be_silent = true;
        self
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// How many requests came for a path.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.received().iter().filter(|one| one.target.split('?').next() == Some(path)).count()
    }

    /// The only request that came for a path.
    pub(crate) fn only(&self, path: &str) -> Received {
        let all = self.received();
        let mut found: Vec<_> = all.iter().filter(|one| one.target.split('?').next() == Some(path)).collect();
        assert_eq!(found.len(), 1, "{path} in {all:?}");
        found.remove(0).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then ends.
        let _ = TcpStream::connect(self.address);
        if !self.may_be_silent && !thread::panicking() {
            assert!(!self.received.lock().unwrap().is_empty(), "the server was never called");
        }
    }
}

fn serve(connection: TcpStream, received: &Mutex<Vec<Received>>, answer: &Answering) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let mut connection = connection;
    while let Some(request) = read_request(&mut reader) {
        let before = {
            let mut received = received.lock().unwrap();
            received.push(request.clone());
            received.len() - 1
        };
        let reply = answer(&request, before);
        thread::sleep(reply.wait);
        if connection.write_all(&reply.bytes).is_err() || reply.close {
            return;
        }
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Received> {
    let line = read_line(reader)?;
    let mut words = line.split(' ');
    let mut request = Received {
        method: words.next()?.to_owned(),
        target: words.next()?.to_owned(),
        ..Received::default()
    };
    loop {
        let line = read_line(reader)?;
        let Some((name, value)) = line.split_once(':') else { break };
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    if request.header("transfer-encoding").is_some() {
        while let Some(size) = read_line(reader).and_then(|line| usize::from_str_radix(&line, 16).ok()) {
            request.body.extend(read_exact(reader, size)?);
            read_line(reader)?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = request.header("content-length").and_then(|text| text.parse().ok()) {
        request.body = read_exact(reader, length)?;
    }
    Some(request)
}

fn read_line(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).ok().filter(|read| *read > 0)?;
    Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
}

fn read_exact(reader: &mut BufReader<TcpStream>, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

/// Client credentials as every test of the token flow has them.
pub(crate) fn client() -> Credentials {
    Credentials::new().client("id", "s&cret")
}

/// A harness whose service with the token flow has one region: the server. A region is no explicit base URL.
pub(crate) fn in_region(server: &Server) -> HarnessBuilder {
    builder()
        .regions("falcon", [("us-1", server.url())])
        .profile("falcon", Profile::new().credentials(client()))
}

/// A harness that knows no environment.
pub(crate) fn builder() -> HarnessBuilder {
    Harness::builder().env(|_| None).no_proxy()
}

/// How many times a proof runs: few by default, all of them where `OPCALL_PROOF` is `full`.
#[allow(dead_code, reason = "not every set of features has proofs")]
pub(crate) fn proof(short: usize, full: usize) -> usize {
    if std::env::var_os("OPCALL_PROOF").is_some_and(|wish| wish == "full") { full } else { short }
}
