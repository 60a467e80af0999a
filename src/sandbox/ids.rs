//! Identifiers and secrets of the right shape, the same for the same seed.

use serde::{Deserialize, Serialize};

/// A sequence of identifiers; how far it is stands in the state, so that a saved state never repeats one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ids {
    seed: u64,
    drawn: u64,
}

impl Ids {
    /// The sequence of a seed; `stream` keeps the services' sequences apart.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        Self { seed: seed ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15), drawn: 0 }
    }

    /// `SplitMix64` (Steele, Lea, Flood 2014).
    fn next(&mut self) -> u64 {
        self.drawn += 1;
        let mut word = self.seed.wrapping_add(self.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn draw(&mut self, length: usize, alphabet: &[u8]) -> String {
        let size = alphabet.len() as u64;
        (0..length)
            .map(|_| usize::try_from(self.next() % size).unwrap_or(0))
            .map(|place| char::from(alphabet[place]))
            .collect()
    }

    /// Lower-case hexadecimal digits.
    pub(crate) fn hex(&mut self, length: usize) -> String {
        self.draw(length, b"0123456789abcdef")
    }

    /// Letters and digits.
    pub(crate) fn alphanumeric(&mut self, length: usize) -> String {
        self.draw(length, b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    }

    /// A UUID of version 4 (RFC 9562 §5.4).
    pub(crate) fn uuid(&mut self) -> String {
        let (one, two, three, four) = (self.hex(8), self.hex(4), self.hex(3), self.hex(3));
        let (variant, five) = (self.draw(1, b"89ab"), self.hex(12));
        format!("{one}-{two}-4{three}-{variant}{four}-{five}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_ids_again_and_another_seed_others() {
        let mut one = Ids::new(1, 0);
        let first = one.hex(32);
        assert_eq!(Ids::new(1, 0).hex(32), first);
        assert_ne!(one.hex(32), first);
        assert_ne!(Ids::new(2, 0).hex(32), first);
        assert_ne!(Ids::new(1, 1).hex(32), first);
    }
}
