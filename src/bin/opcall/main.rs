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
mod confirm;
mod cores;
mod describe;
mod documents;
mod download;
mod example;
mod explain;
mod folders;
mod given;
mod hints;
mod inputs;
mod items;
mod loopback;
mod ops;
mod options;
mod output;
mod pages;
mod prepared;
mod reached;
mod remembered;
mod report;
mod roots;
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
use std::mem::ManuallyDrop;
use std::process::ExitCode;

use clap::{Args as _, CommandFactory, FromArgMatches, Subcommand as _};

use crate::args::{CallArgs, Command, Program, ShowArgs};
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
    if !done.as_ref().is_err_and(|failure| matches!(failure.bare(), Failure::Signal(_))) {
        documents::keep();
    }
    code
}

/// Reads the command line and the variables that stand for options.
fn read(arguments: &[OsString]) -> Result<Command, Failure> {
    let (mut command, wants_help) = match plain_call(arguments) {
        Some(call) => (Command::Call(call), false),
        None => any(arguments)?,
    };
    settings::check(std::env::vars_os())?;
    settings::fill(&mut command, session::variable)?;
    Ok(match command {
        Command::Call(call) if wants_help => Command::Show(ShowArgs::from(call)),
        other => other,
    })
}

/// A call whose first word is `call` or the operation, read by the definition of a call alone: all the commands' would
/// take longer than the rest of the start. Where it does not fit, [`any`] tells why.
fn plain_call(arguments: &[OsString]) -> Option<CallArgs> {
    let first = arguments.get(1)?.to_str()?;
    let is_other = first == "help" || (first != "call" && Command::has_subcommand(first));
    if is_other || first.is_empty() || first.starts_with('-') {
        return None;
    }
    // The process ends sooner than it would be taken apart.
    let mut definition =
        ManuallyDrop::new(CallArgs::augment_args(clap::Command::new("call").args_override_self(true)));
    let split = split::split(arguments, &split::Known::of_call(&definition)).ok()?;
    if split.wants_help {
        return None;
    }
    // The word `call` stands in place of the program's name.
    let words = split.options.into_iter().skip(1);
    let matches = definition.try_get_matches_from_mut(words).ok()?;
    Some(CallArgs { words: split.words, ..CallArgs::from_arg_matches(&matches).ok()? })
}

/// Any command, and whether help for the operation of a call is wanted.
fn any(arguments: &[OsString]) -> Result<(Command, bool), Failure> {
    let program = Program::command();
    let split = split::split(arguments, &split::Known::of(&program))?;
    let matches = program.try_get_matches_from(split.options).map_err(Failure::CommandLine)?;
    let mut command = Program::from_arg_matches(&matches).map_err(Failure::CommandLine)?.command;
    if let Command::Call(call) = &mut command {
        call.words = split.words;
    }
    Ok((command, split.wants_help))
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

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::{any, plain_call};

    fn line(text: &str) -> Vec<OsString> {
        std::iter::once("opcall").chain(text.split(' ')).map(Into::into).collect()
    }

    #[test]
    fn a_plain_call_is_read_as_any_is() {
        for text in [
            "tokens_query",
            "tokens_query limit=5 --dry-run -o json -o raw --limit 7 -vv",
            "call tokens_query --server http://a --timeout 5s -- --x",
            "GET /new/things/v1 --api falcon limit==5",
            "call ops a=b --proxy http://p --cacert f --header a:b --header c:d",
            "op --paginate --max-items 5 --slurp",
        ] {
            let (plain, any) = (plain_call(&line(text)), any(&line(text)).ok());
            assert!(plain.is_some(), "{text}");
            let plain = plain.map(|call| (super::Command::Call(call), false));
            assert_eq!(format!("{plain:?}"), format!("{any:?}"), "{text}");
        }
    }

    #[test]
    fn what_is_no_plain_call_is_left_to_all_definitions() {
        for text in [
            "ops token",
            "help tokens_query",
            "--api falcon tokens_query",
            "tokens_query --help",
            "call",
            "call --help",
            "op --slurp",
            "op --curl --dry-run",
            "op --timeout never",
            "op --revoked",
        ] {
            assert!(plain_call(&line(text)).is_none(), "{text}");
        }
        assert!(plain_call(&line("")).is_none());
        assert!(plain_call(&[]).is_none());
    }
}
