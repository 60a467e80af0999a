//! Writes values as XML by the `xml` hints of their schemas (`OpenAPI` XML Object, 3.0 to 3.2).
//!
//! `wrapped` and `attribute` of the older versions are what `nodeType` says since 3.2. Elements stand in the order
//! of the schema's properties, for many services read them in sequence; what the schema does not list follows as
//! it was given. Nothing is indented, and there is no XML declaration: the text is UTF-8.

mod hints;
mod names;

use std::rc::Rc;

use quick_xml::Writer;
use quick_xml::events::{BytesCData, BytesEnd, BytesStart, BytesText, Event};
use serde_json::Value;

use self::hints::{Node, Plan, Schemas};
use crate::params::Argument;
use crate::schema::{Finding, shown};
use crate::table::Operation;

/// The namespace of `xsi:nil`, by which an element says that it is null.
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Writes a value as one element; everything that XML cannot carry, or that the document leaves without a name, is
/// found. `operation` resolves the references of the schema.
pub(super) fn write(
    operation: Option<Operation<'_>>,
    schema: &str,
    value: &Argument,
) -> Result<String, Vec<Finding>> {
    let mut document = Document::new(operation);
    let schema = Rc::new(serde_json::from_str(schema).unwrap_or(Value::Null));
    let plan = document.schemas.plan(&schema, None);
    let is_list = matches!(value, Argument::Array(_));
    if !plan.is_element(is_list) {
        document.find("the document puts no one element around it (`xml`); give the XML as text");
    } else if plan.name.is_none() {
        document.find("the document gives its element no name (`xml.name`); give the XML as text");
    } else {
        document.node(&plan, value);
    }
    let text = String::from_utf8(document.out.into_inner()).unwrap_or_default();
    if document.found.is_empty() { Ok(text) } else { Err(document.found) }
}

/// The schema of a list's items.
pub(super) fn items(operation: Option<Operation<'_>>, schema: &str) -> Option<String> {
    let schema = Rc::new(serde_json::from_str(schema).ok()?);
    let plan = Schemas::new(operation).plan(&schema, None);
    plan.schema.get("items").map(Value::to_string)
}

struct Document<'t> {
    schemas: Schemas<'t>,
    out: Writer<Vec<u8>>,
    /// The namespaces in scope as (prefix, namespace); the empty prefix is the default.
    namespaces: Vec<(String, String)>,
    path: Vec<String>,
    found: Vec<Finding>,
}

impl<'t> Document<'t> {
    fn new(operation: Option<Operation<'t>>) -> Self {
        Self {
            schemas: Schemas::new(operation),
            out: Writer::new(Vec::new()),
            namespaces: Vec::new(),
            path: Vec::new(),
            found: Vec::new(),
        }
    }

    fn find(&mut self, problem: impl Into<String>) {
        self.found.push(Finding::unwritable(self.path.concat(), problem));
    }

    /// Writing to memory does not fail.
    fn event<'e>(&mut self, event: impl Into<Event<'e>>) {
        if let Err(error) = self.out.write_event(event) {
            self.find(error.to_string());
        }
    }

    fn node(&mut self, plan: &Plan, value: &Argument) {
        let is_list = matches!(value, Argument::Array(_));
        match plan.node {
            _ if plan.is_element(is_list) => self.element(plan, value),
            Some(Node::Text) => self.text(value),
            Some(Node::Cdata) => self.cdata(value),
            _ => self.content(plan, value),
        }
    }

    fn element(&mut self, plan: &Plan, value: &Argument) {
        let outer = self.namespaces.len();
        let name = self.qualified(plan);
        let mut start = BytesStart::new(name.as_str());
        self.declare(plan, &mut start);
        if let Argument::Null = value {
            start.push_attribute(("xmlns:xsi", XSI));
            start.push_attribute(("xsi:nil", "true"));
            self.event(Event::Empty(start));
        } else {
            self.attributes(plan, value, &mut start);
            self.event(Event::Start(start));
            self.content(plan, value);
            self.event(Event::End(BytesEnd::new(name.as_str())));
        }
        self.namespaces.truncate(outer);
    }

    /// The name with its prefix; one that is no name of XML is found.
    fn qualified(&mut self, plan: &Plan) -> String {
        let name = plan.name.as_deref().unwrap_or_default();
        let name = match &plan.prefix {
            Some(prefix) => format!("{prefix}:{name}"),
            None => name.to_owned(),
        };
        if !names::is_name(&name) {
            self.find(format!(
                "cannot be named {name:?} in XML; the document must say another name (`xml.name`)"
            ));
        }
        name
    }

    /// Declares the namespace of an element or attribute, unless it is in scope.
    fn declare(&mut self, plan: &Plan, start: &mut BytesStart<'_>) {
        let prefix = plan.prefix.as_deref().unwrap_or_default();
        let known = self.namespaces.iter().rev().find(|(known, _)| known == prefix);
        match (&plan.namespace, known) {
            (Some(namespace), Some((_, known))) if namespace == known => {}
            (Some(namespace), _) => {
                let attribute =
                    if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
                start.push_attribute((attribute.as_str(), namespace.as_str()));
                self.namespaces.push((prefix.to_owned(), namespace.clone()));
            }
            (None, None) if !prefix.is_empty() && prefix != "xml" => {
                self.find(format!(
                    "has the prefix `{prefix}`, for which the document says no `xml.namespace`"
                ));
            }
            (None, _) => {}
        }
    }

    /// The attributes of an element: those of its members, and of members that are no nodes of their own.
    fn attributes(&mut self, plan: &Plan, value: &Argument, start: &mut BytesStart<'_>) {
        let Argument::Object(members) = value else { return };
        let Some(schema) = self.schemas.inner(plan) else { return };
        for (name, member) in members {
            let inner = self.schemas.member(&schema, name);
            self.path.push(format!(".{name}"));
            match inner.node {
                Some(Node::Attribute) => self.attribute(&inner, member, start),
                Some(Node::Nothing) => self.attributes(&inner, member, start),
                _ => {}
            }
            self.path.pop();
        }
    }

    fn attribute(&mut self, plan: &Plan, value: &Argument, start: &mut BytesStart<'_>) {
        let text = match (value, value.scalar_text()) {
            (Argument::Null, _) => return,
            (_, Some(text)) => text,
            (other, None) => {
                return self
                    .find(format!("must be one value, which an attribute can hold, got {}", shown(other)));
            }
        };
        self.check(text);
        let name = self.qualified(plan);
        if plan.prefix.is_some() {
            self.declare(plan, start);
        }
        start.push_attribute((name.as_str(), text));
    }

    /// What stands inside a node.
    fn content(&mut self, plan: &Plan, value: &Argument) {
        if let Some(target) = self.schemas.nested(plan) {
            return self.node(&target, value);
        }
        match value {
            Argument::Null => {}
            Argument::Object(members) => {
                for name in self.schemas.order(&plan.schema, members) {
                    let inner = self.schemas.member(&plan.schema, name);
                    if let (Some(member), false) = (members.get(name), inner.node == Some(Node::Attribute)) {
                        self.step(format!(".{name}"), &inner, member);
                    }
                }
            }
            Argument::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let inner = self.schemas.item(plan, index);
                    self.step(format!("[{index}]"), &inner, item);
                }
            }
            single => self.text(single),
        }
    }

    fn step(&mut self, step: String, plan: &Plan, value: &Argument) {
        self.path.push(step);
        self.node(plan, value);
        self.path.pop();
    }

    fn text(&mut self, value: &Argument) {
        if let Some(text) = self.single(value) {
            self.event(Event::Text(BytesText::new(&text)));
        }
    }

    fn cdata(&mut self, value: &Argument) {
        if let Some(text) = self.single(value) {
            for section in BytesCData::escaped(&text) {
                self.event(Event::CData(section));
            }
        }
    }

    /// The text of one value; null has none.
    fn single(&mut self, value: &Argument) -> Option<String> {
        match (value, value.scalar_text()) {
            (Argument::Null, _) => None,
            (_, Some(text)) => {
                self.check(text);
                Some(text.to_owned())
            }
            (other, None) => {
                self.find(format!("must be one value, which a text can hold, got {}", shown(other)));
                None
            }
        }
    }

    fn check(&mut self, text: &str) {
        if let Some(letter) = text.chars().find(|letter| !names::is_character(*letter)) {
            self.find(format!("must not hold the character {letter:?}, which XML cannot carry"));
        }
    }
}

#[cfg(test)]
mod tests;
