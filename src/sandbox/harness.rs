//! A harness that is signed in to a sandbox.

use super::{DemoCredentials, Sandbox};
use crate::error::Result;
use crate::harness::{Harness, HarnessBuilder};
use crate::profile::{Credentials, Profile};

impl Sandbox {
    /// A harness for this sandbox, signed in to every service as the demo caller that may do everything. It reads no
    /// environment and uses no proxy.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> opcall::Result<()> {
    /// let sandbox = opcall::sandbox::Sandbox::start().await?;
    /// let found = sandbox.harness()?.command("tokens_query", [("limit", 2)]).await?;
    /// assert_eq!(found.value()?["meta"]["pagination"]["total"], 12);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`crate::Error::Config`] where the client cannot be set up.
    pub fn harness(&self) -> Result<Harness> {
        let table = self.stage.described.table().clone();
        let services: Vec<_> = table.services().map(str::to_owned).collect();
        let builder = Harness::builder().table(table).env(|_| None).no_proxy();
        let profile = |builder: HarnessBuilder, service: String| {
            let profile = self.profile(&service);
            builder.profile(service, profile)
        };
        services.into_iter().fold(builder, profile).build()
    }

    /// Where a service of this sandbox is, and the demo caller that may do everything there; to be given to
    /// [`crate::HarnessBuilder::profile`].
    pub fn profile(&self, service: &str) -> Profile {
        let callers = self.credentials(service);
        let credentials = callers.first().map_or_else(any, credentials);
        Profile::new().base_url(self.url_of(service)).credentials(credentials)
    }
}

fn credentials(caller: &DemoCredentials) -> Credentials {
    let mut credentials = Credentials::new();
    if let (Some(id), Some(secret)) = (caller.client_id, caller.client_secret) {
        credentials = credentials.client(id, secret);
    }
    if let Some(key) = caller.api_key {
        credentials = credentials.api_key(key);
    }
    if let Some(token) = caller.access_token {
        credentials = credentials.access_token(token);
    }
    credentials
}

/// What a service of the user's own is shown, whatever it asks for.
fn any() -> Credentials {
    Credentials::new().access_token("demo").api_key("demo").basic("demo", "demo")
}
