//! The cache of documents as the program uses it: by default, once for all processes, not where it is forbidden.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::{Run, opcall_with, program};
use crate::support::{Reply, Server};

/// A document large enough to be kept.
fn document(folder: &Path) -> PathBuf {
    let mut paths = serde_json::Map::new();
    for number in 0..200 {
        let operation = serde_json::json!({"operationId": format!("thing{number}"), "parameters": [
            {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": number + 5}}]});
        paths.insert(format!("/things/{number}"), serde_json::json!({"get": operation}));
    }
    let document = serde_json::json!({"openapi": "3.0.3", "info": {"title": "t", "version": "1"},
        "servers": [{"url": "https://things.example"}], "paths": paths});
    let path = folder.join("things.json");
    fs::write(&path, document.to_string()).unwrap();
    path
}

fn files(cache: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(cache.join("documents")) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn call(cache: &Path, path: &Path, more: &[&str]) -> Run {
    let words = ["--spec", path.to_str().unwrap(), "thing7", "limit=5", "--curl"];
    opcall_with(&[("OPCALL_CACHE_DIR", cache.to_str().unwrap())], &[&words, more].concat())
}

#[test]
fn a_document_is_kept_by_the_first_call_and_read_by_the_second() {
    let folder = tempfile::tempdir().unwrap();
    let (path, cache) = (document(folder.path()), folder.path().join("cache"));
    let first = call(&cache, &path, &[]);
    assert!(first.ok().contains("https://things.example/things/7?limit=5"), "{}", first.stdout);
    assert_eq!(files(&cache).len(), 1);
    assert_eq!(call(&cache, &path, &[]).ok(), first.ok());
    let wrong = |cache: &Path, more: &[&str]| call(cache, &path, &[&["limit=99"], more].concat());
    let (kept, fresh) = (wrong(&cache, &[]), wrong(&cache, &["--no-cache"]));
    assert_eq!((kept.code, &kept.stderr), (fresh.code, &fresh.stderr));
    assert_eq!(kept.code, 2, "{}", kept.stderr);

    // An empty part in the place of all operations would make the second call fail, were it believed.
    let file = &files(&cache)[0];
    let mut bytes = fs::read(file).unwrap();
    let half = bytes.len() / 2;
    bytes[48..half].fill(0);
    fs::write(file, &bytes).unwrap();
    let third = call(&cache, &path, &["--log", "opcall=debug"]);
    assert_eq!(third.ok(), first.ok());
    assert!(third.stderr.contains("damaged"), "the file was looked into: {}", third.stderr);
    assert_ne!(fs::read(&files(&cache)[0]).unwrap(), bytes, "and made again");
    let fourth = call(&cache, &path, &["--log", "opcall=debug"]);
    assert_eq!((fourth.ok(), fourth.stderr.as_str()), (first.ok(), ""));
}

/// Makes what the cache's files hold of operations unreadable, or their heads.
fn damage(cache: &Path, is_head: bool) {
    for file in files(cache) {
        let mut bytes = fs::read(&file).unwrap();
        let (half, last) = (bytes.len() / 2, bytes.len() - 1);
        if is_head {
            bytes[last] ^= 1;
        } else {
            bytes[48..half].fill(0);
        }
        fs::write(&file, bytes).unwrap();
    }
}

#[test]
fn a_repaired_document_is_kept_with_its_overlays() {
    let folder = tempfile::tempdir().unwrap();
    let (path, cache) = (document(folder.path()), folder.path().join("cache"));
    let overlay = folder.path().join("repair.json");
    let repair =
        |host: &str| fs::write(&overlay, format!(r#"{{"servers":[{{"url":"https://{host}"}}]}}"#)).unwrap();
    let run =
        |more: &[&str]| call(&cache, &path, &[&["--overlay", overlay.to_str().unwrap()], more].concat());
    repair("one.example");
    let first = run(&[]);
    assert!(first.ok().contains("https://one.example/things/7?limit=5"), "{}", first.stdout);
    assert_eq!(files(&cache).len(), 1);
    damage(&cache, false);
    let second = run(&["--log", "opcall=debug"]);
    assert_eq!(second.ok(), first.ok());
    assert!(second.stderr.contains("damaged"), "the file was looked into: {}", second.stderr);
    let third = run(&["--log", "opcall=debug"]);
    assert_eq!((third.ok(), third.stderr.as_str()), (first.ok(), ""));
    repair("two.example");
    assert!(run(&[]).ok().contains("https://two.example/things/7"));
    assert!(call(&cache, &path, &[]).ok().contains("https://things.example/things/7"), "as it is without it");
    assert_eq!(files(&cache).len(), 2);
}

#[test]
fn a_remembered_service_is_read_from_what_was_kept_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (text, cache) = (fs::read_to_string(document(folder.path())).unwrap(), folder.path().join("cache"));
    let server = Server::start(move |_, _| Reply::json(200, &text));
    let config = folder.path().join("config.toml");
    let places = (cache.to_str().unwrap(), config.to_str().unwrap());
    let variables = [("OPCALL_CACHE_DIR", places.0), ("OPCALL_CONFIG", places.1), ("TOKEN", "t0ken")];
    let run = |words: &[&str]| opcall_with(&variables, words);
    let call = |more: &[&str]| {
        run(&[&["things:thing7", "limit=5", "--curl", "--log", "opcall=debug"], more].concat())
    };
    let url = format!("{}/things.json", server.url());
    run(&["api", "add", "things", &url, "--auth", "bearer=env:TOKEN"]).ok();
    let fresh = call(&["--no-cache"]);
    assert!(fresh.ok().contains("https://things.example/things/7?limit=5"), "{}", fresh.stdout);
    assert_eq!(files(&cache).len(), 2, "as it is, and over the sign-in that it does not declare");
    let kept = call(&[]);
    assert_eq!((kept.ok(), kept.stderr.as_str()), (fresh.ok(), ""));
    let wrong = |more: &[&str]| call(&[&["limit=99"], more].concat());
    assert_eq!((wrong(&[]).code, wrong(&[]).stderr), (2, wrong(&["--no-cache"]).stderr));

    // Of the first only the head is asked for; both heads are tried for the call, and again for keeping.
    for (is_head, told, count) in [(false, "damaged", 1), (true, "no document that this version kept", 4)] {
        damage(&cache, is_head);
        let again = call(&[]);
        assert_eq!(again.ok(), fresh.ok());
        assert_eq!(again.stderr.matches(told).count(), count, "{}", again.stderr);
        let whole = call(&[]);
        assert_eq!((whole.ok(), whole.stderr.as_str()), (fresh.ok(), ""), "made again");
    }
    assert_eq!(server.count("/things.json"), 1, "calls do not fetch the document");
}

#[test]
fn what_is_kept_stands_for_the_remembered_document_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (text, cache) = (fs::read_to_string(document(folder.path())).unwrap(), folder.path().join("cache"));
    let server = Server::start(move |_, before| {
        let changed = text.replace("things.example", "evil.example");
        Reply::json(200, if before < 2 { &text } else { &changed })
    });
    let config = folder.path().join("config.toml");
    let variables =
        [("OPCALL_CACHE_DIR", cache.to_str().unwrap()), ("OPCALL_CONFIG", config.to_str().unwrap())];
    let run = |words: &[&str]| opcall_with(&variables, words);
    run(&["api", "add", "things", &format!("{}/things.json", server.url())]).ok();
    let call = || run(&["things:thing7", "limit=5", "--curl"]);
    let first = call();
    assert!(first.ok().contains("https://things.example/things/7"));
    assert_eq!(files(&cache).len(), 1);
    let falsify = || {
        let copy = fs::read_dir(cache.join("apis")).unwrap().next().unwrap().unwrap().path();
        let text = fs::read_to_string(&copy).unwrap();
        fs::write(copy, text.replace("things.example", "thongs.example")).unwrap();
    };
    falsify();
    assert_eq!(call().ok(), first.ok(), "the copy is another document: it is fetched again");
    assert_eq!(server.count("/things.json"), 2);
    falsify();
    let refused = call();
    assert_eq!(refused.code, 10, "what the server has now is not what was remembered: {}", refused.stderr);
}

#[test]
fn a_document_of_the_network_is_kept_unless_its_server_forbids_it() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(document(folder.path())).unwrap();
    for (control, count) in [("cache-control: private", 1), ("cache-control: no-store", 0)] {
        let (text, cache) = (text.clone(), folder.path().join(control));
        let server = Server::start(move |_, _| Reply::whole(200, &[control], &text));
        let url = PathBuf::from(format!("{}/things.json", server.url()));
        let first = call(&cache, &url, &[]);
        assert!(first.ok().contains("https://things.example/things/7?limit=5"), "{}", first.stdout);
        assert_eq!(files(&cache).len(), count, "{control}");
        damage(&cache, false);
        let second = call(&cache, &url, &["--log", "opcall=debug"]);
        assert_eq!(second.ok(), first.ok());
        assert_eq!(second.stderr.matches("damaged").count(), count, "{control}: {}", second.stderr);
    }
}

#[test]
fn nothing_is_kept_where_it_is_forbidden_or_not_worth_it() {
    let folder = tempfile::tempdir().unwrap();
    let (path, cache) = (document(folder.path()), folder.path().join("cache"));
    call(&cache, &path, &["--no-cache"]).ok();
    let variables = [("OPCALL_CACHE_DIR", cache.to_str().unwrap()), ("OPCALL_NO_CACHE", "1")];
    opcall_with(&variables, &["--spec", path.to_str().unwrap(), "thing7", "--curl"]).ok();
    opcall_with(&variables[..1], &["check", path.to_str().unwrap()]).ok();
    opcall_with(&variables[..1], &["--spec", "examples/books.yaml", "get_book", "id=7", "--curl"]).ok();
    assert_eq!(files(&cache), [] as [PathBuf; 0]);
    let off = [("OPCALL_CACHE_DIR", cache.to_str().unwrap()), ("OPCALL_NO_CACHE", "0")];
    opcall_with(&off, &["--spec", path.to_str().unwrap(), "ops", "thing7"]).ok();
    assert_eq!(files(&cache).len(), 1, "ops keeps it too");
}

#[test]
fn twenty_processes_at_once_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let (path, cache) = (document(folder.path()), folder.path().join("cache"));
    for round in 0..2 {
        let start = |_| {
            let mut program = program(&["--spec", path.to_str().unwrap(), "thing7", "--curl"]);
            let program =
                program.env("OPCALL_CACHE_DIR", &cache).stdout(Stdio::piped()).stderr(Stdio::piped());
            program.spawn().unwrap()
        };
        let children: Vec<_> = (0..20).map(start).collect();
        for child in children {
            let run = Run::of(child.wait_with_output().unwrap());
            assert!(run.ok().contains("https://things.example/things/7"), "{round}: {}", run.stdout);
            assert_eq!(run.stderr, "", "{round}");
        }
        let names: Vec<_> = files(&cache);
        assert!(names.len() == 1 && names[0].extension().unwrap() == "document", "{round}: {names:?}");
        let kept = call(&cache, &path, &["--log", "opcall=debug"]);
        assert_eq!((kept.ok().is_empty(), kept.stderr.as_str()), (false, ""), "{round}");
        // The second round finds a document of other content, all at once.
        let text = fs::read_to_string(&path).unwrap().replace("\"t\"", "\"other\"");
        fs::write(&path, text).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_document_that_can_be_read_only_once_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let (path, cache) = (document(folder.path()), folder.path().join("cache"));
    let pipe = folder.path().join("pipe.json");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, fs::read(path).unwrap())
    });
    let run = call(&cache, &pipe, &[]);
    writer.join().unwrap().unwrap();
    assert!(run.ok().contains("/things/7"));
    assert_eq!(files(&cache), [] as [PathBuf; 0]);
}
