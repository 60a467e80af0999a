//! The order of one call: operation, account, arguments, credentials, attempts, answer. A dry run stops on this same
//! path before the credentials.

use std::sync::Arc;
use std::time::Duration;

use url::{Origin, Url};

use super::command::{Command, Endpoint};
use super::{Harness, Inner, files};
use crate::auth::{self, Account, Grant, Rejected, Target};
use crate::error::{Phase, Result, TransportError};
use crate::operation::{Method, SecuritySchemeDef};
use crate::params::Params;
use crate::profile::{Base, find_region, origin_of};
use crate::request::{self, CallOptions, Place, Placement, Request};
use crate::response::{Context, Response, RootField};
use crate::table::Operation;
use crate::transport::{Answer, Call, Wire};

/// A command whose operation and account are found.
pub(super) struct Dispatch<'a> {
    harness: &'a Harness,
    subject: Subject<'a>,
    account: Arc<Account>,
    /// Any one of these lists of scheme names lets the call in.
    alternatives: Vec<Vec<String>>,
    params: Params,
    options: CallOptions,
    timeout: Option<Duration>,
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
        let account = harness.account(service, command.profile.as_deref(), command.server.as_deref())?;
        let alternatives = match &subject {
            Subject::Listed(operation) => alternatives_of(*operation),
            Subject::Unlisted { .. } => {
                account.definition.security_schemes.iter().map(|scheme| vec![scheme.name.clone()]).collect()
            }
        };
        let Command { params, options, timeout, .. } = command;
        Ok(Self { harness, subject, account, alternatives, params, options, timeout })
    }

    /// A dry run: without credentials that serve, the first alternative shows their places.
    pub(super) fn prepare(&self) -> Result<Request> {
        let has_certificate = self.inner().transport.has_certificate();
        let mut request = self.resolve(&self.place(&self.account.base()))?;
        let served = self.plan(&request, |scheme| self.account.serves(scheme, has_certificate));
        let schemes = served.or_else(|| self.plan(&request, |_| true)).unwrap_or_default();
        request.credentials = self.placements(&self.needed(&request, schemes));
        Ok(request)
    }

    /// A live call. Everything that can be found wrong without the network is found first.
    pub(super) async fn send(self) -> Result<Response> {
        let place = self.place(&self.account.base());
        place.require_real(&self.account.definition)?;
        let request = self.resolve(&place)?;
        for warning in &request.warnings {
            tracing::warn!(path = warning.path, problem = warning.problem, "sent although it does not fit");
        }
        let context = self.context(&request);
        let inner = self.inner();
        let mut call = LiveCall {
            dispatch: &self,
            place,
            request,
            grant: Grant::default(),
            rejected: Rejected::default(),
            caught_up: false,
            renewed: false,
        };
        let (answer, attempts) = inner.transport.send(&mut call).await?;
        Response::check(context, answer, attempts)
    }

    fn inner(&self) -> &Inner {
        &self.harness.inner
    }

    fn resolve(&self, place: &Base) -> Result<Request> {
        place.require_exact()?;
        let resolved = match &self.subject {
            Subject::Listed(operation) => {
                request::resolve(*operation, &place.url, &self.params, &self.options)
            }
            Subject::Unlisted { service, method, path } => {
                request::resolve_unlisted(service, method, &place.url, path, &self.params, &self.options)
            }
        };
        let mut request = resolved?;
        files::check(request.content())?;
        let schemes = self.account.definition.security_schemes.iter();
        let schemes =
            schemes.filter(|scheme| self.alternatives.iter().flatten().any(|name| *name == scheme.name));
        let places = schemes.filter_map(|scheme| auth::place(&self.account.definition, scheme));
        request.given = places.filter(|placement| request.has_at(&placement.place)).collect();
        Ok(request)
    }

    /// The address of the call: the base URL, or what the document names for the operation alone, unless the user set
    /// an address.
    fn place(&self, base: &Base) -> Base {
        let Subject::Listed(operation) = &self.subject else { return base.clone() };
        if base.explicit {
            return base.clone();
        }
        if let Some(url) = self.region_hosts(base).next() {
            return Base { url: url.trim_end_matches('/').to_owned(), ..base.clone() };
        }
        match operation.servers().first() {
            Some(server) if server.url.starts_with('/') && !server.url.starts_with("//") => {
                let origin =
                    origin_of(&base.url).map_or_else(String::new, |origin| origin.ascii_serialization());
                let url = format!("{origin}{}", server.url).trim_end_matches('/').to_owned();
                Base { url, ..base.clone() }
            }
            Some(server) => Base::of_server(Some(server)),
            None => base.clone(),
        }
    }

    /// `x-host` for the base's region; regions that the builder replaced have none.
    fn region_hosts(&self, base: &Base) -> impl Iterator<Item = String> {
        let hosts = match (&self.subject, &base.region) {
            (Subject::Listed(operation), Some(_)) if !self.account.has_own_regions() => operation.hosts(),
            _ => Vec::new(),
        };
        let region = base.region.as_deref().and_then(|name| find_region(&self.account.regions, name));
        let name = region.map(|region| region.name.clone()).unwrap_or_default();
        hosts.into_iter().filter(move |(known, _)| *known == name).map(|(_, url)| url)
    }

    /// What the caller gives stands for the credentials, also where others would serve.
    fn plan(
        &self,
        request: &Request,
        serves: impl Fn(&SecuritySchemeDef) -> bool,
    ) -> Option<Vec<SecuritySchemeDef>> {
        let (definition, given) = (&self.account.definition, |scheme: &_| self.is_given(request, scheme));
        let own = auth::plan(definition, &self.alternatives, given).filter(|schemes| !schemes.is_empty());
        own.or_else(|| auth::plan(definition, &self.alternatives, |scheme| given(scheme) || serves(scheme)))
    }

    /// Whether the caller fills the place of a scheme, or wants it empty.
    fn is_given(&self, request: &Request, scheme: &SecuritySchemeDef) -> bool {
        let is_dropped =
            |name: &str| self.options.dropped_headers.iter().any(|one| one.eq_ignore_ascii_case(name));
        auth::place(&self.account.definition, scheme).is_some_and(|placement| {
            request.has_at(&placement.place)
                || match &placement.place {
                    Place::Header { name, .. } => is_dropped(name),
                    Place::Cookie { .. } => is_dropped("cookie"),
                    Place::Query { .. } => false,
                }
        })
    }

    fn needed(&self, request: &Request, mut schemes: Vec<SecuritySchemeDef>) -> Vec<SecuritySchemeDef> {
        schemes.retain(|scheme| !self.is_given(request, scheme));
        schemes
    }

    fn placements(&self, schemes: &[SecuritySchemeDef]) -> Vec<Placement> {
        schemes.iter().filter_map(|scheme| auth::place(&self.account.definition, scheme)).collect()
    }

    /// Where the credentials may go: the base URL's origin and that of `x-host` for its region.
    fn target(&self, base: &Base) -> Target {
        let hosts = self.region_hosts(base);
        let origins: Vec<Origin> =
            std::iter::once(base.url.clone()).chain(hosts).filter_map(|url| origin_of(&url)).collect();
        Target { origins, allow_http: self.account.allow_http }
    }

    /// Refuses an address before a token is fetched for it.
    fn check_target(&self, place: &Base) -> Result<()> {
        match Url::parse(&place.url) {
            Ok(url) => Ok(self.target(&self.account.base()).check(&url)?),
            Err(_) => Ok(()),
        }
    }

    fn label(&self) -> String {
        match &self.subject {
            Subject::Listed(operation) => operation.qualified_id(),
            Subject::Unlisted { method, path, .. } => format!("{method} {path}"),
        }
    }

    fn context(&self, request: &Request) -> Context {
        let operation = match &self.subject {
            Subject::Listed(operation) => Some(*operation),
            Subject::Unlisted { .. } => None,
        };
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
        }
    }
}

fn alternatives_of(operation: Operation<'_>) -> Vec<Vec<String>> {
    operation.security().map(|schemes| schemes.map(|(name, _)| name.to_owned()).collect()).collect()
}

fn shown_url(request: &Request) -> &str {
    request.url.split(['?', '#']).next().unwrap_or_default()
}

/// A call between its attempts.
struct LiveCall<'c, 'a> {
    dispatch: &'c Dispatch<'a>,
    /// The address that `request` was resolved against.
    place: Base,
    request: Request,
    grant: Grant,
    rejected: Rejected,
    /// Whether it was sent again with credentials that were newer already.
    caught_up: bool,
    /// Whether it was sent again after the current credentials were refused.
    renewed: bool,
}

impl LiveCall<'_, '_> {
    async fn sign_in(&mut self) -> Result<()> {
        let dispatch = self.dispatch;
        let account = &dispatch.account;
        let transport = &dispatch.inner().transport;
        if dispatch.alternatives.is_empty() {
            return Ok(());
        }
        let credentials = account.credentials(&self.rejected).await?;
        let serves =
            |scheme: &SecuritySchemeDef| auth::serves(&credentials, scheme, transport.has_certificate());
        let Some(schemes) = dispatch.plan(&self.request, serves) else {
            return Err(auth::missing(&account.definition, &dispatch.alternatives).into());
        };
        let needed = dispatch.needed(&self.request, schemes);
        self.request.credentials = dispatch.placements(&needed);
        if !needed.is_empty() {
            dispatch.check_target(&self.place)?;
        }
        self.grant = account.grant(&needed, &self.rejected, transport).await?;
        Ok(())
    }

    /// Signing in may have found that the account belongs to another region: then the request is resolved anew.
    fn follow_region(&mut self) -> Result<()> {
        let place = self.dispatch.place(&self.dispatch.account.base());
        if place.url != self.place.url {
            let placements = std::mem::take(&mut self.request.credentials);
            self.request = self.dispatch.resolve(&place)?;
            self.request.credentials = placements;
            self.place = place;
        }
        Ok(())
    }
}

impl Call for LiveCall<'_, '_> {
    async fn wire(&mut self) -> Result<Wire> {
        self.sign_in().await?;
        self.follow_region()?;
        let target = self.dispatch.target(&self.dispatch.account.base());
        let mut wire = auth::seal(&self.request, &self.grant, &target, &self.dispatch.label())?;
        wire.timeout = self.dispatch.timeout;
        Ok(wire)
    }

    fn renews(&mut self, answer: &Answer) -> bool {
        let Some(rejected) = self.grant.renewable().filter(|_| answer.status == 401) else { return false };
        let once =
            if self.dispatch.account.is_current(&rejected) { &mut self.renewed } else { &mut self.caught_up };
        self.rejected = rejected;
        !std::mem::replace(once, true)
    }

    fn out_of_time(&self) -> TransportError {
        TransportError {
            operation: self.dispatch.label(),
            method: self.request.method.clone(),
            url: shown_url(&self.request).to_owned(),
            origin: origin_of(&self.place.url)
                .map_or_else(String::new, |origin| origin.ascii_serialization()),
            phase: Phase::ConnectTimeout,
            signing_in: true,
            fetching: false,
            attempts: 0,
            source: None,
        }
    }
}
