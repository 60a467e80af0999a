//! What stands in a file beside a document, as it is read where the document refers to it.

use serde_json::Value;

use super::reference::joined;
use super::walk::{holds_names, is_data};

/// Makes the references of a part of the file `path` hold when seen from the document `own` in the root folder. Data
/// stays as it is.
pub(super) fn rebased(value: &mut Value, path: &str, own: &str) {
    let are_names = is_map_of_names(value);
    rebase(value, path, own, are_names);
}

/// Whether a value looks like parts by their names, in which `default` is one of them: a reference may lead to a whole
/// file of schemas, and nothing else tells it from a schema.
fn is_map_of_names(value: &Value) -> bool {
    let is_part = |(name, member): (&String, &Value)| member.is_object() && !holds_names(name);
    value.as_object().is_some_and(|members| members.iter().all(is_part))
}

/// `are_names` where the members of the value are names.
fn rebase(value: &mut Value, path: &str, own: &str, are_names: bool) {
    match value {
        Value::Object(map) => {
            for (key, member) in map {
                match member {
                    Value::String(reference) if key == "$ref" => {
                        let (file, fragment) = reference.split_once('#').unwrap_or((reference, ""));
                        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                        let target =
                            if file.is_empty() { Some(path.to_owned()) } else { joined(folder, file) };
                        if let (Some(target), false) = (target, file.contains("://")) {
                            let target = if target == own { "" } else { &target };
                            *reference = format!("{target}#{fragment}");
                        }
                    }
                    _ if !are_names && is_data(key) => {}
                    _ => rebase(member, path, own, !are_names && holds_names(key)),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rebase(item, path, own, false)),
        _ => {}
    }
}
