//! The base URL of a call: explicit, a region's, or the document's first server.

use url::{Host, Origin, Url};

use super::Profile;
use super::environment::{Setting, variables_for};
use crate::error::{ConfigError, Result};
use crate::operation::{RegionDef, ServerDef, ServiceDef};
use crate::request::is_dots;

/// A base URL and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base {
    /// The URL without a slash at its end.
    pub(crate) url: String,
    /// Whether the user named it: then the document's other hosts do not count and no discovery changes it.
    pub(crate) explicit: bool,
    /// The region it belongs to.
    pub(crate) region: Option<String>,
    /// Why it is no real address: the server variables that hold a placeholder.
    pub(crate) placeholders: Vec<String>,
}

/// Stands for the host where a document names none.
const NO_HOST: &str = "https://your-api-host";

impl Base {
    /// Decides the base URL of a service; `regions` are the document's, or what replaces them.
    pub(crate) fn decide(definition: &ServiceDef, profile: &Profile, regions: &[RegionDef]) -> Result<Self> {
        if let Some(url) = &profile.base_url {
            return Self::explicit(definition, url);
        }
        let named = profile.region.as_deref().filter(|name| fold(name) != "autodiscover");
        if let Some(name) = named {
            return match find_region(regions, name) {
                Some(region) => Ok(Self::of_region(region)),
                None => Err(unknown_region(definition, regions, name).into()),
            };
        }
        let server = Self::of_server(definition.servers.first());
        let home = definition.regions.iter().find(|region| trimmed(&region.url) == server.url);
        let same = home.and_then(|home| find_region(regions, &home.name));
        let first = if regions == definition.regions { None } else { regions.first() };
        Ok(same.or(first).map_or(server, Self::of_region))
    }

    /// A base URL that the user gave.
    pub(crate) fn explicit(definition: &ServiceDef, given: &str) -> Result<Self> {
        let with_scheme = if given.contains("://") { given.to_owned() } else { format!("https://{given}") };
        let mut url = trimmed(&with_scheme);
        for suffix in &definition.base_url_suffixes {
            url = trimmed(url.strip_suffix(suffix.as_str()).unwrap_or(&url));
        }
        let base = Self { url, explicit: true, region: None, placeholders: Vec::new() };
        match base.parsed() {
            Some(parsed) if parsed.username().is_empty() && parsed.password().is_none() => Ok(base),
            Some(_) => Err(bad_base("holds a user name or a password; give them as credentials")),
            None => Err(bad_base(&format!("\"{given}\" is no http or https URL without query and fragment"))),
        }
    }

    pub(crate) fn of_region(region: &RegionDef) -> Self {
        Self {
            url: trimmed(&region.url),
            explicit: false,
            region: Some(region.name.clone()),
            placeholders: Vec::new(),
        }
    }

    /// A server with its variables at their defaults (OpenAPI Server Variable Object).
    pub(crate) fn of_server(server: Option<&ServerDef>) -> Self {
        let written = server.map_or("", |server| server.url.as_str());
        let variables = server.map_or(&[][..], |server| &server.variables);
        let mut url = written.to_owned();
        for variable in variables {
            url = url.replace(&format!("{{{}}}", variable.name), &variable.default);
        }
        let mut placeholders: Vec<String> = variables
            .iter()
            .filter(|variable| variable.placeholder && written.contains(&format!("{{{}}}", variable.name)))
            .map(|variable| variable.name.clone())
            .collect();
        if !url.contains("://") {
            if let Some(rest) = url.strip_prefix("//") {
                url = format!("https://{rest}");
            } else {
                placeholders.push("host".to_owned());
                url = format!("{NO_HOST}/{}", url.trim_start_matches(['.', '/']));
            }
        }
        Self { url: trimmed(&url), explicit: false, region: None, placeholders }
    }

    fn parsed(&self) -> Option<Url> {
        let url = Url::parse(&self.url).ok()?;
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        (is_web && url.query().is_none() && url.fragment().is_none()).then_some(url)
    }

    /// Refuses a base URL with `.` or `..` segments: a URL parser folds them, and the call would go elsewhere.
    pub(crate) fn require_exact(&self) -> Result<()> {
        match self.url.split(['/', '\\']).find(|segment| is_dots(segment)) {
            Some(dots) => {
                Err(bad_base(&format!("\"{}\" has the segment `{dots}`, which URLs fold away", self.url)))
            }
            None => Ok(()),
        }
    }

    /// Refuses a base URL that is no real address, naming what to set.
    pub(crate) fn require_real(&self, definition: &ServiceDef) -> Result<()> {
        if self.placeholders.is_empty() {
            return Ok(());
        }
        let variables = variables_for(definition, Setting::BaseUrl);
        let set =
            if variables.is_empty() { "the profile's base URL".to_owned() } else { variables.join(" or ") };
        Err(ConfigError {
            problem: format!(
                "the address of {} is not known: \"{}\" is a placeholder",
                definition.name, self.url
            ),
            hint: Some(format!("set {set}, or give a server with the call.")),
        }
        .into())
    }
}

/// Finds a region by a name in any case, with or without dashes, also by its aliases.
pub(crate) fn find_region<'r>(regions: &'r [RegionDef], name: &str) -> Option<&'r RegionDef> {
    let wanted = fold(name);
    regions.iter().find(|region| {
        fold(&region.name) == wanted || region.aliases.iter().any(|alias| fold(alias) == wanted)
    })
}

fn fold(name: &str) -> String {
    name.chars().filter(|one| *one != '-').flat_map(char::to_lowercase).collect()
}

fn trimmed(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

fn bad_base(problem: &str) -> crate::Error {
    ConfigError {
        problem: format!("the base URL {problem}"),
        hint: Some("give it as `https://HOST` or `https://HOST/PATH`.".to_owned()),
    }
    .into()
}

fn unknown_region(definition: &ServiceDef, regions: &[RegionDef], name: &str) -> ConfigError {
    let known: Vec<_> = regions.iter().map(|region| region.name.as_str()).collect();
    let hint = if known.is_empty() {
        format!("give {} a base URL; its document names no regions.", definition.name)
    } else {
        format!("choose one of {}.", known.join(", "))
    };
    ConfigError { problem: format!("{} has no region \"{name}\"", definition.name), hint: Some(hint) }
}

/// The origin of a URL text: scheme, host and port after the URL standard's normalisation.
pub(crate) fn origin_of(url: &str) -> Option<Origin> {
    Url::parse(url).ok().map(|url| url.origin())
}

/// Whether a URL's host is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;
    use crate::operation::ServerVariableDef;

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
            let error = Base::explicit(&two_regions(), url).unwrap().require_exact().unwrap_err();
            assert_eq!(error.kind(), "config", "{url}");
        }
        assert!(Base::explicit(&two_regions(), "https://x/..a/b.").unwrap().require_exact().is_ok());
    }

    #[test]
    fn a_region_is_found_in_any_spelling() {
        for name in ["us-gov-2", "USGOV2", "Gov2", "gov-2"] {
            assert_eq!(decided(&Profile::new().region(name)).url, "https://gov.example", "{name}");
        }
        let definition = two_regions();
        let error =
            Base::decide(&definition, &Profile::new().region("mars"), &definition.regions).unwrap_err();
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
            default: "your-host".to_owned(),
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
        let error = base.require_real(&definition).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the address of keyed is not known: \"https://your-host/v1\" is a placeholder"
        );
        assert_eq!(error.hint().unwrap(), "set KEYED_BASE_URL, or give a server with the call.");
    }

    #[test]
    fn a_relative_server_has_no_host_yet() {
        for (written, url) in
            [("/v1/", "https://your-api-host/v1"), ("", "https://your-api-host"), ("//h/a", "https://h/a")]
        {
            let server = ServerDef { url: written.to_owned(), ..ServerDef::default() };
            assert_eq!(Base::of_server(Some(&server)).url, url);
        }
    }

    #[test]
    fn loopback_is_judged_on_the_parsed_host() {
        for here in [
            "http://localhost:1",
            "http://127.1",
            "http://0x7f.1/",
            "http://[::1]",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(is_loopback(&Url::parse(here).unwrap()), "{here}");
        }
        for there in ["http://localhost.example", "http://128.0.0.1", "http://127.0.0.1.example"] {
            assert!(!is_loopback(&Url::parse(there).unwrap()), "{there}");
        }
    }
}
