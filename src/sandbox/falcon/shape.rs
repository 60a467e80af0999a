//! The envelopes of Falcon's answers.

use serde_json::{Map, Value, json};

use crate::sandbox::exchange::{Answer, Incoming};

/// A refusal on its way to becoming an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    status: u16,
    errors: Vec<Value>,
    resources: bool,
}

impl Refusal {
    pub(crate) fn new(status: u16, message: &str) -> Self {
        Self { status, errors: vec![error(status, message)], resources: false }
    }

    /// A refusal by identifiers that nothing has, with the empty `resources` of its schema (`msaspec.QueryResponse`).
    pub(crate) fn unknown_ids(ids: &[String]) -> Self {
        Self { status: 404, errors: ids.iter().map(|id| not_found(id)).collect(), resources: true }
    }

    pub(crate) fn answer(self, incoming: &Incoming) -> Answer {
        let mut body = Map::new();
        body.insert("meta".to_owned(), Value::Object(meta(incoming, "installation-tokens")));
        if self.resources {
            body.insert("resources".to_owned(), json!([]));
        }
        body.insert("errors".to_owned(), Value::Array(self.errors));
        Answer::json(self.status, &Value::Object(body))
    }
}

fn error(code: u16, message: &str) -> Value {
    json!({"code": code, "message": message})
}

/// What a request says of an identifier that nothing has.
pub(crate) fn not_found(id: &str) -> Value {
    json!({"code": 404, "message": "resource not found", "id": id})
}

fn meta(incoming: &Incoming, powered_by: &str) -> Map<String, Value> {
    let mut meta = Map::new();
    meta.insert("query_time".to_owned(), json!(0.004));
    meta.insert("powered_by".to_owned(), json!(powered_by));
    meta.insert("trace_id".to_owned(), json!(incoming.trace));
    meta
}

/// A refusal by the gateway in front of the services.
pub(crate) fn gateway(incoming: &Incoming, status: u16, message: &str) -> Answer {
    refusal(incoming, status, message, "crowdstrike-api-gateway")
}

/// A refusal by the token endpoint.
pub(crate) fn csam(incoming: &Incoming, status: u16, message: &str) -> Answer {
    refusal(incoming, status, message, "csam")
}

fn refusal(incoming: &Incoming, status: u16, message: &str, powered_by: &str) -> Answer {
    Answer::json(status, &json!({"meta": meta(incoming, powered_by), "errors": [error(status, message)]}))
}

/// A path that no operation has.
pub(crate) fn missing(incoming: &Incoming) -> Answer {
    gateway(incoming, 404, "404: Page Not Found")
}

/// A request that does not fit its operation.
pub(crate) fn violations(incoming: &Incoming, problems: &[String]) -> Answer {
    let errors: Vec<Value> = problems.iter().map(|problem| error(400, problem)).collect();
    Answer::json(400, &json!({"meta": meta(incoming, "crowdstrike-api-gateway"), "errors": errors}))
}

/// A page of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    pub(crate) limit: usize,
    pub(crate) offset: usize,
    pub(crate) total: usize,
}

/// A page of identifiers.
pub(crate) fn page(incoming: &Incoming, page: Page, ids: &[&str]) -> Answer {
    let mut meta = meta(incoming, "installation-tokens");
    let pagination = json!({"limit": page.limit, "offset": page.offset, "total": page.total});
    meta.insert("pagination".to_owned(), pagination);
    Answer::json(200, &json!({"meta": meta, "resources": ids, "errors": []}))
}

/// Resources, and what could not be found.
pub(crate) fn resources(incoming: &Incoming, resources: &[Value], errors: &[Value]) -> Answer {
    let meta = meta(incoming, "installation-tokens");
    Answer::json(200, &json!({"meta": meta, "resources": resources, "errors": errors}))
}

/// Resources that were written.
pub(crate) fn written(incoming: &Incoming, status: u16, resources: &[Value]) -> Answer {
    let meta = written_meta(incoming, resources.len());
    Answer::json(status, &json!({"meta": meta, "resources": resources, "errors": []}))
}

/// So many resources were deleted (`msaspec.ResponseFields`).
pub(crate) fn deleted(incoming: &Incoming, count: usize) -> Answer {
    Answer::json(200, &json!({"meta": written_meta(incoming, count), "errors": []}))
}

fn written_meta(incoming: &Incoming, count: usize) -> Map<String, Value> {
    let mut meta = meta(incoming, "installation-tokens");
    meta.insert("writes".to_owned(), json!({"resources_affected": count}));
    meta
}

/// An answer with `meta` and no more (`msa.ReplyMetaOnly`).
pub(crate) fn meta_only(incoming: &Incoming) -> Answer {
    Answer::json(200, &json!({"meta": meta(incoming, "csam"), "errors": []}))
}
