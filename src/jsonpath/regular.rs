//! The functions `match` and `search` of queries (RFC 9535 §2.4.6, §2.4.7), whose patterns are I-Regexps (RFC 9485).
//!
//! The library's own compile a pattern anew for every node, and bring tables for what no I-Regexp may ask. These keep
//! the last pattern, and know the general categories of letters, `\d`, `\s` and `\w` alone.

use std::cell::RefCell;

use regex::{Regex, RegexBuilder};
use serde_json::Value;
use serde_json_path::functions::{LogicalType, ValueType};

/// A pattern as it was compiled last, for the whole of a text or for a part of it.
struct Last {
    pattern: String,
    whole: bool,
    compiled: Option<Regex>,
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
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
    let fits = LAST.with_borrow_mut(|last| {
        let kept = last.take().filter(|last| last.pattern == *pattern && last.whole == whole);
        let anew = || Last { pattern: pattern.clone(), whole, compiled: compiled(pattern, whole) };
        let last = last.insert(kept.unwrap_or_else(anew));
        last.compiled.as_ref().is_some_and(|compiled| compiled.is_match(text))
    });
    fits.into()
}

/// With a dot that fits no end of a line (RFC 9485 §5.3).
fn compiled(pattern: &str, whole: bool) -> Option<Regex> {
    let compile = |pattern: &str| RegexBuilder::new(pattern).crlf(true).build().ok();
    // By itself first: `a)(b` would become a pattern by the frame.
    let alone = compile(pattern)?;
    if whole { compile(&format!(r"\A(?:{pattern})\z")) } else { Some(alone) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Query;

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
            (r"search(@, '\\w{3}')", 1),
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
}
