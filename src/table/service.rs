//! The operations of one service, and what holds for all of them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use once_cell::sync::OnceCell;

use super::format::{Tier, layout};
use super::kept::Kept;
use super::listed::Listed;
use super::loaded::{self, Indexed, Loaded, Settle};
use super::operation::Operation;
use super::view::View;
use crate::document::Document;
use crate::error::{Error, Result};
use crate::explain::{self, Said};
use crate::operation::ServiceDef;
use crate::spec::{Patch, Position, Source, SpecError, Warning};

/// The operations of one service.
pub(crate) struct ServiceTable {
    name: String,
    is_built_in: bool,
    store: Store,
    /// What holds for the whole service, where no document has it.
    definition: OnceCell<Arc<ServiceDef>>,
    /// Where it was read from.
    origin: Option<Document>,
    places: Mutex<Places>,
}

/// Where faults of a service's operations stand.
#[derive(Default)]
struct Places {
    /// By file and pointer: a batch asks for the same one again and again.
    known: HashMap<(String, String), Option<Position>>,
    /// How many bytes of text were looked through for them.
    looked: usize,
}

impl Places {
    /// So many bytes are looked through: each look begins at the head of its text, and of ten thousand faults nobody
    /// wants a minute's wait for their lines.
    const ENOUGH: usize = 32 << 20;

    /// Looks for the place of a fault in its text.
    fn look(&mut self, document: &Document, fault: &SpecError, about: (String, String)) -> Option<Position> {
        if self.looked >= Self::ENOUGH {
            return None;
        }
        let (place, bytes) = document.place_of(fault);
        self.looked += bytes;
        self.known.insert(about, place);
        place
    }
}

/// Where the operations are.
enum Store {
    Compiled(Cow<'static, [u8]>),
    Lazy(Box<dyn Indexed>),
    Kept(Box<Kept>),
}

impl ServiceTable {
    /// The service of a compiled table, or `None` where the bytes are none of this version.
    pub(crate) fn compiled(is_built_in: bool, bytes: Cow<'static, [u8]>) -> Option<Self> {
        let name = View::new(&bytes)?.service_name().to_owned();
        Some(Self {
            name,
            is_built_in,
            store: Store::Compiled(bytes),
            definition: OnceCell::new(),
            origin: None,
            places: Mutex::default(),
        })
    }

    /// The service of a document's text, read now.
    pub(crate) fn of_document(
        name: &str,
        bytes: Cow<'_, [u8]>,
        source: impl Source + Send + Sync + 'static,
        settle: Settle<'_>,
    ) -> Result<(Self, Vec<Warning>)> {
        loaded::document(name, bytes, source, settle)
            .map(|(loaded, warnings)| (Self::loaded(loaded), warnings))
    }

    /// The service of a folder, read now, each document changed by a patch.
    pub(crate) fn of_folder(
        name: &str,
        source: &dyn Source,
        patch: &dyn Patch,
        settle: Settle<'_>,
    ) -> Result<(Self, Vec<Warning>)> {
        let read = loaded::folder(name, source, patch, settle);
        read.map(|(loaded, warnings)| (Self::loaded(loaded), warnings))
    }

    fn loaded(loaded: Loaded) -> Self {
        Self::of(match loaded {
            Loaded::Compiled(bytes) => Store::Compiled(Cow::Owned(bytes)),
            Loaded::Lazy(document) => Store::Lazy(document),
        })
    }

    fn of(store: Store) -> Self {
        let name = match &store {
            Store::Lazy(document) => document.service().name.clone(),
            Store::Compiled(bytes) => View::checked(bytes).service_name().to_owned(),
            Store::Kept(kept) => kept.service_name().to_owned(),
        };
        Self {
            name,
            is_built_in: false,
            store,
            definition: OnceCell::new(),
            origin: None,
            places: Mutex::default(),
        }
    }

    /// The service of a document that was compiled before.
    pub(super) fn kept(kept: Box<Kept>) -> Self {
        Self::of(Store::Kept(kept))
    }

    /// Notes where it was read from.
    pub(super) fn remember(&mut self, document: &Document) {
        self.origin = Some(document.clone());
    }

    /// Who said each thing of one of its operations.
    pub(super) fn explain(&self, operation: Operation<'_>) -> Result<Vec<Said>> {
        let documents = &self.definition().documents;
        if let Some(document) = &self.origin {
            return document.explain(operation, documents);
        }
        let folder = self.is_built_in.then(|| format!("specs/{}", self.name));
        Ok(explain::of_compiled(operation, folder.as_deref(), documents))
    }

    /// The service's short name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it came with this build.
    pub(crate) fn is_built_in(&self) -> bool {
        self.is_built_in
    }

    /// How many operations it has.
    pub(crate) fn len(&self) -> u32 {
        match &self.store {
            Store::Compiled(bytes) => View::checked(bytes).rows(layout::OPERATIONS),
            Store::Lazy(document) => document.len(),
            Store::Kept(kept) => kept.len(),
        }
    }

    /// What holds for the whole service; read from the table when first needed.
    pub(crate) fn definition(&self) -> &Arc<ServiceDef> {
        let read = |json: &str| Arc::new(serde_json::from_str(json).unwrap_or_default());
        match &self.store {
            Store::Compiled(bytes) => {
                self.definition.get_or_init(|| read(View::checked(bytes).service_json()))
            }
            Store::Lazy(document) => document.service(),
            Store::Kept(kept) => self.definition.get_or_init(|| read(kept.service_json())),
        }
    }

    /// The rows of the operations that answer to a name in a tier, each once.
    pub(crate) fn named(&self, tier: Tier, name: &str) -> Vec<u32> {
        match &self.store {
            Store::Compiled(bytes) => View::checked(bytes).named(tier, name),
            Store::Kept(kept) => kept.named(tier, name),
            Store::Lazy(document) => {
                let mut rows = Vec::new();
                document.each_named(tier, name, &mut |row| rows.push(row));
                rows
            }
        }
    }

    /// The same for who needs no list of them and knows the name's hash.
    pub(super) fn each_named(&self, tier: Tier, (name, hash): (&str, u32), mut tell: impl FnMut(u32)) {
        match &self.store {
            Store::Compiled(bytes) => View::checked(bytes).rows_hashed(tier, name, hash).for_each(tell),
            Store::Lazy(document) => document.each_named(tier, name, &mut tell),
            Store::Kept(kept) => kept.named(tier, name).into_iter().for_each(tell),
        }
    }

    /// An operation, whole.
    ///
    /// # Errors
    /// [`crate::Error::Spec`] where a document loaded now says something broken about it.
    pub(crate) fn operation(&self, row: u32) -> Result<Operation<'_>> {
        match &self.store {
            Store::Compiled(bytes) => Ok(Operation { view: View::checked(bytes), row }),
            Store::Lazy(document) => document.operation(row),
            Store::Kept(kept) => kept.operation(row),
        }
    }

    /// A fault of one of its operations with its place in the text, where it is known what that was read from. Of many
    /// faults of a large text the first have one.
    pub(super) fn located(&self, error: Error) -> Error {
        let Some(document) = &self.origin else { return error };
        let Error::Spec(mut fault) = error else { return error };
        if fault.position.is_none() {
            let about = (fault.file.clone(), fault.pointer.clone().unwrap_or_default());
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            let known = places.known.get(&about).copied();
            fault.position = known.unwrap_or_else(|| places.look(document, &fault, about));
        }
        Error::Spec(fault)
    }

    /// An operation as far as its names go; `None` where there is none of that row.
    pub(crate) fn listed(&self, row: u32) -> Option<Listed<'_>> {
        match &self.store {
            Store::Compiled(bytes) => Some(Operation { view: View::checked(bytes), row }.into()),
            Store::Lazy(document) => document.listed(row),
            Store::Kept(kept) => kept.listed(row),
        }
    }
}

impl fmt::Debug for ServiceTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceTable")
            .field("name", &self.name)
            .field("is_built_in", &self.is_built_in)
            .field("is_kept", &matches!(self.store, Store::Kept(_)))
            .field("operations", &self.len())
            .finish_non_exhaustive()
    }
}
