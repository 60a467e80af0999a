//! Remembered services at work: which of them a command needs, their documents, and how to sign in to them.

use std::path::{Path, PathBuf};

use opcall::operation::ServiceDef;
use opcall::spec::Warning;
use opcall::{Document, Operation, OperationTable, Profile};
use serde_json::{Map, Value, json};

use crate::args::{self, Common, Source};
use crate::config::{Api, Config, laid};
use crate::documents::How;
use crate::report::Failure;
use crate::{documents, folders, session};

/// What a command looks for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted<'w> {
    /// One operation.
    Name(&'w str),
    /// Whatever there is.
    All,
    /// What is named with `--api` alone.
    #[cfg(feature = "sandbox")]
    Named,
}

/// A remembered service, read.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) document: Document,
    pub(crate) table: OperationTable,
    pub(crate) warnings: Vec<Warning>,
    /// The document's schemes that the remembered credentials serve.
    pub(crate) schemes: Vec<String>,
}

/// A remembered service that a command has loaded.
#[derive(Debug)]
pub(crate) struct Account {
    api: Api,
    schemes: Vec<String>,
    certificate: Option<(PathBuf, PathBuf)>,
}

impl Account {
    /// The service.
    pub(crate) fn service(&self) -> &str {
        &self.api.name
    }

    /// Where it is and how to sign in.
    ///
    /// # Errors
    /// Where a file with a secret cannot be read.
    pub(crate) fn profile(&self, with_secrets: bool) -> Result<Profile, Failure> {
        let profile = self.api.server.iter().fold(Profile::new(), Profile::base_url);
        match self.api.auth.as_ref().filter(|_| with_secrets) {
            Some(auth) => auth.sign_in(profile, &self.schemes),
            None => Ok(profile),
        }
    }

    /// The files of the client certificate and of its key.
    pub(crate) fn certificate(&self) -> Option<(&Path, &Path)> {
        self.certificate.as_ref().map(|(chain, key)| (chain.as_path(), key.as_path()))
    }

    /// A profile with the remembered client certificate; a dry run does without its files.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub(crate) fn certified(&self, profile: Profile, is_dry: bool) -> Result<Profile, Failure> {
        let Some((chain, key)) = &self.certificate else { return Ok(profile) };
        let (chain, key) = match (args::read(chain), args::read(key)) {
            (Ok(chain), Ok(key)) => (chain, key),
            _ if is_dry => return Ok(profile),
            (Err(failure), _) | (_, Err(failure)) => return Err(failure),
        };
        Ok(profile.client_certificate(chain, key))
    }

    /// The variable that the credentials are to be in, where it is not set.
    pub(crate) fn missing(&self) -> Option<&str> {
        self.api.auth.as_ref()?.missing()
    }
}

/// Adds the remembered services that a command needs to those that it knows already. Returns them, and the names of
/// those that it does without.
///
/// # Errors
/// Where the configuration or a document that is meant cannot be read.
pub(crate) fn add(
    table: &mut OperationTable,
    documents: &mut Vec<Document>,
    source: &Source,
    common: &Common,
    wanted: Wanted<'_>,
) -> Result<(Vec<Account>, Vec<String>), Failure> {
    let none = || Ok((Vec::new(), Vec::new()));
    let meant = match (wanted, &source.api) {
        (_, Some(api)) if table.definition(api).is_some() => return none(),
        (_, Some(api)) => Some(api.as_str()),
        #[cfg(feature = "sandbox")]
        (Wanted::Named, None) => return none(),
        (Wanted::Name(name), None) if is_known(table, name) => return none(),
        (Wanted::Name(name), None) => name.split_once(':').map(|(service, _)| service),
        (Wanted::All, None) => None,
    };
    let config = Config::read(source.config.as_deref())?;
    let one = meant.and_then(|name| config.get(name));
    let is_one = one.is_some();
    let others = |table: &OperationTable| {
        let names = config.apis().iter().map(|api| api.name.clone());
        names.filter(|name| table.definition(name).is_none()).collect()
    };
    if source.api.is_some() && !is_one {
        return Ok((Vec::new(), others(table)));
    }
    let mut accounts = Vec::new();
    for api in one.map_or(config.apis(), std::slice::from_ref) {
        if table.definition(&api.name).is_some() {
            // A document of the command line has the name.
            continue;
        }
        match load(&config, api, source.how()) {
            Ok(loaded) => {
                if !common.quiet && (common.verbose > 0 || is_one) {
                    session::tell_of_warnings(&api.name, &loaded.warnings, common);
                }
                table.add(loaded.table);
                documents.push(loaded.document);
                let certificate = config.certificate(api);
                accounts.push(Account { api: api.clone(), schemes: loaded.schemes, certificate });
            }
            Err(failure) if is_one => return Err(failure),
            Err(failure) if !common.quiet => session::note(&format!("{} is left out: {failure}", api.name)),
            Err(_) => {}
        }
    }
    Ok((accounts, others(table)))
}

/// Whether a name means one operation of the table without any guess at its spelling, or several.
fn is_known(table: &OperationTable, name: &str) -> bool {
    let is_exact = |operation: &Operation<'_>| {
        let bare = name.split_once(':').filter(|(service, _)| *service == operation.service());
        let bare = bare.map_or(name, |(_, bare)| bare);
        let endpoint = || format!("{} {}", operation.method(), operation.path());
        operation.id() == bare || operation.aliases().any(|alias| alias == bare) || endpoint() == bare
    };
    let is_of_service = name.split_once(':').is_some_and(|(service, _)| table.definition(service).is_some());
    match table.get(name) {
        Ok(operation) => is_of_service || is_exact(&operation),
        Err(opcall::Error::UnknownOperation(_)) => is_of_service,
        Err(_) => true,
    }
}

/// Reads the document of a remembered service: the copy of it where it is of the network.
///
/// # Errors
/// Where it cannot be read, or is not what was remembered.
pub(crate) fn load(config: &Config, api: &Api, how: How<'_>) -> Result<Loaded, Failure> {
    let document = if let Some(url) = documents::url(api.spec.as_ref()) {
        pinned(config, api, url, how)?
    } else {
        let document = documents::file(&config.expand(&api.spec), how.may_keep);
        verify(api, &document)?;
        document
    };
    prepare(api, document)
}

/// A document as a remembered service has it: under its name, over what the configuration says.
///
/// # Errors
/// Where it cannot be read.
pub(crate) fn prepare(api: &Api, document: Document) -> Result<Loaded, Failure> {
    let mut base = Map::new();
    base.extend(api.pagination.clone().map(|pagination| ("x-pagination".to_owned(), json!(pagination))));
    let document = document.named(&api.name);
    let document = if base.is_empty() { document } else { document.base(base.clone()) };
    let (table, warnings) = read(&document)?;
    let Some(auth) = &api.auth else { return Ok(Loaded { document, table, warnings, schemes: Vec::new() }) };
    let declared = table.definition(&api.name).map_or(&[][..], |service| &service.security_schemes);
    let schemes: Vec<_> =
        declared.iter().filter(|scheme| auth.fits(scheme)).map(|scheme| scheme.name.clone()).collect();
    match auth.base() {
        Some(under) if schemes.is_empty() => {
            base.extend(under);
            let document = document.base(base);
            let (table, warnings) = read(&document)?;
            Ok(Loaded { document, table, warnings, schemes: laid() })
        }
        _ => Ok(Loaded { document, table, warnings, schemes }),
    }
}

/// Reads a document, which the next start finds in the cache.
fn read(document: &Document) -> Result<(OperationTable, Vec<Warning>), Failure> {
    let read = document.read()?;
    documents::was_read(document);
    Ok(read)
}

/// The copy of a document of the network; where there is none it is fetched, and must be what was remembered.
fn pinned(config: &Config, api: &Api, url: &str, how: How<'_>) -> Result<Document, Failure> {
    let Some(hash) = &api.sha256 else {
        let hint =
            Some(format!("`opcall api update {}` fetches the document and writes its hash.", api.name));
        return Err(Failure::config(format!("[apis.{}] has a URL but no `sha256`", api.name), hint));
    };
    let copy = copy_of(hash);
    let kept = copy.as_ref().and_then(|path| Document::load(path).ok());
    if let Some(document) = kept.filter(|document| document.sha256().is_ok_and(|found| found == *hash)) {
        return Ok(documents::of_network(document, how.may_keep));
    }
    let document = fetch(config, api, url, how)?;
    verify(api, &document)?;
    if let (Some(path), Some(fetched)) = (copy, document.fetched())
        && let Err(error) = fetched.save(path)
    {
        session::note(&format!("no copy of the document is kept: {error}"));
    }
    Ok(document)
}

/// Fetches the document of a service, with what is remembered for that.
///
/// # Errors
/// Where it cannot be fetched, and where a secret is not where it is said to be.
pub(crate) fn fetch(config: &Config, api: &Api, url: &str, how: How<'_>) -> Result<Document, Failure> {
    let mut network = how.network.clone();
    if let (None, Some((chain, key))) = (&network.cert, config.certificate(api)) {
        (network.cert, network.key) = (Some(chain), Some(key));
    }
    documents::fetch(url, headers(api)?, How { network: &network, ..how }.or(config.defaults()))
}

/// Refuses a document that is not the one that was remembered.
fn verify(api: &Api, document: &Document) -> Result<(), Failure> {
    let Some(hash) = &api.sha256 else { return Ok(()) };
    let found = document.sha256()?;
    if found == *hash {
        return Ok(());
    }
    let problem = format!(
        "the document of {} is not the one that was remembered: its sha256 is {found}, not {hash}",
        api.name
    );
    Err(Failure::refused(problem, Some(format!("see what changed with `opcall api update {}`.", api.name))))
}

/// The headers with which a document is fetched.
///
/// # Errors
/// Where a variable is not set or a file cannot be read.
fn headers(api: &Api) -> Result<Vec<(String, String)>, Failure> {
    let header = |(name, reference): &(String, crate::config::Reference)| {
        Ok((name.clone(), reference.required(&format!("the header {name}"))?))
    };
    api.spec_headers.iter().map(header).collect()
}

/// The place of the copy of a document of the network.
pub(crate) fn copy_of(hash: &str) -> Option<PathBuf> {
    folders::cache(&session::variable).map(|folder| folder.join("apis").join(hash))
}

/// The first server of a service that tells by itself where it is.
pub(crate) fn absolute_server(service: &ServiceDef) -> Option<&str> {
    let is_absolute = |url: &&str| url.starts_with("https://") || url.starts_with("http://");
    service.servers.iter().map(|server| server.url.as_str()).find(is_absolute)
}

/// What `opcall api show` prints.
pub(crate) fn to_json(api: &Api) -> Value {
    let auth = api.auth.as_ref().map(|auth| {
        let mut members = Map::new();
        members.insert("type".to_owned(), json!(auth.kind()));
        members.extend(auth.members().into_iter().map(|(key, text)| (key.to_owned(), json!(text))));
        members
    });
    let headers: Map<_, _> =
        api.spec_headers.iter().map(|(name, value)| (name.clone(), json!(value.to_string()))).collect();
    json!({
        "name": api.name,
        "spec": api.spec,
        "sha256": api.sha256,
        "server": api.server,
        "cert": api.cert,
        "key": api.key,
        "auth": auth,
        "spec_headers": headers,
        "pagination": api.pagination,
    })
}
