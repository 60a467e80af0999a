//! How the lines of a batch ended: the code that the batch ends with, and the count of each.

use std::collections::BTreeMap;

use crate::output::counted;
use crate::session;

/// How many lines ended with each exit code.
#[derive(Debug, Default)]
pub(super) struct Tally {
    codes: BTreeMap<u8, usize>,
    /// Calls that a signal ended.
    interrupted: usize,
    /// How many lines at the end could not be written.
    unwritten: usize,
    /// The number of the first of them.
    first_unwritten: Option<usize>,
}

impl Tally {
    /// Counts a line.
    pub(super) fn add(&mut self, code: u8) {
        *self.codes.entry(code).or_default() += 1;
    }

    /// Counts a line whose call a signal ended.
    pub(super) fn add_interrupted(&mut self) {
        self.interrupted += 1;
    }

    /// Counts a line of this number whose result could not be written, beside how it ended.
    pub(super) fn add_unwritten(&mut self, number: usize) {
        self.unwritten += 1;
        self.first_unwritten.get_or_insert(number);
    }

    /// The highest exit code; 0 where there is none.
    pub(super) fn worst(&self) -> u8 {
        self.codes.last_key_value().map_or(0, |(code, _)| *code)
    }

    /// Says how many lines ended how.
    pub(super) fn tell(&self) {
        let all = self.codes.values().sum::<usize>() + self.interrupted;
        if all > 0 {
            let lost = self.first_unwritten.map(|first| {
                let results = counted(self.unwritten, "result");
                format!("; {results} could not be written, from line {first} on")
            });
            let all = counted(all, "line");
            session::note(&format!("{all}: {}{}", self.in_words(), lost.unwrap_or_default()));
        }
    }

    /// `3 succeeded, 1 ended with 4`.
    fn in_words(&self) -> String {
        let word = |(code, count): (&u8, &usize)| match code {
            0 => format!("{count} succeeded"),
            code => format!("{count} ended with {code}"),
        };
        let interrupted = (self.interrupted > 0).then(|| format!("{} interrupted", self.interrupted));
        self.codes.iter().map(word).chain(interrupted).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn each_code_is_counted() {
        let mut tally = Tally::default();
        assert_eq!((tally.worst(), tally.in_words().as_str()), (0, ""));
        for code in [0, 4, 0, 28] {
            tally.add(code);
        }
        tally.add_interrupted();
        assert_eq!(tally.worst(), 28);
        assert_eq!(tally.in_words(), "2 succeeded, 1 ended with 4, 1 ended with 28, 1 interrupted");
    }
}
