//! Reads a table in place: copyable views with getters, no parsing, no allocation.
//!
//! Every read is bounds-checked. A table made by [`super::format`] holds what its rows name; bytes that do
//! not (a damaged file that passed its hash) read as zeros and empty texts, never as a panic.

use std::fmt;

use super::format::{ABSENT, MAGIC, Tier, VERSION, hash_name, layout, location_of, style_of};
use crate::operation::{Location, Method, Pagination, ServerDef, Style, Types};

/// A table's bytes, checked to be a table of this version.
#[derive(Clone, Copy)]
pub(crate) struct View<'t> {
    bytes: &'t [u8],
}

impl<'t> View<'t> {
    /// The view, or `None` where the bytes are no table of operations of this version.
    pub(crate) fn new(bytes: &'t [u8]) -> Option<Self> {
        Self::with_magic(bytes, MAGIC)
    }

    /// The view of bytes that [`View::new`] has accepted before.
    pub(crate) fn checked(bytes: &'t [u8]) -> Self {
        Self { bytes }
    }

    /// The view of a table with another magic, such as the table of answers.
    pub(crate) fn with_magic(bytes: &'t [u8], magic: [u8; 4]) -> Option<Self> {
        let view = Self { bytes };
        let is_whole = bytes.len() >= 4 * layout::HEADER_WORDS
            && bytes.get(..4) == Some(&magic[..])
            && view.word_at(1) == VERSION
            && view.word_at(layout::POOL) as usize + view.word_at(layout::POOL + 1) as usize == bytes.len();
        is_whole.then_some(view)
    }

    fn word_at(self, index: usize) -> u32 {
        let start = index * 4;
        match self.bytes.get(start..start + 4) {
            Some(&[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]),
            _ => 0,
        }
    }

    fn words(self, section: layout::Section) -> usize {
        self.word_at(layout::FIRST_SECTION + 2 * section.number + 1) as usize
    }

    pub(crate) fn rows(self, section: layout::Section) -> u32 {
        u32::try_from(self.words(section) / section.width).unwrap_or(0)
    }

    pub(crate) fn word(self, section: layout::Section, row: u32, column: usize) -> u32 {
        let place = row as usize * section.width + column;
        if place >= self.words(section) {
            return 0;
        }
        self.word_at(self.word_at(layout::FIRST_SECTION + 2 * section.number) as usize / 4 + place)
    }

    fn text_of(self, offset: u32, length: u32) -> &'t str {
        let start = self.word_at(layout::POOL) as usize + offset as usize;
        let bytes = self.bytes.get(start..start + length as usize).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    pub(crate) fn text(self, section: layout::Section, row: u32, column: usize) -> &'t str {
        self.text_of(self.word(section, row, column), self.word(section, row, column + 1))
    }

    pub(crate) fn optional(self, section: layout::Section, row: u32, column: usize) -> Option<&'t str> {
        (self.word(section, row, column) != ABSENT).then(|| self.text(section, row, column))
    }

    pub(crate) fn range(self, section: layout::Section, row: u32, column: usize) -> std::ops::Range<u32> {
        let first = self.word(section, row, column);
        first..first.saturating_add(self.word(section, row, column + 1))
    }

    pub(crate) fn texts(
        self,
        section: layout::Section,
        row: u32,
        column: usize,
    ) -> impl ExactSizeIterator<Item = &'t str> + use<'t> {
        self.range(section, row, column).map(move |row| self.text(layout::TEXTS, row, 0))
    }

    /// The short name of the service.
    pub(crate) fn service_name(self) -> &'t str {
        self.text_of(self.word_at(layout::SERVICE_NAME), self.word_at(layout::SERVICE_NAME + 1))
    }

    /// What holds for the whole service, as JSON of [`crate::operation::ServiceDef`].
    pub(crate) fn service_json(self) -> &'t str {
        self.text_of(self.word_at(layout::SERVICE_JSON), self.word_at(layout::SERVICE_JSON + 1))
    }

    /// The hash of what the table was made from.
    pub(crate) fn source_hash(self) -> u64 {
        u64::from(self.word_at(layout::SOURCE_HASH)) | u64::from(self.word_at(layout::SOURCE_HASH + 1)) << 32
    }

    /// The operations that answer to a name in a tier, each once.
    pub(crate) fn named(self, tier: Tier, name: &str) -> Vec<u32> {
        let slots = self.words(layout::SLOTS);
        let mut found = Vec::new();
        if !slots.is_power_of_two() {
            return found;
        }
        let mut slot = hash_name(tier, name) as usize & (slots - 1);
        for _ in 0..slots {
            let Some(row) = self.word(layout::SLOTS, u32::try_from(slot).unwrap_or(0), 0).checked_sub(1)
            else {
                break;
            };
            if self.word(layout::NAMES, row, layout::name::TIER) == tier as u32
                && self.text(layout::NAMES, row, layout::name::TEXT) == name
            {
                let operation = self.word(layout::NAMES, row, layout::name::OPERATION);
                if !found.contains(&operation) {
                    found.push(operation);
                }
            }
            slot = (slot + 1) & (slots - 1);
        }
        found
    }

    /// The schema that a document's reference names.
    pub(crate) fn schema(self, document: u32, reference: &str) -> Option<&'t str> {
        use layout::schema_row as column;
        let key = |row| {
            (
                self.word(layout::SCHEMAS, row, column::DOCUMENT),
                self.text(layout::SCHEMAS, row, column::REFERENCE),
            )
        };
        let (mut low, mut high) = (0, self.rows(layout::SCHEMAS));
        while low < high {
            let middle = low.midpoint(high);
            match key(middle).cmp(&(document, reference)) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(self.text(layout::SCHEMAS, middle, column::TEXT)),
            }
        }
        None
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("service", &self.service_name())
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

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

    fn optional(self, column: usize) -> Option<&'t str> {
        self.view.optional(layout::OPERATIONS, self.row, column)
    }

    fn has(self, flag: u32) -> bool {
        self.view.word(layout::OPERATIONS, self.row, layout::operation::FLAGS) & flag != 0
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
        format!("{}:{}", self.service(), self.id())
    }

    /// The short name of its service.
    #[must_use]
    pub fn service(self) -> &'t str {
        self.view.service_name()
    }

    /// Further IDs of the same operation (`x-aliases`).
    pub fn aliases(self) -> impl ExactSizeIterator<Item = &'t str> {
        self.view.texts(layout::OPERATIONS, self.row, layout::operation::ALIASES)
    }

    /// The method.
    #[must_use]
    pub fn method(self) -> Method {
        self.text(layout::operation::METHOD).parse().unwrap_or(Method::Get)
    }

    /// The path key as the document writes it, with its `{variables}`.
    #[must_use]
    pub fn path(self) -> &'t str {
        self.text(layout::operation::PATH)
    }

    /// One line on what it does.
    #[must_use]
    pub fn summary(self) -> Option<&'t str> {
        self.optional(layout::operation::SUMMARY)
    }

    /// More lines on what it does.
    #[must_use]
    pub fn description(self) -> Option<&'t str> {
        self.optional(layout::operation::DESCRIPTION)
    }

    /// Its tags.
    pub fn tags(self) -> impl ExactSizeIterator<Item = &'t str> {
        self.view.texts(layout::OPERATIONS, self.row, layout::operation::TAGS)
    }

    /// The permission it needs (`x-scope`).
    #[must_use]
    pub fn scope(self) -> Option<&'t str> {
        self.optional(layout::operation::SCOPE)
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
        if self.has(layout::operation::IDEMPOTENT) {
            return true;
        }
        if self.has(layout::operation::NOT_IDEMPOTENT) {
            return false;
        }
        self.graphql().map_or_else(|| self.method().is_idempotent(), |graphql| !graphql.is_mutation())
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
    pub fn parameters(self) -> impl ExactSizeIterator<Item = Parameter<'t>> {
        let view = self.view;
        let range = view.range(layout::OPERATIONS, self.row, layout::operation::PARAMETERS);
        range.map(move |row| Parameter { view, row })
    }

    /// Its request body, where it declares one.
    #[must_use]
    pub fn body(self) -> Option<RequestBody<'t>> {
        self.has(layout::operation::HAS_BODY).then_some(RequestBody { operation: self })
    }

    /// Its declared answers as (status, media types); the status is a code, a range such as `4XX`, or `default`.
    pub fn responses(self) -> impl ExactSizeIterator<Item = (&'t str, Vec<&'t str>)> {
        let view = self.view;
        view.range(layout::OPERATIONS, self.row, layout::operation::RESPONSES).map(move |row| {
            let media_types = view.texts(layout::RESPONSES, row, layout::response::MEDIA_TYPES).collect();
            (view.text(layout::RESPONSES, row, layout::response::STATUS), media_types)
        })
    }

    /// What a call says it accepts: the media types of the 2xx answers, `*/*` where none is declared.
    #[must_use]
    pub fn accept(self) -> &'t str {
        self.text(layout::operation::ACCEPT)
    }

    /// Any one of these lets a call in: each is a list of (scheme name, scopes) that are needed together. No
    /// alternative at all means that no credentials are sent; an empty list means that none will do too.
    pub fn security(
        self,
    ) -> impl ExactSizeIterator<Item = impl ExactSizeIterator<Item = (&'t str, Vec<&'t str>)> + use<'t>> + use<'t>
    {
        let view = self.view;
        view.range(layout::OPERATIONS, self.row, layout::operation::SECURITY).map(move |alternative| {
            view.range(layout::ALTERNATIVES, alternative, 0).map(move |row| {
                let scopes = view.texts(layout::SCHEME_USES, row, layout::scheme_use::SCOPES).collect();
                (view.text(layout::SCHEME_USES, row, layout::scheme_use::SCHEME), scopes)
            })
        })
    }

    /// Servers of the operation or its path, which replace the service's; empty where it has none of its own.
    #[must_use]
    pub fn servers(self) -> Vec<ServerDef> {
        self.from_json(layout::operation::SERVERS)
    }

    /// Another base URL for each region, as (region, URL) (`x-host`).
    #[must_use]
    pub fn hosts(self) -> Vec<(String, String)> {
        self.from_json(layout::operation::HOSTS)
    }

    /// How to follow its pages (`x-pagination`).
    #[must_use]
    pub fn pagination(self) -> Option<Pagination> {
        self.from_json(layout::operation::PAGINATION)
    }

    fn from_json<T: serde::de::DeserializeOwned + Default>(self, column: usize) -> T {
        self.optional(column).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// How it is carried as GraphQL over POST (`x-graphql`).
    #[must_use]
    pub fn graphql(self) -> Option<GraphQl<'t>> {
        let number = self.view.word(layout::OPERATIONS, self.row, layout::operation::GRAPHQL);
        number.checked_sub(1).map(|row| GraphQl { view: self.view, row })
    }

    /// The compact JSON text of the schema that a `$ref` of this operation names.
    #[must_use]
    pub fn schema(self, reference: &str) -> Option<&'t str> {
        self.view.schema(self.view.word(layout::OPERATIONS, self.row, layout::operation::DOCUMENT), reference)
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

/// A schema in a table: the little of it that every call looks at, and its text.
#[derive(Debug, Clone, Copy)]
pub struct Schema<'t> {
    packed: u32,
    text: &'t str,
}

impl<'t> Schema<'t> {
    fn at(view: View<'t>, section: layout::Section, row: u32, column: usize) -> Self {
        Self {
            packed: view.word(section, row, column + layout::schema::PACKED),
            text: view.text(section, row, column + layout::schema::TEXT),
        }
    }

    /// The types it admits at its top, references followed; an empty set admits any.
    #[must_use]
    pub fn types(self) -> Types {
        Types::from_bits((self.packed & 0xff) as u8)
    }

    /// The types its `items` admit.
    #[must_use]
    pub fn items(self) -> Types {
        Types::from_bits((self.packed >> layout::schema::ITEMS_SHIFT & 0xff) as u8)
    }

    /// Whether a value's type does not settle whether it fits.
    #[must_use]
    pub fn is_constrained(self) -> bool {
        self.packed & layout::schema::CONSTRAINED != 0
    }

    /// Whether its value, or each item, is bytes (`format: binary`).
    #[must_use]
    pub fn is_binary(self) -> bool {
        self.packed & layout::schema::BINARY != 0
    }

    /// The schema as compact JSON, empty where the document gives none; [`Operation::schema`] resolves its `$ref`s.
    #[must_use]
    pub fn text(self) -> &'t str {
        self.text
    }
}

/// One parameter of an operation.
#[derive(Clone, Copy)]
pub struct Parameter<'t> {
    view: View<'t>,
    row: u32,
}

impl<'t> Parameter<'t> {
    fn has(self, flag: u32) -> bool {
        self.view.word(layout::PARAMETERS, self.row, layout::parameter::FLAGS) & flag != 0
    }

    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'t str {
        self.view.text(layout::PARAMETERS, self.row, layout::parameter::NAME)
    }

    /// Where it goes.
    #[must_use]
    pub fn location(self) -> Location {
        location_of(self.view.word(layout::PARAMETERS, self.row, layout::parameter::LOCATION))
    }

    /// Whether a call without it is refused.
    #[must_use]
    pub fn required(self) -> bool {
        self.has(layout::parameter::REQUIRED)
    }

    /// How its value becomes text.
    #[must_use]
    pub fn style(self) -> Style {
        style_of(self.view.word(layout::PARAMETERS, self.row, layout::parameter::STYLE))
    }

    /// Whether arrays and objects become one pair a member.
    #[must_use]
    pub fn explode(self) -> bool {
        self.has(layout::parameter::EXPLODE)
    }

    /// Whether RFC 3986 reserved characters pass unencoded.
    #[must_use]
    pub fn allow_reserved(self) -> bool {
        self.has(layout::parameter::ALLOW_RESERVED)
    }

    /// Whether the document calls it deprecated.
    #[must_use]
    pub fn deprecated(self) -> bool {
        self.has(layout::parameter::DEPRECATED)
    }

    /// The media type of a parameter with `content`.
    #[must_use]
    pub fn content(self) -> Option<&'t str> {
        self.view.optional(layout::PARAMETERS, self.row, layout::parameter::CONTENT)
    }

    /// What it means, in the document's words.
    #[must_use]
    pub fn description(self) -> Option<&'t str> {
        self.view.optional(layout::PARAMETERS, self.row, layout::parameter::DESCRIPTION)
    }

    /// Its schema.
    #[must_use]
    pub fn schema(self) -> Schema<'t> {
        Schema::at(self.view, layout::PARAMETERS, self.row, layout::parameter::SCHEMA)
    }
}

impl fmt::Debug for Parameter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parameter")
            .field("name", &self.name())
            .field("in", &self.location().as_str())
            .finish_non_exhaustive()
    }
}

/// The request body that an operation declares.
#[derive(Clone, Copy)]
pub struct RequestBody<'t> {
    operation: Operation<'t>,
}

impl<'t> RequestBody<'t> {
    /// Whether a call without it is refused.
    #[must_use]
    pub fn required(self) -> bool {
        self.operation.has(layout::operation::BODY_REQUIRED)
    }

    /// Its media types in the document's order.
    pub fn media_types(self) -> impl ExactSizeIterator<Item = MediaType<'t>> {
        let view = self.operation.view;
        let range = view.range(layout::OPERATIONS, self.operation.row, layout::operation::MEDIA_TYPES);
        range.map(move |row| MediaType { view, row })
    }
}

impl fmt::Debug for RequestBody<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.media_types()).finish()
    }
}

/// One media type of a request body.
#[derive(Clone, Copy)]
pub struct MediaType<'t> {
    view: View<'t>,
    row: u32,
}

impl<'t> MediaType<'t> {
    /// Its name, such as `application/json`.
    #[must_use]
    pub fn name(self) -> &'t str {
        self.view.text(layout::MEDIA_TYPES, self.row, layout::media_type::NAME)
    }

    /// The schema of the whole body.
    #[must_use]
    pub fn schema(self) -> Schema<'t> {
        Schema::at(self.view, layout::MEDIA_TYPES, self.row, layout::media_type::SCHEMA)
    }

    /// The properties at the schema's top.
    pub fn properties(self) -> impl ExactSizeIterator<Item = Property<'t>> {
        let view = self.view;
        let range = view.range(layout::MEDIA_TYPES, self.row, layout::media_type::PROPERTIES);
        range.map(move |row| Property { view, row })
    }

    /// Whether names beyond the declared ones are welcome: no schema, a free-form object, `additionalProperties`.
    #[must_use]
    pub fn is_open(self) -> bool {
        let flags = self.view.word(layout::MEDIA_TYPES, self.row, layout::media_type::FLAGS);
        flags & layout::media_type::OPEN != 0
    }

    /// The Encoding Objects by property name as compact JSON.
    #[must_use]
    pub fn encoding(self) -> Option<&'t str> {
        self.view.optional(layout::MEDIA_TYPES, self.row, layout::media_type::ENCODING)
    }
}

impl fmt::Debug for MediaType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaType").field("name", &self.name()).finish_non_exhaustive()
    }
}

/// One property at the top of a body's schema.
#[derive(Clone, Copy)]
pub struct Property<'t> {
    view: View<'t>,
    row: u32,
}

impl<'t> Property<'t> {
    fn has(self, flag: u32) -> bool {
        self.view.word(layout::PROPERTIES, self.row, layout::property::FLAGS) & flag != 0
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'t str {
        self.view.text(layout::PROPERTIES, self.row, layout::property::NAME)
    }

    /// Whether the body's schema requires it.
    #[must_use]
    pub fn required(self) -> bool {
        self.has(layout::property::REQUIRED)
    }

    /// Whether the service sets it, so that a request leaves it out (`readOnly`).
    #[must_use]
    pub fn read_only(self) -> bool {
        self.has(layout::property::READ_ONLY)
    }

    /// Its schema.
    #[must_use]
    pub fn schema(self) -> Schema<'t> {
        Schema::at(self.view, layout::PROPERTIES, self.row, layout::property::SCHEMA)
    }
}

impl fmt::Debug for Property<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Property").field("name", &self.name()).finish_non_exhaustive()
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
