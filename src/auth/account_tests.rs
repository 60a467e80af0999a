//! What is known of an account without a call: whether it could be made anew, where its tokens come from, whose
//! secrets are still the newest ones.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::time::Duration;

use super::*;
use crate::auth::renewing::Fetched;
use crate::operation::SecuritySchemeDef;

const LIFE: Duration = Duration::from_secs(100);

fn flow(metadata: bool) -> SchemeKind {
    let written = |path: &str| Some(format!("https://a.example/{path}"));
    let metadata_url = metadata.then(|| written("meta")).flatten();
    SchemeKind::OAuth2(OAuth2Def { token_url: written("token"), metadata_url, ..OAuth2Def::default() })
}

fn openid() -> SchemeKind {
    SchemeKind::OpenIdConnect { url: "https://id.example/meta".to_owned() }
}

/// An account of a service with one scheme whose tokens are found out about.
fn account(profile: Profile, provider: Option<Arc<dyn CredentialProvider>>) -> Account {
    let scheme = SecuritySchemeDef { name: "oauth".to_owned(), kind: flow(true) };
    let definition =
        ServiceDef { name: "pets".to_owned(), security_schemes: vec![scheme], ..ServiceDef::default() };
    let profile = profile.base_url("https://a.example/v1");
    Account::new(Arc::new(definition), Vec::new(), profile, provider, None).unwrap()
}

fn key() -> TokenKey {
    ("oauth".to_owned(), String::new())
}

async fn given() -> Result<Credentials, std::io::Error> {
    Ok(Credentials::new().api_key("k"))
}

async fn withheld() -> Result<Credentials, std::io::Error> {
    Err(std::io::Error::other("sealed"))
}

#[tokio::test(start_paused = true)]
async fn it_is_idle_once_no_token_no_document_and_no_failure_of_it_holds() {
    let now = || Instant::now();
    let account = account(Profile::new(), Some(Arc::new(withheld)));
    assert!(account.is_idle());
    account.token(&key()).offer(Fetched::new("t".into(), Some(LIFE), now()));
    assert!(!account.is_idle(), "a token");
    tokio::time::advance(LIFE).await;
    assert!(account.is_idle());
    account.discovered["oauth"].offer(Fetched::new(OAuth2Def::default(), Some(LIFE), now()));
    assert!(!account.is_idle(), "a document");
    tokio::time::advance(LIFE).await;
    assert!(account.is_idle());
    assert!(account.credentials(&Rejected::default()).await.is_err());
    assert!(!account.is_idle(), "a failure of the provider");
    tokio::time::advance(LIFE).await;
    assert!(account.is_idle());
    let refused = || async { Err(account.unfit("no").into()) };
    assert!(account.token(&key()).get(Patience::default(), None, refused).await.is_err());
    assert!(!account.is_idle(), "a failure of the token endpoint");
    tokio::time::advance(LIFE).await;
    assert!(account.is_idle());
}

#[tokio::test]
async fn secrets_are_current_until_their_token_or_their_provider_brings_others() {
    let account = account(Profile::new(), Some(Arc::new(given)));
    let provided = |generation| Rejected(vec![(None, generation)]);
    let fetched = |generation| Rejected(vec![(Some(key()), generation)]);
    let (credentials, first) = account.leased_credentials(None).await.unwrap();
    assert!(credentials.api_key.is_some() && account.own().api_key.is_none());
    assert_eq!(first, Some(1));
    assert!(account.is_current(&provided(1)) && !account.is_current(&provided(0)));
    assert_eq!(account.leased_credentials(first).await.unwrap().1, Some(2));
    assert!(account.is_current(&provided(2)) && !account.is_current(&provided(1)));
    account.token(&key()).offer(Fetched::new("t".into(), None, Instant::now()));
    assert!(account.is_current(&fetched(1)) && !account.is_current(&fetched(0)));
    assert!(account.is_current(&Rejected::default()));
}

#[test]
fn only_one_with_a_provider_asks_it() {
    assert!(account(Profile::new(), Some(Arc::new(given))).asks_a_provider());
    assert!(!account(Profile::new(), None).asks_a_provider());
}

#[test]
fn tokens_come_from_where_the_profile_says_else_the_document() {
    let set = account(Profile::new().token_url("https://t.example/token"), None);
    let unset = account(Profile::new(), None);
    for (kind, written) in [
        (flow(true), Some("https://a.example/meta")),
        (flow(false), Some("https://a.example/token")),
        (openid(), Some("https://id.example/meta")),
        (SchemeKind::MutualTls, None),
    ] {
        assert_eq!(unset.token_place(&kind).as_deref(), written);
        assert_eq!(set.token_place(&kind).as_deref(), Some("https://t.example/token"));
    }
}
