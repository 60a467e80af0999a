#!/bin/sh
# How large the library makes a program of its own: one that reads documents, and one that has a built-in table alone.
# The first profile is that of benches/Cargo.toml, the second what is smallest without another flag of the compiler.
# Fails where the smallest program has more than 4 MB. `nm` tells what of its code is linked: STRIP=none.
set -eu
cd "$(dirname "$0")/.."
STRIP=${STRIP-symbols}
export CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_STRIP="$STRIP"
target=${CARGO_TARGET_DIR:-target}
echo '| lto, units, opt-level, panic | reads documents, KB | a built-in table, KB |'
echo '|---|---|---|'
for row in "thin 4 3 unwind" "fat 1 s abort"; do
    set -- $row
    export CARGO_PROFILE_RELEASE_LTO="$1" CARGO_PROFILE_RELEASE_CODEGEN_UNITS="$2" CARGO_PROFILE_RELEASE_OPT_LEVEL="$3"
    export CARGO_PROFILE_RELEASE_PANIC="$4"
    cargo build -q --release -p opcall-benches-library --features one
    reads=$(stat -c %s "$target/release/opcall-benches-library")
    built_in=$(stat -c %s "$target/release/opcall-benches-built-in")
    echo "| $row | $((reads / 1000)) | $((built_in / 1000)) |"
done
[ "$STRIP" != symbols ] || [ "$built_in" -le 4000000 ]
