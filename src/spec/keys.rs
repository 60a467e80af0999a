//! Whether an object has a key twice. Of the keys nothing is kept but hashes, those of all open objects one after the
//! other: eight bytes for each.

/// Up to how many keys of an object are compared one with all others, without being sorted.
const FEW: usize = 16;

/// The hashes of the keys of all objects that are open.
#[derive(Debug, Default)]
pub(super) struct Keys(Vec<u64>);

impl Keys {
    /// An object begins: where its keys do.
    pub(super) fn open(&self) -> usize {
        self.0.len()
    }

    /// A key of the innermost object.
    pub(super) fn add(&mut self, key: &str) {
        self.0.push(hash(key));
    }

    /// The innermost object ends. Tells whether one of its keys seems to be there twice; a `false` is sure.
    pub(super) fn close(&mut self, first: usize) -> bool {
        let keys = &mut self.0[first..];
        let repeats = if keys.len() <= FEW {
            keys.iter().enumerate().any(|(at, key)| keys[..at].contains(key))
        } else {
            keys.sort_unstable();
            keys.windows(2).any(|pair| pair[0] == pair[1])
        };
        self.0.truncate(first);
        repeats
    }
}

/// Eight bytes at once. Whoever makes two keys collide has his document read as one that has a key twice, which takes
/// longer and comes to the same.
fn hash(key: &str) -> u64 {
    let (words, rest) = key.as_bytes().as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let start = 0x243f_6a88_85a3_08d3 ^ key.len() as u64;
    words.iter().chain([&last]).fold(start, |hash, word| mixed(hash ^ u64::from_le_bytes(*word)))
}

/// Both halves of the product with an odd number that has as many ones as zeros.
fn mixed(word: u64) -> u64 {
    let product = u128::from(word) * 0x9e37_79b9_7f4a_7c15;
    ((product & 0xffff_ffff_ffff_ffff) as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_there_twice_is_seen() {
        for count in [0, 1, 2, 15, 16, 17, 1_000] {
            let mut keys = Keys::default();
            keys.add("outer");
            let first = keys.open();
            (0..count).for_each(|number| keys.add(&format!("a key of some length, number {number}")));
            let inner = keys.open();
            keys.add("outer");
            assert!(!keys.close(inner));
            assert!(!keys.close(first), "{count}");
            (0..count).for_each(|number| keys.add(&format!("{number}")));
            keys.add("0");
            assert_eq!(keys.close(first), count > 0, "{count}");
            keys.add("outer");
            assert!(keys.close(0));
        }
    }

    #[test]
    fn hardly_any_two_keys_have_one_hash() {
        let texts = (0..200_000).map(|number| [format!("{number}"), format!("/things/{number}/{{id}}")]);
        let mut hashes: Vec<u64> = texts.flatten().map(|text| hash(&text)).collect();
        hashes.extend(["", "\0", "\0\0", "a", "a\0", "aaaaaaaa", "aaaaaaaa\0"].map(hash));
        let count = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), count);
    }
}
