//! The life of a Panther API token: create it, let it rotate itself, delete it.
//!
//! Run it with `cargo run --example panther_tokens`. It talks to a sandbox on this machine; to talk to your own account,
//! set `PANTHER_API_URL` and `PANTHER_API_TOKEN` and make the harness with `Harness::from_env()`.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use opcall::sandbox::Sandbox;
use opcall::{Credentials, Error, Harness, Profile};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start().await?;
    let administrator = sandbox.harness()?;

    // The published ID is `api token#create`; `api_token_create` is easier to type. The value is shown this one time.
    let wish = json!({"name": "example", "permissions": ["AlertRead"]});
    let created = administrator.command("api_token_create", wish).await?.value()?.clone();
    println!("created {} named {}", created["id"], created["name"]);
    let first = text(&created["value"])?;

    // A token may always rotate itself: `self` stands for the token that calls.
    let itself = signed_in(&sandbox, &first)?;
    let rotated = itself.command("api_token_rotate", [("id", "self")]).await?.value()?.clone();
    println!("it rotated itself at {}", rotated["rotatedAt"]);
    assert_eq!(rotated["id"], created["id"]);
    assert_ne!(rotated["value"], created["value"]);

    // The old value has ended, and a refusal is an error that says so.
    match itself.command("api_token_rotate", [("id", "self")]).await {
        Err(Error::Refused(refused)) => {
            println!("its first value is refused with {}", refused.status);
            assert_eq!(refused.status, 401);
        }
        other => return Err(format!("the first value still works: {other:?}").into()),
    }
    let itself = signed_in(&sandbox, &text(&rotated["value"])?)?;
    itself.command("api_token_rotate", [("id", "self")]).await?;

    let id = text(&created["id"])?;
    let deleted = administrator.command("api_token_delete", [("id", id.as_str())]).await?;
    println!("deleted it: status {}", deleted.status());
    assert_eq!(deleted.status(), 204);
    Ok(())
}

/// A harness that signs in with another API key.
fn signed_in(sandbox: &Sandbox, key: &str) -> opcall::Result<Harness> {
    let profile =
        Profile::new().base_url(sandbox.url_of("panther")).credentials(Credentials::new().api_key(key));
    Harness::builder().profile("panther", profile).build()
}

fn text(value: &Value) -> Result<String, &'static str> {
    value.as_str().map(str::to_owned).ok_or("it is no text")
}
