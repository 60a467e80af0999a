//! A server that costs as little as a server can: one thread for all connections, and the same answer to every request
//! but the one for an access token.
//!
//! It is a process of its own, so that its instructions are not counted among the client's.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::clock;

/// What a list of installation tokens looks like, some hundred bytes of it.
const BODY: &str = r#"{"meta":{"query_time":0.002,"pagination":{"offset":0,"limit":5,"total":2},"trace_id":"7d1cb4c2-7b3c-4e1f-9d0c-0c8e9a3b5a11"},"resources":["0d6ae4ce0f5b4d5f8a8c7f7e6b5a4d3c","9f8e7d6c5b4a39281706f5e4d3c2b1a0"],"errors":[]}"#;

/// What a request for an access token gets.
const TOKEN: &str = r#"{"access_token":"a-token-of-some-length-0123456789abcdef0123456789","token_type":"bearer","expires_in":1799}"#;

/// Serves until standard input ends, after a line that says where.
pub(crate) fn serve() {
    clock::pin(0);
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{}", listener.local_addr().expect("an address"));
        std::io::stdout().flush().expect("a reader");
        loop {
            if let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(answer(connection));
            }
        }
    });
}

async fn answer(mut connection: TcpStream) {
    let (list, token) = (written("200 OK", BODY), written("201 Created", TOKEN));
    let _ = connection.set_nodelay(true);
    let mut bytes = vec![0; 16 * 1024];
    let mut filled = 0;
    while let Ok(read) = connection.read(&mut bytes[filled..]).await {
        if read == 0 {
            return;
        }
        filled += read;
        while let Some(length) = whole(&bytes[..filled]) {
            let answer = if bytes.starts_with(b"POST /oauth2/token ") { &token } else { &list };
            if connection.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
            bytes.copy_within(length..filled, 0);
            filled -= length;
        }
    }
}

fn written(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// The length of the request that these bytes begin with, when all of it is there.
fn whole(bytes: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"\r\ncontent-length:";
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let field = bytes[..head].windows(NAME.len()).position(|name| name.eq_ignore_ascii_case(NAME));
    let body = field.map_or(0, |at| {
        let value = bytes[at + NAME.len()..head].split(|byte| *byte == b'\r').next().unwrap_or_default();
        std::str::from_utf8(value).ok().and_then(|value| value.trim().parse().ok()).unwrap_or_default()
    });
    let length = head + 4 + body;
    (bytes.len() >= length).then_some(length)
}

/// A server that ends with this value.
pub(crate) struct Server {
    process: Child,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start() -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this program"))
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a server");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("its address");
        Self { process, url: format!("http://{}", line.trim()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
