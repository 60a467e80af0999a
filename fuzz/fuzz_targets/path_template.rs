//! Path templates and the values in them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| opcall::fuzzing::path_template(data));
