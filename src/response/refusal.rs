//! What an error answer says: message, code and trace identifier, by the document's pointers or by custom.

use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::Value;

use crate::operation::ErrorPointers;
use crate::transport::Answer;

/// No message is longer than this many characters.
const LONGEST_MESSAGE: usize = 512;

/// A body larger than this many bytes is no message: read as JSON it would take many times as much memory.
const LARGEST: usize = 1 << 20;

/// Where messages stand by custom: RFC 9457 problem details, RFC 6749 §5.2, and what most services do.
const CUSTOMARY: [&str; 9] = [
    "/message",
    "/error/message",
    "/error_description",
    "/errors/0/message",
    "/errors/0",
    "/detail",
    "/title",
    "/error",
    "/msg",
];

/// What an error answer says.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) message: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) trace_id: Option<String>,
}

/// Reads an error answer: JSON by pointers, plain text as it is, of anything else and of a large body nothing.
pub(crate) fn read(answer: &Answer, pointers: Option<&ErrorPointers>, graphql: bool) -> Said {
    if answer.body.len() > LARGEST {
        return Said::default();
    }
    let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
        return Said { message: plain_text(answer), ..Said::default() };
    };
    let at = |pointer: &Option<String>| pointer.as_deref().and_then(|pointer| text_at(&body, pointer));
    let declared = pointers.cloned().unwrap_or_default();
    let customary = || CUSTOMARY.iter().find_map(|pointer| text_at(&body, pointer));
    let all = || graphql.then(|| graphql_messages(&body)).flatten();
    Said {
        message: at(&declared.message).or_else(all).or_else(customary).map(|text| shown(&text)),
        code: at(&declared.code).map(|text| shown(&text)),
        trace_id: at(&declared.trace).map(|text| shown(&text)),
    }
}

fn text_at(body: &Value, pointer: &str) -> Option<String> {
    match body.pointer(pointer)? {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn graphql_messages(body: &Value) -> Option<String> {
    let errors = body.get("errors")?.as_array()?;
    let messages: Vec<_> = errors.iter().filter_map(|error| error.get("message")?.as_str()).collect();
    (!messages.is_empty()).then(|| messages.join("; "))
}

fn plain_text(answer: &Answer) -> Option<String> {
    let media_type =
        answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_text = media_type.is_empty() || media_type.to_ascii_lowercase().starts_with("text/plain");
    let text = std::str::from_utf8(&answer.body).ok()?.trim();
    (is_text && !text.is_empty() && !text.starts_with('<')).then(|| shown(text))
}

/// Cut to a length, on one line, without control characters: a server's text must not steer a terminal.
fn shown(text: &str) -> String {
    let mut short = String::new();
    for (count, letter) in text.trim().chars().enumerate() {
        if count == LONGEST_MESSAGE {
            short.push('…');
            break;
        }
        if letter.is_control() { short.extend(letter.escape_default()) } else { short.push(letter) }
    }
    short
}

/// Whether a body is a GraphQL answer with errors.
pub(crate) fn has_graphql_errors(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Errors {
        #[serde(default)]
        errors: Option<Vec<serde::de::IgnoredAny>>,
    }
    serde_json::from_slice::<Errors>(body)
        .is_ok_and(|answer| answer.errors.is_some_and(|errors| !errors.is_empty()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use http::header::HeaderMap;

    use super::*;

    fn said(media_type: &str, body: &str, pointers: Option<&ErrorPointers>, graphql: bool) -> Said {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, media_type.parse().unwrap());
        let answer = Answer::new(400, headers, body.to_owned().into());
        read(&answer, pointers, graphql)
    }

    fn message(media_type: &str, body: &str) -> Option<String> {
        said(media_type, body, None, false).message
    }

    #[test]
    fn the_documents_pointers_come_first() {
        let pointer = |text: &str| Some(text.to_owned());
        let pointers = ErrorPointers {
            message: pointer("/errors/0/message"),
            code: pointer("/errors/0/code"),
            trace: pointer("/meta/trace_id"),
        };
        let body = r#"{"message": "m", "meta": {"trace_id": "t"}, "errors": [{"code": 403, "message": "access denied"}]}"#;
        let said = said("application/json", body, Some(&pointers), false);
        assert_eq!(said.message.as_deref(), Some("access denied"));
        assert_eq!(said.code.as_deref(), Some("403"));
        assert_eq!(said.trace_id.as_deref(), Some("t"));
    }

    #[test]
    fn custom_finds_the_usual_messages() {
        for body in [
            r#"{"message": "m"}"#,
            r#"{"error": {"message": "m"}}"#,
            r#"{"error": "invalid_client", "error_description": "m"}"#,
            r#"{"errors": ["m"]}"#,
            r#"{"type": "about:blank", "title": "t", "detail": "m"}"#,
            r#"{"error": "m"}"#,
        ] {
            assert_eq!(message("application/json", body).as_deref(), Some("m"), "{body}");
        }
        assert_eq!(message("application/json", r#"{"message": " "}"#), None);
        assert_eq!(message("application/json", "[]"), None);
    }

    #[test]
    fn a_body_that_is_too_large_for_a_message_is_not_read() {
        let padded = |length: usize| format!(r#"{{"message": "m"{}}}"#, " ".repeat(length - 16));
        let message = |length| message("application/json", &padded(length));
        assert_eq!((message(1 << 20).as_deref(), message((1 << 20) + 1)), (Some("m"), None));
    }

    #[test]
    fn text_is_shown_cut_and_escaped_and_html_is_not() {
        assert_eq!(
            message("text/plain; charset=UTF-8", "The supplied authentication is invalid\n").as_deref(),
            Some("The supplied authentication is invalid")
        );
        assert_eq!(message("text/plain", "a\u{1b}[31mb\nc").as_deref(), Some("a\\u{1b}[31mb\\nc"));
        assert_eq!(message("text/plain", &"x".repeat(600)).unwrap().chars().count(), 513);
        assert_eq!(message("text/html", "<html>no</html>"), None);
        assert_eq!(message("text/plain", "<html>no</html>"), None);
        assert_eq!(message("application/octet-stream", "abc"), None);
    }

    #[test]
    fn graphql_messages_are_all_shown() {
        let body = r#"{"errors": [{"message": "a"}, {"message": "b"}]}"#;
        assert_eq!(said("application/json", body, None, true).message.as_deref(), Some("a; b"));
        assert!(has_graphql_errors(body.as_bytes()));
        for body in [r#"{"errors": []}"#, r#"{"errors": null}"#, r#"{"data": 1}"#, "no", ""] {
            assert!(!has_graphql_errors(body.as_bytes()), "{body}");
        }
    }
}
