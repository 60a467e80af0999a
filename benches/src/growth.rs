//! How cost grows: with the operations of the table, the size of the document, the arguments of a call, and the calls in
//! flight at once.
//!
//! Writes every point into docs/growth.csv, from which `draw` makes the drawings.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use opcall::spec::Limits;
use opcall::{Credentials, Document, Harness, OperationTable, Params, Profile};
use tokio::runtime::{Builder, Runtime};

use super::clock::{median, of_process, of_thread, pin};
use super::curves::CSV;
use super::documents;
use super::load::ignored;
use super::server::Server;
use super::ways::Ways;

/// Measures the curves that are named, or all, and puts them in place of what the file has of them.
pub(crate) fn run(names: &[&str]) {
    type Measure = fn(&mut Points);
    let all: [(&str, Measure); 4] =
        [("operations", operations), ("document", document), ("arguments", arguments), ("calls", calls)];
    let mut text = std::fs::read_to_string(CSV).unwrap_or_else(|_| "curve,series,x,y\n".to_owned());
    for (name, measure) in all {
        if names.is_empty() || names.contains(&name) {
            let mut points = Points { curve: name, text: String::new() };
            measure(&mut points);
            let is_other = |line: &&str| line.split(',').next() != Some(name);
            text = text.lines().filter(is_other).map(|line| format!("{line}\n")).collect();
            text += &points.text;
        }
    }
    std::fs::write(CSV, text).expect("a file to write to");
}

/// The points of a curve, told as they come.
struct Points {
    curve: &'static str,
    text: String,
}

impl Points {
    fn add(&mut self, series: &str, x: f64, y: f64) {
        println!("{} {series}: {x} -> {y:.1}", self.curve);
        let _ = writeln!(self.text, "{},{series},{x},{y:.1}", self.curve);
    }
}

/// Nanoseconds of processor time that a way takes: the median of its rounds.
fn timed(rounds: usize, runs: u32, mut way: impl FnMut()) -> f64 {
    way();
    let one = |_| {
        let before = of_thread();
        for _ in 0..runs {
            way();
        }
        (of_thread() - before).as_secs_f64() * 1e9 / f64::from(runs)
    };
    median((0..rounds).map(one).collect())
}

fn read(path: &Path) -> OperationTable {
    let limits = Limits::default().bytes(1 << 30).nodes(100_000_000);
    Document::open(path).limits(limits).read().expect("a document").0
}

/// A harness that knows where the one service of a table is, and how to sign in to it.
fn harness(table: OperationTable) -> Harness {
    let credentials = Credentials::new().access_token("a-token-of-some-length-0123456789abcdef");
    let profile = Profile::new().base_url("https://made.example").credentials(credentials);
    let service = table.services().next().expect("a service").to_owned();
    Harness::builder().env(|_| None).table(table).profile(service, profile).build().expect("a harness")
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn resolve(runtime: &Runtime, harness: &Harness, id: &str, params: &Params) {
    let made = runtime.block_on(harness.command(id, params.clone()).made());
    black_box(made).expect("a request");
}

/// A call of four arguments, and the finding of its name alone, in tables of more and more operations.
fn operations(points: &mut Points) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("many.json");
    let runtime = runtime();
    let params: Params =
        [("limit", "5"), ("offset", "0"), ("sort", "name|desc"), ("filter", "state:'new'")].into();
    for count in [1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000] {
        std::fs::write(&path, documents::many(count)).expect("a file");
        let harness = harness(read(&path));
        // Others each time, as a program's calls are.
        let ids: Vec<_> = (0..97).map(|step| format!("things_{}", step * 7_919 % count)).collect();
        let mut next = ids.iter().cycle();
        let mut next = || next.next().expect("an ID");
        let call = timed(31, 500, || resolve(&runtime, &harness, next(), &params));
        points.add("name and four arguments to the request", count as f64, call);
        let mut next = ids.iter().cycle();
        let mut next = || next.next().expect("an ID");
        let find = timed(31, 5_000, || drop(black_box(harness.table().get(next()))));
        points.add("name to operation", count as f64, find);
    }
}

/// Documents of 10 KB to 100 MB: read, read when it was kept before, and one pass of the JSON parser.
fn document(points: &mut Points) {
    let folder = tempfile::tempdir().expect("a folder");
    for count in [5, 17, 55, 172, 550, 1_720, 5_500, 17_200, 55_000] {
        let path = folder.path().join("made.json");
        std::fs::write(&path, documents::made(count)).expect("a file");
        let size = std::fs::metadata(&path).expect("a file").len() as f64;
        let rounds = if count > 5_000 { 5 } else { 11 };
        points.add("a pass of the JSON parser", size, timed(rounds, 1, || ignored(&path)));
        points.add("read", size, timed(rounds, 1, || first_operation(&read(&path))));
        let limits = Limits::default().bytes(1 << 30).nodes(100_000_000);
        let document = || Document::open(&path).limits(limits).cached(folder.path().join("kept"));
        // What was written a moment ago is not known by its times alone.
        std::thread::sleep(Duration::from_secs(5));
        let kept = document();
        drop(kept.read().expect("a document"));
        kept.keep();
        let again = timed(rounds, 1, || first_operation(&document().read().expect("a document").0));
        points.add("read again", size, again);
    }
}

fn first_operation(table: &OperationTable) {
    let harness = harness(table.clone());
    black_box(harness.command("things_0", [("id", "a")]).prepare()).expect("a request");
}

/// An operation with more and more query parameters, all given.
fn arguments(points: &mut Points) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("wide.json");
    let runtime = runtime();
    // The HTTP library alone has no provider of its own here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    for count in [1, 2, 4, 10, 20, 40, 100, 200, 400, 1_000] {
        std::fs::write(&path, documents::wide(count)).expect("a file");
        let harness = harness(read(&path));
        let pairs: Vec<_> = (0..count).map(|number| (format!("name{number}"), "a value")).collect();
        let params: Params = pairs.iter().cloned().collect();
        let runs = u32::try_from(10_000 / (count + 10)).expect("a number");
        let call = timed(31, runs, || resolve(&runtime, &harness, "wide", &params));
        points.add("opcall", count as f64, call);
        let by_hand = timed(31, runs, || {
            let request = client
                .get("https://made.example/wide")
                .query(&pairs)
                .bearer_auth("a-token-of-some-length-0123456789abcdef");
            drop(black_box(request.build()).expect("a request"));
        });
        points.add("the HTTP library's own builder", count as f64, by_hand);
    }
}

/// Calls in flight at once, on one core with the server; the HTTP library alone beside them.
fn calls(points: &mut Points) {
    for width in [1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000] {
        let one = |way| {
            // Ten thousand connections of each way would be more than a process may have open.
            let server = Server::start();
            flight(way, width, &server.url)
        };
        let (mut own, mut by_hand) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            own.push(one("opcall"));
            by_hand.push(one("by-hand"));
        }
        points.add("opcall", f64::from(width), median(own));
        points.add("the HTTP library alone", f64::from(width), median(by_hand));
    }
}

fn flight(way: &str, width: u32, url: &str) -> f64 {
    let this = std::env::current_exe().expect("this program");
    let output =
        Command::new(this).args(["flight", way, &width.to_string(), url]).output().expect("a process");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a figure")
}

/// In a process of its own: nanoseconds of processor time a call, on connections that are open already.
pub(crate) fn in_flight(way: &str, width: u32, url: &str) {
    pin(0);
    let ways = Ways::new(url);
    let runs = width * (3_000 / width).max(1);
    let go = || match way {
        "opcall" => ways.call_at_once(runs, width as usize),
        _ => ways.call_by_hand_at_once(runs, width as usize),
    };
    go();
    let one = |_| {
        let before = of_process();
        go();
        (of_process() - before).as_secs_f64() * 1e9 / f64::from(runs)
    };
    println!("{:.1}", median((0..7).map(one).collect()));
}
