//! The root fields of the schema: who may call them, and what they do.

use serde_json::{Map, Value, json};

use super::graphql::Resolver;
use super::{Filter, Kind, LogScale, Token, filters};

/// One request in the name of a token.
pub(super) struct Call<'s> {
    pub(super) logscale: &'s mut LogScale,
    pub(super) actor: Token,
    pub(super) now: i64,
}

type Arguments = Map<String, Value>;

impl Resolver for Call<'_> {
    fn resolve(&mut self, field: &str, arguments: &Arguments) -> Result<Value, String> {
        let input = arguments.get("input").and_then(Value::as_object).unwrap_or(arguments);
        match field {
            "tokens" => self.logscale.list(arguments),
            "token" => self.logscale.shown(text(arguments, "tokenId")?),
            "ipFilters" => Ok(self.logscale.filters.iter().map(shown_filter).collect()),
            "organization" => Ok(self.logscale.organization()),
            "validateAccessToken" => self.validate(arguments).map(Value::from),
            "validateAccessTokenV2" => {
                let session = self.validate(arguments)?;
                Ok(json!({"sessionId": session, "showTermsAndConditions": "None"}))
            }
            "rotateToken" => self.rotate(text(input, "id")?),
            "deleteToken" => self.delete(text(input, "id")?),
            "updateTokenSecurityPolicies" => {
                self.need("ChangeSecurityPolicies")?;
                self.logscale.set_policies(input, self.now)
            }
            "createIPFilter" | "updateIPFilter" | "deleteIPFilter" => {
                self.need("ChangeIPFilters")?;
                self.filter(field, input)
            }
            _ => self.create_or_update(field, input),
        }
    }
}

impl Call<'_> {
    fn create_or_update(&mut self, field: &str, input: &Arguments) -> Result<Value, String> {
        let kind = kind_in(field).ok_or_else(|| format!("the sandbox does not play \"{field}\""))?;
        self.need_for(kind)?;
        if field.starts_with("update") {
            return self.logscale.update_permissions(kind, input);
        }
        let token = self.logscale.create(kind, input, self.now)?;
        if field.ends_with("V2") {
            Ok(json!({"token": token.whole(), "tokenMetadata": self.logscale.metadata(&token)}))
        } else {
            Ok(Value::from(token.whole()))
        }
    }

    fn need(&self, permission: &str) -> Result<(), String> {
        if self.actor.permissions.iter().any(|own| own == permission) {
            return Ok(());
        }
        Err(format!("The token lacks the permission {permission}."))
    }

    /// Which permission the tokens of a kind are guarded by (invented, by the names).
    fn need_for(&self, kind: Kind) -> Result<(), String> {
        match kind {
            Kind::Personal => Ok(()),
            Kind::View => self.need("ChangeAllViewOrRepositoryPermissions"),
            Kind::Organization | Kind::System => self.need("ChangeOrganizationPermissions"),
        }
    }

    fn rotate(&mut self, id: &str) -> Result<Value, String> {
        let kind = self.logscale.token(id)?.kind;
        self.need_for(kind)?;
        self.logscale.rotate(id)
    }

    fn delete(&mut self, id: &str) -> Result<Value, String> {
        let kind = self.logscale.token(id)?.kind;
        self.need_for(kind)?;
        self.logscale.tokens.retain(|token| token.id != id);
        self.logscale.changed = true;
        Ok(Value::Bool(true))
    }

    /// The id of a token that would be let in.
    fn validate(&self, arguments: &Arguments) -> Result<String, String> {
        let token = self.logscale.valid(text(arguments, "accessToken")?, self.now);
        token.map(|token| token.id.clone()).ok_or_else(|| "The access token is not valid.".to_owned())
    }

    fn filter(&mut self, field: &str, input: &Arguments) -> Result<Value, String> {
        let logscale = &mut *self.logscale;
        logscale.changed = true;
        match field {
            "createIPFilter" => logscale.create_filter(text(input, "name")?, text(input, "ipFilter")?),
            "updateIPFilter" => logscale.update_filter(text(input, "id")?, input),
            _ => logscale.delete_filter(text(input, "id")?),
        }
    }
}

/// The kind that a create or update mutation is about.
fn kind_in(field: &str) -> Option<Kind> {
    let of = |kind: &Kind| {
        let name = match kind {
            Kind::Personal => "PersonalUserToken",
            Kind::View => "ViewPermissionsToken",
            Kind::Organization => "OrganizationPermissionsToken",
            Kind::System => "SystemPermissionsToken",
        };
        field.contains(name)
    };
    Kind::ALL.into_iter().find(of)
}

/// An argument that is a string; the schema has seen to it that it is there.
pub(super) fn text<'a>(arguments: &'a Arguments, name: &str) -> Result<&'a str, String> {
    arguments.get(name).and_then(Value::as_str).ok_or_else(|| format!("{name} is required"))
}

fn shown_filter(filter: &Filter) -> Value {
    json!({"id": filter.id, "name": filter.name, "ipFilter": filter.rules})
}

impl LogScale {
    /// A filter as the service shows it, `null` where there is none.
    pub(super) fn filter(&self, id: &str) -> Value {
        self.filters.iter().find(|filter| filter.id == id).map(shown_filter).unwrap_or_default()
    }

    pub(super) fn known_filter(&self, id: &str) -> Result<&Filter, String> {
        let found = self.filters.iter().find(|filter| filter.id == id);
        found.ok_or_else(|| format!("Could not find an IP filter with id \"{id}\"."))
    }

    fn create_filter(&mut self, name: &str, rules: &str) -> Result<Value, String> {
        filters::check(rules)?;
        let filter = Filter { id: self.ids.alphanumeric(32), name: name.to_owned(), rules: rules.to_owned() };
        self.filters.push(filter);
        Ok(self.filters.last().map(shown_filter).unwrap_or_default())
    }

    fn update_filter(&mut self, id: &str, input: &Arguments) -> Result<Value, String> {
        let mut changed = self.known_filter(id)?.clone();
        if let Some(name) = input.get("name").and_then(Value::as_str) {
            name.clone_into(&mut changed.name);
        }
        if let Some(rules) = input.get("ipFilter").and_then(Value::as_str) {
            filters::check(rules)?;
            rules.clone_into(&mut changed.rules);
        }
        let shown = shown_filter(&changed);
        self.filters.iter_mut().filter(|filter| filter.id == id).for_each(|filter| *filter = changed.clone());
        Ok(shown)
    }

    /// A filter that a token or a policy uses stays (invented).
    fn delete_filter(&mut self, id: &str) -> Result<Value, String> {
        let name = self.known_filter(id)?.name.clone();
        let is_used = |used: &Option<String>| used.as_deref() == Some(id);
        let by_policy = Kind::ALL.iter().any(|kind| is_used(&self.policies.of(*kind).filter));
        if by_policy || self.tokens.iter().any(|token| is_used(&token.filter)) {
            return Err(format!("The IP filter \"{name}\" is in use."));
        }
        self.filters.retain(|filter| filter.id != id);
        Ok(Value::Bool(true))
    }
}
