//! Keeps secrets out of errors that tell what a service said: one may repeat in its refusal what it was sent.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::{Grant, SignInError};
use crate::boxed::boxed;
use crate::error::{AuthError, Error, UnsafeError};
use crate::operation::header;
use crate::profile::Credentials;
use crate::request::{Place, Placement, Request};
use crate::transport::Transport;

/// What stands in the place of a secret.
const REDACTED: &str = "<redacted>";

/// Shorter ones stand in texts by chance.
const SHORTEST: usize = 4;

/// The secrets that a call carried. They are looked for when an error has to be told.
#[derive(Clone, Default)]
pub(crate) struct Carried {
    /// The last request of a call, without its body, which may be large and is not looked at.
    last: Option<Box<Request>>,
    /// What signed it in, the last first.
    grants: [Option<Arc<Grant>>; 2],
    others: Option<Arc<[SecretString]>>,
}

impl Carried {
    /// Those of a request with what signed it in, and what proxies on the way are told: their answers cannot be told
    /// from those of the server.
    pub(crate) fn by(mut request: Request, grants: [Option<Arc<Grant>>; 2], transport: &Transport) -> Self {
        request.body = None;
        let others = if transport.has_no_proxy() { None } else { Some(transport.proxy_secrets().collect()) };
        Self { last: Some(boxed!(request)), grants, others }
    }

    /// Those of a token request.
    pub(crate) fn of(credentials: &Credentials, token: Option<&SecretString>, transport: &Transport) -> Self {
        let mut all: Vec<_> = token.cloned().into_iter().collect();
        if let Some((id, secret)) = &credentials.client {
            all.push(secret.clone());
            all.push(super::source::client_credentials(id, secret));
            all.push(super::source::basic_credentials(id, secret));
        }
        all.extend(transport.proxy_secrets());
        Self { others: Some(all.into()), ..Self::default() }
    }

    /// Those of the fetching of a document: what its header fields say, and the values of its address's query.
    pub(crate) fn of_fetch(headers: &HeaderMap, url: &Url, transport: &Transport) -> Self {
        let mut secrets = Secrets::default();
        for value in headers.values().filter_map(|value| value.to_str().ok()) {
            secrets.add(value);
            secrets.add_authorization(value);
        }
        url.query_pairs().for_each(|(_, value)| secrets.add(&value));
        transport.proxy_secrets().for_each(|secret| secrets.add(secret.expose_secret()));
        Self { others: Some(secrets.0.into()), ..Self::default() }
    }

    /// Takes those of a request that goes out out of an address that a service named.
    pub(crate) fn hide(
        request: &Request,
        grants: [Option<&Grant>; 2],
        transport: &Transport,
        mut address: String,
    ) -> String {
        let mut secrets = Secrets::default();
        secrets.add_request(request, grants);
        transport.proxy_secrets().for_each(|secret| secrets.add(secret.expose_secret()));
        secrets.hide_in(std::iter::once(&mut address));
        address
    }

    /// The last request, without credentials.
    pub(crate) fn request(&self) -> Option<&Request> {
        self.last.as_deref()
    }

    /// The address of the last request, without credentials.
    pub(crate) fn url(&self) -> &str {
        self.last.as_ref().map_or("", |request| &request.url)
    }

    fn secrets(&self) -> Secrets {
        let mut secrets = Secrets::default();
        if let Some(request) = &self.last {
            secrets.add_request(request, self.grants.each_ref().map(Option::as_deref));
        }
        self.others
            .iter()
            .flat_map(|others| others.iter())
            .for_each(|secret| secrets.add(secret.expose_secret()));
        secrets
    }

    /// Takes the secrets out of what an error says.
    pub(crate) fn conceal(&self, error: Error) -> Error {
        match error {
            Error::Refused(mut refused) => {
                let location = refused.response.location_mut();
                let said = [&mut refused.message, &mut refused.code, &mut refused.trace_id];
                self.hide_in(said.into_iter().flatten().chain(location));
                Error::Refused(refused)
            }
            Error::Auth(error) => self.of_auth(*error).into(),
            Error::HeldBack(mut held) => {
                held.url = self.conceal_text(held.url);
                Error::HeldBack(held)
            }
            Error::Unsafe(error) => self.of_unsafe(*error).into(),
            Error::Decode(mut error) => {
                self.hide_in([&mut error.media_type, &mut error.problem].into_iter());
                error.source = error.source.map(|source| self.of_parser(source));
                Error::Decode(error)
            }
            Error::Unfinished(mut unfinished) => {
                unfinished.cause = self.conceal(unfinished.cause);
                Error::Unfinished(unfinished)
            }
            other => other,
        }
    }

    /// Takes them out of what a service named.
    pub(crate) fn conceal_text(&self, mut address: String) -> String {
        self.hide_in(std::iter::once(&mut address));
        address
    }

    /// The same for a failure of signing in.
    pub(crate) fn conceal_sign_in(&self, error: SignInError) -> SignInError {
        match error {
            SignInError::Auth(error) => self.of_auth(*error).into(),
            SignInError::Unsafe(error) => self.of_unsafe(error).into(),
            SignInError::Own(error) => self.conceal_sign_in(*error).own(),
            other => other,
        }
    }

    fn of_unsafe(&self, mut error: UnsafeError) -> UnsafeError {
        self.hide_in([Some(&mut error.problem), error.hint.as_mut()].into_iter().flatten());
        error
    }

    /// A parser quotes what it does not expect.
    fn of_parser(&self, error: serde_json::Error) -> serde_json::Error {
        let said = error.to_string();
        let concealed = self.conceal_text(said.clone());
        if concealed == said { error } else { serde::de::Error::custom(concealed) }
    }

    fn of_auth(&self, mut error: AuthError) -> AuthError {
        let AuthError { problem, hint, trace_id, .. } = &mut error;
        self.hide_in([Some(problem), hint.as_mut(), trace_id.as_mut()].into_iter().flatten());
        error
    }

    /// Takes them out of several texts.
    pub(crate) fn hide_in<'t>(&self, texts: impl Iterator<Item = &'t mut String>) {
        self.secrets().hide_in(texts);
    }
}

/// Texts that no error may repeat.
#[derive(Default)]
struct Secrets(Vec<SecretString>);

impl Secrets {
    fn add_request(&mut self, request: &Request, grants: [Option<&Grant>; 2]) {
        for secret in grants.into_iter().flatten().flat_map(Grant::secrets) {
            self.add(secret.expose_secret());
            self.add_authorization(secret.expose_secret());
        }
        for (name, value) in request.headers.iter() {
            let is_given =
                |one: &Placement| matches!(&one.place, Place::Header { name: known, .. } if known == name);
            match name.as_str() {
                "cookie" => {
                    let pairs = value.split("; ").filter_map(|pair| pair.split_once('='));
                    pairs.for_each(|(_, value)| self.add(value));
                }
                name if header::is_authorization(name) => self.add_authorization(value),
                _ if request.given.iter().any(is_given) => self.add(value),
                _ => {}
            }
        }
        let query = request.url.split_once('?').map_or("", |(_, query)| query);
        for placement in &request.given {
            let Place::Query { name } = &placement.place else { continue };
            let values = form_urlencoded::parse(query.as_bytes()).filter(|(known, _)| known == name);
            values.for_each(|(_, value)| self.add(&value));
        }
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

    fn hide_in<'t>(&self, texts: impl Iterator<Item = &'t mut String>) {
        let spellings = self.spellings();
        for text in texts {
            for spelling in &spellings {
                hide(spelling.expose_secret(), text);
            }
            for secret in &self.0 {
                hide_encoded(secret.expose_secret(), text);
            }
        }
    }
}

fn spelled(secret: &str) -> [SecretString; 8] {
    const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    let percent = utf8_percent_encode(secret, UNRESERVED).to_string();
    let all = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    // In a text of a programming language, and in JSON as some write it (RFC 8259 §7).
    let (escaped, solidus) = (secret.escape_debug().to_string(), secret.replace('/', "\\/"));
    let lower = percent.to_ascii_lowercase();
    [secret.to_owned(), lower, percent, all, form, BASE64.encode(secret), escaped, solidus]
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

/// Which letters are percent-encoded, and in which case, is up to whoever encodes (RFC 3986 §2.1).
fn hide_encoded(secret: &str, text: &mut String) {
    let starts = text.char_indices().map(|(start, _)| start);
    let found: Vec<_> = starts
        .filter_map(|start| Some(start..start + encoded_length(&text.as_bytes()[start..], secret)?))
        .collect();
    let mut end = text.len();
    for place in found.into_iter().rev().filter(|place| text.is_char_boundary(place.end)).collect::<Vec<_>>()
    {
        if place.end <= end {
            end = place.start;
            text.replace_range(place, REDACTED);
        }
    }
}

/// How much of a text is a secret, whose letters may each be percent-encoded, so many times as addresses were put into
/// addresses.
fn encoded_length(text: &[u8], secret: &str) -> Option<usize> {
    let mut length = 0;
    for byte in secret.bytes() {
        let rest = text.get(length..)?;
        let encoded = rest.strip_prefix(b"%").and_then(|rest| escaped(rest, byte));
        length += match (encoded, rest) {
            (Some(length), _) => 1 + length,
            (None, [b'+', ..]) if byte == b' ' => 1,
            (None, [same, ..]) if *same == byte => 1,
            _ => return None,
        };
    }
    Some(length)
}

/// How much of what stands behind a percent sign means a byte: the sign itself may be encoded in turn, as `%25`.
fn escaped(text: &[u8], byte: u8) -> Option<usize> {
    let mut at = 0;
    loop {
        let pair = text.get(at..at + 2)?;
        if hex(pair[0], pair[1]) == Some(byte) {
            return Some(at + 2);
        }
        if pair != b"25" {
            return None;
        }
        at += 2;
    }
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
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

    fn carried(secrets: &[&str]) -> Secrets {
        let mut carried = Secrets::default();
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
    fn a_secret_is_found_however_often_it_was_encoded() {
        let mut text = "a/+= b%c".to_owned();
        for _ in 0..4 {
            text = utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string();
            let mut told = format!("https://h/x%20{text}%20y");
            hide_encoded("a/+= b", &mut told);
            assert!(told.starts_with("https://h/x%20<redacted>%25"), "{told}");
        }
        let mut told = "%2541 %252541 %25".to_owned();
        hide_encoded("%41", &mut told);
        assert_eq!(told, "<redacted> %252541 %25");
    }

    #[test]
    fn every_spelling_is_hidden() {
        for text in ["s/cret+1", "s%2Fcret%2B1", "s%2fcret%2b1", "cy9jcmV0KzE=", "s\\/cret+1"] {
            assert_eq!(hidden(&["s/cret+1"], &format!("key '{text}' is wrong")), "key '<redacted>' is wrong");
        }
        assert_eq!(hidden(&["s~c.r%1é"], "s%7Ec%2er%251%C3%a9 s~c.r%1é"), "<redacted> <redacted>");
        assert_eq!(hidden(&["abab"], "ababab abab%61b"), "<redacted>ab <redacted>%61b");
        assert_eq!(hidden(&["a b c"], "a+b+c, a%20b%20c"), "<redacted>, <redacted>");
        assert_eq!(hidden(&["a\"b\\c"], r#"a\"b\\c"#), "<redacted>");
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
        let mut carried = Secrets::default();
        carried.add_authorization("Basic dXNlcjpwYXNzd29yZA==");
        let mut text = "dXNlcjpwYXNzd29yZA== is user and password".to_owned();
        carried.hide_in(std::iter::once(&mut text));
        assert_eq!(text, "<redacted> is user and <redacted>");
    }

    #[test]
    fn a_plus_sign_is_a_space_and_nothing_else() {
        assert_eq!(hidden(&["ab cd"], "%61b+cd"), "<redacted>");
        assert_eq!(hidden(&["abcd"], "a+cd +bcd"), "a+cd +bcd");
    }

    #[test]
    fn of_a_request_what_was_given_as_a_secret_is_hidden_and_nothing_else() {
        let given = |place| Placement { scheme: "s".to_owned(), place, variables: Vec::new() };
        let header = |name: &str| Place::Header { name: name.to_owned(), prefix: String::new() };
        let fields = [
            ("accept", "text/plain"),
            ("x-key", "k-12345"),
            ("authorization", "Bearer t-12345"),
            ("cookie", "sid=c-12345"),
        ];
        let fields: Vec<_> =
            fields.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let request = Request {
            operation: None,
            method: crate::operation::Method::Get,
            url: "https://h.example/?key=q-12345&page=first".to_owned(),
            headers: fields.into(),
            body: None,
            credentials: Arc::default(),
            given: vec![
                given(header("x-key")),
                given(header("authorization")),
                given(Place::Query { name: "key".to_owned() }),
            ],
            warnings: Vec::new(),
        };
        let transport = Transport::new(crate::transport::Settings::default()).unwrap();
        let grant = Grant::fixed("s", "g-12345");
        let text = "g-12345, k-12345, t-12345, c-12345, q-12345; text/plain, first".to_owned();
        let told = Carried::hide(&request, [Some(&grant), None], &transport, text);
        assert_eq!(told, "<redacted>, <redacted>, <redacted>, <redacted>, <redacted>; text/plain, first");
    }

    #[test]
    fn of_the_fetching_of_a_document_fields_and_query_are_hidden() {
        let fields = HeaderMap::from_iter([(http::header::AUTHORIZATION, "Bearer t-12345".parse().unwrap())]);
        let url = Url::parse("https://h.example/specs/pets.json?key=q-12345").unwrap();
        let transport = Transport::new(crate::transport::Settings::default()).unwrap();
        let carried = Carried::of_fetch(&fields, &url, &transport);
        let told = carried.conceal_text("t-12345 and q-12345 of pets.json".to_owned());
        assert_eq!(told, "<redacted> and <redacted> of pets.json");
    }

    #[test]
    fn what_a_service_names_is_told_without_what_a_request_carried() {
        let transport = Transport::new(crate::transport::Settings::default()).unwrap();
        let carried = Carried::of(&Credentials::new(), Some(&"s3cret".into()), &transport);
        assert_eq!(carried.conceal_text("https://h/s3cret/x".to_owned()), "https://h/<redacted>/x");
        assert_eq!(carried.conceal_text("https://h/x".to_owned()), "https://h/x");
    }
}
