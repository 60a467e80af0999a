//! An operation as far as its names go: of a table, or of a document's index, which has no table of them.

use std::borrow::Cow;

use super::operation::Operation;
use crate::operation::{Method, OperationDef};
use crate::spec::Entry;

/// What an operation is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed<'t> {
    service: &'t str,
    id: Cow<'t, str>,
    aliases: Vec<Cow<'t, str>>,
    method: Method,
    path: Cow<'t, str>,
}

impl<'t> Listed<'t> {
    pub(super) fn new(
        service: &'t str,
        id: Cow<'t, str>,
        aliases: Vec<Cow<'t, str>>,
        method: Method,
        path: Cow<'t, str>,
    ) -> Self {
        Self { service, id, aliases, method, path }
    }

    /// An operation of a service's document.
    pub(super) fn of_entry(service: &'t str, entry: Entry<'t>) -> Self {
        let Entry { id, aliases, method, path, .. } = entry;
        Self { service, id, aliases: aliases.into_iter().map(Cow::Owned).collect(), method, path }
    }

    /// The short name of its service.
    pub(crate) fn service(&self) -> &'t str {
        self.service
    }

    /// The document's `operationId`, or the name made in its place.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The ID with its service in front.
    pub(super) fn qualified_id(&self) -> String {
        [self.service, ":", &self.id].concat()
    }

    /// Its method and path, with its service in front.
    pub(super) fn endpoint(&self) -> String {
        format!("{}:{} {}", self.service, self.method, self.path)
    }

    /// Its ID and the further ones.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.id).chain(&self.aliases).map(|id| &**id)
    }

    /// The method.
    pub(crate) fn method(&self) -> &Method {
        &self.method
    }

    /// The path key.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

impl<'t> From<&'t OperationDef> for Listed<'t> {
    /// Without its service.
    fn from(operation: &'t OperationDef) -> Self {
        Self {
            service: "",
            id: Cow::Borrowed(&operation.id),
            aliases: operation.aliases.iter().map(|alias| Cow::Borrowed(alias.as_str())).collect(),
            method: operation.method.clone(),
            path: Cow::Borrowed(&operation.path),
        }
    }
}

impl<'t> From<Operation<'t>> for Listed<'t> {
    fn from(operation: Operation<'t>) -> Self {
        Self {
            service: operation.service(),
            id: Cow::Borrowed(operation.id()),
            aliases: operation.aliases().map(Cow::Borrowed).collect(),
            method: operation.method(),
            path: Cow::Borrowed(operation.path()),
        }
    }
}
