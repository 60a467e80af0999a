//! SIGINT and SIGTERM end the program, whatever it waits for.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::home::{Home, service, url};
use crate::support::{Reply, Server};

/// So long it may take until a process that waits for something else has ended.
const PATIENCE: Duration = Duration::from_secs(4);

fn start(mut command: Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Sends a signal, and returns the code that a shell shows for how the process ended.
fn ended_by(child: &mut Child, signal: &str) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;

    let id = child.id().to_string();
    assert!(Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap().success());
    let sent = Instant::now();
    while sent.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().or(status.signal().map(|number| 128 + number)).unwrap();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    panic!("it is still there {PATIENCE:?} after {signal}");
}

/// Lets a process come to where it waits: what it does before takes milliseconds.
fn settle() {
    std::thread::sleep(Duration::from_millis(700));
}

#[test]
fn reading_ends() {
    let ((server, _), home) = (service(), Home::new());
    let url = url(&server);
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        for line in [&["--spec", &url, "batch", "--dry-run"][..], &["--spec", &url, "listPets", "@-"]] {
            let mut child = start(home.command(line));
            settle();
            assert_eq!(ended_by(&mut child, signal), code, "{line:?}");
        }
    }
}

#[cfg(feature = "sandbox")]
#[test]
fn reading_for_the_sandbox_ends() {
    let home = Home::new();
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        for line in [&["--sandbox", "tokens_create", "@-"][..], &["--sandbox", "batch"]] {
            let mut child = start(home.command(line));
            settle();
            assert_eq!(ended_by(&mut child, signal), code, "{line:?}");
        }
    }
}

#[cfg(feature = "sandbox")]
#[test]
fn a_signal_at_any_moment_of_the_start_ends_it() {
    let home = Home::new();
    for wait in 0..30 {
        let mut child = start(home.command(&["--sandbox", "tokens_create", "@-"]));
        std::thread::sleep(Duration::from_millis(wait));
        assert_eq!(ended_by(&mut child, "TERM"), 143, "after {wait} ms");
    }
}

/// Before and after the moment at which a call begins to listen.
#[test]
fn a_signal_at_any_moment_of_a_call_ends_it() {
    let server = Server::start(|_, _| Reply::json(200, "{}").after(Duration::from_secs(20)));
    let home = Home::new().with("PANTHER_API_TOKEN", "key");
    for wait in (0..160).step_by(8) {
        let mut child = start(home.command(&["api_token#get", "id=a", "--server", &server.url()]));
        std::thread::sleep(Duration::from_millis(wait));
        let told = Instant::now();
        assert_eq!(ended_by(&mut child, "TERM"), 143, "after {wait} ms");
        assert!(told.elapsed() < Duration::from_millis(450), "after {wait} ms: nothing holds it up");
    }
}

#[test]
fn writing_ends() {
    let server = Server::start(|_, _| Reply::json(200, &format!("\"{}\"", "x".repeat(4 << 20))));
    let home = Home::new().with("PANTHER_API_TOKEN", "key");
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut child = start(home.command(&["api_token#get", "id=a", "--server", &server.url()]));
        settle();
        assert_eq!(ended_by(&mut child, signal), code);
    }
}

#[test]
fn waiting_for_an_answer_ends_at_once() {
    let server = Server::start(|_, _| Reply::json(200, "{}").after(Duration::from_secs(20)));
    let home = Home::new().with("PANTHER_API_TOKEN", "key");
    let mut child = start(home.command(&["api_token#get", "id=a", "--server", &server.url(), "--save", "f"]));
    settle();
    assert!(home.folder.path().join("f.part").exists());
    let told = Instant::now();
    assert_eq!(ended_by(&mut child, "TERM"), 143);
    assert!(told.elapsed() < Duration::from_millis(450), "nothing holds it up");
    assert!(!home.folder.path().join("f.part").exists(), "what was begun is cleared away");
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
}
