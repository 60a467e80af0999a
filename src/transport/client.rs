//! The HTTP clients: each is made when the first request needs it, and none does anything that was not asked for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use once_cell::sync::OnceCell;
use reqwest::{Client, Proxy, redirect, retry};
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use rustls_platform_verifier::Verifier;
use url::Url;
use zeroize::Zeroizing;

use super::Settings;
use super::connecting::Marking;
use super::limits::LARGEST_HEAD;
use crate::error::ConfigError;
use crate::profile::is_loopback;

const SETTINGS: &str = "correct the harness's settings.";

const AS_PEM: &str = "give it as PEM: `-----BEGIN ...` to `-----END ...`.";

/// A client certificate and its key in PEM. Its `Debug` shows neither.
#[derive(Clone)]
pub(crate) struct ClientCertificate {
    pub(crate) chain: Bytes,
    pub(crate) key: Arc<Zeroizing<Vec<u8>>>,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate(<redacted>)")
    }
}

/// One client for each kind of request: with TLS or without, through the environment's proxies or past them.
#[derive(Default)]
pub(crate) struct Clients {
    plain: OnceCell<Client>,
    local: OnceCell<Client>,
    general: OnceCell<Client>,
}

impl Clients {
    pub(crate) fn get(&self, url: &Url, settings: &Settings) -> Result<&Client, ConfigError> {
        let past_proxies = settings.proxy.is_none() && (settings.no_proxy || is_loopback(url));
        match (past_proxies, url.scheme()) {
            (true, "http") => self.plain.get_or_try_init(|| build(settings, without_tls()?, true)),
            (true, _) => self.local.get_or_try_init(|| build(settings, tls(settings)?, true)),
            (false, _) => self.general.get_or_try_init(|| build(settings, tls(settings)?, false)),
        }
    }
}

/// Finds what is wrong with the settings before anything is sent.
pub(crate) fn check(settings: &Settings) -> Result<(), ConfigError> {
    settings.limits().check()?;
    if let Some(proxy) = &settings.proxy {
        proxy_of(proxy)?;
    }
    reqwest::header::HeaderValue::from_str(&settings.user_agent)
        .map_err(|_| broken("the user agent holds what no header may hold", SETTINGS))?;
    for pem in &settings.roots {
        certificates(pem, "the root certificates")?;
    }
    if let Some(certificate) = &settings.certificate {
        certified_key(certificate)?;
    }
    Ok(())
}

fn build(settings: &Settings, tls: ClientConfig, past_proxies: bool) -> Result<Client, ConfigError> {
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(&settings.user_agent)
        .redirect(redirect::Policy::none())
        .referer(false)
        .retry(retry::never())
        .connector_layer(Marking)
        // Beyond what is taken in, so that it can be told from a connection that broke.
        .http2_max_header_list_size(4 * LARGEST_HEAD)
        .pool_idle_timeout(Duration::from_secs(90))
        .tcp_nodelay(true);
    if past_proxies {
        builder = builder.no_proxy();
    } else if let Some(proxy) = &settings.proxy {
        builder = builder.proxy(proxy_of(proxy)?);
    }
    if let Some(guard) = &settings.guard {
        builder = builder.dns_resolver(Arc::new(guard.clone()));
    }
    builder.build().map_err(|error| {
        broken(&format!("the HTTP client cannot be made: {}", error.without_url()), SETTINGS)
    })
}

fn proxy_of(url: &str) -> Result<Proxy, ConfigError> {
    Proxy::all(url).map_err(|_| broken("the proxy is no http, https or socks5 URL", SETTINGS))
}

/// For plain http to this machine: no roots are read, and no certificate would be accepted.
fn without_tls() -> Result<ClientConfig, ConfigError> {
    Ok(config_builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

fn config_builder() -> Result<ConfigBuilder<ClientConfig, rustls::WantsVerifier>, ConfigError> {
    // Given here and not installed for the process, which belongs to the program.
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| tls_error(&error))
}

fn tls(settings: &Settings) -> Result<ClientConfig, ConfigError> {
    let builder = config_builder()?;
    let provider = Arc::clone(builder.crypto_provider());
    let verifier = verifier(settings, provider)?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = with_identity(builder, settings)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The platform's verifier; named roots count beside its own.
fn verifier(
    settings: &Settings,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Verifier, ConfigError> {
    if settings.roots.is_empty() {
        return Verifier::new(provider).map_err(|error| tls_error(&error));
    }
    let mut roots = Vec::new();
    for pem in &settings.roots {
        roots.extend(certificates(pem, "the root certificates")?);
    }
    Verifier::new_with_extra_roots(roots, provider).map_err(|error| tls_error(&error))
}

fn with_identity(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    settings: &Settings,
) -> Result<ClientConfig, ConfigError> {
    let Some(certificate) = &settings.certificate else { return Ok(builder.with_no_client_auth()) };
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

fn tls_error(error: &rustls::Error) -> ConfigError {
    broken(
        &format!("TLS cannot be set up: {error}"),
        "check this machine's root certificates (SSL_CERT_FILE, SSL_CERT_DIR).",
    )
}

fn broken(problem: &str, hint: &str) -> ConfigError {
    ConfigError { problem: problem.to_owned(), hint: Some(hint.to_owned()) }
}
