//! URIs that parts of a document have: how a reference to one is joined to the URI of where it stands.

use std::borrow::Cow;

/// A URI reference without its fragment (RFC 3986 §3, §4.1).
struct Uri<'u> {
    scheme: Option<&'u str>,
    authority: Option<&'u str>,
    path: &'u str,
    query: Option<&'u str>,
}

impl<'u> Uri<'u> {
    fn of(text: &'u str) -> Self {
        let is_in_scheme = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
        let is_scheme = |word: &str| {
            word.starts_with(|letter: char| letter.is_ascii_alphabetic()) && word.chars().all(is_in_scheme)
        };
        let scheme = text.split_once(':').filter(|(word, _)| is_scheme(word));
        let (scheme, rest) = scheme.map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let Some(rest) = rest.strip_prefix("//") else {
            return Self { scheme, authority: None, path: rest, query };
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Self { scheme, authority: Some(authority), path, query }
    }

    /// The path of a reference that is relative to this (§5.2.3).
    fn merged(&self, path: &str) -> String {
        if self.authority.is_some() && self.path.is_empty() {
            return format!("/{path}");
        }
        let folder = self.path.rfind('/').map_or("", |last| &self.path[..=last]);
        format!("{folder}{path}")
    }
}

/// A URI reference seen from a base, both without their fragments (RFC 3986 §5.2.2).
pub(super) fn joined(base: &str, reference: &str) -> String {
    let (base, to) = (Uri::of(base), Uri::of(reference));
    let (mut authority, mut query) = (to.authority, to.query);
    let mut path = Cow::Borrowed(to.path);
    if to.scheme.is_none() && to.authority.is_none() {
        authority = base.authority;
        if to.path.is_empty() {
            path = Cow::Borrowed(base.path);
            query = query.or(base.query);
        } else if !to.path.starts_with('/') {
            path = Cow::Owned(base.merged(to.path));
        }
    }
    // §5.3
    let mut whole = String::new();
    if let Some(scheme) = to.scheme.or(base.scheme) {
        whole.extend([scheme, ":"]);
    }
    if let Some(authority) = authority {
        whole.extend(["//", authority]);
    }
    whole.push_str(&without_dots(&path));
    if let Some(query) = query {
        whole.extend(["?", query]);
    }
    whole
}

/// A path without its segments `.` and `..` (§5.2.4).
fn without_dots(path: &str) -> String {
    let (mut rest, mut out) = (path, String::with_capacity(path.len()));
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("../").or_else(|| rest.strip_prefix("./")) {
            rest = after;
        } else if matches!(rest, "." | "..") {
            rest = "";
        } else if matches!(rest, "/." | "/..") || rest.starts_with("/./") || rest.starts_with("/../") {
            let end = rest[1..].find('/').map_or(rest.len(), |at| at + 1);
            if end == "/..".len() {
                out.truncate(out.rfind('/').unwrap_or_default());
            }
            rest = if end == rest.len() { "/" } else { &rest[end..] };
        } else {
            let slash = usize::from(rest.starts_with('/'));
            let end = rest[slash..].find('/').map_or(rest.len(), |at| slash + at);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_joined_as_uris_are() {
        for (base, reference, whole) in [
            ("https://x.example/a/b.json", "c.json", "https://x.example/a/c.json"),
            ("https://x.example/a/b.json", "../c", "https://x.example/c"),
            ("https://x.example/a/b", "/c/d", "https://x.example/c/d"),
            ("https://x.example", "c", "https://x.example/c"),
            ("https://x.example/a", "//y.example/b", "https://y.example/b"),
            ("https://x.example/a", "urn:b", "urn:b"),
            ("", "schemas/pet", "schemas/pet"),
            ("/api/openapi", "pet", "/api/pet"),
            ("https://x.example/a/", "./", "https://x.example/a/"),
            ("https://x.example/a/b", ".", "https://x.example/a/"),
            ("https://x.example/a/b/c", "..", "https://x.example/a/"),
            ("https://x.example/a//b", "c", "https://x.example/a//c"),
            ("https://x.example/a/b?v=/1", "?v=2", "https://x.example/a/b?v=2"),
            ("https://x.example/a/b?v=/1", "c", "https://x.example/a/c"),
            ("https://x.example/a/b?v=1", "", "https://x.example/a/b?v=1"),
            ("", "https://x.example/a/./b/../api", "https://x.example/a/api"),
            ("urn:a:b", "c", "urn:c"),
            ("urn:a:b", "?q", "urn:a:b?q"),
            ("", "./pet", "pet"),
            ("", "../pet", "pet"),
            ("api", "", "api"),
        ] {
            assert_eq!(joined(base, reference), whole, "{base} {reference}");
        }
    }

    #[test]
    fn references_are_joined_as_the_standard_shows() {
        // RFC 3986 §5.4.1 and §5.4.2, without their fragments.
        for (reference, whole) in [
            ("g:h", "g:h"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            (";x", "http://a/b/c/;x"),
            ("g;x?y", "http://a/b/c/g;x?y"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            (".g", "http://a/b/c/.g"),
            ("g..", "http://a/b/c/g.."),
            ("..g", "http://a/b/c/..g"),
            ("./../g", "http://a/b/g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/./h", "http://a/b/c/g/h"),
            ("g/../h", "http://a/b/c/h"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/./x", "http://a/b/c/g?y/./x"),
            ("http:g", "http:g"),
        ] {
            assert_eq!(joined("http://a/b/c/d;p?q", reference), whole, "{reference}");
        }
    }
}
