//! Parameters: a path item's with an operation's, each with its style and schema.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use openapiv3::{CookieStyle, HeaderStyle, Parameter, ParameterData, PathStyle, QueryStyle};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::encoding;
use super::error::{Effect, SpecError, Warning, token};
use super::extract::Context;
use super::reference::{count, follow};
use super::schema::Reached;
use super::service::{DEEP_ARRAYS, extension};
use super::styles::{self, Says};
use super::{schema, swagger2};
use crate::operation::{DeepArrays, Location, ParameterDef, SchemaDef, Style};

/// A parameter with its schema as a value, so that the schemas it reaches can be found.
pub(crate) struct Found {
    pub(crate) def: ParameterDef,
    pub(crate) schema: Option<Value>,
}

/// Reads the lists in order, but for what is the body in Swagger 2.0; a later parameter of the same name and place takes the earlier one's place.
pub(crate) fn parameters(
    lists: &[(Option<&Value>, &str)],
    context: &Context<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Found>, SpecError> {
    let resolver = context.resolver;
    let mut found: Vec<Found> = Vec::new();
    let mut places: HashMap<(Location, String), usize> = HashMap::new();
    for (list, pointer) in lists {
        let before = found.len();
        let mut told = warnings.len();
        for (number, parameter) in list.and_then(Value::as_array).into_iter().flatten().enumerate() {
            let pointer = format!("{pointer}/{number}");
            if !context.may_tell(&warnings[told..]) {
                break;
            }
            told = warnings.len();
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
    warnings: &mut Vec<Warning>,
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
    let names_what_others_say = ["accept", "content-type", "authorization"];
    if def.location == Location::Header
        && names_what_others_say.contains(&def.name.to_ascii_lowercase().as_str())
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
            let pointer = format!("{pointer}/content/{}", token(media_type));
            // Only parts have headers, whose schemas would be reached.
            let reached = &mut Reached::default();
            def.encoding = encoding::read(content, &properties, &pointer, context, reached, warnings);
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

/// Everything but the schema, which may hold what the type does not know without the parameter being bad.
fn shape(map: &Map<String, Value>, pointer: &str) -> Result<ParameterDef, SpecError> {
    let fault =
        |error: serde_json::Error| SpecError::at(pointer, format!("the parameter does not fit: {error}"));
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
    Ok(ParameterDef {
        name,
        location,
        required: required || location == Location::Path,
        style,
        explode: explode.unwrap_or(matches!(style, Style::Form | Style::Cookie)),
        allow_reserved,
        deep_arrays: DeepArrays::default(),
        deprecated: deprecated.unwrap_or_default(),
        content: None,
        encoding: None,
        description: description.filter(|text| !text.is_empty()),
        schema: SchemaDef::default(),
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

/// Makes path parameters and the template's variables agree: a variable without a parameter gets one, a
/// path parameter without a variable goes.
pub(crate) fn fit_to_path(found: &mut Vec<Found>, path: &str, pointer: &str, warnings: &mut Vec<Warning>) {
    let variables = variables(path);
    let named: HashSet<&str> = variables.iter().map(AsRef::as_ref).collect();
    let is_foreign =
        |one: &Found| one.def.location == Location::Path && !named.contains(one.def.name.as_str());
    let (foreign, kept): (Vec<_>, Vec<_>) = std::mem::take(found).into_iter().partition(is_foreign);
    *found = kept;
    for one in foreign.iter().take(MOST_TOLD) {
        let problem = format!("the path has no `{{{}}}` for the parameter of that name", one.def.name);
        warnings.push(Warning::new(pointer, problem, Effect::PartIgnored));
    }
    if foreign.len() > MOST_TOLD {
        let problem = format!("the path has no place for {} more parameters", foreign.len() - MOST_TOLD);
        warnings.push(Warning::new(pointer, problem, Effect::PartIgnored));
    }
    let of_path = found.iter().filter(|one| one.def.location == Location::Path);
    let mut declared: HashSet<String> = of_path.map(|one| one.def.name.clone()).collect();
    let mut undeclared =
        variables.into_iter().filter(|variable| declared.insert(variable.clone().into_owned()));
    for variable in undeclared.by_ref().take(MOST_TOLD) {
        let problem = format!("no path parameter `{variable}` is declared; read as a required string");
        warnings.push(Warning::new(pointer, problem, Effect::Assumed));
        found.push(undeclared_one(&variable));
    }
    let before = found.len();
    found.extend(undeclared.map(|variable| undeclared_one(&variable)));
    if found.len() > before {
        let problem = format!(
            "{} more path parameters are not declared; read as required strings",
            found.len() - before
        );
        warnings.push(Warning::new(pointer, problem, Effect::Assumed));
    }
}

/// The parameter of a variable that none is declared for.
fn undeclared_one(variable: &str) -> Found {
    Found {
        def: ParameterDef {
            name: variable.to_owned(),
            location: Location::Path,
            required: true,
            style: Style::Simple,
            explode: false,
            allow_reserved: false,
            deep_arrays: DeepArrays::default(),
            deprecated: false,
            content: None,
            encoding: None,
            description: None,
            schema: SchemaDef {
                types: crate::operation::Types::STRING,
                text: json!({"type": "string"}).to_string(),
                ..SchemaDef::default()
            },
        },
        schema: None,
    }
}

/// The names in the braces of a path template.
fn variables(path: &str) -> Vec<Cow<'_, str>> {
    let mut found = Vec::new();
    let mut rest = path;
    while let Some((_, from)) = rest.split_once('{') {
        let Some((name, after)) = from.split_once('}') else { break };
        found.push(Cow::Borrowed(name));
        rest = after;
    }
    found
}
