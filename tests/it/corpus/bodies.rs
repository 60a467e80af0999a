//! The body of a dry run read back by its media type.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opcall::{Operation, Style};
use serde_json::{Map, Value};

use super::super::generate::{Generated, Kind};
use super::decode::{Rules, decoded, is_unwritten, of_query, same, take, text_of};

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
        if is_unwritten(value) && !is_json && (styled || value.is_array()) {
            continue;
        }
        let style = own.and_then(|own| own["style"].as_str()).and_then(style).unwrap_or(Style::Form);
        let explode = own.and_then(|own| own["explode"].as_bool()).unwrap_or(style == Style::Form);
        let rules = Rules { name, style, explode };
        let as_text = Value::String(text_of(value));
        let value = if !styled && (is_json || value.is_object()) { &as_text } else { value };
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

/// The parts of a multipart form in order: by a style where the encoding gives one, else lists repeat the name and
/// objects are JSON; files are bytes.
fn same_parts(
    given: &Generated,
    value: &Value,
    parts: &Value,
    encoding: &Map<String, Value>,
) -> Result<(), String> {
    let parts = parts.as_array().ok_or("no parts")?;
    for (name, bytes) in &given.files {
        let found: Vec<_> = parts.iter().filter(|part| part["name"] == **name).collect();
        let sent = found.first().and_then(|part| STANDARD.decode(part["base64"].as_str()?).ok());
        expect(found.len() == 1 && sent.as_ref() == Some(bytes), || format!("the file {name} is {found:?}"))?;
        expect(found[0]["filename"].is_string(), || format!("the file {name} has no file name"))?;
    }
    let fields = parts.iter().filter(|part| part.get("text").is_some());
    let pairs: Vec<String> = fields.map(pair).collect();
    expect(pairs.len() + given.files.len() == parts.len(), || format!("there are other parts: {parts:?}"))?;
    let pairs: Vec<&str> = pairs.iter().map(String::as_str).collect();
    let mut rest = pairs.as_slice();
    for (name, value) in value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        let own = encoding.get(name);
        let styled = own.is_some_and(|own| own.get("style").is_some() || own.get("explode").is_some());
        let word = own.and_then(|own| own["style"].as_str()).and_then(style).unwrap_or(Style::Form);
        let explode = own.and_then(|own| own["explode"].as_bool()).unwrap_or(word == Style::Form);
        let is_json = !styled && (value.is_object() || own.is_some_and(is_json));
        if is_json {
            // A list is a part an item, each of that type (OpenAPI 3.1.2, Encoding Object).
            for item in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
                let text = decoded(take(&mut rest, name)?).ok_or("no UTF-8")?;
                let same = serde_json::from_str::<Value>(&text).ok().as_ref() == Some(item);
                expect(same, || format!("{name} is {text}, given was {item}"))?;
            }
            continue;
        }
        let rules = Rules { name, style: word, explode };
        let told = of_query(&mut rest, rules, value, decoded)?;
        told.map_or(Ok(()), |told| same(name, value, &told))?;
    }
    expect(rest.is_empty(), || format!("{rest:?} comes from nothing"))
}

/// A part as a pair of a query, its delimiters as they are there.
fn pair(part: &Value) -> String {
    let text = part["text"].as_str().unwrap_or_default().replace('%', "%25");
    let text = text.replace(' ', "%20").replace('|', "%7C").replace('\t', "%09");
    format!("{}={text}", part["name"].as_str().unwrap_or_default())
}
