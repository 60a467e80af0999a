//! Signing in apart from any call: what would be used, whether the service takes it, and how to give it back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::Harness;
use crate::attempt::{Attempt, Wait};
use crate::auth::{self, Account, Forgotten, Keeping, Need, Rejected, Source, Token};
use crate::error::{ConfigError, Error, Result};
use crate::operation::{SchemeKind, SchemeUse};
use crate::profile::Credentials;
use crate::transport::{Limits, Transport};

/// How a service's calls sign in. Made by [`Harness::sign_in`].
///
/// ```no_run
/// # async fn run(harness: &opcall::Harness) -> Result<(), opcall::Error> {
/// let sign_in = harness.sign_in("falcon");
/// println!("{:?}", sign_in.plan()?.base_url);
/// let token = sign_in.renew().await?;
/// println!("accepted, for {:?}", token.ends_in());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing happens until one of its questions is asked"]
pub struct SignIn<'a> {
    harness: &'a Harness,
    service: &'a str,
    profile: Option<String>,
    server: Option<String>,
    server_variables: Vec<(String, String)>,
}

/// What calls of a service sign in with, as far as that is known without the network.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignInPlan {
    /// The base URL; `None` where it is not known yet.
    pub base_url: Option<String>,
    /// The region that it belongs to.
    pub region: Option<String>,
    /// Where the profile was read, in order: `env:VARIABLE`, `file:PATH`. What was set in code has no source.
    pub sources: Vec<String>,
    /// The security scheme by its name in the document; `None` where none is served.
    pub scheme: Option<String>,
    /// How the scheme is served.
    pub method: SignInMethod,
}

/// How a security scheme is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignInMethod {
    /// A token is fetched for the client's ID and secret (RFC 6749 §4.4).
    ClientCredentials,
    /// An API key that was given.
    ApiKey,
    /// A token, or a secret of another kind, that was given.
    AccessToken,
    /// A user name and a password, sent with every call or in answer to a challenge.
    Password,
    /// The client certificate of the connection.
    Certificate,
    /// There are no credentials that serve.
    None,
}

impl SignInMethod {
    /// A word for programs: `client_credentials`, `api_key`, `access_token`, `password`, `certificate` or `none`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::ApiKey => "api_key",
            Self::AccessToken => "access_token",
            Self::Password => "password",
            Self::Certificate => "certificate",
            Self::None => "none",
        }
    }

    fn of(kind: &SchemeKind, source: &Source) -> Self {
        match (source, kind) {
            (Source::Token, _) => Self::ClientCredentials,
            (Source::Digest(..), _) => Self::Password,
            (Source::Connection, _) => Self::Certificate,
            (Source::Fixed(_), SchemeKind::ApiKey { .. }) => Self::ApiKey,
            (Source::Fixed(_), SchemeKind::Http { scheme }) if scheme == "basic" => Self::Password,
            (Source::Fixed(_), _) => Self::AccessToken,
        }
    }
}

/// An access token. Its `Debug` does not show it.
pub struct AccessToken {
    secret: SecretString,
    ends_in: Option<Duration>,
    keeping: Keeping,
    attempts: Vec<Attempt>,
    held: Option<Wait>,
}

impl AccessToken {
    /// The token itself. Whoever has it can call the service until it ends.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.secret.expose_secret()
    }

    /// How long it was still good for when it was returned.
    #[must_use]
    pub fn ends_in(&self) -> Option<Duration> {
        self.ends_in
    }

    /// The requests that fetching it took; none where it was there.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// How long it was waited for while another process fetched it, and no request was made for it here.
    #[must_use]
    pub fn held(&self) -> Option<Wait> {
        self.held
    }

    /// Whether it is in the token cache, where further processes find it.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.keeping == Keeping::Kept
    }

    /// Why it is not in the token cache of its service, which there is: a call goes on without, and says so in the log
    /// alone.
    #[must_use]
    pub fn keeping_problem(&self) -> Option<&str> {
        if let Keeping::Failed(problem) = &self.keeping { Some(problem) } else { None }
    }
}

impl From<Token> for AccessToken {
    fn from(Token { secret, ends_in, keeping, attempts, held }: Token) -> Self {
        Self { secret, ends_in, keeping, attempts, held }
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("ends_in", &self.ends_in).finish_non_exhaustive()
    }
}

impl<'a> SignIn<'a> {
    pub(super) fn new(harness: &'a Harness, service: &'a str) -> Self {
        Self { harness, service, profile: None, server: None, server_variables: Vec::new() }
    }

    /// One of the service's named profiles, as [`crate::Command::profile`] takes it.
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.profile = Some(name.into());
        self
    }

    /// Another server, as [`crate::Command::server`] takes it: tokens are never shared between servers.
    pub fn server(mut self, choice: impl Into<String>) -> Self {
        self.server = Some(choice.into());
        self
    }

    /// The value of a server variable, as [`crate::Command::server_variable`] takes it.
    pub fn server_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.server_variables.push((name.into(), value.into()));
        self
    }

    /// What is used. Opens no socket, and asks no credential provider: what one would give is not shown.
    ///
    /// # Errors
    /// [`Error::Config`] where the service or the profile is not known, or the profile says something wrong.
    pub fn plan(&self) -> Result<SignInPlan> {
        let account = self.account()?;
        let base = account.base();
        base.require_sound()?;
        let way = self.way(&account, account.own());
        let method = way
            .as_ref()
            .map_or(SignInMethod::None, |(need, source)| SignInMethod::of(&need.scheme.kind, source));
        Ok(SignInPlan {
            base_url: base.require_real().is_ok().then(|| base.url.clone()),
            region: base.region.clone(),
            sources: account.sources.clone(),
            scheme: way.map(|(need, _)| need.scheme.name),
            method,
        })
    }

    /// Fetches a token now, whatever is there already, so that it is known whether the service takes the credentials.
    /// It is kept as the tokens of calls are; [`SignIn::plan`] then tells the region that the service has named.
    ///
    /// # Errors
    /// [`Error::Auth`] where there are no credentials, or the token endpoint refuses them; [`Error::Transport`] where
    /// it does not answer; [`Error::Unsafe`] where a safety rule forbids to ask; [`Error::Config`] where the address is
    /// not known, and where nothing is fetched to sign in: whether a key or a token that was given is good, only a call
    /// tells.
    pub async fn renew(&self) -> Result<AccessToken> {
        let (account, need) = self.fetching().await?;
        Ok(account.renew(&need, &self.transport()).await?.into())
    }

    /// The token that the next call would use, fetched where there is none.
    ///
    /// # Errors
    /// As [`SignIn::renew`].
    pub async fn token(&self) -> Result<AccessToken> {
        let (account, need) = self.fetching().await?;
        Ok(account.obtain(&need, &self.transport()).await?.into())
    }

    /// The token that the cache keeps and that is not over; nobody is asked for it. `None` without a cache.
    ///
    /// # Errors
    /// Those of [`SignIn::token`] that come before anything is sent.
    pub async fn kept(&self) -> Result<Option<AccessToken>> {
        let (account, need) = self.fetching().await?;
        Ok(account.kept(&need).await.map(AccessToken::from))
    }

    /// Gives back all tokens of the service that this harness or its token cache holds (RFC 7009, where the service
    /// can), and forgets them: also where giving back fails.
    ///
    /// # Errors
    /// As [`SignIn::plan`], before anything is forgotten. Else all tokens are tried: [`Error::Io`] where one cannot be
    /// removed from the cache; any other is the first one of giving back, and all tokens are forgotten here.
    pub async fn forget(&self) -> Result<Forgotten> {
        self.plan()?;
        self.account()?.forget(&self.transport()).await
    }

    /// It ends in time, as a call does.
    fn transport(&self) -> Transport {
        self.harness.inner.transport.for_call(&Limits::default(), None)
    }

    fn account(&self) -> Result<Arc<Account>> {
        let (profile, server) = (self.profile.as_deref(), self.server.as_deref());
        self.harness.account(self.service, profile, server, &self.server_variables)
    }

    /// The scheme that the credentials serve, and how. Every scheme of the service is a way in by itself, as for an
    /// endpoint that no table knows.
    fn way(&self, account: &Account, credentials: &Credentials) -> Option<(Need, Source)> {
        let certificate = account.has_certificate(&self.harness.inner.transport);
        let alternatives = alternatives(account);
        let choice = account.choice(&alternatives, credentials, certificate);
        let need = choice.plan(&|_| false)?.into_iter().next()?;
        let source = auth::source(credentials, &need, certificate)?;
        Some((need, source))
    }

    /// The scheme that a token is fetched for.
    async fn fetching(&self) -> Result<(Arc<Account>, Need)> {
        let account = self.account()?;
        account.base().require_sound()?;
        let credentials = account.credentials(&Rejected::default()).await?;
        match self.way(&account, &credentials) {
            Some((need, Source::Token)) => Ok((account, need)),
            Some((need, source)) => Err(nothing_to_fetch(&account, &need, &source)),
            None => {
                let alternatives = alternatives(&account);
                Err(account.choice(&alternatives, &credentials, false).missing(&|_| false).into())
            }
        }
    }
}

fn alternatives(account: &Account) -> Vec<Vec<SchemeUse>> {
    let schemes = account.definition.security_schemes.iter();
    let only = |name: &str| vec![SchemeUse { scheme: name.to_owned(), scopes: Vec::new() }];
    schemes.map(|scheme| only(&scheme.name)).collect()
}

fn nothing_to_fetch(account: &Account, need: &Need, source: &Source) -> Error {
    let way = match SignInMethod::of(&need.scheme.kind, source) {
        SignInMethod::ApiKey => "an API key that was given",
        SignInMethod::Password => "a user name and a password",
        SignInMethod::Certificate => "a client certificate",
        _ => "a token that was given",
    };
    ConfigError {
        problem: format!("{} signs in with {way}: there is no token to fetch", account.definition.name),
        hint: Some("make a call to see whether the service accepts it.".to_owned()),
    }
    .into()
}

impl fmt::Debug for SignIn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn")
            .field("service", &self.service)
            .field("profile", &self.profile)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
