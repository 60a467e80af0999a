//! Reads the text of the configuration: every key is known, and what is wrong has its line and column.

use std::ops::Range;
use std::path::Path;

use opcall::{Location, OperationTable};
use serde_json::{Map, Value, json};
use toml_edit::{Document, Item, TableLike};

use super::auth::Auth;
use super::reference::{Reference, literal};
use super::{Api, Defaults, is_name, nearest};
use crate::args::{duration, repeats, size};
use crate::report::Failure;

const API: [&str; 8] = ["spec", "sha256", "server", "cert", "key", "auth", "spec_headers", "pagination"];
const DEFAULTS: [&str; 6] = ["timeout", "connect_timeout", "max_time", "idle_timeout", "max_body", "retry"];
/// What other versions know at the top.
const FURTHER: [&str; 3] = ["default_profile", "profiles", "projects"];

/// The defaults and the remembered services of a configuration.
pub(super) fn read(path: &Path, text: &str) -> Result<(Defaults, Vec<Api>), Failure> {
    let reader = Reader { path, text };
    let document =
        Document::parse(text).map_err(|error| reader.fault(error.span(), error.message(), None))?;
    let top = document.as_table();
    if let Some((key, _)) = top.iter().find(|(key, _)| !matches!(*key, "apis" | "defaults")) {
        let at = top.key(key).and_then(toml_edit::Key::span);
        if FURTHER.contains(&key) {
            let hint = "remove it: this version reads [defaults] and [apis.NAME] alone.";
            return Err(reader.fault(at, &format!("`{key}` is not supported"), Some(hint)));
        }
        return Err(reader.unknown(at, key, "the configuration", &["apis", "defaults"]));
    }
    let defaults = top.get("defaults").map(|item| reader.defaults(item)).transpose()?.unwrap_or_default();
    let Some(item) = top.get("apis") else { return Ok((defaults, Vec::new())) };
    let apis = reader.table(item, "apis")?;
    let apis = apis.iter().map(|(name, item)| reader.api(name, apis, item)).collect::<Result<_, _>>()?;
    Ok((defaults, apis))
}

struct Reader<'t> {
    path: &'t Path,
    text: &'t str,
}

impl Reader<'_> {
    fn fault(&self, at: Option<Range<usize>>, problem: &str, hint: Option<&str>) -> Failure {
        let place = at.map_or_else(String::new, |at| {
            let before = self.text.get(..at.start).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            format!(":{line}:{column}")
        });
        let problem = format!("{}{place}: {}", self.path.display(), problem.replace('\n', ", "));
        Failure::config(problem, hint.map(str::to_owned))
    }

    fn unknown(&self, at: Option<Range<usize>>, key: &str, place: &str, known: &[&str]) -> Failure {
        let hint = nearest(key, known.iter().copied()).map_or_else(
            || format!("it knows {}.", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        self.fault(at, &format!("{place} has no key `{key}`"), Some(&hint))
    }

    fn table<'i>(&self, item: &'i Item, what: &str) -> Result<&'i dyn TableLike, Failure> {
        item.as_table_like()
            .ok_or_else(|| self.fault(item.span(), &format!("`{what}` must be a table"), None))
    }

    fn text_of<'i>(&self, item: &'i Item, what: &str) -> Result<&'i str, Failure> {
        item.as_str().ok_or_else(|| self.fault(item.span(), &format!("`{what}` must be a text"), None))
    }

    fn check_keys(&self, table: &dyn TableLike, place: &str, known: &[&str]) -> Result<(), Failure> {
        match table.iter().find(|(key, _)| !known.contains(key)) {
            Some((key, _)) => {
                Err(self.unknown(table.key(key).and_then(toml_edit::Key::span), key, place, known))
            }
            None => Ok(()),
        }
    }

    fn defaults(&self, item: &Item) -> Result<Defaults, Failure> {
        let table = self.table(item, "defaults")?;
        self.check_keys(table, "[defaults]", &DEFAULTS)?;
        let time = |key: &str| self.measure(table, key, duration);
        Ok(Defaults {
            timeout: time("timeout")?,
            connect_timeout: time("connect_timeout")?,
            max_time: time("max_time")?,
            idle_timeout: time("idle_timeout")?,
            max_body: self.measure(table, "max_body", size)?,
            retry: self.measure(table, "retry", repeats)?,
        })
    }

    /// A text with a unit, or a bare number.
    fn measure<T>(
        &self,
        table: &dyn TableLike,
        key: &str,
        parse: fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Failure> {
        let Some(item) = table.get(key) else { return Ok(None) };
        let text = match item.as_integer() {
            Some(number) => number.to_string(),
            None => self.text_of(item, key)?.to_owned(),
        };
        parse(&text)
            .map(Some)
            .map_err(|problem| self.fault(item.span(), &format!("`{key}`: {problem}"), None))
    }

    fn api(&self, name: &str, apis: &dyn TableLike, item: &Item) -> Result<Api, Failure> {
        let place = format!("[apis.{name}]");
        let at = || apis.key(name).and_then(toml_edit::Key::span).or(item.span());
        if let Some(problem) = name_problem(name) {
            return Err(self.fault(at(), &problem, None));
        }
        let table = self.table(item, name)?;
        self.check_keys(table, &place, &API)?;
        let text = |key: &str| table.get(key).map(|item| self.text_of(item, key)).transpose();
        let Some(spec) = text("spec")? else {
            return Err(self.fault(at(), &format!("{place} lacks `spec`"), None));
        };
        let sha256 = text("sha256")?.map(str::to_ascii_lowercase);
        if sha256.as_ref().is_some_and(|hash| !is_sha256(hash)) {
            let at = table.get("sha256").and_then(Item::span);
            return Err(self.fault(at, "`sha256` must be 64 hexadecimal digits", None));
        }
        if let (None, Some(item)) = (table.get("cert"), table.get("key")) {
            return Err(self.fault(item.span(), "`key` stands without `cert`", None));
        }
        Ok(Api {
            name: name.to_owned(),
            spec: spec.to_owned(),
            sha256,
            server: text("server")?.map(str::to_owned),
            cert: text("cert")?.map(str::to_owned),
            key: text("key")?.map(str::to_owned),
            auth: table.get("auth").map(|item| self.auth(item)).transpose()?,
            spec_headers: table.get("spec_headers").map_or(Ok(Vec::new()), |item| self.headers(item))?,
            pagination: table.get("pagination").map(|item| self.pagination(item)).transpose()?,
        })
    }

    /// The members of a table, which are all texts.
    fn texts<'i>(&self, table: &'i dyn TableLike) -> Result<Vec<(&'i str, &'i str)>, Failure> {
        table.iter().map(|(key, item)| Ok((key, self.text_of(item, key)?))).collect()
    }

    fn reference(&self, item: Option<&Item>, what: &str) -> Result<Reference, Failure> {
        let text = item.and_then(Item::as_str).unwrap_or_default();
        Reference::parse(text).ok_or_else(|| {
            let (problem, hint) = literal(what);
            self.fault(item.and_then(Item::span), &problem, Some(&hint))
        })
    }

    fn auth(&self, item: &Item) -> Result<Auth, Failure> {
        let table = self.table(item, "auth")?;
        self.texts(table)?;
        let lacks = |key: &str| self.fault(item.span(), &format!("`auth` lacks `{key}`"), None);
        let text = |key: &str| table.get(key).and_then(Item::as_str).map(str::to_owned);
        let needed = |key: &str| text(key).ok_or_else(|| lacks(key));
        let reference = |key: &str| {
            table
                .get(key)
                .ok_or_else(|| lacks(key))
                .and_then(|item| self.reference(Some(item), &format!("`{key}`")))
        };
        let known = |keys: &[&str]| self.check_keys(table, "`auth`", keys);
        match needed("type")?.as_str() {
            "api-key" => {
                known(&["type", "in", "name", "value"])?;
                let location = match needed("in")?.as_str() {
                    "header" => Location::Header,
                    "query" => Location::Query,
                    "cookie" => Location::Cookie,
                    _ => {
                        let at = table.get("in").and_then(Item::span);
                        return Err(self.fault(at, "`in` is header, query or cookie", None));
                    }
                };
                Ok(Auth::ApiKey { location, name: needed("name")?, value: reference("value")? })
            }
            "bearer" => {
                known(&["type", "value"])?;
                Ok(Auth::Bearer { value: reference("value")? })
            }
            "basic" => {
                known(&["type", "username", "password"])?;
                Ok(Auth::Basic { username: needed("username")?, password: reference("password")? })
            }
            "oauth2" => {
                known(&["type", "client_id", "client_secret", "token_url"])?;
                let client_secret = reference("client_secret")?;
                Ok(Auth::OAuth2 {
                    client_id: needed("client_id")?,
                    client_secret,
                    token_url: text("token_url"),
                })
            }
            _ => {
                let at = table.get("type").and_then(Item::span);
                Err(self.fault(at, "`type` is api-key, bearer, basic or oauth2", None))
            }
        }
    }

    fn headers(&self, item: &Item) -> Result<Vec<(String, Reference)>, Failure> {
        let table = self.table(item, "spec_headers")?;
        let header = |(name, item): (&str, &Item)| {
            Ok((name.to_owned(), self.reference(Some(item), &format!("the header `{name}`"))?))
        };
        table.iter().map(header).collect()
    }

    /// The same as `x-pagination` in the words of the configuration.
    fn pagination(&self, item: &Item) -> Result<Map<String, Value>, Failure> {
        const KEYS: [&str; 7] = ["style", "items", "cursor", "param", "limit", "offset", "total"];
        let table = self.table(item, "pagination")?;
        self.check_keys(table, "`pagination`", &KEYS)?;
        let mut pagination = Map::new();
        for (key, text) in self.texts(table)? {
            let key = match key {
                "style" => "kind",
                "cursor" => "next",
                "param" => "cursor",
                other => other,
            };
            pagination.insert(key.to_owned(), json!(text));
        }
        let kind = pagination.get("kind").and_then(Value::as_str).unwrap_or_default();
        if !pagination.contains_key("items") {
            return Err(self.fault(item.span(), "`pagination` lacks `items`", None));
        }
        if matches!(kind, "offset" | "cursor" | "link") {
            return Ok(pagination);
        }
        let at = table.get("style").and_then(Item::span).or(item.span());
        Err(self.fault(at, "`style` is offset, cursor or link", None))
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|one| one.is_ascii_hexdigit())
}

/// Why a remembered service cannot have a name.
pub(crate) fn name_problem(name: &str) -> Option<String> {
    if !is_name(name) {
        return Some(format!("\"{name}\" is no name: it may have letters, digits, `-`, `_` and `.`"));
    }
    let is_built_in = OperationTable::built_in().services().any(|known| known == name);
    is_built_in.then(|| format!("{name} is a built-in service; a remembered one needs another name"))
}
