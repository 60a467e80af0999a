//! A prepared request read back into arguments, by the document's words alone: the path by its template, the query,
//! headers and cookies by style and explode, the body by its media type.
//!
//! Nothing of the crate's serialisation is used here. Styles lose types, so what comes back are texts; they are
//! held against the texts of what was given.

use opcall::{Location, Operation, Parameter, Style};
use serde_json::{Map, Value};

use super::super::generate::{Generated, argument_name};

/// Holds a dry run against what it was made of.
pub(super) fn check(
    operation: Operation<'_>,
    given: &Generated,
    shown: &Value,
    base: &str,
) -> Result<(), String> {
    let url = shown["url"].as_str().ok_or("no URL")?;
    let rest = url.strip_prefix(base).ok_or_else(|| format!("the URL does not begin with {base}: {url}"))?;
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    let (template, literal) = split(operation.path());
    check_path(operation, given, path, template).map_err(|error| format!("{error} in {url}"))?;
    check_query(operation, given, query, literal).map_err(|error| format!("{error} in {url}"))?;
    check_headers(operation, given, &shown["headers"])?;
    super::bodies::check(operation, given, shown)
}

/// A path key as its template and the query that stands in it; a fragment tells operations of one path apart.
fn split(key: &str) -> (&str, Option<&str>) {
    let outside = |wanted: char| {
        let mut depth = 0;
        key.char_indices().find_map(move |(at, letter)| {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            (depth == 0 && letter == wanted).then_some(at)
        })
    };
    let end = outside('#').unwrap_or(key.len());
    match outside('?').filter(|at| *at < end) {
        Some(at) => (&key[..at], Some(&key[at + 1..end])),
        None => (&key[..end], None),
    }
}

/// A template as literal texts and, between them, names of variables.
fn pieces(template: &str) -> (Vec<String>, Vec<String>) {
    let (mut literals, mut names, mut depth) = (vec![String::new()], Vec::new(), 0);
    for letter in template.chars() {
        match letter {
            '{' => {
                if depth == 0 {
                    names.push(String::new());
                } else {
                    names.last_mut().unwrap().push(letter);
                }
                depth += 1;
            }
            '}' if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    literals.push(String::new());
                } else {
                    names.last_mut().unwrap().push(letter);
                }
            }
            letter if depth > 0 => names.last_mut().unwrap().push(letter),
            letter => literals.last_mut().unwrap().push(letter),
        }
    }
    // `{ID:[0-9]+}` is the variable ID.
    let bare = |name: &String| name.split(':').next().unwrap().trim().to_owned();
    (literals, names.iter().map(bare).collect())
}

fn check_path(operation: Operation<'_>, given: &Generated, path: &str, template: &str) -> Result<(), String> {
    let (literals, names) = pieces(template);
    let mut pattern = format!("^{}", regex_lite::escape(&path_literal(&literals[0])));
    for (name, literal) in names.iter().zip(&literals[1..]) {
        pattern.push_str(&variable(operation, name));
        pattern.push_str(&regex_lite::escape(&path_literal(literal)));
    }
    pattern.push('$');
    let pattern = regex_lite::Regex::new(&pattern).map_err(|error| error.to_string())?;
    let found = pattern.captures(path).ok_or_else(|| format!("the path is not that of {template}"))?;
    for (number, name) in names.iter().enumerate() {
        let raw = found.get(number + 1).unwrap().as_str();
        let parameter = operation
            .parameters()
            .find(|one| one.location() == Location::Path && one.name() == name)
            .ok_or_else(|| format!("no parameter {name}"))?;
        let value = &given.params[&argument_name(parameter)];
        let told = by_style(raw, parameter, value).ok_or_else(|| format!("path.{name} is `{raw}`"))?;
        same(&argument_name(parameter), value, &told)?;
    }
    Ok(())
}

/// What a variable may be in a path: what its enum lists, else anything in a segment.
fn variable(operation: Operation<'_>, name: &str) -> String {
    let mut parameters = operation.parameters();
    let one = parameters.find(|one| one.location() == Location::Path && one.name() == name);
    let schema: Option<Value> = one.and_then(|one| serde_json::from_str(one.schema().text()).ok());
    let choices: Vec<String> = schema
        .iter()
        .flat_map(|schema| schema["enum"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .map(regex_lite::escape)
        .collect();
    if choices.is_empty() { "([^/]+?)".to_owned() } else { format!("({})", choices.join("|")) }
}

/// What a template's text is in a URL (WHATWG URL, path percent-encode set).
fn path_literal(text: &str) -> String {
    let mut url = url::Url::parse("https://x/").unwrap();
    url.set_path(&text.replace('\\', "%5C").replace('|', "%7C"));
    let path = url.path();
    if text.starts_with('/') { path.to_owned() } else { path[1..].to_owned() }
}

/// A value as texts: itself, items, or members.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    One(String),
    Items(Vec<String>),
    Members(Vec<(String, String)>),
}

/// The text of a value in a style: a scalar's own, JSON of what is nested.
pub(super) fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A value as the styles write it: `null` members and items are left out.
pub(super) fn expected(value: &Value) -> Told {
    match value {
        Value::Array(items) => Told::Items(items.iter().filter(|one| !one.is_null()).map(text_of).collect()),
        Value::Object(members) => {
            let members = members.iter().filter(|(_, value)| !value.is_null());
            Told::Members(members.map(|(name, value)| (name.clone(), text_of(value))).collect())
        }
        one => Told::One(text_of(one)),
    }
}

pub(super) fn same(path: &str, value: &Value, told: &Told) -> Result<(), String> {
    let expected = expected(value);
    // A list of one text looks like that text.
    let is_same = match (&expected, told) {
        (Told::Items(items), Told::One(one)) => items.len() == 1 && items[0] == *one,
        (expected, told) => expected == told,
    };
    if is_same { Ok(()) } else { Err(format!("{path} is {told:?}, given was {expected:?}")) }
}

/// Percent-decoded; `None` where it is no UTF-8.
pub(super) fn decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        rest = after;
        let hex = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
        match (first, after.get(..2).and_then(hex)) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).ok()
}

fn list(raw: &str, delimiter: &str) -> Option<Vec<String>> {
    raw.split(delimiter).map(decoded).collect()
}

/// Names and values in turn.
fn in_turn(texts: Vec<String>) -> Option<Told> {
    let mut texts = texts.into_iter();
    let mut members = Vec::new();
    while let Some(name) = texts.next() {
        members.push((name, texts.next()?));
    }
    Some(Told::Members(members))
}

/// `name=value` each.
fn pairs(raw: &str, delimiter: &str) -> Option<Told> {
    let pair = |one: &str| {
        let (name, value) = one.split_once('=')?;
        Some((decoded(name)?, decoded(value)?))
    };
    raw.split(delimiter).map(pair).collect::<Option<_>>().map(Told::Members)
}

/// The value of a path parameter (OpenAPI, Style Values and Examples: simple, label, matrix).
fn by_style(raw: &str, parameter: Parameter<'_>, value: &Value) -> Option<Told> {
    if parameter.content().is_some() {
        return decoded(raw).map(Told::One);
    }
    let (explode, name) = (parameter.explode(), parameter.name());
    match parameter.style() {
        Style::Simple => simple(raw, explode, value, decoded),
        Style::Label => {
            let raw = raw.strip_prefix('.')?;
            match value {
                Value::Array(_) => list(raw, if explode { "." } else { "," }).map(Told::Items),
                Value::Object(_) if explode => pairs(raw, "."),
                Value::Object(_) => in_turn(list(raw, ",")?),
                _ => decoded(raw).map(Told::One),
            }
        }
        Style::Matrix => {
            let raw = raw.strip_prefix(';')?;
            if let (Value::Object(_), true) = (value, explode) {
                return pairs(raw, ";");
            }
            let own = |one: &'_ str| -> Option<String> {
                let (key, value) = one.split_once('=').unwrap_or((one, ""));
                (decoded(key)? == name).then(|| value.to_owned())
            };
            match value {
                Value::Array(_) if explode => {
                    let values: Option<Vec<_>> = raw.split(';').map(|one| decoded(&own(one)?)).collect();
                    values.map(Told::Items)
                }
                Value::Array(_) => list(&own(raw)?, ",").map(Told::Items),
                Value::Object(_) => in_turn(list(&own(raw)?, ",")?),
                _ => decoded(&own(raw)?).map(Told::One),
            }
        }
        _ => None,
    }
}

/// Style simple; headers are not percent-encoded, paths are.
fn simple(raw: &str, explode: bool, value: &Value, decode: fn(&str) -> Option<String>) -> Option<Told> {
    let list = || raw.split(',').map(decode).collect::<Option<Vec<_>>>();
    match value {
        Value::Array(_) => list().map(Told::Items),
        Value::Object(_) if explode => {
            let pair = |one: &str| one.split_once('=').and_then(|(k, v)| Some((decode(k)?, decode(v)?)));
            raw.split(',').map(pair).collect::<Option<_>>().map(Told::Members)
        }
        Value::Object(_) => in_turn(list()?),
        _ => decode(raw).map(Told::One),
    }
}

/// Whether a style writes nothing for a value.
pub(super) fn is_unwritten(value: &Value) -> bool {
    match expected(value) {
        Told::Items(items) => items.is_empty(),
        Told::Members(members) => members.is_empty(),
        Told::One(_) => value.is_null(),
    }
}

/// Whether a pair is the place of a secret, which no argument is.
fn is_credential(pair: &str) -> bool {
    pair.ends_with("=<redacted>")
}

fn check_query(
    operation: Operation<'_>,
    given: &Generated,
    query: Option<&str>,
    literal: Option<&str>,
) -> Result<(), String> {
    let mut rest: Vec<&str> = query.into_iter().flat_map(|query| query.split('&')).collect();
    rest.retain(|pair| !is_credential(pair));
    for literal in literal.into_iter().filter(|all| !all.is_empty()).flat_map(|all| all.split('&')) {
        let is_it = rest.first().is_some_and(|one| decoded(one) == decoded(literal));
        if !is_it {
            return Err(format!("the query of the path, {literal}, is missing"));
        }
        rest.remove(0);
    }
    let mut rest = rest.as_slice();
    for parameter in operation.parameters() {
        let name = argument_name(parameter);
        let Some(value) = given.params.get(&name) else { continue };
        match parameter.location() {
            Location::Query if parameter.content().is_some() => {
                let pair = take(&mut rest, parameter.name())?;
                same_content(&name, value, &decoded(pair).ok_or("no UTF-8")?)?;
            }
            Location::Query if !is_unwritten(value) => {
                let told = of_query(&mut rest, Rules::of(parameter), value, decoded)?;
                told.map_or(Ok(()), |told| same(&name, value, &told))?;
            }
            Location::Querystring => {
                same_querystring(parameter, value, &std::mem::take(&mut rest).join("&"))?;
            }
            _ => {}
        }
    }
    if rest.is_empty() { Ok(()) } else { Err(format!("{rest:?} comes from nothing")) }
}

fn same_content(path: &str, value: &Value, text: &str) -> Result<(), String> {
    let is_same = match serde_json::from_str::<Value>(text) {
        Ok(json) => json == *value || text == text_of(value),
        Err(_) => text == text_of(value),
    };
    if is_same { Ok(()) } else { Err(format!("{path} is {text}, given was {value}")) }
}

/// The whole query string by its media type (OpenAPI 3.2).
fn same_querystring(parameter: Parameter<'_>, value: &Value, query: &str) -> Result<(), String> {
    let name = parameter.name();
    if parameter.content() != Some("application/x-www-form-urlencoded") {
        return same_content(name, value, &decoded(query).ok_or("no UTF-8")?);
    }
    let encoding = Map::new();
    super::bodies::same_form(value, query, &encoding)
}

/// The next pair's value, where the pair has that name.
fn take<'q>(rest: &mut &[&'q str], name: &str) -> Result<&'q str, String> {
    let [first, after @ ..] = rest else { return Err(format!("{name} is missing")) };
    let (key, value) = first.split_once('=').unwrap_or((first, ""));
    if decoded(key).as_deref() != Some(name) {
        return Err(format!("{first} stands where {name} should"));
    }
    *rest = after;
    Ok(value)
}

/// How a named value is written.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) name: &'a str,
    pub(super) style: Style,
    pub(super) explode: bool,
}

impl<'a> Rules<'a> {
    fn of(parameter: Parameter<'a>) -> Self {
        Self { name: parameter.name(), style: parameter.style(), explode: parameter.explode() }
    }
}

/// The value at the front of a query or form; `None` where it is compared as it is read.
pub(super) fn of_query(
    rest: &mut &[&str],
    Rules { name, style, explode }: Rules<'_>,
    value: &Value,
    decode: fn(&str) -> Option<String>,
) -> Result<Option<Told>, String> {
    let utf8 = |text: Option<String>| text.ok_or_else(|| format!("{name} is no UTF-8"));
    let joined = |raw: &str| -> Result<Vec<String>, String> {
        let delimiter = match style {
            Style::SpaceDelimited if raw.contains('+') => "+",
            Style::SpaceDelimited => "%20",
            Style::PipeDelimited => "%7C",
            Style::TabDelimited => "%09",
            _ => ",",
        };
        raw.split(delimiter).map(|one| utf8(decode(one))).collect()
    };
    Ok(Some(match value {
        Value::Object(_) | Value::Array(_) if style == Style::DeepObject => {
            return deep(rest, name, value, decode).map(|()| None);
        }
        Value::Array(items) if explode => {
            let count = items.iter().filter(|item| !item.is_null()).count();
            let texts = (0..count).map(|_| utf8(decode(take(rest, name)?)));
            Told::Items(texts.collect::<Result<_, _>>()?)
        }
        Value::Array(_) => Told::Items(joined(take(rest, name)?)?),
        Value::Object(members) if explode => {
            let mut told = Vec::new();
            for key in members.iter().filter(|(_, value)| !value.is_null()).map(|(key, _)| key) {
                told.push((key.clone(), utf8(decode(take(rest, key)?))?));
            }
            Told::Members(told)
        }
        Value::Object(_) => in_turn(joined(take(rest, name)?)?).ok_or("names and values are not in turn")?,
        _ => Told::One(utf8(decode(take(rest, name)?))?),
    }))
}

/// `name[key][inner][]=value`; an item that has members itself has its index.
fn deep(
    rest: &mut &[&str],
    name: &str,
    value: &Value,
    decode: fn(&str) -> Option<String>,
) -> Result<(), String> {
    match value {
        Value::Null => Ok(()),
        Value::Object(members) => {
            members.iter().try_for_each(|(key, value)| deep(rest, &format!("{name}[{key}]"), value, decode))
        }
        Value::Array(items) => {
            let mut items = items.iter().filter(|item| !item.is_null()).enumerate();
            items.try_for_each(|(index, item)| deep(rest, &item_name(name, index, item), item, decode))
        }
        scalar => match decode(take(rest, name)?) {
            Some(text) if text == text_of(scalar) => Ok(()),
            other => Err(format!("{name} is {other:?}, given was {scalar}")),
        },
    }
}

/// The name of a list's item where objects are deep.
pub(super) fn item_name(name: &str, index: usize, item: &Value) -> String {
    if item.is_array() || item.is_object() { format!("{name}[{index}]") } else { format!("{name}[]") }
}

fn check_headers(operation: Operation<'_>, given: &Generated, headers: &Value) -> Result<(), String> {
    let header = |name: &str| {
        let mut all = headers.as_array().into_iter().flatten();
        all.find(|one| one[0].as_str().is_some_and(|known| known.eq_ignore_ascii_case(name)))
            .and_then(|one| one[1].as_str())
    };
    let cookies = header("cookie").into_iter().flat_map(|all| all.split("; "));
    let cookies: Vec<&str> = cookies.filter(|pair| !is_credential(pair)).collect();
    let mut cookies = cookies.as_slice();
    for parameter in operation.parameters() {
        let (name, path) = (parameter.name(), argument_name(parameter));
        let Some(value) = given.params.get(&path) else { continue };
        let json = parameter.content().is_some();
        if is_unwritten(value) && !json {
            continue;
        }
        match parameter.location() {
            Location::Header => {
                let text = header(name).ok_or_else(|| format!("{path} is missing"))?;
                if json {
                    same_content(&path, value, text)?;
                    continue;
                }
                let as_it_is = |text: &str| Some(text.to_owned());
                let told = simple(text, parameter.explode(), value, as_it_is);
                same(&path, value, &told.ok_or_else(|| format!("{path} is {text}"))?)?;
            }
            Location::Cookie if json => {
                let text = decoded(take(&mut cookies, name)?).ok_or("no UTF-8")?;
                same_content(&path, value, &text)?;
            }
            Location::Cookie => {
                let raw = parameter.style() == Style::Cookie;
                let explode = parameter.explode() && raw;
                let decode: fn(&str) -> Option<String> =
                    if raw { |text| Some(text.to_owned()) } else { decoded };
                let rules = Rules { name, style: Style::Form, explode };
                let told = of_query(&mut cookies, rules, value, decode)?;
                told.map_or(Ok(()), |told| same(&path, value, &told))?;
            }
            _ => {}
        }
    }
    if cookies.is_empty() { Ok(()) } else { Err(format!("the cookies {cookies:?} come from nothing")) }
}
