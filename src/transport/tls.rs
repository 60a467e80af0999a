//! What TLS says of a connection that was not agreed on, found in the chain of an error.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError, Error as TlsError};

use crate::error::TlsProblem;

/// Why the two sides did not agree; `None` where an error is not about that. A server that wants a client certificate
/// may say so only after this side thinks that the connection stands (TLS 1.3); it has read nothing by then.
pub(super) fn problem_of(error: &(dyn Error + 'static), has_certificate: bool) -> Option<TlsProblem> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(problem) = said(error, has_certificate) {
            return Some(problem);
        }
        next = error.source();
    }
    None
}

fn said(error: &(dyn Error + 'static), has_certificate: bool) -> Option<TlsProblem> {
    // An input/output error gives what it wraps away by another door than `source`.
    if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        return said(inner, has_certificate).or_else(|| retold(inner, has_certificate));
    }
    match error.downcast_ref::<TlsError>()? {
        TlsError::AlertReceived(alert) => of_alert(*alert, has_certificate),
        TlsError::InvalidCertificate(problem) => Some(of_certificate(problem)),
        _ => Some(TlsProblem::Other),
    }
}

/// HTTP/2 tells an alert on in words alone.
fn retold(error: &(dyn Error + 'static), has_certificate: bool) -> Option<TlsProblem> {
    let text = error.to_string();
    let is_it = |alert: &&AlertDescription| text == TlsError::AlertReceived(**alert).to_string();
    OF_CERTIFICATES
        .iter()
        .chain(&OF_HANDSHAKES)
        .find(is_it)
        .and_then(|alert| of_alert(*alert, has_certificate))
}

/// Alerts by which a server refuses a client's certificate, or the want of one.
const OF_CERTIFICATES: [AlertDescription; 8] = [
    AlertDescription::CertificateRequired,
    AlertDescription::BadCertificate,
    AlertDescription::UnsupportedCertificate,
    AlertDescription::CertificateRevoked,
    AlertDescription::CertificateExpired,
    AlertDescription::CertificateUnknown,
    AlertDescription::UnknownCA,
    AlertDescription::AccessDenied,
];

/// Further alerts that end a handshake; any other comes from a connection that stood.
const OF_HANDSHAKES: [AlertDescription; 6] = [
    AlertDescription::DecryptError,
    AlertDescription::HandshakeFailure,
    AlertDescription::ProtocolVersion,
    AlertDescription::InsufficientSecurity,
    AlertDescription::UnrecognisedName,
    AlertDescription::NoApplicationProtocol,
];

fn of_certificate(problem: &CertificateError) -> TlsProblem {
    match problem {
        // A bad signature is what an authority of a trusted one's name but another key gives.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => TlsProblem::UnknownIssuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsProblem::WrongName
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => TlsProblem::Expired,
        _ => TlsProblem::Other,
    }
}

fn of_alert(alert: AlertDescription, has_certificate: bool) -> Option<TlsProblem> {
    if alert == AlertDescription::CertificateRequired {
        return Some(TlsProblem::CertificateRequired);
    }
    // A signature that does not fit is told by another alert.
    if has_certificate && (OF_CERTIFICATES.contains(&alert) || alert == AlertDescription::DecryptError) {
        return Some(TlsProblem::CertificateRefused);
    }
    if OF_CERTIFICATES.contains(&alert) {
        return Some(TlsProblem::CertificateRequired);
    }
    OF_HANDSHAKES.contains(&alert).then_some(TlsProblem::Other)
}
