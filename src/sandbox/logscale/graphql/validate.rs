//! Validation (§5) of a document against the schema, with the place of each fault.

use std::collections::{HashMap, HashSet};

use graphql_parser::Pos;
use graphql_parser::query::{
    Directive, Document, Field as Selected, FragmentDefinition, Selection, Type, TypeCondition,
    Value as Literal, VariableDefinition,
};

use super::execute::fragments;
use super::schema::{Input, Kind, Schema, core, written};
use super::{Fault, Operation, Set, values};

type Field = Selected<'static, String>;
type Fragment = FragmentDefinition<'static, String>;

/// Where a variable stands: its name, the type expected there, and whether the place has a default.
pub(super) type Use<'d> = (&'d str, Kind, bool, Pos);

pub(super) struct Validator<'d> {
    pub(super) schema: &'d Schema,
    fragments: HashMap<&'d str, &'d Fragment>,
    pub(super) faults: Vec<Fault>,
    pub(super) uses: Vec<Use<'d>>,
    used: HashSet<&'d str>,
    /// The fragments that are being visited, to stop at cycles.
    open: Vec<&'d str>,
}

/// Every fault of a document.
pub(super) fn document<'d>(
    schema: &'d Schema,
    document: &'d Document<'static, String>,
    operations: &[Operation<'d>],
) -> Vec<Fault> {
    let mut validator = Validator {
        schema,
        fragments: fragments(document),
        faults: Vec::new(),
        uses: Vec::new(),
        used: HashSet::new(),
        open: Vec::new(),
    };
    validator.names(operations);
    for operation in operations {
        validator.operation(*operation);
    }
    validator.unused_fragments();
    let mut faults = validator.faults;
    let mut seen = HashSet::new();
    faults.retain(|fault| seen.insert((fault.message.clone(), fault.position)));
    faults
}

impl<'d> Validator<'d> {
    pub(super) fn fault(&mut self, message: impl Into<String>, position: Pos) {
        self.faults.push(Fault::new(message, Some(position)));
    }

    fn names(&mut self, operations: &[Operation<'d>]) {
        let mut seen = HashSet::new();
        for operation in operations {
            match operation.name {
                Some(name) if !seen.insert(name) => {
                    self.fault(
                        format!("There can be only one operation named \"{name}\"."),
                        operation.position,
                    );
                }
                None if operations.len() > 1 => {
                    self.fault(
                        "This anonymous operation must be the only defined operation.",
                        operation.position,
                    );
                }
                _ => {}
            }
        }
    }

    fn operation(&mut self, operation: Operation<'d>) {
        self.uses.clear();
        let root = if operation.is_mutation { "Mutation" } else { "Query" };
        self.set(operation.set, root);
        self.definitions(operation.variables);
        for (name, kind, has_default, position) in std::mem::take(&mut self.uses) {
            match operation.variables.iter().find(|definition| definition.name == name) {
                None => self.fault(format!("Variable \"${name}\" is not defined."), position),
                Some(definition) if !is_allowed(definition, &kind, has_default) => {
                    let (own, wanted) = (written(&definition.var_type), written(&kind));
                    let message = format!(
                        "Variable \"${name}\" of type \"{own}\" used in position expecting type \"{wanted}\"."
                    );
                    self.fault(message, position);
                }
                Some(_) => {}
            }
        }
    }

    fn definitions(&mut self, definitions: &'d [VariableDefinition<'static, String>]) {
        let mut seen = HashSet::new();
        for definition in definitions {
            let name = &definition.name;
            if !seen.insert(name.as_str()) {
                self.fault(format!("There can be only one variable named \"${name}\"."), definition.position);
            }
            let kind = core(&definition.var_type);
            if !self.schema.is_input(kind) {
                let kind = written(&definition.var_type);
                self.fault(
                    format!("Variable \"${name}\" cannot be of type \"{kind}\"."),
                    definition.position,
                );
            } else if let Some(default) = &definition.default_value {
                values::literal(self, default, &definition.var_type, false, definition.position);
            }
            if !self.uses.iter().any(|(used, ..)| used == name) {
                self.fault(format!("Variable \"${name}\" is never used."), definition.position);
            }
        }
    }

    fn unused_fragments(&mut self) {
        let mut unused: Vec<(&str, Pos)> = self
            .fragments
            .values()
            .filter(|fragment| !self.used.contains(fragment.name.as_str()))
            .map(|fragment| (fragment.name.as_str(), fragment.position))
            .collect();
        unused.sort_unstable_by_key(|(_, position)| (position.line, position.column));
        for (name, position) in unused {
            self.fault(format!("Fragment \"{name}\" is never used."), position);
        }
    }

    fn set(&mut self, set: &'d Set, parent: &'d str) {
        let mut keys: HashMap<&str, &Field> = HashMap::new();
        for selection in &set.items {
            match selection {
                Selection::Field(field) => {
                    let key = field.alias.as_ref().unwrap_or(&field.name);
                    let first = *keys.entry(key).or_insert(field);
                    if first.name != field.name || first.arguments != field.arguments {
                        let message = format!(
                            "Fields \"{key}\" conflict because they differ; use different aliases to fetch both."
                        );
                        self.fault(message, field.position);
                    }
                    self.directives(&field.directives);
                    self.field(field, parent);
                }
                Selection::InlineFragment(fragment) => {
                    self.directives(&fragment.directives);
                    let on = fragment.type_condition.as_ref().map_or(parent, condition);
                    if self.spreads(on, parent, fragment.position) {
                        self.set(&fragment.selection_set, on);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    self.directives(&spread.directives);
                    self.spread(&spread.fragment_name, parent, spread.position);
                }
            }
        }
    }

    fn spread(&mut self, name: &'d str, parent: &'d str, position: Pos) {
        let Some(fragment) = self.fragments.get(name).copied() else {
            return self.fault(format!("Unknown fragment \"{name}\"."), position);
        };
        self.used.insert(name);
        if self.open.contains(&name) {
            return self.fault(format!("Cannot spread fragment \"{name}\" within itself."), position);
        }
        let on = condition(&fragment.type_condition);
        if self.spreads(on, parent, position) {
            self.open.push(name);
            self.set(&fragment.selection_set, on);
            self.open.pop();
        }
    }

    /// Whether a fragment on a type may stand in a selection of another.
    fn spreads(&mut self, on: &str, parent: &str, position: Pos) -> bool {
        if !self.schema.is_composite(on) {
            self.fault(
                format!("Fragment cannot condition on unknown or non composite type \"{on}\"."),
                position,
            );
            return false;
        }
        let fits = self.schema.overlap(on, parent);
        if !fits {
            let message = format!(
                "Fragment cannot be spread here as objects of type \"{parent}\" can never be of type \"{on}\"."
            );
            self.fault(message, position);
        }
        fits
    }

    fn field(&mut self, field: &'d Field, parent: &'d str) {
        if field.name == "__typename" {
            return;
        }
        let Some(declared) = self.schema.field(parent, &field.name) else {
            let message = format!("Cannot query field \"{}\" on type \"{parent}\".", field.name);
            return self.fault(message, field.position);
        };
        self.arguments(&declared.arguments, field);
        let kind = core(&declared.kind);
        match (self.schema.is_composite(kind), field.selection_set.items.is_empty()) {
            (true, true) => {
                let message = format!(
                    "Field \"{}\" of type \"{}\" must have a selection of subfields.",
                    field.name,
                    written(&declared.kind)
                );
                self.fault(message, field.position);
            }
            (false, false) => {
                let message = format!(
                    "Field \"{}\" must not have a selection since type \"{}\" has no subfields.",
                    field.name,
                    written(&declared.kind)
                );
                self.fault(message, field.position);
            }
            (true, false) => self.set(&field.selection_set, kind),
            (false, true) => {}
        }
    }

    fn arguments(&mut self, declared: &'d [Input], field: &'d Field) {
        let mut seen = HashSet::new();
        for (name, value) in &field.arguments {
            if !seen.insert(name.as_str()) {
                self.fault(format!("There can be only one argument named \"{name}\"."), field.position);
            }
            if let Some(input) = declared.iter().find(|input| input.name == *name) {
                values::literal(self, value, &input.kind, input.default.is_some(), field.position);
            } else {
                let message = format!("Unknown argument \"{name}\" on field \"{}\".", field.name);
                self.fault(message, field.position);
            }
        }
        for input in
            declared.iter().filter(|input| input.is_required() && !seen.contains(input.name.as_str()))
        {
            let message = format!(
                "Field \"{}\" argument \"{}\" of type \"{}\" is required, but it was not provided.",
                field.name,
                input.name,
                written(&input.kind)
            );
            self.fault(message, field.position);
        }
    }

    /// `@skip(if:)` and `@include(if:)` are all there are.
    fn directives(&mut self, directives: &'d [Directive<'static, String>]) {
        for directive in directives {
            if !matches!(directive.name.as_str(), "skip" | "include") {
                self.fault(format!("Unknown directive \"@{}\".", directive.name), directive.position);
                continue;
            }
            let kind = Type::NonNullType(Box::new(Type::NamedType("Boolean".to_owned())));
            if let [(name, value)] = directive.arguments.as_slice()
                && name == "if"
            {
                values::literal(self, value, &kind, false, directive.position);
            } else {
                let message = format!("Directive \"@{}\" takes exactly the argument \"if\".", directive.name);
                self.fault(message, directive.position);
            }
        }
    }
}

fn condition<'d>(condition: &'d TypeCondition<'static, String>) -> &'d str {
    let TypeCondition::On(name) = condition;
    name
}

/// Whether a variable may stand where a type is expected (§5.8.5).
fn is_allowed(definition: &VariableDefinition<'static, String>, expected: &Kind, has_default: bool) -> bool {
    let own = &definition.var_type;
    let has_value = matches!(&definition.default_value, Some(value) if *value != Literal::Null);
    match expected {
        Type::NonNullType(inner) if !matches!(own, Type::NonNullType(_)) => {
            (has_value || has_default) && is_within(own, inner)
        }
        _ => is_within(own, expected),
    }
}

fn is_within(own: &Kind, expected: &Kind) -> bool {
    match (own, expected) {
        (Type::NonNullType(own), Type::NonNullType(expected))
        | (Type::ListType(own), Type::ListType(expected)) => is_within(own, expected),
        (Type::NonNullType(own), _) => is_within(own, expected),
        (Type::NamedType(own), Type::NamedType(expected)) => own == expected,
        _ => false,
    }
}
