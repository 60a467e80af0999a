//! One profile of one service at work: its base URL, its credentials, its tokens.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use secrecy::SecretString;

use super::choice::{Source, serves, source};
use super::renewing::{Fetched, Renewing};
use super::token::TokenEndpoint;
use super::{CredentialProvider, SignInError};
use crate::error::AuthError;
use crate::operation::{OAuth2Def, RegionDef, SchemeKind, SecuritySchemeDef, ServiceDef};
use crate::profile::{Base, Credentials, Profile, Wish};
use crate::transport::Transport;

/// One profile of one service at work; shared by all calls that use it.
pub(crate) struct Account {
    pub(crate) definition: Arc<ServiceDef>,
    /// The document's regions, or what replaces them.
    pub(crate) regions: Vec<RegionDef>,
    pub(crate) allow_http: bool,
    /// What the profile and the call say of the server, for operations with servers of their own.
    pub(crate) wish: Wish,
    own: Arc<Credentials>,
    token_url: Option<String>,
    provider: Option<Arc<dyn CredentialProvider>>,
    base: RwLock<Base>,
    provided: Renewing<Arc<Credentials>>,
    tokens: HashMap<String, Renewing<SecretString>>,
}

/// The secrets of one call.
#[derive(Default)]
pub(crate) struct Grant {
    secrets: Vec<(String, SecretString)>,
    leases: Rejected,
}

/// Which fetches brought the secrets of a grant, by scheme; the provider's has no scheme. Handed back after a 401.
#[derive(Default, Clone)]
pub(crate) struct Rejected(Vec<(Option<String>, u64)>);

impl Rejected {
    fn of(&self, scheme: Option<&str>) -> Option<u64> {
        self.0.iter().find(|(known, _)| known.as_deref() == scheme).map(|(_, generation)| *generation)
    }
}

impl Grant {
    pub(crate) fn secret(&self, scheme: &str) -> Option<&SecretString> {
        self.secrets.iter().find(|(known, _)| known == scheme).map(|(_, secret)| secret)
    }

    /// What a 401 rejects, where anything of it can be fetched anew.
    pub(crate) fn renewable(&self) -> Option<Rejected> {
        (!self.leases.0.is_empty()).then(|| self.leases.clone())
    }

    #[cfg(test)]
    pub(crate) fn fixed(scheme: &str, secret: &str) -> Self {
        Self { secrets: vec![(scheme.to_owned(), secret.into())], leases: Rejected::default() }
    }
}

impl Account {
    pub(crate) fn new(
        definition: Arc<ServiceDef>,
        regions: Vec<RegionDef>,
        profile: Profile,
        provider: Option<Arc<dyn CredentialProvider>>,
        allow_http: bool,
    ) -> crate::Result<Self> {
        let base = RwLock::new(Base::decide(&definition, &profile, &regions)?);
        let flows =
            definition.security_schemes.iter().filter(|scheme| matches!(scheme.kind, SchemeKind::OAuth2(_)));
        let tokens = flows.map(|scheme| (scheme.name.clone(), Renewing::default())).collect();
        Ok(Self {
            definition,
            regions,
            allow_http,
            wish: profile.wish(),
            own: Arc::new(profile.credentials),
            token_url: profile.token_url,
            provider,
            base,
            provided: Renewing::default(),
            tokens,
        })
    }

    /// The base URL as of now; region discovery may change it.
    pub(crate) fn base(&self) -> Base {
        self.base.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the builder replaced the document's regions.
    pub(crate) fn has_own_regions(&self) -> bool {
        self.regions != self.definition.regions
    }

    /// Whether the profile itself serves a scheme; a provider is not asked.
    pub(crate) fn serves(&self, scheme: &SecuritySchemeDef, certificate: bool) -> bool {
        serves(&self.own, scheme, certificate)
    }

    /// Whether the secrets of a grant are still the newest ones.
    pub(crate) fn is_current(&self, leases: &Rejected) -> bool {
        leases.0.iter().all(|(scheme, generation)| match scheme {
            None => self.provided.generation() == *generation,
            Some(scheme) => self.tokens.get(scheme).is_some_and(|token| token.generation() == *generation),
        })
    }

    /// The credentials: the profile's, or what the provider gives.
    pub(crate) async fn credentials(&self, rejected: &Rejected) -> Result<Arc<Credentials>, SignInError> {
        Ok(self.leased_credentials(rejected.of(None)).await?.0)
    }

    async fn leased_credentials(
        &self,
        rejected: Option<u64>,
    ) -> Result<(Arc<Credentials>, Option<u64>), SignInError> {
        let Some(provider) = &self.provider else {
            return Ok((Arc::clone(&self.own), None));
        };
        let ask = || async {
            let given = provider.credentials().await.map_err(|error| AuthError {
                service: self.definition.name.clone(),
                problem: format!("the credential provider of {} failed: {error}", self.definition.name),
                hint: None,
                status: None,
                trace_id: None,
            })?;
            Ok(Fetched { value: Arc::new(given), lifetime: None })
        };
        let lease = self.provided.get(rejected, ask).await?;
        Ok((lease.value, Some(lease.generation)))
    }

    /// The secrets for the schemes of a call, tokens fetched where they are missing, near their end or rejected.
    pub(crate) async fn grant(
        &self,
        schemes: &[SecuritySchemeDef],
        rejected: &Rejected,
        transport: &Transport,
    ) -> Result<Grant, SignInError> {
        let mut grant = Grant::default();
        let (credentials, generation) = self.leased_credentials(rejected.of(None)).await?;
        for scheme in schemes {
            match source(&credentials, scheme, transport.has_certificate()) {
                Some(Source::Fixed(secret)) => {
                    grant.secrets.push((scheme.name.clone(), secret));
                    grant.leases.0.extend(generation.map(|generation| (None, generation)));
                }
                Some(Source::Token) => self.add_token(&mut grant, scheme, rejected, transport).await?,
                Some(Source::Connection) | None => {}
            }
        }
        Ok(grant)
    }

    async fn add_token(
        &self,
        grant: &mut Grant,
        scheme: &SecuritySchemeDef,
        rejected: &Rejected,
        transport: &Transport,
    ) -> Result<(), SignInError> {
        let SchemeKind::OAuth2(flow) = &scheme.kind else { return Ok(()) };
        let Some(token) = self.tokens.get(&scheme.name) else { return Ok(()) };
        let fetch = || self.fetch_token(flow, transport, token.generation() > 0);
        let lease = token.get(rejected.of(Some(&scheme.name)), fetch).await?;
        grant.secrets.push((scheme.name.clone(), lease.value));
        grant.leases.0.push((Some(scheme.name.clone()), lease.generation));
        Ok(())
    }

    /// Asks the token endpoint. For a renewal a provider is asked anew before: what it gave last time may be over.
    async fn fetch_token(
        &self,
        flow: &OAuth2Def,
        transport: &Transport,
        renewal: bool,
    ) -> Result<Fetched<SecretString>, SignInError> {
        let (mut credentials, generation) = self.leased_credentials(None).await?;
        if renewal && generation.is_some() {
            credentials = self.leased_credentials(generation).await?.0;
        }
        let base = self.base();
        let (token, moved) = self.endpoint(flow, transport).exchange(&base, &credentials).await?;
        if let Some(moved) = moved {
            *self.base.write().unwrap_or_else(PoisonError::into_inner) = moved;
        }
        Ok(token)
    }

    fn endpoint<'a>(&'a self, flow: &'a OAuth2Def, transport: &'a Transport) -> TokenEndpoint<'a> {
        TokenEndpoint {
            definition: &self.definition,
            flow,
            regions: &self.regions,
            token_url: self.token_url.as_deref(),
            transport,
            allow_http: self.allow_http,
        }
    }

    /// Gives every token that was fetched back to its service.
    pub(crate) async fn revoke(&self, transport: &Transport) -> Result<(), SignInError> {
        let mut outcome = Ok(());
        for scheme in &self.definition.security_schemes {
            let SchemeKind::OAuth2(flow) = &scheme.kind else { continue };
            let Some(token) = self.tokens.get(&scheme.name).and_then(Renewing::take) else { continue };
            let (credentials, _) = self.leased_credentials(None).await?;
            let revoked = self.endpoint(flow, transport).revoke(&self.base(), &credentials, &token).await;
            outcome = outcome.and(revoked);
        }
        outcome
    }
}
