//! SIGINT, SIGTERM and SIGHUP: they end the program, whatever it waits for.
//!
//! A thread of its own waits for them. It tells the work that runs, which clears away what it began. Whoever does not
//! listen, because it reads standard input or writes to a pipe that nobody empties, is given a moment, and is then ended
//! with the process. Before that thread is there, the system's own rules end the process. A signal that whoever started
//! the program told it to ignore stays ignored.

use std::sync::{OnceLock, mpsc};
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
        let (begun, has_begun) = mpsc::channel::<()>();
        let wait = move || {
            let waiting = Waiting::begin();
            drop(begun);
            if let Ok(waiting) = waiting {
                end_by_signal(&told, waiting);
            }
        };
        // Where they cannot be waited for, the system's own rules hold: without a thread nothing is asked for.
        if thread::Builder::new().name("signals".to_owned()).spawn(wait).is_ok() {
            let _ = has_begun.recv();
        }
        sender
    })
}

/// The number of the signal that asked to end, where one has.
pub(crate) fn came() -> Option<u8> {
    ASKED.get().map(|told| *told.borrow()).filter(|number| *number != 0)
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
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

        let told = ignored();
        // Where nobody tells whether SIGHUP is ignored, the system's own rule stays.
        let is_wanted = |signal: &i32| told.map_or(*signal != SIGHUP, |ignored| !ignored.contains(*signal));
        let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(is_wanted);
        signal_hook::iterator::Signals::new(wanted).map(Self)
    }

    /// The number of the first one.
    fn next(mut self) -> Option<u8> {
        self.0.forever().next().and_then(|number| u8::try_from(number).ok())
    }
}

/// The signals that this process was told to ignore, as by `nohup`, or by a shell that starts it with `&`: it goes on
/// when they come. `None` where the system does not tell.
#[cfg(unix)]
fn ignored() -> Option<Ignored> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok().map(Ignored)
}

/// A bit for each signal, the lowest for the first.
#[cfg(unix)]
#[derive(Clone, Copy)]
struct Ignored(u64);

#[cfg(unix)]
impl Ignored {
    fn contains(self, signal: i32) -> bool {
        self.0 >> (signal - 1) & 1 == 1
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
