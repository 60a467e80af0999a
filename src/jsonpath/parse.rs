//! Text to a query, by the grammar of RFC 9535; what is well-formed but ill-typed is refused here too.

use serde_json::{Number, Value};

use super::filter;
use super::{Fault, Path, Segment, Selector};

/// The greatest integer of I-JSON (RFC 7493 §2.2).
const GREATEST: i64 = (1 << 53) - 1;
/// Parentheses and filters in filters go no deeper.
const DEEPEST: usize = 32;

/// Reads a query that begins at the root.
pub(super) fn query(text: &str) -> Result<Path, Fault> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    if !reader.takes("$") {
        return Err(reader.fault("a JSONPath begins with `$`"));
    }
    let segments = reader.segments()?;
    if reader.at < text.len() {
        return Err(reader.fault("`.`, `..` or `[` was expected"));
    }
    Ok(Path { from_root: true, segments })
}

/// The text and how far it is read.
pub(super) struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Reader<'t> {
    pub(super) fn fault(&self, problem: impl Into<String>) -> Fault {
        Fault { problem: problem.into(), at: self.text[..self.at].chars().count() }
    }

    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn takes(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    pub(super) fn expect(&mut self, token: &str) -> Result<(), Fault> {
        if self.takes(token) { Ok(()) } else { Err(self.fault(format!("`{token}` was expected"))) }
    }

    pub(super) fn blank(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    /// Takes letters as long as they fit.
    pub(super) fn while_fits(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|letter| !fits(letter)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    /// Reads something that may hold itself.
    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.depth == DEEPEST {
            return Err(self.fault("the expression is nested too deep"));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    pub(super) fn segments(&mut self) -> Result<Vec<Segment>, Fault> {
        let mut segments = Vec::new();
        loop {
            let before = self.at;
            self.blank();
            let segment = if self.takes("..") {
                let selectors =
                    if self.peek() == Some('[') { self.bracketed()? } else { vec![self.short()?] };
                Segment { descends: true, selectors }
            } else if self.takes(".") {
                Segment { descends: false, selectors: vec![self.short()?] }
            } else if self.peek() == Some('[') {
                Segment { descends: false, selectors: self.bracketed()? }
            } else {
                self.at = before;
                return Ok(segments);
            };
            segments.push(segment);
        }
    }

    /// `*` or a name without quotes.
    fn short(&mut self) -> Result<Selector, Fault> {
        if self.takes("*") {
            return Ok(Selector::Wildcard);
        }
        let is_first = |letter: char| letter.is_ascii_alphabetic() || letter == '_' || !letter.is_ascii();
        if !self.peek().is_some_and(is_first) {
            return Err(self.fault("a name or `*` was expected"));
        }
        let name = self.while_fits(|letter| is_first(letter) || letter.is_ascii_digit());
        if self.peek() == Some('-') {
            return Err(self.fault(format!("a name with `-` stands in brackets: ['{name}-...']")));
        }
        Ok(Selector::Name(name.to_owned()))
    }

    fn bracketed(&mut self) -> Result<Vec<Selector>, Fault> {
        self.expect("[")?;
        let mut selectors = Vec::new();
        loop {
            self.blank();
            selectors.push(self.selector()?);
            self.blank();
            if self.takes("]") {
                return Ok(selectors);
            }
            self.expect(",").map_err(|_| self.fault("`,` or `]` was expected"))?;
        }
    }

    fn selector(&mut self) -> Result<Selector, Fault> {
        match self.peek() {
            Some('*') => {
                self.at += 1;
                Ok(Selector::Wildcard)
            }
            Some('?') => {
                self.at += 1;
                self.blank();
                self.deeper(filter::condition).map(Selector::Filter)
            }
            Some('"' | '\'') => self.string().map(Selector::Name),
            _ => self.index_or_slice(),
        }
    }

    fn index_or_slice(&mut self) -> Result<Selector, Fault> {
        let start = self.integer()?;
        let before = self.at;
        self.blank();
        if !self.takes(":") {
            self.at = before;
            let expected = || self.fault("a quoted name, a number, a slice, `*` or `?` was expected");
            return start.map(Selector::Index).ok_or_else(expected);
        }
        self.blank();
        let end = self.integer()?;
        let before = self.at;
        self.blank();
        if !self.takes(":") {
            self.at = before;
            return Ok(Selector::Slice { start, end, step: 1 });
        }
        self.blank();
        let step = self.integer()?.unwrap_or(1);
        Ok(Selector::Slice { start, end, step })
    }

    /// An integer, where one begins here.
    fn integer(&mut self) -> Result<Option<i64>, Fault> {
        let start = self.at;
        self.takes("-");
        let digits = self.while_fits(|letter| letter.is_ascii_digit());
        let text = &self.text[start..self.at];
        if text.is_empty() {
            return Ok(None);
        }
        let is_plain = text == "0" || (!digits.is_empty() && !digits.starts_with('0'));
        match text.parse() {
            Ok(number) if is_plain && (-GREATEST..=GREATEST).contains(&number) => Ok(Some(number)),
            _ => Err(self.fault(format!("`{text}` is no integer that can stand here"))),
        }
    }

    /// A number as JSON writes it, where one begins here.
    pub(super) fn number(&mut self) -> Result<Option<Value>, Fault> {
        let start = self.at;
        self.takes("-");
        self.while_fits(|letter| letter.is_ascii_digit());
        if self.takes(".") {
            self.while_fits(|letter| letter.is_ascii_digit());
        }
        if self.at > start && (self.takes("e") || self.takes("E")) {
            let _ = self.takes("-") || self.takes("+");
            self.while_fits(|letter| letter.is_ascii_digit());
        }
        let text = &self.text[start..self.at];
        if text.is_empty() {
            return Ok(None);
        }
        match text.parse::<Number>() {
            Ok(number) => Ok(Some(Value::Number(number))),
            Err(_) => Err(self.fault(format!("`{text}` is no number"))),
        }
    }

    /// A quoted text.
    pub(super) fn string(&mut self) -> Result<String, Fault> {
        let Some(quote @ ('"' | '\'')) = self.peek() else {
            return Err(self.fault("a quoted text was expected"));
        };
        self.at += 1;
        let mut out = String::new();
        loop {
            let Some(letter) = self.peek() else { return Err(self.fault("the quoted text has no end")) };
            if letter < ' ' {
                return Err(self.fault("a control character stands in a quoted text only as an escape"));
            }
            self.at += letter.len_utf8();
            match letter {
                _ if letter == quote => return Ok(out),
                '\\' => out.push(self.escape(quote)?),
                _ => out.push(letter),
            }
        }
    }

    fn escape(&mut self, quote: char) -> Result<char, Fault> {
        let Some(letter) = self.peek() else { return Err(self.fault("the quoted text has no end")) };
        self.at += letter.len_utf8();
        Ok(match letter {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '/' | '\\' => letter,
            'u' => return self.unicode(),
            _ if letter == quote => letter,
            _ => return Err(self.fault(format!("`\\{letter}` is no escape"))),
        })
    }

    /// `\uXXXX`, or two of them that make up one character (RFC 8259 §7).
    fn unicode(&mut self) -> Result<char, Fault> {
        let first = self.hex()?;
        if (0xd800..0xdc00).contains(&first) && self.takes("\\u") {
            let second = self.hex()?;
            if (0xdc00..0xe000).contains(&second) {
                let point = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return char::from_u32(point).ok_or_else(|| self.fault("no character has this number"));
            }
        }
        char::from_u32(first).ok_or_else(|| self.fault("half of a surrogate pair is no character"))
    }

    fn hex(&mut self) -> Result<u32, Fault> {
        let digits = self.rest().get(..4).filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let number = number.ok_or_else(|| self.fault("four hexadecimal digits were expected"))?;
        self.at += 4;
        Ok(number)
    }
}
