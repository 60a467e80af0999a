//! The GraphQL operations are judged by another implementation: apollo-compiler validates what is written in `specs/`
//! and what is sent against the schema slice.

use std::fs;

use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use opcall::{Credentials, Error, OperationTable, Params, Profile};

use crate::support::{Reply, Server, builder};

fn schema() -> Valid<Schema> {
    let text = fs::read_to_string("specs/logscale/schema.graphql").unwrap();
    Schema::parse_and_validate(text, "schema.graphql").unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_documents_are_valid() {
    let text = fs::read_to_string("specs/logscale/tokens.graphql").unwrap();
    let document = ExecutableDocument::parse_and_validate(&schema(), text, "tokens.graphql");
    let document = document.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(document.operations.len(), 20);
}

/// All of them are POST: what they are tells whether a repeat changes nothing more.
#[tokio::test]
async fn a_refusal_tells_whether_a_repeat_changes_nothing_more() {
    let server = Server::start(|_, _| Reply::json(500, "{}"));
    let profile = Profile::new().base_url(server.url()).credentials(Credentials::new().access_token("token"));
    let harness = builder().profile("logscale", profile).build().unwrap();
    for (id, is_idempotent) in [("organization_tokens_delete", false), ("organization_tokens_query", true)] {
        let params = if is_idempotent { Params::default() } else { [("id", "a")].into() };
        let error = harness.command(id, params).retry(0).await.unwrap_err();
        let Error::Refused(refused) = &error else { panic!("{error}") };
        assert_eq!((refused.status, refused.idempotent), (500, is_idempotent), "{id}");
        let hint = error.hint().unwrap();
        assert_eq!(hint.starts_with("check with a reading operation"), !is_idempotent, "{id}: {hint}");
    }
}

#[test]
fn what_is_sent_is_valid_and_names_its_operation() {
    let (schema, table) = (schema(), OperationTable::built_in());
    let mut seen = 0;
    for operation in table.iter() {
        let Some(graphql) = operation.graphql() else { continue };
        let document = ExecutableDocument::parse_and_validate(&schema, graphql.query(), operation.id());
        let document = document.unwrap_or_else(|error| panic!("{}: {error}", operation.id()));
        assert_eq!(graphql.operation_name(), operation.id());
        let named = document.operations.get(Some(graphql.operation_name())).unwrap();
        assert_eq!(named.is_mutation(), graphql.is_mutation(), "{}", operation.id());
        seen += 1;
    }
    assert_eq!(seen, 20);
}
