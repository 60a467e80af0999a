//! Execution (§6): runs the root fields in order and shows of their values what is selected.

use std::collections::HashMap;

use graphql_parser::query::{
    Definition, Directive, Document, Field as Selected, FragmentDefinition, Selection, TypeCondition,
};
use graphql_parser::schema::Type;
use serde_json::{Map, Value};

use super::schema::{Kind, Schema, core};
use super::{Fault, Operation, Resolver, Set, coerce};

type Field = Selected<'static, String>;

struct Run<'r> {
    schema: &'r Schema,
    fragments: HashMap<&'r str, &'r FragmentDefinition<'static, String>>,
    variables: &'r Map<String, Value>,
}

/// The data of an operation, `null` once a root field that may not be null has failed, and the errors.
pub(super) fn operation(
    schema: &Schema,
    document: &Document<'static, String>,
    operation: Operation<'_>,
    variables: &Map<String, Value>,
    resolver: &mut dyn Resolver,
) -> (Value, Vec<Fault>) {
    let run = Run { schema, fragments: fragments(document), variables };
    let root = if operation.is_mutation { "Mutation" } else { "Query" };
    let mut data = Map::new();
    for (key, fields) in run.collect(root, &[operation.set]) {
        match run.root_field(root, &fields, resolver) {
            Ok(value) => {
                data.insert(key, value);
            }
            Err(message) => {
                let position = fields.first().map(|field| field.position);
                return (Value::Null, vec![Fault { message, position, path: Some(key) }]);
            }
        }
    }
    (Value::Object(data), Vec::new())
}

pub(super) fn fragments<'d>(
    document: &'d Document<'static, String>,
) -> HashMap<&'d str, &'d FragmentDefinition<'static, String>> {
    let fragment = |definition: &'d Definition<'static, String>| match definition {
        Definition::Fragment(fragment) => Some((fragment.name.as_str(), fragment)),
        Definition::Operation(_) => None,
    };
    document.definitions.iter().filter_map(fragment).collect()
}

/// Fields by response key, in the order of their first appearance.
type Collected<'r> = Vec<(String, Vec<&'r Field>)>;

impl<'r> Run<'r> {
    fn root_field(
        &self,
        root: &str,
        fields: &[&Field],
        resolver: &mut dyn Resolver,
    ) -> Result<Value, String> {
        let Some(first) = fields.first() else { return Ok(Value::Null) };
        if first.name == "__typename" {
            return Ok(Value::from(root));
        }
        let declared = self.schema.field(root, &first.name).ok_or("internal error: no such field")?;
        let arguments =
            coerce::arguments(self.schema, &declared.arguments, &first.arguments, self.variables)?;
        let value = resolver.resolve(&first.name, &arguments)?;
        Ok(self.shown(&declared.kind, fields, &value))
    }

    /// Of a value what the fields select.
    fn shown(&self, kind: &Kind, fields: &[&Field], value: &Value) -> Value {
        match (kind, value) {
            (_, Value::Null) => Value::Null,
            (Type::NonNullType(inner), _) => self.shown(inner, fields, value),
            (Type::ListType(inner), Value::Array(items)) => {
                items.iter().map(|item| self.shown(inner, fields, item)).collect()
            }
            (_, Value::Object(object)) => self.object(core(kind), fields, object),
            (_, scalar) => scalar.clone(),
        }
    }

    fn object(&self, declared: &str, fields: &[&Field], object: &Map<String, Value>) -> Value {
        let name = object.get("__typename").and_then(Value::as_str).unwrap_or(declared);
        let sets: Vec<&Set> = fields.iter().map(|field| &field.selection_set).collect();
        let mut shown = Map::new();
        for (key, fields) in self.collect(name, &sets) {
            let Some(first) = fields.first() else { continue };
            let value = match self.schema.field(name, &first.name) {
                Some(field) => {
                    self.shown(&field.kind, &fields, object.get(&first.name).unwrap_or(&Value::Null))
                }
                None => Value::from(name),
            };
            shown.insert(key, value);
        }
        Value::Object(shown)
    }

    /// The fields that hold for an object of a type (§6.3.2, `CollectFields`).
    fn collect<'s>(&self, name: &str, sets: &[&'s Set]) -> Collected<'s>
    where
        'r: 's,
    {
        let mut collected = Collected::new();
        for set in sets {
            self.collect_one(name, set, &mut collected);
        }
        collected
    }

    fn collect_one<'s>(&self, name: &str, set: &'s Set, collected: &mut Collected<'s>)
    where
        'r: 's,
    {
        for selection in &set.items {
            match selection {
                Selection::Field(field) if self.is_in(&field.directives) => {
                    let key = field.alias.as_ref().unwrap_or(&field.name);
                    match collected.iter_mut().find(|(known, _)| known == key) {
                        Some((_, fields)) => fields.push(field),
                        None => collected.push((key.clone(), vec![field])),
                    }
                }
                Selection::InlineFragment(fragment) if self.is_in(&fragment.directives) => {
                    let fits = fragment.type_condition.as_ref().is_none_or(|on| self.fits(name, on));
                    if fits {
                        self.collect_one(name, &fragment.selection_set, collected);
                    }
                }
                Selection::FragmentSpread(spread) if self.is_in(&spread.directives) => {
                    let fragment = self.fragments.get(spread.fragment_name.as_str()).copied();
                    if let Some(fragment) =
                        fragment.filter(|fragment| self.fits(name, &fragment.type_condition))
                    {
                        self.collect_one(name, &fragment.selection_set, collected);
                    }
                }
                _ => {}
            }
        }
    }

    fn fits(&self, name: &str, condition: &TypeCondition<'static, String>) -> bool {
        let TypeCondition::On(wanted) = condition;
        self.schema.is_a(name, wanted)
    }

    /// Whether `@skip` and `@include` leave a selection in (§3.13).
    fn is_in(&self, directives: &[Directive<'static, String>]) -> bool {
        directives.iter().all(|directive| {
            let condition = directive.arguments.iter().find(|(name, _)| name == "if");
            let holds = condition
                .and_then(|(_, value)| coerce::substituted(value, self.variables))
                .and_then(|value| value.as_bool())
                .unwrap_or_default();
            holds == (directive.name == "include")
        })
    }
}
