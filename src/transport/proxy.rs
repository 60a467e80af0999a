//! Through which proxy a request goes, and which failures are the proxy's.

use std::error::Error;
use std::fmt;
use std::sync::{PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use once_cell::sync::OnceCell;
use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::{Position, Url};
use zeroize::Zeroizing;

use super::network::Route;
use crate::error::{ConfigError, Phase, ProxyProblem};
use crate::profile::is_loopback;

const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// A proxy, with what it wants to know of its user. Its `Debug` shows no password.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Proxy(Box<Url>);

impl Proxy {
    /// Reads a URL; without a scheme it is `http`, as in the environment's variables.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let url = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("http://{text}")) };
        let url = url.ok().filter(|url| SCHEMES.contains(&url.scheme()))?;
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let has_host = url.host_str().is_some_and(|host| !host.is_empty());
        (is_bare && has_host).then_some(Self(Box::new(url)))
    }

    /// Where it is, without what it wants to know of its user.
    pub(super) fn shown(&self) -> String {
        let port = self.0.port().map_or_else(String::new, |port| format!(":{port}"));
        format!("{}://{}{port}", self.0.scheme(), self.0.host_str().unwrap_or_default())
    }

    /// With its user name and password.
    pub(super) fn url(&self) -> Url {
        Url::clone(&self.0)
    }

    /// What it is told of its user: the password, or a user name that stands alone, and both as they go out (RFC 7617
    /// §2).
    pub(super) fn secrets(&self) -> Vec<SecretString> {
        let decoded = |text: &str| Zeroizing::new(percent_decode_str(text).decode_utf8_lossy().into_owned());
        let user = decoded(self.0.username());
        let password = decoded(self.0.password().unwrap_or_default());
        let secret = if password.is_empty() { &user } else { &password };
        if secret.is_empty() {
            return Vec::new();
        }
        let sent = BASE64.encode(Zeroizing::new(format!("{}:{}", *user, *password)).as_bytes());
        vec![secret.as_str().into(), sent.into()]
    }

    /// Whether it is this machine.
    pub(super) fn is_here(&self) -> bool {
        Url::parse(&format!("http://{}/", self.0.host_str().unwrap_or_default()))
            .is_ok_and(|url| is_loopback(&url))
    }

    /// Whether it is itself spoken to by TLS.
    pub(super) fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether a request is handed to it as it stands, not through a tunnel (RFC 9112 §3.2.2).
    pub(super) fn forwards(&self, url: &Url) -> bool {
        url.scheme() == "http" && matches!(self.0.scheme(), "http" | "https")
    }

    /// It does not do what it is asked to before it knows its user.
    pub(super) fn wants_credentials(&self) -> ProxyProblem {
        if self.0.username().is_empty() && self.0.password().is_none() {
            ProxyProblem::CredentialsRequired
        } else {
            ProxyProblem::CredentialsRefused
        }
    }

    /// What the failure of a request through it means; `None` where it was not asked at all.
    pub(super) fn judge(
        &self,
        phase: Phase,
        error: Option<&(dyn Error + 'static)>,
        url: &Url,
    ) -> Option<Phase> {
        // The libraries name these errors to nobody: their words tell.
        let texts = words_of(error);
        let of = |library: &str| texts.iter().find_map(|text| text.strip_prefix(library));
        if texts.iter().any(|text| text == "error resolving for socks proxy") {
            return None;
        }
        let said = of("tunnel error: ").or_else(|| of("SOCKS error: "));
        let own = match (said, phase) {
            (Some("failed to create underlying connection"), Phase::Tls(problem)) => {
                ProxyProblem::Tls(problem)
            }
            (Some("failed to create underlying connection"), _) => return Some(Phase::Connect),
            (Some(said), _) if is_about_credentials(said) => self.wants_credentials(),
            (Some(_), _) => ProxyProblem::NoWay,
            (None, Phase::Tls(problem)) if self.forwards(url) => ProxyProblem::Tls(problem),
            (None, phase) => return Some(phase),
        };
        Some(Phase::Proxy(own))
    }
}

/// What each error of a chain says.
fn words_of(error: Option<&(dyn Error + 'static)>) -> Vec<String> {
    let (mut texts, mut next) = (Vec::new(), error);
    while let Some(error) = next {
        texts.push(error.to_string());
        next = error.source();
    }
    texts
}

fn is_about_credentials(said: &str) -> bool {
    matches!(
        said,
        "proxy authorization required"
            | "credentials not accepted"
            | "server does not support user/pass authentication"
            | "server implements authentication incorrectly"
    )
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.shown())
    }
}

/// So many origins are remembered: a harness calls few.
const MOST_ORIGINS: usize = 64;

/// Decides which requests go through a proxy. The environment is read when it first counts.
#[derive(Default)]
pub(super) struct Routes {
    environment: OnceCell<Environment>,
    /// What it says of origins: a URL up to its path, and the proxy.
    known: RwLock<Vec<(Box<str>, Option<Proxy>)>>,
}

impl Routes {
    pub(super) fn of(&self, url: &Url, route: &Route) -> Result<Option<Proxy>, ConfigError> {
        match route {
            Route::Direct => Ok(None),
            Route::Through(proxy) => proxy.clone().map(Some).ok_or_else(|| no_proxy_url("the proxy")),
            Route::Environment if is_loopback(url) => Ok(None),
            Route::Environment => self.by_environment(url),
        }
    }

    fn by_environment(&self, url: &Url) -> Result<Option<Proxy>, ConfigError> {
        let origin = &url[..Position::BeforePath];
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, proxy)) = known.iter().find(|(known, _)| **known == *origin) {
            return Ok(proxy.clone());
        }
        let is_full = known.len() >= MOST_ORIGINS;
        drop(known);
        let read = || Environment::read(&|name| std::env::var(name).ok());
        let proxy = self.environment.get_or_init(read).of(url)?;
        if !is_full {
            self.known.write().unwrap_or_else(PoisonError::into_inner).push((origin.into(), proxy.clone()));
        }
        Ok(proxy)
    }
}

impl Routes {
    /// Whether no proxy is known by now: most of the time.
    pub(super) fn are_none(&self, route: &Route) -> bool {
        match route {
            Route::Direct => true,
            Route::Through(proxy) => proxy.is_none(),
            Route::Environment => self.environment.get().is_none_or(|one| one.named().next().is_none()),
        }
    }

    /// The proxies that are known by now.
    pub(super) fn known(&self, route: &Route) -> Vec<Proxy> {
        match route {
            Route::Direct => Vec::new(),
            Route::Through(proxy) => proxy.iter().cloned().collect(),
            Route::Environment => {
                self.environment.get().into_iter().flat_map(Environment::named).cloned().collect()
            }
        }
    }
}

pub(super) fn no_proxy_url(what: &str) -> ConfigError {
    ConfigError {
        problem: format!("{what} is no http, https, socks4 or socks5 URL"),
        hint: Some(
            "write it as `http://HOST:PORT`, a user name and a password percent-encoded before the host."
                .to_owned(),
        ),
    }
}

/// What the environment says of proxies, in the words that curl made common.
struct Environment {
    http: Option<Result<Proxy, ConfigError>>,
    https: Option<Result<Proxy, ConfigError>>,
    /// Intercepts what `NO_PROXY` does not take out.
    taken: Matcher,
    /// The system's own settings, where no variable names a proxy.
    system: Option<Matcher>,
}

impl Environment {
    fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| lookup(name).filter(|text| !text.trim().is_empty());
        // A web server gives a CGI program its client's header `Proxy` under this name.
        let may_be_foreign = lookup("REQUEST_METHOD").is_some();
        let proxy = |upper: &str| {
            let names = [upper.to_owned(), upper.to_ascii_lowercase()];
            let mut trusted = names.iter().filter(|name| !(may_be_foreign && *name == "HTTP_PROXY"));
            let found = trusted.find_map(|name| Some((name.clone(), set(name)?)));
            found.map(|(name, text)| Proxy::parse(&text).ok_or_else(|| no_proxy_url(&name)))
        };
        let all = proxy("ALL_PROXY");
        let (http, https) = (proxy("HTTP_PROXY").or_else(|| all.clone()), proxy("HTTPS_PROXY").or(all));
        let except = set("NO_PROXY").or_else(|| set("no_proxy")).unwrap_or_default();
        let taken = Matcher::builder().all("http://proxy").no(except).build();
        let is_silent = http.is_none() && https.is_none();
        Self { http, https, taken, system: is_silent.then(Matcher::from_system) }
    }

    fn named(&self) -> impl Iterator<Item = &Proxy> {
        [&self.http, &self.https].into_iter().flatten().filter_map(|proxy| proxy.as_ref().ok())
    }

    fn of(&self, url: &Url) -> Result<Option<Proxy>, ConfigError> {
        let Ok(asked) = url[..Position::BeforePath].parse::<Uri>() else { return Ok(None) };
        let asked = Uri::from_parts({
            let mut parts = asked.into_parts();
            parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
            parts
        });
        let Ok(asked) = asked else { return Ok(None) };
        if self.taken.intercept(&asked).is_none() {
            return Ok(None);
        }
        if let Some(system) = &self.system {
            let found = system.intercept(&asked);
            return Ok(found.and_then(|found| Proxy::parse(&found.uri().to_string())));
        }
        let named = if url.scheme() == "http" { &self.http } else { &self.https };
        named.clone().transpose()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_proxy_is_a_url_and_shows_no_password() {
        for (text, shown) in [
            ("http://p.example:3128", "http://p.example:3128"),
            ("p.example:3128", "http://p.example:3128"),
            ("p.example", "http://p.example"),
            ("https://u:s3cret@p.example/", "https://p.example"),
            ("u:s3cret@p.example:8080", "http://p.example:8080"),
            ("socks5h://u:s3c%40ret@[::1]:1080", "socks5h://[::1]:1080"),
            (" socks4://p.example ", "socks4://p.example"),
        ] {
            let proxy = Proxy::parse(text).unwrap();
            assert_eq!(proxy.shown(), shown);
            assert!(!format!("{proxy:?}").contains("s3c"), "{proxy:?}");
        }
        for text in [
            "",
            "::",
            "ftp://p",
            "http://",
            "http://p/path",
            "http://p?q",
            "http://u:a#b@p",
            "http://u:1/2@p",
        ] {
            assert!(Proxy::parse(text).is_none(), "{text}");
        }
        let here = |text| Proxy::parse(text).unwrap().is_here();
        assert!(here("socks5://127.0.0.1:1") && here("localhost:1") && here("socks5h://localhost"));
        assert!(!here("10.0.0.1:1") && !here("socks5://p.example"));
    }

    #[test]
    fn what_a_proxy_is_told_is_known() {
        let secrets = |text: &str| -> Vec<String> {
            let secrets = Proxy::parse(text).unwrap().secrets();
            secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect()
        };
        assert_eq!(secrets("http://user:p%2Fw@p"), ["p/w", "dXNlcjpwL3c="]);
        assert_eq!(secrets("http://token@p"), ["token", "dG9rZW46"]);
        assert!(secrets("http://p").is_empty());
    }

    fn decided(variables: &[(&str, &str)], url: &str) -> Result<Option<String>, String> {
        let lookup = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let proxy = Environment::read(&lookup).of(&Url::parse(url).unwrap());
        proxy.map(|proxy| proxy.map(|proxy| proxy.shown())).map_err(|error| error.to_string())
    }

    #[test]
    fn the_environment_decides_as_it_does_for_curl() {
        const P: (&str, &str) = ("HTTP_PROXY", "http://p:1");
        const S: (&str, &str) = ("HTTPS_PROXY", "http://s:2");
        const A: (&str, &str) = ("ALL_PROXY", "socks5://a:3");
        const LOW: (&str, &str) = ("http_proxy", "http://low:4");
        const CGI: (&str, &str) = ("REQUEST_METHOD", "GET");
        const HTTP: &str = "http://h.example:81/a?b";
        const HTTPS: &str = "https://h.example";
        for (variables, url, proxy) in [
            (&[][..], HTTPS, None),
            (&[P], HTTP, Some("http://p:1")),
            (&[P], HTTPS, None),
            (&[S], HTTPS, Some("http://s:2")),
            (&[S], HTTP, None),
            (&[A, S], HTTPS, Some("http://s:2")),
            (&[A, S], HTTP, Some("socks5://a:3")),
            (&[P, LOW], HTTP, Some("http://p:1")),
            (&[LOW], HTTP, Some("http://low:4")),
            (&[("HTTP_PROXY", ""), LOW], HTTP, Some("http://low:4")),
            (&[P, CGI], HTTP, None),
            (&[P, LOW, CGI], HTTP, Some("http://low:4")),
            (&[P, A, CGI], HTTP, Some("socks5://a:3")),
            (&[S, CGI], HTTPS, Some("http://s:2")),
            (&[S, ("NO_PROXY", "h.example")], HTTPS, None),
            (&[S, ("NO_PROXY", "other, .example")], HTTPS, None),
            (&[S, ("no_proxy", "example")], HTTPS, None),
            (&[S, ("NO_PROXY", "*")], HTTPS, None),
            (&[S, ("NO_PROXY", "ample,h.example.evil")], HTTPS, Some("http://s:2")),
            (&[S, ("NO_PROXY", "10.0.0.0/8")], "https://10.1.2.3/", None),
            (&[S, ("NO_PROXY", "10.0.0.0/8")], "https://11.1.2.3/", Some("http://s:2")),
            (&[S, ("NO_PROXY", "2001:db8::1")], "https://[2001:db8::1]:444/", None),
        ] {
            assert_eq!(decided(variables, url).unwrap().as_deref(), proxy, "{variables:?} {url}");
        }
    }

    #[test]
    fn what_the_environment_says_of_an_origin_is_remembered() {
        let lookup = |name: &str| (name == "HTTPS_PROXY").then(|| "http://s:2".to_owned());
        let environment = OnceCell::with_value(Environment::read(&lookup));
        let routes = Routes { environment, known: RwLock::default() };
        let of = |url: &str| {
            let proxy = routes.of(&Url::parse(url).unwrap(), &Route::Environment).unwrap();
            proxy.map(|proxy| proxy.shown())
        };
        for _ in 0..2 {
            assert_eq!(of("https://h.example/a").as_deref(), Some("http://s:2"));
            assert_eq!(of("http://h.example/a"), None);
            assert_eq!(of("https://h.example:444/a?b").as_deref(), Some("http://s:2"));
        }
        assert_eq!(routes.known.read().unwrap().len(), 3);
        for number in 0..2 * MOST_ORIGINS {
            assert_eq!(of(&format!("https://h{number}.example/")).as_deref(), Some("http://s:2"));
        }
        assert_eq!(routes.known.read().unwrap().len(), MOST_ORIGINS);
    }

    #[test]
    fn what_is_no_proxy_is_told_where_it_would_count() {
        let variables = [("HTTPS_PROXY", "ftp://u:s3cret@p"), ("http_proxy", "http://p:1")];
        assert_eq!(
            decided(&variables, "https://h.example/").unwrap_err(),
            "HTTPS_PROXY is no http, https, socks4 or socks5 URL"
        );
        assert!(decided(&variables, "http://h.example/").unwrap().is_some());
    }
}
