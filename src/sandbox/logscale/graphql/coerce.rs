//! Input coercion (§3.5, §3.9 to §3.12, §6.1.2): from JSON variables and literals to argument values.

use graphql_parser::query::{Type, Value as Literal, VariableDefinition};
use serde_json::{Map, Value};

use super::Fault;
use super::schema::{Input, Kind, Schema, Shape, constant, written};

/// The variables of an operation, by its definitions; every problem at once.
pub(super) fn variables(
    schema: &Schema,
    definitions: &[VariableDefinition<'static, String>],
    given: &Map<String, Value>,
) -> Result<Map<String, Value>, Vec<Fault>> {
    let mut values = Map::new();
    let mut faults = Vec::new();
    for definition in definitions {
        match variable(schema, definition, given.get(&definition.name)) {
            Ok(Some(value)) => {
                values.insert(definition.name.clone(), value);
            }
            Ok(None) => {}
            Err(message) => faults.push(Fault::new(message, Some(definition.position))),
        }
    }
    if faults.is_empty() { Ok(values) } else { Err(faults) }
}

fn variable(
    schema: &Schema,
    definition: &VariableDefinition<'static, String>,
    given: Option<&Value>,
) -> Result<Option<Value>, String> {
    let kind = &definition.var_type;
    let name = &definition.name;
    match (given, &definition.default_value) {
        (None, Some(default)) => {
            let default = constant(default).unwrap_or_default();
            input(schema, kind, &default)
                .map(Some)
                .map_err(|problem| format!("Variable \"${name}\": {problem}"))
        }
        (None, None) if matches!(kind, Type::NonNullType(_)) => {
            Err(format!("Variable \"${name}\" of required type \"{}\" was not provided.", written(kind)))
        }
        (None, None) => Ok(None),
        (Some(value), _) => input(schema, kind, value)
            .map(Some)
            .map_err(|problem| format!("Variable \"${name}\" got invalid value: {problem}")),
    }
}

/// A JSON value as a value of a type. A single value is a list of one (§3.11).
pub(super) fn input(schema: &Schema, kind: &Kind, value: &Value) -> Result<Value, String> {
    match (kind, value) {
        (Type::NonNullType(_), Value::Null) => {
            Err(format!("Expected non-nullable type \"{}\" not to be null.", written(kind)))
        }
        (Type::NonNullType(inner), _) => input(schema, inner, value),
        (_, Value::Null) => Ok(Value::Null),
        (Type::ListType(inner), Value::Array(items)) => items
            .iter()
            .map(|item| input(schema, inner, item))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::Array),
        (Type::ListType(inner), one) => Ok(Value::Array(vec![input(schema, inner, one)?])),
        (Type::NamedType(name), _) => named(schema, name, value),
    }
}

fn named(schema: &Schema, name: &str, value: &Value) -> Result<Value, String> {
    match schema.shape(name) {
        Some(Shape::Enum(values)) => member(name, values, value),
        Some(Shape::Input(fields)) => object(schema, name, fields, value),
        _ => scalar(name, value),
    }
}

fn member(name: &str, values: &[String], value: &Value) -> Result<Value, String> {
    let known = value.as_str().is_some_and(|text| values.iter().any(|one| one == text));
    if known { Ok(value.clone()) } else { Err(format!("Value {value} does not exist in \"{name}\" enum.")) }
}

fn scalar(name: &str, value: &Value) -> Result<Value, String> {
    let fits = match name {
        "Int" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "Long" => value.is_i64(),
        "Float" => value.is_number(),
        "Boolean" => value.is_boolean(),
        "ID" => value.is_string() || value.is_i64(),
        _ => value.is_string(),
    };
    match value {
        Value::Number(number) if fits && name == "ID" => Ok(Value::String(number.to_string())),
        _ if fits => Ok(value.clone()),
        _ => Err(format!("{name} cannot represent value: {value}")),
    }
}

fn object(schema: &Schema, name: &str, fields: &[Input], value: &Value) -> Result<Value, String> {
    let Value::Object(given) = value else {
        return Err(format!("Expected type \"{name}\" to be an object."));
    };
    if let Some(unknown) = given.keys().find(|key| !fields.iter().any(|field| field.name == **key)) {
        return Err(format!("Field \"{unknown}\" is not defined by type \"{name}\"."));
    }
    let mut coerced = Map::new();
    for field in fields {
        let value = match given.get(&field.name) {
            Some(value) => {
                input(schema, &field.kind, value).map_err(|problem| format!("{}: {problem}", field.name))?
            }
            None if field.is_required() => {
                let kind = written(&field.kind);
                return Err(format!(
                    "Field \"{}\" of required type \"{kind}\" was not provided.",
                    field.name
                ));
            }
            None => match &field.default {
                Some(default) => default.clone(),
                None => continue,
            },
        };
        coerced.insert(field.name.clone(), value);
    }
    Ok(Value::Object(coerced))
}

/// The arguments of a field (§6.4.1), coerced.
pub(super) fn arguments(
    schema: &Schema,
    inputs: &[Input],
    given: &[(String, Literal<'static, String>)],
    variables: &Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    let mut values = Map::new();
    for declared in inputs {
        let literal = given.iter().find(|(name, _)| *name == declared.name).map(|(_, value)| value);
        let value =
            literal.and_then(|literal| substituted(literal, variables)).or_else(|| declared.default.clone());
        match value {
            Some(value) => {
                let coerced = input(schema, &declared.kind, &value)
                    .map_err(|problem| format!("Argument \"{}\": {problem}", declared.name))?;
                values.insert(declared.name.clone(), coerced);
            }
            None if declared.is_required() => {
                let kind = written(&declared.kind);
                return Err(format!(
                    "Argument \"{}\" of required type \"{kind}\" was not provided.",
                    declared.name
                ));
            }
            None => {}
        }
    }
    Ok(values)
}

/// A literal with its variables put in; `None` where it is a variable without a value.
pub(super) fn substituted(
    literal: &Literal<'static, String>,
    variables: &Map<String, Value>,
) -> Option<Value> {
    match literal {
        Literal::Variable(name) => variables.get(name).cloned(),
        Literal::List(items) => {
            Some(items.iter().map(|item| substituted(item, variables).unwrap_or_default()).collect())
        }
        Literal::Object(fields) => {
            let put = |(name, value): (&String, _)| {
                substituted(value, variables).map(|value| (name.clone(), value))
            };
            Some(Value::Object(fields.iter().filter_map(put).collect()))
        }
        other => constant(other),
    }
}
