//! The last step before sending: the secrets are put on, and the request is bound to its origin.

use std::borrow::Cow;

use http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use url::{Position, Url};
use zeroize::{Zeroize as _, Zeroizing};

use super::source::names_its_scheme;
use super::{Grant, KnownPath};
use crate::error::UnsafeError;
use crate::profile::PlainHttp;
use crate::request::{Place, Placement, Request};
use crate::transport;

/// RFC 3986 §2.3: letters, digits and `-._~` pass, all else is encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where the credentials of a call may go.
pub(crate) struct Target<'a> {
    /// The call's address: the one that the user named, or the document for the operation.
    pub(crate) address: Option<&'a Url>,
    /// The same with the operation's path, where no argument is a part of it.
    pub(crate) path: Option<&'a KnownPath>,
    /// Which servers may have them over plain http.
    pub(crate) plain_http: PlainHttp,
}

impl Target<'_> {
    /// Refuses an origin that credentials were not configured for.
    pub(crate) fn check(&self, url: &Url) -> Result<(), UnsafeError> {
        if !self.address.is_some_and(|address| is_same_origin(address, url)) {
            return Err(UnsafeError {
                problem: format!("credentials would go to {}", url.origin().ascii_serialization()),
                hint: Some("set that address as the base URL if it is meant to have them.".to_owned()),
                ..UnsafeError::default()
            });
        }
        check_encrypted(url, self.plain_http)
    }
}

/// Refuses credentials over plain http to another machine.
pub(crate) fn check_encrypted(url: &Url, plain_http: PlainHttp) -> Result<(), UnsafeError> {
    if plain_http.is_safe(url) {
        return Ok(());
    }
    Err(UnsafeError {
        problem: format!("credentials would go unencrypted to {}", url.origin().ascii_serialization()),
        hint: Some("use https, or allow plain http if the network between is yours.".to_owned()),
        ..UnsafeError::default()
    })
}

/// The URL of a request as it goes out, its secrets on. Its header fields are written into `headers`, unless they are
/// there already, secrets among them (`is_ready`).
pub(crate) fn seal(
    request: &Request,
    grant: &Grant,
    target: &Target<'_>,
    (headers, is_ready): (&mut HeaderMap, bool),
) -> Result<Url, UnsafeError> {
    if is_ready {
        return bound(request, grant, target, (&request.url, headers));
    }
    let mut url = Zeroized(Cow::Borrowed(&request.url));
    *headers = signed(request, grant, &mut url.0)?;
    if request.body.is_none() {
        transport::complete(headers);
    }
    bound(request, grant, target, (&*url.0, headers))
}

/// The header fields of a request with its secrets in them; those of the query are put into the URL. Hardly a call has
/// not those of the one before.
#[cold]
fn signed(request: &Request, grant: &Grant, url: &mut Cow<'_, str>) -> Result<HeaderMap, UnsafeError> {
    let mut headers = header_map(&request.headers)?;
    conceal(&mut headers, &request.given);
    for placement in &*request.credentials {
        let Some(secret) = grant.secret(&placement.scheme) else { continue };
        match &placement.place {
            Place::Header { name, prefix } => {
                headers.insert(header_name(name)?, secret_value(name, prefix, secret)?);
            }
            Place::Query { name } => add_to_query(url.to_mut(), name, secret),
            Place::Cookie { name } => add_cookie(&mut headers, name, secret)?,
        }
    }
    Ok(headers)
}

/// A URL that may hold a secret.
struct Zeroized<'u>(Cow<'u, str>);

impl Drop for Zeroized<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(text) = &mut self.0 {
            text.zeroize();
        }
    }
}

/// The URL of a text, bound to where its credentials may go; what depends on it is written into the header fields.
fn bound(
    request: &Request,
    grant: &Grant,
    target: &Target<'_>,
    (text, headers): (&str, &mut HeaderMap),
) -> Result<Url, UnsafeError> {
    let known = target.path.and_then(|path| path.with_query(text));
    // What is known of its path is known of its origin.
    let is_safe = known.is_some() && target.path.is_some_and(|path| path.is_safe);
    let url = match known {
        Some(url) => url,
        None => parsed(target, text)?,
    };
    if !is_safe {
        check(request, target, (&url, headers))?;
    }
    if grant.is_digest() {
        answer(request, grant, (&url, headers))?;
    }
    Ok(url)
}

/// Refuses a URL that the secrets of a request may not go to.
fn check(
    request: &Request,
    target: &Target<'_>,
    (url, headers): (&Url, &HeaderMap),
) -> Result<(), UnsafeError> {
    if !request.credentials.is_empty() {
        target.check(url)?;
    } else if !request.given.is_empty() || headers.values().any(HeaderValue::is_sensitive) {
        // The caller's own secrets go where the caller sends them, but not for all to read.
        check_encrypted(url, target.plain_http).map_err(|error| UnsafeError {
            problem: format!("{}: {}", error.problem, given_by_hand(request, headers)),
            ..error
        })?;
    }
    Ok(())
}

/// Answers a digest challenge, where one is known.
#[cold]
fn answer(
    request: &Request,
    grant: &Grant,
    (url, headers): (&Url, &mut HeaderMap),
) -> Result<(), UnsafeError> {
    for placement in &*request.credentials {
        let Place::Header { name, prefix } = &placement.place else { continue };
        if let Some(answer) = grant.answer(&placement.scheme, request.method.as_str(), target_of(url)) {
            headers.insert(header_name(name)?, secret_value(name, prefix, &answer.into())?);
        }
    }
    Ok(())
}

/// What the caller has put into a request by hand that is secret, by name.
#[cold]
fn given_by_hand(request: &Request, headers: &HeaderMap) -> String {
    let mut names: Vec<_> = request.given.iter().map(|one| one.place.to_string()).collect();
    let secret = headers.iter().filter(|(_, value)| value.is_sensitive());
    names.extend(secret.map(|(name, _)| format!("the header {name}")));
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

/// The URL of a text on no known path.
#[inline(never)]
fn parsed(target: &Target<'_>, text: &str) -> Result<Url, UnsafeError> {
    match target.address.and_then(|address| below(address, text)) {
        Some(url) => Ok(url),
        None => parse_exactly(text),
    }
}

/// The request target: path and query as they stand on the request line (RFC 9112 §3.2.1).
fn target_of(url: &Url) -> &str {
    &url[Position::BeforePath..Position::AfterQuery]
}

/// Whether two URLs of http have one origin (RFC 6454 §5).
fn is_same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// A URL on the host of another one, which need not be taken apart again; `None` where it is not exactly that.
fn below(address: &Url, text: &str) -> Option<Url> {
    let rest = text.strip_prefix(&address[..Position::BeforePath]).filter(|rest| rest.starts_with('/'))?;
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    let mut url = address.clone();
    url.set_path(path);
    url.set_query(query);
    (url.as_str() == text).then_some(url)
}

/// The URL on the wire is the URL that was resolved, byte for byte: what the URL standard would rewrite is refused.
fn parse_exactly(text: &str) -> Result<Url, UnsafeError> {
    let shown = text.split(['?', '#']).next().unwrap_or_default();
    let refuse = |why: &str| UnsafeError {
        problem: format!("\"{shown}\" cannot be sent as it stands: {why}"),
        hint: Some("check the base URL and the path arguments.".to_owned()),
        ..UnsafeError::default()
    };
    let url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
    if url.as_str() != text {
        return Err(refuse(&format!(
            "it would become \"{}\"",
            url.as_str().split(['?', '#']).next().unwrap_or_default()
        )));
    }
    Ok(url)
}

fn header_map(pairs: &[(String, String)]) -> Result<HeaderMap, UnsafeError> {
    let mut headers = HeaderMap::with_capacity(pairs.len() + 1);
    for (name, value) in pairs {
        let value = HeaderValue::from_str(value).map_err(|_| bad_header(name))?;
        headers.append(header_name(name)?, value);
    }
    for name in [http::header::AUTHORIZATION, COOKIE, http::header::PROXY_AUTHORIZATION] {
        if let http::header::Entry::Occupied(mut entry) = headers.entry(name) {
            entry.iter_mut().for_each(|value| value.set_sensitive(true));
        }
    }
    Ok(headers)
}

/// Values of the caller's own in the place of credentials are as secret as ours.
fn conceal(headers: &mut HeaderMap, given: &[Placement]) {
    for placement in given {
        let Place::Header { name, .. } = &placement.place else { continue };
        let Ok(name) = header_name(name) else { continue };
        if let http::header::Entry::Occupied(mut entry) = headers.entry(name) {
            entry.iter_mut().for_each(|value| value.set_sensitive(true));
        }
    }
}

fn header_name(name: &str) -> Result<HeaderName, UnsafeError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad_header(name))
}

fn bad_header(name: &str) -> UnsafeError {
    UnsafeError {
        problem: format!("the header \"{}\" holds what no header may hold", name.escape_debug()),
        hint: Some("remove line ends and control characters from it.".to_owned()),
        ..UnsafeError::default()
    }
}

fn secret_value(name: &str, prefix: &str, secret: &SecretString) -> Result<HeaderValue, UnsafeError> {
    let prefix = if prefix.is_empty() || names_its_scheme(secret) { "" } else { prefix };
    let text = Zeroizing::new(format!("{prefix}{}", secret.expose_secret()));
    let has_edges =
        secret.expose_secret().trim() != secret.expose_secret() || secret.expose_secret().is_empty();
    let mut value =
        HeaderValue::from_str(&text).ok().filter(|_| !has_edges).ok_or_else(|| bad_header(name))?;
    value.set_sensitive(true);
    Ok(value)
}

fn add_to_query(url: &mut String, name: &str, secret: &SecretString) {
    let separator = match url.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    url.push_str(separator);
    url.extend(utf8_percent_encode(name, ENCODED));
    url.push('=');
    url.extend(utf8_percent_encode(secret.expose_secret(), ENCODED));
}

/// A cookie joins those of the request (RFC 6265 §4.2.1); what a cookie cannot hold is percent-encoded.
fn add_cookie(headers: &mut HeaderMap, name: &str, secret: &SecretString) -> Result<(), UnsafeError> {
    let plain = secret.expose_secret();
    let is_cookie_octet =
        |byte: u8| matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e);
    let mut text = Zeroizing::new(String::new());
    if let Some(others) = headers.get(COOKIE).and_then(|value| value.to_str().ok()) {
        text.push_str(others);
        text.push_str("; ");
    }
    text.push_str(name);
    text.push('=');
    if plain.bytes().all(is_cookie_octet) {
        text.push_str(plain);
    } else {
        text.extend(utf8_percent_encode(plain, ENCODED));
    }
    let mut value = HeaderValue::from_str(&text).map_err(|_| bad_header("cookie"))?;
    value.set_sensitive(true);
    headers.insert(COOKIE, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;
    use crate::operation::Method;

    fn request(url: &str, headers: &[(&str, &str)], places: &[Place]) -> Request {
        let placement =
            |place: &Place| Placement { scheme: "s".to_owned(), place: place.clone(), variables: Vec::new() };
        Request {
            operation: None,
            method: Method::Get,
            url: url.to_owned(),
            headers: headers
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect::<Vec<_>>()
                .into(),
            body: None,
            credentials: places.iter().map(placement).collect(),
            given: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// What goes out.
    struct Sealed {
        url: Url,
        headers: HeaderMap,
    }

    fn sealed(request: &Request, secret: &str) -> Result<Sealed, UnsafeError> {
        let grant = Grant::fixed("s", secret);
        let address = Url::parse("https://h.example").unwrap();
        let target = Target { address: Some(&address), path: None, plain_http: PlainHttp::ThisMachine };
        let mut headers = HeaderMap::new();
        seal(request, &grant, &target, (&mut headers, false)).map(|url| Sealed { url, headers })
    }

    fn query(name: &str) -> Place {
        Place::Query { name: name.to_owned() }
    }

    fn cookie() -> Place {
        Place::Cookie { name: "sid".to_owned() }
    }

    fn bearer() -> Place {
        Place::Header { name: "authorization".to_owned(), prefix: "Bearer ".to_owned() }
    }

    #[test]
    fn a_secret_goes_where_the_scheme_says() {
        let wire = sealed(&request("https://h.example/a", &[], &[bearer()]), "t").unwrap();
        assert_eq!(wire.headers["authorization"], "Bearer t");
        assert!(wire.headers["authorization"].is_sensitive());
        let wire = sealed(&request("https://h.example/a", &[], &[bearer()]), "Token t").unwrap();
        assert_eq!(wire.headers["authorization"], "Token t", "it names its scheme");
        for (url, expected) in [
            ("https://h.example/a", "https://h.example/a?key=a%2Fb%26c"),
            ("https://h.example/a?x=1", "https://h.example/a?x=1&key=a%2Fb%26c"),
        ] {
            assert_eq!(sealed(&request(url, &[], &[query("key")]), "a/b&c").unwrap().url.as_str(), expected);
        }
        let wire = sealed(&request("https://h.example/", &[("cookie", "a=b")], &[cookie()]), "s;x").unwrap();
        assert_eq!(wire.headers["cookie"], "a=b; sid=s%3Bx");
        assert!(wire.headers["cookie"].is_sensitive());
    }

    #[test]
    fn a_key_of_the_caller_s_own_is_as_sensitive() {
        let headers = [("x-key", "mine"), ("x-key", "again"), ("authorization", "a"), ("x-note", "ci")];
        let given = Place::Header { name: "x-key".to_owned(), prefix: String::new() };
        let mut request = request("https://h.example/a", &headers, &[given]);
        request.given = std::mem::take(&mut request.credentials).to_vec();
        let wire = sealed(&request, "t").unwrap();
        let sensitive = |name: &str| wire.headers.get_all(name).iter().all(HeaderValue::is_sensitive);
        assert!(sensitive("x-key") && sensitive("authorization") && !sensitive("x-note"));
        assert_eq!(wire.headers.get_all("x-key").iter().count(), 2);
    }

    #[test]
    fn no_secret_goes_to_another_origin() {
        for url in [
            "https://other.example/",
            "https://h.example:444/",
            "http://h.example/",
            "https://h.example.evil/",
        ] {
            let error = sealed(&request(url, &[], &[bearer()]), "t").err().unwrap();
            assert!(error.problem.starts_with("credentials would go to "), "{url}: {error}");
            let hint = "set that address as the base URL if it is meant to have them.";
            assert_eq!(error.hint.as_deref(), Some(hint), "{url}");
        }
        assert!(sealed(&request("https://other.example/", &[], &[]), "t").is_ok());
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        let url = Url::parse("http://h.example/").unwrap();
        let error = check_encrypted(&url, PlainHttp::ThisMachine).unwrap_err();
        assert_eq!(error.problem, "credentials would go unencrypted to http://h.example");
        let hint = "use https, or allow plain http if the network between is yours.";
        assert_eq!(error.hint.as_deref(), Some(hint));
        assert!(check_encrypted(&url, PlainHttp::Anywhere).is_ok());
        assert!(check_encrypted(&Url::parse("http://127.0.0.1:1/").unwrap(), PlainHttp::ThisMachine).is_ok());
    }

    #[test]
    fn a_secret_of_the_caller_s_own_is_no_more_for_all_to_read() {
        let plain = |headers: &[(&str, &str)], given: Vec<Place>| {
            let mut request = request("http://h.example/?key=mine", headers, &given);
            request.given = std::mem::take(&mut request.credentials).to_vec();
            sealed(&request, "t").err().map(|error| error.problem)
        };
        let refused =
            |what: &str| Some(format!("credentials would go unencrypted to http://h.example: {what}"));
        assert_eq!(plain(&[("x-note", "ci")], vec![]), None);
        assert_eq!(plain(&[], vec![query("key")]), refused("the query parameter key"));
        for name in ["authorization", "cookie", "proxy-authorization"] {
            assert_eq!(plain(&[(name, "mine")], vec![]), refused(&format!("the header {name}")), "{name}");
        }
    }

    #[test]
    fn a_url_that_would_change_is_refused() {
        for url in [
            "https://h.example/a/%2e%2e/b?key=v",
            "https://h.example/a\\b",
            "https://h.example/a\nb",
            "https://h.example",
        ] {
            let error = sealed(&request(url, &[], &[]), "t").err().unwrap();
            assert!(error.problem.contains("cannot be sent as it stands"), "{error}");
            assert!(!error.problem.contains("key=v"), "{error}");
            assert_eq!(error.hint.as_deref(), Some("check the base URL and the path arguments."));
        }
    }

    #[test]
    fn a_secret_that_is_no_header_value_is_refused_and_not_shown() {
        for secret in ["a\r\nb", " a", "a ", ""] {
            let error = sealed(&request("https://h.example/", &[], &[bearer()]), secret).err().unwrap();
            assert_eq!(error.problem, "the header \"authorization\" holds what no header may hold");
            let hint = "remove line ends and control characters from it.";
            assert_eq!(error.hint.as_deref(), Some(hint));
        }
    }

    #[test]
    fn a_url_that_is_not_on_the_known_path_is_looked_at_by_itself() {
        let address = Url::parse("https://h.example").unwrap();
        let target = |path| Target { address: Some(&address), path, plain_http: PlainHttp::ThisMachine };
        let path = KnownPath::of("https://h.example", "/a", &target(None)).unwrap();
        let sealed = |url: &str| {
            let mut headers = HeaderMap::new();
            let request = request(url, &[], &[bearer()]);
            seal(&request, &Grant::fixed("s", "t"), &target(Some(&path)), (&mut headers, false))
        };
        assert!(sealed("https://h.example/a?x=1").is_ok() && sealed("https://h.example/b").is_ok());
        for url in ["https://other.example/a", "http://h.example/a", "https://h.example:444/a?x=1"] {
            assert!(sealed(url).is_err(), "{url}");
        }
    }
}
