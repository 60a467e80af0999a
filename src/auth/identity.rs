//! Whose tokens and limits something is, as a name that can stand in a cache folder and in a log: a hash, from which
//! no secret can be read.
//!
//! Every part goes in with its length before it, so that no two identities are written alike.

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::document::sha256;

/// Distinguishes this encoding from every other that is hashed.
const ENCODING: &str = "opcall identity 1";

/// So much of a service's name stands in the names of files, in characters.
const LONGEST_NAME: usize = 64;

/// Who signs in where.
#[derive(Clone, Copy, Default)]
pub(crate) struct Identity<'a> {
    /// The service's short name.
    pub(crate) service: &'a str,
    /// The security scheme by its name in the document.
    pub(crate) scheme: &'a str,
    /// The URL of the token endpoint, or the origin that a key is for.
    pub(crate) place: &'a str,
    /// The client ID or the user name.
    pub(crate) client: Option<&'a str>,
    /// The member account.
    pub(crate) member: Option<&'a str>,
    /// A key or token that was given as it is, where nothing else tells two credentials apart.
    pub(crate) secret: Option<&'a SecretString>,
}

impl Identity<'_> {
    /// The identity as 64 hexadecimal digits: the same for all of its tokens.
    pub(crate) fn key(&self) -> String {
        sha256(&[&self.encoded()])
    }

    /// One set of scopes of it as 64 hexadecimal digits, in whatever order they are named.
    pub(crate) fn key_of(&self, scopes: &[String]) -> String {
        let mut scopes: Vec<_> = scopes.iter().map(String::as_str).collect();
        scopes.sort_unstable();
        scopes.dedup();
        let mut bytes = self.encoded();
        for scope in scopes {
            push(&mut bytes, Some(scope));
        }
        sha256(&[&bytes])
    }

    fn encoded(&self) -> Zeroizing<Vec<u8>> {
        let Self { service, scheme, place, client, member, secret } = self;
        let secret = secret.map(ExposeSecret::expose_secret);
        let parts = [Some(ENCODING), Some(service), Some(scheme), Some(place), *client, *member, secret];
        let length = parts.iter().map(|part| size_of::<u64>() + part.map_or(0, str::len)).sum();
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        for part in parts {
            push(&mut bytes, part);
        }
        bytes
    }
}

/// A service's name as it stands in the names of files.
pub(super) fn in_file_name(service: &str) -> String {
    let plain = |one: char| if one.is_ascii_alphanumeric() || "-.".contains(one) { one } else { '_' };
    service.chars().take(LONGEST_NAME).map(plain).collect()
}

/// A text behind its length in bytes; what is absent has a length that no text has.
fn push(bytes: &mut Vec<u8>, text: Option<&str>) {
    let length = text.map_or(u64::MAX, |text| text.len() as u64);
    bytes.extend(length.to_le_bytes());
    bytes.extend(text.unwrap_or_default().as_bytes());
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const ONE: Identity<'_> = Identity {
        service: "pets",
        scheme: "oauth",
        place: "https://a.example/token",
        client: Some("id"),
        member: None,
        secret: None,
    };

    fn scopes(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn the_encoding_is_fixed() {
        assert_eq!(ONE.key(), "e63650ba7587045f542f0d3a061417dfe5da72b208d17382d5fc4d8ffb3b55d2");
        assert_eq!(
            ONE.key_of(&scopes(&["read"])),
            "93b9ddc4366f474e732e091ae44306be0a95c6eb53c7dc80c49eae09e62e73c8"
        );
    }

    #[test]
    fn every_part_counts_and_none_runs_into_the_next() {
        let (key, other) = (SecretString::from("s3cret"), SecretString::from("s3cre"));
        let all = [
            ONE,
            Identity { service: "petso", scheme: "auth", ..ONE },
            Identity { scheme: "oauth2", ..ONE },
            Identity { place: "https://b.example/token", ..ONE },
            Identity { client: Some("id2"), ..ONE },
            Identity { client: None, member: Some("id"), ..ONE },
            Identity { client: None, ..ONE },
            Identity { client: Some(""), ..ONE },
            Identity { member: Some(""), ..ONE },
            Identity { member: Some("m"), ..ONE },
            Identity { secret: Some(&key), ..ONE },
            Identity { secret: Some(&other), ..ONE },
            Identity { client: Some("ids3cret"), ..ONE },
        ];
        let mut keys: Vec<_> = all.iter().map(Identity::key).collect();
        let named: [&[&str]; 5] = [&[""], &["a"], &["a", "b"], &["ab"], &["a b"]];
        keys.extend(named.map(|names| ONE.key_of(&scopes(names))));
        let distinct: HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), all.len() + named.len());
        assert!(keys.iter().all(|key| key.len() == 64 && key.bytes().all(|one| one.is_ascii_hexdigit())));
    }

    #[test]
    fn the_order_of_scopes_does_not_count() {
        let key = |names: &[&str]| ONE.key_of(&scopes(names));
        assert_eq!(key(&["b", "a", "b"]), key(&["a", "b"]));
        assert_eq!(key(&[]), ONE.key());
    }
}
