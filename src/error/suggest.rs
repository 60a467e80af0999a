//! What to do about an error, in a sentence or two.

use super::held::suggest_waiting;
use super::{
    Ambiguous, ArgumentsError, Error, Phase, ProxyProblem, Refused, TlsProblem, TransportError, Unfinished,
    UnknownOperation,
};
use crate::attempt::Attempt;

pub(super) fn suggest_names(error: &UnknownOperation) -> String {
    let search = match &error.word {
        Some(word) => format!("`opcall ops {word}` shows all with that word."),
        None => "`opcall ops` shows all.".to_owned(),
    };
    match &error.suggestions[..] {
        [] => search,
        [one] => format!("did you mean \"{one}\"? {search}"),
        several => {
            let quoted: Vec<_> = several.iter().map(|one| format!("\"{one}\"")).collect();
            format!("did you mean one of {}? {search}", quoted.join(", "))
        }
    }
}

pub(super) fn suggest_choosing(error: &Ambiguous) -> String {
    let one = error.candidates.first().filter(|_| error.nameless < error.count);
    let one = one.map(|one| format!("say which one is meant, such as \"{one}\"."));
    let told = (error.nameless > 0).then(|| {
        let who = match error.nameless {
            1 => "One of them has no name alone: give it".to_owned(),
            several => format!("{several} of them have no name alone: give each"),
        };
        format!("{who} an alias in the description (`x-aliases`), by an overlay if that is not yours.")
    });
    one.into_iter().chain(told).collect::<Vec<_>>().join(" ")
}

/// An endpoint in no table (`METHOD /path`) declares nothing to look up.
pub(super) fn suggest_arguments(error: &ArgumentsError) -> Option<String> {
    if error.operation.contains(' ') && error.operation.contains(" /") {
        return None;
    }
    let name = &error.name;
    let quote = if name.contains([' ', '#']) { "'" } else { "" };
    Some(format!("`opcall show {quote}{name}{quote}` lists its parameters."))
}

/// What to do about a call that may have been carried out, and must not be twice.
pub(super) const CHECK_FIRST: &str =
    "check with a reading operation whether it was carried out before you repeat it";

/// The same before anything else that is to be done.
pub(super) fn checked_first(hint: Option<String>) -> String {
    match hint {
        Some(hint) if hint.starts_with(CHECK_FIRST) => hint,
        Some(hint) => format!("{CHECK_FIRST}, and {hint}"),
        None => format!("{CHECK_FIRST}."),
    }
}

/// Whether an answer that redirects may come after the request was carried out: 303 says that it was (RFC 9110 §15.4.4),
/// 301 and 302 are commonly meant so after a POST. 307 and 308 ask for the same request at another address.
pub(super) fn may_come_after_the_deed(status: u16) -> bool {
    matches!(status, 301..=303)
}

/// What could not follow was not sent, but what came before was.
pub(super) fn suggest_finishing(error: &Unfinished) -> Option<String> {
    match &error.cause {
        Error::Transport(cause) if cause.signing_in => Some(if error.idempotent {
            "repeat it: a second time changes nothing more.".to_owned()
        } else {
            checked_first(None)
        }),
        // Who does as told would send the whole call again.
        cause if !error.idempotent && error.attempts.iter().any(Attempt::may_have_acted) => {
            Some(checked_first(cause.hint()))
        }
        cause => cause.hint(),
    }
}

pub(super) fn suggest_reaching(error: &TransportError) -> String {
    let is_in_doubt = error.was_sent() && !error.idempotent;
    let hint = suggest_connecting(error, is_in_doubt);
    match error.phase {
        phase if phase.was_sent() || !is_in_doubt => hint,
        Phase::Unprocessed => format!("{CHECK_FIRST} later: {} takes no further requests now.", error.origin),
        // What ended it sent nothing, an attempt before it did.
        _ => checked_first(Some(hint)),
    }
}

fn suggest_connecting(error: &TransportError, is_in_doubt: bool) -> String {
    match error.phase {
        Phase::AnswerTimeout | Phase::Broken if error.fetching => {
            "try again later, or save the document and give the file.".to_owned()
        }
        Phase::Broken if error.signing_in && !error.before.is_empty() => {
            "repeat the call: it was not carried out.".to_owned()
        }
        Phase::Broken if error.signing_in => "repeat the call: nothing of it was sent.".to_owned(),
        Phase::Connect if error.proxy.is_none() && is_unresolved(error) => suggest_naming(error),
        Phase::Connect => {
            let place = error.proxy.as_ref().unwrap_or(&error.origin);
            format!("check that {place} is the right address and can be reached from here.")
        }
        Phase::Tls(problem) => suggest_trusting(problem, &error.origin),
        Phase::Proxy(problem) => suggest_passing(problem, error),
        Phase::ConnectTimeout => {
            let tls = if error.origin.starts_with("https:") { " and speaks TLS" } else { "" };
            format!("check that {} can be reached from here{tls}, or give it more time.", error.origin)
        }
        Phase::Unprocessed => format!("repeat it later: {} takes no further requests now.", error.origin),
        Phase::AnswerTimeout => {
            let more = if is_time_of_the_call(error) {
                "give the whole call more time (`max_time`)."
            } else {
                "give each attempt more time (`timeout`)."
            };
            if is_in_doubt { checked_first(Some(more.to_owned())) } else { more.to_owned() }
        }
        Phase::Stalled => {
            let more = "let its body stand still for longer (`idle_timeout`).".to_owned();
            if is_in_doubt { checked_first(Some(more)) } else { more }
        }
        Phase::Broken if !error.idempotent => checked_first(None),
        Phase::Broken if error.method.is_safe() => "repeat it: the call only reads.".to_owned(),
        Phase::Broken => "repeat it: a second time changes nothing more.".to_owned(),
    }
}

/// Whether it was the time of the whole call that ran out.
#[cfg(feature = "client")]
fn is_time_of_the_call(error: &TransportError) -> bool {
    error.source.as_ref().is_some_and(|source| crate::transport::is_time_of_the_call(&**source))
}

/// Nothing is sent here.
#[cfg(not(feature = "client"))]
fn is_time_of_the_call(_: &TransportError) -> bool {
    false
}

/// Whether the name of the host could not be resolved: the HTTP library tells it in words alone.
fn is_unresolved(error: &TransportError) -> bool {
    let mut next = error.source.as_deref().map(|source| source as &dyn std::error::Error);
    while let Some(error) = next {
        if matches!(error.to_string().as_str(), "dns error" | "error resolving for socks proxy") {
            return true;
        }
        next = error.source();
    }
    false
}

fn suggest_naming(error: &TransportError) -> String {
    let place = match (error.fetching, error.signing_in) {
        (true, _) => "the document's URL",
        (_, true) => "the base URL or the token URL",
        _ => "the base URL (`base_url`)",
    };
    let host = error.origin.split_once("://").map_or(error.origin.as_str(), |(_, host)| host);
    let host =
        host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(host, _)| host);
    format!("correct {place}, or this machine's name resolution: it knows no host \"{host}\".")
}

fn suggest_passing(problem: ProxyProblem, error: &TransportError) -> String {
    let proxy = error.proxy.as_deref().unwrap_or("the proxy");
    match problem {
        ProxyProblem::CredentialsRequired => {
            "give the proxy's user name and password in its URL (`proxy`).".to_owned()
        }
        ProxyProblem::CredentialsRefused => {
            "correct the user name and the password in the proxy's URL (`proxy`).".to_owned()
        }
        ProxyProblem::NoWay => {
            format!("check that {proxy} may and can reach {}, or go past it (`no_proxy`).", error.origin)
        }
        ProxyProblem::Tls(problem) => suggest_trusting(problem, proxy),
    }
}

fn suggest_trusting(problem: TlsProblem, origin: &str) -> String {
    match problem {
        TlsProblem::UnknownIssuer => {
            format!(
                "check that {origin} is the right address, or give its root certificate (`root_certificates`)."
            )
        }
        TlsProblem::WrongName => {
            format!("check that {origin} is the right address: its certificate is for another.")
        }
        TlsProblem::Expired => {
            format!("have the certificate of {origin} renewed, or set this machine's clock.")
        }
        TlsProblem::CertificateRequired => {
            format!("give {origin} a client certificate (`client_certificate`).")
        }
        TlsProblem::CertificateRefused => format!("give a client certificate that {origin} accepts."),
        TlsProblem::Other => format!("check that {origin} is served by https, TLS 1.2 or later."),
    }
}

pub(super) fn suggest_after_refusal(error: &Refused) -> Option<String> {
    match error.status {
        _ if is_in_doubt(error) => {
            Some(format!("{CHECK_FIRST}: an attempt before this answer may have done it."))
        }
        status if may_come_after_the_deed(status) && !error.idempotent => Some(suggest_looking(error)),
        300..=399 => suggest_following(error),
        401 => {
            Some(format!("check the credentials for {}: they are not accepted (any more).", error.service))
        }
        403 => error.scope.as_ref().map(|scope| format!("the API client needs the scope \"{scope}\".")),
        429 => Some(suggest_waiting(error.retry_after.unwrap_or_default())),
        // What is told to come later was not looked at (RFC 9110 §15.6.4).
        503 if error.retry_after.is_some() => Some("repeat the call later.".to_owned()),
        408 | 500 | 502 | 503 | 504 if !error.idempotent => Some(checked_first(None)),
        _ if error.retryable => Some("repeat the call later.".to_owned()),
        _ => None,
    }
}

/// Whether a repeat might act twice because of what came before the answer.
#[cfg(feature = "client")]
fn is_in_doubt(error: &Refused) -> bool {
    !error.idempotent && crate::attempt::may_have_acted_before(error.response.attempts())
}

#[cfg(not(feature = "client"))]
fn is_in_doubt(_: &Refused) -> bool {
    false
}

/// Where a redirect leads (RFC 9110 §10.2.2).
#[cfg(feature = "client")]
enum Target<'r> {
    /// No address of a call.
    Other,
    /// On the origin that was asked, as it may be shown.
    Here(&'r str),
    Elsewhere(&'r str),
}

/// Without what may be secret in it.
#[cfg(feature = "client")]
fn target(error: &Refused) -> Option<Target<'_>> {
    let location = error.response.location()?;
    let shown = location.split(['?', '#']).next().filter(|text| !text.contains('@'))?;
    let own = error.url.parse::<url::Url>().ok()?;
    let target = own.join(location).ok()?;
    Some(if !matches!(target.scheme(), "http" | "https") {
        Target::Other
    } else if target.origin() == own.origin() {
        Target::Here(shown)
    } else {
        Target::Elsewhere(shown)
    })
}

#[cfg(feature = "client")]
fn suggest_following(error: &Refused) -> Option<String> {
    Some(match target(error)? {
        Target::Other => "ask the service: where it redirects to is no address of a call.".to_owned(),
        Target::Here(shown) => {
            format!(
                "let the call go on to {shown} (`follow_redirects`): by default redirects are not followed."
            )
        }
        Target::Elsewhere(shown) => {
            format!("set the base URL if the service has moved to {shown}: redirects are not followed.")
        }
    })
}

/// What may have been carried out would be again, by a call that goes on to where this one led.
#[cfg(feature = "client")]
fn suggest_looking(error: &Refused) -> String {
    match target(error) {
        Some(Target::Here(shown)) => format!("{CHECK_FIRST}: what stands at {shown} may tell."),
        _ => checked_first(suggest_following(error)),
    }
}

#[cfg(not(feature = "client"))]
fn suggest_following(_: &Refused) -> Option<String> {
    None
}

#[cfg(not(feature = "client"))]
fn suggest_looking(_: &Refused) -> String {
    checked_first(None)
}
