//! Arguments for any operation, made from its schemas alone: the fewest that a call needs, all that it takes, and
//! ones that are wrong in a known way.
//!
//! The schemas are read here with nothing but the table's public text of them, so that what the crate makes of the
//! arguments can be held against what was made here. The same seed gives the same arguments.

mod flat;
mod text;
mod value;
mod wrong;

use opcall::{
    Argument, Command, FilePart, Harness, Location, MediaType, Operation, Parameter, RequestBody, Style,
};
use serde_json::{Map, Value};

use self::value::Maker;
#[allow(unused_imports, reason = "not every module of the tests needs both")]
pub(crate) use self::wrong::{Fault, Wrong, wrong};

/// How much of what an operation takes is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What it requires.
    Minimal,
    /// Everything, but for what the service sets itself (`readOnly`).
    Full,
}

/// The arguments of one call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Generated {
    /// Parameters as `place.name`, in the document's order.
    pub(crate) params: Map<String, Value>,
    /// The whole body, but for its files.
    pub(crate) body: Option<Value>,
    /// Files by the name of the multipart part.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    /// A whole body of bytes, in the place of `body`.
    pub(crate) bytes: Option<Vec<u8>>,
    /// The declared media type that the body is of; for a range such as `*/*` one in it.
    pub(crate) media_type: Option<String>,
}

impl Generated {
    /// The call with these arguments.
    pub(crate) fn command<'h>(&self, harness: &'h Harness, id: &'h str) -> Command<'h> {
        let mut command = harness.command(id, Value::Object(self.params.clone()));
        if let Some(media_type) = &self.media_type {
            command = command.content_type(media_type.as_str());
        }
        if let Some(bytes) = &self.bytes {
            return command.body(FilePart::bytes(bytes.clone()));
        }
        let Some(body) = &self.body else { return command };
        let mut body = Argument::from(body.clone());
        if let Argument::Object(members) = &mut body {
            for (name, bytes) in &self.files {
                let file = FilePart::bytes(bytes.clone()).with_filename(format!("{name}.bin"));
                members.insert(name.clone(), file.into());
            }
        }
        command.body(body)
    }
}

/// How a body of a media type is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Json,
    Form,
    Multipart,
    Lines,
    Text,
    Bytes,
}

impl Kind {
    pub(crate) fn of(media_type: &str) -> Self {
        let essence = media_type.split(';').next().unwrap().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" => Self::Json,
            "application/x-www-form-urlencoded" => Self::Form,
            "multipart/form-data" => Self::Multipart,
            lines if ["ndjson", "jsonl", "jsonlines", "json-seq"].iter().any(|end| lines.ends_with(end)) => {
                Self::Lines
            }
            json if json.ends_with("+json") => Self::Json,
            text if text.starts_with("text/")
                || ["yaml", "xml", "graphql"].iter().any(|end| text.ends_with(end)) =>
            {
                Self::Text
            }
            _ => Self::Bytes,
        }
    }
}

/// The media type that a body is sent as where nobody chooses: JSON, forms, multipart, text, bytes, others.
pub(crate) fn preferred(operation: Operation<'_>) -> Option<MediaType<'_>> {
    let types = operation.body()?.media_types();
    types.min_by_key(|media| {
        let kind = Kind::of(media.name());
        // Lines have no place in the specification's order; they come before text.
        (kind, kind == Kind::Json && !media.name().starts_with("application/json"))
    })
}

/// Arguments for an operation, its body in the media type that is preferred.
///
/// # Errors
/// The reason why there are none.
pub(crate) fn arguments(operation: Operation<'_>, extent: Extent, seed: u64) -> Result<Generated, String> {
    arguments_as(operation, preferred(operation), extent, seed)
}

/// Arguments for an operation, its body in one of its media types.
///
/// # Errors
/// The reason why there are none.
pub(crate) fn arguments_as(
    operation: Operation<'_>,
    media: Option<MediaType<'_>>,
    extent: Extent,
    seed: u64,
) -> Result<Generated, String> {
    let mut maker = Maker::new(operation, extent, seed);
    let mut generated = Generated::default();
    for parameter in operation.parameters() {
        if extent == Extent::Minimal && !parameter.required() {
            continue;
        }
        let place = parameter.location().as_str();
        match maker.parameter(parameter) {
            Ok(value) => {
                generated.params.insert(argument_name(parameter), value);
            }
            Err(_) if !parameter.required() => {}
            Err(reason) => return Err(format!("{place}.{}: {reason}", parameter.name())),
        }
    }
    let is_required = operation.body().is_some_and(RequestBody::required);
    if let Some(media) = media.filter(|_| is_required || extent == Extent::Full) {
        body(&mut maker, media, &mut generated).map_err(|reason| format!("body: {reason}"))?;
    }
    Ok(generated)
}

/// How an argument names its parameter without doubt.
pub(crate) fn argument_name(parameter: Parameter<'_>) -> String {
    match parameter.location() {
        Location::Querystring => parameter.name().to_owned(),
        place => format!("{}.{}", place.as_str(), parameter.name()),
    }
}

/// Whether a value's text must hold no delimiter, because its place writes some unencoded or encodes both alike.
pub(crate) fn is_plain_text_needed(parameter: Parameter<'_>) -> bool {
    let delimited =
        [Style::SpaceDelimited, Style::PipeDelimited, Style::TabDelimited, Style::Label, Style::Matrix];
    matches!(parameter.location(), Location::Header | Location::Cookie)
        || parameter.allow_reserved()
        || delimited.contains(&parameter.style())
}

fn body(maker: &mut Maker<'_>, media: MediaType<'_>, generated: &mut Generated) -> Result<(), String> {
    let kind = Kind::of(media.name());
    generated.media_type = Some(concrete(media.name()));
    let schema = value::parsed(media.schema().text());
    match kind {
        Kind::Bytes => generated.bytes = Some(b"\x00\xffbytes\r\n".to_vec()),
        Kind::Text => generated.body = Some(Value::String("some text, \u{e4}\n<a b=\"c\"/>".to_owned())),
        Kind::Lines => {
            let value = maker.value(&schema)?;
            generated.body = Some(if value.is_array() { value } else { Value::Array(vec![value]) });
        }
        Kind::Json => generated.body = Some(maker.value(&schema)?),
        Kind::Form | Kind::Multipart => {
            // An encoding may join values by what they may hold.
            maker.plain = media.encoding().is_some();
            // A form has fields, whether the document says so or not.
            let mut value = maker.value(&serde_json::json!({"allOf": [{"type": "object"}, schema]}))?;
            if let (Kind::Multipart, Value::Object(members)) = (kind, &mut value) {
                for property in media.properties().filter(|one| one.schema().is_binary()) {
                    let Some(given) = members.get(property.name()) else { continue };
                    if !given.is_array() {
                        members.shift_remove(property.name());
                        let bytes = b"a file\x00\xff".to_vec();
                        generated.files.push((property.name().to_owned(), bytes));
                    }
                }
            }
            generated.body = Some(value);
        }
    }
    Ok(())
}

/// A media type in a range.
fn concrete(name: &str) -> String {
    match name {
        range if !range.contains('*') => range.to_owned(),
        range if range.starts_with("text/") => "text/plain".to_owned(),
        range if range.starts_with("application/") || range.starts_with('*') => {
            "application/octet-stream".to_owned()
        }
        range => range.replace('*', "x-any"),
    }
}

/// The operation's own name, which no other shares.
pub(crate) fn endpoint(operation: Operation<'_>) -> String {
    format!("{}:{} {}", operation.service(), operation.method(), operation.path())
}

mod tests {
    use opcall::Error;

    use super::*;

    /// Every operation of the built-in table, with a number that serves as its seed.
    fn each(mut work: impl FnMut(&Harness, Operation<'_>, &str, u64)) {
        let harness = Harness::builder().env(|_| None).build().unwrap();
        for (operation, seed) in harness.table().iter().zip(0..) {
            work(&harness, operation, &endpoint(operation), seed);
        }
    }

    #[test]
    fn what_is_made_fits() {
        let (mut calls, mut failed) = (0, Vec::new());
        each(|harness, operation, id, seed| {
            for extent in [Extent::Minimal, Extent::Full] {
                let made =
                    arguments(operation, extent, seed).unwrap_or_else(|reason| panic!("{id}: {reason}"));
                calls += 1;
                if let Err(error) = made.command(harness, id).prepare() {
                    failed.push(format!("{id} {extent:?}: {error} of {made:?}"));
                }
            }
        });
        assert!(calls > 3_000 || cfg!(not(feature = "falcon")), "{calls}");
        assert!(failed.is_empty(), "{} of {calls}: {:#?}", failed.len(), &failed[..failed.len().min(20)]);
    }

    #[test]
    fn what_is_made_wrong_is_refused_at_its_place() {
        let (mut calls, mut failed) = (0, Vec::new());
        each(|harness, operation, id, seed| {
            for Wrong { arguments, path, fault } in wrong(operation, seed) {
                calls += 1;
                let told = match arguments.command(harness, id).prepare() {
                    Err(Error::Arguments(told)) => {
                        told.problems.iter().any(|one| one.path.starts_with(&path))
                    }
                    _ => false,
                };
                if !told {
                    failed.push(format!("{id} {path} {fault:?}: {arguments:?}"));
                }
            }
        });
        eprintln!("{calls} wrong calls");
        assert!(calls > 1_000 || cfg!(not(feature = "falcon")), "{calls}");
        assert!(failed.is_empty(), "{} of {calls}: {:#?}", failed.len(), &failed[..failed.len().min(20)]);
    }
}
