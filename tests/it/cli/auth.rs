//! `opcall auth`, and tokens that are kept between calls.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::{Run, program};
use crate::support::{Reply, Server};

const TOKEN: &str = "/oauth2/token";
const REVOKE: &str = "/oauth2/revoke";
const SECRET: &str = "canary-secret";

/// A home of its own, and a service that takes one client.
struct Home {
    folder: tempfile::TempDir,
    server: Server,
    variables: Vec<(&'static str, String)>,
}

impl Home {
    fn new() -> Self {
        Self::with(|request, before| match request.target.as_str() {
            TOKEN if request.text() == format!("client_id=id&client_secret={SECRET}") => {
                Reply::token(&format!("canary-token-{before}"), 1799)
            }
            TOKEN => Reply::json(401, r#"{"errors":[{"message":"invalid client"}]}"#),
            _ => Reply::json(200, r#"{"resources":[]}"#),
        })
    }

    fn with(answer: impl Fn(&crate::support::Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        let server = Server::start(answer).quiet();
        let variables = vec![
            ("FALCON_BASE_URL", server.url()),
            ("FALCON_CLIENT_ID", "id".to_owned()),
            ("FALCON_CLIENT_SECRET", SECRET.to_owned()),
        ];
        Self { folder: tempfile::tempdir().unwrap(), server, variables }
    }

    fn set(mut self, name: &'static str, value: &str) -> Self {
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.to_owned()));
        self
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let mut command = program(arguments);
        command
            .env("HOME", self.folder.path())
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        let run = Run::of(command.output().unwrap());
        for secret in [SECRET, "canary-token"] {
            let shown = format!("{}{}", run.stdout, run.stderr);
            assert!(arguments.contains(&"token") || !shown.contains(secret), "{arguments:?}: {shown}");
        }
        run
    }

    fn tokens(&self) -> PathBuf {
        self.folder.path().join(".cache/opcall/tokens")
    }

    fn kept(&self) -> usize {
        crate::token_cache::files(&self.tokens(), "token").len()
    }

    /// What a person reads, with what differs from run to run made the same.
    fn plain(&self, text: &str) -> String {
        let folder = self.folder.path().display().to_string();
        let text = text.replace(&self.server.url(), "SERVER").replace(&folder, "HOME");
        (50..60).fold(text, |text, left| text.replace(&format!("29 min {left} s"), "29 min"))
    }
}

#[test]
fn status_tells_where_from_and_whether_accepted() {
    let home = Home::new().set("PANTHER_API_TOKEN", "canary-key").set("PANTHER_API_URL", "https://p.example");
    let run = home.run(&["auth", "status"]);
    insta::assert_snapshot!(home.plain(run.ok()), @r"
    falcon
      SERVER
      read from env:FALCON_CLIENT_ID, env:FALCON_CLIENT_SECRET, env:FALCON_BASE_URL
      accepted; the token ends in 29 min, and is not kept
    logscale
      its address is not known
      no credentials for logscale; nothing was sent
      set LOGSCALE_TOKEN or HUMIO_TOKEN; each may also be given as a file by its name with _FILE.
    panther
      https://p.example
      read from env:PANTHER_API_TOKEN, env:PANTHER_API_URL
      an API key is given: only a call tells whether it is accepted
    ");
    assert_eq!((home.server.count(TOKEN), home.kept()), (1, 0));

    let mut status = home.run(&["auth", "status", "falcon", "-o", "json"]).json();
    let left = status[0]["expires_in"].take().as_u64().unwrap();
    assert!((1790..=1799).contains(&left), "{left}");
    assert_eq!(
        status,
        json!([{
            "service": "falcon",
            "base_url": home.server.url(),
            "region": null,
            "sources": ["env:FALCON_CLIENT_ID", "env:FALCON_CLIENT_SECRET", "env:FALCON_BASE_URL"],
            "scheme": "falcon",
            "method": "client_credentials",
            "accepted": true,
            "expires_in": null,
            "kept": false,
            "error": null,
        }])
    );
}

#[test]
fn status_tells_what_is_refused_or_missing() {
    let home = Home::new().set("FALCON_CLIENT_SECRET", "wrong");
    let run = home.run(&["auth", "status", "falcon"]);
    assert_eq!(run.code, 8);
    insta::assert_snapshot!(home.plain(&run.stdout), @r"
    falcon
      SERVER
      read from env:FALCON_CLIENT_ID, env:FALCON_CLIENT_SECRET, env:FALCON_BASE_URL
      falcon: the token endpoint refused with 401: invalid client
      check FALCON_CLIENT_ID and FALCON_CLIENT_SECRET.
    ");
    let run = home.run(&["auth", "status", "falcon", "-o", "json"]);
    let status: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, &status[0]["accepted"]), (8, &json!(false)));
    assert_eq!(status[0]["error"]["kind"], "auth");

    let home = Home::new().set("FALCON_CLIENT_SECRET", "");
    assert_eq!(home.run(&["auth", "status"]).code, 0, "a service that nobody uses is no failure");
    let run = home.run(&["auth", "status", "falcon"]);
    assert_eq!(run.code, 8);
    insta::assert_snapshot!(home.plain(&run.stdout), @r"
    falcon
      SERVER
      read from env:FALCON_CLIENT_ID, env:FALCON_BASE_URL
      no credentials for falcon: FALCON_CLIENT_ID is set, FALCON_CLIENT_SECRET is not; nothing was sent
      set FALCON_CLIENT_ID and FALCON_CLIENT_SECRET, or FALCON_ACCESS_TOKEN; each may also be given as a file by its name with _FILE.
    ");
    let run = home.run(&["auth", "status", "eagle"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.starts_with("error: no service is called \"eagle\""), "{}", run.stderr);

    let away = Home::with(|_, _| Reply::raw(""));
    let run = away.run(&["auth", "status", "falcon", "-o", "json", "--max-time", "20s"]);
    let status: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, &status[0]["accepted"]), (9, &json!(null)), "nobody said no");
}

#[test]
fn status_names_files_and_the_region_that_was_found() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), format!("{SECRET}\n")).unwrap();
    let home = Home::new()
        .set("FALCON_CLIENT_SECRET", "")
        .set("FALCON_CLIENT_SECRET_FILE", file.path().to_str().unwrap());
    let status = home.run(&["auth", "status", "falcon", "-o", "json"]).json();
    let path = format!("file:{}", file.path().display());
    let sources =
        ["env:FALCON_CLIENT_ID", "env:FALCON_CLIENT_SECRET_FILE", path.as_str(), "env:FALCON_BASE_URL"];
    assert_eq!(status[0]["sources"], json!(sources));
}

/// No server is that of every service: none of them gets the secrets of the others.
#[test]
fn status_of_all_services_sends_nothing_to_one_place() {
    let elsewhere = Server::start(|_, _| Reply::token("canary-token", 60)).quiet();
    let home = Home::new();
    let url = elsewhere.url();
    for (name, value) in [("--server", url.as_str()), ("--server-variable", "a=b"), ("--profile", "x")] {
        let run = home.run(&["auth", "status", name, value]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{name}");
        assert_eq!(
            run.stderr,
            format!(
                "error: {name} is of one service, and `auth status` asks all of them\n  hint: name the service: \
                 opcall auth status SERVICE {name} ...\n"
            )
        );
    }
    let home = home.set("OPCALL_SERVER", &url).set("OPCALL_PROFILE", "x");
    let run = home.run(&["auth", "status"]);
    assert!(run.ok().contains("accepted; the token ends in"), "{}", run.stdout);
    assert_eq!(
        run.stderr,
        "note: OPCALL_SERVER is of one service, and is not looked at for all of them\n\
         note: OPCALL_PROFILE is of one service, and is not looked at for all of them\n"
    );
    assert_eq!(home.run(&["auth", "status", "-q"]).stderr, "");
    assert_eq!((elsewhere.received().len(), home.server.count(TOKEN)), (0, 2));
    let home = home.set("OPCALL_PROFILE", "").set("OPCALL_API", "falcon");
    assert_eq!(home.run(&["auth", "status"]).stderr, "");
    assert_eq!(elsewhere.count(TOKEN), 1, "a service is named, and it is to be asked there");
}

#[test]
fn a_logout_that_forgets_nothing_does_not_say_so() {
    let home = Home::new();
    home.run(&["auth", "login", "falcon"]).ok();
    let home = home.set("FALCON_BASE_URL", "").set("FALCON_CLOUD", "nope");
    let run = home.run(&["auth", "logout", "falcon"]);
    assert_eq!((run.code, run.stdout.as_str(), home.kept()), (2, "", 1));
    assert!(run.stderr.starts_with("error: falcon has no region \"nope\"\n  hint: "), "{}", run.stderr);
    assert!(!run.stderr.contains("forgotten"), "{}", run.stderr);
    let (server, home) = (home.server.url(), home.set("FALCON_CLOUD", ""));
    let home = home.set("FALCON_BASE_URL", &server);
    home.run(&["tokens_query"]).ok();
    assert_eq!(home.server.count(TOKEN), 1, "it is still signed in");
    assert_eq!(home.run(&["auth", "logout", "falcon"]).ok(), "falcon: 1 token forgotten, 1 given back\n");
}

#[test]
fn a_relative_cache_folder_is_one_as_well() {
    let home = Home::new().set("OPCALL_CACHE_DIR", "relc");
    let run = |arguments: &[&str]| {
        let mut command = program(arguments);
        command.current_dir(home.folder.path()).env("HOME", home.folder.path());
        Run::of(command.envs(home.variables.iter().map(|(name, value)| (name, value))).output().unwrap())
    };
    run(&["auth", "login", "falcon"]).ok();
    assert_eq!(crate::token_cache::files(&home.folder.path().join("relc/tokens"), "token").len(), 1);
    assert_eq!(run(&["auth", "logout", "falcon"]).ok(), "falcon: 1 token forgotten, 1 given back\n");
    assert_eq!(home.server.count(REVOKE), 1);
}

#[cfg(unix)]
#[test]
fn a_login_whose_token_is_not_kept_fails() {
    let home = Home::new();
    let elsewhere = home.folder.path().join("elsewhere");
    fs::create_dir_all(home.tokens().parent().unwrap()).unwrap();
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, home.tokens()).unwrap();
    let run = home.run(&["auth", "login", "falcon"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert_eq!(
        home.plain(&run.stderr),
        "error: keeping the token in HOME/.cache/opcall/tokens failed\n  caused by: it is no folder\n"
    );
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0, "no mark is left");
    let status = home.run(&["auth", "status", "falcon", "--token-cache"]);
    assert!(status.ok().contains(", and is not kept: it is no folder"), "{}", status.stdout);
    let status = home.run(&["auth", "status", "falcon", "--token-cache", "-o", "json"]).json();
    assert_eq!((&status[0]["accepted"], &status[0]["kept"]), (&json!(true), &json!(false)));
}

#[test]
fn after_login_calls_share_a_token_until_logout() {
    let home = Home::new();
    let call = || home.run(&["tokens_query"]).ok().to_owned();
    call();
    assert_eq!((home.server.count(TOKEN), home.kept()), (1, 0), "nothing is kept before");
    insta::assert_snapshot!(home.plain(home.run(&["auth", "login", "falcon"]).ok()), @r"
    falcon: signed in, SERVER
      the token ends in 29 min and is kept in HOME/.cache/opcall/tokens
    ");
    call();
    call();
    assert_eq!((home.server.count(TOKEN), home.kept()), (2, 1));
    let status = home.run(&["auth", "status", "falcon"]);
    assert!(status.ok().contains(", and is kept"), "{}", status.stdout);
    call();
    assert_eq!(home.server.count(TOKEN), 3, "status has asked for a token, which serves from now on");

    let off = |arguments: &[&str]| {
        let mut command = program(arguments);
        command.env("HOME", home.folder.path()).env("OPCALL_TOKEN_CACHE", "0");
        Run::of(command.envs(home.variables.iter().map(|(name, value)| (name, value))).output().unwrap())
    };
    off(&["tokens_query"]).ok();
    assert_eq!(home.server.count(TOKEN), 4);
    off(&["tokens_query", "--token-cache"]).ok();
    assert_eq!(home.server.count(TOKEN), 4, "the command line wins");

    insta::assert_snapshot!(home.run(&["auth", "logout", "falcon"]).ok(), @r"
    falcon: 1 token forgotten, 1 given back
    ");
    assert_eq!((home.server.count(REVOKE), home.kept()), (1, 0));
    call();
    assert_eq!((home.server.count(TOKEN), home.kept()), (5, 0), "nothing is kept any more");
    insta::assert_snapshot!(home.run(&["auth", "logout", "falcon"]).ok(), @r"
    falcon: 0 tokens forgotten, 0 given back
    ");
}

#[cfg(unix)]
#[test]
fn what_is_kept_is_the_users_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let home = Home::new();
    home.run(&["tokens_query", "--token-cache"]).ok();
    let home = home.set("OPCALL_TOKEN_CACHE", "1");
    home.run(&["tokens_query"]).ok();
    assert_eq!((home.server.count(TOKEN), home.kept()), (1, 1));
    // Whatever the process would let others do with its files.
    let mut login = std::process::Command::new("sh");
    let script = "umask 0; exec \"$0\" auth login falcon";
    login.args(["-c", script, env!("CARGO_BIN_EXE_opcall")]).env_clear().env("HOME", home.folder.path());
    login.envs(home.variables.iter().map(|(name, value)| (name, value)));
    Run::of(login.output().unwrap()).ok();
    assert!(home.tokens().join("falcon.login").is_file());
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.tokens()), 0o700);
    for entry in fs::read_dir(home.tokens()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    let elsewhere = home.folder.path().join("elsewhere");
    let home = home.set("OPCALL_CACHE_DIR", elsewhere.to_str().unwrap());
    home.run(&["tokens_query"]).ok();
    assert_eq!(home.server.count(TOKEN), 3);
    assert!(elsewhere.join("tokens").is_dir());
}

#[test]
fn a_logout_that_the_service_refuses_forgets_all_the_same() {
    let home = Home::with(|request, _| match request.target.as_str() {
        TOKEN => Reply::token("canary-token", 1799),
        _ => Reply::json(401, r#"{"errors":[{"message":"no"}]}"#),
    });
    home.run(&["auth", "login", "falcon"]).ok();
    let run = home.run(&["auth", "logout", "falcon"]);
    assert_eq!((run.code, run.stdout.as_str(), home.kept()), (8, "", 0));
    insta::assert_snapshot!(home.plain(&run.stderr), @r"
    error: falcon: the revocation endpoint refused with 401: no
      hint: the tokens are forgotten here all the same; at the service they end by themselves.
    ");
    let run = home.run(&["auth", "login", "falcon", "--sandbox"]);
    assert_eq!((run.code, home.kept()), (2, 0));
}

/// As with other commands, a single attempt that brought what it was to bring is not told.
#[test]
fn a_logout_tells_its_attempts_when_asked() {
    let told = |last: u16| {
        let home = Home::with(move |request, before| match request.target.as_str() {
            TOKEN => Reply::token("canary-token", 1799),
            _ if before == 1 => Reply::whole(503, &["retry-after: 0"], ""),
            _ => Reply::json(last, "{}"),
        });
        home.run(&["auth", "login", "falcon"]).ok();
        let run = home.run(&["auth", "logout", "falcon", "-v"]);
        let lines = run.stderr.lines().filter(|line| line.starts_with("* "));
        lines.map(|line| line.split(" after ").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let attempt = |number, status| format!("* giving back tokens of falcon: attempt {number}: {status}");
    assert_eq!(told(200), [attempt(1, 503), attempt(2, 200)]);
    assert_eq!(told(400), [attempt(1, 503), attempt(2, 400)]);
}

#[test]
fn logout_works_without_the_credentials() {
    let home = Home::new();
    home.run(&["auth", "login", "falcon"]).ok();
    let home = home.set("FALCON_CLIENT_SECRET", "");
    assert_eq!(
        home.run(&["auth", "logout", "falcon"]).ok(),
        "falcon: 1 token forgotten, 0 given back; at the service the others end by themselves\n"
    );
    assert_eq!((home.kept(), home.server.count(REVOKE)), (0, 0));
}

#[test]
fn a_token_is_printed_where_nobody_looks() {
    let home = Home::new().set("OPCALL_TOKEN_CACHE", "1");
    let first = home.run(&["auth", "token", "falcon"]);
    assert_eq!(first.ok(), "canary-token-0\n");
    assert_eq!(home.run(&["auth", "token", "falcon", "--yes"]).ok(), "canary-token-0\n");
    assert_eq!(home.server.count(TOKEN), 1);
    let home = home.set("PANTHER_API_TOKEN", "canary-key").set("PANTHER_API_URL", "https://p.example");
    let run = home.run(&["auth", "token", "panther"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    insta::assert_snapshot!(run.stderr, @r"
    error: panther signs in with an API key that was given: there is no token to fetch
      hint: make a call to see whether the service accepts it.
    ");
}

#[test]
fn a_remembered_service_is_signed_in_to_as_well() {
    let home = Home::new().set("PETS_SECRET", SECRET);
    let document = home.folder.path().join("pets.json");
    let text = json!({
        "openapi": "3.0.3", "info": {"title": "Pets", "version": "1"},
        "servers": [{"url": home.server.url()}],
        "paths": {"/pets": {"get": {"operationId": "pets", "security": [{"client": ["read"]}],
            "responses": {"200": {"description": "ok"}}}}},
        "components": {"securitySchemes": {"client": {"type": "oauth2", "flows": {"clientCredentials":
            {"tokenUrl": format!("{}/token", home.server.url()), "scopes": {"read": ""}}}}}},
    });
    fs::write(&document, text.to_string()).unwrap();
    let document = document.to_str().unwrap();
    home.run(&["api", "add", "pets", document, "--auth", "oauth2:id=env:PETS_SECRET"]).ok();
    let run = home.run(&["auth", "status", "pets", "-o", "json"]);
    let status: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(status[0]["sources"], json!(["env:PETS_SECRET"]));
    assert_eq!(
        (&status[0]["scheme"], &status[0]["method"]),
        (&json!("client"), &json!("client_credentials"))
    );
    assert_eq!(
        home.server.only("/token").text(),
        format!("grant_type=client_credentials&client_id=id&client_secret={SECRET}")
    );
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_leaves_no_core_file() {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;

    let mut child = program(&["sandbox"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let words: Vec<_> = core.split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{core}");
}
