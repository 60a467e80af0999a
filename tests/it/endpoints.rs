//! Where a document's endpoints of tokens are: relative ones by the rule of their field, and those elsewhere only as
//! far as the user lets them.

use opcall::{Error, Harness, Profile};
use serde_json::{Value, json};

use crate::support::{Reply, Server, builder, client};

/// A service with one scheme, whose base URL is `base`.
fn harness(base: &str, scheme: &Value, profile: impl FnOnce(Profile) -> Profile) -> Harness {
    let document = json!({
        "openapi": "3.0.3", "info": {"title": "rv", "version": "1"}, "x-service": "rv",
        "servers": [{"url": base}],
        "security": [{"o": []}],
        "components": {"securitySchemes": {"o": scheme}},
        "paths": {"/a": {"get": {"operationId": "getA", "responses": {}}}},
    });
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), document.to_string()).unwrap();
    builder().spec(file.path()).profile("rv", profile(Profile::new().credentials(client()))).build().unwrap()
}

fn scheme(token_url: &str, revoke: &str) -> Value {
    json!({"type": "oauth2", "x-oauth2": {"revoke": revoke},
        "flows": {"clientCredentials": {"tokenUrl": token_url, "scopes": {}}}})
}

fn server() -> Server {
    Server::start(|request, _| {
        let asks = request.target.contains("token");
        if asks { Reply::token("canary-token", 1800) } else { Reply::json(200, "{}") }
    })
}

#[tokio::test]
async fn the_user_s_token_url_is_no_word_on_where_tokens_are_given_back() {
    let (api, issuer, sink) = (server(), server(), Server::sink());
    let elsewhere = scheme("/oauth/token", &format!("{}/revoke", sink.url()));
    let own = format!("{}/my/token", issuer.url());
    let both = |profile: Profile| profile.base_url(api.url()).token_url(&own);
    let one = |profile: Profile| profile.token_url(&own);
    for harness in [harness("https://rv.example", &elsewhere, both), harness(&api.url(), &elsewhere, one)] {
        harness.sign_in("rv").renew().await.unwrap();
        let error = harness.sign_in("rv").forget().await.unwrap_err();
        assert!(matches!(error, Error::Unsafe(_)), "{error:?}");
        assert_eq!(
            error.to_string(),
            format!(
                "the client secret would go to {}, which is neither at the base URL nor at the token URL that was set",
                sink.url()
            )
        );
        assert!(!error.was_sent());
    }
    assert_eq!((sink.received().len(), issuer.count("/my/token"), api.received().len()), (0, 2, 0));
    // Where the user has named a server, tokens may be given back there.
    for (path, at) in [("/revoke".to_owned(), &api), (format!("{}/revoke", issuer.url()), &issuer)] {
        let harness = harness("https://rv.example", &scheme("/oauth/token", &path), both);
        harness.sign_in("rv").renew().await.unwrap();
        assert_eq!(harness.sign_in("rv").forget().await.unwrap().revoked, 1);
        assert_eq!(at.count("/revoke"), 1);
    }
}

#[tokio::test]
async fn a_document_s_own_endpoints_may_be_anywhere() {
    let (api, other) = (server(), server());
    let elsewhere = scheme(&format!("{}/token", other.url()), &format!("{}/revoke", other.url()));
    let harness = harness(&api.url(), &elsewhere, |profile| profile);
    harness.command("getA", ()).await.unwrap();
    assert_eq!(harness.sign_in("rv").forget().await.unwrap().revoked, 1);
    assert_eq!((other.count("/token"), other.count("/revoke")), (1, 1));
}

/// Where tokens are given back the token URL is not asked for.
#[tokio::test]
async fn a_revocation_endpoint_that_redirects_is_told_with_its_own_remedy() {
    let api = Server::start(|request, _| match request.target.as_str() {
        "/token" => Reply::token("canary-token", 1800),
        _ => Reply::whole(307, &["location: https://elsewhere.example/revoke?key=canary"], ""),
    });
    let harness = harness(&api.url(), &scheme("/token", "/revoke"), |profile| profile);
    harness.sign_in("rv").renew().await.unwrap();
    let error = harness.sign_in("rv").forget().await.unwrap_err();
    assert_eq!(error.to_string(), "rv: the revocation endpoint refused with 307");
    assert_eq!(
        error.hint().unwrap(),
        "name https://elsewhere.example/revoke in the description (`x-oauth2`, `revoke`) if that is to be trusted: \
         redirects are not followed, and until then tokens end by themselves."
    );
}

/// OpenAPI 3.0, "Relative References in URLs": the URL of the server is the base (RFC 3986 §5).
#[tokio::test]
async fn a_relative_token_url_stands_on_the_server_s_url() {
    for (written, path) in [
        ("/oauth/token", "/oauth/token"),
        ("oauth/token", "/v1/oauth/token"),
        ("./token", "/v1/token"),
        ("../token", "/token"),
        ("/token?next=https://a.example/", "/token?next=https://a.example/"),
        ("?token", "/v1/?token"),
    ] {
        let api = server();
        let harness =
            harness(&format!("{}/v1", api.url()), &scheme(written, "/gone/revoke"), |profile| profile);
        harness.command("getA", ()).await.unwrap();
        assert_eq!(api.received()[0].target, path, "{written}");
        harness.sign_in("rv").forget().await.unwrap();
        assert_eq!(api.count("/v1/gone/revoke"), 1, "a path of `x-oauth2` is below the base URL");
    }
    let (api, other) = (server(), server());
    let harness = harness(
        &format!("{}/v1", api.url()),
        &scheme(other.url().strip_prefix("http:").unwrap(), "/revoke"),
        |profile| profile,
    );
    // Another host by a reference without a scheme: it answers with no token.
    assert_eq!(harness.command("getA", ()).await.unwrap_err().kind(), "auth");
    assert_eq!((other.received().len(), api.received().len()), (1, 0));
    drop(api.quiet());
}

#[tokio::test]
async fn a_relative_url_of_metadata_stands_on_the_server_s_url() {
    for kind in [
        json!({"type": "openIdConnect", "openIdConnectUrl": "/meta"}),
        json!({"type": "oauth2", "oauth2MetadataUrl": "/meta", "flows": {"clientCredentials": {"scopes": {}}}}),
    ] {
        let api = Server::start(|request, _| {
            let here = format!("http://{}", request.header("host").unwrap());
            match request.target.as_str() {
                "/meta" => Reply::json(
                    200,
                    &json!({"issuer": here, "token_endpoint": format!("{here}/t")}).to_string(),
                ),
                "/t" => Reply::token("canary-token", 1800),
                _ => Reply::json(200, "{}"),
            }
        });
        let harness = harness(&format!("{}/v1", api.url()), &kind, |profile| profile);
        harness.command("getA", ()).await.unwrap();
        assert_eq!((api.count("/meta"), api.count("/t"), api.count("/v1/a")), (1, 1, 1));
    }
}
