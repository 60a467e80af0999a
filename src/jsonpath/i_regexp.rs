//! I-Regexps (RFC 9485) in the words of the library that runs them. It knows far more than they do, and reads some of
//! theirs otherwise: `[a&&b]` is a class of three letters there, an intersection here.
//!
//! `^` and `$` are anchors, as in the mappings of §5.3 and §5.4 and in the compliance tests of `JSONPath`; by the grammar
//! of §3 they would be letters like others.

use std::iter::Peekable;
use std::str::Chars;

/// What a dot fits (§5.3).
const DOT: &str = r"[^\n\r]";
/// The general categories of Unicode by their first letters, each with the second letters that it may have.
static CATEGORIES: [(char, &str); 7] = [
    ('L', "lmotu"),
    ('M', "cen"),
    ('N', "dlo"),
    ('P', "cdefios"),
    ('Z', "lps"),
    ('S', "ckmo"),
    ('C', "cfno"),
];

/// A pattern for the library; `None` where the text is no I-Regexp by the grammar of §3.
pub(super) fn translated(pattern: &str) -> Option<String> {
    let mut reader = Reader { rest: pattern.chars().peekable(), out: String::with_capacity(pattern.len()) };
    let mut open = 0_usize;
    // Whether what stands before can be repeated.
    let mut is_atom = false;
    while let Some(letter) = reader.rest.next() {
        match letter {
            '(' => {
                open += 1;
                reader.out.push_str("(?:");
            }
            ')' => {
                open = open.checked_sub(1)?;
                reader.out.push(')');
            }
            '*' | '+' | '?' if is_atom => reader.out.push(letter),
            '{' if is_atom => reader.quantity()?,
            '*' | '+' | '?' | '{' | '}' | ']' => return None,
            '.' => reader.out.push_str(DOT),
            '[' => reader.class()?,
            '\\' => reader.escape(true)?,
            letter => reader.out.push(letter),
        }
        is_atom = !matches!(letter, '(' | '|' | '*' | '+' | '?' | '{');
    }
    (open == 0).then_some(reader.out)
}

/// What other regular expressions know and I-Regexps do not, in and outside of classes, and what says the same.
static FOREIGN: [(&str, &str, &str); 6] = [
    (r"\d", "[0-9]", "0-9"),
    (r"\w", "[A-Za-z0-9_]", "A-Za-z0-9_"),
    (r"\s", r"[ \t\n\r]", r" \t\n\r"),
    (r"\D", "[^0-9]", ""),
    (r"\W", "[^A-Za-z0-9_]", ""),
    (r"\S", r"[^ \t\n\r]", ""),
];

/// What to write in place of a pattern that is no I-Regexp, where that is known of the first part that is foreign.
pub(super) fn instead(pattern: &str) -> String {
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(letter) = rest.chars().next() {
        let known = FOREIGN.iter().find(|(foreign, ..)| rest.starts_with(foreign));
        let known =
            known.map(|(foreign, outside, inside)| (*foreign, if in_class { *inside } else { *outside }));
        if let Some((foreign, own)) = known.filter(|(_, own)| !own.is_empty()) {
            return format!("write `{own}` for `{foreign}`");
        }
        if !in_class && rest.starts_with("(?:") {
            return "write `(` for `(?:`: groups are never captured".to_owned();
        }
        in_class = match letter {
            '[' => true,
            ']' => false,
            _ => in_class,
        };
        let skipped = if letter == '\\' { rest.chars().nth(1) } else { None };
        rest = &rest[letter.len_utf8() + skipped.map_or(0, char::len_utf8)..];
    }
    "write it with what those know: letters, classes, groups, `|`, `*`, `+`, `?`, `{1,2}`, `\\p{L}`"
        .to_owned()
}

struct Reader<'p> {
    rest: Peekable<Chars<'p>>,
    out: String,
}

impl Reader<'_> {
    /// Takes the next letter where it is this one.
    fn eat(&mut self, letter: char) -> bool {
        let is_next = self.rest.next_if_eq(&letter).is_some();
        if is_next {
            self.out.push(letter);
        }
        is_next
    }

    /// How often an atom stands, after the brace.
    fn quantity(&mut self) -> Option<()> {
        self.out.push('{');
        let has_least = self.digits();
        if self.eat(',') {
            self.digits();
        }
        (has_least && self.eat('}')).then_some(())
    }

    fn digits(&mut self) -> bool {
        let before = self.out.len();
        while let Some(digit) = self.rest.next_if(char::is_ascii_digit) {
            self.out.push(digit);
        }
        self.out.len() > before
    }

    /// What follows a backslash: a letter that stands for itself or for an end of a line, or a category where one may
    /// stand.
    fn escape(&mut self, may_be_category: bool) -> Option<()> {
        let letter = self.rest.next()?;
        self.out.extend(['\\', letter]);
        match letter {
            '(' | ')' | '*' | '+' | '-' | '.' | '?' | '[' | '\\' | ']' | '^' | 'n' | 'r' | 't' | '{'
            | '|' | '}' => Some(()),
            'p' | 'P' if may_be_category => self.category(),
            _ => None,
        }
    }

    fn category(&mut self) -> Option<()> {
        if !self.eat('{') {
            return None;
        }
        let first = self.rest.next()?;
        let (_, seconds) = CATEGORIES.iter().find(|(known, _)| *known == first)?;
        self.out.push(first);
        self.out.extend(self.rest.next_if(|second| seconds.contains(*second)));
        self.eat('}').then_some(())
    }

    /// A class, after its bracket.
    fn class(&mut self) -> Option<()> {
        self.out.push('[');
        self.eat('^');
        let mut is_empty = !self.hyphen();
        loop {
            if self.rest.peek() == Some(&'-') {
                // The last one stands for itself.
                return (!is_empty && self.hyphen() && self.eat(']')).then_some(());
            }
            if !is_empty && self.eat(']') {
                return Some(());
            }
            self.member()?;
            is_empty = false;
        }
    }

    /// A hyphen that stands for itself, if there is one.
    fn hyphen(&mut self) -> bool {
        let is_next = self.rest.next_if_eq(&'-').is_some();
        if is_next {
            self.out.push_str(r"\-");
        }
        is_next
    }

    /// A letter of a class, a range of letters, or a category.
    fn member(&mut self) -> Option<()> {
        let is_category = self.rest.peek() == Some(&'\\') && {
            let mut ahead = self.rest.clone();
            ahead.next();
            matches!(ahead.next(), Some('p' | 'P'))
        };
        self.letter(true)?;
        let mut ahead = self.rest.clone();
        let is_range = !is_category && ahead.next() == Some('-') && ahead.next() != Some(']');
        if is_range {
            self.eat('-');
            self.letter(false)?;
        }
        Some(())
    }

    fn letter(&mut self, may_be_category: bool) -> Option<()> {
        match self.rest.next()? {
            '\\' => self.escape(may_be_category),
            '-' | '[' | ']' => None,
            // Two of them are operators for the library.
            letter @ ('&' | '~' | '^') => {
                self.out.extend(['\\', letter]);
                Some(())
            }
            letter => {
                self.out.push(letter);
                Some(())
            }
        }
    }
}
