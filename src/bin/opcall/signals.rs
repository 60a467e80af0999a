//! SIGINT and SIGTERM: they end the program, whatever it waits for.
//!
//! A thread of its own waits for them. It tells the work that runs, which clears away what it began. Whoever does not
//! listen, because it reads standard input or writes to a pipe that nobody empties, is given a moment, and is then ended
//! with the process. Before that thread is there, the system's own rules end the process.

use std::sync::OnceLock;
use std::time::Duration;
use std::{io, thread};

use tokio::sync::watch;

/// So long the work may take to clear away what it began.
const GRACE: Duration = Duration::from_millis(500);

/// So long work runs before the thread is made for it, unless [`listen`] has: what is done sooner does without, and saves
/// a twentieth of the processor time of a start.
const SHORT: Duration = Duration::from_millis(50);

/// The number of the signal that asked to end; 0 before one came.
static ASKED: OnceLock<watch::Sender<u8>> = OnceLock::new();

/// Begins to wait for signals, unless that has begun. Each that comes after it is heard.
pub(crate) fn listen() -> &'static watch::Sender<u8> {
    ASKED.get_or_init(|| {
        let sender = watch::Sender::new(0);
        let told = sender.clone();
        // Where they cannot be waited for, the system's own rules hold.
        if let Ok(waiting) = Waiting::begin() {
            thread::spawn(move || end_by_signal(&told, waiting));
        }
        sender
    })
}

/// Waits until a signal asks to end, and returns its number.
pub(crate) async fn asked() -> u8 {
    if ASKED.get().is_none() {
        tokio::time::sleep(SHORT).await;
    }
    let mut told = listen().subscribe();
    match told.wait_for(|number| *number != 0).await {
        Ok(number) => *number,
        Err(_) => std::future::pending().await,
    }
}

fn end_by_signal(told: &watch::Sender<u8>, waiting: Waiting) {
    let Some(number) = waiting.next() else { return };
    if told.send(number).is_ok() {
        thread::sleep(GRACE);
    }
    std::process::exit(128 + i32::from(number));
}

/// Signals that no longer end the process by themselves.
#[cfg(unix)]
struct Waiting(signal_hook::iterator::Signals);

#[cfg(unix)]
impl Waiting {
    fn begin() -> io::Result<Self> {
        use signal_hook::consts::{SIGINT, SIGTERM};

        signal_hook::iterator::Signals::new([SIGINT, SIGTERM]).map(Self)
    }

    /// The number of the first one.
    fn next(mut self) -> Option<u8> {
        self.0.forever().next().and_then(|number| u8::try_from(number).ok())
    }
}

/// What asks to end where there are no signals.
#[cfg(not(unix))]
struct Waiting(tokio::runtime::Runtime);

#[cfg(not(unix))]
impl Waiting {
    fn begin() -> io::Result<Self> {
        tokio::runtime::Builder::new_current_thread().enable_all().build().map(Self)
    }

    /// The number that SIGINT has elsewhere.
    fn next(self) -> Option<u8> {
        self.0.block_on(tokio::signal::ctrl_c()).ok().map(|()| 2)
    }
}
