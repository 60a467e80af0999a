//! No secret is printed: one text stands in every secret of every kind, and all that the library and the program print
//! is searched for it, in every spelling, while it is printed: `Debug` and `Display` of every public type, errors and
//! their causes, logs at TRACE with those of the HTTP libraries, dry runs, `--curl`, `-vv`, panics, names of files.
//!
//! What a service answers is data, and is printed as it came: a body or a header in which it repeats a secret is not
//! looked at. The errors that the library makes of it are. A proxy that repeats its own password is not foreseen.

mod library;
mod program;
mod search;
mod servers;
mod types;
