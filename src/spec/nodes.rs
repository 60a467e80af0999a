//! Whether a JSON text has more values than it may have, told before any is looked at. Most texts are too short for
//! it, or have too few of the letters that values need; only what is left is gone through.

/// Whether a JSON text has more values than so many, keys not counted.
pub(crate) fn has_more(text: &str, most: usize) -> bool {
    // Between any two values stands a comma or a bracket.
    text.len() / 2 >= most && at_most(text.as_bytes()) > most && count(text.as_bytes()) > most
}

/// So many or fewer: each value begins the text, follows a comma or is the first in its object or list.
fn at_most(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks::<8>();
    let whole = words.chunks(MOST_WORDS).map(|words| {
        // A byte each for the eight places in a word; they are added up as the highest byte of a product.
        let places = words.iter().map(|word| beginnings(u64::from_le_bytes(*word))).sum::<u64>();
        (places.wrapping_mul(EACH) >> 56) as usize
    });
    1 + whole.sum::<usize>() + rest.iter().filter(|byte| **byte == b',' || **byte | 0x20 == b'{').count()
}

/// A one in each byte of a word.
const EACH: u64 = 0x0101_0101_0101_0101;
/// So many words have at most 248 beginnings, which is a byte.
const MOST_WORDS: usize = 31;

/// A one for each byte that a value may follow, and at times for one beside it. Eight bytes at once, also where a
/// compiler that is asked for small code does not find that by itself.
const fn beginnings(word: u64) -> u64 {
    let commas = zeroes(word ^ (EACH * b',' as u64));
    let brackets = zeroes((word | (EACH * 0x20)) ^ (EACH * b'{' as u64));
    (commas | brackets) >> 7
}

/// The highest bit of each byte that is zero, and of a one above it.
const fn zeroes(word: u64) -> u64 {
    word.wrapping_sub(EACH) & !word & (EACH * 0x80)
}

/// How many they are.
fn count(text: &[u8]) -> usize {
    let (mut count, mut is_text, mut is_escaped, mut before) = (1, false, false, b' ');
    for byte in text {
        if is_text {
            is_text = *byte != b'"' || is_escaped;
            is_escaped = *byte == b'\\' && !is_escaped;
            continue;
        }
        match (before, byte) {
            // What is empty holds none.
            (b'{', b'}') | (b'[', b']') => count -= 1,
            (_, b'{' | b'[' | b',') => count += 1,
            (_, b'"') => is_text = true,
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            before = *byte;
        }
    }
    count
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use serde_json::Value;

    use super::super::reference;
    use super::*;

    #[test]
    fn values_are_counted_as_they_are_read() {
        for text in [
            "1",
            "\"a,{[\\\",\\\\\"",
            "{}",
            "[ ]",
            "[[], {}, [1]]",
            "{\"a\": 1, \"b,\": {\"c\": [1, \"]\", null]}, \"d\": [{}, {\"e\": []}]}",
            "[\"\\\\\",1,2]",
        ] {
            let wanted = reference::count(&serde_json::from_str::<Value>(text).unwrap());
            assert_eq!(count(text.as_bytes()), wanted, "{text}");
            assert!(at_most(text.as_bytes()) >= wanted, "{text}");
        }
    }

    #[test]
    fn a_text_of_one_value_too_many_is_told() {
        let list = |count: usize| format!("[{}]", vec!["1"; count].join(","));
        for most in [1, 2, 3, 254, 255, 256, 1_000] {
            assert!(!has_more(&list(most - 1), most) || most == 1, "{most}");
            assert!(has_more(&list(most), most), "{most}");
        }
        assert!(!has_more(&format!("\"{}\"", ",".repeat(1_000)), 10), "a text of commas is one value");
    }
}
