//! The integration tests: one binary, a module a room. What needs another program or a folder beside the
//! repository is skipped with a message where that is missing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test may panic")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

/// The token flow: tokens, their renewal, 401, regions, revocation.
mod auth;
/// Credentials of every kind: where they come from, where they go, where they must not go.
mod credentials;
/// The program as a process: what it prints and the code it ends with.
#[cfg(feature = "cli")]
mod cli;
/// Prism, a server nobody here wrote, judges what is sent.
mod prism;
/// Secrets in nothing that is shown: errors, `Debug`, dry runs, logs.
mod secrets;
/// The sandbox over real sockets.
#[cfg(feature = "sandbox")]
mod sandbox;
/// Real descriptions, read as the build and the program read them.
mod spec;
/// A scripted HTTP server on a real socket.
mod support;
/// The code itself: file lengths, opening words, vendor names.
mod tidy;
/// Requests and answers on real sockets, and every way they can break.
mod transport;
