//! A call between its attempts: it signs in, learns challenges, follows its region, and says when to send again.

use std::sync::Arc;

use http::HeaderMap;
use secrecy::SecretString;
use url::Url;

use super::call::Dispatch;
use super::plan::{Plan, Standing, Usual};
use super::{files, key, plan};
use crate::attempt::{Attempt, Wait};
use crate::auth::{self, Carried, Challenge, Effort, Entrant, Grant, Need, Rejected, Worn};
use crate::boxed::boxed;
use crate::error::{Error, Phase, Result, TransportError, UnsafeError};
use crate::operation::{RateLimitHeaders, SecuritySchemeDef};
use crate::profile::{Credentials, origin_of};
use crate::request::Request;
use crate::response::Origin;
use crate::transport::{
    Answer, Asked, Call, Caller, Failure, Hop, Limits, Link, Terms, Trail, Transport, Wire,
};

/// A call between its attempts.
pub(super) struct LiveCall<'c, 'a> {
    dispatch: &'c Dispatch<'a>,
    transport: &'c Transport,
    /// What holds at the address that `request` was resolved against.
    standing: Arc<Standing>,
    request: Request,
    /// What signs it in, and what signed in the request before.
    grants: [Option<Arc<Grant>>; 2],
    /// What a call before went out with that signed in in the same way.
    worn: Option<Arc<Worn>>,
    /// Whose rate limits it counts for, where that is not the usual one.
    caller: Option<Arc<Caller>>,
    /// What happened to it.
    course: Option<Box<Course>>,
}

/// What happens to few calls: most sign in as the one before, and are answered. Apart, for each would have to make room
/// for it.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a step that is taken at most once")]
pub(super) struct Course {
    /// What it asked for, where it went on to something else.
    pub(super) asked: Option<Box<Origin>>,
    /// The idempotency key that was made for it, the same for all attempts.
    key: Option<String>,
    rejected: Rejected,
    /// What signing in took.
    pub(super) effort: Effort,
    /// Whether it was sent again with credentials that were newer already.
    caught_up: bool,
    /// Whether it was sent again after the current credentials were refused.
    renewed: bool,
    /// How many digest challenges it was answered with.
    challenges: u32,
    /// Tokens that were refused, where the body cannot be sent again.
    pub(super) spoiled: Option<Rejected>,
    redirects: Option<Trail>,
    /// Whether an answer named the address.
    is_led: bool,
    /// Whether what it asked for before a redirect was carried out, and must not be twice.
    has_acted: bool,
    /// What a digest challenge asks for that is not known here.
    pub(super) unmet: Option<String>,
}

impl<'c, 'a> LiveCall<'c, 'a> {
    pub(super) fn new(
        dispatch: &'c Dispatch<'a>,
        transport: &'c Transport,
        standing: Arc<Standing>,
        request: Request,
    ) -> Self {
        let grants = [None, None];
        Self { dispatch, transport, standing, request, grants, worn: None, caller: None, course: None }
    }

    fn course(&mut self) -> &mut Course {
        self.course.get_or_insert_default()
    }

    /// What was refused in the course of it.
    fn rejected(&self) -> &Rejected {
        self.course.as_ref().map_or_else(|| Rejected::none(), |course| &course.rejected)
    }

    /// Gives it an idempotency key of its own, where its operation asks for one.
    pub(super) fn keyed(&mut self) -> Result<()> {
        if self.dispatch.has_usual_fields(&self.request) {
            return Ok(());
        }
        if let Some(key) = key::for_call(&self.request)? {
            key::put(Some(&key), &mut self.request);
            self.course().key = Some(key);
        }
        Ok(())
    }

    /// The request with its secrets on: its URL, and its header fields as they go out.
    pub(super) fn sealed(&self, headers: &mut HeaderMap) -> Result<Url> {
        let ready = self.worn.as_ref().and_then(|worn| worn.map(&self.request, self.grant()));
        if let Some(ready) = ready {
            *headers = ready.clone();
        }
        let target = self.dispatch.target(&self.standing);
        let url = auth::seal(&self.request, self.grant(), &target, (headers, ready.is_some()))?;
        if ready.is_none() {
            self.keep(headers);
        }
        Ok(url)
    }

    /// Keeps header fields for the next calls, where they may have the same.
    #[cold]
    fn keep(&self, headers: &HeaderMap) {
        let Plan { sealed, common, .. } = &*self.dispatch.plan;
        let is_usual = |usual: &Usual| Arc::ptr_eq(&usual.placements, &self.request.credentials);
        if let Some(common) = common
            && self.standing.usual.as_ref().is_some_and(is_usual)
        {
            let named = || self.transport.named(headers);
            sealed.keep(&common.headers, &self.request, self.grant(), named);
        }
    }

    /// An address that a service named, as logs and errors show it.
    fn shown(&self, url: &Url) -> String {
        let address = url.as_str().split(['?', '#']).next().unwrap_or_default().to_owned();
        let grants = self.grants.each_ref().map(Option::as_deref);
        Carried::hide(&self.request, grants, self.transport, address)
    }

    /// The request as of now.
    pub(super) fn request(&self) -> &Request {
        &self.request
    }

    /// The connection that it wants.
    pub(super) fn link(&self, url: &Url) -> Link {
        self.dispatch.account().link(url, &self.standing.place.url)
    }

    /// Whether a repeat of the whole of it, which has another key if this one's was made for it, changes nothing more.
    pub(super) fn is_idempotent(&self) -> bool {
        let keeps_key = self.course.as_ref().is_none_or(|course| course.key.is_none());
        !self.has_acted() && self.dispatch.is_idempotent(&self.request, keeps_key)
    }

    fn has_acted(&self) -> bool {
        self.course.as_ref().is_some_and(|course| course.has_acted)
    }

    /// What a call leaves: what no error may repeat, and what happened to it.
    pub(super) fn into_ended(self) -> (Carried, Option<Box<Course>>) {
        let Self { request, grants, transport, course, .. } = self;
        (Carried::by(request, grants, transport), course)
    }

    /// The error of a call that failed.
    #[cold]
    pub(super) fn into_failed(self, error: Error) -> Error {
        let idempotent = self.is_idempotent();
        let (carried, course) = self.into_ended();
        let sign_in = course.map(|course| course.effort.attempts).unwrap_or_default();
        carried.conceal(error.signed_in_by(sign_in, idempotent))
    }

    /// Signs in by what a call before went out with, where that still holds.
    fn signs_in_as_before(&mut self) -> bool {
        let (dispatch, standing) = (self.dispatch, &self.standing);
        self.worn = None;
        if !self.rejected().is_empty()
            || !dispatch.plan.is_current(standing)
            || !dispatch.is_usual(&self.request)
        {
            return false;
        }
        let Some(usual) = &standing.usual else { return false };
        let Some(worn) = dispatch.plan.sealed.last() else { return false };
        let Some(grant) = worn.grant(&usual.placements).cloned() else { return false };
        self.request.credentials = Arc::clone(&usual.placements);
        self.caller = None;
        self.worn = Some(worn);
        self.take(grant);
        true
    }

    async fn sign_in_anew(&mut self) -> Result<()> {
        let dispatch = self.dispatch;
        let account = dispatch.account();
        if dispatch.is_usual(&self.request) {
            let standing = dispatch.standing();
            if let Some(usual) = &standing.usual {
                return self.sign_in_as_usual(usual).await;
            }
        }
        if dispatch.plan.alternatives.is_empty() {
            self.caller = Some(self.caller_of(&[], account.own()));
            return Ok(());
        }
        let credentials = account.credentials(self.rejected()).await?;
        let choice = dispatch.choice(&credentials);
        let given = |scheme: &SecuritySchemeDef| dispatch.is_given(&self.request, scheme);
        let needs = choice.plan(&given).ok_or_else(|| choice.missing(&given))?;
        let needed = dispatch.needed(&self.request, needs);
        self.request.credentials = plan::placements(account, &needed, &credentials).into();
        if !needed.is_empty() {
            dispatch.check_target(&self.standing)?;
        }
        let caller = self.caller_of(&needed, &credentials);
        let grant = self.granted(&needed, &caller).await?;
        self.take(grant);
        // Signing in may have found another region.
        let has_moved = self.follow_region()?;
        self.caller = Some(if has_moved { self.caller_of(&needed, &credentials) } else { caller });
        Ok(())
    }

    async fn granted(&mut self, needs: &[Need], caller: &Caller) -> Result<Arc<Grant>> {
        let (dispatch, request) = (self.dispatch, &self.request);
        let Course { effort, rejected, .. } = &mut **self.course.get_or_insert_default();
        let entrant = Entrant {
            transport: self.transport,
            caller,
            operation: dispatch.label(),
            method: &request.method,
            url: request.bare_url(),
            effort,
        };
        Ok(Arc::new(dispatch.account().grant(needs, rejected, entrant).await?))
    }

    /// With the profile's own credentials, of which the plan knows where they go.
    async fn sign_in_as_usual(&mut self, usual: &Usual) -> Result<()> {
        let dispatch = self.dispatch;
        self.request.credentials = Arc::clone(&usual.placements);
        let worn = dispatch.plan.sealed.last().filter(|_| self.rejected().is_empty());
        let grant = match worn.as_ref().and_then(|worn| worn.grant(&usual.placements)) {
            Some(grant) => Arc::clone(grant),
            None => self.granted(&usual.needs, &usual.caller).await?,
        };
        self.take(grant);
        self.follow_region()?;
        self.caller = dispatch.standing().usual.as_ref().map(|usual| Arc::clone(&usual.caller));
        Ok(())
    }

    fn take(&mut self, grant: Arc<Grant>) {
        let [now, before] = &mut self.grants;
        *before = now.replace(grant);
    }

    fn grant(&self) -> &Arc<Grant> {
        self.grants[0].as_ref().unwrap_or_else(|| Grant::none())
    }

    fn caller_of(&self, needs: &[Need], credentials: &Credentials) -> Arc<Caller> {
        let given: Vec<_> = self.request.given_values().into_iter().map(SecretString::from).collect();
        Arc::new(self.dispatch.account().caller(&self.origin(), needs, credentials, &given))
    }

    /// Takes the challenge that the origin gave last, where one has to be answered. A body that can be read only once
    /// is not spent on learning it.
    fn take_challenge(&mut self) -> Result<()> {
        if !self.grant().is_digest() {
            return Ok(());
        }
        let challenge = self.dispatch.account().challenge(&self.origin());
        self.grants[0] = Some(Arc::new(self.grant().with_challenge(challenge)));
        if self.grant().challenge.is_none() && !files::is_repeatable(self.request.content()) {
            return Err(UnsafeError {
                problem: "the body can be read only once, and digest authentication sends a first call twice"
                    .to_owned(),
                hint: Some("write the body to a file, and send that.".to_owned()),
                ..UnsafeError::default()
            }
            .into());
        }
        Ok(())
    }

    /// Learns the challenge of an answer. It is answered once in this call, and once more where the server says that
    /// the nonce of the first was over.
    fn is_challenged(&mut self, answer: &Answer) -> bool {
        if !self.grant().is_digest() {
            return false;
        }
        let challenge = match Challenge::read(&answer.headers) {
            Ok(Some(challenge)) => challenge,
            Ok(None) => return false,
            Err(problem) => {
                self.course().unmet = Some(problem);
                return false;
            }
        };
        let challenges = &mut self.course().challenges;
        let again = *challenges == 0 || (*challenges == 1 && challenge.stale);
        *challenges += 1;
        self.dispatch.account().learn(self.origin(), challenge);
        again
    }

    /// Goes where an answer redirects: the last step before sending looks at the address once more.
    fn go(&mut self, hop: Hop) {
        let acts = hop.method != self.request.method && !self.is_idempotent();
        self.leave();
        let course = self.course();
        course.has_acted |= acts;
        course.is_led = true;
        self.request.move_to(&hop.url, &self.dispatch.plan.places);
        self.request.method = hop.method;
        if hop.drops_body {
            self.request.body = None;
            self.request.headers.retain(|(name, _)| !name.starts_with("content-"));
        }
    }

    /// Remembers what it asked for, before it goes on to something else.
    fn leave(&mut self) {
        let asked = Origin::of(&self.request);
        self.course().asked.get_or_insert_with(|| Box::new(asked));
    }

    fn origin(&self) -> String {
        origin_of(&self.request.url).map_or_else(String::new, |origin| origin.ascii_serialization())
    }

    /// Where the account belongs to another region, the request is resolved anew; one that was redirected stays where
    /// it is, or what was carried out already would be sent again. Returns whether it goes elsewhere now.
    fn follow_region(&mut self) -> Result<bool> {
        let trail = self.course.as_ref().and_then(|course| course.redirects.as_ref());
        if trail.is_some_and(Trail::has_begun) {
            return Ok(false);
        }
        let standing = self.dispatch.standing();
        if standing.place.url != self.standing.place.url {
            self.leave();
            let placements = std::mem::take(&mut self.request.credentials);
            self.request = self.dispatch.resolve(&standing.place)?;
            let key = self.course.as_ref().and_then(|course| course.key.as_deref());
            key::put(key, &mut self.request);
            self.request.credentials = placements;
            self.standing = standing;
            return Ok(true);
        }
        Ok(false)
    }
}

impl Call for LiveCall<'_, '_> {
    type Error = Error;

    fn is_signed_in(&mut self) -> bool {
        self.signs_in_as_before() && !self.grant().is_digest()
    }

    /// Signs in, by an answer to a challenge where one is asked for.
    async fn sign_in(&mut self) -> Result<()> {
        if self.worn.is_none() {
            self.sign_in_anew().await?;
        }
        self.take_challenge()
    }

    fn wire(&mut self) -> Result<Box<Wire>> {
        let mut headers = HeaderMap::new();
        let url = self.sealed(&mut headers)?;
        if let Some(watch) = &self.dispatch.wishes.watch {
            let sign_in = self.course.as_ref().map_or(&[][..], |course| &course.effort.attempts);
            watch.made(self.is_idempotent(), self.has_acted(), sign_in);
        }
        let is_led = self.course.as_ref().is_some_and(|course| course.is_led);
        let shown = if is_led || self.dispatch.page.is_some() { Some(self.shown(&url)) } else { None };
        let Dispatch { wishes, is_streamed, .. } = self.dispatch;
        Ok(boxed!(Wire {
            operation: Arc::clone(self.dispatch.label()),
            method: self.request.method.clone(),
            link: self.link(&url),
            url,
            headers,
            content: self.request.body.clone(),
            limits: if wishes.are_none() { Limits::default() } else { wishes.limits },
            is_streamed: *is_streamed,
            signing_in: false,
            shown,
        }))
    }

    fn terms(&self) -> Terms {
        Terms {
            idempotent: self.dispatch.is_idempotent(&self.request, true),
            replayable: files::is_repeatable(self.request.content()),
            repeats: self.dispatch.wishes.repeats,
        }
    }

    fn caller(&self) -> Option<&Arc<Caller>> {
        let usual = self.standing.usual.as_ref().filter(|_| self.worn.is_some());
        self.caller.as_ref().or(usual.map(|usual| &usual.caller))
    }

    fn held(&mut self) -> Option<Wait> {
        self.course.as_mut()?.effort.held.take()
    }

    fn limits(&self) -> Option<&RateLimitHeaders> {
        self.dispatch.account().definition.rate_limit.as_ref()
    }

    fn renews(&mut self, answer: &Answer) -> bool {
        if answer.status != 401 {
            return false;
        }
        let is_challenged = self.is_challenged(answer);
        if !files::is_repeatable(self.request.content()) {
            self.course().spoiled = self.grant().renewable();
            return false;
        }
        if is_challenged {
            return true;
        }
        let Some(rejected) = self.grant().renewable() else { return false };
        // What was found in place of refused credentials may be refused as well: then new ones are fetched.
        let is_current = self.dispatch.account().is_current(&rejected);
        let is_found = self.grant().is_found;
        let course = self.course();
        let is_news = is_current && !(course.renewed && is_found);
        course.rejected = rejected;
        !std::mem::replace(if is_news { &mut course.renewed } else { &mut course.caught_up }, true)
    }

    fn redirects(&mut self, answer: &Answer) -> Result<bool> {
        if !(300..400).contains(&answer.status) {
            return Ok(false);
        }
        let is_repeatable = files::is_repeatable(self.request.content());
        let most = self.dispatch.wishes.follow.unwrap_or_else(|| self.transport.follows());
        let Request { method, url, .. } = &self.request;
        let trail = self.course.get_or_insert_default().redirects.get_or_insert_with(|| Trail::new(most));
        let hop = trail.next(&Asked { method, url, is_repeatable }, answer)?;
        Ok(hop.map(|hop| self.go(hop)).is_some())
    }

    fn failed(&self, failure: Failure, wire: &Wire, attempts: Vec<Attempt>) -> Error {
        failure.into_error(wire, attempts)
    }

    fn unfinished(&self, error: Error, attempts: Vec<Attempt>) -> Error {
        error.after(attempts, self.dispatch.label().as_ref().to_owned())
    }

    fn out_of_time(&self) -> TransportError {
        TransportError {
            operation: self.dispatch.label().as_ref().to_owned(),
            method: self.request.method.clone(),
            url: self.request.bare_url().to_owned(),
            origin: self
                .standing
                .place
                .parsed()
                .map_or_else(String::new, |url| url.origin().ascii_serialization()),
            phase: Phase::ConnectTimeout,
            signing_in: true,
            fetching: false,
            proxy: None,
            attempts: Vec::new(),
            sign_in: Vec::new(),
            before: Vec::new(),
            idempotent: self.is_idempotent(),
            source: None,
        }
    }
}
