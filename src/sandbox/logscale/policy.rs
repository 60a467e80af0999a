//! What the organization allows and enforces for tokens.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Kind, LogScale, Token};

/// The policy of each kind of token.
#[derive(Debug, Clone, Serialize, Deserialize, Default)]
pub(super) struct Policies {
    personal: Policy,
    view: Policy,
    organization: Policy,
    system: Policy,
}

/// The policy of one kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Policy {
    pub(super) enabled: bool,
    /// The longest life of a token, in milliseconds.
    pub(super) longest: Option<i64>,
    /// The IP filter that every token gets.
    pub(super) filter: Option<String>,
    pub(super) allows_updates: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { enabled: true, longest: None, filter: None, allows_updates: true }
    }
}

impl Policies {
    pub(super) fn of(&self, kind: Kind) -> &Policy {
        match kind {
            Kind::Personal => &self.personal,
            Kind::View => &self.view,
            Kind::Organization => &self.organization,
            Kind::System => &self.system,
        }
    }

    fn of_mut(&mut self, kind: Kind) -> &mut Policy {
        match kind {
            Kind::Personal => &mut self.personal,
            Kind::View => &mut self.view,
            Kind::Organization => &mut self.organization,
            Kind::System => &mut self.system,
        }
    }
}

impl LogScale {
    /// The organization with its policies.
    pub(super) fn organization(&self) -> Value {
        let mut shown = Map::new();
        for kind in Kind::ALL {
            let policy = self.policies.of(kind);
            let name = kind.policy_name();
            shown.insert(format!("{name}Enabled"), json!(policy.enabled));
            shown.insert(format!("{name}EnforceExpirationAfterMs"), json!(policy.longest));
            let filter = policy.filter.as_deref().map(|id| self.filter(id));
            shown.insert(format!("{name}EnforceIpFilter"), json!(filter));
            shown.insert(format!("{name}AllowPermissionUpdates"), json!(policy.allows_updates));
        }
        json!({"id": "demo-organization", "name": "demo", "configs": {"tokens": shown}})
    }

    /// Sets the policies, and carries them out on the tokens that are there.
    ///
    /// An enforcement that is not given is lifted, save that of system tokens, whose every field is optional (both
    /// invented).
    pub(super) fn set_policies(&mut self, input: &Map<String, Value>, now: i64) -> Result<Value, String> {
        let mut policies = self.policies.clone();
        for kind in Kind::ALL {
            let policy = policies.of_mut(kind);
            *policy = wanted(kind, policy, input)?;
            if let Some(filter) = &policy.filter {
                self.known_filter(filter)?;
            }
        }
        self.policies = policies;
        for kind in Kind::ALL {
            self.carry_out(kind, now);
        }
        self.changed = true;
        Ok(self.organization())
    }

    fn carry_out(&mut self, kind: Kind, now: i64) {
        let policy = self.policies.of(kind).clone();
        self.tokens.retain(|token| token.kind != kind || (policy.enabled && fits(token, &policy, now)));
        for token in self.tokens.iter_mut().filter(|token| token.kind == kind) {
            if let Some(longest) = policy.longest {
                let latest = token.created.saturating_add(longest);
                token.expires = Some(token.expires.map_or(latest, |expires| expires.min(latest)));
            }
            if policy.filter.is_some() {
                token.filter.clone_from(&policy.filter);
            }
        }
    }
}

/// Whether a token is younger than the longest life.
fn fits(token: &Token, policy: &Policy, now: i64) -> bool {
    policy.longest.is_none_or(|longest| token.created.saturating_add(longest) > now)
}

fn wanted(kind: Kind, old: &Policy, input: &Map<String, Value>) -> Result<Policy, String> {
    let name = kind.policy_name();
    let get = |suffix: &str| input.get(&format!("{name}{suffix}")).filter(|value| !value.is_null());
    let keeps = kind == Kind::System;
    let longest = get("EnforceExpirationAfterMs").and_then(Value::as_i64);
    if longest.is_some_and(|longest| longest <= 0) {
        return Err(format!("{name}EnforceExpirationAfterMs must be greater than 0"));
    }
    let filter = get("EnforceIpFilterId").and_then(Value::as_str).map(str::to_owned);
    let flag = |suffix, old| get(suffix).and_then(Value::as_bool).unwrap_or(old);
    Ok(Policy {
        enabled: flag("Enabled", old.enabled),
        longest: longest.or(old.longest.filter(|_| keeps)),
        filter: filter.or(old.filter.clone().filter(|_| keeps)),
        allows_updates: flag("AllowPermissionUpdates", old.allows_updates),
    })
}
