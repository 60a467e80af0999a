//! Finds operations by words, and the names nearest to one that is not known.

use super::format::{fold_flat, fold_separators};
use super::{Listed, Operation, OperationTable, ServiceTable};

/// How many names are suggested at most.
const SUGGESTIONS: usize = 5;

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

/// At most five names near an unknown one, each such that it finds its operation.
pub(super) fn suggest(table: &OperationTable, service: Option<&str>, name: &str) -> Vec<String> {
    let wanted = Wanted::new(name);
    let mut near: Vec<(Nearness, &ServiceTable, u32)> = table
        .places()
        .filter(|(known, _)| service.is_none_or(|service| service == known.name()))
        .filter_map(|(known, row)| Some((wanted.nearness(&known.listed(row)?)?, known, row)))
        .collect();
    near.sort_by_key(|(nearness, ..)| *nearness);
    let (mut names, mut seen): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for listed in near.iter().filter_map(|(_, service, row)| service.listed(*row)) {
        let id = listed.qualified_id();
        if seen.contains(&id) {
            continue;
        }
        let name = table.short_name(&listed);
        if !names.contains(&name) {
            names.push(name);
        }
        if names.len() == SUGGESTIONS {
            break;
        }
        seen.push(id);
    }
    names
}

/// An unknown name in the forms that it is compared by.
struct Wanted {
    flat: String,
    words: Vec<String>,
}

impl Wanted {
    fn new(name: &str) -> Self {
        Self { flat: fold_flat(name), words: words_of(name) }
    }

    /// The best nearness over an operation's ID and aliases.
    fn nearness(&self, operation: &Listed<'_>) -> Option<Nearness> {
        operation.ids().filter_map(|name| self.near(name)).min()
    }

    fn near(&self, name: &str) -> Option<Nearness> {
        if self.flat.is_empty() {
            return None;
        }
        let flat = fold_flat(name);
        let allowed = (self.flat.chars().count() / 4).max(2);
        if flat.len().abs_diff(self.flat.len()) <= 4 * allowed {
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
}
