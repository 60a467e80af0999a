//! The keywords that hold for a value itself: its choices, its limits, its size.

use regex_lite::Regex;
use serde_json::value::RawValue;

use super::check::Walk;
use super::node::{Node, count, is_true, number, text, values};
use super::words::{cut, listed, nearest, shown};
use super::{Weight, kind};
use crate::params::{Argument, Number};

impl Walk<'_, '_> {
    /// `enum` and `const`. Where text is wanted, a number in the document stands for its text.
    pub(super) fn choice(&mut self, node: &Node<'_>, value: &Argument, by_text: bool) {
        if let Some(raw) = node.constant {
            let constant = Argument::from_json_text(raw.get()).unwrap_or(Argument::Null);
            if !is_choice(&constant, value, by_text) {
                self.find(format!("must be {}, got {}", shown(&constant), shown(value)));
            }
        }
        if node.choices.is_none() || matches!(value, Argument::Null) && is_true(node.nullable) {
            return;
        }
        let choices = choices(node);
        match value {
            // Generators write the enum of the items on the array itself, where no array would fit it.
            Argument::Array(items) if !choices.iter().any(|one| matches!(one, Argument::Array(_))) => {
                let told = |item: &&Argument| choices.iter().any(|one| kind(one) == kind(item));
                items.iter().filter(told).for_each(|item| self.chosen(node, &choices, item, by_text));
            }
            one => self.chosen(node, &choices, one, by_text),
        }
    }

    fn chosen(&mut self, node: &Node<'_>, choices: &[Argument], value: &Argument, by_text: bool) {
        if choices.iter().any(|one| is_choice(one, value, by_text)) {
            return;
        }
        let near = value.scalar_text().and_then(|text| {
            nearest(text, choices.iter().filter_map(Argument::scalar_text)).map(str::to_owned)
        });
        if is_true(node.extensible) {
            let problem = format!("is none of the known values ({}), got {}", listed(choices), shown(value));
            return self.find_all(problem, near, Weight::Warning);
        }
        let problem = format!("must be one of {}, got {}", listed(choices), shown(value));
        self.find_all(problem, near, Weight::Misfit);
    }

    pub(super) fn number(&mut self, node: &Node<'_>, value: &Number) {
        for (low, format) in [(i128::from(i32::MIN), "int32"), (i128::from(i64::MIN), "int64")] {
            if node.has_format(format) && value.as_i128().is_none_or(|value| !(low..-low).contains(&value)) {
                let high = -(low + 1);
                self.find(format!("must be from {low} to {high} ({format}), got {}", cut(value.as_str())));
            }
        }
        let strictly_above = number(node.exclusive_minimum);
        let strictly_below = number(node.exclusive_maximum);
        let limits = [
            (number(node.minimum), std::cmp::Ordering::Less, is_true(node.exclusive_minimum)),
            (strictly_above, std::cmp::Ordering::Less, true),
            (number(node.maximum), std::cmp::Ordering::Greater, is_true(node.exclusive_maximum)),
            (strictly_below, std::cmp::Ordering::Greater, true),
        ];
        for (limit, beyond, is_exclusive) in limits {
            let Some(limit) = limit else { continue };
            let order = value.compare(&limit);
            if order == beyond || is_exclusive && order.is_eq() {
                let words = match (beyond.is_lt(), is_exclusive) {
                    (true, false) => "at least",
                    (true, true) => "greater than",
                    (false, false) => "at most",
                    (false, true) => "less than",
                };
                self.find(format!("must be {words} {limit}, got {}", cut(value.as_str())));
            }
        }
        if let Some(step) = number(node.multiple_of).filter(|step| !is_multiple(value, step)) {
            self.find(format!("must be a multiple of {step}, got {}", cut(value.as_str())));
        }
    }

    pub(super) fn string(&mut self, node: &Node<'_>, value: &str) {
        self.size(value.chars().count(), (node.min_length, node.max_length), "character");
        // Document patterns are ECMA-262; one this engine cannot read is no reason to refuse a value.
        let pattern = text(node.pattern).and_then(|pattern| Some((Regex::new(&pattern).ok()?, pattern)));
        if let Some((_, pattern)) = pattern.filter(|(regex, _)| !regex.is_match(value)) {
            self.find(format!("must match {}, got {}", cut(&pattern), shown(&value.into())));
        }
    }

    pub(super) fn size(&mut self, size: usize, limits: (Option<&RawValue>, Option<&RawValue>), what: &str) {
        let told = |limit: usize| format!("{limit} {what}{}", if limit == 1 { "" } else { "s" });
        if let Some(least) = count(limits.0).filter(|least| size < *least) {
            self.find(format!("must have at least {}, has {size}", told(least)));
        }
        if let Some(most) = count(limits.1).filter(|most| size > *most) {
            self.find(format!("must have at most {}, has {size}", told(most)));
        }
    }
}

fn is_choice(choice: &Argument, value: &Argument, by_text: bool) -> bool {
    choice.equals(value)
        || by_text && choice.scalar_text().is_some_and(|text| value.scalar_text() == Some(text))
}

/// The values of an enum. Where generators join them into one text, it stands for its parts.
fn choices(node: &Node<'_>) -> Vec<Argument> {
    let choices = values(node.choices);
    match choices.as_slice() {
        [Argument::String(all)] if all.contains(',') => {
            all.split(',').map(|one| Argument::from(one.trim())).chain(choices.clone()).collect()
        }
        _ => choices,
    }
}

/// Exact for whole numbers; for others up to the rounding of `f64` (0.3 is a multiple of 0.1).
fn is_multiple(value: &Number, step: &Number) -> bool {
    if let (Some(value), Some(step)) = (value.as_i128(), step.as_i128()) {
        return step == 0 || value % step == 0;
    }
    let (value, step) = (value.as_f64(), step.as_f64());
    let times = value / step;
    step == 0.0 || !times.is_finite() || (times - times.round()).abs() < 1e-9 * times.abs().max(1.0)
}
