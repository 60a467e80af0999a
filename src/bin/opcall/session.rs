//! What a command works with: the environment, the table, the runtime.

use std::future::Future;
use std::io::Write;

use opcall::{Harness, HarnessBuilder, OperationTable};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::{Common, Source, Target};
use crate::kept;
use crate::output::{Screen, counted};
use crate::report::Failure;

/// A variable of the environment; text that is not UTF-8 and empty text count as not set.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Says something on standard error that is no error.
pub(crate) fn note(text: &str) {
    tell(&[format!("note: {}", crate::output::escape(text))]);
}

/// Writes lines to standard error.
pub(crate) fn tell(lines: &[String]) {
    let mut text = lines.join("\n");
    text.push('\n');
    // Standard error may be closed; then there is nobody left to tell.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Writes the library's log to standard error, where `--log` asks for it.
///
/// # Errors
/// Where the filter is none.
pub(crate) fn log(common: &Common, screen: Screen) -> Result<(), Failure> {
    let Some(filter) = &common.log else { return Ok(()) };
    let targets: Targets = filter.parse().map_err(|error| Failure::usage(format!("--log: {error}"), None))?;
    let lines = tracing_subscriber::fmt::layer().with_ansi(screen.error_color).without_time();
    tracing_subscriber::registry().with(lines.with_writer(std::io::stderr)).with(targets).init();
    Ok(())
}

/// The operations that a command looks at: the built-in ones and those of the documents named.
///
/// # Errors
/// Where a document cannot be read.
pub(crate) fn table(source: &Source, common: &Common) -> Result<OperationTable, Failure> {
    let mut table = OperationTable::built_in();
    for path in &source.spec {
        let (read, warnings) = kept::document(path, source).read()?;
        let shadowed = table.add(read);
        if common.quiet {
            continue;
        }
        for service in shadowed {
            note(&format!("{} replaces the service {service} that was there before", path.display()));
        }
        if common.verbose > 0 {
            for warning in &warnings {
                note(&warning.to_string());
            }
        } else if !warnings.is_empty() {
            let count = counted(warnings.len(), "warning");
            note(&format!("{} has {count}; `opcall check` shows them all", path.display()));
        }
    }
    Ok(table)
}

/// A harness with the options of the command line.
pub(crate) fn builder(table: OperationTable, target: &Target) -> HarnessBuilder {
    let mut builder = Harness::builder().table(table);
    if let Some(each) = target.timeout {
        builder = builder.timeout(each);
    }
    if let Some(limit) = target.connect_timeout {
        builder = builder.connect_timeout(limit);
    }
    if let Some(limit) = target.max_time {
        builder = builder.max_time(limit);
    }
    if target.insecure_http {
        builder = builder.allow_http();
    }
    if target.sandbox {
        builder = builder.env(|_| None).no_proxy();
    }
    builder
}

/// Runs work to its end, or until a signal ends it.
///
/// # Errors
/// What the work fails with, and [`Failure::Signal`].
pub(crate) fn run<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::io("starting the runtime", error))?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = work => result,
            number = signal() => Err(Failure::Signal(number)),
        }
    });
    // A thread may still read standard input; nobody waits for it.
    runtime.shutdown_background();
    result
}

/// The number of the first signal that asks to end.
#[cfg(unix)]
async fn signal() -> u8 {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => 2,
        _ = terminate.recv() => 15,
    }
}

/// The number of the signal that asks to end.
#[cfg(not(unix))]
async fn signal() -> u8 {
    match tokio::signal::ctrl_c().await {
        Ok(()) => 2,
        Err(_) => std::future::pending().await,
    }
}
