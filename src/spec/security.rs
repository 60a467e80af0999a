//! Security requirements and security schemes (`OpenAPI` Security Requirement Object, Security Scheme Object).

use std::collections::HashMap;

use indexmap::IndexSet;
use openapiv3::{APIKeyLocation, SecurityScheme};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::document::scalar;
use super::error::{Effect, SpecError, Warning, token};
use super::members::{self, Must};
use super::reference::{Resolve, Shared, follow};
use super::service::extension;
use super::warnings::Warnings;
use crate::operation::{ClientAuth, Location, OAuth2Def, SchemeKind, SchemeUse, SecuritySchemeDef};

/// A `security` list: any one of the sets lets a call in.
pub(crate) fn security(value: &Value, pointer: &str) -> Result<Vec<Vec<SchemeUse>>, SpecError> {
    let fault =
        || SpecError::at(pointer, "must be a list of objects: scopes by the name of a security scheme");
    let mut sets = Vec::new();
    for set in value.as_array().ok_or_else(fault)? {
        let mut uses = Vec::new();
        for (scheme, scopes) in set.as_object().ok_or_else(fault)? {
            let scopes = scopes.as_array().into_iter().flatten().filter_map(scalar).collect();
            uses.push(SchemeUse { scheme: scheme.clone(), scopes });
        }
        sets.push(uses);
    }
    Ok(sets)
}

/// Warns of requirements that name a scheme the document does not have, and takes apart those that no request can
/// meet.
pub(crate) fn checked(
    sets: Vec<Vec<SchemeUse>>,
    schemes: &[SecuritySchemeDef],
    pointer: &str,
    warnings: &mut Warnings,
) -> Vec<Vec<SchemeUse>> {
    let schemes: HashMap<&str, &SecuritySchemeDef> =
        schemes.iter().map(|scheme| (scheme.name.as_str(), scheme)).collect();
    for name in sets.iter().flatten().map(|one| &one.scheme) {
        if !schemes.contains_key(name.as_str()) {
            let problem = format!("the document has no security scheme `{name}`");
            warnings.push(Warning::new(pointer, problem, Effect::NoSignIn));
        }
    }
    let mut read = IndexSet::with_capacity(sets.len());
    for set in sets {
        read.extend(apart(set, &schemes, pointer, warnings));
    }
    read.into_iter().collect()
}

/// So many ways are read out of one requirement at most.
const MOST_WAYS: usize = 16;

/// A set of schemes that would stand in one place of a request at once, as `basic` and `bearer` would in
/// `Authorization`, can only mean any one of them.
fn apart(
    set: Vec<SchemeUse>,
    schemes: &HashMap<&str, &SecuritySchemeDef>,
    pointer: &str,
    warnings: &mut Warnings,
) -> Vec<Vec<SchemeUse>> {
    let mut slots: Vec<(Option<String>, Vec<SchemeUse>)> = Vec::with_capacity(set.len());
    let mut filled: HashMap<String, usize> = HashMap::new();
    for one in set {
        let scheme = schemes.get(one.scheme.as_str());
        let slot = scheme.and_then(|scheme| slot_of(&scheme.kind));
        if let Some(number) = slot.as_ref().and_then(|slot| filled.get(slot)) {
            slots[*number].1.push(one);
        } else {
            filled.extend(slot.clone().map(|slot| (slot, slots.len())));
            slots.push((slot, vec![one]));
        }
    }
    for (slot, uses) in slots.iter().filter(|(_, uses)| uses.len() > 1) {
        let names: Vec<_> = uses.iter().map(|one| format!("`{}`", one.scheme)).collect();
        let place = slot.as_deref().unwrap_or_default();
        let problem = format!("{} cannot stand in {place} at once", names.join(" and "));
        warnings.push(Warning::new(pointer, problem, Effect::Assumed));
    }
    if slots.iter().map(|(_, uses)| uses.len()).try_fold(1_usize, usize::checked_mul) > Some(MOST_WAYS) {
        for (_, uses) in &mut slots {
            uses.truncate(1);
        }
    }
    let mut ways = vec![Vec::with_capacity(slots.len())];
    for (_, uses) in slots {
        if let [one] = &uses[..] {
            for way in &mut ways {
                way.push(one.clone());
            }
            continue;
        }
        let with = |way: &Vec<SchemeUse>, one: &SchemeUse| [&way[..], std::slice::from_ref(one)].concat();
        ways =
            ways.iter().flat_map(|way| uses.iter().map(|one| with(way, one)).collect::<Vec<_>>()).collect();
    }
    ways
}

/// The place of a request that a scheme fills, in words.
fn slot_of(kind: &SchemeKind) -> Option<String> {
    let header = |name: &str| Some(format!("the header `{}`", name.to_ascii_lowercase()));
    match kind {
        SchemeKind::ApiKey { location: Location::Query, name } => {
            Some(format!("the query parameter `{name}`"))
        }
        SchemeKind::ApiKey { location: Location::Cookie, name } => Some(format!("the cookie `{name}`")),
        SchemeKind::ApiKey { name, .. } => header(name),
        SchemeKind::MutualTls => None,
        _ => header("Authorization"),
    }
}

pub(crate) fn security_schemes(
    root: &Map<String, Value>,
    resolver: &dyn Resolve,
    warnings: &mut Warnings,
) -> Result<Vec<SecuritySchemeDef>, SpecError> {
    let schemes = root.get("components").and_then(|parts| parts.get("securitySchemes"));
    let schemes = schemes.and_then(Value::as_object);
    let mut found = Vec::with_capacity(schemes.map_or(0, Map::len));
    for (name, scheme) in schemes.into_iter().flatten() {
        let pointer = format!("#/components/securitySchemes/{}", token(name));
        match follow(scheme, resolver, &pointer) {
            Ok(scheme) => {
                if let Shared::Found(scheme) = &scheme {
                    let budget = &resolver.targets().budget;
                    budget.text(size(scheme));
                    budget.check(&pointer)?;
                }
                let kind = scheme_kind(&scheme, &pointer, warnings);
                found.push(SecuritySchemeDef { name: name.clone(), kind });
            }
            Err(error) => warnings.push(Warning::new(pointer, error.problem, Effect::NoSignIn)),
        }
    }
    Ok(found)
}

/// How many bytes a value takes, roughly.
fn size(value: &Value) -> usize {
    let held = match value {
        Value::Object(map) => map.iter().map(|(key, value)| key.len() + size(value)).sum(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::String(text) => text.len(),
        _ => 0,
    };
    size_of::<Value>() + held
}

fn scheme_kind(scheme: &Value, pointer: &str, warnings: &mut Warnings) -> SchemeKind {
    let kind = scheme.get("type").and_then(Value::as_str).unwrap_or_default();
    match (SecurityScheme::deserialize(scheme), kind) {
        (Ok(SecurityScheme::APIKey { location, name, .. }), _) => {
            let location = match location {
                APIKeyLocation::Query => Location::Query,
                APIKeyLocation::Header => Location::Header,
                APIKeyLocation::Cookie => Location::Cookie,
            };
            SchemeKind::ApiKey { location, name }
        }
        (Ok(SecurityScheme::HTTP { scheme, .. }), _) => SchemeKind::Http { scheme: known(scheme) },
        (Ok(SecurityScheme::OpenIDConnect { open_id_connect_url, .. }), _) => {
            SchemeKind::OpenIdConnect { url: open_id_connect_url }
        }
        // The flows are read from the value, as one that lacks `scopes` would not fit the type.
        (Ok(SecurityScheme::OAuth2 { .. }) | Err(_), "oauth2") => {
            SchemeKind::OAuth2(oauth2(scheme, pointer, warnings))
        }
        (_, "mutualTLS") => SchemeKind::MutualTls,
        (Err(error), _) => {
            let problem = misfit(scheme, kind).unwrap_or_else(|| members::reworded(&error));
            warnings.push(Warning::new(pointer, problem, Effect::NoSignIn));
            SchemeKind::Other { kind: kind.to_owned() }
        }
        (Ok(_), _) => SchemeKind::Other { kind: kind.to_owned() },
    }
}

/// The member for which a scheme does not fit.
fn misfit(scheme: &Value, kind: &str) -> Option<String> {
    let kinds: &[_] = &["apiKey", "http", "mutualTLS", "oauth2", "openIdConnect"];
    let more: &[_] = match kind {
        "apiKey" => &[("name", Must::Text, true), ("in", Must::Word(&["query", "header", "cookie"]), true)],
        "http" => &[("scheme", Must::Text, true)],
        "openIdConnect" => &[("openIdConnectUrl", Must::Text, true)],
        _ => &[],
    };
    let of_all = [("type", Must::Word(kinds), true)];
    let Some(map) = scheme.as_object() else { return Some("a security scheme must be an object".to_owned()) };
    members::misfit(map, &of_all).or_else(|| members::misfit(map, more)).map(|(_, problem)| problem)
}

/// Names of HTTP schemes are case-insensitive (RFC 9110 §11.1), but not to every server: those that nobody here
/// knows stay as written.
fn known(scheme: String) -> String {
    let lower = scheme.to_ascii_lowercase();
    if matches!(lower.as_str(), "basic" | "bearer" | "digest") { lower } else { scheme }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct OAuth2Extension {
    member: Option<String>,
    revoke: Option<String>,
    revoke_auth: Option<RevokeAuth>,
    grant_type: Option<GrantType>,
    client_auth: Option<ClientAuth>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RevokeAuth {
    Basic,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum GrantType {
    Omit,
}

/// A path of an extension, which is below the base URL, as a reference; a whole URL stays one.
fn below_base(path: String) -> String {
    if path.contains("://") { path } else { path.trim_start_matches('/').to_owned() }
}

fn oauth2(scheme: &Value, pointer: &str, warnings: &mut Warnings) -> OAuth2Def {
    let map = scheme.as_object();
    let extension: OAuth2Extension =
        map.and_then(|map| extension(map, "x-oauth2", pointer, warnings)).unwrap_or_default();
    let flow = scheme.pointer("/flows/clientCredentials");
    let token_url = flow.and_then(|flow| flow.get("tokenUrl")).and_then(Value::as_str).map(str::to_owned);
    // Asked only for a flow whose endpoint the document leaves to it.
    let metadata_url = scheme
        .get("oauth2MetadataUrl")
        .and_then(Value::as_str)
        .filter(|_| flow.is_some() && token_url.is_none())
        .map(str::to_owned);
    OAuth2Def {
        token_url,
        metadata_url,
        revoke: extension.revoke.map(below_base),
        member: extension.member,
        revoke_basic: extension.revoke_auth.is_some(),
        omit_grant_type: extension.grant_type.is_some(),
        client_auth: extension.client_auth.unwrap_or_default(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use serde_json::json;

    use super::super::NoSource;
    use super::super::reference::Whole;
    use super::*;

    fn read(schemes: &Value) -> (Vec<SecuritySchemeDef>, Vec<Warning>) {
        let root = json!({"components": {"securitySchemes": schemes}});
        let mut warnings = Warnings::default();
        let found = security_schemes(
            root.as_object().unwrap(),
            &Whole::new(root.to_string(), None, &NoSource, ""),
            &mut warnings,
        );
        (found.unwrap(), warnings.finish(String::new))
    }

    fn flow(scheme: &Value) -> OAuth2Def {
        let (found, warnings) = read(&json!({"one": scheme}));
        assert_eq!(warnings, [], "{scheme}");
        match &found[0].kind {
            SchemeKind::OAuth2(flow) => flow.clone(),
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn http_schemes_that_are_known_are_folded_and_others_stay_as_written() {
        for (written, read_as) in [
            ("Bearer", "bearer"),
            ("BASIC", "basic"),
            ("Digest", "digest"),
            ("Token", "Token"),
            ("token", "token"),
        ] {
            let (found, warnings) = read(&json!({"one": {"type": "http", "scheme": written}}));
            assert_eq!(
                (warnings.len(), &found[0].kind),
                (0, &SchemeKind::Http { scheme: read_as.to_owned() })
            );
        }
    }

    #[test]
    fn a_client_credentials_flow_tells_how_the_client_signs_in() {
        let written = |extension: &Value| {
            flow(&json!({"type": "oauth2", "x-oauth2": extension,
                "flows": {"clientCredentials": {"tokenUrl": "https://t.example/t", "scopes": {}}}}))
        };
        assert_eq!(written(&json!({})).client_auth, ClientAuth::Post);
        assert_eq!(written(&json!({"client-auth": "post"})).client_auth, ClientAuth::Post);
        assert_eq!(written(&json!({"client-auth": "basic"})).client_auth, ClientAuth::Basic);
        let scheme = json!({"type": "oauth2", "x-oauth2": {"client-auth": "jwt"}, "flows": {}});
        let (_, warnings) = read(&json!({"one": scheme}));
        assert_eq!(warnings[0].pointer, "#/components/securitySchemes/one/x-oauth2");
        assert!(warnings[0].problem.contains("`basic`") && warnings[0].problem.contains("`post`"));
    }

    fn apart_of(sets: &[&[&str]]) -> (Vec<String>, Vec<Warning>) {
        let schemes = json!({
            "bearer": {"type": "http", "scheme": "bearer"}, "basic": {"type": "http", "scheme": "basic"},
            "raw": {"type": "apiKey", "in": "header", "name": "AUTHORIZATION"},
            "id": {"type": "openIdConnect", "openIdConnectUrl": "https://id.example"},
            "key": {"type": "apiKey", "in": "query", "name": "key"}, "too": {"type": "apiKey", "in": "query", "name": "key"},
            "jar": {"type": "apiKey", "in": "cookie", "name": "key"}, "cert": {"type": "mutualTLS"}});
        let (schemes, told) = read(&schemes);
        assert_eq!(told, []);
        let mut warnings = Warnings::default();
        let one = |name: &&str| SchemeUse { scheme: (*name).to_owned(), scopes: Vec::new() };
        let sets = sets.iter().map(|set| set.iter().map(one).collect()).collect();
        let read = checked(sets, &schemes, "#/security", &mut warnings);
        let told = |set: Vec<SchemeUse>| set.into_iter().map(|one| one.scheme).collect::<Vec<_>>().join("+");
        (read.into_iter().map(told).collect(), warnings.finish(String::new))
    }

    #[test]
    fn schemes_that_stand_in_one_place_mean_any_one_of_them() {
        for set in [&["bearer", "key", "jar", "cert"][..], &[], &["basic"], &["gone", "bearer"]] {
            assert_eq!(apart_of(&[set]).0, [set.join("+")]);
        }
        let (read, warnings) = apart_of(&[&["bearer", "key", "basic"], &["basic", "key"], &[]]);
        assert_eq!(read, ["bearer+key", "basic+key", ""]);
        let told: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "#/security: `bearer` and `basic` cannot stand in the header `authorization` at once (read as the nearest valid form)"
            ]
        );
        let (read, warnings) = apart_of(&[&["bearer", "key", "raw", "too"]]);
        assert_eq!(read, ["bearer+key", "bearer+too", "raw+key", "raw+too"]);
        assert_eq!(warnings.len(), 2);
    }

    #[test]
    fn a_requirement_does_not_grow_without_bounds() {
        let names: Vec<_> = (0..40).map(|number| format!("s{number}")).collect();
        let schemes: Vec<_> = names
            .iter()
            .enumerate()
            .map(|(number, name)| SecuritySchemeDef {
                name: name.clone(),
                kind: SchemeKind::ApiKey { location: Location::Header, name: format!("X-{}", number / 2) },
            })
            .collect();
        let set = names.iter().map(|name| SchemeUse { scheme: name.clone(), scopes: Vec::new() }).collect();
        let read = checked(vec![set], &schemes, "#/security", &mut Warnings::default());
        assert_eq!((read.len(), read[0].len()), (1, 20));
    }

    #[test]
    fn flows_of_later_versions_and_refresh_urls_do_no_harm() {
        let scheme = json!({"type": "oauth2", "oauth2MetadataUrl": "https://m.example/meta", "deprecated": true,
            "flows": {
                "deviceAuthorization": {"deviceAuthorizationUrl": "https://d.example", "tokenUrl": "https://d.example/t",
                    "scopes": {}},
                "clientCredentials": {"tokenUrl": "https://t.example/t", "refreshUrl": "https://t.example/r",
                    "scopes": {"a": "A"}}}});
        let found = flow(&scheme);
        assert_eq!(found.token_url.as_deref(), Some("https://t.example/t"));
        assert_eq!(found.metadata_url, None);
        let device = json!({"type": "oauth2", "oauth2MetadataUrl": "https://m.example/meta",
            "flows": {"deviceAuthorization": {"deviceAuthorizationUrl": "https://d.example", "tokenUrl": "https://d.example/t",
                "scopes": {}}}});
        assert_eq!(flow(&device), OAuth2Def::default());
        let found = flow(&json!({"type": "oauth2", "oauth2MetadataUrl": "https://m.example/meta",
            "flows": {"clientCredentials": {"scopes": {}}}}));
        assert_eq!((found.token_url, found.metadata_url.as_deref()), (None, Some("https://m.example/meta")));
    }
}
