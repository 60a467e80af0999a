//! A plain HTTP client, and how each service is signed in to.

use opcall::sandbox::{DemoCredentials, Sandbox};
use serde_json::{Value, json};

/// A client of one service.
pub(super) struct Http {
    client: reqwest::Client,
    base: String,
    sign_in: Vec<(String, String)>,
}

/// An answer, read whole.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: reqwest::header::HeaderMap,
    pub(super) text: String,
    pub(super) json: Value,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The message of the first error.
    pub(super) fn message(&self) -> &str {
        self.json["errors"][0]["message"].as_str().unwrap_or_default()
    }
}

/// A demo caller by its role.
pub(super) fn caller(sandbox: &Sandbox, service: &str, role: &str) -> DemoCredentials {
    sandbox.credentials(service).into_iter().find(|caller| caller.role == role).unwrap()
}

impl Http {
    pub(super) fn new(base: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { client, base: base.to_owned(), sign_in: Vec::new() }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.sign_in = vec![(name.to_owned(), value.to_owned())];
        self
    }

    /// Signed in to Falcon.
    pub(super) async fn falcon(sandbox: &Sandbox, role: &str) -> Self {
        let http = Self::new(&sandbox.url_of("falcon"));
        let reply = http.token(&caller(sandbox, "falcon", role), "").await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        http.with("authorization", &format!("Bearer {}", reply.json["access_token"].as_str().unwrap()))
    }

    /// The answer of Falcon's token endpoint.
    pub(super) async fn token(&self, caller: &DemoCredentials, more: &str) -> Reply {
        let form = format!(
            "client_id={}&client_secret={}{more}",
            caller.client_id.unwrap(),
            caller.client_secret.unwrap()
        );
        self.form("/oauth2/token", &[], form).await
    }

    pub(super) async fn form(&self, path: &str, headers: &[(&str, &str)], form: String) -> Reply {
        let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
        all.extend(headers);
        self.send("POST", path, &all, Some(form)).await
    }

    /// Signed in to Panther.
    pub(super) fn panther(sandbox: &Sandbox, role: &str) -> Self {
        let key = caller(sandbox, "panther", role).api_key.unwrap();
        Self::new(&sandbox.url_of("panther")).with("x-api-key", key)
    }

    /// Signed in to LogScale.
    pub(super) fn logscale(sandbox: &Sandbox, role: &str) -> Self {
        let token = caller(sandbox, "logscale", role).access_token.unwrap();
        Self::new(&sandbox.url_of("logscale")).with("authorization", &format!("Bearer {token}"))
    }

    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Reply {
        let method = method.parse().unwrap();
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        for (name, value) in &self.sign_in {
            request = request.header(name, value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Reply { status, headers, text, json }
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], None).await
    }

    pub(super) async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &[], None).await
    }

    async fn json(&self, method: &str, path: &str, body: &Value) -> Reply {
        self.send(method, path, &[("content-type", "application/json")], Some(body.to_string())).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.json("POST", path, body).await
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) -> Reply {
        self.json("PATCH", path, body).await
    }

    pub(super) async fn graphql(&self, query: &str, variables: &Value) -> Reply {
        self.post("/graphql", &json!({"query": query, "variables": variables})).await
    }
}
