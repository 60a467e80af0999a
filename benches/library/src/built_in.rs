//! A program of one service: one call of an operation of a built-in table, at a server. It reads no document.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a program that is measured")]

use opcall::{Credentials, Harness, OperationTable, Profile};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().expect("OPERATION URL");
    let (operation, url) = (next(), next());
    let table = OperationTable::built_in();
    let service = table.services().next().expect("a service").to_owned();
    let profile = Profile::new().base_url(url).credentials(Credentials::new().api_key("key"));
    let harness = Harness::builder().table(table).profile(service, profile).build().expect("a harness");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let answer = runtime.block_on(async { harness.command(&operation, ()).await }).expect("an answer");
    println!("{}", answer.status());
}
