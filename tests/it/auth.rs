//! The token flow against servers that record every byte: tokens, their renewal, 401, regions, revocation.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opcall::Profile;

use crate::support::{Reply, Server, builder, client, in_region};

const TOKEN: &str = "/oauth2/token";
const QUERY: &str = "/installation-tokens/queries/tokens/v1";

/// Gives tokens t1, t2, ... with the lives given (the last one for all further), and takes the newest `good` ones.
fn flow(lives: &'static [u64], is_good: impl Fn(&str) -> bool + Send + Sync + 'static) -> Server {
    let given = AtomicUsize::new(0);
    Server::start(move |request, _| {
        if request.target == TOKEN {
            let number = given.fetch_add(1, Ordering::SeqCst);
            return Reply::token(&format!("t{}", number + 1), lives[number.min(lives.len() - 1)]);
        }
        let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        match bearer {
            Some(token) if is_good(token) => Reply::json(200, r#"{"resources":["a"]}"#),
            _ => Reply::json(
                401,
                r#"{"errors":[{"code":401,"message":"access denied, invalid bearer token"}]}"#,
            ),
        }
    })
}

#[tokio::test]
async fn a_token_is_fetched_by_form_and_serves_many_calls() {
    let server = flow(&[1799], |token| token == "t1");
    let harness = in_region(&server)
        .profile("falcon", Profile::new().named("child").credentials(client().member("cid 1")))
        .build()
        .unwrap();
    for _ in 0..3 {
        let found = harness.command("tokens_query", ()).await.unwrap();
        assert_eq!((found.status(), found.attempts().len()), (200, 1));
        assert_eq!(found.value().unwrap()["resources"][0], "a");
    }
    let asked = server.only(TOKEN);
    assert_eq!(
        (asked.method.as_str(), asked.text().as_str()),
        ("POST", "client_id=id&client_secret=s%26cret")
    );
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(asked.header("accept"), Some("application/json"));
    assert_eq!(server.count(QUERY), 3);

    harness.command("tokens_query", ()).profile("child").await.unwrap_err();
    let asked = server.received().into_iter().rfind(|one| one.target == TOKEN).unwrap();
    assert!(
        asked.text().starts_with("client_id=id&client_secret=s%26cret&member_cid=cid+1"),
        "{}",
        asked.text()
    );
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let server = flow(&[1, 1800], |_| true);
    let harness = in_region(&server).build().unwrap();
    harness.command("tokens_query", ()).await.unwrap();
    harness.command("tokens_query", ()).await.unwrap();
    assert_eq!(server.count(TOKEN), 1);
    tokio::time::sleep(Duration::from_millis(600)).await;
    harness.command("tokens_query", ()).await.unwrap();
    assert_eq!(server.count(TOKEN), 2);
    assert_eq!(server.received().last().unwrap().header("authorization"), Some("Bearer t2"));
}

#[tokio::test]
async fn a_thousand_calls_with_an_expired_token_renew_it_once() {
    let server = flow(&[0, 1800], |_| true);
    let harness = in_region(&server).build().unwrap();
    harness.command("tokens_query", ()).await.unwrap();
    assert_eq!(server.count(TOKEN), 1);
    let calls: Vec<_> = (0..1000)
        .map(|_| {
            let harness = harness.clone();
            tokio::spawn(async move {
                harness.command("tokens_query", ()).send().await.map(|found| found.status())
            })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), 200);
    }
    assert_eq!(server.count(TOKEN), 2);
    assert_eq!(server.count(QUERY), 1001);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_the_call_sent_once_more() {
    let server = flow(&[1800], |token| token != "t1");
    let harness = in_region(&server).build().unwrap();
    let found = harness.command("tokens_query", ()).await.unwrap();
    assert_eq!(found.attempts().len(), 2);
    assert_eq!((server.count(TOKEN), server.count(QUERY)), (2, 2));
}

#[tokio::test]
async fn a_token_that_stays_refused_ends_the_call() {
    let server = flow(&[1800], |_| false);
    let harness = in_region(&server).build().unwrap();
    let error = harness.command("tokens_query", ()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "falcon refused tokens_query with 401: access denied, invalid bearer token"
    );
    assert_eq!(error.hint().unwrap(), "check the credentials for falcon: they are not accepted (any more).");
    assert_eq!((server.count(TOKEN), server.count(QUERY)), (2, 2));
}

#[tokio::test]
async fn a_storm_of_401_renews_once() {
    let server = flow(&[1800], |token| token != "t1");
    let harness = in_region(&server).build().unwrap();
    let calls: Vec<_> = (0..200)
        .map(|_| {
            let harness = harness.clone();
            tokio::spawn(async move {
                harness.command("tokens_query", ()).send().await.map(|found| found.status())
            })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), 200);
    }
    assert_eq!(server.count(TOKEN), 2);
}

#[tokio::test]
async fn a_403_renews_nothing_and_names_the_scope() {
    let server = Server::start(|request, _| match request.target.as_str() {
        TOKEN => Reply::token("t", 1800),
        _ => Reply::json(
            403,
            r#"{"meta":{"trace_id":"tr"},"errors":[{"code":403,"message":"access denied, authorization failed"}]}"#,
        ),
    });
    let harness = in_region(&server).build().unwrap();
    let error = harness.command("tokens_delete", [("ids", "1")]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "falcon refused tokens_delete with 403: access denied, authorization failed (trace tr)"
    );
    assert_eq!(error.hint().unwrap(), "the API client needs the scope \"Installation Tokens: WRITE\".");
    assert_eq!((server.count(TOKEN), error.status()), (1, Some(403)));
}

/// A first region that sends everyone to the one at `url`, which it calls `name`.
fn elsewhere(url: &str, name: &str) -> Server {
    let location = format!("location: {url}/oauth2/token");
    let region = format!("x-cs-region: {name}");
    Server::start(move |_, _| Reply::whole(308, &[&location, &region], ""))
}

#[tokio::test]
async fn the_token_endpoint_names_the_region_and_calls_go_there() {
    let second = flow(&[1800], |_| true);
    let first = elsewhere(&second.url(), "us-2");
    let harness = builder()
        .regions("falcon", [("us-1", first.url()), ("us-2", second.url())])
        .profile("falcon", Profile::new().region("autodiscover").credentials(client()))
        .build()
        .unwrap();
    for _ in 0..2 {
        harness.command("tokens_query", [("limit", 5)]).await.unwrap();
    }
    assert_eq!((first.received().len(), second.count(TOKEN), second.count(QUERY)), (1, 1, 2));
    assert_eq!(second.received()[0].text(), "client_id=id&client_secret=s%26cret");
    assert_eq!(second.received()[1].target, format!("{QUERY}?limit=5"));
    let prepared = harness.command("tokens_query", ()).prepare().unwrap();
    assert!(prepared.url().starts_with(&second.url()));
}

#[tokio::test]
async fn a_redirect_beyond_the_services_regions_is_not_followed() {
    let sink = Server::sink();
    for name in ["us-2", "us-1", "mars", ""] {
        let first = elsewhere(&sink.url(), name);
        let regions = [("us-1", first.url()), ("us-2", "https://two.example".to_owned())];
        let harness = builder()
            .regions("falcon", regions)
            .profile("falcon", Profile::new().credentials(client()))
            .build()
            .unwrap();
        let error = harness.command("tokens_query", ()).await.unwrap_err();
        assert!(error.to_string().contains("sends the client secret to "), "{name}: {error}");
        assert_eq!(error.hint().as_deref(), Some("set the region or the base URL."), "{name}");
        assert_eq!((error.kind(), error.was_sent(), first.received().len()), ("unsafe", false, 1), "{name}");
    }
    assert!(sink.received().is_empty());
}

#[tokio::test]
async fn an_explicit_base_url_is_never_left() {
    let second = Server::sink();
    let first = elsewhere(&second.url(), "us-2");
    let profile = Profile::new().base_url(first.url()).credentials(client());
    let regions = [("us-1", first.url()), ("us-2", second.url())];
    let harness = builder().regions("falcon", regions).profile("falcon", profile).build().unwrap();
    let error = harness.command("tokens_query", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "falcon: the credentials belong to us-2, not to the base URL that was set");
    assert_eq!(error.hint().unwrap(), "set FALCON_CLOUD to us-2 in place of the base URL.");
    assert_eq!((error.kind(), error.was_sent()), ("auth", false));
    assert!(second.received().is_empty());
}

#[tokio::test]
async fn refused_credentials_end_the_call_for_everyone_who_waits() {
    let server = Server::start(|_, _| {
        Reply::json(403, r#"{"meta":{"trace_id":"5f0c"},"errors":[{"code":403,"message":"access denied"}]}"#)
    });
    let harness = in_region(&server).build().unwrap();
    for _ in 0..3 {
        let error = harness.command("tokens_query", ()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "falcon: the token endpoint refused with 403: access denied (trace 5f0c)"
        );
        assert_eq!(error.hint().unwrap(), "check FALCON_CLIENT_ID and FALCON_CLIENT_SECRET.");
        assert_eq!((error.kind(), error.status(), error.was_sent()), ("auth", Some(403), false));
        assert!(!error.is_retryable());
    }
    assert_eq!(server.received().len(), 1, "the failure speaks for a second");
}

#[tokio::test]
async fn a_token_endpoint_that_is_away_means_the_operation_was_not_sent() {
    let server = Server::start(|_, _| Reply::raw(""));
    let harness = in_region(&server).build().unwrap();
    let error = harness.command("tokens_query", ()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.ends_with("after 3 attempts; signing in failed, no operation was sent"), "{text}");
    assert_eq!((error.kind(), error.was_sent()), ("transport", false));

    let server = Server::start(|_, _| Reply::json(200, r#"{"token": "x"}"#));
    let harness = in_region(&server).build().unwrap();
    let error = harness.command("tokens_query", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "falcon: the token endpoint's answer holds no access_token");
}

#[tokio::test]
async fn a_server_given_with_the_call_has_tokens_of_its_own() {
    let (one, two) = (flow(&[1800], |_| true), flow(&[1800], |_| true));
    let harness = in_region(&one).build().unwrap();
    harness.command("tokens_query", ()).await.unwrap();
    harness.command("tokens_query", ()).server(format!("{}/", two.url())).await.unwrap();
    assert_eq!((one.count(TOKEN), one.count(QUERY), two.count(TOKEN), two.count(QUERY)), (1, 1, 1, 1));
}

#[tokio::test]
async fn an_endpoint_in_no_table_is_called_with_the_services_credentials() {
    let server = Server::start(|request, _| match request.target.as_str() {
        TOKEN => Reply::token("t", 1800),
        _ => Reply::json(404, r#"{"errors":[{"message":"no such thing"}]}"#),
    });
    let harness = in_region(&server).build().unwrap();
    let error =
        harness.request("falcon", opcall::Method::Get, "/new/thing/v1", [("limit", 5)]).await.unwrap_err();
    assert_eq!(error.to_string(), "falcon refused GET /new/thing/v1 with 404: no such thing");
    let asked = server.only("/new/thing/v1");
    assert_eq!(
        (asked.target.as_str(), asked.header("authorization")),
        ("/new/thing/v1?limit=5", Some("Bearer t"))
    );
}

#[tokio::test]
async fn revoking_gives_the_token_back_and_the_next_call_signs_in_anew() {
    let server = flow(&[1800], |_| true);
    let harness = in_region(&server).build().unwrap();
    harness.revoke().await.unwrap();
    harness.command("tokens_query", ()).await.unwrap();
    let error = harness.revoke().await.unwrap_err();
    assert!(error.to_string().starts_with("falcon: the revocation endpoint refused with 401"), "{error}");
    let asked = server.only("/oauth2/revoke");
    assert_eq!((asked.method.as_str(), asked.text().as_str()), ("POST", "token=t1"));
    assert_eq!(asked.header("authorization"), Some("Basic aWQ6cyZjcmV0"));
    harness.command("tokens_query", ()).await.unwrap();
    assert_eq!(server.count(TOKEN), 2);
}

#[tokio::test]
async fn tokens_that_are_held_are_counted_where_they_are_forgotten() {
    let server = Server::start(|request, _| match request.target.as_str() {
        TOKEN => Reply::token("t", 1799),
        _ => Reply::json(200, "{}"),
    });
    let harness = in_region(&server).build().unwrap();
    for tokens in [1, 0] {
        if tokens > 0 {
            harness.command("tokens_query", ()).await.unwrap();
        }
        let forgotten = harness.sign_in("falcon").forget().await.unwrap();
        assert_eq!((forgotten.tokens, forgotten.revoked), (tokens, tokens));
    }
}
