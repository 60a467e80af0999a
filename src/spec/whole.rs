//! A document read at once: every operation, one path item after the other.

use std::borrow::Cow;

use serde::de::DeserializeSeed;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::error::{Effect, LeftOut, SpecError, Warning, told_token};
use super::extract::{self, Context, Site};
use super::head::{self, Head};
use super::ids::Ids;
use super::parts::{EachMember, name};
use super::reference::{Resolve, Whole, follow, reference};
use super::warnings::Warnings;
use super::{Depth, Description, Source, anchors, file_name, graphql, openapi31, stem};
use crate::operation::{Method, OperationDef, ServiceDef};

/// A document on its way to a description.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) file: &'a str,
    /// The size of its text.
    pub(super) bytes: usize,
    /// Names the service where nothing else does.
    pub(super) folder: Option<&'a str>,
    pub(super) source: &'a dyn Source,
    /// How much of the operations is kept; `None` where they are only counted.
    pub(super) depth: Option<Depth>,
    /// Its number among the documents of the folder.
    pub(super) number: usize,
}

/// Reads a document's text as JSON; tells how many operations it has too.
pub(super) fn read(reading: &Reading<'_>, text: Cow<'_, str>) -> Result<(Description, usize), SpecError> {
    let file = reading.file;
    let mut warnings = Warnings::default();
    let collected = collect(reading, anchors::placed_document(text), &mut warnings);
    let (found, count) = collected.map_err(|error| error.file(file))?;
    let mut warnings = warnings.finish(|| "#".to_owned());
    for warning in &mut warnings {
        file.clone_into(&mut warning.file);
    }
    Ok((Description { warnings, ..found }, count))
}

/// The path items of a document as they stand in its text. A reference in their place is in no version, but in
/// documents that are cut into files.
fn paths<'t>(whole: &'t Whole<'_>, warnings: &mut Warnings) -> Cow<'t, str> {
    let Some(paths) = whole.member("paths") else { return Cow::Borrowed("") };
    let target = whole.parts.member(paths, "$ref", &whole.targets().budget);
    let target =
        target.map(|target| json!({"$ref": serde_json::from_str::<Value>(target).unwrap_or_default()}));
    let Some(target) = target.filter(|target| reference(target).is_some()) else {
        return Cow::Borrowed(paths);
    };
    match follow(&target, whole, "#/paths") {
        Ok(found) => Cow::Owned(found.to_string()),
        Err(error) => {
            warnings.push(Warning::skipped("#/paths", error));
            Cow::Borrowed("")
        }
    }
}

fn collect(
    reading: &Reading<'_>,
    text: Cow<'_, str>,
    warnings: &mut Warnings,
) -> Result<(Description, usize), SpecError> {
    let &Reading { file, bytes, folder, source, depth, number } = reading;
    let resolver = Whole::new(text, None, source, file).of_bytes(bytes);
    let Head { mut format, upgrade, defaults, service } = {
        // Its values are needed for nothing else, and may be many.
        let root = head::members(&resolver.parts, &resolver.targets().budget)?;
        head::read(&root, &resolver, stem(folder.unwrap_or(file)), warnings)?
    };
    let has = |member: &str| resolver.member(member).is_some_and(openapi31::has_members);
    openapi31::check_webhooks(has("webhooks"), has("paths"), warnings);
    let context = Context {
        document: u32::try_from(number).unwrap_or(u32::MAX),
        upgrade: upgrade.as_ref(),
        defaults: &defaults,
        schemes: &service.security_schemes,
        resolver: &resolver,
        depth: depth.unwrap_or_default(),
    };
    let paths = paths(&resolver, warnings);
    let mut collected = Collected::default();
    let mut done = Ok(());
    let mut add = |key: &RawValue, item: &RawValue| {
        if done.is_ok() {
            done = collected.item(reading, (&context, &resolver), (&name(key), item.get()), warnings);
        }
    };
    // Whatever else stands there has no path items.
    let _ = EachMember(&mut add).deserialize(&mut serde_json::Deserializer::from_str(&paths));
    done?;
    let Collected { operations, count, carriers, plain, .. } = collected;
    if carriers > 0 && plain == 0 {
        "graphql".clone_into(&mut format);
    }
    let documents = vec![file_name(file)];
    let service = ServiceDef { documents: documents.clone(), ..service };
    Ok((Description { service, format, documents, operations, warnings: Vec::new() }, count))
}

/// What was read of the path items so far.
#[derive(Default)]
struct Collected {
    /// Those that are kept.
    operations: Vec<OperationDef>,
    count: usize,
    /// How many members of path items were taken for operations.
    seen: usize,
    /// How many of them carry GraphQL, and how many operations are none of its.
    carriers: usize,
    plain: usize,
    ids: Ids,
}

impl Collected {
    fn item(
        &mut self,
        reading: &Reading<'_>,
        (context, resolver): (&Context<'_>, &Whole<'_>),
        (path, item): (&str, &str),
        warnings: &mut Warnings,
    ) -> Result<(), SpecError> {
        if path.starts_with("x-") {
            return Ok(());
        }
        let pointer = format!("#/paths/{}", told_token(path));
        let item = resolver.parts.value(item);
        let item = match item.and_then(|item| openapi31::path_item(item, resolver, &pointer)) {
            Ok(item) => item,
            Err(error) => {
                warnings.push(Warning::skipped(&pointer, error).of(LeftOut::item(path)));
                return Ok(());
            }
        };
        let Value::Object(item) = &*item else {
            let error = SpecError::new("the path item is not an object");
            warnings.push(Warning::skipped(&pointer, error).of(LeftOut::item(path)));
            return Ok(());
        };
        check_path(path, &pointer, warnings);
        for (method, operation) in methods(item, &pointer, warnings) {
            let site = Site { path, method, shared: item, operation };
            self.operation(reading, context, &site, warnings)?;
        }
        Ok(())
    }

    fn operation(
        &mut self,
        reading: &Reading<'_>,
        context: &Context<'_>,
        site: &Site<'_>,
        warnings: &mut Warnings,
    ) -> Result<(), SpecError> {
        let &Reading { file, source, depth, .. } = reading;
        let pointer = site.pointer();
        self.seen += 1;
        source.limits().check_operations(self.seen.max(self.count), &pointer)?;
        let found = match depth {
            Some(_) => extract::operation(context, site, warnings),
            None => extract::parts(context, site, warnings).map(|(def, reached)| {
                reached.charge(context.resolver);
                def
            }),
        };
        let def = match found {
            Ok(def) => def,
            Err(error) => {
                let budget = &context.resolver.targets().budget;
                let left_out = extract::left_out(site, context.resolver);
                budget.text(left_out.size());
                budget.check(&pointer)?;
                warnings.push(Warning::skipped(&pointer, error).of(left_out));
                return Ok(());
            }
        };
        context.resolver.targets().budget.check(&pointer)?;
        let defs = match site.operation.get("x-graphql").filter(|value| !value.is_null()) {
            Some(carrier) => {
                self.carriers += 1;
                graphql::describe(file, &def, (carrier, self.carriers), &pointer, source)?
            }
            None => vec![def],
        };
        self.count += defs.len();
        self.plain += defs.iter().filter(|def| def.graphql.is_none()).count();
        for def in &defs {
            check_id(&def.id, &pointer, &mut self.ids, warnings);
        }
        if depth.is_some() {
            self.operations.extend(defs);
        }
        Ok(())
    }
}

/// The operations of a path item with their methods.
fn methods<'v>(
    item: &'v Map<String, Value>,
    pointer: &str,
    warnings: &mut Warnings,
) -> Vec<(Method, &'v Value)> {
    let mut found = Vec::new();
    for (key, value) in item {
        if let Some(method) = extract::method(key) {
            found.push((method, value));
        } else if key == "additionalOperations" {
            for (name, value) in value.as_object().into_iter().flatten() {
                match Method::of_token(name) {
                    Ok(method) => found.push((method, value)),
                    Err(error) => {
                        let error = SpecError::new(format!("{error}"));
                        let pointer = format!("{pointer}/additionalOperations/{}", told_token(name));
                        warnings.push(Warning::skipped(&pointer, error));
                    }
                }
            }
        }
    }
    found
}

/// Warns of a path key that the specification does not allow.
pub(super) fn check_path(path: &str, pointer: &str, warnings: &mut Warnings) {
    if !path.starts_with('/') {
        let problem = "the path does not begin with a slash; one is put before it";
        warnings.push(Warning::new(pointer, problem, Effect::Assumed));
    }
}

/// Warns of an ID that an operation before it has.
pub(super) fn check_id(id: &str, pointer: &str, ids: &mut Ids, warnings: &mut Warnings) {
    if !ids.insert(id) {
        let problem = format!("another operation of the document has the identifier `{id}` too");
        warnings.push(Warning::new(pointer, problem, Effect::Ambiguous));
    }
}
