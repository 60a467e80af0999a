//! The header fields of a request, in order, each fit to be sent.

use std::borrow::Cow;

use super::arguments::Routed;
use super::problems::{MISSING, Problems};
use super::resolve::parameter_text;
use super::style::{self, Escape, Rules};
use super::{CallOptions, Fields};
use crate::operation::{Location, Style, header};
use crate::params::Argument;

/// `usual` (accept; whether there are further ones among the parameters), content-type, header parameters, cookie, the
/// caller's; a later one replaces an earlier of its name.
pub(super) fn build(
    (usual, has_fields): (&Fields, bool),
    media_type: Option<Cow<'_, str>>,
    routed: &Routed<'_>,
    options: &CallOptions,
    problems: &mut Problems,
) -> Fields {
    if media_type.is_none() && is_usual(has_fields, routed, options) {
        return usual.clone();
    }
    let mut headers = Headers { list: usual.to_vec(), problems };
    if let Some(media_type) = media_type {
        if let Some(problem) = value_problem(&media_type) {
            headers.problems.refuse(MISSING, "header.content-type", problem);
        }
        headers.list.push(("content-type".to_owned(), media_type.into_owned()));
    }
    let mut cookies = String::new();
    for slot in &routed.slots {
        let (Some(value), order) = (&slot.value, slot.order.unwrap_or_default()) else { continue };
        let (declared, name) = (slot.declared, slot.name());
        match slot.location() {
            Location::Header => {
                let mut text = String::new();
                if let Some(content) = &declared.content {
                    text.push_str(&parameter_text(content, value));
                } else {
                    let rules = Rules::new(name, Style::Simple, declared.explode, Escape::Never);
                    style::write(&mut text, rules, value);
                }
                headers.set(order, &format!("header.{name}"), name, text);
            }
            Location::Cookie => {
                let escape = match declared.style {
                    Style::Cookie => Escape::Never,
                    _ if declared.allow_reserved => Escape::ReservedInCookie,
                    _ => Escape::Unreserved,
                };
                let rules = Rules::new(name, declared.style, declared.explode, escape);
                if let Some(content) = &declared.content {
                    let value = parameter_text(content, value).into_owned().into();
                    headers.cookie(order, rules, &value, &mut cookies);
                } else {
                    headers.cookie(order, rules, value, &mut cookies);
                }
            }
            _ => {}
        }
    }
    for extra in &routed.extras {
        match extra.location {
            Location::Header if matches!(extra.value, Argument::Null) => {}
            Location::Header => {
                let mut text = String::new();
                let rules = Rules::new(extra.name, Style::Simple, false, Escape::Never);
                style::write(&mut text, rules, extra.value);
                headers.set(extra.order, &format!("header.{}", extra.name), extra.name, text);
            }
            Location::Cookie => {
                let rules = Rules::new(extra.name, Style::Form, false, Escape::Unreserved);
                headers.cookie(extra.order, rules, extra.value, &mut cookies);
            }
            _ => {}
        }
    }
    if !cookies.is_empty() {
        headers.list.push(("cookie".to_owned(), cookies));
    }
    headers
        .list
        .retain(|(name, _)| !options.dropped_headers.iter().any(|one| one.eq_ignore_ascii_case(name)));
    for (number, (name, value)) in options.headers.iter().enumerate() {
        headers.set(usize::MAX / 2 + number, &format!("header.{name}"), name, value.clone());
    }
    headers.list.into()
}

/// Whether nobody says anything of header fields, of which the parameters may be some.
fn is_usual(has_fields: bool, routed: &Routed<'_>, options: &CallOptions) -> bool {
    let is_field = |location| matches!(location, Location::Header | Location::Cookie);
    options.headers.is_empty()
        && options.dropped_headers.is_empty()
        && !(has_fields && routed.slots.iter().any(|slot| slot.value.is_some() && is_field(slot.location())))
        && !routed.extras.iter().any(|extra| is_field(extra.location))
}

struct Headers<'p> {
    list: Vec<(String, String)>,
    problems: &'p mut Problems,
}

impl Headers<'_> {
    fn set(&mut self, order: usize, path: &str, name: &str, value: String) {
        if let Some(problem) =
            name_problem(name).or_else(|| owner_problem(name)).or_else(|| value_problem(&value))
        {
            return self.problems.refuse(order, path, problem);
        }
        match self.list.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, known)) => *known = value,
            None => self.list.push((name.to_ascii_lowercase(), value)),
        }
    }

    /// Adds a pair to the `cookie` header; style `form` is one pair a parameter, whatever `explode` says.
    fn cookie(&mut self, order: usize, rules: Rules<'_>, value: &Argument, cookies: &mut String) {
        let (is_raw, name) = (rules.style == Style::Cookie, rules.name);
        let mut text = String::new();
        style::write(&mut text, Rules { explode: rules.explode && is_raw, ..rules }, value);
        let broken = if is_raw { cookie_problem(rules, value) } else { None };
        let problem =
            broken.or_else(|| value_problem(&text)).or_else(|| text.split("; ").find_map(edge_problem));
        if let Some(problem) = problem {
            return self.problems.refuse(order, format!("cookie.{name}"), problem);
        }
        if !cookies.is_empty() && !text.is_empty() {
            cookies.push_str("; ");
        }
        cookies.push_str(&text);
    }
}

/// Why a value cannot be written as it is into the `cookie` header (RFC 6265 §4.2.1), if it cannot.
fn cookie_problem(rules: Rules<'_>, value: &Argument) -> Option<&'static str> {
    let ends = |value: &Argument| value.text().contains(';');
    let is_named = |name: &str| rules.explode && name.contains('=');
    let (holds_end, holds_sign) = match value {
        Argument::Array(items) => (items.iter().any(ends), false),
        Argument::Object(members) => {
            let mut sent = members.iter().filter(|(_, value)| !matches!(value, Argument::Null));
            let is_signed = sent.clone().any(|(name, _)| is_named(name));
            (sent.any(|(name, value)| name.contains(';') || ends(value)), is_signed)
        }
        one => (ends(one), false),
    };
    if holds_end || rules.name.contains(';') {
        Some("must not hold `;`: it would be another cookie")
    } else if holds_sign || rules.name.contains('=') {
        Some("must not hold `=` in a name: it would be another cookie")
    } else {
        None
    }
}

/// Why a pair of the `cookie` header would come as another one: spaces around a name and a value are cut off
/// (RFC 6265 §5.2), if they would.
fn edge_problem(pair: &str) -> Option<&'static str> {
    let has_edge = |text: &str| text.trim_matches([' ', '\t']) != text;
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    (has_edge(name) || has_edge(value)).then_some(EDGES)
}

/// What is said of a text that the way would cut.
const EDGES: &str = "must not begin or end with a space: it would be lost on the way";

/// Why a header field cannot be sent as one of a part, if it cannot.
pub(super) fn part_problem(name: &str, value: &str) -> Option<&'static str> {
    let is_disposition = name.eq_ignore_ascii_case("content-disposition");
    let written = is_disposition.then_some("is written from the part's name and file name");
    name_problem(name).or(written).or_else(|| value_problem(value))
}

/// Why a text is no field name (RFC 9110 §5.6.2), if it is none.
fn name_problem(name: &str) -> Option<&'static str> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (name.is_empty() || !name.bytes().all(is_token)).then_some("is no name of a header")
}

/// Why a header field is not the caller's to set, if it is not.
fn owner_problem(name: &str) -> Option<&'static str> {
    header::is_of_client(name).then_some("is set by the HTTP client")
}

/// Why a text cannot be a field value, if it cannot: line breaks would make further headers of it, and what is
/// beyond ASCII every server reads differently (RFC 9110 §5.5).
fn value_problem(value: &str) -> Option<&'static str> {
    if value.bytes().any(|byte| byte < 0x20 && byte != b'\t' || byte == 0x7f) {
        Some("must not hold line breaks or control characters")
    } else if !value.is_ascii() {
        Some("must be ASCII: headers carry nothing else reliably")
    } else if value.starts_with([' ', '\t']) || value.ends_with([' ', '\t']) {
        Some(EDGES)
    } else {
        None
    }
}
