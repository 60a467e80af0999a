//! Texts that fit a format, a pattern and a length.

use proptest::strategy::{Strategy, ValueTree};
use proptest::string::string_regex;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::flat::Flat;

/// Texts with everything that a place on the wire has to encode.
const RICH: [&str; 10] = [
    "a b",
    "x&y=z",
    "\u{e4}\u{f6}/\u{1f600}",
    "100%",
    "q?#",
    "c,d;e",
    "plain",
    "1+1",
    "'q' \"r\"",
    "[x]|{y}",
];
/// Texts that every place takes as they are.
const PLAIN: [&str; 4] = ["plain", "Some-text_1", "x", "abc"];
/// How many texts of a pattern are looked at before it is given up.
const TRIES: usize = 200;

/// A text that fits, or why there is none.
pub(super) fn fitting(flat: &Flat, plain: bool, seed: u64) -> Result<String, String> {
    let of_format = flat.format.as_deref().and_then(|format| of_format(format, seed));
    if let Some(text) = of_format.filter(|text| fits(flat, text)) {
        return Ok(text);
    }
    let pool = if plain { &PLAIN[..] } else { &RICH[..] };
    let start = usize::try_from(seed % 1_000).unwrap();
    for number in 0..pool.len() {
        let text = sized(pool[(start + number) % pool.len()], flat.lengths);
        if fits(flat, &text) {
            return Ok(text);
        }
    }
    if let Some(text) = of_patterns(flat, seed) {
        return Ok(text);
    }
    let samples = flat.samples.iter().filter_map(|sample| sample.as_str());
    let found = samples.map(str::to_owned).find(|sample| fits(flat, sample));
    found.ok_or_else(|| format!("no text of {:?} characters fits {:?}", flat.lengths, flat.patterns))
}

/// Cut or padded to a length.
fn sized(text: &str, (least, most): (usize, Option<usize>)) -> String {
    let mut sized: String = text.chars().take(most.unwrap_or(usize::MAX)).collect();
    while sized.chars().count() < least {
        sized.push('x');
    }
    sized
}

/// Whether a text fits the lengths and patterns; a pattern in words that the engine lacks fits all.
pub(super) fn fits(flat: &Flat, text: &str) -> bool {
    let length = text.chars().count();
    let matches =
        |pattern: &String| regex_lite::Regex::new(pattern).map_or(true, |pattern| pattern.is_match(text));
    length >= flat.lengths.0
        && flat.lengths.1.is_none_or(|most| length <= most)
        && flat.patterns.iter().all(matches)
}

fn of_format(format: &str, seed: u64) -> Option<String> {
    let number = seed % 20;
    Some(match format {
        "date" => format!("2026-02-{:02}", number + 1),
        "date-time" => format!("2026-02-03T{number:02}:05:06Z"),
        "time" => format!("{number:02}:05:06Z"),
        "duration" => format!("P{}D", number + 1),
        "uuid" | "guid" => format!("6f1c2b3a-9d8e-4f70-a1b2-c3d4e5f607{:02}", number + 10),
        "email" | "idn-email" => format!("someone{number}@example.com"),
        "hostname" | "idn-hostname" => format!("host{number}.example.com"),
        "ipv4" | "ip" => format!("192.0.2.{number}"),
        "ipv6" => format!("2001:db8::{number}"),
        "uri" | "url" | "iri" => format!("https://example.com/a?b={number}"),
        "uri-reference" | "iri-reference" | "uri-template" | "json-pointer" => format!("/a/{number}"),
        "byte" | "base64" | "base64url" => "aGVsbG8h".to_owned(),
        "relative-json-pointer" => "1/a".to_owned(),
        "regex" => "^a+$".to_owned(),
        "cidr" => format!("192.0.2.{number}/32"),
        _ => return None,
    })
}

/// A text made from the first pattern that fits the others too.
fn of_patterns(flat: &Flat, seed: u64) -> Option<String> {
    let pattern = spelled(flat.patterns.first()?);
    let mut key = [7_u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &key);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let strategy = string_regex(&pattern).ok()?;
    let texts = (0..TRIES).filter_map(|_| Some(strategy.new_tree(&mut runner).ok()?.current()));
    let is_writable = |text: &String| text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    texts.filter(is_writable).map(|text| text.trim().to_owned()).find(|text| {
        let length = text.chars().count();
        fits(flat, text) || length < flat.lengths.0 && fits(flat, &sized(text, flat.lengths))
    })
}

/// A pattern in the words of the generator: without anchors, its open classes kept to letters and digits.
fn spelled(pattern: &str) -> String {
    let (mut out, mut in_class, mut is_negated) = (String::new(), false, false);
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('d') => out.push_str(if in_class { "0-9" } else { "[0-9]" }),
                Some('w') => out.push_str(if in_class { "0-9A-Za-z_" } else { "[0-9A-Za-z_]" }),
                Some('s') => out.push(' '),
                Some('S' | 'D' | 'W') if !in_class => out.push_str("[a-z]"),
                Some('b' | 'B' | 'A' | 'Z' | 'z') if !in_class => {}
                Some(other) => out.extend(['\\', other]),
                None => {}
            },
            '[' if !in_class => {
                in_class = true;
                is_negated = letters.next_if_eq(&'^').is_some();
                out.push_str(if is_negated { "[0-9A-Za-z_ &&[^" } else { "[" });
            }
            ']' if in_class => {
                out.push_str(if is_negated { "]]" } else { "]" });
                in_class = false;
            }
            '[' | '&' | '~' if in_class => out.extend(['\\', letter]),
            '^' | '$' if !in_class => {}
            '.' if !in_class => out.push_str("[0-9A-Za-z]"),
            other => out.push(other),
        }
    }
    out
}

mod tests {
    use super::*;

    #[test]
    fn texts_fit_their_patterns() {
        for pattern in
            ["^[a-z]{3}-\\d+$", "^(aws|gov)$", "^[^/]+$", "^\\w{2,4}$", "^.{36}$", "^arn:aws:[^:]*:\\S+$"]
        {
            let flat = Flat { patterns: vec![pattern.to_owned()], lengths: (1, Some(40)), ..Flat::default() };
            for seed in 0..20 {
                let text = fitting(&flat, true, seed).unwrap();
                assert!(fits(&flat, &text), "{pattern} and {text}");
            }
        }
    }
}
