//! Calls any API operation by its operation ID.

pub mod operation;

pub use operation::Method;
