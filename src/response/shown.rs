//! The header fields of an answer as they may be shown: a service may set secrets in them, and repeat ours.

use http::header::{HeaderMap, SET_COOKIE};

use crate::auth::Carried;
use crate::operation::header;

/// What stands in the place of a secret.
const REDACTED: &str = "<redacted>";

/// Names and values, without what the call carried, cookies, and what a name says is a credential.
pub(super) fn shown<'h>(headers: &'h HeaderMap, carried: &Carried) -> Vec<(&'h str, String)> {
    let mut shown: Vec<_> = headers
        .iter()
        .map(|(name, value)| {
            let text = || String::from_utf8_lossy(value.as_bytes()).into_owned();
            let value = match name.as_str() {
                _ if *name == SET_COOKIE => without_value(&text()),
                name if header::is_secret(name) => REDACTED.to_owned(),
                _ => text(),
            };
            (name.as_str(), value)
        })
        .collect();
    carried.hide_in(shown.iter_mut().map(|(_, value)| value));
    shown
}

/// A cookie with its name and its attributes (RFC 6265 §4.1.1).
fn without_value(cookie: &str) -> String {
    let (pair, attributes) = cookie.split_at(cookie.find(';').unwrap_or(cookie.len()));
    let name = pair.split_once('=').map_or("", |(name, _)| name);
    format!("{name}={REDACTED}{attributes}")
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::shown;
    use crate::auth::Carried;

    #[test]
    fn secrets_of_a_service_are_not_shown() {
        let fields = [
            ("content-type", "text/plain"),
            ("set-cookie", "session=CANARY; Path=/; HttpOnly"),
            ("set-cookie", "CANARY"),
            ("x-amz-security-token", "CANARY"),
        ];
        let headers: HeaderMap = fields
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .into_iter()
            .collect();
        let shown = shown(&headers, &Carried::default());
        let lines: Vec<_> = shown.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(
            lines,
            [
                "content-type: text/plain",
                "set-cookie: session=<redacted>; Path=/; HttpOnly",
                "set-cookie: =<redacted>",
                "x-amz-security-token: <redacted>"
            ]
        );
    }
}
