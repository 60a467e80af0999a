//! The choice among security alternatives, and what is said where none is served.

use super::*;
use crate::operation::{Location, OAuth2Def};

fn service() -> ServiceDef {
    let flow = OAuth2Def { token_url: Some("/token".to_owned()), ..OAuth2Def::default() };
    let key = |location, name: &str| SchemeKind::ApiKey { location, name: name.to_owned() };
    let http = |scheme: &str| SchemeKind::Http { scheme: scheme.to_owned() };
    let kinds = [
        ("flow", SchemeKind::OAuth2(flow)),
        ("key", key(Location::Header, "X-Key")),
        ("app", key(Location::Query, "app")),
        ("jar", key(Location::Cookie, "jar")),
        ("basic", http("basic")),
        ("bearer", http("bearer")),
        ("openid", SchemeKind::OpenIdConnect { url: "https://id.example".to_owned() }),
        ("cert", SchemeKind::MutualTls),
    ];
    let scheme = |(name, kind): (&str, SchemeKind)| SecuritySchemeDef { name: name.to_owned(), kind };
    ServiceDef {
        name: "many".to_owned(),
        security_schemes: kinds.into_iter().map(scheme).collect(),
        ..ServiceDef::default()
    }
}

fn alternatives(names: &[&[&str]]) -> Vec<Vec<SchemeUse>> {
    let scheme = |name: &&str| SchemeUse { scheme: (*name).to_owned(), scopes: vec![format!("{name}:read")] };
    names.iter().map(|one| one.iter().map(scheme).collect()).collect()
}

fn with<T>(credentials: &Credentials, names: &[&[&str]], work: impl Fn(Choice<'_>) -> T) -> T {
    let (definition, alternatives) = (service(), alternatives(names));
    work(Choice { definition: &definition, alternatives: &alternatives, credentials, certificate: false })
}

fn chosen(credentials: &Credentials, names: &[&[&str]]) -> Option<String> {
    let plan = with(credentials, names, |choice| choice.plan(&|_| false))?;
    Some(plan.into_iter().map(|need| need.scheme.name).collect::<Vec<_>>().join(" "))
}

fn missing(credentials: &Credentials, names: &[&[&str]]) -> (String, String) {
    let error = with(credentials, names, |choice| choice.missing(&|_| false));
    (error.problem, error.hint.unwrap_or_default())
}

#[test]
fn of_many_schemes_those_named_are_found() {
    let kind = SchemeKind::Http { scheme: "bearer".to_owned() };
    let scheme = |number| SecuritySchemeDef { name: format!("s{number}"), kind: kind.clone() };
    for count in [FEW, FEW + 1] {
        let all: Vec<_> = (0..count).map(scheme).collect();
        let schemes = Schemes::of(&all);
        let last = format!("s{}", count - 1);
        assert_eq!(schemes.find(&last), Some(&all[count - 1]));
        assert_eq!(schemes.find("s0"), Some(&all[0]));
        assert_eq!(schemes.find("gone"), None);
    }
}

#[test]
fn the_first_alternative_that_is_served_wins() {
    let key = Credentials::new().api_key("k");
    assert_eq!(chosen(&key, &[&["flow"], &["key"]]).as_deref(), Some("key"));
    assert_eq!(chosen(&key, &[&["flow", "key"]]), None);
    assert_eq!(chosen(&key, &[&["unheard-of"], &["key"]]).as_deref(), Some("key"));
    let two = key.client("id", "secret");
    assert_eq!(chosen(&two, &[&["flow"], &["key"]]).as_deref(), Some("flow"));
    assert_eq!(chosen(&two, &[&["key"], &["flow"]]).as_deref(), Some("key"));
    assert_eq!(chosen(&two, &[&["flow", "key"], &["key"]]).as_deref(), Some("flow key"));
}

#[test]
fn none_will_do_where_the_document_says_so() {
    assert_eq!(chosen(&Credentials::new(), &[]).as_deref(), Some(""));
    assert_eq!(chosen(&Credentials::new(), &[&["key"], &[]]).as_deref(), Some(""));
    assert_eq!(chosen(&Credentials::new().api_key("k"), &[&[], &["key"]]).as_deref(), Some("key"));
    assert_eq!(chosen(&Credentials::new(), &[&["key"]]), None);
}

#[test]
fn one_key_is_not_meant_for_two_schemes_at_once() {
    let key = Credentials::new().api_key("k");
    assert_eq!(chosen(&key, &[&["key", "app"]]), None);
    assert_eq!(chosen(&key, &[&["key"], &["app"]]).as_deref(), Some("key"));
    let and_app = key.scheme("app", "a");
    assert_eq!(chosen(&and_app, &[&["key", "app"]]).as_deref(), Some("key app"));
    assert_eq!(chosen(&and_app, &[&["key", "app", "jar"]]), None);
    let all = Credentials::new().scheme("app", "a").scheme("key", "k").scheme("jar", "j");
    assert_eq!(chosen(&all, &[&["key", "app", "jar"]]).as_deref(), Some("key app jar"));
}

#[test]
fn what_the_caller_fills_by_hand_comes_first() {
    let credentials = Credentials::new().access_token("t").api_key("k");
    let names: &[&[&str]] = &[&["bearer"], &["key"], &["app", "jar"]];
    let plan = |given: &'static [&str]| {
        let given = |scheme: &SecuritySchemeDef| given.contains(&scheme.name.as_str());
        let plan = with(&credentials, names, |choice| choice.plan(&given)).unwrap_or_default();
        plan.into_iter().map(|need| need.scheme.name).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(plan(&[]), "bearer");
    assert_eq!(plan(&["key"]), "key");
    assert_eq!(plan(&["app"]), "bearer");
    assert_eq!(plan(&["app", "jar"]), "app jar");
}

#[test]
fn scopes_come_with_their_scheme() {
    let credentials = Credentials::new().client("id", "secret");
    let plan = with(&credentials, &[&["flow"]], |choice| choice.plan(&|_| false));
    assert_eq!(plan.unwrap_or_default()[0].scopes, ["flow:read"]);
}

#[test]
fn missing_credentials_name_the_variables() {
    let (problem, hint) = missing(&Credentials::new(), &[&["flow"]]);
    assert_eq!(problem, "no credentials for many; nothing was sent");
    assert_eq!(
        hint,
        "set MANY_CLIENT_ID and MANY_CLIENT_SECRET, or MANY_ACCESS_TOKEN; \
         each may also be given as a file by its name with _FILE."
    );
}

#[test]
fn every_alternative_is_told_with_what_is_there_and_what_is_not() {
    let credentials = Credentials::new().basic("u", "p").scheme("jar", "j");
    let names: &[&[&str]] =
        &[&["flow"], &["key"], &["basic", "app"], &["jar", "key", "app"], &["cert"], &["what"]];
    let (problem, hint) = missing(&credentials, names);
    insta::assert_snapshot!(problem, @r"
    no credentials for many; nothing was sent
      flow: MANY_CLIENT_ID and MANY_CLIENT_SECRET, or MANY_ACCESS_TOKEN
      key: MANY_API_KEY
      basic and app: MANY_USERNAME and MANY_PASSWORD (set); and MANY_API_KEY
      jar and key and app: MANY_JAR (set); and MANY_KEY; and MANY_APP
      cert: a client certificate, over https
      what: the document does not describe `what`
    ");
    assert_eq!(
        hint,
        "set what one of these lines names; each variable may also be given as a file by its name with _FILE."
    );
}

fn hint_of(definition: &ServiceDef, scheme: &str) -> Option<String> {
    let (credentials, alternatives) = (Credentials::new(), alternatives(&[&[scheme]]));
    let choice =
        Choice { definition, alternatives: &alternatives, credentials: &credentials, certificate: false };
    choice.missing(&|_| false).hint
}

#[test]
fn a_client_is_of_no_use_where_nobody_says_what_gives_tokens() {
    let kind = SchemeKind::OAuth2(OAuth2Def::default());
    let security_schemes = vec![SecuritySchemeDef { name: "code".to_owned(), kind }];
    let definition = ServiceDef { name: "many".to_owned(), security_schemes, ..ServiceDef::default() };
    assert_eq!(
        hint_of(&definition, "code").as_deref(),
        Some("set MANY_ACCESS_TOKEN; each may also be given as a file by its name with _FILE.")
    );
}

/// The document names its variables: none for a key, and that of the scheme itself for something else.
#[test]
fn a_scheme_without_a_variable_is_served_by_the_profile() {
    let environment = vec![("access_token".to_owned(), vec!["MANY_KEY".to_owned()])];
    let definition = ServiceDef { environment, ..service() };
    assert_eq!(
        hint_of(&definition, "key").as_deref(),
        Some("give the profile credentials for the operation's security scheme.")
    );
}
