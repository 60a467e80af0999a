//! The accounts of a harness, found by what a call says of its service, its profile and its server. Those of servers
//! that only calls name do not pile up: an idle one goes once many others were called since.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::{Equivalent, IndexMap};

use super::plan::Served;

/// So many are kept without a look at what goes.
const MANY: usize = 512;

/// Of the idle ones so many stay, those that were called last.
const IDLE: usize = MANY / 2;

/// Tokens are never shared between profiles or servers.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct AccountKey {
    pub(super) service: String,
    pub(super) profile: Option<String>,
    pub(super) server: Option<String>,
    pub(super) variables: Vec<(String, String)>,
}

/// The same before it is kept; it hashes alike.
#[derive(Hash)]
pub(super) struct AccountWanted<'a> {
    pub(super) service: &'a str,
    pub(super) profile: Option<&'a str>,
    pub(super) server: Option<&'a str>,
    pub(super) variables: &'a [(String, String)],
}

impl Equivalent<AccountKey> for AccountWanted<'_> {
    fn equivalent(&self, key: &AccountKey) -> bool {
        self.service == key.service
            && self.profile == key.profile.as_deref()
            && self.server == key.server.as_deref()
            && self.variables == key.variables
    }
}

impl AccountKey {
    /// Whether a call names its server; there are as many of those as there are calls, of the others as there are
    /// profiles.
    fn is_of_a_call(&self) -> bool {
        self.server.is_some() || !self.variables.is_empty()
    }
}

/// The accounts of a harness.
#[derive(Default)]
pub(super) struct Accounts(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    all: IndexMap<AccountKey, Entry>,
    /// Counts what was asked for.
    clock: u64,
    /// How many were needed when it was last looked at what goes.
    needed: usize,
}

struct Entry {
    served: Arc<Served>,
    /// When it was asked for last.
    used: u64,
}

impl Accounts {
    /// The one that is there.
    pub(super) fn find(&self, wanted: &AccountWanted<'_>) -> Option<Arc<Served>> {
        let mut kept = self.kept();
        let now = kept.tick();
        let entry = kept.all.get_mut(wanted)?;
        entry.used = now;
        Some(Arc::clone(&entry.served))
    }

    /// Keeps one; where another was quicker, that one counts.
    pub(super) fn keep(&self, key: AccountKey, made: Arc<Served>) -> Arc<Served> {
        let mut kept = self.kept();
        kept.make_room();
        let used = kept.tick();
        Arc::clone(&kept.all.entry(key).or_insert(Entry { served: made, used }).served)
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Arc<Served>> {
        self.kept().all.values().map(|entry| Arc::clone(&entry.served)).collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// Lets idle ones go, the oldest first. Where many are needed it is long until the next look, so that looking costs
    /// each of them little.
    fn make_room(&mut self) {
        if self.all.len() < MANY + 2 * self.needed {
            return;
        }
        let idle = self
            .all
            .iter_mut()
            .filter_map(|(key, entry)| (key.is_of_a_call() && entry.served.is_idle()).then_some(entry.used));
        let mut idle: Vec<_> = idle.collect();
        self.needed = self.all.len() - idle.len();
        idle.sort_unstable();
        idle.truncate(idle.len().saturating_sub(IDLE));
        self.all.retain(|_, entry| idle.binary_search(&entry.used).is_err());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;
    use crate::harness::Dispatch;
    use crate::{Credentials, Harness, Profile};

    fn harness() -> Harness {
        Harness::builder().env(|_| None).build().unwrap()
    }

    fn prepare(harness: &Harness, host: usize) {
        let server = format!("https://host-{host}.example");
        let request = harness.command("tokens_query", ()).server(&server).prepare().unwrap();
        assert!(request.url().starts_with(&server));
    }

    fn count(harness: &Harness) -> usize {
        harness.inner.accounts.kept().all.len()
    }

    fn at(harness: &Harness, host: usize) -> Arc<Served> {
        let server = format!("https://host-{host}.example");
        harness.served("falcon", None, Some(&server), &[]).unwrap()
    }

    #[test]
    fn accounts_of_servers_that_calls_name_do_not_pile_up() {
        let harness = harness();
        let most = (0..20_000).map(|host| {
            prepare(&harness, host);
            count(&harness)
        });
        assert!(most.max().unwrap() <= MANY);
    }

    #[test]
    fn those_of_server_variables_do_not_either() {
        let harness = harness();
        for number in 0..2 * MANY {
            let variables = [("tenant".to_owned(), number.to_string())];
            harness.served("falcon", None, None, &variables).unwrap();
            assert!(count(&harness) <= MANY);
        }
    }

    #[test]
    fn profiles_stay_and_so_do_servers_that_are_called_again_and_again() {
        let profile = Profile::new().named("second").credentials(Credentials::new().client("id", "secret"));
        let harness = Harness::builder().env(|_| None).profile("falcon", profile).build().unwrap();
        let usual = harness.served("falcon", None, None, &[]).unwrap();
        let second = harness.served("falcon", Some("second"), None, &[]).unwrap();
        let account = Arc::downgrade(&at(&harness, 0).account);
        for host in 1..3000 {
            prepare(&harness, host);
            if host % 100 == 0 {
                prepare(&harness, 0);
            }
        }
        assert!(Arc::ptr_eq(&usual, &harness.served("falcon", None, None, &[]).unwrap()));
        assert!(Arc::ptr_eq(&second, &harness.served("falcon", Some("second"), None, &[]).unwrap()));
        assert!(account.upgrade().is_some());
    }

    #[test]
    fn what_a_call_has_a_part_of_stays() {
        let harness = harness();
        let command = |host: usize| {
            let command = harness.command("tokens_query", ());
            Dispatch::of(command.server(format!("https://host-{host}.example"))).unwrap()
        };
        // As many calls as would be too many accounts, all under way.
        let under_way: Vec<_> = (0..MANY).map(command).collect();
        let account = |host: usize| Arc::downgrade(&at(&harness, host).account);
        let accounts: Vec<_> = (0..MANY).map(account).collect();
        for host in MANY..4 * MANY {
            prepare(&harness, host);
        }
        // The one who keeps it, and the plan of the call.
        assert!(accounts.iter().all(|account| account.strong_count() == 2));
        drop(under_way);
        for host in 4 * MANY..8 * MANY {
            prepare(&harness, host);
        }
        assert!(accounts.iter().all(|account| account.strong_count() == 0));
        assert!(count(&harness) <= MANY);
    }
}
