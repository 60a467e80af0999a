//! Bounds of time, size and place: servers that flood, stall and break, and calls that are given up.

#[cfg(all(feature = "cli", target_os = "linux"))]
mod bombs;
mod cancellation;
mod h2;
#[cfg(feature = "cli")]
mod saving;
mod stalls;
mod streams;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use opcall::{Credentials, HarnessBuilder, Profile, RetryPolicy};

use crate::support::builder;

/// A server on a real socket that does with each connection what it is told.
struct Raw {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
}

impl Raw {
    fn start(each: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stopped = Arc::new(AtomicBool::new(false));
        let (each, end) = (Arc::new(each), Arc::clone(&stopped));
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let each = Arc::clone(&each);
                thread::Builder::new().stack_size(256 * 1024).spawn(move || each(connection)).unwrap();
            }
        });
        Self { address, stopped }
    }

    /// A server that reads a request, writes these bytes, and then nothing for ever.
    fn stalling(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |mut connection| {
            read_head(&mut connection);
            if connection.write_all(&bytes).is_ok() {
                wait_for_the_end(&mut connection);
            }
        })
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then ends.
        let _ = TcpStream::connect(self.address);
    }
}

/// Reads the head of a request, and what of its body comes with it.
fn read_head(connection: &mut TcpStream) {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while !seen.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        match connection.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(count) => seen.extend_from_slice(&buffer[..count]),
        }
    }
}

/// Keeps a connection open until the other side closes it.
fn wait_for_the_end(connection: &mut TcpStream) {
    connection.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    let mut buffer = [0; 4096];
    while connection.read(&mut buffer).is_ok_and(|count| count > 0) {}
}

/// A harness that calls a server with a key, each call once.
fn harness(url: &str) -> HarnessBuilder {
    let profile = Profile::new().base_url(url).credentials(Credentials::new().api_key("k"));
    builder().profile("panther", profile).retry(RetryPolicy::never())
}
