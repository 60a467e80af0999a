//! The Rust forms of `docs/from-falconpy.md`, word by word, against the sandbox.

use std::time::Duration;

use opcall::sandbox::Sandbox;
use opcall::*;
use serde::Deserialize;
use serde_json::json;

/// The demo client that may do everything.
pub(super) const ID: &str = "00000000000000000000000000000001";
pub(super) const SECRET: &str = "demo-secret-full";
/// The child accounts that it may act for.
pub(super) const CHILDREN: [&str; 2] =
    ["0000000000000000000000000000c1d1", "0000000000000000000000000000c1d2"];

type Anything = std::result::Result<(), Box<dyn std::error::Error>>;

/// A token of the demo client, asked for by an ordinary call.
pub(super) async fn access_token(sandbox: &Sandbox) -> Result<String> {
    let harness = sandbox.harness()?;
    let form = json!({"client_id": ID, "client_secret": SECRET});
    let answer = harness.command("oauth2AccessToken", form).await?;
    Ok(answer.value()?["access_token"].as_str().unwrap().to_owned())
}

pub(super) async fn signing_in(sandbox: &Sandbox) -> Anything {
    let (id, secret, cid, url) = (ID, SECRET, CHILDREN[0], sandbox.url_of("falcon"));
    {
        let account = Profile::new().credentials(Credentials::new().client(id, secret));
        let harness = Harness::builder().profile("falcon", account).build()?;
        assert!(url_of(&harness)?.starts_with("https://api.crowdstrike.com/"));
    }
    {
        let harness = Harness::from_env()?;
        assert!(harness.table().get("tokens_query").is_ok());
    }
    let region = Profile::new().region("eu-1");
    assert!(url_of(&Harness::builder().profile("falcon", region).build()?)?.contains("api.eu-1."));
    let region = Profile::new().region("autodiscover");
    assert!(url_of(&Harness::builder().profile("falcon", region).build()?)?.contains("//api.crowdstrike."));

    let token = access_token(sandbox).await?;
    let children =
        [Credentials::new().client(id, secret).member(cid), Credentials::new().access_token(token)];
    for child in children {
        let builder = Harness::builder().profile("falcon", Profile::new().base_url(&url));
        let builder = builder.regions("falcon", [("us-1", url.clone())]);
        let builder = builder.profile("falcon", Profile::new().named("child").credentials(child));
        let harness = builder.build()?;
        harness.command("tokens_query", ()).profile("child").await?;
        harness.revoke().await?;
    }
    let account = Profile::new().base_url(url).credentials(Credentials::new().client(id, secret));
    Harness::builder().profile("falcon", account).build()?.command("tokens_query", ()).await?;
    Ok(())
}

fn url_of(harness: &Harness) -> Result<String> {
    Ok(harness.command("tokens_query", ()).prepare()?.url().into_owned())
}

pub(super) async fn calling(harness: &Harness) -> Anything {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("token.json");
    std::fs::write(&file, r#"{"label": "from a file"}"#)?;

    harness.command("tokens_query", params! { limit: 5, filter: "status:'valid'" }).await?;
    harness.command("tokens-query", [("limit", 5)]).await?;
    harness.command("tokens_query", json!({"parameters": {"limit": 5}})).await?;
    let created = harness.command("tokens_create", ()).body(json!({"label": "ci"})).await?;
    let token_id = created.value()?["resources"][0]["id"].as_str().unwrap();
    harness.command("tokens_create", ()).body(FilePart::path(file)).await?;
    harness.command("tokens_create", json!({"label": "ci", "expires_timestamp": null})).await?;
    harness.command("tokens_read", json!({"ids": ["ID1", "ID2", "ID3"]})).await?;
    harness.command("tokens_read", [("ids", "ID1,ID2,ID3")]).await?;
    harness.command("tokens_update", params! { ids: token_id, revoked: true }).await?;
    let request = harness.request("falcon", Method::Get, "/new/things/v1", [("limit", 5)]).prepare()?;
    assert!(request.url().ends_with("/new/things/v1?limit=5"));
    harness.command("tokens_query", ()).header("x-note", "ci").await?;
    harness.command("tokens_query", params! { limit: 5, offset: 5 }).await?;
    assert!(harness.table().search("token").len() > 9);
    assert_eq!(harness.table().get("tokens_create")?.parameters().len(), 0);
    harness.command("tokens_query", [("limit", 5)]).prepare()?;
    Ok(())
}

#[derive(Deserialize)]
struct Found {
    resources: Vec<String>,
}

pub(super) async fn answers(harness: &Harness) -> Anything {
    let response = harness.command("tokens_query", [("limit", 2)]).await?;
    let resources = &response.value()?["resources"];
    let (status, headers) = (response.status(), response.headers());
    assert_eq!((status, headers.contains_key("x-cs-traceid")), (200, true));
    let found: Found = response.json()?;
    assert_eq!(json!(found.resources), *resources);
    assert!(!response.bytes().is_empty());

    let (status, message) = match harness.command("tokens_delete", [("ids", "none")]).await {
        Err(Error::Refused(refused)) => (refused.status, refused.message),
        other => panic!("not refused: {other:?}"),
    };
    assert_eq!((status, message.is_some()), (404, true));
    let Err(Error::Refused(refused)) = harness.command("tokens_delete", [("ids", "none")]).await else {
        panic!("not refused");
    };
    assert_eq!(refused.response.value()?["errors"].as_array().unwrap().len(), 1);
    Ok(())
}

pub(super) async fn files(harness: &Harness) -> Anything {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("a.bin");
    let data = b"\0\x01\x02".to_vec();
    std::fs::write(&file, &data)?;
    let streamed = params! { sample: FilePart::path(file), file_name: "a.bin", is_confidential: true };
    harness.command("UploadSampleV3", streamed).await?;
    let in_memory = params! { sample: FilePart::bytes(data), file_name: "a.bin" };
    harness.command("UploadSampleV3", in_memory).await?;
    Ok(())
}

pub(super) async fn settings(sandbox: &Sandbox) -> Anything {
    let harness = sandbox.harness()?;
    harness.command("tokens_query", ()).timeout(Duration::from_secs(5)).await?;
    let builder = Harness::builder();
    let builder = builder.timeout(Duration::from_secs(10));
    let builder = builder.proxy("http://proxy:8080");
    let builder = builder.user_agent("name/1.0");
    let pem = "";
    let builder = builder.root_certificates(pem);
    drop(builder);
    Ok(())
}
