//! Whether a JSON text has more values than it may have, told before any is looked at. Most texts are too short for
//! it, or have too few of the letters that values need; only what is left is gone through.

/// Whether a JSON text has more values than so many, keys not counted.
pub(crate) fn has_more(text: &str, most: usize) -> bool {
    // Between any two values stands a comma or a bracket.
    text.len() / 2 >= most && at_most(text.as_bytes()) > most && count(text.as_bytes()) > most
}

/// So many or fewer: each value begins the text, follows a comma or is the first in its object or list.
fn at_most(text: &[u8]) -> usize {
    let begins = |byte: &u8| u8::from(*byte == b',' || *byte | 0x20 == b'{');
    // Sums of one byte each, for sixteen or more bytes at once.
    1 + text.chunks(255).map(|chunk| usize::from(chunk.iter().map(begins).sum::<u8>())).sum::<usize>()
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
