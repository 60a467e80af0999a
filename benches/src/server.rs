//! A server that costs as little as a server can: one thread for all connections, and the same answer to every request
//! but the one for an access token.
//!
//! It is a process of its own, so that its instructions are not counted among the client's. Over TLS it has a certificate
//! of an authority made for the run; held, it answers nothing before so many requests are there.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Barrier;
use tokio_rustls::TlsAcceptor;

use super::clock;

/// What a list of installation tokens looks like, some hundred bytes of it.
const BODY: &str = r#"{"meta":{"query_time":0.002,"pagination":{"offset":0,"limit":5,"total":2},"trace_id":"7d1cb4c2-7b3c-4e1f-9d0c-0c8e9a3b5a11"},"resources":["0d6ae4ce0f5b4d5f8a8c7f7e6b5a4d3c","9f8e7d6c5b4a39281706f5e4d3c2b1a0"],"errors":[]}"#;

/// What a request for an access token gets.
const TOKEN: &str = r#"{"access_token":"a-token-of-some-length-0123456789abcdef0123456789","token_type":"bearer","expires_in":1799}"#;

/// Serves until standard input ends, after a line that says where: in the clear, with `tls FOLDER` over TLS with the
/// authority's certificate in `FOLDER/root.pem`, with `held COUNT` so many requests at a time.
pub(crate) fn serve(how: &[&str]) {
    clock::pin(0);
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let (tls, held) = match how {
        ["tls", folder] => (Some(acceptor(Path::new(folder))), None),
        ["held", count] => (None, Some(Arc::new(Barrier::new(count.parse().expect("a number"))))),
        _ => (None, None),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{}", listener.local_addr().expect("an address"));
        std::io::stdout().flush().expect("a reader");
        loop {
            let Ok((connection, _)) = listener.accept().await else { continue };
            let _ = connection.set_nodelay(true);
            match tls.clone() {
                None => drop(tokio::spawn(answer(connection, held.clone()))),
                Some(tls) => drop(tokio::spawn(async move {
                    if let Ok(connection) = tls.accept(connection).await {
                        answer(connection, None).await;
                    }
                })),
            }
        }
    });
}

async fn answer(mut connection: impl AsyncRead + AsyncWrite + Unpin, held: Option<Arc<Barrier>>) {
    let (list, token) = (written("200 OK", BODY), written("201 Created", TOKEN));
    // As many as a request has; ten thousand connections are open at once.
    let mut bytes = vec![0; 4 * 1024];
    let mut filled = 0;
    while let Ok(read) = connection.read(&mut bytes[filled..]).await {
        if read == 0 {
            return;
        }
        filled += read;
        while let Some(length) = whole(&bytes[..filled]) {
            if let Some(held) = &held {
                held.wait().await;
            }
            let answer = if bytes.starts_with(b"POST /oauth2/token ") { &token } else { &list };
            let written = connection.write_all(answer.as_bytes()).await;
            if written.is_err() || connection.flush().await.is_err() {
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

/// A certificate for this machine, signed by an authority whose own is left in the folder.
fn acceptor(folder: &Path) -> TlsAcceptor {
    let mut authority = CertificateParams::new(Vec::new()).expect("an authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(rcgen::DnType::CommonName, "an authority of the benches");
    let key = KeyPair::generate().expect("a key");
    let root = authority.self_signed(&key).expect("an authority").pem();
    std::fs::write(folder.join("root.pem"), root).expect("a folder");
    let issuer = Issuer::new(authority, key);
    let own = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a certificate");
    let key = KeyPair::generate().expect("a key");
    let chain = own.signed_by(&key, &issuer).expect("a certificate").der().clone();
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder.expect("a provider").with_no_client_auth().with_single_cert(vec![chain], key);
    TlsAcceptor::from(Arc::new(config.expect("a certificate and its key")))
}

/// A server that ends with this value.
pub(crate) struct Server {
    process: Child,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::started("http", &[])
    }

    /// Over TLS; the authority's certificate is then in `root.pem` of the folder.
    pub(crate) fn with_tls(folder: &Path) -> Self {
        Self::started("https", &["tls", folder.to_str().expect("a path that is text")])
    }

    /// One that answers nothing before so many requests are there.
    pub(crate) fn held(count: usize) -> Self {
        Self::started("http", &["held", &count.to_string()])
    }

    fn started(scheme: &str, how: &[&str]) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this program"))
            .arg("serve")
            .args(how)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a server");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("its address");
        Self { process, url: format!("{scheme}://{}", line.trim()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
