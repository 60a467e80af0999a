//! The library's hints in the words of the command line.

use opcall::{Error, Phase};

use crate::reached::CHECK_FIRST;

/// What the library's hint begins with where a service has no named profiles.
const NO_PROFILES: &str = "give the harness a profile of that name";

/// The hint in the words of the command line, where the library names its own doors.
pub(crate) fn of(error: &Error) -> Option<String> {
    match error {
        Error::Unfinished(error) => of(&error.cause),
        Error::Transport(error) if error.phase == Phase::AnswerTimeout && !error.fetching => {
            let more = "give each attempt more time with --timeout, or the whole call with --max-time.";
            let is_in_doubt = error.was_sent() && !error.idempotent;
            Some(if is_in_doubt { format!("{CHECK_FIRST}, and {more}") } else { more.to_owned() })
        }
        Error::Transport(error) if error.phase == Phase::ConnectTimeout && !error.fetching => Some(format!(
            "check that {} can be reached from here, or give it more time with --connect-timeout, --timeout or --max-time.",
            error.origin
        )),
        // No configuration makes profiles yet.
        Error::Config(config) if config.hint.as_deref().is_some_and(|hint| hint.starts_with(NO_PROFILES)) => {
            Some(
                "no profile can be made here yet: set the service's variables for the run, or remember the service \
                 under another name with `opcall api add`."
                    .to_owned(),
            )
        }
        _ => error.hint().map(|hint| {
            hint.replace("or allow plain http if", "or give --insecure-http if")
                .replace("or give a server with the call", "or give --server URL")
                .replace("give the server variable ", "give --server-variable ")
                .replace(
                    "give the call more time (`max_time`), or allow more requests.",
                    "give the call more time with --max-time, or allow more with --rate-limit.",
                )
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
