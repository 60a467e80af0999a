//! SIGINT and SIGTERM: they end the program, whatever it waits for.
//!
//! A thread of its own waits for them, from before the first work on that runs. It tells the work that runs, which clears
//! away what it began. Whoever does not listen, because it reads standard input or writes to a pipe that nobody empties, is
//! given a moment, and is then ended with the process.

use std::sync::{LazyLock, mpsc};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;

/// So long the work may take to clear away what it began.
const GRACE: Duration = Duration::from_millis(500);

/// The number of the signal that asked to end; 0 before one came.
static ASKED: LazyLock<watch::Sender<u8>> = LazyLock::new(|| {
    let sender = watch::Sender::new(0);
    let told = sender.clone();
    let (ready, is_ready) = mpsc::channel();
    thread::spawn(move || end_by_signal(&told, ready));
    // Nothing comes where the system's own rules hold.
    let _ = is_ready.recv();
    sender
});

/// Begins to wait for signals, unless that has begun. It has before any other runtime runs: that one would take a signal
/// which comes between the first moment at which it counts and the moment at which somebody waits for it.
pub(crate) fn listen() {
    LazyLock::force(&ASKED);
}

/// Waits until a signal asks to end, and returns its number.
pub(crate) async fn asked() -> u8 {
    let mut told = ASKED.subscribe();
    match told.wait_for(|number| *number != 0).await {
        Ok(number) => *number,
        Err(_) => std::future::pending().await,
    }
}

fn end_by_signal(told: &watch::Sender<u8>, ready: mpsc::Sender<()>) {
    // Without a runtime the system's own rules hold.
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let Some(number) = runtime.block_on(signal(ready)) else { return };
    if told.send(number).is_ok() {
        thread::sleep(GRACE);
    }
    std::process::exit(128 + i32::from(number));
}

/// The number of the first signal that asks to end; `ready` is dropped when it is waited for.
#[cfg(unix)]
async fn signal(ready: mpsc::Sender<()>) -> Option<u8> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).ok()?;
    let mut terminate = signal(SignalKind::terminate()).ok()?;
    drop(ready);
    tokio::select! {
        _ = interrupt.recv() => Some(2),
        _ = terminate.recv() => Some(15),
    }
}

/// The number of the signal that asks to end.
#[cfg(not(unix))]
async fn signal(ready: mpsc::Sender<()>) -> Option<u8> {
    drop(ready);
    tokio::signal::ctrl_c().await.ok().map(|()| 2)
}
