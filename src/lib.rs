//! Calls any API operation by its operation ID.

mod error;
pub mod operation;
mod params;
mod request;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod source;
pub mod spec;
mod table;

pub use error::{
    Ambiguous, ArgumentsError, AuthError, ConfigError, DecodeError, Error, IoError, Phase, Refused, Result,
    TransportError, UnknownOperation, UnsafeError,
};
pub use operation::{Location, Method, Style, Types};
pub use params::{Argument, Body, FilePart, Number, Params};
pub use request::{Content, Part, PartContent, Problem, Request};
pub use table::{GraphQl, MediaType, Operation, OperationTable, Parameter, Property, RequestBody, Schema};
