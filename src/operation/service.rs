//! What holds for all operations of a service: servers, regions, sign-in, limits.

use serde::{Deserialize, Serialize};

use super::Location;

/// What holds for all operations of a service: a document's root, or a folder's `service.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServiceDef {
    /// Its short name, the namespace of its IDs (`x-service`, else the file's stem).
    pub name: String,
    /// The document's title.
    pub title: String,
    /// The document's version.
    pub version: String,
    /// The URL that the document was fetched from; `None` for a file on disk. Relative server URLs are relative to it
    /// (`OpenAPI` Server Object; RFC 3986 §5.1.3). 3.2's `$self` names the document, not the API, and does not count
    /// (`OpenAPI` 3.2 §4.5.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_url: Option<String>,
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
    /// The file names of its documents, which [`super::OperationDef::document`] counts in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<String>,
}

/// The keys that `x-environment` may map to variables.
pub const ENVIRONMENT_KEYS: [&str; 12] = [
    "base_url",
    "server",
    "server_variables",
    "region",
    "token_url",
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
    /// The value where none is given; the specification asks for one, a document may lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The values it may have; empty means any.
    #[serde(default, rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// What it means, in the document's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
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
    /// `Authorization` by an HTTP scheme (RFC 9110 §11).
    Http {
        /// The scheme's name: `bearer`, `basic` and `digest` in lower case, any other as the document writes it.
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
    /// `oauth2MetadataUrl` (`OpenAPI` 3.2, RFC 8414), where it has to tell the token endpoint of such a flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_url: Option<String>,
    /// `x-oauth2.revoke`: the revocation endpoint (RFC 7009), a URL or a reference below the base URL.
    pub revoke: Option<String>,
    /// `x-oauth2.member`: the form field that names a member (child) account.
    pub member: Option<String>,
    /// `x-oauth2.revoke-auth: basic`: revoke signs in by HTTP basic authentication.
    pub revoke_basic: bool,
    /// `x-oauth2.grant-type: omit`: the form leaves `grant_type` out.
    pub omit_grant_type: bool,
    /// `x-oauth2.client-auth`: how the client shows its ID and secret at the token endpoint.
    #[serde(default)]
    pub client_auth: ClientAuth,
}

/// How a client shows its ID and secret at the token endpoint (RFC 6749 §2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// In the form: `client_secret_post`.
    #[default]
    Post,
    /// By HTTP basic authentication, both form-encoded before: `client_secret_basic`.
    Basic,
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
