//! The integration tests: one binary, a module a room. What needs another program or a folder beside the
//! repository is skipped with a message where that is missing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test may panic")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

/// The sandbox over real sockets.
#[cfg(feature = "sandbox")]
mod sandbox;
/// Real descriptions, read as the build and the program read them.
mod spec;
/// The code itself: file lengths, opening words, vendor names.
mod tidy;
