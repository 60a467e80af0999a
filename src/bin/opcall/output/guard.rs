//! The last thing before a terminal: control characters that are valid in JSON, and that no colour needs.
//!
//! JSON escapes U+0000 to U+001F itself, but DEL and the C1 set (U+0080 to U+009F) may stand in its strings, and a
//! terminal takes U+009B for the beginning of a command. As `\u009b` they are the same text of JSON.

use std::io::{self, Write};

/// Writes DEL and C1 as escapes of JSON.
pub(super) struct Guard<W> {
    sink: W,
    /// The first of the two bytes of a C1 character (in UTF-8) was the last one.
    holds: bool,
}

/// What U+0080 to U+00BF begin with in UTF-8.
const LEAD: u8 = 0xc2;

impl<W: Write> Guard<W> {
    pub(super) fn new(sink: W) -> Self {
        Self { sink, holds: false }
    }
}

impl<W: Write> Write for Guard<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut safe = Vec::with_capacity(bytes.len() + 8);
        for &byte in bytes {
            let is_second = std::mem::take(&mut self.holds);
            match byte {
                0x80..=0x9f if is_second => write!(safe, "\\u{byte:04x}")?,
                _ => {
                    safe.extend(is_second.then_some(LEAD));
                    match byte {
                        LEAD => self.holds = true,
                        0x7f => safe.extend_from_slice(b"\\u007f"),
                        other => safe.push(other),
                    }
                }
            }
        }
        self.sink.write_all(&safe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// JSON text without the control characters that JSON lets pass: the same value.
pub(crate) fn guarded(json: &str) -> String {
    let mut safe = Vec::new();
    // Writing to memory does not fail, and what is written is text again.
    let _ = Guard::new(&mut safe).write_all(json.as_bytes());
    String::from_utf8(safe).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::{Guard, Write, guarded};

    #[test]
    fn nothing_steers_and_all_else_stays() {
        let text = "{\"a\u{7f}\": \"\u{80}\u{9b}2J\u{9f}\u{a0}é\u{c2}ö€😀\"}";
        let wanted = "{\"a\\u007f\": \"\\u0080\\u009b2J\\u009f\u{a0}é\u{c2}ö€😀\"}";
        assert_eq!(guarded(text), wanted);
        assert_eq!(guarded("\u{1b}[31mred\u{1b}[0m\t\r\n"), "\u{1b}[31mred\u{1b}[0m\t\r\n");
        // Characters may be cut between two writes.
        let mut safe = Vec::new();
        let mut guard = Guard::new(&mut safe);
        text.bytes().for_each(|byte| guard.write_all(&[byte]).unwrap());
        assert_eq!(String::from_utf8(safe).unwrap(), wanted);
    }
}
