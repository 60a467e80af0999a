//! The token endpoint: `OAuth2` client credentials (RFC 6749 §4.4), revocation (RFC 7009), and services that send
//! the caller to another region.

use std::path::Path;
use std::time::{Duration, SystemTime};

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::time::Instant;
use url::{Origin, ParseError, Url, form_urlencoded};

use super::SignInError;
use super::caller::asker;
use super::renewing::Fetched;
use super::seal::check_encrypted;
use super::source::{basic_credentials, client_credentials};
use crate::attempt::{Attempt, Wait, WaitReason, counted};
use crate::error::{AuthError, ConfigError, UnsafeError, suggest_waiting};
use crate::operation::{ClientAuth, Method, OAuth2Def, RegionDef, ServiceDef};
use crate::profile::{Base, Credentials, Setting, find_region, origin_of, variables_for};
use crate::request::Content;
use crate::response::refusal;
use crate::transport::{Answer, ClientCertificate, Limits, Link, Reply, Transport, Wire, hint};

/// The life of a token whose endpoint does not tell it.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// No answer of a token endpoint is larger, in bytes.
const LARGEST: u64 = 1 << 20;

/// One flow of one service, as configured.
pub(crate) struct TokenEndpoint<'a> {
    pub(crate) definition: &'a ServiceDef,
    pub(crate) flow: &'a OAuth2Def,
    pub(crate) regions: &'a [RegionDef],
    /// What the profile sets in place of the document's token URL.
    pub(crate) token_url: Option<&'a str>,
    /// The scopes to ask for, in the document's order.
    pub(crate) scopes: &'a [String],
    pub(crate) transport: &'a Transport,
    /// The client certificate of the account.
    pub(crate) certificate: Option<&'a ClientCertificate>,
    /// The folder in which other processes hear of what the endpoint asks for.
    pub(crate) cache: Option<&'a Path>,
}

impl TokenEndpoint<'_> {
    /// Asks for a token; the requests are logged. Where the service sends the caller to another of its regions, asks there, once, and returns
    /// that region's base URL too.
    pub(crate) async fn exchange(
        &self,
        base: &Base,
        credentials: &Credentials,
        log: &mut Vec<Attempt>,
    ) -> Result<(Fetched<SecretString>, Option<Base>), SignInError> {
        let since = Instant::now();
        let reply = self.ask(base, credentials, log).await?;
        let Some(region) = self.redirected(base, &reply.answer)? else {
            return Ok((self.token(&reply, since)?, None));
        };
        tracing::debug!(
            service = self.definition.name,
            region = region.name,
            "the token endpoint names the region"
        );
        if let Some(last) = log.last_mut() {
            last.wait = Some(Wait { length: Duration::ZERO, reason: WaitReason::Redirect });
        }
        let base = Base::of_region(region);
        let since = Instant::now();
        let reply = self.ask(&base, credentials, log).await?;
        if self.redirected(&base, &reply.answer)?.is_some() {
            return Err(self.refused(&reply.answer, "the token endpoint sends from region to region").into());
        }
        Ok((self.token(&reply, since)?, Some(base)))
    }

    async fn ask(
        &self,
        base: &Base,
        credentials: &Credentials,
        log: &mut Vec<Attempt>,
    ) -> Result<Reply, SignInError> {
        let Some(client) = &credentials.client else {
            return Err(self.error("no client ID and secret to ask for a token with").into());
        };
        let form = self.form(client, credentials.member.as_deref());
        let written = self.token_url.or(self.flow.token_url.as_deref()).unwrap_or_default();
        let url = self.endpoint(base, written, |url| self.permission(url))?;
        self.post(base, url, (form, self.basic(client)), credentials, log).await
    }

    /// The client's ID and secret for the header; `None` where they stand in the form.
    fn basic(&self, (id, secret): &(String, SecretString)) -> Option<SecretString> {
        (self.flow.client_auth == ClientAuth::Basic).then(|| client_credentials(id, secret))
    }

    fn form(&self, (id, secret): &(String, SecretString), member: Option<&str>) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        if !self.flow.omit_grant_type {
            form.append_pair("grant_type", "client_credentials");
        }
        if self.flow.client_auth == ClientAuth::Post {
            form.append_pair("client_id", id).append_pair("client_secret", secret.expose_secret());
        }
        if !self.scopes.is_empty() {
            form.append_pair("scope", &self.scopes.join(" "));
        }
        if let (Some(field), Some(member)) = (&self.flow.member, member) {
            form.append_pair(field, member);
        }
        form.finish()
    }

    /// Ends a token before its time; whether there was anywhere to do so.
    pub(crate) async fn revoke(
        &self,
        base: &Base,
        credentials: &Credentials,
        token: &SecretString,
        log: &mut Vec<Attempt>,
    ) -> Result<bool, SignInError> {
        let (Some(path), Some(client)) = (&self.flow.revoke, &credentials.client) else {
            return Ok(false);
        };
        let (id, secret) = client;
        let authorization =
            if self.flow.revoke_basic { Some(basic_credentials(id, secret)) } else { self.basic(client) };
        let mut pairs = vec![("token", token)];
        let client_id = SecretString::from(id.as_str());
        if authorization.is_none() {
            pairs.extend([("client_id", &client_id), ("client_secret", secret)]);
        }
        let form = encoded(&pairs);
        let url = self.endpoint(base, path, |_| {
            "correct `x-oauth2` in the description; until then tokens end by themselves.".to_owned()
        })?;
        let answer = self.post(base, url, (form, authorization), credentials, log).await?.answer;
        if is_success(answer.status) {
            return Ok(true);
        }
        let mut refused = self.refused(&answer, "the revocation endpoint refused");
        if (300..400).contains(&answer.status) {
            let place = leads_to(&answer);
            refused.hint = Some(format!(
                "name {place} in the description (`x-oauth2`, `revoke`) if that is to be trusted: redirects are not \
                 followed, and until then tokens end by themselves."
            ));
        }
        Err(refused.into())
    }

    /// An endpoint of the document or of the user. Where the user has named a base URL or a token URL, the document
    /// cannot send the client secret to any other server.
    fn endpoint(
        &self,
        base: &Base,
        written: &str,
        way_out: impl FnOnce(&Url) -> String,
    ) -> Result<Url, SignInError> {
        if is_relative(written) {
            base.require_real().map_err(SignInError::Config)?;
        }
        let url = absolute(base, written).map_err(|problem| {
            SignInError::Config(ConfigError {
                problem: format!("the token endpoint {problem}, in {}", self.definition.name),
                hint: Some("set the profile's token URL.".to_owned()),
            })
        })?;
        if !self.may_have_secret(base, &url) {
            let place = match self.token_url {
                None => "not the base URL that was set",
                Some(_) => "neither at the base URL nor at the token URL that was set",
            };
            let origin = url.origin().ascii_serialization();
            let problem = format!("the client secret would go to {origin}, which is {place}");
            return Err(UnsafeError { problem, hint: Some(way_out(&url)), ..UnsafeError::default() }.into());
        }
        check_encrypted(&url, self.transport.plain_http())?;
        Ok(url)
    }

    /// Whether the client secret may go to an endpoint: to the servers that the user has named, and to any that the
    /// document names where the user has named none.
    fn may_have_secret(&self, base: &Base, url: &Url) -> bool {
        let is_at = |origin: Option<Origin>| origin == Some(url.origin());
        let named = self.token_url.and_then(|written| absolute(base, written).ok());
        (!base.explicit && named.is_none())
            || is_at(origin_of(&base.url))
            || is_at(named.map(|named| named.origin()))
    }

    /// How the user lets the client secret go to an endpoint.
    fn permission(&self, url: &Url) -> String {
        let variables = variables_for(self.definition, Setting::TokenUrl).join(" or ");
        let set = if variables.is_empty() { "the profile's token URL" } else { &variables };
        format!("set {set} to {url} if it is meant to have the secret, or give an access token.")
    }

    async fn post(
        &self,
        base: &Base,
        url: Url,
        (form, authorization): (String, Option<SecretString>),
        credentials: &Credentials,
        log: &mut Vec<Attempt>,
    ) -> Result<Reply, SignInError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        if let Some(secret) = authorization {
            let value = HeaderValue::from_str(&format!("Basic {}", secret.expose_secret()));
            let mut value = value.map_err(|_| self.error("the client's ID or secret cannot be sent"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let link = Link::showing(self.certificate, &url, &base.url);
        let caller = asker(&self.definition.name, &url, Some(credentials), self.cache);
        let wire = Wire {
            operation: format!("{}: token endpoint", self.definition.name).into(),
            method: Method::Post,
            url,
            headers,
            content: Content::Text(form).shared(),
            limits: Limits { max_body: Some(LARGEST), ..Limits::default() },
            is_streamed: false,
            signing_in: true,
            link,
            shown: None,
        };
        self.transport.ask(wire, self.definition.rate_limit.as_ref(), caller, log).await
    }

    /// The region that an answer sends the caller to, if it does: one of the service's own, and only where the user
    /// has not set a base URL.
    fn redirected(&self, base: &Base, answer: &Answer) -> Result<Option<&RegionDef>, SignInError> {
        let discovery = self.definition.discovery.as_ref();
        let asks = |discovery: &&crate::operation::RegionDiscovery| {
            answer.status == discovery.redirect && discovery.endpoints.iter().any(|one| one == "token")
        };
        let Some(discovery) = discovery.filter(asks) else { return Ok(None) };
        let named = answer.headers.get(discovery.header.as_str()).and_then(|name| name.to_str().ok());
        let location = answer.headers.get(LOCATION).and_then(|url| url.to_str().ok()).and_then(origin_of);
        if base.explicit {
            return Err(self.elsewhere(named).into());
        }
        let region = named.and_then(|name| find_region(self.regions, name));
        let agrees = |region: &&RegionDef| location.is_none() || location == origin_of(&region.url);
        region.filter(agrees).map(Some).ok_or_else(|| {
            let target = location.map_or_else(|| "nowhere".to_owned(), |origin| origin.ascii_serialization());
            let problem = format!(
                "the token endpoint of {} sends the client secret to {target}, region \"{}\", which its document does not know",
                self.definition.name,
                named.unwrap_or_default().escape_debug(),
            );
            UnsafeError { problem, hint: Some("set the region or the base URL.".to_owned()), ..UnsafeError::default() }.into()
        })
    }

    fn elsewhere(&self, region: Option<&str>) -> AuthError {
        let region = region.unwrap_or("another region");
        let variables = variables_for(self.definition, Setting::Region).join(" or ");
        let set = if variables.is_empty() { "the region".to_owned() } else { variables };
        AuthError {
            hint: Some(format!("set {set} to {} in place of the base URL.", region.escape_debug())),
            ..self.error(&format!(
                "the credentials belong to {}, not to the base URL that was set",
                region.escape_debug()
            ))
        }
    }

    fn token(&self, reply: &Reply, since: Instant) -> Result<Fetched<SecretString>, SignInError> {
        let answer = &reply.answer;
        if !is_success(answer.status) {
            return Err(reply.failure(self.refused(answer, "the token endpoint refused")));
        }
        let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let token = body.get_mut("access_token").map(Value::take).filter(|token| token != "");
        let Some(Value::String(token)) = token else {
            return Err(AuthError {
                status: Some(answer.status),
                ..self.error("the token endpoint's answer holds no access_token")
            }
            .into());
        };
        if let Some(problem) = unusable(&token, &body) {
            return Err(AuthError { status: Some(answer.status), ..self.error(&problem) }.into());
        }
        Ok(Fetched::new(token.into(), Some(lifetime(&body)), since))
    }

    fn refused(&self, answer: &Answer, what: &str) -> AuthError {
        let said = refusal::read(answer, self.definition.error.as_ref(), false);
        let status = answer.status;
        let mut problem = format!("{what} with {status}{}", counted(&answer.attempts));
        if let Some(message) = said.message {
            problem.push_str(": ");
            problem.push_str(&message);
        }
        if let Some(trace) = &said.trace_id {
            problem.extend([" (trace ", trace, ")"]);
        }
        let limits = self.definition.rate_limit.as_ref();
        let retry_after = (status == 429 || status == 503)
            .then(|| hint::read(status, &answer.headers, limits, SystemTime::now()))
            .flatten()
            .map(|hint| hint.wait);
        let hint = if (300..400).contains(&status) {
            Some(self.moved(answer))
        } else if (400..500).contains(&status) && status != 429 {
            let variables = [Setting::ClientId, Setting::ClientSecret]
                .map(|key| variables_for(self.definition, key).join(" or "));
            let named = variables.iter().all(|one| !one.is_empty());
            Some(if named {
                format!("check {}.", variables.join(" and "))
            } else {
                "check the client ID and secret.".to_owned()
            })
        } else {
            let wait = retry_after.filter(|wait| !wait.is_zero());
            Some(wait.map_or_else(|| "repeat the call later.".to_owned(), suggest_waiting))
        };
        let trace_id = said.trace_id;
        AuthError { status: Some(status), trace_id, retry_after, hint, ..self.error(&problem) }
    }

    /// What to do where an endpoint redirects: the client secret does not go where an answer says.
    fn moved(&self, answer: &Answer) -> String {
        let place = leads_to(answer);
        let variables = variables_for(self.definition, Setting::TokenUrl).join(" or ");
        let set = if variables.is_empty() { "the profile's token URL" } else { &variables };
        format!("set {set} to {place} if that is to be trusted: token endpoints' redirects are not followed.")
    }

    fn error(&self, problem: &str) -> AuthError {
        AuthError {
            service: self.definition.name.clone(),
            problem: format!("{}: {problem}", self.definition.name),
            hint: None,
            status: None,
            trace_id: None,
            retry_after: None,
            attempts: Vec::new(),
            before: Vec::new(),
        }
    }
}

/// Where an endpoint redirects, without what may be secret in it.
fn leads_to(answer: &Answer) -> String {
    let location = answer.headers.get(LOCATION).and_then(|location| location.to_str().ok());
    let url = location.and_then(|location| Url::parse(location).ok());
    let place = url.filter(|url| url.has_host() && url.username().is_empty() && url.password().is_none());
    place.map_or_else(
        || "where it leads".to_owned(),
        |url| url[..url::Position::AfterPath].escape_debug().to_string(),
    )
}

/// Whether a URL of a document is a reference that another URL completes.
fn is_relative(written: &str) -> bool {
    matches!(Url::parse(written), Err(ParseError::RelativeUrlWithoutBase))
}

/// A URL of a document. A relative one stands on the URL of the server, as on a folder (`OpenAPI`, "Relative References
/// in URLs"; RFC 3986 §5). It names no user, and no place in an answer.
pub(super) fn absolute(base: &Base, written: &str) -> Result<Url, String> {
    let parsed = if is_relative(written) {
        Url::parse(&format!("{}/", base.url)).and_then(|base| base.join(written))
    } else {
        Url::parse(written)
    };
    let url = parsed.map_err(|error| format!("\"{written}\" is no URL: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        let origin = url.origin().ascii_serialization();
        return Err(format!("at {origin} holds a user, a password or a fragment"));
    }
    Ok(url)
}

fn encoded(pairs: &[(&str, &SecretString)]) -> String {
    let plain = pairs.iter().map(|(name, value)| (*name, value.expose_secret()));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(plain).finish()
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// Types of tokens that are no bearer tokens: who sends one as it is does not know how to use it (RFC 6749 §7.1).
const NO_BEARERS: [&str; 4] = ["mac", "pop", "dpop", "n_a"];

/// Why a token cannot be used: it holds what none may hold (RFC 6749 §A.12), or it is of another type.
fn unusable(token: &str, body: &Value) -> Option<String> {
    if token.trim() != token || !token.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) {
        return Some("the token endpoint's answer holds an access_token that no header may hold".to_owned());
    }
    let kind = body.get("token_type").and_then(Value::as_str)?;
    NO_BEARERS.iter().any(|one| kind.eq_ignore_ascii_case(one)).then(|| {
        format!(
            "the token endpoint gives tokens of the type {}, which is not known here",
            kind.escape_debug()
        )
    })
}

/// `expires_in` in seconds, also where it is written as text.
fn lifetime(body: &Value) -> Duration {
    let seconds = body.get("expires_in").and_then(|value| match value {
        Value::String(text) => text.parse::<f64>().ok(),
        other => other.as_f64(),
    });
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or(DEFAULT_LIFETIME)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_is_sent_as_it_is_or_not_at_all() {
        let of = |kind: &str| json!({"token_type": kind});
        for (token, body) in [
            ("a.b-c~d+e/f==", json!({})),
            ("t", of("bearer")),
            ("t", of("Bearer")),
            ("t", of("BearerToken")),
            ("t", json!({"token_type": 1})),
        ] {
            assert_eq!(unusable(token, &body), None, "{token} {body}");
        }
        for token in ["a\r\nb", "a\u{7f}", "é", " a", "a ", "\t"] {
            assert!(unusable(token, &json!({})).is_some(), "{token:?}");
        }
        for kind in ["mac", "MAC", "DPoP", "pop", "N_A"] {
            assert!(unusable("t", &of(kind)).is_some_and(|problem| problem.contains(kind)), "{kind}");
        }
    }

    #[test]
    fn a_life_is_read_in_any_form() {
        for (body, seconds) in [
            (json!({"expires_in": 1799}), 1799),
            (json!({"expires_in": "60"}), 60),
            (json!({"expires_in": 0}), 0),
            (json!({"expires_in": -5}), 1800),
            (json!({"expires_in": 1e300}), 1800),
            (json!({"expires_in": null}), 1800),
            (json!({}), 1800),
        ] {
            assert_eq!(lifetime(&body).as_secs(), seconds, "{body}");
        }
    }

    #[test]
    fn a_written_url_stands_on_the_server_and_names_no_user() {
        assert!(is_relative("/token") && is_relative("token"));
        assert!(!is_relative("https://t.example/token") && !is_relative("https://"));
        let region = RegionDef { url: "https://a.example/v1".to_owned(), ..RegionDef::default() };
        let at = |written: &str| absolute(&Base::of_region(&region), written).map(String::from);
        assert_eq!(at("token").as_deref(), Ok("https://a.example/v1/token"));
        assert_eq!(at("/token").as_deref(), Ok("https://a.example/token"));
        assert_eq!(at("https://t.example/token").as_deref(), Ok("https://t.example/token"));
        for written in ["https://u@t.example/", "https://:p@t.example/", "https://t.example/#x"] {
            let problem = "at https://t.example holds a user, a password or a fragment";
            assert_eq!(at(written).unwrap_err(), problem, "{written}");
        }
    }
}
