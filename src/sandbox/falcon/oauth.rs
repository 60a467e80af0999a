//! The token and revocation endpoints.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{Bearer, CLIENTS, Client, Falcon, limits, shape};
use crate::sandbox::exchange::{Answer, Incoming, field};
use crate::sandbox::limit::Room;

/// How long an access token lives, in seconds.
const LIFE: i64 = 1799;

/// `POST /oauth2/token`.
pub(super) fn token(falcon: &mut Falcon, incoming: &Incoming) -> Answer {
    let caller = format!("token {}", incoming.peer);
    let room = falcon.windows.take(&caller, falcon.rates.token, incoming.now);
    let answer = match room.refused_until {
        Some(until) => falcon.too_many(incoming, until),
        None => issue(falcon, incoming),
    };
    limits(answer, incoming, room)
}

fn issue(falcon: &mut Falcon, incoming: &Incoming) -> Answer {
    let Some(form) = incoming.form() else {
        return shape::csam(incoming, 400, "the request body must be application/x-www-form-urlencoded");
    };
    let id = field(&form, "client_id").unwrap_or_default();
    let secret = field(&form, "client_secret").unwrap_or_default();
    if !is_client_id(id) {
        let message = format!("Failed to generate access token for clientID={id}");
        return shape::csam(incoming, 400, &message);
    }
    let Some(client) = signed_in(id, secret) else {
        // The wording is invented; the one sentence it must not be is that of the IP allow-list.
        return shape::csam(incoming, 403, "access denied, invalid client credentials");
    };
    if client.region != incoming.region && !incoming.moved {
        return elsewhere(incoming);
    }
    if let Some(member) = field(&form, "member_cid").filter(|member| !member.is_empty())
        && !client.members.contains(&member)
    {
        let message = format!("Failed to generate access token for customer ID={member}");
        return shape::csam(incoming, 403, &message);
    }
    bearer(falcon, incoming, client)
}

fn bearer(falcon: &mut Falcon, incoming: &Incoming, client: &Client) -> Answer {
    let value = falcon.ids.alphanumeric(64);
    falcon.bearers.retain(|bearer| bearer.expires > incoming.now);
    falcon.bearers.push(Bearer {
        value: value.clone(),
        client: client.id.to_owned(),
        expires: incoming.now + LIFE * 1000,
        region: incoming.region,
    });
    falcon.changed = true;
    Answer::json(201, &json!({"access_token": value, "expires_in": LIFE, "token_type": "bearer"}))
}

/// 308 with the other region's token endpoint, and no body.
pub(crate) fn elsewhere(incoming: &Incoming) -> Answer {
    Answer::empty(308)
        .with("location", format!("{}{}", incoming.elsewhere, incoming.path))
        .with("x-cs-region", incoming.region.other().name())
}

fn is_client_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn signed_in(id: &str, secret: &str) -> Option<&'static Client> {
    CLIENTS.iter().find(|client| client.id == id && client.secret == secret)
}

/// `POST /oauth2/revoke`: basic authentication, the token in the form. An unknown token is no error (RFC 7009 §2.2).
pub(super) fn revoke(falcon: &mut Falcon, incoming: &Incoming) -> Answer {
    let answer = end(falcon, incoming);
    let limit = falcon.rates.token;
    limits(answer, incoming, Room { limit, remaining: limit, refused_until: None })
}

fn end(falcon: &mut Falcon, incoming: &Incoming) -> Answer {
    let Some(form) = incoming.form() else {
        return shape::csam(incoming, 400, "the request body must be application/x-www-form-urlencoded");
    };
    let Some(client) = basic(incoming) else {
        return shape::csam(incoming, 403, "access denied, invalid client credentials");
    };
    let Some(token) = field(&form, "token").filter(|token| !token.is_empty()) else {
        return shape::csam(incoming, 400, "token is required");
    };
    falcon.bearers.retain(|bearer| bearer.value != token || bearer.client != client.id);
    falcon.changed = true;
    shape::meta_only(incoming)
}

fn basic(incoming: &Incoming) -> Option<&'static Client> {
    let decoded = STANDARD.decode(incoming.authorization("basic")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    signed_in(id, secret)
}
