//! What is put into requests: every byte, texts made to break out of their place, and random ones.

use serde_json::Value;

/// The characters of all bytes. A Rust string holds no other bytes than those of UTF-8, so the upper half stands for
/// U+0080 to U+00FF, which are two bytes each; single ones are sent as a body.
pub(super) fn of_bytes() -> Vec<String> {
    (0..=255).map(|byte: u8| char::from(byte).to_string()).collect()
}

/// The texts of `tests/data/hostile_strings.json`.
pub(super) fn hostile() -> Vec<String> {
    let data: Value = serde_json::from_str(include_str!("../../data/hostile_strings.json")).unwrap();
    let lists = data.as_object().unwrap().values().filter_map(Value::as_array);
    let text = |one: &Value| match one {
        Value::String(text) => text.clone(),
        long => {
            let times = usize::try_from(long["times"].as_u64().unwrap()).unwrap();
            long["repeat"].as_str().unwrap().repeat(times)
        }
    };
    lists.flatten().map(text).collect()
}

/// Random numbers that a seed repeats (`SplitMix64`).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    fn one<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.below(list.len())]
    }

    fn letter(&mut self) -> char {
        const SPECIAL: &[u8] = b"\r\n\0\t \x0b\x0c\x1b\x7f%./\\?#&;=+:@,\"'<>[]{}|^`~!$*()-_";
        match self.below(8) {
            0..=2 => char::from(*self.one(SPECIAL)),
            3 => char::from(b'a' + u8::try_from(self.below(26)).unwrap()),
            4 => char::from(*self.one(b"0123456789abcdefABCDEF")),
            5 => char::from(u8::try_from(self.below(256)).unwrap()),
            6 => char::from_u32(u32::try_from(self.below(0x3000)).unwrap()).unwrap_or('.'),
            _ => char::from_u32(u32::try_from(self.below(0x11_0000)).unwrap()).unwrap_or('%'),
        }
    }

    /// A random text, in half of the cases with hostile ones inside.
    pub(super) fn text(&mut self, hostile: &[String]) -> String {
        let mut text = String::new();
        for _ in 0..self.below(24) {
            match self.below(12) {
                0 => text.push_str(self.one::<String>(hostile)),
                _ => text.push(self.letter()),
            }
        }
        if self.below(4) == 0 {
            // A text of few letters meets the edge cases of short ones: nothing, dots, one escape.
            text = text.chars().take(self.below(4)).collect();
        }
        text
    }
}
