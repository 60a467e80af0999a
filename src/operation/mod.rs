//! What a document says of its service and of one operation, as plain owned data.
//!
//! `spec` makes these values, `table::format` writes them into bytes. Nothing here reads a file, a
//! clock or the network, and build.rs compiles this room too. The words are OpenAPI's.

pub(crate) mod header;
mod method;
pub(crate) mod path;
mod service;
mod template;
mod words;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use method::{InvalidMethod, Method};
pub use service::{
    ClientAuth, ENVIRONMENT_KEYS, ErrorPointers, OAuth2Def, RateLimitHeaders, RegionDef, RegionDiscovery,
    SchemeKind, SecuritySchemeDef, ServerDef, ServerVariableDef, ServiceDef,
};
#[cfg_attr(
    not(feature = "client"),
    allow(unused_imports, reason = "profiles, which need `client`, fill templates")
)]
pub(crate) use template::Piece;
pub use words::{DeepArrays, Location, Style, Types};

/// A schema: its compact JSON text, and the little of it that every call looks at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SchemaDef {
    /// The types it admits at its top, references followed.
    pub types: Types,
    /// The types its `items` admit, references followed.
    pub items: Types,
    /// Whether it says more than `type`, `items.type`, `format` and `default`, so that a value's type does not settle it.
    pub constrained: bool,
    /// `format: binary`, or Swagger 2's `type: file`, at its top or in its `items`.
    pub binary: bool,
    /// The schema as compact JSON; its `$ref`s stand as written and are keys of [`OperationDef::schemas`].
    pub text: String,
}

/// One parameter of an operation (`OpenAPI` Parameter Object).
#[allow(clippy::struct_excessive_bools, reason = "the Parameter Object's own switches")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterDef {
    /// Its name on the wire.
    pub name: String,
    /// Where it goes.
    pub location: Location,
    /// Whether a call without it is refused.
    pub required: bool,
    /// How its value becomes text.
    pub style: Style,
    /// Whether arrays and objects become one pair a member.
    pub explode: bool,
    /// Whether RFC 3986 reserved characters pass unencoded.
    pub allow_reserved: bool,
    /// `x-deep-object-arrays`: how lists are written where the style is `deepObject`.
    pub deep_arrays: DeepArrays,
    /// Whether the document calls it deprecated.
    pub deprecated: bool,
    /// The media type of a parameter with `content`.
    pub content: Option<String>,
    /// The Encoding Objects of that media type as compact JSON, for forms.
    pub encoding: Option<String>,
    /// What it means, in the document's words.
    pub description: Option<String>,
    /// Its schema.
    pub schema: SchemaDef,
}

impl ParameterDef {
    /// A parameter of which nothing else is said; one of the path is required (`OpenAPI` Parameter Object, `required`).
    #[must_use]
    pub fn blank(name: impl Into<String>, location: Location, style: Style, explode: bool) -> Self {
        Self {
            name: name.into(),
            location,
            required: location == Location::Path,
            style,
            explode,
            allow_reserved: false,
            deep_arrays: DeepArrays::default(),
            deprecated: false,
            content: None,
            encoding: None,
            description: None,
            schema: SchemaDef::default(),
        }
    }
}

/// A property at the top of a body's schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropertyDef {
    /// Its name.
    pub name: String,
    /// Whether the body's schema requires it.
    pub required: bool,
    /// `readOnly`: the service sets it, a request leaves it out.
    pub read_only: bool,
    /// Its schema.
    pub schema: SchemaDef,
}

/// One media type of a request body (`OpenAPI` Media Type Object).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaTypeDef {
    /// Its name, such as `application/json`.
    pub name: String,
    /// The schema of the whole body.
    pub schema: SchemaDef,
    /// The properties at the schema's top, references and `allOf` followed.
    pub properties: Vec<PropertyDef>,
    /// Whether names beyond the declared ones are welcome: no schema, a free-form object, `additionalProperties`.
    pub open: bool,
    /// The Encoding Objects by property name as compact JSON, for forms and multipart.
    pub encoding: Option<String>,
}

/// A request body (`OpenAPI` Request Body Object).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestBodyDef {
    /// Whether a call without it is refused.
    pub required: bool,
    /// Its media types in the document's order.
    pub media_types: Vec<MediaTypeDef>,
}

/// One declared answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseDef {
    /// The status code, a range such as `4XX`, or `default`.
    pub status: String,
    /// Its media types in the document's order.
    pub media_types: Vec<String>,
    /// The schema of the first media type as compact JSON (kept only in the table of answers, see `table::answers`).
    pub schema: Option<String>,
}

/// One scheme of a security requirement with the scopes it asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SchemeUse {
    /// The scheme's name in [`ServiceDef::security_schemes`].
    pub scheme: String,
    /// The scopes it asks for.
    pub scopes: Vec<String>,
}

/// How to follow the pages of a list (`x-pagination`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pagination {
    /// What tells the next page.
    pub kind: PaginationKind,
    /// The argument that sets a page's size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// The argument that counts the items to skip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<String>,
    /// The argument that takes the cursor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// JSON pointer (RFC 6901) to the next cursor in the answer; for links, to the next page's URL, where that is in
    /// the answer and not in a `Link` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// JSON pointer to the number of items in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<String>,
    /// JSON pointer to the list of items.
    pub items: String,
}

/// What tells the next page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PaginationKind {
    /// A count of items to skip.
    Offset,
    /// An opaque mark from the page before.
    Cursor,
    /// The next page's URL, in a `Link` header (RFC 8288) or in the answer.
    Link,
}

/// How an operation is carried as GraphQL over POST (`x-graphql`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphQlDef {
    /// The text of the operation with the fragments it uses, as it is sent.
    pub query: String,
    /// The operation's name in that text.
    pub operation_name: String,
    /// Whether it changes something: a mutation.
    pub mutation: bool,
    /// The response key of the single root field; `None` with several.
    pub root_field: Option<String>,
    /// The variable whose input object's fields are arguments too.
    pub input: Option<String>,
}

/// One operation of a document, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationDef {
    /// Which of the service's documents it stands in, counted from 0: references are local to a document.
    pub document: u32,
    /// The document's `operationId`, or the name made from method and path (architecture, "Operation IDs", tier 4).
    pub id: String,
    /// Whether `id` was made because the document gives none.
    pub id_is_made: bool,
    /// Further IDs of the same operation (`x-aliases`).
    pub aliases: Vec<String>,
    /// The method.
    pub method: Method,
    /// The path key as the document writes it.
    pub path: String,
    /// One line on what it does.
    pub summary: Option<String>,
    /// More lines on what it does.
    pub description: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// The permission it needs (`x-scope`).
    pub scope: Option<String>,
    /// Whether the document calls it deprecated.
    pub deprecated: bool,
    /// `x-idempotent`: whether it may be repeated, where the document says so.
    pub idempotent: Option<bool>,
    /// `x-comma-lists`: whether a comma string given for an array is several elements.
    pub comma_lists: bool,
    /// Its parameters, the path item's first, in the document's order.
    pub parameters: Vec<ParameterDef>,
    /// Its body; for GraphQL the variables are the properties of one JSON media type.
    pub body: Option<RequestBodyDef>,
    /// Its declared answers.
    pub responses: Vec<ResponseDef>,
    /// Any one of these sets of schemes lets a call in; an empty list needs none, an empty set is "none will do too".
    pub security: Vec<Vec<SchemeUse>>,
    /// Servers of the operation or its path, which replace the service's.
    pub servers: Vec<ServerDef>,
    /// `x-host`: another base URL for each region, as (region, URL).
    pub hosts: Vec<(String, String)>,
    /// How to follow its pages.
    pub pagination: Option<Pagination>,
    /// How it is carried as GraphQL.
    pub graphql: Option<GraphQlDef>,
    /// The schemas that its parameters and body reach by `$ref`.
    pub schemas: Schemas,
}

/// Schemas by the references that lead to them, sorted: (reference as written, compact JSON). Operations that reach
/// the same ones share them, as there may be thousands.
pub type Schemas = Arc<[(Arc<str>, Arc<str>)]>;

impl OperationDef {
    /// An operation of a method with nothing else said.
    #[must_use]
    pub fn blank(method: Method) -> Self {
        Self {
            document: 0,
            id: String::new(),
            id_is_made: false,
            aliases: Vec::new(),
            method,
            path: String::new(),
            summary: None,
            description: None,
            tags: Vec::new(),
            scope: None,
            deprecated: false,
            idempotent: None,
            comma_lists: false,
            parameters: Vec::new(),
            body: None,
            responses: Vec::new(),
            security: Vec::new(),
            servers: Vec::new(),
            hosts: Vec::new(),
            pagination: None,
            graphql: None,
            schemas: Schemas::default(),
        }
    }
}
