//! The shape of one value: a list where one is wanted, the text of XML; and what would widen or blur a change.

use std::borrow::Cow;

use crate::operation::Types;
use crate::params::Argument;
use crate::request::xml;
use crate::schema::{Finding, Wire, admits, fit, kind};
use crate::table::{Operation, Schema};

/// What is said of a list or object that writes nothing, where the method changes something.
pub(in crate::request) const EMPTY: &str = "must not be empty: that would widen what is changed";

/// Whether a list or object would write nothing.
pub(in crate::request) fn is_empty(value: &Argument) -> bool {
    match value {
        Argument::Array(items) => items.iter().all(|item| matches!(item, Argument::Null)),
        Argument::Object(members) => members.values().all(|value| matches!(value, Argument::Null)),
        _ => false,
    }
}

/// What is said of a list with an empty element, where the method changes something.
pub(in crate::request) const HOLE: &str = "must not hold an empty element: that would blur what is changed";

/// Whether a list holds a `null` or an empty text, such as a shell's variable that is not set.
pub(super) fn has_hole(schema: Schema<'_>, value: &Argument, comma_lists: bool) -> bool {
    match value {
        Argument::Array(items) => is_holed(items),
        Argument::String(text) if is_list_wanted(schema, value) => {
            let is_blank = |text: &str| text.trim().is_empty();
            is_blank(text) || comma_lists && text.split(',').any(is_blank)
        }
        _ => false,
    }
}

/// Whether one of a list's items is `null` or an empty text.
pub(in crate::request) fn is_holed(items: &[Argument]) -> bool {
    items.iter().any(|item| match item {
        Argument::Null => true,
        Argument::String(text) => text.trim().is_empty(),
        _ => false,
    })
}

/// The text of a parameter whose media type is XML; a string is that text.
pub(super) fn xml<'a>(
    operation: Operation<'a>,
    schema: Schema<'a>,
    value: Cow<'a, Argument>,
    found: &mut Vec<Finding>,
) -> Cow<'a, Argument> {
    if value.scalar_text().is_some() {
        return value;
    }
    match xml::write(Some(operation), schema.text(), &value) {
        Ok(text) => Cow::Owned(text.into()),
        Err(problems) => {
            found.extend(problems);
            value
        }
    }
}

/// [`shape`], then [`fit`].
pub(super) fn shaped_fit<'a>(
    (operation, comma_lists): (Operation<'a>, bool),
    schema: Schema<'a>,
    value: &'a Argument,
    wire: Wire,
    found: &mut Vec<Finding>,
) -> Cow<'a, Argument> {
    match shape(schema, value, comma_lists) {
        Cow::Borrowed(value) => fit(operation, schema, value, wire, found),
        Cow::Owned(value) => Cow::Owned(fit(operation, schema, &value, wire, found).into_owned()),
    }
}

/// Whether an array is wanted where one value is given.
fn is_list_wanted(schema: Schema<'_>, value: &Argument) -> bool {
    let types = schema.types();
    types.names(Types::ARRAY) && kind(value).is_none_or(|own| !admits(types, own))
}

/// Where an array is wanted, one value is one element; with `x-comma-lists` a comma text is several.
pub(super) fn shape<'a>(schema: Schema<'_>, value: &'a Argument, comma_lists: bool) -> Cow<'a, Argument> {
    match value {
        Argument::Array(_) | Argument::Null => Cow::Borrowed(value),
        _ if !is_list_wanted(schema, value) => Cow::Borrowed(value),
        Argument::String(text)
            if comma_lists && text.contains(',') && !text.trim_matches([',', ' ']).is_empty() =>
        {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Cow::Owned(Argument::Array(items.map(Argument::from).collect()))
        }
        one => Cow::Owned(Argument::Array(vec![one.clone()])),
    }
}
