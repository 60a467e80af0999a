//! What another program costs from its start to its end.
//!
//! A process of its own does it, this small one: what a program occupies at most is counted from what the process that
//! started it occupied.

use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{Resource, UsageWho, getrusage, setrlimit};
use nix::sys::time::TimeVal;

use super::clock;

/// Processor time after which a program is ended.
const LIMIT: u64 = 60;

/// Runs a program on the server's core and prints a line of JSON: its exit code, seconds of processor and of wall time,
/// peak kilobytes.
pub(crate) fn measure(program: &str, arguments: &[&str]) {
    clock::pin(0);
    // Where a limit cannot be set there is none.
    let _ = setrlimit(Resource::RLIMIT_CPU, LIMIT, LIMIT);
    let begun = Instant::now();
    let mut command = Command::new(program);
    let status = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).status();
    let wall = begun.elapsed().as_secs_f64();
    let code = status.map_or(127, |status| status.code().unwrap_or(-1));
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("what it took");
    let cpu = seconds(usage.user_time()) + seconds(usage.system_time());
    println!(r#"{{"code":{code},"cpu":{cpu:.6},"wall":{wall:.6},"kilobytes":{}}}"#, usage.max_rss());
}

fn seconds(time: TimeVal) -> f64 {
    time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6
}
