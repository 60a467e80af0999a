//! A small GraphQL server side: schema, validation, coercion, execution (GraphQL specification, October 2021).
//!
//! What it leaves out: subscriptions and introspection beyond `__typename`.

mod coerce;
mod execute;
mod schema;
mod validate;
mod values;

use graphql_parser::Pos;
use graphql_parser::query::{
    Definition, Document, OperationDefinition, Selection, SelectionSet, VariableDefinition,
};
use serde_json::{Map, Value, json};

pub(crate) use schema::Schema;

type Set = SelectionSet<'static, String>;

/// The fields of the root: each gives a whole object, of which the answer shows what is selected.
pub(crate) trait Resolver {
    /// The value of a root field with coerced arguments; an object of a composite type names it in `__typename`.
    fn resolve(&mut self, field: &str, arguments: &Map<String, Value>) -> Result<Value, String>;
}

/// One request as it comes in a body.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Request {
    pub(crate) query: String,
    pub(crate) operation_name: Option<String>,
    pub(crate) variables: Map<String, Value>,
}

/// One entry of `errors` (§7.1.2).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    message: String,
    position: Option<Pos>,
    path: Option<String>,
}

impl Fault {
    fn new(message: impl Into<String>, position: Option<Pos>) -> Self {
        Self { message: message.into(), position, path: None }
    }

    fn json(&self) -> Value {
        let mut shown = json!({"message": self.message});
        if let Some(position) = self.position {
            shown["locations"] = json!([{"line": position.line, "column": position.column}]);
        }
        if let Some(path) = &self.path {
            shown["path"] = json!([path]);
        }
        shown
    }
}

/// An operation of a document, whatever its form.
#[derive(Clone, Copy)]
struct Operation<'d> {
    name: Option<&'d str>,
    position: Pos,
    is_mutation: bool,
    variables: &'d [VariableDefinition<'static, String>],
    set: &'d Set,
}

/// The answer to a request: `data`, `errors` or both.
pub(crate) fn answer(schema: &Schema, request: &Request, resolver: &mut dyn Resolver) -> Value {
    match run(schema, request, resolver) {
        Ok((data, errors)) if errors.is_empty() => json!({"data": data}),
        Ok((data, errors)) => json!({"data": data, "errors": shown(&errors)}),
        Err(errors) => json!({"errors": shown(&errors)}),
    }
}

fn shown(errors: &[Fault]) -> Vec<Value> {
    errors.iter().map(Fault::json).collect()
}

fn run(
    schema: &Schema,
    request: &Request,
    resolver: &mut dyn Resolver,
) -> Result<(Value, Vec<Fault>), Vec<Fault>> {
    let document = parse(&request.query).map_err(|fault| vec![fault])?;
    let operations = operations(&document).map_err(|fault| vec![fault])?;
    let errors = validate::document(schema, &document, &operations);
    if !errors.is_empty() {
        return Err(errors);
    }
    let operation = chosen(&operations, request.operation_name.as_deref()).map_err(|fault| vec![fault])?;
    let variables = coerce::variables(schema, operation.variables, &request.variables)?;
    Ok(execute::operation(schema, &document, operation, &variables, resolver))
}

fn parse(query: &str) -> Result<Document<'static, String>, Fault> {
    graphql_parser::parse_query::<String>(query).map(Document::into_static).map_err(|error| {
        let text = error.to_string();
        let position = place_in(&text);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        Fault::new(lines.join("; "), position)
    })
}

/// The place in `query parse error: Parse error at 1:7`.
fn place_in(text: &str) -> Option<Pos> {
    let (_, rest) = text.split_once("Parse error at ")?;
    let (line, column) = rest.lines().next()?.trim().split_once(':')?;
    Some(Pos { line: line.parse().ok()?, column: column.parse().ok()? })
}

/// The operations of a document; a subscription is refused.
fn operations<'d>(document: &'d Document<'static, String>) -> Result<Vec<Operation<'d>>, Fault> {
    let mut operations = Vec::new();
    for definition in &document.definitions {
        let Definition::Operation(operation) = definition else { continue };
        operations.push(match operation {
            OperationDefinition::SelectionSet(set) => {
                Operation { name: None, position: set.span.0, is_mutation: false, variables: &[], set }
            }
            OperationDefinition::Query(query) => Operation {
                name: query.name.as_deref(),
                position: query.position,
                is_mutation: false,
                variables: &query.variable_definitions,
                set: &query.selection_set,
            },
            OperationDefinition::Mutation(mutation) => Operation {
                name: mutation.name.as_deref(),
                position: mutation.position,
                is_mutation: true,
                variables: &mutation.variable_definitions,
                set: &mutation.selection_set,
            },
            OperationDefinition::Subscription(subscription) => {
                return Err(Fault::new(
                    "Schema is not configured for subscriptions.",
                    Some(subscription.position),
                ));
            }
        });
    }
    Ok(operations)
}

/// The operation to run (§6.1, `GetOperation`).
fn chosen<'d>(operations: &[Operation<'d>], name: Option<&str>) -> Result<Operation<'d>, Fault> {
    match (name, operations) {
        (None, [operation]) => Ok(*operation),
        (None, []) => Err(Fault::new("Must provide an operation.", None)),
        (None, _) => {
            Err(Fault::new("Must provide operation name if query contains multiple operations.", None))
        }
        (Some(name), _) => {
            let found = operations.iter().find(|operation| operation.name == Some(name)).copied();
            found.ok_or_else(|| Fault::new(format!("Unknown operation named \"{name}\"."), None))
        }
    }
}

/// What a request may be called by: the names and the root fields of the operation it would run.
pub(crate) fn names(request: &Request) -> Vec<String> {
    let mut names: Vec<String> = request.operation_name.iter().cloned().collect();
    let Ok(document) = parse(&request.query) else { return names };
    let operations = operations(&document).unwrap_or_default();
    if let Ok(operation) = chosen(&operations, request.operation_name.as_deref()) {
        names.extend(operation.name.map(str::to_owned));
        for selection in &operation.set.items {
            if let Selection::Field(field) = selection {
                names.push(field.name.clone());
            }
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests;
