//! The pages of a list: follows them as the description says (`x-pagination`), or as a `Link` header says.
//!
//! [`policy`] decides what follows a page, without sending anything; this file asks for one page after the other, each
//! as a call of its own with all that a call has.

mod arguments;
mod items;
pub(crate) mod link;
mod pointer;
mod policy;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pub use self::items::Items;
pub(crate) use self::pointer::{at, is_array};
use self::policy::{Lost, Page, Policy, Step};
use crate::error::{ConfigError, Error, Result};
use crate::harness::Dispatch;
use crate::response::Response;
use futures_util::Stream;
use url::Url;

/// So many pages are asked for where nobody says otherwise.
const MAX_PAGES: u64 = 10_000;

/// The pages of a list, one answer after the other: a `Stream` of [`Response`]s, for which [`Pages::next`] needs no
/// extension trait.
///
/// How pages follow one another says the operation's `x-pagination`; without it, a `Link` header with `rel="next"`
/// (RFC 8288) in the answers to a reading call. How large a page is stays the caller's to say, with the operation's own
/// parameter. Each page is a call of its own, with its own attempts and times.
///
/// It ends with every service: what was asked for once is not asked for again, and there are at most 10,000 pages
/// ([`Pages::max_pages`]). [`Pages::stop`] says why it ended; only after [`StopReason::Complete`] all items have come.
///
/// The address of a next page is followed on the origin of the page that names it alone. On another one it is
/// [`Error::Unsafe`](crate::Error::Unsafe), and nothing is sent there. On the same origin it is taken as it is, path and
/// query, except for the credentials in its query: the call's own stand there.
///
/// ```
/// # #[cfg(feature = "sandbox")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), opcall::Error> {
/// # use opcall::sandbox::Sandbox;
/// use opcall::StopReason;
///
/// # let sandbox = Sandbox::start().await?;
/// # let harness = sandbox.harness()?;
/// let mut pages = harness.command("tokens_query", [("limit", 5)]).pages();
/// let mut found = 0;
/// while let Some(page) = pages.next().await {
///     found += page?.items::<String>()?.len();
/// }
/// assert_eq!((found, pages.stop()), (12, Some(StopReason::Complete)));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sandbox"))]
/// # fn main() {}
/// ```
#[must_use = "pages are not asked for until `next` is awaited"]
pub struct Pages<'a> {
    state: State<'a>,
    page_limit: u64,
    item_limit: Option<u64>,
    /// So many pages and items came.
    came: u64,
    items: u64,
    stop: Option<StopReason>,
}

/// Why there is no further page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The service says that this was the last page, or, of a list that is counted and has no total, its items ran out.
    Complete,
    /// No items came although the service promised more: its total was not reached, or a hundred pages in a row were
    /// empty and named a further one.
    EmptyPage,
    /// The service named a page that had been asked for, or sent the same items again.
    Repeated,
    /// The total shrank while the pages came, so that items may have been passed over.
    TotalShrank {
        /// The largest total that was told.
        from: u64,
        /// The one that was reached.
        to: u64,
    },
    /// So many pages came, and no more were wanted ([`Pages::max_pages`]).
    PageLimit(u64),
    /// At least so many items came, and no more were wanted ([`Pages::max_items`]).
    ItemLimit(u64),
    /// A page failed; the error was returned.
    Failed,
}

impl fmt::Display for StopReason {
    /// A clause for people, such as `the service says that this was the last page`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("the service says that this was the last page"),
            Self::EmptyPage => f.write_str("the service promised more items, and sent none"),
            Self::Repeated => f.write_str("the service leads back to a page that was there before"),
            Self::TotalShrank { from, to } => {
                write!(f, "the total shrank from {from} to {to}: items may have been passed over")
            }
            Self::PageLimit(1) => f.write_str("1 page came, and there are more"),
            Self::PageLimit(limit) => write!(f, "{limit} pages came, and there are more"),
            Self::ItemLimit(1) => f.write_str("1 item came, and there are more"),
            Self::ItemLimit(limit) => write!(f, "{limit} items came, and there are more"),
            Self::Failed => f.write_str("a page failed"),
        }
    }
}

/// One page under way; it hands back what the next one needs.
type Flight<'a> = Pin<Box<dyn Future<Output = (Following<'a>, Result<(Response, String)>)> + Send + 'a>>;

enum State<'a> {
    Ready(Box<Following<'a>>),
    Asking(Flight<'a>),
    /// The pages that came are handed out; then this.
    Failing(Error),
    Over,
}

/// A call, and how its pages follow one another.
struct Following<'a> {
    dispatch: Dispatch<'a>,
    policy: Policy,
}

impl<'a> Pages<'a> {
    /// The pages of a call that is found, or why it cannot be.
    pub(crate) fn of(dispatch: Result<Dispatch<'a>>) -> Self {
        let state = match dispatch.and_then(Following::new) {
            Ok(following) => State::Ready(Box::new(following)),
            Err(error) => State::Failing(error),
        };
        Self { state, page_limit: MAX_PAGES, item_limit: None, came: 0, items: 0, stop: None }
    }

    /// Asks for so many pages at most; 10,000 by default.
    pub fn max_pages(mut self, limit: u64) -> Self {
        self.page_limit = limit;
        self
    }

    /// Asks for no further page once so many items have come; the last page is returned whole. Without a limit by
    /// default.
    pub fn max_items(mut self, limit: u64) -> Self {
        self.item_limit = Some(limit);
        self
    }

    /// The next page; `None` after the last one, and after an error.
    ///
    /// A page that is under way when the future is dropped is not lost: the next call goes on waiting for it.
    ///
    /// # Errors
    /// As [`crate::Command::send`] for each page. [`Error::Unsafe`](crate::Error::Unsafe) where the next page is at
    /// another origin; [`Error::Decode`](crate::Error::Decode) where an answer does not say what the next page is;
    /// [`Error::Config`](crate::Error::Config), before anything is sent, where the description says too little.
    pub async fn next(&mut self) -> Option<Result<Response>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// The items of all pages, one by one, each read as `T`: `serde_json::Value`, a type of your own, or
    /// `Box<serde_json::value::RawValue>` for its text.
    pub fn items<T>(self) -> Items<'a, T> {
        Items::of(self)
    }

    /// Why there is no further page; `None` as long as there may be one.
    #[must_use]
    pub fn stop(&self) -> Option<StopReason> {
        self.stop
    }

    /// Takes a page that came, and decides what follows.
    fn arrived(&mut self, mut following: Following<'a>, response: &Response, url: &str) {
        self.came += 1;
        let result = response.result_text().unwrap_or_default();
        self.items = self.items.saturating_add(following.policy.count(result).unwrap_or(0));
        self.state = match following.turn(response, url, result) {
            Ok(None) => State::Ready(Box::new(following)),
            Ok(Some(reason)) => self.over(reason),
            Err(error) => State::Failing(error),
        };
        if matches!(self.state, State::Ready(_)) {
            self.respect_limits();
        }
    }

    fn respect_limits(&mut self) {
        if let Some(limit) = self.item_limit.filter(|limit| self.items >= *limit) {
            self.state = self.over(StopReason::ItemLimit(limit));
        } else if self.came >= self.page_limit {
            self.state = self.over(StopReason::PageLimit(self.page_limit));
        }
    }

    fn over(&mut self, reason: StopReason) -> State<'a> {
        self.stop = Some(reason);
        State::Over
    }
}

impl Stream for Pages<'_> {
    type Item = Result<Response>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.came == 0 && matches!(this.state, State::Ready(_)) {
            this.respect_limits();
        }
        if let State::Asking(flight) = &mut this.state {
            let (following, outcome) = ready!(flight.as_mut().poll(context));
            let outcome = outcome.map(|(response, url)| {
                this.arrived(following, &response, &url);
                response
            });
            if outcome.is_err() {
                this.state = this.over(StopReason::Failed);
            }
            return Poll::Ready(Some(outcome));
        }
        match std::mem::replace(&mut this.state, State::Over) {
            State::Ready(following) => {
                this.state = State::Asking(following.ask());
                self.poll_next(context)
            }
            State::Failing(error) => {
                this.state = this.over(StopReason::Failed);
                Poll::Ready(Some(Err(error)))
            }
            State::Asking(_) | State::Over => Poll::Ready(None),
        }
    }
}

impl fmt::Debug for Pages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("pages", &self.came)
            .field("items", &self.items)
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}

impl<'a> Following<'a> {
    fn new(mut dispatch: Dispatch<'a>) -> Result<Self> {
        let described = dispatch.operation().and_then(crate::Operation::pagination);
        let lacking = |what: &str| ConfigError {
            problem: format!("the `x-pagination` of {} lacks `{what}`", dispatch.label()),
            hint: Some("add it to the description, or lay an overlay over it.".to_owned()),
        };
        let mut policy = Policy::new(described).map_err(lacking)?;
        if !policy.is_described() && !dispatch.method().is_safe() {
            return Err(unsaid(dispatch.label()).into());
        }
        if let Some(argument) = policy.argument().map(str::to_owned) {
            let given = dispatch.with_arguments(|mut arguments| arguments.get(&argument));
            let started = given.map_or(Ok(()), |given| policy.start(&given));
            started.map_err(|problem| ConfigError {
                problem: format!("the pages of {} are counted, and `{argument}` {problem}", dispatch.label()),
                hint: Some("give it the number of items to skip.".to_owned()),
            })?;
        }
        Ok(Self { dispatch, policy })
    }

    fn ask(mut self: Box<Self>) -> Flight<'a> {
        Box::pin(async move {
            let outcome = self.dispatch.send_located().await;
            (*self, outcome)
        })
    }

    /// Turns to the next page, unless there is a reason to stop.
    fn turn(&mut self, response: &Response, url: &str, result: &str) -> Result<Option<StopReason>> {
        let url = Url::parse(url).map_err(|_| response.misshapen("its address is no URL", None))?;
        let step = self.policy.follow(&Page { url: &url, headers: response.headers(), result });
        match step.map_err(|lost| match lost {
            Lost::Unsafe(error) => response.conceal(error.into()),
            Lost::Answer(problem, source) => response.misshapen(problem, source),
        })? {
            Step::Stop(reason) => return Ok(Some(reason)),
            Step::Argument(name, value) => {
                self.dispatch.with_arguments(|mut arguments| arguments.set(&name, value));
            }
            Step::Address(address) => self.dispatch.page = Some(Box::new(address)),
        }
        Ok(None)
    }
}

/// A call that changes something is not repeated because of a header.
fn unsaid(operation: &str) -> ConfigError {
    ConfigError {
        problem: format!("{operation} does not say how its pages follow one another"),
        hint: Some("describe it with `x-pagination`, by an overlay if the document is not yours.".to_owned()),
    }
}

pub(crate) use self::arguments::Given;
