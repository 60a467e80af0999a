//! Where an authorization server's token endpoint is and how a client signs in there, as the server itself tells
//! (`OpenID` Connect Discovery 1.0, RFC 8414).
//!
//! What the document says decides where the client secret goes. So it comes encrypted, from the URL that the
//! description names and from no other (redirects are not followed), and has to name that URL's server as its issuer.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, HeaderMap, HeaderValue};
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use super::SignInError;
use super::renewing::Fetched;
use crate::attempt::Attempt;
use crate::error::{AuthError, UnsafeError};
use crate::operation::{ClientAuth, Method, OAuth2Def, ServiceDef};
use crate::profile::{Setting, variables_for};
use crate::transport::{self, Caller, ClientCertificate, Limits, Link, Transport, Wire};

/// How long a document holds.
const HOLDS: Duration = Duration::from_secs(60 * 60);

/// No document of this kind is larger.
const LARGEST: u64 = 1024 * 1024;

/// One document to be asked for.
pub(super) struct Discovery<'a> {
    pub(super) definition: &'a ServiceDef,
    pub(super) transport: &'a Transport,
    /// The client certificate of the account, and the account's address.
    pub(super) certificate: Option<&'a ClientCertificate>,
    pub(super) address: String,
    /// Who asks.
    pub(super) caller: Arc<Caller>,
    pub(super) url: Url,
}

/// What is read of it (RFC 8414 §2).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    token_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    revocation_endpoint: Option<String>,
}

impl Discovery<'_> {
    /// Asks for the document and reads it; the requests are logged.
    pub(super) async fn ask(&self, log: &mut Vec<Attempt>) -> Result<Fetched<OAuth2Def>, SignInError> {
        self.read(log).await.map_err(|error| error.after_all(log))
    }

    async fn read(&self, log: &mut Vec<Attempt>) -> Result<Fetched<OAuth2Def>, SignInError> {
        if !self.transport.plain_http().is_safe(&self.url) {
            let origin = self.url.origin().ascii_serialization();
            let problem = format!(
                "{origin} would tell unencrypted where the client secret of {} goes",
                self.definition.name
            );
            return Err(UnsafeError { problem, hint: Some(self.way_out()), ..UnsafeError::default() }.into());
        }
        let since = Instant::now();
        let reply =
            self.transport.ask(self.wire(), None, Arc::clone(&self.caller), log).await.map_err(|error| {
                match error {
                    SignInError::Unsafe(error) => self.error(&error.problem, None).into(),
                    other => other,
                }
            })?;
        let answer = &reply.answer;
        match answer.status {
            200 => {}
            300..=399 => {
                return Err(self.error("redirects, which is not followed", Some(answer.status)).into());
            }
            status => return Err(reply.failure(self.error(&format!("answers {status}"), Some(status)))),
        }
        let flow =
            read(&self.url, &answer.body).map_err(|problem| self.error(&problem, Some(answer.status)))?;
        Ok(Fetched::new(flow, Some(HOLDS), since))
    }

    fn wire(&self) -> Wire {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        transport::complete(&mut headers);
        Wire {
            operation: format!("{}: discovery", self.definition.name).into(),
            method: Method::Get,
            url: self.url.clone(),
            headers,
            content: None,
            limits: Limits { max_body: Some(LARGEST), ..Limits::default() },
            is_streamed: false,
            signing_in: true,
            link: Link::showing(self.certificate, &self.url, &self.address),
            shown: None,
        }
    }

    fn error(&self, problem: &str, status: Option<u16>) -> AuthError {
        let shown = self.url.as_str().split(['?', '#']).next().unwrap_or_default();
        AuthError {
            service: self.definition.name.clone(),
            problem: format!("{}: the discovery document {shown} {problem}", self.definition.name),
            hint: Some(self.way_out()),
            status,
            trace_id: None,
            retry_after: None,
            attempts: Vec::new(),
            before: Vec::new(),
        }
    }

    fn way_out(&self) -> String {
        let variables = |key| variables_for(self.definition, key).join(" or ");
        let named = |key, otherwise: &str| {
            Some(variables(key)).filter(|one| !one.is_empty()).unwrap_or_else(|| otherwise.to_owned())
        };
        format!(
            "set {} to the token endpoint, or {} to a token.",
            named(Setting::TokenUrl, "the profile's token URL"),
            named(Setting::AccessToken, "the profile's access token")
        )
    }
}

/// Reads a document that came from `url`.
fn read(url: &Url, body: &[u8]) -> Result<OAuth2Def, String> {
    let metadata: Metadata =
        serde_json::from_slice(body).map_err(|_| "is no JSON object with an `issuer`".to_owned())?;
    let issuer = Url::parse(&metadata.issuer).ok().filter(|issuer| is_issuer_of(issuer, url));
    if issuer.is_none() {
        return Err(format!("names another issuer: \"{}\"", metadata.issuer.escape_debug()));
    }
    let Some(token_url) = metadata.token_endpoint.filter(|url| url.contains("://")) else {
        return Err("names no token endpoint".to_owned());
    };
    let methods = metadata.token_endpoint_auth_methods_supported;
    Ok(OAuth2Def {
        token_url: Some(token_url),
        revoke: metadata.revocation_endpoint.filter(|url| url.contains("://")),
        client_auth: client_auth(methods.as_deref())?,
        ..OAuth2Def::default()
    })
}

/// The issuer whose document stands at `url`: its own URL with `/.well-known/openid-configuration` at the end
/// (Discovery §4), or with a well-known path before its own (RFC 8414 §3). At any other path, one of that origin.
fn is_issuer_of(issuer: &Url, url: &Url) -> bool {
    let path = match url.path().split_once("/.well-known/") {
        Some((before, "openid-configuration" | "oauth-authorization-server")) => Some(before),
        Some(("", rest)) => rest.find('/').map(|start| &rest[start..]),
        _ => None,
    };
    let is_plain = issuer.query().is_none() && issuer.fragment().is_none() && issuer.username().is_empty();
    let trimmed = |path: &str| path.trim_end_matches('/').to_owned();
    is_plain
        && issuer.origin() == url.origin()
        && path.is_none_or(|path| trimmed(path) == trimmed(issuer.path()))
}

/// Without a list it is basic (RFC 8414 §2); of a list basic is taken first, as RFC 6749 §2.3.1 prefers it.
fn client_auth(methods: Option<&[String]>) -> Result<ClientAuth, String> {
    let Some(methods) = methods else { return Ok(ClientAuth::Basic) };
    let has = |name: &str| methods.iter().any(|method| method == name);
    if has("client_secret_basic") {
        Ok(ClientAuth::Basic)
    } else if has("client_secret_post") {
        Ok(ClientAuth::Post)
    } else {
        let methods = methods.join(", ");
        Err(format!("takes no client secret: it names the methods {}", methods.escape_debug()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use serde_json::{Value, json};

    use super::*;

    fn found(url: &str, metadata: &Value) -> Result<OAuth2Def, String> {
        read(&Url::parse(url).unwrap(), metadata.to_string().as_bytes())
    }

    #[test]
    fn the_issuer_is_the_server_that_was_asked() {
        for (url, issuer, is_good) in [
            ("https://a.example/.well-known/openid-configuration", "https://a.example", true),
            ("https://a.example/.well-known/openid-configuration", "https://a.example/", true),
            ("https://A.example:443/.well-known/openid-configuration", "https://a.example", true),
            ("https://a.example/t/1/.well-known/openid-configuration", "https://a.example/t/1", true),
            ("https://a.example/t/1/.well-known/openid-configuration", "https://a.example/t/2", false),
            ("https://a.example/t/1/.well-known/openid-configuration", "https://a.example", false),
            ("https://a.example/.well-known/oauth-authorization-server/t/1", "https://a.example/t/1", true),
            ("https://a.example/.well-known/oauth-authorization-server/t/1", "https://a.example", false),
            ("https://a.example/.well-known/openid-configuration", "https://b.example", false),
            ("https://a.example/.well-known/openid-configuration", "https://a.example.evil", false),
            ("https://a.example/.well-known/openid-configuration", "http://a.example", false),
            ("https://a.example/.well-known/openid-configuration", "https://a.example:444", false),
            ("https://a.example/.well-known/openid-configuration", "https://a.example?x", false),
            ("https://a.example/.well-known/openid-configuration", "https://x@a.example", false),
            ("https://a.example/.well-known/openid-configuration", "a.example", false),
            ("https://a.example/meta", "https://a.example/anything", true),
            ("https://a.example/meta", "https://b.example/", false),
        ] {
            let metadata = json!({"issuer": issuer, "token_endpoint": "https://t.example/t"});
            assert_eq!(found(url, &metadata).is_ok(), is_good, "{issuer} at {url}");
        }
    }

    #[test]
    fn the_method_is_basic_unless_the_server_takes_post_alone() {
        let method = |methods: Value| {
            let metadata = json!({"issuer": "https://a.example", "token_endpoint": "https://a.example/t",
                "token_endpoint_auth_methods_supported": methods, "revocation_endpoint": "https://a.example/r"});
            found("https://a.example/.well-known/openid-configuration", &metadata)
        };
        assert_eq!(method(Value::Null).unwrap().client_auth, ClientAuth::Basic);
        let both = method(json!(["client_secret_post", "client_secret_basic"])).unwrap();
        assert_eq!(
            (both.client_auth, both.revoke.as_deref()),
            (ClientAuth::Basic, Some("https://a.example/r"))
        );
        assert_eq!(method(json!(["none", "client_secret_post"])).unwrap().client_auth, ClientAuth::Post);
        assert_eq!(
            method(json!(["private_key_jwt"])).unwrap_err(),
            "takes no client secret: it names the methods private_key_jwt"
        );
    }

    #[test]
    fn a_document_that_is_none_is_refused() {
        let url = Url::parse("https://a.example/.well-known/openid-configuration").unwrap();
        for body in ["", "<html>", "[]", "{}", r#"{"issuer": 1}"#] {
            assert_eq!(
                read(&url, body.as_bytes()).unwrap_err(),
                "is no JSON object with an `issuer`",
                "{body}"
            );
        }
        for body in
            [r#"{"issuer":"https://a.example"}"#, r#"{"issuer":"https://a.example","token_endpoint":"/t"}"#]
        {
            assert_eq!(read(&url, body.as_bytes()).unwrap_err(), "names no token endpoint", "{body}");
        }
    }
}
