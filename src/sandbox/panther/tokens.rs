//! The six operations on API tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::{Actor, MODIFY, PERMISSIONS, Panther, READ, Refusal, Token};
use crate::sandbox::address::Network;
use crate::sandbox::clock::format_time;
use crate::sandbox::exchange::{Answer, Incoming};

/// What a body says of a token: the whole of it, never a part.
struct Wish {
    name: String,
    permissions: Vec<String>,
    blocks: Vec<String>,
}

fn wish(incoming: &Incoming) -> Result<Wish, Refusal> {
    let body = incoming.object().map_err(|problem| Refusal(400, problem))?;
    let name = match body.get("name") {
        Some(Value::String(name)) if !name.trim().is_empty() => name.clone(),
        Some(_) => return Err(Refusal::new(400, "name must be a string that is not blank")),
        None => return Err(Refusal::new(400, "name is required")),
    };
    let permissions =
        texts(&body, "permissions")?.ok_or_else(|| Refusal::new(400, "permissions is required"))?;
    if let Some(unknown) = permissions.iter().find(|one| !PERMISSIONS.contains(&one.as_str())) {
        return Err(Refusal(400, format!("{unknown} is no permission")));
    }
    let blocks = texts(&body, "allowedCIDRBlocks")?.unwrap_or_default();
    if let Some(wrong) = blocks.iter().find(|block| Network::parse_block(block).is_none()) {
        return Err(Refusal(400, format!("{wrong} is no CIDR block")));
    }
    Ok(Wish { name, permissions, blocks })
}

fn texts(body: &Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, Refusal> {
    let refuse = || Refusal(400, format!("{name} must be an array of strings"));
    let Some(value) = body.get(name) else { return Ok(None) };
    let texts = value.as_array().ok_or_else(refuse)?.iter().map(|one| one.as_str().map(str::to_owned));
    texts.collect::<Option<Vec<_>>>().map(Some).ok_or_else(refuse)
}

/// A token as the service shows it, without its value.
fn resource(token: &Token) -> Map<String, Value> {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("id", json!(token.id));
    put("name", json!(token.name));
    put("permissions", json!(token.permissions));
    put("allowedCIDRBlocks", json!(token.blocks));
    put("createdAt", json!(format_time(token.created)));
    put("createdBy", json!(token.created_by));
    if let Some(time) = token.updated {
        put("updatedAt", json!(format_time(time)));
    }
    if let Some(actor) = &token.updated_by {
        put("updatedBy", json!(actor));
    }
    if let Some(time) = token.rotated {
        put("rotatedAt", json!(format_time(time)));
    }
    if let Some(time) = token.last_used {
        put("lastUsedAt", json!(format_time(time)));
    }
    shown
}

fn shown(token: &Token) -> Answer {
    Answer::json(200, &Value::Object(resource(token)))
}

/// With its value: after create and rotate, and never again.
fn shown_once(token: &Token) -> Answer {
    let mut resource = resource(token);
    resource.insert("value".to_owned(), json!(token.value));
    Answer::json(200, &Value::Object(resource))
}

fn need(caller: &Token, permission: &str) -> Result<(), Refusal> {
    if caller.may(permission) {
        return Ok(());
    }
    Err(Refusal(403, format!("the API token lacks the permission {permission}")))
}

fn actor(caller: &Token) -> Actor {
    Actor { id: caller.id.clone(), kind: "api-token".to_owned() }
}

/// The place of the token that the path names; `self` is the calling one.
fn place(panther: &Panther, caller: &Token, incoming: &Incoming) -> Result<usize, Refusal> {
    let segment = incoming.path.split('/').nth(2).unwrap_or_default();
    let id = percent_encoding::percent_decode_str(segment).decode_utf8_lossy();
    let id = if id == "self" { caller.id.as_str() } else { &id };
    let place = panther.tokens.iter().position(|token| token.id == id);
    place.ok_or_else(|| Refusal::new(404, "no API token has this id"))
}

impl Panther {
    /// One page with all tokens, unless pages were asked for (invented: no cursor is declared).
    pub(super) fn list(&self, caller: &Token, incoming: &Incoming) -> Result<Answer, Refusal> {
        need(caller, READ)?;
        let start = match incoming.query("cursor").filter(|cursor| !cursor.is_empty()) {
            Some(cursor) => self.after(cursor).ok_or_else(|| Refusal::new(400, "the cursor is not valid"))?,
            None => 0,
        };
        let size = self.page.unwrap_or(usize::MAX);
        let results: Vec<Value> =
            self.tokens.iter().skip(start).take(size).map(|token| Value::Object(resource(token))).collect();
        let end = start + results.len();
        let mut body = json!({"results": results});
        if let Some(last) = self.tokens[..end].last().filter(|_| end < self.tokens.len()) {
            body["next"] = json!(URL_SAFE_NO_PAD.encode(&last.id));
        }
        Ok(Answer::json(200, &body))
    }

    fn after(&self, cursor: &str) -> Option<usize> {
        let id = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        Some(self.tokens.iter().position(|token| token.id == id)? + 1)
    }

    pub(super) fn create(&mut self, caller: &Token, incoming: &Incoming) -> Result<Answer, Refusal> {
        need(caller, MODIFY)?;
        let wish = wish(incoming)?;
        let token = Token {
            id: self.ids.uuid(),
            name: wish.name,
            value: self.ids.alphanumeric(40),
            permissions: wish.permissions,
            blocks: wish.blocks,
            created: incoming.now,
            created_by: actor(caller),
            updated: None,
            updated_by: None,
            rotated: None,
            last_used: None,
        };
        let answer = shown_once(&token);
        self.tokens.push(token);
        self.changed = true;
        Ok(answer)
    }

    pub(super) fn get(&self, caller: &Token, incoming: &Incoming) -> Result<Answer, Refusal> {
        need(caller, READ)?;
        place(self, caller, incoming).map(|place| shown(&self.tokens[place]))
    }

    /// Replaces all that a body can say: blocks that it leaves out are emptied (invented).
    pub(super) fn update(&mut self, caller: &Token, incoming: &Incoming) -> Result<Answer, Refusal> {
        need(caller, MODIFY)?;
        let place = place(self, caller, incoming)?;
        let wish = wish(incoming)?;
        let token = &mut self.tokens[place];
        (token.name, token.permissions, token.blocks) = (wish.name, wish.permissions, wish.blocks);
        (token.updated, token.updated_by) = (Some(incoming.now), Some(actor(caller)));
        self.changed = true;
        Ok(shown(&self.tokens[place]))
    }

    /// A token may rotate itself without any permission.
    pub(super) fn rotate(&mut self, caller: &Token, incoming: &Incoming) -> Result<Answer, Refusal> {
        let place = place(self, caller, incoming);
        let is_own = place.as_ref().is_ok_and(|place| self.tokens[*place].id == caller.id);
        if !is_own {
            need(caller, MODIFY)?;
        }
        let place = place?;
        let value = self.ids.alphanumeric(40);
        let token = &mut self.tokens[place];
        token.value = value;
        (token.rotated, token.updated, token.updated_by) =
            (Some(incoming.now), Some(incoming.now), Some(actor(caller)));
        let answer = shown_once(token);
        self.changed = true;
        Ok(answer)
    }

    pub(super) fn delete(&mut self, caller: &Token, incoming: &Incoming) -> Result<Answer, Refusal> {
        need(caller, MODIFY)?;
        let place = place(self, caller, incoming)?;
        self.tokens.remove(place);
        self.changed = true;
        Ok(Answer::empty(204))
    }
}
