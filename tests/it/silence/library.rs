//! Calls of the library with secrets of every kind, and all that it prints about them.

use std::cell::Cell;
use std::error::Error as _;
use std::fmt;
use std::sync::Once;
use std::time::Duration;

use opcall::{Command, Credentials, Error, Harness, HarnessBuilder, OperationTable, Profile, RetryPolicy};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use super::search::{Printed, secret};
use super::servers::{DOCUMENT, OPERATIONS, said};
use crate::support::{Reply, Server, builder};

/// Everything in one place; which of it serves an operation is up to its scheme.
pub(super) fn credentials() -> Credentials {
    Credentials::new()
        .client("id", secret("client secret"))
        .scheme("bearer", secret("access"))
        .api_key(secret("key"))
        .basic("user", secret("password"))
        .scheme("whole", format!("GenieKey {}", secret("scheme")))
}

/// Prints a value as a program would to find out what it is.
pub(super) fn debug(printed: &Printed, value: &impl fmt::Debug) {
    printed.add(format!("{value:?}\n{value:#?}\n"));
}

/// An error as a program would show it, with all its causes.
pub(super) fn show(printed: &Printed, error: &Error) {
    printed.add(format!("{error}\n{:?}\n{:?}\n", error.hint(), error.attempts()));
    debug(printed, error);
    let mut source = error.source();
    while let Some(cause) = source {
        printed.add(format!("{cause}\n"));
        debug(printed, &cause);
        source = cause.source();
    }
}

async fn call(printed: &Printed, command: impl Fn() -> Command<'static>) {
    printed.add(format!("{:?}\n{:?}\n", command(), command().pages()));
    match command().prepare() {
        Ok(request) => {
            printed.add(format!("{request}\n{}\n", request.to_json()));
            debug(printed, &request);
        }
        Err(error) => show(printed, &error),
    }
    match command().send().await {
        Ok(response) => {
            debug(printed, &response);
            // What the answer itself holds is data; what it repeats of the call is not for an error.
            if response.text().contains("wrong: ") {
                let _ = response.json::<u8>().map_err(|error| show(printed, &error));
                let _ = response.items::<u8>().map_err(|error| show(printed, &error));
            }
        }
        Err(error) => show(printed, &error),
    }
}

/// An answer as a stream, and the pages of a list.
async fn call_otherwise(printed: &Printed, command: impl Fn() -> Command<'static>) {
    match command().stream().await {
        Ok(mut stream) => {
            debug(printed, &stream);
            while let Some(chunk) = stream.chunk().await.transpose() {
                let _ = chunk.map_err(|error| show(printed, &error));
            }
        }
        Err(error) => show(printed, &error),
    }
    let mut pages = command().pages().max_pages(2);
    while let Some(page) = pages.next().await {
        let _ = page.map(|page| debug(printed, &page)).map_err(|error| show(printed, &error));
        debug(printed, &pages);
    }
}

/// How much is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Each operation, by the credentials and by values of the caller's own in their places.
    All,
    /// One operation with a key, one with a token.
    Few,
}

pub(super) async fn call_all(printed: &Printed, builder: HarnessBuilder, extent: Extent) {
    debug(printed, &builder);
    let harness = match builder.build() {
        Ok(harness) => harness,
        Err(error) => return show(printed, &error),
    };
    // Commands borrow their harness; a test may keep one for good.
    let harness: &'static Harness = Box::leak(Box::new(harness));
    debug(printed, harness);
    if extent == Extent::Few {
        call(printed, || harness.command("by_query", ()).retry(1)).await;
        call(printed, || harness.command("by_client", ())).await;
        return;
    }
    for operation in OPERATIONS {
        call(printed, || harness.command(operation, ()).retry(1)).await;
    }
    let bearer = || format!("Bearer {}", secret("given"));
    call(printed, || harness.command("by_bearer", ()).header("authorization", bearer())).await;
    call(printed, || harness.command("by_header", ()).header("x-key", secret("given"))).await;
    call(printed, || harness.command("by_header", [("header.X-Key", secret("given"))])).await;
    call(printed, || harness.command("by_query", [("query.key", secret("given"))])).await;
    call(printed, || harness.command("by_cookie", [("cookie.key", secret("given"))])).await;
    call(printed, || harness.command("by_cookie", ()).header("cookie", format!("key={}", secret("given"))))
        .await;
    for operation in ["by_header", "by_query", "by_openid"] {
        call_otherwise(printed, || harness.command(operation, ())).await;
    }
    sign_in(printed, harness).await;
}

async fn sign_in(printed: &Printed, harness: &Harness) {
    let sign_in = harness.sign_in("silent").profile("client");
    printed.add(format!("{sign_in:?}\n{:?}\n", sign_in.plan()));
    match sign_in.token().await {
        Ok(token) => debug(printed, &token),
        Err(error) => show(printed, &error),
    }
    if let Err(error) = harness.revoke().await {
        show(printed, &error);
    }
}

/// A harness that knows a service at an address, and secrets for it. Calls are repeated where they say so.
pub(super) fn at(url: &str) -> HarnessBuilder {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), DOCUMENT.replace("SERVER", url)).unwrap();
    let (table, _) = OperationTable::read(file.path()).unwrap();
    let profile = Profile::new().credentials(credentials());
    let client = Profile::new().named("client");
    let client = client.credentials(Credentials::new().client("id", secret("client secret")));
    let moment = Duration::from_millis(1);
    let policy = RetryPolicy::never().base(moment).throttled_base(moment);
    builder()
        .table(table)
        .profile("silent", profile)
        .profile("silent", client)
        .timeout(Duration::from_secs(5))
        .retry(policy)
}

thread_local! {
    /// Whether what is logged here belongs to the calls that are counted.
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}

/// Hands what HTTP libraries log without `tracing` to the search, for the whole process: that of other tests, which
/// run at the same time, is searched too and counted apart.
struct Logs(Printed);

impl log::Log for Logs {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let text = format!("{} {}\n", record.target(), record.args());
        if WATCHED.get() { self.0.add(text) } else { self.0.add_aside(text) }
    }

    fn flush(&self) {}
}

/// Panics of the whole process go to the search, beside where they went before, and so do all logs of this thread.
pub(super) fn watch(printed: &Printed) -> tracing::subscriber::DefaultGuard {
    static ONCE: Once = Once::new();
    WATCHED.set(true);
    ONCE.call_once(|| {
        log::set_boxed_logger(Box::new(Logs(printed.clone()))).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
        let (before, printed) = (std::panic::take_hook(), printed.clone());
        std::panic::set_hook(Box::new(move |panic| {
            printed.add(format!("{panic}\n{panic:?}\n"));
            before(panic);
        }));
    });
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_writer(printed.clone())
        .finish();
    tracing::subscriber::set_default(subscriber)
}

/// A provider that fails, one that panics, and one that gives what is no credential.
pub(super) async fn call_with_providers(printed: &Printed, url: &str) {
    let failing = || async { Err::<Credentials, _>(std::io::Error::other("the vault is sealed")) };
    call_all(printed, at(url).credentials("silent", failing), Extent::All).await;
    let giving = || async { Ok::<_, std::io::Error>(credentials()) };
    call_all(printed, at(url).credentials("silent", giving), Extent::All).await;
    let unfit = || async {
        Ok::<_, std::io::Error>(credentials().access_token(secret("a\r\nb")).api_key(secret("\0")))
    };
    call_all(printed, at(url).credentials("silent", unfit), Extent::All).await;
    let panicking = || async {
        let held = credentials();
        assert!(format!("{held:?}").is_empty(), "the provider panics with {held:?} in hand");
        Ok::<_, std::io::Error>(held)
    };
    let harness = at(url).credentials("silent", panicking).build().unwrap();
    let local = tokio::task::LocalSet::new();
    let ended = local.run_until(async {
        tokio::task::spawn_local(async move { harness.command("by_bearer", ()).send().await.map(drop) }).await
    });
    let panic = ended.await.unwrap_err();
    printed.add(format!("{panic} {panic:?}"));
}

/// Gives one token and sends calls on; there it takes no token and gives no other, and repeats all that it was sent.
fn moving_on() -> Server {
    Server::start(|request, before| match request.target.as_str() {
        "/token" if before == 0 => Reply::token(&secret("fetched"), 1800),
        "/token" => Reply::json(400, &serde_json::json!({"message": said(request)}).to_string()),
        "/moved" => Reply::json(401, &serde_json::json!({"message": said(request)}).to_string()),
        _ => Reply::whole(303, &["location: /moved"], ""),
    })
}

/// A call that is carried out, and cannot go on to where its answer leads.
pub(super) async fn stuck() -> Error {
    let server = moving_on();
    let client = Profile::new().credentials(Credentials::new().client("id", secret("client secret")));
    let harness = at(&server.url()).profile("silent", client).follow_redirects(1).build().unwrap();
    let error = harness.command("by_client", ()).await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent()), ("unfinished", true));
    error
}
