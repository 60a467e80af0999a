//! Keeps secrets out of errors that tell what a service said: one may repeat in its refusal what it was sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::{Grant, SignInError};
use crate::error::{AuthError, Error};
use crate::profile::Credentials;
use crate::request::{Place, Placement, Request};

/// What stands in the place of a secret.
const REDACTED: &str = "<redacted>";

/// Shorter ones stand in texts by chance.
const SHORTEST: usize = 4;

/// The secrets that a request carried. They are looked for when an error has to be told.
#[derive(Clone, Default)]
pub(crate) struct Carried(Vec<SecretString>);

impl Carried {
    /// Those of a request with the grants that it was sent with.
    pub(crate) fn by(request: &Request, grants: &[Grant]) -> Self {
        let mut carried = Self::default();
        for secret in grants.iter().flat_map(|grant| grant.secrets()) {
            carried.add(secret.expose_secret());
            carried.add_authorization(secret.expose_secret());
        }
        for (name, value) in &request.headers {
            let is_given =
                |one: &Placement| matches!(&one.place, Place::Header { name: known, .. } if known == name);
            match name.as_str() {
                "cookie" => value
                    .split("; ")
                    .filter_map(|pair| pair.split_once('='))
                    .for_each(|(_, value)| carried.add(value)),
                "authorization" | "proxy-authorization" => carried.add_authorization(value),
                _ if request.given.iter().any(is_given) => carried.add(value),
                _ => {}
            }
        }
        let query = request.url.split_once('?').map_or("", |(_, query)| query);
        for placement in &request.given {
            let Place::Query { name } = &placement.place else { continue };
            let values = form_urlencoded::parse(query.as_bytes()).filter(|(known, _)| known == name);
            values.for_each(|(_, value)| carried.add(&value));
        }
        carried
    }

    /// Those of a token request.
    pub(crate) fn of(credentials: &Credentials, token: Option<&SecretString>) -> Self {
        let mut carried = Self::default();
        if let Some(token) = token {
            carried.add(token.expose_secret());
        }
        if let Some((id, secret)) = &credentials.client {
            carried.add(secret.expose_secret());
            for pair in
                [super::source::client_credentials(id, secret), super::source::basic_credentials(id, secret)]
            {
                carried.add(pair.expose_secret());
            }
        }
        carried
    }

    /// What stands behind the name of a scheme; of `Basic` credentials also the password (RFC 7617 §2).
    fn add_authorization(&mut self, text: &str) {
        let (_, credentials) = text.split_once(' ').unwrap_or(("", text));
        self.add(credentials);
        if let Some(plain) = BASE64.decode(credentials).ok().and_then(|plain| String::from_utf8(plain).ok())
            && let Some((_, password)) = Zeroizing::new(plain).split_once(':')
        {
            self.add(password);
        }
    }

    fn add(&mut self, secret: &str) {
        if secret.len() >= SHORTEST && !self.0.iter().any(|known| known.expose_secret() == secret) {
            self.0.push(secret.into());
        }
    }

    /// The spellings in which an answer may repeat them, the longest first.
    fn spellings(&self) -> Vec<SecretString> {
        let mut all: Vec<_> = self.0.iter().flat_map(|secret| spelled(secret.expose_secret())).collect();
        all.sort_by_key(|spelling| std::cmp::Reverse(spelling.expose_secret().len()));
        all
    }

    /// Takes the secrets out of what an error says.
    pub(crate) fn conceal(&self, error: Error) -> Error {
        match error {
            Error::Refused(mut refused) => {
                let said = [&mut refused.message, &mut refused.code, &mut refused.trace_id];
                self.hide_in(said.into_iter().flatten());
                Error::Refused(refused)
            }
            Error::Auth(error) => self.of_auth(*error).into(),
            other => other,
        }
    }

    /// The same for a failure of signing in.
    pub(crate) fn conceal_sign_in(&self, error: SignInError) -> SignInError {
        if let SignInError::Auth(error) = error { self.of_auth(error).into() } else { error }
    }

    fn of_auth(&self, mut error: AuthError) -> AuthError {
        let AuthError { problem, hint, trace_id, .. } = &mut error;
        self.hide_in([Some(problem), hint.as_mut(), trace_id.as_mut()].into_iter().flatten());
        error
    }

    fn hide_in<'t>(&self, texts: impl Iterator<Item = &'t mut String>) {
        let spellings = self.spellings();
        for text in texts {
            for spelling in &spellings {
                hide(spelling.expose_secret(), text);
            }
        }
    }
}

fn spelled(secret: &str) -> [SecretString; 5] {
    const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    let percent = utf8_percent_encode(secret, UNRESERVED).to_string();
    let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    [secret.to_owned(), percent.to_ascii_lowercase(), percent, form, BASE64.encode(secret)]
        .map(SecretString::from)
}

fn hide(spelling: &str, text: &mut String) {
    if text.contains(spelling) {
        *text = text.replace(spelling, REDACTED);
    }
    // A text that was cut may end in the first half of one.
    if let Some(whole) = text.strip_suffix('…')
        && let Some(at) = start_of(whole, spelling)
    {
        text.truncate(at);
        text.push_str(REDACTED);
        text.push('…');
    }
}

/// Where the first letters of a secret stand at the end of a text.
fn start_of(text: &str, secret: &str) -> Option<usize> {
    let ends = secret.char_indices().map(|(at, _)| at).filter(|at| *at >= SHORTEST);
    ends.rev().find(|end| text.ends_with(&secret[..*end])).map(|end| text.len() - end)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;

    fn carried(secrets: &[&str]) -> Carried {
        let mut carried = Carried::default();
        for secret in secrets {
            carried.add(secret);
        }
        carried
    }

    fn hidden(secrets: &[&str], text: &str) -> String {
        let mut text = text.to_owned();
        carried(secrets).hide_in(std::iter::once(&mut text));
        text
    }

    #[test]
    fn every_spelling_is_hidden() {
        for text in ["s/cret+1", "s%2Fcret%2B1", "s%2fcret%2b1", "cy9jcmV0KzE="] {
            assert_eq!(hidden(&["s/cret+1"], &format!("key '{text}' is wrong")), "key '<redacted>' is wrong");
        }
        assert_eq!(hidden(&["a b c"], "a+b+c, a%20b%20c"), "<redacted>, <redacted>");
        assert_eq!(hidden(&["abcd", "abcdef"], "abcdef abcd"), "<redacted> <redacted>");
        assert_eq!(hidden(&["abc"], "abc"), "abc", "a short one stands in words by chance");
    }

    #[test]
    fn half_a_secret_at_the_end_of_a_cut_text_is_hidden() {
        assert_eq!(hidden(&["0123456789"], "it was 01234567…"), "it was <redacted>…");
        assert_eq!(hidden(&["0123456789"], "it was 012…"), "it was 012…");
        assert_eq!(hidden(&["0123456789"], "it was 01234567"), "it was 01234567", "nothing was cut");
        assert_eq!(hidden(&["ééééé"], "é éééé…"), "é <redacted>…");
    }

    #[test]
    fn basic_credentials_hold_a_password() {
        let mut carried = Carried::default();
        carried.add_authorization("Basic dXNlcjpwYXNzd29yZA==");
        let mut text = "dXNlcjpwYXNzd29yZA== is user and password".to_owned();
        carried.hide_in(std::iter::once(&mut text));
        assert_eq!(text, "<redacted> is user and <redacted>");
    }
}
