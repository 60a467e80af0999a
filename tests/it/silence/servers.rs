//! Servers that calls with secrets meet: they answer, refuse and repeat all they were sent, break off, speak HTTP/2.

use std::sync::Arc;

use bytes::Bytes;
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;

use super::search::secret;
use crate::support::{Received, Reply, Server};

/// An operation for each place of a credential.
pub(super) const DOCUMENT: &str = r#"{
  "openapi": "3.1.0", "info": {"title": "s", "version": "1"}, "x-service": "silent", "servers": [{"url": "SERVER"}],
  "components": {"securitySchemes": {
    "header": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "query": {"type": "apiKey", "in": "query", "name": "key"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "key"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "basic"},
    "digest": {"type": "http", "scheme": "digest"},
    "whole": {"type": "http", "scheme": "token"},
    "post": {"type": "oauth2", "x-oauth2": {"revoke": "/revoke"},
      "flows": {"clientCredentials": {"tokenUrl": "/token", "scopes": {}}}},
    "client": {"type": "oauth2", "x-oauth2": {"client-auth": "basic", "revoke": "/revoke"},
      "flows": {"clientCredentials": {"tokenUrl": "/token", "scopes": {}}}},
    "id": {"type": "openIdConnect", "openIdConnectUrl": "/.well-known/openid-configuration"}}},
  "paths": {
    "/header": {"get": {"operationId": "by_header", "security": [{"header": []}]}},
    "/query": {"get": {"operationId": "by_query", "security": [{"query": []}]}},
    "/cookie": {"get": {"operationId": "by_cookie", "security": [{"cookie": []}]}},
    "/bearer": {"get": {"operationId": "by_bearer", "security": [{"bearer": []}]}},
    "/basic": {"get": {"operationId": "by_basic", "security": [{"basic": []}]}},
    "/digest": {"get": {"operationId": "by_digest", "security": [{"digest": []}]}},
    "/whole": {"get": {"operationId": "by_scheme", "security": [{"whole": []}]}},
    "/post": {"post": {"operationId": "by_client", "security": [{"post": ["a"]}]}},
    "/client": {"get": {"operationId": "by_basic_client", "security": [{"client": ["b"]}]}},
    "/id": {"get": {"operationId": "by_openid", "security": [{"id": ["c"]}]}}}
}"#;

/// The operations of [`DOCUMENT`].
pub(super) const OPERATIONS: [&str; 10] = [
    "by_header",
    "by_query",
    "by_cookie",
    "by_bearer",
    "by_basic",
    "by_digest",
    "by_scheme",
    "by_client",
    "by_basic_client",
    "by_openid",
];

/// What every server needs for signing in; tokens are secrets too.
fn signing_in(request: &Received) -> Option<Reply> {
    let here = format!("http://{}", request.header("host")?);
    match request.target.split('?').next()? {
        "/.well-known/openid-configuration" => Some(Reply::json(
            200,
            &json!({"issuer": here, "token_endpoint": format!("{here}/token"),
                "revocation_endpoint": format!("{here}/revoke")})
            .to_string(),
        )),
        "/token" | "/oauth2/token" => Some(Reply::token(&secret("fetched"), 1800)),
        "/digest" if request.header("authorization").is_none() => {
            Some(Reply::whole(401, &["www-authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\""], ""))
        }
        _ => None,
    }
}

/// Answers every call, with a secret inside.
pub(super) fn answering() -> Server {
    Server::start(|request, _| {
        signing_in(request)
            .unwrap_or_else(|| Reply::json(200, &json!({"value": secret("answer"), "data": {}}).to_string()))
    })
}

/// Refuses with a status, and repeats all that it was sent where errors tell what happened.
pub(super) fn repeating(status: u16, also_tokens: bool) -> Server {
    Server::start(move |request, _| {
        if let Some(reply) = signing_in(request).filter(|_| !(also_tokens && request.method == "POST")) {
            return reply;
        }
        repeated(request, status)
    })
    .quiet()
}

fn repeated(request: &Received, status: u16) -> Reply {
    let mut said = format!("wrong: {} {} ", request.method, request.target);
    for name in ["authorization", "x-key", "cookie"] {
        if let Some(value) = request.header(name) {
            said.extend([name, " ", value, " "]);
            let credentials = value.split(' ').next_back().unwrap();
            let plain = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, credentials);
            said += &String::from_utf8_lossy(&plain.unwrap_or_default());
        }
    }
    said += &request.text();
    // What is cut at the end of an error may be cut inside a secret.
    let long = format!("{}{said}", "x".repeat(490));
    let said = if request.target.len() % 2 == 0 { said } else { long };
    Reply::json(
        status,
        &json!({"message": said, "errors": [{"message": said, "code": said}], "meta": {"trace_id": said}})
            .to_string(),
    )
}

/// Gives one token and sends calls on; there it takes no token and gives no other, and repeats all that it was sent.
pub(super) fn moving_on() -> Server {
    Server::start(|request, before| match request.target.as_str() {
        "/token" if before == 0 => Reply::token(&secret("fetched"), 1800),
        "/token" => repeated(request, 400),
        "/moved" => repeated(request, 401),
        _ => Reply::whole(303, &["location: /moved"], ""),
    })
}

/// Breaks off in the middle of each answer.
pub(super) fn breaking() -> Server {
    Server::start(|request, _| {
        signing_in(request).unwrap_or_else(|| Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"))
    })
}

/// A server that wants no calls for an hour: those after the first of a credential are held back.
pub(super) fn asking_to_wait() -> Server {
    Server::start(|request, _| {
        signing_in(request).unwrap_or_else(|| Reply::whole(429, &["retry-after: 3600"], ""))
    })
}

/// A server of HTTP/2 over TLS, on the runtime of the test, and the certificate that it is known by.
pub(super) async fn of_http2() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let pem = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
    let chain = vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(socket).await else { return };
                let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    let token = secret("fetched");
                    let body = match request.uri().path() {
                        "/token" => format!(r#"{{"access_token":"{token}","expires_in":1800}}"#),
                        _ => format!(r#"{{"value":"{token}"}}"#),
                    };
                    let head = http::Response::builder().header("x-echo", "v").header("set-cookie", token);
                    if let Ok(mut sending) = respond.send_response(head.body(()).unwrap(), false) {
                        let _ = sending.send_data(Bytes::from(body), true);
                    }
                }
            });
        }
    });
    (url, pem)
}
