//! No secret is printed: one text stands in every secret of every kind, and all that the library and the program print
//! is searched for it, in every spelling, while it is printed: `Debug` and `Display` of every public type, errors and
//! their causes, logs at TRACE with those of the HTTP libraries, dry runs, `--curl`, `-vv`, panics, names of files.
//! The private key of a client certificate is searched for beside it.
//!
//! What a service answers is data, and is printed as it came: a body or a header in which it repeats a secret is not
//! looked at. The errors that the library makes of it are. Answers of a proxy are held to the same.

mod answers;
mod descriptions;
mod keys;
mod library;
mod program;
mod proxies;
mod rounds;
mod search;
mod servers;
mod stage;
mod types;
mod values;
