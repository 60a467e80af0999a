//! Falcon: OAuth2 client credentials, installation tokens, their settings and audit events.
//!
//! A machine without sockets: [`Falcon::handle`] takes a request and gives the answer. What is invented, because
//! nothing public says it, is marked so where it stands.

mod events;
mod fql;
mod list;
mod oauth;
mod seed;
mod settings;
mod shape;
mod tokens;

use serde::{Deserialize, Serialize};

use super::exchange::{Answer, Incoming, Region};
use super::ids::Ids;
use super::limit::{Room, Windows};

pub(crate) use seed::{CLIENTS, Client};
pub(crate) use shape::{gateway, missing, violations};

/// The operations that have a state machine, as (ID, method, path).
pub(crate) const ROUTES: [(&str, &str, &str); 11] = [
    ("oauth2AccessToken", "POST", "/oauth2/token"),
    ("oauth2RevokeToken", "POST", "/oauth2/revoke"),
    ("audit_events_query", "GET", "/installation-tokens/queries/audit-events/v1"),
    ("audit_events_read", "GET", "/installation-tokens/entities/audit-events/v1"),
    ("customer_settings_read", "GET", "/installation-tokens/entities/customer-settings/v1"),
    ("customer_settings_update", "PATCH", "/installation-tokens/entities/customer-settings/v1"),
    ("tokens_query", "GET", "/installation-tokens/queries/tokens/v1"),
    ("tokens_read", "GET", "/installation-tokens/entities/tokens/v1"),
    ("tokens_create", "POST", "/installation-tokens/entities/tokens/v1"),
    ("tokens_update", "PATCH", "/installation-tokens/entities/tokens/v1"),
    ("tokens_delete", "DELETE", "/installation-tokens/entities/tokens/v1"),
];

const READ: &str = "Installation Tokens: READ";
const WRITE: &str = "Installation Tokens: WRITE";
const SETTINGS_WRITE: &str = "Installation Tokens Settings: WRITE";

/// Calls a minute, where nothing else is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    /// Of one client with a valid bearer token.
    pub(crate) valid: u32,
    /// Of one address without one.
    pub(crate) invalid: u32,
    /// Of one address at the token endpoint.
    pub(crate) token: u32,
    /// `X-RateLimit-RetryAfter` in milliseconds instead of seconds: the service's documents and its clients differ.
    pub(crate) milliseconds: bool,
}

impl Default for Rates {
    fn default() -> Self {
        Self { valid: 6000, invalid: 15, token: 300, milliseconds: false }
    }
}

/// The whole state of the service.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Falcon {
    ids: Ids,
    bearers: Vec<Bearer>,
    settings: Settings,
    tokens: Vec<Token>,
    events: Vec<Event>,
    #[serde(skip)]
    windows: Windows,
    #[serde(skip)]
    pub(crate) rates: Rates,
    /// Whether something is to be saved.
    #[serde(skip)]
    pub(crate) changed: bool,
}

/// An access token.
#[derive(Clone, Serialize, Deserialize)]
struct Bearer {
    value: String,
    client: String,
    expires: i64,
    region: Region,
}

impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bearer")
            .field("client", &self.client)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Settings {
    tokens_required: bool,
    max_active_tokens: i64,
}

/// An installation token; times in milliseconds since the epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Token {
    id: String,
    label: String,
    value: String,
    #[serde(rename = "type")]
    kind: String,
    created: i64,
    expires: Option<i64>,
    last_used: Option<i64>,
    revoked: Option<i64>,
}

impl Token {
    /// Revoked before expired before valid. `expired` is invented: no source shows an expired token.
    fn status(&self, now: i64) -> &'static str {
        if self.revoked.is_some() {
            "revoked"
        } else if self.expires.is_some_and(|expires| expires <= now) {
            "expired"
        } else {
            "valid"
        }
    }
}

/// An audit event.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Event {
    id: String,
    action: String,
    actor: String,
    description: String,
    timestamp: i64,
    token_id: String,
}

/// A caller who was let in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    client: &'static Client,
    room: Room,
}

impl Falcon {
    /// The state of every start with this seed.
    pub(crate) fn new(seed: u64) -> Self {
        seed::state(seed)
    }

    /// Plays one of [`ROUTES`].
    pub(crate) fn handle(&mut self, id: &str, incoming: &Incoming) -> Answer {
        match id {
            "oauth2AccessToken" => return oauth::token(self, incoming),
            "oauth2RevokeToken" => return oauth::revoke(self, incoming),
            _ => {}
        }
        let scope = match id {
            "customer_settings_update" => SETTINGS_WRITE,
            "tokens_create" | "tokens_update" | "tokens_delete" => WRITE,
            _ => READ,
        };
        match self.enter(incoming, Some(scope)) {
            Ok(caller) => {
                let answer = self.run(id, incoming, caller.client);
                dress(answer, incoming, caller)
            }
            Err(refusal) => *refusal,
        }
    }

    fn run(&mut self, id: &str, incoming: &Incoming, client: &Client) -> Answer {
        let outcome = match id {
            "audit_events_query" => events::query(self, incoming),
            "audit_events_read" => events::read(self, incoming),
            "customer_settings_read" => Ok(settings::read(self, incoming)),
            "customer_settings_update" => settings::update(self, incoming),
            "tokens_query" => tokens::query(self, incoming),
            "tokens_read" => tokens::read(self, incoming),
            "tokens_create" => tokens::create(self, incoming, client),
            "tokens_update" => tokens::update(self, incoming, client),
            "tokens_delete" => tokens::delete(self, incoming, client),
            _ => Err(shape::Refusal::new(404, "resource not found")),
        };
        outcome.unwrap_or_else(|refusal| refusal.answer(incoming))
    }

    /// Lets a caller in: bearer token, rate, scope, in this order.
    pub(crate) fn enter(&mut self, incoming: &Incoming, scope: Option<&str>) -> Result<Caller, Box<Answer>> {
        let Some(client) = self.client_of(incoming) else { return Err(Box::new(self.stranger(incoming))) };
        let room = self.windows.take(&format!("client {}", client.id), self.rates.valid, incoming.now);
        let caller = Caller { client, room };
        if let Some(until) = room.refused_until {
            return Err(Box::new(dress(self.too_many(incoming, until), incoming, caller)));
        }
        if scope.is_some_and(|scope| !client.scopes.contains(&scope)) {
            let answer = shape::gateway(incoming, 403, "access denied, authorization failed");
            return Err(Box::new(dress(answer, incoming, caller)));
        }
        Ok(caller)
    }

    fn client_of(&self, incoming: &Incoming) -> Option<&'static Client> {
        let given = incoming.authorization("bearer")?;
        let fits =
            |one: &&Bearer| one.value == given && one.region == incoming.region && one.expires > incoming.now;
        let bearer = self.bearers.iter().find(fits)?;
        CLIENTS.iter().find(|client| client.id == bearer.client)
    }

    fn stranger(&mut self, incoming: &Incoming) -> Answer {
        let room = self.windows.take(&format!("address {}", incoming.peer), self.rates.invalid, incoming.now);
        let answer = match room.refused_until {
            Some(until) => self.too_many(incoming, until),
            None if incoming.header("authorization").is_none() => {
                shape::gateway(incoming, 401, "access denied, authorization failed")
            }
            None => shape::gateway(incoming, 401, "access denied, invalid bearer token"),
        };
        limits(answer, incoming, room)
    }

    /// 429 with the moment (not the wait) at which calls are welcome again.
    pub(crate) fn too_many(&self, incoming: &Incoming, until: i64) -> Answer {
        let moment = if self.rates.milliseconds { until } else { (until + 999).div_euclid(1000) };
        shape::gateway(incoming, 429, "API rate limit exceeded")
            .with("x-ratelimit-retryafter", moment.to_string())
            .with("x-ratelimit-remaining", "0")
    }

    /// The headers that an answer without a caller has, such as a fault's.
    pub(crate) fn dress_stranger(&self, answer: Answer, incoming: &Incoming) -> Answer {
        let limit = self.rates.valid;
        limits(answer, incoming, Room { limit, remaining: limit, refused_until: None })
    }

    fn record(&mut self, incoming: &Incoming, client: &Client, action: &str, token: &Token) {
        let description = format!("{} {}", action.replace('_', " "), token.label);
        let id = self.ids.hex(32);
        self.events.push(Event {
            id,
            action: action.to_owned(),
            actor: client.id.to_owned(),
            description,
            timestamp: incoming.now,
            token_id: token.id.clone(),
        });
    }
}

/// The headers of every answer to a caller.
pub(crate) fn dress(answer: Answer, incoming: &Incoming, caller: Caller) -> Answer {
    limits(answer, incoming, caller.room)
}

fn limits(answer: Answer, incoming: &Incoming, room: Room) -> Answer {
    answer
        .with("x-cs-traceid", incoming.trace.as_str())
        .with("x-cs-region", incoming.region.name())
        .with("x-ratelimit-limit", room.limit.to_string())
        .with("x-ratelimit-remaining", room.remaining.to_string())
}
