//! The order of one call: operation, account, arguments, credentials, attempts, answer. A dry run stops on this same
//! path before the credentials.

use std::sync::Arc;

use url::Url;

use super::command::{Command, Endpoint};
use super::live::LiveCall;
use super::{Harness, Inner, files};
use crate::auth::{self, Account, Carried, Need, Target};
use crate::error::{ArgumentsError, AuthError, ConfigError, Result};
use crate::operation::{Method, SchemeUse, SecuritySchemeDef};
use crate::pages::Given;
use crate::params::Params;
use crate::profile::{Base, Credentials, origin_of};
use crate::request::{self, CallOptions, Place, Placement, Request};
use crate::response::{Context, Response, ResponseStream, RootField};
use crate::table::{Operation, Parameter};
use crate::transport::{Answer, Limits, check_repeats};

/// A command whose operation and account are found.
pub(crate) struct Dispatch<'a> {
    harness: &'a Harness,
    subject: Subject<'a>,
    pub(super) account: Arc<Account>,
    /// Any one of these lists of schemes lets the call in.
    pub(super) alternatives: Vec<Vec<SchemeUse>>,
    params: Params,
    options: CallOptions,
    pub(super) follow: Option<u32>,
    pub(super) limits: Limits,
    /// In place of the harness's number of repeats.
    pub(super) repeats: Option<u32>,
    /// Whether the caller says that a repeat changes nothing more.
    idempotent: bool,
    /// Whether the body of the answer is left to the caller.
    pub(super) is_streamed: bool,
    /// The address of a further page, in place of the one that the arguments make.
    pub(crate) page: Option<Url>,
}

/// What a live call brought.
struct Exchanged {
    context: Context,
    answer: Answer,
    /// The address that answered, without credentials.
    url: String,
}

/// What is called.
enum Subject<'a> {
    Listed(Operation<'a>),
    Unlisted { service: &'a str, method: Method, path: &'a str },
}

impl<'a> Dispatch<'a> {
    pub(super) fn of(command: Command<'a>) -> Result<Self> {
        let harness = command.harness?;
        let subject = match command.endpoint {
            Endpoint::Listed(id) => {
                Subject::Listed(harness.inner.table.find(command.service.as_deref(), id)?)
            }
            Endpoint::Unlisted { service, method, path } => Subject::Unlisted { service, method, path },
        };
        let service = match &subject {
            Subject::Listed(operation) => operation.service(),
            Subject::Unlisted { service, .. } => service,
        };
        let (profile, server) = (command.profile.as_deref(), command.server.as_deref());
        let account = harness.account(service, profile, server, &command.server_variables)?;
        let alternatives = match &subject {
            Subject::Listed(operation) => alternatives_of(*operation),
            Subject::Unlisted { .. } => account
                .definition
                .security_schemes
                .iter()
                .map(|scheme| vec![use_of(&scheme.name, &[])])
                .collect(),
        };
        command.repeats.map_or(Ok(()), check_repeats)?;
        command.limits.check()?;
        let Command { mut params, mut options, limits, follow, repeats, idempotent, key, .. } = command;
        if let Some(key) = key {
            give_key(key, &subject, &mut params, &mut options)?;
        }
        Ok(Self {
            harness,
            subject,
            account,
            alternatives,
            params,
            options,
            limits,
            follow,
            repeats,
            idempotent,
            is_streamed: false,
            page: None,
        })
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
        work(Given { params: &mut self.params, body: &mut self.options.body, declared: &declared })
    }

    /// A dry run: without credentials that serve, the first alternative shows their places.
    pub(super) fn prepare(&self) -> Result<Request> {
        let mut request = self.resolve(&self.place(&self.account.base()))?;
        let own = self.account.own();
        let shown = self.choice(own).shown(&|scheme| self.is_given(&request, scheme));
        request.credentials = self.placements(&self.needed(&request, shown), own);
        Ok(request)
    }

    /// A live call.
    pub(super) async fn send(&self) -> Result<Response> {
        self.send_located().await.map(|(response, _)| response)
    }

    /// A live call, with the address that answered, without credentials.
    pub(crate) async fn send_located(&self) -> Result<(Response, String)> {
        let Exchanged { context, answer, url } = self.exchange().await?;
        Ok((Response::check(context, answer)?, url))
    }

    /// A live call whose answer is taken as it comes.
    pub(super) async fn stream(mut self) -> Result<ResponseStream> {
        self.is_streamed = true;
        let Exchanged { context, mut answer, .. } = self.exchange().await?;
        match answer.rest.take() {
            Some(body) => Ok(ResponseStream::new(context, answer, body)),
            None => Err(Response::refuse(context, answer)),
        }
    }

    /// Everything that can be found wrong without the network is found first.
    async fn exchange(&self) -> Result<Exchanged> {
        let place = self.place(&self.account.base());
        place.require_real()?;
        let request = self.resolve(&place)?;
        for warning in &request.warnings {
            tracing::warn!(path = warning.path, problem = warning.problem, "sent although it does not fit");
        }
        let mut context = self.context(&request);
        let transport = self.inner().transport.for_call(self.limits.max_time);
        let mut call = LiveCall::new(self, &transport, place, request)?;
        let outcome = transport.send(&mut call).await;
        let LiveCall { unmet, request, carried, spoiled, .. } = call;
        let answer = outcome.map_err(|error| carried.conceal(error))?;
        if let Some(refused) = spoiled {
            self.account.discard(&refused).await;
        }
        if let Some(problem) = unmet.filter(|_| answer.status == 401) {
            return Err(carried.conceal(self.unmet(&problem, &answer).into()));
        }
        if self.page.is_some() {
            context.url = carried.conceal_text(context.url);
        }
        context.carried = carried;
        Ok(Exchanged { context, answer, url: request.url })
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.harness.inner
    }

    pub(super) fn resolve(&self, place: &Base) -> Result<Request> {
        place.require_sound()?;
        let resolved = match &self.subject {
            Subject::Listed(operation) => {
                request::resolve(*operation, &place.url, &self.params, &self.options).map_err(|error| {
                    ArgumentsError { name: self.inner().table.short_name(*operation), ..error }
                })
            }
            Subject::Unlisted { service, method, path } => {
                request::resolve_unlisted(service, method, &place.url, path, &self.params, &self.options)
            }
        };
        let mut request = resolved?;
        files::check(request.content())?;
        let places = self.places();
        if let Some(page) = &self.page {
            request.move_to(page, &places);
        }
        request.given = places.into_iter().filter(|placement| request.has_at(&placement.place)).collect();
        Ok(request)
    }

    /// Where credentials of any of the alternatives go in a request.
    pub(super) fn places(&self) -> Vec<Placement> {
        let schemes = self.account.definition.security_schemes.iter();
        let schemes =
            schemes.filter(|scheme| self.alternatives.iter().flatten().any(|one| one.scheme == scheme.name));
        let needs: Vec<_> =
            schemes.map(|scheme| Need { scheme: scheme.clone(), scopes: Vec::new(), own: false }).collect();
        self.placements(&needs, self.account.own())
    }

    /// Whether a repeat of the call changes nothing more: by the caller's word, the document's, an idempotency key, the
    /// operation's kind.
    pub(super) fn is_idempotent(&self, request: &Request) -> bool {
        if self.idempotent {
            return true;
        }
        let operation = self.operation().filter(|operation| operation.method() == request.method);
        // Of an endpoint in no table, and after a redirect that changed the method, the method alone is known.
        let Some(operation) = operation else { return request.method.is_idempotent() };
        let is_key = |(name, value): &(String, String)| name == request::KEY && !value.is_empty();
        let has_key = || request::key_name(operation).is_some() && request.headers.iter().any(is_key);
        operation.declared_idempotent().unwrap_or_else(|| operation.is_idempotent() || has_key())
    }

    /// The address of the call: the base URL, or what the document names for the operation alone, unless the user set
    /// an address.
    pub(super) fn place(&self, base: &Base) -> Base {
        let Subject::Listed(operation) = &self.subject else { return base.clone() };
        let hosts = if self.account.has_own_regions() { Vec::new() } else { operation.hosts() };
        let place = base.clone().at_host(&hosts);
        let own = operation.servers();
        if own.is_empty() || place.url != base.url {
            return place;
        }
        base.of_operation(&self.account.definition, &self.label(), &own, &self.account.wish)
    }

    /// What there is to choose among the alternatives by.
    pub(super) fn choice<'c>(&'c self, credentials: &'c Credentials) -> auth::Choice<'c> {
        // Only TLS shows it.
        let certificate = self.account.has_certificate(&self.inner().transport)
            && self.place(&self.account.base()).url.starts_with("https:");
        self.account.choice(&self.alternatives, credentials, certificate)
    }

    /// Whether the caller fills the place of a scheme, or wants it empty.
    pub(super) fn is_given(&self, request: &Request, scheme: &SecuritySchemeDef) -> bool {
        let is_dropped =
            |name: &str| self.options.dropped_headers.iter().any(|one| one.eq_ignore_ascii_case(name));
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

    pub(super) fn placements(&self, needs: &[Need], credentials: &Credentials) -> Vec<Placement> {
        let placement = |need| auth::placement(&self.account.definition, need, credentials);
        needs.iter().filter_map(placement).collect()
    }

    /// The server asks for an answer to a challenge that nobody here can give.
    fn unmet(&self, problem: &str, answer: &Answer) -> AuthError {
        let service = self.account.definition.name.clone();
        AuthError {
            problem: format!(
                "{service} asks for HTTP digest authentication by {problem}, which is not known here"
            ),
            hint: Some("ask the service for MD5, SHA-256 or SHA-512-256 with `qop=auth`.".to_owned()),
            status: Some(answer.status),
            trace_id: None,
            retry_after: None,
            service,
        }
    }

    /// Where the credentials may go: to the address of the call, which the document or the user named, alone.
    pub(super) fn target(&self, place: &Base) -> Target {
        Target { origin: origin_of(&place.url), plain_http: self.inner().transport.plain_http() }
    }

    /// Refuses an address before a token is fetched for it.
    pub(super) fn check_target(&self, place: &Base) -> Result<()> {
        match Url::parse(&place.url) {
            Ok(url) => Ok(self.target(place).check(&url)?),
            Err(_) => Ok(()),
        }
    }

    pub(crate) fn label(&self) -> String {
        match &self.subject {
            Subject::Listed(operation) => operation.qualified_id(),
            Subject::Unlisted { method, path, .. } => format!("{method} {path}"),
        }
    }

    fn context(&self, request: &Request) -> Context {
        let operation = self.operation();
        Context {
            operation: self.label(),
            service: self.account.definition.name.clone(),
            method: Some(request.method.clone()),
            url: shown_url(request).to_owned(),
            scope: operation.and_then(Operation::scope).map(str::to_owned),
            pointers: self.account.definition.error.clone(),
            rate_limit: self.account.definition.rate_limit.clone(),
            graphql: operation
                .and_then(Operation::graphql)
                .map(|graphql| RootField(graphql.root_field().map(str::to_owned))),
            items: operation.and_then(Operation::pagination).map(|pagination| pagination.items),
            location: None,
            carried: Carried::default(),
        }
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
        Some(name) => _ = params.entries.insert(format!("header.{name}"), key.into()),
        None => options.headers.push((request::KEY.to_owned(), key)),
    }
    Ok(())
}

fn alternatives_of(operation: Operation<'_>) -> Vec<Vec<SchemeUse>> {
    let uses = operation.security();
    uses.map(|schemes| schemes.map(|(name, scopes)| use_of(name, &scopes)).collect()).collect()
}

fn use_of(scheme: &str, scopes: &[&str]) -> SchemeUse {
    SchemeUse { scheme: scheme.to_owned(), scopes: scopes.iter().map(|&scope| scope.to_owned()).collect() }
}

pub(super) fn shown_url(request: &Request) -> &str {
    request.url.split(['?', '#']).next().unwrap_or_default()
}
