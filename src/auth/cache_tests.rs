//! Which files of a folder are tokens of a service, which of them serve, and what is told of the others.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::*;

/// Why tokens were passed over, as warned of.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Visit for Warnings {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "why" {
            self.0.lock().unwrap().push(format!("{value:?}"));
        }
    }
}

const SINCE: SystemTime = UNIX_EPOCH;
const LIFETIME: Duration = Duration::from_secs(1800);

/// A place for the token of a secret, in a folder.
fn slot(folder: &Path, scope: &str, secret: &str) -> Slot {
    let identity = Identity { service: "pets", scheme: "oauth", client: Some("id"), ..Identity::default() };
    TokenCache::new(folder.to_owned()).slot(&identity, &[scope.to_owned()], &secret.into())
}

fn write(slot: &Slot) {
    let kept = Kept { token: "t0ken".into(), since: SINCE + LIFETIME, lifetime: LIFETIME, region: None };
    private_files::write(&slot.file, &[&slot.encode(&kept).unwrap()]).unwrap();
}

/// What is found so long after the token was asked for, less its life; and what is warned of.
fn found(slot: &Slot, now: Duration) -> (Option<String>, Vec<String>) {
    let warnings = Warnings::default();
    let kept = tracing::subscriber::with_default(warnings.clone(), || slot.find(SINCE + now));
    let warned = warnings.0.lock().unwrap().clone();
    (kept.map(|kept| kept.token.expose_secret().to_owned()), warned)
}

#[test]
fn a_token_serves_from_when_it_was_asked_for_to_its_end() {
    let home = tempfile::tempdir().unwrap();
    let slot = slot(home.path(), "read", "s3cret");
    assert_eq!(found(&slot, LIFETIME), (None, vec![]), "nothing was kept, and that is no news");
    write(&slot);
    let moment = Duration::from_millis(1);
    for now in [LIFETIME, (LIFETIME * 2).saturating_sub(moment)] {
        assert_eq!(found(&slot, now), (Some("t0ken".to_owned()), vec![]), "{now:?}");
    }
    assert_eq!(found(&slot, LIFETIME * 2), (None, vec![]), "it is over");
    let (kept, warned) = found(&slot, LIFETIME.saturating_sub(moment));
    assert_eq!((kept, &*warned[0]), (None, "\"the clock stands before the time it was fetched at\""));
}

#[test]
fn what_does_not_serve_is_passed_over_with_a_word() {
    let home = tempfile::tempdir().unwrap();
    let kept = slot(home.path(), "read", "s3cret");
    write(&kept);
    assert_eq!(found(&slot(home.path(), "read", "other"), LIFETIME), (None, vec![]), "another secret's");
    let other = slot(home.path(), "write", "s3cret");
    std::fs::copy(&kept.file, &other.file).unwrap();
    assert_eq!(found(&other, LIFETIME), (None, vec!["\"it is damaged\"".to_owned()]), "another name's");
    std::fs::set_permissions(&kept.file, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(found(&kept, LIFETIME), (None, vec!["\"it is open to other users\"".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_waited_for_and_not_for_ever() {
    let home = tempfile::tempdir().unwrap();
    let slot = slot(home.path(), "read", "s3cret");
    let held = slot.lock(PATIENCE, &mut None).await.unwrap();
    let started = Instant::now();
    assert!(slot.lock(PATIENCE, &mut None).await.is_err());
    let waited = started.elapsed();
    assert!(PATIENCE <= waited && waited <= PATIENCE + PAUSES.1, "{waited:?}");
    let given_back = tokio::spawn(async {
        tokio::time::sleep(PATIENCE / 2).await;
        drop(held);
    });
    assert!(slot.lock(PATIENCE, &mut None).await.is_ok());
    given_back.await.unwrap();
}

#[test]
fn only_what_is_named_as_a_token_of_a_service_is_one_of_its() {
    let home = tempfile::tempdir().unwrap();
    let cache = TokenCache::new(home.path().to_owned());
    let (account, short) = ("0a".repeat(32), "0123456789abcdef");
    let own = format!("pets-{account}-{short}.token");
    let others = [
        format!("pets-{account}-{short}.lock"),
        format!("cars-{account}-{short}.token"),
        format!("pets-{account}-{short}0.token"),
        format!("pets-{account}0-{short}.token"),
        format!("pets-{account}-0123456789abcdeg.token"),
        format!("pets-{}-{short}.token", "0g".repeat(32)),
        format!("pets-{account}.token"),
        format!("pets-{account}-ab.token"),
        format!("pets-ab-{short}.token"),
        "pets--.token".to_owned(),
        "notes.txt".to_owned(),
    ];
    for name in others.iter().chain([&own]) {
        std::fs::write(home.path().join(name), "").unwrap();
    }
    assert_eq!(cache.of_service("pets").unwrap(), [home.path().join(&own)]);
    assert_eq!(cache.folder(), home.path());
    let half = format!("pets-{}-{short}.token", "0b".repeat(32));
    for name in [&own, &half] {
        std::fs::write(home.path().join(format!("{name}.new")), "half").unwrap();
    }
    let both = [home.path().join(&own), home.path().join(&half)];
    assert_eq!(cache.of_service("pets").unwrap(), both, "what a killed writer left is of its place");
    let gone = TokenCache::new(home.path().join("gone"));
    assert_eq!(gone.of_service("pets").unwrap(), [""; 0].map(PathBuf::from));
    let file = TokenCache::new(home.path().join(&own));
    assert!(file.of_service("pets").is_err(), "a file is no folder");
}

#[test]
fn a_token_may_be_as_long_as_a_header_field() {
    let home = tempfile::tempdir().unwrap();
    let slot = slot(home.path(), "read", "s3cret");
    let token = "t".repeat(64 * 1024);
    let kept =
        Kept { token: token.as_str().into(), since: SINCE + LIFETIME, lifetime: LIFETIME, region: None };
    private_files::write(&slot.file, &[&slot.encode(&kept).unwrap()]).unwrap();
    assert_eq!(found(&slot, LIFETIME).0, Some(token));
}
