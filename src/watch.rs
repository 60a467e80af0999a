//! Whether a call was sent, told while it is under way and after it was given up.

use tokio::sync::watch;

/// Tells of a call from outside whether it was sent: for whoever may give it up before its end, by dropping its future.
///
/// Its clones tell of the same call. One that watches several calls, the pages of a list say, tells whether any of them
/// was sent. Requests for tokens do not count.
///
/// ```no_run
/// # async fn run(harness: &opcall::Harness) -> Result<(), opcall::Error> {
/// use std::time::Duration;
///
/// let watch = opcall::Watch::new();
/// let call = harness.command("tokens_create", [("label", "ci")]).watched_by(&watch).send();
/// match tokio::time::timeout(Duration::from_secs(5), call).await {
///     Ok(answer) => println!("{}", answer?.status()),
///     Err(_) if watch.was_sent() => println!("it may have been carried out"),
///     Err(_) => println!("nothing was sent"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Watch(watch::Sender<bool>);

impl Watch {
    /// One that no call has been given to yet.
    #[must_use]
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Whether at least a part of the call's request was sent, so that it may have been carried out.
    #[must_use]
    pub fn was_sent(&self) -> bool {
        *self.0.borrow()
    }

    /// Ends when the first part of the call's request is sent; never where none is.
    pub async fn sent(&self) {
        // It ends with an error where there is no sender left, and this is one.
        let _ = self.0.subscribe().wait_for(|sent| *sent).await;
    }

    /// The request goes out.
    pub(crate) fn tell(&self) {
        self.0.send_if_modified(|sent| !std::mem::replace(sent, true));
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self::new()
    }
}
