//! What changes a document between its text and its reading: a base that lies under it, overlays.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::document;
use super::error::{SpecError, Warning};
use super::limits::Limits;
use super::outline::{Outline, Touched};

/// Changes documents after they were parsed and before they are read.
pub(crate) trait Patch {
    /// Changes a document. In a folder what `service.yaml` says was laid under it before.
    ///
    /// # Errors
    /// Where the change cannot be made.
    fn patch(&self, document: &mut Value) -> Result<(), SpecError>;

    /// Tells which parts of a document it looks at or changes.
    fn touch(&self, touched: &mut Touched);

    /// Whether it changes nothing whatever the document.
    fn is_empty(&self) -> bool;
}

/// Changes nothing.
pub(super) struct NoPatch;

impl Patch for NoPatch {
    fn patch(&self, _document: &mut Value) -> Result<(), SpecError> {
        Ok(())
    }

    fn touch(&self, _touched: &mut Touched) {}

    fn is_empty(&self) -> bool {
        true
    }
}

/// The text of a document as JSON, changed by a patch, with what was passed over in it.
///
/// # Errors
/// Where the document cannot be read, or not be changed.
pub(crate) fn repaired(
    file: &str,
    bytes: &[u8],
    limits: Limits,
    patch: &dyn Patch,
) -> Result<(String, Vec<Warning>), SpecError> {
    let (text, warnings) = document::clean(file, document::text(file, bytes, limits)?, limits)?;
    let changed = changed(file, text, &Map::new(), patch)?;
    Ok((changed.into_owned(), warnings))
}

/// The text of a document over a base, with its patch. Only what is looked at or changed becomes a value.
pub(super) fn changed<'t>(
    file: &str,
    text: Cow<'t, str>,
    base: &Map<String, Value>,
    patch: &dyn Patch,
) -> Result<Cow<'t, str>, SpecError> {
    if base.is_empty() && patch.is_empty() {
        return Ok(text);
    }
    let mut touched = Touched::default();
    touched.under(base);
    patch.touch(&mut touched);
    let mut outline = Outline::of(&text, &touched).map_err(|error| error.file(file))?;
    if let Value::Object(document) = &mut outline.value {
        document::lay_over(base, document);
    }
    patch.patch(&mut outline.value)?;
    outline.into_text().map(Cow::Owned).map_err(|error| error.file(file))
}
