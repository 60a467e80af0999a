//! `--spec URL` and `opcall api`: documents of the network, and services remembered by name.

use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::home::{Home, pets, service, url};

#[test]
fn a_document_of_the_network_stands_where_a_file_stands() {
    let ((server, _), home) = (service(), Home::new());
    let url = url(&server);
    let run = home.run(&["--spec", &url, "-v", "listPets", "limit=5"]);
    assert_eq!(run.ok(), r#"{"ok":true}"#);
    assert_eq!(server.only("/v1/pets").target, "/v1/pets?limit=5");
    assert!(run.stderr.contains(&format!("note: fetched {url}: ")), "{}", run.stderr);
    let run = home.run(&["ops", "-o", "names", "--spec", &url]);
    assert!(run.ok().contains("openapi:listPets"), "{}", run.stdout);
    assert_eq!(run.stderr, "");
    let run = home.run(&["check", "-o", "ndjson", &url]);
    assert_eq!(
        (run.json()["operations"].as_u64(), run.json()["file"].as_str()),
        (Some(2), Some(url.as_str()))
    );
    let line = home.run(&["--spec", &url, "--sandbox", "listPets"]);
    assert_eq!(line.json(), serde_json::json!({}));

    let gone = format!("{}/gone.json", server.url());
    let run = home.run(&["--spec", &gone, "listPets"]);
    assert_eq!(run.code, 2);
    assert_eq!(
        run.stderr,
        format!(
            "error: {gone}: the server answers 404 Not Found\n  hint: check the URL: it is to be that of the \
             document, not of a page that shows it.\n"
        )
    );
    let run = home.run(&["check", "-o", "ndjson", &gone]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("the server answers 404 Not Found"), "{}", run.stdout);
    let run = home.run(&["--spec", "http://192.0.2.1/a.json", "listPets"]);
    assert_eq!(run.code, 10, "{}", run.stderr);
}

#[test]
fn a_document_behind_a_key_is_fetched_with_a_header() {
    let ((server, _), home) = (service(), Home::new().with("DOC_KEY", "doc s3cret"));
    let url = format!("{}/private.json", server.url());
    assert!(home.run(&["--spec", &url, "listPets"]).stderr.contains("401 Unauthorized"));
    let run = home.run(&["--spec", &url, "--spec-header", "X-Doc-Key: env:DOC_KEY", "-v", "listPets"]);
    assert_eq!(run.ok(), r#"{"ok":true}"#);
    assert_eq!(server.only("/v1/pets").header("x-doc-key"), None, "the key is the document's alone");
    assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
    let run = home.run(&["--spec", &url, "--spec-header", "X-Doc-Key: env:NO_KEY", "listPets"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("the header X-Doc-Key stands in NO_KEY, which is not set"), "{}", run.stderr);

    let header = ["--spec-header", "X-Doc-Key: env:DOC_KEY"];
    let literal = home.run(&["api", "add", "pets", &url, "--spec-header", "X-Doc-Key: s3cret"]);
    assert_eq!(literal.code, 2);
    assert!(!literal.stderr.contains("s3cret"), "{}", literal.stderr);
    home.run(&["api", "add", "pets", &url, header[0], header[1]]).ok();
    assert!(home.text().contains(r#"spec_headers = { X-Doc-Key = "env:DOC_KEY" }"#), "{}", home.text());
    home.run(&["api", "update", "pets"]).ok();
}

#[test]
fn a_remembered_service_is_there_by_its_name() {
    let ((server, version), home) = (service(), Home::new().with("PETS_KEY", "key s3cret"));
    let url = url(&server);
    let add = home.run(&["api", "add", "pets", &url, "--auth", "api-key:X-Key=env:PETS_KEY"]);
    insta::assert_snapshot!("add", home.plain(add.ok()));
    insta::assert_snapshot!("config", home.plain(&home.text()));
    insta::assert_snapshot!("show", home.plain(home.run(&["api", "show", "pets"]).ok()));
    insta::assert_snapshot!("list", home.plain(home.run(&["api", "list"]).ok()));

    for arguments in [
        &["pets:listPets", "limit=7"][..],
        &["--api", "pets", "listPets", "limit=7"],
        &["listPets", "limit=7"],
        &["list_pets", "limit=7"],
    ] {
        assert_eq!(home.run(arguments).ok(), r#"{"ok":true}"#, "{arguments:?}");
    }
    assert_eq!(server.count("/openapi.json"), 1, "calls do not fetch the document");
    for call in server.received().iter().filter(|request| request.target.starts_with("/v1/")) {
        assert_eq!(call.header("x-key"), Some("key s3cret"), "{call:?}");
    }
    let dry = home.run(&["pets:listPets", "--dry-run"]);
    assert!(dry.ok().contains(r#"["x-key","<redacted>"]"#), "{}", dry.stdout);
    let ops = home.run(&["ops", "-o", "names", "listpets"]);
    assert_eq!(ops.ok(), "pets:listPets\n");

    version.store(2, Ordering::SeqCst);
    home.run(&["pets:oldOnes"]).ok();
    std::fs::remove_dir_all(home.cache().join("apis")).unwrap();
    let refused = home.run(&["pets:oldOnes"]);
    assert_eq!(refused.code, 10);
    insta::assert_snapshot!("changed", home.plain(&refused.stderr));
    assert_eq!(server.count("/v1/old"), 1, "nothing was sent");
}

#[test]
fn an_update_tells_what_changed_and_takes_it_when_told_to() {
    let ((server, version), home) = (service(), Home::new());
    home.run(&["api", "add", "pets", &url(&server)]).ok();
    assert_eq!(home.run(&["api", "update", "pets"]).ok(), "pets: nothing has changed, 2 operations\n");
    version.store(2, Ordering::SeqCst);
    let before = home.text();
    let asked = home.run(&["api", "update", "pets"]);
    assert_eq!(asked.code, 10);
    insta::assert_snapshot!("update", home.plain(&format!("{}{}", asked.stdout, asked.stderr)));
    assert_eq!(home.text(), before);
    home.run(&["pets:oldOnes"]).ok();

    let taken = home.run(&["api", "update", "pets", "--yes"]);
    assert!(taken.ok().starts_with("~ listPets"), "{}", taken.stdout);
    assert_ne!(home.text(), before);
    home.run(&["pets:newOnes"]).ok();
    assert_eq!(std::fs::read_dir(home.cache().join("apis")).unwrap().count(), 1, "the old copy is gone");
    assert_eq!(home.run(&["api", "remove", "pets"]).ok(), "pets is forgotten\n");
    assert_eq!(std::fs::read_dir(home.cache().join("apis")).unwrap().count(), 0);
    assert_eq!(home.run(&["pets:newOnes"]).code, 2);
}

#[test]
fn what_does_not_fit_is_not_remembered() {
    let ((server, _), home) = (service(), Home::new());
    let (url, relative) = (url(&server), format!("{}/relative.json", server.url()));
    let mut told = String::new();
    for arguments in [
        &["falcon", &url][..],
        &["a:b", &url],
        &["pets", &relative],
        &["pets", &relative, "--server", "pets.example"],
        &["pets", &url, "--auth", "bearer=s3cret"],
        &["pets", &url, "--auth", "token=env:A"],
        &["pets", "no-such-file.json"],
    ] {
        let run = home.run(&[&["api", "add"], arguments].concat());
        assert_ne!(run.code, 0, "{arguments:?}");
        assert!(!home.config().exists());
        told.push_str(&run.stderr);
    }
    home.run(&["api", "add", "pets", &relative, "--server", "https://pets.example/v2"]).ok();
    let dry = home.run(&["pets:listPets", "--dry-run"]);
    assert!(dry.ok().contains("https://pets.example/v2/pets"), "{}", dry.stdout);
    told.push_str(&home.run(&["api", "add", "pets", &url]).stderr);
    told.push_str(&home.run(&["api", "remove", "pest"]).stderr);
    insta::assert_snapshot!("misfits", home.plain(&told));
}

#[test]
fn the_environment_and_the_command_line_win_over_what_is_remembered() {
    let ((server, _), home) = (service(), Home::new().with("PETS_BASE_URL", "https://env.example"));
    home.run(&["api", "add", "pets", &url(&server), "--server", "https://config.example"]).ok();
    let dry =
        |arguments: &[&str]| home.run(&[&["pets:listPets", "--dry-run"], arguments].concat()).ok().to_owned();
    assert!(dry(&[]).contains("https://env.example/pets"), "{}", dry(&[]));
    assert!(dry(&["--server", "https://flag.example"]).contains("https://flag.example/pets"));
    let bare = home.bare();
    assert!(bare.run(&["pets:listPets", "--dry-run"]).ok().contains("https://config.example/pets"));
}

#[test]
fn nothing_remembered_is_read_for_a_built_in_operation() {
    let home = Home::new();
    home.configure("[apis.broken]\nspec = \"/no/such/file.json\"\n[apis.pets]\nspec = \"pets.json\"\n");
    std::fs::write(home.config().with_file_name("pets.json"), pets("https://p.example", 1)).unwrap();
    assert_eq!(home.run(&["tokens_query", "--dry-run"]).stderr, "");
    assert_eq!(home.run(&["falcon:tokens_query", "--dry-run"]).stderr, "");
    assert_eq!(home.run(&["pets:listPets", "--dry-run"]).stderr, "");
    let all = home.run(&["listPets", "--dry-run"]);
    assert!(all.ok().contains("https://p.example/pets"), "{}", all.stdout);
    assert!(all.stderr.starts_with("note: broken is left out: "), "{}", all.stderr);
    assert_eq!(home.run(&["broken:x", "--dry-run"]).code, 1);
    let run = home.run(&["--sandbox", "pets:listPets"]);
    assert_eq!((run.json(), run.stderr.as_str()), (serde_json::json!({}), ""));

    home.configure("broken");
    assert_eq!(home.run(&["tokens_query", "--dry-run"]).code, 0);
    assert_eq!(home.run(&["ops", "token"]).code, 2);
}

#[test]
fn what_is_wrong_in_the_configuration_has_its_place() {
    let home = Home::new();
    let api = "[apis.pets]\nspec = \"pets.json\"\n";
    let mut told = String::new();
    for text in [
        "[apis.pets]\nspce = \"pets.json\"",
        "[apis.pets]\nserver = \"https://a\"",
        &format!("{api}auth = {{ type = \"bearer\", value = \"s3cret\" }}"),
        &format!("{api}auth = {{ type = \"bearer\", token = \"env:A\" }}"),
        &format!("{api}auth = {{ type = \"api-key\", in = \"path\", name = \"a\", value = \"env:A\" }}"),
        &format!("{api}sha256 = \"abc\""),
        &format!("{api}pagination = {{ style = \"pages\", items = \"/a\" }}"),
        "[apis.falcon]\nspec = \"a.json\"",
        "[apis.\"a b\"]\nspec = \"a.json\"",
        "default_profile = \"prod\"",
        "[api.pets]",
        "apis = 1",
        "[apis.pets]\nspec = ",
        "[apis.pets]\nspec = \"https://pets.example/openapi.json\"\nserver = \"https://a\"",
    ] {
        home.configure(text);
        let run = home.run(&["pets:listPets", "--dry-run"]);
        assert_eq!(run.code, 2, "{text}");
        assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
        told.push_str(&run.stderr);
    }
    insta::assert_snapshot!("wrong_configuration", home.plain(&told));
}

#[test]
fn the_configuration_keeps_what_is_not_changed() {
    let home = Home::new();
    let written = "# my services\n[apis.pets] # the first\nspec = \"pets.json\"\n\n# pages\n\
        pagination = { style = \"cursor\", items = \"/data\", cursor = \"/next\", param = \"limit\" }\n";
    home.configure(written);
    let file = home.config().with_file_name("pets.json");
    std::fs::write(&file, pets("https://p.example", 1)).unwrap();
    home.run(&["api", "add", "more", file.to_str().unwrap()]).ok();
    assert!(home.text().starts_with(written), "{}", home.text());
    let shown = home.run(&["show", "pets:listPets", "-o", "json"]).json();
    assert_eq!(shown["pagination"]["next"], "/next");
    home.run(&["api", "remove", "more"]).ok();
    assert_eq!(home.text().trim_end(), written.trim_end());
}

#[test]
fn a_service_without_declared_sign_in_gets_the_remembered_one() {
    let ((server, _), home) = (service(), Home::new().with("TOKEN", "t0ken").with("PASSWORD", "pa:ss"));
    let add = |name: &str, auth: &str| {
        home.run(&["api", "add", name, &url(&server), "--auth", auth]).ok().to_owned()
    };
    add("bear", "bearer=env:TOKEN");
    add("basic", "basic:ann=env:PASSWORD");
    add("query", "api-key:query.key=env:TOKEN");
    for name in ["bear", "basic", "query"] {
        home.run(&[&format!("{name}:listPets")]).ok();
    }
    let calls: Vec<_> = server.received().into_iter().filter(|one| one.target.starts_with("/v1/")).collect();
    assert_eq!(calls[0].header("authorization"), Some("Bearer t0ken"));
    assert_eq!(calls[1].header("authorization"), Some("Basic YW5uOnBhOnNz"));
    assert_eq!(calls[2].target, "/v1/pets?key=t0ken");
    add("unset", "bearer=env:NOT_SET");
    let run = home.run(&["unset:listPets"]);
    assert_eq!(run.code, 8);
    assert!(run.stderr.contains("hint: set NOT_SET"), "{}", run.stderr);
}

#[test]
fn a_key_belongs_where_the_document_has_it() {
    let home = Home::new();
    let file = home.folder.path().join("keyed.json");
    let keyed = pets("https://p.example", 1).replace(
        "\"paths\"",
        r#""components": {"securitySchemes": {"k": {"type": "apiKey", "in": "query", "name": "key"}}},
        "security": [{"k": []}], "paths""#,
    );
    std::fs::write(&file, keyed).unwrap();
    let add = |auth: &str| home.run(&["api", "add", "pets", file.to_str().unwrap(), "--auth", auth]);
    let wrong = add("api-key:X-Key=env:K");
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("the document of pets has its key in query key"), "{}", wrong.stderr);
    add("api-key:query.key=env:K").ok();
    let dry = home.run(&["listPets", "--dry-run"]);
    assert!(dry.ok().contains("/pets?key=<redacted>"), "{}", dry.stdout);
}

#[cfg(unix)]
#[test]
fn files_are_the_owners_alone_and_one_that_everybody_writes_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let ((server, _), home) = (service(), Home::new());
    home.run(&["api", "add", "pets", &url(&server)]).ok();
    assert_eq!((mode(&home.config()), mode(home.config().parent().unwrap())), (0o600, 0o700));
    for folder in ["apis", "fetched"] {
        let folder = home.cache().join(folder);
        let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!((mode(&folder), mode(&files[0]), files.len()), (0o700, 0o600, 1));
    }
    let link = home.folder.path().join("link.toml");
    std::os::unix::fs::symlink(home.config(), &link).unwrap();
    let linked = home.run(&["api", "add", "twin", &url(&server), "--config", link.to_str().unwrap()]);
    linked.ok();
    assert!(link.is_symlink() && home.text().contains("[apis.twin]"), "a link stays one");

    std::fs::set_permissions(home.config(), PermissionsExt::from_mode(0o666)).unwrap();
    let run = home.run(&["pets:listPets", "--dry-run"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("everybody can write"), "{}", run.stderr);
}

/// Whatever moment a process is killed at, the file is the old one or the new one.
#[cfg(unix)]
#[test]
fn a_killed_process_leaves_a_good_file() {
    let home = Home::new();
    let file = home.folder.path().join("pets.json");
    std::fs::write(&file, pets("https://p.example", 1)).unwrap();
    home.run(&["api", "add", "first", file.to_str().unwrap()]).ok();
    let mut left = 1;
    for round in 0_u64..24 {
        let name = format!("n{round}");
        let mut command = home.command(&["api", "add", &name, file.to_str().unwrap()]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(1500 * round));
        // It may have ended already.
        let _ = child.kill();
        child.wait().unwrap();
        let names = home.run(&["api", "list", "-o", "names"]).ok().to_owned();
        let count = names.lines().count();
        assert!(names.starts_with("first\n") && (count == left || count == left + 1), "{names}");
        left = count;
    }
    std::fs::write(home.config().with_file_name(".config-left.toml"), "[apis.half").unwrap();
    assert_eq!(home.run(&["first:listPets", "--dry-run"]).code, 0);
}
