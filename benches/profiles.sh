#!/bin/sh
# Builds the program with several release profiles and measures each: size, build, start, reading a document.
# benches/profiles.sh [DOCUMENT OPERATION], after `cargo build --release` in benches/. ROWS chooses others: lto,
# codegen-units, panic, and opt-level, where `kept` is what Cargo.toml says of each crate. The programs stay in the
# folder that it names at the end.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
benches=${OPCALL_BENCHES:-$here/target/release/opcall-benches}
out=$(mktemp -d)
export CARGO_TARGET_DIR="$out/target"
rows=${ROWS:-"thin 4 unwind 3:thin 4 unwind kept:thin 4 abort kept:fat 1 unwind kept:fat 1 abort kept:fat 1 abort s"}
small=$(sed -n '/^\[profile.release.package\]/,/^$/s/^\([a-z_-]*\) = .*/\1/p' "$root/Cargo.toml")
# The middle one of 21 runs, in milliseconds of processor time.
middle() {
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21; do "$benches" measure "$@"; done |
        sed 's/.*"cpu":\([0-9.e-]*\).*/\1/' | sort -g | sed -n 11p | awk '{ printf "%.2f", $1 * 1000 }'
}
printf '| lto | codegen-units | panic | opt-level | KB | build, s of processor | start, ms | read a document, ms |\n|---|---|---|---|---|---|---|---|\n'
document=${1-} operation=${2-}
IFS=:
for row in $rows; do
    IFS=' '
    set -- $row
    export CARGO_PROFILE_RELEASE_LTO="$1" CARGO_PROFILE_RELEASE_CODEGEN_UNITS="$2" CARGO_PROFILE_RELEASE_PANIC="$3"
    lto=$1 units=$2 panic=$3 level=$4
    set --
    if [ "$level" != kept ]; then
        case $level in [0-9]) value=$level ;; *) value="\"$level\"" ;; esac
        set -- --config "profile.release.opt-level=$value"
        IFS='
'
        for crate in $small; do set -- "$@" --config "profile.release.package.$crate.opt-level=$value"; done
        IFS=' '
    fi
    rm -rf "$out/target"
    took=$( { command time -f '%U' cargo build -q --release --bin opcall --manifest-path "$root/Cargo.toml" "$@"; } 2>&1 | tail -1)
    program="$out/opcall-$lto-$units-$panic-$level"
    cp "$out/target/release/opcall" "$program"
    start=$(middle "$program" tokens_query limit=5 --dry-run)
    read=-
    [ -z "$operation" ] || read=$(middle "$program" show "$operation" --spec "$document" --no-cache)
    echo "| $lto | $units | $panic | $level | $(($(stat -c %s "$program") / 1024)) | $took | $start | $read |"
done
rm -rf "$out/target"
echo "$out"
