//! The program with secrets in its environment, its files and its arguments, and all that it prints.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::keys;
use super::proxies::{Proxy, Service};
use super::search::{Printed, secret, spellings};
use super::servers::{DOCUMENT, Manner, OPERATIONS};
use super::stage::{Clients, Door, Stage};
use crate::support::{Reply, Server, proof};
use crate::tls::authority;

/// A home whose environment and files hold secrets.
struct Home {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
    /// What every call is given.
    options: Vec<String>,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["client", "password", "spec"] {
            fs::write(folder.path().join(name), secret(name)).unwrap();
        }
        let path = |name: &str| folder.path().join(name).display().to_string();
        let variables = [
            ("HOME", path("")),
            ("OPCALL_CACHE_DIR", path("cache")),
            ("OPCALL_TOKEN_CACHE", "1".to_owned()),
            ("OPCALL_LOG", "trace".to_owned()),
            ("OPCALL_RETRY", "0".to_owned()),
            ("SILENT_CLIENT_ID", "id".to_owned()),
            ("SILENT_CLIENT_SECRET_FILE", path("client")),
            ("SILENT_ACCESS_TOKEN", secret("access")),
            ("SILENT_API_KEY", secret("key")),
            ("SILENT_USERNAME", "user".to_owned()),
            ("SILENT_PASSWORD_FILE", path("password")),
            ("SILENT_WHOLE", format!("GenieKey {}", secret("scheme"))),
            ("FALCON_CLIENT_ID", "id".to_owned()),
            ("FALCON_CLIENT_SECRET", secret("client secret")),
            ("PANTHER_API_TOKEN", secret("panther")),
            ("LOGSCALE_TOKEN", secret("logscale")),
            ("SPEC_TOKEN", secret("spec")),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let client = keys::client();
        for (name, text) in
            [("root.pem", &authority().pem), ("client.pem", &client.chain), ("client.key", &client.key)]
        {
            fs::write(folder.path().join(name), text).unwrap();
        }
        fs::write(folder.path().join("torn.key"), &client.key[..client.key.len() / 2]).unwrap();
        Self { folder, variables, options: Vec::new() }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn set(&mut self, name: &str, value: String) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value));
    }

    /// Runs the program, and takes what it prints; the answer itself is data of the service.
    fn run(&self, printed: &Printed, with_output: bool, arguments: &[&str]) {
        let output = Command::new(env!("CARGO_BIN_EXE_opcall"))
            .args(arguments)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        // What `-vv` shows of an answer's head is as much data as its body.
        let lines = output.stderr.split_inclusive(|byte| *byte == b'\n');
        printed.add(lines.filter(|line| !line.starts_with(b"< ")).collect::<Vec<_>>().concat());
        if with_output {
            printed.add(&output.stdout);
        }
    }

    /// A call of an operation, with what every call is given.
    fn call(&self, printed: &Printed, with_output: bool, arguments: &[&str]) {
        let options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        self.run(printed, with_output, &[arguments, &options].concat());
    }

    /// The description of a service at an address.
    fn describe(&self, url: &str) -> String {
        let path = self.path("silent.json");
        fs::write(&path, DOCUMENT.replace("SERVER", url)).unwrap();
        path
    }
}

fn calls(printed: &Printed, home: &Home, url: &str) {
    let described = home.describe(url);
    let given = secret("given");
    let (bearer, key, query) =
        (format!("Authorization:Bearer {given}"), format!("X-Key:{given}"), format!("query.key={given}"));
    let cookie = format!("cookie.key={given}");
    for operation in OPERATIONS.into_iter().step_by(proof(4, 1)) {
        for options in [&["-vv"][..], &["--error-format", "json"]] {
            home.call(printed, false, &[&["--spec", &described, operation][..], options].concat());
        }
        for options in [&["--dry-run"][..], &["--curl"], &["--dry-run", "-o", "json"]] {
            home.call(printed, true, &[&["--spec", &described, operation][..], options].concat());
        }
    }
    for (operation, item) in
        [("by_bearer", &bearer), ("by_header", &key), ("by_query", &query), ("by_cookie", &cookie)]
            .into_iter()
            .take(proof(1, 4))
    {
        home.call(printed, false, &["--spec", &described, operation, item, "-vv"]);
        for option in ["--dry-run", "--curl"] {
            home.call(printed, true, &["--spec", &described, operation, item, option]);
        }
    }
    for words in [&["status"][..], &["status", "-o", "json"], &["login", "silent"], &["logout", "silent"]] {
        home.run(printed, true, &[&["auth"], words, &["--spec", &described, "-vv"]].concat());
    }
    let lines = OPERATIONS.map(|id| format!("{{\"operation\":\"{id}\"}}\n")).concat();
    fs::write(home.path("calls.ndjson"), lines).unwrap();
    home.call(printed, false, &["--log", "trace", "batch", "calls.ndjson", "--spec", &described]);
    home.call(printed, true, &["batch", "calls.ndjson", "--spec", &described, "--dry-run"]);
}

/// Documents that are fetched with secrets, and services that are remembered with them.
fn documents(printed: &Printed, home: &Home) {
    let document = DOCUMENT.replace("SERVER", "https://api.example.invalid");
    let giving = Server::start(move |_, _| Reply::whole(200, &["content-type: application/json"], &document));
    let refusing = Stage::open(Door::Plain, Manner::Repeating { status: 403, also_tokens: false });
    let misleading = Stage::open(Door::Plain, Manner::Misleading);
    let leading = Stage::open(Door::Plain, Manner::Circling);
    let stages = [&refusing, &misleading, &leading].map(Stage::url);
    let bases = [giving.url(), "http://127.0.0.1:9".to_owned()].into_iter().chain(stages);
    for base in bases.take(proof(1, 5)) {
        let url = format!("{base}/doc.json?token={}", "cAnary%2F%2B%3DzQ7w~x");
        let literal = format!("X-Token: {}", secret("spec"));
        for header in [literal.as_str(), "Authorization: env:SPEC_TOKEN", "X-Token: file:spec"]
            .into_iter()
            .take(proof(1, 3))
        {
            for options in [&["--dry-run"][..], &["--dry-run", "-v", "--error-format", "json"]] {
                home.run(
                    printed,
                    true,
                    &[&["--spec", &url, "--spec-header", header, "by_header"][..], options].concat(),
                );
            }
            home.run(printed, true, &["check", &url, "--spec-header", header]);
            // A remembered URL is shown whole: what is secret goes into a header.
            let plain = url.split('?').next().unwrap();
            home.run(printed, true, &["api", "add", "remembered", plain, "--spec-header", header, "-v"]);
        }
        home.run(printed, true, &["api", "list", "-o", "json"]);
        home.run(printed, true, &["api", "show", "remembered", "-v"]);
    }
    fs::create_dir_all(home.folder.path().join(".config/opcall")).unwrap();
    let literal = secret("config");
    for text in [
        format!("[apis.a]\nspec = \"silent.json\"\n[apis.a.auth]\napi_key = \"{literal}\"\n"),
        format!("[apis.a]\nspec = \"silent.json\"\nspec_headers = {{ \"X-Key\" = \"{literal}\" }}\n"),
        format!("[apis.a]\nspec = \"silent.json\"\nauth = \"{literal}\"\n"),
        format!("[apis.a]\nspec = \"silent.json\"\n\"{literal}\" oops\n"),
    ] {
        fs::write(home.folder.path().join(".config/opcall/config.toml"), text).unwrap();
        for arguments in [&["api", "list"][..], &["api", "show", "a"], &["--api", "a", "by_header", "-vv"]] {
            home.run(printed, true, arguments);
        }
    }
    fs::remove_file(home.folder.path().join(".config/opcall/config.toml")).unwrap();
}

/// The names of all files below a folder.
fn names(printed: &Printed, folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let mut count = 0;
    for entry in entries.map(Result::unwrap) {
        printed.add(entry.path().display().to_string());
        count += 1 + names(printed, &entry.path());
    }
    count
}

#[test]
fn the_program_prints_no_secret() {
    let printed = Printed::with(&keys::secrets());
    let mut home = Home::new();
    let open = |manner| Stage::open(Door::Plain, manner).url();
    let repeating = |status, also_tokens| Manner::Repeating { status, also_tokens };
    let urls = [
        open(Manner::Answering),
        open(repeating(403, false)),
        open(Manner::Breaking),
        "http://127.0.0.1:9".to_owned(),
        open(repeating(401, true)),
        open(repeating(500, true)),
        open(repeating(302, false)),
        open(Manner::Misleading),
        open(Manner::Circling),
    ];
    let urls = &urls[..proof(2, urls.len())];
    printed.turn_to("http");
    for url in urls {
        calls(&printed, &home, url);
        for (service, operation) in [
            ("FALCON_BASE_URL", "tokens_query"),
            ("PANTHER_API_URL", "api_token_list"),
            ("LOGSCALE_URL", "organization_tokens_query"),
        ] {
            home.set(service, url.clone());
            home.run(&printed, false, &[operation, "-vv"]);
            home.run(&printed, true, &[operation, "--curl"]);
        }
    }
    printed.turn_to("tls and proxies");
    let sealed = ways(&printed, &mut home);
    printed.turn_to("documents");
    documents(&printed, &home);
    assert!(names(&printed, home.folder.path()) > 5, "files were written");
    printed.assert_silent(200_000);
    eprintln!("promise 9: program: {} servers, {}, 0 secrets", urls.len() + sealed, printed.figures());
}

/// Calls with a client certificate by TLS, HTTP/2 and proxies that want a password; and each of these given wrongly.
fn ways(printed: &Printed, home: &mut Home) -> usize {
    let given = |names: [&str; 2], home: &Home| {
        let [cert, key] = names.map(|name| home.path(name));
        ["--cacert", &home.path("root.pem"), "--cert", &cert, "--key", &key].map(str::to_owned).to_vec()
    };
    let sealed = |http2| Door::Tls { http2, clients: Clients::Known };
    let repeating = Manner::Repeating { status: 403, also_tokens: false };
    let stages =
        [(true, repeating), (false, Manner::Answering), (true, Manner::Misleading), (false, Manner::Leading)];
    let count = proof(1, stages.len());
    home.options = given(["client.pem", "client.key"], home);
    for (http2, manner) in stages.into_iter().take(count) {
        let stage = Stage::open(sealed(http2), manner);
        calls(printed, home, &stage.url());
        assert!(stage.count() > 0, "{manner:?}");
    }
    let stage = Stage::open(sealed(true), Manner::Answering);
    let plain = Stage::open(Door::Plain, Manner::Answering);
    home.options.extend(["--proxy".to_owned(), "env:HIDDEN_PROXY".to_owned()]);
    let services =
        [Service::Repeating(403), Service::Passing, Service::Repeating(407), Service::Repeating(502)];
    for service in services.into_iter().take(proof(2, 4)) {
        let (http, socks) = (Proxy::http(service), Proxy::socks(service));
        for url in [http.url("http"), socks.url("socks5h")] {
            home.set("HIDDEN_PROXY", url);
            for server in [stage.url(), plain.url()] {
                let described = home.describe(&server);
                for operation in ["by_client", "by_header"].into_iter().take(proof(1, 2)) {
                    home.call(printed, false, &["--spec", &described, operation, "-vv"]);
                    home.call(printed, false, &["--spec", &described, operation, "--error-format", "json"]);
                }
            }
        }
        assert!(http.known() > 0 && socks.known() > 0, "{service:?}");
    }
    assert!(stage.count() > 0 && plain.count() > 0);
    let described = home.describe("https://api.example.invalid");
    let wrong = [
        ["client.pem", "torn.key"],
        ["client.key", "client.pem"],
        ["root.pem", "client.key"],
        ["password", "password"],
    ];
    for names in wrong.into_iter().take(proof(2, 4)) {
        home.options = given(names, home);
        home.call(printed, true, &["--spec", &described, "by_header", "-vv"]);
        home.call(printed, true, &["--spec", &described, "by_header", "--error-format", "json"]);
    }
    home.options.clear();
    home.run(
        printed,
        true,
        &["--spec", &described, "by_header", "--cacert", &home.path("client.key"), "-vv"],
    );
    home.run(printed, true, &["--spec", &described, "by_header", "--cert", &home.path("client.key"), "-vv"]);
    for name in ["HTTPS_PROXY", "HTTP_PROXY"] {
        home.set(name, "http://user:cAnary%2F%2B%3DzQ7w~x.proxy@127.0.0.1:9".to_owned());
    }
    home.run(printed, true, &["--spec", &described, "by_header", "-vv"]);
    home.run(printed, true, &["--spec", &described, "by_header", "--error-format", "json"]);
    home.run(printed, true, &["--spec", "https://api.example.invalid/doc.json", "by_header", "-vv"]);
    home.variables.retain(|(name, _)| !name.ends_with("_PROXY"));
    count + 2
}

/// What stands for a secret in other tests.
const OF_OTHERS: [&str; 6] =
    ["s3cret", "s&cret", "canary/SECRET", "canary/secret", "canary-token", "open sesame"];

#[test]
fn no_snapshot_holds_a_secret() {
    let more: Vec<_> = OF_OTHERS.iter().flat_map(|one| spellings(one)).filter(|one| one.len() > 5).collect();
    let printed = Printed::with(&more);
    let mut open = vec![
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"),
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
    ];
    let mut count = 0;
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                open.push(entry);
            } else if entry.extension().is_some_and(|ending| ending == "snap") {
                printed.add(fs::read(entry).unwrap());
                count += 1;
            }
        }
    }
    assert!(count > 20, "{count}");
    printed.assert_silent(10_000);
    eprintln!("promise 9: {count} snapshots, {} bytes, 0 secrets", printed.length());
}
