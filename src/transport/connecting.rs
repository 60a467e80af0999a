//! Bounds how long a connection may take, and tells whether a request still waits for its connection when time runs
//! out otherwise: then nothing of it was sent.
//!
//! The HTTP library does not say. But it polls the connection that it makes from within the request, on the same
//! thread and at every poll for as long as the request needs it: a request whose last poll polled its connection, and
//! found it pending, has sent nothing; one that took an idle connection instead stops doing so at once. On the same way
//! the connection learns how long the request lets it take.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tower_layer::Layer;
use tower_service::Service;

use super::failure::Cause;
use super::limits::{Span, TimedOut};
use crate::watch::Watch;

thread_local! {
    /// Whether a connection was polled and found pending since this was last cleared.
    static CONNECTING: Cell<bool> = const { Cell::new(false) };

    /// How long a connection may take that is begun now.
    static LIMIT: Cell<Duration> = const { Cell::new(Duration::MAX) };
}

/// Marks connections while they are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marking;

/// A connector whose connections are marked while they are made. The HTTP library clones it for each request, and
/// hardly any request makes a connection.
#[derive(Debug)]
pub(super) struct Marked<S>(Arc<S>);

impl<S> Clone for Marked<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> Layer<S> for Marking {
    type Service = Marked<S>;

    fn layer(&self, connector: S) -> Marked<S> {
        Marked(Arc::new(connector))
    }
}

impl<S, R> Service<R> for Marked<S>
where
    S: Service<R, Error = Cause> + Clone + Send + 'static,
    S::Future: Send + 'static,
    R: Send + 'static,
{
    type Response = S::Response;
    type Error = Cause;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, Cause>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Cause>> {
        // The connector itself is asked when it is used.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: R) -> Self::Future {
        let limit = LIMIT.get();
        let mut connector = S::clone(&self.0);
        let connection = async move {
            poll_fn(|context| connector.poll_ready(context)).await?;
            connector.call(target).await
        };
        let mut connection = Box::pin(async move {
            let late = |_| Cause::from(TimedOut { span: Span::Connecting, limit });
            tokio::time::timeout(limit, connection).await.map_err(late)?
        });
        Box::pin(poll_fn(move |context| {
            let polled = connection.as_mut().poll(context);
            if polled.is_pending() {
                CONNECTING.set(true);
            }
            polled
        }))
    }
}

/// Does the work of a request, whose connection may take so long; `unsent` is true while it waits for it, and `watch`
/// is told when it does not any more.
pub(super) async fn watched<T>(
    mut request: Pin<&mut impl Future<Output = T>>,
    limit: Duration,
    (unsent, watch): (&AtomicBool, Option<&Watch>),
) -> T {
    poll_fn(|context| {
        CONNECTING.set(false);
        let before = LIMIT.replace(limit);
        let polled = request.as_mut().poll(context);
        LIMIT.set(before);
        if polled.is_pending() {
            unsent.store(CONNECTING.get(), Ordering::Relaxed);
            if let Some(watch) = watch.filter(|_| !CONNECTING.get()) {
                watch.tell();
            }
        }
        polled
    })
    .await
}
