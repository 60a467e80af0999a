//! API descriptions in JSON.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| opcall::fuzzing::spec_json(data));
