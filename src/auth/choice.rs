//! Which of an operation's security alternatives a call uses (`OpenAPI` Security Requirement Object): any one of them
//! lets a call in, all schemes of it are needed. Pure.

use std::collections::HashMap;

use super::source::{Need, Source, source};
use crate::error::AuthError;
use crate::operation::{SchemeKind, SchemeUse, SecuritySchemeDef, ServiceDef};
use crate::profile::{Credentials, Setting, variable_of_scheme, variables_for};

/// An operation's alternatives, and what there is to choose among them by.
pub(crate) struct Choice<'a> {
    pub(crate) definition: &'a ServiceDef,
    pub(crate) alternatives: &'a [Vec<SchemeUse>],
    pub(crate) credentials: &'a Credentials,
    /// Whether connections carry a client certificate.
    pub(crate) certificate: bool,
}

/// Up to how many schemes are gone through for each that is looked for.
const FEW: usize = 64;

/// The schemes of a document, by name.
enum Schemes<'a> {
    Few(&'a [SecuritySchemeDef]),
    Many(HashMap<&'a str, &'a SecuritySchemeDef>),
}

impl<'a> Schemes<'a> {
    fn of(all: &'a [SecuritySchemeDef]) -> Self {
        if all.len() <= FEW {
            return Self::Few(all);
        }
        // Of two of one name the first holds.
        Self::Many(all.iter().rev().map(|scheme| (scheme.name.as_str(), scheme)).collect())
    }

    fn find(&self, name: &str) -> Option<&'a SecuritySchemeDef> {
        match self {
            Self::Few(all) => all.iter().find(|scheme| scheme.name == name),
            Self::Many(all) => all.get(name).copied(),
        }
    }
}

impl Choice<'_> {
    fn schemes(&self) -> Schemes<'_> {
        Schemes::of(&self.definition.security_schemes)
    }

    /// The schemes to sign in by. `given` tells which the caller has filled by hand: an alternative of these comes
    /// first, then the first in the document's order that asks for something and is served, then an empty one.
    /// `None` where no alternative is served.
    pub(crate) fn plan(&self, given: &dyn Fn(&SecuritySchemeDef) -> bool) -> Option<Vec<Need>> {
        if self.alternatives.is_empty() {
            return Some(Vec::new());
        }
        let schemes = self.schemes();
        let needs = |uses: &Vec<SchemeUse>| self.needs(uses, &schemes, given).ok();
        let mut all: Vec<_> = self.alternatives.iter().filter_map(needs).collect();
        let is_given = |needs: &Vec<Need>| !needs.is_empty() && needs.iter().all(|need| given(&need.scheme));
        let is_served = |needs: &Vec<Need>| !needs.is_empty() && self.serves(needs, given);
        let chosen = all.iter().position(is_given).or_else(|| all.iter().position(is_served));
        chosen.or_else(|| all.iter().position(Vec::is_empty)).map(|chosen| all.swap_remove(chosen))
    }

    /// What a dry run shows: the plan, or the first alternative where credentials are missing.
    pub(crate) fn shown(&self, given: &dyn Fn(&SecuritySchemeDef) -> bool) -> Vec<Need> {
        let schemes = self.schemes();
        let needs = |uses: &Vec<SchemeUse>| self.needs(uses, &schemes, given).ok();
        let first = || self.alternatives.iter().find_map(needs);
        self.plan(given).or_else(first).unwrap_or_default()
    }

    /// The schemes of one alternative; fails with a name that the document does not describe.
    fn needs<'u>(
        &self,
        uses: &'u [SchemeUse],
        schemes: &Schemes<'_>,
        given: &dyn Fn(&SecuritySchemeDef) -> bool,
    ) -> Result<Vec<Need>, &'u str> {
        // Room for all at once: what is collected out of results grows by doubling.
        let mut needs = Vec::with_capacity(uses.len());
        for one in uses {
            let scheme = schemes.find(&one.scheme).ok_or(one.scheme.as_str())?;
            needs.push(Need { scheme: scheme.clone(), scopes: one.scopes.clone(), own: false });
        }
        let takes_common_key = |need: &Need| {
            matches!(need.scheme.kind, SchemeKind::ApiKey { .. })
                && self.credentials.of_scheme(&need.scheme.name).is_none()
                && !given(&need.scheme)
        };
        if needs.iter().filter(|need| takes_common_key(need)).count() > 1 {
            for need in &mut needs {
                need.own = takes_common_key(need);
            }
        }
        Ok(needs)
    }

    fn source(&self, need: &Need) -> Option<Source> {
        source(self.credentials, need, self.certificate)
    }

    fn serves(&self, needs: &[Need], given: &dyn Fn(&SecuritySchemeDef) -> bool) -> bool {
        needs.iter().all(|need| given(&need.scheme) || self.source(need).is_some())
    }

    /// No alternative is served: names for each what would serve it.
    pub(crate) fn missing(&self, given: &dyn Fn(&SecuritySchemeDef) -> bool) -> AuthError {
        let schemes = self.schemes();
        let lines: Vec<_> = self.alternatives.iter().map(|uses| self.line(uses, &schemes, given)).collect();
        let only = match self.alternatives {
            [uses] => self.needs(uses, &schemes, given).unwrap_or_default(),
            _ => Vec::new(),
        };
        let single = match &only[..] {
            [need] => Some((&need.scheme.kind, self.ways(need))),
            _ => None,
        };
        let half = self.credentials.half.as_ref().map_or_else(String::new, |half| format!(": {half}"));
        let mut problem = format!("no credentials for {}{half}; nothing was sent", self.definition.name);
        let hint = match single {
            Some((kind, _)) if *kind == SchemeKind::MutualTls => {
                "give a client certificate (`client_certificate`), and an https address.".to_owned()
            }
            Some((_, ways)) if ways.is_empty() => {
                "give the profile credentials for the operation's security scheme.".to_owned()
            }
            Some((_, ways)) => {
                format!("set {ways}; each may also be given as a file by its name with _FILE.")
            }
            None => {
                problem.extend(lines.iter().map(|line| format!("\n  {line}")));
                self.way_in(&schemes, given)
            }
        };
        AuthError {
            service: self.definition.name.clone(),
            problem,
            hint: Some(hint),
            status: None,
            trace_id: None,
            retry_after: None,
            attempts: Vec::new(),
            before: Vec::new(),
        }
    }

    /// What to do about several lines, each of which says what is missing of one alternative.
    fn way_in(&self, schemes: &Schemes<'_>, given: &dyn Fn(&SecuritySchemeDef) -> bool) -> String {
        let is_served = |need: &Need| given(&need.scheme) || self.source(need).is_some();
        let lacks = |uses: &Vec<SchemeUse>| {
            self.needs(uses, schemes, given).is_ok_and(|needs| needs.iter().any(|need| !is_served(need)))
        };
        if !self.alternatives.iter().any(lacks) {
            return "correct the security requirement of the document; an overlay can.".to_owned();
        }
        let what =
            if self.alternatives.len() > 1 { "one of these lines names" } else { "is missing of these" };
        format!("set what {what}; each variable may also be given as a file by its name with _FILE.")
    }

    /// One alternative: its schemes, and what serves each.
    fn line(
        &self,
        uses: &[SchemeUse],
        schemes: &Schemes<'_>,
        given: &dyn Fn(&SecuritySchemeDef) -> bool,
    ) -> String {
        let names: Vec<_> = uses.iter().map(|one| one.scheme.as_str()).collect();
        let names = names.join(" and ");
        let needs = match self.needs(uses, schemes, given) {
            Ok(needs) => needs,
            Err(unknown) => return format!("{names}: the document does not describe `{unknown}`"),
        };
        let ways = needs.iter().map(|need| {
            let is_there = given(&need.scheme) || self.source(need).is_some();
            format!("{}{}", self.ways(need), if is_there { " (set)" } else { "" })
        });
        format!("{names}: {}", ways.collect::<Vec<_>>().join("; and "))
    }

    /// What serves a scheme: variables, with `or` between those of one value.
    fn ways(&self, need: &Need) -> String {
        let named = |key| variables_for(self.definition, key).join(" or ");
        let both = |one, two| {
            let names = [named(one), named(two)];
            if names.iter().any(String::is_empty) { String::new() } else { names.join(" and ") }
        };
        let client = || both(Setting::ClientId, Setting::ClientSecret);
        let ways = match &need.scheme.kind {
            _ if need.own || self.credentials.of_scheme(&need.scheme.name).is_some() => Vec::new(),
            SchemeKind::ApiKey { .. } => vec![named(Setting::ApiKey)],
            SchemeKind::Http { scheme } if matches!(scheme.as_str(), "basic" | "digest") => {
                vec![both(Setting::Username, Setting::Password)]
            }
            SchemeKind::OAuth2(flow) if flow.token_url.is_some() || flow.metadata_url.is_some() => {
                vec![client(), named(Setting::AccessToken)]
            }
            SchemeKind::OpenIdConnect { .. } => vec![client(), named(Setting::AccessToken)],
            SchemeKind::MutualTls => vec!["a client certificate, over https".to_owned()],
            _ => vec![named(Setting::AccessToken)],
        };
        let ways: Vec<_> = ways.into_iter().filter(|way| !way.is_empty()).collect();
        if ways.is_empty() {
            return variable_of_scheme(self.definition, &need.scheme.name)
                .unwrap_or_else(|| named(Setting::ApiKey));
        }
        ways.join(", or ")
    }
}

#[cfg(test)]
#[path = "choice_tests.rs"]
mod tests;
