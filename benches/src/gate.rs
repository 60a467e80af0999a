//! Instructions of each way, counted by valgrind, held against what they were: more than 110 % fails.
//!
//! A count does not depend on what else the machine does. Each is the difference between two runs of different length,
//! so that starting up is not in it.

use std::process::Command;

use super::server::Server;

const WRITTEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt");

const WAYS: [(&str, u32); 4] =
    [("resolve", 2_000), ("build-by-hand", 2_000), ("call", 500), ("call-by-hand", 500)];

pub(crate) fn run(write: bool) {
    let server = Server::start();
    let known = std::fs::read_to_string(WRITTEN).unwrap_or_default();
    let mut text = String::new();
    let mut failed = false;
    for (way, runs) in WAYS {
        let Some(count) = instructions(way, runs, &server.url) else {
            println!("skipped: there is no valgrind on this machine");
            return;
        };
        let before =
            known.lines().find_map(|line| line.strip_prefix(way)?.strip_prefix(' ')?.parse::<u64>().ok());
        let is_over = before.is_some_and(|before| count * 10 > before * 11);
        failed |= is_over;
        let verdict = if is_over { ", more than 110 %" } else { "" };
        println!("{way}: {count} instructions (was {}){verdict}", before.unwrap_or_default());
        text += &format!("{way} {count}\n");
    }
    if write {
        std::fs::write(WRITTEN, text).expect("a file to write to");
    } else if failed {
        std::process::exit(1);
    }
}

fn instructions(way: &str, runs: u32, url: &str) -> Option<u64> {
    let short = collected(way, runs / 2, url)?;
    let long = collected(way, runs / 2 + runs, url)?;
    Some((long - short) / u64::from(runs))
}

/// All instructions of a run.
fn collected(way: &str, runs: u32, url: &str) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().expect("this program"))
        .args(["way", way, &runs.to_string(), url])
        .output()
        .ok()?;
    let told = String::from_utf8_lossy(&output.stderr);
    let count = told.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    assert!(output.status.success() && count.is_some(), "{told}");
    count
}
