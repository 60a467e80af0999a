//! Idempotency keys: a service that has seen one before answers as it did then, and acts no second time.

use std::fmt::Write as _;
use std::io;

use crate::error::IoError;
use crate::request::{self, Request};

/// The key of a call whose request has a stand-in in its place.
pub(super) fn for_call(request: &Request) -> Result<Option<String>, IoError> {
    let has_stand_in = request.headers.iter().any(is_stand_in);
    has_stand_in.then(make).transpose()
}

/// Puts the key of a call in the place of the stand-in.
pub(super) fn put(key: Option<&str>, request: &mut Request) {
    let Some(key) = key else { return };
    if let Some((_, value)) = request.headers.iter_mut().find(|header| is_stand_in(header)) {
        key.clone_into(value);
    }
}

fn is_stand_in((name, value): &(String, String)) -> bool {
    name == request::KEY && value == request::KEY_STAND_IN
}

/// A key that nobody else has: a UUID of version 4 (RFC 9562 §5.4).
fn make() -> Result<String, IoError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| IoError {
        action: "making an idempotency key".to_owned(),
        source: io::Error::other(error.to_string()),
    })?;
    Ok(uuid(bytes))
}

fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.into_iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;

    #[test]
    fn a_key_is_a_uuid_of_version_4() {
        assert_eq!(uuid([0; 16]), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_ne!(make().unwrap(), make().unwrap());
    }
}
