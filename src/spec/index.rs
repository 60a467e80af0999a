//! The lazy reading of JSON: one borrowing pass finds where each operation and component stands, and an
//! operation is extracted when it is asked for.
//!
//! Everything is kept as places in the text, so that an owner holds the text and its index side by side, and an index
//! takes little beside its text however many operations there are.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::error::{SpecError, Warning, told_token};
use super::extract::{self, Context, Site};
use super::head::{self, Head};
use super::ids::Ids;
use super::keys::Keys;
use super::limits::Limits;
use super::names::Aliases;
use super::parts::unquoted;
use super::pass::{self, Found, SHARED, Seen};
use super::place::{Components, Place};
use super::reference::{Resolve, Whole};
use super::schema::Reached;
use super::service::Defaults;
use super::swagger2::Upgrade;
use super::walk::may_name;
use super::warnings::Warnings;
use super::whole::{check_id, check_path};
use super::{Depth, NoSource, Source, document, file_name, names, nodes, openapi31, stem};
use crate::operation::{Method, OperationDef, ServiceDef};

/// Where everything of a JSON document stands. Its operations are numbered in the document's order.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Index {
    /// What holds for all operations.
    pub service: Arc<ServiceDef>,
    /// The format as `opcall check` names it: `openapi 3.0.3`.
    pub format: String,
    /// What was passed over so far; extracting an operation may find more.
    pub warnings: Vec<Warning>,
    file: String,
    upgrade: Option<Upgrade>,
    defaults: Defaults,
    items: Vec<Place>,
    /// By their path items.
    shared: Vec<(u32, u8, Place)>,
    operations: Vec<Seen>,
    /// By their operations.
    aliases: Vec<(u32, Place)>,
    components: Components,
}

/// An operation of an [`Index`] as far as its names go.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry<'t> {
    /// The document's `operationId`, or the name made for it.
    pub id: Cow<'t, str>,
    /// Whether the name was made.
    pub id_is_made: bool,
    /// Further IDs.
    pub aliases: Vec<String>,
    /// The method.
    pub method: Method,
    /// The path key, with a slash at its front.
    pub path: Cow<'t, str>,
}

/// Finds the operations of a JSON document. `None` where it must be read whole: the text is not JSON, its shape
/// is at fault, it has no paths or too many values, its parts have names, or its path items and operations are
/// references or carry GraphQL.
///
/// # Errors
/// Where the document is not one that can be read, whole or not, or has too many operations.
pub fn index(file: &str, text: &str, limits: Limits) -> Result<Option<Index>, SpecError> {
    if !text.trim_start().starts_with('{') {
        return Ok(None);
    }
    // The whole reading tells where there are too many.
    if nodes::has_more(text, limits.nodes) {
        return Ok(None);
    }
    let Some(found) = pass::go(text).filter(|found| found.path_keys.is_some() && !found.needs_whole) else {
        return Ok(None);
    };
    // Names of parts came with OpenAPI 3.1.
    if document::is_since_3_1(found.root.get("openapi")) && may_name(text) {
        return Ok(None);
    }
    limits.check_operations(found.operations.len(), "#/paths").map_err(|error| error.file(file))?;
    Index::of(file, text, found).map(Some).map_err(|error| error.file(file))
}

impl Index {
    fn of(file: &str, text: &str, found: Found<'_>) -> Result<Self, SpecError> {
        let Found {
            mut root,
            security_schemes,
            items,
            shared,
            operations,
            aliases,
            components,
            has_webhooks,
            path_keys,
            ..
        } = found;
        let mut warnings = Warnings::default();
        if let Some(schemes) = security_schemes {
            let components = Map::from_iter([("securitySchemes".to_owned(), schemes)]);
            root.insert("components".to_owned(), Value::Object(components));
        }
        let whole = Whole::new(text, Some(&components), &NoSource, file);
        let head = head::read(&Value::Object(root), &whole, stem(file), &mut warnings)?;
        openapi31::check_webhooks(has_webhooks, path_keys > Some(0), &mut warnings);
        let Head { format, upgrade, defaults, service } = head;
        let service = Arc::new(ServiceDef { documents: vec![file_name(file)], ..service });
        let file = file.to_owned();
        let mut index = Self {
            service,
            format,
            warnings: Vec::new(),
            file,
            upgrade,
            defaults,
            items,
            shared,
            operations,
            aliases,
            components,
        };
        index.check_paths(text, &mut warnings);
        index.check_ids(text, &mut warnings);
        index.warnings = warnings.finish(|| "#".to_owned());
        for warning in &mut index.warnings {
            index.file.clone_into(&mut warning.file);
        }
        Ok(index)
    }

    fn check_paths(&self, text: &str, warnings: &mut Warnings) {
        for key in self.items.iter().map(|key| unquoted(key.of(text))) {
            if !key.starts_with('/') {
                check_path(&key, &format!("#/paths/{}", told_token(&key)), warnings);
            }
        }
    }

    /// Tells of operations that have the IDs of others: which ones is looked for only where there are any.
    fn check_ids(&self, text: &str, warnings: &mut Warnings) {
        let mut ids = Keys::default();
        self.operations.iter().for_each(|seen| ids.add(&self.id(text, seen).0));
        if !ids.close(0) {
            return;
        }
        let mut ids = Ids::default();
        for seen in &self.operations {
            let pointer = extract::pointer(&self.key(text, seen), &extract::numbered_method(seen.method));
            check_id(&self.id(text, seen).0, &pointer, &mut ids, warnings);
        }
    }

    /// How many operations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The file, as the caller named it.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// The names of an operation in the text that was indexed; `None` where it has no operation of that number.
    #[must_use]
    pub fn entry<'t>(&self, text: &'t str, number: usize) -> Option<Entry<'t>> {
        let seen = self.operations.get(number)?;
        let (id, id_is_made) = self.id(text, seen);
        let aliases = self.aliases(text, number);
        let (method, path) = self.endpoint(text, number)?;
        Some(Entry { id, id_is_made, aliases, method, path })
    }

    /// The ID of an operation, and whether it was made.
    pub(crate) fn named<'t>(&self, text: &'t str, number: usize) -> Option<(Cow<'t, str>, bool)> {
        self.operations.get(number).map(|seen| self.id(text, seen))
    }

    /// The further IDs of an operation. Faults in them are told when the operation is extracted.
    pub(crate) fn aliases(&self, text: &str, number: usize) -> Vec<String> {
        // Of two members of that name the last holds.
        let end = self.aliases.partition_point(|(owner, _)| *owner as usize <= number);
        let last = end.checked_sub(1).and_then(|last| self.aliases.get(last));
        let own = last.filter(|(owner, _)| *owner as usize == number);
        let given = own.and_then(|(_, place)| serde_json::from_str(place.of(text)).ok());
        given.map(|Aliases(all)| all).unwrap_or_default()
    }

    /// The numbers of the operations that have further IDs.
    pub(crate) fn with_aliases(&self) -> impl Iterator<Item = u32> {
        self.aliases.iter().map(|(owner, _)| *owner)
    }

    /// The method and the path of an operation.
    pub(crate) fn endpoint<'t>(&self, text: &'t str, number: usize) -> Option<(Method, Cow<'t, str>)> {
        let seen = self.operations.get(number)?;
        let path = match self.key(text, seen) {
            Cow::Borrowed(key) => names::path_key(key),
            Cow::Owned(key) => Cow::Owned(names::path_key(&key).into_owned()),
        };
        Some((extract::numbered_method(seen.method), path))
    }

    fn id<'t>(&self, text: &'t str, seen: &Seen) -> (Cow<'t, str>, bool) {
        let given = given_id(seen.id.of(text));
        let is_made = given.is_none();
        let make = || Cow::Owned(names::made(&extract::numbered_method(seen.method), &self.key(text, seen)));
        (given.unwrap_or_else(make), is_made)
    }

    /// The path key of an operation as the document has it.
    fn key<'t>(&self, text: &'t str, seen: &Seen) -> Cow<'t, str> {
        self.items.get(seen.item as usize).map_or(Cow::Borrowed(""), |key| unquoted(key.of(text)))
    }

    /// Extracts the operation of a number from the text that was indexed.
    ///
    /// # Errors
    /// Where the operation is at fault, or the index is not one of this text.
    pub fn extract(
        &self,
        text: &str,
        number: usize,
        depth: Depth,
        source: &dyn Source,
    ) -> Result<(OperationDef, Vec<Warning>), SpecError> {
        let extractor = self.extractor(text, source);
        let (operation, reached, warnings) = extractor.extract(number, depth)?;
        Ok((OperationDef { schemas: reached.kept(&extractor.whole), ..operation }, warnings))
    }

    /// Extracts operation after operation: what they have in common is read once.
    pub(crate) fn extractor<'a>(&'a self, text: &'a str, source: &'a dyn Source) -> Extractor<'a> {
        Extractor { index: self, whole: Whole::new(text, Some(&self.components), source, &self.file) }
    }
}

/// The ID that the text of an `operationId` gives, if it is one that can be called.
fn given_id(value: &str) -> Option<Cow<'_, str>> {
    if value.starts_with('"') {
        return Some(unquoted(value)).filter(|id| !id.is_empty());
    }
    let is_scalar = !value.is_empty() && !value.starts_with(['{', '[']);
    let value = is_scalar.then(|| serde_json::from_str(value).ok()).flatten();
    extract::id(value.as_ref()).map(Cow::Owned)
}

/// Extracts operations from the text that was indexed.
pub(crate) struct Extractor<'a> {
    index: &'a Index,
    whole: Whole<'a>,
}

impl Extractor<'_> {
    /// The operation of a number, the schemas that it reaches, and what was passed over in it.
    pub(crate) fn extract(
        &self,
        number: usize,
        depth: Depth,
    ) -> Result<(OperationDef, Reached, Vec<Warning>), SpecError> {
        let mut warnings = Warnings::default();
        let file = &self.index.file;
        let (operation, reached) =
            self.read(number, depth, &mut warnings).map_err(|error| self.placed(number, error).file(file))?;
        let mut warnings = warnings.finish(|| self.pointer(number).unwrap_or_default());
        for warning in &mut warnings {
            warning.file.clone_from(file);
        }
        Ok((operation, reached, warnings))
    }

    /// Where the budget of references is used up, gives the next operation one of its own, as each has that is read
    /// alone. Tells whether it did.
    pub(crate) fn renewed(&self) -> bool {
        let budget = &self.whole.targets().budget;
        let is_over = budget.is_over();
        if is_over {
            budget.renew();
        }
        is_over
    }

    /// An error with the operation's pointer, unless it names a place of its own.
    fn placed(&self, number: usize, error: SpecError) -> SpecError {
        let pointer = || error.file.is_empty().then(|| self.pointer(number)).flatten();
        SpecError { pointer: error.pointer.or_else(pointer), ..error }
    }

    /// The pointer of the operation of a number.
    fn pointer(&self, number: usize) -> Option<String> {
        let seen = self.index.operations.get(number)?;
        let path = self.index.key(self.whole.parts.text(), seen);
        Some(extract::pointer(&path, &extract::numbered_method(seen.method)))
    }

    /// The reference and the text of a schema by its number among those reached.
    pub(crate) fn schema(&self, number: u32) -> Option<(Arc<str>, Arc<str>)> {
        let targets = self.whole.targets();
        let target = targets.target(number, &self.whole).ok()?;
        Some((targets.reference(number), Arc::clone(&target.text)))
    }

    fn read(
        &self,
        number: usize,
        depth: Depth,
        warnings: &mut Warnings,
    ) -> Result<(OperationDef, Reached), SpecError> {
        let Self { index, whole } = self;
        let text = whole.parts.text();
        let foreign = || SpecError::new("the index is not one of this text");
        let seen = index.operations.get(number).ok_or_else(foreign)?;
        let (path, method) = (index.key(text, seen), extract::numbered_method(seen.method));
        let first = index.shared.partition_point(|(item, ..)| *item < seen.item);
        let mut shared = Map::new();
        for (_, member, place) in index.shared[first..].iter().take_while(|(item, ..)| *item == seen.item) {
            let key = SHARED.get(usize::from(*member)).ok_or_else(foreign)?;
            let pointer = || format!("#/paths/{}/{key}", told_token(&path));
            shared.insert((*key).to_owned(), self.value(*place, pointer)?);
        }
        let context = Context {
            document: 0,
            upgrade: index.upgrade.as_ref(),
            defaults: &index.defaults,
            schemes: &index.service.security_schemes,
            resolver: whole,
            depth,
        };
        let operation = if seen.place.is_empty() {
            Value::Object(Map::new())
        } else {
            self.value(seen.place, || extract::pointer(&path, &method))?
        };
        let site = Site { path: &path, method, shared: &shared, operation: &operation };
        extract::parts(&context, &site, warnings)
    }

    /// The value at a place; its errors name the pointer, and the line in the whole text.
    fn value(&self, place: Place, pointer: impl FnOnce() -> String) -> Result<Value, SpecError> {
        let text = self.whole.parts.text();
        let part = place.of(text);
        if part.is_empty() {
            return Err(SpecError::new("the index is not one of this text"));
        }
        let before = || &text[..(part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)];
        let found = self.whole.parts.value(part);
        found.map_err(|error| SpecError { pointer: Some(pointer()), ..error.after(before()) })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;

    /// What is wrong with the only operation of a text.
    fn fault(text: &str) -> SpecError {
        let index = index("a.json", text, Limits::default()).unwrap().unwrap();
        index.extract(text, 0, Depth::Requests, &NoSource).unwrap_err()
    }

    #[test]
    fn faults_in_an_operation_have_their_place_in_the_document() {
        let later = "{\"openapi\": \"3.0.3\",\n\"paths\": {\"/a\": {\"get\": {\n \"summary\":\n  1e999}}}}";
        let error = fault(later);
        assert_eq!(error.pointer.as_deref(), Some("#/paths/~1a/get"), "{error}");
        let whole = serde_json::from_str::<Value>(later).unwrap_err();
        assert_eq!(error.position.map(|at| (at.line, at.column)), Some((whole.line(), whole.column())));
        let first = "{\"openapi\": \"3.0.3\", \"paths\": {\"/a\": {\"parameters\": [1e999], \"get\": {}}}}";
        let error = fault(first);
        assert_eq!(error.pointer.as_deref(), Some("#/paths/~1a/parameters"), "{error}");
        let whole = serde_json::from_str::<Value>(first).unwrap_err();
        assert_eq!(error.position.map(|at| (at.line, at.column)), Some((1, whole.column())));
        let many = vec!["{\"a\":1}"; 200_000].join(",");
        let many =
            format!("{{\"openapi\": \"3.0.3\", \"paths\": {{\"/a\": {{\"get\": {{\"tags\": [{many}]}}}}}}}}");
        let error = fault(&many);
        assert!(error.problem.contains("too many values") && error.pointer.is_some(), "{error}");
    }
}
