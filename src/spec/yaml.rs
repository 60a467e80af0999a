//! YAML text to JSON text.

use serde::de;

use super::blocks::{self, Stop};
use super::error::SpecError;
use super::limits::Limits;
use super::scalars;
use super::tree::{self, Read, State};

/// How many brackets may be open at once: the parser's effort grows with their square, and it looks at its own bound
/// of 128 levels only afterwards. Texts with brackets of their own count too, so it is far beyond any document.
const MAX_OPEN: usize = 10_000;

/// Texts of fewer bytes are given to the parser whatever it keeps of them.
const SMALL: usize = 256 << 10;
/// How much memory the parser may take, and how many times the size of its text beside it.
const MEMORY: usize = 24 << 20;
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
    whole(text, limits).map_err(|error| self::error(&error, 0))
}

/// Gives a text to the parser at once.
pub(super) fn whole(text: &str, limits: Limits) -> Result<Read, yaml_serde::Error> {
    let mut state = State::yaml(text, limits);
    if scalars::may_have(text) {
        state.learn(|first| tree::go(yaml_serde::Deserializer::from_str(text), first))?;
    }
    tree::write(yaml_serde::Deserializer::from_str(text), state)
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
    if ['[', '{'].map(|bracket| text.matches(bracket).count()).iter().sum::<usize>() <= MAX_OPEN {
        return None;
    }
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
    fn what_yaml_1_2_has_no_numbers_for_is_text() {
        let value = read(
            "[0b11, -0b1, +0b0, -0x1F, +0x1F, -0o7, +0o7, 0x1F, 0o17, +12, 12, -5, 1.5, true, ~, 18446744073709551616,\n -170141183460469231731687303715884105728, '0b11', \"-0x1\", a0b1, 0b12, 2]",
        );
        let expected = json!([
            "0b11",
            "-0b1",
            "+0b0",
            "-0x1F",
            "+0x1F",
            "-0o7",
            "+0o7",
            31,
            15,
            12,
            12,
            -5,
            1.5,
            true,
            null,
            18_446_744_073_709_551_616_f64,
            -170_141_183_460_469_231_731_687_303_715_884_105_728_f64,
            "0b11",
            "-0x1",
            "a0b1",
            "0b12",
            2
        ]);
        assert_eq!(value, expected);
        assert_eq!(
            read("0b11: 0b11\nx: {0b1: [0b10], y: 3}\n"),
            json!({"0b11": "0b11", "x": {"0b1": ["0b10"], "y": 3}})
        );
    }

    #[test]
    fn the_tag_of_no_type_makes_scalars_texts_and_leaves_the_rest() {
        let text = "a: ! 2\nb: ! true\nc: ! ~\nd: !\ne: ! 1.5\nf: ! [2, ! 3]\ng: ! {x: 2}\nh: &h ! 4\ni: *h\nj: ! '5'\nk: 6\nl: !x 7\nm: !!str 8\nn: ! .inf\n";
        let expected = json!({"a": "2", "b": "true", "c": "~", "d": "", "e": "1.5", "f": [2, "3"], "g": {"x": 2},
            "h": "4", "i": "4", "j": "5", "k": 6, "l": 7, "m": "8", "n": ".inf"});
        assert_eq!(read(text), expected);
    }

    #[test]
    fn only_a_plain_merge_key_merges() {
        let base = "base: &b {a: 1}\n";
        for key in ["\"<<\"", "'<<'", "\"\\x3c<\"", "! <<", "!!str <<"] {
            let value = read(&format!("{base}own:\n  {key}: *b\n  c: 2\nflow: {{{key}: *b}}\n"));
            assert_eq!(value["own"], json!({"<<": {"a": 1}, "c": 2}), "{key}");
            assert_eq!(value["flow"], json!({"<<": {"a": 1}}), "{key}");
        }
        for own in [
            "{<<: *b}",
            "{ <<: *b}",
            "{? <<\n : *b}",
            "{c: {\"d\": 1}, <<: *b}",
            "{c: 'd',<<: *b}",
            "{!!merge <<: *b}",
            "{c: !x , <<: *b}",
        ] {
            let value = read(&format!("{base}own: {own}\n"));
            assert_eq!(value["own"]["a"], 1, "{own}");
        }
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
