//! The `Link` header.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| opcall::fuzzing::link(data));
