//! Values as the text of a path, query, header or cookie (`OpenAPI` Parameter Object `style`; RFC 6570).
//!
//! One expansion serves all styles; they differ in four words. `null`, `[]` and `{}` write nothing. What no
//! rule covers (arrays and objects inside others) is written as JSON text.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::operation::{DeepArrays, Style};
use crate::params::Argument;

/// How text is made fit for its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// Everything but `A-Za-z0-9-._~` is percent-encoded.
    Unreserved,
    /// Reserved characters and ready-made `%XX` pass too (`allowReserved`), but for those that end a query or
    /// that URL parsers rewrite there (`#`, `'`).
    ReservedInQuery,
    /// The same in a path, which `?` and `#` end.
    ReservedInPath,
    /// The same in a cookie, whose value `,` and `;` end (RFC 6265 §4.1.1).
    ReservedInCookie,
    /// `application/x-www-form-urlencoded` (WHATWG URL).
    Form,
    /// Nothing is encoded: headers, cookies of style `cookie`, parts.
    Never,
}

/// What decides how a value is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) name: &'a str,
    pub(super) style: Style,
    pub(super) explode: bool,
    pub(super) escape: Escape,
    /// How lists are written where the style is `deepObject`.
    pub(super) arrays: DeepArrays,
}

impl<'a> Rules<'a> {
    /// The rules of a style for a name.
    pub(super) fn new(name: &'a str, style: Style, explode: bool, escape: Escape) -> Self {
        Self { name, style, explode, escape, arrays: DeepArrays::default() }
    }

    /// How names are made fit: reserved characters pass in values alone.
    fn name_escape(self) -> Escape {
        match self.escape {
            Escape::ReservedInQuery | Escape::ReservedInPath | Escape::ReservedInCookie => Escape::Unreserved,
            other => other,
        }
    }
}

/// Writes a value by its rules.
pub(super) fn write(out: &mut String, rules: Rules<'_>, value: &Argument) {
    if rules.style == Style::DeepObject {
        let mut name = String::new();
        escape(&mut name, rules.name, rules.name_escape());
        return Deep { rules, start: out.len(), out }.write(&name, value);
    }
    let words = Words::of(rules.style, rules.escape);
    let mut writer = Writer { out, rules, words, is_first: true };
    match value {
        Argument::Null | Argument::File(_) => {}
        Argument::Array(items) => writer.array(items),
        Argument::Object(members) => writer.object(members),
        scalar => writer.one(Some(rules.name), scalar),
    }
}

/// Writes text, made fit for its place.
pub(super) fn escape(out: &mut String, text: &str, how: Escape) {
    match how {
        Escape::Never => out.push_str(text),
        Escape::Unreserved => unreserved(out, text),
        Escape::Form => out.extend(url::form_urlencoded::byte_serialize(text.as_bytes())),
        Escape::ReservedInQuery => reserved(out, text, b":/?[]@!$&()*+,;="),
        Escape::ReservedInPath => reserved(out, text, b":/[]@!$&'()*+,;="),
        Escape::ReservedInCookie => reserved(out, text, b":/?#[]@!$&'()*+="),
    }
}

/// Whether a byte is one of the unreserved characters of RFC 3986 §2.3: every byte of every value is looked up.
static UNRESERVED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        byte += 1;
    }
    table
};

/// Writes text in which only unreserved characters stand for themselves.
fn unreserved(out: &mut String, text: &str) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let (bytes, mut start) = (text.as_bytes(), 0);
    let next = |start: usize| bytes.get(start..)?.iter().position(|byte| !UNRESERVED[usize::from(*byte)]);
    while let Some(length) = next(start) {
        let place = start + length;
        // Between the bytes of one character there is nothing.
        out.push_str(text.get(start..place).unwrap_or_default());
        let byte = usize::from(bytes[place]);
        out.push('%');
        out.push(DIGITS[byte >> 4]);
        out.push(DIGITS[byte & 15]);
        start = place + 1;
    }
    out.push_str(text.get(start..).unwrap_or_default());
}

fn reserved(out: &mut String, text: &str, pass: &[u8]) {
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let (one, after) = rest.split_at(letter.len_utf8());
        let is_triple = letter == '%'
            && after.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        if is_triple || letter.is_ascii() && pass.contains(&(letter as u8)) {
            out.push(letter);
        } else {
            escape(out, one, Escape::Unreserved);
        }
        rest = after;
    }
}

/// What the styles differ in (RFC 6570 appendix A).
#[derive(Clone, Copy)]
struct Words {
    /// Before the first value.
    first: &'static str,
    /// Between exploded values.
    separator: &'static str,
    /// Between the members of a value that is not exploded.
    joiner: &'static str,
    /// Whether each value has its name before it, and whether `=` stands after the name of an empty value.
    named: Option<bool>,
}

impl Words {
    fn of(style: Style, escape: Escape) -> Self {
        let form = |joiner| Self { first: "", separator: "&", joiner, named: Some(true) };
        match style {
            Style::Simple => Self { first: "", separator: ",", joiner: ",", named: None },
            Style::Label => Self { first: ".", separator: ".", joiner: ",", named: None },
            Style::Matrix => Self { first: ";", separator: ";", joiner: ",", named: Some(false) },
            Style::Cookie => Self { separator: "; ", ..form(",") },
            Style::SpaceDelimited if escape == Escape::Form => form("+"),
            Style::SpaceDelimited => form("%20"),
            Style::PipeDelimited => form("%7C"),
            Style::TabDelimited => form("%09"),
            Style::Form | Style::DeepObject => form(","),
        }
    }
}

struct Writer<'o, 'a> {
    out: &'o mut String,
    rules: Rules<'a>,
    words: Words,
    is_first: bool,
}

impl Writer<'_, '_> {
    fn array(&mut self, items: &[Argument]) {
        let items = items.iter().filter(|item| !matches!(item, Argument::Null));
        if self.rules.explode {
            for item in items {
                self.one(Some(self.rules.name), item);
            }
        } else {
            for item in items {
                self.joint();
                self.text(&item.text());
            }
        }
    }

    fn object(&mut self, members: &indexmap::IndexMap<String, Argument>) {
        let members = members.iter().filter(|(_, value)| !matches!(value, Argument::Null));
        for (name, value) in members {
            if !self.rules.explode {
                self.joint();
                self.text(name);
                self.out.push_str(self.words.joiner);
                self.text(&value.text());
            } else if self.words.named.is_some() {
                self.one(Some(name), value);
            } else {
                self.separate();
                self.text(name);
                self.out.push('=');
                self.text(&value.text());
            }
        }
    }

    /// One value of its own, with the name before it in styles that name values.
    fn one(&mut self, name: Option<&str>, value: &Argument) {
        self.separate();
        let text = value.text();
        if let (Some(with_empty), Some(name)) = (self.words.named, name) {
            self.name(name);
            if with_empty || !text.is_empty() {
                self.out.push('=');
            }
        }
        self.text(&text);
    }

    /// What stands before a member of a value that is not exploded.
    fn joint(&mut self) {
        if !self.is_first {
            return self.out.push_str(self.words.joiner);
        }
        self.separate();
        if self.words.named.is_some() {
            self.name(self.rules.name);
            self.out.push('=');
        }
    }

    fn separate(&mut self) {
        self.out.push_str(if self.is_first { self.words.first } else { self.words.separator });
        self.is_first = false;
    }

    fn name(&mut self, name: &str) {
        escape(self.out, name, self.rules.name_escape());
    }

    fn text(&mut self, text: &str) {
        escape(self.out, text, self.rules.escape);
    }
}

/// `a[b][c]=1&a[d][]=2`: the specification leaves nested members open, this is what servers read.
struct Deep<'o, 'a> {
    rules: Rules<'a>,
    out: &'o mut String,
    start: usize,
}

impl Deep<'_, '_> {
    fn write(&mut self, name: &str, value: &Argument) {
        match value {
            Argument::Null | Argument::File(_) => {}
            Argument::Object(members) => {
                members.iter().for_each(|(key, member)| self.write(&self.below(name, key), member));
            }
            Argument::Array(items) => {
                let items = items.iter().filter(|item| !matches!(item, Argument::Null));
                for (index, item) in items.enumerate() {
                    self.write(&self.item(name, index, item), item);
                }
            }
            scalar => {
                if self.out.len() > self.start {
                    self.out.push('&');
                }
                self.out.extend([name, "="]);
                escape(self.out, &scalar.text(), self.rules.escape);
            }
        }
    }

    fn below(&self, name: &str, key: &str) -> String {
        let mut below = format!("{name}%5B");
        escape(&mut below, key, self.rules.name_escape());
        below.push_str("%5D");
        below
    }

    fn item<'n>(&self, name: &'n str, index: usize, item: &Argument) -> Cow<'n, str> {
        let is_single = item.scalar_text().is_some();
        match self.rules.arrays {
            DeepArrays::Repeat if is_single => name.into(),
            DeepArrays::Brackets if is_single => self.below(name, "").into(),
            _ => self.below(name, &index.to_string()).into(),
        }
    }
}

/// The pairs of a multipart body (`OpenAPI` Encoding Object, "RFC6570-style serialization"): the pairs that a query
/// would have, each a part, with nothing encoded.
pub(super) fn pairs(rules: Rules<'_>, value: &Argument) -> Vec<(String, String)> {
    let mut text = String::new();
    let encoded = Rules { escape: Escape::Unreserved, ..rules };
    write(&mut text, encoded, value);
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

#[cfg(test)]
#[path = "style_tests.rs"]
mod tests;
