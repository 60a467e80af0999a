//! Fetches a document: what a caller may say of it.

use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::Document;
use super::place::Place;
use super::session::Session;
use super::store::Store;
use crate::error::{ConfigError, Error, Result};
use crate::transport::{Fetcher, Settings, network_methods};

/// A document to be fetched; awaiting it fetches it ([`Document::fetch`]).
///
/// Only https is spoken, and plain http to this machine alone. At most five redirects are followed, never from https to
/// http and never from a public host to an address of a private network, of the local link or of this machine; names
/// are resolved once and what was judged is what is connected to (behind a proxy, names are the proxy's affair). Files
/// that the document refers to are fetched too, at most 64, where they are below its folder on the same origin.
/// No credentials are sent but those given with [`Fetch::header`] and [`Fetch::client_certificate`], and these go to the
/// URL's own origin alone.
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
        Fetch { url: url.into(), headers: Vec::new(), cache: None, settings }
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

    /// How long all requests together may take; 2 min by default.
    pub fn max_time(mut self, limit: Duration) -> Self {
        self.settings.max_time = limit;
        self
    }

    /// Allows plain http to other machines than this one. Whoever is on the way can read and change the document.
    pub fn allow_http(mut self) -> Self {
        self.settings.allow_http = true;
        self
    }

    network_methods!();

    /// What awaiting it does.
    ///
    /// # Errors
    /// As [`Document::fetch`] says.
    pub async fn send(self) -> Result<Document> {
        let url = web_url(&self.url)?;
        let headers =
            self.headers.iter().map(|(name, value)| header(name, value)).collect::<Result<HeaderMap>>()?;
        let max_time = self.settings.max_time;
        let timeout = self.settings.timeout.min(max_time);
        let fetcher = Fetcher::new(Settings { timeout, ..self.settings }, &url)?;
        let store = self.cache.as_deref().map(Store::new);
        let fetched = Session::new(fetcher, store, headers, &url).within(max_time).whole(&url).await?;
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
