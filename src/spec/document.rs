//! One document: bytes to a JSON value, which version of which format it is, and a document laid over
//! another.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::error::{Effect, SpecError, Warning};
use super::limits::Limits;
use super::outline;
use super::tree::{self, State};
use super::yaml;

/// What some editors write in front of a text.
const MARK: char = '\u{feff}';

/// A parsed document.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) value: Value,
    pub(crate) warnings: Vec<Warning>,
}

/// The warnings of the keys that a document gives twice.
fn told(file: &str, read: &tree::Read) -> Vec<Warning> {
    let warning = |pointer| {
        let mut warning = Warning::new(pointer, TWICE, Effect::PartIgnored);
        file.clone_into(&mut warning.file);
        warning
    };
    let mut warnings: Vec<_> = read.duplicates.iter().map(|pointer| warning(format!("#{pointer}"))).collect();
    if read.more_duplicates > 0 {
        let problem = format!("{} more keys are given twice; the last ones hold", read.more_duplicates);
        warnings.push(Warning { problem, count: read.more_duplicates, ..warning("#".to_owned()) });
    }
    warnings
}

/// What is said of a key that an object has twice.
pub(crate) const TWICE: &str = "the key is given twice; the last one holds";

/// The text of a document: UTF-8, a byte order mark taken off.
///
/// # Errors
/// Where there are too many bytes, or they are not UTF-8.
pub fn text<'b>(file: &str, bytes: &'b [u8], limits: Limits) -> Result<&'b str, SpecError> {
    if bytes.len() > limits.bytes {
        return Err(limits.too_long().file(file));
    }
    if is_utf16(bytes) {
        let error = SpecError::new("the text is UTF-16").position(1, 1).hint("Save the file as UTF-8.");
        return Err(error.file(file));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        let column = before.rsplit(|byte| *byte == b'\n').next().map_or(0, <[u8]>::len) + 1;
        SpecError::new("the text is not UTF-8")
            .position(line, column)
            .hint("Save the file as UTF-8.")
            .file(file)
    })?;
    Ok(text.strip_prefix(MARK).unwrap_or(text))
}

/// Whether a text has UTF-16's byte order mark, or a zero byte beside its first letter.
fn is_utf16(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..])
}

/// A document's text as JSON that has no key twice, with warnings of the keys that it had twice.
pub(crate) type Clean<'b> = (Cow<'b, str>, Vec<Warning>);

/// A JSON text: as it is, where it has no key twice.
fn from_json<'b>(file: &str, text: &'b str, limits: Limits) -> Result<Clean<'b>, SpecError> {
    let failed = |error: serde_json::Error| json_error(&error).file(file);
    let mut parser = serde_json::Deserializer::from_str(text);
    let checked =
        tree::check(&mut parser, State::json(limits)).and_then(|twice| parser.end().map(|()| twice));
    if !checked.map_err(failed)? {
        return Ok((Cow::Borrowed(text), Vec::new()));
    }
    let mut parser = serde_json::Deserializer::from_str(text);
    let read = tree::write(&mut parser, State::json(limits)).map_err(failed)?;
    let warnings = told(file, &read);
    Ok((Cow::Owned(read.text), warnings))
}

pub(crate) fn from_yaml<'b>(file: &str, text: &str, limits: Limits) -> Result<Clean<'b>, SpecError> {
    let read = yaml::to_json(text, limits).map_err(|error| error.file(file))?;
    let warnings = told(file, &read);
    Ok((Cow::Owned(read.text), warnings))
}

/// The text of a document as [`text`] takes it from its bytes, which are not copied.
///
/// # Errors
/// As [`text`].
pub(crate) fn owned_text<'b>(
    file: &str,
    bytes: Cow<'b, [u8]>,
    limits: Limits,
) -> Result<Cow<'b, str>, SpecError> {
    let bytes = match bytes {
        Cow::Borrowed(bytes) => return text(file, bytes, limits).map(Cow::Borrowed),
        Cow::Owned(bytes) if bytes.len() > limits.bytes || is_utf16(&bytes) => bytes,
        Cow::Owned(bytes) => match String::from_utf8(bytes) {
            Ok(mut text) => {
                if text.starts_with(MARK) {
                    text.drain(..MARK.len_utf8());
                }
                return Ok(Cow::Owned(text));
            }
            Err(error) => error.into_bytes(),
        },
    };
    text(file, &bytes, limits).map(|text| Cow::Owned(text.to_owned()))
}

/// Reads JSON where the text begins with `{`, else YAML. A brace may begin a YAML flow mapping too, unless the
/// file's name says JSON.
pub(crate) fn clean<'b>(file: &str, text: &'b str, limits: Limits) -> Result<Clean<'b>, SpecError> {
    if !text.trim_start().starts_with('{') {
        return from_yaml(file, text, limits);
    }
    match from_json(file, text, limits) {
        Err(error) if extension(file) != Some("json") => from_yaml(file, text, limits).map_err(|_| error),
        read => read,
    }
}

/// The document as a value, for what changes it or looks for any part of it: that takes some twenty times the memory
/// of its text.
pub(crate) fn parse(file: &str, bytes: &[u8], limits: Limits) -> Result<Parsed, SpecError> {
    let (text, warnings) = clean(file, text(file, bytes, limits)?, limits)?;
    let value = outline::whole(&text).map_err(|error| error.file(file))?;
    Ok(Parsed { value, warnings })
}

/// The document as JSON text, for [`super::index`]: JSON as it is, YAML converted.
///
/// # Errors
/// Where the bytes are too many or not UTF-8, or YAML that cannot be read. JSON is not looked into.
pub fn json<'b>(
    file: &str,
    bytes: &'b [u8],
    limits: Limits,
) -> Result<(Cow<'b, str>, Vec<Warning>), SpecError> {
    let text = text(file, bytes, limits)?;
    if is_json(file, text) {
        return Ok((Cow::Borrowed(text), Vec::new()));
    }
    clean(file, text, limits)
}

/// Whether a text is JSON, as far as its file's name or its first value tells.
pub(crate) fn is_json(file: &str, text: &str) -> bool {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    text.trim_start().starts_with('{')
        && (extension(file) == Some("json") || matches!(values.next(), Some(Ok(_))))
}

pub(crate) fn json_error(error: &serde_json::Error) -> SpecError {
    let whole = error.to_string();
    let problem = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(problem, _)| problem);
    SpecError::new(format!("not readable as JSON: {problem}")).position(error.line(), error.column())
}

/// Which format a document is in, as `opcall check` names it: `openapi 3.0.3`.
///
/// What other versions say otherwise than 3.0 is read by `swagger2` and `openapi31`.
pub(crate) fn detect(root: &Value) -> Result<String, SpecError> {
    let Value::Object(map) = root else {
        return Err(SpecError::at("#", "the document is not an object at its top")
            .hint("Give an OpenAPI document in JSON or YAML."));
    };
    if let Some(version) = map.get("swagger") {
        let version = scalar(version).unwrap_or_default();
        if version.trim_end_matches(".0") == "2" {
            return Ok(format!("swagger {version}"));
        }
        return Err(SpecError::at("#/swagger", format!("not supported: Swagger {}", brief(&version)))
            .hint("Convert the document to OpenAPI 3.0."));
    }
    let Some(version) = map.get("openapi").and_then(scalar) else {
        let named = ["asyncapi", "arazzo", "overlay"].into_iter().find(|key| map.contains_key(*key));
        let problem = match named {
            Some(other) => format!("not an API description that can be called: the document is `{other}`"),
            None => "not an OpenAPI document: the member `openapi` is missing".to_owned(),
        };
        return Err(
            SpecError::at("#", problem).hint("Give an OpenAPI or Swagger 2.0 document in JSON or YAML.")
        );
    };
    let minor: String = version.split('.').take(2).collect::<Vec<_>>().join(".");
    match minor.as_str() {
        "3.0" | "3" | "3.1" | "3.2" => Ok(format!("openapi {version}")),
        _ => Err(SpecError::at("#/openapi", format!("not supported: OpenAPI {}", brief(&version)))
            .hint("Give a document of OpenAPI 3.0, 3.1 or 3.2, or of Swagger 2.0.")),
    }
}

/// Whether a document is of `OpenAPI` 3.1 or later, by its `openapi`.
pub(crate) fn is_since_3_1(version: Option<&Value>) -> bool {
    let version = version.and_then(scalar);
    version.is_some_and(|version| version != "3" && version.split('.').take(2).ne(["3", "0"]))
}

/// The beginning of a text, for an error.
fn brief(text: &str) -> &str {
    text.char_indices().nth(40).map_or(text, |(end, _)| &text[..end])
}

/// A file name's ending.
pub(crate) fn extension(file: &str) -> Option<&str> {
    Path::new(file).extension().and_then(OsStr::to_str)
}

/// A scalar as text: documents write versions, ports and IDs as numbers too.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        // YAML's unquoted `3.0` has lost nothing: JSON prints the fraction.
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// Lays a document over a base: objects are merged member by member, anything else of the document holds.
///
/// Like a JSON Merge Patch (RFC 7396), but a `null` stays, because `default: null` means something; a
/// member that the document gives as `null` hides the base's.
pub(crate) fn lay_over(base: &Map<String, Value>, document: &mut Map<String, Value>) {
    for (key, under) in base {
        match (document.get_mut(key), under) {
            (None, _) => {
                document.insert(key.clone(), under.clone());
            }
            (Some(Value::Object(over)), Value::Object(under)) => lay_over(under, over),
            _ => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_holds_over_its_base() {
        let base = json!({"a": {"x": 1, "y": [1]}, "b": 2, "c": 3});
        let mut over = json!({"a": {"y": [2], "z": null}, "c": null});
        if let (Value::Object(base), Value::Object(over)) = (&base, &mut over) {
            lay_over(base, over);
        }
        assert_eq!(over, json!({"a": {"y": [2], "z": null, "x": 1}, "c": null, "b": 2}));
    }

    #[test]
    fn versions_are_told_apart() {
        let format = |value: Value| detect(&value);
        assert_eq!(format(json!({"openapi": "3.0.3"})).unwrap(), "openapi 3.0.3");
        assert_eq!(format(json!({"openapi": 3.0})).unwrap(), "openapi 3.0");
        assert_eq!(format(json!({"swagger": 2.0})).unwrap(), "swagger 2.0");
        assert_eq!(format(json!({"openapi": "3.2.0"})).unwrap(), "openapi 3.2.0");
        assert!(format(json!({"swagger": "1.2"})).unwrap_err().problem.contains("Swagger 1.2"));
        assert!(format(json!({"openapi": "4.0"})).unwrap_err().problem.contains("OpenAPI 4.0"));
        assert!(format(json!({"asyncapi": "3.0.0"})).unwrap_err().problem.contains("asyncapi"));
        assert!(format(json!([])).is_err());
    }

    #[test]
    fn faults_in_the_text_have_a_place() {
        let error = parse("a.json", b"{\"a\": 1,\n \"b\": }", Limits::default()).unwrap_err();
        assert_eq!(error.position.map(|at| (at.line, at.column)), Some((2, 7)), "{error}");
        let error = parse("a.yaml", b"a: 1\nb: \xff\n", Limits::default()).unwrap_err();
        assert_eq!(error.position.map(|at| (at.line, at.column)), Some((2, 4)), "{error}");
        assert_eq!(parse("a", b"\xef\xbb\xbf{a: 1}", Limits::default()).unwrap().value, json!({"a": 1}));
    }
}
