//! How to sign in to a remembered service: as the command line and the configuration write it, and what becomes of it.

use opcall::operation::{SchemeKind, SecuritySchemeDef};
use opcall::{Credentials, Location, Profile};
use serde_json::{Map, Value, json};

use super::reference::{Placing, Reference, literal};
use crate::report::Failure;

/// The name of the security scheme that is laid under a document which declares none of the kind.
const LAID: &str = "remembered";

/// How to sign in; no variant holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Auth {
    /// A key in a header, the query or a cookie.
    ApiKey { location: Location, name: String, value: Reference },
    /// An access token.
    Bearer { value: Reference },
    /// A user name and a password.
    Basic { username: String, password: Reference },
    /// Client credentials (RFC 6749 §4.4).
    OAuth2 { client_id: String, client_secret: Reference, token_url: Option<String> },
}

/// The forms of `--auth`.
const FORMS: &str = "write api-key:[query.|cookie.]NAME=REF, bearer=REF, basic:USER=REF or oauth2:CLIENT_ID=REF, \
                     where REF is env:VARIABLE or file:PATH.";

impl Auth {
    /// Reads what `--auth` takes.
    ///
    /// # Errors
    /// Where it is none, or holds a secret itself.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = |problem: &str| Failure::usage(format!("--auth: {problem}"), Some(FORMS.to_owned()));
        let (head, value) = text.split_once('=').ok_or_else(|| wrong("it has no `=`"))?;
        let (kind, name) = head.split_once(':').unwrap_or((head, ""));
        let value = Reference::parse(value).ok_or_else(|| wrong(&literal("the secret").0))?;
        match (kind, name) {
            ("bearer", "") => Ok(Self::Bearer { value }),
            ("api-key" | "basic" | "oauth2", "") => Err(wrong(&format!("{kind} lacks a name"))),
            ("api-key", name) => {
                let (location, name) = match name.split_once('.') {
                    Some(("query", name)) => (Location::Query, name),
                    Some(("cookie", name)) => (Location::Cookie, name),
                    Some(("header", name)) => (Location::Header, name),
                    _ => (Location::Header, name),
                };
                Ok(Self::ApiKey { location, name: name.to_owned(), value })
            }
            ("basic", name) => Ok(Self::Basic { username: name.to_owned(), password: value }),
            ("oauth2", id) => {
                Ok(Self::OAuth2 { client_id: id.to_owned(), client_secret: value, token_url: None })
            }
            _ => Err(wrong("its type is none")),
        }
    }

    /// The same, its files at the places that are meant by their paths.
    ///
    /// # Errors
    /// Where such a place cannot be told.
    pub(crate) fn placed(self, place: Placing<'_>) -> Result<Self, Failure> {
        Ok(match self {
            Self::ApiKey { location, name, value } => {
                Self::ApiKey { location, name, value: value.placed(place)? }
            }
            Self::Bearer { value } => Self::Bearer { value: value.placed(place)? },
            Self::Basic { username, password } => {
                Self::Basic { username: placed(username, place)?, password: password.placed(place)? }
            }
            Self::OAuth2 { client_id, client_secret, token_url } => Self::OAuth2 {
                client_id: placed(client_id, place)?,
                client_secret: client_secret.placed(place)?,
                token_url,
            },
        })
    }

    /// The type, as the configuration names it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::ApiKey { .. } => "api-key",
            Self::Bearer { .. } => "bearer",
            Self::Basic { .. } => "basic",
            Self::OAuth2 { .. } => "oauth2",
        }
    }

    /// Its members as the configuration has them, the type excepted.
    pub(crate) fn members(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::ApiKey { location, name, value } => {
                vec![("in", location.as_str().into()), ("name", name.clone()), ("value", value.to_string())]
            }
            Self::Bearer { value } => vec![("value", value.to_string())],
            Self::Basic { username, password } => {
                vec![("username", username.clone()), ("password", password.to_string())]
            }
            Self::OAuth2 { client_id, client_secret, token_url } => {
                let mut members =
                    vec![("client_id", client_id.clone()), ("client_secret", client_secret.to_string())];
                members.extend(token_url.iter().map(|url| ("token_url", url.clone())));
                members
            }
        }
    }

    /// One line on it.
    pub(crate) fn in_words(&self) -> String {
        match self {
            Self::ApiKey { location, name, value } => {
                format!("api-key in {} {name}, from {value}", location.as_str())
            }
            Self::Bearer { value } => format!("bearer token from {value}"),
            Self::Basic { username, password } => format!("basic as {username}, password from {password}"),
            Self::OAuth2 { client_id, client_secret, .. } => {
                format!("oauth2 client {client_id}, secret from {client_secret}")
            }
        }
    }

    /// Whether it serves a scheme that a document declares.
    pub(crate) fn fits(&self, scheme: &SecuritySchemeDef) -> bool {
        match (self, &scheme.kind) {
            (Self::ApiKey { location, name, .. }, SchemeKind::ApiKey { location: there, name: other }) => {
                location == there
                    && (name == other || *location == Location::Header && name.eq_ignore_ascii_case(other))
            }
            (Self::Bearer { .. }, SchemeKind::Http { scheme }) => scheme == "bearer",
            (Self::Bearer { .. }, kind) => {
                matches!(
                    kind,
                    SchemeKind::OAuth2(_) | SchemeKind::OpenIdConnect { .. } | SchemeKind::Other { .. }
                )
            }
            (Self::Basic { .. }, SchemeKind::Http { scheme }) => scheme == "basic" || scheme == "digest",
            (Self::OAuth2 { .. }, kind) => {
                matches!(kind, SchemeKind::OAuth2(_) | SchemeKind::OpenIdConnect { .. })
            }
            _ => false,
        }
    }

    /// What is laid under a document that declares no scheme of the kind: one that every operation asks for, unless
    /// the document says what operations ask for.
    pub(crate) fn base(&self) -> Option<Map<String, Value>> {
        let (scheme, old) = match self {
            Self::ApiKey { location, name, .. } => {
                let scheme = json!({"type": "apiKey", "in": location.as_str(), "name": name});
                (scheme.clone(), scheme)
            }
            Self::Bearer { .. } => (
                json!({"type": "http", "scheme": "bearer"}),
                json!({"type": "oauth2", "flow": "implicit", "authorizationUrl": "", "scopes": {}}),
            ),
            Self::Basic { .. } => (json!({"type": "http", "scheme": "basic"}), json!({"type": "basic"})),
            Self::OAuth2 { token_url, .. } => {
                let flow = json!({"tokenUrl": token_url.as_ref()?, "scopes": {}});
                (
                    json!({"type": "oauth2", "flows": {"clientCredentials": flow}}),
                    json!({"type": "oauth2", "flow": "application", "tokenUrl": token_url, "scopes": {}}),
                )
            }
        };
        let base = json!({
            "components": {"securitySchemes": {LAID: scheme}},
            "securityDefinitions": {LAID: old},
            "security": [{LAID: []}],
        });
        if let Value::Object(base) = base { Some(base) } else { None }
    }

    /// Adds the credentials to a profile; `schemes` are those that it serves. Where a variable is not set nothing is
    /// added: the call says so if it needs them.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub(crate) fn sign_in(&self, profile: Profile, schemes: &[String]) -> Result<Profile, Failure> {
        let none = Credentials::new();
        let credentials = match self {
            Self::ApiKey { value, .. } => {
                let Some(key) = value.value()? else { return Ok(profile) };
                schemes.iter().fold(none, |all, scheme| all.scheme(scheme, key.clone()))
            }
            Self::Bearer { value } => {
                let Some(token) = value.value()? else { return Ok(profile) };
                none.access_token(token)
            }
            Self::Basic { username, password } => {
                let Some(password) = password.value()? else { return Ok(profile) };
                none.basic(text(username)?, password)
            }
            Self::OAuth2 { client_id, client_secret, .. } => {
                let Some(secret) = client_secret.value()? else { return Ok(profile) };
                none.client(text(client_id)?, secret)
            }
        };
        let profile = self.sources().into_iter().fold(profile.credentials(credentials), Profile::read_from);
        Ok(match self {
            Self::OAuth2 { token_url: Some(url), .. } => profile.token_url(url),
            _ => profile,
        })
    }

    /// Where the secret is, and the name to sign in by where it is no text of its own.
    fn sources(&self) -> Vec<String> {
        let (name, secret) = match self {
            Self::ApiKey { value, .. } | Self::Bearer { value } => (None, value),
            Self::Basic { username, password } => (Some(username), password),
            Self::OAuth2 { client_id, client_secret, .. } => (Some(client_id), client_secret),
        };
        let name = name.and_then(|name| Reference::parse(name)).map(|name| name.to_string());
        name.into_iter().chain([secret.to_string()]).collect()
    }

    /// The variable that must be set, where it is not.
    pub(crate) fn missing(&self) -> Option<&str> {
        let (Self::ApiKey { value, .. }
        | Self::Bearer { value }
        | Self::Basic { password: value, .. }
        | Self::OAuth2 { client_secret: value, .. }) = self;
        match value {
            Reference::Variable(name) if crate::session::variable(name).is_none() => Some(name),
            _ => None,
        }
    }
}

/// A name as it is written, its file, where it stands in one, at the place that is meant.
fn placed(written: String, place: Placing<'_>) -> Result<String, Failure> {
    match Reference::parse(&written) {
        Some(reference) => Ok(reference.placed(place)?.to_string()),
        None => Ok(written),
    }
}

/// A name that is no secret: it may stand there itself, or elsewhere too.
fn text(written: &str) -> Result<String, Failure> {
    match Reference::parse(written) {
        Some(reference) => reference.required("the name to sign in by"),
        None => Ok(written.to_owned()),
    }
}

/// The names of the schemes that are served by what is laid under a document.
pub(crate) fn laid() -> Vec<String> {
    vec![LAID.to_owned()]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn the_command_lines_form_is_read() {
        for (written, words) in [
            ("api-key:X-API-Key=env:K", "api-key in header X-API-Key, from env:K"),
            ("api-key:query.key=file:/k", "api-key in query key, from file:/k"),
            ("api-key:cookie.sid=env:K", "api-key in cookie sid, from env:K"),
            ("api-key:x.y=env:K", "api-key in header x.y, from env:K"),
            ("bearer=env:T", "bearer token from env:T"),
            ("basic:ann=env:P", "basic as ann, password from env:P"),
            ("oauth2:env:ID=env:S", "oauth2 client env:ID, secret from env:S"),
        ] {
            assert_eq!(Auth::parse(written).unwrap().in_words(), words, "{written}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        for (written, problem) in [
            ("bearer=s3cret", "the secret must not stand there itself: say where it is"),
            ("api-key:X=s3cret", "the secret must not stand there itself: say where it is"),
            ("api-key=env:K", "api-key lacks a name"),
            ("digest:a=env:K", "its type is none"),
            ("s3cret", "it has no `=`"),
        ] {
            let failure = Auth::parse(written).unwrap_err();
            assert_eq!(failure.to_string(), format!("--auth: {problem}"));
            assert!(!format!("{failure:?}").contains("s3cret"), "{failure:?}");
        }
    }
}
