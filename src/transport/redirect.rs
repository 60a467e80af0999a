//! Which redirect is followed, and as what (RFC 9110 §15.4). Pure: it looks at an answer, and sends nothing.
//!
//! Nothing is followed unless it was asked for, and nothing to another origin: that is an error, not a request without
//! its credentials, for whoever answers there would be taken for the service.

use http::header::LOCATION;
use url::{Origin, Url};

use super::Answer;
use crate::error::UnsafeError;
use crate::operation::Method;

/// Where a redirect leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hop {
    /// Without a fragment.
    pub(crate) url: Url,
    pub(crate) method: Method,
    /// Whether the next request has no body any more, nor header fields that describe one.
    pub(crate) drops_body: bool,
}

/// A request, as far as a redirect of it depends on it.
pub(crate) struct Asked<'r> {
    pub(crate) method: &'r Method,
    /// Without credentials.
    pub(crate) url: &'r str,
    /// Whether its body can be sent once more.
    pub(crate) is_repeatable: bool,
}

/// The redirects of one call.
#[derive(Debug)]
pub(crate) struct Trail {
    most: u32,
    /// What was asked for, as method and URL.
    seen: Vec<(Method, String)>,
}

impl Trail {
    /// Follows so many redirects at most.
    pub(crate) fn new(most: u32) -> Self {
        Self { most, seen: Vec::new() }
    }

    /// Whether a redirect was followed.
    pub(crate) fn has_begun(&self) -> bool {
        !self.seen.is_empty()
    }

    /// What follows an answer; `None` where it is no redirect, or one that is not followed.
    ///
    /// # Errors
    /// It leads to another origin, in a circle, or on without end; it names a user, or needs the body a second time.
    pub(crate) fn next(&mut self, asked: &Asked<'_>, answer: &Answer) -> Result<Option<Hop>, UnsafeError> {
        if self.most == 0 {
            return Ok(None);
        }
        let Some((method, drops_body)) = method_after(answer.status, asked.method) else { return Ok(None) };
        let Some((from, url)) = location(asked.url, answer) else { return Ok(None) };
        check(&from, &url)?;
        if !drops_body && !asked.is_repeatable {
            return Err(refused("the service redirects, and the body can be read only once", FILE));
        }
        self.seen.push((asked.method.clone(), from.as_str().to_owned()));
        if self.seen.iter().any(|(known, seen)| *known == method && seen == url.as_str()) {
            return Err(refused(&format!("the service redirects in a circle, at {}", shown(&url)), ASK));
        }
        if self.seen.len() > self.most as usize {
            let times = if self.most == 1 { "once" } else { &format!("{} times", self.most) };
            return Err(refused(&format!("the service redirects more than {times}"), MORE));
        }
        Ok(Some(Hop { url, method, drops_body }))
    }
}

const FILE: &str = "write the body to a file, and send that.";
const ASK: &str = "ask the service: it cannot be reached that way.";
const MORE: &str = "allow more redirects (`follow_redirects`) if that is meant.";
const BASE: &str = "set that address as the base URL if it is meant to have the call.";

fn refused(problem: &str, hint: &str) -> UnsafeError {
    UnsafeError {
        sent: true,
        problem: problem.to_owned(),
        hint: Some(hint.to_owned()),
        ..UnsafeError::default()
    }
}

/// The method of the next request, and whether it leaves the body out. After 301 and 302 a POST goes on as a GET; a
/// method that changes something is sent again only where the status says so (307, 308).
fn method_after(status: u16, method: &Method) -> Option<(Method, bool)> {
    match (status, method) {
        (303, Method::Head) => Some((Method::Head, true)),
        (303, _) | (301 | 302, Method::Post) => Some((Method::Get, true)),
        (301 | 302, method) if method.is_safe() => Some((method.clone(), false)),
        (307 | 308, method) => Some((method.clone(), false)),
        _ => None,
    }
}

/// The addresses before and after, where the answer names exactly one that can be read.
fn location(from: &str, answer: &Answer) -> Option<(Url, Url)> {
    let mut fields = answer.headers.get_all(LOCATION).iter();
    let (written, None) = (fields.next()?, fields.next()) else { return None };
    let from = Url::parse(from).ok()?;
    let mut url = from.join(&String::from_utf8_lossy(written.as_bytes())).ok()?;
    url.set_fragment(None);
    Some((from, url))
}

fn check(from: &Url, url: &Url) -> Result<(), UnsafeError> {
    if url.origin() != from.origin() {
        let (place, hint) = match url.origin() {
            origin @ Origin::Tuple(..) if matches!(url.scheme(), "http" | "https") => {
                (origin.ascii_serialization(), BASE)
            }
            origin @ Origin::Tuple(..) => (origin.ascii_serialization(), ASK),
            Origin::Opaque(_) => (format!("a `{}:` address", url.scheme()), ASK),
        };
        let own = from.origin().ascii_serialization();
        return Err(refused(&format!("the service at {own} redirects to {place}"), hint));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("the service redirects to an address that names a user", ASK));
    }
    Ok(())
}

/// Without what may be secret in it.
fn shown(url: &Url) -> &str {
    &url[..url::Position::AfterPath]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use http::HeaderMap;

    use super::*;

    const ASKED: &str = "https://api.example/v1/things?x=1";

    fn answer(status: u16, locations: &[&str]) -> Answer {
        let mut headers = HeaderMap::new();
        for location in locations {
            headers.append(LOCATION, http::HeaderValue::from_bytes(location.as_bytes()).unwrap());
        }
        Answer::new(status, headers, bytes::Bytes::new())
    }

    fn after(method: &Method, status: u16, location: &str) -> Result<Option<Hop>, UnsafeError> {
        let asked = Asked { method, url: ASKED, is_repeatable: true };
        Trail::new(5).next(&asked, &answer(status, &[location]))
    }

    #[test]
    fn methods_and_bodies_go_on_as_the_status_says() {
        let went = |status, method: Method| {
            after(&method, status, "/b").unwrap().map(|hop| (hop.method, hop.drops_body))
        };
        for status in [301, 302] {
            assert_eq!(went(status, Method::Post), Some((Method::Get, true)));
            for method in [Method::Put, Method::Patch, Method::Delete] {
                assert_eq!(went(status, method), None);
            }
            for method in [Method::Get, Method::Head, Method::Options] {
                assert_eq!(went(status, method.clone()), Some((method, false)));
            }
        }
        for method in [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete] {
            assert_eq!(went(303, method.clone()), Some((Method::Get, true)));
            assert_eq!(went(307, method.clone()), Some((method.clone(), false)));
            assert_eq!(went(308, method.clone()), Some((method, false)));
        }
        assert_eq!(went(303, Method::Head), Some((Method::Head, true)));
        for status in [200, 201, 300, 304, 305, 306, 309, 401, 500] {
            assert_eq!(went(status, Method::Get), None, "{status}");
        }
    }

    #[test]
    fn a_location_is_resolved_and_loses_its_fragment() {
        for (location, expected) in [
            ("/b", "https://api.example/b"),
            ("b?y=2#part", "https://api.example/v1/b?y=2"),
            ("?y=2", "https://api.example/v1/things?y=2"),
            ("https://API.example:443/c", "https://api.example/c"),
            ("//api.example/d", "https://api.example/d"),
            ("/a/../e", "https://api.example/e"),
        ] {
            assert_eq!(after(&Method::Get, 302, location).unwrap().unwrap().url.as_str(), expected);
        }
    }

    #[test]
    fn no_other_origin_is_followed() {
        for location in [
            "https://other.example/",
            "http://api.example/v1/things",
            "https://api.example:8443/",
            "https://api.example.other.example/",
            "https://api.example@other.example/",
            "//other.example/",
            r"\\other.example/",
            r"/\other.example/",
            "ftp://api.example/",
            "data:text/plain,a",
        ] {
            let error = after(&Method::Get, 307, location).unwrap_err();
            assert!(error.problem.starts_with("the service at https://api.example redirects to "), "{error}");
            assert!(error.sent);
            let is_base = error.hint.as_deref() == Some(BASE);
            assert_eq!(
                is_base,
                !location.starts_with("ftp:") && !location.starts_with("data:"),
                "{location}"
            );
        }
        let error = after(&Method::Get, 307, "https://me:word@api.example/").unwrap_err();
        assert_eq!(error.problem, "the service redirects to an address that names a user");
    }

    #[test]
    fn what_names_no_one_place_is_no_redirect() {
        let asked = Asked { method: &Method::Get, url: ASKED, is_repeatable: true };
        for locations in [&[][..], &["/a", "/b"], &["https://["]] {
            assert_eq!(Trail::new(5).next(&asked, &answer(302, locations)).unwrap(), None);
        }
        assert_eq!(Trail::new(0).next(&asked, &answer(302, &["/b"])).unwrap(), None);
    }

    #[test]
    fn a_body_that_is_spent_is_not_sent_again() {
        let asked = Asked { method: &Method::Post, url: ASKED, is_repeatable: false };
        let error = Trail::new(5).next(&asked, &answer(307, &["/b"])).unwrap_err();
        assert_eq!(error.problem, "the service redirects, and the body can be read only once");
        assert!(Trail::new(5).next(&asked, &answer(303, &["/b"])).unwrap().is_some());
    }

    #[test]
    fn circles_and_long_ways_end() {
        let mut trail = Trail::new(3);
        let mut url = "https://h.example/0".to_owned();
        for number in 1..=3 {
            let asked = Asked { method: &Method::Get, url: &url, is_repeatable: true };
            let hop = trail.next(&asked, &answer(302, &[&format!("/{number}?q=secret")])).unwrap().unwrap();
            url = hop.url.to_string();
        }
        let asked = Asked { method: &Method::Get, url: &url, is_repeatable: true };
        let error = trail.next(&asked, &answer(302, &["/4"])).unwrap_err();
        assert_eq!(error.problem, "the service redirects more than 3 times");
        let circle = |location: &str| after(&Method::Get, 302, location).unwrap_err().problem;
        for location in ["?x=1", "", "#a", ASKED] {
            assert_eq!(
                circle(location),
                "the service redirects in a circle, at https://api.example/v1/things"
            );
        }
    }

    #[test]
    fn a_post_that_is_answered_at_its_own_address_is_no_circle() {
        assert!(after(&Method::Post, 303, "?x=1").unwrap().is_some());
    }
}
