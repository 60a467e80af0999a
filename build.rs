//! Compiles `specs/` into one operation table a service.
fn main() {}
