//! The code a run ends with is that of the call, whoever reads what it prints.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use super::home::Home;
use super::{Canned, KEY, program};
use crate::support::{Reply, Server};

/// Runs a program whose standard output nobody reads: its code and its standard error.
fn unread(mut command: Command) -> (Option<i32>, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn panther(arguments: &[&str]) -> Command {
    let mut command = program(arguments);
    command.envs([KEY]);
    command
}

#[test]
fn a_refusal_that_nobody_reads_is_one_all_the_same() {
    let server = Canned::start("500 Oh No\r\ncontent-type: application/json", br#"{"message":"broken"}"#);
    let line = ["panther:api_token#get", "id=a", "--retry", "0", "--server", &server.url()];
    for further in [&[][..], &["-i"], &["-o", "json"], &["--paginate"], &["-v"]] {
        let (code, told) = unread(panther(&[&line, further].concat()));
        assert_eq!(code, Some(5), "{further:?}: {told}");
        assert!(told.contains("error: panther refused api token#get with 500"), "{further:?}: {told}");
    }
}

#[test]
fn what_nobody_reads_is_no_failure() {
    let server = Canned::start("200 OK\r\ncontent-type: application/json", br#"{"results":[]}"#);
    let line = ["panther:api_token#get", "id=a", "--server", &server.url()];
    for further in [&[][..], &["-i"], &["-o", "ndjson"]] {
        assert_eq!(unread(panther(&[&line, further].concat())), (Some(0), String::new()), "{further:?}");
    }
}

#[test]
fn a_batch_that_nobody_reads_ends_with_the_highest_code_so_far() {
    let server = Canned::start("500 Oh No", b"broken");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("calls.ndjson");
    let file = file.to_str().unwrap();
    let call = "{\"operation\":\"panther:api_token#get\",\"params\":{\"id\":\"a\"}}\n";
    std::fs::write(file, call.repeat(3)).unwrap();
    let batch = ["batch", file, "--retry", "0", "--server", &server.url()];
    assert_eq!(unread(panther(&batch)).0, Some(5));
    std::fs::write(file, "{\"operation\":\"no such operation\"}\n".repeat(3)).unwrap();
    assert_eq!(unread(panther(&["batch", file, "--dry-run"])).0, Some(2));
    std::fs::write(file, call.repeat(3)).unwrap();
    assert_eq!(unread(panther(&["batch", file, "--dry-run"])).0, Some(0));
}

/// What was begun when nobody took lines any more is brought to its end, and counted; nothing is begun after that.
#[test]
fn a_batch_whose_output_ends_counts_what_was_under_way() {
    let server = Server::start(|request, _| {
        let slow = Duration::from_millis(if request.target == "/1" { 0 } else { 400 });
        Reply::json(if request.target == "/3" { 404 } else { 200 }, "{}").after(slow)
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("calls.ndjson");
    let line = |number| format!("{{\"operation\":\"panther:POST /{number}\"}}\n");
    std::fs::write(&file, (1..=9).map(line).collect::<String>()).unwrap();
    let batch = ["batch", file.to_str().unwrap(), "--concurrency", "3", "--server", &server.url()];
    let note = "note: 3 lines: 2 succeeded, 1 ended with 4; 3 results could not be written, from line 1 on\n";
    assert_eq!(unread(panther(&batch)), (Some(4), note.to_owned()));
    assert_eq!(server.received().len(), 3);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = panther(&batch).stdout(full).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    let error =
        "error: writing to standard output failed\n  caused by: No space left on device (os error 28)\n";
    assert_eq!((output.status.code(), told), (Some(1), format!("{note}{error}")));
    assert_eq!(server.received().len(), 6);
}

#[test]
fn a_file_that_does_not_load_is_told_of_whoever_reads() {
    let folder = tempfile::tempdir().unwrap();
    let (bad, good) = (folder.path().join("bad.json"), folder.path().join("good.json"));
    std::fs::write(&bad, "{").unwrap();
    std::fs::write(&good, super::home::pets("https://a.example", 1)).unwrap();
    let (bad, good) = (bad.to_str().unwrap(), good.to_str().unwrap());
    assert_eq!(unread(program(&["check", bad, good])).0, Some(1));
    assert_eq!(unread(program(&["check", good, bad])).0, Some(1));
    assert_eq!(unread(program(&["check", good, good])).0, Some(0));
}

#[test]
fn a_status_that_nobody_reads_has_its_code() {
    let server = Canned::start("401 No", b"{}");
    let mut command = program(&["auth", "status", "falcon"]);
    command
        .env("FALCON_BASE_URL", server.url())
        .env("FALCON_CLIENT_ID", "id")
        .env("FALCON_CLIENT_SECRET", "s");
    assert_eq!(unread(command).0, Some(8));
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_written_is_a_failure() {
    let server = Canned::start("200 OK", b"all of it");
    let line = ["panther:api_token#get", "id=a", "--server", &server.url()];
    let (code, told) = unread(panther(&[&line[..], &["--save", "/dev/stdout"]].concat()));
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("\n  caused by: writing \"/dev/stdout\" failed\n"), "{told}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("saved");
    let (code, told) = unread(panther(&[&line[..], &["-i", "--save", file.to_str().unwrap()]].concat()));
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(std::fs::read(file).unwrap(), b"all of it", "the head is all that nobody reads");
}

/// What was carried out is never told as unsent, whatever becomes of its answer here.
#[cfg(target_os = "linux")]
#[test]
fn a_call_whose_answer_cannot_be_written_was_carried_out() {
    let done = Canned::start("200 OK\r\ncontent-type: application/json", br#"{"items":[]}"#);
    let accepted = Canned::start("202 Accepted\r\ncontent-type: application/json", b"{}");
    let refused = Canned::start("409 No\r\ncontent-type: application/json", br#"{"message":"no"}"#);
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for (server, further, status, text) in [
        (&done, &[][..], 200, "POST /x was carried out (200), only its answer could not be written"),
        (
            &done,
            &["--save", "/dev/full"],
            200,
            "POST /x was carried out (200), only its answer could not be written",
        ),
        (&accepted, &[], 202, "POST /x was accepted (202), only its answer could not be written"),
        (&refused, &[], 409, "POST /x was refused with 409, and the answer could not be written"),
    ] {
        let line = ["POST", "/x", "--api", "panther", "--server", &server.url()];
        let told = |format| {
            let line = [&line[..], further, &["--error-format", format]].concat();
            let output = panther(&line).stdout(full()).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{further:?}");
            String::from_utf8(output.stderr).unwrap()
        };
        let said = told("text");
        assert!(said.starts_with(&format!("error: {text}\n  caused by: writing ")), "{said}");
        assert!(said.ends_with("caused by: No space left on device (os error 28)\n"), "{said}");
        let said: serde_json::Value = serde_json::from_str(&told("json")).unwrap();
        assert_eq!(
            (&said["kind"], &said["status"], &said["attempts"], &said["sent"]),
            (&json!("io"), &json!(status), &json!(1), &json!(true)),
            "{said}"
        );
    }
    let line = ["POST", "/x", "--api", "panther", "--server", &done.url(), "--save", "/nonexistent/x"];
    let output = panther(&[&line[..], &["--error-format", "json"]].concat()).output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!((&said["sent"], &said["status"]), (&json!(false), &json!(null)), "{said}");
}

/// What cannot be shown as asked for was answered all the same.
#[test]
fn an_answer_of_another_kind_was_one() {
    let server = Canned::start("200 OK\r\ncontent-type: text/plain", b"plain");
    let line = ["POST", "/x", "--api", "panther", "--server", &server.url(), "--error-format", "json"];
    for output in ["json", "ndjson"] {
        let said = panther(&[&line[..], &["-o", output]].concat()).output().unwrap();
        let said: serde_json::Value = serde_json::from_slice(&said.stderr).unwrap();
        assert_eq!(
            (&said["status"], &said["attempts"], &said["sent"]),
            (&json!(200), &json!(1), &json!(true)),
            "{said}"
        );
    }
}

#[test]
fn a_graphql_answer_is_looked_at_before_it_is_saved() {
    let home = Home::new().with("LOGSCALE_TOKEN", "canary-token");
    let body = br#"{"data":null,"errors":[{"message":"no such token"}]}"#;
    let server = Canned::start("200 OK\r\ncontent-type: application/json", body);
    let line = ["organization_tokens_delete", "id=a", "--server", &server.url(), "--save", "g.out"];
    let run = home.run(&line);
    assert_eq!((run.code, run.stdout.as_bytes()), (6, &body[..]), "{}", run.stderr);
    let left: Vec<_> =
        std::fs::read_dir(home.folder.path()).unwrap().flatten().map(|it| it.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("g.out")), "{left:?}");

    let body = br#"{"data": {"deleteToken" : true}}"#;
    let server = Canned::start("200 OK\r\ncontent-type: application/json", body);
    let line = ["organization_tokens_delete", "id=a", "--server", &server.url(), "--save", "g.out"];
    let run = home.run(&line);
    assert_eq!((run.ok(), run.stderr.as_str()), ("", "note: 32 bytes saved to g.out\n"));
    assert_eq!(std::fs::read(home.folder.path().join("g.out")).unwrap(), body);
}
