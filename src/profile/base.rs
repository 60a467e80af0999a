//! The base URL of a call: explicit, the chosen server's or region's, or the document's first server.

use url::{Host, Origin, Url};

use super::Profile;
use super::environment::{Setting, variables_for};
use super::place::{self, Address, NO_HOST};
use super::server::{Choice, Offer, Wish, is_address};
use super::variables::{Filled, fill};
use crate::error::{ConfigError, Result};
use crate::operation::{RegionDef, ServerDef, ServiceDef};
use crate::request::is_dots;
use crate::schema::nearest;

/// A base URL and where it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    /// The URL without a slash at its end.
    pub(crate) url: String,
    /// The same, taken apart; `None` where it is no URL.
    parsed: Option<Url>,
    /// A segment of it that URLs fold away.
    dots: Option<String>,
    /// Whether the user named it: then the document's other hosts do not count and no discovery changes it.
    pub(crate) explicit: bool,
    /// The region it belongs to.
    pub(crate) region: Option<String>,
    /// Why it is no real address; a dry run shows its stand-ins.
    unreal: Option<ConfigError>,
    /// What is wrong with what the user chose: nothing is shown or sent.
    fault: Option<ConfigError>,
}

/// What a service without `servers` has (`OpenAPI` Object, `servers`).
pub(super) fn servers_of(definition: &ServiceDef) -> Vec<ServerDef> {
    if definition.servers.is_empty() {
        return vec![ServerDef { url: "/".to_owned(), ..ServerDef::default() }];
    }
    definition.servers.clone()
}

impl Base {
    /// Decides the base URL of a service; `regions` are the document's, or what replaces them. What is wrong with a
    /// chosen server shows when the base is used: an operation may have a server of that name of its own.
    pub(crate) fn decide(definition: &ServiceDef, profile: &Profile, regions: &[RegionDef]) -> Result<Self> {
        let wish = &profile.wish;
        if let Some(url) = &profile.base_url {
            return Self::explicit(definition, url).map(|base| base.without_variables(wish));
        }
        let servers = servers_of(definition);
        let offer = Offer { owner: &definition.name, servers: &servers, regions };
        let of_server = |server| {
            Self::of_server(definition, &definition.name, server, wish, definition.document_url.as_deref())
        };
        if let Some(choice) = &wish.server {
            let chosen = if choice.contains("://") { None } else { Some(offer.choose(choice)) };
            return match chosen {
                Some(Ok(Choice::Region(region))) => Ok(Self::of_region(region).without_variables(wish)),
                Some(Ok(Choice::Server(server))) => Ok(of_server(server).in_region(definition, regions)),
                Some(Err(fault)) if !is_address(choice) => {
                    Ok(Self { fault: Some(fault), ..of_server(&servers[0]) })
                }
                _ => Self::explicit(definition, choice).map(|base| base.without_variables(wish)),
            };
        }
        if let Some(name) = profile.region.as_deref().filter(|name| fold(name) != "autodiscover") {
            return match find_region(regions, name) {
                Some(region) => Ok(Self::of_region(region).without_variables(wish)),
                None => Err(unknown_region(definition, regions, name).into()),
            };
        }
        let base = of_server(&servers[0]).in_region(definition, regions);
        let first = if regions == definition.regions { None } else { regions.first() };
        Ok(first.filter(|_| base.region.is_none()).map_or(base, Self::of_region))
    }

    /// The base URL of an operation that has servers of its own, which stand in place of the service's.
    pub(crate) fn of_operation(
        &self,
        definition: &ServiceDef,
        operation: &str,
        servers: &[ServerDef],
        wish: &Wish,
    ) -> Self {
        let Some(first) = servers.first() else { return self.clone() };
        let offer = Offer { owner: operation, servers, regions: &[] };
        let server = match &wish.server {
            None if self.explicit => return self.clone(),
            None => first,
            Some(choice) if self.explicit && choice.contains("://") => return self.clone(),
            Some(choice) => match offer.choose(choice) {
                Ok(Choice::Server(server)) => server,
                Err(fault) if !self.explicit => return Self { fault: Some(fault), ..self.clone() },
                _ => return self.clone(),
            },
        };
        // Without a place of the document, what begins with a slash stands on the service's own host.
        let own_host = || (server.url.starts_with('/') && self.unreal.is_none()).then_some(self.url.as_str());
        let place = definition.document_url.as_deref().or_else(own_host);
        Self::of_server(definition, operation, server, wish, place)
    }

    /// A base URL that the user gave.
    pub(crate) fn explicit(definition: &ServiceDef, given: &str) -> Result<Self> {
        let with_scheme = if given.contains("://") { given.to_owned() } else { format!("https://{given}") };
        let mut url = trimmed(&with_scheme);
        for suffix in &definition.base_url_suffixes {
            url = trimmed(url.strip_suffix(suffix.as_str()).unwrap_or(&url));
        }
        let parsed = Url::parse(&url).ok().map(|parsed| place::checked(&parsed));
        match parsed {
            // Segments that would be folded away are kept, to be refused.
            Some(Ok(_)) if dots(&url).is_some() => Ok(Self::at(url, true)),
            Some(Ok(url)) => Ok(Self::at(url, true)),
            Some(Err(why)) if why.starts_with("holds") => Err(bad_base(&why)),
            _ => Err(bad_base(&format!("\"{given}\" is no http or https URL without query and fragment"))),
        }
    }

    pub(crate) fn of_region(region: &RegionDef) -> Self {
        let url = Url::parse(&region.url).ok().and_then(|url| place::checked(&url).ok());
        let base = Self::at(url.unwrap_or_else(|| trimmed(&region.url)), false);
        Self { region: Some(region.name.clone()), ..base }
    }

    /// The URL taken apart; `None` where it is no URL.
    pub(crate) fn parsed(&self) -> Option<&Url> {
        self.parsed.as_ref()
    }

    fn at(url: String, explicit: bool) -> Self {
        let parsed = Url::parse(&url).ok();
        let dots = dots(&url).map(str::to_owned);
        Self { url, parsed, dots, explicit, region: None, unreal: None, fault: None }
    }

    /// A server with its variables at the values given, else at their defaults.
    pub(super) fn of_server(
        definition: &ServiceDef,
        owner: &str,
        server: &ServerDef,
        wish: &Wish,
        place: Option<&str>,
    ) -> Self {
        let of_service = definition.servers.iter().flat_map(|server| &server.variables);
        let known: Vec<&str> = of_service.map(|variable| variable.name.as_str()).collect();
        let filled = fill(server, &wish.variables, |name| known.contains(&name));
        let fault = wrong_variables(owner, &filled);
        match place::resolve(&filled.url, place) {
            Address::Known(url) => {
                let unreal = valueless(definition, &filled, &url);
                Self { unreal, fault, ..Self::at(url, false) }
            }
            Address::NoHost(url) => {
                let unreal =
                    valueless(definition, &filled, &url).unwrap_or_else(|| no_host(definition, server));
                Self { unreal: Some(unreal), fault, ..Self::at(url, false) }
            }
            Address::Unusable(why) => {
                let unusable = unusable(definition, &filled.url, &why);
                let fault = fault.or_else(|| (!wish.variables.is_empty()).then(|| unusable.clone()));
                Self { unreal: Some(unusable), fault, ..Self::at(NO_HOST.to_owned(), false) }
            }
        }
    }

    /// The base URL of an operation that lives on another host in its region (`x-host`).
    pub(crate) fn at_host(self, hosts: &[(String, String)]) -> Self {
        let host = hosts.iter().find(|(region, _)| self.region.as_ref() == Some(region));
        match host {
            Some((_, url)) if !self.explicit => {
                let Self { url, parsed, dots, .. } = Self::at(trimmed(url), false);
                Self { url, parsed, dots, ..self }
            }
            _ => self,
        }
    }

    /// The region whose URL it is, or what replaces that region.
    pub(super) fn in_region(self, definition: &ServiceDef, regions: &[RegionDef]) -> Self {
        let home = definition.regions.iter().find(|region| Self::of_region(region).url == self.url);
        match home.and_then(|home| find_region(regions, &home.name)) {
            Some(region) if self.fault.is_none() => Self::of_region(region),
            _ => self,
        }
    }

    /// An address without variables: those of a call would have no effect.
    fn without_variables(self, wish: &Wish) -> Self {
        let Some(one) = wish.variables.iter().find(|one| one.of_call) else { return self };
        let problem =
            format!("the server variable `{}` has no effect: {} is given whole", one.name, self.url);
        let hint = Some("leave the variable out, or choose a server of the document that has it.".to_owned());
        Self { fault: Some(ConfigError { problem, hint }), ..self }
    }

    /// Refuses what the user chose wrongly, and a base URL with `.` or `..` segments: a URL parser folds them, and the
    /// call would go elsewhere.
    pub(crate) fn require_sound(&self) -> Result<()> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone().into());
        }
        match &self.dots {
            Some(dots) => {
                Err(bad_base(&format!("\"{}\" has the segment `{dots}`, which URLs fold away", self.url)))
            }
            None => Ok(()),
        }
    }

    /// Refuses a base URL that is no real address, naming what to set.
    pub(crate) fn require_real(&self) -> Result<(), ConfigError> {
        self.fault.as_ref().or(self.unreal.as_ref()).map_or(Ok(()), |error| Err(error.clone()))
    }
}

fn wrong_variables(owner: &str, filled: &Filled) -> Option<ConfigError> {
    let problem = format!("{owner}: the server variable {}", filled.problems.join("; the server variable "));
    let hint = Some("`opcall show OPERATION` lists the servers and their variables.".to_owned());
    (!filled.problems.is_empty()).then_some(ConfigError { problem, hint })
}

/// Variables without a value, or a default that is none.
fn valueless(definition: &ServiceDef, filled: &Filled, url: &str) -> Option<ConfigError> {
    let name = &definition.name;
    let [first, rest @ ..] = &filled.missing[..] else {
        let problem = format!("the address of {name} is not known: \"{url}\" is a placeholder");
        return filled
            .is_placeholder
            .then(|| ConfigError { problem, hint: Some(set_an_address(definition)) });
    };
    let all = rest.iter().fold(format!("`{first}`"), |all, one| format!("{all}, `{one}`"));
    let (noun, verb) = if rest.is_empty() { ("variable", "has") } else { ("variables", "have") };
    let problem = format!("the address of {name} is not known: its server {noun} {all} {verb} no value");
    let setting = variables_for(definition, Setting::ServerVariables).join(" or ");
    let setting = if setting.is_empty() { setting } else { format!(", set {setting} to {first}=VALUE") };
    let hint = format!(
        "give the server variable {first}=VALUE with the call{setting}, or give a server with the call."
    );
    Some(ConfigError { problem, hint: Some(hint) })
}

fn no_host(definition: &ServiceDef, server: &ServerDef) -> ConfigError {
    let said = match definition.servers.len() {
        0 => "names no server".to_owned(),
        _ => format!("says \"{}\", and it is not known where the document is served", server.url),
    };
    let problem = format!("the address of {} is not known: its document {said}", definition.name);
    ConfigError { problem, hint: Some(set_an_address(definition)) }
}

fn unusable(definition: &ServiceDef, url: &str, why: &str) -> ConfigError {
    // What stands before an `@` may be a password.
    let shown = if url.contains('@') { "of its document".to_owned() } else { format!("{url:?}") };
    let problem = format!("the server {shown} of {} cannot be called: it {why}", definition.name);
    ConfigError { problem, hint: Some(set_an_address(definition)) }
}

fn set_an_address(definition: &ServiceDef) -> String {
    let variables = variables_for(definition, Setting::BaseUrl);
    let set = if variables.is_empty() { "the profile's base URL".to_owned() } else { variables.join(" or ") };
    format!("set {set}, or give a server with the call.")
}

/// The first segment that a URL parser would fold away.
fn dots(url: &str) -> Option<&str> {
    url.split(['/', '\\']).find(|segment| is_dots(segment))
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
    let near = nearest(name, known.iter().copied()).map(|near| format!("did you mean \"{near}\"? "));
    let hint = if known.is_empty() {
        format!("give {} a base URL; its document names no regions.", definition.name)
    } else {
        format!("{}choose one of {}.", near.unwrap_or_default(), known.join(", "))
    };
    ConfigError { problem: format!("{} has no region \"{name}\"", definition.name), hint: Some(hint) }
}

/// The origin of a URL text: scheme, host and port after the URL standard's normalisation.
pub(crate) fn origin_of(url: &str) -> Option<Origin> {
    Url::parse(url).ok().map(|url| url.origin())
}

/// What secrets may go to over plain http, and what decides of them may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlainHttp {
    /// No server.
    Nowhere,
    /// Servers on this machine.
    ThisMachine,
    /// Any server: the user answers for the network.
    Anywhere,
}

impl PlainHttp {
    /// Whether nobody on the way to a server can read along or change what comes.
    pub(crate) fn is_safe(self, url: &Url) -> bool {
        match self {
            _ if url.scheme() == "https" => true,
            Self::Nowhere => false,
            Self::ThisMachine => is_loopback(url),
            Self::Anywhere => true,
        }
    }
}

/// Whether a URL's host is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        // A dot at the end makes a name absolute, and leaves it what it is.
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

#[cfg(test)]
#[path = "base_tests.rs"]
mod tests;
