//! A small document with everything that the rules are about.

use serde_json::{Value, json};

use crate::request::testing::table;
use crate::table::OperationTable;

fn query(name: &str, schema: &Value) -> Value {
    json!({"name": name, "in": "query", "schema": schema})
}

fn required(place: &str, name: &str, schema: &Value) -> Value {
    json!({"name": name, "in": place, "required": true, "schema": schema})
}

fn with_body(id: &str, media_type: &str, schema: &Value) -> Value {
    let body = json!({"required": true, "content": {media_type: {"schema": schema}}});
    json!({"operationId": id, "requestBody": body, "responses": {}})
}

pub(super) fn api() -> OperationTable {
    let ids = json!({"type": "array", "items": {"type": "string"}});
    let text = json!({"type": "string"});
    let token = json!({
        "type": "object", "required": ["label", "id"],
        "properties": {
            "id": text, "label": {"type": "string", "maxLength": 5}, "revoked": {"type": "boolean"},
            "expires_timestamp": {"type": "string", "nullable": true}, "count": {"type": "integer"}, "tags": ids,
        },
    });
    let multipart = json!({
        "type": "object", "required": ["sample"],
        "properties": {
            "sample": {"type": "string", "format": "binary"}, "is_confidential": {"type": "boolean"},
            "tag": ids, "meta": {"type": "object"}, "comment": text,
        },
    });
    table(
        &json!({
            "/tokens": {
                "get": {"operationId": "list", "responses": {}, "parameters": [
                    query("limit", &json!({"type": "integer", "minimum": 1, "maximum": 1000})),
                    query("offset", &json!({"type": "integer"})),
                    query("filter", &text),
                    query("ids", &ids),
                    {"name": "X-Trace-Id", "in": "header", "schema": text},
                    {"name": "session", "in": "cookie", "schema": text},
                ]},
                "delete": {"operationId": "delete", "responses": {}, "parameters": [
                    required("query", "ids", &ids), {"name": "kinds", "in": "query", "explode": false, "schema": ids},
                ]},
                "post": with_body("create", "application/json", &token),
            },
            "/tokens/{id}": {
                "parameters": [required("path", "id", &text)],
                "put": with_body("update", "application/json", &token),
                "get": {"operationId": "read", "responses": {}, "parameters": [query("id", &text)]},
            },
            "/free": {"post": with_body("free", "application/json", &json!({"type": "object"}))},
            "/open": {"post": with_body("open", "application/json", &json!({
                "type": "object", "properties": {"label": text}, "additionalProperties": true}))},
            "/bulk": {"post": with_body("bulk", "application/json", &json!({"type": "array", "items": {"type": "integer"}}))},
            "/upload": {"post": with_body("upload", "multipart/form-data", &multipart)},
            "/form": {"post": with_body("form", "application/x-www-form-urlencoded", &json!({
                "type": "object", "required": ["client_id"],
                "properties": {"client_id": text, "n": {"type": "string"}, "ids": ids}}))},
            "/raw": {"put": {"operationId": "raw", "responses": {}, "requestBody": {"content": {
                "application/json": {"schema": {"type": "object", "properties": {"a": text}}},
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}},
            "/optional": {"post": {"operationId": "optional", "responses": {}, "requestBody": {"content": {
                "application/json": {"schema": {"type": "object", "required": ["a"], "properties": {"a": text}}}}}}},
            "/bag": {"post": with_body("bag", "application/json", &json!({
                "type": "object", "properties": {"body": text, "parameters": {"type": "object"}}}))},
        }),
        &json!({}),
    )
}
