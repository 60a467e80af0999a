//! A call of an endpoint that no table knows: a service's address, credentials and errors, your own path.
//!
//! Run it with `cargo run --example new_endpoint`. It talks to a sandbox on this machine.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use opcall::sandbox::Sandbox;
use opcall::{Content, Error, Method, params};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start().await?;
    let harness = sandbox.harness()?;

    // No document says where the arguments go: with GET and DELETE they go to the query, else they make the body. What
    // belongs elsewhere names its place.
    let arguments = params! { name: "example", "query.limit": 5 };
    let request = harness.request("falcon", Method::Post, "/new/things/v1", arguments).prepare()?;
    println!("would send {} {}", request.method(), request.url());
    assert!(request.url().ends_with("/new/things/v1?limit=5"));
    assert_eq!(*request.content(), Content::Json(r#"{"name":"example"}"#.to_owned()));

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
