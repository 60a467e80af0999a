//! Options that several commands have.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::network::Network;
use super::values::{ColorWhen, ErrorFormat, duration, header, pair, rate, repeats, size};

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Common {
    /// Errors on standard error as text or as one JSON object
    #[arg(
        help = "Errors on standard error as text or as one JSON object [env: OPCALL_ERROR_FORMAT]",
        long,
        value_enum,
        value_name = "FORMAT",
        help_heading = "Output"
    )]
    pub(crate) error_format: Option<ErrorFormat>,
    /// When to colour: auto, always, never
    #[arg(
        help = "When to colour: auto, always, never [env: OPCALL_COLOR, NO_COLOR, CLICOLOR_FORCE]",
        long,
        value_enum,
        value_name = "WHEN",
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub(crate) color: Option<ColorWhen>,
    /// Tell on standard error what is sent and received; -vv also bodies
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Output")]
    pub(crate) verbose: u8,
    /// No warnings on standard error
    #[arg(short, long, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// What to log on standard error: a level or target=level, as in opcall=debug
    #[arg(
        help = "What to log on standard error: a level or target=level, as in opcall=debug [env: OPCALL_LOG]",
        long,
        value_name = "FILTER",
        help_heading = "Output"
    )]
    pub(crate) log: Option<String>,
}

/// Which documents and which service.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Source {
    /// Read an OpenAPI or GraphQL document, or a folder of them: a path or an https URL; may be repeated
    #[arg(long, value_name = "PATH|URL", help_heading = "Where")]
    pub(crate) spec: Vec<PathBuf>,
    /// A header to fetch a document with: `K: env:VARIABLE`, `K: file:PATH` or `K: VALUE`; may be repeated
    #[arg(long = "spec-header", value_name = "K: V", value_parser = header, help_heading = "Where")]
    pub(crate) spec_headers: Vec<(String, String)>,
    /// Repair the documents of --spec by an Overlay or a merge patch; may be repeated
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Where",
        long_help = "Repair the documents of --spec before they are read: an Overlay document (`overlay: 1.0.0` or \
                     1.1.0) or a merge patch (RFC 7396). Several are applied in order, wherever they stand. Of \
                     several documents an overlay repairs those that its `extends` names, or all where it names none"
    )]
    pub(crate) overlay: Vec<PathBuf>,
    /// Look only in this service
    #[arg(
        help = "Look only in this service [env: OPCALL_API]",
        long,
        value_name = "SERVICE",
        help_heading = "Where"
    )]
    pub(crate) api: Option<String>,
    /// Read remembered services from this file
    #[arg(
        help = "Read remembered services from this file [env: OPCALL_CONFIG]",
        long,
        value_name = "FILE",
        help_heading = "Where"
    )]
    pub(crate) config: Option<PathBuf>,
    /// Read documents anew, and keep nothing of them in the cache folder
    #[arg(
        help = "Read documents anew, and keep nothing of them in the cache folder [env: OPCALL_NO_CACHE, OPCALL_CACHE_DIR]",
        long,
        help_heading = "Where"
    )]
    pub(crate) no_cache: bool,
    #[command(flatten)]
    pub(crate) network: Network,
    /// How long fetching a document may take: the bounds of the command's calls.
    #[arg(skip)]
    pub(crate) bounds: Bounds,
}

/// How long requests may take, where the command line says so.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bounds {
    /// One attempt.
    pub(crate) timeout: Option<Duration>,
    /// Connecting.
    pub(crate) connect_timeout: Option<Duration>,
    /// All of it.
    pub(crate) max_time: Option<Duration>,
    /// Whether the command has options for them.
    pub(crate) have_options: bool,
}

impl Target {
    /// How long requests may take, where the command line says so.
    pub(crate) fn bounds(&self) -> Bounds {
        let Self { timeout, connect_timeout, max_time, .. } = *self;
        Bounds { timeout, connect_timeout, max_time, have_options: true }
    }
}

/// Where calls go, how long they may take and how much they may bring.
#[derive(Debug, Clone, Default, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Target {
    /// Sign in by this profile
    #[arg(
        help = "Sign in by this profile [env: OPCALL_PROFILE]",
        long,
        hide = true,
        value_name = "NAME",
        help_heading = "Where"
    )]
    pub(crate) profile: Option<String>,
    /// Send to this base URL, or to one of the description's servers
    #[arg(
        help = "Send to this base URL, or to the server of this index or name [env: OPCALL_SERVER]",
        long,
        value_name = "URL|INDEX|NAME",
        help_heading = "Where"
    )]
    pub(crate) server: Option<String>,
    /// A variable of the server's URL; may be repeated
    #[arg(long = "server-variable", value_name = "NAME=VALUE", value_parser = pair, help_heading = "Where")]
    pub(crate) server_variables: Vec<(String, String)>,
    /// Start the sandbox for this one call and send it there; needs no credentials
    #[arg(long, help_heading = "Where", conflicts_with_all = ["server", "server_variables", "profile"])]
    pub(crate) sandbox: bool,
    /// Keep access tokens in the cache folder between calls
    #[arg(
        help = "Keep access tokens in the cache folder between calls [env: OPCALL_TOKEN_CACHE, OPCALL_CACHE_DIR]",
        long,
        help_heading = "Where"
    )]
    pub(crate) token_cache: bool,
    /// Keep none, whatever was signed in to: `OPCALL_TOKEN_CACHE=0`.
    #[arg(skip)]
    pub(crate) no_token_cache: bool,
    /// Follow redirects that stay on the server, 5 at most
    #[arg(long, help_heading = "Safety")]
    pub(crate) follow: bool,
    /// Let credentials go over plain http to another machine than this one
    #[arg(long, help_heading = "Safety")]
    pub(crate) insecure_http: bool,
    /// How often to repeat a call that failed for a moment, after its first attempt: 0 to 10
    #[arg(
        help = "How often to repeat a call that failed for a moment, after its first attempt: 0 to 10 [env: OPCALL_RETRY]",
        long,
        value_name = "N",
        allow_hyphen_values = true, value_parser = repeats,
        help_heading = "Time"
    )]
    pub(crate) retry: Option<u32>,
    /// Repeat also what may have been carried out, as if it did nothing the second time
    #[arg(long, help_heading = "Safety")]
    pub(crate) retry_unsafe: bool,
    /// How long one attempt may take: 30s, 500ms, 2m
    #[arg(help = "How long one attempt may take: 30s, 500ms, 2m [env: OPCALL_TIMEOUT]", long, value_name = "TIME", allow_hyphen_values = true, value_parser = duration, help_heading = "Time")]
    pub(crate) timeout: Option<Duration>,
    /// How long connecting may take
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = duration, help_heading = "Time")]
    pub(crate) connect_timeout: Option<Duration>,
    /// How long the call may take with all its attempts and a saved answer; before it, fetching a document may take as long
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = duration, help_heading = "Time")]
    pub(crate) max_time: Option<Duration>,
    /// Send at most so many requests in such a time to one server: 10/s, 100/m, 5/2s
    #[arg(long, value_name = "N/TIME", allow_hyphen_values = true, value_parser = rate, help_heading = "Time")]
    pub(crate) rate_limit: Option<(u32, Duration)>,
    /// How long an answer that is saved may stand still
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = duration, help_heading = "Time")]
    pub(crate) idle_timeout: Option<Duration>,
    /// How large an answer may be that is not saved: 64MiB, 1GB, a number of bytes
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true, value_parser = size, help_heading = "Safety")]
    pub(crate) max_body: Option<u64>,
}
