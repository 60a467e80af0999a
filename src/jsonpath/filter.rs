//! The expressions of filters, parsed (RFC 9535 §2.3.5): conditions, comparisons, functions and their types.

use serde_json::Value;

use super::parse::Reader;
use super::{Comparison, Condition, Fault, Operand, Path, Pattern, pattern};

/// Reads `a || b`.
pub(super) fn condition(reader: &mut Reader<'_>) -> Result<Condition, Fault> {
    list(reader, "||", Condition::Any, |reader| list(reader, "&&", Condition::All, basic))
}

fn list(
    reader: &mut Reader<'_>,
    sign: &str,
    all: fn(Vec<Condition>) -> Condition,
    read: impl Fn(&mut Reader<'_>) -> Result<Condition, Fault>,
) -> Result<Condition, Fault> {
    let mut found = vec![read(reader)?];
    loop {
        reader.blank();
        if !reader.takes(sign) {
            break;
        }
        reader.blank();
        found.push(read(reader)?);
    }
    match found.pop() {
        Some(one) if found.is_empty() => Ok(one),
        last => {
            found.extend(last);
            Ok(all(found))
        }
    }
}

/// What an expression's part is before it is known how it is used.
enum Part {
    Operand(Operand),
    /// A query that may select several nodes.
    Nodes(Path),
    Condition(Condition),
}

fn basic(reader: &mut Reader<'_>) -> Result<Condition, Fault> {
    if reader.rest().starts_with('!') && !reader.rest().starts_with("!=") {
        reader.takes("!");
        reader.blank();
        let inner = if reader.peek() == Some('(') { parenthesis(reader)? } else { test(reader)? };
        return Ok(Condition::Not(Box::new(inner)));
    }
    if reader.peek() == Some('(') {
        return parenthesis(reader);
    }
    let left = part(reader)?;
    reader.blank();
    let Some(comparison) = comparison(reader) else { return as_test(reader, left) };
    let left = as_operand(reader, left)?;
    reader.blank();
    let right = part(reader)?;
    let right = as_operand(reader, right)?;
    Ok(Condition::Compare(left, comparison, right))
}

fn parenthesis(reader: &mut Reader<'_>) -> Result<Condition, Fault> {
    reader.expect("(")?;
    reader.blank();
    let inner = reader.deeper(condition)?;
    reader.blank();
    reader.expect(")")?;
    Ok(inner)
}

fn test(reader: &mut Reader<'_>) -> Result<Condition, Fault> {
    let part = part(reader)?;
    as_test(reader, part)
}

fn as_test(reader: &Reader<'_>, part: Part) -> Result<Condition, Fault> {
    match part {
        Part::Condition(condition) => Ok(condition),
        Part::Nodes(path) | Part::Operand(Operand::Singular(path)) => Ok(Condition::Exists(path)),
        Part::Operand(_) => Err(reader.fault("a value alone is no condition; compare it")),
    }
}

fn as_operand(reader: &Reader<'_>, part: Part) -> Result<Operand, Fault> {
    match part {
        Part::Operand(operand) => Ok(operand),
        Part::Nodes(_) => Err(reader.fault("a query that may select several nodes cannot be compared")),
        Part::Condition(_) => Err(reader.fault("the function is a condition and cannot be compared")),
    }
}

fn comparison(reader: &mut Reader<'_>) -> Option<Comparison> {
    let signs = [
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        ("<=", Comparison::LessOrEqual),
        (">=", Comparison::GreaterOrEqual),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];
    signs.into_iter().find(|(sign, _)| reader.takes(sign)).map(|(_, comparison)| comparison)
}

fn part(reader: &mut Reader<'_>) -> Result<Part, Fault> {
    match reader.peek() {
        Some('@' | '$') => {
            let from_root = reader.takes("$");
            if !from_root {
                reader.expect("@")?;
            }
            let path = Path { from_root, segments: reader.deeper(Reader::segments)? };
            Ok(if path.is_singular() { Part::Operand(Operand::Singular(path)) } else { Part::Nodes(path) })
        }
        Some('"' | '\'') => Ok(Part::Operand(Operand::Literal(Value::String(reader.string()?)))),
        Some(letter) if letter.is_ascii_lowercase() => word(reader),
        _ => match reader.number()? {
            Some(number) => Ok(Part::Operand(Operand::Literal(number))),
            None => Err(reader.fault("a query, a value or a function was expected")),
        },
    }
}

fn word(reader: &mut Reader<'_>) -> Result<Part, Fault> {
    let is_part = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    let name = reader.while_fits(is_part);
    if reader.takes("(") {
        let found = reader.deeper(|reader| function(reader, name))?;
        reader.blank();
        reader.expect(")")?;
        return Ok(found);
    }
    let literal = match name {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        _ => return Err(reader.fault(format!("`{name}` is no value and no function"))),
    };
    Ok(Part::Operand(Operand::Literal(literal)))
}

fn function(reader: &mut Reader<'_>, name: &str) -> Result<Part, Fault> {
    match name {
        "length" => Ok(Part::Operand(Operand::Length(Box::new(value(reader)?)))),
        "count" => Ok(Part::Operand(Operand::Count(nodes(reader)?))),
        "value" => Ok(Part::Operand(Operand::Value(nodes(reader)?))),
        "match" | "search" => {
            let whole = name == "match";
            let text = value(reader)?;
            reader.blank();
            reader.expect(",")?;
            let pattern = match value(reader)? {
                Operand::Literal(Value::String(text)) => {
                    Pattern::Known(pattern(&text, whole).ok_or_else(|| {
                        reader.fault(format!("`{text}` is no expression that can be matched"))
                    })?)
                }
                computed => Pattern::Computed(computed),
            };
            Ok(Part::Condition(Condition::Matches { whole, text, pattern }))
        }
        _ => Err(reader.fault(format!(
            "there is no function `{name}`; there are length, count, match, search and value"
        ))),
    }
}

fn value(reader: &mut Reader<'_>) -> Result<Operand, Fault> {
    reader.blank();
    let part = part(reader)?;
    as_operand(reader, part)
}

fn nodes(reader: &mut Reader<'_>) -> Result<Path, Fault> {
    reader.blank();
    match part(reader)? {
        Part::Nodes(path) | Part::Operand(Operand::Singular(path)) => Ok(path),
        _ => Err(reader.fault("the function takes a query")),
    }
}
