//! What a document says of its service and of one operation, as plain owned data.
//!
//! `spec` makes these values, `table::format` writes them into bytes. Nothing here reads a file, a
//! clock or the network, and build.rs compiles this file too. The words are OpenAPI's.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An HTTP method (RFC 9110 §9, RFC 5789 for PATCH, OpenAPI 3.2 for QUERY).
///
/// ```
/// use opcall::Method;
/// assert_eq!("patch".parse::<Method>().unwrap(), Method::Patch);
/// assert_eq!(Method::Delete.as_str(), "DELETE");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Method {
    /// `GET`: safe and idempotent.
    Get,
    /// `HEAD`: a GET without a body in the answer.
    Head,
    /// `POST`: neither safe nor idempotent.
    Post,
    /// `PUT`: idempotent.
    Put,
    /// `PATCH`: neither safe nor idempotent.
    Patch,
    /// `DELETE`: idempotent.
    Delete,
    /// `OPTIONS`: safe and idempotent.
    Options,
    /// `TRACE`: safe and idempotent.
    Trace,
    /// `QUERY`: safe and idempotent, with a body (`OpenAPI` 3.2).
    Query,
    /// Any other token, in the case the document gives it.
    Custom(Box<str>),
}

impl Method {
    /// The method as it stands on the request line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Trace => "TRACE",
            Self::Query => "QUERY",
            Self::Custom(token) => token,
        }
    }

    /// Whether a call only reads: GET, HEAD, OPTIONS, TRACE, QUERY (RFC 9110 §9.2.1).
    #[must_use]
    pub fn is_safe(&self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Options | Self::Trace | Self::Query)
    }

    /// Whether a repeated call has the effect of one: the safe ones, PUT and DELETE (RFC 9110 §9.2.2).
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        self.is_safe() || matches!(self, Self::Put | Self::Delete)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is no HTTP method (a token of RFC 9110 §5.6.2).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no HTTP method")]
pub struct InvalidMethod(
    /// The text as given.
    pub String,
);

impl std::str::FromStr for Method {
    type Err = InvalidMethod;

    /// The known methods in any case; any other token as it is written.
    fn from_str(text: &str) -> Result<Self, InvalidMethod> {
        const KNOWN: [Method; 9] = [
            Method::Get,
            Method::Head,
            Method::Post,
            Method::Put,
            Method::Patch,
            Method::Delete,
            Method::Options,
            Method::Trace,
            Method::Query,
        ];
        if let Some(known) = KNOWN.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(text)) {
            return Ok(known);
        }
        let is_token = !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
        if is_token { Ok(Self::Custom(text.into())) } else { Err(InvalidMethod(text.to_owned())) }
    }
}

/// Where a parameter goes (`OpenAPI` Parameter Object, `in`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Location {
    /// In the path template.
    Path,
    /// In the query string.
    Query,
    /// A header field.
    Header,
    /// A pair of the `Cookie` header.
    Cookie,
    /// The whole query string (`OpenAPI` 3.2).
    Querystring,
}

impl Location {
    /// The word of the Parameter Object's `in`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::Querystring => "querystring",
        }
    }
}

/// How a parameter's value becomes text (`OpenAPI` Parameter Object, `style`; RFC 6570).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Style {
    /// `blue,black`: the default for paths and headers.
    Simple,
    /// `color=blue,black`, exploded `color=blue&color=black`: the default for queries and cookies.
    Form,
    /// `.blue,black`, paths only.
    Label,
    /// `;color=blue,black`, paths only.
    Matrix,
    /// `color=blue%20black`, queries only.
    SpaceDelimited,
    /// `color=blue%7Cblack`, queries only.
    PipeDelimited,
    /// `color=blue%09black`: Swagger 2's `tsv`, queries only.
    TabDelimited,
    /// `color%5BR%5D=100`, queries only.
    DeepObject,
    /// `color=blue; color=black` (`OpenAPI` 3.2), cookies only.
    Cookie,
}

impl Style {
    /// The word of the Parameter Object's `style`; Swagger 2's `tsv` reads `tabDelimited`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Form => "form",
            Self::Label => "label",
            Self::Matrix => "matrix",
            Self::SpaceDelimited => "spaceDelimited",
            Self::PipeDelimited => "pipeDelimited",
            Self::TabDelimited => "tabDelimited",
            Self::DeepObject => "deepObject",
            Self::Cookie => "cookie",
        }
    }
}

/// The JSON types a schema admits, as a set. An empty set admits any type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Types(u8);

impl Types {
    /// Any type: the schema names none.
    pub const ANY: Self = Self(0);
    /// `null`, by `nullable: true` or in a type array.
    pub const NULL: Self = Self(1);
    /// `boolean`.
    pub const BOOLEAN: Self = Self(2);
    /// `integer`.
    pub const INTEGER: Self = Self(4);
    /// `number`.
    pub const NUMBER: Self = Self(8);
    /// `string`.
    pub const STRING: Self = Self(16);
    /// `array`.
    pub const ARRAY: Self = Self(32);
    /// `object`.
    pub const OBJECT: Self = Self(64);

    /// The types of both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a value of the given type fits; an empty set takes all.
    #[must_use]
    pub const fn admits(self, one: Self) -> bool {
        self.0 == 0 || self.0 & one.0 != 0
    }

    /// Whether the set names the type.
    #[must_use]
    pub const fn names(self, one: Self) -> bool {
        self.0 & one.0 != 0
    }

    /// Whether the set names no type, so that any fits.
    #[must_use]
    pub const fn is_any(self) -> bool {
        self.0 == 0
    }

    /// The set as a number, for the table's bytes.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The set that [`Types::bits`] wrote.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 127)
    }

    /// The set with the one type that JSON Schema calls by this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => return None,
        })
    }

    /// The words of the set, `null` last.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        [
            (Self::BOOLEAN, "boolean"),
            (Self::INTEGER, "integer"),
            (Self::NUMBER, "number"),
            (Self::STRING, "string"),
            (Self::ARRAY, "array"),
            (Self::OBJECT, "object"),
            (Self::NULL, "null"),
        ]
        .into_iter()
        .filter(move |(one, _)| self.names(*one))
        .map(|(_, word)| word)
    }
}

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
    /// Whether the document calls it deprecated.
    pub deprecated: bool,
    /// The media type of a parameter with `content`.
    pub content: Option<String>,
    /// What it means, in the document's words.
    pub description: Option<String>,
    /// Its schema.
    pub schema: SchemaDef,
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// JSON pointer (RFC 6901) to the next cursor in the answer.
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
    /// A `Link` header (RFC 8288).
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
    /// The schemas that its parameters and body reach by `$ref`, as (reference as written, compact JSON).
    pub schemas: Vec<(String, String)>,
}

/// What holds for all operations of a service: a document's root, or a folder's `service.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServiceDef {
    /// Its short name, the namespace of its IDs (`x-service`, else the file's stem).
    pub name: String,
    /// The document's title.
    pub title: String,
    /// The document's version.
    pub version: String,
    /// Its servers.
    pub servers: Vec<ServerDef>,
    /// `x-regions`: named servers.
    pub regions: Vec<RegionDef>,
    /// `x-region-discovery`: how the service tells the right region.
    pub discovery: Option<RegionDiscovery>,
    /// `x-environment`: for each of the keys of [`ENVIRONMENT_KEYS`] the variables that may hold it, first found wins.
    pub environment: Vec<(String, Vec<String>)>,
    /// `x-base-url-suffixes`: endings that are cut off a configured base URL.
    pub base_url_suffixes: Vec<String>,
    /// The security schemes by name.
    pub security_schemes: Vec<SecuritySchemeDef>,
    /// `x-rate-limit`: headers to learn from.
    pub rate_limit: Option<RateLimitHeaders>,
    /// `x-error`: where an error body says what.
    pub error: Option<ErrorPointers>,
}

/// The keys that `x-environment` may map to variables.
pub const ENVIRONMENT_KEYS: [&str; 9] = [
    "base_url",
    "region",
    "client_id",
    "client_secret",
    "member",
    "access_token",
    "api_key",
    "username",
    "password",
];

/// One server (`OpenAPI` Server Object).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServerDef {
    /// Its URL, with `{variables}`, possibly relative.
    pub url: String,
    /// Its name (`OpenAPI` 3.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its variables in the document's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<ServerVariableDef>,
}

/// One variable of a server's URL (`OpenAPI` Server Variable Object).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServerVariableDef {
    /// Its name.
    pub name: String,
    /// The value where none is given.
    pub default: String,
    /// The values it may have; empty means any.
    #[serde(default, rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// `x-placeholder`: the default is no real value; a live call must give one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub placeholder: bool,
}

/// A named server (`x-regions`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RegionDef {
    /// Its name.
    pub name: String,
    /// Its base URL.
    pub url: String,
    /// Further names of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
}

/// How a service tells the right region (`x-region-discovery`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionDiscovery {
    /// The header that names the region.
    pub header: String,
    /// The status of an answer that sends the caller elsewhere.
    pub redirect: u16,
    /// Where it happens: `token` for the token endpoint.
    #[serde(default)]
    pub endpoints: Vec<String>,
}

/// One security scheme (`OpenAPI` Security Scheme Object) by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecuritySchemeDef {
    /// Its key under `securitySchemes`.
    pub name: String,
    /// What it asks for.
    pub kind: SchemeKind,
}

/// What a security scheme asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum SchemeKind {
    /// A key in a header, a query or a cookie.
    ApiKey {
        /// Header, query or cookie.
        location: Location,
        /// The name of the header, parameter or cookie.
        name: String,
    },
    /// `Authorization` by an HTTP scheme in lower case: `bearer`, `basic`, `digest` or another (RFC 9110 §11).
    Http {
        /// The scheme's name.
        scheme: String,
    },
    /// `OAuth2` (RFC 6749).
    OAuth2(OAuth2Def),
    /// `OpenID` Connect discovery.
    OpenIdConnect {
        /// The discovery document's URL.
        url: String,
    },
    /// A client certificate.
    MutualTls,
    /// A scheme of another type; calls need a token given by the caller.
    Other {
        /// The document's `type`.
        kind: String,
    },
}

/// `OAuth2` client credentials as a document and `x-oauth2` describe them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OAuth2Def {
    /// The token endpoint, possibly relative to the base URL; `None` without a client-credentials flow.
    pub token_url: Option<String>,
    /// `x-oauth2.revoke`: the revocation endpoint (RFC 7009).
    pub revoke: Option<String>,
    /// `x-oauth2.member`: the form field that names a member (child) account.
    pub member: Option<String>,
    /// `x-oauth2.revoke-auth: basic`: revoke signs in by HTTP basic authentication.
    pub revoke_basic: bool,
    /// `x-oauth2.grant-type: omit`: the form leaves `grant_type` out.
    pub omit_grant_type: bool,
}

/// Headers that tell the rate limit (`x-rate-limit`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RateLimitHeaders {
    /// How many calls are left.
    #[serde(default)]
    pub remaining: Option<String>,
    /// When calls are welcome again.
    #[serde(default)]
    pub reset: Option<String>,
    /// `epoch` or `seconds`.
    #[serde(default)]
    pub reset_unit: Option<String>,
}

/// JSON pointers into an error body (`x-error`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorPointers {
    /// To the message.
    #[serde(default)]
    pub message: Option<String>,
    /// To the service's own error code.
    #[serde(default)]
    pub code: Option<String>,
    /// To the identifier of the request in the service's logs.
    #[serde(default)]
    pub trace: Option<String>,
}

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
            schemas: Vec::new(),
        }
    }
}
