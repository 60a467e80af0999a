//! Proxies of every kind, on raw sockets: what they see, what they must not see, and every way they can refuse.

mod environment;
mod servers;

use opcall::{Credentials, Error, Harness, Network, Phase, Profile, ProxyProblem, RetryPolicy, TlsProblem};

use self::servers::{Manners, ProxyServer, closed};
use crate::support::{Reply, Server, builder};
use crate::tls::{Authority, Tls, Way, authority};

const DOCUMENT: &str = r#"{
  "openapi": "3.1.0", "info": {"title": "far", "version": "1"}, "x-service": "far",
  "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}},
  "paths": {"/things": {"get": {"operationId": "things", "security": [{"key": []}]}}}
}"#;

const KEY: &str = "canary-of-the-origin";
const PASSWORD: &str = "canary of/the@proxy";
/// As it stands in a URL.
const ENCODED: &str = "canary%20of%2Fthe%40proxy";

fn description() -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), DOCUMENT).unwrap();
    file
}

/// A harness that calls a service far away through a proxy.
fn harness(base: &str, network: Network) -> Harness {
    let profile = Profile::new().base_url(base).credentials(Credentials::new().api_key(KEY));
    let builder = builder().spec(description().path()).profile("far", profile).allow_http();
    let builder = builder.network(network.root_certificates(&authority().pem)).retry(RetryPolicy::never());
    assert_silent(&format!("{builder:?}"));
    builder.build().unwrap()
}

fn assert_silent(text: &str) {
    for secret in [KEY, PASSWORD, ENCODED, "Y2FuYXJ5"] {
        assert!(!text.contains(secret), "{text}");
    }
}

async fn fails(harness: &Harness) -> (Phase, Error) {
    let error = harness.command("things", ()).await.unwrap_err();
    assert_silent(&format!("{error} {error:?} {error:#?} {:?}", error.hint()));
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        assert_silent(&format!("{cause} {cause:?}"));
        source = cause.source();
    }
    assert!(!error.was_sent(), "{error}");
    match &error {
        Error::Transport(inner) => (inner.phase, error),
        other => panic!("{other:?}"),
    }
}

/// A TLS server with a certificate for a name that this machine cannot resolve.
fn far() -> Tls {
    Way::new(authority().sign("h.example", 3000)).start()
}

#[tokio::test]
async fn https_goes_through_a_tunnel_and_the_proxy_reads_nothing_of_it() {
    for (user, wanted) in [("", None), ("ann:canary%20of%2Fthe%40proxy@", Some("ann:canary of/the@proxy"))] {
        let origin = far();
        let proxy = ProxyServer::http(origin.address, Manners { user: wanted, ..Manners::default() });
        let harness = harness("https://h.example:8443/v1", Network::new().proxy(proxy.url("http", user)));
        assert_eq!(harness.command("things", ()).await.unwrap().status(), 200);
        let [asked] = &proxy.seen()[..] else { panic!("{:?}", proxy.seen()) };
        assert!(asked.starts_with("CONNECT h.example:8443 HTTP/1.1\r\n"), "{asked}");
        assert_eq!(asked.contains("Basic YW5uOmNhbmFyeSBvZi90aGVAcHJveHk="), wanted.is_some(), "{asked}");
        assert!(!asked.contains(KEY) && !asked.to_ascii_lowercase().contains("x-key"), "{asked}");
        let [head] = &origin.heads()[..] else { panic!("{:?}", origin.heads()) };
        assert!(head.starts_with("GET /v1/things HTTP/1.1\r\n") && head.contains(KEY), "{head}");
        assert!(!head.to_ascii_lowercase().contains("proxy-"), "{head}");
    }
}

#[tokio::test]
async fn plain_http_is_handed_over_whole() {
    for (user, wanted) in [("", None), ("ann:canary%20of%2Fthe%40proxy@", Some("ann:canary of/the@proxy"))] {
        let origin = Server::start(|_, _| Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"));
        let address = origin.url().trim_start_matches("http://").parse().unwrap();
        let proxy = ProxyServer::http(address, Manners { user: wanted, ..Manners::default() });
        let harness = harness("http://h.example/v1", Network::new().proxy(proxy.url("http", user)));
        assert_eq!(harness.command("things", ()).await.unwrap().status(), 200);
        let [asked] = &proxy.seen()[..] else { panic!("{:?}", proxy.seen()) };
        assert!(asked.starts_with("GET http://h.example/v1/things HTTP/1.1\r\n"), "{asked}");
        assert_eq!(asked.contains("Basic YW5u"), wanted.is_some(), "{asked}");
        assert_eq!(origin.only("/v1/things").header("x-key"), Some(KEY));
    }
}

#[tokio::test]
async fn a_proxy_may_itself_be_spoken_to_by_tls() {
    let origin = Server::start(|_, _| Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"));
    let address = origin.url().trim_start_matches("http://").parse().unwrap();
    let proxy = ProxyServer::https(address, &authority().sign("127.0.0.1", 3000));
    let through = harness("http://h.example/v1", Network::new().proxy(proxy.url("https", "")));
    assert_eq!(through.command("things", ()).await.unwrap().status(), 200);
    assert!(proxy.seen()[0].starts_with("GET http://h.example/v1/things "), "{:?}", proxy.seen());

    let stranger = ProxyServer::https(address, &Authority::new("another").sign("127.0.0.1", 3000));
    for base in ["http://h.example/v1", "https://h.example/v1"] {
        let through = harness(base, Network::new().proxy(stranger.url("https", "ann:canary@")));
        let (phase, error) = fails(&through).await;
        assert_eq!(phase, Phase::Proxy(ProxyProblem::Tls(TlsProblem::UnknownIssuer)), "{base}");
        let place = stranger.url("https", "");
        assert_eq!(
            error.to_string(),
            format!("no answer from the proxy {place} after 1 attempt; nothing was sent")
        );
        assert!(error.hint().unwrap().starts_with(&format!("check that {place} is the right address")));
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn what_an_encrypted_proxy_breaks_off_may_have_been_carried_out() {
    let proxy = ProxyServer::falling_out(&authority().sign("127.0.0.1", 3000));
    let through = harness("http://h.example/v1", Network::new().proxy(proxy.url("https", "")));
    let error = through.command("things", ()).await.unwrap_err();
    let Error::Transport(broken) = &error else { panic!("{error:?}") };
    assert_eq!((broken.phase, error.was_sent(), proxy.seen().len()), (Phase::Broken, true, 1));
}

#[tokio::test]
async fn a_client_certificate_is_not_shown_to_a_proxy() {
    let client = authority().sign("a client", 3000);
    let proxy = ProxyServer::https(closed(), &authority().sign("127.0.0.1", 3000));
    let network = Network::new().proxy(proxy.url("https", "ann:canary@"));
    let everywhere = network.clone().client_certificate(&client.chain, &client.key);
    let profile = Profile::new().base_url("https://h.example").client_certificate(&client.chain, &client.key);
    let of_profile =
        builder().spec(description().path()).network(network.root_certificates(&authority().pem));
    let of_profile = of_profile.profile("far", profile.credentials(Credentials::new().api_key(KEY)));
    for harness in [harness("https://h.example", everywhere.clone()), of_profile.build().unwrap()] {
        let error = harness.command("things", ()).await.unwrap_err();
        assert_eq!((error.kind(), error.was_sent()), ("config", false), "{error}");
        let place = proxy.url("https", "");
        assert_eq!(
            error.to_string(),
            format!("the client certificate would be shown to the proxy {place} too")
        );
        assert_eq!(
            error.hint().unwrap(),
            "give a proxy by http or SOCKS, in which an https call stays encrypted, or go past it (`no_proxy`)."
        );
    }
    assert!(proxy.seen().is_empty());
    let fetch = opcall::Document::fetch("https://h.example/api.json").network(everywhere);
    assert_eq!(fetch.await.unwrap_err().kind(), "config");

    // Over plain http no certificate is shown to anybody.
    let origin = Server::start(|_, _| Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"));
    let address = origin.url().trim_start_matches("http://").parse().unwrap();
    let proxy = ProxyServer::https(address, &authority().sign("127.0.0.1", 3000));
    let network = Network::new().proxy(proxy.url("https", "")).client_certificate(&client.chain, &client.key);
    assert_eq!(harness("http://h.example/v1", network).command("things", ()).await.unwrap().status(), 200);
}

#[tokio::test]
async fn socks_carries_both_and_the_name_where_it_is_to_resolve_it() {
    let origin = far();
    for (scheme, user, wanted, seen) in [
        ("socks5h", "", None, "name h.example port 8443"),
        ("socks5h", "ann:secret@", Some("ann:secret"), "ann:secret name h.example port 8443"),
    ] {
        let proxy = ProxyServer::socks(origin.address, Manners { user: wanted, ..Manners::default() });
        let harness = harness("https://h.example:8443/v1", Network::new().proxy(proxy.url(scheme, user)));
        assert_eq!(harness.command("things", ()).await.unwrap().status(), 200);
        assert_eq!(proxy.seen(), [seen]);
    }
    assert!(origin.heads().iter().all(|head| !head.contains("secret")));
    let origin = Way::new(authority().sign("localhost", 3000)).start();
    let proxy = ProxyServer::socks(origin.address, Manners::default());
    let harness = harness("https://localhost:8443/v1", Network::new().proxy(proxy.url("socks5", "")));
    let outcome = harness.command("things", ()).await;
    // Where `localhost` is ::1 first, the proxy is asked for that, which this one does not know.
    assert!(outcome.is_ok() || proxy.seen().is_empty(), "{outcome:?}");
    let plain = Server::start(|_, _| Reply::json(200, "{}"));
    let address = plain.url().trim_start_matches("http://").parse().unwrap();
    let proxy = ProxyServer::socks(address, Manners::default());
    let network = Network::new().proxy(proxy.url("socks5", ""));
    let harness = self::harness("http://127.0.0.1:81/v1", network);
    assert_eq!(harness.command("things", ()).await.unwrap().status(), 200);
    assert_eq!(proxy.seen(), ["127.0.0.1 port 81"]);
    assert_eq!(plain.only("/v1/things").header("x-key"), Some(KEY));
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_told_from_a_server_that_is_not() {
    for scheme in ["http", "https", "socks4", "socks5", "socks5h"] {
        for base in ["http://127.0.0.1:81", "https://127.0.0.1:81"] {
            let dead = closed();
            let network = Network::new().proxy(format!("{scheme}://ann:{ENCODED}@{dead}"));
            let (phase, error) = fails(&harness(base, network)).await;
            assert_eq!(phase, Phase::Connect, "{scheme} {base}");
            assert_eq!(
                error.to_string(),
                format!("no answer from the proxy {scheme}://{dead} after 1 attempt; nothing was sent")
            );
            let hint =
                format!("check that {scheme}://{dead} is the right address and can be reached from here.");
            assert_eq!(error.hint().unwrap(), hint);
            assert!(error.is_retryable());
        }
    }
    // It names the server where it is this machine that cannot resolve it.
    let live = ProxyServer::socks(closed(), Manners::default());
    let network = Network::new().proxy(live.url("socks5", ""));
    let (phase, error) = fails(&harness("https://no-such-host.invalid", network)).await;
    assert_eq!(phase, Phase::Connect);
    assert!(error.to_string().starts_with("no answer from https://no-such-host.invalid after"), "{error}");
}

#[tokio::test]
async fn a_proxy_that_wants_another_user_says_so() {
    for base in ["http://h.example", "https://h.example"] {
        for (scheme, user, problem) in [
            ("http", "", ProxyProblem::CredentialsRequired),
            ("http", "ann:canary@", ProxyProblem::CredentialsRefused),
            ("socks5h", "", ProxyProblem::CredentialsRequired),
            ("socks5h", "ann:canary@", ProxyProblem::CredentialsRefused),
        ] {
            let manners = Manners { user: Some("ann:another"), ..Manners::default() };
            let proxy = match scheme {
                "http" => ProxyServer::http(closed(), manners),
                _ => ProxyServer::socks(closed(), manners),
            };
            let network = Network::new().proxy(proxy.url(scheme, user));
            let (phase, error) = fails(&harness(base, network)).await;
            assert_eq!(phase, Phase::Proxy(problem), "{scheme} {base}: {error}");
            let place = proxy.url(scheme, "");
            let (fact, hint) = match problem {
                ProxyProblem::CredentialsRequired => (
                    format!("the proxy {place} wants a user name and a password"),
                    "give the proxy's user name and password in its URL (`proxy`).",
                ),
                _ => (
                    format!("the proxy {place} does not accept its user name and password"),
                    "correct the user name and the password in the proxy's URL (`proxy`).",
                ),
            };
            assert_eq!(error.to_string(), format!("{fact} after 1 attempt; nothing was sent"));
            assert_eq!((error.hint().as_deref(), error.is_retryable()), (Some(hint), false));
        }
    }
}

#[tokio::test]
async fn a_proxy_that_makes_no_connection_is_named_with_the_server() {
    const REFUSED: &[u8] = &[5, 5, 0, 1, 0, 0, 0, 0, 0, 0];
    for answer in [
        &b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"[..],
        b"HTTP/1.1 403 Forbidden\r\n\r\nno",
        b"nonsense\r\n\r\n",
        b"",
        REFUSED,
    ] {
        let manners = Manners { answer: Some(answer), ..Manners::default() };
        let (proxy, scheme) = if answer == REFUSED {
            (ProxyServer::socks(closed(), manners), "socks5h")
        } else {
            (ProxyServer::http(closed(), manners), "http")
        };
        let network = Network::new().proxy(proxy.url(scheme, ""));
        let (phase, error) = fails(&harness("https://h.example", network)).await;
        assert_eq!(phase, Phase::Proxy(ProxyProblem::NoWay), "{error}");
        let place = proxy.url(scheme, "");
        assert_eq!(
            error.to_string(),
            format!(
                "the proxy {place} makes no connection to https://h.example after 1 attempt; nothing was sent"
            )
        );
        assert_eq!(
            error.hint().unwrap(),
            format!("check that {place} may and can reach https://h.example, or go past it (`no_proxy`).")
        );
    }
}

#[tokio::test]
async fn a_server_that_is_not_trusted_is_not_taken_for_the_proxy() {
    let stranger = Way::new(Authority::new("another").sign("h.example", 3000)).start();
    let proxy = ProxyServer::http(stranger.address, Manners::default());
    let network = Network::new().proxy(proxy.url("http", ""));
    let (phase, error) = fails(&harness("https://h.example", network)).await;
    assert_eq!(phase, Phase::Tls(TlsProblem::UnknownIssuer));
    let place = proxy.url("http", "");
    assert_eq!(
        error.to_string(),
        format!(
            "no answer from https://h.example through the proxy {place} after 1 attempt; nothing was sent"
        )
    );
    assert!(error.hint().unwrap().starts_with("check that https://h.example is the right address"));
}

#[tokio::test]
async fn an_explicit_proxy_elsewhere_gets_no_secret_for_this_machine_unencrypted() {
    let profile = Profile::new().base_url("http://127.0.0.1:81").credentials(Credentials::new().api_key(KEY));
    let harness = builder().spec(description().path()).profile("far", profile);
    let harness = harness.proxy("http://192.0.2.1:3128").build().unwrap();
    let error = harness.command("things", ()).await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent()), ("unsafe", false));
    assert_eq!(error.to_string(), "credentials would go unencrypted to http://127.0.0.1:81");
    let fetch = opcall::Document::fetch("http://127.0.0.1:81/a.json").proxy("http://192.0.2.1:3128");
    assert_eq!(fetch.await.unwrap_err().kind(), "unsafe");
}

#[tokio::test]
async fn a_document_is_fetched_through_a_proxy_too() {
    let origin = far();
    let proxy = ProxyServer::http(origin.address, Manners { user: Some("ann:secret"), ..Manners::default() });
    let network = Network::new().proxy(proxy.url("http", "ann:secret@")).root_certificates(&authority().pem);
    let fetch = opcall::Document::fetch("https://h.example/api.json").header("x-key", KEY);
    let document = fetch.clone().network(network).await.unwrap();
    assert_eq!(document.fetched().unwrap().url(), "https://h.example/api.json");
    assert!(proxy.seen()[0].starts_with("CONNECT h.example:443 "), "{:?}", proxy.seen());
    assert!(origin.heads()[0].contains(KEY) && !proxy.seen()[0].contains(KEY));
    let refused = fetch.proxy(proxy.url("http", "ann:wrong@")).await.unwrap_err();
    let text = refused.to_string();
    assert!(
        text.ends_with(
            "does not accept its user name and password after 1 attempt; the document was not fetched"
        ),
        "{text}"
    );
    assert!(!format!("{refused:?}").contains("wrong"));
}
