//! What the specification gives no form (`OpenAPI` 3.2 Parameter Object, "Style Values" and the cells `n/a` of
//! "Style Examples"): told when the document is read, and read as the nearest form that has one.

use serde_json::Value;

use super::error::{Effect, Warning};
use super::reference::Resolve;
use super::schema;
use super::warnings::Warnings;
use crate::operation::{Location, ParameterDef, SchemaDef, Style, Types};

/// What a parameter says itself, beside what holds by default.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Says {
    /// Its `explode`.
    pub(crate) explode: Option<bool>,
    /// Whether it or its document says how `deepObject` writes lists.
    pub(crate) arrays: bool,
}

/// Makes style and schema of a parameter agree, with a warning where they do not.
pub(crate) fn fit(
    def: &mut ParameterDef,
    says: Says,
    schema: Option<&Value>,
    resolver: &dyn Resolve,
    pointer: &str,
    warnings: &mut Warnings,
) {
    let fault = misfit(def.style, def.explode, says, &def.schema);
    if let Some(Fault { member, problem, style }) = fault {
        warnings.push(Warning::new(format!("{pointer}/{member}"), problem, Effect::Assumed));
        def.style = style;
    }
    if def.style == Style::DeepObject {
        def.explode = true;
        return;
    }
    if def.location == Location::Cookie && def.style == Style::Form && def.explode && has_parts(&def.schema) {
        let problem = "a cookie has no exploded form in the style `form`; written with commas, as one pair";
        warnings.push(Warning::new(format!("{pointer}/explode"), problem, Effect::Assumed));
        def.explode = false;
    }
    if holds_parts(&def.schema, schema, resolver) {
        let style = def.style.as_str();
        let problem = format!(
            "lists and objects inside a value have no form in the style `{style}`; written as JSON text"
        );
        warnings.push(Warning::new(format!("{pointer}/schema"), problem, Effect::Assumed));
    }
}

/// The style that an Encoding Object's style is read as, and the member at fault; `None` where it has a form.
pub(crate) fn of_encoding(
    style: Style,
    says: Says,
    schema: &SchemaDef,
) -> Option<(&'static str, String, Style)> {
    let explode = says.explode.unwrap_or(style == Style::Form);
    misfit(style, explode, says, schema).map(|fault| (fault.member, fault.problem, fault.style))
}

/// What is at fault with a style, and the style that it is read as.
struct Fault {
    member: &'static str,
    problem: String,
    style: Style,
}

fn misfit(style: Style, explode: bool, says: Says, schema: &SchemaDef) -> Option<Fault> {
    let types = schema.types;
    let is_single = !types.is_any() && !has_parts(schema);
    let is_list = types.names(Types::ARRAY) && !types.names(Types::OBJECT);
    let word = style.as_str();
    let fault = |member, problem, style| Some(Fault { member, problem, style });
    match style {
        Style::SpaceDelimited | Style::PipeDelimited | Style::TabDelimited if explode => {
            let problem = format!("the style `{word}` has no exploded form; read as `form`");
            fault("style", problem, Style::Form)
        }
        Style::SpaceDelimited | Style::PipeDelimited | Style::TabDelimited | Style::DeepObject
            if is_single =>
        {
            let problem = format!("the style `{word}` has no form for a single value; read as `form`");
            fault("style", problem, Style::Form)
        }
        Style::DeepObject if is_list && !says.arrays => {
            let problem = "the style `deepObject` has no form for a list; written as `name[]=item`, \
                           which `x-deep-object-arrays` changes";
            fault("style", problem.to_owned(), style)
        }
        Style::DeepObject if says.explode == Some(false) => {
            let problem = "the style `deepObject` has one form alone; `explode: false` changes nothing";
            fault("explode", problem.to_owned(), style)
        }
        _ => None,
    }
}

/// Whether its values are lists or objects.
fn has_parts(schema: &SchemaDef) -> bool {
    schema.types.names(Types::ARRAY) || schema.types.names(Types::OBJECT)
}

/// Whether the items or members of its values are lists or objects themselves.
fn holds_parts(def: &SchemaDef, schema: Option<&Value>, resolver: &dyn Resolve) -> bool {
    let is_part = |types: Types| types.names(Types::ARRAY) || types.names(Types::OBJECT);
    let in_items = def.types.names(Types::ARRAY) && is_part(def.items);
    let in_members = || {
        let (members, _) = schema::properties(schema, resolver);
        members.iter().any(|member| is_part(member.schema.types))
    };
    in_items || def.types.names(Types::OBJECT) && in_members()
}
