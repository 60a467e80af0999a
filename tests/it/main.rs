//! The integration tests: one binary, a module a room.
