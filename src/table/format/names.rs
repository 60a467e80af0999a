//! The names an operation answers to, their folded forms and their hash. Part of the format.

use crate::operation::OperationDef;

/// How a name may be meant, tried in this order (architecture, "Operation IDs").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    /// The document's own ID, letter for letter.
    Exact = 1,
    /// One of `x-aliases`.
    Alias = 2,
    /// `METHOD /path`.
    Path = 3,
    /// The name made for an operation without an ID.
    Made = 4,
    /// Separators folded to `_`.
    Separators = 5,
    /// Letters and digits only, in lower case.
    Flat = 6,
}

impl Tier {
    /// All, in the order they are tried.
    pub(crate) const ALL: [Self; 6] =
        [Self::Exact, Self::Alias, Self::Path, Self::Made, Self::Separators, Self::Flat];
}

/// Runs of `-`, `.`, `/`, `#`, `:`, space and `_` become one `_`; none is left at the ends.
pub(crate) fn fold_separators(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for part in name.split(['-', '.', '/', '#', ':', ' ', '_']).filter(|part| !part.is_empty()) {
        if !folded.is_empty() {
            folded.push('_');
        }
        folded.push_str(part);
    }
    folded
}

/// Letters and digits only, in lower case.
pub(crate) fn fold_flat(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The hash of a name in its tier: FNV-1a of 64 bits, folded to 32. Part of the format.
pub(crate) fn hash_name(tier: Tier, name: &str) -> u32 {
    let wide = hash_bytes((tier as u64) ^ 0xcbf2_9ce4_8422_2325, name.as_bytes());
    ((wide >> 32) as u32) ^ ((wide & 0xffff_ffff) as u32)
}

/// FNV-1a over bytes, from a given start; also the hash of a table's source.
pub(crate) fn hash_bytes(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Where [`hash_bytes`] starts for a table's source.
#[allow(dead_code, reason = "build.rs and run-time loading use it, answers do not")]
pub(crate) const SOURCE_HASH_START: u64 = 0xcbf2_9ce4_8422_2325;

/// The names of one operation by tier, each once; a folded form that an earlier tier already has is kept, for it may also
/// be another operation's.
pub(crate) fn names_of(operation: &OperationDef, row: u32, names: &mut Vec<(Tier, String, u32)>) {
    let tier = if operation.id_is_made { Tier::Made } else { Tier::Exact };
    names.push((tier, operation.id.clone(), row));
    names.push((Tier::Path, format!("{} {}", operation.method, operation.path), row));
    let mut folded =
        vec![(Tier::Separators, fold_separators(&operation.id)), (Tier::Flat, fold_flat(&operation.id))];
    let mut aliases: Vec<&String> = operation.aliases.iter().collect();
    aliases.sort_unstable();
    aliases.dedup();
    for alias in aliases {
        names.push((Tier::Alias, alias.clone(), row));
        folded.push((Tier::Separators, fold_separators(alias)));
        folded.push((Tier::Flat, fold_flat(alias)));
    }
    folded.sort_unstable();
    folded.dedup();
    names.extend(
        folded.into_iter().filter(|(_, name)| !name.is_empty()).map(|(tier, name)| (tier, name, row)),
    );
}
