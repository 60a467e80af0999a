//! What a process costs: its processor time and the most memory it had.
//!
//! A child's greatest memory starts at its parent's, and the children's costs are told in one sum. So a process is measured
//! by a parent of its own, this program again, which is small and has no other child.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{Resource, UsageWho, getrusage, setrlimit};
use nix::sys::time::TimeValLike as _;
use serde_json::{Value, json};

/// Seconds of processor time after which a program is ended.
const LIMIT: u64 = 60;

/// What one run cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// Processor time, in milliseconds.
    pub(crate) cpu: f64,
    /// The most memory, in MB.
    pub(crate) memory: f64,
}

/// A program with its arguments and what of the environment it has.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) line: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
}

impl Program {
    pub(crate) fn new(name: &'static str, program: &Path, arguments: &[&str]) -> Self {
        let program = program.to_str().expect("a path that is text");
        let line = [program].iter().chain(arguments).map(|word| (*word).to_owned()).collect();
        Self { name, line, environment: Vec::new() }
    }

    /// With a variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs it once, pinned beside the server.
    pub(crate) fn cost(&self) -> Cost {
        let this = std::env::current_exe().expect("this program");
        let variables = self.environment.iter().map(|(name, value)| (name, value));
        let output = Command::new(this)
            .arg("measure")
            .args(&self.line)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .envs(variables)
            .output()
            .expect("a process");
        let told: Value = serde_json::from_slice(&output.stdout).expect("figures");
        assert_eq!(told["code"], 0, "{}: {}", self.name, String::from_utf8_lossy(&output.stderr));
        let figure = |name: &str| told[name].as_f64().expect("a figure");
        Cost { cpu: figure("cpu") * 1e3, memory: figure("kilobytes") / 1e3 }
    }
}

/// Runs a program on the server's core with its output thrown away, and prints a line of JSON: its exit code, seconds of
/// processor and of wall time, peak kilobytes.
pub(crate) fn measure(line: &[&str]) {
    super::clock::pin(0);
    // Where a limit cannot be set there is none.
    let _ = setrlimit(Resource::RLIMIT_CPU, LIMIT, LIMIT);
    let (program, arguments) = line.split_first().expect("a program");
    let begun = Instant::now();
    let status = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).status();
    let wall = begun.elapsed().as_secs_f64();
    let code = status.map_or(127, |status| status.code().unwrap_or(-1));
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("figures");
    let cpu = (usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1e6;
    println!("{}", json!({"code": code, "cpu": cpu, "wall": wall, "kilobytes": usage.max_rss()}));
}

/// A program that cargo made beside this one or for the crate above, or that a variable names.
pub(crate) fn built(variable: &str, name: &str) -> Option<PathBuf> {
    let beside = std::env::current_exe().ok()?.with_file_name(name);
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release").join(name);
    let places = std::env::var_os(variable).map(PathBuf::from).into_iter().chain([beside, above]);
    places.into_iter().find(|path| path.is_file())
}
