//! Tokens: list, show, create, change permissions, rotate.

use serde_json::{Map, Value, json};

use super::calls::text;
use super::policy::Policy;
use super::{Kind, LogScale, Token};

/// The objects whose `Change` permission stands for three narrower ones.
const SPLIT: [&str; 6] = ["Triggers", "Actions", "Dashboards", "Files", "SavedQueries", "ScheduledReports"];

impl LogScale {
    pub(super) fn token(&self, id: &str) -> Result<&Token, String> {
        let found = self.tokens.iter().find(|token| token.id == id);
        found.ok_or_else(|| format!("Could not find a token with id \"{id}\"."))
    }

    pub(super) fn shown(&self, id: &str) -> Result<Value, String> {
        self.token(id).map(|token| self.metadata(token))
    }

    /// A token as the service shows it, without its secret.
    pub(super) fn metadata(&self, token: &Token) -> Value {
        let filter = token.filter.as_deref().map(|id| self.filter(id));
        let views = self.views.iter().filter(|view| token.views.contains(&view.id)).map(|view| {
            let kind = if view.is_repository { "Repository" } else { "View" };
            json!({"__typename": kind, "id": view.id, "name": view.name})
        });
        json!({
            "__typename": token.kind.type_name(),
            "id": token.id,
            "name": token.name,
            "expireAt": token.expires,
            "createdAt": token.created,
            "ipFilter": filter.as_ref().map(|filter| filter["ipFilter"].clone()),
            "ipFilterV2": filter,
            "permissions": token.permissions,
            "views": views.collect::<Vec<_>>(),
        })
    }

    /// `tokens`: `searchFilter` is a part of a name or id in any case; personal tokens are in no list.
    pub(super) fn list(&self, arguments: &Map<String, Value>) -> Result<Value, String> {
        let count = |name: &str, usual| {
            let given = arguments.get(name).and_then(Value::as_i64).unwrap_or(usual);
            usize::try_from(given).map_err(|_| format!("{name} must not be negative"))
        };
        let (skip, limit) = (count("skip", 0)?, count("limit", 50)?);
        let mut found: Vec<&Token> = self.tokens.iter().filter(|token| is_listed(token, arguments)).collect();
        found.sort_by(|one, other| match arguments.get("sortBy").and_then(Value::as_str) {
            Some("ExpirationDate") => expiry(one).cmp(&expiry(other)),
            _ => one.name.cmp(&other.name),
        });
        if arguments.get("orderBy").and_then(Value::as_str) == Some("DESC") {
            found.reverse();
        }
        let results: Vec<Value> =
            found.iter().skip(skip).take(limit).map(|token| self.metadata(token)).collect();
        Ok(json!({"totalResults": found.len(), "results": results}))
    }

    pub(super) fn create(
        &mut self,
        kind: Kind,
        input: &Map<String, Value>,
        now: i64,
    ) -> Result<Token, String> {
        let policy = self.policies.of(kind).clone();
        if !policy.enabled {
            return Err(format!("Tokens of type {} are disabled by the security policy.", kind.type_name()));
        }
        let name = if kind == Kind::Personal { "personal token" } else { text(input, "name")? };
        if name.trim().is_empty() {
            return Err("The name must not be blank.".to_owned());
        }
        let filter =
            policy.filter.clone().or(input.get("ipFilterId").and_then(Value::as_str).map(str::to_owned));
        if let Some(filter) = &filter {
            self.known_filter(filter)?;
        }
        let expires = expires(input.get("expireAt").and_then(Value::as_i64), &policy, now)?;
        let views = self.known_views(input)?;
        let token = Token {
            id: self.ids.alphanumeric(32),
            secret: self.ids.alphanumeric(44),
            kind,
            name: name.to_owned(),
            permissions: permissions(kind, input),
            views,
            expires,
            filter,
            created: now,
        };
        self.tokens.push(token.clone());
        self.changed = true;
        Ok(token)
    }

    fn known_views(&self, input: &Map<String, Value>) -> Result<Vec<String>, String> {
        let wanted = texts(input.get("viewIds"));
        let unknown = wanted.iter().find(|id| !self.views.iter().any(|view| view.id == **id));
        match unknown {
            Some(id) => Err(format!("Could not find a view or repository with id \"{id}\".")),
            None => Ok(wanted),
        }
    }

    /// Answers the token's id (invented: the schema says `String!` and no more).
    pub(super) fn update_permissions(
        &mut self,
        kind: Kind,
        input: &Map<String, Value>,
    ) -> Result<Value, String> {
        let id = text(input, "id")?;
        if self.token(id)?.kind != kind {
            return Err(format!("Could not find a token of type {} with id \"{id}\".", kind.type_name()));
        }
        if !self.policies.of(kind).allows_updates {
            return Err("The security policy does not allow to update the permissions of a token.".to_owned());
        }
        let permissions = permissions(kind, input);
        for token in self.tokens.iter_mut().filter(|token| token.id == id) {
            token.permissions.clone_from(&permissions);
        }
        self.changed = true;
        Ok(Value::from(id))
    }

    /// A new id and a new secret; all else stays, and the old secret ends at once.
    pub(super) fn rotate(&mut self, id: &str) -> Result<Value, String> {
        let (new, secret) = (self.ids.alphanumeric(32), self.ids.alphanumeric(44));
        let token = self.tokens.iter_mut().find(|token| token.id == id);
        let token = token.ok_or_else(|| format!("Could not find a token with id \"{id}\"."))?;
        (token.id, token.secret) = (new, secret);
        self.changed = true;
        Ok(Value::from(token.whole()))
    }
}

fn is_listed(token: &Token, arguments: &Map<String, Value>) -> bool {
    let Some(name) = token.kind.filter_name() else { return false };
    let search = arguments.get("searchFilter").and_then(Value::as_str).unwrap_or_default().to_lowercase();
    let matches = |text: &str| text.to_lowercase().contains(&search);
    let types = arguments.get("typeFilter").and_then(Value::as_array);
    let parents = texts(arguments.get("parentEntityIdFilter"));
    types.is_none_or(|types| types.iter().any(|one| one == name))
        && (parents.is_empty() || token.views.iter().any(|view| parents.contains(view)))
        && (matches(&token.name) || matches(&token.id))
}

/// Tokens that never expire come last.
fn expiry(token: &Token) -> i64 {
    token.expires.unwrap_or(i64::MAX)
}

/// The moment at which a new token expires: the policy caps it and refuses a later one.
fn expires(wanted: Option<i64>, policy: &Policy, now: i64) -> Result<Option<i64>, String> {
    if wanted.is_some_and(|wanted| wanted <= now) {
        return Err("expireAt must be in the future.".to_owned());
    }
    let Some(longest) = policy.longest else { return Ok(wanted) };
    let latest = now.saturating_add(longest);
    match wanted {
        Some(wanted) if wanted > latest => {
            Err("expireAt is later than the security policy for tokens allows.".to_owned())
        }
        Some(wanted) => Ok(Some(wanted)),
        None => Ok(Some(latest)),
    }
}

/// The permissions in an input, whatever the field is called; those of views are widened as the service does.
fn permissions(kind: Kind, input: &Map<String, Value>) -> Vec<String> {
    const FIELDS: [&str; 4] =
        ["permissions", "organizationPermissions", "viewPermissions", "systemPermissions"];
    let mut permissions = texts(FIELDS.iter().find_map(|field| input.get(*field)));
    if kind == Kind::View {
        for object in SPLIT {
            if permissions.contains(&format!("Change{object}")) {
                permissions.extend(["Create", "Update", "Delete"].map(|verb| format!("{verb}{object}")));
            }
        }
        permissions.push("OrganizationOwnedQueries".to_owned());
    }
    let mut seen = std::collections::HashSet::new();
    permissions.retain(|permission| seen.insert(permission.clone()));
    permissions
}

fn texts(list: Option<&Value>) -> Vec<String> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}
