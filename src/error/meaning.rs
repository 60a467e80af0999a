//! What an error means for the caller: its kind, whether a repeat may help, whether anything was sent, and the hint.

use std::time::Duration;

use super::suggest::{
    suggest_after_refusal, suggest_arguments, suggest_choosing, suggest_finishing, suggest_names,
    suggest_reaching,
};
use super::{
    Ambiguous, ArgumentsError, AuthError, ConfigError, DecodeError, Error, HeldBack, IoError, Phase,
    ProxyProblem, Refused, TransportError, Unfinished, UnknownOperation, UnsafeError,
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
    /// sent, and where the error is not about sending. Where it was signing in anew that failed,
    /// [`Error::attempts_before`] has those of the operation.
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
            Self::Unsafe(error) if !error.sent => &error.attempts,
            Self::Unfinished(error) => error.cause.sign_in_attempts(),
            #[cfg(feature = "client")]
            Self::Refused(error) => error.response.sign_in_attempts(),
            _ => &[],
        }
    }

    /// The requests of the operation that came before signing in anew failed: the last one was answered with 401. Empty
    /// where the call was not sent before, and where [`Error::attempts`] has them.
    #[must_use]
    pub fn attempts_before(&self) -> &[Attempt] {
        match self {
            Self::Auth(error) => &error.before,
            Self::Transport(error) => &error.before,
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
            Self::Unfinished(error) => suggest_finishing(error),
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
    use super::super::TlsProblem;
    use super::super::suggest::CHECK_FIRST;
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
            before: Vec::new(),
            idempotent: true,
            source: None,
        }
        .into()
    }

    /// A later call has another key than the one whose first attempt was lost.
    #[test]
    fn a_call_in_doubt_is_looked_at_before_what_ended_it_is_mended() {
        let after_a_lost_one = |phase, idempotent| {
            let Error::Transport(mut error) = lost(phase, false) else { unreachable!() };
            (error.method, error.idempotent) = (crate::operation::Method::Post, idempotent);
            error.attempts[0] =
                Attempt { outcome: Outcome::Failed(Phase::Broken), sent: true, ..error.attempts[0].clone() };
            Error::Transport(error).hint().unwrap_or_default()
        };
        for phase in [
            Phase::Connect,
            Phase::ConnectTimeout,
            Phase::Tls(TlsProblem::UnknownIssuer),
            Phase::Tls(TlsProblem::CertificateRefused),
            Phase::Proxy(ProxyProblem::NoWay),
            Phase::Proxy(ProxyProblem::CredentialsRequired),
        ] {
            let bare = lost(phase, false).hint().unwrap_or_default();
            assert_eq!(after_a_lost_one(phase, true), bare);
            assert_eq!(after_a_lost_one(phase, false), format!("{CHECK_FIRST}, and {bare}"));
        }
        let later = "takes no further requests now.";
        assert_eq!(
            after_a_lost_one(Phase::Unprocessed, true),
            format!("repeat it later: https://api.example.com {later}")
        );
        assert_eq!(
            after_a_lost_one(Phase::Unprocessed, false),
            format!("{CHECK_FIRST} later: https://api.example.com {later}")
        );
        assert_eq!(after_a_lost_one(Phase::Broken, false), format!("{CHECK_FIRST}."));
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
