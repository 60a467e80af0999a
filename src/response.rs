//! The answer of a call, and whether it is a refusal.

pub(crate) mod refusal;
mod shown;
mod stream;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, LOCATION};
use indexmap::IndexMap;
use once_cell::sync::OnceCell;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::attempt::Attempt;
use crate::auth::Carried;
use crate::error::{DecodeError, Error, Refused, Result};
use crate::operation::{ErrorPointers, Method, RateLimitHeaders};
use crate::pages;
use crate::request::Request;
use crate::transport::{Answer, Arrived, hint};

use self::shown::shown;
pub use self::stream::ResponseStream;

/// An answer: status, headers, and the whole body after content decoding.
///
/// What a call returns had a 2xx status; the answer of a refused call is in [`Refused::response`]. For a GraphQL
/// operation [`Response::value`] and [`Response::json`] are the result itself, the value of the operation's single
/// root field (the whole `data` where it has several), and [`Response::envelope`] is the whole answer. Its `Debug`
/// shows status, header names and length only.
///
/// ```no_run
/// # async fn run() -> Result<(), opcall::Error> {
/// let found = opcall::command("tokens_query", [("limit", 5)]).await?;
/// println!("{} {}", found.status(), found.value()?["resources"][0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Response {
    context: Arc<Context>,
    /// Apart, as what follows, for a response is moved about.
    answer: Box<Arrived>,
    carried: Carried,
    aside: Option<Box<Aside>>,
    /// Read when asked for.
    value: OnceCell<Box<Value>>,
    envelope: OnceCell<Box<Value>>,
}

/// What few answers have.
#[derive(Clone, Default)]
struct Aside {
    /// What signing in took.
    sign_in: Vec<Attempt>,
    /// Where a refusal that redirects leads, as an error may tell it.
    location: Option<String>,
}

/// What the answers of an operation have in common.
#[derive(Clone, Default)]
pub(crate) struct Context {
    /// `service:id`, or `METHOD /path`.
    pub(crate) operation: Arc<str>,
    pub(crate) service: String,
    pub(crate) scope: Option<String>,
    pub(crate) pointers: Option<ErrorPointers>,
    pub(crate) rate_limit: Option<RateLimitHeaders>,
    pub(crate) graphql: Option<RootField>,
    /// Pointer to the items of a page (`x-pagination`).
    pub(crate) items: Option<String>,
}

/// What an answer belongs to.
#[derive(Clone)]
pub(crate) struct Called {
    pub(crate) context: Arc<Context>,
    /// What was asked for, where that is not the last request.
    pub(crate) asked: Option<Box<Origin>>,
    /// What no error about the answer may repeat, and the last request.
    pub(crate) carried: Carried,
    /// What signing in took.
    pub(crate) sign_in: Vec<Attempt>,
    /// Whether a repeat changes nothing more, where the answer may have to be told as an error.
    pub(crate) idempotent: bool,
}

/// What a call asked for.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) method: Method,
    /// Without its query.
    pub(crate) url: String,
}

impl Origin {
    pub(crate) fn of(request: &Request) -> Self {
        Self { method: request.method.clone(), url: request.bare_url().to_owned() }
    }
}

impl Called {
    /// Takes what the call carried out of an address that a service named.
    pub(crate) fn conceal_url(&mut self) {
        let Origin { method, url } = self.origin();
        self.asked = Some(Box::new(Origin { method, url: self.carried.conceal_text(url) }));
    }

    /// What was asked for.
    fn origin(&self) -> Origin {
        let last = || self.carried.request().map(Origin::of);
        let asked = self.asked.as_deref().cloned().or_else(last);
        asked.unwrap_or(Origin { method: Method::Get, url: String::new() })
    }
}

/// A GraphQL operation's single root field; `None` with several.
#[derive(Clone, Debug)]
pub(crate) struct RootField(pub(crate) Option<String>);

impl Response {
    /// Makes the answer of a call: [`Error::Refused`] for a status beyond 2xx and for GraphQL errors.
    pub(crate) fn check(called: Called, answer: Answer) -> Result<Self> {
        let is_success = (200..300).contains(&answer.status);
        let errors = called.context.graphql.is_some() && refusal::has_graphql_errors(&answer.body);
        if is_success && !errors {
            let Called { context, carried, sign_in, .. } = called;
            let aside = Aside { sign_in, location: None };
            let aside = if aside.sign_in.is_empty() { None } else { Some(Box::new(aside)) };
            return Ok(Self::new(context, answer, carried, aside));
        }
        Err(Self::refuse(called, answer))
    }

    /// Makes the error of a call that was refused.
    #[cold]
    pub(crate) fn refuse(called: Called, answer: Answer) -> Error {
        let Origin { method, url } = called.origin();
        let Called { context, carried, sign_in, idempotent, .. } = called;
        let location = answer.headers.get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let said = refusal::read(&answer, context.pointers.as_ref(), context.graphql.is_some());
        let status = answer.status;
        let refused = Refused {
            operation: context.operation.as_ref().to_owned(),
            service: context.service.clone(),
            method,
            url,
            status,
            message: said.message,
            code: said.code,
            trace_id: said.trace_id,
            scope: context.scope.clone().filter(|_| status == 403),
            retry_after: hint::read(status, &answer.headers, context.rate_limit.as_ref(), SystemTime::now())
                .filter(|hint| hint.is_about(status))
                .map(|hint| hint.wait),
            graphql: (200..300).contains(&status),
            retryable: crate::error::is_retryable_status(status),
            idempotent,
            response: Self::new(
                context,
                answer,
                carried.clone(),
                Some(Box::new(Aside { sign_in, location })),
            ),
        };
        carried.conceal(refused.into())
    }

    /// Where a refusal that redirects leads, without what the call carried.
    pub(crate) fn location(&self) -> Option<&str> {
        self.aside.as_ref()?.location.as_deref()
    }

    pub(crate) fn location_mut(&mut self) -> Option<&mut String> {
        self.aside.as_mut()?.location.as_mut()
    }

    /// Takes out of an error about the answer what the call carried.
    pub(crate) fn conceal(&self, error: Error) -> Error {
        self.carried.conceal(error)
    }

    fn new(context: Arc<Context>, answer: Answer, carried: Carried, aside: Option<Box<Aside>>) -> Self {
        let Answer { arrived: answer, .. } = answer;
        Self { context, answer, carried, aside, value: OnceCell::new(), envelope: OnceCell::new() }
    }

    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.answer.status
    }

    /// The header fields.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.answer.headers
    }

    /// The header fields as they may be shown: cookies, what a name says is a credential, and what the call was sent
    /// with as `<redacted>`; names in lower case.
    #[must_use]
    pub fn shown_headers(&self) -> Vec<(&str, String)> {
        shown(&self.answer.headers, &self.carried)
    }

    /// The body as received, after content decoding.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.answer.body
    }

    /// The body as text; what is no UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.answer.body)
    }

    /// The requests of the operation that the call took, this answer's the last: a repeat with a renewed token is among
    /// them, and so is the request that answers a digest challenge; requests for tokens are not.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.answer.attempts
    }

    /// The requests that signing in took before and between those of the operation: for tokens, and for the document
    /// that tells where to ask for them. They are told to the call that made them: one that found a token, or waited
    /// for another call to fetch it, has none.
    #[must_use]
    pub fn sign_in_attempts(&self) -> &[Attempt] {
        self.aside.as_ref().map_or(&[], |aside| &aside.sign_in)
    }

    /// The operation with its service, such as `falcon:tokens_query`, or `METHOD /path` for an endpoint in no table.
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.context.operation
    }

    /// The result as any type.
    ///
    /// # Errors
    /// [`Error::Decode`] where the body is no JSON or has another shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let text = self.result_text()?;
        serde_json::from_str(text).map_err(|error| self.misshapen("it has another shape", Some(error)))
    }

    /// The result as a JSON value, read at the first call; an empty body is `null`.
    ///
    /// # Errors
    /// [`Error::Decode`] where the body is no JSON.
    pub fn value(&self) -> Result<&Value> {
        self.value.get_or_try_init(|| self.json().map(Box::new)).map(|value| &**value)
    }

    /// The whole answer as a JSON value: for GraphQL with `data` and `errors`, else the same as [`Response::value`].
    ///
    /// # Errors
    /// [`Error::Decode`] where the body is no JSON.
    pub fn envelope(&self) -> Result<&Value> {
        let read = || {
            let read = serde_json::from_str(self.whole_text()?).map(Box::new);
            read.map_err(|error| self.misshapen("it is no JSON", Some(error)))
        };
        self.envelope.get_or_try_init(read).map(|value| &**value)
    }

    /// The JSON text of the result with its numbers, key order and spacing as received; `null` for an empty body.
    ///
    /// # Errors
    /// [`Error::Decode`] where the body is no UTF-8, or for GraphQL not what GraphQL answers.
    pub fn result_text(&self) -> Result<&str> {
        let whole = self.whole_text()?;
        let Some(RootField(root)) = &self.context.graphql else { return Ok(whole) };
        let parsed: GraphQlAnswer<'_> = serde_json::from_str(whole)
            .map_err(|error| self.misshapen("it is no answer of a GraphQL service", Some(error)))?;
        let Some(data) = parsed.data else { return Ok("null") };
        let Some(root) = root else { return Ok(data.get()) };
        let fields: Option<IndexMap<Cow<'_, str>, &RawValue>> = serde_json::from_str(data.get())
            .map_err(|error| self.misshapen("its data is no object", Some(error)))?;
        Ok(fields.and_then(|fields| fields.get(root.as_str()).map(|value| value.get())).unwrap_or("null"))
    }

    /// The items of a page: the list that the operation's `x-pagination` names, else the result, where that is a list.
    /// Each is read as `T`; as `Box<serde_json::value::RawValue>` it keeps its text.
    ///
    /// # Errors
    /// [`Error::Decode`] where there is no such list, or an item has another shape.
    pub fn items<T: DeserializeOwned>(&self) -> Result<Vec<T>> {
        let text = self.result_text()?;
        let pointer = self.context.items.as_deref();
        let found = pages::at(text, pointer.unwrap_or_default());
        let found = found.map_err(|error| self.misshapen("it is no JSON", Some(error)))?;
        match found.filter(|found| pages::is_array(found) || pointer.is_some()) {
            Some(list) if pages::is_array(list) => serde_json::from_str(list.get())
                .map_err(|error| self.misshapen("an item has another shape", Some(error))),
            // Many services leave a list out, or write `null`, where it is empty.
            None if pointer.is_some() => Ok(Vec::new()),
            Some(other) if other.get() == "null" => Ok(Vec::new()),
            _ => Err(self.misshapen("it has no list of items", None)),
        }
    }

    fn whole_text(&self) -> Result<&str> {
        if self.answer.body.iter().all(u8::is_ascii_whitespace) {
            return Ok("null");
        }
        std::str::from_utf8(&self.answer.body).map_err(|_| self.misshapen("it is no UTF-8 text", None))
    }

    pub(crate) fn misshapen(&self, problem: &str, source: Option<serde_json::Error>) -> Error {
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&self.answer.body).is_ok();
        let coding = self.answer.headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
        let problem = match coding {
            // What is known was undone, and the field with it.
            Some(coding) if !is_json => format!("its content coding \"{coding}\" is not known here"),
            _ if is_json => problem.to_owned(),
            _ => "it is no JSON".to_owned(),
        };
        let media_type = self.answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let error = DecodeError {
            operation: self.context.operation.as_ref().to_owned(),
            status: self.answer.status,
            media_type: media_type.unwrap_or("no content type").to_owned(),
            problem,
            attempts: self.answer.attempts.clone(),
            source,
        };
        self.conceal(error.into())
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("operation", &self.context.operation)
            .field("status", &self.answer.status)
            .field("headers", &self.answer.headers.keys().map(http::HeaderName::as_str).collect::<Vec<_>>())
            .field("length", &self.answer.body.len())
            .field("attempts", &self.answer.attempts.len())
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct GraphQlAnswer<'a> {
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

    use super::*;

    fn answer(status: u16, media_type: &str, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, media_type.parse().unwrap());
        let body = Bytes::copy_from_slice(body.as_bytes());
        Answer::new(status, headers, body)
    }

    fn context(graphql: Option<RootField>) -> Called {
        let context = Context {
            operation: "demo:things_get".into(),
            service: "demo".to_owned(),
            scope: Some("Things: READ".to_owned()),
            graphql,
            ..Context::default()
        };
        Called {
            context: Arc::new(context),
            asked: Some(Box::new(Origin { method: Method::Get, url: "https://h.example/things".to_owned() })),
            carried: Carried::default(),
            sign_in: Vec::new(),
            idempotent: false,
        }
    }

    fn plain(status: u16, body: &str) -> Result<Response> {
        Response::check(context(None), answer(status, "application/json", body))
    }

    fn graphql(root: Option<&str>, body: &str) -> Result<Response> {
        let root = RootField(root.map(str::to_owned));
        Response::check(context(Some(root)), answer(200, "application/json", body))
    }

    #[test]
    fn the_result_keeps_its_number_text() {
        let found = plain(200, r#"{"a": 1.0, "b": 12345678901234567890123}"#).unwrap();
        assert_eq!(found.result_text().unwrap(), r#"{"a": 1.0, "b": 12345678901234567890123}"#);
        assert_eq!(found.value().unwrap()["a"], 1.0);
        let found =
            graphql(Some("one"), r#"{"data": {"one": {"n": 1e2}, "two": 2}, "extensions": {}}"#).unwrap();
        assert_eq!(found.result_text().unwrap(), r#"{"n": 1e2}"#);
        assert_eq!(found.envelope().unwrap()["data"]["two"], 2);
    }

    #[test]
    fn a_number_is_the_nearest_there_is() {
        let long = "5555550000000000000000000000000000000000000000000000000000100000";
        let found = plain(200, long).unwrap();
        assert_eq!(found.value().unwrap().as_f64(), long.parse().ok());
    }

    #[test]
    fn an_empty_body_is_null() {
        assert_eq!(plain(204, "").unwrap().value().unwrap(), &Value::Null);
        assert_eq!(plain(200, " \r\n").unwrap().value().unwrap(), &Value::Null);
    }

    #[test]
    fn graphql_gives_the_root_field_or_all_of_several() {
        assert_eq!(graphql(Some("x"), r#"{"data": {"x": true}}"#).unwrap().value().unwrap(), true);
        assert_eq!(graphql(None, r#"{"data": {"x": 1, "y": 2}}"#).unwrap().value().unwrap()["y"], 2);
        assert_eq!(graphql(Some("x"), r#"{"data": null}"#).unwrap().value().unwrap(), &Value::Null);
        assert_eq!(
            graphql(Some("x"), r#"{"data": {"x": "t"}, "errors": []}"#).unwrap().json::<String>().unwrap(),
            "t"
        );
    }

    #[test]
    fn graphql_errors_refuse_with_all_messages_and_partial_data() {
        let body = r#"{"data": {"x": 5}, "errors": [{"message": "first"}, {"message": "second"}]}"#;
        let Error::Refused(refused) = graphql(Some("x"), body).unwrap_err() else { panic!("not refused") };
        assert_eq!(refused.to_string(), "demo refused things_get with GraphQL errors: first; second");
        assert!(refused.graphql);
        assert_eq!(refused.response.value().unwrap(), 5);
    }

    #[test]
    fn a_refusal_names_status_and_scope() {
        let error = plain(403, r#"{"message": "no"}"#).unwrap_err();
        assert_eq!(error.to_string(), "demo refused things_get with 403: no");
        assert_eq!(error.hint().unwrap(), "the API client needs the scope \"Things: READ\".");
        assert!(error.was_sent());
        assert_eq!((error.kind(), error.status()), ("refused", Some(403)));
        assert_eq!(plain(404, "").unwrap_err().to_string(), "demo refused things_get with 404");
        assert_eq!(plain(302, "").unwrap_err().status(), Some(302));
    }

    #[test]
    fn a_body_of_another_shape_is_a_decode_error() {
        let found = Response::check(context(None), answer(200, "text/html", "<html>")).unwrap();
        let error = found.value().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the answer of demo:things_get (200, text/html) is not what was asked for: it is no JSON"
        );
        let error = plain(200, "[1]").unwrap().json::<String>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the answer of demo:things_get (200, application/json) is not what was asked for: it has another shape"
        );
        assert_eq!(found.text(), "<html>");
    }

    #[test]
    fn debug_shows_no_content() {
        let shown = format!("{:?}", plain(200, r#"{"value": "canary"}"#).unwrap());
        assert!(!shown.contains("canary"), "{shown}");
        assert!(shown.contains("length: 19"), "{shown}");
    }
}
