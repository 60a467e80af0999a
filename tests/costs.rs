//! What a call costs on its way from an operation ID and arguments to the finished request: pieces of memory, and
//! instructions. Counting the former takes an allocator of its own, so this is a program of its own: everything else that
//! is tested from outside is in `tests/it`.
#![cfg(all(feature = "client", feature = "falcon"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure is told by the test")]
#![allow(clippy::print_stderr, reason = "what is skipped is told")]

use std::hint::black_box;
use std::pin::pin;
use std::process::Command;

use dhat::{Alloc, HeapStats, Profiler};
use opcall::{Credentials, Harness, Profile};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderValue, USER_AGENT};
use reqwest::{Method, Request};
use tokio::sync::Mutex;
use url::Url;

#[global_allocator]
static ALLOCATOR: Alloc = Alloc;

/// What is counted is that of the whole process.
static ALONE: Mutex<()> = Mutex::const_new(());

const RUNS: u64 = 200;

const SERVER: &str = "https://api.crowdstrike.com";
const TOKEN: &str = "a-token-of-some-length-0123456789abcdef0123456789";
const ARGUMENTS: [(&str, &str); 4] =
    [("limit", "5"), ("offset", "0"), ("sort", "created_timestamp|desc"), ("filter", "status:'valid'")];

fn harness() -> Harness {
    let profile = Profile::new().base_url(SERVER).credentials(Credentials::new().access_token(TOKEN));
    Harness::builder().env(|_| None).profile("falcon", profile).build().unwrap()
}

async fn resolve(harness: &Harness) {
    let made = pin!(harness.command("tokens_query", ARGUMENTS).made()).await;
    black_box(made).unwrap();
}

/// The same request by the libraries that the HTTP library is made of, with nothing checked.
fn make_by_hand() {
    let mut url = Url::parse(black_box(SERVER)).unwrap();
    url.set_path("/installation-tokens/queries/tokens/v1");
    url.query_pairs_mut().extend_pairs(black_box(ARGUMENTS));
    let mut request = Request::new(Method::GET, url);
    let headers = request.headers_mut();
    headers.insert(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {}", black_box(TOKEN))).unwrap());
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate, br, zstd"));
    headers.insert(USER_AGENT, HeaderValue::from_static("opcall/0.1.0"));
    black_box(request);
}

/// How many pieces of memory one round takes, growing included, once all that stays is there.
async fn counted(mut round: impl AsyncFnMut()) -> u64 {
    let mut rounds = async |count: u64| {
        let before = HeapStats::get().total_blocks;
        for _ in 0..count {
            round().await;
        }
        HeapStats::get().total_blocks - before
    };
    rounds(RUNS).await;
    let (short, long) = (rounds(RUNS).await, rounds(2 * RUNS).await);
    (long - short) / RUNS
}

/// Beside what it is compared with, and with times, this stands in `benches`; here is what holds on every machine.
#[tokio::test]
async fn a_request_takes_ten_pieces_of_memory() {
    let _alone = ALONE.lock().await;
    let _profiler = Profiler::builder().testing().build();
    let harness = harness();
    let resolved = counted(async || resolve(&harness).await).await;

    // The compiler takes one of them away where it may.
    let most = if cfg!(debug_assertions) { 11 } else { 10 };
    assert!(resolved <= most, "{resolved} pieces of memory, at most {most} are agreed");
}

/// Instructions of a request in hundredths of those of one that is made by hand, in a debug build.
const AGREED: u64 = 161;

/// What this program is told to do for the test below: a way, and how often.
const ROUNDS: &str = "OPCALL_COSTS_ROUNDS";

/// Counts depend on the compiler, so they are held to what is agreed where `.ci/run` asks for it.
#[tokio::test]
async fn a_request_takes_no_more_instructions_than_agreed() {
    let _alone = ALONE.lock().await;
    let rounds = std::env::var(ROUNDS).unwrap_or_default();
    if let Some((way, count)) = rounds.split_once(':') {
        let harness = harness();
        for _ in 0..count.parse::<u64>().unwrap() {
            if way == "resolve" { resolve(&harness).await } else { make_by_hand() }
        }
        return;
    }
    if std::env::var_os("OPCALL_GATE").is_none() {
        eprintln!("skipped: instructions are held to what is agreed where OPCALL_GATE is set");
        return;
    }
    let (resolved, by_hand) = (instructions("resolve"), instructions("by hand"));
    let hundredths = resolved * 100 / by_hand;
    eprintln!("a request: {resolved} instructions, by hand {by_hand}; agreed are {AGREED} hundredths");
    assert!(
        hundredths * 100 <= AGREED * 110,
        "{hundredths} hundredths of the instructions of a request by hand: 110 % of {AGREED} at most"
    );
}

/// The instructions of one round: the difference between two runs of different length.
fn instructions(way: &str) -> u64 {
    let (short, long) = (collected(way, RUNS), collected(way, 3 * RUNS));
    (long - short) / (2 * RUNS)
}

/// All instructions of a run of this program.
fn collected(way: &str, rounds: u64) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "a_request_takes_no_more_instructions_than_agreed"])
        .env(ROUNDS, format!("{way}:{rounds}"))
        .output()
        .expect("OPCALL_GATE asks for valgrind");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    told.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok()).unwrap()
}
