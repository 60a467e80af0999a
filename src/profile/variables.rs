//! The variables of a server's URL: defaults, values that were given, and what a value must not do (`OpenAPI` Server
//! Variable Object). Pure.
//!
//! A value names a part of the address and no more: one that would end the host, bring a user name, a query or
//! another path segment's meaning is refused, so that it cannot send credentials elsewhere.

use super::place::NO_HOST;
use crate::operation::{Piece, ServerDef, ServerVariableDef};
use crate::request::is_dots;
use crate::schema::nearest;

/// A value of a server variable, as given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ServerVariable {
    pub(crate) name: String,
    pub(crate) value: String,
    /// Whether it was given with the call: then it must be a variable of the server that is called. One of a profile
    /// may be meant for another server of the service.
    pub(crate) of_call: bool,
}

/// A server's URL with values in place of its variables.
#[derive(Debug, Default)]
pub(super) struct Filled {
    pub(super) url: String,
    /// Variables that have no value; the URL has stand-ins for them.
    pub(super) missing: Vec<String>,
    /// Whether a default is used that is no real value (`x-placeholder`).
    pub(super) is_placeholder: bool,
    /// What is wrong with the values that were given, each with its variable's name.
    pub(super) problems: Vec<String>,
}

/// Fills a server's URL. `elsewhere` tells the variables that other servers of the service have.
pub(super) fn fill(server: &ServerDef, given: &[ServerVariable], elsewhere: impl Fn(&str) -> bool) -> Filled {
    let mut filled = Filled { problems: problems(server, given, elsewhere), ..Filled::default() };
    for (part, piece) in parts(server) {
        match piece {
            Piece::Literal(text) => filled.url.push_str(text),
            Piece::Variable(name) => filled.push(server, name, given, part),
        }
    }
    filled
}

impl Filled {
    fn push(&mut self, server: &ServerDef, name: &str, given: &[ServerVariable], part: Part) {
        let declared = server.variables.iter().find(|variable| variable.name == name);
        if let Some(one) = given.iter().find(|one| one.name == name) {
            self.url.push_str(&one.value);
        } else if let Some(default) = declared.and_then(|variable| variable.default.as_deref()) {
            self.is_placeholder |= declared.is_some_and(|variable| variable.placeholder);
            self.url.push_str(default);
        } else {
            if !self.missing.iter().any(|known| known == name) {
                self.missing.push(name.to_owned());
            }
            self.url.push_str(&stand_in(name, part, &self.url));
        }
    }
}

/// What stands for a value that is not known, so that a dry run can show the rest.
fn stand_in(name: &str, part: Part, before: &str) -> String {
    match part {
        Part::Scheme => "https".to_owned(),
        Part::Whole => NO_HOST.to_owned(),
        Part::Authority if before.ends_with(':') => "0".to_owned(),
        _ => {
            let word = |one: char| if one.is_ascii_alphanumeric() { one } else { '-' };
            format!("your-{}", name.chars().map(word).collect::<String>())
        }
    }
}

/// The part of a URL that a variable stands in, by the text around it and the document's own values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The URL begins with it: the value may be a URL of its own.
    Whole,
    /// Before the first colon.
    Scheme,
    /// In the first segment, where a colon or a slash would make another URL of it.
    Start,
    /// Host or port.
    Authority,
    /// Right behind the authority, where the document's own value begins with the slash.
    Behind,
    /// In the path.
    Path {
        /// Whether a slash stands before it.
        after_slash: bool,
    },
}

/// The pieces of a URL with the part each stands in.
fn parts(server: &ServerDef) -> Vec<(Part, Piece<'_>)> {
    let pieces: Vec<_> = server.pieces().collect();
    let mut before = String::new();
    let mut parts = Vec::with_capacity(pieces.len());
    for (number, piece) in pieces.iter().enumerate() {
        let own = match piece {
            Piece::Literal(text) => text,
            Piece::Variable(name) => own_value(server, name),
        };
        let ends_scheme =
            matches!(pieces.get(number + 1), Some(Piece::Literal(text)) if text.starts_with(':'));
        parts.push((part(&before, ends_scheme, own), *piece));
        before.push_str(own);
    }
    parts
}

/// The document's own value of a variable, by which the URL's shape is judged.
fn own_value<'s>(server: &'s ServerDef, name: &str) -> &'s str {
    let variable = server.variables.iter().find(|variable| variable.name == name);
    let own = |variable: &'s ServerVariableDef| variable.default.as_ref().or(variable.choices.first());
    variable.and_then(own).map_or("x", String::as_str)
}

fn part(before: &str, ends_scheme: bool, own: &str) -> Part {
    if before.is_empty() {
        return if ends_scheme { Part::Scheme } else { Part::Whole };
    }
    let authority = before.split_once("//").filter(|(head, _)| head.is_empty() || head.ends_with(':'));
    match authority {
        Some((_, rest)) if !rest.contains('/') => {
            if own.starts_with('/') {
                Part::Behind
            } else {
                Part::Authority
            }
        }
        None if !before.contains('/') => Part::Start,
        _ => Part::Path { after_slash: before.ends_with('/') },
    }
}

fn problems(server: &ServerDef, given: &[ServerVariable], elsewhere: impl Fn(&str) -> bool) -> Vec<String> {
    let parts = parts(server);
    let mut problems = Vec::new();
    for ServerVariable { name, value, of_call } in given {
        let Some(variable) = server.variables.iter().find(|variable| variable.name == *name) else {
            if *of_call || !elsewhere(name) {
                problems.push(unknown(server, name));
            }
            continue;
        };
        if !variable.choices.is_empty() {
            problems.extend(not_listed(variable, value));
            continue;
        }
        let mut places = parts.iter().filter(|(_, piece)| *piece == Piece::Variable(name));
        let fault = places.find_map(|(part, _)| fault(*part, value));
        problems.extend(fault.map(|fault| format!("`{name}` {fault}, got {value:?}")));
    }
    problems
}

fn unknown(server: &ServerDef, name: &str) -> String {
    let near = nearest(name, server.variables.iter().map(|variable| variable.name.as_str()));
    let near = near.map(|near| format!("; nearest: {near}")).unwrap_or_default();
    format!("`{name}` is no variable of the server {:?}{near}", server.url)
}

fn not_listed(variable: &ServerVariableDef, value: &str) -> Option<String> {
    let ServerVariableDef { name, choices, .. } = variable;
    if choices.iter().any(|choice| choice == value) {
        return None;
    }
    let near = nearest(value, choices.iter().map(String::as_str));
    let near = near.map(|near| format!("; nearest: {near}")).unwrap_or_default();
    Some(format!("`{name}` must be one of {}, got {value:?}{near}", choices.join(", ")))
}

/// What a value would do to the URL beyond filling its part.
fn fault(part: Part, value: &str) -> Option<&'static str> {
    const WEB: &str = "must be http or https";
    const HOST: &str = "must hold letters, digits and -._~:[] only, for it stands in the host";
    let in_host = |one: char| one.is_ascii_alphanumeric() || "-._~:[]".contains(one);
    let breaks = |one: char| one.is_control() || one.is_whitespace() || matches!(one, '?' | '#' | '\\');
    match part {
        Part::Scheme => (!matches!(value, "http" | "https")).then_some(WEB),
        Part::Authority => (value.is_empty() || !value.chars().all(in_host)).then_some(HOST),
        _ if value.contains(breaks) => Some("must not hold ?, #, \\, spaces or control characters"),
        _ if value.split('/').any(is_dots) => {
            Some("must not hold the segments . and .., which URLs fold away")
        }
        Part::Whole if value.contains('@') => Some("must not hold @"),
        Part::Start if value.contains([':', '/', '@']) => Some("must not hold :, / or @"),
        Part::Behind if !value.is_empty() && !value.starts_with('/') => Some("must begin with /"),
        Part::Path { after_slash: true } if value.starts_with('/') => {
            Some("must not begin with /, which stands before it already")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str, variables: &[(&str, Option<&str>, &[&str])]) -> ServerDef {
        let variable = |(name, default, choices): &(&str, Option<&str>, &[&str])| ServerVariableDef {
            name: (*name).to_owned(),
            default: default.map(str::to_owned),
            choices: choices.iter().map(|&one| one.to_owned()).collect(),
            ..ServerVariableDef::default()
        };
        ServerDef {
            url: url.to_owned(),
            variables: variables.iter().map(variable).collect(),
            ..ServerDef::default()
        }
    }

    fn given(pairs: &[(&str, &str)]) -> Vec<ServerVariable> {
        let one = |(name, value): &(&str, &str)| ServerVariable {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
            of_call: true,
        };
        pairs.iter().map(one).collect()
    }

    #[test]
    fn values_stand_in_place_of_defaults() {
        let server = server(
            "{scheme}://{tenant}.example:{port}/{base}",
            &[
                ("scheme", Some("https"), &["https", "http"]),
                ("tenant", None, &[]),
                ("port", Some("443"), &["443", "8443"]),
                ("base", Some("v1"), &[]),
            ],
        );
        let filled = fill(&server, &[], |_| false);
        assert_eq!(filled.url, "https://your-tenant.example:443/v1");
        assert_eq!((filled.missing, filled.problems), (vec!["tenant".to_owned()], vec![]));
        let values = given(&[("tenant", "acme"), ("port", "8443"), ("scheme", "http"), ("base", "a/b")]);
        let filled = fill(&server, &values, |_| false);
        assert_eq!(filled.url, "http://acme.example:8443/a/b");
        assert!(filled.missing.is_empty() && filled.problems.is_empty());
    }

    #[test]
    fn every_problem_is_told_with_what_is_near() {
        let server = server(
            "https://{tenant}.example:{port}",
            &[("tenant", Some("demo"), &[]), ("port", Some("443"), &["443", "8443"])],
        );
        let values = given(&[("prot", "1"), ("port", "844"), ("tenant", "evil.example/")]);
        assert_eq!(
            fill(&server, &values, |_| true).problems,
            [
                "`prot` is no variable of the server \"https://{tenant}.example:{port}\"; nearest: port",
                "`port` must be one of 443, 8443, got \"844\"; nearest: 8443",
                "`tenant` must hold letters, digits and -._~:[] only, for it stands in the host, got \"evil.example/\"",
            ]
        );
    }

    #[test]
    fn a_profile_may_speak_to_other_servers() {
        let server = server("https://one.example", &[]);
        let one = |of_call| {
            let variable = ServerVariable { name: "region".into(), value: "eu".into(), of_call };
            fill(&server, &[variable], |name| name == "region").problems.len()
        };
        assert_eq!((one(false), one(true)), (0, 1));
    }

    #[test]
    fn no_value_leaves_its_part() {
        let fault = |url: &str, default: Option<&str>, value: &str| {
            let filled = fill(&server(url, &[("v", default, &[])]), &given(&[("v", value)]), |_| false);
            !filled.problems.is_empty()
        };
        let hosts = ["https://{v}.example", "https://{v}", "//{v}/x", "https://h.example:{v}/x", "{v}://{v}"];
        for url in hosts {
            for value in [
                "a/b", "/", "a@b", "@", "a#b", "a?b", "a\\b", "a b", "a\tb", "a\n", "a\0", "a%2fb", "ü", "",
                "\u{202e}", "a;b", "a,b",
            ] {
                assert!(fault(url, Some("d"), value), "{url} {value:?}");
            }
        }
        for (url, default, value, is_fault) in [
            ("https://{v}.example", None, "acme-1.eu", false),
            ("https://{v}", None, "127.0.0.1:8080", false),
            ("https://{v}", None, "[::1]:8080", false),
            ("{v}://h.example", None, "http", false),
            ("{v}://h.example", None, "https://evil.example/", true),
            ("{v}://h.example", None, "ftp", true),
            ("{v}/v1", None, "https://h.example:1/a", false),
            ("{v}/v1", None, "https://u@h.example", true),
            ("https://h.example/{v}/x", None, "a/b@c:d", false),
            ("https://h.example/{v}/x", None, "", false),
            ("https://h.example/{v}/x", None, "..", true),
            ("https://h.example/{v}/x", None, "a/%2E%2e", true),
            ("https://h.example/{v}/x", None, "a?b", true),
            ("https://h.example/{v}/x", None, "/a", true),
            ("https://h.example{v}/x", Some("/v1"), "/v2/a", false),
            ("https://h.example{v}/x", Some("/v1"), "", false),
            ("https://h.example{v}/x", Some("/v1"), ".evil.example", true),
            ("https://h.example{v}/x", Some("/v1"), "@evil.example", true),
            ("/{v}/x", None, "/evil.example", true),
            ("/{v}/x", None, "v2", false),
            ("http{v}://h.example", Some("s"), "", false),
            ("http{v}://h.example", Some("s"), "://evil.example/", true),
        ] {
            assert_eq!(fault(url, default, value), is_fault, "{url} {value:?}");
        }
    }

    #[test]
    fn stand_ins_keep_the_url_readable() {
        for (url, shown) in [
            ("{base}/v1", "https://your-api-host/v1"),
            ("{scheme}://h.example", "https://h.example"),
            ("https://h.example:{port}/x", "https://h.example:0/x"),
            ("https://{the_host}/{a b}", "https://your-the-host/your-a-b"),
        ] {
            assert_eq!(fill(&server(url, &[]), &[], |_| false).url, shown);
        }
    }
}
