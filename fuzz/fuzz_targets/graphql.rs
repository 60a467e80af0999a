//! GraphQL documents with their schemas.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| opcall::fuzzing::graphql(data));
