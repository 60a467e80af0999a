//! Why no authority is trusted: `SSL_CERT_FILE` stands in place of the system's roots, and may name nothing of use.

use opcall::{Error, Phase, ProxyProblem, TlsProblem};

use crate::session;

/// What is wrong with `SSL_CERT_FILE`, where it is that which makes a certificate unknown.
pub(crate) fn problem(error: &Error) -> Option<String> {
    const UNKNOWN: TlsProblem = TlsProblem::UnknownIssuer;
    let is_meant = match error {
        Error::Transport(error) => {
            matches!(error.phase, Phase::Tls(UNKNOWN) | Phase::Proxy(ProxyProblem::Tls(UNKNOWN)))
        }
        Error::Config(error) => error.hint.as_deref().is_some_and(|hint| hint.contains("SSL_CERT_FILE")),
        _ => false,
    };
    let path = session::variable("SSL_CERT_FILE").filter(|_| is_meant)?;
    let problem = match std::fs::read(&path) {
        Err(error) => format!("cannot be read ({error})"),
        Ok(bytes) if String::from_utf8_lossy(&bytes).contains("-----BEGIN CERTIFICATE-----") => return None,
        Ok(_) => "holds no certificate (PEM)".to_owned(),
    };
    Some(format!("correct SSL_CERT_FILE: \"{path}\" {problem}."))
}
