//! A query on a value, within bounds: every node looked at costs, and the purse is finite.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::{Comparison, Condition, Operand, Path, Pattern, Segment, Selector, Step, TooMuch, pattern};

/// How many nodes a query may look at: some 20 times what `$..[?@.name == 'x']` asks of the largest
/// descriptions known, and a second or two.
pub(super) const NODES: usize = 30_000_000;

/// Where the selected nodes stand; `nodes` may be looked at.
pub(super) fn select(path: &Path, root: &Value, nodes: usize) -> Result<Vec<Vec<Step>>, TooMuch> {
    let mut run = Run { root, left: nodes, trail: Vec::new() };
    let found = run.path(path, Node { value: root, trail: None })?;
    Ok(found.into_iter().map(|node| run.steps(node.trail)).collect())
}

/// A value and how it was reached: a number in [`Run::trail`], `None` for where the query began.
#[derive(Clone, Copy)]
struct Node<'v> {
    value: &'v Value,
    trail: Option<usize>,
}

/// One step of the way to a node.
#[derive(Clone, Copy)]
enum Key<'v> {
    Member(&'v str),
    Index(usize),
}

struct Run<'v> {
    root: &'v Value,
    left: usize,
    /// Every step taken, each with the step before it.
    trail: Vec<(Option<usize>, Key<'v>)>,
}

impl<'v> Run<'v> {
    fn spend(&mut self, nodes: usize) -> Result<(), TooMuch> {
        self.left = self.left.checked_sub(nodes).ok_or(TooMuch)?;
        Ok(())
    }

    fn steps(&self, mut last: Option<usize>) -> Vec<Step> {
        let mut steps = Vec::new();
        while let Some((before, key)) = last.and_then(|at| self.trail.get(at)) {
            steps.push(match key {
                Key::Member(name) => Step::Member((*name).to_owned()),
                Key::Index(index) => Step::Index(*index),
            });
            last = *before;
        }
        steps.reverse();
        steps
    }

    fn path(&mut self, path: &Path, from: Node<'v>) -> Result<Vec<Node<'v>>, TooMuch> {
        let mut nodes = vec![from];
        for segment in &path.segments {
            let mut found = Vec::new();
            for node in nodes {
                self.segment(segment, node, &mut found)?;
            }
            nodes = found;
        }
        Ok(nodes)
    }

    fn segment(
        &mut self,
        segment: &Segment,
        node: Node<'v>,
        found: &mut Vec<Node<'v>>,
    ) -> Result<(), TooMuch> {
        self.spend(1)?;
        for selector in &segment.selectors {
            self.selector(selector, node, found)?;
        }
        if segment.descends {
            for child in self.children(node)? {
                self.segment(segment, child, found)?;
            }
        }
        Ok(())
    }

    fn child(&mut self, parent: Node<'v>, key: Key<'v>, value: &'v Value) -> Node<'v> {
        self.trail.push((parent.trail, key));
        Node { value, trail: Some(self.trail.len() - 1) }
    }

    fn children(&mut self, node: Node<'v>) -> Result<Vec<Node<'v>>, TooMuch> {
        let found: Vec<(Key<'v>, &'v Value)> = match node.value {
            Value::Object(members) => {
                members.iter().map(|(name, value)| (Key::Member(name.as_str()), value)).collect()
            }
            Value::Array(items) => {
                items.iter().enumerate().map(|(index, value)| (Key::Index(index), value)).collect()
            }
            _ => Vec::new(),
        };
        self.spend(found.len())?;
        Ok(found.into_iter().map(|(key, value)| self.child(node, key, value)).collect())
    }

    fn selector(
        &mut self,
        selector: &Selector,
        node: Node<'v>,
        found: &mut Vec<Node<'v>>,
    ) -> Result<(), TooMuch> {
        match (selector, node.value) {
            (Selector::Name(name), Value::Object(members)) => {
                if let Some((name, value)) = members.get_key_value(name.as_str()) {
                    found.push(self.child(node, Key::Member(name), value));
                }
            }
            (Selector::Index(index), Value::Array(items)) => {
                let index = from_end(*index, items.len());
                if let Some((index, value)) =
                    usize::try_from(index).ok().and_then(|at| Some((at, items.get(at)?)))
                {
                    found.push(self.child(node, Key::Index(index), value));
                }
            }
            (Selector::Slice { start, end, step }, Value::Array(items)) => {
                for index in slice(*start, *end, *step, items.len()) {
                    self.spend(1)?;
                    if let Some(value) = items.get(index) {
                        found.push(self.child(node, Key::Index(index), value));
                    }
                }
            }
            (Selector::Wildcard, _) => found.extend(self.children(node)?),
            (Selector::Filter(condition), _) => {
                for child in self.children(node)? {
                    if self.holds(condition, child)? {
                        found.push(child);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What a query in a filter selects. Where it stands is asked of nobody, so the way there is forgotten.
    fn inner(&mut self, path: &Path, current: Node<'v>) -> Result<Vec<&'v Value>, TooMuch> {
        let known = self.trail.len();
        let from = if path.from_root { Node { value: self.root, trail: None } } else { current };
        let found = self.path(path, from)?;
        self.trail.truncate(known);
        Ok(found.into_iter().map(|node| node.value).collect())
    }

    fn holds(&mut self, condition: &Condition, current: Node<'v>) -> Result<bool, TooMuch> {
        self.spend(1)?;
        match condition {
            Condition::Any(all) => {
                for one in all {
                    if self.holds(one, current)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Condition::All(all) => {
                for one in all {
                    if !self.holds(one, current)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Condition::Not(inner) => Ok(!self.holds(inner, current)?),
            Condition::Exists(path) => Ok(!self.inner(path, current)?.is_empty()),
            Condition::Compare(left, comparison, right) => {
                let (left, right) = (self.operand(left, current)?, self.operand(right, current)?);
                self.compare(left.as_deref(), *comparison, right.as_deref())
            }
            Condition::Matches { whole, text, pattern } => {
                let text = self.operand(text, current)?;
                self.matches(*whole, text.as_deref(), pattern, current)
            }
        }
    }

    fn matches(
        &mut self,
        whole: bool,
        text: Option<&Value>,
        given: &Pattern,
        current: Node<'v>,
    ) -> Result<bool, TooMuch> {
        let Some(text) = text.and_then(Value::as_str) else { return Ok(false) };
        self.spend(text.len() / 16)?;
        match given {
            Pattern::Known(regex) => Ok(regex.is_match(text)),
            Pattern::Computed(operand) => {
                let given = self.operand(operand, current)?;
                let Some(given) = given.as_deref().and_then(Value::as_str) else { return Ok(false) };
                self.spend(1000 + given.len())?;
                Ok(pattern(given, whole).is_some_and(|regex| regex.is_match(text)))
            }
        }
    }

    fn operand<'o>(
        &mut self,
        operand: &'o Operand,
        current: Node<'v>,
    ) -> Result<Option<Cow<'o, Value>>, TooMuch>
    where
        'v: 'o,
    {
        Ok(match operand {
            Operand::Literal(value) => Some(Cow::Borrowed(value)),
            Operand::Singular(path) => self.inner(path, current)?.first().map(|value| Cow::Borrowed(*value)),
            Operand::Value(path) => match self.inner(path, current)?[..] {
                [one] => Some(Cow::Borrowed(one)),
                _ => None,
            },
            Operand::Count(path) => Some(Cow::Owned(self.inner(path, current)?.len().into())),
            Operand::Length(inner) => match self.operand(inner, current)?.as_deref() {
                Some(Value::String(text)) => Some(Cow::Owned(text.chars().count().into())),
                Some(Value::Array(items)) => Some(Cow::Owned(items.len().into())),
                Some(Value::Object(members)) => Some(Cow::Owned(members.len().into())),
                _ => None,
            },
        })
    }

    fn compare(
        &mut self,
        left: Option<&Value>,
        comparison: Comparison,
        right: Option<&Value>,
    ) -> Result<bool, TooMuch> {
        let less = |one: Option<&Value>, other: Option<&Value>| match (one, other) {
            (Some(Value::Number(one)), Some(Value::Number(other))) => {
                order(one, other) == Some(Ordering::Less)
            }
            (Some(Value::String(one)), Some(Value::String(other))) => one < other,
            _ => false,
        };
        Ok(match comparison {
            Comparison::Equal => self.equal(left, right)?,
            Comparison::NotEqual => !self.equal(left, right)?,
            Comparison::Less => less(left, right),
            Comparison::Greater => less(right, left),
            Comparison::LessOrEqual => less(left, right) || self.equal(left, right)?,
            Comparison::GreaterOrEqual => less(right, left) || self.equal(left, right)?,
        })
    }

    /// Numbers by value, objects whatever their members' order; nothing equals nothing.
    fn equal(&mut self, left: Option<&Value>, right: Option<&Value>) -> Result<bool, TooMuch> {
        self.spend(1)?;
        match (left, right) {
            (Some(Value::Number(left)), Some(Value::Number(right))) => {
                Ok(order(left, right) == Some(Ordering::Equal))
            }
            (Some(Value::Array(left)), Some(Value::Array(right))) => {
                if left.len() != right.len() {
                    return Ok(false);
                }
                for (one, other) in left.iter().zip(right) {
                    if !self.equal(Some(one), Some(other))? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Some(Value::Object(left)), Some(Value::Object(right))) => {
                if left.len() != right.len() {
                    return Ok(false);
                }
                for (name, one) in left {
                    let other = right.get(name);
                    if other.is_none() || !self.equal(Some(one), other)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (left, right) => Ok(left == right),
        }
    }
}

fn order(left: &Number, right: &Number) -> Option<Ordering> {
    match (left.as_i64(), right.as_i64(), left.as_u64(), right.as_u64()) {
        (Some(left), Some(right), ..) => Some(left.cmp(&right)),
        (.., Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

/// An index counted from the start; it may lie outside.
fn from_end(index: i64, length: usize) -> i64 {
    if index < 0 { index.saturating_add(i64::try_from(length).unwrap_or(i64::MAX)) } else { index }
}

/// The indexes of a slice in its order (RFC 9535 §2.3.4.2.2).
fn slice(start: Option<i64>, end: Option<i64>, step: i64, length: usize) -> impl Iterator<Item = usize> {
    let count = i64::try_from(length).unwrap_or(i64::MAX);
    let (start, end) = if step >= 0 {
        (start.unwrap_or(0), end.unwrap_or(count))
    } else {
        (start.unwrap_or(count - 1), end.unwrap_or(-count - 1))
    };
    let (start, end) = (from_end(start, length), from_end(end, length));
    let (first, last) = if step >= 0 {
        (start.clamp(0, count), end.clamp(0, count))
    } else {
        (start.clamp(-1, count - 1), end.clamp(-1, count - 1))
    };
    let inside = move |at: &i64| match step {
        0 => false,
        1.. => *at < last,
        _ => *at > last,
    };
    std::iter::successors(Some(first), move |at| at.checked_add(step))
        .take_while(inside)
        .filter_map(|at| usize::try_from(at).ok())
}
