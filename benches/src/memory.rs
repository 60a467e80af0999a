//! Memory of a process that uses the library: after its start, with a document, and while ten thousand calls are in flight.
//!
//! Each figure is that of a process of its own, which reads it from the system: what it has and the most it had.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use opcall::{Harness, OperationTable};

use super::documents;
use super::server::Server;
use super::ways::Ways;

/// So many calls are in flight at once.
const CALLS: usize = 10_000;

pub(crate) fn run() {
    println!("a process that did nothing: {}", told(&["nothing"]));
    println!("with the built-in table, one call resolved: {}", told(&["start"]));
    let folder = tempfile::tempdir().expect("a folder");
    let made = folder.path().join("made.json");
    std::fs::write(&made, documents::made(5_000)).expect("a file");
    let mut all = vec![("made, 5,000 operations".to_owned(), made)];
    all.extend(documents::real());
    for (name, path) in all {
        let size = std::fs::metadata(&path).map_or(0, |data| data.len()) as f64 / 1e6;
        let path = path.to_str().expect("a path that is text");
        let loaded = figures(&["loaded", path]);
        println!(
            "with {name} ({size:.1} MB) loaded: {loaded}; the most is 5 MB and {:.2} times the file",
            (loaded.most - 5.0) / size
        );
    }
    at_once();
}

/// The two ways in turn, each with a server of its own.
fn at_once() {
    let count = CALLS.to_string();
    let one = |way| {
        let server = Server::held(CALLS);
        figures(&["calls", way, &count, &server.url])
    };
    let (mut own, mut by_hand, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..5 {
        let (a, b) = (one("opcall").most, one("by-hand").most);
        own.push(a);
        by_hand.push(b);
        ratios.push(a / b);
    }
    let median = super::clock::median;
    println!(
        "{CALLS} calls in flight: {:.1} MB, by hand {:.1} MB, ratio {:.3}",
        median(own),
        median(by_hand),
        median(ratios)
    );
}

/// In MB.
#[derive(Debug, Clone, Copy)]
struct Figures {
    now: f64,
    most: f64,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} MB, {:.1} MB at most", self.now, self.most)
    }
}

fn told(what: &[&str]) -> String {
    figures(what).to_string()
}

fn figures(what: &[&str]) -> Figures {
    let this = std::env::current_exe().expect("this program");
    let output = Command::new(this).arg("remembers").args(what).output().expect("a process");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut all = text.split_whitespace().map(|figure| figure.parse::<f64>().expect("a figure") / 1e3);
    let mut next = || all.next().expect("two figures");
    Figures { now: next(), most: next() }
}

/// Does one thing and writes what memory it has then, and the most it had, in KB.
pub(crate) fn remembers(what: &[&str]) {
    let text = match what {
        ["nothing"] => own(),
        ["start"] => started(),
        ["loaded", path] => loaded(Path::new(path)),
        ["calls", way, count, url] => in_flight(way, count.parse().expect("a number"), url),
        other => panic!("nothing to remember is {other:?}"),
    };
    println!("{text}");
}

fn started() -> String {
    let harness = Harness::builder().env(|_| None).build().expect("a harness");
    let request = harness.command("tokens_query", [("limit", "5")]).prepare();
    drop(std::hint::black_box(request).expect("a request"));
    own()
}

fn loaded(path: &Path) -> String {
    let (table, _) = OperationTable::read(path).expect("a document");
    let id = table.iter().next().expect("an operation").id().to_owned();
    let harness = Harness::builder().env(|_| None).table(table).build().expect("a harness");
    // What it lacks is found only where the operation was read.
    let _ = std::hint::black_box(harness.command(&id, ()).server("https://h.example").prepare());
    own()
}

fn in_flight(way: &str, count: usize, url: &str) -> String {
    let ways = Ways::new(url);
    let runs = u32::try_from(count).expect("a number");
    match way {
        "opcall" => ways.call_at_once(runs, count),
        _ => ways.call_by_hand_at_once(runs, count),
    }
    own()
}

/// What this process has, and the most it had, in KB.
fn own() -> String {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells it here");
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of it");
        line.trim_matches(|letter: char| !letter.is_ascii_digit()).to_owned()
    };
    let mut text = of("VmRSS:");
    let _ = write!(text, " {}", of("VmHWM:"));
    text
}
