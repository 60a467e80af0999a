//! The root of a document: what holds for all of its operations.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::document::{is_since_3_1, scalar};
use super::error::{Effect, SpecError, Warning, token};
use super::members;
use super::reference::Resolve;
use super::security::{security, security_schemes};
use super::server::servers;
use super::warnings::Warnings;
use crate::operation::{
    DeepArrays, ENVIRONMENT_KEYS, Pagination, RegionDef, SchemeUse, ServerDef, ServiceDef,
};

/// The extension of a document, a parameter or an Encoding Object that says how `deepObject` writes lists.
pub(crate) const DEEP_ARRAYS: &str = "x-deep-object-arrays";

/// What a document's root says for operations that do not say it themselves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Defaults {
    pub(crate) security: Vec<Vec<SchemeUse>>,
    pub(crate) servers: Vec<ServerDef>,
    pub(crate) comma_lists: bool,
    /// `x-deep-object-arrays`, where the document says it.
    pub(crate) deep_arrays: Option<DeepArrays>,
    /// Whether the styles of Encoding Objects count in multipart bodies too, which is so since `OpenAPI` 3.1.
    pub(crate) styled_parts: bool,
    pub(crate) pagination: Option<Pagination>,
}

pub(crate) fn defaults(root: &Map<String, Value>, warnings: &mut Warnings) -> Result<Defaults, SpecError> {
    Ok(Defaults {
        security: present(root, "security").map_or(Ok(Vec::new()), |value| security(value, "#/security"))?,
        servers: Vec::new(),
        comma_lists: extension(root, "x-comma-lists", "#", warnings).unwrap_or_default(),
        deep_arrays: extension(root, DEEP_ARRAYS, "#", warnings),
        styled_parts: is_since_3_1(root.get("openapi")),
        pagination: extension(root, "x-pagination", "#", warnings),
    })
}

pub(crate) fn service(
    root: &Map<String, Value>,
    resolver: &dyn Resolve,
    stem: &str,
    warnings: &mut Warnings,
) -> Result<ServiceDef, SpecError> {
    let info = |member: &str| root.get("info").and_then(|info| info.get(member)).and_then(scalar);
    let rate_limit =
        extension(root, "x-rate-limit", "#", warnings).filter(|limit| reset_unit(limit, warnings));
    Ok(ServiceDef {
        name: extension::<String>(root, "x-service", "#", warnings).unwrap_or_else(|| stem.to_owned()),
        title: info("title").unwrap_or_default(),
        version: info("version").unwrap_or_default(),
        document_url: None,
        servers: servers(root, "#", warnings),
        regions: regions(root, warnings),
        discovery: extension(root, "x-region-discovery", "#", warnings),
        environment: environment(root)?,
        base_url_suffixes: extension(root, "x-base-url-suffixes", "#", warnings).unwrap_or_default(),
        security_schemes: security_schemes(root, resolver, warnings)?,
        rate_limit,
        error: extension(root, "x-error", "#", warnings),
        documents: Vec::new(),
    })
}

/// A member that is given and not `null`.
pub(crate) fn present<'v>(map: &'v Map<String, Value>, key: &str) -> Option<&'v Value> {
    map.get(key).filter(|value| !value.is_null())
}

/// An extension of ours; one that does not fit is a warning.
pub(crate) fn extension<T: DeserializeOwned>(
    map: &Map<String, Value>,
    key: &str,
    pointer: &str,
    warnings: &mut Warnings,
) -> Option<T> {
    match T::deserialize(present(map, key)?) {
        Ok(value) => Some(value),
        Err(error) => {
            warnings.push(Warning::new(
                format!("{pointer}/{key}"),
                members::reworded(&error),
                Effect::ExtensionIgnored,
            ));
            None
        }
    }
}

fn reset_unit(limit: &crate::operation::RateLimitHeaders, warnings: &mut Warnings) -> bool {
    match limit.reset_unit.as_deref() {
        None | Some("epoch" | "seconds") => true,
        Some(other) => {
            let problem = format!("the unit `{other}` is neither `epoch` nor `seconds`");
            warnings.push(Warning::new("#/x-rate-limit/reset-unit", problem, Effect::ExtensionIgnored));
            false
        }
    }
}

/// One text, or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

fn environment(root: &Map<String, Value>) -> Result<Vec<(String, Vec<String>)>, SpecError> {
    let Some(value) = present(root, "x-environment") else { return Ok(Vec::new()) };
    let Value::Object(keys) = value else {
        return Err(SpecError::at("#/x-environment", "must be an object of environment variables by key"));
    };
    let mut environment = Vec::with_capacity(keys.len());
    for (key, variables) in keys {
        let pointer = format!("#/x-environment/{}", token(key));
        if !ENVIRONMENT_KEYS.contains(&key.as_str()) {
            return Err(SpecError::at(pointer, format!("`{key}` is no setting that a variable can hold"))
                .hint(format!("Use one of {}.", ENVIRONMENT_KEYS.join(", "))));
        }
        let variables = match OneOrMany::deserialize(variables) {
            Ok(OneOrMany::One(variable)) => vec![variable],
            Ok(OneOrMany::Many(variables)) => variables,
            Err(_) => return Err(SpecError::at(pointer, "must be a list of names of environment variables")),
        };
        environment.push((key.clone(), variables));
    }
    Ok(environment)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Region {
    Url(String),
    Named(NamedRegion),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedRegion {
    url: String,
    #[serde(default)]
    aliases: Vec<String>,
}

fn regions(root: &Map<String, Value>, warnings: &mut Warnings) -> Vec<RegionDef> {
    let Some(Value::Object(regions)) = present(root, "x-regions") else {
        if present(root, "x-regions").is_some() {
            let problem = "must be an object of URLs by name";
            warnings.push(Warning::new("#/x-regions", problem, Effect::ExtensionIgnored));
        }
        return Vec::new();
    };
    let mut found = Vec::with_capacity(regions.len());
    for (name, region) in regions {
        let name = name.clone();
        match Region::deserialize(region) {
            Ok(Region::Url(url)) => found.push(RegionDef { name, url, aliases: Vec::new() }),
            Ok(Region::Named(NamedRegion { url, aliases })) => found.push(RegionDef { name, url, aliases }),
            Err(_) => {
                let pointer = format!("#/x-regions/{}", token(&name));
                let problem = "must be a URL, or an object of `url` and `aliases`";
                warnings.push(Warning::new(pointer, problem, Effect::ExtensionIgnored));
            }
        }
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]
mod tests {
    use serde_json::json;

    use super::super::NoSource;
    use super::super::reference::Whole;
    use super::*;
    use crate::operation::SchemeKind;

    fn read(value: &Value) -> (Result<ServiceDef, SpecError>, Vec<Warning>) {
        let mut warnings = Warnings::default();
        let root = value.as_object().unwrap();
        let service =
            service(root, &Whole::new(value.to_string(), None, &NoSource, ""), "stem", &mut warnings);
        (service, warnings.finish(String::new))
    }

    #[test]
    fn a_root_with_every_extension_is_read_whole() {
        let (service, warnings) = read(&json!({
            "info": {"title": "T", "version": 2},
            "servers": [{"url": "https://{h}:{p}", "variables": {
                "h": {"default": "x", "x-placeholder": true}, "p": {"default": 443, "enum": [443, "8443"]}}}],
            "x-service": "zoo",
            "x-regions": {"a": "https://a", "b": {"url": "https://b", "aliases": ["c"]}},
            "x-region-discovery": {"header": "X-R", "redirect": 308, "endpoints": ["token"]},
            "x-environment": {"base_url": ["A", "B"], "region": "C"},
            "x-base-url-suffixes": ["/x"],
            "x-rate-limit": {"remaining": "L", "reset": "R", "reset-unit": "epoch"},
            "x-error": {"message": "/m"},
            "components": {"securitySchemes": {
                "o": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/t", "scopes": {}}},
                      "x-oauth2": {"member": "m", "revoke": "/r", "revoke-auth": "basic", "grant-type": "omit"}},
                "k": {"type": "apiKey", "in": "header", "name": "X-K"},
                "h": {"type": "http", "scheme": "Bearer"},
                "m": {"type": "mutualTLS"},
                "r": {"$ref": "#/components/securitySchemes/k"}}}
        }));
        let service = service.unwrap();
        assert_eq!(warnings, []);
        assert_eq!((service.name.as_str(), service.version.as_str()), ("zoo", "2"));
        assert!(service.servers[0].variables[0].placeholder);
        assert_eq!(service.servers[0].variables[1].choices, ["443", "8443"]);
        assert_eq!(service.regions[1].aliases, ["c"]);
        assert_eq!(service.environment[1], ("region".to_owned(), vec!["C".to_owned()]));
        let SchemeKind::OAuth2(oauth2) = &service.security_schemes[0].kind else { panic!("no oauth2") };
        assert!(oauth2.revoke_basic && oauth2.omit_grant_type);
        assert_eq!((oauth2.token_url.as_deref(), oauth2.revoke.as_deref()), (Some("/t"), Some("r")));
        assert_eq!(service.security_schemes[2].kind, SchemeKind::Http { scheme: "bearer".to_owned() });
        assert_eq!(service.security_schemes[4].kind, service.security_schemes[1].kind);
    }

    #[test]
    fn faults_in_our_extensions_are_named() {
        let (service, warnings) = read(&json!({"x-error": {"massage": "/m"}, "x-regions": {"a": 1},
            "x-rate-limit": {"reset-unit": "days"}}));
        assert_eq!(service.unwrap().name, "stem");
        let pointers: Vec<&str> = warnings.iter().map(|warning| warning.pointer.as_str()).collect();
        assert_eq!(pointers, ["#/x-rate-limit/reset-unit", "#/x-regions/a", "#/x-error"]);
        let (service, _) = read(&json!({"x-environment": {"user": ["U"]}}));
        assert_eq!(service.unwrap_err().pointer.as_deref(), Some("#/x-environment/user"));
    }
}
