//! Calls any API operation by its operation ID.

pub mod operation;
mod table;

pub use operation::{Location, Method, Style, Types};
pub use table::{GraphQl, MediaType, Operation, Parameter, Property, RequestBody, Schema};
