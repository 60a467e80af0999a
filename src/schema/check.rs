//! The walk over a schema's text and a value together.
//!
//! The value is only read. A text that stands for a number or boolean is noted as an edit and put in its place
//! when the walk is done, so that alternatives which do not fit leave no trace.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::value::RawValue;

use super::node::{Members, Node, is_true, list, names, text};
use super::words::{nearest, shown, wanted};
use super::{Finding, Weight, Wire, admits, converted, kind};
use crate::operation::Types;
use crate::params::Argument;
use crate::table::Operation;

#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    Member(&'a str),
    Item(usize),
}

pub(super) struct Walk<'t, 'a> {
    operation: Operation<'t>,
    wire: Wire,
    path: Vec<Step<'a>>,
    pub(super) found: Vec<Finding>,
    edits: Vec<(Vec<Step<'a>>, Argument)>,
    /// The schemas that are being held against a value, the innermost last: what names itself without going deeper
    /// ends there.
    pub(super) applied: Vec<(&'t str, &'a Argument)>,
    /// Whether a text is nothing but a text.
    is_exact: bool,
    /// How many steps may still be taken.
    left: usize,
}

/// How many steps are taken on one argument, beside some for each value in it: alternatives and references multiply
/// where they lead to others, and what is not settled by then is sent as it is.
const MAX_STEPS: usize = 100_000;
const STEPS_A_VALUE: usize = 200;
/// How many bytes of a schema's text are read in one step.
const STEP: usize = 512;
/// How many schemas may be held against a value and those around it at once: each takes room on the stack.
const MAX_DEPTH: usize = 256;

/// The value as it fits a schema's text.
pub(super) fn fit<'a, 't>(
    operation: Operation<'t>,
    schema: &'t str,
    value: &'a Argument,
    wire: Wire,
    found: &mut Vec<Finding>,
) -> Cow<'a, Argument> {
    let mut walk = Walk {
        operation,
        wire,
        path: Vec::new(),
        found: Vec::new(),
        edits: Vec::new(),
        applied: Vec::new(),
        is_exact: false,
        left: STEPS_A_VALUE.saturating_mul(size(value)).saturating_add(MAX_STEPS),
    };
    walk.value(schema, value);
    // A schema that holds by several ways says the same on each.
    let mut told = HashSet::new();
    let is_new = |one: &Finding| told.insert((one.path.clone(), one.problem.clone()));
    found.extend(walk.found.into_iter().filter(is_new));
    let mut fitted = Cow::Borrowed(value);
    for (path, edit) in walk.edits {
        if let Some(place) = at(fitted.to_mut(), &path) {
            *place = edit;
        }
    }
    fitted
}

/// How many values there are in one, itself included.
fn size(value: &Argument) -> usize {
    match value {
        Argument::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Argument::Object(members) => 1 + members.values().map(size).sum::<usize>(),
        _ => 1,
    }
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
    pub(super) fn find(&mut self, problem: String) {
        self.find_all(problem, None, Weight::Misfit);
    }

    pub(super) fn find_all(&mut self, problem: String, nearest: Option<String>, weight: Weight) {
        self.found.push(Finding { path: self.place(), problem, nearest, weight });
    }

    pub(super) fn place(&self) -> String {
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
        let is_same =
            |(one, seen): &(&str, &Argument)| std::ptr::eq(*one, schema) && std::ptr::eq(*seen, value);
        if self.applied.iter().any(is_same) || !self.spend(schema) {
            return;
        }
        if self.applied.len() == MAX_DEPTH {
            self.left = 0;
            return;
        }
        let Some(node) = Node::read(schema) else { return };
        if matches!(value, Argument::Null) && is_true(node.nullable) {
            return;
        }
        self.applied.push((schema, value));
        if let Some(target) = self.target(&node) {
            self.value(target, value);
        }
        self.node(&node, value);
        self.applied.pop();
    }

    /// The schema that a node refers to.
    pub(super) fn target(&self, node: &Node<'_>) -> Option<&'t str> {
        text(node.reference).and_then(|reference| self.operation.schema(&reference))
    }

    /// Takes what reading a schema's text costs; `false` where there is no more.
    pub(super) fn spend(&mut self, schema: &str) -> bool {
        self.left = self.left.saturating_sub(1 + schema.len() / STEP);
        !self.is_over()
    }

    /// Whether the rest of the walk tells nothing.
    pub(super) fn is_over(&self) -> bool {
        self.left == 0
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
            Argument::String(text) if !self.is_exact => converted(types, text),
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
        self.combinations(node, value, edit.is_some());
    }

    fn file(&mut self) {
        if self.wire != Wire::Parts {
            let problem = "must not be a file: only multipart fields and whole bodies can be one";
            self.find_all(problem.to_owned(), None, Weight::Unwritable);
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
        self.required(node, members);
        self.size(members.len(), (node.min_properties, node.max_properties), "member");
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

    fn combinations(&mut self, node: &Node<'t>, value: &'a Argument, is_converted: bool) {
        // What is a number by now is one for whatever else holds for it.
        let exact = self.is_exact || self.wire == Wire::Json && !is_converted;
        for one in list(node.all_of) {
            self.value(one.get(), value);
        }
        if let Some(chosen) = self.discriminated(node, value) {
            self.value(chosen, value);
        } else {
            self.any(&list(node.one_of), value, exact);
            self.any(&list(node.any_of), value, exact);
        }
        if let Some(not) = node.not {
            self.not(not.get(), value, exact);
        }
    }

    fn not(&mut self, schema: &'t str, value: &'a Argument, exact: bool) {
        let (found, edits) = (self.found.len(), self.edits.len());
        let is_exact = std::mem::replace(&mut self.is_exact, exact);
        self.value(schema, value);
        self.is_exact = is_exact;
        let fits = self.found.len() == found && !self.is_over();
        self.found.truncate(found);
        self.edits.truncate(edits);
        if fits {
            self.find(format!("is of a kind that is not allowed here, got {}", shown(value)));
        }
    }

    /// At least one must fit. In JSON a text is taken for a number or boolean only where none fits it as it is.
    fn any(&mut self, alternatives: &[&'t RawValue], value: &'a Argument, exact: bool) {
        let is_exact = std::mem::replace(&mut self.is_exact, exact);
        let mut misfits = self.none_of(alternatives, value);
        let may_convert = exact && !is_exact;
        self.is_exact = is_exact;
        if may_convert && misfits.is_some() {
            misfits = self.none_of(alternatives, value);
        }
        self.found.extend(misfits.unwrap_or_default());
    }

    /// Where none of the alternatives fits, the misfits of the one that fits best.
    fn none_of(&mut self, alternatives: &[&'t RawValue], value: &'a Argument) -> Option<Vec<Finding>> {
        let (found, edits) = (self.found.len(), self.edits.len());
        let mut best: Option<Vec<Finding>> = None;
        for one in alternatives {
            self.value(one.get(), value);
            let misfits = self.found.split_off(found);
            if self.is_over() {
                self.edits.truncate(edits);
                return None;
            }
            if misfits.iter().all(|finding| finding.weight == Weight::Warning) {
                self.found.extend(misfits);
                return None;
            }
            self.edits.truncate(edits);
            if best.as_ref().is_none_or(|best| misfits.len() < best.len()) {
                best = Some(misfits);
            }
        }
        best
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
