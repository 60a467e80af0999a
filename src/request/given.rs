//! Values that the caller puts at the place of a credential: they stand for it, and are as secret as it is.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::{Position, Url};

use super::show::REDACTED;
use super::{Place, Placement, Request, style};

impl Request {
    /// The URL without its query.
    pub(crate) fn bare_url(&self) -> &str {
        let end = self.url.bytes().position(|byte| matches!(byte, b'?' | b'#'));
        &self.url[..end.unwrap_or(self.url.len())]
    }

    /// Whether a value of the caller stands at the place of a credential.
    pub(crate) fn has_at(&self, place: &Place) -> bool {
        match place {
            Place::Header { name, .. } => self.headers.iter().any(|(known, _)| known == name),
            Place::Cookie { .. } => {
                let cookies = self.headers.iter().filter(|(name, _)| name == "cookie");
                cookies.flat_map(|(_, pairs)| pairs.split(';')).any(|pair| is_pair_of(place, pair))
            }
            Place::Query { .. } => {
                let query = self.url.split_once('?').map_or("", |(_, query)| query);
                query.split('&').any(|pair| is_pair_of(place, pair))
            }
        }
    }

    /// Notes a header field of the caller that is a credential by its name, whatever the document says.
    pub(crate) fn give_by_hand(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        let is_it =
            |one: &Placement| matches!(&one.place, Place::Header { name: known, .. } if *known == name);
        if !self.given.iter().any(is_it) {
            let place = Place::Header { name, prefix: String::new() };
            self.given.push(Placement { scheme: String::new(), place, variables: Vec::new() });
        }
    }

    /// What the caller put at the places of credentials.
    pub(crate) fn given_values(&self) -> Vec<String> {
        let mut values = Vec::new();
        for Placement { place, .. } in &self.given {
            let wanted = if let Place::Header { name, .. } = place { name } else { "cookie" };
            let headers =
                self.headers.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
            let query = self.url.split_once('?').map_or("", |(_, query)| query);
            match place {
                Place::Header { .. } => values.extend(headers.map(str::to_owned)),
                Place::Cookie { .. } => {
                    let pairs = headers.flat_map(|pairs| pairs.split(';'));
                    values.extend(pairs.filter(|pair| is_pair_of(place, pair)).map(str::to_owned));
                }
                Place::Query { .. } => {
                    values.extend(query.split('&').filter(|pair| is_pair_of(place, pair)).map(str::to_owned));
                }
            }
        }
        values
    }

    /// Sends it to another address, without its fragment. What stands in its query at the place of a credential is
    /// left out: a value of the caller's own goes there, or the account's.
    pub(crate) fn move_to(&mut self, address: &Url, credentials: &[Placement]) {
        let names: Vec<_> = credentials
            .iter()
            .filter_map(|one| if let Place::Query { name } = &one.place { Some(name.as_str()) } else { None })
            .collect();
        let is_credential = |pair: &&str| {
            let name = pair.split_once('=').map_or(*pair, |(name, _)| name).replace('+', " ");
            names.contains(&&*percent_decode_str(&name).decode_utf8_lossy())
        };
        let own = self.url.split_once('?').map_or("", |(_, query)| query);
        let own = own.split('&').filter(is_credential);
        let others = address.query().unwrap_or_default().split('&').filter(|pair| !is_credential(pair));
        let pairs: Vec<_> = others.chain(own).filter(|pair| !pair.is_empty()).collect();
        let mut url = address[..Position::AfterPath].to_owned();
        if !pairs.is_empty() {
            url.push('?');
            url.push_str(&pairs.join("&"));
        }
        self.url = url;
    }

    /// The URL with a mask in place of every value that the caller gave for a credential. It is no variable of the
    /// scheme's in a shell line either: what was given decides, and not what the scheme would have there.
    pub(super) fn masked_url(&self) -> Cow<'_, str> {
        let is_query = |one: &&Placement| matches!(one.place, Place::Query { .. });
        match self.url.split_once('?').filter(|_| self.given.iter().any(|one| is_query(&one))) {
            Some((path, query)) => format!("{path}?{}", self.masked_pairs(query, '&', is_query)).into(),
            None => self.url.as_str().into(),
        }
    }

    /// The value of a header with masks.
    pub(super) fn masked_header<'r>(&self, name: &str, value: &'r str) -> Cow<'r, str> {
        let is_it =
            |one: &&Placement| matches!(&one.place, Place::Header { name: known, .. } if known == name);
        let is_cookie = |one: &&Placement| matches!(one.place, Place::Cookie { .. });
        if value.is_empty() {
            return value.into();
        }
        if self.given.iter().any(|one| is_it(&one)) {
            return REDACTED.into();
        }
        if name == "cookie" { self.masked_pairs(value, ';', is_cookie).into() } else { value.into() }
    }

    fn masked_pairs(&self, pairs: &str, separator: char, is_here: impl Fn(&&Placement) -> bool) -> String {
        let masked = |pair: &str| {
            let is_given = self.given.iter().filter(&is_here).any(|one| is_pair_of(&one.place, pair));
            match pair.split_once('=').filter(|_| is_given) {
                Some((name, _)) => format!("{name}={REDACTED}"),
                None => pair.to_owned(),
            }
        };
        pairs.split(separator).map(masked).collect::<Vec<_>>().join(&separator.to_string())
    }
}

/// Whether a pair of a query or of cookies has the name of a place.
fn is_pair_of(place: &Place, pair: &str) -> bool {
    let name = pair.split_once('=').map_or(pair, |(name, _)| name);
    match place {
        Place::Query { name: wanted } => {
            let mut encoded = String::new();
            style::escape(&mut encoded, wanted, style::Escape::Unreserved);
            name == encoded
        }
        Place::Cookie { name: wanted } => name.trim() == wanted,
        Place::Header { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;
    use crate::operation::Method;
    use crate::request::Fields;

    #[test]
    fn what_stands_in_the_place_of_a_credential_is_told() {
        let places = [
            Place::Header { name: "x-key".to_owned(), prefix: String::new() },
            Place::Query { name: "key".to_owned() },
            Place::Cookie { name: "sid".to_owned() },
        ];
        let given = places.map(|place| Placement { scheme: "s".to_owned(), place, variables: Vec::new() });
        let fields = [("x-key", "mine"), ("x-other", "no"), ("cookie", "a=b; sid=s")];
        let request = Request {
            operation: None,
            method: Method::Get,
            url: "https://h/a?x=1&key=k".to_owned(),
            headers: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec().into(),
            body: None,
            credentials: std::sync::Arc::default(),
            given: given.into(),
            warnings: Vec::new(),
        };
        assert_eq!(request.given_values(), ["mine", "key=k", " sid=s"]);
        assert!(request.given.iter().all(|one| request.has_at(&one.place)));
    }

    #[test]
    fn another_address_keeps_the_caller_s_key_and_no_other() {
        let moved = |from: &str, to: &str| {
            let place = Place::Query { name: "api key".to_owned() };
            let credentials = [Placement { scheme: "s".to_owned(), place, variables: Vec::new() }];
            let mut request = Request {
                operation: None,
                method: Method::Get,
                url: from.to_owned(),
                headers: Fields::default(),
                body: None,
                credentials: std::sync::Arc::default(),
                given: Vec::new(),
                warnings: Vec::new(),
            };
            request.move_to(&Url::parse(to).unwrap(), &credentials);
            request.url
        };
        for (from, to, expected) in [
            ("https://h/a?x=1", "https://h/b?page=2&y=%20#part", "https://h/b?page=2&y=%20"),
            ("https://h/a?x=1", "https://h/b", "https://h/b"),
            ("https://h/a", "https://h/b?api%20key=echo", "https://h/b"),
            ("https://h/a", "https://h/b?api+key=echo&page=2&api%20%6Bey", "https://h/b?page=2"),
            (
                "https://h/a?api%20key=mine&x=1",
                "https://h/b?api+key=echo&p=2",
                "https://h/b?p=2&api%20key=mine",
            ),
        ] {
            assert_eq!(moved(from, to), expected, "{from} {to}");
        }
    }
}
