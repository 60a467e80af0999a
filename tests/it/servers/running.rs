//! A server's process: started on a free port, asked until it answers, its output kept, ended when it is dropped,
//! also by a test that panics.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take until it answers: the slowest needs 4 s alone.
const START: Duration = Duration::from_secs(120);
/// How long a server may take for an answer.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a server may take to end before it is killed.
const END: Duration = Duration::from_secs(3);
/// How often a server is started again on another port when it ends at once.
const ATTEMPTS: usize = 3;

/// A port that nobody listens on, yet.
pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server that answers.
pub(super) struct Running {
    name: &'static str,
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Running {
    /// Starts what `command` makes of a folder of its own and a port, and waits until it speaks HTTP there.
    pub(super) fn start(name: &'static str, command: impl Fn(&Path, u16) -> Command) -> Self {
        for _ in 0..ATTEMPTS {
            let mut server = Self::spawn(name, &command);
            if server.answers() {
                return server;
            }
        }
        panic!("{name} ended {ATTEMPTS} times before it answered");
    }

    fn spawn(name: &'static str, command: impl Fn(&Path, u16) -> Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let output = File::create(folder.path().join("output")).unwrap();
        let process = command(folder.path(), port)
            .env("HOME", folder.path())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        Self { name, process, port, folder }
    }

    /// Waits for the first answer; a server that ends instead has shown its output.
    fn answers(&mut self) -> bool {
        let begun = Instant::now();
        loop {
            if self.ask("/", &[]).is_some() {
                return true;
            }
            if self.process.try_wait().unwrap().is_some() {
                eprintln!("{} ended:\n{}", self.name, self.output());
                return false;
            }
            assert!(begun.elapsed() < START, "{} did not answer within {START:?}", self.name);
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What the server printed so far.
    pub(super) fn output(&self) -> String {
        fs::read_to_string(self.folder.path().join("output")).unwrap_or_default()
    }

    /// The body of a GET that must succeed, without any of opcall's code; `headers` are lines.
    pub(super) fn get(&self, path: &str, headers: &[&str]) -> String {
        let answer = self.ask(path, headers).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.split(' ').nth(1) == Some("200"), "{path}: {head}");
        body.to_owned()
    }

    /// HTTP/1.0, so that the answer comes in one piece and ends with the connection.
    fn ask(&self, path: &str, headers: &[&str]) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(ANSWER)).unwrap();
        let line = format!("GET {path} HTTP/1.0");
        let host = format!("host: 127.0.0.1:{}", self.port);
        let lines = [&[line.as_str(), &host], headers, &["", ""]].concat();
        let request = lines.join("\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let answer = String::from_utf8(answer).ok()?;
        answer.starts_with("HTTP/1.").then_some(answer)
    }

    /// Ends it in its own way, as a server with child processes needs.
    fn end(&mut self) {
        let asked = Command::new("kill").arg(self.process.id().to_string()).status();
        let begun = Instant::now();
        while asked.as_ref().is_ok_and(std::process::ExitStatus::success) && begun.elapsed() < END {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
        if thread::panicking() {
            eprintln!("{} printed:\n{}", self.name, self.output());
        }
    }
}

/// One server for all the tests of a module: the first starts it, the last one ends it. (A plain static would never be
/// dropped.)
pub(super) struct Shared(Mutex<Weak<Running>>);

impl Shared {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    /// The server that runs, or a new one.
    pub(super) fn get(&self, start: impl FnOnce() -> Option<Running>) -> Option<Arc<Running>> {
        // A start that panicked left nothing behind.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = known.upgrade() {
            return Some(running);
        }
        let running = Arc::new(start()?);
        *known = Arc::downgrade(&running);
        Some(running)
    }
}
