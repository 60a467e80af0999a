//! The same calls for programs without a runtime.
//!
//! A [`Harness`] here wraps the asynchronous one; a [`Command`] blocks the thread until the answer is there. All
//! settings of a call are those of [`crate::Command`], set through [`Command::with`].
//!
//! ```no_run
//! use opcall::blocking::Harness;
//! let harness = Harness::from_env()?;
//! let found = harness.command("tokens_query", [("limit", 5)]).send()?;
//! let traced = harness
//!     .command("tokens_query", ())
//!     .with(|command| command.header("x-trace", "1"))
//!     .send()?;
//! # Ok::<(), opcall::Error>(())
//! ```

use std::future::Future;

use bytes::Bytes;
use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::auth::Forgotten;
use crate::error::{ConfigError, IoError, Result};
use crate::harness::{AccessToken, SignInPlan};
use crate::operation::Method;
use crate::pages::StopReason;
use crate::params::Params;
use crate::request::Request;
use crate::response::Response;

/// Calls operations by identifier and waits for the answer.
#[derive(Debug, Clone)]
pub struct Harness {
    inner: crate::Harness,
}

impl Harness {
    /// As [`crate::Harness::from_env`].
    ///
    /// # Errors
    /// As there.
    pub fn from_env() -> Result<Self> {
        crate::Harness::from_env().map(Self::from)
    }

    /// As [`crate::Harness::command`].
    pub fn command<'a>(&'a self, id: &'a str, params: impl Into<Params>) -> Command<'a> {
        Command { inner: self.inner.command(id, params) }
    }

    /// As [`crate::Harness::request`].
    pub fn request<'a>(
        &'a self,
        service: &'a str,
        method: Method,
        path: &'a str,
        params: impl Into<Params>,
    ) -> Command<'a> {
        Command { inner: self.inner.request(service, method, path, params) }
    }

    /// As [`crate::Harness::sign_in`].
    pub fn sign_in<'a>(&'a self, service: &'a str) -> SignIn<'a> {
        SignIn { inner: self.inner.sign_in(service) }
    }

    /// As [`crate::Harness::revoke`].
    ///
    /// # Errors
    /// As there.
    pub fn revoke(&self) -> Result<()> {
        wait(self.inner.revoke())
    }
}

impl From<crate::Harness> for Harness {
    fn from(inner: crate::Harness) -> Self {
        Self { inner }
    }
}

/// One call, not yet made.
#[derive(Debug)]
#[must_use = "a command does nothing until it is sent or prepared"]
pub struct Command<'a> {
    inner: crate::Command<'a>,
}

impl<'a> Command<'a> {
    /// Sets what [`crate::Command`] can set.
    pub fn with(self, set: impl FnOnce(crate::Command<'a>) -> crate::Command<'a>) -> Self {
        Self { inner: set(self.inner) }
    }

    /// As [`crate::Command::prepare`].
    ///
    /// # Errors
    /// As there.
    pub fn prepare(self) -> Result<Request> {
        self.inner.prepare()
    }

    /// Makes the call and waits for its answer.
    ///
    /// # Errors
    /// As [`crate::Command::send`]; [`crate::Error::Config`] inside an asynchronous runtime, whose thread must not
    /// be blocked.
    pub fn send(self) -> Result<Response> {
        wait(self.inner.send())
    }

    /// Makes the call and waits for the head of its answer; the body is taken as it comes, whatever its size.
    ///
    /// ```no_run
    /// # fn run(harness: &opcall::blocking::Harness) -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::io::Write as _;
    /// let answer = harness.command("GetSampleV3", [("ids", "abc")]).stream()?;
    /// let mut file = std::io::BufWriter::new(std::fs::File::create("sample.bin")?);
    /// for chunk in answer {
    ///     file.write_all(&chunk?)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`crate::Command::stream`]; [`crate::Error::Config`] inside an asynchronous runtime.
    pub fn stream(self) -> Result<ResponseStream> {
        Ok(ResponseStream { inner: wait(self.inner.stream())?, failed: false })
    }

    /// As [`crate::Command::pages`], one page after the other.
    pub fn pages(self) -> Pages<'a> {
        Pages { inner: self.inner.pages(), failed: false }
    }
}

/// How calls of a service sign in, as [`crate::SignIn`] tells it.
///
/// ```
/// use opcall::{Credentials, Harness, Profile, SignInMethod};
/// let profile = Profile::new().credentials(Credentials::new().client("id", "secret"));
/// let harness = Harness::builder().env(|_| None).profile("falcon", profile).build()?;
/// let harness = opcall::blocking::Harness::from(harness);
/// let plan = harness.sign_in("falcon").with(|sign_in| sign_in.server("eu-1")).plan()?;
/// assert_eq!(plan.method, SignInMethod::ClientCredentials);
/// assert_eq!(plan.base_url.as_deref(), Some("https://api.eu-1.crowdstrike.com"));
/// # Ok::<(), opcall::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing happens until it is asked"]
pub struct SignIn<'a> {
    inner: crate::SignIn<'a>,
}

impl<'a> SignIn<'a> {
    /// Sets what [`crate::SignIn`] can set.
    pub fn with(self, set: impl FnOnce(crate::SignIn<'a>) -> crate::SignIn<'a>) -> Self {
        Self { inner: set(self.inner) }
    }

    /// As [`crate::SignIn::plan`].
    ///
    /// # Errors
    /// As there.
    pub fn plan(&self) -> Result<SignInPlan> {
        self.inner.plan()
    }

    /// As [`crate::SignIn::renew`].
    ///
    /// # Errors
    /// As there; [`crate::Error::Config`] inside an asynchronous runtime.
    pub fn renew(&self) -> Result<AccessToken> {
        wait(self.inner.renew())
    }

    /// As [`crate::SignIn::token`].
    ///
    /// # Errors
    /// As there; [`crate::Error::Config`] inside an asynchronous runtime.
    pub fn token(&self) -> Result<AccessToken> {
        wait(self.inner.token())
    }

    /// As [`crate::SignIn::forget`].
    ///
    /// # Errors
    /// As there; [`crate::Error::Config`] inside an asynchronous runtime.
    pub fn forget(&self) -> Result<Forgotten> {
        wait(self.inner.forget())
    }
}

/// An answer with a 2xx status: an iterator over its body, piece by piece as it comes. An error is the last piece.
/// Dropping it closes the connection.
#[derive(Debug)]
pub struct ResponseStream {
    inner: crate::ResponseStream,
    failed: bool,
}

impl ResponseStream {
    /// What came before the body: the status, the header fields, the attempts.
    #[must_use]
    pub fn head(&self) -> &crate::ResponseStream {
        &self.inner
    }
}

impl Iterator for ResponseStream {
    type Item = Result<Bytes>;

    /// Waits for the next piece of the body after content decoding, as [`crate::ResponseStream::chunk`];
    /// [`crate::Error::Config`] inside an asynchronous runtime.
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let chunk = wait(self.inner.chunk()).transpose();
        self.failed = matches!(chunk, Some(Err(_)));
        chunk
    }
}

/// The pages of a list; an error is the last one.
#[derive(Debug)]
#[must_use = "pages are not asked for until `next` is called"]
pub struct Pages<'a> {
    inner: crate::Pages<'a>,
    failed: bool,
}

impl<'a> Pages<'a> {
    /// Sets what [`crate::Pages`] can set.
    pub fn with(self, set: impl FnOnce(crate::Pages<'a>) -> crate::Pages<'a>) -> Self {
        Self { inner: set(self.inner), ..self }
    }

    /// As [`crate::Pages::stop`].
    #[must_use]
    pub fn stop(&self) -> Option<StopReason> {
        self.inner.stop()
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<Response>;

    /// Asks for the next page and waits for it; [`crate::Error::Config`] inside an asynchronous runtime.
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let page = wait(async { Ok(self.inner.next().await) }).unwrap_or_else(|error| Some(Err(error)));
        self.failed = matches!(page, Some(Err(_)));
        page
    }
}

/// Runs a future on a runtime of one thread, which also tends the connections between calls.
fn wait<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    static RUNTIME: OnceCell<Runtime> = OnceCell::new();
    if Handle::try_current().is_ok() {
        return Err(ConfigError {
            problem: "a blocking call was made inside an asynchronous runtime".to_owned(),
            hint: Some("await the command of `opcall::Harness` there.".to_owned()),
        }
        .into());
    }
    let start = || Builder::new_multi_thread().worker_threads(1).thread_name("opcall").enable_all().build();
    let runtime = RUNTIME
        .get_or_try_init(start)
        .map_err(|source| IoError { action: "starting the runtime".to_owned(), source })?;
    runtime.block_on(future)
}
