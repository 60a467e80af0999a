//! The schema beside GraphQL documents, as far as variables need it: its input types as JSON Schema.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use graphql_parser::Pos;
use graphql_parser::query::{Selection, SelectionSet, Type, Value as Literal, VariableDefinition};
use graphql_parser::schema::{Definition, Document, InputValue, TypeDefinition, parse_schema};
use serde_json::{Map, Value, json};

use super::error::{SpecError, token};
use super::graphql::{Carrier, fault, syntax_error};
use super::reference::{Resolve, Targets};
use crate::operation::Types;

type Located<T> = Result<T, (Pos, String)>;

/// The input types of a schema. Without a schema any type goes.
pub(crate) struct Slice {
    known: bool,
    /// Scalars and enums whole, input objects as references.
    named: HashMap<String, Value>,
    inputs: HashMap<String, Rc<Value>>,
    /// How schemas refer to input objects. It has the number of the carrier: the schemas of two carriers may have types
    /// of one name, and a document's references are told apart by their text.
    prefix: String,
    queries: Option<HashSet<String>>,
    mutations: Option<HashSet<String>>,
    targets: Targets,
}

impl Resolve for Slice {
    fn resolve(&self, reference: &str) -> Result<Rc<Value>, String> {
        let input = reference.strip_prefix(&self.prefix).and_then(|name| self.inputs.get(name));
        input.cloned().ok_or_else(|| super::reference::missing(reference))
    }

    fn targets(&self) -> &Targets {
        &self.targets
    }
}

impl Slice {
    /// `number` is that of the carrier among those of its document.
    pub(crate) fn read(
        (carrier, number): (&Carrier, usize),
        file_and_text: Option<&(String, String)>,
        bytes: usize,
        pointer: &str,
    ) -> Result<Self, SpecError> {
        let scalar = |word: &str| json!({"type": word});
        let mut slice = Self {
            known: file_and_text.is_some(),
            named: [("Float", "number"), ("String", "string"), ("ID", "string"), ("Boolean", "boolean")]
                .into_iter()
                .map(|(name, word)| (name.to_owned(), scalar(word)))
                .collect(),
            inputs: HashMap::new(),
            prefix: format!("#/graphql/{number}/"),
            queries: None,
            mutations: None,
            targets: Targets::of(bytes),
        };
        slice.named.insert("Int".to_owned(), json!({"type": "integer", "format": "int32"}));
        for (name, word) in &carrier.scalars {
            if Types::from_word(word).is_none() {
                let pointer = format!("{pointer}/scalars/{}", token(name));
                return Err(SpecError::at(pointer, format!("`{word}` is no JSON type")));
            }
            let mut schema = scalar(word);
            if word == "integer" {
                // GraphQL's own Int has 32 bits; services that add another have the 64 of their languages.
                schema["format"] = json!("int64");
            }
            slice.named.insert(name.clone(), schema);
        }
        if let Some((file, text)) = file_and_text {
            slice.add(carrier, text, pointer).map_err(|error| error.file(file))?;
        }
        Ok(slice)
    }

    fn add(&mut self, carrier: &Carrier, text: &str, pointer: &str) -> Result<(), SpecError> {
        let document: Document<'_, String> =
            parse_schema(text).map_err(|error| syntax_error(&error.to_string()))?;
        let (mut query, mut mutation) = ("Query", "Mutation");
        let mut types = Vec::new();
        for definition in &document.definitions {
            match definition {
                Definition::SchemaDefinition(roots) => {
                    query = roots.query.as_deref().unwrap_or(query);
                    mutation = roots.mutation.as_deref().unwrap_or(mutation);
                }
                Definition::TypeDefinition(one) => types.push(one),
                _ => {}
            }
        }
        let mut enums = HashSet::new();
        for one in &types {
            match one {
                TypeDefinition::Enum(one) => {
                    enums.insert(one.name.as_str());
                    let values: Vec<&String> = one.values.iter().map(|value| &value.name).collect();
                    let mut schema = json!({"type": "string", "enum": values});
                    if carrier.open_enums.contains(&one.name) {
                        schema["x-extensible-enum"] = Value::Bool(true);
                    }
                    self.named.insert(one.name.clone(), schema);
                }
                TypeDefinition::Scalar(one) => {
                    self.named.entry(one.name.clone()).or_insert_with(|| json!({}));
                }
                TypeDefinition::InputObject(one) => {
                    let reference = json!({"$ref": format!("{}{}", self.prefix, one.name)});
                    self.named.insert(one.name.clone(), reference);
                }
                TypeDefinition::Object(one) => {
                    let fields = || -> Option<HashSet<String>> {
                        Some(one.fields.iter().map(|field| field.name.clone()).collect())
                    };
                    if one.name == query {
                        self.queries = fields();
                    } else if one.name == mutation {
                        self.mutations = fields();
                    }
                }
                _ => {}
            }
        }
        if let Some(name) = carrier.open_enums.iter().find(|name| !enums.contains(name.as_str())) {
            return Err(SpecError::at(
                format!("{pointer}/open-enums"),
                format!("the schema has no enum `{name}`"),
            ));
        }
        for one in &types {
            if let TypeDefinition::InputObject(one) = one {
                let fields = one.fields.iter().map(Field::from);
                let schema = self.object(fields).map_err(|(at, problem)| fault(at, problem))?;
                self.inputs.insert(one.name.clone(), Rc::new(schema));
            }
        }
        Ok(())
    }

    /// The schema of an object whose members are an operation's variables.
    pub(crate) fn variables(&self, variables: &[VariableDefinition<'_, String>]) -> Located<Value> {
        self.object(variables.iter().map(Field::from))
    }

    fn object<'f, 't: 'f>(&self, fields: impl Iterator<Item = Field<'f, 't>>) -> Located<Value> {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in fields {
            let mut schema = self.schema(field.kind, true).map_err(|problem| (field.at, problem))?;
            if let Some(description) = field.description {
                schema["description"] = json!(description);
            }
            match field.default.and_then(literal) {
                Some(default) => schema["default"] = default,
                None if matches!(field.kind, Type::NonNullType(_)) && field.default.is_none() => {
                    required.push(field.name);
                }
                None => {}
            }
            properties.insert(field.name.to_owned(), schema);
        }
        let mut object = json!({"type": "object", "properties": properties});
        if !required.is_empty() {
            object["required"] = json!(required);
        }
        object["additionalProperties"] = Value::Bool(false);
        Ok(object)
    }

    fn schema(&self, kind: &Type<'_, String>, nullable: bool) -> Result<Value, String> {
        let mut schema = match kind {
            Type::NonNullType(inner) => return self.schema(inner, false),
            Type::ListType(inner) => json!({"type": "array", "items": self.schema(inner, true)?}),
            Type::NamedType(name) => match self.named.get(name) {
                Some(schema) => schema.clone(),
                None if self.known => return Err(format!("the schema has no input type `{name}`")),
                None => json!({}),
            },
        };
        if nullable && schema.get("$ref").is_some() {
            schema = json!({"allOf": [schema], "nullable": true});
        } else if nullable && schema.get("type").is_some() {
            schema["nullable"] = Value::Bool(true);
            if let Some(Value::Array(values)) = schema.get_mut("enum") {
                values.push(Value::Null);
            }
        }
        Ok(schema)
    }

    /// The input object that a variable of this type holds, if it holds one.
    pub(crate) fn input_of(&self, kind: &Type<'_, String>) -> Option<&Value> {
        match kind {
            Type::NonNullType(inner) => self.input_of(inner),
            Type::NamedType(name) => self.inputs.get(name).map(Rc::as_ref),
            Type::ListType(_) => None,
        }
    }

    /// Checks that the schema has the fields at an operation's root.
    pub(crate) fn check_root(&self, mutation: bool, selection: &SelectionSet<'_, String>) -> Located<()> {
        let Some(fields) = (if mutation { &self.mutations } else { &self.queries }) else { return Ok(()) };
        for item in &selection.items {
            if let Selection::Field(field) = item
                && !fields.contains(&field.name)
                && field.name != "__typename"
            {
                let kind = if mutation { "mutation" } else { "query" };
                return Err((field.position, format!("the schema has no {kind} `{}`", field.name)));
            }
        }
        Ok(())
    }
}

/// A variable or a field of an input object.
struct Field<'f, 't> {
    name: &'f str,
    at: Pos,
    description: Option<&'f str>,
    kind: &'f Type<'t, String>,
    default: Option<&'f Literal<'t, String>>,
}

impl<'f, 't> From<&'f InputValue<'t, String>> for Field<'f, 't> {
    fn from(value: &'f InputValue<'t, String>) -> Self {
        Self {
            name: &value.name,
            at: value.position,
            description: value.description.as_deref(),
            kind: &value.value_type,
            default: value.default_value.as_ref(),
        }
    }
}

impl<'f, 't> From<&'f VariableDefinition<'t, String>> for Field<'f, 't> {
    fn from(value: &'f VariableDefinition<'t, String>) -> Self {
        Self {
            name: &value.name,
            at: value.position,
            description: None,
            kind: &value.var_type,
            default: value.default_value.as_ref(),
        }
    }
}

fn literal(value: &Literal<'_, String>) -> Option<Value> {
    Some(match value {
        Literal::Variable(_) => return None,
        Literal::Int(number) => json!(number.as_i64()),
        Literal::Float(number) => json!(number),
        Literal::String(text) => json!(text),
        Literal::Boolean(value) => json!(value),
        Literal::Null => Value::Null,
        Literal::Enum(name) => json!(name),
        Literal::List(items) => Value::Array(items.iter().map(literal).collect::<Option<_>>()?),
        Literal::Object(members) => {
            let pairs = members.iter().map(|(name, value)| Some((name.clone(), literal(value)?)));
            Value::Object(pairs.collect::<Option<_>>()?)
        }
    })
}
