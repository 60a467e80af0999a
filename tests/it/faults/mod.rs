//! Promise 1: no call is carried out twice that must not be, and each is repeated exactly as often as it may.
//!
//! 16 points at which a call can fail, 8 methods, a body that can be sent again or not, with and without an idempotency
//! key. What is expected stands in a table that is written down here, in the words of docs/reliability.md.

mod calls;
pub(crate) mod server;
mod turned_away;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use opcall::{Error, FilePart, Harness, OperationTable, Response, RetryPolicy};

use self::server::{Act, Arrived, FaultServer, FullQueue, cut_handshakes};
use crate::support::{builder, proof};

/// How many requests each kind of call makes where every one of them fails: one of a method that may be repeated, POST
/// and PATCH, POST and PATCH with a key, HEAD (whose answer has no body), and whatever has a body that is gone when it
/// was sent once. A fault with two lines plays one of them by chance.
const EXPECTED: &str = "
    fault                   repeatable  post  post+key  head  body once
    dns                              3     3         3     3          1
    refused                          3     3         3     3          1
    connect timeout                  3     3         3     3          1
    tls                              3     3         3     3          1
    reset before head                3     1         3     3          1
    reset after head                 3     1         3     1          1
    reset in body                    3     1         3     1          1
    truncated chunks                 3     1         3     1          1
    wrong content-length             3     1         3     1          1
    slow head                        3     1         3     3          1
    slow body                        3     1         3     1          1
    408                              3     1         3     3          1
    425                              3     1         3     3          1
    429                              3     1         3     3          1
    429 retry-after                  3     3         3     3          1
    500                              3     1         3     3          1
    502                              3     1         3     3          1
    503                              3     1         3     3          1
    503 retry-after                  3     3         3     3          1
    504                              3     1         3     3          1
";

/// The 16 points, with the lines of the table that each plays.
const POINTS: [&[&str]; 16] = [
    &["dns"],
    &["refused"],
    &["connect timeout"],
    &["tls"],
    &["reset before head"],
    &["reset after head"],
    &["reset in body"],
    &["truncated chunks"],
    &["wrong content-length"],
    &["slow head"],
    &["slow body"],
    &["408"],
    &["425"],
    &["429", "429 retry-after"],
    &["500"],
    &["502", "503", "503 retry-after", "504"],
];

const METHODS: [&str; 8] = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "POST", "PATCH"];

/// Faults before which nothing of the request was sent.
const UNSENT: [&str; 4] = ["dns", "refused", "connect timeout", "tls"];

/// Faults by which the server says that it has not looked at the request.
const TURNED_AWAY: [&str; 2] = ["429 retry-after", "503 retry-after"];

const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}";

/// Longer than an attempt of the calls that stall may take, shorter than anybody waits.
const STALL: Duration = Duration::from_millis(400);

/// One cell of the matrix with one seed.
#[derive(Clone, Copy)]
struct Cell {
    /// Unlike that of every other cell and seed.
    number: usize,
    fault: &'static str,
    method: &'static str,
    is_replayable: bool,
    has_key: bool,
    seed: usize,
}

impl Cell {
    fn is_once_only(&self) -> bool {
        matches!(self.method, "POST" | "PATCH") && !self.has_key
    }

    /// How many requests fail before one succeeds.
    fn failures(&self) -> usize {
        [usize::MAX, 1, 2, usize::MAX, 1][self.seed % 5]
    }

    /// How many requests the call makes, by the table, and whether its last one succeeds.
    fn expected(&self, table: &HashMap<String, [usize; 5]>) -> (usize, bool) {
        let row = table[self.fault];
        let most = match self.method {
            _ if !self.is_replayable => row[4],
            "HEAD" => row[3],
            "POST" | "PATCH" if self.has_key => row[2],
            "POST" | "PATCH" => row[1],
            _ => row[0],
        };
        // A HEAD whose answer breaks behind its head has all that it asked for.
        if self.method == "HEAD" && row[3] == 1 {
            return (1, true);
        }
        let is_sent = !UNSENT.contains(&self.fault);
        if is_sent && self.failures() < most { (self.failures() + 1, true) } else { (most, false) }
    }

    fn act(&self, before: usize, request: &Arrived) -> Act {
        if before >= self.failures() {
            return Act::Answer(if request.method == "HEAD" {
                GOOD[..GOOD.len() - 2].to_vec()
            } else {
                GOOD.to_vec()
            });
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 40\r\ncontent-type: application/json\r\n\r\n";
        let cut = self.seed * 7 % 39;
        let body = format!("{head}{}", &"[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]"[..cut]);
        let chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\n[1,2,3,4,5,6,7,8\r\n";
        let last = if self.seed.is_multiple_of(2) { "10\r\n,9" } else { "" };
        match self.fault {
            "reset before head" => Act::Reset(head.as_bytes()[..self.seed * 3 % 16].to_vec()),
            // Bytes that wait to be read are lost with a reset, and with them the answer to a HEAD.
            "reset after head" | "reset in body" if self.method == "HEAD" => Act::Close(head.into()),
            "reset after head" => Act::Reset(head.into()),
            "reset in body" => Act::Reset(body.into()),
            _ if self.method == "HEAD" && self.fault == "slow body" => Act::Stall(head.into()),
            _ if self.method == "HEAD" && !self.fault.starts_with(['4', '5', 's']) => Act::Close(head.into()),
            "truncated chunks" => Act::Close(format!("{chunks}{last}").into()),
            "wrong content-length" => Act::Close(body.into()),
            "slow head" => Act::Stall(head.as_bytes()[..self.seed * 3 % 16].to_vec()),
            "slow body" => Act::Stall(body.into()),
            status => Act::Answer(refusal(status, self.method)),
        }
    }
}

/// `503 retry-after` as an answer.
fn refusal(fault: &str, method: &str) -> Vec<u8> {
    let (status, hint) = fault.split_once(' ').unwrap_or((fault, ""));
    let hint = if hint.is_empty() { "" } else { "retry-after: 0\r\n" };
    let body = if method == "HEAD" { "" } else { "no" };
    format!("HTTP/1.1 {status} No\r\n{hint}content-length: 2\r\n\r\n{body}").into_bytes()
}

fn table() -> HashMap<String, [usize; 5]> {
    let lines = EXPECTED.lines().skip(2).filter(|line| !line.trim().is_empty());
    let row = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let (name, numbers) = words.split_at(words.len() - 5);
        let numbers: Vec<usize> = numbers.iter().map(|one| one.parse().unwrap()).collect();
        (name.join(" "), numbers.try_into().unwrap())
    };
    lines.map(row).collect()
}

/// The seeds beyond the first vary what varies within a point: where it cuts, how long it lasts, which status.
fn cells(seeds: usize) -> Vec<Cell> {
    let mut cells = Vec::new();
    for seed in 0..seeds {
        for faults in POINTS {
            for method in METHODS {
                for (is_replayable, has_key) in [(true, true), (true, false), (false, true), (false, false)] {
                    let number = cells.len();
                    let fault = faults[(seed + number / 4) % faults.len()];
                    cells.push(Cell { number, fault, method, is_replayable, has_key, seed });
                }
            }
        }
    }
    cells
}

/// A description with an operation for each method, with an idempotency key and without.
#[allow(clippy::format_push_string, reason = "a text that is read by people")]
fn document() -> String {
    let mut text = String::from(
        "openapi: 3.0.3\ninfo: {title: Faults, version: '1'}\nservers: [{url: 'http://faults.invalid'}]\npaths:\n",
    );
    for (path, key) in
        [("plain", ""), ("keyed", "{name: Idempotency-Key, in: header, schema: {type: string}}")]
    {
        text.push_str(&format!("  /{path}:\n"));
        for method in METHODS.map(str::to_ascii_lowercase) {
            text.push_str(&format!(
                "    {method}:\n      operationId: {path}_{method}\n      parameters: [{key}]\n      \
                 requestBody: {{content: {{application/octet-stream: {{}}}}}}\n      \
                 responses: {{'200': {{description: d}}}}\n"
            ));
        }
    }
    text
}

/// Where all cells meet.
struct Stage {
    table: OperationTable,
    folder: PathBuf,
    full: FullQueue,
}

fn tiny() -> RetryPolicy {
    let tiny = Duration::from_micros(500);
    RetryPolicy::new().base(tiny).throttled_base(tiny).cap(Duration::from_millis(2))
}

impl Stage {
    async fn new(folder: &Path) -> Self {
        let document = folder.join("faults.yaml");
        std::fs::write(&document, self::document()).unwrap();
        let (table, warnings) = opcall::Document::open(&document).read().unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        Self { table, folder: folder.to_owned(), full: FullQueue::new().await }
    }

    /// A body of an id: a file, or a pipe that gives it once.
    fn body(&self, cell: &Cell) -> FilePart {
        let path = self.folder.join(cell.number.to_string());
        let id = id(cell);
        if cell.is_replayable {
            std::fs::write(&path, id).unwrap();
        } else {
            let pipe = path.clone();
            std::thread::Builder::new()
                .stack_size(64 * 1024)
                // Nobody may read to the end what is written: then it fails, and that is fine.
                .spawn(move || _ = std::fs::write(pipe, id))
                .unwrap();
        }
        FilePart::path(path)
    }

    fn make_pipes(&self, cells: &[Cell]) {
        let paths: Vec<_> = cells
            .iter()
            .filter(|cell| !cell.is_replayable)
            .map(|cell| self.folder.join(cell.number.to_string()))
            .collect();
        for paths in paths.chunks(256) {
            assert!(std::process::Command::new("mkfifo").args(paths).status().unwrap().success());
        }
    }

    async fn call(&self, cell: &Cell, url: &str) -> Result<Response, Error> {
        let harness = self.harness();
        let path = if cell.has_key { "keyed" } else { "plain" };
        let operation = format!("{path}_{}", cell.method.to_ascii_lowercase());
        let mut command = harness.command(&operation, ()).server(url).body(self.body(cell));
        if cell.fault.starts_with("slow") {
            command = command.timeout(STALL);
        }
        if cell.fault == "connect timeout" {
            command = command.connect_timeout(STALL);
        }
        command.await
    }

    fn harness(&self) -> Harness {
        builder().table(self.table.clone()).retry(tiny()).allow_http().build().unwrap()
    }
}

fn id(cell: &Cell) -> String {
    format!("call {} {}", cell.number, "x".repeat(cell.seed * 11))
}

/// What a cell has done that it must not.
async fn run(stage: &Stage, cell: Cell, table: &HashMap<String, [usize; 5]>) -> Result<usize, String> {
    let server = FaultServer::start(move |before, request| cell.act(before, request)).await;
    let mut cut = None;
    let url = match cell.fault {
        // No part of a name is longer than 63 octets: nobody is asked for it.
        "dns" => format!("http://{}{}.invalid", "x".repeat(64), cell.number),
        "refused" => format!("http://127.2.{}.{}:1", cell.number / 250, cell.number % 250 + 1),
        "connect timeout" => stage.full.url(cell.number),
        "tls" => cut.insert(cut_handshakes().await).0.clone(),
        _ => server.url("http"),
    };
    let outcome = stage.call(&cell, &url).await;
    if let Some((_, accepting)) = cut {
        accepting.abort();
    }
    let (attempts, is_good) = match &outcome {
        Ok(response) => (response.attempts().to_vec(), true),
        Err(error) => (error.attempts().to_vec(), false),
    };
    let arrived = server.arrived();
    let expected = cell.expected(table);
    let shown = || {
        let said = outcome.as_ref().map_or_else(|error| format!("{error:?}"), |_| "an answer".to_owned());
        format!(
            "{} {} (replayable {}, key {}, seed {}): {said}, {} attempts, {} arrived, expected {expected:?}",
            cell.fault,
            cell.method,
            cell.is_replayable,
            cell.has_key,
            cell.seed,
            attempts.len(),
            arrived.len()
        )
    };
    if (attempts.len(), is_good) != expected {
        return Err(shown());
    }
    let sent = attempts.iter().filter(|attempt| attempt.sent).count();
    if sent != arrived.len() || sent != if UNSENT.contains(&cell.fault) { 0 } else { attempts.len() } {
        return Err(format!("miscounted: {}", shown()));
    }
    if arrived.iter().any(|request| request.body != id(&cell).as_bytes()) {
        return Err(format!("another body: {}", shown()));
    }
    let keys: Vec<_> = arrived.iter().filter_map(|request| request.header("idempotency-key")).collect();
    let has_keys = if cell.has_key { keys.len() == arrived.len() } else { keys.is_empty() };
    if !has_keys || keys.windows(2).any(|pair| pair[0] != pair[1]) {
        return Err(format!("the keys {keys:?}: {}", shown()));
    }
    let is_carried_out = |number: usize| number >= cell.failures() || !TURNED_AWAY.contains(&cell.fault);
    let carried_out = (0..arrived.len()).filter(|number| is_carried_out(*number)).count();
    if cell.is_once_only() && carried_out > 1 {
        return Err(format!("carried out {carried_out} times: {}", shown()));
    }
    Ok(attempts.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_call_is_repeated_exactly_as_often_as_it_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Arc::new(Stage::new(folder.path()).await);
    let table = Arc::new(table());
    assert_eq!(table.len(), POINTS.iter().map(|lines| lines.len()).sum::<usize>());
    let cells = cells(proof(1, 20));
    stage.make_pipes(&cells);
    let calls = cells.len();
    let runs = futures_util::stream::iter(cells).map(|cell| {
        let (stage, table) = (Arc::clone(&stage), Arc::clone(&table));
        async move { tokio::spawn(async move { run(&stage, cell, &table).await }).await.unwrap() }
    });
    let outcomes: Vec<_> = runs.buffer_unordered(24).collect().await;
    let wrong: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    let attempts: usize = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).sum();
    eprintln!(
        "promise 1: {calls} calls, 512 cells, {attempts} attempts, {} wrong, 0 unsafe repeats allowed",
        wrong.len()
    );
    assert!(
        wrong.is_empty(),
        "{} of {calls}:\n{}",
        wrong.len(),
        wrong.iter().take(20).map(|one| one.as_str()).collect::<Vec<_>>().join("\n")
    );
}
