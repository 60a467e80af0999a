//! Puts the rooms in order for one call: table, arguments, credentials, transport, answer.

mod accounts;
mod builder;
mod call;
mod command;
mod files;
mod key;
mod live;
mod plan;
mod recent;
mod sign_in;

use std::fmt;
use std::sync::{Arc, OnceLock};

use once_cell::sync::OnceCell;

use self::accounts::{AccountKey, AccountWanted, Accounts};
pub use self::builder::HarnessBuilder;
pub(crate) use self::call::Dispatch;
pub use self::command::Command;
use self::command::{Endpoint, Wanted, Wishes};
use self::plan::{Plan, Served};
use self::recent::Recent;
pub use self::sign_in::{AccessToken, SignIn, SignInMethod, SignInPlan};
use crate::auth::{Account, CredentialProvider, Forgotten, TokenCache};
use crate::error::{ConfigError, Error, Result};
use crate::operation::{Method, RegionDef, ServiceDef};
use crate::params::Params;
use crate::profile::Profile;
use crate::table::{Operation, OperationTable, Place, ServiceTable};
use crate::transport::Transport;

/// Reads an environment variable.
pub(crate) type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Calls operations by identifier. Cheap to clone: make one, reuse it; its connections and tokens are shared.
///
/// ```
/// use opcall::Harness;
/// let harness = Harness::builder().env(|_| None).build()?;
/// let request = harness.command("tokens_query", [("limit", 5)]).prepare()?;
/// assert_eq!(request.url(), "https://api.crowdstrike.com/installation-tokens/queries/tokens/v1?limit=5");
/// # Ok::<(), opcall::Error>(())
/// ```
#[derive(Clone)]
pub struct Harness {
    inner: Arc<Inner>,
}

/// What all clones of a harness share.
struct Inner {
    table: OperationTable,
    profiles: Vec<(String, Profile)>,
    fallbacks: Vec<(String, Profile)>,
    providers: Vec<(String, Arc<dyn CredentialProvider>)>,
    regions: Vec<(String, Vec<RegionDef>)>,
    lookup: Lookup,
    transport: Transport,
    accounts: Accounts,
    /// Those of them that a call gets which says nothing of a profile or a server, by service, in the table's order.
    usual: Vec<(String, OnceLock<Arc<Served>>)>,
    recent: Recent,
    caches: Caches,
}

/// Where tokens are kept between processes.
#[derive(Default)]
struct Caches {
    /// Those of every service.
    all: Option<Arc<TokenCache>>,
    /// Those of one service.
    of: Vec<(String, Arc<TokenCache>)>,
}

impl Harness {
    /// A harness to be set up; it knows the built-in services.
    pub fn builder() -> HarnessBuilder {
        HarnessBuilder::default()
    }

    /// A harness of the built-in services, each with the profile that the environment describes
    /// ([`Profile::from_env`]). A service is looked at when it is first called.
    ///
    /// # Errors
    /// [`Error::Config`] where the client cannot be set up.
    pub fn from_env() -> Result<Self> {
        Self::builder().build()
    }

    /// Names a call. Nothing happens until it is awaited.
    ///
    /// `id` is an operation ID, an alias, `service:id` or `METHOD /path`; `params` are arguments by name.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), opcall::Error> {
    /// let harness = opcall::Harness::from_env()?;
    /// let found = harness.command("tokens_query", [("limit", 5)]).await?;
    /// println!("{}", found.value()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn command<'a>(&'a self, id: &'a str, params: impl Into<Params>) -> Command<'a> {
        Command::new(Ok(self), Endpoint::Listed(id), params.into())
    }

    /// A call of an endpoint that no table knows, with a service's address and credentials.
    ///
    /// ```
    /// use opcall::{Harness, Method};
    /// let harness = Harness::builder().env(|_| None).build()?;
    /// let request = harness.request("falcon", Method::Get, "/new/thing/v1", [("limit", 5)]).prepare()?;
    /// assert_eq!(request.url(), "https://api.crowdstrike.com/new/thing/v1?limit=5");
    /// # Ok::<(), opcall::Error>(())
    /// ```
    pub fn request<'a>(
        &'a self,
        service: &'a str,
        method: Method,
        path: &'a str,
        params: impl Into<Params>,
    ) -> Command<'a> {
        Command::new(Ok(self), Endpoint::Unlisted { service, method, path }, params.into())
    }

    /// How calls of a service sign in: what is used, whether the service takes it, and how to give tokens back.
    pub fn sign_in<'a>(&'a self, service: &'a str) -> SignIn<'a> {
        SignIn::new(self, service)
    }

    /// The operations it knows.
    #[must_use]
    pub fn table(&self) -> &OperationTable {
        &self.inner.table
    }

    /// Gives every token that was fetched back to its service (RFC 7009), where it has a revocation endpoint. The
    /// next call signs in anew.
    ///
    /// # Errors
    /// The first failure; all tokens are tried.
    pub async fn revoke(&self) -> Result<()> {
        let mut outcome = Ok(());
        for served in self.inner.accounts.all() {
            let mut forgotten = Forgotten::default();
            outcome = outcome.and(served.account.revoke_held(&self.inner.transport, &mut forgotten).await);
        }
        outcome.map_err(Error::from)
    }

    /// The account of a service's profile, made at its first call.
    fn account(
        &self,
        service: &str,
        profile: Option<&str>,
        server: Option<&str>,
        variables: &[(String, String)],
    ) -> Result<Arc<Account>> {
        self.served(service, profile, server, variables).map(|served| Arc::clone(&served.account))
    }

    /// Where an operation is in the table.
    fn place(&self, service: Option<&str>, id: &str) -> Result<Place> {
        if service.is_some() {
            return self.inner.table.locate(service, id);
        }
        if let Some(place) = self.inner.recent.get(id) {
            return Ok(place);
        }
        let place = self.inner.table.locate(None, id)?;
        self.inner.recent.keep(id, place);
        Ok(place)
    }

    /// What all calls of an operation, which is at a place of the table, have in common.
    fn plan(&self, operation: Operation<'_>, place: Place, wishes: &Wishes) -> Result<Arc<Plan>> {
        let usual = self.inner.usual.get(place.service()).filter(|_| wishes.are_none());
        if let Some(served) = usual.and_then(|(_, served)| served.get()) {
            return Ok(served.plan(operation, place.row()));
        }
        let Wanted { profile, server, server_variables, .. } = &**wishes;
        let service = operation.service();
        let served = self.served(service, profile.as_deref(), server.as_deref(), server_variables)?;
        Ok(served.plan(operation, place.row()))
    }

    /// A service as one profile calls it.
    fn served(
        &self,
        service: &str,
        profile: Option<&str>,
        server: Option<&str>,
        variables: &[(String, String)],
    ) -> Result<Arc<Served>> {
        let is_usual = profile.is_none() && server.is_none() && variables.is_empty();
        let usual = if is_usual { find(&self.inner.usual, service) } else { None };
        if let Some(known) = usual.and_then(OnceLock::get) {
            return Ok(Arc::clone(known));
        }
        if let Some(known) = self.inner.accounts.find(&AccountWanted { service, profile, server, variables })
        {
            return Ok(known);
        }
        let key = AccountKey {
            service: service.to_owned(),
            profile: profile.map(str::to_owned),
            server: server.map(str::to_owned),
            variables: variables.to_vec(),
        };
        let operations = self.inner.table.service(service).map_or(0, ServiceTable::len);
        let made = Arc::new(Served::new(self.make_account(&key)?, operations));
        let served = self.inner.accounts.keep(key, made);
        Ok(usual.map_or(Arc::clone(&served), |usual| Arc::clone(usual.get_or_init(|| served))))
    }

    fn make_account(&self, key: &AccountKey) -> Result<Account> {
        let (service, name) = (key.service.as_str(), key.profile.as_deref());
        let Some(table) = self.inner.table.service(service) else {
            return Err(unknown_service(&self.inner.table, service));
        };
        let definition = Arc::clone(table.definition());
        let mut profile = self.profile(&definition, name)?;
        profile.choose(key.server.as_deref(), key.variables.iter().map(|(name, value)| (name, value)));
        let provider = name.is_none().then(|| find(&self.inner.providers, service).cloned()).flatten();
        let regions =
            find(&self.inner.regions, service).cloned().unwrap_or_else(|| definition.regions.clone());
        let cache = find(&self.inner.caches.of, service).or(self.inner.caches.all.as_ref()).cloned();
        Account::new(definition, regions, profile, provider, cache)
    }

    fn profile(&self, definition: &ServiceDef, name: Option<&str>) -> Result<Profile> {
        let of_service = || self.inner.profiles.iter().filter(|(service, _)| *service == definition.name);
        if let Some((_, profile)) = of_service().find(|(_, profile)| profile.name.as_deref() == name) {
            return Ok(profile.clone());
        }
        let Some(name) = name else {
            let profile = Profile::from_env(definition, &*self.inner.lookup)?;
            let fallback = find(&self.inner.fallbacks, &definition.name);
            return Ok(match fallback {
                Some(fallback) => profile.or(fallback),
                None => profile,
            });
        };
        let known: Vec<_> = of_service().filter_map(|(_, profile)| profile.name.as_deref()).collect();
        let hint = if known.is_empty() {
            format!("give the harness a profile of that name for {}.", definition.name)
        } else {
            format!("choose one of {}.", known.join(", "))
        };
        let problem = format!("{} has no profile \"{name}\"", definition.name);
        Err(ConfigError { problem, hint: Some(hint) }.into())
    }
}

impl fmt::Debug for Harness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let services: Vec<_> = self.inner.table.services().collect();
        f.debug_struct("Harness").field("services", &services).finish_non_exhaustive()
    }
}

fn find<'a, T>(list: &'a [(String, T)], service: &str) -> Option<&'a T> {
    list.iter().find(|(known, _)| known == service).map(|(_, value)| value)
}

fn unknown_service(table: &OperationTable, name: &str) -> Error {
    let known: Vec<_> = table.services().collect();
    let hint = format!("choose one of {}, or load its document.", known.join(", "));
    ConfigError { problem: format!("no service is called \"{name}\""), hint: Some(hint) }.into()
}

/// Calls `id` on a harness made from the environment at first use: one line for scripts.
///
/// ```no_run
/// # async fn run() -> Result<(), opcall::Error> {
/// let found = opcall::command("tokens_query", [("limit", 5)]).await?;
/// # Ok(())
/// # }
/// ```
pub fn command(id: &'static str, params: impl Into<Params>) -> Command<'static> {
    static DEFAULT: OnceCell<Harness> = OnceCell::new();
    Command::new(DEFAULT.get_or_try_init(Harness::from_env), Endpoint::Listed(id), params.into())
}
