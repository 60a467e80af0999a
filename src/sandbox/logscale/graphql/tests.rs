//! Validation, coercion and execution, on the schema of the sandbox.

#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::{Map, Value, json};

use super::{Request, Resolver, Schema, answer, names};

/// Gives back what it was asked for.
#[derive(Default)]
struct Echo {
    calls: Vec<(String, Value)>,
}

impl Resolver for Echo {
    fn resolve(&mut self, field: &str, arguments: &Map<String, Value>) -> Result<Value, String> {
        self.calls.push((field.to_owned(), Value::Object(arguments.clone())));
        let token = json!({"__typename": "OrganizationPermissionsToken", "id": "t1", "name": "ci", "expireAt": null,
            "createdAt": 1_700_000_000_000_i64, "permissions": ["ViewUsage"]});
        match field {
            "token" if arguments["tokenId"] == "none" => Err("no such token".to_owned()),
            "token" => Ok(token),
            "tokens" => Ok(json!({"totalResults": 1, "results": [token]})),
            "deleteToken" => Ok(json!(true)),
            _ => Ok(json!("id~secret")),
        }
    }
}

fn schema() -> Schema {
    Schema::parse(include_str!("../../../../specs/logscale/schema.graphql")).unwrap()
}

fn run(query: &str, variables: Value) -> (Value, Echo) {
    let mut echo = Echo::default();
    let Value::Object(variables) = variables else { unreachable!("variables are an object") };
    let request = Request { query: query.to_owned(), operation_name: None, variables };
    let given = answer(&schema(), &request, &mut echo);
    (given, echo)
}

fn data(query: &str, variables: Value) -> Value {
    let (given, _) = run(query, variables);
    assert_eq!(given.get("errors"), None, "{query}");
    given["data"].clone()
}

fn errors(query: &str, variables: Value) -> Vec<String> {
    let (given, echo) = run(query, variables);
    assert!(echo.calls.is_empty(), "nothing runs after a fault: {query}");
    let text = |error: &Value| error["message"].as_str().unwrap().to_owned();
    given["errors"].as_array().unwrap().iter().map(text).collect()
}

#[test]
fn fields_aliases_fragments_and_typenames() {
    let query = "query q($id: String!) {
        first: token(tokenId: $id) { __typename kind: __typename ...named ... on OrganizationPermissionsToken { permissions } }
        ... { other: token(tokenId: \"t1\") { id ... on PersonalUserToken { expireAt } } }
        __typename
    }
    fragment named on Token { name id expireAt }";
    assert_eq!(
        data(query, json!({"id": "t1"})).to_string(),
        json!({
            "first": {"__typename": "OrganizationPermissionsToken", "kind": "OrganizationPermissionsToken",
                "name": "ci", "id": "t1", "expireAt": null, "permissions": ["ViewUsage"]},
            "other": {"id": "t1"},
            "__typename": "Query",
        })
        .to_string()
    );
}

#[test]
fn skip_and_include() {
    let query = "query q($yes: Boolean!, $no: Boolean = false) {
        token(tokenId: \"t1\") { id @include(if: $yes) name @include(if: $no) createdAt @skip(if: true)
            ... on Token @skip(if: $yes) { expireAt } }
    }";
    assert_eq!(data(query, json!({"yes": true})), json!({"token": {"id": "t1"}}));
}

#[test]
fn selections_of_one_key_are_merged() {
    let query = "{ token(tokenId: \"t1\") { id } token(tokenId: \"t1\") { name } }";
    assert_eq!(data(query, json!({})), json!({"token": {"id": "t1", "name": "ci"}}));
}

#[test]
fn variables_have_defaults_and_are_coerced() {
    let query = "query q($sort: Tokens__SortBy! = Name, $types: [Tokens__Type!], $limit: Int, $skip: Int) {
        tokens(sortBy: $sort, typeFilter: $types, limit: $limit, skip: $skip) { totalResults } }";
    let (_, echo) = run(query, json!({"types": "SystemPermissionToken", "limit": 5}));
    let wanted = json!({"typeFilter": ["SystemPermissionToken"], "sortBy": "Name", "limit": 5});
    assert_eq!(echo.calls, [("tokens".to_owned(), wanted)]);
    let (_, echo) = run(
        "{ tokens(sortBy: ExpirationDate, typeFilter: ViewPermissionToken) { totalResults } }",
        json!({}),
    );
    let wanted = json!({"typeFilter": ["ViewPermissionToken"], "sortBy": "ExpirationDate"});
    assert_eq!(echo.calls, [("tokens".to_owned(), wanted)]);
}

#[test]
fn input_objects_keep_null_apart_from_absent() {
    const CREATE: &str = "mutation m($input: CreateOrganizationPermissionTokenInput!) {
        createOrganizationPermissionsToken(input: $input) }";
    let (_, echo) =
        run(CREATE, json!({"input": {"name": "a", "expireAt": null, "permissions": "ViewUsage"}}));
    let wanted = json!({"input": {"name": "a", "expireAt": null, "permissions": ["ViewUsage"]}});
    assert_eq!(echo.calls, [("createOrganizationPermissionsToken".to_owned(), wanted)]);
    let (_, echo) =
        run(CREATE, json!({"input": {"name": "a", "expireAt": 1_900_000_000_000_i64, "permissions": []}}));
    assert_eq!(echo.calls[0].1["input"]["expireAt"], 1_900_000_000_000_i64);
    let literal = "mutation m($name: String!, $filter: String) { createOrganizationPermissionsToken(
        input: {name: $name, ipFilterId: $filter, permissions: [ViewUsage]}) }";
    let (_, echo) = run(literal, json!({"name": "b"}));
    assert_eq!(echo.calls[0].1, json!({"input": {"name": "b", "permissions": ["ViewUsage"]}}));
}

#[test]
fn wrong_variables_are_said() {
    let create = "mutation m($input: CreateOrganizationPermissionTokenInput!) {
        createOrganizationPermissionsToken(input: $input) }";
    let one = |input: Value| errors(create, json!({"input": input})).remove(0);
    assert_eq!(
        errors(create, json!({})),
        [
            "Variable \"$input\" of required type \"CreateOrganizationPermissionTokenInput!\" was not provided."
        ]
    );
    let start = "Variable \"$input\" got invalid value: ";
    let named = |rest: &str| format!("{start}{rest}");
    assert_eq!(
        one(json!({"name": "a"})),
        named("Field \"permissions\" of required type \"[OrganizationPermission!]!\" was not provided.")
    );
    assert_eq!(
        one(json!({"name": "a", "permissions": ["Nothing"]})),
        named("permissions: Value \"Nothing\" does not exist in \"OrganizationPermission\" enum.")
    );
    assert_eq!(one(json!({"name": 5, "permissions": []})), named("name: String cannot represent value: 5"));
    assert_eq!(
        one(json!({"name": "a", "permissions": [], "expireAt": "soon"})),
        named("expireAt: Long cannot represent value: \"soon\"")
    );
    assert_eq!(
        one(json!({"name": "a", "permissions": [], "more": 1})),
        named("Field \"more\" is not defined by type \"CreateOrganizationPermissionTokenInput\".")
    );
    assert_eq!(
        one(json!({"name": null, "permissions": []})),
        named("name: Expected non-nullable type \"String!\" not to be null.")
    );
    let limit = "query q($limit: Int) { tokens(sortBy: Name, limit: $limit) { totalResults } }";
    assert_eq!(
        errors(limit, json!({"limit": 3_000_000_000_u64})),
        ["Variable \"$limit\" got invalid value: Int cannot represent value: 3000000000"]
    );
}

#[test]
fn faults_of_a_document_are_said_all_at_once_with_their_places() {
    let (given, _) = run("query q($a: Int, $a: Nothing) {\n  tokens { secret }\n  nothing\n}", json!({}));
    let line = |error: &Value| {
        let place = &error["locations"][0];
        format!("{}:{} {}", place["line"], place["column"], error["message"].as_str().unwrap())
    };
    let lines: Vec<_> = given["errors"].as_array().unwrap().iter().map(line).collect();
    let wanted = [
        "2:3 Field \"tokens\" argument \"sortBy\" of type \"Tokens__SortBy!\" is required, but it was not provided.",
        "2:12 Cannot query field \"secret\" on type \"TokenQueryResultSet\".",
        "3:3 Cannot query field \"nothing\" on type \"Query\".",
        "1:9 Variable \"$a\" is never used.",
        "1:18 There can be only one variable named \"$a\".",
        "1:18 Variable \"$a\" cannot be of type \"Nothing\".",
        "1:18 Variable \"$a\" is never used.",
    ];
    assert_eq!(lines, wanted);
}

#[test]
fn each_rule_of_validation() {
    let one = |query: &str| errors(query, json!({})).join(" | ");
    let token = |rest: &str| one(&format!("{{ token(tokenId: \"a\") {rest} }}"));
    assert_eq!(token("{ secret }"), "Cannot query field \"secret\" on type \"Token\".");
    assert_eq!(token(""), "Field \"token\" of type \"Token!\" must have a selection of subfields.");
    assert_eq!(
        token("{ id { x } }"),
        "Field \"id\" must not have a selection since type \"String!\" has no subfields."
    );
    assert_eq!(
        token("{ id x: id x: name }"),
        "Fields \"x\" conflict because they differ; use different aliases to fetch both."
    );
    assert_eq!(token("{ ...none }"), "Unknown fragment \"none\".");
    assert_eq!(
        token("{ ... on None { id } }"),
        "Fragment cannot condition on unknown or non composite type \"None\"."
    );
    assert_eq!(
        token("{ ... on IPFilter { id } }"),
        "Fragment cannot be spread here as objects of type \"Token\" can never be of type \"IPFilter\"."
    );
    assert_eq!(token("{ id @fast }"), "Unknown directive \"@fast\".");
    assert_eq!(token("{ id @skip }"), "Directive \"@skip\" takes exactly the argument \"if\".");
    assert_eq!(one("{ token(tokenId: 5) { id } }"), "String cannot represent value: 5");
    assert_eq!(one("{ token(tokenId: null) { id } }"), "Expected value of type \"String!\", found null.");
    assert_eq!(
        one("{ token(tokenId: \"a\", id: \"b\") { id } }"),
        "Unknown argument \"id\" on field \"token\"."
    );
    assert_eq!(one("{ token(tokenId: $id) { id } }"), "Variable \"$id\" is not defined.");
    assert_eq!(
        one("{ tokens(sortBy: \"Name\") { totalResults } }"),
        "Expected value of type \"Tokens__SortBy\", found \"Name\"."
    );
    assert_eq!(
        one("query q($id: String) { token(tokenId: $id) { id } }"),
        "Variable \"$id\" of type \"String\" used in position expecting type \"String!\"."
    );
    assert_eq!(one("query q($id: Int) { __typename }"), "Variable \"$id\" is never used.");
    assert_eq!(
        one("query q($t: Token) { __typename }"),
        "Variable \"$t\" cannot be of type \"Token\". | Variable \"$t\" is never used."
    );
    assert_eq!(one("{ __typename } fragment f on Token { id }"), "Fragment \"f\" is never used.");
    assert_eq!(
        one("{ token(tokenId: \"a\") { ...f } } fragment f on Token { id ...f }"),
        "Cannot spread fragment \"f\" within itself."
    );
    assert_eq!(one("subscription { x }"), "Schema is not configured for subscriptions.");
    assert_eq!(
        one("query a { __typename } query a { __typename }"),
        "There can be only one operation named \"a\"."
    );
    assert_eq!(
        one("query a { __typename } query b { __typename }"),
        "Must provide operation name if query contains multiple operations."
    );
    assert_eq!(one("fragment f on Token { id } "), "Fragment \"f\" is never used.");
    assert_eq!(
        one("mutation { createIPFilter(input: {name: \"a\"}) { id } }"),
        "Field \"IPFilterInput.ipFilter\" of required type \"String!\" was not provided."
    );
    assert!(one("{ token(").starts_with("query parse error: Parse error at 1:9"));
}

#[test]
fn the_operations_of_the_table_are_valid() {
    let document = super::parse(include_str!("../../../../specs/logscale/tokens.graphql")).unwrap();
    let operations = super::operations(&document).unwrap();
    assert_eq!(operations.len(), 20);
    assert_eq!(super::validate::document(&schema(), &document, &operations), []);
}

#[test]
fn an_operation_is_chosen_by_name() {
    let mut echo = Echo::default();
    let query = "query a { token(tokenId: \"a\") { id } } mutation b { deleteToken(input: {id: \"x\"}) }";
    let mut request =
        Request { query: query.to_owned(), operation_name: Some("b".to_owned()), variables: Map::new() };
    assert_eq!(answer(&schema(), &request, &mut echo), json!({"data": {"deleteToken": true}}));
    assert_eq!(names(&request), ["b", "deleteToken"]);
    request.operation_name = Some("c".to_owned());
    let given = answer(&schema(), &request, &mut echo);
    assert_eq!(given["errors"][0]["message"], "Unknown operation named \"c\".");
}

#[test]
fn a_failed_root_field_makes_the_data_null() {
    let (given, _) = run("{ mine: token(tokenId: \"none\") { id } }", json!({}));
    assert_eq!(
        given,
        json!({"data": null, "errors": [
            {"message": "no such token", "locations": [{"line": 1, "column": 3}], "path": ["mine"]}]})
    );
}
