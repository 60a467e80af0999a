//! What all requests of an operation have in common, read from its table once: a call looks at arguments, not at tables.

use std::sync::Arc;

use super::Fields;
use super::arguments::is_key;
use super::index::Index;
use super::media::Kind;
use super::style::{self, Escape};
use super::url::{is_dots, is_plain};
use crate::operation::{DeepArrays, Location, Method, Style, Types, header};
use crate::table::{Operation, Parameter, SchemaPlace};

/// What all requests of an operation have in common.
#[allow(clippy::struct_excessive_bools, reason = "each spares the calls a look at all parameters")]
pub(crate) struct Common {
    /// `service:id`.
    pub(crate) operation: Arc<str>,
    /// The header fields of a call that says nothing of any.
    pub(crate) headers: Fields,
    pub(super) method: Method,
    /// The path, where it stands in every URL as the document writes it.
    pub(super) path: Option<Box<str>>,
    /// The parameters that a call may give, in the document's order.
    pub(super) parameters: Vec<Declared>,
    /// Where their names stand, where they are many.
    pub(super) index: Option<Index<Box<str>>>,
    /// Whether two of them, at different places, have one name.
    pub(super) has_twins: bool,
    pub(super) comma_lists: bool,
    /// Whether it declares a body.
    pub(super) takes_body: bool,
    /// Whether one of the parameters has to be given.
    pub(super) has_required: bool,
    /// Whether one of them is the header that takes an idempotency key.
    pub(super) has_key: bool,
    /// Whether one of them is a header field or a cookie.
    pub(super) has_fields: bool,
}

/// A parameter, as its table says.
#[allow(clippy::struct_excessive_bools, reason = "OpenAPI's own flags, and one that is made of them")]
pub(super) struct Declared {
    pub(super) name: Box<str>,
    pub(super) location: Location,
    pub(super) required: bool,
    pub(super) style: Style,
    pub(super) explode: bool,
    pub(super) allow_reserved: bool,
    pub(super) deep_arrays: DeepArrays,
    /// The media type of one with `content`.
    pub(super) content: Option<Box<Described>>,
    pub(super) schema: SchemaPlace,
    /// Whether any text fits, as it is.
    pub(super) takes_text: bool,
    /// The name and `=` as they stand before a single value in the query, where they do.
    pub(super) prefix: Option<Box<str>>,
}

/// The media type of a parameter.
pub(super) struct Described {
    pub(super) media_type: Box<str>,
    pub(super) kind: Kind,
    /// The Encoding Objects of it by property name as JSON.
    pub(super) encoding: Option<Box<str>>,
}

impl Common {
    pub(crate) fn of(operation: Operation<'_>) -> Self {
        let is_given = |one: &Parameter<'_>| {
            let name = one.name();
            let is_none = || header::is_said_elsewhere(name) || header::is_of_client(name);
            one.location() != Location::Header || !is_none()
        };
        let parameters: Vec<_> = operation.parameters().filter(is_given).map(Declared::of).collect();
        let mut names: Vec<_> = parameters.iter().map(|one| &one.name).collect();
        names.sort_unstable();
        let has_twins = names.windows(2).any(|two| two[0] == two[1]);
        Self {
            operation: operation.qualified_id().into(),
            headers: Fields::accepting(operation.accept()),
            method: operation.method(),
            path: Some(operation.path()).filter(|path| is_verbatim(path)).map(Into::into),
            index: Index::of(parameters.iter().map(|one| one.name.clone())),
            has_twins,
            comma_lists: operation.comma_lists(),
            takes_body: operation.body().is_some(),
            has_required: parameters.iter().any(|one| one.required),
            has_key: parameters.iter().any(|one| is_key(&one.name, one.location)),
            has_fields: parameters
                .iter()
                .any(|one| matches!(one.location, Location::Header | Location::Cookie)),
            parameters,
        }
    }
}

impl Declared {
    fn of(parameter: Parameter<'_>) -> Self {
        let content = parameter.content().map(|media_type| Described {
            media_type: media_type.into(),
            kind: Kind::of(media_type),
            encoding: parameter.encoding().map(Into::into),
        });
        let schema = parameter.schema();
        Self {
            // The types are all that such a schema says of a text.
            takes_text: content.is_none() && !schema.is_constrained() && schema.types().admits(Types::STRING),
            prefix: prefix(parameter),
            name: parameter.name().into(),
            location: parameter.location(),
            required: parameter.required(),
            style: parameter.style(),
            explode: parameter.explode(),
            allow_reserved: parameter.allow_reserved(),
            deep_arrays: parameter.deep_arrays(),
            content: content.map(Box::new),
            schema: schema.place(),
        }
    }

    /// How its media type is written, where it has `content`.
    pub(super) fn kind(&self) -> Option<Kind> {
        self.content.as_ref().map(|content| content.kind)
    }

    /// Whether it is JSON text (`content`).
    pub(super) fn is_json(&self) -> bool {
        self.kind() == Some(Kind::Json)
    }
}

/// What stands before a single value in the query: all styles that name values write one alike.
fn prefix(parameter: Parameter<'_>) -> Option<Box<str>> {
    let is_pair = parameter.location() == Location::Query
        && parameter.content().is_none()
        && !matches!(parameter.style(), Style::Simple | Style::Label | Style::Matrix);
    let mut text = String::new();
    style::escape(&mut text, parameter.name(), Escape::Unreserved);
    text.push('=');
    is_pair.then(|| text.into())
}

/// Whether a path has nothing to be filled in, encoded or refused.
fn is_verbatim(path: &str) -> bool {
    path.starts_with('/') && is_plain(path) && !path.split('/').any(is_dots)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;
    use crate::operation::ParameterDef;
    use crate::params::Params;
    use crate::request::testing::{call, one, url};

    fn query(name: &str) -> ParameterDef {
        ParameterDef::blank(name, Location::Query, Style::Form, true)
    }

    #[test]
    fn arguments_in_any_order_make_one_request() {
        for count in [3, 40] {
            let names: Vec<_> = (0..count).map(|number| format!("p{number}")).collect();
            let table = one("/a", names.iter().map(|name| query(name)).collect());
            let expected = names.iter().map(|name| format!("{name}={name}")).collect::<Vec<_>>().join("&");
            // None has a divisor in common with a count: every name comes once.
            for step in [1, 7, 11] {
                let order = (0..count).map(|number| &names[number * step % count]);
                let params: Params = order.map(|name| (name, name.as_str())).collect();
                assert_eq!(url(call(&table, "one", params)), format!("/a?{expected}"), "{count} by {step}");
            }
        }
    }

    #[test]
    fn of_two_parameters_with_one_name_the_first_place_counts_wherever_they_stand() {
        let header = ParameterDef::blank("id", Location::Header, Style::Simple, false);
        let table = one("/a", vec![query("x"), header, query("id")]);
        assert!(Common::of(table.get("one").unwrap()).has_twins);
        assert_eq!(url(call(&table, "one", [("x", "1"), ("id", "2")])), "/a?x=1&id=2");
    }

    #[test]
    fn only_a_path_that_nothing_is_done_to_stands_as_it_is() {
        let path = |path: &str| {
            let table = one(path, Vec::new());
            let common = Common::of(table.get("one").unwrap());
            let written = url(call(&table, "one", ()));
            assert!(common.path.as_deref().is_none_or(|path| path == written), "{path} {written}");
            common.path.is_some()
        };
        for verbatim in ["/", "/a", "/a/b-c_d.e/", "//a", "/...", "/a..b"] {
            assert!(path(verbatim), "{verbatim}");
        }
        for other in ["/a b", "/a?b=c", "/a#b", "/a%20b", "/a:b", "/a|b", "a"] {
            assert!(!path(other), "{other}");
        }
        let dots = one("/a/../b", Vec::new());
        assert!(call(&dots, "one", ()).is_err());
        let id = ParameterDef::blank("id", Location::Path, Style::Simple, false);
        let variable = one("/a/{id}", vec![id]);
        assert!(Common::of(variable.get("one").unwrap()).path.is_none());
    }
}
