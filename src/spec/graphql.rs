//! GraphQL documents: each named operation becomes an operation that is called like any other.

use std::collections::{HashMap, HashSet};

use graphql_parser::Pos;
use graphql_parser::query::{
    Definition, Document, FragmentDefinition, OperationDefinition, Selection, SelectionSet,
    VariableDefinition, minify_query, parse_query,
};
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use super::Source;
use super::document::text;
use super::error::{SpecError, token};
use super::graphql_schema::Slice;
use super::members;
use super::reference::{Resolve, joined};
use super::schema;
use super::warnings::Warnings;
use crate::operation::{
    GraphQlDef, MediaTypeDef, OperationDef, Pagination, PropertyDef, RequestBodyDef, Schemas,
};

/// `x-graphql` on the operation that carries the others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Carrier {
    documents: Vec<String>,
    pub(crate) schema: Option<String>,
    #[serde(default)]
    pub(crate) open_enums: Vec<String>,
    #[serde(default)]
    pub(crate) scalars: IndexMap<String, String>,
    #[serde(default)]
    pagination: IndexMap<String, Pagination>,
}

/// The parser's own lifetimes are invariant, so names are owned.
type Text = String;

/// A definition with the file it stands in.
struct In<'t, D> {
    file: &'t str,
    item: D,
}

/// Reads the carrier's documents; every operation has from the carrier what it does not say itself. `file` is
/// the document that the carrier stands in, `number` the carrier's among those of the document.
pub(crate) fn describe(
    file: &str,
    carrier: &OperationDef,
    (extension, number): (&Value, usize),
    pointer: &str,
    source: &dyn Source,
) -> Result<Vec<OperationDef>, SpecError> {
    let pointer = format!("{pointer}/x-graphql");
    let settings = Carrier::deserialize(extension)
        .map_err(|error| SpecError::at(&pointer, members::reworded(&error)))?;
    let read = |member: &str, path: &str| -> Result<(String, String), SpecError> {
        let pointer = format!("{pointer}/{member}");
        let path = joined("", path)
            .ok_or_else(|| SpecError::at(&pointer, format!("`{path}` leads out of the document's folder")))?;
        let bytes = source
            .read(&path)
            .map_err(|error| SpecError::at(&pointer, format!("the file `{path}` cannot be read: {error}")))?;
        let beside =
            file.rsplit_once('/').map_or_else(|| path.clone(), |(folder, _)| format!("{folder}/{path}"));
        let text = text(&beside, &bytes, source.limits())?.to_owned();
        Ok((beside, text))
    };
    let slice_text = settings.schema.as_ref().map(|path| read("schema", path)).transpose()?;
    let texts: Vec<(String, String)> =
        settings.documents.iter().map(|path| read("documents", path)).collect::<Result<_, _>>()?;
    let bytes = slice_text.iter().chain(&texts).map(|(_, text)| text.len()).sum();
    let slice = Slice::read((&settings, number), slice_text.as_ref(), bytes, &pointer)?;

    let mut operations = Vec::new();
    let mut fragments = IndexMap::new();
    for (file, text) in &texts {
        let document: Document<'_, Text> =
            parse_query(text).map_err(|error| syntax_error(&error.to_string()).file(file))?;
        for definition in document.definitions {
            match definition {
                Definition::Operation(item) => operations.push(In { file, item }),
                Definition::Fragment(item) => {
                    fragments.insert(item.name.clone(), In { file, item });
                }
            }
        }
    }
    source.limits().check_operations(operations.len(), &pointer)?;
    let mut described: Vec<OperationDef> = Vec::with_capacity(operations.len());
    let mut known = HashSet::new();
    let lines: HashMap<&str, Vec<&str>> =
        texts.iter().map(|(file, text)| (file.as_str(), text.lines().collect())).collect();
    for operation in &operations {
        let def = one(carrier, operation, &lines[operation.file], &fragments, &slice, &settings)
            .map_err(|error| error.file(operation.file))?;
        if !known.insert(def.id.clone()) {
            let (_, at) = names(&operation.item);
            return Err(fault(at, format!("two operations have the name `{}`", def.id)).file(operation.file));
        }
        described.push(def);
    }
    if let Some(name) = settings.pagination.keys().find(|name| !known.contains(*name)) {
        let pointer = format!("{pointer}/pagination/{}", token(name));
        return Err(SpecError::at(pointer, format!("no operation of the documents has the name `{name}`")));
    }
    Ok(described)
}

fn one(
    carrier: &OperationDef,
    operation: &In<'_, OperationDefinition<'_, Text>>,
    lines: &[&str],
    fragments: &IndexMap<String, In<'_, FragmentDefinition<'_, Text>>>,
    slice: &Slice,
    settings: &Carrier,
) -> Result<OperationDef, SpecError> {
    let (name, at) = names(&operation.item);
    let name = name.ok_or_else(|| {
        fault(at, "an operation without a name cannot be called by one")
            .hint("Write a name after `query` or `mutation`.")
    })?;
    let (mutation, variables, selection) = match &operation.item {
        OperationDefinition::Query(query) => (false, &query.variable_definitions, &query.selection_set),
        OperationDefinition::Mutation(mutation) => {
            (true, &mutation.variable_definitions, &mutation.selection_set)
        }
        _ => return Err(fault(at, format!("`{name}` is neither a query nor a mutation"))),
    };
    slice.check_root(mutation, selection).map_err(|(at, problem)| fault(at, problem))?;
    let (body, input, schemas) = arguments(variables, slice)?;
    let query = query_text(operation, selection, fragments, slice)?;
    slice.targets().budget.check(&format!("#/{name}"))?;
    Ok(OperationDef {
        id: name.to_owned(),
        id_is_made: false,
        aliases: Vec::new(),
        path: format!("{}#{name}", carrier.path),
        summary: comment_above(lines, at.line).or_else(|| carrier.summary.clone()),
        // A query only reads; a mutation is what the carrier says of it.
        idempotent: if mutation { carrier.idempotent } else { Some(true) },
        body: Some(body),
        pagination: settings.pagination.get(name).cloned(),
        graphql: Some(GraphQlDef {
            query,
            operation_name: name.to_owned(),
            mutation,
            root_field: root_field(selection),
            input,
        }),
        schemas,
        ..carrier.clone()
    })
}

type Arguments = (RequestBodyDef, Option<String>, Schemas);

/// The variables as one JSON body. The fields of a single input object stand beside the other variables, in
/// its place; the names of the body's schema tell which is which.
fn arguments(variables: &[VariableDefinition<'_, Text>], slice: &Slice) -> Result<Arguments, SpecError> {
    let body = slice.variables(variables).map_err(|(at, problem)| fault(at, problem))?;
    let (mut properties, _) = schema::properties(Some(&body), slice);
    let mut objects =
        variables.iter().filter_map(|variable| Some((variable, slice.input_of(&variable.var_type)?)));
    let input = match (objects.next(), objects.next()) {
        (Some((variable, fields)), None) => Some((variable.name.as_str(), fields)),
        _ => None,
    };
    if let Some((name, fields)) = input {
        let required = properties.iter().any(|property| property.name == name && property.required);
        properties.retain(|property| property.name != name);
        let (fields, _) = schema::properties(Some(fields), slice);
        let taken: HashSet<&str> = variables.iter().map(|variable| variable.name.as_str()).collect();
        let free = fields.into_iter().filter(|field| !taken.contains(field.name.as_str()));
        properties.extend(free.map(|field| PropertyDef { required: required && field.required, ..field }));
    }
    let mut schemas = schema::Reached::default();
    schema::reach(&body, slice, "", &mut schemas, &mut Warnings::default());
    let required = body["required"].as_array().is_some_and(|required| !required.is_empty());
    let media_type = MediaTypeDef {
        name: "application/json".to_owned(),
        schema: schema::define(&body, slice),
        properties,
        open: false,
        encoding: None,
    };
    let body = RequestBodyDef { required, media_types: vec![media_type] };
    Ok((body, input.map(|(name, _)| name.to_owned()), schemas.kept(slice)))
}

/// What text costs that is written, read and written again.
const WRITTEN: usize = 8;

/// The operation with the fragments it uses, without idle space.
fn query_text(
    operation: &In<'_, OperationDefinition<'_, Text>>,
    selection: &SelectionSet<'_, Text>,
    fragments: &IndexMap<String, In<'_, FragmentDefinition<'_, Text>>>,
    slice: &Slice,
) -> Result<String, SpecError> {
    let definitions = vec![Definition::Operation(operation.item.clone())];
    let mut text = Document { definitions }.to_string();
    let mut used = HashSet::new();
    let mut waiting = Vec::new();
    spreads(selection, &mut |name, at| waiting.push((name, at, operation.file)));
    while let Some((name, at, file)) = waiting.pop() {
        if !used.insert(name) {
            continue;
        }
        let Some(fragment) = fragments.get(name) else {
            return Err(fault(at, format!("there is no fragment `{name}`")).file(file));
        };
        let definitions = vec![Definition::Fragment(fragment.item.clone())];
        let fragment_text = Document { definitions }.to_string();
        if !slice.targets().budget.text(WRITTEN * fragment_text.len()) {
            break;
        }
        text.push_str(&fragment_text);
        spreads(&fragment.item.selection_set, &mut |name, at| waiting.push((name, at, fragment.file)));
    }
    minify_query(text).map_err(|error| SpecError::new(error.to_string()))
}

fn spreads<'s>(selection: &'s SelectionSet<'_, Text>, found: &mut dyn FnMut(&'s str, Pos)) {
    for item in &selection.items {
        match item {
            Selection::Field(field) => spreads(&field.selection_set, found),
            Selection::InlineFragment(inline) => spreads(&inline.selection_set, found),
            Selection::FragmentSpread(spread) => found(&spread.fragment_name, spread.position),
        }
    }
}

fn root_field(selection: &SelectionSet<'_, Text>) -> Option<String> {
    match selection.items.as_slice() {
        [Selection::Field(field)] => Some(field.alias.as_ref().unwrap_or(&field.name).clone()),
        _ => None,
    }
}

fn names<'o>(operation: &'o OperationDefinition<'_, Text>) -> (Option<&'o str>, Pos) {
    match operation {
        OperationDefinition::Query(query) => (query.name.as_deref(), query.position),
        OperationDefinition::Mutation(mutation) => (mutation.name.as_deref(), mutation.position),
        OperationDefinition::Subscription(subscription) => {
            (subscription.name.as_deref(), subscription.position)
        }
        OperationDefinition::SelectionSet(set) => (None, set.span.0),
    }
}

/// The comment lines that end right above a line, as one text.
fn comment_above(lines: &[&str], line: usize) -> Option<String> {
    let lines = lines.iter().take(line.saturating_sub(1));
    let mut words: Vec<&str> =
        lines.rev().map_while(|line| line.trim().strip_prefix('#').map(str::trim)).collect();
    words.reverse();
    let summary = words.join(" ").trim().to_owned();
    (!summary.is_empty()).then_some(summary)
}

pub(crate) fn fault(at: Pos, problem: impl Into<String>) -> SpecError {
    SpecError::new(problem).position(at.line, at.column)
}

/// The parser's error, which holds its place as text only.
pub(crate) fn syntax_error(error: &str) -> SpecError {
    let (_, place) = error.split_once("Parse error at ").unwrap_or(("", error));
    let (place, rest) = place.split_once('\n').unwrap_or(("", place));
    let (line, column) = place.split_once(':').unwrap_or_default();
    let problem = rest.trim().replace('\n', ", ");
    SpecError::new(format!("not readable as GraphQL: {problem}"))
        .position(line.parse().unwrap_or_default(), column.parse().unwrap_or_default())
}
