//! Servers that nobody here wrote judge what is sent: `cargo test --test it servers::`. `.ci/servers` installs them
//! into the folder that `OPCALL_SERVERS` names, `target/servers` by default. A server that is not installed is
//! skipped with a message; where `OPCALL_SERVERS` is set, as in CI, that is a failure.

/// Chroma, whose `OpenAPI` 3.1 document comes from the server.
mod chroma;
/// httpbin, which answers with what it was sent.
mod httpbin;
/// oidc-provider, a strict authorization server.
mod oidc;
/// PowerDNS, whose Swagger 2.0 document comes from the server.
mod powerdns;
/// Prism, which holds every request against a document.
mod prism;
/// A server's process.
mod running;

use std::path::{Path, PathBuf};

/// A file of the folder with the installed servers; its place there is fixed.
fn installed(server: &str, file: &str) -> Option<PathBuf> {
    let named = std::env::var_os("OPCALL_SERVERS").map(PathBuf::from);
    let is_named = named.is_some();
    let folder = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers"));
    let path = folder.join(file);
    if path.exists() {
        return Some(path);
    }
    assert!(!is_named, "OPCALL_SERVERS: {} is not there", path.display());
    eprintln!("skipped: {server} is not installed; `bash .ci/servers` does it");
    None
}
