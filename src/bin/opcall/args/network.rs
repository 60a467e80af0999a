//! Options of every command that asks servers: proxies and certificates.

use std::path::{Path, PathBuf};

use clap::Args;
use zeroize::Zeroizing;

use crate::config::Reference;
use crate::prepared::shell_word;
use crate::report::Failure;

/// How requests get to servers, those of documents included.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct Network {
    /// Send everything through this proxy: http, https, socks4, socks5 or socks5h
    #[arg(
        help = "Send everything through this proxy, also to this machine: http, https or socks5 URL, env:VARIABLE or file:PATH [env: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY]",
        long,
        value_name = "URL",
        hide_env = true,
        conflicts_with = "no_proxy"
    )]
    pub(crate) proxy: Option<Secret>,
    /// Send nothing through a proxy, whatever the environment says
    #[arg(long)]
    pub(crate) no_proxy: bool,
    /// Trust servers whose certificates these root certificates (PEM) signed, beside the system's
    #[arg(
        help = "Trust servers whose certificates these root certificates (PEM) signed, beside the system's or those of SSL_CERT_FILE",
        long,
        value_name = "FILE"
    )]
    pub(crate) cacert: Option<PathBuf>,
    /// Show this client certificate (PEM), with its key in the same file or in --key
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
    /// The client certificate's private key (PEM, not encrypted)
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
}

/// A text that may hold a password; its `Debug` does not show it.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<redacted>")
    }
}

impl Secret {
    /// A word of a POSIX shell for it: the variable that holds it, or the text without a password.
    pub(crate) fn in_shell(&self) -> String {
        match Reference::parse(&self.0) {
            Some(Reference::Variable(name)) => format!("\"${name}\""),
            Some(reference @ Reference::File(_)) => {
                let path = reference.to_string();
                format!("\"$(cat {})\"", shell_word(path.trim_start_matches("file:")))
            }
            None => match self.0.rsplit_once('@') {
                Some((user, place)) => {
                    let scheme = user.split_once("://").map_or("http", |(scheme, _)| scheme);
                    format!("{scheme}://'<redacted>'@{}", shell_word(place))
                }
                None => shell_word(&self.0),
            },
        }
    }
}

impl Network {
    /// What the library is told.
    ///
    /// # Errors
    /// Where a file cannot be read, or the variable with the proxy is not set.
    pub(crate) fn settings(&self) -> Result<opcall::Network, Failure> {
        let mut network = opcall::Network::new();
        if let Some(Secret(text)) = &self.proxy {
            network = match Reference::parse(text) {
                Some(reference) => network.proxy(reference.required("the proxy")?),
                None => network.proxy(text),
            };
        }
        if self.no_proxy {
            network = network.no_proxy();
        }
        if let Some(roots) = &self.cacert {
            network = network.root_certificates(read(roots)?);
        }
        if let Some((chain, key)) = self.certificate() {
            network = network.client_certificate(read(chain)?, read(key)?);
        }
        Ok(network)
    }

    /// The files of the client certificate and of its key.
    pub(crate) fn certificate(&self) -> Option<(&Path, &Path)> {
        let chain = self.cert.as_deref()?;
        Some((chain, self.key.as_deref().unwrap_or(chain)))
    }
}

/// A file that may hold a private key.
///
/// # Errors
/// Where it cannot be read.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let bytes = std::fs::read(path);
    bytes.map(Zeroizing::new).map_err(|error| Failure::io(format!("reading \"{}\"", path.display()), error))
}
