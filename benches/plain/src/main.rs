//! Sends one GET to the URL it is given and prints the answer, without TLS: what a call from the shell costs at least.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a program that is measured")]

use std::io::Write as _;

fn main() {
    let url = std::env::args().nth(1).expect("a URL");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let answer = client.get(url).send().await.expect("an answer");
        let body = answer.bytes().await.expect("a body");
        std::io::stdout().write_all(&body).expect("a reader");
    });
}
