//! Arguments that are wrong in one known way.

use opcall::{Location, Operation};
use serde_json::{Value, json};

use super::flat::Flat;
use super::value::{Maker, parsed};
use super::{Extent, Generated, Kind, argument_name, arguments, preferred};

/// What is wrong with an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// A required one is not given.
    Missing,
    /// It is of another type.
    Type,
    /// It is none of the enum's values.
    Choice,
    /// It is below the least or above the greatest number.
    Range,
    /// It is shorter or longer than it may be.
    Length,
}

/// Arguments of which exactly one is wrong.
#[derive(Debug, Clone)]
pub(crate) struct Wrong {
    pub(crate) arguments: Generated,
    /// The argument at fault as the crate names it: `query.limit`, `body.name`.
    pub(crate) path: String,
    pub(crate) fault: Fault,
}

/// Everything that can be made wrong with an operation's arguments, one at a time.
pub(crate) fn wrong(operation: Operation<'_>, seed: u64) -> Vec<Wrong> {
    let Ok(full) = arguments(operation, Extent::Full, seed) else { return Vec::new() };
    let mut found = Vec::new();
    for parameter in operation.parameters() {
        let (name, place) = (argument_name(parameter), parameter.location());
        let is_ignored = place == Location::Header
            && ["accept", "content-type", "authorization"]
                .contains(&parameter.name().to_ascii_lowercase().as_str());
        if !full.params.contains_key(&name) || place == Location::Querystring || is_ignored {
            continue;
        }
        let mut add = |fault, value: Option<Value>| {
            let mut arguments = full.clone();
            match value {
                Some(value) => arguments.params.insert(name.clone(), value),
                None => arguments.params.shift_remove(&name),
            };
            found.push(Wrong { arguments, path: name.clone(), fault });
        };
        if parameter.required() {
            add(Fault::Missing, None);
        }
        let is_json = parameter.content().is_some();
        for (fault, value) in bad_values(operation, &parsed(parameter.schema().text()), is_json) {
            add(fault, Some(value));
        }
    }
    wrong_members(operation, &full, &mut found);
    found
}

/// The members at the top of a JSON or form body.
fn wrong_members(operation: Operation<'_>, full: &Generated, found: &mut Vec<Wrong>) {
    let Some(media) = preferred(operation) else { return };
    let kind = Kind::of(media.name());
    let Some(Value::Object(members)) = full.body.as_ref().filter(|_| matches!(kind, Kind::Json | Kind::Form))
    else {
        return;
    };
    let mut maker = Maker::new(operation, Extent::Full, 0);
    let Ok(flat) = maker.flat(&parsed(media.schema().text())) else { return };
    if !flat.alternatives.is_empty() {
        return;
    }
    for (name, property) in flat.properties.iter().filter(|(name, _)| members.contains_key(*name)) {
        let mut add = |fault, value: Option<Value>| {
            let mut arguments = full.clone();
            if let Some(Value::Object(members)) = &mut arguments.body {
                match value {
                    Some(value) => members.insert(name.clone(), value),
                    None => members.shift_remove(name),
                };
            }
            found.push(Wrong { arguments, path: format!("body.{name}"), fault });
        };
        let is_filled =
            operation.parameters().any(|one| one.location() == Location::Path && one.name() == name);
        // A GraphQL input object that is missing is told by its fields.
        let is_input = operation.graphql().and_then(opcall::GraphQl::input) == Some(name);
        let may_miss = is_filled || is_input || maker.is_followed(property);
        if flat.required.contains(name) && !may_miss {
            add(Fault::Missing, None);
        }
        for (fault, value) in bad_values(operation, property, kind == Kind::Json) {
            add(fault, Some(value));
        }
    }
}

/// Values that do not fit a schema whose words leave no doubt.
fn bad_values(operation: Operation<'_>, schema: &Value, is_json: bool) -> Vec<(Fault, Value)> {
    let mut bad = Vec::new();
    let Ok(flat) = Maker::new(operation, Extent::Full, 0).flat(schema) else { return bad };
    if !flat.alternatives.is_empty() || flat.types.as_ref().is_none_or(|types| types.len() != 1) {
        return bad;
    }
    let kind = flat.kind().to_owned();
    match kind.as_str() {
        "integer" => bad.extend([(Fault::Type, json!("no number")), (Fault::Type, json!(1.5))]),
        "number" => bad.push((Fault::Type, json!("no number"))),
        "boolean" => bad.push((Fault::Type, json!("neither"))),
        "string" if is_json => bad.push((Fault::Type, json!({"no": "text"}))),
        "object" => bad.push((Fault::Type, json!("no object"))),
        _ => {}
    }
    if flat.choices.is_some() && kind == "string" {
        bad.push((Fault::Choice, json!("no-such-value")));
    } else if kind == "string" && flat.patterns.is_empty() {
        bad.extend(bad_lengths(&flat));
    }
    if flat.choices.is_none() && ["integer", "number"].contains(&kind.as_str()) {
        bad.extend(bad_numbers(&flat));
    }
    bad
}

fn bad_lengths(flat: &Flat) -> impl Iterator<Item = (Fault, Value)> {
    let (least, most) = flat.lengths;
    let long = most.filter(|most| *most < 10_000).map(|most| "x".repeat(most + 1));
    let short = (least > 1).then(|| "x".repeat(least - 1));
    long.into_iter().chain(short).map(|text| (Fault::Length, json!(text)))
}

#[allow(clippy::cast_possible_truncation, reason = "bounds that 32 bits hold")]
fn bad_numbers(flat: &Flat) -> impl Iterator<Item = (Fault, Value)> {
    let holds = |limit: &(f64, bool)| limit.0.abs() < 1e9;
    let low = flat.low.filter(holds).map(|(low, _)| json!(low.floor() as i64 - 1));
    let high = flat.high.filter(holds).map(|(high, _)| json!(high.ceil() as i64 + 1));
    low.into_iter().chain(high).map(|number| (Fault::Range, number))
}
