//! API descriptions in YAML.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| opcall::fuzzing::spec_yaml(data));
