//! Makes arguments of items: reads the files they name, nests their values, joins repeated names.

use indexmap::IndexMap;
use opcall::{Argument, FilePart, Params};

use super::{Item, Source, Step, Value};
use crate::inputs::Inputs;
use crate::report::Failure;

/// What the items of a call say.
#[derive(Debug, Default)]
pub(crate) struct Assembled {
    /// The arguments.
    pub(crate) params: Params,
    /// Headers of the caller.
    pub(crate) headers: Vec<(String, String)>,
    /// Headers of ours that are not to be sent.
    pub(crate) dropped_headers: Vec<String>,
    /// Where the whole body comes from.
    pub(crate) body: Option<Source>,
}

/// Makes arguments of items. The values of a name given again are one array.
///
/// # Errors
/// Where a file cannot be read, JSON is none, a second body is named, or brackets contradict a value.
pub(crate) fn assemble(items: Vec<Item>, inputs: &mut Inputs) -> Result<Assembled, Failure> {
    let mut assembled = Assembled::default();
    let mut values: IndexMap<String, Vec<Argument>> = IndexMap::new();
    for item in items {
        match item {
            Item::Argument { name, steps, value } => {
                let value = argument(&name, value, inputs)?;
                add(values.entry(name.clone()).or_default(), &steps, value)
                    .map_err(|problem| Failure::usage(format!("`{name}`: {problem}"), None))?;
            }
            Item::Header { name, value } => assembled.headers.push((name, value)),
            Item::NoHeader(name) => assembled.dropped_headers.push(name),
            Item::Body(source) if assembled.body.is_none() => assembled.body = Some(source),
            Item::Body(_) => return Err(Failure::usage("the whole body is given twice", None)),
        }
    }
    for (name, given) in values {
        for value in given {
            assembled.params.push(name.clone(), value);
        }
    }
    Ok(assembled)
}

fn argument(name: &str, value: Value, inputs: &mut Inputs) -> Result<Argument, Failure> {
    let json = |text: &str| {
        Argument::from_json_text(text).map_err(|error| {
            let hint = "write name=text, or quote JSON strings: name:='\"text\"'.".to_owned();
            Failure::usage(format!("the value of `{name}` is not JSON: {error}"), Some(hint))
        })
    };
    Ok(match value {
        Value::Text(text) => Argument::String(text),
        Value::Json(text) => json(&text)?,
        Value::TextFrom(source) => Argument::String(inputs.text(&source)?),
        Value::JsonFrom(source) => json(&inputs.text(&source)?)?,
        Value::File { source, media_type, filename } => file(source, media_type, filename, inputs)?.into(),
    })
}

fn file(
    source: Source,
    media_type: Option<String>,
    filename: Option<String>,
    inputs: &mut Inputs,
) -> Result<FilePart, Failure> {
    let mut part = match source {
        Source::File(path) => FilePart::path(path),
        Source::Stdin => FilePart::bytes(inputs.bytes(&Source::Stdin)?),
    };
    if let Some(media_type) = media_type {
        part = part.with_media_type(media_type);
    }
    if let Some(filename) = filename {
        part = part.with_filename(filename);
    }
    Ok(part)
}

/// Adds a value to those of its name: as a further one, or by steps into the last one.
fn add(values: &mut Vec<Argument>, steps: &[Step], value: Argument) -> Result<(), String> {
    if steps.is_empty() {
        values.push(value);
        return Ok(());
    }
    if values.is_empty() {
        values.push(Argument::Null);
    }
    values.last_mut().map_or(Ok(()), |last| place(last, steps, value))
}

/// Puts a value where steps lead to; objects and arrays on the way are made.
fn place(target: &mut Argument, steps: &[Step], value: Argument) -> Result<(), String> {
    let Some((step, rest)) = steps.split_first() else {
        match target {
            Argument::Null => *target = value,
            Argument::Array(elements) => elements.push(value),
            one => *one = Argument::Array(vec![std::mem::replace(one, Argument::Null), value]),
        }
        return Ok(());
    };
    match step {
        Step::Key(key) => place(object(target)?.entry(key.clone()).or_insert(Argument::Null), rest, value),
        Step::Append => {
            let elements = array(target)?;
            elements.push(Argument::Null);
            elements.last_mut().map_or(Ok(()), |last| place(last, rest, value))
        }
        Step::Index(index) => {
            let elements = array(target)?;
            if *index > elements.len() {
                return Err(format!("the elements before [{index}] are missing"));
            }
            if *index == elements.len() {
                elements.push(Argument::Null);
            }
            elements.get_mut(*index).map_or(Ok(()), |element| place(element, rest, value))
        }
    }
}

fn object(target: &mut Argument) -> Result<&mut IndexMap<String, Argument>, String> {
    if *target == Argument::Null {
        *target = Argument::Object(IndexMap::new());
    }
    match target {
        Argument::Object(members) => Ok(members),
        _ => Err("has brackets with a name, but its value is no object".into()),
    }
}

fn array(target: &mut Argument) -> Result<&mut Vec<Argument>, String> {
    if *target == Argument::Null {
        *target = Argument::Array(Vec::new());
    }
    match target {
        Argument::Array(elements) => Ok(elements),
        _ => Err("has brackets for an array, but its value is none".into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use serde_json::{Value, json};

    use super::{Assembled, assemble};
    use crate::inputs::Inputs;
    use crate::items::read;
    use crate::report::Failure;
    use crate::split::Word;

    fn assembling(words: &[&str]) -> Result<Assembled, Failure> {
        let items = words.iter().map(|word| read(&Word::Item((*word).into()), std::iter::empty()).unwrap());
        assemble(items.collect(), &mut Inputs::default())
    }

    fn params(words: &[&str]) -> Value {
        serde_json::from_str(&json_text(words)).unwrap()
    }

    fn json_text(words: &[&str]) -> String {
        let members = assembling(words).unwrap().params;
        let members = members.iter().map(|(name, value)| (name.to_owned(), value.clone()));
        opcall::Argument::Object(members.collect()).to_json_text()
    }

    #[test]
    fn a_repeated_name_is_an_array() {
        assert_eq!(params(&["ids=a", "limit:=5", "ids=b"]), json!({"ids": ["a", "b"], "limit": 5}));
        assert_eq!(params(&["ids:=[\"a\"]", "ids=b"]), json!({"ids": ["a", "b"]}));
    }

    #[test]
    fn brackets_nest() {
        assert_eq!(
            params(&["a[b][c]=1", "a[b][d]:=2", "a[l][]=x", "a[l][]=y", "a[o][0][k]=v", "a[o][0][m]=w"]),
            json!({"a": {"b": {"c": "1", "d": 2}, "l": ["x", "y"], "o": [{"k": "v", "m": "w"}]}})
        );
        assert_eq!(params(&["a:={\"x\":1}", "a[y]=2"]), json!({"a": {"x": 1, "y": "2"}}));
        assert_eq!(params(&["a[b]=1", "a[b]=2"]), json!({"a": {"b": ["1", "2"]}}));
    }

    #[test]
    fn numbers_keep_their_text() {
        let words = ["a:=1e400", "b:=1.0", "c:=18446744073709551616"];
        assert_eq!(json_text(&words), r#"{"a":1e400,"b":1.0,"c":18446744073709551616}"#);
    }

    #[test]
    fn contradictions_are_told() {
        let problem = |words: &[&str]| assembling(words).unwrap_err().to_string();
        assert_eq!(problem(&["a=1", "a[b]=2"]), "`a`: has brackets with a name, but its value is no object");
        assert_eq!(problem(&["a[5]=1"]), "`a`: the elements before [5] are missing");
        assert_eq!(problem(&["@x", "@y"]), "the whole body is given twice");
        assert!(problem(&["a:=nope"]).starts_with("the value of `a` is not JSON: "));
        assert!(problem(&["a=@/no/such/file"]).starts_with("reading \"/no/such/file\" failed"));
    }
}
