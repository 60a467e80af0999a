//! Tokens kept in a folder: who gets them, who does not, and what becomes of a file that is not as it was written.

mod cancelled;
mod damage;
#[cfg(all(feature = "cli", unix))]
mod killed;
mod skew;
mod waits;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opcall::{Credentials, Harness, HarnessBuilder, Profile, WaitReason};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::{Reply, Server, builder, client, in_region};

pub(crate) const TOKEN: &str = "/oauth2/token";
const QUERY: &str = "/installation-tokens/queries/tokens/v1";

/// Gives tokens t1, t2, ... that live for half an hour, and takes those that are good.
fn flow(is_good: impl Fn(&str) -> bool + Send + Sync + 'static) -> Server {
    let given = std::sync::atomic::AtomicUsize::new(0);
    Server::start(move |request, _| {
        if request.target == TOKEN {
            let number = given.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
            return Reply::token(&format!("t{number}"), 1799);
        }
        let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        match bearer {
            Some(token) if is_good(token) => Reply::json(200, r#"{"resources":[]}"#),
            _ => Reply::json(401, r#"{"errors":[{"message":"access denied, invalid bearer token"}]}"#),
        }
    })
}

fn harness(server: &Server, folder: &Path) -> Harness {
    in_region(server).token_cache(folder).build().unwrap()
}

async fn call(harness: &Harness) -> usize {
    harness.command("tokens_query", ()).await.unwrap().attempts().len()
}

/// The files of a folder with an ending.
pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|found| found == ending)).collect()
}

pub(crate) fn only_file(folder: &Path) -> PathBuf {
    let mut files = files(folder, "token");
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

/// What a token file says.
pub(crate) fn read(file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap();
    let (hash, json) = text.split_once('\n').unwrap();
    assert_eq!(hash, digest(json), "{}", file.display());
    serde_json::from_str(json).unwrap()
}

/// Writes a token file as the program would, with other contents.
pub(crate) fn craft(file: &Path, change: impl FnOnce(&mut Value)) {
    let mut entry = read(file);
    change(&mut entry);
    let json = entry.to_string();
    fs::write(file, format!("{}\n{json}", digest(&json))).unwrap();
}

fn digest(json: &str) -> String {
    use std::fmt::Write as _;

    Sha256::digest(json).iter().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").unwrap();
        digits
    })
}

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

#[tokio::test]
async fn the_next_process_needs_no_token_of_its_own() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("new/tokens");
    let server = flow(|token| token == "t1");
    for _ in 0..3 {
        assert_eq!(call(&harness(&server, &folder)).await, 1);
    }
    assert_eq!((server.count(TOKEN), server.count(QUERY)), (1, 3));

    let file = only_file(&folder);
    let entry = read(&file);
    assert_eq!((entry["token"].as_str(), entry["lifetime"].as_u64()), (Some("t1"), Some(1_799_000)));
    let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "a token and its lock: {names:?}");
    for name in names {
        let name = name.into_string().unwrap();
        let stem = name.split('.').next().unwrap();
        let [service, account, scopes] = stem.split('-').collect::<Vec<_>>()[..] else { panic!("{name}") };
        assert_eq!((service, account.len(), scopes.len()), ("falcon", 64, 16), "{name}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
    }
}

#[tokio::test]
async fn nothing_is_kept_unless_it_is_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let server = flow(|_| true);
    call(&in_region(&server).build().unwrap()).await;
    call(&in_region(&server).token_cache_for("panther", home.path()).build().unwrap()).await;
    assert_eq!((server.count(TOKEN), fs::read_dir(home.path()).unwrap().count()), (2, 0));
    call(&in_region(&server).token_cache_for("falcon", home.path()).build().unwrap()).await;
    only_file(home.path());
}

#[tokio::test]
async fn secrets_that_were_given_are_never_kept() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(|_, _| Reply::json(200, r#"{"results":[]}"#));
    let with = |service: &str, credentials: Credentials| {
        builder()
            .token_cache(home.path())
            .profile(service, Profile::new().base_url(server.url()).credentials(credentials))
            .build()
            .unwrap()
    };
    let given = client().access_token("given");
    with("falcon", given).command("tokens_query", ()).await.unwrap();
    #[cfg(feature = "panther")]
    with("panther", Credentials::new().api_key("given")).command("api_token_list", ()).await.unwrap();
    assert_eq!((server.count(TOKEN), fs::read_dir(home.path()).unwrap().count()), (0, 0));
}

#[tokio::test]
async fn a_token_is_its_clients_alone() {
    let home = tempfile::tempdir().unwrap();
    let server = flow(|_| true);
    let with = |credentials: Credentials| -> HarnessBuilder {
        in_region(&server).token_cache(home.path()).profile("falcon", Profile::new().credentials(credentials))
    };
    call(&with(client()).build().unwrap()).await;
    let others = [
        Credentials::new().client("id2", "s&cret"),
        client().member("child"),
        Credentials::new().client("i", "ds&cret"),
    ];
    for (number, other) in others.into_iter().enumerate() {
        call(&with(other).build().unwrap()).await;
        assert_eq!(server.count(TOKEN), number + 2);
    }
    assert_eq!(files(home.path(), "token").len(), 4);
    let elsewhere = flow(|_| true);
    call(&harness(&elsewhere, home.path())).await;
    assert_eq!((elsewhere.count(TOKEN), files(home.path(), "token").len()), (1, 5));
    call(&with(client()).build().unwrap()).await;
    assert_eq!(server.count(TOKEN), 4, "its own is still there");
}

#[tokio::test]
async fn who_does_not_have_the_secret_does_not_get_the_token() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(|request, _| match request.target.as_str() {
        TOKEN if request.text().contains("s%26cret") => Reply::token("t1", 1799),
        TOKEN => Reply::json(401, r#"{"errors":[{"message":"invalid client"}]}"#),
        _ => Reply::json(200, "{}"),
    });
    call(&harness(&server, home.path())).await;
    let guessed = Profile::new().credentials(Credentials::new().client("id", "guessed"));
    let thief = in_region(&server).token_cache(home.path()).profile("falcon", guessed).build().unwrap();
    let error = thief.command("tokens_query", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "falcon: the token endpoint refused with 401: invalid client");
    call(&harness(&server, home.path())).await;
    assert_eq!((server.count(TOKEN), server.count(QUERY)), (2, 2), "the owner's is untouched");
}

#[tokio::test]
async fn a_kept_token_that_is_refused_is_renewed_once() {
    let home = tempfile::tempdir().unwrap();
    let server = flow(|token| token != "t1");
    let file = {
        let home = home.path();
        // The token that is kept is good no more.
        let harness = harness(&server, home);
        assert_eq!(call(&harness).await, 2);
        only_file(home)
    };
    assert_eq!(read(&file)["token"], "t2");
    craft(&file, |entry| entry["token"] = "t1".into());
    let (tokens, sends) = (server.count(TOKEN), server.count(QUERY));
    assert_eq!(call(&harness(&server, home.path())).await, 2);
    assert_eq!((server.count(TOKEN) - tokens, server.count(QUERY) - sends), (1, 2));
    assert_eq!(read(&file)["token"], "t3");
}

#[tokio::test]
async fn a_token_that_another_process_renewed_is_found_after_a_401() {
    let home = tempfile::tempdir().unwrap();
    let good = std::sync::Arc::new(std::sync::Mutex::new("t1".to_owned()));
    let taken = std::sync::Arc::clone(&good);
    let server = flow(move |token| token == *taken.lock().unwrap());
    let harness = harness(&server, home.path());
    call(&harness).await;
    let file = only_file(home.path());

    craft(&file, |entry| entry["token"] = "renewed-elsewhere".into());
    "renewed-elsewhere".clone_into(&mut good.lock().unwrap());
    assert_eq!(call(&harness).await, 2);
    assert_eq!(server.count(TOKEN), 1, "what the other process has fetched serves");

    // What is found may be refused too; then a new one is fetched, and the call is made a third time.
    craft(&file, |entry| entry["token"] = "over-already".into());
    "t2".clone_into(&mut good.lock().unwrap());
    assert_eq!(call(&harness).await, 3);
    assert_eq!((server.count(TOKEN), read(&file)["token"].as_str()), (2, Some("t2")));
}

#[tokio::test]
async fn where_all_tokens_are_refused_the_call_ends() {
    let home = tempfile::tempdir().unwrap();
    let server = flow(|_| false);
    for (tokens, sends) in [(2, 2), (3, 4)] {
        let error = harness(&server, home.path()).command("tokens_query", ()).await.unwrap_err();
        assert_eq!(error.status(), Some(401));
        assert_eq!((server.count(TOKEN), server.count(QUERY)), (tokens, sends), "one renewal, two sends");
    }
}

#[tokio::test]
async fn the_region_is_kept_with_the_token() {
    let home = tempfile::tempdir().unwrap();
    let second = flow(|_| true);
    let location = format!("location: {}/oauth2/token", second.url());
    let first = Server::start(move |_, _| Reply::whole(308, &[&location, "x-cs-region: us-2"], ""));
    let with = |second: &str| {
        builder()
            .regions("falcon", [("us-1", first.url()), ("us-2", second.to_owned())])
            .profile("falcon", Profile::new().credentials(client()))
            .token_cache(home.path())
            .build()
            .unwrap()
    };
    for _ in 0..3 {
        call(&with(&second.url())).await;
    }
    assert_eq!((first.received().len(), second.count(TOKEN), second.count(QUERY)), (1, 1, 3));
    // A region that the service does not have is not gone to, whatever the file says.
    let file = only_file(home.path());
    let sink = Server::sink();
    for region in [[sink.url(), "us-2".into()], ["us-2".into(), sink.url()], ["us-9".into(), second.url()]] {
        craft(&file, |entry| entry["region"] = region.to_vec().into());
        let asked = second.count(TOKEN);
        call(&with(&second.url())).await;
        assert_eq!((second.count(TOKEN), sink.received().len()), (asked + 1, 0), "{region:?}");
    }
}

#[tokio::test]
async fn one_base_url_may_be_a_region_or_the_users_own() {
    let home = tempfile::tempdir().unwrap();
    let second = flow(|_| true);
    let first = flow(|_| true);
    let regions = [("us-1", first.url()), ("us-2", second.url())];
    let of = |profile: Profile| {
        let profile = profile.credentials(client());
        builder().regions("falcon", regions.clone()).profile("falcon", profile).token_cache(home.path())
    };
    call(&of(Profile::new()).build().unwrap()).await;
    craft(&only_file(home.path()), |entry| entry["region"] = vec!["us-2".to_owned(), second.url()].into());
    call(&of(Profile::new().base_url(first.url())).build().unwrap()).await;
    assert_eq!((first.count(TOKEN), first.count(QUERY), second.received().len()), (2, 2, 0));
    drop(second.quiet());
}

#[tokio::test]
async fn revoking_takes_the_token_from_the_folder_too() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(|request, before| match request.target.as_str() {
        TOKEN => Reply::token(&format!("t{before}"), 1799),
        _ => Reply::json(200, "{}"),
    });
    let harness = harness(&server, home.path());
    call(&harness).await;
    harness.revoke().await.unwrap();
    assert_eq!(files(home.path(), "token"), Vec::<PathBuf>::new());
    call(&harness).await;
    assert_eq!((server.count(TOKEN), server.count("/oauth2/revoke")), (2, 1));
    // One that another process has kept since stays.
    craft(&only_file(home.path()), |entry| entry["token"] = "another".into());
    harness.revoke().await.unwrap();
    assert_eq!(read(&only_file(home.path()))["token"], "another");
}

#[tokio::test]
async fn forgetting_takes_every_token_of_the_service() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(|request, before| match request.target.as_str() {
        TOKEN => Reply::token(&format!("t{before}"), 1799),
        _ => Reply::json(200, "{}"),
    });
    let other = Profile::new().credentials(Credentials::new().client("other", "s"));
    call(&in_region(&server).token_cache(home.path()).profile("falcon", other).build().unwrap()).await;
    call(&harness(&server, home.path())).await;
    let foreign = home.path().join("falcons-0-0.token");
    fs::write(&foreign, "not ours").unwrap();
    let forgotten = harness(&server, home.path()).sign_in("falcon").forget().await.unwrap();
    assert_eq!((forgotten.tokens, forgotten.revoked), (2, 1), "the other client's secret is not known here");
    assert_eq!(files(home.path(), "token"), [foreign]);
    assert_eq!(server.only("/oauth2/revoke").text(), "token=t2");
    let none = harness(&server, home.path()).sign_in("falcon").forget().await.unwrap();
    assert_eq!((none.tokens, none.revoked), (0, 0));
}

#[tokio::test]
async fn what_cannot_be_given_back_is_forgotten_all_the_same() {
    let home = tempfile::tempdir().unwrap();
    let server = flow(|_| true);
    call(&harness(&server, home.path())).await;
    let error = harness(&server, home.path()).sign_in("falcon").forget().await.unwrap_err();
    assert!(error.to_string().starts_with("falcon: the revocation endpoint refused with 401"), "{error}");
    assert_eq!(files(home.path(), "token"), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn signing_in_fetches_a_token_and_keeps_it() {
    let home = tempfile::tempdir().unwrap();
    let server = flow(|_| true);
    let harness = harness(&server, home.path());
    let sign_in = harness.sign_in("falcon");
    for number in 1..=2 {
        let token = sign_in.renew().await.unwrap();
        assert_eq!((token.expose(), server.count(TOKEN)), (format!("t{number}").as_str(), number));
        assert!(token.ends_in().unwrap() > Duration::from_secs(1790), "{token:?}");
        assert_eq!((token.is_kept(), token.keeping_problem()), (true, None));
        assert!(!format!("{token:?} {sign_in:?}").contains(token.expose()));
    }
    assert_eq!(read(&only_file(home.path()))["token"], "t2");
    assert_eq!(sign_in.token().await.unwrap().expose(), "t2");
    call(&harness).await;
    assert_eq!(server.count(TOKEN), 2);
}

#[cfg(feature = "falcon")]
#[tokio::test]
async fn a_token_tells_why_it_is_not_kept() {
    let home = tempfile::tempdir().unwrap();
    let server = flow(|_| true);
    let uncached = in_region(&server).build().unwrap();
    let token = uncached.sign_in("falcon").renew().await.unwrap();
    assert_eq!((token.is_kept(), token.keeping_problem()), (false, None), "nobody asked for it");
    let taken = home.path().join("taken");
    fs::write(&taken, "").unwrap();
    let harness = harness(&server, &taken);
    for _ in 0..2 {
        let token = harness.sign_in("falcon").token().await.unwrap();
        assert_eq!((token.is_kept(), token.keeping_problem()), (false, Some("it is no folder")));
    }
    assert_eq!(server.count(TOKEN), 2, "it serves all the same");
    let kept = self::harness(&server, home.path());
    kept.sign_in("falcon").renew().await.unwrap();
    let found = self::harness(&server, home.path()).sign_in("falcon").token().await.unwrap();
    assert!(found.is_kept(), "what was found there is there");
}

#[cfg(all(feature = "falcon", unix))]
#[tokio::test]
async fn a_refused_token_is_forgotten_where_the_body_cannot_be_sent_again() {
    let home = tempfile::tempdir().unwrap();
    let pipe = home.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let folder = home.path().join("tokens");
    let server = flow(|token| token != "t1");
    for expected in [Some(401), None] {
        let pipe = pipe.clone();
        let body = pipe.clone();
        let writer = std::thread::spawn(move || fs::write(pipe, "{}"));
        let harness = harness(&server, &folder);
        let command = harness.request("falcon", opcall::Method::Post, "/upload", ());
        let sent = command.body(opcall::FilePart::path(body)).await;
        writer.join().unwrap().unwrap();
        assert_eq!(sent.err().and_then(|error| error.status()), expected);
    }
    assert_eq!(server.count(TOKEN), 2);
}

/// A lock that its process does not give back is waited for as long as an attempt may take, and the wait is told.
#[tokio::test]
async fn a_wait_for_another_process_is_bounded_and_told() {
    let home = tempfile::tempdir().unwrap();
    let server = flow(|_| true);
    call(&harness(&server, home.path())).await;
    let (file, aside) = (only_file(home.path()), home.path().join("aside"));
    fs::rename(&file, &aside).unwrap();
    let lock = fs::File::open(&files(home.path(), "lock")[0]).unwrap();
    lock.lock().unwrap();
    let second = Duration::from_secs(1);
    let one = harness(&server, home.path());
    let found = one.command("tokens_query", ()).timeout(second).await.unwrap();
    let held = found.sign_in_attempts()[0].held.unwrap();
    assert_eq!((held.reason, server.count(TOKEN)), (WaitReason::TokenLock, 2));
    assert!(held.length >= second && held.length < 3 * second, "{held:?}");
    let given_back = async {
        tokio::time::sleep(second / 4).await;
        fs::rename(&aside, &file).unwrap();
        lock.unlock().unwrap();
    };
    let other = harness(&server, home.path());
    let (found, ()) = tokio::join!(other.command("tokens_query", ()).send(), given_back);
    let found = found.unwrap();
    assert_eq!((found.sign_in_attempts().len(), server.count(TOKEN)), (0, 2));
    assert_eq!(found.attempts()[0].held.unwrap().reason, WaitReason::TokenLock);
}
