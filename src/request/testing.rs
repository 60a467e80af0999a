//! Small tables for the tests of this room.
#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

use super::{CallOptions, Common, Request, resolve};
use crate::error::ArgumentsError;
use crate::operation::{Method, OperationDef, ParameterDef, ServiceDef};
use crate::params::Params;
use crate::spec::{self, Depth, NoSource};
use crate::table::{OperationTable, format};

pub(crate) const BASE: &str = "https://api.example.com";

/// The table of a document with these paths.
pub(crate) fn table(paths: &Value, schemas: &Value) -> OperationTable {
    let document = json!({
        "openapi": "3.0.3",
        "info": {"title": "Test", "version": "1"},
        "x-service": "test",
        "x-comma-lists": true,
        "paths": paths,
        "components": {"schemas": schemas},
    });
    let read = spec::read("test.json", document.to_string().as_bytes(), &NoSource, Depth::Requests).unwrap();
    assert_eq!(read.warnings, []);
    OperationTable::load(format::encode(&read.service, &read.operations, 0)).unwrap()
}

/// The table of one operation `one`: GET on a path, with these parameters.
pub(crate) fn one(path: &str, parameters: Vec<ParameterDef>) -> OperationTable {
    let operation = OperationDef {
        id: "one".to_owned(),
        path: path.to_owned(),
        parameters,
        ..OperationDef::blank(Method::Get)
    };
    let service = ServiceDef { name: "test".to_owned(), ..ServiceDef::default() };
    OperationTable::load(format::encode(&service, &[operation], 0)).unwrap()
}

pub(crate) fn call(
    table: &OperationTable,
    id: &str,
    params: impl Into<Params>,
) -> Result<Request, ArgumentsError> {
    call_with(table, id, params, &CallOptions::default())
}

pub(crate) fn call_with(
    table: &OperationTable,
    id: &str,
    params: impl Into<Params>,
    options: &CallOptions,
) -> Result<Request, ArgumentsError> {
    let operation = table.get(id).unwrap();
    resolve(operation, &Common::of(operation), BASE, &params.into(), options)
}

/// The URL after the base.
pub(crate) fn url(request: Result<Request, ArgumentsError>) -> String {
    request.unwrap().url.strip_prefix(BASE).unwrap().to_owned()
}

/// The problems as lines `path: problem [nearest]`.
pub(crate) fn problems(request: Result<Request, ArgumentsError>) -> Vec<String> {
    let told = |problem: super::Problem| {
        let nearest = problem.nearest.map(|nearest| format!(" [{nearest}]")).unwrap_or_default();
        format!("{}: {}{nearest}", problem.path, problem.problem)
    };
    request.unwrap_err().problems.into_iter().map(told).collect()
}

/// The body as the dry run shows it.
pub(crate) fn body(request: Result<Request, ArgumentsError>) -> String {
    serde_json::to_string(request.unwrap().content()).unwrap()
}
