//! Falcon's installation tokens: each of the nine operations by its ID and by its kebab-case ID, with keyword
//! arguments, with `parameters`, with `body`, with `ids` as a list and as one text with commas.

use opcall::{Content, Method};
use serde_json::{Value, json};

use super::{Ground, refusal, texts};

/// The nine operations with their methods, and what of a call they take.
const NINE: [(&str, Method, &str); 9] = [
    ("audit_events_query", Method::Get, "/installation-tokens/queries/audit-events/v1"),
    ("audit_events_read", Method::Get, "/installation-tokens/entities/audit-events/v1"),
    ("customer_settings_read", Method::Get, "/installation-tokens/entities/customer-settings/v1"),
    ("customer_settings_update", Method::Patch, "/installation-tokens/entities/customer-settings/v1"),
    ("tokens_query", Method::Get, "/installation-tokens/queries/tokens/v1"),
    ("tokens_read", Method::Get, "/installation-tokens/entities/tokens/v1"),
    ("tokens_create", Method::Post, "/installation-tokens/entities/tokens/v1"),
    ("tokens_update", Method::Patch, "/installation-tokens/entities/tokens/v1"),
    ("tokens_delete", Method::Delete, "/installation-tokens/entities/tokens/v1"),
];

/// The snake-case and the kebab-case ID.
fn both(id: &str) -> [String; 2] {
    [id.to_owned(), id.replace('_', "-")]
}

/// Every way to say which ones: keyword or bag, list or text.
fn ways(ids: &[String]) -> [Value; 4] {
    let text = ids.join(",");
    [
        json!({"ids": ids}),
        json!({"ids": text}),
        json!({"parameters": {"ids": ids}}),
        json!({"parameters": {"ids": text}}),
    ]
}

/// `one` with the members of `other`.
fn with(one: &Value, other: &Value) -> Value {
    let mut both = one.clone();
    both.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    both
}

/// Three new tokens.
async fn three_tokens(ground: &Ground) -> Vec<String> {
    let mut ids = Vec::new();
    for label in ["one", "two", "three"] {
        let created = ground.call("tokens_create", json!({"label": label})).await;
        ids.push(created["resources"][0]["id"].as_str().unwrap().to_owned());
    }
    ids
}

async fn read(ground: &Ground, ids: &[String]) -> Value {
    ground.call("tokens_read", json!({"ids": ids})).await["resources"].clone()
}

#[tokio::test]
async fn both_spellings_of_an_id_are_one_operation() {
    let ground = Ground::new().await;
    for (id, method, path) in NINE {
        for name in both(id) {
            let operation = ground.harness.table().get(&name).unwrap();
            assert_eq!((operation.id(), operation.method(), operation.path()), (id, method.clone(), path));
        }
    }
}

#[tokio::test]
async fn tokens_are_searched_with_keywords_and_with_parameters() {
    let ground = Ground::new().await;
    for (sort, id) in [("created_timestamp.desc", "tokens_query"), ("created_timestamp|desc", "tokens-query")]
    {
        let keywords = json!({"filter": "status:'valid'", "limit": 3, "offset": 1, "sort": sort});
        let found = ground.call(id, keywords.clone()).await;
        assert_eq!(
            found,
            with(&ground.call(id, json!({"parameters": keywords})).await, &json!({"meta": found["meta"]}))
        );
        let ids: Vec<String> = serde_json::from_value(found["resources"].clone()).unwrap();
        assert_eq!(ids.len(), 3);
        assert_eq!(found["meta"]["pagination"], json!({"limit": 3, "offset": 1, "total": 8}));

        let tokens = read(&ground, &ids).await;
        assert_eq!(texts(&tokens, "/status"), ["valid"; 3]);
        let created = texts(&tokens, "/created_timestamp");
        assert!(created.is_sorted_by(|one, next| one > next), "{created:?}");
    }
}

#[tokio::test]
async fn audit_events_are_searched_with_keywords_and_with_parameters() {
    let ground = Ground::new().await;
    for id in both("audit_events_query") {
        let keywords =
            json!({"filter": "action:'token_create'", "limit": 4, "offset": 2, "sort": "timestamp.desc"});
        let found = ground.call(&id, keywords.clone()).await["resources"].clone();
        assert_eq!(found, ground.call(&id, json!({"parameters": keywords})).await["resources"]);
        let events = ground.call("audit_events_read", json!({"ids": found})).await["resources"].clone();
        assert_eq!(texts(&events, "/action"), ["token_create"; 4]);
        let times = texts(&events, "/timestamp");
        assert!(times.is_sorted_by(|one, next| one >= next), "{times:?}");
    }
}

#[tokio::test]
async fn tokens_and_events_are_read_by_ids_in_every_form() {
    let ground = Ground::new().await;
    for (query, operation) in [("tokens_query", "tokens_read"), ("audit_events_query", "audit_events_read")] {
        let found = ground.call(query, json!({"limit": 3})).await;
        let ids: Vec<String> = serde_json::from_value(found["resources"].clone()).unwrap();
        for id in both(operation) {
            for params in ways(&ids) {
                let read = ground.call(&id, params.clone()).await["resources"].clone();
                assert_eq!(texts(&read, "/id"), ids, "{id} {params}");
            }
        }
    }
}

#[tokio::test]
async fn the_text_of_the_pages_names_three_ids() {
    let ground = Ground::new().await;
    let wire = |id: &'static str, more: Value| {
        let params = with(&json!({"ids": "ID1,ID2,ID3"}), &more);
        let request = ground.harness.command(id, params).prepare().unwrap();
        request.url().split_once('?').unwrap().1.to_owned()
    };
    assert_eq!(wire("tokens-read", json!({})), "ids=ID1&ids=ID2&ids=ID3");
    assert_eq!(wire("audit-events-read", json!({})), "ids=ID1&ids=ID2&ids=ID3");
    assert_eq!(wire("tokens-update", json!({"label": "ci"})), "ids=ID1,ID2,ID3");
    assert_eq!(wire("tokens-delete", json!({})), "ids=ID1,ID2,ID3");

    let read = ground.call("tokens-read", [("ids", "ID1,ID2,ID3")]).await;
    assert_eq!(read["errors"].as_array().unwrap().len(), 3, "{read}");
    let deleting = ground.harness.command("tokens-delete", [("ids", "ID1,ID2,ID3")]);
    assert_eq!(refusal(deleting).await.0, 404);
}

#[tokio::test]
async fn the_settings_are_read_and_changed_with_keywords_and_with_a_body() {
    let ground = Ground::new().await;
    for (most, id) in (50..).step_by(10).zip(both("customer_settings_update")) {
        let wish =
            |most: i32, required: bool| json!({"max_active_tokens": most, "tokens_required": required});
        ground.call(&id, wish(most, false)).await;
        settings_are(&ground, &wish(most, false)).await;
        ground.call(&id, json!({"body": wish(most + 1, true)})).await;
        settings_are(&ground, &wish(most + 1, true)).await;
        ground.answer(ground.harness.command(&id, ()).body(wish(most + 2, false))).await;
        settings_are(&ground, &wish(most + 2, false)).await;
    }
}

async fn settings_are(ground: &Ground, wanted: &Value) {
    for id in both("customer_settings_read") {
        let read = ground.call(&id, ()).await["resources"][0].clone();
        assert_eq!(read, *wanted);
        assert_eq!(read, ground.call(&id, json!({"parameters": {}})).await["resources"][0]);
    }
}

#[tokio::test]
async fn a_token_is_created_with_keywords_and_with_a_body() {
    let ground = Ground::new().await;
    let wish =
        json!({"label": "ci", "expires_timestamp": "2099-12-31T23:59:59Z", "type": "customer_managed"});
    for id in both("tokens_create") {
        let by_keywords = ground.answer(ground.harness.command(&id, wish.clone())).await;
        assert_eq!(by_keywords.status(), 201);
        let in_arguments = ground.answer(ground.harness.command(&id, json!({"body": wish}))).await;
        let beside = ground.answer(ground.harness.command(&id, ()).body(wish.clone())).await;
        for created in [by_keywords, in_arguments, beside] {
            let token = &created.value().unwrap()["resources"][0];
            for (name, value) in wish.as_object().unwrap() {
                assert_eq!(token[name], *value, "{name}");
            }
            assert_eq!(token["status"], "valid");
        }
    }
}

#[tokio::test]
async fn tokens_are_updated_with_ids_and_body_in_every_form() {
    let ground = Ground::new().await;
    let ids = three_tokens(&ground).await;
    let mut turn = 0;
    for id in both("tokens_update") {
        for which in ways(&ids) {
            turn += 1;
            let wish = |form: &str| json!({"label": format!("{form} {turn}"), "revoked": turn % 2 == 1, "expires_timestamp": "2098-01-01T00:00:00Z"});
            let keywords = wish("keywords");
            ground.call(&id, with(&which, &keywords)).await;
            are(&ground, &ids, &keywords).await;
            let inside = wish("body in the arguments");
            ground.call(&id, with(&which, &json!({"body": inside}))).await;
            are(&ground, &ids, &inside).await;
            let beside = wish("body beside the arguments");
            ground.answer(ground.harness.command(&id, which).body(beside.clone())).await;
            are(&ground, &ids, &beside).await;
        }
    }
}

async fn are(ground: &Ground, ids: &[String], wanted: &Value) {
    let tokens = read(ground, ids).await;
    for token in tokens.as_array().unwrap() {
        let revoked = token["revoked_timestamp"] != Value::Null;
        let state = json!({"label": token["label"], "revoked": revoked, "expires_timestamp": token["expires_timestamp"]});
        assert_eq!(state, *wanted);
    }
    assert_eq!(texts(&tokens, "/id"), ids);
}

#[tokio::test]
async fn tokens_are_deleted_by_ids_in_every_form() {
    let ground = Ground::new().await;
    for id in both("tokens_delete") {
        for form in 0..4 {
            let ids = three_tokens(&ground).await;
            ground.call(&id, ways(&ids)[form].clone()).await;
            let gone = ground.call("tokens_read", json!({"ids": ids})).await;
            assert_eq!(gone["resources"], json!([]));
            assert_eq!(gone["errors"].as_array().unwrap().len(), 3);
        }
    }
}

#[tokio::test]
async fn null_absent_and_false_arrive_as_they_are() {
    let ground = Ground::new().await;
    let sent = |id: &'static str, params: Value| {
        let request = ground.harness.command(id, params).prepare().unwrap();
        let Content::Json(text) = request.content() else { panic!("no JSON: {:?}", request.content()) };
        text.clone()
    };
    let label = "ci";
    assert_eq!(
        sent("tokens_create", json!({"label": label, "expires_timestamp": null})),
        r#"{"label":"ci","expires_timestamp":null}"#
    );
    assert_eq!(sent("tokens_create", json!({"label": label})), r#"{"label":"ci"}"#);
    assert_eq!(sent("tokens_update", json!({"ids": "a", "revoked": false})), r#"{"revoked":false}"#);

    let at = "2099-01-01T00:00:00Z";
    let created = ground.call("tokens_create", json!({"label": label, "expires_timestamp": at})).await;
    let id = created["resources"][0]["id"].clone();
    let updated = async |change: Value| {
        let answer = ground.call("tokens_update", with(&json!({"ids": id}), &change)).await;
        answer["resources"][0].clone()
    };
    assert_eq!(updated(json!({"label": "absent"})).await["expires_timestamp"], at);
    assert_eq!(updated(json!({"expires_timestamp": null})).await["expires_timestamp"], Value::Null);
    assert_eq!(updated(json!({"revoked": true})).await["status"], "revoked");
    assert_eq!(updated(json!({"label": "absent"})).await["status"], "revoked");
    let restored = updated(json!({"revoked": false})).await;
    assert_eq!((&restored["status"], &restored["revoked_timestamp"]), (&json!("valid"), &Value::Null));
}

#[tokio::test]
async fn a_harness_can_sign_out_and_in_again() {
    let ground = Ground::new().await;
    ground.call("tokens-query", ()).await;
    ground.harness.revoke().await.unwrap();
    ground.call("tokens-query", ()).await;
}
