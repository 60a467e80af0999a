//! The sandbox over real sockets, with a plain HTTP client.

mod common;
mod described;
mod falcon;
mod logscale;
mod panther;

use std::time::Duration;

use opcall::sandbox::{Fault, Sandbox};
use serde_json::json;

use common::{Http, Reply};

#[tokio::test]
async fn beyond_loopback_nothing_is_bound() {
    let refusal = Sandbox::builder().host("0.0.0.0".parse().unwrap()).start().await.unwrap_err();
    assert!(matches!(refusal, opcall::Error::Unsafe(_)), "{refusal:?}");
}

#[tokio::test]
async fn other_host_names_are_refused() {
    let sandbox = Sandbox::start().await.unwrap();
    let http = Http::new(&sandbox.url());
    let reply = http.send("GET", "/panther/api-tokens", &[("host", "evil.example.com")], None).await;
    assert_eq!(reply.status, 403);
    for host in ["localhost", "127.0.0.1:1", "[::1]:80"] {
        assert_eq!(
            http.send("GET", "/panther/api-tokens", &[("host", host)], None).await.status,
            401,
            "{host}"
        );
    }
}

#[tokio::test]
async fn an_unknown_service_is_told_the_known_ones() {
    let sandbox = Sandbox::start().await.unwrap();
    let reply = Http::new(&sandbox.url()).send("GET", "/nothing/here", &[], None).await;
    assert_eq!(reply.status, 404);
    assert_eq!(
        reply.json["message"],
        "no service has this path; the services are /falcon/, /logscale/, /panther/"
    );
}

#[tokio::test]
async fn two_starts_are_the_same_and_another_seed_is_not() {
    async fn listed(sandbox: &Sandbox) -> Reply {
        let http = Http::falcon(sandbox, "full").await;
        http.get("/installation-tokens/queries/tokens/v1?limit=5&filter=status:'valid'").await
    }
    let (one, two) = (Sandbox::start().await.unwrap(), Sandbox::start().await.unwrap());
    let (first, second) = (listed(&one).await, listed(&two).await);
    assert_eq!(first.json["resources"].as_array().unwrap().len(), 5);
    assert_eq!(first.json, second.json);
    let other = Sandbox::builder().seed(7).start().await.unwrap();
    assert_ne!(listed(&other).await.json["resources"], first.json["resources"]);
}

#[tokio::test]
async fn a_state_file_is_carried_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let sandbox = Sandbox::builder().state_file(&file).start().await.unwrap();
    let http = Http::falcon(&sandbox, "full").await;
    let path = "/installation-tokens/entities/tokens/v1";
    let first = http.post(path, &json!({"label": "kept"})).await;
    sandbox.stop().await;

    let sandbox = Sandbox::builder().state_file(&file).start().await.unwrap();
    let http = Http::falcon(&sandbox, "full").await;
    let id = first.json["resources"][0]["id"].as_str().unwrap();
    let read = http.get(&format!("{path}?ids={id}")).await;
    assert_eq!(read.json["resources"], first.json["resources"]);
    let second = http.post(path, &json!({"label": "next"})).await;
    assert_ne!(second.json["resources"][0]["id"], first.json["resources"][0]["id"]);
    sandbox.stop().await;

    std::fs::write(&file, "{}").unwrap();
    let refusal = Sandbox::builder().state_file(&file).start().await.unwrap_err();
    assert!(matches!(refusal, opcall::Error::Config(_)), "{refusal:?}");
}

#[tokio::test]
async fn a_harness_calls_all_three_services() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut builder = opcall::Harness::builder();
    for service in ["falcon", "panther", "logscale"] {
        builder = builder.profile(service, sandbox.profile(service));
    }
    let harness = builder.build().unwrap();
    let filter = json!({"limit": 5, "filter": "status:'valid'"});
    let found = harness.command("tokens_query", filter).await.unwrap();
    assert_eq!(found.value().unwrap()["resources"].as_array().unwrap().len(), 5);
    let listed = harness.command("api_token_list", ()).await.unwrap();
    assert_eq!(listed.value().unwrap()["results"].as_array().unwrap().len(), 3);
    let wish = json!({"name": "ci", "organizationPermissions": ["ViewUsage"]});
    let made = harness.command("organization_tokens_create", wish).await.unwrap();
    assert_eq!(made.value().unwrap()["tokenMetadata"]["name"], "ci");
    assert_eq!(sandbox.count("logscale:organization_tokens_create"), 1);
    let other = harness.command("QueryDevicesByFilter", [("limit", 1)]).await.unwrap();
    assert_eq!(other.value().unwrap()["errors"], json!([]));
    assert_eq!(sandbox.count("token"), 1);
}

#[tokio::test]
async fn a_head_is_a_get_without_a_body() {
    let sandbox = Sandbox::start().await.unwrap();
    let http = Http::panther(&sandbox, "admin");
    let reply = http.send("HEAD", "/api-tokens", &[], None).await;
    assert_eq!((reply.status, reply.text.as_str()), (200, ""));
}

#[tokio::test]
async fn requests_are_counted_under_every_name() {
    let sandbox = Sandbox::start().await.unwrap();
    let http = Http::falcon(&sandbox, "full").await;
    http.get("/installation-tokens/queries/tokens/v1").await;
    http.get("/installation-tokens/queries/tokens/v1?limit=0").await;
    assert_eq!(sandbox.count("token"), 1);
    assert_eq!(sandbox.count("tokens-query"), 2);
    assert_eq!(sandbox.count("falcon:tokens_query"), 2);
    assert_eq!(sandbox.count("panther:tokens_query"), 0);
}

#[tokio::test]
async fn faults_have_each_service_s_shape_and_end() {
    let text = "tokens_query:503;retry-after=2;times=1";
    let sandbox = Sandbox::builder()
        .fault(text.parse().unwrap())
        .fault("api_token_list:429;retry-after=1500ms".parse().unwrap())
        .fault(Fault::new("organization_tokens_query", 500))
        .fault(Fault::new("panther:api_token_get", 200).slow(Duration::from_millis(80)))
        .start()
        .await
        .unwrap();
    let http = Http::falcon(&sandbox, "full").await;
    let path = "/installation-tokens/queries/tokens/v1";
    let reply = http.get(path).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("2")));
    assert_eq!(reply.json["errors"][0]["message"], "service unavailable");
    assert_eq!(http.get(path).await.status, 200);

    let http = Http::panther(&sandbox, "admin");
    let reply = http.get("/api-tokens").await;
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("2")));
    assert_eq!(reply.json["message"], "too many requests");
    let start = std::time::Instant::now();
    assert_eq!(http.get("/api-tokens/self").await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(80));

    let http = Http::logscale(&sandbox, "root");
    let reply = http.graphql("query organization_tokens_query { organization { id } }", &json!({})).await;
    assert_eq!((reply.status, reply.text.as_str()), (500, "internal server error"));
}
