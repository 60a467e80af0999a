//! The requests of one fetch: which follow one another, what is kept, and what is refused.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LOCATION};
use indexmap::IndexMap;
use tokio::time::timeout;
use url::{Origin, Url};

use super::companions::{Companions, is_within, referred};
use super::fetched::{Fetched, Freshness};
use super::store::{self, Entry, Store};
use crate::auth::Carried;
use crate::error::{Error, Result, UnsafeError};
use crate::spec::SpecError;
use crate::transport::{Answer, Fetcher};

/// How many redirects one request may take.
const REDIRECTS: usize = 5;
/// How many files a document may refer to.
const FILES: usize = 64;
/// How much longer than the whole time the requests together may take, so that the last one tells its own end.
const GRACE: Duration = Duration::from_millis(50);

/// One file as it came.
struct Got {
    url: Url,
    body: Bytes,
    freshness: Freshness,
}

/// The requests of one fetch.
pub(super) struct Session {
    fetcher: Fetcher,
    store: Option<Store>,
    /// The user's own.
    headers: HeaderMap,
    /// Their names, sorted.
    names: Vec<HeaderName>,
    /// Where they may go.
    origin: Origin,
    /// What no error may repeat.
    carried: Carried,
    /// Whether all that came may be kept.
    may_keep: bool,
    started: Instant,
    /// How long all requests together may take.
    max_time: Duration,
}

impl Session {
    pub(super) fn new(fetcher: Fetcher, store: Option<Store>, headers: HeaderMap, url: &Url) -> Self {
        let mut names: Vec<_> = headers.keys().cloned().collect();
        names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        let carried = Carried::of_fetch(&headers, url, fetcher.transport());
        Self {
            fetcher,
            store,
            headers,
            names,
            origin: url.origin(),
            carried,
            may_keep: true,
            started: Instant::now(),
            max_time: Duration::MAX,
        }
    }

    /// Bounds all requests together, from now on.
    pub(super) fn within(self, max_time: Duration) -> Self {
        Self { started: Instant::now(), max_time, ..self }
    }

    /// The document with the files that it refers to.
    pub(super) async fn whole(&mut self, url: &Url) -> Result<Fetched> {
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
        Ok(Fetched::new(&url, body, Companions { folder, files }, freshness, self.may_keep))
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
                self.may_keep &= store::may_keep(&answer.headers);
                self.keep(url, &at, &answer);
                Ok(Got { url: at, body: answer.arrived.body, freshness: Freshness::Sent })
            }
            (Err(Error::Transport(error)), Some(kept)) if usable => Ok(offline(kept, error.to_string())),
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
                return Err(fault(&shown(url), "it redirects out of the document's folder", None));
            }
            let mut headers = HeaderMap::new();
            if at.origin() == self.origin {
                headers.clone_from(&self.headers);
            }
            let known = entry.filter(|entry| entry.url == at);
            if let Some(entry) = known {
                conditions(entry, &mut headers);
            }
            // Whoever redirects may repeat what it was sent.
            let named = (at != *url).then(|| self.carried.conceal_text(shown(&at)));
            let told = named.clone().unwrap_or_else(|| shown(url));
            let answer = self.ask(&at, headers, named).await;
            let answer = answer.map_err(|error| self.carried.conceal(error))?;
            match answer.status {
                200 | 203 => return Ok((at, answer)),
                304 if known.is_some() => return Ok((at, answer)),
                301 | 302 | 303 | 307 | 308 => at = redirected((&at, &told), &answer.headers)?,
                status => return Err(refused(&told, status)),
            }
        }
        Err(fault(&shown(url), &format!("it redirects more than {REDIRECTS} times"), None))
    }

    /// One request, for as long as is left of the whole time.
    async fn ask(&mut self, url: &Url, headers: HeaderMap, named: Option<String>) -> Result<Answer> {
        let max_time = self.max_time;
        let left = max_time.saturating_sub(self.started.elapsed());
        if left.is_zero() {
            return Err(Fetcher::out_of_time(url, max_time).into());
        }
        // A request that may take all of it ends by its own bound, which knows how far it came.
        let asked = timeout(left.saturating_add(GRACE), self.fetcher.get(url, headers, named)).await;
        asked.unwrap_or_else(|_| Err(Fetcher::out_of_time(url, max_time).into()))
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

/// Where a redirect leads; `told` is how errors show where it comes from.
fn redirected((from, told): (&Url, &str), headers: &HeaderMap) -> Result<Url> {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let to = location.and_then(|location| from.join(location).ok());
    let Some(mut to) = to.filter(|to| matches!(to.scheme(), "http" | "https") && to.has_host()) else {
        return Err(fault(told, "it redirects to no http or https URL", None));
    };
    if from.scheme() == "https" && to.scheme() == "http" {
        let problem = format!("{told} redirects from https to plain http");
        return Err(UnsafeError { problem, hint: None, ..UnsafeError::default() }.into());
    }
    if !to.username().is_empty() || to.password().is_some() {
        return Err(fault(told, "it redirects to a URL with a user name or a password", None));
    }
    to.set_fragment(None);
    Ok(to)
}

fn refused(told: &str, status: u16) -> Error {
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let hint = match status {
        401 | 403 => "give the header that the server asks for.",
        404 | 410 => "check the URL: it is to be that of the document, not of a page that shows it.",
        408 | 425 | 429 | 500.. => "try again later.",
        _ => "check the URL.",
    };
    let problem = format!("the server answers {status} {}", reason.unwrap_or_default());
    fault(told, problem.trim_end(), Some(hint))
}

fn fault(told: &str, problem: &str, hint: Option<&str>) -> Error {
    let error = SpecError::new(problem).file(told);
    hint.into_iter().fold(error, SpecError::hint).into()
}

/// A URL without its query, in which a secret may stand.
fn shown(url: &Url) -> String {
    url.as_str().split(['?', '#']).next().unwrap_or_default().to_owned()
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
            let from = Url::parse(from).unwrap();
            redirected((&from, &shown(&from)), &headers).map(String::from).map_err(|error| error.to_string())
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
        assert!(redirected((&Url::parse("https://a/").unwrap(), "https://a/"), &HeaderMap::new()).is_err());
    }
}
