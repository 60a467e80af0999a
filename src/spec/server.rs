//! The servers of a document, a path item or an operation (`OpenAPI` Server Object).

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::document::scalar;
use super::error::{Effect, Warning, token};
use super::service::present;
use super::warnings::Warnings;
use crate::operation::{ServerDef, ServerVariableDef};

/// The `servers` of a root, a path item or an operation.
pub(crate) fn servers(owner: &Map<String, Value>, pointer: &str, warnings: &mut Warnings) -> Vec<ServerDef> {
    let Some(Value::Array(list)) = present(owner, "servers") else { return Vec::new() };
    let mut servers = Vec::with_capacity(list.len());
    for (number, server) in list.iter().enumerate() {
        let pointer = format!("{pointer}/servers/{number}");
        let Some(url) = server.get("url").and_then(Value::as_str) else {
            warnings.push(Warning::new(pointer, "the server has no `url`", Effect::PartIgnored));
            continue;
        };
        let text = |member: &str| server.get(member).and_then(Value::as_str).map(str::to_owned);
        let variables = server.get("variables").and_then(Value::as_object).into_iter().flatten();
        let mut server = ServerDef {
            url: url.trim().to_owned(),
            name: text("name"),
            description: text("description"),
            variables: variables
                .map(|(name, variable)| server_variable(name, variable, &pointer, warnings))
                .collect(),
        };
        declare_variables(&mut server, &pointer, warnings);
        servers.push(server);
    }
    servers
}

fn server_variable(
    name: &str,
    variable: &Value,
    pointer: &str,
    warnings: &mut Warnings,
) -> ServerVariableDef {
    let choices: Vec<String> =
        variable.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(scalar).collect();
    let default = variable.get("default").and_then(scalar);
    if default.is_none() {
        let pointer = format!("{pointer}/variables/{}", token(name));
        let problem = "the variable has no `default`; calls must give it a value";
        warnings.push(Warning::new(pointer, problem, Effect::Assumed));
    }
    ServerVariableDef {
        name: name.to_owned(),
        default,
        choices,
        description: variable.get("description").and_then(Value::as_str).map(str::to_owned),
        placeholder: variable.get("x-placeholder").and_then(Value::as_bool).unwrap_or_default(),
    }
}

/// Adds the variables that a server's URL names and `variables` does not declare.
fn declare_variables(server: &mut ServerDef, pointer: &str, warnings: &mut Warnings) {
    let named: Vec<String> = server.variable_names().map(str::to_owned).collect();
    let mut known: HashSet<String> = server.variables.iter().map(|variable| variable.name.clone()).collect();
    for name in named {
        if !known.insert(name.clone()) {
            continue;
        }
        let problem = format!("the URL's variable `{name}` is not declared; calls must give it a value");
        warnings.push(Warning::new(format!("{pointer}/url"), problem, Effect::Assumed));
        server.variables.push(ServerVariableDef { name, ..ServerVariableDef::default() });
    }
}
