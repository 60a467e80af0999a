//! The operation table: every operation of every service by its names.
//!
//! A table is one byte format with several origins ([`format`]): built in, or made from a document now.
//! [`OperationTable::get`] finds an operation by the rules of the tiers; [`view`] reads what it says.

pub(crate) mod format;
pub(crate) mod view;

pub use view::{GraphQl, MediaType, Operation, Parameter, Property, RequestBody, Schema};
