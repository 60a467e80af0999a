//! A document of which only some parts are values, for what changes these: all others stay the text that they are, as
//! values take some twenty times the memory of their text.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use serde::de::DeserializeSeed;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::document::json_error;
use super::error::SpecError;
use super::parts::{self, EachMember, name};

/// How much memory the values of a document may take, and how many times the size of its text beside it.
const VALUES: usize = 64 << 20;
const VALUE_TIMES: usize = 24;

/// The parts of a document that are looked at or changed, by the names that lead to them.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    is_all: bool,
    below: HashMap<String, Touched>,
}

impl Touched {
    /// The part that names lead to: whether it is there and what kind of value it is, not what is in it.
    pub(crate) fn at<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) -> &mut Self {
        names.into_iter().fold(self, |part, name| part.below.entry(name.to_owned()).or_default())
    }

    /// All that is in the part.
    pub(crate) fn all(&mut self) {
        self.is_all = true;
    }

    /// The parts over which the members of an object are laid, and theirs.
    pub(crate) fn under(&mut self, members: &Map<String, Value>) {
        for (name, member) in members {
            let below = self.at([name.as_str()]);
            if let Value::Object(members) = member {
                below.under(members);
            }
        }
    }
}

/// A document whose touched parts are values.
pub(crate) struct Outline<'t> {
    text: &'t str,
    /// Begins the names of the members that stand for others, which stay text. Nobody can know it.
    mark: String,
    /// The document. It has every part that was said to be touched.
    pub(crate) value: Value,
}

impl<'t> Outline<'t> {
    /// Of a JSON text that has no key twice.
    ///
    /// # Errors
    /// Where the values would take far more memory than those of an ordinary document, or the text is no JSON.
    pub(crate) fn of(text: &'t str, touched: &Touched) -> Result<Self, SpecError> {
        let mark = format!("\0{:016x}:", RandomState::new().hash_one(text.len()));
        let left = text.len().saturating_mul(VALUE_TIMES).saturating_add(VALUES);
        let mut making = Making { text, mark: &mark, left };
        let value = making.part(text.trim(), touched)?;
        Ok(Self { text, mark, value })
    }

    /// Its text, with the values as they are by now.
    ///
    /// # Errors
    /// Never, as values in memory can be written.
    pub(crate) fn into_text(self) -> Result<String, SpecError> {
        let mut out = Vec::with_capacity(self.text.len());
        self.put(&self.value, &mut out).map_err(|error| json_error(&error))?;
        String::from_utf8(out).map_err(|error| SpecError::at("#", error.to_string()))
    }

    fn put(&self, value: &Value, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        let Value::Object(members) = value else { return serde_json::to_writer(out, value) };
        out.push(b'{');
        for (number, (name, member)) in members.iter().enumerate() {
            if number > 0 {
                out.push(b',');
            }
            if let Some(run) = self.run(name) {
                out.extend_from_slice(run.as_bytes());
                continue;
            }
            serde_json::to_writer(&mut *out, name)?;
            out.push(b':');
            self.put(member, out)?;
        }
        out.push(b'}');
        Ok(())
    }

    /// The members that a name stands for, if it does.
    fn run(&self, name: &str) -> Option<&str> {
        let (start, end) = name.strip_prefix(&self.mark)?.split_once('-')?;
        self.text.get(start.parse().ok()?..end.parse().ok()?)
    }
}

/// Makes the values.
struct Making<'t> {
    text: &'t str,
    mark: &'t str,
    /// How much memory they may still take.
    left: usize,
}

impl Making<'_> {
    fn part(&mut self, part: &str, touched: &Touched) -> Result<Value, SpecError> {
        if touched.is_all || !part.starts_with('{') {
            let left = self.left.checked_sub(parts::weight(part));
            self.left = left.ok_or_else(too_many)?;
            return serde_json::from_str(part).map_err(|error| json_error(&error));
        }
        let (mut members, mut run, mut done) = (Map::new(), None, Ok(()));
        let mut add = |key: &RawValue, value: &RawValue| {
            let Some(below) = touched.below.get(&*name(key)) else {
                let (start, end) = (self.offset(key.get()), self.offset(value.get()) + value.get().len());
                run = Some((run.map_or(start, |(first, _)| first), end));
                return;
            };
            self.put(run.take(), &mut members);
            match self.part(value.get(), below) {
                Ok(value) => _ = members.insert(name(key).into_owned(), value),
                Err(error) => done = Err(error),
            }
        };
        let mut json = serde_json::Deserializer::from_str(part);
        EachMember(&mut add).deserialize(&mut json).map_err(|error| json_error(&error))?;
        self.put(run, &mut members);
        done.map(|()| Value::Object(members))
    }

    /// Puts one member in the place of several that stay text.
    fn put(&self, run: Option<(usize, usize)>, members: &mut Map<String, Value>) {
        if let Some((start, end)) = run {
            members.insert(format!("{}{start}-{end}", self.mark), Value::Null);
        }
    }

    fn offset(&self, part: &str) -> usize {
        (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize)
    }
}

/// A JSON text as one value, unless that would take far more memory than an ordinary document's.
pub(crate) fn whole(text: &str) -> Result<Value, SpecError> {
    let mut making =
        Making { text, mark: "", left: text.len().saturating_mul(VALUE_TIMES).saturating_add(VALUES) };
    making.part(text.trim(), &Touched { is_all: true, ..Touched::default() })
}

fn too_many() -> SpecError {
    let problem = "the document has too many values to be changed, or explained, as a whole";
    SpecError::at("#", problem).hint("Leave out the parts of it that a call does not need.")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str =
        r#" {"a": {"b": 1.0, "c" : [1, {"d": 2}], "e": {"f": 3, "g": 4}}, "h": 1e400, "i/": [] , "j": {}} "#;

    #[test]
    fn what_is_not_touched_keeps_its_text() {
        let mut touched = Touched::default();
        let outline = Outline::of(TEXT, &touched).unwrap();
        assert_eq!(outline.value.as_object().unwrap().len(), 1, "all of it is one run");
        assert_eq!(outline.into_text().unwrap(), TEXT.trim());

        touched.at(["a", "e", "f"]);
        touched.at(["a", "gone", "x"]);
        touched.at(["a", "c", "d"]).all();
        touched.at(["i/"]);
        let mut outline = Outline::of(TEXT, &touched).unwrap();
        assert_eq!(outline.value["a"]["e"]["f"], 3);
        assert_eq!(outline.value["a"]["c"], json!([1, {"d": 2}]), "a list is taken whole");
        assert_eq!(outline.value["a"]["b"], Value::Null);
        outline.value["a"]["e"]["f"] = json!({"\0": [5]});
        outline.value["a"].as_object_mut().unwrap().shift_remove("c");
        outline.value["i/"].as_array_mut().unwrap().push(json!(6));
        outline.value["new"] = json!(null);
        let written =
            r#"{"a":{"b": 1.0,"e":{"f":{"\u0000":[5]},"g": 4}},"h": 1e400,"i/":[6],"j": {},"new":null}"#;
        assert_eq!(outline.into_text().unwrap(), written);
    }

    #[test]
    fn what_is_laid_over_a_document_touches_its_members_alone() {
        let mut touched = Touched::default();
        touched.under(json!({"a": {"e": {"f": 1}, "b": {}}, "j": 1}).as_object().unwrap());
        let outline = Outline::of(TEXT, &touched).unwrap();
        assert_eq!((&outline.value["a"]["e"]["f"], &outline.value["a"]["b"]), (&json!(3), &json!(1.0)));
        assert!(outline.value["a"].get("c").is_none() && outline.value["j"].is_object());
        let all = Outline::of("[1, 2]", &Touched::default()).unwrap();
        assert_eq!((all.value.clone(), all.into_text().unwrap().as_str()), (json!([1, 2]), "[1,2]"));
    }

    #[test]
    fn values_have_a_bound_that_text_has_not() {
        let text = format!("{{\"a\": 1, \"b\": [{{}}{}]}}", ",{\"a\":{}}".repeat(300_000));
        let mut touched = Touched::default();
        touched.at(["a"]);
        assert!(Outline::of(&text, &touched).is_ok());
        touched.at(["b"]).all();
        let error = Outline::of(&text, &touched).err().unwrap();
        assert!(error.problem.contains("too many values"), "{error}");
        assert_eq!(whole(&text).unwrap_err(), error);
    }
}
