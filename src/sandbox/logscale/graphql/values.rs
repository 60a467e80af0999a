//! Validation of literals against their types (§5.6), and the variables that stand among them.

use graphql_parser::Pos;
use graphql_parser::query::{Type, Value as Literal};

use super::coerce;
use super::schema::{Kind, Shape, constant, written};
use super::validate::Validator;

/// Notes what is wrong with a literal, and each variable in it.
pub(super) fn literal<'d>(
    validator: &mut Validator<'d>,
    value: &'d Literal<'static, String>,
    kind: &Kind,
    has_default: bool,
    position: Pos,
) {
    match (kind, value) {
        (_, Literal::Variable(name)) => validator.uses.push((name, kind.clone(), has_default, position)),
        (Type::NonNullType(_), Literal::Null) => {
            validator.fault(format!("Expected value of type \"{}\", found null.", written(kind)), position);
        }
        (Type::NonNullType(inner), _) => literal(validator, value, inner, has_default, position),
        (_, Literal::Null) => {}
        (Type::ListType(inner), Literal::List(items)) => {
            for item in items {
                literal(validator, item, inner, false, position);
            }
        }
        (Type::ListType(inner), _) => literal(validator, value, inner, false, position),
        (Type::NamedType(name), _) => named(validator, value, name, position),
    }
}

fn named<'d>(validator: &mut Validator<'d>, value: &'d Literal<'static, String>, name: &str, position: Pos) {
    let schema = validator.schema;
    let is_enum = matches!(schema.shape(name), Some(Shape::Enum(_)));
    match (schema.shape(name), value) {
        (Some(Shape::Input(fields)), Literal::Object(given)) => {
            for (key, value) in given {
                match fields.iter().find(|field| field.name == *key) {
                    Some(field) => literal(validator, value, &field.kind, field.default.is_some(), position),
                    None => validator
                        .fault(format!("Field \"{key}\" is not defined by type \"{name}\"."), position),
                }
            }
            for field in fields.iter().filter(|field| field.is_required() && !given.contains_key(&field.name))
            {
                let kind = written(&field.kind);
                let field = &field.name;
                let message =
                    format!("Field \"{name}.{field}\" of required type \"{kind}\" was not provided.");
                validator.fault(message, position);
            }
        }
        // A string is no enum value in a document, though it is one among the variables.
        (_, literal) if is_enum != matches!(literal, Literal::Enum(_)) => {
            validator.fault(format!("Expected value of type \"{name}\", found {literal}."), position);
        }
        (_, literal) => {
            let kind = Type::NamedType(name.to_owned());
            let problem = constant(literal).and_then(|value| coerce::input(schema, &kind, &value).err());
            if let Some(problem) = problem {
                validator.fault(problem, position);
            }
        }
    }
}
