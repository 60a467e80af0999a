//! The names of an indexed document's operations. What an operation is called stands in the document's text; a directory
//! of a tier is made when the tier is first asked for, some ten bytes a name, and holds no names.

use std::hash::{BuildHasher, RandomState};

use once_cell::sync::OnceCell;

use super::format::{Tier, fold_flat, fold_separators};
use crate::spec::Index;

/// The directories of the tiers, in the order of [`Tier::ALL`].
#[derive(Default)]
pub(super) struct Lookup {
    tiers: [OnceCell<Directory>; Tier::ALL.len()],
    hasher: RandomState,
}

/// The numbers of operations, put together by the hashes of their names.
struct Directory {
    /// Where the operations of each hash begin, as many as a power of two; and the end of all.
    starts: Box<[u32]>,
    operations: Box<[u32]>,
}

impl Lookup {
    /// Tells the operations that answer to a name in a tier, each once, in their order.
    pub(super) fn each_named(
        &self,
        (index, text): (&Index, &str),
        tier: Tier,
        name: &str,
        mut tell: impl FnMut(u32),
    ) {
        let Some(cell) = Tier::ALL.iter().position(|one| *one == tier).and_then(|at| self.tiers.get(at))
        else {
            return;
        };
        let directory = cell.get_or_init(|| Directory::of(index, text, tier, &self.hasher));
        let mut before = None;
        for operation in directory.with(self.hasher.hash_one(name)) {
            let mut fits = false;
            names(index, text, tier, *operation, &mut |known| fits |= known == name);
            if fits && before != Some(*operation) {
                tell(*operation);
                before = Some(*operation);
            }
        }
    }
}

impl Directory {
    fn of(index: &Index, text: &str, tier: Tier, hasher: &RandomState) -> Self {
        let count = u32::try_from(index.len()).unwrap_or(u32::MAX);
        let mut found: Vec<(u32, u32)> = Vec::new();
        let mut add = |operation| {
            names(index, text, tier, operation, &mut |name| {
                found.push((low(hasher.hash_one(name)), operation));
            });
        };
        match tier {
            Tier::Alias => index.with_aliases().for_each(&mut add),
            _ => (0..count).for_each(&mut add),
        }
        let size = found.len().max(1).next_power_of_two();
        let mut starts = vec![0; size + 1];
        for (hash, _) in &found {
            starts[*hash as usize % size + 1] += 1;
        }
        for at in 0..size {
            starts[at + 1] += starts[at];
        }
        let (mut next, mut operations) = (starts.clone(), vec![0; found.len()]);
        for (hash, operation) in found {
            let place = &mut next[hash as usize % size];
            operations[*place as usize] = operation;
            *place += 1;
        }
        Self { starts: starts.into(), operations: operations.into() }
    }

    /// The operations that have a name of a hash, and others.
    fn with(&self, hash: u64) -> &[u32] {
        let at = low(hash) as usize % (self.starts.len() - 1);
        self.operations.get(self.starts[at] as usize..self.starts[at + 1] as usize).unwrap_or_default()
    }
}

/// Half of a hash.
fn low(hash: u64) -> u32 {
    (hash & 0xffff_ffff) as u32
}

/// Tells the names of an operation in a tier; a folded form may come twice.
fn names(index: &Index, text: &str, tier: Tier, operation: u32, tell: &mut dyn FnMut(&str)) {
    let number = operation as usize;
    let mut folded = |fold: fn(&str) -> String| {
        let id = index.named(text, number).map(|(id, _)| fold(&id));
        let aliases = index.aliases(text, number).into_iter().map(|alias| fold(&alias));
        id.into_iter().chain(aliases).filter(|name| !name.is_empty()).for_each(|name| tell(&name));
    };
    match tier {
        Tier::Exact | Tier::Made => {
            let id = index.named(text, number).filter(|(_, is_made)| *is_made == (tier == Tier::Made));
            if let Some((id, _)) = id {
                tell(&id);
            }
        }
        Tier::Alias => index.aliases(text, number).iter().for_each(|alias| tell(alias)),
        Tier::Path => {
            if let Some((method, path)) = index.endpoint(text, number) {
                tell(&format!("{method} {path}"));
            }
        }
        Tier::Separators => folded(fold_separators),
        Tier::Flat => folded(fold_flat),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;
    use crate::spec::{self, Limits};

    fn found(text: &str, tier: Tier, name: &str) -> Vec<u32> {
        let index = spec::index("a.json", text, Limits::default()).unwrap().unwrap();
        let (lookup, mut rows) = (Lookup::default(), Vec::new());
        lookup.each_named((&index, text), tier, name, |row| rows.push(row));
        rows
    }

    #[test]
    fn every_tier_finds_the_operations_of_its_names() {
        let text = r#"{"openapi": "3.0.3", "paths": {
            "/a\u002f{id}": {"get": {}, "put": {"operationId": "Put-A", "x-aliases": ["put_a", "setA", "put a"]}},
            "b": {"get": {"operationId": 5}, "post": {"operationId": "set_a"}, "delete": {"operationId": ""}},
            "/c": {"get": {"operationId": "set_a", "x-aliases": "no list"}}}}"#;
        for (tier, name, rows) in [
            (Tier::Exact, "Put-A", &[1][..]),
            (Tier::Exact, "5", &[2]),
            (Tier::Exact, "set_a", &[3, 5]),
            (Tier::Exact, "get_a_by_id", &[]),
            (Tier::Made, "get_a_by_id", &[0]),
            (Tier::Made, "delete_b", &[4]),
            (Tier::Made, "5", &[]),
            (Tier::Alias, "setA", &[1]),
            (Tier::Alias, "no list", &[]),
            (Tier::Path, "GET /a/{id}", &[0]),
            (Tier::Path, "POST /b", &[3]),
            (Tier::Separators, "put_a", &[1]),
            (Tier::Separators, "Put_A", &[1]),
            (Tier::Flat, "seta", &[1, 3, 5]),
            (Tier::Flat, "", &[]),
        ] {
            assert_eq!(found(text, tier, name), rows, "{tier:?} {name}");
        }
    }

    #[test]
    fn a_thousand_operations_of_one_name_are_found_in_their_order() {
        let paths: Vec<_> = (0..1_000)
            .map(|number| format!("\"/{number}\": {{\"get\": {{\"operationId\": \"one\"}}}}"))
            .collect();
        let text = format!("{{\"openapi\": \"3.0.3\", \"paths\": {{{}}}}}", paths.join(","));
        assert_eq!(found(&text, Tier::Exact, "one"), (0..1_000).collect::<Vec<_>>());
        assert_eq!(found(&text, Tier::Path, "GET /999"), [999]);
        assert_eq!(found("{\"openapi\": \"3.0.3\", \"paths\": {}}", Tier::Exact, "one"), [0_u32; 0]);
    }
}
