//! One profile of one service at work: its base URL, its credentials, its tokens.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use secrecy::SecretString;
use tokio::time::Instant;
use url::Url;

use super::cache::TokenCache;
use super::choice::Choice;
use super::digest::Challenge;
use super::entry::Entrant;
use super::grant::{Grant, Rejected, TokenKey, key_of};
use super::renewing::{Fetched, Lease, Renewing};
use super::source::{Need, Source, source, unfit};
use super::{CredentialProvider, SignInError};
use crate::error::AuthError;
use crate::operation::{OAuth2Def, RegionDef, SchemeKind, SchemeUse, ServiceDef};
use crate::profile::{Base, Credentials, Profile, Wish};
use crate::transport::{ClientCertificate, Link, Patience, Transport};

/// One profile of one service at work; shared by all calls that use it.
pub(crate) struct Account {
    pub(crate) definition: Arc<ServiceDef>,
    /// The document's regions, or what replaces them.
    pub(crate) regions: Vec<RegionDef>,
    /// Shown to the address of the account alone.
    pub(super) certificate: Option<ClientCertificate>,
    /// What the profile and the call say of the server, for operations with servers of their own.
    pub(crate) wish: Wish,
    /// Where the profile was read.
    pub(crate) sources: Vec<String>,
    own: Arc<Credentials>,
    pub(super) token_url: Option<String>,
    provider: Option<Arc<dyn CredentialProvider>>,
    /// The base URL as configured, before any discovery.
    pub(super) home: Base,
    base: RwLock<Arc<Base>>,
    /// How often that has changed.
    moves: AtomicU64,
    pub(super) cache: Option<Arc<TokenCache>>,
    provided: Renewing<Arc<Credentials>>,
    /// One for each set of scopes that was asked for.
    pub(super) tokens: Mutex<HashMap<TokenKey, Arc<Renewing<SecretString>>>>,
    /// What authorization servers tell of themselves, by scheme.
    pub(super) discovered: HashMap<String, Renewing<OAuth2Def>>,
    /// The newest digest challenge of each origin.
    challenges: Mutex<HashMap<String, Arc<Challenge>>>,
}

impl Account {
    pub(crate) fn new(
        definition: Arc<ServiceDef>,
        regions: Vec<RegionDef>,
        profile: Profile,
        provider: Option<Arc<dyn CredentialProvider>>,
        cache: Option<Arc<TokenCache>>,
    ) -> crate::Result<Self> {
        if let Some(certificate) = &profile.certificate {
            certificate.check()?;
        }
        let home = Base::decide(&definition, &profile, &regions)?;
        let asks = |kind: &SchemeKind| match kind {
            SchemeKind::OAuth2(flow) => flow.metadata_url.is_some(),
            kind => matches!(kind, SchemeKind::OpenIdConnect { .. }),
        };
        let asked = definition.security_schemes.iter().filter(|scheme| asks(&scheme.kind));
        let discovered = asked.map(|scheme| (scheme.name.clone(), Renewing::default())).collect();
        Ok(Self {
            definition,
            regions,
            wish: profile.wish(),
            certificate: profile.certificate,
            sources: profile.sources,
            own: Arc::new(profile.credentials),
            token_url: profile.token_url,
            provider,
            base: RwLock::new(Arc::new(home.clone())),
            moves: AtomicU64::new(0),
            home,
            cache,
            provided: Renewing::default(),
            tokens: Mutex::default(),
            discovered,
            challenges: Mutex::default(),
        })
    }

    /// The base URL as of now; region discovery may change it.
    pub(crate) fn base(&self) -> Arc<Base> {
        Arc::clone(&self.base.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes refused tokens out, so that the next call fetches new ones: for a call that cannot be made again.
    pub(crate) async fn discard(&self, refused: &Rejected) {
        for (key, generation) in &refused.0 {
            let Some(key) = key else { continue };
            let token = self.token(key);
            if token.generation() == *generation
                && let Some(token) = token.take()
            {
                self.unkeep(key, &token).await;
            }
        }
    }

    /// Goes to the region that signing in has found.
    pub(super) fn move_to(&self, region: Base) {
        *self.base.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(region);
        self.moves.fetch_add(1, Ordering::Release);
    }

    /// How often the base URL has changed: what was worked out for it holds for as long as this is the same.
    pub(crate) fn moves(&self) -> u64 {
        self.moves.load(Ordering::Acquire)
    }

    /// Whether the base URL never changes: the user named it, or there is no region to go to.
    pub(crate) fn stays(&self) -> bool {
        self.home.explicit || self.regions.is_empty()
    }

    /// Whether the builder replaced the document's regions.
    pub(crate) fn has_own_regions(&self) -> bool {
        self.regions != self.definition.regions
    }

    /// Whether one made anew would do as well: it holds no token that is still good, and no failure that still speaks.
    /// What it would have to learn or be told again (a digest challenge, a provider's credentials) is harmless.
    pub(crate) fn is_idle(&self) -> bool {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        self.provided.is_calm()
            && tokens.values().all(|token| token.is_over() && token.is_calm())
            && self.discovered.values().all(|found| found.is_over() && found.is_calm())
    }

    /// The credentials of the profile itself; a provider is not asked.
    pub(crate) fn own(&self) -> &Credentials {
        &self.own
    }

    /// Whether its credentials are those that a provider gives.
    pub(crate) fn asks_a_provider(&self) -> bool {
        self.provider.is_some()
    }

    /// Whether connections to its address show a client certificate.
    pub(crate) fn has_certificate(&self, transport: &Transport) -> bool {
        self.certificate.is_some() || transport.has_certificate()
    }

    /// The connection for a request to an address of the account.
    pub(crate) fn link(&self, url: &Url, address: &str) -> Link {
        Link::showing(self.certificate.as_ref(), url, address)
    }

    /// What there is to choose among an operation's alternatives by.
    pub(crate) fn choice<'a>(
        &'a self,
        alternatives: &'a [Vec<SchemeUse>],
        credentials: &'a Credentials,
        certificate: bool,
    ) -> Choice<'a> {
        Choice { definition: &self.definition, alternatives, credentials, certificate }
    }

    /// The challenge that an origin gave last.
    pub(crate) fn challenge(&self, origin: &str) -> Option<Arc<Challenge>> {
        self.challenges.lock().unwrap_or_else(PoisonError::into_inner).get(origin).cloned()
    }

    /// Keeps a challenge for the next calls of its origin.
    pub(crate) fn learn(&self, origin: String, challenge: Challenge) {
        self.challenges.lock().unwrap_or_else(PoisonError::into_inner).insert(origin, Arc::new(challenge));
    }

    pub(super) fn token(&self, key: &TokenKey) -> Arc<Renewing<SecretString>> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tokens.entry(key.clone()).or_default())
    }

    /// Whether the secrets of a grant are still the newest ones.
    pub(crate) fn is_current(&self, leases: &Rejected) -> bool {
        leases.0.iter().all(|(token, generation)| match token {
            None => self.provided.generation() == *generation,
            Some(key) => self.token(key).generation() == *generation,
        })
    }

    /// The credentials: the profile's, or what the provider gives.
    pub(crate) async fn credentials(&self, rejected: &Rejected) -> Result<Arc<Credentials>, SignInError> {
        Ok(self.leased_credentials(rejected.of(None)).await?.0)
    }

    pub(super) async fn leased_credentials(
        &self,
        rejected: Option<u64>,
    ) -> Result<(Arc<Credentials>, Option<u64>), SignInError> {
        let Some(provider) = &self.provider else {
            return Ok((Arc::clone(&self.own), None));
        };
        let ask = || async {
            let since = Instant::now();
            let given = provider.credentials().await.map_err(|error| AuthError {
                service: self.definition.name.clone(),
                problem: format!("the credential provider of {} failed: {error}", self.definition.name),
                hint: None,
                status: None,
                trace_id: None,
                retry_after: None,
                attempts: Vec::new(),
                before: Vec::new(),
            })?;
            Ok(Fetched::new(Arc::new(given), None, since))
        };
        let lease = self.provided.get(Patience::default(), rejected, ask).await?;
        Ok((lease.value, Some(lease.generation)))
    }

    /// The secrets for the schemes of a call, tokens fetched where they are missing, near their end or rejected.
    pub(crate) async fn grant(
        &self,
        needs: &[Need],
        rejected: &Rejected,
        mut entrant: Entrant<'_>,
    ) -> Result<Grant, SignInError> {
        let mut grant = Grant::default();
        if needs.is_empty() {
            return Ok(grant);
        }
        let (credentials, generation) = self.leased_credentials(rejected.of(None)).await?;
        let leased = generation.map(|generation| (None, generation));
        for need in needs {
            let scheme = need.scheme.name.clone();
            if let Some(problem) = unfit(&credentials, need) {
                return Err(self.unfit(problem).into());
            }
            match source(&credentials, need, self.has_certificate(entrant.transport)) {
                Some(Source::Fixed(secret)) => {
                    grant.secrets.push((scheme, secret));
                    grant.leases.0.extend(leased.clone());
                }
                Some(Source::Digest(username, password)) => {
                    grant.digest = Some((scheme, username, password));
                    grant.leases.0.extend(leased.clone());
                }
                Some(Source::Token) => self.add_token(&mut grant, need, rejected, &mut entrant).await?,
                Some(Source::Connection) | None => {}
            }
        }
        Ok(grant)
    }

    fn unfit(&self, problem: &str) -> AuthError {
        let service = self.definition.name.clone();
        AuthError {
            problem: format!("{problem} of {service}'s basic authentication: it would end there"),
            hint: Some("correct the user name.".to_owned()),
            status: None,
            trace_id: None,
            retry_after: None,
            attempts: Vec::new(),
            before: Vec::new(),
            service,
        }
    }

    async fn add_token(
        &self,
        grant: &mut Grant,
        need: &Need,
        rejected: &Rejected,
        entrant: &mut Entrant<'_>,
    ) -> Result<(), SignInError> {
        let key = key_of(need);
        let token = self.token(&key);
        let rejected = rejected.of(Some(&key));
        let lease = match token.fresh(rejected) {
            Some(lease) => lease,
            // Apart, for hardly a call has to wait for it and each would have to make room for it.
            None => Box::pin(self.renewed(need, rejected, &token, entrant)).await?,
        };
        grant.secrets.push((need.scheme.name.clone(), lease.value));
        grant.leases.0.push((Some(key), lease.generation));
        grant.tokens.push((Arc::clone(&token), lease.generation));
        grant.is_found |= lease.found;
        Ok(())
    }

    /// A token that was not fresh; the call that it is for may have to wait before.
    async fn renewed(
        &self,
        need: &Need,
        rejected: Option<u64>,
        token: &Renewing<SecretString>,
        entrant: &mut Entrant<'_>,
    ) -> Result<Lease<SecretString>, SignInError> {
        entrant.cool().await?;
        let (transport, effort) = (entrant.transport, &mut *entrant.effort);
        token
            .get(transport.patience(), rejected, || self.fetch_token(need, transport, token, false, effort))
            .await
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
