//! Credentials from elsewhere: a vault, a metadata service, a prompt.

use std::future::Future;
use std::pin::Pin;

use crate::profile::Credentials;

/// Whatever a provider fails with.
pub type ProviderError = Box<dyn std::error::Error + Send + Sync>;

/// What a provider returns.
pub type CredentialFuture<'a> = Pin<Box<dyn Future<Output = Result<Credentials, ProviderError>> + Send + 'a>>;

/// Gives credentials when they are needed: before the first live call, when a token is renewed, and once more
/// after the service refused them with 401. A dry run does not ask. For servers that calls name
/// ([`crate::Command::server`]) it is asked anew where hundreds of others were called meanwhile.
///
/// Any function that returns a future of [`Credentials`] is one:
///
/// ```
/// use opcall::{Credentials, Harness};
/// async fn from_vault() -> Result<Credentials, std::io::Error> {
///     Ok(Credentials::new().client("id", "secret"))
/// }
/// let harness = Harness::builder().credentials("falcon", from_vault).build()?;
/// # Ok::<(), opcall::Error>(())
/// ```
pub trait CredentialProvider: Send + Sync + 'static {
    /// The credentials as of now.
    fn credentials(&self) -> CredentialFuture<'_>;
}

impl<F, Fut, E> CredentialProvider for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Credentials, E>> + Send + 'static,
    E: Into<ProviderError>,
{
    fn credentials(&self) -> CredentialFuture<'_> {
        let future = self();
        Box::pin(async move { future.await.map_err(Into::into) })
    }
}
