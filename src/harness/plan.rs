//! What all calls of an operation have in common with one account: worked out at the first, used by the others.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::auth::{self, Account, KnownPath, Need, Sealed};
use crate::operation::{SchemeUse, ServerDef};
use crate::profile::{Base, Credentials};
use crate::request::{Common, Place, Placement};
use crate::response::{Context, RootField};
use crate::table::Operation;
use crate::transport::{Caller, Transport};

/// A service as one profile calls it.
pub(super) struct Served {
    pub(super) account: Arc<Account>,
    plans: Plans,
}

/// The plans of the operations that were called, by the numbers of the operations in their service. Who looks for one
/// waits for nobody.
struct Plans(Box<[OnceLock<Piece>]>);

/// Plans of neighbours.
type Piece = Box<[OnceLock<Arc<Plan>>]>;

impl Plans {
    /// Room for so many plans is made at once.
    const PIECE: usize = 64;

    fn of(operations: u32) -> Self {
        let pieces = (operations as usize).div_ceil(Self::PIECE);
        Self((0..pieces).map(|_| OnceLock::new()).collect())
    }

    fn made(&mut self) -> impl Iterator<Item = &mut Arc<Plan>> {
        self.0.iter_mut().filter_map(OnceLock::get_mut).flatten().filter_map(OnceLock::get_mut)
    }

    /// The place of a plan; `None` for a number that no operation has.
    fn place(&self, number: u32) -> Option<&OnceLock<Arc<Plan>>> {
        let number = number as usize;
        let piece = self.0.get(number / Self::PIECE)?;
        piece.get_or_init(|| (0..Self::PIECE).map(|_| OnceLock::new()).collect()).get(number % Self::PIECE)
    }
}

/// What all calls of an operation have in common.
pub(super) struct Plan {
    pub(super) account: Arc<Account>,
    pub(super) context: Arc<Context>,
    /// Any one of these lists of schemes lets the call in.
    pub(super) alternatives: Vec<Vec<SchemeUse>>,
    /// Where credentials of any of the alternatives go.
    pub(super) places: Vec<Placement>,
    /// Whether those are header fields that no request has by itself.
    pub(super) signs_in_beside: bool,
    /// What the requests of an operation of the table have in common.
    pub(super) common: Option<Common>,
    /// The operation's path, where it is the same in every call.
    path: Option<String>,
    /// What the last call went out with.
    pub(super) sealed: Sealed,
    /// The operation's own address in each region.
    hosts: Vec<(String, String)>,
    /// The operation's own servers.
    servers: Vec<ServerDef>,
    standing: Mutex<Option<Arc<Standing>>>,
}

/// What they have in common for as long as the account has one address.
pub(super) struct Standing {
    /// How often the account had moved.
    moves: u64,
    /// The address of the call.
    pub(super) place: Arc<Base>,
    /// The same with the operation's path, where that is the same in every call.
    pub(super) path: Option<KnownPath>,
    /// How calls sign in into which the caller puts no credential by hand; `None` where that takes a look at each call.
    pub(super) usual: Option<Usual>,
}

/// How calls sign in with the profile's own credentials.
pub(super) struct Usual {
    pub(super) needs: Vec<Need>,
    pub(super) placements: Arc<[Placement]>,
    pub(super) caller: Arc<Caller>,
}

impl Served {
    /// For a service of so many operations.
    pub(super) fn new(account: Account, operations: u32) -> Self {
        Self { account: Arc::new(account), plans: Plans::of(operations) }
    }

    /// Whether no call has a part of it, and its account could as well be made anew. For the one from whom alone others
    /// have it, and who gives it to nobody meanwhile.
    ///
    /// In this order: who has the whole may still take a part, and who has a plan the account. [`Arc::get_mut`] waits
    /// for what those did who had it before they let it go (it acquires what their drops released), so that each part
    /// they took before is counted where it is asked for next. A count alone (it is read relaxed) might be older than
    /// the part that was taken. By the time that the account's is read nobody else can take it.
    pub(super) fn is_idle(self: &mut Arc<Self>) -> bool {
        let Some(Self { account, plans }) = Arc::get_mut(self) else { return false };
        let mut made = 0;
        for plan in plans.made() {
            if Arc::get_mut(plan).is_none() {
                return false;
            }
            made += 1;
        }
        Arc::strong_count(account) == 1 + made && account.is_idle()
    }

    /// The plan of an operation, which has a number in its service; it is made at the first call.
    pub(super) fn plan(&self, operation: Operation<'_>, number: u32) -> Arc<Plan> {
        let make = || Arc::new(Plan::of(operation, &self.account));
        self.plans.place(number).map_or_else(make, |place| Arc::clone(place.get_or_init(make)))
    }
}

impl Plan {
    fn of(operation: Operation<'_>, account: &Arc<Account>) -> Self {
        let uses = operation.security();
        let alternatives = uses.map(|schemes| schemes.map(|(name, scopes)| use_of(name, &scopes)).collect());
        let hosts = if account.has_own_regions() { Vec::new() } else { operation.hosts() };
        let context = Context {
            scope: operation.scope().map(str::to_owned),
            graphql: operation.graphql().map(|graphql| RootField(graphql.root_field().map(str::to_owned))),
            items: operation.pagination().map(|pagination| pagination.items),
            ..context(&operation.qualified_id(), account)
        };
        Self {
            hosts,
            servers: operation.servers(),
            common: Some(Common::of(operation)),
            path: Some(operation.path()).filter(|path| is_fixed(path)).map(str::to_owned),
            ..Self::new(context, alternatives.collect(), account)
        }
    }

    /// Of an endpoint that no table knows: any scheme of the service lets it in.
    pub(super) fn unlisted(label: &str, account: &Arc<Account>) -> Self {
        let schemes = account.definition.security_schemes.iter();
        let alternatives = schemes.map(|scheme| vec![use_of(&scheme.name, &[])]).collect();
        Self::new(context(label, account), alternatives, account)
    }

    fn new(context: Context, alternatives: Vec<Vec<SchemeUse>>, account: &Arc<Account>) -> Self {
        let used: HashSet<&str> = alternatives.iter().flatten().map(|one| one.scheme.as_str()).collect();
        let schemes = account.definition.security_schemes.iter();
        let schemes = schemes.filter(|scheme| used.contains(scheme.name.as_str()));
        let needs = schemes.map(|scheme| Need { scheme: scheme.clone(), scopes: Vec::new(), own: false });
        let places = placements(account, needs, account.own());
        let is_beside = |one: &Placement| match &one.place {
            Place::Header { name, .. } => name != "accept",
            Place::Query { .. } | Place::Cookie { .. } => false,
        };
        Self {
            account: Arc::clone(account),
            context: Arc::new(context),
            signs_in_beside: places.iter().all(is_beside),
            places,
            alternatives,
            hosts: Vec::new(),
            servers: Vec::new(),
            common: None,
            path: None,
            sealed: Sealed::default(),
            standing: Mutex::default(),
        }
    }

    /// What holds at the account's address as of now.
    pub(super) fn standing(&self, transport: &Transport) -> Arc<Standing> {
        let moves = self.account.moves();
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        match &*standing {
            Some(known) if known.moves == moves => Arc::clone(known),
            _ => Arc::clone(standing.insert(Arc::new(self.stand(moves, transport)))),
        }
    }

    fn stand(&self, moves: u64, transport: &Transport) -> Standing {
        let place = self.place();
        let usual = self.usual(&place, transport);
        let target = auth::Target { address: place.parsed(), path: None, plain_http: transport.plain_http() };
        let path = self.path.as_ref().and_then(|path| KnownPath::of(&place.url, path, &target));
        Standing { moves, place, path, usual }
    }

    /// Whether that is what holds at the account's address as of now.
    pub(super) fn is_current(&self, standing: &Standing) -> bool {
        standing.moves == self.account.moves()
    }

    /// The address of the call: the base URL, or what the document names for the operation alone, unless the user set
    /// an address.
    fn place(&self) -> Arc<Base> {
        let (account, base) = (&self.account, self.account.base());
        let place = Base::clone(&base).at_host(&self.hosts);
        if self.servers.is_empty() || place.url != base.url {
            return Arc::new(place);
        }
        Arc::new(base.of_operation(
            &account.definition,
            &self.context.operation,
            &self.servers,
            &account.wish,
        ))
    }

    fn usual(&self, place: &Base, transport: &Transport) -> Option<Usual> {
        let account = &*self.account;
        let own = account.own();
        let needs = if self.alternatives.is_empty() {
            Vec::new()
        } else if account.asks_a_provider() {
            return None;
        } else {
            self.choice(own, place, transport).plan(&|_| false)?
        };
        let (address, plain_http) = (place.parsed(), transport.plain_http());
        let target = auth::Target { address, path: None, plain_http };
        if !needs.is_empty() && place.parsed().is_none_or(|url| target.check(url).is_err()) {
            return None;
        }
        let origin = place.parsed().map_or_else(String::new, |url| url.origin().ascii_serialization());
        Some(Usual {
            placements: placements(account, &needs, own).into(),
            caller: Arc::new(account.caller(&origin, &needs, own, &[])),
            needs,
        })
    }

    /// What there is to choose among the alternatives by.
    pub(super) fn choice<'c>(
        &'c self,
        credentials: &'c Credentials,
        place: &Base,
        transport: &Transport,
    ) -> auth::Choice<'c> {
        let account = &*self.account;
        // Only TLS shows it.
        let certificate = account.has_certificate(transport) && place.url.starts_with("https:");
        account.choice(&self.alternatives, credentials, certificate)
    }
}

/// Whether a path key stands as it is in the URL of every call.
fn is_fixed(path: &str) -> bool {
    path.starts_with('/') && !path.bytes().any(|byte| matches!(byte, b'{' | b'}' | b'?' | b'#' | b'%'))
}

/// Where the credentials of schemes go.
pub(super) fn placements<N: Borrow<Need>>(
    account: &Account,
    needs: impl IntoIterator<Item = N>,
    credentials: &Credentials,
) -> Vec<Placement> {
    let placement = |need: N| auth::placement(&account.definition, need.borrow(), credentials);
    needs.into_iter().filter_map(placement).collect()
}

fn context(label: &str, account: &Account) -> Context {
    Context {
        operation: label.into(),
        service: account.definition.name.clone(),
        pointers: account.definition.error.clone(),
        rate_limit: account.definition.rate_limit.clone(),
        ..Context::default()
    }
}

fn use_of(scheme: &str, scopes: &[&str]) -> SchemeUse {
    SchemeUse { scheme: scheme.to_owned(), scopes: scopes.iter().map(|&scope| scope.to_owned()).collect() }
}
