//! A server on loopback that plays the three token services: Falcon, Panther and LogScale.
//!
//! Real HTTP over real sockets, with state: what is created can be found, changed, revoked and deleted. Every other
//! operation of the table is checked against its description and answered from its response schema. The state at
//! every start is the same. What no public source says is invented, and marked so where it stands in the code.

mod address;
mod app;
mod builder;
mod clock;
mod described;
mod exchange;
mod falcon;
mod fault;
mod harness;
mod ids;
mod limit;
mod logscale;
mod panther;
mod play;
mod state;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::{Error, IoError, Result};
use crate::operation::SchemeKind;
use crate::profile::{Credentials, Profile};

use self::exchange::Region;
use self::play::Stage;

pub use builder::SandboxBuilder;
pub use clock::{Clock, InvalidClock};
pub use fault::{Fault, InvalidFault};

/// A running sandbox; it ends when it is dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> opcall::Result<()> {
/// let sandbox = opcall::sandbox::Sandbox::start().await?;
/// assert!(sandbox.url_of("falcon").starts_with("http://127.0.0.1:"));
/// assert_eq!(sandbox.count("tokens_query"), 0);
/// sandbox.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Sandbox {
    stage: Arc<Stage>,
    end: watch::Sender<bool>,
    servers: Vec<JoinHandle<()>>,
}

/// What a demo caller signs in with. The values are the same in every sandbox and open nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DemoCredentials {
    /// What the caller may do: `full`, `read-only`, `weak` and the like.
    pub role: &'static str,
    /// The identifier of an `OAuth2` client.
    pub client_id: Option<&'static str>,
    /// The secret of an `OAuth2` client.
    pub client_secret: Option<&'static str>,
    /// An API key.
    pub api_key: Option<&'static str>,
    /// A bearer token.
    pub access_token: Option<&'static str>,
}

impl DemoCredentials {
    /// The same as a profile takes them.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> opcall::Result<()> {
    /// use opcall::{Harness, Profile, sandbox::Sandbox};
    ///
    /// let sandbox = Sandbox::start().await?;
    /// let wanderer = &sandbox.credentials("falcon")[3];
    /// let harness = Harness::builder()
    ///     .regions("falcon", sandbox.regions("falcon"))
    ///     .profile("falcon", Profile::new().credentials(wanderer.credentials()))
    ///     .build()?;
    /// // The first region sends the token request on to the second, which is used from then on.
    /// harness.command("tokens_query", ()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn credentials(&self) -> Credentials {
        let mut credentials = Credentials::new();
        if let (Some(id), Some(secret)) = (self.client_id, self.client_secret) {
            credentials = credentials.client(id, secret);
        }
        if let Some(key) = self.api_key {
            credentials = credentials.api_key(key);
        }
        if let Some(token) = self.access_token {
            credentials = credentials.access_token(token);
        }
        credentials
    }
}

impl Sandbox {
    /// Starts a sandbox on free ports of 127.0.0.1.
    ///
    /// # Errors
    /// [`Error::Io`] where no port can be had.
    pub async fn start() -> Result<Self> {
        Self::builder().start().await
    }

    /// A sandbox with a port, a clock, faults or a state of your own.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    /// The URL of the first listener, without a path.
    #[must_use]
    pub fn url(&self) -> String {
        self.stage.origin(Region::Us1)
    }

    /// The base URL of a service: `http://127.0.0.1:PORT/falcon`.
    #[must_use]
    pub fn url_of(&self, service: &str) -> String {
        format!("{}/{service}", self.url())
    }

    /// The regions of a service as (name, base URL): `us-1` is the first listener, `us-2` the second. A harness whose
    /// regions are these is sent on by the token endpoint as by the real one, where its client is at home elsewhere.
    #[must_use]
    pub fn regions(&self, service: &str) -> Vec<(String, String)> {
        let region =
            |region: Region| (region.name().to_owned(), format!("{}/{service}", self.stage.origin(region)));
        Region::BOTH.into_iter().map(region).collect()
    }

    /// The demo callers of a service, the one that may do everything first; none for a service of your own, which
    /// takes any credentials.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> opcall::Result<()> {
    /// let sandbox = opcall::sandbox::Sandbox::start().await?;
    /// let roles: Vec<_> = sandbox.credentials("falcon").iter().map(|caller| caller.role).collect();
    /// assert_eq!(roles, ["full", "read-only", "no-settings", "us-2"]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn credentials(&self, service: &str) -> Vec<DemoCredentials> {
        match service {
            "falcon" => falcon::CLIENTS.iter().map(client).collect(),
            "panther" => panther::KEYS.iter().map(key).collect(),
            "logscale" => logscale::SECRETS.iter().map(secret).collect(),
            _ => Vec::new(),
        }
    }

    /// Where a service is, and how its first demo caller signs in; for a service of your own credentials that it
    /// takes.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> opcall::Result<()> {
    /// use opcall::{Harness, sandbox::Sandbox};
    ///
    /// let sandbox = Sandbox::start().await?;
    /// let harness = Harness::builder().profile("falcon", sandbox.profile("falcon")).build()?;
    /// let found = harness.command("tokens_query", [("limit", 5)]).await?;
    /// assert_eq!(found.value()?["resources"].as_array().map(Vec::len), Some(5));
    /// # Ok(())
    /// # }
    /// ```
    pub fn profile(&self, service: &str) -> Profile {
        let any = Credentials::new().api_key("demo").access_token("demo").basic("demo", "demo");
        let table = self.stage.described.table().service(service);
        let schemes = table.map(|table| table.definition().security_schemes.iter()).into_iter().flatten();
        let keys = schemes.filter(|scheme| matches!(scheme.kind, SchemeKind::ApiKey { .. }));
        let any = keys.fold(any, |any, scheme| any.scheme(&scheme.name, "demo"));
        let credentials = self.credentials(service).first().map_or(any, DemoCredentials::credentials);
        Profile::new().base_url(self.url_of(service)).credentials(credentials)
    }

    /// How many requests an operation got, refused and failed ones included: by its ID in any spelling, with or
    /// without `service:`. `token` is Falcon's token endpoint; a GraphQL request counts under the name of its
    /// operation and of its root fields.
    #[must_use]
    pub fn count(&self, operation: &str) -> u64 {
        self.stage.count(operation)
    }

    /// Moves the clock forward: tokens expire, windows of rate limits pass.
    pub fn advance(&self, by: Duration) {
        self.stage.clock.advance(by);
    }

    /// Ends the sandbox and waits for the requests under way, two seconds at most.
    pub async fn stop(mut self) {
        let _ = self.end.send(true);
        for mut server in std::mem::take(&mut self.servers) {
            if tokio::time::timeout(Duration::from_secs(2), &mut server).await.is_err() {
                server.abort();
            }
        }
    }

    /// Waits for ever, unless a listener panics: the sandbox does not end by itself.
    pub async fn wait(mut self) {
        for server in std::mem::take(&mut self.servers) {
            let _ = server.await;
        }
    }

    /// The address of the first listener.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.stage.addresses[0]
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.end.send(true);
    }
}

fn client(client: &falcon::Client) -> DemoCredentials {
    DemoCredentials {
        role: client.role,
        client_id: Some(client.id),
        client_secret: Some(client.secret),
        ..DemoCredentials::default()
    }
}

fn key((role, value): &(&'static str, &'static str)) -> DemoCredentials {
    DemoCredentials { role, api_key: Some(value), ..DemoCredentials::default() }
}

fn secret((role, value): &(&'static str, &'static str)) -> DemoCredentials {
    DemoCredentials { role, access_token: Some(value), ..DemoCredentials::default() }
}

/// An error of a file or socket.
fn io(action: &str, source: std::io::Error) -> Error {
    Error::Io(Box::new(IoError { action: action.to_owned(), source }))
}
