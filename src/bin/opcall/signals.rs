//! SIGINT and SIGTERM: they end the program, whatever it waits for.
//!
//! A thread of its own waits for them, from the first work on that runs. It tells the work that runs, which clears away
//! what it began. Whoever does not listen, because it reads standard input or writes to a pipe that nobody empties, is
//! given a moment, and is then ended with the process.

use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use tokio::sync::watch;

/// So long the work may take to clear away what it began.
const GRACE: Duration = Duration::from_millis(500);

/// The number of the signal that asked to end; 0 before one came.
static ASKED: LazyLock<watch::Sender<u8>> = LazyLock::new(|| {
    let sender = watch::Sender::new(0);
    let told = sender.clone();
    thread::spawn(move || end_by_signal(&told));
    sender
});

/// Waits until a signal asks to end, and returns its number.
pub(crate) async fn asked() -> u8 {
    let mut told = ASKED.subscribe();
    match told.wait_for(|number| *number != 0).await {
        Ok(number) => *number,
        Err(_) => std::future::pending().await,
    }
}

fn end_by_signal(told: &watch::Sender<u8>) {
    // Without a runtime the system's own rules hold.
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let number = runtime.block_on(signal());
    if told.send(number).is_ok() {
        thread::sleep(GRACE);
    }
    std::process::exit(128 + i32::from(number));
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
