//! What `opcall auth` takes.

use clap::{Args, Subcommand};

use super::values::ShowOutput;
use super::{Common, Source, Target};

/// Options of `auth`.
#[derive(Debug, Args)]
#[command(
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Tokens are kept in `tokens` of the cache folder, readable by you alone.

  opcall auth status                    where each service is, and whether it takes the credentials
  opcall auth login SERVICE             fetch a token, and keep this and later ones between calls
  curl -H \"Authorization: Bearer $(opcall auth token SERVICE)\" ...
  opcall auth logout SERVICE            give the tokens back and forget them"
)]
pub(crate) struct AuthArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: AuthCommand,
}

/// What to do with credentials and tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum AuthCommand {
    /// Tell where services are, where their credentials were read, and whether they are accepted; never prints a secret
    Status(StatusArgs),
    /// Fetch a token and keep it, and from now on those of this service's calls, in the cache folder
    Login(AccountArgs),
    /// Give the service's tokens back (RFC 7009) and forget them; from now on none is kept
    Logout(AccountArgs),
    /// Print the token that calls use; on a terminal only with --yes
    Token(TokenArgs),
}

/// Options of `auth status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The service; all of them where none is named
    pub(crate) service: Option<String>,
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
    pub(crate) place: Place,
}

impl StatusArgs {
    /// The service that is named.
    pub(crate) fn service(&self) -> Option<&str> {
        self.service.as_deref().or(self.place.source.api.as_deref())
    }
}

/// Options of `auth login` and `auth logout`.
#[derive(Debug, Args)]
pub(crate) struct AccountArgs {
    /// The service
    pub(crate) service: String,
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
    pub(crate) place: Place,
}

/// Options of `auth token`.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// The service
    pub(crate) service: String,
    /// Print it on a terminal too
    #[arg(long, help_heading = "Safety")]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// Which services there are and where they are.
#[derive(Debug, Args)]
pub(crate) struct Place {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) target: Target,
}

impl AuthArgs {
    /// Which services there are and where they are.
    pub(crate) fn place(&self) -> &Place {
        match &self.command {
            AuthCommand::Status(args) => &args.place,
            AuthCommand::Login(args) | AuthCommand::Logout(args) => &args.place,
            AuthCommand::Token(args) => &args.place,
        }
    }

    /// The one service that it is about, where it is about one.
    pub(crate) fn service(&self) -> Option<&str> {
        match &self.command {
            AuthCommand::Status(args) => args.service(),
            AuthCommand::Login(args) | AuthCommand::Logout(args) => Some(&args.service),
            AuthCommand::Token(args) => Some(&args.service),
        }
    }

    /// Which services there are and where they are.
    pub(crate) fn place_mut(&mut self) -> &mut Place {
        match &mut self.command {
            AuthCommand::Status(args) => &mut args.place,
            AuthCommand::Login(args) | AuthCommand::Logout(args) => &mut args.place,
            AuthCommand::Token(args) => &mut args.place,
        }
    }
}
