//! Members that a schema requires and a value lacks, but for those that no request can have.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::value::RawValue;

use super::Finding;
use super::check::Walk;
use super::node::{Members, Node, is_true, list, names};
use crate::operation::Types;
use crate::params::Argument;

impl<'t> Walk<'t, '_> {
    /// Finds the members that a node requires and the value lacks.
    pub(super) fn required(&mut self, node: &Node<'t>, members: &IndexMap<String, Argument>) {
        for name in names(node.required).iter().filter(|name| !members.contains_key(name.as_ref())) {
            if !self.cannot_be(name) {
                let path = format!("{}.{name}", self.place());
                self.found.push(Finding { path, ..Finding::here("is required".to_owned()) });
            }
        }
    }

    /// Whether the service alone sets a property (`readOnly`), or no finite value has it. It may be declared by any
    /// schema that holds for the value, not only by the one that requires it, and each has a say (JSON Schema
    /// Validation 2020-12 §9.4).
    fn cannot_be(&mut self, name: &str) -> bool {
        let value = self.applied.last().map(|(_, value)| *value);
        let own =
            self.applied.iter().rev().take_while(|(_, one)| value.is_some_and(|own| std::ptr::eq(*one, own)));
        let own = own.map(|(text, _)| *text).collect();
        let mut declared = Vec::new();
        for node in self.together(own).into_iter().filter_map(Node::read) {
            declared.extend(Members::read(node.properties).get(name).map(RawValue::get));
        }
        let property = self.together(declared);
        let is_read_only = |text: &&str| Node::read(text).is_some_and(|node| is_true(node.read_only));
        property.iter().any(is_read_only) || self.is_endless(&property) || self.is_over()
    }

    /// Whether a property is of a type that requires it in turn.
    fn is_endless(&self, property: &[&'t str]) -> bool {
        let can_end = |node: Node<'_>| is_true(node.nullable) || node.types().names(Types::NULL);
        let leads_back = |text: &&str| self.applied.iter().any(|(one, _)| std::ptr::eq(*one, *text));
        property.iter().any(leads_back) && !property.iter().filter_map(|text| Node::read(text)).any(can_end)
    }

    /// The schemas that hold where these do, by `$ref` and `allOf`.
    fn together(&mut self, mut waiting: Vec<&'t str>) -> Vec<&'t str> {
        let (mut seen, mut found) = (HashSet::new(), Vec::new());
        while let Some(text) = waiting.pop() {
            if !seen.insert(std::ptr::from_ref(text)) || !self.spend(text) {
                continue;
            }
            let Some(node) = Node::read(text) else { continue };
            waiting.extend(self.target(&node));
            waiting.extend(list(node.all_of).into_iter().map(RawValue::get));
            found.push(text);
        }
        found
    }
}
