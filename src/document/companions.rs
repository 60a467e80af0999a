//! The files that a fetched document refers to: which they are, and how the loader finds them.

use std::borrow::Cow;
use std::fmt;
use std::io;

use bytes::Bytes;
use indexmap::IndexMap;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use url::Url;

use crate::spec::{self, Limits, Source};

/// The files that came with a document, by their paths seen from its folder; in place of one that could not be had
/// stands the reason.
#[derive(Debug, Clone)]
pub(super) struct Companions {
    pub(super) folder: Url,
    pub(super) files: IndexMap<String, Result<Bytes, String>>,
}

impl Source for Companions {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        match self.files.get(path) {
            Some(Ok(bytes)) => Ok(bytes.to_vec()),
            Some(Err(problem)) => Err(io::Error::other(problem.clone())),
            None => Err(io::Error::new(io::ErrorKind::NotFound, "it was not fetched with the document")),
        }
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn locate(&self, url: &str) -> Option<String> {
        located(&self.folder, url)
    }
}

/// The path of a URL below a folder.
fn located(folder: &Url, url: &str) -> Option<String> {
    let url = Url::parse(url).ok().filter(|url| is_within(folder, url))?;
    let path = url.path().strip_prefix(folder.path()).filter(|path| !path.is_empty())?;
    Some(url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}")))
}

/// Whether a URL is below a folder of the same origin.
pub(super) fn is_within(folder: &Url, url: &Url) -> bool {
    let is_plain = url.username().is_empty() && url.password().is_none();
    is_plain && url.origin() == folder.origin() && url.path().starts_with(folder.path())
}

/// The paths of the files that a text refers to, seen from the document's folder; `path` is the text's own.
pub(super) fn referred(folder: &Url, path: &str, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    if let Ok((text, _)) = spec::json(path, bytes, Limits::default()) {
        // What a broken text refers to after its fault does not matter: reading it fails.
        let _ = Scan(&mut found).deserialize(&mut serde_json::Deserializer::from_str(&text));
    }
    let beside = path.rsplit_once('/').map_or("", |(beside, _)| beside);
    let path_of = |reference: &String| {
        let file = reference.split('#').next().unwrap_or_default();
        if file.contains("://") { located(folder, file) } else { spec::joined(beside, file) }
    };
    found.iter().filter_map(path_of).collect()
}

/// Gathers the texts of all `$ref` members, keeping nothing else.
struct Scan<'f>(&'f mut Vec<String>);

impl<'de> DeserializeSeed<'de> for Scan<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scan<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Scan(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(key) = members.next_key::<Cow<'de, str>>()? {
            if key == "$ref" {
                members.next_value_seed(Target(self.0))?;
            } else {
                members.next_value_seed(Scan(self.0))?;
            }
        }
        Ok(())
    }
}

/// The value of a `$ref`: a text, or a property of that name that is no reference.
struct Target<'f>(&'f mut Vec<String>);

impl<'de> DeserializeSeed<'de> for Target<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        match value {
            serde_json::Value::String(text) => self.0.push(text),
            other => {
                // What stands in memory has no faults.
                let _ = Scan(self.0).deserialize(other);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;

    fn folder() -> Url {
        Url::parse("https://a.example/v1/").unwrap()
    }

    #[test]
    fn references_to_files_below_the_folder_are_found() {
        let text =
            br##"{"a": {"$ref": "#/x"}, "b": [{"$ref": "s/pet.yaml#/Pet"}, 1, 1.5, null, true, "$ref"],
            "c": {"$ref": "https://a.example/v1/d.json#/D"}, "d": {"$ref": "https://b.example/v1/d.json"},
            "e": {"$ref": "../up.json"}, "f": {"$ref": "/etc/passwd"}, "g": {"$ref": "file:///etc/passwd"},
            "h": {"$ref": {"$ref": "./in/./h.json"}}, "i": {"$ref": "https://a.example/v2/d.json"}}"##;
        assert_eq!(referred(&folder(), "", text), ["s/pet.yaml", "d.json", "in/h.json"]);
        let yaml = b"pet: {$ref: owner.yaml}\nroot: {$ref: '../openapi.yaml#/x'}\n";
        assert_eq!(referred(&folder(), "s/pet.yaml", yaml), ["s/owner.yaml", "openapi.yaml"]);
        assert!(referred(&folder(), "", b"{broken").is_empty());
    }

    #[test]
    fn a_folder_ends_at_its_slash_and_its_origin() {
        for (url, expected) in [
            ("https://a.example/v1/x/y.json?q=1", Some("x/y.json?q=1")),
            ("https://a.example:443/v1/y.json", Some("y.json")),
            ("https://a.example/v1/%2e%2e/y.json", None),
            ("https://a.example/v1/", None),
            ("https://a.example/v10/y.json", None),
            ("https://a.example:8443/v1/y.json", None),
            ("http://a.example/v1/y.json", None),
            ("https://u@a.example/v1/y.json", None),
            ("https://a.example.evil/v1/y.json", None),
        ] {
            assert_eq!(located(&folder(), url).as_deref(), expected, "{url}");
        }
    }
}
