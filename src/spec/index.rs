//! The lazy reading of JSON: one borrowing pass finds where each operation and component stands, and an
//! operation is extracted when it is asked for.
//!
//! Everything is kept as ranges of the text, so that an owner holds the text and its index side by side.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::error::{SpecError, Warning, token, told_token};
use super::extract::{self, Context, Site};
use super::head::{self, Head};
use super::limits::Limits;
use super::parts::{self, name};
use super::reference::{Resolve, Whole, reference};
use super::schema::Reached;
use super::service::Defaults;
use super::swagger2::Upgrade;
use super::walk::may_name;
use super::whole::{check_id, check_path};
use super::{Depth, NoSource, Source, document, file_name, names, stem};
use crate::operation::{Method, OperationDef, ServiceDef};

/// Where everything of a JSON document stands.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Index {
    /// What holds for all operations.
    pub service: ServiceDef,
    /// The format as `opcall check` names it: `openapi 3.0.3`.
    pub format: String,
    /// The operations in the document's order.
    pub entries: Vec<Entry>,
    /// What was passed over so far; extracting an operation may find more.
    pub warnings: Vec<Warning>,
    file: String,
    upgrade: Option<Upgrade>,
    defaults: Defaults,
    items: Vec<Item>,
    /// By their pointers without `/components/`.
    components: HashMap<Box<str>, Range<usize>>,
}

/// One operation of an [`Index`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Entry {
    /// The document's `operationId`, or the name made for it.
    pub id: String,
    /// Whether the name was made.
    pub id_is_made: bool,
    /// Further IDs.
    pub aliases: Vec<String>,
    /// The method.
    pub method: Method,
    item: usize,
    place: Range<usize>,
}

/// A path item: its key, and where the members stand that its operations share.
#[derive(Debug, Clone)]
struct Item {
    path: String,
    shared: Vec<(&'static str, Range<usize>)>,
}

/// The members of a path item that its operations share.
const SHARED: [&str; 4] = ["parameters", "servers", "summary", "description"];
/// Where Swagger 2.0 has what `OpenAPI` 3.0 has under `components`.
pub(crate) const SECTIONS: [&str; 3] = ["/definitions", "/parameters", "/responses"];
/// Finds the operations of a JSON document. `None` where it must be read whole: the text is not JSON, its shape
/// is at fault, it has no paths, or its path items and operations are references or carry GraphQL.
///
/// # Errors
/// Where the document is not one that can be read, whole or not, or has too many operations.
pub fn index(file: &str, text: &str, limits: Limits) -> Result<Option<Index>, SpecError> {
    if !text.trim_start().starts_with('{') {
        return Ok(None);
    }
    let mut found = Found { text, ..Found::default() };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Node(&mut found, Level::Root).deserialize(&mut json).and_then(|()| json.end());
    if read.is_err() || found.needs_whole || !found.has_paths || found.names_parts() {
        return Ok(None);
    }
    limits.check_operations(found.operations.len(), "#/paths").map_err(|error| error.file(file))?;
    found.into_index(file).map(Some).map_err(|error| error.file(file))
}

impl Index {
    /// The path key of an operation.
    #[must_use]
    pub fn path(&self, entry: &Entry) -> Cow<'_, str> {
        names::path_key(self.items.get(entry.item).map_or("", |item| item.path.as_str()))
    }

    /// Extracts the operation of `entries[number]` from the text that was indexed.
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

/// Extracts operations from the text that was indexed.
pub(crate) struct Extractor<'a> {
    index: &'a Index,
    whole: Whole<'a>,
}

impl Extractor<'_> {
    /// The operation of `entries[number]`, the schemas that it reaches, and what was passed over in it.
    pub(crate) fn extract(
        &self,
        number: usize,
        depth: Depth,
    ) -> Result<(OperationDef, Reached, Vec<Warning>), SpecError> {
        let mut warnings = Vec::new();
        let file = &self.index.file;
        let (operation, reached) =
            self.read(number, depth, &mut warnings).map_err(|error| error.file(file))?;
        for warning in &mut warnings {
            warning.file.clone_from(file);
        }
        Ok((operation, reached, warnings))
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
        warnings: &mut Vec<Warning>,
    ) -> Result<(OperationDef, Reached), SpecError> {
        let Self { index, whole } = self;
        let foreign = || SpecError::new("the index is not one of this text");
        let entry = index.entries.get(number).ok_or_else(foreign)?;
        let item = index.items.get(entry.item).ok_or_else(foreign)?;
        let mut shared = Map::new();
        for (key, place) in &item.shared {
            shared.insert((*key).to_owned(), self.value(place)?);
        }
        let context = Context {
            document: 0,
            upgrade: index.upgrade.as_ref(),
            defaults: &index.defaults,
            schemes: &index.service.security_schemes,
            resolver: whole,
            depth,
        };
        let operation =
            if entry.place.is_empty() { Value::Object(Map::new()) } else { self.value(&entry.place)? };
        let method = entry.method.clone();
        let site = Site { path: &item.path, method, shared: &shared, operation: &operation };
        extract::parts(&context, &site, warnings)
    }

    fn value(&self, place: &Range<usize>) -> Result<Value, SpecError> {
        let part = self.whole.parts.text().get(place.clone());
        self.whole.parts.value(part.ok_or_else(|| SpecError::new("the index is not one of this text"))?)
    }
}

/// An operation as the pass leaves it: its path item, method and place, and the members that name it.
type Seen = (usize, Method, Range<usize>, Option<String>, Vec<String>);

/// What the pass gathers.
#[derive(Default)]
struct Found<'t> {
    text: &'t str,
    root: Map<String, Value>,
    security_schemes: Option<Value>,
    items: Vec<Item>,
    operations: Vec<Seen>,
    components: HashMap<Box<str>, Range<usize>>,
    has_paths: bool,
    needs_whole: bool,
}

impl Found<'_> {
    /// Where a part of the text stands in it.
    fn place(&self, part: &str) -> Range<usize> {
        let start = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        start..start + part.len()
    }

    /// Whether parts of the document have names that references go by, which came with `OpenAPI` 3.1.
    fn names_parts(&self) -> bool {
        document::is_since_3_1(self.root.get("openapi")) && may_name(self.text)
    }

    fn into_index(mut self, file: &str) -> Result<Index, SpecError> {
        let mut warnings = Vec::new();
        if let Some(schemes) = self.security_schemes.take() {
            let components = Map::from_iter([("securitySchemes".to_owned(), schemes)]);
            self.root.insert("components".to_owned(), Value::Object(components));
        }
        let root = Value::Object(self.root);
        let Head { format, upgrade, defaults, service } = head::read(
            &root,
            &Whole::new(self.text, Some(&self.components), &NoSource, file),
            stem(file),
            &mut warnings,
        )?;
        for item in &self.items {
            check_path(&item.path, &format!("#/paths/{}", told_token(&item.path)), &mut warnings);
        }
        let mut entries = Vec::with_capacity(self.operations.len());
        let mut ids = HashSet::new();
        for (item, method, place, id, aliases) in self.operations {
            let path = &self.items[item].path;
            let id_is_made = id.is_none();
            let id = id.unwrap_or_else(|| names::made(&method, path));
            if ids.contains(&id) {
                check_id(id.clone(), &extract::pointer(path, &method), &mut ids, &mut warnings);
            } else {
                ids.insert(id.clone());
            }
            entries.push(Entry { id, id_is_made, aliases, method, item, place });
        }
        for warning in &mut warnings {
            file.clone_into(&mut warning.file);
        }
        let service = ServiceDef { documents: vec![file_name(file)], ..service };
        let (items, components) = (self.items, self.components);
        let file = file.to_owned();
        Ok(Index { service, format, entries, warnings, file, upgrade, defaults, items, components })
    }
}

/// What object the pass stands in.
enum Level {
    Root,
    Paths,
    Item(usize),
    Operation(usize, Method),
    Components,
    Section(String),
}

struct Node<'b, 't>(&'b mut Found<'t>, Level);

impl<'de> DeserializeSeed<'de> for Node<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(found, level) = self;
        if let Level::Operation(item, method) = level {
            return operation(found, item, method, map);
        }
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<&RawValue>()? {
            let key = name(key);
            // Which of two members of one name holds is for the whole reading to tell.
            found.needs_whole |= !keys.insert(key.clone());
            let deeper = match (&level, key.as_ref()) {
                (Level::Root, "paths") => {
                    found.has_paths = true;
                    Level::Paths
                }
                (Level::Root, "components") => Level::Components,
                (Level::Root, section) if SECTIONS.iter().any(|known| &known[1..] == section) => {
                    Level::Section(format!("/{section}"))
                }
                (Level::Root, member) if head::is_member(member) => {
                    let part = map.next_value::<&RawValue>()?.get();
                    match parts::value(part, found.text.len()) {
                        Ok(value) => {
                            found.root.insert(key.into_owned(), value);
                        }
                        // The whole reading tells what is wrong.
                        Err(_) => found.needs_whole = true,
                    }
                    continue;
                }
                (Level::Root, _) => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                (Level::Paths, path) if path.starts_with("x-") => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                (Level::Paths, path) => {
                    found.needs_whole |= path == "$ref";
                    found.items.push(Item { path: path.to_owned(), shared: Vec::new() });
                    Level::Item(found.items.len() - 1)
                }
                (Level::Item(item), member) => {
                    if let Some(method) = extract::method(member) {
                        Level::Operation(*item, method)
                    } else {
                        found.needs_whole |= matches!(member, "$ref" | "additionalOperations");
                        let place = found.place(map.next_value::<&RawValue>()?.get());
                        if let Some(shared) = SHARED.into_iter().find(|shared| *shared == member) {
                            found.items[*item].shared.push((shared, place));
                        }
                        continue;
                    }
                }
                (Level::Components, "securitySchemes") => {
                    let part = map.next_value::<&RawValue>()?.get();
                    found.security_schemes = parts::value(part, found.text.len()).ok();
                    // The whole reading tells what is wrong.
                    found.needs_whole |= found.security_schemes.as_ref().is_none_or(leads_away);
                    continue;
                }
                (Level::Components, section) => Level::Section(token(section).into_owned()),
                (Level::Section(section), member) => {
                    let place = found.place(map.next_value::<&RawValue>()?.get());
                    let key = [section, "/", &token(member)].concat();
                    found.needs_whole |= found.components.insert(key.into_boxed_str(), place).is_some();
                    continue;
                }
                (Level::Operation(..), _) => continue,
            };
            map.next_value_seed(Node(found, deeper))?;
        }
        Ok(())
    }
}

/// An operation's own place follows from its first key and its last value, so that it is passed over once.
fn operation<'de, A: MapAccess<'de>>(
    found: &mut Found<'de>,
    item: usize,
    method: Method,
    mut map: A,
) -> Result<(), A::Error> {
    let (mut id, mut aliases) = (None, Vec::new());
    let mut place: Option<Range<usize>> = None;
    let bytes = found.text.len();
    let value = |member: &RawValue| parts::value(member.get(), bytes).ok();
    while let Some(key) = map.next_key::<&RawValue>()? {
        let member = map.next_value::<&RawValue>()?;
        let start = place.map_or_else(|| found.place(key.get()).start, |place| place.start);
        place = Some(start..found.place(member.get()).end);
        match name(key).as_ref() {
            "operationId" => id = extract::id(value(member).as_ref()),
            // Faults in them are told when the operation is extracted.
            "x-aliases" => {
                aliases = value(member).and_then(|all| Vec::deserialize(all).ok()).unwrap_or_default();
            }
            "$ref" | "x-graphql" => found.needs_whole = true,
            _ => {}
        }
    }
    let place = place.and_then(|inner| {
        let start = found.text[..inner.start].rfind('{')?;
        let end = found.text[inner.end..].find('}')?;
        Some(start..inner.end + end + 1)
    });
    found.operations.push((item, method, place.unwrap_or_default(), id, aliases));
    Ok(())
}

/// Whether one of the security schemes is a reference to something that is not one of them.
fn leads_away(schemes: &Value) -> bool {
    let mut schemes = schemes.as_object().into_iter().flat_map(Map::values).filter_map(reference);
    schemes.any(|target| !target.starts_with("#/components/securitySchemes/"))
}
