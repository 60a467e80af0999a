//! The customer's settings for installation tokens.

use serde_json::{Map, Value, json};

use super::shape::{self, Refusal};
use super::{Falcon, Settings};
use crate::sandbox::exchange::{Answer, Incoming};

fn resource(settings: &Settings) -> Value {
    json!({"tokens_required": settings.tokens_required, "max_active_tokens": settings.max_active_tokens})
}

pub(super) fn read(falcon: &Falcon, incoming: &Incoming) -> Answer {
    shape::resources(incoming, &[resource(&falcon.settings)], &[])
}

/// What is given replaces, what is absent stays.
pub(super) fn update(falcon: &mut Falcon, incoming: &Incoming) -> Result<Answer, Refusal> {
    let body = incoming.object().map_err(|problem| Refusal::new(400, &problem))?;
    let settings = merged(&falcon.settings, &body).map_err(|problem| Refusal::new(400, problem))?;
    falcon.settings = settings;
    falcon.changed = true;
    Ok(shape::written(incoming, 200, &[resource(&falcon.settings)]))
}

fn merged(old: &Settings, body: &Map<String, Value>) -> Result<Settings, &'static str> {
    let mut settings = old.clone();
    match body.get("tokens_required") {
        None => {}
        Some(Value::Bool(required)) => settings.tokens_required = *required,
        Some(_) => return Err("tokens_required must be a boolean"),
    }
    match body.get("max_active_tokens").map(Value::as_i64) {
        None => {}
        Some(Some(most)) if most > 0 => settings.max_active_tokens = most,
        Some(_) => return Err("max_active_tokens must be an integer greater than 0"),
    }
    Ok(settings)
}
