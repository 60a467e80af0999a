//! Panther: keys, permissions, addresses, API tokens from birth to end.

use opcall::sandbox::Sandbox;
use serde_json::{Value, json};

use super::common::{Http, Reply};

const TOKENS: &str = "/api-tokens";

async fn started() -> (Sandbox, Http) {
    let sandbox = Sandbox::start().await.unwrap();
    let http = Http::panther(&sandbox, "admin");
    (sandbox, http)
}

fn text<'r>(reply: &'r Reply, name: &str) -> &'r str {
    reply.json[name].as_str().unwrap()
}

#[tokio::test]
async fn a_token_from_birth_to_end() {
    let (sandbox, http) = started().await;
    let body = json!({"name": "ci", "permissions": ["AlertRead"], "allowedCIDRBlocks": ["127.0.0.1/32"]});
    let created = http.post(TOKENS, &body).await;
    assert_eq!(created.status, 200, "{}", created.text);
    let path = format!("{TOKENS}/{}", text(&created, "id"));
    assert_eq!(created.json["createdBy"]["type"], "api-token");

    let read = http.get(&path).await;
    assert_eq!((read.status, read.json.get("value")), (200, None));
    assert_eq!(read.json["allowedCIDRBlocks"], json!(["127.0.0.1/32"]));
    let updated = http.post(&path, &json!({"name": "ci 2", "permissions": []})).await;
    assert_eq!(updated.json["allowedCIDRBlocks"], json!([]));
    assert!(updated.json["updatedAt"].is_string() && updated.json.get("value").is_none());

    let rotated = http.send("POST", &format!("{path}/rotate"), &[], None).await;
    assert_eq!(rotated.json["id"], created.json["id"]);
    assert_ne!(rotated.json["value"], created.json["value"]);
    let old = Http::new(&sandbox.url_of("panther")).with("x-api-key", text(&created, "value"));
    assert_eq!(old.get(TOKENS).await.status, 401);

    let deleted = http.delete(&path).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    let gone = http.get(&path).await;
    assert_eq!((gone.status, &gone.json["message"]), (404, &json!("no API token has this id")));
}

#[tokio::test]
async fn a_key_is_needed() {
    let (sandbox, http) = started().await;
    for http in [Http::new(&sandbox.url_of("panther")), http.with("x-api-key", "wrong")] {
        let refused = http.get(TOKENS).await;
        assert_eq!((refused.status, refused.json), (401, json!({"message": "Unauthorized"})));
    }
}

#[tokio::test]
async fn permissions_are_kept_but_for_the_own_rotation() {
    let (sandbox, _) = started().await;
    let reader = Http::panther(&sandbox, "read-only");
    assert_eq!(reader.get(TOKENS).await.status, 200);
    assert_eq!(reader.delete(&format!("{TOKENS}/self")).await.status, 403);
    let weak = Http::panther(&sandbox, "weak");
    let refused = weak.get(&format!("{TOKENS}/self")).await;
    assert_eq!(
        (refused.status, text(&refused, "message")),
        (403, "the API token lacks the permission OrganizationAPITokenRead")
    );
    let rotated = weak.send("POST", &format!("{TOKENS}/self/rotate"), &[], None).await;
    assert_eq!(rotated.status, 200);
    assert_eq!(weak.send("POST", &format!("{TOKENS}/self/rotate"), &[], None).await.status, 401);
}

#[tokio::test]
async fn self_is_the_calling_token() {
    let (_sandbox, http) = started().await;
    let own = http.get(&format!("{TOKENS}/self")).await;
    assert_eq!(text(&own, "name"), "administration");
    let body = json!({"name": "renamed", "permissions": own.json["permissions"]});
    assert_eq!(text(&http.post(&format!("{TOKENS}/self"), &body).await, "name"), "renamed");
    assert_eq!(http.delete(&format!("{TOKENS}/self")).await.status, 204);
    assert_eq!(http.get(TOKENS).await.status, 401);
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let (_sandbox, http) = started().await;
    for (body, message) in [
        (json!({"permissions": []}), "name is required"),
        (json!({"name": "", "permissions": []}), "name must be a string that is not blank"),
        (json!({"name": "x"}), "permissions is required"),
        (json!({"name": "x", "permissions": "AlertRead"}), "permissions must be an array of strings"),
        (json!({"name": "x", "permissions": ["Everything"]}), "Everything is no permission"),
        (
            json!({"name": "x", "permissions": [], "allowedCIDRBlocks": ["10.0.0.1"]}),
            "10.0.0.1 is no CIDR block",
        ),
        (json!("x"), "the request body must be a JSON object"),
    ] {
        let refused = http.post(TOKENS, &body).await;
        assert_eq!((refused.status, text(&refused, "message")), (400, message));
    }
    assert_eq!(http.send("PATCH", TOKENS, &[], None).await.header("allow"), Some("GET, POST"));
    assert_eq!(http.get("/nothing").await.json, json!({"message": "not found"}));
}

#[tokio::test]
async fn addresses_beyond_the_blocks_are_refused() {
    let (sandbox, http) = started().await;
    let body = |block: &str| json!({"name": "x", "permissions": ["OrganizationAPITokenRead"], "allowedCIDRBlocks": [block]});
    for (block, status) in [("10.0.0.0/8", 403), ("127.0.0.0/8", 200)] {
        let created = http.post(TOKENS, &body(block)).await;
        let own = Http::new(&sandbox.url_of("panther")).with("x-api-key", text(&created, "value"));
        assert_eq!(own.get(TOKENS).await.status, status, "{block}");
    }
}

#[tokio::test]
async fn pages_follow_each_other_where_they_are_asked_for() {
    let (_one_page, http) = started().await;
    let whole = http.get(TOKENS).await;
    assert_eq!(whole.json.get("next"), None);
    let sandbox = Sandbox::builder().page(2).start().await.unwrap();
    let http = Http::panther(&sandbox, "admin");
    let first = http.get(TOKENS).await;
    let second = http.get(&format!("{TOKENS}?cursor={}", text(&first, "next"))).await;
    assert_eq!((first.json["results"].as_array().unwrap().len(), second.json.get("next")), (2, None));
    let all: Vec<&Value> = first.json["results"]
        .as_array()
        .unwrap()
        .iter()
        .chain(second.json["results"].as_array().unwrap())
        .collect();
    let names =
        |tokens: Vec<&Value>| tokens.iter().map(|token| token["name"].to_string()).collect::<Vec<_>>();
    assert_eq!(names(all), names(whole.json["results"].as_array().unwrap().iter().collect()));
    assert_eq!(http.get(&format!("{TOKENS}?cursor=x")).await.status, 400);
}

#[tokio::test]
async fn the_versioned_base_is_served_too() {
    let (sandbox, http) = started().await;
    assert_eq!(http.get("/v1/api-tokens").await.status, 200);
    assert_eq!(sandbox.count("api_token_list"), 1);
}
