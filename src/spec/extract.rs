//! One operation of a document, from its JSON value to plain owned data.
//!
//! The whole and the lazy reading both come here; they differ only in how a reference is resolved.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Depth;
use super::document::scalar;
use super::encoding;
use super::error::{Effect, LeftOut, SpecError, Warning, told_token};
use super::names::{self, Aliases};
use super::parameter::{self, Found};
use super::reference::{Resolve, Shared, follow};
use super::schema::Reached;
use super::security::{checked, security};
use super::server::servers;
use super::service::{Defaults, extension, present};
use super::swagger2::Upgrade;
use super::warnings::Warnings;
use super::{openapi31, schema};
use crate::operation::{
    MediaTypeDef, Method, OperationDef, Pagination, PaginationKind, ParameterDef, RequestBodyDef,
    ResponseDef, SchemaDef, Schemas, SecuritySchemeDef, Types,
};

/// What is the same for all operations of a document.
pub(crate) struct Context<'a> {
    pub(crate) document: u32,
    /// How a Swagger 2.0 document is read.
    pub(crate) upgrade: Option<&'a Upgrade>,
    pub(crate) defaults: &'a Defaults,
    pub(crate) schemes: &'a [SecuritySchemeDef],
    pub(crate) resolver: &'a dyn Resolve,
    pub(crate) depth: Depth,
}

impl Context<'_> {
    /// Takes what was told since so much was from the budget; `false` where it is used up. A pointer may be long, and in
    /// every warning.
    pub(crate) fn may_tell(&self, warnings: &Warnings, told: &mut usize) -> bool {
        let before = std::mem::replace(told, warnings.text());
        self.resolver.targets().budget.text(warnings.text() - before)
    }

    /// Adds the schemas that a schema reaches, if this reading is about such schemas.
    pub(crate) fn reach(
        &self,
        depth: Depth,
        schema: Option<&Value>,
        pointer: &str,
        reached: &mut Reached,
        warnings: &mut Warnings,
    ) {
        if let Some(schema) = schema.filter(|_| self.depth == depth) {
            schema::reach(schema, self.resolver, pointer, reached, warnings);
        }
    }
}

/// Where an operation stands.
pub(crate) struct Site<'a> {
    pub(crate) path: &'a str,
    pub(crate) method: Method,
    /// The path item's members that are no operations.
    pub(crate) shared: &'a Map<String, Value>,
    pub(crate) operation: &'a Value,
}

impl Site<'_> {
    /// The operation's pointer.
    pub(crate) fn pointer(&self) -> String {
        pointer(self.path, &self.method)
    }
}

/// What an operation that cannot be extracted is called.
pub(super) fn left_out(site: &Site<'_>, resolver: &dyn Resolve) -> LeftOut {
    let operation = follow(site.operation, resolver, "");
    let operation = operation.as_deref().unwrap_or(site.operation);
    let own = id(operation.get("operationId"));
    let aliases = operation.get("x-aliases").map(Aliases::deserialize).and_then(Result::ok);
    LeftOut {
        id_is_made: own.is_none(),
        id: Some(own.unwrap_or_else(|| names::made(&site.method, site.path))),
        aliases: aliases.map(|Aliases(all)| all).unwrap_or_default(),
        method: Some(site.method.to_string()),
        path: names::path_key(site.path).into_owned(),
    }
}

pub(crate) fn pointer(path: &str, method: &Method) -> String {
    let path = told_token(path);
    match method {
        Method::Custom(name) => format!("#/paths/{path}/additionalOperations/{}", told_token(name)),
        known => format!("#/paths/{path}/{}", known.as_str().to_ascii_lowercase()),
    }
}

/// The members of a path item that are operations, with their methods.
static METHODS: [(&str, Method); 9] = [
    ("get", Method::Get),
    ("head", Method::Head),
    ("post", Method::Post),
    ("put", Method::Put),
    ("patch", Method::Patch),
    ("delete", Method::Delete),
    ("options", Method::Options),
    ("trace", Method::Trace),
    ("query", Method::Query),
];

/// The method that a path item's member names, if it is an operation's.
pub(crate) fn method(key: &str) -> Option<Method> {
    method_number(key).map(numbered_method)
}

/// Its number.
pub(super) fn method_number(key: &str) -> Option<u8> {
    METHODS.iter().position(|(known, _)| *known == key).map(|number| number.to_le_bytes()[0])
}

/// The method of a number.
pub(super) fn numbered_method(number: u8) -> Method {
    METHODS.get(usize::from(number)).map_or(Method::Get, |(_, method)| method.clone())
}

/// The `operationId`, if there is one that can be called.
pub(crate) fn id(given: Option<&Value>) -> Option<String> {
    given.and_then(scalar).filter(|id| !id.is_empty())
}

/// Extracts an operation.
pub(crate) fn operation(
    context: &Context<'_>,
    site: &Site<'_>,
    warnings: &mut Warnings,
) -> Result<OperationDef, SpecError> {
    let (operation, reached) = parts(context, site, warnings)?;
    Ok(OperationDef { schemas: reached.kept(context.resolver), ..operation })
}

/// Extracts an operation, and beside it the schemas that it reaches.
pub(crate) fn parts(
    context: &Context<'_>,
    site: &Site<'_>,
    warnings: &mut Warnings,
) -> Result<(OperationDef, Reached), SpecError> {
    let pointer = site.pointer();
    let operation = follow(site.operation, context.resolver, &pointer)?;
    let Value::Object(operation) = &*operation else {
        return Err(SpecError::at(pointer, "the operation is not an object"));
    };
    let id = id(operation.get("operationId"));
    let text = |owner: &Map<String, Value>, key: &str| {
        owner
            .get(key)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let item_pointer = format!("#/paths/{}", told_token(site.path));
    let (shared_list, own_list) = (format!("{item_pointer}/parameters"), format!("{pointer}/parameters"));
    let lists = [
        (site.shared.get("parameters"), shared_list.as_str()),
        (operation.get("parameters"), own_list.as_str()),
    ];
    let mut found = parameter::parameters(&lists, context, warnings)?;
    parameter::fit_to_path(&mut found, site.path, &pointer, warnings);
    openapi31::check_querystring(&found, &pointer, warnings);
    let mut schemas = Reached::default();
    for Found { schema, .. } in &found {
        context.reach(Depth::Requests, schema.as_ref(), &pointer, &mut schemas, warnings);
    }
    let parameters: Vec<ParameterDef> = found.into_iter().map(|one| one.def).collect();
    let body = match context.upgrade {
        Some(upgrade) => upgrade.request_body(operation, &lists, context.resolver)?.map(Shared::from),
        None => present(operation, "requestBody").map(Shared::Here),
    };
    let body = body.map(|body| request_body(&body, &pointer, context, &mut schemas, warnings)).transpose()?;
    let responses = responses(operation, &pointer, context, &mut schemas, warnings);
    let security = match present(operation, "security") {
        Some(list) => {
            let pointer = format!("{pointer}/security");
            let sets = security(list, &pointer)?;
            checked(sets, context.schemes, &pointer, warnings)
        }
        None => context.defaults.security.clone(),
    };
    let own_servers = match context.upgrade {
        Some(upgrade) => servers(&upgrade.own_servers(operation), &pointer, warnings),
        None => servers(operation, &pointer, warnings),
    };
    let servers =
        if own_servers.is_empty() { servers(site.shared, &item_pointer, warnings) } else { own_servers };
    let hosts: Option<IndexMap<String, String>> = extension(operation, "x-host", &pointer, warnings);
    let operation = OperationDef {
        document: context.document,
        pagination: pagination(operation, &site.method, &parameters, context, &pointer, warnings),
        id_is_made: id.is_none(),
        id: id.unwrap_or_else(|| names::made(&site.method, site.path)),
        aliases: extension(operation, "x-aliases", &pointer, warnings)
            .map(|Aliases(all)| all)
            .unwrap_or_default(),
        method: site.method.clone(),
        path: names::path_key(site.path).into_owned(),
        summary: text(operation, "summary").or_else(|| text(site.shared, "summary")),
        description: text(operation, "description").or_else(|| text(site.shared, "description")),
        tags: operation
            .get("tags")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(scalar)
            .collect(),
        scope: extension(operation, "x-scope", &pointer, warnings),
        deprecated: operation.get("deprecated").and_then(Value::as_bool).unwrap_or_default(),
        idempotent: extension(operation, "x-idempotent", &pointer, warnings),
        comma_lists: context.defaults.comma_lists,
        parameters,
        body,
        responses,
        security,
        servers: if servers.is_empty() { context.defaults.servers.clone() } else { servers },
        hosts: hosts.into_iter().flatten().collect(),
        graphql: None,
        schemas: Schemas::default(),
    };
    let budget = &context.resolver.targets().budget;
    budget.text(size_beside_schemas(&operation));
    budget.check(&pointer)?;
    Ok((operation, schemas))
}

/// How much of an operation may be the same in others, its schemas apart: what holds by default, and descriptions that
/// references lead to.
fn size_beside_schemas(operation: &OperationDef) -> usize {
    let servers = operation.servers.iter().map(|server| {
        let variables = server.variables.iter().map(|one| size_of_val(one) + 8 * one.choices.len());
        size_of_val(server) + server.url.len() + variables.sum::<usize>()
    });
    let uses = operation.security.iter().map(|set| size_of_val(&set[..]));
    let descriptions = operation.parameters.iter().map(|one| {
        size_of_val(one)
            + one.name.len()
            + one.description.as_ref().map_or(0, String::len)
            + one.encoding.as_ref().map_or(0, String::len)
    });
    servers.sum::<usize>() + uses.sum::<usize>() + descriptions.sum::<usize>()
}

/// The operation's own `x-pagination`, else the document's where the operation has its parameters.
fn pagination(
    operation: &Map<String, Value>,
    method: &Method,
    parameters: &[ParameterDef],
    context: &Context<'_>,
    pointer: &str,
    warnings: &mut Warnings,
) -> Option<Pagination> {
    if operation.contains_key("x-pagination") {
        return extension(operation, "x-pagination", pointer, warnings);
    }
    let document = context.defaults.pagination.as_ref().filter(|_| method.is_safe())?;
    let declared = |name: &Option<String>| {
        name.as_ref().is_none_or(|name| parameters.iter().any(|parameter| parameter.name == *name))
    };
    let turns = match document.kind {
        PaginationKind::Offset => declared(&document.offset),
        PaginationKind::Cursor => declared(&document.cursor),
        PaginationKind::Link => true,
    };
    (turns && declared(&document.limit)).then(|| document.clone())
}

fn request_body(
    body: &Value,
    pointer: &str,
    context: &Context<'_>,
    schemas: &mut Reached,
    warnings: &mut Warnings,
) -> Result<RequestBodyDef, SpecError> {
    // The members that make up a body of Swagger 2.0 have no place in common but the operation.
    let pointer = match context.upgrade {
        Some(_) => pointer.to_owned(),
        None => format!("{pointer}/requestBody"),
    };
    let body = follow(body, context.resolver, &pointer)?;
    let Some(types) = body.get("content").and_then(Value::as_object) else {
        return Err(SpecError::at(pointer, "the request body has no `content`"));
    };
    let mut media_types = Vec::with_capacity(types.len());
    for (name, media_type) in types {
        let pointer = match context.upgrade {
            Some(_) => pointer.clone(),
            None => format!("{pointer}/content/{}", told_token(name)),
        };
        let media_type = follow(media_type, context.resolver, &pointer)?;
        let schema = openapi31::media_schema(&media_type);
        let schema = schema.as_deref().filter(|schema| is_fit_for(name, schema, context, &pointer, warnings));
        context.reach(Depth::Requests, schema, &pointer, schemas, warnings);
        let (properties, open) = schema::properties(schema, context.resolver);
        media_types.push(MediaTypeDef {
            name: name.clone(),
            schema: match schema {
                Some(schema) => schema::define(schema, context.resolver),
                None => SchemaDef { text: "{}".to_owned(), ..SchemaDef::default() },
            },
            encoding: encoding::read((name, &media_type), &properties, &pointer, context, schemas, warnings),
            properties,
            open,
        });
    }
    let required = body.get("required").and_then(Value::as_bool).unwrap_or_default();
    Ok(RequestBodyDef { required, media_types })
}

/// Whether a media type can carry what its schema says. Generators call a multipart form as a whole `binary`,
/// although it is made of fields: then which ones is not known.
fn is_fit_for(
    media_type: &str,
    schema: &Value,
    context: &Context<'_>,
    pointer: &str,
    warnings: &mut Warnings,
) -> bool {
    let essence = media_type.split(';').next().unwrap_or(media_type).trim();
    let is_form = ["application/x-www-form-urlencoded", "multipart/form-data"]
        .iter()
        .any(|form| essence.eq_ignore_ascii_case(form));
    let fits = !is_form || schema::define(schema, context.resolver).types.admits(Types::OBJECT);
    if !fits {
        let problem = "a form is an object of fields, the schema is not of one; any fields are taken";
        warnings.push(Warning::new(format!("{pointer}/schema"), problem, Effect::Assumed));
    }
    fits
}

fn responses(
    operation: &Map<String, Value>,
    pointer: &str,
    context: &Context<'_>,
    schemas: &mut Reached,
    warnings: &mut Warnings,
) -> Vec<ResponseDef> {
    let declared = operation.get("responses").and_then(Value::as_object);
    let mut found = Vec::new();
    let mut told = warnings.text();
    for (status, response) in declared.into_iter().flatten().filter(|(status, _)| !status.starts_with("x-")) {
        let pointer = format!("{pointer}/responses/{}", told_token(status));
        let response = match follow(response, context.resolver, &pointer) {
            Ok(response) => response,
            Err(error) => {
                warnings.push(Warning::new(&pointer, error.problem, Effect::PartIgnored));
                Value::Null.into()
            }
        };
        let response = match context.upgrade {
            Some(upgrade) => upgrade.response(&response, operation).into(),
            None => response,
        };
        let types = response.get("content").and_then(Value::as_object);
        let first = types.and_then(|types| types.values().next()).and_then(openapi31::media_schema);
        let schema = first.as_deref().filter(|_| context.depth == Depth::Answers);
        context.reach(Depth::Answers, schema, &pointer, schemas, warnings);
        if !context.may_tell(warnings, &mut told) {
            break;
        }
        found.push(ResponseDef {
            status: status.clone(),
            media_types: types.map(|types| types.keys().cloned().collect()).unwrap_or_default(),
            schema: schema.map(schema::text),
        });
    }
    found
}
