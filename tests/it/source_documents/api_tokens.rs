//! Panther's API tokens: the six operations of the page, by published ID, by alias and by method and path, and with
//! `self` in place of an ID.

use opcall::{Credentials, Harness};
use serde_json::{Value, json};

use super::{Ground, refusal, texts};

/// The three names of an operation.
const CREATE: [&str; 3] = ["api token#create", "api_token_create", "POST /api-tokens"];

fn wish(name: &str) -> Value {
    json!({"name": name, "permissions": ["AlertRead"], "allowedCIDRBlocks": ["127.0.0.0/8"]})
}

fn signed_in(ground: &Ground, value: &Value) -> Harness {
    ground.signed_in("panther", Credentials::new().api_key(value.as_str().unwrap()))
}

/// A new token that may read and change tokens, and a harness that has it.
async fn capable(ground: &Ground) -> (Value, Harness) {
    let permissions = ["OrganizationAPITokenRead", "OrganizationAPITokenModify"];
    let token = ground.call("api_token_create", json!({"name": "capable", "permissions": permissions})).await;
    let harness = signed_in(ground, &token["value"]);
    (token, harness)
}

#[tokio::test]
async fn a_token_is_created_by_each_name_in_each_form() {
    let ground = Ground::new().await;
    for id in CREATE {
        let by_keywords = ground.call(id, wish("ci")).await;
        let in_arguments = ground.call(id, json!({"body": wish("ci")})).await;
        let beside = ground.answer(ground.harness.command(id, ()).body(wish("ci"))).await;
        assert_eq!(beside.status(), 200);
        for token in [&by_keywords, &in_arguments, beside.value().unwrap()] {
            for (name, value) in wish("ci").as_object().unwrap() {
                assert_eq!(token[name], *value, "{id} {name}");
            }
            assert!(token["value"].as_str().unwrap().len() > 20);
            assert_eq!(token["createdBy"]["type"], "api-token");
        }
    }
}

#[tokio::test]
async fn tokens_are_listed_and_read_without_their_values() {
    let ground = Ground::new().await;
    let created = ground.call("api_token_create", wish("ci")).await;
    for id in ["api token#list", "api_token_list", "api-token-list", "GET /api-tokens"] {
        let list = ground.call(id, ()).await;
        assert_eq!(texts(&list["results"], "/name"), ["administration", "inventory", "alert bridge", "ci"]);
        assert!(!list.to_string().contains("\"value\""), "{list}");
    }
    for id in ["api token#get", "api_token_get", "GET /api-tokens/{id}"] {
        let token = ground.call(id, json!({"id": created["id"]})).await;
        assert_eq!((&token["id"], &token["name"]), (&created["id"], &json!("ci")));
        assert_eq!(token.get("value"), None);
    }
    assert_eq!(ground.call("api_token_get", [("id", "self")]).await["name"], "administration");
    let (status, _) = refusal(ground.harness.command("api_token_get", [("id", "none")])).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn an_update_replaces_the_whole_token() {
    let ground = Ground::new().await;
    let created = ground.call("api_token_create", wish("ci")).await;
    for (turn, id) in
        ["api token#update", "api_token_update", "POST /api-tokens/{id}"].into_iter().enumerate()
    {
        let name = format!("renamed {turn}");
        let keywords = json!({"id": created["id"], "name": name, "permissions": ["RuleRead", "AlertRead"]});
        let updated = ground.call(id, keywords).await;
        assert_eq!((&updated["name"], &updated["allowedCIDRBlocks"]), (&json!(name), &json!([])));
        let body = json!({"id": created["id"], "body": wish("ci")});
        let updated = ground.call(id, body).await;
        assert_eq!((&updated["name"], &updated["permissions"]), (&json!("ci"), &json!(["AlertRead"])));
    }
    let (own, harness) = capable(&ground).await;
    let change = json!({"id": "self", "name": "myself", "permissions": own["permissions"]});
    let updated = harness.command("api_token_update", change).await.unwrap();
    assert_eq!(
        (&updated.value().unwrap()["id"], &updated.value().unwrap()["name"]),
        (&own["id"], &json!("myself"))
    );
}

#[tokio::test]
async fn a_token_rotates_itself_without_a_permission() {
    let ground = Ground::new().await;
    let created = ground.call("api_token_create", wish("weak")).await;
    for id in ["api token#rotate", "api_token_rotate", "POST /api-tokens/{id}/rotate"] {
        let old = ground.call("api_token_rotate", json!({"id": created["id"]})).await["value"].clone();
        let harness = signed_in(&ground, &old);
        let rotated = harness.command(id, [("id", "self")]).await.unwrap();
        let rotated = rotated.value().unwrap();
        assert_eq!(rotated["id"], created["id"]);
        assert_ne!(rotated["value"], old);
        assert!(rotated["rotatedAt"].is_string());
        assert_eq!(refusal(harness.command("api_token_rotate", [("id", "self")])).await.0, 401);
        let new = signed_in(&ground, &rotated["value"]);
        assert_eq!(refusal(new.command("api_token_get", [("id", "self")])).await.0, 403, "it may not read");
    }
}

#[tokio::test]
async fn a_token_is_deleted_by_id_and_deletes_itself() {
    let ground = Ground::new().await;
    for id in ["api token#delete", "api_token_delete", "DELETE /api-tokens/{id}"] {
        let created = ground.call("api_token_create", wish("ci")).await;
        let deleted = ground.answer(ground.harness.command(id, json!({"id": created["id"]}))).await;
        assert_eq!((deleted.status(), deleted.bytes().len()), (204, 0));
        assert_eq!(*deleted.value().unwrap(), Value::Null);
        assert_eq!(refusal(ground.harness.command(id, json!({"id": created["id"]}))).await.0, 404);
    }
    let (_, harness) = capable(&ground).await;
    harness.command("api_token_delete", [("id", "self")]).await.unwrap();
    assert_eq!(refusal(harness.command("api_token_get", [("id", "self")])).await.0, 401);
}

#[tokio::test]
async fn what_the_page_calls_a_bad_request_never_leaves() {
    let ground = Ground::new().await;
    let error = ground.harness.command("api_token_create", json!({"name": "ci"})).await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent()), ("arguments", false));
    let unchecked = ground.harness.command("api_token_create", json!({"name": "ci"})).no_validate();
    assert_eq!(refusal(unchecked).await.0, 400);
}
