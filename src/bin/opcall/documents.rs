//! The documents that the command line names: files, folders, and those of the network.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use opcall::{Document, Error, Fetch, Freshness, Phase};

use crate::args::{Bounds, Common, Network, Source};
use crate::config::{Config, Defaults, Reference};
use crate::prepared::shell_word;
use crate::report::{About, Failure};
use crate::{folders, session};

/// How long a fetch takes at most where nothing says it.
const WHOLE: Duration = Duration::from_secs(120);

/// A smaller file is read as fast as its compiled form, in bytes.
const SMALL: u64 = 16 << 10;

/// How documents are had.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How<'h> {
    /// Whether anything of them may be kept.
    pub(crate) may_keep: bool,
    /// How their servers are reached.
    pub(crate) network: &'h Network,
    /// How long it may take.
    pub(crate) bounds: Bounds,
}

impl How<'_> {
    /// The same with the configuration's bounds where the command line has none.
    pub(crate) fn or(self, defaults: Defaults) -> Self {
        let bounds = Bounds {
            timeout: self.bounds.timeout.or(defaults.timeout),
            connect_timeout: self.bounds.connect_timeout.or(defaults.connect_timeout),
            max_time: self.bounds.max_time.or(defaults.max_time),
            ..self.bounds
        };
        Self { bounds, ..self }
    }
}

impl Source {
    /// How the documents of the command line are had.
    pub(crate) fn how(&self) -> How<'_> {
        How { may_keep: !self.no_cache, network: &self.network, bounds: self.bounds }
    }
}

/// What was opened, to be compiled when the work is done.
static OPENED: Mutex<Vec<Document>> = Mutex::new(Vec::new());

/// The documents of the command line as errors name them, and the command that shows all that is wrong with each.
static CHECKS: Mutex<Vec<(String, Option<String>)>> = Mutex::new(Vec::new());

/// The command that shows all that is wrong with a document, as an error names it; `None` where there is no such command
/// that can be told: a secret may stand in a URL's query or in a header.
pub(crate) fn check_of(file: &str) -> Option<String> {
    let checks = CHECKS.lock().unwrap_or_else(PoisonError::into_inner);
    match checks.iter().find(|(name, _)| name == file) {
        Some((_, check)) => check.clone(),
        None if url(Path::new(file)).is_some() => None,
        None => Some(format!("opcall check {}", shell_word(file))),
    }
}

/// Notes how each document of the command line is checked: with all of them, where overlays are for one or the other.
fn note_checks(source: &Source) {
    let files: Vec<_> = source.spec.iter().map(|path| path.to_string_lossy()).collect();
    let is_open = |file: &str| {
        url(Path::new(file)).is_none_or(|url| source.spec_headers.is_empty() && !url.contains(['?', '#']))
    };
    let command = |files: &[&str]| {
        let words = files.iter().map(|file| shell_word(file));
        let overlays = source.overlay.iter();
        let overlays = overlays.map(|file| format!("--overlay {}", shell_word(&file.to_string_lossy())));
        let words: Vec<_> = words.chain(overlays).collect();
        files.iter().all(|file| is_open(file)).then(|| format!("opcall check {}", words.join(" ")))
    };
    let all: Vec<_> = files.iter().map(AsRef::as_ref).collect();
    let check = |file| if source.overlay.is_empty() { command(&[file]) } else { command(&all) };
    let name = |file: &str| match url(Path::new(file)) {
        Some(url) => url.split(['?', '#']).next().unwrap_or_default().to_owned(),
        None => file.to_owned(),
    };
    let checks = all.iter().map(|file| (name(file), check(file)));
    CHECKS.lock().unwrap_or_else(PoisonError::into_inner).extend(checks);
}

/// The text of a path that is a URL of the web.
pub(crate) fn url(path: &Path) -> Option<&str> {
    let text = path.to_str()?;
    let (scheme, _) = text.split_once("://")?;
    matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https").then_some(text)
}

/// The documents of the command line, each with the overlays that repair it.
///
/// # Errors
/// Where a document cannot be fetched, and where an overlay cannot be read, is meant for none of them, or there is
/// none to repair.
pub(crate) fn open_all(source: &Source, common: &Common) -> Result<Vec<Document>, Failure> {
    if let (true, Some(overlay)) = (source.spec.is_empty(), source.overlay.first()) {
        let hint = "name the document by --spec; what is built in was compiled and stays as it is: give your own \
                    copy of its description.";
        let problem = format!("--overlay {} has no document to repair", overlay.display());
        return Err(Failure::usage(problem, Some(hint.to_owned())));
    }
    note_checks(source);
    let mut documents: Vec<_> =
        source.spec.iter().map(|path| open(path, source, common)).collect::<Result<_, _>>()?;
    for overlay in &source.overlay {
        Document::overlay_all(&mut documents, overlay)?;
    }
    Ok(documents)
}

fn open(path: &Path, source: &Source, common: &Common) -> Result<Document, Failure> {
    let Some(url) = url(path) else { return Ok(file(path, !source.no_cache)) };
    let how = source.how().or(Config::read(source.config.as_deref())?.defaults());
    let document = fetch_with(url, &source.spec_headers, how)?;
    tell(&document, common);
    Ok(document)
}

/// A document of this machine, kept in the cache folder unless the command line or the environment forbids it.
pub(crate) fn file(path: &Path, may_keep: bool) -> Document {
    let is_small = path.metadata().is_ok_and(|it| it.is_file() && it.len() < SMALL);
    cached(Document::open(path), may_keep && !is_small)
}

/// A document of the network, fetched now or before, kept as [`file`] is.
pub(crate) fn of_network(document: Document, may_keep: bool) -> Document {
    let is_small = document.fetched().is_some_and(|fetched| fetched.size() < SMALL);
    cached(document, may_keep && !is_small)
}

fn cached(document: Document, may_keep: bool) -> Document {
    match folders::cache(&session::variable).filter(|_| may_keep) {
        Some(folder) => document.cached(folder.join("documents")),
        None => document,
    }
}

/// Remembers that a document was read, so that its compiled form is kept when the work is done.
pub(crate) fn was_read(document: &Document) {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner).push(document.clone());
}

/// Compiles the documents that are not kept yet. The answer has been printed: nobody waits.
pub(crate) fn keep() {
    for document in OPENED.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        document.keep();
    }
}

/// Fetches a document with headers as the command line gives them.
///
/// # Errors
/// As [`fetch`], and where a header's value is not where it is said to be.
pub(crate) fn fetch_with(url: &str, headers: &[(String, String)], how: How<'_>) -> Result<Document, Failure> {
    let headers = headers.iter().map(|(name, text)| Ok((name.clone(), header_value(name, text)?)));
    fetch(url, headers.collect::<Result<_, Failure>>()?, how)
}

/// Fetches a document.
///
/// # Errors
/// Where it cannot be fetched.
pub(crate) fn fetch(url: &str, headers: Vec<(String, String)>, how: How<'_>) -> Result<Document, Failure> {
    let fetch = Document::fetch(url).network(how.network.settings()?);
    let fetch = headers.into_iter().fold(fetch, |fetch, (name, value)| fetch.header(name, value));
    let Bounds { timeout, connect_timeout, max_time, .. } = how.bounds;
    let fetch = timeout.into_iter().fold(fetch, Fetch::timeout);
    let fetch = connect_timeout.into_iter().fold(fetch, Fetch::connect_timeout);
    let fetch = max_time.into_iter().fold(fetch, Fetch::max_time);
    let cache = folders::cache(&session::variable).filter(|_| how.may_keep);
    let fetch = cache.into_iter().fold(fetch, Fetch::cache);
    let started = Instant::now();
    let fetched = session::run(async { Ok(fetch.await?) });
    let document = fetched.map_err(|failure| match time_option(&failure, how.bounds, started.elapsed()) {
        Some(option) => {
            let hint = format!("give it more time with {option}, or save the document and give the file.");
            failure.within(About { hint: Some(hint), ..About::default() })
        }
        None => failure,
    })?;
    Ok(of_network(document, how.may_keep))
}

/// The option whose time ran out while a document was fetched, where the command has it.
fn time_option(failure: &Failure, bounds: Bounds, took: Duration) -> Option<&'static str> {
    let Some(Error::Transport(error)) = failure.library() else { return None };
    if !bounds.have_options || !error.phase.is_timeout() {
        return None;
    }
    let is_whole = took >= bounds.max_time.unwrap_or(WHOLE);
    let is_one = bounds.timeout.is_some_and(|each| took >= each);
    Some(match error.phase {
        _ if is_whole => "--max-time",
        Phase::ConnectTimeout if !is_one => "--connect-timeout",
        _ => "--timeout",
    })
}

/// Says where a document of the network came from: with `-v`, or where it may be out of date.
pub(crate) fn tell(document: &Document, common: &Common) {
    let Some(fetched) = document.fetched() else { return };
    let url = fetched.url();
    match fetched.freshness() {
        Freshness::Offline { reason } if !common.quiet => {
            session::note(&format!("the copy of {url} in the cache is used: {reason}"));
        }
        Freshness::Sent if common.verbose > 0 => {
            let files =
                if fetched.count() == 1 { String::new() } else { format!(" in {} files", fetched.count()) };
            session::note(&format!("fetched {url}: {} bytes{files}", fetched.size()));
        }
        Freshness::NotModified if common.verbose > 0 => {
            session::note(&format!("{url} has not changed since it was fetched last"));
        }
        _ => {}
    }
}

/// The value of a header: where it is (`env:VARIABLE`, `file:PATH`), or the value itself.
fn header_value(name: &str, text: &str) -> Result<String, Failure> {
    match Reference::parse(text) {
        Some(reference) => reference.required(&format!("the header {name}")),
        None => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn a_url_of_the_web_is_no_path() {
        for text in ["https://a/b?c", "http://127.0.0.1:1", "HTTPS://a"] {
            assert_eq!(super::url(Path::new(text)), Some(text));
        }
        for text in ["a.json", "./https/a", "file:///a", "C:\\a", "a://b"] {
            assert_eq!(super::url(Path::new(text)), None, "{text}");
        }
    }
}
