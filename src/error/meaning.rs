//! What an error means for the caller: its kind, whether a repeat may help, whether anything was sent, and the hint.

use std::time::Duration;

use super::held::suggest_waiting;
use super::{
    Ambiguous, ArgumentsError, AuthError, ConfigError, DecodeError, Error, HeldBack, IoError, Phase,
    ProxyProblem, Refused, TlsProblem, TransportError, Unfinished, UnknownOperation, UnsafeError,
};
use crate::attempt::Attempt;
use crate::spec::SpecError;

impl Error {
    /// A stable word for programs: `unknown_operation`, `ambiguous_operation`, `arguments`, `spec`, `config`, `auth`,
    /// `transport`, `timeout`, `unfinished`, `refused`, `rate_limited`, `graphql`, `decode`, `unsafe` or `io`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::UnknownOperation(_) => "unknown_operation",
            Self::Ambiguous(_) => "ambiguous_operation",
            Self::Arguments(_) => "arguments",
            Self::Spec(_) => "spec",
            Self::Config(_) => "config",
            Self::Auth(_) => "auth",
            Self::Transport(error) if error.phase.is_timeout() => "timeout",
            Self::Transport(_) => "transport",
            Self::HeldBack(_) => "rate_limited",
            Self::Unfinished(_) => "unfinished",
            Self::Refused(error) if error.graphql => "graphql",
            Self::Refused(error) if error.status == 429 => "rate_limited",
            Self::Refused(_) => "refused",
            Self::Decode(_) => "decode",
            Self::Unsafe(_) => "unsafe",
            Self::Io(_) => "io",
        }
    }

    /// The operation with its service, or `METHOD /path` for an endpoint in no table, where the error knows it.
    #[must_use]
    pub fn operation(&self) -> Option<&str> {
        match self {
            Self::Arguments(error) => Some(&error.operation),
            Self::Transport(error) => Some(&error.operation),
            Self::HeldBack(error) => Some(&error.operation),
            Self::Unfinished(error) => Some(&error.operation),
            Self::Refused(error) => Some(&error.operation),
            Self::Decode(error) => Some(&error.operation),
            _ => None,
        }
    }

    /// The status of the answer, also of the token endpoint's, where there was one: also of one that broke off behind
    /// its head, or was not taken in.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Auth(error) => error.status,
            Self::Unfinished(error) => error.cause.status(),
            Self::Refused(error) => Some(error.status),
            Self::Decode(error) => Some(error.status),
            Self::Transport(error) => error.begun().map(|begun| begun.status),
            Self::Unsafe(error) => error.attempts.last().and_then(Attempt::answered),
            _ => None,
        }
    }

    /// Whether the same call may succeed later.
    ///
    /// A repeat of a call that was sent ([`Error::was_sent`]) may act twice where the operation is not idempotent.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::HeldBack(_) => true,
            Self::Unfinished(error) => error.cause.is_retryable(),
            Self::Transport(error) => is_retryable_phase(error.phase),
            Self::Refused(error) => error.retryable,
            Self::Auth(error) => error.status.is_some_and(is_retryable_status),
            _ => false,
        }
    }

    /// What was tried: the requests of the operation, or those of signing in where that failed. Empty where nothing was
    /// sent, and where the error is not about sending.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        match self {
            Self::Auth(error) => &error.attempts,
            Self::Transport(error) => &error.attempts,
            Self::HeldBack(error) => &error.attempts,
            Self::Unfinished(error) => &error.attempts,
            Self::Unsafe(error) => &error.attempts,
            Self::Decode(error) => &error.attempts,
            #[cfg(feature = "client")]
            Self::Refused(error) => error.response.attempts(),
            _ => &[],
        }
    }

    /// The requests that signing in took, as [`crate::Response::sign_in_attempts`] tells them; where it was signing in
    /// that failed, they are [`Error::attempts`] too.
    #[must_use]
    pub fn sign_in_attempts(&self) -> &[Attempt] {
        match self {
            Self::Auth(error) => &error.attempts,
            Self::Transport(error) if error.signing_in => &error.attempts,
            Self::Transport(error) => &error.sign_in,
            Self::HeldBack(error) if error.signing_in => &error.attempts,
            Self::Unsafe(error) if !error.sent => &error.attempts,
            Self::Unfinished(error) => error.cause.sign_in_attempts(),
            #[cfg(feature = "client")]
            Self::Refused(error) => error.response.sign_in_attempts(),
            _ => &[],
        }
    }

    /// How long the service asks to wait, where it says so; of a call that was held back, how long it would have had to
    /// wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Auth(error) => error.retry_after,
            Self::HeldBack(error) => Some(error.retry_after),
            Self::Unfinished(error) => error.cause.retry_after(),
            Self::Refused(error) => error.retry_after,
            _ => None,
        }
    }

    /// Whether at least a part of the operation's request was sent, so that it may have been carried out.
    #[must_use]
    pub fn was_sent(&self) -> bool {
        match self {
            Self::Transport(error) => error.was_sent(),
            Self::HeldBack(error) => error.was_sent(),
            Self::Unfinished(_) | Self::Refused(_) | Self::Decode(_) => true,
            Self::Unsafe(error) => error.sent,
            _ => false,
        }
    }

    /// What to do about it: one imperative sentence, or two.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownOperation(error) => Some(suggest_names(error)),
            Self::Ambiguous(error) => Some(suggest_choosing(error)),
            Self::Arguments(error) => suggest_arguments(error),
            Self::Spec(error) => error.hint.clone(),
            Self::Config(error) => error.hint.clone(),
            Self::Auth(error) => error.hint.clone(),
            Self::Transport(error) => Some(suggest_reaching(error)),
            Self::HeldBack(error) => Some(error.hint()),
            // What could not follow was not sent, but what came before was.
            Self::Unfinished(error) => match &error.cause {
                Self::Transport(cause) if cause.signing_in && !cause.idempotent => {
                    Some(format!("{CHECK_FIRST}."))
                }
                Self::Transport(cause) if cause.signing_in => {
                    Some("repeat it: a second time changes nothing more.".to_owned())
                }
                cause => cause.hint(),
            },
            Self::Refused(error) => suggest_after_refusal(error),
            Self::Unsafe(error) => error.hint.clone(),
            Self::Decode(_) | Self::Io(_) => None,
        }
    }
}

/// Two sides that do not agree on TLS will not do so later either.
pub(crate) fn is_retryable_phase(phase: Phase) -> bool {
    matches!(phase, Phase::Proxy(ProxyProblem::NoWay)) || !matches!(phase, Phase::Tls(_) | Phase::Proxy(_))
}

/// 408, 425, 429, 500, 502, 503 and 504 tell of a moment, not of the call.
pub(crate) fn is_retryable_status(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

fn suggest_names(error: &UnknownOperation) -> String {
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

fn suggest_choosing(error: &Ambiguous) -> String {
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
fn suggest_arguments(error: &ArgumentsError) -> Option<String> {
    if error.operation.contains(' ') && error.operation.contains(" /") {
        return None;
    }
    let name = &error.name;
    let quote = if name.contains([' ', '#']) { "'" } else { "" };
    Some(format!("`opcall show {quote}{name}{quote}` lists its parameters."))
}

/// What to do about a call that may have been carried out, and must not be twice.
const CHECK_FIRST: &str = "check with a reading operation whether it was carried out before you repeat it";

fn suggest_reaching(error: &TransportError) -> String {
    let is_in_doubt = error.was_sent() && !error.idempotent;
    match error.phase {
        Phase::AnswerTimeout | Phase::Broken if error.fetching => {
            "try again later, or save the document and give the file.".to_owned()
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
            if is_in_doubt { format!("{CHECK_FIRST}, and {more}") } else { more.to_owned() }
        }
        Phase::Stalled if is_in_doubt => {
            format!("{CHECK_FIRST}, and let its body stand still for longer (`idle_timeout`).")
        }
        Phase::Stalled => "let its body stand still for longer (`idle_timeout`).".to_owned(),
        Phase::Broken if !error.idempotent => format!("{CHECK_FIRST}."),
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

fn suggest_after_refusal(error: &Refused) -> Option<String> {
    match error.status {
        _ if is_in_doubt(error) => {
            Some(format!("{CHECK_FIRST}: an attempt before this answer may have done it."))
        }
        300..=399 => suggest_following(error),
        401 => {
            Some(format!("check the credentials for {}: they are not accepted (any more).", error.service))
        }
        403 => error.scope.as_ref().map(|scope| format!("the API client needs the scope \"{scope}\".")),
        429 => Some(suggest_waiting(error.retry_after.unwrap_or_default())),
        // What is told to come later was not looked at (RFC 9110 §15.6.4).
        503 if error.retry_after.is_some() => Some("repeat the call later.".to_owned()),
        408 | 500 | 502 | 503 | 504 if !error.idempotent => Some(format!("{CHECK_FIRST}.")),
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

/// Names where a redirect leads (RFC 9110 §10.2.2), without what may be secret in it.
#[cfg(feature = "client")]
fn suggest_following(error: &Refused) -> Option<String> {
    let location = error.response.location()?;
    let shown = location.split(['?', '#']).next().filter(|text| !text.contains('@'))?;
    let own = error.url.parse::<url::Url>().ok()?;
    let target = own.join(location).ok()?;
    Some(if !matches!(target.scheme(), "http" | "https") {
        "ask the service: where it redirects to is no address of a call.".to_owned()
    } else if target.origin() == own.origin() {
        format!("let the call go on to {shown} (`follow_redirects`): by default redirects are not followed.")
    } else {
        format!("set the base URL if the service has moved to {shown}: redirects are not followed.")
    })
}

#[cfg(not(feature = "client"))]
fn suggest_following(_: &Refused) -> Option<String> {
    None
}

macro_rules! from_part {
    ($($part:ident => $variant:ident),* $(,)?) => {$(
        impl From<$part> for Error {
            fn from(part: $part) -> Self {
                Self::$variant(Box::new(part))
            }
        }
    )*};
}

from_part! {
    UnknownOperation => UnknownOperation,
    Ambiguous => Ambiguous,
    ArgumentsError => Arguments,
    SpecError => Spec,
    ConfigError => Config,
    AuthError => Auth,
    TransportError => Transport,
    HeldBack => HeldBack,
    Unfinished => Unfinished,
    Refused => Refused,
    DecodeError => Decode,
    UnsafeError => Unsafe,
    IoError => Io,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::Outcome;

    fn unknown(name: &str, suggestions: &[&str], word: Option<&str>) -> Error {
        let suggestions = suggestions.iter().map(|one| (*one).to_owned()).collect();
        UnknownOperation { name: name.to_owned(), suggestions, word: word.map(str::to_owned) }.into()
    }

    fn attempts(count: u32) -> Vec<Attempt> {
        let outcome = Outcome::Failed(Phase::Connect);
        let took = Duration::ZERO;
        let one = |number| Attempt { number, outcome, sent: false, took, ..Attempt::default() };
        (1..=count).map(one).collect()
    }

    fn lost(phase: Phase, signing_in: bool) -> Error {
        TransportError {
            operation: "falcon:tokens_query".to_owned(),
            method: crate::operation::Method::Get,
            url: "https://api.example.com/a".to_owned(),
            origin: "https://api.example.com".to_owned(),
            phase,
            signing_in,
            fetching: false,
            proxy: None,
            attempts: attempts(3),
            sign_in: Vec::new(),
            idempotent: true,
            source: None,
        }
        .into()
    }

    #[test]
    fn an_error_is_two_words_and_crosses_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<Error>();
        assert_eq!(size_of::<Error>(), 2 * size_of::<usize>());
    }

    #[test]
    fn hints_name_what_to_do() {
        let hint = |error: Error| error.hint().unwrap_or_default();
        assert_eq!(
            hint(unknown("token_query", &["tokens_query"], Some("token"))),
            "did you mean \"tokens_query\"? `opcall ops token` shows all with that word."
        );
        assert_eq!(hint(unknown("#", &[], None)), "`opcall ops` shows all.");
        let arguments = |operation: &str, name: &str| {
            let (operation, name) = (operation.to_owned(), name.to_owned());
            Error::from(ArgumentsError { operation, name, problems: Vec::new() })
        };
        assert_eq!(
            hint(arguments("falcon:tokens_create", "tokens_create")),
            "`opcall show tokens_create` lists its parameters."
        );
        assert_eq!(
            hint(arguments("falcon:tokens_create", "falcon:tokens_create")),
            "`opcall show falcon:tokens_create` lists its parameters."
        );
        assert_eq!(
            hint(arguments("panther:api token#list", "api token#list")),
            "`opcall show 'api token#list'` lists its parameters."
        );
        assert_eq!(arguments("GET /a", "GET /a").hint(), None);
    }

    #[test]
    fn what_was_sent_depends_on_the_phase() {
        assert_eq!(
            lost(Phase::Broken, false).to_string(),
            "no answer from https://api.example.com after 3 attempts; it was sent"
        );
        assert_eq!(
            lost(Phase::Connect, false).to_string(),
            "no answer from https://api.example.com after 3 attempts; nothing was sent"
        );
        assert_eq!(
            lost(Phase::Broken, true).to_string(),
            "no answer from https://api.example.com after 3 attempts; signing in failed, no operation was sent"
        );
        assert!(!lost(Phase::Tls(TlsProblem::Expired), false).is_retryable());
        assert!(!lost(Phase::Tls(TlsProblem::Expired), false).was_sent());
        for (phase, sent, kind) in [
            (Phase::Connect, false, "transport"),
            (Phase::ConnectTimeout, false, "timeout"),
            (Phase::AnswerTimeout, true, "timeout"),
            (Phase::Stalled, true, "timeout"),
            (Phase::Broken, true, "transport"),
        ] {
            assert_eq!(lost(phase, false).was_sent(), sent);
            assert_eq!(lost(phase, false).kind(), kind);
            assert!(!lost(phase, true).was_sent());
            assert!(lost(phase, false).is_retryable());
        }
        assert_eq!(lost(Phase::Broken, false).hint().as_deref(), Some("repeat it: the call only reads."));
    }
}
