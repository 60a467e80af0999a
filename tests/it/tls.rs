//! TLS and client certificates: a real TLS server, an authority of our own, and every way not to agree.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use opcall::{Credentials, Error, Harness, Phase, Profile, TlsProblem};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

use crate::cli::opcall_with;
use crate::support::{Reply, Server, builder};

pub(crate) type Versions = &'static [&'static SupportedProtocolVersion];

static EVERY: Versions = &[&TLS13, &TLS12];
static NEWER: Versions = &[&TLS13];
static OLDER: Versions = &[&TLS12];

/// Who signs certificates.
pub(crate) struct Authority {
    pub(crate) issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

/// A certificate and its key in PEM.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    pub(crate) fn sign(&self, name: &str, last_year: i32) -> Identity {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(last_year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let chain = params.signed_by(&key, &self.issuer).unwrap().pem();
        Identity { chain, key: key.serialize_pem() }
    }
}

/// The authority that every good certificate is signed by.
pub(crate) fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| Authority::new("an authority"))
}

/// A TLS server that answers every request with 200.
pub(crate) struct Tls {
    pub(crate) address: SocketAddr,
    answered: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

/// What a server offers and wants.
pub(crate) struct Way {
    pub(crate) identity: Identity,
    /// Whose client certificates it wants.
    pub(crate) clients: Option<&'static Authority>,
    pub(crate) versions: Versions,
    pub(crate) protocols: &'static [&'static str],
    /// The status line without its version, headers, and after an empty line the body.
    pub(crate) answer: String,
}

impl Way {
    pub(crate) fn new(identity: Identity) -> Self {
        Self { identity, clients: None, versions: EVERY, protocols: &["http/1.1"], answer: ok("{}") }
    }

    pub(crate) fn good() -> Self {
        Self::new(authority().sign("127.0.0.1", 3000))
    }

    pub(crate) fn start(self) -> Tls {
        Tls::serve(self.config(), self.answer)
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let config = config.with_protocol_versions(self.versions).unwrap();
        let config = match self.clients {
            None => config.with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(clients.pem.as_bytes()).unwrap()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                config.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let chain = vec![CertificateDer::from_pem_slice(self.identity.chain.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(self.identity.key.as_bytes()).unwrap();
        let mut config = config.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = self.protocols.iter().map(|one| one.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}

impl Tls {
    fn serve(config: Arc<ServerConfig>, text: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answered = Arc::new(AtomicUsize::new(0));
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let (count, seen) = (Arc::clone(&answered), Arc::clone(&heads));
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let (config, count, seen) = (Arc::clone(&config), Arc::clone(&count), Arc::clone(&seen));
                let text = text.clone();
                thread::spawn(move || answer(socket, config, &count, &seen, &text));
            }
        });
        Self { address, answered, heads }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The heads of the requests that were answered.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    pub(crate) fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }
}

/// An answer with a body, for [`Way::answer`].
pub(crate) fn ok(body: &str) -> String {
    format!("200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

/// Answers the one request of a connection.
fn answer(
    mut socket: TcpStream,
    config: Arc<ServerConfig>,
    count: &AtomicUsize,
    heads: &Mutex<Vec<String>>,
    text: &str,
) {
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut connection = ServerConnection::new(config).unwrap();
    while connection.is_handshaking() {
        if connection.complete_io(&mut socket).is_err() {
            // What was sent meanwhile is read, or closing would take the alert back.
            socket.shutdown(std::net::Shutdown::Write).ok();
            let _ = socket.read_to_end(&mut Vec::new());
            return;
        }
    }
    let mut stream = StreamOwned::new(connection, socket);
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    heads.lock().unwrap().push(String::from_utf8(head).unwrap());
    count.fetch_add(1, Ordering::SeqCst);
    let _ = stream.write_all(format!("HTTP/1.1 {text}").as_bytes());
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

const SEALED: &str = r#"{
  "openapi": "3.1.0", "info": {"title": "sealed", "version": "1"}, "x-service": "sealed",
  "servers": [{"url": "SERVER"}],
  "components": {"securitySchemes": {
    "cert": {"type": "mutualTLS"}, "key": {"type": "apiKey", "in": "header", "name": "X-Key"}}},
  "paths": {
    "/open": {"get": {"operationId": "open", "security": []}, "post": {
      "operationId": "make", "security": [], "requestBody": {"content": {"text/plain": {}}}}},
    "/cert": {"get": {"operationId": "cert", "security": [{"cert": []}]}},
    "/both": {"get": {"operationId": "both", "security": [{"cert": [], "key": []}]}},
    "/either": {"get": {"operationId": "either", "security": [{"cert": []}, {"key": []}]}}
  }
}"#;

/// The description in a file, for a server.
fn description(url: &str) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), SEALED.replace("SERVER", url)).unwrap();
    file
}

fn harness_of(url: &str, client: Option<&Identity>) -> Harness {
    let profile = Profile::new().credentials(Credentials::new().api_key("k"));
    let mut builder = builder().spec(description(url).path()).profile("sealed", profile);
    builder = builder.root_certificates(&authority().pem);
    if let Some(client) = client {
        builder = builder.client_certificate(&client.chain, &client.key);
    }
    builder.build().unwrap()
}

fn phase_of(error: &Error) -> Phase {
    match error {
        Error::Transport(error) => error.phase,
        other => panic!("{other:?}"),
    }
}

/// One run of the program: exit code, standard output, standard error.
fn run(arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
    let run = opcall_with(variables, arguments);
    (run.code, run.stdout, run.stderr)
}

/// A folder with the authority's certificate, and a client's certificate and key.
pub(crate) fn files() -> (tempfile::TempDir, impl Fn(&str) -> String) {
    let folder = tempfile::tempdir().unwrap();
    let client = authority().sign("a client", 3000);
    for (name, text) in [
        ("root.pem", &authority().pem),
        ("client.pem", &client.chain),
        ("client.key", &client.key),
        ("both.pem", &format!("{}{}", client.key, client.chain)),
        ("other.key", &KeyPair::generate().unwrap().serialize_pem()),
        ("encrypted.key", &client.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY")),
        ("empty.pem", &String::new()),
        ("torn.pem", &client.chain[..client.chain.len() / 2].to_owned()),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let root = folder.path().to_str().unwrap().to_owned();
    (folder, move |name: &str| format!("{root}/{name}"))
}

#[tokio::test]
async fn a_server_with_a_good_certificate_is_called() {
    let server = Way::good().start();
    assert_eq!(harness_of(&server.url(), None).command("open", ()).await.unwrap().status(), 200);
    let older = Way { versions: OLDER, ..Way::good() }.start();
    assert_eq!(harness_of(&older.url(), None).command("open", ()).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_certificate_that_is_not_good_ends_the_call_before_anything_is_sent() {
    let unknown =
        "check that ORIGIN is the right address, or give its root certificate (`root_certificates`).";
    let cases = [
        (Authority::new("another").sign("127.0.0.1", 3000), TlsProblem::UnknownIssuer, unknown),
        (Authority::new("an authority").sign("127.0.0.1", 3000), TlsProblem::UnknownIssuer, unknown),
        (
            authority().sign("other.example", 3000),
            TlsProblem::WrongName,
            "check that ORIGIN is the right address: its certificate is for another.",
        ),
        (
            authority().sign("127.0.0.1", 2001),
            TlsProblem::Expired,
            "have the certificate of ORIGIN renewed, or set this machine's clock.",
        ),
    ];
    for (identity, problem, hint) in cases {
        let server = Way::new(identity).start();
        let error = harness_of(&server.url(), None).command("open", ()).await.unwrap_err();
        assert_eq!(phase_of(&error), Phase::Tls(problem));
        assert_eq!((error.kind(), error.was_sent(), error.is_retryable()), ("transport", false, false));
        assert_eq!(error.hint().unwrap(), hint.replace("ORIGIN", &server.url()));
        assert_eq!(server.answered(), 0);
    }
}

#[tokio::test]
async fn a_port_without_tls_is_told_from_one_that_is_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut socket = listener.accept().unwrap().0;
        let _ = socket.read(&mut [0; 64]);
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let error = harness_of(&url, None).command("open", ()).await.unwrap_err();
    assert_eq!(phase_of(&error), Phase::Tls(TlsProblem::Other));
    assert_eq!(error.hint().unwrap(), format!("check that {url} is served by https, TLS 1.2 or later."));
    let error = harness_of("https://127.0.0.1:9", None).command("open", ()).await.unwrap_err();
    assert_eq!(phase_of(&error), Phase::Connect);
}

/// Reads a request whole and falls out of TLS: these bytes come as they are. Returns its URL and how many requests came.
fn falling_out(bytes: &'static [u8]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let (config, came) = (Way::good().config(), Arc::<AtomicUsize>::default());
    let count = Arc::clone(&came);
    thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), socket);
            let (mut request, mut byte) = (Vec::new(), [0]);
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read > 0) {
                request.push(byte[0]);
            }
            if request.starts_with(b"POST ") {
                stream.read_exact(&mut [0; 4]).unwrap();
            }
            count.fetch_add(1, Ordering::SeqCst);
            stream.sock.write_all(bytes).unwrap();
            stream.sock.shutdown(std::net::Shutdown::Write).ok();
            let _ = stream.sock.read_to_end(&mut Vec::new());
        }
    });
    (url, came)
}

#[tokio::test]
async fn what_breaks_after_the_request_was_sent_may_have_been_carried_out() {
    const PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\r\n";
    /// A record that nobody can decipher.
    const TORN: &[u8] =
        &[23, 3, 3, 0, 24, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8];
    for bytes in [PLAIN, TORN] {
        let (url, came) = falling_out(bytes);
        let harness = harness_of(&url, None);
        let error = harness.command("make", ()).body("1234").await.unwrap_err();
        assert_eq!((phase_of(&error), error.was_sent()), (Phase::Broken, true), "{error:?}");
        assert!(error.to_string().ends_with("after 1 attempt; it may have been carried out"), "{error}");
        assert_eq!(came.load(Ordering::SeqCst), 1);
        let error = harness.command("open", ()).await.unwrap_err();
        assert_eq!((phase_of(&error), error.attempts().len()), (Phase::Broken, 3), "{error:?}");
        assert_eq!(came.load(Ordering::SeqCst), 4, "what only reads is repeated");
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown_and_serves_the_scheme() {
    let client = authority().sign("a client", 3000);
    for versions in [NEWER, OLDER] {
        let server = Way { clients: Some(authority()), versions, ..Way::good() }.start();
        let harness = harness_of(&server.url(), Some(&client));
        for operation in ["open", "cert", "both", "either"] {
            assert_eq!(harness.command(operation, ()).await.unwrap().status(), 200);
        }
        assert_eq!(server.answered(), 4);
    }
}

#[tokio::test]
async fn a_client_certificate_that_is_missing_or_refused_is_told() {
    let stranger = Authority::new("an authority").sign("a client", 3000);
    let expired = authority().sign("a client", 2001);
    for (client, problem, hint) in [
        (None, TlsProblem::CertificateRequired, "give ORIGIN a client certificate (`client_certificate`)."),
        (Some(&stranger), TlsProblem::CertificateRefused, "give a client certificate that ORIGIN accepts."),
        (Some(&expired), TlsProblem::CertificateRefused, "give a client certificate that ORIGIN accepts."),
    ] {
        const ONE: &[&str] = &["http/1.1"];
        const TWO: &[&str] = &["h2"];
        for (versions, protocols) in [(NEWER, ONE), (OLDER, ONE), (NEWER, TWO), (OLDER, TWO)] {
            let server = Way { clients: Some(authority()), versions, protocols, ..Way::good() }.start();
            let error = harness_of(&server.url(), client).command("open", ()).await.unwrap_err();
            assert_eq!(phase_of(&error), Phase::Tls(problem), "{versions:?} {protocols:?}: {error:?}");
            assert_eq!((error.kind(), error.was_sent()), ("transport", false));
            assert_eq!(error.hint().unwrap(), hint.replace("ORIGIN", &server.url()));
            assert_eq!(server.answered(), 0);
        }
    }
}

#[tokio::test]
async fn the_scheme_wants_a_certificate_and_a_connection_that_shows_it() {
    let error = harness_of("https://127.0.0.1:9", None).command("cert", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "no credentials for sealed; nothing was sent");
    assert_eq!(
        error.hint().unwrap(),
        "give a client certificate (`client_certificate`), and an https address."
    );
    let client = authority().sign("a client", 3000);
    let plain = Server::start(|_, _| Reply::json(200, "{}"));
    let harness = harness_of(&plain.url(), Some(&client));
    assert_eq!(harness.command("cert", ()).await.unwrap_err().kind(), "auth");
    harness.command("either", ()).await.unwrap();
    assert_eq!(plain.only("/either").header("x-key"), Some("k"));
    let prepared = harness.command("cert", ()).prepare().unwrap();
    assert_eq!(prepared.headers(), [("accept", "*/*".into())]);
}

#[test]
fn the_program_trusts_the_roots_that_it_is_given() {
    let (_folder, path) = files();
    let server = Way::good().start();
    let spec = description(&server.url());
    let call = ["--spec", spec.path().to_str().unwrap(), "open"];
    let (code, out, _) = run(&[&call[..], &["--cacert", &path("root.pem")]].concat(), &[]);
    assert_eq!((code, out.trim()), (0, "{}"));
    let (code, out, _) = run(&call, &[("SSL_CERT_FILE", &path("root.pem"))]);
    assert_eq!((code, out.trim()), (0, "{}"));
    let (code, _, told) = run(&call, &[]);
    assert_eq!(code, 7, "{told}");
    let told = told.replace(&server.url(), "ORIGIN");
    insta::assert_snapshot!(told, @r"
    error: no answer from ORIGIN after 1 attempt; nothing was sent
      caused by: invalid peer certificate: UnknownIssuer
      hint: check that ORIGIN is the right address, or give its root certificate with --cacert FILE.
    ");
}

/// A file and a folder of the environment's roots both count, beside the user's own.
#[test]
fn every_place_of_roots_counts() {
    let (_folder, path) = files();
    let other = Authority::new("another");
    std::fs::write(path("other.pem"), &other.pem).unwrap();
    for name in ["good", "others"] {
        std::fs::create_dir(path(name)).unwrap();
    }
    std::fs::copy(path("root.pem"), path("good/0123abcd.0")).unwrap();
    std::fs::write(path("others/0123abcd.0"), &other.pem).unwrap();
    let (root, other) = (path("root.pem"), path("other.pem"));
    let (gone, good, others) = (path("gone.pem"), path("good"), path("others"));
    let server = Way::good().start();
    let spec = description(&server.url());
    let call = ["--spec", spec.path().to_str().unwrap(), "open"];
    for (own, file, folder, code) in [
        (Some(&root), &other, &others, 0),
        (Some(&other), &root, &others, 0),
        (Some(&other), &other, &good, 0),
        (None, &root, &others, 0),
        (None, &other, &good, 0),
        (None, &gone, &good, 0),
        (None, &other, &others, 7),
        (Some(&other), &gone, &others, 7),
    ] {
        let own: Vec<_> = own.iter().flat_map(|own| ["--cacert", own.as_str()]).collect();
        let variables = [("SSL_CERT_FILE", file.as_str()), ("SSL_CERT_DIR", folder)];
        let (ended, _, told) = run(&[&call[..], &own].concat(), &variables);
        assert_eq!(ended, code, "{told}");
        assert_eq!(told.contains("UnknownIssuer"), code != 0, "{told}");
    }
}

#[test]
fn the_program_shows_the_certificate_that_it_is_given() {
    let (_folder, path) = files();
    let server = Way { clients: Some(authority()), ..Way::good() }.start();
    let spec = description(&server.url());
    let root = path("root.pem");
    let call = ["--spec", spec.path().to_str().unwrap(), "cert", "--cacert", &root];
    let (chain, key) = (path("client.pem"), path("client.key"));
    assert_eq!(run(&[&call[..], &["--cert", &chain, "--key", &key]].concat(), &[]).0, 0);
    assert_eq!(run(&[&call[..], &["--cert", &path("both.pem")]].concat(), &[]).0, 0);
    assert_eq!(server.answered(), 2);
    let (code, _, told) = run(&call, &[]);
    assert_eq!(code, 8, "{told}");
    assert!(
        told.contains("give a client certificate with --cert FILE --key FILE, and an https address."),
        "{told}"
    );
    let (code, _, told) = run(&[&call[..2], &["open", "--cacert", &root]].concat(), &[]);
    assert_eq!(code, 7, "{told}");
    assert!(told.contains("hint: give https://127.0.0.1:"), "{told}");
    assert!(told.contains(" a client certificate with --cert FILE --key FILE."), "{told}");
}

#[test]
fn files_that_are_no_certificates_are_told_before_anything_is_sent() {
    let (_folder, path) = files();
    let spec = description("https://127.0.0.1:9");
    let call = ["--spec", spec.path().to_str().unwrap(), "open"];
    let mut told = String::new();
    for options in [
        &["--cacert", "gone.pem"][..],
        &["--cacert", "empty.pem"],
        &["--cacert", "torn.pem"],
        &["--cacert", "client.key"],
        &["--cert", "gone.pem"],
        &["--cert", "client.pem"],
        &["--cert", "client.key", "--key", "client.key"],
        &["--cert", "client.pem", "--key", "root.pem"],
        &["--cert", "client.pem", "--key", "other.key"],
        &["--cert", "client.pem", "--key", "encrypted.key"],
        &["--key", "client.key"],
    ] {
        let named: Vec<_> = options
            .iter()
            .map(|one| if one.starts_with("--") { (*one).to_owned() } else { path(one) })
            .collect();
        let named: Vec<_> = named.iter().map(String::as_str).collect();
        let (code, _, text) = run(&[&call[..], &named].concat(), &[]);
        told.extend([options.join(" ").as_str(), " (", &code.to_string(), ")\n", &text, "\n"]);
    }
    insta::assert_snapshot!("files-that-are-no-certificates", told.replace(&path(""), ""));
}
