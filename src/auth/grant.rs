//! What signs one call in: its secrets, and which fetches brought them.

use std::sync::{Arc, OnceLock};

use secrecy::SecretString;

use super::digest::Challenge;
use super::renewing::Renewing;
use super::source::Need;

/// A token's scheme and its scopes, sorted.
pub(super) type TokenKey = (String, String);

pub(super) fn key_of(need: &Need) -> TokenKey {
    let mut scopes = need.scopes.clone();
    scopes.sort();
    scopes.dedup();
    (need.scheme.name.clone(), scopes.join(" "))
}

/// The secrets of one call.
#[derive(Clone, Default)]
pub(crate) struct Grant {
    pub(super) secrets: Vec<(String, SecretString)>,
    /// The scheme that answers a challenge, with user name and password.
    pub(super) digest: Option<(String, String, SecretString)>,
    /// The challenge to answer; without one the request goes out without it, to be told one.
    pub(crate) challenge: Option<Arc<Challenge>>,
    pub(super) leases: Rejected,
    /// The tokens among the secrets, each with the number of the fetch that brought it.
    pub(super) tokens: Vec<(Arc<Renewing<SecretString>>, u64)>,
    /// Whether a token of it was found in the cache, so that nobody knows yet whether it is still good.
    pub(crate) is_found: bool,
}

/// Which fetches brought the secrets of a grant, by token; the provider's has none. Handed back after a 401.
#[derive(Default, Clone)]
pub(crate) struct Rejected(pub(super) Vec<(Option<TokenKey>, u64)>);

impl Rejected {
    /// Whether nothing was refused.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn of(&self, token: Option<&TokenKey>) -> Option<u64> {
        self.0.iter().find(|(known, _)| known.as_ref() == token).map(|(_, generation)| *generation)
    }
}

impl Grant {
    pub(crate) fn secret(&self, scheme: &str) -> Option<&SecretString> {
        self.secrets.iter().find(|(known, _)| known == scheme).map(|(_, secret)| secret)
    }

    /// All that is secret in it.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        let password = self.digest.as_ref().map(|(_, _, password)| password);
        self.secrets.iter().map(|(_, secret)| secret).chain(password)
    }

    /// That of a call that nothing has signed in, one for all of them.
    pub(crate) fn none() -> &'static Arc<Self> {
        static NONE: OnceLock<Arc<Grant>> = OnceLock::new();
        NONE.get_or_init(Arc::default)
    }

    /// Whether it is what would be granted again: nothing of it is near its end, renewed or given back since. Only for
    /// one by the profile's own credentials, which stay as they are.
    pub(crate) fn serves(&self) -> bool {
        self.digest.is_none() && self.tokens.iter().all(|(token, generation)| token.is_fresh(*generation))
    }

    /// The same with the challenge that its origin gave last.
    pub(crate) fn with_challenge(&self, challenge: Option<Arc<Challenge>>) -> Self {
        Self { challenge, ..self.clone() }
    }

    /// Whether a challenge of the server has to be answered.
    pub(crate) fn is_digest(&self) -> bool {
        self.digest.is_some()
    }

    /// The answer to the challenge for one request, where the scheme is the one that answers challenges.
    pub(crate) fn answer(&self, scheme: &str, method: &str, uri: &str) -> Option<String> {
        let (_, username, password) = self.digest.as_ref().filter(|(known, ..)| known == scheme)?;
        self.challenge.as_ref().map(|challenge| challenge.answer(method, uri, username, password))
    }

    /// What a 401 rejects, where anything of it can be fetched anew.
    pub(crate) fn renewable(&self) -> Option<Rejected> {
        (!self.leases.0.is_empty()).then(|| self.leases.clone())
    }

    #[cfg(test)]
    pub(crate) fn fixed(scheme: &str, secret: &str) -> Self {
        Self { secrets: vec![(scheme.to_owned(), secret.into())], ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use tokio::time::Instant;

    use super::super::renewing::Fetched;
    use super::*;

    #[test]
    fn all_that_is_secret_is_told_to_who_hides_it() {
        let digest = Some(("d".to_owned(), "user".to_owned(), "password".into()));
        let grant = Grant { digest, ..Grant::fixed("s", "token") };
        let secrets: Vec<_> = grant.secrets().map(secrecy::ExposeSecret::expose_secret).collect();
        assert_eq!(secrets, ["token", "password"]);
    }

    #[test]
    fn it_serves_again_while_every_token_of_it_is_the_newest() {
        let token = Arc::new(Renewing::default());
        let generation = token.offer(Fetched::new("t".into(), None, Instant::now())).generation;
        let grant = Grant { tokens: vec![(Arc::clone(&token), generation)], ..Grant::default() };
        assert!(Grant::default().serves() && grant.serves());
        let digest = Some(("d".to_owned(), "user".to_owned(), "password".into()));
        assert!(!Grant { digest, ..grant.clone() }.serves(), "each answer is another one");
        token.offer(Fetched::new("u".into(), None, Instant::now()));
        assert!(!grant.serves());
    }

    #[test]
    fn what_was_refused_is_known_by_its_token() {
        let key = |scopes: &str| Some(("s".to_owned(), scopes.to_owned()));
        let rejected = Rejected(vec![(key("a"), 3), (None, 7)]);
        assert!(!rejected.is_empty() && Rejected::default().is_empty());
        let of = |key: Option<TokenKey>| rejected.of(key.as_ref());
        assert_eq!([of(key("a")), of(None), of(key("b"))], [Some(3), Some(7), None]);
    }
}
