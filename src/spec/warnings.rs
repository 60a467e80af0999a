//! The warnings of a document while it is read: of very many only the first are kept.

use std::collections::HashMap;

use super::error::{Effect, Warning};

/// How many warnings of an effect are told one by one.
const MAX_TOLD: usize = 1_000;

/// Keeps the first warnings of each effect, and counts the others: a document may have millions.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    kept: Vec<Warning>,
    /// How many there were of each effect.
    seen: HashMap<Effect, usize>,
    /// How many bytes all of them had.
    text: usize,
}

impl Warnings {
    pub(crate) fn push(&mut self, warning: Warning) {
        self.text += warning.pointer.len() + warning.problem.len();
        let seen = self.seen.entry(warning.effect).or_default();
        *seen += warning.count;
        if *seen <= MAX_TOLD {
            self.kept.push(warning);
        }
    }

    /// How many bytes of text were told so far, of what is not kept too.
    pub(crate) fn text(&self) -> usize {
        self.text
    }

    /// How many are kept.
    pub(crate) fn kept(&self) -> usize {
        self.kept.len()
    }

    /// Those that are kept, but for so many of the first.
    pub(crate) fn after(&mut self, first: usize) -> &mut [Warning] {
        self.kept.get_mut(first..).unwrap_or_default()
    }

    /// All that are kept, with how many of each effect are not; `pointer` names the part that these are in.
    pub(crate) fn finish(self, pointer: impl Fn() -> String) -> Vec<Warning> {
        let Self { mut kept, seen, .. } = self;
        let mut more: Vec<_> = seen.into_iter().filter(|(_, seen)| *seen > MAX_TOLD).collect();
        more.sort_unstable_by_key(|(effect, _)| *effect as u8);
        kept.extend(more.into_iter().map(|(effect, seen)| {
            let count = seen - MAX_TOLD;
            let problem = format!("{count} more are not told one by one");
            Warning { count, ..Warning::new(pointer(), problem, effect) }
        }));
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_thousand_of_an_effect_are_told_and_the_others_counted() {
        let mut warnings = Warnings::default();
        for number in 0..1_500 {
            warnings.push(Warning::new(format!("#/{number}"), "odd", Effect::Assumed));
            if number < 1_000 {
                warnings.push(Warning::new("#", "broken", Effect::OperationSkipped));
            }
        }
        assert_eq!((warnings.kept(), warnings.after(1_999).len()), (2_000, 1));
        let told = warnings.finish(|| "#/paths".to_owned());
        assert_eq!(told.len(), 2_001);
        assert_eq!(told.iter().map(|one| one.count).sum::<usize>(), 2_500);
        let last = told.last().map(ToString::to_string);
        let expected = "#/paths: 500 more are not told one by one (read as the nearest valid form)";
        assert_eq!(last.as_deref(), Some(expected));
        assert_eq!(Warnings::default().finish(|| "#/paths".to_owned()), []);
    }

    #[test]
    fn what_is_not_kept_counts_as_told() {
        let mut warnings = Warnings::default();
        (0..3_000).for_each(|_| warnings.push(Warning::new("#", "odd", Effect::Assumed)));
        assert_eq!((warnings.text(), warnings.kept()), (3_000 * 4, 1_000));
    }
}
