//! YAML text to JSON text.

use serde::de;

use super::blocks::{self, Stop};
use super::error::SpecError;
use super::limits::Limits;
use super::tree::{self, Read, State};

/// How many brackets may be open at once: the parser's effort grows with their square, and it looks at its own bound
/// of 128 levels only afterwards. Texts with brackets of their own count too, so it is far beyond any document.
const MAX_OPEN: usize = 10_000;

/// Texts of fewer bytes are given to the parser whatever it keeps of them.
const SMALL: usize = 256 << 10;
/// How much memory the parser may take, and how many times the size of its text beside it.
const MEMORY: usize = 64 << 20;
const TIMES: usize = 24;

/// Reads one YAML document.
pub(crate) fn to_json(text: &str, limits: Limits) -> Result<Read, SpecError> {
    if let Some(line) = too_deep(text) {
        let problem = format!("not readable as YAML: more than {MAX_OPEN} brackets are open");
        return Err(SpecError::new(problem).position(line, 1));
    }
    let told = match blocks::read(text, limits) {
        Ok(read) => return Ok(read),
        Err(Stop::Refused(error)) => return Err(*error),
        Err(Stop::Whole(told)) => told,
    };
    let at_first = |error| told.map_or_else(|| self::error(&error, 0), |told| *told);
    affordable(text).map_err(at_first)?;
    let whole = tree::write(yaml_serde::Deserializer::from_str(text), State::yaml(text, limits));
    whole.map_err(|error| self::error(&error, 0))
}

/// What is wrong with a text, or with a piece of one that has so many lines before it.
pub(super) fn error(error: &yaml_serde::Error, lines: usize) -> SpecError {
    let whole = error.to_string();
    let Some(at) = error.location() else {
        return SpecError::at("#", format!("not readable as YAML: {whole}"));
    };
    let (line, column) = (at.line() + lines, at.column());
    let problem = match whole.rsplit_once(" at line ") {
        Some((problem, _)) if lines > 0 => format!("{problem} at line {line} column {column}"),
        _ => whole,
    };
    SpecError::new(format!("not readable as YAML: {problem}")).position(line, column)
}

/// Refuses what the parser would take too much memory for: it keeps all that it is given at once.
pub(super) fn affordable(text: &str) -> Result<(), yaml_serde::Error> {
    if text.len() <= SMALL || weight(text) <= text.len().saturating_mul(TIMES).saturating_add(MEMORY) {
        return Ok(());
    }
    Err(de::Error::custom("too many values in brackets, or in a single item of a list"))
}

/// About how many bytes the parser keeps of a text, at most.
pub(super) fn weight(text: &str) -> usize {
    const EVENT: usize = 136;
    let mut before = b'\n';
    let mut events = 1;
    for byte in text.bytes() {
        let is_event = match byte {
            b',' | b'[' | b'{' | b']' | b'}' | b'\n' => true,
            b' ' => matches!(before, b':' | b'-'),
            _ => matches!(before, b'"' | b'\'') && byte == b':',
        };
        events += usize::from(is_event);
        before = byte;
    }
    events * EVENT
}

/// The line where more brackets are open than may be, closed ones taken off.
fn too_deep(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    let place = text.bytes().position(|byte| {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        open > MAX_OPEN
    })?;
    Some(text.as_bytes()[..place].split(|byte| *byte == b'\n').count())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(text: &str) -> Value {
        let read = to_json(text, Limits::default()).unwrap_or_else(|error| panic!("{error}"));
        serde_json::from_str(&read.text).unwrap()
    }

    #[test]
    fn scalars_are_those_of_yaml_1_2() {
        let value =
            read("[y, no, on, 08, 042957, 1_000, 0x1F, ~, '', .inf, 2022-01-01, 1.5, -9223372036854776000]");
        let expected = json!([
            "y",
            "no",
            "on",
            "08",
            "042957",
            "1_000",
            31,
            null,
            "",
            null,
            "2022-01-01",
            1.5,
            -9_223_372_036_854_776_000_f64
        ]);
        assert_eq!(value, expected);
    }

    #[test]
    fn keys_keep_their_text() {
        assert_eq!(read("200: a\ny: b\n1.0: c\n"), json!({"200": "a", "y": "b", "1.0": "c"}));
    }

    #[test]
    fn tags_are_transparent_and_aliases_and_merges_followed() {
        let text =
            "base: &b {a: 1, b: 2}\nown: {<<: *b, b: 3}\ntwo: {<<: [*b, {c: 4}]}\ntagged: !x {z: !y 1}\n";
        let value = read(text);
        assert_eq!(value["own"], json!({"b": 3, "a": 1}));
        assert_eq!(value["two"], json!({"a": 1, "b": 2, "c": 4}));
        assert_eq!(value["tagged"], json!({"z": 1}));
    }

    #[test]
    fn duplicate_keys_are_reported_and_the_last_holds() {
        let read =
            to_json("paths:\n  /a/b:\n  - x: 1\n    x: 2\n  /c: 1\n  /c: 2\n", Limits::default()).unwrap();
        assert_eq!(read.text, r#"{"paths":{"/a/b":[{"x":2}],"/c":2}}"#);
        assert_eq!(read.duplicates, ["/paths/~1a~1b/0/x", "/paths/~1c"]);
    }

    #[test]
    fn faults_name_line_and_column() {
        let error = to_json("a:\n  - b\n c: d\n", Limits::default()).unwrap_err();
        assert_eq!(error.position.map(|at| at.line), Some(3), "{error}");
    }

    #[test]
    fn aliases_nested_to_do_harm_end_early() {
        let mut text = String::from("a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n");
        for level in 1..9 {
            let before = level - 1;
            let line = format!("a{level}: &a{level} [{}]\n", vec![format!("*a{before}"); 10].join(","));
            text.push_str(&line);
        }
        assert!(to_json(&text, Limits::default()).is_err());
    }
}
