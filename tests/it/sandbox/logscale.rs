//! LogScale: bearer tokens, GraphQL, tokens of every kind, filters and policies.

use std::time::Duration;

use opcall::sandbox::Sandbox;
use serde_json::{Value, json};

use super::common::{Http, Reply};

const CREATE: &str = "mutation organization_tokens_create($input: CreateOrganizationPermissionsTokenV2Input!) {
    createOrganizationPermissionsTokenV2(input: $input) { token tokenMetadata { id name expireAt permissions ipFilterV2 { name } } } }";
const LIST: &str = "query q($search: String, $skip: Int, $limit: Int, $order: OrderBy, $types: [Tokens__Type!]) {
    tokens(searchFilter: $search, sortBy: Name, orderBy: $order, skip: $skip, limit: $limit, typeFilter: $types) {
        totalResults results { id name __typename } } }";
const UPDATE: &str = "mutation u($input: UpdateOrganizationPermissionsTokenPermissionsInput!) {
    updateOrganizationPermissionsTokenPermissions(input: $input) }";
const POLICY: &str = "mutation p($input: TokenSecurityPoliciesInput!) { updateTokenSecurityPolicies(input: $input) {
    configs { tokens { organizationPermissionTokensEnabled organizationPermissionTokensEnforceIpFilter { name } } } } }";
const FILTER: &str =
    "mutation f($input: IPFilterInput!) { createIPFilter(input: $input) { id name ipFilter } }";

async fn started() -> (Sandbox, Http) {
    let clock = "2025-06-01T00:00:00Z".parse().unwrap();
    let sandbox = Sandbox::builder().clock(clock).start().await.unwrap();
    let http = Http::logscale(&sandbox, "root");
    (sandbox, http)
}

/// The value of the one root field.
async fn value(http: &Http, query: &str, variables: Value) -> Value {
    let reply = http.graphql(query, &variables).await;
    assert_eq!((reply.status, reply.json.get("errors")), (200, None), "{}", reply.text);
    reply.json["data"].as_object().unwrap().values().next().unwrap().clone()
}

async fn fault(http: &Http, query: &str, variables: Value) -> String {
    let reply = http.graphql(query, &variables).await;
    assert_eq!((reply.status, &reply.json["data"]), (200, &Value::Null), "{}", reply.text);
    reply.message().to_owned()
}

async fn create(http: &Http, name: &str, more: Value) -> Value {
    let mut input = json!({"name": name, "organizationPermissions": ["ViewUsage"]});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    value(http, CREATE, json!({"input": input})).await
}

fn with(sandbox: &Sandbox, secret: &Value) -> Http {
    Http::new(&sandbox.url_of("logscale"))
        .with("authorization", &format!("Bearer {}", secret.as_str().unwrap()))
}

async fn me(http: &Http) -> Reply {
    http.graphql("{ organization { name } }", &json!({})).await
}

fn names(list: &Value) -> Vec<&str> {
    list["results"].as_array().unwrap().iter().map(|token| token["name"].as_str().unwrap()).collect()
}

/// The policy as it is at the start, with changes.
fn policy(changes: &Value) -> Value {
    let mut input = json!({"personalUserTokensEnabled": true, "viewPermissionTokensEnabled": true,
        "viewPermissionTokensAllowPermissionUpdates": true, "organizationPermissionTokensEnabled": true,
        "organizationPermissionTokensAllowPermissionUpdates": true});
    input.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    json!({"input": input})
}

#[tokio::test]
async fn a_token_from_birth_to_end() {
    let (sandbox, http) = started().await;
    let created = create(&http, "ci", json!({})).await;
    let id = created["tokenMetadata"]["id"].as_str().unwrap().to_owned();
    assert_eq!(created["token"].as_str().unwrap().split_once('~').unwrap().0, id);
    let own = with(&sandbox, &created["token"]);
    assert_eq!(me(&own).await.json, json!({"data": {"organization": {"name": "demo"}}}));

    let read = "query r($id: String!) { token(tokenId: $id) { name ... on OrganizationPermissionsToken { permissions } } }";
    let input = json!({"id": id, "permissions": ["BlockQueries", "MonitorQueries"]});
    assert_eq!(value(&http, UPDATE, json!({"input": input})).await, json!(id));
    assert_eq!(
        value(&http, read, json!({"id": id})).await,
        json!({"name": "ci", "permissions": ["BlockQueries", "MonitorQueries"]})
    );

    let rotated =
        value(&http, "mutation r($id: String!) { rotateToken(input: {id: $id}) }", json!({"id": id})).await;
    let new = rotated.as_str().unwrap().split_once('~').unwrap().0;
    assert_ne!(new, id);
    let refused = me(&own).await;
    assert_eq!((refused.status, refused.text.as_str()), (401, "The supplied authentication is invalid"));
    assert_eq!(me(&with(&sandbox, &rotated)).await.status, 200);
    assert_eq!(value(&http, read, json!({"id": new})).await["name"], "ci");

    let delete = "mutation d($id: String!) { deleteToken(input: {id: $id}) }";
    assert_eq!(value(&http, delete, json!({"id": new})).await, json!(true));
    assert_eq!(me(&with(&sandbox, &rotated)).await.status, 401);
    assert_eq!(
        fault(&http, delete, json!({"id": new})).await,
        format!("Could not find a token with id \"{new}\".")
    );
}

#[tokio::test]
async fn the_older_creation_answers_the_bare_secret() {
    let (sandbox, http) = started().await;
    let query = "mutation c($input: CreateOrganizationPermissionTokenInput!) { createOrganizationPermissionsToken(input: $input) }";
    let secret = value(&http, query, json!({"input": {"name": "old", "permissions": []}})).await;
    assert_eq!(me(&with(&sandbox, &secret)).await.status, 200);
}

#[tokio::test]
async fn sign_in_is_refused_in_plain_text() {
    let (sandbox, http) = started().await;
    let missing = me(&Http::new(&sandbox.url_of("logscale"))).await;
    assert_eq!(missing.status, 401);
    assert_eq!(missing.text, "The resource requires authentication, which was not supplied with the request");
    assert_eq!(missing.header("content-type"), Some("text/plain; charset=UTF-8"));
    assert_eq!(me(&with(&sandbox, &json!("wrong"))).await.text, "The supplied authentication is invalid");
    assert_eq!(http.get("/graphql").await.status, 405);
    assert_eq!(http.get("/nothing").await.status, 404);
    let broken = http.send("POST", "/graphql", &[], Some("{".to_owned())).await;
    assert_eq!((broken.status, broken.message()), (400, "the request body is not valid JSON"));
}

#[tokio::test]
async fn lists_are_searched_sorted_and_paged() {
    let (_sandbox, http) = started().await;
    let all = value(&http, LIST, json!({})).await;
    assert_eq!(
        names(&all),
        ["firewall dashboard", "fleet management", "health check", "query monitor", "usage report"]
    );
    let descending = value(&http, LIST, json!({"order": "DESC", "limit": 2, "skip": 1})).await;
    assert_eq!(
        (names(&descending), &descending["totalResults"]),
        (vec!["query monitor", "health check"], &json!(5))
    );
    let found = value(&http, LIST, json!({"search": "QUERY"})).await;
    assert_eq!(names(&found), ["query monitor"]);
    let id = &found["results"][0]["id"];
    assert_eq!(names(&value(&http, LIST, json!({"search": id})).await), ["query monitor"]);
    let system = value(&http, LIST, json!({"types": "SystemPermissionToken"})).await;
    assert_eq!(system["results"][0]["__typename"], "SystemPermissionsToken");
    assert_eq!(fault(&http, LIST, json!({"skip": -1})).await, "skip must not be negative");
}

#[tokio::test]
async fn wrong_queries_are_errors_with_places() {
    let (_sandbox, http) = started().await;
    let reply = http.graphql("{ tokens(sortBy: Name) { secret } }", &json!({})).await;
    assert_eq!(
        (reply.status, reply.json),
        (
            200,
            json!({"errors": [{"message": "Cannot query field \"secret\" on type \"TokenQueryResultSet\".",
            "locations": [{"line": 1, "column": 26}]}]})
        )
    );
    let unknown = fault(&http, "{ token(tokenId: \"none\") { id } }", json!({})).await;
    assert_eq!(unknown, "Could not find a token with id \"none\".");
}

#[tokio::test]
async fn permissions_are_kept() {
    let (sandbox, _) = started().await;
    let weak = Http::logscale(&sandbox, "weak");
    assert_eq!(me(&weak).await.status, 200);
    let lacks = |permission: &str| format!("The token lacks the permission {permission}.");
    let input = json!({"input": {"name": "x", "organizationPermissions": []}});
    assert_eq!(fault(&weak, CREATE, input).await, lacks("ChangeOrganizationPermissions"));
    assert_eq!(fault(&weak, POLICY, policy(&json!({}))).await, lacks("ChangeSecurityPolicies"));
    let input = json!({"input": {"name": "x", "ipFilter": "allow all"}});
    assert_eq!(fault(&weak, FILTER, input).await, lacks("ChangeIPFilters"));
}

#[tokio::test]
async fn expired_tokens_end_at_once_and_stay_listed_for_a_while() {
    let (sandbox, http) = started().await;
    let soon = 1_748_736_000_000_i64 + 60_000;
    let created = create(&http, "short", json!({"expireAt": soon})).await;
    assert_eq!(created["tokenMetadata"]["expireAt"], soon);
    let own = with(&sandbox, &created["token"]);
    assert_eq!(me(&own).await.status, 200);
    sandbox.advance(Duration::from_secs(60));
    assert_eq!(me(&own).await.text, "The supplied authentication is invalid");
    let search = json!({"search": "short"});
    assert_eq!(value(&http, LIST, search.clone()).await["totalResults"], 1);
    sandbox.advance(Duration::from_secs(300));
    assert_eq!(value(&http, LIST, search).await["totalResults"], 0);
    let input = json!({"input": {"name": "x", "expireAt": soon, "organizationPermissions": []}});
    assert_eq!(fault(&http, CREATE, input).await, "expireAt must be in the future.");
}

#[tokio::test]
async fn ip_filters_let_in_and_refuse() {
    let (sandbox, http) = started().await;
    for (rules, status) in [("deny all\nallow 127.0.0.1/8", 200), ("allow all; deny 127.0.0.1", 403)] {
        let filter = value(&http, FILTER, json!({"input": {"name": "f", "ipFilter": rules}})).await;
        let created = create(&http, "filtered", json!({"ipFilterId": filter["id"]})).await;
        assert_eq!(created["tokenMetadata"]["ipFilterV2"]["name"], "f");
        let reply = me(&with(&sandbox, &created["token"])).await;
        assert_eq!(reply.status, status, "{rules}");
        if status == 403 {
            assert_eq!(
                reply.text,
                "Tokens can only be used from IP addresses accepted by the IP filter set for them if any."
            );
        }
        let delete = "mutation d($id: String!) { deleteIPFilter(input: {id: $id}) }";
        assert_eq!(fault(&http, delete, json!({"id": filter["id"]})).await, "The IP filter \"f\" is in use.");
    }
    let wrong = fault(&http, FILTER, json!({"input": {"name": "f", "ipFilter": "let me in"}})).await;
    assert!(wrong.starts_with("\"let me in\" is no rule"), "{wrong}");
    let unknown = json!({"input": {"name": "x", "ipFilterId": "none", "organizationPermissions": []}});
    assert_eq!(fault(&http, CREATE, unknown).await, "Could not find an IP filter with id \"none\".");
    let update =
        "mutation u($input: IPFilterUpdateInput!) { updateIPFilter(input: $input) { name ipFilter } }";
    let office = value(&http, "{ ipFilters { id name } }", json!({})).await[0].clone();
    let changed = value(&http, update, json!({"input": {"id": office["id"], "name": "home"}})).await;
    assert_eq!(changed, json!({"name": "home", "ipFilter": "allow 192.0.2.0/24\ndeny all"}));
}

#[tokio::test]
async fn policies_cascade() {
    let (sandbox, http) = started().await;
    let young = create(&http, "young", json!({})).await;
    let day = 86_400_000_i64;
    let filter = value(&http, FILTER, json!({"input": {"name": "nobody", "ipFilter": "deny all"}})).await;
    let enforced = policy(&json!({"organizationPermissionTokensEnforceExpirationAfterMs": day,
        "organizationPermissionTokensEnforceIpFilterId": filter["id"],
        "organizationPermissionTokensAllowPermissionUpdates": false}));
    let shown = value(&http, POLICY, enforced).await;
    assert_eq!(shown["configs"]["tokens"]["organizationPermissionTokensEnforceIpFilter"]["name"], "nobody");

    let organization = json!({"types": "OrganizationPermissionToken"});
    assert_eq!(names(&value(&http, LIST, organization.clone()).await), ["young"]);
    assert_eq!(me(&with(&sandbox, &young["token"])).await.status, 403);
    let id = &young["tokenMetadata"]["id"];
    let shortened =
        value(&http, "query t($id: String!) { token(tokenId: $id) { expireAt } }", json!({"id": id})).await;
    assert_eq!(shortened["expireAt"], 1_748_736_000_000_i64 + day);
    let input = json!({"input": {"id": id, "permissions": []}});
    assert!(fault(&http, UPDATE, input).await.contains("does not allow to update"));
    let capped = create(&http, "capped", json!({})).await;
    assert_eq!(capped["tokenMetadata"]["expireAt"], 1_748_736_000_000_i64 + day);
    let late = json!({"input": {"name": "x", "expireAt": 1_748_736_000_000_i64 + 2 * day, "organizationPermissions": []}});
    assert!(fault(&http, CREATE, late).await.contains("later than the security policy"));

    value(&http, POLICY, policy(&json!({"organizationPermissionTokensEnabled": false}))).await;
    assert_eq!(value(&http, LIST, organization).await["totalResults"], 0);
    let input = json!({"input": {"name": "x", "organizationPermissions": []}});
    assert!(fault(&http, CREATE, input).await.contains("disabled by the security policy"));
}

#[tokio::test]
async fn the_other_kinds_of_tokens() {
    let (sandbox, http) = started().await;
    let dashboard =
        value(&http, LIST, json!({"types": "ViewPermissionToken"})).await["results"][0]["id"].clone();
    let views = "query v($id: String!) { token(tokenId: $id) { ... on ViewPermissionsToken { views { __typename id name } } } }";
    let view = value(&http, views, json!({"id": dashboard})).await["views"][0].clone();
    assert_eq!((&view["__typename"], &view["name"]), (&json!("Repository"), &json!("firewall")));
    let create = "mutation c($input: CreateViewPermissionsTokenV2Input!) { createViewPermissionsTokenV2(input: $input) {
        token tokenMetadata { permissions views { name } } } }";
    let input =
        json!({"name": "v", "viewIds": [view["id"]], "viewPermissions": ["ReadAccess", "ChangeFiles"]});
    let made = value(&http, create, json!({"input": input})).await;
    assert_eq!(
        made["tokenMetadata"],
        json!({"permissions": ["ReadAccess", "ChangeFiles", "CreateFiles", "UpdateFiles", "DeleteFiles", "OrganizationOwnedQueries"],
            "views": [{"name": "firewall"}]})
    );
    let unknown = json!({"input": {"name": "v", "viewIds": ["none"], "viewPermissions": []}});
    assert_eq!(fault(&http, create, unknown).await, "Could not find a view or repository with id \"none\".");

    let create = "mutation c($input: CreateSystemPermissionTokenV2Input!) { createSystemPermissionsTokenV2(input: $input) {
        tokenMetadata { __typename permissions } } }";
    let input = json!({"name": "s", "systemPermissions": ["ReadHealthCheck"]});
    assert_eq!(
        value(&http, create, json!({"input": input})).await["tokenMetadata"],
        json!({"__typename": "SystemPermissionsToken", "permissions": ["ReadHealthCheck"]})
    );
    let weak = Http::logscale(&sandbox, "weak");
    let create =
        "mutation c($input: CreatePersonalUserTokenInput!) { createPersonalUserToken(input: $input) }";
    let secret = value(&weak, create, json!({"input": {}})).await;
    assert_eq!(me(&with(&sandbox, &secret)).await.status, 200);
    let check = "query c($t: String!) { validateAccessToken(accessToken: $t) }";
    assert_eq!(
        value(&http, check, json!({"t": secret})).await,
        json!(secret.as_str().unwrap().split('~').next())
    );
}
