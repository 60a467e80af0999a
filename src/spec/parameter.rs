//! Parameters: a path item's with an operation's, each with its style and schema.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use indexmap::IndexSet;
use openapiv3::{CookieStyle, HeaderStyle, Parameter, ParameterData, PathStyle, QueryStyle};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::encoding;
use super::error::{Effect, SpecError, Warning, told_token};
use super::extract::Context;
use super::members::{self, Must};
use super::reference::{count, follow};
use super::schema::Reached;
use super::service::{DEEP_ARRAYS, extension};
use super::styles::{self, Says};
use super::warnings::Warnings;
use super::{schema, swagger2};
use crate::operation::{DeepArrays, Location, ParameterDef, SchemaDef, Style, Types, header, path};

/// A parameter with its schema as a value, so that the schemas it reaches can be found.
pub(crate) struct Found {
    pub(crate) def: ParameterDef,
    pub(crate) schema: Option<Value>,
}

/// Reads the lists in order, but for what is the body in Swagger 2.0; a later parameter of the same name and place takes the earlier one's place.
pub(crate) fn parameters(
    lists: &[(Option<&Value>, &str)],
    context: &Context<'_>,
    warnings: &mut Warnings,
) -> Result<Vec<Found>, SpecError> {
    let resolver = context.resolver;
    let mut found: Vec<Found> = Vec::new();
    let mut places: HashMap<(Location, String), usize> = HashMap::new();
    for (list, pointer) in lists {
        let before = found.len();
        let mut told = warnings.text();
        for (number, parameter) in list.and_then(Value::as_array).into_iter().flatten().enumerate() {
            let pointer = format!("{pointer}/{number}");
            if !context.may_tell(warnings, &mut told) {
                break;
            }
            let parameter = follow(parameter, resolver, &pointer)?;
            let parameter = if context.upgrade.is_some() {
                let upgraded = swagger2::parameter(parameter, &pointer, warnings);
                let Some(upgraded) = upgraded else { continue };
                upgraded
            } else {
                parameter
            };
            let Some(one) = read(&parameter, &pointer, context, warnings)? else { continue };
            match places.entry((one.def.location, one.def.name.clone())) {
                Entry::Occupied(at) => {
                    let at = *at.get();
                    if at >= before {
                        let problem =
                            format!("the parameter `{}` is given twice; the last one holds", one.def.name);
                        warnings.push(Warning::new(pointer, problem, Effect::PartIgnored));
                    }
                    found[at] = one;
                }
                Entry::Vacant(place) => {
                    place.insert(found.len());
                    found.push(one);
                }
            }
        }
    }
    Ok(found)
}

fn read(
    parameter: &Value,
    pointer: &str,
    context: &Context<'_>,
    warnings: &mut Warnings,
) -> Result<Option<Found>, SpecError> {
    let resolver = context.resolver;
    let Value::Object(map) = parameter else {
        return Err(SpecError::at(pointer, "the parameter is not an object"));
    };
    let mut def = match shape(map, pointer) {
        Err(error) if map.contains_key("style") => {
            // A style that its place does not have is no reason to lose the operation.
            let plain = map.iter().filter(|(key, _)| *key != "style");
            let plain = plain.map(|(key, value)| (key.clone(), value.clone())).collect();
            let def = shape(&plain, pointer)?;
            let problem = match map.get("style").and_then(Value::as_str) {
                Some(style) => format!(
                    "the style `{style}` has no place in a {} parameter; read as `{}`",
                    def.location.as_str(),
                    def.style.as_str()
                ),
                None => error.problem,
            };
            warnings.push(Warning::new(format!("{pointer}/style"), problem, Effect::Assumed));
            def
        }
        read => read?,
    };
    if def.location == Location::Header
        && (header::is_said_elsewhere(&def.name) || header::is_of_client(&def.name))
    {
        return Ok(None);
    }
    let arrays: Option<DeepArrays> = extension(map, DEEP_ARRAYS, pointer, warnings);
    let arrays = arrays.or(context.defaults.deep_arrays);
    def.deep_arrays = arrays.unwrap_or_default();
    let content = map.get("content").and_then(Value::as_object).and_then(|content| content.iter().next());
    let content =
        content.map(|(name, content)| Ok((name, follow(content, resolver, pointer)?))).transpose()?;
    let schema = match &content {
        Some((media_type, content)) => {
            let schema = content.get("schema");
            let (properties, _) = schema::properties(schema, resolver);
            let pointer = format!("{pointer}/content/{}", told_token(media_type));
            // Only parts have headers, whose schemas would be reached.
            let reached = &mut Reached::default();
            def.encoding =
                encoding::read((media_type, content), &properties, &pointer, context, reached, warnings);
            def.content = Some((*media_type).clone());
            schema
        }
        None => map.get("schema"),
    };
    def.schema = match schema {
        Some(schema) => schema::define(schema, resolver),
        None => SchemaDef { text: "{}".to_owned(), ..SchemaDef::default() },
    };
    if def.content.is_none() && def.location != Location::Querystring {
        let says = Says { explode: map.get("explode").and_then(Value::as_bool), arrays: arrays.is_some() };
        styles::fit(&mut def, says, schema, resolver, pointer, warnings);
    }
    let budget = &resolver.targets().budget;
    budget.text(schema.map_or(0, |schema| count(schema) * size_of::<Value>()));
    budget.check(pointer)?;
    Ok(Some(Found { def, schema: schema.cloned() }))
}

/// The members that every parameter has, or may have.
const MEMBERS: &[(&str, Must<'_>, bool)] = &[
    ("name", Must::Text, true),
    ("in", Must::Word(&["query", "querystring", "header", "path", "cookie"]), true),
    ("description", Must::Text, false),
    ("required", Must::NonNullFlag, false),
    ("allowEmptyValue", Must::Flag, false),
    ("deprecated", Must::Flag, false),
    ("style", Must::Text, false),
    ("explode", Must::Flag, false),
];

/// Everything but the schema, which may hold what the type does not know without the parameter being bad.
fn shape(map: &Map<String, Value>, pointer: &str) -> Result<ParameterDef, SpecError> {
    let fault = |error: serde_json::Error| match members::misfit(map, MEMBERS) {
        Some((member, problem)) if map.contains_key(member) => {
            SpecError::at(format!("{pointer}/{member}"), problem)
        }
        Some((_, problem)) => SpecError::at(pointer, problem),
        None => SpecError::at(pointer, format!("the parameter does not fit: {}", members::reworded(&error))),
    };
    let is = |key: &str, word: &str| map.get(key).and_then(Value::as_str) == Some(word);
    let mut bare: Map<String, Value> = map
        .iter()
        .filter(|(key, _)| {
            !matches!(key.as_str(), "schema" | "content" | "example" | "examples" | "allowReserved")
        })
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    bare.insert("schema".to_owned(), json!({}));
    let allow_reserved = map.get("allowReserved").and_then(Value::as_bool).unwrap_or_default();
    // What OpenAPI 3.2 and Swagger 2.0 have beyond 3.0 in `in` and `style`, as the nearest of 3.0 to the type.
    let newer = if is("in", "querystring") {
        bare.insert("in".to_owned(), json!("query"));
        bare.shift_remove("style");
        Some((Location::Querystring, Style::Form))
    } else if is("in", "cookie") && is("style", "cookie") {
        bare.shift_remove("style");
        Some((Location::Cookie, Style::Cookie))
    } else if is("in", "query") && is("style", "tabDelimited") {
        bare.shift_remove("style");
        Some((Location::Query, Style::TabDelimited))
    } else {
        None
    };
    let (data, location, style) = match Parameter::deserialize(Value::Object(bare)).map_err(fault)? {
        Parameter::Path { parameter_data, style } => (parameter_data, Location::Path, path_style(&style)),
        Parameter::Query { parameter_data, style, .. } => {
            (parameter_data, Location::Query, query_style(&style))
        }
        Parameter::Header { parameter_data, style: HeaderStyle::Simple } => {
            (parameter_data, Location::Header, Style::Simple)
        }
        Parameter::Cookie { parameter_data, style: CookieStyle::Form } => {
            (parameter_data, Location::Cookie, Style::Form)
        }
    };
    let (location, style) = newer.unwrap_or((location, style));
    let ParameterData { name, description, required, deprecated, explode, .. } = data;
    let explode = explode.unwrap_or(matches!(style, Style::Form | Style::Cookie));
    let blank = ParameterDef::blank(name, location, style, explode);
    Ok(ParameterDef {
        required: required || blank.required,
        allow_reserved,
        deprecated: deprecated.unwrap_or_default(),
        description: description.filter(|text| !text.is_empty()),
        ..blank
    })
}

fn path_style(style: &PathStyle) -> Style {
    match style {
        PathStyle::Matrix => Style::Matrix,
        PathStyle::Label => Style::Label,
        PathStyle::Simple => Style::Simple,
    }
}

fn query_style(style: &QueryStyle) -> Style {
    match style {
        QueryStyle::Form => Style::Form,
        QueryStyle::SpaceDelimited => Style::SpaceDelimited,
        QueryStyle::PipeDelimited => Style::PipeDelimited,
        QueryStyle::DeepObject => Style::DeepObject,
    }
}

/// How many parameters that do not fit to the path are told of by name.
const MOST_TOLD: usize = 16;

/// Makes parameters and the variables of the path key agree: a variable without a parameter gets one, a path parameter
/// without a variable goes. A variable of the key's query is a query parameter, where no path parameter has its name.
pub(crate) fn fit_to_path(found: &mut Vec<Found>, key: &str, pointer: &str, warnings: &mut Warnings) {
    let (template, query) = path::split(key);
    let declared = |location: Location| -> HashSet<String> {
        let there = found.iter().filter(|one| one.def.location == location);
        there.map(|one| one.def.name.clone()).collect()
    };
    let (mut in_path, mut in_query) = (declared(Location::Path), declared(Location::Query));
    let of_path: IndexSet<&str> = path::variables(template, |name| in_path.contains(name)).collect();
    let is_declared = |name: &str| in_query.contains(name) || in_path.contains(name);
    let of_query: IndexSet<&str> = path::variables(query.unwrap_or_default(), is_declared).collect();
    let is_foreign = |one: &mut Found| {
        let name = one.def.name.as_str();
        one.def.location == Location::Path
            && !of_path.contains(name)
            && (!of_query.contains(name) || in_query.contains(name))
    };
    let foreign: Vec<String> = found.extract_if(.., is_foreign).map(|one| one.def.name).collect();
    for name in foreign.iter().take(MOST_TOLD) {
        let problem = format!("the path has no `{{{name}}}` for the parameter of that name");
        warnings.push(Warning::new(pointer, problem, Effect::PartIgnored));
    }
    if foreign.len() > MOST_TOLD {
        let problem = format!("the path has no place for {} more parameters", foreign.len() - MOST_TOLD);
        warnings.push(Warning::new(pointer, problem, Effect::PartIgnored));
    }
    let of_path = of_path.into_iter().filter(|name| in_path.insert((*name).to_owned()));
    assume(found, of_path.collect(), Location::Path, pointer, warnings);
    let is_new = |name: &&str| !in_path.contains(*name) && in_query.insert((*name).to_owned());
    assume(found, of_query.into_iter().filter(is_new).collect(), Location::Query, pointer, warnings);
}

/// Adds the parameters of variables that none is declared for.
fn assume(
    found: &mut Vec<Found>,
    names: Vec<&str>,
    location: Location,
    pointer: &str,
    warnings: &mut Warnings,
) {
    let place = location.as_str();
    for name in names.iter().take(MOST_TOLD) {
        let problem = format!("no {place} parameter `{name}` is declared; read as a required string");
        warnings.push(Warning::new(pointer, problem, Effect::Assumed));
    }
    if names.len() > MOST_TOLD {
        let more = names.len() - MOST_TOLD;
        let problem = format!("{more} more {place} parameters are not declared; read as required strings");
        warnings.push(Warning::new(pointer, problem, Effect::Assumed));
    }
    found.extend(names.into_iter().map(|name| assumed(name, location)));
}

/// The parameter of a variable that no parameter is declared for.
fn assumed(name: &str, location: Location) -> Found {
    let style = if location == Location::Path { Style::Simple } else { Style::Form };
    let schema = SchemaDef {
        types: Types::STRING,
        text: json!({"type": "string"}).to_string(),
        ..SchemaDef::default()
    };
    let blank = ParameterDef::blank(name, location, style, style == Style::Form);
    Found { def: ParameterDef { required: true, schema, ..blank }, schema: None }
}
