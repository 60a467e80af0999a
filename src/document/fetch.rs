//! Fetches a document: which requests follow one another, what is kept, and what is refused.

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LOCATION};
use indexmap::IndexMap;
use url::{Origin, Url};

use super::companions::{Companions, is_within, referred};
use super::fetched::{Fetched, Freshness};
use super::store::{Entry, Store};
use super::{Document, Place};
use crate::error::{ConfigError, Error, Result, UnsafeError};
use crate::spec::SpecError;
use crate::transport::{Answer, Fetcher, Settings};

/// How many redirects one request may take.
const REDIRECTS: usize = 5;
/// How many files a document may refer to.
const FILES: usize = 64;

/// A document to be fetched; awaiting it fetches it ([`Document::fetch`]).
///
/// Only https is spoken, and plain http to this machine alone. At most five redirects are followed, never from https to
/// http and never from a public host to an address of a private network, of the local link or of this machine; names
/// are resolved once and what was judged is what is connected to (behind a proxy, names are the proxy's affair). Files
/// that the document refers to are fetched too, at most 64, where they are below its folder on the same origin.
/// No credentials are sent but those given with [`Fetch::header`], and these go to the URL's own origin alone.
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), opcall::Error> {
/// use opcall::{Document, Harness};
/// let document = Document::fetch("https://api.example/openapi.json").cache("/var/cache/example").await?;
/// let harness = Harness::builder().document(&document).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a fetch does nothing until it is awaited"]
pub struct Fetch {
    url: String,
    headers: Vec<(String, String)>,
    cache: Option<PathBuf>,
    allow_http: bool,
    settings: Settings,
}

impl Document {
    /// Fetches a document over https. Nothing happens until it is awaited.
    ///
    /// # Errors
    /// Awaiting it fails with [`Error::Config`] where the URL or a header is none, [`Error::Transport`] where no answer
    /// comes, [`Error::Spec`] where the answer is none to read, and [`Error::Unsafe`] where fetching it is refused: it
    /// is too large, unencrypted, or leads into a private network.
    pub fn fetch(url: impl Into<String>) -> Fetch {
        let settings = Settings {
            max_body: 32 * 1024 * 1024,
            max_time: Duration::from_secs(120),
            ..Settings::default()
        };
        Fetch { url: url.into(), headers: Vec::new(), cache: None, allow_http: false, settings }
    }
}

impl Fetch {
    /// Sends a header, such as an API key, to the URL's own origin: not where a redirect leads elsewhere.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Keeps what comes in a folder, so that the server need not send again what has not changed (`ETag`,
    /// `Last-Modified`), and so that there is a copy while the server cannot be reached. What the server forbids to keep
    /// (`Cache-Control: no-store`) is not kept. Without a folder nothing is.
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache = Some(folder.into());
        self
    }

    /// How many bytes the document may have after content decoding, the files that it refers to included; 32 MiB by
    /// default.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.settings.max_body = bytes;
        self
    }

    /// How long one request may take; 30 s by default.
    pub fn timeout(mut self, each: Duration) -> Self {
        self.settings.timeout = each;
        self
    }

    /// How long connecting may take; 10 s by default.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.settings.connect_timeout = limit;
        self
    }

    /// How long all requests together may take; 2 min by default.
    pub fn max_time(mut self, limit: Duration) -> Self {
        self.settings.max_time = limit;
        self
    }

    /// Allows plain http to other machines than this one. Whoever is on the way can read and change the document.
    pub fn allow_http(mut self) -> Self {
        self.allow_http = true;
        self
    }

    /// Sends everything through a proxy (`http`, `https` or `socks5` URL); as [`crate::HarnessBuilder::proxy`].
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.settings.proxy = Some(url.into());
        self
    }

    /// Sends nothing through a proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.settings.proxy = None;
        self.settings.no_proxy = true;
        self
    }

    /// Accepts servers whose certificates these root certificates (PEM) signed, beside the platform's own roots.
    pub fn root_certificates(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.settings.roots.push(Bytes::copy_from_slice(pem.as_ref()));
        self
    }

    /// What awaiting it does.
    ///
    /// # Errors
    /// As [`Document::fetch`] says.
    pub async fn send(self) -> Result<Document> {
        let url = web_url(&self.url)?;
        let headers =
            self.headers.iter().map(|(name, value)| header(name, value)).collect::<Result<HeaderMap>>()?;
        let mut names: Vec<_> = headers.keys().cloned().collect();
        names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        let max_time = self.settings.max_time;
        let mut session = Session {
            fetcher: Fetcher::new(self.settings, self.allow_http)?,
            store: self.cache.as_deref().map(Store::new),
            headers,
            names,
            origin: url.origin(),
            is_offline: false,
        };
        let fetched = tokio::time::timeout(max_time, session.whole(&url)).await;
        let fetched = fetched.unwrap_or_else(|_| Err(Fetcher::out_of_time(&url).into()))?;
        Ok(Document::of(Place::Fetched(Arc::new(fetched))))
    }
}

impl IntoFuture for Fetch {
    type Output = Result<Document>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Fetch").field("headers", &names).field("cache", &self.cache).finish_non_exhaustive()
    }
}

/// One file as it came.
struct Got {
    url: Url,
    body: Bytes,
    freshness: Freshness,
}

/// The requests of one fetch.
struct Session {
    fetcher: Fetcher,
    store: Option<Store>,
    /// The user's own.
    headers: HeaderMap,
    names: Vec<HeaderName>,
    origin: Origin,
    /// Whether the server could not be reached, so that it is not asked again where there is a copy.
    is_offline: bool,
}

impl Session {
    /// The document with the files that it refers to.
    async fn whole(&mut self, url: &Url) -> Result<Fetched> {
        let Got { url, body, freshness } = self.one(url, None).await?;
        let folder = url.join(".").map_err(|_| SpecError::new("has no folder").file(&shown(&url)))?;
        let mut files = IndexMap::new();
        let mut wanted: VecDeque<String> = referred(&folder, "", &body).into();
        while let Some(path) = wanted.pop_front() {
            if files.contains_key(&path) {
                continue;
            }
            let file = if files.len() < FILES {
                self.companion(&folder, &path, (&url, &body)).await?
            } else {
                Err(format!("the document refers to more than {FILES} files"))
            };
            if let Ok(bytes) = &file {
                wanted.extend(referred(&folder, &path, bytes));
            }
            files.insert(path, file);
        }
        Ok(Fetched::new(&url, body, Companions { folder, files }, freshness))
    }

    /// One of the files, or why the document has to do without it.
    async fn companion(
        &mut self,
        folder: &Url,
        path: &str,
        (root, body): (&Url, &Bytes),
    ) -> Result<Result<Bytes, String>> {
        let Some(url) = folder.join(path).ok().filter(|url| is_within(folder, url)) else {
            return Ok(Err("it is not in the document's folder".to_owned()));
        };
        if url == *root {
            return Ok(Ok(body.clone()));
        }
        match self.one(&url, Some(folder)).await {
            Ok(got) => Ok(Ok(got.body)),
            Err(Error::Spec(error)) => Ok(Err(error.problem)),
            Err(error) => Err(error),
        }
    }

    /// One file: from the server, or the copy that the server says is right, or the copy while there is no server.
    async fn one(&mut self, url: &Url, within: Option<&Url>) -> Result<Got> {
        let kept = self.store.as_ref().and_then(|store| store.read(url, &self.names));
        let kept = kept.filter(|(entry, _)| within.is_none_or(|folder| is_within(folder, &entry.url)));
        let offline = |(entry, body): (Entry, Bytes), reason| Got {
            url: entry.url,
            body,
            freshness: Freshness::Offline { reason },
        };
        let usable = kept.as_ref().is_some_and(|(entry, _)| entry.offline);
        match (self.follow(url, kept.as_ref().map(|(entry, _)| entry), within).await, kept) {
            (Ok((_, answer)), Some((entry, body))) if answer.status == 304 => {
                Ok(Got { url: entry.url, body, freshness: Freshness::NotModified })
            }
            (Ok((at, answer)), _) => {
                self.keep(url, &at, &answer);
                Ok(Got { url: at, body: answer.body, freshness: Freshness::Sent })
            }
            (Err(Error::Transport(error)), Some(kept)) if usable => {
                self.is_offline = true;
                Ok(offline(kept, error.to_string()))
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Asks, and follows redirects to the end.
    async fn follow(
        &mut self,
        url: &Url,
        entry: Option<&Entry>,
        within: Option<&Url>,
    ) -> Result<(Url, Answer)> {
        let mut at = url.clone();
        for _ in 0..=REDIRECTS {
            if within.is_some_and(|folder| !is_within(folder, &at)) {
                return Err(fault(url, "it redirects out of the document's folder", None));
            }
            let mut headers = HeaderMap::new();
            if at.origin() == self.origin {
                headers.clone_from(&self.headers);
            }
            let known = entry.filter(|entry| entry.url == at);
            known.into_iter().for_each(|entry| conditions(entry, &mut headers));
            let answer = self.fetcher.get(&at, headers).await?;
            match answer.status {
                200 | 203 => return Ok((at, answer)),
                304 if known.is_some() => return Ok((at, answer)),
                301 | 302 | 303 | 307 | 308 => at = redirected(&at, &answer.headers)?,
                status => return Err(refused(&at, status)),
            }
        }
        Err(fault(url, &format!("it redirects more than {REDIRECTS} times"), None))
    }

    /// Keeps an answer, where it may be kept. That it cannot be kept does not matter to the one who asked.
    fn keep(&self, url: &Url, at: &Url, answer: &Answer) {
        let Some(store) = &self.store else { return };
        let done = match Entry::of(at, &answer.headers, &answer.body) {
            Some(entry) => store.write(url, &self.names, &entry, &answer.body),
            None => store.remove(url, &self.names),
        };
        if let Err(error) = done {
            tracing::warn!(%error, "the document is not kept in the cache");
        }
    }
}

/// Asks only for what has changed (RFC 9110 §13.1).
fn conditions(entry: &Entry, headers: &mut HeaderMap) {
    let value = |text: &Option<String>| text.as_ref().and_then(|text| HeaderValue::from_str(text).ok());
    if let Some(etag) = value(&entry.etag) {
        headers.insert(IF_NONE_MATCH, etag);
    } else if let Some(date) = value(&entry.last_modified) {
        headers.insert(IF_MODIFIED_SINCE, date);
    }
}

/// Where a redirect leads.
fn redirected(from: &Url, headers: &HeaderMap) -> Result<Url> {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let to = location.and_then(|location| from.join(location).ok());
    let Some(mut to) = to.filter(|to| matches!(to.scheme(), "http" | "https") && to.has_host()) else {
        return Err(fault(from, "it redirects to no http or https URL", None));
    };
    if from.scheme() == "https" && to.scheme() == "http" {
        let problem = format!("{} redirects from https to plain http", shown(from));
        return Err(UnsafeError { sent: false, problem, hint: None }.into());
    }
    if !to.username().is_empty() || to.password().is_some() {
        return Err(fault(from, "it redirects to a URL with a user name or a password", None));
    }
    to.set_fragment(None);
    Ok(to)
}

fn refused(url: &Url, status: u16) -> Error {
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let hint = match status {
        401 | 403 => "give the header that the server asks for.",
        404 | 410 => "check the URL: it is to be that of the document, not of a page that shows it.",
        408 | 425 | 429 | 500.. => "try again later.",
        _ => "check the URL.",
    };
    let problem = format!("the server answers {status} {}", reason.unwrap_or_default());
    fault(url, problem.trim_end(), Some(hint))
}

fn fault(url: &Url, problem: &str, hint: Option<&str>) -> Error {
    let error = SpecError::new(problem).file(&shown(url));
    hint.into_iter().fold(error, SpecError::hint).into()
}

/// A URL without its query, in which a secret may stand.
fn shown(url: &Url) -> String {
    url.as_str().split(['?', '#']).next().unwrap_or_default().to_owned()
}

/// The URL to begin with.
fn web_url(text: &str) -> Result<Url> {
    let broken = |problem: &str| {
        let hint = Some("give it as `https://HOST/PATH`.".to_owned());
        Error::from(ConfigError { problem: format!("the document's URL {problem}"), hint })
    };
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let mut url = url.ok_or_else(|| broken("is no http or https URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(broken("holds a user name or a password; give them as a header"));
    }
    url.set_fragment(None);
    Ok(url)
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue)> {
    let name: HeaderName = name.parse().map_err(|_| bad_header(name, "is no header name"))?;
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| bad_header(name.as_str(), "has a value that no header may have"))?;
    value.set_sensitive(true);
    Ok((name, value))
}

fn bad_header(name: &str, problem: &str) -> Error {
    ConfigError { problem: format!("the header \"{}\" {problem}", name.escape_default()), hint: None }.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;

    #[test]
    fn a_redirect_leads_on_or_is_refused() {
        let follow = |from: &str, to: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, to.parse().unwrap());
            redirected(&Url::parse(from).unwrap(), &headers)
                .map(String::from)
                .map_err(|error| error.to_string())
        };
        assert_eq!(follow("https://a/x/y", "../z#f").unwrap(), "https://a/z");
        assert_eq!(follow("http://a/", "https://b/").unwrap(), "https://b/");
        assert_eq!(follow("https://a/", "//b/c?d").unwrap(), "https://b/c?d");
        assert_eq!(
            follow("https://a/x?key=secret", "http://a/x").unwrap_err(),
            "https://a/x redirects from https to plain http"
        );
        for wrong in ["file:///etc/passwd", "data:,x", "https://u:p@b/", "https://", "ftp://b/"] {
            assert!(follow("https://a/", wrong).is_err(), "{wrong}");
        }
        assert!(redirected(&Url::parse("https://a/").unwrap(), &HeaderMap::new()).is_err());
    }

    #[test]
    fn a_url_to_begin_with_is_of_the_web_and_holds_no_password() {
        assert_eq!(web_url("https://a/b?c#d").unwrap().as_str(), "https://a/b?c");
        for wrong in ["a.json", "file:///a", "ftp://a/b", "https://", "https://u:s3cret@a/"] {
            let error = web_url(wrong).unwrap_err();
            assert_eq!(error.kind(), "config", "{wrong}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_header_hides_its_value() {
        let (_, value) = header("X-API-Key", "s3cret").unwrap();
        assert!(!format!("{value:?}").contains("s3cret"));
        assert!(
            !format!("{:?}", Document::fetch("https://a/?k=s3cret").header("a", "s3cret")).contains("s3cret")
        );
        assert_eq!(header("a b", "x").unwrap_err().to_string(), "the header \"a b\" is no header name");
        assert!(!header("a", "s3cret\n").unwrap_err().to_string().contains("s3cret"));
    }
}
