//! How requests get to their servers: what a user says of proxies, certificates and connecting, once for the calls of a
//! harness and for the fetching of documents.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use zeroize::Zeroizing;

use super::client::ClientCertificate;
use super::proxy::Proxy;

/// How requests get to their servers: proxy, certificates, time for connecting.
///
/// One value serves harnesses and fetches alike ([`HarnessBuilder::network`](crate::HarnessBuilder::network),
/// [`Fetch::network`](crate::Fetch::network)); both also have each of these methods themselves. Its `Debug` shows no
/// password and no private key.
///
/// ```
/// use opcall::{Document, Harness, Network};
/// let network = Network::new().proxy("http://user:s3cret@proxy.example:3128");
/// assert!(!format!("{network:?}").contains("s3cret"));
/// let harness = Harness::builder().network(network.clone()).build()?;
/// let fetch = Document::fetch("https://api.example/openapi.json").network(network);
/// # Ok::<(), opcall::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "it does nothing until a harness or a fetch has it"]
pub struct Network {
    pub(crate) connect_timeout: Duration,
    pub(crate) route: Route,
    /// Root certificates beside the platform's, in PEM.
    pub(crate) roots: Vec<Bytes>,
    pub(crate) certificate: Option<ClientCertificate>,
}

/// What was said of proxies.
#[derive(Debug, Clone)]
pub(crate) enum Route {
    /// The environment decides.
    Environment,
    /// None is used.
    Direct,
    /// This one is used for everything; `None` where what was said is none.
    Through(Option<Proxy>),
}

impl Network {
    /// Proxies as the environment says, the platform's root certificates, no client certificate, 10 s for connecting.
    pub fn new() -> Self {
        let connect_timeout = Duration::from_secs(10);
        Self { connect_timeout, route: Route::Environment, roots: Vec::new(), certificate: None }
    }

    /// How long connecting may take, by a proxy and TLS included; 10 s by default.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Sends everything through a proxy, this machine's own addresses included: an `http`, `https`, `socks4`,
    /// `socks4a`, `socks5` or `socks5h` URL, with `USER:PASSWORD@` where it wants them (percent-encoded, RFC 3986 §3.2.1).
    /// They go to the proxy alone. With `socks4a` and `socks5h` it is the proxy that resolves names, with `socks4` and
    /// `socks5` this machine. An https URL is asked for through a tunnel (`CONNECT`), in which the proxy reads nothing.
    ///
    /// Without this, `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` of the process's environment decide, in
    /// upper or lower case, else the system's settings (macOS, Windows); this machine is never asked through those.
    /// `HTTP_PROXY` does not count where `REQUEST_METHOD` is set: there it is a header of a CGI request.
    pub fn proxy(mut self, url: impl AsRef<str>) -> Self {
        self.route = Route::Through(Proxy::parse(url.as_ref()));
        self
    }

    /// Sends nothing through a proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.route = Route::Direct;
        self
    }

    /// Accepts servers whose certificates these root certificates (PEM) signed, beside the platform's own roots. On
    /// Unix `SSL_CERT_FILE` and `SSL_CERT_DIR` stand in place of the platform's.
    pub fn root_certificates(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.roots.push(Bytes::copy_from_slice(pem.as_ref()));
        self
    }

    /// Shows a client certificate, its chain and its private key both in PEM, to every server that asks for one. One
    /// for a single service is [`Profile::client_certificate`](crate::Profile::client_certificate). With a proxy that
    /// is itself spoken to by TLS (`https`) an https call that would show one is an [`Error::Config`](crate::Error::Config):
    /// the proxy might ask for it too.
    pub fn client_certificate(mut self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        self.certificate = Some(ClientCertificate::new(chain.as_ref(), key.as_ref()));
        self
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A file of certificates may hold a key as well.
        f.debug_struct("Network")
            .field("connect_timeout", &self.connect_timeout)
            .field("route", &self.route)
            .field("roots", &self.roots.len())
            .field("certificate", &self.certificate)
            .finish()
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl ClientCertificate {
    /// Chain and key in PEM; they are looked at when a harness or a fetch begins.
    pub(crate) fn new(chain: &[u8], key: &[u8]) -> Self {
        Self { chain: Bytes::copy_from_slice(chain), key: Arc::new(Zeroizing::new(key.to_vec())) }
    }
}

/// The methods of [`Network`] for a builder that has `settings`.
macro_rules! network_methods {
    () => {
        /// How requests get to their servers, in place of what was said of that before.
        pub fn network(mut self, network: $crate::Network) -> Self {
            self.settings.network = network;
            self
        }

        /// How long connecting may take; 10 s by default. See
        /// [`Network::connect_timeout`]($crate::Network::connect_timeout).
        pub fn connect_timeout(mut self, limit: ::std::time::Duration) -> Self {
            self.settings.network = self.settings.network.connect_timeout(limit);
            self
        }

        /// Sends everything through a proxy (`http`, `https` or `socks5` URL), in place of what the environment says.
        /// See [`Network::proxy`]($crate::Network::proxy).
        pub fn proxy(mut self, url: impl AsRef<str>) -> Self {
            self.settings.network = self.settings.network.proxy(url);
            self
        }

        /// Sends nothing through a proxy, whatever the environment says.
        pub fn no_proxy(mut self) -> Self {
            self.settings.network = self.settings.network.no_proxy();
            self
        }

        /// Accepts servers whose certificates these root certificates (PEM) signed. See
        /// [`Network::root_certificates`]($crate::Network::root_certificates).
        pub fn root_certificates(mut self, pem: impl AsRef<[u8]>) -> Self {
            self.settings.network = self.settings.network.root_certificates(pem);
            self
        }

        /// Shows a client certificate: its chain and its private key, both in PEM. See
        /// [`Network::client_certificate`]($crate::Network::client_certificate).
        pub fn client_certificate(mut self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
            self.settings.network = self.settings.network.client_certificate(chain, key);
            self
        }
    };
}

pub(crate) use network_methods;
