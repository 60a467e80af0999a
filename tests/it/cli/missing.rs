//! Names that mean nothing, or what cannot be called: what is said of them, and that nothing else is called in their place.

use std::io::Read as _;
use std::net::TcpListener;
use std::path::Path;

use serde_json::json;

use super::home::{Home, pets};
use super::{Run, opcall, opcall_with};
use crate::support::{Reply, Server};

fn hint(run: &Run) -> &str {
    run.stderr.split_once("hint: ").map_or("", |(_, hint)| hint.trim_end())
}

/// A document that is read whole, whose operation `DELETE /t` is faulty.
fn faulty(folder: &Path, id: &str) {
    let document = json!({
        "openapi": "3.0.3",
        "info": {"title": "t", "version": "1"},
        "servers": [{"url": "https://mine.example"}],
        "paths": {
            "/t": {"delete": {"operationId": id, "parameters": [{"$ref": "parts.json#/bad"}], "responses": {}}},
            "/u": {"$ref": "parts.json#/item"},
        },
    });
    let parts = json!({"bad": {"name": "ids"}, "item": {"get": {"operationId": "other", "responses": {}}}});
    std::fs::write(folder.join("mine.json"), document.to_string()).unwrap();
    std::fs::write(folder.join("parts.json"), parts.to_string()).unwrap();
}

#[test]
fn a_faulty_operation_is_taken_from_no_other_service() {
    let home = Home::new();
    faulty(home.folder.path(), "tokens_delete");
    for line in [
        &["--spec", "mine.json", "tokens_delete", "ids=x", "--dry-run"][..],
        &["--spec", "mine.json", "tokens.delete", "ids=x", "--dry-run"],
        &["--spec", "mine.json", "mine:tokens_delete", "ids=x", "--dry-run"],
        &["--spec", "mine.json", "--api", "mine", "tokens_delete", "ids=x", "--dry-run"],
        &["show", "--spec", "mine.json", "tokens_delete"],
    ] {
        let run = home.run(line);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{line:?}: {}", run.stderr);
        assert!(run.stderr.contains("error: mine.json:1:"), "{line:?}: {}", run.stderr);
        assert!(run.stderr.contains("`in` is missing"), "{line:?}: {}", run.stderr);
        assert!(hint(&run).contains("`opcall check mine.json`"), "{line:?}: {}", run.stderr);
    }
    let named = home.run(&["--spec", "mine.json", "falcon:tokens_delete", "ids=x", "--dry-run"]);
    assert!(named.ok().contains("https://api.crowdstrike.com/"), "{}", named.stdout);

    std::fs::write(
        home.folder.path().join("lines"),
        "{\"operation\":\"tokens_delete\",\"params\":{\"ids\":[\"x\"]}}\n{\"operation\":\"other\"}\n",
    )
    .unwrap();
    let run = home.run(&["batch", "lines", "--spec", "mine.json", "--dry-run"]);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines[0].contains("`in` is missing") && !lines[0].contains("crowdstrike"), "{}", lines[0]);
    assert!(lines[1].contains("https://mine.example/u"), "{}", lines[1]);
}

#[test]
fn a_faulty_operation_is_taken_from_no_remembered_service() {
    let home = Home::new();
    std::fs::write(home.folder.path().join("pets.json"), pets("https://p.example", 1)).unwrap();
    home.run(&["api", "add", "shop", "pets.json"]).ok();
    faulty(home.folder.path(), "listPets");
    let run = home.run(&["--spec", "mine.json", "listPets", "--dry-run"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
    assert!(run.stderr.contains("`in` is missing"), "{}", run.stderr);
    assert!(home.run(&["--spec", "mine.json", "shop:listPets", "--dry-run"]).ok().contains("p.example"));
    let run = home.run(&["batch", "lines", "--spec", "mine.json", "--dry-run"]);
    assert_ne!(run.code, 0);
}

#[test]
fn services_to_choose_from_are_the_remembered_ones_too() {
    let home = Home::new();
    std::fs::write(home.folder.path().join("pets.json"), pets("https://p.example", 1)).unwrap();
    home.run(&["api", "add", "books", "pets.json"]).ok();
    std::fs::write(home.folder.path().join("lines"), "{\"operation\":\"listPets\"}\n").unwrap();
    let wanted =
        "did you mean `books`? Else choose one of falcon, logscale, panther, books, or load its document.";
    for line in [
        &["--api", "boks", "listPets"][..],
        &["boks:listPets"],
        &["show", "--api", "boks", "listPets"],
        &["ops", "--api", "boks"],
        #[cfg(feature = "sandbox")]
        &["sandbox", "--api", "boks"],
    ] {
        let run = home.run(line);
        assert!(run.stderr.starts_with("error: no service is called \"boks\"\n"), "{line:?}: {}", run.stderr);
        assert_eq!((hint(&run), run.stdout.as_str()), (wanted, ""), "{line:?}");
        assert_ne!(run.code, 0, "{line:?}");
    }
    let run = home.run(&["batch", "lines", "--api", "boks", "--dry-run"]);
    assert!(run.stdout.contains("did you mean `books`?"), "{}", run.stdout);
    assert_eq!(home.run(&["ops", "--api", "books", "-o", "names"]).ok().lines().count(), 2);
}

#[test]
fn what_is_no_name_of_a_service_is_not_told_as_one() {
    for (item, name) in [("limit:=5", "limit"), ("X-Note:ci", "X-Note"), ("limit=s3cret", "limit")] {
        let run = opcall(&[item, "tokens_query"]);
        let wanted = format!("error: \"{name}\" is an argument, and stands before the operation\n");
        assert!(run.stderr.starts_with(&wanted), "{}", run.stderr);
        assert_eq!(hint(&run), "arguments stand after the operation: `opcall tokens_query ...`.");
        assert!(run.code == 2 && !run.stderr.contains("s3cret"), "{}", run.stderr);
    }
    for name in ["limit:=5", "https://api.crowdstrike.com/x", "GET:/x", "get:x", "tokens_query:1"] {
        let run = opcall(&[name]);
        assert!(
            run.stderr.starts_with(&format!("error: no operation is called \"{name}\"")),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn mistyped_options_of_the_program_are_known() {
    for (line, near) in
        [(&["--hepl"][..], "--help"), (&["--versoin"], "--version"), (&["--verison"], "--version")]
    {
        let run = opcall(line);
        assert_eq!((run.code, hint(&run)), (2, format!("did you mean `{near}`?").as_str()), "{line:?}");
    }
    for line in [&["--limit", "5", "tokens_query", "check"][..], &["--limit", "-o", "json", "5", "ops"]] {
        let run = opcall(line);
        assert!(run.stderr.starts_with("error: `--limit` is no option of opcall\n"), "{}", run.stderr);
        assert!(hint(&run).ends_with("its arguments stand after the operation."), "{}", run.stderr);
    }
}

#[test]
fn a_fault_names_a_check_that_shows_it() {
    let server = Server::start(|request, _| {
        let body = r##"{"openapi": "3.0.3", "servers": [{"url": "https://a.test"}], "paths": {"/a": {"get": {
            "operationId": "a", "parameters": [{"$ref": "#/gone"}]}}}}"##;
        assert!(request.target.starts_with("/d.json"));
        Reply::json(200, body)
    });
    let url = format!("{}/d.json", server.url());
    let secret = format!("{url}?key=s3cret");
    let check = format!("correct the document; `opcall check {url}` shows all that is wrong with it.");
    for (line, wanted) in [
        (&["--spec", &url, "a"][..], check.as_str()),
        (&["--spec", &secret, "a"], "correct the document."),
        (&["--spec", &url, "--spec-header", "x-key: s3cret", "a"], "correct the document."),
    ] {
        let run = opcall(line);
        assert_eq!(hint(&run), wanted, "{}", run.stderr);
        assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
    }

    let home = Home::new();
    std::fs::write(home.folder.path().join("pets.json"), pets("https://p.example", 1)).unwrap();
    let overlay = json!({"overlay": "1.0.0", "info": {"title": "o", "version": "1"}, "actions": [
        {"target": "$.paths['/old'].get", "update": {"parameters": [{"$ref": "#/gone"}]}}]});
    std::fs::write(home.folder.path().join("o.json"), overlay.to_string()).unwrap();
    let run = home.run(&["--spec", "pets.json", "--overlay", "o.json", "oldOnes"]);
    assert_eq!(
        hint(&run),
        "correct the document or its overlay; `opcall check pets.json --overlay o.json` shows all that is wrong with it.",
        "{}",
        run.stderr
    );
    assert!(home.run(&["check", "pets.json", "--overlay", "o.json"]).stdout.contains("#/gone"));
}

/// A server that takes connections and never answers.
fn silent() -> String {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/d.json", server.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut taken = Vec::new();
        for mut stream in server.incoming().flatten() {
            let _ = stream.read(&mut [0; 1024]);
            taken.push(stream);
        }
    });
    url
}

#[test]
fn a_fetch_names_the_time_that_ran_out() {
    let url = silent();
    let wanted =
        |option: &str| format!("give it more time with {option}, or save the document and give the file.");
    for option in ["--timeout", "--max-time"] {
        let run = opcall(&["--spec", &url, "a", option, "300ms"]);
        assert_eq!((run.code, hint(&run)), (28, wanted(option).as_str()), "{}", run.stderr);
    }
    for (name, option) in [("max_time", "--max-time"), ("timeout", "--timeout")] {
        let home = Home::new();
        home.configure(&format!("[defaults]\n{name} = \"300ms\"\n"));
        let run = home.run(&["--spec", &url, "a"]);
        assert_eq!((run.code, hint(&run)), (28, wanted(option).as_str()), "{}", run.stderr);
        let run = home.run(&["ops", "--spec", &url]);
        assert_eq!((run.code, hint(&run)), (28, "try again later, or save the document and give the file."));
    }
}

#[test]
fn the_copy_of_a_document_serves_whichever_time_runs_out() {
    let server = Server::start(|_, before| match before {
        0 => Reply::whole(200, &["etag: \"a\""], &pets("https://p.example", 1)),
        _ => Reply::open(""),
    });
    let home = Home::new();
    let url = format!("{}/openapi.json", server.url());
    let line = |option| ["--spec", &url, "listPets", "--dry-run", option, "400ms"].map(str::to_owned);
    home.run(&["--spec", &url, "listPets", "--dry-run"]).ok();
    for option in ["--timeout", "--max-time"] {
        let line = line(option);
        let run = home.run(&line.each_ref().map(String::as_str));
        assert!(run.ok().contains("https://p.example/pets"), "{option}: {}", run.stdout);
        assert!(run.stderr.contains("in the cache is used"), "{option}: {}", run.stderr);
    }
}

#[test]
fn a_variable_counts_where_it_is_asked_for() {
    let wrong = [("OPCALL_TOKEN_CACHE", "yes"), ("HOME", "/nowhere")];
    for line in [
        &["tokens_query", "--dry-run"][..],
        &["tokens_query", "--curl"],
        #[cfg(feature = "sandbox")]
        &["tokens_query", "--sandbox"],
    ] {
        opcall_with(&wrong, line).ok();
    }
    let server = super::closed_port();
    let line = ["tokens_query", "--server", &server];
    let with = |more: &'static str| [&line[..], &[more]].concat();
    for more in ["--no-token-cache", "--token-cache"] {
        let run = opcall_with(&wrong, &with(more));
        assert!(!run.stderr.contains("OPCALL_TOKEN_CACHE"), "{more}: {}", run.stderr);
    }
    let run = opcall_with(&wrong, &line);
    assert_eq!(run.code, 2);
    assert!(run.stderr.starts_with("error: OPCALL_TOKEN_CACHE: "), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    for name in ["OPCALL_TIMEOUT", "OPCALL_API", "OPCALL_CONFIG"] {
        let mut command = super::program(&["tokens_query", "--dry-run"]);
        let run = Run::of(command.env(name, OsStr::from_bytes(b"s3cret\xff")).output().unwrap());
        assert_eq!(run.code, 2, "{name}");
        assert!(
            run.stderr.starts_with(&format!("error: the value of {name} is not UTF-8\n")),
            "{}",
            run.stderr
        );
        assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
    }
}
