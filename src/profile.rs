//! Where a service is and how to sign in: what a user configures, by hand or by environment variables.

mod base;
mod environment;
mod listing;
mod place;
mod server;
mod variables;

use std::fmt;

use secrecy::SecretString;

use crate::transport::ClientCertificate;

pub(crate) use base::{Base, PlainHttp, find_region, is_loopback, origin_of};
pub(crate) use environment::{Setting, variable_for, variable_of_scheme, variables_for};
pub use listing::Server;
pub(crate) use server::Wish;
pub(crate) use variables::ServerVariable;

/// Where a service is and how to sign in.
///
/// ```
/// use opcall::{Credentials, Profile};
/// let profile = Profile::new()
///     .region("us-2")
///     .credentials(Credentials::new().client("id", "secret"));
/// assert!(!format!("{profile:?}").contains("\"secret\""));
/// ```
#[derive(Clone, Default)]
#[must_use = "a profile does nothing until a harness has it"]
pub struct Profile {
    pub(crate) name: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) wish: Wish,
    pub(crate) token_url: Option<String>,
    pub(crate) credentials: Credentials,
    pub(crate) certificate: Option<ClientCertificate>,
    /// Where it was read: `env:VARIABLE`, `file:PATH`.
    pub(crate) sources: Vec<String>,
}

impl Profile {
    /// A profile that says nothing: the document's first server, no credentials.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the profile a name, so that a service can have several; a call chooses with `Command::profile`.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The base URL, which overrides regions, servers and other hosts that the document names. Without a scheme it
    /// is `https`.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// One of the document's servers: by its index, counted from 0, by its name (`OpenAPI` 3.2), by a region's name, or
    /// by a description that no other server has. A URL is taken as [`Profile::base_url`] takes it. An operation with
    /// servers of its own takes the choice among those. It counts before [`Profile::region`]; a base URL counts before
    /// both. [`crate::OperationTable::servers`] tells what there is.
    ///
    /// ```
    /// # #[cfg(feature = "falcon")]
    /// # {
    /// use opcall::{Harness, Profile};
    /// let profile = Profile::new().server("us-2");
    /// let harness = Harness::builder().env(|_| None).profile("falcon", profile).build()?;
    /// let request = harness.command("tokens_query", ()).prepare()?;
    /// assert!(request.url().starts_with("https://api.us-2.crowdstrike.com/"));
    /// # }
    /// # Ok::<(), opcall::Error>(())
    /// ```
    pub fn server(mut self, choice: impl Into<String>) -> Self {
        self.wish.server = Some(choice.into());
        self
    }

    /// The value of a server variable (`OpenAPI` Server Variable Object). It is held against the variable's `enum`, and
    /// must fit the place where it stands: one in the host cannot end it.
    pub fn server_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.wish.set(name.into(), value.into(), false);
        self
    }

    /// Lays what a call says of the server over the profile.
    pub(crate) fn choose<'v>(
        &mut self,
        server: Option<&str>,
        variables: impl IntoIterator<Item = (&'v String, &'v String)>,
    ) {
        if let Some(server) = server {
            self.base_url = None;
            self.wish.server = Some(server.to_owned());
        }
        for (name, value) in variables {
            self.wish.set(name.clone(), value.clone(), true);
        }
    }

    /// What it says of the server; a base URL counts before a server of the document.
    pub(crate) fn wish(&self) -> Wish {
        if self.base_url.is_some() { Wish::default() } else { self.wish.clone() }
    }

    /// One of the document's regions (`x-regions`), in any case and with or without dashes; `autodiscover` means the
    /// default one, from which the service may send the caller to another.
    pub fn region(mut self, name: impl Into<String>) -> Self {
        self.region = Some(name.into());
        self
    }

    /// The token endpoint, where it is not the one that the document (or the `OpenID` Connect provider that it names)
    /// tells. The client secret is sent there.
    pub fn token_url(mut self, url: impl Into<String>) -> Self {
        self.token_url = Some(url.into());
        self
    }

    /// How to sign in.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// Shows a client certificate, its chain and its private key both in PEM, to the address of the service alone, in
    /// place of the harness's own ([`HarnessBuilder::client_certificate`](crate::HarnessBuilder::client_certificate)).
    pub fn client_certificate(mut self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        self.certificate = Some(ClientCertificate::new(chain.as_ref(), key.as_ref()));
        self
    }

    /// Says where something of this profile was read, such as `env:PETSTORE_KEY` or `file:/run/secrets/key`, for
    /// [`SignInPlan::sources`](crate::SignInPlan). [`Profile::from_env`] says so by itself.
    pub fn read_from(mut self, source: impl Into<String>) -> Self {
        self.sources.push(source.into());
        self
    }

    /// Takes from another profile what this one does not say: where the service is, how to sign in.
    pub(crate) fn or(mut self, other: &Self) -> Self {
        if self.base_url.is_none() && self.region.is_none() && self.wish.server.is_none() {
            // A server variable is about a server of the document, and not about an address in its place.
            if self.wish.variables.is_empty() {
                self.base_url.clone_from(&other.base_url);
            }
            self.region.clone_from(&other.region);
            self.wish.server.clone_from(&other.wish.server);
        }
        self.wish.or(&other.wish);
        self.token_url = self.token_url.or_else(|| other.token_url.clone());
        self.certificate = self.certificate.or_else(|| other.certificate.clone());
        if self.credentials.is_empty() {
            let member = self.credentials.member.take().or_else(|| other.credentials.member.clone());
            let half = self.credentials.half.take().or_else(|| other.credentials.half.clone());
            self.credentials = Credentials { member, half, ..other.credentials.clone() };
            self.sources.extend(other.sources.iter().cloned());
        }
        self
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |url: &Option<String>| url.as_deref().map(without_secrets);
        f.debug_struct("Profile")
            .field("name", &self.name)
            .field("base_url", &shown(&self.base_url))
            .field("region", &self.region)
            .field("server", &shown(&self.wish.server))
            .field("token_url", &shown(&self.token_url))
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

/// An address without what stands before an `@` in it, which may be a password, and without its query, which may hold a
/// key; such an address is refused later.
fn without_secrets(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    let host = url[start..end].rfind('@').map_or(start, |at| start + at);
    let query = url[end..].find(['?', '#']).map_or(url.len(), |at| end + at + 1);
    let hidden = |is_there: bool| if is_there { "<redacted>" } else { "" };
    let (user, rest) = (hidden(host > start), hidden(query < url.len()));
    format!("{}{user}{}{rest}", &url[..start], &url[host..query])
}

/// How to sign in: whatever of it the caller has. Its `Debug` shows which parts are there, never what they hold.
///
/// An operation says which security schemes it takes, as alternatives of schemes that are needed together (`OpenAPI`
/// Security Requirement Object). The first alternative in the document's order that these credentials serve is used:
///
/// | scheme | served by |
/// |---|---|
/// | API key in a header, the query or a cookie | [`api_key`](Self::api_key); of several keys at once each by [`scheme`](Self::scheme) |
/// | HTTP bearer, and any other HTTP scheme | [`access_token`](Self::access_token) |
/// | HTTP basic and digest | [`basic`](Self::basic) |
/// | `OAuth2` with client credentials | [`client`](Self::client), or `access_token` |
/// | `OpenID` Connect | [`client`](Self::client) at the token endpoint that its server names, or `access_token` |
/// | other `OAuth2` flows | `access_token` |
/// | mutual TLS | [`client_certificate`](Profile::client_certificate) of the profile or the harness, over https |
///
/// Every scheme but mutual TLS is also served by its own secret, by name: [`scheme`](Self::scheme).
///
/// ```
/// use opcall::Credentials;
/// let credentials = Credentials::new().api_key("s3cret");
/// assert_eq!(format!("{credentials:?}"), r#"Credentials { api_key: "<redacted>" }"#);
/// ```
#[derive(Clone, Default)]
#[must_use = "credentials do nothing until a profile has them"]
pub struct Credentials {
    pub(crate) client: Option<(String, SecretString)>,
    pub(crate) member: Option<String>,
    pub(crate) access_token: Option<SecretString>,
    pub(crate) api_key: Option<SecretString>,
    pub(crate) basic: Option<(String, SecretString)>,
    pub(crate) schemes: Vec<(String, SecretString)>,
    /// What of a pair was found alone, and the rest was not.
    pub(crate) half: Option<String>,
}

impl Credentials {
    /// No credentials.
    pub fn new() -> Self {
        Self::default()
    }

    /// Client ID and secret for `OAuth2` client credentials (RFC 6749 §4.4).
    pub fn client(mut self, id: impl Into<String>, secret: impl Into<SecretString>) -> Self {
        self.client = Some((id.into(), secret.into()));
        self
    }

    /// The member (child) account to sign in to, where the service has such.
    pub fn member(mut self, member: impl Into<String>) -> Self {
        self.member = Some(member.into());
        self
    }

    /// An access token: for bearer schemes, and in place of an `OAuth2` token request. A text with a space, such as
    /// `token 0123`, names its HTTP scheme itself and is the whole value of `Authorization`.
    pub fn access_token(mut self, token: impl Into<SecretString>) -> Self {
        self.access_token = Some(token.into());
        self
    }

    /// An API key, for schemes that put one in a header, the query or a cookie. Where an operation asks for several
    /// keys at once, each needs [`Credentials::scheme`].
    pub fn api_key(mut self, key: impl Into<SecretString>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// User name and password for HTTP basic (RFC 7617) and digest authentication (RFC 7616).
    pub fn basic(mut self, username: impl Into<String>, password: impl Into<SecretString>) -> Self {
        self.basic = Some((username.into(), password.into()));
        self
    }

    /// The secret of one security scheme by its name in the document, for services that ask for several keys. For
    /// HTTP basic and digest it is `USER:PASSWORD`, for `OAuth2` and `OpenID` Connect an access token.
    ///
    /// ```
    /// use opcall::Credentials;
    /// let credentials = Credentials::new().scheme("AppId", "my-app").scheme("ApiKey", "s3cret");
    /// ```
    pub fn scheme(mut self, name: impl Into<String>, secret: impl Into<SecretString>) -> Self {
        self.schemes.push((name.into(), secret.into()));
        self
    }

    /// Whether there is anything to sign in with.
    fn is_empty(&self) -> bool {
        let Self { client, member: _, access_token, api_key, basic, schemes, half: _ } = self;
        client.is_none()
            && access_token.is_none()
            && api_key.is_none()
            && basic.is_none()
            && schemes.is_empty()
    }

    /// The secret given for one scheme by name.
    pub(crate) fn of_scheme(&self, name: &str) -> Option<&SecretString> {
        self.schemes.iter().find(|(scheme, _)| scheme == name).map(|(_, secret)| secret)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HIDDEN: &str = "<redacted>";
        let mut shown = f.debug_struct("Credentials");
        if let Some((id, _)) = &self.client {
            shown.field("client_id", id).field("client_secret", &HIDDEN);
        }
        if let Some(member) = &self.member {
            shown.field("member", member);
        }
        if self.access_token.is_some() {
            shown.field("access_token", &HIDDEN);
        }
        if self.api_key.is_some() {
            shown.field("api_key", &HIDDEN);
        }
        if let Some((username, _)) = &self.basic {
            shown.field("username", username).field("password", &HIDDEN);
        }
        for (name, _) in &self.schemes {
            shown.field(name, &HIDDEN);
        }
        if let Some(half) = &self.half {
            shown.field("half", half);
        }
        shown.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_what_may_be_secret() {
        for (url, shown) in [
            ("https://h.example/v1", "https://h.example/v1"),
            ("https://u:s3cret@h.example/v1", "https://<redacted>@h.example/v1"),
            ("https://u:s3c@ret@h.example?key=s3cret", "https://<redacted>@h.example?<redacted>"),
            ("https://h.example/v1#s3cret", "https://h.example/v1#<redacted>"),
            ("h.example/a@b?", "h.example/a@b?"),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
    }
}
