//! `OpenAPI` 3.1 and 3.2: the little that the reader of 3.0 does not take as it stands.
//!
//! Schemas stay text, and what reads them knows both vocabularies; what is here concerns the objects around
//! them. Versions are not looked at: real documents mix them.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::error::{Effect, SpecError, Warning};
use super::reference::{Resolve, follow};

/// The `paths` of a root. A reference in their place is in no version, but in documents that are cut into files.
pub(crate) fn paths<'v>(
    root: &'v Map<String, Value>,
    resolver: &'v dyn Resolve,
    warnings: &mut Vec<Warning>,
) -> Cow<'v, Value> {
    let paths = root.get("paths").unwrap_or(&Value::Null);
    follow(paths, resolver, "#/paths").unwrap_or_else(|error| {
        warnings.push(Warning::skipped("#/paths", error));
        Cow::Owned(Value::Null)
    })
}

/// A path item with its reference followed; members beside the reference hold over the target's.
pub(crate) fn path_item<'v>(
    item: &'v Value,
    resolver: &'v dyn Resolve,
    pointer: &str,
) -> Result<Cow<'v, Value>, SpecError> {
    let mut found = follow(item, resolver, pointer)?;
    let own = item.as_object().filter(|own| own.len() > 1 && own.contains_key("$ref"));
    if let (Some(own), Some(_)) = (own, found.as_object()) {
        let own = own.iter().filter(|(key, _)| *key != "$ref");
        if let Value::Object(merged) = found.to_mut() {
            merged.extend(own.map(|(key, value)| (key.clone(), value.clone())));
        }
    }
    Ok(found)
}

/// The schema of a whole body: a stream's `itemSchema` (3.2) is that of the items of an array.
pub(crate) fn media_schema(media_type: &Value) -> Option<Cow<'_, Value>> {
    match (media_type.get("schema"), media_type.get("itemSchema")) {
        (Some(schema), _) => Some(Cow::Borrowed(schema)),
        (None, Some(item)) => Some(Cow::Owned(json!({"type": "array", "items": item}))),
        (None, None) => None,
    }
}

/// Tells of a document that describes webhooks alone.
pub(crate) fn check_webhooks(root: &Map<String, Value>, warnings: &mut Vec<Warning>) {
    let has = |key: &str| root.get(key).and_then(Value::as_object).is_some_and(|map| !map.is_empty());
    if has("webhooks") && !has("paths") {
        let problem = "the document has no operations: webhooks are calls that its service makes";
        warnings.push(Warning::new("#/webhooks", problem, Effect::PartIgnored));
    }
}
