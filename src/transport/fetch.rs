//! Fetches what a document is made of: one exchange at a time, no address further inside the network than the first.

use std::time::{Duration, Instant};

use http::header::{ACCEPT, HeaderMap, HeaderValue};
use url::Url;

use super::exchange::Sight;
use super::reach::{Bounds, Denied, Guard, Reach};
use super::{
    Answer, ClientCertificate, Failure, Limits, Link, Settings, Transport, Wire, complete, deadline,
};
use crate::attempt::{Attempt, Begun, Outcome};
use crate::error::{ConfigError, Error, Phase, Result, TransportError, UnsafeError};
use crate::operation::Method;
use crate::profile::PlainHttp;

/// What a description may come as; whatever comes is told apart by its content.
const ACCEPTED: &str = "application/openapi+json, application/openapi+yaml, application/json;q=0.9, \
                        application/yaml;q=0.9, */*;q=0.8";

/// Sends the requests of one fetch.
pub(crate) struct Fetcher {
    transport: Transport,
    guard: Guard,
    /// How far inside the next address may be; without it the user's own word counts.
    limit: Option<Reach>,
    plain_http: PlainHttp,
    /// The address that a client certificate is for.
    address: String,
    certificate: Option<ClientCertificate>,
    /// How many bytes may still come.
    left: u64,
    /// How many bytes may come in all, for errors.
    limit_of_bytes: u64,
}

impl Fetcher {
    /// `settings.max_body` bounds all answers together, after content decoding; a client certificate is shown to the
    /// server of `url` alone.
    pub(crate) fn new(mut settings: Settings, url: &Url) -> Result<Self, ConfigError> {
        let guard = Guard::default();
        let bytes = settings.max_body;
        let plain_http = settings.plain_http();
        settings.guard = Some(guard.clone());
        let certificate = settings.network.certificate.take();
        certificate.as_ref().map_or(Ok(()), ClientCertificate::check)?;
        Ok(Self {
            transport: Transport::new(settings)?,
            certificate,
            guard,
            limit: None,
            plain_http,
            address: url.to_string(),
            left: bytes,
            limit_of_bytes: bytes,
        })
    }

    /// What the requests go through.
    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Asks for a URL, which is http or https, once; no redirect is followed. `shown` is how errors and logs show one that
    /// a service named.
    pub(crate) async fn get(
        &mut self,
        url: &Url,
        mut headers: HeaderMap,
        shown: Option<String>,
    ) -> Result<Answer> {
        if !self.plain_http.is_safe(url) {
            return Err(unencrypted(url).into());
        }
        let loopback = url.scheme() == "http" && self.plain_http != PlainHttp::Anywhere;
        let bounds = Bounds { limit: self.limit, loopback };
        self.guard.begin(url, bounds).map_err(|denied| inside(url, denied))?;
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static(ACCEPTED));
        complete(&mut headers);
        let link = Link::showing(self.certificate.as_ref(), url, &self.address);
        let limits = Limits { max_body: Some(self.left), ..Limits::default() };
        let mut wire = Wire { headers, limits, link, ..wire(url, shown) };
        let started = Instant::now();
        let until = deadline(self.transport.timeout(&wire));
        let sight = Sight::default();
        let outcome = self.transport.attempt(&mut wire, &sight, until).await;
        if let Some(denied) = self.guard.denied() {
            return Err(inside(url, denied).into());
        }
        // Behind a proxy nothing is known of the host: it counts as public.
        let found = self.guard.known(url).unwrap_or(Reach::Public);
        self.limit = Some(self.limit.map_or(found, |limit| limit.min(found)));
        let answer =
            outcome.map_err(|failure| self.explain(*failure, &wire, (started.elapsed(), sight.begun())))?;
        self.left = self.left.saturating_sub(answer.body.len() as u64);
        Ok(answer)
    }

    fn explain(&self, failure: Failure, wire: &Wire, (took, begun): (Duration, Option<Begun>)) -> Error {
        match failure {
            Failure::TooLarge(_) => UnsafeError {
                problem: format!(
                    "the document at {} is larger than {} bytes",
                    wire.shown_url(),
                    self.limit_of_bytes
                ),
                hint: Some(
                    "save the document and give the file, if it is expected to be so large.".to_owned(),
                ),
                ..UnsafeError::default()
            }
            .into(),
            other => {
                let attempts = vec![Attempt { begun, ..only(other.outcome(), other.was_sent(), took) }];
                let known = TransportError { fetching: true, ..wire.error(Phase::Broken, attempts, None) };
                other.into_error_of(known)
            }
        }
    }

    /// The error for a fetch whose whole time ran out.
    pub(crate) fn out_of_time(url: &Url, took: Duration) -> TransportError {
        let attempts = vec![only(Outcome::Failed(Phase::AnswerTimeout), true, took)];
        let lost = wire(url, None).error(Phase::AnswerTimeout, attempts, None);
        TransportError { fetching: true, ..lost }
    }
}

/// A fetch is not repeated.
fn only(outcome: Outcome, sent: bool, took: Duration) -> Attempt {
    Attempt { number: 1, outcome, sent, took, ..Attempt::default() }
}

fn wire(url: &Url, shown: Option<String>) -> Wire {
    let origin = url.origin().ascii_serialization();
    let path = shown.as_deref().map_or(url.path(), |shown| shown.strip_prefix(&origin).unwrap_or(shown));
    Wire {
        operation: format!("GET {path}").into(),
        method: Method::Get,
        url: url.clone(),
        headers: HeaderMap::new(),
        content: None,
        limits: Limits::default(),
        is_streamed: false,
        signing_in: false,
        link: Link::default(),
        shown,
    }
}

fn unencrypted(url: &Url) -> UnsafeError {
    UnsafeError {
        problem: format!(
            "a document of {} would be fetched over plain http",
            url.host_str().unwrap_or_default()
        ),
        hint: Some("give an https URL, or allow plain http if nobody on the way can change it.".to_owned()),
        ..UnsafeError::default()
    }
}

fn inside(url: &Url, denied: Denied) -> UnsafeError {
    UnsafeError {
        problem: format!(
            "a document is not fetched from {}: it leads to {denied}",
            url.host_str().unwrap_or_default()
        ),
        hint: Some("give that URL itself, if the document shall come from there.".to_owned()),
        ..UnsafeError::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use std::io::ErrorKind;
    use std::net::TcpListener;

    use super::super::Network;
    use super::*;

    #[tokio::test]
    async fn nothing_within_is_asked_once_the_document_is_public() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1"] {
            let settings = Settings { network: Network::new().no_proxy(), ..Settings::default() };
            let url = Url::parse(&format!("http://{host}:{port}/latest/meta-data")).unwrap();
            let mut fetcher = Fetcher::new(settings, &url).unwrap();
            fetcher.limit = Some(Reach::Public);
            let error = fetcher.get(&url, HeaderMap::new(), None).await.map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), "unsafe", "{host}: {error}");
            assert!(error.to_string().contains("an address of this machine"), "{host}: {error}");
            assert!(!error.was_sent());
        }
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nobody connected");
    }

    #[tokio::test]
    async fn plain_http_stays_on_this_machine_unless_allowed() {
        let url = Url::parse("http://api.example/openapi.json?key=s3cret").unwrap();
        let mut fetcher = Fetcher::new(Settings::default(), &url).unwrap();
        let error = fetcher.get(&url, HeaderMap::new(), None).await.map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), "a document of api.example would be fetched over plain http");
    }
}
