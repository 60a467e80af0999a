//! The library's hints in the words of the command line.

use opcall::{Error, Phase};

use crate::documents;
use crate::reached::CHECK_FIRST;

/// What the library's hint begins with where a service has no named profiles.
const NO_PROFILES: &str = "give the harness a profile of that name";

/// Whether what to do about a call that was sent is not what to do about the reason why it could not go on.
fn is_of_the_call(cause: &Error) -> bool {
    match cause {
        Error::Transport(cause) => cause.signing_in,
        Error::HeldBack(_) => true,
        _ => false,
    }
}

/// The hint in the words of the command line, where the library names its own doors.
pub(crate) fn of(error: &Error) -> Option<String> {
    match error {
        // What a token endpoint or a limit did counts less than that the call was sent.
        Error::Unfinished(call) if !is_of_the_call(&call.cause) => {
            let hint = of(&call.cause);
            let is_in_doubt = error.hint().is_some_and(|known| known.starts_with(CHECK_FIRST));
            match hint {
                Some(hint) if is_in_doubt && !hint.starts_with(CHECK_FIRST) => {
                    Some(format!("{CHECK_FIRST}, and {hint}"))
                }
                None if is_in_doubt => Some(format!("{CHECK_FIRST}.")),
                hint => hint,
            }
        }
        Error::Transport(error) if error.phase == Phase::ConnectTimeout && !error.fetching => {
            let first = if error.was_sent() && !error.idempotent { &format!("{CHECK_FIRST}, and ") } else { "" };
            Some(format!(
                "{first}check that {} can be reached from here, or give it more time with --connect-timeout, --timeout or --max-time.",
                error.origin
            ))
        }
        // No configuration makes profiles yet.
        Error::Config(config) if config.hint.as_deref().is_some_and(|hint| hint.starts_with(NO_PROFILES)) => {
            Some(
                "no profile can be made here yet: set the service's variables for the run, or remember the service \
                 under another name with `opcall api add`."
                    .to_owned(),
            )
        }
        // The fault of one operation that is called; others may have theirs.
        Error::Spec(error)
            if error.hint.is_none() && error.pointer.as_deref().is_some_and(|at| at.starts_with("#/paths/")) =>
        {
            Some(documents::check_of(&error.file).map_or_else(
                || "correct the document.".to_owned(),
                |check| {
                    let overlay = if check.contains(" --overlay ") { " or its overlay" } else { "" };
                    format!("correct the document{overlay}; `{check}` shows all that is wrong with it.")
                },
            ))
        }
        _ => error.hint().map(|hint| {
            hint.replace("or allow plain http if", "or give --insecure-http if")
                .replace("or give a server with the call", "or give --server URL")
                .replace("give the server variable ", "give --server-variable ")
                .replace(
                    "give the call more time (`max_time`), or allow more requests.",
                    "give the call more time with --max-time, or allow more with --rate-limit.",
                )
                .replace(" (`timeout`)", " with --timeout")
                .replace(" (`max_time`)", " with --max-time")
                .replace(", or raise the limit (`Document::limits`) if this one is to be trusted", ": the program takes no more")
                .replace("allow more redirects (`follow_redirects`) if that is meant", "ask the service where it ends")
                .replace(" (`follow_redirects`)", " with --follow")
                .replace(" (`SignIn::forget`)", " with `opcall auth logout SERVICE`")
                .replace(" (`root_certificates`)", " with --cacert FILE")
                .replace(" (`idle_timeout`)", " with --idle-timeout")
                .replace(
                    "the limit (`max_body`) if",
                    "the limit with --max-body, or save it with --save FILE, if",
                )
                .replace(" (`client_certificate`)", " with --cert FILE --key FILE")
                .replace(
                    "the base URL (`base_url`)",
                    "the base URL (--server URL, or the service's variable)",
                )
                .replace(" (`proxy`)", ": --proxy URL, or the environment's HTTPS_PROXY")
                .replace(" (`no_proxy`)", " with --no-proxy or NO_PROXY")
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use opcall::Document;
    use opcall::spec::Limits;

    /// The program has no option for it.
    #[test]
    fn no_door_of_the_library_is_named_for_a_document_that_is_too_large() {
        let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
        std::fs::write(file.path(), r#"{"openapi": "3.0.3", "paths": {}}"#).unwrap();
        let error = Document::open(file.path()).limits(Limits::default().bytes(8)).read().unwrap_err();
        assert_eq!(
            super::of(&error).as_deref(),
            Some("Give a document of fewer operations: the program takes no more.")
        );
    }
}
