//! The actions of an overlay, done one after the other (Overlay Specification 1.1 §4.4.3, and 1.0 where it differs).

use std::collections::HashSet;

use serde_json::Value;

use super::{Action, Change, Edit, Version, place};
use crate::jsonpath::{Patterns, Query, Step, TooCostly};
use crate::spec::SpecError;

/// How many nodes an overlay may add to a document: copies of copies grow beyond all measure.
const MAX_ADDED: usize = 1_000_000;
/// How deep a document may become; its JSON is read back with this bound.
const MAX_DEPTH: usize = 120;

/// Does all actions. `selected` counts the nodes that each one found.
pub(super) fn actions(
    document: &mut Value,
    version: Version,
    actions: &[Action],
    overlay: usize,
    mut edits: Option<&mut Vec<Edit>>,
    selected: &mut [usize],
    patterns: &mut Patterns,
) -> Result<(), SpecError> {
    let mut added = 0;
    for (number, action) in actions.iter().enumerate() {
        let said = vec!["actions".to_owned(), number.to_string()];
        let mut run = Run {
            document,
            version,
            overlay,
            edits: edits.as_deref_mut(),
            said,
            is_copy: matches!(action.change, Change::Copy(_)),
            place: Vec::new(),
            added: &mut added,
            patterns,
        };
        let found = run.action(action)?;
        if let Some(count) = selected.get_mut(number) {
            *count += found;
        }
    }
    Ok(())
}

/// One action on its way.
struct Run<'a> {
    document: &'a mut Value,
    version: Version,
    overlay: usize,
    edits: Option<&'a mut Vec<Edit>>,
    /// Where in the overlay we are.
    said: Vec<String>,
    /// Whether what is put comes from the document itself, so that the overlay has no place for its parts.
    is_copy: bool,
    /// Where in the document we are.
    place: Vec<Step>,
    added: &'a mut usize,
    patterns: &'a mut Patterns,
}

/// The three kinds that the nodes of one action must not mix (§4.4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Object,
    Array,
    Primitive,
}

impl Kind {
    fn of(value: &Value) -> Self {
        match value {
            Value::Object(_) => Self::Object,
            Value::Array(_) => Self::Array,
            _ => Self::Primitive,
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::Primitive => "a primitive value",
        }
    }
}

impl Run<'_> {
    /// How many nodes the action found.
    fn action(&mut self, action: &Action) -> Result<usize, SpecError> {
        let places = self.select("target", &action.target)?;
        let count = places.len();
        self.check_kinds(&places, !matches!(action.change, Change::Remove | Change::Nothing))?;
        match &action.change {
            Change::Nothing => {}
            Change::Remove => self.remove(&places)?,
            Change::Update(update) => {
                self.said.push("update".to_owned());
                places.iter().try_for_each(|place| self.update(place, update))?;
            }
            Change::Copy(source) => {
                if count > 0 {
                    let source = self.source(source)?;
                    self.said.push("copy".to_owned());
                    places.iter().try_for_each(|place| self.update(place, &source))?;
                }
            }
        }
        Ok(count)
    }

    fn source(&mut self, query: &Query) -> Result<Value, SpecError> {
        let found = self.select("copy", query)?;
        let [one] = &found[..] else {
            let problem = format!("must select one node, but selects {}", found.len());
            return Err(self.error_in("copy", &problem));
        };
        Ok(at(self.document, one).cloned().unwrap_or_default())
    }

    fn select(&mut self, member: &str, query: &Query) -> Result<Vec<Vec<Step>>, SpecError> {
        query.select(self.document, self.patterns).map_err(|cost| self.too_costly(member, cost))
    }

    /// Refuses targets that the version cannot change.
    fn check_kinds(&self, places: &[Vec<Step>], must_be_one: bool) -> Result<(), SpecError> {
        let mut first: Option<Kind> = None;
        for steps in places {
            let Some(kind) = at(self.document, steps).map(Kind::of) else { continue };
            if self.version == Version::V1_0 && kind == Kind::Primitive {
                let problem = format!("selects the primitive value at {}, which 1.0 cannot", place(steps));
                return Err(self
                    .error_in("target", &problem)
                    .hint("Write `overlay: 1.1.0`, or select the object that holds it."));
            }
            let first = *first.get_or_insert(kind);
            if must_be_one && self.version == Version::V1_1 && first != kind {
                let problem =
                    format!("selects {} and, at {}, {}", first.in_words(), place(steps), kind.in_words());
                return Err(self
                    .error_in("target", &problem)
                    .hint("Make an action for each: objects, arrays, primitive values."));
            }
        }
        Ok(())
    }

    fn too_costly(&self, member: &str, cost: TooCostly) -> SpecError {
        let (problem, hint) = match cost {
            TooCostly::Steps => (
                "takes far more steps than the document has nodes",
                "Name more of the way in place of `..` and `*`, and no other `..` or `$` in a filter behind them.",
            ),
            TooCostly::Matching => (
                "takes far more steps than the document has nodes, to try its patterns on the texts",
                "Count fewer repeats in the patterns (each is as long as what it repeats), or name more of the way to the texts.",
            ),
            TooCostly::Memory => (
                "tries a pattern that takes too much memory",
                "Write fewer categories (`\\p{L}`), and count fewer repeats, each of which is as long as what it repeats.",
            ),
            TooCostly::Nesting => {
                ("tries a pattern that is nested too deep", "Write fewer groups in each other.")
            }
        };
        self.error_in(member, problem).hint(hint)
    }

    fn error_in(&self, member: &str, problem: &str) -> SpecError {
        let tokens = self.said.iter().map(String::as_str).chain([member]);
        SpecError::at(super::pointer(tokens), problem)
    }

    fn error(&self, problem: String) -> SpecError {
        SpecError::at(super::pointer(self.said.iter().map(String::as_str)), problem)
    }

    fn edit(&mut self, is_removal: bool) {
        if let Some(edits) = &mut self.edits {
            let (place, said) = (self.place.clone(), self.said.clone());
            edits.push(Edit { place, is_removal, is_copy: self.is_copy, overlay: self.overlay, said });
        }
    }

    /// From the end, so that no index is another node's by then, and what is inside before what holds it. Members
    /// of the same object or array go together: one by one each would move all those behind it.
    fn remove(&mut self, places: &[Vec<Step>]) -> Result<(), SpecError> {
        if places.iter().any(Vec::is_empty) {
            return Err(self.error_in("target", "the whole document cannot be removed"));
        }
        let holder = |steps: &Vec<Step>| steps.len() - 1;
        let are_beside = |one: &Vec<Step>, other: &Vec<Step>| one[..holder(one)] == other[..holder(other)];
        for together in places.chunk_by(are_beside).rev() {
            if let Some(first) = together.first() {
                let gone = together.iter().filter_map(|steps| steps.last()).collect();
                if let Some(holder) = at_mut(self.document, &first[..holder(first)]) {
                    take_away(holder, &gone);
                }
            }
            for steps in together.iter().rev() {
                self.place.clone_from(steps);
                self.said.push("remove".to_owned());
                self.edit(true);
                self.said.pop();
            }
        }
        Ok(())
    }

    fn update(&mut self, steps: &[Step], update: &Value) -> Result<(), SpecError> {
        // Taken out while it is changed, so that the rest of the action stays at hand.
        let Some(slot) = at_mut(self.document, steps) else { return Ok(()) };
        let mut target = std::mem::take(slot);
        self.place = steps.to_vec();
        let done = self.update_node(&mut target, update);
        if let Some(slot) = at_mut(self.document, steps) {
            *slot = target;
        }
        done
    }

    fn update_node(&mut self, target: &mut Value, update: &Value) -> Result<(), SpecError> {
        match (target, update) {
            (Value::Array(items), Value::Array(more)) if self.version == Version::V1_1 => {
                self.concatenate(items, more)
            }
            (Value::Array(items), entry) => self.append(items, entry),
            (target, update) if Kind::of(target) == Kind::of(update) => self.merge(target, update),
            (target, update) => {
                let (target, update) = (Kind::of(target).in_words(), Kind::of(update).in_words());
                Err(self.error(format!("{update} cannot update {target} ({})", place(&self.place))))
            }
        }
    }

    /// What a member and its update become.
    fn merge(&mut self, target: &mut Value, update: &Value) -> Result<(), SpecError> {
        match (target, update) {
            (Value::Object(members), Value::Object(update)) => {
                for (name, update) in update {
                    self.place.push(Step::Member(name.clone()));
                    self.push_said(name);
                    if let Some(known) = members.get_mut(name) {
                        self.merge(known, update)?;
                    } else {
                        self.count(update)?;
                        members.insert(name.clone(), update.clone());
                        self.edit(false);
                    }
                    self.pop_said();
                    self.place.pop();
                }
                Ok(())
            }
            (Value::Array(items), Value::Array(more)) => self.concatenate(items, more),
            // 1.0 names members without content that way ("Structured Overlay Example").
            (Value::Object(_) | Value::Array(_), Value::Null) if self.version == Version::V1_0 => Ok(()),
            (target, update)
                if Kind::of(target) == Kind::Primitive && Kind::of(update) == Kind::Primitive =>
            {
                target.clone_from(update);
                self.edit(false);
                Ok(())
            }
            (target, update) => {
                let (target, update) = (Kind::of(target).in_words(), Kind::of(update).in_words());
                let problem = format!("{update} cannot be merged into {target} ({})", place(&self.place));
                Err(self.error(problem).hint("Remove the member in an action before this one."))
            }
        }
    }

    fn concatenate(&mut self, items: &mut Vec<Value>, more: &[Value]) -> Result<(), SpecError> {
        for (number, item) in more.iter().enumerate() {
            self.push_said(&number.to_string());
            self.append(items, item)?;
            self.pop_said();
        }
        Ok(())
    }

    fn append(&mut self, items: &mut Vec<Value>, item: &Value) -> Result<(), SpecError> {
        self.place.push(Step::Index(items.len()));
        self.count(item)?;
        items.push(item.clone());
        self.edit(false);
        self.place.pop();
        Ok(())
    }

    fn push_said(&mut self, token: &str) {
        if !self.is_copy {
            self.said.push(token.to_owned());
        }
    }

    fn pop_said(&mut self) {
        if !self.is_copy {
            self.said.pop();
        }
    }

    /// Refuses what would make the document grow without bounds.
    fn count(&mut self, value: &Value) -> Result<(), SpecError> {
        let left = MAX_DEPTH.saturating_sub(self.place.len());
        let mut nodes = 0;
        if !fits(value, left, &mut nodes) {
            return Err(self.error(format!("the document becomes more than {MAX_DEPTH} levels deep")));
        }
        *self.added += nodes;
        if *self.added > MAX_ADDED {
            return Err(self.error("the document grows beyond all measure".to_owned()));
        }
        Ok(())
    }
}

/// Takes members or items away from what holds them.
fn take_away(holder: &mut Value, gone: &HashSet<&Step>) {
    match holder {
        Value::Object(members) => {
            members.retain(|name, _| !gone.contains(&Step::Member(name.clone())));
        }
        Value::Array(items) => {
            let mut index = 0;
            items.retain(|_| {
                index += 1;
                !gone.contains(&Step::Index(index - 1))
            });
        }
        _ => {}
    }
}

/// Counts a value's nodes; `false` where it is deeper than `left` levels.
fn fits(value: &Value, left: usize, nodes: &mut usize) -> bool {
    *nodes += 1;
    let inner = |value: &Value, nodes: &mut usize| left > 0 && fits(value, left - 1, nodes);
    match value {
        Value::Object(members) => members.values().all(|value| inner(value, nodes)),
        Value::Array(items) => items.iter().all(|value| inner(value, nodes)),
        _ => true,
    }
}

/// The node at a place.
fn at<'v>(root: &'v Value, steps: &[Step]) -> Option<&'v Value> {
    steps.iter().try_fold(root, |value, step| match step {
        Step::Member(name) => value.get(name),
        Step::Index(index) => value.get(*index),
    })
}

fn at_mut<'v>(root: &'v mut Value, steps: &[Step]) -> Option<&'v mut Value> {
    steps.iter().try_fold(root, |value, step| match step {
        Step::Member(name) => value.get_mut(name),
        Step::Index(index) => value.get_mut(*index),
    })
}
