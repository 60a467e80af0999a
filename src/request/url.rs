//! Assembles a URL as text: base, path template, query.
//!
//! What is written here is what goes on the wire: `url::Url` must not find anything to change in it, so what it
//! would encode is encoded, and what it would fold (`.`, `..`) is refused.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::problems::{MISSING, Problems};
use super::style::{self, Escape};
use crate::operation::Piece;
use crate::operation::path::{name, pieces};

/// What a document may write in a path and a URL may not hold (WHATWG URL, path percent-encode set, and `\`).
const LITERAL: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Whether nothing in a text means anything in a URL, but for the slashes and dots of a path.
pub(super) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.'))
}

/// Writes what a document says as it stands; a `%` that begins no escape is a percent sign (RFC 3986 §2.4).
fn literal(url: &mut String, text: &str, set: &'static AsciiSet) {
    // Nearly all of what documents write is as plain as this.
    if is_plain(text) {
        return url.push_str(text);
    }
    for (number, piece) in text.split('%').enumerate() {
        let digits = piece.as_bytes().get(..2);
        let is_escape = digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        if number > 0 {
            url.push_str(if is_escape { "%" } else { "%25" });
        }
        url.extend(utf8_percent_encode(piece, set));
    }
}

/// Writes base and path; `value` writes a variable's text and tells the order of its argument, if there is one.
/// `is_declared` tells of a name whether it is a path parameter's.
pub(super) fn write_path(
    url: &mut String,
    (base, template): (&str, &str),
    is_declared: impl Fn(&str) -> bool,
    problems: &mut Problems,
    mut value: impl FnMut(&str, &mut String) -> Option<usize>,
) {
    url.push_str(base.trim_end_matches('/'));
    if !template.starts_with('/') {
        url.push('/');
    }
    let may_fold = template.bytes().any(|byte| matches!(byte, b'.' | b'%'));
    if let Some(dots) = template.split('/').filter(|_| may_fold).find(|segment| is_dots(segment)) {
        problems.refuse(MISSING, "path", format!("must not have the segment `{dots}`: URLs fold it away"));
    }
    let mut segment = Segment { start: url.len(), variable: None };
    for piece in pieces(template) {
        match piece {
            Piece::Literal(text) => {
                // Only the first segment can go on one with a variable in it.
                let (rest, further) =
                    text.split_once('/').map_or((text, None), |(rest, more)| (rest, Some(more)));
                literal(url, rest, LITERAL);
                if let Some(further) = further {
                    segment.check(url, problems);
                    url.push('/');
                    literal(url, further, LITERAL);
                    let start = url.rfind('/').map_or(0, |place| place + 1);
                    segment = Segment { start, variable: None };
                }
            }
            Piece::Variable(braced) => {
                let (name, start) = (name(braced, &is_declared), url.len());
                let order = value(name, url);
                let problem = match order {
                    None => Some("is required"),
                    Some(_) if url.len() == start => Some("must not be empty"),
                    Some(_) if url[start..].contains('/') => {
                        Some("must not hold `/`: it would be another path")
                    }
                    Some(_) => None,
                };
                let order = order.unwrap_or(MISSING);
                if let Some(problem) = problem {
                    problems.refuse(order, format!("path.{name}"), problem);
                }
                segment.variable = Some((order, name));
            }
        }
    }
    segment.check(url, problems);
}

/// Whether a path segment is one that URL parsers fold, also percent-encoded (WHATWG URL, dot segments).
pub(crate) fn is_dots(segment: &str) -> bool {
    dotless(segment).is_some_and(|rest| rest.is_empty() || dotless(rest) == Some(""))
}

/// What follows a dot.
fn dotless(text: &str) -> Option<&str> {
    [".", "%2e", "%2E"].iter().find_map(|dot| text.strip_prefix(dot))
}

struct Segment<'a> {
    start: usize,
    /// The last variable in it, with the order of its argument.
    variable: Option<(usize, &'a str)>,
}

impl Segment<'_> {
    /// URL parsers fold `.` and `..`, percent-encoded too: the call would go to another path.
    fn check(&self, url: &str, problems: &mut Problems) {
        let Some((order, name)) = self.variable else { return };
        let text = &url[self.start..];
        if is_dots(text) {
            let problem = format!("must not make the path segment `{text}`: URLs fold it away");
            problems.refuse(order, format!("path.{name}"), problem);
        }
    }
}

/// What a variable of a query stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variable {
    /// The pair of its name and value.
    Pair,
    /// A value, or a part of one.
    Text,
}

/// Writes what follows a `?` or `&`, and takes the separator back where nothing was written.
pub(super) struct Query<'u> {
    url: &'u mut String,
    has_any: bool,
}

impl<'u> Query<'u> {
    pub(super) fn new(url: &'u mut String) -> Self {
        Self { url, has_any: false }
    }

    pub(super) fn add(&mut self, write: impl FnOnce(&mut String)) {
        let start = self.url.len();
        self.url.push(if self.has_any { '&' } else { '?' });
        let before = self.url.len();
        write(self.url);
        if self.url.len() == before {
            self.url.truncate(start);
        } else {
            self.has_any = true;
        }
    }

    /// A pair, of which what stands before the value is as it goes out.
    pub(super) fn pair(&mut self, prefix: &str, value: &str, how: Escape) {
        self.url.push(if self.has_any { '&' } else { '?' });
        self.has_any = true;
        self.url.push_str(prefix);
        style::escape(self.url, value, how);
    }

    /// The query that a document writes into its path key.
    ///
    /// `value` writes a variable's text, or with the name before it (`a={a}`) the whole pair; where it tells that there
    /// is no value, the pair with that variable is left out.
    pub(super) fn add_template(
        &mut self,
        query: &str,
        is_declared: impl Fn(&str) -> bool,
        mut value: impl FnMut(&str, Variable, &mut String) -> bool,
    ) {
        const QUERY: &AsciiSet = &LITERAL.remove(b'?').add(b'\'');
        if !query.contains('{') {
            return self.add(|url| literal(url, query, QUERY));
        }
        let mut pair = String::new();
        let mut is_whole = true;
        let mut pieces = pieces(query).peekable();
        while let Some(piece) = pieces.next() {
            match piece {
                Piece::Literal(text) => {
                    let mut parts = text.split('&');
                    literal(&mut pair, parts.next().unwrap_or_default(), QUERY);
                    for part in parts {
                        self.add_pair(&mut pair, std::mem::replace(&mut is_whole, true));
                        literal(&mut pair, part, QUERY);
                    }
                }
                Piece::Variable(braced) => {
                    let name = name(braced, &is_declared);
                    let ends = pieces
                        .peek()
                        .is_none_or(|next| matches!(next, Piece::Literal(text) if text.starts_with('&')));
                    let is_named = ends && pair.strip_suffix('=') == Some(name);
                    if is_named {
                        pair.clear();
                    }
                    let place = if is_named { Variable::Pair } else { Variable::Text };
                    is_whole &= value(name, place, &mut pair);
                }
            }
        }
        self.add_pair(&mut pair, is_whole);
    }

    fn add_pair(&mut self, pair: &mut String, is_whole: bool) {
        if is_whole {
            self.add(|url| url.push_str(pair));
        }
        pair.clear();
    }
}

#[cfg(test)]
#[path = "url_tests.rs"]
mod tests;
