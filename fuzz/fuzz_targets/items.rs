//! The items of a call as people type them.
#![no_main]
#![allow(dead_code, reason = "the program uses the rest")]

#[path = "../../src/bin/opcall/items/item.rs"]
mod item;

libfuzzer_sys::fuzz_target!(|data: &[u8]| item::fuzz(data));
