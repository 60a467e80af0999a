//! Sets a harness up. What is wrong shows at [`HarnessBuilder::build`].

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::accounts::Accounts;
use super::{Caches, Harness, Inner, Lookup, Recent, unknown_service};
use crate::auth::{CredentialProvider, TokenCache};
use crate::document::Document;
use crate::error::{Error, Result};
use crate::operation::RegionDef;
use crate::profile::Profile;
use crate::spec::Warning;
use crate::table::OperationTable;
use crate::transport::{Rate, RetryPolicy, Settings, Transport, network_methods};

/// Sets a [`Harness`] up.
///
/// A service that no profile was given for has the one that the environment describes; see [`HarnessBuilder::env`].
///
/// ```
/// use std::time::Duration;
/// use opcall::{Credentials, Harness, Profile};
/// let harness = Harness::builder()
///     .profile("falcon", Profile::new().region("eu-1").credentials(Credentials::new().client("id", "secret")))
///     .profile("falcon", Profile::new().named("child").credentials(Credentials::new().client("id", "secret").member("cid")))
///     .timeout(Duration::from_secs(10))
///     .build()?;
/// # Ok::<(), opcall::Error>(())
/// ```
#[must_use = "a builder makes no harness until `build` is called"]
pub struct HarnessBuilder {
    table: Option<OperationTable>,
    profiles: Vec<(String, Profile)>,
    fallbacks: Vec<(String, Profile)>,
    providers: Vec<(String, Arc<dyn CredentialProvider>)>,
    regions: Vec<(String, Vec<RegionDef>)>,
    lookup: Lookup,
    settings: Settings,
    caches: Caches,
    /// What went wrong first.
    fault: Option<Error>,
}

impl Default for HarnessBuilder {
    fn default() -> Self {
        Self {
            table: None,
            profiles: Vec::new(),
            fallbacks: Vec::new(),
            providers: Vec::new(),
            regions: Vec::new(),
            lookup: Arc::new(|name| std::env::var(name).ok()),
            settings: Settings::default(),
            caches: Caches::default(),
            fault: None,
        }
    }
}

impl HarnessBuilder {
    /// The operations to call, in place of the built-in ones.
    pub fn table(mut self, table: OperationTable) -> Self {
        self.table = Some(table);
        self
    }

    /// Adds the operations of a document (`OpenAPI` as JSON or YAML), or of a service's folder. A service of a name
    /// that is there already is replaced. What was passed over in it is logged; [`OperationTable::read`] returns it.
    pub fn spec(self, path: impl AsRef<std::path::Path>) -> Self {
        self.document(&Document::open(path.as_ref()))
    }

    /// Adds the operations of a document, as [`HarnessBuilder::spec`] does.
    pub fn document(mut self, document: &Document) -> Self {
        if self.fault.is_none() {
            match document.read() {
                Ok((table, warnings)) => self.add(table, &warnings),
                Err(error) => self.fault = Some(error),
            }
        }
        self
    }

    fn add(&mut self, table: OperationTable, warnings: &[Warning]) {
        for warning in warnings {
            tracing::warn!(%warning, "passed over");
        }
        for service in self.table.get_or_insert_with(OperationTable::built_in).add(table) {
            tracing::warn!(service, "the document replaces a service of this name");
        }
    }

    /// Where a service is and how to sign in. Several profiles of one service have names ([`Profile::named`]), and a
    /// call chooses with [`super::Command::profile`]; of two with the same name the last one counts.
    pub fn profile(mut self, service: impl Into<String>, profile: Profile) -> Self {
        let service = service.into();
        self.profiles.retain(|(known, other)| *known != service || other.name != profile.name);
        self.profiles.push((service, profile));
        self
    }

    /// What holds for a service that has no profile, where the environment does not say it; its name does not count.
    pub fn fallback(mut self, service: impl Into<String>, profile: Profile) -> Self {
        let service = service.into();
        self.fallbacks.retain(|(known, _)| *known != service);
        self.fallbacks.push((service, profile));
        self
    }

    /// Asks a provider for a service's credentials, in place of those of its unnamed profile.
    pub fn credentials(mut self, service: impl Into<String>, provider: impl CredentialProvider) -> Self {
        let service = service.into();
        self.providers.retain(|(known, _)| *known != service);
        self.providers.push((service, Arc::new(provider)));
        self
    }

    /// Replaces a service's regions, as (name, base URL): for tests and gateways. Other hosts that the document names
    /// for some operations do not count then.
    pub fn regions<N, U>(
        mut self,
        service: impl Into<String>,
        regions: impl IntoIterator<Item = (N, U)>,
    ) -> Self
    where
        N: Into<String>,
        U: Into<String>,
    {
        let service = service.into();
        let region =
            |(name, url): (N, U)| RegionDef { name: name.into(), url: url.into(), aliases: Vec::new() };
        self.regions.retain(|(known, _)| *known != service);
        self.regions.push((service, regions.into_iter().map(region).collect()));
        self
    }

    /// How environment variables are read; the process's environment by default, `|_| None` for none.
    pub fn env(mut self, lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.lookup = Arc::new(lookup);
        self
    }

    /// How long one attempt may take from connecting to the last byte of the answer; 30 s by default. Of a streamed
    /// answer ([`super::Command::stream`]) it bounds the head alone.
    ///
    /// No time of a harness or a call may be zero; [`Duration::MAX`] means no limit.
    pub fn timeout(mut self, each: Duration) -> Self {
        self.settings.timeout = each;
        self
    }

    /// How long a whole call may take, signing in and repeats included; 5 min by default. Of a streamed answer
    /// ([`super::Command::stream`]) it bounds the head alone; a call's own time bounds it to its last byte.
    pub fn max_time(mut self, limit: Duration) -> Self {
        self.settings.max_time = limit;
        self
    }

    /// Sends no more than so many requests to one origin in any span of this length, repeats included; no such limit by
    /// default. A call waits for its turn, and fails where its whole time ([`HarnessBuilder::max_time`]) is over before
    /// ([`Error::HeldBack`]). Requests for tokens do not count.
    pub fn rate_limit(mut self, requests: u32, span: Duration) -> Self {
        self.settings.rate = Some(Rate { count: requests, per: span });
        self
    }

    /// Whether to slow down before a service's rate limit is hit, by what its answers tell of it: the fields of
    /// `x-rate-limit`, `RateLimit`, `X-RateLimit-Remaining` and their kin. True by default. The last of a limit are
    /// spread over the time until there are more; where nobody tells when that is, or it is far away, they pause for
    /// 200 and 500 ms. It makes no call fail, and no call waits longer than [`crate::RetryPolicy::max_wait`].
    pub fn learn_limits(mut self, wish: bool) -> Self {
        self.settings.learns = wish;
        self
    }

    /// How long the body of a streamed answer may stand still; 30 s by default. How long it takes as a whole is not
    /// bounded.
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.settings.idle_timeout = limit;
        self
    }

    /// How calls are repeated that failed for a moment; two repeats by default, see [`RetryPolicy`].
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.settings.retry = policy;
        self
    }

    /// How large the body of an answer may be, in bytes after content decoding; 64 MiB by default. A larger one is
    /// [`Error::Unsafe`], and so is one that grows more than 200-fold beyond its first MiB when it is decoded, whatever
    /// this says. The body of a streamed answer may be of any size.
    pub fn max_body(mut self, bytes: u64) -> Self {
        self.settings.max_body = bytes;
        self
    }

    /// Follows so many redirects of a call, on the origin of its address alone; none by default, and 5 are plenty.
    ///
    /// After 303, and after 301 and 302 to a POST, the next request is a GET (a HEAD after a HEAD) without the body.
    /// After 307 and 308 it is the same request; a body that can be read only once cannot be sent again. After 301 and
    /// 302 other methods that change something are not followed (RFC 9110 §15.4). The credentials are put on anew for
    /// each request. A redirect to another origin is [`Error::Unsafe`], and nothing is sent there; so is one in a
    /// circle, one that names a user, and one more than `most`.
    pub fn follow_redirects(mut self, most: u32) -> Self {
        self.settings.follow = most;
        self
    }

    network_methods!();

    /// The `User-Agent`; `opcall/VERSION` by default.
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.settings.user_agent = name.into();
        self
    }

    /// Lets credentials go over plain http to other machines than this one. Whoever is on the way can read them.
    pub fn allow_http(mut self) -> Self {
        self.settings.allow_http = true;
        self
    }

    /// Keeps access tokens in a folder, so that other processes and later ones need not fetch their own; off by
    /// default. The folder is made where it is missing.
    ///
    /// A token stands in a file that its owner alone can read (mode 0600 in a folder of 0700; on Windows the folder's
    /// own rules hold), under a hash of whose it is. It serves only those who have the client's secret. Processes that
    /// need a new one at the same time wait up to 5 s for the one that fetches it. A file that is damaged, a link,
    /// another user's or open to others is passed over and replaced; where nothing can be read or written, calls are
    /// made without it, and a warning is logged. Access tokens and keys that were given as they are, are never kept.
    ///
    /// ```
    /// let harness = opcall::Harness::builder().env(|_| None).token_cache("/home/me/.cache/my-app/tokens").build()?;
    /// # Ok::<(), opcall::Error>(())
    /// ```
    pub fn token_cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.caches.all = Some(Arc::new(TokenCache::new(folder.into())));
        self
    }

    /// Keeps the access tokens of one service in a folder, as [`HarnessBuilder::token_cache`] does those of all.
    pub fn token_cache_for(mut self, service: impl Into<String>, folder: impl Into<PathBuf>) -> Self {
        let service = service.into();
        self.caches.of.retain(|(known, _)| *known != service);
        self.caches.of.push((service, Arc::new(TokenCache::new(folder.into()))));
        self
    }

    /// Makes the harness.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Spec`] for a document that cannot be read; [`Error::Config`] for a profile, provider or regions of a service that is not known, a base URL or
    /// region that is none, a time that is zero, more than ten repeats, and certificates or a proxy that cannot be read.
    pub fn build(self) -> Result<Harness> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let table = self.table.unwrap_or_else(OperationTable::built_in);
        let named = self.profiles.iter().map(|(service, _)| service);
        let named = named.chain(self.fallbacks.iter().map(|(service, _)| service));
        let named = named.chain(self.providers.iter().map(|(service, _)| service));
        for service in named.chain(self.regions.iter().map(|(service, _)| service)) {
            if table.service(service).is_none() {
                return Err(unknown_service(&table, service));
            }
        }
        let profiles = self.profiles;
        let usual = table.services().map(|service| (service.to_owned(), OnceLock::new())).collect();
        let harness = Harness {
            inner: Arc::new(Inner {
                table,
                profiles: profiles.clone(),
                fallbacks: self.fallbacks,
                providers: self.providers,
                regions: self.regions,
                lookup: self.lookup,
                transport: Transport::new(self.settings)?,
                accounts: Accounts::default(),
                usual,
                recent: Recent::default(),
                caches: self.caches,
            }),
        };
        for (service, profile) in &profiles {
            harness.account(service, profile.name.as_deref(), None, &[])?;
        }
        Ok(harness)
    }
}

impl fmt::Debug for HarnessBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HarnessBuilder")
            .field("profiles", &self.profiles)
            .field("regions", &self.regions)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
