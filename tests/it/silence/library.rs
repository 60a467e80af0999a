//! Calls of the library with secrets of every kind, and all that it prints about them.

use std::error::Error as _;
use std::sync::Once;

use opcall::{Credentials, Error, Harness, HarnessBuilder, OperationTable, Profile, RetryPolicy};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use super::search::{Printed, secret};
use super::servers::{
    DOCUMENT, OPERATIONS, answering, asking_to_wait, breaking, moving_on, of_http2, repeating,
};
use crate::support::{builder, proof};

/// Everything in one place; which of it serves an operation is up to its scheme.
pub(super) fn credentials() -> Credentials {
    Credentials::new()
        .client("id", secret("client secret"))
        .access_token(secret("access"))
        .api_key(secret("key"))
        .basic("user", secret("password"))
        .scheme("whole", format!("GenieKey {}", secret("scheme")))
}

/// An error as a program would show it, with all its causes.
pub(super) fn show(printed: &Printed, error: &Error) {
    printed.add(format!("{error}\n{error:?}\n{error:#?}\n{:?}\n", error.hint()));
    let mut source = error.source();
    while let Some(cause) = source {
        printed.add(format!("{cause}\n{cause:?}\n{cause:#?}\n"));
        source = cause.source();
    }
}

async fn call(printed: &Printed, command: impl Fn() -> opcall::Command<'static>) {
    printed.add(format!("{:?}\n{:?}\n", command(), command().pages()));
    match command().prepare() {
        Ok(request) => printed.add(format!("{request}\n{request:?}\n{request:#?}\n{}\n", request.to_json())),
        Err(error) => show(printed, &error),
    }
    match command().send().await {
        Ok(response) => {
            printed.add(format!("{response:?}\n{response:#?}\n"));
            if let Err(error) = response.json::<u8>() {
                printed.add(format!("{}\n", error.kind()));
            }
        }
        Err(error) => show(printed, &error),
    }
}

/// Calls every operation by the credentials, and by values of the caller's own in their places.
async fn call_all(printed: &Printed, builder: HarnessBuilder) {
    printed.add(format!("{builder:?}\n{builder:#?}\n"));
    let harness = match builder.build() {
        Ok(harness) => harness,
        Err(error) => return show(printed, &error),
    };
    // Commands borrow their harness; a test may keep one for good.
    let harness: &'static Harness = Box::leak(Box::new(harness));
    printed.add(format!("{harness:?}\n{harness:#?}\n"));
    for operation in OPERATIONS {
        call(printed, || harness.command(operation, ())).await;
    }
    let bearer = || format!("Bearer {}", secret("given"));
    call(printed, || harness.command("by_bearer", ()).header("authorization", bearer())).await;
    call(printed, || harness.command("by_header", ()).header("x-key", secret("given"))).await;
    call(printed, || harness.command("by_header", [("header.X-Key", secret("given"))])).await;
    call(printed, || harness.command("by_query", [("query.key", secret("given"))])).await;
    call(printed, || harness.command("by_cookie", [("cookie.key", secret("given"))])).await;
    call(printed, || harness.command("by_cookie", ()).header("cookie", format!("key={}", secret("given"))))
        .await;
    let sign_in = harness.sign_in("silent");
    printed.add(format!("{sign_in:?}\n{:?}\n", sign_in.plan()));
    match sign_in.token().await {
        Ok(token) => printed.add(format!("{token:?}\n{token:#?}\n")),
        Err(error) => show(printed, &error),
    }
    if let Err(error) = harness.revoke().await {
        show(printed, &error);
    }
}

fn at(url: &str) -> HarnessBuilder {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), DOCUMENT.replace("SERVER", url)).unwrap();
    let (table, _) = OperationTable::read(file.path()).unwrap();
    let profile = Profile::new().credentials(credentials());
    let moment = std::time::Duration::from_millis(1);
    let policy = RetryPolicy::new().base(moment).throttled_base(moment);
    builder().table(table).profile("silent", profile).timeout(std::time::Duration::from_secs(5)).retry(policy)
}

/// Hands what HTTP libraries log without `tracing` to the search, for the whole process.
struct Logs(Printed);

impl log::Log for Logs {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.add(format!("{} {}\n", record.target(), record.args()));
    }

    fn flush(&self) {}
}

/// Panics of the whole process go to the search too, beside where they went before.
fn watch(printed: &Printed) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_boxed_logger(Box::new(Logs(printed.clone()))).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
        let (before, printed) = (std::panic::take_hook(), printed.clone());
        std::panic::set_hook(Box::new(move |panic| {
            printed.add(format!("{panic}\n{panic:?}\n"));
            before(panic);
        }));
    });
}

/// A provider that fails, one that panics, and one that gives what is no credential.
async fn call_with_providers(printed: &Printed, url: &str) {
    let failing = || async { Err::<Credentials, _>(std::io::Error::other("the vault is sealed")) };
    call_all(printed, at(url).credentials("silent", failing)).await;
    let giving = || async { Ok::<_, std::io::Error>(credentials()) };
    call_all(printed, at(url).credentials("silent", giving)).await;
    let unfit = || async {
        Ok::<_, std::io::Error>(credentials().access_token(secret("a\r\nb")).api_key(secret("\0")))
    };
    call_all(printed, at(url).credentials("silent", unfit)).await;
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

/// A call that is carried out, and cannot go on to where its answer leads.
async fn call_and_get_stuck(printed: &Printed) {
    let server = moving_on();
    let client = Profile::new().credentials(Credentials::new().client("id", secret("client secret")));
    let harness = at(&server.url()).profile("silent", client).follow_redirects(1).build().unwrap();
    let error = harness.command("by_client", ()).await.unwrap_err();
    assert_eq!((error.kind(), error.was_sent()), ("unfinished", true));
    show(printed, &error);
}

#[tokio::test]
async fn the_library_prints_no_secret() {
    let printed = Printed::with(&[]);
    watch(&printed);
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_writer(printed.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let good = answering();
    let (http2, pem) = of_http2().await;
    let mut servers = vec![breaking()];
    let statuses = [401, 403, 400, 429, 500];
    for status in statuses.into_iter().take(proof(1, 5)) {
        servers.push(repeating(status, false));
        servers.push(repeating(status, true));
    }
    servers.push(asking_to_wait());
    let least = u64::try_from(proof(300_000, 52_000_000)).unwrap();
    let mut rounds = 0;
    while rounds == 0 || printed.length() < least {
        call_all(&printed, at(&good.url())).await;
        for server in &servers {
            call_all(&printed, at(&server.url())).await;
        }
        rounds += 1;
        if rounds > 1 {
            continue;
        }
        call_and_get_stuck(&printed).await;
        call_all(&printed, at(&http2).root_certificates(&pem)).await;
        if proof(0, 1) == 0 {
            continue;
        }
        // Not trusted, no TLS at all, nobody there, nobody anywhere, not encrypted.
        call_all(&printed, at(&http2)).await;
        call_all(&printed, at(&good.url().replace("http:", "https:"))).await;
        call_all(&printed, at("http://127.0.0.1:9")).await;
        call_all(&printed, at("https://api.example.invalid")).await;
        call_all(&printed, at("http://api.example.invalid")).await;
        let with_password =
            |address: &str| format!("http://user:{}@{address}", "cAnary%2F%2B%3DzQ7w~x.proxy");
        let refusing = servers[2].url().replace("http://", "");
        for proxy in [with_password("127.0.0.1:9"), with_password(&refusing), with_password("")] {
            call_all(&printed, at("http://api.example.invalid").allow_http().proxy(&proxy)).await;
            call_all(&printed, at("https://api.example.invalid").proxy(&proxy)).await;
        }
        call_all(&printed, at(&good.url()).client_certificate(secret("chain"), secret("key"))).await;
        call_all(&printed, at(&good.url()).root_certificates(secret("roots"))).await;
        let spoiled = Profile::new().base_url(format!("https://user:{}@h.example", "cAnary%2F%2B%3DzQ7w~x"));
        call_all(&printed, at(&good.url()).profile("silent", spoiled)).await;
        call_with_providers(&printed, &good.url()).await;
    }
    let sent = good.received();
    let is_sent = |text: &str| sent.iter().any(|one| format!("{one:?}{}", one.text()).contains(text));
    for text in [
        "cAnary/+=zQ7w~x.key",
        "cAnary%2F%2B%3DzQ7w~x.key",
        "Bearer cAnary",
        "Basic dXNlcjpjQW5hcn",
        "GenieKey cAnary",
    ] {
        assert!(is_sent(text), "{text} was sent");
    }
    printed.assert_silent(least);
    let megabytes = printed.length() / 1_000_000;
    eprintln!("promise 9: library: {rounds} rounds, {megabytes} MB of printed text, 0 secrets");
}
