//! The walk over a schema's text and a value together.
//!
//! The value is only read. A text that stands for a number or boolean is noted as an edit and put in its place
//! when the walk is done, so that alternatives which do not fit leave no trace.

use std::borrow::Cow;

use regex_lite::Regex;
use serde_json::value::RawValue;

use super::node::{Members, Node, count, is_true, list, names, number, text, values};
use super::words::{cut, listed, nearest, shown, wanted};
use super::{Finding, Weight, Wire, admits, converted, kind};
use crate::operation::Types;
use crate::params::{Argument, Number};
use crate::table::Operation;

#[derive(Clone, Copy)]
enum Step<'a> {
    Member(&'a str),
    Item(usize),
}

struct Walk<'t, 'a> {
    operation: Operation<'t>,
    wire: Wire,
    path: Vec<Step<'a>>,
    found: Vec<Finding>,
    edits: Vec<(Vec<Step<'a>>, Argument)>,
    /// The references being followed, each with its value: what names itself without going deeper ends there.
    following: Vec<(&'t str, &'a Argument)>,
}

/// The value as it fits a schema's text.
pub(super) fn fit<'a, 't>(
    operation: Operation<'t>,
    schema: &'t str,
    value: &'a Argument,
    wire: Wire,
    found: &mut Vec<Finding>,
) -> Cow<'a, Argument> {
    let (path, edits, following) = (Vec::new(), Vec::new(), Vec::new());
    let mut walk = Walk { operation, wire, path, found: Vec::new(), edits, following };
    walk.value(schema, value);
    found.append(&mut walk.found);
    let mut fitted = Cow::Borrowed(value);
    for (path, edit) in walk.edits {
        if let Some(place) = at(fitted.to_mut(), &path) {
            *place = edit;
        }
    }
    fitted
}

/// The names of the properties at the top of a schema's text, and of those it requires.
pub(crate) fn top(schema: &str) -> (Vec<String>, Vec<String>) {
    let node = Node::read(schema).unwrap_or_default();
    let properties = Members::read(node.properties).names().map(str::to_owned).collect();
    (properties, names(node.required).into_iter().map(Cow::into_owned).collect())
}

fn at<'v>(value: &'v mut Argument, path: &[Step<'_>]) -> Option<&'v mut Argument> {
    path.iter().try_fold(value, |value, step| match (value, step) {
        (Argument::Object(members), Step::Member(name)) => members.get_mut(*name),
        (Argument::Array(items), Step::Item(index)) => items.get_mut(*index),
        _ => None,
    })
}

impl<'t, 'a> Walk<'t, 'a> {
    fn find(&mut self, problem: String) {
        self.find_all(problem, None, Weight::Misfit);
    }

    fn find_all(&mut self, problem: String, nearest: Option<String>, weight: Weight) {
        self.found.push(Finding { path: self.place(), problem, nearest, weight });
    }

    fn place(&self) -> String {
        let mut place = String::new();
        for step in &self.path {
            match step {
                Step::Member(name) => {
                    place.push('.');
                    place.push_str(name);
                }
                Step::Item(index) => place.extend(["[", &index.to_string(), "]"]),
            }
        }
        place
    }

    fn below(&mut self, step: Step<'a>, schema: &'t str, value: &'a Argument) {
        self.path.push(step);
        self.value(schema, value);
        self.path.pop();
    }

    fn value(&mut self, schema: &'t str, value: &'a Argument) {
        if schema == "false" {
            return self.find("is not allowed here".to_owned());
        }
        let Some(node) = Node::read(schema) else { return };
        if matches!(value, Argument::Null) && is_true(node.nullable) {
            return;
        }
        if let Some(target) = text(node.reference).and_then(|reference| self.operation.schema(&reference)) {
            self.follow(target, value);
        }
        self.node(&node, value);
    }

    fn follow(&mut self, target: &'t str, value: &'a Argument) {
        let is_same =
            |(one, seen): &(&str, &Argument)| std::ptr::eq(*one, target) && std::ptr::eq(*seen, value);
        if !self.following.iter().any(is_same) {
            self.following.push((target, value));
            self.value(target, value);
            self.following.pop();
        }
    }

    fn node(&mut self, node: &Node<'t>, value: &'a Argument) {
        if let Argument::File(_) = value {
            return self.file();
        }
        if self.wire == Wire::Parts && node.has_format("binary") {
            return;
        }
        let types = node.types();
        let edit = match value {
            Argument::String(text) => converted(types, text),
            _ => None,
        };
        if let Some(edit) = &edit {
            self.edits.push((self.path.clone(), edit.clone()));
        }
        let seen = edit.as_ref().unwrap_or(value);
        let is_text = self.wire != Wire::Json && matches!(seen, Argument::Bool(_) | Argument::Number(_));
        let fits = kind(seen).is_some_and(|own| admits(types, own));
        if !(fits || is_text && types.names(Types::STRING)) {
            return self.find(format!("must be {}, got {}", wanted(types), shown(seen)));
        }
        self.choice(node, seen, self.wire != Wire::Json || types.names(Types::STRING));
        match seen {
            Argument::Number(number) if fits => self.number(node, number),
            Argument::Number(_) | Argument::Bool(_) if !fits => self.string(node, &seen.text()),
            Argument::String(text) => self.string(node, text),
            _ => {}
        }
        match value {
            Argument::Array(items) => self.array(node, items),
            Argument::Object(members) => self.object(node, members),
            _ => {}
        }
        self.combinations(node, value);
    }

    fn file(&mut self) {
        if self.wire != Wire::Parts {
            let problem = "must not be a file: only multipart fields and whole bodies can be one";
            self.find_all(problem.to_owned(), None, Weight::Unwritable);
        }
    }

    /// `enum` and `const`. Where text is wanted, a number in the document stands for its text.
    fn choice(&mut self, node: &Node<'_>, value: &Argument, by_text: bool) {
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

    fn number(&mut self, node: &Node<'_>, value: &Number) {
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

    fn string(&mut self, node: &Node<'_>, value: &str) {
        self.size(value.chars().count(), (node.min_length, node.max_length), "character");
        // Document patterns are ECMA-262; one this engine cannot read is no reason to refuse a value.
        let pattern = text(node.pattern).and_then(|pattern| Some((Regex::new(&pattern).ok()?, pattern)));
        if let Some((_, pattern)) = pattern.filter(|(regex, _)| !regex.is_match(value)) {
            self.find(format!("must match {}, got {}", cut(&pattern), shown(&value.into())));
        }
    }

    fn array(&mut self, node: &Node<'t>, items: &'a [Argument]) {
        self.size(items.len(), (node.min_items, node.max_items), "item");
        if is_true(node.unique_items) {
            let mut seen = std::collections::HashSet::new();
            if let Some(twice) = items.iter().find(|item| !seen.insert(item.to_json_text())) {
                self.find(format!("must not repeat items, got {} twice", shown(twice)));
            }
        }
        let tuple = list(node.prefix_items);
        for (index, item) in items.iter().enumerate() {
            if let Some(schema) = tuple.get(index).copied().or(node.items) {
                self.below(Step::Item(index), schema.get(), item);
            }
        }
    }

    fn object(&mut self, node: &Node<'t>, members: &'a indexmap::IndexMap<String, Argument>) {
        let properties = Members::read(node.properties);
        for (name, value) in members {
            if let Some(schema) = properties.get(name) {
                self.below(Step::Member(name), schema.get(), value);
            } else if node.pattern_properties.is_none() {
                self.additional(node, &properties, name, value);
            }
        }
        for name in names(node.required).iter().filter(|name| !members.contains_key(name.as_ref())) {
            let property = properties.get(name).and_then(|raw| Node::read(raw.get()));
            let cannot_be = |node: &Node<'_>| is_true(node.read_only) || self.is_endless(node);
            if !property.as_ref().is_some_and(cannot_be) {
                let path = format!("{}.{name}", self.place());
                self.found.push(Finding { path, ..Finding::here("is required".to_owned()) });
            }
        }
        self.size(members.len(), (node.min_properties, node.max_properties), "member");
    }

    /// Whether a required property is of a type that requires it in turn: no finite value has it.
    fn is_endless(&self, property: &Node<'_>) -> bool {
        let leads_back = |node: &Node<'_>| {
            let target = text(node.reference).and_then(|reference| self.operation.schema(&reference));
            target.is_some_and(|target| self.following.iter().any(|(one, _)| std::ptr::eq(*one, target)))
        };
        let can_end = is_true(property.nullable) || property.types().names(Types::NULL);
        let parts = list(property.all_of);
        !can_end
            && (leads_back(property)
                || parts.iter().filter_map(|part| Node::read(part.get())).any(|part| leads_back(&part)))
    }

    fn additional(&mut self, node: &Node<'t>, properties: &Members<'t>, name: &'a str, value: &'a Argument) {
        match node.additional_properties.map(RawValue::get) {
            Some("false") => {
                self.path.push(Step::Member(name));
                let near = nearest(name, properties.names()).map(str::to_owned);
                self.find_all("is not known here".to_owned(), near, Weight::Misfit);
                self.path.pop();
            }
            Some(schema) => self.below(Step::Member(name), schema, value),
            None => {}
        }
    }

    fn size(&mut self, size: usize, limits: (Option<&RawValue>, Option<&RawValue>), what: &str) {
        let told = |limit: usize| format!("{limit} {what}{}", if limit == 1 { "" } else { "s" });
        if let Some(least) = count(limits.0).filter(|least| size < *least) {
            self.find(format!("must have at least {}, has {size}", told(least)));
        }
        if let Some(most) = count(limits.1).filter(|most| size > *most) {
            self.find(format!("must have at most {}, has {size}", told(most)));
        }
    }

    fn combinations(&mut self, node: &Node<'t>, value: &'a Argument) {
        for one in list(node.all_of) {
            self.value(one.get(), value);
        }
        if let Some(chosen) = self.discriminated(node, value) {
            self.value(chosen, value);
        } else {
            self.any(&list(node.one_of), value);
            self.any(&list(node.any_of), value);
        }
        if let Some(not) = node.not {
            let (found, edits) = (self.found.len(), self.edits.len());
            self.value(not.get(), value);
            let fits = self.found.len() == found;
            self.found.truncate(found);
            self.edits.truncate(edits);
            if fits {
                self.find(format!("is of a kind that is not allowed here, got {}", shown(value)));
            }
        }
    }

    /// At least one must fit. Where none does, the misfits of the one that fits best are told.
    fn any(&mut self, alternatives: &[&'t RawValue], value: &'a Argument) {
        let (found, edits) = (self.found.len(), self.edits.len());
        let mut best: Option<Vec<Finding>> = None;
        for one in alternatives {
            self.value(one.get(), value);
            let misfits = self.found.split_off(found);
            if misfits.iter().all(|finding| finding.weight == Weight::Warning) {
                self.found.extend(misfits);
                return;
            }
            self.edits.truncate(edits);
            if best.as_ref().is_none_or(|best| misfits.len() < best.len()) {
                best = Some(misfits);
            }
        }
        self.found.extend(best.unwrap_or_default());
    }

    /// The one alternative that the value names itself (`OpenAPI` Discriminator Object).
    fn discriminated(&self, node: &Node<'_>, value: &Argument) -> Option<&'t str> {
        let discriminator = Members::read(node.discriminator);
        let Argument::Object(members) = value else { return None };
        let name = text(discriminator.get("propertyName"))?;
        let Argument::String(chosen) = members.get(name.as_ref())? else { return None };
        let mapping = Members::read(discriminator.get("mapping"));
        let mapped = text(mapping.get(chosen));
        let named = format!("#/components/schemas/{}", mapped.as_deref().unwrap_or(chosen));
        self.operation.schema(mapped.as_deref().unwrap_or(&named)).or_else(|| self.operation.schema(&named))
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
