//! How fast opcall is, each figure beside what it is measured against in the same run.
//!
//! `cargo run --release --manifest-path benches/Cargo.toml` runs the short ones; a name after `--` runs one.
//! docs/performance.md has the figures, and what each is.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a program that prints what it measured"
)]

use std::path::Path;

mod call;
mod clock;
mod curves;
mod documents;
mod gate;
mod growth;
mod load;
mod memory;
mod process;
mod resolve;
mod server;
mod start;
mod timings;
mod ways;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["serve", how @ ..] => server::serve(how),
        ["measure", line @ ..] => process::measure(line),
        ["document", operations] => print!("{}", documents::made(operations.parse().expect("a number"))),
        ["way", name @ ("load" | "parse"), count, file] => load::again(name, Path::new(file), number(count)),
        ["way", name, count, rest @ ..] => ways::run(name, number(count), rest.first().copied()),
        ["resolve"] => resolve::run(),
        ["call"] => call::run(),
        ["load"] => load::run(),
        ["start"] => start::run(),
        ["memory"] => memory::run(),
        ["remembers", what @ ..] => memory::remembers(what),
        ["growth", names @ ..] => growth::run(names),
        ["flight", way, width, url] => growth::in_flight(way, width.parse().expect("a number"), url),
        ["build", rest @ ..] => timings::run(rest.first().copied()),
        ["draw"] => curves::draw(),
        ["gate", rest @ ..] => gate::run(rest.first() == Some(&"--write")),
        [] => {
            resolve::run();
            call::run();
        }
        other => panic!("no bench {other:?}"),
    }
}

fn number(text: &str) -> u32 {
    text.parse().expect("a number")
}
