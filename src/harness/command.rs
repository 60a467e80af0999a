//! One call, not yet made.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::ops::{Deref, DerefMut};
use std::pin::{Pin, pin};
use std::sync::LazyLock;
use std::time::Duration;

use super::Harness;
use super::call::Dispatch;
use crate::boxed::boxed;
use crate::error::{Error, Result};
use crate::operation::Method;
use crate::pages::Pages;
use crate::params::{Body, Params};
use crate::request::{CallOptions, Request};
use crate::response::{Response, ResponseStream};
use crate::transport::Limits;
use crate::watch::Watch;

/// One call, not yet made: await it, or take its future with [`Command::send`].
///
/// ```no_run
/// # async fn run(harness: &opcall::Harness) -> Result<(), opcall::Error> {
/// use std::time::Duration;
/// let found = harness
///     .command("tokens_query", [("limit", 5)])
///     .profile("child")
///     .timeout(Duration::from_secs(5))
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a command does nothing until it is awaited, sent or prepared"]
pub struct Command<'a> {
    pub(super) harness: Result<&'a Harness>,
    pub(super) endpoint: Endpoint<'a>,
    pub(super) params: Params,
    pub(super) wishes: Wishes,
}

/// What a call wants beside its arguments. Apart, for most calls want nothing, and a call is moved about.
#[derive(Default)]
pub(super) struct Wishes(Option<Box<Wanted>>);

/// What a call may want.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) options: CallOptions,
    pub(super) service: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) server: Option<String>,
    pub(super) server_variables: Vec<(String, String)>,
    pub(super) limits: Limits,
    pub(super) follow: Option<u32>,
    /// In place of the harness's number of repeats.
    pub(super) repeats: Option<u32>,
    /// Whether the caller says that a repeat changes nothing more.
    pub(super) idempotent: bool,
    /// An idempotency key.
    pub(super) key: Option<String>,
    /// Who is told when it is sent.
    pub(super) watch: Option<Watch>,
}

impl Wishes {
    /// Whether a call wants nothing.
    pub(super) fn are_none(&self) -> bool {
        self.0.is_none()
    }
}

impl Deref for Wishes {
    type Target = Wanted;

    fn deref(&self) -> &Wanted {
        static NOTHING: LazyLock<Wanted> = LazyLock::new(Wanted::default);
        self.0.as_deref().unwrap_or_else(|| &NOTHING)
    }
}

impl DerefMut for Wishes {
    fn deref_mut(&mut self) -> &mut Wanted {
        self.0.get_or_insert_default()
    }
}

/// What is called.
#[derive(Debug, Clone)]
pub(super) enum Endpoint<'a> {
    /// An operation of the table, by a name of it.
    Listed(&'a str),
    /// A path that no table knows.
    Unlisted {
        /// The service.
        service: &'a str,
        /// The method.
        method: Method,
        /// The path below the base URL.
        path: &'a str,
    },
}

impl<'a> Command<'a> {
    pub(super) fn new(harness: Result<&'a Harness>, endpoint: Endpoint<'a>, params: Params) -> Self {
        Self { harness, endpoint, params, wishes: Wishes::default() }
    }

    /// The whole body, in place of arguments for it.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.wishes.options.body = Some(body.into());
        self
    }

    /// A header field beside those of the operation; it wins over one of the same name, also over the one that would
    /// carry the credentials.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.wishes.options.headers.push((name.into(), value.into()));
        self
    }

    /// Leaves out a header field that would be sent by itself: the one that would carry the credentials, `accept` and
    /// `content-type`. Without an `accept` the HTTP library sends `*/*`, which means the same (RFC 9110 §12.5.1).
    pub fn without_header(mut self, name: impl Into<String>) -> Self {
        self.wishes.options.dropped_headers.push(name.into());
        self
    }

    /// The media type of the body, where the operation takes several.
    pub fn content_type(mut self, media_type: impl Into<String>) -> Self {
        self.wishes.options.content_type = Some(media_type.into());
        self
    }

    /// Lets arguments that the operation does not know go to the query.
    pub fn allow_unknown(mut self) -> Self {
        self.wishes.options.allow_unknown = true;
        self
    }

    /// Sends values that do not fit the document; routing stays, and what is wrong stands in `Request::warnings`.
    pub fn no_validate(mut self) -> Self {
        self.wishes.options.no_validate = true;
        self
    }

    /// Looks the operation up in one service only.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.wishes.service = Some(name.into());
        self
    }

    /// A server for this call alone: a base URL, or one of the document's servers, as [`crate::Profile::server`] takes
    /// it. The profile's credentials go there, tokens of other addresses do not.
    ///
    /// ```
    /// # #[cfg(feature = "falcon")]
    /// # {
    /// let harness = opcall::Harness::builder().env(|_| None).build()?;
    /// let url = |server: &str| {
    ///     let request = harness.command("tokens_query", ()).server(server).prepare();
    ///     request.map(|request| request.url().into_owned())
    /// };
    /// assert!(url("eu-1")?.starts_with("https://api.eu-1.crowdstrike.com/"));
    /// assert!(url("http://127.0.0.1:8080/gate")?.starts_with("http://127.0.0.1:8080/gate/"));
    /// assert_eq!(url("eu-2").unwrap_err().to_string(), "falcon has no server \"eu-2\"");
    /// # }
    /// # Ok::<(), opcall::Error>(())
    /// ```
    pub fn server(mut self, choice: impl Into<String>) -> Self {
        self.wishes.server = Some(choice.into());
        self
    }

    /// The value of a server variable for this call alone, as [`crate::Profile::server_variable`] takes it. The server
    /// that is called must have the variable.
    pub fn server_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.wishes.server_variables.push((name.into(), value.into()));
        self
    }

    /// One of the service's named profiles.
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.wishes.profile = Some(name.into());
        self
    }

    /// How long one attempt of this call may take, in place of [`crate::HarnessBuilder::timeout`].
    pub fn timeout(mut self, each: Duration) -> Self {
        self.wishes.limits.timeout = Some(each);
        self
    }

    /// How long connecting may take, in place of [`crate::HarnessBuilder::connect_timeout`].
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.wishes.limits.connect_timeout = Some(limit);
        self
    }

    /// How long the whole call may take, in place of [`crate::HarnessBuilder::max_time`]; also to the last byte of an
    /// answer that is streamed.
    pub fn max_time(mut self, limit: Duration) -> Self {
        self.wishes.limits.max_time = Some(limit);
        self
    }

    /// How long the body of a streamed answer may stand still, in place of [`crate::HarnessBuilder::idle_timeout`].
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.wishes.limits.idle_timeout = Some(limit);
        self
    }

    /// How large the body of the answer may be, in bytes after content decoding, in place of
    /// [`crate::HarnessBuilder::max_body`].
    pub fn max_body(mut self, bytes: u64) -> Self {
        self.wishes.limits.max_body = Some(bytes);
        self
    }

    /// Follows so many redirects of this call, in place of the harness's number
    /// ([`crate::HarnessBuilder::follow_redirects`]).
    pub fn follow_redirects(mut self, most: u32) -> Self {
        self.wishes.follow = Some(most);
        self
    }

    /// How often this call may be repeated after its first attempt: 0 to 10, in place of the harness's
    /// [`crate::RetryPolicy::repeats`]. More is an [`Error::Config`].
    pub fn retry(mut self, repeats: u32) -> Self {
        self.wishes.repeats = Some(repeats);
        self
    }

    /// Says that two requests have the effect of one, whatever the method and the document say: the call may be repeated
    /// although it may have been carried out.
    pub fn idempotent(mut self) -> Self {
        self.wishes.idempotent = true;
        self
    }

    /// The key by which the service knows a repeat, also one of another program at another time. It goes into the
    /// operation's own `Idempotency-Key` parameter; where it declares none, into a header of that name, and that the
    /// service heeds it is the caller's word: the call may be repeated as with [`Command::idempotent`].
    ///
    /// Without this, an operation that declares such a header gets a key that is made for the call, a UUID, the same for
    /// all its attempts.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.wishes.key = Some(key.into());
        self.wishes.idempotent = true;
        self
    }

    /// Lets a [`Watch`] tell whether the call was sent, while it is under way and after it was given up.
    pub fn watched_by(mut self, watch: &Watch) -> Self {
        self.wishes.watch = Some(watch.clone());
        self
    }

    /// Stops before anything is sent: the finished request without its credentials. Needs none, opens no socket.
    ///
    /// # Errors
    /// What a live call finds before it sends: [`Error::UnknownOperation`], [`Error::Ambiguous`],
    /// [`Error::Arguments`] with every problem, [`Error::Spec`], [`Error::Config`] (also for a time that is zero),
    /// [`Error::Io`] for a file that cannot be read.
    pub fn prepare(self) -> Result<Request> {
        Dispatch::of(self)?.prepare()
    }

    /// Goes as far as a live call goes before it sends: the request as the HTTP library takes it, signed in. For the
    /// benches of this crate.
    #[doc(hidden)]
    pub async fn made(self) -> Result<()> {
        let dispatch = Dispatch::of(self)?;
        pin!(dispatch.made()).await
    }

    /// Makes the call. It is what awaiting a command does, as a future, for `join_all` and `spawn`.
    ///
    /// # Errors
    /// Every [`Error`]; [`Error::was_sent`] tells whether the call may have been carried out.
    pub async fn send(self) -> Result<Response> {
        let mut dispatch = Dispatch::of(self)?;
        pin!(dispatch.send()).await
    }

    /// The pages of the list that this call is the first page of. Nothing happens until [`Pages::next`] is awaited,
    /// which also tells what is wrong with the call.
    pub fn pages(self) -> Pages<'a> {
        Pages::of(Dispatch::of(self))
    }

    /// Makes the call and returns once the head of its answer is there; the body is taken as it comes, whatever its
    /// size. An answer that refuses the call is read and is [`Error::Refused`], as ever; what stands in the body of a
    /// GraphQL answer is not looked at.
    ///
    /// The timeout of an attempt and that of the whole call end with the head. From then on nothing is repeated, and
    /// the body may stand still for [`crate::HarnessBuilder::idle_timeout`].
    ///
    /// ```no_run
    /// # async fn run(harness: &opcall::Harness) -> Result<(), opcall::Error> {
    /// # use std::io::Write as _;
    /// let mut answer = harness.command("GetSampleV3", [("ids", "abc")]).stream().await?;
    /// let mut file = std::io::BufWriter::new(std::fs::File::create("sample.bin").unwrap());
    /// while let Some(chunk) = answer.chunk().await? {
    ///     file.write_all(&chunk).unwrap();
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`Command::send`].
    pub async fn stream(self) -> Result<ResponseStream> {
        Dispatch::of(self)?.stream().await
    }
}

impl<'a> IntoFuture for Command<'a> {
    type Output = Result<Response>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Response>> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        let future = boxed!(self.send());
        Box::into_pin(future)
    }
}

impl fmt::Debug for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments: Vec<_> = self.params.iter().map(|(name, _)| name).collect();
        f.debug_struct("Command")
            .field("endpoint", &self.endpoint)
            .field("arguments", &arguments)
            .field("profile", &self.wishes.profile)
            .field("server", &self.wishes.server)
            .field("error", &self.harness.as_ref().err().map(Error::kind))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_their_futures_cross_threads() {
        fn crosses<T: Send>(_: &T) {}
        let command = || crate::command("tokens_query", Params::default());
        crosses(&command());
        crosses(&command().send());
        crosses(&command().stream());
        crosses(&command().into_future());
    }

    #[test]
    fn a_call_takes_little_room() {
        // It is moved about before it is awaited, and thousands are in flight at once: what is rare stands apart.
        let command = crate::command("tokens_query", Params::default());
        assert!(size_of_val(&command) <= 128, "{}", size_of_val(&command));
        let sent = command.send();
        assert!(size_of_val(&sent) <= 1900, "{}", size_of_val(&sent));
    }
}
