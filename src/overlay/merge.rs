//! JSON Merge Patch (RFC 7396): objects are merged, `null` takes a member away, everything else takes the place of
//! what was there.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{Edit, pointer};
use crate::jsonpath::Step;
use crate::spec::SpecError;

/// Patches a document, which stays an object: the patch is one.
pub(super) fn document(
    document: &mut Value,
    patch: &Value,
    overlay: usize,
    mut edits: Option<&mut Vec<Edit>>,
) -> Result<(), SpecError> {
    merge(document, patch, &mut Vec::new(), &mut |names, is_removal| {
        if let Some(edits) = &mut edits {
            let place = names.iter().cloned().map(Step::Member).collect();
            edits.push(Edit { place, is_removal, is_copy: false, overlay, said: names.to_vec() });
        }
    });
    if document.as_object().is_some_and(Map::is_empty) {
        let problem = "nothing is left of the document";
        return Err(SpecError::at(pointer([]), problem)
            .hint("In a merge patch `null` takes a member away; write the members that stay."));
    }
    Ok(())
}

/// The algorithm of RFC 7396 §2. `tell` hears of each member that is put (`false`) or taken away (`true`).
pub(super) fn merge(
    target: &mut Value,
    patch: &Value,
    place: &mut Vec<String>,
    tell: &mut dyn FnMut(&[String], bool),
) {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        tell(place, false);
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
        tell(place, false);
    }
    let Value::Object(members) = target else { return };
    // Taken away together: one by one each would move all the members behind it.
    let mut gone = HashSet::new();
    for (name, change) in patch {
        place.push(name.clone());
        if change.is_null() {
            if members.contains_key(name) {
                gone.insert(name.as_str());
                tell(place, true);
            }
        } else {
            if !members.contains_key(name) {
                // A new member begins as nothing, so that a `null` inside a new object leaves no trace.
                let blank = if change.is_object() { Value::Object(Map::new()) } else { Value::Null };
                members.insert(name.clone(), blank);
                tell(place, false);
            }
            if let Some(member) = members.get_mut(name) {
                merge(member, change, place, tell);
            }
        }
        place.pop();
    }
    if !gone.is_empty() {
        members.retain(|name, _| !gone.contains(name.as_str()));
    }
}
