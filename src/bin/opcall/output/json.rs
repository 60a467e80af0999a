//! Lays JSON out token by token, so that numbers, order, duplicates and escapes stay as they were written.
//!
//! A round trip through `serde_json::Value` would make `1e2` of `100.0` and lose digits of long integers.

use std::fmt;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde::de::IgnoredAny;

/// How JSON is written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Layout {
    /// Two spaces a level, one member a line; else no whitespace at all.
    pub(crate) indent: bool,
    /// Names, strings and other values in colours.
    pub(crate) color: bool,
    /// Control characters as `\u001b`; only DEL and C1 can stand in valid JSON.
    pub(crate) escape: bool,
}

/// Whether a text is one JSON value. Nesting of any depth is fine: nothing recurses.
pub(crate) fn is_json(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok() && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

/// Valid JSON without whitespace.
pub(crate) fn compact(json: &str, out: &mut impl Write) -> io::Result<()> {
    layout(json, Layout::default(), out)
}

/// Writes valid JSON in a layout, without a line feed at the end.
pub(crate) fn layout(json: &str, layout: Layout, out: &mut impl Write) -> io::Result<()> {
    let mut writer = Writer { layout, containers: Vec::new(), expects_name: false, out };
    let mut tokens = Tokens(json).peekable();
    while let Some(token) = tokens.next() {
        let is_empty = matches!(token, Token::Open(_)) && matches!(tokens.peek(), Some(Token::Close(_)));
        writer.write(token, is_empty)?;
        if let Some(close) = tokens.next_if(|_| is_empty) {
            writer.plain(close.text())?;
        }
    }
    Ok(())
}

/// A piece of JSON text.
#[derive(Clone, Copy)]
enum Token<'j> {
    Open(&'j str),
    Close(&'j str),
    Comma,
    Colon,
    String(&'j str),
    /// A number, `true`, `false` or `null`.
    Word(&'j str),
}

impl<'j> Token<'j> {
    fn text(self) -> &'j str {
        match self {
            Self::Open(text) | Self::Close(text) | Self::String(text) | Self::Word(text) => text,
            Self::Comma => ",",
            Self::Colon => ":",
        }
    }
}

/// The tokens of valid JSON.
struct Tokens<'j>(&'j str);

impl<'j> Iterator for Tokens<'j> {
    type Item = Token<'j>;

    fn next(&mut self) -> Option<Token<'j>> {
        let text = self.0.trim_start_matches([' ', '\n', '\r', '\t']);
        let (kind, length): (fn(&'j str) -> Token<'j>, usize) = match text.as_bytes().first()? {
            b'{' | b'[' => (Token::Open, 1),
            b'}' | b']' => (Token::Close, 1),
            b',' => (|_| Token::Comma, 1),
            b':' => (|_| Token::Colon, 1),
            b'"' => (Token::String, string_length(text.as_bytes())),
            _ => (Token::Word, text.find([',', ']', '}', ' ', '\n', '\r', '\t', ':']).unwrap_or(text.len())),
        };
        let (token, rest) = text.split_at_checked(length).unwrap_or((text, ""));
        self.0 = rest;
        Some(kind(token))
    }
}

fn string_length(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Writes tokens and keeps the level.
struct Writer<'o, W> {
    layout: Layout,
    /// Of each open container, whether it is an object.
    containers: Vec<bool>,
    expects_name: bool,
    out: &'o mut W,
}

impl<W: Write> Writer<'_, W> {
    fn write(&mut self, token: Token<'_>, is_empty: bool) -> io::Result<()> {
        match token {
            Token::Open(text) if is_empty => self.plain(text),
            Token::Open(text) => {
                self.plain(text)?;
                self.containers.push(text == "{");
                self.next_member()
            }
            Token::Close(text) => {
                self.containers.pop();
                self.line()?;
                self.plain(text)
            }
            Token::Comma => {
                self.plain(",")?;
                self.next_member()
            }
            Token::Colon => {
                self.expects_name = false;
                self.plain(if self.layout.indent { ": " } else { ":" })
            }
            Token::String(text) => self.string(text),
            Token::Word(text) => self.colored(text, AnsiColor::Yellow.on_default()),
        }
    }

    fn next_member(&mut self) -> io::Result<()> {
        self.expects_name = self.containers.last().is_some_and(|is_object| *is_object);
        self.line()
    }

    fn line(&mut self) -> io::Result<()> {
        if !self.layout.indent {
            return Ok(());
        }
        write!(self.out, "\n{:width$}", "", width = 2 * self.containers.len())
    }

    fn plain(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    fn string(&mut self, text: &str) -> io::Result<()> {
        let color = if self.expects_name { AnsiColor::Blue } else { AnsiColor::Green };
        let harmful = |one: char| one.is_control();
        if !self.layout.escape || !text.contains(harmful) {
            return self.colored(text, color.on_default());
        }
        let escaped = text.chars().fold(String::new(), |mut shown, one| {
            if harmful(one) {
                // Writing to a string cannot fail.
                let _ = fmt::Write::write_fmt(&mut shown, format_args!("\\u{:04x}", u32::from(one)));
            } else {
                shown.push(one);
            }
            shown
        });
        self.colored(&escaped, color.on_default())
    }

    fn colored(&mut self, text: &str, style: Style) -> io::Result<()> {
        if self.layout.color { write!(self.out, "{style}{text}{style:#}") } else { self.plain(text) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use proptest::prelude::*;

    use super::{Layout, compact, is_json, layout};

    const PRETTY: Layout = Layout { indent: true, color: false, escape: true };

    fn pretty(json: &str, how: Layout) -> String {
        let mut out = Vec::new();
        layout(json, how, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn compacted(json: &str) -> String {
        let mut out = Vec::new();
        compact(json, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn tokens_stay_as_written() {
        let json = r#" {"b": 1e2, "a":-0 ,"a":[12345678901234567890123, 1.0 , [ ], { }],"\u00e9\"":"x\\" ,"n":null} "#;
        insta::assert_snapshot!(pretty(json, PRETTY), @r#"
        {
          "b": 1e2,
          "a": -0,
          "a": [
            12345678901234567890123,
            1.0,
            [],
            {}
          ],
          "\u00e9\"": "x\\",
          "n": null
        }
        "#);
        assert_eq!(
            compacted(json),
            r#"{"b":1e2,"a":-0,"a":[12345678901234567890123,1.0,[],{}],"\u00e9\"":"x\\","n":null}"#
        );
    }

    #[test]
    fn colours_tell_names_from_strings() {
        let shown = pretty(r#"{"a":["b",1]}"#, Layout { color: true, ..PRETTY });
        assert_eq!(
            shown.replace('\u{1b}', "^"),
            "{\n  ^[34m\"a\"^[0m: [\n    ^[32m\"b\"^[0m,\n    ^[33m1^[0m\n  ]\n}"
        );
    }

    #[test]
    fn a_terminal_sees_no_control_characters() {
        assert_eq!(pretty("\"a\u{9b}31m\u{7f}\"", PRETTY), r#""a\u009b31m\u007f""#);
        assert_eq!(compacted("\"\u{9b}\""), "\"\u{9b}\"");
    }

    #[test]
    fn depth_is_no_danger() {
        let json = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(is_json(json.as_bytes()));
        assert_eq!(compacted(&json), json);
    }

    #[test]
    fn what_is_no_json_is_told() {
        for text in ["", "{", "{}{}", "nul", "01", "\"\u{1}\"", "[1,]"] {
            assert!(!is_json(text.as_bytes()), "{text}");
        }
        assert!(!is_json(b"\"\xff\""));
    }

    /// JSON text with whitespace and number forms that a parser would not keep.
    fn json_text() -> impl Strategy<Value = String> {
        let number = prop_oneof!["-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,4})?"];
        let string = any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap());
        let word = prop_oneof![Just("true".to_owned()), Just("false".to_owned()), Just("null".to_owned())];
        let leaf = prop_oneof![number, string.clone(), word];
        let space = "[ \n\t]{0,2}";
        leaf.prop_recursive(4, 40, 5, move |inner| {
            let member = (string.clone(), space, inner.clone())
                .prop_map(|(name, space, value)| format!("{name}{space}:{space}{value}"));
            prop_oneof![
                (prop::collection::vec(inner, 0..5), space)
                    .prop_map(|(all, space)| format!("[{space}{}{space}]", all.join(&format!("{space},")))),
                (prop::collection::vec(member, 0..5), space)
                    .prop_map(|(all, space)| format!("{{{space}{}}}", all.join(&format!(",{space}")))),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn laying_out_changes_whitespace_only(json in json_text()) {
            prop_assert!(is_json(json.as_bytes()));
            let indented = pretty(&json, Layout { escape: false, ..PRETTY });
            prop_assert!(is_json(indented.as_bytes()));
            prop_assert_eq!(without_whitespace(&indented), without_whitespace(&json));
            prop_assert_eq!(compacted(&indented), without_whitespace(&json));
        }
    }

    /// Drops whitespace outside strings, by another way than the code above.
    fn without_whitespace(json: &str) -> String {
        let (mut inside, mut escaped) = (false, false);
        json.chars()
            .filter(|one| {
                let was_inside = inside;
                match one {
                    '"' if !escaped => inside = !inside,
                    _ => {}
                }
                escaped = was_inside && *one == '\\' && !escaped;
                was_inside || !one.is_ascii_whitespace()
            })
            .collect()
    }
}
