//! The files in which fetched documents are kept: a line of JSON, then bytes. One file, so that both are of one time.

use std::io;
use std::path::Path;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::private_files;

/// Writes a head and the bytes that it tells of.
pub(super) fn write(path: &Path, head: &impl Serialize, bodies: &[&[u8]]) -> io::Result<()> {
    let mut line = serde_json::to_vec(head)?;
    line.push(b'\n');
    let parts: Vec<&[u8]> = [line.as_slice()].into_iter().chain(bodies.iter().copied()).collect();
    private_files::write(path, &parts)
}

/// Reads a head and all bytes after it; `None` where the file is none of ours.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<(T, Bytes)>> {
    let whole = Bytes::from(std::fs::read(path)?);
    let Some(end) = whole.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
    let head = serde_json::from_slice(&whole[..end]).ok();
    Ok(head.map(|head| (head, whole.slice(end + 1..))))
}

/// SHA-256 in lower-case hexadecimal digits.
pub(crate) fn sha256(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let digits = hash.finalize().into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}
