//! JSON pointers (RFC 6901) into text, so that what they point at keeps its own text: a long number stays exact.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde_json::value::RawValue;

/// The value at a pointer, as it stands in the text; `None` where nothing is there.
///
/// # Errors
/// The text is no JSON.
pub(crate) fn at<'j>(text: &'j str, pointer: &str) -> Result<Option<&'j RawValue>, serde_json::Error> {
    let mut here: &RawValue = serde_json::from_str(text)?;
    if pointer.is_empty() {
        return Ok(Some(here));
    }
    let Some(tokens) = pointer.strip_prefix('/') else { return Ok(None) };
    for token in tokens.split('/') {
        match member(here, &token.replace("~1", "/").replace("~0", "~"))? {
            Some(inner) => here = inner,
            None => return Ok(None),
        }
    }
    Ok(Some(here))
}

fn member<'j>(value: &'j RawValue, token: &str) -> Result<Option<&'j RawValue>, serde_json::Error> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'{') => {
            let members: IndexMap<Cow<'j, str>, &'j RawValue> = serde_json::from_str(text)?;
            Ok(members.get(token).copied())
        }
        Some(b'[') => {
            // An index has no sign and no leading zeros (RFC 6901 §4).
            let is_index = token == "0" || token.starts_with(|first: char| matches!(first, '1'..='9'));
            let Some(index) = token.parse::<usize>().ok().filter(|_| is_index) else { return Ok(None) };
            Ok(items(value)?.get(index).copied())
        }
        _ => Ok(None),
    }
}

/// The elements of an array; none of anything else.
///
/// # Errors
/// The array cannot be read.
pub(crate) fn items(value: &RawValue) -> Result<Vec<&RawValue>, serde_json::Error> {
    if is_array(value) { serde_json::from_str(value.get()) } else { Ok(Vec::new()) }
}

/// Whether a value is an array.
pub(crate) fn is_array(value: &RawValue) -> bool {
    value.get().starts_with('[')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;

    #[test]
    fn pointers_find_values_with_their_text() {
        let text = r#" {"a": {"b": [1.0, {"c/d~e": 12345678901234567890123}]}, "": 1e2, "a": {"b": [1.0, {"c/d~e": 12345678901234567890123}]}} "#;
        let found = |pointer| at(text, pointer).unwrap().map(RawValue::get);
        assert_eq!(found("/a/b/0"), Some("1.0"));
        assert_eq!(found("/a/b/1/c~1d~0e"), Some("12345678901234567890123"));
        assert_eq!(found("/"), Some("1e2"));
        assert_eq!(found("").map(str::len), Some(text.trim().len()));
        for nowhere in ["a", "/b", "/a/b/2", "/a/b/00", "/a/b/+1", "/a/b/-", "/a/b/0/c", "/a/c"] {
            assert_eq!(found(nowhere), None, "{nowhere}");
        }
        assert!(at("{", "/a").is_err() && at("", "").is_err());
    }

    #[test]
    fn only_arrays_have_items() {
        let count = |text| items(at(text, "").unwrap().unwrap()).unwrap().len();
        assert_eq!((count("[1,[2,3],{}]"), count("[]"), count("null"), count("{\"a\":1}")), (3, 0, 0, 0));
    }
}
