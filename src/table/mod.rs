//! The operation table: every operation of every service by its names.
//!
//! A table is one byte format with several origins ([`format`]): built in, or made from a document now.
//! [`OperationTable::get`] finds an operation by the rules of the tiers; [`view`] reads what it says.

pub(crate) mod format;
mod search;
pub(crate) mod view;

use std::borrow::Cow;
use std::fmt;

use once_cell::sync::OnceCell;

use self::format::Tier;
use self::view::View;
use crate::error::{Ambiguous, Error, Result, UnknownOperation};
use crate::operation::ServiceDef;

pub use view::{GraphQl, MediaType, Operation, Parameter, Property, RequestBody, Schema};

/// The operations of several services, found by name.
///
/// ```
/// let table = opcall::OperationTable::built_in();
/// assert_eq!(table.get("tokens-query")?.id(), "tokens_query");
/// # Ok::<(), opcall::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct OperationTable {
    services: Vec<std::sync::Arc<ServiceTable>>,
}

/// The operations of one service.
pub(crate) struct ServiceTable {
    name: String,
    is_built_in: bool,
    bytes: Cow<'static, [u8]>,
    definition: OnceCell<ServiceDef>,
}

impl fmt::Debug for ServiceTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceTable")
            .field("name", &self.name)
            .field("is_built_in", &self.is_built_in)
            .field("operations", &self.len())
            .finish_non_exhaustive()
    }
}

impl ServiceTable {
    pub(crate) fn new(name: &str, is_built_in: bool, bytes: Cow<'static, [u8]>) -> Self {
        Self { name: name.to_owned(), is_built_in, bytes, definition: OnceCell::new() }
    }

    /// The service's short name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How many operations it has.
    pub(crate) fn len(&self) -> u32 {
        self.view().map_or(0, |view| view.rows(format::layout::OPERATIONS))
    }

    fn view(&self) -> Option<View<'_>> {
        View::new(&self.bytes)
    }

    /// What holds for the whole service; read from the table when first needed.
    pub(crate) fn definition(&self) -> &ServiceDef {
        self.definition.get_or_init(|| {
            let json = self.view().map(View::service_json).unwrap_or_default();
            serde_json::from_str(json).unwrap_or_default()
        })
    }

    fn operation(&self, row: u32) -> Option<Operation<'_>> {
        self.view().map(|view| Operation { view, row })
    }
}
