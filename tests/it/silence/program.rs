//! The program with secrets in its environment, its files and its arguments, and all that it prints.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::search::{Printed, secret, spellings};
use super::servers::{DOCUMENT, OPERATIONS, answering, breaking, repeating};
use crate::support::{Reply, Server, proof};

/// A home whose environment and files hold secrets.
struct Home {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
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
        Self { folder, variables }
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
        printed.add(&output.stderr);
        if with_output {
            printed.add(&output.stdout);
        }
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
    for operation in OPERATIONS {
        for options in [&["-vv"][..], &["--error-format", "json"]] {
            home.run(printed, false, &[&["--spec", &described, operation][..], options].concat());
        }
        for options in [&["--dry-run"][..], &["--curl"], &["--dry-run", "-o", "json"]] {
            home.run(printed, true, &[&["--spec", &described, operation][..], options].concat());
        }
    }
    for (operation, item) in
        [("by_bearer", &bearer), ("by_header", &key), ("by_query", &query), ("by_cookie", &cookie)]
    {
        home.run(printed, false, &["--spec", &described, operation, item, "-vv"]);
        for option in ["--dry-run", "--curl"] {
            home.run(printed, true, &["--spec", &described, operation, item, option]);
        }
    }
    for words in [&["status"][..], &["status", "-o", "json"], &["login", "silent"], &["logout", "silent"]] {
        home.run(printed, true, &[&["auth"], words, &["--spec", &described, "-vv"]].concat());
    }
    let lines = OPERATIONS.map(|id| format!("{{\"operation\":\"{id}\"}}\n")).concat();
    fs::write(home.path("calls.ndjson"), lines).unwrap();
    home.run(printed, false, &["--log", "trace", "batch", "calls.ndjson", "--spec", &described]);
    home.run(printed, true, &["batch", "calls.ndjson", "--spec", &described, "--dry-run"]);
}

/// Documents that are fetched with secrets, and services that are remembered with them.
fn documents(printed: &Printed, home: &Home) {
    let document = DOCUMENT.replace("SERVER", "https://api.example.invalid");
    let giving = Server::start(move |_, _| Reply::whole(200, &["content-type: application/json"], &document));
    let refusing = Server::start(|_, _| Reply::whole(403, &[], "no"));
    for base in [giving.url(), refusing.url(), "http://127.0.0.1:9".to_owned()] {
        let url = format!("{base}/doc.json?token={}", "cAnary%2F%2B%3DzQ7w~x");
        let literal = format!("X-Token: {}", secret("spec"));
        for header in [literal.as_str(), "Authorization: env:SPEC_TOKEN", "X-Token: file:spec"] {
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
    let printed = Printed::with(&[]);
    let mut home = Home::new();
    let good = answering();
    let refusing = [repeating(403, false), repeating(401, true), repeating(500, true)];
    let broken = breaking();
    let mut urls = vec![good.url(), broken.url(), "http://127.0.0.1:9".to_owned()];
    urls.extend(refusing.iter().map(Server::url));
    let urls = &urls[..proof(4, urls.len())];
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
    for name in ["HTTPS_PROXY", "HTTP_PROXY"] {
        home.set(name, "http://user:cAnary%2F%2B%3DzQ7w~x.proxy@127.0.0.1:9".to_owned());
    }
    let described = home.describe("https://api.example.invalid");
    home.run(&printed, true, &["--spec", &described, "by_header", "-vv"]);
    home.run(&printed, true, &["--spec", &described, "by_header", "--error-format", "json"]);
    home.run(&printed, true, &["--spec", "https://api.example.invalid/doc.json", "by_header", "-vv"]);
    home.variables.retain(|(name, _)| !name.ends_with("_PROXY"));
    for option in ["--cert", "--cacert"] {
        home.run(&printed, true, &["--spec", &described, "by_header", option, "password", "-vv"]);
    }
    documents(&printed, &home);
    assert!(names(&printed, home.folder.path()) > 5, "files were written");
    printed.assert_silent(200_000);
    eprintln!(
        "promise 9: program: {} servers, {} KB of printed text, 0 secrets",
        urls.len(),
        printed.length() / 1000
    );
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
