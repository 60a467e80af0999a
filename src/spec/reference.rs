//! References: where a `$ref` leads, inside the document or in a file beside it.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value;

use super::error::SpecError;
use super::limits::{Budget, Limits, shown};
use super::{Source, anchors, document, schema};
use crate::operation::Schemas;

/// Finds what a reference means; the whole and the lazy reading each have one.
pub(crate) trait Resolve {
    /// What the reference leads to, or why it leads nowhere.
    fn resolve(&self, reference: &str) -> Result<Cow<'_, Value>, String>;

    /// The schemas that references led to so far.
    fn targets(&self) -> &Targets;
}

/// A schema that references lead to: its text, and where its own references lead.
pub(crate) struct Target {
    pub(crate) text: Arc<str>,
    pub(crate) references: Vec<u32>,
}

/// The schemas that references lead to, each read once and numbered: an operation may reach thousands of them.
pub(crate) struct Targets {
    known: RefCell<Known>,
    /// What references may still cost.
    pub(crate) budget: Budget,
}

#[derive(Default)]
struct Known {
    numbers: HashMap<Arc<str>, u32>,
    references: Vec<Arc<str>>,
    found: Vec<Option<Result<Rc<Target>, String>>>,
    /// The sets that operations reach, a bit a number: most of them are those of others.
    sets: HashMap<Vec<u64>, Schemas>,
}

impl Targets {
    /// For a document of so many bytes.
    pub(crate) fn of(bytes: usize) -> Self {
        Self { known: RefCell::default(), budget: Budget::of(bytes) }
    }

    /// The schemas of a set as operations keep them, sorted by reference.
    pub(crate) fn kept(&self, bits: &[u64], numbers: &[u32], resolver: &dyn Resolve) -> Schemas {
        if let Some(known) = self.known.borrow().sets.get(bits) {
            return Arc::clone(known);
        }
        if !self.budget.text(numbers.len() * size_of::<(Arc<str>, Arc<str>)>()) {
            return Schemas::default();
        }
        let pair = |number: &u32| {
            Some((self.reference(*number), Arc::clone(&self.target(*number, resolver).ok()?.text)))
        };
        let mut pairs: Vec<_> = numbers.iter().filter_map(pair).collect();
        pairs.sort_unstable();
        let schemas = Schemas::from(pairs);
        self.known.borrow_mut().sets.insert(bits.to_vec(), Arc::clone(&schemas));
        schemas
    }

    /// The number of a reference.
    pub(crate) fn number(&self, reference: &str) -> u32 {
        let mut known = self.known.borrow_mut();
        if let Some(number) = known.numbers.get(reference) {
            return *number;
        }
        let number = u32::try_from(known.references.len()).unwrap_or(u32::MAX);
        let reference = Arc::from(reference);
        known.numbers.insert(Arc::clone(&reference), number);
        known.references.push(reference);
        known.found.push(None);
        number
    }

    /// The reference that has a number.
    pub(crate) fn reference(&self, number: u32) -> Arc<str> {
        self.known.borrow().references.get(number as usize).cloned().unwrap_or_default()
    }

    /// Shows what a reference leads to.
    pub(crate) fn follow(
        &self,
        number: u32,
        resolver: &dyn Resolve,
        visit: impl FnOnce(&Target),
    ) -> Result<(), String> {
        if let Some(Some(Ok(known))) = self.known.borrow().found.get(number as usize) {
            visit(known);
            return Ok(());
        }
        self.target(number, resolver).map(|found| visit(&found))
    }

    /// What a reference leads to, as the resolver finds it the first time.
    pub(crate) fn target(&self, number: u32, resolver: &dyn Resolve) -> Result<Rc<Target>, String> {
        if let Some(Some(known)) = self.known.borrow().found.get(number as usize) {
            return known.clone();
        }
        let reference = self.reference(number);
        let is_schema = |found: &Cow<'_, Value>| {
            if found.is_object() || found.is_boolean() {
                return Ok(());
            }
            Err(format!("the reference `{reference}` leads to what is no schema"))
        };
        let resolved = resolver.resolve(&reference).and_then(|found| is_schema(&found).map(|()| found));
        let found = resolved.map(|schema| {
            let mut references = Vec::new();
            schema::references(&schema, &mut |next| references.push(self.number(next)));
            Rc::new(Target { text: Arc::from(schema::text(&schema)), references })
        });
        if let Some(place) = self.known.borrow_mut().found.get_mut(number as usize) {
            *place = Some(found.clone());
        }
        found
    }
}

/// The reference that a value is, if it is one.
pub(crate) fn reference(value: &Value) -> Option<&str> {
    value.get("$ref").and_then(Value::as_str)
}

/// The value itself, or what its reference leads to at the end.
pub(crate) fn follow<'v>(
    value: &'v Value,
    resolver: &'v dyn Resolve,
    pointer: &str,
) -> Result<Cow<'v, Value>, SpecError> {
    let mut found = Cow::Borrowed(value);
    for _ in 0..MAX_HOPS {
        let Some(next) = reference(&found).map(str::to_owned) else { return Ok(found) };
        found = resolver.resolve(&next).map_err(|problem| SpecError::at(pointer, problem))?;
    }
    Err(SpecError::at(pointer, "its references run in a circle, or through more than 32 steps"))
}

/// The part of a document that a local reference (`#/...`) names.
pub(crate) fn local<'v>(root: &'v Value, fragment: &str) -> Option<&'v Value> {
    root.pointer(fragment).or_else(|| root.pointer(&percent_decoded(fragment)?))
}

pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut rest = text.as_bytes();
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        if let (b'%', Some(byte)) = (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

/// How many references one look-up may pass through: more run in a circle.
const MAX_HOPS: usize = 32;

/// What a hop costs of the budget's steps, beside the values that it copies.
const HOP: usize = 1 << 10;

/// What looking for an anchor costs for each value that there is.
const ANCHOR: usize = 32;

/// The number of values in a value.
pub(crate) fn count(value: &Value) -> usize {
    match value {
        Value::Object(map) => 1 + map.values().map(count).sum::<usize>(),
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        _ => 1,
    }
}

/// Finds what a fragment names, also where the way to it passes through references or it is an anchor's name.
#[derive(Default)]
pub(crate) struct Finder {
    hops: Cell<usize>,
}

impl Finder {
    pub(crate) fn find<'v>(
        &self,
        root: &'v Value,
        fragment: &str,
        resolver: &dyn Resolve,
    ) -> Option<Cow<'v, Value>> {
        if let Some(found) = local(root, fragment) {
            return Some(Cow::Borrowed(found));
        }
        let decoded = percent_decoded(fragment)?;
        let budget = &resolver.targets().budget;
        if !decoded.is_empty() && !decoded.starts_with('/') {
            if !budget.steps(ANCHOR.saturating_mul(count(root))) {
                return None;
            }
            return anchors::find(root, &decoded).and_then(|place| root.pointer(&place)).map(Cow::Borrowed);
        }
        self.through(root, &decoded, resolver).map(Cow::Owned)
    }

    /// Goes down a pointer as far as it leads, and on from what the reference there leads to.
    fn through(&self, root: &Value, pointer: &str, resolver: &dyn Resolve) -> Option<Value> {
        let (mut value, mut rest) = (root, pointer);
        while let Some(after) = rest.strip_prefix('/') {
            let end = after.find('/').unwrap_or(after.len());
            match value.pointer(&rest[..=end]) {
                Some(member) => (value, rest) = (member, &after[end..]),
                None => break,
            }
        }
        if rest.is_empty() {
            return resolver.targets().budget.steps(count(value)).then(|| value.clone());
        }
        let target = reference(value)?;
        // Each hop may begin two more: their number is bounded as their depth is.
        if self.hops.get() == MAX_HOPS || !resolver.targets().budget.steps(HOP) {
            return None;
        }
        self.hops.set(self.hops.get() + 1);
        let found = resolver.resolve(target).ok().map(Cow::into_owned);
        let found = found.and_then(|found| self.through(&found, rest, resolver));
        self.hops.set(self.hops.get() - 1);
        found
    }
}

/// A parsed document and the files beside it.
pub(crate) struct Whole<'a> {
    root: &'a Value,
    files: Files<'a>,
    targets: Targets,
}

impl<'a> Whole<'a> {
    /// `file` is the document's own name, by which the files beside it may refer to it; `bytes` is its size.
    pub(crate) fn new(root: &'a Value, source: &'a dyn Source, file: &str, bytes: usize) -> Self {
        Self { root, files: Files::new(source, file), targets: Targets::of(bytes) }
    }
}

impl Resolve for Whole<'_> {
    fn resolve(&self, reference: &str) -> Result<Cow<'_, Value>, String> {
        match self.files.own(reference) {
            Some(fragment) => {
                self.files.finder.find(self.root, fragment, self).ok_or_else(|| missing(reference))
            }
            None => self.files.resolve(reference, self).map(Cow::Owned),
        }
    }

    fn targets(&self) -> &Targets {
        &self.targets
    }
}

pub(crate) fn missing(reference: &str) -> String {
    format!("the reference `{reference}` leads nowhere")
}

/// The files beside a document, each read when a reference first names it.
pub(crate) struct Files<'a> {
    source: &'a dyn Source,
    own: String,
    read: RefCell<HashMap<String, Rc<Value>>>,
    pub(crate) limits: Limits,
    /// How many bytes may still be read.
    left: Cell<usize>,
    pub(crate) finder: Finder,
}

impl<'a> Files<'a> {
    pub(crate) fn new(source: &'a dyn Source, file: &str) -> Self {
        let own = file.rsplit(['/', '\\']).next().unwrap_or(file).to_owned();
        let limits = source.limits();
        let left = Cell::new(limits.bytes);
        Self { source, own, read: RefCell::default(), limits, left, finder: Finder::default() }
    }

    /// The fragment of a reference into the document itself.
    pub(crate) fn own<'r>(&self, reference: &'r str) -> Option<&'r str> {
        let (path, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let is_own = path.is_empty() && reference.contains('#')
            || !path.is_empty() && joined("", path).is_some_and(|path| path == self.own);
        is_own.then_some(fragment)
    }

    pub(crate) fn resolve(&self, reference: &str, resolver: &dyn Resolve) -> Result<Value, String> {
        let (path, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        if path.is_empty() {
            return Err(missing(reference));
        }
        let inside = |path: &str| {
            joined("", path)
                .ok_or_else(|| format!("the reference `{reference}` leads out of the document's folder"))
        };
        let path = if path.contains("://") {
            self.source.locate(path).ok_or_else(|| {
                format!("the reference `{reference}` leads to the network, which is never asked")
            })?
        } else {
            inside(path)?
        };
        let file = match (self.file(&path), percent_decoded(&path).filter(|decoded| *decoded != path)) {
            (Err(_), Some(decoded)) => self.file(&inside(&decoded)?),
            (file, _) => file,
        }?;
        let found = self.finder.find(&file, fragment, resolver);
        let found = found.filter(|found| resolver.targets().budget.steps(count(found)));
        found.map(Cow::into_owned).ok_or_else(|| missing(reference))
    }

    fn file(&self, path: &str) -> Result<Rc<Value>, String> {
        if let Some(known) = self.read.borrow().get(path) {
            return Ok(Rc::clone(known));
        }
        let bytes =
            self.source.read(path).map_err(|error| format!("the file `{path}` cannot be read: {error}"))?;
        let left = self.left.get().checked_sub(bytes.len());
        let too_many =
            || format!("the file `{path}` and those before it have more than {}", shown(self.limits.bytes));
        self.left.set(left.ok_or_else(too_many)?);
        let value = document::parse(path, &bytes, self.limits).map_err(|error| error.to_string())?.value;
        let mut value = anchors::by_place(&value).unwrap_or(value);
        rebase(&mut value, path, &self.own);
        let value = Rc::new(value);
        self.read.borrow_mut().insert(path.to_owned(), Rc::clone(&value));
        Ok(value)
    }
}

/// Makes the references of a companion file hold when seen from the document `own` in the root folder.
fn rebase(value: &mut Value, path: &str, own: &str) {
    match value {
        Value::Object(map) => {
            for (key, member) in map {
                match member {
                    Value::String(reference) if key == "$ref" => {
                        let (file, fragment) = reference.split_once('#').unwrap_or((reference, ""));
                        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                        let target =
                            if file.is_empty() { Some(path.to_owned()) } else { joined(folder, file) };
                        if let (Some(target), false) = (target, file.contains("://")) {
                            let target = if target == own { "" } else { &target };
                            *reference = format!("{target}#{fragment}");
                        }
                    }
                    _ => rebase(member, path, own),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rebase(item, path, own)),
        _ => {}
    }
}

/// A relative path seen from a folder; `None` where it leaves the root.
pub(crate) fn joined(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains('\\') || path.contains(':') {
        return None;
    }
    let mut segments: Vec<&str> = folder.split('/').filter(|segment| !segment.is_empty()).collect();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            name => segments.push(name),
        }
    }
    (!segments.is_empty()).then(|| segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_the_folder() {
        assert_eq!(joined("a/b", "../c.yaml").as_deref(), Some("a/c.yaml"));
        assert_eq!(joined("", "./x/../c.yaml").as_deref(), Some("c.yaml"));
        assert_eq!(joined("a", "../../c.yaml"), None);
        assert_eq!(joined("", "/etc/passwd"), None);
        assert_eq!(joined("", "C:/x"), None);
    }

    #[test]
    fn fragments_are_percent_decoded() {
        let root = serde_json::json!({"a": {"x y": 1, "p/q": 2}});
        assert_eq!(local(&root, "/a/x%20y"), Some(&serde_json::json!(1)));
        assert_eq!(local(&root, "/a/p~1q"), Some(&serde_json::json!(2)));
        assert_eq!(local(&root, "/a/%zz"), None);
    }
}
