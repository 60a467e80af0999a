//! Digest challenges and their answers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| opcall::fuzzing::digest(data));
