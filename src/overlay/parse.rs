//! The text of an overlay or a merge patch, checked: what it says that nobody understands is an error, not nothing.

use serde_json::{Map, Value};

use super::{Action, Change, Content, Overlay, Version, pointer};
use crate::jsonpath::Query;
use crate::spec::{Effect, Limits, Parsed, SpecError, Warning, parse, scalar};

/// Reads a file.
pub(super) fn overlay(file: &str, bytes: &[u8], limits: Limits) -> Result<Overlay, SpecError> {
    let Parsed { value, mut warnings } = parse(file, bytes, limits)?;
    let Value::Object(root) = &value else {
        return Err(SpecError::at("#", "an overlay or a merge patch is an object at its top")
            .hint("Give an Overlay document (`overlay: 1.1.0`), or a merge patch (RFC 7396).")
            .file(file));
    };
    let content = if root.contains_key("overlay") {
        actions(root, &mut warnings).map_err(|error| error.file(file))?
    } else {
        Content::MergePatch(value)
    };
    for warning in &mut warnings {
        file.clone_into(&mut warning.file);
    }
    Ok(Overlay { file: file.to_owned(), content, warnings })
}

fn actions(root: &Map<String, Value>, warnings: &mut Vec<Warning>) -> Result<Content, SpecError> {
    let version = version(root)?;
    only(root, "#", &["overlay", "info", "extends", "actions"])?;
    info(root)?;
    let extends = match root.get("extends") {
        None => None,
        Some(Value::String(target)) => Some(target.clone()),
        Some(_) => return Err(SpecError::at("#/extends", "must be a URI reference, a text")),
    };
    let Some(Value::Array(given)) = root.get("actions") else {
        return Err(SpecError::at("#/actions", "an overlay has a list of actions"));
    };
    if given.is_empty() {
        return Err(SpecError::at("#/actions", "an overlay has at least one action"));
    }
    let numbered = given.iter().enumerate();
    let read = numbered.map(|(number, one)| action(one, &format!("#/actions/{number}"), version, warnings));
    Ok(Content::Actions { version, extends, actions: read.collect::<Result<_, _>>()? })
}

/// The feature set; the patch level does not count (§4.1 Versions).
fn version(root: &Map<String, Value>) -> Result<Version, SpecError> {
    let given = root.get("overlay").and_then(scalar).unwrap_or_default();
    let mut parts = given.split('.');
    match (parts.next(), parts.next()) {
        (Some("1"), Some("0")) => Ok(Version::V1_0),
        (Some("1"), Some("1")) => Ok(Version::V1_1),
        _ => Err(SpecError::at("#/overlay", format!("not supported: Overlay `{given}`"))
            .hint("Write `overlay: 1.1.0`, or `1.0.0`.")),
    }
}

fn info(root: &Map<String, Value>) -> Result<(), SpecError> {
    let Some(Value::Object(info)) = root.get("info") else {
        return Err(SpecError::at("#/info", "an overlay has `info` with `title` and `version`"));
    };
    only(info, "#/info", &["title", "version", "description"])?;
    for member in ["title", "version"] {
        if info.get(member).and_then(scalar).is_none() {
            return Err(SpecError::at(format!("#/info/{member}"), "must be a text"));
        }
    }
    Ok(())
}

/// Refuses members that the object does not have; those that begin with `x-` are anybody's.
fn only(object: &Map<String, Value>, place: &str, known: &[&str]) -> Result<(), SpecError> {
    let is_foreign = |name: &&String| !known.contains(&name.as_str()) && !name.starts_with("x-");
    let Some(name) = object.keys().find(is_foreign) else { return Ok(()) };
    let nearest = known
        .iter()
        .max_by(|one, other| strsim::jaro_winkler(one, name).total_cmp(&strsim::jaro_winkler(other, name)));
    let nearest = nearest.filter(|nearest| strsim::jaro_winkler(nearest, name) > 0.75);
    let hint = match nearest {
        Some(nearest) => format!("Write `{nearest}`; there are {}.", known.join(", ")),
        None => format!("There are {}.", known.join(", ")),
    };
    let at = pointer([name.as_str()]).replacen('#', place, 1);
    Err(SpecError::at(at, format!("there is no member `{name}` here")).hint(hint))
}

fn action(
    given: &Value,
    place: &str,
    version: Version,
    warnings: &mut Vec<Warning>,
) -> Result<Action, SpecError> {
    let Value::Object(given) = given else { return Err(SpecError::at(place, "an action is an object")) };
    if version == Version::V1_0 && given.contains_key("copy") {
        return Err(SpecError::at(format!("{place}/copy"), "Overlay 1.0 has no `copy`")
            .hint("Write `overlay: 1.1.0`."));
    }
    only(given, place, &["target", "description", "update", "remove", "copy"])?;
    let (target, text) = query(given.get("target"), &format!("{place}/target"))?;
    if given.get("description").is_some_and(|description| !description.is_string()) {
        return Err(SpecError::at(format!("{place}/description"), "must be a text"));
    }
    let remove = match given.get("remove") {
        None | Some(Value::Bool(false)) => false,
        Some(Value::Bool(true)) => true,
        Some(_) => return Err(SpecError::at(format!("{place}/remove"), "must be `true` or `false`")),
    };
    let change = match (given.get("update"), given.get("copy")) {
        // What else the action says has no impact beside it (§4.4.3).
        _ if remove => Change::Remove,
        (Some(_), Some(_)) => {
            return Err(SpecError::at(place, "an action has either `update` or `copy`")
                .hint("Make two actions of it."));
        }
        (Some(update), None) => Change::Update(update.clone()),
        (None, source @ Some(_)) => Change::Copy(query(source, &format!("{place}/copy"))?.0),
        (None, None) => {
            let problem = "the action has neither `update` nor `remove` nor `copy`";
            warnings.push(Warning::new(place, problem, Effect::NothingChanged));
            Change::Nothing
        }
    };
    let copied = if let (Change::Copy(source), false) = (&change, remove) { Some(source) } else { None };
    for (member, query) in [("target", Some(&target)), ("copy", copied)] {
        let void = query.map(Query::void_patterns).unwrap_or_default();
        warnings.extend(void.into_iter().map(|(pattern, problem)| {
            let problem = format!("the pattern `{}` {problem}", shortened(&pattern));
            Warning::new(format!("{place}/{member}"), problem, Effect::FitsNothing)
        }));
    }
    Ok(Action { target, text, change })
}

fn query(given: Option<&Value>, place: &str) -> Result<(Query, String), SpecError> {
    let Some(text) = given.and_then(Value::as_str) else {
        return Err(SpecError::at(place, "must be a JSONPath (RFC 9535), a text"));
    };
    let fault = |fault: String| {
        SpecError::at(place, format!("`{}` is no JSONPath (RFC 9535): {fault}", shortened(text)))
            .hint("A JSONPath begins with `$`, and names members with special characters in brackets: `$.paths['/pets'].get`.")
    };
    Ok((Query::parse(text).map_err(fault)?, text.to_owned()))
}

/// A text as errors quote it.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
