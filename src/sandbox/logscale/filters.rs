//! IP filters: their rules and which addresses they let in.

use std::net::IpAddr;

use crate::sandbox::address::Network;

/// One rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rule {
    allows: bool,
    network: Network,
}

/// The rules of a filter: `allow` or `deny`, then `all`, an address or a network, one rule a line or between `;`.
fn rules(text: &str) -> Result<Vec<Rule>, String> {
    let lines = text.split(['\n', ';']).map(str::trim).filter(|line| !line.is_empty());
    let rules: Vec<Rule> = lines.map(rule).collect::<Result<_, _>>()?;
    if rules.is_empty() { Err("an IP filter needs at least one rule".to_owned()) } else { Ok(rules) }
}

fn rule(line: &str) -> Result<Rule, String> {
    let wrong = || format!("\"{line}\" is no rule: write allow or deny, then all, an address or a network");
    let (verb, target) = line.split_once(char::is_whitespace).ok_or_else(wrong)?;
    let allows = match verb {
        "allow" => true,
        "deny" => false,
        _ => return Err(wrong()),
    };
    let network = match target.trim() {
        "all" => Network::ALL,
        target => Network::parse(target).ok_or_else(wrong)?,
    };
    Ok(Rule { allows, network })
}

/// What is wrong with the text of a filter.
pub(super) fn check(text: &str) -> Result<(), String> {
    rules(text).map(|_| ())
}

/// Whether a filter lets an address in: the narrowest rule that holds decides, `deny` where two are as narrow, and
/// an address that no rule names is refused. The service's own pages disagree; this reading fits their examples.
pub(super) fn admits(text: &str, address: IpAddr) -> bool {
    let rules = rules(text).unwrap_or_default();
    let holding = rules.iter().filter(|rule| rule.network.contains(address));
    holding.max_by_key(|rule| (rule.network.prefix(), !rule.allows)).is_some_and(|rule| rule.allows)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn lets_in(text: &str, address: &str) -> bool {
        check(text).unwrap();
        admits(text, address.parse().unwrap())
    }

    #[test]
    fn the_narrowest_rule_decides() {
        let filter = "deny all\nallow 192.168.0.1/24\ndeny 192.168.0.7";
        assert!(lets_in(filter, "192.168.0.3"));
        assert!(!lets_in(filter, "192.168.0.7"));
        assert!(!lets_in(filter, "10.0.0.1"));
        assert!(!lets_in("allow 10.0.0.0/8; deny 10.0.0.0/8", "10.0.0.1"));
        assert!(!lets_in("deny 10.0.0.0/8; allow 10.0.0.0/8", "10.0.0.1"));
        assert!(lets_in("allow all; deny ::1", "127.0.0.1"));
        assert!(!lets_in("allow 10.0.0.0/8", "127.0.0.1"));
    }

    #[test]
    fn what_is_no_rule_is_said() {
        assert_eq!(check(" ; \n").unwrap_err(), "an IP filter needs at least one rule");
        for text in ["allow", "permit all", "allow 10.0.0.0/33", "allow example.com", "allowall"] {
            assert!(check(text).unwrap_err().starts_with(&format!("\"{text}\" is no rule")), "{text}");
        }
    }
}
