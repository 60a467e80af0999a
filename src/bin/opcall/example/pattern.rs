//! A short text that matches a regular expression of the simple kind that API descriptions use.

use std::iter::Peekable;
use std::str::Chars;

/// A text that matches where the expression is made of classes, counts and groups; something like it elsewhere.
pub(super) fn text(pattern: &str) -> String {
    let mut rest = pattern.chars().peekable();
    alternatives(&mut rest)
}

/// The first way of `a|b|c`, to the end of the group.
fn alternatives(rest: &mut Peekable<Chars<'_>>) -> String {
    let mut first = String::new();
    let mut is_first = true;
    while let Some(one) = rest.next() {
        let atom = match one {
            ')' => break,
            '|' => {
                is_first = false;
                continue;
            }
            '^' | '$' => continue,
            '(' => {
                // The marks of a group that is not captured.
                if rest.next_if_eq(&'?').is_some() {
                    rest.next();
                }
                alternatives(rest)
            }
            '[' => class(rest).to_string(),
            '\\' => escaped(rest.next().unwrap_or('\\')).to_string(),
            '.' => "a".to_owned(),
            other => other.to_string(),
        };
        let count = count(rest);
        if is_first {
            first.push_str(&atom.repeat(count));
        }
    }
    first
}

/// The first character of a class.
fn class(rest: &mut Peekable<Chars<'_>>) -> char {
    let mut first = None;
    let is_negated = rest.next_if_eq(&'^').is_some();
    while let Some(one) = rest.next() {
        let one = match one {
            ']' if first.is_some() => break,
            '\\' => escaped(rest.next().unwrap_or('\\')),
            other => other,
        };
        first = first.or(Some(one));
    }
    if is_negated { 'a' } else { first.unwrap_or('a') }
}

fn escaped(one: char) -> char {
    match one {
        'd' => '1',
        'w' => 'a',
        's' => ' ',
        other => other,
    }
}

/// How often the atom before stands: the least that fits, once where none would do.
fn count(rest: &mut Peekable<Chars<'_>>) -> usize {
    if rest.next_if(|one| matches!(one, '*' | '+' | '?')).is_some() {
        return 1;
    }
    if rest.next_if_eq(&'{').is_none() {
        return 1;
    }
    let counts: String = rest.by_ref().take_while(|one| *one != '}').collect();
    counts.split(',').next().and_then(|least| least.parse().ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    #[test]
    fn simple_expressions_have_a_text() {
        for (pattern, text) in [
            (r"^\d{3}$", "111"),
            ("^(aws|azure|gcp)$", "aws"),
            ("^[0-9a-z-]{2,}$", "00"),
            (r"^[0-9A-F]{2}-4[0-9]-[89AB]\.(?:x|y)?z+$", "00-40-8.xz"),
            ("^[^ ]+$", "a"),
        ] {
            assert_eq!(super::text(pattern), text, "{pattern}");
        }
    }
}
