//! The configuration file: what it says of remembered services, and how it is changed without losing the rest of it.

mod auth;
mod file;
mod parse;
mod reference;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};
use toml_edit::{DocumentMut, InlineTable, Item, Table, value};

pub(crate) use self::auth::{Auth, laid};
pub(crate) use self::parse::name_problem;
pub(crate) use self::reference::{Placing, Reference, literal};
use crate::report::Failure;
use crate::{folders, session};

/// A remembered service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Api {
    /// Its short name.
    pub(crate) name: String,
    /// The document's path or URL.
    pub(crate) spec: String,
    /// The hash that the document must have.
    pub(crate) sha256: Option<String>,
    /// The base URL.
    pub(crate) server: Option<String>,
    /// The file of a client certificate (PEM).
    pub(crate) cert: Option<String>,
    /// The file of its private key, where that is another.
    pub(crate) key: Option<String>,
    /// How to sign in.
    pub(crate) auth: Option<Auth>,
    /// Headers with which the document is fetched.
    pub(crate) spec_headers: Vec<(String, Reference)>,
    /// `x-pagination`, for operations that do not say how their pages follow one another.
    pub(crate) pagination: Option<Map<String, Value>>,
}

impl Api {
    /// The same, the files of its secrets at the places that are meant by their paths.
    ///
    /// # Errors
    /// Where such a place cannot be told.
    pub(crate) fn placed(mut self, place: Placing<'_>) -> Result<Self, Failure> {
        self.auth = self.auth.map(|auth| auth.placed(place)).transpose()?;
        let headers = self.spec_headers.into_iter();
        let headers = headers.map(|(name, value)| Ok((name, value.placed(place)?)));
        self.spec_headers = headers.collect::<Result<_, Failure>>()?;
        Ok(self)
    }
}

/// What bounds every call, where the command line does not say it: `[defaults]`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Defaults {
    pub(crate) timeout: Option<Duration>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) max_time: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) max_body: Option<u64>,
    pub(crate) retry: Option<u32>,
}

/// The configuration as far as it is read: the defaults and the remembered services.
#[derive(Debug)]
pub(crate) struct Config {
    path: PathBuf,
    defaults: Defaults,
    apis: Vec<Api>,
}

impl Config {
    /// Reads the configuration; without a file it is empty.
    ///
    /// # Errors
    /// Where the file cannot be read, others may write it, or it says something that is not known.
    pub(crate) fn read(given: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = folders::config(given, &session::variable) else {
            return Ok(Self { path: PathBuf::new(), defaults: Defaults::default(), apis: Vec::new() });
        };
        Ok(Self::at(path)?.0)
    }

    /// The configuration of a file, with its text.
    fn at(path: PathBuf) -> Result<(Self, String), Failure> {
        let text = file::read(&path)?;
        let (defaults, apis) = parse::read(&path, &text)?;
        let place = |written: &Path| Ok(beside(&path, written));
        let apis = apis.into_iter().map(|api| api.placed(&place)).collect::<Result<_, _>>()?;
        Ok((Self { path, defaults, apis }, text))
    }

    /// The configuration as it is by now.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub(crate) fn again(&self) -> Result<Self, Failure> {
        Ok(Self::at(self.path.clone())?.0)
    }

    /// What bounds every call.
    pub(crate) fn defaults(&self) -> Defaults {
        self.defaults
    }

    /// The remembered services, in the file's order.
    pub(crate) fn apis(&self) -> &[Api] {
        &self.apis
    }

    /// A service by its name.
    pub(crate) fn get(&self, name: &str) -> Option<&Api> {
        self.apis.iter().find(|api| api.name == name)
    }

    /// A service that must be there.
    ///
    /// # Errors
    /// Where no service has the name.
    pub(crate) fn find(&self, name: &str) -> Result<&Api, Failure> {
        let near = || nearest(name, self.apis.iter().map(|api| api.name.as_str()));
        self.get(name).ok_or_else(|| {
            let hint = near().map_or_else(
                || "`opcall api list` shows those that are.".to_owned(),
                |near| format!("did you mean `{near}`? `opcall api list` shows all."),
            );
            Failure::usage(format!("no service is remembered as \"{name}\""), Some(hint))
        })
    }

    /// A path as the file writes it: `~` is the user's folder, and what is relative is beside the file.
    pub(crate) fn expand(&self, path: impl AsRef<Path>) -> PathBuf {
        beside(&self.path, path.as_ref())
    }

    /// The files of a service's client certificate and of its key.
    pub(crate) fn certificate(&self, api: &Api) -> Option<(PathBuf, PathBuf)> {
        let chain = api.cert.as_ref()?;
        Some((self.expand(chain), self.expand(api.key.as_ref().unwrap_or(chain))))
    }

    /// Refuses a name that a service has already.
    ///
    /// # Errors
    /// Where one has it.
    pub(crate) fn refuse_twin(&self, name: &str) -> Result<(), Failure> {
        if self.get(name).is_none() {
            return Ok(());
        }
        let hint = format!(
            "`opcall api update {name}` takes its document anew, `opcall api remove {name}` forgets it."
        );
        Err(Failure::usage(format!("{name} is remembered already"), Some(hint)))
    }

    /// Adds a service. Returns the configuration as it is then.
    ///
    /// # Errors
    /// Where a service has got the name meanwhile, or the file cannot be written.
    pub(crate) fn add(&self, api: &Api) -> Result<Self, Failure> {
        let added = self.change(|now, document| {
            now.refuse_twin(&api.name)?;
            put(document, api);
            Ok(())
        });
        added.map(|((), now)| now)
    }

    /// Puts what is known of a service by now in place of what was known. Returns the configuration as it is then.
    ///
    /// # Errors
    /// Where the service is another one meanwhile, or the file cannot be written.
    pub(crate) fn update(&self, old: &Api, api: &Api) -> Result<Self, Failure> {
        let updated = self.change(|now, document| {
            if now.get(&old.name) != Some(old) {
                let hint = "`opcall api list` shows what is there; then do it once more.".to_owned();
                let problem = format!("{} has changed in the configuration meanwhile", old.name);
                return Err(Failure::usage(problem, Some(hint)));
            }
            put(document, api);
            Ok(())
        });
        updated.map(|((), now)| now)
    }

    /// Forgets a service. Returns what was remembered of it, and the configuration as it is then.
    ///
    /// # Errors
    /// Where no service has the name, or the file cannot be written.
    pub(crate) fn remove(&self, name: &str) -> Result<(Api, Self), Failure> {
        self.change(|now, document| {
            let gone = now.find(name)?.clone();
            if let Some(apis) = document.get_mut("apis").and_then(Item::as_table_like_mut) {
                apis.remove(name);
            }
            Ok(gone)
        })
    }

    /// Changes the file as it is by now, while no other process does: comments, order and all that is not touched
    /// stay. A crash leaves the old file or the new one. Returns what `change` does, and the configuration as it is
    /// then.
    fn change<T>(
        &self,
        change: impl FnOnce(&Self, &mut DocumentMut) -> Result<T, Failure>,
    ) -> Result<(T, Self), Failure> {
        if self.path.as_os_str().is_empty() {
            return Err(folders::unknown("the place of the configuration file", "HOME or OPCALL_CONFIG"));
        }
        let failed = |error| Failure::io(format!("writing {}", self.path.display()), error);
        let _lock = file::lock(&self.path).map_err(failed)?;
        let (now, text) = Self::at(self.path.clone())?;
        let mut document: DocumentMut = text.parse().map_err(std::io::Error::other).map_err(failed)?;
        let changed = change(&now, &mut document)?;
        file::replace(&self.path, document.to_string().as_bytes()).map_err(failed)?;
        Ok((changed, self.again()?))
    }
}

/// Writes what is remembered of a service: a new one at the end, else the keys that have changed.
fn put(document: &mut DocumentMut, api: &Api) {
    let apis = document.entry("apis").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let Some(apis) = apis.as_table_like_mut() else { return };
    let entry = apis.entry(&api.name).or_insert_with(|| Item::Table(Table::new()));
    let Some(entry) = entry.as_table_like_mut() else { return };
    let texts = [
        ("spec", Some(api.spec.clone())),
        ("sha256", api.sha256.clone()),
        ("server", api.server.clone()),
        ("cert", api.cert.clone()),
        ("key", api.key.clone()),
    ];
    for (key, text) in texts {
        match text {
            Some(text) if entry.get(key).and_then(Item::as_str) == Some(&text) => {}
            Some(text) => _ = entry.insert(key, value(text)),
            None => _ = entry.remove(key),
        }
    }
    if let (Some(auth), None) = (&api.auth, entry.get("auth")) {
        let members = [("type", auth.kind().to_owned())].into_iter().chain(auth.members());
        entry.insert("auth", value(members.collect::<InlineTable>()));
    }
    if !api.spec_headers.is_empty() && entry.get("spec_headers").is_none() {
        let headers = api.spec_headers.iter().map(|(name, value)| (name.as_str(), value.to_string()));
        entry.insert("spec_headers", value(headers.collect::<InlineTable>()));
    }
}

/// The file that a path in a configuration means: `~` is the user's folder, and what is relative is beside it.
fn beside(config: &Path, path: &Path) -> PathBuf {
    config.parent().unwrap_or(Path::new("")).join(at_home(path))
}

/// A path whose `~` is the user's folder, as a shell would have it.
pub(crate) fn at_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), session::variable("HOME")) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path.to_owned(),
    }
}

/// The nearest of some names, where one is near.
pub(crate) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let far = |one: &&str| strsim::damerau_levenshtein(one, name);
    known.min_by_key(far).filter(|one| far(one) <= 2.max(name.len() / 3))
}

/// Whether a remembered service may have a name.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.');
    name.chars().all(fits) && name.starts_with(|one: char| one.is_ascii_alphanumeric())
}
