//! How often a call asks for memory on its way from an operation ID and arguments to the finished request. Counting takes
//! an allocator of its own, so this is a program of its own: everything else that is tested from outside is in `tests/it`.
#![cfg(all(feature = "client", feature = "falcon"))]
#![allow(clippy::unwrap_used, reason = "a failure is told by the test")]

use std::hint::black_box;
use std::pin::pin;

use dhat::{Alloc, HeapStats, Profiler};
use opcall::{Credentials, Harness, Profile};

#[global_allocator]
static ALLOCATOR: Alloc = Alloc;

const RUNS: u64 = 200;

const ARGUMENTS: [(&str, &str); 4] =
    [("limit", "5"), ("offset", "0"), ("sort", "created_timestamp|desc"), ("filter", "status:'valid'")];

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

/// Beside what it is compared with, and with instructions and times, this stands in `benches`; here is what holds on every
/// machine.
#[tokio::test]
async fn a_request_takes_ten_pieces_of_memory() {
    let _profiler = Profiler::builder().testing().build();
    let credentials = Credentials::new().access_token("a-token-of-some-length-0123456789abcdef0123456789");
    let profile = Profile::new().base_url("https://api.crowdstrike.com").credentials(credentials);
    let harness = Harness::builder().env(|_| None).profile("falcon", profile).build().unwrap();
    let resolved = counted(async || {
        let made = pin!(harness.command("tokens_query", ARGUMENTS).made()).await;
        black_box(made).unwrap();
    })
    .await;

    // The compiler takes one of them away where it may.
    let most = if cfg!(debug_assertions) { 11 } else { 10 };
    assert!(resolved <= most, "{resolved} pieces of memory, at most {most} are agreed");
}
