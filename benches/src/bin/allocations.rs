//! How often memory is asked for on the way from an operation ID and arguments to the finished request. A program of its
//! own, for counting costs time; `gate` of the other program runs it.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a program that prints")]

#[allow(dead_code, reason = "only one of the ways is needed here")]
#[path = "../ways.rs"]
mod ways;

use dhat::{Alloc, HeapStats, Profiler};

#[global_allocator]
static ALLOCATOR: Alloc = Alloc;

const RUNS: u32 = 1_000;

fn main() {
    let _profiler = Profiler::builder().testing().build();
    let ways = ways::Ways::new("https://api.crowdstrike.com");
    println!("resolve-allocations {}", counted(|runs| ways.resolve(runs)));
    println!("build-by-hand-allocations {}", counted(|runs| ways.build_by_hand(runs)));
}

/// How many pieces of memory one run takes, growing included, once all that stays is there.
fn counted(way: impl Fn(u32)) -> u64 {
    way(RUNS);
    let before = HeapStats::get().total_blocks;
    way(RUNS);
    let middle = HeapStats::get().total_blocks;
    way(2 * RUNS);
    // What a round costs by itself, such as a future, counts in both.
    let (short, long) = (middle - before, HeapStats::get().total_blocks - middle);
    (long - short) / u64::from(RUNS)
}
