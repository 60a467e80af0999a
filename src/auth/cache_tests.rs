//! Which files of a folder are tokens of a service.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use super::*;

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
    let gone = TokenCache::new(home.path().join("gone"));
    assert_eq!(gone.of_service("pets").unwrap(), [""; 0].map(PathBuf::from));
    let file = TokenCache::new(home.path().join(&own));
    assert!(file.of_service("pets").is_err(), "a file is no folder");
}
