//! The items of all pages, one by one.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use serde::de::DeserializeOwned;

use super::{Pages, StopReason};
use crate::error::Result;

/// The items of all pages, one by one: a `Stream`, for which [`Items::next`] needs no extension trait. Made by
/// [`Pages::items`].
///
/// ```
/// # #[cfg(feature = "sandbox")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), opcall::Error> {
/// # use opcall::sandbox::Sandbox;
/// # let sandbox = Sandbox::start().await?;
/// # let harness = sandbox.harness()?;
/// let mut ids = harness.command("tokens_query", [("limit", 5)]).pages().max_items(7).items::<String>();
/// let mut found = Vec::new();
/// while let Some(id) = ids.next().await {
///     found.push(id?);
/// }
/// assert_eq!(found.len(), 7);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sandbox"))]
/// # fn main() {}
/// ```
#[must_use = "items are not asked for until `next` is awaited"]
pub struct Items<'a, T> {
    pages: Pages<'a>,
    page: std::vec::IntoIter<T>,
    left: u64,
}

impl<'a, T> Items<'a, T> {
    pub(super) fn of(pages: Pages<'a>) -> Self {
        let left = pages.item_limit.unwrap_or(u64::MAX);
        Self { pages, page: Vec::new().into_iter(), left }
    }

    /// Why there is no further page; `None` as long as there may be one. With [`Pages::max_items`] no item beyond the
    /// limit is returned, also where the last page has more.
    #[must_use]
    pub fn stop(&self) -> Option<StopReason> {
        match self.pages.item_limit {
            Some(limit) if self.left == 0 && self.page.len() > 0 => Some(StopReason::ItemLimit(limit)),
            _ => self.pages.stop,
        }
    }
}

impl<T: DeserializeOwned + Unpin> Items<'_, T> {
    /// The next item; `None` after the last one, and after an error.
    ///
    /// # Errors
    /// As [`Pages::next`]; [`Error::Decode`](crate::Error::Decode) where a page has no list, or an item another shape.
    pub async fn next(&mut self) -> Option<Result<T>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl<T: DeserializeOwned + Unpin> Stream for Items<'_, T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if this.left == 0 {
                return Poll::Ready(None);
            }
            if let Some(item) = this.page.next() {
                this.left -= 1;
                return Poll::Ready(Some(Ok(item)));
            }
            let page = ready!(Pin::new(&mut this.pages).poll_next(context));
            let Some(page) = page else { return Poll::Ready(None) };
            match page.and_then(|page| page.items::<T>()) {
                Ok(items) => this.page = items.into_iter(),
                Err(error) => {
                    this.pages.state = this.pages.over(StopReason::Failed);
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

impl<T> fmt::Debug for Items<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").field("pages", &self.pages).field("left", &self.left).finish_non_exhaustive()
    }
}
