//! The integration tests: one binary, a module a room. What needs another program or a folder beside the
//! repository is skipped with a message where that is missing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test may panic")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

/// Security requirements as alternatives, chosen by what the environment holds.
#[cfg(feature = "cli")]
mod alternatives;
/// What a call tells of its attempts where its end is not the last one's own.
#[cfg(all(feature = "falcon", feature = "panther"))]
mod attempts;
/// The token flow: tokens, their renewal, 401, regions, revocation.
mod auth;
/// Bounds of time, size and place: servers that flood, stall and break, and calls that are given up.
mod bounds;
/// No secret in anything that the crate or the program prints.
#[cfg(all(feature = "cli", feature = "sandbox"))]
mod canaries;
/// Certificates of one service alone, remembered ones, and those for documents.
#[cfg(feature = "cli")]
mod certificates;
/// The program as a process: what it prints and the code it ends with.
#[cfg(feature = "cli")]
mod cli;
/// Documents of others: every operation is prepared, and the request read back into its arguments.
mod corpus;
/// Credentials of every kind: where they come from, where they go, where they must not go.
mod credentials;
/// HTTP digest authentication: challenges, their answers, nonces that are over.
mod digest;
/// Where an authorization server tells its token endpoint, and how a client signs in there.
mod discovery;
/// Calls that an earlier request may have carried out: what is said of them.
#[cfg(all(feature = "falcon", feature = "panther"))]
mod doubt;
/// Where tokens are asked for and given back: addresses in a document, and the user's word.
mod endpoints;
/// A pipe gets the bytes, a terminal every token of them and nothing that steers it.
#[cfg(all(feature = "cli", unix))]
mod exact_output;
/// Calls that fail at every point where one can, and how often each is repeated.
#[cfg(unix)]
mod faults;
/// Small descriptions, one a feature: what each becomes.
mod features;
/// Documents over the network: what is asked for, kept and refused.
mod fetch;
/// What a service asked its callers to wait for, forgotten with its tokens.
mod forgotten;
/// `docs/from-falconpy.md`: its shell lines and its Rust forms.
#[cfg(all(feature = "cli", feature = "sandbox", unix))]
mod from_falconpy;
/// Arguments for any operation, made from its schemas.
mod generate;
/// GraphQL operations, validated by another implementation.
#[cfg(feature = "logscale")]
mod graphql;
/// Documents made to do harm: read right, or refused at once.
mod hostile;
/// HTTP/2: many calls on one connection, and servers that leave.
#[cfg(feature = "cli")]
mod http2;
/// No text of a caller leaves its place in a request.
mod injection;
/// Thousands of servers that calls name: what is learned of one of them holds.
#[cfg(feature = "falcon")]
mod many_servers;
/// Credentials never leave their origin: redirects, links of pages, addresses.
mod origins;
/// Overlays and merge patches: what they repair, and who said what.
mod overlays;
/// Requests held back by a server's word to others, by limits that answers tell, by a limit of one's own.
#[cfg(feature = "panther")]
mod pacing;
/// Pages of lists: how they follow one another, and that they end with every service.
mod pages;
/// Proxies of every kind, on raw sockets: what they see, and every way they can refuse.
#[cfg(feature = "cli")]
mod proxy;
/// README: its commands, and what it shows of their output.
#[cfg(all(feature = "cli", feature = "sandbox", unix))]
mod readme;
/// Redirects on the wire: none unless asked for, then each as the standard says.
mod redirects;
/// What each service says when it refuses, as the program tells it.
#[cfg(all(feature = "cli", feature = "sandbox"))]
mod refusals;
/// Renewals beside other calls, and what a provider is asked.
#[cfg(feature = "falcon")]
mod renewals;
/// Every operation of the table, prepared without being sent.
mod request;
/// Connections: used again, closed meanwhile, made to names with several addresses or none.
#[cfg(feature = "cli")]
mod reuse;
/// The sandbox over real sockets.
#[cfg(feature = "sandbox")]
mod sandbox;
/// Secrets in nothing that is shown: errors, `Debug`, dry runs, logs.
mod secrets;
/// Which server a call goes to, and that its credentials go nowhere else.
mod server_choice;
/// Servers nobody here wrote judge what is sent.
#[cfg(all(feature = "cli", feature = "panther", unix))]
mod servers;
/// Signing in beside others: limits, failures and waits that are shared, and those that are not.
#[cfg(feature = "falcon")]
mod signing_in;
/// No secret is printed, by the library or the program.
#[cfg(all(feature = "cli", unix))]
mod silence;
/// The vendors' pages on token management: every example of them, against the sandbox.
#[cfg(feature = "sandbox")]
mod source_documents;
/// Real descriptions, read as the build and the program read them.
mod spec;
/// A thousand calls at once, counted at the sandbox.
#[cfg(feature = "sandbox")]
mod storm;
/// Values as bytes: every case of the specification, in every style and kind of body.
mod styles;
/// A scripted HTTP server on a real socket.
mod support;
/// The code itself: file lengths, opening words, vendor names.
mod tidy;
/// TLS and client certificates, with an authority of our own.
#[cfg(feature = "cli")]
mod tls;
/// Tokens kept in a folder: who gets them, and what becomes of files that are not as they were written.
mod token_cache;
/// A thousand callers of one token: expired, refused, or not to be had.
mod token_storm;
/// Requests and answers on real sockets, and every way they can break.
mod transport;
