//! Where a server's URL leads: as it stands, or relative to where its document was served (RFC 3986 §5; `OpenAPI`
//! Server Object; Swagger 2.0 `host`, `basePath`, `schemes`). Pure.

use url::Url;

/// Stands for the host where nothing names one.
pub(super) const NO_HOST: &str = "https://your-api-host";

/// What a server's URL leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A base URL, normalised (RFC 3986 §6.2.2) and without a slash at its end.
    Known(String),
    /// Its host is that of the document's place, and the place is not known: a base URL with a stand-in for it.
    NoHost(String),
    /// Nothing that can be called, and why.
    Unusable(String),
}

/// Resolves a server's URL; `place` is the URL that the document was fetched from. An empty URL is `/`.
pub(super) fn resolve(written: &str, place: Option<&str>) -> Address {
    if written.contains(|letter: char| letter.is_control() || letter == '\\') {
        return Address::Unusable("holds what no URL may hold".to_owned());
    }
    let place = place.and_then(bare);
    let reference = if written.is_empty() { "/" } else { written };
    match scheme(reference) {
        Some((scheme, rest)) => absolute(reference, &scheme, rest, place.as_ref()),
        None => relative(reference, place.as_ref()),
    }
}

/// A URL as a base URL: `http` or `https` with a host, and nothing else than a path behind it.
pub(super) fn checked(url: &Url) -> Result<String, String> {
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("is no http or https URL".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user name or a password; give them as credentials".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has a query or a fragment, which no base URL has".to_owned());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// The place without what a base has no use for, and without credentials.
fn bare(place: &str) -> Option<Url> {
    let mut place = Url::parse(place).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    place.set_query(None);
    place.set_fragment(None);
    place.set_username("").ok()?;
    place.set_password(None).ok()?;
    Some(place)
}

/// The scheme of an absolute URL in lower case, and what stands behind its colon (RFC 3986 §3.1).
fn scheme(reference: &str) -> Option<(String, &str)> {
    let (scheme, rest) = reference.split_once(':')?;
    let mut letters = scheme.chars();
    let is_scheme = letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|one| one.is_ascii_alphanumeric() || matches!(one, '+' | '-' | '.'));
    is_scheme.then(|| (scheme.to_ascii_lowercase(), rest))
}

fn absolute(reference: &str, scheme: &str, rest: &str, place: Option<&Url>) -> Address {
    let web = rest.strip_prefix("//").filter(|_| matches!(scheme, "http" | "https"));
    let Some(rest) = web else { return Address::Unusable("is no http or https URL".to_owned()) };
    if !rest.is_empty() && !rest.starts_with(['/', '?', '#']) {
        return parsed(reference);
    }
    let Some(place) = place else { return stand_in(rest) };
    let port = place.port().map(|port| format!(":{port}")).unwrap_or_default();
    parsed(&format!("{scheme}://{}{port}{rest}", place.host_str().unwrap_or_default()))
}

fn relative(reference: &str, place: Option<&Url>) -> Address {
    match place {
        Some(place) => joined(place.join(reference)),
        None if reference.starts_with("//") => parsed(&format!("https:{reference}")),
        None => stand_in(reference),
    }
}

fn stand_in(reference: &str) -> Address {
    let place = Url::parse(NO_HOST);
    match joined(place.and_then(|place| place.join(reference))) {
        Address::Known(url) => Address::NoHost(url),
        other => other,
    }
}

fn parsed(text: &str) -> Address {
    joined(Url::parse(text))
}

fn joined(url: Result<Url, url::ParseError>) -> Address {
    let url = url.map_err(|error| format!("is no URL: {error}"));
    match url.and_then(|url| checked(&url)) {
        Ok(url) => Address::Known(url),
        Err(why) => Address::Unusable(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn leads(written: &str, place: Option<&str>) -> String {
        match resolve(written, place) {
            Address::Known(url) => url,
            Address::NoHost(url) => format!("? {url}"),
            Address::Unusable(why) => format!("! {why}"),
        }
    }

    #[test]
    fn references_are_resolved_as_rfc_3986_does() {
        let place = Some("https://docs.example:8443/api/v1/openapi.json?key=k#x");
        for (written, url) in [
            ("/", "https://docs.example:8443"),
            ("", "https://docs.example:8443"),
            (".", "https://docs.example:8443/api/v1"),
            ("./", "https://docs.example:8443/api/v1"),
            ("test", "https://docs.example:8443/api/v1/test"),
            ("./test/", "https://docs.example:8443/api/v1/test"),
            ("..", "https://docs.example:8443/api"),
            ("../v2", "https://docs.example:8443/api/v2"),
            ("../../../v2", "https://docs.example:8443/v2"),
            ("/v2", "https://docs.example:8443/v2"),
            ("/a/./b/../c", "https://docs.example:8443/a/c"),
            ("//api.example/x", "https://api.example/x"),
            ("http://api.example/x/", "http://api.example/x"),
            ("HTTPS://API.Example:443/X", "https://api.example/X"),
            ("/a b/ü", "https://docs.example:8443/a%20b/%C3%BC"),
            ("https:///v1", "https://docs.example:8443/v1"),
            ("http://", "http://docs.example:8443"),
            ("api.example/v1", "https://docs.example:8443/api/v1/api.example/v1"),
        ] {
            assert_eq!(leads(written, place), url, "{written}");
        }
        assert_eq!(leads("//api.example", Some("http://127.0.0.1:1/x.json")), "http://api.example");
        assert_eq!(leads("https:///v1", Some("http://h.example/x.json")), "https://h.example/v1");
        assert_eq!(leads("/v1", Some("http://[::1]:8080/x.json")), "http://[::1]:8080/v1");
    }

    #[test]
    fn a_place_lends_no_credentials() {
        assert_eq!(leads("/v1", Some("https://user:pw@h.example/openapi.json")), "https://h.example/v1");
    }

    #[test]
    fn a_file_has_no_host_to_lend() {
        for place in [None, Some("file:///srv/openapi.json"), Some("no url")] {
            for (written, url) in [
                ("/v1/", "? https://your-api-host/v1"),
                ("", "? https://your-api-host"),
                ("../v2", "? https://your-api-host/v2"),
                ("https:///v2", "? https://your-api-host/v2"),
                ("<local-address>", "? https://your-api-host/%3Clocal-address%3E"),
                ("//h/a", "https://h/a"),
                ("http://h/a", "http://h/a"),
            ] {
                assert_eq!(leads(written, place), url, "{written}");
            }
        }
    }

    #[test]
    fn what_is_no_base_url_is_told() {
        for (written, why) in [
            ("wss://h.example", "! is no http or https URL"),
            ("localhost:8080/v1", "! is no http or https URL"),
            ("https:/h.example", "! is no http or https URL"),
            ("https://h.example/\\evil", "! holds what no URL may hold"),
            ("https://h\n.example", "! holds what no URL may hold"),
            ("https://h.example?x=1", "! has a query or a fragment, which no base URL has"),
            ("/v1#x", "! has a query or a fragment, which no base URL has"),
            ("https://u:p@h", "! holds a user name or a password; give them as credentials"),
            ("https://h h", "! is no URL: invalid international domain name"),
            ("https://h:port", "! is no URL: invalid port number"),
        ] {
            for place in [None, Some("https://docs.example/openapi.json")] {
                assert_eq!(leads(written, place), why, "{written}");
            }
        }
    }
}
