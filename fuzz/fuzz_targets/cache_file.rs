//! Files of the caches: tokens and compiled documents.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| opcall::fuzzing::cache_file(data));
