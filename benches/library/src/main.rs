//! The library in a program of its own: one call of an operation of a document, at a server.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a program that is measured")]

use opcall::{Harness, OperationTable, Profile};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().expect("DOCUMENT|- OPERATION URL");
    let (document, operation, url) = (next(), next(), next());
    let table = match document.as_str() {
        "-" => OperationTable::built_in(),
        path => OperationTable::read(path).expect("a document").0,
    };
    let service = table.services().next().expect("a service").to_owned();
    let profile = Profile::new().base_url(url);
    let harness = Harness::builder().table(table).profile(service, profile).build().expect("a harness");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let answer = runtime.block_on(async { harness.command(&operation, ()).await }).expect("an answer");
    println!("{}", answer.status());
}
