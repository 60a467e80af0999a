//! The body of a dry run read back by its media type.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opcall::{Operation, Style};
use serde_json::{Map, Value};

use super::super::generate::{Generated, Kind};
use super::decode::{Rules, Told, decoded, is_unwritten, item_name, of_query, same, text_of};

/// Holds the body of a dry run against what was given.
pub(super) fn check(operation: Operation<'_>, given: &Generated, shown: &Value) -> Result<(), String> {
    let body = &shown["body"];
    let media_type = shown["headers"].as_array().into_iter().flatten().find(|one| one[0] == "content-type");
    let media_type = media_type.and_then(|one| one[1].as_str());
    if let Some(bytes) = &given.bytes {
        let sent = body["base64"].as_str().and_then(|text| STANDARD.decode(text).ok());
        return expect(sent.as_ref() == Some(bytes), || format!("the body is {body}"));
    }
    let Some(value) = &given.body else {
        // Some gateways want the content type even where no body is given.
        return expect(body.is_null(), || format!("a body that nobody gave: {body}"));
    };
    let wanted = given.media_type.as_deref().unwrap_or_default();
    if media_type != Some(wanted) {
        return Err(format!("the content type is {media_type:?}, not {wanted}"));
    }
    let encoding = encoding_of(operation, wanted);
    let text = || body["text"].as_str().ok_or_else(|| format!("the body is {body}"));
    match Kind::of(wanted) {
        Kind::Json => expect(body["json"] == *value, || format!("the body is {body}, given was {value}")),
        Kind::Form => same_form(value, text()?, &encoding),
        Kind::Multipart => same_parts(given, value, &body["multipart"], &encoding),
        Kind::Lines => {
            let lines: Result<Vec<Value>, _> = text()?.lines().map(serde_json::from_str).collect();
            let lines = lines.map_err(|error| error.to_string())?;
            expect(value.as_array() == Some(&lines), || format!("the lines are {lines:?}"))
        }
        Kind::Text | Kind::Bytes => expect(text()? == text_of(value), || format!("the body is {body}")),
    }
}

fn expect(holds: bool, problem: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(problem()) }
}

fn encoding_of(operation: Operation<'_>, wanted: &str) -> Map<String, Value> {
    let media = operation.body().and_then(|body| body.media_types().find(|one| one.name() == wanted));
    let text = media.and_then(opcall::MediaType::encoding);
    text.map(|text| serde_json::from_str(text).unwrap()).unwrap_or_default()
}

/// Decoded as forms are (WHATWG URL): `+` is a space.
fn of_form(text: &str) -> Option<String> {
    decoded(&text.replace('+', " "))
}

/// An urlencoded form by its encoding; without one, lists repeat the name and objects are JSON.
pub(super) fn same_form(value: &Value, text: &str, encoding: &Map<String, Value>) -> Result<(), String> {
    let Value::Object(members) = value else { return Err(format!("a form of {value}")) };
    let pairs: Vec<&str> = text.split('&').filter(|pair| !pair.is_empty()).collect();
    let mut rest = pairs.as_slice();
    for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        let own = encoding.get(name);
        let is_json = own.is_some_and(is_json);
        let styled = own.is_some_and(|own| own.get("style").is_some() || own.get("explode").is_some());
        let is_list_of_nothing =
            is_unwritten(value) && !is_json || value.as_array().is_some_and(Vec::is_empty);
        if is_list_of_nothing && (styled || value.is_array()) {
            continue;
        }
        let style = own.and_then(|own| own["style"].as_str()).and_then(style).unwrap_or(Style::Form);
        let explode = own.and_then(|own| own["explode"].as_bool()).unwrap_or(style == Style::Form);
        let rules = Rules { name, style, explode };
        let as_text = Value::String(text_of(value));
        let items =
            value.as_array().map(|items| items.iter().map(|one| Value::String(one.to_string())).collect());
        let as_items: Value = items.unwrap_or_default();
        let value = match value {
            Value::Array(_) if !styled && is_json => &as_items,
            value if !styled && (is_json || value.is_object()) => &as_text,
            value => value,
        };
        let told = of_query(&mut rest, rules, value, of_form)?;
        told.map_or(Ok(()), |told| same(name, value, &told))?;
    }
    expect(rest.is_empty(), || format!("{rest:?} comes from nothing"))
}

fn style(word: &str) -> Option<Style> {
    Some(match word {
        "form" => Style::Form,
        "spaceDelimited" => Style::SpaceDelimited,
        "pipeDelimited" => Style::PipeDelimited,
        "tabDelimited" => Style::TabDelimited,
        "deepObject" => Style::DeepObject,
        _ => return None,
    })
}

fn is_json(encoding: &Value) -> bool {
    encoding["contentType"].as_str().is_some_and(|media| Kind::of(media) == Kind::Json)
}

/// The parts that a style makes of a value: the pairs of a query, with nothing encoded.
fn styled_parts(name: &str, value: &Value, style: Style, explode: bool, parts: &mut Vec<(String, String)>) {
    let delimiter = match style {
        Style::SpaceDelimited => " ",
        Style::PipeDelimited => "|",
        Style::TabDelimited => "\t",
        _ => ",",
    };
    let mut joined = |words: Vec<String>| {
        if !words.is_empty() {
            parts.push((name.to_owned(), words.join(delimiter)));
        }
    };
    match value {
        Value::Null => {}
        Value::Array(items) => {
            let items = items.iter().filter(|item| !item.is_null());
            match style {
                Style::DeepObject => items.enumerate().for_each(|(index, item)| {
                    styled_parts(&item_name(name, index, item), item, style, explode, parts);
                }),
                _ if explode => parts.extend(items.map(|item| (name.to_owned(), text_of(item)))),
                _ => joined(items.map(text_of).collect()),
            }
        }
        Value::Object(members) => {
            let members = members.iter().filter(|(_, value)| !value.is_null());
            match style {
                Style::DeepObject => members.for_each(|(key, value)| {
                    styled_parts(&format!("{name}[{key}]"), value, style, explode, parts);
                }),
                _ if explode => parts.extend(members.map(|(key, value)| (key.clone(), text_of(value)))),
                _ => joined(members.flat_map(|(key, value)| [key.clone(), text_of(value)]).collect()),
            }
        }
        scalar => parts.push((name.to_owned(), text_of(scalar))),
    }
}

/// The parts of a multipart form: lists repeat the name, objects are JSON, files are bytes.
fn same_parts(
    given: &Generated,
    value: &Value,
    parts: &Value,
    encoding: &Map<String, Value>,
) -> Result<(), String> {
    let parts = parts.as_array().ok_or("no parts")?;
    let named = |name: &str| parts.iter().filter(|part| part["name"] == name).collect::<Vec<_>>();
    let mut counted = 0;
    for (name, bytes) in &given.files {
        let found = named(name);
        let sent = found.first().and_then(|part| STANDARD.decode(part["base64"].as_str()?).ok());
        expect(found.len() == 1 && sent.as_ref() == Some(bytes), || format!("the file {name} is {found:?}"))?;
        expect(found[0]["filename"].is_string(), || format!("the file {name} has no file name"))?;
        counted += 1;
    }
    for (name, value) in value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        let own = encoding.get(name);
        if let Some(own) = own.filter(|own| own.get("style").is_some() || own.get("explode").is_some()) {
            let style = own["style"].as_str().and_then(style).unwrap_or(Style::Form);
            let mut wanted = Vec::new();
            let explode = own["explode"].as_bool().unwrap_or(style == Style::Form);
            styled_parts(name, value, style, explode, &mut wanted);
            for (name, text) in &wanted {
                let is_it = |part: &Value| part["name"] == **name && part["text"] == **text;
                expect(parts.iter().any(is_it), || format!("no part {name} is {text}: {parts:?}"))?;
            }
            counted += wanted.len();
            continue;
        }
        let found = named(name);
        let texts: Vec<String> =
            found.iter().map(|part| part["text"].as_str().unwrap_or("no text").to_owned()).collect();
        counted += found.len();
        let told = match value {
            Value::Array(items) if own.is_some_and(is_json) => {
                let read: Vec<Value> =
                    texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
                expect(read == *items, || format!("{name} is {texts:?}, given was {value}"))?;
                continue;
            }
            Value::Array(_) => Told::Items(texts),
            _ => Told::One(texts.concat()),
        };
        let as_text = Value::String(value.to_string());
        let is_json = value.is_object() || own.is_some_and(is_json);
        let sent_as = match &told {
            Told::One(text) if is_json => {
                let same = serde_json::from_str::<Value>(text).ok().as_ref() == Some(value);
                expect(same, || format!("{name} is {text}, given was {value}"))?;
                continue;
            }
            Told::One(_) if value.is_array() => &as_text,
            _ => value,
        };
        same(name, sent_as, &told)?;
    }
    expect(counted == parts.len(), || format!("there are other parts: {parts:?}"))
}
