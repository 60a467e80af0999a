//! A harness that calls thousands of servers, each named by a call: what it learned of one of them holds.

use opcall::{Credentials, Error, Harness, Profile};

use crate::support::{Reply, Server, builder, client};

/// So many others are called meanwhile.
const OTHERS: usize = 3000;

fn call_others(harness: &Harness, operation: &str) {
    for host in 0..OTHERS {
        let server = format!("https://host-{host}.example");
        harness.command(operation, ()).server(server).prepare().unwrap();
    }
}

#[tokio::test]
async fn a_token_that_is_good_is_not_fetched_again_and_can_be_given_back() {
    let server = Server::start(|request, _| match request.target.as_str() {
        "/oauth2/token" => Reply::token("token", 1800),
        _ => Reply::json(200, "{}"),
    });
    let harness = builder().profile("falcon", Profile::new().credentials(client())).build().unwrap();
    for _ in 0..2 {
        harness.command("tokens_query", ()).server(server.url()).await.unwrap();
        call_others(&harness, "tokens_query");
    }
    assert_eq!(server.count("/installation-tokens/queries/tokens/v1"), 2);
    assert_eq!(server.count("/oauth2/token"), 1);
    harness.revoke().await.unwrap();
    assert_eq!(server.only("/oauth2/revoke").text(), "token=token");
}

#[cfg(feature = "panther")]
#[tokio::test]
async fn a_word_of_a_server_holds() {
    let server = Server::start(|_, _| Reply::whole(429, &["retry-after: 50"], ""));
    let profile = Profile::new().credentials(Credentials::new().api_key("key"));
    let harness = builder().profile("panther", profile).build().unwrap();
    let call = || harness.command("api_token_list", ()).server(server.url()).retry(0);
    assert_eq!(call().await.unwrap_err().status(), Some(429));
    call_others(&harness, "api_token_list");
    // Longer than this call has.
    let error = call().max_time(std::time::Duration::from_secs(9)).await.unwrap_err();
    assert!(matches!(error, Error::HeldBack(_)), "{error}");
    assert_eq!(server.received().len(), 1);
}
