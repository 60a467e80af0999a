//! What both ways of reading take from a document's root: its format, and what holds for all operations.

use serde_json::{Map, Value};

use super::document;
use super::error::{SpecError, Warning};
use super::reference::Resolve;
use super::security::checked;
use super::service::{self, Defaults};
use super::swagger2::Upgrade;
use crate::operation::ServiceDef;

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
    warnings: &mut Vec<Warning>,
) -> Result<Head, SpecError> {
    let format = document::detect(root)?;
    let empty = Map::new();
    let map = root.as_object().unwrap_or(&empty);
    let upgrade = Upgrade::of(map);
    let upgraded = upgrade.as_ref().map(|upgrade| upgrade.root(map));
    let map = upgraded.as_ref().unwrap_or(map);
    let before = warnings.len();
    let mut defaults = service::defaults(map, warnings)?;
    // The upgrade writes the styles itself.
    defaults.styled_parts |= upgrade.is_some();
    let service = service::service(map, resolver, stem, warnings)?;
    defaults.security = checked(defaults.security, &service.security_schemes, "#/security", warnings);
    if upgraded.is_some() {
        for warning in &mut warnings[before..] {
            warning.pointer =
                warning.pointer.replacen("/components/securitySchemes/", "/securityDefinitions/", 1);
        }
    }
    Ok(Head { format, upgrade, defaults, service })
}
