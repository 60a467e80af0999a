//! Panther: API tokens.
//!
//! A machine without sockets: [`Panther::handle`] takes a request and gives the answer. The bodies of 401 and 403
//! and the moment at which a rotated value ends are invented.

mod tokens;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::address::Network;
use super::clock::parse_time;
use super::exchange::{Answer, Incoming};
use super::ids::Ids;

/// The operations that have a state machine, as (ID, method, path).
pub(crate) const ROUTES: [(&str, &str, &str); 6] = [
    ("api token#list", "GET", "/api-tokens"),
    ("api token#create", "POST", "/api-tokens"),
    ("api token#get", "GET", "/api-tokens/{id}"),
    ("api token#update", "POST", "/api-tokens/{id}"),
    ("api token#delete", "DELETE", "/api-tokens/{id}"),
    ("api token#rotate", "POST", "/api-tokens/{id}/rotate"),
];

const READ: &str = "OrganizationAPITokenRead";
const MODIFY: &str = "OrganizationAPITokenModify";

/// The permissions of the service as of 2026-07.
const PERMISSIONS: [&str; 39] = [
    "AIRunAsModify",
    "AlertModify",
    "AlertRead",
    "BulkUpload",
    "BulkUploadValidate",
    "CloudsecSourceModify",
    "CloudsecSourceRead",
    "DataAnalyticsModify",
    "DataAnalyticsRead",
    "DestinationModify",
    "DestinationRead",
    "GeneralSettingsModify",
    "GeneralSettingsRead",
    "LogSourceModify",
    "LogSourceRawDataRead",
    "LogSourceRead",
    "LookupModify",
    "LookupRead",
    "ManageAIResponses",
    "ManageAISkills",
    "ManageScheduledPrompts",
    "McpServerModify",
    "McpServerRead",
    "NotificationsSend",
    "OrganizationAPITokenModify",
    "OrganizationAPITokenRead",
    "PolicyModify",
    "PolicyRead",
    "ResourceModify",
    "ResourceRead",
    "RuleModify",
    "RuleRead",
    "RunPantherAI",
    "SummaryRead",
    "UserModify",
    "UserRead",
    "ViewAIPrivateResponses",
    "ViewAISkills",
    "ViewScheduledPrompts",
];

/// The values of the seeded tokens as (role, value); the first may do everything.
pub(crate) const KEYS: [(&str, &str); 3] =
    [("admin", "demo-panther-admin"), ("read-only", "demo-panther-read-only"), ("weak", "demo-panther-weak")];

/// The whole state of the service.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Panther {
    ids: Ids,
    tokens: Vec<Token>,
    /// How many tokens a page of the list has; without it the list is one page.
    #[serde(skip)]
    pub(crate) page: Option<usize>,
    /// Whether something is to be saved.
    #[serde(skip)]
    pub(crate) changed: bool,
}

/// An API token; times in milliseconds since the epoch.
#[derive(Clone, Serialize, Deserialize)]
struct Token {
    id: String,
    name: String,
    value: String,
    permissions: Vec<String>,
    blocks: Vec<String>,
    created: i64,
    created_by: Actor,
    updated: Option<i64>,
    updated_by: Option<Actor>,
    rotated: Option<i64>,
    last_used: Option<i64>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Token {
    fn may(&self, permission: &str) -> bool {
        self.permissions.iter().any(|own| own == permission)
    }

    /// Without blocks every address is welcome.
    fn welcomes(&self, incoming: &Incoming) -> bool {
        let mut blocks = self.blocks.iter().filter_map(|block| Network::parse_block(block));
        self.blocks.is_empty() || blocks.any(|block| block.contains(incoming.peer))
    }
}

/// Who did something; the type is one of `user`, `api-token`, `system`.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Actor {
    id: String,
    #[serde(rename = "type")]
    kind: String,
}

/// A refusal on its way to becoming an answer.
struct Refusal(u16, String);

impl Refusal {
    fn new(status: u16, message: &str) -> Self {
        Self(status, message.to_owned())
    }
}

/// A refusal in the service's shape.
pub(crate) fn refuse(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({"message": message}))
}

impl Panther {
    /// The state of every start with this seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut ids = Ids::new(seed, 2);
        let user = Actor { id: ids.uuid(), kind: "user".to_owned() };
        let granted: [&[&str]; 3] =
            [&[READ, MODIFY, "AlertRead", "RuleRead", "UserRead"], &[READ], &["AlertRead"]];
        let names = ["administration", "inventory", "alert bridge"];
        // 2025-02-03T08:00:00Z.
        let first = parse_time("2025-02-03T08:00:00Z").unwrap_or_default();
        let mut tokens = Vec::new();
        for (place, ((_, value), (name, permissions))) in
            (0..).zip(KEYS.iter().zip(names.iter().zip(granted)))
        {
            tokens.push(Token {
                id: ids.uuid(),
                name: (*name).to_owned(),
                value: (*value).to_owned(),
                permissions: permissions.iter().map(|one| (*one).to_owned()).collect(),
                blocks: Vec::new(),
                created: first + place * 86_400_000,
                created_by: user.clone(),
                updated: None,
                updated_by: None,
                rotated: None,
                last_used: None,
            });
        }
        Self { ids, tokens, page: None, changed: false }
    }

    /// Plays one of [`ROUTES`].
    pub(crate) fn handle(&mut self, id: &str, incoming: &Incoming) -> Answer {
        let caller = match self.enter(incoming) {
            Ok(caller) => caller,
            Err(Refusal(status, message)) => return refuse(status, &message),
        };
        let outcome = match id {
            "api token#list" => self.list(&caller, incoming),
            "api token#create" => self.create(&caller, incoming),
            "api token#get" => self.get(&caller, incoming),
            "api token#update" => self.update(&caller, incoming),
            "api token#delete" => self.delete(&caller, incoming),
            "api token#rotate" => self.rotate(&caller, incoming),
            _ => Err(Refusal::new(404, "not found")),
        };
        self.touch(&caller, incoming.now);
        outcome.unwrap_or_else(|Refusal(status, message)| refuse(status, &message))
    }

    /// Whether a request of another operation may come in; the refusal where it may not.
    pub(crate) fn admit(&mut self, incoming: &Incoming) -> Result<(), Answer> {
        match self.enter(incoming) {
            Ok(caller) => {
                self.touch(&caller, incoming.now);
                Ok(())
            }
            Err(Refusal(status, message)) => Err(refuse(status, &message)),
        }
    }

    fn enter(&self, incoming: &Incoming) -> Result<Token, Refusal> {
        let key = incoming.header("x-api-key").filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| Refusal::new(401, "Unauthorized"))?;
        let caller = self.tokens.iter().find(|token| token.value == key);
        let caller = caller.ok_or_else(|| Refusal::new(401, "Unauthorized"))?;
        if caller.welcomes(incoming) {
            Ok(caller.clone())
        } else {
            Err(Refusal::new(403, "the API token may not be used from this address"))
        }
    }

    /// A use shows from the next call on.
    fn touch(&mut self, caller: &Token, now: i64) {
        if let Some(token) = self.tokens.iter_mut().find(|token| token.id == caller.id) {
            token.last_used = Some(now);
            self.changed = true;
        }
    }
}
