//! The schema in the form that validation and execution look things up in.

use std::collections::HashMap;

use graphql_parser::schema::{Definition, InputValue, Type, TypeDefinition};
use graphql_parser::{query, schema as ast};
use serde_json::Value;

pub(super) type Kind = Type<'static, String>;

/// A schema by its types' names.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    types: HashMap<String, Shape>,
}

/// What a named type is.
#[derive(Debug)]
pub(super) enum Shape {
    Scalar,
    Enum(Vec<String>),
    Input(Vec<Input>),
    /// An object or an interface.
    Composite {
        fields: Vec<Field>,
        interfaces: Vec<String>,
        is_interface: bool,
    },
}

/// A field of an object or interface.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) arguments: Vec<Input>,
}

/// An argument, or a field of an input object.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) default: Option<Value>,
}

impl Input {
    /// Whether a request must give it.
    pub(super) fn is_required(&self) -> bool {
        matches!(self.kind, Type::NonNullType(_)) && self.default.is_none()
    }
}

impl Schema {
    /// Reads a schema document.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let document = graphql_parser::parse_schema::<String>(text).map_err(|error| error.to_string())?;
        let mut types: HashMap<String, Shape> =
            ["Int", "Float", "String", "Boolean", "ID"].map(|name| (name.to_owned(), Shape::Scalar)).into();
        for definition in document.into_static().definitions {
            if let Definition::TypeDefinition(definition) = definition
                && let Some((name, shape)) = shape(definition)
            {
                types.insert(name, shape);
            }
        }
        Ok(Self { types })
    }

    pub(super) fn shape(&self, name: &str) -> Option<&Shape> {
        self.types.get(name)
    }

    /// A field of an object or interface.
    pub(super) fn field(&self, parent: &str, name: &str) -> Option<&Field> {
        match self.shape(parent)? {
            Shape::Composite { fields, .. } => fields.iter().find(|field| field.name == name),
            _ => None,
        }
    }

    pub(super) fn is_composite(&self, name: &str) -> bool {
        matches!(self.shape(name), Some(Shape::Composite { .. }))
    }

    pub(super) fn is_input(&self, name: &str) -> bool {
        matches!(self.shape(name), Some(Shape::Scalar | Shape::Enum(_) | Shape::Input(_)))
    }

    /// Whether an object of a type is also of another: the same, or an interface of it.
    pub(super) fn is_a(&self, object: &str, name: &str) -> bool {
        let implements = match self.shape(object) {
            Some(Shape::Composite { interfaces, .. }) => interfaces.iter().any(|one| one == name),
            _ => false,
        };
        object == name || implements
    }

    /// Whether some object is of both types (§5.5.2.3).
    pub(super) fn overlap(&self, one: &str, other: &str) -> bool {
        self.types.iter().any(|(name, shape)| {
            matches!(shape, Shape::Composite { is_interface: false, .. })
                && self.is_a(name, one)
                && self.is_a(name, other)
        })
    }
}

fn shape(definition: TypeDefinition<'static, String>) -> Option<(String, Shape)> {
    Some(match definition {
        TypeDefinition::Scalar(scalar) => (scalar.name, Shape::Scalar),
        TypeDefinition::Enum(list) => {
            (list.name, Shape::Enum(list.values.into_iter().map(|value| value.name).collect()))
        }
        TypeDefinition::InputObject(input) => (input.name, Shape::Input(inputs(input.fields))),
        TypeDefinition::Object(object) => {
            let fields = fields(object.fields);
            let interfaces = object.implements_interfaces;
            (object.name, Shape::Composite { fields, interfaces, is_interface: false })
        }
        TypeDefinition::Interface(interface) => {
            let fields = fields(interface.fields);
            let interfaces = interface.implements_interfaces;
            (interface.name, Shape::Composite { fields, interfaces, is_interface: true })
        }
        TypeDefinition::Union(_) => return None,
    })
}

fn fields(fields: Vec<ast::Field<'static, String>>) -> Vec<Field> {
    let field = |field: ast::Field<'static, String>| Field {
        name: field.name,
        kind: field.field_type,
        arguments: inputs(field.arguments),
    };
    fields.into_iter().map(field).collect()
}

fn inputs(inputs: Vec<InputValue<'static, String>>) -> Vec<Input> {
    let input = |input: InputValue<'static, String>| Input {
        name: input.name,
        kind: input.value_type,
        default: input.default_value.as_ref().and_then(constant),
    };
    inputs.into_iter().map(input).collect()
}

/// A literal without variables as JSON; an enum value is its name.
pub(super) fn constant(value: &query::Value<'static, String>) -> Option<Value> {
    Some(match value {
        query::Value::Variable(_) => return None,
        query::Value::Int(number) => number.as_i64()?.into(),
        query::Value::Float(number) => (*number).into(),
        query::Value::String(text) | query::Value::Enum(text) => text.as_str().into(),
        query::Value::Boolean(flag) => (*flag).into(),
        query::Value::Null => Value::Null,
        query::Value::List(items) => Value::Array(items.iter().map(constant).collect::<Option<_>>()?),
        query::Value::Object(fields) => {
            let field = |(name, value): (&String, _)| constant(value).map(|value| (name.clone(), value));
            Value::Object(fields.iter().map(field).collect::<Option<_>>()?)
        }
    })
}

/// The type at the core of lists and non-nulls.
pub(super) fn core(kind: &Kind) -> &str {
    match kind {
        Type::NamedType(name) => name,
        Type::ListType(inner) | Type::NonNullType(inner) => core(inner),
    }
}

/// A type as it is written.
pub(super) fn written(kind: &Kind) -> String {
    match kind {
        Type::NamedType(name) => name.clone(),
        Type::ListType(inner) => format!("[{}]", written(inner)),
        Type::NonNullType(inner) => format!("{}!", written(inner)),
    }
}
