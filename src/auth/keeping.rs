//! An account's tokens between processes: looked for in the token cache, fetched by one process for all, forgotten.

use std::io::ErrorKind;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use secrecy::{ExposeSecret as _, SecretString};

use super::account::Account;
use super::cache::{Kept, Slot};
use super::entry::Effort;
use super::grant::{TokenKey, key_of};
use super::identity::{Identity, in_file_name};
use super::renewing::{Fetched, Keeping, Lease, Renewing, renewed_at};
use super::source::Need;
use super::token::absolute;
use super::{Carried, Rejected, SignInError};
use crate::attempt::{Attempt, Wait, WaitReason};
use crate::error::{Error, IoError};
use crate::operation::{SchemeKind, SecuritySchemeDef};
use crate::profile::{Base, Credentials, find_region};
use crate::transport::Transport;

/// How often it is looked whether another process has a token meanwhile.
const PAUSE: Duration = Duration::from_millis(100);

/// A token with what is known of it.
pub(crate) struct Token {
    pub(crate) secret: SecretString,
    /// How long it is still good for.
    pub(crate) ends_in: Option<Duration>,
    /// What became of it in the cache.
    pub(crate) keeping: Keeping,
    /// The requests that it took.
    pub(crate) attempts: Vec<Attempt>,
    /// How long it was waited for while another process fetched it.
    pub(crate) held: Option<Wait>,
}

/// What became of the tokens that were to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Forgotten {
    /// How many tokens there were, in this harness and in its token cache.
    pub tokens: usize,
    /// How many of them the service has ended (RFC 7009); the others end by themselves.
    pub revoked: usize,
    /// The requests that this took.
    pub attempts: Vec<Attempt>,
}

impl Account {
    /// Where a token is kept; `None` without a cache, and for credentials that need no token.
    fn slot(&self, scheme: &SecuritySchemeDef, scopes: &[String], credentials: &Credentials) -> Option<Slot> {
        let (_, secret) = credentials.client.as_ref()?;
        let place = self.token_place(&scheme.kind)?;
        Some(self.cache.as_ref()?.slot(&self.identity(scheme, &place, credentials)?, scopes, secret))
    }

    fn identity<'a>(
        &'a self,
        scheme: &'a SecuritySchemeDef,
        place: &'a str,
        credentials: &'a Credentials,
    ) -> Option<Identity<'a>> {
        Some(Identity {
            service: &self.definition.name,
            scheme: &scheme.name,
            place,
            client: Some(&credentials.client.as_ref()?.0),
            member: credentials.member.as_deref(),
            secret: None,
        })
    }

    /// The URL that decides where tokens come from, as configured: before any discovery, so that it is the same in
    /// every process.
    pub(super) fn token_place(&self, kind: &SchemeKind) -> Option<String> {
        self.token_address(kind, &self.home)
    }

    /// The same where the account is now.
    pub(super) fn token_address(&self, kind: &SchemeKind, base: &Base) -> Option<String> {
        let written = match (self.token_url.as_deref(), kind) {
            (Some(url), _) => Some(url),
            (None, SchemeKind::OpenIdConnect { url }) => Some(url.as_str()),
            (None, SchemeKind::OAuth2(flow)) => flow.metadata_url.as_deref().or(flow.token_url.as_deref()),
            _ => None,
        };
        absolute(base, written?).ok().map(String::from)
    }

    /// A token that is fresh: one that another process has kept, else a new one, which is kept for the others. Those
    /// who want one at the same time wait for it as long as an attempt may take, and keep enough time to ask themselves
    /// in the end: the one that they wait for may have been stopped. With `anew` it is a new one.
    pub(super) async fn shared_token(
        &self,
        need: &Need,
        credentials: &Credentials,
        transport: &Transport,
        (renewing, anew): (&Renewing<SecretString>, bool),
        effort: &mut Effort,
    ) -> Result<Fetched<SecretString>, SignInError> {
        let Some(slot) = self.slot(&need.scheme, &need.scopes, credentials) else {
            return Ok(self.new_token(need, credentials, transport, &mut effort.attempts).await?.0);
        };
        if let Some(found) = self.look(&slot, renewing, anew) {
            return Ok(found);
        }
        let mut waited = None;
        let patience = transport.patience().timeout().min(transport.time_left() / 4 * 3);
        let lock = slot.lock(patience, &mut waited).await;
        let waited = waited.map(|length| Wait { length, reason: WaitReason::TokenLock });
        if let Some(found) = self.look(&slot, renewing, anew) {
            effort.hold(waited);
            return Ok(found);
        }
        let since = SystemTime::now();
        let before = effort.attempts.len();
        let asked = self.new_token(need, credentials, transport, &mut effort.attempts);
        let asked = match &lock {
            Err(error) if error.kind() == ErrorKind::WouldBlock => tokio::select! {
                biased;
                found = self.found(&slot, renewing, anew) => {
                    effort.hold(waited);
                    return Ok(found);
                }
                asked = asked => asked,
            },
            _ => asked.await,
        };
        if let Some(first) = effort.attempts.get_mut(before) {
            first.held = Wait::both(waited, first.held);
        }
        let (token, base) = match asked {
            Ok(asked) => asked,
            // Another process may have got one meanwhile.
            Err(error) => {
                return self.look(&slot, renewing, anew).ok_or_else(|| error.held_before(waited, before));
            }
        };
        let Some(lifetime) = token.lifetime else { return Ok(token) };
        let region = base.region.map(|name| (name, base.url));
        let kept = Kept { token: token.value.clone(), since, lifetime, region };
        let written = match lock {
            Ok(lock) => slot.keep(lock, &kept).await,
            Err(error) => Err(error),
        };
        let keeping = written.map_or_else(|why| Keeping::Failed(why.to_string().into()), |()| Keeping::Kept);
        Ok(Fetched { keeping, ..token })
    }

    /// The token that another process keeps while this one asks for one too.
    async fn found(
        &self,
        slot: &Slot,
        renewing: &Renewing<SecretString>,
        anew: bool,
    ) -> Fetched<SecretString> {
        loop {
            if let Some(found) = self.look(slot, renewing, anew) {
                return found;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The token that is kept, unless it is the one that is held here and is over or refused. One near its end serves
    /// only while there is no other.
    fn look(
        &self,
        slot: &Slot,
        renewing: &Renewing<SecretString>,
        anew: bool,
    ) -> Option<Fetched<SecretString>> {
        if anew {
            return None;
        }
        let now = SystemTime::now();
        let held = renewing.held();
        let kept = slot.find(now).filter(|kept| {
            held.as_ref().is_none_or(|held| held.expose_secret() != kept.token.expose_secret())
        })?;
        if !self.follow(kept.region.as_ref()) {
            return None;
        }
        let found = kept.found(now);
        if found.age < renewed_at(found.lifetime.unwrap_or_default()) {
            tracing::debug!(service = self.definition.name, "a kept token serves");
            return Some(found);
        }
        if held.is_none() {
            renewing.offer(found);
        }
        None
    }

    /// Goes to the region that a kept token belongs to: one of the service's own, and only where the user has not set
    /// a base URL.
    fn follow(&self, region: Option<&(String, String)>) -> bool {
        let Some((name, url)) = region else { return true };
        if self.home.explicit {
            return false;
        }
        let known = find_region(&self.regions, name).map(Base::of_region).filter(|base| base.url == *url);
        let Some(base) = known else { return false };
        self.move_to(base);
        true
    }

    /// Fetches a token now, whatever is there already.
    pub(crate) async fn renew(&self, need: &Need, transport: &Transport) -> Result<Token, SignInError> {
        self.lease(need, transport, true).await
    }

    /// The token, fetched where there is none.
    pub(crate) async fn obtain(&self, need: &Need, transport: &Transport) -> Result<Token, SignInError> {
        self.lease(need, transport, false).await
    }

    /// The token that is kept and not over; nobody is asked.
    pub(crate) async fn kept(&self, need: &Need) -> Option<Token> {
        let credentials = self.credentials(&Rejected::default()).await.ok()?;
        let now = SystemTime::now();
        let found = self.slot(&need.scheme, &need.scopes, &credentials)?.find(now)?.found(now);
        let ends_in = found.lifetime.map(|lifetime| lifetime.saturating_sub(found.age));
        Some(Token { secret: found.value, ends_in, keeping: Keeping::Kept, attempts: Vec::new(), held: None })
    }

    async fn lease(&self, need: &Need, transport: &Transport, anew: bool) -> Result<Token, SignInError> {
        let token = self.token(&key_of(need));
        let rejected = anew.then(|| token.generation());
        let mut effort = Effort::default();
        let fetched = token
            .get(transport.patience(), rejected, || {
                self.fetch_token(need, transport, &token, anew, &mut effort)
            })
            .await;
        let Lease { value: secret, keeping, .. } = fetched?;
        Ok(Token { secret, ends_in: token.ends_in(), keeping, attempts: effort.attempts, held: effort.held })
    }

    /// Gives every token that is held here back to its service, and forgets it, in the cache too.
    pub(crate) async fn revoke_held(
        &self,
        transport: &Transport,
        forgotten: &mut Forgotten,
    ) -> Result<(), SignInError> {
        let tokens: Vec<_> = {
            let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
            tokens.iter().map(|(key, token)| (key.clone(), Arc::clone(token))).collect()
        };
        let mut outcome = Ok(());
        for (key, token) in tokens {
            let Some(token) = token.forget() else { continue };
            forgotten.tokens += 1;
            self.unkeep(&key, &token).await;
            match self.revoke_token(&key.0, &token, transport, &mut forgotten.attempts).await {
                Ok(revoked) => forgotten.revoked += usize::from(revoked),
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        outcome
    }

    pub(super) async fn revoke_token(
        &self,
        scheme: &str,
        token: &SecretString,
        transport: &Transport,
        made: &mut Vec<Attempt>,
    ) -> Result<bool, SignInError> {
        let mut log = Vec::new();
        let ended = self.end_token(scheme, token, transport, &mut log).await;
        made.append(&mut log);
        ended
    }

    async fn end_token(
        &self,
        scheme: &str,
        token: &SecretString,
        transport: &Transport,
        log: &mut Vec<Attempt>,
    ) -> Result<bool, SignInError> {
        let mut schemes = self.definition.security_schemes.iter();
        let Some(scheme) = schemes.find(|one| one.name == scheme) else { return Ok(false) };
        let flow = self.flow(&scheme.name, &scheme.kind, transport, log).await?;
        let (credentials, _) = self.leased_credentials(None).await?;
        let endpoint = self.endpoint(&flow, &[], transport);
        let ended = endpoint.revoke(&self.base(), &credentials, token, log).await;
        let carried = || Carried::of(&credentials, Some(token), transport);
        ended.map_err(|error| carried().conceal_sign_in(error.after_all(log)))
    }

    /// Forgets a token in the cache, where it is still the one that is kept.
    pub(super) async fn unkeep(&self, (scheme, scopes): &TokenKey, token: &SecretString) {
        let mut schemes = self.definition.security_schemes.iter();
        let scheme = schemes.find(|one| one.name == *scheme);
        let credentials = self.credentials(&Rejected::default()).await;
        let (Some(scheme), Ok(credentials)) = (scheme, credentials) else { return };
        // No scope holds a space (RFC 6749 §3.3).
        let scopes: Vec<_> = scopes.split_ascii_whitespace().map(str::to_owned).collect();
        let Some(slot) = self.slot(scheme, &scopes, &credentials) else { return };
        if let Err(error) = slot.forget(Some(token)).await {
            tracing::warn!(service = self.definition.name, %error, "a revoked token is still in the cache");
        }
    }

    /// Gives back every token of the service that is held or kept, and forgets them all: also where giving back fails,
    /// and also those of other clients, which cannot be given back. What is left counts before what is not given back.
    /// What the service asked anybody of this user to wait for is forgotten first, wherever it was said.
    pub(crate) async fn forget(&self, transport: &Transport) -> Result<Forgotten, Error> {
        let mut forgotten = Forgotten::default();
        let failed = |source| Error::from(IoError { action: "forgetting tokens".to_owned(), source });
        let service = &self.definition.name;
        let words = transport.forget_words(&in_file_name(service), self.folder()).map_err(failed);
        let mut given_back = self.revoke_held(transport, &mut forgotten).await.map_err(Error::from);
        let Some(cache) = &self.cache else { return words.and(given_back).map(|()| forgotten) };
        let mut removed = Ok(());
        for file in cache.of_service(service).map_err(failed)? {
            forgotten.tokens += 1;
            let revoked = self.revoke_kept(&file, transport, &mut forgotten.attempts).await;
            removed = removed.and(cache.remove(file).await.map_err(failed));
            match revoked {
                Ok(revoked) => forgotten.revoked += usize::from(revoked),
                Err(error) => given_back = given_back.and(Err(error.into())),
            }
        }
        removed.and(words).and(given_back).map(|()| forgotten)
    }

    /// Gives a kept token back, where it is one of these credentials and not over.
    async fn revoke_kept(
        &self,
        file: &std::path::Path,
        transport: &Transport,
        made: &mut Vec<Attempt>,
    ) -> Result<bool, SignInError> {
        let credentials = self.credentials(&Rejected::default()).await?;
        let Some((_, secret)) = &credentials.client else { return Ok(false) };
        for scheme in &self.definition.security_schemes {
            let Some(place) = self.token_place(&scheme.kind) else { continue };
            let Some(identity) = self.identity(scheme, &place, &credentials) else { continue };
            let slot = Slot::at(file, &identity, secret);
            let Some(kept) = slot.and_then(|slot| slot.find(SystemTime::now())) else { continue };
            if self.follow(kept.region.as_ref()) {
                return self.revoke_token(&scheme.name, &kept.token, transport, made).await;
            }
        }
        Ok(false)
    }
}
