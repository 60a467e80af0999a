//! Calls any API operation by its operation ID.

#[cfg(feature = "client")]
mod auth;
#[cfg(feature = "blocking")]
pub mod blocking;
mod error;
#[cfg(feature = "client")]
mod harness;
pub mod operation;
#[cfg_attr(
    not(feature = "client"),
    allow(dead_code, unused_imports, reason = "the harness, which needs `client`, is the door")
)]
mod params;
#[cfg(feature = "client")]
mod profile;
#[cfg_attr(
    not(feature = "client"),
    allow(dead_code, unused_imports, reason = "the harness, which needs `client`, is the door")
)]
mod request;
#[cfg(feature = "client")]
mod response;
#[cfg(feature = "sandbox")]
pub mod sandbox;
#[cfg_attr(
    not(feature = "client"),
    allow(dead_code, unused_imports, reason = "the harness, which needs `client`, is the door")
)]
mod schema;
pub mod source;
pub mod spec;
mod table;
#[cfg(feature = "client")]
mod transport;

#[cfg(feature = "client")]
pub use auth::{CredentialFuture, CredentialProvider, ProviderError};
pub use error::{
    Ambiguous, ArgumentsError, AuthError, ConfigError, DecodeError, Error, IoError, Phase, Refused, Result,
    TransportError, UnknownOperation, UnsafeError,
};
#[cfg(feature = "client")]
pub use harness::{Command, Harness, HarnessBuilder, command};
pub use operation::{Location, Method, Style, Types};
pub use params::{Argument, Body, FilePart, Number, Params};
#[cfg(feature = "client")]
pub use profile::{Credentials, Profile};
pub use request::{Content, Part, PartContent, Problem, Request};
#[cfg(feature = "client")]
pub use response::Response;
pub use table::{GraphQl, MediaType, Operation, OperationTable, Parameter, Property, RequestBody, Schema};
