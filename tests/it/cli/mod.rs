//! The program as a process: what it prints, where, and the code it ends with.

mod auth;
mod batch;
mod cache;
mod calls;
mod edges;
mod faulty;
mod home;
mod missing;
mod outcomes;
mod pages;
mod places;
mod remembered;
#[cfg(feature = "sandbox")]
mod retry;
mod servers;
#[cfg(unix)]
mod signals;
mod tables;
#[cfg(unix)]
mod terminal;
mod together;
mod told;
mod words;
mod wrong;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};

/// What a run of the program left.
pub(super) struct Run {
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Run {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Standard output of a run that must succeed.
    #[track_caller]
    pub(super) fn ok(&self) -> &str {
        assert_eq!(self.code, 0, "{}", self.stderr);
        &self.stdout
    }

    /// Standard output as JSON, of a run that must succeed.
    #[track_caller]
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(self.ok()).unwrap()
    }
}

/// The program, with an environment of its own.
pub(super) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opcall"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

/// Runs the program.
pub(super) fn opcall(arguments: &[&str]) -> Run {
    Run::of(program(arguments).output().unwrap())
}

/// Runs the program with environment variables.
pub(super) fn opcall_with(variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    Run::of(program(arguments).envs(variables.iter().copied()).output().unwrap())
}

/// Runs the program with text on standard input.
pub(super) fn opcall_reading(input: &str, arguments: &[&str]) -> Run {
    let mut command = program(arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let run = Run::of(child.wait_with_output().unwrap());
    writer.join().unwrap().unwrap();
    run
}

/// A server that answers every request with the same bytes, until the test ends.
pub(super) struct Canned {
    pub(super) address: SocketAddr,
}

impl Canned {
    /// Starts it; `head` is what stands after the status line's version, such as `200 OK\r\ncontent-type: text/plain`.
    pub(super) fn start(head: &str, body: &[u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let length = body.len();
        let mut answer =
            format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n").into_bytes();
        answer.extend_from_slice(body);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A caller that goes away early is its own affair.
                let _ = stream.and_then(|stream| serve(stream, &answer));
            }
        });
        Self { address }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Reads a request's head and as much body as it announces, then answers.
fn serve(mut stream: TcpStream, answer: &[u8]) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer)?;
        request.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some(end) = text.find("\r\n\r\n") {
            let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
            let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
            if request.len() >= end + 4 + length {
                break;
            }
        }
        if count == 0 {
            break;
        }
    }
    stream.write_all(answer)
}

/// The variables that sign in to the service with an API key.
pub(super) const KEY: (&str, &str) = ("PANTHER_API_TOKEN", "canary-key");

/// A port where nobody listens.
pub(super) fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
