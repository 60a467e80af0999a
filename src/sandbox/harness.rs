//! A harness that is signed in to a sandbox.

use super::Sandbox;
use crate::error::Result;
use crate::harness::{Harness, HarnessBuilder};

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
}
