//! Operations that only the table knows: every one answers, and every misfit is said.

use opcall::sandbox::Sandbox;
use serde_json::json;

use super::common::Http;

const PETS: &str = r"
openapi: 3.0.3
info: {title: Pets, version: '1'}
servers: [{url: https://pets.example.com/v2}]
x-service: pets
security: [{key: []}]
paths:
  /pets:
    post:
      operationId: add_pet
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [name]
              properties:
                name: {type: string, minLength: 2}
                age: {type: integer, minimum: 0}
      responses:
        '201': {description: '', content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
  /pets/{id}:
    parameters:
    - {name: id, in: path, required: true, schema: {type: integer}}
    get:
      operationId: get_pet
      parameters:
      - {name: verbose, in: query, schema: {type: boolean}}
      - {name: tags, in: query, explode: false, schema: {type: array, items: {type: string, enum: [a, b]}}}
      - {name: x-trace, in: header, required: true, schema: {type: string}}
      responses:
        '200': {description: '', content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
  /pets/newest:
    get:
      operationId: newest_pet
      security: []
      responses:
        '204': {description: ''}
components:
  securitySchemes:
    key: {type: apiKey, in: query, name: key}
  schemas:
    Pet:
      type: object
      required: [id, name]
      properties:
        id: {type: integer}
        name: {type: string}
        parent: {$ref: '#/components/schemas/Pet'}
";

async fn pets() -> (Sandbox, Http, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pets.yaml");
    std::fs::write(&file, PETS).unwrap();
    let sandbox = Sandbox::builder().spec(&file).start().await.unwrap();
    let http = Http::new(&sandbox.url_of("pets"));
    (sandbox, http, folder)
}

#[tokio::test]
async fn a_document_of_ones_own_is_served_from_its_schemas() {
    let (sandbox, http, _folder) = pets().await;
    let made = http.post("/pets?key=k", &json!({"name": "Rex"})).await;
    assert_eq!((made.status, made.json), (201, json!({"id": 1, "name": "name"})));
    assert_eq!(http.get("/pets/newest").await.status, 204);
    let read = http.send("GET", "/pets/7?key=k&verbose=true&tags=a,b", &[("x-trace", "t")], None).await;
    assert_eq!((read.status, read.json), (200, json!({"id": 1, "name": "name"})));
    assert_eq!(sandbox.count("add_pet"), 1);
}

#[tokio::test]
async fn every_misfit_of_a_request_is_said() {
    let (_sandbox, http, _folder) = pets().await;
    assert_eq!(http.post("/pets", &json!({"name": "Rex"})).await.status, 401);
    let body = http.post("/pets?key=k&more=1", &json!({"name": "R", "age": -1, "colour": "red"})).await;
    assert_eq!(body.status, 400);
    assert_eq!(
        body.json["errors"],
        json!([
            "query.more is not known",
            "body.colour is not known",
            "body.name is too short",
            "body.age must be at least 0"
        ])
    );
    let query = http.get("/pets/seven?key=k&verbose=perhaps&tags=a,c").await;
    assert_eq!(
        query.json["errors"],
        json!([
            "path.id must be an integer",
            "query.verbose must be a boolean",
            "query.tags[1] must be one of [\"a\",\"b\"]",
            "header.x-trace is required"
        ])
    );
    let missing = http.send("POST", "/pets?key=k", &[], None).await;
    assert_eq!(missing.json["errors"], json!(["body is required"]));
    let text =
        http.send("POST", "/pets?key=k", &[("content-type", "text/plain")], Some("x".to_owned())).await;
    assert_eq!(
        text.json["errors"],
        json!(["header.content-type must be application/json, got \"text/plain\""])
    );
}

#[tokio::test]
async fn misfits_have_each_service_s_shape() {
    let sandbox = Sandbox::start().await.unwrap();
    let http = Http::falcon(&sandbox, "full").await;
    let reply = http.get("/devices/queries/devices/v1?colour=red").await;
    assert_eq!((reply.status, reply.message()), (400, "query.colour is not known"));
    assert!(reply.header("x-ratelimit-remaining").is_some());
    let good = http.get("/devices/queries/devices/v1?limit=5").await;
    assert_eq!((good.status, &good.json["errors"]), (200, &json!([])), "{}", good.text);
    let stranger = Http::new(&sandbox.url_of("falcon")).get("/devices/queries/devices/v1").await;
    assert_eq!((stranger.status, stranger.message()), (401, "access denied, authorization failed"));
    let http = Http::panther(&sandbox, "weak");
    let reply = http.get("/alerts?limit=many").await;
    assert_eq!((reply.status, &reply.json["message"]), (400, &json!("query.limit must be an integer")));
    let good = http.get("/alerts").await;
    assert_eq!((good.status, &good.json["next"]), (200, &json!("")), "{}", good.text);
}

/// A sandbox asks for credentials of every kind as a service does, and its harness has them.
#[tokio::test]
async fn every_kind_of_credential_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kinds.json");
    let operation = |name: &str, set: serde_json::Value| json!({"get": {"operationId": name, "security": [set], "responses": {}}});
    let document = json!({"openapi": "3.0.3", "info": {"title": "k", "version": "1"}, "x-service": "kinds",
        "components": {"securitySchemes": {
            "digest": {"type": "http", "scheme": "digest"}, "token": {"type": "http", "scheme": "token"},
            "id": {"type": "openIdConnect", "openIdConnectUrl": "https://id.example"},
            "one": {"type": "apiKey", "in": "header", "name": "X-One"},
            "two": {"type": "apiKey", "in": "cookie", "name": "two"}}},
        "paths": {"/digest": operation("digest", json!({"digest": []})), "/token": operation("token", json!({"token": []})),
            "/id": operation("id", json!({"id": []})), "/pair": operation("pair", json!({"one": [], "two": []}))}});
    std::fs::write(&path, document.to_string()).unwrap();
    let sandbox = Sandbox::builder().spec(&path).start().await.unwrap();
    let harness = sandbox.harness().unwrap();
    for (operation, attempts) in [("digest", 2), ("digest", 1), ("token", 1), ("id", 1), ("pair", 1)] {
        assert_eq!(harness.command(operation, ()).await.unwrap().attempts().len(), attempts, "{operation}");
    }
}
