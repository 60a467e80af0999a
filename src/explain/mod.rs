//! Who said what: the file, and the place in it, for each thing that is known of an operation.
//!
//! Nothing of this is kept while documents are read. When somebody asks, the files of the document are read once
//! more: `layers` knows which of them (the document, `service.yaml` laid under it, the overlays over it, the files
//! that references lead to) put a node where it is, `walk` finds the nodes that an operation is made of.

mod layers;
#[cfg(test)]
mod tests;
mod walk;

use crate::operation::Method;
use crate::overlay::pointer;
use crate::table::Operation;

pub(crate) use layers::{File, Layers};

/// Who said one thing of an operation ([`crate::OperationTable::explain`]).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Said {
    /// What was said: `operation`, `summary`, `parameter`, `body`, `property`, `servers`, `security scheme`, or an
    /// extension's name such as `x-scope`.
    pub what: String,
    /// Which one, where there may be several: `query.limit`, `body.label`, a media type, a scheme's name.
    pub name: Option<String>,
    /// The part of it, as a JSON pointer from there, where an overlay changed no more than that.
    pub part: Option<String>,
    /// Where it stands.
    pub place: Place,
    /// The references that led there, the first one first.
    pub through: Vec<Place>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The file; that of a built-in service is named as in this crate's source, `specs/<service>/<file>`.
    pub file: String,
    /// The JSON pointer as a URI fragment; `None` in what is no JSON or YAML (GraphQL).
    pub pointer: Option<String>,
    /// The line, counted from 1, where the text is at hand and small enough to be searched.
    pub line: Option<usize>,
    /// The number of the action in an overlay, counted from 0 as in its pointer.
    pub action: Option<usize>,
}

/// What a document that is at hand says of an operation.
pub(crate) fn of_document(layers: &Layers, operation: Operation<'_>) -> Option<Vec<Said>> {
    walk::things(layers, operation).map(|things| layers.said(things))
}

/// What is known of an operation whose document was compiled: the file, and the operation's place in it.
pub(crate) fn of_compiled(operation: Operation<'_>, folder: Option<&str>, documents: &[String]) -> Vec<Said> {
    let Some(name) = documents.get(operation.document() as usize) else { return Vec::new() };
    let full = |name: &str| folder.map_or_else(|| name.to_owned(), |folder| format!("{folder}/{name}"));
    let at = |file: &str, pointer: String| Place {
        file: full(file),
        pointer: Some(pointer),
        line: None,
        action: None,
    };
    let method = operation.method();
    let last = method.as_str().to_ascii_lowercase();
    let tokens = match &method {
        Method::Custom(name) => vec!["paths", walk::path(operation), "additionalOperations", name],
        _ => vec!["paths", walk::path(operation), &last],
    };
    let place = at(name, pointer(tokens));
    let own = [
        ("tags", operation.tags().len() > 0),
        ("x-aliases", operation.aliases().len() > 0),
        ("x-scope", operation.scope().is_some()),
    ];
    let own = own.into_iter().filter(|(_, is_said)| *is_said).map(|(what, _)| (what.to_owned(), None));
    let mut said: Vec<Said> = walk::names(operation)
        .into_iter()
        .chain(own)
        .map(|(what, name)| Said { what, name, part: None, place: place.clone(), through: Vec::new() })
        .collect();
    // What holds for all operations of a folder stands in the document that is laid under the others.
    if folder.is_some() {
        for scheme in walk::schemes(operation) {
            let place = at(crate::spec::BASE, pointer(["components", "securitySchemes", scheme]));
            let (what, name) = ("security scheme".to_owned(), Some(scheme.to_owned()));
            said.push(Said { what, name, part: None, place, through: Vec::new() });
        }
    }
    said
}

/// The error of a document that has not the operation any more.
pub(crate) fn changed(file: &str) -> crate::error::Error {
    crate::spec::SpecError::new("the operation is not in the document any more: it changed since it was read")
        .hint("Call again.")
        .file(file)
        .into()
}
