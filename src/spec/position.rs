//! Where in its text a warning's part of a document stands: line and column of its key, or of the nearest part around
//! it that the text has.
//!
//! Looked for only where there are warnings, so that a sound document is read no slower.

use std::collections::HashMap;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::document::TWICE;
use super::error::{Position, Warning};
use super::parts::{EachItem, EachMember, name};
use super::yaml;

/// How much YAML text is read over for the places of warnings: each takes a reading of its own.
const MAX_READ_AGAIN: usize = 16 << 20;

/// Gives each warning its place in the text that it was found in.
pub(crate) fn locate(text: &str, warnings: &mut [Warning]) {
    let mut wanted = Wanted::default();
    for (number, warning) in warnings.iter().enumerate() {
        wanted.add(tokens(&warning.pointer), number);
    }
    if wanted.below.is_empty() {
        return;
    }
    let mut places = vec![None; warnings.len()];
    if text.trim_start().starts_with('{') && wanted.in_json(text, text.trim(), &mut places).is_ok() {
        for (warning, position) in warnings.iter_mut().zip(positions(text, &places)) {
            warning.position = position;
        }
        return;
    }
    let mut left = MAX_READ_AGAIN;
    for warning in warnings {
        warning.position = in_yaml(text, tokens(&warning.pointer), warning.problem == TWICE, &mut left);
    }
}

/// How much memory the parser of YAML may take for that, beside four times the size of the text.
const MAX_KEPT: usize = 24 << 20;

/// How much YAML text is read over for the place of one part that somebody asks for.
const MAX_READ_FOR_ONE: usize = 4 << 20;

/// The place of the part that a pointer's tokens name, or of the nearest around it that the text has.
pub(crate) fn nearest(text: &str, tokens: Vec<String>) -> Option<Position> {
    if tokens.is_empty() {
        return Some(Position { line: 1, column: 1 });
    }
    if text.trim_start().starts_with('{') {
        let (mut wanted, mut places) = (Wanted::default(), [None]);
        wanted.add(tokens.clone(), 0);
        if wanted.in_json(text, text.trim(), &mut places).is_ok() {
            return positions(text, &places)[0];
        }
    }
    let mut left = MAX_READ_FOR_ONE;
    in_yaml(text, tokens, false, &mut left)
}

/// The tokens of a pointer (RFC 6901 §4) in a fragment.
pub(crate) fn tokens(pointer: &str) -> Vec<String> {
    let tokens = pointer.trim_start_matches('#').split('/').skip(1);
    tokens.map(|token| token.replace("~1", "/").replace("~0", "~")).collect()
}

/// The pointers that are looked for, as a tree, with the numbers of their warnings.
#[derive(Default)]
struct Wanted {
    below: HashMap<String, Wanted>,
    numbers: Vec<usize>,
}

impl Wanted {
    fn add(&mut self, tokens: Vec<String>, number: usize) {
        let mut node = self;
        for token in tokens {
            node = node.below.entry(token).or_default();
        }
        node.numbers.push(number);
    }

    fn put(&self, place: usize, places: &mut [Option<usize>]) {
        for number in &self.numbers {
            places[*number] = Some(place);
        }
        self.below.values().for_each(|below| below.put(place, places));
    }

    /// Goes down a JSON text; what stands deeper than the text goes keeps the place of the part around it.
    fn in_json(&self, text: &str, part: &str, places: &mut [Option<usize>]) -> Result<(), serde_json::Error> {
        let place = |part: &RawValue| (part.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        let mut done = Ok(());
        let mut go_on = |token: &str, at: &RawValue, value: &RawValue| {
            if let Some(below) = self.below.get(token) {
                below.put(place(at), places);
                let deeper = below.in_json(text, value.get(), places);
                done = std::mem::replace(&mut done, Ok(())).and(deeper);
            }
        };
        let mut parser = serde_json::Deserializer::from_str(part);
        if part.starts_with('{') {
            EachMember(&mut |key, value| go_on(&name(key), key, value)).deserialize(&mut parser)?;
        } else if part.starts_with('[') {
            let mut number = 0_usize;
            let mut next = |item| {
                go_on(&number.to_string(), item, item);
                number += 1;
            };
            EachItem(&mut next).deserialize(&mut parser)?;
        }
        done
    }
}

/// The lines and columns of places in a text, which is gone through once.
fn positions(text: &str, places: &[Option<usize>]) -> Vec<Option<Position>> {
    let mut found = vec![None; places.len()];
    let mut order: Vec<_> =
        places.iter().enumerate().filter_map(|(number, place)| Some(((*place)?, number))).collect();
    order.sort_unstable();
    let (mut position, mut at) = (Position { line: 1, column: 1 }, 0);
    for (place, number) in order {
        let between = text.get(at..place).unwrap_or_default();
        let last = between.rfind('\n');
        position.line += between.bytes().filter(|byte| *byte == b'\n').count();
        position.column =
            last.map_or(position.column, |_| 1) + between[last.map_or(0, |last| last + 1)..].chars().count();
        found[number] = Some(position);
        at = place;
    }
    found
}

/// The place of a part of a YAML text: the parser tells where it stands when it is stopped, so it is stopped there.
fn in_yaml(text: &str, mut tokens: Vec<String>, is_twice: bool, left: &mut usize) -> Option<Position> {
    let is_costly = || yaml::weight(text) > text.len().saturating_mul(4).saturating_add(MAX_KEPT);
    if text.len() > *left || is_costly() {
        return None;
    }
    while !tokens.is_empty() {
        *left = left.checked_sub(text.len())?;
        let seek = Seek { tokens: &tokens, is_twice };
        if let Err(error) = seek.deserialize(yaml_serde::Deserializer::from_str(text)) {
            return error.location().map(|at| Position { line: at.line(), column: at.column() });
        }
        tokens.pop();
    }
    None
}

/// Goes down to a part and fails there.
#[derive(Clone, Copy)]
struct Seek<'p> {
    tokens: &'p [String],
    /// Whether the second member of that name is meant.
    is_twice: bool,
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    // The part itself is of whatever kind: none is expected, so that the parser stops at it.
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("something around the part")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((token, rest)) = self.tokens.split_first() else {
            return Err(de::Error::custom("here"));
        };
        let mut seen = 0;
        loop {
            let is_here = rest.is_empty() && (!self.is_twice || seen == 1);
            match map.next_key_seed(Key { token, is_here })? {
                None => return Ok(()),
                Some(true) if rest.is_empty() => {
                    seen += 1;
                    map.next_value::<IgnoredAny>()?;
                }
                Some(true) => map.next_value_seed(Seek { tokens: rest, ..self })?,
                Some(false) => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Some((token, rest)) = self.tokens.split_first() else {
            return Err(de::Error::custom("here"));
        };
        for _ in 0..token.parse().unwrap_or(usize::MAX) {
            if seq.next_element::<IgnoredAny>()?.is_none() {
                return Ok(());
            }
        }
        seq.next_element_seed(Seek { tokens: rest, ..self })?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// A key: whether it is the one, and the end of the way where it is.
struct Key<'p> {
    token: &'p str,
    is_here: bool,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<bool, E> {
        match (text == self.token, self.is_here) {
            (true, true) => Err(E::custom("here")),
            (is_it, _) => Ok(is_it),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::Effect;
    use super::*;

    fn places(text: &str, pointers: &[&str], problem: &str) -> Vec<Option<(usize, usize)>> {
        let warning = |pointer: &&str| Warning::new(*pointer, problem, Effect::Assumed);
        let mut warnings: Vec<Warning> = pointers.iter().map(warning).collect();
        locate(text, &mut warnings);
        warnings.iter().map(|one| one.position.map(|at| (at.line, at.column))).collect()
    }

    const POINTERS: [&str; 6] = [
        "#/paths/~1a/get",
        "#/paths/~1a/get/parameters/1",
        "#/paths/~1a/get/parameters/1/style",
        "#/gone",
        "#",
        "#/paths/~1a/get/x/y",
    ];

    #[test]
    fn parts_of_json_are_found() {
        let text = "{\"paths\":\r\n  {\"\\/a\": {\"get\":\n    {\"\u{e4}\": 1, \"parameters\": [{},\n      {\"style\": 5}]}}}}\n";
        let found = places(text, &POINTERS, "");
        assert_eq!(found, [Some((2, 12)), Some((4, 7)), Some((4, 8)), None, None, Some((2, 12))]);
    }

    #[test]
    fn parts_of_yaml_are_found() {
        let text = "paths: # the paths\n  '/a':\r\n    get: &g\n      x: |\n        parameters:\n      parameters:\n      - {}\n      - {name: n, style: 5}\n";
        let found = places(text, &POINTERS, "");
        let wanted = [Some((3, 5)), Some((8, 9)), Some((8, 19)), None, None, Some((4, 10))];
        assert_eq!(found, wanted);
    }

    #[test]
    fn one_part_is_found_with_the_nearest_for_what_is_missing() {
        let line = |text: &str, pointer: &str| nearest(text, tokens(pointer)).map(|at| at.line);
        let yaml = "paths:\n  /pets:\n    get: &op\n      tags: [a, b]\n  /two:\n    get: *op\n200: x\n";
        assert_eq!(line(yaml, "#/paths/~1pets/get/tags/1"), Some(4));
        assert_eq!(line(yaml, "#/200"), Some(7));
        assert_eq!(line(yaml, "#/paths/none"), Some(1));
        assert_eq!((line(yaml, "#"), line(yaml, "#/none")), (Some(1), None));
        let json = "{\n \"a\": [1,\n  {\"b\\u0063\": null}],\n \"d\": 12345678901234567890123\n}";
        assert_eq!(
            (line(json, "#/a/1/bc"), line(json, "#/a/0"), line(json, "#/d")),
            (Some(3), Some(2), Some(4))
        );
        assert_eq!(line("{a: 1,\n b: 2}", "#/b"), Some(2), "a YAML flow mapping");
    }

    #[test]
    fn of_a_key_given_twice_the_second_is_meant() {
        let text = "a:\n  b: 1\n  c: 2\n  b: 3\n";
        assert_eq!(places(text, &["#/a/b"], TWICE), [Some((4, 3))]);
        assert_eq!(places("{\"a\": 1,\n\"a\": 2}", &["#/a"], TWICE), [Some((2, 1))]);
    }
}
