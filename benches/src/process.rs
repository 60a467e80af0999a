//! What a process costs: its processor time and the most memory it had.
//!
//! A child's greatest memory starts at its parent's, and the children's costs are told in one sum. So a process is measured
//! by a parent of its own, this program again, which is small and has no other child.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

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
            .arg("measured")
            .args(&self.line)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .envs(variables)
            .output()
            .expect("a process");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {told}", self.name);
        let line = told.lines().last().expect("figures");
        let mut figures = line.split(' ').map(|figure| figure.parse::<f64>().expect("a figure"));
        let mut next = || figures.next().expect("two figures");
        Cost { cpu: next() / 1e3, memory: next() / 1e3 }
    }
}

/// Runs a program with its output thrown away; writes microseconds and KB to standard error.
pub(crate) fn measured(line: &[&str]) {
    super::clock::pin(0);
    let (program, arguments) = line.split_first().expect("a program");
    let status = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).status();
    assert!(status.expect("a process").success(), "{line:?} failed");
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("figures");
    let time = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    eprintln!("{time} {}", usage.max_rss());
}

/// A program that cargo made beside this one or for the crate above, or that a variable names.
pub(crate) fn built(variable: &str, name: &str) -> Option<PathBuf> {
    let beside = std::env::current_exe().ok()?.with_file_name(name);
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release").join(name);
    let places = std::env::var_os(variable).map(PathBuf::from).into_iter().chain([beside, above]);
    places.into_iter().find(|path| path.is_file())
}
