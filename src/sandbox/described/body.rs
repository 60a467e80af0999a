//! The body of a request against its operation: content type, form fields, JSON.

use serde_json::{Map, Value};

use super::check::{misfits, typed};
use crate::sandbox::exchange::Incoming;
use crate::table::{MediaType, Operation};

/// Everything that is wrong with a request's body.
pub(super) fn problems(operation: Operation<'_>, incoming: &Incoming) -> Vec<String> {
    let Some(body) = operation.body() else {
        let is_extra = !incoming.body.is_empty();
        return is_extra
            .then(|| "body is not known: the operation takes none".to_owned())
            .into_iter()
            .collect();
    };
    if incoming.body.is_empty() {
        return body.required().then(|| "body is required".to_owned()).into_iter().collect();
    }
    let given = incoming.media_type().unwrap_or_default();
    let Some(media_type) = body.media_types().find(|one| covers(one.name(), &given)) else {
        let known: Vec<&str> = body.media_types().map(MediaType::name).collect();
        return vec![format!("header.content-type must be {}, got {given:?}", known.join(" or "))];
    };
    match given.as_str() {
        "application/x-www-form-urlencoded" => {
            let pairs: Vec<_> = url::form_urlencoded::parse(&incoming.body).into_owned().collect();
            fields(operation, media_type, &pairs)
        }
        "multipart/form-data" => parts(media_type, incoming),
        json if json == "application/json" || json.ends_with("+json") => {
            document(operation, media_type, incoming)
        }
        _ => Vec::new(),
    }
}

/// Whether a declared media type, possibly a range, covers a given one (RFC 9110 §12.5.1).
fn covers(declared: &str, given: &str) -> bool {
    let declared = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let range = declared.strip_suffix("/*").map(|kind| format!("{kind}/"));
    declared == given || declared == "*/*" || range.is_some_and(|range| given.starts_with(&range))
}

fn document(operation: Operation<'_>, media_type: MediaType<'_>, incoming: &Incoming) -> Vec<String> {
    let Ok(value) = serde_json::from_slice::<Value>(&incoming.body) else {
        return vec!["body is not valid JSON".to_owned()];
    };
    let mut problems = Vec::new();
    if let Value::Object(object) = &value {
        problems.extend(strangers(media_type, object.keys().map(String::as_str)));
    }
    problems.extend(misfits(operation, media_type.schema(), &value, "body"));
    problems
}

/// Names that a body of declared properties does not have.
fn strangers<'n>(media_type: MediaType<'_>, names: impl Iterator<Item = &'n str>) -> Vec<String> {
    if media_type.is_open() || media_type.properties().len() == 0 {
        return Vec::new();
    }
    let is_known = |name: &str| media_type.properties().any(|property| property.name() == name);
    names.filter(|name| !is_known(name)).map(|name| format!("body.{name} is not known")).collect()
}

fn fields(operation: Operation<'_>, media_type: MediaType<'_>, pairs: &[(String, String)]) -> Vec<String> {
    let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    let mut problems = strangers(media_type, names.into_iter());
    let mut object = Map::new();
    for property in media_type.properties() {
        let own = pairs.iter().filter(|(name, _)| name == property.name()).map(|(_, value)| value.clone());
        let texts: Vec<String> = own.collect();
        if !texts.is_empty() {
            object.insert(property.name().to_owned(), typed(property.schema(), &texts));
        }
    }
    problems.extend(misfits(operation, media_type.schema(), &Value::Object(object), "body"));
    problems
}

/// Only the names of the parts: what they hold is bytes.
fn parts(media_type: MediaType<'_>, incoming: &Incoming) -> Vec<String> {
    let Some(names) = part_names(incoming) else {
        return vec!["header.content-type names no boundary that the body has".to_owned()];
    };
    let mut problems = strangers(media_type, names.iter().map(String::as_str));
    for property in media_type.properties().filter(|property| property.required() && !property.read_only()) {
        if !names.iter().any(|name| name == property.name()) {
            problems.push(format!("body.{} is required", property.name()));
        }
    }
    problems
}

/// The names of the parts of `multipart/form-data` (RFC 7578 §4.2).
fn part_names(incoming: &Incoming) -> Option<Vec<String>> {
    let header = incoming.header("content-type")?;
    let (_, boundary) = header.split_once("boundary=")?;
    let boundary = boundary.split(';').next().unwrap_or_default().trim_matches('"');
    let text = String::from_utf8_lossy(&incoming.body);
    let delimiter = format!("--{boundary}");
    let heads =
        text.split(&delimiter).filter_map(|section| section.split_once("\r\n\r\n").map(|(head, _)| head));
    let names: Vec<String> = heads.filter_map(part_name).collect();
    (!names.is_empty() || text.contains(&format!("{delimiter}--"))).then_some(names)
}

fn part_name(head: &str) -> Option<String> {
    let mut lines = head.lines();
    let line = lines.find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    let (_, name) = line.split_once(" name=\"")?;
    Some(name.split('"').next().unwrap_or_default().replace("%22", "\""))
}
