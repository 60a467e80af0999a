//! What `opcall api` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::values::{ListOutput, ShowOutput, header};
use super::{Common, Network};

/// Options of `api`.
#[derive(Debug, Args)]
#[command(
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
A remembered service is there by its name in every command: `opcall NAME:OPERATION`, `--api NAME`.

  opcall api add petstore ./petstore.yaml --auth api-key:X-API-Key=env:PETSTORE_KEY
  opcall api add pets https://pets.example/openapi.json --server https://pets.example/v1
  opcall api update pets"
)]
pub(crate) struct ApiArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: ApiCommand,
}

impl ApiArgs {
    /// The options that every command has.
    pub(super) fn common(&self) -> &Common {
        match &self.command {
            ApiCommand::Add(args) => &args.place.common,
            ApiCommand::List(args) => &args.place.common,
            ApiCommand::Show(args) | ApiCommand::Remove(args) => &args.place.common,
            ApiCommand::Update(args) => &args.place.common,
        }
    }

    /// The options that every command has.
    pub(crate) fn common_mut(&mut self) -> &mut Common {
        match &mut self.command {
            ApiCommand::Add(args) => &mut args.place.common,
            ApiCommand::List(args) => &mut args.place.common,
            ApiCommand::Show(args) | ApiCommand::Remove(args) => &mut args.place.common,
            ApiCommand::Update(args) => &mut args.place.common,
        }
    }
}

/// What to do with remembered services.
#[derive(Debug, Subcommand)]
pub(crate) enum ApiCommand {
    /// Remember a service
    Add(AddArgs),
    /// List the remembered services
    List(ListArgs),
    /// Show what is remembered of a service; secrets are never shown
    Show(NameArgs),
    /// Take a service's document anew, and tell what has changed
    Update(UpdateArgs),
    /// Forget a service
    Remove(NameArgs),
}

/// Where it is remembered.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Remember in this file
    #[arg(help = "Remember in this file [env: OPCALL_CONFIG]", long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Options of `api add`.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The name to give it, the namespace of its operations
    pub(crate) name: String,
    /// Its document: a file, a folder or an https URL. One of the network is fetched now, and again only by `api update`
    #[arg(value_name = "FILE|URL")]
    pub(crate) spec: String,
    /// The base URL of its calls; needed where the document comes from the network and names none
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// How to sign in: `api-key:NAME=REF`, `bearer=REF`, `basic:USER=REF`, `oauth2:CLIENT_ID=REF`; REF is `env:VARIABLE` or `file:PATH`
    #[arg(
        long,
        value_name = "AUTH",
        long_help = "\
How to sign in; REF says where the secret is: env:VARIABLE or file:PATH
  api-key:NAME=REF            a key in the header NAME; query.NAME and cookie.NAME for other places
  bearer=REF                  an access token
  basic:USER=REF              a user name and a password
  oauth2:CLIENT_ID=REF        client credentials"
    )]
    pub(crate) auth: Option<String>,
    /// A header to fetch the document with: `K: env:VARIABLE` or `K: file:PATH`; may be repeated
    #[arg(long = "spec-header", value_name = "K: V", value_parser = header)]
    pub(crate) spec_headers: Vec<(String, String)>,
    /// How the document is fetched; the client certificate is remembered.
    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// Options of `api list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// What to print: auto (a table), json (an array), ndjson, names
    #[arg(short, long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    pub(crate) output: Option<ListOutput>,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// Options of `api show` and `api remove`.
#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    /// The service
    pub(crate) name: String,
    /// What to print: auto (text), json
    #[arg(short, long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    pub(crate) output: Option<ShowOutput>,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// Options of `api update`.
#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// The service
    pub(crate) name: String,
    /// Take a changed document without asking
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) place: Place,
}
