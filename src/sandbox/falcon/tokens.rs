//! Installation tokens: find, read, create, update, delete.

use serde_json::{Map, Value, json};

use super::fql::{Cell, Column, Kind};
use super::shape::{self, Refusal};
use super::{Client, Falcon, Token, list, seed};
use crate::sandbox::clock::{format_time, parse_time};
use crate::sandbox::exchange::{Answer, Incoming};

const COLUMNS: &[Column<Token>] = &[
    Column { name: "id", kind: Kind::Text, read: |token, _| Cell::Text(token.id.clone()) },
    Column { name: "label", kind: Kind::Text, read: |token, _| Cell::Text(token.label.clone()) },
    Column { name: "status", kind: Kind::Text, read: |token, now| Cell::Text(token.status(now).to_owned()) },
    Column { name: "type", kind: Kind::Text, read: |token, _| Cell::Text(token.kind.clone()) },
    Column { name: "created_timestamp", kind: Kind::Time, read: |token, _| Cell::Time(Some(token.created)) },
    Column { name: "expires_timestamp", kind: Kind::Time, read: |token, _| Cell::Time(token.expires) },
    Column { name: "last_used_timestamp", kind: Kind::Time, read: |token, _| Cell::Time(token.last_used) },
    Column { name: "revoked_timestamp", kind: Kind::Time, read: |token, _| Cell::Time(token.revoked) },
];

/// Oldest first where no order is asked for (invented).
pub(super) fn query(falcon: &Falcon, incoming: &Incoming) -> Result<Answer, Refusal> {
    let (page, rows) = list::page(falcon.tokens.iter(), incoming, COLUMNS)?;
    let ids: Vec<&str> = rows.iter().map(|token| token.id.as_str()).collect();
    Ok(shape::page(incoming, page, &ids))
}

/// Unknown identifiers do not refuse the call (invented: the operation declares no 404).
pub(super) fn read(falcon: &Falcon, incoming: &Incoming) -> Result<Answer, Refusal> {
    let ids = some_ids(incoming)?;
    let find = |id: &String| falcon.tokens.iter().find(|token| token.id == *id);
    let found: Vec<Value> = ids.iter().filter_map(find).map(|token| resource(token, incoming.now)).collect();
    let missing: Vec<Value> =
        ids.iter().filter(|id| find(id).is_none()).map(|id| shape::not_found(id)).collect();
    Ok(shape::resources(incoming, &found, &missing))
}

fn some_ids(incoming: &Incoming) -> Result<Vec<String>, Refusal> {
    let ids = incoming.list("ids");
    if ids.is_empty() { Err(Refusal::new(400, "ids is required")) } else { Ok(ids) }
}

/// The places of all tokens that are named; any unknown one refuses the call before something changes.
fn known_places(falcon: &Falcon, incoming: &Incoming) -> Result<Vec<usize>, Refusal> {
    let ids = some_ids(incoming)?;
    let place = |id: &String| falcon.tokens.iter().position(|token| token.id == *id);
    let unknown: Vec<String> = ids.iter().filter(|id| place(id).is_none()).cloned().collect();
    if unknown.is_empty() {
        Ok(ids.iter().filter_map(place).collect())
    } else {
        Err(Refusal::unknown_ids(&unknown))
    }
}

fn resource(token: &Token, now: i64) -> Value {
    json!({
        "id": token.id,
        "label": token.label,
        "value": token.value,
        "type": token.kind,
        "status": token.status(now),
        "created_timestamp": format_time(token.created),
        "expires_timestamp": token.expires.map(format_time),
        "last_used_timestamp": token.last_used.map(format_time),
        "revoked_timestamp": token.revoked.map(format_time),
    })
}

/// When a token ends, where a body says so.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Expiry {
    /// `null`.
    Never,
    At(i64),
}

impl Expiry {
    fn time(self) -> Option<i64> {
        match self {
            Self::Never => None,
            Self::At(time) => Some(time),
        }
    }
}

/// What a body says of a token: absent and `null` differ.
#[derive(Debug, Clone, PartialEq, Default)]
struct Wish {
    label: Option<String>,
    kind: Option<String>,
    expires: Option<Expiry>,
    revoked: Option<bool>,
}

/// Keys that are not known are ignored, as the service does.
fn wish(incoming: &Incoming) -> Result<Wish, Refusal> {
    let body = incoming.object().map_err(|problem| Refusal::new(400, &problem))?;
    let revoked = match body.get("revoked") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(revoked)) => Some(*revoked),
        Some(_) => return Err(Refusal::new(400, "revoked must be a boolean")),
    };
    let kind = text(&body, "type")?;
    Ok(Wish { label: text(&body, "label")?, kind, expires: expires(&body, incoming.now)?, revoked })
}

fn text(body: &Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    match body.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::new(400, &format!("{name} must be a string that is not blank"))),
    }
}

fn expires(body: &Map<String, Value>, now: i64) -> Result<Option<Expiry>, Refusal> {
    let refuse = |problem| Err(Refusal::new(400, problem));
    match body.get("expires_timestamp") {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(Expiry::Never)),
        Some(value) => match value.as_str().and_then(parse_time) {
            None => refuse("expires_timestamp must be a time of RFC 3339 or null"),
            Some(time) if time <= now => refuse("expires_timestamp must be in the future"),
            Some(time) => Ok(Some(Expiry::At(time))),
        },
    }
}

fn has_room(falcon: &Falcon, now: i64, more: usize) -> bool {
    let active = falcon.tokens.iter().filter(|token| token.status(now) == "valid").count();
    i64::try_from(active + more).is_ok_and(|active| active <= falcon.settings.max_active_tokens)
}

/// 409 where the most active tokens are there (the code is declared, the cause invented).
pub(super) fn create(falcon: &mut Falcon, incoming: &Incoming, client: &Client) -> Result<Answer, Refusal> {
    let wish = wish(incoming)?;
    let label = wish.label.ok_or_else(|| Refusal::new(400, "label is required"))?;
    if !has_room(falcon, incoming.now, 1) {
        return Err(Refusal::new(409, "max_active_tokens reached: revoke or delete a token first"));
    }
    let token = Token {
        id: falcon.ids.hex(32),
        label,
        value: seed::value(&mut falcon.ids),
        kind: wish.kind.unwrap_or_else(|| "customer_managed".to_owned()),
        created: incoming.now,
        expires: wish.expires.and_then(Expiry::time),
        last_used: None,
        revoked: None,
    };
    falcon.record(incoming, client, "token_create", &token);
    let answer = shape::written(incoming, 201, &[resource(&token, incoming.now)]);
    falcon.tokens.push(token);
    falcon.changed = true;
    Ok(answer)
}

/// Restoring beyond the most active tokens is 400: no 409 is declared here (invented).
pub(super) fn update(falcon: &mut Falcon, incoming: &Incoming, client: &Client) -> Result<Answer, Refusal> {
    let places = known_places(falcon, incoming)?;
    let wish = wish(incoming)?;
    let changed: Vec<(usize, Token, &str)> =
        places.iter().map(|place| changed(&falcon.tokens[*place], *place, &wish, incoming.now)).collect();
    let back = changed.iter().filter(|(place, new, _)| {
        new.status(incoming.now) == "valid" && falcon.tokens[*place].status(incoming.now) != "valid"
    });
    let back = back.count();
    if back > 0 && !has_room(falcon, incoming.now, back) {
        return Err(Refusal::new(400, "max_active_tokens reached: the token cannot become active again"));
    }
    let mut resources = Vec::new();
    for (place, token, action) in changed {
        falcon.record(incoming, client, action, &token);
        resources.push(resource(&token, incoming.now));
        falcon.tokens[place] = token;
    }
    falcon.changed = true;
    Ok(shape::written(incoming, 200, &resources))
}

fn changed(old: &Token, place: usize, wish: &Wish, now: i64) -> (usize, Token, &'static str) {
    let mut token = old.clone();
    if let Some(label) = &wish.label {
        token.label.clone_from(label);
    }
    if let Some(expires) = wish.expires {
        token.expires = expires.time();
    }
    let action = match wish.revoked {
        Some(true) if token.revoked.is_none() => {
            token.revoked = Some(now);
            "token_revoke"
        }
        Some(false) if token.revoked.take().is_some() => "token_restore",
        _ => "token_update",
    };
    (place, token, action)
}

/// The audit events of a deleted token stay.
pub(super) fn delete(falcon: &mut Falcon, incoming: &Incoming, client: &Client) -> Result<Answer, Refusal> {
    let mut places = known_places(falcon, incoming)?;
    places.sort_unstable();
    for place in places.iter().rev() {
        let token = falcon.tokens.remove(*place);
        falcon.record(incoming, client, "token_delete", &token);
    }
    falcon.changed = true;
    Ok(shape::deleted(incoming, places.len()))
}
