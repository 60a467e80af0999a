//! The GraphQL operations are judged by another implementation: apollo-compiler validates what is written in `specs/`
//! and what is sent against the schema slice.

use std::fs;

use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use opcall::OperationTable;

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
