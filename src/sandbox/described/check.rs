//! A request against its operation: every parameter that is unknown, missing or wrong, and the body.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{body, judge};
use crate::operation::{Location, Style, Types};
use crate::sandbox::exchange::Incoming;
use crate::table::{Operation, Parameter, Schema};

/// Everything that is wrong with a request.
pub(super) fn problems(
    operation: Operation<'_>,
    variables: &[(String, String)],
    incoming: &Incoming,
) -> Vec<String> {
    let mut problems = unknown(operation, incoming);
    for parameter in operation.parameters() {
        let path = format!("{}.{}", parameter.location().as_str(), parameter.name());
        match given(parameter, variables, incoming) {
            Given::Nothing if parameter.required() => problems.push(format!("{path} is required")),
            Given::Nothing | Given::Something => {}
            Given::Values(texts) => {
                let value = typed(parameter.schema(), &texts);
                problems.extend(misfits(operation, parameter.schema(), &value, &path));
            }
            Given::Json(text) => match serde_json::from_str(&text) {
                Ok(value) => problems.extend(misfits(operation, parameter.schema(), &value, &path)),
                Err(_) => problems.push(format!("{path} is not valid JSON")),
            },
        }
    }
    problems.extend(body::problems(operation, incoming));
    problems
}

/// What a request says of one parameter.
enum Given {
    Nothing,
    /// An object in parts, which is not looked into.
    Something,
    Values(Vec<String>),
    Json(String),
}

/// Names in the query that no parameter has, unless an object spreads its own names there.
fn unknown(operation: Operation<'_>, incoming: &Incoming) -> Vec<String> {
    let is_query = |one: &Parameter<'_>| matches!(one.location(), Location::Query | Location::Querystring);
    let spreads = operation.parameters().filter(is_query).any(|one| {
        one.location() == Location::Querystring
            || one.style() == Style::Form && one.explode() && one.schema().types().names(Types::OBJECT)
    });
    if spreads {
        return Vec::new();
    }
    let is_known = |name: &str| {
        let bare = name.split('[').next().unwrap_or(name);
        let fits = |one: &Parameter<'_>| {
            one.name() == name || one.style() == Style::DeepObject && one.name() == bare
        };
        operation.parameters().filter(is_query).any(|one| fits(&one))
    };
    let mut names: Vec<&str> = incoming.query.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    names
        .into_iter()
        .filter(|name| !is_known(name))
        .map(|name| format!("query.{name} is not known"))
        .collect()
}

fn given(parameter: Parameter<'_>, variables: &[(String, String)], incoming: &Incoming) -> Given {
    let name = parameter.name();
    if parameter.style() == Style::DeepObject {
        let part = format!("{name}[");
        let is_there = incoming.query.iter().any(|(key, _)| key.starts_with(&part));
        return if is_there { Given::Something } else { Given::Nothing };
    }
    let texts: Vec<String> = match parameter.location() {
        Location::Path => {
            variables.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
        }
        Location::Query => incoming.query_all(name).map(str::to_owned).collect(),
        Location::Header => incoming.header(name).map(str::to_owned).into_iter().collect(),
        Location::Cookie => cookie(incoming, name).into_iter().collect(),
        Location::Querystring => return Given::Something,
    };
    let types = parameter.schema().types();
    match texts.first() {
        None if types.names(Types::OBJECT) && parameter.explode() => Given::Something,
        None => Given::Nothing,
        Some(text) if parameter.content().is_some() => Given::Json(text.clone()),
        Some(_) if types.names(Types::OBJECT) => Given::Something,
        Some(_) if types.names(Types::ARRAY) => Given::Values(members(parameter, &texts)),
        Some(_) => Given::Values(texts),
    }
}

/// The value of a cookie.
pub(super) fn cookie(incoming: &Incoming, name: &str) -> Option<String> {
    let pairs = incoming.header("cookie")?.split(';').filter_map(|pair| pair.trim().split_once('='));
    let value = pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

/// The members of an array by the parameter's style.
fn members(parameter: Parameter<'_>, texts: &[String]) -> Vec<String> {
    let text = texts.join(",");
    let part = |separator: char, text: &str| text.split(separator).map(str::to_owned).collect();
    match parameter.style() {
        Style::Form | Style::Cookie if parameter.explode() => texts.to_vec(),
        Style::SpaceDelimited => part(' ', &text),
        Style::PipeDelimited => part('|', &text),
        Style::TabDelimited => part('\t', &text),
        Style::Label => part('.', text.trim_start_matches('.')),
        Style::Matrix => {
            let bare = text.replace(&format!(";{}=", parameter.name()), ",");
            part(',', bare.trim_start_matches(','))
        }
        _ => part(',', &text),
    }
}

/// Texts of the wire as a value of the declared type, where they can be one.
pub(super) fn typed(schema: Schema<'_>, texts: &[String]) -> Value {
    if schema.types().names(Types::ARRAY) {
        return texts.iter().map(|text| scalar(schema.items(), text)).collect();
    }
    match texts {
        [one] => scalar(schema.types(), one),
        several => several.iter().map(|text| scalar(schema.types(), text)).collect(),
    }
}

fn scalar(types: Types, text: &str) -> Value {
    let wants_number = types.names(Types::INTEGER) || types.names(Types::NUMBER);
    let wanted = match serde_json::from_str(text) {
        Ok(Value::Number(number)) if wants_number => Some(Value::Number(number)),
        Ok(Value::Bool(flag)) if types.names(Types::BOOLEAN) => Some(Value::Bool(flag)),
        _ => None,
    };
    wanted.unwrap_or_else(|| Value::from(text))
}

/// Where a value does not fit a schema of the table.
pub(super) fn misfits(
    operation: Operation<'_>,
    schema: Schema<'_>,
    value: &Value,
    path: &str,
) -> Vec<String> {
    let text: Value = serde_json::from_str(schema.text()).unwrap_or_default();
    let resolve =
        |reference: &str| operation.schema(reference).and_then(|text| serde_json::from_str(text).ok());
    judge::problems(&text, value, path, &resolve)
}
