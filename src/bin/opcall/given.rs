//! What the words of a call say of names, headers and the body, by what its operation declares.

use opcall::{Body, Location, Operation, Params};

use crate::args::CallArgs;
use crate::body;
use crate::inputs::Inputs;
use crate::items::Source;
use crate::report::Failure;

/// The names of parameters and body properties, which items may hold operators of.
pub(crate) fn declared_names(operation: Operation<'_>) -> Vec<&str> {
    let media_types = operation.body().into_iter().flat_map(opcall::RequestBody::media_types);
    let properties = media_types.flat_map(opcall::MediaType::properties).map(opcall::Property::name);
    operation.parameters().map(opcall::Parameter::name).chain(properties).collect()
}

/// Headers that are declared parameters become arguments, so that they are checked and count as given.
pub(crate) fn undeclared(
    headers: Vec<(String, String)>,
    operation: Option<Operation<'_>>,
    params: &mut Params,
) -> Vec<(String, String)> {
    let declared = |name: &str| {
        let mut parameters = operation?.parameters().filter(|one| one.location() == Location::Header);
        parameters.find(|one| one.name().eq_ignore_ascii_case(name)).map(opcall::Parameter::name)
    };
    let keep = |(name, value): (String, String)| match declared(&name) {
        Some(known) => {
            params.push(format!("header.{known}"), value);
            None
        }
        None => Some((name, value)),
    };
    headers.into_iter().filter_map(keep).collect()
}

/// The whole body, where one is given.
///
/// # Errors
/// Where it is given twice, or cannot be read.
pub(crate) fn read_body(
    item: Option<Source>,
    args: &CallArgs,
    headers: &[(String, String)],
    operation: Option<Operation<'_>>,
    inputs: &mut Inputs,
) -> Result<Option<Body>, Failure> {
    let source = match (item, args.request.input.as_deref().map(Source::of)) {
        (Some(_), Some(_)) => {
            return Err(Failure::usage("the whole body is given twice: by --input and by an item", None));
        }
        (item, input) => item.or(input),
    };
    let all = headers.iter().chain(&args.request.headers);
    let header = all.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let content_type = args.request.content_type.as_deref().or(header.map(|(_, value)| value.as_str()));
    source.map(|source| body::read(&source, content_type, operation, inputs)).transpose()
}
