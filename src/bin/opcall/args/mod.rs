//! What may stand on the command line: the options of each command, in clap's words.
//!
//! Items of a call never reach clap (`split` takes them out before), so an operation may have a parameter of
//! any name. No option's name is a parameter's name in the APIs we measured, `--timeout` and `--dry-run` excepted.

mod api;
mod auth;
mod network;
mod shared;
mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use self::api::{AddArgs, ApiArgs, ApiCommand, ListArgs, NameArgs, UpdateArgs};
pub(crate) use self::auth::{AccountArgs, AuthArgs, AuthCommand, Place, StatusArgs, TokenArgs};
pub(crate) use self::network::{Network, read};
pub(crate) use self::shared::{Bounds, Common, Source, Target};
use self::values::header;
pub(crate) use self::values::{
    CallOutput, CheckOutput, ColorWhen, ErrorFormat, ListOutput, ShowOutput, duration, repeats, size,
};
use crate::split::Word;

const ABOUT: &str = "Call any API operation by its operation ID";
const USAGE: &str = "opcall [OPTIONS] <OPERATION> [ITEM]...\n       opcall [OPTIONS] <COMMAND>";

const ITEMS: &str = "\
Items:
  name=value        an argument, wherever the operation declares it; repeated: an array
  name:=JSON        the same with literal JSON: limit:=5 revoked:=true ids:='[\"a\",\"b\"]'
  name==value       a query parameter         name:value   a header; `name;` empty, `name:` none
  path.name=value   the place by name: path, query, header, cookie or body
  a[b][c]=v a[]=v   nested values             name=@FILE   name:=@FILE   the value from a file
  name@FILE         a file, also name@FILE;type=T;filename=F
  part.name.X-A=v   a header of a multipart body's part; part.name.content-type=T is its type
  @FILE or @-       the whole body from a file or standard input
  --name value      the same as name=value, where --name is no option of a call
  \\                 before = : ; @ [ ] takes their meaning away; after -- everything is an item

Examples:
  opcall --sandbox tokens_query limit=5 filter=\"status:'valid'\"
  opcall ops token
  opcall show tokens_create
  opcall tokens_create label=ci expires_timestamp:=null --dry-run
  opcall tokens_update ids=abc revoked:=true
  opcall --api SERVICE 'GET /new/things/v1' limit==5
  opcall reports_download id=42 --save report.pdf
  opcall batch calls.ndjson --concurrency 8
  opcall sandbox --port 8080";

const EXIT_CODES: &str = "\
Exit codes:
  0   success, also of an empty list        7   no connection was made
  1   a local failure                       8   credentials missing or refused
  2   wrong usage; nothing was sent         9   gave up: 429, or the connection broke
  3, 4, 5   HTTP 3xx, 4xx, 5xx              10  refused by a safety rule
  6   GraphQL errors                        28  timeout; 129, 130, 143 signals";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "opcall", version, about = ABOUT, override_usage = USAGE, arg_required_else_help = true,
    args_override_self = true,
    after_help = "`opcall --help` explains items, examples and exit codes; `opcall call --help` the options of a call.",
    after_long_help = format!("{ITEMS}\n\n{EXIT_CODES}\n\n`opcall call --help` lists the options of a call.")
)]
pub(crate) struct Program {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "a process makes one of it")]
pub(crate) enum Command {
    /// Call an operation; the word `call` may be left out
    Call(CallArgs),
    /// List operations, or those that have all the words
    Ops(OpsArgs),
    /// Show an operation: parameters, body, permission
    Show(ShowArgs),
    /// Call operations line by line: NDJSON in, NDJSON out
    Batch(BatchArgs),
    /// Read API descriptions and tell what does not load
    Check(CheckArgs),
    /// Remember services by name: their documents, servers and where their credentials are
    Api(ApiArgs),
    /// Tell how services are signed in to, keep tokens between calls, give them back
    Auth(AuthArgs),
    /// Run the sandbox of the built-in services on this machine
    #[cfg(feature = "sandbox")]
    Sandbox(SandboxArgs),
}

impl Command {
    /// The options that every command has.
    pub(crate) fn common(&self) -> &Common {
        match self {
            Self::Call(args) => &args.common,
            Self::Ops(args) => &args.common,
            Self::Show(args) => &args.common,
            Self::Batch(args) => &args.common,
            Self::Check(args) => &args.common,
            Self::Api(args) => args.common(),
            Self::Auth(args) => &args.place().common,
            #[cfg(feature = "sandbox")]
            Self::Sandbox(args) => &args.common,
        }
    }
}

/// Options of a call.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(
    override_usage = "opcall [call] <OPERATION> [ITEM]... [OPTIONS]",
    after_help = "Items are explained by `opcall --help`, an operation's arguments by `opcall show OPERATION`.",
    after_long_help = format!("{ITEMS}\n\n{EXIT_CODES}")
)]
pub(crate) struct CallArgs {
    /// An operation ID, `service:id`, or a method and a path: 'GET /pets/{id}'
    pub(crate) operation: String,
    /// What stands after the operation, taken out before clap.
    #[arg(skip)]
    pub(crate) words: Vec<Word>,
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    #[command(flatten)]
    pub(crate) pages: PageArgs,
    /// What to print: auto, json (an answer that is none is an error), ndjson (an item a line), raw (as received), none
    #[arg(
        help = "What to print: auto, json (an answer that is none is an error), ndjson (an item a line), raw (as received), none [env: OPCALL_OUTPUT]",
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub(crate) output: Option<CallOutput>,
    /// Write the answer's body to a file as it comes, whatever its size
    #[arg(short = 'O', long, value_name = "FILE", conflicts_with = "output", help_heading = "Output")]
    pub(crate) save: Option<PathBuf>,
    /// Print status and headers before the body
    #[arg(short, long, help_heading = "Output")]
    pub(crate) include: bool,
    /// Print the request, secrets redacted, and send nothing
    #[arg(long, help_heading = "Safety")]
    pub(crate) dry_run: bool,
    /// Print the request as a curl command line and send nothing
    #[arg(long, help_heading = "Safety", conflicts_with = "dry_run")]
    pub(crate) curl: bool,
    /// Ask nothing before a DELETE
    #[arg(long, help_heading = "Safety")]
    pub(crate) yes: bool,
}

/// Which pages of a list, and how they are put together.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PageArgs {
    /// Ask for all pages of a list, and print them one after the other
    #[arg(long, help_heading = "Pages", conflicts_with = "save")]
    pub(crate) paginate: bool,
    /// Ask for no further page after so many items; -o ndjson and --slurp print exactly so many
    #[arg(long, value_name = "N", requires = "paginate", help_heading = "Pages")]
    pub(crate) max_items: Option<u64>,
    /// Ask for so many pages at most [default: 10000]
    #[arg(long, value_name = "N", requires = "paginate", help_heading = "Pages", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_pages: Option<u64>,
    /// Print the items of all pages as one list
    #[arg(long, requires = "paginate", help_heading = "Pages")]
    pub(crate) slurp: bool,
}

/// What a call says of its request beside the items.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RequestArgs {
    /// A header; may be repeated
    #[arg(long = "header", value_name = "K: V", value_parser = header, help_heading = "Request")]
    pub(crate) headers: Vec<(String, String)>,
    /// The whole body from a file, `-` for standard input
    #[arg(long, value_name = "FILE", help_heading = "Request")]
    pub(crate) input: Option<String>,
    /// The media type of the body
    #[arg(long, value_name = "TYPE", help_heading = "Request")]
    pub(crate) content_type: Option<String>,
    /// The media type asked for
    #[arg(long, value_name = "TYPE", help_heading = "Request")]
    pub(crate) accept: Option<String>,
    /// The key by which the service knows a repeat of this call; one is made where the operation declares such a header
    #[arg(
        help = "The key by which the service knows a repeat of this call; without this one is made where the operation declares such a header",
        long,
        value_name = "KEY",
        help_heading = "Request"
    )]
    pub(crate) idempotency_key: Option<String>,
    /// Send values that do not fit the description, with a warning
    #[arg(long, help_heading = "Request")]
    pub(crate) no_validate: bool,
    /// Send arguments that the operation does not declare as query parameters
    #[arg(long, help_heading = "Request")]
    pub(crate) allow_unknown: bool,
}

/// Options of `ops`.
#[derive(Debug, Args)]
pub(crate) struct OpsArgs {
    /// Words of the ID, path, summary or tags; all must be there
    pub(crate) words: Vec<String>,
    /// What to print: auto (a table), json (an array), ndjson, names
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub(crate) output: Option<ListOutput>,
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) source: Source,
}

/// Options of `show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// An operation ID, `service:id`, or a method and a path
    pub(crate) operation: String,
    /// Name the file and the place in it that said each thing
    #[arg(long, help_heading = "Output")]
    pub(crate) explain: bool,
    /// What to print: auto (text), json
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub(crate) output: Option<ShowOutput>,
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) source: Source,
}

/// Options of `batch`.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct BatchArgs {
    /// A file with one call a line.
    #[arg(
        default_value = "-",
        help = r#"One call a line: {"id": 7, "operation": "tokens_query", "params": {"limit": 5}}"#
    )]
    pub(crate) file: String,
    /// Print the requests, secrets redacted, and send nothing
    #[arg(long, help_heading = "Safety")]
    pub(crate) dry_run: bool,
    /// How many calls may be under way at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) concurrency: u16,
    /// Let lines name files of this machine
    #[arg(long, help_heading = "Safety")]
    pub(crate) allow_files: bool,
    /// Send values that do not fit the description
    #[arg(long, help_heading = "Request")]
    pub(crate) no_validate: bool,
    /// Send arguments that the operation does not declare as query parameters
    #[arg(long, help_heading = "Request")]
    pub(crate) allow_unknown: bool,
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// Options of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Documents, or folders of them; files or https URLs
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// What to print: auto (text), ndjson
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub(crate) output: Option<CheckOutput>,
    /// Repair the documents by an Overlay or a merge patch before they are read; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) overlay: Vec<PathBuf>,
    /// Fail on every warning
    #[arg(long)]
    pub(crate) strict: bool,
    /// A header for documents of the network: `K: env:VARIABLE`; may be repeated
    #[arg(long = "spec-header", value_name = "K: V", value_parser = header)]
    pub(crate) spec_headers: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Options of `sandbox`.
#[cfg(feature = "sandbox")]
#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) port: u16,
    /// Keep the state in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Answer an operation with a fault: 'OPERATION:STATUS;retry-after=2;times=3;slow=500ms'; may be repeated
    #[arg(long = "fault", value_name = "FAULT")]
    pub(crate) faults: Vec<String>,
    /// Make the same identifiers at every start
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// A clock that stands at this time, such as 2025-06-01T00:00:00Z; `real` is the system's
    #[arg(long, value_name = "TIME")]
    pub(crate) clock: Option<opcall::sandbox::Clock>,
    /// How many calls a minute a client of the rate-limited service has
    #[arg(long, value_name = "N")]
    pub(crate) rate: Option<u32>,
    /// How many entries a page of a list has at the service that pages by cursor
    #[arg(long, value_name = "N")]
    pub(crate) page: Option<usize>,
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) source: Source,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_consistent() {
        super::Program::command().debug_assert();
    }
}
