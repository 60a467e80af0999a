//! The options that clap knows, as far as splitting a command line needs them.

/// Options with their dashes, and whether each takes a value: some fifty, which a start has sooner read than hashed.
#[derive(Debug, Default)]
pub(crate) struct Options(Vec<(String, bool)>);

impl Options {
    /// Adds those of a command.
    pub(crate) fn add(&mut self, command: &clap::Command) {
        for option in command.get_arguments() {
            let takes_value = option.get_action().takes_values();
            let names = [
                option.get_long().map(|name| ["--", name].concat()),
                option.get_short().map(|one| String::from_iter(['-', one])),
            ];
            self.0.extend(names.into_iter().flatten().map(|name| (name, takes_value)));
        }
    }

    /// The long option that a mistyped one is meant for, both with their dashes.
    pub(crate) fn near(&self, given: &str) -> Option<&str> {
        let long = self.0.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with("--"));
        near(given, long.chain(["--help"]))
    }

    /// What the definition that was added last says.
    fn takes_value(&self, option: &str) -> Option<bool> {
        self.0.iter().rev().find(|(name, _)| name == option).map(|(_, takes)| *takes)
    }

    /// How many words an option takes, itself counted; `None` where it is none of ours.
    pub(crate) fn words_of(&self, argument: &str) -> Option<usize> {
        if argument.starts_with("--") {
            let (name, attached) =
                argument.split_once('=').map_or((argument, false), |(name, _)| (name, true));
            return self.takes_value(name).map(|takes| if takes && !attached { 2 } else { 1 });
        }
        let mut letters = argument.strip_prefix('-')?.char_indices().peekable();
        letters.peek()?;
        while let Some((_, letter)) = letters.next() {
            if self.takes_value(&format!("-{letter}"))? {
                return Some(if letters.peek().is_some() { 1 } else { 2 });
            }
        }
        Some(1)
    }
}

/// The one of some long options that a mistyped one is meant for, all with their dashes.
pub(crate) fn near<'o>(given: &str, known: impl Iterator<Item = &'o str>) -> Option<&'o str> {
    let near = known.map(|name| (strsim::damerau_levenshtein(name, given), name));
    let is_slip = |distance: usize, name: &str| match distance {
        0 | 1 => true,
        2 => name.len() > 8 && name.get(..3) == given.get(..3),
        _ => false,
    };
    // What writes or lets through is nobody's to guess.
    let is_grave = |name: &str| matches!(name, "--save" | "--yes" | "--insecure-http" | "--retry-unsafe");
    near.filter(|(distance, name)| is_slip(*distance, name) && !is_grave(name)).min().map(|(_, name)| name)
}
