//! Audit events of installation tokens.

use serde_json::{Value, json};

use super::fql::{Cell, Column, Kind};
use super::shape::{self, Refusal};
use super::{Event, Falcon, list};
use crate::sandbox::clock::format_time;
use crate::sandbox::exchange::{Answer, Incoming};

const COLUMNS: &[Column<Event>] = &[
    Column { name: "id", kind: Kind::Text, read: |event, _| Cell::Text(event.id.clone()) },
    Column { name: "action", kind: Kind::Text, read: |event, _| Cell::Text(event.action.clone()) },
    Column { name: "actor", kind: Kind::Text, read: |event, _| Cell::Text(event.actor.clone()) },
    Column { name: "token_id", kind: Kind::Text, read: |event, _| Cell::Text(event.token_id.clone()) },
    Column { name: "timestamp", kind: Kind::Time, read: |event, _| Cell::Time(Some(event.timestamp)) },
];

/// Newest first where no order is asked for (invented).
pub(super) fn query(falcon: &Falcon, incoming: &Incoming) -> Result<Answer, Refusal> {
    let (page, rows) = list::page(falcon.events.iter().rev(), incoming, COLUMNS)?;
    let ids: Vec<&str> = rows.iter().map(|event| event.id.as_str()).collect();
    Ok(shape::page(incoming, page, &ids))
}

pub(super) fn read(falcon: &Falcon, incoming: &Incoming) -> Result<Answer, Refusal> {
    let ids = incoming.list("ids");
    if ids.is_empty() {
        return Err(Refusal::new(400, "ids is required"));
    }
    let find = |id: &String| falcon.events.iter().find(|event| event.id == *id);
    let found: Vec<Value> = ids.iter().filter_map(find).map(resource).collect();
    let missing: Vec<Value> =
        ids.iter().filter(|id| find(id).is_none()).map(|id| shape::not_found(id)).collect();
    Ok(shape::resources(incoming, &found, &missing))
}

fn resource(event: &Event) -> Value {
    json!({
        "id": event.id,
        "action": event.action,
        "actor": event.actor,
        "description": event.description,
        "timestamp": format_time(event.timestamp),
        "token_id": event.token_id,
    })
}
