//! The command-line program: reads the command line, does the one thing it says, ends with its exit code.
//!
//! It uses the crate's public API only. Nothing is built that the command does not need: no table goes into
//! clap, no runtime runs before something is sent.

mod answer;
mod api;
mod args;
mod arguments_schema;
mod auth;
mod batch;
mod body;
mod call;
mod check;
mod config;
mod cores;
mod describe;
mod documents;
mod download;
mod example;
mod explain;
mod folders;
mod inputs;
mod items;
mod loopback;
mod ops;
mod output;
mod pages;
mod prepared;
mod remembered;
mod report;
#[cfg(feature = "sandbox")]
mod serve;
mod servers;
mod session;
mod settings;
mod show;
mod signals;
mod split;
mod subject;
mod tokens;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::args::{Command, Program, ShowArgs};
use crate::output::Screen;
use crate::report::Failure;

fn main() -> ExitCode {
    cores::forbid();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let mut format = settings::error_format(&arguments);
    let mut screen = Screen::default();
    let done = read(&arguments).and_then(|command| {
        format = command.common().error_format.unwrap_or(format);
        screen = Screen::new(command.common().color.unwrap_or_default(), session::variable);
        session::log(command.common(), screen)?;
        run(&command, screen)
    });
    let code = match &done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ExitCode::from(failure.tell(format, screen)),
    };
    if !matches!(done, Err(Failure::Signal(_))) {
        documents::keep();
    }
    code
}

/// Reads the command line and the variables that stand for options.
fn read(arguments: &[OsString]) -> Result<Command, Failure> {
    let program = Program::command();
    let split = split::split(arguments, &split::Known::of(&program))?;
    let matches = program.try_get_matches_from(split.options).map_err(Failure::CommandLine)?;
    let mut command = Program::from_arg_matches(&matches).map_err(Failure::CommandLine)?.command;
    if let Command::Call(call) = &mut command {
        call.words = split.words;
    }
    settings::fill(&mut command, session::variable)?;
    Ok(match command {
        Command::Call(call) if split.wants_help => Command::Show(ShowArgs::from(call)),
        other => other,
    })
}

fn run(command: &Command, screen: Screen) -> Result<(), Failure> {
    match command {
        Command::Call(args) => call::run(args, screen),
        Command::Ops(args) => ops::run(args, screen),
        Command::Show(args) => show::run(args, screen),
        Command::Batch(args) => batch::run(args, screen),
        Command::Check(args) => check::run(args, screen),
        Command::Api(args) => api::run(args, screen),
        Command::Auth(args) => auth::run(args, screen),
        #[cfg(feature = "sandbox")]
        Command::Sandbox(args) => serve::run(args, screen),
    }
}
