//! Assembles a URL as text: base, path template, query.
//!
//! What is written here is what goes on the wire: `url::Url` must not find anything to change in it, so what it
//! would encode is encoded, and what it would fold (`.`, `..`) is refused.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::problems::{MISSING, Problems};

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

/// Writes what a document says as it stands; a `%` that begins no escape is a percent sign (RFC 3986 §2.4).
fn literal(url: &mut String, text: &str, set: &'static AsciiSet) {
    for (number, piece) in text.split('%').enumerate() {
        let digits = piece.as_bytes().get(..2);
        let is_escape = digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        if number > 0 {
            url.push_str(if is_escape { "%" } else { "%25" });
        }
        url.extend(utf8_percent_encode(piece, set));
    }
}

/// A path key without its fragment, and the query that some documents write into it.
pub(super) fn split(key: &str) -> (&str, Option<&str>) {
    if !key.contains(['?', '#']) {
        return (key, None);
    }
    let mut depth = 0_usize;
    let mut query = None;
    for (place, letter) in key.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '?' if depth == 0 && query.is_none() => query = Some(place),
            '#' if depth == 0 => return cut(&key[..place], query),
            _ => {}
        }
    }
    cut(key, query)
}

fn cut(key: &str, query: Option<usize>) -> (&str, Option<&str>) {
    query.map_or((key, None), |place| (&key[..place], Some(&key[place + 1..])))
}

/// The names of a template's variables; of `{ID:[0-9]+}` it is `ID`.
pub(super) fn variables(key: &str) -> impl Iterator<Item = &str> {
    pieces(split(key).0).filter_map(|piece| match piece {
        Piece::Variable(name) => Some(name),
        Piece::Literal(_) => None,
    })
}

enum Piece<'a> {
    Literal(&'a str),
    Variable(&'a str),
}

fn pieces(template: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(inner) = rest.strip_prefix('{').and_then(closed) else {
            // The first letter may be a brace that nothing closes, or one of several bytes.
            let end = rest
                .char_indices()
                .skip(1)
                .find(|(_, letter)| *letter == '{')
                .map_or(rest.len(), |(at, _)| at);
            let (literal, after) = rest.split_at(end);
            rest = after;
            return Some(Piece::Literal(literal));
        };
        rest = &rest[inner.len() + 2..];
        Some(Piece::Variable(inner.split_once(':').map_or(inner, |(name, _)| name).trim()))
    })
}

/// The text up to the brace that closes the one before it; braces inside (of a pattern) come in pairs.
fn closed(text: &str) -> Option<&str> {
    let mut depth = 0_usize;
    for (place, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(&text[..place]),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Writes base and path; `value` writes a variable's text and tells the order of its argument, if there is one.
pub(super) fn write_path(
    url: &mut String,
    base: &str,
    template: &str,
    problems: &mut Problems,
    mut value: impl FnMut(&str, &mut String) -> Option<usize>,
) {
    url.push_str(base.trim_end_matches('/'));
    if !template.starts_with('/') {
        url.push('/');
    }
    if let Some(dots) = template.split('/').find(|segment| is_dots(segment)) {
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
            Piece::Variable(name) => {
                let start = url.len();
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
    matches!(segment.replace("%2e", ".").replace("%2E", ".").as_str(), "." | "..")
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

    /// The query that a document writes into its path key.
    pub(super) fn add_literal(&mut self, query: &str) {
        const QUERY: &AsciiSet = &LITERAL.remove(b'?').add(b'\'');
        self.add(|url| literal(url, query, QUERY));
    }
}

#[cfg(test)]
#[path = "url_tests.rs"]
mod tests;
