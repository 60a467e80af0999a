//! Environment variables that stand for options: the command line wins, then they do.

use std::ffi::OsString;

use clap::ValueEnum;

use crate::args::{CallArgs, Command, Common, ErrorFormat, ShowArgs, Source, Target, duration, repeats};
use crate::report::Failure;

/// Fills options that were not given. With `--sandbox` nothing decides where a call goes but the sandbox.
///
/// # Errors
/// Where a variable holds what the option would not take.
pub(crate) fn fill(command: &mut Command, variable: impl Fn(&str) -> Option<String>) -> Result<(), Failure> {
    let variable = &variable;
    match command {
        Command::Call(args) => {
            fill_target(&mut args.target, variable)?;
            if !args.dry_run && !args.curl {
                fill_tokens(&mut args.target, variable)?;
            }
            args.source.bounds = args.target.bounds();
            fill_cache(&mut args.source, variable);
            if !args.target.sandbox {
                fill_source(&mut args.source, variable);
            }
            fill_choice(&mut args.output, "OPCALL_OUTPUT", variable)?;
            fill_common(&mut args.common, variable)
        }
        Command::Batch(args) => {
            fill_target(&mut args.target, variable)?;
            if !args.dry_run {
                fill_tokens(&mut args.target, variable)?;
            }
            args.source.bounds = args.target.bounds();
            fill_cache(&mut args.source, variable);
            if !args.target.sandbox {
                fill_source(&mut args.source, variable);
            }
            fill_common(&mut args.common, variable)
        }
        Command::Ops(args) => {
            fill_cache(&mut args.source, variable);
            fill_source(&mut args.source, variable);
            fill_common(&mut args.common, variable)
        }
        Command::Show(args) => {
            fill_cache(&mut args.source, variable);
            fill_source(&mut args.source, variable);
            fill_common(&mut args.common, variable)
        }
        Command::Check(args) => fill_common(&mut args.common, variable),
        Command::Api(args) => fill_common(args.common_mut(), variable),
        Command::Auth(args) => {
            let place = args.place_mut();
            fill_cache(&mut place.source, variable);
            if !place.target.sandbox {
                fill_source(&mut place.source, variable);
            }
            fill_common(&mut place.common, variable)?;
            let is_of_one = args.service().is_some();
            let target = &mut args.place_mut().target;
            fill_bounds(target, variable)?;
            fill_tokens(target, variable)?;
            let bounds = target.bounds();
            if is_of_one {
                fill_aim(target, variable);
            }
            args.place_mut().source.bounds = bounds;
            Ok(())
        }
        #[cfg(feature = "sandbox")]
        Command::Sandbox(args) => {
            fill_cache(&mut args.source, variable);
            fill_common(&mut args.common, variable)
        }
    }
}

/// Refuses a variable of the program whose value is no text: it would count as not set.
///
/// # Errors
/// Where there is one.
pub(crate) fn check(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<(), Failure> {
    for (name, value) in variables {
        if let Some(name) = name.to_str().filter(|name| name.starts_with("OPCALL_"))
            && value.to_str().is_none()
        {
            let hint = "set it to text in UTF-8, or not at all.".to_owned();
            return Err(Failure::usage(format!("the value of {name} is not UTF-8"), Some(hint)));
        }
    }
    Ok(())
}

type Lookup<'l> = &'l dyn Fn(&str) -> Option<String>;

fn fill_target(target: &mut Target, variable: Lookup<'_>) -> Result<(), Failure> {
    fill_aim(target, variable);
    fill_bounds(target, variable)
}

/// Where calls go, and how they sign in there.
fn fill_aim(target: &mut Target, variable: Lookup<'_>) {
    if !target.sandbox {
        target.server = target.server.take().or_else(|| variable("OPCALL_SERVER"));
        target.profile = target.profile.take().or_else(|| variable("OPCALL_PROFILE"));
    }
}

fn fill_bounds(target: &mut Target, variable: Lookup<'_>) -> Result<(), Failure> {
    if let (None, Some(text)) = (target.timeout, variable("OPCALL_TIMEOUT")) {
        let problem = |problem| Failure::usage(format!("OPCALL_TIMEOUT: {problem}"), None);
        target.timeout = Some(duration(&text).map_err(problem)?);
    }
    if let (None, Some(text)) = (target.retry, variable("OPCALL_RETRY")) {
        let problem = |problem| Failure::usage(format!("OPCALL_RETRY: {problem}"), None);
        target.retry = Some(repeats(&text).map_err(problem)?);
    }
    Ok(())
}

/// Whether tokens are kept, where calls that need any are made and the command line does not say it.
fn fill_tokens(target: &mut Target, variable: Lookup<'_>) -> Result<(), Failure> {
    if target.token_cache || target.no_token_cache || target.sandbox {
        return Ok(());
    }
    match variable("OPCALL_TOKEN_CACHE").as_deref() {
        Some("0") => target.no_token_cache = true,
        Some("1") => target.token_cache = true,
        Some(other) => {
            let hint = "set it to 1 to keep tokens, to 0 to keep none.".to_owned();
            return Err(Failure::usage(
                format!("OPCALL_TOKEN_CACHE: {other:?} is neither 0 nor 1"),
                Some(hint),
            ));
        }
        None => {}
    }
    Ok(())
}

fn fill_source(source: &mut Source, variable: Lookup<'_>) {
    source.api = source.api.take().or_else(|| variable("OPCALL_API"));
}

fn fill_cache(source: &mut Source, variable: Lookup<'_>) {
    source.no_cache |= variable("OPCALL_NO_CACHE").is_some_and(|text| text != "0");
}

fn fill_common(common: &mut Common, variable: Lookup<'_>) -> Result<(), Failure> {
    common.log = common.log.take().or_else(|| variable("OPCALL_LOG"));
    fill_choice(&mut common.error_format, "OPCALL_ERROR_FORMAT", variable)?;
    fill_choice(&mut common.color, "OPCALL_COLOR", variable)
}

fn fill_choice<T: ValueEnum>(
    choice: &mut Option<T>,
    name: &str,
    variable: Lookup<'_>,
) -> Result<(), Failure> {
    if let (None, Some(text)) = (&choice, variable(name)) {
        *choice = Some(T::from_str(&text, false).map_err(|_| wrong_choice::<T>(name, &text))?);
    }
    Ok(())
}

fn wrong_choice<T: ValueEnum>(name: &str, text: &str) -> Failure {
    let values = T::value_variants().iter().filter_map(T::to_possible_value);
    let known: Vec<_> = values.map(|value| value.get_name().to_owned()).collect();
    Failure::usage(
        format!("{name} cannot be \"{text}\""),
        Some(format!("set it to one of {}.", known.join(", "))),
    )
}

/// The form of errors before the command line is read, so that an error in it has that form too.
pub(crate) fn error_format(arguments: &[OsString]) -> ErrorFormat {
    let texts: Vec<_> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    let attached = texts.iter().find_map(|text| text.strip_prefix("--error-format="));
    let next = || texts.iter().skip_while(|text| **text != "--error-format").nth(1).copied();
    let given = attached.or_else(next).map(str::to_owned);
    let chosen = given.or_else(|| std::env::var("OPCALL_ERROR_FORMAT").ok());
    if chosen.as_deref() == Some("json") { ErrorFormat::Json } else { ErrorFormat::Text }
}

impl From<CallArgs> for ShowArgs {
    /// `opcall OPERATION --help` shows the operation.
    fn from(call: CallArgs) -> Self {
        Self {
            operation: call.operation,
            explain: false,
            output: None,
            common: call.common,
            source: call.source,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use clap::Parser;

    use super::{error_format, fill};
    use crate::args::{CallArgs, CallOutput, Command, ErrorFormat, Program};
    use crate::report::Failure;

    fn filled(line: &[&str]) -> Result<CallArgs, Failure> {
        let words = ["opcall", "call"].iter().chain(line).chain(&["--", "tokens_query"]);
        let mut command = Program::try_parse_from(words).unwrap().command;
        fill(&mut command, |name| match name {
            "OPCALL_OUTPUT" => Some("json".into()),
            "OPCALL_API" => Some("api".into()),
            "OPCALL_TIMEOUT" => Some("2s".into()),
            "OPCALL_COLOR" => Some(if line.contains(&"--yes") { "sometimes" } else { "never" }.into()),
            "OPCALL_SERVER" | "OPCALL_PROFILE" => Some("set".into()),
            _ => None,
        })?;
        if let Command::Call(args) = command { Ok(args) } else { unreachable!("the line is a call") }
    }

    #[test]
    fn the_command_line_wins() {
        let args = filled(&["-o", "raw", "--server", "http://a"]).unwrap();
        assert_eq!(args.output, Some(CallOutput::Raw));
        assert_eq!(args.target.server.as_deref(), Some("http://a"));
        assert_eq!(args.target.profile.as_deref(), Some("set"));
        assert_eq!(args.source.api.as_deref(), Some("api"));
        assert_eq!(args.target.timeout, Some(std::time::Duration::from_secs(2)));
        assert_eq!(filled(&[]).unwrap().output, Some(CallOutput::Json));
    }

    #[test]
    fn the_sandbox_takes_nothing_from_the_environment() {
        let args = filled(&["--sandbox"]).unwrap();
        assert_eq!((args.target.server, args.target.profile, args.source.api), (None, None, None));
    }

    #[test]
    fn a_wrong_variable_is_named() {
        let failure = filled(&["--yes"]).unwrap_err();
        assert_eq!(failure.to_string(), "OPCALL_COLOR cannot be \"sometimes\"");
        assert_eq!(failure.hint().unwrap(), "set it to one of auto, always, never.");
    }

    #[test]
    fn the_form_of_errors_is_known_early() {
        let of = |line: &[&str]| error_format(&line.iter().map(Into::into).collect::<Vec<_>>());
        assert_eq!(of(&["opcall", "--error-format", "json", "x"]), ErrorFormat::Json);
        assert_eq!(of(&["opcall", "x", "--error-format=json"]), ErrorFormat::Json);
        assert_eq!(of(&["opcall", "--error-format=text"]), ErrorFormat::Text);
    }
}
