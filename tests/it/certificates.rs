//! Certificates of one service alone, remembered ones, and those for documents: who is shown which.

use opcall::{Credentials, Document, Error, Harness, HarnessBuilder, Network, Phase, Profile, TlsProblem};

use crate::cli::{Run, opcall_with};
use crate::support::builder;
use crate::tls::{Authority, Identity, Tls, Way, authority, files, ok};

const DOCUMENT: &str = r#"{
  "openapi": "3.1.0", "info": {"title": "NAME", "version": "1"}, "x-service": "NAME",
  "servers": [{"url": "SERVER"}],
  "components": {"securitySchemes": {
    "cert": {"type": "mutualTLS"},
    "flow": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "TOKENS", "scopes": {}}}}}},
  "paths": {
    "/open": {"get": {"operationId": "open", "security": []}},
    "/cert": {"get": {"operationId": "cert", "security": [{"cert": []}]}},
    "/flow": {"get": {"operationId": "flow", "security": [{"flow": []}]}}
  }
}"#;

fn document(name: &str, server: &str, tokens: &str) -> String {
    DOCUMENT.replace("NAME", name).replace("SERVER", server).replace("TOKENS", tokens)
}

fn written(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

/// A server that lets only those in who show a certificate of the authority.
fn guarded(clients: &'static Authority) -> Way {
    Way { clients: Some(clients), ..Way::good() }
}

fn client() -> Identity {
    authority().sign("a client", 3000)
}

fn knowing(documents: &[String]) -> HarnessBuilder {
    let builder = builder().root_certificates(&authority().pem);
    documents.iter().fold(builder, |builder, text| builder.spec(written(text).path()))
}

async fn problem(harness: &Harness, operation: &str) -> TlsProblem {
    match harness.command(operation, ()).await.unwrap_err() {
        Error::Transport(error) => match error.phase {
            Phase::Tls(problem) => problem,
            other => panic!("{other:?}: {error:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_profiles_certificate_is_for_its_service_alone() {
    let (one, other) = (guarded(authority()).start(), guarded(authority()).start());
    let documents = [document("one", &one.url(), "/t"), document("other", &other.url(), "/t")];
    let client = client();
    let profile = Profile::new().client_certificate(&client.chain, &client.key);
    assert!(!format!("{profile:?}").contains("PRIVATE KEY"));
    let harness = knowing(&documents).profile("one", profile).build().unwrap();
    for _ in 0..2 {
        assert_eq!(harness.command("one:cert", ()).await.unwrap().status(), 200);
    }
    assert_eq!(problem(&harness, "other:open").await, TlsProblem::CertificateRequired);
    // A client without a certificate does not use the connections of the other one.
    assert_eq!(harness.command("one:open", ()).await.unwrap().status(), 200);
    let error = harness.command("other:cert", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "no credentials for other; nothing was sent");
    assert_eq!((one.answered(), other.answered()), (3, 0));
}

#[tokio::test]
async fn a_profiles_certificate_counts_before_the_harnesss() {
    static ELSEWHERE: std::sync::OnceLock<Authority> = std::sync::OnceLock::new();
    let elsewhere = ELSEWHERE.get_or_init(|| Authority::new("elsewhere"));
    let (one, other) = (guarded(elsewhere).start(), guarded(authority()).start());
    let documents = [document("one", &one.url(), "/t"), document("other", &other.url(), "/t")];
    let (own, common) = (elsewhere.sign("a client", 3000), client());
    let profile = Profile::new().client_certificate(&own.chain, &own.key);
    let builder = knowing(&documents).client_certificate(&common.chain, &common.key);
    let harness = builder.profile("one", profile).build().unwrap();
    assert_eq!(harness.command("one:cert", ()).await.unwrap().status(), 200);
    assert_eq!(harness.command("other:cert", ()).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_token_endpoint_elsewhere_is_not_shown_it() {
    let (own, elsewhere) = (guarded(authority()).start(), guarded(authority()).start());
    let documents =
        [document("one", &own.url(), "/t"), document("other", &own.url(), &format!("{}/t", elsewhere.url()))];
    let client = client();
    let profile = || {
        let credentials = Credentials::new().client("id", "secret");
        Profile::new().client_certificate(&client.chain, &client.key).credentials(credentials)
    };
    let harness = knowing(&documents).profile("one", profile()).profile("other", profile()).build().unwrap();
    let error = harness.command("one:flow", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "one: the token endpoint's answer holds no access_token");
    assert_eq!(problem(&harness, "other:flow").await, TlsProblem::CertificateRequired);
    assert_eq!((own.answered(), elsewhere.answered()), (1, 0));
}

#[test]
fn a_profiles_certificate_is_looked_at_early() {
    let client = client();
    let other = authority().sign("another", 3000);
    let documents = [document("one", "https://127.0.0.1:9", "/t")];
    for (chain, key, problem) in [
        ("x", client.key.as_str(), "no certificate can be read from the client certificate"),
        (&client.chain, "x", "no private key can be read for the client certificate"),
        (&client.chain, &other.key, "the client certificate and its key do not belong together"),
    ] {
        let profile = Profile::new().client_certificate(chain, key);
        let error = knowing(&documents).profile("one", profile).build().unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), ("config", problem));
    }
}

#[tokio::test]
async fn a_document_is_fetched_with_certificates_and_no_other_server_is_shown_them() {
    let text = document("one", "https://one.example", "/t");
    let sink = guarded(authority()).start();
    let location = format!("302 Found\r\nlocation: {}/a.json\r\ncontent-length: 0\r\n\r\n", sink.url());
    let good = Way { answer: ok(&text), ..guarded(authority()) }.start();
    let moved = Way { answer: location, ..guarded(authority()) }.start();
    let client = client();
    let network = Network::new().no_proxy().root_certificates(&authority().pem);
    let network = network.client_certificate(&client.chain, &client.key);
    let fetch = |server: &Tls| Document::fetch(format!("{}/a.json", server.url()));
    let document = fetch(&good).network(network.clone()).await.unwrap();
    assert_eq!(document.fetched().unwrap().size(), text.len() as u64);
    let error = fetch(&moved).network(network).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("no answer from {}", sink.url())), "{error}");
    assert_eq!((moved.answered(), sink.answered()), (1, 0));
    let error = fetch(&good).no_proxy().root_certificates(&authority().pem).await.unwrap_err();
    assert!(error.hint().unwrap().ends_with("a client certificate (`client_certificate`)."), "{error:?}");
    let error = fetch(&good).no_proxy().client_certificate("x", "y").await.unwrap_err();
    assert_eq!(error.to_string(), "no certificate can be read from the client certificate");
}

/// Runs the program with a folder of its own for configuration and cache.
fn run(home: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    let config = format!("{home}/config.toml");
    let cache = format!("{home}/cache");
    let own = [("OPCALL_CONFIG", config.as_str()), ("OPCALL_CACHE_DIR", &cache)];
    opcall_with(&[&own[..], variables].concat(), arguments)
}

#[test]
fn the_program_fetches_documents_with_the_certificates_that_it_is_given() {
    let (folder, path) = files();
    let home = folder.path().to_str().unwrap();
    let text = document("one", "https://one.example", "/t");
    let server = Way { answer: ok(&text), ..guarded(authority()) }.start();
    let url = format!("{}/api.json", server.url());
    let (root, chain, key) = (path("root.pem"), path("client.pem"), path("client.key"));
    let trusting = ["--cacert", &root, "--cert", &chain, "--key", &key];
    for command in [
        &["ops", "--spec", &url, "--api", "one", "-o", "names"][..],
        &["show", "one:open", "--spec", &url],
        &["one:open", "--dry-run", "--spec", &url],
        &["check", &url],
    ] {
        run(home, &[], &[command, &trusting].concat()).ok();
        // Elsewhere no copy is kept that would do.
        let empty = tempfile::tempdir().unwrap();
        let without = run(empty.path().to_str().unwrap(), &[], &[command, &trusting[..2]].concat());
        assert_ne!(without.code, 0, "{command:?}");
        assert!(
            without.stdout.contains("--cert FILE") || without.stderr.contains("--cert FILE"),
            "{command:?}"
        );
    }
    // The environment's roots, as a file and as a folder.
    for variable in [("SSL_CERT_FILE", root.as_str()), ("SSL_CERT_DIR", &path("roots"))] {
        std::fs::create_dir_all(path("roots")).unwrap();
        std::fs::copy(&root, path("roots/0123abcd.0")).unwrap();
        run(home, &[variable], &[&["check", &url][..], &trusting[2..]].concat()).ok();
    }
}

#[test]
fn a_remembered_service_has_its_own_certificate() {
    let (folder, path) = files();
    let home = folder.path().to_str().unwrap();
    let (own, other) = (guarded(authority()).start(), guarded(authority()).start());
    let spec = path("one.json");
    std::fs::write(&spec, document("one", &own.url(), "/t")).unwrap();
    let (root, chain, key) = (path("root.pem"), path("client.pem"), path("client.key"));
    run(home, &[], &["api", "add", "mine", &spec, "--cert", &chain, "--key", &key]).ok();
    let written = std::fs::read_to_string(path("config.toml")).unwrap();
    assert!(written.contains(&format!("cert = \"{chain}\"\nkey = \"{key}\"\n")), "{written}");
    let shown = run(home, &[], &["api", "show", "mine", "-o", "json"]).json();
    assert_eq!((shown["cert"].as_str(), shown["key"].as_str()), (Some(chain.as_str()), Some(key.as_str())));

    run(home, &[], &["mine:cert", "--cacert", &root]).ok();
    let line = run(home, &[], &["mine:cert", "--cacert", &root, "--curl"]);
    let options =
        format!("curl {}/cert -H 'accept: */*' --cert {chain} --key {key} --cacert {root}\n", own.url());
    assert_eq!(line.ok(), options);
    // Another server, even where the call goes there, is the address of the call: that was said with the call.
    let elsewhere = run(home, &[], &["mine:cert", "--cacert", &root, "--server", &other.url()]);
    elsewhere.ok();

    // Paths are those beside the file; a dry run does without them.
    let text = written.replace(&chain, "gone.pem").replace(&key, "client.key");
    std::fs::write(path("config.toml"), text).unwrap();
    let gone = run(home, &[], &["mine:open", "--cacert", &root]);
    assert_eq!(gone.code, 1, "{}", gone.stderr);
    assert!(
        gone.stderr.starts_with(&format!("error: reading \"{home}/gone.pem\" failed")),
        "{}",
        gone.stderr
    );
    run(home, &[], &["mine:open", "--dry-run"]).ok();
    run(home, &[], &["mine:cert", "--cacert", &root, "--cert", &chain, "--key", &key]).ok();

    std::fs::write(path("config.toml"), format!("[apis.mine]\nspec = \"{spec}\"\nkey = \"a\"\n")).unwrap();
    let wrong = run(home, &[], &["mine:open"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("config.toml:3:7: `key` stands without `cert`"), "{}", wrong.stderr);
}

#[test]
fn the_curl_line_goes_the_same_way_and_shows_no_password() {
    let spec = written(&document("one", "https://one.example", "/t"));
    let line = |options: &[&str]| {
        let call = ["--spec", spec.path().to_str().unwrap(), "one:open", "--curl"];
        let run = opcall_with(&[("P", "http://u:s3cret@p")], &[&call[..], options].concat());
        run.ok().trim_end().trim_start_matches("curl https://one.example/open -H 'accept: */*'").to_owned()
    };
    let (_folder, path) = files();
    let both = path("both.pem");
    assert_eq!(line(&[]), "");
    assert_eq!(line(&["--cert", &both]), format!(" --cert {both} --key {both}"));
    assert_eq!(line(&["--proxy", "socks5h://p.example:1"]), " --proxy socks5h://p.example:1");
    assert_eq!(line(&["--proxy", "http://u:s3cret@p.example"]), " --proxy http://'<redacted>'@p.example");
    assert_eq!(line(&["--proxy", "env:P"]), " --proxy \"$P\"");
    assert_eq!(line(&["--no-proxy"]), " --noproxy '*'");
}
