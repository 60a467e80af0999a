//! The HTTP clients: each is made when the first request needs it, and none does anything that was not asked for.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use once_cell::sync::OnceCell;
use reqwest::{Client, redirect, retry};
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use rustls_platform_verifier::Verifier;
use secrecy::SecretString;
use url::Url;
use zeroize::Zeroizing;

use super::connecting::Marking;
use super::limits::LARGEST_HEAD;
use super::network::Route;
use super::proxy::{Proxy, Routes, no_proxy_url};
use super::{Link, Settings};
use crate::error::ConfigError;

const SETTINGS: &str = "correct the harness's settings.";

/// How long a connection may wait for its next request.
const IDLE: Duration = Duration::from_secs(90);

const AS_PEM: &str = "give it as PEM: `-----BEGIN ...` to `-----END ...`.";

/// A client certificate and its key in PEM. Its `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ClientCertificate {
    pub(crate) chain: Bytes,
    pub(crate) key: Arc<Zeroizing<Vec<u8>>>,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate(<redacted>)")
    }
}

impl Hash for ClientCertificate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.chain.hash(state);
    }
}

/// One client for each kind of request; its connections serve all requests of that kind.
#[derive(Default)]
pub(crate) struct Clients {
    /// Those of most requests, which go to the server itself and show no certificate: without TLS and with.
    direct: [OnceCell<Client>; 2],
    made: Mutex<HashMap<Kind, Client>>,
    routes: Routes,
    verifier: OnceCell<Arc<Verifier>>,
}

/// What tells one client from another.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Kind {
    proxy: Option<Proxy>,
    /// Whether it speaks TLS; without it no roots need be read.
    tls: bool,
    certificate: Option<ClientCertificate>,
}

impl Clients {
    /// The client for a request, and the proxy that it goes through.
    pub(super) fn get(
        &self,
        url: &Url,
        link: &Link,
        settings: &Settings,
    ) -> Result<(Cow<'_, Client>, Option<Proxy>), ConfigError> {
        let proxy = self.routes.of(url, &settings.network.route)?;
        let is_encrypted = url.scheme() == "https";
        let certificate = link.certificate.as_ref().or(settings.network.certificate.as_ref());
        let certificate = certificate.filter(|_| is_encrypted).cloned();
        if let (None, None) = (&proxy, &certificate) {
            let kind = || Kind { proxy: None, tls: is_encrypted, certificate: None };
            let client =
                self.direct[usize::from(is_encrypted)].get_or_try_init(|| self.build(&kind(), settings))?;
            return Ok((Cow::Borrowed(client), None));
        }
        if let (Some(_), Some(proxy)) = (&certificate, proxy.as_ref().filter(|proxy| proxy.is_encrypted())) {
            return Err(shown_to(proxy));
        }
        let tls = is_encrypted || proxy.as_ref().is_some_and(Proxy::is_encrypted);
        let kind = Kind { proxy, tls, certificate };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(&kind) {
            return Ok((Cow::Owned(client.clone()), kind.proxy));
        }
        let client = self.build(&kind, settings)?;
        made.insert(kind.clone(), client.clone());
        Ok((Cow::Owned(client), kind.proxy))
    }

    /// Whether no proxy is told anything.
    pub(super) fn has_no_proxy(&self, route: &Route) -> bool {
        self.routes.are_none(route)
    }

    /// What proxies are told of their users.
    pub(super) fn proxy_secrets(&self, route: &Route) -> impl Iterator<Item = SecretString> {
        self.routes.known(route).into_iter().flat_map(|proxy| proxy.secrets())
    }

    fn build(&self, kind: &Kind, settings: &Settings) -> Result<Client, ConfigError> {
        let tls = if kind.tls { self.tls(kind, settings)? } else { without_tls()? };
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(&settings.user_agent)
            .redirect(redirect::Policy::none())
            .referer(false)
            // Without a number it would keep a copy of each request for a repeat that never comes.
            .retry(retry::never().max_retries_per_request(0))
            .connector_layer(Marking)
            // Beyond what is taken in, so that it can be told from a connection that broke.
            .http2_max_header_list_size(4 * LARGEST_HEAD)
            .pool_idle_timeout(IDLE)
            .tcp_nodelay(true)
            .no_proxy();
        if let Some(proxy) = &kind.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy.url()).map_err(|_| no_proxy_url("the proxy"))?);
        }
        if let Some(guard) = &settings.guard {
            builder = builder.dns_resolver(Arc::new(guard.clone()));
        }
        builder.build().map_err(|error| {
            broken(&format!("the HTTP client cannot be made: {}", error.without_url()), SETTINGS)
        })
    }

    fn tls(&self, kind: &Kind, settings: &Settings) -> Result<ClientConfig, ConfigError> {
        let builder = config_builder()?;
        let provider = Arc::clone(builder.crypto_provider());
        let verifier = self.verifier.get_or_try_init(|| verifier(settings, provider).map(Arc::new))?;
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::clone(verifier) as _);
        let mut config = with_identity(builder, kind.certificate.as_ref())?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Finds what is wrong with the settings before anything is sent.
pub(crate) fn check(settings: &Settings) -> Result<(), ConfigError> {
    settings.limits().check()?;
    if let Route::Through(None) = &settings.network.route {
        return Err(no_proxy_url("the proxy"));
    }
    reqwest::header::HeaderValue::from_str(&settings.user_agent)
        .map_err(|_| broken("the user agent holds what no header may hold", SETTINGS))?;
    for pem in &settings.network.roots {
        certificates(pem, "the root certificates")?;
    }
    settings.network.certificate.as_ref().map_or(Ok(()), ClientCertificate::check)
}

impl ClientCertificate {
    /// Finds what is wrong with it before anything is sent.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        certified_key(self).map(|_| ())
    }
}

/// For plain http: no roots are read, and no certificate would be accepted.
fn without_tls() -> Result<ClientConfig, ConfigError> {
    Ok(config_builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

fn config_builder() -> Result<ConfigBuilder<ClientConfig, rustls::WantsVerifier>, ConfigError> {
    // Given here and not installed for the process, which belongs to the program.
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| tls_error(&error))
}

/// The platform's verifier; named roots count beside its own.
fn verifier(
    settings: &Settings,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Verifier, ConfigError> {
    if settings.network.roots.is_empty() {
        return Verifier::new(provider).map_err(|error| tls_error(&error));
    }
    let mut roots = Vec::new();
    for pem in &settings.network.roots {
        roots.extend(certificates(pem, "the root certificates")?);
    }
    Verifier::new_with_extra_roots(roots, provider).map_err(|error| tls_error(&error))
}

fn with_identity(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    certificate: Option<&ClientCertificate>,
) -> Result<ClientConfig, ConfigError> {
    let Some(certificate) = certificate else { return Ok(builder.with_no_client_auth()) };
    let key = SingleCertAndKey::from(certified_key(certificate)?);
    Ok(builder.with_client_cert_resolver(Arc::new(key)))
}

/// A client certificate with its key, which must belong together.
fn certified_key(certificate: &ClientCertificate) -> Result<CertifiedKey, ConfigError> {
    let chain = certificates(&certificate.chain, "the client certificate")?;
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(chain, private_key(certificate)?, &provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => broken(
            "the client certificate and its key do not belong together",
            "give the certificate's own key.",
        ),
        error => broken(&format!("the client certificate cannot be used: {error}"), AS_PEM),
    })
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    read.ok()
        .filter(|list| !list.is_empty())
        .ok_or_else(|| broken(&format!("no certificate can be read from {what}"), AS_PEM))
}

fn private_key(certificate: &ClientCertificate) -> Result<PrivateKeyDer<'static>, ConfigError> {
    const ENCRYPTED: &[u8] = b"ENCRYPTED";
    PrivateKeyDer::from_pem_slice(&certificate.key).map_err(|_| {
        if certificate.key.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED) {
            let hint = "decrypt it first: `openssl pkey -in FILE -out DECRYPTED`.";
            broken("the client certificate's key is encrypted", hint)
        } else {
            let hint = "give the certificate's key as PEM: `-----BEGIN PRIVATE KEY-----` and so on.";
            broken("no private key can be read for the client certificate", hint)
        }
    })
}

/// The HTTP library speaks to a proxy by the same configuration as to the server behind it.
fn shown_to(proxy: &Proxy) -> ConfigError {
    broken(
        &format!("the client certificate would be shown to the proxy {} too", proxy.shown()),
        "give a proxy by http or SOCKS, in which an https call stays encrypted, or go past it (`no_proxy`).",
    )
}

fn tls_error(error: &rustls::Error) -> ConfigError {
    broken(
        &format!("TLS cannot be set up: {error}"),
        "check this machine's root certificates (SSL_CERT_FILE, SSL_CERT_DIR).",
    )
}

fn broken(problem: &str, hint: &str) -> ConfigError {
    ConfigError { problem: problem.to_owned(), hint: Some(hint.to_owned()) }
}
