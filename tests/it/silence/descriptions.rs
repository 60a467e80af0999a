//! Documents, tables and what they hold, each read with secrets around it.

use std::path::Path;
use std::sync::Arc;

use opcall::operation::{
    ClientAuth, ErrorPointers, GraphQlDef, InvalidMethod, OAuth2Def, Pagination, PaginationKind,
    RateLimitHeaders, RegionDef, RegionDiscovery, ResponseDef, SchemeKind, SchemeUse, SecuritySchemeDef,
    ServerDef, ServerVariableDef,
};
use opcall::source::FolderSource;
use opcall::spec::{self, Depth, Effect, Limits, NoSource, Position};
use opcall::{DeepArrays, Document, Freshness, Location, Method, OperationTable, Profile, Style, Types};
use serde_json::json;

use super::keys;
use super::library::credentials;
use super::search::secret;
use super::types::{Looked, look};
use crate::support::{Reply, Server};

/// A description in which every part of one stands, and some that are wrong.
fn whole(url: &str) -> String {
    let text = json!({"type": "string"});
    json!({
        "openapi": "3.1.0", "info": {"title": "w", "version": "1"}, "x-service": "whole",
        "servers": [{"url": url, "variables": {"v": {"default": "a", "enum": ["a", "b"]}}}],
        "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}},
        "security": [{"key": []}],
        "paths": {
            "/things/{id}": {"put": {
                "operationId": "put", "parameters": [{"name": "id", "in": "path", "required": true, "schema": text}],
                "requestBody": {"content": {"application/json": {"schema": {"type": "object",
                    "properties": {"name": text}}}}},
                "responses": {"200": {"description": "good", "content": {"application/json": {"schema": text}}}}}},
            "/bad": {"get": {"operationId": "bad", "parameters": [{"name": "q"}]}}
        }
    })
    .to_string()
}

const GRAPHQL: &str = "openapi: 3.0.3\ninfo: {title: g, version: '1'}\nx-service: graph\n\
    paths: {/g: {post: {requestBody: {content: {application/json: {}}}, x-graphql: {documents: [a.graphql]}}}}\n";

pub(super) async fn print(looked: &mut Looked, folder: &Path) {
    let text = whole("https://api.example/{v}");
    std::fs::write(folder.join("whole.json"), &text).unwrap();
    std::fs::write(folder.join("graph.yaml"), GRAPHQL).unwrap();
    std::fs::write(folder.join("a.graphql"), "query one($n: Int) { one(n: $n) { id } }").unwrap();
    definitions(looked, &text);
    tables(looked, folder);
    fetched(looked, &text, folder).await;
    words(looked);
    #[cfg(feature = "build")]
    {
        std::fs::create_dir(folder.join("built")).unwrap();
        std::fs::write(folder.join("built/x.json"), format!("{{\"openapi\": \"{}", secret("cut off")))
            .unwrap();
        look!(looked; opcall::build::compile_into(folder.join("built"), folder).unwrap_err());
    }
}

/// Plain data of a description.
fn definitions(looked: &mut Looked, text: &str) {
    let description = spec::read("whole.json", text.as_bytes(), &NoSource, Depth::Answers).unwrap();
    let operation = description.operations[0].clone();
    let body = operation.body.clone().unwrap();
    look!(looked; description, description.service, description.warnings[0], operation, operation.parameters[0],
        operation.parameters[0].schema, body, body.media_types[0], body.media_types[0].properties[0]);
    look!(looked; operation.responses[0], description.service.servers[0], description.service.servers[0].variables[0]);
    look!(looked; description.service.security_schemes[0], description.service.security_schemes[0].kind);
    look!(looked; spec::survey("whole.json", text.as_bytes(), &NoSource).unwrap());
    let index = spec::index("whole.json", text, Limits::default()).unwrap().unwrap();
    look!(looked; index, index.entry(text, 0).unwrap());
    let error =
        spec::read("broken.json", b"{\"openapi\": \"3.1.0\",\n 1}", &NoSource, Depth::Requests).unwrap_err();
    look!(looked; error, Position { line: 1, column: 2 }, Effect::Assumed, Depth::Requests, Limits::default(), NoSource);
    look!(looked; FolderSource::new("folder").within_limits(Limits::default().depth(3)));
    let (region, discovery) = (RegionDef::default(), RegionDiscovery::default());
    look!(looked; region, discovery, ServerDef::default(), ServerVariableDef::default(), OAuth2Def::default());
    look!(looked; ErrorPointers::default(), RateLimitHeaders::default(), ClientAuth::Basic, PaginationKind::Cursor);
    let pagination: Pagination = serde_json::from_value(json!({"kind": "link", "items": "/items"})).unwrap();
    look!(looked; pagination, SchemeUse { scheme: "s".to_owned(), scopes: Vec::new() });
    look!(looked; SecuritySchemeDef { name: "s".to_owned(), kind: SchemeKind::MutualTls });
    look!(looked; ResponseDef { status: "200".to_owned(), media_types: Vec::new(), schema: None });
    let (query, operation_name) = ("{ one }".to_owned(), "one".to_owned());
    look!(looked; GraphQlDef { query, operation_name, mutation: false, root_field: None, input: None });
}

/// Tables and their views, with an account's secrets beside them.
fn tables(looked: &mut Looked, folder: &Path) {
    let (mut table, warnings) = OperationTable::read(folder.join("whole.json")).unwrap();
    let (graph, _) = OperationTable::read(folder.join("graph.yaml")).unwrap();
    table.add(graph);
    look!(looked; table, warnings);
    let operation = table.get("put").unwrap();
    let body = operation.body().unwrap();
    let media_type = body.media_types().next().unwrap();
    let parameter = operation.parameters().next().unwrap();
    look!(looked; operation, body, media_type, media_type.properties().next().unwrap(), parameter, parameter.schema());
    look!(looked; table.get("one").unwrap().graphql().unwrap());
    let said = table.explain(operation).unwrap();
    look!(looked; said[0], said[0].place);
    let base = format!("https://user:{}@api.example", "cAnary%2F%2B%3DzQ7w~x");
    let profile = Profile::new().base_url(base).credentials(credentials());
    let client = keys::client();
    let harness = opcall::Harness::builder().env(|_| None).table(table.clone());
    let harness = harness.profile("whole", profile.client_certificate(&client.chain, &client.key));
    look!(looked; harness);
    look!(looked; table.servers(operation)[0]);
    if let Err(error) = harness.build() {
        look!(looked; error);
    }
}

/// Documents with secrets in the query and the headers of their address.
async fn fetched(looked: &mut Looked, text: &str, folder: &Path) {
    let body = text.to_owned();
    let server = Server::start(move |_, _| Reply::json(200, &body));
    let url = format!("{}/doc.json?token={}", server.url(), "cAnary%2F%2B%3DzQ7w~x");
    let client = keys::client();
    let fetch = Document::fetch(&url)
        .header("x-token", secret("header"))
        .header("authorization", format!("Bearer {}", secret("bearer")))
        .client_certificate(&client.chain, &client.key)
        .proxy("http://user:cAnary%2F%2B%3DzQ7w~x@127.0.0.1:9")
        .cache(folder.join("cache"));
    look!(looked; fetch);
    let failed = fetch.clone().send().await.unwrap_err();
    look!(looked; failed);
    let fetch = fetch.no_proxy();
    for _ in 0..2 {
        let document = fetch.clone().send().await.unwrap();
        look!(looked; document, *document.fetched().unwrap(), *document.fetched().unwrap().freshness());
    }
    assert!(server.received().iter().all(|one| one.header("x-token") == Some(&secret("header"))));
    drop(server);
    match fetch.clone().send().await {
        Ok(document) => look!(looked; document, *document.fetched().unwrap().freshness()),
        Err(error) => look!(looked; error),
    }
    look!(looked; Freshness::Offline { reason: "no answer".to_owned() }, Document::open(folder.join("whole.json")));
    for url in
        ["https://user:cAnary%2F%2B%3DzQ7w~x@h.example/doc.json", "ftp://h.example/?t=cAnary%2F%2B%3DzQ7w~x"]
    {
        look!(looked; Document::fetch(url).send().await.unwrap_err());
    }
    let unfit = Document::fetch("https://h.example/").header("x-token", secret("a\r\nb")).send().await;
    look!(looked; unfit.unwrap_err());
}

/// Words of descriptions, which hold nothing.
fn words(looked: &mut Looked) {
    look!(looked; Location::Query, Style::Form, DeepArrays::Indices, Types::default(), Method::Get);
    let invalid: InvalidMethod = "G E T".parse::<Method>().unwrap_err();
    look!(looked; invalid, Arc::new(Method::Custom("PURGE".into())));
}
