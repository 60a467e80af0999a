//! What is counted of each way, held against what it was: more than 110 % of the instructions, or one allocation more,
//! fails.
//!
//! A count does not depend on what else the machine does. Each is the difference between two runs of different length,
//! so that starting up is not in it.

use std::process::Command;

use super::server::Server;

const WRITTEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt");

const WAYS: [(&str, u32); 4] =
    [("resolve", 2_000), ("build-by-hand", 2_000), ("call", 500), ("call-by-hand", 500)];

/// Counts by name, as they are kept.
type Counts = Vec<(String, u64)>;

pub(crate) fn run(write: bool) {
    let mut counts = allocations();
    match instructions_of_all() {
        Some(instructions) => counts.extend(instructions),
        None => println!("instructions are not counted: there is no valgrind on this machine"),
    }
    let known = read(&std::fs::read_to_string(WRITTEN).unwrap_or_default());
    let mut failed = false;
    for (name, count) in &counts {
        let before = known.iter().find(|(known, _)| known == name).map(|(_, count)| *count);
        let most = before.map(|before| if is_exact(name) { before } else { before * 11 / 10 });
        let is_over = most.is_some_and(|most| *count > most);
        failed |= is_over;
        let verdict = if is_over { ", too many" } else { "" };
        println!("{name}: {count} (was {}){verdict}", before.unwrap_or_default());
    }
    if write {
        let text: String = counts.iter().map(|(name, count)| format!("{name} {count}\n")).collect();
        std::fs::write(WRITTEN, text).expect("a file to write to");
    } else if failed {
        println!("what has to cost more is written down with `gate --write`");
        std::process::exit(1);
    }
}

/// Whether a count is the same in every run, whatever the compiler does.
fn is_exact(name: &str) -> bool {
    name.ends_with("-allocations")
}

/// Lines of a name and a count.
fn read(text: &str) -> Counts {
    let line = |line: &str| {
        let (name, count) = line.split_once(' ')?;
        Some((name.to_owned(), count.parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

/// By the program that counts them, which is built beside this one.
fn allocations() -> Counts {
    let program = std::env::current_exe().expect("this program").with_file_name("allocations");
    let output = Command::new(&program).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}: build it first", program.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    read(&String::from_utf8_lossy(&output.stdout))
}

fn instructions_of_all() -> Option<Counts> {
    let server = Server::start();
    let counted = |(way, runs): (&str, u32)| Some((way.to_owned(), instructions(way, runs, &server.url)?));
    WAYS.into_iter().map(counted).collect()
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
