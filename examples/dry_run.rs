//! A dry run: what would be sent, and what is wrong with a call, without credentials and without a connection.
//!
//! Run it with `cargo run --example dry_run`.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use opcall::{Content, Error, Harness, params};
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Without an environment there are no credentials; a dry run needs none.
    let harness = Harness::builder().env(|_| None).build()?;

    // `prepare` stops before anything is sent. A comma text is several IDs; this operation wants them in one parameter.
    let call = params! { ids: "a,b", revoked: false };
    let request = harness.command("tokens_update", call).prepare()?;
    println!("{} {}", request.method(), request.url());
    assert!(request.url().ends_with("/installation-tokens/entities/tokens/v1?ids=a,b"));
    assert_eq!(*request.content(), Content::Json(r#"{"revoked":false}"#.to_owned()));

    // Its `Display` is a curl command line that names the credentials as variables.
    println!("{request}");
    assert!(request.to_string().starts_with("curl "));

    // All that is wrong with a call is found at once.
    let wrong = harness.command("tokens_create", json!({"label": 5, "expires": "tomorrow"})).prepare();
    let Err(Error::Arguments(error)) = wrong else { return Err("the call is wrong".into()) };
    println!("{error}");
    let paths: Vec<_> = error.problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["body.label", "expires"]);
    Ok(())
}
