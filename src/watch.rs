//! Whether a call was sent, and how far it came, told while it is under way and after it was given up.

use tokio::sync::watch;

use crate::attempt::Attempt;

/// Tells of a call from outside whether it was sent: for whoever may give it up before its end, by dropping its future.
///
/// Its clones tell of the same call. One that watches several calls, the pages of a list say, tells whether any of them
/// was sent, and of the last one that was begun what else it tells. Requests for tokens do not count.
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
pub struct Watch(watch::Sender<Seen>);

/// What is seen of a call.
#[derive(Debug, Default)]
struct Seen {
    sent: bool,
    status: Option<u16>,
    idempotent: bool,
    before: Before,
    sign_in: Vec<Attempt>,
}

/// What became of the requests of a call before its last one.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// There were none, or none was carried out.
    #[default]
    Nothing,
    /// Nobody knows.
    InDoubt,
    /// One was carried out, and its answer redirected.
    Acted,
}

impl Watch {
    /// One that no call has been given to yet.
    #[must_use]
    pub fn new() -> Self {
        Self(watch::Sender::new(Seen::default()))
    }

    /// Whether at least a part of the call's request was sent, so that it may have been carried out.
    #[must_use]
    pub fn was_sent(&self) -> bool {
        self.0.borrow().sent
    }

    /// The status of the answer to the last request, from the moment that its head came; `None` before.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.borrow().status
    }

    /// Whether a repeat of the whole call is known to change nothing more, as [`crate::TransportError::idempotent`]
    /// tells; `false` before its first request is made.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        self.0.borrow().idempotent
    }

    /// Whether a request before a redirect was carried out, whatever the answer to the last one says.
    #[must_use]
    pub fn has_acted(&self) -> bool {
        self.0.borrow().before == Before::Acted
    }

    /// Whether an attempt before the last request may have been carried out, which is not known: its connection broke, or
    /// the server failed.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.0.borrow().before == Before::InDoubt
    }

    /// The requests that signing in has taken until the call's last request was made, as
    /// [`crate::Response::sign_in_attempts`] tells them in the end.
    #[must_use]
    pub fn sign_in_attempts(&self) -> Vec<Attempt> {
        self.0.borrow().sign_in.clone()
    }

    /// Ends when the first part of the call's request is sent; never where none is.
    pub async fn sent(&self) {
        // It ends with an error where there is no sender left, and this is one.
        let _ = self.0.subscribe().wait_for(|seen| seen.sent).await;
    }

    /// A call begins: that one before it was sent stays true, everything else was about that one.
    pub(crate) fn begin(&self) {
        self.0.send_if_modified(|seen| {
            *seen = Seen { sent: seen.sent, ..Seen::default() };
            false
        });
    }

    /// The request is made once more, after one that may have been carried out.
    pub(crate) fn doubt(&self) {
        self.0.send_if_modified(|seen| {
            if seen.before == Before::Nothing {
                seen.before = Before::InDoubt;
            }
            false
        });
    }

    /// A request is made, after one that acted or none, and after so many requests of signing in.
    pub(crate) fn made(&self, idempotent: bool, acted: bool, sign_in: &[Attempt]) {
        self.0.send_if_modified(|seen| {
            seen.status = None;
            seen.idempotent = idempotent;
            if acted {
                seen.before = Before::Acted;
            }
            seen.sign_in = sign_in.to_vec();
            false
        });
    }

    /// The request goes out.
    pub(crate) fn tell(&self) {
        self.0.send_if_modified(|seen| !std::mem::replace(&mut seen.sent, true));
    }

    /// The head of an answer came.
    pub(crate) fn answered(&self, status: u16) {
        self.0.send_if_modified(|seen| {
            seen.status = Some(status);
            false
        });
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_begins_tells_nothing_of_the_one_before() {
        let watch = Watch::new();
        watch.begin();
        watch.made(true, false, &[Attempt::default()]);
        watch.tell();
        watch.answered(200);
        watch.doubt();
        let told = |watch: &Watch| {
            (watch.status(), watch.is_idempotent(), watch.is_in_doubt(), watch.sign_in_attempts().len())
        };
        assert_eq!(told(&watch), (Some(200), true, true, 1));
        watch.begin();
        assert_eq!(told(&watch), (None, false, false, 0));
        assert!(watch.was_sent(), "one of the calls was");
        watch.made(false, true, &[]);
        assert!(watch.has_acted() && !watch.is_in_doubt());
    }
}
