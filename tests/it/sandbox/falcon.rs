//! Falcon: sign-in, scopes, installation tokens from birth to end, limits, regions.

use std::time::Duration;

use opcall::sandbox::Sandbox;
use serde_json::{Value, json};

use super::common::{Http, Reply, caller};

const TOKENS: &str = "/installation-tokens/entities/tokens/v1";
const FIND: &str = "/installation-tokens/queries/tokens/v1";
const SETTINGS: &str = "/installation-tokens/entities/customer-settings/v1";
const EVENTS: &str = "/installation-tokens/queries/audit-events/v1";

async fn started() -> (Sandbox, Http) {
    let sandbox = Sandbox::start().await.unwrap();
    let http = Http::falcon(&sandbox, "full").await;
    (sandbox, http)
}

fn ids(reply: &Reply) -> Vec<String> {
    let ids = reply.json["resources"].as_array().unwrap();
    ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

fn first(reply: &Reply) -> &Value {
    &reply.json["resources"][0]
}

#[tokio::test]
async fn a_token_from_birth_to_end() {
    let (_sandbox, http) = started().await;
    let created =
        http.post(TOKENS, &json!({"label": "ci", "expires_timestamp": "2099-01-01T00:00:00Z"})).await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.json["meta"]["writes"]["resources_affected"], 1);
    let token = first(&created);
    assert_eq!((&token["status"], &token["type"]), (&json!("valid"), &json!("customer_managed")));
    assert_eq!(token["expires_timestamp"], "2099-01-01T00:00:00Z");
    let id = token["id"].as_str().unwrap();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));

    assert_eq!(
        ids(&http
            .get(&format!("{FIND}?filter=label:*'c*'%2Bstatus:'valid'&sort=created_timestamp.desc"))
            .await)[0],
        id
    );
    assert_eq!(first(&http.get(&format!("{TOKENS}?ids={id}")).await)["value"], token["value"]);

    let revoked = http.patch(&format!("{TOKENS}?ids={id}"), &json!({"revoked": true})).await;
    assert_eq!((revoked.status, &first(&revoked)["status"]), (200, &json!("revoked")));
    assert!(first(&revoked)["revoked_timestamp"].is_string());
    let restored =
        http.patch(&format!("{TOKENS}?ids={id}"), &json!({"revoked": false, "label": "ci 2"})).await;
    assert_eq!((&first(&restored)["status"], &first(&restored)["label"]), (&json!("valid"), &json!("ci 2")));
    assert_eq!(first(&restored)["revoked_timestamp"], Value::Null);

    let deleted = http.delete(&format!("{TOKENS}?ids={id}")).await;
    assert_eq!((deleted.status, deleted.json.get("resources")), (200, None));
    assert_eq!(deleted.json["meta"]["writes"]["resources_affected"], 1);
    let again = http.delete(&format!("{TOKENS}?ids={id}")).await;
    assert_eq!((again.status, &again.json["resources"]), (404, &json!([])));

    let filter = format!("{EVENTS}?filter=token_id:'{id}'");
    let events = ids(&http.get(&filter).await).join(",");
    let events = http.get(&format!("/installation-tokens/entities/audit-events/v1?ids={events}")).await;
    let actions: Vec<_> =
        events.json["resources"].as_array().unwrap().iter().map(|event| &event["action"]).collect();
    assert_eq!(actions, ["token_delete", "token_restore", "token_revoke", "token_create"]);
}

#[tokio::test]
async fn sign_in_is_a_form_and_answers_201() {
    let sandbox = Sandbox::start().await.unwrap();
    let http = Http::new(&sandbox.url_of("falcon"));
    let full = caller(&sandbox, "falcon", "full");
    let good = http.token(&full, "").await;
    assert_eq!((good.status, &good.json["token_type"]), (201, &json!("bearer")));
    assert_eq!(good.json["expires_in"], 1799);
    assert_eq!(good.header("x-cs-region"), Some("us-1"));
    assert!(good.header("x-cs-traceid").is_some() && good.header("x-ratelimit-limit") == Some("300"));
    assert_eq!(http.token(&full, "&member_cid=0000000000000000000000000000c1d1").await.status, 201);

    let member = http.token(&full, "&member_cid=unknown").await;
    assert_eq!(
        (member.status, member.message()),
        (403, "Failed to generate access token for customer ID=unknown")
    );
    assert_eq!(member.json["meta"]["powered_by"], "csam");
    let json = http.post("/oauth2/token", &json!({"client_id": full.client_id})).await;
    assert_eq!(json.status, 400);
    let malformed = http.form("/oauth2/token", &[], "client_id=me&client_secret=x".to_owned()).await;
    assert_eq!(
        (malformed.status, malformed.message()),
        (400, "Failed to generate access token for clientID=me")
    );
    let wrong = http
        .form("/oauth2/token", &[], format!("client_id={}&client_secret=x", full.client_id.unwrap()))
        .await;
    assert_eq!((wrong.status, wrong.message()), (403, "access denied, invalid client credentials"));
    assert_eq!(wrong.json.get("resources"), None);
}

#[tokio::test]
async fn bearer_tokens_expire_and_are_revoked() {
    let (sandbox, http) = started().await;
    assert_eq!(http.get(FIND).await.status, 200);
    sandbox.advance(Duration::from_secs(1800));
    let expired = http.get(FIND).await;
    assert_eq!((expired.status, expired.message()), (401, "access denied, invalid bearer token"));
    assert_eq!(expired.json["meta"]["powered_by"], "crowdstrike-api-gateway");

    let http = Http::new(&sandbox.url_of("falcon"));
    let missing = http.get(FIND).await;
    assert_eq!((missing.status, missing.message()), (401, "access denied, authorization failed"));
    let bearer = http.token(&caller(&sandbox, "falcon", "full"), "").await.json["access_token"].clone();
    let bearer = bearer.as_str().unwrap();
    let auth = format!("Bearer {bearer}");
    assert_eq!(http.send("GET", FIND, &[("authorization", &auth)], None).await.status, 200);
    let wrong = http.form("/oauth2/revoke", &[], format!("token={bearer}")).await;
    assert_eq!(wrong.status, 403);
    // full:demo-secret-full
    let basic = "Basic MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDE6ZGVtby1zZWNyZXQtZnVsbA==";
    let revoked = http.form("/oauth2/revoke", &[("authorization", basic)], format!("token={bearer}")).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text);
    assert_eq!(http.send("GET", FIND, &[("authorization", &auth)], None).await.status, 401);
}

#[tokio::test]
async fn scopes_are_kept() {
    let sandbox = Sandbox::start().await.unwrap();
    let reader = Http::falcon(&sandbox, "read-only").await;
    assert_eq!(reader.get(FIND).await.status, 200);
    let refused = reader.post(TOKENS, &json!({"label": "x"})).await;
    assert_eq!((refused.status, refused.message()), (403, "access denied, authorization failed"));
    let writer = Http::falcon(&sandbox, "no-settings").await;
    assert_eq!(writer.post(TOKENS, &json!({"label": "x"})).await.status, 201);
    assert_eq!(writer.patch(SETTINGS, &json!({"tokens_required": false})).await.status, 403);
    assert_eq!(writer.get(SETTINGS).await.status, 200);
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let (_sandbox, http) = started().await;
    for (path, part) in [
        (format!("{FIND}?limit=0"), "limit must be an integer from 1 to 1000"),
        (format!("{FIND}?limit=1001"), "limit must be"),
        (format!("{FIND}?offset=-1"), "offset must be"),
        (format!("{FIND}?filter=status:valid"), "invalid filter: expected a value in single quotes"),
        (format!("{FIND}?filter=colour:'red'"), "invalid filter: colour is no field"),
        (format!("{FIND}?sort=colour.asc"), "invalid sort: colour"),
        (format!("{FIND}?sort=label.up"), "invalid sort: up"),
        (TOKENS.to_owned(), "ids is required"),
    ] {
        let reply = http.get(&path).await;
        assert_eq!(reply.status, 400, "{path}");
        assert!(reply.message().starts_with(part), "{path}: {}", reply.message());
    }
    for (body, part) in [
        (json!({}), "label is required"),
        (json!({"label": " "}), "label must be"),
        (json!({"label": "x", "expires_timestamp": "soon"}), "expires_timestamp must be a time"),
        (
            json!({"label": "x", "expires_timestamp": "2001-01-01T00:00:00Z"}),
            "expires_timestamp must be in the future",
        ),
        (json!([]), "the request body must be a JSON object"),
    ] {
        let reply = http.post(TOKENS, &body).await;
        assert_eq!(reply.status, 400, "{body}");
        assert!(reply.message().starts_with(part), "{body}: {}", reply.message());
    }
    assert_eq!(
        http.send("POST", TOKENS, &[], Some("{".to_owned())).await.message(),
        "the request body is not valid JSON"
    );
    assert_eq!(http.post(TOKENS, &json!({"label": "x", "colour": 5})).await.status, 201);
    let id = &ids(&http.get(FIND).await)[0];
    assert_eq!(http.patch(&format!("{TOKENS}?ids={id}"), &json!({"revoked": "yes"})).await.status, 400);
}

#[tokio::test]
async fn unknown_ids_paths_and_methods() {
    let (_sandbox, http) = started().await;
    let id = ids(&http.get(FIND).await).remove(0);
    let read = http.get(&format!("{TOKENS}?ids={id}&ids=none")).await;
    assert_eq!((read.status, read.json["resources"].as_array().unwrap().len()), (200, 1));
    assert_eq!(read.json["errors"], json!([{"code": 404, "message": "resource not found", "id": "none"}]));
    let update = http.patch(&format!("{TOKENS}?ids={id},none"), &json!({"label": "changed"})).await;
    assert_eq!(update.status, 404);
    assert_ne!(first(&http.get(&format!("{TOKENS}?ids={id}")).await)["label"], "changed");
    let path = http.get("/nothing").await;
    assert_eq!((path.status, path.json["errors"][0]["code"].clone()), (404, json!(404)));
    let method = http.send("PUT", TOKENS, &[], None).await;
    assert_eq!((method.status, method.header("allow")), (405, Some("DELETE, GET, PATCH, POST")));
}

#[tokio::test]
async fn pages_follow_each_other() {
    let (_sandbox, http) = started().await;
    let all = ids(&http.get(FIND).await);
    let mut paged = Vec::new();
    while paged.len() < all.len() {
        let page = http.get(&format!("{FIND}?limit=5&offset={}", paged.len())).await;
        assert_eq!(
            page.json["meta"]["pagination"],
            json!({"limit": 5, "offset": paged.len(), "total": all.len()})
        );
        paged.extend(ids(&page));
    }
    assert_eq!(paged, all);
    assert_eq!(http.get(FIND).await.json["meta"]["pagination"]["limit"], 50);
    let newest = ids(&http.get(&format!("{FIND}?sort=created_timestamp|desc")).await);
    assert_eq!(newest, all.into_iter().rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn tokens_expire_by_the_clock() {
    let clock = "2025-06-01T00:00:00Z".parse().unwrap();
    let sandbox = Sandbox::builder().clock(clock).start().await.unwrap();
    let http = Http::falcon(&sandbox, "full").await;
    let body = json!({"label": "short", "expires_timestamp": "2025-06-01T00:10:00Z"});
    let id = first(&http.post(TOKENS, &body).await)["id"].as_str().unwrap().to_owned();
    let find = format!("{FIND}?filter=status:'expired'%2Blabel:'short'");
    assert!(ids(&http.get(&find).await).is_empty());
    sandbox.advance(Duration::from_secs(600));
    assert_eq!(ids(&http.get(&find).await), [id]);
}

#[tokio::test]
async fn null_and_absent_expiry_differ() {
    let (_sandbox, http) = started().await;
    let body = json!({"label": "x", "expires_timestamp": "2099-01-01T00:00:00Z"});
    let id = first(&http.post(TOKENS, &body).await)["id"].as_str().unwrap().to_owned();
    let path = format!("{TOKENS}?ids={id}");
    let kept = http.patch(&path, &json!({"label": "y"})).await;
    assert_eq!(first(&kept)["expires_timestamp"], "2099-01-01T00:00:00Z");
    let cleared = http.patch(&path, &json!({"expires_timestamp": null})).await;
    assert_eq!(first(&cleared)["expires_timestamp"], Value::Null);
    assert_eq!(first(&cleared)["label"], "y");
}

#[tokio::test]
async fn ids_repeat_or_stand_with_commas() {
    let (_sandbox, http) = started().await;
    let ids = ids(&http.get(&format!("{FIND}?limit=2")).await);
    let repeated = http.get(&format!("{TOKENS}?ids={}&ids={}", ids[0], ids[1])).await;
    let commas = http.get(&format!("{TOKENS}?ids={}%2C{}", ids[0], ids[1])).await;
    assert_eq!(repeated.json["resources"].as_array().unwrap().len(), 2);
    assert_eq!(repeated.json["resources"], commas.json["resources"]);
    let path = format!("{TOKENS}?ids={},{}", ids[0], ids[1]);
    assert_eq!(http.delete(&path).await.json["meta"]["writes"]["resources_affected"], 2);
}

#[tokio::test]
async fn the_most_active_tokens_are_kept_to() {
    let (_sandbox, http) = started().await;
    assert_eq!(
        first(&http.get(SETTINGS).await),
        &json!({"tokens_required": true, "max_active_tokens": 1000})
    );
    assert_eq!(http.patch(SETTINGS, &json!({"max_active_tokens": 0})).await.status, 400);
    let changed = http.patch(SETTINGS, &json!({"max_active_tokens": 8})).await;
    assert_eq!(first(&changed), &json!({"tokens_required": true, "max_active_tokens": 8}));
    assert_eq!(http.post(TOKENS, &json!({"label": "one too many"})).await.status, 409);
    let revoked = ids(&http.get(&format!("{FIND}?filter=status:'revoked'")).await).remove(0);
    assert_eq!(http.patch(&format!("{TOKENS}?ids={revoked}"), &json!({"revoked": false})).await.status, 400);
}

#[tokio::test]
async fn the_rate_limit_counts_and_says_when() {
    let clock = "2025-06-01T00:00:00Z".parse().unwrap();
    let sandbox = Sandbox::builder().clock(clock).rate(2).start().await.unwrap();
    let http = Http::falcon(&sandbox, "full").await;
    for remaining in ["1", "0"] {
        let reply = http.get(FIND).await;
        assert_eq!((reply.status, reply.header("x-ratelimit-limit")), (200, Some("2")));
        assert_eq!(reply.header("x-ratelimit-remaining"), Some(remaining));
    }
    let full = http.get(FIND).await;
    assert_eq!((full.status, full.message()), (429, "API rate limit exceeded"));
    assert_eq!(full.header("x-ratelimit-retryafter"), Some("1748736060"));
    assert_eq!(full.header("retry-after"), None);
    sandbox.advance(Duration::from_secs(60));
    assert_eq!(http.get(FIND).await.status, 200);

    let stranger = Http::new(&sandbox.url_of("falcon")).with("authorization", "Bearer wrong");
    for _ in 0..15 {
        assert_eq!(stranger.get(FIND).await.status, 401);
    }
    assert_eq!(stranger.get(FIND).await.status, 429);
}

#[tokio::test]
async fn the_moment_can_be_told_in_milliseconds() {
    let clock = "2025-06-01T00:00:00Z".parse().unwrap();
    let sandbox =
        Sandbox::builder().clock(clock).rate(0).retry_after_in_milliseconds().start().await.unwrap();
    let reply = Http::falcon(&sandbox, "full").await.get(FIND).await;
    assert_eq!((reply.status, reply.header("x-ratelimit-retryafter")), (429, Some("1748736060000")));
}

#[tokio::test]
async fn the_wrong_region_sends_on_to_the_right_one() {
    let sandbox = Sandbox::start().await.unwrap();
    let regions = sandbox.regions("falcon");
    assert_eq!(regions[0], ("us-1".to_owned(), sandbox.url_of("falcon")));
    let wanderer = caller(&sandbox, "falcon", "us-2");
    let (here, there) = (Http::new(&regions[0].1), Http::new(&regions[1].1));
    let sent = here.token(&wanderer, "").await;
    assert_eq!((sent.status, sent.text.as_str()), (308, ""));
    assert_eq!(sent.header("x-cs-region"), Some("us-2"));
    assert_eq!(sent.header("location").unwrap(), format!("{}/oauth2/token", regions[1].1));
    let good = there.token(&wanderer, "").await;
    assert_eq!((good.status, good.header("x-cs-region")), (201, Some("us-2")));
    let bearer = format!("Bearer {}", good.json["access_token"].as_str().unwrap());
    assert_eq!(there.send("GET", FIND, &[("authorization", &bearer)], None).await.status, 200);
    assert_eq!(here.send("GET", FIND, &[("authorization", &bearer)], None).await.status, 401);
}

#[tokio::test]
async fn a_fault_moves_everyone_to_the_other_region() {
    let sandbox = Sandbox::builder().fault("token:308".parse().unwrap()).start().await.unwrap();
    let regions = sandbox.regions("falcon");
    let full = caller(&sandbox, "falcon", "full");
    assert_eq!(Http::new(&regions[0].1).token(&full, "").await.status, 308);
    assert_eq!(Http::new(&regions[1].1).token(&full, "").await.status, 201);
}
