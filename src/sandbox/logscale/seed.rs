//! The tokens, filters and views that are there at every start.

use super::policy::Policies;
use super::{Filter, Kind, LogScale, SECRETS, Token, View};
use crate::sandbox::ids::Ids;

/// 2025-03-03T10:00:00Z.
const FIRST: i64 = 1_740_996_000_000;
const DAY: i64 = 86_400_000;

/// All that an organization token can be granted.
pub(super) const ORGANIZATION_PERMISSIONS: [&str; 23] = [
    "ExportOrganization",
    "ChangeOrganizationPermissions",
    "ChangeIdentityProviders",
    "CreateRepository",
    "ManageUsers",
    "ViewUsage",
    "ChangeOrganizationSettings",
    "ChangeIPFilters",
    "ChangeSessions",
    "ChangeAllViewOrRepositoryPermissions",
    "IngestAcrossAllReposWithinOrganization",
    "DeleteAllRepositories",
    "DeleteAllViews",
    "ViewAllInternalNotifications",
    "ChangeFleetManagement",
    "ViewFleetManagement",
    "ChangeTriggersToRunAsOtherUsers",
    "MonitorQueries",
    "BlockQueries",
    "ChangeSecurityPolicies",
    "ChangeExternalFunctions",
    "ChangeFieldAliases",
    "ManageViewConnections",
];

pub(super) fn state(seed: u64) -> LogScale {
    let mut ids = Ids::new(seed, 3);
    let filters = vec![Filter {
        id: ids.alphanumeric(32),
        name: "office".to_owned(),
        rules: "allow 192.0.2.0/24\ndeny all".to_owned(),
    }];
    let views = ["audit", "firewall", "web"].map(|name| View {
        id: ids.alphanumeric(24),
        name: name.to_owned(),
        is_repository: name != "web",
    });
    let mut tokens = demo();
    tokens.extend(ordinary(&mut ids, &views[1].id));
    LogScale { ids, tokens, filters, views: views.to_vec(), policies: Policies::default(), changed: false }
}

/// The tokens whose secrets are told. They are personal ones of users, so that no change of the policy for
/// organization tokens locks the caller out.
fn demo() -> Vec<Token> {
    let granted: [&[&str]; 2] = [&ORGANIZATION_PERMISSIONS, &["ViewUsage"]];
    let mut tokens = Vec::new();
    for ((role, whole), permissions) in SECRETS.iter().zip(granted) {
        let (id, secret) = whole.split_once('~').unwrap_or((whole, ""));
        let mut token = token(Kind::Personal, role, permissions);
        (token.id, token.secret) = (id.to_owned(), secret.to_owned());
        tokens.push(token);
    }
    tokens
}

fn ordinary(ids: &mut Ids, view: &str) -> Vec<Token> {
    let mut tokens = vec![
        token(Kind::Organization, "fleet management", &["ChangeFleetManagement", "ViewFleetManagement"]),
        token(Kind::Organization, "usage report", &["ViewUsage"]),
        token(Kind::Organization, "query monitor", &["MonitorQueries", "BlockQueries"]),
        token(Kind::View, "firewall dashboard", &["ReadAccess", "OrganizationOwnedQueries"]),
        token(Kind::System, "health check", &["ReadHealthCheck"]),
    ];
    for (place, token) in (1..).zip(tokens.iter_mut()) {
        token.id = ids.alphanumeric(32);
        token.secret = ids.alphanumeric(44);
        token.created = FIRST + place * DAY;
        if token.kind == Kind::View {
            token.views = vec![view.to_owned()];
        }
    }
    tokens
}

fn token(kind: Kind, name: &str, permissions: &[&str]) -> Token {
    Token {
        id: String::new(),
        secret: String::new(),
        kind,
        name: name.to_owned(),
        permissions: permissions.iter().map(|one| (*one).to_owned()).collect(),
        views: Vec::new(),
        expires: None,
        filter: None,
        created: FIRST,
    }
}
