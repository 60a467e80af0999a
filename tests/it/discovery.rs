//! `OpenID` Connect Discovery and RFC 8414 on real sockets: where the client secret goes, and where it must not go.

use std::time::Duration;

use opcall::{Credentials, Harness, HarnessBuilder, Profile};

use crate::support::{Received, Reply, Server, builder};

const WELL_KNOWN: &str = "/.well-known/openid-configuration";
const SECRET: &str = "s&e+c/r=e%t ~";

/// One service, whose server is SERVER, that signs in at ISSUER.
const GUARDED: &str = r#"{
  "openapi": "3.0.3", "info": {"title": "guarded", "version": "1"}, "x-service": "guarded",
  "servers": [{"url": "SERVER"}],
  "components": {"securitySchemes": {
    "id": {"type": "openIdConnect", "openIdConnectUrl": "ISSUER"},
    "meta": {"type": "oauth2", "oauth2MetadataUrl": "ISSUER", "x-oauth2": {"member": "tenant"},
      "flows": {"clientCredentials": {"scopes": {}}}},
    "post": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "SERVER/token", "scopes": {}}}},
    "basic": {"type": "oauth2", "x-oauth2": {"client-auth": "basic", "revoke": "/revoke"},
      "flows": {"clientCredentials": {"tokenUrl": "SERVER/token", "refreshUrl": "http://192.0.2.1/", "scopes": {}}}}
  }},
  "paths": {
    "/plain": {"get": {"operationId": "plain", "security": [{"id": []}], "responses": {}}},
    "/read": {"get": {"operationId": "read", "security": [{"id": ["z:read"]}], "responses": {}}},
    "/write": {"get": {"operationId": "write", "security": [{"id": ["z:read", "a:write"]}], "responses": {}}},
    "/turned": {"get": {"operationId": "turned", "security": [{"id": ["a:write", "z:read"]}], "responses": {}}},
    "/meta": {"get": {"operationId": "meta", "security": [{"meta": ["m"]}], "responses": {}}},
    "/post": {"get": {"operationId": "post", "security": [{"post": ["p", "q"]}], "responses": {}}},
    "/basic": {"get": {"operationId": "basic", "security": [{"basic": ["b"]}], "responses": {}}}
  }
}"#;

fn loaded(server: &str, issuer: &str, profile: Profile) -> HarnessBuilder {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), GUARDED.replace("SERVER", server).replace("ISSUER", issuer)).unwrap();
    builder().spec(file.path()).profile("guarded", profile)
}

fn client() -> Credentials {
    Credentials::new().client("me:1", SECRET)
}

fn harness_of(server: &Server, issuer: &str) -> Harness {
    loaded(&server.url(), issuer, Profile::new().credentials(client())).build().unwrap()
}

/// A server that is the API and its authorization server in one; `metadata` says HERE for its own address.
fn server(metadata: &'static str) -> Server {
    Server::start(move |request, before| {
        let here = format!("http://{}", request.header("host").unwrap());
        match request.target.split('?').next().unwrap() {
            WELL_KNOWN | "/meta.json" => Reply::json(200, &metadata.replace("HERE", &here)),
            "/token" => Reply::token(&format!("t{before}"), 1800),
            _ => Reply::json(200, "{}"),
        }
    })
}

const BOTH: &str = r#"{"issuer": "HERE", "token_endpoint": "HERE/token", "revocation_endpoint": "HERE/revoke",
    "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"]}"#;

fn asked(server: &Server) -> Vec<Received> {
    server.received().into_iter().filter(|one| one.target == "/token").collect()
}

#[tokio::test]
async fn a_token_endpoint_is_found_once_and_tokens_are_kept_by_scopes() {
    let server = server(BOTH);
    let harness = harness_of(&server, &format!("{}{WELL_KNOWN}", server.url()));
    for operation in ["read", "write", "turned", "read", "plain", "plain"] {
        harness.command(operation, ()).await.unwrap();
    }
    assert_eq!((server.count(WELL_KNOWN), server.received()[0].header("authorization")), (1, None));
    let forms: Vec<_> = asked(&server).iter().map(Received::text).collect();
    assert_eq!(
        forms,
        [
            "grant_type=client_credentials&scope=z%3Aread",
            "grant_type=client_credentials&scope=z%3Aread+a%3Awrite",
            "grant_type=client_credentials"
        ]
    );
    // me%3A1:s%26e%2Bc%2Fr%3De%25t+%7E
    let basic = "Basic bWUlM0ExOnMlMjZlJTJCYyUyRnIlM0RlJTI1dCslN0U=";
    assert!(asked(&server).iter().all(|one| one.header("authorization") == Some(basic)));
    let bearer = |path: &str| server.only(path).header("authorization").unwrap().to_owned();
    assert_eq!(bearer("/write"), bearer("/turned"));

    harness.revoke().await.unwrap();
    let revoked: Vec<_> = server.received().into_iter().filter(|one| one.target == "/revoke").collect();
    assert_eq!(revoked.len(), 3);
    assert!(revoked.iter().all(|one| one.header("authorization") == Some(basic)));
    assert!(revoked.iter().all(|one| one.text().starts_with("token=t") && !one.text().contains("client")));
}

#[tokio::test]
async fn a_server_that_takes_the_form_alone_gets_the_form() {
    let server = server(
        r#"{"issuer": "HERE/", "token_endpoint": "HERE/token", "token_endpoint_auth_methods_supported": ["client_secret_post"]}"#,
    );
    harness_of(&server, &format!("{}{WELL_KNOWN}", server.url())).command("read", ()).await.unwrap();
    let asked = asked(&server).remove(0);
    assert_eq!(
        asked.text(),
        "grant_type=client_credentials&client_id=me%3A1&client_secret=s%26e%2Bc%2Fr%3De%25t+%7E&scope=z%3Aread"
    );
    assert_eq!(asked.header("authorization"), None);
}

#[tokio::test]
async fn an_extension_says_how_the_client_signs_in() {
    let server = server(BOTH);
    let harness = harness_of(&server, "https://id.example");
    harness.command("post", ()).await.unwrap();
    harness.command("basic", ()).await.unwrap();
    harness.revoke().await.unwrap();
    let (post, basic) = (&asked(&server)[0], &asked(&server)[1]);
    assert!(post.text().ends_with("&client_secret=s%26e%2Bc%2Fr%3De%25t+%7E&scope=p+q"), "{}", post.text());
    assert_eq!(post.header("authorization"), None);
    assert_eq!(basic.text(), "grant_type=client_credentials&scope=b");
    let header = basic.header("authorization").unwrap();
    assert!(header.starts_with("Basic bWUlM0Ex"));
    assert_eq!(server.only("/revoke").header("authorization"), Some(header));
}

#[tokio::test]
async fn a_metadata_url_stands_for_a_flow_without_an_endpoint() {
    let server = server(BOTH);
    let credentials = client().member("m 1");
    let issuer = format!("{}/meta.json", server.url());
    let profile = Profile::new().credentials(credentials);
    let harness = loaded(&server.url(), &issuer, profile).build().unwrap();
    harness.command("meta", ()).await.unwrap();
    assert_eq!(asked(&server)[0].text(), "grant_type=client_credentials&scope=m&tenant=m+1");
}

#[tokio::test]
async fn an_endpoint_elsewhere_is_the_provider_s_to_name() {
    let (api, other) = (server(BOTH), server(BOTH));
    let harness = harness_of(&api, &format!("{}{WELL_KNOWN}", other.url()));
    harness.command("read", ()).await.unwrap();
    assert_eq!((asked(&api).len(), asked(&other).len(), api.count("/read")), (0, 1, 1));
}

#[tokio::test]
async fn a_base_url_of_the_user_is_left_only_with_a_word_of_the_user() {
    let (api, other) = (server(BOTH), server(BOTH));
    let issuer = format!("{}{WELL_KNOWN}", other.url());
    let profile = || Profile::new().base_url(api.url()).credentials(client());
    let harness = loaded("https://api.example", &issuer, profile()).build().unwrap();
    let error = harness.command("read", ()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the client secret would go to {}, which is not the base URL that was set", other.url())
    );
    let endpoint = format!("{}/token", other.url());
    assert_eq!(
        error.hint().unwrap(),
        format!(
            "set GUARDED_TOKEN_URL to {endpoint} if it is meant to have the secret, or give an access token."
        )
    );
    assert_eq!((error.kind(), error.was_sent(), asked(&other).len()), ("unsafe", false, 0));

    let allowed = loaded("https://api.example", &issuer, profile().token_url(&endpoint)).build().unwrap();
    allowed.command("read", ()).await.unwrap();
    assert_eq!((asked(&other).len(), other.count(WELL_KNOWN), api.count("/read")), (1, 1, 1));
    let lookup = {
        let (api, endpoint) = (api.url(), endpoint.clone());
        move |name: &str| match name {
            "GUARDED_BASE_URL" => Some(api.clone()),
            "GUARDED_TOKEN_URL" => Some(endpoint.clone()),
            "GUARDED_CLIENT_ID" => Some("me:1".to_owned()),
            "GUARDED_CLIENT_SECRET" => Some(SECRET.to_owned()),
            _ => None,
        }
    };
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), GUARDED.replace("ISSUER", &issuer)).unwrap();
    let harness = Harness::builder().env(lookup).no_proxy().spec(file.path()).build().unwrap();
    harness.command("read", ()).await.unwrap();
    assert_eq!((asked(&other).len(), other.count(WELL_KNOWN)), (2, 1));
}

#[tokio::test]
async fn another_issuer_is_not_believed() {
    let server = server(r#"{"issuer": "https://evil.example", "token_endpoint": "HERE/token"}"#);
    let url = format!("{}{WELL_KNOWN}", server.url());
    let error = harness_of(&server, &url).command("read", ()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("guarded: the discovery document {url} names another issuer: \"https://evil.example\"")
    );
    assert_eq!(
        error.hint().unwrap(),
        "set GUARDED_TOKEN_URL to the token endpoint, or GUARDED_ACCESS_TOKEN to a token."
    );
    assert_eq!((error.kind(), error.was_sent(), server.received().len()), ("auth", false, 1));
}

#[tokio::test]
async fn nothing_goes_unencrypted_to_other_machines() {
    let unused = Server::sink();
    let error = harness_of(&unused, "http://192.0.2.1/id").command("read", ()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "http://192.0.2.1 would tell unencrypted where the client secret of guarded goes"
    );
    assert_eq!((error.kind(), error.was_sent()), ("unsafe", false));
    assert_eq!(
        error.hint().as_deref(),
        Some("set GUARDED_TOKEN_URL to the token endpoint, or GUARDED_ACCESS_TOKEN to a token.")
    );

    let server = server(r#"{"issuer": "HERE", "token_endpoint": "http://192.0.2.1/token"}"#);
    let url = format!("{}{WELL_KNOWN}", server.url());
    let error = harness_of(&server, &url).command("read", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "credentials would go unencrypted to http://192.0.2.1");
    assert_eq!((error.kind(), server.received().len()), ("unsafe", 1));
}

#[tokio::test]
async fn a_document_that_cannot_be_had_says_so() {
    let sink = Server::sink();
    let away = format!("location: {}/elsewhere", sink.url());
    let large = format!(r#"{{"issuer":"{}"}}"#, "x".repeat(2 * 1024 * 1024));
    let answers: Vec<(Reply, &str)> = vec![
        (Reply::json(404, "{}"), "answers 404"),
        (Reply::whole(302, &[&away], ""), "redirects, which is not followed"),
        (Reply::json(200, "<html>"), "is no JSON object with an `issuer`"),
        (Reply::json(200, &large), "the answer is larger than 1048576 bytes"),
    ];
    for (answer, problem) in answers {
        let answer = std::sync::Mutex::new(Some(answer));
        let server = Server::start(move |_, _| answer.lock().unwrap().take().unwrap());
        let url = format!("{}{WELL_KNOWN}", server.url());
        let harness = harness_of(&server, &url);
        for _ in 0..2 {
            let error = harness.command("read", ()).await.unwrap_err();
            assert_eq!(error.to_string(), format!("guarded: the discovery document {url} {problem}"));
            assert_eq!((error.kind(), error.was_sent()), ("auth", false));
        }
        assert_eq!(server.received().len(), 1, "the failure speaks for a second");
    }
    let slow = Server::start(|_, _| Reply::json(200, "{}").after(Duration::from_secs(2)));
    let profile = Profile::new().credentials(client());
    let builder = loaded(&slow.url(), &format!("{}{WELL_KNOWN}", slow.url()), profile);
    let harness = builder.timeout(Duration::from_millis(200)).build().unwrap();
    let error = harness.command("read", ()).await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent()), ("timeout", false));
    assert!(sink.received().is_empty());
}

#[tokio::test]
async fn a_token_of_the_user_and_a_dry_run_ask_nobody() {
    let server = Server::start(|_, _| Reply::json(200, "{}"));
    let url = format!("{}{WELL_KNOWN}", server.url());
    let prepared = harness_of(&server, &url).command("read", ()).prepare().unwrap();
    assert!(prepared.to_json().contains(r#"["authorization","Bearer <redacted>"]"#));
    let profile = Profile::new().credentials(client().access_token("mine"));
    loaded(&server.url(), &url, profile).build().unwrap().command("read", ()).await.unwrap();
    assert_eq!(server.received().len(), 1);
    assert_eq!(server.only("/read").header("authorization"), Some("Bearer mine"));
}
