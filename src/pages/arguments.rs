//! Finds and sets the argument that turns the page, wherever the caller gave it.

use indexmap::IndexMap;

use crate::params::{Argument, Body, Params};
use crate::schema::folds_to;

/// What may stand before a name to say its place.
const PLACES: [&str; 2] = ["query.", "body."];

/// The arguments of a call, with its body where that was given whole.
pub(crate) struct Given<'g> {
    pub(crate) params: &'g mut Params,
    pub(crate) body: &'g mut Option<Body>,
    /// The names of the operation's parameters: they are never meant by a name that is only like them.
    pub(crate) declared: &'g [&'g str],
}

impl Given<'_> {
    /// What the caller gave for a name.
    pub(crate) fn get(&mut self, name: &str) -> Option<Argument> {
        self.place(name).cloned()
    }

    /// Sets a name, at the place where the caller gave it if it was given.
    pub(crate) fn set(&mut self, name: &str, value: Argument) {
        if let Some(known) = self.place(name) {
            *known = value;
            return;
        }
        let is_parameter = self.declared.contains(&name);
        match self.whole_body().filter(|_| !is_parameter) {
            Some(members) => {
                members.insert(name.to_owned(), value);
            }
            None => self.params.insert(name, value),
        }
    }

    fn place(&mut self, name: &str) -> Option<&mut Argument> {
        if let Some(key) = self.key(name) {
            return self.params.entries.get_mut(&key);
        }
        let is_in = |value: Option<&Argument>| matches!(value, Some(Argument::Object(members)) if members.contains_key(name));
        if !self.declared.contains(&"parameters") && is_in(self.params.get("parameters")) {
            let Some(Argument::Object(members)) = self.params.entries.get_mut("parameters") else {
                return None;
            };
            return members.get_mut(name);
        }
        self.whole_body()?.get_mut(name)
    }

    /// The name under which an argument was given: as it is, with its place, else in another spelling.
    fn key(&self, name: &str) -> Option<String> {
        let is_given = |key: &String| self.params.get(key).is_some();
        let placed = PLACES.iter().map(|place| format!("{place}{name}"));
        let is_like = |key: &&str| folds_to(key, name) && !self.declared.contains(key);
        let alike = || self.params.iter().map(|(key, _)| key).find(is_like).map(str::to_owned);
        std::iter::once(name.to_owned()).chain(placed).find(is_given).or_else(alike)
    }

    /// The members of the body, where it was given whole and is an object.
    fn whole_body(&mut self) -> Option<&mut IndexMap<String, Argument>> {
        let argument = match &mut *self.body {
            Some(Body::Value(value)) => Some(value),
            Some(_) => None,
            None if self.declared.contains(&"body") => None,
            None => self.params.entries.get_mut("body"),
        };
        if let Some(Argument::Object(members)) = argument { Some(members) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Sets `offset` to 20 among arguments, and tells what was there before and what there is then.
    fn turned(params: serde_json::Value, body: Option<serde_json::Value>, declared: &[&str]) -> [String; 3] {
        let (mut params, mut body) = (Params::from(params), body.map(Body::from));
        let mut given = Given { params: &mut params, body: &mut body, declared };
        let before = given.get("offset").map(|value| value.to_json_text());
        given.set("offset", Argument::from(20));
        let body = match body {
            Some(Body::Value(value)) => value.to_json_text(),
            _ => String::new(),
        };
        [before.unwrap_or_default(), Argument::Object(params.entries.into()).to_json_text(), body]
    }

    #[test]
    fn an_argument_stays_where_it_was_given() {
        let declared = ["limit", "offset", "off_set"];
        for (params, before, after) in [
            (json!({"limit": 5}), "", r#"{"limit":5,"offset":20}"#),
            (json!({"offset": 10, "limit": 5}), "10", r#"{"offset":20,"limit":5}"#),
            (json!({"query.offset": 10}), "10", r#"{"query.offset":20}"#),
            (json!({"Offset": 10}), "10", r#"{"Offset":20}"#),
            (json!({"off_set": 10}), "", r#"{"off_set":10,"offset":20}"#),
            (json!({"parameters": {"offset": 10}}), "10", r#"{"parameters":{"offset":20}}"#),
            (json!({"parameters": {"limit": 10}}), "", r#"{"parameters":{"limit":10},"offset":20}"#),
        ] {
            assert_eq!(turned(params, None, &declared), [before, after, ""]);
        }
    }

    #[test]
    fn what_is_no_parameter_goes_into_a_body_that_was_given_whole() {
        let body = || Some(json!({"query": "q"}));
        assert_eq!(turned(json!({}), body(), &[]), ["", "{}", r#"{"query":"q","offset":20}"#]);
        assert_eq!(turned(json!({}), body(), &["offset"]), ["", r#"{"offset":20}"#, r#"{"query":"q"}"#]);
        let body = Some(json!({"offset": 3}));
        assert_eq!(turned(json!({}), body, &[]), ["3", "{}", r#"{"offset":20}"#]);
        let params = json!({"body": {"offset": 3}});
        assert_eq!(turned(params, None, &[]), ["3", r#"{"body":{"offset":20}}"#, ""]);
    }
}
