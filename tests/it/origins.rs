//! Credentials never leave their origin: redirects, links of pages and addresses that lead elsewhere, in every spelling,
//! with every kind of credential. The place they lead to is a real socket that records every byte, and it is shown to
//! see what is meant for it.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opcall::{Command, Credentials, Error, Harness, Method, Params, Profile, StopReason};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use crate::support::builder;

const CANARY: &str = "canary-5f0c-77aa";

/// The kinds of credentials: each an operation of its name.
const KINDS: [&str; 6] = ["bearer", "basic", "header", "query", "cookie", "custom"];

const CODES: [u16; 5] = [301, 302, 303, 307, 308];

/// What a place saw: how many connections, and every byte.
#[derive(Default)]
struct Seen {
    connections: usize,
    bytes: Vec<u8>,
}

/// A server on a real socket. It answers every request with what was last set.
struct Place {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    reply: Arc<Mutex<String>>,
    /// The certificate to trust, where it speaks TLS.
    certificate: Option<String>,
}

impl Place {
    fn start() -> Self {
        Self::serve(None, None)
    }

    fn with_tls() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let config = config.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        Self::serve(Some(Arc::new(config)), Some(made.cert.pem()))
    }

    fn serve(tls: Option<Arc<ServerConfig>>, certificate: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let reply = Arc::new(Mutex::new(String::new()));
        let (shared, answer) = (Arc::clone(&seen), Arc::clone(&reply));
        thread::spawn(move || {
            for mut socket in listener.incoming().map_while(Result::ok) {
                shared.lock().unwrap().connections += 1;
                let (shared, answer, tls) = (Arc::clone(&shared), Arc::clone(&answer), tls.clone());
                thread::spawn(move || match tls {
                    None => talk(&mut socket, &shared, &answer),
                    Some(tls) => {
                        talk(
                            &mut StreamOwned::new(ServerConnection::new(tls).unwrap(), socket),
                            &shared,
                            &answer,
                        );
                    }
                });
            }
        });
        Self { address, seen, reply, certificate }
    }

    fn port(&self) -> u16 {
        self.address.port()
    }

    fn url(&self) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    fn answer(&self, status: u16, headers: &str, body: &str) {
        let length = body.len();
        *self.reply.lock().unwrap() = format!(
            "HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
        );
    }

    /// What came since the last time.
    fn take(&self) -> Seen {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

/// Reads a request to the end of its body, and answers it.
fn talk(stream: &mut (impl std::io::Read + std::io::Write), seen: &Mutex<Seen>, reply: &Mutex<String>) {
    let (mut request, mut piece) = (Vec::new(), [0; 4096]);
    while !is_whole(&request) {
        match stream.read(&mut piece) {
            Ok(read) if read > 0 => {
                request.extend_from_slice(&piece[..read]);
                seen.lock().unwrap().bytes.extend_from_slice(&piece[..read]);
            }
            _ => return,
        }
    }
    let answer = reply.lock().unwrap().clone();
    let _ = stream.write_all(answer.as_bytes());
    let _ = stream.flush();
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

impl Seen {
    /// Whether the canary came, in any form that a kind of credential gives it.
    fn has_canary(&self) -> bool {
        let text = String::from_utf8_lossy(&self.bytes);
        text.contains(CANARY) || text.contains(&STANDARD.encode(format!("me:{CANARY}")))
    }
}

/// The spellings of an address of the sink, seen from the service. Of those that name the sink in another way than by
/// its number, most lead there: whoever follows them is seen.
fn targets(service: &Place, sink: &Place) -> Vec<(&'static str, String)> {
    let (own, away) = (service.port(), sink.port());
    let targets = [
        ("other port", format!("http://127.0.0.1:{away}/x?y=1")),
        ("other scheme", other_scheme(service)),
        ("subdomain", format!("http://127.0.0.1.localhost:{away}/x")),
        ("userinfo", format!("http://127.0.0.1:{own}@127.0.0.1:{away}/x")),
        ("other letters", format!("http://①２７.0.0.1:{away}/x")),
        ("hexadecimal address", format!("http://0x7f.1:{away}/x")),
        ("number", format!("http://2130706433:{away}/x")),
        ("short address", format!("http://127.1:{away}/x")),
        ("mapped address", format!("http://[::ffff:127.0.0.1]:{away}/x")),
        ("no scheme", format!("//127.0.0.1:{away}/x")),
        ("backslashes", format!(r"\\127.0.0.1:{away}\x")),
        ("fragment", format!("http://127.0.0.1:{away}/#@127.0.0.1:{own}/")),
    ];
    targets.into_iter().collect()
}

/// The service's own address by the other scheme.
fn other_scheme(service: &Place) -> String {
    let scheme = if service.certificate.is_some() { "http" } else { "https" };
    format!("{scheme}://{}/x", service.address)
}

fn document(base: &str, away: &str) -> String {
    let operation = |name: &str| {
        let security = if name == "custom" { json!([]) } else { json!([{name: []}]) };
        json!({"operationId": name, "security": security, "responses": {}})
    };
    let mut paths = serde_json::Map::new();
    for kind in KINDS {
        let method = if kind == "custom" { "post" } else { "get" };
        paths.insert(format!("/{kind}"), json!({method: operation(kind)}));
        let mut paged = operation(kind);
        paged["operationId"] = json!(format!("{kind}_pages"));
        paged["x-pagination"] = json!({"kind": "link", "next": "/next", "items": "/items"});
        paths.insert(format!("/{kind}_pages"), json!({method: paged}));
        let mut elsewhere = operation(kind);
        elsewhere["operationId"] = json!(format!("{kind}_away"));
        elsewhere["servers"] = json!([{"url": away}]);
        paths.insert(format!("/{kind}_away"), json!({method: elsewhere}));
        let mut item = operation(kind);
        item["operationId"] = json!(format!("{kind}_item"));
        item["parameters"] =
            json!([{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}]);
        paths.insert(format!("/{kind}_items/{{id}}"), json!({method: item}));
    }
    json!({
        "openapi": "3.0.3", "info": {"title": "kinds", "version": "1"}, "x-service": "kinds",
        "servers": [
            {"url": format!("{base}/v1"), "name": "own"},
            {"url": "http://{host}/v1", "name": "variable", "variables": {"host": {"default": "127.0.0.1:9"}}},
        ],
        "components": {"securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer"},
            "basic": {"type": "http", "scheme": "basic"},
            "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "query": {"type": "apiKey", "in": "query", "name": "api_key"},
            "cookie": {"type": "apiKey", "in": "cookie", "name": "sid"},
        }},
        "paths": paths,
    })
    .to_string()
}

/// A harness of the document, at a base URL of the user's own or at the document's.
fn harness(base: &str, away: &str, certificate: Option<&str>, explicit: bool) -> Harness {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), document(base, away)).unwrap();
    let credentials = Credentials::new().access_token(CANARY).basic("me", CANARY).api_key(CANARY);
    let profile = Profile::new().credentials(credentials);
    let profile = if explicit { profile.base_url(format!("{base}/v1")) } else { profile };
    let builder = builder().spec(file.path()).profile("kinds", profile);
    match certificate {
        Some(certificate) => builder.root_certificates(certificate).build().unwrap(),
        None => builder.build().unwrap(),
    }
}

fn at<'h>(harness: &'h Harness, operation: &'h str) -> Command<'h> {
    with_custom(harness.command(operation, ()).service("kinds"), operation)
}

/// Of the kind that the description knows nothing of, the caller sets header and body.
fn with_custom<'h>(command: Command<'h>, operation: &str) -> Command<'h> {
    if !operation.starts_with("custom") {
        return command;
    }
    command.header("x-own", CANARY).allow_unknown().body(json!({"secret": CANARY}))
}

/// A service, with and without TLS, and the place that its answers lead to.
struct Scene {
    plain: Place,
    encrypted: Place,
    sink: Place,
    /// By whether the service speaks TLS.
    harnesses: BTreeMap<bool, Harness>,
}

impl Scene {
    fn start() -> Self {
        let (plain, encrypted, sink) = (Place::start(), Place::with_tls(), Place::start());
        sink.answer(200, "content-type: application/json\r\n", "{}");
        let made = [&plain, &encrypted].map(|service| {
            let certificate = service.certificate.as_deref();
            (certificate.is_some(), harness(&service.url(), &sink.url(), certificate, false))
        });
        Self { plain, encrypted, sink, harnesses: BTreeMap::from(made) }
    }

    /// The service and its harness for a target: only from https one can fall to http.
    fn of(&self, target: &str) -> (&Place, &Harness) {
        let encrypted = target == "other scheme";
        (if encrypted { &self.encrypted } else { &self.plain }, &self.harnesses[&encrypted])
    }

    fn targets(&self) -> Vec<(&'static str, String)> {
        let mut targets = targets(&self.plain, &self.sink);
        targets[1].1 = other_scheme(&self.encrypted);
        targets
    }

    /// The service had one request with the credentials, and nobody else had anything.
    #[track_caller]
    fn check(&self, service: &Place, what: &str) {
        let (came, away) = (service.take(), self.sink.take());
        assert!(came.connections == 1 && came.has_canary(), "{what}: {} connections", came.connections);
        assert_eq!(away.connections, 0, "{what}: {}", String::from_utf8_lossy(&away.bytes));
    }
}

fn is_unsafe(error: &Error) -> bool {
    matches!(error, Error::Unsafe(_)) && !error.to_string().contains(CANARY)
}

#[tokio::test]
async fn redirects_take_no_credentials_elsewhere() {
    let scene = Scene::start();
    let mut hops = 0;
    for (target, location) in scene.targets() {
        let (service, harness) = scene.of(target);
        for code in CODES {
            service.answer(code, &format!("location: {location}\r\n"), "");
            for kind in KINDS {
                let what = format!("{code} {target} {kind}");
                let followed = at(harness, kind).follow_redirects(5).await.unwrap_err();
                assert!(is_unsafe(&followed), "{what}: {followed}");
                scene.check(service, &what);
                let refused = at(harness, kind).await.unwrap_err();
                assert_eq!((refused.kind(), refused.status()), ("refused", Some(code)), "{what}");
                scene.check(service, &what);
                hops += 1;
            }
        }
    }
    eprintln!(
        "promise 7: {hops} redirects elsewhere, each refused when followed and when not, 0 canaries at the sink"
    );
    assert_eq!(hops, 360);
}

#[tokio::test]
async fn links_of_pages_take_no_credentials_elsewhere() {
    let scene = Scene::start();
    let mut links = 0;
    for (target, location) in scene.targets() {
        let (service, harness) = scene.of(target);
        for kind in KINDS {
            // A link of a header is followed for what only reads.
            if kind != "custom" {
                service.answer(200, &format!("link: <{location}>; rel=\"next\"\r\n"), "[1]");
                refused_page(&scene, service, at(harness, kind), &format!("header {target} {kind}")).await;
                links += 1;
            }
            let operation = format!("{kind}_pages");
            service.answer(200, "", &json!({"items": [1], "next": location}).to_string());
            refused_page(&scene, service, at(harness, &operation), &format!("body {target} {kind}")).await;
            links += 1;
        }
    }
    eprintln!("promise 7: {links} links of pages elsewhere, each refused, 0 canaries at the sink");
    assert_eq!(links, 12 * (5 + 6));
}

async fn refused_page(scene: &Scene, service: &Place, command: Command<'_>, what: &str) {
    let mut pages = command.pages();
    assert_eq!(pages.next().await.unwrap().unwrap().items::<u32>().unwrap(), [1], "{what}");
    let error = pages.next().await.unwrap().unwrap_err();
    assert!(is_unsafe(&error) && !error.was_sent(), "{what}: {error}");
    assert!(pages.next().await.is_none() && pages.stop() == Some(StopReason::Failed), "{what}");
    scene.check(service, what);
}

#[tokio::test]
async fn addresses_take_no_credentials_elsewhere() {
    let scene = Scene::start();
    let (mut kept, mut refused) = (0, 0);
    for (target, location) in targets(&scene.plain, &scene.sink) {
        let service = &scene.plain;
        service.answer(200, "", "{}");
        let own = harness(&service.url(), &location, None, true);
        let documented = &scene.harnesses[&false];
        let (kind, headers) = ("header", "x-own");
        let id = || Params::from([("id", location.as_str())]);
        let calls = [
            // The user named an address, so the description's do not count.
            ("servers", own.command("header_away", ()).service("kinds")),
            ("path", own.request("kinds", Method::Get, &location, ()).header(headers, CANARY)),
            ("argument", own.command("header_item", id()).service("kinds")),
            ("variable", at(documented, kind).server("variable").server_variable("host", location.as_str())),
        ];
        for (place, command) in calls {
            let what = format!("{place} {target}");
            match command.await {
                Ok(_) => {
                    scene.check(service, &what);
                    kept += 1;
                }
                Err(error) => {
                    assert!(matches!(error.kind(), "config" | "arguments" | "unsafe"), "{what}: {error}");
                    assert!(!error.was_sent() && !error.to_string().contains(CANARY), "{what}: {error}");
                    assert_eq!((service.take().connections, scene.sink.take().connections), (0, 0), "{what}");
                    refused += 1;
                }
            }
        }
    }
    eprintln!(
        "promise 7: {} addresses elsewhere, {kept} calls kept at their own, {refused} refused, 0 canaries at the sink",
        kept + refused
    );
    assert_eq!(kept + refused, 48);
}

#[tokio::test]
async fn the_sink_sees_what_is_meant_for_it() {
    let sink = Place::start();
    sink.answer(200, "", "{}");
    let harness = harness(&sink.url(), &sink.url(), None, false);
    for kind in KINDS {
        at(&harness, kind).await.unwrap();
        let seen = sink.take();
        assert!(seen.connections == 1 && seen.has_canary(), "{kind}");
    }
}

#[test]
fn whoever_follows_the_targets_comes_to_the_sink() {
    let scene = Scene::start();
    let mut led = 0;
    for (target, location) in targets(&scene.plain, &scene.sink) {
        let url = url::Url::parse(&scene.plain.url()).unwrap().join(&location).unwrap();
        assert_ne!(url.origin(), url::Url::parse(&scene.plain.url()).unwrap().origin(), "{target}");
        let leads = url.port() == Some(scene.sink.port());
        assert_eq!(leads, target != "other scheme", "{target}");
        // Whether a subdomain of `localhost` is this machine depends on the system.
        if leads && target != "subdomain" {
            drop(TcpStream::connect(&*url.socket_addrs(|| None).unwrap()).unwrap());
            led += 1;
        }
    }
    assert_eq!(led, 10);
}

#[tokio::test]
async fn a_token_of_plain_http_stays_on_this_machine() {
    let sink = Place::start();
    let harness = harness("http://elsewhere.example", &sink.url(), None, false);
    for kind in KINDS.iter().filter(|kind| **kind != "custom") {
        let error = at(&harness, kind).await.unwrap_err();
        assert_eq!(error.to_string(), "credentials would go unencrypted to http://elsewhere.example");
        assert!(!error.was_sent());
    }
}
