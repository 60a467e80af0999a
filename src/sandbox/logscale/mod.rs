//! LogScale: API tokens of four kinds, IP filters and the token policy, over GraphQL.
//!
//! A machine without sockets: [`LogScale::handle`] takes a request and gives the answer. The messages inside
//! `errors` and which permission a mutation needs are invented: nothing public says.

mod calls;
mod filters;
mod graphql;
mod policy;
mod seed;
mod token_calls;

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::exchange::{Answer, Incoming};
use super::ids::Ids;

use self::graphql::{Request, Schema};
use self::policy::Policies;

/// The secrets of the seeded tokens as (role, secret); the first may do everything.
pub(crate) const SECRETS: [(&str, &str); 2] = [
    ("root", "demoLogScaleRootToken00000000001~demo-logscale-root"),
    ("weak", "demoLogScaleWeakToken00000000002~demo-logscale-weak"),
];

const INVALID: &str = "The supplied authentication is invalid";
const MISSING: &str = "The resource requires authentication, which was not supplied with the request";
const ADDRESS: &str =
    "Tokens can only be used from IP addresses accepted by the IP filter set for them if any.";

/// How long an expired token stays in lists, in milliseconds.
const GRACE: i64 = 300_000;

/// The whole state of the service.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LogScale {
    ids: Ids,
    tokens: Vec<Token>,
    filters: Vec<Filter>,
    views: Vec<View>,
    policies: Policies,
    /// Whether something is to be saved.
    #[serde(skip)]
    pub(crate) changed: bool,
}

/// The kinds of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Personal,
    View,
    Organization,
    System,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Personal, Self::View, Self::Organization, Self::System];

    /// The type of its tokens.
    fn type_name(self) -> &'static str {
        match self {
            Self::Personal => "PersonalUserToken",
            Self::View => "ViewPermissionsToken",
            Self::Organization => "OrganizationPermissionsToken",
            Self::System => "SystemPermissionsToken",
        }
    }

    /// What `typeFilter` calls it; personal tokens have no name there.
    fn filter_name(self) -> Option<&'static str> {
        match self {
            Self::Personal => None,
            Self::View => Some("ViewPermissionToken"),
            Self::Organization => Some("OrganizationPermissionToken"),
            Self::System => Some("SystemPermissionToken"),
        }
    }

    /// How the fields of the policy begin.
    fn policy_name(self) -> &'static str {
        match self {
            Self::Personal => "personalUserTokens",
            Self::View => "viewPermissionTokens",
            Self::Organization => "organizationPermissionTokens",
            Self::System => "systemPermissionTokens",
        }
    }
}

/// A token; times in milliseconds since the epoch.
#[derive(Clone, Serialize, Deserialize)]
struct Token {
    id: String,
    /// What follows the `~` of the whole secret.
    secret: String,
    kind: Kind,
    name: String,
    permissions: Vec<String>,
    views: Vec<String>,
    expires: Option<i64>,
    filter: Option<String>,
    created: i64,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Token {
    fn is_expired(&self, now: i64) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// The whole secret, as it is used.
    fn whole(&self) -> String {
        format!("{}~{}", self.id, self.secret)
    }
}

/// An IP filter.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Filter {
    id: String,
    name: String,
    rules: String,
}

/// A view or repository.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct View {
    id: String,
    name: String,
    is_repository: bool,
}

/// The names a request may be called by: its operation's and its root fields'.
pub(crate) fn names(incoming: &Incoming) -> Vec<String> {
    request(incoming).map(|request| graphql::names(&request)).unwrap_or_default()
}

/// A refusal in the service's shape: any status but 200 has a plain text.
pub(crate) fn refuse(status: u16, message: &str) -> Answer {
    Answer::text(status, message)
}

fn request(incoming: &Incoming) -> Result<Request, String> {
    let mut body = incoming.object()?;
    let query = match body.remove("query") {
        Some(Value::String(query)) => query,
        Some(_) => return Err("query must be a string".to_owned()),
        None => return Err("query is required".to_owned()),
    };
    let operation_name = match body.remove("operationName") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name),
        Some(_) => return Err("operationName must be a string".to_owned()),
    };
    let variables = match body.remove("variables") {
        None | Some(Value::Null) => serde_json::Map::new(),
        Some(Value::Object(variables)) => variables,
        Some(_) => return Err("variables must be an object".to_owned()),
    };
    Ok(Request { query, operation_name, variables })
}

fn schema() -> Result<&'static Schema, &'static str> {
    static SCHEMA: OnceLock<Result<Schema, String>> = OnceLock::new();
    let read = || Schema::parse(include_str!("../../../specs/logscale/schema.graphql"));
    SCHEMA.get_or_init(read).as_ref().map_err(String::as_str)
}

impl LogScale {
    /// The state of every start with this seed.
    pub(crate) fn new(seed: u64) -> Self {
        seed::state(seed)
    }

    /// Plays `POST /graphql`.
    pub(crate) fn handle(&mut self, incoming: &Incoming) -> Answer {
        self.sweep(incoming.now);
        let actor = match self.enter(incoming) {
            Ok(actor) => actor,
            Err(refusal) => return refusal,
        };
        let request = match request(incoming) {
            Ok(request) => request,
            Err(problem) => return Answer::json(400, &json!({"errors": [{"message": problem}]})),
        };
        match schema() {
            Ok(schema) => {
                let mut call = calls::Call { logscale: self, actor, now: incoming.now };
                Answer::json(200, &graphql::answer(schema, &request, &mut call))
            }
            Err(problem) => refuse(500, problem),
        }
    }

    /// The token of a caller, or the refusal.
    pub(crate) fn admit(&self, incoming: &Incoming) -> Result<(), Answer> {
        self.enter(incoming).map(|_| ())
    }

    fn enter(&self, incoming: &Incoming) -> Result<Token, Answer> {
        if incoming.header("authorization").is_none() {
            return Err(refuse(401, MISSING));
        }
        let given = incoming.authorization("bearer").unwrap_or_default();
        let token = self.valid(given, incoming.now).ok_or_else(|| refuse(401, INVALID))?;
        let filter = self.filters.iter().find(|filter| Some(&filter.id) == token.filter.as_ref());
        match filter {
            Some(filter) if !filters::admits(&filter.rules, incoming.peer) => Err(refuse(403, ADDRESS)),
            _ => Ok(token.clone()),
        }
    }

    fn valid(&self, secret: &str, now: i64) -> Option<&Token> {
        self.tokens.iter().find(|token| token.whole() == secret && !token.is_expired(now))
    }

    /// Expired tokens leave the lists after a while.
    fn sweep(&mut self, now: i64) {
        let before = self.tokens.len();
        self.tokens.retain(|token| !token.is_expired(now - GRACE));
        self.changed |= self.tokens.len() != before;
    }
}
