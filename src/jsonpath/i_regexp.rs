//! I-Regexps (RFC 9485) in the words of the library that runs them. It knows no categories of letters, which become
//! ranges here, and much else that they do not.
//!
//! `^` and `$` are anchors, as in the mappings of §5.3 and §5.4 and in the compliance tests of `JSONPath`; by the grammar
//! of §3 they would be letters like others.

use std::iter::Peekable;
use std::str::Chars;

use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup as Group};

/// What a dot fits (§5.3).
const DOT: &str = r"[^\n\r]";
/// So long a translation may be, in bytes: a category of letters takes up to 13 KB, and what runs them three times that.
const LONGEST: usize = 512 << 10;
/// The general categories of Unicode that may be named.
static CATEGORIES: [(&str, Group); 36] = [
    ("L", Group::Letter),
    ("Ll", Group::LowercaseLetter),
    ("Lm", Group::ModifierLetter),
    ("Lo", Group::OtherLetter),
    ("Lt", Group::TitlecaseLetter),
    ("Lu", Group::UppercaseLetter),
    ("M", Group::Mark),
    ("Mc", Group::SpacingMark),
    ("Me", Group::EnclosingMark),
    ("Mn", Group::NonspacingMark),
    ("N", Group::Number),
    ("Nd", Group::DecimalNumber),
    ("Nl", Group::LetterNumber),
    ("No", Group::OtherNumber),
    ("P", Group::Punctuation),
    ("Pc", Group::ConnectorPunctuation),
    ("Pd", Group::DashPunctuation),
    ("Pe", Group::ClosePunctuation),
    ("Pf", Group::FinalPunctuation),
    ("Pi", Group::InitialPunctuation),
    ("Po", Group::OtherPunctuation),
    ("Ps", Group::OpenPunctuation),
    ("Z", Group::Separator),
    ("Zl", Group::LineSeparator),
    ("Zp", Group::ParagraphSeparator),
    ("Zs", Group::SpaceSeparator),
    ("S", Group::Symbol),
    ("Sc", Group::CurrencySymbol),
    ("Sk", Group::ModifierSymbol),
    ("Sm", Group::MathSymbol),
    ("So", Group::OtherSymbol),
    ("C", Group::Other),
    ("Cc", Group::Control),
    ("Cf", Group::Format),
    ("Cn", Group::Unassigned),
    ("Co", Group::PrivateUse),
];

/// A pattern for the library; `None` where the text is no I-Regexp by the grammar of §3, or would take too much memory.
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
            '\\' => reader.outside_a_class()?,
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

    /// What follows a backslash beyond classes.
    fn outside_a_class(&mut self) -> Option<()> {
        if !self.is_category() {
            return self.escape();
        }
        self.out.push('[');
        self.category()?;
        self.out.push(']');
        Some(())
    }

    /// Whether a category follows, after the backslash.
    fn is_category(&mut self) -> bool {
        matches!(self.rest.peek(), Some('p' | 'P'))
    }

    /// What follows a backslash: a letter that stands for itself or for an end of a line.
    fn escape(&mut self) -> Option<()> {
        let letter = self.rest.next()?;
        self.out.extend(['\\', letter]);
        matches!(
            letter,
            '(' | ')'
                | '*'
                | '+'
                | '-'
                | '.'
                | '?'
                | '['
                | '\\'
                | ']'
                | '^'
                | 'n'
                | 'r'
                | 't'
                | '{'
                | '|'
                | '}'
        )
        .then_some(())
    }

    /// The letters of a category, or with a capital P all others, as ranges of a class.
    fn category(&mut self) -> Option<()> {
        if self.out.len() > LONGEST {
            return None;
        }
        let is_complement = self.rest.next()? == 'P';
        self.rest.next_if_eq(&'{')?;
        let mut name = String::new();
        while let Some(letter) = self.rest.next_if(char::is_ascii_alphabetic) {
            name.push(letter);
        }
        self.rest.next_if_eq(&'}')?;
        let (_, group) = CATEGORIES.iter().find(|(known, _)| *known == name)?;
        let letters = CodePointMapData::<GeneralCategory>::new().iter_ranges_for_group(*group);
        let mut next = 0;
        for range in letters {
            let (first, end) = (*range.start(), range.end() + 1);
            let (first, end) = if is_complement { (next, first) } else { (first, end) };
            self.range(first, end);
            next = range.end() + 1;
        }
        if is_complement {
            self.range(next, u32::from(char::MAX) + 1);
        }
        Some(())
    }

    /// A range of a class, up to what is not of it any more; without the halves of pairs of UTF-16, which are no letters.
    fn range(&mut self, first: u32, end: u32) {
        if first < end {
            let first = char::from_u32(first).unwrap_or('\u{e000}');
            let last = char::from_u32(end - 1).unwrap_or('\u{d7ff}');
            if first <= last {
                let range = format!(r"\x{{{:x}}}-\x{{{:x}}}", u32::from(first), u32::from(last));
                self.out.push_str(&range);
            }
        }
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
        let mut ahead = self.rest.clone();
        if ahead.next() == Some('\\') && matches!(ahead.next(), Some('p' | 'P')) {
            self.rest.next();
            return self.category();
        }
        self.letter()?;
        let mut ahead = self.rest.clone();
        if ahead.next() == Some('-') && ahead.next() != Some(']') {
            self.eat('-');
            self.letter()?;
        }
        Some(())
    }

    fn letter(&mut self) -> Option<()> {
        match self.rest.next()? {
            '\\' => self.escape(),
            '-' | '[' | ']' => None,
            // Operators of the library, or to be ones.
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
