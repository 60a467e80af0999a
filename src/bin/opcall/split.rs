//! Tells our own options from the items of a call, wherever they stand.
//!
//! clap never sees an item: an operation's parameter may be called anything, `--limit` included. What is left
//! is put in the order clap knows: the command, its options, the operation after `--`.

use std::ffi::{OsStr, OsString};

use clap::Args as _;

use crate::args::CallArgs;
pub(crate) use crate::items::Word;
use crate::options::{self, Options};
use crate::report::Failure;

/// A command line with its items taken out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Split {
    /// What clap reads, the program's name first.
    pub(crate) options: Vec<OsString>,
    /// What stands after the operation.
    pub(crate) words: Vec<Word>,
    /// Whether `--help` stood after an operation.
    pub(crate) wants_help: bool,
}

/// The options and commands that clap knows, as far as splitting needs them.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The options of all commands, which may stand before the command.
    of_all: Options,
    /// Those of a call: any other name is an argument of the operation.
    of_call: Options,
    commands: Vec<String>,
}

impl Known {
    /// What the definition of a call says; enough where the operation stands first.
    pub(crate) fn of_call(call: &clap::Command) -> Self {
        let mut known = Self::default();
        known.of_call.add(call);
        known
    }

    /// Everything that the definitions of clap say.
    pub(crate) fn of(program: &clap::Command) -> Self {
        let mut known = Self::default();
        for command in program.get_subcommands() {
            known.commands.push(command.get_name().to_owned());
            known.of_all.add(command);
            if command.get_name() == "call" {
                known.of_call.add(command);
            }
        }
        known.commands.push("help".into());
        known
    }
}

/// The option of a call that a mistyped one, without its dashes, is meant for.
pub(crate) fn near_option(name: &str) -> Option<String> {
    let known = Known::of_call(&CallArgs::augment_args(clap::Command::new("call")));
    known.of_call.near(&format!("--{name}")).map(str::to_owned)
}

/// Splits a command line; the first argument is the program's name.
pub(crate) fn split(arguments: &[OsString], known: &Known) -> Result<Split, Failure> {
    let Some((program, rest)) = arguments.split_first() else { return Ok(Split::default()) };
    let mut leading = Vec::new();
    let mut at = 0;
    while let Some(count) =
        rest.get(at).and_then(|argument| argument.to_str()).and_then(|text| known.of_all.words_of(text))
    {
        leading.extend(rest.iter().skip(at).take(count).cloned());
        at += count;
    }
    let first = rest.get(at).map(OsString::as_os_str).unwrap_or_default();
    let is_call = first == "call";
    if let (true, Some(topic)) = (first == "help", rest.get(at + 1))
        && !known.commands.iter().any(|command| topic == OsStr::new(command))
        && topic.to_str().is_some_and(|text| !text.starts_with('-'))
    {
        let shown = [&[program.clone(), "show".into()], &leading[..], rest.get(at + 1..).unwrap_or_default()];
        return Ok(Split { options: shown.concat(), ..Split::default() });
    }
    if !is_call && known.commands.iter().any(|command| first == OsStr::new(command)) {
        let (head, rest) = ([program.clone(), first.to_owned()], rest.get(at + 1..).unwrap_or_default());
        // The options of `api` and `auth` are those of their own commands, which come first.
        let options = if first == "api" || first == "auth" {
            [&head, rest, &leading[..]]
        } else {
            [&head, &leading[..], rest]
        };
        return Ok(Split { options: options.concat(), ..Split::default() });
    }
    let is_unknown_option = first.to_str().is_some_and(|text| text.starts_with('-') && text != "--");
    if first.is_empty() && !leading.is_empty() {
        let hint = "usage: opcall [OPTIONS] <OPERATION> [ITEM]...; `opcall ops` lists the operations.";
        return Err(Failure::usage("no operation is named", Some(hint.into())));
    }
    let behind = rest.get(at + 1..).unwrap_or_default();
    let unknown =
        first.to_str().filter(|_| is_unknown_option).and_then(|text| unknown_option(text, behind, known));
    if let Some(failure) = unknown {
        return Err(failure);
    }
    if first.is_empty() || is_unknown_option {
        return Ok(Split { options: arguments.to_vec(), ..Split::default() });
    }
    let mut call =
        Call { options: &known.of_call, split: Split::default(), operation: None, items_only: false };
    call.split.options = [&[program.clone(), "call".into()], &leading[..]].concat();
    call.read(rest.get(at + usize::from(is_call)..).unwrap_or_default())?;
    Ok(call.finish())
}

/// The reading of a call's words.
struct Call<'k> {
    options: &'k Options,
    split: Split,
    operation: Option<String>,
    items_only: bool,
}

impl Call<'_> {
    fn read(&mut self, mut rest: &[OsString]) -> Result<(), Failure> {
        while let Some(argument) = rest.first() {
            let text = argument.to_str().ok_or_else(|| not_text(argument))?;
            let count = self.one(text, rest)?;
            rest = rest.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    /// Reads one argument and says how many words it took.
    fn one(&mut self, text: &str, rest: &[OsString]) -> Result<usize, Failure> {
        if self.items_only || !text.starts_with('-') || text == "-" {
            self.word(text);
            return Ok(1);
        }
        if text == "--" {
            self.items_only = true;
            return Ok(1);
        }
        if let Some(count) = self.options.words_of(text) {
            self.split.options.extend(rest.iter().take(count).cloned());
            return Ok(count);
        }
        if matches!(text, "--help" | "-h") && self.operation.is_some() {
            self.split.wants_help = true;
            return Ok(1);
        }
        match text.strip_prefix("--") {
            Some(named) if self.operation.is_some() => self.named(named, rest.get(1)),
            _ => {
                self.split.options.push(text.into());
                Ok(1)
            }
        }
    }

    fn word(&mut self, text: &str) {
        match &mut self.operation {
            None => self.operation = Some(text.to_owned()),
            Some(method) if text.starts_with('/') && self.split.words.is_empty() && is_method(method) => {
                method.push(' ');
                method.push_str(text);
            }
            Some(_) => self.split.words.push(Word::Item(text.to_owned())),
        }
    }

    fn named(&mut self, named: &str, next: Option<&OsString>) -> Result<usize, Failure> {
        if let Some((name, value)) = named.split_once('=') {
            self.split.words.push(Word::Named { name: name.to_owned(), value: value.to_owned() });
            return Ok(1);
        }
        let value = next.and_then(|next| next.to_str());
        let Some(value) =
            value.filter(|value| !value.starts_with("--") && self.options.words_of(value).is_none())
        else {
            return Err(self.lacks_value(named));
        };
        self.split.words.push(Word::Named { name: named.to_owned(), value: value.to_owned() });
        Ok(2)
    }

    fn lacks_value(&self, named: &str) -> Failure {
        let given = format!("--{named}");
        let near = self.options.near(&given);
        let hint = near.map_or_else(
            || format!("write `{named}=VALUE`, or `--{named}=VALUE` where the value begins with a dash."),
            |option| format!("did you mean `{option}`?"),
        );
        Failure::usage(
            format!("`{given}` is no option of opcall, and as an argument it lacks a value"),
            Some(hint),
        )
    }

    fn finish(mut self) -> Split {
        if let Some(operation) = self.operation {
            self.split.options.extend(["--".into(), operation.into()]);
        }
        self.split
    }
}

/// An option that is none of ours where a call is meant: clap, which tells of others, knows no options of a call there.
fn unknown_option(text: &str, behind: &[OsString], known: &Known) -> Option<Failure> {
    let given = text.split_once('=').map_or(text, |(name, _)| name);
    if !given.starts_with("--") || matches!(given, "--help" | "--version") {
        return None;
    }
    let mut at = 0;
    let mut word = || loop {
        let text = behind.get(at)?.to_str()?;
        match known.of_all.words_of(text) {
            Some(count) => at += count,
            None if text.starts_with('-') => at += 1,
            None => return Some(text),
        }
    };
    if word().is_some_and(|word| known.commands.iter().any(|command| command == word)) {
        return None;
    }
    let near = known.of_call.near(given).or_else(|| options::near(given, ["--version"].into_iter()));
    let hint = near.map_or_else(
        || {
            "`opcall call --help` lists the options of a call; its arguments stand after the operation."
                .to_owned()
        },
        |near| format!("did you mean `{near}`?"),
    );
    Some(Failure::usage(format!("`{given}` is no option of opcall"), Some(hint)))
}

fn is_method(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn not_text(argument: &OsStr) -> Failure {
    let shown = argument.to_string_lossy();
    Failure::usage(
        format!("the argument `{shown}` is not UTF-8"),
        Some("give such bytes in a file: `name=@FILE`.".into()),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use clap::CommandFactory;

    use super::{Known, Split, Word, split};
    use crate::args::Program;
    use crate::report::Failure;

    fn splitting(line: &[&str]) -> Result<Split, Failure> {
        let arguments: Vec<_> = std::iter::once(&"opcall").chain(line).map(Into::into).collect();
        split(&arguments, &Known::of(&Program::command()))
    }

    fn options(line: &[&str]) -> Vec<String> {
        splitting(line).unwrap().options[1..].iter().map(|one| one.to_str().unwrap().to_owned()).collect()
    }

    fn item(text: &str) -> Word {
        Word::Item(text.into())
    }

    fn named(name: &str, value: &str) -> Word {
        Word::Named { name: name.into(), value: value.into() }
    }

    #[test]
    fn options_may_stand_anywhere() {
        let expected = ["call", "--dry-run", "-o", "json", "--server=http://a", "--", "tokens_query"];
        for line in [
            &["--dry-run", "-o", "json", "--server=http://a", "tokens_query", "limit=5"][..],
            &["tokens_query", "--dry-run", "limit=5", "-o", "json", "--server=http://a"],
            &["call", "--dry-run", "tokens_query", "-o", "json", "limit=5", "--server=http://a"],
            &["--dry-run", "call", "tokens_query", "limit=5", "-o", "json", "--server=http://a"],
        ] {
            assert_eq!(options(line), expected, "{line:?}");
            assert_eq!(splitting(line).unwrap().words, [item("limit=5")], "{line:?}");
        }
    }

    #[test]
    fn names_that_are_no_options_are_arguments() {
        let found =
            splitting(&["tokens_query", "--limit", "10", "--filter=a=b", "-vv", "--sort", "-1"]).unwrap();
        assert_eq!(found.words, [named("limit", "10"), named("filter", "a=b"), named("sort", "-1")]);
        assert_eq!(
            options(&["tokens_query", "--limit", "10", "-ojson"]),
            ["call", "-ojson", "--", "tokens_query"]
        );
    }

    #[test]
    fn options_of_other_commands_are_arguments_of_a_call() {
        for name in
            ["page", "state", "rate", "port", "seed", "clock", "fault", "concurrency", "auth", "explain"]
        {
            let found = splitting(&["op", &format!("--{name}"), "2", &format!("--{name}=3"), "-i"]).unwrap();
            assert_eq!(found.words, [named(name, "2"), named(name, "3")]);
            assert_eq!(found.options[1..], ["call", "-i", "--", "op"]);
        }
        assert_eq!(splitting(&["op", "--strict=true"]).unwrap().words, [named("strict", "true")]);
        assert_eq!(
            options(&["--port", "1", "sandbox"]),
            ["sandbox", "--port", "1"],
            "where no command is named yet"
        );
    }

    #[test]
    fn after_two_dashes_all_are_items() {
        let found = splitting(&["op", "--", "--dry-run", "-i", "a=b"]).unwrap();
        assert_eq!(found.words, [item("--dry-run"), item("-i"), item("a=b")]);
        assert_eq!(options(&["--", "ops"]), ["call", "--", "ops"]);
    }

    #[test]
    fn an_argument_without_value_says_so() {
        for line in [&["op", "--revoked"][..], &["op", "--revoked", "--dry-run"], &["op", "--revoked", "-i"]]
        {
            let failure = splitting(line).unwrap_err();
            assert!(failure.to_string().contains("lacks a value"), "{line:?}");
        }
        assert_eq!(splitting(&["op", "--dryrun"]).unwrap_err().hint().unwrap(), "did you mean `--dry-run`?");
    }

    #[test]
    fn other_commands_are_left_to_clap() {
        assert_eq!(
            options(&["--color", "never", "ops", "token", "-o", "json"]),
            ["ops", "--color", "never", "token", "-o", "json"]
        );
        assert_eq!(options(&["--help"]), ["--help"]);
        assert_eq!(options(&["--nonsense", "ops"]), ["--nonsense", "ops"]);
        assert_eq!(options(&["call", "--help"]), ["call", "--help"]);
        assert_eq!(options(&["call", "ops"]), ["call", "--", "ops"]);
    }

    #[test]
    fn help_after_an_operation_is_about_it() {
        assert!(splitting(&["tokens_query", "--help"]).unwrap().wants_help);
        assert!(splitting(&["tokens_query", "limit=5", "-h"]).unwrap().wants_help);
    }

    #[test]
    fn a_method_and_its_path_may_be_two_words() {
        let found = splitting(&["--api", "falcon", "GET", "/new/things/v1", "limit==5"]).unwrap();
        assert_eq!(found.options.last().unwrap(), "GET /new/things/v1");
        assert_eq!(found.words, [item("limit==5")]);
        assert_eq!(splitting(&["get_pets", "/x"]).unwrap().words, [item("/x")]);
    }
}
