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

use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{ConfigError, IoError, Result};
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

    /// As [`crate::Command::pages`], one page after the other.
    pub fn pages(self) -> Pages<'a> {
        Pages { inner: self.inner.pages(), failed: false }
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
