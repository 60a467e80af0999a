//! A call of an endpoint that no table knows: a service's address, credentials and errors, your own path.
//!
//! Run it with `cargo run --example new_endpoint`. It talks to a sandbox on this machine.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use opcall::sandbox::Sandbox;
use opcall::{Error, Method};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start().await?;
    let harness = sandbox.harness()?;

    // No document says where the arguments go: they go to the query, the body is given apart.
    let request = harness
        .request("falcon", Method::Post, "/new/things/v1", [("limit", 5)])
        .body(json!({"name": "example"}))
        .prepare()?;
    println!("would send {} {}", request.method(), request.url());
    assert!(request.url().ends_with("/new/things/v1?limit=5"));

    // It signs in like any other call. This path exists, so that the sandbox has an answer.
    let path = "/installation-tokens/queries/tokens/v1";
    let found = harness.request("falcon", Method::Get, path, [("limit", 2)]).await?;
    println!("{path} answered {} with {}", found.status(), found.value()?["resources"]);
    assert_eq!(found.value()?["resources"].as_array().map(Vec::len), Some(2));

    // This one does not, and the service's own words come back as an error.
    match harness.request("falcon", Method::Get, "/new/things/v1", ()).await {
        Err(Error::Refused(refused)) => {
            println!("/new/things/v1 answered {}", refused.status);
            assert_eq!(refused.status, 404);
            Ok(())
        }
        other => Err(format!("the sandbox knows a path it should not: {other:?}").into()),
    }
}
