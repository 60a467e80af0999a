//! The IDs that a document's operations have so far, in little room: one text of all of them, and where each stands.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

#[derive(Default)]
pub(super) struct Ids {
    /// All of them, one behind the other.
    texts: String,
    /// Where the ID of a hash begins and ends.
    places: HashMap<u64, (u32, u32)>,
    /// Those that have the hash of another one, or come after 4 GiB of others.
    others: HashSet<Box<str>>,
    hasher: RandomState,
}

impl Ids {
    /// Takes an ID. Tells whether it is a new one.
    pub(super) fn insert(&mut self, id: &str) -> bool {
        let hash = self.hasher.hash_one(id);
        let start = self.texts.len();
        if let Some((start, end)) = self.places.get(&hash) {
            let is_known = self.texts.get(*start as usize..*end as usize) == Some(id);
            return !is_known && self.others.insert(id.into());
        }
        let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(start + id.len())) else {
            return self.others.insert(id.into());
        };
        self.texts.push_str(id);
        self.places.insert(hash, (start, end));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_new_once() {
        let mut ids = Ids::default();
        for expected in [1_000, 0] {
            let new = (0..1_000).filter(|number| ids.insert(&format!("id {number}"))).count();
            assert_eq!(new, expected);
        }
        assert!(ids.insert("") && !ids.insert(""));
        // As if it had the hash of the first.
        let hash = ids.hasher.hash_one("other");
        ids.places.insert(hash, (0, 4));
        assert!(ids.insert("other") && !ids.insert("other") && !ids.insert("id 0"));
    }
}
