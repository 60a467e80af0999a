//! The header fields of a request: most have those that all requests of their operation have, and share them.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// Header fields in order, as (name in lower case, value). Clones are one and the same until one is changed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Fields(Arc<Vec<(String, String)>>);

impl Fields {
    /// The one field that every request has.
    pub(super) fn accepting(media_types: &str) -> Self {
        vec![("accept".to_owned(), media_types.to_owned())].into()
    }

    /// Whether both are one and the same, so that what was worked out for one serves the other.
    #[cfg(feature = "client")]
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl From<Vec<(String, String)>> for Fields {
    fn from(list: Vec<(String, String)>) -> Self {
        Self(Arc::new(list))
    }
}

impl Deref for Fields {
    type Target = Vec<(String, String)>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Fields {
    fn deref_mut(&mut self) -> &mut Self::Target {
        Arc::make_mut(&mut self.0)
    }
}
