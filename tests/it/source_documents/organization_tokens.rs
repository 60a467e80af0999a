//! `LogScale`'s organization tokens: all that its settings page offers, over GraphQL, called by ID.

use std::time::{Duration, SystemTime};

use opcall::{Credentials, Harness};
use serde_json::{Value, json};

use super::{Ground, refusal, texts};

/// Milliseconds since 1970, a day from now.
fn tomorrow() -> u64 {
    let moment = SystemTime::now() + Duration::from_secs(86_400);
    u64::try_from(moment.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// A new token: its ID, and the whole secret that is shown this one time.
async fn create(ground: &Ground, name: &str) -> (String, String) {
    let wish = json!({"name": name, "organizationPermissions": ["BlockQueries", "MonitorQueries"]});
    secret_of(&ground.call("organization_tokens_create", wish).await["token"])
}

/// A secret begins with the ID of its token.
fn secret_of(token: &Value) -> (String, String) {
    let whole = token.as_str().unwrap();
    (whole.split_once('~').unwrap().0.to_owned(), whole.to_owned())
}

fn signed_in(ground: &Ground, secret: &str) -> Harness {
    ground.signed_in("logscale", Credentials::new().access_token(secret))
}

/// The policies that have to be said at every change of one.
fn policies() -> Value {
    json!({
        "personalUserTokensEnabled": true,
        "viewPermissionTokensEnabled": true,
        "viewPermissionTokensAllowPermissionUpdates": true,
        "organizationPermissionTokensEnabled": true,
        "organizationPermissionTokensAllowPermissionUpdates": true,
    })
}

#[tokio::test]
async fn tokens_are_listed_and_filtered_by_name() {
    let ground = Ground::new().await;
    let all = ground.call("organization_tokens_query", ()).await;
    assert_eq!(texts(&all["results"], "/name"), ["fleet management", "query monitor", "usage report"]);
    for id in ["organization_tokens_query", "organization-tokens-query"] {
        let some = ground.call(id, json!({"searchFilter": "REPORT"})).await;
        assert_eq!(
            (texts(&some["results"], "/name"), &some["totalResults"]),
            (vec!["usage report"], &json!(1))
        );
    }
    let page = json!({"sortBy": "Name", "orderBy": "DESC", "skip": 1, "limit": 1});
    let page = ground.call("organization_tokens_query", page).await;
    assert_eq!((texts(&page["results"], "/name"), &page["totalResults"]), (vec!["query monitor"], &json!(3)));
}

#[tokio::test]
async fn a_token_is_created_with_permissions_expiry_and_ip_filter_and_shown() {
    let ground = Ground::new().await;
    let filter = json!({"name": "loopback", "ipFilter": "allow 127.0.0.0/8\ndeny all"});
    let filter = ground.call("ip_filters_create", filter).await;
    let named = ground.call("ip_filters_query", ()).await;
    assert_eq!(texts(&named, "/name"), ["office", "loopback"]);

    let expires = tomorrow();
    let permissions = ["ChangeFleetManagement", "ViewUsage"];
    let wish = json!({
        "name": "ci", "organizationPermissions": permissions, "expireAt": expires, "ipFilterId": filter["id"],
    });
    for params in [wish.clone(), json!({"input": wish})] {
        let created = ground.call("organization_tokens_create", params).await;
        let (id, secret) = secret_of(&created["token"]);
        let shown = ground.call("organization_tokens_get", json!({"tokenId": id})).await;
        for token in [&created["tokenMetadata"], &shown] {
            assert_eq!((&token["name"], &token["expireAt"]), (&json!("ci"), &json!(expires)));
            assert_eq!(
                (&token["permissions"], &token["ipFilterV2"]["name"]),
                (&json!(permissions), &json!("loopback"))
            );
        }
        assert!(
            !shown.to_string().contains(secret.split_once('~').unwrap().1),
            "the secret is shown once only"
        );
        signed_in(&ground, &secret).command("organization_tokens_query", ()).await.unwrap();
    }
}

#[tokio::test]
async fn an_ip_filter_keeps_other_addresses_out() {
    let ground = Ground::new().await;
    let office = ground.call("ip_filters_query", ()).await[0]["id"].clone();
    let wish = json!({"name": "office only", "organizationPermissions": ["ViewUsage"], "ipFilterId": office});
    let created = ground.call("organization_tokens_create", wish).await;
    let (_, secret) = secret_of(&created["token"]);
    let elsewhere = signed_in(&ground, &secret);
    let (status, message) = refusal(elsewhere.command("organization_tokens_query", ())).await;
    assert_eq!(status, 403);
    assert!(message.contains("IP filter"), "{message}");
}

#[tokio::test]
async fn an_expired_token_is_refused_at_once_and_listed_five_minutes_more() {
    let ground = Ground::new().await;
    let wish = json!({"name": "ci", "organizationPermissions": ["ViewUsage"], "expireAt": tomorrow()});
    let (_, secret) = secret_of(&ground.call("organization_tokens_create", wish).await["token"]);
    let harness = signed_in(&ground, &secret);
    harness.command("organization_tokens_query", ()).await.unwrap();

    let listed = async || {
        let found = ground.call("organization_tokens_query", json!({"searchFilter": "ci"})).await;
        found["totalResults"].clone()
    };
    ground.sandbox.advance(Duration::from_secs(86_400));
    assert_eq!(refusal(harness.command("organization_tokens_query", ())).await.0, 401);
    assert_eq!(listed().await, json!(1));
    ground.sandbox.advance(Duration::from_secs(301));
    assert_eq!(listed().await, json!(0));
}

#[tokio::test]
async fn a_policy_enforces_expiry_and_ip_filter() {
    let ground = Ground::new().await;
    let office = ground.call("ip_filters_query", ()).await[0]["id"].clone();
    let mut policies = policies();
    policies["organizationPermissionTokensEnforceExpirationAfterMs"] = json!(60_000);
    policies["organizationPermissionTokensEnforceIpFilterId"] = office;
    ground.call("token_security_policies_update", policies).await;
    let (id, _) = create(&ground, "ci").await;
    let shown = ground.call("organization_tokens_get", json!({"tokenId": id})).await;
    let life = shown["expireAt"].as_u64().unwrap() - shown["createdAt"].as_u64().unwrap();
    assert_eq!((life, &shown["ipFilterV2"]["name"]), (60_000, &json!("office")));
}

#[tokio::test]
async fn permissions_are_updated_where_the_policy_lets_them() {
    let ground = Ground::new().await;
    let (id, _) = create(&ground, "ci").await;
    for permissions in [json!(["ViewUsage"]), json!(["ViewUsage", "BlockQueries"])] {
        let wish = json!({"id": id, "permissions": permissions});
        ground.call("organization_tokens_update_permissions", wish).await;
        let shown = ground.call("organization_tokens_get", json!({"tokenId": id})).await;
        assert_eq!(shown["permissions"], permissions);
    }

    let mut policies = policies();
    policies["organizationPermissionTokensAllowPermissionUpdates"] = json!(false);
    ground.call("token_security_policies_update", policies).await;
    let wish = json!({"id": id, "permissions": ["ManageUsers"]});
    let (status, message) =
        refusal(ground.harness.command("organization_tokens_update_permissions", wish)).await;
    assert_eq!(status, 200, "GraphQL refuses with errors under HTTP 200");
    assert!(message.contains("policy"), "{message}");
}

#[tokio::test]
async fn a_reset_secret_ends_the_old_one_at_once() {
    let ground = Ground::new().await;
    let (id, old) = create(&ground, "ci").await;
    let old_harness = signed_in(&ground, &old);
    old_harness.command("organization_tokens_query", ()).await.unwrap();

    let (new_id, new) = secret_of(&ground.call("organization_tokens_rotate", json!({"id": id})).await);
    assert!(new_id != id && new != old);
    let (status, message) = refusal(old_harness.command("organization_tokens_query", ())).await;
    assert_eq!((status, message.as_str()), (401, "The supplied authentication is invalid"));
    signed_in(&ground, &new).command("organization_tokens_query", ()).await.unwrap();
    let shown = ground.call("organization_tokens_get", json!({"tokenId": new_id})).await;
    assert_eq!(shown["name"], "ci");
}

#[tokio::test]
async fn all_calls_with_a_deleted_token_fail() {
    let ground = Ground::new().await;
    let (id, secret) = create(&ground, "ci").await;
    assert_eq!(ground.call("organization_tokens_delete", json!({"id": id})).await, json!(true));
    let (status, _) = refusal(signed_in(&ground, &secret).command("organization_tokens_query", ())).await;
    assert_eq!(status, 401);
    let found = ground.call("organization_tokens_query", json!({"searchFilter": id})).await;
    assert_eq!(found["totalResults"], 0);
    let (_, message) =
        refusal(ground.harness.command("organization_tokens_get", json!({"tokenId": id}))).await;
    assert!(message.contains(&id), "{message}");
}
