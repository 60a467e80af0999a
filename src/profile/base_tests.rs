//! Which base URL a profile and a document lead to.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use indexmap::IndexMap;
use serde::Deserialize;

use super::*;
use crate::operation::{OperationDef, ServerVariableDef};
use crate::spec::{self, Depth, NoSource};

fn region(name: &str, url: &str, aliases: &[&str]) -> RegionDef {
    let aliases = aliases.iter().map(|&one| one.to_owned()).collect();
    RegionDef { name: name.to_owned(), url: url.to_owned(), aliases }
}

fn two_regions() -> ServiceDef {
    ServiceDef {
        name: "two".to_owned(),
        servers: vec![ServerDef { url: "https://one.example".to_owned(), ..ServerDef::default() }],
        regions: vec![
            region("us-1", "https://one.example", &[]),
            region("us-gov-2", "https://gov.example/", &["gov2"]),
        ],
        base_url_suffixes: vec!["/public/graphql".to_owned()],
        ..ServiceDef::default()
    }
}

fn decided(profile: &Profile) -> Base {
    let definition = two_regions();
    Base::decide(&definition, profile, &definition.regions).unwrap()
}

#[test]
fn an_explicit_base_wins_and_is_cleaned() {
    for given in ["api.example/v1", "https://api.example/v1/", "https://api.example/v1/public/graphql/"] {
        let base = decided(&Profile::new().base_url(given).region("us-1"));
        assert_eq!((base.url.as_str(), base.explicit), ("https://api.example/v1", true), "{given}");
    }
}

#[test]
fn a_base_that_is_no_address_is_refused() {
    let definition = two_regions();
    for given in ["ftp://a", "https://", "https://a?x=1", "https://a#f", "https://user:pw@a"] {
        let error = Base::explicit(&definition, given).unwrap_err();
        assert_eq!(error.kind(), "config", "{given}");
        assert!(!error.to_string().contains("pw"), "{error}");
    }
}

#[test]
fn a_base_that_would_be_folded_is_refused() {
    for url in ["https://x/a/../b", "https://x/.", "https://x/a/%2E%2e/b", "https://x/a\\..\\b"] {
        let error = Base::explicit(&two_regions(), url).unwrap().require_sound().unwrap_err();
        assert_eq!(error.kind(), "config", "{url}");
    }
    assert!(Base::explicit(&two_regions(), "https://x/..a/b.").unwrap().require_sound().is_ok());
}

#[test]
fn a_region_is_found_in_any_spelling() {
    for name in ["us-gov-2", "USGOV2", "Gov2", "gov-2"] {
        assert_eq!(decided(&Profile::new().region(name)).url, "https://gov.example", "{name}");
    }
    let definition = two_regions();
    let error = Base::decide(&definition, &Profile::new().region("mars"), &definition.regions).unwrap_err();
    assert_eq!(error.to_string(), "two has no region \"mars\"");
    assert_eq!(error.hint().unwrap(), "choose one of us-1, us-gov-2.");
}

#[test]
fn without_a_word_it_is_the_first_server_and_its_region() {
    for profile in [Profile::new(), Profile::new().region("autodiscover")] {
        let base = decided(&profile);
        assert_eq!((base.url.as_str(), base.region.as_deref()), ("https://one.example", Some("us-1")));
        assert!(!base.explicit);
    }
}

#[test]
fn replaced_regions_replace_the_first_server_too() {
    let definition = two_regions();
    let replaced = [region("x", "http://127.0.0.1:1", &[]), region("us-1", "http://127.0.0.1:2", &[])];
    let base = Base::decide(&definition, &Profile::new(), &replaced).unwrap();
    assert_eq!(base.url, "http://127.0.0.1:2");
    let base = Base::decide(&definition, &Profile::new(), &replaced[..1]).unwrap();
    assert_eq!(base.url, "http://127.0.0.1:1");
}

#[test]
fn a_placeholder_is_shown_but_not_called() {
    let host = ServerVariableDef {
        name: "host".to_owned(),
        default: Some("your-host".to_owned()),
        placeholder: true,
        ..Default::default()
    };
    let definition = ServiceDef {
        name: "keyed".to_owned(),
        servers: vec![ServerDef {
            url: "https://{host}/v1".to_owned(),
            variables: vec![host],
            ..ServerDef::default()
        }],
        ..ServiceDef::default()
    };
    let base = Base::decide(&definition, &Profile::new(), &[]).unwrap();
    assert_eq!(base.url, "https://your-host/v1");
    let error = crate::Error::from(base.require_real().unwrap_err());
    assert_eq!(
        error.to_string(),
        "the address of keyed is not known: \"https://your-host/v1\" is a placeholder"
    );
    assert_eq!(error.hint().unwrap(), "set KEYED_BASE_URL, or give a server with the call.");
}

#[test]
fn loopback_is_judged_on_the_parsed_host() {
    for here in [
        "http://localhost:1",
        "http://localhost.:1",
        "http://a.localhost.",
        "http://127.1",
        "http://0x7f.1/",
        "http://[::1]",
        "http://[::ffff:127.0.0.1]",
    ] {
        assert!(is_loopback(&Url::parse(here).unwrap()), "{here}");
    }
    for there in
        ["http://localhost..", "http://localhost.example", "http://128.0.0.1", "http://127.0.0.1.example"]
    {
        assert!(!is_loopback(&Url::parse(there).unwrap()), "{there}");
    }
}

/// The cases of `tests/data/servers.yaml`.
#[derive(Deserialize)]
struct Table {
    documents: serde_json::Map<String, serde_json::Value>,
    cases: Vec<Case>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Case {
    document: String,
    operation: Option<String>,
    server: Option<String>,
    variables: IndexMap<String, String>,
    profile: Preset,
    place: Option<String>,
    url: Option<String>,
    live: Option<String>,
    error: Option<String>,
    hint: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Preset {
    base_url: Option<String>,
    region: Option<String>,
    server: Option<String>,
    variables: IndexMap<String, String>,
}

impl Case {
    /// As a harness does it: the profile, what the call says over it, the account's base, the operation's own.
    fn base(&self, mut definition: ServiceDef, operation: &OperationDef) -> crate::Result<Base> {
        definition.document_url.clone_from(&self.place);
        let mut profile = Profile::new();
        profile.base_url.clone_from(&self.profile.base_url);
        profile.region.clone_from(&self.profile.region);
        profile.wish.server.clone_from(&self.profile.server);
        for (name, value) in &self.profile.variables {
            profile = profile.server_variable(name, value);
        }
        profile.choose(self.server.as_deref(), &self.variables);
        let base = Base::decide(&definition, &profile, &definition.regions)?;
        let label = format!("{}:{}", definition.name, operation.id);
        let at_host = base.clone().at_host(&operation.hosts);
        if at_host.url != base.url {
            return Ok(at_host);
        }
        Ok(base.of_operation(&definition, &label, &operation.servers, &profile.wish()))
    }

    fn check(&self, table: &Table) {
        let text = table.documents[&self.document].to_string();
        let read = spec::read(&self.document, text.as_bytes(), &NoSource, Depth::Requests).unwrap();
        let id = self.operation.as_deref().unwrap_or("plain");
        let operation = read.operations.iter().find(|one| one.id == id).unwrap();
        let told = self.base(read.service, operation).and_then(|base| {
            base.require_sound()?;
            Ok(base)
        });
        let (url, error) = match told {
            Err(error) => {
                assert!(self.error.is_some(), "{self:?}: {error}");
                (None, Some(error))
            }
            Ok(base) => (Some(base.url.clone()), base.require_real().err().map(crate::Error::from)),
        };
        assert_eq!(url, self.url, "{self:?}");
        let expected = self.error.as_ref().or(self.live.as_ref());
        assert_eq!(error.as_ref().map(ToString::to_string).as_ref(), expected, "{self:?}");
        if self.hint.is_some() {
            assert_eq!(error.and_then(|error| error.hint()), self.hint, "{self:?}");
        }
    }
}

#[test]
fn every_case_of_the_table_leads_where_it_says() {
    let text = include_str!("../../tests/data/servers.yaml");
    let (json, _) = spec::json("servers.yaml", text.as_bytes(), spec::Limits::default()).unwrap();
    let table: Table = serde_json::from_str(&json).unwrap();
    assert!(table.cases.len() > 60, "{}", table.cases.len());
    for case in &table.cases {
        case.check(&table);
    }
}
