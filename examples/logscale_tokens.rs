//! The life of a LogScale organization token: create, update its permissions, reset its secret, delete.
//!
//! LogScale speaks GraphQL; its operations are called like all others. Run it with `cargo run --example
//! logscale_tokens`. It talks to a sandbox on this machine; to talk to your own account, set `LOGSCALE_URL` and
//! `LOGSCALE_TOKEN` and make the harness with `Harness::from_env()`.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use opcall::sandbox::Sandbox;
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start().await?;
    let harness = sandbox.harness()?;

    // The result of a GraphQL operation is the value of its one root field. The secret is shown this one time.
    let wish = json!({"name": "example", "organizationPermissions": ["BlockQueries"]});
    let created = harness.command("organization_tokens_create", wish).await?.value()?.clone();
    let id = id_of(&created["token"])?;
    println!("created {id} with {}", created["tokenMetadata"]["permissions"]);
    assert_eq!(created["tokenMetadata"]["id"], id);

    let wish = json!({"id": id, "permissions": ["BlockQueries", "MonitorQueries"]});
    harness.command("organization_tokens_update_permissions", wish).await?;
    let shown = harness.command("organization_tokens_get", json!({"tokenId": id})).await?.value()?.clone();
    println!("it now has {}", shown["permissions"]);
    assert_eq!(shown["permissions"], json!(["BlockQueries", "MonitorQueries"]));

    // A new secret is a new ID as well: the part before the `~`.
    let rotated = harness.command("organization_tokens_rotate", json!({"id": id})).await?.value()?.clone();
    let new_id = id_of(&rotated)?;
    println!("its secret is reset; it is {new_id} now");
    assert_ne!(new_id, id);

    let deleted = harness.command("organization_tokens_delete", json!({"id": new_id})).await?;
    println!("deleted it: {}", deleted.value()?);
    assert_eq!(*deleted.value()?, json!(true));
    Ok(())
}

fn id_of(secret: &Value) -> Result<String, &'static str> {
    let (id, _) = secret.as_str().and_then(|whole| whole.split_once('~')).ok_or("a secret is `ID~SECRET`")?;
    Ok(id.to_owned())
}
