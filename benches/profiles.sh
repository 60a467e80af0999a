#!/bin/sh
# Builds the program with several release profiles and measures each: size, build, start, reading a document, calls.
# benches/profiles.sh [DOCUMENT OPERATION], after `cargo build --release` in benches/. The programs stay in the folder
# that it names at the end.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/target}
measured="$target/release/opcall-benches measured"
out=$(mktemp -d)
export CARGO_TARGET_DIR="$out/target" CARGO_PROFILE_RELEASE_STRIP=symbols
# The middle one of nine, in microseconds of processor time.
middle() { for _ in 1 2 3 4 5 6 7 8 9; do $measured "$@" 2>&1 | tail -1; done | sort -n | sed -n 5p | cut -d' ' -f1; }
printf '| lto | codegen-units | panic | KB | build, s of processor | start, ms | read a document, ms |\n|---|---|---|---|---|---|---|\n'
for profile in "off 16 unwind" "thin 16 unwind" "thin 1 unwind" "thin 1 abort" "fat 1 unwind" "fat 1 abort"; do
    set -- $profile "$@"
    export CARGO_PROFILE_RELEASE_LTO=$1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=$2 CARGO_PROFILE_RELEASE_PANIC=$3
    lto=$1 units=$2 panic=$3
    shift 3
    rm -rf "$out/target"
    took=$( { command time -f '%U' cargo build -q --release --bin opcall --manifest-path "$here/../Cargo.toml"; } 2>&1 | tail -1)
    program="$out/opcall-$lto-$units-$panic"
    cp "$out/target/release/opcall" "$program"
    start=$(middle "$program" tokens_query limit=5 --dry-run)
    read=-
    [ $# -lt 2 ] || read=$(middle "$program" show "$2" --spec "$1" --no-cache)
    echo "| $lto | $units | $panic | $(($(stat -c %s "$program") / 1024)) | $took | $start us | $read us |"
done
rm -rf "$out/target"
echo "$out"
