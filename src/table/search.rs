//! Finds operations by words, and the names nearest to one that is not known.

use std::cmp::Reverse;

use super::format::{fold_flat, fold_separators};
use super::{Listed, Operation, OperationTable, ServiceTable};

/// How many names are suggested at most.
const SUGGESTIONS: usize = 5;

/// Nothing is near a name of more letters: comparing it with all others would take long.
const LONGEST: usize = 400;

/// So many words of a name are looked for at most.
const WORDS: usize = 16;

/// How near a name is, the nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    /// A spelling mistake: the edits between the folded forms.
    Edits(usize),
    /// One is the beginning of the other; by the letters between them.
    Prefix(usize),
    /// It has all the words; by the words it has more.
    Words(usize),
}

/// The operations that hold every word, those with the words in an ID first.
pub(super) fn search<'t>(table: &'t OperationTable, words: &str) -> Vec<Operation<'t>> {
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    let mut found: Vec<(u8, Operation<'t>)> = table
        .iter()
        .filter_map(|operation| {
            words
                .iter()
                .map(|word| place(operation, word))
                .try_fold(0, |worst, place| Some(worst.max(place?)))
                .map(|place| (place, operation))
        })
        .collect();
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, operation)| operation).collect()
}

/// Where an operation holds a word: 0 in an ID, 1 in summary or tags, 2 in path, method or service.
fn place(operation: Operation<'_>, word: &str) -> Option<u8> {
    let holds = |text: &str| text.to_lowercase().contains(word);
    if holds(operation.id()) || operation.aliases().any(holds) {
        Some(0)
    } else if operation.summary().is_some_and(holds) || operation.tags().any(holds) {
        Some(1)
    } else if holds(operation.path())
        || operation.method().as_str().eq_ignore_ascii_case(word)
        || holds(operation.service())
    {
        Some(2)
    } else {
        None
    }
}

/// What is near an unknown name.
pub(super) struct Near {
    /// At most five names, each such that it finds its operation, the nearest first.
    pub(super) suggestions: Vec<String>,
    /// The longest of its words that stands in the names of operations.
    pub(super) word: Option<String>,
}

/// Looks for what is near an unknown name, which was `given` with its service or without: at names alone, each once, and
/// at no operation as a whole.
pub(super) fn near(table: &OperationTable, service: Option<&str>, name: &str, given: &str) -> Near {
    let (wanted, mut word) = (Wanted::new(name), LongestWord::of(given));
    let mut near: Vec<(Nearness, &ServiceTable, u32)> = table
        .places()
        .filter_map(|(known, row)| {
            let listed = known.listed(row)?;
            word.look_at(&listed);
            let nearness = wanted.nearness(&listed).filter(|_| service.is_none_or(|one| one == known.name()));
            Some((nearness?, known, row))
        })
        .collect();
    near.sort_by_key(|(nearness, ..)| *nearness);
    let mut suggestions: Vec<String> = Vec::new();
    for listed in near.iter().filter_map(|(_, service, row)| service.listed(*row)) {
        let name = table.short_name(&listed);
        if !suggestions.contains(&name) {
            suggestions.push(name);
        }
        if suggestions.len() == SUGGESTIONS {
            break;
        }
    }
    Near { suggestions, word: word.found().map(str::to_owned) }
}

/// The longest of a name's words that some operation has in its ID, its aliases, its path, its method or its service.
struct LongestWord<'n> {
    /// The longest first, as they stand and in lower case.
    words: Vec<(&'n str, String)>,
    /// The place of the one that was found, or their number.
    found: usize,
}

impl<'n> LongestWord<'n> {
    fn of(name: &'n str) -> Self {
        let parts = name.split(|one: char| !one.is_alphanumeric()).filter(|word| !word.is_empty());
        let mut words: Vec<_> = parts.take(WORDS).map(|word| (word, word.to_lowercase())).collect();
        words.sort_by_key(|(word, _)| Reverse(word.len()));
        Self { found: words.len(), words }
    }

    /// Only a longer one than the one that was found is looked for.
    fn look_at(&mut self, operation: &Listed<'_>) {
        if self.found == 0 {
            return;
        }
        let mut names: Vec<&str> = operation.ids().collect();
        names.extend([operation.path(), operation.service()]);
        let (names, method) = (names.join(" ").to_lowercase(), operation.method().as_str());
        let holds = |(_, word): &(&str, String)| names.contains(word) || method.eq_ignore_ascii_case(word);
        self.found = self.words[..self.found].iter().position(holds).unwrap_or(self.found);
    }

    fn found(&self) -> Option<&'n str> {
        self.words.get(self.found).map(|(word, _)| *word)
    }
}

/// An unknown name in the forms that it is compared by.
struct Wanted {
    flat: String,
    /// So many letters the flat form has.
    letters: usize,
    words: Vec<String>,
}

impl Wanted {
    fn new(name: &str) -> Self {
        let flat = fold_flat(name);
        Self { letters: flat.chars().count(), words: words_of(name), flat }
    }

    /// The best nearness over an operation's ID and aliases.
    fn nearness(&self, operation: &Listed<'_>) -> Option<Nearness> {
        operation.ids().filter_map(|name| self.near(name)).min()
    }

    fn near(&self, name: &str) -> Option<Nearness> {
        if self.flat.is_empty() || self.letters > LONGEST {
            return None;
        }
        let flat = fold_flat(name);
        let allowed = (self.letters / 4).max(2);
        // As many edits as letters more or fewer it takes at least.
        if flat.chars().count().abs_diff(self.letters) <= allowed {
            let edits = strsim::osa_distance(&flat, &self.flat);
            if edits <= allowed {
                return Some(Nearness::Edits(edits));
            }
        }
        if self.flat.len() > 2
            && (flat.starts_with(&self.flat) || self.flat.starts_with(&flat) && flat.len() > 3)
        {
            return Some(Nearness::Prefix(flat.len().abs_diff(self.flat.len())));
        }
        let words = words_of(name);
        let has_all = self.words.iter().all(|word| words.contains(word));
        has_all.then(|| Nearness::Words(words.len() - self.words.len().min(words.len())))
    }
}

/// The words of a name in lower case, parted at separators and at humps.
fn words_of(name: &str) -> Vec<String> {
    let mut parted = String::with_capacity(name.len() + 8);
    let mut was_lower = false;
    for letter in name.chars() {
        if letter.is_uppercase() && was_lower {
            parted.push('_');
        }
        was_lower = letter.is_lowercase() || letter.is_numeric();
        parted.extend(letter.to_lowercase());
    }
    fold_separators(&parted).split('_').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_part_at_separators_and_humps() {
        assert_eq!(words_of("api token#list"), ["api", "token", "list"]);
        assert_eq!(words_of("GetDeviceDetailsV2"), ["get", "device", "details", "v2"]);
    }

    #[test]
    fn nearness_prefers_few_edits_over_prefixes_over_words() {
        let wanted = Wanted::new("token_query");
        assert_eq!(wanted.near("tokens_query"), Some(Nearness::Edits(1)));
        assert_eq!(wanted.near("token_query_everything"), Some(Nearness::Prefix(10)));
        assert_eq!(wanted.near("query_the_token"), Some(Nearness::Words(1)));
        assert_eq!(wanted.near("alerts_read"), None);
    }

    #[test]
    fn a_name_of_a_whole_text_is_near_nothing() {
        let text = "a".repeat(LONGEST + 1);
        assert_eq!(Wanted::new(&text).near(&text), None);
        assert_eq!(Wanted::new(&text[1..]).near(&text), Some(Nearness::Edits(1)));
    }
}
