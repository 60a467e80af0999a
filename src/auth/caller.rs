//! Whose limits a call counts for: servers count requests by credential, so those who sign in alike wait together, and
//! nobody else with them.

use secrecy::{ExposeSecret as _, SecretString};
use std::path::Path;
use std::sync::Arc;
use url::Url;

use super::account::Account;
use super::identity::{Identity, in_file_name};
use super::source::{Need, Source, source};
use crate::document::sha256;
use crate::operation::SchemeKind;
use crate::profile::Credentials;
use crate::transport::Caller;

impl Account {
    /// The caller of a request: by the origin that it goes to, the credentials that sign it in, and what the user put in
    /// their places by hand.
    pub(crate) fn caller(
        &self,
        origin: &str,
        needs: &[Need],
        credentials: &Credentials,
        given: &[SecretString],
    ) -> Caller {
        let nobody = Identity { service: &self.definition.name, place: origin, ..Identity::default() };
        let mut keys: Vec<_> = needs.iter().map(|need| key(nobody, need, credentials)).collect();
        keys.extend(given.iter().map(|secret| Identity { secret: Some(secret), ..nobody }.key()));
        let key = match &keys[..] {
            [] => nobody.key(),
            [only] => only.clone(),
            several => sha256(&several.iter().map(String::as_bytes).collect::<Vec<_>>()),
        };
        named(&self.definition.name, &key, self.folder())
    }
}

/// A caller by a hash, and by its service: what a service has asked for can be forgotten all at once.
fn named(service: &str, hash: &str, cache: Option<&Path>) -> Caller {
    let key = format!("{}-{hash}", in_file_name(service));
    Caller::new(key.into(), cache.map(Path::to_owned))
}

/// Who asks for a token at an endpoint, or, without credentials, for what tells of one. Those who ask wait together, and
/// no calls with them: a token that is there serves on while there is no other.
pub(super) fn asker(
    service: &str,
    url: &Url,
    credentials: Option<&Credentials>,
    cache: Option<&Path>,
) -> Arc<Caller> {
    let origin = url.origin().ascii_serialization();
    let client = credentials.and_then(|credentials| Some(credentials.client.as_ref()?.0.as_str()));
    let member = credentials.and_then(|credentials| credentials.member.as_deref());
    let key = Identity { service, place: &origin, client, member, ..Identity::default() }.key();
    Arc::new(named(service, &key, cache))
}

/// Who a scheme signs in: users and clients by name, whatever their password or token is; else the secret tells.
fn key(nobody: Identity<'_>, need: &Need, credentials: &Credentials) -> String {
    let named = Identity { scheme: &need.scheme.name, ..nobody };
    match source(credentials, need, true) {
        Some(Source::Token) => {
            let client = credentials.client.as_ref().map(|(id, _)| id.as_str());
            Identity { client, member: credentials.member.as_deref(), ..named }.key()
        }
        Some(Source::Digest(user, _)) => Identity { client: Some(&user), ..named }.key(),
        Some(Source::Fixed(secret)) => match user_of(need, credentials) {
            Some(user) => Identity { client: Some(user), ..named }.key(),
            None => Identity { secret: Some(&secret), ..named }.key(),
        },
        Some(Source::Connection) | None => named.key(),
    }
}

/// The user of HTTP basic authentication.
fn user_of<'c>(need: &Need, credentials: &'c Credentials) -> Option<&'c str> {
    if !matches!(&need.scheme.kind, SchemeKind::Http { scheme } if scheme == "basic") {
        return None;
    }
    match credentials.of_scheme(&need.scheme.name) {
        Some(pair) => Some(pair.expose_secret().split_once(':')?.0),
        None => Some(&credentials.basic.as_ref()?.0),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use std::collections::HashSet;
    use std::sync::Arc;

    use super::*;
    use crate::operation::{Location, OAuth2Def, SecuritySchemeDef, ServiceDef};
    use crate::profile::Profile;

    fn need(name: &str, kind: SchemeKind) -> Need {
        let scheme = SecuritySchemeDef { name: name.to_owned(), kind };
        Need { scheme, scopes: Vec::new(), own: false }
    }

    fn of(need: &Need, credentials: &Credentials) -> String {
        key(
            Identity { service: "pets", place: "https://a.example", ..Identity::default() },
            need,
            credentials,
        )
    }

    fn http(scheme: &str) -> Need {
        need("http", SchemeKind::Http { scheme: scheme.to_owned() })
    }

    #[test]
    fn those_who_sign_in_alike_are_one_caller() {
        let flow = OAuth2Def { token_url: Some("/token".to_owned()), ..OAuth2Def::default() };
        let oauth = need("oauth", SchemeKind::OAuth2(flow));
        let api_key = need("key", SchemeKind::ApiKey { location: Location::Header, name: "x".to_owned() });
        let new = Credentials::new;
        let all = [
            of(&oauth, &new().client("id", "s")),
            of(&oauth, &new().client("id", "s").member("m")),
            of(&oauth, &new().client("other", "s")),
            of(&oauth, &new().access_token("t")),
            of(&oauth, &new()),
            of(&api_key, &new().api_key("k")),
            of(&api_key, &new().api_key("l")),
            of(&http("basic"), &new().basic("u", "p")),
            of(&http("basic"), &new().basic("v", "p")),
            of(&http("bearer"), &new().access_token("t")),
        ];
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert_eq!(of(&oauth, &new().client("id", "rotated")), all[0]);
        assert_eq!(of(&api_key, &new().api_key("k")), all[5]);
    }

    #[test]
    fn no_password_is_guessed_from_a_name() {
        let new = Credentials::new;
        for scheme in ["basic", "digest"] {
            let by_name = of(&http(scheme), &new().basic("u", "p"));
            assert_eq!(by_name, of(&http(scheme), &new().basic("u", "other")), "{scheme}");
            assert_eq!(by_name, of(&http(scheme), &new().scheme("http", "u:third")), "{scheme}");
        }
    }

    fn account(service: &str) -> Account {
        let definition = ServiceDef { name: service.to_owned(), ..ServiceDef::default() };
        let profile = Profile::new().base_url("https://a.example");
        Account::new(Arc::new(definition), Vec::new(), profile, None, None).unwrap()
    }

    #[test]
    fn service_origin_and_what_is_given_by_hand_tell_callers_apart() {
        let new = Credentials::new();
        let call = |service: &str, origin: &str, value: &str| {
            account(service).caller(origin, &[], &new, &[value.into()]).key
        };
        let one = call("pets", "https://a.example", "k");
        assert_eq!(one, call("pets", "https://a.example", "k"));
        assert_ne!(one, call("cars", "https://a.example", "k"));
        assert_ne!(one, call("pets", "https://b.example", "k"));
        assert_ne!(one, call("pets", "https://a.example", "l"));
        assert_ne!(call("my pets", "https://a.example", "k"), call("my_pets", "https://a.example", "k"));
        let users = ["u", "v"].map(|user| of(&http("digest"), &Credentials::new().basic(user, "p")));
        assert_ne!(users[0], users[1]);
    }

    #[test]
    fn who_asks_for_tokens_is_told_apart_by_service_origin_client_and_member() {
        let credentials = |client: &str| Credentials::new().client(client, "s");
        let ask = |service: &str, url: &str, credentials: Option<&Credentials>| {
            asker(service, &Url::parse(url).unwrap(), credentials, None).key.to_string()
        };
        let (here, id) = ("https://a.example/token", credentials("id"));
        let all = [
            ask("pets", here, Some(&id)),
            ask("cars", here, Some(&id)),
            ask("pets", "https://b.example/token", Some(&id)),
            ask("pets", here, Some(&credentials("other"))),
            ask("pets", here, Some(&credentials("id").member("m"))),
            ask("pets", here, None),
        ];
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert_eq!(ask("pets", "https://a.example/other", Some(&id)), all[0], "of one origin");
        assert_ne!(ask("my pets", here, None), ask("my_pets", here, None), "as files' names they are one");
    }
}
