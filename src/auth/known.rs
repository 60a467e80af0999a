//! A URL on a path that is known: of it only the query is new, and that is looked at once.

use serde::de::value::{self, SeqDeserializer};
use serde::de::{DeserializeSeed, EnumAccess, SeqAccess, VariantAccess, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};
use url::{Position, Url};

use super::Target;

/// The URL of a path, without a query, taken apart.
///
/// A `Url` is made of it and a query by what the library calls its internal representation: `Url::set_query` goes through
/// the bytes of a query three times, for each of which there is nothing to do.
pub(crate) struct KnownPath {
    url: Url,
    /// Where its parts begin and end: scheme, user, host, path.
    scheme_end: u32,
    username_end: u32,
    host_start: u32,
    host_end: u32,
    path_start: u32,
    host: Kind,
    /// The bytes of a host that is an address.
    octets: Box<[u8]>,
    /// Whether credentials may go there.
    pub(super) is_safe: bool,
}

/// The kinds of hosts, by their numbers in the library.
#[derive(Clone, Copy)]
enum Kind {
    Domain = 1,
    Ipv4 = 2,
    Ipv6 = 3,
}

impl KnownPath {
    /// The URL of a path below a base URL, which has no query, where both stand in it as they are.
    pub(crate) fn of(base: &str, path: &str, target: &Target<'_>) -> Option<Self> {
        let text = [base.trim_end_matches('/'), path].concat();
        let url = Url::parse(&text).ok().filter(|url| url.as_str() == text)?;
        let is_bare = url.query().is_none() && url.fragment().is_none();
        if !is_bare || !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let length = |text: &str| u32::try_from(text.len()).ok();
        let (host, octets) = match url.host()? {
            url::Host::Domain(_) => (Kind::Domain, Vec::new()),
            url::Host::Ipv4(address) => (Kind::Ipv4, address.octets().to_vec()),
            url::Host::Ipv6(address) => (Kind::Ipv6, address.octets().to_vec()),
        };
        let known = Self {
            scheme_end: length(&url[..Position::AfterScheme])?,
            username_end: length(&url[..Position::AfterUsername])?,
            host_start: length(&url[..Position::BeforeHost])?,
            host_end: length(&url[..Position::AfterHost])?,
            path_start: length(&url[..Position::BeforePath])?,
            host,
            octets: octets.into(),
            is_safe: target.check(&url).is_ok(),
            url,
        };
        known.is_understood().then_some(known)
    }

    /// Whether the library reads its parts as they are written here, which another version of it need not.
    fn is_understood(&self) -> bool {
        let text = format!("{}?a=b", self.url);
        let Some((made, parsed)) = self.with_query(&text).zip(Url::parse(&text).ok()) else { return false };
        made.host() == parsed.host()
            && made.port() == parsed.port()
            && made[..Position::BeforePath] == parsed[..Position::BeforePath]
            && (made.path(), made.query(), made.fragment())
                == (parsed.path(), parsed.query(), parsed.fragment())
    }

    /// The URL of a text that is this one with a query behind it; `None` where it is not exactly that.
    pub(super) fn with_query(&self, text: &str) -> Option<Url> {
        let known = self.url.as_str();
        let query_start = match text.as_bytes().strip_prefix(known.as_bytes())? {
            [] => None,
            [b'?', query @ ..] if stands_in_query(query) => Some(u32::try_from(known.len()).ok()?),
            _ => return None,
        };
        u32::try_from(text.len()).ok()?;
        Url::deserialize_internal(Parts { known: self, text: text.to_owned(), query_start, next: 0 }).ok()
    }
}

/// Whether every byte stands in the query of a URL of http as it is (WHATWG URL, special-query percent-encode set).
fn stands_in_query(query: &[u8]) -> bool {
    // Without a way out it is done by many bytes at a time.
    let changes = |byte: u8| !matches!(byte, b'!' | b'$'..=b'&' | b'('..=b';' | b'=' | b'?'..=b'~');
    !query.iter().fold(false, |any, byte| any | changes(*byte))
}

/// The parts of a URL in its internal representation: the text first, the places of the others behind it.
struct Parts<'p> {
    known: &'p KnownPath,
    text: String,
    query_start: Option<u32>,
    /// The number of the part that is taken next.
    next: u32,
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = value::Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, value::Error> {
        let known = self.known;
        let part = match self.next {
            0 => Part::Text(std::mem::take(&mut self.text)),
            1 => Part::Place(known.scheme_end),
            2 => Part::Place(known.username_end),
            3 => Part::Place(known.host_start),
            4 => Part::Place(known.host_end),
            5 => Part::Host(known.host, &known.octets),
            6 => Part::Perhaps(known.url.port().map(u32::from)),
            7 => Part::Place(known.path_start),
            8 => Part::Perhaps(self.query_start),
            _ => Part::Perhaps(None),
        };
        self.next += 1;
        seed.deserialize(part).map(Some)
    }
}

impl<'de> Deserializer<'de> for Parts<'_> {
    type Error = value::Error;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, value::Error> {
        visitor.visit_seq(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct option
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// A part of a URL.
enum Part<'p> {
    Text(String),
    Place(u32),
    Perhaps(Option<u32>),
    /// A host's kind, and the bytes of one that is an address.
    Host(Kind, &'p [u8]),
}

impl<'de> Deserializer<'de> for Part<'_> {
    type Error = value::Error;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, value::Error> {
        match self {
            Self::Text(text) => visitor.visit_string(text),
            Self::Place(place) | Self::Perhaps(Some(place)) => visitor.visit_u32(place),
            Self::Perhaps(None) => visitor.visit_none(),
            Self::Host(kind, octets) => visitor.visit_enum(Host(kind, octets)),
        }
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, value::Error> {
        match self {
            Self::Perhaps(None) => visitor.visit_none(),
            other => visitor.visit_some(other),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// A host: its kind, and the bytes of one that is an address.
struct Host<'p>(Kind, &'p [u8]);

impl<'de> EnumAccess<'de> for Host<'_> {
    type Error = value::Error;
    type Variant = Self;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), value::Error> {
        Ok((seed.deserialize(Part::Place(self.0 as u32))?, self))
    }
}

impl<'de> VariantAccess<'de> for Host<'_> {
    type Error = value::Error;

    fn unit_variant(self) -> Result<(), value::Error> {
        Ok(())
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, value::Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, value::Error> {
        visitor.visit_unit()
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, value::Error> {
        visitor.visit_unit()
    }
}

/// The address of a host by its bytes: by its text it would be read once more.
impl<'de> Deserializer<'de> for Host<'_> {
    type Error = value::Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, value::Error> {
        visitor.visit_seq(SeqDeserializer::new(self.1.iter().copied()))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct option
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;
    use crate::profile::PlainHttp;

    fn known(base: &str, path: &str) -> Option<KnownPath> {
        let address = Url::parse(base).unwrap();
        let target = Target { address: Some(&address), path: None, plain_http: PlainHttp::ThisMachine };
        KnownPath::of(base, path, &target)
    }

    #[test]
    fn a_url_on_a_known_path_is_the_one_that_was_asked_for() {
        for base in [
            "https://h.example",
            "http://127.0.0.1:9/",
            "https://[2001:db8::1]/gate",
            "https://u:p@h.example:444/v1/",
            "http://u@localhost",
        ] {
            let path = known(base, "/a/b").unwrap();
            for rest in ["", "?", "?x=1", "?x=%C3%A9&y=a~b*c!", "?[]{}|\\^`$&()+,-./:;=?@_"] {
                let text = format!("{}{rest}", path.url);
                let (found, expected) = (path.with_query(&text).unwrap(), Url::parse(&text).unwrap());
                assert_eq!(expected.as_str(), text);
                found.check_invariants().unwrap();
                assert_eq!(found, expected);
                assert_eq!(format!("{found:?}"), format!("{expected:?}"));
                assert_eq!((found.host(), found.port()), (expected.host(), expected.port()));
            }
        }
    }

    #[test]
    fn what_a_url_would_change_is_none() {
        let path = known("https://h.example", "/a/b").unwrap();
        for byte in 0..=u8::MAX {
            let text = format!("https://h.example/a/b?x={}y", char::from(byte));
            let stands = Url::parse(&text).unwrap().as_str() == text && byte != b'#';
            assert_eq!(path.with_query(&text).is_some(), stands, "{text:?}");
        }
        for text in ["https://h.example/a/bc", "https://h.example/a", "https://h.example/a/b#y", ""] {
            assert_eq!(path.with_query(text), None, "{text}");
        }
    }

    #[test]
    fn only_a_url_of_http_that_stays_as_it_is_is_known() {
        assert!(known("https://h.example", "/a/b").is_some_and(|path| path.is_safe));
        assert!(known("http://h.example", "/a/b").is_some_and(|path| !path.is_safe));
        assert!(known("https://h.example", "/a/../b").is_none());
        assert!(known("https://h.example", "/a?b").is_none());
        assert!(known("ftp://h.example", "/a").is_none());
    }

    /// Of debug builds the library itself looks once more at what is put into a URL.
    #[test]
    fn a_query_stands_as_it_is_where_none_of_its_bytes_would_be_changed() {
        for byte in 0..=u8::MAX {
            let text = format!("https://h.example/?{}y", char::from(byte));
            let stands = byte.is_ascii() && Url::parse(&text).unwrap().as_str() == text && byte != b'#';
            assert_eq!(stands_in_query(&[byte, b'y']), stands, "{byte:#x}");
        }
        assert!(stands_in_query(b"") && !stands_in_query(b"a<b>") && !stands_in_query(b"<<"));
    }
}
