//! The clients, tokens and events that are there at every start.

use super::{Event, Falcon, READ, Rates, SETTINGS_WRITE, Settings, Token, WRITE};
use crate::sandbox::exchange::Region;
use crate::sandbox::ids::Ids;
use crate::sandbox::limit::Windows;

/// An API client. Its secret is a demo value.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) role: &'static str,
    pub(crate) id: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) scopes: &'static [&'static str],
    /// Where it is at home.
    pub(crate) region: Region,
    /// The member accounts that it may act for.
    pub(crate) members: &'static [&'static str],
}

/// The demo clients; the first may do everything.
pub(crate) const CLIENTS: [Client; 4] = [
    Client {
        role: "full",
        id: "00000000000000000000000000000001",
        secret: "demo-secret-full",
        scopes: &[READ, WRITE, SETTINGS_WRITE],
        region: Region::Us1,
        members: &["0000000000000000000000000000c1d1", "0000000000000000000000000000c1d2"],
    },
    Client {
        role: "read-only",
        id: "00000000000000000000000000000002",
        secret: "demo-secret-read-only",
        scopes: &[READ],
        region: Region::Us1,
        members: &[],
    },
    Client {
        role: "no-settings",
        id: "00000000000000000000000000000003",
        secret: "demo-secret-no-settings",
        scopes: &[READ, WRITE],
        region: Region::Us1,
        members: &[],
    },
    Client {
        role: "us-2",
        id: "00000000000000000000000000000004",
        secret: "demo-secret-us-2",
        scopes: &[READ, WRITE, SETTINGS_WRITE],
        region: Region::Us2,
        members: &[],
    },
];

/// 2025-01-06T09:00:00Z.
const FIRST: i64 = 1_736_154_000_000;
const HOUR: i64 = 3_600_000;

/// Labels; the seeded tokens stand in this order, one every 37 hours.
const LABELS: [&str; 12] = [
    "build servers",
    "laptops, Berlin",
    "laptops, Austin",
    "kiosks",
    "contractors",
    "golden image",
    "lab",
    "data centre east",
    "data centre west",
    "point of sale",
    "research",
    "mobile workshop",
];

pub(super) fn state(seed: u64) -> Falcon {
    let mut ids = Ids::new(seed, 1);
    let mut tokens = Vec::new();
    let mut events = Vec::new();
    for (place, label) in (0..).zip(LABELS) {
        let token = token(&mut ids, place, label);
        events.push(event(&mut ids, &token, "token_create", token.created));
        if let Some(revoked) = token.revoked {
            events.push(event(&mut ids, &token, "token_revoke", revoked));
        }
        tokens.push(token);
    }
    events.sort_by_key(|event| event.timestamp);
    Falcon {
        ids,
        bearers: Vec::new(),
        settings: Settings { tokens_required: true, max_active_tokens: 1000 },
        tokens,
        events,
        windows: Windows::default(),
        rates: Rates::default(),
        changed: false,
    }
}

/// The fifth and the ninth are revoked, the seventh and the eleventh have expired; the others stay valid for ever.
fn token(ids: &mut Ids, place: i64, label: &str) -> Token {
    let created = FIRST + place * 37 * HOUR;
    let expired = matches!(place, 6 | 10);
    Token {
        id: ids.hex(32),
        label: label.to_owned(),
        value: value(ids),
        kind: "customer_managed".to_owned(),
        created,
        expires: expired.then_some(created + 90 * 24 * HOUR),
        last_used: (place % 3 == 0).then_some(created + 50 * HOUR),
        revoked: matches!(place, 4 | 8).then_some(created + 200 * HOUR),
    }
}

/// A token's value: groups of eight hexadecimal digits (the shape is invented).
pub(super) fn value(ids: &mut Ids) -> String {
    let groups: Vec<String> = (0..4).map(|_| ids.hex(8)).collect();
    groups.join("-")
}

fn event(ids: &mut Ids, token: &Token, action: &str, timestamp: i64) -> Event {
    Event {
        id: ids.hex(32),
        action: action.to_owned(),
        actor: CLIENTS[0].id.to_owned(),
        description: format!("{} {}", action.replace('_', " "), token.label),
        timestamp,
        token_id: token.id.clone(),
    }
}
