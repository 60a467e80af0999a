//! What schemas say of XML nodes, references followed.
//!
//! A schema that is only a reference is no node of its own: hints beside the reference hold over those of its
//! target. The inferred name of a property, and of the items of a list, is the property's; a component's name
//! counts for the root, which has no other.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use indexmap::IndexMap;
use serde_json::Value;

use crate::params::Argument;
use crate::table::Operation;

/// How many references and levels of `allOf` are followed.
const MAX_DEPTH: usize = 32;

/// The kind of a node (`nodeType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Element,
    Attribute,
    Text,
    Cdata,
    /// `none`: what is inside stands in its place.
    Nothing,
}

/// How a value of a schema is written.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// The schema, references followed.
    pub(super) schema: Rc<Value>,
    /// What the document says it is, if it says.
    pub(super) node: Option<Node>,
    /// The name of its element or attribute.
    pub(super) name: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) prefix: Option<String>,
    /// The name that is inferred for it.
    inferred: Option<String>,
}

impl Plan {
    /// Whether it is an element; a list is one only where the document says so.
    pub(super) fn is_element(&self, is_list: bool) -> bool {
        match self.node {
            Some(node) => node == Node::Element,
            None => !is_list,
        }
    }

    /// The hints of a schema fill what is not said so far.
    fn take(&mut self, schema: &Value) {
        let xml = schema.get("xml").unwrap_or(&Value::Null);
        let text = |key: &str| xml.get(key).and_then(Value::as_str).map(str::to_owned);
        let is = |key: &str| xml.get(key) == Some(&Value::Bool(true));
        let node = match text("nodeType").as_deref() {
            Some("element") => Some(Node::Element),
            Some("attribute") => Some(Node::Attribute),
            Some("text") => Some(Node::Text),
            Some("cdata") => Some(Node::Cdata),
            Some("none") => Some(Node::Nothing),
            _ if is("attribute") => Some(Node::Attribute),
            _ if is("wrapped") => Some(Node::Element),
            _ => None,
        };
        self.node = self.node.or(node);
        self.name = self.name.take().or_else(|| text("name").filter(|name| !name.is_empty()));
        self.namespace = self.namespace.take().or_else(|| text("namespace"));
        self.prefix = self.prefix.take().or_else(|| text("prefix").filter(|prefix| !prefix.is_empty()));
    }
}

/// The schemas of an operation, each read once.
pub(super) struct Schemas<'t> {
    operation: Option<Operation<'t>>,
    read: HashMap<String, Option<Rc<Value>>>,
}

impl<'t> Schemas<'t> {
    pub(super) fn new(operation: Option<Operation<'t>>) -> Self {
        Self { operation, read: HashMap::new() }
    }

    /// The plan of a schema; `inferred` is the name it has where it says none.
    pub(super) fn plan(&mut self, schema: &Rc<Value>, inferred: Option<&str>) -> Plan {
        let mut plan = Plan {
            schema: Rc::clone(schema),
            node: None,
            name: None,
            namespace: None,
            prefix: None,
            inferred: inferred.map(str::to_owned),
        };
        for _ in 0..MAX_DEPTH {
            plan.take(&plan.schema.clone());
            let Some(reference) = reference(&plan.schema) else { break };
            // `none` is what a reference is anyway; of another kind it is a node around that of its target.
            match plan.node {
                Some(Node::Nothing) => plan.node = None,
                Some(_) => break,
                None => {}
            }
            if plan.inferred.is_none() {
                plan.inferred = component(reference);
            }
            let Some(target) = self.resolve(reference) else { break };
            plan.schema = target;
        }
        plan.name = plan.name.or_else(|| plan.inferred.clone());
        plan
    }

    /// The plan of an object's member.
    pub(super) fn member(&mut self, schema: &Rc<Value>, name: &str) -> Plan {
        let additional = || schema.get("additionalProperties").cloned().map(Rc::new);
        let found = self.property(schema, name, 0).or_else(additional).unwrap_or_default();
        self.plan(&found, Some(name))
    }

    /// The plan of a list's item.
    pub(super) fn item(&mut self, list: &Plan, index: usize) -> Plan {
        let of = |key: &str| list.schema.get(key);
        let ordered = of("prefixItems").and_then(|items| items.get(index));
        let item = Rc::new(ordered.or_else(|| of("items")).cloned().unwrap_or_default());
        let name = if list.node == Some(Node::Element) { &list.name } else { &list.inferred };
        self.plan(&item, name.as_deref())
    }

    /// The plan of what a node that is a reference too holds.
    pub(super) fn nested(&mut self, plan: &Plan) -> Option<Plan> {
        let reference = reference(&plan.schema)?;
        let target = self.resolve(reference)?;
        Some(self.plan(&target, component(reference).as_deref()))
    }

    /// The schema whose members are inside a node itself, not in a node that it holds.
    pub(super) fn inner(&mut self, plan: &Plan) -> Option<Rc<Value>> {
        match self.nested(plan) {
            None => Some(Rc::clone(&plan.schema)),
            Some(nested) => (nested.node == Some(Node::Nothing)).then_some(nested.schema),
        }
    }

    /// The names of an object's members: as the schema lists them, then as they were given.
    pub(super) fn order<'m>(
        &mut self,
        schema: &Rc<Value>,
        members: &'m IndexMap<String, Argument>,
    ) -> Vec<&'m str> {
        let mut listed = Vec::new();
        self.listed(schema, &mut listed, 0);
        let place = |name: &str| listed.iter().position(|known| known == name).unwrap_or(usize::MAX);
        let mut names: Vec<&str> = members.keys().map(String::as_str).collect();
        names.sort_by_key(|name| place(name));
        names
    }

    fn listed(&mut self, schema: &Rc<Value>, names: &mut Vec<String>, depth: usize) {
        let own = schema.get("properties").and_then(Value::as_object);
        let mut seen: HashSet<String> = names.iter().cloned().collect();
        let further = self.further(schema, depth);
        // What a schema is made of comes before what it adds.
        for part in further {
            self.listed(&part, names, depth + 1);
        }
        seen.extend(names.iter().cloned());
        names.extend(
            own.into_iter().flat_map(|own| own.keys()).filter(|name| seen.insert((*name).clone())).cloned(),
        );
    }

    fn property(&mut self, schema: &Rc<Value>, name: &str, depth: usize) -> Option<Rc<Value>> {
        if let Some(own) = schema.get("properties").and_then(|properties| properties.get(name)) {
            return Some(Rc::new(own.clone()));
        }
        self.further(schema, depth).iter().find_map(|part| self.property(part, name, depth + 1))
    }

    /// The schemas that a schema is made of.
    fn further(&mut self, schema: &Value, depth: usize) -> Vec<Rc<Value>> {
        if depth == MAX_DEPTH {
            return Vec::new();
        }
        let target = reference(schema).and_then(|reference| self.resolve(reference));
        let lists = ["allOf", "oneOf", "anyOf"].into_iter().filter_map(|key| schema.get(key)?.as_array());
        target.into_iter().chain(lists.flatten().map(|part| Rc::new(part.clone()))).collect()
    }

    fn resolve(&mut self, reference: &str) -> Option<Rc<Value>> {
        if let Some(known) = self.read.get(reference) {
            return known.clone();
        }
        let text = self.operation.and_then(|operation| operation.schema(reference));
        let read = text.and_then(|text| serde_json::from_str(text).ok()).map(Rc::new);
        self.read.insert(reference.to_owned(), read.clone());
        read
    }
}

fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref").and_then(Value::as_str)
}

/// The name of the component that a reference leads to.
fn component(reference: &str) -> Option<String> {
    let name = reference.rsplit_once('/').map(|(_, name)| name)?;
    Some(name.replace("~1", "/").replace("~0", "~")).filter(|name| !name.is_empty())
}
