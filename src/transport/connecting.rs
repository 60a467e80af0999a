//! Tells whether a request still waits for its connection when time runs out: then nothing of it was sent.
//!
//! The HTTP library does not say. But it polls the connection that it makes from within the request, on the same
//! thread and at every poll for as long as the request needs it: a request whose last poll polled its connection, and
//! found it pending, has sent nothing; one that took an idle connection instead stops doing so at once.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

thread_local! {
    /// Whether a connection was polled and found pending since this was last cleared.
    static CONNECTING: Cell<bool> = const { Cell::new(false) };
}

/// Marks connections while they are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marking;

/// A connector whose connections are marked while they are made.
#[derive(Debug, Clone)]
pub(super) struct Marked<S>(S);

impl<S> Layer<S> for Marking {
    type Service = Marked<S>;

    fn layer(&self, connector: S) -> Marked<S> {
        Marked(connector)
    }
}

impl<S, R> Service<R> for Marked<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, target: R) -> Self::Future {
        let mut connection = Box::pin(self.0.call(target));
        Box::pin(poll_fn(move |context| {
            let polled = connection.as_mut().poll(context);
            if polled.is_pending() {
                CONNECTING.set(true);
            }
            polled
        }))
    }
}

/// Does the work of a request; `unsent` is true while it waits for its connection.
pub(super) async fn watched<T>(request: impl Future<Output = T>, unsent: &AtomicBool) -> T {
    let mut request = pin!(request);
    poll_fn(|context| {
        CONNECTING.set(false);
        let polled = request.as_mut().poll(context);
        if polled.is_pending() {
            unsent.store(CONNECTING.get(), Ordering::Relaxed);
        }
        polled
    })
    .await
}
