//! Lays a partial document under another one: what the user says of a service where its document says nothing.

use indexmap::IndexMap;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::error::Result;
use crate::spec::{self, Limits, SpecError, Warning};

/// A document's text as JSON over a base. Only the members that the base has too are taken apart: what stands in the
/// others keeps its text.
pub(super) fn lay(
    name: &str,
    bytes: &[u8],
    base: &Map<String, Value>,
    limits: Limits,
) -> Result<(Vec<u8>, Vec<Warning>)> {
    let (text, warnings) = spec::json(name, bytes, limits)?;
    let Ok(mut document) = serde_json::from_str::<IndexMap<String, Box<RawValue>>>(&text) else {
        // Whoever reads it says what is wrong with it.
        return Ok((text.into_owned().into_bytes(), warnings));
    };
    let failed = |error: serde_json::Error| SpecError::new(error.to_string()).file(name);
    for (key, under) in base {
        let laid = match document.get(key) {
            None => under.clone(),
            Some(over) => match (serde_json::from_str(over.get()).map_err(failed)?, under) {
                (Value::Object(mut over), Value::Object(under)) => {
                    spec::lay_over(under, &mut over);
                    Value::Object(over)
                }
                _ => continue,
            },
        };
        document.insert(key.clone(), serde_json::value::to_raw_value(&laid).map_err(failed)?);
    }
    Ok((serde_json::to_vec(&document).map_err(failed)?, warnings))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use serde_json::json;

    use super::*;

    fn laid(text: &str, base: &Value) -> String {
        let (bytes, _) =
            lay("a.json", text.as_bytes(), base.as_object().unwrap(), Limits::default()).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_the_document_says_wins_and_keeps_its_text() {
        let base =
            json!({"security": [{"auth": []}], "components": {"securitySchemes": {"auth": {"type": "x"}}}});
        let text = r#"{"paths":{"n":1e400},"components":{"schemas":{"a":1},"securitySchemes":{"k":2}}}"#;
        assert_eq!(
            laid(text, &base),
            r#"{"paths":{"n":1e400},"components":{"schemas":{"a":1},"securitySchemes":{"k":2,"auth":{"type":"x"}}},"security":[{"auth":[]}]}"#
        );
        assert_eq!(
            laid(r#"{"security":[],"components":null}"#, &base),
            r#"{"security":[],"components":null}"#
        );
        assert_eq!(laid("security: []\ncomponents: 1\n", &base), r#"{"security":[],"components":1}"#);
        assert_eq!(laid("[]", &base), "[]");
    }
}
