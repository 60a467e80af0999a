//! Where the secret of a security scheme comes from, and where it goes. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::{ExposeSecret as _, SecretString};
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::operation::{Location, SchemeKind, SecuritySchemeDef, ServiceDef};
use crate::profile::{Credentials, Setting, variable_for, variable_of_scheme};
use crate::request::{Place, Placement};

/// A scheme that a call signs in by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) scheme: SecuritySchemeDef,
    /// The scopes that the operation asks for.
    pub(crate) scopes: Vec<String>,
    /// Whether only a key of the scheme's own will do: it stands beside another that asks for a key, and one key
    /// cannot be meant for both.
    pub(crate) own: bool,
}

/// Where a scheme's secret comes from.
pub(crate) enum Source {
    /// The caller has it.
    Fixed(SecretString),
    /// User name and password answer the server's challenge (RFC 7616).
    Digest(String, SecretString),
    /// The token endpoint gives it for the client's ID and secret.
    Token,
    /// The connection itself carries it: a client certificate.
    Connection,
}

/// How the credentials serve a scheme; `None` where they do not.
pub(crate) fn source(credentials: &Credentials, need: &Need, certificate: bool) -> Option<Source> {
    let kind = &need.scheme.kind;
    if let SchemeKind::MutualTls = kind {
        return certificate.then_some(Source::Connection);
    }
    if let Some(secret) = credentials.of_scheme(&need.scheme.name) {
        return named(kind, secret);
    }
    let token = || credentials.access_token.clone().map(Source::Fixed);
    let client = |has_endpoint: bool| (has_endpoint && credentials.client.is_some()).then_some(Source::Token);
    match kind {
        SchemeKind::ApiKey { .. } => credentials.api_key.clone().filter(|_| !need.own).map(Source::Fixed),
        SchemeKind::Http { scheme } if scheme == "basic" => {
            let (username, password) = credentials.basic.as_ref()?;
            Some(Source::Fixed(basic_credentials(username, password)))
        }
        SchemeKind::Http { scheme } if scheme == "digest" => {
            credentials.basic.clone().map(|(username, password)| Source::Digest(username, password))
        }
        SchemeKind::OAuth2(flow) => {
            token().or_else(|| client(flow.token_url.is_some() || flow.metadata_url.is_some()))
        }
        SchemeKind::OpenIdConnect { .. } => token().or_else(|| client(true)),
        _ => token(),
    }
}

/// A secret given for one scheme by name: for schemes that take a user name and a password `USER:PASSWORD`.
fn named(kind: &SchemeKind, secret: &SecretString) -> Option<Source> {
    let pair = secret.expose_secret().split_once(':');
    match (kind, pair) {
        (SchemeKind::Http { scheme }, Some((username, password))) if scheme == "basic" => {
            Some(Source::Fixed(basic_credentials(username, &password.into())))
        }
        (SchemeKind::Http { scheme }, pair) if scheme == "digest" => {
            pair.map(|(username, password)| Source::Digest(username.to_owned(), password.into()))
        }
        _ => Some(Source::Fixed(secret.clone())),
    }
}

/// What of the credentials a scheme cannot carry: a colon in a user name would move the rest of it into the password
/// (RFC 7617 §2).
pub(crate) fn unfit(credentials: &Credentials, need: &Need) -> Option<&'static str> {
    let SchemeKind::Http { scheme } = &need.scheme.kind else { return None };
    let (username, _) = credentials.basic.as_ref().filter(|_| scheme == "basic")?;
    let is_used = credentials.of_scheme(&need.scheme.name).is_none();
    (is_used && username.contains(':')).then_some("the user name must not hold `:`")
}

/// `user-id:password` in base64 (RFC 7617 §2).
pub(super) fn basic_credentials(username: &str, password: &SecretString) -> SecretString {
    let pair = Zeroizing::new(format!("{username}:{}", password.expose_secret()));
    BASE64.encode(pair.as_bytes()).into()
}

/// A client's ID and secret for HTTP basic authentication: form-encoded first (RFC 6749 §2.3.1).
pub(super) fn client_credentials(id: &str, secret: &SecretString) -> SecretString {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    basic_credentials(&encoded(id), &encoded(secret.expose_secret()).into())
}

/// Whether a secret for `Authorization` names its scheme itself, as in `token 0123`: no token holds a space
/// (RFC 9110 §11.4), so such a text is the whole header value.
pub(super) fn names_its_scheme(secret: &SecretString) -> bool {
    let is_token_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    secret.expose_secret().split_once(' ').is_some_and(|(word, rest)| {
        !word.is_empty() && word.bytes().all(is_token_byte) && !rest.trim().is_empty()
    })
}

/// The place of a scheme's secret in a request; `None` for schemes that put nothing into it. What is known of the
/// credentials decides which variables it is said to come from.
pub(crate) fn placement(
    definition: &ServiceDef,
    need: &Need,
    credentials: &Credentials,
) -> Option<Placement> {
    let scheme = &need.scheme;
    let mut place = place(scheme)?;
    if let (Place::Header { prefix, .. }, Some(Source::Fixed(secret))) =
        (&mut place, source(credentials, need, false))
        && !prefix.is_empty()
        && names_its_scheme(&secret)
    {
        prefix.clear();
    }
    let own = need.own || credentials.of_scheme(&scheme.name).is_some();
    let own = variable_of_scheme(definition, &scheme.name).filter(|_| own);
    let variables = match own {
        Some(variable) => vec![variable],
        None => settings(&scheme.kind).iter().map(|key| variable_for(definition, *key)).collect(),
    };
    Some(Placement { scheme: scheme.name.clone(), place, variables })
}

/// What of a profile serves a kind of scheme, an access token in place of a client.
fn settings(kind: &SchemeKind) -> &'static [Setting] {
    match kind {
        SchemeKind::ApiKey { .. } => &[Setting::ApiKey],
        SchemeKind::Http { scheme } if matches!(scheme.as_str(), "basic" | "digest") => {
            &[Setting::Username, Setting::Password]
        }
        _ => &[Setting::AccessToken],
    }
}

/// Where a scheme's secret goes; `None` for a client certificate, which the connection carries.
pub(crate) fn place(scheme: &SecuritySchemeDef) -> Option<Place> {
    let authorization =
        |word: &str| Place::Header { name: "authorization".to_owned(), prefix: format!("{word} ") };
    Some(match &scheme.kind {
        SchemeKind::ApiKey { location: Location::Query, name } => Place::Query { name: name.clone() },
        SchemeKind::ApiKey { location: Location::Cookie, name } => Place::Cookie { name: name.clone() },
        SchemeKind::ApiKey { name, .. } => {
            Place::Header { name: name.to_ascii_lowercase(), prefix: String::new() }
        }
        SchemeKind::Http { scheme } => authorization(match scheme.as_str() {
            "basic" => "Basic",
            "bearer" => "Bearer",
            "digest" => "Digest",
            other => other,
        }),
        SchemeKind::OAuth2(_) | SchemeKind::OpenIdConnect { .. } | SchemeKind::Other { .. } => {
            authorization("Bearer")
        }
        SchemeKind::MutualTls => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;
    use crate::operation::OAuth2Def;

    fn need(kind: SchemeKind) -> Need {
        let scheme = SecuritySchemeDef { name: "one".to_owned(), kind };
        Need { scheme, scopes: Vec::new(), own: false }
    }

    fn http(scheme: &str) -> SchemeKind {
        SchemeKind::Http { scheme: scheme.to_owned() }
    }

    fn key(location: Location, name: &str) -> SchemeKind {
        SchemeKind::ApiKey { location, name: name.to_owned() }
    }

    fn fixed(credentials: &Credentials, kind: SchemeKind) -> Option<String> {
        match source(credentials, &need(kind), false) {
            Some(Source::Fixed(secret)) => Some(secret.expose_secret().to_owned()),
            _ => None,
        }
    }

    #[test]
    fn every_kind_has_its_place() {
        let header =
            |name: &str, prefix: &str| Place::Header { name: name.to_owned(), prefix: prefix.to_owned() };
        for (kind, expected) in [
            (SchemeKind::OAuth2(OAuth2Def::default()), header("authorization", "Bearer ")),
            (SchemeKind::OpenIdConnect { url: String::new() }, header("authorization", "Bearer ")),
            (key(Location::Header, "X-Key"), header("x-key", "")),
            (key(Location::Query, "app"), Place::Query { name: "app".to_owned() }),
            (key(Location::Cookie, "jar"), Place::Cookie { name: "jar".to_owned() }),
            (http("basic"), header("authorization", "Basic ")),
            (http("bearer"), header("authorization", "Bearer ")),
            (http("digest"), header("authorization", "Digest ")),
            (http("token"), header("authorization", "token ")),
            (http("HOBA"), header("authorization", "HOBA ")),
        ] {
            assert_eq!(place(&need(kind).scheme), Some(expected));
        }
        assert_eq!(place(&need(SchemeKind::MutualTls).scheme), None);
    }

    #[test]
    fn a_token_serves_bearer_schemes_and_spares_the_token_request() {
        let credentials = Credentials::new().client("id", "secret").access_token("t");
        let flow = OAuth2Def { token_url: Some("/token".to_owned()), ..OAuth2Def::default() };
        let openid = SchemeKind::OpenIdConnect { url: String::new() };
        for kind in [SchemeKind::OAuth2(flow), openid, http("bearer"), http("hoba")] {
            assert_eq!(fixed(&credentials, kind).as_deref(), Some("t"));
        }
    }

    #[test]
    fn a_client_serves_where_a_token_endpoint_is_known() {
        let credentials = Credentials::new().client("id", "secret");
        let is_served = |kind| matches!(source(&credentials, &need(kind), false), Some(Source::Token));
        let flow = |token_url: Option<&str>, metadata_url: Option<&str>| {
            SchemeKind::OAuth2(OAuth2Def {
                token_url: token_url.map(str::to_owned),
                metadata_url: metadata_url.map(str::to_owned),
                ..OAuth2Def::default()
            })
        };
        assert!(is_served(flow(Some("/t"), None)) && is_served(flow(None, Some("/m"))));
        assert!(is_served(SchemeKind::OpenIdConnect { url: String::new() }));
        assert!(!is_served(flow(None, None)) && !is_served(http("bearer")));
    }

    #[test]
    fn basic_is_written_as_the_rfc_writes_it() {
        let secret = basic_credentials("Aladdin", &"open sesame".into());
        assert_eq!(secret.expose_secret(), "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let secret = client_credentials("a:b", &"&+/=% ~".into());
        assert_eq!(secret.expose_secret(), &BASE64.encode("a%3Ab:%26%2B%2F%3D%25+%7E"));
    }

    #[test]
    fn a_user_name_holds_no_colon_where_one_ends_it() {
        let credentials = Credentials::new().basic("a:b", "c");
        assert_eq!(unfit(&credentials, &need(http("basic"))), Some("the user name must not hold `:`"));
        assert_eq!(unfit(&credentials, &need(http("digest"))), None);
        assert_eq!(unfit(&credentials.scheme("one", "a:b:c"), &need(http("basic"))), None);
        assert_eq!(unfit(&Credentials::new().basic("a", "b:c"), &need(http("basic"))), None);
    }

    #[test]
    fn a_pair_by_name_is_user_and_password() {
        let credentials = Credentials::new().scheme("one", "Aladdin:open sesame");
        assert_eq!(fixed(&credentials, http("basic")).as_deref(), Some("QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        let Some(Source::Digest(username, password)) = source(&credentials, &need(http("digest")), false)
        else {
            unreachable!("digest takes a pair")
        };
        assert_eq!((username.as_str(), password.expose_secret()), ("Aladdin", "open sesame"));
        let encoded = Credentials::new().scheme("one", "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(fixed(&encoded, http("basic")), fixed(&credentials, http("basic")));
        assert!(source(&encoded, &need(http("digest")), false).is_none());
    }

    #[test]
    fn a_secret_may_name_its_scheme() {
        for (secret, whole) in [
            ("token abc", true),
            ("GenieKey 1-2", true),
            ("abc", false),
            ("abc ", false),
            (" abc", false),
            ("a,b c", false),
        ] {
            assert_eq!(names_its_scheme(&secret.into()), whole, "{secret:?}");
        }
        let definition = ServiceDef { name: "pets".to_owned(), ..ServiceDef::default() };
        let prefix = |secret: &str, kind| {
            let credentials = Credentials::new().access_token(secret).api_key(secret);
            placement(&definition, &need(kind), &credentials).unwrap().place
        };
        let header =
            |name: &str, prefix: &str| Place::Header { name: name.to_owned(), prefix: prefix.to_owned() };
        assert_eq!(prefix("token abc", http("bearer")), header("authorization", ""));
        assert_eq!(prefix("abc", http("bearer")), header("authorization", "Bearer "));
        assert_eq!(prefix("a b", key(Location::Header, "X-K")), header("x-k", ""));
    }

    #[test]
    fn variables_are_those_that_the_secret_comes_from() {
        let definition = ServiceDef { name: "pets".to_owned(), ..ServiceDef::default() };
        let variables = |need: &Need, credentials: &Credentials| {
            placement(&definition, need, credentials).unwrap().variables
        };
        let header = need(key(Location::Header, "X-Key"));
        assert_eq!(variables(&header, &Credentials::new()), ["PETS_API_KEY"]);
        assert_eq!(variables(&header, &Credentials::new().scheme("one", "k")), ["PETS_ONE"]);
        assert_eq!(variables(&Need { own: true, ..header }, &Credentials::new()), ["PETS_ONE"]);
        let basic = need(http("digest"));
        assert_eq!(variables(&basic, &Credentials::new()), ["PETS_USERNAME", "PETS_PASSWORD"]);
    }
}
