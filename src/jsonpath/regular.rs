//! The functions `match` and `search` of queries (RFC 9535 §2.4.6, §2.4.7), whose patterns are I-Regexps (RFC 9485).
//!
//! The library's own compile a pattern anew for every node, and take what no I-Regexp is. These keep the last few patterns.

use std::cell::RefCell;

use regex_lite::Regex;
use serde_json::Value;
use serde_json_path::functions::{LogicalType, ValueType};

use super::i_regexp;

/// How many patterns are kept: those of a filter may take turns.
const KEPT: usize = 4;

/// A pattern, for the whole of a text or for a part of it.
struct Pattern {
    text: String,
    whole: bool,
    compiled: Option<Regex>,
}

/// The patterns that were used last, the latest at the end.
#[derive(Default)]
struct Kept(Vec<Pattern>);

impl Kept {
    fn pattern(&mut self, text: &str, whole: bool) -> Option<&Regex> {
        let known = self.0.iter().position(|pattern| pattern.text == text && pattern.whole == whole);
        let pattern = match known {
            Some(place) => self.0.remove(place),
            None => Pattern { text: text.to_owned(), whole, compiled: compiled(text, whole) },
        };
        if self.0.len() == KEPT {
            self.0.remove(0);
        }
        self.0.push(pattern);
        self.0.last()?.compiled.as_ref()
    }
}

thread_local! {
    static LAST: RefCell<Kept> = const { RefCell::new(Kept(Vec::new())) };
}

/// Whether the pattern fits the whole of a text. What is no text fits nothing, and no text fits what is no pattern.
#[serde_json_path::function(name = "match")]
fn fits(value: ValueType<'_>, pattern: ValueType<'_>) -> LogicalType {
    found(&value, &pattern, true)
}

/// Whether the pattern fits some part of a text.
#[serde_json_path::function(name = "search")]
fn fits_a_part(value: ValueType<'_>, pattern: ValueType<'_>) -> LogicalType {
    found(&value, &pattern, false)
}

fn found(value: &ValueType<'_>, pattern: &ValueType<'_>, whole: bool) -> LogicalType {
    let (Some(Value::String(text)), Some(Value::String(pattern))) = (value.as_value(), pattern.as_value())
    else {
        return LogicalType::False;
    };
    let fits =
        LAST.with_borrow_mut(|kept| kept.pattern(pattern, whole).is_some_and(|one| one.is_match(text)));
    fits.into()
}

fn compiled(pattern: &str, whole: bool) -> Option<Regex> {
    let pattern = i_regexp::translated(pattern)?;
    let pattern = if whole { format!(r"\A(?:{pattern})\z") } else { pattern };
    Regex::new(&pattern).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use serde_json::json;

    use super::super::Query;
    use super::*;

    fn count(filter: &str) -> usize {
        let document = json!(["a", "ab", "abc", "\u{c4}b", "a\nb", "a\r", "", 1, null, ["a"]]);
        Query::parse(&format!("$[?{filter}]")).unwrap().select(&document).unwrap().len()
    }

    #[test]
    fn a_pattern_fits_a_text_or_a_part_of_it() {
        for (filter, expected) in [
            ("search(@, '')", 7),
            ("match(@, 'a|ab')", 2),
            ("match(@, 'a')", 1),
            ("match(@, '')", 1),
            ("search(@, 'b')", 4),
            ("match(@, '...')", 1),
            ("match(@, 'a.*')", 3),
            (r"match(@, '\\p{Lu}.')", 1),
            (r"match(@, '[^\\p{Ll}\\p{Lu}]?')", 1),
            (r"match(@, '[\\P{Ll}b]b')", 1),
            (r"match(@, '\\P{Lu}+')", 5),
            (r"match(@, '[\\P{L}\\p{L}]*')", 7),
            ("search(@, '[a-z]{3}')", 1),
            ("match(@, 1)", 0),
            ("match(@, '(')", 0),
            ("search(@, 'a)(b')", 0),
            ("match(@, 'a)(b')", 0),
            ("search(@, @)", 7),
            ("!match(@, 'a')", 9),
            ("search(@, 'a') && match(@, 'a') || search(@, 'c')", 2),
        ] {
            assert_eq!(count(filter), expected, "{filter}");
        }
    }

    #[test]
    fn patterns_that_take_turns_are_compiled_once() {
        let mut kept = Kept::default();
        let mut places = Vec::new();
        for _ in 0..3 {
            for (text, whole) in [("a", true), ("a", false), ("b", true), ("(", false)] {
                assert_eq!(kept.pattern(text, whole).is_some(), text != "(");
                let last = kept.0.last().unwrap();
                places.push(last.text.as_ptr());
            }
        }
        let first = places[..KEPT].to_vec();
        assert_eq!(places, [&first[..], &first, &first].concat());
        for number in 0..10 {
            kept.pattern(&number.to_string(), true);
        }
        assert_eq!(kept.0.len(), KEPT);
    }

    #[test]
    fn what_a_class_holds_stands_for_itself() {
        for (pattern, fitting) in [
            ("[a&&b]", "&ab"),
            ("[a~~a]", "a~"),
            ("[b&&]|c", "&bc"),
            ("[&&b]", "&b"),
            ("[-a]", "-a"),
            ("[a-]", "-a"),
            ("[-]", "-"),
            ("[^-a]", "#$&()*+./[]^bc{|}~"),
            (r"[a\\-c]", "-ac"),
            ("[a-c]", "abc"),
            ("[#-&]", "#$&"),
            (r"[\\[\\]\\\\^]", "[]^"),
            ("[a^]", "^a"),
            ("[.]", "."),
            ("[$]", "$"),
            ("[(){}*+|]", "()*+{|}"),
            (r"[\\p{Ll}-]", "-abc"),
            (r"\\[|\\{|\\-|\\^", "-[^{"),
        ] {
            let letters: Vec<String> = "#$&()*+-./[]^abc{|}~".chars().map(String::from).collect();
            let query = Query::parse(&format!("$[?match(@, '{pattern}')]")).unwrap();
            let document = json!(letters);
            let found: String = query
                .select(&document)
                .unwrap()
                .iter()
                .filter_map(|place| letters.get(place[0].token().parse::<usize>().ok()?).cloned())
                .collect();
            assert_eq!(found, fitting, "{pattern}");
        }
    }

    #[test]
    fn a_pattern_that_would_take_too_much_memory_fits_nothing() {
        assert!(compiled(&r"\P{L}".repeat(30), true).is_some());
        assert!(compiled(&r"\P{L}".repeat(10_000), true).is_none());
        assert!(compiled(&format!("[{}]", r"\P{L}".repeat(10_000)), true).is_none());
    }

    #[test]
    fn what_is_no_i_regexp_fits_nothing() {
        for pattern in [
            r"\\ba",
            "a*?",
            "a+?",
            "a??",
            "(?:a)",
            "(?i)a",
            r"\\x61",
            "[[a]]",
            "a{1}{1}",
            "a{,1}",
            "a{1",
            "a{b}",
            "*a",
            "|*",
            "(*a)",
            "(",
            ")",
            "a)(b",
            "[",
            "[]",
            "[^]",
            "[a",
            "]",
            "a]",
            "{",
            "}",
            "[a-b-c]",
            "[a--]",
            r"[a-\\p{L}]",
            r"\\d|a",
            r"\\w",
            r"\\s|a",
            r"[\\w]",
            r"\\a|a",
            r"\\u0061",
            r"\\/|a",
            r"\\p{Greek}|a",
            r"\\pL",
            r"\\p{^L}|a",
            r"\\p{Letter}",
            r"\\p{L|a",
            r"a\\",
            "[[:alpha:]]",
            "a{99999999999}",
            "a{2,1}",
        ] {
            assert_eq!(count(&format!("search(@, '{pattern}')")), 0, "{pattern}");
        }
        for (pattern, expected) in [
            ("(a|ab)(b?)", 2),
            ("a{1}", 1),
            ("a{1,}b{0,2}c?", 3),
            ("()", 1),
            ("a||b", 2),
            ("((a))*", 2),
            ("^a$", 1),
            (r"\\P{L}+|a\\nb", 1),
            ("a[b-c]*", 3),
            (r"\\p{L}\\p{Ll}*", 4),
        ] {
            assert_eq!(count(&format!("match(@, '{pattern}')")), expected, "{pattern}");
        }
    }

    #[test]
    fn patterns_that_fit_nothing_are_known_by_the_text_of_the_query() {
        let void = |query: &str| Query::parse(query).unwrap().void_patterns();
        for good in [
            "$.a",
            r"$[?match(@, '\\.[0-9]+')]",
            r#"$[?search(@.b, "it's \"so\"")]"#,
            r"$[?match(@, 'it\'s')]",
            "$[?match(@, $.pattern)]",
            r"$['\\d'][?@ == '\\d']",
        ] {
            assert_eq!(void(good), [], "{good}");
        }
        for (query, pattern, part) in [
            (r"$[?match(@, 'a\\d')]", r"a\d", r"write `[0-9]` for `\d`"),
            (r"$[?match(@, '[\\d_]')]", r"[\d_]", r"write `0-9` for `\d`"),
            (r"$[?match(@, '[\\D]')]", r"[\D]", "write it with what those know"),
            (r"$..x[?!search(@.y, '\\\\\\s')].z", r"\\\s", r"write `[ \t\n\r]` for `\s`"),
            ("$[?@.a[?search(@, '(?i)x')]]", "(?i)x", "write it with what those know"),
            ("$[?count(@[?match(@.b, 'a)')]) > 1]", "a)", "write it with what those know"),
            (r"$[?match(@, '\u0028?:a)')]", "(?:a)", "write `(` for `(?:`"),
        ] {
            let found = void(query);
            let [(text, instead)] = &found[..] else { unreachable!("{query}: {found:?}") };
            assert!(text == pattern && instead.starts_with(part), "{query}: {found:?}");
        }
    }
}
