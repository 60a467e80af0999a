//! Which of several servers is meant: by index, name, region or description. Pure.

use super::base::find_region;
use super::variables::ServerVariable;
use crate::error::ConfigError;
use crate::operation::{RegionDef, ServerDef};
use crate::schema::nearest;

/// So many servers are named in a hint.
const LISTED: usize = 8;

/// What a profile and a call say of the server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    /// The server: an index, a name, a region, a description, or an address.
    pub(crate) server: Option<String>,
    /// The variables, each name once.
    pub(crate) variables: Vec<ServerVariable>,
}

impl Wish {
    /// Sets a variable; the last value counts, and one of the call before one of the profile.
    pub(crate) fn set(&mut self, name: String, value: String, of_call: bool) {
        self.variables.retain(|known| known.name != name);
        self.variables.push(ServerVariable { name, value, of_call });
    }

    /// Takes the variables from another that this one does not set.
    pub(super) fn or(&mut self, other: &Self) {
        let is_set = |name: &str| self.variables.iter().any(|known| known.name == name);
        let further: Vec<_> = other.variables.iter().filter(|one| !is_set(&one.name)).cloned().collect();
        self.variables.extend(further);
    }
}

/// What there is to choose from.
#[derive(Clone, Copy)]
pub(super) struct Offer<'a> {
    /// Whose servers they are: a service, or an operation with servers of its own.
    pub(super) owner: &'a str,
    pub(super) servers: &'a [ServerDef],
    pub(super) regions: &'a [RegionDef],
}

/// What a choice means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice<'a> {
    Server(&'a ServerDef),
    Region(&'a RegionDef),
}

/// Whether a choice is an address and no name: it has a scheme, or what only an address has. A bare word is a name,
/// so that a slip of the pen does not send a call to a machine of that name.
pub(super) fn is_address(choice: &str) -> bool {
    let is_host = choice.contains(['.', ':', '/']) || choice.eq_ignore_ascii_case("localhost");
    choice.contains("://") || (is_host && !choice.contains(char::is_whitespace))
}

impl<'a> Offer<'a> {
    /// What a choice means: an exact name, an index counted from 0, a name in any case, a region in any of its
    /// spellings, a description that only one server has.
    pub(super) fn choose(&self, choice: &str) -> Result<Choice<'a>, ConfigError> {
        let named =
            |fits: &dyn Fn(&str) -> bool| self.fitting(|server| server.name.as_deref().is_some_and(fits));
        let index = choice.parse::<usize>().ok().and_then(|index| self.servers.get(index));
        let described = |server: &ServerDef| {
            server.description.as_deref().is_some_and(|text| text.trim().eq_ignore_ascii_case(choice.trim()))
        };
        let mut found = named(&|name| name == choice);
        if found.is_empty() {
            found.extend(index);
        }
        if found.is_empty() {
            found = named(&|name| name.eq_ignore_ascii_case(choice));
        }
        if let ([], Some(region)) = (&found[..], find_region(self.regions, choice)) {
            return Ok(Choice::Region(region));
        }
        if found.is_empty() {
            found = self.fitting(described);
        }
        match found[..] {
            [one] => Ok(Choice::Server(one)),
            [] => Err(self.unknown(choice)),
            _ => Err(self.ambiguous(choice, &found)),
        }
    }

    fn fitting(&self, fits: impl Fn(&ServerDef) -> bool) -> Vec<&'a ServerDef> {
        self.servers.iter().filter(|server| fits(server)).collect()
    }

    fn unknown(&self, choice: &str) -> ConfigError {
        let (count, verb) = match self.servers.len() {
            1 => ("1".to_owned(), "is"),
            count => (count.to_string(), "are"),
        };
        let problem = if choice.parse::<usize>().is_ok() {
            format!("{} has no server {choice}: there {verb} {count}, counted from 0", self.owner)
        } else {
            format!("{} has no server \"{}\"", self.owner, choice.escape_debug())
        };
        let names = self.servers.iter().flat_map(|server| [&server.name, &server.description]);
        let names = names.filter_map(|name| name.as_deref());
        let known = names.chain(self.regions.iter().map(|region| region.name.as_str()));
        let near =
            nearest(choice, known).map(|near| format!("did you mean \"{near}\"? ")).unwrap_or_default();
        ConfigError { problem, hint: Some(format!("{near}choose {}, or give a URL.", self.listed())) }
    }

    fn ambiguous(&self, choice: &str, found: &[&ServerDef]) -> ConfigError {
        let is_found = |server: &ServerDef| found.iter().any(|one| std::ptr::eq(*one, server));
        let indices: Vec<_> = (0..).zip(self.servers).filter(|(_, server)| is_found(server)).collect();
        let indices: Vec<String> =
            indices.into_iter().map(|(index, _): (usize, _)| index.to_string()).collect();
        ConfigError {
            problem: format!("\"{}\" names {} servers of {}", choice.escape_debug(), found.len(), self.owner),
            hint: Some(format!("choose by the index: {}.", indices.join(" or "))),
        }
    }

    /// The indices with their names, and the regions.
    fn listed(&self) -> String {
        let server = |(index, server): (usize, &ServerDef)| {
            let name = server.name.as_deref().or(server.description.as_deref()).unwrap_or(&server.url);
            format!("{index} ({})", name.lines().next().unwrap_or_default().trim())
        };
        let servers = self.servers.iter().enumerate().map(server);
        let mut all: Vec<_> = servers.chain(self.regions.iter().map(|region| region.name.clone())).collect();
        if all.len() > LISTED {
            let more = all.len() - LISTED;
            all.truncate(LISTED);
            all.push(format!("{more} more"));
        }
        all.join(", ")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;

    fn servers() -> Vec<ServerDef> {
        [
            (Some("prod"), Some("Production")),
            (Some("Staging"), Some("For trying out\nslowly")),
            (None, Some("Mirror")),
            (None, Some("mirror")),
            (Some("1"), None),
            (None, None),
        ]
        .into_iter()
        .zip(0..)
        .map(|((name, description), number): (_, u8)| ServerDef {
            url: format!("https://s{number}.example"),
            name: name.map(str::to_owned),
            description: description.map(str::to_owned),
            ..ServerDef::default()
        })
        .collect()
    }

    fn chosen(choice: &str) -> Result<String, String> {
        let servers = servers();
        let regions =
            [RegionDef { name: "eu-1".into(), url: "https://eu.example".into(), aliases: vec!["eu".into()] }];
        let offer = Offer { owner: "zoo", servers: &servers, regions: &regions };
        match offer.choose(choice) {
            Ok(Choice::Server(server)) => Ok(server.url.clone()),
            Ok(Choice::Region(region)) => Ok(region.url.clone()),
            Err(error) => Err(format!("{error}. {}", error.hint.clone().unwrap())),
        }
    }

    #[test]
    fn a_server_is_found_by_what_it_is_called() {
        for (choice, url) in [
            ("prod", "https://s0.example"),
            ("0", "https://s0.example"),
            ("PROD", "https://s0.example"),
            ("production", "https://s0.example"),
            ("staging", "https://s1.example"),
            ("1", "https://s4.example"),
            ("5", "https://s5.example"),
            ("EU1", "https://eu.example"),
            ("eu", "https://eu.example"),
        ] {
            assert_eq!(chosen(choice).as_deref(), Ok(url), "{choice}");
        }
    }

    #[test]
    fn what_is_none_is_told_with_what_there_is() {
        const LIST: &str = "choose 0 (prod), 1 (Staging), 2 (Mirror), 3 (mirror), 4 (1), \
                            5 (https://s5.example), eu-1, or give a URL.";
        for (choice, told) in [
            ("stagin", format!("zoo has no server \"stagin\". did you mean \"Staging\"? {LIST}")),
            ("eu-2", format!("zoo has no server \"eu-2\". did you mean \"eu-1\"? {LIST}")),
            ("6", format!("zoo has no server 6: there are 6, counted from 0. {LIST}")),
            ("", format!("zoo has no server \"\". {LIST}")),
            ("mirror", "\"mirror\" names 2 servers of zoo. choose by the index: 2 or 3.".to_owned()),
        ] {
            assert_eq!(chosen(choice), Err(told), "{choice}");
        }
    }

    #[test]
    fn an_address_is_told_from_a_name() {
        for address in ["https://h", "h.example", "h:8080", "h/v1", "localhost", "127.0.0.1"] {
            assert!(is_address(address), "{address}");
        }
        for name in ["0", "prod", "staging", "Production: the real one", "eu-1"] {
            assert!(!is_address(name), "{name}");
        }
    }
}
