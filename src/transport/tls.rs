//! What TLS says of a connection that was not agreed on, found in the chain of an error.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError, Error as TlsError};

use crate::error::TlsProblem;

/// What one side has said of the other, or of what it received.
#[derive(Clone, Copy)]
enum Said {
    Alert(AlertDescription),
    Certificate(TlsProblem),
    Other,
}

/// Why the two sides did not agree while the connection was made; `None` where an error is not about that.
pub(super) fn problem_of(error: &(dyn Error + 'static), has_certificate: bool) -> Option<TlsProblem> {
    match said(error)? {
        Said::Alert(alert) => of_alert(alert, has_certificate),
        Said::Certificate(problem) => Some(problem),
        Said::Other => Some(TlsProblem::Other),
    }
}

/// The same for a connection that this side took for made: a server that wants a client certificate may say so only
/// then (TLS 1.3), and has read nothing of a request by that time. Whatever else breaks it may come after a request.
pub(super) fn late_problem_of(error: &(dyn Error + 'static), has_certificate: bool) -> Option<TlsProblem> {
    match said(error)? {
        Said::Alert(alert) => {
            of_alert(alert, has_certificate).filter(|problem| *problem != TlsProblem::Other)
        }
        _ => None,
    }
}

/// What TLS says in an error, or in one below it.
fn said(error: &(dyn Error + 'static)) -> Option<Said> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(said_in)
}

fn said_in(error: &(dyn Error + 'static)) -> Option<Said> {
    // An input/output error gives what it wraps away by another door than `source`.
    if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        return said_in(inner).or_else(|| retold(inner));
    }
    Some(match error.downcast_ref::<TlsError>()? {
        TlsError::AlertReceived(alert) => Said::Alert(*alert),
        TlsError::InvalidCertificate(problem) => Said::Certificate(of_certificate(problem)),
        _ => Said::Other,
    })
}

/// HTTP/2 tells an alert on in words alone.
fn retold(error: &(dyn Error + 'static)) -> Option<Said> {
    let text = error.to_string();
    let is_it = |alert: &&AlertDescription| text == TlsError::AlertReceived(**alert).to_string();
    OF_CERTIFICATES.iter().chain(&OF_HANDSHAKES).find(is_it).map(|alert| Said::Alert(*alert))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refused_certificate_is_told_late() {
        use AlertDescription as Alert;
        let of = |error: TlsError, has_certificate| {
            let error = io::Error::other(error);
            (problem_of(&error, has_certificate), late_problem_of(&error, has_certificate))
        };
        let (other, required) = (Some(TlsProblem::Other), Some(TlsProblem::CertificateRequired));
        let refused = Some(TlsProblem::CertificateRefused);
        for (alert, has_certificate, expected) in [
            (Alert::CertificateRequired, false, (required, required)),
            (Alert::CertificateExpired, false, (required, required)),
            (Alert::CertificateExpired, true, (refused, refused)),
            (Alert::DecryptError, true, (refused, refused)),
            (Alert::DecryptError, false, (other, None)),
            (Alert::HandshakeFailure, true, (other, None)),
            (Alert::BadRecordMac, true, (None, None)),
            (Alert::InternalError, false, (None, None)),
        ] {
            assert_eq!(of(TlsError::AlertReceived(alert), has_certificate), expected, "{alert:?}");
        }
        assert_eq!(of(TlsError::DecryptError, true), (other, None));
        let certificate = TlsError::InvalidCertificate(CertificateError::Expired);
        assert_eq!(of(certificate, false), (Some(TlsProblem::Expired), None));
        assert_eq!(problem_of(&io::Error::other("no TLS"), false), None);
    }
}
