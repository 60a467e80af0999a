//! The order of one call: operation, account, arguments, credentials, attempts, answer. A dry run stops on this same
//! path before the credentials.

use std::pin::pin;
use std::sync::Arc;

use http::HeaderMap;
use url::Url;

use super::command::{Command, Endpoint, Wanted, Wishes};
use super::live::{Course, LiveCall};
use super::plan::{Plan, Standing};
use super::{Harness, Inner, files, plan};
use crate::auth::{self, Account, Need, Target};
use crate::error::{ArgumentsError, AuthError, ConfigError, Result};
use crate::operation::{Location, Method, SecuritySchemeDef, header};
use crate::pages::Given;
use crate::params::Params;
use crate::profile::{Base, Credentials};
use crate::request::{self, CallOptions, Common, Place, Request};
use crate::response::{Called, Response, ResponseStream};
use crate::table::{Operation, Parameter};
use crate::transport::{Answer, Call as _, Transport, check_repeats};

/// A command whose operation and account are found.
pub(crate) struct Dispatch<'a> {
    harness: &'a Harness,
    subject: Subject<'a>,
    pub(super) plan: Arc<Plan>,
    params: Params,
    pub(super) wishes: Wishes,
    /// Whether the body of the answer is left to the caller.
    pub(super) is_streamed: bool,
    /// Whether it is made once, so that its arguments need not be there for longer than they are needed.
    is_single: bool,
    /// The address of a further page, in place of the one that the arguments make.
    pub(crate) page: Option<Box<Url>>,
}

/// What is called.
enum Subject<'a> {
    Listed(Operation<'a>),
    Unlisted { service: &'a str, method: Method, path: &'a str },
}

impl<'a> Dispatch<'a> {
    pub(super) fn of(command: Command<'a>) -> Result<Self> {
        let Command { harness, endpoint, mut params, mut wishes } = command;
        let harness = harness?;
        let (subject, plan) = match endpoint {
            Endpoint::Listed(id) => {
                let place = harness.place(wishes.service.as_deref(), id)?;
                let operation = harness.inner.table.at(place)?;
                (Subject::Listed(operation), harness.plan(operation, place, &wishes)?)
            }
            Endpoint::Unlisted { service, method, path } => {
                let (profile, server) = (wishes.profile.as_deref(), wishes.server.as_deref());
                let account = harness.account(service, profile, server, &wishes.server_variables)?;
                let plan = Plan::unlisted(&format!("{method} {path}"), &account);
                (Subject::Unlisted { service, method, path }, Arc::new(plan))
            }
        };
        if !wishes.are_none() {
            wishes.repeats.map_or(Ok(()), check_repeats)?;
            wishes.limits.check()?;
            if let Some(key) = wishes.key.take() {
                give_key(key, &subject, &mut params, &mut wishes.options)?;
            }
        }
        Ok(Self { harness, subject, plan, params, wishes, is_streamed: false, is_single: false, page: None })
    }

    /// The operation, where it is one of the table.
    pub(crate) fn operation(&self) -> Option<Operation<'a>> {
        if let Subject::Listed(operation) = &self.subject { Some(*operation) } else { None }
    }

    pub(crate) fn method(&self) -> Method {
        match &self.subject {
            Subject::Listed(operation) => operation.method(),
            Subject::Unlisted { method, .. } => method.clone(),
        }
    }

    /// Looks at the arguments or sets one.
    pub(crate) fn with_arguments<T>(&mut self, work: impl FnOnce(Given<'_>) -> T) -> T {
        let parameters = self.operation().into_iter().flat_map(Operation::parameters);
        let declared: Vec<_> = parameters.map(Parameter::name).collect();
        work(Given { params: &mut self.params, body: &mut self.wishes.options.body, declared: &declared })
    }

    /// A dry run: without credentials that serve, the first alternative shows their places.
    pub(super) fn prepare(&self) -> Result<Request> {
        let standing = self.standing();
        let mut request = self.resolve(&standing.place)?;
        if let Some(usual) = standing.usual.as_ref().filter(|_| self.is_usual(&request)) {
            request.credentials = Arc::clone(&usual.placements);
            return Ok(request);
        }
        let own = self.account().own();
        let shown = self.choice(own).shown(&|scheme| self.is_given(&request, scheme));
        request.credentials = plan::placements(self.account(), self.needed(&request, shown), own).into();
        Ok(request)
    }

    /// A live call.
    pub(super) async fn send(&mut self) -> Result<Response> {
        self.is_single = true;
        // Pinned where it is made: moved about it would cost more than much of what it does.
        let (called, answer) = pin!(self.exchange()).await?;
        Response::check(called, answer)
    }

    /// A live call, with the address that answered, without credentials.
    pub(crate) async fn send_located(&mut self) -> Result<(Response, String)> {
        let (called, answer) = pin!(self.exchange()).await?;
        let url = called.carried.url().to_owned();
        Ok((Response::check(called, answer)?, url))
    }

    /// A live call up to the moment of sending.
    pub(super) async fn made(&self) -> Result<()> {
        let standing = self.standing();
        standing.place.require_real()?;
        let request = self.resolve(&standing.place)?;
        let transport = self.transport();
        let mut call = LiveCall::new(self, &transport, standing, request);
        call.keyed()?;
        if !call.is_signed_in() {
            Box::pin(call.sign_in()).await?;
        }
        let mut headers = HeaderMap::new();
        let url = call.sealed(&mut headers)?;
        let link = call.link(&url);
        let request = call.request();
        let made = transport.made((&request.method, request.body.as_deref()), (url, headers), &link);
        pin!(made).await.map_err(|failure| failure.into_error_of(call.out_of_time()))
    }

    /// A live call whose answer is taken as it comes.
    pub(super) async fn stream(mut self) -> Result<ResponseStream> {
        (self.is_streamed, self.is_single) = (true, true);
        let (called, mut answer) = pin!(self.exchange()).await?;
        match answer.rest.take() {
            Some(body) => Ok(ResponseStream::new(called, answer, *body)),
            None => Err(Response::refuse(called, answer)),
        }
    }

    /// Everything that can be found wrong without the network is found first.
    async fn exchange(&mut self) -> Result<(Called, Answer)> {
        let standing = self.standing();
        standing.place.require_real()?;
        let request = self.resolve(&standing.place)?;
        if self.is_single && self.account().stays() {
            self.params = Params::default();
        }
        let transport = self.transport();
        let mut call = LiveCall::new(self, &transport, standing, request);
        warn(call.request());
        call.keyed()?;
        let outcome = pin!(transport.send(&mut call)).await;
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => return Err(call.into_failed(error)),
        };
        // What came as it was to come is not told as an error.
        let is_good =
            (200..300).contains(&answer.status) && !self.is_streamed && self.plan.context.graphql.is_none();
        let idempotent = is_good || call.is_idempotent();
        let (carried, course) = call.into_ended();
        let context = Arc::clone(&self.plan.context);
        let mut called = Called { context, asked: None, carried, sign_in: Vec::new(), idempotent };
        if let Some(course) = course {
            Box::pin(self.settle(*course, &mut called, answer.status)).await?;
        }
        if self.page.is_some() {
            called.conceal_url();
        }
        Ok((called, answer))
    }

    /// What is left to be done where more happened than that a request was answered.
    async fn settle(&self, course: Course, called: &mut Called, status: u16) -> Result<()> {
        let Course { asked, effort, spoiled, unmet, .. } = course;
        (called.asked, called.sign_in) = (asked, effort.attempts);
        if let Some(refused) = spoiled {
            self.account().discard(&refused).await;
        }
        match unmet.filter(|_| status == 401) {
            Some(problem) => Err(called.carried.conceal(self.unmet(&problem, status).into())),
            None => Ok(()),
        }
    }

    /// The transport of the call, whose time begins.
    fn transport(&self) -> Transport {
        let transport = &self.inner().transport;
        if self.wishes.are_none() {
            return transport.for_usual_call();
        }
        let Wanted { limits, repeats, watch, .. } = &*self.wishes;
        watch.iter().for_each(crate::Watch::begin);
        transport.for_call(limits, *repeats).watched_by(watch.clone())
    }

    pub(super) fn account(&self) -> &Arc<Account> {
        &self.plan.account
    }

    fn options(&self) -> &CallOptions {
        &self.wishes.options
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.harness.inner
    }

    pub(super) fn resolve(&self, place: &Base) -> Result<Request> {
        place.require_sound()?;
        let resolved = match &self.subject {
            Subject::Listed(operation) => {
                let made;
                let common = if let Some(common) = &self.plan.common {
                    common
                } else {
                    made = Common::of(*operation);
                    &made
                };
                let resolved = request::resolve(*operation, common, &place.url, &self.params, self.options());
                resolved.map_err(|error| ArgumentsError {
                    name: self.inner().table.short_name(&(*operation).into()),
                    ..error
                })
            }
            Subject::Unlisted { service, method, path } => {
                request::resolve_unlisted(service, method, &place.url, path, &self.params, self.options())
            }
        };
        let mut request = resolved?;
        files::check(request.content())?;
        if let Some(page) = &self.page {
            request.move_to(page, &self.plan.places);
        }
        if !(self.plan.signs_in_beside && self.has_usual_fields(&request)) {
            self.note_given(&mut request);
        }
        Ok(request)
    }

    /// Whether a request has the header fields that all of its operation have, and no others.
    pub(super) fn has_usual_fields(&self, request: &Request) -> bool {
        self.plan.common.as_ref().is_some_and(|common| request.headers.is(&common.headers))
    }

    /// Notes where the caller gives what else would be a credential.
    fn note_given(&self, request: &mut Request) {
        let given = self.plan.places.iter().filter(|placement| request.has_at(&placement.place));
        request.given = given.cloned().collect();
        self.note_secrets(request);
    }

    /// Notes which header fields the caller gives by hand that are credentials by their names.
    fn note_secrets(&self, request: &mut Request) {
        let is_usual = |name: &str| matches!(name, "accept" | "content-type");
        let mut found: Vec<String> = Vec::new();
        for (name, value) in request.headers.iter() {
            let is_free = !is_usual(name) && !value.is_empty() && !self.declares_header(name);
            if is_free && header::is_secret(name) {
                found.push(name.to_owned());
            }
        }
        for name in &found {
            request.give_by_hand(name);
        }
    }

    fn declares_header(&self, name: &str) -> bool {
        let is_it =
            |one: Parameter<'_>| one.location() == Location::Header && one.name().eq_ignore_ascii_case(name);
        self.operation().is_some_and(|operation| operation.parameters().any(is_it))
    }

    /// Whether a repeat of the call changes nothing more: by the caller's word, the document's, an idempotency key, where
    /// the repeat has the same (`keeps_key`), the operation's kind.
    pub(super) fn is_idempotent(&self, request: &Request, keeps_key: bool) -> bool {
        if self.wishes.idempotent {
            return true;
        }
        let operation = self.operation().filter(|operation| operation.method() == request.method);
        // Of an endpoint in no table, and after a redirect that changed the method, the method alone is known.
        let Some(operation) = operation else { return request.method.is_idempotent() };
        let is_key = |(name, value): &(String, String)| name == request::KEY && !value.is_empty();
        let has_key =
            || keeps_key && request::key_name(operation).is_some() && request.headers.iter().any(is_key);
        operation.declared_idempotent().unwrap_or_else(|| operation.is_idempotent() || has_key())
    }

    /// The address of the call as of now, and how calls sign in there.
    pub(super) fn standing(&self) -> Arc<Standing> {
        self.plan.standing(&self.inner().transport)
    }

    /// Whether a request signs in as most do: the caller puts no credential into it and wants no header left out.
    pub(super) fn is_usual(&self, request: &Request) -> bool {
        request.given.is_empty() && self.options().dropped_headers.is_empty()
    }

    /// What there is to choose among the alternatives by.
    pub(super) fn choice<'c>(&'c self, credentials: &'c Credentials) -> auth::Choice<'c> {
        self.plan.choice(credentials, &self.standing().place, &self.inner().transport)
    }

    /// Whether the caller fills the place of a scheme, or wants it empty.
    pub(super) fn is_given(&self, request: &Request, scheme: &SecuritySchemeDef) -> bool {
        let is_dropped =
            |name: &str| self.options().dropped_headers.iter().any(|one| one.eq_ignore_ascii_case(name));
        auth::place(scheme).is_some_and(|place| {
            request.has_at(&place)
                || match &place {
                    Place::Header { name, .. } => is_dropped(name),
                    Place::Cookie { .. } => is_dropped("cookie"),
                    Place::Query { .. } => false,
                }
        })
    }

    pub(super) fn needed(&self, request: &Request, mut needs: Vec<Need>) -> Vec<Need> {
        needs.retain(|need| !self.is_given(request, &need.scheme));
        needs
    }

    /// The server asks for an answer to a challenge that nobody here can give.
    fn unmet(&self, problem: &str, status: u16) -> AuthError {
        let service = self.account().definition.name.clone();
        AuthError {
            problem: format!(
                "{service} asks for HTTP digest authentication by {problem}, which is not known here"
            ),
            hint: Some("ask the service for MD5, SHA-256 or SHA-512-256 with `qop=auth`.".to_owned()),
            status: Some(status),
            trace_id: None,
            retry_after: None,
            attempts: Vec::new(),
            before: Vec::new(),
            service,
        }
    }

    /// Where the credentials may go: to the address of the call, which the document or the user named, alone.
    pub(super) fn target<'p>(&self, standing: &'p Standing) -> Target<'p> {
        Target {
            address: standing.place.parsed(),
            path: standing.path.as_ref(),
            plain_http: self.inner().transport.plain_http(),
        }
    }

    /// Refuses an address before a token is fetched for it.
    pub(super) fn check_target(&self, standing: &Standing) -> Result<()> {
        Ok(standing.place.parsed().map_or(Ok(()), |url| self.target(standing).check(url))?)
    }

    /// `service:id`, or `METHOD /path`.
    pub(crate) fn label(&self) -> &Arc<str> {
        &self.plan.context.operation
    }
}

/// Tells of problems that the caller lets pass.
fn warn(request: &Request) {
    for warning in &request.warnings {
        tracing::warn!(path = warning.path, problem = warning.problem, "sent although it does not fit");
    }
}

/// The caller's idempotency key, as an argument where the operation declares it.
fn give_key(
    key: String,
    subject: &Subject<'_>,
    params: &mut Params,
    options: &mut CallOptions,
) -> Result<(), ConfigError> {
    if key.is_empty() {
        let hint = Some("give a text that no other call has, such as a UUID.".to_owned());
        return Err(ConfigError { problem: "the idempotency key is empty".to_owned(), hint });
    }
    let declared = match subject {
        Subject::Listed(operation) => request::key_name(*operation),
        Subject::Unlisted { .. } => None,
    };
    match declared {
        Some(name) => params.insert(format!("header.{name}"), key),
        None => options.headers.push((request::KEY.to_owned(), key)),
    }
    Ok(())
}
