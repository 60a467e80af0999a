//! The doors of this room: the order in which a request is made.

use std::borrow::Cow;
use std::sync::Arc;

use indexmap::IndexMap;

use super::arguments::{self, EMPTY, Extra, HOLE, Routed, Slot, is_empty, is_holed};
use super::body::{self, Built};
use super::common::{Declared, Described};
use super::media::{Kind, Whole, choose, chosen};
use super::multipart::PartHeader;
use super::problems::{MISSING, Problems};
use super::style::{self, Escape, Rules};
use super::url::{self, Query, Variable};
use super::{CallOptions, Common, Fields, Request, encode, headers};
use crate::error::ArgumentsError;
use crate::operation::{Location, Method, Style, path};
use crate::params::{Argument, Params};
use crate::schema::shown;
use crate::table::Operation;

/// Makes the request of an operation, or tells every problem of the call.
///
/// # Errors
/// The arguments do not fit.
pub(crate) fn resolve(
    operation: Operation<'_>,
    common: &Common,
    base_url: &str,
    params: &Params,
    options: &CallOptions,
) -> Result<Request, ArgumentsError> {
    let method = &common.method;
    let mut problems = Problems::new(options.no_validate);
    let given = options.body.as_ref().map(Whole::of);
    let may_have_body = common.takes_body || given.is_some() || options.says_of_fields();
    let media = if may_have_body { choose(operation, options, given) } else { None };
    let routed = arguments::route((operation, common), media.as_ref(), params, options, &mut problems);
    let whole = whole(given, &routed, &mut problems);
    // A file given as the argument `body` may be of another type than routing took the body to be.
    let of_file = match (given, whole) {
        (None, Some((_, whole @ Whole::File(_)))) => choose(operation, options, Some(whole)),
        _ => None,
    };
    let media = of_file.as_ref().or(media.as_ref());
    let Built { content, media_type } = match media {
        None if options.allow_unknown && !matches!(method, Method::Get | Method::Head) => {
            undeclared_body(&routed, whole, options, &mut problems)
        }
        media => body::build(operation, media, whole, &routed, &mut problems),
    };
    let url = url_of((operation, common), base_url, &routed, &mut problems);
    let headers =
        headers::build((&common.headers, common.has_fields), media_type, &routed, options, &mut problems);
    match problems.finish() {
        Err(problems) => {
            let operation = common.operation.as_ref().to_owned();
            Err(ArgumentsError { name: operation.clone(), operation, problems })
        }
        Ok(warnings) => Ok(Request {
            operation: Some(Arc::clone(&common.operation)),
            method: method.clone(),
            url,
            credentials: Arc::default(),
            given: Vec::new(),
            headers,
            body: content.shared(),
            warnings,
        }),
    }
}

fn whole<'a>(
    given: Option<Whole<'a>>,
    routed: &Routed<'a>,
    problems: &mut Problems,
) -> Option<(usize, Whole<'a>)> {
    match (given, routed.body) {
        (Some(given), Some((order, _))) => {
            problems.refuse(order, "body", "is given twice");
            Some((order, given))
        }
        (Some(given), None) => Some((MISSING - 1, given)),
        (None, body) => body.map(|(order, value)| (order, Whole::of_argument(value))),
    }
}

/// A body that the caller insists on although the operation declares none.
fn undeclared_body<'a>(
    routed: &Routed<'a>,
    whole: Option<(usize, Whole<'a>)>,
    options: &'a CallOptions,
    problems: &mut Problems,
) -> Built<'a> {
    let members =
        routed.members.iter().map(|member| (member.name.to_owned(), member.value.clone().into_owned()));
    let whole = whole.map(|(_, whole)| whole);
    body::undescribed(members.collect(), whole, &routed.part_headers, options, problems)
}

/// The room for the query of a URL: most are shorter.
const QUERY: usize = 128;

fn url_of(
    (operation, common): (Operation<'_>, &Common),
    base: &str,
    routed: &Routed<'_>,
    problems: &mut Problems,
) -> String {
    let Some(path) = &common.path else {
        return url_of_template((operation, common), base, routed, problems);
    };
    let mut text = String::with_capacity(base.len() + path.len() + QUERY);
    text.push_str(base.trim_end_matches('/'));
    text.push_str(path);
    let mut query = Query::new(&mut text);
    routed.slots.iter().for_each(|slot| add_slot(&mut query, slot));
    query_extras(&mut query, &common.method, &routed.extras, &[], problems);
    text
}

/// Of a path with variables, or with a query of the document's own.
fn url_of_template(
    (operation, common): (Operation<'_>, &Common),
    base: &str,
    routed: &Routed<'_>,
    problems: &mut Problems,
) -> String {
    let (template, literal) = path::split(operation.path());
    let mut text = String::with_capacity(base.len() + template.len() + QUERY);
    let named = |name: &str, location: Location| {
        routed.slots.iter().find(|slot| slot.location() == location && slot.name() == name)
    };
    let is_declared = |name: &str| named(name, Location::Path).is_some();
    url::write_path(&mut text, (base, template), is_declared, problems, |name, out| {
        if let Some(slot) = named(name, Location::Path) {
            match &slot.value {
                Some(value) => write_slot(out, slot.declared, value),
                // It is told as missing already; a path that nobody sees needs something in its place.
                None if slot.declared.required => out.push('-'),
                None => return None,
            }
            return Some(slot.order.unwrap_or(MISSING));
        }
        let is_it = |extra: &&Extra<'_>| extra.location == Location::Path && extra.name == name;
        let extra = routed.extras.iter().find(is_it)?;
        write_extra(out, extra);
        Some(extra.order)
    });
    let mut query = Query::new(&mut text);
    let of_query = |name: &str| named(name, Location::Query).or_else(|| named(name, Location::Path));
    let literal = literal.unwrap_or_default();
    query.add_template(
        literal,
        |name| of_query(name).is_some(),
        |name, variable, out| {
            let Some((slot, value)) = of_query(name).and_then(|slot| Some((slot, slot.value.as_deref()?)))
            else {
                return false;
            };
            write_variable(out, slot, variable, value);
            true
        },
    );
    let of_template: Vec<&str> = path::variables(literal, |name| of_query(name).is_some()).collect();
    let is_written =
        |slot: &&Slot<'_>| slot.location() == Location::Query && of_template.contains(&slot.name());
    routed.slots.iter().filter(|slot| !is_written(slot)).for_each(|slot| add_slot(&mut query, slot));
    query_extras(&mut query, &common.method, &routed.extras, &[], problems);
    text
}

/// Writes what was given for a parameter of the query.
fn add_slot(query: &mut Query<'_>, slot: &Slot<'_>) {
    let Some(value) = &slot.value else { return };
    if let (Some(prefix), Some(text)) = (&slot.declared.prefix, value.scalar_text()) {
        let reserved = slot.declared.allow_reserved;
        return query.pair(prefix, text, if reserved { Escape::ReservedInQuery } else { Escape::Unreserved });
    }
    if let Location::Query | Location::Querystring = slot.location() {
        query.add(|out| write_slot(out, slot.declared, value));
    }
}

/// Writes a declared parameter where the path key's query has a variable of its name.
fn write_variable(out: &mut String, slot: &Slot<'_>, variable: Variable, value: &Argument) {
    let (declared, name) = (slot.declared, slot.name());
    if variable == Variable::Pair && slot.location() == Location::Query {
        return write_slot(out, declared, value);
    }
    if variable == Variable::Pair {
        style::escape(out, name, Escape::Unreserved);
        out.push('=');
    }
    if let Some(content) = &declared.content {
        return style::escape(out, &parameter_text(content, value), Escape::Unreserved);
    }
    style::write(out, Rules::new(name, Style::Simple, false, Escape::Unreserved), value);
}

/// Writes a declared path or query parameter.
fn write_slot(out: &mut String, declared: &Declared, value: &Argument) {
    let Declared { name, location, style, explode, .. } = declared;
    let escape = match location {
        _ if !declared.allow_reserved => Escape::Unreserved,
        Location::Path => Escape::ReservedInPath,
        _ => Escape::ReservedInQuery,
    };
    if *location == Location::Querystring {
        return write_querystring(out, declared, value);
    }
    let Some(content) = &declared.content else {
        let rules = Rules { arrays: declared.deep_arrays, ..Rules::new(name, *style, *explode, escape) };
        return style::write(out, rules, value);
    };
    if *location == Location::Query {
        style::escape(out, name, Escape::Unreserved);
        out.push('=');
    }
    style::escape(out, &parameter_text(content, value), escape);
}

/// The whole query string by its media type (`OpenAPI` 3.2, `in: querystring`).
fn write_querystring(out: &mut String, declared: &Declared, value: &Argument) {
    let text = match &declared.content {
        Some(content) => parameter_text(content, value),
        None => content_text("", value),
    };
    match (declared.kind(), value) {
        // It is fit for a query by its own rules.
        (Some(Kind::Form), Argument::Object(_)) => out.push_str(&text),
        _ => style::escape(out, &text, Escape::Unreserved),
    }
}

/// The text of a parameter with `content`, before it is made fit for its place.
pub(super) fn parameter_text<'v>(content: &Described, value: &'v Argument) -> Cow<'v, str> {
    match (content.kind, value) {
        (Kind::Form, Argument::Object(members)) => {
            encode::form_text(members, &encode::encodings(content.encoding.as_deref())).into()
        }
        _ => content_text(&content.media_type, value),
    }
}

/// The text of a value by its media type.
pub(super) fn content_text<'v>(media_type: &str, value: &'v Argument) -> Cow<'v, str> {
    match (Kind::of(media_type), value) {
        (Kind::Json, value) => value.to_json_text().into(),
        (Kind::Form, Argument::Object(members)) => encode::form_text(members, &IndexMap::new()).into(),
        (_, value) => value.text(),
    }
}

fn write_extra(out: &mut String, extra: &Extra<'_>) {
    let rules = Rules::new(extra.name, Style::Simple, false, Escape::Unreserved);
    style::write(out, rules, extra.value);
}

fn write_query_extra(out: &mut String, extra: &Extra<'_>) {
    let rules = Rules::new(extra.name, Style::Form, true, Escape::Unreserved);
    style::write(out, rules, extra.value);
}

/// `written` are the names of those that stand in the query already.
fn query_extras(
    query: &mut Query<'_>,
    method: &Method,
    extras: &[Extra<'_>],
    written: &[&str],
    problems: &mut Problems,
) {
    for extra in extras.iter().filter(|extra| extra.location == Location::Query) {
        let path = || format!("query.{}", extra.name);
        if let Argument::File(_) = extra.value {
            problems.refuse(extra.order, path(), "must not be a file");
        } else if is_empty(extra.value) && !matches!(method, Method::Get | Method::Head) {
            problems.refuse(extra.order, path(), EMPTY);
        } else if let (Argument::Array(items), false) =
            (extra.value, matches!(method, Method::Get | Method::Head))
            && is_holed(items)
        {
            problems.refuse(extra.order, path(), HOLE);
        }
        if !written.contains(&extra.name) {
            query.add(|out| write_query_extra(out, extra));
        }
    }
}

/// Makes the request of an endpoint that no table knows: names go to the path's variables, to the place that a
/// prefix names, else to the query of GET, HEAD and DELETE and to the JSON body of other methods.
///
/// # Errors
/// A variable has no value, a value cannot be sent at its place.
pub(crate) fn resolve_unlisted(
    service: &str,
    method: &Method,
    base_url: &str,
    path: &str,
    params: &Params,
    options: &CallOptions,
) -> Result<Request, ArgumentsError> {
    let mut problems = Problems::new(options.no_validate);
    let (routed, members) = route_unlisted(method, path, params, options, &mut problems);
    let whole = whole(options.body.as_ref().map(Whole::of), &routed, &mut problems);
    let whole = whole.map(|(_, whole)| whole);
    let body = body::undescribed(members, whole, &routed.part_headers, options, &mut problems);
    let (template, literal) = path::split(path);
    let literal = literal.unwrap_or_default();
    let mut text = String::with_capacity(base_url.len() + path.len() + 128);
    let given = |name: &str, location: Location| {
        routed.extras.iter().find(|extra| extra.location == location && extra.name == name)
    };
    url::write_path(
        &mut text,
        (base_url, template),
        |_| false,
        &mut problems,
        |name, out| {
            let extra = given(name, Location::Path)?;
            write_extra(out, extra);
            Some(extra.order)
        },
    );
    let mut query = Query::new(&mut text);
    query.add_template(
        literal,
        |_| false,
        |name, variable, out| {
            let extra = given(name, Location::Query).or_else(|| given(name, Location::Path));
            match (extra, variable) {
                (Some(extra), Variable::Pair) => write_query_extra(out, extra),
                (Some(extra), Variable::Text) => write_extra(out, extra),
                (None, _) => {}
            }
            extra.is_some()
        },
    );
    let written: Vec<&str> = path::variables(literal, |_| false).collect();
    query_extras(&mut query, method, &routed.extras, &written, &mut problems);
    let headers =
        headers::build((&Fields::accepting("*/*"), true), body.media_type, &routed, options, &mut problems);
    match problems.finish() {
        Err(problems) => {
            let operation = format!("{service}:{method} {path}");
            Err(ArgumentsError { name: operation.clone(), operation, problems })
        }
        Ok(warnings) => Ok(Request {
            operation: None,
            method: method.clone(),
            url: text,
            credentials: Arc::default(),
            given: Vec::new(),
            headers,
            body: body.content.shared(),
            warnings,
        }),
    }
}

fn route_unlisted<'a>(
    method: &Method,
    path: &str,
    params: &'a Params,
    options: &CallOptions,
    problems: &mut Problems,
) -> (Routed<'a>, IndexMap<String, Argument>) {
    let (mut routed, mut members) = (Routed::default(), IndexMap::new());
    if let Some(fault) = &params.fault {
        let problem = format!("must be an object of names and values, got {}", shown(fault));
        problems.refuse(0, "arguments", problem);
    }
    let (template, literal) = path::split(path);
    let literal = literal.unwrap_or_default();
    let in_query = matches!(method, Method::Get | Method::Head | Method::Delete);
    let is_multipart = chosen(options).is_some_and(|media_type| Kind::of(media_type) == Kind::Multipart);
    for (order, (name, value)) in params.iter().enumerate() {
        if let Some(path) = name.strip_prefix(arguments::PART).filter(|_| is_multipart) {
            routed.part_headers.push(PartHeader { order, path, value });
            continue;
        }
        let is_variable = |name| path::variables(template, |_| false).any(|one| one == name);
        let is_of_query = |name| path::variables(literal, |_| false).any(|one| one == name);
        let (location, name) = match arguments::explicit(name) {
            Some((Some(Location::Path), inner)) if !is_variable(inner) => {
                problems.unknown(order, name, None);
                continue;
            }
            Some(explicit) => explicit,
            None if is_variable(name) => (Some(Location::Path), name),
            None if is_of_query(name) => (Some(Location::Query), name),
            None if name == "body" => {
                routed.body = Some((order, value));
                continue;
            }
            None => (in_query.then_some(Location::Query), name),
        };
        match location {
            Some(location) => routed.extras.push(Extra { order, location, name, value }),
            None => {
                members.insert(name.to_owned(), value.clone());
            }
        }
    }
    (routed, members)
}

#[cfg(test)]
mod tests;
