//! Many callers, one expired token: the sandbox counts what they ask of the token endpoint.

use std::time::Duration;

use futures_util::future::join_all;
use opcall::sandbox::Sandbox;
use serde_json::json;

#[tokio::test]
async fn a_thousand_commands_with_an_expired_token_ask_for_one() {
    let sandbox = Sandbox::builder().rate_without_token(100_000).rate(100_000).start().await.unwrap();
    let harness = sandbox.harness().unwrap();
    harness.command("tokens_query", json!({"limit": 1})).await.unwrap();
    assert_eq!(sandbox.count("token"), 1);

    sandbox.advance(Duration::from_secs(31 * 60));
    let calls = (0..1_000).map(|number| harness.command("tokens_query", json!({"offset": number})).send());
    let answers = join_all(calls).await;
    let failed: Vec<_> = answers.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect();
    assert_eq!(failed, Vec::<String>::new());
    assert_eq!(sandbox.count("token"), 2, "one for the first call, one for the thousand");
}
