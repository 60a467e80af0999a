//! The functions `match` and `search` of queries (RFC 9535 §2.4.6, §2.4.7), whose patterns are I-Regexps (RFC 9485).
//!
//! The library's own compile a pattern anew for every node, and take what no I-Regexp is. These keep the last few patterns,
//! and count what they do: a pattern may come from the document, and is known no sooner than when it is tried.

use std::cell::RefCell;

use regex_lite::Regex;
use serde_json::Value;
use serde_json_path::functions::{LogicalType, ValueType};

use super::TooCostly;
use super::i_regexp::{self, Fault};
use super::size::{Size, Texts};

/// How many patterns are kept: those of a filter may take turns.
pub(super) const KEPT: usize = 4;

/// The steps of compiling what takes as much memory as a pattern may, a tenth of a second.
pub(super) const MOST_COMPILING: u64 = 1_000_000;

/// A pattern that is ready for texts.
struct Compiled {
    regex: Regex,
    size: Size,
}

/// A pattern, for the whole of a text or for a part of it.
struct Pattern {
    text: String,
    whole: bool,
    compiled: Result<Compiled, Fault>,
}

/// The patterns that were used last, the latest at the end.
#[derive(Default)]
struct Kept {
    patterns: Vec<Pattern>,
    /// The steps that the query may take yet.
    left: u64,
    /// Why it is to end.
    over: Option<TooCostly>,
}

impl Kept {
    /// Makes a pattern the last one, and tells what it comes to.
    fn pattern(&mut self, text: &str, whole: bool) -> Result<Size, Fault> {
        let known = self.patterns.iter().position(|pattern| pattern.text == text && pattern.whole == whole);
        let pattern = if let Some(place) = known {
            self.patterns.remove(place)
        } else {
            let (compiled, steps) = compiled(text, whole);
            self.spend(steps);
            Pattern { text: text.to_owned(), whole, compiled }
        };
        if self.patterns.len() == KEPT {
            self.patterns.remove(0);
        }
        let size = pattern.compiled.as_ref().map(|compiled| compiled.size).map_err(|fault| *fault);
        self.patterns.push(pattern);
        size
    }

    fn spend(&mut self, steps: u64) {
        match self.left.checked_sub(steps) {
            Some(left) => self.left = left,
            None => self.over = self.over.or(Some(TooCostly::Matching)),
        }
    }

    /// Whether the pattern fits, of a query that is not over.
    fn fits(&mut self, text: &str, pattern: &str, whole: bool) -> bool {
        if self.over.is_some() {
            return false;
        }
        match self.pattern(pattern, whole) {
            Ok(size) => self.spend(size.matching(Texts::of(text))),
            Err(Fault::NoPattern) => return false,
            Err(Fault::TooLarge) => self.over = Some(TooCostly::Memory),
        }
        let is_over = self.over.is_some();
        let compiled = self.patterns.last().and_then(|last| last.compiled.as_ref().ok());
        !is_over && compiled.is_some_and(|compiled| compiled.regex.is_match(text))
    }
}

thread_local! {
    static LAST: RefCell<Kept> = RefCell::default();
}

/// Runs a query, whose patterns may take so many steps.
///
/// # Errors
/// Where they would take more, or one of them too much memory.
pub(super) fn within<T>(steps: u64, run: impl FnOnce() -> T) -> Result<T, TooCostly> {
    LAST.with_borrow_mut(|kept| (kept.left, kept.over) = (steps, None));
    let done = run();
    LAST.with_borrow_mut(|kept| kept.over.take()).map_or(Ok(done), Err)
}

/// What a pattern comes to, which is compiled and kept for the query.
///
/// # Errors
/// Where no text is tried on it.
pub(super) fn size(pattern: &str, whole: bool) -> Result<Size, Fault> {
    LAST.with_borrow_mut(|kept| kept.pattern(pattern, whole))
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
    LAST.with_borrow_mut(|kept| kept.fits(text, pattern, whole)).into()
}

/// A pattern for the library, and the steps that it took.
fn compiled(pattern: &str, whole: bool) -> (Result<Compiled, Fault>, u64) {
    let translated = match i_regexp::translated(pattern) {
        Ok(translated) => translated,
        Err(fault) => return (Err(fault), pattern.len() as u64),
    };
    let (size, text) = (translated.size, translated.text);
    let text = if whole { format!(r"\A(?:{text})\z") } else { text };
    // Of what is translated the library refuses no more than too many states, or groups in groups.
    let regex = Regex::new(&text).map_err(|_| Fault::TooLarge);
    (regex.map(|regex| Compiled { regex, size }), size.compiling(text.len()).min(MOST_COMPILING))
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
                assert_eq!(kept.pattern(text, whole).is_ok(), text != "(");
                let last = kept.patterns.last().unwrap();
                places.push(last.text.as_ptr());
            }
        }
        let first = places[..KEPT].to_vec();
        assert_eq!(places, [&first[..], &first, &first].concat());
        for number in 0..10 {
            assert!(kept.pattern(&number.to_string(), true).is_ok());
        }
        assert_eq!(kept.patterns.len(), KEPT);
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
    fn a_pattern_that_would_take_too_much_memory_is_refused() {
        let fault = |pattern: &str| compiled(pattern, true).0.err();
        assert_eq!(fault(&r"\P{L}".repeat(30)), None);
        for pattern in [
            r"\P{L}".repeat(60),
            r"\P{L}".repeat(10_000),
            format!("[{}]", r"\P{L}".repeat(10_000)),
            "(a{1000}){1000}".to_owned(),
            "a{99999999999}".to_owned(),
            "a".repeat(1 << 20),
            "(".repeat(1_000) + &")".repeat(1_000),
        ] {
            assert_eq!(fault(&pattern), Some(Fault::TooLarge), "{pattern:.40}");
            let query = Query::parse("$[?search(@.text, @.pattern)]").unwrap();
            let document = json!([{"text": "a", "pattern": pattern}]);
            assert_eq!(query.select(&document), Err(TooCostly::Memory), "{pattern:.40}");
        }
    }

    /// What a filter takes is the states of its patterns times the letters of the texts.
    #[test]
    fn matching_has_a_bound() {
        let (short, long) = ("ab".repeat(500), "ab".repeat(1 << 19));
        let wide = "\u{4e00}".repeat(1 << 19);
        for (pattern, text, is_done) in [
            ("[a-z]+[0-9]", &long, true),
            (r"\\p{L}+[0-9]", &long, true),
            (r"\\p{L}+[0-9]", &wide, true),
            (r"(\\p{L}{1,30}){30}[0-9]", &short, true),
            ("[a-z]{2000}[0-9]", &long, false),
            (r"(\\p{L}{1,30}){30}[0-9]", &long, false),
            (r"\\p{L}{200}[0-9]", &wide, false),
        ] {
            // Known before it runs, and when it is tried.
            let document = json!({"info": {"description": text}});
            let query = Query::parse(&format!("$[?search(@.description, '{pattern}')]")).unwrap();
            let selected = query.select(&document).map(|found| found.len());
            let expected = if is_done { Ok(0) } else { Err(TooCostly::Matching) };
            assert_eq!(selected, expected, "{pattern}");
            let pattern = pattern.replace(r"\\", r"\");
            let document = json!({"info": {"description": text, "pattern": pattern}});
            let query = Query::parse("$[?search(@.description, @.pattern)]").unwrap();
            let selected = query.select(&document).map(|found| found.len());
            assert_eq!(selected, expected, "{pattern}");
        }
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
            "a{2,1}",
            "[b-a]",
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
            ("$[?match(@, 'a{2,1}')]", "a{2,1}", "write `{1,2}` for `{2,1}`"),
            ("$[?match(@, '[b-a]')]", "[b-a]", "write it with what those know"),
            (r"$[?match(@, '\u0028?:a)')]", "(?:a)", "write `(` for `(?:`"),
        ] {
            let found = void(query);
            let [(text, problem)] = &found[..] else { unreachable!("{query}: {found:?}") };
            let part = format!("is no I-Regexp (RFC 9485): {part}");
            assert!(text == pattern && problem.starts_with(&part), "{query}: {found:?}");
        }
        for pattern in [r"\\P{L}".repeat(60), "(a{1000}){1000}".to_owned()] {
            let found = void(&format!("$[?match(@, '{pattern}')]"));
            let part = "takes too much memory: write fewer";
            assert!(found[0].0 == pattern.replace(r"\\", r"\") && found[0].1.starts_with(part), "{found:?}");
        }
    }
}
