//! Checks argument values against JSON Schemas, and converts where that loses nothing.
//!
//! Most parameters are settled by the columns of the table, without reading the schema's text; [`check`] walks
//! the text for the rest. All misfits come at once, each with its path below the value (`.items[0].name`).

mod check;
mod keywords;
mod node;
mod required;
mod words;

use std::borrow::Cow;

use crate::operation::Types;
use crate::params::{Argument, Number};
use crate::table::{Operation, Schema};

pub(crate) use check::top;
pub(crate) use words::{folds_to, nearest, shown};

/// What was found on a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    /// Below the value: empty for itself, `.items[0].name`.
    pub(crate) path: String,
    pub(crate) problem: String,
    pub(crate) nearest: Option<String>,
    pub(crate) weight: Weight,
}

/// What a finding does to the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Reported, never refused: an enum that grows.
    Warning,
    /// Refused unless checks are turned off.
    Misfit,
    /// Refused in any case: there is no way to write it.
    Unwritable,
}

impl Finding {
    fn here(problem: String) -> Self {
        Self { path: String::new(), problem, nearest: None, weight: Weight::Misfit }
    }

    /// Something that there is no way to write.
    pub(crate) fn unwritable(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { path: path.into(), problem: problem.into(), nearest: None, weight: Weight::Unwritable }
    }
}

/// Where a value goes, as far as it bears on what fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// JSON: the types of numbers, booleans and strings differ.
    Json,
    /// Text, where `5` and `"5"` are the same: parameters and urlencoded forms.
    Text,
    /// Text parts and files.
    Parts,
}

/// The value as it fits the schema, converted where that loses nothing; what does not fit is found.
pub(crate) fn fit<'a, 't>(
    operation: Operation<'t>,
    schema: Schema<'t>,
    value: &'a Argument,
    wire: Wire,
    found: &mut Vec<Finding>,
) -> Cow<'a, Argument> {
    if matches!(value, Argument::File(_)) && wire != Wire::Parts {
        let problem = "must not be a file: only multipart fields and whole bodies can be one".to_owned();
        found.push(Finding { weight: Weight::Unwritable, ..Finding::here(problem) });
        return Cow::Borrowed(value);
    }
    if !schema.is_constrained()
        && let Some(settled) = settle(schema, value, wire)
    {
        return settled;
    }
    check::fit(operation, schema.text(), value, wire, found)
}

/// As [`fit`], by a schema's text.
pub(crate) fn fit_text<'a, 't>(
    operation: Operation<'t>,
    schema: &'t str,
    value: &'a Argument,
    wire: Wire,
    found: &mut Vec<Finding>,
) -> Cow<'a, Argument> {
    check::fit(operation, schema, value, wire, found)
}

/// The value where its type alone settles it, without a look at the schema's text.
fn settle<'a>(schema: Schema<'_>, value: &'a Argument, wire: Wire) -> Option<Cow<'a, Argument>> {
    match value {
        Argument::Array(items) => {
            let is_settled = |item| matches!(scalar(schema.items(), item, wire), Fit::AsItIs);
            (schema.types().admits(Types::ARRAY) && items.iter().all(is_settled))
                .then_some(Cow::Borrowed(value))
        }
        Argument::Object(_) => schema.types().admits(Types::OBJECT).then_some(Cow::Borrowed(value)),
        _ => match scalar(schema.types(), value, wire) {
            Fit::AsItIs => Some(Cow::Borrowed(value)),
            Fit::Converted(converted) => Some(Cow::Owned(converted)),
            Fit::Not => None,
        },
    }
}

/// Whole numbers of at most this many digits fit 32 bits, the narrowest `format`.
const FITS_32_BITS: usize = 9;

enum Fit {
    AsItIs,
    Converted(Argument),
    Not,
}

/// Whether a scalar fits a set of types. A long number is never settled, for its `format` may limit it.
fn scalar(types: Types, value: &Argument, wire: Wire) -> Fit {
    let is_short = |number: &Number| number.as_str().len() <= FITS_32_BITS;
    match (value, kind(value)) {
        (Argument::Number(number), Some(own)) if admits(types, own) => {
            if is_short(number) {
                Fit::AsItIs
            } else {
                Fit::Not
            }
        }
        (Argument::Bool(_) | Argument::Number(_), _) if wire != Wire::Json && types.names(Types::STRING) => {
            Fit::AsItIs
        }
        (Argument::String(_) | Argument::Bool(_) | Argument::Null, Some(own)) if admits(types, own) => {
            Fit::AsItIs
        }
        (Argument::String(text), _) => match converted(types, text) {
            Some(Argument::Number(number)) if !is_short(&number) => Fit::Not,
            Some(argument) => Fit::Converted(argument),
            None => Fit::Not,
        },
        _ => Fit::Not,
    }
}

/// The narrowest type of a value; `None` for files.
pub(crate) fn kind(value: &Argument) -> Option<Types> {
    Some(match value {
        Argument::Null => Types::NULL,
        Argument::Bool(_) => Types::BOOLEAN,
        Argument::Number(number) if number.is_integer() => Types::INTEGER,
        Argument::Number(_) => Types::NUMBER,
        Argument::String(_) => Types::STRING,
        Argument::Array(_) => Types::ARRAY,
        Argument::Object(_) => Types::OBJECT,
        Argument::File(_) => return None,
    })
}

/// Whether a set takes a value of a type; every integer is a number too.
pub(crate) fn admits(types: Types, own: Types) -> bool {
    types.admits(own) || own == Types::INTEGER && types.names(Types::NUMBER)
}

/// A text as the number or boolean that is wanted in its place, where it is exactly one.
fn converted(types: Types, text: &str) -> Option<Argument> {
    if types.admits(Types::STRING) {
        return None;
    }
    if types.names(Types::BOOLEAN) && (text == "true" || text == "false") {
        return Some(Argument::Bool(text == "true"));
    }
    let number = Number::from_text(text)?;
    let fits = types.names(Types::NUMBER) || types.names(Types::INTEGER) && number.is_integer();
    fits.then_some(Argument::Number(number))
}

#[cfg(test)]
mod tests;
