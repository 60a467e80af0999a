//! SIGINT and SIGTERM end the program, whatever it waits for.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::home::{Home, service, url};
use crate::support::{Reply, Server};

/// So long it may take until a process that waits for something else has ended.
const PATIENCE: Duration = Duration::from_secs(4);

fn start(command: Command) -> Child {
    let mut command = if ignores_some() { heeding(&command) } else { command };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Whether whoever runs these tests ignores one of the signals (`nohup`, `&` in a script), which what it starts would too.
fn ignores_some() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    // HUP, INT and TERM are 1, 2 and 15.
    ignored & (1 | 1 << 1 | 1 << 14) != 0
}

/// The same command, to whose process signals do what they do by default.
fn heeding(command: &Command) -> Command {
    let mut env = Command::new("env");
    env.arg("--default-signal=HUP,INT,TERM").arg(command.get_program()).args(command.get_args());
    let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    env.env_clear().envs(variables);
    if let Some(folder) = command.get_current_dir() {
        env.current_dir(folder);
    }
    env
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
    assert_eq!(said(&mut child).1, "error: interrupted; it was sent, and only reads\n");
}

fn said(child: &mut Child) -> (String, String) {
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    (out, err)
}

/// Whoever stops a call wants to know whether it was sent.
#[test]
fn a_call_that_is_stopped_says_whether_it_was_sent() {
    let server = Server::start(|_, _| Reply::json(200, "{}").after(Duration::from_secs(20)));
    let home = Home::new().with("PANTHER_API_TOKEN", "key");
    // Nobody says a word of TLS: there is no connection yet.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (mute_url, url) = (format!("https://{}", mute.local_addr().unwrap()), server.url());
    for (method, url, further, text) in [
        ("POST", &*url, &[][..], "interrupted; it may have been carried out"),
        ("POST", &url, &["--save", "f"], "interrupted; it may have been carried out"),
        ("GET", &url, &[], "interrupted; it was sent, and only reads"),
        ("POST", &mute_url, &[], "interrupted; nothing was sent"),
    ] {
        let line = [&[method, "/x", "--api", "panther", "--server", url], further].concat();
        let mut child = start(home.command(&line));
        settle();
        assert_eq!(ended_by(&mut child, "INT"), 130);
        let (out, err) = said(&mut child);
        let hint = if text.contains("may have") { "\n  hint: check with a reading operation" } else { "\n" };
        assert!(err.starts_with(&format!("error: {text}{hint}")), "{err}");
        assert_eq!(out, "");
        let mut child = start(home.command(&[&line[..], &["--error-format", "json"]].concat()));
        settle();
        assert_eq!(ended_by(&mut child, "TERM"), 143);
        let told: serde_json::Value = serde_json::from_str(&said(&mut child).1).unwrap();
        assert_eq!((&told["kind"], &told["message"]), (&"interrupted".into(), &text.into()), "{told}");
        assert_eq!(told["sent"], !text.contains("nothing"), "{told}");
        assert_eq!(told["method"], method);
    }
}

/// What is known of how it ended is told, and what to do is told where a repeat is not known to be safe.
#[test]
fn a_call_that_is_stopped_says_what_a_repeat_would_do() {
    let mute = Server::start(|_, _| Reply::json(200, "{}").after(Duration::from_secs(20)));
    let begun = |status: u16| {
        Server::start(move |_, _| Reply::open(format!("HTTP/1.1 {status} S\r\ncontent-length: 9\r\n\r\n{{")))
    };
    let (created, broken, missing) = (begun(201), begun(502), begun(404));
    let home = Home::new().with("PANTHER_API_TOKEN", "key");
    let again = Some("repeat it: a second time changes nothing more.");
    let check = Some("check with a reading operation whether it was carried out before you repeat it.");
    for (server, line, status, hint) in [
        (&mute, &["PUT", "/x"][..], None, again),
        (&mute, &["DELETE", "/x"], None, again),
        (&mute, &["POST", "/x", "--retry-unsafe"], None, again),
        (&mute, &["PATCH", "/x"], None, check),
        (&created, &["POST", "/x"], Some(201), None),
        (&created, &["POST", "/x", "--save", "f"], Some(201), None),
        (&created, &["GET", "/x"], Some(201), None),
        (&missing, &["POST", "/x"], Some(404), None),
        (&broken, &["POST", "/x"], Some(502), check),
        (&broken, &["PUT", "/x"], Some(502), again),
    ] {
        let url = server.url();
        let line = [line, &["--api", "panther", "--server", &url, "--error-format", "json"]].concat();
        let mut child = start(home.command(&line));
        settle();
        assert_eq!(ended_by(&mut child, "INT"), 130);
        let told: serde_json::Value = serde_json::from_str(&said(&mut child).1).unwrap();
        let message = match status {
            Some(status) => format!("interrupted; it was answered with {status}"),
            None => "interrupted; it may have been carried out".to_owned(),
        };
        assert_eq!(told["message"], message, "{line:?}: {told}");
        assert_eq!((told["status"].as_u64(), &told["sent"]), (status, &true.into()), "{line:?}: {told}");
        assert_eq!(told["hint"].as_str(), hint, "{line:?}: {told}");
    }
    assert!(!home.folder.path().join("f").exists() && !home.folder.path().join("f.part").exists());
}

/// Neither a key that was made for this call alone, nor the answer of what a redirect led to, makes a repeat safe.
#[test]
fn a_call_that_is_stopped_is_in_doubt_where_a_repeat_would_be_another_call() {
    let again = std::sync::atomic::AtomicBool::new(false);
    let server = Server::start(move |request, _| match &*request.target {
        "/lose" if !again.swap(true, std::sync::atomic::Ordering::SeqCst) => Reply::raw(""),
        "/lose" => Reply::open("HTTP/1.1 409 S\r\ncontent-length: 9\r\n\r\n{"),
        "/act" => Reply::whole(303, &["location: /seen"], ""),
        "/seen" => Reply::open("HTTP/1.1 404 S\r\ncontent-length: 9\r\n\r\n{"),
        _ => Reply::json(200, "{}").after(Duration::from_secs(20)),
    });
    let home = Home::new();
    let operation = |id: &str, more: &str| format!("{{\"post\": {{\"operationId\": \"{id}\"{more}}}}}");
    let key = ", \"parameters\": [{\"name\": \"Idempotency-Key\", \"in\": \"header\", \"schema\": {\"type\": \"string\"}}]";
    let document = format!(
        "{{\"openapi\": \"3.0.3\", \"servers\": [{{\"url\": \"{}\"}}], \"paths\": {{\"/pay\": {}, \"/lose\": {}, \"/act\": {}}}}}",
        server.url(),
        operation("pay", key),
        operation("lose", key),
        operation("act", "")
    );
    std::fs::write(home.folder.path().join("s.json"), document).unwrap();
    for (line, status, is_in_doubt) in [
        (&["pay"][..], None, true),
        (&["pay", "header.Idempotency-Key=k1"], None, false),
        (&["act", "--follow"], None, true),
        // The answer is that of the second attempt: the first one may have done it.
        (&["lose"], Some(409), true),
    ] {
        let mut child = start(home.command(&[&["--spec", "s.json"][..], line].concat()));
        settle();
        assert_eq!(ended_by(&mut child, "INT"), 130);
        let told = said(&mut child).1;
        let text = match status {
            Some(status) => format!("error: interrupted; it was answered with {status}\n"),
            None => "error: interrupted; it may have been carried out\n".to_owned(),
        };
        assert!(told.starts_with(&text), "{told}");
        assert_eq!(told.contains("hint: check with a reading operation"), is_in_doubt, "{line:?}: {told}");
    }
}

/// The status of GraphQL says nothing of the call: it is in the body.
#[cfg(feature = "logscale")]
#[test]
fn a_mutation_that_is_stopped_is_in_doubt_whatever_status_it_had() {
    let server = Server::start(|_, _| Reply::open("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"data\":"));
    let home = Home::new().with("LOGSCALE_TOKEN", "canary-token");
    for (line, is_in_doubt) in
        [(&["organization_tokens_delete", "id=a"][..], true), (&["organization_tokens_query"], false)]
    {
        let mut child = start(home.command(&[line, &["--server", &server.url()]].concat()));
        settle();
        assert_eq!(ended_by(&mut child, "INT"), 130);
        let told = said(&mut child).1;
        assert!(told.starts_with("error: interrupted; it was answered with 200\n"), "{told}");
        assert_eq!(told.contains("hint: check with a reading operation"), is_in_doubt, "{told}");
    }
}

/// A document that was begun to be fetched leaves nothing in the cache.
#[test]
fn a_document_that_comes_when_the_signal_does_leaves_nothing() {
    let server = Server::start(|_, _| {
        Reply::open(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n{\"openapi\":",
        )
    });
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let home = Home::new();
        let mut child = start(home.command(&["--spec", &url(&server), "ops"]));
        settle();
        assert_eq!(ended_by(&mut child, signal), code);
        let mut left = Vec::new();
        files_below(home.folder.path(), &mut left);
        assert!(left.is_empty(), "{left:?}");
    }
}

/// What was read of a document is kept when a call is done, and nothing of it is begun after a signal.
#[test]
fn a_call_that_is_stopped_begins_no_file_of_its_document() {
    let server = Server::start(|_, _| Reply::json(200, "{}").after(Duration::from_secs(20)));
    let home = Home::new();
    let operation = |number| {
        let schema = "x".repeat(400);
        format!(
            "\"/{number}\":{{\"get\":{{\"operationId\":\"o{number}\",\"summary\":\"{schema}\",\"responses\":{{}}}}}}"
        )
    };
    let paths: Vec<_> = (0..20_000).map(operation).collect();
    let document = format!(
        "{{\"openapi\":\"3.0.3\",\"info\":{{\"title\":\"wide\",\"version\":\"1\"}},\"paths\":{{{}}}}}",
        paths.join(",")
    );
    std::fs::write(home.folder.path().join("wide.json"), document).unwrap();
    let line = ["--spec", "wide.json", "o7", "--server", &server.url()];
    let mut child = start(home.command(&line));
    while server.received().is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "{}", said(&mut child).1);
        settle();
    }
    assert_eq!(ended_by(&mut child, "INT"), 130);
    let mut left = Vec::new();
    files_below(home.folder.path(), &mut left);
    left.retain(|path| path.file_name().is_some_and(|name| name != "wide.json"));
    assert!(left.is_empty(), "{left:?}");
    let looked = home.run(&["--spec", "wide.json", "show", "o7"]);
    assert_eq!(looked.code, 0, "{}", looked.stderr);
    files_below(home.folder.path(), &mut left);
    assert!(left.len() > 1, "a command that ends by itself keeps it");
}

fn files_below(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// A shell that starts a program with `&`, and `nohup`, have it ignore what is meant for others.
#[cfg(target_os = "linux")]
#[test]
fn what_the_program_was_told_to_ignore_ends_nothing() {
    for (signal, other) in [("INT", "TERM"), ("TERM", "INT"), ("HUP", "TERM")] {
        let server = Server::start(|_, _| Reply::json(200, "{}").after(Duration::from_secs(20)));
        let home = Home::new();
        let program = home.command(&[]).get_program().to_owned();
        let script = format!(
            "trap '' {signal}; exec {} GET /x --api panther --server {}",
            program.display(),
            server.url()
        );
        let mut command = Command::new("sh");
        command.args(["-c", &script]).env_clear().env("PANTHER_API_TOKEN", "key");
        let mut child = start(command);
        settle();
        assert!(
            Command::new("kill")
                .args([&format!("-{signal}"), &child.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
        settle();
        assert!(child.try_wait().unwrap().is_none(), "{signal} ended it");
        let code = if other == "INT" { 130 } else { 143 };
        assert_eq!(ended_by(&mut child, other), code);
    }
}

/// What was carried out is not thrown away with what is not done yet.
#[test]
fn a_batch_that_is_stopped_tells_of_every_line_that_was_begun() {
    let server = Server::start(|request, _| {
        let wait = if request.target.ends_with("slow") { Duration::from_secs(20) } else { Duration::ZERO };
        Reply::json(200, "{\"n\":1}").after(wait)
    });
    let home = Home::new().with("PANTHER_API_TOKEN", "key");
    let line = |id: usize, path: &str| {
        format!("{{\"id\":{id},\"operation\":\"panther:POST {path}\",\"server\":\"{}\"}}\n", server.url())
    };
    let input: String =
        [(1, "/slow"), (2, "/fast"), (3, "/slow"), (4, "/fast")].map(|(id, path)| line(id, path)).concat();
    std::fs::write(home.folder.path().join("calls"), input).unwrap();
    let mut child = start(home.command(&["batch", "calls", "--concurrency", "3"]));
    settle();
    assert_eq!(ended_by(&mut child, "INT"), 130);
    let (out, err) = said(&mut child);
    assert_eq!(err, "note: 3 lines: 1 succeeded, 2 interrupted\n");
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = lines.iter().map(|line| (line["id"].clone(), line["error"]["sent"].clone())).collect();
    let (yes, none) = (serde_json::json!(true), serde_json::Value::Null);
    assert_eq!(told, [(1.into(), yes.clone()), (2.into(), none), (3.into(), yes)], "{out}");
    assert_eq!(lines[0]["error"]["kind"], "interrupted");
    assert_eq!(lines[0]["error"]["message"], "interrupted; it may have been carried out");
    assert_eq!(lines[1]["status"], 200);
}

/// The terminal that is closed ends what it started, but not what was told to go on without it.
#[cfg(target_os = "linux")]
#[test]
fn a_closed_terminal_ends_a_call() {
    let server = Server::start(|_, _| Reply::json(200, "{}").after(Duration::from_secs(20)));
    let home = Home::new().with("PANTHER_API_TOKEN", "key");
    let mut child = start(home.command(&["api_token#get", "id=a", "--server", &server.url(), "--save", "f"]));
    settle();
    assert!(home.folder.path().join("f.part").exists());
    assert_eq!(ended_by(&mut child, "HUP"), 129);
    assert!(!home.folder.path().join("f.part").exists(), "what was begun is cleared away");

    let server = Server::start(|_, _| Reply::json(200, "{}").after(Duration::from_millis(1500)));
    let program = home.command(&[]).get_program().to_owned();
    let script =
        format!("trap '' HUP; exec {} api_token#get id=a --server {}", program.display(), server.url());
    let mut command = Command::new("sh");
    command.args(["-c", &script]).env_clear().env("PANTHER_API_TOKEN", "key");
    let mut child = start(command);
    settle();
    assert!(Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0), "it was told to ignore that");
}
