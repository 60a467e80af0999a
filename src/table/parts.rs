//! The parts of an operation as views: parameters, bodies, media types, properties, schemas.

use std::fmt;

use super::format::{deep_arrays_of, layout, location_of, style_of};
use super::operation::Operation;
use super::view::View;
use crate::operation::{DeepArrays, Location, Style, Types};

/// A schema in a table: the little of it that every call looks at, and its text.
#[derive(Clone, Copy)]
pub struct Schema<'t> {
    packed: u32,
    view: View<'t>,
    /// The text's place in the pool: most calls never read it.
    text: (u32, u32),
}

impl<'t> Schema<'t> {
    fn at(view: View<'t>, section: layout::Section, row: u32, column: usize) -> Self {
        Self {
            packed: view.word(section, row, column + layout::schema::PACKED),
            view,
            text: view.pair(section, row, column + layout::schema::TEXT),
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
        self.view.text_of(self.text)
    }
}

/// What of a schema is the same as long as its table is: [`Operation::schema_at`] makes it one again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SchemaPlace {
    packed: u32,
    text: (u32, u32),
}

impl Schema<'_> {
    /// Where it is, for later.
    pub(crate) fn place(self) -> SchemaPlace {
        SchemaPlace { packed: self.packed, text: self.text }
    }
}

impl<'t> Operation<'t> {
    /// The schema of one of its own parts.
    pub(crate) fn schema_at(self, place: SchemaPlace) -> Schema<'t> {
        Schema { packed: place.packed, view: self.view, text: place.text }
    }
}

impl fmt::Debug for Schema<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.text()).finish()
    }
}

/// One parameter of an operation.
#[derive(Clone, Copy)]
pub struct Parameter<'t> {
    view: View<'t>,
    row: u32,
    /// The row of what it has in common with others.
    form: u32,
}

impl<'t> Parameter<'t> {
    pub(super) fn new(view: View<'t>, row: u32) -> Self {
        Self { view, row, form: view.word(layout::PARAMETERS, row, layout::parameter::FORM) }
    }

    fn has(self, flag: u32) -> bool {
        self.view.word(layout::FORMS, self.form, layout::form::FLAGS) & flag != 0
    }

    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'t str {
        self.view.text(layout::PARAMETERS, self.row, layout::parameter::NAME)
    }

    /// Where it goes.
    #[must_use]
    pub fn location(self) -> Location {
        location_of(self.view.word(layout::FORMS, self.form, layout::form::LOCATION))
    }

    /// Whether a call without it is refused.
    #[must_use]
    pub fn required(self) -> bool {
        self.has(layout::form::REQUIRED)
    }

    /// How its value becomes text.
    #[must_use]
    pub fn style(self) -> Style {
        style_of(self.view.word(layout::FORMS, self.form, layout::form::STYLE))
    }

    /// Whether arrays and objects become one pair a member.
    #[must_use]
    pub fn explode(self) -> bool {
        self.has(layout::form::EXPLODE)
    }

    /// Whether RFC 3986 reserved characters pass unencoded.
    #[must_use]
    pub fn allow_reserved(self) -> bool {
        self.has(layout::form::ALLOW_RESERVED)
    }

    /// How lists are written where the style is `deepObject` (`x-deep-object-arrays`).
    #[must_use]
    pub fn deep_arrays(self) -> DeepArrays {
        deep_arrays_of(self.view.word(layout::FORMS, self.form, layout::form::FLAGS))
    }

    /// Whether the document calls it deprecated.
    #[must_use]
    pub fn deprecated(self) -> bool {
        self.has(layout::form::DEPRECATED)
    }

    /// The media type of a parameter with `content`.
    #[must_use]
    pub fn content(self) -> Option<&'t str> {
        self.view.optional(layout::FORMS, self.form, layout::form::CONTENT)
    }

    /// The Encoding Objects of that media type by property name as compact JSON.
    #[must_use]
    pub fn encoding(self) -> Option<&'t str> {
        self.view.optional(layout::FORMS, self.form, layout::form::ENCODING)
    }

    /// What it means, in the document's words.
    #[must_use]
    pub fn description(self) -> Option<&'t str> {
        self.view.optional(layout::FORMS, self.form, layout::form::DESCRIPTION)
    }

    /// Its schema.
    #[must_use]
    pub fn schema(self) -> Schema<'t> {
        Schema::at(self.view, layout::FORMS, self.form, layout::form::SCHEMA)
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
    pub(super) operation: Operation<'t>,
}

impl<'t> RequestBody<'t> {
    /// Whether a call without it is refused.
    #[must_use]
    pub fn required(self) -> bool {
        self.operation.has(layout::operation::BODY_REQUIRED)
    }

    /// Its media types in the document's order.
    #[must_use]
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
    #[must_use]
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
