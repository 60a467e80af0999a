//! How an account gets its tokens: where they are asked for, by which credentials, for how long after a failure not.

use std::path::Path;

use secrecy::SecretString;

use super::SignInError;
use super::account::Account;
use super::caller::asker;
use super::conceal::Carried;
use super::discovery::Discovery;
use super::entry::Effort;
use super::renewing::{Fetched, Renewing};
use super::source::Need;
use super::token::{TokenEndpoint, absolute};
use crate::attempt::Attempt;
use crate::error::ConfigError;
use crate::operation::{ClientAuth, OAuth2Def, SchemeKind};
use crate::profile::{Base, Credentials};
use crate::transport::Transport;

impl Account {
    /// How a token of a scheme is had: as the document says, or as the server that it names says of itself.
    pub(super) async fn flow(
        &self,
        scheme: &str,
        kind: &SchemeKind,
        transport: &Transport,
        log: &mut Vec<Attempt>,
    ) -> Result<OAuth2Def, SignInError> {
        let (written, declared) = match kind {
            SchemeKind::OAuth2(flow) => (flow.metadata_url.as_deref(), flow.clone()),
            SchemeKind::OpenIdConnect { url } => {
                (Some(url.as_str()), OAuth2Def { client_auth: ClientAuth::Basic, ..OAuth2Def::default() })
            }
            _ => (None, OAuth2Def::default()),
        };
        let (Some(written), Some(slot), None) = (written, self.discovered.get(scheme), &self.token_url)
        else {
            return Ok(declared);
        };
        let url = absolute(&self.base(), written).map_err(|problem| {
            SignInError::Config(ConfigError {
                problem: format!("the discovery document {problem}, in {}", self.definition.name),
                hint: Some("set the profile's token URL.".to_owned()),
            })
        })?;
        let asked = Discovery {
            definition: &self.definition,
            transport,
            certificate: self.certificate.as_ref(),
            address: self.base().url.clone(),
            caller: asker(&self.definition.name, &url, None, self.folder()),
            url,
        };
        let found = slot.get(transport.patience(), None, || asked.ask(log)).await?.value;
        let revoke = declared.revoke.clone().or(found.revoke);
        Ok(OAuth2Def { token_url: found.token_url, client_auth: found.client_auth, revoke, ..declared })
    }

    /// Gets a token, and logs the requests for it. For a renewal a provider is asked anew before: what it gave last time may be over.
    pub(super) async fn fetch_token(
        &self,
        need: &Need,
        transport: &Transport,
        renewing: &Renewing<SecretString>,
        anew: bool,
        effort: &mut Effort,
    ) -> Result<Fetched<SecretString>, SignInError> {
        let (mut credentials, generation) = self.leased_credentials(None).await?;
        if renewing.generation() > 0 && generation.is_some() {
            credentials = self.leased_credentials(generation).await?.0;
        }
        self.shared_token(need, &credentials, transport, (renewing, anew), effort).await
    }

    /// Asks the token endpoint; returns also the address that the token is for.
    pub(super) async fn new_token(
        &self,
        need: &Need,
        credentials: &Credentials,
        transport: &Transport,
        log: &mut Vec<Attempt>,
    ) -> Result<(Fetched<SecretString>, Base), SignInError> {
        let flow = self.flow(&need.scheme.name, &need.scheme.kind, transport, log).await?;
        let base = self.base();
        let endpoint = self.endpoint(&flow, &need.scopes, transport);
        let asked = endpoint.exchange(&base, credentials, log).await;
        let carried = || Carried::of(credentials, None, transport);
        let (token, moved) = asked.map_err(|error| carried().conceal_sign_in(error.after_all(log)))?;
        if let Some(region) = &moved {
            self.move_to(region.clone());
        }
        Ok((token, moved.unwrap_or_else(|| Base::clone(&base))))
    }

    pub(super) fn endpoint<'a>(
        &'a self,
        flow: &'a OAuth2Def,
        scopes: &'a [String],
        transport: &'a Transport,
    ) -> TokenEndpoint<'a> {
        TokenEndpoint {
            definition: &self.definition,
            flow,
            regions: &self.regions,
            token_url: self.token_url.as_deref(),
            scopes,
            transport,
            certificate: self.certificate.as_ref(),
            cache: self.folder(),
        }
    }

    /// The folder in which other processes hear of what a server asks for.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.cache.as_ref().map(|cache| cache.folder())
    }
}
