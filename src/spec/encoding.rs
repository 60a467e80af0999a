//! Encoding Objects of forms and multipart bodies (`OpenAPI` Encoding Object), as a call needs them: headers with
//! their references followed, styles that have a form.

use std::borrow::Cow;

use openapiv3::Encoding;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Depth;
use super::error::{Effect, Warning, told_token};
use super::extract::Context;
use super::members::{self, Must};
use super::reference::follow;
use super::schema::Reached;
use super::service::{DEEP_ARRAYS, extension};
use super::styles::{self, Says};
use super::warnings::Warnings;
use crate::operation::{DeepArrays, PropertyDef, SchemaDef, Style};

/// The only media type whose encodings have a style in `OpenAPI` 3.0.
const FORM: &str = "application/x-www-form-urlencoded";
/// What `OpenAPI` 3.0 ignores for any other.
const STYLE: [&str; 3] = ["style", "explode", "allowReserved"];

/// The Encoding Objects of a media type by property, as compact JSON; none where it has none.
pub(crate) fn read(
    (name, media_type): (&str, &Value),
    properties: &[PropertyDef],
    pointer: &str,
    context: &Context<'_>,
    schemas: &mut Reached,
    warnings: &mut Warnings,
) -> Option<String> {
    let given = media_type.get("encoding").and_then(Value::as_object).filter(|given| !given.is_empty())?;
    let essence = name.split(';').next().unwrap_or(name).trim();
    let has_styles = context.defaults.styled_parts || essence.eq_ignore_ascii_case(FORM);
    let mut kept = Map::new();
    for (name, encoding) in given {
        let pointer = format!("{pointer}/encoding/{}", told_token(name));
        let mut encoding = Cow::Borrowed(encoding);
        if let (false, Value::Object(members)) = (has_styles, encoding.as_ref()) {
            let counts = members.iter().filter(|(key, _)| !STYLE.contains(&key.as_str()));
            let members = counts.map(|(key, value)| (key.clone(), value.clone())).collect();
            encoding = Cow::Owned(Value::Object(members));
        }
        if let Err(error) = fits(&encoding) {
            let misfit = encoding.as_object().and_then(|encoding| members::misfit(encoding, MEMBERS));
            let problem = misfit.map_or_else(|| members::reworded(&error), |(_, problem)| problem);
            warnings.push(Warning::new(pointer, problem, Effect::PartIgnored));
            continue;
        }
        let mut encoding = encoding.as_object().cloned().unwrap_or_default();
        let schema = properties.iter().find(|one| one.name == *name).map(|one| &one.schema);
        style(&mut encoding, schema, &pointer, context, warnings);
        headers(&mut encoding, &pointer, context, schemas, warnings);
        kept.insert(name.clone(), Value::Object(encoding));
    }
    let text = Value::Object(kept).to_string();
    context.resolver.targets().budget.text(text.len()).then_some(text)
}

/// The members that it may have.
const MEMBERS: &[(&str, Must<'_>, bool)] = &[
    ("contentType", Must::Text, false),
    ("style", Must::Word(&["form", "spaceDelimited", "pipeDelimited", "tabDelimited", "deepObject"]), false),
    ("explode", Must::Flag, false),
    ("allowReserved", Must::Flag, false),
];

/// Whether an Encoding Object fits the type, but for its headers, whose schemas may be of 3.1.
fn fits(encoding: &Value) -> Result<(), serde_json::Error> {
    let mut bare = encoding.clone();
    if let Value::Object(bare) = &mut bare {
        bare.retain(|key, value| key != "headers" && !(key == "style" && value == "tabDelimited"));
    }
    Encoding::deserialize(bare).map(|_| ())
}

/// Puts a style that has a form in place of one that has none, and the document's word on lists beside `deepObject`.
fn style(
    encoding: &mut Map<String, Value>,
    schema: Option<&SchemaDef>,
    pointer: &str,
    context: &Context<'_>,
    warnings: &mut Warnings,
) {
    let arrays: Option<DeepArrays> = extension(encoding, DEEP_ARRAYS, pointer, warnings);
    encoding.shift_remove(DEEP_ARRAYS);
    let Some(given) = encoding.get("style").and_then(|style| Style::deserialize(style).ok()) else { return };
    let arrays = arrays.or(context.defaults.deep_arrays);
    if let (Style::DeepObject, Some(arrays)) = (given, arrays) {
        encoding.insert(DEEP_ARRAYS.to_owned(), arrays.as_str().into());
    }
    let says = Says { explode: encoding.get("explode").and_then(Value::as_bool), arrays: arrays.is_some() };
    let fault = schema.and_then(|schema| styles::of_encoding(given, says, schema));
    if let Some((member, problem, style)) = fault {
        warnings.push(Warning::new(format!("{pointer}/{member}"), problem, Effect::Assumed));
        encoding.insert("style".to_owned(), style.as_str().into());
    }
}

/// Follows the references of part headers; one that leads nowhere goes. `Content-Type` is the encoding's own.
fn headers(
    encoding: &mut Map<String, Value>,
    pointer: &str,
    context: &Context<'_>,
    schemas: &mut Reached,
    warnings: &mut Warnings,
) {
    let Some(Value::Object(given)) = encoding.shift_remove("headers") else { return };
    let mut kept = Map::new();
    for (name, header) in given.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-type")) {
        let pointer = format!("{pointer}/headers/{}", told_token(name));
        let header = match follow(header, context.resolver, &pointer) {
            Ok(header) => header,
            Err(error) => {
                warnings.push(Warning::new(pointer, error.problem, Effect::PartIgnored));
                continue;
            }
        };
        let content = header.get("content").and_then(Value::as_object).and_then(|all| all.iter().next());
        let schema = content.map_or(header.get("schema"), |(_, content)| content.get("schema"));
        context.reach(Depth::Requests, schema, &pointer, schemas, warnings);
        let says = |key: &str| header.get(key) == Some(&Value::Bool(true));
        let mut one = json!({"schema": schema.unwrap_or(&json!({}))});
        for key in ["required", "explode"].into_iter().filter(|key| says(key)) {
            one[key] = true.into();
        }
        if let Some((media_type, _)) = content {
            one["content"] = media_type.as_str().into();
        }
        kept.insert(name.clone(), one);
    }
    if !kept.is_empty() {
        encoding.insert("headers".to_owned(), Value::Object(kept));
    }
}
