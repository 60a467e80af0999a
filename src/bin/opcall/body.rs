//! A whole body from a file or standard input: as a value, as text or as bytes, by its media type.

use std::path::Path;

use opcall::{Argument, Body, FilePart, Operation};

use crate::arguments_schema::body_of;
use crate::inputs::Inputs;
use crate::items::Source;
use crate::report::Failure;

/// Reads the whole body. Its media type is the caller's, else the operation's, else told by the file's name.
///
/// # Errors
/// Where the source cannot be read, or is not what its media type says.
pub(crate) fn read(
    source: &Source,
    content_type: Option<&str>,
    operation: Option<Operation<'_>>,
    inputs: &mut Inputs,
) -> Result<Body, Failure> {
    let declared = operation.and_then(body_of).map(opcall::MediaType::name);
    let media_type = content_type.or(declared).or_else(|| by_extension(source));
    match media_type.map(Kind::of) {
        Some(Kind::Json) => json(source, &inputs.text(source)?),
        Some(Kind::Members) => {
            let text = inputs.text(source)?;
            let is_object = text.trim_start().starts_with('{');
            if is_object { json(source, &text) } else { Ok(Body::Text { text, media_type: None }) }
        }
        Some(Kind::Text) => Ok(Body::Text { text: inputs.text(source)?, media_type: None }),
        Some(Kind::Bytes) => Ok(Body::File(bytes(source, inputs)?)),
        None => guess(source, inputs.bytes(source)?),
    }
}

/// Nothing says what it is: JSON where it is JSON, else bytes.
fn guess(source: &Source, bytes: Vec<u8>) -> Result<Body, Failure> {
    match String::from_utf8(bytes) {
        Ok(text) if crate::output::is_json(text.as_bytes()) => json(source, &text),
        Ok(text) => Ok(text.into()),
        Err(error) => Ok(error.into_bytes().into()),
    }
}

/// How a body of a media type is handed over.
enum Kind {
    Json,
    /// Forms and XML: members of a JSON object, or the text as it is sent.
    Members,
    Text,
    Bytes,
}

impl Kind {
    fn of(media_type: &str) -> Self {
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" => Self::Json,
            "application/x-www-form-urlencoded" | "multipart/form-data" | "application/xml" | "text/xml" => {
                Self::Members
            }
            "application/graphql" | "application/yaml" => Self::Text,
            name if name.ends_with("+json") => Self::Json,
            name if name.ends_with("+xml") => Self::Members,
            name if name.starts_with("text/") => Self::Text,
            _ => Self::Bytes,
        }
    }
}

fn by_extension(source: &Source) -> Option<&'static str> {
    let Source::File(path) = source else { return None };
    let extension = Path::new(path).extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "json" => Some("application/json"),
        "txt" | "csv" => Some("text/plain"),
        "xml" => Some("application/xml"),
        _ => None,
    }
}

fn json(source: &Source, text: &str) -> Result<Body, Failure> {
    let value = Argument::from_json_text(text).map_err(|error| {
        let hint = "name the media type with --content-type if it is not JSON.".to_owned();
        Failure::usage(format!("{} is not JSON: {error}", source.name()), Some(hint))
    })?;
    Ok(Body::Value(value))
}

fn bytes(source: &Source, inputs: &mut Inputs) -> Result<FilePart, Failure> {
    match source {
        Source::File(path) => Ok(FilePart::path(path)),
        Source::Stdin => Ok(FilePart::bytes(inputs.bytes(source)?)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::io::Write;

    use opcall::Body;

    use super::read;
    use crate::inputs::Inputs;
    use crate::items::Source;
    use crate::report::Failure;

    fn reading(name: &str, content: &[u8], content_type: Option<&str>) -> Result<Body, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::File::create(&path).unwrap().write_all(content).unwrap();
        read(&Source::File(path), content_type, None, &mut Inputs::default())
    }

    #[test]
    fn the_media_type_decides() {
        let is_value = |body| matches!(body, Ok(Body::Value(_)));
        let is_text = |body| matches!(body, Ok(Body::Text { .. }));
        let is_file = |body| matches!(body, Ok(Body::File(_)));
        assert!(is_value(reading("a.json", b"{}", None)));
        assert!(is_value(reading("a", b"[1]", None)));
        assert!(is_text(reading("a.txt", b"[1]", None)));
        assert!(is_text(reading("a", b"<a/>", None)));
        assert!(is_file(reading("a", b"\xff", None)));
        assert!(is_file(reading("a.json", b"{}", Some("application/octet-stream"))));
        assert!(is_text(reading("a", b"a=1&b=2", Some("application/x-www-form-urlencoded"))));
        assert!(is_value(reading("a", b"{\"a\":1}", Some("application/x-www-form-urlencoded"))));
        assert!(is_value(reading("a", b"{\"a\":1}", Some("application/xml"))));
        assert!(is_text(reading("a", b"<a/>", Some("text/xml"))));
        let failure = reading("a.json", b"{", None).unwrap_err();
        assert!(failure.to_string().contains("a.json is not JSON"), "{failure}");
    }
}
