//! The operation table: every operation of every service by its names.
//!
//! A table is one byte format with several origins ([`format`]): built in, made from a document now, or kept from
//! before ([`kept`]).
//! [`OperationTable::get`] finds an operation by the rules of the tiers; [`view`] reads what it says.

pub(crate) mod format;
pub(crate) mod kept;
mod left_out;
mod listed;
mod loaded;
mod lookup;
mod operation;
mod parts;
mod search;
mod service;
pub(crate) mod view;

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use once_cell::sync::Lazy;

use self::format::Tier;
use self::left_out::LeftOut;
use self::view::View;
use crate::document::Document;
use crate::error::{Ambiguous, Error, Result, UnknownOperation};
use crate::explain::Said;
use crate::operation::ServiceDef;
use crate::spec::{Patch, Source, SpecError, Warning};

pub(crate) use listed::Listed;
pub(crate) use loaded::Settle;
pub use operation::{GraphQl, Operation};
pub(crate) use parts::SchemaPlace;
pub use parts::{MediaType, Parameter, Property, RequestBody, Schema};
pub(crate) use service::ServiceTable;

include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

// A build that kept tables of another version must not become a program without operations.
const _: () = {
    let mut number = 0;
    while number < BUILT_IN.len() {
        assert!(
            View::begins(BUILT_IN[number].1),
            "these tables are of another version: run `cargo clean -p opcall`"
        );
        number += 1;
    }
};

/// The operations of several services, found by name.
///
/// Cheap to clone: the services are shared. Nothing is parsed when a table is made.
///
/// ```
/// let table = opcall::OperationTable::built_in();
/// assert_eq!(table.get("tokens-query")?.id(), "tokens_query");
/// assert_eq!(table.get("panther:api_token_list")?.path(), "/api-tokens");
/// # Ok::<(), opcall::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct OperationTable {
    services: Vec<Arc<ServiceTable>>,
    /// What was left out of documents that were read whole.
    left_out: Arc<[LeftOut]>,
}

/// The [`OperationTable`] that the crate's build script compiled (feature `build`, `opcall::build::compile`), by its
/// name: that of a document without its ending, or of a folder.
///
/// The table is part of the program, and nothing is read or parsed when it starts.
///
/// ```ignore
/// let table = opcall::include_table!("petstore");
/// let harness = opcall::Harness::builder().table(table).build()?;
/// ```
#[macro_export]
macro_rules! include_table {
    ($name:literal) => {{
        const TABLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".table"));
        const {
            assert!(
                $crate::OperationTable::fits(TABLE),
                "another version of opcall compiled this table: name one version in [dependencies] and \
                 [build-dependencies]"
            );
        }
        $crate::OperationTable::included(TABLE)
    }};
}

/// Whether a name is `METHOD /path`.
fn is_endpoint(name: &str) -> bool {
    name.split_once(' ').is_some_and(|(method, path)| {
        path.trim_start().starts_with('/') && method.bytes().all(|letter| letter.is_ascii_alphabetic())
    })
}

/// The tiers in which a name is looked for. A method and a path mean that endpoint or none: folded, they could be the ID
/// of another.
fn tiers(name: &str) -> impl Iterator<Item = Tier> + use<> {
    let last = if is_endpoint(name) { Tier::Path } else { Tier::Flat };
    Tier::ALL.into_iter().filter(move |tier| *tier <= last)
}

/// So many operations of one name are read to tell which of them can be; of more of them none is meant.
const MAX_READ: usize = 1_000;

/// So many of the operations that a name may mean are told.
const MANY_CANDIDATES: usize = 10;

/// One operation that answers to a name: its service's number and its row there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    service: usize,
    row: u32,
}

impl Place {
    /// The number of its service, in the order of [`OperationTable::services`].
    #[cfg(feature = "client")]
    pub(crate) fn service(self) -> usize {
        self.service
    }

    /// The number of the operation among those of its service.
    #[cfg(feature = "client")]
    pub(crate) fn row(self) -> u32 {
        self.row
    }
}

impl OperationTable {
    /// The services that this build carries.
    #[must_use]
    pub fn built_in() -> Self {
        static TABLE: Lazy<OperationTable> = Lazy::new(|| OperationTable {
            services: BUILT_IN
                .iter()
                .filter_map(|(_, bytes)| ServiceTable::compiled(true, Cow::Borrowed(*bytes)))
                .map(Arc::new)
                .collect(),
            left_out: Arc::default(),
        });
        TABLE.clone()
    }

    /// A table of one service from its compiled bytes.
    ///
    /// # Errors
    /// [`Error::Spec`] where the bytes are no table of this version.
    pub fn load(bytes: impl Into<Cow<'static, [u8]>>) -> Result<Self> {
        let service = ServiceTable::compiled(false, bytes.into()).ok_or_else(|| {
            let problem = format!("is no operation table of format version {}", format::VERSION);
            SpecError::new(problem)
                .file("compiled table")
                .hint("Compile the document again with this version.")
        })?;
        Ok(Self::of_service(service))
    }

    /// The table of [`include_table!`](crate::include_table), whose bytes [`OperationTable::fits`] has checked.
    #[doc(hidden)]
    #[must_use]
    pub fn included(bytes: &'static [u8]) -> Self {
        let service = ServiceTable::compiled(false, Cow::Borrowed(bytes));
        service.map(Self::of_service).unwrap_or_default()
    }

    /// Whether bytes begin as a table of this version does; while a program is compiled.
    #[doc(hidden)]
    #[must_use]
    pub const fn fits(bytes: &[u8]) -> bool {
        View::begins(bytes)
    }

    /// Reads a document (JSON or YAML), or a service's folder, with what was passed over in it; [`Document`] has the
    /// choices.
    ///
    /// A document is indexed in one pass; its operations are read when they are first asked for.
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be read, [`Error::Spec`] where it is no description.
    ///
    /// ```no_run
    /// let mut table = opcall::OperationTable::built_in();
    /// let (petstore, warnings) = opcall::OperationTable::read("petstore.json")?;
    /// for warning in &warnings {
    ///     eprintln!("{warning}");
    /// }
    /// table.add(petstore);
    /// # Ok::<(), opcall::Error>(())
    /// ```
    pub fn read(path: impl AsRef<Path>) -> Result<(Self, Vec<Warning>)> {
        Document::open(path.as_ref()).read()
    }

    /// The operations of a document's text.
    pub(crate) fn of_document(
        name: &str,
        bytes: Cow<'_, [u8]>,
        source: impl Source + Send + Sync + 'static,
        settle: Settle<'_>,
    ) -> Result<(Self, Vec<Warning>)> {
        ServiceTable::of_document(name, bytes, source, settle).map(Self::of_read)
    }

    /// The operations of a service's folder, each document changed by a patch.
    pub(crate) fn of_folder(
        name: &str,
        source: &dyn Source,
        patch: &dyn Patch,
        settle: Settle<'_>,
    ) -> Result<(Self, Vec<Warning>)> {
        ServiceTable::of_folder(name, source, patch, settle).map(Self::of_read)
    }

    fn of_service(service: ServiceTable) -> Self {
        Self { services: vec![Arc::new(service)], left_out: Arc::default() }
    }

    fn of_read((service, warnings): (ServiceTable, Vec<Warning>)) -> (Self, Vec<Warning>) {
        (Self::of_service(service), warnings)
    }

    /// The operations of a document that was compiled before.
    pub(crate) fn of_kept(opened: kept::Opened, reload: kept::Reload) -> (Self, Vec<Warning>) {
        Self::of_read(opened.into_service(reload))
    }

    /// Notes the document that the services came from, for [`OperationTable::explain`].
    pub(crate) fn remember(&mut self, document: &Document) {
        for service in self.services.iter_mut().filter_map(Arc::get_mut) {
            service.remember(document);
        }
    }

    /// Who said each thing of an operation of this table: the file and the place in it, overlays and files reached by
    /// references among them. The files are read once more for it. Of a built-in service, whose files are not at
    /// hand, it is the file in this crate's source and the operation in it.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Spec`] where the files cannot be read any more, or have not the operation.
    ///
    /// ```
    /// # #[cfg(feature = "falcon")]
    /// # {
    /// let table = opcall::OperationTable::built_in();
    /// let said = table.explain(table.get("tokens_query")?)?;
    /// assert_eq!(said[0].place.file, "specs/falcon/installation_tokens.yaml");
    /// # }
    /// # Ok::<(), opcall::Error>(())
    /// ```
    pub fn explain(&self, operation: Operation<'_>) -> Result<Vec<Said>> {
        match self.service(operation.service()) {
            Some(service) => service.explain(operation),
            None => Ok(Vec::new()),
        }
    }

    /// Adds the services of another table. A service of the same name is replaced and its name returned, so that
    /// the shadowing can be reported.
    pub fn add(&mut self, other: Self) -> Vec<String> {
        let mut shadowed = Vec::new();
        self.take_left_out(&other);
        for service in other.services {
            if let Some(known) = self.services.iter_mut().find(|known| known.name() == service.name()) {
                shadowed.push(service.name().to_owned());
                *known = service;
            } else {
                self.services.push(service);
            }
        }
        shadowed
    }

    /// The short names of the services.
    #[must_use]
    pub fn services(&self) -> impl ExactSizeIterator<Item = &str> {
        self.services.iter().map(|service| service.name())
    }

    /// The environment variables that a service is configured by, as (what they hold, their names), the first found
    /// of a name list counts (`x-environment`); none for a service that is not known.
    #[must_use]
    pub fn environment(&self, service: &str) -> &[(String, Vec<String>)] {
        self.service(service).map_or(&[], |service| &service.definition().environment)
    }

    /// What a document says of its service as a whole; nothing for a service that is not known.
    #[must_use]
    pub fn definition(&self, service: &str) -> Option<&ServiceDef> {
        self.service(service).map(|service| &**service.definition())
    }

    pub(crate) fn service(&self, name: &str) -> Option<&ServiceTable> {
        self.services.iter().find(|service| service.name() == name).map(Arc::as_ref)
    }

    /// How many operations the table has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.services.iter().map(|service| service.len() as usize).sum()
    }

    /// Whether the table has no operation.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Finds an operation by its ID, an alias, `METHOD /path`, or a spelling of them, with `service:` in front where
    /// the service matters. The tiers are tried in that order; one that has exactly one operation ends the search. Of
    /// several of a name those that cannot be read are not meant, where another can.
    ///
    /// # Errors
    /// [`Error::UnknownOperation`] with the nearest identifiers, [`Error::Ambiguous`] with the first candidates, and
    /// [`Error::Spec`] where a document loaded now says something broken about the operation: then no other service's of
    /// that name is meant.
    ///
    /// ```
    /// let table = opcall::OperationTable::built_in();
    /// for name in ["tokens_query", "falcon:tokens-query", "TokensQuery", "GET /installation-tokens/queries/tokens/v1"] {
    ///     assert_eq!(table.get(name)?.id(), "tokens_query");
    /// }
    /// # Ok::<(), opcall::Error>(())
    /// ```
    pub fn get(&self, name: &str) -> Result<Operation<'_>> {
        self.find(None, name)
    }

    /// As [`OperationTable::get`], in one service.
    ///
    /// # Errors
    /// As [`OperationTable::get`].
    pub fn find(&self, service: Option<&str>, name: &str) -> Result<Operation<'_>> {
        self.at(self.locate(service, name)?)
    }

    /// The operation at a place of this table.
    pub(crate) fn at(&self, place: Place) -> Result<Operation<'_>> {
        let service = &self.services[place.service];
        service.operation(place.row).map_err(|error| service.located(error))
    }

    /// Where the operation is that [`OperationTable::find`] finds.
    pub(crate) fn locate(&self, service: Option<&str>, name: &str) -> Result<Place> {
        let (service, bare) = self.split_namespace(service, name);
        if let Some(error) = self.why_left_out(service, bare) {
            return Err(error.into());
        }
        if let Some(one) = self.exact(service, bare) {
            return Ok(one);
        }
        match self.sound(self.first_tier(service, bare))[..] {
            [] => {
                let search::Near { suggestions, word } = search::near(self, service, bare, name);
                let name = name.to_owned();
                Err(Error::UnknownOperation(Box::new(UnknownOperation { name, suggestions, word })))
            }
            [one] => Ok(one),
            ref several => Err(self.ambiguous(name, several)),
        }
    }

    /// The ID of an operation where it alone tells which one is meant, else with its service; of one of several that
    /// have the ID there, the method and the path.
    pub(crate) fn short_name(&self, operation: &Listed<'_>) -> String {
        let (named, id) = self.split_namespace(None, operation.id());
        match self.first_tier(named, id)[..] {
            [one]
                if self.services[one.service].name() == operation.service()
                    && self.why_left_out(named, id).is_none() =>
            {
                operation.id().to_owned()
            }
            _ if self.first_tier(Some(operation.service()), operation.id()).len() > 1 => operation.endpoint(),
            _ => operation.qualified_id(),
        }
    }

    /// As [`OperationTable::get`] for who only looks whether there is one: `None` in place of an error, and no time
    /// spent on the nearest identifiers.
    #[must_use]
    pub fn lookup(&self, name: &str) -> Option<Operation<'_>> {
        let (service, bare) = self.split_namespace(None, name);
        if self.why_left_out(service, bare).is_some() {
            return None;
        }
        match self.sound(self.first_tier(service, bare))[..] {
            [one] => self.services[one.service].operation(one.row).ok(),
            _ => None,
        }
    }

    /// The one operation whose ID is a name, letter for letter; `None` where there is none or more than one.
    fn exact(&self, service: Option<&str>, name: &str) -> Option<Place> {
        let (mut found, mut is_one) = (None, true);
        let hashed = (name, format::hash_name(Tier::Exact, name));
        for (number, table) in self.services.iter().enumerate() {
            if service.is_none_or(|wanted| wanted == table.name()) {
                table.each_named(Tier::Exact, hashed, |row| {
                    let one = Place { service: number, row };
                    is_one &= *found.get_or_insert(one) == one;
                });
            }
        }
        found.filter(|_| is_one)
    }

    /// The operations of the first tier that has any for a name.
    fn first_tier(&self, service: Option<&str>, name: &str) -> Vec<Place> {
        tiers(name)
            .map(|tier| self.candidates(service, tier, name))
            .find(|candidates| !candidates.is_empty())
            .unwrap_or_default()
    }

    /// Of several operations of a name in one service those that are not broken, if any: a document that is read whole
    /// has no others.
    fn sound(&self, several: Vec<Place>) -> Vec<Place> {
        let is_elsewhere = |one: &Place| one.service != several[0].service;
        if several.len() < 2 || several.len() > MAX_READ || several.iter().any(is_elsewhere) {
            return several;
        }
        let is_sound =
            |one: &&Place| !matches!(self.services[one.service].operation(one.row), Err(Error::Spec(_)));
        let sound: Vec<_> = several.iter().filter(is_sound).copied().collect();
        if sound.is_empty() || sound.len() == several.len() {
            return several;
        }
        tracing::warn!("of several operations of this name those that are broken are not meant");
        sound
    }

    /// All operations, service by service in the documents' order. Those of a document loaded now that turn out to
    /// be broken are left out.
    pub fn iter(&self) -> impl Iterator<Item = Operation<'_>> {
        self.services
            .iter()
            .flat_map(|service| (0..service.len()).filter_map(|row| service.operation(row).ok()))
    }

    /// The operations that hold every word in their IDs, path, summary, tags, method or service, the best matches
    /// first; all of them for no word.
    #[must_use]
    pub fn search(&self, words: &str) -> Vec<Operation<'_>> {
        search::search(self, words)
    }

    /// A known `service:` in front wins; other colons belong to the name.
    fn split_namespace<'a>(&self, service: Option<&'a str>, name: &'a str) -> (Option<&'a str>, &'a str) {
        match name.split_once(':') {
            Some((prefix, rest)) if self.service(prefix).is_some() => (Some(prefix), rest),
            _ => (service, name),
        }
    }

    fn candidates(&self, service: Option<&str>, tier: Tier, name: &str) -> Vec<Place> {
        let key = match tier {
            Tier::Exact | Tier::Alias | Tier::Made => Cow::Borrowed(name),
            Tier::Path => return self.endpoints(service, name),
            Tier::Separators => Cow::Owned(format::fold_separators(name)),
            Tier::Flat => Cow::Owned(format::fold_flat(name)),
        };
        self.prefer_loaded(self.keyed(service, tier, &key))
    }

    /// The operations of a method and a path. A method of a document's own is found in its own case first, for the
    /// case of methods counts; without one, the case does not matter.
    fn endpoints(&self, service: Option<&str>, name: &str) -> Vec<Place> {
        let Some((method, path)) = name.split_once(' ') else { return Vec::new() };
        let path = path.trim_start();
        let spelled = |method: &str| self.keyed(service, Tier::Path, &format!("{method} {path}"));
        let folded = || spelled(&method.to_ascii_uppercase());
        self.prefer_loaded(Some(spelled(method)).filter(|found| !found.is_empty()).unwrap_or_else(folded))
    }

    /// The operations that have a key in a tier.
    fn keyed(&self, service: Option<&str>, tier: Tier, key: &str) -> Vec<Place> {
        let mut found = Vec::new();
        for (number, table) in self.services.iter().enumerate() {
            if service.is_none_or(|wanted| wanted == table.name()) {
                found.extend(table.named(tier, key).into_iter().map(|row| Place { service: number, row }));
            }
        }
        found
    }

    /// A service loaded now wins over a built-in one.
    fn prefer_loaded(&self, found: Vec<Place>) -> Vec<Place> {
        let is_loaded = |candidate: &Place| !self.services[candidate.service].is_built_in();
        if found.iter().any(is_loaded) && !found.iter().all(is_loaded) {
            tracing::warn!("a loaded service has an operation of this name: the built-in one is not meant");
            return found.into_iter().filter(is_loaded).collect();
        }
        found
    }

    /// What to say instead: the first of its ID, its `METHOD /path` and its aliases that means it alone.
    fn ambiguous(&self, name: &str, candidates: &[Place]) -> Error {
        // Very many may have one name, which is then looked up once.
        let mut known: HashMap<String, Option<Place>> = HashMap::new();
        let mut means = |service: &str, name: &str| {
            let look = || Some(self.first_tier(Some(service), name)).filter(|found| found.len() == 1)?.pop();
            *known.entry(format!("{service}:{name}")).or_insert_with(look)
        };
        let spelled = |one: &Place| {
            let operation = self.services[one.service].listed(one.row)?;
            let service = operation.service();
            let endpoint = format!("{} {}", operation.method(), operation.path());
            let (id, aliases) = (operation.id(), operation.ids().skip(1));
            let mut names = [id, &endpoint].into_iter().chain(aliases);
            let own = names.find(|name| means(service, name) == Some(*one));
            Some((format!("{service}:{}", own.unwrap_or(&endpoint)), own.is_none()))
        };
        let (mut named, mut others) = (Vec::new(), Vec::new());
        let (mut count, mut nameless) = (0, 0);
        for (name, is_nameless) in candidates.iter().filter_map(spelled) {
            count += 1;
            nameless += usize::from(is_nameless);
            let names = if is_nameless { &mut others } else { &mut named };
            if names.len() < MANY_CANDIDATES {
                names.push(name);
            }
        }
        named.append(&mut others);
        named.truncate(MANY_CANDIDATES);
        Error::Ambiguous(Box::new(Ambiguous { name: name.to_owned(), count, candidates: named, nameless }))
    }

    /// Every operation's place: its service and its row.
    fn places(&self) -> impl Iterator<Item = (&ServiceTable, u32)> {
        self.services.iter().flat_map(|service| (0..service.len()).map(move |row| (&**service, row)))
    }
}

#[cfg(test)]
mod tests;
