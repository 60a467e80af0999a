//! What is wrong with a part that does not fit, in the words of who wrote it: which member must be what.

use serde_json::{Map, Value};

/// What a member must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Must<'m> {
    /// One of some words.
    Word(&'m [&'m str]),
    /// A text.
    Text,
    /// `true` or `false`.
    Flag,
    /// The same, and not `null` where it may be left out.
    NonNullFlag,
}

/// How many letters of a text are told.
const LONGEST: usize = 100;

/// A member that does not fit, and what is wrong with it.
pub(crate) type Misfit<'m> = (&'m str, String);

/// The first of some members that is not what it must be; one that is required must be there.
pub(crate) fn misfit<'m>(
    map: &Map<String, Value>,
    members: &[(&'m str, Must<'_>, bool)],
) -> Option<Misfit<'m>> {
    members.iter().find_map(|(name, must, is_required)| {
        let takes_no_null = *is_required || matches!(must, Must::NonNullFlag);
        let given = map.get(*name).filter(|value| takes_no_null || !value.is_null());
        let Some(value) = given else {
            return is_required.then(|| (*name, format!("`{name}` is missing: it must be {}", must.told())));
        };
        (!must.fits(value))
            .then(|| (*name, format!("`{name}` must be {}, got {}", must.told(), brief(value))))
    })
}

impl Must<'_> {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Word(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Self::Text => value.is_string(),
            Self::Flag | Self::NonNullFlag => value.is_boolean(),
        }
    }

    fn told(self) -> String {
        match self {
            Self::Word(words) => format!("one of `{}`", words.join("`, `")),
            Self::Text => "a string".to_owned(),
            Self::Flag | Self::NonNullFlag => "true or false".to_owned(),
        }
    }
}

/// A value as JSON, of a long text the beginning, or what it is.
fn brief(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => beginning(&other.to_string()),
    }
}

fn beginning(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

/// What a parser of types says, in the words of who wrote the document; what it says in other words stays.
pub(crate) fn reworded(error: &serde_json::Error) -> String {
    let said = error.to_string();
    reword(&said).unwrap_or(said)
}

fn reword(said: &str) -> Option<String> {
    if let Some(name) = said.strip_prefix("missing field ") {
        return Some(format!("{name} is missing"));
    }
    if let Some((got, must)) = said.strip_prefix("unknown variant ")?.split_once(", expected ") {
        return Some(format!("must be {must}, got {}", beginning(got)));
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use serde_json::json;

    use super::{Must, misfit, reword};

    #[test]
    fn the_member_is_named_with_what_it_must_be() {
        let members = [
            ("in", Must::Word(&["query", "path"]), true),
            ("deprecated", Must::Flag, false),
            ("required", Must::NonNullFlag, false),
        ];
        let told =
            |value: serde_json::Value| misfit(value.as_object().unwrap(), &members).map(|(_, told)| told);
        assert_eq!(told(json!({"in": "query", "deprecated": null})), None);
        let long = told(json!({"in": "q".repeat(5_000)})).unwrap();
        assert!(long.ends_with("qqq… (5002 bytes)") && long.len() < 200, "{long}");
        let misfits = [
            (json!({"in": "pth"}), "`in` must be one of `query`, `path`, got \"pth\""),
            (json!({"in": {}}), "`in` must be one of `query`, `path`, got an object"),
            (json!({}), "`in` is missing: it must be one of `query`, `path`"),
            (json!({"in": "path", "required": "yes"}), "`required` must be true or false, got \"yes\""),
            (json!({"in": "path", "required": null}), "`required` must be true or false, got null"),
        ];
        for (value, wanted) in misfits {
            assert_eq!(told(value).as_deref(), Some(wanted));
        }
    }

    #[test]
    fn words_about_types_become_words_about_documents() {
        let reworded = |said| reword(said).unwrap();
        assert_eq!(
            reworded("unknown variant `x`, expected one of `a`, `b`"),
            "must be one of `a`, `b`, got `x`"
        );
        assert_eq!(reworded("unknown variant `x`, expected `a` or `b`"), "must be `a` or `b`, got `x`");
        assert_eq!(reworded("missing field `name`"), "`name` is missing");
        assert_eq!(reword("invalid type: null, expected a string"), None);
    }
}
