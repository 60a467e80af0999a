//! Promise 15: processes that are killed while they write, and disks that are full.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{TOKEN, digest, files, only_file, read};
use crate::support::{Reply, Server, proof};

const PROCESSES: usize = 8;

fn program(server: &Server, home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opcall"));
    command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
        .env("OPCALL_CACHE_DIR", home)
        .env("FALCON_BASE_URL", server.url())
        .env("FALCON_CLIENT_ID", "id")
        .env("FALCON_CLIENT_SECRET", "secret");
    command
}

fn start(server: &Server, home: &Path, arguments: &[&str]) -> Vec<Child> {
    (0..PROCESSES).map(|_| program(server, home, arguments).spawn().unwrap()).collect()
}

/// A service whose tokens differ in length, so that one written over another would show.
fn service() -> Server {
    Server::start(|request, before| match request.target.as_str() {
        TOKEN => Reply::token(&format!("t{before}-{}", "x".repeat(before * 37 % 4_000)), 1799),
        _ => Reply::json(200, "{}"),
    })
}

/// Reads the token file over and over while others write it: each time it is whole, and its owner's alone.
fn watch(folder: &Path, stop: &AtomicBool, reads: &AtomicUsize) {
    while !stop.load(Ordering::SeqCst) {
        for file in files(folder, "token").into_iter().chain(files(folder, "new")) {
            let Ok(mut open) = fs::File::open(&file) else { continue };
            assert_eq!(open.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
            let mut text = String::new();
            std::io::Read::read_to_string(&mut open, &mut text).unwrap();
            if file.extension().is_some_and(|ending| ending == "token") {
                let (hash, json) = text.split_once('\n').expect("a whole file");
                assert_eq!(hash, digest(json));
                reads.fetch_add(1, Ordering::SeqCst);
            }
        }
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn killed_writers_leave_whole_tokens_and_lose_at_most_one_refresh() {
    let kills = proof(10, 200);
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("tokens");
    let server = service();
    assert!(program(&server, home.path(), &["auth", "login", "falcon"]).status().unwrap().success());
    let (stop, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let watching = {
        let (folder, stop, reads) = (folder.clone(), Arc::clone(&stop), Arc::clone(&reads));
        thread::spawn(move || watch(&folder, &stop, &reads))
    };
    let (mut hit, mut lost, mut rounds) = (0, 0, 0);
    let mut longest = Duration::from_millis(50);
    while hit < kills {
        assert!(rounds < 6 * kills, "{hit} of {rounds} kills hit a running process");
        rounds += 1;
        // In turn all of them write, or all of them want what one fetches.
        let all_write = rounds % 2 == 0;
        let before = server.count(TOKEN);
        if !all_write {
            fs::remove_file(only_file(&folder)).unwrap();
        }
        let arguments: &[&str] = if all_write { &["auth", "status", "falcon"] } else { &["tokens_query"] };
        let mut children = start(&server, home.path(), arguments);
        let started = Instant::now();
        thread::sleep(longest.mul_f64(fastrand::f64()));
        let victim = fastrand::usize(..PROCESSES);
        children[victim].kill().unwrap();
        let ends: Vec<_> = children.iter_mut().map(|child| child.wait().unwrap()).collect();
        longest = started.elapsed();
        hit += usize::from(ends[victim].code().is_none());
        let failed = ends.iter().filter(|end| end.code().is_some_and(|code| code != 0)).count();
        assert_eq!(failed, 0, "who was not killed made its call");
        let asked = server.count(TOKEN) - before;
        let wanted = if all_write { PROCESSES } else { 2 };
        assert!(asked <= wanted, "{asked} token requests");
        lost += usize::from(!all_write && asked == 2);
        read(&only_file(&folder));
    }
    stop.store(true, Ordering::SeqCst);
    watching.join().unwrap();
    // What the last killed one may have left is gone with the next.
    assert!(program(&server, home.path(), &["auth", "status", "falcon"]).status().unwrap().success());
    assert_eq!(files(&folder, "new").len(), 0);
    eprintln!(
        "promise 15: {hit} kills at random times among 8 writers, {} reads, 0 corrupt, mode 0600 always, at most 1 refresh lost ({lost} times)",
        reads.load(Ordering::SeqCst)
    );
}

#[test]
fn of_eight_processes_one_fetches() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(|request, _| match request.target.as_str() {
        TOKEN => Reply::token("t", 1799).after(Duration::from_millis(300)),
        _ => Reply::json(200, "{}"),
    });
    let children = start(&server, home.path(), &["tokens_query", "--token-cache"]);
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(server.count(TOKEN), 1);
}

#[test]
fn a_file_that_cannot_grow_is_left_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let server = service();
    let full = |arguments: &str| {
        let program = env!("CARGO_BIN_EXE_opcall");
        let script = format!("trap '' XFSZ; ulimit -f 0; exec {program} {arguments} --log warn");
        let mut command = Command::new("sh");
        let command = command.args(["-c", &script]).env_clear().envs([
            ("OPCALL_CACHE_DIR", home.path().to_str().unwrap()),
            ("FALCON_BASE_URL", &server.url()),
            ("FALCON_CLIENT_ID", "id"),
            ("FALCON_CLIENT_SECRET", "secret"),
        ]);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, log) = full("tokens_query --token-cache");
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("the token is not kept"), "{log}");
    let folder = home.path().join("tokens");
    assert_eq!((files(&folder, "token").len(), files(&folder, "new").len()), (0, 0));

    assert!(program(&server, home.path(), &["auth", "login", "falcon"]).status().unwrap().success());
    let kept = fs::read(only_file(&folder)).unwrap();
    assert_eq!(full("auth status falcon").0, Some(0));
    assert_eq!(fs::read(only_file(&folder)).unwrap(), kept, "the token before is still there");
}

#[test]
fn a_full_disk_fails_no_call() {
    let home = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=8k,nr_inodes=8", "tmpfs"])
        .arg(home.path())
        .stderr(Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no small file system can be mounted here");
        return;
    }
    let server = service();
    fs::write(home.path().join("filler"), vec![0; 8 * 1024]).unwrap_or_default();
    let status = program(&server, home.path(), &["tokens_query", "--token-cache"]).status().unwrap();
    let kept = files(&home.path().join("tokens"), "token").len();
    let unmounted = Command::new("umount").arg(home.path()).status().unwrap();
    assert!(status.success() && unmounted.success());
    assert_eq!(kept, 0);
}
