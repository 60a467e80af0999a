//! What both ways of reading take from a document's root: its format, and what holds for all operations.

use serde_json::{Map, Value};

use super::document;
use super::error::SpecError;
use super::limits::Budget;
use super::parts::Parts;
use super::reference::Resolve;
use super::security::checked;
use super::service::{self, Defaults};
use super::swagger2::Upgrade;
use super::warnings::Warnings;
use crate::operation::ServiceDef;

/// The members of a root that are read for this; of `components` only the security schemes are.
const MEMBERS: [&str; 24] = [
    "openapi",
    "swagger",
    "asyncapi",
    "arazzo",
    "overlay",
    "info",
    "servers",
    "host",
    "basePath",
    "schemes",
    "consumes",
    "produces",
    "security",
    "securityDefinitions",
    "x-base-url-suffixes",
    "x-comma-lists",
    "x-deep-object-arrays",
    "x-environment",
    "x-error",
    "x-pagination",
    "x-rate-limit",
    "x-region-discovery",
    "x-regions",
    "x-service",
];
const SCHEMES: &str = "/components/securitySchemes";

/// Whether a member of a root is read for this.
pub(crate) fn is_member(key: &str) -> bool {
    MEMBERS.contains(&key)
}

/// Those members of a document, where it is an object.
pub(crate) fn members(parts: &Parts<'_>, budget: &Budget) -> Result<Value, SpecError> {
    let root = parts.text().trim();
    if !root.starts_with('{') {
        return Ok(Value::Null);
    }
    let value = |pointer: String, part| {
        parts.value(part).map_err(|error| SpecError { pointer: Some(pointer), position: None, ..error })
    };
    let mut read = Map::new();
    for key in MEMBERS {
        if let Some(part) = parts.member(root, key, budget) {
            read.insert(key.to_owned(), value(format!("#/{key}"), part)?);
        }
    }
    if let (part, "") = parts.down(SCHEMES, budget) {
        let schemes = value(format!("#{SCHEMES}"), part)?;
        let components = Map::from_iter([("securitySchemes".to_owned(), schemes)]);
        read.insert("components".to_owned(), Value::Object(components));
    }
    Ok(Value::Object(read))
}

/// A root, read.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) format: String,
    pub(crate) upgrade: Option<Upgrade>,
    pub(crate) defaults: Defaults,
    pub(crate) service: ServiceDef,
}

/// Reads a root; `stem` names the service where nothing else does.
pub(crate) fn read(
    root: &Value,
    resolver: &dyn Resolve,
    stem: &str,
    warnings: &mut Warnings,
) -> Result<Head, SpecError> {
    let format = document::detect(root)?;
    let empty = Map::new();
    let map = root.as_object().unwrap_or(&empty);
    let upgrade = Upgrade::of(map);
    let upgraded = upgrade.as_ref().map(|upgrade| upgrade.root(map));
    let map = upgraded.as_ref().unwrap_or(map);
    let before = warnings.kept();
    let mut defaults = service::defaults(map, warnings)?;
    // The upgrade writes the styles itself.
    defaults.styled_parts |= upgrade.is_some();
    let service = service::service(map, resolver, stem, warnings)?;
    defaults.security = checked(defaults.security, &service.security_schemes, "#/security", warnings);
    if upgraded.is_some() {
        for warning in warnings.after(before) {
            warning.pointer =
                warning.pointer.replacen("/components/securitySchemes/", "/securityDefinitions/", 1);
        }
    }
    Ok(Head { format, upgrade, defaults, service })
}
