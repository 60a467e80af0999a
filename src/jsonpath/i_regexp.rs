//! I-Regexps (RFC 9485) in the words of the library that runs them. It knows no categories of letters, which become
//! ranges here, and much else that they do not.
//!
//! `^` and `$` are anchors, as in the mappings of §5.3 and §5.4 and in the compliance tests of `JSONPath`; by the grammar
//! of §3 they would be letters like others.

use std::iter::Peekable;
use std::str::Chars;

use super::categories;
use super::size::{Size, Sizes};

/// What a dot fits (§5.3).
const DOT: &str = r"[^\n\r]";
/// Its ranges, and those that begin in ASCII.
const DOT_RANGES: (u64, u64) = (3, 3);
/// So long a translation may be, in bytes: a category of letters takes up to 13 KB, and what runs them three times that.
pub(super) const LONGEST: usize = 512 << 10;
/// What the states of a pattern may come to, each by its time: forty thousand classes, which compile in some
/// milliseconds and take two megabytes.
const MOST_STATES: u64 = 200_000;
/// The memory that a pattern may take once it is compiled, in bytes; as much as the library allows by itself.
pub(super) const MOST_MEMORY: u64 = 10 << 20;
/// How many groups may stand in each other: whoever reads them calls itself for each.
pub(super) const MOST_NESTED: usize = 50;
/// A byte of a category costs so much less to read than one of what people write: it is no state of its own.
const LISTED: u64 = 8;
/// Why a pattern is not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is no I-Regexp by the grammar of §3.
    NoPattern,
    /// It is one, and would take too much memory.
    TooLarge,
    /// It is one, of groups in groups in groups.
    TooDeep,
}

/// A pattern for the library.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Translated {
    pub(super) text: String,
    pub(super) size: Size,
}

/// A pattern in the words of the library, and what it comes to.
pub(super) fn translated(pattern: &str) -> Result<Translated, Fault> {
    let out = String::with_capacity(pattern.len().min(LONGEST));
    let mut reader = Reader { rest: pattern.chars().peekable(), out, listed: 0, sizes: Sizes::default() };
    // Whether what stands before can be repeated.
    let mut is_atom = false;
    while let Some(letter) = reader.rest.next() {
        if reader.out.len() > LONGEST {
            return Err(Fault::TooLarge);
        }
        match letter {
            '(' => {
                reader.sizes.open();
                reader.out.push_str("(?:");
            }
            ')' => {
                reader.sizes.close().ok_or(Fault::NoPattern)?;
                reader.out.push(')');
            }
            '*' | '+' | '?' if is_atom => {
                reader.sizes.repeat(1, 1);
                reader.out.push(letter);
            }
            '{' if is_atom => reader.quantity()?,
            '*' | '+' | '?' | '{' | '}' | ']' => return Err(Fault::NoPattern),
            '.' => {
                reader.sizes.atom(Size::class(DOT_RANGES.0, DOT_RANGES.1));
                reader.out.push_str(DOT);
            }
            '[' => reader.class()?,
            '\\' => reader.outside_a_class().ok_or(Fault::NoPattern)?,
            letter => {
                match letter {
                    '|' => reader.sizes.atom(Size::BRANCH),
                    '^' | '$' => reader.sizes.atom(Size::LETTER),
                    _ => reader.sizes.letter(letter),
                }
                reader.out.push(letter);
            }
        }
        is_atom = !matches!(letter, '(' | '|' | '*' | '+' | '?' | '{');
    }
    let mut size = reader.sizes.whole().ok_or(Fault::NoPattern)?;
    if reader.sizes.deepest() > MOST_NESTED {
        return Err(Fault::TooDeep);
    }
    if size.states > MOST_STATES || size.memory > MOST_MEMORY {
        return Err(Fault::TooLarge);
    }
    let listed = reader.listed as u64;
    size.reading = reader.out.len() as u64 - listed + listed / LISTED;
    Ok(Translated { text: reader.out, size })
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
        if let Some((least, most)) = bounds(rest).filter(|(least, most)| !in_class && least > most) {
            return format!("write `{{{most},{least}}}` for `{{{least},{most}}}`");
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

/// Both bounds of a repetition, where a text begins with one that has two.
fn bounds(text: &str) -> Option<(u64, u64)> {
    let (least, most) = text.strip_prefix('{')?.split_once('}')?.0.split_once(',')?;
    least.parse().ok().zip(most.parse().ok())
}

struct Reader<'p> {
    rest: Peekable<Chars<'p>>,
    out: String,
    /// How many bytes of it are categories.
    listed: usize,
    sizes: Sizes,
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
    fn quantity(&mut self) -> Result<(), Fault> {
        self.out.push('{');
        let least = self.digits().ok_or(Fault::NoPattern)?;
        let is_exact = !self.eat(',');
        let most = if is_exact { None } else { self.digits() };
        let times = most.unwrap_or(least);
        if !self.eat('}') || times < least {
            return Err(Fault::NoPattern);
        }
        if times > u64::from(u32::MAX) {
            return Err(Fault::TooLarge);
        }
        let choices = if is_exact { 0 } else { times - least + 1 };
        self.sizes.repeat(times, choices);
        Ok(())
    }

    fn digits(&mut self) -> Option<u64> {
        let before = self.out.len();
        while let Some(digit) = self.rest.next_if(char::is_ascii_digit) {
            self.out.push(digit);
        }
        let digits = self.out.get(before..).filter(|digits| !digits.is_empty())?;
        Some(digits.parse().unwrap_or(u64::MAX))
    }

    /// What follows a backslash beyond classes.
    fn outside_a_class(&mut self) -> Option<()> {
        if self.is_category() {
            self.out.push('[');
            let (ranges, ascii) = self.category()?;
            self.out.push(']');
            self.sizes.atom(Size::class(ranges, ascii));
        } else {
            let letter = self.escape()?;
            self.sizes.letter(letter);
        }
        Some(())
    }

    /// Whether a category follows, after the backslash.
    fn is_category(&mut self) -> bool {
        matches!(self.rest.peek(), Some('p' | 'P'))
    }

    /// What follows a backslash: a letter that stands for itself or for an end of a line.
    fn escape(&mut self) -> Option<char> {
        let letter = self.rest.next()?;
        self.out.extend(['\\', letter]);
        match letter {
            '(' | ')' | '*' | '+' | '-' | '.' | '?' | '[' | '\\' | ']' | '^' | '{' | '|' | '}' => {
                Some(letter)
            }
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            _ => None,
        }
    }

    /// The letters of a category, or with a capital P all others, as ranges of a class; how many they are, and how
    /// many begin in ASCII.
    fn category(&mut self) -> Option<(u64, u64)> {
        let is_complement = self.rest.next()? == 'P';
        self.rest.next_if_eq(&'{')?;
        let mut name = String::new();
        while let Some(letter) = self.rest.next_if(char::is_ascii_alphabetic) {
            name.push(letter);
        }
        self.rest.next_if_eq(&'}')?;
        let ranges = categories::ranges(&name, is_complement)?;
        self.out.push_str(&ranges.text);
        self.listed += ranges.text.len();
        Some((ranges.count, ranges.ascii))
    }

    /// A class, after its bracket.
    fn class(&mut self) -> Result<(), Fault> {
        self.out.push('[');
        // The letters between ranges are one range more than those.
        let mut letters = u64::from(self.eat('^'));
        let mut is_empty = !self.hyphen();
        letters += u64::from(!is_empty);
        let (mut ranges, mut ascii) = (letters, letters);
        loop {
            if self.out.len() > LONGEST {
                return Err(Fault::TooLarge);
            }
            if self.rest.peek() == Some(&'-') {
                // The last one stands for itself.
                if is_empty || !self.hyphen() || !self.eat(']') {
                    return Err(Fault::NoPattern);
                }
                (ranges, ascii) = (ranges + 1, ascii + 1);
                break;
            }
            if !is_empty && self.eat(']') {
                break;
            }
            let (more, of_ascii) = self.member().ok_or(Fault::NoPattern)?;
            (ranges, ascii) = (ranges + more, ascii + of_ascii);
            is_empty = false;
        }
        self.sizes.atom(Size::class(ranges, ascii));
        Ok(())
    }

    /// A hyphen that stands for itself, if there is one.
    fn hyphen(&mut self) -> bool {
        let is_next = self.rest.next_if_eq(&'-').is_some();
        if is_next {
            self.out.push_str(r"\-");
        }
        is_next
    }

    /// A letter of a class, a range of letters, or a category; how many ranges it is, and how many begin in ASCII.
    fn member(&mut self) -> Option<(u64, u64)> {
        let mut ahead = self.rest.clone();
        if ahead.next() == Some('\\') && matches!(ahead.next(), Some('p' | 'P')) {
            self.rest.next();
            return self.category();
        }
        let first = self.letter()?;
        let mut ahead = self.rest.clone();
        if ahead.next() == Some('-') && ahead.next() != Some(']') {
            self.eat('-');
            self.letter().filter(|last| first <= *last)?;
        }
        Some((1, u64::from(first.is_ascii())))
    }

    fn letter(&mut self) -> Option<char> {
        match self.rest.next()? {
            '\\' => self.escape(),
            '-' | '[' | ']' => None,
            // Operators of the library, or to be ones.
            letter @ ('&' | '~' | '^') => {
                self.out.extend(['\\', letter]);
                Some(letter)
            }
            letter => {
                self.out.push(letter);
                Some(letter)
            }
        }
    }
}
