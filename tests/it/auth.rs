//! Signing in, against servers that record every byte: the token flow and its renewal, regions, keys in every place,
//! and what must never be sent or shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opcall::{Credentials, Error, Harness, Profile};

use crate::support::{Received, Reply, Server, builder, client, in_region};

const TOKEN: &str = "/oauth2/token";
const QUERY: &str = "/installation-tokens/queries/tokens/v1";

/// Gives tokens t1, t2, ... with the lives given (the last one for all further), and takes the newest `good` ones.
fn flow(lives: &'static [u64], is_good: impl Fn(&str) -> bool + Send + Sync + 'static) -> Server {
    let given = AtomicUsize::new(0);
    Server::start(move |request, _| {
        if request.target == TOKEN {
            let number = given.fetch_add(1, Ordering::SeqCst);
            return Reply::token(&format!("t{}", number + 1), lives[number.min(lives.len() - 1)]);
        }
        let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        match bearer {
            Some(token) if is_good(token) => Reply::json(200, r#"{"resources":["a"]}"#),
            _ => Reply::json(
                401,
                r#"{"errors":[{"code":401,"message":"access denied, invalid bearer token"}]}"#,
            ),
        }
    })
}

#[tokio::test]
async fn a_token_is_fetched_by_form_and_serves_many_calls() {
    let server = flow(&[1799], |token| token == "t1");
    let harness = in_region(&server)
        .profile("falcon", Profile::new().named("child").credentials(client().member("cid 1")))
        .build()
        .unwrap();
    for _ in 0..3 {
        let found = harness.command("tokens_query", ()).await.unwrap();
        assert_eq!((found.status(), found.attempts()), (200, 1));
        assert_eq!(found.value().unwrap()["resources"][0], "a");
    }
    let asked = server.only(TOKEN);
    assert_eq!(
        (asked.method.as_str(), asked.text().as_str()),
        ("POST", "client_id=id&client_secret=s%26cret")
    );
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(asked.header("accept"), Some("application/json"));
    assert_eq!(server.count(QUERY), 3);

    harness.command("tokens_query", ()).profile("child").await.unwrap_err();
    let asked = server.received().into_iter().rfind(|one| one.target == TOKEN).unwrap();
    assert!(
        asked.text().starts_with("client_id=id&client_secret=s%26cret&member_cid=cid+1"),
        "{}",
        asked.text()
    );
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let server = flow(&[1, 1800], |_| true);
    let harness = in_region(&server).build().unwrap();
    harness.command("tokens_query", ()).await.unwrap();
    harness.command("tokens_query", ()).await.unwrap();
    assert_eq!(server.count(TOKEN), 1);
    tokio::time::sleep(Duration::from_millis(600)).await;
    harness.command("tokens_query", ()).await.unwrap();
    assert_eq!(server.count(TOKEN), 2);
    assert_eq!(server.received().last().unwrap().header("authorization"), Some("Bearer t2"));
}

#[tokio::test]
async fn a_thousand_calls_with_an_expired_token_renew_it_once() {
    let server = flow(&[0, 1800], |_| true);
    let harness = in_region(&server).build().unwrap();
    harness.command("tokens_query", ()).await.unwrap();
    assert_eq!(server.count(TOKEN), 1);
    let calls: Vec<_> = (0..1000)
        .map(|_| {
            let harness = harness.clone();
            tokio::spawn(async move {
                harness.command("tokens_query", ()).send().await.map(|found| found.status())
            })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), 200);
    }
    assert_eq!(server.count(TOKEN), 2);
    assert_eq!(server.count(QUERY), 1001);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_the_call_sent_once_more() {
    let server = flow(&[1800], |token| token != "t1");
    let harness = in_region(&server).build().unwrap();
    let found = harness.command("tokens_query", ()).await.unwrap();
    assert_eq!(found.attempts(), 2);
    assert_eq!((server.count(TOKEN), server.count(QUERY)), (2, 2));
}

#[tokio::test]
async fn a_token_that_stays_refused_ends_the_call() {
    let server = flow(&[1800], |_| false);
    let harness = in_region(&server).build().unwrap();
    let error = harness.command("tokens_query", ()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "falcon refused tokens_query with 401: access denied, invalid bearer token"
    );
    assert_eq!(error.hint().unwrap(), "check the credentials for falcon: they are not accepted (any more).");
    assert_eq!((server.count(TOKEN), server.count(QUERY)), (2, 2));
}

#[tokio::test]
async fn a_storm_of_401_renews_once() {
    let server = flow(&[1800], |token| token != "t1");
    let harness = in_region(&server).build().unwrap();
    let calls: Vec<_> = (0..200)
        .map(|_| {
            let harness = harness.clone();
            tokio::spawn(async move {
                harness.command("tokens_query", ()).send().await.map(|found| found.status())
            })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), 200);
    }
    assert_eq!(server.count(TOKEN), 2);
}

#[tokio::test]
async fn a_403_renews_nothing_and_names_the_scope() {
    let server = Server::start(|request, _| match request.target.as_str() {
        TOKEN => Reply::token("t", 1800),
        _ => Reply::json(
            403,
            r#"{"meta":{"trace_id":"tr"},"errors":[{"code":403,"message":"access denied, authorization failed"}]}"#,
        ),
    });
    let harness = in_region(&server).build().unwrap();
    let error = harness.command("tokens_delete", [("ids", "1")]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "falcon refused tokens_delete with 403: access denied, authorization failed (trace tr)"
    );
    assert_eq!(error.hint().unwrap(), "the API client needs the scope \"Installation Tokens: WRITE\".");
    assert_eq!((server.count(TOKEN), error.status()), (1, Some(403)));
}

/// A first region that sends everyone to the one at `url`, which it calls `name`.
fn elsewhere(url: &str, name: &str) -> Server {
    let location = format!("location: {url}/oauth2/token");
    let region = format!("x-cs-region: {name}");
    Server::start(move |_, _| Reply::whole(308, &[&location, &region], ""))
}

#[tokio::test]
async fn the_token_endpoint_names_the_region_and_calls_go_there() {
    let second = flow(&[1800], |_| true);
    let first = elsewhere(&second.url(), "us-2");
    let harness = builder()
        .regions("falcon", [("us-1", first.url()), ("us-2", second.url())])
        .profile("falcon", Profile::new().region("autodiscover").credentials(client()))
        .build()
        .unwrap();
    for _ in 0..2 {
        harness.command("tokens_query", [("limit", 5)]).await.unwrap();
    }
    assert_eq!((first.received().len(), second.count(TOKEN), second.count(QUERY)), (1, 1, 2));
    assert_eq!(second.received()[0].text(), "client_id=id&client_secret=s%26cret");
    assert_eq!(second.received()[1].target, format!("{QUERY}?limit=5"));
    let prepared = harness.command("tokens_query", ()).prepare().unwrap();
    assert!(prepared.url().starts_with(&second.url()));
}

#[tokio::test]
async fn a_redirect_beyond_the_services_regions_is_not_followed() {
    let sink = Server::sink();
    for name in ["us-2", "us-1", "mars", ""] {
        let first = elsewhere(&sink.url(), name);
        let regions = [("us-1", first.url()), ("us-2", "https://two.example".to_owned())];
        let harness = builder()
            .regions("falcon", regions)
            .profile("falcon", Profile::new().credentials(client()))
            .build()
            .unwrap();
        let error = harness.command("tokens_query", ()).await.unwrap_err();
        assert!(error.to_string().contains("sends the client secret to "), "{name}: {error}");
        assert_eq!((error.kind(), error.was_sent(), first.received().len()), ("unsafe", false, 1), "{name}");
    }
    assert!(sink.received().is_empty());
}

#[tokio::test]
async fn an_explicit_base_url_is_never_left() {
    let second = Server::sink();
    let first = elsewhere(&second.url(), "us-2");
    let profile = Profile::new().base_url(first.url()).credentials(client());
    let regions = [("us-1", first.url()), ("us-2", second.url())];
    let harness = builder().regions("falcon", regions).profile("falcon", profile).build().unwrap();
    let error = harness.command("tokens_query", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "falcon: the credentials belong to us-2, not to the base URL that was set");
    assert_eq!(error.hint().unwrap(), "set FALCON_CLOUD to us-2 in place of the base URL.");
    assert_eq!((error.kind(), error.was_sent()), ("auth", false));
    assert!(second.received().is_empty());
}

#[tokio::test]
async fn refused_credentials_end_the_call_for_everyone_who_waits() {
    let server = Server::start(|_, _| {
        Reply::json(403, r#"{"meta":{"trace_id":"5f0c"},"errors":[{"code":403,"message":"access denied"}]}"#)
    });
    let harness = in_region(&server).build().unwrap();
    for _ in 0..3 {
        let error = harness.command("tokens_query", ()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "falcon: the token endpoint refused with 403: access denied (trace 5f0c)"
        );
        assert_eq!(error.hint().unwrap(), "check FALCON_CLIENT_ID and FALCON_CLIENT_SECRET.");
        assert_eq!((error.kind(), error.status(), error.was_sent()), ("auth", Some(403), false));
        assert!(!error.is_retryable());
    }
    assert_eq!(server.received().len(), 1, "the failure speaks for a second");
}

#[tokio::test]
async fn a_token_endpoint_that_is_away_means_the_operation_was_not_sent() {
    let server = Server::start(|_, _| Reply::raw(""));
    let harness = in_region(&server).build().unwrap();
    let error = harness.command("tokens_query", ()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.ends_with("after 1 attempt; signing in failed, the operation was not sent"), "{text}");
    assert_eq!((error.kind(), error.was_sent()), ("transport", false));

    let server = Server::start(|_, _| Reply::json(200, r#"{"token": "x"}"#));
    let harness = in_region(&server).build().unwrap();
    let error = harness.command("tokens_query", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "falcon: the token endpoint's answer holds no access_token");
}

#[tokio::test]
async fn missing_credentials_name_their_variables_before_anything_is_sent() {
    let harness = builder().build().unwrap();
    for (id, hint) in [
        ("tokens_query", "set FALCON_CLIENT_ID and FALCON_CLIENT_SECRET, or FALCON_ACCESS_TOKEN; "),
        ("panther:api_token_list", "set PANTHER_API_TOKEN; "),
        ("organization_tokens_query", "set LOGSCALE_TOKEN or HUMIO_TOKEN; "),
    ] {
        let arguments = serde_json::json!({"sortBy": "Name"});
        let params = if id.starts_with("organization") { arguments.into() } else { opcall::Params::from(()) };
        let error = harness.command(id, params).server("http://127.0.0.1:9").await.unwrap_err();
        assert!(error.to_string().starts_with("no credentials for "), "{error}");
        assert_eq!(
            error.hint().unwrap(),
            format!("{hint}each may also be given as a file by its name with _FILE.")
        );
        assert_eq!((error.kind(), error.was_sent()), ("auth", false));
    }
}

#[tokio::test]
async fn the_environment_names_place_and_credentials() {
    let server = Server::start(|_, _| Reply::json(200, r#"{"results":[]}"#));
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), "k-from-file\n").unwrap();
    let (url, path) = (format!("{}/public/graphql", server.url()), key.path().to_str().unwrap().to_owned());
    let lookup = move |name: &str| match name {
        "PANTHER_API_URL" => Some(url.clone()),
        "PANTHER_API_TOKEN_FILE" => Some(path.clone()),
        _ => None,
    };
    let harness = Harness::builder().env(lookup).build().unwrap();
    harness.command("api token#list", ()).await.unwrap();
    let asked = server.only("/api-tokens");
    assert_eq!(asked.header("x-api-key"), Some("k-from-file"));
}

#[tokio::test]
async fn a_placeholder_address_is_shown_and_not_called() {
    let harness = builder()
        .profile("panther", Profile::new().credentials(Credentials::new().api_key("k")))
        .build()
        .unwrap();
    let prepared = harness.command("api_token_list", ()).prepare().unwrap();
    assert_eq!(prepared.url(), "https://your-api-host/api-tokens");
    let error = harness.command("api_token_list", ()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the address of panther is not known: \"https://your-api-host\" is a placeholder"
    );
    assert_eq!(
        error.hint().unwrap(),
        "set PANTHER_API_URL or PANTHER_API_HOST, or give a server with the call."
    );
    assert_eq!(error.kind(), "config");
}

/// A service with a scheme of each kind, one operation each, named by the scheme.
const KINDS: &str = r#"{
  "openapi": "3.0.3", "info": {"title": "kinds", "version": "1"}, "x-service": "kinds",
  "servers": [{"url": "SERVER/v1"}],
  "components": {"securitySchemes": {
    "header": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "query": {"type": "apiKey", "in": "query", "name": "key"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "sid"},
    "basic": {"type": "http", "scheme": "basic"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "openid": {"type": "openIdConnect", "openIdConnectUrl": "https://id.example/"},
    "flow": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "https://token.example/token", "scopes": {}}}}
  }},
  "paths": {
    "/header": {"get": {"operationId": "header", "security": [{"header": []}], "responses": {}}},
    "/query": {"get": {"operationId": "query", "security": [{"query": []}], "responses": {}}},
    "/cookie": {"get": {"operationId": "cookie", "security": [{"cookie": []}], "responses": {}}},
    "/basic": {"get": {"operationId": "basic", "security": [{"basic": []}], "responses": {}}},
    "/bearer": {"get": {"operationId": "bearer", "security": [{"bearer": []}], "responses": {}}},
    "/openid": {"get": {"operationId": "openid", "security": [{"openid": []}], "responses": {}}},
    "/flow": {"get": {"operationId": "flow", "security": [{"flow": []}], "responses": {}}},
    "/both": {"get": {"operationId": "both", "security": [{"header": [], "query": []}], "responses": {}}},
    "/either": {"get": {"operationId": "either", "security": [{"basic": []}, {"header": []}], "responses": {}}},
    "/open": {"get": {"operationId": "open", "security": [], "responses": {}}},
    "/away": {"servers": [{"url": "SINK"}], "get": {"operationId": "away", "security": [{"header": []}], "responses": {}}}
  }
}"#;

fn kinds(server: &str, sink: &str, profile: Profile) -> Harness {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), KINDS.replace("SERVER", server).replace("SINK", sink)).unwrap();
    builder().spec(file.path()).profile("kinds", profile).build().unwrap()
}

fn answering() -> Server {
    Server::start(|_, _| Reply::json(200, "{}"))
}

async fn sent(server: &Server, harness: &Harness, id: &str) -> Received {
    harness.command(id, ()).service("kinds").await.unwrap();
    server.received().pop().unwrap()
}

#[tokio::test]
async fn every_kind_of_credential_goes_to_its_place() {
    let server = answering();
    let credentials = Credentials::new()
        .api_key("k/1")
        .basic("Aladdin", "open sesame")
        .access_token("tok")
        .scheme("query", "q 2");
    let harness = kinds(&server.url(), "https://sink.example", Profile::new().credentials(credentials));
    assert_eq!(sent(&server, &harness, "header").await.header("x-key"), Some("k/1"));
    assert_eq!(sent(&server, &harness, "query").await.target, "/v1/query?key=q%202");
    assert_eq!(sent(&server, &harness, "cookie").await.header("cookie"), Some("sid=k/1"));
    let basic = sent(&server, &harness, "basic").await;
    assert_eq!(basic.header("authorization"), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    for id in ["bearer", "openid", "flow"] {
        assert_eq!(sent(&server, &harness, id).await.header("authorization"), Some("Bearer tok"), "{id}");
    }
    let both = sent(&server, &harness, "both").await;
    assert_eq!((both.header("x-key"), both.target.as_str()), (Some("k/1"), "/v1/both?key=q%202"));
    let open = sent(&server, &harness, "open").await;
    assert_eq!(
        (open.header("authorization"), open.header("x-key"), open.target.as_str()),
        (None, None, "/v1/open")
    );
}

#[tokio::test]
async fn an_alternative_is_chosen_by_what_the_profile_has() {
    let server = answering();
    let key = kinds(
        &server.url(),
        "https://sink.example",
        Profile::new().credentials(Credentials::new().api_key("k")),
    );
    let either = sent(&server, &key, "either").await;
    assert_eq!((either.header("x-key"), either.header("authorization")), (Some("k"), None));
    let error = key.command("both", ()).service("kinds").await;
    assert!(error.is_ok(), "one key serves both key schemes");
    let error = key.command("basic", ()).service("kinds").await.unwrap_err();
    assert_eq!(
        error.hint().unwrap(),
        "set KINDS_USERNAME and KINDS_PASSWORD; each may also be given as a file by its name with _FILE."
    );
}

#[tokio::test]
async fn a_header_of_the_caller_stands_for_the_credentials() {
    let server = answering();
    let harness = kinds(&server.url(), "https://sink.example", Profile::new());
    harness.command("bearer", ()).service("kinds").header("Authorization", "Mine 1").await.unwrap();
    assert_eq!(server.only("/v1/bearer").header("authorization"), Some("Mine 1"));
}

#[tokio::test]
async fn credentials_go_to_the_configured_origin_only() {
    let (server, sink) = (answering(), Server::sink());
    let profile = Profile::new().credentials(Credentials::new().api_key("k").client("id", "secret"));
    let harness = kinds(&server.url(), &sink.url(), profile);
    let error = harness.command("away", ()).service("kinds").await.unwrap_err();
    assert_eq!(error.to_string(), format!("credentials would go to {}", sink.url()));
    assert_eq!((error.kind(), error.was_sent()), ("unsafe", false));

    let error = harness.command("flow", ()).service("kinds").server(server.url()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the client secret would go to https://token.example, which is not the base URL that was set"
    );
    assert!(sink.received().is_empty());

    harness.command("away", ()).service("kinds").server(server.url()).await.unwrap();
    assert_eq!(server.only("/away").header("x-key"), Some("k"));
}

#[tokio::test]
async fn credentials_do_not_go_unencrypted_to_other_machines() {
    let key = || Profile::new().credentials(Credentials::new().api_key("k"));
    let harness = kinds("http://192.0.2.1", "https://sink.example", key());
    let error = harness.command("header", ()).service("kinds").await.unwrap_err();
    assert_eq!(error.to_string(), "credentials would go unencrypted to http://192.0.2.1");
    assert_eq!((error.kind(), error.was_sent()), ("unsafe", false));
}

#[tokio::test]
async fn a_server_given_with_the_call_has_tokens_of_its_own() {
    let (one, two) = (flow(&[1800], |_| true), flow(&[1800], |_| true));
    let harness = in_region(&one).build().unwrap();
    harness.command("tokens_query", ()).await.unwrap();
    harness.command("tokens_query", ()).server(format!("{}/", two.url())).await.unwrap();
    assert_eq!((one.count(TOKEN), one.count(QUERY), two.count(TOKEN), two.count(QUERY)), (1, 1, 1, 1));
}

#[tokio::test]
async fn an_endpoint_in_no_table_is_called_with_the_services_credentials() {
    let server = Server::start(|request, _| match request.target.as_str() {
        TOKEN => Reply::token("t", 1800),
        _ => Reply::json(404, r#"{"errors":[{"message":"no such thing"}]}"#),
    });
    let harness = in_region(&server).build().unwrap();
    let error =
        harness.request("falcon", opcall::Method::Get, "/new/thing/v1", [("limit", 5)]).await.unwrap_err();
    assert_eq!(error.to_string(), "falcon refused GET /new/thing/v1 with 404: no such thing");
    let asked = server.only("/new/thing/v1");
    assert_eq!(
        (asked.target.as_str(), asked.header("authorization")),
        ("/new/thing/v1?limit=5", Some("Bearer t"))
    );
}

#[tokio::test]
async fn a_provider_is_asked_when_needed_and_once_more_after_a_401() {
    let server = Server::start(|request, _| match request.header("x-api-key") {
        Some("k2") => Reply::json(200, r#"{"results":[]}"#),
        _ => Reply::json(401, r#"{"message":"unknown key"}"#),
    });
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let provider = move || {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        async move { Ok::<_, std::io::Error>(Credentials::new().api_key(format!("k{number}"))) }
    };
    let profile = Profile::new().base_url(server.url());
    let harness = builder().profile("panther", profile).credentials("panther", provider).build().unwrap();
    harness.command("api_token_list", ()).prepare().unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 0, "a dry run does not ask");
    for _ in 0..2 {
        harness.command("api_token_list", ()).await.unwrap();
    }
    assert_eq!((asked.load(Ordering::SeqCst), server.received().len()), (2, 3));

    let failing = || async { Err::<Credentials, _>(std::io::Error::other("vault is sealed")) };
    let profile = Profile::new().base_url(server.url());
    let harness = builder().profile("panther", profile).credentials("panther", failing).build().unwrap();
    let error = harness.command("api_token_list", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "the credential provider of panther failed: vault is sealed");
}

#[tokio::test]
async fn revoking_gives_the_token_back_and_the_next_call_signs_in_anew() {
    let server = flow(&[1800], |_| true);
    let harness = in_region(&server).build().unwrap();
    harness.revoke().await.unwrap();
    harness.command("tokens_query", ()).await.unwrap();
    let error = harness.revoke().await.unwrap_err();
    assert!(error.to_string().starts_with("falcon: the revocation endpoint refused with 401"), "{error}");
    let asked = server.only("/oauth2/revoke");
    assert_eq!((asked.method.as_str(), asked.text().as_str()), ("POST", "token=t1"));
    assert_eq!(asked.header("authorization"), Some("Basic aWQ6cyZjcmV0"));
    harness.command("tokens_query", ()).await.unwrap();
    assert_eq!(server.count(TOKEN), 2);
}

#[test]
fn names_that_are_not_known_are_refused_when_the_harness_is_built() {
    let error = |builder: opcall::HarnessBuilder| builder.build().unwrap_err();
    let unknown = error(builder().profile("falcn", Profile::new()));
    assert_eq!(unknown.to_string(), "no service is called \"falcn\"");
    let region = error(builder().profile("falcon", Profile::new().region("mars")));
    assert_eq!(region.to_string(), "falcon has no region \"mars\"");
    let harness = builder().profile("falcon", Profile::new().named("child")).build().unwrap();
    let Err(Error::Config(config)) = harness.command("tokens_query", ()).profile("chid").prepare() else {
        panic!("not refused")
    };
    assert_eq!(config.to_string(), "falcon has no profile \"chid\"");
    assert_eq!(config.hint.as_deref(), Some("choose one of child."));
}
