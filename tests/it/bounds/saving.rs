//! `--save FILE`: a file that is there whole or not at all.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use super::{Raw, wait_for_the_end};
use crate::cli::{Run, opcall_with};
use crate::support::{Reply, Server};

fn save(url: &str, file: &Path, further: &[&str]) -> Run {
    let mut arguments = vec!["panther:api_token_list", "--server", url, "-O", file.to_str().unwrap()];
    arguments.extend(further);
    opcall_with(&[("PANTHER_API_TOKEN", "k")], &arguments)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    entries.map(|name| name.to_string_lossy().into_owned()).collect()
}

#[test]
fn the_body_goes_to_the_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    let server = Server::start(|_, _| Reply::json(200, "{\"a\": 1.0}"));
    let run = save(&server.url(), &file, &[]);
    assert_eq!(run.ok(), "");
    assert_eq!(run.stderr, format!("note: 10 bytes saved to {}\n", file.display()));
    assert_eq!(fs::read_to_string(&file).unwrap(), "{\"a\": 1.0}");
    let run = save(&server.url(), &file, &["-q", "-i"]);
    assert!(run.ok().starts_with("HTTP 200\ncontent-length: 10\n"), "{}", run.stdout);
    assert_eq!(run.stderr, "");
    assert_eq!(names(folder.path()), ["report.json"]);
}

#[test]
fn an_answer_larger_than_is_printed_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large");
    let server = Server::start(|_, _| Reply::whole(200, &[], &"x".repeat(100_000)));
    let run = save(&server.url(), &file, &["--max-body", "1kB"]);
    run.ok();
    assert_eq!(fs::metadata(&file).unwrap().len(), 100_000);
    let arguments = ["panther:api_token_list", "--server", &server.url(), "--max-body", "1kB"];
    let run = opcall_with(&[("PANTHER_API_TOKEN", "k")], &arguments);
    assert_eq!(run.code, 10);
    assert_eq!(
        run.stderr,
        "error: the answer is larger than 1000 bytes; the call was answered with 200\n  \
         hint: raise the limit with --max-body, or save it with --save FILE, if such an answer is expected.\n"
    );
    // What was done is not done again for the sake of its answer.
    let changing = ["panther:POST /new/thing", "--server", &server.url(), "--max-body", "1kB"];
    let run = opcall_with(&[("PANTHER_API_TOKEN", "k")], &changing);
    assert_eq!(run.code, 10, "{}", run.stderr);
    assert!(
        run.stderr.contains("hint: check with a reading operation whether it was carried out"),
        "{}",
        run.stderr
    );
}

#[test]
fn what_fails_leaves_the_old_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    fs::write(&file, "old").unwrap();
    let stalling = || Raw::stalling("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nnew");
    let broken = Server::start(|_, _| Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nnew"));
    let refusing = Server::start(|_, _| Reply::json(404, "{\"message\":\"no\"}"));
    for (url, code, text) in [
        (stalling().url(), 28, "with --idle-timeout"),
        (broken.url(), 9, "broke off after 3 bytes; it was sent"),
        (refusing.url(), 4, "refused api token#list with 404: no"),
    ] {
        let keep = stalling();
        let url = if code == 28 { keep.url() } else { url };
        let run = save(&url, &file, &["--idle-timeout", "300ms"]);
        assert_eq!(run.code, code, "{}", run.stderr);
        assert!(run.stderr.contains(text), "{}", run.stderr);
        assert_eq!(run.stdout, if code == 4 { "{\"message\":\"no\"}" } else { "" });
        assert_eq!(fs::read_to_string(&file).unwrap(), "old");
        assert_eq!(names(folder.path()), ["report.json"]);
    }
}

/// What is said of the call's time bounds a download too, the five minutes that nobody said do not.
#[test]
fn a_download_ends_with_the_time_of_its_call() {
    let folder = tempfile::tempdir().unwrap();
    let (file, config) = (folder.path().join("slow"), folder.path().join("config.toml"));
    fs::write(&config, "[defaults]\nmax_time = \"1s\"\n").unwrap();
    let server = Raw::start(|mut socket| {
        super::read_head(&mut socket);
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
        while socket.write_all(b"x").is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    });
    for further in [["--max-time", "1s"], ["--config", config.to_str().unwrap()]] {
        let run = save(&server.url(), &file, &further);
        assert_eq!(run.code, 28, "{}", run.stderr);
        assert!(run.stderr.contains("caused by: the call was not done within 1s"), "{}", run.stderr);
        assert_eq!(names(folder.path()), ["config.toml"]);
    }
}

#[test]
fn a_place_that_cannot_be_written_is_told_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let sink = Server::sink();
    for file in [folder.path().to_owned(), folder.path().join("no").join("folder")] {
        let run = save(&sink.url(), &file, &[]);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(run.stderr.starts_with("error: writing \""), "{}", run.stderr);
    }
    assert!(sink.received().is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_of_the_disk() {
    let server = Server::start(|_, _| Reply::json(200, "{}"));
    let run = save(&server.url(), Path::new("/dev/full"), &[]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert_eq!(
        run.stderr,
        "error: api token#list was carried out (200), only its answer could not be written\n  \
         caused by: writing \"/dev/full\" failed\n  caused by: No space left on device (os error 28)\n"
    );
    save(&server.url(), Path::new("/dev/null"), &[]).ok();
}

#[cfg(unix)]
#[test]
fn a_file_keeps_its_mode_and_a_link_stays() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&file, &link).unwrap();
    let server = Server::start(|_, _| Reply::json(200, "{}"));
    save(&server.url(), &link, &[]).ok();
    assert_eq!(fs::read_to_string(&file).unwrap(), "{}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

/// Two downloads to one file do not mix: the second one says that the first one is there.
#[test]
fn one_download_at_a_time_writes_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let receiver = std::sync::Mutex::new(receiver);
    let server = Raw::start(move |mut socket| {
        super::read_head(&mut socket);
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\none");
        let _ = receiver.lock().unwrap().recv();
        let _ = socket.write_all(b"two");
        wait_for_the_end(&mut socket);
    });
    let first = std::thread::spawn({
        let (url, file) = (server.url(), file.clone());
        move || save(&url, &file, &[])
    });
    let part = folder.path().join("file.part");
    while !fs::metadata(&part).is_ok_and(|part| part.len() == 3) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let second = save(&server.url(), &file, &[]);
    assert_eq!(second.code, 1, "{}", second.stderr);
    assert!(second.stderr.contains("another download writes it"), "{}", second.stderr);
    sender.send(()).unwrap();
    first.join().unwrap().ok();
    assert_eq!(fs::read_to_string(&file).unwrap(), "onetwo");
    assert_eq!(names(folder.path()), ["file"]);
}

/// `[defaults]` of the configuration bounds what the command line does not.
#[test]
fn the_configuration_bounds_calls() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    fs::write(&config, "[defaults]\ntimeout = \"200ms\"\nmax_body = \"1kB\"\n").unwrap();
    let call = |url: &str, further: &[&str]| {
        let config = config.to_str().unwrap();
        let mut arguments = vec!["panther:api_token_list", "--server", url, "--config", config];
        arguments.extend(further);
        opcall_with(&[("PANTHER_API_TOKEN", "k")], &arguments)
    };
    let mute = Raw::stalling("");
    assert_eq!(call(&mute.url(), &[]).code, 28);
    let large = Server::start(|_, _| Reply::json(200, &format!("\"{}\"", "x".repeat(2000))));
    assert_eq!(call(&large.url(), &["--timeout", "20s"]).code, 10);
    call(&large.url(), &["--max-body", "64KiB", "--timeout", "20s"]).ok();
    for (text, problem) in [
        ("[defaults]\ntimeout = 0\n", "2:11: `timeout`: nothing is done in no time"),
        ("[defaults]\nmax_body = \"much\"\n", "2:12: `max_body`: write a size as 64MiB"),
        ("[defaults]\ntimeuot = 1\n", "2:1: [defaults] has no key `timeuot`"),
    ] {
        fs::write(&config, text).unwrap();
        let run = call("http://127.0.0.1:9", &[]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(run.stderr.contains(problem), "{}", run.stderr);
    }
}
