//! One operation of a table, as views that read it in place.

use std::fmt;

use super::format::{Tier, fold_flat, fold_separators, layout};
use super::parts::{Parameter, RequestBody};
use super::view::View;
use crate::operation::{Method, Pagination, ServerDef};

/// One operation of a table: a reference and a row number, cheap to copy.
///
/// ```
/// let table = opcall::OperationTable::built_in();
/// let operation = table.get("tokens_query")?;
/// assert_eq!(operation.method(), opcall::Method::Get);
/// assert_eq!(operation.path(), "/installation-tokens/queries/tokens/v1");
/// # Ok::<(), opcall::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Operation<'t> {
    pub(crate) view: View<'t>,
    pub(crate) row: u32,
}

impl<'t> Operation<'t> {
    fn text(self, column: usize) -> &'t str {
        self.view.text(layout::OPERATIONS, self.row, column)
    }

    /// The row of what it says that other operations say too.
    fn common(self) -> u32 {
        self.view.word(layout::OPERATIONS, self.row, layout::operation::COMMON)
    }

    fn optional(self, column: usize) -> Option<&'t str> {
        self.view.optional(layout::COMMON, self.common(), column)
    }

    pub(super) fn has(self, flag: u32) -> bool {
        self.view.word(layout::OPERATIONS, self.row, layout::operation::FLAGS) & flag != 0
    }

    /// Which of its service's documents it stands in.
    pub(crate) fn document(self) -> u32 {
        self.view.word(layout::OPERATIONS, self.row, layout::operation::DOCUMENT)
    }

    /// The document's `operationId`, or the name made from method and path where it gives none.
    #[must_use]
    pub fn id(self) -> &'t str {
        self.text(layout::operation::ID)
    }

    /// Whether [`Operation::id`] was made because the document gives none.
    #[must_use]
    pub fn id_is_made(self) -> bool {
        self.has(layout::operation::ID_IS_MADE)
    }

    /// The ID with its service in front: `falcon:tokens_query`.
    #[must_use]
    pub fn qualified_id(self) -> String {
        [self.service(), ":", self.id()].concat()
    }

    /// The short name of its service.
    #[must_use]
    pub fn service(self) -> &'t str {
        self.view.service_name()
    }

    /// Further IDs of the same operation (`x-aliases`).
    #[must_use]
    pub fn aliases(self) -> impl ExactSizeIterator<Item = &'t str> {
        self.view.texts(layout::OPERATIONS, self.row, layout::operation::ALIASES)
    }

    /// Whether a name means it in a tier, as [`names_of`](super::format::names_of) tells its names.
    pub(super) fn answers_to(self, tier: Tier, name: &str) -> bool {
        let mut ids = std::iter::once(self.id()).chain(self.aliases());
        match tier {
            Tier::Exact => !self.id_is_made() && self.id() == name,
            Tier::Made => self.id_is_made() && self.id() == name,
            Tier::Alias => self.aliases().any(|alias| alias == name),
            Tier::Path => {
                let method = self.view.text(layout::COMMON, self.common(), layout::common::METHOD);
                let path = name.strip_prefix(method).and_then(|rest| rest.strip_prefix(' '));
                path == Some(self.path())
            }
            Tier::Separators => !name.is_empty() && ids.any(|id| fold_separators(id) == name),
            Tier::Flat => !name.is_empty() && ids.any(|id| fold_flat(id) == name),
        }
    }

    /// The method.
    #[must_use]
    pub fn method(self) -> Method {
        Method::of_token(self.view.text(layout::COMMON, self.common(), layout::common::METHOD))
            .unwrap_or(Method::Get)
    }

    /// The path key as the document writes it, with its `{variables}`.
    #[must_use]
    pub fn path(self) -> &'t str {
        self.text(layout::operation::PATH)
    }

    /// One line on what it does.
    #[must_use]
    pub fn summary(self) -> Option<&'t str> {
        self.optional(layout::common::SUMMARY)
    }

    /// More lines on what it does.
    #[must_use]
    pub fn description(self) -> Option<&'t str> {
        self.optional(layout::common::DESCRIPTION)
    }

    /// Its tags.
    #[must_use]
    pub fn tags(self) -> impl ExactSizeIterator<Item = &'t str> {
        self.view.texts(layout::OPERATIONS, self.row, layout::operation::TAGS)
    }

    /// The permission it needs (`x-scope`).
    #[must_use]
    pub fn scope(self) -> Option<&'t str> {
        self.optional(layout::common::SCOPE)
    }

    /// Whether its document calls it deprecated.
    #[must_use]
    pub fn deprecated(self) -> bool {
        self.has(layout::operation::DEPRECATED)
    }

    /// Whether a repeated call has the effect of one: by `x-idempotent`, for GraphQL by query or mutation, else by
    /// the method (RFC 9110 §9.2.2).
    #[must_use]
    pub fn is_idempotent(self) -> bool {
        self.declared_idempotent().unwrap_or_else(|| {
            self.graphql().map_or_else(|| self.method().is_idempotent(), |graphql| !graphql.is_mutation())
        })
    }

    /// What `x-idempotent` says, where it is there.
    pub(crate) fn declared_idempotent(self) -> Option<bool> {
        if self.has(layout::operation::IDEMPOTENT) {
            return Some(true);
        }
        self.has(layout::operation::NOT_IDEMPOTENT).then_some(false)
    }

    /// Whether a call only reads: a safe method (RFC 9110 §9.2.1) or a GraphQL query.
    #[must_use]
    pub fn is_safe(self) -> bool {
        self.graphql().map_or_else(|| self.method().is_safe(), |graphql| !graphql.is_mutation())
    }

    /// Whether a comma string given for an array is several elements (`x-comma-lists`).
    #[must_use]
    pub fn comma_lists(self) -> bool {
        self.has(layout::operation::COMMA_LISTS)
    }

    /// Its parameters in the document's order.
    #[must_use]
    pub fn parameters(self) -> impl ExactSizeIterator<Item = Parameter<'t>> {
        let view = self.view;
        let range = view.range(layout::OPERATIONS, self.row, layout::operation::PARAMETERS);
        range.map(move |row| Parameter::new(view, row))
    }

    /// Its request body, where it declares one.
    #[must_use]
    pub fn body(self) -> Option<RequestBody<'t>> {
        self.has(layout::operation::HAS_BODY).then_some(RequestBody { operation: self })
    }

    /// Its declared answers as (status, media types); the status is a code, a range such as `4XX`, or `default`.
    #[must_use]
    pub fn responses(self) -> impl ExactSizeIterator<Item = (&'t str, Vec<&'t str>)> {
        let view = self.view;
        view.range(layout::COMMON, self.common(), layout::common::RESPONSES).map(move |row| {
            let media_types = view.texts(layout::RESPONSES, row, layout::response::MEDIA_TYPES).collect();
            (view.text(layout::RESPONSES, row, layout::response::STATUS), media_types)
        })
    }

    /// What a call says it accepts: the media types of the 2xx answers, `*/*` where none is declared.
    #[must_use]
    pub fn accept(self) -> &'t str {
        self.view.text(layout::COMMON, self.common(), layout::common::ACCEPT)
    }

    /// Any one of these lets a call in: each is a list of (scheme name, scopes) that are needed together. No
    /// alternative at all means that no credentials are sent; an empty list means that none will do too.
    #[must_use]
    pub fn security(
        self,
    ) -> impl ExactSizeIterator<Item = impl ExactSizeIterator<Item = (&'t str, Vec<&'t str>)> + use<'t>> + use<'t>
    {
        let view = self.view;
        view.range(layout::COMMON, self.common(), layout::common::SECURITY).map(move |alternative| {
            view.range(layout::ALTERNATIVES, alternative, 0).map(move |row| {
                let scopes = view.texts(layout::SCHEME_USES, row, layout::scheme_use::SCOPES).collect();
                (view.text(layout::SCHEME_USES, row, layout::scheme_use::SCHEME), scopes)
            })
        })
    }

    /// Servers of the operation or its path, which replace the service's; empty where it has none of its own.
    #[must_use]
    pub fn servers(self) -> Vec<ServerDef> {
        self.decoded(layout::common::SERVERS)
    }

    /// Another base URL for each region, as (region, URL) (`x-host`).
    #[must_use]
    pub fn hosts(self) -> Vec<(String, String)> {
        self.decoded(layout::common::HOSTS)
    }

    /// How to follow its pages (`x-pagination`).
    #[must_use]
    pub fn pagination(self) -> Option<Pagination> {
        self.decoded(layout::common::PAGINATION)
    }

    fn decoded<T: serde::de::DeserializeOwned + Default>(self, column: usize) -> T {
        self.optional(column).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// How it is carried as GraphQL over POST (`x-graphql`).
    #[must_use]
    pub fn graphql(self) -> Option<GraphQl<'t>> {
        let number = self.view.word(layout::COMMON, self.common(), layout::common::GRAPHQL);
        number.checked_sub(1).map(|row| GraphQl { view: self.view, row })
    }

    /// The compact JSON text of the schema that a `$ref` of this operation names.
    #[must_use]
    pub fn schema(self, reference: &str) -> Option<&'t str> {
        self.view.schema(self.document(), reference)
    }
}

impl fmt::Debug for Operation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("service", &self.service())
            .field("id", &self.id())
            .field("method", &self.method())
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

/// How an operation is carried as GraphQL over POST.
#[derive(Clone, Copy)]
pub struct GraphQl<'t> {
    view: View<'t>,
    row: u32,
}

impl<'t> GraphQl<'t> {
    /// The text of the operation with the fragments it uses, as it is sent.
    #[must_use]
    pub fn query(self) -> &'t str {
        self.view.text(layout::GRAPHQL, self.row, layout::graphql::QUERY)
    }

    /// The operation's name in that text.
    #[must_use]
    pub fn operation_name(self) -> &'t str {
        self.view.text(layout::GRAPHQL, self.row, layout::graphql::OPERATION_NAME)
    }

    /// Whether it changes something.
    #[must_use]
    pub fn is_mutation(self) -> bool {
        self.view.word(layout::GRAPHQL, self.row, layout::graphql::MUTATION) != 0
    }

    /// The response key of the single root field; `None` with several.
    #[must_use]
    pub fn root_field(self) -> Option<&'t str> {
        self.view.optional(layout::GRAPHQL, self.row, layout::graphql::ROOT_FIELD)
    }

    /// The variable whose input object's fields are arguments too.
    #[must_use]
    pub fn input(self) -> Option<&'t str> {
        self.view.optional(layout::GRAPHQL, self.row, layout::graphql::INPUT)
    }
}

impl fmt::Debug for GraphQl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphQl").field("operation_name", &self.operation_name()).finish_non_exhaustive()
    }
}
