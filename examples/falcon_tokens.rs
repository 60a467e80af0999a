//! The life of a Falcon installation token: create, query, read, update, revoke, delete.
//!
//! Run it with `cargo run --example falcon_tokens`. It talks to a sandbox on this machine; to talk to your own account,
//! set `FALCON_CLIENT_ID` and `FALCON_CLIENT_SECRET` and make the harness with `Harness::from_env()`.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use opcall::params;
use opcall::sandbox::Sandbox;
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start().await?;
    let harness = sandbox.harness()?;

    // An operation is called by its ID. What belongs into the path, the query or the body goes there by itself; `null`
    // is sent as `null`: this token never expires.
    let label = "example";
    let created =
        harness.command("tokens_create", json!({"label": label, "expires_timestamp": null})).await?;
    let token = created.value()?["resources"][0].clone();
    let id = token["id"].as_str().ok_or("a token has an ID")?;
    println!("created {id}, status {}", token["status"]);
    assert_eq!((created.status(), &token["status"]), (201, &json!("valid")));

    // A query finds IDs. `params!` is one way to write arguments, JSON, pairs and your own structs are others.
    let filter = format!("label:'{label}'");
    let found = harness.command("tokens_query", params! { filter, limit: 5 }).await?;
    println!("found {}", found.value()?["resources"]);
    assert_eq!(found.value()?["resources"], json!([id]));

    // Reading takes one or more IDs: a text, a list, or one text with commas.
    let read = harness.command("tokens_read", [("ids", id)]).await?;
    println!("read {}", read.value()?["resources"][0]["label"]);
    assert_eq!(read.value()?["resources"][0]["label"], label);

    // Here `ids` goes into the query and `label` into the body.
    let updated = harness.command("tokens_update", params! { ids: id, label: "renamed" }).await?;
    println!("renamed it to {}", updated.value()?["resources"][0]["label"]);
    assert_eq!(updated.value()?["resources"][0]["label"], "renamed");

    let revoked = harness.command("tokens_update", params! { ids: id, revoked: true }).await?;
    println!("revoked it: status {}", revoked.value()?["resources"][0]["status"]);
    assert_eq!(revoked.value()?["resources"][0]["status"], "revoked");

    harness.command("tokens_delete", [("ids", id)]).await?;
    let gone = harness.command("tokens_read", [("ids", id)]).await?;
    println!("deleted it: {} tokens with this ID are left", count(&gone.value()?["resources"]));
    assert_eq!(count(&gone.value()?["resources"]), 0);

    // The access token is given back; the next call would sign in anew.
    harness.revoke().await?;
    Ok(())
}

fn count(list: &Value) -> usize {
    list.as_array().map_or(0, Vec::len)
}
