//! Files that are not as they were written, folders that cannot be written, clocks that were set.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::{TOKEN, call, craft, flow, harness, now, only_file, read};
use crate::support::in_region;

/// Makes a call with a file that was changed, and says whether it asked for a new token, which then is kept.
async fn renews(home: &Path, change: impl FnOnce(&Path)) -> bool {
    let server = flow(|_| true);
    call(&harness(&server, home)).await;
    let file = only_file(home);
    change(&file);
    call(&harness(&server, home)).await;
    let asked = server.count(TOKEN) == 2;
    let token = fs::symlink_metadata(&file).unwrap();
    assert!(token.is_file(), "what stands there is a file again");
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&token) & 0o777, 0o600);
    assert_eq!(read(&file)["token"], if asked { "t2" } else { "t1" });
    call(&harness(&server, home)).await;
    assert_eq!(server.count(TOKEN), 1 + usize::from(asked), "the new one serves");
    fs::remove_file(file).unwrap();
    asked
}

#[tokio::test]
async fn a_file_that_is_cut_anywhere_is_replaced() {
    let home = tempfile::tempdir().unwrap();
    let server = flow(|_| true);
    call(&harness(&server, home.path())).await;
    let file = only_file(home.path());
    let whole = fs::read(&file).unwrap();
    for length in 0..whole.len() {
        let tokens = server.count(TOKEN);
        let written = fs::read(&file).unwrap();
        fs::write(&file, &written[..length.min(written.len() - 1)]).unwrap();
        call(&harness(&server, home.path())).await;
        assert_eq!(server.count(TOKEN), tokens + 1, "cut after {length} bytes");
        assert_eq!(read(&file)["token"], format!("t{}", tokens + 1));
    }
    eprintln!("promise 15: cut after each of {} bytes, 0 corrupt reads", whole.len());
}

#[tokio::test]
async fn a_file_with_a_changed_byte_is_replaced() {
    let home = tempfile::tempdir().unwrap();
    let server = flow(|_| true);
    call(&harness(&server, home.path())).await;
    let file = only_file(home.path());
    let length = fs::read(&file).unwrap().len();
    for at in (0..length).step_by(7) {
        let tokens = server.count(TOKEN);
        let mut written = fs::read(&file).unwrap();
        let at = at.min(written.len() - 1);
        written[at] ^= 1;
        fs::write(&file, &written).unwrap();
        call(&harness(&server, home.path())).await;
        assert_eq!(server.count(TOKEN), tokens + 1, "byte {at}");
    }
}

#[tokio::test]
async fn what_is_no_token_file_is_replaced() {
    let home = tempfile::tempdir().unwrap();
    let long = vec![b'a'; 300_000];
    let junk: [&[u8]; 6] = [b"\n", b"{}", &[0; 300], &[0xff; 5000], b"t1", &long];
    for junk in junk {
        assert!(renews(home.path(), |file| fs::write(file, junk).unwrap()).await);
    }
    for (member, value) in [
        ("format", json!(2)),
        ("key", json!("0".repeat(64))),
        ("token", json!("")),
        ("token", json!(null)),
        ("client", json!("0".repeat(64))),
        ("since", json!(-1)),
        ("lifetime", json!("1799000")),
    ] {
        let crafted = renews(home.path(), |file| craft(file, |entry| entry[member] = value.clone())).await;
        assert!(crafted, "{member}: {value}");
    }
    assert!(!renews(home.path(), |_| {}).await, "one that is as it was written serves");
    assert!(!renews(home.path(), |file| craft(file, |_| {})).await, "and so does one that says the same");
}

#[tokio::test]
async fn a_token_of_another_name_does_not_serve() {
    let home = tempfile::tempdir().unwrap();
    let server = flow(|_| true);
    call(&harness(&server, home.path())).await;
    let file = only_file(home.path());
    let elsewhere = flow(|_| true);
    let foreign = {
        let other = tempfile::tempdir().unwrap();
        call(&harness(&elsewhere, other.path())).await;
        fs::read(only_file(other.path())).unwrap()
    };
    fs::write(&file, foreign).unwrap();
    call(&harness(&server, home.path())).await;
    assert_eq!(server.count(TOKEN), 2);
}

#[tokio::test]
async fn a_clock_that_was_set_renews_and_never_lengthens_a_life() {
    let home = tempfile::tempdir().unwrap();
    let life = 1_799_000;
    // How old the token seems to be, in milliseconds, and whether it is renewed.
    for (age, is_renewed) in [
        (0, false),
        (1_600_000, false),
        (life - 119_000, true),
        (life, true),
        (i64::from(u32::MAX), true),
        (-1_000, true),
        (-24 * 3_600_000, true),
        (i64::MIN / 2, true),
    ] {
        let since = u64::try_from(i64::try_from(now()).unwrap().saturating_sub(age)).unwrap_or(u64::MAX);
        let found = renews(home.path(), |file| craft(file, |entry| entry["since"] = since.into())).await;
        assert_eq!(found, is_renewed, "{age}");
    }
    for since in [0, u64::MAX] {
        assert!(renews(home.path(), |file| craft(file, |entry| entry["since"] = since.into())).await);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn links_and_files_of_others_are_replaced() {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    let home = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("target");
    let moved = |file: &Path| {
        fs::rename(file, &target).unwrap();
        symlink(&target, file).unwrap();
    };
    assert!(renews(home.path(), moved).await);
    assert_eq!(read(&target)["token"], "t1", "what the link leads to is untouched");
    let dangling = |file: &Path| {
        fs::remove_file(file).unwrap();
        symlink("/no/such/file", file).unwrap();
    };
    assert!(renews(home.path(), dangling).await);
    for mode in [0o644, 0o640, 0o606, 0o660] {
        let open = |file: &Path| fs::set_permissions(file, PermissionsExt::from_mode(mode)).unwrap();
        assert!(renews(home.path(), open).await, "{mode:o}");
    }
    let probe = elsewhere.path().join("probe");
    fs::write(&probe, "").unwrap();
    if chown(&probe, Some(12_345), None).is_err() {
        eprintln!("skipped: only root can give files away");
        return;
    }
    assert!(renews(home.path(), |file| chown(file, Some(12_345), None).unwrap()).await);
    chown(home.path(), Some(12_345), None).unwrap();
    let server = flow(|_| true);
    for count in 1..=2 {
        call(&harness(&server, home.path())).await;
        assert_eq!(server.count(TOKEN), count, "a folder of another user is not used");
    }
    assert_eq!(super::files(home.path(), "token").len(), 0);
}

#[tokio::test]
async fn calls_are_made_where_nothing_can_be_kept() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    let server = flow(|_| true);
    for folder in [file.clone(), file.join("below"), "/proc/no/such".into()] {
        call(&harness(&server, &folder)).await;
    }
    assert_eq!(server.count(TOKEN), 3);
}

#[tokio::test]
async fn who_cannot_have_the_lock_goes_on_without_the_cache() {
    let home = tempfile::tempdir().unwrap();
    let server = flow(|_| true);
    call(&harness(&server, home.path())).await;
    let file = only_file(home.path());
    fs::remove_file(&file).unwrap();
    let lock = fs::File::open(file.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let started = std::time::Instant::now();
    let hurried =
        in_region(&server).token_cache(home.path()).max_time(Duration::from_secs(4)).build().unwrap();
    call(&hurried).await;
    let waited = started.elapsed().as_millis();
    assert!((3_000..4_000).contains(&waited), "three quarters of its time: {waited}");
    assert!(!file.exists() && server.count(TOKEN) == 2);
    lock.unlock().unwrap();
    call(&harness(&server, home.path())).await;
    assert_eq!(read(&file)["token"], "t3");
}
