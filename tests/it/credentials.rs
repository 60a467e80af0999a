//! Credentials of every kind against servers that record every byte: where they come from, where they are put, and
//! where they must never go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use opcall::{Credentials, Error, Harness, Profile};

use crate::support::{Received, Reply, Server, builder};

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
    let error = key.command("both", ()).service("kinds").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no credentials for kinds; nothing was sent\n  header and query: KINDS_HEADER; and KINDS_QUERY"
    );
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

/// What the caller gives, or wants left out, at the place of credentials stands on the wire as it does in a dry run.
#[tokio::test]
async fn own_keys_and_dropped_headers_reach_the_socket() {
    let server = answering();
    let credentials = Credentials::new().api_key("k").access_token("tok").basic("Aladdin", "open sesame");
    let harness = kinds(&server.url(), "https://sink.example", Profile::new().credentials(credentials));
    let call = |id| harness.command(id, ()).service("kinds");
    let last = || server.received().pop().unwrap();

    call("header").header("x-KEY", "mine").await.unwrap();
    assert_eq!(all(&last(), "x-key"), ["mine"]);
    call("basic").header("authorization", "Mine 1").await.unwrap();
    assert_eq!(all(&last(), "authorization"), ["Mine 1"]);
    call("cookie").header("cookie", "sid=mine; a=b").await.unwrap();
    assert_eq!(all(&last(), "cookie"), ["sid=mine; a=b"]);
    harness.command("query", [("key", "mine")]).service("kinds").allow_unknown().await.unwrap();
    assert_eq!(last().target, "/v1/query?key=mine");

    for (id, name) in
        [("header", "X-Key"), ("bearer", "Authorization"), ("cookie", "cookie"), ("basic", "authorization")]
    {
        call(id).without_header(name).await.unwrap();
        assert_eq!(all(&last(), &name.to_ascii_lowercase()), [""; 0], "{id}");
    }
    // The HTTP library puts it back in the form that means the same as none.
    call("open").without_header("accept").await.unwrap();
    assert_eq!(all(&last(), "accept"), ["*/*"]);
}

/// The values of a header, in order.
fn all<'r>(request: &'r Received, name: &str) -> Vec<&'r str> {
    request.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
}

#[tokio::test]
async fn credentials_go_to_the_address_that_was_named_only() {
    let (server, sink) = (answering(), Server::sink());
    let profile = Profile::new().credentials(Credentials::new().api_key("k").client("id", "s3cr3t-0f-1d"));
    let harness = kinds(&server.url(), &sink.url(), profile);

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
async fn a_provider_is_not_asked_by_what_needs_no_credentials() {
    let server = answering();
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), KINDS.replace("SERVER", &server.url()).replace("SINK", "https://s.example"))
        .unwrap();
    let failing = || async { Err::<Credentials, _>(std::io::Error::other("vault is sealed")) };
    let harness = builder().spec(file.path()).credentials("kinds", failing).build().unwrap();
    assert_eq!(sent(&server, &harness, "open").await.target, "/v1/open");
    let error = harness.command("header", ()).service("kinds").await.unwrap_err();
    assert_eq!(error.to_string(), "the credential provider of kinds failed: vault is sealed");
}

/// Two operations that have all names in common but one, and nothing else.
#[tokio::test]
async fn operations_of_one_name_keep_their_own_address_and_scheme() {
    let folder = tempfile::tempdir().unwrap();
    let service = folder.path().join("twins");
    std::fs::create_dir(&service).unwrap();
    let servers = ["one", "two"].map(|name| (name, answering()));
    for (name, server) in &servers {
        let text = format!(
            "openapi: 3.0.3\nservers: [{{url: '{url}'}}]\n\
             components: {{securitySchemes: {{{name}: {{type: apiKey, in: header, name: x-{name}}}}}}}\n\
             paths: {{/status: {{get: {{operationId: status, x-aliases: [{name}_status], security: [{{{name}: []}}],\n\
             servers: [{{url: '{url}'}}]}}}}}}\n",
            url = server.url()
        );
        std::fs::write(service.join(format!("{name}.yaml")), text).unwrap();
    }
    let credentials = Credentials::new().scheme("one", "k1").scheme("two", "k2");
    let profile = Profile::new().credentials(credentials);
    let harness = builder().spec(&service).profile("twins", profile).build().unwrap();
    for _ in 0..2 {
        for name in ["one", "two"] {
            harness.command(&format!("{name}_status"), ()).await.unwrap();
        }
    }
    for (name, server) in &servers {
        let received = server.received();
        assert_eq!(received.len(), 2, "{name}");
        assert!(received.iter().all(|request| request.header(&format!("x-{name}")).is_some()), "{name}");
    }
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

#[test]
fn other_hosts_of_the_document_count_for_its_own_regions_only() {
    let url = |profile: Profile| {
        let harness = builder().profile("falcon", profile).build().unwrap();
        let prepared =
            harness.command("ImageMatchesPolicy", [("repository", "r"), ("tag", "t")]).prepare().unwrap();
        prepared.url().into_owned()
    };
    for (profile, host) in [
        (Profile::new(), "https://container-upload.us-1.crowdstrike.com/"),
        (Profile::new().region("eu1"), "https://container-upload.eu-1.crowdstrike.com/"),
        (Profile::new().base_url("http://127.0.0.1:1/gate"), "http://127.0.0.1:1/gate/"),
    ] {
        assert!(url(profile).starts_with(host), "{host}");
    }
    let replaced = builder().regions("falcon", [("us-1", "http://127.0.0.1:2")]).build().unwrap();
    let prepared =
        replaced.command("ImageMatchesPolicy", [("repository", "r"), ("tag", "t")]).prepare().unwrap();
    assert!(prepared.url().starts_with("http://127.0.0.1:2/"), "{}", prepared.url());
}
