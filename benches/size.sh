#!/bin/sh
# What the program is made of: cargo-bloat by crate and by function, and the sections of the file.
# Needs `cargo install cargo-bloat`. What is given after it is given to cargo: benches/size.sh --no-default-features ...
set -eu
cd "$(dirname "$0")/.."
# Names are needed to tell whose code it is.
export CARGO_PROFILE_RELEASE_STRIP=none
cargo bloat --release --bin opcall --crates -n 40 "$@"
cargo bloat --release --bin opcall -n 40 "$@"
size -A "${CARGO_TARGET_DIR:-target}/release/opcall" | sort -k2 -n -r | head -12
