//! `OpenAPI` 3.1 and 3.2: the little that the reader of 3.0 does not take as it stands.
//!
//! Schemas stay text, and what reads them knows both vocabularies; what is here concerns the objects around
//! them. Versions are not looked at: real documents mix them.

use std::borrow::Cow;
use std::rc::Rc;

use serde_json::{Value, json};

use super::error::{Effect, SpecError, Warning};
use super::parameter::Found;
use super::reference::{Resolve, Shared, follow};
use super::warnings::Warnings;
use crate::operation::Location;

/// A path item with its reference followed; members beside the reference hold over the target's.
pub(crate) fn path_item(item: Value, resolver: &dyn Resolve, pointer: &str) -> Result<Rc<Value>, SpecError> {
    let found = match follow(&item, resolver, pointer)? {
        Shared::Here(_) => None,
        Shared::Found(found) => Some(found),
    };
    let Some(found) = found else { return Ok(Rc::new(item)) };
    let Value::Object(mut own) = item else { return Ok(found) };
    own.shift_remove("$ref");
    match &*found {
        Value::Object(target) if !own.is_empty() => {
            let mut merged = target.clone();
            merged.extend(own);
            Ok(Rc::new(Value::Object(merged)))
        }
        _ => Ok(found),
    }
}

/// The schema of a whole body: a stream's `itemSchema` (3.2) is that of the items of an array.
pub(crate) fn media_schema(media_type: &Value) -> Option<Cow<'_, Value>> {
    match (media_type.get("schema"), media_type.get("itemSchema")) {
        (Some(schema), _) => Some(Cow::Borrowed(schema)),
        (None, Some(item)) => Some(Cow::Owned(json!({"type": "array", "items": item}))),
        (None, None) => None,
    }
}

/// Tells of a `querystring` parameter (3.2) that is not alone in the query, which the specification forbids.
pub(crate) fn check_querystring(found: &[Found], pointer: &str, warnings: &mut Warnings) {
    let count = |place| found.iter().filter(|one| one.def.location == place).count();
    let whole = count(Location::Querystring);
    if whole > 0 && whole + count(Location::Query) > 1 {
        let problem = "a `querystring` parameter must be the only one of the query; all are joined by `&`";
        warnings.push(Warning::new(pointer, problem, Effect::Assumed));
    }
}

/// Whether a text is that of an object that has members.
pub(super) fn has_members(object: &str) -> bool {
    object.strip_prefix('{').is_some_and(|rest| !rest.trim_start().starts_with('}'))
}

/// Tells of a document that has webhooks and no paths.
pub(crate) fn check_webhooks(has_webhooks: bool, has_paths: bool, warnings: &mut Warnings) {
    if has_webhooks && !has_paths {
        let problem = "the document has no operations: webhooks are calls that its service makes";
        warnings.push(Warning::new("#/webhooks", problem, Effect::PartIgnored));
    }
}
