//! How a misfit is told: what was wanted, what was given, which known name is near.

use crate::operation::Types;
use crate::params::Argument;

/// Values are shown up to this many characters.
const SHOWN: usize = 60;
/// An enum's values are listed up to this many.
const LISTED: usize = 12;

/// `an integer`, `a string or null`, in the words of JSON Schema.
pub(crate) fn wanted(types: Types) -> String {
    let words: Vec<_> = types.words().map(with_article).collect();
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "a value".to_owned(),
    }
}

fn with_article(word: &'static str) -> &'static str {
    match word {
        "boolean" => "a boolean",
        "integer" => "an integer",
        "number" => "a number",
        "string" => "a string",
        "array" => "an array",
        "object" => "an object",
        other => other,
    }
}

/// A value as JSON, cut where it is long.
pub(crate) fn shown(value: &Argument) -> String {
    match value {
        Argument::File(_) => "a file".to_owned(),
        other => cut(&other.to_json_text()),
    }
}

/// A text of at most 60 characters, with `…` where more is left out.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The values of an enum as `"a", "b"`; a long list is cut.
pub(crate) fn listed(values: &[Argument]) -> String {
    let mut text = values.iter().take(LISTED).map(shown).collect::<Vec<_>>().join(", ");
    if values.len() > LISTED {
        text.extend([" and ", &(values.len() - LISTED).to_string(), " more"]);
    }
    text
}

/// The name among the known ones that a person most likely meant, if any is near.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = folded(name);
    let near = known.into_iter().map(|one| (strsim::jaro_winkler(&wanted, &folded(one)), one));
    // Below 0.8 Jaro-Winkler finds words that share letters, not meaning.
    let best = near.filter(|(likeness, _)| *likeness >= 0.8).max_by(|one, two| one.0.total_cmp(&two.0))?;
    Some(best.1)
}

/// Names that differ in case, `-` and `_` alone fold to the same text.
pub(crate) fn folded(name: &str) -> String {
    fold(name).collect()
}

/// Whether two names fold to the same text.
pub(crate) fn folds_to(one: &str, two: &str) -> bool {
    fold(one).eq(fold(two))
}

fn fold(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|letter| !matches!(letter, '-' | '_')).flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["expires_timestamp", "label", "type", "limit"];
        assert_eq!(nearest("expires", known), Some("expires_timestamp"));
        assert_eq!(nearest("limt", known), Some("limit"));
        assert_eq!(nearest("Lable", known), Some("label"));
        assert_eq!(nearest("zebra", known), None);
    }

    #[test]
    fn long_values_are_cut_at_characters() {
        assert_eq!(cut(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
        assert_eq!(cut(&"é".repeat(60)), "é".repeat(60));
        assert_eq!(wanted(Types::STRING.with(Types::NULL).with(Types::ARRAY)), "a string, an array or null");
    }
}
